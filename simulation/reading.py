"""Outcomes are read: one row of sums for each family and month, added up over populations.

A row holds a numerator for each outcome (in the order of ``outcomes.OUTCOMES``) and then the denominators. Rows of families are
added over a population and divided at the end, so that a share is over persons, not a mean of families' shares.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.barriers import count_barriers
from simulation.compiled import rule, small
from simulation.names import (
    BARRIERS,
    FAMILY_BARRIERS,
    FULL_TIME,
    IN_PLACE,
    INTRODUCTION,
    KVP,
    MAX_PARENTS,
    MEASURES,
    NO_WORK,
    PERSON_BARRIERS,
    S_WORK,
    SERVICES,
)
from simulation.outcomes import FLOWS, OUTCOME_NAMES, FloatArray

K: Final = len(OUTCOME_NAMES)
_OF_SERVICES: Final = (*(f"use_{name}" for name in SERVICES), "caseload_filled")
_OF_FAMILIES: Final = tuple(name for name in OUTCOME_NAMES if name not in _OF_SERVICES)
_DENOMINATORS_OF_FAMILIES: Final = 19

# A row: the families' numerators and denominators, then those of services and coordinators.
FAMILY_COLUMNS: Final = len(_OF_FAMILIES) + _DENOMINATORS_OF_FAMILIES
_AT: Final = {name: k for k, name in enumerate(_OF_FAMILIES)} | {
    name: FAMILY_COLUMNS + k for k, name in enumerate(_OF_SERVICES)
}

# Numerators.
EMPLOYED: Final = _AT["employed_share"]
FULL: Final = _AT["full_time_share"]
ACTIVITY: Final = _AT["activity_share"]
EARNINGS: Final = _AT["earnings"]
DISPOSABLE: Final = _AT["disposable_income"]
LOW_INCOME: Final = _AT["low_income_share"]
CHILDREN_LOW: Final = _AT["children_in_low_income_share"]
LOW_NOW: Final = _AT["low_income_now_share"]
LOW_LASTING: Final = _AT["lasting_low_income_share"]
ASSISTED: Final = _AT["social_assistance_share"]
ASSISTANCE: Final = _AT["social_assistance_amount"]
SOURCE: Final = _AT["income_source_work_share"]  # work, then benefits 1..7, social assistance, none
SOURCE_ASSISTANCE: Final = _AT["income_source_social_assistance_share"]
SOURCE_NONE: Final = _AT["income_source_none_share"]
LEISURE_SHARE: Final = _AT["leisure_share"]
KINDERGARTEN_SHARE: Final = _AT["kindergarten_share"]
SFO_SHARE: Final = _AT["sfo_share"]
ADEQUATE: Final = _AT["adequate_housing_share"]
BARRIER: Final = _AT["barrier_health_share"]
TRUST: Final = _AT["trust"]
COORDINATED: Final = _AT["coordinated_share"]
HOURS: Final = _AT["contact_hours"]
NOT_CLAIMED: Final = _AT["entitled_not_claimed"]
BARRIERS_HELD: Final = _AT["barriers_per_family"]
WAIT: Final = _AT[f"wait_{SERVICES[0]}"]
USE: Final = _AT[f"use_{SERVICES[0]}"]
FILLED: Final = _AT["caseload_filled"]
UPPER_SECONDARY: Final = _AT["upper_secondary_share"]

# Denominators.
FAMILIES: Final = len(_OF_FAMILIES)
PARENTS: Final = FAMILIES + 1
CHILDREN: Final = FAMILIES + 2  # under 18
AGE_GROUP: Final = FAMILIES + 3  # children 1-5, 6-9, 10-17
IN_ARENA: Final = FAMILIES + 6  # of these, in at least one arena
SCHOOL_CHILDREN: Final = FAMILIES + 9  # 6-17
TURNED_21: Final = FAMILIES + 10
WAITED: Final = FAMILIES + 11  # clients in place, for each service
PLACES: Final = FAMILY_COLUMNS + len(_OF_SERVICES)  # for each service
POSTS: Final = PLACES + len(SERVICES)  # coordinator places
COLUMNS: Final = POSTS + 1

STANDARD: Final = (5.0 / 17.0, 4.0 / 17.0, 8.0 / 17.0)  # ages 1-5, 6-9, 10-17 in a standard childhood

F: Final = len(FLOWS)
FLOW_BENEFIT: Final = FLOWS.index("kvp") - 1  # + benefit
FLOW_CHILD_BENEFIT: Final = FLOWS.index("child_benefit")
FLOW_COORDINATORS: Final = FLOWS.index("coordinator_positions")
FLOW_PLACES: Final = FLOWS.index(f"place_months_{SERVICES[0]}")
ADMITTED: Final = FLOWS.index("families_admitted")
FLOW_DISPOSABLE: Final = FLOWS.index("disposable_income")
FLOW_REQUESTS: Final = FLOWS.index(f"requests_{SERVICES[0]}")
FLOW_STARTS: Final = FLOWS.index(f"starts_{SERVICES[0]}")
FLOW_INTERPRETER: Final = FLOWS.index("interpreter_hours")
FLOW_PEOPLE: Final = FLOWS.index("parents_in_work")
LANGUAGE: Final = BARRIERS.index("language")
HEALTH: Final = BARRIERS.index("health")


@small
def read_family(family, row):  # type: ignore[no-untyped-def]
    """One family's month as a row of sums, (FAMILY_COLUMNS,)."""
    for c in range(FAMILY_COLUMNS):
        row[c] = 0.0
    row[FAMILIES] = 1.0
    _read_parents(family, row)
    _read_children(family, row)
    low = float(family.low_income_bits & 1)
    row[EARNINGS] = family.wages
    row[DISPOSABLE] = family.disposable
    row[LOW_INCOME] = low
    row[CHILDREN_LOW] = low * family.children_under_18
    row[LOW_NOW] = family.low_income_now
    row[LOW_LASTING] = family.lasting_low_income
    row[CHILDREN] = family.children_under_18
    row[ASSISTED] = 1.0 if family.social_assistance > 0.0 else 0.0
    row[ASSISTANCE] = family.social_assistance
    row[ADEQUATE] = 1.0 - family.barrier[0]
    for f in range(FAMILY_BARRIERS):
        row[BARRIER + PERSON_BARRIERS + f] = family.barrier[f]
    row[TRUST] = family.trust
    row[COORDINATED] = family.plan
    row[HOURS] = family.contact_hours
    row[NOT_CLAIMED] = family.entitled_not_claimed
    row[BARRIERS_HELD] = count_barriers(family)


