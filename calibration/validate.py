"""``run.py validate``: the model beside published figures that it was, and was not, fitted to. Misses stay in the table.

Each target is asked of many simulated worlds, two to a draw of the parameters. A prediction is of what would be published: the
spread over draws and chance, with the target's own sampling error and discrepancy. Beside the calibrated model stands the model
as it was before any fit: a test that both pass says little.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.folders import check_folder, open_folder
from scenarios.options import add_options, path
from simulation.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from calibration.questions import Question
    from calibration.table import Rows
    from calibration.targets import Target, TargetsFile
    from scenarios.progress import Progress
    from simulation.outcomes import FloatArray
    from simulation.parallel import Workers

REPLICATES: Final = 200
PAIRS_TO_A_DRAW: Final = 5  # a draw of the parameters for so many of the worlds asked for
REPLICATES_OF_A_PAIR: Final = 30  # pairs of offices for each of these draws
PAGE: Final = "validate"
COLUMNS: Final = (
    *("target", "statistic", "role", "kind", "unit", "observed", "observed_low", "observed_high"),
    *("mean", "low", "high", "not_significant", "inside"),
    *("prior_mean", "prior_low", "prior_high", "prior_not_significant", "prior_inside", "worlds", "grade", "source"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "targets",
        nargs="?",
        default="holf",
        metavar="TARGETS.toml",
        help="a targets file (default: holf, and what it extends)",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the statistics that targets can ask for, and the groups"
    )
    parser.add_argument(
        "--posterior",
        metavar="NAME",
        help="posterior draws by name or .parquet file, or prior (default: holf where it is there)",
    )
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    add_options(parser, "replicates", "seed", "out", "force", "workers", "cluster", "lang", "json", "quiet")


def main(args: argparse.Namespace) -> int:
    """Ask every target of the model and say which published figures lie inside."""
    from calibration.pages import check_page, write_between
    from calibration.targets import load_targets
    from scenarios.progress import progress

    if args.list:
        return _list(as_json=args.json)
    file = load_targets(args.targets)
    posterior = find_posterior(args.posterior)
    if args.write is not None:
        check_page(args.write, PAGE)
    if args.out is not None:
        check_folder(args.out, force=args.force)
    worlds = args.replicates or REPLICATES
    seed = 1 if args.seed is None else int(args.seed)
    with progress(f"validate {file.name}", quiet=args.quiet or args.json) as step:
        table = validate(file.targets, posterior, worlds=worlds, seed=seed, workers=args.workers, step=step)
    tables = {"validation": table}
    if not args.json:
        tables |= _whole_figures(args, file.targets, posterior, worlds, seed)
    if args.out is not None:
        _save(args, file, tables, posterior, worlds, seed)
    if args.write is not None:
        command = shlex.join(["python", "run.py", *sys.argv[1:]])
        write_between(args.write, PAGE, markdown(tables, file, posterior, worlds, command))
    if args.json:
        print(json.dumps(records(table), ensure_ascii=False, indent=1))
    elif not args.quiet:
        print(summary(tables, posterior, worlds, args.lang))
    return 0


def _whole_figures(
    args: argparse.Namespace, targets: tuple[Target, ...], posterior: str, worlds: int, seed: int
) -> dict[str, pd.DataFrame]:
    """What is no single target: the figures of the two Bergen offices jointly, and the trial beside its other lives."""
    from calibration.answers import find_kind
    from calibration.trial_answers import design_of
    from scenarios.progress import progress

    kinds = {find_kind(target.statistic): target.question.setting for target in targets}
    found: dict[str, pd.DataFrame] = {}
    if "office" in kinds:
        with progress("validate: the two Bergen offices", quiet=args.quiet) as step:
            found["bergen"] = bergen(posterior, worlds, seed, args.workers, step)
    if "trial" in kinds:
        from calibration.rollout import rollout

        with progress("validate: the trial beside a full roll-out", quiet=args.quiet) as step:
            design = design_of(kinds["trial"], seed)
            found["rollout"] = rollout(design, posterior, max(worlds // 2, 2), workers=args.workers, step=step)
    return found


def bergen(
    posterior: str, worlds: int, seed: int, workers: Workers = None, step: Progress | None = None
) -> pd.DataFrame:
    """The joint check of the two offices under the posterior and under the prior; columns as in ``calibration.bergen``.

    So many pairs of offices in all, from ``worlds`` / 5 draws each.
    """
    import pandas as pd

    from calibration.bergen import joint_check

    draws = max(worlds // PAIRS_TO_A_DRAW, 2)
    asked = ["prior"] if posterior == "prior" else [posterior, "prior"]
    tables = []
    for k, drawn in enumerate(asked):
        values = draws_of(drawn, seed, draws)
        part = _part(step, k, len(asked))
        table = joint_check(list(values), seed, REPLICATES_OF_A_PAIR, workers=workers, step=part)
        table.insert(0, "drawn_from", "prior" if drawn == "prior" else "posterior")
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def find_posterior(name: str | None) -> str:
    """``prior``, or the file of a posterior by its name or path; the shipped one, where it is there, if nothing is said.

    Raises
    ------
    InputError : there is no such posterior, or it was made with other parameters
    """
    from scenarios.study import POSTERIORS
    from simulation.errors import nearest
    from simulation.posterior import load_posterior

    shipped = {file.stem: file for file in sorted(POSTERIORS.glob("*.parquet"))}
    if name is None:
        name = "holf" if "holf" in shipped else "prior"
    if name == "prior":
        return name
    file = Path(name) if name.endswith(".parquet") else shipped.get(name)
    if file is None or not file.is_file():
        allowed = f"{nearest(name[:80], ['prior', *shipped])}, or a .parquet file"
        raise InputError(f"there is no posterior {name[:80]!r}", key="--posterior", allowed=allowed)
    load_posterior(str(file))
    return str(file.absolute())  # workers of a cluster are elsewhere


def validate(
    targets: tuple[Target, ...],
    posterior: str,
    *,
    worlds: int,
    seed: int,
    workers: Workers = None,
    step: Progress | None = None,
) -> pd.DataFrame:
    """Every target beside the model's answers, one row each: the columns of ``COLUMNS``.

    Parameters
    ----------
    posterior : from :func:`find_posterior`; the prior is asked too
    worlds : simulated worlds, two to a draw of the parameters
    """
    import numpy as np
    import pandas as pd

    from calibration.answers import describe
    from calibration.predictions import predict

    questions = tuple(target.question for target in targets)
    asked = ["prior"] if posterior == "prior" else [posterior, "prior"]
    found = [
        ask_worlds(questions, drawn, worlds, seed, workers, _part(step, k, len(asked))) for k, drawn in enumerate(asked)
    ]
    rows = []
    for t, target in enumerate(targets):
        predictions = [predict(target, each.answers[:, t]) for each in found]
        calibrated, prior = predictions[0], predictions[-1]
        rows.append(
            (
                *(target.name, target.statistic, target.role, target.kind, describe(target.statistic).unit),
                *(target.observed, target.observed_low, target.observed_high),
                *(calibrated.mean, calibrated.low, calibrated.high, calibrated.not_significant, calibrated.inside),
                *(prior.mean, prior.low, prior.high, prior.not_significant, prior.inside),
                *(int(np.isfinite(found[0].answers[:, t, 0]).sum()), target.grade, target.source),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"observed": float, "observed_low": float, "observed_high": float}
    )


def ask_worlds(
    questions: tuple[Question, ...],
    posterior: str,
    worlds: int,
    seed: int,
    workers: Workers = None,
    step: Progress | None = None,
) -> Rows:
    """Ask so many simulated worlds under draws of a posterior, or of the prior; two worlds share a draw."""
    import numpy as np

    from calibration.table import Job, simulate_rows

    values = np.repeat(draws_of(posterior, seed, -(-worlds // 2)), 2, axis=0)[:worlds]
    return simulate_rows(Job(questions, None, seed), values, np.arange(worlds), workers=workers, step=step)


def draws_of(posterior: str, seed: int, draws: int) -> FloatArray:
    """The first so many draws of a posterior, or of the prior, in stated units. (draws, P)"""
    import numpy as np

    from simulation.parameters import prior_values
    from simulation.posterior import posterior_values

    return np.stack(
        [
            prior_values(seed, draw) if posterior == "prior" else posterior_values(posterior, seed, draw)
            for draw in range(draws)
        ]
    )


def _part(step: Progress | None, k: int, parts: int) -> Progress | None:
    """One of so many parts of a whole, for its progress."""
    if step is None:
        return None
    return lambda done, total: step(k * total + done, parts * total)


# ---- telling ---------------------------------------------------------------------------------------------------------


def _list(*, as_json: bool) -> int:
    from calibration.answers import groups, without_groups

    if as_json:
        print(json.dumps([{**named._asdict(), "groups": groups(named.name)} for named in without_groups()], indent=1))
        return 0
    for named in without_groups():
        print(f"{named.name:<52} {named.unit}: {named.meaning}")
    some = groups("pool.employed_share")
    print(
        f"\nStatistics of pool, selected, eligible and followed can be asked of a group too, pool.employed_share.{some[0]}:"
    )
    print("  " + ", ".join(some))
    return 0


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as the records of the interface: ``value``, ``low`` and ``high`` (90 %) are the model's."""
    import math

    found = []
    for row in table.to_dict("records"):
        record = {"name": row["target"], "value": row["mean"]}
        record |= {key: row[key] for key in COLUMNS if key not in ("target", "mean")}
        found.append(
            {
                str(key): None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in record.items()
            }
        )
    return found


