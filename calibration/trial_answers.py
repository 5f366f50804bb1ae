"""Kind of world ``trial``: the estimates of one simulated trial, ``trial.OUTCOME.CONTRAST``.

The design is the setting's, with the setting's profile, prices and size of the pool where it states them. The month is the
setting's, or the last in which the design measures the outcome; a survey has its non-response in any month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from calibration.design import Design, load_design
from calibration.estimates import CONTRASTS, MEASURED, UNITS, Contrast, estimate, months_of
from calibration.questions import Named, Question, Setting
from calibration.trial import Trial, circumstances, simulate
from simulation.errors import InputError, nearest
from simulation.outcomes import FloatArray

MEANING = {
    "coordinator_v_ordinary": "difference, drawn to a coordinator less the rest of the same office",
    "model_v_model": "difference, offices of the first arm less those of the second, families drawn",
}


class _Asked(NamedTuple):
    """What a question asks of a trial."""

    outcome: str
    contrast: Contrast
    month: int
    design: Design
    families: int | None


def names() -> tuple[Named, ...]:
    """Every outcome of every contrast."""
    return tuple(
        Named(f"trial.{outcome}.{contrast}", UNITS[outcome], f"{MEANING[contrast]}; seen in: {source}")
        for outcome, source in MEASURED.items()
        for contrast in CONTRASTS
    )


def answer(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """Answer questions that share a setting but for ``month``, from one simulated trial.

    Parameters
    ----------
    values : parameters in stated units, (P,); None: draw ``number // 2`` of the prior
    number : of the trial, which keys all chance; circumstances are those of draw ``number // 2``

    Returns
    -------
    (len(questions), 2) : difference and its standard error; NaN where a group had nobody

    Raises
    ------
    InputError : no such statistic or design, or the design has no two arms to compare
    """
    asked = [_asked(question, seed) for question in questions]
    months = max(one.month for one in asked)
    trials: list[tuple[Design, int | None, Trial]] = []
    found = np.empty((len(questions), 2))
    for i, one in enumerate(asked):
        trial = next((t for design, families, t in trials if (design, families) == (one.design, one.families)), None)
        if trial is None:
            trial = _trial(one, values, number, months)
            trials.append((one.design, one.families, trial))
        made = estimate(trial, one.outcome, one.contrast, one.month, quick=True)
        found[i] = made.difference, made.se
    return found


def _trial(asked: _Asked, values: FloatArray | None, number: int, months: int) -> Trial:
    """The trial, as long as is asked for: what comes later changes nothing before."""
    head = asked.design.trial
    longer = head.model_copy(update={"months": max(months, head.months)})
    around = circumstances(asked.design, number // 2)
    if asked.families is not None:
        around = replace(around, pool=asked.families)
    return simulate(asked.design.model_copy(update={"trial": longer}), number, values, around)


def _asked(question: Question, seed: int) -> _Asked:
    outcome, contrast = _parts(question.statistic)
    design = design_of(question.setting, seed)
    if contrast == "model_v_model" and len(design.arm) != 2:
        raise InputError(
            "the design has no two arms to compare", key=question.statistic, allowed="a design of two arms"
        )
    month = question.setting.month
    month = months_of(outcome, design)[-1] if month is None else month
    return _Asked(outcome, contrast, month, design, question.setting.families)


def _parts(statistic: str) -> tuple[str, Contrast]:
    _, outcome, contrast = (*statistic.split("."), "", "")[:3]
    for part, known in ((outcome, tuple(MEASURED)), (contrast, CONTRASTS)):
        if part not in known or statistic.count(".") != 2:
            raise InputError(f"there is no statistic {statistic[:80]!r}", allowed=nearest(part[:80], known))
    return outcome, next(known for known in CONTRASTS if known == contrast)


def design_of(setting: Setting, seed: int) -> Design:
    """The design of a setting: the profile and prices that the setting states go before its own."""
    design = load_design(setting.design)
    stated: dict[str, Any] = {
        name: getattr(setting, name) for name in ("profile", "prices") if name in setting.model_fields_set
    }
    head = design.trial.model_copy(update={**stated, "seed": seed, "posterior": "prior"})
    return design.model_copy(update={"trial": head})
