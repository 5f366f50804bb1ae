"""``run.py report RUN_DIR``: figures and report again, from the tables and the manifest of a finished run.

Light to import: the work is imported when the command runs.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command; ``--lang`` is left alone where the parser has it already."""
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="the folder of a finished run")
    with contextlib.suppress(argparse.ArgumentError):
        parser.add_argument("--lang", choices=("nb", "en"), default=None, help="language (default: that of the run)")


def main(args: argparse.Namespace) -> int:
    """Make the report again and say where it is; 0 when done.

    Raises
    ------
    InputError
        The folder is missing or incomplete.
    """
    path = remake(Path(args.run_dir), getattr(args, "lang", None))
    if not getattr(args, "quiet", False):
        print(path)
        say_missing(getattr(args, "lang", None) or "nb")
    return 0


def say_missing(lang: str) -> None:
    """Say in one line on standard error which formats were not made, and why."""
    from results.formats import missing

    for line in missing(lang):
        print(line, file=sys.stderr)


def remake(folder: Path, lang: str | None = None) -> Path:
    """Write figures and report of a finished run again in every format, in its own language or another; the report's path."""
    from results.page import write_figures_and_report
    from results.run_folder import check_language, read_lives, read_manifest, read_tables
    from results.second import second_process

    manifest = read_manifest(folder)
    language = check_language(lang or str(manifest.get("lang", "nb")))
    with second_process(folder, language, len(manifest["contrasts"])) as second:
        return write_figures_and_report(folder, read_tables(folder), manifest, read_lives(folder), language, second)
