"""Files appear whole or not at all: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulation.disk import put_in_place
from simulation.errors import InputError

DIGITS = 10  # significant: far below Monte Carlo error, far above the noise of the last bits
QUOTE = "\x1a"  # stands for a quote while a table is written
NEEDS_QUOTES = ('"', ",", "\n", "\r", QUOTE)
FORMULA = re.compile(r"'*[=+\-@\t\r]")
LARGEST_EXACT = 22  # the largest power of ten that is a floating-point number
MOST_OF_JSON = 20_000_000  # bytes of a manifest and the like, which takes 30 times as many when it is read
MOST_OF_A_TABLE = 500_000_000  # bytes


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, and rename it to ``path`` when the block has ended well.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        put_in_place(temporary, path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder cannot be made: {error.strerror or error}", file=folder) from error


def write_text(path: Path, text: str) -> None:
    """UTF-8 with plain line ends, on every system."""
    with whole(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """JSON that a person can read; NumPy's numbers become numbers, and what is not JSON its text."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=2, default=plain) + "\n")


def plain(value: Any) -> Any:
    """What JSON can hold, for ``json.dumps(default=...)``."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Comma and decimal point whatever the locale, empty where there is no value, numbers to ten digits, no text a formula.

    Written by Arrow, many times as fast as by pandas. Arrow quotes every text; here only those that need it keep their quotes.
    """
    import pyarrow as pa
    from pyarrow import csv

    columns = [
        _rounded(table[name]) if table[name].dtype.kind == "f" else _marked(table[name]) for name in table.columns
    ]
    names = [_mark(str(name)) for name in table.columns]
    content = pa.table([pa.array(column, from_pandas=True) for column in columns], names=names)
    buffer = io.BytesIO()
    csv.write_csv(content, buffer, csv.WriteOptions(quoting_style="needed"))
    with whole(path) as temporary:
        temporary.write_bytes(buffer.getvalue().replace(b'"', b"").replace(QUOTE.encode(), b'"'))


def _marked(column: pd.Series[Any]) -> Any:
    """Texts that need quotes in a CSV file, in marks that stand for quotes; other values as they are."""
    if column.dtype.kind in "biu":
        return column.to_numpy()
    marked = {value: _mark(value) for value in column.unique() if isinstance(value, str)}
    marked = {value: text for value, text in marked.items() if text != value}
    return (column.map(lambda value: marked.get(value, value)) if marked else column).to_numpy(dtype=object)


def escaped(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that might be begins with an apostrophe more."""
    return f"'{text}" if FORMULA.match(text) else text


def unescaped(text: str) -> str:
    """What :func:`escaped` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def _mark(text: str) -> str:
    """A text in marks that stand for quotes, where it needs any; escaped where a spreadsheet might run it."""
    text = escaped(text)
    if not any(mark in text for mark in NEEDS_QUOTES):
        return text
    return f"{QUOTE}{text.replace(QUOTE, '').replace(chr(34), 2 * QUOTE)}{QUOTE}"


def _rounded(column: pd.Series[Any]) -> Any:
    """Floats to so many significant digits, so that their shortest form is no longer."""
    values = column.to_numpy(np.float64) + 0.0  # no -0
    with np.errstate(divide="ignore", invalid="ignore"):
        places = DIGITS - 1 - np.floor(np.log10(np.abs(values)))
        usual = (places >= 0) & (places <= LARGEST_EXACT)
        scale = 10.0 ** np.where(usual, places, 0.0)
        rounded = np.rint(values * scale) / scale
    for i in np.flatnonzero(~usual):  # nothing, the very small and the very large
        rounded[i] = float(f"{values[i]:.{DIGITS}g}")
    return rounded


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Parquet without an index."""
    with whole(path) as temporary:
        table.to_parquet(temporary, index=False, engine="pyarrow")


def check_size(path: Path, most: int = MOST_OF_A_TABLE) -> None:
    """Refuse what is no file, such as a pipe that would be waited for, or is too large to be read into memory.

    Raises
    ------
    InputError
        It is one or the other, or cannot be looked at.
    """
    try:
        if not path.is_file():
            raise InputError("is not a regular file", file=path, allowed="a file")
        if path.stat().st_size > most:
            allowed = f"at most {most // 1_000_000} MB"
            raise InputError(f"is larger than {most // 1_000_000} MB", file=path, allowed=allowed)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from error


def read_json(path: Path) -> Any:
    """What a JSON file of a run's folder holds.

    Raises
    ------
    InputError
        It is too large or damaged, or cannot be read.
    """
    check_size(path, MOST_OF_JSON)
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", file=path) from error


def parse_json(text: str | bytes) -> Any:
    """What JSON holds; ``ValueError`` where it is none, or holds half a letter (``\\ud800``), which can be written nowhere."""
    data = json.loads(text)
    json.dumps(data, ensure_ascii=False).encode("utf-8")
    return data


def read_csv(path: Path, text: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """Read one of our tables back: ``text`` columns as they stand (an arm may be called ``NA``), ``numbers`` as floats.

    Raises
    ------
    InputError
        The file is missing, is not such a table or is too large.
    """
    check_size(path)
    try:
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(text, str),
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
            encoding="utf-8",
        )
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"cannot be read as a table: {str(error)[:200]}", file=path) from error
    missing = [name for name in (*text, *numbers) if name not in table.columns]
    if missing:
        raise InputError(f"lacks the columns {', '.join(missing)}", file=path)
    for name in text:
        found = [value for value in table[name].unique() if str(value).startswith("'")]
        if found:
            table[name] = table[name].replace({value: unescaped(value) for value in found})
    try:
        return table.astype(dict.fromkeys(numbers, np.float64))
    except ValueError as error:
        raise InputError(f"has something else than numbers: {error}", file=path) from error


def hash_bytes(data: bytes) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file of any size, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_source(path: Path) -> str:
    """SHA-256 of a source file, whatever its line ends."""
    return hash_bytes(path.read_bytes().replace(b"\r\n", b"\n"))


def file_of_year(folder: Path, prices: str, what: str) -> Path:
    """The file in a folder for a year's prices; InputError where there is none, which says what there is none of."""
    path = folder / f"{prices}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise InputError(f"there are no {what} in prices of {prices!r}", key="study.prices", allowed=known)
    return path


def hash_table(table: pd.DataFrame) -> str:
    """SHA-256 of names and values of a table, whatever the order of its columns; floats by their shortest form."""
    ordered = table[sorted(table.columns, key=str)]
    return hash_bytes(ordered.to_csv(index=False, lineterminator="\n").encode("utf-8"))
