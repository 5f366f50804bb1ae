"""Stated values of gains: ``scenarios/values/*.toml``, what a year in work or out of low income is worth beyond the accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field

from results.files import file_of_year
from scenarios.files import Table, check, read_toml
from simulation.errors import InputError
from simulation.outcomes import FloatArray

FOLDER: Final = Path(__file__).resolve().parent.parent / "scenarios" / "values"
GAINS: Final = (
    *("parent_years_in_work", "child_years_taking_part", "child_years_out_of_low_income"),
    *("family_years_without_assistance", "family_kroner"),
)
"""What a pool gains over a horizon, discounted: years of the name, and NOK more to live on."""


class GainEntry(Table):
    """The value of one gain, with where it comes from."""

    value: Annotated[float, Field(ge=0, le=1e9)]
    unit: str
    source: str
    grade: Literal["A", "B", "C", "D"]
    reason: str = ""


class _Gains(Table):
    parent_years_in_work: GainEntry
    child_years_taking_part: GainEntry
    child_years_out_of_low_income: GainEntry
    family_years_without_assistance: GainEntry
    family_kroner: GainEntry


class _File(Table):
    prices: str
    gain: _Gains


@dataclass(frozen=True)
class Values:
    """Stated values in one year's prices."""

    prices: str
    entries: dict[str, GainEntry]
    """of every one of ``GAINS``"""

    def weights(self) -> FloatArray:
        """NOK for a unit of each of ``GAINS``, (len(GAINS),)."""
        return np.array([self.entries[name].value for name in GAINS])


def values_path(prices: str) -> Path:
    """The file with the values in a year's prices.

    Raises
    ------
    InputError : there is none
    """
    return file_of_year(FOLDER, prices, "stated values")


def load_values(path: Path, prices: str | None = None) -> Values:
    """Read a file of values, shipped or a user's own.

    Parameters
    ----------
    prices : the year that the study is in, where it matters

    Raises
    ------
    InputError : the file cannot be read, a key is missing, unknown or out of range, a grade D has no reason, or the prices
        are of another year
    """
    file = check(_File, read_toml(path), lambda _: path)
    entries: dict[str, GainEntry] = {name: getattr(file.gain, name) for name in GAINS}
    for name, entry in entries.items():
        if entry.grade == "D" and not entry.reason.strip():
            raise InputError("is missing", file=path, key=f"gain.{name}.reason", allowed="text: why, for grade D")
    if prices not in (None, file.prices):
        problem = f"the values are in kroner of {file.prices}, the study in those of {prices}"
        raise InputError(problem, file=path, key="prices", allowed=f'"{prices}": years are not mixed')
    return Values(file.prices, entries)