@small
def income_source(family, parent, share):  # type: ignore[no-untyped-def]
    """The largest of wages, own benefit and a share of social assistance, as a column of the row."""
    source = SOURCE_NONE
    largest = 0.0
    if parent.wages > largest:
        source = SOURCE
        largest = parent.wages
    if parent.own_benefit > largest:
        source = SOURCE + parent.benefit
        largest = parent.own_benefit
    if share * family.social_assistance > largest:
        source = SOURCE_ASSISTANCE
    return source


@small
def _read_parents(family, row):  # type: ignore[no-untyped-def]
    adults = family.parent[0].present + family.parent[1].present * 1
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 0:
            continue
        row[PARENTS] += 1.0
        if parent.work != NO_WORK:
            row[EMPLOYED] += 1.0
            if parent.work == FULL_TIME:
                row[FULL] += 1.0
        if (
            parent.stage[S_WORK] == IN_PLACE
            or parent.benefit == KVP
            or parent.benefit == MEASURES
            or parent.benefit == INTRODUCTION
        ):
            row[ACTIVITY] += 1.0
        row[income_source(family, parent, 1.0 / adults)] += 1.0
        for b in range(PERSON_BARRIERS):
            row[BARRIER + b] += parent.barrier[b]
        for s in range(len(SERVICES)):
            if parent.stage[s] == IN_PLACE:
                row[WAITED + s] += 1.0
                row[WAIT + s] += parent.waited[s]


@small
def _read_children(family, row):  # type: ignore[no-untyped-def]
    for j in range(family.child_slots):
        child = family.child[j]
        if child.upper_secondary >= 0:
            row[TURNED_21] += 1.0
            row[UPPER_SECONDARY] += child.upper_secondary
        if child.present == 1 and 12 <= child.age < 216:
            group = 0
            if child.age >= 120:
                group = 2
            elif child.age >= 72:
                group = 1
            row[AGE_GROUP + group] += 1.0
            if child.arena[0] + child.arena[1] + child.arena[2] > 0:
                row[IN_ARENA + group] += 1.0
            row[KINDERGARTEN_SHARE] += child.arena[0]
            row[SFO_SHARE] += child.arena[1]
            if group > 0:
                row[SCHOOL_CHILDREN] += 1.0
                row[LEISURE_SHARE] += child.arena[2]


@small
def _add(total, row):  # type: ignore[no-untyped-def]
    for c in range(FAMILY_COLUMNS):
        total[c] += row[c]


