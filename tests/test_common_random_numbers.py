"""Luck belongs to a family: what happens to one changes nobody whom it cannot reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from scenarios import load_study
from simulation import month
from simulation.engine import at_month_zero, burn_in, run_replicate
from simulation.municipality import World
from simulation.plan import Plan
from simulation.runner import run_study

SEED = 20_250
MONTHS = 24
NO_PEERS = {"peer_ratio": 1.0, "arena_network_recovery": 0.0}
NOBODY_PAYS = {"need_weight": 0.0, "head_start": 0.0, "goals_met_months": 36.0}
STRONG = {
    "work_support_ratio": 4.0,
    "child_application_ratio": 4.0,
    "exemption_rate": 0.5,
    "discovery_coordinator": 0.5,
    "referral_coordinator": 0.5,
    "claim_rate": 0.5,
}


def a_plan(*, ample: bool = True, parameters: dict[str, float] | None = None, **changes: object) -> Plan:
    """Two coordinators with 20 families each, followed for as long as the test lasts; places for all, or for few."""
    plan = load_study("caseload-10-vs-20").arm("caseload-20")
    services = {
        name: replace(service, places=100_000.0) if ample else replace(service, places=8.0, background_per_month=0.0)
        for name, service in plan.profile.services.items()
    }
    profile = replace(plan.profile, services=services, openings_per_100_parents=100_000.0 if ample else 2.0)
    settings = {"families": 100, "burn_in_months": 24, "length_months": 240.0, "relaxed": True, "posterior": "default"}
    parameters = {**STRONG, **NOBODY_PAYS, **(NO_PEERS if parameters is None else parameters)}
    return replace(plan, profile=profile, parameters=parameters, **{**settings, **changes})


def changed(a: np.ndarray, b: np.ndarray) -> set[int]:
    """Slots whose records differ in any byte."""
    return {i for i in range(len(a)) if a[i].tobytes() != b[i].tobytes()}


def followed_throughout(plan: Plan, replicate: int) -> list[int]:
    """Slots of families with a coordinator in every month from 2 to MONTHS."""
    history = run_replicate(plan, seed=SEED, replicate=replicate, months=MONTHS, history=True).history
    assert history is not None
    return np.flatnonzero((history["coordinator"][2:] >= 0).all(axis=0)).tolist()


def two_lives(plan: Plan, replicate: int, slot: int, hours: float = 1.0) -> Iterator[tuple[World, World]]:
    """The municipality month by month, as it is and with more contact hours a month for one family."""
    worlds = [at_month_zero(plan, seed=SEED, replicate=replicate) for _ in range(2)]
    worlds[1].families[slot]["extra_hours"] = hours
    for _ in range(MONTHS):
        for world in worlds:
            burn_in(world, 1)
        yield worlds[0], worlds[1]


# --- one more hour ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicate", range(6))
def test_one_more_hour_for_a_family_changes_that_family_and_no_other(replicate: int) -> None:
    plan = a_plan()
    slot = followed_throughout(plan, replicate)[replicate]
    for without, with_hour in two_lives(plan, replicate, slot):
        assert changed(without.families, with_hour.families) == {slot}
        assert without.coordinators.tobytes() == with_hour.coordinators.tobytes()
    trust = without.families[slot]["trust"], with_hour.families[slot]["trust"]
    assert trust[1] > trust[0]  # the hour was used


def test_one_more_hour_changes_what_a_family_earns_or_has_to_live_on_in_some_life() -> None:
    """The test above would be empty if an hour never reached an outcome."""
    plan = a_plan()
    found = 0  # months; most hours change nothing within the time
    for replicate in range(10):
        slot = followed_throughout(plan, replicate)[0]
        for without, with_hour in two_lives(plan, replicate, slot):
            found += without.families[slot]["disposable"] != with_hour.families[slot]["disposable"]
    assert found > 0


def test_with_peers_more_hours_reach_only_those_whom_ties_can_reach_in_time() -> None:
    # Children join seldom by themselves, soon with a coordinator, and sooner where their peers take part.
    peers = {"peer_ratio": 20.0, "arena_network_recovery": 0.025, "child_application_ratio": 50.0}
    seldom = {f"arena_join.{arena}": 0.01 for arena in ("kindergarten", "sfo", "leisure")}
    plan = a_plan(families=1000, parameters=peers | seldom)
    beyond = 0
    for replicate in range(4):
        for slot in followed_throughout(plan, replicate)[:5]:
            reached, met = {slot}, False
            for without, with_hours in two_lives(plan, replicate, slot, hours=20.0):
                if met:  # who is tied to somebody reached sees it the month after
                    ties = with_hours.families["peer"]
                    reached |= set(np.flatnonzero(np.isin(ties, list(reached)).any(axis=1)).tolist())
                met = met or without.families[slot]["potency"] != with_hours.families[slot]["potency"]
                if len(reached) == plan.families:
                    break
                found = changed(without.families, with_hours.families)
                assert found <= reached
                beyond += len(found - {slot})
    assert beyond > 0  # peers were reached while there were families out of reach


def test_where_places_and_openings_are_few_more_hours_can_change_others() -> None:
    plan = a_plan(ample=False)
    others = set()
    for replicate in range(6):
        slot = followed_throughout(plan, replicate)[0]
        *_, (without, with_hour) = two_lives(plan, replicate, slot, hours=5.0)
        others |= changed(without.families, with_hour.families) - {slot}
    assert others


# --- more families, more replicates -------------------------------------------------------------------------------


def lives_apart_from_ties(families: np.ndarray) -> bytes:
    copy = families.copy()
    copy["peer"] = 0
    return copy.tobytes()


def test_one_more_family_in_the_pool_changes_no_others_luck() -> None:
    plan = a_plan(coordinators=0, caseload=0)
    pools = [run_replicate(replace(plan, families=n), seed=SEED, replicate=1, months=MONTHS) for n in (100, 101, 137)]
    lives = {lives_apart_from_ties(pool.families[:100]) for pool in pools}
    assert len(lives) == 1


def test_more_replicates_do_not_change_the_first_ones() -> None:
    plan = a_plan(horizon_months=6)
    few = run_study([plan], [], replicates=2, seed=SEED, workers=1).runs
    more = run_study([plan], [], replicates=5, seed=SEED, workers=2).runs
    for part in ("study", "followed", "followed_families", "flows", "drift"):
        assert np.array_equal(getattr(few, part), getattr(more, part)[:2], equal_nan=True)


def test_the_same_seed_gives_the_same_bytes_and_another_replicate_or_seed_does_not() -> None:
    plan = a_plan(ample=False)

    def families(seed: int, replicate: int) -> bytes:
        return run_replicate(plan, seed=seed, replicate=replicate, months=6, draw=0).families.tobytes()

    assert families(1, 0) == families(1, 0)
    assert len({families(1, 0), families(1, 1), families(2, 0)}) == 3


def test_replicates_2k_and_2k_plus_1_share_their_parameters_and_not_their_luck() -> None:
    plan = a_plan(posterior="prior")
    worlds = [at_month_zero(plan, seed=SEED, replicate=replicate) for replicate in (4, 5, 6)]
    parameters = [world.setting["p"].tobytes() for world in worlds]
    assert parameters[0] == parameters[1] != parameters[2]
    assert len({world.families.tobytes() for world in worlds}) == 3


# --- the order of work --------------------------------------------------------------------------------------------


def step(world: World, order: np.ndarray) -> None:
    """A month in which families are visited in some order, in every phase."""
    w = world
    month.begin_at(w.town)
    for i in order:
        month.pass_time_at(w.families, i, w.town, w.setting)
    for c in range(len(w.coordinators)):
        month.staffing_at(w.families, w.coordinators, c, w.town, w.setting)
    month.share_cover_at(w.coordinators, w.town, w.setting)
    for c in reversed(range(len(w.coordinators))):
        month.follow_up_at(w.families, w.coordinators, c, w.town, w.setting, w.services, w.waiting)
    for s in reversed(range(len(w.services))):
        month.service_at(w.services, s, w.families, w.town, w.setting, w.waiting, w.placed)
    for i in order:
        month.seek_work_at(w.families, i, w.town, w.setting, w.takers)
    month.match_at(w.families, w.town, w.takers)
    for i in order:
        month.live_at(w.families, i, w.town, w.setting, w.services, w.waiting, w.candidates)
    month.intake_at(w.families, w.coordinators, w.town, w.setting, w.candidates)


def test_families_coordinators_and_services_may_be_visited_in_any_order() -> None:
    plan = a_plan(ample=False, parameters={"peer_ratio": 3.0}, intake="random")
    usual = run_replicate(plan, seed=SEED, replicate=3, months=18)
    world = at_month_zero(plan, seed=SEED, replicate=3)
    rng = np.random.default_rng(5)
    for _ in range(18):
        step(world, rng.permutation(plan.families))
    assert changed(usual.families, world.families) == set()
    assert usual.coordinators.tobytes() == world.coordinators.tobytes()
    assert usual.town[0]["turned_away"] == world.town[0]["turned_away"] > 0
