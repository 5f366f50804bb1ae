"""Joining the queue of a service: asking oneself, or being referred.

A queue is an array of tickets, one whole number each: priority, then a keyed draw, then the client. Sorting tickets
gives the order of the queue whatever the order in which they were written, so no result depends on array order.
A client is a parent: ``2 x slot + parent``; services for the family are entered through the first parent.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulation.barriers import need_score
from simulation.compiled import rule, small
from simulation.draws import ASK, BLOCK_SELDOM, BLOCK_SERVICE, ORDER, QUEUE_TICKET, fill_parent, of_parent, rings
from simulation.names import (
    DISABILITY,
    EDUCATION,
    HEALTH,
    IN_PLACE,
    INTRODUCTION,
    LANGUAGE,
    MAX_PARENTS,
    NO_WORK,
    NOT_ENGAGED,
    S_CHILD_WELFARE,
    S_CHILDREN,
    S_ECONOMY,
    S_EDUCATION,
    S_HEALTH,
    S_HOUSING,
    S_LANGUAGE,
    S_WORK,
    SERVICES,
    WAITING,
)

PRIORITY_BITS: Final = 50
_PRIORITY: Final = 1 << PRIORITY_BITS  # priority 0..4095 in the high bits
LUCK_MASK: Final = _PRIORITY - 1  # luck and client
_LUCK: Final = 1 << 26  # 24 bits of luck
CLIENT_MASK: Final = (1 << 26) - 1
HIGHEST_PRIORITY: Final = 4095
NO_HEAD_START: Final = np.int64(0)
FAR: Final = 8  # moves for each ticket, beyond which insertion is slower than sorting
KNOWN: Final = np.int64(1)
IN_TRUTH: Final = np.int64(0)


@small
def make_ticket(priority, u, client):  # type: ignore[no-untyped-def]
    """One whole number that sorts by priority (low first, 0..4095), then by luck, then by client."""
    return np.int64(priority) * _PRIORITY + np.int64(u * 16777216.0) * _LUCK + np.int64(client)


@rule
def put_in_order(tickets, number):  # type: ignore[no-untyped-def]
    """Sort the first so many tickets, which are in order but for the newest: insertion, unless that has far to go."""
    moves = 0
    for i in range(1, number):
        ticket = tickets[i]
        j = i
        while j > 0 and tickets[j - 1] > ticket:
            tickets[j] = tickets[j - 1]
            j -= 1
        tickets[j] = ticket
        moves += i - j
        if moves > FAR * number:
            tickets[:number].sort()
            return


@rule
def join_queue(family, k, s, asked, town, services, waiting, head_start, wrong):  # type: ignore[no-untyped-def]
    """A parent joins the queue of service ``s``, ``head_start`` months before others who come now.

    ``asked`` is the first month in which a place could be given: this one for a coordinator's referral, the next for
    who asks after the services have had their month.
    """
    service = services[s]
    service.asked += 1
    if service.waiting >= waiting.shape[1]:
        service.turned_away += 1
        return
    parent = family.parent[k]
    parent.stage[s] = WAITING
    parent.since[s] = asked
    parent.waited[s] = 0
    parent.wrong_order[s] = 1 if wrong else 0
    priority = max(asked - head_start, 0)
    if service.by_need == 1:
        priority = HIGHEST_PRIORITY - need_score(family)
    fill_parent(town.v, town, family, k, BLOCK_SERVICE + s)
    waiting[s, service.waiting] = make_ticket(priority, town.v[QUEUE_TICKET], 2 * family.slot + k)
    service.waiting += 1


# --- who needs what -----------------------------------------------------------------------------------------------


@small
def known_needs(family, k):  # type: ignore[no-untyped-def]
    """The services that parent ``k`` has a known need of and is not engaged with, one bit each (bit = service).

    Needs of the family (housing, economy, children, child welfare) are the first parent's.
    """
    parent = family.parent[k]
    stage = parent.stage
    needs = 0
    if parent.barrier[HEALTH] == 1 and parent.found[HEALTH] == 1 and stage[S_HEALTH] == NOT_ENGAGED:
        needs |= 1 << S_HEALTH
    if parent.barrier[LANGUAGE] == 1:
        if stage[S_LANGUAGE] == NOT_ENGAGED:
            needs |= 1 << S_LANGUAGE
    elif parent.barrier[EDUCATION] == 1 and stage[S_EDUCATION] == NOT_ENGAGED:
        needs |= 1 << S_EDUCATION
    if (
        parent.work == NO_WORK
        and stage[S_WORK] == NOT_ENGAGED
        and stage[S_EDUCATION] != IN_PLACE
        and parent.benefit != DISABILITY
        and parent.benefit != INTRODUCTION
    ):
        needs |= 1 << S_WORK
    if k == 0:
        if family.barrier[0] == 1 and family.found[0] == 1 and stage[S_HOUSING] == NOT_ENGAGED:
            needs |= 1 << S_HOUSING
        if family.barrier[2] == 1 and family.found[2] == 1 and stage[S_ECONOMY] == NOT_ENGAGED:
            needs |= 1 << S_ECONOMY
        burdened = family.special_needs == 1 and family.barrier[3] == 1 and family.found[3] == 1
        if (burdened or family.child_outside == 1) and stage[S_CHILDREN] == NOT_ENGAGED:
            needs |= 1 << S_CHILDREN
        heavy = (family.barrier[3] == 1 and family.found[3] == 1) or (family.barrier[4] == 1 and family.found[4] == 1)
        if heavy and stage[S_CHILD_WELFARE] == NOT_ENGAGED:
            needs |= 1 << S_CHILD_WELFARE
    return needs


@rule
def out_of_order(family, k, s, known):  # type: ignore[no-untyped-def]
    """Whether training or work support would begin before health, violence or housing is seen to.

    ``known`` 1: as far as anybody knows; 0: in truth, hidden barriers too.
    """
    if not (s == S_LANGUAGE or s == S_EDUCATION or s == S_WORK):
        return False
    parent = family.parent[k]
    if parent.barrier[HEALTH] == 1 and parent.found[HEALTH] >= known and parent.stage[S_HEALTH] != IN_PLACE:
        return True
    first = family.parent[0]
    if family.barrier[4] == 1 and family.found[4] >= known and first.stage[S_CHILD_WELFARE] != IN_PLACE:
        return True
    return family.barrier[0] == 1 and family.found[0] >= known and first.stage[S_HOUSING] != IN_PLACE


@rule
def refer(family, k, s, asked, u_order, right_order, town, services, waiting, head_start):  # type: ignore[no-untyped-def]
    """A referral, in the right order with probability ``right_order``: then it waits for what is known to come first."""
    if u_order < right_order and out_of_order(family, k, s, KNOWN):
        return
    join_queue(family, k, s, asked, town, services, waiting, head_start, out_of_order(family, k, s, IN_TRUTH))


@small
def ask_for_services(family, lane, town, p, services, waiting):  # type: ignore[no-untyped-def]
    """Ordinary follow-up: families ask, or are referred, at their own pace."""
    more = 1.0 if family.plan == 1 else town.relief
    for k in range(MAX_PARENTS):
        if family.parent[k].present == 0:
            continue
        u = of_parent(town, lane, k)
        asks = np.int64(0)  # services whose clock may ring: most months none, and needs are not looked at
        for s in range(len(SERVICES)):
            asks |= np.int64(u[ASK + s] < p.referral_ordinary[s] * more) << s
        if asks != 0:
            asks &= known_needs(family, k)
        if asks != 0:
            fill_parent(town.v, town, family, k, BLOCK_SELDOM)
            order = town.v[ORDER]
            for s in range(len(SERVICES)):
                if (asks >> s) & 1 == 1 and rings(u[ASK + s], p.referral_ordinary[s] * more):
                    refer(
                        family,
                        k,
                        s,
                        town.month + 1,
                        order,
                        p.right_order_ordinary,
                        town,
                        services,
                        waiting,
                        NO_HEAD_START,
                    )
