"""A grid of staffings in words, from its tables: staffings, the best for a budget, and where more coordinators stop helping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from results.language import capital, number, outcome_name, percent, say
from results.words import is_share, plain, unit

MILLION: Final = 1e6


def staffing(row: Any, lang: str, prefix: str = "") -> str:
    """``4 koordinatorer med 10 familier hver, 1,5 ganger plassene``; ``ingen koordinatorer`` for none."""
    coordinators, caseload, places = (float(row[f"{prefix}{name}"]) for name in ("coordinators", "caseload", "places"))
    one = "one" if coordinators == 1 else "some"
    numbers = {"coordinators": number(coordinators, lang), "caseload": number(caseload, lang)}
    text = say("frontier.nobody" if coordinators == 0 else f"frontier.staff_{one}", lang, **numbers)
    return text if places == 1.0 else say("frontier.with_places", lang, staffing=text, places=factor(places, lang))


def factor(places: float, lang: str) -> str:
    """A factor on places with as many decimals as it needs, at most two."""
    decimals = next((d for d in range(2) if abs(places - round(places, d)) < 1e-9), 2)
    return number(places, lang, decimals)


def millions(value: float, lang: str, decimals: int = 1) -> str:
    """NOK in millions, without the unit."""
    return number(value / MILLION, lang, decimals)


def effect(row: Any, outcome: str, lang: str, prefix: str = "") -> str:
    """``+0,6 [+0,3, +0,9] prosentpoeng``: a mean with its interval."""
    mean, low, high = (fine(float(row[f"{prefix}{name}"]), outcome, lang) for name in ("mean", "ci_low", "ci_high"))
    return say("frontier.interval", lang, mean=mean, low=low, high=high, unit=unit(outcome, lang))


def fine(value: float, outcome: str, lang: str) -> str:
    """A difference without its unit; shares to a hundredth of a point, since most are below one."""
    return number(100.0 * value, lang, 2, signed=True) if is_share(outcome) else plain(value, outcome, lang)


def holds_zero(row: Any) -> bool:
    """Whether the interval of a mean holds zero, or there is none."""
    return not (float(row["ci_low"]) > 0.0 or float(row["ci_high"]) < 0.0)


def budget_lines(budgets: pd.DataFrame, outcome: str, lang: str) -> list[str]:
    """The best staffing for each budget, for one outcome: a heading and a line a budget."""
    rows = budgets[budgets["outcome"] == outcome].to_dict("records")
    return [capital(outcome_name(outcome, lang)), *(f"  {budget_sentence(row, lang)}" for row in rows)]


def budget_sentence(row: Any, lang: str) -> str:
    """The best staffing for one budget and outcome, how sure that is, and the cheapest that is as good for all we know."""
    outcome = str(row["outcome"])
    text = say(
        f"frontier.{row['says']}", lang,
        budget=millions(float(row["budget"]), lang), staffing=staffing(row, lang), effect=effect(row, outcome, lang),
        cross=fine(float(row["cross_fitted"]), outcome, lang),
        probability=percent(float(row["prob_best"]), lang), helps=percent(float(row["prob_better"]), lang),
    )  # fmt: skip
    if row["says"] != "cannot_tell" and row["cheapest_staffing_cost_a_year"] < row["staffing_cost_a_year"]:
        cost = millions(float(row["cheapest_staffing_cost_a_year"]), lang)
        text += " " + say("frontier.cheaper", lang, staffing=staffing(row, lang, "cheapest_"), cost=cost)
    return text


def usual_caseload(marginal: pd.DataFrame, wanted: int) -> int:
    """The caseload of the grid nearest to the one wanted."""
    return min((int(k) for k in marginal["caseload"].unique() if k > 0), key=lambda k: (abs(k - wanted), k), default=0)


def saturation_lines(marginal: pd.DataFrame, outcomes: Sequence[str], wanted: int, lang: str) -> list[str]:
    """What the first and the last coordinator add, at about one caseload and today's places; a heading and a line each."""
    caseload = usual_caseload(marginal, wanted)
    rows = marginal[(marginal["caseload"] == caseload) & (marginal["places"] == 1.0)]
    steps = rows[rows["outcome"] == outcomes[0]].to_dict("records")
    if len(steps) < 2:
        return []
    first, last = steps[0], steps[-1]
    lines = [
        say(
            "frontier.saturation", lang, caseload=number(caseload, lang), first=number(first["to_coordinators"], lang),
            before=number(last["from_coordinators"], lang), last=number(last["to_coordinators"], lang),
            first_families=number(first["families_followed"], lang, 1),
            last_families=number(last["families_followed"], lang, 1), filled=percent(last["caseload_filled"], lang),
        )
    ]  # fmt: skip
    for outcome in outcomes:
        steps = rows[rows["outcome"] == outcome].to_dict("records")
        found = {"first": effect(steps[0], outcome, lang), "last": effect(steps[-1], outcome, lang)}
        line = say("frontier.first_and_last", lang, outcome=capital(outcome_name(outcome, lang)), **found)
        zero = say("frontier.from_zero", lang) if holds_zero(steps[-1]) else ""
        lines.append(f"  {line}{zero}")
    return lines


def places_lines(table: pd.DataFrame, services: Sequence[str], outcomes: Sequence[str], lang: str) -> list[str]:
    """What the most places change by themselves, without coordinators: a heading and a line an outcome."""
    alone = table[(table["coordinators"] == 0) & (table["places"] > 1.0)]
    if not services or not len(alone):
        return []
    most = alone[alone["places"] == alone["places"].max()]
    first = most.iloc[0]
    lines = [
        say(
            "frontier.places_alone", lang, places=factor(float(first["places"]), lang), services=service_names(services, lang),
            cost=millions(float(first["staffing_cost_a_year"]), lang),
        )
    ]  # fmt: skip
    for outcome in outcomes:
        row = most[most["outcome"] == outcome].iloc[0]
        zero = say("frontier.from_zero", lang) if holds_zero(row) else ""
        lines.append(f"  {capital(outcome_name(outcome, lang))}: {effect(row, outcome, lang)}{zero}")
    return lines


def service_names(services: Sequence[str], lang: str) -> str:
    """Services with commas between them, and a word before the last."""
    names = [say(f"service.{name}", lang) for name in services]
    return names[0] if len(names) == 1 else say("frontier.and", lang, first=", ".join(names[:-1]), last=names[-1])
