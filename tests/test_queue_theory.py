"""A service by itself is a queue whose law is known: exact chains, Erlang's formulas, Ciw, and the order of the list."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.queue_theory import (
    SETTINGS,
    STEPS,
    Setting,
    chain,
    erlang,
    erlang_c,
    exact,
    run_ciw,
    run_model,
    standard_error,
    stationary,
)
from scenarios import load_study
from simulation import month
from simulation.barriers import need_score
from simulation.draws import BLOCK_SERVICE, QUEUE_TICKET, fill_parent
from simulation.engine import burn_in, new_world, parameter_values, start_arm
from simulation.municipality import World, reticket
from simulation.names import IN_PLACE, NOT_ENGAGED, S_HOUSING, SERVICES, WAITING
from simulation.queues import CLIENT_MASK, HIGHEST_PRIORITY, PRIORITY_BITS, join_queue
from simulation.service import RESIDENT_NEED

LONG = 1e12  # months: a stay that never ends


def a_town(families: int = 4, *, seed: int = 1, dropout: float = 0.0, patience: float = 0.0, **service: float) -> World:
    """A municipality in which all eight services are alike and empty, and nobody waits."""
    plan = load_study("caseload-10-vs-20").arm("ordinary")
    chosen = {f"dropout.{name}": dropout for name in SERVICES} | {f"patience.{name}": patience for name in SERVICES}
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
    # A Poisson number, correlated by keep**h over h months.
    error = math.sqrt(mean * (1.0 + keep) / (1.0 - keep) / (months * EIGHT))
    assert abs(found.mean() - mean) < 4.0 * error
    assert residents(1e5, arrivals, 0.0, months)[:, 1].max() == 0  # nobody waits


@pytest.mark.parametrize(("places", "patience"), [(10, 0.1), (14, 0.02)])
def test_a_full_service_has_the_stationary_law_of_its_exact_chain(places: int, patience: float) -> None:
    months, arrivals = 1500, 3.0
    matrix = chain(places, arrivals, 1.0 / LENGTH, patience, most=80)
    law = stationary(matrix)
    assert law[-1] < 1e-9  # the chain is long enough
    number = np.arange(len(law))
    found = residents(float(places), arrivals, patience, months).sum(axis=1)
    mean = float(law @ number)
    for value in (number.astype(float), (number > places).astype(float), np.maximum(number - places, 0).astype(float)):
        seen = value[found.astype(int)].mean()
        assert abs(seen - float(law @ value)) < 4.0 * standard_error(matrix, law, value, months * EIGHT)
    assert places < mean < places + 40


@pytest.mark.parametrize("background", [0.3, 2.25, 90.0, 260.0])
def test_requests_of_other_residents_are_a_poisson_number(background: float) -> None:
    world = a_town(background=background, capacity=0.5)
    months, asked = 400, []
    for _ in range(months):
        serve(world, EIGHT)
        asked.append(world.services["requests"].copy())
        world.services["waiting"] = 0
    numbers = np.concatenate(asked)
    n = len(numbers)
    assert abs(numbers.mean() - background) < 4.0 * math.sqrt(background / n)
    # The variance of a sample variance of Poisson numbers: (background + 2 background**2) / n.
    assert abs(numbers.var(ddof=1) - background) < 4.0 * math.sqrt((background + 2.0 * background**2) / n)
    assert (numbers == 0).mean() == pytest.approx(math.exp(-background), abs=4.0 * math.sqrt(0.25 / n))


# --- Erlang and Ciw: as the step shrinks from a month to a day ------------------------------------------------------------


def name_of(setting: Setting) -> str:
    return f"{setting.places}-places-load-{setting.load:.2f}-patience-{setting.patience:g}"


every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=name_of)


@pytest.mark.parametrize(("places", "offered", "chance"), [(1, 0.8, 0.8), (2, 1.0, 1 / 3), (10, 8.0, 0.4092)])
def test_the_chance_to_wait_is_that_of_the_tables_of_erlang(places: int, offered: float, chance: float) -> None:
    assert erlang_c(places, offered) == pytest.approx(chance, abs=5e-5)


@every_setting
def test_patience_without_end_makes_erlang_a_erlang_c(setting: Setting) -> None:
    if setting.load < 1.0:
        endless, nearly = erlang(setting._replace(patience=0.0)), erlang(setting._replace(patience=1e-9))
        assert nearly == pytest.approx(endless, rel=1e-4)


@every_setting
def test_the_chain_comes_to_erlang_in_proportion_to_its_step(setting: Setting) -> None:
    limit = erlang(setting)
    three_days, day = exact(setting, 10), exact(setting, 30)
    assert three_days is not None
    assert day is not None
    for name in ("use", "wait"):
        far, near = (getattr(law.queue, name) - getattr(limit, name) for law in (three_days, day))
        assert 2.7 < far / near < 3.6, "a third of the step, a third of the error"
        assert abs(near) < 0.06 * getattr(limit, name)


def test_a_month_is_too_long_a_step_where_a_service_is_all_but_full() -> None:
    """Stays take up their place for half a month more in monthly steps: 0.95 of the places become more than all."""
    full = Setting(38, 4.5, 8.0, 0.0)
    assert full.load < 1.0
    assert exact(full, 1) is None
    assert exact(full, 2) is not None


def check_model(setting: Setting, steps: int, months: int) -> None:
    law, found = exact(setting, steps), run_model(setting, steps, months)
    assert law is not None
    for name, error in (("use", law.use_error), ("wait", law.wait_error)):
        difference = getattr(found, name) - getattr(law.queue, name)
        assert abs(difference) < 4.0 * error / math.sqrt(months * EIGHT), name


@pytest.mark.parametrize("setting", SETTINGS[:3] + SETTINGS[4:], ids=name_of)
def test_the_rules_have_the_law_of_the_exact_chain_of_months(setting: Setting) -> None:
    check_model(setting, 1, 400)


@pytest.mark.parametrize("setting", [SETTINGS[4], SETTINGS[5]], ids=name_of)
def test_the_rules_have_the_law_of_the_exact_chain_of_days(setting: Setting) -> None:
    check_model(setting, 30, 60)


@pytest.mark.long
@every_setting
@pytest.mark.parametrize("steps", STEPS)
def test_the_rules_have_the_law_of_the_exact_chain_of_every_step(setting: Setting, steps: int) -> None:
    if exact(setting, steps) is not None:
        check_model(setting, steps, 2000)


def check_ciw(setting: Setting, months: int) -> None:
    found, limit = run_ciw(setting, months), erlang(setting)
    assert abs(found.queue.use - limit.use) < 5.0 * found.use_error
    assert abs(found.queue.wait - limit.wait) < 5.0 * found.wait_error


@pytest.mark.parametrize("setting", SETTINGS[:3] + SETTINGS[4:], ids=name_of)
def test_ciw_says_what_erlang_says(setting: Setting) -> None:
    check_ciw(setting, 6000)


@pytest.mark.long
@every_setting
def test_ciw_says_what_erlang_says_for_long(setting: Setting) -> None:
    check_ciw(setting, 100_000)


# --- Little's law -----------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    places=st.integers(0, 6),
    length=st.floats(0.5, 30.0),
    patience=st.sampled_from([0.0, 0.05, 0.5]),
    by_need=st.integers(0, 1),
    soft=st.integers(0, 1),
    background=st.sampled_from([0.0, 0.7]),
    closed=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    asks=st.lists(st.lists(st.integers(0, 19), max_size=6), min_size=12, max_size=24),
)
def test_months_waited_and_months_in_place_add_up_to_who_is_there_each_month(
    places: int,
    length: float,
    patience: float,
    by_need: int,
    soft: int,
    background: float,
    closed: tuple[int, int],
    asks: list[list[int]],
) -> None:
    """Little's law as an account: families there, summed over months, are months there, summed over families."""
    world = a_town(
        20, patience=patience, capacity=places, length=length, by_need=by_need, soft=soft, background=background
    )
    world.town["study_month"] = 0
    world.services["closed_from"], world.services["closed_to"] = min(closed), max(closed)
    service, parent = world.services[0], world.families["parent"][:, 0]
    waiting_months = place_months = waited = stayed = asked = settled = 0
    came, placed_at = np.zeros(20, int), np.zeros(20, int)
    for who in asks:
        new = [slot for slot in dict.fromkeys(who) if parent["stage"][slot, 0] == NOT_ENGAGED]
        queue_up(world, 0, new)
        before = stages(world, 0).copy()
        serve(world)
        now, month_now = stages(world, 0), int(world.town[0]["month"])
        came[new] = month_now
        waiting_months += int((now == WAITING).sum())
        place_months += int((now == IN_PLACE).sum())
        begun = (before == WAITING) & (now == IN_PLACE)
        left_queue = (before == WAITING) & (now != WAITING)
        left_place = (before == IN_PLACE) & (now != IN_PLACE)
        assert (parent["waited"][begun, 0] == month_now - came[begun]).all()
        waited += int((month_now - came[left_queue]).sum())
        stayed += int((month_now - placed_at[left_place]).sum())
        placed_at[begun] = month_now
        asked += len(new)
        settled += int(left_place.sum() + (left_queue & ~begun).sum())
        assert service["placed"] == (now == IN_PLACE).sum()
        clients = world.waiting[0, : service["waiting"]] & CLIENT_MASK
        assert (clients < 2 * 20).sum() == (now == WAITING).sum()
        if not soft:
            assert service["placed"] + service["residents"] <= max(places, 0)
    end = int(world.town[0]["month"]) + 1
    still = stages(world, 0)
    assert waiting_months == waited + int((end - came[still == WAITING]).sum())
    assert place_months == stayed + int((end - placed_at[still == IN_PLACE]).sum())
    assert asked == settled + int((still != NOT_ENGAGED).sum())


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


