"""Social assistance and other claims: entitled is not the same as applied for; and the money of a month, put on record.

Social assistance is the family's: a means test (``income``) times whether the family applies. Published exit and re-entry
rates are targets, never inputs: receipt is an amount above zero, and nothing else.
"""

from __future__ import annotations

import math
from typing import Final

from simulation.compiled import small
from simulation.draws import APPLY, CLAIM_HOUSING, CLAIM_SUPPORT, rings
from simulation.income import household_income
from simulation.names import OWNER, SUPPORTS
from simulation.ratios import ratio

THREE_YEARS: Final = (1 << 36) - 1  # the last 36 months, one bit each
TWELVE_MONTHS: Final = (1 << 12) - 1
MEMORY: Final = 1 << 11  # the bit of the twelfth month
LEAST_DEPTH: Final = 0.1  # squared share of the usual need: below it, stopping is no more likely


@small
def claims_month(family, u, p):  # type: ignore[no-untyped-def]
    """Apply for social assistance or stop; begin or drop the claims for housing allowance and other support.

    Entitlement is that of last month. What a coordinator adds stands in ``coordinator``, but for the apply link.
    """
    # The deeper the need, the sooner it applies and the later it stops; nobody goes on with next to nothing after the rent.
    left = family.disposable - family.social_assistance - family.rent
    short = left < p.short_share * (family.needs - family.rent)
    depth = family.entitlement / (p.usual_need * max(family.needs, 1.0))
    depth *= depth
    if family.applying == 1:
        if depth <= 0.0 or (not short and rings(1.0 - u[APPLY], p.stop_applying / max(depth, LEAST_DEPTH))):
            family.applying = 0
    elif depth > 0.0:
        rate = depth * (p.apply_again if family.assistance_bits != 0 else p.apply_first)
        if short:
            rate = max(rate, p.apply_short)
        if rings(u[APPLY], rate * ratio(p.apply_ratio * family.potency)):
            family.applying = 1
    if family.claims_housing_allowance == 1:
        if rings(1.0 - u[CLAIM_HOUSING], p.unclaim):
            family.claims_housing_allowance = 0
    elif rings(u[CLAIM_HOUSING], p.claim_housing_allowance * (p.owner_claim if family.tenure == OWNER else 1.0)):
        family.claims_housing_allowance = 1
    for s in range(len(SUPPORTS)):  # one occasion, each at its own rate
        if family.claims_support[s] == 1:
            if rings(1.0 - u[CLAIM_SUPPORT], p.unclaim):
                family.claims_support[s] = 0
        elif rings(u[CLAIM_SUPPORT], p.claim_support[s]):
            family.claims_support[s] = 1


@small
def money_month(family, town, rates):  # type: ignore[no-untyped-def]
    """The month's incomes by the rules, then the family's record of the last 12 and 36 months.

    Low income is income after tax, for each consumption unit, below the line of the same year: this month, by the mean
    of 12 months, and by the mean of 36, which is lasting low income. Of a newcomer only the months here are known.
    """
    household_income(family, rates)
    receipt = 1 if family.social_assistance > 0.0 else 0
    family.assistance_12 += receipt - (1 if family.assistance_bits & MEMORY != 0 else 0)
    family.assistance_bits = (family.assistance_bits * 2 + receipt) & THREE_YEARS
    krone = math.floor(family.equivalised + 0.5)  # whole kroner, so that the sums stay exact
    family.income_12 += krone - family.income_ring[(town.month + 24) % 36]  # the month 12 months ago
    family.income_36 += krone - family.income_ring[town.month % 36]
    family.income_ring[town.month % 36] = krone
    if family.income_known < 36:
        family.income_known += 1
    family.low_income_now = 12.0 * family.equivalised < rates.low_income_line
    low = 1 if 12.0 * family.income_12 < rates.low_income_line * min(family.income_known, 12) else 0
    family.low_income_bits = (family.low_income_bits * 2 + low) & THREE_YEARS
    family.lasting_low_income = 12.0 * family.income_36 < rates.low_income_line * family.income_known
