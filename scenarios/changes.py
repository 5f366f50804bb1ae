"""What a study changes: every key that is not as in the shipped study of its name, or not as it is where nobody says.

A study of one's own is held against its own file, so that what ``--set`` and other options changed is seen. Parameters are held
against their defaults and links against ``on`` whatever the file says: no reader should have to look there for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.files import SHIPPED, dotted, exists
from scenarios.schema import TITLES, Arm, StudySettings
from simulation.errors import InputError

if TYPE_CHECKING:
    from scenarios.study import Study

Key = tuple[str, ...]
Change = dict[str, Any]
WORDS: Final = frozenset({("study", "name"), ("study", "title"), ("study", "question")})  # change no number


def changes_of(study: Study) -> list[Change]:
    """Every change: ``key`` as ``--set`` takes it, ``from`` and ``to`` (None where there is nothing), ``link`` for parameters.

    Examples
    --------
    ``{"key": "arm.caseload-20.caseload", "from": 20, "to": 15}``
    """
    from scenarios.study import as_written

    now, before = dict(_flat(as_written(study.content))), dict(_flat(_basis(study)))
    found: list[Change] = []
    for key in [*now, *(key for key in before if key not in now)]:
        if key in WORDS or key[-1] in TITLES or key[0] == "parameters":
            continue
        default = _default(study, key, before)
        old, new = before.get(key, default), now.get(key, default)
        if old != new:
            found.append({"key": dotted(key), "from": old, "to": new})
    links = {"key": "study.links", "from": "on", "to": "off"}
    if study.content.study.links == "off" and links not in found:
        found.append(links)
    return [*found, *_parameters(study)]


def settings_of(study: Study) -> dict[str, Any]:
    """What a study says of every key that it states, by the key as :func:`changes_of` tells it."""
    from scenarios.study import as_written

    return {dotted(key): value for key, value in _flat(as_written(study.content))}


def _parameters(study: Study) -> Iterator[Change]:
    from simulation.parameters import find_parameter

    for name, value in study.content.parameters.items():
        parameter = find_parameter(name)
        if value != parameter.default:
            yield {"key": f"parameters.{name}", "from": parameter.default, "to": value, "link": parameter.link}


def _basis(study: Study) -> Mapping[str, Any]:
    """The tables of the shipped study of the same name, or else of the study's own files."""
    from scenarios.layers import read_layers

    shipped = SHIPPED / f"{study.name}.toml"
    return read_layers(shipped, ()).in_files if exists(shipped) else study.in_files


def _flat(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*above, name))
        else:
            yield (*above, name), value


def _default(study: Study, key: Key, before: Mapping[Key, Any]) -> Any:
    """What holds where no file says; None of an arm or a contrast that is not in the files at all."""
    table, name = key[0], key[-1]
    if table == "costs":
        return _unit_cost(study, key[1:])
    if table == "study" and name in StudySettings.model_fields:
        default = StudySettings.model_fields[name].get_default()
        return None if _is_undefined(default) else default
    if key == ("pool", "families"):
        return None if study.places else study.profile_families
    if table != "arm" or key[:2] not in {known[:2] for known in before}:
        return None
    if key[2] == "services":
        return getattr(study.profile.services[key[3]], name)
    default = Arm.model_fields[name].get_default()
    if default is not None or name == "caseload":
        return default
    return getattr(study.content.study, name, _of_plan(name))


def _unit_cost(study: Study, key: Key) -> Any:
    """Our unit cost, payer or source in the study's prices, or those of its own file; None where that is not at hand."""
    from dataclasses import asdict

    from results.costs import costs_path, load_costs

    own = study.content.study.costs
    try:
        ours = load_costs(costs_path(study.content.study.prices) if own is None else Path(own))
    except InputError:  # its file is gone: a run that is verified has its unit costs in its manifest
        return None
    if key == ("prices",):
        return ours.prices
    if key[0] == "payer":
        return ours.payer.get(".".join(key[1:]))
    entries = {entry.name: asdict(entry) for entry in ours.entries}
    whole, part = ".".join(key), ".".join(key[:-1])
    return entries[whole]["value"] if whole in entries else entries.get(part, {}).get(key[-1])


def _of_plan(name: str) -> Any:
    from simulation.plan import Plan

    default = next((field.default for field in fields(Plan) if field.name == name), None)
    return None if default is MISSING else default


def _is_undefined(value: Any) -> bool:
    from pydantic_core import PydanticUndefined

    return value is PydanticUndefined
