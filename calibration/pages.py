"""What the commands ``python -m calibration.NAME`` that make a table and a figure of ``docs/`` share."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.before_after import check_page, write_between
from scenarios.options import Parser, path
from simulation.errors import InputError

if TYPE_CHECKING:
    from results.style import Picture

Command = Callable[[argparse.Namespace, str], tuple[str, "Picture"]]


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
