"""``run.py report RUN_DIR``: figures and report again, from the tables and the manifest of a finished run.

With ``--verify`` the study itself is run again, and the numbers are compared (``scenarios.verify``).

Light to import: the work is imported when the command runs.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from scenarios.options import add_options, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command; ``--lang`` is left alone where the parser has it already."""
    parser.add_argument("run_dir", metavar="RUN_DIR", type=path, help="the folder of a finished run")
    with contextlib.suppress(argparse.ArgumentError):
        parser.add_argument("--lang", choices=("nb", "en"), default=None, help="language (default: that of the run)")
    verify = "run the study again, and say whether every table holds the same numbers"
    parser.add_argument("--verify", action="store_true", help=verify)
    add_options(parser, "workers", "cluster", "quiet")


def main(args: argparse.Namespace) -> int:
    """Make the report again and say where it is, or run the study again and say whether the numbers are the same.

    Returns
    -------
    0 when done; with ``--verify`` 1 where a number is another.

    Raises
    ------
    InputError
        The folder is missing, incomplete or was changed after the run, or the run cannot be made again.
    """
    folder = Path(args.run_dir)
    if args.verify:
        from scenarios.verify import verify

        return verify(folder, workers=args.workers, quiet=args.quiet)
    report = remake(folder, args.lang, quiet=args.quiet)
    if not args.quiet:
        print(report)
        say_missing(args.lang or "nb")
    return 0


def say_missing(lang: str) -> None:
    """Say in one line on standard error which formats were not made, and why."""
    from results.formats import missing

    for line in missing(lang):
        print(line, file=sys.stderr)


def remake(folder: Path, lang: str | None = None, *, quiet: bool = False) -> Path:
    """Write figures and report of a finished run again in every format, in its own language or another; the report's path.

    Raises
    ------
    InputError
        The folder is missing, incomplete, or was changed after the run.
    """
    from results.page import write_figures_and_report
    from results.provenance import check_unchanged, write_manifest
    from results.run_folder import check_language, read_lives, read_manifest, read_tables
    from results.second import second_process
    from simulation.errors import InputError

    manifest = read_manifest(folder)
    language = check_language(lang or str(manifest.get("lang", "nb")))
    doubt = check_unchanged(folder, manifest)
    if doubt and not quiet:
        print(f"{folder}: {doubt}", file=sys.stderr)
    tables, lives = read_tables(folder), read_lives(folder)
    try:
        with second_process(folder, language, len(manifest["contrasts"])) as second:
            report = write_figures_and_report(folder, tables, manifest, lives, language, second)
    except (InputError, OSError):
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        # Tables and manifest were each of the right form: what they say does not go together, as no run leaves it.
        problem = f"no report can be made of what the folder holds: {type(error).__name__}: {str(error)[:200]}"
        raise InputError(problem, file=folder, allowed="the folder as a run left it") from error
    if not doubt:
        write_manifest(folder, manifest)  # with the hashes of what was made
    return report
