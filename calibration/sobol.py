"""Sobol's indices of the expected difference: which share of its variance each parameter has, with chance taken out.

SALib makes the design (Saltelli's cross-sampling of a scrambled Sobol' sequence) and analyses the means over replicates. Those
indices hold chance too: in a small municipality whatever reshuffles families moves every difference, so every parameter has a
total effect, and the indices do not say what drives the answer. Here the same estimators are also taken with chance out. Each
is a mean of products, such as f(B) (f(AB) - f(A)); where the two factors of a product come from *different* replicates, their
chance is independent and leaves the mean alone. So the products are taken over all pairs of different replicates of a point
(a U-statistic). A design with second order has every estimator twice, from A towards B and from B towards A, and both are
used. With a function that has no chance they are SALib's, taken from both sides.

Points of a base sample share their luck (common random numbers), base samples do not, so resampling base samples gives
intervals that hold the sampling of parameters and chance alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulation.outcomes import FloatArray

SAMPLES: Final = 256
RESAMPLES: Final = 1000
LEVEL: Final = 0.95
CHANCE: Final = "chance"
COLUMNS: Final = ("index", "parameter", "second", "value", "low", "high")


@dataclass(frozen=True)
class Design:
    """Which points are evaluated. N base samples, D factors or groups of factors, F columns."""

    names: tuple[str, ...]
    """(D,) of the factors, or of their groups"""
    u: FloatArray
    """(points, F) probabilities"""
    second_order: bool

    @property
    def step(self) -> int:
        """Points of a base sample."""
        return (2 if self.second_order else 1) * len(self.names) + 2

    @property
    def blocks(self) -> npt.NDArray[np.int64]:
        """The base sample of each point, (points,)."""
        return np.arange(len(self.u)) // self.step

    @property
    def samples(self) -> int:
        """N."""
        return len(self.u) // self.step


def design(
    names: Sequence[str], samples: int, *, seed: int, second_order: bool = True, groups: Sequence[str] | None = None
) -> Design:
    """A design for factors between 0 and 1.

    Parameters
    ----------
    names : (F,) the factors
    samples : N, a power of two
    groups : (F,) the group of each factor; None: each by itself
    """
    from SALib.sample import sobol

    problem: dict[str, Any] = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    if groups is not None:
        problem["groups"] = list(groups)
    u = sobol.sample(problem, samples, calc_second_order=second_order, scramble=True, seed=seed)
    return Design(tuple(dict.fromkeys(groups or names)), np.asarray(u), second_order)


def indices(design: Design, y: FloatArray, *, seed: int, samples: int | None = None) -> pd.DataFrame:
    """First-order, total and second-order indices of the expected output, and the share of chance.

    Parameters
    ----------
    y : (points, R) outputs in R replicates; with one replicate nothing can be taken out
    samples : only the first so many base samples; all by default

    Returns
    -------
    ``index,parameter,second,value,low,high`` (95 %): ``S1``, ``ST``, ``S2`` of each, and ``share`` of ``chance`` in the variance
    of the mean over replicates. Where chance hides the variance of the expected output, there are no indices: NaN.
    """
    parts = _parts(design, y[: (samples or design.samples) * design.step])
    n = len(parts["variance"])
    names = design.names
    if n < 2:
        return _table(names, design.second_order, {key: np.full((2, *v.shape[1:]), np.nan) for key, v in parts.items()})
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), RESAMPLES) / n
    weights = np.concatenate([np.full((1, n), 1.0 / n), draws])  # the estimate first, then what resampling makes of it
    means = {key: np.tensordot(weights, value, axes=1) for key, value in parts.items()}
    variance, whole = means["variance"], means["whole"]
    hidden = not _above_zero(variance, whole)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {key: means[key] / _over(variance, means[key].ndim) for key in ("S1", "ST")}
        if design.second_order:
            first = found["S1"]
            found["S2"] = means["S2"] / _over(variance, 3) - first[:, :, None] - first[:, None, :]
        share = np.where(whole > 0.0, 1.0 - variance / whole, np.nan)
    if hidden:
        found = {key: np.full_like(value, np.nan) for key, value in found.items()}
    return _table(names, design.second_order, found | {"share": np.clip(share, 0.0, 1.0)})


def _above_zero(variance: FloatArray, whole: FloatArray) -> bool:
    """Whether the variance of the expected output can be told from none."""
    return bool(variance[0] > 1e-12 * whole[0] and np.quantile(variance[1:], 0.5 - LEVEL / 2) > 0.0)


def _over(x: FloatArray, dimensions: int) -> FloatArray:
    return x.reshape(len(x), *(1,) * (dimensions - 1))


def _parts(design: Design, y: FloatArray) -> dict[str, FloatArray]:
    """What each base sample adds to every numerator and to the variance. (N, ...)"""
    d, r = len(design.names), y.shape[1]
    whole = y.reshape(-1, design.step, r)
    whole = whole[np.isfinite(whole).all(axis=(1, 2))]  # a base sample with nobody to measure says nothing
    a, b = whole[:, 0], whole[:, -1]
    middle = float(np.mean([a, b])) if len(whole) else 0.0
    a, b = a - middle, b - middle
    ab = whole[:, 1 : d + 1] - middle
    move = ab - a[:, None]
    parts = {
        "variance": 0.5 * (mean_apart(a, a) + mean_apart(b, b)),
        "whole": 0.5 * (a.mean(axis=1) ** 2 + b.mean(axis=1) ** 2),
        "S1": mean_apart(b[:, None], move),
        "ST": 0.5 * mean_apart(move, move),
    }
    if design.second_order:  # the same from the other side: twice the sample
        ba = whole[:, d + 1 : 2 * d + 1] - middle
        back = ba - b[:, None]
        parts["S1"] = 0.5 * (parts["S1"] + mean_apart(a[:, None], back))
        parts["ST"] = 0.5 * (parts["ST"] + 0.5 * mean_apart(back, back))
        both = mean_apart(ba[:, :, None], ab[:, None, :])
        parts["S2"] = 0.5 * (both + both.swapaxes(1, 2)) - mean_apart(a, b)[:, None, None]
    return parts


def mean_apart(x: FloatArray, y: FloatArray) -> FloatArray:
    """Mean product of two outputs over all pairs of different replicates. (..., R) and (..., R) to (...)

    With one replicate, of a function without chance, the product itself.
    """
    r = x.shape[-1]
    same = (x * y).sum(axis=-1)
    if r == 1:
        return np.asarray(same)
    return np.asarray((x.sum(axis=-1) * y.sum(axis=-1) - same) / (r * (r - 1)))


def _table(names: Sequence[str], second_order: bool, found: dict[str, FloatArray]) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []

    def add(index: str, name: str, second: str, values: FloatArray) -> None:
        low, high = np.quantile(values[1:], (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
        rows.append((index, name, second, values[0], low, high))

    for index in ("S1", "ST"):
        for i, name in enumerate(names):
            add(index, name, "", found[index][:, i])
    if second_order:
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                add("S2", names[i], names[j], found["S2"][:, i, j])
    if "share" in found:
        add("share", CHANCE, "", found["share"])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def with_chance(design: Design, y: FloatArray, *, seed: int) -> pd.DataFrame:
    """SALib's indices of the mean over replicates: what they are where chance is left in. The columns of :func:`indices`."""
    from SALib.analyze import sobol

    whole = y.mean(axis=1).reshape(-1, design.step)
    kept = whole[np.isfinite(whole).all(axis=1)].ravel()
    problem = {"num_vars": len(design.names), "names": list(design.names), "bounds": [[0.0, 1.0]] * len(design.names)}
    if len(kept) < 2 * design.step or np.ptp(kept) == 0.0:
        nothing = np.full((2, len(design.names), len(design.names)), np.nan)
        return _table(design.names, design.second_order, {"S1": nothing[0:2, 0], "ST": nothing[0:2, 0], "S2": nothing})
    found = sobol.analyze(problem, kept, calc_second_order=design.second_order, conf_level=LEVEL, seed=seed + 1)
    rows: list[tuple[Any, ...]] = []
    for index in ("S1", "ST"):
        for name, value, half in zip(design.names, found[index], found[f"{index}_conf"], strict=True):
            rows.append((index, name, "", value, value - half, value + half))
    if design.second_order:
        for i, j in zip(*np.triu_indices(len(design.names), 1), strict=True):
            value, half = found["S2"][i, j], found["S2_conf"][i, j]
            rows.append(("S2", design.names[i], design.names[j], value, value - half, value + half))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def converging(design: Design, y: FloatArray, *, seed: int) -> pd.DataFrame:
    """S1 and ST from the first 16, 32 ... base samples: ``index,parameter,samples,value,low,high``."""
    sizes = [2**k for k in range(4, 20) if 2**k < design.samples] + [design.samples]
    found = []
    for n in sizes:
        table = indices(design, y, seed=seed, samples=n).assign(samples=n)
        found.append(table[table["index"].isin(["S1", "ST"])])
    return pd.concat(found, ignore_index=True)[["index", "parameter", "samples", "value", "low", "high"]]
