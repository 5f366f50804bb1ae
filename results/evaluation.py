"""The economic evaluation of a study: from its flows and unit costs to the tables of ``docs/economic-evaluation.md``.

Pure functions. Every contrast is told by itself: its costs are divided by its own effects, and no cost is added to that of
another. Costs and gains are of the whole pool, discounted month by month to month 0; outcomes are of the eligible at the horizon.
What we do not know is told over draws with chance taken out, as in ``results.statistics.analyse``. R replicates, A arms,
H months, D draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.costs import BENEFIT_FLOWS, FOLLOW_UP, MONTHS_A_YEAR, PAYERS, Costs
from results.statistics import (
    HEADLINES,
    FloatArray,
    IntArray,
    _drop_empty,
    _order,
    _table,
    analyse,
    by_draw,
    describe,
    expected_differences,
)
from simulation.outcomes import FLOWS, GROUPS, OUTCOME_NAMES, OUTCOMES, Runs

IN_ALL: Final = "coordinators_in_all"
COSTS: Final = (*PAYERS, IN_ALL)
"""The total of each payer, and what following families up costs the municipality in all (``results.costs.FOLLOW_UP``)."""
GAINS: Final[dict[str, tuple[str, str, float]]] = {  # name: unit, flow, gain for a unit of the flow in a month
    "parent_years_in_work": ("parent-years", "parents_in_work", 1.0 / MONTHS_A_YEAR),
    "child_years_taking_part": ("child-years", "children_taking_part", 1.0 / MONTHS_A_YEAR),
    "child_years_out_of_low_income": ("child-years", "children_in_low_income", -1.0 / MONTHS_A_YEAR),
    "family_years_without_assistance": ("family-years", "families_on_assistance", -1.0 / MONTHS_A_YEAR),
    "family_months_followed": ("family-months", "families_followed", 1.0),
}
DONE: Final = "family_months_followed"  # what is done, not what is won by it: neither better nor worse
RATIOS: Final = {  # name: the gain it divides by, and its unit
    "per_family_month_followed": (DONE, "NOK a family-month"),
    "per_parent_year_in_work": ("parent_years_in_work", "NOK a parent-year"),
    "per_child_year_taking_part": ("child_years_taking_part", "NOK a child-year"),
    "per_child_year_out_of_low_income": ("child_years_out_of_low_income", "NOK a child-year"),
}
RATIO_COSTS: Final = (IN_ALL, "municipality", "state", "society")
JUDGES: Final = ("municipality", "state", "society")  # whose account may pay for a gain, or pay for itself
THRESHOLDS: Final = {  # NOK a unit up to which acceptability is told, in 20 steps; wide enough for what coordinators cost
    "parent_years_in_work": 2_000_000.0,
    "child_years_taking_part": 1_000_000.0,
    "child_years_out_of_low_income": 1_000_000.0,
    "family_years_without_assistance": 1_000_000.0,
}
STEPS: Final = 20
MOST_DRAWS: Final = 1000  # in the plane
OUTCOMES_TOLD: Final = (
    *HEADLINES,
    *("children_in_low_income_share", "social_assistance_share", "adequate_housing_share"),
)

INTERVALS: Final = ("mean", "ci_low", "ci_high", "p05", "p95", "prob_better")
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "consequences": ("contrast", "kind", "name", "unit", *INTERVALS, "draws", "replicates"),
    "ratios": ("contrast", "payer", "ratio", "unit", "cost", "effect", "value", "low", "high", "says", "direction"),
    "acceptability": ("contrast", "payer", "gain", "threshold", "probability"),
    "plane": ("contrast", "payer", "gain", "draw", "cost", "effect"),
    "pays": (
        *("contrast", "payer", "horizon_months", "saving", "ci_low", "ci_high", "p05", "p95"),
        *("probability", "break_even_months", "says"),
    ),
    "distribution": ("contrast", "group", "member", "outcome", "unit", *INTERVALS, "families", "draws", "replicates"),
    "shifts": ("contrast", "from_payer", "to_payer", "name", "unit", "mean", "p05", "p95"),
}

Told = dict[str, npt.NDArray[Any]]
_BETTER: Final = {outcome.name: float(outcome.better) for outcome in OUTCOMES}
_UNITS: Final = {outcome.name: outcome.unit for outcome in OUTCOMES}


def evaluate(runs: Runs, costs: Costs, names: Sequence[str] = tuple(COLUMNS)) -> dict[str, pd.DataFrame]:
    """Tables of the evaluation, by the keys of ``COLUMNS``: all, or those named; empty where the study has no contrast."""
    blocks: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    if runs.replicate.size:
        order = _order(runs)
        draw = runs.draw[order]
        monthly = monthly_amounts(runs, costs)[order] * costs.discount_factors(runs.horizon)[:, None]
        for name, arm, against in runs.contrasts:
            pair = runs.arms.index(arm), runs.arms.index(against)
            make = _of_contrast(runs, costs, monthly, order, draw, pair)
            for table in names:
                made = make[table]()
                blocks[table] += [{"contrast": np.full(len(next(iter(made.values()))), name, object), **made}]
    return {name: _table(blocks[name], COLUMNS[name]) for name in names}


def _of_contrast(
    runs: Runs, costs: Costs, monthly: FloatArray, order: IntArray, draw: IntArray, pair: tuple[int, int]
) -> dict[str, Callable[[], dict[str, Any]]]:
    """How to make the columns of every table for one contrast, arms by their numbers."""
    sides = [by_draw(monthly[:, a].sum(axis=1), draw) for a in pair]
    told = analyse(sides[0], sides[1], _amounts_better())
    expected = expected_differences(sides[0], sides[1])
    return {
        "consequences": lambda: _consequences(runs, told, order, draw, pair),
        "ratios": lambda: _ratios(told, expected),
        "acceptability": lambda: _acceptability(sides[0], sides[1]),
        "plane": lambda: _plane(expected, np.unique(draw)),
        "pays": lambda: _pays(monthly, draw, pair),
        "distribution": lambda: _distribution(runs, order, draw, pair),
        "shifts": lambda: _shifts(runs, costs, order, draw, pair),
    }


# ---- amounts ---------------------------------------------------------------------------------------------------------


AMOUNTS: Final = (*COSTS, *GAINS)


def monthly_amounts(runs: Runs, costs: Costs) -> FloatArray:
    """``AMOUNTS`` of each arm and month, not discounted: costs in NOK, gains in their units. (R, A, H, len(AMOUNTS))"""
    items = costs.items()
    matrix = costs.matrix()
    weights = np.zeros((len(FLOWS), len(AMOUNTS)))
    for i, item in enumerate(items):
        if item.name == "total":
            weights[:, AMOUNTS.index(item.payer)] += matrix[:, i]
        elif item.payer == "municipality" and item.name in FOLLOW_UP:
            weights[:, AMOUNTS.index(IN_ALL)] += matrix[:, i]
    for name, (_, flow, gain) in GAINS.items():
        weights[FLOWS.index(flow), AMOUNTS.index(name)] = gain
    # Sizes, an arm at a time: whether a flow of tax is kept with a minus sign is not our affair.
    return np.stack([np.abs(runs.flows[:, a]) @ weights for a in range(len(runs.arms))], axis=1)


def _amounts_better() -> FloatArray:
    """Lower costs are better, and more of every gain but for what is only done."""
    return np.array([-1.0] * len(COSTS) + [0.0 if name == DONE else 1.0 for name in GAINS])


# ---- the cost-consequence table --------------------------------------------------------------------------------------


def _consequences(runs: Runs, told: Told, order: IntArray, draw: IntArray, pair: tuple[int, int]) -> dict[str, Any]:
    """Costs, gains and outcomes, a row each."""
    columns = [OUTCOME_NAMES.index(name) for name in OUTCOMES_TOLD]
    ends = [by_draw(runs.study[order, a, 1, -1][:, columns], draw) for a in pair]
    outcomes = analyse(ends[0], ends[1], np.array([_BETTER[name] for name in OUTCOMES_TOLD]))
    found = {name: np.concatenate([told[name], outcomes[name]]) for name in (*INTERVALS, "draws", "replicates")}
    kinds = ["cost"] * len(COSTS) + ["gain"] * len(GAINS) + ["outcome"] * len(OUTCOMES_TOLD)
    units = ["NOK, discounted"] * len(COSTS) + [f"{unit}, discounted" for unit, _, _ in GAINS.values()]
    units += [_UNITS[name] for name in OUTCOMES_TOLD]
    return _drop_empty({"kind": kinds, "name": [*AMOUNTS, *OUTCOMES_TOLD], "unit": units, **found})


# ---- ratios ----------------------------------------------------------------------------------------------------------


def _ratios(told: Told, expected: FloatArray) -> dict[str, Any]:
    """Cost for a unit of a gain, where the gain is told from zero."""
    rows = []
    for payer in RATIO_COSTS:
        for name, (gain, unit) in RATIOS.items():
            c, e = AMOUNTS.index(payer), AMOUNTS.index(gain)
            cost, effect = float(told["mean"][c]), float(told["mean"][e])
            says, direction = _says(told, c, e)
            value, low, high = (np.nan,) * 3
            if says in ("ratio", "cost_holds_zero"):
                value = cost / effect
                low, high = ratio_over_draws(expected[:, c], expected[:, e], np.sign(effect))
            rows.append((payer, name, unit, cost, effect, value, low, high, says, direction))
    names = COLUMNS["ratios"][1:]
    return {name: _column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _says(told: Told, cost: int, effect: int) -> tuple[str, str]:
    """Whether there is a ratio, and which way: more for more money, or less for less.

    What is only done is neither better nor worse when there is more of it, and so dominates nothing.
    """
    way, dear = (sign_told(told, cell) for cell in (effect, cost))
    done = AMOUNTS[effect] == DONE
    if way == 0:
        return "effect_holds_zero", ""
    if way > 0 > dear:
        return ("cheaper_and_more" if done else "dominates"), ""
    if way < 0 < dear:
        return ("dearer_and_fewer" if done else "dominated"), ""
    return "ratio" if dear else "cost_holds_zero", "more_for_more" if way > 0 else "less_for_less"


def sign_told(told: Told, cell: int) -> int:
    """1 or -1 where a mean is told from zero, by its Monte Carlo interval and by 5-95 % over draws; else 0."""
    low = min(told["ci_low"][cell], told["p05"][cell])
    high = max(told["ci_high"][cell], told["p95"][cell])
    if np.isnan(told["ci_low"][cell]) or low <= 0.0 <= high:  # one draw has no interval
        return 0
    return 1 if low > 0.0 else -1


def ratio_over_draws(cost: FloatArray, effect: FloatArray, sign: float) -> tuple[float, float]:
    """The 5 and 95 % quantiles over draws of cost for a unit of effect; NaN where it has no bound.

    Parameters
    ----------
    cost, effect : (D,) expected differences
    sign : of the mean effect; with -1 it is what is saved for each unit lost

    A draw that costs more and gains nothing has a ratio beyond all bounds. One that costs less and gains nothing has none.
    """
    cost, effect = sign * cost, sign * effect
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(effect > 0.0, cost / effect, np.where(cost > 0.0, np.inf, np.nan))
    ratio = ratio[~np.isnan(ratio)]
    if not ratio.size:
        return np.nan, np.nan
    low, high = np.quantile(ratio, [0.05, 0.95], method="inverted_cdf")
    return float(low) if np.isfinite(low) else np.nan, float(high) if np.isfinite(high) else np.nan


def _column(values: Any) -> npt.NDArray[Any]:
    return np.array(values, dtype=object if isinstance(values[0], str) else np.float64)


# ---- net benefit -----------------------------------------------------------------------------------------------------


def _acceptability(one: FloatArray, other: FloatArray) -> dict[str, Any]:
    """The probability that the expected net benefit, threshold x gain - cost, is above zero.

    Net benefits are analysed for each threshold by themselves, since the luck of a replicate moves cost and gain together.
    """
    payers = np.repeat(np.array(JUDGES, object), len(THRESHOLDS) * (STEPS + 1))
    gains = np.tile(np.repeat(np.array(list(THRESHOLDS), object), STEPS + 1), len(JUDGES))
    grid = np.tile(np.concatenate([np.linspace(0.0, most, STEPS + 1) for most in THRESHOLDS.values()]), len(JUDGES))
    cost = [AMOUNTS.index(name) for name in payers]
    gain = [AMOUNTS.index(name) for name in gains]
    net = [grid * side[..., gain] - side[..., cost] for side in (one, other)]
    probability = analyse(net[0], net[1], np.ones(grid.size))["prob_better"]
    return {"payer": payers, "gain": gains, "threshold": grid, "probability": probability}


def _plane(expected: FloatArray, draws: IntArray) -> dict[str, Any]:
    """Expected cost and gain of each draw: of the first so many, where there are more."""
    expected, draws = expected[:MOST_DRAWS], draws[:MOST_DRAWS]
    pairs = [(payer, gain) for payer in JUDGES for gain in THRESHOLDS]
    n = len(draws)
    return {
        "payer": np.repeat(np.array([payer for payer, _ in pairs], object), n),
        "gain": np.repeat(np.array([gain for _, gain in pairs], object), n),
        "draw": np.tile(draws, len(pairs)),
        "cost": np.concatenate([expected[:, AMOUNTS.index(payer)] for payer, _ in pairs]),
        "effect": np.concatenate([expected[:, AMOUNTS.index(gain)] for _, gain in pairs]),
    }


# ---- does it pay for itself ------------------------------------------------------------------------------------------


def _pays(monthly: FloatArray, draw: IntArray, pair: tuple[int, int]) -> dict[str, Any]:
    """What each account has saved by the end of every year, and of the horizon."""
    columns = [AMOUNTS.index(payer) for payer in JUDGES]
    saved = [-np.cumsum(monthly[:, a][..., columns], axis=1) for a in pair]  # (R, H, payers)
    horizon = monthly.shape[2]
    ends = np.array([*range(12, horizon, 12), *([horizon] if horizon else [])], np.int64)
    sides = [by_draw(side[:, ends - 1].reshape(len(side), -1), draw) for side in saved]
    cells = ends.size * len(JUDGES)
    told = analyse(sides[0], sides[1], np.ones(cells))
    course = (saved[0] - saved[1]).mean(axis=0)  # (H, payers)
    says = np.array([_pays_says(told, cell) for cell in range(cells)], object)
    even = [
        break_even(course[:end, p]) if says[i * len(JUDGES) + p] == "saves" else np.nan
        for i, end in enumerate(ends)
        for p in range(len(JUDGES))
    ]
    return {
        "payer": np.tile(np.array(JUDGES, object), ends.size),
        "horizon_months": np.repeat(ends, len(JUDGES)),
        "saving": told["mean"],
        **{name: told[name] for name in ("ci_low", "ci_high", "p05", "p95")},
        "probability": told["prob_better"],
        "break_even_months": np.array(even, np.float64),
        "says": says,
    }


def _pays_says(told: Told, cell: int) -> str:
    if told["ci_low"][cell] == told["ci_high"][cell] == told["p05"][cell] == told["p95"][cell] == 0.0:
        return "no_difference"
    return {1: "saves", -1: "costs", 0: "cannot_tell"}[sign_told(told, cell)]


def break_even(saved: FloatArray) -> float:
    """The first month from which the accumulated saving (months,) stays above zero to the end; NaN where it does not."""
    behind = np.flatnonzero(saved <= 0.0)
    month = 1 if not behind.size else int(behind[-1]) + 2
    return float(month) if month <= saved.size else np.nan


# ---- for whom, and from whom to whom ---------------------------------------------------------------------------------


def _distribution(runs: Runs, order: IntArray, draw: IntArray, pair: tuple[int, int]) -> dict[str, Any]:
    """Outcomes at the horizon of each group of the eligible, by what they were at month 0."""
    columns = [OUTCOME_NAMES.index(name) for name in OUTCOMES_TOLD]
    names = ("group", "member", "outcome", "unit", *INTERVALS, "families", "draws", "replicates")
    if not runs.groups.size:
        return {name: np.array([]) for name in names}
    sides = [runs.groups[order, a][..., columns].reshape(order.size, -1) for a in pair]
    better = np.tile([_BETTER[name] for name in OUTCOMES_TOLD], len(GROUPS))
    told = analyse(by_draw(sides[0], draw), by_draw(sides[1], draw), better)
    found = {
        "group": np.repeat(np.array([group for group, _ in GROUPS], object), len(OUTCOMES_TOLD)),
        "member": np.repeat(np.array([member for _, member in GROUPS], object), len(OUTCOMES_TOLD)),
        "outcome": np.tile(np.array(OUTCOMES_TOLD, object), len(GROUPS)),
        "unit": np.tile(np.array([_UNITS[name] for name in OUTCOMES_TOLD], object), len(GROUPS)),
        "families": np.repeat(runs.group_families.mean(axis=0), len(OUTCOMES_TOLD)),
        **{name: told[name] for name in (*INTERVALS, "draws", "replicates")},
    }
    return _drop_empty(found)


def _shifts(runs: Runs, costs: Costs, order: IntArray, draw: IntArray, pair: tuple[int, int]) -> dict[str, Any]:
    """Social assistance that another payer's benefits pay instead: the lesser of what it falls and they rise, expected."""
    of_state = [
        flow for flow in BENEFIT_FLOWS if costs.payer[flow] == "state" and flow not in ("social_assistance", "kvp")
    ]
    columns = [FLOWS.index(name) for name in ("social_assistance", *of_state, "kvp")]
    factors = costs.discount_factors(runs.horizon)
    sides = []
    for a in pair:
        paid = np.einsum("rmf,m->rf", np.abs(runs.flows[order, a][..., columns]), factors)
        sides.append(by_draw(np.stack([paid[:, 0], paid[:, 1:-1].sum(axis=1), paid[:, -1]], axis=1), draw))
    assistance, state, kvp = expected_differences(sides[0], sides[1]).T
    moved = describe(spent_instead(-assistance, np.stack([state, kvp], axis=1)))
    payer = costs.payer["social_assistance"]
    to = {"assistance_to_state": "state", "kvp": costs.payer["kvp"]}
    rows = [i for i, other in enumerate(to.values()) if other != payer]  # what stays with a payer is no bill that moves
    return {
        "from_payer": np.array([payer] * len(rows), object),
        "to_payer": np.array(list(to.values()), object)[rows],
        "name": np.array(list(to), object)[rows],
        "unit": np.array(["NOK, discounted"] * len(rows), object),
        **{name: moved[name][rows] for name in ("mean", "p05", "p95")},
    }


def spent_instead(saved: FloatArray, spent: FloatArray) -> FloatArray:
    """What one account saves, (D,), and others spend instead, (D, k): no krone twice, shared in proportion to what each spends.

    Negative the other way round, 0 where they do not meet.
    """
    way = np.sign(saved)[:, None]
    rises = np.maximum(way * spent, 0.0)
    total = rises.sum(axis=1, keepdims=True)
    share = np.divide(rises, total, out=np.zeros_like(rises), where=total > 0.0)
    return np.asarray(way * np.minimum(np.abs(saved)[:, None], total) * share) + 0.0
