"""Reading and checking the TOML files of users: studies and profiles.

Whatever stands in a file, the answer is a checked table or an :class:`~simulation.errors.InputError` that names the
file, the key, what was wrong and what is allowed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from simulation.errors import InputError, nearest, printable

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 10
MAX_LINE: Final = 5_000  # a dotted key of half a million parts would keep the TOML reader busy for hours

SHIPPED: Final = Path(__file__).resolve().parent
"""Where the studies and profiles that come with the program lie."""

UNSHOWN: Final = "unshown"
LINES: Final = str.maketrans("\t\r\n", "   ")  # a text may have lines

Key = tuple[str, ...]
Checked = TypeVar("Checked", bound=BaseModel)


class Table(BaseModel):
    """A table of a file: strict types, no unknown keys, no NaN, no letter that cannot be shown."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _can_be_shown(cls, value: Any) -> Any:
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        if any(isinstance(text, str) and not _shows(text) for text in texts):
            raise PydanticCustomError(UNSHOWN, "cannot be shown")
        return value


def _shows(text: str) -> bool:
    """Whether no letter of a text would move a cursor, colour a line or turn the text round."""
    return printable(lines := text.translate(LINES)) == lines


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; ``InputError`` for whatever cannot be read, or is not a reasonable TOML file."""
    return parse_toml(_decode(read_bytes(path, "a TOML file"), path), path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The content of a TOML text that stands in a file; ``InputError`` for what is not a reasonable one."""
    if len(text) > MAX_BYTES:
        raise InputError("is larger than 1 MB", file=path, allowed="at most 1 MB")
    if any(len(line) > MAX_LINE for line in text.splitlines()):
        raise InputError("has a line that is too long", file=path, allowed=f"lines of at most {MAX_LINE} characters")
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError as error:  # TOMLDecodeError, and numbers with thousands of digits
        raise InputError(f"is not TOML: {error}", file=path, allowed="a TOML file") from None
    if _deeper_than(content, MAX_DEPTH):
        raise _too_deep(path)
    return content


def beside(name: str, file: Path, key: str) -> Path:
    """The file that another, ``file``, names under a key, in its own folder or below; a whole path may lead there too.

    Raises
    ------
    InputError : the path leads out of the folder
    """
    path, folder = file.parent / name, file.parent.absolute()
    foreign = PureWindowsPath(name)
    inside = path.absolute().is_relative_to(folder) if Path(name).is_absolute() else not (foreign.drive or foreign.root)
    if not inside or ".." in (*Path(name).parts, *foreign.parts):
        allowed = "a file in the folder of this one or below it; on the command line, any"
        raise InputError(f"{shown(name)} leads out of the folder", file=file, key=key, allowed=allowed)
    return path


def exists(path: Path) -> bool:
    """Whether there is something at a path; False too for what cannot be a path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file of at most 1 MB; ``InputError`` that says it should have been ``what`` where it cannot be read."""
    try:
        if path.is_dir():
            raise InputError("is a folder", file=path, allowed=what)
        if not path.exists():
            raise InputError("does not exist", file=path, allowed=f"{what} that exists")
        if not path.is_file():
            raise InputError("is not a regular file", file=path, allowed=what)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read: {reason}", file=path, allowed="a file that you may read") from None
    if len(content) > MAX_BYTES:
        raise InputError("is larger than 1 MB", file=path, allowed="a file of at most 1 MB")
    return content


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")  # Notepad writes a byte order mark
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"is not UTF-8: line {line}", file=path, allowed="a TOML file saved as UTF-8") from None


def _too_deep(path: Path) -> InputError:
    return InputError(f"is nested deeper than {MAX_DEPTH}", file=path, allowed=f"at most {MAX_DEPTH} levels")


