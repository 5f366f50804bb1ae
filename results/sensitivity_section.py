"""What the answer depends on, in the report: a finished sensitivity analysis of the same study, quoted with where it lies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from results import files
from results.blocks import Block, Cell, Column, Row, Shown, Table, Text
from results.language import capital, outcome_name, say
from results.sensitivity_words import amounts, clear, findings, name_of, told
from results.style import Picture
from results.versions import same_results
from simulation.outcomes import OUTCOME_NAMES

TABLE: Final = "sensitivity.csv"
TEXT: Final = ("contrast", "outcome", "unit", "method", "index", "parameter", "second", "group", "grade")
SHOWN: Final = 5  # assumptions of an outcome
TOLD: Final = ("contrast", "outcome", "parameter", "value", "low", "high", "told", "grade", "link")
"""Columns of what drives an outcome; ``told`` is ``yes``, ``perhaps`` or ``no``."""


@dataclass(frozen=True)
class Analysis:
    """A finished analysis."""

    folder: Path
    table: pd.DataFrame
    command: str
    same: bool
    """whether it is of the same study with the same settings"""
    same_code: bool
    """whether it is of a version of the model that gives the same results"""


def find(folder: Path, manifest: Mapping[str, Any]) -> Analysis | None:
    """The analysis of the run's study: in its own folder, beside it, or under ``results/runs``; the best match first."""
    places = [folder, *_beside(folder.resolve().parent), *_beside(Path("results") / "runs")]
    found = [analysis for place in places if (analysis := _read(place, manifest)) is not None]
    return max(found, key=lambda analysis: (analysis.same, analysis.same_code), default=None)


def _beside(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.glob("sensitivity-*") if path.is_dir())
    except OSError:
        return []


def _read(folder: Path, manifest: Mapping[str, Any]) -> Analysis | None:
    """An analysis, if it is finished, whole, and of this study under this posterior."""
    try:
        made = files.read_json(folder / "manifest.json")
        if made.get("study_name") != manifest["study_name"] or "posterior_name" not in made:
            return None
        if made["posterior_name"] != Path(str(manifest.get("posterior", "prior"))).stem:
            return None
        numbers = ("value", "low", "high")
        table = files.read_csv(folder / TABLE, TEXT, numbers)
    except Exception:  # whatever is wrong with another run, this report does without it
        return None
    table = table[table["outcome"].isin(OUTCOME_NAMES)]
    same = made.get("study") == _hash(manifest["study"])
    same_code = same_results(str(made.get("source_hash")), str(manifest.get("source_hash")))
    return Analysis(folder, table, str(made.get("command", "")), same, same_code)


def _hash(study: Mapping[str, Any]) -> str:
    """The hash of a resolved study, wherever its posterior lies, as ``calibration.sensitivity`` makes it."""
    arms = [
        {**arm, "posterior": Path(str(arm["posterior"])).name} for arm in study.get("arms", []) if "posterior" in arm
    ]
    return files.hash_bytes(json.dumps({**study, "arms": arms}, sort_keys=True).encode())


def picture(analysis: Analysis, names: Mapping[str, str], lang: str) -> Picture | None:
    """The tornado of the first contrast that the run has too; None where there is none."""
    from results.sensitivity_figures import tornado_figure

    for name, title in names.items():
        rows = analysis.table[(analysis.table["contrast"] == name) & (analysis.table["method"] == "tornado")]
        if len(rows):
            return tornado_figure(rows, title, "", lang)
    return None


def matter(analysis: Analysis | None) -> set[str]:
    """The parameters that can be told from zero, or lead where none can, of any contrast and outcome."""
    if analysis is None:
        return set()
    found: set[str] = set()
    for _, rows in slopes(analysis.table).groupby(["contrast", "outcome"], sort=False):
        found |= set(rows["parameter"].astype(str).head(SHOWN))
    return found


def slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Every slope of the draws that has a value, the largest first."""
    rows = table[(table["method"] == "draws") & (table["index"] == "slope") & (table["parameter"] != "dummy")]
    rows = rows[rows["value"].notna()]
    order = rows["value"].abs().sort_values(ascending=False, kind="stable").index
    return rows.loc[order]


def blocks(
    analysis: Analysis | None, manifest: Mapping[str, Any], names: Mapping[str, str], shown: Picture | None, lang: str
) -> Iterator[Block]:
    """What is quoted of an analysis; how to make one, where there is none.

    Parameters
    ----------
    names : titles of the run's contrasts by name
    shown : the tornado of the analysis
    """
    if analysis is None:
        study = manifest["study_name"]
        yield Text(say("document.sensitivity_none", lang), code=f"python run.py sensitivity {study}.toml")
        return
    yield Text(say("document.sensitivity_from", lang, folder=analysis.folder.name), code=analysis.command)
    key = "sensitivity_same" if analysis.same else "sensitivity_other"
    yield Text(say(f"document.{key}", lang))
    if not analysis.same_code:
        yield Text(say("document.sensitivity_other_code", lang))
    for name, title in names.items():
        table = drivers_table(driving(analysis.table[analysis.table["contrast"] == name]), title, lang)
        if table is not None:
            yield Text(_found(analysis.table[analysis.table["contrast"] == name], lang))
            yield table
    if shown is not None:
        yield Shown(shown)


def _found(rows: pd.DataFrame, lang: str) -> str:
    deciding = {str(outcome): of for outcome, of in slopes(rows).groupby("outcome", sort=False)}
    return findings("draws", deciding, lang)


def driving(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest slopes of each outcome, with how surely each is told from zero: ``TOLD``.

    Parameters
    ----------
    rows : ``sensitivity.csv``, of one contrast
    """
    every, found = slopes(rows), []
    for outcome in dict.fromkeys(rows["outcome"].astype(str)):
        of = every[every["outcome"] == outcome]
        says = np.where(clear(of), "yes", np.where(told(of), "perhaps", "no"))
        found.append(of.assign(told=says).head(SHOWN))
    return pd.concat(found)[list(TOLD)] if found else pd.DataFrame(columns=list(TOLD))


def drivers_table(rows: pd.DataFrame, title: str, lang: str) -> Table | None:
    """What drives each outcome of a contrast, from :func:`driving`; None where there is nothing."""
    lines: list[Row] = []
    for outcome, of in rows.groupby("outcome", sort=False):
        lines.append(Row.of(Cell(capital(outcome_name(str(outcome), lang)), _unit(str(outcome), lang)), role="group"))
        for row in of.to_dict("records"):
            numbers = [float(row[k]) for k in ("low", "value", "high")]
            low, value, high = amounts(numbers, str(outcome), lang, signed=True)
            ends = say("size.range", lang, low=low, high=high)
            name = capital(name_of(str(row["parameter"]), lang))
            says = say(f"document.told_{row['told']}", lang)
            lines.append(Row.of(name, Cell(value, f"({ends})"), says, str(row["grade"])))
    if not lines:
        return None
    columns = (
        Column(say("document.assumption_column", lang)),
        Column(say("document.change_column", lang), number=True),
        Column(say("document.told_column", lang)),
        Column(say("assumption.grade", lang)),
    )
    return Table(say("document.sensitivity_caption", lang, name=title), columns, tuple(lines), TABLE)


def _unit(outcome: str, lang: str) -> str:
    from results.words import unit

    return unit(outcome, lang)
