"""Kind of world ``register``: the families of one municipality, month by month, and every statistic of them.

A municipality in the question's setting lives through its burn-in as plans do by default; from a year before study month 0 every
month is read into a register, up to the last month asked about, and all questions are answered from it. Questions about those
``followed`` have two coordinators with ten families each where the setting does not say; others have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from calibration.groups import GROUPS, POPULATIONS, History
from calibration.questions import Named, Question, Setting
from calibration.readers import YEAR, FloatArray
from calibration.register import REGISTER, read_months, read_register
from calibration.statistics import STATISTICS, Asked, find_asked
from calibration.worlds import profile_of
from simulation.engine import burn_in, new_world, parameter_values, start_arm
from simulation.parameters import with_overrides
from simulation.plan import Plan

COORDINATORS: Final = 2  # of those followed, where the setting does not say
CASELOAD: Final = 10


def names() -> tuple[Named, ...]:
    """Every statistic of every population, then every group of it."""
    return tuple(
        Named(f"{population}.{name}{ending}", statistic.unit, f"{statistic.meaning}{whose}")
        for population in POPULATIONS
        for name, statistic in STATISTICS.items()
        for ending, whose in (("", ""), *((f".{g}", f" ({GROUPS[g].meaning})") for g in GROUPS if g != "everyone"))
    )


def answer(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """Answer questions that share a setting but for ``month``, from one municipality.

    Parameters
    ----------
    values : parameters in stated units, (P,); None: draw ``number // 2`` of the prior
    number : the replicate, which keys all chance

    Returns
    -------
    (len(questions), 2) : value, and NaN, since a register has no standard error; NaN too where there is nobody
    """
    asked = [find_asked(question.statistic) for question in questions]
    found = np.full((len(questions), 2), np.nan)
    for followed in (False, True):
        here = [i for i, one in enumerate(asked) if (one.population == "followed") == followed]
        if not here:
            continue
        setting = questions[here[0]].setting
        months = [questions[i].setting.month or 0 for i in here]
        history = municipality(setting, values, seed=seed, number=number, months=max(months), followed=followed)
        for i, month in zip(here, months, strict=True):
            found[i, 0] = _at(asked[i], history, month)
    return found


def _at(asked: Asked, history: History, month: int) -> float:
    """What is asked, in a month of a history that begins a year before month 0."""
    return asked.of([history[month : month + YEAR + 1]])


def municipality(
    setting: Setting, values: FloatArray | None, *, seed: int, number: int, months: int, followed: bool = False
) -> History:
    """One municipality from a year before study month 0 to month ``months``: (13 + months, families) REGISTER."""
    plan = plan_of(setting, followed=followed)
    values = parameter_values(plan, seed, number // 2) if values is None else with_overrides(values, {})
    world = new_world(plan, seed, number, values)
    burn_in(world, plan.burn_in_months - YEAR)
    history = np.zeros((YEAR + 1 + months, plan.families), REGISTER)
    read_register(world.families, history[0])
    read_months(world, history[1 : YEAR + 1])
    arm = start_arm(world, plan)
    read_register(arm.families, history[YEAR])  # once more: now it is marked who is eligible
    read_months(arm, history[YEAR + 1 :])
    return history


def plan_of(setting: Setting, *, followed: bool = False) -> Plan:
    """The plan of a setting; coordinators for those ``followed`` where it does not say."""
    profile = profile_of(setting.profile)
    if setting.families is not None:
        profile = profile.for_pool(setting.families)
    coordinators = setting.coordinators
    if coordinators is None:
        coordinators = COORDINATORS if followed else 0
    return Plan(
        name="register",
        profile=profile,
        families=profile.families,
        prices=setting.prices,
        coordinators=coordinators,
        caseload=setting.caseload or CASELOAD,
        follow_up=setting.follow_up or "familiepluss",
    )
