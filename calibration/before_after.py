"""``run.py before-after``: regression to the mean, seen.

Families are taken in when they have had social assistance for long, and many are on their way out of it anyway. So
payments fall after admission also where a coordinator changes nothing. This command measures that fall among those
followed, each on its own clock (month 0 = the month of its admission), with all links from coordinator to outcome off;
beside it stands the same families' other life without a coordinator, and both lives with the links on.

A group is one office: the first 22 families that a replicate's coordinators admit and that stay in the pool for all the
months looked at, as many as in each of the two offices in Bergen whose figures are published. Nothing is fitted to
those figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration.pages import again, check_page, write_between
from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError
from simulation.parallel import Workers, run_tasks

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from scenarios.progress import Progress
    from scenarios.study import Study
    from simulation.plan import Plan

    FloatArray = npt.NDArray[np.float64]

GROUP: Final = 22  # families in a group, as in NAV Fana and NAV Bergenhus: holf-families-fana, holf-families-bergenhus
LEAD: Final = 11  # months before the month of admission
FOLLOWED: Final = 30  # months after it: holf-followup-register
ADMITTED_BY: Final = 36  # study month: a group is filled from the admissions up to then
BEFORE: Final = ((0, 0), (-2, 0), (-11, 0))  # own clock, first and last month
AFTER: Final = ((1, 1), (1, 6), (1, 12), (24, 24), (30, 30))
NOTHING: Final = 0.5  # NOK a month: a difference below it is none
MEASURES: Final = ("change", "lower", "zero")
LIVES: Final = ("with", "without", "difference")
REPLICATES: Final = 200
COLUMNS: Final = ("links", "life", "measure", "before", "after", "mean", "p05", "p50", "p95", "groups")


# ---- one group ------------------------------------------------------------------------------------------------------


def measures(before: FloatArray, after: FloatArray) -> FloatArray:
    """What is said of a group before and after: relative change in the mean payment, share lower, share with nothing.

    Parameters
    ----------
    before, after : (families,) mean payment in the two windows, NOK a month

    Returns
    -------
    (3,) in the order of ``MEASURES``; the change is NaN where nothing was paid before.
    """
    import numpy as np

    paid = float(before.mean())
    change = float(after.mean()) / paid - 1.0 if paid > 0.0 else np.nan
    return np.array([change, np.mean(after < before - NOTHING), np.mean(after < NOTHING)])


def group_measures(paid: FloatArray) -> FloatArray:
    """All windows of a group: payments (families, months -11..30 of the own clock) to (before, after, measure)."""
    import numpy as np

    def mean(window: tuple[int, int]) -> FloatArray:
        return np.asarray(paid[:, LEAD + window[0] : LEAD + window[1] + 1].mean(axis=1))

    return np.stack([[measures(mean(before), mean(after)) for after in AFTER] for before in BEFORE])


def own_clock(
    payments: Sequence[FloatArray],
    generation: FloatArray,
    admitted: FloatArray,
    *,
    families: int = GROUP,
    followed: int = FOLLOWED,
) -> list[FloatArray] | None:
    """Payments of the first families admitted, on their own clocks, in every life.

    Parameters
    ----------
    payments : for each life, (study months -11..., slots), NOK a month
    generation : (months, slots) which family lives in the slot
    admitted : (months, slots) True in the month in which the family is admitted
    families : how many are wanted, by month of admission, then slot
    followed : the last month of the own clock

    Returns
    -------
    For each life (families, -11..followed), or None where fewer stay in the pool throughout.
    """
    import numpy as np

    rows: list[list[FloatArray]] = [[] for _ in payments]
    for month, slot in zip(*np.nonzero(admitted), strict=True):  # ordered by month, then slot
        span = slice(month - LEAD, month + followed + 1)
        if month < LEAD or month + followed >= len(generation):
            continue
        if np.any(generation[span, slot] != generation[month, slot]):
            continue  # came or moved within these months
        for found, life in zip(rows, payments, strict=True):
            found.append(life[span, slot])
        if len(rows[0]) == families:
            return [np.stack(found) for found in rows]
    return None


# ---- many groups ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BeforeAfter:
    """What became of the groups."""

    study: str
    arm: str
    against: str
    seed: int
    prices: str
    posterior: str
    replicates: int
    source_hash: str
    groups: dict[str, FloatArray]
    """by links (``off``, ``on``): (groups, lives with and without, before, after, measure)"""
    pool_change: dict[str, float]
    """by links: relative change of the mean payment in the whole pool, study month 0 to 30, in the life without"""

    def table(self) -> pd.DataFrame:
        """One row for links, life, measure and windows: mean over groups, and the middle 90 % of them."""
        import numpy as np
        import pandas as pd

        from results.statistics import describe

        rows: list[dict[str, Any]] = []
        for links, values in self.groups.items():
            both = np.concatenate([values, values[:, :1] - values[:, 1:]], axis=1)
            found = describe(both.reshape(len(both), -1))
            cells = np.ndindex(*both.shape[1:])
            for cell, (life, before, after, measure) in enumerate(cells):
                rows.append(
                    {
                        "links": links,
                        "life": LIVES[life],
                        "measure": MEASURES[measure],
                        "before": _window(BEFORE[before]),
                        "after": _window(AFTER[after]),
                        **{name: float(found[name][cell]) for name in ("mean", "p05", "p50", "p95")},
                        "groups": int(found["replicates"][cell]),
                    }
                )
        return pd.DataFrame(rows, columns=list(COLUMNS))


def before_after(
    study: Study,
    arm: str | None = None,
    *,
    replicates: int = REPLICATES,
    workers: Workers = None,
    step: Progress | None = None,
) -> BeforeAfter:
    """Run an arm and its other life with the links off and on, and describe its groups before and after admission.

    Parameters
    ----------
    study : its profile, prices, seed, posterior and arms; ``links`` and ``horizon_months`` are set here
    arm : the first with coordinators by default
    replicates : groups of families at most; two to a draw of parameters
    workers : threads; all cores by default

    Raises
    ------
    InputError : no such arm, none with coordinators, too short a burn-in, or no replicate fills a group
    """
    import numpy as np

    from scenarios.trajectory import chosen_arm, without_coordinator
    from simulation.compiled import SOURCE_HASH

    plan = chosen_arm(study, arm)
    if not plan.coordinators:
        raise InputError("has no coordinators", file=study.file, key="--arm", allowed="an arm with coordinators")
    against = without_coordinator(study, plan)
    found: dict[str, list[FloatArray | None]] = {"off": [None] * replicates, "on": [None] * replicates}
    pool: dict[str, list[float]] = {"off": [0.0] * replicates, "on": [0.0] * replicates}
    tasks = [(links, number) for number in range(replicates) for links in found]

    def work(task: tuple[str, int]) -> tuple[FloatArray | None, float]:
        links = task[0] == "on"
        return one_office(replace(plan, links=links), replace(against, links=links), seed=study.seed, replicate=task[1])

    finished = enumerate(run_tasks(work, tasks, workers, posterior=plan.posterior), start=1)
    for done, ((links, number), (values, change)) in finished:
        found[links][number], pool[links][number] = values, change
        if step is not None:
            step(done, len(tasks))
    groups = {links: [value for value in values if value is not None] for links, values in found.items()}
    if not all(groups.values()):
        raise InputError(
            f"no replicate has {GROUP} families that are admitted by month {ADMITTED_BY} and stay {FOLLOWED} months",
            file=study.file,
            key=f"arm.{plan.name}",
            allowed=f"an arm with more than {GROUP} places over {ADMITTED_BY} months, and a larger pool",
        )
    return BeforeAfter(
        study=study.name,
        arm=plan.name,
        against=against.name,
        seed=study.seed,
        prices=plan.prices,
        posterior=plan.posterior,
        replicates=replicates,
        source_hash=SOURCE_HASH,
        groups={links: np.stack(values) for links, values in groups.items()},
        pool_change={links: float(np.mean(values)) for links, values in pool.items()},
    )


def one_office(plan: Plan, against: Plan, *, seed: int, replicate: int) -> tuple[FloatArray | None, float]:
    """One replicate: its group's (2 lives, before, after, measure), or None; and the change in the whole pool."""
    import numpy as np

    from scenarios.trajectory import run_lives

    def read(families: Any) -> FloatArray:
        rows = [families[name] for name in ("social_assistance", "generation", "admitted", "ever_followed")]
        return np.array(rows, np.float64)

    lives = run_lives(
        [plan, against], seed=seed, replicate=replicate, lead=LEAD, months=ADMITTED_BY + FOLLOWED, read=read
    )
    a, b = (np.stack(life, axis=1) for life in lives)  # (4, months, slots)
    study_months = np.arange(-LEAD, ADMITTED_BY + FOLLOWED + 1)
    admitted = (a[3] == 1.0) & (a[2] == study_months[:, None])
    admitted[study_months < 1] = False
    paid = own_clock([a[0], b[0]], a[1], admitted)
    values = None if paid is None else np.stack([group_measures(life) for life in paid])
    start = float(b[0, LEAD].mean())
    change = float(b[0, LEAD + FOLLOWED].mean()) / start - 1.0 if start > 0.0 else 0.0
    return values, change


