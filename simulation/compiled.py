"""How a rule is compiled, and the hash that says which rules these are.

Every rule is a plain Python function; :func:`rule` compiles it with Numba. With ``NUMBA_DISABLE_JIT=1`` the same
functions run as plain Python and give the same bytes, which is how a researcher can step through them.

Numba's cache does not notice that a function *called* by a cached one has changed, so the cache lives in a folder
named by a hash of all sources. The same hash goes into the manifest of a run and guards ``--resume``.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

_PACKAGE = Path(__file__).resolve().parent
_NO_MODEL = ("bench.py", "disk.py", "machine.py", "parallel.py")  # measure the model, run it somewhere: no part of it


def source_hash() -> str:
    """SHA-256 over every source and data file of the model (``simulation/`` without ``_NO_MODEL``), as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*"), key=lambda p: p.relative_to(_PACKAGE).as_posix()):
        if path.suffix in {".py", ".toml", ".csv"} and "__pycache__" not in path.parts and path.name not in _NO_MODEL:
            digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


SOURCE_HASH = source_hash()


def _cache_folder() -> Path:
    """A writable folder for compiled code: the user's cache, else a private temporary folder."""
    tag = f"{SOURCE_HASH[:16]}-py{sys.version_info[0]}{sys.version_info[1]}-numba{numba.__version__}"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for base in (Path(home) / "familiebaner", Path(tempfile.gettempdir()) / f"familiebaner-{_user()}"):
        folder = base / tag
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="familiebaner-"))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


numba.config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

F = TypeVar("F", bound=Callable[..., Any])


def rule(function: F) -> F:
    """Compile a rule: no fused or reordered arithmetic, division as in NumPy, cached, other threads may run."""
    return numba.njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """A rule that is copied into its callers: for the few that a loop must contain to be vectorised."""
    return numba.njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True, inline="always")(function)  # type: ignore[no-any-return]


def small(function: F) -> F:
    """A rule on the hot path: its machine code is copied into every caller, since Numba's calls cost as much as it does."""
    return numba.njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True, forceinline=True)(function)  # type: ignore[no-any-return]