def _deeper_than(content: Any, limit: int) -> bool:
    level = [content]
    for _ in range(limit + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def read_value(text: str) -> Any:
    """A value given on the command line: read as TOML, else as the text itself."""
    try:
        content = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return content["value"] if len(content) == 1 and not _deeper_than(content, MAX_DEPTH) else text


# ---- checking --------------------------------------------------------------------------------------------------------


def check(model: type[Checked], content: Mapping[str, Any], blame: Callable[[Key], str | Path]) -> Checked:
    """The content as a checked model; the first thing that is wrong as an ``InputError``.

    ``blame`` tells which file (or option) a key came from.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
    # A misspelt key is both unknown and missing; the first is what helps.
    details = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    key = tuple(str(part) for part in details["loc"])
    schema = model.model_json_schema()
    raise InputError(
        _problem(details["type"], details["input"]),
        file=blame(key),
        key=dotted(key),
        allowed=_allowed(schema, key, details["type"], details["input"]),
    )


def dotted(key: Sequence[str]) -> str:
    """A key as it is written: ``arm.caseload-10.caseload``."""
    return ".".join(part if re.fullmatch(r"[\w-]{1,80}", part) else shown(part) for part in key)


def shown(value: object) -> str:
    """A value in a message, never more than a line."""
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _problem(error: str, value: object) -> str:
    if error == "missing":
        return "is missing"
    if error == "extra_forbidden":
        return "unknown key"
    if error == UNSHOWN:
        return f"{shown(value)} has letters that cannot be shown"
    if error in {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"}:
        return f"{shown(value)} is out of range"
    if error == "literal_error" and isinstance(value, str):
        return f"{shown(value)} is not known"
    if error in {"too_short", "too_long"} and isinstance(value, (dict, list)):
        return f"has {len(value)} entries"
    if error.endswith("_type") or error in {"literal_error", "int_from_float"}:
        return f"{shown(value)} is {_kind(value)}"
    return f"{shown(value)} is not allowed"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a true-or-false value"
    kinds: tuple[tuple[type, str], ...] = (
        (str, "text"),
        (int, "a whole number"),
        (float, "a decimal number"),
        (dict, "a table"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "a date or time")


def _allowed(schema: Mapping[str, Any], key: Key, error: str, value: object) -> str | None:
    if error == "extra_forbidden":
        names = (schema_at(schema, key[:-1]) or {}).get("properties", {})
        return nearest(key[-1][:80], names)
    node = schema_at(schema, key)
    if node is None:
        return None
    if "enum" in node and isinstance(value, str):
        return nearest(value[:80], node["enum"])
    return describe(node)


def schema_at(schema: Mapping[str, Any], key: Key) -> Mapping[str, Any] | None:
    """The JSON schema of one key: pydantic has written down there what is allowed."""
    node: Mapping[str, Any] | None = _plain(schema, schema)
    for part in key:
        if node is None:
            return None
        child = node.get("properties", {}).get(part) or node.get("additionalProperties")
        node = _plain(child, schema) if isinstance(child, dict) else None
    return node


def _plain(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference; of an optional value, what it is when it is given."""
    for option in node.get("anyOf", ()):
        if option.get("type") != "null":
            return {**_plain(option, schema), **{k: v for k, v in node.items() if k == "description"}}
    if "$ref" in node:
        target: Mapping[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return target
    return node


def describe(node: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words: ``a whole number from 1 to 240``."""
    kind = node.get("type")
    if kind in {"integer", "number"}:
        return ("a whole number" if kind == "integer" else "a number") + _range(node)
    if "description" in node and kind != "object":
        return str(node["description"])
    if "enum" in node or "const" in node:
        return "one of: " + ", ".join(str(value) for value in node.get("enum", [node.get("const")]))
    if kind == "object" and "maxProperties" in node:
        return f"{node.get('minProperties', 0)} to {node['maxProperties']} entries"
    words = {"boolean": "true or false", "string": "text", "object": "a table", "array": "a list"}
    return words.get(str(kind), "another value")


def _range(node: Mapping[str, Any]) -> str:
    low, above, high = (_number(node.get(word)) for word in ("minimum", "exclusiveMinimum", "maximum"))
    start = f" from {low}" if low else f" above {above}" if above else ""
    if not high:
        return f"{start} up" if low else start
    return f"{start} to {high}" if low else f"{start}{' and' if above else ''} up to {high}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if abs(value) < 1e5 and value != int(value) else str(int(value))


# ---- writing ---------------------------------------------------------------------------------------------------------


def toml_value(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one character JSON lets through
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return repr(value)


def toml_key(key: str) -> str:
    """A key as TOML: bare where it can be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)
