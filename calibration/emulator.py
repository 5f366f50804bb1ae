"""What the model would answer, on average, at parameters that were not simulated: a regression on the table of simulations.

Answers are noisy: a trial has few families. So the emulator learns the *mean* of each answer as a quadratic surface in the fitted
inputs, and what it leaves over, the joint spread of the answers around it, is kept: chance in one simulated world, and the
parameters that are not fitted. That spread is what the likelihood needs. A trial's differences are kept in units of its own
standard error, since that differs: where few families meet the criteria, its groups are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.outcomes import FloatArray

PENALTIES: Final = tuple(10.0**k for k in range(-1, 6))
FOLDS: Final = 5
ENOUGH: Final = 8
"""Rows of a later wave for each input, from which on the spread is taken from them alone."""
LOCAL_WEIGHT: Final = 4.0
"""Of a row simulated where an earlier fit pointed, against one from the prior."""


@dataclass(frozen=True)
class Emulator:
    """Mean and spread of T answers at D inputs, all of them standard normal numbers under the prior."""

    models: tuple[tuple[npt.NDArray[np.int64], Any], ...]
    """columns of the answers, and the surface of each of them"""
    spread: FloatArray
    """(T, T) mean product of what is left of answers that the surface was not fitted to, in units of ``scale``"""
    explained: FloatArray
    """(T,) share of the variance of each answer, over the prior, that the inputs explain"""
    inputs: int
    """D"""

    def mean(self, z: FloatArray) -> FloatArray:
        """(B, D) inputs to (B, T) mean answers."""
        found = np.empty((len(z), len(self.spread)))
        for columns, model in self.models:
            found[:, columns] = np.asarray(model.predict(z)).reshape(len(z), -1)
        return found


def emulate(
    z: FloatArray, answers: FloatArray, scale: FloatArray | None = None, local: npt.NDArray[np.bool_] | None = None
) -> Emulator:
    """Fit an emulator.

    Parameters
    ----------
    z : (N, D) inputs
    answers : (N, T); rows with something missing are left out
    scale : (N, T) the error that each row's answer is known with, up to a factor; None: the same in all rows. A trial with a
        small group says less of the mean, and the spread is that of answers in units of their own error
    local : (N,) True for rows of a later wave, drawn where the posterior is; the spread is theirs if there are enough
    """
    from threadpoolctl import threadpool_limits

    units = np.ones_like(answers) if scale is None else scale
    there = np.isfinite(answers).all(axis=1) & np.isfinite(units).all(axis=1)
    z, answers, units = z[there], answers[there], units[there]
    later = np.zeros(len(z), bool) if local is None else np.asarray(local, bool)[there]
    weight = np.where(later, LOCAL_WEIGHT, 1.0)
    varies = units.std(axis=0) > 0.0
    groups = [(np.flatnonzero(~varies), weight), (np.flatnonzero(varies), weight / _relative(units[:, varies]))]
    left = np.empty_like(answers)
    models = []
    with threadpool_limits(1):  # sums in one order, however many cores there are
        for columns, weights in groups:
            if len(columns):
                models.append((columns, _surface(z, answers[:, columns], weights)))
                left[:, columns] = _unseen(z, answers[:, columns], weights)
    own = left / units
    of = own[later] if later.sum() >= ENOUGH * z.shape[1] else own
    prior = ~later
    total = answers[prior].var(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(total > 0.0, 1.0 - (left[prior] ** 2).mean(axis=0) / total, 0.0)
    return Emulator(tuple(models), of.T @ of / len(of), np.clip(explained, 0.0, 1.0), z.shape[1])


def _relative(units: FloatArray) -> FloatArray:
    """The variance of each row's answers, against the mean row's: a trial's answers are sharp or blurred together. (N,)"""
    if not units.shape[1]:
        return np.ones(len(units))
    return np.asarray((units**2 / (units**2).mean(axis=0)).mean(axis=1))


def _surface(z: FloatArray, answers: FloatArray, weight: FloatArray) -> Any:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    model = make_pipeline(
        PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True)
    )
    return model.fit(z, answers, ridgecv__sample_weight=weight)


def _unseen(z: FloatArray, answers: FloatArray, weight: FloatArray) -> FloatArray:
    """What a surface leaves of rows that it was not fitted to, in turns: its own error is in it, as it is in use."""
    fold = np.arange(len(z)) % FOLDS
    left = np.empty_like(answers)
    for k in range(FOLDS):
        out = fold == k
        model = _surface(z[~out], answers[~out], weight[~out])
        left[out] = answers[out] - np.asarray(model.predict(z[out])).reshape(answers[out].shape)
    return left
