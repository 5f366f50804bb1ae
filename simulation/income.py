"""The money of a family in a month, by the rules of that month.

Read top down: tax, what a parent earns or receives, what the family receives for its children, what it pays for
them, housing allowance, and last social assistance, the means test over all of it. :func:`household_income` puts
them together and writes the money fields of a FAMILY record. Every number is a field of ``rates`` (dtype ``RATES``,
from ``rates/YEAR.toml``, with source and grade there); evidence ids are in brackets below. NIA is the National
Insurance Act (folketrygdloven).

Amounts are NOK a month unless a name says ``year``. Yearly rules (tax, ceilings, income limits) look at twelve months
like this one. Children of 18 and more are not part of the household's money, on either side.

An extra krone of wages never lowers disposable income, except at six steps of the law: ``docs/income.md`` lists them,
with the section and the most that is lost at each.
"""
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False

from __future__ import annotations

from simulation.compiled import rule, small
from simulation.names import (
    AAP,
    ADVANCE,
    CASH_FOR_CARE,
    CHILDCARE,
    DISABILITY,
    FULL_TIME,
    INTRODUCTION,
    KVP,
    MAX_PARENTS,
    MEASURES,
    NO_BENEFIT,
    PART_TIME,
    TRANSITIONAL,
    UNEMPLOYMENT,
)

YEAR = 12.0  # months
AGE_6 = 72  # months
AGE_11 = 132
AGE_18 = 216
AGE_3 = 36
NO_CHILD = 9999  # age of the youngest child where there is none
KINDERGARTEN = 0  # places of the arenas
SFO = 1


@small
def over(amount, limit):
    """The part of an amount that is over a limit, never negative."""
    if amount > limit:
        return amount - limit
    return 0.0


@small
def at_most(amount, limit):
    """The smaller of two amounts."""
    if amount > limit:
        return limit
    return amount


# -------------------------------------------------------------------------------------------------------------- tax


@small
def general_tax(income_year, deduction_year, rates):
    """Tax on general income, NOK a year: after minimum deduction and personal allowance [tax-general-rate-2025]."""
    minimum = at_most(rates.tax_minimum_deduction_rate * income_year, rates.tax_minimum_deduction_max)
    return rates.tax_general_rate * over(income_year, minimum + rates.tax_personal_allowance + deduction_year)


@small
def social_security_contribution(income_year, rates):
    """Contribution on wages, NOK a year, phased in over its floor [tax-social-security-rate-2025]."""
    phased_in = rates.tax_contribution_phase_in * over(income_year, rates.tax_contribution_floor)
    return at_most(rates.tax_contribution_rate * income_year, phased_in)


@small
def step_tax(income_year, rates):
    """Step tax on gross income, NOK a year: each step's rate holds between its limit and the next [tax-step1-..3-]."""
    over1 = over(income_year, rates.tax_step1_from)
    over2 = over(income_year, rates.tax_step2_from)
    over3 = over(income_year, rates.tax_step3_from)
    return (
        rates.tax_step1_rate * (over1 - over2) + rates.tax_step2_rate * (over2 - over3) + rates.tax_step3_rate * over3
    )


@small
def tax_of_year(income_year, deduction_year, rates):
    """Tax on a year's wages and benefits taxed as wages, NOK; the deduction is that of lone parents (2017)."""
    return (
        general_tax(income_year, deduction_year, rates)
        + social_security_contribution(income_year, rates)
        + step_tax(income_year, rates)
    )


# ------------------------------------------------------------------------------------------------- work and own benefit


@small
def hours_share(parent, rates):
    """Hours in paid work, as a share of full time."""
    if parent.work == FULL_TIME:
        return 1.0
    if parent.work == PART_TIME:
        return rates.part_time_share
    return 0.0


@small
def gross_wages(parent, rates):
    """Wages of a parent: her full-time wage times the share of full time."""
    return parent.wage_level * hours_share(parent, rates)


@small
def young_share(parent, share, rates):
    """Full rate, or the lower share of those under 25 [kvp-rate-under25, aap-minimum-under25]."""
    if parent.age < rates.young_age * YEAR:
        return share
    return 1.0


@small
def daily(amount, rates):
    """A daily rate as an amount a month: 260 days a year."""
    return amount * rates.benefit_days / YEAR


@small
def kvp_benefit(parent, children, rates):
    """KVP benefit with child supplement, for hours not in paid work; Social Services Act 35 [kvp-rate-g-2024-07]."""
    full = rates.kvp_g * rates.basic_amount / YEAR * young_share(parent, rates.kvp_young_share, rates)
    return (full + daily(rates.kvp_child * children, rates)) * (1.0 - hours_share(parent, rates))


