"""Unit costs: every number has its grounds, one's own take the place of ours, and what is wrong is said once."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

import run
from results.costs import FOLLOW_UP, PAID, costs_files, costs_of, costs_path, load_costs
from scenarios.comparison import _already_finished
from scenarios.study import Study, load_study
from simulation.compiled import SOURCE_HASH
from simulation.errors import InputError
from simulation.names import SERVICES

EVIDENCE = Path(__file__).resolve().parent.parent / "calibration" / "evidence"


def mine(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def wrong(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as error:
        load_costs(mine(folder, text))
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


# ---- ours ------------------------------------------------------------------------------------------------------------


def test_a_position_is_wage_pension_contribution_and_overhead_and_then_training() -> None:
    costs = load_costs(costs_path("2025"))
    assert costs.employment == pytest.approx(668_000 * 1.13 * 1.141 * 1.225)
    assert 1_030_000 < costs.employment < 1_080_000  # cost-position-2025
    assert costs.position == pytest.approx(costs.employment + 30_000)


@pytest.mark.parametrize("prices", ["2025", "2017"])
def test_every_unit_cost_has_a_source_that_exists_and_says_why(prices: str) -> None:
    entries = load_costs(costs_path(prices)).entries
    known = set(pd.concat([pd.read_csv(path) for path in EVIDENCE.glob("*.csv")])["id"].dropna())
    assert len(entries) == 5 + 5 + 5 + len(SERVICES)
    for entry in entries:
        assert entry.source in known, entry.name
        assert entry.unit
        assert entry.grade != "D" or entry.reason, entry.name


def test_in_prices_of_2017_kroner_are_fewer_and_shares_the_same() -> None:
    new, old = load_costs(costs_path("2025")), load_costs(costs_path("2017"))
    for name in ("employment", "training", "interpreter", "travel", "start_up"):
        assert getattr(old, name) == pytest.approx(0.7662 * getattr(new, name))
    for name in ("discount", "public_funds", "contribution", "displacement", "lost_time", "interpreted"):
        assert getattr(old, name) == getattr(new, name)
    assert old.services["health"][1] == pytest.approx(0.7662 * new.services["health"][1])


def test_kvp_fees_and_assistance_are_the_municipality_s_and_tax_and_contributions_the_state_s() -> None:
    items = load_costs(costs_path("2025")).items()
    account = {(item.payer, item.name): item.weights for item in items}
    for name in ("kvp", "introduction", "social_assistance"):
        assert account["municipality", name] == {name: 1.0}
        assert account["family", name] == {name: -1.0}
    for name in ("kindergarten_fee", "sfo_fee"):
        assert account["municipality", name] == {name: -1.0}  # a fee that falls away is lost
        assert account["family", name] == {name: 1.0}
    assert account["state", "tax"] == {"tax": -1.0}
    assert account["state", "employer_contribution"] == {"gross_wages": pytest.approx(-0.141)}
    assert {name for payer, name in account if payer == "municipality"} >= set(FOLLOW_UP)


def test_society_has_wages_and_contributions_less_displacement_less_lost_time() -> None:
    account = {(i.payer, i.name): i.weights for i in load_costs(costs_path("2025")).items()}
    done, displaced, time = (account["society", n]["gross_wages"] for n in ("work_done", "work_displaced", "lost_time"))
    assert done == pytest.approx(-1.141)
    assert displaced == pytest.approx(0.20 * 1.141)
    assert time == pytest.approx(0.35 * 0.80 * 1.141)
    assert account["society", "total"]["social_assistance"] == pytest.approx(0.20)  # a transfer costs its public funds
    assert account["society", "total"]["coordinator_positions"] == pytest.approx(
        1.2 * (668_000 * 1.13 * 1.141 * 1.225 + 30_000) / 12
    )


# ---- a municipality's own --------------------------------------------------------------------------------------------


def test_a_file_of_one_s_own_states_only_what_differs(tmp_path: Path) -> None:
    ours = load_costs(costs_path("2025"))
    text = 'extends = "2025.toml"\ninterpreter = 700\n[coordinator.wage]\nvalue = 700000\nsource = "payroll 2025"\ngrade = "A"\n'
    path = mine(tmp_path, text)
    costs = load_costs(path)
    assert costs.interpreter == 700
    assert costs.employment == pytest.approx(700_000 * 1.13 * 1.141 * 1.225)
    assert (costs.travel, costs.services) == (ours.travel, ours.services)
    entries = {entry.name: entry for entry in costs.entries}
    assert (entries["coordinator.wage"].source, entries["coordinator.wage"].grade) == ("payroll 2025", "A")
    assert entries["interpreter"].source == "own figure: mine.toml"
    assert entries["interpreter"].grade == "D"  # nobody said where it comes from
    assert entries["interpreter"].unit == "NOK an hour"
    assert costs_files(path) == (path, costs_path("2025"))


def test_own_kroner_over_those_of_2017_are_kroner_of_2017(tmp_path: Path) -> None:
    costs = load_costs(mine(tmp_path, 'extends = "2017.toml"\ntravel = 100\n'))
    assert costs.travel == 100
    assert costs.start_up == pytest.approx(0.7662 * 6000)
    assert costs.prices == "2017"


def test_a_service_s_payer_may_be_another(tmp_path: Path) -> None:
    costs = load_costs(mine(tmp_path, 'extends = "2025.toml"\n[service.health]\npayer = "municipality"\n'))
    assert costs.services["health"] == ("municipality", 2930)


def test_a_study_names_a_file_or_states_costs_itself_and_set_goes_last(tmp_path: Path) -> None:
    mine(tmp_path, 'extends = "2025.toml"\ninterpreter = 700\ntravel = 50\n')
    text = (
        'extends = "caseload-10-vs-20.toml"\n[study]\ncosts = "mine.toml"\n[costs]\ntravel = 60\nservice.work = 5000\n'
    )
    path = mine(tmp_path, text, "study.toml")
    study = load_study(path, ["costs.start_up=1000", "costs.coordinator.wage=600000"])
    assert (study.costs.interpreter, study.costs.travel, study.costs.start_up) == (700, 60, 1000)
    assert study.costs.services["work"] == ("municipality", 5000)
    assert study.costs.employment == pytest.approx(600_000 * 1.13 * 1.141 * 1.225)
    assert study.resolved()["costs"]["travel"] == 60
    assert [file.name for file in study.costs_files] == ["mine.toml", "2025.toml"]
    again = load_study(mine(tmp_path, study.to_toml(), "again.toml"))
    assert again.costs.employment == study.costs.employment
    assert again.costs.services == study.costs.services
    assert isinstance(again, Study)


# ---- wrong -----------------------------------------------------------------------------------------------------------


def test_every_wrong_cost_is_told_in_one_message(tmp_path: Path) -> None:
    base = 'extends = "2025.toml"\n'
    for text, said in (
        ("interpreter = -1", "interpreter.value: -1 is out of range"),
        ("interpreter = nan", "interpreter.value: nan is out of range"),
        ('interpreter = "dear"', "interpreter.value: 'dear' is text"),
        ("interpreter = true", "interpreter.value: true is a true-or-false value"),
        ("interpretor = 1", "interpretor: unknown key"),
        ("[coordinator]\npay = 1", "coordinator.pay: unknown key"),
        ("[coordinator.pension]\nvalue = 130", "coordinator.pension.value: 130 is out of range"),
        ("coordinator = 1", "coordinator: 1 is a whole number"),
        ("[service]\nhaelth = 1", "service.haelth"),
        ('[payer]\nkvp = "family"', "payer.kvp: 'family' is not known"),
        (
            '[travel]\nvalue = 10\nunit = "NOK a year"',
            "travel.unit: 'NOK a year' is another unit. Allowed: NOK a family-month",
        ),
        ('[travel]\nvalue = 10\nsource = "x"\ngrade = "D"', "travel.reason: is missing"),
        ('[travel]\nvalue = 10\nsource = "x"', "travel.grade: is missing"),
        ('[travel]\nvalue = 10\nsource = " "\ngrade = "A"', "travel.source: is empty"),
        ('[travel]\nvalue = 10\ngrade = "A"', "travel.source: is missing"),
        ("[price_factor]\nvalue = 0", "price_factor.value: 0 is out of range"),
        ('prices = "2024"', "prices: what is extended is in kroner of 2025"),
    ):
        assert said in wrong(tmp_path, base + text), text
    whole = costs_path("2025").read_text(encoding="utf-8")
    assert "service.play: unknown key" in wrong(tmp_path, whole.replace("[service.work]", "[service.play]"))
    assert "payer.aap: is missing" in wrong(tmp_path, whole.replace('aap = "state"\n', ""))
    assert "'none.toml' does not exist" in wrong(tmp_path, 'extends = "none.toml"')
    assert "1 is not a path" in wrong(tmp_path, "extends = 1")
    assert "'mine.toml' does not exist" in wrong(tmp_path, 'extends = "mine.toml"')  # nothing extends itself
    assert "is not TOML" in wrong(tmp_path, "travel = ")


def test_what_the_file_lacks_is_named(tmp_path: Path) -> None:
    whole = costs_path("2025").read_text(encoding="utf-8")
    cut = whole[: whole.index("[travel]")] + whole[whole.index("[start_up]") :]
    assert "travel: is missing" in wrong(tmp_path, cut)


def test_a_study_with_wrong_costs_says_where_they_stand(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"with --set: costs\.travel\.value: -5 is out of range"):
        load_study("caseload-10-vs-20", ["costs.travel=-5"])
    path = mine(tmp_path, 'extends = "caseload-10-vs-20.toml"\n[costs]\ntrvel = 5\n', "study.toml")
    with pytest.raises(InputError, match=r"study\.toml: costs\.trvel: unknown key"):
        load_study(path)
    with pytest.raises(InputError, match=r"none\.toml: does not exist"):
        load_study("caseload-10-vs-20", ["study.costs=none.toml"])
    with pytest.raises(InputError, match="kroner of 2025, the study in those of 2017"):
        load_study("caseload-10-vs-20", [f"study.costs={costs_path('2025')}", "study.prices=2017"])


def test_wrong_costs_end_the_command_with_2_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run.main(["compare", "--set", "costs.interpreter=-900"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert "costs.interpreter.value: -900 is out of range" in said
    assert not list(tmp_path.iterdir())


def test_a_finished_run_with_other_unit_costs_is_another_run(tmp_path: Path) -> None:
    study = load_study("caseload-10-vs-20")
    manifest = {
        **{key: [] for key in ("contrasts", "failures")},
        **{key: 1 for key in ("replicates", "seed", "horizon", "version")},
        "study_name": study.name,
        "arms": [plan.name for plan in study.arms],
        "study": study.resolved(),
        "source_hash": SOURCE_HASH,
        "unit_costs": [asdict(entry) for entry in study.costs.entries],
        "payers": study.costs.payer,
    }
    mine(tmp_path, json.dumps(manifest), "manifest.json")
    assert _already_finished(tmp_path, study, quiet=True) == 0
    elsewhere = [replace(entry, source="another text", reason="too") for entry in study.costs.entries]
    same = replace(study, costs=replace(study.costs, entries=tuple(elsewhere)))
    assert _already_finished(tmp_path, same, quiet=True) == 0
    for own in ({"travel": 151}, {"service": {"health": {"payer": "municipality"}}}, {"payer": {"kvp": "state"}}):
        other = replace(study, costs=load_costs(costs_path("2025"), own))
        with pytest.raises(InputError, match="had other inputs"):
            _already_finished(tmp_path, other, quiet=True)


def test_unit_costs_come_back_from_a_manifest_as_they_were(tmp_path: Path) -> None:
    path = mine(tmp_path, 'extends = "2017.toml"\n[service.health]\npayer = "municipality"\n[payer]\nkvp = "state"\n')
    costs = load_costs(path, {"travel": 151}, "study.toml")
    data = json.loads(json.dumps({"entries": [asdict(entry) for entry in costs.entries], "payers": costs.payer}))
    assert costs_of(data["entries"], data["payers"], "2017", tmp_path) == costs
    with pytest.raises(InputError, match=r"travel: is missing"):
        costs_of([e for e in data["entries"] if e["name"] != "travel"], data["payers"], "2017", tmp_path)
    with pytest.raises(InputError, match=r"no whole unit costs"):
        costs_of([{"value": 1}], data["payers"], "2017", tmp_path)
    with pytest.raises(InputError, match=r"payer: "):
        costs_of(data["entries"], 3, "2017", tmp_path)  # type: ignore[arg-type]


def test_an_own_figure_says_where_it_was_stated(tmp_path: Path) -> None:
    path = mine(tmp_path, 'extends = "caseload-10-vs-20.toml"\n[costs]\ntravel = 60\nstart_up = 1\n', "study.toml")
    for study in (load_study(path, ["costs.start_up=1000"]),) * 2:
        entries = {entry.name: entry for entry in study.with_settings(seed=4).costs.entries}
        assert entries["travel"].source == "own figure: study.toml [costs]"
        assert entries["start_up"].source == "own figure: --set"
    graded = load_study(path, ['costs.travel.source="ledger"', 'costs.travel.grade="A"']).costs
    entry = next(entry for entry in graded.entries if entry.name == "travel")
    assert (graded.travel, entry.source, entry.grade) == (60, "ledger", "A")


def test_a_unit_is_ours_and_a_value_bounded_whichever_way_it_comes_in(tmp_path: Path) -> None:
    whole = costs_path("2025").read_text(encoding="utf-8")
    assert "interpreter.unit: 'NOK a day' is another unit. Allowed: NOK an hour" in wrong(
        tmp_path, whole.replace('"NOK an hour"', '"NOK a day"')
    )
    assert "travel.unit: 'NOK a year' is another unit" in wrong(
        tmp_path, 'extends = "2025.toml"\n[travel]\nunit = "NOK a year"\n'
    )
    assert "travel.value: 2000000000 is out of range" in wrong(tmp_path, 'extends = "2025.toml"\ntravel = 2000000000\n')
    text = 'extends = "caseload-10-vs-20.toml"\n[costs]\ntravel = { value = 60, unit = "NOK" }\n'
    with pytest.raises(InputError, match=r"study\.toml: costs\.travel\.unit: 'NOK' is another unit"):
        load_study(mine(tmp_path, text, "study.toml"))
    with pytest.raises(InputError, match=r"with --set: costs\.travel\.unit: 'NOK' is another unit"):
        load_study("caseload-10-vs-20", ['costs.travel.unit="NOK"'])


def test_a_price_factor_leads_to_another_year_and_a_study_states_no_other(tmp_path: Path) -> None:
    factor = '[price_factor]\nvalue = 2\nunit = "ratio"\nsource = "x"\ngrade = "A"\n'
    assert "prices: is missing" in wrong(tmp_path, 'extends = "2025.toml"\n' + factor)
    assert "prices: '2025' is the year of what is extended" in wrong(
        tmp_path, 'extends = "2025.toml"\nprices = "2025"\n' + factor
    )
    assert load_study("caseload-10-vs-20", ['costs.prices="2025"']).costs.prices == "2025"
    with pytest.raises(InputError, match=r"with --set: costs\.prices: '2017' is not the year"):
        load_study("caseload-10-vs-20", ['costs.prices="2017"'])


def test_every_flow_of_money_has_a_payer() -> None:
    assert set(load_costs(costs_path("2025")).payer) == set(PAID)


def test_a_file_of_ones_own_may_be_called_as_the_one_it_extends(tmp_path):
    path = tmp_path / "2025.toml"
    path.write_text('extends = "2025.toml"\ntravel = 100\n', encoding="utf-8")
    assert load_costs(path).travel == 100
