"""The report of a run, one HTML file that needs nothing else, from the saved tables and the manifest."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from results import calibration_figures, calibration_section, figures, files, incomes, style, words
from results.costs import PAYERS
from results.language import capital, number, outcome_name, percent, say
from results.run_folder import Manifest, Tables
from results.second import Second
from results.statistics import HEADLINES
from results.template import template
from simulation.names import CAPACITY, SERVICES

MAIN_OUTCOMES: Final = (
    *("employed_share", "full_time_share", "earnings", "disposable_income"),
    *("low_income_share", "lasting_low_income_share", "children_in_low_income_share"),
    *("social_assistance_share", "social_assistance_amount", "entitled_not_claimed"),
    *("child_participation_share", "adequate_housing_share", "trust"),
)
POPULATIONS: Final = ("eligible", "pool", "followed_in_both", "followed_in_one")
CALIBRATION: Final = "calibration-"  # how names of figures of the fit begin: they stand in its section
MOSTLY_FULL: Final = 0.95  # a caseload is called full from here on
FIRST_MONTH_FULL: Final = 6  # intake takes time: filling is judged from this month on

Row = dict[str, Any]


# ---- writing --------------------------------------------------------------------------------------------------------


Job = Callable[[], style.Picture]


def write_figures_and_report(
    folder: Path,
    tables: Tables,
    manifest: Manifest,
    lives: Mapping[str, Any] | None,
    lang: str,
    second: Second | None = None,
) -> Path:
    """Draw every figure into ``figures/`` and write ``report.html``; the path of the report.

    ``second`` is a process that draws its share of them at the same time, from the tables in the folder.
    """
    files.make_folder(folder / "figures")
    todo = jobs(tables, manifest, lives, lang)
    found: dict[int, style.Picture] = {}
    theirs = dict(shared(todo)) if second is not None else {}
    if second is not None:
        second.ask(manifest)
    for place, job in enumerate(todo):
        if place not in theirs:
            found[place] = save_picture(folder, job())
    for drawn in (second.drawn() if second is not None else None) or []:
        svg = (folder / "figures" / f"{drawn['name']}.svg").read_bytes()
        found[drawn["place"]] = style.Picture(drawn["name"], drawn["title"], drawn["alt"], {"svg": svg})
    for place, job in theirs.items():
        if place not in found:
            found[place] = save_picture(folder, job())
    pictures = [found[place] for place in range(len(todo))]
    _remove_old(folder / "figures", {picture.name for picture in pictures})
    path = folder / "report.html"
    files.write_text(path, render(tables, manifest, pictures, lang))
    return path


def save_picture(folder: Path, picture: style.Picture) -> style.Picture:
    """Write a figure's images into the run's folder; the figure."""
    files.make_folder(folder / "figures")
    style.save(folder / "figures", picture.name, picture.images)
    return picture


def shared(todo: Sequence[Job]) -> list[tuple[int, Job]]:
    """The figures that a second process draws, with their places: every other, since the long ones are much alike."""
    return list(enumerate(todo))[1::2]


def draw(tables: Tables, manifest: Manifest, lives: Mapping[str, Any] | None, lang: str) -> list[style.Picture]:
    """The figures that the tables have something for."""
    return [job() for job in jobs(tables, manifest, lives, lang)]


def jobs(tables: Tables, manifest: Manifest, lives: Mapping[str, Any] | None, lang: str) -> list[Job]:
    """A function for each figure that the tables have something for, in the order of the report."""
    arms = [str(arm) for arm in manifest["arms"]]
    if not len(tables.outcomes):
        return []
    todo: list[Job] = [partial(figures.headline, tables.outcomes, arms, lang)]
    todo += [partial(figures.differences, tables.differences, c, i, lang) for i, c in enumerate(manifest["contrasts"])]
    todo.append(partial(figures.sources, tables.outcomes, arms, lang))
    todo.append(partial(figures.services, tables.outcomes, arms, lang))
    todo.append(partial(figures.reach, tables.reach, arms, int(manifest["horizon"]), lang))
    if len(tables.incomes):
        prices = str(manifest.get("prices", "2025"))
        todo.append(partial(incomes.draw, tables.incomes, tables.incomes_by_household, prices, lang))
    if lives:
        todo.append(partial(figures.two_lives, **lives, lang=lang))
    note = calibration_section.fit_of(manifest)
    if note is not None:
        todo.append(partial(calibration_figures.parameters_figure, note.parameters(), lang))
        todo.append(partial(calibration_figures.targets_figure, note.asked(), lang))
    return todo


def _remove_old(folder: Path, names: set[str]) -> None:
    """Take away figures that an earlier run in this folder had and this one has not."""
    ours = ("differences-*", "two-lives.*", "incomes.*", f"{CALIBRATION}*")
    for path in [path for pattern in ours for path in folder.glob(pattern)]:
        if path.suffix in {".svg", ".png"} and path.stem not in names:
            path.unlink(missing_ok=True)


def render(tables: Tables, manifest: Manifest, pictures: Iterable[style.Picture], lang: str) -> str:
    """The report as HTML. Every name from a file is escaped."""
    months = number(float(manifest["horizon"]), lang)
    shown = [{"name": p.name, "title": p.title, "alt": p.alt, "source": _data_uri(p.images["svg"])} for p in pictures]
    return template("report.html.j2").render(
        lang=lang,
        say=partial(_say, lang),
        months=months,
        manifest=manifest,
        done=len(tables.outcomes) > 0,
        compared=_compared(manifest, lang),
        caveats=_caveats(manifest, lang),
        answers=_answers(tables.differences, manifest, lang),
        arms=_arms(tables, manifest, lang),
        filling=_filling(tables.outcomes, manifest, lang),
        overloaded=overloaded(tables.services, manifest, lang),
        pictures=[picture for picture in shown if not picture["name"].startswith(CALIBRATION)],
        calibration=calibration_section.section(manifest, lang),
        calibration_pictures=[picture for picture in shown if picture["name"].startswith(CALIBRATION)],
        contrasts=_contrasts(tables.differences, manifest, lang),
        costs=_costs(tables.cost_differences, manifest, lang),
        drift=_drift(tables.drift, lang),
        repeat=_repeat(manifest, lang),
    )


def _say(lang: str, key: str, **values: Any) -> str:
    return say(key, lang, **values)


def _data_uri(svg: bytes) -> Markup:
    """An image inside the page; as an image and not as markup, so that the names inside SVGs cannot clash."""
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(svg).decode("ascii")


# ---- what it says ---------------------------------------------------------------------------------------------------


def _setting(manifest: Manifest, section: str, key: str) -> Any:
    part = manifest["study"].get(section, {})
    return part.get(key) if isinstance(part, Mapping) else None


def _compared(manifest: Manifest, lang: str) -> str:
    families = _setting(manifest, "pool", "families")
    unknown = say("report.unknown", lang)
    return say(
        "report.arms_intro",
        lang,
        families=unknown if families is None else number(float(families), lang),
        profile=_setting(manifest, "study", "profile") or unknown,
        months=number(float(manifest["horizon"]), lang),
        replicates=number(float(manifest.get("replicates_done") or manifest["replicates"]), lang),
        draws=number(float(manifest.get("draws") or math.nan), lang),
    )


def _caveats(manifest: Manifest, lang: str) -> list[str]:
    """What a reader must know before using a number, the most important first."""
    posterior = str(manifest.get("posterior", "prior"))
    found = [say("report.trust_prior", lang)] if posterior == "prior" else []
    if posterior != "prior":
        found.append(say("report.trust_posterior", lang, posterior=posterior))
    if manifest.get("links") == "off":
        found.append(say("report.trust_links_off", lang))
    if _setting(manifest, "profile", "ranks"):
        found.append(say("profile.not_data", lang))
    return [*found, *(say(f"report.trust_{key}", lang) for key in ("holf", "before_after", "not_for"))]


def _at_horizon(table: pd.DataFrame, contrast: str, population: str) -> dict[str, Row]:
    """The last month of each outcome of a contrast, by outcome."""
    rows = table[(table.contrast == contrast) & (table.population == population)]
    if not len(rows):
        return {}
    last = rows[rows.month == rows.month.max()]
    return {str(row["outcome"]): {str(k): v for k, v in row.items()} for row in last.to_dict("records")}


def _answers(table: pd.DataFrame, manifest: Manifest, lang: str) -> list[Row]:
    """For each contrast, a sentence for each headline outcome."""
    found = []
    for contrast in manifest["contrasts"]:
        rows = _at_horizon(table, contrast["name"], "eligible")
        sentences = [
            words.difference_sentence(rows[outcome], contrast["arm"], contrast["against"], lang)
            for outcome in HEADLINES
            if outcome in rows
        ]
        found.append({"name": contrast["name"], "sentences": sentences})
    return found


def _contrasts(table: pd.DataFrame, manifest: Manifest, lang: str) -> list[Row]:
    """The table of main differences, one block a contrast."""
    found = []
    for contrast in manifest["contrasts"]:
        lines = []
        for population in POPULATIONS:
            rows = _at_horizon(table, contrast["name"], population)
            shown = [_difference(rows[outcome], lang) for outcome in MAIN_OUTCOMES if outcome in rows]
            if shown:
                lines.append({"population": capital(say(f"population.{population}", lang)), "rows": shown})
        found.append({**contrast, "populations": lines})
    return found


def _difference(row: Row, lang: str) -> Row:
    outcome = str(row["outcome"])
    has_interval = math.isfinite(float(row["ci_low"]))
    return {
        "outcome": capital(outcome_name(outcome, lang)),
        "unit": words.unit(outcome, lang),
        "mean": words.plain(float(row["mean"]), outcome, lang),
        "ci": _range(row, "ci_low", "ci_high", lang) if has_interval else "",
        "spread": _range(row, "p05", "p95", lang),
        "prob": percent(float(row["prob_better"]), lang),
        "words": words.difference_short(row, lang),
    }


def _range(row: Mapping[Any, Any], low: str, high: str, lang: str) -> str:
    """Two ends of an interval of an outcome."""
    outcome = str(row["outcome"])
    ends = {key: words.plain(float(row[name]), outcome, lang) for key, name in (("low", low), ("high", high))}
    return say("size.range", lang, **ends)


def _arms(tables: Tables, manifest: Manifest, lang: str) -> list[Row]:
    """What each arm is, and how much follow-up it gave."""
    reach = {
        (str(row["arm"]), str(row["measure"])): float(row["mean"]) for row in tables.reach.to_dict("records")
    }  # fmt: skip
    settings, filled = _arm_settings(manifest), _filled(tables.outcomes)
    found = []
    for arm in map(str, manifest["arms"]):
        own = settings.get(arm, {})
        coordinators, caseload = own.get("coordinators"), own.get("caseload")
        has = bool(coordinators)
        found.append(
            {
                "name": arm,
                "coordinators": _count(coordinators, lang),
                "caseload": _count(caseload if has else None, lang),
                "places": _count(coordinators * caseload if has and caseload else None, lang),
                "filled": percent(filled.get(arm, math.nan), lang),
                "followed": number(reach.get((arm, "families_ever_followed"), math.nan), lang),
                "hours": number(reach.get((arm, "contact_hours_per_family"), math.nan), lang, 1),
            }
        )
    return found


def _count(value: Any, lang: str) -> str:
    return say("report.no_value", lang) if value is None else number(float(value), lang)


def _arm_settings(manifest: Manifest) -> dict[str, Row]:
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


def _filling(outcomes: pd.DataFrame, manifest: Manifest, lang: str) -> list[str]:
    """Whether places stood empty, and whether fewer families were eligible than there were places."""
    settings, found = _arm_settings(manifest), []
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


def overloaded(services: pd.DataFrame, manifest: Manifest, lang: str) -> list[Row]:
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
    for place in (_arm_settings(manifest).get(arm, {}), manifest["study"].get("profile", {})):
        plan = place.get("services", {}).get(service) if isinstance(place, Mapping) else None
        if plan:
            return str(plan["mode"])
    return "hard"


def _costs(table: pd.DataFrame, manifest: Manifest, lang: str) -> list[Row]:
    """The difference in discounted costs of each contrast: every payer's total, and the coordinators."""
    found = []
    for contrast in manifest["contrasts"]:
        rows = table[(table.contrast == contrast["name"]) & (table.unit == "NOK, discounted")]
        lines = [
            _cost(row, say("report.cost_coordinators", lang) if row["item"] == "coordinators" else "", lang)
            for row in rows.to_dict("records")
            if row["item"] == "total" or (row["item"] == "coordinators" and row["payer"] == "municipality")
        ]
        # A payer's total comes before its parts.
        lines.sort(key=lambda line: (PAYERS.index(line["payer_key"]), bool(line["item"])))
        found.append({"name": contrast["name"], "rows": lines})
    return [block for block in found if block["rows"]]


