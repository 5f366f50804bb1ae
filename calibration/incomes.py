"""``run.py incomes``: what families of each kind have, and what is published of it.

The families of a study under ordinary follow-up are read over the first year after the burn-in. A family counts where it
stays in the pool all year; its kind is that of the last month. Nothing is fitted here: published figures stand beside
the simulated ones, and where they are of other people or another year, the page says so.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from results.style import Picture
    from scenarios.progress import Progress
    from scenarios.study import Study

    FloatArray = npt.NDArray[np.float64]

EVIDENCE: Final = Path(__file__).with_name("evidence")
MONTHS: Final = 12
REPLICATES: Final = 100
KINDS: Final = ("lone_1", "lone_2", "lone_3", "couple_1", "couple_2", "couple_3")  # 3: three children or more
INCOMES: Final = (
    *("wages", "own_benefits", "child_benefit", "cash_for_care", "childcare_support", "child_support"),
    *("advance_child_support", "housing_allowance", "social_assistance"),
)
OUTGOINGS: Final = ("tax", "kindergarten_fee", "sfo_fee")
SPREAD: Final = {"p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90}
LOW: Final = ("low_income_now", "low_income_year", "lasting_low_income")


# ---- a year of every family -----------------------------------------------------------------------------------------


def household_years(history: npt.NDArray[Any], caps: FloatArray) -> pd.DataFrame:
    """A row for each family that stays all year, amounts NOK a month.

    Parameters
    ----------
    history : (12, families) FAMILY records, month by month
    caps : (5,) caps on approved housing cost, NOK a year, for 1 to 5 persons
    """
    import numpy as np
    import pandas as pd

    stays = (history["generation"] == history["generation"][0]).all(axis=0)
    year = history[:, stays]
    last = year[-1]
    children = ((last["child"]["present"] == 1) & (last["child"]["age"] < 216)).sum(axis=1)
    adults = last["parent"]["present"].sum(axis=1)
    paid, allowance = year["social_assistance"], year["housing_allowance"]
    with_allowance = allowance > 0.0
    persons = np.minimum(adults + children, len(caps))
    columns = {name: year[name].mean(axis=0) for name in (*INCOMES, *OUTGOINGS, "disposable", "equivalised")}
    on_benefit = (year["parent"]["present"] == 1) & (year["parent"]["own_benefit"] > 0.0)
    return pd.DataFrame(
        {
            **columns,
            "adults": adults,
            "children": children,
            "units_income": last["equivalised"],
            "assistance_months": (paid > 0.0).sum(axis=0),
            "assistance_paid": paid.sum(axis=0),
            "exits": ((paid[:-1] > 0.0) & (paid[1:] == 0.0)).sum(axis=0),
            "at_risk": (paid[:-1] > 0.0).sum(axis=0),
            "allowance_months": with_allowance.sum(axis=0),
            "allowance_paid": allowance.sum(axis=0),
            "allowance_cost": np.where(with_allowance, year["rent"], 0.0).sum(axis=0),
            "allowance_income": np.where(with_allowance, year["wages"] + year["own_benefits"], 0.0).sum(axis=0),
            "allowance_over_cap": np.where(with_allowance, 12.0 * year["rent"] > caps[persons - 1], False).sum(axis=0),
            "benefit_months": on_benefit.any(axis=2).sum(axis=0),
            "not_claimed": year["entitled_not_claimed"].mean(axis=0),
            "low_income_now": last["low_income_now"],
            "low_income_year": last["low_income_bits"] & 1,
            "lasting_low_income": last["lasting_low_income"],
        }
    )


def kind_of(years: pd.DataFrame) -> pd.Series[Any]:
    """``lone_1`` .. ``couple_3``; families whose children have all turned 18 have left the pool."""
    import numpy as np

    adults = np.where(years["adults"] == 1, "lone_", "couple_")
    return adults + years["children"].clip(1, 3).astype(str)


# ---- what is published ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistic:
    """A simulated figure with the evidence row it stands beside."""

    name: str
    unit: str
    of: Callable[[pd.DataFrame], float]
    published: Mapping[str, str]
    """year of prices -> id in ``evidence/norway.csv``; only rows in the prices of that year, or without prices"""
    factor: float = 1.0
    """evidence states percentages; here are shares"""


def _recipients(years: pd.DataFrame) -> pd.DataFrame:
    return years[years["assistance_months"] > 0]


def _months(adults: int) -> Callable[[pd.DataFrame], float]:
    return lambda years: float(_recipients(years[years["adults"] == adults])["assistance_months"].mean())


def _exit(adults: int) -> Callable[[pd.DataFrame], float]:
    def of(years: pd.DataFrame) -> float:
        kind = years[years["adults"] == adults]
        return _ratio(kind["exits"].sum(), kind["at_risk"].sum())

    return of


def _per_month(total: str, months: str) -> Callable[[pd.DataFrame], float]:
    return lambda years: _ratio(years[total].sum(), years[months].sum())


def _lone_share(sources: Sequence[str]) -> Callable[[pd.DataFrame], float]:
    """Of the gross income of lone parents in low income."""

    def of(years: pd.DataFrame) -> float:
        poor = years[(years["adults"] == 1) & (years["low_income_year"] == 1)]
        return _ratio(poor[list(sources)].to_numpy().sum(), poor[list(INCOMES)].to_numpy().sum())

    return of


def _ratio(above: float, below: float) -> float:
    return float(above) / float(below) if below > 0.0 else float("nan")


def _every_year(row: str) -> dict[str, str]:
    return {"2017": row, "2025": row}


TRANSFERS: Final = tuple(name for name in INCOMES if name not in ("wages", "child_support"))
STATISTICS: Final = (
    Statistic(
        "assistance_months_lone",
        "months in the year",
        _months(1),
        {"2017": "sa-mean-months-lone-parents-2017", "2025": "sa-mean-months-lone-parents-2019"},
    ),
    Statistic(
        "assistance_months_couple",
        "months in the year",
        _months(2),
        {"2017": "sa-mean-months-couples-children-2017", "2025": "sa-mean-months-couples-children-2019"},
    ),
    Statistic(
        "assistance_all_year",
        "share of recipients",
        lambda years: float((_recipients(years)["assistance_months"] == MONTHS).mean()),
        _every_year("sa-all-year-2019"),
        0.01,
    ),
    Statistic(
        "assistance_two_months",
        "share of recipients",
        lambda years: float((_recipients(years)["assistance_months"] <= 2).mean()),
        _every_year("sa-two-months-2019"),
        0.01,
    ),
    Statistic("assistance_exit_lone", "share a month", _exit(1), _every_year("sa-monthly-exit-lone-parents"), 0.01),
    Statistic(
        "assistance_exit_couple", "share a month", _exit(2), _every_year("sa-monthly-exit-couples-children"), 0.01
    ),
    Statistic(
        "assistance_paid",
        "NOK a month with payment",
        _per_month("assistance_paid", "assistance_months"),
        {"2017": "sa-payout-month-2017", "2025": "sa-payout-month-2019-in-2025-prices"},
    ),
    Statistic(
        "housing_allowance",
        "NOK a month with payment",
        _per_month("allowance_paid", "allowance_months"),
        {"2025": "housing-allowance-mean-2025"},
    ),
    Statistic(
        "housing_allowance_cost",
        "NOK a month",
        _per_month("allowance_cost", "allowance_months"),
        {"2025": "housing-allowance-mean-cost-2025"},
    ),
    Statistic(
        "housing_allowance_income",
        "NOK a month",
        _per_month("allowance_income", "allowance_months"),
        {"2025": "housing-allowance-mean-income-2025"},
    ),
    Statistic(
        "housing_allowance_over_cap",
        "share of recipients",
        _per_month("allowance_over_cap", "allowance_months"),
        {"2025": "housing-allowance-over-cap-2025"},
        0.01,
    ),
    Statistic(
        "lone_low_income_wages",
        "share of gross income",
        _lone_share(("wages",)),
        _every_year("lowinc-lone-earnings-2016"),
        0.01,
    ),
    Statistic(
        "lone_low_income_transfers",
        "share of gross income",
        _lone_share(TRANSFERS),
        _every_year("lowinc-lone-transfers-2016"),
        0.01,
    ),
)


@cache
def evidence() -> dict[str, dict[str, str]]:
    """The rows of ``evidence/norway.csv`` by their id."""
    with (EVIDENCE / "norway.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}
