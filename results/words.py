"""Sentences from figures, with the certainty that the figures have and no more.

A difference is called likely only when the spread over draws, the Monte Carlo interval of the mean and the probability
all say so. What happens over time in one arm is never called an effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from results.language import capital, number, outcome_name, percent, say
from simulation.outcomes import OUTCOMES

LIKELY: Final = 0.90  # a direction is likely beyond this probability
ALMOST_CERTAIN: Final = 0.99
FEWEST_DRAWS: Final = 20  # below this, percentiles over draws say nothing

UNITS: Final = {outcome.name: outcome.unit for outcome in OUTCOMES}
BETTER: Final = {outcome.name: outcome.better for outcome in OUTCOMES}

Row = Mapping[str, Any]


def verdict(row: Row) -> str:
    """How sure a row of ``differences.csv`` is: ``zero``, ``few``, ``unknown``, ``likely`` or ``almost_certain``."""
    values = [float(row[name]) for name in ("mean", "ci_low", "ci_high", "p05", "p95")]
    mean, ci_low, ci_high, p05, p95 = values
    if all(value == 0.0 for value in values):
        return "zero"
    if float(row.get("draws", FEWEST_DRAWS)) < FEWEST_DRAWS or any(math.isnan(value) for value in values):
        return "few"
    if p05 <= 0.0 <= p95 or ci_low <= 0.0 <= ci_high or (mean > 0) != (p05 > 0):
        return "unknown"
    probability = float(row["prob_better"])
    # Where neither direction is better there is no such probability, and the interval alone decides.
    sure = max(probability, 1.0 - probability) if not math.isnan(probability) else LIKELY + 1e-9
    if sure <= LIKELY:
        return "unknown"
    return "almost_certain" if sure >= ALMOST_CERTAIN else "likely"


def difference_sentence(row: Row, arm: str, against: str, lang: str) -> str:
    """One row of ``differences.csv`` as a sentence about two arms."""
    return capital(say(f"verdict.{verdict(row)}", lang, arm=arm, against=against, **_parts(row, lang)))


def difference_title(row: Row, lang: str) -> str:
    """The same as the title of a panel."""
    return say(f"title.{verdict(row)}", lang, panel=say(f"panel.{row['outcome']}_short", lang), **_parts(row, lang))


def difference_short(row: Row, lang: str) -> str:
    """The same in two words, for a table."""
    return say(f"short.{verdict(row)}", lang, **_parts(row, lang))


def change_sentence(outcome: str, arm: str, first: tuple[int, float], last: tuple[int, float], lang: str) -> str:
    """What happened over time in one arm, (month, value) to (month, value), so that nobody takes it for an effect."""
    return capital(
        say(
            "change.sentence",
            lang,
            outcome=outcome_name(outcome, lang),
            arm=arm,
            first=level(first[1], outcome, lang),
            last=level(last[1], outcome, lang),
            month_a=number(first[0], lang),
            month_b=number(last[0], lang),
        )
    )


def _parts(row: Row, lang: str) -> dict[str, str]:
    """Everything a sentence may ask for."""
    outcome = str(row["outcome"])
    name = outcome_name(outcome, lang)
    return {
        "outcome": name,
        "a": "a " if name.startswith(("share", "number")) else "",  # the English article; "higher earnings" has none
        "direction": say("direction.up" if float(row["mean"]) > 0 else "direction.down", lang),
        "size": size(float(row["mean"]), outcome, lang),
        "interval": interval(float(row["p05"]), float(row["p95"]), outcome, lang),
        "draws": number(float(row.get("draws", math.nan)), lang),
    }


# ---- sizes ----------------------------------------------------------------------------------------------------------


def is_share(outcome: str) -> bool:
    """Whether an outcome is a share, told in per cent and percentage points."""
    return UNITS[outcome].startswith("share")


def unit(outcome: str, lang: str) -> str:
    """The unit of a difference in an outcome."""
    if is_share(outcome):
        return say("unit.points", lang)
    start = UNITS[outcome].split()[0]
    key = {"NOK": "nok", "months": "months", "hours": "hours", "number": "number"}.get(start, "scale")
    return say(f"unit.{key}", lang)


def plain(value: float, outcome: str, lang: str, *, signed: bool = True) -> str:
    """A difference without its unit: points for shares, whole tens of kroner, else two decimals."""
    if is_share(outcome):
        return number(100.0 * value, lang, 1, signed=signed)
    if UNITS[outcome].startswith("NOK"):
        return number(round(value, -1) if abs(value) >= 100 else value, lang, 0, signed=signed)
    return number(value, lang, 2, signed=signed)


def plain_range(low: float, high: float, outcome: str, lang: str) -> str:
    """Two ends of an interval of differences without their unit: ``−0,8 til +1,9``."""
    return say("size.range", lang, low=plain(low, outcome, lang), high=plain(high, outcome, lang))


def size(value: float, outcome: str, lang: str) -> str:
    """How large a difference is, in natural units: ``1,2 prosentpoeng (1 av 100 foreldre)``."""
    text = f"{_not_nothing(value, outcome, lang)} {unit(outcome, lang)}"
    return f"{text} ({in_hundred(value, outcome, lang)})" if is_share(outcome) else text


def _not_nothing(value: float, outcome: str, lang: str) -> str:
    """The size without sign; what would be rounded to nothing is ``under`` the smallest that is shown."""
    smallest = 0.001 if is_share(outcome) else (1.0 if UNITS[outcome].startswith("NOK") else 0.01)
    if value != 0 and abs(value) < smallest / 2:
        return say("size.under", lang, value=plain(smallest, outcome, lang, signed=False))
    return plain(abs(value), outcome, lang, signed=False)


def interval(low: float, high: float, outcome: str, lang: str) -> str:
    """``mellom −0,8 og +1,9 prosentpoeng``."""
    ends = {"low": plain(low, outcome, lang), "high": plain(high, outcome, lang)}
    return say("size.between", lang, **ends, unit=unit(outcome, lang))


def in_hundred(value: float, outcome: str, lang: str) -> str:
    """A difference between shares as people: ``3 av 100 foreldre``."""
    words = UNITS[outcome].split()
    group = say(f"group.{words[2] if len(words) > 2 and words[2] in GROUPS else 'persons'}", lang)
    if "coordinator" in words:
        group = say("group.places", lang)
    count = round(100.0 * abs(value))
    if count == 0:
        return say("size.in_hundred_under", lang, group=group)
    return say("size.in_hundred", lang, value=number(count, lang), group=group)


GROUPS: Final = ("parents", "families", "children", "places")


def level(value: float, outcome: str, lang: str) -> str:
    """The level of an outcome with its unit: ``34 %``, ``31 800 kroner i måneden per familie``."""
    if is_share(outcome):
        return percent(value, lang)
    return f"{plain(value, outcome, lang, signed=False)} {unit(outcome, lang)}"
