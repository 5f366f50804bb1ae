"""Where a part of the model is a Markov chain of its own, many families live by that chain's exact law.

Every bound is four standard errors, from the law itself; the seeds are fixed.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from scenarios import load_study
from simulation.engine import at_month_zero, burn_in, new_world, parameter_values
from simulation.municipality import World
from simulation.names import BARRIERS, FULL_TIME, NO_WORK, PERSON_BARRIERS, SERVICES
from simulation.parameters import find_parameter
from simulation.plan import Plan

SEED = 11
FAMILIES = 3000
MONTHS = 100

ALONE = {  # everything that would touch a chain from outside, at its value of no effect
    **{f"entry_hazard_ratio.{name}": 1.0 for name in BARRIERS},
    **{f"exit_hazard_ratio.{name}": 1.0 for name in ("health", "housing", "violence")},
    "frailty_sd": 0.0,
    "time_out_ratio": 1.0,
    "small_child_ratio": 1.0,
    "lock_in_ratio": 1.0,
    "course_ratio": 1.0,
    "work_focused_ratio": 1.0,
    "health_benefit_entry_ratio": 1.0,
    "disability_entry_ratio": 1.0,
    "aap_entry": 0.0,
    "transitional_entry": 0.0,
    "unemployment_claim": 0.0,
    "part_to_full": 0.0,
    "full_to_part": 0.0,
    "arena_income_ratio": 1.0,
    "arena_network_ratio": 1.0,
    "arena_network_recovery": 0.0,
    "exemption_ratio": 1.0,
    "children_service_ratio": 1.0,
    "peer_ratio": 1.0,
    "wrong_order_dropout_ratio": 1.0,
    **{f"treated_recovery.{name}": 0.0 for name in ("health", "digital", "housing", "care", "violence")},
}


def a_plan(parameters: dict[str, float], families: int = FAMILIES) -> Plan:
    plan = load_study("caseload-10-vs-20").arm("ordinary")
    shares = {**plan.profile.shares, "recent_refugee": 0.0, "special_needs": 0.0}
    profile = replace(plan.profile, shares=shares, openings_per_100_parents=1e6)
    return replace(
        plan,
        profile=profile,
        families=families,
        burn_in_months=24,
        founding_months=0,
        posterior="default",
        parameters=parameters,
    )


@functools.cache
def town() -> World:
    """A large pool that has lived for MONTHS after its burn-in, each part by itself."""
    world = at_month_zero(a_plan(ALONE), seed=SEED, replicate=0)
    burn_in(world, MONTHS)
    return world


def months_lived(world: World) -> np.ndarray:
    """How many months of phase 5 each family has lived: a newcomer lives the month in which it comes."""
    entered = world.families["entered"].astype(int)
    return int(world.town[0]["month"]) - entered + (entered > 0)


def within(rate: float) -> float:
    """The chance that a clock of this monthly rate rings within the month."""
    return 1.0 - math.exp(-rate)


def after(start: np.ndarray | float, on: float, off: float, steps: np.ndarray) -> np.ndarray:
    """Chance of being in the state after so many months of the chain that turns on and off with these chances."""
    stationary = on / (on + off)
    return stationary + (start - stationary) * (1.0 - on - off) ** steps


def z(found: np.ndarray, chance: np.ndarray | float) -> float:
    """Standard errors between how many are in the state and how many the law says."""
    chance = np.broadcast_to(chance, found.shape)
    return float((found.sum() - chance.sum()) / math.sqrt((chance * (1.0 - chance)).sum()))


def default(name: str) -> float:
    return find_parameter(name).default


# --- barriers -----------------------------------------------------------------------------------------------------


def of_barrier(world: World, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(present, prone) of families, or of first parents."""
    b = BARRIERS.index(name)
    if b < PERSON_BARRIERS:
        parent = world.families["parent"][:, 0]
        return parent["barrier"][:, b], parent["prone"][:, b] == 1
    return world.families["barrier"][:, b - PERSON_BARRIERS], world.families["prone"][:, b - PERSON_BARRIERS] == 1


