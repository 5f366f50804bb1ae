"""A burnt-in municipality in little memory: a third of its size, as the same bytes, in a tenth of a millisecond or so."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.engine import Start
from simulation.municipality import World

CODEC: Final = "lz4_raw"
_READ: Final = ("eligible", "lead", "groups", "drift")
_APART: Final = ("setting",)


@dataclass(frozen=True)
class PackedStart:
    """A start as bytes, and what its parameters were drawn from."""

    content: bytes
    size: int
    layout: tuple[tuple[str, Any, int, int, tuple[int, ...]], ...]
    """(array, dtype, how many, byte of the content that it begins at, shape)"""
    setting: npt.NDArray[Any]
    drawn: Hashable
    """the same for starts of the same parameters"""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return len(self.content) + self.setting.nbytes


def pack(start: Start, drawn: Hashable) -> PackedStart:
    """A start as bytes."""
    arrays = {name: getattr(start.world, name) for name in World.__slots__ if name not in _APART}
    arrays |= {name: getattr(start, name) for name in _READ}
    ends = np.cumsum([array.nbytes for array in arrays.values()]).tolist()
    layout = tuple(
        (name, array.dtype, array.size, end - array.nbytes, array.shape)
        for (name, array), end in zip(arrays.items(), ends, strict=True)
    )
    content = b"".join(array.tobytes() for array in arrays.values())
    return PackedStart(
        content=pa.compress(content, codec=CODEC, asbytes=True),
        size=len(content),
        layout=layout,
        setting=start.world.setting,
        drawn=drawn,
    )


def unpack(packed: PackedStart) -> Start:
    """The start again. Its arrays are not to be written to: arms are run from copies."""
    content = pa.decompress(packed.content, decompressed_size=packed.size, codec=CODEC)
    arrays = {
        name: np.frombuffer(content, dtype, number, at).reshape(shape)
        for name, dtype, number, at, shape in packed.layout
    }
    world = object.__new__(World)
    world.setting = packed.setting
    for name in World.__slots__:
        if name not in _APART:
            setattr(world, name, arrays[name])
    return Start(world=world, **{name: arrays[name] for name in _READ})


def with_setting(start: Start, setting: npt.NDArray[Any]) -> Start:
    """The same municipality under other parameters, of which nothing that is different acts before month 0."""
    world = object.__new__(World)
    for name in World.__slots__:
        setattr(world, name, getattr(start.world, name))
    world.setting = setting
    return replace(start, world=world)