@small
def aap_benefit(parent, children, rates):
    """AAP minimum with child supplement, for hours not in paid work; NIA 11-20, 11-23 [aap-minimum-g]."""
    full = rates.aap_g * rates.basic_amount / YEAR * young_share(parent, rates.aap_young_share, rates)
    return (full + daily(rates.aap_child * children, rates)) * (1.0 - hours_share(parent, rates))


@small
def disability_benefit(parent, lone, rates):
    """Disability minimum less a share of wages over 0.4 G; NIA 12-13, 12-14 [disability-minimum-single-2024]."""
    minimum_g = rates.disability_g_lone if lone else rates.disability_g_couple
    free = rates.disability_free_g * rates.basic_amount / YEAR
    lost = rates.disability_reduction * over(gross_wages(parent, rates), free)
    return over(minimum_g * rates.basic_amount / YEAR, lost)


@small
def disability_child_supplement(children, income, lone, rates):
    """0.4 G a child less half of household income over the free amount; NIA 12-15, 12-16 [Prop. 130 L]."""
    if children == 0:
        return 0.0
    free_g = rates.disability_child_free_g_lone if lone else rates.disability_child_free_g_couple
    free_g += rates.disability_child_free_g_more * (children - 1)
    lost = rates.disability_child_reduction * over(income, free_g * rates.basic_amount / YEAR)
    return over(rates.disability_child_g * children * rates.basic_amount / YEAR, lost)


@small
def transitional_benefit(parent, lone, youngest, rates):
    """2.25 G less 45 % of wages over 0.5 G, lone parent with a child under 8; NIA 15-5..9 [transitional-benefit-g]."""
    if not lone or youngest >= rates.transitional_child_age * YEAR:
        return 0.0
    free = rates.transitional_free_g * rates.basic_amount / YEAR
    lost = rates.transitional_reduction * over(gross_wages(parent, rates), free)
    return over(rates.transitional_g * rates.basic_amount / YEAR, lost)


@small
def unemployment_base(parent, rates):
    """Former income, NOK a year, at most 6 G: the last year or a third of three years; NIA 4-11.

    ``earned_1y`` and ``earned_3y`` fade while the benefit runs, so the months on it are counted back; never more than
    a year of the parent's full-time wage.
    """
    one, three = parent.earned_1y, parent.earned_3y / 3.0
    for _ in range(min(parent.benefit_months, 24)):
        one = one * 12.0 / 11.0
        three = three * 36.0 / 35.0
    base = one if one > three else three
    base = at_most(base, parent.wage_level * YEAR)
    return at_most(base, rates.unemployment_cap_g * rates.basic_amount)


@small
def unemployment_entitled(parent, rates):
    """Has the earnings history: 1.5 G in a year or 3 G in three; NIA 4-4 [unemployment-benefit-income-1y, -3y]."""
    return (
        parent.earned_1y >= rates.unemployment_income_1y_g * rates.basic_amount
        or parent.earned_3y >= rates.unemployment_income_3y_g * rates.basic_amount
    )


@small
def unemployment_benefit(parent, children, rates):
    """62.4 % of former income with child supplement, for hours not in work; NIA 4-12 [unemployment-benefit-share]."""
    full = rates.unemployment_share * unemployment_base(parent, rates) / YEAR
    return (full + daily(rates.unemployment_child * children, rates)) * (1.0 - hours_share(parent, rates))


@small
def measures_benefit(parent, children, rates):
    """Measures benefit with child supplement, for days not in paid work; free of tax [measures-benefit-2025]."""
    return daily(rates.measures_day + rates.measures_child * children, rates) * (1.0 - hours_share(parent, rates))


@small
def introduction_benefit(parent, rates):
    """Introduction benefit, 2 G, for the hours not in paid work; Integration Act chapter 5 (grade D)."""
    full = rates.introduction_g * rates.basic_amount / YEAR
    return full * young_share(parent, rates.introduction_young_share, rates) * (1.0 - hours_share(parent, rates))


@small
def long_residence(family, rates):
    """Has lived in Norway as long as AAP, disability, transitional benefit and cash-for-care ask (grade D)."""
    return family.residence >= rates.residence_months


