"""What the small worlds that answer questions share: a plan from a setting, luck of their own, and one loop that reads.

An office, a trial of treatment and a comparison of caseloads are each a municipality or a few. The loop here reads what any
of them looks at, since the whole model is compiled into a loop, which takes half a minute.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from calibration.questions import MAX_MONTH, Kind, Question, Setting
from scenarios.profiles import load_profile
from simulation.compiled import rule
from simulation.engine import arrays_of, new_world, parameter_values
from simulation.errors import InputError
from simulation.month import one_month
from simulation.municipality import World
from simulation.names import MAX_PARENTS, NO_WORK
from simulation.outcomes import FloatArray
from simulation.plan import Plan
from simulation.work import family_entry_ratio, job_entry_hazard

# What is read of a family in a month.
ASSISTANCE, GENERATION, ADMITTED, HOURS, HAZARD, WORK = range(6)
"""Social assistance (NOK); how many lived in the slot before; study month of admission, else -999; contact hours; summed over
parents out of work, their chance a month of getting a job; and, in two columns, each parent's work, -1 for nobody."""
COLUMNS: Final = WORK + MAX_PARENTS
NEVER: Final = -999


@rule
def watch(  # type: ignore[no-untyped-def]
    families, coordinators, services, town_array, setting, waiting, placed, takers, candidates, rows
):
    """Advance by as many months as ``rows`` (months, families, COLUMNS) has, and read every family after each."""
    town = town_array[0]
    p = setting[0].p
    for m in range(rows.shape[0]):
        refused = town.turned_away
        one_month(families, coordinators, services, town_array, setting, waiting, placed, takers, candidates)
        served = 1.0 - (town.turned_away - refused) / max(town.takers, 1)
        for i in range(families.shape[0]):
            read_family(families[i], served, p, rows[m, i])


@rule
def read_family(family, served, p, row):  # type: ignore[no-untyped-def]
    """One family's month, (COLUMNS,); ``served`` is the share of those who would take a job that find an opening."""
    row[ASSISTANCE] = family.social_assistance
    row[GENERATION] = family.generation
    row[ADMITTED] = family.admitted if family.ever_followed == 1 else NEVER
    row[HOURS] = family.contact_hours
    row[HAZARD] = 0.0
    shared = family_entry_ratio(family, p)
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        row[WORK + k] = parent.work if parent.present == 1 else -1.0
        if parent.present == 1 and parent.work == NO_WORK:
            row[HAZARD] += job_entry_hazard(family, parent, shared, p) * served


def seen(world: World, months: int) -> FloatArray:
    """Advance a municipality by so many months and read them, (months, families, COLUMNS)."""
    rows = np.empty((months, len(world.families), COLUMNS))
    watch(*arrays_of(world), rows)
    return rows


# --- from a setting to a municipality -----------------------------------------------------------------------------

profile_of = functools.lru_cache(maxsize=16)(load_profile)


def plan_of(setting: Setting, families: int) -> Plan:
    """The plan of a setting with ordinary follow-up only; ``families`` where the setting does not say how many."""
    families = setting.families or families
    return Plan(
        name="world",
        profile=profile_of(setting.profile).for_pool(families),
        families=families,
        prices=setting.prices,
    )


def replicate_of(kind: Kind, profile: str, number: int) -> int:
    """The replicate that a world's random numbers are keyed by: far from those of other kinds and places."""
    return (zlib.crc32(f"{kind} {profile}".encode()) + number) % (1 << 32)


def values_of(plan: Plan, values: FloatArray | None, seed: int, number: int) -> FloatArray:
    """The parameters (P,) of a world; where none are given, draw ``number // 2`` of the prior."""
    return parameter_values(plan, seed, number // 2) if values is None else values


def settled(plan: Plan, kind: Kind, values: FloatArray | None, seed: int, number: int) -> World:
    """The municipality in the first month of its burn-in."""
    replicate = replicate_of(kind, plan.profile.name, number)
    return new_world(plan, seed, replicate, values_of(plan, values, seed, number))


# --- what may be asked --------------------------------------------------------------------------------------------


def months_asked(questions: Sequence[Question], default: int, first: int = 1) -> list[int]:
    """The month that each question is about.

    Raises
    ------
    InputError : a month before ``first``
    """
    months = [default if q.setting.month is None else q.setting.month for q in questions]
    for question, month in zip(questions, months, strict=True):
        if month < first:
            raise InputError(
                f"{question.statistic} in month {month}", key="setting.month", allowed=f"{first} to {MAX_MONTH}"
            )
    return months


def refuse_unused(questions: Sequence[Question], *keys: str) -> None:
    """Refuse what a setting says and this kind of world does not look at (InputError)."""
    for question in questions:
        for key in keys:
            if getattr(question.setting, key) is not None:
                raise InputError(
                    f"{question.statistic} does not look at it", key=f"setting.{key}", allowed="leave it out"
                )


def refuse_unknown(questions: Sequence[Question], known: Sequence[str]) -> None:
    """Refuse a statistic that is not among those known (InputError)."""
    for question in questions:
        if question.statistic not in known:
            raise InputError(f"there is no statistic {question.statistic!r}", key="statistic", allowed=", ".join(known))
