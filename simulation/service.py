"""A service: places, a queue, and its month.

A month: stays end (completed, or broken off), queues shrink as people lose patience, other residents come and go, then free
places go to the queue, first come or by need. In ``soft`` mode nobody waits and everybody gets less.
A month of service is the same for all eight; what the service *does* stands with what it changes (``barriers``, ``work``,
``children``).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulation.benefits import end_programme, start_programme
from simulation.compiled import rule, small
from simulation.draws import (
    BLOCK_RESIDENTS,
    BLOCK_SERVICE,
    BREAK_OFF,
    LEAVE_PLACE,
    LOSE_PATIENCE,
    ONE_BLOCK,
    PARENT_LANES,
    SLOT_SERVICE,
    clock,
    draw_parents,
    fill,
    parent_lane,
    rings,
)
from simulation.names import IN_PLACE, NOT_ENGAGED, S_WORK, WAITING
from simulation.queues import CLIENT_MASK, HIGHEST_PRIORITY, make_ticket, put_in_order
from simulation.ratios import ratio

RESIDENT_NEED: Final = 6  # need of other residents, on the scale of need_score: the middle of the pool
LARGEST_PART: Final = 100.0  # a Poisson number with a larger mean is the sum of several

SERVICE: Final = np.dtype(
    (
        np.record,
        [
            ("soft", "i1"),  # 1: nobody waits, everybody gets less
            ("by_need", "i1"),  # 1: by need, 0: first come
            ("places", "f8"),  # places in this month (0 while closed)
            ("length", "f8"),  # mean months of a stay
            ("background", "f8"),  # mean requests a month by other residents
            ("opens", "i8"),  # first study month with places
            ("closed_from", "i8"),
            ("closed_to", "i8"),
            ("capacity", "f8"),  # places while open
            ("waiting", "i8"),  # tickets in the queue
            ("placed", "i8"),  # clients of the pool in place
            ("residents", "i8"),  # other residents in place
            ("intensity", "f8"),  # 1, or less where soft and over capacity
            ("asked", "i8"),  # requests since the services had their month
            ("requests", "i8"),  # requests that this month of services has met with, of the pool and of others
            ("starts", "i8"),  # stays begun this month, by the pool and by others
            ("turned_away", "i8"),  # requests that found the list full
            ("started", "i8"),  # stays begun by the pool this month
            ("completed", "i8"),
            ("broken_off", "i8"),
            ("gave_up", "i8"),
        ],
    )
)


@rule
def service_month(services, s, families, town, p, waiting, placed):  # type: ignore[no-untyped-def]
    """One service's month."""
    service = services[s]
    service.started = 0
    service.starts = 0
    service.completed = 0
    service.broken_off = 0
    service.gave_up = 0
    month = town.study_month
    closed = month < service.opens or service.closed_from <= month <= service.closed_to
    service.places = 0.0 if closed else service.capacity
    _end_stays(service, s, families, town, p, placed)
    _residents_leave(service, s, town, p)
    _thin_out_queue(service, s, families, town, p, waiting)
    _residents_ask(service, s, town, waiting)
    service.requests = service.asked
    service.asked = 0
    put_in_order(waiting[s], service.waiting)
    _give_places(service, s, families, town, p, waiting, placed)
    service.intensity = 1.0
    taken = service.placed + service.residents
    if service.soft == 1 and taken > service.places:
        service.intensity = service.places / taken


@small
def dropout_hazard(family, parent, s, p):  # type: ignore[no-untyped-def]
    """Breaking off a stay, per month: less with a coordinator (a link), more where something else had to come first."""
    log_ratio = p.dropout_ratio * family.potency
    if parent.wrong_order[s] == 1:
        log_ratio += p.wrong_order_dropout_ratio
    return p.dropout[s] * ratio(log_ratio)


@rule
def _end_stays(service, s, families, town, p, placed):  # type: ignore[no-untyped-def]
    """A stay lasts an exponential time around its length, unless it is broken off before, or the service closes."""
    kept = 0
    ends = 1.0 / service.length
    for j in range(service.placed):
        lane = j % PARENT_LANES
        if lane == 0:
            _draw_clients(placed[s], j, min(j + PARENT_LANES, service.placed), s, families, town)
        client = placed[s, j]
        family = families[client >> 1]
        parent = family.parent[client & 1]
        if parent.present == 0 or parent.stage[s] != IN_PLACE:
            continue  # left the pool, or found work
        u = town.parent_draws[:, lane]
        completed = clock(u[LEAVE_PLACE], ends)
        broken_off = clock(u[BREAK_OFF], dropout_hazard(family, parent, s, p))
        if service.places <= 0.0 or broken_off < 1.0 or completed < 1.0:
            parent.stage[s] = NOT_ENGAGED
            parent.since[s] = town.month
            finished = service.places > 0.0 and completed < broken_off
            if finished:
                service.completed += 1
            else:
                service.broken_off += 1
            if s == S_WORK:
                end_programme(parent)
                if finished:
                    parent.boost = service.intensity
        else:
            placed[s, kept] = client
            kept += 1
    service.placed = kept


