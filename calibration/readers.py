"""Ways to read a number for each unit from a history, of those chosen: now, or over the last year's months."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, SupportsInt

import numpy as np
import numpy.typing as npt

from calibration.groups import (
    Chosen,
    History,
    OfNow,
    any_parent,
    as_families,
    as_parents,
    has_barrier,
    in_work,
    same_parents,
)
from calibration.register import AGE_GROUPS
from simulation.names import BENEFITS, KVP, PERSON_BARRIERS

FloatArray = npt.NDArray[np.float64]
Read = Callable[[History, Chosen], FloatArray]

YEAR: Final = 12  # months
ON_RECORD: Final = 36  # months of social assistance that a record holds
SOURCES: Final = ("work", *BENEFITS[1:], "social_assistance", "none")


def of_parents(number: OfNow, of: OfNow | None = None) -> Read:
    """A number of each parent (families, 2) there is, among all or some (families, 2)."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        now = history[-1]
        there = as_parents(chosen) & (now["parent"]["present"] == 1)
        if of is not None:
            there = there & of(now)
        return np.asarray(number(now)[there], np.float64)

    return values


def of_families(number: OfNow, of: OfNow | None = None) -> Read:
    """A number of each family, among all or some."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        now, there = history[-1], as_families(chosen)
        if of is not None:
            there = there & of(now)
        return np.asarray(number(now)[there], np.float64)

    return values


def of_children(so: OfNow, of: OfNow) -> Read:
    """One for each child that is so, nought for each other, from two counts of each family."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        now, there = history[-1], as_families(chosen)
        ones, total = (int(count(now)[there].astype(np.int64).sum()) for count in (so, of))
        return np.repeat([1.0, 0.0], [ones, total - ones])

    return values


def of_children_by_age(history: History, chosen: Chosen) -> FloatArray:
    """Children 1-17 by age group, and whether they take part in an arena, (children, 2)."""
    now, there = history[-1], as_families(chosen)
    total = now["children"][there].astype(np.int64).sum(axis=0)
    ones = now["in_arena"][there].astype(np.int64).sum(axis=0)
    groups = np.repeat(np.arange(AGE_GROUPS), total)
    taking_part = [np.repeat([1.0, 0.0], [ones[g], total[g] - ones[g]]) for g in range(AGE_GROUPS)]
    return np.column_stack([groups, np.concatenate(taking_part)])


def of_barrier(b: int) -> Read:
    """Whether a barrier is there, of each parent or of each family."""
    return of_parents(has_barrier(b)) if b < PERSON_BARRIERS else of_families(has_barrier(b))


def receipt_changes(*, from_receipt: bool, of: OfNow | None = None) -> Read:
    """Whether receipt changes from one month to the next, over the last year's months: exit, or coming back.

    Coming back is among those who had it before, within the 36 months on record.
    """

    def values(history: History, chosen: Chosen) -> FloatArray:
        now, there = history[-1], as_families(chosen)
        if of is not None:
            there = there & of(now)
        bits = now["assistance_bits"][there][:, None] >> np.arange(YEAR + 1)
        after, before = bits[:, :-1] & 1, bits[:, 1:]
        at_risk = before & 1 == 1 if from_receipt else (before & 1 == 0) & (before != 0)
        return np.asarray((after == 0 if from_receipt else after == 1)[at_risk], np.float64)

    return values


def had(ago: int) -> OfNow:
    """Had social assistance so many months ago."""
    return lambda now: (now["assistance_bits"] >> ago) & 1 == 1


def spell(now: History) -> npt.NDArray[np.int64]:
    """Months in a row with social assistance up to now, 36 at most. (families,)"""
    length, going = np.zeros(len(now), np.int64), np.ones(len(now), bool)
    for ago in range(ON_RECORD):
        going = going & had(ago)(now)
        length += going
    return length


def months_of_36(now: History) -> npt.NDArray[np.int64]:
    """Months with social assistance of the last 36. (families,)"""
    return np.asarray(((now["assistance_bits"][:, None] >> np.arange(ON_RECORD)) & 1).sum(axis=1))


# --- over a year of months ------------------------------------------------------------------------------------------


