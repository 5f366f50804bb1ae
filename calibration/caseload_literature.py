"""``python -m calibration.caseload_literature``: studies of caseload and contact together, without HOLF, as one soft target.

Each study becomes a log hazard ratio of getting work for half the clients a worker, with a standard error. A random-effects
model puts them together; what the step from 30-900 clients to 10 and 20 families may change is added as a standard deviation.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from calibration.pages import serve
from scenarios.options import Parser

if TYPE_CHECKING:
    from results.style import Picture

EVIDENCE: Final = Path(__file__).with_name("evidence") / "effects.csv"
PICTURE: Final = "caseload-literature"
Z90: Final = 1.6448536269514722
DAYS: Final = 730.0  # of the Viennese trial
MONTHS: Final = 24.0
ENTRY: Final = (
    0.02,
    0.08,
)  # a month: from the middle of effects-stock-arithmetic.csv to unemployed in general; grade D
EXIT: Final = 0.04  # a month, of effects-stock-arithmetic.csv

Rows = Mapping[str, Mapping[str, str]]


class Study(NamedTuple):
    """A study: the log hazard ratio of getting work for half the clients, and its 90 % range."""

    name: str
    low: float
    high: float
    sources: tuple[str, ...]
    range_is: str
    """What the range is."""

    @property
    def centre(self) -> float:
        """Middle of the range."""
        return (self.low + self.high) / 2.0

    @property
    def se(self) -> float:
        """The range taken as one of 90 %."""
        return (self.high - self.low) / (2.0 * Z90)


class Pooled(NamedTuple):
    """The studies together, log hazard ratios."""

    value: float
    se: float
    """Of the mean over studies."""
    between: float
    """Standard deviation between studies."""
    step: float
    """Standard deviation for the step to 10 and 20 families."""

    @property
    def discrepancy(self) -> float:
        """What other people, another service and another range of caseloads add."""
        return math.hypot(self.between, self.step)

    @property
    def spread(self) -> float:
        """All of it."""
        return math.hypot(self.se, self.discrepancy)


# ---- the studies ----------------------------------------------------------------------------------------------------


def evidence() -> Rows:
    """``effects.csv`` by id."""
    with EVIDENCE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def studies(rows: Rows) -> tuple[Study, ...]:
    """One row a study: groups of one study are its range, so that none counts twice."""
    return (_swiss(rows), _french(rows), _german(rows), _viennese(rows))


def per_halving(ratio: float, caseload_ratio: float) -> float:
    """Log hazard ratio for half the clients, of a ratio of job finding that came with a ratio of caseloads above 1."""
    return math.log(ratio) / math.log2(caseload_ratio)


def _swiss(rows: Rows) -> Study:
    lost, longer = "effect-schiprowski-support", "effect-schiprowski-longer"
    lower, upper = "effect-schiprowski-lower", "effect-schiprowski-upper"
    kept = 1.0 - _number(rows, lost) / 100.0
    mean = per_halving(1.0 / (1.0 - _number(rows, longer) / 100.0), 1.0 / kept)
    range_is = "less and more productive caseworkers: none to twice the mean"
    ends = _number(rows, lower) * mean, _number(rows, upper) * mean
    return Study("Switzerland: lost meetings", *ends, (lost, longer, lower, upper), range_is)


def _french(rows: Rows) -> Study:
    gain, ratio = "effect-behaghel-exit", "design-behaghel-ratio"
    low, high = (per_halving(1.0 + _number(rows, gain, end) / 100.0, _number(rows, ratio)) for end in ("low", "high"))
    return Study("France: intensive counselling", low, high, (gain, ratio), "the arms of the trial")


def _german(rows: Rows) -> Study:
    new, old = "effect-fair-new", "effect-fair-longterm"
    before, after = "design-fair-caseload-before", "design-fair-caseload-after"
    most = _number(rows, before, "high") / _number(rows, after, "low")
    least = _number(rows, before, "low") / _number(rows, after, "high")
    low = per_halving(1.0 + _number(rows, old) / 100.0, most)
    high = per_halving(1.0 + _number(rows, new) / 100.0, least)
    range_is = "long-term unemployed over most halvings to new unemployed over fewest"
    return Study("Germany: FAIR", low, high, (new, old, before, after), range_is)


def _viennese(rows: Rows) -> Study:
    days, before, after = "effect-vienna-days-all", "design-vienna-caseload-before", "design-vienna-caseload-after"
    halvings = math.log2(_number(rows, before) / _number(rows, after))
    middle = _number(rows, days)
    half = Z90 / 1.959963984540054 * (_number(rows, days, "high") - _number(rows, days, "low")) / 2.0
    low = hazard_ratio_of_days(middle - half, ENTRY[1]) / halvings
    high = hazard_ratio_of_days(middle + half, ENTRY[0]) / halvings
    range_is = f"sampling error, and getting work at {100 * ENTRY[0]:g} to {100 * ENTRY[1]:g} % a month"
    return Study("Vienna: smaller caseloads", low, high, (days, before, after), range_is)


def _number(rows: Rows, name: str, end: str = "value") -> float:
    return float(rows[name][end])


def share_of_time(entry: float) -> float:
    """Share of two years in work for one who starts without: the mean of l/(l+m) (1 - exp(-(l+m)t)).

    ``entry`` (l) and ``EXIT`` (m) a month, as in ``effects-stock-arithmetic.csv``.
    """
    rate = entry + EXIT
    return entry / rate * (1.0 - (1.0 - math.exp(-rate * MONTHS)) / (rate * MONTHS))


def hazard_ratio_of_days(days: float, entry: float) -> float:
    """Log hazard ratio of getting work that adds so many days in work to two years."""
    from scipy.optimize import brentq

    aim = share_of_time(entry) + days / DAYS
    return float(brentq(lambda x: share_of_time(entry * math.exp(x)) - aim, -3.0, 3.0))


# ---- together -------------------------------------------------------------------------------------------------------


def pool(found: Sequence[Study]) -> Pooled:
    """The studies by random effects (DerSimonian and Laird).

    The step to families has the mean itself as its standard deviation: that contact at 20 families is enough already, so that
    nothing is gained, is one standard deviation off, and so is twice the gain, since half the families gives more than
    twice the hours.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    effects, variances = np.array([s.centre for s in found]), np.array([s.se**2 for s in found])
    with np.errstate(divide="ignore", invalid="ignore"):  # of what it works out besides, where studies agree
        result = combine_effects(effects, variances, method_re="chi2")
    if result.tau2 > 0.0:
        value, se, between = result.mean_effect_re, result.sd_eff_w_re, math.sqrt(result.tau2)
    else:  # studies that agree better than their ranges let them: statsmodels would weigh with a variance below zero
        value, se, between = result.mean_effect_fe, result.sd_eff_w_fe, 0.0
    return Pooled(float(value), float(se), between, abs(float(value)))