@small
def _add_flows(family, flow):  # type: ignore[no-untyped-def]
    """Money of a family this month, by kind: see outcomes.FLOWS."""
    flow[0] += family.wages
    flow[1] += family.tax
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1 and parent.benefit > 0:
            flow[FLOW_BENEFIT + parent.benefit] += parent.own_benefit
    flow[FLOW_CHILD_BENEFIT] += family.child_benefit
    flow[FLOW_CHILD_BENEFIT + 1] += family.cash_for_care
    flow[FLOW_CHILD_BENEFIT + 2] += family.childcare_support
    flow[FLOW_CHILD_BENEFIT + 3] += family.advance_child_support
    flow[FLOW_CHILD_BENEFIT + 4] += family.housing_allowance
    flow[FLOW_CHILD_BENEFIT + 5] += family.social_assistance
    flow[FLOW_CHILD_BENEFIT + 6] += family.kindergarten_fee
    flow[FLOW_CHILD_BENEFIT + 7] += family.sfo_fee
    flow[FLOW_COORDINATORS + 2] += family.contact_hours
    flow[FLOW_COORDINATORS + 3] += family.plan
    flow[FLOW_DISPOSABLE] += family.disposable
    if family.contact_hours > 0.0 and has_barrier(family, LANGUAGE) == 1:
        flow[FLOW_INTERPRETER] += family.contact_hours


@small
def has_barrier(family, barrier):  # type: ignore[no-untyped-def]
    """1 where a parent has one of the barriers of persons."""
    found = 0
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 1 and family.parent[k].barrier[barrier] == 1:
            found = 1
    return found


@rule
def read_month(  # type: ignore[no-untyped-def]
    families, coordinators, services, town, row, pool, eligible, followed, flow, panel, generation, ever
):
    """Read a month: add to the pool's row, the eligible's, the followed's by months since admission, and the flows.

    ``panel`` (families, FAMILY_COLUMNS), ``generation`` and ``ever`` (families,) keep what each family was; or have no rows.
    """
    last = followed.shape[0] - 1
    keep = panel.shape[0] > 0
    for i in range(families.shape[0]):
        family = families[i]
        read_family(family, row)
        _add(pool, row)
        if family.eligible_at_start == 1:
            _add(eligible, row)
        if family.ever_followed == 1:
            _add(followed[min(town.study_month - family.admitted, last)], row)
        _add_flows(family, flow)
        if keep:
            for c in range(FAMILY_COLUMNS):
                panel[i, c] = row[c]
            generation[i] = family.generation
            ever[i] = family.ever_followed
    for s in range(len(SERVICES)):
        taken = services[s].placed + services[s].residents
        pool[USE + s] += taken
        pool[PLACES + s] += services[s].places
        flow[FLOW_PLACES + s] += services[s].placed
        flow[FLOW_REQUESTS + s] += services[s].requests
        flow[FLOW_STARTS + s] += services[s].starts
    for c in range(town.coordinators):
        pool[FILLED] += coordinators[c].families
        pool[POSTS] += coordinators[c].caseload
        flow[FLOW_COORDINATORS + (0 if coordinators[c].present == 1 else 1)] += 1.0
    flow[ADMITTED] += town.admitted_now


@rule
def add_earlier(families, panel, generation, eligible):  # type: ignore[no-untyped-def]
    """Add earlier months of those eligible at month 0: ``panel`` (months, families, FAMILY_COLUMNS)."""
    for i in range(families.shape[0]):
        if families[i].eligible_at_start == 1:
            for m in range(panel.shape[0]):
                if generation[m, i] == families[i].generation:
                    for c in range(FAMILY_COLUMNS):
                        eligible[m, c] += panel[m, i, c]


@rule
def add_paired(  # type: ignore[no-untyped-def]
    panel_a, generation_a, ever_a, panel_b, generation_b, ever_b, paired
):
    """Both lives of the families followed in both arms, and of those followed in one.

    ``panel_*`` (months, families, FAMILY_COLUMNS); ``paired`` (2 populations, 2 sides, months, COLUMNS) is added to.
    """
    months = panel_a.shape[0]
    for i in range(panel_a.shape[1]):
        first = min(generation_a[0, i], generation_b[0, i])
        last = max(generation_a[months - 1, i], generation_b[months - 1, i])
        for g in range(first, last + 1):
            in_a = 0
            in_b = 0
            for m in range(months):
                if generation_a[m, i] == g and ever_a[m, i] == 1:
                    in_a = 1
                if generation_b[m, i] == g and ever_b[m, i] == 1:
                    in_b = 1
            if in_a + in_b == 0:
                continue
            population = 2 - in_a - in_b
            for m in range(months):
                if generation_a[m, i] == g:
                    for c in range(FAMILY_COLUMNS):
                        paired[population, 0, m, c] += panel_a[m, i, c]
                if generation_b[m, i] == g:
                    for c in range(FAMILY_COLUMNS):
                        paired[population, 1, m, c] += panel_b[m, i, c]


