"""Pages of ``docs/`` that a command makes: the markers, the command to make a page again, ``python -m calibration.NAME``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.options import Parser, add_options, path, whole_number
from simulation.errors import InputError

if TYPE_CHECKING:
    from results.style import Picture
    from scenarios.study import Study

Command = Callable[[argparse.Namespace, str], tuple[str, "Picture"]]


# ---- between the markers --------------------------------------------------------------------------------------------


def write_between(page: Path, name: str, content: str) -> None:
    """Put text between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` of a page; the rest stays as it is.

    Raises
    ------
    InputError : the page cannot be read or written, or lacks the markers
    """
    from results import files

    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, after = check_page(page, name)
    files.write_text(page, f"{before}{begin}\n{content}\n{end}{after}")


def check_page(page: Path, name: str) -> tuple[str, str]:
    """What stands before and after the markers of a page, or InputError."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    try:
        whole = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=page, key="--write", allowed="a page with markers") from None
    before, found, rest = whole.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise InputError("lacks the markers", file=page, key="--write", allowed=f"a page with {begin} and {end}")
    return before, after


def again(command: str, args: argparse.Namespace, replicates: int) -> str:
    """How to make a page again: ``python run.py COMMAND`` with those of its options that were given.

    Parameters
    ----------
    args : with ``study``, ``replicates``, ``seed``, ``set`` and ``write``; ``arm`` where the command has it
    replicates : the command's default, which need not be said
    """
    parts = ["python", "run.py", command]
    parts += [str(args.study)] if args.study is not None else []
    parts += ["--arm", args.arm] if getattr(args, "arm", None) else []
    parts += ["--replicates", str(args.replicates)] if args.replicates != replicates else []
    parts += ["--seed", str(args.seed)] if args.seed is not None else []
    parts += [word for change in args.set for word in ("--set", change)]
    return shlex.join([*parts, "--write", args.write.as_posix()])


# ---- a command that makes a table and a figure ----------------------------------------------------------------------


def describe_study(parser: Parser, replicates: int) -> None:
    """The options of a command that runs the main study: ``--replicates``, ``--seed`` and ``--set``."""
    parser.add_argument("--replicates", type=whole_number(2, 100_000), default=replicates, metavar="N")
    add_options(parser, "seed", "set")


def chosen_study(args: argparse.Namespace) -> Study:
    """The main study as the options of ``describe_study`` ask for it."""
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study

    return load_study(MAIN_STUDY, args.set).with_settings(seed=args.seed)


def serve(name: str, describe: Callable[[Parser], None], make: Command, argv: Sequence[str] | None = None) -> int:
    """Run a command that makes a table and a figure; the exit code.

    Parameters
    ----------
    name : of the module, and of the page's markers ``<!-- NAME:begin -->`` with hyphens for underscores
    describe : adds the command's own options
    make : from the options, and the command as it was typed, the table (Markdown) and the figure
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(prog=f"python -m calibration.{name}", description=str(make.__doc__))
    describe(parser)
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    parser.add_argument("--pictures", type=path, metavar="DIR", help="write the figure, as SVG, into a folder")
    try:
        typed = shlex.join(["python", "-m", f"calibration.{name}", *arguments])
        _make(name.replace("_", "-"), parser.read(arguments), make, typed)
    except InputError as error:
        print(f"familiebaner: {error}", file=sys.stderr)
        return 2
    return 0


def _make(marker: str, args: argparse.Namespace, make: Command, command: str) -> None:
    from results import files
    from results.style import save

    if args.write is not None:
        check_page(args.write, marker)  # before the work, not after it
    table, picture = make(args, command)
    if args.write is not None:
        write_between(args.write, marker, table)
    if args.pictures is not None:
        files.make_folder(Path(args.pictures))
        save(Path(args.pictures), picture.name, {"svg": picture.images["svg"]})
    print(table)
