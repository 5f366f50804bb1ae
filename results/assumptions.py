"""What a run rests on, in the report: links, other parameters and unit costs with grade and source, and what was changed."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from results.amounts import kroner, unit_name, words_for
from results.blocks import Block, Box, Cell, Column, Heading, Items, Row, Table, Text
from results.language import capital, catalogue, number, parameter_name, say
from results.versions import same_results

if TYPE_CHECKING:
    from simulation.parameters import Parameter

Manifest = Mapping[str, Any]

WORDS_OF_SOURCES: Final = ("assumption", "judgement", "recollection", "derived")
FIGURES: Final = 3  # significant, of a parameter


def blocks(manifest: Manifest, matter: Collection[str], lang: str) -> Iterator[Block]:
    """Links, the parameters that matter, and unit costs.

    Parameters
    ----------
    matter : names of parameters that a sensitivity analysis found to matter
    """
    from simulation.compiled import SOURCE_HASH

    yield Text(say("document.grades", lang))
    yield Text(say("assumption.sources_told", lang), small=True)
    if not same_results(str(manifest.get("source_hash") or SOURCE_HASH), SOURCE_HASH):
        yield Box("", (Text(say("document.other_code", lang)),), warning=True)
    links, others = _shown(matter)
    yield Heading(say("assumption.links_heading", lang))
    yield _parameters(links, manifest, say("assumption.links_caption", lang), lang)
    yield Heading(say("assumption.others_heading", lang))
    yield _parameters(others, manifest, say("assumption.others_caption", lang), lang)
    costs = unit_costs(manifest, lang)
    if costs is not None:
        yield Heading(say("assumption.costs_heading", lang))
        yield costs


def cited(manifest: Manifest, matter: Collection[str]) -> set[str]:
    """The keys of the sources that these tables give."""
    of_parameters = {key for parameters in _shown(matter) for parameter in parameters for key in parameter.source}
    of_costs = [entry.get("source", ()) for _, entry in _unit_costs(manifest)[0]]
    return of_parameters | {key for key in of_costs if isinstance(key, str)}


def _shown(matter: Collection[str]) -> tuple[list[Parameter], list[Parameter]]:
    """The links, and the other parameters that are shown."""
    from simulation.parameters import load_parameters

    parameters = load_parameters()
    others = [p for p in parameters if not p.link and (p.group == "coordinator" or p.name in matter)]
    return [parameter for parameter in parameters if parameter.link], others


# ---- parameters ------------------------------------------------------------------------------------------------------


def _parameters(parameters: list[Parameter], manifest: Manifest, caption: str, lang: str) -> Table:
    links = any(parameter.link for parameter in parameters)
    lines = []
    for parameter in parameters:
        cells = [
            Cell(capital(parameter_name(parameter.name, lang))),
            Cell(_assumed(parameter, manifest, lang), _unit(parameter.unit, lang)),
        ]
        if links:
            cells.append(Cell(figure(parameter.none if parameter.none is not None else float("nan"), lang)))
        cells += [Cell(parameter.grade), Cell(sources(parameter.source, lang))]
        lines.append(Row(tuple(cells)))
    columns = [Column(say("document.assumption_column", lang)), Column(say("assumption.assumed", lang), number=True)]
    columns += [Column(say("assumption.off", lang), number=True)] if links else []
    columns += [Column(say(f"assumption.{key}", lang)) for key in ("grade", "source")]
    return Table(caption, tuple(columns), tuple(lines), "simulation/parameters.toml")


def _unit(unit: str, lang: str) -> str:
    """A unit in words; a plain number has none."""
    return "" if unit == "number" else unit_name(unit, lang)


def _assumed(parameter: Parameter, manifest: Manifest, lang: str) -> str:
    """What is assumed of a parameter in this run: a range, one value, or none of it where all links are off."""
    own = manifest["study"].get("parameters", {})
    if parameter.name in own:
        return say("assumption.set", lang, value=figure(float(own[parameter.name]), lang))
    if parameter.none is not None and manifest.get("links") == "off":
        return say("assumption.set", lang, value=figure(parameter.none, lang))
    if parameter.prior is None:
        return say("assumption.fixed", lang, value=figure(parameter.default, lang))
    low, high = (figure(parameter.quantile(u), lang) for u in (0.05, 0.95))
    return say("size.range", lang, low=low, high=high)


def figure(value: float, lang: str) -> str:
    """A value to three figures."""
    if value == 0:
        return number(value, lang)
    rounded = float(f"{value:.{FIGURES}g}")
    decimals = next((d for d in range(6) if abs(rounded - round(rounded, d)) < 1e-9 * max(abs(rounded), 1e-3)), 6)
    return number(rounded, lang, decimals)


def sources(names: Collection[str], lang: str) -> str:
    """Keys of the evidence, with words for what is no document."""
    return ", ".join(say(f"assumption.source_{n}", lang) if n in WORDS_OF_SOURCES else n for n in names)


# ---- unit costs ------------------------------------------------------------------------------------------------------


def unit_costs(manifest: Manifest, lang: str) -> Table | None:
    """Every unit cost of the run, as its manifest has them, or else our file of its year; None where both lack."""
    entries, file = _unit_costs(manifest)
    if not entries:
        return None
    lines = []
    for name, entry in entries:
        value = float(entry["value"])
        unit = str(entry["unit"])
        shown = kroner(value, lang) if unit.startswith("NOK") else figure(value, lang)
        told = unit_name(unit, lang)
        told = told.removeprefix("kr ").removeprefix("NOK ") if unit.startswith("NOK") else told
        source = entry.get("source", ())
        of = sources([source] if isinstance(source, str) else source, lang)
        lines.append(Row.of(capital(_cost_name(name, lang)), Cell(shown, told), str(entry["grade"]), of))
    columns = (
        Column(say("budget.item", lang)),
        Column(say("assumption.value", lang), number=True),
        Column(say("assumption.grade", lang)),
        Column(say("assumption.source", lang)),
    )
    caption = say("assumption.costs_caption", lang, prices=str(manifest.get("prices", "2025")))
    return Table(caption, columns, tuple(lines), file)


def _unit_costs(manifest: Manifest) -> tuple[list[tuple[str, Mapping[str, Any]]], str]:
    """Name and entry of each unit cost, and the file they stand in."""
    from results.costs import costs_path
    from simulation.errors import InputError

    own = manifest.get("unit_costs")
    if own:
        return [(str(entry["name"]), entry) for entry in own], "manifest.json"
    try:
        path = costs_path(str(manifest.get("prices", "2025")))
        return list(_entries(_layers(path))), f"scenarios/costs/{path.name}"
    except (OSError, ValueError, InputError):
        return [], ""


def rate(manifest: Manifest, name: str) -> float:
    """A unit cost in per cent, as a share; NaN where it is not known."""
    found = dict(_unit_costs(manifest)[0]).get(name)
    return float("nan") if found is None else float(found["value"]) / 100.0


def _layers(path: Path, depth: int = 0) -> dict[str, Any]:
    """A file of costs over the one it extends."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    base = data.pop("extends", None)
    return data if base is None or depth > 5 else _layers(path.parent / str(base), depth + 1) | data


