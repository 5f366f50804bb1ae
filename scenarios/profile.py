"""``run.py profile NAME``: a profile's published shares beside the simulated ones, and how its numbers are found.

A miss is shown as a miss: a published figure whose 90 % interval (by the size of its group) does not hold the simulated
value.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError

if TYPE_CHECKING:
    from scenarios.profile_fit import Measured
    from scenarios.profiles import ProfileFile

REPLICATES: Final = 40
SHOWN: Final[tuple[tuple[str, str], ...]] = (
    ("immigrant_share", "selected"),
    ("lone_parent_share", "selected"),
    ("employed_share", "selected"),
    ("employed_share", "pool"),
    ("children_per_family", "selected"),
    ("special_needs_share", "selected"),
    *((f"barrier_{name}_share", "selected") for name in ("health", "language", "education", "digital", "housing")),
    *((f"barrier_{name}_share", "selected") for name in ("network", "economy", "care", "violence")),
    ("barriers_per_family", "selected"),
    ("barriers_per_family", "pool"),
    ("assistance_reentry", "pool"),
)
NOT_DATA: Final = "Inferred from a ranking of municipalities: a rank is not a level, and none of this is data."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="a shipped profile, vestland/MUNICIPALITY, a .toml file, or a .csv file of your own figures",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the profiles, and the quantities of a file of your own figures"
    )
    parser.add_argument("--template", action="store_true", help="print a file of own figures to fill in")
    parser.add_argument("--solve", action="store_true", help="find the numbers of the pool that give the targets")
    parser.add_argument(
        "--steps",
        type=whole_number(10, 10_000),
        metavar="N",
        help="steps of --solve; more are more precise (default: 150)",
    )
    parser.add_argument(
        "--drift", action="store_true", help="show how the pool's shares move through and beyond the burn-in"
    )
    parser.add_argument(
        "--replicates",
        type=whole_number(2, 100_000),
        metavar="N",
        help=f"municipalities that are simulated (default: {REPLICATES})",
    )
    parser.add_argument("--prices", metavar="YEAR", help="the rules of another year than the profile's own")
    parser.add_argument("--families", type=whole_number(10, 200_000), metavar="N", help="another size of the pool")
    parser.add_argument("--out", type=path, metavar="DIR", help="write figures there; with --solve, the profile's file")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    add_options(parser, "seed", "workers", "cluster", "lang", "quiet", "json", "force")


def main(args: argparse.Namespace) -> int:
    """Measure, solve for or list profiles."""
    if args.template:
        from scenarios.own_figures import template

        print(template(), end="")
        return 0
    if args.list:
        return _list(args)
    if args.name is None:
        raise InputError("is missing", key="NAME", allowed="a profile; `run.py profile --list` names them")
    from scenarios.profiles import read_profile, resolve

    _refuse_unused(args)
    document = read_profile(args.name)
    if args.solve:
        return _solve(args, document)
    _check_out(args, "drift" if args.drift else document.profile.name)
    if args.drift:
        return _drift(args, document)
    measured, records = measured_records(args, document)
    if args.out is not None:
        _figures(args, document, measured)
    if args.write is not None:
        from calibration.pages import write_between

        write_between(args.write, document.profile.name, "\n".join(_markdown(args, document, records)))
    if args.json:
        print(json.dumps(records, ensure_ascii=False, indent=1))
    elif not args.quiet:
        print("\n".join(_text(document, records, resolve(document).ranks)))
    return 0


def measured_records(args: argparse.Namespace, document: ProfileFile) -> tuple[Measured, list[dict[str, Any]]]:
    """The profile measured by the options of the command, and its records."""
    from scenarios.profile_fit import measure, plan_of, records
    from scenarios.profiles import published_assistance, resolve
    from scenarios.progress import progress
    from simulation.rates import resolve_month

    prices = args.prices or document.profile.prices
    resolve_month(prices)
    plan = plan_of(resolve(document), prices, families=args.families)
    assistance = published_assistance()
    wanted: list[tuple[str, str]] = [
        (name, target.population) for name, target in {**document.targets, **assistance}.items()
    ]
    wanted = list(dict.fromkeys([*wanted, *SHOWN]))
    with progress("profile", quiet=args.quiet or args.json) as step:
        measured = measure(
            plan, wanted, replicates=args.replicates or REPLICATES, seed=_seed(args), workers=args.workers, step=step
        )
    return measured, records({**document.targets, **assistance}, measured, SHOWN)


def _list(args: argparse.Namespace) -> int:
    from scenarios.own_figures import listing
    from scenarios.profiles import profile_names
    from scenarios.vestland import ranking

    if args.json:
        names = [*profile_names(), *(f"vestland/{name}" for name in ranking())]
        print(
            json.dumps([{"name": name, "unit": "profile"} for name in names] + listing(), ensure_ascii=False, indent=1)
        )
        return 0
    print("Profiles:", *profile_names(), sep="\n  ")
    print("  vestland/NAME, inferred from a ranking, for NAME one of", ", ".join(sorted(ranking())))
    print("\nQuantities of a file of your own figures (quantity,value,n); `--template` prints one to fill in:")
    for row in listing():
        print(f"  {row['name']:<42} {row['unit']}, {row['low']:g} to {row['high']:g}")
    return 0


def _check_out(args: argparse.Namespace, marker: str) -> None:
    from calibration.pages import check_page
    from scenarios.folders import check_folder

    if args.write is not None:
        check_page(args.write, marker)
    if args.out is not None:
        check_folder(args.out, force=args.force)


def _refuse_unused(args: argparse.Namespace) -> None:
    """What --solve does not read is refused, as is what only --solve reads."""
    if not args.solve:
        if args.steps is not None:
            raise InputError("is of no use here", key="--steps", allowed="--solve --steps N")
        return
    given = {
        name: getattr(args, name)
        for name in ("drift", "replicates", "prices", "families", "write", "cluster", "workers", "json")
    }
    for name, value in given.items():
        if value is not None and value is not False:
            raise InputError(
                "is of no use here", key=f"--{name}", allowed="with --solve: --steps, --seed, --out, --force, --quiet"
            )


def _seed(args: argparse.Namespace) -> int:
    return 1 if args.seed is None else int(args.seed)


# ---- solving ---------------------------------------------------------------------------------------------------------


def _solve(args: argparse.Namespace, document: ProfileFile) -> int:
    from results import files
    from scenarios.profile_fit import STEPS, made_by, solve, to_toml
    from scenarios.profiles import read_profile, solvable
    from scenarios.progress import progress

    if not any(target.moves for target in document.targets.values()):
        raise InputError("has no targets to solve for", file=args.name, key="targets", allowed="targets with `moves`")
    if args.out is not None and args.out.exists() and (args.out.is_dir() or not args.force):
        raise InputError("is there already", file=args.out, key="--out", allowed="a new file, or a file and --force")
    with progress("solve", quiet=args.quiet) as step:
        solved = solve(document, seed=_seed(args), steps=args.steps or STEPS, step=step)
    before, after = solvable(document), solvable(solved)
    if not args.quiet:
        for name, value in after.items():
            if value != before[name]:
                print(f"{name:<28} {before[name]:.4g} -> {value:.4g}")
    if args.out is not None:
        base = _extends(args.name)
        extends = _seen_from(args.out.parent, base) if base.endswith(".toml") else base
        text = to_toml(solved, read_profile(base), extends, made_by(_solve_command(args)))
        files.write_text(args.out, text)
    return 0


def _extends(name: str) -> str:
    """The profile that a profile builds on: a name, or a path as seen from here."""
    from scenarios.files import read_toml
    from scenarios.own_figures import read_figures
    from scenarios.profiles import FOLDER

    if name.endswith(".csv"):
        return read_figures(Path(name))[0]
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    base = str(read_toml(file).get("extends", "oygarden"))
    return str(file.parent / base) if base.endswith(".toml") else base


def _seen_from(folder: Path, file: str) -> str:
    """The path of a file for one who stands in a folder; whole where there is no way between them."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return Path(file).absolute().as_posix()


