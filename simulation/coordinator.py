"""A family coordinator: her state, her month, and the agent a Mesa user works with.

A month: she may leave, or a vacant position is filled (:func:`staffing`); hours are shared out (:func:`follow_up_month`); for
each family there is a meeting, held or missed, then potency is set, what every link multiplies; hidden barriers are found,
claims and referrals made. Her effect on work, children, benefits and barriers lives where those behave, as
``link x family.potency``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulation.barriers import need_score
from simulation.compiled import rule
from simulation.draws import (
    AT_ENTRY,
    BLOCK_COORDINATOR,
    BLOCK_SKILL,
    BLOCK_STAFF,
    ENTITY_FAMILY,
    FAMILY_COORDINATOR_BLOCKS,
    HEAD_START,
    HELP_CLAIM_HOUSING,
    HELP_CLAIM_SUPPORT,
    HIRE,
    LANES,
    MEETING_MISSED,
    PARENT_COORDINATOR_BLOCKS,
    REFER,
    REFER_ORDER,
    SLOT_COORDINATOR,
    TURNOVER,
    VISIT_FINDS,
    VISIT_FINDS_PARENT,
    draw_families,
    draw_parents,
    family_lane,
    fill,
    normal,
    of_family,
    of_parent,
    parent_lanes,
    rings,
)
from simulation.names import (
    FAMILY_BARRIERS,
    MAX_CASELOAD,
    MAX_PARENTS,
    OWNER,
    PERSON_BARRIERS,
    SERVICES,
    SUPPORTS,
)
from simulation.parameters import hill
from simulation.queues import known_needs, refer

COORDINATOR: Final = np.dtype(
    (
        np.record,
        [
            ("present", "i1"),  # 0: the position is vacant
            ("caseload", "i8"),  # most families at a time
            ("families", "i8"),  # families now
            ("family", "i8", (MAX_CASELOAD,)),  # their slots
            ("admitted", "i8"),  # families admitted this month
            ("months_in_post", "i8"),
            ("hires", "i8"),  # how many held the position before
            ("skill", "f8"),  # multiplies potency; 1 is the median
            ("hours_per_family", "f8"),  # hours a month for the mean family, before meetings are missed
        ],
    )
)


# --- staff --------------------------------------------------------------------------------------------------------


@rule
def hire(coordinator, c, town, p):  # type: ignore[no-untyped-def]
    """Somebody takes the position: a new skill, log-normal around 1."""
    fill(town.u, town, SLOT_COORDINATOR + c, coordinator.hires, AT_ENTRY, BLOCK_SKILL)
    coordinator.skill = math.exp(p.skill_sd * normal(town.u[0], town.u[1]))
    coordinator.present = 1
    coordinator.months_in_post = 0
    coordinator.hires += 1


@rule
def staffing(families, coordinators, c, town, p):  # type: ignore[no-untyped-def]
    """Turnover: she may leave (more often with more families); a vacant position may be filled. Trust is lost in part."""
    coordinator = coordinators[c]
    fill(town.u, town, SLOT_COORDINATOR + c, ENTITY_FAMILY, town.month, BLOCK_STAFF)
    if coordinator.present == 1:
        coordinator.months_in_post += 1
        hazard = p.turnover
        if coordinator.families > 10:
            # For each doubling of ten families: 1.4427 = 1 / ln 2.
            hazard *= math.exp(p.turnover_caseload_ratio * 1.4426950408889634 * math.log(coordinator.families / 10.0))
        forced = c == 0 and town.study_month == town.coordinator_leaves_month
        if forced or rings(town.u[TURNOVER], hazard):
            coordinator.present = 0
            coordinator.months_in_post = 0  # who covers is as new to the families as who comes after
            for j in range(coordinator.families):
                family = families[coordinator.family[j]]
                if family.coordinator == c and family.trust > p.trust_start:
                    family.trust -= p.trust_lost * (family.trust - p.trust_start)
    elif rings(town.u[HIRE], 1.0 / p.vacancy_months):
        hire(coordinator, c, town, p)


@rule
def share_cover(coordinators, town, p):  # type: ignore[no-untyped-def]
    """Hours for the mean family of each coordinator, with or without cover for vacant positions."""
    present = 0
    uncovered = 0
    followed = 0
    for c in range(town.coordinators):
        followed += coordinators[c].families
        if coordinators[c].present == 1:
            present += 1
        else:
            uncovered += coordinators[c].families
    # The time that ordinary follow-up no longer spends on these, shared by the others.
    town.relief = 1.0 + p.relief * followed / max(town.families - followed, 1)
    extra = 0.0
    if town.cover == 1 and present > 0:
        extra = uncovered / present
    total = 0.0
    for c in range(town.coordinators):
        coordinator = coordinators[c]
        coordinator.hours_per_family = 0.0
        if coordinator.present == 1 and coordinator.families + extra > 0.0:
            coordinator.hours_per_family = net_hours_per_family(coordinator.families + extra, p)
            total += coordinator.hours_per_family
    if town.cover == 1 and present > 0:
        for c in range(town.coordinators):
            if coordinators[c].present == 0:
                coordinators[c].hours_per_family = total / present


@rule
def net_hours_per_family(families, p):  # type: ignore[no-untyped-def]
    """Contact hours a month for each of so many families: net hours less paperwork and travel, never negative."""
    return max(p.net_hours / max(families, 1.0) - p.paperwork_hours - p.travel_hours, 0.0)


# --- a month with her families ------------------------------------------------------------------------------------


@rule
def follow_up_month(families, coordinators, c, town, p, services, waiting):  # type: ignore[no-untyped-def]
    """What a coordinator does in a month: share her hours by need, then meet each family."""
    coordinator = coordinators[c]
    total_need = 0.0
    kept = 0
    for j in range(coordinator.families):
        slot = coordinator.family[j]
        if families[slot].coordinator == c:  # else the family has moved out
            coordinator.family[kept] = slot
            kept += 1
            total_need += 1.0 + need_score(families[slot])
    coordinator.families = kept
    for first in range(0, kept, LANES):
        number = min(LANES, kept - first)
        _draw(families, coordinator.family, first, number, town)
        for lane in range(number):
            family = families[coordinator.family[first + lane]]
            relative = (1.0 + need_score(family)) * kept / total_need
            hours = coordinator.hours_per_family * (1.0 - p.need_weight + p.need_weight * relative)
            _meet(family, coordinator, hours, of_family(town, lane)[MEETING_MISSED], town, p)
            _find(family, lane, town, p)
            _claim(family, of_family(town, lane), p)
            _refer(family, lane, town, p, services, waiting)


@rule
def _draw(families, slots, first, number, town):  # type: ignore[no-untyped-def]
    """The draws of the coordinator's month, for some of her families and their parents."""
    parents = np.int64(0)
    for lane in range(number):
        family = families[slots[first + lane]]
        family_lane(town, lane, family)
        parents = parent_lanes(town, lane, family, parents)
    draw_families(town, number, BLOCK_COORDINATOR, FAMILY_COORDINATOR_BLOCKS)
    draw_parents(town, parents, BLOCK_COORDINATOR, PARENT_COORDINATOR_BLOCKS)


