"""One family's month, line by line: what ``python run.py income`` prints.

The same compiled rule as in the model, on a FAMILY record of one family. Tax and fees are negative lines, so the
lines down to social assistance sum to disposable income.
"""
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulation.errors import InputError, nearest
from simulation.family import FAMILY
from simulation.income import KINDERGARTEN, SFO, household_income, unemployment_entitled
from simulation.names import BENEFITS, FULL_TIME, MAX_CHILDREN, NO_WORK, PART_TIME
from simulation.rates import PLACES, load_rates, rate_table, resolve_month

MONTHS: Final = 12
OLDEST: Final = 20  # years; from 18 a child is not part of the household's money
SOURCES: Final = (*BENEFITS, "work", "social_assistance")
BY_THE_HOUR: Final = (
    "kvp",
    "aap",
    "unemployment",
    "measures",
    "introduction",
)  # reduced by hours in work, not by wages
MONTHLY: Final = "NOK a month"

# Line -> field of FAMILY and its sign; own benefits stand between tax and child benefit.
_BEFORE: Final = (("gross_wages", "wages", 1), ("tax", "tax", -1))
_OWN: Final = (
    "kvp",
    "aap",
    "disability_benefit",
    "transitional_benefit",
    "unemployment_benefit",
    "measures_benefit",
    "introduction_benefit",
)
_AFTER: Final = (
    ("child_benefit", "child_benefit", 1),
    ("cash_for_care", "cash_for_care", 1),
    ("childcare_support", "childcare_support", 1),
    ("child_support", "child_support", 1),
    ("advance_child_support", "advance_child_support", 1),
    ("housing_allowance", "housing_allowance", 1),
    ("kindergarten_fee", "kindergarten_fee", -1),
    ("sfo_fee", "sfo_fee", -1),
    ("social_assistance", "social_assistance", 1),
)

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "gross_wages": ("lønn før skatt", "gross wages"),
    "tax": ("skatt", "tax"),
    "kvp": ("kvalifiseringsstønad (KVP)", "qualification benefit (KVP)"),
    "aap": ("arbeidsavklaringspenger (AAP)", "work assessment allowance (AAP)"),
    "disability_benefit": ("uføretrygd", "disability benefit"),
    "transitional_benefit": ("overgangsstønad", "transitional benefit"),
    "unemployment_benefit": ("dagpenger", "unemployment benefit"),
    "measures_benefit": ("tiltakspenger", "measures benefit"),
    "introduction_benefit": ("introduksjonsstønad", "introduction benefit"),
    "child_benefit": ("barnetrygd", "child benefit"),
    "cash_for_care": ("kontantstøtte", "cash-for-care"),
    "childcare_support": ("stønad til barnetilsyn", "childcare support"),
    "child_support": ("barnebidrag", "child support"),
    "advance_child_support": ("bidragsforskudd", "advance child support"),
    "housing_allowance": ("bostøtte", "housing allowance"),
    "kindergarten_fee": ("barnehage", "kindergarten fee"),
    "sfo_fee": ("SFO", "SFO fee"),
    "social_assistance": ("økonomisk sosialhjelp", "social assistance"),
    "disposable_income": ("disponibel inntekt", "disposable income"),
    "equivalised_income": ("inntekt per forbruksenhet (EU-skala)", "income per consumption unit (EU scale)"),
    "low_income_line": ("lavinntektsgrense (EU60) per forbruksenhet", "low-income line (EU60) per unit"),
}


@dataclass(frozen=True)
class BudgetLine:
    """A line of a budget; ``value`` is signed: tax and fees are negative."""

    name: str
    value: float
    unit: str = MONTHLY
    low: float | None = None
    """with ``high``: how far off it may be, where that is known (the low-income line)"""
    high: float | None = None


