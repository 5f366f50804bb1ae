"""Before and after at an office: social assistance of the first families that two coordinators take in.

Each family counts on its own clock: month 0 is the month of its admission. The office is a municipality of its own under the
rules of 2017, burnt in under ordinary follow-up; families are drawn at random among those that meet the criteria, as in the
trial. Those that stay in the pool throughout count, by month of admission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from calibration.before_after import ADMITTED_BY, FOLLOWED, LEAD, measures, own_clock
from calibration.questions import Named, Question, Setting
from calibration.worlds import (
    ADMITTED,
    ASSISTANCE,
    GENERATION,
    months_asked,
    plan_of,
    refuse_unknown,
    seen,
    settled,
)
from simulation.engine import burn_in, start_arm
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.plan import Plan

COORDINATORS: Final = 2  # holf-coordinators-per-office
CASELOAD: Final = 11  # holf-caseload-coordinator-bergen
FAMILIES: Final = 150  # around an office: the middle of what trials/holf.toml says
FILLING: Final = 6  # months that are run at a time until the group is full
LONGEST: Final = 12  # months of a window
STATISTICS: Final = {
    "office.payment_change": "relative change of the mean payment of social assistance, before to after",
    "office.lower_payment_share": "families with a lower payment after than before",
    "office.zero_payment_share": "families with no social assistance in the whole window after",
}


class Windows(NamedTuple):
    """Months of the own clock: the last ``before`` up to admission, and the ``after`` that end at ``month``."""

    before: int = 12
    after: int = 12
    month: int = FOLLOWED


# ---- one group ------------------------------------------------------------------------------------------------------


def in_windows(paid: FloatArray, windows: Windows) -> FloatArray:
    """Measures of a group, (3,) in the order of ``STATISTICS``.

    Parameters
    ----------
    paid : (families, months -11... of the own clock) social assistance, NOK a month
    """
    end = LEAD + windows.month + 1
    before = paid[:, LEAD + 1 - windows.before : LEAD + 1].mean(axis=1)
    return measures(before, paid[:, end - windows.after : end].mean(axis=1))


class Life(NamedTuple):
    """What is seen of a municipality's families from study month -11 on: (months, slots) each."""

    paid: FloatArray
    """social assistance, NOK a month"""
    generation: FloatArray
    admitted: FloatArray
    """True in the month in which the family is admitted, from study month 1 to ``ADMITTED_BY``"""


def life_of(rows: FloatArray) -> Life:
    """From what ``worlds.seen`` reads in study months -11..., (months, families, COLUMNS)."""
    study_month = np.arange(len(rows))[:, None] - LEAD
    admitted = (rows[:, :, ADMITTED] == study_month) & (study_month >= 1) & (study_month <= ADMITTED_BY)
    return Life(rows[:, :, ASSISTANCE], rows[:, :, GENERATION], admitted)


# ---- one office -----------------------------------------------------------------------------------------------------


def office(
    setting: Setting, windows: Sequence[Windows], values: FloatArray | None, *, seed: int, number: int
) -> FloatArray:
    """One office's measures in each of the windows, (windows, 3); NaN where too few families stay."""
    plan = _plan(setting)
    clocks = sorted({max(FOLLOWED, w.month) for w in windows}, reverse=True)  # who stays is asked of 30 months at least
    life = _run_until_full(plan, clocks[0], values, seed, number)
    found = {}
    for followed in clocks:
        group = own_clock([life.paid], life.generation, life.admitted, families=_size(plan), followed=followed)
        found[followed] = None if group is None else group[0]
    rows = []
    for w in windows:
        paid = found[max(FOLLOWED, w.month)]
        rows.append(np.full(len(STATISTICS), np.nan) if paid is None else in_windows(paid, w))
    return np.stack(rows)


def _plan(setting: Setting) -> Plan:
    caseload = setting.caseload or CASELOAD
    return replace(
        plan_of(setting, FAMILIES),
        coordinators=COORDINATORS if setting.coordinators is None else setting.coordinators,
        caseload=caseload,
        follow_up=setting.follow_up or "holf_model",
        intake="random",
        length_months=float(FOLLOWED),
        admissions_per_month=caseload,
    )


def _size(plan: Plan) -> int:
    """How many families are asked for: as many as there are places."""
    return plan.coordinators * plan.caseload


def _run_until_full(plan: Plan, followed: int, values: FloatArray | None, seed: int, number: int) -> Life:
    """The months up to the one in which the group has been followed to the end, or can no longer be."""
    world = settled(plan, "office", values, seed, number)
    burn_in(world, plan.burn_in_months - LEAD - 1)
    rows = [seen(world, LEAD + 1)]
    arm = start_arm(world, plan)
    rows.append(seen(arm, followed))
    for _ in range(0, ADMITTED_BY, FILLING):
        rows.append(seen(arm, FILLING))
        life = life_of(np.concatenate(rows))
        if own_clock([life.paid], life.generation, life.admitted, families=_size(plan), followed=followed):
            break
    return life


# ---- questions ------------------------------------------------------------------------------------------------------


def names() -> tuple[Named, ...]:
    """The statistics that an office knows."""
    units = ("relative change", "share of families", "share of families")
    return tuple(Named(name, unit, text) for (name, text), unit in zip(STATISTICS.items(), units, strict=True))


def answer(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """What one office says, (questions, 2): value, and NaN in place of a standard error.

    Parameters
    ----------
    questions : about one setting; month (default 30), before and after may differ
    values : parameters in stated units, (P,); None is draw ``number // 2`` of the prior

    Raises
    ------
    InputError : an unknown statistic, a window of more than 12 months or one that begins before admission
    """
    known = tuple(STATISTICS)
    refuse_unknown(questions, known)
    months = months_asked(questions, FOLLOWED)
    windows = [Windows(q.setting.before, q.setting.after, month) for q, month in zip(questions, months, strict=True)]
    for window in windows:
        _check(window)
    if questions[0].setting.coordinators == 0:
        raise InputError("an office without coordinators", key="setting.coordinators", allowed="1 or more")
    asked = list(dict.fromkeys(windows))
    found = office(questions[0].setting, asked, values, seed=seed, number=number)
    return np.array(
        [[found[asked.index(w), known.index(q.statistic)], np.nan] for q, w in zip(questions, windows, strict=True)]
    )


def _check(window: Windows) -> None:
    if window.before > LONGEST:
        raise InputError(f"{window.before} months", key="setting.before", allowed=f"1 to {LONGEST}")
    most = min(LONGEST, window.month)
    if window.after > most:
        raise InputError(
            f"{window.after} months that end at month {window.month}", key="setting.after", allowed=f"1 to {most}"
        )
