"""Each fitted target left out in turn: what do the others foretell of it?

A target that the others foretell is no news to the fit; one that they miss pulls against them. Foretold by the emulator, whose
spread holds chance and the parameters that are not fitted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.fitting import Fit, observed
from calibration.likelihood import Likelihood, sample
from calibration.predictions import OF_NULLS, in_unit
from calibration.targets import Target
from scenarios.progress import Progress
from scenarios.threads import in_threads
from simulation.outcomes import FloatArray

COLUMNS: Final = ("target", "kind", "observed", "mean", "low", "high", "not_significant", "inside")
DRAWS: Final = 1000


def leave_one_out(fit: Fit, *, workers: int | None = None, step: Progress | None = None) -> pd.DataFrame:
    """What the other targets foretell of each: mean and 90 % interval of what would be published, in the statistic's unit."""
    whole = observed(fit.fitted)

    def without(t: int) -> tuple[object, ...]:
        seen = whole.only(whole.value_at != t, whole.null_at != t)
        z, _ = sample(Likelihood(fit.emulator, seen), len(fit.inputs.names), seed=fit.job.seed + 1000 + t, draws=DRAWS)
        return _foretold(fit, t, fit.emulator.mean(z))

    found: dict[int, tuple[object, ...]] = {}
    for done, (t, row) in enumerate(in_threads(without, range(len(fit.fitted)), workers), start=1):
        found[t] = row
        if step is not None:
            step(done, len(fit.fitted))
    return pd.DataFrame([found[t] for t in sorted(found)], columns=list(COLUMNS))


def _foretold(fit: Fit, t: int, mean: FloatArray) -> tuple[object, ...]:
    target = fit.fitted[t]
    spread = float(fit.emulator.spread[t, t])
    chance = np.random.Generator(np.random.Philox(key=fit.job.seed + t))
    noise = chance.standard_normal(len(mean))
    if target.kind != "not_significant":
        x = mean[:, t] + noise * np.sqrt(spread + (target.spread or 0.0) ** 2)
        low, high = in_unit(target, np.quantile(x, (0.05, 0.95)))
        seen = float(target.observed or 0.0)
        middle = float(in_unit(target, mean[:, t]).mean())
        return target.name, target.kind, seen, middle, float(low), float(high), np.nan, bool(low <= seen <= high)
    whole = observed(fit.fitted)
    k = int(np.flatnonzero(whole.null_at == t)[0])
    share = _null_share(target, mean[:, t], np.exp(mean[:, whole.log_se_at[k]]), whole.low[k], whole.high[k], spread)
    low, high = np.quantile(mean[:, t] + noise * np.sqrt(spread), (0.05, 0.95))
    return target.name, target.kind, np.nan, float(mean[:, t].mean()), float(low), float(high), share, share >= OF_NULLS


def _null_share(target: Target, mean: FloatArray, se: FloatArray, low: float, high: float, spread: float) -> float:
    """The probability that a trial reports no reliable effect."""
    se = se if target.se is None else np.full(len(mean), target.se)
    sd = np.sqrt(spread)
    return float((norm.cdf((high * se - mean) / sd) - norm.cdf((low * se - mean) / sd)).mean())
