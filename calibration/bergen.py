"""The two offices in Bergen, asked jointly: are all six published figures such as the model would give?

NAV Fana and NAV Bergenhus each told of 22 families: how much the mean payment of social assistance fell, how many had a lower
payment at the end, how many none. Not told is over which months. So the question is asked for several windows of before and
after. It is one question on six figures at once: any of them may look right while the six together never come out so. And it
is asked of single draws of the parameters too, since a test that every draw passes says nothing.

Nothing is fitted to these figures, and a fall from before to after is no effect: :mod:`calibration.before_after`.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from calibration.offices import Windows, office
from calibration.questions import Setting
from scenarios.progress import Progress
from simulation.outcomes import FloatArray
from simulation.parallel import Workers, run_tasks

EVIDENCE: Final = Path(__file__).with_name("evidence") / "holf.csv"
OFFICES: Final = ("fana", "bergenhus")
FIGURES: Final = tuple(
    f"{office}.{figure}"
    for office in OFFICES
    for figure in ("payment_change", "lower_payment_share", "zero_payment_share")
)
REGION: Final = 0.90  # probability of the predictive region
WINDOWS: Final = tuple(
    Windows(before, after, month) for month in (12, 24, 30) for before in (1, 3, 12) for after in (1, 6, 12)
)
FEWEST: Final = 20  # pairs of offices below which no region is told of


@functools.cache
def published() -> FloatArray:
    """The six figures in the order of ``FIGURES``, (6,): relative changes and shares."""
    with EVIDENCE.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: float(row["value"]) for row in csv.DictReader(file) if row["id"].startswith(_IDS)}
    figures = []
    for name in OFFICES:
        families = rows[f"holf-families-{name}"]
        figures += [
            rows[f"holf-before-after-payment-{name}"] / 100.0,
            rows[f"holf-after-lower-payment-n-{name}"] / families,
            rows[f"holf-after-zero-payment-n-{name}"] / families,
        ]
    return np.array(figures)


_IDS: Final = tuple(
    f"holf-{what}-{name}"
    for name in OFFICES
    for what in ("families", "before-after-payment", "after-lower-payment-n", "after-zero-payment-n")
)


# ---- depth ----------------------------------------------------------------------------------------------------------


def scaled(figures: FloatArray) -> FloatArray:
    """Figures (..., 6) on scales where chance is about as large everywhere: root of a ratio of payments, arcsine of a share."""
    found = np.empty_like(figures)
    for k, name in enumerate(FIGURES):
        value = figures[..., k]
        found[..., k] = np.sqrt(1.0 + value) if name.endswith("change") else np.arcsin(np.sqrt(value))
    return found


def p_values(observed: FloatArray, predictive: FloatArray) -> FloatArray:
    """How deep each of M observed points lies among n predictive ones: its rank by Mahalanobis distance, 1/(n+1)..1.

    Each observed point joins the n; mean and covariance are of all n + 1, so that where it is one more of the same kind every
    rank is as likely as any other. (Its distance from the others alone, left out in turn, gives the same ranks.)
    The covariance is drawn towards its diagonal, by dimensions / (points + dimensions).

    Parameters
    ----------
    observed : (M, figures); predictive : (n, figures)
    """
    number, figures = len(predictive) + 1, predictive.shape[1]
    points = np.concatenate(
        [np.broadcast_to(predictive, (len(observed), *predictive.shape)), observed[:, None]], axis=1
    )
    apart = points - points.mean(axis=1, keepdims=True)
    covariance = np.einsum("mni,mnj->mij", apart, apart) / (number - 1)
    shrunk = figures / (number + figures)
    covariance *= 1.0 - shrunk * (1.0 - np.eye(figures))
    covariance += 1e-9 * np.eye(figures)  # a figure that never varies
    distance = np.einsum("mni,mni->mn", apart, np.linalg.solve(covariance, apart.swapaxes(1, 2)).swapaxes(1, 2))
    return np.asarray((distance >= distance[:, -1:] - 1e-9).mean(axis=1))


# ---- pairs of offices -----------------------------------------------------------------------------------------------


def pair(windows: Sequence[Windows], values: FloatArray, *, seed: int, number: int) -> FloatArray:
    """One simulated pair of offices, (windows, 6); NaN where an office has too few families that stay."""
    return np.concatenate(
        [office(_setting(name), windows, values, seed=seed, number=number) for name in OFFICES], axis=1
    )


def _setting(name: str) -> Setting:
    return Setting(profile=f"nav-{name}", prices="2017")


def pairs(
    values_list: Sequence[FloatArray],
    seed: int,
    replicates: int,
    windows: Sequence[Windows] = WINDOWS,
    *,
    workers: Workers = None,
    step: Progress | None = None,
) -> FloatArray:
    """So many pairs for each draw of the parameters, (draws, replicates, windows, 6), each with luck of its own."""
    found = np.empty((len(values_list), replicates, len(windows), len(FIGURES)))
    tasks = list(np.ndindex(len(values_list), replicates))

    def work(task: tuple[int, ...]) -> FloatArray:
        draw, replicate = task
        return pair(windows, values_list[draw], seed=seed, number=draw * replicates + replicate)

    for done, (task, figures) in enumerate(run_tasks(work, tasks, workers), start=1):
        found[task] = figures
        if step is not None:
            step(done, len(tasks))
    return found


# ---- the check ------------------------------------------------------------------------------------------------------


class OneWindow(NamedTuple):
    """The check in one combination of windows."""

    p_value: float
    """of the published figures among all pairs of all draws"""
    inside: bool
    """within the region that holds 90 % of these pairs"""
    share_of_draws_passing: float
    """of draws whose own region holds the published figures; NaN with fewer than 20 pairs to a draw"""
    others_passing: float
    """how often a draw's region holds figures simulated from another draw: 0.9 says that the check tells no draws apart"""
    pairs: int
    """pairs of offices with two full groups"""


