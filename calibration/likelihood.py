"""How likely the published figures are at given parameters: all targets jointly, nulls as what they are.

A published *value* is normal around the emulated answer; its variance is the spread of the answers around the emulator, the
published sampling error and the discrepancy for other people and another year. A *null* is an inequality: nobody published the
difference, only that the test did not find it, so its likelihood is the probability that a trial with this expected difference
reports no reliable effect. With one null and no other variance that is Φ(1.96 - d/SE) - Φ(-1.96 - d/SE). All nulls of a trial
come from the same families, so they enter together, with the correlation that simulated trials have: the probability of a box
under a normal distribution, by the sequential conditioning of Geweke, Hajivassiliou and Keane (Genz 1992) on fixed points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, cholesky
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from calibration.emulator import Emulator
from simulation.outcomes import FloatArray

POINTS: Final = 32
SMALLEST: Final = 1e-300
Z: Final = 1.959963984540054


@dataclass(frozen=True)
class Observed:
    """What was published, for V values and K nulls; places are columns of the emulator's answers."""

    value_at: npt.NDArray[np.int64]
    """(V,) where each value's answer stands"""
    value: FloatArray
    """(V,)"""
    variance: FloatArray
    """(V,) sampling error and discrepancy"""
    null_at: npt.NDArray[np.int64]
    """(K,) where each null's difference stands"""
    log_se_at: npt.NDArray[np.int64]
    """(K,) where the logarithm of its standard error stands"""
    se: FloatArray
    """(K,) the standard error where one can be told from what was published, else NaN: the simulated trial's own"""
    low: FloatArray
    """(K,) in standard errors: the test did not find less than this"""
    high: FloatArray
    """(K,) and not more than this"""
    discrepancy: FloatArray
    """(K,) standard deviation"""

    def only(self, values: npt.NDArray[np.bool_], nulls: npt.NDArray[np.bool_]) -> Observed:
        """Some of the targets."""
        of_values = {name: getattr(self, name)[values] for name in ("value_at", "value", "variance")}
        names = ("null_at", "log_se_at", "se", "low", "high", "discrepancy")
        return Observed(**of_values, **{name: getattr(self, name)[nulls] for name in names})


