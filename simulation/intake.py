"""The intake team: who meets the criteria, who is offered a coordinator, and when follow-up ends.

The criteria are HOLF's: at least 6 of the last 12 months on social assistance (3 by the relaxed rule), or AAP,
unemployment benefit or KVP with supplementary social assistance; 1-4 children under 18, the youngest under 16; not
followed before; no child in care. Or those of Nye mønstre: low income in each of the last 36 months, and a known barrier, so
a need of services; a child under 18; not followed before; no child in care. Among those who meet them the team chooses by
need, by waiting time or at random.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulation.barriers import has_known_barrier, need_score
from simulation.compiled import rule, small
from simulation.draws import (
    BLOCK_INTAKE,
    INTAKE_TICKET,
    LANES,
    ONE_BLOCK,
    PLANNED_LENGTH,
    draw_families,
    family_lane,
    fill_family,
    of_family,
)
from simulation.names import (
    AAP,
    KVP,
    LASTING_LOW_INCOME,
    MAX_PARENTS,
    NO_WORK,
    UNEMPLOYMENT,
)
from simulation.queues import CLIENT_MASK, HIGHEST_PRIORITY, make_ticket

BY_NEED: Final = 0
BY_WAITING: Final = 1
AT_RANDOM: Final = 2
MONTHS: Final = 6  # holf-inclusion-sa-months
MONTHS_RELAXED: Final = 3
KNOWN_MONTHS: Final = 36  # of income, before it can be said to be lastingly low
MOST_CHILDREN: Final = 4
YOUNGEST_UNDER: Final = 192  # months: 16 years


@small
def meets_criteria(family, criterion, months_needed):  # type: ignore[no-untyped-def]
    """Whether the family meets the intake criteria; HOLF's with so many months of social assistance in the last 12."""
    if family.ever_followed == 1 or family.in_care == 1 or family.children_under_18 < 1:
        return 0
    if criterion == LASTING_LOW_INCOME:
        lasting = family.lasting_low_income == 1 and family.income_known == KNOWN_MONTHS
        return 1 if lasting and has_known_barrier(family) else 0
    if family.children_under_18 > MOST_CHILDREN:
        return 0
    if family.youngest >= YOUNGEST_UNDER:
        return 0
    if family.assistance_12 >= months_needed:
        return 1
    if family.social_assistance > 0.0:
        for k in range(MAX_PARENTS):
            parent = family.parent[k]
            if parent.present == 1 and (
                parent.benefit == AAP or parent.benefit == UNEMPLOYMENT or parent.benefit == KVP
            ):
                return 1
    return 0


@small
def apply_criteria(family, town, candidates):  # type: ignore[no-untyped-def]
    """Mark whether the family meets the criteria this month; put it on the intake team's list if it does."""
    family.meets_criteria = meets_criteria(family, town.criterion, town.months_needed)
    if family.meets_criteria == 0:
        family.waiting_months = 0
        return
    family.waiting_months += 1
    if town.coordinators == 0:
        return
    candidates[town.candidates] = family.slot
    town.candidates += 1


@rule
def rank(families, town, candidates):  # type: ignore[no-untyped-def]
    """Put the list in the intake team's order: by need, by waiting time or at random; luck decides what is equal."""
    for t in range(town.candidates):
        lane = t % LANES
        if lane == 0:
            number = min(LANES, town.candidates - t)
            for i in range(number):
                family_lane(town, i, families[candidates[t + i]])
            draw_families(town, number, BLOCK_INTAKE, ONE_BLOCK)
        family = families[candidates[t]]
        priority = 0
        if town.intake == BY_NEED:
            priority = HIGHEST_PRIORITY - need_score(family)
        elif town.intake == BY_WAITING:
            priority = max(HIGHEST_PRIORITY - family.waiting_months, 0)
        candidates[t] = make_ticket(priority, of_family(town, lane)[INTAKE_TICKET], family.slot)
    candidates[: town.candidates].sort()


@rule
def end_follow_up(family, town):  # type: ignore[no-untyped-def]
    """The coordinator lets the family go; the place is free for the next."""
    family.coordinator = -1
    family.plan = 0
    family.followed_months = 0
    family.ended = town.month


@rule
def goals_met(family, p):  # type: ignore[no-untyped-def]
    """A parent in work and no social assistance for some months, as stated by ``goals_met_months``."""
    recent = (np.int64(1) << np.int64(min(p.goals_met_months, 36.0))) - 1
    if family.followed_months < p.goals_met_months or family.assistance_bits & recent != 0:
        return False
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 1 and family.parent[k].work != NO_WORK:
            return True
    return False


@rule
def endings(families, coordinators, town, p):  # type: ignore[no-untyped-def]
    """Follow-up ends after its stated time or when its goals are met; families that left free their place too."""
    for c in range(town.coordinators):
        coordinator = coordinators[c]
        kept = 0
        for j in range(coordinator.families):
            slot = coordinator.family[j]
            family = families[slot]
            if family.coordinator != c:
                continue  # it moved out; another family lives in the slot now
            if family.followed_months >= family.planned_months or goals_met(family, p):
                end_follow_up(family, town)
                continue
            coordinator.family[kept] = slot
            kept += 1
        coordinator.families = kept


@rule
def intake_month(families, coordinators, town, p, candidates):  # type: ignore[no-untyped-def]
    """Endings, then admissions: the first on the list to the coordinator with most room, while there is room."""
    if town.coordinators == 0:
        return
    endings(families, coordinators, town, p)
    room = 0
    for c in range(town.coordinators):
        coordinators[c].admitted = 0
        if coordinators[c].present == 1:
            room += max(coordinators[c].caseload - coordinators[c].families, 0)
    if room == 0:
        return
    rank(families, town, candidates)
    for t in range(town.candidates):
        best = -1
        most = 0
        for c in range(town.coordinators):
            coordinator = coordinators[c]
            room = coordinator.caseload - coordinator.families
            if coordinator.present == 1 and coordinator.admitted < town.admissions and room > most:
                best = c
                most = room
        if best < 0:
            break
        slot = candidates[t] & CLIENT_MASK
        admit(families[slot], coordinators[best], best, town, p)


@rule
def admit(family, coordinator, c, town, p):  # type: ignore[no-untyped-def]
    """The family gets a coordinator, a plan, and a stated length of follow-up."""
    fill_family(town.u, town, family, BLOCK_INTAKE)
    spread = 1.0 + p.length_spread * (2.0 * town.u[PLANNED_LENGTH] - 1.0)
    family.coordinator = c
    family.plan = 1
    family.followed_months = 0
    family.planned_months = max(np.int64(min(town.length_months * spread, town.longest_months) + 0.5), 1)
    family.waiting_months = 0
    family.ever_followed = 1
    family.admitted = town.study_month
    coordinator.family[coordinator.families] = family.slot
    coordinator.families += 1
    coordinator.admitted += 1
    town.admitted_now += 1