@small
def own_benefit(parent, children, lone, youngest, resident, rates):
    """The one own benefit of a parent, without the supplement that disability benefit tests against income."""
    kind = parent.benefit
    if kind == NO_BENEFIT:
        return 0.0
    if kind == KVP:
        return kvp_benefit(parent, children, rates)
    if kind == UNEMPLOYMENT:
        return unemployment_benefit(parent, children, rates)
    if kind == MEASURES:
        return measures_benefit(parent, children, rates)
    if kind == INTRODUCTION:
        return introduction_benefit(parent, rates)
    if not resident:
        return 0.0
    if kind == AAP:
        return aap_benefit(parent, children, rates)
    if kind == DISABILITY:
        return disability_benefit(parent, lone, rates)
    return transitional_benefit(parent, lone, youngest, rates)


# -------------------------------------------------------------------------------------------------------- the children


@small
def count_children(family, rates):
    """Children 0-5, 6-10 and 11-17; age in months of the youngest; children who could get cash-for-care; in care.

    In care: with a kindergarten or SFO place that is paid for. Sums of truths, not branches: a processor guesses ages badly.
    """
    small, under_11, children, youngest, at_home, in_care = 0, 0, 0, NO_CHILD, 0, 0
    for j in range(family.child_slots):
        child = family.child[j]
        age = child.age
        here = (child.present == 1) & (age < AGE_18)
        has_place = (child.arena[KINDERGARTEN] | child.arena[SFO]) == 1
        children += here
        small += here & (age < AGE_6)
        under_11 += here & (age < AGE_11)
        youngest = min(youngest, age if here else NO_CHILD)
        in_care += here & has_place & (child.exempt == 0)
        at_home += here & ~has_place & (age >= rates.cash_for_care_from) & (age <= rates.cash_for_care_to)
    return small, under_11 - small, children - under_11, youngest, at_home, in_care


@small
def child_benefit(small, older, lone, infant, rates):
    """Child benefit by age, sums for a lone parent and an infant on top; Child Benefit Act [child-benefit-2025-05]."""
    amount = rates.child_benefit_0_5 * small + rates.child_benefit_6_17 * older
    if lone and small + older > 0:
        amount += rates.child_benefit_lone
    if infant:
        amount += rates.child_benefit_infant
    return amount


@small
def kindergarten_fees(family, income_year, rates):
    """Kindergarten: (ordinary fee, fee after 6 % ceiling and free core time); [kindergarten-income-share, -free-hours].

    A twelfth of the year's eleven payments. Second child 30 % off, further children free, in the order of the record;
    an exempt child pays nothing. The free hours come off after the ceiling.
    """
    ordinary = rates.kindergarten_price * rates.kindergarten_months / YEAR
    ceiling = at_most(ordinary, rates.kindergarten_income_share * income_year / YEAR)
    core = 1.0
    if income_year < rates.kindergarten_free_income:
        core = 1.0 - rates.kindergarten_free_hours / rates.kindergarten_full_hours
    places, full, reduced = 0, 0.0, 0.0
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 0 or child.arena[KINDERGARTEN] == 0 or child.exempt == 1:
            continue
        places += 1
        pays = 1.0
        if places == 2:
            pays = 1.0 - rates.kindergarten_second
        elif places > 2:
            pays = 1.0 - rates.kindergarten_third
        full += ordinary * pays
        reduced += ceiling * pays * (core if child.age >= rates.kindergarten_free_from * YEAR else 1.0)
    return full, reduced


@small
def sfo_fees(family, income_year, rates):
    """SFO: (ordinary fee with free hours, the same under the 6 % ceiling of each child); [sfo-income-share].

    A twelfth of the year's payments. Free hours are for all in grades 1-3; the ceiling is applied for.
    """
    price = rates.sfo_price * rates.sfo_months / YEAR
    limit = rates.sfo_income_share * income_year / YEAR
    full, reduced = 0.0, 0.0
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 0 or child.arena[SFO] == 0 or child.exempt == 1:
            continue
        grade = child.age / YEAR - 5.0  # first grade from six years
        fee = price
        if grade < rates.sfo_free_grades + 1.0:
            fee = price * (1.0 - rates.sfo_free_hours / rates.sfo_full_hours)
        full += fee
        reduced += at_most(fee, limit) if grade < rates.sfo_ceiling_grades + 1.0 else fee
    return full, reduced


@small
def childcare_support(fees, cash_for_care, in_care, wages_year, rates):
    """Lone parent in work: 64 % of fees less cash-for-care, at most a cap; NIA 15-10 [childcare-support-share]."""
    if in_care == 0 or wages_year <= 0.0 or wages_year > rates.childcare_support_income_g * rates.basic_amount:
        return 0.0
    cap = rates.childcare_support_max[min(in_care, 3) - 1]
    return at_most(rates.childcare_support_share * over(fees, cash_for_care), cap)


