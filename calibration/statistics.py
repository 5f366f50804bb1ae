"""Named statistics of families: what is measured of a simulated place, to stand beside a published figure.

A statistic looks at a *history*: ``REGISTER`` records (:mod:`calibration.register`) of shape (months, families), a month a row,
the last row now, and at who is chosen: families, (families,) of bool, or parents, (families, 2). It gives one number for each
unit it is about (a family, a parent, a child, a month of a family), so that many municipalities are put together by joining the
numbers; the summary of the joined numbers is mostly their mean. Nothing here knows where the records came from.

Full names are ``POPULATION.STATISTIC[.GROUP]``, as ``pool.leisure_share.low_income`` (:func:`find_asked`). A group is what a
family or a parent is *in the month asked about*: a statistic of parents takes the parents who are so themselves, any other the
families.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from calibration.groups import (
    POPULATIONS,
    Chosen,
    Group,
    History,
    OfNow,
    above,
    all_of,
    among,
    any_parent,
    at_least,
    bit,
    count_barriers,
    field,
    find_group,
    immigrant,
    in_work,
    is_,
    lone,
    near,
    neither,
    of_parent,
    on_record,
    product,
    recipient,
    scaled,
    total,
    with_barriers,
)
from calibration.readers import (
    ON_RECORD,
    SOURCES,
    YEAR,
    FloatArray,
    Read,
    entrants_on_assistance,
    families_newly_on,
    had,
    months_of_36,
    newly_on,
    of_barrier,
    of_children,
    of_children_by_age,
    of_families,
    of_parents,
    of_those_within,
    on_benefit,
    receipt_changes,
    source_change,
    spell,
    work_changes,
    worked_in_year,
    year_of_work,
)
from calibration.register import AGE_GROUPS
from simulation.errors import InputError
from simulation.names import (
    AAP,
    BARRIERS,
    BENEFITS,
    DISABILITY,
    FULL_TIME,
    INTRODUCTION,
    KVP,
    MAX_PARENTS,
    MEASURES,
    MUNICIPAL_RENTAL,
    OWNER,
    PART_TIME,
    PERSON_BARRIERS,
    PRIVATE_RENTAL,
    S_EDUCATION,
    S_HEALTH,
    S_LANGUAGE,
    S_WORK,
    SERVICES,
)
from simulation.reading import STANDARD


@dataclass(frozen=True)
class Statistic:
    """One statistic, by the name that targets and tables call it."""

    name: str
    unit: str
    meaning: str
    read: Read
    """One number for each unit, (units,); (units, 2) of age group and number where the summary is ``standardised``"""
    summary: Literal["mean", "median", "standardised"] = "mean"
    """``standardised``: means by age group, weighed as in a standard childhood"""
    on_record: int = 0
    """Months on record that a family must have to count: what a newcomer had before it came is unknown, not nothing"""
    before: int = 0
    """Months that the history must hold before the last"""
    of_parents: bool = False
    """Whether it is about parents, so that groups are of parents"""

    def values(self, history: History, chosen: Chosen) -> FloatArray:
        """One number for each unit among those chosen, (units,)."""
        if len(history) <= self.before:
            raise ValueError(f"{self.name} looks {self.before} months back; the history has {len(history)}")
        known = on_record(history, self.on_record)
        return self.read(history, chosen & (known if chosen.ndim == 1 else known[:, None]))

    def of(self, histories: Iterable[History], population: str = "selected", group: str = "everyone") -> float:
        """The statistic over one or more municipalities together; NaN where there is nobody."""
        who = find_group(group)
        joined = [self.values(history, among(history, population, who, self.of_parents)) for history in histories]
        return summarise(np.concatenate(joined), self.summary)


def summarise(values: FloatArray, summary: str) -> float:
    """The mean, median or standardised mean of some numbers; NaN of none."""
    if not len(values):
        return float("nan")
    if summary == "standardised":
        there = [g for g in range(AGE_GROUPS) if (values[:, 0] == g).any()]
        means = [STANDARD[g] * float(values[values[:, 0] == g, 1].mean()) for g in there]
        return sum(means) / sum(STANDARD[g] for g in there)
    return float(np.median(values)) if summary == "median" else float(values.mean())


PARENTS_UNIT: Final = "share of parents"
FAMILIES_UNIT: Final = "share of families"
CHILDREN_UNIT: Final = "share of children"
RECIPIENTS_UNIT: Final = "share of families on social assistance within the year"
NOK_UNIT: Final = "NOK a month per family"
Rows = Iterable[tuple[str, str, OfNow]]


def _parental(name: str, unit: str, meaning: str, read: Read, **more: Any) -> Statistic:
    return Statistic(name, unit, meaning, read, of_parents=True, **more)


def _families(rows: Rows, unit: str = FAMILIES_UNIT, of: OfNow | None = None, **more: Any) -> Iterator[Statistic]:
    """A statistic for each row of name, meaning and what is read of a family."""
    for name, meaning, so in rows:
        yield Statistic(name, unit, meaning, of_families(so, of), **more)


def _parents(rows: Rows) -> Iterator[Statistic]:
    for name, meaning, so in rows:
        yield _parental(name, PARENTS_UNIT, meaning, of_parents(so))


def _mean_and_median(
    name: str, unit: str, meaning: str, read: Read, make: Callable[..., Statistic] = Statistic, **more: Any
) -> Iterator[Statistic]:
    yield make(f"{name}_mean", unit, f"mean {meaning}", read, **more)
    yield make(f"{name}_median", unit, f"median {meaning}", read, summary="median", **more)


def _who_they_are() -> Iterator[Statistic]:
    years = of_families(scaled("residence", 12.0), immigrant)
    yield from _families(
        (
            ("immigrant_share", "immigrant background", immigrant),
            ("lone_parent_share", "one parent in the household", lone),
            ("children_1_share", "one child under 18", is_("children_under_18", 1)),
            ("children_2_share", "two children under 18", is_("children_under_18", 2)),
            ("children_3_or_more_share", "three children under 18 or more", at_least("children_under_18", 3)),
            ("young_children_share", "youngest child under 6", neither(at_least("youngest", 72))),
            ("special_needs_share", "at least one child with special needs", field("special_needs")),
            ("selected_share", "meets the intake criteria", field("meets_criteria")),
        )
    )
    yield from _mean_and_median("years_in_norway", "years", "years in Norway, immigrants", years)
    recent = of_families(neither(at_least("residence", 24)), immigrant)
    yield Statistic("recent_share", "share of immigrant families", "under two years in Norway", recent)
    children = of_families(field("children_under_18"))
    yield Statistic("children_per_family", "children per family", "children under 18", children)
    needs = of_children(field("children_with_needs"), field("children_under_18"))
    yield Statistic("special_needs_children_share", CHILDREN_UNIT, "children with special needs", needs)
    yield _parental("age_parent_mean", "years", "age of parents", of_parents(of_parent(scaled("age", 12.0))))


def _dwellings() -> Iterator[Statistic]:
    from_municipality, owns = is_("tenure", MUNICIPAL_RENTAL), is_("tenure", OWNER)
    yield from _families(
        (
            ("renting_share", "rents the dwelling", neither(owns)),
            ("municipal_rental_share", "rents from the municipality", from_municipality),
            ("private_rental_share", "rents from others", is_("tenure", PRIVATE_RENTAL)),
            ("owner_share", "owns the dwelling", owns),
            ("adequate_housing_share", "no housing barrier", lambda now: now["barrier"][:, 0] == 0),
        )
    )
    of_renters = of_families(from_municipality, neither(owns))
    yield Statistic(
        "municipal_of_renters_share", "share of families that rent", "rent from the municipality", of_renters
    )
    yield from _mean_and_median("rent", NOK_UNIT, "housing cost", of_families(field("rent")))
    yield from _mean_and_median("debt", "NOK per family", "debt", of_families(field("debt")))


def _activity(now: History) -> Chosen:
    """In KVP or another measure."""
    in_measure = of_parent(bit("in_place", int(S_WORK)))(now)
    return np.asarray(in_measure | on_benefit(KVP, MEASURES, INTRODUCTION)(now))


def _work() -> Iterator[Statistic]:
    yield from _parents(
        (
            ("employed_share", "in work, full or part time", in_work),
            ("full_time_share", "in work, full time", of_parent(is_("work", FULL_TIME))),
            ("part_time_share", "in work, part time", of_parent(is_("work", PART_TIME))),
            ("activity_share", "KVP, introduction programme or another measure", _activity),
            ("active_share", "in work or a measure", lambda now: in_work(now) | _activity(now)),
            *(
                (
                    f"out_of_work_{months}_months_share",
                    f"out of work for {months} months or more",
                    all_of(neither(in_work), of_parent(at_least("out_months", months))),
                )
                for months in (12, 24, 60)
            ),
        )
    )
    yield from _families((("any_parent_employed_share", "any parent in work", any_parent(in_work)),))
    for name, risk, change, read in (
        ("job_entry", "out of work", "in work the month after a month without", work_changes(from_work=False)),
        ("job_exit", "in work", "out of work the month after a month in work", work_changes(from_work=True)),
    ):
        yield _parental(name, f"share of parents {risk} a month", f"{change}, over 12 months", read, before=YEAR)
    yield _parental("work_months", "months in the year", "months in work of the last 12", year_of_work, before=YEAR)
    worked = "in work in any of the last 12 months"
    yield _parental("worked_in_year_share", PARENTS_UNIT, worked, worked_in_year, before=YEAR)
    out = of_parents(of_parent(field("out_months")), neither(in_work))
    since = "months since last in work, of those out of work"
    yield from _mean_and_median("out_of_work_months", "months", since, out, _parental)


def _benefits() -> Iterator[Statistic]:
    yield from _parents(
        (
            ("no_benefit_share", "no own benefit", on_benefit(0)),
            ("health_benefit_share", "AAP or disability benefit", on_benefit(AAP, DISABILITY)),
        )
    )
    for code, name in enumerate(BENEFITS[1:], start=1):
        yield from _benefit(code, name)
    any_since = families_newly_on(KVP, AAP, DISABILITY)
    unit = "share of families without KVP, AAP or disability benefit a year ago"
    yield Statistic("new_benefit_share", unit, "any of them since", any_since, before=YEAR)
    unit, earlier = "share of parents in KVP who began within the year", "social assistance in the 12 months before"
    yield _parental("kvp_entrants_on_assistance_share", unit, earlier, entrants_on_assistance, on_record=2 * YEAR)


def _benefit(code: int, name: str) -> Iterator[Statistic]:
    """Of one own benefit: on it, months on it, new to it, ended, and what came after."""
    on = on_benefit(code)
    yield _parental(f"{name}_share", PARENTS_UNIT, f"own benefit: {name}", of_parents(on))
    months = of_parents(of_parent(field("benefit_months")), on)
    yield from _mean_and_median(
        f"{name}_months", "months", f"months so far on {name}, of those on it", months, _parental
    )
    new = f"share of parents not on {name} a year ago"
    yield _parental(f"new_{name}_share", new, "on it since", newly_on(code), before=YEAR)
    within = f"share of parents on {name} within the year"
    for state, meaning, so in (("ended", "not on it now", neither(on)), ("still_in", "on it now", on)):
        yield _parental(f"{name}_{state}_share", within, meaning, of_those_within(code, so), before=YEAR)
    left = f"share of parents who left {name} within the year"
    yield _parental(
        f"{name}_in_work_after_share", left, "in work now", of_those_within(code, in_work, left=True), before=YEAR
    )
    for to, source in enumerate(SOURCES):
        if source == name:
            continue
        after = of_those_within(code, of_parent(is_("source", to)), left=True)
        meaning = f"largest source of income now: {source}"
        yield _parental(f"{name}_{source}_after_share", left, meaning, after, before=YEAR)


def _sources() -> Iterator[Statistic]:
    for code, name in enumerate(SOURCES):
        largest = of_parents(of_parent(is_("source", code)))
        yield _parental(f"income_source_{name}_share", PARENTS_UNIT, f"largest source of income: {name}", largest)
        unit = f"share of parents whose largest source a year ago was {name}"
        for to, other in enumerate(SOURCES):
            meaning = f"largest source now: {other}"
            yield _parental(f"flow_{name}_to_{other}", unit, meaning, source_change(code, to), before=YEAR)
        yield _parental(f"stayed_{name}_share", unit, "the same now", source_change(code, code), before=YEAR)


_BY_HOUSEHOLD: Final[tuple[tuple[str, str, OfNow | None], ...]] = (
    ("", "", None),
    ("_lone", ", lone parents", lone),
    ("_couples", ", couples", neither(lone)),
)


def _assistance() -> Iterator[Statistic]:
    amount, entitled = field("social_assistance"), above("entitlement", 0.0)
    receives = above("social_assistance", 0.0)
    yield from _families(
        (
            ("social_assistance_share", "social assistance this month", receives),
            ("entitled_share", "entitled to social assistance", entitled),
        )
    )
    yield Statistic("social_assistance_amount", NOK_UNIT, "social assistance", of_families(amount))
    unit, meaning = "NOK a month per recipient", "social assistance of those with any"
    yield from _mean_and_median("social_assistance_paid", unit, meaning, of_families(amount, receives))
    take_up = of_families(receives, entitled)
    yield Statistic("take_up_share", "share of families entitled to social assistance", "have it", take_up)


def _assistance_over_time() -> Iterator[Statistic]:
    months = field("assistance_12")
    within = "social assistance within 12 months"
    yield from _families((("assistance_year_share", within, recipient),), on_record=YEAR)
    for ending, whose, of in _BY_HOUSEHOLD:
        with_any = of_families(months, all_of(recipient, of))
        meaning = f"months of social assistance in a year with any{whose}"
        yield Statistic(f"assistance_months{ending}", "months in the year", meaning, with_any, on_record=YEAR)
        exits = f"no social assistance the month after a month with it{whose}"
        change = receipt_changes(from_receipt=True, of=of)
        yield Statistic(f"assistance_exit{ending}", "share of recipients a month", exits, change, on_record=YEAR)
    yield from _families(
        (
            ("assistance_whole_year_share", "social assistance in all 12 months", is_("assistance_12", YEAR)),
            (
                "assistance_two_months_share",
                "social assistance in at most two months",
                neither(at_least("assistance_12", 3)),
            ),
            ("assistance_six_months_share", "social assistance in at least six months", at_least("assistance_12", 6)),
            *(
                (
                    f"assistance_{k}_of_12_share",
                    f"social assistance in exactly {k} of 12 months",
                    is_("assistance_12", k),
                )
                for k in range(1, YEAR + 1)
            ),
        ),
        RECIPIENTS_UNIT,
        recipient,
        on_record=YEAR,
    )
    again, unit = "social assistance again the month after one without it", "share of earlier recipients a month"
    yield Statistic("assistance_reentry", unit, again, receipt_changes(from_receipt=False), on_record=YEAR)
    later, unit = of_families(had(0), had(YEAR)), "share of families on social assistance a year ago"
    yield Statistic("assistance_after_a_year_share", unit, "on it now, still or again", later, on_record=YEAR + 1)
    meaning = "months in a row with social assistance up to now, 36 at most, of those on it"
    in_progress = of_families(spell, had(0))
    yield from _mean_and_median("assistance_spell", "months", meaning, in_progress, on_record=ON_RECORD)
    meaning = "months of social assistance in three years with any"
    three_years = of_families(months_of_36, above("assistance_bits", 0))
    yield Statistic("assistance_months_of_36", "months of three years", meaning, three_years, on_record=ON_RECORD)


def _money() -> Iterator[Statistic]:
    for name, meaning in (
        ("low_income", "below the low-income line over 12 months"),
        ("low_income_now", "below the low-income line this month"),
        ("lasting_low_income", "below the low-income line over three years"),
    ):
        yield from _families(((f"{name}_share", meaning, field(name)),))
        children = of_children(product("children_under_18", name), field("children_under_18"))
        yield Statistic(f"children_in_{name}_share", CHILDREN_UNIT, f"in a family {meaning}", children)
    for name, meaning, column in (
        ("earnings", "gross wages", "wages"),
        ("own_benefits", "own benefits before tax", "own_benefits"),
        ("disposable_income", "income after tax and fees", "disposable"),
        ("equivalised_income", "income after tax per EU consumption unit", "equivalised"),
        ("housing_allowance", "housing allowance", "housing_allowance"),
    ):
        read = of_families(field(column))
        yield Statistic(name, NOK_UNIT, meaning, read)
        yield Statistic(f"{name}_median", NOK_UNIT, f"median {meaning}", read, "median")
    with_any = above("housing_allowance", 0.0)
    yield from _families((("housing_allowance_share", "housing allowance", with_any),))
    paid, meaning = of_families(field("housing_allowance"), with_any), "housing allowance of those with any"
    yield Statistic("housing_allowance_paid", "NOK a month per recipient", meaning, paid)


def _barriers() -> Iterator[Statistic]:
    with_violence = of_parents(lambda now: np.repeat(now["barrier"][:, 4:5], MAX_PARENTS, axis=1))
    meaning = "parents of a family with violence in close relations"
    yield _parental("violence_parents_share", PARENTS_UNIT, meaning, with_violence)
    for b, name in enumerate(BARRIERS):
        make, unit = (_parental, PARENTS_UNIT) if b < PERSON_BARRIERS else (Statistic, FAMILIES_UNIT)
        yield make(f"barrier_{name}_share", unit, f"barrier: {name}", of_barrier(b))
    yield Statistic("barriers_per_family", "barriers per family", "barriers of nine", of_families(count_barriers))
    yield from _families(
        (
            *((f"barriers_{k}_share", f"exactly {k} of nine barriers", with_barriers(k, k)) for k in range(10)),
            *((f"barriers_at_least_{k}_share", f"{k} or more of nine barriers", with_barriers(k, 9)) for k in (3, 5)),
        )
    )


def _participation() -> Iterator[Statistic]:
    meaning = "at least one arena for the age, age-standardised"
    yield Statistic("child_participation_share", "share of children 1-17", meaning, of_children_by_age, "standardised")
    in_arena, children = total("in_arena"), total("children")
    for name, ages, meaning, so, of in (
        ("taking_part_share", "1-17", "at least one arena", in_arena, children),
        ("teenagers_taking_part_share", "10-17", "at least one arena", total("in_arena", 2), total("children", 2)),
        ("kindergarten_share", "1-5", "kindergarten", field("kindergarten"), total("children", 0, 1)),
        ("sfo_share", "6-9", "SFO", field("sfo"), total("children", 1, 2)),
        ("leisure_share", "6-17", "a leisure activity", field("leisure"), total("children", 1)),
    ):
        yield Statistic(name, f"share of children {ages}", meaning, of_children(so, of))
    every_one = of_families(lambda now: in_arena(now) == children(now), lambda now: children(now) > 0)
    unit = "share of families with children 1-17"
    yield Statistic("all_children_take_part_share", unit, "every one of them in an arena", every_one)


def _follow_up() -> Iterator[Statistic]:
    yield Statistic("trust", "0-1", "trust in who follows up", of_families(field("trust")))
    hours = of_families(field("contact_hours"))
    yield Statistic("contact_hours", "hours a month per family", "with the coordinator", hours)
    yield from _families(
        (
            ("coordinated_share", "has a coordinator and a plan", field("plan")),
            ("ever_followed_share", "has or has had a coordinator", field("ever_followed")),
        )
    )
    for s, service in enumerate(SERVICES):
        for name, column, meaning in (("in_place", "in_place", "has a place in"), ("queue", "waiting", "waits for")):
            whole, engaged = f"{name}_{service}_share", of_parent(bit(column, s))
            if s in OF_PARENTS:
                yield _parental(whole, PARENTS_UNIT, f"{meaning} the service {service}", of_parents(engaged))
            else:
                yield from _families(((whole, f"{meaning} the service {service}", any_parent(engaged)),))


_KINDS: Final = (
    *(_who_they_are, _dwellings, _work, _benefits, _sources, _assistance, _assistance_over_time),
    *(_money, _barriers, _participation, _follow_up),
)
OF_PARENTS: Final = (S_HEALTH, S_LANGUAGE, S_EDUCATION, S_WORK)  # services; the others are of the family
STATISTICS: Final[Mapping[str, Statistic]] = {statistic.name: statistic for kind in _KINDS for statistic in kind()}


def find_statistic(name: str) -> Statistic:
    """The statistic of a name; InputError with the nearest right name."""
    if name not in STATISTICS:
        raise InputError(f"there is no statistic {name[:80]!r}", allowed=near(name, STATISTICS))
    return STATISTICS[name]


class Asked(NamedTuple):
    """A statistic of a group in a population."""

    population: str
    statistic: Statistic
    group: Group

    def of(self, histories: Iterable[History]) -> float:
        """Its value over one or more municipalities together; NaN where there is nobody."""
        return self.statistic.of(histories, self.population, self.group.name)


def find_asked(full_name: str) -> Asked:
    """What a full name asks for: ``POPULATION.STATISTIC[.GROUP]``.

    Raises
    ------
    InputError : there is no such population, statistic or group; with the nearest that there is
    """
    population, _, rest = full_name.partition(".")
    name, _, group = rest.partition(".")
    if population not in POPULATIONS:
        raise InputError(f"there is no population {population[:80]!r}", allowed=", ".join(POPULATIONS))
    return Asked(population, find_statistic(name), find_group(group or "everyone"))