@pytest.mark.parametrize("name", ["health", "digital", "housing", "network", "care", "violence"])
@pytest.mark.parametrize("prone", [True, False], ids=["prone", "others"])
def test_without_help_a_barrier_is_there_in_the_stated_share_of_time(name: str, prone: bool) -> None:
    world = town()
    present, is_prone = of_barrier(world, name)
    group = is_prone == prone
    share = default("presence_prone" if prone else "presence_resilient")
    recovery = default(f"recovery.{name}")
    on, off = within(recovery * share / (1.0 - share)), within(recovery)
    assert group.sum() > 300
    assert abs(z(present[group], after(share, on, off, months_lived(world)[group]))) < 4.0
    # In steps of a month the stationary share is not exactly the stated one; the law says by how much.
    assert abs(on / (on + off) - share) < 0.006


@pytest.mark.parametrize("name", BARRIERS)
def test_newcomers_have_the_barriers_of_the_profile(name: str) -> None:
    plan = a_plan({})
    world = new_world(plan, SEED, 0, parameter_values(plan, SEED, 0))
    present, _ = of_barrier(world, name)
    assert abs(z(present, plan.profile.barriers[name])) < 4.0


# --- work ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("months", [0, 6, 40])
def test_work_is_the_two_state_chain_of_getting_and_losing_it(months: int) -> None:
    plan = a_plan({**ALONE, "move_out": 0.0})
    world = new_world(plan, SEED, 0, parameter_values(plan, SEED, 0))
    burn_in(world, months)
    working = world.families["parent"]["work"][:, 0] != NO_WORK
    on, off = within(default("job_entry")), within(default("job_exit"))
    assert abs(z(working, after(default("work_at_entry"), on, off, months_lived(world)))) < 4.0


def test_in_the_long_run_the_share_in_work_is_entries_over_entries_and_exits() -> None:
    world = town()
    settled = months_lived(world) > 100  # long enough that the start is forgotten
    on, off = within(default("job_entry")), within(default("job_exit"))
    assert (1.0 - on - off) ** 100 < 0.001
    assert settled.sum() > 300
    assert abs(z(world.families["parent"]["work"][settled, 0] != NO_WORK, on / (on + off))) < 4.0


def test_the_share_of_full_time_among_the_employed_is_that_of_new_jobs() -> None:
    work = town().families["parent"]["work"][:, 0]
    employed = work[work != NO_WORK]
    assert abs(z(employed == FULL_TIME, default("job_full_share"))) < 4.0


def test_hours_move_between_part_and_full_time_by_their_own_chain() -> None:
    """With jobs for life, full time is what part_to_full and full_to_part balance to."""
    moves = {**ALONE, "job_entry": 5.0, "job_exit": 0.0, "part_to_full": 0.10, "full_to_part": 0.05}
    world = at_month_zero(a_plan(moves), seed=SEED, replicate=1)
    burn_in(world, MONTHS)
    work = world.families["parent"]["work"][:, 0]
    old = (months_lived(world) > 60) & (work != NO_WORK)
    on, off = within(0.10), within(0.05)
    assert old.sum() > 500
    assert (1.0 - on - off) ** 50 < 0.001
    assert abs(z(work[old] == FULL_TIME, on / (on + off))) < 4.0