def _entries(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            if {"value", "unit", "grade"} <= set(value):
                yield prefix + name, value
            else:
                yield from _entries(value, f"{prefix}{name}.")


def _cost_name(name: str, lang: str) -> str:
    first, _, last = name.partition(".")
    if first == "service" and last:
        return say("unit_cost.service", lang, name=words_for("service", last, lang))
    return words_for("unit_cost", name, lang)


# ---- what was changed ------------------------------------------------------------------------------------------------


def changed(manifest: Manifest, lang: str) -> Items:
    """Every key that was set on the command line, every parameter with a value of its own, every link that is off."""
    return Items(tuple(changes(manifest, lang)) or (say("document.changed_nothing", lang),))


def changes(manifest: Manifest, lang: str) -> list[str]:
    """The same, a text each; none where nothing was changed."""
    from simulation.parameters import load_parameters

    if manifest.get("changes") is not None:
        found = [
            _change(change, lang) for change in manifest["changes"] if not str(change["key"]).startswith("parameters.")
        ]
    else:
        found = [say("document.changed_set", lang, setting=key) for key in _set(str(manifest.get("command", "")))]
    parameters = {parameter.name: parameter for parameter in load_parameters()}
    for name, value in manifest["study"].get("parameters", {}).items():
        parameter = parameters.get(name)
        off = parameter is not None and parameter.none is not None and float(value) == parameter.none
        key = "changed_off" if off else "changed_parameter"
        told = {"name": parameter_name(name, lang), "value": figure(float(value), lang)}
        found.append(say(f"document.{key}", lang, **told))
    if manifest.get("links") == "off":
        names = dict.fromkeys(parameter_name(p.name, lang) for p in parameters.values() if p.link)
        found.append(say("document.changed_links", lang, names=", ".join(names)))
    return found


def _change(change: Mapping[str, Any], lang: str) -> str:
    """A key of the study that is not as in the shipped file: what it is, and what it is there."""
    told = {name: _plain(change.get(key), lang) for name, key in (("to", "to"), ("before", "from"))}
    return say("document.changed_key", lang, setting=str(change["key"]), **told)


def _plain(value: Any, lang: str) -> str:
    if value is None:
        return say("document.changed_value_none", lang)
    if isinstance(value, bool):
        return say("calibration.yes" if value else "document.told_no", lang)
    return figure(float(value), lang) if isinstance(value, int | float) else str(value)


def _set(command: str) -> list[str]:
    """The values of ``--set`` in a command."""
    try:
        parts = shlex.split(command)
    except ValueError:
        return []
    found = [parts[i + 1] for i, part in enumerate(parts[:-1]) if part == "--set"]
    return found + [part.removeprefix("--set=") for part in parts if part.startswith("--set=")]


def silent_names(manifest: Manifest, lang: str) -> list[str]:
    """The parameters that the data say next to nothing about, in words; circumstances of the trial left out."""
    from results.calibration_section import fit_of

    note = fit_of(manifest)
    if note is None:
        return []
    table = note.parameters()
    names = table.loc[table["says"] == "nothing", "parameter"].astype(str)
    known = catalogue()["parameter"]
    shown = [parameter_name(n, lang) for n in names if n in known or n.partition(".")[0] in known]
    return list(dict.fromkeys(shown))
