"""The trial's estimate beside what a coordinator changes: for those followed, for those who were not, and when all are followed.

A trial compares families in the same office. Ordinary families share its services and openings with those followed, so that the
difference between them holds what the followed took, or gave, as well. The same simulated offices have other lives: one in which
nobody has a coordinator, and one in which all who meet the criteria have, at as many families a coordinator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.design import Design
from calibration.estimates import MEASURED, UNITS, estimate, measured, months_of
from calibration.trial import Circumstances, Trial, circumstances, simulate
from scenarios.progress import Progress
from simulation.outcomes import FloatArray
from simulation.parallel import Workers, run_tasks
from simulation.parameters import prior_values
from simulation.posterior import posterior_values

QUANTITIES: Final = ("trial_estimate", "on_followed", "on_ordinary", "full_rollout")
COLUMNS: Final = ("outcome", "month", "unit", "quantity", "mean", "ci_low", "ci_high", "p05", "p95", "trials")


def rollout(
    design: Design, posterior: str, trials: int, *, workers: Workers = None, step: Progress | None = None
) -> pd.DataFrame:
    """So many simulated trials with their other lives; one draw of the parameters each.

    Parameters
    ----------
    posterior : ``prior``, or a file of draws

    Returns
    -------
    Means over trials with their 95 % intervals (chance and draws), and the middle 90 % of single trials
    """
    seed = design.trial.seed
    found: dict[int, FloatArray] = {}

    def one(k: int) -> FloatArray:
        values = prior_values(seed, k) if posterior == "prior" else posterior_values(posterior, seed, k)
        return effects(design, 2 * k, values, circumstances(design, k))

    for done, (k, result) in enumerate(run_tasks(one, range(trials), workers, posterior=posterior), start=1):
        found[k] = result
        if step is not None:
            step(done, trials)
    values = np.stack([found[k] for k in range(trials)])
    rows = []
    for o, (outcome, month) in enumerate(_asked(design)):
        for q, quantity in enumerate(QUANTITIES):
            x = values[:, o, q]
            x = x[np.isfinite(x)]
            rows.append((outcome, month, UNITS[outcome], quantity, *_told(x), len(x)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _told(x: FloatArray) -> tuple[float, ...]:
    """Mean, its 95 % interval and the middle 90 %; NaN where there is too little to tell."""
    if len(x) == 0:
        return (np.nan,) * 5
    mean = float(x.mean())
    error = 1.96 * float(x.std(ddof=1)) / np.sqrt(len(x)) if len(x) > 1 else np.nan
    low, high = np.quantile(x, (0.05, 0.95))
    return mean, mean - error, mean + error, float(low), float(high)


def _asked(design: Design) -> list[tuple[str, int]]:
    return [(outcome, months_of(outcome, design)[-1]) for outcome in MEASURED]


def effects(design: Design, number: int, values: FloatArray, around: Circumstances) -> FloatArray:
    """One trial's estimates beside its other lives', (outcomes, QUANTITIES)."""
    trial = simulate(design, number, values, around)
    none = simulate(_followed(design, [0] * design.offices), number, values, around)
    who = np.bincount(none.office, minlength=design.offices).tolist()
    everybody = simulate(_followed(design, who), number, values, around)
    return np.array([_compare(trial, none, everybody, outcome, month) for outcome, month in _asked(design)])


def _followed(design: Design, families: list[int]) -> Design:
    """The design with so many families followed in each office, at as many a coordinator as it had."""
    each = [-(-arm.families // arm.coordinators) for arm in design.arm for _ in range(arm.offices)]
    whose = [arm for arm in design.arm for _ in range(arm.offices)]
    arms = [
        arm.model_copy(update={"offices": 1, "families": count, "coordinators": max(-(-count // most), 1)})
        for arm, count, most in zip(whose, families, each, strict=True)
    ]
    return design.model_copy(update={"arm": tuple(arms)})


def _compare(trial: Trial, none: Trial, everybody: Trial, outcome: str, month: int) -> tuple[float, ...]:
    return (
        estimate(trial, outcome, "coordinator_v_ordinary", month, quick=True).difference,
        _mean(trial, outcome, month, trial.drawn) - _mean(none, outcome, month, trial.drawn),
        _mean(trial, outcome, month, ~trial.drawn) - _mean(none, outcome, month, ~trial.drawn),
        _mean(everybody, outcome, month, everybody.drawn) - _mean(none, outcome, month, everybody.drawn),
    )


def _mean(trial: Trial, outcome: str, month: int, who: npt.NDArray[np.bool_]) -> float:
    value, weight = measured(trial, outcome, month)
    weight = np.where(who & np.isfinite(value), weight, 0.0)
    total = float(weight.sum())
    return float((weight * np.nan_to_num(value)).sum()) / total if total > 0.0 else np.nan