def family_budget(
    parents: int,
    children_ages: Sequence[float],
    rent: float,
    wages: float,
    month: str,
    source: str | None = None,
    *,
    wages_second: float = 0.0,
    source_second: str | None = None,
    work: str | None = None,
    former_wages: float | None = None,
    age: float = 35,
    residence: float = 35,
    housing_allowance: bool = True,
    social_assistance: bool | None = None,
    supports: bool = False,
    childcare: bool = False,
    child_support: float | None = None,
    place: str = "other",
    changes: Mapping[str, float | tuple[float, ...]] | None = None,
) -> list[BudgetLine]:
    """A month's budget of a family whose income has been the same for a while, in kroner of the month's year.

    Parameters
    ----------
    parents : 1 or 2
    children_ages : whole years (the child is then half a year older) or years with decimals; at most eight
    rent : NOK a month
    wages, wages_second : gross wages of the first and second parent, NOK a year
    month : ``"2025-09"``, or a year
    source, source_second : own benefit of a parent (``kvp``, ``aap``, ...), or ``work``, or ``social_assistance``
    work : ``full_time`` or ``part_time``: the hours behind the wages. By default part time beside a benefit that is
        reduced by hours, else full time
    former_wages : NOK a year before unemployment; by default a full-time entry wage
    age, residence : of the parents: years of age, years in Norway
    housing_allowance : applied for
    social_assistance : applied for; by default only where no other source is named
    supports : cash-for-care, childcare support, advance child support and reduced fees are applied for
    childcare : children of 1-5 are in kindergarten, of 6-9 in SFO, and pay
    child_support : from the other parent of a lone parent's children, NOK a month for each child
    place, changes : see :func:`simulation.rates.load_rates`

    Returns
    -------
    list of BudgetLine, NOK a month, with the names of ``docs/interface.md``; the lines above ``disposable_income`` sum
    to it

    Raises
    ------
    InputError : a family, source or month that cannot be
    """
    _check(parents, children_ages, rent, wages, wages_second, age, residence, former_wages, child_support)
    own = [_source(source, parents, "source"), _source(source_second, parents, "source_second")]
    if parents == 1 and (wages_second or source_second):
        raise InputError("there is no second parent", key="wages_second", allowed="--parents 2")
    if work not in (None, "full_time", "part_time"):
        raise InputError(f"unknown work {work!r}", key="work", allowed="one of: full_time, part_time")
    if work is not None and not wages and not wages_second:
        raise InputError("there are no wages", key="work", allowed="wages, for work of so many hours")
    if former_wages is not None and "unemployment" not in own:
        raise InputError("nobody is on unemployment benefit", key="former_wages", allowed="--source unemployment")
    if child_support is not None:
        changes = {**(changes or {}), "child_support": child_support}
    rates = load_rates(month, place, changes)
    for k in range(parents):
        _entitled(own[k], children_ages, residence, rates[0], ("source", "source_second")[k])

    families = np.zeros(1, FAMILY)
    families["child_slots"] = MAX_CHILDREN
    family = families[0]
    family.rent = rent
    family.residence = round(residence * MONTHS)
    family.claims_housing_allowance = housing_allowance
    family.claims_support[:] = supports
    family.applying = source in (None, "social_assistance") if social_assistance is None else social_assistance
    for j, years in enumerate(children_ages):
        child = family.child[j]
        child.present = 1
        child.age = _months(years)
        child.arena[KINDERGARTEN] = childcare and 1 <= years < 6
        child.arena[SFO] = childcare and 6 <= years < 10
    for k in range(parents):
        parent = family.parent[k]
        parent.present = 1
        parent.age = round(age * MONTHS)
        parent.benefit = BENEFITS.index(own[k])
        _set_work(parent, (wages, wages_second)[k], own[k], work, rates[0])
        if own[k] == "unemployment":
            _set_history(parent, former_wages, rates[0])
    # Twice: the housing allowance looks at last month's income.
    household_income(family, rates[0])
    household_income(family, rates[0])
    return _lines(family, rates[0], resolve_month(month)[:4])


