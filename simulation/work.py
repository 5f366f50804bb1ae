"""Work: a parent gets a job, loses it, works more or less; and the own benefit that goes with it.

Competing risks: every cause has its own keyed exponential clock, and the earliest within the month wins. A hazard ratio of
a barrier is split: the causal part goes when the barrier goes, the rest is the parent's fixed frailty.
"""

from __future__ import annotations

import numpy as np

from simulation.barriers import held
from simulation.benefits import (
    NEVER,
    aap_hazard,
    benefit_ends,
    disability_hazard,
    end_programme,
    set_benefit,
    transitional_hazard,
    unemployment_claimed,
)
from simulation.compiled import rule, small
from simulation.draws import (
    AAP_ENTRY,
    BENEFIT_END,
    BLOCK_JOB,
    BLOCK_SELDOM,
    DISABILITY_ENTRY,
    FEWER_HOURS,
    JOB_EXIT,
    JOB_FULL,
    JOB_PART,
    MORE_HOURS,
    ONE_BLOCK,
    TRANSITIONAL_CLAIM,
    UNEMPLOYMENT_CLAIM,
    clock,
    draw_parents,
    fill_parent,
    of_parent,
    parent_lane,
)
from simulation.names import (
    AAP,
    DISABILITY,
    FAMILY_BARRIERS,
    FULL_TIME,
    IN_PLACE,
    KVP,
    MAX_PARENTS,
    MEASURES,
    NO_BENEFIT,
    NO_WORK,
    NOT_ENGAGED,
    PART_TIME,
    PERSON_BARRIERS,
    S_EDUCATION,
    S_HEALTH,
    S_LANGUAGE,
    S_WORK,
    TRANSITIONAL,
    UNEMPLOYMENT,
)
from simulation.queues import make_ticket
from simulation.ratios import faded, ratio

NO_PRIORITY = np.int64(0)
LONGEST_OUT = 239  # months out of work, beyond which nothing more changes


@small
def family_entry_ratio(family, p):  # type: ignore[no-untyped-def]
    """Hazard ratio on getting work that a family's parents share: its barriers, small children, work support."""
    log_ratio = p.work_support_ratio * family.support
    if family.youngest < 24:
        log_ratio += p.small_child_ratio
    return ratio(log_ratio) * p.entry_family[held(family.barrier, FAMILY_BARRIERS)]


@small
def job_entry_hazard(family, parent, shared, p):  # type: ignore[no-untyped-def]
    """Getting a job, per month, for a parent out of work; ``shared`` from :func:`family_entry_ratio`."""
    hazard = p.job_entry * shared * parent.frailty * p.entry_parent[held(parent.barrier, PERSON_BARRIERS)]
    hazard *= p.time_out[min(parent.out_months, LONGEST_OUT)]
    log_ratio = p.course_ratio * parent.boost
    if parent.stage[S_WORK] == IN_PLACE and parent.stage[S_HEALTH] == IN_PLACE:
        log_ratio += p.work_focused_ratio
    elif (
        parent.stage[S_WORK] == IN_PLACE
        or parent.stage[S_LANGUAGE] == IN_PLACE
        or parent.stage[S_EDUCATION] == IN_PLACE
    ):
        log_ratio += p.lock_in_ratio
    if parent.benefit == AAP:
        log_ratio += p.health_benefit_entry_ratio
    elif parent.benefit == DISABILITY:
        log_ratio += p.disability_entry_ratio
    return hazard * ratio(log_ratio)


@small
def job_exit_hazard(family, parent, p):  # type: ignore[no-untyped-def]
    """Losing or leaving a job, per month."""
    hazard = p.job_exit * parent.exit_frailty * ratio(p.work_exit_ratio * family.potency)
    hazard *= p.exit_parent[held(parent.barrier, PERSON_BARRIERS)]
    return hazard * p.exit_family[held(family.barrier, FAMILY_BARRIERS)]


# --- the labour market --------------------------------------------------------------------------------------------


@small
def out_of_work(parent):  # type: ignore[no-untyped-def]
    """Whether a parent is there and has no work."""
    return parent.present == 1 and parent.work == NO_WORK


@rule
def seek_work(families, first, end, town, p, takers):  # type: ignore[no-untyped-def]
    """Who would take a job this month, of families ``first`` to ``end`` (at most LANES); takers are put on the list."""
    lanes = np.int64(0)
    for i in range(first, end):
        for k in range(MAX_PARENTS):
            if out_of_work(families[i].parent[k]):
                parent_lane(town, lanes, families[i], k)
                lanes += 1
    draw_parents(town, lanes, BLOCK_JOB, ONE_BLOCK)
    lane = np.int64(0)
    for i in range(first, end):
        family = families[i]
        shared = 0.0
        asked = False
        for k in range(MAX_PARENTS):
            if out_of_work(family.parent[k]):
                if not asked:
                    shared = family_entry_ratio(family, p)
                    asked = True
                _seek(family, k, shared, town.parent_draws[:, lane], town, p, takers)
                lane += 1


