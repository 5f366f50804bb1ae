"""Ten families a coordinator against twenty: the same families followed in both arms, with the same luck.

A municipality is burnt in; then every family that meets the criteria is taken in at once, as far as they fill caseloads of
20. In one arm there is a coordinator for each ten of them, in the other one for each twenty, who are followed to the end of
the window: nobody moves out, no follow-up ends, nobody is taken in later. So the ratio is that of a caseload alone, in a
municipality with that many families in follow-up, who share its services and openings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from calibration.questions import Named, Question, Setting
from calibration.worlds import (
    ADMITTED,
    GENERATION,
    HAZARD,
    HOURS,
    WORK,
    months_asked,
    plan_of,
    refuse_unknown,
    refuse_unused,
    seen,
    settled,
)
from simulation.engine import burn_in, start_arm
from simulation.municipality import World
from simulation.names import NO_WORK
from simulation.outcomes import FloatArray
from simulation.plan import Plan

MONTH: Final = 24
FAMILIES: Final = 400
PROFILE: Final = "oygarden"
PRICES: Final = "2025"
CASELOADS: Final = (10, 20)
LONGER_THAN_ANY: Final = 1000.0  # months
STATISTICS: Final = {
    "caseload.entry_hazard_ratio": ("hazard ratio", "getting work with 10 families a coordinator, against 20"),
    "caseload.contact_ratio": ("ratio", "contact hours with 10 families a coordinator, over those with 20"),
    "caseload.employed_difference": ("share of parents", "in work with 10 families a coordinator, less that with 20"),
}


class Told(NamedTuple):
    """One arm up to each month asked, (months,) each; NaN where nobody is followed."""

    hazard: FloatArray
    """chance a month that a parent out of work gets a job, mean over parents and months"""
    hours: FloatArray
    """contact hours a month and family, mean over families and months"""
    employed: FloatArray
    """share of parents in work in that month"""


def compare(
    setting: Setting, months: Sequence[int], values: FloatArray | None, *, seed: int, number: int
) -> tuple[Told, Told]:
    """Both arms, with caseloads of 10 and of 20."""
    plan = _plan(setting)
    world = settled(plan, "caseload", values, seed, number)
    burn_in(world, plan.burn_in_months)
    families = _who_meets_the_criteria(world, plan) // CASELOADS[1] * CASELOADS[1]
    ten, twenty = (tell(_follow(world, plan, families, caseload, max(months)), months) for caseload in CASELOADS)
    return ten, twenty


def _plan(setting: Setting) -> Plan:
    """The place that the setting names; Øygarden and the rules of 2025 where it names none."""
    stated = setting.model_fields_set
    own = {"profile": PROFILE, "prices": PRICES}
    place = setting.model_copy(update={key: value for key, value in own.items() if key not in stated})
    return replace(
        plan_of(place, FAMILIES),
        follow_up=setting.follow_up or "familiepluss",
        intake="random",
        length_months=LONGER_THAN_ANY,
    )


def _who_meets_the_criteria(world: World, plan: Plan) -> int:
    """How many families the intake team would have on its list in month 1."""
    trial = start_arm(world, plan)
    burn_in(trial, 1)
    return int(trial.families["meets_criteria"].sum())


def _follow(world: World, plan: Plan, families: int, caseload: int, months: int) -> FloatArray:
    """One arm: the families admitted in month 1, (1 + months, followed, COLUMNS) from then on."""
    arm = start_arm(
        world, replace(plan, coordinators=families // caseload, caseload=caseload, admissions_per_month=caseload)
    )
    p = arm.setting["p"]
    turnover = p["turnover"].copy()
    p["turnover"], p["length_spread"], p["goals_met_months"] = 0.0, 0.0, LONGER_THAN_ANY
    start = seen(arm, 1)
    p["turnover"], p["move_out"] = turnover, 0.0
    arm.town["admissions"] = 0
    rows = np.concatenate([start, seen(arm, months)])
    return np.asarray(rows[:, start[0, :, ADMITTED] == 1.0])


def tell(rows: FloatArray, months: Sequence[int]) -> Told:
    """An arm's figures from what was read of the followed, (1 + months, followed, COLUMNS)."""
    there = rows[:, :, GENERATION] == rows[0, :, GENERATION]
    work = np.where(there[:, :, None], rows[:, :, WORK:], -1.0)
    out_of_work = (work == NO_WORK).sum(axis=2)[1:]
    hazard, hours = (np.where(there, rows[:, :, column], 0.0)[1:] for column in (HAZARD, HOURS))
    last = np.array(months) - 1

    def mean(sums: FloatArray, over: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            return np.asarray(sums.sum(axis=1).cumsum()[last] / over.sum(axis=1).cumsum()[last])

    with np.errstate(invalid="ignore"):
        employed = (work > NO_WORK).sum(axis=(1, 2)) / (work >= NO_WORK).sum(axis=(1, 2))
    return Told(mean(hazard, out_of_work), mean(hours, there[1:]), employed[np.array(months)])


# ---- questions ------------------------------------------------------------------------------------------------------


def names() -> tuple[Named, ...]:
    """The statistics that the comparison of caseloads knows."""
    return tuple(Named(name, unit, text) for name, (unit, text) in STATISTICS.items())


def answer(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """What one comparison says, (questions, 2): value, and NaN in place of a standard error.

    Parameters
    ----------
    questions : about one setting; month (default 24), the length of follow-up, may differ
    values : parameters in stated units, (P,); None is draw ``number // 2`` of the prior

    Raises
    ------
    InputError : an unknown statistic, or a setting that states coordinators or caseload
    """
    known = list(STATISTICS)
    refuse_unknown(questions, known)
    refuse_unused(questions, "coordinators", "caseload")
    months = months_asked(questions, MONTH)
    asked = sorted(set(months))
    ten, twenty = compare(questions[0].setting, asked, values, seed=seed, number=number)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.stack([ten.hazard / twenty.hazard, ten.hours / twenty.hours, ten.employed - twenty.employed])
    found[~np.isfinite(found)] = np.nan
    return np.array(
        [[found[known.index(q.statistic), asked.index(m)], np.nan] for q, m in zip(questions, months, strict=True)]
    )