def check_window(figures: FloatArray, observed: FloatArray) -> OneWindow:
    """The check of (draws, replicates, 6) against the observed (6,)."""
    target = scaled(observed)[None]
    draws = [_full(scaled(own)) for own in figures]
    pooled = np.concatenate(draws)
    p_value = float(p_values(target, pooled)[0]) if len(pooled) >= FEWEST else np.nan
    told = [i for i, own in enumerate(draws) if len(own) >= FEWEST]
    passes = [_inside(p_values(target, draws[i])) for i in told]
    others = []
    for i in told:
        strangers = [draws[j][:1] for j in told if j != i]
        others += [_inside(p_values(np.concatenate(strangers), draws[i]))] if strangers else []
    return OneWindow(
        p_value,
        bool(_inside(np.array(p_value))),
        float(np.concatenate(passes).mean()) if passes else np.nan,
        float(np.concatenate(others).mean()) if others else np.nan,
        len(pooled),
    )


def _full(points: FloatArray) -> FloatArray:
    return np.asarray(points[np.isfinite(points).all(axis=-1)])


def _inside(p: FloatArray) -> FloatArray:
    return np.asarray(p > 1.0 - REGION + 1e-12, np.float64)


def joint_check(
    values_list: Sequence[FloatArray],
    seed: int,
    replicates: int,
    windows: Sequence[Windows] = WINDOWS,
    *,
    observed: FloatArray | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> pd.DataFrame:
    """Whether the six published figures lie jointly inside the 90 % predictive region, for each combination of windows.

    Parameters
    ----------
    values_list : draws of the parameters (P,), in stated units: of a posterior, or of the prior
    replicates : pairs of offices for each draw; 20 or more for what is told of single draws
    windows : months of before and after; those not published are all tried
    observed : (6,) in the order of ``FIGURES``; the published figures by default

    Returns
    -------
    One row a combination: before, after, month, then as in ``OneWindow``, then the medians of the six, simulated.
    """
    figures = pairs(values_list, seed, replicates, windows, workers=workers, step=step)
    return table(figures, windows, published() if observed is None else observed)


def table(figures: FloatArray, windows: Sequence[Windows], observed: FloatArray) -> pd.DataFrame:
    """The check's table from simulated pairs, (draws, replicates, windows, 6)."""
    rows = []
    for w, window in enumerate(windows):
        own = figures[:, :, w]
        medians = np.full(len(FIGURES), np.nan)
        if len(full := _full(own.reshape(-1, len(FIGURES)))):
            medians = np.median(full, axis=0)
        rows.append(
            {
                **window._asdict(),
                **check_window(own, observed)._asdict(),
                **{f"median.{name}": float(median) for name, median in zip(FIGURES, medians, strict=True)},
            }
        )
    return pd.DataFrame(rows)
