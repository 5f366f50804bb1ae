"""Each fitted target left out in turn: what do the others foretell of it?

A target that the others foretell is no news to the fit; one that they miss pulls against them. Foretold by the emulator, whose
spread holds chance and the parameters that are not fitted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from calibration.fitting import Fit, observed
from calibration.likelihood import Likelihood, sample
from calibration.predictions import ERRORS, OF_NULLS, in_unit
from scenarios.progress import Progress
from simulation.outcomes import FloatArray
from simulation.parallel import Workers, run_tasks

COLUMNS: Final = ("target", "kind", "observed", "mean", "low", "high", "not_significant", "inside")
DRAWS: Final = 1000
BURN: Final = 400
THIN: Final = 40
SEEDS: Final = 1000  # away from the seeds of other stages


def leave_one_out(fit: Fit, *, workers: Workers = None, step: Progress | None = None) -> pd.DataFrame:
    """What the other targets foretell of each: mean and 90 % interval of what would be published, in the statistic's unit.

    Of a null the mean and interval are of the difference a trial would show, and ``not_significant`` is the probability that it
    reports none, given what the others say of the parameters *and* what the other nulls say of the same trial.
    """
    whole = observed(fit.fitted)
    full = Likelihood(fit.emulator, whole, fit.chance)

    def without(t: int) -> tuple[object, ...]:
        threadpool_limits(1)  # also where a worker is
        values, nulls = whole.value_at != t, whole.null_at != t
        less = Likelihood(fit.emulator, whole.only(values, nulls), fit.chance[np.ix_(values, values)])
        z, _ = sample(less, len(fit.inputs.names), seed=fit.job.seed + SEEDS + t, draws=DRAWS, burn=BURN, thin=THIN)
        if nulls.all():
            return _value(fit, full, t, z)
        share = float(np.exp(np.minimum(full(z) - less(z), 0.0)).mean())
        return _null(fit, full, t, z, share)

    found: dict[int, tuple[object, ...]] = {}
    with threadpool_limits(1):
        for done, (t, row) in enumerate(run_tasks(without, range(len(fit.fitted)), workers), start=1):
            found[t] = row
            if step is not None:
                step(done, len(fit.fitted))
    return pd.DataFrame([found[t] for t in sorted(found)], columns=list(COLUMNS))


def _value(fit: Fit, full: Likelihood, t: int, z: FloatArray) -> tuple[object, ...]:
    target = fit.fitted[t]
    mean, sd = full.foretold(z, t)
    low, high = in_unit(target, np.quantile(mean[:, None] + sd * ERRORS, (0.05, 0.95)))
    seen, middle = float(target.observed or 0.0), float(in_unit(target, mean).mean())
    return target.name, target.kind, seen, middle, float(low), float(high), np.nan, bool(low <= seen <= high)


def _null(fit: Fit, full: Likelihood, t: int, z: FloatArray, share: float) -> tuple[object, ...]:
    target, emulated = fit.fitted[t], fit.emulator.mean(z)
    mean, error = emulated[:, t], full.errors(emulated)[:, full.observed.null_at == t][:, 0]
    shown = mean[:, None] + np.sqrt(fit.emulator.spread[t, t]) * error[:, None] * ERRORS
    low, high = np.quantile(shown, (0.05, 0.95))
    return target.name, target.kind, np.nan, float(mean.mean()), float(low), float(high), share, share >= OF_NULLS
