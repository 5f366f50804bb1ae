"""A tornado: the difference with one parameter at either end of its distribution, and all others in their middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from calibration.factors import EDGE, Factors
from calibration.sobol import COLUMNS, LEVEL
from simulation.outcomes import FloatArray

MIDDLE: Final = "middle"


def design(factors: Factors, names: Sequence[str], blocks: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Points in stated units, (blocks (2 D + 1), P), and the block of each: the middle, then low and high of each."""
    u = np.full((2 * len(names) + 1, len(names)), 0.5)
    for i in range(len(names)):
        u[2 * i + 1, i], u[2 * i + 2, i] = EDGE, 1.0 - EDGE
    values = factors.values(u, names)
    return np.tile(values, (blocks, 1)), np.repeat(np.arange(blocks), len(values))


def swings(names: Sequence[str], y: FloatArray) -> pd.DataFrame:
    """Differences at both ends and in the middle, and high less low in the same luck, with 95 % intervals of the means.

    Parameters
    ----------
    y : (points, R) in the order of :func:`design`

    Returns
    -------
    ``low_end``, ``high_end`` and ``swing`` of each parameter, and ``value`` of ``middle``
    """
    each = y.reshape(-1, 2 * len(names) + 1, y.shape[1]).transpose(1, 0, 2).reshape(2 * len(names) + 1, -1)
    rows = [("value", MIDDLE, "", *_mean(each[0]))]
    for i, name in enumerate(names):
        low, high = each[2 * i + 1], each[2 * i + 2]
        for index, values in (("low_end", low), ("high_end", high), ("swing", high - low)):
            rows.append((index, name, "", *_mean(values)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean(values: FloatArray) -> tuple[float, float, float]:
    """Mean and its interval over replicates."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan, np.nan
    half = stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
