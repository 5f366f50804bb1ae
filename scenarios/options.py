"""The options that commands share, with their ranges. Imports nothing but argparse: ``--help`` must be quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from simulation.errors import InputError, nearest


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are :class:`InputError`, so that there is one way to be wrong, and no abbreviations."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> Any:
        """Refuse the command line."""
        raise InputError(message, file=self.prog, allowed=f"see `{self.prog} --help`")

    def read(self, arguments: list[str]) -> argparse.Namespace:
        """Parse all arguments; an unknown option is answered with the nearest right one."""
        args, unknown = self.parse_known_args(arguments)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            name = unknown[0].split("=")[0]
            wrong_option = name.startswith("-")
            raise InputError(
                "there is no such option" if wrong_option else "one argument too many",
                file=self.prog,
                key=name[:80],
                allowed=nearest(name[:80], options) if wrong_option else f"see `{self.prog} --help`",
            )
        return args


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number within a range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a whole number from {low} to {high}")
        return value

    return read


def decimal_number(above: int, high: int) -> Callable[[str], float]:
    """An argparse type: a number above one bound and up to another."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float(above)
        if not above < value <= high:  # NaN is refused too
            raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a number above {above} and up to {high}")
        return value

    return read


def path(text: str) -> Path:
    """An argparse type: a path."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError("is empty; give a path")
    return Path(text)


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "replicates": {
        "type": whole_number(2, 1_000_000),
        "metavar": "N",
        "help": "replicates, two to a draw (with --precision: the most)",
    },
    "seed": {"type": whole_number(0, 2**32 - 1), "metavar": "S", "help": "seed, 0 to 4294967295"},
    "out": {"type": path, "metavar": "DIR", "help": "folder for the results (default: results/runs/STUDY-NAME)"},
    "workers": {"type": whole_number(1, 1024), "metavar": "N", "help": "cores to use (default: all)"},
    "cluster": {
        "metavar": "ADDRESS",
        "help": "run in worker processes: local, or tcp://HOST:PORT of a Dask scheduler (extra [cluster])",
    },
    "lang": {"choices": ("nb", "en"), "default": "nb", "help": "language of figures and report (default: nb)"},
    "quiet": {"action": "store_true", "help": "say nothing but errors"},
    "json": {"action": "store_true", "help": "one JSON document on standard output"},
    "force": {"action": "store_true", "help": "write over what is in the folder"},
    "resume": {"action": "store_true", "help": "go on with a run that was broken off"},
    "precision": {
        "type": decimal_number(0, 1),
        "metavar": "X",
        "help": "stop when the first contrast's difference in the share in work is known to +/- X (95 %%)",
    },
    "set": {
        "action": "append",
        "default": [],
        "metavar": "KEY=VALUE",
        "help": "override a key of the study (study.KEY, pool.KEY, arm.NAME.KEY, parameters.NAME); may be repeated",
    },
}


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add common options by name: ``add_options(parser, "seed", "out")``."""
    for name in names:
        parser.add_argument(f"--{name}", **_OPTIONS[name])
