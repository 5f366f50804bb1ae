"""What the report says of the fit that a run's parameters come from, in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from results.blocks import Block, Box, Cell, Column, Heading, Items, Row, Table, Text
from results.calibration import FitNote, note_of
from results.language import PERCENT, capital, catalogue, input_name, number, outcome_name, percent, say
from results.versions import same_results

MOST_SILENT: Final = 10
"""So many parameters are named of those that the data say nothing about."""
SHIPPED: Final = ("norway", "caseload", "bergen")
"""Targets files whose content is told in words."""

Section = dict[str, Any]


def section(manifest: Mapping[str, Any], lang: str) -> Section | None:
    """What the template shows of a run's fit; None where the parameters come from no fit that tells of itself."""
    note = fit_of(manifest)
    if note is None:
        return None
    asked = note.asked()
    null = asked["kind"] == "not_significant"
    return {
        "fitted": _fitted(note, asked, lang),
        "about_nulls": _about_nulls(asked[null], lang),
        "nulls": [_null_row(row, lang) for row in asked[null].itertuples()],
        "about_values": _about_values(asked[~null], lang),
        "values": [
            _value_row(row, name, lang)
            for row, name in zip(asked[~null].itertuples(), told_apart(asked[~null], lang), strict=True)
        ],
        "outside": [_outside(row, lang) for row in asked[~asked["inside"]].itertuples()],
        "silent": _silent(note.parameters(), lang),
        "worth": _worth(note, manifest, lang),
        "command": note.command,
    }


def fit_of(manifest: Mapping[str, Any]) -> FitNote | None:
    """The note of the fit that a run's parameters come from."""
    return None if str(manifest.get("posterior", "prior")) == "prior" else note_of(manifest.get("calibration"))


def blocks(manifest: Mapping[str, Any], lang: str) -> Iterator[Block]:
    """The same as blocks of the report; none where the parameters come from no fit that tells of itself."""
    told = section(manifest, lang)
    if told is None:
        return
    yield from map(Text, told["fitted"])
    if told["nulls"]:
        yield Heading(say("calibration.nulls_heading", lang))
        yield from map(Text, told["about_nulls"])
        yield _table("nulls", told["nulls"], ("month", "before", "after", "role"), lang)
    if told["values"]:
        yield Heading(say("calibration.values_heading", lang))
        yield from map(Text, told["about_values"])
    if told["outside"]:
        outside = (Text(say("calibration.outside_intro", lang)), Items(tuple(told["outside"])))
        yield Box("", outside, warning=True)
    else:
        yield Text(say("calibration.all_inside", lang))
    if told["values"]:
        yield _table("values", told["values"], ("published", "before", "after", "inside", "role"), lang)
    yield Heading(say("calibration.silent_heading", lang))
    silent = told["silent"]
    named = " ".join(part for part in (", ".join(silent["names"]), silent["more"]) if part)
    yield Text(" ".join(part for part in (silent["sentence"], named and f"{named.rstrip('.')}.") if part))
    yield Text(say("calibration.silent_rest", lang))
    yield Text(" ".join(told["worth"]))
    if told["command"]:
        yield Text(say("calibration.made_with", lang), code=told["command"])


HEADINGS: Final = {
    "nulls": {"before": "of_hundred_before", "after": "of_hundred_after"},
    "values": {"before": "model_before", "after": "model_after", "inside": "whether_inside"},
}
WORDS: Final = ("inside", "role")


def _table(kind: str, rows: list[Section], keys: tuple[str, ...], lang: str) -> Table:
    """A row a target."""
    titles = [say(f"calibration.{HEADINGS[kind].get(key, key)}", lang) for key in keys]
    columns = [Column(title, number=key not in WORDS) for title, key in zip(titles, keys, strict=True)]
    lines = []
    for row in rows:
        other = row["lang"] if row["lang"] != lang else ""
        lines.append(Row.of(Cell(row["name"], row["target"], other), *(row[key] for key in keys)))
    caption = say(f"calibration.{kind}_heading", lang)
    return Table(caption, (Column(say("calibration.what", lang)), *columns), tuple(lines), "manifest.json")


# ---- paragraphs ------------------------------------------------------------------------------------------------------


def _fitted(note: FitNote, asked: pd.DataFrame, lang: str) -> list[str]:
    """What the model was fitted to."""
    fitted = asked[asked["role"] == "fit"]
    nulls = int((fitted["kind"] == "not_significant").sum())
    counts = {"values": len(fitted) - nulls, "nulls": nulls, "checked": len(asked) - len(fitted)}
    told = {key: number(count, lang) for key, count in counts.items()}
    found = [say("calibration.fitted", lang, targets=note.targets, **told)]
    read = {Path(name).stem for name in note.files}
    parts = ["holf"] * of_holf(fitted) + [name for name in SHIPPED if name in read]
    if parts:
        listed = [say(f"calibration.from_{part}", lang) for part in parts]
        found.append(say("calibration.from", lang, parts="; ".join(listed)))
    return found