def add_people(flows: FloatArray, pool: FloatArray) -> None:
    """Persons and families in the states that gains are counted in: the pool's sums (H, COLUMNS) into its flows (H, F)."""
    flows[:, FLOW_PEOPLE] = pool[:, EMPLOYED]
    flows[:, FLOW_PEOPLE + 1] = pool[:, IN_ARENA : IN_ARENA + 3].sum(axis=1)
    flows[:, FLOW_PEOPLE + 2] = pool[:, CHILDREN_LOW]
    flows[:, FLOW_PEOPLE + 3] = pool[:, ASSISTED]


def members(families: npt.NDArray[Any]) -> FloatArray:
    """Who of the eligible is in each of ``outcomes.GROUPS``, as FAMILY records (N,) at month 0 say. (G, N), 1 or 0."""
    parents = families["parent"]
    present = parents["present"] == 1
    lone = present.sum(axis=1) == 1
    poor = (present & (parents["barrier"][..., HEALTH] == 1)).any(axis=1)
    immigrant = families["immigrant"] == 1
    groups = np.stack([lone, ~lone, poor, ~poor, immigrant, ~immigrant])
    return np.asarray(groups & (families["eligible_at_start"] == 1), dtype=np.float64)


def group_sums(groups: FloatArray, families: npt.NDArray[Any], rows: npt.NDArray[np.float32]) -> FloatArray:
    """Rows (N, FAMILY_COLUMNS) added over groups (G, N), of the families that are still there. (G, COLUMNS)"""
    sums = np.zeros((groups.shape[0], COLUMNS))
    # A slot that another family has come to is no longer that of an eligible one.
    sums[:, :FAMILY_COLUMNS] = (groups * (families["eligible_at_start"] == 1)) @ rows.astype(np.float64)
    return sums


def _denominators() -> npt.NDArray[np.int64]:
    columns = np.full(K, FAMILIES)
    for k, name in enumerate(OUTCOME_NAMES):
        if name.startswith(("employed", "full_time", "activity", "income_source")):
            columns[k] = PARENTS
    below = {
        **{f"barrier_{name}_share": PARENTS for name in BARRIERS[:PERSON_BARRIERS]},
        "children_in_low_income_share": CHILDREN,
        "leisure_share": SCHOOL_CHILDREN,
        "kindergarten_share": AGE_GROUP,
        "sfo_share": AGE_GROUP + 1,
        "upper_secondary_share": TURNED_21,
        "caseload_filled": POSTS,
        **{f"wait_{name}": WAITED + s for s, name in enumerate(SERVICES)},
        **{f"use_{name}": PLACES + s for s, name in enumerate(SERVICES)},
    }
    for name, column in below.items():
        columns[OUTCOME_NAMES.index(name)] = column
    return columns


_NUMERATORS: Final = np.array([_AT[name] for name in OUTCOME_NAMES])
_PARTICIPATION: Final = OUTCOME_NAMES.index("child_participation_share")
_DENOMINATORS: Final = _denominators()


@rule
def _divide(sums, numerators, denominators, values):  # type: ignore[no-untyped-def]
    """Rows of sums (R, COLUMNS) to outcomes (R, K), which are written to ``values``."""
    for r in range(sums.shape[0]):
        for k in range(numerators.shape[0]):
            below = sums[r, denominators[k]]
            values[r, k] = sums[r, numerators[k]] / below if below > 0.0 else np.nan
        share = 0.0
        total = 0.0
        for g in range(len(STANDARD)):
            number = sums[r, AGE_GROUP + g]
            if number > 0.0:
                share += STANDARD[g] * (sums[r, IN_ARENA + g] / number)
                total += STANDARD[g]
        values[r, _PARTICIPATION] = share / total if total > 0.0 else np.nan


def to_values(sums: FloatArray) -> FloatArray:
    """Sums (..., COLUMNS) to outcomes (..., K): numerator over denominator, NaN where there was nobody."""
    values = np.empty((*sums.shape[:-1], K))
    _divide(sums.reshape(-1, COLUMNS), _NUMERATORS, _DENOMINATORS, values.reshape(-1, K))
    return values
