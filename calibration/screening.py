"""Which parameters the targets can move: Morris screening of every uncertain parameter on every statistic that is fitted.

Elementary effects are taken between the 5 % and the 95 % quantile of each prior, along trajectories on the same luck. An effect
counts in standard deviations of its target, so that what the data cannot see counts for nothing. A trial is noisy: whatever makes
other families of the same luck, a birth rate say, has large effects of no direction. So parameters are ranked by mu, the mean
effect, with the square of its own error taken off; mu* and sigma stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from calibration import morris
from calibration.predictions import on_scale
from calibration.priors import columns_to_normal, from_normal, uncertain
from calibration.table import Job, Rows, simulate_rows
from calibration.targets import Target
from scenarios.progress import Progress
from simulation.outcomes import FloatArray
from simulation.parallel import Workers
from simulation.parameters import default_values, parameter_names

TRAJECTORIES: Final = 10
FITTED: Final = 15
COLUMNS: Final = ("parameter", "target", "mu", "mu_star", "mu_star_conf", "sigma", "scaled", "scaled_error")


def problem() -> dict[str, Any]:
    """The uncertain parameters as SALib takes them, as probabilities between the 5 % and the 95 % quantile."""
    return morris.problem([parameter.name for parameter in uncertain()])


def screen(
    job: Job,
    targets: Sequence[Target],
    *,
    trajectories: int = TRAJECTORIES,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> pd.DataFrame:
    """Elementary effects of every uncertain parameter on every fitted target, largest first.

    Returns
    -------
    The columns of ``COLUMNS``; ``scaled`` is mu in standard deviations of the target, ``scaled_error`` its standard error
    """
    from SALib.analyze import morris as analysis

    asked = problem()
    u, trajectory = morris.trajectories(asked["names"], trajectories, seed=job.seed)
    numbers = 2 * trajectory
    rows = simulate_rows(job, _values(u), numbers, folder=folder, workers=workers, step=step)
    found = []
    for t, target in enumerate(targets):
        y = on_scale(target, rows.answers[:, t, 0])
        there = np.isfinite(y)
        y = np.where(there, y, y[there].mean() if there.any() else 0.0)  # nobody to measure: no effect
        effects = analysis.analyze(asked, u, y, num_levels=morris.LEVELS, seed=job.seed)
        scale = _scale(target, rows, t)
        found.append(
            pd.DataFrame(
                {
                    "parameter": asked["names"],
                    "target": target.name,
                    "mu": np.asarray(effects["mu"], np.float64),
                    "mu_star": np.asarray(effects["mu_star"], np.float64),
                    "mu_star_conf": np.asarray(effects["mu_star_conf"], np.float64),
                    "sigma": np.asarray(effects["sigma"], np.float64),
                    "scaled": np.asarray(effects["mu"], np.float64) / scale,
                    "scaled_error": np.asarray(effects["sigma"], np.float64) / np.sqrt(trajectories) / scale,
                }
            )
        )
    table = pd.concat(found, ignore_index=True)[list(COLUMNS)]
    return table.sort_values("scaled", key=lambda x: -x.abs(), kind="stable", ignore_index=True)


def strength(table: pd.DataFrame) -> pd.Series[float]:
    """How much the targets together see of each parameter: root of the sum of squares over targets, largest first."""
    squares = table.assign(square=table["scaled"] ** 2 - table["scaled_error"] ** 2)
    by = squares.groupby("parameter", sort=False)["square"].sum().clip(lower=0.0) ** 0.5
    return by.sort_values(ascending=False, kind="stable")


def chosen(table: pd.DataFrame, count: int = FITTED) -> tuple[str, ...]:
    """The parameters that the targets see most of."""
    return tuple(strength(table).index[:count])


def _values(u: FloatArray) -> FloatArray:
    whole = np.tile(default_values(), (len(u), 1))
    place = {name: i for i, name in enumerate(parameter_names())}
    for column, parameter in enumerate(uncertain()):
        whole[:, place[parameter.name]] = from_normal(parameter, ndtri(u[:, column]))
    return whole


def _scale(target: Target, rows: Rows, t: int) -> float:
    """The standard deviation that the target is known with."""
    if target.spread is not None:
        return target.spread
    return float(np.hypot(np.nanmean(rows.answers[:, t, 1]), target.discrepancy))


def summary(table: pd.DataFrame, count: int = 30) -> str:
    """The parameters that the targets see most of, and by which targets."""
    lines = ["parameter                               seen   most by"]
    for rank, (name, seen) in enumerate(strength(table).head(count).items(), start=1):
        most = table[table["parameter"] == name].iloc[0]
        mark = "*" if rank <= FITTED else " "
        lines.append(f"{mark} {name:<36} {seen:>5.2f}   {most['target']} ({most['scaled']:.2f})")
    lines.append(
        "* would be fitted. Seen: change over the middle 90 % of the prior, in standard deviations of the targets."
    )
    return "\n".join(lines)


# ---- from the table of simulations -----------------------------------------------------------------------------------


def slopes(rows: Rows, targets: Sequence[Target], fitted: Sequence[str]) -> pd.DataFrame:
    """What a table of prior simulations sees of every uncertain parameter, fitted or not: the ranking again, with less noise.

    ``seen`` is the root of the sum over targets of squared slopes, in standard deviations of the target for one of the prior,
    with the slopes' own errors taken off; ``target`` sees most of it, with ``slope`` and ``error``.
    """
    asked = uncertain()
    x = columns_to_normal([parameter.name for parameter in asked], rows.values)
    y = np.column_stack([on_scale(target, rows.answers[:, t, 0]) for t, target in enumerate(targets)])
    there = np.isfinite(y).all(axis=1)
    x, y = x[there], y[there] - y[there].mean(axis=0)
    scale = np.array([_scale(target, rows, t) for t, target in enumerate(targets)])
    slope, error = x.T @ y / len(x) / scale, y.std(axis=0) / np.sqrt(len(x)) / scale
    seen = np.sqrt(np.clip((slope**2 - error**2).sum(axis=1), 0.0, None))
    most = np.abs(slope / error).argmax(axis=1)
    table = pd.DataFrame(
        {
            "parameter": [parameter.name for parameter in asked],
            "fitted": [parameter.name in fitted for parameter in asked],
            "seen": seen,
            "target": [targets[t].name for t in most],
            "slope": slope[np.arange(len(asked)), most],
            "error": error[most],
        }
    )
    return table.sort_values("seen", ascending=False, kind="stable", ignore_index=True)