def of_holf(asked: pd.DataFrame) -> bool:
    """Whether there are nulls of the HOLF trial among targets."""
    trial = (asked["kind"] == "not_significant") & asked["statistic"].str.startswith("trial.")
    return bool((trial & asked["source"].str.startswith("holf-")).any())


def _about_nulls(nulls: pd.DataFrame, lang: str) -> list[str]:
    """What a null means, and the one that the fitted model repeats least often."""
    if not len(nulls):
        return []
    found = [say("calibration.nulls_holf" if of_holf(nulls) else "calibration.nulls_other", lang)]
    repeated = nulls.dropna(subset=["not_significant"])
    if len(repeated):
        row: Any = next(repeated.nsmallest(1, "not_significant").itertuples())
        told = {"after": _hundred(row.not_significant, lang), "before": _hundred(row.prior_not_significant, lang)}
        told["name"], _ = words_of(row.statistic, row.meaning, lang)
        found.append(say("calibration.nulls_lowest", lang, target=row.target, **told))
        if row.not_significant < 0.5:
            found.append(say("calibration.nulls_rather", lang))
    return found


def _about_values(values: pd.DataFrame, lang: str) -> list[str]:
    """How many published figures lie inside, of those that were fitted and of those that were not."""
    found = []
    for role in ("fit", "validate"):
        some = values[values["role"] == role]
        if len(some):
            counts = {"count": len(some), "inside": some["inside"].sum(), "before": some["prior_inside"].sum()}
            told = {key: number(int(count), lang) for key, count in counts.items()}
            found.append(say(f"calibration.values_{role}", lang, **told))
    return found


def _outside(row: Any, lang: str) -> str:
    """What was published and is not what the model says."""
    name = capital(words_of(row.statistic, row.meaning, lang)[0])
    if row.kind == "not_significant" and math.isfinite(row.not_significant):
        share = _hundred(row.not_significant, lang)
        return say("calibration.outside_null", lang, name=name, target=row.target, share=share)
    if row.kind == "not_significant" or not math.isfinite(row.low):
        return say("calibration.outside_nobody", lang, name=name, target=row.target)
    side = [row.observed < row.low, row.observed > row.high]
    more = next(
        (d for d in range(4) if _seen(row, d) == side), 0
    )  # as many decimals as it takes to see that it is outside
    two = {"observed": measured(row.observed, row, lang, more), "range": _range(row.low, row.high, row, lang, more)}
    return say("calibration.outside_value", lang, name=name, target=row.target, **two)


def _silent(parameters: pd.DataFrame, lang: str) -> Section:
    """The parameters that the data say next to nothing about."""
    names = parameters.loc[parameters["says"] == "nothing", "parameter"].astype(str).tolist()
    key = "silent_some" if names else "silent_none"
    counts = {"silent": number(len(names), lang), "count": number(len(parameters), lang)}
    more = len(names) - MOST_SILENT
    return {
        "sentence": say(f"calibration.{key}", lang, **counts),
        "names": [input_name(name, lang) for name in names[:MOST_SILENT]],
        "more": say("calibration.silent_more", lang, more=number(more, lang)) if more > 0 else "",
    }


def _worth(note: FitNote, manifest: Mapping[str, Any], lang: str) -> list[str]:
    ess = math.nan if note.effective_sample_size is None else note.effective_sample_size
    key = "calibration.sample_thinned" if ess >= note.draws else "calibration.sample"
    found = [say(key, lang, draws=number(note.draws, lang), ess=number(ess, lang))]
    if of_another_version(note, manifest):
        found.append(say("calibration.other_version", lang))
    return found


def of_another_version(note: FitNote, manifest: Mapping[str, Any]) -> bool:
    """Whether a fit was made with a version of the model that may give other results than a run's."""
    return bool(note.source_hash) and not same_results(note.source_hash, str(manifest.get("source_hash")))


# ---- tables ----------------------------------------------------------------------------------------------------------


def _head(row: Any, lang: str) -> Section:
    name, spoken = words_of(row.statistic, row.meaning, lang)
    role = say(f"calibration.{row.role}", lang) if row.role in ("fit", "validate") else row.role
    return {"name": capital(name), "lang": spoken, "target": row.target, "role": role}


