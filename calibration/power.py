"""``run.py trial``: many simulated trials of a design, what each would have reported, and what the design can find.

``found`` is the share of the simulated trials whose 95 % interval does not hold zero. ``detectable`` is the true difference that
such a trial would find four times in five: 2.8 standard errors, or somewhat more by Student's t. ``offices_needed`` is how many
offices, in the same proportions, would find the mean difference of the simulated trials four times in five; where that mean
cannot be told from zero, none is given.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration.design import Design, load_design
from calibration.estimates import UNITS, Estimate, estimates
from calibration.pages import check_page, write_between
from calibration.trial import simulate
from calibration.validate import find_posterior
from scenarios.options import add_options, path
from simulation.errors import InputError
from simulation.parallel import Workers, run_tasks

FOUR_IN_FIVE: Final = 0.8416212  # standard errors beyond the critical value: what a trial finds four times in five
PAGE: Final = "trial"  # the markers of its page
PAGE_DESIGN: Final = "holf"
ENOUGH: Final = 0.95  # of the families a design asks for
COLUMNS: Final = (
    *("contrast", "outcome", "unit", "month", "mean", "ci_low", "ci_high", "p05", "p50", "p95"),
    *("se", "half_width", "found", "detectable", "offices_needed", "trials", "families"),
)


@dataclass(frozen=True)
class Simulated:
    """What one simulated trial leaves."""

    estimates: list[Estimate]
    drawn: float
    """families drawn, for each that the design asks for"""
    without_ordinary: float
    """share of offices without an ordinary group"""
    still_followed: float
    """share of the families drawn that have a coordinator in the month before follow-up ends"""


def run_trials(
    design: Design, workers: Workers = None, step: Callable[[int, int], None] | None = None
) -> list[Simulated]:
    """Every simulated trial of a design, in order whatever the number of workers."""
    from simulation.warm import warm_up

    warm_up()

    def one(number: int) -> Simulated:
        trial = simulate(design, number)
        asked = sum(arm.offices * arm.families for arm in design.arm)
        last = min(design.trial.months, design.trial.follow_up_months) - 1
        followed, _ = trial.measure("coordinated_share", last)
        return Simulated(
            estimates=list(estimates(trial, design)),
            drawn=float(trial.drawn.sum() / asked),
            without_ordinary=1.0 - len(np.unique(trial.office[~trial.drawn])) / trial.offices,
            still_followed=float(np.nan_to_num(followed[trial.drawn]).mean()) if trial.drawn.any() else np.nan,
        )

    found: dict[int, Simulated] = {}
    for number, simulated in run_tasks(one, range(design.trial.trials), workers, posterior=design.trial.posterior):
        found[number] = simulated
        if step is not None:
            step(len(found), design.trial.trials)
    return [found[number] for number in sorted(found)]


def table(trials: Sequence[Simulated], design: Design) -> pd.DataFrame:
    """One row an estimate, over all trials; two trials share a draw of the parameters, which the interval minds."""
    rows = [_row(list(same), design.offices) for same in zip(*(trial.estimates for trial in trials), strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(same: list[Estimate], offices: int) -> dict[str, Any]:
    first = same[0]
    differences = np.array([estimate.difference for estimate in same])
    there = np.isfinite(differences)
    of_draw = [pair[np.isfinite(pair)] for pair in np.array_split(differences, -(-len(same) // 2))]
    draws = np.array([pair.mean() for pair in of_draw if len(pair)])
    mean = float(draws.mean()) if len(draws) else np.nan
    error = 1.96 * float(draws.std(ddof=1)) / np.sqrt(len(draws)) if len(draws) > 1 else np.nan
    detectable_se = first.critical + FOUR_IN_FIVE
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
        "found": float(np.mean([estimate.found for estimate in same if np.isfinite(estimate.se)]))
        if there.any()
        else np.nan,
        "detectable": detectable_se * se,
        "offices_needed": float(np.ceil(offices * (detectable_se * se / mean) ** 2)) if abs(mean) > error else np.nan,
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
            "offices_needed": row.offices_needed,
        }
        for row in rows
    ]


def json_ready(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not there as ``null``: JSON has no NaN."""
    return [
        {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
        for row in found
    ]


# --- the command --------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("design", nargs="?", default="holf", metavar="DESIGN.toml", help="a design (default: holf)")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    parser.add_argument(
        "--posterior", metavar="NAME", help="posterior draws by name or .parquet file, or prior (default: the design's)"
    )
    add_options(parser, "replicates", "seed", "out", "force", "workers", "cluster", "lang", "json", "quiet")


