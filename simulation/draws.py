"""Random numbers that belong to an event, not to a stream.

Every draw is a pure function of (seed, replicate, entity, month, event), computed with Philox4x32-10 (Salmon, Moraes,
Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; the Random123 library). Two arms of a study therefore
meet the same families with the same luck, and neither cores nor the order of work can change a result.

Addressing. The key is (seed, replicate). The counter is (slot, person within family and generation, month, block); a
block gives four draws. What everybody needs in a month is drawn for some families at a time, a lane for each person (the
compiler turns the loop over lanes into vector instructions: a draw costs about half a nanosecond), and events below are
places in that month. What few need is a block of its own. A new event takes a free place, so that no other draw moves.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulation.compiled import COMPILED, inlined, rule, small
from simulation.names import FIRST, MAX_CHILDREN, MAX_PARENTS, SECOND

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

LANES: Final = 32  # families whose draws are held at a time
PARENT_LANES: Final = MAX_PARENTS * LANES
FAMILY_BLOCKS: Final = np.int64(4)  # of a month, of a family: 16 draws
PARENT_BLOCKS: Final = np.int64(6)  # of a month, of a parent: 24 draws
CHILD_BLOCKS: Final = np.int64(1)
ONE_BLOCK: Final = np.int64(1)

# A family, in its own month: places in ``of_family``.
CHANGE: Final = np.int64(0)  # + barrier of the family, 0..4
CARE_ORDER: Final = np.int64(5)
FIND: Final = np.int64(6)  # + barrier of the family
APPLY: Final = np.int64(11)
CLAIM_HOUSING: Final = np.int64(12)
CLAIM_SUPPORT: Final = np.int64(13)

# A parent, in the family's own month: places in ``of_parent``.
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
DISABILITY_ENTRY: Final = np.int64(14)
ASK: Final = np.int64(16)  # + service

# A child, in the family's own month: places in ``of_child``.
CARE_ARENA: Final = np.int64(0)
LEISURE_ARENA: Final = np.int64(1)
EXEMPTION: Final = np.int64(2)
UPPER_SECONDARY_DONE: Final = np.int64(3)

# A family as time passes, and a parent who looks for work.
MOVE_OUT: Final = np.int64(0)
COUPLE: Final = np.int64(1)
BIRTH: Final = np.int64(2)
JOB_PART: Final = np.int64(0)
JOB_FULL: Final = np.int64(1)

# A family with a coordinator, and its parents, in the coordinator's month.
MEETING_MISSED: Final = np.int64(0)
HELP_CLAIM_HOUSING: Final = np.int64(1)
HELP_CLAIM_SUPPORT: Final = np.int64(2)
VISIT_FINDS: Final = np.int64(3)  # + barrier of the family
VISIT_FINDS_PARENT: Final = np.int64(0)  # + barrier of the parent
REFER: Final = np.int64(4)  # + service
REFER_ORDER: Final = np.int64(12)
HEAD_START: Final = np.int64(13)

# Blocks: where in the address space of a person the draws above begin, and the single blocks, each with its four draws.
BLOCK_MONTH: Final = np.int64(0)  # of a family, a parent, a child
BLOCK_TIME: Final = np.int64(8)  # of a family, as time passes
BLOCK_JOB: Final = np.int64(8)  # of a parent who looks for work
BLOCK_COORDINATOR: Final = np.int64(16)  # of a family (two blocks) and of a parent (four)
BLOCK_INTAKE: Final = np.int64(24)  # of a family: ticket, planned length
BLOCK_SERVICE: Final = np.int64(32)  # + service; of a parent: leave, break off, lose patience, ticket
BLOCK_SELDOM: Final = np.int64(48)  # of a parent: KVP or measure, unemployment claim, order of referral
BLOCK_STAFF: Final = np.int64(0)  # of a coordinator: turnover, hire
BLOCK_SKILL: Final = np.int64(1)
BLOCK_RESIDENTS: Final = np.int64(0)  # of a service: residents leave; the next two: their tickets, how many ask
FAMILY_COORDINATOR_BLOCKS: Final = np.int64(2)
PARENT_COORDINATOR_BLOCKS: Final = np.int64(4)
INTAKE_TICKET, PLANNED_LENGTH = 0, 1
LEAVE_PLACE, BREAK_OFF, LOSE_PATIENCE, QUEUE_TICKET = 0, 1, 2, 3
KVP_OR_MEASURE, UNEMPLOYMENT_CLAIM, ORDER = 0, 1, 2
TURNOVER, HIRE = 0, 1

# Entities: who a draw belongs to, within a slot.
ENTITY_FAMILY: Final = np.int64(0)
ENTITY_FIRST_PARENT: Final = np.int64(1)
ENTITY_PARTNER: Final = np.int64(2)  # + how many partners came before
ENTITY_CHILD: Final = np.int64(16)  # + birth order
ENTITIES: Final = np.int64(64)  # per generation
SLOT_COORDINATOR: Final = np.int64(1 << 30)
SLOT_SERVICE: Final = np.int64(1 << 29)
AT_ENTRY: Final = np.int64(0xFFFFFFFF)  # in place of the month: draws made once, when the entity comes

# Room for the draws of some families, in TOWN: scratch, part of no state. Rows are draws, columns are lanes.
_VECTOR: Final = 8 if COMPILED else 1  # rows are filled to a multiple of it, so that no lane is left to slower code
_CHILD_LANES: Final = MAX_CHILDREN * LANES
DESK: Final = (
    ("u", "f8", (4,)),  # one block
    ("v", "f8", (4,)),  # and another
    ("family_draws", "f8", (4 * FAMILY_BLOCKS, LANES)),
    ("parent_draws", "f8", (4 * PARENT_BLOCKS, PARENT_LANES)),
    ("child_draws", "f8", (4 * CHILD_BLOCKS, _CHILD_LANES)),
    ("parent_lane", "i8", (LANES,)),  # of a family's first parent; the second's is the next
    ("child_lane", "i8", (LANES,)),  # of a family's first child
    ("family_slot", "u8", (LANES,)),  # whose lane it is: slot and entity of an address
    ("family_entity", "u8", (LANES,)),
    ("parent_slot", "u8", (PARENT_LANES,)),
    ("parent_entity", "u8", (PARENT_LANES,)),
    ("child_slot", "u8", (_CHILD_LANES,)),
    ("child_entity", "u8", (_CHILD_LANES,)),
)


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
def fill_lanes(u, town, slot, entity, lanes, first, blocks):  # type: ignore[no-untyped-def]
    """Draws of this month for so many entities at once: word j of block ``first`` + b into row 4 b + j of ``u``."""
    c2 = np.uint64(town.month)
    k0, k1 = town.seed, town.replicate
    n = (lanes + _VECTOR - 1) // _VECTOR * _VECTOR
    for b in range(blocks):
        c3 = np.uint64(first + b)
        for i in range(n):
            w0, w1, w2, w3 = philox(slot[i] & MASK, entity[i] & MASK, c2, c3, k0, k1)
            u[4 * b, i] = uniform(w0)
            u[4 * b + 1, i] = uniform(w1)
            u[4 * b + 2, i] = uniform(w2)
            u[4 * b + 3, i] = uniform(w3)


@small
def parent_entity(family, k):  # type: ignore[no-untyped-def]
    """The key of parent ``k`` (0, 1) within the slot: survives all but a change of partner."""
    if k == 0:
        return family.generation * ENTITIES + ENTITY_FIRST_PARENT
    return family.generation * ENTITIES + ENTITY_PARTNER + (family.partners % 14)


@rule
def fill_family(u, town, family, block):  # type: ignore[no-untyped-def]
    """One block of the family's draws of this month."""
    fill(u, town, family.slot, family.generation * ENTITIES + ENTITY_FAMILY, town.month, block)


