"""The one family of exceptions for wrong input.

An error is part of the interface: it says what is wrong, where, what is allowed and what to do.
The command line prints it as one message and exits with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SPACES: Final = "\xa0\u202f"  # that do not break a line, between the digits of a number


class InputError(ValueError):
    """Wrong input from the user.

    Parameters
    ----------
    problem : what was wrong, a sentence without the final stop
    file : the file it stood in, if any
    key : the key, dotted, e.g. ``arm.caseload-10.caseload``
    allowed : what would have been right, in words
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        key: str | None = None,
        allowed: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.key = key
        self.allowed = allowed
        where = ": ".join(part for part in (self.file, key) if part)
        message = f"{where}: {problem}" if where else problem
        if allowed:
            message += f". Allowed: {allowed}"
        super().__init__(printable(message) + ".")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when the error crosses a process."""
        return _rebuild, (self.problem, self.file, self.key, self.allowed)


def printable(text: str) -> str:
    """A text that a terminal may show: what would move its cursor, colour it or turn it round is written as an escape."""
    return "".join(letter if letter.isprintable() or letter in SPACES else repr(letter)[1:-1] for letter in text)


class BrokenOffError(RuntimeError):
    """Work that could not be finished for a reason outside its input, such as a full disk. What is done is kept."""


def _rebuild(problem: str, file: str | None, key: str | None, allowed: str | None) -> InputError:
    return InputError(problem, file=file, key=key, allowed=allowed)


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Say which names are allowed, the nearest first: ``'work' (did you mean this?), 'health'``."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}? One of: {', '.join(names)}"
    return f"one of: {', '.join(names)}"
