"""Random numbers that belong to an event, not to a stream.

Every draw is a pure function of (seed, replicate, entity, month, event), computed with Philox4x32-10 (Salmon, Moraes,
Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; the Random123 library). Two arms of a study therefore
meet the same families with the same luck, and neither cores nor the order of work can change a result.

Addressing. The key is (seed, replicate). The counter is (slot, person within family and generation, month, block); a
block gives four draws. Events are numbered in the tuples below: draw ``4 b + j`` stands in block ``b``. A new event is
appended at the end of its tuple, so that no other draw moves.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulation.compiled import rule

MASK: Final = np.uint64(0xFFFFFFFF)
_SHIFT: Final = np.uint64(32)
_M0: Final = np.uint64(0xD2511F53)
_M1: Final = np.uint64(0xCD9E8D57)
_W0: Final = np.uint64(0x9E3779B9)
_W1: Final = np.uint64(0xBB67AE85)
_UNIT: Final = 1.0 / 4294967296.0


@rule
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """One block of Philox4x32-10: counter and key of 32-bit words (held in uint64) to four 32-bit words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = ((p1 >> _SHIFT) ^ c1 ^ k0) & MASK
        c2 = ((p0 >> _SHIFT) ^ c3 ^ k1) & MASK
        c1 = p1 & MASK
        c3 = p0 & MASK
        k0 = (k0 + _W0) & MASK
        k1 = (k1 + _W1) & MASK
    return c0, c1, c2, c3


@rule
def uniform(word):  # type: ignore[no-untyped-def]
    """A 32-bit word as a number strictly between 0 and 1."""
    return (float(word) + 0.5) * _UNIT
