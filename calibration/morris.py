"""Morris screening: what moving one parameter does, over trajectories in which every parameter is moved once.

SALib makes the trajectories and reads mu, mu* and sigma. A move is two thirds of the middle 90 % of a parameter's distribution,
and its effect is told as for the whole of it. Points of a trajectory share their luck, trajectories do not.

mu* and sigma hold chance: in a small municipality whatever reshuffles families has large effects of no direction. So there is
also ``strength``, the root mean square effect with chance taken out: the product of the effects in two different replicates has
the square of the expected effect as its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from calibration.sobol import COLUMNS, LEVEL, RESAMPLES, mean_apart
from simulation.outcomes import FloatArray

LEVELS: Final = 4
EDGE: Final = 0.05
"""Quantiles between which a parameter is moved: this one, and as far from the other end."""


def problem(names: Sequence[str]) -> dict[str, Any]:
    """Parameters as SALib takes them: as probabilities over the middle of their distribution."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[EDGE, 1.0 - EDGE]] * len(names)}


def trajectories(names: Sequence[str], count: int, *, seed: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Points as probabilities, (count (D + 1), D), and the trajectory of each."""
    from SALib.sample import morris

    u = morris.sample(problem(names), count, num_levels=LEVELS, seed=seed)
    return np.asarray(u), np.arange(len(u)) // (len(names) + 1)


def analyse(names: Sequence[str], u: FloatArray, y: FloatArray, *, seed: int) -> pd.DataFrame:
    """mu, mu*, sigma and strength of each parameter with 95 % intervals: the columns of ``calibration.sobol.COLUMNS``.

    Parameters
    ----------
    u : (points, D) of whole trajectories
    y : (points, R) outputs; a trajectory with NaN is left out
    """
    from SALib.analyze import morris

    d = len(names)
    shaped = y.reshape(-1, d + 1, y.shape[1])
    kept = np.isfinite(shaped).all(axis=(1, 2))
    u, y = u.reshape(-1, d + 1, d)[kept].reshape(-1, d), shaped[kept].reshape(-1, y.shape[1])
    if kept.sum() < 2:
        nothing = [
            (i, name, "", np.nan, np.nan, np.nan) for i in ("mu", "mu_star", "sigma", "strength") for name in names
        ]
        return pd.DataFrame(nothing, columns=list(COLUMNS))
    found = morris.analyze(problem(names), u, y.mean(axis=1), num_levels=LEVELS, num_resamples=2, seed=seed)
    each = elementary_effects(u, y)
    count = len(each)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), RESAMPLES) / count
    mean = each.mean(axis=2)
    resampled = weights @ mean
    again = {
        "mu": resampled,
        "mu_star": weights @ np.abs(mean),
        "sigma": np.sqrt(np.clip(weights @ mean**2 - resampled**2, 0.0, None) * count / (count - 1)),
    }
    values = {name: np.asarray(found[name], np.float64) for name in ("mu", "mu_star", "sigma")}
    values["strength"] = _root(mean_apart(each, each).mean(axis=0))
    squares = mean_apart(each, each)
    half = stdtrit(count - 1, 0.5 + LEVEL / 2) * squares.std(axis=0, ddof=1) / np.sqrt(count)
    ends = {index: np.quantile(found, (0.5 - LEVEL / 2, 0.5 + LEVEL / 2), axis=0) for index, found in again.items()}
    ends["strength"] = np.stack([_root(squares.mean(axis=0) - half), _root(squares.mean(axis=0) + half)])
    rows = []
    for index, estimate in values.items():
        low, high = ends[index]
        rows += [(index, name, "", *three) for name, *three in zip(names, estimate, low, high, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _root(square: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.clip(square, 0.0, None)))


def elementary_effects(u: FloatArray, y: FloatArray) -> FloatArray:
    """Effects of every parameter in each trajectory and replicate. (points, D) and (points, R) to (trajectories, D, R)"""
    d = u.shape[1]
    u, y = u.reshape(-1, d + 1, d), y.reshape(-1, d + 1, y.shape[1])
    moves = np.diff(u, axis=1) / (1.0 - 2.0 * EDGE)  # of the whole range
    moved = np.abs(moves).argmax(axis=2)
    by_move = np.diff(y, axis=1) / np.take_along_axis(moves, moved[:, :, None], axis=2)
    found = np.empty_like(by_move)
    np.put_along_axis(found, np.broadcast_to(moved[:, :, None], by_move.shape), by_move, axis=1)
    return found
