"""The one own benefit of a parent: how it begins and how it ends.

"Why did this parent get AAP?" :func:`aap_hazard`. KVP and measures benefit come with a place in the work service
(:func:`start_programme`), introduction benefit with arrival, unemployment benefit with the loss of a job.
Amounts are in ``income``; here is only who gets what.
"""

from __future__ import annotations

import math
from typing import Final

from simulation.compiled import rule, small
from simulation.draws import BLOCK_SELDOM, KVP_OR_MEASURE, clock, fill_parent
from simulation.income import unemployment_base, unemployment_entitled
from simulation.names import (
    AAP,
    DISABILITY,
    FULL_TIME,
    HEALTH,
    INTRODUCTION,
    KVP,
    MEASURES,
    NO_BENEFIT,
    TRANSITIONAL,
    UNEMPLOYMENT,
)
from simulation.ratios import ratio

YEAR: Final = 12.0  # months
WEEKS: Final = 52.0  # of a year
KVP_SOCIAL_ASSISTANCE: Final = 3  # months of the last 12 that make KVP the natural programme
NEVER: Final = 2.0  # a clock that does not ring this month


@small
def aap_hazard(family, parent, town, p):  # type: ignore[no-untyped-def]
    """Getting AAP (work assessment allowance), per month: poor health, out of full-time work, the years of residence.

    Sooner when the health barrier is known and documented, and when a coordinator sees to the pathway (a link).
    """
    if parent.barrier[HEALTH] == 0 or parent.work == FULL_TIME or family.residence < town.residence_months:
        return 0.0
    if parent.benefit == AAP or parent.benefit == DISABILITY or parent.benefit == INTRODUCTION:
        return 0.0
    log_ratio = p.health_benefit_ratio * family.potency
    if parent.found[HEALTH] == 1:
        log_ratio += p.aap_found_ratio
    return p.aap_entry * ratio(log_ratio)


@small
def disability_hazard(family, parent, p):  # type: ignore[no-untyped-def]
    """From AAP to disability benefit, per month, after a year on AAP with poor health."""
    if parent.benefit != AAP or parent.barrier[HEALTH] == 0 or parent.benefit_months < 12:
        return 0.0
    return p.disability_entry * ratio(p.health_benefit_ratio * family.potency)


@small
def transitional_right(family, parent, town):  # type: ignore[no-untyped-def]
    """A lone parent with a child under eight, not in full-time work, with the years of residence."""
    if family.parent[1].present == 1 or parent.work == FULL_TIME or family.residence < town.residence_months:
        return False
    return family.youngest < town.transitional_child_age * YEAR


@small
def transitional_hazard(family, parent, town, p):  # type: ignore[no-untyped-def]
    """Claiming transitional benefit, per month, sooner with a coordinator's help; no more once its months are used."""
    if parent.benefit != NO_BENEFIT or parent.attended_transitional >= town.transitional_months:
        return 0.0
    if not transitional_right(family, parent, town):
        return 0.0
    return p.transitional_entry + p.claim_rate * family.potency


@small
def unemployment_claimed(family, parent, u, town, p):  # type: ignore[no-untyped-def]
    """Whether a parent who loses a job has the earnings for unemployment benefit and claims it; ``u`` is its draw."""
    if parent.benefit != NO_BENEFIT or not unemployment_entitled(parent, town):
        return False
    return u < 1.0 - (1.0 - p.unemployment_claim) * math.exp(-p.claim_rate * family.potency)


@small
def unemployment_months(parent, town):  # type: ignore[no-untyped-def]
    """How long unemployment benefit is paid at most, by former income; NIA 4-15."""
    if unemployment_base(parent, town) >= town.unemployment_long_g * town.basic_amount:
        return town.unemployment_weeks_long * YEAR / WEEKS
    return town.unemployment_weeks_short * YEAR / WEEKS


@small
def benefit_ends(family, parent, u, town, p):  # type: ignore[no-untyped-def]
    """When in the month (0..1) the present benefit ends for other reasons than work; NEVER if not this month."""
    months = parent.benefit_months
    if parent.benefit == AAP:
        return clock(u, p.aap_end)
    if parent.benefit == UNEMPLOYMENT:
        return 0.5 if months >= unemployment_months(parent, town) else clock(u, p.unemployment_end)
    if parent.benefit == INTRODUCTION:
        return 0.5 if months >= town.introduction_months else NEVER
    if parent.benefit == TRANSITIONAL:
        if parent.attended_transitional >= town.transitional_months or not transitional_right(family, parent, town):
            return 0.0
    return NEVER


@small
def set_benefit(parent, benefit):  # type: ignore[no-untyped-def]
    """Another own benefit, from month 0 of it."""
    parent.benefit = benefit
    parent.benefit_months = 0


@rule
def start_programme(family, k, town, p):  # type: ignore[no-untyped-def]
    """A place in the work service: KVP for lasting social assistance, else a measure with measures benefit.

    A parent with another benefit keeps it.
    """
    parent = family.parent[k]
    if parent.benefit != NO_BENEFIT:
        return
    fill_parent(town.v, town, family, k, BLOCK_SELDOM)
    if family.assistance_12 >= KVP_SOCIAL_ASSISTANCE and town.v[KVP_OR_MEASURE] < p.kvp_share:
        set_benefit(parent, KVP)
    else:
        set_benefit(parent, MEASURES)


@small
def end_programme(parent):  # type: ignore[no-untyped-def]
    """The place in the work service is over, and with it KVP or measures benefit."""
    if parent.benefit == KVP or parent.benefit == MEASURES:
        set_benefit(parent, NO_BENEFIT)
