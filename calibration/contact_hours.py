"""``python -m calibration.contact_hours``: a coordinator's year, and what it gives each family at caseloads of 5 to 30."""

from __future__ import annotations

import argparse
import csv
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.pages import chosen_study, describe_study, serve
from scenarios.options import Parser

if TYPE_CHECKING:
    from results.style import Picture
    from scenarios.study import Study

FloatArray = npt.NDArray[np.float64]

FILE: Final = Path(__file__).with_name("coordinator_year.toml")
EVIDENCE: Final = Path(__file__).with_name("evidence") / "effects.csv"
PICTURE: Final = "contact-hours"
CASELOADS: Final = (5, 8, 10, 12, 15, 20, 25, 30)
DRAWS: Final = 2000
REPLICATES: Final = 60
FIRST_MONTH: Final = 13  # caseloads are full by then
HORIZON: Final = 36
TOP: Final = 24.0  # hours: what lies above is told and not drawn to scale
WEEKS: Final = 52.0 / 12.0  # to a month


class Found(NamedTuple):
    """Contact hours a month per family in other work, from ``low`` to ``high``."""

    source: str
    population: str
    caseload: int
    low: float
    high: float
    grade: str


class Hours(NamedTuple):
    """Contact hours a month per family at a caseload."""

    caseload: int
    planned: float
    """by the rule, at default parameters and with every place filled"""
    low: float
    high: float
    """the middle 90 % of the same over draws from the priors"""
    none: float
    """share of draws in which paperwork and travel leave nothing"""
    held: float
    """as it turns out in the model at default parameters: missed meetings, vacancies, places not filled"""


def coordinator_year() -> list[dict[str, Any]]:
    """The lines of the year; the sum of ``hours`` is what can go to families."""
    lines: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["year"]
    return lines


def literature() -> list[Found]:
    """What others say, in hours a month."""
    with EVIDENCE.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    found = []
    for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["literature"]:
        row = rows[entry["source"]]
        factor = WEEKS if row["unit"] == "hours per week" else 1.0
        low, high = (factor * float(row[key] or row["value"]) for key in ("low", "high"))
        found.append(Found(entry["source"], row["population"], entry["caseload"], low, high, row["grade"]))
    return found


def planned_hours(caseload: int, values: Sequence[FloatArray]) -> FloatArray:
    """The rule of the model for each of these sets of parameters: (sets,)."""
    from simulation.coordinator import net_hours_per_family
    from simulation.parameters import to_record

    return np.array([net_hours_per_family(float(caseload), to_record(value)[0]) for value in values])


def held_hours(study: Study, caseloads: Sequence[int], replicates: int) -> list[float]:
    """Contact hours of a family-month with a coordinator, at default parameters, two coordinators."""
    from simulation.outcomes import FLOWS
    from simulation.runner import run_study

    base = replace(study.arm("ordinary"), posterior="default", horizon_months=HORIZON, coordinators=2)
    plans = [replace(base, name=f"caseload-{n}", caseload=n) for n in caseloads]
    flows = run_study(plans, [], replicates=replicates, seed=study.seed, workers=1).runs.flows[:, :, FIRST_MONTH - 1 :]
    hours, months = (flows[..., FLOWS.index(name)].sum(axis=(0, 2)) for name in ("contact_hours", "families_followed"))
    return [float(value) for value in hours / months]


def contact_hours(study: Study, replicates: int = REPLICATES) -> list[Hours]:
    """Every caseload."""
    from simulation.parameters import default_values, prior_values

    draws = [prior_values(study.seed, draw) for draw in range(DRAWS)]
    found = []
    for caseload, held in zip(CASELOADS, held_hours(study, CASELOADS, replicates), strict=True):
        planned = float(planned_hours(caseload, [default_values()])[0])
        spread = planned_hours(caseload, draws)
        low, high = np.percentile(spread, [5, 95])
        found.append(Hours(caseload, planned, float(low), float(high), float((spread == 0.0).mean()), held))
    return found


# ---- telling --------------------------------------------------------------------------------------------------------


def markdown(found: Sequence[Hours], replicates: int, command: str) -> str:
    """Three tables: the year, the hours, the literature."""
    lines = [f"*Made by `{command}`: {DRAWS} draws from the priors, {replicates} replicates.*", ""]
    lines += ["| a full position's year | hours | grade |", "|---|---:|---|"]
    year = coordinator_year()
    lines += [f"| {line['line']} | {line['hours']:,g} | {line['grade']} (`{line['source']}`) |" for line in year]
    left = sum(line["hours"] for line in year)
    lines += [f"| **left for families** | **{left:,.0f}**, {left / 12:.1f} a month | |", ""]
    lines += [
        "| families | planned, hours a month per family | 90 % of the priors | draws with nothing left | as it turns out |"
    ]
    lines += ["|---:|---:|---:|---:|---:|"]
    for h in found:
        lines.append(
            f"| {h.caseload} | {h.planned:.1f} | {h.low:.1f} to {h.high:.1f} | {100 * h.none:.0f} % | {h.held:.1f} |"
        )
    lines += ["", "| elsewhere | families a worker | hours a month per family | grade |", "|---|---:|---:|---|"]
    for f in literature():
        hours = f"{f.low:.1f}" if f.low == f.high else f"{f.low:.0f} to {f.high:.0f}"
        lines.append(f"| {f.population} (`{f.source}`) | {f.caseload} | {hours} | {f.grade} |")
    return "\n".join(lines)


def draw(found: Sequence[Hours]) -> Picture:
    """Hours against caseload, with what others say."""
    from matplotlib.figure import Figure

    from results.style import BLUE, ORANGE, PALE, VERMILLION, WIDTH, finish, header, style

    title = "Half the families is more than twice the hours for each"
    note = (
        "Contact hours a month per family. Line: planned, at default parameters; band: 90 % of the draws from the priors; dots: "
        "as it turns out in the model (missed meetings, vacancies). Diamonds: other work, grades B to D; the arrow: "
        "English family projects, 26 to 39 hours at six families."
    )
    x = [h.caseload for h in found]
    with style():
        figure = Figure(figsize=(WIDTH, 4.8))
        axes = figure.add_axes((0.08, 0.26, 0.89, 0.6))
        axes.fill_between(x, [h.low for h in found], [h.high for h in found], color=PALE, label="90 % of the priors")
        axes.plot(x, [h.planned for h in found], color=BLUE, linewidth=2, label="planned")
        axes.plot(x, [h.held for h in found], "o", color=VERMILLION, label="as it turns out")
        for n, f in enumerate(f for f in literature() if f.high <= TOP):
            label = "elsewhere" if n == 0 else None
            axes.plot([f.caseload] * 2, [f.low, f.high], "D-", color=ORANGE, markersize=6, label=label)
        for f in (f for f in literature() if f.low > TOP):
            axes.plot(f.caseload, TOP - 0.5, "^", color=ORANGE, markersize=7)
        axes.set_ylim(0, TOP)
        axes.set_xticks(x)
        axes.set_xlabel("families for each coordinator")
        axes.set_ylabel("hours a month per family")
        axes.legend(loc="upper right")
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


# ---- from the command line ------------------------------------------------------------------------------------------


def describe(parser: Parser) -> None:
    """The command's own options."""
    describe_study(parser, REPLICATES)


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Show a coordinator's year, and what it gives each family at caseloads of 5 to 30."""
    study = chosen_study(args)
    found = contact_hours(study, args.replicates)
    return markdown(found, args.replicates, command), draw(found)


if __name__ == "__main__":
    sys.exit(serve("contact_hours", describe, make))
