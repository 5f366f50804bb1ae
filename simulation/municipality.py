"""The municipality: the month, the labour market's openings, staff and capacity of a plan, and ties among families.

``TOWN`` is what everybody in a municipality shares; ``SETTING`` holds what does not change while a plan runs.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.compiled import rule
from simulation.coordinator import COORDINATOR, hire
from simulation.demography import PLACE, new_family
from simulation.draws import AT_ENTRY, AT_ONCE, BLOCKS, BUFFER, ENTITY_FAMILY, fill
from simulation.errors import InputError
from simulation.family import FAMILY
from simulation.intake import MONTHS, MONTHS_RELAXED, meets_criteria
from simulation.names import (
    BARRIERS,
    CARE,
    EDUCATION,
    FOLLOW_UP,
    INTAKE,
    LANGUAGE,
    MAX_COORDINATORS,
    MAX_PARENTS,
    PEERS,
    SERVICES,
)
from simulation.parameters import PARAMETERS
from simulation.plan import Plan, Profile, ServicePlan
from simulation.rates import RATES
from simulation.service import SERVICE

FOR_EVER: Final = 1 << 30
REWIRED: Final = 0.1  # share of ties that go anywhere: Watts & Strogatz' small world
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
            ("months_needed", "i8"),
            ("length_months", "f8"),
            ("admissions", "i8"),  # most new families for a coordinator in a month
            ("cover", "i1"),
            ("coordinator_leaves_month", "i8"),
            ("candidates", "i8"),  # met the criteria this month
            ("candidates_left", "i8"),  # of these, found no room
            ("admitted_now", "i8"),
            # room for draws: scratch, part of no state
            ("u", "f8", (4,)),
            ("v", "f8", (4,)),
            ("draws", "f8", (AT_ONCE, 1 + MAX_PARENTS, BUFFER)),  # of a month: a family's, its parents'
            ("blocks", "i8"),  # blocks in a buffer
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
        tie(families, i, town)


@rule
def tie(families, i, town):  # type: ignore[no-untyped-def]
    """Ties of slot ``i``: neighbours on a ring, some of them rewired to anywhere (a small world)."""
    n = families.shape[0]
    fill(town.u, town, i, ENTITY_FAMILY, AT_ENTRY, np.int64(16))
    fill(town.v, town, i, ENTITY_FAMILY, AT_ENTRY, np.int64(17))
    for j in range(PEERS):
        step = 1 + j // 2
        other = (i + step) % n if j % 2 == 0 else (i - step) % n
        if town.u[j] < REWIRED:
            other = np.int64(town.v[j] * n)
        families[i].peer[j] = other


@rule
def start_study(families, coordinators, town, setting):  # type: ignore[no-untyped-def]
    """Study month 0: mark the eligible by the strict rule, the same in every arm, and hire the plan's coordinators."""
    for i in range(families.shape[0]):
        family = families[i]
        family.eligible_at_start = meets_criteria(family, MONTHS)
    for c in range(town.coordinators):
        hire(coordinators[c], c, town, setting[0].p)


def place_record(profile: Profile, p: Any) -> npt.NDArray[Any]:
    """A profile as the model reads it, PLACE of shape (1,): shares as thresholds of a standard normal.

    A barrier that comes and goes is present in ``presence_prone`` of the months of those prone to it and
    ``presence_resilient`` of others', so the share of prone families follows from the prevalence.
    """
    from scipy.special import ndtri

    record = np.zeros(1, PLACE)
    place = record[0]
    prone, resilient = float(p["presence_prone"]), float(p["presence_resilient"])
    for b, name in enumerate(BARRIERS):
        share = profile.barriers[name]
        if b not in (LANGUAGE, EDUCATION):
            share = (share - resilient) / (prone - resilient)
        if b == CARE:
            # Families with a child with special needs are prone to it anyway.
            special = 1.0 - (1.0 - profile.shares["special_needs"]) ** profile.means["children"]
            share = (share - special) / max(1.0 - special, 1e-9)
        place["threshold"][b] = ndtri(min(max(share, 1e-9), 1.0 - 1e-9))
    immigrant = max(profile.shares["immigrant"], 1e-9)
    language = min(profile.barriers["language"] / immigrant, 1.0 - 1e-9)
    place["language_threshold"] = ndtri(max(language, 1e-9))
    for name in ("immigrant", "lone_parent", "special_needs", "renting", "municipal_rental", "recent_refugee"):
        place[name] = profile.shares[name]
    for name in ("children", "age_parent", "years_in_norway", "rent"):
        place[name] = profile.means[name]
    return record


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


def set_levers(town: Any, plan: Plan) -> None:
    """What an arm decides, from study month 1 on."""
    if plan.coordinators > MAX_COORDINATORS:
        raise InputError("too many coordinators", key="coordinators", allowed=f"at most {MAX_COORDINATORS}")
    town["coordinators"] = plan.coordinators
    town["follow_up"] = FOLLOW_UP.index(plan.follow_up)
    town["intake"] = INTAKE.index(plan.intake)
    town["months_needed"] = MONTHS_RELAXED if plan.relaxed else MONTHS
    town["length_months"] = plan.length_months
    town["admissions"] = plan.admissions_per_month
    town["cover"] = plan.cover
    town["coordinator_leaves_month"] = (
        -FOR_EVER if plan.coordinator_leaves_month is None else plan.coordinator_leaves_month
    )
    town["openings_factor"] = plan.openings_factor
    town["openings_from"] = plan.openings_from
    town["openings_to"] = FOR_EVER if plan.openings_to is None else plan.openings_to
    town["inflow"] = plan.inflow_factor


class World:
    """All arrays of one municipality in one replicate. Copied at month 0, so that every arm starts alike."""

    __slots__ = ("candidates", "coordinators", "families", "placed", "services", "setting", "takers", "town", "waiting")

    def __init__(self, families: int, coordinators: int, setting: npt.NDArray[Any]) -> None:
        room = MAX_PARENTS * families + RESIDENTS_IN_QUEUE
        self.families = np.zeros(families, FAMILY)
        self.coordinators = np.zeros(max(coordinators, 1), COORDINATOR)
        self.services = np.zeros(len(SERVICES), SERVICE)
        self.town = np.zeros(1, TOWN)
        self.town["blocks"] = BLOCKS
        self.waiting = np.zeros((len(SERVICES), room), np.int64)
        self.placed = np.zeros((len(SERVICES), MAX_PARENTS * families), np.int64)
        self.takers = np.zeros(MAX_PARENTS * families, np.int64)
        self.candidates = np.zeros(families, np.int64)
        self.setting = setting

    def copy(self, coordinators: int) -> World:
        """A copy for an arm, with room for its coordinators."""
        other = object.__new__(World)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name).copy())
        other.coordinators = np.zeros(max(coordinators, 1), COORDINATOR)
        return other
