"""Files that are there, whole, when a machine has lost its power, and in no other place than was said."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from simulation.errors import InputError

_UNKNOWN: Final = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # what a file system says that cannot be asked to wait


def put_in_place(temporary: Path, path: Path) -> None:
    """Let a finished file take its name, once all of it is on the disk; the name is on the disk too when this returns.

    Raises
    ------
    OSError : it cannot be written
    """
    _wait(temporary)
    os.replace(temporary, path)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        with contextlib.suppress(PermissionError):  # one that may be written in, and not be read
            _wait(path.parent)


def refuse_link(folder: Path) -> None:
    """Of a folder from elsewhere: what is written and taken away stays within it (InputError)."""
    if folder.is_symlink():
        raise InputError("is a link to another place", file=folder, allowed="a folder, or nothing")


def _wait(path: Path) -> None:
    """Until what was written of a file, or of a folder's names, is on the disk."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    finally:
        os.close(handle)
