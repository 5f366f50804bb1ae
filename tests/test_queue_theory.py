"""A service by itself is a queue whose law is known: exact chains of monthly steps, and the order of the list."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from scenarios import load_study
from simulation import month
from simulation.draws import BLOCK_SERVICE, QUEUE_TICKET, fill_parent
from simulation.engine import new_world, parameter_values
from simulation.municipality import World
from simulation.names import IN_PLACE, NOT_ENGAGED, S_HOUSING, SERVICES, WAITING
from simulation.queues import join_queue

LONG = 1e12  # months: a stay that never ends


def a_town(families: int = 4, *, seed: int = 1, dropout: float = 0.0, patience: float = 0.0, **service: float) -> World:
    """A municipality in which all eight services are alike and empty, and nobody waits."""
    plan = load_study("caseload-10-vs-20").arm("ordinary")
    chosen = {"dropout": dropout, "patience": patience}
    plan = replace(plan, families=families, posterior="default", parameters=chosen)
    world = new_world(plan, seed, 0, parameter_values(plan, seed, 0))
    world.families["parent"]["present"][:, 0] = 1
    usual = {"capacity": 0.0, "length": LONG, "background": 0.0, "soft": 0, "by_need": 0}
    for name, value in {**usual, **service}.items():
        world.services[name] = value
    return world


def serve(world: World, services: int = 1) -> None:
    """A month of the first services alone."""
    month.begin_at(world.town)
    w = world
    for s in range(services):
        month.service_at(w.services, s, w.families, w.town, w.setting, w.waiting, w.placed)


def queue_up(world: World, s: int, slots: list[int]) -> None:
    """They ask after the services have had their month: the next is the first in which a place could be given."""
    ask(world, s, slots, int(world.town[0]["month"]) + 1)


def refer(world: World, s: int, slots: list[int], head_start: int = 0) -> None:
    """A coordinator refers them before the services have had their month: a place could be given in this one."""
    ask(world, s, slots, int(world.town[0]["month"]), head_start)


def ask(world: World, s: int, slots: list[int], asked: int, head_start: int = 0) -> None:
    w = world
    for slot in slots:
        join_queue(w.families[slot], 0, s, asked, w.town[0], w.services, w.waiting, np.int64(head_start), False)


def stages(world: World, s: int) -> np.ndarray:
    return world.families["parent"]["stage"][:, 0, s]


# --- other residents: exact chains --------------------------------------------------------------------------------

EIGHT = len(SERVICES)
LENGTH = 4.0
ENDS = 1.0 - math.exp(-1.0 / LENGTH)


@functools.cache
def residents(places: float, background: float, patience: float, months: int) -> np.ndarray:
    """(in place, waiting) of eight services alike, each with its own luck: (months, 2, 8), after a warm-up."""
    world = a_town(capacity=places, length=LENGTH, background=background, patience=patience)
    found = np.empty((months, 2, EIGHT))
    for m in range(-200, months):
        serve(world, EIGHT)
        if m >= 0:
            found[m] = world.services["residents"], world.services["waiting"]
    return found


def test_with_places_for_all_the_number_in_place_is_arrivals_times_the_mean_stay() -> None:
    """Little's law in monthly steps: 5 a month, each staying 1 / (1 - exp(-1/4)) = 4.5 months on average."""
    months, arrivals = 1500, 5.0
    found = residents(1e5, arrivals, 0.0, months)[:, 0]
    mean = arrivals / ENDS
    keep = 1.0 - ENDS
    # Those who came k months ago are binomial with chance keep**k; months h apart are correlated by keep**h.
    variance = arrivals * (1.0 / (1.0 - keep) - 1.0 / (1.0 - keep**2))
    error = math.sqrt(variance * (1.0 + keep) / (1.0 - keep) / (months * EIGHT))
    assert abs(found.mean() - mean) < 4.0 * error
    assert residents(1e5, arrivals, 0.0, months)[:, 1].max() == 0  # nobody waits


def chain(places: int, arrivals: int, patience: float, most: int = 60) -> np.ndarray:
    """Transition matrix of (in place) + (waiting, only when full), 0..places + most, by monthly steps."""
    gives_up = 1.0 - math.exp(-patience)
    size = places + most + 1
    matrix = np.zeros((size, size))
    for n in range(size):
        placed, waiting = min(n, places), max(n - places, 0)
        leave = stats.binom.pmf(np.arange(placed + 1), placed, ENDS)
        tire = stats.binom.pmf(np.arange(waiting + 1), waiting, gives_up)
        gone = np.convolve(leave, tire)
        for k, chance in enumerate(gone):
            matrix[n, min(n - k + arrivals, size - 1)] += chance
    return matrix


