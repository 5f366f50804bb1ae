"""The municipality: the month, the labour market's openings, staff and capacity of a plan, and ties among families.

``TOWN`` is what everybody in a municipality shares; ``SETTING`` holds what does not change while a plan runs.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.barriers import need_score
from simulation.compiled import rule
from simulation.coordinator import COORDINATOR, hire
from simulation.demography import PLACE, new_family, start_arenas, time_passes
from simulation.draws import AT_ENTRY, DESK, ENTITY_FAMILY, LANES, child_entity, fill
from simulation.errors import InputError
from simulation.family import FAMILY
from simulation.intake import MONTHS, MONTHS_RELAXED, meets_criteria
from simulation.names import (
    BARRIERS,
    CARE,
    CRITERION,
    EDUCATION,
    FOLLOW_UP,
    HOLF,
    INTAKE,
    LANGUAGE,
    MAX_COORDINATORS,
    MAX_PARENTS,
    PEERS,
    SERVICES,
)
from simulation.parameters import PARAMETERS
from simulation.plan import Plan, Profile, ServicePlan
from simulation.queues import CLIENT_MASK, HIGHEST_PRIORITY, LUCK_MASK, PRIORITY_BITS
from simulation.rates import RATES
from simulation.service import RESIDENT_NEED, SERVICE

FOR_EVER: Final = 1 << 30
RESIDENTS_IN_QUEUE: Final = 1000  # room in a queue for other residents

SETTING: Final = np.dtype((np.record, [("p", PARAMETERS), ("rates", RATES), ("place", PLACE)]))

# Rates that work and own benefits look at; who gets a benefit, not how much.
TOWN_RATES: Final = (
    *("entry_wage", "basic_amount", "residence_months", "transitional_child_age", "transitional_months"),
    *("unemployment_income_1y_g", "unemployment_income_3y_g", "unemployment_cap_g", "unemployment_long_g"),
    *("unemployment_weeks_short", "unemployment_weeks_long", "introduction_months"),
)

TOWN: Final = np.dtype(
    (
        np.record,
        [
            ("seed", "u8"),
            ("replicate", "u8"),
            ("families", "i8"),  # size of the pool
            ("month", "i8"),  # since the burn-in began
            ("study_month", "i8"),  # 0 = the state before the first month with coordinators
            *((name, "f8") for name in TOWN_RATES),  # units and meaning: rates/YEAR.toml
            # the labour market
            ("openings_base", "f8"),  # within the pool's reach in an ordinary month
            ("openings", "f8"),  # this month
            ("openings_carry", "f8"),
            ("openings_factor", "f8"),
            ("openings_from", "i8"),
            ("openings_to", "i8"),
            ("takers", "i8"),  # would take a job this month
            ("jobs_taken", "i8"),  # so far
            ("turned_away", "i8"),  # takers without an opening, so far
            ("inflow", "f8"),  # multiplies moving out and in
            # staff and intake
            ("coordinators", "i8"),
            ("follow_up", "i8"),  # names.FOLLOW_UP
            ("intake", "i8"),  # names.INTAKE
            ("criterion", "i8"),  # names.CRITERION
            ("months_needed", "i8"),
            ("length_months", "f8"),
            ("longest_months", "f8"),
            ("admissions", "i8"),  # most new families for a coordinator in a month
            ("cover", "i1"),
            ("relief", "f8"),  # ordinary referral of families without a coordinator, times this
            ("coordinator_leaves_month", "i8"),
            ("candidates", "i8"),  # met the criteria this month
            ("admitted_now", "i8"),
            *DESK,  # room for draws: scratch, part of no state
        ],
    )
)


# --- the month begins ---------------------------------------------------------------------------------------------


@rule
def begin_month(town):  # type: ignore[no-untyped-def]
    """Another month: the openings within reach; nobody has looked for work or been put on a list yet."""
    town.month += 1
    town.study_month += 1
    factor = 1.0
    if town.openings_from <= town.study_month <= town.openings_to:
        factor = town.openings_factor
    town.openings = town.openings_base * factor
    town.takers = 0
    town.candidates = 0
    town.admitted_now = 0


# --- setting up ---------------------------------------------------------------------------------------------------


@rule
def settle(families, town, setting):  # type: ignore[no-untyped-def]
    """The first families of the pool, and their ties."""
    for i in range(families.shape[0]):
        family = families[i]
        family.slot = i
        family.generation = 0
        new_family(family, town, setting[0].p, setting[0].place)
        tie(families, i, town, setting[0].p)


@rule
def found(families, town, setting, months):  # type: ignore[no-untyped-def]
    """So many months in which only time passes, before the burn-in: ages, births, couples, families that come and go.

    The pool's make-up takes a decade to settle, and this costs a small part of whole months. Children then take part
    where newcomers of their age do.
    """
    n = families.shape[0]
    for _ in range(months):
        town.month += 1
        for first in range(0, n, LANES):
            time_passes(families, first, min(first + LANES, n), town, setting[0].p, setting[0].place)
    for i in range(n):
        family = families[i]
        for j in range(family.child_slots):
            child = family.child[j]
            if child.present == 1:
                fill(town.u, town, family.slot, child_entity(family, child.birth_order), AT_ENTRY, np.int64(0))
                start_arenas(child, town.u)


@rule
def tie(families, i, town, p):  # type: ignore[no-untyped-def]
    """Ties of slot ``i``: neighbours on a ring, some of them rewired to anywhere (a small world)."""
    n = families.shape[0]
    fill(town.u, town, i, ENTITY_FAMILY, AT_ENTRY, np.int64(16))
    fill(town.v, town, i, ENTITY_FAMILY, AT_ENTRY, np.int64(17))
    for j in range(PEERS):
        step = 1 + j // 2
        other = (i + step) % n if j % 2 == 0 else (i - step) % n
        if town.u[j] < p.peer_rewired:
            other = np.int64(town.v[j] * n)
        families[i].peer[j] = other


@rule
def start_study(families, coordinators, town, setting):  # type: ignore[no-untyped-def]
    """Study month 0: mark the eligible by the strict rule, the same in every arm, and hire the plan's coordinators."""
    for i in range(families.shape[0]):
        family = families[i]
        family.eligible_at_start = meets_criteria(family, HOLF, MONTHS)
    for c in range(town.coordinators):
        hire(coordinators[c], c, town, setting[0].p)


