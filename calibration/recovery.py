"""Can the fit be believed? Recovery on synthetic truth: known parameters, simulated targets, and what the fit makes of them.

The truths are rows of the table of prior simulations that the emulator does not see. Each has parameters drawn from the prior and
answers simulated under them; published figures are made of these as they would be made of the world: a value with its sampling
error and discrepancy, a null as whether the simulated trial found something, and of which sign. If the posterior means what it
says, the truth's rank among its draws is uniform (Talts et al. 2018), and an interval of 90 % holds it nine times in ten. The
prior itself would pass that test too, so contraction stands beside it: the part of the prior's variance that is gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from calibration.emulator import Emulator
from calibration.fitting import Inputs, answer_columns, emulator_of, observed
from calibration.likelihood import Likelihood, Observed, sample
from calibration.pieces import run_pieces
from calibration.table import Job, Rows, made_from, study_answers
from calibration.targets import Target
from scenarios.progress import Progress
from simulation.outcomes import FloatArray
from simulation.parallel import Workers

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


def histogram(ranks: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], float, float]:
    """Truths in each of ``BINS`` bins of ranks (truths, quantities), (quantities, BINS), and the band of all bins at once."""
    counts = np.stack([np.histogram(column, BINS, (0, DRAWS + 1))[0] for column in ranks.T])
    each = 0.05 / counts.size
    low, high = binom.ppf([each / 2, 1 - each / 2], len(ranks), 1.0 / BINS)
    return counts, float(low), float(high)


def recover(
    targets: Sequence[Target],
    inputs: Inputs,
    job: Job,
    rows: Rows,
    *,
    truths: int = TRUTHS,
    replicates: int = STUDY_REPLICATES,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> Recovery:
    """Fit so many synthetic worlds, the last rows of the table, with an emulator made of the others.

    Parameters
    ----------
    targets : those fitted, in the order of the table's answers
    rows : from the prior
    replicates : of the study under each truth, whose mean difference is the true answer
    folder : where what became of each truth is kept, so that a stopped recovery goes on; None keeps nothing
    """
    rows = rows.only(np.asarray(np.isfinite(answer_columns(rows, targets)).all(axis=1)))  # a truth has all its figures
    known = np.arange(len(rows)) < len(rows) - truths
    emulator = emulator_of(rows.only(known), None, targets, inputs)
    held = rows.only(~known)
    z, answers = inputs.of(held), answer_columns(held, targets)
    chance = np.random.Generator(np.random.Philox(key=np.array([job.seed, PUBLISHED], np.uint64)))
    noise = chance.standard_normal((truths, len(targets)))
    asked = _of_the_trial_itself(observed(targets), rows, targets)

    def one(k: int) -> FloatArray:
        threadpool_limits(1)  # also where a worker is
        likelihood = Likelihood(emulator, published(answers[k], asked, noise[k]))
        draws, _ = sample(
            likelihood, len(inputs.names), seed=job.seed + FITS + k, draws=DRAWS, burn=BURN_IN, thin=THINNED
        )
        first = WORLDS + replicates * k
        study = [study_answers(job, held.values[k], first + r) for r in range(replicates)]
        return np.concatenate([draws.ravel(), np.mean(study, axis=0)])

    size = DRAWS * len(inputs.names)
    numbers = size + len(job.names())
    depends_on = "" if folder is None else _made_from(targets, inputs, job, rows, replicates)
    with threadpool_limits(1):
        found = run_pieces(one, [numbers] * truths, ["number"], depends_on, folder=folder, workers=workers, step=step)
    each = found.reshape(truths, numbers)
    return _ranked(emulator, inputs, job, each[:, :size].reshape(truths, DRAWS, -1), each[:, size:], z)


PUBLISHED: Final = 1 << 50  # keys of random numbers, away from those of other stages
FITS: Final = 100_000
WORLDS: Final = 10_000_000
BURN_IN: Final = 400
THINNED: Final = 100


def _made_from(targets: Sequence[Target], inputs: Inputs, job: Job, rows: Rows, replicates: int) -> str:
    """A hash of what becomes of the truths depends on."""
    asked = [target.model_dump_json() for target in targets]
    told = [made_from(job, rows.values, rows.number), asked, inputs.names, replicates, DRAWS, BURN_IN, THINNED]
    digest = hashlib.sha256(json.dumps(told).encode())
    for values in (rows.answers, rows.study):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _of_the_trial_itself(observed: Observed, rows: Rows, targets: Sequence[Target]) -> Observed:
    """With the simulated trial's own precision, which is that of the synthetic worlds, where it has one."""
    nulls = [t for t, target in enumerate(targets) if target.kind == "not_significant"]
    simulated = np.isfinite(rows.answers[:, nulls, 1]).all(axis=0)
    return replace(observed, se=np.where(simulated, np.nan, observed.se))


def _ranked(
    emulator: Emulator, inputs: Inputs, job: Job, draws: FloatArray, truth: FloatArray, z: FloatArray
) -> Recovery:
    """Ranks and contraction from posterior draws (truths, DRAWS, D), true answers (truths, A) and true inputs (truths, D)."""
    parameters, count = len(inputs.parameters), truth.shape[1]
    means = _means(emulator, draws, count)
    left = truth - _means(emulator, z[None], count)[0]
    samples = np.concatenate([draws[:, :, :parameters], means + _drawn(left, job.seed)], axis=2)
    true = np.concatenate([z[:, :parameters], truth], axis=1)
    unfitted = left.var(axis=0)
    expected = _means(emulator, np.random.default_rng(job.seed).standard_normal((1, 4000, z.shape[1])), count)[0]
    prior = np.concatenate([np.ones(parameters), expected.var(axis=0) + unfitted])
    spread = np.concatenate([draws[:, :, :parameters].var(axis=1), means.var(axis=1) + unfitted], axis=1)
    return Recovery(
        names=(*inputs.parameters, *job.names()),
        ranks=(samples < true[:, None, :]).sum(axis=1),
        contraction=1.0 - spread / np.maximum(prior, 1e-300),
    )


def _drawn(left: FloatArray, seed: int) -> FloatArray:
    """What parameters that are not fitted add to an answer, (truths, DRAWS, A): from the truths of the other half."""
    chance = np.random.Generator(np.random.Philox(key=np.array([seed, PUBLISHED + 1], np.uint64)))
    truths = len(left)
    half = np.arange(truths) % 2
    others = [np.flatnonzero(half != h) for h in (0, 1)]
    picked = np.stack([chance.choice(others[half[k]], DRAWS) for k in range(truths)])
    return np.asarray(left[picked])


def published(answers: FloatArray, seen: Observed, noise: FloatArray) -> Observed:
    """What would be published of a simulated world: figures with their errors, and whether each null was found."""
    difference = answers[seen.null_at] + noise[seen.null_at] * seen.discrepancy
    se = np.where(np.isfinite(seen.se), seen.se, np.exp(answers[seen.log_se_at]))
    above, below = difference / se > seen.high, difference / se < seen.low
    low = np.where(above, seen.high, np.where(below, -np.inf, seen.low))
    high = np.where(below, seen.low, np.where(above, np.inf, seen.high))
    value = answers[seen.value_at] + noise[seen.value_at] * np.sqrt(seen.variance)
    return replace(seen, value=value, low=low, high=high)


def _means(emulator: Emulator, draws: FloatArray, count: int) -> FloatArray:
    """The study's expected differences under posterior draws, (truths, draws, count)."""
    if count == 0:
        return np.empty((*draws.shape[:2], 0))
    return np.stack([emulator.mean(each)[:, -count:] for each in draws])
