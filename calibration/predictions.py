"""What the model predicts of a target, from answers over draws and chance, and whether what was published lies inside."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import t

from calibration.answers import describe
from calibration.design import load_design
from calibration.likelihood import Z
from calibration.targets import Target
from simulation.outcomes import FloatArray

OF_NULLS: Final = 0.1
"""A null is inside where at least this share of the simulated trials report no reliable effect."""
ERRORS: Final = ndtri((np.arange(100) + 0.5) / 100)
"""The published figure's own error, evenly over a standard normal distribution: the same in each simulated world."""


class Prediction(NamedTuple):
    """What the model says of a target, in the statistic's unit."""

    mean: float
    low: float
    """The middle 90 % of what would be published: answers, with the target's sampling error and discrepancy."""
    high: float
    not_significant: float
    """Of a null: the share of the simulated trials that report none. NaN of other targets."""
    inside: bool


def on_scale(target: Target, answers: FloatArray) -> FloatArray:
    """Answers on the target's own scale: their logarithms, where it says so."""
    if target.scale is None:
        return answers
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(answers))


def in_unit(target: Target, x: FloatArray) -> FloatArray:
    """Back from the target's own scale."""
    return x if target.scale is None else np.asarray(np.exp(x))


def predict(target: Target, answers: FloatArray) -> Prediction:
    """Compare a target with the model's answers.

    Parameters
    ----------
    answers : (N, 2) value and standard error, a row a simulated world, two in a row to a draw of the parameters; rows with nobody
        to measure count for nothing
    """
    x = on_scale(target, answers[:, 0])
    there = np.isfinite(x)
    if not there.any():
        return Prediction(np.nan, np.nan, np.nan, np.nan, False)
    if target.kind == "not_significant":
        return _null(target, answers[there], x[there])
    expected = x if target.statistic.startswith("office.") else without_chance(x)
    would_be = expected[there][:, None] + _own_error(target) * ERRORS
    low, high = in_unit(target, np.quantile(would_be, (0.05, 0.95)))
    if _bounded(target.statistic):
        low, high = np.clip((low, high), 0.0, 1.0)
    observed = target.observed
    inside = observed is not None and bool(low <= observed <= high)
    return Prediction(float(in_unit(target, x[there]).mean()), float(low), float(high), np.nan, inside)


def _bounded(statistic: str) -> bool:
    """Whether a statistic is a share, and not a difference of shares."""
    difference = statistic.startswith("trial.") or "gain" in statistic or "difference" in statistic
    return not difference and describe(statistic).unit.startswith("share")


def without_chance(x: FloatArray) -> FloatArray:
    """Answers (N,), two in a row to a draw, drawn together by as much as the chance of one simulated world spreads them.

    A published figure has its own sampling error; that of a simulated municipality must not count as well.
    """
    x = np.where(np.isfinite(x), x, np.nan)
    pairs = x[: len(x) // 2 * 2].reshape(-1, 2)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    total, mean = float(np.nanvar(x)), float(np.nanmean(x))
    if not len(pairs) or total <= 0.0:
        return x
    chance = float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean()) / 2.0
    return np.asarray(mean + (x - mean) * np.sqrt(max(1.0 - chance / total, 0.0)))


def _own_error(target: Target) -> float:
    """What the published figure adds to the spread of simulated ones; an office of 22 is as small in the model as it was."""
    if target.statistic.startswith("office."):
        return target.discrepancy
    return target.spread or 0.0


def _null(target: Target, answers: FloatArray, x: FloatArray) -> Prediction:
    share = float(unfound(target, answers).mean())
    low, high = np.quantile(x, (0.05, 0.95))
    return Prediction(float(x.mean()), float(low), float(high), share, share >= OF_NULLS)


def unfound(target: Target, answers: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of the simulated trials, (N, 2), report no reliable effect."""
    se = answers[:, 1] if target.se is None else np.full(len(answers), target.se)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = answers[:, 0] / se
    low = -np.inf if target.side == "no_increase" else -critical(target)
    high = np.inf if target.side == "no_decrease" else critical(target)
    return np.asarray((z > low) & (z < high))


def critical(target: Target) -> float:
    """How many standard errors a test asks for: 1.96, or Student's t where office means are compared."""
    if not target.statistic.endswith(".model_v_model"):
        return Z
    return _student(load_design(target.setting.design).offices - 2)


@functools.cache
def _student(freedom: int) -> float:
    return float(t.ppf(0.975, freedom))
