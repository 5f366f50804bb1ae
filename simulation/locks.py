"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simulation.errors import InputError

LOCK: Final = ".lock"
HOW: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How it is opened: a link of that name is not followed, a pipe not waited for, and nothing is emptied."""


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder. The system drops the lock of a run that has died, whatever killed it.

    Raises
    ------
    InputError
        another run holds the folder, it cannot be written, or no lock can be had there
    """
    try:
        import fcntl
    except ImportError:  # Windows: two runs in one folder are the user's own care
        yield
        return
    lock = folder / LOCK
    try:
        stream = os.fdopen(os.open(lock, HOW, 0o666), "r+b", buffering=0)
    except OSError as error:
        problem = f"{LOCK} is a link to another place" if lock.is_symlink() else f"cannot be written ({error.strerror})"
        raise InputError(problem, file=folder, key="--out", allowed="a folder you may write to") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = lock.exists() and os.path.samestat(os.fstat(stream.fileno()), lock.lstat())
        except (BlockingIOError, FileNotFoundError):
            ours = False
        except OSError as error:
            problem = f"no lock can be had there ({error.strerror}): some file systems have none"
            raise InputError(problem, file=folder, key="--out", allowed="a folder on a disk with locks") from None
        if not ours:  # held by another run, or taken away by one that ended just now
            allowed = "another folder, or wait"
            raise InputError("another run is writing here", file=folder, key="--out", allowed=allowed)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
