"""What a register holds of a family in a month: a compact record, and the loops that read it.

``REGISTER`` is a sixth of the size of ``FAMILY`` and keeps what statistics and the trial in silico ask about, under the same
names where it is the same thing. Histories of any length are made by running a municipality and reading every month.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.barriers import count_barriers
from simulation.compiled import rule
from simulation.engine import arrays_of
from simulation.month import one_month
from simulation.municipality import World
from simulation.names import FAMILY_BARRIERS, IN_PLACE, MAX_PARENTS, PERSON_BARRIERS, SERVICES, WAITING
from simulation.reading import SOURCE, income_source

History = npt.NDArray[Any]
AGE_GROUPS: Final = 3  # of children: 1-5, 6-9, 10-17 years
GONE: Final = -1  # the generation of a family that lives in the pool no more
ANY_GENERATION: Final = -2

PARENT_REGISTER: Final = np.dtype(
    (
        np.record,
        [
            ("present", "i1"),
            ("work", "i1"),  # names.WORK
            ("benefit", "i1"),  # names.BENEFITS
            ("source", "i1"),  # largest source of income, a place in statistics.SOURCES
            ("barrier", "i1", (PERSON_BARRIERS,)),
            ("in_place", "u1"),  # one bit for each service: has a place
            ("waiting", "u1"),  # one bit for each service: in its queue
            ("age", "i2"),  # months
            ("benefit_months", "i2"),  # on the present own benefit
            ("out_months", "i2"),  # since last in work
        ],
    )
)

REGISTER: Final = np.dtype(
    (
        np.record,
        [
            ("generation", "i4"),  # GONE: not there
            ("partners", "i2"),  # second parents so far
            ("residence", "i2"),  # months in Norway
            ("admitted", "i2"),  # study month of the first admission, or -999
            ("income_known", "i2"),  # months on record, 36 at most
            ("assistance_12", "i2"),  # months with social assistance among the last 12
            ("youngest", "i2"),  # age of the youngest child, months; 999 without one
            ("immigrant", "i1"),
            ("tenure", "i1"),  # names.TENURE
            ("meets_criteria", "i1"),  # this month
            ("eligible_at_start", "i1"),
            ("ever_followed", "i1"),
            ("plan", "i1"),  # has a coordinator and a plan
            ("special_needs", "i1"),  # at least one child with special needs
            ("low_income", "i1"),  # below the line by the mean of 12 months
            ("low_income_now", "i1"),
            ("lasting_low_income", "i1"),
            ("barrier", "i1", (FAMILY_BARRIERS,)),
            ("barriers", "i1"),  # how many of the nine
            ("children_under_18", "i1"),
            ("children_with_needs", "i1"),  # under 18
            ("children", "i1", (AGE_GROUPS,)),
            ("in_arena", "i1", (AGE_GROUPS,)),  # of these, in at least one arena
            ("kindergarten", "i1"),  # children 1-17 in each arena
            ("sfo", "i1"),
            ("leisure", "i1"),  # 6-17
            ("contact_hours", "f4"),
            ("trust", "f4"),
            ("entitlement", "f4"),  # NOK a month, as all money here
            ("equivalised", "f4"),
            ("housing_allowance", "f4"),
            ("own_benefits", "f4"),
            ("rent", "f4"),
            ("debt", "f4"),  # NOK
            ("wages", "f8"),
            ("disposable", "f8"),
            ("social_assistance", "f8"),
            ("assistance_bits", "i8"),  # last 36 months, bit 0 = this month
            ("parent", PARENT_REGISTER, (MAX_PARENTS,)),
        ],
    )
)


@rule
def read_one(family, row):  # type: ignore[no-untyped-def]
    """One family's month."""
    row.generation = family.generation
    row.partners = family.partners
    row.residence = family.residence
    row.admitted = family.admitted
    row.income_known = family.income_known
    row.assistance_12 = family.assistance_12
    row.youngest = family.youngest
    row.immigrant = family.immigrant
    row.tenure = family.tenure
    row.meets_criteria = family.meets_criteria
    row.eligible_at_start = family.eligible_at_start
    row.ever_followed = family.ever_followed
    row.plan = family.plan
    row.special_needs = family.special_needs
    row.low_income = family.low_income_bits & 1
    row.low_income_now = family.low_income_now
    row.lasting_low_income = family.lasting_low_income
    for f in range(FAMILY_BARRIERS):
        row.barrier[f] = family.barrier[f]
    row.barriers = count_barriers(family)
    row.contact_hours = family.contact_hours
    row.trust = family.trust
    row.entitlement = family.entitlement
    row.equivalised = family.equivalised
    row.housing_allowance = family.housing_allowance
    row.own_benefits = family.own_benefits
    row.rent = family.rent
    row.debt = family.debt
    row.wages = family.wages
    row.disposable = family.disposable
    row.social_assistance = family.social_assistance
    row.assistance_bits = family.assistance_bits
    adults = family.parent[0].present + family.parent[1].present
    for k in range(MAX_PARENTS):
        _read_parent(family, family.parent[k], adults, row.parent[k])
    _read_children(family, row)


