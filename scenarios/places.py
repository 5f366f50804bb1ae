"""The places of a study over many: those that ``[[place]]`` states, and those of a list that comes with the program.

Each place is a municipality, or a district with an office of its own, and has families, services and luck of its own. What is
published of their families in lasting low income is too little for a profile of each. So a place of the list of Vestland is
inferred from a ranking (``scenarios.vestland``), and one of the list of Norway has the study's profile in its own size: the
note of a place says so, and nothing of it is data about the place but its inhabitants. No more is a profile that comes with the
program about a place that it is stated for; only a file of the user's own is taken to be.
"""

from __future__ import annotations

import csv
import functools
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scenarios.files import SHIPPED, Key, dotted
from scenarios.profiles import VESTLAND, is_shipped, load_profile
from scenarios.schema import MIN_FAMILIES, StudyFile
from scenarios.vestland import ranking
from simulation.errors import InputError
from simulation.plan import Profile

INHABITANTS: Final = SHIPPED.parent / "calibration" / "evidence" / "norway-inhabitants.csv"
INFERRED: Final = "inferred"
"""The note of a place whose figures are inferred from a ranking."""
BORROWED: Final = "borrowed"
"""The note of a place that has the study's profile, or another that comes with the program, in its own size."""
_AFTER_Z: Final = str.maketrans("æøå", "{|}")


@dataclass(frozen=True)
class KnownPlace:
    """A place with its profile, in the size of its pool."""

    name: str
    profile: Profile
    note: str = ""
    """``INFERRED``, ``BORROWED``, or empty where the place has a file of its own."""


def alphabetical(name: str) -> str:
    """A key to sort names by as Norwegians do: æ, ø and å last, other marks left out."""
    text = name.casefold().translate(_AFTER_Z)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def find_places(file: StudyFile, profile: Profile, blame: Callable[[Key], str]) -> tuple[KnownPlace, ...]:
    """The places of a study in alphabetical order; none where it is of one place.

    Parameters
    ----------
    file : the study's tables
    profile : of the places that state none
    blame : tells which file or option a key came from

    Raises
    ------
    InputError : a profile is wrong, or the families cannot be shared out
    """

    def wrong(key: Key, problem: str, allowed: str | None) -> InputError:
        return InputError(problem, file=blame(key), key=dotted(key), allowed=allowed)

    found = {place.name: place for place in _listed(file, profile, wrong)}
    for name, table in file.place.items():
        try:
            here = profile if table.profile is None else load_profile(table.profile)
            borrowed = table.profile is None or is_shipped(table.profile)
        except InputError as error:
            if error.file is not None:  # something within the profile's file
                raise
            raise wrong(("place", name, "profile"), error.problem, error.allowed) from None
        note = INFERRED if here.ranks and table.profile is not None else BORROWED if borrowed else ""
        found[name] = KnownPlace(name, here if table.families is None else here.for_pool(table.families), note)
    return tuple(sorted(found.values(), key=lambda place: (alphabetical(place.name), place.name)))


def _listed(file: StudyFile, profile: Profile, wrong: Callable[..., InputError]) -> list[KnownPlace]:
    """The places of a list that no ``[[place]]`` states, in their share of the study's families by inhabitants."""
    key, families = ("pool", "families"), file.pool.families
    if file.places.of is None:
        if file.place and families is not None:
            raise wrong(
                key,
                "is of one place, or is shared out over a list",
                'families in each [[place]], or [places] of = "..."',
            )
        return []
    if file.places.of == "vestland":
        profiles = {name: load_profile(VESTLAND + name) for name in ranking() if name not in file.place}
        weights = {name: float(here.inhabitants or 0.0) for name, here in profiles.items()}
        note = INFERRED
        if families is None:
            return [KnownPlace(name, here, note) for name, here in profiles.items()]
    else:
        weights = {name: count for name, count in inhabitants().items() if name not in file.place}
        profiles, note = dict.fromkeys(weights, profile), BORROWED
        if families is None:
            raise wrong(key, "is missing: how many families there are in all places of the list", "their number")
    if families < MIN_FAMILIES * len(profiles):
        raise wrong(key, f"{families} for {len(profiles)} places", f"{MIN_FAMILIES * len(profiles)} or more")
    sizes = share_out(families, weights)
    return [KnownPlace(name, here.for_pool(sizes[name]), note) for name, here in profiles.items()]


def share_out(families: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Families over places by weight, at least ``MIN_FAMILIES`` each: whole numbers that sum up, by the largest remainder."""
    small: dict[str, int] = {}
    while True:  # a place raised to the least there can be leaves a little less for the others, which may raise another
        rest = {name: weight for name, weight in weights.items() if name not in small}
        each = (families - sum(small.values())) / (sum(rest.values()) or 1.0)
        raised = {name: MIN_FAMILIES for name, weight in rest.items() if weight * each < MIN_FAMILIES}
        if not raised:
            break
        small |= raised
    whole = {name: int(weight * each) for name, weight in rest.items()}
    left = families - sum(small.values()) - sum(whole.values())
    for name in sorted(rest, key=lambda name: (whole[name] - rest[name] * each, name))[:left]:
        whole[name] += 1
    return {name: (small | whole)[name] for name in weights}


@functools.cache
def inhabitants() -> dict[str, float]:
    """Inhabitants of the municipalities of Norway, the four largest by district, as ``Oslo, Alna``."""
    with INHABITANTS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {", ".join(filter(None, (r["municipality"], r["district"]))): float(r["inhabitants"]) for r in rows}