def _null_row(row: Any, lang: str) -> Section:
    before, after = (_hundred(share, lang) for share in (row.prior_not_significant, row.not_significant))
    return {**_head(row, lang), "month": number(row.month, lang), "before": before, "after": after}


def _value_row(row: Any, name: str, lang: str) -> Section:
    return {
        **_head(row, lang),
        "name": capital(name),
        "published": measured(row.observed, row, lang),
        "before": _range(row.prior_low, row.prior_high, row, lang),
        "after": _range(row.low, row.high, row, lang),
        "inside": say("calibration.yes" if row.inside else "calibration.no", lang),
    }


# ---- words and numbers -----------------------------------------------------------------------------------------------


def words_of(statistic: str, meaning: str, lang: str) -> tuple[str, str]:
    """A statistic in words, and their language: what has no words of its own is told as the registry says it, in English."""
    texts = catalogue()
    if statistic in texts["statistic"]:
        return texts["statistic"][statistic][lang], lang
    kind, _, rest = statistic.partition(".")
    outcome, _, contrast = rest.rpartition(".")
    if kind == "trial" and contrast in texts["trial"] and _has_name(outcome):
        return f"{outcome_name(outcome, lang)}, {say(f'trial.{contrast}', lang)}", lang
    where = (texts["profile"] if kind == "selected" else texts["population"]).get(kind)
    if where and _has_name(rest):
        return f"{outcome_name(rest, lang)} ({where[lang]})", lang
    return meaning, "en"


def told_apart(asked: pd.DataFrame, lang: str) -> list[str]:
    """The statistics in words; what two say alike is told apart by the month, and then by the words of their names that differ.

    Parameters
    ----------
    asked : rows with ``target,statistic,meaning,month``
    """
    rows: list[Any] = list(asked.itertuples())
    names = [words_of(str(row.statistic), str(row.meaning), lang)[0] for row in rows]
    word = say("calibration.month", lang).lower()
    months = [f"{name}, {word} {number(row.month, lang)}" for name, row in zip(names, rows, strict=True)]
    names = [month if names.count(name) > 1 else name for name, month in zip(names, months, strict=True)]
    parts = [set(str(row.target).split("-")) for row in rows]
    found = []
    for name, row in zip(names, rows, strict=True):
        alike = [part for part, other in zip(parts, names, strict=True) if other == name]
        own = [part for part in str(row.target).split("-") if part not in set.intersection(*alike)]
        found.append(", ".join([name, *map(capital, own)]))
    return found


def _has_name(outcome: str) -> bool:
    return outcome_name(outcome, "nb") != outcome


def _decimals(value: float, row: Any) -> int:
    """How many decimals a value is shown with, of per cent where it is a share."""
    unit = str(row.unit)
    if _is_points(row) or unit.startswith("share"):
        return 1
    if unit == "relative change" or unit.startswith("NOK"):
        return 0
    return 2 if abs(value) < 3 else 1


def _seen(row: Any, more: int) -> list[bool]:
    """Whether the observed value is seen to lie below, or above, when values are rounded as they are shown."""
    hundred = 100.0 if _is_points(row) or str(row.unit).startswith(("share", "relative")) else 1.0
    observed, low, high = (
        round(hundred * value, _decimals(value, row) + more) for value in (row.observed, row.low, row.high)
    )
    return [observed < low, observed > high]


def measured(value: float, row: Any, lang: str, more: int = 0) -> str:
    """A value of a target's statistic, in its unit where the unit is short, with ``more`` decimals than usual."""
    unit = str(row.unit)
    if not math.isfinite(value):
        return number(value, lang)
    decimals = _decimals(value, row) + more
    if _is_points(row):
        return f"{number(100.0 * value, lang, decimals, signed=True)} {say('unit.points', lang)}"
    if unit.startswith("share"):
        return percent(value, lang, decimals)
    if unit == "relative change":
        return number(100.0 * value, lang, decimals, signed=True) + PERCENT[lang]
    if unit.startswith("NOK"):
        return say("calibration.nok", lang, value=number(value, lang, decimals))
    return number(value, lang, decimals)


def _range(low: float, high: float, row: Any, lang: str, more: int = 0) -> str:
    """Two ends of an interval; a long unit once."""
    points = _is_points(row)
    first = number(100.0 * low, lang, 1 + more, signed=True) if points else measured(low, row, lang, more)
    return say("size.range", lang, low=first, high=measured(high, row, lang, more))


def _is_points(row: Any) -> bool:
    """Whether a statistic is a difference of shares."""
    statistic = str(row.statistic)
    difference = statistic.startswith("trial.") or "gain" in statistic or "difference" in statistic
    return difference and str(row.unit).startswith("share")


def _hundred(share: float, lang: str) -> str:
    return number(100.0 * share, lang)
