"""Barriers come and go, hidden until somebody finds them.

Each barrier is present or absent. Those prone to it relapse, others seldom get it; recovery is by a rate without help, an
added rate in the service that treats it, and an added rate by the coordinator's own work (a link). Weak language and low
education leave only through months of attended training. One draw serves a barrier in a month: low for onset, high for
recovery, so that two lives with the same luck grow alike and never swap.
"""

from __future__ import annotations

import numpy as np

from simulation.compiled import rule, small
from simulation.demography import prone_to_care
from simulation.draws import (
    CARE_ORDER,
    CHANGE,
    DIGITAL_CHANGE,
    EDUCATION_DONE,
    FIND,
    FIND_PARENT,
    HEALTH_CHANGE,
    LANGUAGE_DONE,
    lowest,
    of_family,
    of_parent,
    rings,
)
from simulation.names import (
    CARE,
    DIGITAL,
    ECONOMY,
    EDUCATION,
    FAMILY_BARRIERS,
    HEALTH,
    HOUSING,
    IN_PLACE,
    LANGUAGE,
    MAX_PARENTS,
    NETWORK,
    NOT_ENGAGED,
    PERSON_BARRIERS,
    S_CHILD_WELFARE,
    S_CHILDREN,
    S_ECONOMY,
    S_EDUCATION,
    S_HEALTH,
    S_HOUSING,
    S_LANGUAGE,
    VIOLENCE,
    WAITING,
)

F0 = PERSON_BARRIERS  # the first barrier of the family


@small
def barriers_month(family, lane, town, p, services):  # type: ignore[no-untyped-def]
    """All barriers of a family over a month: change, then ordinary discovery."""
    _family_barriers(family, of_family(town, lane), p, services)
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 1:
            _parent_barriers(family, k, of_parent(town, lane, k), p, services)
    _discover(family, lane, town, p)


@small
def change(present, prone, u, recovery, relapse, onset):  # type: ignore[no-untyped-def]
    """Whether the barrier is there after a month (1 or 0)."""
    hazard = relapse if prone == 1 else onset
    if present == 1:
        hazard = recovery
        u = 1.0 - u
    if rings(u, hazard):
        return 1 - present
    return present


@small
def _leave_queue(parent, s):  # type: ignore[no-untyped-def]
    """Who no longer needs a service stops waiting for it."""
    if parent.stage[s] == WAITING:
        parent.stage[s] = NOT_ENGAGED


@small
def _set_family(family, b, value):  # type: ignore[no-untyped-def]
    """A change hides the barrier again; the family then leaves the queue of its service."""
    f = b - F0
    if value != family.barrier[f]:
        family.barrier[f] = value
        family.found[f] = 0
        if value == 0:
            if b == HOUSING:
                _leave_queue(family.parent[0], S_HOUSING)
            elif b == ECONOMY:
                _leave_queue(family.parent[0], S_ECONOMY)


@small
def _treated(family, s, p_added, services):  # type: ignore[no-untyped-def]
    """The added rate while the family has a place; less where the service is spread thin."""
    if family.parent[0].stage[s] == IN_PLACE:
        return p_added * services[s].intensity
    return 0.0


@small
def _family_barriers(family, u, p, services):  # type: ignore[no-untyped-def]
    by_coordinator = family.potency
    rate = (
        p.recovery[HOUSING]
        + p.coordinator_recovery[HOUSING] * by_coordinator
        + _treated(family, S_HOUSING, p.treated_recovery[HOUSING], services)
    )
    value = change(family.barrier[0], family.prone[0], u[CHANGE + 0], rate, p.relapse[HOUSING], p.onset[HOUSING])
    _set_family(family, HOUSING, value)
    rate = (
        p.recovery[NETWORK]
        + p.coordinator_recovery[NETWORK] * by_coordinator
        + p.arena_network_recovery * family.taking_part_last
    )
    value = change(family.barrier[1], family.prone[1], u[CHANGE + 1], rate, p.relapse[NETWORK], p.onset[NETWORK])
    _set_family(family, NETWORK, value)
    # Debt slows the way out of debt trouble.
    advised = _treated(family, S_ECONOMY, p.treated_recovery[ECONOMY], services)
    rate = (
        p.recovery[ECONOMY] * p.debt_scale / (p.debt_scale + family.debt)
        + p.coordinator_recovery[ECONOMY] * by_coordinator
        + advised
    )
    value = change(family.barrier[2], family.prone[2], u[CHANGE + 2], rate, p.relapse[ECONOMY], p.onset[ECONOMY])
    _set_family(family, ECONOMY, value)
    if value == 1 and advised == 0.0:
        family.debt += p.debt_growth
    elif family.debt > 0.0:
        family.debt = max(0.0, family.debt - 0.5 * p.debt_growth)
    relief = _treated(family, S_CHILD_WELFARE, 1.0, services)
    helped = relief + _treated(family, S_CHILDREN, 1.0, services)
    rate = (
        p.recovery[CARE]
        + p.coordinator_recovery[CARE] * by_coordinator
        + p.treated_recovery[CARE] * (1.0 if helped > 1.0 else helped)
    )
    value = change(family.barrier[3], prone_to_care(family), u[CHANGE + 3], rate, p.relapse[CARE], p.onset[CARE])
    _set_family(family, CARE, value)

    rate = p.recovery[VIOLENCE] + p.treated_recovery[VIOLENCE] * relief
    value = change(family.barrier[4], family.prone[4], u[CHANGE + 4], rate, p.relapse[VIOLENCE], p.onset[VIOLENCE])
    _set_family(family, VIOLENCE, value)
    if family.in_care == 1:
        if rings(1.0 - u[CARE_ORDER], p.care_order_end):
            family.in_care = 0
    elif (family.barrier[3] == 1 or family.barrier[4] == 1) and rings(u[CARE_ORDER], p.care_order):
        family.in_care = 1
    if family.barrier[3] == 0 and family.barrier[4] == 0:
        _leave_queue(family.parent[0], S_CHILD_WELFARE)


