"""Random numbers: known answers, the places they stand in, their law, and keys that no two people share."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from simulation import draws
from simulation.draws import (
    AT_ENTRY,
    BLOCK_COORDINATOR,
    BLOCK_INTAKE,
    BLOCK_JOB,
    BLOCK_MONTH,
    BLOCK_RESIDENTS,
    BLOCK_SELDOM,
    BLOCK_SERVICE,
    BLOCK_TIME,
    CHILD_BLOCKS,
    ENTITIES,
    ENTITY_CHILD,
    ENTITY_FAMILY,
    FAMILY_BLOCKS,
    FAMILY_COORDINATOR_BLOCKS,
    LANES,
    PARENT_BLOCKS,
    PARENT_COORDINATOR_BLOCKS,
    SLOT_COORDINATOR,
    SLOT_SERVICE,
    clock,
    draw_month,
    fill,
    fill_family,
    fill_lanes,
    fill_parent,
    lowest,
    normal,
    of_child,
    of_family,
    of_parent,
    parent_entity,
    philox,
    rings,
    uniform,
)
from simulation.family import FAMILY
from simulation.municipality import TOWN
from simulation.names import FAMILY_BARRIERS, MAX_COORDINATORS, PERSON_BARRIERS, SERVICES
from simulation.ratios import ratio

# Random123, file kat_vectors, philox4x32 with 10 rounds: counter, key, answer.
KNOWN = (
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
)
WORD = 2**32


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_by_hand(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 in Python's own whole numbers, from the paper."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * a, WORD)
        high1, low1 = divmod(0xCD9E8D57 * c, WORD)
        a, b, c, d = high1 ^ b ^ k0, low1, high0 ^ d ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return [a, b, c, d]


def a_town(seed: int = 7, replicate: int = 3, month: int = 29) -> np.ndarray:
    town = np.zeros(1, TOWN)
    town["seed"], town["replicate"], town["month"] = seed, replicate, month
    return town


def a_family(slot: int = 11, generation: int = 2, partners: int = 1, children: int = 2) -> np.ndarray:
    family = np.zeros(1, FAMILY)
    family["slot"], family["generation"], family["partners"] = slot, generation, partners
    family["parent"]["present"] = 1
    family["child_slots"] = children
    family["child"]["birth_order"] = np.arange(family["child"].shape[1]) + 5
    return family


def expected(slot: int, entity: int, month: int, block: int, seed: int = 7, replicate: int = 3) -> list[float]:
    return [(word + 0.5) / WORD for word in philox_by_hand([slot, entity, month, block], [seed, replicate])]


def many_draws(slots: int = 64, months: int = 60) -> np.ndarray:
    """A family's draws by slot, month and event, (slots, months, 16)."""
    town, who = a_town(), np.zeros(slots, np.uint64)
    values = np.empty((slots, months, 4 * FAMILY_BLOCKS))
    rows = np.empty((4 * FAMILY_BLOCKS, slots))
    for month in range(months):
        town["month"] = month
        fill_lanes(rows, town[0], np.arange(slots, dtype=np.uint64), who, slots, BLOCK_MONTH, FAMILY_BLOCKS)
        values[:, month] = rows.T
    return values


# --- known answers and places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(counter: str, key: str, answer: str) -> None:
    found = philox(*(np.uint64(word) for word in (*words(counter), *words(key))))
    assert [int(word) for word in found] == words(answer)
    assert philox_by_hand(words(counter), words(key)) == words(answer)


def test_philox_agrees_with_whole_number_arithmetic_for_any_counter_and_key() -> None:
    rng = np.random.default_rng(1)
    for row in rng.integers(0, WORD, size=(500, 6)).tolist():
        assert [int(w) for w in philox(*(np.uint64(w) for w in row))] == philox_by_hand(row[:4], row[4:])


def test_the_compiled_and_the_plain_philox_are_the_same() -> None:
    plain = getattr(philox, "py_func", philox)
    row = [np.uint64(w) for w in (5, 4_000_000_000, 17, 8, 1, 2)]
    assert [int(w) for w in philox(*row)] == [int(w) for w in plain(*row)]


def test_a_uniform_draw_is_never_0_and_never_1() -> None:
    assert uniform(np.uint64(0)) == 0.5 / WORD
    assert uniform(np.uint64(WORD - 1)) == (WORD - 0.5) / WORD < 1.0


def test_fill_puts_the_four_draws_of_one_address_in_order() -> None:
    u = np.empty(4)
    fill(u, a_town()[0], 11, 130, 29, 8)
    assert u.tolist() == expected(11, 130, 29, 8)


