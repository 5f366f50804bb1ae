"""The rules of a month: 59 families worked by hand, known answers, and what must hold for every family.

``example_families.csv`` holds the families and, in its column ``working``, the arithmetic of each step with the figures
of the evidence written out; the tests check that arithmetic as well as the rules. Children are months old, with ``k``
in kindergarten, ``s`` in SFO, ``e`` exempt from the fee.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import json
import operator
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.profiles import load_profile
from simulation import budget
from simulation.budget import family_budget
from simulation.compiled import COMPILED
from simulation.errors import InputError
from simulation.family import FAMILY
from simulation.income import (
    household_income,
    household_incomes,
    kindergarten_fees,
    social_assistance_need,
    tax_of_year,
)
from simulation.names import BENEFITS, DISABILITY, MAX_CHILDREN, SUPPORTS, TRANSITIONAL, WORK
from simulation.rates import PLACES, RATES, load_rates, profile_rates, rate_table, read_rates, to_2025_prices, years

HERE = Path(__file__).resolve().parent
MONEY = (
    "wages",
    "own_benefits",
    "tax",
    "child_benefit",
    "cash_for_care",
    "childcare_support",
    "child_support",
    "advance_child_support",
    "housing_allowance",
    "kindergarten_fee",
    "sfo_fee",
    "social_assistance",
    "entitled_not_claimed",
)
with (HERE / "example_families.csv").open(encoding="utf-8", newline="") as file:
    EXAMPLES = list(csv.DictReader(file))
by_name = pytest.mark.parametrize("example", EXAMPLES, ids=[row["family"] for row in EXAMPLES])


def a_family(example):
    """The example's FAMILY record, in an array of one."""
    families = np.zeros(1, FAMILY)
    families["child_slots"] = MAX_CHILDREN
    family = families[0]
    family.rent = float(example["rent"])
    family.residence = 12 * int(example["residence_years"])
    for field in ("applying", "claims_housing_allowance", "claims_support"):
        family[field] = int(example[field])
    for j, text in enumerate(example["children_months"].split()):
        child = family.child[j]
        child.present, child.age = 1, int(text.rstrip("kse"))
        child.arena[0], child.arena[1], child.exempt = "k" in text, "s" in text, "e" in text
    for k in range(int(example["parents"])):
        parent, n = family.parent[k], k + 1
        parent.present, parent.age = 1, 12 * int(example[f"age_{n}"])
        parent.work, parent.benefit = WORK.index(example[f"work_{n}"]), BENEFITS.index(example[f"benefit_{n}"])
        parent.wage_level, parent.earned_1y = float(example[f"wage_{n}"]), float(example[f"former_{n}"])
        parent.earned_3y = 3 * parent.earned_1y
    return families


def example_rates(example):
    """The rates of the example's month and place, with those its municipality has set itself."""
    changes = dict(change.split("=") for change in example["rates"].split())
    return load_rates(example["month"], example["place"], {name: float(value) for name, value in changes.items()})


def settle(families, rates):
    """Two months of the same, since the housing allowance looks at last month's income."""
    household_income(families[0], rates[0])
    household_income(families[0], rates[0])
    return families[0]


# ------------------------------------------------------------------------------------------ families worked by hand


