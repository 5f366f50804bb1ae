"""Children's three arenas (kindergarten, SFO, leisure), fee exemptions, and upper secondary at 21.

A child joins and leaves an arena by hazards. Joining is slower in low income and with a weak network, faster when the fee
is waived, when the children's service helps, when peers take part (they are seen as they were last month), and when a
coordinator applies for the family (a link).
"""

from __future__ import annotations

import math
from typing import Final

from simulation.compiled import rule, small
from simulation.demography import ADULT, LEAVES_HOME
from simulation.draws import (
    CARE_ARENA,
    EXEMPTION,
    LEISURE_ARENA,
    UPPER_SECONDARY_DONE,
    of_child,
    rings,
)
from simulation.names import IN_PLACE, PEERS, S_CHILDREN

KINDERGARTEN: Final = 0
SFO: Final = 1
LEISURE: Final = 2
FIRST_AGE: Final = 12  # months
SCHOOL_AGE: Final = 72
SFO_END: Final = 120


@small
def peers_taking_part(families, family):  # type: ignore[no-untyped-def]
    """Mean share of children in an arena, last month, among the families this one is tied to."""
    total = 0.0
    for j in range(PEERS):
        total += families[family.peer[j]].taking_part_last
    return total / PEERS


@small
def children_month(families, family, lane, town, p, services):  # type: ignore[no-untyped-def]
    """A month of all children of a family."""
    log_ratio = p.child_application_ratio * family.potency
    log_ratio += p.peer_ratio * peers_taking_part(families, family)
    if family.low_income_bits & 1 == 1:
        log_ratio += p.arena_income_ratio
    if family.barrier[1] == 1:
        log_ratio += p.arena_network_ratio
    if family.parent[0].stage[S_CHILDREN] == IN_PLACE:
        log_ratio += p.children_service_ratio * services[S_CHILDREN].intensity
    ratio = math.exp(log_ratio)
    counted = 0
    part = 0
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 1:
            if child.age < ADULT:
                _month_under_18(family, child, of_child(town, lane, j), ratio, p)
                if child.age >= FIRST_AGE:
                    counted += 1
                    part += 1 if child.arena[0] + child.arena[1] + child.arena[2] > 0 else 0
            elif child.age == ADULT:
                child.arena[LEISURE] = 0
                child.exempt = 0
            elif child.age == LEAVES_HOME:
                _settle_upper_secondary(child, of_child(town, lane, j), p)
    family.taking_part = part / counted if counted > 0 else 0.0
    family.child_outside = 1 if part < counted else 0


@small
def _month_under_18(family, child, u, ratio, p):  # type: ignore[no-untyped-def]
    if child.exempt == 1:
        ratio *= p.exempted
        if rings(1.0 - u[EXEMPTION], p.exemption_end):
            child.exempt = 0
    elif rings(u[EXEMPTION], p.exemption_ordinary + p.exemption_rate * family.potency):
        child.exempt = 1
    age = child.age
    if age < SCHOOL_AGE:
        if age >= FIRST_AGE:
            _join_or_leave(child, KINDERGARTEN, u[CARE_ARENA], ratio, p)
    else:
        child.arena[KINDERGARTEN] = 0
        if age == SCHOOL_AGE:
            child.arena[SFO] = 1 if rings(u[CARE_ARENA], p.sfo_start * ratio) else 0
        elif age < SFO_END:
            _join_or_leave(child, SFO, u[CARE_ARENA], ratio, p)
        else:
            child.arena[SFO] = 0
        _join_or_leave(child, LEISURE, u[LEISURE_ARENA], ratio, p)
    child.months_seen += 1
    if child.arena[0] + child.arena[1] + child.arena[2] > 0:
        child.months_taking_part += 1
    child.months_low_income += family.low_income_bits & 1


@small
def _join_or_leave(child, arena, u, ratio, p):  # type: ignore[no-untyped-def]
    if child.arena[arena] == 1:
        if rings(1.0 - u, p.arena_leave[arena]):
            child.arena[arena] = 0
    elif rings(u, p.arena_join[arena] * ratio):
        child.arena[arena] = 1


@rule
def _settle_upper_secondary(child, u, p):  # type: ignore[no-untyped-def]
    """Completed upper secondary at 21: log odds from the share of childhood out of low income, and in an arena."""
    seen = max(child.months_seen, 1)
    base = p.upper_secondary_base
    log_odds = (
        math.log(base / (1.0 - base))
        + p.upper_secondary_income * (1.0 - child.months_low_income / seen)
        + p.upper_secondary_arena * (child.months_taking_part / seen)
    )
    child.upper_secondary = 1 if u[UPPER_SECONDARY_DONE] < 1.0 / (1.0 + math.exp(-log_odds)) else 0
