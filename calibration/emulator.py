"""What the model would answer, on average, at parameters that were not simulated: a regression on the table of simulations.

Answers are noisy: a trial has few families. So the emulator learns the *mean* of each answer as a quadratic surface in the fitted
inputs, and what it leaves over, the joint spread of the answers around it, is kept: chance in one simulated world, and the
parameters that are not fitted. That spread is what the likelihood needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.outcomes import FloatArray

PENALTIES: Final = tuple(10.0**k for k in range(-1, 6))
LOCAL_WEIGHT: Final = 4.0
"""Of a row simulated where an earlier fit pointed, against one from the prior."""


@dataclass(frozen=True)
class Emulator:
    """Mean and spread of T answers at D inputs, all of them standard normal numbers under the prior."""

    model: Any
    spread: FloatArray
    """(T, T) covariance of the answers around their mean"""
    explained: FloatArray
    """(T,) share of the variance of each answer, over the prior, that the inputs explain"""

    def mean(self, z: FloatArray) -> FloatArray:
        """(B, D) inputs to (B, T) mean answers."""
        return np.asarray(self.model.predict(z)).reshape(len(z), -1)


def emulate(z: FloatArray, answers: FloatArray, local: npt.NDArray[np.bool_] | None = None) -> Emulator:
    """Fit an emulator.

    Parameters
    ----------
    z : (N, D) inputs
    answers : (N, T); rows with something missing are left out
    local : (N,) True for rows of a later wave, drawn where the posterior is; the spread is theirs if there are enough
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from threadpoolctl import threadpool_limits

    there = np.isfinite(answers).all(axis=1)
    z, answers = z[there], answers[there]
    later = np.zeros(len(z), bool) if local is None else np.asarray(local, bool)[there]
    weight = np.where(later, LOCAL_WEIGHT, 1.0)
    model = make_pipeline(
        PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True)
    )
    with threadpool_limits(1):  # sums in one order, however many cores there are
        model.fit(z, answers, ridgecv__sample_weight=weight)
        left = answers - np.asarray(model.predict(z)).reshape(answers.shape)
        of = later if later.sum() >= 2 * z.shape[1] + 100 else np.ones(len(z), bool)
        features = model[0].n_output_features_
        freedom = max(1.0 - features / len(z), 0.1)  # what fitting takes from the spread
        spread = np.atleast_2d(np.cov(left[of], rowvar=False)) / freedom
    prior = ~later
    total = answers[prior].var(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(total > 0.0, 1.0 - left[prior].var(axis=0) / freedom / total, 0.0)
    return Emulator(model, spread, np.clip(explained, 0.0, 1.0))