def place_record(profile: Profile, p: Any) -> npt.NDArray[Any]:
    """A profile as the model reads it, PLACE of shape (1,): shares as thresholds of a standard normal.

    A barrier that comes and goes is present in ``presence_prone`` of the months of those prone to it and
    ``presence_resilient`` of others', so the share of prone families follows from the prevalence.
    """
    record = np.zeros(1, PLACE)
    place = record[0]
    prone, resilient = float(p["presence_prone"]), float(p["presence_resilient"])
    ranked = {
        name: _shifted(share, profile.ranks.get(name, 0.0) * float(p["rank_strength"]))
        for name, share in profile.barriers.items()
    }
    for b, name in enumerate(BARRIERS):
        share = ranked[name]
        if b not in (LANGUAGE, EDUCATION):
            share = (share - resilient) / (prone - resilient)
        if b == CARE:
            # One child and a Poisson number more, each with special needs by chance.
            needs, children = profile.shares["special_needs"], profile.means["children"]
            special = 1.0 - (1.0 - needs) * math.exp(-needs * (children - 1.0))
            share, with_needs = _by_special_needs(min(max(share, 0.0), 1.0), special, float(p["care_needs_ratio"]))
            place["care_threshold_needs"] = _threshold(with_needs)
        place["threshold"][b] = _threshold(share)
    place["language_threshold"] = _threshold(ranked["language"] / max(profile.shares["immigrant"], 1e-9))
    for name in ("immigrant", "lone_parent", "special_needs", "renting", "municipal_rental", "recent_refugee"):
        place[name] = profile.shares[name]
    for name in ("children", "age_parent", "years_in_norway", "rent"):
        place[name] = profile.means[name]
    return record


def _threshold(share: float) -> float:
    """The value that a standard normal is below with this probability."""
    from scipy.special import ndtri

    return float(ndtri(min(max(share, 1e-9), 1.0 - 1e-9)))


def _shifted(share: float, log_odds: float) -> float:
    """A share whose odds are multiplied by ``exp(log_odds)``."""
    odds = share * math.exp(log_odds)
    return odds / (1.0 - share + odds)


def _by_special_needs(prone: float, special: float, ratio: float) -> tuple[float, float]:
    """Share prone to a care burden among families without and with a child with special needs, from the share of all.

    ``ratio`` is the odds ratio between the two, ``special`` the share with such a child. The positive root of a quadratic.
    """
    a = (1.0 - special) * (ratio - 1.0)
    b = special * ratio + (1.0 - special) - prone * (ratio - 1.0)
    without = 2.0 * prone / (b + math.sqrt(b * b + 4.0 * a * prone))
    return without, _shifted(without, math.log(ratio))