def stationary(matrix: np.ndarray) -> np.ndarray:
    size = len(matrix)
    equations = np.vstack([matrix.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]


@pytest.mark.parametrize(("places", "patience"), [(10, 0.1), (14, 0.02)])
def test_a_full_service_has_the_stationary_law_of_its_exact_chain(places: int, patience: float) -> None:
    months, arrivals = 1500, 3
    matrix = chain(places, arrivals, patience)
    law = stationary(matrix)
    assert law[-1] < 1e-9  # the chain is long enough
    number = np.arange(len(law))
    found = residents(float(places), float(arrivals), patience, months).sum(axis=1)
    mean = float(law @ number)
    for value in (number.astype(float), (number > places).astype(float), np.maximum(number - places, 0).astype(float)):
        expected = float(law @ value)
        # Variance of a time mean, with the chain's own correlation between months: the fundamental matrix.
        centred = value - expected
        solved = np.linalg.solve(np.eye(len(law)) - matrix + law, centred)
        long_run = float(law @ (centred * (2.0 * solved - centred)))
        error = math.sqrt(long_run / (months * EIGHT))
        seen = value[found.astype(int)].mean()
        assert abs(seen - expected) < 4.0 * error
    assert places < mean < places + 40


def test_requests_of_other_residents_come_in_a_steady_stream_whatever_the_fraction() -> None:
    world = a_town(background=2.25, capacity=0.5)
    waiting = []
    for _ in range(100):
        serve(world)
        waiting.append(int(world.services[0]["waiting"]))
    assert waiting[-1] == 225
    assert set(np.diff(waiting).tolist()) == {2, 3}


# --- the order of the list ----------------------------------------------------------------------------------------


def starts(world: World, s: int, months: int) -> np.ndarray:
    """Month in which each family got its place, -1 where it did not."""
    found = np.full(len(world.families), -1)
    for _ in range(months):
        serve(world, s + 1)
        found[(stages(world, s) == IN_PLACE) & (found < 0)] = world.town[0]["month"]
    return found


def test_first_come_is_first_served_whatever_the_order_of_writing() -> None:
    n, s = 60, int(S_HOUSING)
    world = a_town(n, capacity=0.5)
    joined = np.random.default_rng(1).permutation(np.repeat(np.arange(6), 10))
    for m in range(6):
        world.town["month"] = m
        queue_up(world, s, np.flatnonzero(joined == m).tolist())
    came = np.full(n, -1)
    for places in range(3, n + 1, 3):
        world.services["capacity"] = places
        serve(world, s + 1)
        came[(stages(world, s) == IN_PLACE) & (came < 0)] = places
    assert (came > 0).all()
    for m in range(5):
        assert came[joined == m].max() <= came[joined == m + 1].min()


def test_those_who_come_in_the_same_month_are_served_by_lot() -> None:
    n, s = 300, int(S_HOUSING)
    world = a_town(n, capacity=0.5)
    queue_up(world, s, list(range(n)))
    u, luck = np.empty(4), np.empty(n)
    for slot in range(n):
        fill_parent(u, world.town[0], world.families[slot], 0, BLOCK_SERVICE + s)
        luck[slot] = u[QUEUE_TICKET]
    world.services["capacity"] = 100.0
    serve(world, s + 1)
    served = stages(world, s) == IN_PLACE
    assert served.sum() == 100
    assert luck[served].max() < luck[~served].min()
    # The lot has nothing to do with the slot: mean slot of those served, against drawing 100 of 300.
    error = math.sqrt((n * n - 1) / 12 / 100 * (1 - 100 / n))
    assert abs(np.flatnonzero(served).mean() - (n - 1) / 2) < 4.0 * error


def test_by_need_those_who_need_most_come_first_however_late_they_come() -> None:
    n, s = 40, int(S_HOUSING)
    world = a_town(n, capacity=0.5, by_need=1)
    world.families["barrier"], world.families["found"], world.families["assistance_12"] = 0, 0, 0
    world.families["parent"]["barrier"] = 0
    world.families["children_under_18"] = 1 + np.arange(n) % 4
    queue_up(world, s, list(range(n // 2)))
    world.town["month"] = 30
    queue_up(world, s, list(range(n // 2, n)))
    need = world.families["children_under_18"].copy()
    for served in (10, 20, 30, 40):
        world.services["capacity"] = served
        serve(world, s + 1)
        placed = stages(world, s) == IN_PLACE
        assert placed.sum() == served
        assert need[placed].min() >= need[~placed].max(initial=0)


def test_a_head_start_stands_with_those_who_came_so_many_months_before() -> None:
    s = int(S_HOUSING)
    world = a_town(30, capacity=0.5)
    for m in range(10, 15):
        world.town["month"] = m
        queue_up(world, s, [m - 10])  # a place could be given in months 11 to 15
    world.town["month"] = 15
    refer(world, s, [20], head_start=2)  # as if a place could have been given in month 13
    order = []
    for places in range(1, 7):
        world.services["capacity"] = places
        serve(world, s + 1)
        order += [i for i in np.flatnonzero(stages(world, s) == IN_PLACE).tolist() if i not in order]
    assert order[:2] == [0, 1]
    assert set(order[2:4]) == {2, 20}
    assert order[4:] == [3, 4]


def test_waiting_time_is_counted_from_the_first_month_in_which_a_place_could_be_given() -> None:
    s = int(S_HOUSING)
    world = a_town(4, capacity=0.5)
    queue_up(world, s, [0])
    for _ in range(7):
        serve(world, s + 1)  # in vain
    refer(world, s, [1])  # by the month that now ends: one month's service too late to be the first
    queue_up(world, s, [2])
    world.services["capacity"] = 5.0
    serve(world, s + 1)
    assert world.families["parent"]["waited"][:3, 0, s].tolist() == [7, 1, 0]


def test_who_asks_after_the_services_month_and_who_is_referred_before_the_next_wait_alike() -> None:
    s = int(S_HOUSING)
    world = a_town(200, capacity=0.5)
    queue_up(world, s, list(range(100)))
    world.town["month"] += 1
    refer(world, s, list(range(100, 200)))
    world.town["month"] -= 1  # which serve() begins
    ahead = world.waiting[s, :200] >> 50
    assert len(set(ahead.tolist())) == 1
    world.services["capacity"] = 100.0
    serve(world, s + 1)
    world.services["capacity"] = 200.0
    asked, referred = (stages(world, s)[group] == IN_PLACE for group in (slice(0, 100), slice(100, 200)))
    # A hundred of two hundred by lot: hypergeometric, so the number from either half has variance 100 / 4 x 100 / 199.
    assert asked.sum() + referred.sum() == 100
    assert abs(asked.sum() - 50) < 4.0 * math.sqrt(25 * 100 / 199)
    first = stages(world, s) == IN_PLACE
    serve(world, s + 1)
    assert np.array_equal(world.families["parent"]["waited"][:, 0, s], np.where(first, 0, 1))


# --- patience, closing, and the end of a stay ---------------------------------------------------------------------


def test_who_waits_gives_up_by_a_geometric_law() -> None:
    n, s, patience = 3000, 0, 0.08
    world = a_town(n, capacity=0.5, patience=patience)
    queue_up(world, s, list(range(n)))
    leaves = 1.0 - math.exp(-patience)
    left = n
    for _ in range(20):
        serve(world)
        waiting = int((stages(world, s) == WAITING).sum())
        assert waiting == world.services[s]["waiting"]
        assert left - waiting == world.services[s]["gave_up"]
        assert abs((left - waiting) - left * leaves) < 4.0 * math.sqrt(left * leaves * (1.0 - leaves))
        left = waiting
    survive = math.exp(-20 * patience)
    assert abs(left - n * survive) < 4.0 * math.sqrt(n * survive * (1.0 - survive))


def test_nobody_gives_up_who_has_endless_patience() -> None:
    world = a_town(200, capacity=0.5, patience=0.0)
    queue_up(world, 0, list(range(200)))
    for _ in range(12):
        serve(world)
    assert (stages(world, 0) == WAITING).all()


def test_a_service_that_closes_ends_every_stay_and_takes_nobody_until_it_opens() -> None:
    world = a_town(20, capacity=10.0, background=2.0)
    world.town["study_month"] = 0
    world.services["closed_from"], world.services["closed_to"] = 3, 5
    queue_up(world, 0, list(range(20)))
    taken = []
    for _ in range(7):
        serve(world)
        taken.append(int(world.services[0]["placed"] + world.services[0]["residents"]))
        if world.services[0]["places"] == 0:
            assert not (stages(world, 0) == IN_PLACE).any()
    assert taken == [10, 10, 0, 0, 0, 10, 10]


def test_who_has_left_the_pool_or_needs_it_no_more_keeps_no_place_in_the_queue() -> None:
    world = a_town(10, capacity=0.5)
    queue_up(world, 0, list(range(10)))
    world.families["parent"]["present"][2, 0] = 0
    world.families["parent"]["stage"][5, 0, 0] = NOT_ENGAGED
    serve(world)
    assert world.services[0]["waiting"] == 8
