"""The rates of a named month: tax, benefits, norms and prices, read from ``rates/YEAR.toml``.

A file holds every rate of its year as dated values with unit, source, grade and meaning, and rates change inside a
year (G and child benefit in May, housing caps in June, kindergarten prices in August), so they are looked up for a
month. A later year is a new file with the same names; years are never mixed. Shares are 0..1, amounts are in the
prices of the file's own year.

``RATES`` is one record with a field for each rate: the same names as in the files, f8, a few of them short arrays.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from simulation.errors import InputError, nearest

if TYPE_CHECKING:
    from simulation.plan import Profile

FOLDER: Final = Path(__file__).with_name("rates")
MONTH_OF_A_YEAR: Final = 9  # "2025" means September: every change inside the year has happened
PLACES: Final = ("other", "oslo", "large", "further")  # for the cap on housing cost; "other" is most municipalities
GRADES: Final = ("A", "B", "C", "D")
UNITS: Final = (
    "NOK a year",
    "NOK a month",
    "NOK a day",
    "G",
    "G a year",
    "share",
    "weight",
    "index, 2025 = 100",
    "years",
    "months",
    "months a year",
    "weeks",
    "days a year",
    "hours a week",
    "school grade",
    "0 or 1",
)

Value = float | tuple[float, ...]


@dataclass(frozen=True)
class Rate:
    """One rate of a year, as its file states it."""

    name: str
    meaning: str
    unit: str
    values: tuple[tuple[str, Value], ...]
    """(first month, value), in order of time."""
    source: tuple[str, ...]
    """Rows of the evidence tables, keys of their sources, or keys of the file's own ``[sources]``."""
    grade: str
    low: Value | None = None
    """Grade D: how far it may be off; a wider or narrower range than ``recollection_within`` is stated in the file."""
    high: Value | None = None
    reason: str = ""
    """Why it is only grade D."""

    def at(self, month: str) -> Value:
        """The value of a month: the last one that does not begin after it."""
        return [value for first, value in self.values if first <= month][-1]


