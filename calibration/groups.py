"""Who a statistic is about: populations of a study, and groups of families or parents by what they are now."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, SupportsInt

import numpy as np
import numpy.typing as npt

from simulation.errors import InputError
from simulation.names import BARRIERS, MAX_PARENTS, NO_WORK, OWNER, PERSON_BARRIERS

History = npt.NDArray[Any]
Chosen = npt.NDArray[np.bool_]
OfNow = Callable[[History], npt.NDArray[Any]]
"""Something of each family (families,) or of each parent (families, 2), from the records of a month"""

POPULATIONS: Final = ("pool", "selected", "eligible", "followed")


# --- from the records of a month ----------------------------------------------------------------------------------


def field(name: str) -> OfNow:
    """What the records hold under a name."""
    return lambda now: now[name]


def scaled(name: str, by: float) -> OfNow:
    """What they hold, divided."""
    return lambda now: now[name] / by


def product(one: str, other: str) -> OfNow:
    """One field times another."""
    return lambda now: now[one] * now[other]


def total(name: str, first: int = 0, end: int | None = None) -> OfNow:
    """The sum of a field of several numbers, from place ``first`` up to ``end``."""
    return lambda now: now[name][:, first:end].sum(axis=1)


def is_(name: str, value: SupportsInt) -> OfNow:
    """Whether they hold this value."""
    return lambda now: now[name] == int(value)


def at_least(name: str, value: int) -> OfNow:
    """Whether they hold this value or more."""
    return lambda now: now[name] >= value


def above(name: str, value: float) -> OfNow:
    """Whether they hold more than this."""
    return lambda now: now[name] > value


def bit(name: str, place: int) -> OfNow:
    """Whether a bit is set."""
    return lambda now: (now[name] >> place) & 1 == 1


def neither(so: OfNow) -> OfNow:
    """Whether it is not so."""
    return lambda now: ~so(now)


def all_of(so: OfNow, too: OfNow | None) -> OfNow:
    """Whether it is so, and the other as well."""
    return so if too is None else lambda now: so(now) & too(now)


def of_parent(so: OfNow) -> OfNow:
    """The same of each parent's records, (families, 2)."""
    return lambda now: so(now["parent"])


def any_parent(so: OfNow) -> OfNow:
    """Whether it is so of any parent who is there, (families,)."""
    return lambda now: (so(now) & (now["parent"]["present"] == 1)).any(axis=1)


def with_barriers(low: int, high: int) -> OfNow:
    """Whether the family has so many of the nine barriers."""
    return lambda now: (now["barriers"] >= low) & (now["barriers"] <= high)


def has_barrier(b: int) -> OfNow:
    """Whether a parent has barrier ``b`` < 4, (families, 2), or the family barrier ``b`` >= 4, (families,)."""
    if b < PERSON_BARRIERS:
        return lambda now: now["parent"]["barrier"][:, :, b] == 1
    return lambda now: now["barrier"][:, b - PERSON_BARRIERS] == 1


def count_barriers(now: History) -> npt.NDArray[np.int64]:
    """How many of the nine barriers a family has: its own, and those of at least one parent. (families,)"""
    return np.asarray(now["barriers"], np.int64)


in_work: Final = neither(of_parent(is_("work", NO_WORK)))
lone: Final = neither(lambda now: now["parent"]["present"][:, 1] == 1)
immigrant: Final = is_("immigrant", 1)
recipient: Final = at_least("assistance_12", 1)
"""Had social assistance in at least one of the last 12 months"""


# --- groups -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Some of the families, or of the parents, by what they are now."""

    name: str
    meaning: str
    families: OfNow
    """(families,) of bool"""
    parents: OfNow | None = None
    """(families, 2) of bool, where it is about a parent's own state; else all parents of the families"""