# ---- telling --------------------------------------------------------------------------------------------------------


def ratio_text(centre: float, sd: float) -> str:
    """A hazard ratio with its 90 % interval."""
    middle, low, high = (math.exp(centre + sign * Z90 * sd) for sign in (0, -1, 1))
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def markdown(found: Sequence[Study], pooled: Pooled, command: str) -> str:
    """The studies, and what they come to."""
    lines = [f"*Made by `{command}`.*", ""]
    lines += ["| study | hazard ratio for half the clients | log, se | the range is of | rows of the evidence |"]
    lines += ["|---|---:|---:|---|---|"]
    for s in found:
        rows = ", ".join(f"`{source}`" for source in s.sources)
        lines.append(
            f"| {s.name} | {ratio_text(s.centre, s.se)} | {s.centre:.3f}, {s.se:.3f} | {s.range_is} | {rows} |"
        )
    between = math.hypot(pooled.se, pooled.between)
    lines += ["", "| together | log | hazard ratio, 90 % |", "|---|---:|---:|"]
    lines += [f"| mean of the studies, se | {pooled.value:.3f}, {pooled.se:.3f} | {_row(pooled, pooled.se)} |"]
    lines += [f"| and another study like these, sd | {pooled.between:.3f} | {_row(pooled, between)} |"]
    lines += [f"| and the step to 10 and 20 families, sd | {pooled.step:.3f} | {_row(pooled, pooled.spread)} |"]
    stated = f"value {pooled.value:.3f}, se {pooled.se:.3f}, discrepancy {pooled.discrepancy:.3f}"
    lines += ["", f"The target on `caseload.entry_hazard_ratio`, logarithms: **{stated}**."]
    return "\n".join(lines)


def _row(pooled: Pooled, sd: float) -> str:
    return ratio_text(pooled.value, sd)


def draw(found: Sequence[Study], pooled: Pooled) -> Picture:
    """Each study with its range, then the studies together, then the target."""
    from matplotlib.figure import Figure

    from results.style import BLUE, GREY, VERMILLION, WIDTH, finish, header, style

    title = "What half the clients gave elsewhere, and how far that carries to families"
    note = (
        "Hazard ratio of getting work for half the clients a worker, with 90 % intervals. Blue: studies at 30 to 900 "
        "clients. Red: together by random effects, and the target, widened for the step to 10 and 20 families."
    )
    together = [("together", pooled.value, pooled.se), ("target: 10 against 20", pooled.value, pooled.spread)]
    rows: list[tuple[str, float, float]] = [(s.name, s.centre, s.se) for s in found] + together
    with style():
        figure = Figure(figsize=(WIDTH, 3.8))
        axes = figure.add_axes((0.26, 0.24, 0.7, 0.6))
        for place, (_, centre, se) in enumerate(rows):
            colour = BLUE if place < len(found) else VERMILLION
            ends = [math.exp(centre - Z90 * se), math.exp(centre + Z90 * se)]
            axes.plot(ends, [place, place], color=colour, linewidth=2)
            axes.plot(math.exp(centre), place, "o", color=colour, markersize=6)
        axes.axvline(1.0, color=GREY, linewidth=1)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.invert_yaxis()
        axes.set_xlabel("hazard ratio")
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


# ---- from the command line ------------------------------------------------------------------------------------------


def describe(parser: Parser) -> None:
    """The command has no options of its own."""


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Put the studies of caseload and contact together, without HOLF."""
    found = studies(evidence())
    pooled = pool(found)
    return markdown(found, pooled, command), draw(found, pooled)


if __name__ == "__main__":
    sys.exit(serve("caseload_literature", describe, make))