def _check(
    parents: int,
    children_ages: Sequence[float],
    rent: float,
    wages: float,
    wages_second: float,
    age: float,
    residence: float,
    former_wages: float | None,
    child_support: float | None,
) -> None:
    if parents not in (1, 2):
        raise InputError(f"a family has one or two parents, not {parents}", key="parents", allowed="1 or 2")
    amounts = {"rent": rent, "wages": wages, "wages_second": wages_second, "former_wages": former_wages or 0.0}
    for key, amount in {**amounts, "child_support": child_support or 0.0}.items():
        if not (math.isfinite(amount) and amount >= 0):
            unit = MONTHLY if key in ("rent", "child_support") else "NOK a year"
            raise InputError(f"cannot be {amount:g}", key=key, allowed=f"an amount of 0 or more, {unit}")
    if child_support and parents == 2:
        raise InputError(
            "child support is paid to a lone parent, here are two", key="child_support", allowed="--parents 1"
        )
    if len(children_ages) > MAX_CHILDREN:
        raise InputError(
            f"{len(children_ages)} children are too many", key="children", allowed=f"at most {MAX_CHILDREN}"
        )
    for years in children_ages:
        if not 0 <= years <= OLDEST:
            raise InputError(
                f"a child cannot be {years:g} years old", key="children", allowed=f"ages of 0 to {OLDEST} years"
            )
    if not 15 <= age <= 100:
        raise InputError(f"a parent cannot be {age:g} years old", key="age", allowed="15 to 100 years")
    if not 0 <= residence <= 100:
        raise InputError(f"residence cannot be {residence:g} years", key="residence", allowed="0 to 100 years")


def _source(source: str | None, parents: int, key: str) -> str:
    """The own benefit a source stands for."""
    if source is not None and source not in SOURCES:
        raise InputError(f"unknown source {source!r}", key=key, allowed=nearest(source, SOURCES))
    if source is None or source not in BENEFITS:
        return "none"
    if source == "transitional" and parents == 2:
        raise InputError("transitional benefit is for lone parents, here are two", key=key, allowed="--parents 1")
    return source


def _entitled(benefit: str, children_ages: Sequence[float], residence: float, rates: Any, key: str) -> None:
    """Refuse a benefit that the family's ages or years in Norway rule out; the rules would pay nothing, and say nothing."""
    needed = rates.residence_months / MONTHS
    if benefit in ("aap", "disability", "transitional") and residence < needed:
        raise InputError(
            f"{benefit} is not given after {residence:g} years in Norway",
            key=key,
            allowed=f"--residence {needed:g} or more",
        )
    youngest = min((_months(years) / MONTHS for years in children_ages), default=math.inf)
    if benefit == "transitional" and youngest >= rates.transitional_child_age:
        raise InputError(
            "transitional benefit is for parents of small children",
            key=key,
            allowed=f"the youngest child under {rates.transitional_child_age:g}",
        )


def _months(years: float) -> int:
    """A child of whole years is taken to be half a year older."""
    return int(years) * MONTHS + MONTHS // 2 if float(years).is_integer() else round(years * MONTHS)


def _set_work(parent: Any, wages_year: float, benefit: str, work: str | None, rates: Any) -> None:
    if wages_year == 0:
        parent.work = NO_WORK
    elif work == "part_time" or (work is None and benefit in BY_THE_HOUR):
        parent.work = PART_TIME
        parent.wage_level = wages_year / MONTHS / rates.part_time_share
    else:
        parent.work = FULL_TIME
        parent.wage_level = wages_year / MONTHS


def _set_history(parent: Any, former_wages: float | None, rates: Any) -> None:
    former = rates.entry_wage * MONTHS if former_wages is None else former_wages
    parent.earned_1y, parent.earned_3y = former, 3 * former
    if parent.work == NO_WORK:
        parent.wage_level = former / MONTHS
    if not unemployment_entitled(parent, rates):
        needed = rates.unemployment_income_3y_g * rates.basic_amount / 3
        raise InputError(
            f"unemployment benefit needs an earnings history, {former:g} NOK a year is too little",
            key="former_wages",
            allowed=f"{math.ceil(needed)} NOK a year or more",
        )


