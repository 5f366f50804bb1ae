"""Which versions of the model give the same results: a hash of sources changes with every letter, results seldom do."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("versions.toml")


def same_results(first: str, second: str) -> bool:
    """Whether two versions, by the hashes of their sources (``simulation.compiled.SOURCE_HASH``), give the same results.

    Known of versions that something shipped was made with (``versions.toml``), and of this one.
    """
    return first == second or (_is_known(first) and _is_known(second))


def _is_known(version: str) -> bool:
    from simulation.compiled import SOURCE_HASH

    return version.startswith((SOURCE_HASH, *_known()))


@functools.cache
def _known() -> tuple[str, ...]:
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["same"])
