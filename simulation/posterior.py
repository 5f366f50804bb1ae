"""Posterior draws: a Parquet file with one row a draw and one column a parameter, in stated units.

A column ``weight`` gives unequal draws their weight. Parameters without a column are drawn from their priors: what the data
said nothing about stays as uncertain as it was. A posterior that a fit wrote says of which parameters and priors it was made;
under others it would mean something else, and is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulation.draws import philox
from simulation.errors import InputError, nearest
from simulation.outcomes import FloatArray
from simulation.parameters import check_value, find_parameter, parameter_names, parameters_hash, prior_values
from simulation.unpacked import unpacked_bytes

WEIGHT: Final = "weight"
LARGEST: Final = 20_000_000  # bytes of a file
LARGEST_UNPACKED: Final = 200_000_000
PROVENANCE: Final = b"familiebaner"  # the key of the file's metadata that says what it was made from
NUMBERS: Final = ("DOUBLE", "FLOAT", "INT32", "INT64", "BOOLEAN")
FROM_NO_FILE: Final = ("prior", "default")
_BLOCK: Final = np.uint64(0x504F5354)
_ALLOWED: Final = "a Parquet file of posterior draws, one column a parameter"


Loaded = tuple[tuple[int, ...], FloatArray, FloatArray]
Identity = tuple[str, int, int]


def load_posterior(file: str) -> Loaded:
    """Positions of the parameters, values (draws, parameters) and cumulative weights (draws,) of a posterior file.

    A file is read once, and again when it has changed.

    Raises
    ------
    InputError
        the file cannot be read, was made with other priors, holds an unknown parameter, a value its unit does not allow, or no
        draw
    """
    return _read(file, _identity(file))


def posterior_identity(posterior: str) -> Identity | None:
    """What a plan's ``posterior`` means now: a file (whole path, last change in nanoseconds, bytes); None where there is none.

    Raises
    ------
    InputError : the file cannot be read, as :func:`load_posterior` says
    """
    if posterior in FROM_NO_FILE:
        return None
    load_posterior(posterior)
    return _identity(posterior)


def posterior_hash(posterior: str) -> str:
    """SHA-256 of the file that a plan's ``posterior`` is now, 64 hexadecimal digits; its name where it is no file.

    Raises
    ------
    InputError : the file cannot be read, as :func:`load_posterior` says
    """
    identity = posterior_identity(posterior)
    return posterior if identity is None else _hash(posterior, identity)


def check_posterior(posterior: str, known: str) -> None:
    """Refuse a posterior that is not the file that a run began with, whose hash is ``known``: here, or where a worker is.

    Raises
    ------
    InputError : it is another, or cannot be read
    """
    try:
        same = posterior_hash(posterior) == known
    except InputError:
        same = False
    if not same:
        problem = "has changed or gone since the run began, or is not the same file where a worker of the cluster is"
        raise InputError(problem, file=posterior, allowed="a file that stays as it is, at the same path for all")


@functools.lru_cache(maxsize=4)
def _hash(file: str, identity: Identity) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _identity(file: str) -> Identity:
    try:
        state = os.stat(file)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    return os.path.realpath(file), state.st_mtime_ns, state.st_size


def _unreadable(file: str | Path, error: Exception) -> InputError:
    return InputError(f"cannot be read ({type(error).__name__})", file=file, allowed=_ALLOWED)


@functools.lru_cache(maxsize=4)
def _read(file: str, identity: Identity) -> Loaded:
    """``identity`` is there so that another state of the file, or another file of the name, is not what is remembered."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, allowed = Path(file), _ALLOWED
    at_most = f"at most {LARGEST // 1_000_000} MB, and {LARGEST_UNPACKED // 1_000_000} MB unpacked"
    large = InputError("is too large", file=path, allowed=at_most)
    if identity[-1] > LARGEST:
        raise large
    try:
        if not path.is_file():  # a folder, or a pipe that would be waited for
            raise OSError
        content = path.read_bytes()
        with pq.ParquetFile(pa.BufferReader(content)) as stream:
            footer = stream.metadata
            if 8 * footer.num_rows * footer.num_columns > LARGEST_UNPACKED:
                raise large
            _check_kinds(footer.schema, path)
            if unpacked_bytes(content, footer, LARGEST_UNPACKED) > LARGEST_UNPACKED:
                raise large
            table = stream.read()
    except InputError:
        raise
    except (OSError, ValueError, TypeError, OverflowError, MemoryError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None
    if len(set(table.column_names)) < len(table.column_names):
        raise InputError("has two columns of one name", file=path, allowed=allowed)
    _check_parameters(table, path)
    known = parameter_names()
    names = [name for name in table.column_names if name not in (WEIGHT, "draw")]
    for name in names:
        if name not in known:
            raise InputError("there is no such parameter", file=path, key=name[:80], allowed=nearest(name[:80], known))
    if table.num_rows == 0 or not names:
        raise InputError("holds no draw", file=path, allowed=allowed)
    values = np.column_stack([_numbers(table, name, path) for name in names])
    for name, column in zip(names, values.T, strict=True):
        for value in (column.min(), column.max()):
            check_value(find_parameter(name), float(value), file=path)
    weight = _numbers(table, WEIGHT, path) if WEIGHT in table.column_names else np.ones(table.num_rows)
    if weight.min() < 0.0 or weight.sum() <= 0.0:
        raise InputError("weights below zero, or none above", file=path, key=WEIGHT, allowed="0 or more")
    return tuple(known.index(name) for name in names), values, np.cumsum(weight) / weight.sum()


def _check_kinds(schema: Any, path: Path) -> None:
    """Refuse, before anything is unpacked, columns of anything but plain numbers: a text may be of any length."""
    for column in map(schema.column, range(len(schema))):
        plain = column.physical_type in NUMBERS and column.logical_type.type in ("NONE", "INT")
        if not plain or column.max_repetition_level > 0 or column.path != column.name:
            raise InputError("is not a column of numbers", file=path, key=column.path[:80], allowed="numbers")


def _check_parameters(table: Any, path: Path) -> None:
    """Refuse a posterior made with other parameters or priors; a file that says nothing of that is taken as it is."""
    said = (table.schema.metadata or {}).get(PROVENANCE)
    if said is None:
        return
    try:
        made_with = json.loads(said)["parameters_hash"]
    except (ValueError, TypeError, KeyError, RecursionError):
        made_with = None
    if made_with != parameters_hash():
        problem = "was made with another version of the parameters: their names, units or priors were others"
        raise InputError(problem, file=path, allowed="a posterior of this version; `python run.py calibrate` makes one")


def _numbers(table: Any, name: str, path: Path) -> FloatArray:
    try:
        values = np.asarray(table[name].to_numpy(), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError("is not a column of numbers", file=path, key=name, allowed="numbers") from None
    if not np.all(np.isfinite(values)):
        raise InputError("holds something that is no number", file=path, key=name, allowed="finite numbers")
    return values


def posterior_values(file: str, seed: int, draw: int) -> FloatArray:
    """The parameters of a draw, (P,) in stated units: a row by its weight, keyed by (seed, draw), over prior values."""
    positions, rows, cumulative = load_posterior(file)
    word, *_ = philox(np.uint64(0), np.uint64(0), np.uint64(draw), _BLOCK, np.uint64(seed), np.uint64(0xFFFFFFFF))
    row = int(np.searchsorted(cumulative, (float(word) + 0.5) / 4294967296.0, side="right"))
    values = prior_values(seed, draw).copy()
    values[list(positions)] = rows[min(row, len(rows) - 1)]
    return values