def _groups() -> Iterator[Group]:
    young, child, many = neither(at_least("youngest", 72)), "children_under_18", at_least("children_under_18", 3)
    yield Group("everyone", "all", lambda now: np.ones(len(now), bool))
    yield Group("lone_parents", "one parent in the household", lone)
    yield Group("couples", "two parents in the household", neither(lone))
    yield Group("immigrants", "immigrant background", immigrant)
    yield Group("born_here", "no immigrant background", neither(immigrant))
    newcomer = all_of(immigrant, neither(at_least("residence", 60)))
    yield Group("newcomers", "immigrants, under five years in Norway", newcomer)
    for b, name in enumerate(BARRIERS):
        has = has_barrier(b)
        if b < PERSON_BARRIERS:
            yield Group(f"{name}_barrier", f"barrier: {name}; of families: of any parent", any_parent(has), has)
            without = f"no barrier: {name}; of families: of no parent"
            yield Group(f"no_{name}_barrier", without, neither(any_parent(has)), neither(has))
        else:
            yield Group(f"{name}_barrier", f"barrier: {name}", has)
            yield Group(f"no_{name}_barrier", f"no barrier: {name}", neither(has))
    for name, low, high in (("few", 0, 2), ("some", 3, 4), ("many", 5, 9), *((str(k), k, k) for k in range(10))):
        yield Group(f"{name}_barriers", f"{low} to {high} of nine barriers", with_barriers(low, high))
    yield Group("young_children", "youngest child under 6", young)
    yield Group("older_children", "youngest child 6 or more", neither(young))
    yield Group("one_child", "one child under 18", is_(child, 1))
    yield Group("two_children", "two children under 18", is_(child, 2))
    yield Group("many_children", "three children under 18 or more", many)
    yield Group("special_needs", "a child with special needs", is_("special_needs", 1))
    yield Group("low_income", "below the low-income line over 12 months", is_("low_income", 1))
    yield Group("not_low_income", "not below the low-income line over 12 months", is_("low_income", 0))
    yield Group("recipients", "social assistance in any of the last 12 months", recipient)
    yield Group("not_recipients", "no social assistance in the last 12 months", neither(recipient))
    yield Group("working", "in work; of families: any parent", any_parent(in_work), in_work)
    yield Group("workless", "out of work; of families: every parent", neither(any_parent(in_work)), neither(in_work))
    yield Group("owners", "own the dwelling", is_("tenure", OWNER))
    yield Group("renters", "rent the dwelling", neither(is_("tenure", OWNER)))
    yield Group("coordinated", "have a coordinator and a plan", is_("plan", 1))


GROUPS: Final[Mapping[str, Group]] = {group.name: group for group in _groups()}


def find_group(name: str) -> Group:
    """The group of a name; InputError with the nearest right name."""
    if name not in GROUPS:
        raise InputError(f"there is no group {name[:80]!r}", allowed=near(name, GROUPS))
    return GROUPS[name]


def near(name: str, known: Iterable[str]) -> str:
    """The nearest names, and where all of them are: there are too many for a message."""
    close = difflib.get_close_matches(name[:80], list(known), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{hint}`python run.py validate --list` names them"


# --- who is chosen ------------------------------------------------------------------------------------------------


def chosen(history: History, population: str) -> Chosen:
    """Which families of a population, by the last month. (families,)

    The whole ``pool``; those ``selected`` by the intake criteria now; the ``eligible`` by them at study month 0; or those ever
    ``followed`` by a coordinator.
    """
    if population not in POPULATIONS:
        raise InputError(f"there is no population {population[:80]!r}", allowed=", ".join(POPULATIONS))
    now = history[-1]
    if population == "pool":
        return np.ones(len(now), bool)
    name = {"selected": "meets_criteria", "eligible": "eligible_at_start", "followed": "ever_followed"}[population]
    return np.asarray(now[name] == 1)


def among(history: History, population: str, group: Group, of_parents: bool) -> Chosen:
    """Who of a population is in a group: (families,), or (families, 2) for a statistic of parents."""
    now, there = history[-1], chosen(history, population)
    if of_parents and group.parents is not None:
        return np.asarray(there[:, None] & group.parents(now))
    return np.asarray(there & group.families(now))


def on_record(history: History, months: int) -> Chosen:
    """Which families have lived in the pool so many months that money was paid in (36 at most). (families,)"""
    return np.asarray(history[-1]["income_known"] >= months)


def as_parents(who: Chosen) -> Chosen:
    """The parents chosen, (families, 2): all of a family's where families are."""
    return who if who.ndim == 2 else np.repeat(who[:, None], MAX_PARENTS, axis=1)


def as_families(who: Chosen) -> Chosen:
    """The families chosen, (families,): those of the parents chosen."""
    return who if who.ndim == 1 else np.asarray(who.any(axis=1))


def same_parents(history: History, months: int) -> Chosen:
    """Which parents of the last month were there so many months before, in the same family. (families, 2)"""
    then, now = history[-1 - months], history[-1]
    same = np.repeat((then["generation"] == now["generation"])[:, None], MAX_PARENTS, axis=1)
    same[:, 1] &= then["partners"] == now["partners"]
    return np.asarray(same & (then["parent"]["present"] == 1) & (now["parent"]["present"] == 1))
