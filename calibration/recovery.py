"""Can the fit be believed? Recovery on synthetic truth: known parameters, simulated targets, and what the fit makes of them.

The truths are rows of the table of prior simulations that the emulator does not see. Each has parameters drawn from the prior and
answers simulated under them; published figures are made of these as they would be made of the world: a value with its sampling
error and discrepancy, a null as whether the simulated trial found something, and of which sign. If the posterior means what it
says, the truth's rank among its draws is uniform (Talts et al. 2018), and an interval of 90 % holds it nine times in ten. The
prior itself would pass that test too, so contraction stands beside it: the part of the prior's variance that is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from calibration.emulator import Emulator
from calibration.fitting import Inputs, answer_columns, emulator_of, observed
from calibration.likelihood import Likelihood, Observed, Z, sample
from calibration.table import Job, Rows, study_answers
from calibration.targets import Target
from scenarios.progress import Progress
from scenarios.threads import in_threads
from simulation.outcomes import FloatArray

TRUTHS: Final = 200
DRAWS: Final = 199  # a rank is one of 0..DRAWS
STUDY_REPLICATES: Final = 16
LEVELS: Final = (0.5, 0.9)
BINS: Final = 10
COLUMNS: Final = ("quantity", "level", "coverage", "low", "high", "inside", "contraction", "truths")


@dataclass(frozen=True)
class Recovery:
    """Ranks of the truths among their posterior draws, and how much narrower the posteriors are than the prior."""

    names: tuple[str, ...]
    ranks: npt.NDArray[np.int64]
    """(truths, quantities) 0..DRAWS"""
    contraction: FloatArray
    """(truths, quantities) 1 - posterior variance / prior variance"""

    def table(self) -> pd.DataFrame:
        """Coverage of each interval of each quantity, with a band that holds all of them at once in 95 % of such tests."""
        n, quantities = self.ranks.shape
        each = 0.05 / (quantities * len(LEVELS))
        u = (self.ranks + 0.5) / (DRAWS + 1)
        rows = []
        for q, name in enumerate(self.names):
            for level in LEVELS:
                coverage = float(np.mean(np.abs(u[:, q] - 0.5) < level / 2))
                low, high = (float(binom.ppf(p, n, level)) / n for p in (each / 2, 1 - each / 2))
                rows.append(
                    (name, level, coverage, low, high, low <= coverage <= high, float(self.contraction[:, q].mean()), n)
                )
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def histogram(self) -> tuple[FloatArray, float, float]:
        """Truths in each of ``BINS`` bins of ranks, (quantities, BINS), and the band that holds all bins of all at once."""
        n, quantities = self.ranks.shape
        counts = np.stack([np.histogram(self.ranks[:, q], BINS, (0, DRAWS + 1))[0] for q in range(quantities)])
        each = 0.05 / counts.size
        low, high = binom.ppf([each / 2, 1 - each / 2], n, 1.0 / BINS)
        return counts.astype(np.float64), float(low), float(high)


def recover(
    targets: Sequence[Target],
    inputs: Inputs,
    job: Job,
    rows: Rows,
    *,
    truths: int = TRUTHS,
    replicates: int = STUDY_REPLICATES,
    workers: int | None = None,
    step: Progress | None = None,
) -> Recovery:
    """Fit so many synthetic worlds, the last rows of the table, with an emulator made of the others.

    Parameters
    ----------
    targets : those fitted, in the order of the table's answers
    rows : from the prior
    replicates : of the study under each truth, whose mean difference is the true answer
    """
    rows = rows.only(np.asarray(np.isfinite(answer_columns(rows, targets)).all(axis=1)))  # a truth has all its figures
    known = np.arange(len(rows)) < len(rows) - truths
    emulator = emulator_of(rows.only(known), None, targets, inputs)
    held = rows.only(~known)
    z, answers = inputs.of(held), answer_columns(held, targets)
    chance = np.random.Generator(np.random.Philox(key=job.seed))
    noise = chance.standard_normal((truths, len(targets)))
    parameters = len(inputs.parameters)

    def one(k: int) -> tuple[FloatArray, FloatArray]:
        seen = published(answers[k], observed(targets), noise[k])
        draws, _ = sample(
            Likelihood(emulator, seen), len(inputs.names), seed=job.seed + k, draws=DRAWS, burn=300, thin=60
        )
        study = [study_answers(job, held.values[k], int(held.number[k]) + 1 + r) for r in range(replicates)]
        return draws, np.mean(study, axis=0) if job.study is not None else np.empty(0)

    found: dict[int, tuple[FloatArray, FloatArray]] = {}
    for done, (k, result) in enumerate(in_threads(one, range(truths), workers), start=1):
        found[k] = result
        if step is not None:
            step(done, truths)
    draws = np.stack([found[k][0] for k in range(truths)])
    truth = np.stack([found[k][1] for k in range(truths)])
    decided = _decided(emulator, draws, truth, z, chance)
    samples = np.concatenate([draws[:, :, :parameters], decided], axis=2)
    true = np.concatenate([z[:, :parameters], truth], axis=1)
    count = truth.shape[1]
    before = _means(emulator, inputs.of(rows.only(known))[None], count)[0].var(axis=0)
    prior = np.concatenate([np.ones(parameters), before])
    spread = np.concatenate([draws[:, :, :parameters], _means(emulator, draws, count)], axis=2).var(axis=1)
    return Recovery(
        names=(*inputs.parameters, *job.names()),
        ranks=(samples < true[:, None, :]).sum(axis=1),
        contraction=1.0 - spread / np.maximum(prior, 1e-300),
    )


def published(answers: FloatArray, seen: Observed, noise: FloatArray) -> Observed:
    """What would be published of a simulated world: figures with their errors, and whether each null was found."""
    difference = answers[seen.null_at] + noise[seen.null_at] * seen.discrepancy
    se = np.where(np.isfinite(seen.se), seen.se, np.exp(answers[seen.log_se_at]))
    low, high = seen.low.copy(), seen.high.copy()
    above, below = difference / se > seen.high, difference / se < seen.low
    low[above], high[above] = Z, np.inf
    low[below], high[below] = -np.inf, -Z
    value = answers[seen.value_at] + noise[seen.value_at] * np.sqrt(seen.variance)
    return replace(seen, value=value, low=low, high=high)


def _means(emulator: Emulator, draws: FloatArray, count: int) -> FloatArray:
    """The study's expected differences under posterior draws, (truths, draws, count)."""
    if count == 0:
        return np.empty((*draws.shape[:2], 0))
    return np.stack([emulator.mean(each)[:, -count:] for each in draws])


def _decided(
    emulator: Emulator, draws: FloatArray, truth: FloatArray, z: FloatArray, chance: np.random.Generator
) -> FloatArray:
    """Posterior draws of the answers: the emulated mean, and what the parameters that are not fitted add to it.

    What they add is what the true answers of the synthetic worlds have beyond the emulator, drawn at random.
    """
    count = truth.shape[1]
    means = _means(emulator, draws, count)
    if count == 0:
        return means
    left = truth - emulator.mean(z)[:, -count:]
    drawn = chance.integers(0, len(left), means.shape[:2])
    return np.asarray(means + left[drawn])