@pytest.mark.parametrize("lanes", [1, 7, 8, 9, 32])
def test_word_j_of_block_b_stands_in_row_4b_plus_j_whatever_the_number_of_lanes(lanes: int) -> None:
    slots, entities = np.arange(32, dtype=np.uint64) + 90, np.arange(32, dtype=np.uint64) * 64
    u = np.full((4 * 3, 32), np.nan)
    fill_lanes(u, a_town()[0], slots, entities, lanes, BLOCK_COORDINATOR, 3)
    for lane in range(lanes):
        for b in range(3):
            address = int(slots[lane]), int(entities[lane]), 29, int(BLOCK_COORDINATOR) + b
            assert u[4 * b : 4 * b + 4, lane].tolist() == expected(*address)


def some_families() -> np.ndarray:
    """Families with one and two parents, none to eight children, in every lane."""
    families = np.concatenate([a_family(slot, slot % 3, slot % 5, slot % 9) for slot in range(LANES)])
    families["parent"]["present"][::2, 1] = 0
    return families


def test_every_person_of_every_lane_has_the_draws_of_his_own_key() -> None:
    town, families = a_town(), some_families()
    draw_month(families, 0, LANES, town[0])
    for lane, family in enumerate(families):
        slot, key = int(family["slot"]), int(family["generation"]) * 64
        parents = [key + 1, key + 2 + int(family["partners"])][: int(family["parent"]["present"].sum())]
        children = [key + 16 + 5 + j for j in range(family["child_slots"])]
        persons = [(of_family(town[0], lane), key, FAMILY_BLOCKS)]
        persons += [(of_parent(town[0], lane, k), entity, PARENT_BLOCKS) for k, entity in enumerate(parents)]
        persons += [(of_child(town[0], lane, j), entity, CHILD_BLOCKS) for j, entity in enumerate(children)]
        for u, entity, blocks in persons:
            assert u.tolist() == [draw for b in range(blocks) for draw in expected(slot, entity, 29, b)]


def test_a_familys_draws_do_not_depend_on_who_is_drawn_with_it() -> None:
    town, families = a_town(), some_families()
    for first, end in ((3, 4), (0, 5), (3, LANES)):
        draw_month(families, first, end, town[0])
        assert of_family(town[0], 3 - first)[0] == expected(3, 0, 29, 0)[0]
        assert of_parent(town[0], 3 - first, 1)[5] == expected(3, 2 + 3, 29, 1)[1]


def test_single_blocks_of_a_family_and_a_parent_have_the_keys_of_their_owner() -> None:
    town, family, u = a_town(), a_family(), np.empty(4)
    fill_family(u, town[0], family[0], BLOCK_TIME)
    assert u.tolist() == expected(11, 128, 29, int(BLOCK_TIME))
    fill_parent(u, town[0], family[0], 1, BLOCK_JOB)
    assert u.tolist() == expected(11, 128 + 3, 29, int(BLOCK_JOB))


@pytest.mark.parametrize("part", ["seed", "replicate", "slot", "entity", "month", "block"])
def test_every_part_of_the_address_matters(part: str) -> None:
    address = {"seed": 1, "replicate": 2, "slot": 3, "entity": 4, "month": 5, "block": 6}
    other = address | {part: 99}
    found = []
    for a in (address, other):
        u = np.empty(4)
        fill(u, a_town(a["seed"], a["replicate"])[0], a["slot"], a["entity"], a["month"], a["block"])
        found.append(set(u.tolist()))
    assert found[0].isdisjoint(found[1])


def test_draws_do_not_depend_on_the_order_in_which_they_are_made() -> None:
    addresses = list(itertools.product(range(20), (0, 1, 16), range(10), (0, 8, 32)))
    shuffled = [addresses[i] for i in np.random.default_rng(2).permutation(len(addresses))]
    town = a_town()

    def made(order: list[tuple[int, int, int, int]]) -> dict[tuple[int, int, int, int], bytes]:
        u, found = np.empty(4), {}
        for address in order:
            fill(u, town[0], *address)
            found[address] = u.tobytes()
        return found

    assert made(addresses) == made(shuffled)


# --- their law ----------------------------------------------------------------------------------------------------


def test_draws_are_uniform() -> None:
    values = many_draws().ravel()
    distance = stats.kstest(values, "uniform").statistic
    # sqrt(n) D exceeds 1.95 once in a thousand samples.
    assert math.sqrt(values.size) * distance < 1.95


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["slots", "months", "events"])
def test_neighbouring_draws_are_not_correlated(axis: int) -> None:
    values = np.moveaxis(many_draws(), axis, 0) - 0.5
    product = (values[:-1] * values[1:]).ravel()
    # A product of two independent centred uniform numbers has standard deviation 1/12.
    assert abs(product.mean()) * 12.0 * math.sqrt(product.size) < 4.0


