"""From study files to one table: ``extends``, ``--set``, and which file every key came from."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from scenarios.files import MAX_DEPTH, SHIPPED, Key, beside, dotted, exists, parse_toml, read_toml, read_value, shown
from scenarios.schema import SLUG, SLUG_WORDS, Arm, Pool, StudySettings
from simulation.errors import InputError, nearest

MAX_EXTENDS: Final = 8
TABLES: Final = ("study", "pool", "places", "parameters", "costs")
LISTS: Final = ("place", "arm", "contrast")


class Layers:
    """Tables laid over one another; arms and contrasts stand under their names."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.content: dict[str, Any] = {}
        self.in_files: dict[str, Any] = {}
        """the content before any ``--set``"""
        self._origin: dict[Key, str] = {}

    def lay(self, over: Mapping[str, Any], source: str) -> None:
        """Lay a table over the others; a value replaces a value, a table is merged into a table."""
        self._merge(self.content, over, source, ())

    def blame(self, key: Key) -> str:
        """The file or option that a key, or the table it is missing from, came from."""
        for length in range(len(key), 0, -1):
            if key[:length] in self._origin:
                return self._origin[key[:length]]
        return str(self.file)

    def _merge(self, base: dict[str, Any], over: Mapping[str, Any], source: str, key: Key) -> None:
        for name, value in over.items():
            if isinstance(value, dict) and isinstance(base.get(name), dict):
                self._merge(base[name], value, source, (*key, name))
            else:
                if key[:1] == ("costs",) and isinstance(value, dict) and isinstance(base.get(name), (int, float)):
                    value = {"value": base[name], **value}  # a unit cost with more said of it keeps its value
                base[name] = copy.deepcopy(value)
                self._origin[(*key, name)] = source


def locate_study(path: str | Path) -> Path:
    """The file meant by a path: itself, or else the shipped study of that name.

    ``services``, ``services.toml`` and ``scenarios/services.toml`` mean the same from any folder.
    """
    path = Path(path)
    shipped = SHIPPED / f"{path.name.removesuffix('.toml')}.toml"
    if len(path.parts) in (1, 2) and path.parts[:-1] in ((), ("scenarios",)) and not exists(path) and exists(shipped):
        return shipped
    return path


def read_layers(path: Path, sets: Iterable[str]) -> Layers:
    """A study file over the files it extends, under the ``--set`` options."""
    if not exists(path):
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
        raise InputError("does not exist", file=path, allowed=f"a study file, or one that is shipped: {shipped}")
    layers = Layers(path)
    for file, content in reversed(_chain(path)):
        layers.lay(_normal(content, file), str(file))
    layers.in_files = copy.deepcopy(layers.content)
    for text in sets:
        layers.lay(_from_option(text, layers), f"{path} with --set")
    return layers


def read_text(text: str, file: Path) -> Layers:
    """A whole study that stands as text in another file, ``file``; its paths stay as they are."""
    layers = Layers(file)
    layers.lay(_normal(parse_toml(text, file), file, Path()), str(file))
    return layers


# ---- extends ---------------------------------------------------------------------------------------------------------


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The file, the one it extends, the one that extends, and so on."""
    chain: list[tuple[Path, dict[str, Any]]] = []
    seen: set[Path] = set()
    following: Path | None = path
    while following is not None:
        file, content = following, read_toml(following)
        seen.add(file.resolve())
        chain.append((file, content))
        following = _extended(content, file)
        if following is not None and following.resolve() in seen:
            raise InputError(f"{following} extends itself in the end", file=file, key="extends", allowed="no circle")
        if len(chain) > MAX_EXTENDS:
            raise InputError("too many files in a row", file=path, key="extends", allowed=f"at most {MAX_EXTENDS}")
    return chain


def _extended(content: dict[str, Any], file: Path) -> Path | None:
    allowed = "the path of a study file, relative to this file"
    name = content.pop("extends", None)
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(f"{shown(name)} is not a path", file=file, key="extends", allowed=allowed)
    own = beside(name, file, "extends")
    other = own if exists(own) else locate_study(name)
    if not exists(other):
        raise InputError(f"{own} does not exist", file=file, key="extends", allowed=allowed)
    return other


# ---- one file --------------------------------------------------------------------------------------------------------


def _normal(content: dict[str, Any], file: Path, folder: Path | None = None) -> dict[str, Any]:
    """A file's tables, with arms and contrasts by name, parameters by dotted name and paths made whole.

    Paths are as seen from ``folder``; by default they are of files in the folder of this one, or below it.
    """
    for name, value in content.items():
        if name not in TABLES + LISTS:
            raise InputError("unknown key", file=file, key=dotted([name]), allowed=_nearest_table(name))
        if name in TABLES and not isinstance(value, dict):
            raise InputError("is not a table", file=file, key=name, allowed=f"a table: [{name}]")
        if name in LISTS and not _tables(value):
            raise InputError("is not a list of tables", file=file, key=name, allowed=f"tables headed [[{name}]]")
    normal: dict[str, Any] = {name: dict(content[name]) for name in TABLES if name in content}
    normal |= {name: _by_name(name, content[name], file) for name in LISTS if name in content}
    if "parameters" in normal:
        normal["parameters"] = _flat(normal["parameters"])
    _whole_paths(normal.get("study", {}), file, ("study",), folder)
    for name, table in normal.get("place", {}).items():
        _whole_paths(table, file, ("place", name), folder)
    return normal


def _nearest_table(name: str) -> str:
    tables = {"extends", *TABLES, *LISTS}
    home = [table for table, model in (("study", StudySettings), ("pool", Pool)) if name in model.model_fields]
    return f"the key stands in [{home[0]}]" if home else nearest(name[:80], tables)


def _tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _by_name(kind: str, tables: list[dict[str, Any]], file: Path) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for number, table in enumerate(tables, start=1):
        key = f"{kind}.{number}.name"
        if "name" not in table:
            raise InputError("is missing", file=file, key=key, allowed=_name_words(kind))
        name = table["name"]
        if not isinstance(name, str) or not _name_fits(kind, name):
            raise InputError(f"{shown(name)} is not allowed", file=file, key=key, allowed=_name_words(kind))
        if name in named:
            raise InputError(f"{shown(name)} stands there twice", file=file, key=key, allowed="names that differ")
        named[name] = {key: value for key, value in table.items() if key != "name"}
    return named


def _name_fits(kind: str, name: str) -> bool:
    if kind == "arm":
        return re.fullmatch(SLUG.strip("^$"), name) is not None
    return 0 < len(name) <= 100 and name.isprintable() and name == name.strip()


def _name_words(kind: str) -> str:
    return SLUG_WORDS if kind == "arm" else "a line of at most 100 characters"


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """``recovery.health`` and ``[parameters.recovery] health`` are one name."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= {f"{name}.{inner}": item for inner, item in _flat(value).items()} if isinstance(value, dict) else {}
        flat |= {} if isinstance(value, dict) else {name: value}
    return flat


