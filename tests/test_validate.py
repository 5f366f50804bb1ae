"""The model beside published figures: a file from outside, what is predicted of each kind of target, the trial's other lives."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import run
from calibration.answers import describe, groups, known_names, without_groups
from calibration.design import Design, load_design
from calibration.estimates import MEASURED
from calibration.predictions import OF_NULLS, predict
from calibration.questions import kind_of
from calibration.rollout import COLUMNS, QUANTITIES, _followed, effects, rollout
from calibration.targets import Target
from calibration.trial import circumstances, simulate
from simulation.parameters import prior_values

DESIGN = """
[trial]
name = "small"
profile = "oygarden"
prices = "2017"
trials = 4
seed = 3
months = 8
survey_month = 6
income_month = 8
response = 0.7
follow_up_months = 8
pool = [60, 60]
burn_in_months = 24

[[arm]]
name = "a"
offices = 2
follow_up = "holf_model"
coordinators = 2
families = 5

[[arm]]
name = "b"
offices = 2
follow_up = "own_model"
coordinators = 1
families = 5
"""
SETTINGS = {
    "register": 'profile = "oygarden", prices = "2025", families = 40',
    "trial": 'design = "small.toml", profile = "oygarden"',
    "office": 'profile = "oygarden", families = 60, coordinators = 1, caseload = 4',
    "treatment": "families = 60",
    "caseload": "families = 60",
}
MONTHS = (0, 1, 12, 37, 96)
FIELDS = (
    "name", "value", "low", "high", "observed", "observed_low", "observed_high", "role", "unit",
)  # fmt: skip


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in a folder of its own, outside the project."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(DESIGN, encoding="utf-8")
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run.main(["validate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def entry(name: str, statistic: str, setting: str, answer: str = 'kind = "value"\nvalue = 0.5\nse = 0.1') -> str:
    return (
        f'[[target]]\nname = "{name}"\nstatistic = "{statistic}"\nsetting = {{ {setting} }}\n{answer}\n'
        'role = "validate"\nsource = "ours"\ngrade = "B"\n'
    )


# ---- a file from outside ---------------------------------------------------------------------------------------------


def drawn_from(listed: list[dict[str, Any]], seed: int = 4) -> Iterator[tuple[str, int]]:
    """Some statistics of every population and kind, with and without a group, each with a month."""
    chance = np.random.default_rng(seed)
    by: dict[str, list[dict[str, Any]]] = {}
    for named in listed:
        by.setdefault(named["name"].partition(".")[0], []).append(named)
    for first, some in by.items():
        count = 8 if first in ("pool", "selected", "eligible", "followed") else 3
        for i, place in enumerate(chance.choice(len(some), min(count, len(some)), replace=False)):
            named = some[place]
            group = f".{chance.choice(named['groups'])}" if named["groups"] and i % 2 else ""
            month = MONTHS[i % len(MONTHS)] if named["groups"] else 24
            yield f"{named['name']}{group}", month


def test_a_file_from_outside_is_answered_for_every_kind_of_statistic(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "--list", "--json")
    assert (code, err) == (0, "")
    asked = list(drawn_from(json.loads(out)))
    assert len(asked) >= 40
    assert {kind_of(statistic) for statistic, _ in asked} == set(SETTINGS)
    text = "".join(
        entry(f"t{i}", statistic, f"{SETTINGS[str(kind_of(statistic))]}, month = {month}")
        for i, (statistic, month) in enumerate(asked)
    )
    null = entry("null", "trial.employed_share.model_v_model", 'design = "small.toml"', 'kind = "not_significant"')
    Path("mine.toml").write_text(text + null, encoding="utf-8")
    code, out, err = answer(capsys, "mine.toml", "--json", "--replicates", "4", "--posterior", "prior")
    assert (code, err) == (0, "")
    records = json.loads(out)
    assert [record["name"] for record in records] == [*(f"t{i}" for i in range(len(asked))), "null"]
    for record in records:
        assert set(FIELDS) <= set(record)
        assert record["unit"] == describe(record["statistic"]).unit
        told = [record[name] for name in ("value", "low", "high")]
        assert all(isinstance(x, float) and math.isfinite(x) for x in told) == (record["worlds"] > 0), record
        if record["worlds"]:
            assert record["low"] <= record["value"] <= record["high"], record
    assert sum(record["worlds"] > 0 for record in records) > 0.6 * len(records), (
        "a rare flow in a small group has nobody"
    )
    assert (records[-1]["observed"], records[-1]["kind"]) == (None, "not_significant")
    assert 0.0 <= records[-1]["not_significant"] <= 1.0
    assert sorted(path.name for path in Path().iterdir()) == ["mine.toml", "small.toml"]


def test_the_same_seed_gives_the_same_answers_on_one_core_and_on_two(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text(entry("work", "pool.employed_share", SETTINGS["register"]), encoding="utf-8")
    told = {
        answer(
            capsys, "mine.toml", "--json", "--replicates", "30", "--posterior", "prior", "--seed", seed, "--workers", n
        )
        for seed, n in (("1", "1"), ("1", "2"), ("2", "1"))
    }
    assert len(told) == 2


def test_all_statistics_are_listed_with_unit_meaning_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "--list", "--json")
    listed = json.loads(out)
    assert (code, err) == (0, "")
    assert all(named["unit"] and named["meaning"] for named in listed)
    whole = {named["name"] for named in listed} | {
        f"{named['name']}.{group}" for named in listed for group in named["groups"]
    }
    assert whole == {named.name for named in known_names()}
    code, out, err = answer(capsys, "--list")
    assert (code, err) == (0, "")
    assert all(f"{named.name} " in out for named in without_groups())
    assert all(group in out for group in groups("pool.employed_share"))


def test_a_folder_gets_the_table_and_what_it_was_made_from(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text(entry("work", "pool.employed_share", SETTINGS["register"]), encoding="utf-8")
    arguments = ("mine.toml", "--replicates", "2", "--posterior", "prior", "--out", "found")
    code, out, _ = answer(capsys, *arguments)
    assert code == 0
    assert "work" in out
    assert {path.name for path in Path("found").iterdir()} >= {"validation.csv", "manifest.json"}
    assert json.loads(Path("found/manifest.json").read_text(encoding="utf-8"))["worlds"] == 2
    code, out, err = answer(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "--force" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nope.toml", ["there are no targets 'nope.toml'"]),
        ("hofl", ["there are no targets 'hofl'", "did you mean 'holf'"]),
        ("mine.toml --posterior nonsense", ["there is no posterior 'nonsense'", "prior", ".parquet"]),
        ("mine.toml --posterior absent.parquet", ["there is no posterior 'absent.parquet'"]),
        ("mine.toml --posterior old.parquet", ["another version of the parameters", "run.py calibrate"]),
        ("mine.toml --posterior mine.parquet", ["mine.parquet", "cannot be read"]),
        ("one-arm.toml", ["target.work.setting.design", "a design of two arms"]),
        ("mine.toml --replicates 1", ["--replicates"]),
        ("mine.toml --write absent.md", ["absent.md"]),
        ("mine.toml --out small.toml", ["--out", "is a file"]),
    ],
)
def test_wrong_input_is_one_message_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], arguments: str, words: list[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path("mine.toml").write_text(entry("work", "pool.employed_share", SETTINGS["register"]), encoding="utf-8")
    asked = entry("work", "trial.employed_share.model_v_model", 'design = "one.toml"')
    Path("one-arm.toml").write_text(asked, encoding="utf-8")
    Path("one.toml").write_text(DESIGN[: DESIGN.rindex("[[arm]]")], encoding="utf-8")
    Path("mine.parquet").write_text("no Parquet", encoding="utf-8")
    told = {b"familiebaner": json.dumps({"parameters_hash": "0" * 64}).encode()}
    pq.write_table(pa.table({"job_entry": [0.08]}).replace_schema_metadata(told), "old.parquet")
    before = sorted(Path().rglob("*"))
    code, out, err = answer(capsys, *arguments.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert sorted(Path().rglob("*")) == before


# ---- predictions -----------------------------------------------------------------------------------------------------


def target(statistic: str, **said: Any) -> Target:
    said = {"kind": "value", "value": 0.5, "se": 0.1} | said
    if said["kind"] != "value":
        said = {key: value for key, value in said.items() if key not in ("value", "se")}
    return Target.model_validate(
        {"name": "t", "statistic": statistic, "role": "validate", "source": "ours", "grade": "B"} | said
    )


def predicted(asked: Target, value: Any, se: Any = np.nan) -> Any:
    answers = np.column_stack([np.broadcast_to(x, np.shape(value)) for x in (value, se)])
    return predict(asked, answers.astype(float))


def test_what_would_be_published_is_as_wide_as_chance_and_the_figures_own_errors() -> None:
    chance = np.random.default_rng(2)
    worlds = 0.5 + 0.03 * chance.standard_normal(20_000)
    found = predicted(target("pool.employed_share", se=0.04, discrepancy=0.12), worlds)
    assert (found.high - found.low) / 2 == pytest.approx(1.645 * 0.13, rel=0.03)
    assert found.mean == pytest.approx(0.5, abs=0.002)
    assert math.isnan(found.not_significant)
    assert found.inside
    assert not predicted(target("pool.employed_share", value=0.8, se=0.04, discrepancy=0.12), worlds).inside


def test_a_count_is_as_uncertain_as_its_total_is_small() -> None:
    worlds = np.full(20_000, 0.5)
    few, many = (predicted(target("pool.employed_share", kind="count", k=n // 2, n=n), worlds) for n in (20, 2000))
    assert (many.high - many.low) == pytest.approx(2 * 1.645 * math.sqrt(0.25 / 2000), rel=0.05)
    assert (few.high - few.low) == pytest.approx(math.sqrt(100) * (many.high - many.low), rel=0.1)


def test_an_office_is_as_small_in_the_model_as_it_was_so_only_the_discrepancy_is_added() -> None:
    worlds = np.full(5_000, 0.5)
    alone = predicted(target("office.lower_payment_share", kind="count", k=11, n=22), worlds)
    assert (alone.low, alone.high) == (0.5, 0.5)
    wider = predicted(target("office.lower_payment_share", kind="count", k=11, n=22, discrepancy=0.1), worlds)
    assert (wider.high - wider.low) / 2 == pytest.approx(0.1645, rel=0.06)


def test_a_share_stays_a_share_and_a_difference_may_be_below_zero() -> None:
    low = np.full(2_000, 0.01)
    share = predicted(target("pool.employed_share", value=0.01), low)
    assert share.low == 0.0
    assert predicted(target("pool.employed_share", value=0.99), low + 0.98).high == 1.0
    for difference in (
        "trial.employed_share.coordinator_v_ordinary", "treatment.work_gain.treated", "caseload.employed_difference",
        "office.payment_change", "pool.earnings",
    ):  # fmt: skip
        assert predicted(target(difference, value=0.01, discrepancy=0.1), low).low < -0.1, difference


def test_on_the_logarithm_errors_are_factors_and_nothing_has_none() -> None:
    asked = target("caseload.entry_hazard_ratio", value=math.log(2.0), se=0.2, scale="log")
    worlds = np.full(20_000, 2.0)
    found = predicted(asked, worlds)
    assert (found.low, found.high) == pytest.approx((2 * math.exp(-0.329), 2 * math.exp(0.329)), rel=0.02)
    assert found.mean == pytest.approx(2.0)
    assert found.inside
    worlds[::2] = 0.0
    assert predicted(asked, worlds).mean == pytest.approx(2.0), "a hazard ratio of nothing has no logarithm"


def test_a_null_is_inside_where_trials_often_enough_report_none() -> None:
    asked = target("trial.employed_share.coordinator_v_ordinary", kind="not_significant")
    rare = np.r_[np.zeros(int(100 * OF_NULLS)), np.full(100 - int(100 * OF_NULLS), 3.0)]
    found = predicted(asked, rare, 1.0)
    assert (found.not_significant, found.inside) == (OF_NULLS, True)
    assert not predicted(asked, np.r_[rare, 3.0], 1.0).inside
    stated = target("trial.employed_share.coordinator_v_ordinary", kind="not_significant", half_width=1.96 * 2)
    assert predicted(stated, rare, 1.0).not_significant == 1.0, "the published precision goes before the simulated"


@pytest.mark.parametrize(
    ("side", "shares"), [("both", (0.0, 1.0, 0.0)), ("no_increase", (1.0, 1.0, 0.0)), ("no_decrease", (0.0, 1.0, 1.0))]
)
def test_a_null_of_one_side_says_nothing_of_the_other(side: str, shares: tuple[float, ...]) -> None:
    asked = target("trial.new_benefit_share.coordinator_v_ordinary", kind="not_significant", side=side)
    found = tuple(predicted(asked, np.full(10, z * 0.1), 0.1).not_significant for z in (-5.0, 0.0, 5.0))
    assert found == shares


def test_one_world_is_told_with_the_published_figures_own_error() -> None:
    found = predicted(target("pool.earnings", value=100.0, se=10.0), np.array([90.0, np.nan]))
    assert (found.mean, found.inside) == (90.0, True)
    assert (found.low, found.high) == pytest.approx((90 - 16.45, 90 + 16.45), rel=0.01)


def test_where_nobody_could_be_measured_nothing_is_predicted() -> None:
    found = predicted(target("pool.employed_share"), np.full(10, np.nan))
    assert not found.inside
    assert math.isnan(found.mean)


# ---- the trial's other lives -----------------------------------------------------------------------------------------


@pytest.fixture
def design() -> Design:
    return load_design("small.toml")


def test_the_other_lives_of_a_trial_start_from_the_same_families(design: Design) -> None:
    around, values = circumstances(design, 0), prior_values(3, 0)
    trial, none = (
        simulate(changed, 0, values, around) for changed in (design, _followed(design, [0] * design.offices))
    )
    who = np.bincount(none.office, minlength=design.offices)
    everybody = simulate(_followed(design, who.tolist()), 0, values, around)
    for other in (none, everybody):
        assert np.array_equal(trial.office, other.office)
        for name in ("generation", "wages", "children_under_18", "lone"):
            if name in (trial.rows.dtype.names or ()):
                assert np.array_equal(trial.rows[0][name], other.rows[0][name]), name
    assert 0 < trial.drawn.sum() < len(trial.drawn)
    assert not none.drawn.any()
    assert everybody.drawn.all()


def test_where_no_link_works_nothing_comes_of_following_some_or_all(design: Design) -> None:
    off = design.model_copy(update={"trial": design.trial.model_copy(update={"links": "off"})})
    found = effects(off, 0, prior_values(3, 0), circumstances(off, 0))
    assert found.shape == (len(MEASURED), len(QUANTITIES))
    assert (found[:, 1:] == 0.0).all()
    on = effects(design, 0, prior_values(3, 0), circumstances(design, 0))
    assert (on[:, 1:] != 0.0).any()
    assert np.isfinite(on).any(axis=0).all()


def test_a_roll_out_is_told_with_intervals_and_the_same_on_one_core_and_two(design: Design) -> None:
    table = rollout(design, "prior", 2, workers=1)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(MEASURED) * len(QUANTITIES)
    there = table["trials"] == 2
    assert there.mean() > 0.8
    assert (table[there]["ci_low"] <= table[there]["ci_high"]).all()
    assert table.equals(rollout(design, "prior", 2, workers=2))
    assert rollout(design, "prior", 1, workers=1)["ci_low"].isna().all(), "one trial has no interval"
