"""``run.py trial``: many simulated trials of a design, what each would have reported, and what the design can find.

``found`` is the share of the simulated trials whose 95 % interval does not hold zero. ``detectable`` is the true difference that
such a trial would find four times in five: 2.8 standard errors. ``offices_needed`` is how many offices, in the same
proportions, would find the mean difference of the simulated trials four times in five; where that mean cannot be told from
zero, none is given.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration.design import Design, load_design
from calibration.estimates import UNITS, Estimate, estimates
from calibration.trial import simulate
from scenarios.options import add_options
from simulation.errors import InputError

FOUR_IN_FIVE: Final = 2.8015852  # 1.96 + 0.8416: standard errors that a trial finds four times in five
COLUMNS: Final = (
    *("contrast", "outcome", "unit", "month", "mean", "ci_low", "ci_high", "p05", "p50", "p95"),
    *("se", "half_width", "found", "detectable", "offices_needed", "trials", "families"),
)


def run_trials(
    design: Design, workers: int | None = None, step: Callable[[int, int], None] | None = None
) -> list[list[Estimate]]:
    """The estimates of every simulated trial, in order whatever the number of workers."""
    from simulation.warm import warm_up

    warm_up()

    def one(number: int) -> list[Estimate]:
        return list(estimates(simulate(design, number), design))

    found: list[list[Estimate]] = []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for some in pool.map(one, range(design.trial.trials)):
            found.append(some)
            if step is not None:
                step(len(found), design.trial.trials)
    return found


def table(trials: Sequence[Sequence[Estimate]], design: Design) -> pd.DataFrame:
    """One row an estimate, over all trials; two trials share a draw of the parameters, which the interval minds."""
    rows = [_row(list(same), design.offices) for same in zip(*trials, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(same: list[Estimate], offices: int) -> dict[str, Any]:
    first = same[0]
    differences = np.array([estimate.difference for estimate in same])
    there = np.isfinite(differences)
    of_draw = [pair[np.isfinite(pair)] for pair in np.array_split(differences, -(-len(same) // 2))]
    draws = np.array([pair.mean() for pair in of_draw if len(pair)])
    mean = float(draws.mean()) if len(draws) else np.nan
    error = 1.96 * float(draws.std(ddof=1)) / np.sqrt(len(draws)) if len(draws) > 1 else np.nan
    se = float(np.mean([estimate.se for estimate in same if np.isfinite(estimate.se)] or [np.nan]))
    low, middle, high = np.quantile(differences[there], (0.05, 0.5, 0.95)) if there.any() else (np.nan,) * 3
    return {
        "contrast": first.contrast,
        "outcome": first.outcome,
        "unit": UNITS[first.outcome],
        "month": first.month,
        "mean": mean,
        "ci_low": mean - error,
        "ci_high": mean + error,
        "p05": low,
        "p50": middle,
        "p95": high,
        "se": se,
        "half_width": se * first.critical,
        "found": float(np.mean([estimate.found for estimate in same])),
        "detectable": FOUR_IN_FIVE * se,
        "offices_needed": float(np.ceil(offices * (FOUR_IN_FIVE * se / mean) ** 2)) if abs(mean) > error else np.nan,
        "trials": int(there.sum()),
        "families": float(np.mean([estimate.n for estimate in same])),
    }


def records(found: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as the records of the interface: statistics by name, with 90 % of the simulated trials."""
    rows: Iterable[Any] = found.itertuples(name="Row")
    return [
        {
            "name": f"trial.{row.outcome}.{row.contrast}",
            "month": int(row.month),
            "value": row.mean,
            "low": row.p05,
            "high": row.p95,
            "unit": row.unit,
            "half_width": row.half_width,
            "found": row.found,
            "detectable": row.detectable,
            "offices_needed": None if np.isnan(row.offices_needed) else row.offices_needed,
        }
        for row in rows
    ]


# --- the command --------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("design", nargs="?", default="holf", metavar="DESIGN.toml", help="a design (default: holf)")
    add_options(parser, "replicates", "seed", "out", "force", "workers", "lang", "json", "quiet")


def main(args: argparse.Namespace) -> int:
    """Simulate the trials of a design, write ``trial.csv`` and say what the design can find."""
    from results import files
    from scenarios.folders import check_folder, default_folder, open_folder
    from scenarios.progress import progress

    if importlib.util.find_spec("statsmodels") is None:
        allowed = "pip install 'statsmodels', or Familiebaner with its extra [calibration]"
        raise InputError("needs statsmodels, which is not installed", key="trial", allowed=allowed)
    design = load_design(args.design)
    changes = {"trials": args.replicates, "seed": args.seed}
    head = design.trial.model_copy(update={key: value for key, value in changes.items() if value is not None})
    design = design.model_copy(update={"trial": head})
    folder: Path = args.out or default_folder(f"trial-{head.name}")
    if not args.json or args.out:
        check_folder(folder, force=args.force)
    with progress(f"trial {head.name}", quiet=args.quiet or args.json) as step:
        found = table(run_trials(design, args.workers, step), design)
    if not args.json or args.out:
        with open_folder(folder):
            files.write_csv(folder / "trial.csv", found)
            files.write_json(folder / "manifest.json", {"design": design.model_dump(), "source_hash": _source_hash()})
    if args.json:
        print(json.dumps(records(found), indent=1))
    elif not args.quiet:
        print(summary(found, args.lang))
        print(folder / "trial.csv")
    return 0


def _source_hash() -> str:
    from simulation.compiled import SOURCE_HASH

    return SOURCE_HASH


def summary(found: pd.DataFrame, lang: str) -> str:
    """What the simulated trials found, and what such a trial can find: a table of lines in words of the language."""
    from rich.console import Console
    from rich.table import Table

    from results.language import number, outcome_name, percent, say

    heads = ("contrast", "outcome", "month", "mean", "range", "half_width", "found", "detectable")
    shown = Table(*(say(f"trial.{head}", lang) for head in heads), box=None)
    for column in shown.columns[2:]:
        column.justify = "right"

    def amount(row: Any, value: float) -> str:
        if row.unit.startswith("NOK"):
            return number(value, lang, 0)
        return number(100.0 * value, lang, 1)

    row: Any
    for row in found.itertuples(name="Row"):
        shown.add_row(
            say(f"trial.{row.contrast}", lang),
            outcome_name(row.outcome, lang),
            str(row.month),
            amount(row, row.mean),
            f"{amount(row, row.p05)} – {amount(row, row.p95)}",
            amount(row, row.half_width),
            percent(row.found, lang, 0),
            amount(row, row.detectable),
        )
    text = io.StringIO()
    Console(file=text, width=150).print(shown)
    return f"{text.getvalue()}\n{say('trial.note', lang)}\n"