# --- children -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arena", "first", "end", "start"),
    [("kindergarten", 12, 72, 0.8), ("sfo", 72, 120, 0.6), ("leisure", 72, 216, 0.5)],
)
def test_an_arena_is_the_chain_of_joining_and_leaving_from_the_age_it_is_for(
    arena: str, first: int, end: int, start: float
) -> None:
    world = town()
    child = world.families["child"]
    newcomer = (world.families["entered"] > 0)[:, None]
    age, seen = child["age"].astype(int), child["months_seen"].astype(int)
    at_entry = np.where(newcomer, age - seen + 1, np.maximum(age - seen, 0))
    there = (child["present"] == 1) & (age >= first) & (age < end)
    came_old = at_entry >= first
    steps = np.where(came_old, seen, age - first + 1)
    begin = np.where(came_old, start, 0.0)
    if arena == "sfo":  # most start in the month they begin at school
        came_old &= (at_entry > first) | ~newcomer
        steps = np.where(came_old, seen, age - first)
        begin = np.where(came_old, start, within(default("sfo_start")))
    on, off = within(default(f"arena_join.{arena}")), within(default(f"arena_leave.{arena}"))
    takes_part = child["arena"][:, :, ("kindergarten", "sfo", "leisure").index(arena)]
    assert there.sum() > 500
    assert abs(z(takes_part[there], after(begin[there], on, off, steps[there]))) < 4.0


# --- households ---------------------------------------------------------------------------------------------------


def test_couples_form_and_part_by_their_two_rates() -> None:
    plan = a_plan({"couple_form": 0.3, "couple_part": 0.6})
    world = at_month_zero(plan, seed=SEED, replicate=2)
    burn_in(world, MONTHS)
    steps = int(world.town[0]["month"]) - world.families["entered"].astype(int)
    couple = world.families["parent"]["present"][:, 1]
    on, off = within(0.3 / 12), within(0.6 / 12)
    assert abs(z(couple, after(1.0 - plan.profile.shares["lone_parent"], on, off, steps))) < 4.0


def test_families_move_out_and_have_births_at_their_yearly_rates() -> None:
    world = at_month_zero(a_plan({"move_out": 0.24, "birth": 0.12}), seed=SEED, replicate=3)
    moved, births = [], []
    for _ in range(24):
        before = world.families.copy()
        burn_in(world, 1)
        stays = before["youngest"] < 215  # else the youngest turns 18
        left = world.families["generation"] > before["generation"]
        moved.append(left[stays])
        fertile = (
            ~left & (before["parent"]["age"][:, 0] + 1 < 504) & ((before["child"]["present"] == 0).sum(axis=1) > 4)
        )
        births.append((world.families["births"] > before["births"])[fertile])
        assert left[~stays].all()
    assert abs(z(np.concatenate(moved), within(0.24 / 12))) < 4.0
    assert abs(z(np.concatenate(births), within(0.12 / 12))) < 4.0


# --- services -----------------------------------------------------------------------------------------------------


@functools.cache
def stays() -> dict[str, tuple[int, int, int]]:
    """For each service over four years: months at risk of an end, completed stays, stays broken off."""
    world = at_month_zero(a_plan(ALONE), seed=SEED, replicate=4)
    sums = np.zeros((len(SERVICES), 3), int)
    for _ in range(48):
        burn_in(world, 1)
        s = world.services
        ended = s["completed"] + s["broken_off"]
        sums += np.stack([ended + s["placed"] - s["started"], s["completed"], s["broken_off"]], axis=1)
    return {name: tuple(row) for name, row in zip(SERVICES, sums.tolist(), strict=True)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_stay_ends_in_a_month_with_the_chance_of_its_two_clocks(service: str) -> None:
    """So the mean stay is one over that chance, months."""
    at_risk, completed, broken_off = stays()[service]
    length = a_plan({}).profile.services[service].length_months
    done, lost = 1.0 / length, default(f"dropout.{service}")
    ended = within(done + lost)
    assert completed + broken_off > 50
    assert abs(completed + broken_off - at_risk * ended) < 4.0 * math.sqrt(at_risk * ended * (1.0 - ended))
    # The earlier of the two clocks decides which: in proportion to their rates.
    share, number = done / (done + lost), completed + broken_off
    assert abs(completed - number * share) < 4.0 * math.sqrt(number * share * (1.0 - share))
