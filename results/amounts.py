"""Kroner and other amounts of the budget, as each language writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from results import words
from results.language import catalogue, number, outcome_name, say

MILLION: Final = 1e6
FIGURES: Final = 3  # significant, of an amount under a million
LEAST_WITH_POINT: Final = 1.0
DECIMALS_BELOW: Final = 100.0

Row = Mapping[Any, Any]


def kroner(value: float, lang: str, *, signed: bool = False) -> str:
    """An amount: millions with two decimals, smaller ones to three figures; ``–`` when there is none."""
    if not math.isfinite(value):
        return "–"
    kind = "million" if abs(value) >= MILLION else "kroner"
    return say(f"budget.{kind}", lang, value=_figures(value, lang, signed=signed))


def kroner_range(low: float, high: float, lang: str) -> str:
    """Two ends of an interval of kroner, signed; the unit once where it is the same."""
    finite = math.isfinite(low) and math.isfinite(high)
    if finite and (abs(low) >= MILLION) == (abs(high) >= MILLION):
        ends = {"low": _figures(low, lang, signed=True), "high": _figures(high, lang, signed=True)}
        kind = "million" if abs(low) >= MILLION else "kroner"
        return say(f"budget.{kind}", lang, value=say("size.range", lang, **ends))
    return say("size.range", lang, low=kroner(low, lang, signed=True), high=kroner(high, lang, signed=True))


def _figures(value: float, lang: str, *, signed: bool) -> str:
    """Millions with two decimals, or whole kroner to three figures, without their unit."""
    if abs(value) >= MILLION:
        return number(value / MILLION, lang, 2, signed=signed)
    digits = 0 if value == 0 else FIGURES - 1 - math.floor(math.log10(abs(value)))
    return number(round(value, min(digits, 0)), lang, signed=signed)


def quantity(value: float, lang: str, *, signed: bool = True) -> str:
    """Years or months of a whole pool: one decimal, none from a hundred on."""
    return number(value, lang, 0 if abs(value) >= DECIMALS_BELOW else 1, signed=signed)


def measured(value: float, row: Row, lang: str, *, signed: bool = True) -> str:
    """A value of ``consequences.csv`` as its kind is written, without its unit where that stands in the name."""
    if row["kind"] == "cost":
        return kroner(value, lang, signed=signed)
    if row["kind"] == "gain":
        return quantity(value, lang, signed=signed)
    return words.plain(value, str(row["name"]), lang, signed=signed)


def measured_range(low: float, high: float, row: Row, lang: str) -> str:
    """Two ends of an interval of ``consequences.csv``, signed."""
    if row["kind"] == "cost":
        return kroner_range(low, high, lang)
    return say("size.range", lang, low=measured(low, row, lang), high=measured(high, row, lang))


def words_for(section: str, key: str, lang: str) -> str:
    """The words of a key; the key itself where there are none, so that a new item is shown and not lost."""
    found = catalogue().get(section, {}).get(key)
    return key if found is None else found[lang]


def payer_name(payer: str, lang: str) -> str:
    """Who pays."""
    return words_for("payer" if payer in catalogue()["payer"] else "budget", payer, lang)


def item_name(item: str, lang: str) -> str:
    """A line of the accounts."""
    if item.startswith("service_"):
        service = words_for("service", item.removeprefix("service_"), lang)
        return say("cost_item.service", lang, name=service)
    for section in ("cost_item", "source"):
        if item in catalogue()[section]:
            return say(f"{section}.{item}", lang)
    return item


def consequence_name(row: Row, lang: str) -> str:
    """A line of the cost-consequence table."""
    name = str(row["name"])
    if row["kind"] == "outcome":
        return outcome_name(name, lang)
    return payer_name(name, lang)


def unit_name(unit: str, lang: str) -> str:
    """A unit as a file writes it, in the language."""
    return words_for("file_unit", unit, lang)