@small
def _seek(family, k, shared, u, town, p, takers):  # type: ignore[no-untyped-def]
    """The earlier of a part-time and a full-time clock."""
    parent = family.parent[k]
    hazard = job_entry_hazard(family, parent, shared, p)
    part = clock(u[JOB_PART], hazard * (1.0 - p.job_full_share))
    full = clock(u[JOB_FULL], hazard * p.job_full_share)
    first = min(part, full)
    if first < 1.0:
        parent.offer = FULL_TIME if full < part else PART_TIME
        parent.offer_at = first
        takers[town.takers] = make_ticket(NO_PRIORITY, first, 2 * family.slot + k)
        town.takers += 1


@rule
def match(families, town, takers):  # type: ignore[no-untyped-def]
    """The openings go to the earliest clocks; who comes too late has no offer this month."""
    town.openings_carry += town.openings
    available = np.int64(town.openings_carry)
    taken = min(available, town.takers)
    if town.takers > available:
        takers[: town.takers].sort()
        for t in range(available, town.takers):
            client = takers[t] & np.int64((1 << 26) - 1)
            parent = families[client >> 1].parent[client & 1]
            parent.offer = 0
            parent.offer_at = 2.0
            town.turned_away += 1
    # Openings do not pile up: others take what the pool leaves.
    town.openings_carry = town.openings_carry - available
    town.jobs_taken += taken


# --- a month of work and own benefit ------------------------------------------------------------------------------


@small
def work_month(family, lane, town, p):  # type: ignore[no-untyped-def]
    """Every parent's month: the earliest of the competing causes happens."""
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1:
            parent.earned_1y = parent.earned_1y * (11.0 / 12.0) + parent.wages
            parent.earned_3y = parent.earned_3y * (35.0 / 36.0) + parent.wages
            parent.boost = faded(parent.boost * p.course_kept)
            parent.benefit_months += 1
            if parent.benefit == TRANSITIONAL:
                parent.attended_transitional += 1
            if parent.work == NO_WORK:
                parent.out_months += 1
                _month_out_of_work(family, k, of_parent(town, lane, k), town, p)
            else:
                _month_in_work(family, k, of_parent(town, lane, k), town, p)


@small
def _month_out_of_work(family, k, u, town, p):  # type: ignore[no-untyped-def]
    parent = family.parent[k]
    job = parent.offer_at
    aap = clock(u[AAP_ENTRY], aap_hazard(family, parent, town, p))
    ends = benefit_ends(family, parent, u[BENEFIT_END], town, p)
    transitional = clock(u[TRANSITIONAL_CLAIM], transitional_hazard(family, parent, town, p))
    disability = clock(u[DISABILITY_ENTRY], disability_hazard(family, parent, p))
    first = min(job, aap, ends, transitional, disability)
    if first >= 1.0:
        return
    if first == job:
        _take_job(parent)
    elif first == aap:
        if parent.stage[S_WORK] == IN_PLACE:  # who waits goes on waiting: leaving and asking again would be two tickets
            _leave_work_service(parent)
        set_benefit(parent, AAP)
    elif first == disability:
        set_benefit(parent, DISABILITY)
    elif first == transitional:
        set_benefit(parent, TRANSITIONAL)
    else:
        set_benefit(parent, NO_BENEFIT)


@small
def _month_in_work(family, k, u, town, p):  # type: ignore[no-untyped-def]
    parent = family.parent[k]
    lost = clock(u[JOB_EXIT], job_exit_hazard(family, parent, p))
    aap = clock(u[AAP_ENTRY], aap_hazard(family, parent, town, p))
    ends = benefit_ends(family, parent, u[BENEFIT_END], town, p)
    fewer = clock(u[FEWER_HOURS], p.full_to_part) if parent.work == FULL_TIME else NEVER
    more = NEVER
    if parent.work == PART_TIME:
        more = clock(u[MORE_HOURS], p.part_to_full)
    first = min(lost, aap, ends, fewer, more)
    if first >= 1.0:
        return
    if first == lost:
        _lose_job(family, k, town, p)
    elif first == more:
        parent.work = FULL_TIME
        set_benefit(parent, NO_BENEFIT)
    elif first == fewer:
        parent.work = PART_TIME
    elif first == aap:
        set_benefit(parent, AAP)
    else:
        set_benefit(parent, NO_BENEFIT)


@small
def _leave_work_service(parent):  # type: ignore[no-untyped-def]
    if parent.stage[S_WORK] != NOT_ENGAGED:
        parent.stage[S_WORK] = NOT_ENGAGED
        end_programme(parent)


@small
def _take_job(parent):  # type: ignore[no-untyped-def]
    """In work: job support is over; a full-time job ends every own benefit, a part-time one some."""
    parent.work = parent.offer
    parent.out_months = 0
    _leave_work_service(parent)
    if parent.work == FULL_TIME or parent.benefit in (UNEMPLOYMENT, KVP, MEASURES):
        set_benefit(parent, NO_BENEFIT)


@small
def _lose_job(family, k, town, p):  # type: ignore[no-untyped-def]
    """Out of work, with unemployment benefit for who has the earnings and claims it."""
    parent = family.parent[k]
    parent.work = NO_WORK
    parent.out_months = 0
    fill_parent(town.v, town, family, k, BLOCK_SELDOM)
    if unemployment_claimed(family, parent, town.v[UNEMPLOYMENT_CLAIM], town, p):
        set_benefit(parent, UNEMPLOYMENT)
