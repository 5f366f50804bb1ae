"""What a grid of staffings comes to: costs, effects, which cells are efficient, and how sure it is which is the best.

Pure functions. D draws, two replicates of each, C cells. Effects are paired differences from the reference (no coordinators,
today's places), as ``results.statistics.analyse`` reports them. Which cell is *best* is a question about expected effects, and
the cell with the highest mean is in part the luckiest: hence ``best_probability`` and ``cross_fitted``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from calibration.frontier import PAYERS, REACH, Grid
from results.costs import MONTHS_A_YEAR
from results.statistics import analyse, believed_variance
from results.words import verdict
from simulation.outcomes import OUTCOMES, FloatArray

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
SAMPLES: Final = 2000  # of the expected effects, for a probability
FOLDS: Final = 10
UNITS: Final = {outcome.name: outcome.unit for outcome in OUTCOMES}
BETTER: Final = {outcome.name: float(outcome.better) for outcome in OUTCOMES}
CELL: Final = ("coordinators", "caseload", "places")
NET: Final = ("municipality", "public", "society")
INTERVAL: Final = ("mean", "ci_low", "ci_high")
EFFECT: Final = (*INTERVAL, "p05", "p95", "prob_better")

FRONTIER_COLUMNS: Final = (
    *("outcome", "unit", *CELL, "staffing_cost", *EFFECT, "efficient", "on_frontier", "prob_best"),
    *("staffing_cost_a_year", "of_municipality_a_year", "families_followed", "caseload_filled", "families_admitted"),
    *(f"{payer}{end}" for payer in NET for end in ("", "_ci_low", "_ci_high", "_p05", "_p95")),
    *("draws", "replicates"),
)
BUDGET_COLUMNS: Final = (
    *("budget", "outcome", "unit", *CELL, "staffing_cost_a_year", *EFFECT, "prob_best", "cross_fitted", "says"),
    *(f"runner_up_{name}" for name in CELL),
    *("runner_up_prob_best", "as_good"),
    *(f"cheapest_{name}" for name in (*CELL, "staffing_cost_a_year", *INTERVAL)),
)
BEST_COLUMNS: Final = ("budget", "outcome", *CELL, "staffing_cost_a_year", "prob_best", "below_best", "as_good")
MARGINAL_COLUMNS: Final = (
    *("outcome", "unit", "caseload", "places", "from_coordinators", "to_coordinators", *INTERVAL, "prob_better"),
    *("families_followed", "caseload_filled", "draws"),
)


# ---- costs -----------------------------------------------------------------------------------------------------------


def yearly_costs(grid: Grid) -> FloatArray:
    """What each cell must be budgeted with, NOK a year: all of it, and the municipality's part. (2, C)

    All positions, filled or vacant, with training and supervision, and every added place, used by the pool or by others. Fewer
    places are saved.
    """
    found = []
    for cell in grid.cells:
        paid = dict.fromkeys(("municipality", "state"), 0.0)
        paid["municipality"] += cell.coordinators * grid.costs.position
        for name in grid.services:
            added = grid.service(name, cell.places).places - grid.service(name, 1.0).places
            payer, unit = grid.costs.services[name]
            paid[payer] += added * unit * MONTHS_A_YEAR
        found.append((sum(paid.values()), paid["municipality"]))
    return np.array(found).T


def over_horizon(grid: Grid, a_year: FloatArray) -> FloatArray:
    """A cost that is the same every month, over the horizon, discounted to month 0."""
    return np.asarray(a_year * grid.costs.discount_factors(grid.template.horizon_months).sum() / MONTHS_A_YEAR)


def net_costs(grid: Grid, rows: FloatArray) -> FloatArray:
    """What municipality, public purse and society pay over the horizon, discounted. (R, C, columns) to (R, C, 3), NOK"""
    municipality, state, society = (rows[:, :, grid.columns.index(payer)] for payer in PAYERS)
    return np.stack([municipality, municipality + state, society], axis=-1)


# ---- which are efficient ---------------------------------------------------------------------------------------------


def efficient(cost: FloatArray, gain: FloatArray) -> BoolArray:
    """Cells that no other beats: none costs as little or less and gains more, or costs less and gains as much. (C,)"""
    order = np.lexsort((-gain, cost))
    found = np.zeros(len(cost), bool)
    most, at = -np.inf, np.nan
    for i in order:
        if gain[i] > most or (gain[i] == most and cost[i] == at):
            found[i], most, at = True, gain[i], cost[i]
    return found


def on_frontier(cost: FloatArray, gain: FloatArray) -> BoolArray:
    """Efficient cells at the corners of the convex hull: none lies below a line between two others. (C,)

    A mixture of two corners (one for part of the time, or in part of the municipality) does at least as well as what lies below
    the line between them (extended dominance).
    """
    corners: list[int] = []
    for i in np.flatnonzero(efficient(cost, gain))[np.argsort(cost[efficient(cost, gain)], kind="stable")]:
        if corners and cost[i] == cost[corners[-1]]:
            continue
        while len(corners) > 1 and _slope(cost, gain, corners[-2], corners[-1]) <= _slope(cost, gain, corners[-2], i):
            corners.pop()
        corners.append(int(i))
    found = np.zeros(len(cost), bool)
    found[corners] = True
    return found


def _slope(cost: FloatArray, gain: FloatArray, i: int, j: int) -> float:
    return float((gain[j] - gain[i]) / (cost[j] - cost[i]))


# ---- which is the best, and how sure that is -------------------------------------------------------------------------


def best_probability(gains: FloatArray, seed: int) -> FloatArray:
    """The probability of each cell to have the highest *expected* gain. (D, 2, C) to (C,), summing to one.

    Parameters
    ----------
    gains : effects in the better direction, in each replicate of each draw; a draw with a NaN is left out

    Notes
    -----
    All is reckoned from the mean over the cells, since what they share moves none above another. What a draw of the parameters is
    expected to do is its mean, drawn towards the mean over draws until the variance is what is believed of draws alone
    (``results.statistics.believed_variance``): chance is taken out, how cells go together stays. The means over all draws are
    uncertain too: they are drawn towards each other by the part of their spread that is Monte Carlo error (empirical Bayes;
    cells that differ by chance alone end up alike), and what is left of that error is in the samples (Bayesian bootstrap
    over draws). Cells that share the highest value share the probability.
    """
    there = gains[~np.isnan(gains).any(axis=(1, 2))]
    draws, _, cells = there.shape
    if cells == 1:
        return np.ones(1)
    if draws < 2:
        return np.full(cells, np.nan)
    apart = there - there.mean(axis=2, keepdims=True)
    means = apart.mean(axis=1)
    mean = means.mean(axis=0)
    around = means - mean
    spread = around.var(axis=0, ddof=1)
    error = spread.mean() / draws
    real = max(float((mean**2).sum()) / (cells - 1) - error, 0.0)
    kept = real / (real + error) if error > 0.0 else 1.0
    expected = kept * mean + _without_chance(apart, spread) * around
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(draws), SAMPLES) - 1.0 / draws
    theta = np.sqrt(kept) * (weights @ means) + expected[rng.integers(draws, size=SAMPLES)]
    top = theta.max(axis=1, keepdims=True)
    first = theta >= top - 1e-9 * np.abs(apart).max(initial=0.0)
    return np.asarray((first / first.sum(axis=1, keepdims=True)).mean(axis=0))


def _without_chance(values: FloatArray, spread: FloatArray) -> float:
    """The factor by which the means of draws are drawn together, so that their variance is that of draws alone. (D, 2, C)

    Pooled over the cells: as many times the degrees of freedom of one cell as chance has independent directions among them
    (Satterthwaite).
    """
    draws, _, cells = values.shape
    chance = (values[:, 0] - values[:, 1]) / np.sqrt(2.0)
    total = float((chance**2).sum())
    if spread.mean() <= 0.0:
        return 0.0
    directions = total**2 / float(((chance @ chance.T) ** 2).sum()) if total > 0.0 else 1.0
    numbers = (2.0 * spread.mean(), total / (draws * cells), directions * (draws - 1.0), directions * draws, 2.0)
    believed = float(believed_variance(*(np.array([number]) for number in numbers))[0])
    return float(np.sqrt(min(believed / spread.mean(), 1.0)))


def cross_fitted(gains: FloatArray) -> float:
    """The gain of the cell that is chosen for its mean, where the draws that chose it do not judge it. (D, 2, C)

    The cell is chosen on nine tenths of the draws and seen in the last tenth, ten times over: what a choice like this is worth,
    without the luck of the chosen.
    """
    means = np.nanmean(gains, axis=1)
    fold = np.arange(len(means)) % min(FOLDS, len(means))
    if fold.max(initial=0) == 0:
        return np.nan
    seen = [means[fold == k][:, np.nanmean(means[fold != k], axis=0).argmax()] for k in range(fold.max() + 1)]
    return float(np.nanmean(np.concatenate(seen)))


# ---- tables ----------------------------------------------------------------------------------------------------------


class Found:
    """A grid's rows with what is worked out of them once: costs, paired effects and their statistics."""

    def __init__(self, grid: Grid, rows: FloatArray) -> None:
        """Read ``rows`` (R, C, columns), R even, as ``calibration.frontier.simulate`` gives them."""
        self.grid = grid
        self.a_year, self.of_municipality = yearly_costs(grid)
        self.values = rows.reshape(-1, 2, *rows.shape[1:])
        self.order = np.lexsort(
            (*np.array([(c.places, c.caseload, c.coordinators) for c in grid.cells]).T, self.a_year)
        )
        """cells from the cheapest on, those alike by fewer coordinators, smaller caseloads"""
        reach = {name: rows[:, :, grid.columns.index(name)].mean(axis=0) for name in REACH}
        posts = np.array([cell.coordinators * cell.caseload for cell in grid.cells], np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = np.where(posts > 0, reach["families_followed"] / posts, np.nan)
        self.reach = {**reach, "caseload_filled": filled}
        self.costs = self._net(rows)

    def outcome(self, name: str) -> FloatArray:
        """An outcome in every draw, replicate and cell. (D, 2, C)"""
        return self.values[..., self.grid.columns.index(name)]

    def gains(self, name: str) -> FloatArray:
        """Its differences from the reference, in the better direction. (D, 2, C)"""
        values = self.outcome(name)
        return np.asarray(BETTER[name] * (values - values[..., :1]))

    def effect(self, name: str, one: Any, other: Any = 0) -> dict[str, npt.NDArray[Any]]:
        """The statistics of ``analyse``, of cells against others."""
        values = self.outcome(name)
        a, b = np.broadcast_arrays(values[..., np.atleast_1d(one)], values[..., np.atleast_1d(other)])
        return analyse(a, b, np.full(a.shape[2], BETTER[name]))

    def _net(self, rows: FloatArray) -> dict[str, npt.NDArray[Any]]:
        paid = net_costs(self.grid, rows).reshape(*self.values.shape[:3], -1)
        found: dict[str, npt.NDArray[Any]] = {}
        for k, payer in enumerate(NET):
            told = analyse(
                paid[..., k], np.broadcast_to(paid[..., :1, k], paid.shape[:3]), np.full(paid.shape[2], -1.0)
            )
            found |= {
                payer: told["mean"],
                **{f"{payer}_{end}": told[end] for end in ("ci_low", "ci_high", "p05", "p95")},
            }
        return found

    def cells(self, which: Any) -> dict[str, npt.NDArray[Any]]:
        """Coordinators, caseload and places of cells."""
        chosen = [self.grid.cells[i] for i in np.atleast_1d(which)]
        return {name: np.array([getattr(cell, name) for cell in chosen]) for name in CELL}


def frontier_table(found: Found) -> pd.DataFrame:
    """A row for each outcome and cell (``frontier.csv``)."""
    every = np.arange(len(found.grid.cells))
    blocks = []
    for name in found.grid.outcomes:
        told = found.effect(name, every)
        gain = np.nan_to_num(BETTER[name] * told["mean"], nan=-np.inf)
        block = {
            "outcome": name,
            "unit": UNITS[name],
            **found.cells(every),
            "staffing_cost": over_horizon(found.grid, found.a_year),
            **{key: told[key] for key in (*EFFECT, "draws", "replicates")},
            "efficient": efficient(found.a_year, gain),
            "on_frontier": on_frontier(found.a_year, gain),
            "prob_best": _best_at_its_cost(found, name),
            "staffing_cost_a_year": found.a_year,
            "of_municipality_a_year": found.of_municipality,
            **found.reach,
            **found.costs,
        }
        blocks.append(pd.DataFrame(block))
    return pd.concat(blocks, ignore_index=True)[list(FRONTIER_COLUMNS)]


def _best_at_its_cost(found: Found, name: str) -> FloatArray:
    """The probability of each cell to be the best of those that cost no more than it does. (C,)"""
    gains = found.gains(name)
    chances = np.empty(len(found.a_year))
    for cost in np.unique(found.a_year):
        fits = np.flatnonzero(found.a_year <= cost)
        of_those = best_probability(gains[..., fits], found.grid.seed)
        here = found.a_year[fits] == cost
        chances[fits[here]] = of_those[here]
    return chances


def budget_tables(found: Found, budgets: Sequence[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The best staffing for each budget and outcome (``budgets.csv``), and every cell that may be it (``best.csv``)."""
    rows, cells = [], []
    for budget in budgets:
        fits = found.order[found.a_year[found.order] <= budget]
        for name in found.grid.outcomes:
            row, table = _within(found, name, fits)
            rows.append({"budget": budget, "outcome": name, "unit": UNITS[name], **row})
            cells.append(table.assign(budget=budget, outcome=name))
    best = pd.concat(cells, ignore_index=True)[list(BEST_COLUMNS)]
    return pd.DataFrame(rows, columns=list(BUDGET_COLUMNS)), best


def _within(found: Found, name: str, fits: IntArray) -> tuple[dict[str, Any], pd.DataFrame]:
    """The best of the cells that fit, from the cheapest on; and those that may be the best or cannot be told from it."""
    gains = found.gains(name)[..., fits]
    told = found.effect(name, fits)
    chances = best_probability(gains, found.grid.seed)
    mean = np.nan_to_num(BETTER[name] * told["mean"], nan=-np.inf)
    best = int(mean.argmax())
    behind = found.effect(name, fits[best], fits)
    alike = ~((behind["ci_low"] > 0.0) | (behind["ci_high"] < 0.0))
    least = np.flatnonzero(alike & (found.a_year[fits] == found.a_year[fits][alike].min()))
    cheapest = int(least[mean[least].argmax()])
    others = np.where(np.arange(len(fits)) == best, -1.0, np.nan_to_num(chances, nan=0.0))
    second = int(others.argmax()) if len(fits) > 1 else best
    row = {
        **_one(found, fits[best]),
        "staffing_cost_a_year": found.a_year[fits[best]],
        **{key: told[key][best] for key in EFFECT},
        "prob_best": chances[best],
        "cross_fitted": BETTER[name] * cross_fitted(gains),
        "says": _says({"outcome": name, **{key: value[best] for key, value in told.items()}}, len(fits)),
        **_one(found, fits[second], "runner_up_"),
        "runner_up_prob_best": chances[second],
        "as_good": int(alike.sum()),
        **_one(found, fits[cheapest], "cheapest_"),
        "cheapest_staffing_cost_a_year": found.a_year[fits[cheapest]],
        **{f"cheapest_{key}": told[key][cheapest] for key in INTERVAL},
    }
    told_of = {
        **found.cells(fits),
        "staffing_cost_a_year": found.a_year[fits],
        "prob_best": chances,
        "below_best": behind["mean"],
        "as_good": alike,
    }
    table = pd.DataFrame(told_of)
    return row, table[(table["prob_best"] > 0.0) | table["as_good"]]


def _says(row: dict[str, Any], cells: int) -> str:
    """``effect`` where the report would call it likely, ``on_average`` where only the mean is told from zero, ``cannot_tell``.

    The cell is the highest of so many, so that its mean must be told from zero when as many are looked at (Bonferroni).
    """
    half = 0.5 * (row["ci_high"] - row["ci_low"])
    wider = float(ndtri(0.025 / cells) / ndtri(0.025))
    if not abs(row["mean"]) > wider * half:
        return "cannot_tell"
    return "effect" if verdict(row) in ("likely", "almost_certain") else "on_average"


def _one(found: Found, cell: int, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{name}": value[0].item() for name, value in found.cells(cell).items()}


def marginal_table(found: Found) -> pd.DataFrame:
    """What one more coordinator changes, at every caseload and number of places (``marginal.csv``).

    Neighbouring numbers of coordinators of the grid, the same families and luck; where the grid skips some, a mean for each.
    ``families_followed`` is how many more are followed, ``caseload_filled`` the share of the places of all coordinators that are
    then taken.
    """
    place = {cell: i for i, cell in enumerate(found.grid.cells)}
    caseloads = sorted({cell.caseload for cell in place if cell.coordinators})
    steps: list[tuple[int, int, int]] = []  # below, above, coordinators between
    for k in caseloads:
        for f in sorted({cell.places for cell in place}):
            line = sorted(c for c in place if c.places == f and (c.caseload == k or c.coordinators == 0))
            steps += [(place[a], place[b], b.coordinators - a.coordinators) for a, b in pairwise(line)]
    if not steps:
        return pd.DataFrame(columns=list(MARGINAL_COLUMNS))
    below, above, more = (np.array(column) for column in zip(*steps, strict=True))
    blocks = []
    for name in found.grid.outcomes:
        told = found.effect(name, above, below)
        ends = found.cells(above)
        followed = found.reach["families_followed"]
        block = {
            "outcome": name,
            "unit": UNITS[name],
            "caseload": ends["caseload"],
            "places": ends["places"],
            "from_coordinators": found.cells(below)["coordinators"],
            "to_coordinators": ends["coordinators"],
            **{key: told[key] / more for key in INTERVAL},
            "prob_better": told["prob_better"],
            "families_followed": (followed[above] - followed[below]) / more,
            "caseload_filled": found.reach["caseload_filled"][above],
            "draws": told["draws"],
        }
        blocks.append(pd.DataFrame(block))
    return pd.concat(blocks, ignore_index=True)[list(MARGINAL_COLUMNS)]
