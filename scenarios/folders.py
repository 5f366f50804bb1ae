"""The folder of a run: chosen, checked and locked before the work begins. Nothing that exists is written over."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from simulation.disk import refuse_link
from simulation.errors import BrokenOffError, InputError
from simulation.locks import LOCK, hold

RUNS: Final = Path("results") / "runs"
NOTES: Final = (LOCK, "lock", "inputs.json")  # what stands in a run's folder before there is any work in it
CHUNKS: Final = "chunks"  # the folder of finished chunks, while a run goes on
OF_A_RUN: Final = ("manifest.json", CHUNKS)


def default_folder(name: str, *, resume: bool = False) -> Path:
    """``results/runs/NAME``, or the first free ``NAME-2``, ``NAME-3``...; to resume, the last that exists."""
    numbered = _numbered(RUNS / name)
    last = folder = next(numbered)
    while folder.exists() or folder.is_symlink():
        last, folder = folder, next(numbered)
    return last if resume else folder


def _numbered(folder: Path) -> Iterator[Path]:
    yield folder
    number = 2
    while True:
        yield folder.with_name(f"{folder.name}-{number}")
        number += 1


def check_folder(folder: Path, *, force: bool = False, resume: bool = False, note: str | None = None) -> None:
    """Refuse a folder that is no folder, that holds something, or that cannot be written; nothing is made yet.

    Parameters
    ----------
    note : the file in which the command notes what its run is made from, before there is any work in the folder
    """
    key = "--out"
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError("is a file", file=folder, key=key, allowed="a folder that is new or empty")
        if folder.is_dir() and not (force or resume) and _holds_something(folder, note):
            allowed = "a folder that is new or empty; --force to write over it"
            allowed += ", --resume to go on with a broken-off run" if _holds_a_run(folder, note) else ""
            raise InputError("the folder is not empty", file=folder, key=key, allowed=allowed)
        if resume and folder.is_dir() and _holds_something(folder, note) and not _holds_a_run(folder, note):
            allowed = "the folder of a broken-off or finished run, or one that is new or empty"
            raise InputError("holds no run that could go on", file=folder, key="--out", allowed=allowed)
        above = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    except OSError as error:
        raise _unwritable(folder, error) from None
    if not above.is_dir():
        raise InputError(f"{above} is a file", file=folder, key=key, allowed="a folder that is new or empty")
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError("cannot be written", file=folder, key=key, allowed="a folder that you may write in")


def _holds_something(folder: Path, note: str | None) -> bool:
    """More than a lock, and a note that a killed run had only half written."""
    half = f".{note}.*.tmp"
    return any(entry.name != LOCK and not (note and entry.match(half)) for entry in folder.iterdir())


def _holds_a_run(folder: Path, note: str | None) -> bool:
    return any((folder / name).exists() for name in (*OF_A_RUN, *([note] if note else [])))


def _unwritable(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"cannot be written: {reason}", file=folder, key="--out", allowed="a folder that you may write in"
    )


@contextlib.contextmanager
def open_folder(folder: Path) -> Iterator[None]:
    """Make and lock the folder of a run. Where wrong input leaves it empty, what was made is taken away again."""
    made = _make(folder)
    with hold(folder):
        try:
            refuse_link(folder / CHUNKS)
            yield
        except InputError:
            if made and all(_is_no_work(entry) for entry in folder.rglob("*")):
                shutil.rmtree(folder, ignore_errors=True)
                _remove_empty(made[1:])
            raise


@contextlib.contextmanager
def can_go_on(folder: Path) -> Iterator[None]:
    """Say how a run goes on that is broken off within the block: by the user, a full disk, a lost cluster."""
    again = f"go on with: --resume --out {folder}"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(again) from None
    except (BrokenOffError, OSError) as error:
        raise BrokenOffError(f"{error}; {again}") from error
    except InputError as error:
        if isinstance(error.__cause__, OSError):  # a file of the run that cannot be written
            raise BrokenOffError(f"{error} {again}") from error
        raise


def _is_no_work(entry: Path) -> bool:
    """Whether what lies in a run's folder is nothing that was worked for."""
    return entry.name in NOTES or (entry.is_dir() and not entry.is_symlink())


def _remove_empty(folders: Sequence[Path]) -> None:
    """Take away folders, the innermost first, up to one that holds something."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make the folder; which folders were made, itself the first and the outermost the last."""
    lineage = [folder.absolute(), *folder.absolute().parents]
    missing = [parent for parent in lineage if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return missing