def years() -> list[str]:
    """The years that have rates, as text, in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9][0-9][0-9].toml"))


def resolve_month(month: str) -> str:
    """``"2025"`` is September 2025, ``"2025-05"`` is itself; a month without rates is an :class:`InputError`."""
    text = str(month).strip()
    allowed = f"a year or a month of one, as 2025 or 2025-05; years with rates: {', '.join(years())}"
    match = re.fullmatch(r"(\d{4})(?:-(\d{2}))?", text)
    if match is None or (match[2] is not None and not 1 <= int(match[2]) <= 12):
        raise InputError(f"{text!r} is not a month", key="month", allowed=allowed)
    if match[1] not in years():
        raise InputError(f"there are no rates for {text}", key="month", allowed=allowed)
    return text if match[2] else f"{text}-{MONTH_OF_A_YEAR:02d}"


@cache
def rate_table(year: str) -> tuple[Rate, ...]:
    """Every rate of a year in the order of its file; checked: unit, source and grade are there, January has a value."""
    if str(year) not in years():
        resolve_month(str(year)[:4])
    return read_rates(FOLDER / f"{str(year)[:4]}.toml")


def read_rates(path: Path) -> tuple[Rate, ...]:
    """The rates of a file named after its year; InputError for an entry that is not whole, or of another year."""
    with path.open("rb") as file:
        document = tomllib.load(file)
    if str(document.get("year")) != path.stem:
        raise InputError(f"is {document.get('year')}", file=path.name, key="year", allowed=f"{path.stem}, as the file")
    within = float(document["recollection_within"])
    return tuple(_read(name, entry, path, within) for name, entry in document["rates"].items())


def _read(name: str, entry: Mapping[str, Any], path: Path, within: float) -> Rate:
    def wrong(problem: str, key: str, allowed: str) -> InputError:
        return InputError(problem, file=path.name, key=f"rates.{name}.{key}", allowed=allowed)

    for key in ("meaning", "unit", "values", "source", "grade"):
        if not entry.get(key):
            raise wrong("is missing", key, "every rate has meaning, unit, values, source and grade")
    if entry["unit"] not in UNITS:
        raise wrong(f"unknown unit {entry['unit']!r}", "unit", nearest(entry["unit"], UNITS))
    if entry["grade"] not in GRADES:
        raise wrong(f"unknown grade {entry['grade']!r}", "grade", "one of: " + ", ".join(GRADES))
    if entry["grade"] == "D" and not entry.get("reason"):
        raise wrong("is missing", "reason", "a rate of grade D says why")
    values = tuple((str(dated["from"]), _value(dated["value"])) for dated in entry["values"])
    first = [month for month, _ in values]
    if first != sorted(set(first)) or first[0] > f"{path.stem}-01":
        raise wrong("dates out of order, or none for January", "values", f"rising months, the first by {path.stem}-01")
    if first[-1] > f"{path.stem}-12":
        raise wrong(f"holds a value of {first[-1]}", "values", f"months up to {path.stem}-12; years are not mixed")
    low, high = (None if end not in entry else _value(entry[end]) for end in ("low", "high"))
    if entry["grade"] == "D":
        most = 1.0 if entry["unit"] in ("share", "0 or 1") else math.inf
        low = _scaled(values[-1][1], 1.0 - within, most) if low is None else low
        high = _scaled(values[-1][1], 1.0 + within, most) if high is None else high
    return Rate(
        name=name,
        meaning=entry["meaning"],
        unit=entry["unit"],
        values=values,
        source=tuple(entry["source"]),
        grade=entry["grade"],
        low=low,
        high=high,
        reason=entry.get("reason", ""),
    )


def _value(value: Any) -> Value:
    return tuple(float(v) for v in value) if isinstance(value, list) else float(value)


def _scaled(value: Value, factor: float, most: float) -> Value:
    if isinstance(value, tuple):
        return tuple(min(v * factor, most) for v in value)
    return min(value * factor, most)


def _shape(rate: Rate) -> tuple[int, ...]:
    value = rate.values[0][1]
    return (len(value),) if isinstance(value, tuple) else ()


def _record(year: str) -> np.dtype[Any]:
    return np.dtype((np.record, [(rate.name, "f8", _shape(rate)) for rate in rate_table(year)]))


RATES: Final = _record(years()[-1])


def load_rates(
    month: str, place: str = "other", changes: Mapping[str, float | tuple[float, ...]] | None = None
) -> NDArray[np.void]:
    """The rates of a month.

    Parameters
    ----------
    month : ``"2025-05"``, or ``"2025"`` for its September
    place : which cap on housing cost: ``oslo``, ``large`` (Bergen, Trondheim, Tromsø, Stavanger, Bærum), ``further``
        (nine further municipalities) or ``other``
    changes : rates set by hand, such as a municipality's own norm: ``{"norm_lone": 8500}``

    Returns
    -------
    array of shape (1,) and dtype ``RATES``; the rules take its record, ``load_rates(...)[0]``

    Raises
    ------
    InputError : a month without rates, an unknown place, an unknown rate, a change that does not fit its unit
    """
    month = resolve_month(month)
    if place not in PLACES:
        raise InputError(f"unknown place {place!r}", key="place", allowed=nearest(place, PLACES))
    table = {rate.name: rate for rate in rate_table(month[:4])}
    if set(table) != set(RATES.names or ()):
        odd = sorted(set(table) ^ set(RATES.names or ()))
        raise InputError(
            f"the names differ from those of {years()[-1]}.toml: {', '.join(odd)}",
            file=f"{month[:4]}.toml",
            allowed="every year has the same rates",
        )
    rates = np.zeros(1, RATES)
    for name, rate in table.items():
        rates[name] = rate.at(month)
    for name, value in (changes or {}).items():
        if name not in table:
            near = ", ".join(get_close_matches(name[:80], table, n=4)) or "norm_lone"
            raise InputError(
                f"there is no rate {name[:80]!r}", key="rates", allowed=f"the names in {month[:4]}.toml, as {near}"
            )
        rates[name] = _changed(table[name], value)
    if place != "other":
        rates["housing_cap"] += rates[f"housing_cap_{place}"][0]
    return rates


def _changed(rate: Rate, value: float | tuple[float, ...]) -> NDArray[np.float64]:
    """A value set by hand, if it may stand in the rate's place."""
    numbers = np.asarray(value, dtype=np.float64)
    most = 1.0 if rate.unit in ("share", "0 or 1") else math.inf
    length = len(rate.at("9999-12")) if isinstance(rate.at("9999-12"), tuple) else 1  # type: ignore[arg-type]
    if numbers.size != length or not np.all((numbers >= 0.0) & (numbers <= most) & np.isfinite(numbers)):
        size = "a number" if length == 1 else f"{length} numbers"
        span = "from 0 to 1" if most == 1.0 else "of 0 or more"
        raise InputError(f"cannot be {value}", key=rate.name, allowed=f"{size} {span}, {rate.unit}: {rate.meaning}")
    return numbers


def profile_rates(month: str, profile: Profile) -> NDArray[np.void]:
    """The rates of a month in a place: its cap on housing cost and what it has set itself, such as its own norms.

    Raises
    ------
    InputError : as :func:`load_rates`; or the place's own rates are of another year
    """
    year = resolve_month(month)[:4]
    if profile.rates and profile.rates_year != year:
        raise InputError(
            f"the profile {profile.name} has its own rates of {profile.rates_year or 'no year'}, the run is in prices of {year}",
            key="rates.year",
            allowed="one year for all: years are not mixed",
        )
    return load_rates(month, profile.housing_cap, profile.rates)


def to_2025_prices(rates: NDArray[np.void]) -> float:
    """What an amount of the rates' year is multiplied with to be in prices of 2025 (consumer price index)."""
    return 100.0 / float(rates["cpi"][0])