def test_an_arm_that_changes_the_priority_puts_the_whole_list_on_the_new_scale() -> None:
    base = load_study("caseload-10-vs-20").arm("ordinary")
    tight = {name: replace(service, places=10.0) for name, service in base.profile.services.items()}
    base = replace(base, posterior="default", profile=replace(base.profile, services=tight))
    world = new_world(base, 1, 0, parameter_values(base, 1, 0))
    burn_in(world, base.burn_in_months)
    needy = {name: replace(service, priority="need") for name, service in tight.items()}
    by_need, first_come = start_arm(world, replace(base, services=needy)), start_arm(world, base)
    assert np.array_equal(first_come.waiting, world.waiting)
    resident = 2 * base.families
    for s in range(EIGHT):
        queue = by_need.waiting[s, : by_need.services[s]["waiting"]]
        clients = queue & CLIENT_MASK
        assert len(queue) > 20
        assert (np.diff(queue) >= 0).all()
        assert sorted(clients) == sorted(world.waiting[s, : len(queue)] & CLIENT_MASK)
        needs = [RESIDENT_NEED if c == resident else need_score(by_need.families[c >> 1]) for c in clients]
        assert (HIGHEST_PRIORITY - (queue >> PRIORITY_BITS)).tolist() == needs
        # And back again: each family by its month of asking, the others by their rate.
        by_need.services[s]["by_need"] = 0
        reticket(by_need, s)
        again = by_need.waiting[s, : len(queue)]
        ours = (again & CLIENT_MASK) != resident
        since = [int(by_need.families[c >> 1]["parent"][c & 1]["since"][s]) for c in again[ours] & CLIENT_MASK]
        assert (again[ours] >> PRIORITY_BITS).tolist() == since
        months = again[~ours] >> PRIORITY_BITS
        rate = by_need.services[s]["background"]
        assert months.max() == by_need.town[0]["month"]
        assert months.max() - months.min() == int((len(months) - 1) / rate)


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