def main(args: argparse.Namespace) -> int:
    """Simulate the trials of a design, write ``trial.csv`` and say what the design can find."""
    from results import files
    from scenarios.folders import check_folder, default_folder, open_folder
    from scenarios.progress import progress

    if importlib.util.find_spec("statsmodels") is None:
        allowed = "pip install 'statsmodels', or Familiebaner with its extra [calibration]"
        raise InputError("needs statsmodels, which is not installed", key="trial", allowed=allowed)
    design = load_design(args.design)
    posterior = None if args.posterior is None else find_posterior(args.posterior)
    changes = {"trials": args.replicates, "seed": args.seed, "posterior": posterior}
    head = design.trial.model_copy(update={key: value for key, value in changes.items() if value is not None})
    design = design.model_copy(update={"trial": head})
    page = _page(head.name, head.posterior)
    if args.write is not None:
        check_page(args.write, page)
    folder: Path = args.out or default_folder(f"trial-{head.name}")
    if not args.json or args.out:
        check_folder(folder, force=args.force)
    with progress(f"trial {head.name}", quiet=args.quiet or args.json) as step:
        trials = run_trials(design, args.workers, step)
    found = table(trials, design)
    if not args.json or args.out:
        with open_folder(folder):
            files.write_csv(folder / "trial.csv", found)
            manifest = {"design": design.model_dump(), "source_hash": _source_hash(), "groups": groups(trials)}
            files.write_json(folder / "manifest.json", manifest)
    if args.write is not None:
        write_between(
            args.write, page, markdown(found, trials, design, shlex.join(["python", "run.py", *sys.argv[1:]]))
        )
    if args.json:
        print(json.dumps(json_ready(records(found)), indent=1))
    elif not args.quiet:
        print(summary(found, trials, args.lang))
        print(folder / "trial.csv")
    return 0


def groups(trials: Sequence[Simulated]) -> dict[str, float]:
    """How far the offices could do what the design asks for: means over the trials."""
    return {
        "drawn": float(np.mean([trial.drawn for trial in trials])),
        "without_ordinary": float(np.mean([trial.without_ordinary for trial in trials])),
        "still_followed": float(np.nanmean([trial.still_followed for trial in trials])),
    }


def _source_hash() -> str:
    from simulation.compiled import SOURCE_HASH

    return SOURCE_HASH


def markdown(found: pd.DataFrame, trials: Sequence[Simulated], design: Design, command: str) -> str:
    """The table of a page, in English."""
    from results.language import number, outcome_name, percent, say

    def amount(row: Any, value: float) -> str:
        return number(value, "en", 0) if row.unit.startswith("NOK") else number(100.0 * value, "en", 1)

    shares = {name: percent(share, "en", 0) for name, share in groups(trials).items()}
    head = design.trial
    lines = [
        f"*Made by `{command}`: {len(trials)} trials, parameters from {_drawn(head.posterior)}, links {head.links}, rules of "
        f"{head.prices}. {say('trial.groups', 'en', **shares)}*",
        "",
        "| contrast | outcome | month | difference [95 %] | ± in one trial | found | detectable | offices needed |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    row: Any
    for row in found.itertuples(name="Row"):
        mean = f"{amount(row, row.mean)} [{amount(row, row.ci_low)}, {amount(row, row.ci_high)}]"
        needed = number(row.offices_needed, "en", 0)
        cells = (
            say(f"trial.{row.contrast}", "en"), outcome_name(row.outcome, "en"), str(row.month), mean,
            amount(row, row.half_width), percent(row.found, "en", 0), amount(row, row.detectable), needed,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "Shares in percentage points, amounts in NOK a month."])


def _page(name: str, posterior: str) -> str:
    """The markers of a page: ``trial`` for HOLF under the prior, else with the design's and the posterior's name."""
    parts = [] if name == PAGE_DESIGN else [name]
    parts += [] if posterior == "prior" else [Path(posterior).stem]
    return "-".join([PAGE, *parts])


def _drawn(posterior: str) -> str:
    return "the prior" if posterior == "prior" else f"`{Path(posterior).stem}`"


def summary(found: pd.DataFrame, trials: Sequence[Simulated], lang: str) -> str:
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
    shares = {name: percent(share, lang, 0) for name, share in groups(trials).items()}
    lines = [text.getvalue(), say("trial.note", lang), say("trial.groups", lang, **shares)]
    if groups(trials)["drawn"] < ENOUGH:
        lines.append(say("trial.too_few", lang, drawn=shares["drawn"]))
    return "\n".join(lines) + "\n"
