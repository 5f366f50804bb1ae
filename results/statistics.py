"""From the cube of values of a study (``simulation.outcomes.Runs``) to its tables. Pure functions, no files.

Two layers of uncertainty are kept apart. *Draws* are what we do not know: one set of parameters, shared by all arms
and by the replicates 2k and 2k+1. *Chance* is what nobody can know: the difference between replicates of one draw.
A one-way random-effects analysis of variance over draws separates them.

Everything is computed from replicates in the order (draw, replicate), whatever order they come in, and one block
(an arm or a contrast, and a population) at a time, so that memory stays small. R replicates, T months, K outcomes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from results.costs import Costs
from simulation.names import SERVICES
from simulation.outcomes import (
    FLOWS,
    LEAD_MONTHS,
    OUTCOME_NAMES,
    OUTCOMES,
    PAIRED_POPULATIONS,
    STUDY_POPULATIONS,
    Runs,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Columns = dict[str, Any]

HEADLINES: Final = ("employed_share", "disposable_income", "child_participation_share")
POPULATIONS: Final = (*STUDY_POPULATIONS, "followed")
"""Those of ``outcomes.csv``."""
COMPARED: Final = (*STUDY_POPULATIONS, *PAIRED_POPULATIONS)
"""Those of ``differences.csv``."""

OUTCOME_COLUMNS: Final = (
    *("arm", "population", "clock", "outcome", "unit", "month"),
    *("mean", "sd", "p05", "p50", "p95", "replicates"),
)
DIFFERENCE_COLUMNS: Final = (
    *("contrast", "population", "outcome", "unit", "month"),
    *("mean", "ci_low", "ci_high", "p05", "p50", "p95", "prob_better", "variance_ratio"),
    *("prob_better_realised", "draws", "replicates"),
)
VARIANCE_COLUMNS: Final = ("contrast", "population", "outcome", "month", "variance_draws", "variance_chance")
COST_COLUMNS: Final = ("payer", "item", "unit", "mean", "p05", "p95")
REACH_COLUMNS: Final = ("arm", "measure", "unit", "mean", "p05", "p95")
SERVICE_COLUMNS: Final = ("arm", "service", "measure", "unit", "mean", "p05", "p50", "p95")
BESIDE_COLUMNS: Final = (
    *("model", "contrast", "outcome", "unit"),
    *("mean", "ci_low", "ci_high", "p05", "p95", "prob_better", "replicates"),
)
DRIFT_COLUMNS: Final = ("outcome", "unit", "mean", "sd", "p05", "p50", "p95", "replicates")

_UNITS: Final = np.array([outcome.unit for outcome in OUTCOMES], dtype=object)
_BETTER: Final = np.array([float(outcome.better) for outcome in OUTCOMES])


# ---- one group of numbers -------------------------------------------------------------------------------------------


def percentile(ordered: FloatArray, count: IntArray, q: float) -> FloatArray:
    """Percentile of each row, linear between order statistics.

    Parameters
    ----------
    ordered : (cells, n) sorted along the last axis, NaN last
    count : (cells,) how many of each row are numbers
    q : 0..1

    Returns
    -------
    (cells,), NaN where ``count`` is 0.
    """
    position = q * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(ordered, below[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, above[:, None], axis=1)[:, 0]
    # Rounding must not carry the value past the upper neighbour: p05 <= p50 <= p95 holds exactly.
    return np.minimum(low + (high - low) * (position - below), high)


def describe(values: FloatArray) -> dict[str, npt.NDArray[Any]]:
    """Mean, standard deviation and percentiles over the first axis, ignoring NaN.

    Parameters
    ----------
    values : (R, cells)

    Returns
    -------
    ``mean, sd, p05, p50, p95`` (cells,) and ``replicates`` (cells,), the number of values. ``sd`` is NaN for one value.
    """
    cells = values.shape[1]
    if not values.shape[0]:
        empty = np.full(cells, np.nan)
        return dict.fromkeys(("mean", "sd", "p05", "p50", "p95"), empty) | {"replicates": np.zeros(cells, np.int64)}
    ordered = np.sort(values.T, axis=1)
    count = np.sum(~np.isnan(ordered), axis=1)
    last = np.take_along_axis(ordered, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        # Kept between the smallest and the largest, a constant has itself as its mean and a spread of exactly zero.
        mean = np.clip(np.nansum(ordered, axis=1) / count, ordered[:, 0], last)
        sd = np.sqrt(np.nansum((ordered - mean[:, None]) ** 2, axis=1) / (count - 1))
    points = {name: percentile(ordered, count, q) for name, q in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95))}
    sd[count < 2] = np.nan
    return {"mean": mean, "sd": sd, **points, "replicates": count}


def by_draw(values: FloatArray, draw: IntArray) -> FloatArray:
    """Replicates grouped by their draw.

    Parameters
    ----------
    values : (R, cells), sorted by draw
    draw : (R,) sorted

    Returns
    -------
    (draws, replicates of the largest draw, cells), filled up with NaN where a draw has fewer replicates.
    """
    _, first, group, sizes = np.unique(draw, return_index=True, return_inverse=True, return_counts=True)
    largest = int(sizes.max(initial=1))
    if np.all(sizes == largest):
        return values.reshape(sizes.size, largest, -1)
    filled = np.full((sizes.size, largest, values.shape[1]), np.nan)
    filled[group, np.arange(draw.size) - first[group]] = values
    return filled


def analyse(a: FloatArray, b: FloatArray, better: FloatArray) -> dict[str, npt.NDArray[Any]]:
    """Everything that is reported of the paired difference ``a - b``, for each cell.

    Parameters
    ----------
    a, b : (draws, replicates of a draw, cells); NaN where a group was empty or a replicate is lacking
    better : (cells,) +1, -1 or 0

    Returns
    -------
    The statistics of ``DIFFERENCE_COLUMNS`` and ``VARIANCE_COLUMNS``, each (cells,).

    Notes
    -----
    Draws count with the replicates that have a value in the cell. With one draw there is no interval of the mean; with
    one replicate in every draw chance cannot be told from draws, the variances are NaN and the percentiles hold both.
    """
    return _analysed(a, b, better)[0]


def expected_differences(a: FloatArray, b: FloatArray) -> FloatArray:
    """The paired difference that each draw is expected to give, chance taken out: what ``analyse`` has percentiles of.

    Parameters
    ----------
    a, b : (draws, replicates of a draw, cells)

    Returns
    -------
    (draws, cells); NaN where a draw has no value.
    """
    return _analysed(a, b, np.zeros(a.shape[2]))[1]


def _analysed(a: FloatArray, b: FloatArray, better: FloatArray) -> tuple[dict[str, npt.NDArray[Any]], FloatArray]:
    difference = a - b
    valid = ~np.isnan(difference)
    size = valid.sum(axis=1)  # (draws, cells)
    total = size.sum(axis=0)
    draws = np.sum(size > 0, axis=0)

    means = _draw_means(difference, size, valid)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(size * means, axis=0) / total
        mean = np.clip(mean, np.fmin.reduce(means, axis=0), np.fmax.reduce(means, axis=0))
        apart = means - mean  # (draws, cells), NaN where a draw has no value
        # The mean with draws as clusters: its variance is the sum of squared cluster sums of residuals.
        error = np.sqrt(draws / (draws - 1.0) * np.nansum((size * apart) ** 2, axis=0)) / total
        half = stdtrit(np.maximum(draws - 1.0, 1.0), 0.975) * error

        within = _squares_within(difference, means, valid)
        chance = within / (total - draws)
        between = np.nansum(size * apart**2, axis=0) / (draws - 1)
        per_draw = (total - np.sum(size.astype(np.float64) ** 2, axis=0) / total) / (draws - 1)
        of_draws = np.maximum((between - chance) / per_draw, 0.0)

        spread = np.nansum((means - np.nansum(means, axis=0) / draws) ** 2, axis=0) / (draws - 1)
        believed = believed_variance(between, chance, draws - 1.0, (total - draws).astype(np.float64), per_draw)
        shrink = np.sqrt(believed / spread)
    inseparable = (total == draws) & (total > 0)
    shrink = np.where(inseparable, 1.0, np.where(spread > 0, np.minimum(shrink, 1.0), 0.0))
    expected = mean + shrink * apart  # what each draw is expected to give, chance taken out
    # Where the arms were alike in every replicate of a draw nothing was seen, and nothing is expected: else a heap of such
    # draws would all be counted on the side of the mean.
    expected = np.where(means == 0.0, 0.0, expected)

    zero = np.all((difference == 0) | ~valid, axis=(0, 1)) & (total > 0)
    one = (draws == 1) & ~zero
    ordered = np.sort(expected.T, axis=1)
    squares = sum(_squares_within(side, _draw_means(side, size, valid), valid) for side in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(squares > 0, within / squares, np.nan)
    found = {
        "mean": mean,
        "ci_low": np.where(zero, 0.0, np.where(one, np.nan, mean - half)),
        "ci_high": np.where(zero, 0.0, np.where(one, np.nan, mean + half)),
        **{name: percentile(ordered, draws, q) for name, q in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95))},
        "prob_better": _favourable(expected, better),
        "variance_ratio": ratio,
        "prob_better_realised": _favourable(difference.reshape(-1, better.size), better),
        "draws": draws,
        "replicates": total,
        "variance_draws": np.where(zero, 0.0, np.where(one, np.nan, of_draws)),
        "variance_chance": np.where(zero, 0.0, chance),
    }
    return found, np.asarray(expected)


def believed_variance(
    between: FloatArray, chance: FloatArray, df_between: FloatArray, df_chance: FloatArray, per_draw: FloatArray
) -> FloatArray:
    """What the variance between draws is believed to be, given two mean squares; shape (cells,).

    The moment estimate is zero whenever the mean squares are about equal, and to report no spread then would be to take
    "not seen" for "not there". This is the mean of the variance under a flat prior on it from zero up: with
    L = 1 + per_draw x variance / chance, between / (chance x L) has an F distribution, so that E[L] is a ratio of two
    incomplete beta functions. It comes near the moment estimate when that is precise. Where it does not exist (six
    draws or fewer) all of the spread of the draws' means is kept, chance and all.
    """
    from scipy.special import betainc, betaln

    a, b = df_between / 2.0, df_chance / 2.0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = between / chance
        scale = df_between / df_chance
        z = scale * ratio / (1.0 + scale * ratio)
        upper, lower = betainc(a - 2.0, b + 2.0, z), betainc(a - 1.0, b + 1.0, z)
        expected = scale * ratio * np.exp(betaln(a - 2.0, b + 2.0) - betaln(a - 1.0, b + 1.0)) * upper / lower
        # Far below what chance alone gives, both integrals vanish; their ratio tends to this.
        expected = np.where(lower > 0.0, expected, (1.0 + scale * ratio) * (a - 1.0) / (a - 2.0))
        variance = chance * (expected - 1.0) / per_draw
        without_chance = between / per_draw
    variance = np.where(chance > 0.0, np.maximum(variance, 0.0), without_chance)
    return np.asarray(np.where((df_between > 5.0) & (df_chance > 0.0), variance, np.inf))


def _draw_means(values: FloatArray, size: IntArray, valid: npt.NDArray[np.bool_]) -> FloatArray:
    """Mean of each draw (draws, cells), NaN where it has no valid value; equal values give exactly that value."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.sum(values, axis=1, where=valid) / size
    least = np.min(values, axis=1, where=valid, initial=np.inf)
    return np.asarray(np.clip(means, least, np.max(values, axis=1, where=valid, initial=-np.inf)))


