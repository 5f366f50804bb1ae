"""Random numbers that belong to an event, not to a stream.

Every draw is a pure function of (seed, replicate, entity, month, event), computed with Philox4x32-10 (Salmon, Moraes,
Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; the Random123 library). Two arms of a study therefore
meet the same families with the same luck, and neither cores nor the order of work can change a result.

Addressing. The key is (seed, replicate). The counter is (slot, person within family and generation, month, block); a
block gives four draws. A family's draws of a month are filled at once, eight blocks into a buffer of 32 (the loop over blocks
is vectorised by the compiler: a draw costs about 1 ns), and events below are places in that buffer. A new event takes a free
place, so that no other draw moves.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulation.compiled import inlined, rule, small
from simulation.names import FIRST, SECOND

MASK: Final = np.uint64(0xFFFFFFFF)
_SHIFT: Final = np.uint64(32)
_M0: Final = np.uint64(0xD2511F53)
_M1: Final = np.uint64(0xCD9E8D57)
_W0: Final = np.uint64(0x9E3779B9)
_W1: Final = np.uint64(0xBB67AE85)
_UNIT: Final = 1.0 / 4294967296.0


@inlined
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


@inlined
def uniform(word):  # type: ignore[no-untyped-def]
    """A 32-bit word as a number strictly between 0 and 1."""
    return (np.float64(np.int64(word)) + 0.5) * _UNIT


# --- events: named draws of an entity in a month ------------------------------------------------------------------

BUFFER: Final = 32  # draws in a buffer: word j of block b stands at place 8 j + b
BLOCKS: Final = 8
AT_ONCE: Final = 16  # families whose draws are held at a time

# A family, in its own month (places in draws[0]).
CHANGE: Final = np.int64(0)  # + barrier of the family, 0..4
CARE_ORDER: Final = np.int64(5)
FIND: Final = np.int64(6)  # + barrier of the family
APPLY: Final = np.int64(11)
CLAIM_HOUSING: Final = np.int64(12)
CLAIM_SUPPORT: Final = np.int64(13)
INTAKE_TICKET: Final = np.int64(14)
PLANNED_LENGTH: Final = np.int64(15)
ASK: Final = np.int64(16)  # + service; for a family and for a parent alike

# A parent (places in draws[1 + k]).
HEALTH_CHANGE: Final = np.int64(0)
DIGITAL_CHANGE: Final = np.int64(1)
LANGUAGE_DONE: Final = np.int64(2)
EDUCATION_DONE: Final = np.int64(3)
FIND_PARENT: Final = np.int64(4)  # + barrier of the parent
JOB_EXIT: Final = np.int64(8)
FEWER_HOURS: Final = np.int64(9)
MORE_HOURS: Final = np.int64(10)
AAP_ENTRY: Final = np.int64(11)
BENEFIT_END: Final = np.int64(12)
TRANSITIONAL_CLAIM: Final = np.int64(13)
UNEMPLOYMENT_CLAIM: Final = np.int64(14)
DISABILITY_ENTRY: Final = np.int64(15)
ORDER: Final = np.int64(24)

# A family with a coordinator (places in draws[0]), and its parents (draws[1 + k]), in the coordinator's month.
MEETING_MISSED: Final = np.int64(0)
HELP_CLAIM_HOUSING: Final = np.int64(1)
HELP_CLAIM_SUPPORT: Final = np.int64(2)
VISIT_FINDS: Final = np.int64(3)  # + barrier of the family
VISIT_FINDS_PARENT: Final = np.int64(0)  # + barrier of the parent
REFER: Final = np.int64(4)  # + service
REFER_ORDER: Final = np.int64(12)
HEAD_START: Final = np.int64(13)

# Blocks. The first eight are the buffer of a month, 16..23 that of the coordinator's month.
BLOCK_MONTH: Final = np.int64(0)
BLOCK_TIME: Final = np.int64(8)  # of a family: move out, couple, birth
BLOCK_JOB: Final = np.int64(8)  # of a parent: part time, full time
BLOCK_CHILD: Final = np.int64(0)  # of a child: care arena, leisure arena, exemption, upper secondary
BLOCK_COORDINATOR: Final = np.int64(16)
BLOCK_SERVICE: Final = np.int64(32)  # + service; of a parent: leave, break off, lose patience, ticket
BLOCK_PROGRAMME: Final = np.int64(48)  # of a parent: KVP or measure
BLOCK_STAFF: Final = np.int64(0)  # of a coordinator: turnover, hire
BLOCK_SKILL: Final = np.int64(1)
BLOCK_RESIDENTS: Final = np.int64(0)  # of a service: leave; the next three: patience, tickets, how many ask
MOVE_OUT, COUPLE, BIRTH = 0, 1, 2
JOB_PART, JOB_FULL = 0, 1
CARE_ARENA, LEISURE_ARENA, EXEMPTION, UPPER_SECONDARY_DONE = 0, 1, 2, 3
LEAVE_PLACE, BREAK_OFF, LOSE_PATIENCE, QUEUE_TICKET = 0, 1, 2, 3
TURNOVER, HIRE = 0, 1
KVP_OR_MEASURE = 0

# Entities: who a draw belongs to, within a slot.
ENTITY_FAMILY: Final = np.int64(0)
ENTITY_FIRST_PARENT: Final = np.int64(1)
ENTITY_PARTNER: Final = np.int64(2)  # + how many partners came before
ENTITY_CHILD: Final = np.int64(16)  # + birth order
ENTITIES: Final = np.int64(64)  # per generation
SLOT_COORDINATOR: Final = np.int64(1 << 30)
SLOT_SERVICE: Final = np.int64(1 << 29)
AT_ENTRY: Final = np.int64(0xFFFFFFFF)  # in place of the month: draws made once, when the entity comes


@rule
def fill(u, town, slot, entity, month, block):  # type: ignore[no-untyped-def]
    """Put the four draws of one block into ``u[0:4]``."""
    a, b, c, d = philox(
        np.uint64(slot), np.uint64(entity), np.uint64(month), np.uint64(block), town.seed, town.replicate
    )
    u[0] = uniform(a)
    u[1] = uniform(b)
    u[2] = uniform(c)
    u[3] = uniform(d)


@rule
def fill_buffer(u, town, slot, entity, first):  # type: ignore[no-untyped-def]
    """Put the draws of eight blocks of this month, from ``first`` on, into ``u[0:32]``.

    The number of blocks is read from ``town`` so that the compiler keeps the loop, and vectorises it.
    """
    c0, c1, c2, c3 = np.uint64(slot), np.uint64(entity), np.uint64(town.month), np.uint64(first)
    k0, k1 = town.seed, town.replicate
    n = town.blocks
    for b in range(n):
        w0, w1, w2, w3 = philox(c0, c1, c2, c3 + np.uint64(b), k0, k1)
        u[b] = uniform(w0)
        u[8 + b] = uniform(w1)
        u[16 + b] = uniform(w2)
        u[24 + b] = uniform(w3)


@small
def parent_entity(family, k):  # type: ignore[no-untyped-def]
    """The key of parent ``k`` (0, 1) within the slot: survives all but a change of partner."""
    if k == 0:
        return family.generation * ENTITIES + ENTITY_FIRST_PARENT
    return family.generation * ENTITIES + ENTITY_PARTNER + (family.partners % 14)


@rule
def fill_month(draws, family, town, first):  # type: ignore[no-untyped-def]
    """Draws of this month, blocks ``first`` to first + 7: the family's into ``draws[0]``, its parents' into 1 and 2."""
    fill_buffer(draws[0], town, family.slot, family.generation * ENTITIES + ENTITY_FAMILY, first)
    fill_buffer(draws[1], town, family.slot, parent_entity(family, FIRST), first)
    if family.parent[1].present == 1:
        fill_buffer(draws[2], town, family.slot, parent_entity(family, SECOND), first)


@rule
def fill_family(u, town, family, block):  # type: ignore[no-untyped-def]
    """One block of the family's draws of this month."""
    fill(u, town, family.slot, family.generation * ENTITIES + ENTITY_FAMILY, town.month, block)