class Likelihood:
    """The logarithm of the probability of what was observed, for many parameter sets at once."""

    def __init__(
        self, emulator: Emulator, observed: Observed, chance: FloatArray | None = None, points: int = POINTS
    ) -> None:
        """Prepare for an emulator and what was observed.

        Parameters
        ----------
        chance : (V, V) covariance that chance alone gives the values' answers in a simulated world. It is taken off their spread:
            a published value has its own sampling error. None: what was observed holds that chance too
        """
        self.emulator, self.observed = emulator, observed
        o, spread = observed, emulator.spread
        nulls = spread[np.ix_(o.null_at, o.null_at)].copy()
        scale = np.ones(len(o.null_at))
        if len(o.null_at):
            simulated = np.exp(emulator.mean(np.zeros((1, emulator.inputs)))[0, o.log_se_at])
            error = np.where(np.isfinite(o.se), o.se, simulated)
            beyond = np.maximum(nulls.diagonal() - 1.0, 0.0)  # chance, in squares of the simulated error
            published = 1.0 + beyond * (simulated / error) ** 2  # its precision in place of the simulated one
            scale = np.sqrt(np.where(np.isfinite(o.se), published, nulls.diagonal()) / nulls.diagonal())
            nulls = nulls * np.outer(scale, scale) + np.diag((o.discrepancy / error) ** 2)
        of_draws = spread[np.ix_(o.value_at, o.value_at)]
        self._values = (of_draws if chance is None else _less(of_draws, chance)) + np.diag(o.variance)
        across = spread[np.ix_(o.null_at, o.value_at)] * scale[:, None]
        self._factor = cho_factor(self._values, lower=True) if len(o.value_at) else None
        self._shift = cho_solve(self._factor, across.T).T if self._factor else np.zeros((len(o.null_at), 0))
        left = nulls - self._shift @ across.T
        self._box = cholesky(left + 1e-12 * np.eye(len(left)), lower=True) if len(left) else left
        self._points = qmc.Sobol(max(len(left), 1), scramble=True, seed=1).random(points)

    def __call__(self, z: FloatArray) -> FloatArray:
        """(B, D) standard normal inputs to (B,)."""
        mean = self.emulator.mean(z)
        off = self.observed.value - mean[:, self.observed.value_at]
        total = np.zeros(len(z))
        if self._factor is not None:
            total -= 0.5 * (off * cho_solve(self._factor, off.T).T).sum(axis=1)
        if len(self.observed.null_at):
            middle = mean[:, self.observed.null_at] / self.errors(mean) + off @ self._shift.T
            total += self._boxes(self.observed.low - middle, self.observed.high - middle)
        return total

    def errors(self, mean: FloatArray) -> FloatArray:
        """The standard error of each null's difference, (B, K): the published one, else that of the simulated trial."""
        simulated = np.exp(mean[:, self.observed.log_se_at])
        return np.where(np.isfinite(self.observed.se), self.observed.se, simulated)

    def foretold(self, z: FloatArray, column: int) -> tuple[FloatArray, float]:
        """What the other values foretell of one under each of (B, D) inputs: mean (B,) and sd of what would be published."""
        mean = self.emulator.mean(z)
        v = int(np.flatnonzero(self.observed.value_at == column)[0])
        others = np.delete(np.arange(len(self.observed.value_at)), v)
        off = self.observed.value[others] - mean[:, self.observed.value_at[others]]
        covariance = self._values
        weight = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, v])
        variance = float(covariance[v, v] - covariance[v, others] @ weight)
        return np.asarray(mean[:, column] + off @ weight), float(np.sqrt(max(variance, 0.0)))

    def _boxes(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """Log probability of each box (B, K) around zero under the covariance of the nulls."""
        factor, points = self._box, self._points
        at = np.zeros((len(low), len(points), low.shape[1]))
        log_p = np.zeros((len(low), len(points)))
        for k in range(low.shape[1]):
            before = at[:, :, :k] @ factor[k, :k]
            a = ndtr((low[:, k : k + 1] - before) / factor[k, k])
            b = ndtr((high[:, k : k + 1] - before) / factor[k, k])
            width = np.maximum(b - a, SMALLEST)
            log_p += np.log(width)
            at[:, :, k] = ndtri(np.clip(a + points[:, k] * width, 1e-15, 1.0 - 1e-15))
        largest = log_p.max(axis=1)
        return np.asarray(largest + np.log(np.mean(np.exp(log_p - largest[:, None]), axis=1)))


def _less(spread: FloatArray, chance: FloatArray) -> FloatArray:
    """A covariance less another, with nothing below zero."""
    values, vectors = np.linalg.eigh(spread - chance)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def sample(
    likelihood: Likelihood,
    dimensions: int,
    *,
    seed: int,
    draws: int,
    walkers: int = 96,
    burn: int = 400,
    thin: int = 10,
) -> tuple[FloatArray, FloatArray]:
    """Draws from the posterior by emcee's ensemble of walkers, one core, all walkers of a step at once.

    Returns
    -------
    (draws, dimensions) in the space where the prior is standard normal; and the chains (walkers, steps, dimensions), burn-in gone
    """
    import emcee

    def log_posterior(z: FloatArray) -> FloatArray:
        return np.asarray(likelihood(z) - 0.5 * (z * z).sum(axis=1))

    chance = np.random.RandomState(seed % 2**32)
    sampler = emcee.EnsembleSampler(
        walkers,
        dimensions,
        log_posterior,
        vectorize=True,
        moves=[(emcee.moves.DEMove(), 0.4), *((emcee.moves.MHMove(_toward_prior(b)), w) for b, w in STEPS)],
    )
    start = emcee.State(0.5 * chance.standard_normal((walkers, dimensions)), random_state=chance.get_state())
    steps = burn + thin * -(-draws // walkers)
    sampler.run_mcmc(start, steps, progress=False)
    chains = sampler.get_chain()[burn:].transpose(1, 0, 2)
    kept = chains[:, thin - 1 :: thin].transpose(1, 0, 2).reshape(-1, dimensions)
    return kept[:draws], chains


STEPS: Final = ((0.2, 0.4), (0.5, 0.2))
"""Lengths of the steps that keep the prior as it is, and how often each is taken; the rest are differential evolution."""


def _toward_prior(step: float) -> Callable[..., tuple[FloatArray, FloatArray]]:
    """A proposal that would leave the standard normal prior as it is (preconditioned Crank-Nicolson; Cotter et al. 2013).

    What the data are silent about then mixes at once, however many inputs there are.
    """
    kept = float(np.sqrt(1.0 - step**2))

    def propose(at: FloatArray, chance: np.random.RandomState) -> tuple[FloatArray, FloatArray]:
        to = kept * at + step * chance.standard_normal(at.shape)
        return to, 0.5 * ((to * to).sum(axis=1) - (at * at).sum(axis=1))

    return propose