def worked(expression):
    """The value of written arithmetic: numbers, + - * /, min."""
    operations = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.BinOp):
            return operations[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        assert isinstance(node, ast.Call), expression
        assert node.func.id == "min"
        return min(value(argument) for argument in node.args)

    return value(ast.parse(expression, mode="eval").body)


@by_name
def test_the_working_of_an_example_adds_up(example):
    steps = [step.split(": ", 1) for step in example["working"].split("; ") if " = " in step]
    for name, arithmetic in steps:
        expression, result = arithmetic.rsplit(" = ", 1)
        assert worked(expression) == pytest.approx(float(result), abs=0.0051), name
    last = {name: float(arithmetic.rsplit(" = ", 1)[1]) for name, arithmetic in steps}
    assert last["disposable"] == float(example["disposable"])
    assert last.get("social assistance", 0.0) >= float(example["social_assistance"])
    assert float(example["disposable"]) == pytest.approx(
        sum(
            float(example[name]) * (-1 if name in ("tax", "kindergarten_fee", "sfo_fee") else 1) for name in MONEY[:-1]
        ),
        abs=0.02,
    )


@by_name
def test_the_rules_give_every_component_of_an_example_to_the_krone(example):
    family = settle(a_family(example), example_rates(example))
    for name in (*MONEY, "disposable", "equivalised"):
        assert family[name] == pytest.approx(float(example[name]), abs=0.1), name


def test_there_are_at_least_forty_examples():
    assert len({row["family"] for row in EXAMPLES}) >= 40


# --------------------------------------------------------------------------------------------------- known answers


def test_tax_on_300000_of_wages_is_46383_in_2025():
    assert tax_of_year(300000.0, 0.0, load_rates("2025")[0]) == pytest.approx(46383.2, abs=0.005)


@pytest.mark.parametrize(
    ("wages", "published"),  # evidence rows tax-on-200000-2025 ..., rounded to 100
    [
        (200000, 15400),
        (265656, 35600),
        (300000, 46400),
        (350000, 63100),
        (400000, 79900),
        (450000, 96800),
        (500000, 113600),
    ],
)
def test_tax_agrees_with_the_evidence(wages, published):
    assert abs(tax_of_year(float(wages), 0.0, load_rates("2025")[0]) - published) <= 50.0


@pytest.mark.parametrize(
    ("low", "high", "marginal"),  # tax-marginal-217-306-2025, tax-marginal-306-697-2025
    [(218000, 306000, 0.314), (307000, 697000, 0.337)],
)
def test_marginal_tax_agrees_with_the_evidence(low, high, marginal):
    rates = load_rates("2025")[0]
    share = (tax_of_year(float(high), 0.0, rates) - tax_of_year(float(low), 0.0, rates)) / (high - low)
    assert share == pytest.approx(marginal, abs=1e-9)


@pytest.mark.parametrize(("month", "limit"), [("2025-03", 366667), ("2025-09", 220000)])
def test_the_kindergarten_ceiling_of_6_percent_binds_below(month, limit):
    families = np.zeros(1, FAMILY)
    families["child_slots"] = MAX_CHILDREN
    child = families[0].child[0]
    child.present, child.age, child.arena[0] = 1, 20, 1  # under two years: no free core time
    rates = load_rates(month)[0]
    for income in (limit - 5000.0, limit + 5000.0):
        full, reduced = kindergarten_fees(families[0], income, rates)
        assert full == pytest.approx(float(rates.kindergarten_price) * 11 / 12)
        assert reduced == pytest.approx(min(full, 0.06 * income / 12))
        assert (reduced < full) == (income < limit)


def disposable(wages, **options):
    lines = {line.name: line.value for line in family_budget(1, [3, 7], 12000, wages, "2025", "work", **options)}
    return lines["disposable_income"]


def test_a_lone_parent_of_two_loses_79_percent_between_319000_and_442000():
    for wages in range(321000, 440000, 7000):
        assert 1 - (disposable(wages + 1200) - disposable(wages)) / 100 == pytest.approx(0.79, abs=0.005)
    assert 1 - (disposable(312000) - disposable(310800)) / 100 < 0.5
    assert 1 - (disposable(460000) - disposable(458800)) / 100 < 0.4


def test_benefits_in_kroner_agree_with_the_evidence():
    lines = {line.name: line.value for line in family_budget(1, [], 9000, 0, "2025", "aap")}
    assert lines["aap"] == pytest.approx(22138, abs=0.5)  # aap-minimum-nok-month
    lines = {line.name: line.value for line in family_budget(1, [3], 9000, 0, "2025", "transitional")}
    assert lines["transitional_benefit"] == pytest.approx(24405, abs=0.5)  # transitional-benefit-nok-month


# ----------------------------------------------------------------------------------------- what holds for every family


def parents():
    return st.fixed_dictionaries(
        {
            "work": st.integers(0, 2),
            "benefit": st.integers(0, len(BENEFITS) - 1),
            "age": st.integers(18 * 12, 60 * 12),
            "wage_level": st.floats(15000, 70000),
            "benefit_months": st.integers(0, 30),
            "earned_1y": st.floats(0, 700000),
        }
    )


def children():
    return st.tuples(st.integers(0, 251), st.booleans(), st.booleans())


@st.composite
def any_family(draw, claims=None):
    families = np.zeros(1, FAMILY)
    families["child_slots"] = MAX_CHILDREN
    family = families[0]
    family.rent = draw(st.floats(0, 25000))
    family.residence = draw(st.integers(0, 500))
    for field in ("applying", "claims_housing_allowance"):
        family[field] = draw(st.booleans()) if claims is None else claims
    family["claims_support"] = [draw(st.booleans()) if claims is None else claims for _ in SUPPORTS]
    for k, drawn in enumerate(draw(st.lists(parents(), min_size=1, max_size=2))):
        parent = family.parent[k]
        parent.present = 1
        for field, value in drawn.items():
            parent[field] = value
        parent.earned_3y = 2.5 * parent.earned_1y
    for j, (age, place, exempt) in enumerate(draw(st.lists(children(), max_size=MAX_CHILDREN))):
        child = family.child[j]
        child.present, child.age, child.exempt = 1, age, exempt
        child.arena[0], child.arena[1] = place and 12 <= age < 72, place and 72 <= age < 120
    return families


any_rates = st.builds(
    lambda month, support: load_rates(month, changes={"child_support": support}),
    st.sampled_from(["2025-03", "2025-05", "2025-07", "2025-09", "2017-03", "2017-09"]),
    st.sampled_from([0.0, 1000.0, 3000.0]),
)


@settings(max_examples=200, deadline=None)
@given(any_family(), any_rates)
def test_no_component_is_negative_and_they_sum_to_disposable_income(families, rates):
    family = settle(families, rates)
    assert all(family[name] >= 0 for name in MONEY)
    total = sum(family[name] for name in MONEY[:-1]) - 2 * (family.tax + family.kindergarten_fee + family.sfo_fee)
    assert family.disposable == pytest.approx(total, abs=1e-6)
    assert family.tax == pytest.approx(sum(parent.tax for parent in family.parent))
    assert family.own_benefits == pytest.approx(sum(parent.own_benefit for parent in family.parent))


@settings(max_examples=200, deadline=None)
@given(any_family(claims=True), any_rates)
def test_income_never_falls_below_the_norm_for_a_family_that_takes_up_what_it_can(families, rates):
    family, rate = settle(families, rates), rates[0]
    norm = rate.norm_couple if family.parent[1].present else rate.norm_lone
    for child in family.child:
        if child.present and child.age < 216:
            norm += rate.norm_child[0 if child.age < 72 else 1 if child.age < 132 else 2]
    assert family.disposable >= norm + family.rent + rate.power - 1e-6
    assert family.entitled_not_claimed == 0


@settings(max_examples=200, deadline=None)
@given(any_family(), any_rates)
def test_taking_up_everything_adds_exactly_what_is_left_on_the_table(families, rates):
    before = settle(families.copy(), rates)
    families[0].applying = families[0].claims_housing_allowance = 1
    families["claims_support"] = 1
    after = settle(families, rates)
    assert after.disposable - before.disposable == pytest.approx(before.entitled_not_claimed, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(any_family(), any_rates)
def test_need_of_social_assistance_is_what_applying_would_pay(families, rates):
    families[0].applying = 0
    need = social_assistance_need(settle(families, rates), rates[0])
    families[0].applying = 1
    assert settle(families, rates).social_assistance == pytest.approx(need, abs=1e-6)


# The steps of the law at which one more krone of wages lowers income. Each: where it lies and how much is lost there at
# most, both from the rates; the section of the law is that of the table in docs/income.md.


def crossed(below, above, limit):
    """Whether a limit lies between two incomes, whichever side the limit itself is on."""
    return below <= limit <= above


def housing_minimum_step(before, after, rates):
    if before.housing_allowance > 0 and after.housing_allowance == 0:
        return float(rates.housing_minimum) + 1.0  # before the krone it was within a krone of the smallest payment
    return 0.0


def advance_support_step(before, after, rates):
    children = children_of(before)
    under_11 = sum(age < 132 for age in children)
    amounts = [
        rates.advance_support_increased[0] * under_11 + rates.advance_support_increased[1] * (len(children) - under_11),
        rates.advance_support_ordinary * len(children),
        rates.advance_support_reduced * len(children),
        0.0,
    ]
    limits = (
        rates.advance_support_increased_to,
        rates.advance_support_ordinary_to + rates.advance_support_ordinary_child * len(children),
        rates.advance_support_to,
    )
    span = (12 * before.taxable_last, 12 * after.taxable_last)
    return sum(amounts[i] - amounts[i + 1] for i in range(3) if crossed(*span, limits[i]))


def childcare_support_step(before, after, rates):
    limit = rates.childcare_support_income_g * rates.basic_amount
    return rates.childcare_support_max[2] if crossed(12 * before.wages, 12 * after.wages, limit) else 0.0


def infant_step(before, after, rates):
    limit = rates.transitional_free_g * rates.basic_amount / 12
    return rates.child_benefit_infant if crossed(before.wages, after.wages, limit) else 0.0


def core_time_step(before, after, rates):
    if not crossed(12 * before.taxable_last, 12 * after.taxable_last, rates.kindergarten_free_income):
        return 0.0
    places = sum(c.present == 1 and c.arena[0] == 1 for c in before.child)
    fee = rates.kindergarten_price * rates.kindergarten_months / 12
    return places * fee * rates.kindergarten_free_hours / rates.kindergarten_full_hours


def disability_step(before, after, rates):
    lone = before.parent[1].present == 0
    minimum = (rates.disability_g_lone if lone else rates.disability_g_couple) * rates.basic_amount / 12
    ends = rates.disability_free_g * rates.basic_amount / 12 + minimum / rates.disability_reduction
    if any(
        a.benefit == DISABILITY and crossed(a.wages, b.wages, ends)
        for a, b in zip(before.parent, after.parent, strict=True)
    ):
        return rates.disability_child_g * len(children_of(before)) * rates.basic_amount / 12
    return 0.0


STEPS = {
    "Housing Allowance Regulations section 13": housing_minimum_step,
    "Advance Payment of Child Support Act section 5": advance_support_step,
    "National Insurance Act section 15-10": childcare_support_step,
    "Child Benefit Act section 9": infant_step,
    "Kindergarten Fee Regulations section 3": core_time_step,
    "National Insurance Act section 12-15": disability_step,
}


def children_of(family):
    """Ages in months of the children under 18."""
    return [child.age for child in family.child if child.present == 1 and child.age < 216]


def a_krone_more(families, rates, k):
    """A family's month before and after one more krone a month of gross wages of parent ``k``."""
    parent = families[0].parent[k]
    before = settle(families.copy(), rates)
    parent.wage_level += 1.0 / (1.0 if parent.work == 2 else float(rates[0].part_time_share))
    return before, settle(families, rates)


@settings(max_examples=400, deadline=None)
@given(any_family(), any_rates, st.integers(0, 1))
def test_an_extra_krone_of_wages_never_lowers_income_except_at_documented_steps(families, rates, k):
    parent = families[0].parent[k]
    if not parent.present or parent.work == 0:
        return
    parent.earned_1y = parent.earned_3y = 0.0  # unemployment benefit is of former, not of present wages
    before, after = a_krone_more(families, rates, k)
    allowed = sum(step(before, after, rates[0]) for step in STEPS.values())
    assert after.disposable >= before.disposable - allowed - 1e-6


AT_THE_STEP = {  # a family just under the step, by hand: wages NOK a month, and what one more krone costs there
    "Housing Allowance Regulations section 13": ({"children_months": "42", "rent": 4570, "wage_1": 24645.4}, 63),
    "Advance Payment of Child Support Act section 5": ({"wage_1": 342100 / 12}, 2 * (1920 - 1440)),
    "National Insurance Act section 15-10": ({"children_months": "54k 90", "wage_1": 6 * 130160 / 12}, 0.64 * 1100),
    "Child Benefit Act section 9": (
        {"children_months": "30", "benefit_1": "transitional", "work_1": "part_time", "wage_1": 130160 / 12},
        696,
    ),
    "Kindergarten Fee Regulations section 3": (
        {"children_months": "54k 90", "wage_1": 669050 / 12 - 0.01},
        (1 - 0.64) * 1100 * 20 / 45,
    ),
    "National Insurance Act section 12-15": (
        {"children_months": "90 138", "benefit_1": "disability", "wage_1": (0.4 + 2.529 / 0.66) * 130160 / 12 - 0.01},
        None,
    ),
}


@pytest.mark.parametrize("law", STEPS)
def test_each_documented_step_is_there_and_costs_what_the_law_says(law):
    changes, cost = AT_THE_STEP[law]
    example = next(row for row in EXAMPLES if row["family"] == "lone-wages-402000")
    rates = load_rates("2025")
    families = a_family({**example, "rent": 12000, **changes, "applying": 0})
    before, after = a_krone_more(families, rates, 0)
    lost = before.disposable - after.disposable
    assert STEPS[law](before, after, rates[0]) >= lost - 1e-6
    if cost is not None:
        assert lost == pytest.approx(cost, abs=1.5)  # the krone itself, and what else goes with it
    assert lost > 50


def test_the_page_on_income_lists_the_steps_and_no_other():
    text = (HERE.parent / "docs" / "income.md").read_text(encoding="utf-8")
    table = text.split("## Where an extra krone costs more than a krone")[1].split("\n## ")[0]
    assert [line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| ")][1:] == list(STEPS)


def test_a_child_of_18_changes_nothing():
    rates = load_rates("2025")
    example = next(row for row in EXAMPLES if row["family"] == "lone-wages-300000")
    without, with_adult = a_family(example), a_family(example)
    with_adult[0].child[5].present, with_adult[0].child[5].age = 1, 216
    settle(without, rates)
    settle(with_adult, rates)
    assert all(without[0][name] == with_adult[0][name] for name in (*MONEY, "equivalised"))


@pytest.mark.parametrize("missing", SUPPORTS)
def test_each_support_is_claimed_or_left_by_itself(missing):
    """A lone parent in work, one child at home of an age for cash-for-care, one of 54 months in kindergarten."""
    example = next(row for row in EXAMPLES if row["family"] == "lone-wages-204000")
    rates = load_rates("2025")
    families = a_family({**example, "children_months": "15 54k", "applying": 0, "claims_support": 1})
    everything = settle(families.copy(), rates).copy()
    families["claims_support"][0, SUPPORTS.index(missing)] = 0
    family = settle(families, rates)
    ceiling = 0.06 * 204000 / 12 * (1 - 20 / 45)  # below the price: 566.67
    assert everything.kindergarten_fee == pytest.approx(ceiling)
    assert (everything.cash_for_care, everything.childcare_support) == (7500, 0)  # 64 % of fees less cash-for-care
    assert everything.advance_child_support == 2 * 1920
    if missing == "cash_for_care":  # without it the fees are supported
        assert (family.cash_for_care, family.childcare_support) == (0, pytest.approx(0.64 * ceiling))
    elif missing == "advance_child_support":
        assert (family.advance_child_support, family.cash_for_care) == (0, 7500)
    else:
        assert family.kindergarten_fee == pytest.approx(1100)  # free core time is applied for as well
        assert (family.cash_for_care, family.childcare_support) == (7500, 0)
    assert family.entitled_not_claimed > 0


def test_the_housing_allowance_is_one_month_late():
    rates = load_rates("2025")
    families = a_family(next(row for row in EXAMPLES if row["family"] == "lone-no-income"))
    first = settle(families, rates).housing_allowance
    families[0].parent[0].work, families[0].parent[0].wage_level = 2, 38000.0
    household_income(families[0], rates[0])
    assert families[0].housing_allowance == first
    household_income(families[0], rates[0])
    assert families[0].housing_allowance < first


def test_child_benefit_is_counted_against_social_assistance_in_2017_only():
    for month, counted in (("2017", 1), ("2025", 0)):
        lines = {line.name: line.value for line in family_budget(1, [3, 7], 9000, 0, month)}
        rates = load_rates(month)[0]
        needs = rates.norm_lone + rates.norm_child[0] + rates.norm_child[1] + 9000 + rates.power
        other = lines["housing_allowance"] + lines["social_assistance"]
        assert needs - other == pytest.approx(counted * lines["child_benefit"], abs=0.02)


def test_a_parent_who_leaves_leaves_no_amounts_behind():
    families = a_family(next(row for row in EXAMPLES if row["family"] == "couple-full-and-part"))
    settle(families, load_rates("2025"))
    families[0].parent[1].present = 0
    settle(families, load_rates("2025"))
    gone = families[0].parent[1]
    assert (gone.wages, gone.own_benefit, gone.tax) == (0, 0, 0)


# -------------------------------------------------------------------------------------------------------- the rates


@pytest.mark.parametrize("year", years())
def test_every_rate_has_a_unit_a_source_a_grade_and_the_same_name_every_year(year):
    table = rate_table(year)
    assert tuple(sorted(rate.name for rate in table)) == tuple(sorted(RATES.names))
    assert all(rate.unit and rate.source and rate.meaning for rate in table)
    assert all(rate.reason for rate in table if rate.grade == "D")


@pytest.mark.parametrize("year", years())
def test_every_source_of_a_rate_exists(year):
    evidence = HERE.parent / "calibration" / "evidence"
    if not (evidence / "norway.csv").exists():
        pytest.skip("the evidence tables are not in this copy")
    known = {path.name for path in evidence.glob("*.csv")}
    for name, key in (("norway.csv", "id"), ("sources.csv", "key")):
        with (evidence / name).open(encoding="utf-8", newline="") as file:
            known |= {row[key] for row in csv.DictReader(file)}
    text = (HERE.parent / "simulation" / "rates" / f"{year}.toml").read_text(encoding="utf-8")
    known |= {line.split(" = ")[0] for line in text.split("[rates.")[0].splitlines() if " = " in line}
    assert {source for rate in rate_table(year) for source in rate.source} <= known


def evidence_rows(name):
    with (HERE.parent / "calibration" / "evidence" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("month", [f"{year}-{month:02d}" for year in years() for month in range(1, 13)])
def test_the_dated_series_of_the_evidence_hold_in_every_month(month):
    rates = load_rates(month)[0]
    amounts = [r for r in evidence_rows("norway-basic-amount.csv") if f"{r['year']}-{int(r['month']):02d}" <= month]
    assert rates.basic_amount == float(amounts[-1]["basic_amount_nok"])

    def valid(name):
        return [r for r in evidence_rows(name) if r["valid_from"] <= month <= (r.get("valid_to") or "9999-12")]

    benefit = {r["component"]: float(r["nok_per_month"]) for r in valid("norway-child-benefit.csv")}
    found = (rates.child_benefit_0_5, rates.child_benefit_6_17, rates.child_benefit_lone, rates.child_benefit_infant)
    names = ("child_0_5", "child_6_17", "extended_lone_parent", "infant_supplement_lone_parent")
    assert found == tuple(benefit[name] for name in names)
    caps = [
        float(r["nok_per_year"]) for r in valid("norway-housing-allowance-caps.csv") if r["item"].startswith("cap_")
    ]
    assert not caps or caps == rates.housing_cap.tolist()
    norms = {r["household_type"]: float(r["nok_per_month"]) for r in valid("norway-social-assistance-norms.csv")}
    if norms:  # the table begins in 2018
        assert (rates.norm_lone, rates.norm_couple) == (norms["single"], norms["couple"])
        assert rates.norm_child.tolist() == [norms["child_0_5"], norms["child_6_10"], norms["child_11_17"]]


def test_every_rate_is_read_by_a_rule():
    """A rate that nothing reads is a number that a reader believes in and the model does not."""
    code = "".join(path.read_text(encoding="utf-8") for path in (HERE.parent / "simulation").glob("*.py"))
    unread = [
        name
        for name in RATES.names
        if not re.search(
            rf"\b{name}\b", code.replace("housing_cap_{place}", " ".join(f"housing_cap_{place}" for place in PLACES))
        )
    ]
    assert unread == []


def test_rates_change_inside_a_year():
    spring, may, june, autumn = (load_rates(f"2025-{month}")[0] for month in ("04", "05", "06", "08"))
    assert (spring.basic_amount, may.basic_amount) == (124028, 130160)
    assert (spring.child_benefit_6_17, may.child_benefit_6_17) == (1766, 1968)
    assert (may.housing_cap[0], june.housing_cap[0]) == (85523, 87832)
    assert (june.kindergarten_price, autumn.kindergarten_price) == (2000, 1200)
    assert load_rates("2025") == load_rates("2025-09")


@pytest.mark.parametrize("month", ["2019", "2024-12", "2025-00", "2025-13", "2025-5", "next year", ""])
def test_a_month_without_rates_is_an_input_error_that_says_which_years_there_are(month):
    with pytest.raises(InputError, match="2017, 2025"):
        load_rates(month)


def test_a_norm_set_on_the_command_line_is_the_municipality_s_own(capsys):
    options = ("--children", "3,7", "--rent", "12000", "--json")
    found = []
    for more in ((), ("--set", "rates.norm_lone=9000", "--set", "rates.norm_child=[4000,4100,5400]")):
        assert run(*options, *more) == 0
        found.append({line["name"]: line["value"] for line in json.loads(capsys.readouterr().out)})
    assert found[1]["social_assistance"] - found[0]["social_assistance"] == pytest.approx(900 + 50 + 50, abs=0.02)


def test_a_profile_s_own_rates_are_of_one_year_and_no_other():
    profile = replace(load_profile("oygarden"), rates={"norm_lone": 9000.0}, rates_year="2025", housing_cap="large")
    rates = profile_rates("2025-03", profile)
    assert rates["norm_lone"] == 9000
    assert rates["housing_cap"][0, 0] == 85523 + 17691
    with pytest.raises(InputError, match="years are not mixed"):
        profile_rates("2017", profile)


def test_a_file_of_rates_holds_its_own_year_only(tmp_path):
    text = (HERE.parent / "simulation" / "rates" / "2025.toml").read_text(encoding="utf-8")
    later, other = tmp_path / "2025.toml", tmp_path / "2026.toml"
    later.write_text(text.replace('{ from = "2025-05", value = 130160 }', '{ from = "2026-05", value = 136549 }'))
    other.write_text(text)
    for path, says in ((later, "years are not mixed"), (other, "is 2025")):
        with pytest.raises(InputError, match=says):
            read_rates(path)


def test_every_grade_d_rate_says_how_far_it_may_be_off():
    unsure = [rate for year in years() for rate in rate_table(year) if rate.grade == "D"]
    assert unsure
    for rate in unsure:
        low, value, high = (np.atleast_1d(v) for v in (rate.low, rate.values[-1][1], rate.high))
        assert np.all((low <= value) & (value <= high))
        assert np.any(low < high), rate.name


def test_local_norms_and_places():
    assert load_rates("2025", changes={"norm_lone": 8500})["norm_lone"] == 8500
    assert load_rates("2025", "oslo")["housing_cap"][0, 0] == 87832 + 26646
    with pytest.raises(InputError, match="no rate 'norm_single'"):
        load_rates("2025", changes={"norm_single": 1})
    with pytest.raises(InputError, match="oslo"):
        load_rates("2025", "Oslo")


def test_amounts_are_brought_to_prices_of_2025():
    assert to_2025_prices(load_rates("2025")) == 1.0
    assert to_2025_prices(load_rates("2017")) == pytest.approx(100 / 76.62)


RANGES = [
    (year, rate.name, end, value)
    for year in years()
    for rate in rate_table(year)
    for end, value in (("low", rate.low), ("high", rate.high))
    if value is not None
]


@pytest.mark.parametrize(("year", "name", "end", "value"), RANGES, ids=[f"{r[0]}-{r[1]}-{r[2]}" for r in RANGES])
def test_an_uncertain_rate_works_at_both_ends_of_its_range(year, name, end, value):
    ends = {"low": operator.le, "high": operator.ge}
    rates, as_stated = load_rates(year, changes={name: value}), load_rates(year)
    assert np.all(ends[end](rates[name], as_stated[name]))
    for example in EXAMPLES[::5]:
        family = settle(a_family(example), rates)
        assert all(np.isfinite(family[field]) and family[field] >= 0 for field in MONEY)


# ------------------------------------------------------------------------------------------------- compiled and plain


def fingerprint():
    """A hash over the bytes of many families' months."""
    digest = hashlib.sha256()
    for month in ("2025-03", "2025-09", "2017-09"):
        rates = load_rates(month)
        for example in EXAMPLES:
            families = a_family(example)
            settle(families, rates)
            digest.update(families.tobytes())
        random = np.random.default_rng(1)
        for _ in range(150):
            families = np.zeros(1, FAMILY)
            families["child_slots"] = MAX_CHILDREN
            family = families[0]
            family.rent, family.residence = random.uniform(0, 20000), random.integers(0, 200)
            for field in ("applying", "claims_housing_allowance"):
                family[field] = random.integers(0, 2)
            family["claims_support"] = random.integers(0, 2, len(SUPPORTS))
            for k in range(random.integers(1, 3)):
                parent = family.parent[k]
                parent.present, parent.work, parent.benefit = 1, random.integers(0, 3), random.integers(0, 8)
                parent.age, parent.benefit_months = random.integers(216, 700), random.integers(0, 30)
                parent.wage_level, parent.earned_1y = random.uniform(15000, 60000), random.uniform(0, 600000)
                parent.earned_3y = 2.7 * parent.earned_1y
            for j in range(random.integers(0, 9)):
                child = family.child[j]
                child.present, child.age, child.exempt = 1, random.integers(0, 250), random.integers(0, 2)
                child.arena[:2] = random.integers(0, 2, 2)
            settle(families, rates)
            digest.update(families.tobytes())
    return digest.hexdigest()


def test_compiled_and_plain_rules_give_the_same_bytes():
    environment = dict(os.environ, NUMBA_DISABLE_JIT="1" if COMPILED else "0", PYTHONPATH=str(HERE.parent))
    other = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.split() == [str(not COMPILED), fingerprint()]


# --------------------------------------------------------------------------------------------------------- the budget

NAMES = [
    "gross_wages",
    "tax",
    "kvp",
    "aap",
    "disability_benefit",
    "transitional_benefit",
    "unemployment_benefit",
    "measures_benefit",
    "introduction_benefit",
    "child_benefit",
    "cash_for_care",
    "childcare_support",
    "child_support",
    "advance_child_support",
    "housing_allowance",
    "kindergarten_fee",
    "sfo_fee",
    "social_assistance",
    "disposable_income",
    "equivalised_income",
    "low_income_line",
]


def run(*options):
    parser = argparse.ArgumentParser()
    budget.add_arguments(parser)
    return budget.main(parser.parse_args(options))


@pytest.mark.parametrize("source", [None, *budget.SOURCES])
def test_the_lines_of_a_budget_have_their_names_and_sum_to_disposable_income(source):
    lines = family_budget(1, [3, 7], 12000, 120000, "2025", source, supports=True, childcare=True)
    assert [line.name for line in lines] == NAMES
    assert all(line.unit == "NOK a month" for line in lines)
    total = NAMES.index("disposable_income")
    assert sum(line.value for line in lines[:total]) == pytest.approx(lines[total].value, abs=0.005)
    assert (lines[total - 1].value > 0) <= (source in (None, "social_assistance"))


def test_a_source_instead_of_social_assistance():
    lines = {line.name: line.value for line in family_budget(1, [3, 7], 12000, 0, "2025", "kvp")}
    assert lines["kvp"] == pytest.approx(2.041 * 130160 / 12 + 37 * 2 * 260 / 12, abs=0.01)
    assert lines["child_benefit"] == 2 * 1968 + 2516
    assert lines["social_assistance"] == 0


def test_the_command_prints_one_json_document(capsys):
    assert run("--children", "3,7", "--rent", "12000", "--wages", "300000", "--json") == 0
    lines = json.loads(capsys.readouterr().out)
    assert [line["name"] for line in lines] == NAMES
    value = {line["name"]: line["value"] for line in lines}
    assert -12 * value["tax"] == pytest.approx(46383.2, abs=0.1)
    assert [set(line) for line in lines[:-1]] == [{"name", "value", "unit"}] * (len(lines) - 1)
    line = lines[-1]  # eu60-2025-cpi: 292 000 to 303 000
    assert (line["value"], line["low"], line["high"]) == (24333.33, 24333.33, 25250.0)


@pytest.mark.parametrize(("lang", "word"), [("nb", "disponibel inntekt"), ("en", "disposable income")])
def test_the_command_prints_a_table_in_two_languages(capsys, lang, word):
    assert run("--children", "3,7", "--rent", "12000", "--wages", "300000", "--lang", lang) == 0
    out = capsys.readouterr().out
    assert word in out
    *_, rows, verdict = out.split("\n\n")
    assert len({len(line) for line in rows.splitlines()}) == 1
    assert {"nb": "under lavinntektsgrensen", "en": "below the low-income line"}[lang] in verdict


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rent", "-1"], "rent"),
        (["--rent", "nan"], "rent"),
        (["--rent", "1", "--wages", "-5"], "wages"),
        (["--rent", "1", "--children", "40"], "40 years old"),
        (["--rent", "1", "--children", "-1"], "ages of 0"),
        (["--rent", "1", "--children", "three"], "ages"),
        (["--rent", "1", "--children", "1,1,1,1,1,1,1,1,1"], "at most 8"),
        (["--rent", "1", "--parents", "3"], "1 or 2"),
        (["--rent", "1", "--parents", "2", "--source", "transitional"], "lone parents"),
        (["--rent", "1", "--source-second", "aap"], "second parent"),
        (["--rent", "1", "--source", "kpv"], "kvp"),
        (["--rent", "1", "--year", "2019"], "2017, 2025"),
        (["--rent", "1", "--month", "2025-13"], "2017, 2025"),
        (["--rent", "1", "--source", "unemployment", "--former-wages", "50000"], "130160"),
        (["--rent", "1", "--former-wages", "500000"], "nobody is on unemployment benefit"),
        (["--rent", "1", "--work", "part_time"], "no wages"),
        (["--rent", "1", "--parents", "2", "--child-support", "1000"], "lone parent"),
        (["--rent", "1", "--child-support", "-1"], "0 or more"),
        (["--rent", "1", "--children", "9", "--source", "transitional"], "under 8"),
        (["--rent", "1", "--residence", "2", "--source", "aap"], "--residence 5"),
        (["--rent", "1", "--set", "norm_lone=9000"], "rates.norm_lone=8500"),
        (["--rent", "1", "--set", "rates.norm_lone=much"], "rates.norm_lone=8500"),
        (["--rent", "1", "--set", "rates.norm_single=9000"], "norm_"),
        (["--rent", "1", "--set", "rates.norm_child=9000"], "3 numbers"),
        (["--rent", "1", "--set", "rates.norm_lone=-1"], "0 or more"),
        (["--rent", "1", "--set", "rates.tax_general_rate=22"], "from 0 to 1"),
    ],
)
def test_wrong_input_is_one_clear_message(options, says):
    with pytest.raises(InputError) as error:
        run(*options)
    assert says in str(error.value)


def test_one_family_and_a_hundred_thousand_have_the_same_rule():
    rates = load_rates("2025")
    alone = [a_family(example) for example in EXAMPLES]
    together = np.concatenate(alone * 2)
    for family in alone:
        household_income(family[0], rates[0])
    household_incomes(together, rates)
    assert together.tobytes() == np.concatenate(alone * 2).tobytes()


def test_transitional_benefit_is_not_for_couples_in_the_rules_either():
    families = a_family(next(row for row in EXAMPLES if row["family"] == "couple-no-income"))
    families[0].parent[0].benefit = TRANSITIONAL
    assert settle(families, load_rates("2025")).own_benefits == 0


if __name__ == "__main__":
    print(COMPILED, fingerprint())