@rule
def fill_parent(u, town, family, k, block):  # type: ignore[no-untyped-def]
    """One block of a parent's draws of this month."""
    fill(u, town, family.slot, parent_entity(family, k), town.month, block)


@rule
def fill_child(u, town, family, birth_order, block):  # type: ignore[no-untyped-def]
    """One block of a child's draws of this month."""
    entity = family.generation * ENTITIES + ENTITY_CHILD + (birth_order % 48)
    fill(u, town, family.slot, entity, town.month, block)


@small
def rings(u, hazard):  # type: ignore[no-untyped-def]
    """Whether the exponential clock of a cause with this monthly hazard rings within the month.

    The clock -log(1-u)/hazard is below one just when u < 1 - exp(-hazard); u >= hazard settles most cases without it.
    """
    return u < hazard and u < 1.0 - math.exp(-hazard)


@small
def clock(u, hazard):  # type: ignore[no-untyped-def]
    """The time (months) at which the clock rings; 2.0 where that is not within the month."""
    if u >= hazard:
        return 2.0
    time = -math.log(1.0 - u) / hazard
    if time < 1.0:
        return time
    return 2.0


@rule
def normal(u1, u2):  # type: ignore[no-untyped-def]
    """A standard normal number from two uniform ones (Box-Muller)."""
    return math.sqrt(-2.0 * math.log(u1)) * math.cos(6.283185307179586 * u2)


@inlined
def lowest(u, first, number):  # type: ignore[no-untyped-def]
    """The lowest of some draws: where no clock of a group can ring, one comparison settles all of them."""
    least = 1.0
    for j in range(first, first + number):
        least = min(least, u[j])
    return least