@small
def _parent_barriers(family, k, u, p, services):  # type: ignore[no-untyped-def]
    parent = family.parent[k]
    rate = p.recovery[HEALTH]
    if parent.stage[S_HEALTH] == IN_PLACE:
        rate += p.treated_recovery[HEALTH] * services[S_HEALTH].intensity
    value = change(
        parent.barrier[HEALTH], parent.prone[HEALTH], u[HEALTH_CHANGE], rate, p.relapse[HEALTH], p.onset[HEALTH]
    )
    if value != parent.barrier[HEALTH]:
        parent.barrier[HEALTH] = value
        parent.found[HEALTH] = 0
        if value == 0:
            _leave_queue(parent, S_HEALTH)
    in_language = parent.stage[S_LANGUAGE] == IN_PLACE
    in_education = parent.stage[S_EDUCATION] == IN_PLACE
    rate = p.recovery[DIGITAL] + p.coordinator_recovery[DIGITAL] * family.potency
    if in_language or in_education:
        rate += p.treated_recovery[DIGITAL]
    value = change(
        parent.barrier[DIGITAL], parent.prone[DIGITAL], u[DIGITAL_CHANGE], rate, p.relapse[DIGITAL], p.onset[DIGITAL]
    )
    if value != parent.barrier[DIGITAL]:
        parent.barrier[DIGITAL] = value
        parent.found[DIGITAL] = 0
    if in_language:
        parent.attended[0] += 1
        _train(parent, LANGUAGE, u[LANGUAGE_DONE], services[S_LANGUAGE].intensity / p.training_months[LANGUAGE])
    if in_education:
        parent.attended[1] += 1
        _train(parent, EDUCATION, u[EDUCATION_DONE], services[S_EDUCATION].intensity / p.training_months[EDUCATION])


@small
def _train(parent, b, u, rate):  # type: ignore[no-untyped-def]
    """An attended month: the barrier may be overcome, for good."""
    if parent.barrier[b] == 1 and rings(u, rate):
        parent.barrier[b] = 0


@small
def _discover(family, lane, town, p):  # type: ignore[no-untyped-def]
    """Ordinary follow-up finds hidden barriers."""
    u = of_family(town, lane)
    if lowest(u, FIND, FAMILY_BARRIERS) < p.discovery_ordinary:
        for f in range(FAMILY_BARRIERS):
            if family.barrier[f] == 1 and rings(u[FIND + f], p.discovery_ordinary):
                family.found[f] = 1
    for k in range(MAX_PARENTS):
        u = of_parent(town, lane, k)
        parent = family.parent[k]
        if parent.present == 1 and lowest(u, FIND_PARENT, PERSON_BARRIERS) < p.discovery_ordinary:
            for b in range(PERSON_BARRIERS):
                if parent.barrier[b] == 1 and rings(u[FIND_PARENT + b], p.discovery_ordinary):
                    parent.found[b] = 1


@small
def held(barrier, number):  # type: ignore[no-untyped-def]
    """The barriers present among the first so many, one bit each: the place in a table by sets of barriers."""
    bits = np.int64(0)
    for b in range(number):
        bits |= np.int64(barrier[b]) << b
    return bits


@small
def count_barriers(family):  # type: ignore[no-untyped-def]
    """Barriers present in a family: of the family, and those that at least one parent has."""
    number = 0
    for f in range(FAMILY_BARRIERS):
        number += family.barrier[f]
    for b in range(PERSON_BARRIERS):
        if family.parent[0].barrier[b] == 1 or (family.parent[1].present == 1 and family.parent[1].barrier[b] == 1):
            number += 1
    return number


@rule
def has_known_barrier(family):  # type: ignore[no-untyped-def]
    """Whether NAV knows of any barrier of the family or of a parent: a need of services."""
    for f in range(FAMILY_BARRIERS):
        if family.barrier[f] == 1 and family.found[f] == 1:
            return True
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        for b in range(PERSON_BARRIERS):
            if parent.present == 1 and parent.barrier[b] == 1 and parent.found[b] == 1:
                return True
    return False


@rule
def need_score(family):  # type: ignore[no-untyped-def]
    """Need as the intake team and services see it, 0..30: known barriers, children, months on social assistance.

    Never uses origin.
    """
    score = 0
    for f in range(FAMILY_BARRIERS):
        if family.barrier[f] == 1 and family.found[f] == 1:
            score += 2
    for b in range(PERSON_BARRIERS):
        for k in range(MAX_PARENTS):
            parent = family.parent[k]
            if parent.present == 1 and parent.barrier[b] == 1 and parent.found[b] == 1:
                score += 1
    score += min(family.children_under_18, 4)
    score += family.assistance_12 // 3
    return score