def _squares_within(values: FloatArray, means: FloatArray, valid: npt.NDArray[np.bool_]) -> FloatArray:
    """Sum of squares of the valid values around the means of the draws, shape (cells,)."""
    return np.asarray(np.sum((values - means[:, None]) ** 2, axis=(0, 1), where=valid))


def _favourable(values: FloatArray, better: FloatArray) -> FloatArray:
    """Share of the values (n, cells) in the better direction, ties half; NaN where neither direction is better."""
    count = np.sum(~np.isnan(values), axis=0)
    ahead = np.sum(values * better > 0, axis=0) + 0.5 * np.sum(values == 0, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(better != 0, ahead / count, np.nan))


# ---- tables ---------------------------------------------------------------------------------------------------------


def outcomes_table(
    runs: Runs,
    outcomes: Sequence[str] = OUTCOME_NAMES,
    populations: Sequence[str] = POPULATIONS,
    *,
    last: bool = False,
) -> pd.DataFrame:
    """Outcomes of every arm over time: one row an arm, population, clock, outcome and month (``outcomes.csv``).

    All of them; or some outcomes and populations, or the ``last`` month of each, and then the rows of the whole table.
    """
    order, columns = _order(runs), _places(outcomes)
    groups: list[tuple[Columns, IntArray, FloatArray]] = []
    for a, arm in enumerate(runs.arms):
        for p, population in enumerate(STUDY_POPULATIONS):
            head = {"arm": arm, "population": population, "clock": "study"}
            groups.append((head, runs.months(), runs.study[:, a, p]))
        head = {"arm": arm, "population": "followed", "clock": "family"}
        groups.append((head, np.arange(runs.horizon + 1), runs.followed[:, a]))
    groups = [
        (head, months[-1:], values[:, -1:]) if last else (head, months, values)
        for head, months, values in groups
        if head["population"] in populations
    ]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        described = list(pool.map(lambda group: describe(_cells(group[2][..., columns], order)), groups))
    parts = zip(groups, described, strict=True)
    return _table([_rows(head, outcomes, months, numbers) for (head, months, _), numbers in parts], OUTCOME_COLUMNS)