# ---- telling --------------------------------------------------------------------------------------------------------


def _window(window: tuple[int, int]) -> str:
    first, last = window
    return str(last) if first == last else f"{first} to {last}"


def records(result: BeforeAfter) -> list[dict[str, Any]]:
    """The table as records with ``name``, ``value``, ``low``, ``high`` (middle 90 % of the groups) and ``unit``."""
    found = []
    for row in result.table().to_dict("records"):
        name = ".".join(str(row[key]).replace(" to ", "..") for key in ("links", "life", "measure", "before", "after"))
        unit = "relative change" if row["measure"] == "change" else "share of families"
        found.append(
            {"name": f"links_{name}", "value": row["mean"], "low": row["p05"], "high": row["p95"], "unit": unit}
        )
    return found


HEADS: Final = (
    *(("before", 8), ("after", 7)),
    *(("links off", 18), ("without", 18), ("links on", 18), ("without", 18)),
)
HEADINGS: Final = {
    "change": "Mean social assistance paid, change from before to after",
    "lower": "Share of families with a lower payment after than before",
    "zero": "Share of families with no social assistance in the whole window after",
}


def markdown(result: BeforeAfter, command: str) -> str:
    """Three tables, one a measure, and a line on where the figures come from."""
    off, on = (len(result.groups[links]) for links in ("off", "on"))
    drawn = "the priors" if result.posterior == "prior" else f"`{Path(result.posterior).stem}`"
    lines = [
        f"*Made by `{command}`: study `{result.study}`, arm `{result.arm}` against `{result.against}`, rates of "
        f"{result.prices}, parameters drawn from {drawn}, seed {result.seed}, {result.replicates} replicates "
        f"({(result.replicates + 1) // 2} draws), of which {off} (links off) and {on} (links on) fill a group of "
        f"{GROUP} families; model sources `{result.source_hash[:12]}`.*",
        "",
        "Months are each family's own: 0 is the month of its admission. Mean over groups; in brackets, the middle 90 % "
        "of the groups.",
    ]
    for measure, heading in HEADINGS.items():
        lines += [
            "",
            f"**{heading}**",
            "",
            "| before | after | links off: with coordinator | links off: the same families without "
            "| links on: with coordinator | links on: the same families without |",
            "|---|---|---:|---:|---:|---:|",
            *(f"| {' | '.join(map(_minus, row))} |" for row in _rows(result, measure)),
        ]
    apart = result.table().query("links == 'off' and life == 'difference'")
    largest = float(apart[["mean", "p05", "p95"]].abs().max().max())
    same = "exactly zero in every group and window" if largest == 0.0 else f"at most {largest:.2g}"
    pool = _minus(f"{100.0 * result.pool_change['off']:+.0f} %")
    lines += [
        "",
        f"With the links off, the difference between the two lives is {same}. In the whole pool, without any "
        f"coordinator, mean social assistance changed by {pool} over 30 months.",
    ]
    return "\n".join(lines)


