"""What it is worth to know more before deciding for an arm or against it.

The net benefit of an arm over the other is stated values of its gains, times a factor, less what it costs an account more. It is
better where that is above zero. We do not know the parameters; each draw of them has its own *expected* net benefit m, and

- the value of perfect information (EVPI) is E max(m, 0) - max(E m, 0): what choosing rightly in every draw would give beyond
  choosing once for all of them;
- that of knowing a group of parameters alone (EVPPI) is the same of E[m | group].

**Chance is not ignorance.** A replicate's net benefit is m and chance, and no study finds out what chance will do. To choose in
each replicate what turned out better, or in each draw by the mean of its two, would be paid for luck. So both are worked out
from variances with chance taken out, and from the shape that the draws have:

- the variance of m is the covariance of the replicates of a draw (the random-effects analysis of variance of
  ``results.statistics.analyse``); its interval is that of a mean over draws, whatever the distributions are;
- the variance of E[m | group] is what a regression (Strong, Oakley & Brennan 2014) of the draws' means on the group explains,
  less what it would explain by chance. The terms are each parameter's normal score and its square: they follow curvature, not
  what parameters do only together, so that this is a lower bound. Its interval is that of the noncentral F, and of the sample
  of draws;
- the loss is averaged over the fitted values, drawn together around their mean until they have that variance; for everything,
  over quantiles with the variance and the skewness of m, since the draws' means have the shape of chance.

Penalised and cross-fitted regressions were tried: where chance dominates they shrink what they explain, and miss half of what
many small parameters are worth; as they are, unpenalised ones find value in noise
(``docs/decisions/0013-value-of-information.md``).

An interval puts the errors of mean and variance together; it takes the shape as it is. No random number is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration.decision_draws import ACCOUNTS, Draws
from results.gain_values import Values
from results.statistics import analyse
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.parameters import parameter_names

PAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "society": ("society",),
    "public": ("municipality", "state"),
    "municipality": ("municipality",),
}
"""Whose costs are counted."""
VALUE_FACTORS: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
SINGLES: Final = 10
"""Parameters that are told by themselves: those that explain most. As the highest of many they are told too high."""
MEASURES: Final = ("inb", "probability", "evpi", "evppi")
COLUMNS: Final = (
    *("contrast", "account", "value_factor", "measure", "group", "unit", "value", "low", "high", "draws", "replicates"),
)
TAIL: Final = 0.025  # beyond each end of an interval
ALIKE: Final = 1e-6  # terms that differ by no more are the same


@dataclass(frozen=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Belief:
    """What is believed of an expected net benefit over what we do not know. N draws."""

    mean: Estimate
    variance: Estimate
    """with chance taken out; 0 or more"""
    shape: FloatArray
    """(N,) mean 0, variance 1"""
    together: float = 0.0
    """The correlation of the errors of mean and variance, -1..1: draws in a long tail move both"""


def net_benefit(draws: Draws, values: Values, account: str, factor: float) -> FloatArray:
    """The net benefit of each contrast's arm over the other in every replicate, NOK over the horizon. (N, 2, C)

    Raises
    ------
    InputError : an unknown account, or values in prices of another year
    """
    if account not in PAYS:
        raise InputError(f"there is no account {account[:80]!r}", key="account", allowed=f"one of: {', '.join(PAYS)}")
    if values.prices != draws.prices:
        problem = f"the values are in kroner of {values.prices}, the study in those of {draws.prices}"
        raise InputError(problem, key="values.prices", allowed=f'"{draws.prices}": years are not mixed')
    cost = draws.accounts[..., [ACCOUNTS.index(payer) for payer in PAYS[account]]].sum(axis=-1)
    return np.asarray(factor * (draws.gains @ values.weights()) - cost)


def value_of_information(
    draws: Draws,
    values: Values,
    groups: Mapping[str, Sequence[str]],
    *,
    accounts: Sequence[str] = ("society",),
    factors: Sequence[float] = VALUE_FACTORS,
    singles: int = SINGLES,
) -> pd.DataFrame:
    """The table ``value_of_information.csv``, for every contrast, account and factor on the stated values.

    Parameters
    ----------
    groups : the parameters of each group, as of ``factors.by_group``; those that do not vary are worth nothing
    singles : how many parameters are told by themselves, after the groups, what explains most first

    Returns
    -------
    ``COLUMNS``; ``inb`` has the 95 % interval of a mean over draws. Values are NaN where there are too few draws to tell, and no
    value of information is above that of perfect information. A value is for one decision in one place: where many decide
    alike on the same information, it is worth as many times as much (:func:`unit`).

    Raises
    ------
    InputError : as :func:`net_benefit`
    """
    cells = [(c, account, factor) for c in range(len(draws.contrasts)) for account in accounts for factor in factors]
    if not cells:
        return pd.DataFrame(columns=list(COLUMNS))
    benefit = np.stack([net_benefit(draws, values, account, factor)[..., c] for c, account, factor in cells], axis=-1)
    told = analyse(benefit, np.zeros_like(benefit), np.ones(len(cells)))
    spread = {group: Terms.of(draws.values, members) for group, members in groups.items()}
    each = tuple(dict.fromkeys(name for members in groups.values() for name in members))
    alone = {name: Terms.of(draws.values, (name,)) for name in each}
    rows: list[tuple[Any, ...]] = []
    for i, (c, account, factor) in enumerate(cells):
        y = benefit[..., i]
        belief = believe(y)
        evpi = loss_estimate(belief)
        found: list[tuple[str, str, Estimate]] = [
            ("inb", "", Estimate(*(float(told[name][i]) for name in ("mean", "ci_low", "ci_high")))),
            ("probability", "", _probability(belief)),
            ("evpi", "", evpi),
        ]
        found += [("evppi", group, partial(y, terms, belief, evpi)) for group, terms in spread.items()]
        told_by = {name: beyond_chance(y.mean(axis=1), terms.basis) for name, terms in alone.items()}
        best = sorted(told_by, key=lambda name: -told_by[name])[:singles]
        found += [("evppi", name, partial(y, alone[name], belief, evpi)) for name in best]
        for measure, group, estimate in found:
            of = "probability" if measure == "probability" else unit(draws)
            numbers = (estimate.value, estimate.low, estimate.high, len(y), y.size)
            rows.append((draws.contrasts[c], account, factor, measure, group, of, *numbers))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def unit(draws: Draws) -> str:
    """The unit of a value: it is for one pool over one horizon, to be multiplied by the number that would decide alike."""
    return f"NOK of {draws.prices} per place ({draws.families} families, {draws.horizon_months} months)"


# ---- with chance taken out -------------------------------------------------------------------------------------------


def believe(y: FloatArray) -> Belief:
    """What replicates of draws tell of the expected net benefit m: its mean, its variance and its shape.

    Parameters
    ----------
    y : (N, R) with R of 2 or more

    Notes
    -----
    Given its draw, replicates share m and nothing else, so that the mean product of their distances from the grand mean is the
    variance of m. Fewer than three draws tell nothing, and everything is NaN.
    """
    n, r = y.shape
    if n < 3 or r < 2:
        return Belief(*(Estimate(np.nan, np.nan, np.nan),) * 2, np.zeros(n))
    z = _quantile(n - 1)
    means = y.mean(axis=1)
    mean, error = float(means.mean()), float(means.std(ddof=1) / np.sqrt(n))
    apart = y - mean
    products = (apart.sum(axis=1) ** 2 - (apart**2).sum(axis=1)) / (r * (r - 1))
    # The grand mean is from the same draws: what it takes off the products is put back.
    variance, spread = float(products.mean()) + error**2, float(products.std(ddof=1) / np.sqrt(n))
    return Belief(
        Estimate(mean, mean - z * error, mean + z * error),
        Estimate(*(max(v, 0.0) for v in (variance, variance - z * spread, variance + z * spread))),
        _lopsided(n, _skewness(products, means - mean, variance)),
        _correlation(means, products),
    )


def _skewness(products: FloatArray, apart: FloatArray, variance: float) -> float:
    """The skewness of m from replicates, drawn towards none by as much as it may be chance. (N,), (N,), one number."""
    if variance <= 0.0:
        return 0.0
    third = products * apart
    found, error = float(third.mean()), float(third.std(ddof=1) / np.sqrt(len(third)))
    return max(1.0 - (error / found) ** 2, 0.0) * found / variance**1.5 if found != 0.0 else 0.0


def _lopsided(n: int, skewness: float) -> FloatArray:
    """Quantiles of a z + b (z^2 - 1) with z normal, mean 0, variance 1 and the skewness wished for (as near as it gets). (n,)"""
    from scipy.special import ndtri

    b = np.linspace(-np.sqrt(0.5), np.sqrt(0.5), 401)
    has = 6.0 * (1.0 - 2.0 * b**2) * b + 8.0 * b**3  # rises with b
    chosen = float(np.interp(skewness, has, b))
    z = ndtri((np.arange(n) + 0.5) / n)
    return _standard(np.sqrt(max(1.0 - 2.0 * chosen**2, 0.0)) * z + chosen * (z**2 - 1.0))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    return float((_standard(a) * _standard(b)).mean())


def _quantile(df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 1.0 - TAIL))


def _standard(values: FloatArray) -> FloatArray:
    """With mean 0 and variance 1; zero where they are all alike."""
    apart = values - values.mean()
    spread = float(np.sqrt((apart**2).mean()))
    return apart / spread if spread > 0.0 else np.zeros_like(apart)


Measure = Callable[[float, float, FloatArray], float]


def loss(mean: float, variance: float, shape: FloatArray) -> float:
    """E max(m, 0) - max(E m, 0) of m = mean + sd x shape: what choosing rightly each time gives beyond choosing once."""
    if not np.isfinite(mean + variance):
        return float("nan")
    m = mean + np.sqrt(variance) * shape
    wrongly = m if mean <= 0.0 else -m  # what is lost where the other choice would have been right
    return float(np.maximum(wrongly, 0.0).mean())


def share_above(mean: float, variance: float, shape: FloatArray) -> float:
    """P(m > 0), ties half."""
    if not np.isfinite(mean + variance):
        return float("nan")
    m = mean + np.sqrt(variance) * shape
    return float((m > 0.0).mean() + 0.5 * (m == 0.0).mean())


def loss_estimate(belief: Belief) -> Estimate:
    """The value of knowing what a belief is about: it rises with the variance and falls with the distance of the mean from 0.

    Where 0 is among the means that are believed, the highest value is at it, and not where the mean's error is largest.
    """
    found = _interval(belief, loss)
    among = belief.mean.low <= 0.0 <= belief.mean.high
    most = loss(0.0, belief.variance.high, belief.shape) if among else found.high
    return Estimate(found.value, max(found.low, 0.0), max(found.high, most))


def _interval(belief: Belief, measure: Measure) -> Estimate:
    """A measure with its interval: how far it moves when the mean goes to an end of its own, and how far when the variance does,
    put together as errors with their correlation (Zou & Donner 2008)."""
    mean, variance, shape = belief.mean, belief.variance, belief.shape
    value = measure(mean.value, variance.value, shape)
    by_mean = [measure(m, variance.value, shape) - value for m in (mean.low, mean.high)]
    by_variance = [measure(mean.value, v, shape) - value for v in (variance.low, variance.high)]

    def reach(sign: float) -> float:
        """How far down or up: each of the two at the end that takes it furthest."""
        a, b = np.argmax(sign * np.array(by_mean)), np.argmax(sign * np.array(by_variance))
        one, other = max(sign * by_mean[a], 0.0), max(sign * by_variance[b], 0.0)
        alike = belief.together if a == b else -belief.together
        return float(np.sqrt(max(one**2 + other**2 + 2.0 * alike * one * other, 0.0)))

    return Estimate(value, value - reach(-1.0), value + reach(1.0))


def _probability(belief: Belief) -> Estimate:
    """The probability that the expected net benefit is above zero, from the same belief as the value of information."""
    found = _interval(belief, share_above)
    return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0))


# ---- a group of parameters -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """What a regression on a group may use, as an orthonormal basis."""

    basis: FloatArray
    """(N, rank), each column with mean 0"""

    @classmethod
    def of(cls, values: FloatArray, members: Sequence[str]) -> Terms:
        """Normal scores of the members and their squares, from (N, P) parameters; those that do not vary are left out."""
        from scipy.special import ndtri
        from scipy.stats import rankdata

        places = [parameter_names().index(name) for name in members]
        columns = values[:, [place for place in places if np.ptp(values[:, place]) > 0.0]]
        n = len(values)
        if not columns.size:
            return cls(np.zeros((n, 0)))
        score = ndtri((rankdata(columns, axis=0) - 0.5) / n)
        terms = np.hstack([score, score**2])
        terms -= terms.mean(axis=0)
        size = np.linalg.norm(terms, axis=0)
        terms = terms[:, size > ALIKE] / size[size > ALIKE]
        left, strength, _ = np.linalg.svd(terms, full_matrices=False)
        return cls(left[:, strength > ALIKE * strength[0]])


def partial(y: FloatArray, terms: Terms, belief: Belief, evpi: Estimate) -> Estimate:
    """The value of knowing a group alone: between 0 and that of knowing everything. ``y`` (N, R) as for :func:`believe`."""
    known = explained(y.mean(axis=1), terms.basis, belief)
    if known is None:
        return Estimate(np.nan, 0.0, evpi.high)
    found = loss_estimate(known)
    value = min(found.value, evpi.value)
    return Estimate(value, min(found.low, value), max(value, min(found.high, evpi.high)))


def explained(means: FloatArray, basis: FloatArray, belief: Belief) -> Belief | None:
    """What is believed of E[m | group]: its variance is what the basis explains of the draws' means beyond chance.

    None where the draws are too few for so many terms.
    """
    n, rank = basis.shape
    left = n - 1 - rank
    if left < 2 or not np.isfinite(belief.mean.value):
        return None
    fitted, noise = _fit(means, basis)
    shape = _standard(fitted)
    if rank == 0 or noise == 0.0:
        variance = float(fitted @ fitted) / n
        return Belief(belief.mean, Estimate(variance, variance, variance), shape)
    variance = max(beyond_chance(means, basis), 0.0)
    ratio = float(fitted @ fitted) / (rank * noise)
    low, high = (noise * strength / n for strength in _noncentrality(ratio, rank, left))
    # The F distribution is of these draws; others would have had another variance of what is known.
    sampled = _quantile(n - 1) * variance * float(np.sqrt(max((shape**4).mean() - 1.0, 0.0) / n))
    low = max(variance - float(np.hypot(max(variance - low, 0.0), sampled)), 0.0)
    high = variance + float(np.hypot(max(high - variance, 0.0), sampled))
    known = fitted * float(np.sqrt(variance * n / (fitted @ fitted)))
    together = _correlation(means, known * (2.0 * (means - means.mean()) - known))
    return Belief(belief.mean, Estimate(variance, low, high), shape, together)


def beyond_chance(means: FloatArray, basis: FloatArray) -> float:
    """The variance that a basis explains less what it would by chance: below 0 as often as above where there is nothing."""
    fitted, noise = _fit(means, basis)
    return float(fitted @ fitted - basis.shape[1] * noise) / len(means)


def _fit(means: FloatArray, basis: FloatArray) -> tuple[FloatArray, float]:
    """Fitted values around the mean, (N,), and the variance of what is left over."""
    fitted = basis @ (basis.T @ means)
    over = float(((means - means.mean()) ** 2).sum() - fitted @ fitted)
    return fitted, max(over, 0.0) / max(len(means) - 1 - basis.shape[1], 1)


def _noncentrality(ratio: float, rank: int, left: int) -> tuple[float, float]:
    """The interval of the noncentrality of an F ratio; one below 1 counts as 1, for a lucky little is no certainty of nothing."""
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    def solve(f: float, probability: float) -> float:
        def off(strength: float) -> float:
            return float(ncfdtr(rank, left, strength, f)) - probability

        if off(0.0) <= 0.0:
            return 0.0
        most = 10.0 + rank * f
        while off(most) > 0.0:
            most *= 2.0
        return float(brentq(off, 0.0, most, xtol=1e-6, rtol=1e-6))

    return solve(ratio, 1.0 - TAIL), solve(max(ratio, 1.0), TAIL)