@small
def child_support(children, rates):
    """Child support from the other parent to a lone parent: an amount for each child, no rule (grade D)."""
    return rates.child_support * children


@small
def advance_child_support(under_11, from_11, income_year, rates):
    """Advance child support of a lone parent: increased, ordinary, reduced or none by gross income (grade D).

    The State keeps the child support that comes in, so what it pays is the part above it.
    """
    children = under_11 + from_11
    if income_year <= rates.advance_support_increased_to:
        return rates.advance_support_increased[0] * under_11 + rates.advance_support_increased[1] * from_11
    if income_year > rates.advance_support_to:
        return 0.0
    if income_year <= rates.advance_support_ordinary_to + rates.advance_support_ordinary_child * children:
        return rates.advance_support_ordinary * children
    return rates.advance_support_reduced * children


# ------------------------------------------------------------------------------------ housing allowance and assistance


@small
def housing_allowance(rent, taxable, adults, children, rates):
    """73.7 % of (housing cost up to the cap, less own share); Housing Allowance Act [housing-allowance-coverage].

    ``taxable`` is the gross taxable income of the month that is paid for, which is the last one.
    """
    persons = min(adults + children, 5)
    if persons == 0:
        return 0.0
    weights = (
        rates.housing_weight_first + rates.housing_weight_adult * (adults - 1) + rates.housing_weight_child * children
    )
    weighted = taxable * YEAR / weights
    own_share = (
        rates.housing_own_base
        + rates.housing_own_rate1 * over(weighted, rates.housing_own_kink1)
        + rates.housing_own_rate2 * over(weighted, rates.housing_own_kink2)
    )
    approved = at_most(rent * YEAR, rates.housing_cap[persons - 1])
    allowance = rates.housing_coverage * over(approved, own_share) / YEAR
    return allowance if allowance >= rates.housing_minimum else 0.0


@small
def assistance_norm(adults, small, middle, big, rates):
    """Norm of social assistance by household and ages; Social Services Act 18 [sa-norm-single-2025 and others]."""
    norm = rates.norm_couple if adults > 1 else rates.norm_lone
    return norm + rates.norm_child[0] * small + rates.norm_child[1] * middle + rates.norm_child[2] * big


@small
def means_test(needs, counted, child_benefit, fees, rates):
    """Social assistance: needs less counted incomes, never negative; child benefit counted or not, as the law was."""
    needs += rates.assistance_covers_fees * fees
    return over(needs, counted + rates.child_benefit_counted * child_benefit)


@small
def social_assistance_need(family, rates):
    """What social assistance would pay this family if it applied, from the amounts its record now holds.

    Norm, rent, power and fees less counted incomes, NOK a month; more than 0 means entitled.
    """
    adults = family.parent[0].present + family.parent[1].present
    small, middle, big, _, _, _ = count_children(family, rates)
    needs = assistance_norm(adults, small, middle, big, rates) + family.rent + rates.power
    counted = (
        family.wages
        + family.own_benefits
        - family.tax
        + family.cash_for_care
        + family.childcare_support
        + family.child_support
        + family.advance_child_support
        + family.housing_allowance
    )
    return means_test(needs, counted, family.child_benefit, family.kindergarten_fee + family.sfo_fee, rates)


# ---------------------------------------------------------------------------------------------------------- the month


