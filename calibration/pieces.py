"""Long work in numbered pieces: each a row or more of numbers, stored when it is done, so that a stopped run goes on.

A piece depends on its number and the inputs alone: not on workers, on other pieces, or on what ran before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from scenarios.progress import Progress
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.parallel import Workers, run_tasks

INPUTS: Final = "inputs.json"


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
    InputError : the folder holds pieces of other inputs
    """
    from simulation.warm import warm_up

    warm_up()
    found: dict[int, FloatArray] = {}
    if folder is not None:
        _open(folder, inputs)
        found = dict(_stored(folder, sizes, columns))

    left = [k for k in range(len(sizes)) if k not in found]
    if step is not None:
        step(len(sizes) - len(left), len(sizes))
    for done, (k, rows) in enumerate(run_tasks(work, left, workers, posterior=posterior), start=1):
        found[k] = np.asarray(rows, np.float64).reshape(sizes[k], len(columns))
        if folder is not None:
            _store(folder, k, found[k], columns)
        if step is not None:
            step(len(sizes) - len(left) + done, len(sizes))
    return np.concatenate([np.empty((0, len(columns))), *(found[k] for k in range(len(sizes)))])


# ---- on disk ---------------------------------------------------------------------------------------------------------


def _open(folder: Path, inputs: str) -> None:
    from results import files

    files.make_folder(folder)
    note = folder / INPUTS
    if note.exists():
        try:
            same = json.loads(note.read_text(encoding="utf-8"))["inputs"] == inputs
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            same = False
        if not same:
            allowed = "--resume with the same files, options, seed and version as before, or another --out"
            raise InputError("holds simulations of other inputs or other code", file=folder, allowed=allowed)
    else:
        files.write_json(note, {"inputs": inputs})


def _file(folder: Path, k: int) -> Path:
    return folder / f"rows-{k:05d}.parquet"


def _store(folder: Path, k: int, rows: FloatArray, columns: Sequence[str]) -> None:
    from results import files

    files.write_parquet(_file(folder, k), pd.DataFrame(rows, columns=list(columns)))


def _stored(folder: Path, sizes: Sequence[int], columns: Sequence[str]) -> Iterator[tuple[int, FloatArray]]:
    """Whole pieces; one that is corrupt or half written is passed over, and made again."""
    for k, size in enumerate(sizes):
        path = _file(folder, k)
        if path.exists():
            try:
                table = pd.read_parquet(path)
                rows = table.to_numpy(np.float64)
            except Exception:  # whatever is wrong with the file, its rows are simply simulated again
                continue
            if list(table.columns) == list(columns) and len(table) == size:
                yield k, rows
