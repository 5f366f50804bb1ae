"""What drives the difference on calibrated draws as they are, with all that the fit learnt of pairs of parameters.

Sobol's indices take parameters as independent; the posterior's draws are not. Three measures need no design of their own:
the change for one standard deviation of a parameter, the share of the variance of the expected difference that goes with that
change, and PAWN (SALib), which sees any change of the distribution but holds chance: its floor is what a parameter that
is wired to nothing gets, ``dummy``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from calibration.sobol import CHANCE, COLUMNS, LEVEL, RESAMPLES, mean_apart
from simulation.outcomes import FloatArray

DUMMY: Final = "dummy"
SLICES: Final = 10
PAWN_RESAMPLES: Final = 30


def measures(
    names: Sequence[str], x: FloatArray, y: FloatArray, *, seed: int, pawn: Sequence[str] = ()
) -> pd.DataFrame:
    """Slopes, shares of variance and PAWN of parameters, with 95 % intervals.

    Parameters
    ----------
    x : (N, D) parameters of the draws, any scale that is monotone
    y : (N, R) the differences of a draw's replicates; draws with NaN are left out
    pawn : the parameters for which PAWN is taken

    Returns
    -------
    ``slope`` (unit of y), ``S1`` and ``pawn`` of each, of ``dummy`` too, and ``share`` of ``chance``
    """
    kept = np.isfinite(y).all(axis=1)
    x, y = x[kept], y[kept]
    rng = np.random.default_rng(seed)
    x = np.column_stack([x, rng.standard_normal(len(x))])
    every = [*names, DUMMY]
    if len(x) < 4:
        rows = [(index, name, "", np.nan, np.nan, np.nan) for index in ("slope", "S1") for name in every]
        return pd.DataFrame(rows, columns=list(COLUMNS))
    rows = _slopes(every, x, y) + _shares(every, x, y, rng)
    asked = [name for name in every if name in {*pawn, DUMMY}]
    rows += _pawn(asked, x[:, [every.index(name) for name in asked]], y.mean(axis=1), rng)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def scores(values: FloatArray) -> FloatArray:
    """Parameters of draws as normal scores, (N, D): their ranks on a standard normal. What does not vary is zero."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    found = ndtri((rankdata(values, axis=0) - 0.5) / len(values))
    return np.asarray(np.where(values.min(axis=0) < values.max(axis=0), found, 0.0))


def _standard(x: FloatArray) -> FloatArray:
    sd = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(sd > 0.0, sd, 1.0))


def _slopes(names: Sequence[str], x: FloatArray, y: FloatArray) -> list[tuple[Any, ...]]:
    """Change of the difference that goes with one standard deviation of each parameter, and with what varies with it."""
    z, mean = _standard(x), y.mean(axis=1)
    mean = mean - mean.mean()
    slope = z.T @ mean / len(z)
    left = mean[:, None] - z * slope
    error = np.sqrt((z**2 * left**2).sum(axis=0)) / len(z)  # holds whatever the spread of the rest
    half = stdtrit(len(z) - 2, 0.5 + LEVEL / 2) * error
    return [("slope", name, "", b, b - h, b + h) for name, b, h in zip(names, slope, half, strict=True)]


def _shares(names: Sequence[str], x: FloatArray, y: FloatArray, rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Share of the variance of the expected difference that goes with a parameter's slope; and the share of chance."""
    n, z = len(x), _standard(x)
    y = y - y.mean()
    weights = np.concatenate([np.full((1, n), 1.0 / n), rng.multinomial(n, np.full(n, 1.0 / n), RESAMPLES) / n])
    variance, whole = weights @ mean_apart(y, y), weights @ y.mean(axis=1) ** 2
    slopes = weights @ (z * y.mean(axis=1)[:, None])
    error = (z**2 * (y.mean(axis=1)[:, None] - z * slopes[0]) ** 2).mean(axis=0) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        # The square of an estimate is too large by its variance; that of a resampled one by twice that.
        shares = (slopes**2 - error * np.where(np.arange(len(slopes)) > 0, 2.0, 1.0)[:, None]) / variance[:, None]
        chance = np.clip(1.0 - variance / whole, 0.0, 1.0)
    if not np.quantile(variance[1:], 0.5 - LEVEL / 2) > 0.0:  # chance hides the variance of the expected difference
        shares = np.full_like(shares, np.nan)
    rows = [("S1", name, "", *_three(column)) for name, column in zip(names, shares.T, strict=True)]
    return [*rows, ("share", CHANCE, "", *_three(chance))] if y.shape[1] > 1 else rows


def _three(values: FloatArray) -> tuple[float, float, float]:
    """The estimate, which stands first, and its interval by resampling."""
    low, high = np.quantile(values[1:], (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    return float(values[0]), float(low), float(high)


def _pawn(names: Sequence[str], x: FloatArray, y: FloatArray, rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """SALib's PAWN, the median over slices, and where resampling puts it."""
    from SALib.analyze import pawn

    problem = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}

    def median(chosen: Any) -> FloatArray:
        return np.asarray(pawn.analyze(problem, x[chosen], y[chosen], S=SLICES)["median"], np.float64)

    if len(x) < 5 * SLICES:
        return []
    values = np.array(
        [median(slice(None)), *(median(rng.integers(len(x), size=len(x))) for _ in range(PAWN_RESAMPLES))]
    )
    # Resampled draws lie further apart, by as much as resampling adds: taken off.
    values[1:] -= values[1:].mean(axis=0) - values[0]
    return [
        ("pawn", name, "", *_three(column)) for name, column in zip(names, np.clip(values, 0.0, 1.0).T, strict=True)
    ]


def weight(x: FloatArray, effects: FloatArray) -> FloatArray:
    """How much the draws see of each parameter over all contrasts and outcomes: what they are ranked by. (D,)

    The sum of squared slopes with their own errors taken off, each over the variance of its difference's mean.

    Parameters
    ----------
    x : (N, D)
    effects : (N, R, C, K)
    """
    z, total = _standard(x), np.zeros(x.shape[1])
    for c in range(effects.shape[2]):
        for k in range(effects.shape[3]):
            y = effects[:, :, c, k].mean(axis=1)
            kept = np.isfinite(y)
            y = y[kept] - y[kept].mean() if kept.any() else y[kept]
            if len(y) > 2 and y.std() > 0.0:
                total += (z[kept].T @ y / len(y)) ** 2 / y.var() - 1.0 / len(y)
    return total