def test_normal_draws_are_standard_normal() -> None:
    u = many_draws().reshape(-1, 2)
    values = np.array([normal(a, b) for a, b in u[:20_000]])
    assert math.sqrt(values.size) * stats.kstest(values, "norm").statistic < 1.95


@pytest.mark.parametrize("hazard", [0.0006, 0.02, 0.3, 1.7])
def test_a_clock_rings_within_the_month_with_probability_1_minus_exp_minus_hazard(hazard: float) -> None:
    n = 20_000
    grid = (np.arange(n) + 0.5) / n  # a draw from each of n equal parts: the share is exact to 1/n
    share = np.mean([rings(u, hazard) for u in grid])
    assert abs(share - (1.0 - math.exp(-hazard))) <= 1.0 / n


@pytest.mark.parametrize("hazard", [0.02, 0.3, 1.7])
def test_the_time_of_a_clock_has_the_exponential_law(hazard: float) -> None:
    n = 20_000
    times = np.sort([clock((i + 0.5) / n, hazard) for i in range(n)])
    rung = times[times < 1.0]
    assert np.all((times < 1.0) | (times == 2.0))
    # The k-th of n stands where the exponential distribution reaches (k - 1/2) / n.
    quantiles = 1.0 - np.exp(-hazard * rung)
    assert np.abs(quantiles - (np.arange(len(rung)) + 0.5) / n).max() < 1e-12


def test_clock_and_rings_say_the_same() -> None:
    rng = np.random.default_rng(3)
    hazards = np.exp(rng.uniform(-9, 2, 20_000))
    for u, hazard in zip(rng.random(20_000), hazards, strict=True):
        assert rings(u, hazard) == (clock(u, hazard) < 1.0)


def test_what_has_no_hazard_never_happens() -> None:
    assert not rings(0.5 / WORD, 0.0)
    assert clock(0.5 / WORD, 0.0) == 2.0


def test_a_higher_hazard_only_adds_events() -> None:
    """Raising a hazard never takes an event away nor puts it later: that is what makes two lives alike."""
    for u in (np.arange(2000) + 0.5) / 2000:
        assert rings(u, 0.03) or not rings(u, 0.02)
        assert clock(u, 0.03) <= clock(u, 0.02)


def test_the_lowest_of_some_draws_is_their_minimum() -> None:
    u = np.random.default_rng(4).random(32)
    assert all(lowest(u, first, 5) == u[first : first + 5].min() for first in range(27))


def test_a_log_ratio_of_nothing_is_a_ratio_of_one_to_the_last_bit() -> None:
    assert ratio(0.0) == 1.0
    assert ratio(-0.3) == math.exp(-0.3)


# --- events: each in its own place --------------------------------------------------------------------------------

# Name of the event and how many places it takes, for what is drawn in lanes.
FAMILY_EVENTS = {
    "CHANGE": FAMILY_BARRIERS,
    "CARE_ORDER": 1,
    "FIND": FAMILY_BARRIERS,
    "APPLY": 1,
    "CLAIM_HOUSING": 1,
    "CLAIM_SUPPORT": 1,
}
PARENT_EVENTS = {
    "HEALTH_CHANGE": 1,
    "DIGITAL_CHANGE": 1,
    "LANGUAGE_DONE": 1,
    "EDUCATION_DONE": 1,
    "FIND_PARENT": PERSON_BARRIERS,
    "JOB_EXIT": 1,
    "FEWER_HOURS": 1,
    "MORE_HOURS": 1,
    "AAP_ENTRY": 1,
    "BENEFIT_END": 1,
    "TRANSITIONAL_CLAIM": 1,
    "DISABILITY_ENTRY": 1,
    "ASK": len(SERVICES),
}
FOLLOWED_FAMILY_EVENTS = {
    "MEETING_MISSED": 1,
    "HELP_CLAIM_HOUSING": 1,
    "HELP_CLAIM_SUPPORT": 1,
    "VISIT_FINDS": FAMILY_BARRIERS,
}
FOLLOWED_PARENT_EVENTS = {
    "VISIT_FINDS_PARENT": PERSON_BARRIERS,
    "REFER": len(SERVICES),
    "REFER_ORDER": 1,
    "HEAD_START": 1,
}
IN_LANES = {
    "family": (FAMILY_EVENTS, FAMILY_BLOCKS),
    "parent": (PARENT_EVENTS, PARENT_BLOCKS),
    "followed family": (FOLLOWED_FAMILY_EVENTS, FAMILY_COORDINATOR_BLOCKS),
    "followed parent": (FOLLOWED_PARENT_EVENTS, PARENT_COORDINATOR_BLOCKS),
}
FOUR = {  # events within one block of four
    "time": ("MOVE_OUT", "COUPLE", "BIRTH"),
    "job": ("JOB_PART", "JOB_FULL"),
    "child": ("CARE_ARENA", "LEISURE_ARENA", "EXEMPTION", "UPPER_SECONDARY_DONE"),
    "intake": ("INTAKE_TICKET", "PLANNED_LENGTH"),
    "service": ("LEAVE_PLACE", "BREAK_OFF", "LOSE_PATIENCE", "QUEUE_TICKET"),
    "staff": ("TURNOVER", "HIRE"),
    "seldom": ("KVP_OR_MEASURE", "UNEMPLOYMENT_CLAIM", "ORDER"),
}
NOT_EVENTS = ("AT_ENTRY", "BLOCK", "ENTIT", "SLOT", "MASK", "LANES", "COMPILED", "MAX_")


