"""What was compared, in the report: what each arm is, how much follow-up it gave, and which services were full."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd

from results.blocks import Block, Box, Column, Items, Row, Table, Text
from results.language import capital, number, percent, say
from simulation.names import CAPACITY, SERVICES

MOSTLY_FULL: Final = 0.95  # a caseload is called full from here on
FIRST_MONTH_FULL: Final = 6  # intake takes time: filling is judged from this month on

Manifest = Mapping[str, Any]
Settings = dict[str, Any]


def blocks(tables: Any, manifest: Manifest, lang: str) -> Iterator[Block]:
    """The arms, how full they were, and the services that could not keep up."""
    yield arms_table(tables, manifest, lang)
    yield from map(Text, filling(tables.outcomes, manifest, lang))
    for block in overloaded(tables.services, manifest, lang):
        yield Box("", (Text(block["sentence"]), Items(tuple(block["items"]))), warning=True)


def arms_table(tables: Any, manifest: Manifest, lang: str) -> Table:
    """What each arm is, and how much follow-up it gave."""
    rows = tables.reach.to_dict("records")
    reach = {(str(row["arm"]), str(row["measure"])): float(row["mean"]) for row in rows}
    settings, filled = arm_settings(manifest), _filled(tables.outcomes)
    lines = []
    for arm in map(str, manifest["arms"]):
        own = settings.get(arm, {})
        coordinators, caseload = own.get("coordinators"), own.get("caseload")
        has = bool(coordinators)
        lines.append(
            Row.of(
                capital(arm),
                _count(coordinators, lang),
                _count(caseload if has else None, lang),
                _count(coordinators * caseload if has and caseload else None, lang),
                percent(filled.get(arm, math.nan), lang),
                number(reach.get((arm, "families_ever_followed"), math.nan), lang),
                number(reach.get((arm, "contact_hours_per_family"), math.nan), lang, 1),
            )
        )
    keys = ("coordinators", "caseload", "places", "filled", "ever_followed", "hours_per_family")
    columns = (Column(say("report.arm", lang)), *(Column(say(f"report.{key}", lang), number=True) for key in keys))
    return Table(say("document.arms_caption", lang), columns, tuple(lines), "reach.csv")


def _count(value: Any, lang: str) -> str:
    return say("report.no_value", lang) if value is None else number(float(value), lang)


def arm_settings(manifest: Manifest) -> dict[str, Settings]:
    """What the resolved study says of each arm."""
    arms = manifest["study"].get("arms", manifest["study"].get("arm", []))
    if isinstance(arms, Mapping):
        arms = [{"name": name, **settings} for name, settings in arms.items()]
    return {str(arm.get("name")): dict(arm) for arm in arms if isinstance(arm, Mapping)}


def _filled(outcomes: pd.DataFrame) -> dict[str, float]:
    """Share of coordinator places in use by arm, mean of the months after the first intake."""
    rows = outcomes[
        (outcomes.outcome == "caseload_filled") & (outcomes.population == "pool") & (outcomes.clock == "study")
    ]
    late = rows[rows.month >= min(FIRST_MONTH_FULL, rows.month.max() if len(rows) else 0)]
    return {str(arm): float(value) for arm, value in late.groupby("arm", sort=False)["mean"].mean().items()}


def filling(outcomes: pd.DataFrame, manifest: Manifest, lang: str) -> list[str]:
    """Whether places stood empty, and whether fewer families were eligible than there were places."""
    settings, found = arm_settings(manifest), []
    filled = {arm: share for arm, share in _filled(outcomes).items() if settings.get(arm, {}).get("coordinators", 1)}
    for arm, share in filled.items():
        if share < MOSTLY_FULL:
            found.append(say("report.places_empty", lang, arm=arm, share=percent(share, lang)))
    if filled and not found:
        found.append(say("report.places_all_full", lang))
    eligible = manifest.get("eligible_families")
    for arm, own in settings.items():
        places = (own.get("coordinators") or 0) * (own.get("caseload") or 0)
        if eligible is not None and float(eligible) < places:
            numbers = {"eligible": number(float(eligible), lang), "places": number(places, lang)}
            found.append(say("report.fewer_eligible", lang, arm=arm, **numbers))
    return found


def overloaded(services: pd.DataFrame, manifest: Manifest, lang: str) -> list[Settings]:
    """Services asked for at least as much as their places can give, in more than half of the replicates.

    One block for those with a queue (``hard``), which then cannot be stable, and one for those that take everybody (``soft``):
    a sentence and an item for each service.
    """
    means = {(r["service"], r["measure"], r["arm"]): float(r["mean"]) for r in services.to_dict("records")}
    found = []
    for mode in CAPACITY:
        items = []
        for service in SERVICES:
            arms = [
                arm
                for arm in manifest["arms"]
                if means.get((service, "overloaded", arm), 0.0) > 0.5
                and means.get((service, "offered_load", arm), math.inf) >= 1.0
                and _mode(manifest, arm, service) == mode
            ]
            if arms:
                loads = sorted(means.get((service, "offered_load", arm), math.inf) for arm in arms)
                where = say("report.overloaded_everywhere", lang) if arms == manifest["arms"] else ", ".join(arms)
                name, load = capital(say(f"service.{service}", lang)), _from_to(loads[0], loads[-1], lang)
                items.append(say("report.overloaded_item", lang, service=name, load=load, arms=where))
        if items:
            found.append({"sentence": say(f"report.overloaded_{mode}", lang), "items": items})
    return found


def _from_to(low: float, high: float, lang: str) -> str:
    """Two shares, or one where they are shown alike."""
    ends = percent(low, lang), percent(high, lang)
    return ends[0] if ends[0] == ends[1] else say("size.range", lang, low=ends[0], high=ends[1])


def _mode(manifest: Manifest, arm: str, service: str) -> str:
    """``hard`` or ``soft``, in an arm: as the arm sets it, or else the profile."""
    for place in (arm_settings(manifest).get(arm, {}), manifest["study"].get("profile", {})):
        plan = place.get("services", {}).get(service) if isinstance(place, Mapping) else None
        if plan:
            return str(plan["mode"])
    return "hard"