def difference_tables(runs: Runs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The paired differences and their variances: :func:`differences_table` and :func:`variance_table` at one cost."""
    blocks = _contrasts(runs)
    return _table(blocks, DIFFERENCE_COLUMNS), _table(blocks, VARIANCE_COLUMNS)


def differences_table(
    runs: Runs, outcomes: Sequence[str] = OUTCOME_NAMES, populations: Sequence[str] = COMPARED
) -> pd.DataFrame:
    """Paired differences of every contrast, one row a population, outcome and month 0..H (``differences.csv``).

    All of them; or of some outcomes and populations, and then the rows that they have in the whole table.

    ``pool`` and ``eligible`` are the same families in both arms. Those with a coordinator are never compared between
    arms, since arms follow different families; ``followed_in_both`` and ``followed_in_one`` compare the two lives of
    the same families.
    """
    return _table(_contrasts(runs, outcomes, populations), DIFFERENCE_COLUMNS)


def variance_table(runs: Runs) -> pd.DataFrame:
    """The variance of each difference between draws and by chance (``variance.csv``)."""
    return difference_tables(runs)[1]


def beside_table(models: Mapping[str, Runs]) -> pd.DataFrame:
    """The headline differences of several models among the eligible at the horizon (``beside.csv``), in their order."""
    places = [OUTCOME_NAMES.index(outcome) for outcome in HEADLINES]
    population = STUDY_POPULATIONS.index("eligible")
    blocks = []
    for model, runs in models.items():
        order = _order(runs)
        for name, *arms in runs.contrasts if order.size else ():
            sides = (runs.study[order, runs.arms.index(arm), population, -1][:, places] for arm in arms)
            one, other = (by_draw(side, runs.draw[order]) for side in sides)
            head = {"model": model, "contrast": name, "outcome": np.array(HEADLINES, object), "unit": _UNITS[places]}
            blocks.append(_drop_empty(head | analyse(one, other, _BETTER[places])))
    return _table(blocks, BESIDE_COLUMNS)


def replicates_table(runs: Runs) -> pd.DataFrame:
    """One row an arm, population and replicate at the horizon, outcomes as columns (``replicates.parquet``)."""
    order = _order(runs)
    frames = []
    for a, arm in enumerate(runs.arms):
        states = [(population, "study", runs.study[:, a, p, -1]) for p, population in enumerate(STUDY_POPULATIONS)]
        # The first admissions are in month 1, so that a family's own clock runs to one month less than the study's.
        states.append(("followed", "family", runs.followed[:, a, -2]))
        for population, clock, values in states:
            head = {
                "arm": arm,
                "population": population,
                "clock": clock,
                "month": runs.horizon - (clock == "family"),
                "replicate": runs.replicate[order],
                "draw": runs.draw[order],
                "families_ever_followed": runs.followed_families[:, a][order],
            }
            frame = pd.DataFrame(head | dict(zip(OUTCOME_NAMES, _positive_zero(values[order]).T, strict=True)))
            frames.append(frame[frame[list(OUTCOME_NAMES)].notna().any(axis=1)])
    return pd.concat(frames, ignore_index=True)


def costs_table(runs: Runs, costs: Costs) -> pd.DataFrame:
    """What each arm costs each payer over the horizon, for the whole pool (``costs.csv``).

    A cost is positive and an income of the payer negative, so that the family's total is less its disposable income.
    ``society`` is the sum of the three payers, in which transfers cancel, and the marginal cost of public funds.
    """
    values = _costs(runs, costs)
    blocks = [{"arm": arm} | _cost_rows(values[:, a], costs) for a, arm in enumerate(runs.arms)]
    return _table(blocks, ("arm", *COST_COLUMNS))


def cost_differences_table(runs: Runs, costs: Costs) -> pd.DataFrame:
    """The paired difference in costs of every contrast; ``p05..p95`` over replicates (``cost_differences.csv``)."""
    values = _costs(runs, costs)
    sides = [(name, runs.arms.index(arm), runs.arms.index(against)) for name, arm, against in runs.contrasts]
    blocks = [{"contrast": name} | _cost_rows(values[:, a] - values[:, b], costs) for name, a, b in sides]
    return _table(blocks, ("contrast", *COST_COLUMNS))


def reach_table(runs: Runs) -> pd.DataFrame:
    """Reach and intensity of each arm: how many families were followed, how closely, by how many (``reach.csv``)."""
    order = _order(runs)
    totals = np.sum(runs.flows, axis=2)  # (R, A, flows)
    flow = {name: totals[:, :, f] for f, name in enumerate(FLOWS)}
    months = max(runs.horizon, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        hours = np.where(flow["families_followed"] > 0, flow["contact_hours"] / flow["families_followed"], np.nan)
    measures: list[tuple[str, str, FloatArray]] = [
        ("families_ever_followed", "families", runs.followed_families),
        ("families_followed", "families, mean of the months", flow["families_followed"] / months),
        ("contact_hours_per_family", "hours a month per followed family", hours),
        ("contact_hours", "hours a month, mean of the months", flow["contact_hours"] / months),
        ("positions_filled", "positions, mean of the months", flow["coordinator_positions"] / months),
        ("positions_vacant", "positions, mean of the months", flow["coordinator_vacant"] / months),
    ]
    blocks = []
    for a, arm in enumerate(runs.arms):
        numbers = describe(np.stack([values[order, a] for _, _, values in measures], axis=1))
        names: Columns = {"measure": [m[0] for m in measures], "unit": [m[1] for m in measures]}
        blocks.append(_drop_empty({"arm": arm} | names | numbers))
    return _table(blocks, REACH_COLUMNS)


def services_table(runs: Runs) -> pd.DataFrame:
    """What each service is asked for and can give, over the months with coordinators (``services.csv``).

    The offered load is requests a month x the mean stay / places: the places that would be taken if nobody gave up. The mean
    stay is place-months over starts, so the load is use x requests / starts. At 1 or more a queue cannot be stable: it grows, or
    is held down by those who give up. Requests count those who ask again.
    """
    order = _order(runs)
    with np.errstate(invalid="ignore", divide="ignore"):
        blocks = [
            {"arm": arm, "service": name} | _service_rows(runs, order, a, name)
            for a, arm in enumerate(runs.arms)
            for name in SERVICES
        ]
    return _table(blocks, SERVICE_COLUMNS)


def _service_rows(runs: Runs, order: IntArray, a: int, name: str) -> Columns:
    """The measures of one service in one arm: ``use`` is empty in months without places, which the load leaves out."""
    months = runs.study[:, a, 0, -runs.horizon :, OUTCOME_NAMES.index(f"use_{name}")][order]
    counted = np.isfinite(months)
    use = np.where(counted.any(axis=1), np.where(counted, months, 0.0).sum(axis=1) / counted.sum(axis=1), np.nan)
    requests, starts = (runs.flows[:, a, :, FLOWS.index(f"{flow}_{name}")][order] for flow in ("requests", "starts"))
    asked, begun = (np.where(counted, flow, 0.0).sum(axis=1) for flow in (requests, starts))
    load = np.where(begun > 0.0, use * asked / begun, np.nan)
    # Asked for, and not one place came free: as overloaded as can be, though there is no number for it.
    overloaded = np.where(begun > 0.0, load >= 1.0, np.where(counted.any(axis=1) & (asked > 0.0), 1.0, np.nan))
    measures: list[tuple[str, str, FloatArray]] = [
        ("offered_load", "share of places", load),
        ("overloaded", "share of replicates", overloaded),
        ("use", "share of places", use),
        ("requests", "a month", requests.mean(axis=1)),
        ("starts", "a month", starts.mean(axis=1)),
    ]
    names: Columns = {"measure": [m[0] for m in measures], "unit": [m[1] for m in measures]}
    return _drop_empty(names | describe(np.stack([values for _, _, values in measures], axis=1)))


def drift_table(runs: Runs) -> pd.DataFrame:
    """Change per year in the pool without any arm, over the last two years of the burn-in (``drift.csv``)."""
    if not runs.drift.size:
        return pd.DataFrame(columns=list(DRIFT_COLUMNS))
    names: Columns = {"outcome": np.array(OUTCOME_NAMES, dtype=object), "unit": _UNITS}
    return _table([_drop_empty(names | describe(runs.drift[_order(runs)]))], DRIFT_COLUMNS)


# ---- how the tables are put together --------------------------------------------------------------------------------


def _order(runs: Runs) -> IntArray:
    """Replicates by draw, then number: the order of everything that is summed."""
    return np.lexsort((runs.replicate, runs.draw))


def _cells(values: FloatArray, order: IntArray) -> FloatArray:
    """(R, T, K) as (R, K * T) in the order of the rows of a table: outcome, then month."""
    replicates, months, outcomes = values.shape
    return np.ascontiguousarray(values[order].swapaxes(1, 2)).reshape(replicates, outcomes * months)


def _contrasts(
    runs: Runs, outcomes: Sequence[str] = OUTCOME_NAMES, populations: Sequence[str] = COMPARED
) -> list[Columns]:
    """The columns of every contrast and population, worked out side by side: NumPy lets other threads run."""
    order, columns = _order(runs), _places(outcomes)
    draw = runs.draw[order]
    months = np.arange(runs.horizon + 1)
    better = np.repeat(_BETTER[columns], months.size)

    def block(name: str, population: str, left: FloatArray, right: FloatArray) -> Columns:
        one, other = (by_draw(_cells(side[..., columns], order), draw) for side in (left, right))
        return _rows({"contrast": name, "population": population}, outcomes, months, analyse(one, other, better))

    sides: list[tuple[str, str, FloatArray, FloatArray]] = []
    for c, (name, arm, against) in enumerate(runs.contrasts):
        a, b = runs.arms.index(arm), runs.arms.index(against)
        for p, population in enumerate(STUDY_POPULATIONS):
            sides.append((name, population, runs.study[:, a, p, LEAD_MONTHS:], runs.study[:, b, p, LEAD_MONTHS:]))
        for p, population in enumerate(PAIRED_POPULATIONS):
            sides.append((name, population, runs.paired[:, c, p, 0], runs.paired[:, c, p, 1]))
    sides = [side for side in sides if side[1] in populations]
    if not order.size:
        return []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda side: block(*side), sides))


def _places(outcomes: Sequence[str]) -> slice | list[int]:
    """Where outcomes stand on the last axis of what was run; all of them without a copy."""
    return slice(None) if outcomes == OUTCOME_NAMES else [OUTCOME_NAMES.index(name) for name in outcomes]


def _rows(head: Columns, outcomes: Sequence[str], months: IntArray, numbers: Columns) -> Columns:
    """The columns of one block with its outcomes, units and months, without the rows that are empty throughout."""
    names = {
        "outcome": np.repeat(np.array(outcomes, dtype=object), months.size),
        "unit": np.repeat(_UNITS[_places(outcomes)], months.size),
        "month": np.tile(months, len(outcomes)),
    }
    return _drop_empty(head | names | numbers)


def _drop_empty(columns: Columns) -> Columns:
    keep = columns["replicates"] > 0
    return {name: value if isinstance(value, str) else np.asarray(value)[keep] for name, value in columns.items()}


def _table(blocks: list[Columns], columns: tuple[str, ...]) -> pd.DataFrame:
    """Blocks one below the other, with the columns of the contract in their order."""
    sizes = [len(block[columns[-1]]) for block in blocks]  # that is a column, never one word
    filled = [(block, rows) for block, rows in zip(blocks, sizes, strict=True) if rows]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.DataFrame({name: _column([(block[name], rows) for block, rows in filled]) for name in columns})


def _column(parts: list[tuple[Any, int]]) -> npt.NDArray[Any]:
    """Parts one below the other, each so long or one word that stands in so many rows; -0.0 becomes 0.0."""
    whole = np.concatenate([np.full(rows, part, object) if isinstance(part, str) else part for part, rows in parts])
    return _positive_zero(whole) if whole.dtype == np.float64 else whole


def _positive_zero(values: FloatArray) -> FloatArray:
    """-0.0 becomes 0.0."""
    return values + 0.0


def _costs(runs: Runs, costs: Costs) -> FloatArray:
    """(R, A, 2 plain and discounted, items) in NOK over the horizon, replicates in order."""
    flows = np.abs(runs.flows)  # sizes: whether a flow of tax is kept with a minus sign is not our affair
    weights = np.stack([np.ones(runs.horizon), costs.discount_factors(runs.horizon)])
    sums = np.einsum("ramf,dm->radf", flows, weights)
    return np.asarray(sums[_order(runs)] @ costs.matrix())


def _cost_rows(values: FloatArray, costs: Costs) -> Columns:
    """(R, 2, items) as the rows of a table, undiscounted first."""
    items = costs.items()
    names: Columns = {
        "payer": [item.payer for item in items] * 2,
        "item": [item.name for item in items] * 2,
        "unit": ["NOK"] * len(items) + ["NOK, discounted"] * len(items),
    }
    return _drop_empty(names | describe(values.reshape(values.shape[0], 2 * len(items))))