def _rows(result: BeforeAfter, measure: str) -> list[list[str]]:
    """One measure as rows of text: the windows, then both lives with the links off, and on."""
    found = {
        (row["links"], row["life"], row["before"], row["after"]): _cell(row)
        for row in result.table().to_dict("records")
        if row["measure"] == measure
    }
    rows = []
    for before in map(_window, BEFORE if measure != "zero" else BEFORE[:1]):  # "no payment after" knows no before
        for after in map(_window, AFTER):
            cells = [found[links, life, before, after] for links in ("off", "on") for life in ("with", "without")]
            rows.append([before if measure != "zero" else "", after, *cells])
    return rows


def _cell(row: Mapping[Any, Any]) -> str:
    sign = "+" if row["measure"] == "change" else ""
    whole = (round(100.0 * float(row[name])) for name in ("mean", "p05", "p95"))
    mean, low, high = (f"{number:{sign if number else ''}}" for number in whole)
    return f"{mean} % [{low}, {high}]"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def text(result: BeforeAfter) -> str:
    """The tables for a terminal."""
    lines = [
        f"Before and after admission in {result.arm}, groups of {GROUP} families, months of their own clocks.",
        "A fall from before to after is not an effect: with the links off, a coordinator changes nothing.",
    ]
    for measure, heading in HEADINGS.items():
        rows = [[head for head, _ in HEADS], *_rows(result, measure)]
        lines += ["", heading]
        lines += [
            "  ".join(("", *(f"{cell:>{width}}" for cell, (_, width) in zip(row, HEADS, strict=True)))) for row in rows
        ]
    return "\n".join(lines)


# ---- from the command line ------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study file (default: caseload-10-vs-20.toml)"
    )
    parser.add_argument("--arm", metavar="NAME", help="the arm (default: the first with coordinators)")
    parser.add_argument(
        "--replicates",
        type=whole_number(2, 100_000),
        default=REPLICATES,
        metavar="N",
        help=f"groups of families at most, two to a draw (default: {REPLICATES})",
    )
    parser.add_argument("--csv", type=path, metavar="FILE", help="write the table as CSV")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    add_options(parser, "seed", "set", "workers", "cluster", "quiet", "json")


def main(args: argparse.Namespace) -> int:
    """Measure how payments fall before and after admission when nothing has an effect."""
    from results import files
    from scenarios.comparison import MAIN_STUDY
    from scenarios.progress import progress
    from scenarios.study import load_study

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    if args.write is not None:
        check_page(args.write, "before-after")
    with progress("before-after", quiet=args.quiet) as step:
        result = before_after(study, args.arm, replicates=args.replicates, workers=args.workers, step=step)
    if args.csv is not None:
        files.write_csv(args.csv, result.table())
    if args.write is not None:
        write_between(args.write, "before-after", markdown(result, again("before-after", args, REPLICATES)))
    if args.json:
        print(json.dumps(records(result), ensure_ascii=False, indent=1))
    elif not args.quiet:
        print(text(result))
    return 0