def _lines(family: Any, rates: Any, year: str) -> list[BudgetLine]:
    own = dict.fromkeys(_OWN, 0.0)
    for parent in family.parent:
        if parent.benefit:
            own[_OWN[parent.benefit - 1]] += float(parent.own_benefit)
    amounts = [(name, sign * float(family[field])) for name, field, sign in _BEFORE]
    amounts += own.items()
    amounts += [(name, sign * float(family[field])) for name, field, sign in _AFTER]
    lines = [BudgetLine(name, round(value, 2) + 0.0) for name, value in amounts]
    total = round(sum(line.value for line in lines), 2)
    return [
        *lines,
        BudgetLine("disposable_income", total),
        BudgetLine("equivalised_income", round(float(family.equivalised), 2)),
        _low_income_line(float(rates.low_income_line), year),
    ]


def _low_income_line(line: float, year: str) -> BudgetLine:
    """EU60 for one consumption unit, with the range its source leaves open."""
    rate = next(rate for rate in rate_table(year) if rate.name == "low_income_line")
    value, *ends = (round(float(amount) / MONTHS, 2) for amount in (line, rate.low, rate.high) if amount is not None)  # type: ignore[arg-type]
    return BudgetLine("low_income_line", value, low=min(value, *ends), high=max(value, *ends))


# ----------------------------------------------------------------------------------------------------- the command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run.py income``."""
    parser.add_argument("--parents", type=int, default=1, metavar="1|2")
    parser.add_argument("--children", default="", metavar="AGES", help="ages in years, as 3,7")
    parser.add_argument("--rent", type=float, required=True, metavar="NOK", help="housing cost a month")
    parser.add_argument("--wages", type=float, default=0.0, metavar="NOK", help="first parent, gross, a year")
    parser.add_argument("--wages-second", type=float, default=0.0, metavar="NOK", help="second parent, gross, a year")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--year", help="rates of the September of a year (default 2025)")
    when.add_argument("--month", help="rates of a month, as 2025-05")
    names = ", ".join(SOURCES)
    parser.add_argument("--source", help=f"what the first parent lives on instead of social assistance: {names}")
    parser.add_argument("--source-second", metavar="SOURCE", help="own benefit of the second parent")
    parser.add_argument("--work", metavar="full_time|part_time", help="hours behind the wages, beside a benefit")
    parser.add_argument("--former-wages", type=float, metavar="NOK", help="a year, before unemployment")
    parser.add_argument("--age", type=float, default=35, metavar="YEARS", help="of the parents (default 35)")
    parser.add_argument("--residence", type=float, default=35, metavar="YEARS", help="in Norway (default 35)")
    parser.add_argument("--supports", action="store_true", help="apply for the supports and reduced fees too")
    parser.add_argument("--childcare", action="store_true", help="children in kindergarten and SFO")
    parser.add_argument("--social-assistance", action=argparse.BooleanOptionalAction, help="applied for or not")
    parser.add_argument("--housing-allowance", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--child-support", type=float, metavar="NOK", help="from the other parent, a month per child")
    parser.add_argument("--place", default="other", help=f"for the cap on housing cost: {', '.join(PLACES)}")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="rates.NAME=VALUE",
        help="a rate of your municipality, as rates.norm_lone=8500 or rates.norm_child=[4000,4100,5400]",
    )
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="DIR",
        help="also draw income against wages: why work need not pay",
    )
    known = parser._option_string_actions  # the command line may have added its common options already
    if "--lang" not in known:
        parser.add_argument("--lang", choices=("nb", "en"), default="nb")
    if "--json" not in known:
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    if "--force" not in known:
        parser.add_argument("--force", action="store_true", help="write over a figure that is there")


