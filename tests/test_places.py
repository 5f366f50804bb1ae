"""Places, programmes, peers and a coordinator's year: the figures of a study, and the commands that make pages of docs/."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration import contact_hours, pages, peers, queue_theory, services
from calibration.contact_hours import CASELOADS, coordinator_year, literature, planned_hours
from calibration.peers import SHAPES
from results.costs import costs_path, load_costs
from scenarios import load_study
from scenarios.options import Parser
from scenarios.profiles import profile_names, read_profile
from simulation.barriers import has_known_barrier
from simulation.engine import at_month_zero, burn_in, new_world, parameter_values, run_replicate
from simulation.errors import InputError
from simulation.names import SERVICES
from simulation.parameters import default_values, find_parameter

ROOT = Path(__file__).resolve().parent.parent


# ---- places and the pool ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("families", [40, 200, 800, 4000])
def test_services_grow_and_shrink_with_the_pool_and_what_an_arm_sets_stands(families: int) -> None:
    usual = load_study("services").profile
    study = load_study("services", [f"pool.families={families}"])
    ratio = families / usual.families
    assert study.profile.families == families
    for name in SERVICES:
        service, here = usual.services[name], study.profile.services[name]
        assert here.places == max(round(service.places * ratio), 1)
        assert here.background_per_month == pytest.approx(service.background_per_month * ratio)
        assert here.length_months == service.length_months
    assert (
        study.arm("places").services["health"].places == load_study("services").arm("places").services["health"].places
    )


def test_a_pool_of_the_profiles_own_size_has_the_profiles_own_services() -> None:
    study = load_study("caseload-10-vs-20")
    assert study.profile.for_pool(study.profile.families) is study.profile


def test_a_service_without_places_has_none_in_any_pool() -> None:
    profile = load_study("caseload-10-vs-20").profile
    closed = replace(profile, services={**profile.services, "health": replace(profile.services["health"], places=0.0)})
    assert closed.for_pool(40).services["health"].places == 0.0


@pytest.mark.parametrize("name", [name for name in profile_names() if name == "oygarden"])
def test_every_service_of_the_profile_says_what_wait_its_places_aim_at(name: str) -> None:
    for _, service in read_profile(name).services:
        assert service.waiting_months is not None
        assert 0.0 < service.waiting_months.value < 12.0


def test_the_work_that_others_lose_is_stated_with_its_grade_and_costs_society() -> None:
    costs = load_costs(costs_path("2025"))
    none = replace(costs, displacement=0.0)
    totals = [next(i for i in c.items() if (i.payer, i.name) == ("society", "total")).weights for c in (costs, none)]
    worth = (1.0 + costs.contribution) * (1.0 - costs.lost_time)  # who loses the work gets the time back
    assert totals[0]["gross_wages"] - totals[1]["gross_wages"] == pytest.approx(costs.displacement * worth)


# ---- programmes ------------------------------------------------------------------------------------------------------


def test_the_programmes_share_staff_and_pool_and_differ_in_whom_they_take_and_for_how_long() -> None:
    study = load_study("programmes")
    ordinary, *programmes = study.arms
    assert ordinary.coordinators == 0
    assert {(plan.coordinators, plan.caseload) for plan in programmes} == {(2, 10)}
    assert [plan.follow_up for plan in programmes] == ["holf_model", "familiepluss", "nye_monstre"]
    assert [plan.criterion for plan in programmes] == ["holf", "holf", "lasting_low_income"]
    assert programmes[2].longest_months == 60


def test_nye_monstre_takes_in_families_in_low_income_for_three_years_and_keeps_them_five_at_most() -> None:
    plan = replace(load_study("programmes").arm("nye-monstre"), posterior="default", families=200, length_months=100.0)
    world = at_month_zero(plan, seed=1, replicate=0)
    admitted = 0
    for month in range(1, 40):
        before = world.families["admitted"].copy()
        burn_in(world, 1)
        new = (world.families["admitted"] == month) & (before != month)
        admitted += int(new.sum())
        for family in world.families[new]:
            assert (family["lasting_low_income"], family["income_known"]) == (1, 36)
            assert has_known_barrier(family)
            assert family["planned_months"] <= 60
    assert admitted >= plan.coordinators * plan.caseload


@pytest.mark.parametrize("where", ["study", "arm"])
def test_the_relaxed_rule_is_refused_where_social_assistance_is_not_asked_for(where: str) -> None:
    sets = {"study": ["study.relaxed=true"], "arm": ["arm.nye-monstre.relaxed=true"]}[where]
    with pytest.raises(InputError, match="months of social assistance") as error:
        load_study("programmes", sets)
    assert error.value.key == {"study": "study.relaxed", "arm": "arm.nye-monstre.relaxed"}[where]


def test_a_misspelt_criterion_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="lasting_low_income"):
        load_study("programmes", ["arm.nye-monstre.criterion=lasting_low_incom"])


def test_the_five_service_areas_of_familiepluss_hold_all_eight_services() -> None:
    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    section = text.split("## The five service areas of FamiliePluss")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 5
    assert {name for name in SERVICES if any(f"`{name}`" in row.split("|")[2] for row in rows)} == set(SERVICES)


# ---- peers -----------------------------------------------------------------------------------------------------------


def with_ties(shape: str, ratio: float) -> np.ndarray:
    plan = replace(load_study("caseload-10-vs-20").arm("ordinary"), posterior="default", families=100)
    plan = replace(plan, parameters={"peer_ratio": ratio})
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0))
    world.families["peer"] = SHAPES[shape](world.families["peer"].astype(np.int64))
    burn_in(world, 60)
    return world.families


def test_with_peers_off_no_tie_changes_any_family_and_with_peers_on_ties_do() -> None:
    off, on = ([with_ties(shape, ratio) for shape in SHAPES] for ratio in (peers.NOBODY, 1.4))
    for families in (*off, *on):
        families["peer"] = 0
    assert all(families.tobytes() == off[0].tobytes() for families in off)
    assert len({families.tobytes() for families in on}) == len(SHAPES)


def test_the_prior_of_peers_holds_no_effect_and_help_and_harm() -> None:
    prior = find_parameter("peer_ratio").prior
    assert prior is not None
    assert prior[1] < peers.NOBODY < prior[2]
    network = find_parameter("arena_network_recovery").prior
    assert network is not None
    assert network[1] == 0.0


@pytest.mark.parametrize(("rewired", "near"), [(0.0, 1.0), (1.0, 0.0), (0.1, 0.9)])
def test_as_many_ties_are_rewired_as_the_parameter_says(rewired: float, near: float) -> None:
    plan = replace(load_study("caseload-10-vs-20").arm("ordinary"), posterior="default", families=1000)
    plan = replace(plan, parameters={"peer_rewired": rewired})
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0))
    away = (world.families["peer"] - np.arange(1000)[:, None]) % 1000
    neighbours = np.isin(away, (1, 2, 998, 999)).mean()
    assert abs(neighbours - near - (1.0 - near) * 0.004) < 4.0 * np.sqrt(0.25 / 4000) + (0 if near else 0.01)


# ---- a coordinator's year --------------------------------------------------------------------------------------------


def test_a_coordinators_year_leaves_the_net_hours_of_the_parameter() -> None:
    year = coordinator_year()
    assert sum(line["hours"] for line in year[:3]) == 1695  # the usual Norwegian full-time year
    assert sum(line["hours"] for line in year) / 12 == pytest.approx(find_parameter("net_hours").default, abs=1.0)
    assert all(line["reason"] for line in year if line["grade"] == "D")


def test_half_the_families_is_more_than_twice_the_hours() -> None:
    hours = {n: float(planned_hours(n, [default_values()])[0]) for n in CASELOADS}
    assert hours[10] > 2.0 * hours[20] > 0.0
    assert list(hours.values()) == sorted(hours.values(), reverse=True)


def test_what_others_say_of_contact_stands_in_the_evidence() -> None:
    with (ROOT / "calibration" / "evidence" / "effects.csv").open(encoding="utf-8", newline="") as file:
        known = {row["id"] for row in csv.DictReader(file)}
    assert {row.source for row in literature()} <= known
    (start,) = (row for row in literature() if row.source == "design-fip-hours-start")
    assert start.low == start.high == pytest.approx(39.0)  # 9 hours a week


def test_ordinary_follow_up_may_gain_from_families_taken_over_but_does_not_by_default() -> None:
    plan = replace(load_study("caseload-10-vs-20").arm("caseload-20"), posterior="default", links=False)
    world = at_month_zero(plan, seed=1, replicate=0)
    burn_in(world, 12)
    assert world.town[0]["relief"] == 1.0
    helped = at_month_zero(replace(plan, links=True, parameters={"relief": 0.5}), seed=1, replicate=0)
    burn_in(helped, 12)
    followed = helped.coordinators["families"].sum()
    assert 0 < followed < 100
    # The month shared what was followed when it began: intake comes at its end.
    assert 1.0 < helped.town[0]["relief"] < 1.0 + 0.5 * 40 / 360 + 1e-12
    assert find_parameter("relief").default == find_parameter("relief").none == 0.0


# ---- pages -----------------------------------------------------------------------------------------------------------

SMALL = {
    "contact_hours": (contact_hours, ["--replicates", "2"]),
    "peers": (peers, ["--replicates", "2"]),
    "services": (services, ["--replicates", "4"]),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_command_writes_its_table_between_the_markers_and_its_figure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, options = SMALL[name]
    monkeypatch.setattr(module, "MONTHS", 6, raising=False)
    marker = name.replace("_", "-")
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- {marker}:begin -->\nold\n<!-- {marker}:end -->\nafter\n", encoding="utf-8")
    more = ["--write", str(page), "--pictures", str(tmp_path / "new" / "pictures")]
    assert pages.serve(name, module.describe, module.make, [*options, *more]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert f"python -m calibration.{name} " in text
    assert capsys.readouterr().out.strip() in text
    assert (tmp_path / "new" / "pictures" / f"{module.PICTURE}.svg").stat().st_size > 5000


@pytest.mark.parametrize("name", ["contact_hours", "peers", "services", "queue_theory"])
def test_a_page_without_markers_is_refused_before_the_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    module = {"queue_theory": queue_theory, **{key: value for key, (value, _) in SMALL.items()}}[name]

    def never(*_: object) -> tuple[str, object]:
        raise AssertionError("the page comes first")

    never.__doc__ = "A command."
    assert pages.serve(name, module.describe, never, ["--write", str(page)]) == 2  # type: ignore[arg-type]
    assert "lacks the markers" in capsys.readouterr().err
    parser = Parser(prog="x", description="")
    module.describe(parser)


def test_the_pages_were_made_by_the_commands_they_name() -> None:
    for page, marker in (
        ("services", "services"),
        ("services", "queue-theory"),
        ("coordinators", "contact-hours"),
        ("peers", "peers"),
    ):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        between = text.split(f"<!-- {marker}:begin -->")[1].split(f"<!-- {marker}:end -->")[0]
        assert f"`python -m calibration.{marker.replace('-', '_')} --write docs/{page}.md" in between


def test_a_run_ends_with_the_queues_that_cannot_be_stable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "tight.toml").write_text(
        '[study]\nname = "tight"\nprofile = "oygarden"\nhorizon_months = 36\nburn_in_months = 24\nreplicates = 4\nseed = 1\n'
        '[pool]\nfamilies = 60\n[[arm]]\nname = "ordinary"\n[arm.services.housing]\nplaces = 1\n'
        '[[arm]]\nname = "roomy"\n[arm.services.housing]\nplaces = 60\n',
        encoding="utf-8",
    )
    for lang, words in (("nb", "Boligkontor"), ("en", "Housing office")):
        assert run.main(["compare", "tight.toml", "--workers", "1", "--lang", lang, "--out", lang]) == 0
        told = capsys.readouterr().err
        assert f"  {words}: " in told
        assert "(ordinary)" in told.split(words)[1].splitlines()[0]
        with (tmp_path / lang / "services.csv").open(encoding="utf-8", newline="") as file:
            load = {
                (r["arm"], r["measure"]): float(r["mean"]) for r in csv.DictReader(file) if r["service"] == "housing"
            }
        assert load["ordinary", "offered_load"] > 1.0 > load["roomy", "offered_load"]
        assert (load["ordinary", "overloaded"], load["roomy", "overloaded"]) == (1.0, 0.0)


def test_a_quiet_run_says_nothing_of_queues(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import run

    few = ["--set", "pool.families=60", "--set", "study.horizon_months=6", "--set", "study.burn_in_months=24"]
    assert run.main(["compare", "--quiet", "--replicates", "2", *few, "--out", str(tmp_path / "quiet")]) == 0
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_run_may_be_made_with_either_priority() -> None:
    plan = replace(
        load_study("caseload-10-vs-20").arm("ordinary"), posterior="default", families=200, burn_in_months=24
    )
    needy = {name: replace(service, priority="need") for name, service in plan.profile.services.items()}
    lives = [
        run_replicate(arm, seed=1, replicate=0, months=24).families for arm in (plan, replace(plan, services=needy))
    ]
    assert lives[0].tobytes() != lives[1].tobytes()