@rule
def _read_parent(family, parent, adults, row):  # type: ignore[no-untyped-def]
    row.present = parent.present
    row.work = parent.work
    row.benefit = parent.benefit
    row.source = -1
    if parent.present == 1:
        row.source = income_source(family, parent, 1.0 / adults) - SOURCE
    for b in range(PERSON_BARRIERS):
        row.barrier[b] = parent.barrier[b]
    in_place = 0
    waiting = 0
    for s in range(len(SERVICES)):
        if parent.stage[s] == IN_PLACE:
            in_place |= 1 << s
        elif parent.stage[s] == WAITING:
            waiting |= 1 << s
    row.in_place = in_place
    row.waiting = waiting
    row.age = parent.age
    row.benefit_months = parent.benefit_months
    row.out_months = parent.out_months


@rule
def _read_children(family, row):  # type: ignore[no-untyped-def]
    row.children_under_18 = 0
    row.children_with_needs = 0
    row.kindergarten = 0
    row.sfo = 0
    row.leisure = 0
    for g in range(AGE_GROUPS):
        row.children[g] = 0
        row.in_arena[g] = 0
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 0 or child.age >= 216:
            continue
        row.children_under_18 += 1
        row.children_with_needs += child.needs
        if child.age < 12:
            continue
        group = 0
        if child.age >= 120:
            group = 2
        elif child.age >= 72:
            group = 1
        row.children[group] += 1
        if child.arena[0] + child.arena[1] + child.arena[2] > 0:
            row.in_arena[group] += 1
        row.kindergarten += child.arena[0]
        row.sfo += child.arena[1]
        if group > 0:
            row.leisure += child.arena[2]


@rule
def read_register(families, out):  # type: ignore[no-untyped-def]
    """Every family's month: (N,) FAMILY to (N,) REGISTER."""
    for i in range(families.shape[0]):
        read_one(families[i], out[i])


@rule
def read_members(families, members, first, row):  # type: ignore[no-untyped-def]
    """The members of every municipality as they are, (members,) REGISTER; arguments as of :func:`follow`."""
    for o in range(families.shape[0]):
        for i in range(first[o], first[o + 1]):
            read_one(families[o, members[i]], row[i])


@rule
def follow(  # type: ignore[no-untyped-def]
    families,
    coordinators,
    services,
    town,
    setting,
    waiting,
    placed,
    takers,
    candidates,
    months,
    members,
    generation,
    first,
    rows,
):
    """Advance municipalities, one a row of the arrays, by so many ``months``, and by as many more as there are ``rows`` to read.

    ``rows`` (months, members) REGISTER; of municipality ``o`` the members from ``first[o]`` to ``first[o + 1]``, in places
    ``members`` of its pool. ``generation`` (members,) is the family meant, ANY_GENERATION who ever lives there; one that is
    no more is GONE.
    """
    for o in range(families.shape[0]):
        for m in range(-months, rows.shape[0]):
            one_month(
                families[o],
                coordinators[o],
                services[o],
                town[o],
                setting[o],
                waiting[o],
                placed[o],
                takers[o],
                candidates[o],
            )
            if m < 0:
                continue
            for i in range(first[o], first[o + 1]):
                family = families[o, members[i]]
                if generation[i] == ANY_GENERATION or family.generation == generation[i]:
                    read_one(family, rows[m, i])
                else:
                    rows[m, i].generation = GONE


def register_of(families: History) -> History:
    """FAMILY records of any shape as REGISTER records of that shape."""
    flat = np.ascontiguousarray(families).reshape(-1)
    out = np.zeros(len(flat), REGISTER)
    read_register(flat, out)
    return out.reshape(families.shape)


def read_months(world: World, rows: History) -> None:
    """Advance a municipality by as many months as ``rows`` (months, families) REGISTER has, reading each."""
    families = len(world.families)
    arrays = [array[None] for array in arrays_of(world)]
    everybody, anybody = np.arange(families), np.full(families, ANY_GENERATION)
    follow(*arrays, 0, everybody, anybody, np.array([0, families]), rows)
