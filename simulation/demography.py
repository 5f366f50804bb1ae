"""Time passes: ages, births, couples, 18th birthdays, families that come and go.

The pool has a constant size: where a family moves out, or its youngest turns 18, another moves into its slot. Every
draw of a newcomer is keyed by (slot, generation), so that the same newcomer comes in every arm.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulation.compiled import rule, small
from simulation.draws import (
    AT_ENTRY,
    BIRTH,
    BLOCK_TIME,
    COUPLE,
    ENTITIES,
    ENTITY_CHILD,
    MOVE_OUT,
    ONE_BLOCK,
    draw_families,
    family_lane,
    fill,
    normal,
    of_family,
    parent_entity,
    rings,
)
from simulation.names import (
    AAP,
    CARE,
    DISABILITY,
    EDUCATION,
    FAMILY_BARRIERS,
    FIRST,
    FULL_TIME,
    HEALTH,
    INTRODUCTION,
    LANGUAGE,
    MAX_CHILDREN,
    MAX_PARENTS,
    MUNICIPAL_RENTAL,
    NO_BENEFIT,
    NO_WORK,
    NOT_ENGAGED,
    OWNER,
    PART_TIME,
    PERSON_BARRIERS,
    PRIVATE_RENTAL,
    SECOND,
    SERVICES,
    SUPPORTS,
)
from simulation.ratios import faded

ADULT: Final = 216  # months: 18 years
LEAVES_HOME: Final = 252  # months: 21 years
OLDEST_FOR_BIRTH: Final = 504  # months: 42 years
NEWBORN: Final = np.int64(0)
NO_CHILD: Final = 999
NOT_RECENT: Final = np.bool_(False)

# The place as the model reads it: see plan.Profile; thresholds on the scale of a standard normal.
PLACE: Final = np.dtype(
    (
        np.record,
        [
            ("threshold", "f8", (PERSON_BARRIERS + FAMILY_BARRIERS,)),  # prone to the barrier below this
            ("language_threshold", "f8"),  # the same among immigrants
            ("care_threshold_needs", "f8"),  # the same of the care barrier, with a child with special needs
            ("immigrant", "f8"),
            ("lone_parent", "f8"),
            ("special_needs", "f8"),
            ("renting", "f8"),
            ("municipal_rental", "f8"),
            ("recent_refugee", "f8"),
            ("children", "f8"),
            ("age_parent", "f8"),  # years
            ("years_in_norway", "f8"),
            ("rent", "f8"),  # NOK a month
        ],
    )
)


# --- a family comes -----------------------------------------------------------------------------------------------


@rule
def new_family(family, town, p, place):  # type: ignore[no-untyped-def]
    """Fill a slot with a newcomer: the next generation, outside every service and without a coordinator."""
    u = town.u
    entity = family.generation * ENTITIES
    family.entered = town.month
    family.births = 0
    family.partners = 0
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(0))
    family.immigrant = 1 if u[0] < place.immigrant else 0
    lone = u[1] < place.lone_parent
    family.residence = np.int64(240)
    recent = False
    if family.immigrant == 1:
        recent = u[2] < place.recent_refugee
        # Years in Norway: exponential around the mean, at least two unless recently come; median 0.69 of the mean.
        family.residence = np.int64(24.0 - 12.0 * math.log(u[3]) * (place.years_in_norway - 2.0))
        if recent:
            family.residence = np.int64(24.0 * u[3])
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(1))
    hardship = normal(u[0], u[1])
    renting = u[2] < place.renting
    municipal = u[3] < place.municipal_rental
    family.tenure = OWNER
    if renting:
        family.tenure = MUNICIPAL_RENTAL if municipal else PRIVATE_RENTAL
    oldest = _new_children(family, town, place)
    own = math.sqrt(1.0 - p.prevalence_correlation)
    shared = math.sqrt(p.prevalence_correlation) * hardship
    for b in range(FAMILY_BARRIERS):
        fill(u, town, family.slot, entity, AT_ENTRY, np.int64(2 + b))
        z = shared + own * normal(u[0], u[1])
        family.prone[b] = 1 if z < place.threshold[PERSON_BARRIERS + b] else 0
        prone = family.prone[b]
        if b == CARE - PERSON_BARRIERS:
            family.care_with_needs = 1 if z < place.care_threshold_needs else 0
            prone = prone_to_care(family)
        presence = p.presence_prone if prone == 1 else p.presence_resilient
        family.barrier[b] = 1 if u[2] < presence else 0
        family.found[b] = 1 if family.barrier[b] == 1 and u[3] < 0.5 else 0
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(8))
    family.claims_housing_allowance = 1 if u[0] < (0.5 if renting else 0.5 * p.owner_claim) else 0
    for s in range(len(SUPPORTS)):
        family.claims_support[s] = 1 if u[1] < 0.5 else 0
    family.applying = 0
    family.debt = 0.0
    if family.barrier[2] == 1:
        family.debt = -math.log(u[2]) * p.debt_scale * 0.5
    _forget(family, p)
    for k in range(MAX_PARENTS):
        family.parent[k].present = 0
    _new_parent(family, FIRST, oldest, shared, recent, town, p, place)
    if not lone:
        _new_parent(family, SECOND, oldest, shared, recent, town, p, place)
    size = 1.0 + (0.0 if lone else 1.0) + family.children_under_18
    family.rent = place.rent * (0.75 + 0.07 * size)
    if family.tenure == MUNICIPAL_RENTAL:
        family.rent *= p.municipal_rent
    elif family.tenure == OWNER:
        family.rent *= p.owner_cost


@small
def prone_to_care(family):  # type: ignore[no-untyped-def]
    """Whether the family lives with a care burden most of the time (1 or 0), as things are with its children."""
    if family.special_needs == 1:
        return max(family.prone[CARE - PERSON_BARRIERS], family.care_with_needs)
    return family.prone[CARE - PERSON_BARRIERS]


@rule
def _forget(family, p):  # type: ignore[no-untyped-def]
    """A newcomer has no history here."""
    family.in_care = 0
    family.meets_criteria = 0
    family.eligible_at_start = 0
    family.ever_followed = 0
    family.plan = 0
    family.coordinator = -1
    family.admitted = -999
    family.followed_months = 0
    family.planned_months = 0
    family.ended = -999
    family.waiting_months = 0
    family.extra_hours = 0.0
    family.contact_hours = 0.0
    family.potency = 0.0
    family.support = 0.0
    family.trust = p.trust_start
    family.taxable_last = 0.0
    family.income_12 = 0
    family.income_36 = 0
    family.income_known = 0
    family.low_income_now = 0
    family.lasting_low_income = 0
    for m in range(36):
        family.income_ring[m] = 0
    family.assistance_bits = 0
    family.assistance_12 = 0
    family.low_income_bits = 0
    family.social_assistance = 0.0
    family.entitlement = 0.0
    family.needs = 0.0
    family.entitled_not_claimed = 0.0
    family.equivalised = 0.0
    family.disposable = 0.0
    family.wages = 0.0
    family.taking_part = 0.0
    family.taking_part_last = 0.0
    family.child_outside = 0


@rule
def _new_children(family, town, place):  # type: ignore[no-untyped-def]
    """One child and a Poisson number more, ages spread over childhood. Returns the oldest age, months."""
    u = town.u
    entity = family.generation * ENTITIES
    for j in range(MAX_CHILDREN):
        family.child[j].present = 0
        family.child[j].upper_secondary = -1
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(9))
    number = 1
    left = u[0]
    term = math.exp(-(place.children - 1.0))
    while left > term and number < 6:
        left -= term
        term *= (place.children - 1.0) / number
        number += 1
    family.children_under_18 = number
    family.child_slots = number
    family.special_needs = 0
    oldest = NEWBORN
    family.youngest = NO_CHILD
    for j in range(number):
        child = family.child[j]
        fill(u, town, family.slot, entity + ENTITY_CHILD + family.births, AT_ENTRY, np.int64(0))
        _born(family, child, np.int64(u[0] * (ADULT - 24)), u[1] < place.special_needs)
        start_arenas(child, u)
        family.youngest = min(family.youngest, child.age)
        oldest = max(oldest, child.age)
    return oldest


@small
def start_arenas(child, u):  # type: ignore[no-untyped-def]
    """Where a child that comes takes part, by its age."""
    child.arena[0] = 1 if 12 <= child.age < 72 and u[2] < 0.8 else 0
    child.arena[1] = 1 if 72 <= child.age < 120 and u[2] < 0.6 else 0
    child.arena[2] = 1 if 72 <= child.age < ADULT and u[3] < 0.5 else 0


@rule
def _born(family, child, age, needs):  # type: ignore[no-untyped-def]
    """Put a child of this age (months) into a free place of the record."""
    child.present = 1
    child.age = age
    child.birth_order = family.births
    child.needs = 1 if needs else 0
    child.exempt = 0
    child.upper_secondary = -1
    child.months_seen = 0
    child.months_taking_part = 0
    child.months_low_income = 0
    for a in range(3):
        child.arena[a] = 0
    if needs:
        family.special_needs = 1
    family.births += 1


@rule
def _new_parent(family, k, oldest, shared, recent, town, p, place):  # type: ignore[no-untyped-def]
    """A parent comes: barriers that go with those of the family, out of work or in it by chance."""
    u = town.u
    parent = family.parent[k]
    entity = parent_entity(family, k)
    own = math.sqrt(1.0 - p.prevalence_correlation)
    parent.present = 1
    frailty = 0.0
    exit_frailty = 0.0
    for b in range(PERSON_BARRIERS):
        fill(u, town, family.slot, entity, AT_ENTRY, b)
        z = shared + own * normal(u[0], u[1])
        threshold = place.threshold[b]
        if b == LANGUAGE:
            threshold = place.language_threshold if family.immigrant == 1 else -9.0
        parent.prone[b] = 1 if z < threshold else 0
        if b == LANGUAGE or b == EDUCATION:
            parent.barrier[b] = parent.prone[b]
            parent.found[b] = parent.prone[b]
        else:
            presence = p.presence_prone if parent.prone[b] == 1 else p.presence_resilient
            parent.barrier[b] = 1 if u[2] < presence else 0
            parent.found[b] = 1 if parent.barrier[b] == 1 and u[3] < 0.5 else 0
        if parent.prone[b] == 1:
            frailty += p.entry_frailty[b]
            exit_frailty += p.exit_frailty[b]
    for b in range(FAMILY_BARRIERS):
        if family.prone[b] == 1:
            frailty += p.entry_frailty[PERSON_BARRIERS + b]
            exit_frailty += p.exit_frailty[PERSON_BARRIERS + b]
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(4))
    parent.frailty = math.exp(frailty + p.frailty_sd * normal(u[0], u[1]))
    parent.exit_frailty = math.exp(exit_frailty)
    # Entry wages are a floor: spread upwards and a little down.
    parent.wage_level = town.entry_wage * math.exp(p.wage_spread * normal(u[2], u[3]))
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(5))
    age = 12.0 * (place.age_parent + 7.0 * normal(u[0], u[1]))
    youngest = oldest + ADULT
    parent.age = np.int64(max(age, float(youngest)))
    parent.out_months = np.int64(-math.log(u[2]) * 24.0)
    fill(u, town, family.slot, entity, AT_ENTRY, np.int64(6))
    parent.work = NO_WORK
    if not recent and u[0] < p.work_at_entry * min(parent.frailty, 1.0):
        parent.work = FULL_TIME if u[1] < p.job_full_share else PART_TIME
        parent.out_months = 0
    parent.offer = 0
    parent.offer_at = 2.0
    parent.boost = 0.0
    parent.benefit = INTRODUCTION if recent else NO_BENEFIT
    parent.benefit_months = family.residence if recent else 0
    if parent.work == NO_WORK and parent.barrier[HEALTH] == 1 and family.residence >= town.residence_months:
        if u[2] < p.disability_at_entry:
            parent.benefit = DISABILITY
            parent.found[HEALTH] = 1  # NAV knows why
        elif u[3] < p.aap_at_entry:
            parent.benefit = AAP
            parent.found[HEALTH] = 1
    parent.earned_1y = 0.0
    parent.earned_3y = 0.0
    parent.wages = 0.0
    parent.own_benefit = 0.0
    parent.tax = 0.0
    parent.attended[0] = 0
    parent.attended[1] = 0
    parent.attended_transitional = 0
    for s in range(len(SERVICES)):
        parent.stage[s] = NOT_ENGAGED
        parent.since[s] = 0
        parent.waited[s] = 0
        parent.wrong_order[s] = 0


# --- a month passes -----------------------------------------------------------------------------------------------


@rule
def time_passes(families, first, end, town, p, place):  # type: ignore[no-untyped-def]
    """A month older: families ``first`` to ``end``, at most LANES."""
    for i in range(first, end):
        family_lane(town, i - first, families[i])
    draw_families(town, end - first, BLOCK_TIME, ONE_BLOCK)
    for i in range(first, end):
        pass_time(families[i], i - first, town, p, place)


@small
def pass_time(family, lane, town, p, place):  # type: ignore[no-untyped-def]
    """A month older; perhaps a birth, a new couple or a parting; or the family leaves and another comes.

    Also puts back what a month begins with: no contact, no offer, and work support that fades.
    """
    u = of_family(town, lane)
    family.support = faded(family.support * p.support_kept)
    _grow_older(family)
    if family.coordinator < 0 and family.trust > p.trust_start:
        family.trust -= min(p.trust_decay, 1.0) * (family.trust - p.trust_start)
    if family.children_under_18 == 0 or rings(u[MOVE_OUT], p.move_out * town.inflow):
        family.generation += 1
        new_family(family, town, p, place)
        return
    couple_clock = u[COUPLE]
    birth_clock = u[BIRTH]
    if family.parent[1].present == 1:
        if rings(couple_clock, p.couple_part):
            _part(family)
    elif rings(couple_clock, p.couple_form):
        family.partners += 1
        hardship = family.prone[0] + family.prone[1] + family.prone[2] + family.prone[3] + family.prone[4]
        # The newcomer's barriers go with the family's: the more it is prone to, the more the partner.
        shared = math.sqrt(p.prevalence_correlation) * 0.6 * (1.5 - hardship)
        _new_parent(family, SECOND, NEWBORN, shared, NOT_RECENT, town, p, place)
    if family.parent[0].age < OLDEST_FOR_BIRTH and rings(birth_clock, p.birth):
        _birth(family, town, place)


@small
def _grow_older(family):  # type: ignore[no-untyped-def]
    family.residence += 1
    family.contact_hours = 0.0
    family.potency = 0.0
    family.taking_part_last = family.taking_part
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1:
            parent.age += 1
            parent.offer = 0
            parent.offer_at = 2.0
    under_18 = 0
    youngest = NO_CHILD
    special = 0
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 1:
            child.age += 1
            youngest = min(youngest, child.age)
            if child.age > LEAVES_HOME:  # upper secondary is settled in the month of the 21st birthday
                child.present = 0
            elif child.age < ADULT:
                under_18 += 1
                special = max(special, child.needs)
    family.children_under_18 = under_18
    family.special_needs = special
    family.youngest = youngest


@rule
def _part(family):  # type: ignore[no-untyped-def]
    """The couple parts: the second parent leaves the household, and every service that was for that parent."""
    parent = family.parent[1]
    parent.present = 0
    parent.work = NO_WORK
    parent.benefit = NO_BENEFIT
    for s in range(len(SERVICES)):
        parent.stage[s] = NOT_ENGAGED


@rule
def _birth(family, town, place):  # type: ignore[no-untyped-def]
    """A child is born, where the record has room (at most eight)."""
    for j in range(MAX_CHILDREN):
        child = family.child[j]
        if child.present == 0 and child.upper_secondary < 0:
            u = town.u
            fill(
                u, town, family.slot, family.generation * ENTITIES + ENTITY_CHILD + family.births, AT_ENTRY, np.int64(0)
            )
            _born(family, child, NEWBORN, u[1] < place.special_needs)
            family.children_under_18 += 1
            family.youngest = 0
            family.child_slots = max(family.child_slots, j + 1)
            return