def _whole_paths(table: dict[str, Any], file: Path, at: Key, folder: Path | None) -> None:
    """A profile, posterior or file of unit costs lies by the study that says so, or is as seen from a folder."""
    for key in ("profile", "posterior", "costs"):
        value = table.get(key)
        if not isinstance(value, str) or (key == "profile" and not value.endswith((".toml", ".csv"))):
            continue  # the name of a profile, such as vestland/Voss
        if key == "costs" or "/" in value or value.endswith((".toml", ".csv", ".parquet")):
            table[key] = str(beside(value, file, dotted((*at, key))) if folder is None else folder / value)


# ---- --set -----------------------------------------------------------------------------------------------------------


def _from_option(text: str, layers: Layers) -> dict[str, Any]:
    key, equals, value_text = text.partition("=")
    parts = tuple(part.strip() for part in key.split("."))
    if not equals or "" in parts:
        raise InputError(
            f"{shown(text)} is not key=value", file=layers.file, key="--set", allowed="for example study.seed=7"
        )
    if len(parts) > MAX_DEPTH:
        problem, allowed = f"{shown(key)} is nested deeper than {MAX_DEPTH}", f"at most {MAX_DEPTH} levels"
        raise InputError(problem, file=layers.file, key="--set", allowed=allowed)
    _check_option_key(parts, layers)
    value = _option_value(parts, value_text.strip())
    if parts[0] == "parameters":
        return {"parameters": _flat({".".join(parts[1:]): value})}
    table: Any = value
    for part in reversed(parts[1:]):
        table = {part: table}
    if parts[0] in ("study", "place"):
        of_place = parts[0] == "place"
        _whole_paths(table[parts[1]] if of_place else table, layers.file, parts[: 1 + of_place], Path())
    return {parts[0]: table}


def _check_option_key(parts: Key, layers: Layers) -> None:
    file, key = f"{layers.file} with --set", dotted(parts)
    forms = "study.KEY, pool.KEY, places.of, place.NAME.KEY, arm.NAME.KEY, parameters.NAME or costs.NAME"
    if parts[0] not in (*TABLES, "place", "arm"):
        raise InputError("unknown key", file=file, key=key, allowed=forms)
    if len(parts) < (3 if parts[0] in ("place", "arm") else 2):
        raise InputError("is a whole table", file=file, key=key, allowed=forms)
    arms = layers.content.get("arm", {})
    if parts[0] == "arm" and parts[1] not in arms:
        raise InputError(f"there is no arm {shown(parts[1])}", file=file, key=key, allowed=nearest(parts[1][:80], arms))
    if parts[0] == "arm" and parts[2] == "name":
        raise InputError("an arm keeps its name", file=file, key=key, allowed=", ".join(Arm.model_fields))


def _option_value(parts: Key, text: str) -> Any:
    """Read as TOML, else as text; a key that holds text takes the text as it stands (``study.prices=2025``)."""
    value = read_value(text)
    field = StudySettings.model_fields.get(parts[1]) if len(parts) == 2 and parts[0] == "study" else None
    return text if field is not None and field.annotation is str and not isinstance(value, str) else value
