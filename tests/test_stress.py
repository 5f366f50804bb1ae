"""The shipped stress studies: each puts on its arms the stress that it names, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scenarios import load_study
from simulation.engine import at_month_zero, burn_in
from simulation.names import SERVICES
from simulation.plan import Plan

STAFFING = ("caseload-10", "caseload-20", "caseload-20-half-staff")
CALM = ("caseload-10", "caseload-20")
STUDIES = ("recession", "coordinator-leaves", "service-closed", "double-inflow")
SEED = 3


def small(plan: Plan) -> Plan:
    return replace(plan, families=100, burn_in_months=24, posterior="default")


def by_month(plan: Plan, months: int, read: Callable[[Any], Any]) -> list[Any]:
    """What is read of a municipality after months 1 to ``months``."""
    world = at_month_zero(small(plan), seed=SEED, replicate=0)
    found = []
    for _ in range(months):
        burn_in(world, 1)
        found.append(read(world))
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_a_stress_study_holds_every_staffing_under_stress_and_two_in_calm_beside(name: str) -> None:
    study, main = load_study(name), load_study("caseload-10-vs-20")
    assert [plan.name for plan in study.arms] == ["ordinary", *STAFFING, *(f"{arm}-calm" for arm in CALM)]
    for arm in CALM:  # calm is the main study: every lever as there
        assert replace(study.arm(f"{arm}-calm"), name=arm) == main.arm(arm)
    for arm in STAFFING:
        assert study.arm(arm) != main.arm(arm)
    pairs = {pair[1:] for pair in study.contrasts}
    assert {("caseload-10", "caseload-20"), ("caseload-10", "caseload-20-half-staff")} <= pairs
    assert {(arm, f"{arm}-calm") for arm in CALM} <= pairs
    assert study.file.name == f"{name}.toml"
    assert {plan.posterior for plan in study.arms} == {plan.posterior for plan in main.arms}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_that_stresses_the_place_stresses_ordinary_follow_up_as_well(name: str) -> None:
    study, main = load_study(name), load_study("caseload-10-vs-20")
    assert (study.arm("ordinary") == main.arm("ordinary")) == (name == "coordinator-leaves")


@pytest.mark.parametrize("arm", ["ordinary", *STAFFING])
def test_a_recession_halves_the_openings_in_its_months_and_no_other(arm: str) -> None:
    study = load_study("recession")
    found = by_month(study.arm(arm), 38, lambda world: float(world.town[0]["openings"]))
    calm = by_month(study.arm("caseload-10-calm"), 1, lambda world: float(world.town[0]["openings"]))[0]
    assert found == [calm] * 12 + [calm / 2.0] * 24 + [calm] * 2


@pytest.mark.parametrize("arm", STAFFING)
def test_one_coordinator_is_gone_in_month_6_and_her_families_have_lost_trust(arm: str) -> None:
    def read(world: Any) -> tuple[int, Any]:
        families = world.families
        return int(world.coordinators["present"].sum()), families["trust"][families["coordinator"] == 0].copy()

    study = load_study("coordinator-leaves")
    stressed = by_month(study.arm(arm), 6, read)
    calm = by_month(replace(study.arm(arm), coordinator_leaves_month=None), 6, read)
    for month in range(5):
        assert stressed[month][0] == calm[month][0]
        assert np.array_equal(stressed[month][1], calm[month][1])
    assert stressed[5][0] == calm[5][0] - 1
    assert stressed[5][1].mean() < calm[5][1].mean()


@pytest.mark.parametrize("arm", ["ordinary", *STAFFING])
def test_the_closed_service_takes_nobody_in_for_six_months_and_the_others_stay_open(arm: str) -> None:
    study = load_study("service-closed")
    found = by_month(study.arm(arm), 14, lambda world: world.services[["places", "starts"]].copy())
    work = SERVICES.index("work")
    for month, services in enumerate(found, start=1):
        closed = 7 <= month <= 12
        assert (services["places"][work] == 0.0) == closed
        assert (services["starts"][work] == 0) or not closed
        assert (np.delete(services["places"], work) > 0.0).all()
    assert found[12]["starts"][work] > 0  # who waited is let in when it opens


@pytest.mark.parametrize("arm", ["ordinary", "caseload-10"])
def test_twice_as_many_families_come_new_and_the_pool_is_as_large(arm: str) -> None:
    study = load_study("double-inflow")

    def newcomers(plan: Plan) -> int:
        world = at_month_zero(replace(small(plan), families=400), seed=SEED, replicate=0)
        before = world.families["generation"].sum()
        burn_in(world, 36)
        assert len(world.families) == 400
        return int(world.families["generation"].sum() - before)

    double, calm = newcomers(study.arm(arm)), newcomers(replace(study.arm(arm), inflow_factor=1.0))
    assert calm > 50
    # Families whose children have all grown up leave too, whatever the inflow: a little short of twice.
    assert 1.5 * calm < double < 2.2 * calm