@small
def household_income(family, rates):
    """Write the money of this month into the family's record; returns disposable income, NOK a month.

    Parameters
    ----------
    family : a FAMILY record; its parents' work, benefit, wage_level, earned_1y, earned_3y, benefit_months and age, its
        children's age, arenas and exempt, and rent, residence, applying, claims_* and taxable_last are read
    rates : a RATES record

    Notes
    -----
    ``entitlement`` is the social assistance it would get if it applied. ``disposable`` is wages and benefits less tax and
    less kindergarten and SFO fees. ``entitled_not_claimed`` is how much higher it would be with everything applied for:
    social assistance takes back what another claim would bring. ``equivalised`` is what the low-income line is held
    against: income after tax, before fees, for each consumption unit (docs/decisions/0008-income-before-fees.md).
    """
    adults = 0
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 1:
            adults += 1
    small, middle, big, youngest, at_home, in_care = count_children(family, rates)
    children = small + middle + big
    lone = adults == 1 and children > 0
    resident = long_residence(family, rates)

    # Wages and own benefits. A child supplement is paid to one parent, the first who has one.
    wages, own, supplemented, disabled = 0.0, 0.0, children, -1
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        parent.wages, parent.own_benefit, parent.tax = 0.0, 0.0, 0.0
        if parent.present == 0:
            continue
        parent.wages = gross_wages(parent, rates)
        parent.own_benefit = own_benefit(parent, supplemented, adults == 1, youngest, resident, rates)
        if parent.own_benefit > 0.0 and parent.benefit != INTRODUCTION and parent.benefit != TRANSITIONAL:
            if parent.benefit == DISABILITY and supplemented > 0:
                disabled = k
            supplemented = 0
        wages += parent.wages
        own += parent.own_benefit
    if disabled >= 0:
        supplement = disability_child_supplement(children, wages + own, adults == 1, rates)
        family.parent[disabled].own_benefit += supplement
        own += supplement

    # Tax: a twelfth of the tax of twelve such months.
    taxable, tax = 0.0, 0.0
    deduction_year = rates.tax_lone_parent_deduction * YEAR if lone else 0.0
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1:
            income = parent.wages if parent.benefit == MEASURES else parent.wages + parent.own_benefit
            parent.tax = tax_of_year(income * YEAR, deduction_year, rates) / YEAR
            taxable += income
            tax += parent.tax
    taxable_year = taxable * YEAR

    # What is there, and what is there on application.
    infant = False
    if lone and youngest < AGE_3:
        for k in range(MAX_PARENTS):
            parent = family.parent[k]
            if parent.present == 1 and parent.benefit == TRANSITIONAL:
                infant = parent.own_benefit >= rates.transitional_g * rates.basic_amount / YEAR
    benefit = child_benefit(small, middle + big, lone, infant, rates)
    cash = rates.cash_for_care * at_home if resident else 0.0
    kindergarten_full, kindergarten_reduced, sfo_full, sfo_reduced = 0.0, 0.0, 0.0, 0.0
    if in_care > 0:
        kindergarten_full, kindergarten_reduced = kindergarten_fees(family, taxable_year, rates)
        sfo_full, sfo_reduced = sfo_fees(family, taxable_year, rates)
    care, support, advance = 0.0, 0.0, 0.0
    if lone:
        care = childcare_support(kindergarten_reduced + sfo_reduced, cash, in_care, wages * YEAR, rates)
        support = child_support(children, rates)
        advance = over(advance_child_support(small + middle, big, taxable_year, rates), support)
    housing = housing_allowance(family.rent, family.taxable_last, adults, children, rates)
    needs = assistance_norm(adults, small, middle, big, rates) + family.rent + rates.power
    certain = wages + own - tax + support

    # With everything applied for.
    fees = kindergarten_reduced + sfo_reduced
    counted = certain + cash + care + advance + housing
    best = counted + benefit - fees + means_test(needs, counted, benefit, fees, rates)

    # As the family does apply.
    if family.claims_support[CASH_FOR_CARE] == 0 and cash > 0.0:
        cash = 0.0
        if lone:
            care = childcare_support(fees, cash, in_care, wages * YEAR, rates)
    if family.claims_support[ADVANCE] == 0:
        advance = 0.0
    if family.claims_support[CHILDCARE] == 0:
        care = 0.0
        kindergarten_reduced, sfo_reduced = kindergarten_full, sfo_full
        fees = kindergarten_reduced + sfo_reduced
    if family.claims_housing_allowance == 0:
        housing = 0.0
    counted = certain + cash + care + advance + housing
    family.entitlement = means_test(needs, counted, benefit, fees, rates)
    family.needs = needs + rates.assistance_covers_fees * fees
    assistance = family.entitlement if family.applying == 1 else 0.0
    disposable = counted + benefit - fees + assistance

    units = rates.eu_first_adult + rates.eu_child * children
    if adults > 1:
        units += rates.eu_other_adult * (adults - 1)

    family.wages = wages
    family.own_benefits = own
    family.tax = tax
    family.child_benefit = benefit
    family.cash_for_care = cash
    family.childcare_support = care
    family.child_support = support
    family.advance_child_support = advance
    family.housing_allowance = housing
    family.kindergarten_fee = kindergarten_reduced
    family.sfo_fee = sfo_reduced
    family.social_assistance = assistance
    family.entitled_not_claimed = over(best, disposable)
    family.disposable = disposable
    family.equivalised = (disposable + fees) / units
    family.taxable_last = taxable
    return disposable


@rule
def household_incomes(families, rates):
    """The money of this month of every family: FAMILY records (families,), RATES (1,); the records are written."""
    for i in range(families.shape[0]):
        household_income(families[i], rates[0])
