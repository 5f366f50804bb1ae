"""Named statistics of families: what is measured of a simulated place, to stand beside a published figure.

A statistic looks at a *history*: ``FAMILY`` records of shape (months, families), a month a row, the last row now, and at
the families that are chosen, (families,) of bool. It gives one number for each unit it is about (a family, a parent, a
family on social assistance), so that many municipalities are put together by joining the numbers; the summary of the
joined numbers is their mean or median. Nothing here knows where the records came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from simulation.barriers import count_barriers as barriers_of
from simulation.compiled import rule
from simulation.demography import ADULT
from simulation.errors import InputError, nearest
from simulation.names import BARRIERS, BENEFITS, MAX_PARENTS, MUNICIPAL_RENTAL, NO_WORK, OWNER, PERSON_BARRIERS
from simulation.reading import SOURCE, income_source

History = npt.NDArray[Any]
Chosen = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

YEAR: Final = 12  # months
SOURCES: Final = ("work", *BENEFITS[1:], "social_assistance", "none")
POPULATIONS: Final = ("selected", "pool")


@dataclass(frozen=True)
class Statistic:
    """One statistic, by the name that targets and tables call it."""

    name: str
    unit: str
    meaning: str
    read: Callable[[History, Chosen], FloatArray]
    """One number for each unit, (units,)"""
    summary: Literal["mean", "median"] = "mean"
    on_record: int = 0
    """Months on record that a family must have to count: what a newcomer had before it came is unknown, not nothing"""

    def values(self, history: History, chosen: Chosen) -> FloatArray:
        """One number for each unit among the chosen families, (units,)."""
        return self.read(history, chosen & on_record(history, self.on_record))

    def of(self, histories: Iterable[History], population: str = "selected") -> float:
        """The statistic over one or more municipalities together; NaN where there is nobody."""
        joined = np.concatenate([self.values(history, chosen(history, population)) for history in histories])
        return summarise(joined, self.summary)


def summarise(values: FloatArray, summary: str) -> float:
    """The mean or median of some numbers; NaN of none."""
    if not len(values):
        return float("nan")
    return float(np.median(values)) if summary == "median" else float(values.mean())


def chosen(history: History, population: str) -> Chosen:
    """Which families: the whole ``pool``, or those ``selected`` by the intake criteria now. (families,)"""
    if population not in POPULATIONS:
        raise InputError(f"there is no population {population!r}", allowed=nearest(population, POPULATIONS))
    return (
        np.asarray(history[-1]["meets_criteria"] == 1) if population == "selected" else np.ones(history.shape[1], bool)
    )


def on_record(history: History, months: int) -> Chosen:
    """Which families have lived in the pool so many months that money was paid in (36 at most). (families,)"""
    return np.asarray(history[-1]["income_known"] >= months)


# --- of parents and families now ----------------------------------------------------------------------------------


def _parents(of_parent: Callable[[History], npt.NDArray[Any]]) -> Callable[[History, Chosen], FloatArray]:
    """A number of each parent (families, 2) to one for each parent there is."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        now = history[-1][chosen]
        return np.asarray(of_parent(now)[now["parent"]["present"] == 1], np.float64)

    return values