def _cost(row: Mapping[Any, Any], item: str, lang: str) -> Row:
    millions = {name: number(float(row[name]) / 1e6, lang, 2, signed=True) for name in ("mean", "p05", "p95")}
    return {
        "payer_key": str(row["payer"]),
        "payer": capital(say(f"payer.{row['payer']}", lang)),
        "item": item,
        "mean": f"{millions['mean']} {say('unit.million', lang)}",
        "spread": say("size.range", lang, low=millions["p05"], high=millions["p95"]),
    }


def _drift(table: pd.DataFrame, lang: str) -> list[Row]:
    """How the pool changes by itself, for the main outcomes."""
    rows = {str(row["outcome"]): row for row in table.to_dict("records")}
    return [
        {
            "outcome": capital(outcome_name(outcome, lang)),
            "change": f"{words.plain(float(rows[outcome]['mean']), outcome, lang)} {words.unit(outcome, lang)}",
            "spread": _range(rows[outcome], "p05", "p95", lang),
        }
        for outcome in MAIN_OUTCOMES
        if outcome in rows
    ]


def _repeat(manifest: Manifest, lang: str) -> list[tuple[str, str]]:
    """The facts that are needed to repeat the run: heading and value."""
    unknown = say("report.unknown", lang)
    commit = str(manifest.get("git_commit") or unknown)
    if manifest.get("git_modified"):
        commit += f" ({say('report.repeat_modified', lang)})"
    packages = {"Python": manifest.get("python"), **(manifest.get("packages") or {})}
    seconds = number(float(manifest.get("wall_seconds", math.nan)), lang, 1)
    lines = [
        ("command", str(manifest.get("command", unknown))),
        ("seed", str(manifest["seed"])),
        ("version", str(manifest["version"])),
        ("commit", commit),
        ("source", str(manifest.get("source_hash", unknown))),
        ("draws", str(manifest.get("parameter_draws") or unknown)),
        ("packages", ", ".join(f"{name} {version}" for name, version in packages.items() if version)),
        ("time", say("report.repeat_seconds", lang, seconds=seconds)),
    ]
    return [(say(f"report.repeat_{key}", lang), value) for key, value in lines]
