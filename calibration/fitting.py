"""A fit, from targets to posterior draws: simulate from the prior, emulate, sample, simulate where that points, and again.

Everything is a function of the targets, the study that decides, the seed and the size. Cores are used within the tables of
simulations; the sampler takes one core, so that the same seed gives the same posterior on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.answers import find_kind
from calibration.design import Design
from calibration.emulator import Emulator, emulate
from calibration.likelihood import Likelihood, Observed, sample
from calibration.predictions import critical, on_scale
from calibration.priors import columns_to_normal, from_normal
from calibration.table import Job, Rows, simulate_rows
from calibration.targets import Target
from calibration.trial import circumstances
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.parallel import Workers
from simulation.parameters import find_parameter, parameter_names, prior_values

CIRCUMSTANCES: Final = ("pool", "places", "openings")
DEGENERATE: Final = 0.2  # of the middle standard error: below it a trial had next to nobody in one of its groups
TWINS: Final = 200  # rows from the prior of which a second world is simulated
CANDIDATES: Final = 20  # draws of circumstances for each that is sought
BURN: Final = 1000
THIN: Final = 100
"""Steps before the posterior's draws, and between them: a walker forgets where it was in about 90, with 18 inputs."""


@dataclass(frozen=True)
class Size:
    """How much is simulated and drawn."""

    prior: int
    """rows from the prior"""
    later: int
    """rows where the first fit points"""
    predictive: int
    """worlds under the prior, and as many under the posterior, for the check of every target"""
    draws: int
    """posterior draws that are kept"""
    explained: int
    """replicates of the study under each explanation"""

    def of(self, rows: int) -> Size:
        """So many rows from the prior, and no more of the rest than goes with them."""
        return Size(
            prior=rows,
            later=max(rows // 2, 100),
            predictive=min(self.predictive, rows // 2),
            draws=min(self.draws, 5 * rows),
            explained=min(self.explained, rows // 4),
        )


QUICK: Final = Size(prior=600, later=150, predictive=60, draws=1000, explained=60)
FULL: Final = Size(prior=4000, later=2000, predictive=400, draws=4000, explained=400)


# ---- what is fitted --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """What answers are explained by: the fitted parameters, and the circumstances of the trial that nobody published."""

    parameters: tuple[str, ...]
    design: Design | None
    """of the trial among the targets, if any"""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters, then circumstances: ``trial.pool``."""
        return (*self.parameters, *(f"trial.{name}" for name, _, _ in self._ranges()))

    def _ranges(self) -> list[tuple[str, float, float]]:
        if self.design is None:
            return []
        head = self.design.trial
        ranges = {name: (float(getattr(head, name)[0]), float(getattr(head, name)[1])) for name in CIRCUMSTANCES}
        return [(name, low, high) for name, (low, high) in ranges.items() if low < high]

    def of(self, rows: Rows) -> FloatArray:
        """The inputs of rows as standard normal numbers, (N, D)."""
        z = columns_to_normal(self.parameters, rows.values)
        if not self._ranges() or self.design is None:
            return z
        met = [circumstances(self.design, int(number) // 2) for number in rows.number]
        more = [self._circumstance(name, low, high, met) for name, low, high in self._ranges()]
        return np.column_stack([z, *more])

    @staticmethod
    def _circumstance(name: str, low: float, high: float, met: Sequence[object]) -> FloatArray:
        x = np.array([float(getattr(each, name)) for each in met])
        x, low, high = (x + 0.5, low, high + 1.0) if name == "pool" else (np.log(x), np.log(low), np.log(high))
        u = (x - low) / (high - low)
        return np.asarray(ndtri(np.clip(u, 1e-6, 1.0 - 1e-6)))

    def draws_in(self, wanted: FloatArray, first: int) -> npt.NDArray[np.int64]:
        """Draws, from ``first`` on, whose circumstances are nearest to those wanted, (N, C) normal numbers; each once."""
        if self.design is None or wanted.shape[1] == 0:
            return np.arange(first, first + len(wanted))
        from scipy.optimize import linear_sum_assignment
        from scipy.spatial.distance import cdist

        draws = np.arange(first, first + CANDIDATES * len(wanted))
        met = [circumstances(self.design, int(draw)) for draw in draws]
        found = np.column_stack([self._circumstance(name, low, high, met) for name, low, high in self._ranges()])
        _, places = linear_sum_assignment(cdist(wanted, found))
        return np.asarray(draws[places])

    def values(self, z: FloatArray, seed: int, first: int) -> FloatArray:
        """Whole parameter sets, (N, P): fitted ones as given, the rest from the priors, draws ``first`` and on."""
        whole = np.stack([prior_values(seed, first + i) for i in range(len(z))])
        place = {name: i for i, name in enumerate(parameter_names())}
        for column, name in enumerate(self.parameters):
            whole[:, place[name]] = from_normal(find_parameter(name), z[:, column])
        return whole


# ---- what was observed -----------------------------------------------------------------------------------------------


def answer_columns(rows: Rows, targets: Sequence[Target]) -> FloatArray:
    """What the emulator learns, (N, T + nulls + study): answers, log standard errors of the nulls, the study's differences.

    NaN for the standard error of a trial with next to nobody in a group: a handful of families can tell none.
    """
    value = rows.answers[:, :, 0].copy()
    for t, target in enumerate(targets):
        value[:, t] = on_scale(target, value[:, t])
    nulls = [t for t, target in enumerate(targets) if target.kind == "not_significant"]
    stated = np.array([np.nan if targets[t].se is None else targets[t].se for t in nulls], np.float64)
    simulated = rows.answers[:, nulls, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        log_se = np.log(np.where(np.isfinite(simulated), simulated, stated))
        if len(rows):
            log_se[log_se < np.nanmedian(log_se, axis=0) + np.log(DEGENERATE)] = np.nan
    return np.column_stack([value, log_se, rows.study])


def units(rows: Rows, targets: Sequence[Target]) -> FloatArray:
    """The error that each row's answers are known with: of a null its standard error, of others 1. As :func:`answer_columns`."""
    nulls = [t for t, target in enumerate(targets) if target.kind == "not_significant"]
    columns = answer_columns(rows, targets)
    found = np.ones_like(columns)
    found[:, nulls] = np.exp(columns[:, len(targets) : len(targets) + len(nulls)])
    return found


def observed(targets: Sequence[Target]) -> Observed:
    """The targets as the likelihood takes them."""
    nulls = [t for t, target in enumerate(targets) if target.kind == "not_significant"]
    values = [t for t, target in enumerate(targets) if target.kind != "not_significant"]
    se = [np.nan if targets[t].se is None else targets[t].se for t in nulls]
    return Observed(
        value_at=np.array(values, np.int64),
        value=np.array([targets[t].centre for t in values], np.float64),
        variance=np.array([(targets[t].spread or 0.0) ** 2 for t in values], np.float64),
        null_at=np.array(nulls, np.int64),
        log_se_at=len(targets) + np.arange(len(nulls)),
        se=np.array(se, np.float64),
        low=np.array([-np.inf if targets[t].side == "no_increase" else -critical(targets[t]) for t in nulls]),
        high=np.array([np.inf if targets[t].side == "no_decrease" else critical(targets[t]) for t in nulls]),
        discrepancy=np.array([targets[t].discrepancy for t in nulls], np.float64),
    )


# ---- the fit ---------------------------------------------------------------------------------------------------------

Stage = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True)
class Fit:
    """A fit and what it was made from."""

    targets: tuple[Target, ...]
    """all of them: those fitted, and those to validate on"""
    inputs: Inputs
    job: Job
    """what is asked of each row of the table: the targets that are fitted, and the study"""
    prior: Rows
    later: Rows
    before: Rows
    """all targets asked of worlds under the prior, two to a draw"""
    after: Rows
    """and of worlds under the posterior, in its circumstances: the check of every target, and of the emulator"""
    emulator: Emulator
    chance: FloatArray
    """(V, V) of the fitted values' answers, by chance alone"""
    z: FloatArray
    """(draws, D) posterior draws as standard normal numbers"""
    chains: FloatArray
    """(walkers, steps, D)"""

    @property
    def fitted(self) -> tuple[Target, ...]:
        """The targets that are fitted, in the order of the table's answers."""
        return of_role_fit(self.targets)


def of_role_fit(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Those with role ``fit``."""
    return tuple(target for target in targets if target.role == "fit")


def fit(
    targets: Sequence[Target],
    inputs: Inputs,
    study: Study | None,
    size: Size,
    *,
    seed: int,
    folder: Path | None,
    workers: Workers,
    stage: Stage,
) -> Fit:
    """Fit the inputs to the targets with role ``fit``; those with role ``validate`` are only asked before and after.

    Parameters
    ----------
    study : whose contrasts are answered in every row too, so that the answer's own recovery can be tested
    stage : gives each long stage its progress
    """
    fitted = of_role_fit(targets)
    job = Job(tuple(target.question for target in fitted), study, seed)
    every = Job(tuple(target.question for target in targets), None, seed)

    def simulated(name: str, asked: Job, values: FloatArray, numbers: npt.NDArray[np.int64]) -> Rows:
        with stage(name) as step:
            return simulate_rows(asked, values, numbers, folder=folder and folder / name, workers=workers, step=step)

    parameters = len(inputs.parameters)
    starts = np.cumsum([0, size.prior, size.later, size.predictive])
    draws = np.stack([prior_values(seed, k) for k in range(size.prior)])
    prior = simulated("prior", job, draws, 2 * np.arange(size.prior))
    _check_answered(prior, fitted)
    values = Job(tuple(target.question for target in fitted if target.kind != "not_significant"), None, seed)
    twins = min(TWINS, size.prior)
    again = simulated("chance", values, draws[:twins], 2 * np.arange(twins) + 1)
    chance = chance_of(prior.only(np.arange(twins)), again, fitted)

    def drawn(emulator: Emulator, draws: int, seed: int, **long: int) -> tuple[FloatArray, FloatArray]:
        return sample(Likelihood(emulator, observed(fitted), chance), len(inputs.names), seed=seed, draws=draws, **long)

    first, _ = drawn(emulator_of(prior, None, fitted, inputs), size.later, seed)
    at = int(starts[1])
    later = simulated("later", job, inputs.values(first[:, :parameters], seed, at), 2 * np.arange(at, at + size.later))
    emulator = emulator_of(prior, later, fitted, inputs)
    z, chains = drawn(emulator, size.draws, seed + 1, burn=BURN, thin=THIN)
    at, pairs = int(starts[2]), -(-size.predictive // 2)
    some = z[:: max(len(z) // pairs, 1)][:pairs]
    unfitted = np.stack([prior_values(seed, at + k) for k in range(len(some))])
    before = simulated("before", every, *_twice(unfitted, np.arange(at, at + len(some))))
    met = inputs.draws_in(some[:, parameters:], int(starts[3]))
    after = simulated("after", every, *_twice(inputs.values(some[:, :parameters], seed, at), met))
    return Fit(tuple(targets), inputs, job, prior, later, before, after, emulator, chance, z, chains)


def _twice(values: FloatArray, draws: npt.NDArray[np.int64]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Two worlds to a draw, so that chance can be told from what is not known."""
    return np.repeat(values, 2, axis=0), (2 * draws[:, None] + np.arange(2)).ravel()


def chance_of(rows: Rows, again: Rows, targets: Sequence[Target]) -> FloatArray:
    """The covariance of the values' answers that chance alone gives, (V, V), from two worlds under each of some draws."""
    values = [t for t, target in enumerate(targets) if target.kind != "not_significant"]
    apart = np.column_stack(
        [
            on_scale(targets[t], rows.answers[:, t, 0]) - on_scale(targets[t], again.answers[:, v, 0])
            for v, t in enumerate(values)
        ]
        or [np.empty((len(rows), 0))]
    )
    apart = apart[np.isfinite(apart).all(axis=1)]
    return np.asarray(apart.T @ apart / (2.0 * max(len(apart), 1)))


def _check_answered(rows: Rows, targets: Sequence[Target]) -> None:
    """Refuse a target that most simulated worlds have nobody to answer: the rest would be no fair sample of the prior."""
    answers = answer_columns(rows, targets)
    if 2 * np.isfinite(answers).all(axis=1).sum() >= len(rows):
        return
    there = np.isfinite(answers[:, : len(targets)]).sum(axis=0)
    fewest = int(there.argmin())
    problem = f"{targets[fewest].statistic} can be measured in {there[fewest]} of {len(rows)} simulated worlds"
    allowed = "a target on more families: a larger pool or group, or role validate"
    raise InputError(problem, key=f"target.{targets[fewest].name}", allowed=allowed)


def emulator_of(prior: Rows, later: Rows | None, targets: Sequence[Target], inputs: Inputs) -> Emulator:
    """The emulator of all answers from one or two waves of rows."""
    rows = prior if later is None else prior.joined(later)
    local = None if later is None else np.arange(len(rows)) >= len(prior)
    return emulate(inputs.of(rows), answer_columns(rows, targets), units(rows, targets), local)


def trial_design(targets: Sequence[Target], seed: int) -> Design | None:
    """The design of the trial that the targets are about, if they are about one.

    Raises
    ------
    InputError : fitted targets on trials of more than one design, place, year or size of the pool
    """
    from calibration.trial_answers import design_of

    trials = [target for target in targets if find_kind(target.question.statistic) == "trial"]
    for target in trials:
        if target.setting.world() != trials[0].setting.world() or target.setting.families is not None:
            raise InputError(
                "is about another trial than the first: their circumstances cannot be told apart",
                key=f"target.{target.name}.setting",
                allowed="fitted targets on one trial, without families; another one with role validate",
            )
    return design_of(trials[0].setting, seed) if trials else None