def _solve_command(args: argparse.Namespace) -> str:
    parts = ["python", "run.py", "profile", args.name, "--solve"]
    parts += ["--steps", str(args.steps)] if args.steps is not None else []
    parts += ["--seed", str(args.seed)] if args.seed is not None else []
    return shlex.join([*parts, "--out", args.out.as_posix(), "--force"])


# ---- drift -----------------------------------------------------------------------------------------------------------


def _drift(args: argparse.Namespace, document: ProfileFile) -> int:
    from results import files
    from results.style import save
    from scenarios.profile_fit import drift, plan_of
    from scenarios.profiles import resolve
    from scenarios.progress import progress

    plan = plan_of(resolve(document), args.prices or document.profile.prices, families=args.families)
    with progress("drift", quiet=args.quiet or args.json) as step:
        table = drift(plan, replicates=args.replicates or REPLICATES, seed=_seed(args), step=step)
    if args.out is not None:
        from results.profile_figures import drift_figure

        files.make_folder(args.out)
        picture = drift_figure(table, plan.burn_in_months, document.profile.title, args.lang)
        save(args.out, picture.name, picture.images)
    if args.write is not None:
        from calibration.pages import write_between

        write_between(args.write, "drift", "\n".join(_drift_markdown(args, table, plan.burn_in_months)))
    if args.json:
        print(json.dumps(_drift_records(table), ensure_ascii=False, indent=1))
    elif not args.quiet:
        months = list(next(iter(table.values())))
        print(f"{'months since the burn-in began':<34}", *(f"{month:>7}" for month in months))
        for name, values in table.items():
            print(f"{name:<34}", *(f"{values[month]:7.3f}" for month in months))
    return 0