@rule
def fill_parent(u, town, family, k, block):  # type: ignore[no-untyped-def]
    """One block of a parent's draws of this month."""
    fill(u, town, family.slot, parent_entity(family, k), town.month, block)


@small
def child_entity(family, birth_order):  # type: ignore[no-untyped-def]
    """The key of a child within the slot."""
    return family.generation * ENTITIES + ENTITY_CHILD + (birth_order % 48)


# --- the draws of some families at a time: a lane for each person --------------------------------------------------


@small
def family_lane(town, lane, family):  # type: ignore[no-untyped-def]
    """Give a family its lane."""
    town.family_slot[lane] = family.slot
    town.family_entity[lane] = family.generation * ENTITIES + ENTITY_FAMILY


@small
def parent_lane(town, lane, family, k):  # type: ignore[no-untyped-def]
    """Give a parent a lane."""
    town.parent_slot[lane] = family.slot
    town.parent_entity[lane] = parent_entity(family, k)


@small
def parent_lanes(town, lane, family, next_lane):  # type: ignore[no-untyped-def]
    """Give the parents of the family in ``lane`` theirs, from ``next_lane`` on; returns the next that is free."""
    town.parent_lane[lane] = next_lane
    parent_lane(town, next_lane, family, FIRST)
    if family.parent[1].present == 0:
        return next_lane + 1
    parent_lane(town, next_lane + 1, family, SECOND)
    return next_lane + 2


@small
def draw_families(town, lanes, first, blocks):  # type: ignore[no-untyped-def]
    """Fill the draws of the families that have a lane."""
    fill_lanes(town.family_draws, town, town.family_slot, town.family_entity, lanes, first, blocks)


@small
def draw_parents(town, lanes, first, blocks):  # type: ignore[no-untyped-def]
    """Fill the draws of the parents that have a lane."""
    fill_lanes(town.parent_draws, town, town.parent_slot, town.parent_entity, lanes, first, blocks)


@rule
def draw_month(families, first, end, town):  # type: ignore[no-untyped-def]
    """The draws of their own month for families ``first`` to ``end``, at most LANES: parents' and children's too."""
    parents = np.int64(0)
    children = np.int64(0)
    for i in range(first, end):
        family = families[i]
        lane = i - first
        family_lane(town, lane, family)
        parents = parent_lanes(town, lane, family, parents)
        town.child_lane[lane] = children
        for j in range(family.child_slots):
            town.child_slot[children + j] = family.slot
            town.child_entity[children + j] = child_entity(family, family.child[j].birth_order)
        children += family.child_slots
    draw_families(town, end - first, BLOCK_MONTH, FAMILY_BLOCKS)
    draw_parents(town, parents, BLOCK_MONTH, PARENT_BLOCKS)
    fill_lanes(town.child_draws, town, town.child_slot, town.child_entity, children, BLOCK_MONTH, CHILD_BLOCKS)


@small
def of_family(town, lane):  # type: ignore[no-untyped-def]
    """The draws of the family in a lane, a row for each event."""
    return town.family_draws[:, lane]


@small
def of_parent(town, lane, k):  # type: ignore[no-untyped-def]
    """The draws of parent ``k`` of the family in a lane."""
    return town.parent_draws[:, town.parent_lane[lane] + k]


@small
def of_child(town, lane, j):  # type: ignore[no-untyped-def]
    """The draws of the child in place ``j`` of the family in a lane."""
    return town.child_draws[:, town.child_lane[lane] + j]


# --- clocks -------------------------------------------------------------------------------------------------------


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