@rule
def _meet(family, coordinator, hours, u, town, p):  # type: ignore[no-untyped-def]
    """Meetings held or missed, the dose, potency, and trust."""
    held = u >= p.missed_meetings * (1.0 - family.trust)
    hours += family.extra_hours
    family.contact_hours = hours if held else p.missed_share * hours
    dose = hill(p.ordinary_hours + family.contact_hours, p.dose_half, p.dose_steepness) - p.ordinary_dose
    strength = p.programme[town.follow_up] * (coordinator.skill if coordinator.present == 1 else 1.0)
    if coordinator.months_in_post < p.change_months and family.followed_months > coordinator.months_in_post:
        strength *= p.change_factor  # a new coordinator, who has not followed this family from the start
    family.potency = max(dose, 0.0) * strength * (p.trust_floor + (1.0 - p.trust_floor) * family.trust)
    family.followed_months += 1
    if held:
        family.trust += min(p.trust_gain * min(family.potency, 1.0), 1.0) * (1.0 - family.trust)
    if family.potency > family.support:
        family.support = family.potency


@rule
def _find(family, lane, town, p):  # type: ignore[no-untyped-def]
    """Home visits and mapping: hidden barriers come to light."""
    u = of_family(town, lane)
    hazard = p.discovery_coordinator * family.potency
    for f in range(FAMILY_BARRIERS):
        if family.barrier[f] == 1 and rings(u[VISIT_FINDS + f], hazard):
            family.found[f] = 1
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1:
            u = of_parent(town, lane, k)
            for b in range(PERSON_BARRIERS):
                if parent.barrier[b] == 1 and rings(u[VISIT_FINDS_PARENT + b], hazard):
                    parent.found[b] = 1


@rule
def _claim(family, u, p):  # type: ignore[no-untyped-def]
    """Help with applications: what the family is entitled to and has not applied for."""
    hazard = p.claim_rate * family.potency
    if rings(u[HELP_CLAIM_HOUSING], hazard * (p.owner_claim if family.tenure == OWNER else 1.0)):
        family.claims_housing_allowance = 1
    if rings(u[HELP_CLAIM_SUPPORT], hazard):
        for s in range(len(SUPPORTS)):
            family.claims_support[s] = 1


@rule
def _refer(family, lane, town, p, services, waiting):  # type: ignore[no-untyped-def]
    """Referral to the services that a known barrier calls for, in the right order or not, with a head start or not."""
    hazard = p.referral_coordinator * family.potency
    if hazard <= 0.0:
        return
    right_order = p.right_order_ordinary + p.right_order * (1.0 - p.right_order_ordinary)
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 1:
            u = of_parent(town, lane, k)
            needs = known_needs(family, k)
            # Whole months of head start, right on average.
            head_start = np.int64(p.head_start * family.potency + u[HEAD_START])
            for s in range(len(SERVICES)):
                if (needs >> s) & 1 == 1 and rings(u[REFER + s], hazard):
                    refer(
                        family,
                        k,
                        s,
                        town.month,
                        u[REFER_ORDER],
                        right_order,
                        town,
                        services,
                        waiting,
                        head_start,
                    )