def _families(
    of_family: Callable[[History], npt.NDArray[Any]], among: Callable[[History], npt.NDArray[Any]] | None = None
) -> Callable[[History, Chosen], FloatArray]:
    """A number of each family, among all or some."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        now = history[-1][chosen]
        some = now if among is None else now[among(now)]
        return np.asarray(of_family(some), np.float64)

    return values


def _children(of_child: Callable[[History], npt.NDArray[Any]]) -> Callable[[History, Chosen], FloatArray]:
    """A number of each child under 18."""

    def values(history: History, chosen: Chosen) -> FloatArray:
        child = history[-1][chosen]["child"]
        return np.asarray(of_child(child)[(child["present"] == 1) & (child["age"] < ADULT)], np.float64)

    return values


def _lone(now: History) -> npt.NDArray[np.bool_]:
    return np.asarray(now["parent"]["present"][:, 1] == 0)


def _immigrant(now: History) -> npt.NDArray[np.bool_]:
    return np.asarray(now["immigrant"] == 1)


def _barrier(b: int) -> Callable[[History, Chosen], FloatArray]:
    if b < PERSON_BARRIERS:
        return _parents(lambda now: now["parent"]["barrier"][:, :, b])
    return _families(lambda now: now["barrier"][:, b - PERSON_BARRIERS])


@rule
def _count_barriers(families, found):  # type: ignore[no-untyped-def]
    for i in range(families.shape[0]):
        found[i] = barriers_of(families[i])


def count_barriers(now: History) -> npt.NDArray[np.int64]:
    """How many of the nine barriers a family has: its own, and those of at least one parent. (families,)"""
    found = np.empty(len(now), np.int64)
    _count_barriers(np.ascontiguousarray(now), found)
    return found


# --- social assistance within the last year -----------------------------------------------------------------------


def _recipient(now: History) -> npt.NDArray[np.bool_]:
    """Had social assistance in at least one of the last 12 months."""
    return np.asarray(now["assistance_12"] > 0)


def _changes(
    from_receipt: bool, among: Callable[[History], npt.NDArray[Any]] | None = None
) -> Callable[[History, Chosen], FloatArray]:
    """Whether receipt changes from one month to the next, over the last year's months: exit, or coming back.

    Coming back is among those who had it before, within the 36 months on record.
    """

    def values(history: History, chosen: Chosen) -> FloatArray:
        now = history[-1][chosen]
        some = now if among is None else now[among(now)]
        bits = some["assistance_bits"][:, None] >> np.arange(YEAR + 1)
        after, before = bits[:, :-1] & 1, bits[:, 1:]
        at_risk = before & 1 == 1 if from_receipt else (before & 1 == 0) & (before != 0)
        return np.asarray((after == 0 if from_receipt else after == 1)[at_risk], np.float64)

    return values


# --- between sources of income over a year ------------------------------------------------------------------------


@rule
def _sources(families, found):  # type: ignore[no-untyped-def]
    """Largest source of income of each parent, ``found`` (families, 2): a place in SOURCES, -1 without a parent."""
    for i in range(families.shape[0]):
        family = families[i]
        adults = family.parent[0].present + family.parent[1].present
        for k in range(MAX_PARENTS):
            found[i, k] = -1
            if family.parent[k].present == 1:
                found[i, k] = income_source(family, family.parent[k], 1.0 / adults) - SOURCE


def sources(families: History) -> npt.NDArray[np.int64]:
    """Largest source of income of each parent, (families, 2): a place in ``SOURCES``, -1 where there is no parent."""
    found = np.empty((len(families), MAX_PARENTS), np.int64)
    _sources(np.ascontiguousarray(families), found)
    return found


def source_flow(history: History, chosen: Chosen) -> FloatArray:
    """Parents by their largest source of income a year ago (rows) and now (columns), (sources, sources).

    Counts the same parent of the same family at both times.
    """
    then, now = history[-1 - YEAR][chosen], history[-1][chosen]
    same = (then["generation"] == now["generation"])[:, None] & np.array([True, True])
    same[:, 1] &= then["partners"] == now["partners"]
    a, b = sources(then), sources(now)
    both = same & (a >= 0) & (b >= 0)
    flow = np.zeros((len(SOURCES), len(SOURCES)))
    np.add.at(flow, (a[both], b[both]), 1.0)
    return flow


# --- the register -------------------------------------------------------------------------------------------------

PARENTS_UNIT: Final = "share of parents"
FAMILIES_UNIT: Final = "share of families"
RECIPIENTS_UNIT: Final = "share of families on social assistance within the year"

_ALL: Final = (
    Statistic("immigrant_share", FAMILIES_UNIT, "immigrant background", _families(_immigrant)),
    Statistic("lone_parent_share", FAMILIES_UNIT, "one parent in the household", _families(_lone)),
    Statistic(
        "years_in_norway_median",
        "years",
        "median years in Norway, immigrants",
        _families(lambda now: now["residence"] / 12.0, _immigrant),
        "median",
    ),
    Statistic(
        "years_in_norway_mean",
        "years",
        "mean years in Norway, immigrants",
        _families(lambda now: now["residence"] / 12.0, _immigrant),
    ),
    Statistic(
        "children_per_family",
        "children per family",
        "children under 18",
        _families(lambda now: now["children_under_18"]),
    ),
    Statistic(
        "special_needs_share",
        FAMILIES_UNIT,
        "at least one child with special needs",
        _families(lambda now: now["special_needs"]),
    ),
    Statistic(
        "special_needs_children_share",
        "share of children",
        "children with special needs",
        _children(lambda child: child["needs"]),
    ),
    Statistic("age_parent_mean", "years", "age of parents", _parents(lambda now: now["parent"]["age"] / 12.0)),
    Statistic(
        "recent_share",
        "share of immigrant families",
        "under two years in Norway",
        _families(lambda now: now["residence"] < 24, _immigrant),
    ),
    Statistic(
        "municipal_of_renters_share",
        "share of families that rent",
        "rent from the municipality",
        _families(lambda now: now["tenure"] == MUNICIPAL_RENTAL, lambda now: now["tenure"] != OWNER),
    ),
    Statistic("renting_share", FAMILIES_UNIT, "rents the dwelling", _families(lambda now: now["tenure"] != OWNER)),
    Statistic(
        "municipal_rental_share",
        FAMILIES_UNIT,
        "rents from the municipality",
        _families(lambda now: now["tenure"] == MUNICIPAL_RENTAL),
    ),
    Statistic(
        "employed_share",
        PARENTS_UNIT,
        "in work, full or part time",
        _parents(lambda now: now["parent"]["work"] != NO_WORK),
    ),
    Statistic(
        "violence_parents_share",
        PARENTS_UNIT,
        "parents of a family with violence in close relations",
        _parents(lambda now: np.repeat(now["barrier"][:, 4:5], MAX_PARENTS, axis=1)),
    ),
    *(
        Statistic(
            f"barrier_{name}_share",
            PARENTS_UNIT if b < PERSON_BARRIERS else FAMILIES_UNIT,
            f"barrier: {name}",
            _barrier(b),
        )
        for b, name in enumerate(BARRIERS)
    ),
    Statistic("barriers_per_family", "barriers per family", "barriers of nine", _families(count_barriers)),
    Statistic(
        "assistance_months_lone",
        "months in the year",
        "months of social assistance in a year with any, lone parents",
        _families(lambda now: now["assistance_12"], lambda now: _recipient(now) & _lone(now)),
        on_record=YEAR,
    ),
    Statistic(
        "assistance_months_couples",
        "months in the year",
        "months of social assistance in a year with any, couples",
        _families(lambda now: now["assistance_12"], lambda now: _recipient(now) & ~_lone(now)),
        on_record=YEAR,
    ),
    Statistic(
        "assistance_whole_year_share",
        RECIPIENTS_UNIT,
        "social assistance in all 12 months",
        _families(lambda now: now["assistance_12"] == YEAR, _recipient),
        on_record=YEAR,
    ),
    Statistic(
        "assistance_two_months_share",
        RECIPIENTS_UNIT,
        "social assistance in at most two months",
        _families(lambda now: now["assistance_12"] <= 2, _recipient),
        on_record=YEAR,
    ),
    Statistic(
        "assistance_exit",
        "share of recipients a month",
        "no social assistance the month after a month with it",
        _changes(True),
        on_record=YEAR,
    ),
    *(
        Statistic(
            f"assistance_exit_{kind}",
            "share of recipients a month",
            f"no social assistance the month after a month with it, {meaning}",
            _changes(True, among),
            on_record=YEAR,
        )
        for kind, meaning, among in (
            ("lone", "lone parents", _lone),
            ("couples", "couples", lambda now: ~_lone(now)),
        )
    ),
    Statistic(
        "assistance_reentry",
        "share of earlier recipients a month",
        "social assistance again the month after one without it",
        _changes(False),
        on_record=YEAR,
    ),
)

STATISTICS: Final = {statistic.name: statistic for statistic in _ALL}


def find_statistic(name: str) -> Statistic:
    """The statistic of a name; InputError with the nearest right name."""
    if name not in STATISTICS:
        raise InputError(f"there is no statistic {name[:80]!r}", allowed=nearest(name[:80], STATISTICS))
    return STATISTICS[name]
