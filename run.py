"""The one command of Familiebaner: ``python run.py --help``.

Without arguments it does the main job: it compares 10 families for each coordinator with 20. A command is a row of
``COMMANDS``; its module is imported only when it is asked for, so that ``--help`` answers at once.

Exit codes: 0 done, 2 wrong input (one message), 130 interrupted, 1 anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # work is shared out by replicates: threads within one would only wait
NAME = "familiebaner"
MAIN = "compare"


class Command(NamedTuple):
    """A command; its module has ``add_arguments(parser)`` and ``main(args) -> int``."""

    name: str
    help: str
    module: str


COMMANDS = (
    Command("compare", "run every arm of a study, write tables, figures and the report", "scenarios.comparison"),
    Command("trajectory", "one family's lives, month by month, with and without a coordinator", "scenarios.trajectory"),
    Command("report", "make the report again from a finished run", "results.report"),
    Command("before-after", "how payments fall where nothing has an effect", "calibration.before_after"),
    Command("trial", "simulate the HOLF trial, its estimates and what it could have found", "calibration.power"),
    Command("calibrate", "fit the uncertain parameters to targets, write posterior draws", "calibration.calibrate"),
    Command("validate", "the model beside published figures it was and was not fitted to", "calibration.validate"),
    Command("sensitivity", "which assumptions drive the difference between two arms", "calibration.sensitivity"),
    Command("frontier", "cost against effect over coordinators, caseloads and places", "calibration.frontier_command"),
    Command("profile", "hold a profile's families against published figures, or solve for them", "scenarios.profile"),
    Command("income", "print one family's month by the rules of a month, line by line", "simulation.budget"),
    Command(
        "work-pays", "draw disposable income against gross wages, and what is lost of a krone", "results.work_pays"
    ),
    Command("incomes", "what families of each kind have, beside published figures", "calibration.incomes"),
    Command(
        "parameters", "print every parameter with unit, prior, link or not, source and grade", "scenarios.parameters"
    ),
    Command("lab", "the planners' web page: move a lever, see two futures", "scenarios.lab.server"),
    Command("bench", "measure how fast it is, compiled, through Mesa and in plain Python", "simulation.bench"),
)

HELP = """usage: {prog} [COMMAND] [options]

Familiebaner simulates, month by month, what happens to families in lasting low income when a family
coordinator follows them up, and when nobody does. Without a command: compare 10 families with 20.

commands:
{commands}

  -h, --help   show this, or with a command its options: {prog} compare --help
  --version    show the version

Exit codes: 0 done, 1 something broke, 2 wrong input, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without æ, ø and å must not stop a run
    if argv is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt_once)
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        print(f"interrupted{f'; {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has had enough, as in `run.py parameters | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _explain(error)


def _interrupt_once(number: int, frame: object) -> None:
    """Ctrl-C interrupts; once more changes nothing: threads end with what they are at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in {"-h", "--help", "help"}:
        print(HELP.format(prog=_prog(), commands="\n".join(f"  {c.name:<12} {c.help}" for c in COMMANDS)), end="")
        return 0
    if first == "--version":
        print(f"{NAME} {_version()}")
        return 0
    if not first or first.startswith("-"):
        arguments = [MAIN, *arguments]
    return _run_command(arguments[0], arguments[1:])


def _run_command(name: str, arguments: list[str]) -> int:
    from scenarios.options import Parser

    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        raise _unknown(name)
    module = importlib.import_module(command.module)
    parser = Parser(prog=f"{_prog()} {name}", description=f"{command.help[0].upper()}{command.help[1:]}.")
    module.add_arguments(parser)
    try:
        args = parser.read(arguments)
        with _workers(args):
            return int(module.main(args))
    except SystemExit as leave:  # --help of a command
        return int(leave.code or 0)


@contextlib.contextmanager
def _workers(args: argparse.Namespace) -> Iterator[None]:
    """What ``--cluster`` stands for becomes ``args.workers``, for as long as the command runs."""
    if getattr(args, "cluster", None) is None:
        yield
        return
    from simulation.parallel import open_workers

    with open_workers(args.workers, args.cluster) as args.workers:
        yield


def _unknown(name: str) -> Exception:
    from simulation.errors import InputError, nearest

    allowed = nearest(name[:80], [command.name for command in COMMANDS])
    if name.endswith(".toml"):
        allowed = f"{_prog()} compare {name}"
    return InputError(f"{name[:80]!r} is not a command", file=_prog(), allowed=allowed)


def _explain(error: Exception) -> int:
    from simulation.errors import BrokenOffError, InputError, printable

    if os.environ.get("FAMILIEBANER_DEBUG") and (error.__cause__ or not isinstance(error, InputError | BrokenOffError)):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, InputError | BrokenOffError):
        print(f"{NAME}: {printable(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    words = " ".join(f"{type(error).__name__}: {error}".split())
    words = words if len(words) <= 300 else f"{words[:140]} ... {words[-150:]}"
    print(f"{NAME}: something broke: {printable(words)} (FAMILIEBANER_DEBUG=1 shows where)", file=sys.stderr)
    return 1


def _prog() -> str:
    return "python run.py" if Path(sys.argv[0]).name == "run.py" else NAME


def _version() -> str:
    project = Path(__file__).resolve().parent / "pyproject.toml"
    if project.is_file():
        import tomllib

        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    from importlib.metadata import version

    return version(NAME)


if __name__ == "__main__":
    sys.exit(main())