@rule
def _draw_clients(tickets, first, end, s, families, town):  # type: ignore[no-untyped-def]
    """The draws with service ``s`` of the clients on tickets ``first`` to ``end``, a lane for each.

    Another resident is known by the luck on the ticket, which is unlike any other's.
    """
    resident = 2 * families.shape[0]
    for j in range(first, end):
        lane = j - first
        client = tickets[j] & CLIENT_MASK
        if client == resident:
            town.parent_slot[lane] = SLOT_SERVICE + s
            town.parent_entity[lane] = (tickets[j] >> 26) & 0xFFFFFF
        else:
            parent_lane(town, lane, families[client >> 1], client & 1)
    draw_parents(town, end - first, BLOCK_SERVICE + s, ONE_BLOCK)


@rule
def _residents_leave(service, s, town, p):  # type: ignore[no-untyped-def]
    """Other residents in place end their stays at the same rates; the n-th of them by the n-th draw of the month."""
    if service.places <= 0.0:
        service.residents = 0
        return
    ended = 0
    hazard = 1.0 / service.length + p.dropout[s]
    for n in range(service.residents):
        lane = n // 4 % PARENT_LANES
        if n % 4 == 0 and lane == 0:
            for i in range(PARENT_LANES):
                town.parent_slot[i] = SLOT_SERVICE + s
                town.parent_entity[i] = 1 + n // 4 + i
            draw_parents(town, min(PARENT_LANES, (service.residents - n + 3) // 4), BLOCK_RESIDENTS, ONE_BLOCK)
        if rings(town.parent_draws[n % 4, lane], hazard):
            ended += 1
    service.residents -= ended


@rule
def _thin_out_queue(service, s, families, town, p, waiting):  # type: ignore[no-untyped-def]
    """Who left the pool or no longer needs it is taken off the list; some lose patience."""
    kept = 0
    resident = 2 * families.shape[0]
    for j in range(service.waiting):
        lane = j % PARENT_LANES
        if lane == 0:
            _draw_clients(waiting[s], j, min(j + PARENT_LANES, service.waiting), s, families, town)
        ticket = waiting[s, j]
        client = ticket & CLIENT_MASK
        gives_up = rings(town.parent_draws[LOSE_PATIENCE, lane], p.patience[s])
        if client == resident:
            if gives_up:
                continue
        else:
            parent = families[client >> 1].parent[client & 1]
            if parent.present == 0 or parent.stage[s] != WAITING:
                continue
            if gives_up:
                parent.stage[s] = NOT_ENGAGED
                service.gave_up += 1
                continue
        waiting[s, kept] = ticket
        kept += 1
    service.waiting = kept


@rule
def _poisson(mean, town, slot):  # type: ignore[no-untyped-def]
    """A Poisson number of requests this month, by inversion; in parts, since exp(-mean) must not vanish."""
    number = 0
    part = 0
    while mean > 0.0:
        if part % 4 == 0:
            fill(town.u, town, slot, 1 + part // 4, town.month, BLOCK_RESIDENTS + 2)
        now = min(mean, LARGEST_PART)
        mean -= now
        left = town.u[part % 4]
        term = math.exp(-now)
        n = 0
        while left > term and n < 1000:
            left -= term
            n += 1
            term *= now / n
        number += n
        part += 1
    return number


@rule
def _residents_ask(service, s, town, waiting):  # type: ignore[no-untyped-def]
    """Requests by other residents: a Poisson number around its mean."""
    number = _poisson(service.background, town, SLOT_SERVICE + s)
    service.asked += number
    # 2 x families, the first number that is no client of the pool, stands for every other resident.
    resident = 2 * town.families
    for n in range(number):
        if service.waiting >= waiting.shape[1]:
            service.turned_away += 1
            continue
        if n % 4 == 0:
            fill(town.u, town, SLOT_SERVICE + s, 1 + n // 4, town.month, BLOCK_RESIDENTS + 1)
        priority = HIGHEST_PRIORITY - RESIDENT_NEED if service.by_need == 1 else town.month
        waiting[s, service.waiting] = make_ticket(priority, town.u[n % 4], resident)
        service.waiting += 1


@rule
def _give_places(service, s, families, town, p, waiting, placed):  # type: ignore[no-untyped-def]
    """Free places go to the head of the queue; in soft mode everybody is taken."""
    free = np.int64(service.places) - service.placed - service.residents
    if service.soft == 1:
        free = service.waiting
    if service.places <= 0.0 or free <= 0:
        return
    resident = 2 * families.shape[0]
    given = 0
    while given < service.waiting and given < free and service.placed < placed.shape[1]:
        client = waiting[s, given] & CLIENT_MASK
        given += 1
        service.starts += 1
        if client == resident:
            service.residents += 1
            continue
        family = families[client >> 1]
        k = client & 1
        parent = family.parent[k]
        parent.stage[s] = IN_PLACE
        parent.waited[s] = min(town.month - parent.since[s], 120)
        parent.since[s] = town.month
        placed[s, service.placed] = client
        service.placed += 1
        service.started += 1
        if s == S_WORK:
            start_programme(family, k, town, p)
    for j in range(given, service.waiting):
        waiting[s, j - given] = waiting[s, j]
    service.waiting -= given
