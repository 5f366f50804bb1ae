"""Random numbers that belong to an event, not to a stream.

Every draw is a pure function of (seed, replicate, entity, month, event), computed with Philox4x32-10 (Salmon, Moraes,
Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; the Random123 library). Two arms of a study therefore
meet the same families with the same luck, and neither cores nor the order of work can change a result.

Addressing. The key is (seed, replicate). The counter is (slot, person within family and generation, month, block); a
block gives four draws. Events are numbered in the tuples below: draw ``4 b + j`` stands in block ``b``. A new event is
appended at the end of its tuple, so that no other draw moves.
"""

from __future__ import annotations

import math
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


# --- events: named draws of an entity in a month ------------------------------------------------------------------
# Each behaviour fills the blocks it needs and no other. New events go to free places or new blocks.

# A family.
BLOCK_TIME: Final = 0
MOVE_OUT, COUPLE, BIRTH = 0, 1, 2
BLOCK_BARRIERS: Final = 1  # housing, network, economy, care in this order: see names.BARRIERS
BLOCK_TROUBLE: Final = 2
VIOLENCE_CHANGE, CARE_ORDER = 0, 1
BLOCK_ASK_FAMILY: Final = 3
ASK_HOUSING, ASK_ECONOMY, ASK_CHILDREN, ASK_CHILD_WELFARE = 0, 1, 2, 3
BLOCK_FIND_FAMILY: Final = 4  # housing, network, economy, care
BLOCK_FIND_VIOLENCE: Final = 5
BLOCK_CLAIMS: Final = 6
APPLY, CLAIM_HOUSING, CLAIM_SUPPORT = 0, 1, 2
BLOCK_INTAKE: Final = 7
INTAKE_TICKET, PLANNED_LENGTH = 0, 1
BLOCK_FOLLOW_UP: Final = 16
MEETING_MISSED, COORDINATOR_CLAIM_HOUSING, COORDINATOR_CLAIM_SUPPORT = 0, 1, 2
BLOCK_COORDINATOR_FINDS: Final = 17  # housing, network, economy, care
BLOCK_COORDINATOR_FINDS_VIOLENCE: Final = 18

# A parent.
BLOCK_JOB: Final = 0
JOB_PART, JOB_FULL, MORE_HOURS = 0, 1, 2
BLOCK_WORK: Final = 1
JOB_EXIT, FEWER_HOURS, AAP_ENTRY, BENEFIT_END = 0, 1, 2, 3
BLOCK_PERSON: Final = 2
HEALTH_CHANGE, DIGITAL_CHANGE, LANGUAGE_DONE, EDUCATION_DONE = 0, 1, 2, 3
BLOCK_BENEFIT: Final = 3
TRANSITIONAL_CLAIM, UNEMPLOYMENT_CLAIM, DISABILITY_ENTRY = 0, 1, 2
BLOCK_ASK: Final = 4
ASK_HEALTH, ASK_LANGUAGE, ASK_EDUCATION, ASK_WORK = 0, 1, 2, 3
BLOCK_FIND: Final = 5  # health, language, education, digital
BLOCK_ORDER: Final = 6
ORDER = 0
BLOCK_SERVICE: Final = 8  # + number of the service
LEAVE_PLACE, BREAK_OFF, LOSE_PATIENCE, QUEUE_TICKET = 0, 1, 2, 3
BLOCK_PROGRAMME: Final = 7
KVP_OR_MEASURE = 0
BLOCK_PARENT_FOLLOW_UP: Final = 16
BLOCK_COORDINATOR_FINDS_PARENT: Final = 17  # health, language, education, digital
BLOCK_REFER: Final = 18  # services 0..3; the next block holds services 4..7
BLOCK_COORDINATOR_ORDER: Final = 20

# A child.
BLOCK_CHILD: Final = 0
CARE_ARENA, LEISURE_ARENA, EXEMPTION, UPPER_SECONDARY_DONE = 0, 1, 2, 3

# A coordinator; a service (other residents).
BLOCK_STAFF: Final = 0
TURNOVER, HIRE = 0, 1
BLOCK_SKILL: Final = 1
BLOCK_RESIDENTS: Final = 0

# Entities: who a draw belongs to, within a slot.
ENTITY_FAMILY: Final = 0
ENTITY_FIRST_PARENT: Final = 1
ENTITY_PARTNER: Final = 2  # + how many partners came before
ENTITY_CHILD: Final = 16  # + birth order
ENTITIES: Final = 64  # per generation
SLOT_COORDINATOR: Final = 1 << 30
SLOT_SERVICE: Final = 1 << 29
AT_ENTRY: Final = 0xFFFFFFFF  # in place of the month: draws made once, when the entity comes


@rule
def fill(u, town, slot, entity, month, block):  # type: ignore[no-untyped-def]
    """Put the four draws of a block into ``u[0:4]``."""
    a, b, c, d = philox(
        np.uint64(slot), np.uint64(entity), np.uint64(month), np.uint64(block), town.seed, town.replicate
    )
    u[0] = uniform(a)
    u[1] = uniform(b)
    u[2] = uniform(c)
    u[3] = uniform(d)


@rule
def fill_family(u, town, family, block):  # type: ignore[no-untyped-def]
    """The family's draws of this month."""
    fill(u, town, family.slot, family.generation * ENTITIES + ENTITY_FAMILY, town.month, block)


@rule
def parent_entity(family, k):  # type: ignore[no-untyped-def]
    """The key of parent ``k`` (0, 1) within the slot: survives all but a change of partner."""
    if k == 0:
        return family.generation * ENTITIES + ENTITY_FIRST_PARENT
    return family.generation * ENTITIES + ENTITY_PARTNER + (family.partners % 14)


@rule
def fill_parent(u, town, family, k, block):  # type: ignore[no-untyped-def]
    """A parent's draws of this month."""
    fill(u, town, family.slot, parent_entity(family, k), town.month, block)


@rule
def fill_child(u, town, family, birth_order, block):  # type: ignore[no-untyped-def]
    """A child's draws of this month."""
    entity = family.generation * ENTITIES + ENTITY_CHILD + (birth_order % 48)
    fill(u, town, family.slot, entity, town.month, block)


@rule
def rings(u, hazard):  # type: ignore[no-untyped-def]
    """Whether the exponential clock of a cause with this monthly hazard rings within the month.

    The clock -log(1-u)/hazard is below one just when u < 1 - exp(-hazard); u >= hazard settles most cases without it.
    """
    return u < hazard and u < 1.0 - math.exp(-hazard)


@rule
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