def main(args: argparse.Namespace) -> int:
    """Print the budget of the family the options describe; InputError for a family that cannot be."""
    month = args.month or args.year or "2025"
    lines = family_budget(
        args.parents,
        read_ages(args.children),
        args.rent,
        args.wages,
        month,
        args.source,
        wages_second=args.wages_second,
        source_second=args.source_second,
        work=args.work,
        former_wages=args.former_wages,
        age=args.age,
        residence=args.residence,
        housing_allowance=args.housing_allowance,
        social_assistance=args.social_assistance,
        supports=args.supports,
        childcare=args.childcare,
        child_support=args.child_support,
        place=args.place,
        changes=_changes(args.set),
    )
    if args.figure is not None:
        _figure(args, month)
    if args.json:
        records = [{key: value for key, value in asdict(line).items() if value is not None} for line in lines]
        print(json.dumps(records, indent=1))
    else:
        print(table(lines, resolve_month(month), args.lang or "nb"))
    return 0


def _figure(args: argparse.Namespace, month: str) -> None:
    """Disposable income of this family against the first parent's wages, other benefits than those of the family left out."""
    from results.work_pays import write

    write(
        args.figure,
        args.parents,
        read_ages(args.children),
        args.rent,
        month,
        lang=args.lang or "nb",
        force=args.force,
        wages_second=args.wages_second,
        childcare=args.childcare,
        child_support=args.child_support,
        place=args.place,
        changes=_changes(args.set),
    )


def read_ages(text: str) -> list[float]:
    """Ages from ``3,7``; InputError for anything else."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"{text[:80]!r} are not ages", key="children", allowed="years with commas, as 3,7") from None


def _changes(texts: Sequence[str]) -> dict[str, float | tuple[float, ...]]:
    """Rates set by hand, from ``rates.norm_lone=8500``."""
    changes: dict[str, float | tuple[float, ...]] = {}
    for text in texts:
        key, found, value = text.partition("=")
        name = key.strip().removeprefix("rates.")
        try:
            numbers = tuple(float(part) for part in value.strip().strip("[]").split(","))
        except ValueError:
            numbers = ()
        if not found or not key.strip().startswith("rates.") or not numbers:
            raise InputError(
                f"{text[:80]!r} sets no rate", key="--set", allowed="rates.NAME=NUMBER, as rates.norm_lone=8500"
            )
        changes[name] = numbers[0] if len(numbers) == 1 else numbers
    return changes


def table(lines: Sequence[BudgetLine], month: str, lang: str = "nb") -> str:
    """The budget as aligned text; lines of nothing are left out, thousands stand apart."""
    title = {"nb": f"Familiens måned, satser for {month}, kroner", "en": f"The family's month, rates of {month}, NOK"}
    column = 0 if lang == "nb" else 1
    shown = [line for line in lines if line.value or line.name in ("gross_wages", "tax", "disposable_income")]
    rows = [(LABELS[line.name][column], f"{line.value:,.0f}".replace(",", " ")) for line in shown]
    left = max(len(label) for label, _ in rows)
    right = max(len(amount) for _, amount in rows)
    text = [title["nb" if column == 0 else "en"], ""]
    for line, (label, amount) in zip(shown, rows, strict=True):
        if line.name == "disposable_income":
            text.append("-" * (left + 2 + right))
        text.append(f"{label:<{left}}  {amount:>{right}}")
    return "\n".join([*text, "", _verdict({line.name: line for line in lines}, lang)])


def _verdict(lines: Mapping[str, BudgetLine], lang: str) -> str:
    """Whether the month is one of low income, as far as the line is known."""
    income, line = lines["equivalised_income"].value, lines["low_income_line"]
    low, high = line.low or line.value, line.high or line.value
    below = {"nb": "under", "en": "below"} if income < low else {"nb": "over", "en": "above"}
    if low <= income < high:
        below = {"nb": "omtrent på", "en": "about at"}
    span = " – ".join(f"{amount:,.0f}".replace(",", " ") for amount in (low, high))
    return {
        "nb": f"Inntekten per forbruksenhet er {below['nb']} lavinntektsgrensen, som er et anslag ({span} kroner).",
        "en": f"Income per unit is {below['en']} the low-income line, which is an estimate (NOK {span}).",
    }[lang]