def _drawn(posterior: str) -> str:
    return "the prior" if posterior == "prior" else f"`{Path(posterior).stem}`"


def markdown(tables: dict[str, pd.DataFrame], file: TargetsFile, posterior: str, worlds: int, command: str) -> str:
    """The tables of a page, in English."""
    from simulation.compiled import SOURCE_HASH

    table = tables["validation"]
    lines = [
        f"*Made by `{command}`: targets `{file.name}`, {worlds} simulated worlds, parameters from {_drawn(posterior)}; "
        f"model sources `{SOURCE_HASH[:12]}`. {_count(table)}*",
        "",
        "| target | role | published | model, before the fit | model, calibrated | inside before | inside | grade |",
        "|---|---|---:|---:|---:|---|---|---|",
    ]
    row: Any
    for row in table.itertuples(name="Row"):
        cells = (row.target, row.role, *_cells(row, "en"), _yes(row.prior_inside), _yes(row.inside), row.grade)
        lines.append(f"| {' | '.join(cells)} |")
    if "bergen" in tables:
        lines += ["", *_bergen_lines(tables["bergen"])]
    if "rollout" in tables:
        lines += ["", *_rollout_lines(tables["rollout"])]
    return "\n".join(lines)


def _bergen_lines(table: pd.DataFrame) -> list[str]:
    """The joint check as lines of a page."""
    from results.language import number, percent

    lines = [
        "### The two Bergen offices, jointly",
        "",
        "| before | after | ending at month | p, calibrated | inside 90 % | p, before the fit | inside | prior draws that pass "
        "| calibrated draws that pass | other draws' figures that pass |",
        "|---:|---:|---:|---:|---|---:|---|---:|---:|---:|",
    ]
    prior = table[table["drawn_from"] == "prior"].set_index(["before", "after", "month"])
    own = table[table["drawn_from"] == table["drawn_from"].iloc[0]]
    row: Any
    for row in own.itertuples(name="Row"):
        same: Any = (row.before, row.after, row.month)
        before: Any = prior.loc[same]
        cells = (
            *(str(row.before), str(row.after), str(row.month)),
            *(
                number(row.p_value, "en", 2),
                _yes(row.inside),
                number(before["p_value"], "en", 2),
                _yes(before["inside"]),
            ),
            percent(before["share_of_draws_passing"], "en"),
            *(percent(row.share_of_draws_passing, "en"), percent(row.others_passing, "en")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _rollout_lines(table: pd.DataFrame) -> list[str]:
    """The trial beside its other lives, as lines of a page."""
    from calibration.rollout import QUANTITIES
    from results.language import number, outcome_name

    lines = [
        "### The trial's estimate beside the other lives of the same offices",
        "",
        "| outcome | month | the trial's estimate | on those followed | on the ordinary group | all followed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for (outcome, month), some in table.groupby(["outcome", "month"], sort=False):
        of: Any = some.set_index("quantity")
        factor, digits = (100.0, 1) if str(some["unit"].iloc[0]).startswith("share") else (1.0, 0)
        cells = [outcome_name(str(outcome), "en"), str(month)]
        for quantity in QUANTITIES:
            mean, low, high = (
                number(factor * float(of.loc[quantity, key]), "en", digits) for key in ("mean", "ci_low", "ci_high")
            )
            cells.append(f"{mean} [{low}, {high}]")
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", "Shares in percentage points, amounts in NOK a month; mean over draws and its 95 % interval."]


def _yes(inside: bool) -> str:
    return "yes" if inside else "**no**"


def _count(table: pd.DataFrame) -> str:
    told = []
    for role in ("fit", "validate"):
        of_role = table[table["role"] == role]
        if len(of_role):
            told.append(f"{int(of_role['inside'].sum())} of {len(of_role)} targets with role {role} inside")
    return ", ".join(told) + "."


def _cells(row: Any, lang: str) -> tuple[str, str, str]:
    """What was published, and what the model says before and after."""
    from results.language import number, percent

    if row.kind == "not_significant":
        told = tuple(
            f"null in {percent(share, lang)}; {number(mean, lang, 3)}"
            for share, mean in ((row.prior_not_significant, row.prior_mean), (row.not_significant, row.mean))
        )
        return "no reliable effect", told[0], told[1]
    digits = 0 if abs(row.observed) >= 100 else 3

    def interval(middle: float, low: float, high: float) -> str:
        return f"{number(middle, lang, digits)} [{number(low, lang, digits)}, {number(high, lang, digits)}]"

    return (
        interval(row.observed, row.observed_low, row.observed_high),
        interval(row.prior_mean, row.prior_low, row.prior_high),
        interval(row.mean, row.low, row.high),
    )


def summary(tables: dict[str, pd.DataFrame], posterior: str, worlds: int, lang: str) -> str:
    """The tables for a terminal."""
    from rich.console import Console
    from rich.table import Table

    heads = ("target", "role", "published", "before the fit", "calibrated", "inside before", "inside")
    shown = Table(*heads, box=None)
    table = tables["validation"]
    row: Any
    for row in table.itertuples(name="Row"):
        inside = ("yes" if flag else "NO" for flag in (row.prior_inside, row.inside))
        shown.add_row(row.target, row.role, *_cells(row, lang), *inside)
    text = io.StringIO()
    Console(file=text, width=170).print(shown)
    told = [text.getvalue(), f"{_count(table)} {worlds} simulated worlds, parameters from {_drawn(posterior)}."]
    if "bergen" in tables:
        own = tables["bergen"]
        own = own[own["drawn_from"] == own["drawn_from"].iloc[0]]
        told.append(
            "The two Bergen offices, all six figures jointly: inside the 90 % region for "
            f"{int(own['inside'].sum())} of {len(own)} combinations of windows; "
            f"{own['share_of_draws_passing'].mean():.0%} of single draws pass, on average."
        )
    return "\n".join(told)


def _save(
    args: argparse.Namespace,
    file: TargetsFile,
    tables: dict[str, pd.DataFrame],
    posterior: str,
    worlds: int,
    seed: int,
) -> None:
    from results import files
    from simulation.compiled import SOURCE_HASH

    manifest = {
        "targets": file.name,
        "files": {part.name: files.hash_bytes(part.read_bytes()) for part in file.files},
        "posterior": posterior,
        "worlds": worlds,
        "seed": seed,
        "source_hash": SOURCE_HASH,
        "command": shlex.join(["python", "run.py", *sys.argv[1:]]),
    }
    with open_folder(args.out):
        for name, table in tables.items():
            files.write_csv(args.out / f"{name}.csv", table)
        files.write_json(args.out / "manifest.json", manifest)