def source_flow(history: History, chosen: Chosen) -> FloatArray:
    """Parents by their largest source of income a year ago (rows) and now (columns), (sources, sources).

    Counts the same parent of the same family at both times.
    """
    both = as_parents(chosen) & same_parents(history, YEAR)
    flow = np.zeros((len(SOURCES), len(SOURCES)))
    np.add.at(flow, (history[-1 - YEAR]["parent"]["source"][both], history[-1]["parent"]["source"][both]), 1.0)
    return flow


def source_change(source: int, to: int) -> Read:
    """Whether a parent's largest source of income is ``to`` now, of those whose was ``source`` a year ago."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        both = as_parents(chosen) & same_parents(history, YEAR)
        both &= history[-1 - YEAR]["parent"]["source"] == source
        return np.asarray(history[-1]["parent"]["source"][both] == to, np.float64)

    return values


def work_changes(*, from_work: bool) -> Read:
    """Whether a parent's work changes from one month to the next, over the last year's months: (parent-months,)."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        there, found = as_parents(chosen), []
        for m in range(len(history) - YEAR, len(history)):
            still_here = (history[m]["generation"] == history[-1]["generation"])[:, None]
            before, after = in_work(history[m - 1]), in_work(history[m])
            at_risk = there & still_here & same_parents(history[: m + 1], 1) & (before if from_work else ~before)
            found.append((after != before)[at_risk])
        return np.asarray(np.concatenate(found), np.float64)

    return values


def all_year(history: History, chosen: Chosen) -> Chosen:
    """The parents chosen who have been there for a year, (families, 2)."""
    return np.asarray(as_parents(chosen) & same_parents(history, YEAR))


def months_in_year(history: History, so: OfNow) -> npt.NDArray[np.int64]:
    """How many of the last 12 months were so, (families, ...)."""
    return np.asarray(np.sum([so(month) for month in history[-YEAR:]], axis=0))


def on_benefit(*benefits: SupportsInt) -> OfNow:
    """Whether a parent has one of these own benefits, (families, 2)."""
    among = [int(benefit) for benefit in benefits]
    return lambda now: np.isin(now["parent"]["benefit"], among)


def newly_on(*benefits: SupportsInt) -> Read:
    """Of parents without these benefits a year ago: any since. (parents,)"""

    def values(history: History, chosen: Chosen) -> FloatArray:
        on = on_benefit(*benefits)
        at_risk = all_year(history, chosen) & ~on(history[-1 - YEAR])
        return np.asarray(months_in_year(history, on)[at_risk] > 0, np.float64)

    return values


def families_newly_on(*benefits: SupportsInt) -> Read:
    """The same of families: no parent with these benefits a year ago, any since. (families,)"""

    def values(history: History, chosen: Chosen) -> FloatArray:
        on, then = any_parent(on_benefit(*benefits)), history[-1 - YEAR]
        at_risk = as_families(chosen) & (then["generation"] == history[-1]["generation"]) & ~on(then)
        return np.asarray(months_in_year(history, on)[at_risk] > 0, np.float64)

    return values


def of_those_within(benefit: int, so: OfNow, *, left: bool = False) -> Read:
    """Whether it is so now, of parents there all year with a benefit in any of the last 12 months; or who ``left`` it since."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        on = on_benefit(benefit)
        who = all_year(history, chosen) & (months_in_year(history, on) > 0)
        if left:
            who &= ~on(history[-1])
        return np.asarray(so(history[-1])[who], np.float64)

    return values


def entrants_on_assistance(history: History, chosen: Chosen) -> FloatArray:
    """Of parents in KVP who began within the year: whether the family had social assistance in the 12 months before."""
    now = history[-1]
    months = now["parent"]["benefit_months"].astype(np.int64)
    who = as_parents(chosen) & (now["parent"]["present"] == 1) & on_benefit(KVP)(now) & (months <= YEAR)
    earlier = (now["assistance_bits"][:, None] >> (np.clip(months, 0, YEAR) + 1)) & ((1 << YEAR) - 1)
    return np.asarray(earlier[who] != 0, np.float64)


def year_of_work(history: History, chosen: Chosen) -> FloatArray:
    """Months in work of the last 12, of parents there all year."""
    return np.asarray(months_in_year(history, in_work)[all_year(history, chosen)], np.float64)


def worked_in_year(history: History, chosen: Chosen) -> FloatArray:
    """Whether there was any such month."""
    return np.asarray(year_of_work(history, chosen) > 0, np.float64)