@pytest.mark.parametrize("name", IN_LANES)
def test_no_two_events_of_a_person_share_a_draw(name: str) -> None:
    events, blocks = IN_LANES[name]
    taken = [int(getattr(draws, event)) + i for event, number in events.items() for i in range(number)]
    assert len(taken) == len(set(taken))
    assert min(taken) >= 0
    assert max(taken) < 4 * blocks


@pytest.mark.parametrize("name", FOUR)
def test_no_two_events_of_a_block_share_a_draw(name: str) -> None:
    assert sorted(getattr(draws, event) for event in FOUR[name]) == list(range(len(FOUR[name])))


def test_every_event_stands_in_a_table_of_this_file() -> None:
    """A new event must be put into the tables above, which look whether its place is free."""
    known = {event for table, _ in IN_LANES.values() for event in table} | {e for four in FOUR.values() for e in four}
    numbers = {
        name
        for name, value in vars(draws).items()
        if name.isupper()
        and not name.startswith(("_", *NOT_EVENTS))
        and not name.endswith(("_BLOCKS", "_BLOCK", "_LANES"))
        and isinstance(value, int | np.int64)
    }
    numbers -= {"FIRST", "SECOND"}  # imported names of the parents
    assert numbers == known


def test_no_two_blocks_of_a_person_overlap() -> None:
    def span(first: int, number: int) -> list[int]:
        return list(range(int(first), int(first) + number))

    family = span(BLOCK_MONTH, FAMILY_BLOCKS) + span(BLOCK_TIME, 1) + span(BLOCK_INTAKE, 1)
    family += span(BLOCK_COORDINATOR, FAMILY_COORDINATOR_BLOCKS)
    parent = span(BLOCK_MONTH, PARENT_BLOCKS) + span(BLOCK_JOB, 1) + span(BLOCK_SELDOM, 1)
    parent += span(BLOCK_COORDINATOR, PARENT_COORDINATOR_BLOCKS) + span(BLOCK_SERVICE, len(SERVICES))
    residents = span(BLOCK_RESIDENTS, 3) + span(BLOCK_SERVICE, len(SERVICES))
    for blocks in (family, parent, residents):
        assert len(blocks) == len(set(blocks))


# --- keys ---------------------------------------------------------------------------------------------------------


def test_keys_of_different_persons_never_collide_over_generations_partners_and_children() -> None:
    keys = []
    for generation in range(60):
        keys.append(generation * int(ENTITIES) + int(ENTITY_FAMILY))
        keys.append(int(parent_entity(a_family(generation=generation)[0], 0)))
        for partners in range(14):
            keys.append(int(parent_entity(a_family(generation=generation, partners=partners)[0], 1)))
        keys += [generation * int(ENTITIES) + int(ENTITY_CHILD) + order for order in range(48)]
    assert len(keys) == len(set(keys)) == 60 * int(ENTITIES)


def test_the_first_parents_key_does_not_change_with_the_partner() -> None:
    assert len({int(parent_entity(a_family(partners=n)[0], 0)) for n in range(20)}) == 1


def test_families_coordinators_and_services_have_slots_of_their_own() -> None:
    largest_pool = 200_000
    services = range(int(SLOT_SERVICE), int(SLOT_SERVICE) + len(SERVICES))
    coordinators = range(int(SLOT_COORDINATOR), int(SLOT_COORDINATOR) + MAX_COORDINATORS)
    assert largest_pool <= services.start < services.stop <= coordinators.start < coordinators.stop <= WORD


def test_draws_made_at_entry_are_those_of_no_month() -> None:
    assert int(AT_ENTRY) == WORD - 1
