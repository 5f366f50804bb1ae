"""``run.py frontier``: cost against effect over a grid of coordinators, caseloads and places in the services that are full."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration.sensitivity import OUTCOMES
from calibration.staged import INPUTS, anywhere, begun, check_inputs, check_options, finish, finished
from scenarios.comparison import MAIN_STUDY
from scenarios.folders import check_folder, default_folder
from scenarios.options import add_options, path
from scenarios.progress import progress
from simulation.errors import InputError, nearest
from simulation.names import BARRIERS, MAX_CASELOAD, MAX_COORDINATORS, SERVICES

if TYPE_CHECKING:
    import pandas as pd

    from calibration.frontier import Grid
    from scenarios.study import Study

REPLICATES: Final = 200
MOST_CELLS: Final = 2000
MOST_PLACES: Final = 10.0  # times today's
FULL: Final = {"coordinators": "0-8", "caseloads": "5,10,15,20,25,30", "places": "1,1.25,1.5,2"}
QUICK: Final = {"coordinators": "0,1,2,4,8", "caseloads": "5,10,20,30", "places": "1,2"}
QUICK_REPLICATES: Final = 40
TABLES: Final = ("frontier", "budgets", "best", "marginal")
FIGURES: Final = ("frontier", "caseload-coordinators", "more-coordinators")
WRITES: Final = (*(f"{name}.csv" for name in TABLES), *(f"figures/{name}.*" for name in FIGURES))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    from calibration.frontier import REPLICATES_FOR_LOADS

    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study file (default: caseload-10-vs-20.toml)"
    )
    lists = (
        ("coordinators", "LIST", "coordinators, as 0-8 or 0,1,2,4"),
        ("caseloads", "LIST", "most families for each coordinator"),
        ("places", "LIST", "factors on the places of the services that grow; 1 is today"),
    )
    for name, word, help_ in lists:
        parser.add_argument(f"--{name}", metavar=word, help=f"{help_} (default: {FULL[name]})")
    parser.add_argument(
        "--services",
        metavar="NAMES",
        help="services that grow (default: those asked for more than they have places for in most of the study's first "
        f"{REPLICATES_FOR_LOADS} replicates, without coordinators)",
    )
    parser.add_argument(
        "--budget",
        action="append",
        metavar="NOK",
        help="what may be spent on coordinators and added places, NOK a year; may be repeated "
        "(default: what 1, 2, 4 ... coordinators cost)",
    )
    parser.add_argument("--outcomes", metavar="NAMES", help=f"outcomes (default: {', '.join(OUTCOMES)}, barriers)")
    parser.add_argument("--quick", action="store_true", help="a small grid with few replicates, a minute on two cores")
    add_options(parser, "replicates", "seed", "set", "out", "force", "resume", "workers", "cluster", "lang", "quiet")


def main(args: argparse.Namespace) -> int:
    """Simulate a grid of staffings; write what is efficient, the best for each budget, and figures."""
    from scenarios.study import load_study

    check_options(args)
    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    replicates = _replicates(args)
    folder: Path = args.out or default_folder(f"frontier-{study.name}", resume=args.resume)
    check_folder(folder, force=args.force, resume=args.resume, note=INPUTS)
    grid, budgets = _asked(study, args)
    inputs = _inputs(study, grid, budgets, replicates)
    if args.resume:
        check_inputs(folder, inputs)
    if args.resume and finished(folder):
        if not args.quiet:
            print(f"{folder} is finished already")
        return 0
    with begun(folder, inputs, resume=args.resume, writes=WRITES) as pieces:
        _run(args, study, grid, budgets, inputs, folder, pieces)
    return 0


def _run(
    args: argparse.Namespace,
    study: Study,
    grid: Grid,
    budgets: Sequence[float],
    inputs: dict[str, Any],
    folder: Path,
    pieces: Path,
) -> None:
    from calibration import staffing
    from calibration.frontier import simulate
    from results import files
    from results.frontier_figures import write_figures

    started = time.monotonic()
    with progress(f"frontier {study.name}", quiet=args.quiet) as step:
        rows = simulate(grid, inputs["replicates"], folder=pieces, workers=args.workers, step=step)
    found = staffing.Found(grid, rows)
    tables = {"frontier": staffing.frontier_table(found), "marginal": staffing.marginal_table(found)}
    tables["budgets"], tables["best"] = staffing.budget_tables(found, budgets)
    for name in TABLES:
        files.write_csv(folder / f"{name}.csv", tables[name])
    write_figures(folder / "figures", tables, args.lang, caseload=grid.template.caseload)
    told = {
        "study_name": study.name,
        "study": study.resolved(),
        "arm": grid.template.name,
        "costs": asdict(grid.costs),
        "lang": args.lang,
    }
    finish(folder, inputs, told, started)
    if not args.quiet:
        print(summary(tables, grid, args.lang))
        print(folder)


# ---- what is asked ---------------------------------------------------------------------------------------------------


def _replicates(args: argparse.Namespace) -> int:
    replicates = args.replicates or (QUICK_REPLICATES if args.quick else REPLICATES)
    if replicates % 2 or replicates < 4:
        allowed = "an even number from 4 on: two to a draw of the parameters"
        raise InputError(f"{replicates} cannot be shared out", key="--replicates", allowed=allowed)
    return int(replicates)


def _asked(study: Study, args: argparse.Namespace) -> tuple[Grid, tuple[float, ...]]:
    """The grid and the budgets that the options ask for, all checked."""
    from calibration.frontier import Grid, bottlenecks, grid_cells, template_arm

    usual = QUICK if args.quick else FULL
    asked = {name: usual[name] if getattr(args, name) is None else getattr(args, name) for name in FULL}
    coordinators = whole_numbers(asked["coordinators"], "--coordinators", 0, MAX_COORDINATORS)
    caseloads = whole_numbers(asked["caseloads"], "--caseloads", 1, MAX_CASELOAD)
    places = _factors(asked["places"])
    services = _names(args.services, "--services", SERVICES) if args.services is not None else ()
    outcomes = _outcomes(args.outcomes, study) if args.outcomes is not None else ()
    budgets = _budgets(args.budget)
    template = template_arm(study)
    if len(coordinators) * len(caseloads) * len(places) > MOST_CELLS:
        key = "--coordinators x --caseloads x --places"
        raise InputError("asks for too many staffings", key=key, allowed=f"at most {MOST_CELLS}")
    cells = grid_cells(coordinators, caseloads, places)
    if len(cells) == 1:
        raise InputError("there is no staffing but today's", key="--coordinators", allowed="1 or more, or more places")
    if not services and set(places) != {1.0}:
        services = bottlenecks(template, study.seed, args.workers)
        if not services:
            problem = "no service is asked for more than it has places for, so that none needs to grow"
            raise InputError(problem, key="--services", allowed=f"some of {', '.join(SERVICES)}, or --places 1")
    if not outcomes:
        barriers = (f"barrier_{name}_share" for name in services if name in BARRIERS)
        outcomes = (*OUTCOMES, *barriers)
    grid = Grid(template, cells, services, outcomes, study.costs, study.seed)
    return grid, _that_fit(budgets, grid) if budgets else _usual_budgets(grid)


def whole_numbers(text: str, key: str, low: int, high: int) -> tuple[int, ...]:
    """Whole numbers from ``0-8`` or ``0,1,4-6``, each once, in order.

    Raises
    ------
    InputError : something else, an empty range, or a number out of bounds
    """
    allowed = f"whole numbers from {low} to {high}, as {low}-{min(high, low + 8)} or {low},{min(high, low + 5)}"
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        if match is None:
            raise InputError(f"{part.strip()[:80]!r} is not a number or a range", key=key, allowed=allowed)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise InputError(f"the range {part.strip()} is empty", key=key, allowed=allowed)
        if first < low or last > high:
            raise InputError(f"{first if first < low else last} is out of bounds", key=key, allowed=allowed)
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def _numbers(texts: Sequence[str], key: str, allowed: str, fits: Callable[[float], bool]) -> tuple[float, ...]:
    found = set()
    for text in texts:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not fits(value):
            raise InputError(f"{text.strip()[:80]!r} does not do", key=key, allowed=allowed)
        found.add(value)
    return tuple(sorted(found))


def _factors(text: str) -> tuple[float, ...]:
    allowed = f"numbers from 0 to {MOST_PLACES:g}, as 1,1.5,2"
    return _numbers(text.split(","), "--places", allowed, lambda value: 0.0 <= value <= MOST_PLACES)


def _budgets(texts: Sequence[str] | None) -> tuple[float, ...]:
    allowed = "NOK a year, above 0, as 2000000"
    parts = [part for text in texts or () for part in text.split(",")]
    return _numbers(parts, "--budget", allowed, lambda value: 0.0 < value < 1e12)


def _names(text: str, key: str, known: Sequence[str]) -> tuple[str, ...]:
    """Names from a list with commas, in the order of those known."""
    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in known:
            raise InputError(f"{name[:80]!r} is not known", key=key, allowed=nearest(name[:80], known))
    return tuple(name for name in known if name in asked)


def _outcomes(text: str, study: Study) -> tuple[str, ...]:
    from simulation.engine import UPPER_SECONDARY_HORIZON
    from simulation.outcomes import OUTCOMES as ALL

    known = [outcome.name for outcome in ALL if outcome.better]
    _names(text, "--outcomes", known)
    if "upper_secondary_share" in text and study.horizon_months < UPPER_SECONDARY_HORIZON:
        allowed = f"study.horizon_months of {UPPER_SECONDARY_HORIZON} or more"
        raise InputError(
            "too few have turned 21 by the horizon", key="--outcomes upper_secondary_share", allowed=allowed
        )
    return tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def _usual_budgets(grid: Grid) -> tuple[float, ...]:
    """What one coordinator costs a year, two, four and so on up to the most of the grid, where that buys something; else what
    its cells cost."""
    from calibration.staffing import yearly_costs

    paid = yearly_costs(grid)[0][1:]
    most = max(cell.coordinators for cell in grid.cells)
    counts = {most} | {2**k for k in range(12) if 2**k <= most}
    usual = tuple(grid.costs.position * count for count in sorted(counts))
    buys = tuple(budget for budget in usual if budget > 0.0 and budget >= paid.min())
    return buys or tuple(sorted({float(cost) for cost in paid if cost > 0.0})) or (1.0,)


def _that_fit(budgets: tuple[float, ...], grid: Grid) -> tuple[float, ...]:
    from calibration.staffing import yearly_costs

    least = float(yearly_costs(grid)[0][1:].min())
    for budget in budgets:
        if budget < least:
            problem = f"nothing in the grid can be had for {budget:.0f} a year"
            raise InputError(problem, key="--budget", allowed=f"{least:.0f} or more, or a grid with less in it")
    return budgets


# ---- what it is made from --------------------------------------------------------------------------------------------


def _inputs(study: Study, grid: Grid, budgets: Sequence[float], replicates: int) -> dict[str, Any]:
    """What a run is made from: one that goes on must have the same."""
    from calibration.frontier import inputs_hash
    from results import files
    from simulation.compiled import SOURCE_HASH

    posterior = Path(grid.template.posterior)
    sources = (Path(__file__).with_name(name).read_bytes().replace(b"\r\n", b"\n") for name in ("staffing.py",))
    return {
        "replicates": replicates,
        "seed": study.seed,
        "cells": [[cell.coordinators, cell.caseload, cell.places] for cell in grid.cells],
        "services": list(grid.services),
        "outcomes": list(grid.outcomes),
        "budgets": list(budgets),
        "source_hash": SOURCE_HASH,
        "grid_hash": inputs_hash(grid),
        "staffing_hash": files.hash_bytes(b"\0".join(sources)),
        "inputs": {
            "study": files.hash_bytes(json.dumps(anywhere(study), sort_keys=True, default=files.plain).encode()),
            **({posterior.name: files.hash_bytes(posterior.read_bytes())} if posterior.is_file() else {}),
        },
    }


# ---- telling ---------------------------------------------------------------------------------------------------------


def summary(tables: dict[str, pd.DataFrame], grid: Grid, lang: str) -> str:
    """The best staffing for each budget, what the first and the last coordinator add, and what places do by themselves."""
    from results.frontier_words import budget_lines, places_lines, saturation_lines
    from results.language import number, say

    lines = [say("frontier.summary", lang, months=number(grid.template.horizon_months, lang))]
    for outcome in grid.outcomes[: len(OUTCOMES)]:
        lines += budget_lines(tables["budgets"], outcome, lang)
    lines += saturation_lines(tables["marginal"], grid.outcomes, grid.template.caseload, lang)
    lines += places_lines(tables["frontier"], grid.services, grid.outcomes, lang)
    return "\n".join(lines)