def _drift_records(table: dict[str, dict[int, float]]) -> list[dict[str, Any]]:
    return [
        {"name": f"pool.{name}.month_{month}", "value": value, "role": "shown"}
        for name, values in table.items()
        for month, value in values.items()
    ]


def _drift_markdown(args: argparse.Namespace, table: dict[str, dict[int, float]], burn_in: int) -> list[str]:
    months = list(next(iter(table.values())))
    return [
        f"*Made by `{_command(args)}`; study month 0 is month {burn_in} here.*",
        "",
        "| statistic of the pool | " + " | ".join(f"{month}" for month in months) + " |",
        "|---|" + "---:|" * len(months),
        *(f"| `{name}` | " + " | ".join(f"{values[m]:.3g}" for m in months) + " |" for name, values in table.items()),
    ]


# ---- telling ---------------------------------------------------------------------------------------------------------


def _figures(args: argparse.Namespace, document: ProfileFile, measured: Measured) -> None:
    from results import files
    from results.profile_figures import profile_figures
    from results.style import save

    files.make_folder(args.out)
    for picture in profile_figures(measured, document.profile.title, args.lang, inferred=bool(document.ranks)):
        save(args.out, picture.name, picture.images)


def _shown(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    return f"{100 * value:.0f} %" if record["unit"].startswith("share") else f"{value:.1f}"


def _range(record: dict[str, Any], low: str, high: str) -> str:
    a, b = (_shown(record, end).removesuffix(" %") for end in (low, high))
    return f" [{a}, {b}]" if a and b else f" [at least {a}]" if a else ""


def verdict(record: dict[str, Any]) -> str:
    """``holds``, ``MISS``, or nothing where there is no interval to hold it against."""
    inside = record.get("inside")
    return "" if inside is None else "holds" if inside else "MISS"


def rows(records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The records as cells: what, published, n, simulated, verdict, role, source."""
    found = []
    for record in records:
        meaning = record["meaning"]
        if record.get("factor", 1.0) != 1.0:
            meaning += f" (published quantity = {record['factor']:g} x this)"
        found.append(
            [
                f"{meaning}, {record['unit'].removeprefix('share of ')}, {record['name'].split('.')[0]}",
                _shown(record, "observed") + _range(record, "observed_low", "observed_high"),
                str(record.get("n") or ""),
                _shown(record, "value") + _range(record, "low", "high"),
                verdict(record),
                record["role"],
                f"{record['source']} ({record['grade']})" if "source" in record else "",
            ]
        )
    return found


def _text(document: ProfileFile, records: Sequence[dict[str, Any]], ranks: Any) -> list[str]:
    lines = [f"{document.profile.title}: published [90 %] against simulated [middle 90 % of municipalities]"]
    lines += [NOT_DATA] if ranks else []
    if not document.targets:
        lines.append("Nothing is published of this place's own families: its numbers are graded judgements.")
    for cells in rows(records):
        lines.append(f"{cells[0]:<88} {cells[1]:>20} {cells[3]:>20}  {cells[4]:<6}{cells[5]}")
    missed = sum(verdict(record) == "MISS" for record in records)
    lines.append(f"{missed} of {sum(bool(verdict(record)) for record in records)} are missed")
    return lines


def _markdown(args: argparse.Namespace, document: ProfileFile, records: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        f"*Made by `{_command(args)}`: rules of {args.prices or document.profile.prices}, default parameters.*",
        "",
    ]
    if document.ranks:
        lines += [f"**{NOT_DATA}**", ""]
    lines += [
        "| what, of whom | published [90 %] | n | simulated [middle 90 % of municipalities] | | role | source (grade) |",
        "|---|---:|---:|---:|---|---|---|",
        *("| " + " | ".join(cells).replace("MISS", "**miss**") + " |" for cells in rows(records)),
    ]
    return lines


def _command(args: argparse.Namespace) -> str:
    """How to make the page again."""
    parts = ["python", "run.py", "profile", args.name]
    parts += ["--drift"] if args.drift else []
    parts += ["--replicates", str(args.replicates)] if args.replicates is not None else []
    parts += ["--seed", str(args.seed)] if args.seed is not None else []
    parts += ["--prices", args.prices] if args.prices else []
    parts += ["--families", str(args.families)] if args.families else []
    parts += ["--out", args.out.as_posix(), "--force"] if args.out is not None else []
    parts += ["--lang", args.lang] if args.out is not None and args.lang != "nb" else []
    return shlex.join([*parts, "--write", args.write.as_posix()])
