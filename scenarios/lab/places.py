"""The places a planner may choose: a fixed list of names. Nothing that a page or a link says is ever taken as a path."""

from __future__ import annotations

import functools
from typing import Final

from scenarios.profiles import VESTLAND, load_profile, profile_names
from scenarios.vestland import BASE, find_municipality, ranking
from simulation.errors import InputError, nearest
from simulation.plan import Profile

HOME: Final = BASE
"""The place that the lab opens with."""


@functools.cache
def places() -> tuple[str, ...]:
    """The profiles that come with the program, and ``vestland/NAME`` for every municipality of the ranking."""
    return (*profile_names(), *(VESTLAND + municipality for municipality in ranking()))


def find_place(name: str) -> str:
    """A place as :func:`places` writes it.

    Raises
    ------
    InputError : there is no such place
    """
    if name.startswith(VESTLAND):
        return VESTLAND + find_municipality(name)
    if name not in places():
        raise InputError(f"there is no place {name[:80]!r}", key="place", allowed=nearest(name[:80], profile_names()))
    return name


@functools.cache
def place_profile(name: str) -> Profile:
    """The profile of a place of the list, read once."""
    return load_profile(find_place(name))


def place_title(name: str) -> str:
    """What a place is called; a municipality as ``scenarios.vestland`` calls it, without reading its profile."""
    return f"{name.removeprefix(VESTLAND)} (Vestland)" if name.startswith(VESTLAND) else place_profile(name).title
