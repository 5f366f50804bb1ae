"""Made-up tables of the economic evaluation and of the models beside a study, with the columns of the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results import files
from results.run_folder import TABLE_COLUMNS, TEXT_COLUMNS
from results.statistics import HEADLINES
from results.told import EVALUATION
from simulation.outcomes import OUTCOMES

UNITS = {outcome.name: outcome.unit for outcome in OUTCOMES}
PAYERS = ("municipality", "state", "society")
GAINS = ("parent_years_in_work", "child_years_taking_part", "child_years_out_of_low_income")
RATIOS = ("per_family_month_followed", "per_parent_year_in_work", "per_child_year_taking_part")


def spread(mean: float, half: float) -> dict[str, float]:
    """An interval of the mean and a wider one over draws."""
    sides = {"ci_low": mean - half / 3, "ci_high": mean + half / 3, "p05": mean - half, "p95": mean + half}
    return {"mean": mean, **sides, "prob_better": 0.97 if mean < 0 else 0.03}


def tables(contrasts: Sequence[str], horizon: int = 36) -> dict[str, pd.DataFrame]:
    """Every table of the evaluation for some contrasts: one gain is told from zero, the others are not."""
    rng = np.random.default_rng(5)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in EVALUATION}
    for contrast in contrasts:
        for payer, mean in (("municipality", 3.71e6), ("state", 5.1e5), ("coordinators_in_all", 4.01e6)):
            cost = {"kind": "cost", "name": payer, "unit": "NOK, discounted", **spread(mean, 7e5)}
            rows["consequences"].append({"contrast": contrast, **cost})
        for k, gain in enumerate((*GAINS, "family_months_followed")):
            told = spread(20.7, 9.0) if gain == "family_months_followed" else spread(0.4 + k, 3.0)
            row = {"contrast": contrast, "kind": "gain", "name": gain, "unit": "child-years, discounted"}
            rows["consequences"].append(row | told)
        for outcome in HEADLINES:
            size = 300.0 if UNITS[outcome].startswith("NOK") else 0.01
            told = {"contrast": contrast, "unit": UNITS[outcome], **spread(size, 3 * size)}
            rows["consequences"].append({"kind": "outcome", "name": outcome, **told})
            for group, members in (("family", ("lone", "couple")), ("origin", ("immigrant", "not_immigrant"))):
                for member in members:
                    of = {"group": group, "member": member, "outcome": outcome, "families": 11.4}
                    rows["distribution"].append(of | told)
            for model in ("calibrated", "prior", "null"):
                told = spread(0.0, 0.0) | {"prob_better": 0.5} if model == "null" else spread(size, 2 * size)
                of = {"model": model, "contrast": contrast, "outcome": outcome, "unit": UNITS[outcome]}
                rows["beside"].append(of | told | {"replicates": 20})
        for payer in PAYERS:
            rows["ratios"] += [_ratio(contrast, payer, ratio) for ratio in RATIOS]
            for months in (12, 24, 36):
                if months <= horizon:
                    told = spread(-1.2e6 * months / 12, 4e5)
                    end = {"saving": told.pop("mean"), "probability": 0.04, "break_even_months": np.nan}
                    rows["pays"].append({"contrast": contrast, "payer": payer, "horizon_months": months, **told, **end})
            for gain in GAINS:
                for step in range(6):
                    curve = {"gain": gain, "threshold": 2e5 * step, "probability": 0.1 * step}
                    rows["acceptability"].append({"contrast": contrast, "payer": payer, **curve})
                for draw in range(40):
                    point = {"draw": draw, "cost": rng.normal(3.7e6, 8e5), "effect": rng.normal(0.5, 2.0)}
                    rows["plane"].append({"contrast": contrast, "payer": payer, "gain": gain, **point})
        moved = {"unit": "NOK, discounted", "mean": 4.69e5, "p05": 6080.0, "p95": 1.26e6}
        sides = {"from_payer": "municipality", "to_payer": "state", "name": "assistance_to_state"}
        rows["shifts"].append({"contrast": contrast, **sides, **moved})
    return {name: pd.DataFrame(rows[name], columns=list(columns)) for name, columns in EVALUATION.items()}


def write(folder: Path, contrasts: Sequence[str], horizon: int = 36) -> None:
    """Write them into a run's folder, with every column that such a file has."""
    for name, table in tables(contrasts, horizon).items():
        columns = list(TABLE_COLUMNS.get(name, table.columns))
        more = {column: "" if column in TEXT_COLUMNS else np.nan for column in columns if column not in table.columns}
        files.write_csv(folder / f"{name}.csv", table.assign(**more)[columns])


def _ratio(contrast: str, payer: str, ratio: str) -> dict[str, Any]:
    is_ratio = ratio == "per_family_month_followed"
    row = {"contrast": contrast, "payer": payer, "ratio": ratio, "unit": "NOK", "cost": 3.71e6}
    if is_ratio:
        return {**row, "effect": 20.7, "value": 179_227.0, "low": 104_000.0, "high": 391_000.0, "says": "ratio"}
    # Values stand here to see that they are not shown.
    return {**row, "effect": 0.7, "value": 5_432_198.0, "low": 1.0, "high": 9.9e7, "says": "effect_holds_zero"}
