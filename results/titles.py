"""What a study, its arms and its contrasts are called in the report: the titles of the study's file, or their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from results.language import number, say
from results.told import Told
from simulation.errors import printable

ORDINARY: Final = "ordinary"

Manifest = dict[str, Any]


def titled(tables: Told, manifest: Manifest, lives: Mapping[str, Any] | None, lang: str) -> tuple[Told, Manifest, Any]:
    """Tables, manifest and lives with titles instead of the names of arms and contrasts.

    A contrast keeps its name as ``id``, which names its figure in every language.
    """
    arms = _arms(manifest, lang)
    contrasts = _contrasts(manifest, arms, lang)
    told = {**manifest, "arms": [arms[str(arm)] for arm in manifest["arms"]]}
    told["contrasts"] = [
        {"id": c["name"], "name": contrasts[c["name"]], "arm": arms[c["arm"]], "against": arms[c["against"]],
         "own": not _automatic(c)}
        for c in manifest["contrasts"]
    ]  # fmt: skip
    told["study"] = {**manifest["study"], **_study_arms(manifest["study"], arms)}
    told["title"] = _of(manifest, "study", None, lang) or str(manifest["study_name"])
    renamed = {name: _renamed(table, {"arm": arms, "contrast": contrasts}) for name, table in vars(tables).items()}
    if lives:
        lives = {**lives, **{key: arms.get(str(lives[key]), lives[key]) for key in ("label_a", "label_b")}}
    return Told(**renamed), told, lives


def _of(manifest: Manifest, kind: str, name: str | None, lang: str) -> str:
    """A title of the study's file in a language; empty where there is none."""
    titles = manifest.get("titles")
    found = titles.get(kind, {}) if isinstance(titles, Mapping) else {}
    found = found if name is None else found.get(name, {})
    return printable(str(found.get(lang, ""))) if isinstance(found, Mapping) else ""


def _arms(manifest: Manifest, lang: str) -> dict[str, str]:
    """Title by name; the name itself where there is no title, or where two would be called the same."""
    names = [str(arm) for arm in manifest["arms"]]
    usual = {ORDINARY: say("document.ordinary", lang)}
    return _different({name: _of(manifest, "arms", name, lang) or usual.get(name, name) for name in names})


def _contrasts(manifest: Manifest, arms: Mapping[str, str], lang: str) -> dict[str, str]:
    found = {}
    for contrast in manifest["contrasts"]:
        name, sides = str(contrast["name"]), {key: arms[contrast[key]] for key in ("arm", "against")}
        usual = say("figure.difference_title", lang, **sides) if _automatic(contrast) else name
        found[name] = _of(manifest, "contrasts", name, lang) or usual
    return _different(found)


def _automatic(contrast: Mapping[str, Any]) -> bool:
    """Whether a contrast stands in no file: every arm is held against ``ordinary``."""
    return bool(contrast["against"] == ORDINARY and contrast["name"] == f"{contrast['arm']} vs {ORDINARY}")


def _different(titles: dict[str, str]) -> dict[str, str]:
    shown = list(titles.values())
    return {name: title if shown.count(title) == 1 else name for name, title in titles.items()}


def _study_arms(study: Mapping[str, Any], arms: Mapping[str, str]) -> dict[str, Any]:
    """The arms of a resolved study under their titles."""
    key = "arms" if "arms" in study else "arm"
    own = study.get(key, [])
    if isinstance(own, Mapping):
        return {key: {arms.get(str(name), name): settings for name, settings in own.items()}}
    return {
        key: [
            {**arm, "name": arms.get(str(arm.get("name")), arm.get("name"))} if isinstance(arm, Mapping) else arm
            for arm in own
        ]
    }


def _renamed(table: Any, titles: Mapping[str, Mapping[str, str]]) -> Any:
    if not isinstance(table, pd.DataFrame):
        return table
    new = {
        column: table[column].map(lambda name, by=by_name: by.get(name, name))
        for column, by_name in titles.items()
        if column in table.columns and len(table)
    }
    return table.assign(**new) if new else table


def profile_title(manifest: Mapping[str, Any], lang: str) -> str:
    """The place as its profile calls it, or how many places; empty where that is not known."""
    places = manifest["study"].get("places")
    if places:
        return say("places.so_many", lang, places=number(len(places), lang))
    profile = manifest["study"].get("profile")
    title = profile.get("title") if isinstance(profile, Mapping) else None
    name = manifest["study"].get("study", {}).get("profile", "")
    return str(title or name or "")
