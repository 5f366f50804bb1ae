"""What the calibrated model says about 10 against 20, calm and under stress: the tables of ``docs/findings.md``.

``python -m calibration.findings --write docs/findings.md``. Beside each difference stands how sure it is, in the words of the
report. The analysis of what drives it, and the frontier, are made by ``run.py sensitivity`` and ``run.py frontier``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from calibration.pages import serve
from calibration.sensitivity import OUTCOMES as DRIVEN
from scenarios.options import add_options, whole_number

if TYPE_CHECKING:
    import pandas as pd

    from results.style import Picture
    from scenarios.options import Parser
    from scenarios.study import Study
    from simulation.parallel import Workers

STRESSES: Final = ("recession", "coordinator-leaves", "service-closed", "double-inflow")
OUTCOMES: Final = (*DRIVEN, "social_assistance_share")
PICTURE: Final = "findings"
HEAD: Final = "mean [95 % interval of the mean]; 90 % of the draws; probability that it is better; in words"


class Compared(NamedTuple):
    """A study, and its differences among the eligible at the horizon."""

    study: Study
    differences: pd.DataFrame


def differences(study: str, replicates: int | None, seed: int | None, workers: Workers) -> Compared:
    """Run a study for its differences; the runs themselves are let go."""
    from scenarios.comparison import compare

    result = compare(study, replicates=replicates, seed=seed, workers=workers)
    table = result.differences
    there = (table["population"] == "eligible") & (table["month"] == result.study.horizon_months)
    return Compared(result.study, table[there & table["outcome"].isin(OUTCOMES)].copy())


def rows_of(result: Compared, contrast: str) -> pd.DataFrame:
    """Of a contrast, an outcome a row, in the order of ``OUTCOMES``."""
    chosen = result.differences[result.differences["contrast"] == contrast]
    return chosen.set_index("outcome").loc[[name for name in OUTCOMES if name in set(chosen["outcome"])]].reset_index()


def markdown(results: dict[str, Compared], command: str) -> str:
    """The main study's contrasts, then each stress: 10 against 20 under it, and what it takes from each staffing."""
    first = next(iter(results.values()))
    study = first.study
    lines = [
        f"*Made by `{command}`: studies {', '.join(f'`{name}`' for name in results)}, parameters from "
        f"`{_posterior(first)}`, seed {study.seed}, {study.replicates} replicates ({study.replicates // 2} draws) each; families "
        f"that met the criteria at the start, after {study.horizon_months} months; model sources `{_sources()}`. "
        f"Each cell: {HEAD}.*"
    ]
    for name, result in results.items():
        contrasts = list(result.study.content.contrast)
        if result is first:
            contrasts += [
                f"{arm} vs ordinary" for arm in ("caseload-10", "caseload-20") if _has(result, f"{arm} vs ordinary")
            ]
        lines += ["", f"**`{name}`: {result.study.title}.**", "", *_table(result, contrasts)]
    return "\n".join(lines)


def _has(result: Compared, contrast: str) -> bool:
    return any(name == contrast for name, _, _ in result.study.contrasts)


def _posterior(result: Compared) -> str:
    from pathlib import Path

    return Path(result.study.arms[0].posterior).stem


def _sources() -> str:
    from simulation.compiled import SOURCE_HASH

    return SOURCE_HASH[:12]


def _table(result: Compared, contrasts: Sequence[str]) -> list[str]:
    from results.language import capital, outcome_name

    tables = {contrast: rows_of(result, contrast) for contrast in contrasts}
    shown = [name for name in OUTCOMES if any(name in set(table["outcome"]) for table in tables.values())]
    lines = [
        f"| contrast | {' | '.join(capital(outcome_name(name, 'en')) for name in shown)} |",
        "|---|" + "---|" * len(shown),
    ]
    for contrast, table in tables.items():
        cells = {row["outcome"]: _cell(row) for row in table.to_dict("records")}
        lines.append(f"| {contrast} | {' | '.join(cells.get(name, '') for name in shown)} |")
    return lines


def _cell(row: dict[Any, Any]) -> str:
    from results.language import percent
    from results.words import difference_short, plain, unit

    outcome = str(row["outcome"])
    mean, low, high, p05, p95 = (
        plain(float(row[key]), outcome, "en") for key in ("mean", "ci_low", "ci_high", "p05", "p95")
    )
    text = f"{mean} [{low}, {high}] {unit(outcome, 'en')}; {p05} to {p95}; {percent(float(row['prob_better']), 'en')}"
    return f"{text}; {difference_short(row, 'en')}"


def draw(result: Compared) -> Picture:
    """The two meanings of 10 against 20 side by side: the mean difference, and where 90 % of the draws put it."""
    from matplotlib.figure import Figure

    from results.language import capital, outcome_name
    from results.style import BLUE, GREY, VERMILLION, WIDTH, finish, header, style
    from results.words import BETTER, is_share

    title = "10 families for each coordinator against 20, after three years"
    note = (
        "Families that met the criteria at the start; a dot to the right is better with 10. Thin lines: where 90 % of the "
        "calibrated draws put the expected difference. Thick: the 95 % interval of the mean over replicates. Across zero: we "
        "cannot tell."
    )
    shares = [name for name in OUTCOMES if is_share(name)]
    with style():
        figure = Figure(figsize=(WIDTH, 3.9))
        axes = figure.add_axes((0.33, 0.25, 0.64, 0.57))
        for k, (contrast, colour) in enumerate(
            zip(list(result.study.content.contrast)[:2], (BLUE, VERMILLION), strict=False)
        ):
            rows = rows_of(result, contrast).set_index("outcome")
            for place, name in enumerate(shares):
                row, y = rows.loc[name], place + 0.24 * (k - 0.5)
                sign = 100.0 * BETTER[name]
                axes.plot([sign * row["p05"], sign * row["p95"]], [y, y], color=colour, linewidth=1.2)
                axes.plot([sign * row["ci_low"], sign * row["ci_high"]], [y, y], color=colour, linewidth=4, alpha=0.5)
                axes.plot(
                    sign * row["mean"], y, "o", color=colour, markersize=6, label=contrast if place == 0 else None
                )
        axes.axvline(0.0, color=GREY, linewidth=1)
        axes.set_yticks(range(len(shares)), [capital(outcome_name(name, "en")) for name in shares])
        axes.invert_yaxis()
        axes.set_xlabel("percentage points, better to the right")
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, fontsize=9)
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


def describe(parser: Parser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--replicates", type=whole_number(2, 100_000), metavar="N", help="of each study (default: its own)"
    )
    add_options(parser, "seed", "workers")


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Compare 10 with 20, calm and under each stress."""
    from scenarios.comparison import MAIN_STUDY

    results = {
        name: differences(study, args.replicates, args.seed, args.workers)
        for name, study in {MAIN_STUDY.stem: str(MAIN_STUDY), **{name: name for name in STRESSES}}.items()
    }
    return markdown(results, command), draw(results[MAIN_STUDY.stem])


if __name__ == "__main__":
    sys.exit(serve("findings", describe, make))
