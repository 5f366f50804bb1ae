"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simulation.errors import InputError

LOCK: Final = ".lock"


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder. The system drops the lock of a run that has died, whatever killed it.

    Raises
    ------
    InputError
        another run holds the folder, or it cannot be written
    """
    try:
        import fcntl
    except ImportError:  # Windows: two runs in one folder are the user's own care
        yield
        return
    lock = folder / LOCK
    try:
        stream = lock.open("w")
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror})", file=folder, key="--out", allowed="a folder you may write to"
        ) from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = lock.exists() and os.path.samestat(os.fstat(stream.fileno()), lock.stat())
        except OSError:
            ours = False
        if not ours:  # held by another run, or taken away by one that ended just now
            allowed = "another folder, or wait"
            raise InputError("another run is writing here", file=folder, key="--out", allowed=allowed)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
