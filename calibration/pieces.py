"""Long work in numbered pieces: each a row or more of numbers, stored when it is done, so that a stopped run goes on.

A piece depends on its number and the inputs alone: not on workers, on other pieces, or on what ran before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from scenarios.progress import Progress
from simulation.disk import refuse_link
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.parallel import Workers, run_tasks

INPUTS: Final = "inputs.json"
MOST_OF_A_PIECE: Final = 10_000_000  # bytes beside its numbers
INPUTS_KEY: Final = b"familiebaner.inputs"  # in a file's metadata: a hash of what its rows were made from
SEAL: Final = b"familiebaner.seal"  # and one of both


def run_pieces(
    work: Callable[[int], FloatArray],
    sizes: Sequence[int],
    columns: Sequence[str],
    inputs: str,
    *,
    folder: Path | None = None,
    workers: Workers = None,
    posterior: str = "prior",
    step: Progress | None = None,
) -> FloatArray:
    """The rows of all pieces in the order of their numbers; those of an earlier, broken-off run are read.

    Parameters
    ----------
    work : the rows of a piece, (its size, columns); called in threads or by the workers of a cluster
    sizes : rows of each piece
    columns : names of what a row holds
    inputs : a hash of everything that the rows depend on
    folder : where finished pieces are kept, made if need be; None keeps nothing
    posterior : what the work reads draws from, where it does

    Raises
    ------
    InputError : the folder holds pieces of other inputs, or is a link
    """
    from simulation.warm import warm_up

    warm_up()
    found: dict[int, FloatArray] = {}
    if folder is not None:
        _open(folder, inputs)
        found = dict(_stored(folder, sizes, columns, inputs))

    left = [k for k in range(len(sizes)) if k not in found]
    if step is not None:
        step(len(sizes) - len(left), len(sizes))
    for done, (k, rows) in enumerate(run_tasks(work, left, workers, posterior=posterior), start=1):
        found[k] = np.asarray(rows, np.float64).reshape(sizes[k], len(columns))
        if folder is not None:
            _store(folder, k, found[k], columns, inputs)
        if step is not None:
            step(len(sizes) - len(left) + done, len(sizes))
    return np.concatenate([np.empty((0, len(columns))), *(found[k] for k in range(len(sizes)))])


# ---- on disk ---------------------------------------------------------------------------------------------------------


def _open(folder: Path, inputs: str) -> None:
    """Refuse a folder of other inputs; where its note is gone or damaged, its pieces themselves tell what they were made from."""
    from results import files

    refuse_link(folder)
    files.make_folder(folder)
    note = folder / INPUTS
    made = _inputs_of(note)
    made_from = {made} if made is not None else {_inputs_in(path) for path in folder.glob("rows-*.parquet")} - {None}
    if made_from - {inputs}:
        allowed = "--resume with the same files, options, seed and version as before, or another --out"
        raise InputError("holds simulations of other inputs or other code", file=folder, allowed=allowed)
    if made is None:
        files.write_json(note, {"inputs": inputs})


def _inputs_of(note: Path) -> str | None:
    """The hash that a note holds; None where it is not there, or damaged."""
    from results import files

    try:
        return str(files.read_json(note)["inputs"])
    except (InputError, TypeError, KeyError):
        return None


def _inputs_in(path: Path) -> str | None:
    """The hash that a piece holds; None where it is damaged."""
    import pyarrow.parquet as pq

    try:
        return str(pq.read_metadata(path).metadata[INPUTS_KEY].decode())
    except Exception:  # whatever is wrong with the file, it will be made again
        return None


def _file(folder: Path, k: int) -> Path:
    return folder / f"rows-{k:05d}.parquet"


def _seal(rows: FloatArray, k: int, columns: Sequence[str], inputs: str) -> bytes:
    """A hash of a piece and of what it was made from."""
    digest = hashlib.sha256(json.dumps([inputs, k, list(columns), rows.shape]).encode())
    digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest().encode()


def _store(folder: Path, k: int, rows: FloatArray, columns: Sequence[str], inputs: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from results import files

    table = pa.table([pa.array(column) for column in rows.T], names=list(columns))
    with files.whole(_file(folder, k)) as temporary:
        pq.write_table(
            table.replace_schema_metadata({SEAL: _seal(rows, k, columns, inputs), INPUTS_KEY: inputs}), temporary
        )


def _stored(
    folder: Path, sizes: Sequence[int], columns: Sequence[str], inputs: str
) -> Iterator[tuple[int, FloatArray]]:
    """Whole pieces; one that is corrupt, half written or made from something else is passed over, and made again."""
    for k, size in enumerate(sizes):
        path = _file(folder, k)
        if path.is_file():
            try:
                rows, seal = _read(path, size, columns)
            except Exception:  # whatever is wrong with the file, its rows are simply simulated again
                continue
            if seal == _seal(rows, k, columns, inputs):
                yield k, rows


def _read(path: Path, size: int, columns: Sequence[str]) -> tuple[FloatArray, bytes]:
    """The rows of a piece, and its seal; any exception where the file is no such piece."""
    import pyarrow.parquet as pq

    if path.stat().st_size > MOST_OF_A_PIECE + 20 * size * len(columns):
        raise ValueError
    with pq.ParquetFile(path) as stream:
        if stream.metadata.num_rows != size or stream.schema_arrow.names != list(columns):
            raise ValueError
        table = stream.read()
    return np.column_stack([column.to_numpy().astype(np.float64) for column in table.columns]), table.schema.metadata[
        SEAL
    ]
