"""A family: its state, and the agent a Mesa user works with.

The record below *is* the documentation of the state. What a family does in a month stands in the files named after
the behaviour: ``demography`` (time passes), ``barriers``, ``work``, ``benefits``, ``income``, ``children``.
Months are counted from the first month of the burn-in unless a field says otherwise. Amounts are NOK a month. Whole numbers are
as small as they can be: the engine's speed in a large municipality is that of reading these records.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulation.names import FAMILY_BARRIERS, MAX_CHILDREN, MAX_PARENTS, PEERS, PERSON_BARRIERS, SERVICES, SUPPORTS

_S: Final = len(SERVICES)

PARENT: Final = np.dtype(
    (
        np.record,
        [
            ("present", "i1"),
            ("work", "i1"),  # names.WORK
            ("benefit", "i1"),  # names.BENEFITS
            ("offer", "i1"),  # 1: may take a job this month (the labour market said yes); 2: full time
            ("barrier", "i1", (PERSON_BARRIERS,)),  # 1 present
            ("found", "i1", (PERSON_BARRIERS,)),  # 1 known to NAV
            ("prone", "i1", (PERSON_BARRIERS,)),  # 1 fixed: lives with the barrier most of the time
            ("stage", "i1", (_S,)),  # names.STAGES, for each service
            ("waited", "i1", (_S,)),  # months waited before the present or last stay
            ("wrong_order", "i1", (_S,)),  # 1: referred before an untreated health or violence barrier
            ("age", "i2"),  # months
            ("since", "i2", (_S,)),  # month in which the stage began
            ("attended", "i2", (2,)),  # months of attended training: language, education
            ("benefit_months", "i2"),  # months on the present own benefit
            ("attended_transitional", "i2"),  # months of transitional benefit used so far
            ("out_months", "i2"),  # months since last in work
            ("offer_at", "f8"),  # time within the month at which the offer comes, 0..1
            ("earned_1y", "f8"),  # gross wages of about the last 12 months (exponentially weighted), NOK
            ("earned_3y", "f8"),  # the same over about 36 months, NOK
            ("wage_level", "f8"),  # full-time gross wage when in work, NOK a month
            ("frailty", "f8"),  # fixed hazard ratio on getting work: what the barriers go with but do not cause
            ("exit_frailty", "f8"),  # the same on losing work
            ("boost", "f8"),  # 1 after completed KVP or job support, fading
            ("wages", "f8"),  # gross wages this month
            ("own_benefit", "f8"),  # own benefit this month, before tax
            ("tax", "f8"),  # tax this month
        ],
    )
)

CHILD: Final = np.dtype(
    (
        np.record,
        [
            ("present", "i1"),
            ("arena", "i1", (3,)),  # names.ARENAS: 1 takes part
            ("needs", "i1"),  # 1 special needs
            ("exempt", "i1"),  # 1 fee exemption granted
            ("upper_secondary", "i1"),  # -1 not yet 21, 0 not completed, 1 completed
            ("age", "i2"),  # months; kept until 21 years
            ("birth_order", "i2"),  # the child's key within the family, never reused
            ("months_seen", "i2"),  # months lived in the pool under 18
            ("months_taking_part", "i2"),  # of these, in at least one arena
            ("months_low_income", "i2"),  # of these, in a family below the low-income line
        ],
    )
)

FAMILY: Final = np.dtype(
    (
        np.record,
        [
            # who
            ("slot", "i4"),  # place in the pool, 0..families-1
            ("generation", "i4"),  # how many families have lived in this slot before
            ("entered", "i4"),  # month in which the family came to the pool
            ("births", "i2"),  # children born or brought so far: the next birth order
            ("partners", "i2"),  # second parents so far: part of the second parent's key
            ("immigrant", "i1"),
            ("in_care", "i1"),  # a child in the care of child welfare
            ("tenure", "i1"),  # names.TENURE
            ("applying", "i1"),  # 1 applies for social assistance each month
            ("claims_housing_allowance", "i1"),
            ("claims_support", "i1", (len(SUPPORTS),)),  # names.SUPPORTS: 1 applied for
            ("meets_criteria", "i1"),  # 1 meets the arm's intake criteria this month
            ("eligible_at_start", "i1"),  # 1 met HOLF's, by the strict rule, at study month 0
            ("ever_followed", "i1"),
            ("plan", "i1"),  # 1 has a coordinator and a plan
            ("child_outside", "i1"),  # 1 a child of 1-17 years takes part in no arena
            ("special_needs", "i1"),  # 1 at least one child with special needs
            ("barrier", "i1", (FAMILY_BARRIERS,)),  # housing, network, economy, care, violence
            ("found", "i1", (FAMILY_BARRIERS,)),
            ("prone", "i1", (FAMILY_BARRIERS,)),
            ("care_with_needs", "i1"),  # 1 fixed: prone to the care barrier while a child has special needs
            ("residence", "i2"),  # months in Norway (of the parents)
            ("peer", "i4", (PEERS,)),  # slots of the families this one is tied to
            # follow-up
            ("coordinator", "i2"),  # index, or -1
            ("admitted", "i2"),  # study month of the first admission, or -999
            ("followed_months", "i2"),  # in the present follow-up
            ("planned_months", "i2"),  # stated length of the present follow-up
            ("ended", "i2"),  # month the last follow-up ended, or -999
            ("waiting_months", "i2"),  # months it has met the criteria without a coordinator
            ("extra_hours", "f8"),  # hours a month given on top, for experiments; takes from nobody
            ("contact_hours", "f8"),  # with the coordinator this month
            ("potency", "f8"),  # dose x skill x programme this month: what every link multiplies
            ("support", "f8"),  # work support that lasts: potency while it lasts, fading after
            ("trust", "f8"),  # 0..1
            # money, NOK a month
            ("rent", "f8"),  # housing cost
            ("debt", "f8"),  # NOK
            ("wages", "f8"),
            ("own_benefits", "f8"),
            ("tax", "f8"),
            ("child_benefit", "f8"),
            ("cash_for_care", "f8"),
            ("childcare_support", "f8"),
            ("child_support", "f8"),  # from the other parent
            ("advance_child_support", "f8"),
            ("housing_allowance", "f8"),
            ("kindergarten_fee", "f8"),
            ("sfo_fee", "f8"),
            ("social_assistance", "f8"),
            ("needs", "f8"),  # norm, housing cost, power and fees: what the means test takes as its measure
            ("entitlement", "f8"),  # social assistance it would get if it applied (its means test)
            ("entitled_not_claimed", "f8"),  # money left on the table
            ("disposable", "f8"),
            ("equivalised", "f8"),  # income after tax, before fees, per EU consumption unit
            ("taxable_last", "f8"),  # taxable income last month (the housing allowance is one month late)
            (
                "income_ring",
                "i4",
                (36,),
            ),  # equivalised income of the last 36 months in whole kroner, by month modulo 36
            ("income_12", "i4"),  # sum of the last 12 of them
            ("income_36", "i4"),  # sum of all
            ("income_known", "i2"),  # how many of the 36 are known
            ("low_income_now", "i1"),  # 1 below the low-income line this month
            ("lasting_low_income", "i1"),  # 1 below it by the mean of the last 36 months
            ("assistance_bits", "i8"),  # last 36 months of social assistance, bit 0 = this month
            ("assistance_12", "i2"),  # months with social assistance among the last 12
            ("low_income_bits", "i8"),  # last 36 months: below the line by the mean of 12, bit 0 = this month
            # children
            ("child_slots", "i2"),  # places of ``child`` in use: those from here on are empty
            ("children_under_18", "i2"),
            ("youngest", "i2"),  # age of the youngest child, months; 999 without one
            ("taking_part", "f8"),  # share of children 1-17 in an arena this month
            ("taking_part_last", "f8"),  # last month: what peers see
            ("child", CHILD, (MAX_CHILDREN,)),
            ("parent", PARENT, (MAX_PARENTS,)),
        ],
    )
)
