"""Files appear whole or not at all: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulation.errors import InputError

FLOAT_FORMAT = "%.10g"  # ten digits: far below Monte Carlo error, far above the noise of the last bits


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
        os.replace(temporary, path)
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
    """Comma and decimal point whatever the locale, empty where there is no value."""
    with whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format=FLOAT_FORMAT, lineterminator="\n", encoding="utf-8")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Parquet without an index."""
    with whole(path) as temporary:
        table.to_parquet(temporary, index=False, engine="pyarrow")


def read_csv(path: Path, text: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """Read one of our tables back: ``text`` columns as they stand (an arm may be called ``NA``), ``numbers`` as floats.

    Raises
    ------
    InputError
        The file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(text, str),
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
            encoding="utf-8",
        )
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as a table: {error}", file=path) from error
    missing = [name for name in (*text, *numbers) if name not in table.columns]
    if missing:
        raise InputError(f"lacks the columns {', '.join(missing)}", file=path)
    try:
        return table.astype(dict.fromkeys(numbers, np.float64))
    except ValueError as error:
        raise InputError(f"has something else than numbers: {error}", file=path) from error


def hash_bytes(data: bytes) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_table(table: pd.DataFrame) -> str:
    """SHA-256 of names and values of a table, whatever the order of its columns; floats by their shortest form."""
    ordered = table[sorted(table.columns, key=str)]
    return hash_bytes(ordered.to_csv(index=False, lineterminator="\n").encode("utf-8"))
