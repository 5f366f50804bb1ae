"""What holds in every municipality, every month, whatever the plan."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios import load_study
from simulation.engine import at_month_zero, burn_in
from simulation.municipality import World
from simulation.names import (
    AAP,
    BENEFITS,
    CAPACITY,
    DISABILITY,
    FULL_TIME,
    IN_PLACE,
    INTAKE,
    INTRODUCTION,
    KVP,
    MEASURES,
    NO_BENEFIT,
    NO_WORK,
    NOT_ENGAGED,
    PRIORITY,
    S_WORK,
    SERVICES,
    STAGES,
    TRANSITIONAL,
    UNEMPLOYMENT,
    WAITING,
    WORK,
)
from simulation.outcomes import OUTCOME_NAMES, OUTCOMES
from simulation.plan import Plan, ServicePlan
from simulation.queues import CLIENT_MASK
from simulation.runner import run_study

# --- plans of every kind ------------------------------------------------------------------------------------------


@functools.cache
def shipped() -> Plan:
    return load_study("caseload-10-vs-20").arm("caseload-10")


def services() -> st.SearchStrategy[ServicePlan]:
    month = st.none() | st.integers(1, 18)
    return st.builds(
        ServicePlan,
        places=st.sampled_from([0.0, 0.4, 1.0, 2.5, 6.0, 15.0, 60.0, 1000.0]),
        length_months=st.floats(1.0, 20.0),
        background_per_month=st.sampled_from([0.0, 0.3, 2.0, 7.5]),
        mode=st.sampled_from(CAPACITY),
        priority=st.sampled_from(PRIORITY),
        opens_month=month,
        closed_from=month,
        closed_to=month,
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    arm = shipped()
    chosen = draw(st.dictionaries(st.sampled_from(SERVICES), services(), max_size=8))
    before = draw(st.dictionaries(st.sampled_from(SERVICES), services(), max_size=8))
    before = {name: replace(s, opens_month=None, closed_from=None, closed_to=None) for name, s in before.items()}
    profile = replace(
        arm.profile,
        services={**arm.profile.services, **before},
        openings_per_100_parents=draw(st.sampled_from([0.0, 0.5, 3.0, 12.0])),
    )
    coordinators = draw(st.integers(0, 6))
    return replace(
        arm,
        profile=profile,
        services=chosen,
        families=draw(st.integers(20, 120)),
        burn_in_months=24,
        coordinators=coordinators,
        caseload=draw(st.integers(1, 40)) if coordinators else 0,
        admissions_per_month=draw(st.integers(1, 10)),
        intake=draw(st.sampled_from(INTAKE)),
        relaxed=draw(st.booleans()),
        cover=draw(st.booleans()),
        length_months=draw(st.floats(1.0, 40.0)),
        coordinator_leaves_month=draw(st.none() | st.integers(1, 18)),
        inflow_factor=draw(st.sampled_from([0.0, 1.0, 10.0])),
        openings_factor=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        parameters=draw(st.sampled_from([{}, {"referral_coordinator": 5.0, "discovery_coordinator": 5.0}, LIVELY])),
    )


# A town in which much happens: many barriers come and go, much illness, help and changes of staff.
LIVELY = {
    "recovery.health": 0.5,
    "aap_entry": 0.5,
    "aap_end": 0.5,
    "referral_ordinary.work": 1.0,
    "referral_ordinary.health": 1.0,
    "referral_coordinator": 2.0,
    "job_entry": 0.4,
    "job_exit": 0.4,
    "couple_form": 6.0,
    "couple_part": 6.0,
    "birth": 2.0,
    "move_out": 1.0,
    "turnover": 4.0,
    "trust_gain": 4.0,
    "trust_decay": 3.0,
    "net_hours": 400.0,
}


# --- invariants ---------------------------------------------------------------------------------------------------


def check(world: World, plan: Plan, before: np.ndarray) -> None:
    check_queues(world)
    check_places(world, before)
    check_caseloads(world, plan)
    check_states(world)
    check_money(world, plan)
    check_children(world)
    check_numbers(world)


def clients(families: np.ndarray, s: int, stage: int) -> list[int]:
    slots, parents = np.nonzero(families["parent"]["present"] & (families["parent"]["stage"][:, :, s] == stage))
    return (2 * slots + parents).tolist()


def check_queues(world: World) -> None:
    """Who waits stands once in that queue, who has a place once among the placed, and nobody else has a place."""
    families = world.families
    for s, service in enumerate(world.services):
        queue = Counter((world.waiting[s, : service["waiting"]] & CLIENT_MASK).tolist())
        placed = Counter(world.placed[s, : service["placed"]].tolist())
        assert all(queue[client] == 1 for client in clients(families, s, WAITING))
        assert all(placed[client] == 1 for client in clients(families, s, IN_PLACE))
        assert all(0 <= client <= 2 * len(families) for client in queue)
        assert all(0 <= client < 2 * len(families) for client in placed)


def check_places(world: World, before: np.ndarray) -> None:
    """A hard service never takes in more than it has places for; one that was cut takes in nobody until it has room."""
    for s, (service, last) in enumerate(zip(world.services, before, strict=True)):
        taken = service["placed"] + service["residents"]
        assert service["placed"] >= 0 <= service["residents"]
        enough = taken <= service["places"] or not service["soft"]
        assert service["intensity"] == (1.0 if enough else service["places"] / taken)
        if service["soft"]:
            if service["places"] > 0:  # nobody waits but those who asked after places were given
                parents = world.families["parent"]
                waits = (parents["stage"][:, :, s] == WAITING) & (parents["present"] == 1)
                assert (parents["since"][:, :, s][waits] == world.town[0]["month"] + 1).all()
        elif taken > np.floor(service["places"]):
            assert service["started"] == 0
            assert taken <= last["placed"] + last["residents"]
        if service["places"] == 0:
            assert taken == 0
        turnover = service["completed"] + service["broken_off"]
        assert turnover <= last["placed"]


def check_caseloads(world: World, plan: Plan) -> None:
    families, listed = world.families, []
    for c in range(plan.coordinators):
        coordinator = world.coordinators[c]
        number = int(coordinator["families"])
        slots = coordinator["family"][:number].tolist()
        assert 0 <= number <= plan.caseload
        assert (families["coordinator"][slots] == c).all()
        assert coordinator["admitted"] <= plan.admissions_per_month
        assert coordinator["skill"] > 0
        listed += slots
    assert len(listed) == len(set(listed))
    assert sorted(listed) == np.flatnonzero(families["coordinator"] >= 0).tolist()
    followed = families["coordinator"] >= 0
    assert np.array_equal(followed, families["plan"] == 1)
    assert (families["ever_followed"][followed] == 1).all()
    if plan.coordinators == 0:
        assert not families["ever_followed"].any()
        assert not families["contact_hours"].any()
        assert not families["potency"].any()
        assert (families["admitted"] == -999).all()


def check_states(world: World) -> None:
    families = world.families
    assert (families["parent"]["present"][:, 0] == 1).all()
    p = families["parent"][families["parent"]["present"] == 1]
    assert np.isin(p["work"], range(len(WORK))).all()
    assert np.isin(p["benefit"], range(len(BENEFITS))).all()
    assert np.isin(p["stage"], range(len(STAGES))).all()
    for flag in ("barrier", "found", "prone", "wrong_order"):
        assert np.isin(p[flag], (0, 1)).all()
    # A barrier that is not there is not known; what one is prone to does not matter here.
    assert not ((families["barrier"] == 0) & (families["found"] == 1)).any()
    working = p["work"] != NO_WORK
    assert (p["benefit"][p["work"] == FULL_TIME] == NO_BENEFIT).all()
    assert not np.isin(p["benefit"][working], (KVP, MEASURES, UNEMPLOYMENT)).any()
    assert (p["stage"][working][:, S_WORK] == NOT_ENGAGED).all()
    # KVP and measures benefit go with a place in the work service.
    programme = np.isin(p["benefit"], (KVP, MEASURES))
    assert (p["stage"][programme][:, S_WORK] == IN_PLACE).all()
    lone = families["parent"]["present"][:, 1] == 0
    transitional = families["parent"]["benefit"][:, 0] == TRANSITIONAL
    assert lone[transitional].all()
    assert (families["youngest"][transitional] < 96).all()
    second = families["parent"][~lone][:, 1]
    assert not (second["benefit"] == TRANSITIONAL).any()
    assert (p["attended_transitional"] <= 36).all()
    long = int(world.town[0]["residence_months"])
    entitled = np.isin(families["parent"]["benefit"][:, 0], (AAP, DISABILITY, TRANSITIONAL))
    assert (families["residence"][entitled] >= long).all()
    assert (p["benefit_months"][p["benefit"] == INTRODUCTION] < 24).all()
    assert (p["out_months"][working] == 0).all()


def check_money(world: World, plan: Plan) -> None:
    f = world.families
    p = f["parent"]
    there = p["present"] == 1
    if world.town[0]["month"] == 0:
        return
    income = sum(
        f[name]
        for name in (
            "wages",
            "own_benefits",
            "child_benefit",
            "cash_for_care",
            "childcare_support",
            "child_support",
            "advance_child_support",
            "housing_allowance",
            "social_assistance",
        )
    )
    paid = f["tax"] + f["kindergarten_fee"] + f["sfo_fee"]
    close = {"rtol": 0.0, "atol": 1e-6}  # NOK: rounding of sums of amounts under a million
    np.testing.assert_allclose(f["disposable"], income - paid, **close)
    np.testing.assert_allclose(f["wages"], (p["wages"] * there).sum(axis=1), **close)
    np.testing.assert_allclose(f["own_benefits"], (p["own_benefit"] * there).sum(axis=1), **close)
    np.testing.assert_allclose(f["tax"], (p["tax"] * there).sum(axis=1), **close)
    last = (world.town[0]["month"] - np.arange(12)) % 36
    assert np.array_equal(f["income_12"], f["income_ring"][:, last].sum(axis=1))
    assert np.array_equal(f["income_36"], f["income_ring"].sum(axis=1))
    assert (f["social_assistance"][f["applying"] == 0] == 0).all()
    assert ((p["own_benefit"] * there)[p["benefit"] == NO_BENEFIT] == 0).all()
    assert ((p["wages"] > 0) == (p["work"] != NO_WORK))[there].all()
    for name in ("wages", "own_benefits", "tax", "social_assistance", "entitlement", "entitled_not_claimed", "debt"):
        assert (f[name] >= 0).all()
    received = np.array([int(bits & 0xFFF).bit_count() for bits in f["assistance_bits"].tolist()])
    assert np.array_equal(f["assistance_12"], received)
    assert np.array_equal(f["assistance_bits"] & 1, f["social_assistance"] > 0)
    entered = np.maximum(f["entered"], plan.founding_months)  # before that, only time passes
    lived = world.town[0]["month"] - entered + (entered > plan.founding_months)
    assert np.array_equal(f["income_known"], np.minimum(lived, 36))


def check_children(world: World) -> None:
    families = world.families
    child = families["child"]
    there = child["present"] == 1
    minors = there & (child["age"] < 216)
    assert np.array_equal(families["children_under_18"], minors.sum(axis=1))
    assert np.array_equal(families["youngest"], np.where(there, child["age"], 999).min(axis=1))
    assert (families["children_under_18"] >= 1).all()
    assert ((child["age"] >= 0) & (child["age"] <= 252))[there].all()
    age = child["age"]
    used = np.arange(child.shape[1]) < families["child_slots"][:, None]
    assert not ((there | (child["upper_secondary"] >= 0)) & ~used).any()  # loops over children end there
    kindergarten, sfo, leisure = (child["arena"][:, :, a] == 1 for a in range(3))
    assert not (there & kindergarten & ((age < 12) | (age >= 72))).any()
    assert not (there & sfo & ((age < 72) | (age >= 120))).any()
    assert not (there & leisure & ((age < 72) | (age >= 216))).any()
    assert (child["months_taking_part"] <= child["months_seen"])[there].all()
    assert (child["months_low_income"] <= child["months_seen"])[there].all()
    for i in range(len(families)):  # no two children of a family share a key
        orders = child[i]["birth_order"][there[i]].tolist()
        assert len(orders) == len(set(orders))
    first = families["parent"]["age"][:, 0]
    assert (first >= 216).all()
    assert (first - np.where(there, age, 0).max(axis=1) >= 215).all()  # at least 18 at the birth of the oldest
    assert ((families["parent"]["age"][:, 1] >= 216) | (families["parent"]["present"][:, 1] == 0)).all()


def check_numbers(world: World) -> None:
    families = world.families
    for name in ("trust", "taking_part", "taking_part_last"):
        assert ((families[name] >= 0) & (families[name] <= 1)).all(), name
    for record in (families, families["parent"], world.services, world.coordinators, world.town):
        for name in record.dtype.names:
            if record.dtype[name].base.kind == "f":
                assert np.isfinite(record[name]).all(), name
    assert (families["contact_hours"] >= 0).all()
    assert (families["potency"] >= 0).all()
    assert (families["support"] >= families["potency"]).all()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), months=st.integers(1, 18), replicate=st.integers(0, 1000))
def test_invariants_hold_in_every_month_of_any_plan(plan: Plan, months: int, replicate: int) -> None:
    world = at_month_zero(plan, seed=99, replicate=replicate)
    for _ in range(months):
        before = world.services.copy()
        burn_in(world, 1)
        check(world, plan, before)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), months=st.integers(1, 18), seed=st.integers(0, 2**32 - 1))
def test_shares_are_between_0_and_1_and_every_outcome_is_a_number_or_of_nobody(
    plan: Plan, months: int, seed: int
) -> None:
    plan = replace(plan, horizon_months=months)
    study = run_study([plan], [], replicates=1, seed=seed, workers=1).runs.study
    assert not np.isinf(study).any()
    for k, outcome in enumerate(OUTCOMES):
        values = study[..., k]
        values = values[np.isfinite(values)]
        assert (values >= 0).all() or outcome.name in ("disposable_income",), outcome.name
        if outcome.unit.startswith("share of") and not outcome.name.startswith("use_"):
            assert (values <= 1 + 1e-12).all(), outcome.name
    sources = [k for k, name in enumerate(OUTCOME_NAMES) if name.startswith("income_source_")]
    pool = study[0, 0, 0]
    np.testing.assert_allclose(pool[:, sources].sum(axis=1), 1.0, atol=1e-12)