def set_service(record: Any, plan: ServicePlan) -> None:
    """Capacity of a service from a plan; queue and places taken stay as they are."""
    record["soft"] = plan.mode == "soft"
    record["by_need"] = plan.priority == "need"
    record["capacity"] = plan.places
    record["length"] = plan.length_months
    record["background"] = plan.background_per_month
    record["opens"] = -FOR_EVER if plan.opens_month is None else plan.opens_month
    record["closed_from"] = FOR_EVER if plan.closed_from is None else plan.closed_from
    record["closed_to"] = FOR_EVER if plan.closed_to is None else plan.closed_to


def reticket(world: World, s: int) -> None:
    """Tickets of queue ``s`` on the scale of its priority, after that has changed: the luck in a ticket is kept.

    By need, each family's need as it is now. First come, each family's month of asking. Other residents have no record: they
    are taken to have come in the order of their luck, at their usual rate, the last of them this month.
    """
    service, town = world.services[s], world.town[0]
    queue = world.waiting[s, : service["waiting"]]
    month, rate, resident = int(town["month"]), max(float(service["background"]), 1e-9), 2 * len(world.families)
    residents = 0
    for j in np.argsort(queue & LUCK_MASK, kind="stable"):
        client = int(queue[j]) & CLIENT_MASK
        if client == resident:
            priority = HIGHEST_PRIORITY - RESIDENT_NEED if service["by_need"] else max(month - int(residents / rate), 0)
            residents += 1
        else:
            family = world.families[client >> 1]
            came = int(family["parent"][client & 1]["since"][s])
            priority = HIGHEST_PRIORITY - need_score(family) if service["by_need"] else came
        queue[j] = (priority << PRIORITY_BITS) | (int(queue[j]) & LUCK_MASK)
    queue.sort()


def set_levers(town: Any, plan: Plan) -> None:
    """What an arm decides, from study month 1 on."""
    if plan.coordinators > MAX_COORDINATORS:
        raise InputError("too many coordinators", key="coordinators", allowed=f"at most {MAX_COORDINATORS}")
    town["coordinators"] = plan.coordinators
    town["follow_up"] = FOLLOW_UP.index(plan.follow_up)
    town["intake"] = INTAKE.index(plan.intake)
    town["criterion"] = CRITERION.index(plan.criterion)
    town["months_needed"] = MONTHS_RELAXED if plan.relaxed else MONTHS
    town["length_months"] = plan.length_months
    town["longest_months"] = FOR_EVER if plan.longest_months is None else plan.longest_months
    town["admissions"] = plan.admissions_per_month
    town["cover"] = plan.cover
    town["coordinator_leaves_month"] = (
        -FOR_EVER if plan.coordinator_leaves_month is None else plan.coordinator_leaves_month
    )
    town["openings_factor"] = plan.openings_factor
    town["openings_from"] = plan.openings_from
    town["openings_to"] = FOR_EVER if plan.openings_to is None else plan.openings_to
    town["inflow"] = plan.inflow_factor


def copied(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy, made byte by byte: NumPy copies records field by field, which takes twenty times as long."""
    return array.view(np.uint8).copy().view(array.dtype)


class World:
    """All arrays of one municipality in one replicate. Copied at month 0, so that every arm starts alike."""

    __slots__ = ("candidates", "coordinators", "families", "placed", "services", "setting", "takers", "town", "waiting")

    def __init__(self, families: int, coordinators: int, setting: npt.NDArray[Any]) -> None:
        room = MAX_PARENTS * families + RESIDENTS_IN_QUEUE
        self.families = np.zeros(families, FAMILY)
        self.coordinators = np.zeros(max(coordinators, 1), COORDINATOR)
        self.services = np.zeros(len(SERVICES), SERVICE)
        self.town = np.zeros(1, TOWN)
        self.waiting = np.zeros((len(SERVICES), room), np.int64)
        self.placed = np.zeros((len(SERVICES), MAX_PARENTS * families), np.int64)
        self.takers = np.zeros(MAX_PARENTS * families, np.int64)
        self.candidates = np.zeros(families, np.int64)
        self.setting = setting

    def copy(self, coordinators: int) -> World:
        """A copy for an arm, with room for its coordinators."""
        other = object.__new__(World)
        for name in self.__slots__:
            setattr(other, name, copied(getattr(self, name)))
        other.coordinators = np.zeros(max(coordinators, 1), COORDINATOR)
        return other
