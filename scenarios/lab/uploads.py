"""A planner's own figures as she uploads them: read if they can be read rightly, else told what is wrong.

What is kept of an upload is what was understood of it, written anew: nothing of its bytes and nothing of its name comes into
a study, a file or a path.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scenarios.lab.places import find_place
from scenarios.own_figures import BASE, HEADER, Figure, figures_in, profile_of
from scenarios.profiles import VESTLAND, profile_names, resolve
from simulation.errors import InputError, nearest
from simulation.plan import Profile

FILE: Final = Path("own-figures.csv")
"""What the figures are called in a study, and beside it when it is taken away."""
MOST_BYTES: Final = 256_000
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls
MOST_OF_A_NAME: Final = 80


@dataclass(frozen=True)
class Upload:
    """Own figures, read and checked. Make one with :func:`read_upload`."""

    text: str
    """the figures as CSV, as ``scenarios.own_figures`` reads them"""
    name: str = field(default="", compare=False)
    """what the planner's file was called, to be shown to her and for nothing else"""

    @property
    def digest(self) -> str:
        """Tells figures from others, and says nothing of them: stands in a link in their place."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def profile(self) -> Profile:
        """The place that the figures describe."""
        return _profile(self.text)


def read_upload(name: str, data: bytes) -> Upload:
    """Own figures from an upload.

    Parameters
    ----------
    name : what the file was called
    data : its bytes

    Raises
    ------
    InputError : too large, no CSV of figures, persons in it, or figures that cannot be; ``file`` is the name, made printable
    """
    plain = "".join(letter for letter in name if letter.isprintable())[-MOST_OF_A_NAME:]
    try:
        upload = Upload(_text(data), plain)
        upload.profile()
    except InputError as error:
        raise InputError(error.problem, file=plain, key=error.key, allowed=error.allowed) from None
    return upload


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES // 1000} kB", allowed="a file of figures, not of persons")
    if data.startswith(WORKBOOKS):
        raise InputError("is a workbook", allowed="the sheet saved as CSV")
    base, figures = figures_in(data, FILE)
    return written(_base(base), figures)


def _base(name: str) -> str:
    """The place that the figures stand over: one of the list, never a file."""
    try:
        return find_place(name)
    except InputError as error:
        near = error.allowed if name.startswith(VESTLAND) else nearest(name[:80], profile_names())
        raise InputError(error.problem, key=BASE, allowed=near) from None


def written(base: str, figures: list[Figure]) -> str:
    """Figures as CSV, with at most nine decimals: eleven digits in a row would be taken for an identity number."""
    rows = [f"{figure.quantity.name},{_decimal(figure.value)},{figure.n or ''}" for figure in figures]
    return "\n".join([",".join(HEADER), f"{BASE},{base},", *rows]) + "\n"


def _decimal(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


@functools.lru_cache(maxsize=64)
def _profile(text: str) -> Profile:
    return resolve(profile_of(*figures_in(text.encode(), FILE), FILE), FILE.name)
