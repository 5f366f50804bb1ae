"""``vestland/NAME``: a municipality of Vestland as its classes in a ranking of the 43 hint at it.

A rank is not a level: the ranking says which municipalities lie higher, not by how much, and it is of all inhabitants. So
the profile is Øygarden's (``scenarios/profiles/oygarden.toml``, itself judgement), moved by the difference between the
classes of the two places, by a mapping in ``scenarios/profiles/basis/vestland.toml``. How far a difference moves anything is the
parameter ``rank_strength``, whose prior begins at nothing: each draw of parameters gives another municipality, as it
should. Nothing here is data about the municipality.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from scenarios.files import SHIPPED, read_toml, shown
from scenarios.profiles import VESTLAND, ProfileFile, read_profile
from simulation.errors import InputError, nearest

RANKING: Final = SHIPPED.parent / "calibration" / "evidence" / "vestland-ranking.csv"
MAPPING: Final = SHIPPED / "profiles" / "basis" / "vestland.toml"
BASE: Final = "oygarden"
HOME: Final = "Øygarden"
CLASSES: Final = 6
FEWEST_FAMILIES: Final = 10  # of a pool


@functools.cache
def ranking() -> dict[str, dict[str, int]]:
    """Class 1 (best) to 6 of each municipality in each element: vestland-ranking.csv."""
    with RANKING.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row.pop("municipality"): {element: int(value) for element, value in row.items()} for row in rows}


@functools.cache
def mapping() -> dict[str, Any]:
    """The mapping from elements of the ranking to numbers of a profile, and inhabitants: vestland.toml."""
    return read_toml(MAPPING)


def plain(name: str) -> str:
    """A name without case and diacritics, to be forgiving: ``Øygarden``, ``oygarden`` and ``Oeygarden`` are one."""
    text = name.casefold().replace("ø", "o").replace("æ", "a")
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", text.replace("oe", "o").replace("ae", "a").replace("aa", "a"))


def find_municipality(name: str) -> str:
    """The municipality's name as it is written; InputError with the nearest."""
    known = {plain(municipality): municipality for municipality in ranking()}
    asked = name.removeprefix(VESTLAND)
    if plain(asked) in known:
        return known[plain(asked)]
    near = nearest(plain(asked)[:80], known)
    for short, municipality in known.items():  # say the names as they are written
        near = re.sub(rf"\b{short}\b", municipality, near)
    raise InputError(f"there is no municipality {shown(asked[:80])} in Vestland", allowed=near)


def score(municipality: str, element: str) -> float:
    """A class as a place on a standard normal between municipalities: the middle of its sixth."""
    from scipy.special import ndtri

    return float(ndtri((ranking()[municipality][element] - 0.5) / CLASSES))


def ranks_of(municipality: str) -> dict[str, float]:
    """How far a municipality's numbers lie from Øygarden's, for each unit of ``rank_strength``."""
    found: dict[str, float] = {}
    for row in mapping()["mapping"]:
        shift = row["weight"] * (score(municipality, row["element"]) - score(HOME, row["element"]))
        name = row["quantity"].split(".")[1]
        found[name] = found.get(name, 0.0) + shift
    return {name: round(shift, 6) for name, shift in found.items()}


def municipality_profile(profile: str) -> ProfileFile:
    """Øygarden's profile with the size of the municipality; places and requests follow inhabitants.

    The prevalences are Øygarden's still: a draw of ``rank_strength`` moves them by :func:`ranks_of`.
    """
    municipality = find_municipality(profile)
    base = read_profile(BASE)
    size = mapping()["inhabitants"]
    factor = size["value"][municipality] / size["value"][HOME]
    grounds = {"source": size["source"], "grade": size["grade"], "reason": size["reason"]}
    families = max(FEWEST_FAMILIES, round(base.size.families.value * factor))
    name = VESTLAND + municipality
    services = {}
    for service, table in base.services:
        places = max(1, round(table.places.value * factor))
        asked = table.background_per_month.value * factor
        services[service] = table.model_copy(
            update={
                "places": table.places.model_copy(update={"value": places, **_scaled(grounds)}),
                "background_per_month": table.background_per_month.model_copy(
                    update={"value": asked, **_scaled(grounds)}
                ),
            }
        )
    inhabitants = base.size.families.model_copy(update={"value": float(size["value"][municipality]), **grounds})
    return base.model_copy(
        update={
            "profile": base.profile.model_copy(
                update={"name": name, "title": f"{municipality} (Vestland)", "about": mapping()["about"]}
            ),
            "size": base.size.model_copy(
                update={
                    "families": base.size.families.model_copy(update={"value": families, **_scaled(grounds)}),
                    "inhabitants": inhabitants,
                }
            ),
            "services": base.services.model_copy(update=services),
            "ranks": ranks_of(municipality),
            "targets": {},
        }
    )


def _scaled(grounds: Mapping[str, str]) -> dict[str, str]:
    return {**grounds, "reason": f"Øygarden's, by inhabitants. {grounds['reason']}"}
