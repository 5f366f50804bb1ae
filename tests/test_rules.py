"""Each rule against a calculation by hand, written in the test."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from scenarios import load_study
from simulation import month
from simulation.barriers import change, count_barriers, need_score
from simulation.benefits import (
    aap_hazard,
    disability_hazard,
    end_programme,
    start_programme,
    transitional_hazard,
    transitional_right,
    unemployment_claimed,
)
from simulation.coordinator import net_hours_per_family
from simulation.draws import (
    APPLY,
    AT_ENTRY,
    BLOCK_COORDINATOR,
    BLOCK_MONTH,
    CLAIM_HOUSING,
    CLAIM_SUPPORT,
    ENTITY_CHILD,
    ENTITY_FAMILY,
    ENTITY_FIRST_PARENT,
    HELP_CLAIM_HOUSING,
    LEISURE_ARENA,
    SLOT_COORDINATOR,
    UPPER_SECONDARY_DONE,
    fill,
    fill_family,
    rings,
)
from simulation.engine import at_month_zero, burn_in, new_world, parameter_values, run_replicate
from simulation.intake import goals_met, meets_criteria
from simulation.municipality import World
from simulation.names import (
    AAP,
    BARRIERS,
    DISABILITY,
    EDUCATION,
    FOLLOW_UP,
    FULL_TIME,
    HEALTH,
    HOLF,
    IN_PLACE,
    INTRODUCTION,
    KVP,
    LANGUAGE,
    LASTING_LOW_INCOME,
    MEASURES,
    MUNICIPAL_RENTAL,
    NO_BENEFIT,
    NO_WORK,
    NOT_ENGAGED,
    OWNER,
    PART_TIME,
    PRIVATE_RENTAL,
    S_CHILD_WELFARE,
    S_CHILDREN,
    S_ECONOMY,
    S_EDUCATION,
    S_HEALTH,
    S_HOUSING,
    S_LANGUAGE,
    S_WORK,
    SERVICES,
    SUPPORTS,
    TRANSITIONAL,
    UNEMPLOYMENT,
    WAITING,
)
from simulation.parameters import find_parameter, hill, load_parameters
from simulation.plan import Plan
from simulation.queues import CLIENT_MASK, HIGHEST_PRIORITY, IN_TRUTH, KNOWN, known_needs, make_ticket, out_of_order
from simulation.work import family_entry_ratio, job_entry_hazard, job_exit_hazard

AT_ONCE = 1e9  # a rate at which a clock rings within the month whatever the draw
CERTAIN = {"rel": 1e-12}  # rounding of a few operations on floating-point numbers


def a_plan(parameters: dict[str, float] | None = None, **changes: object) -> Plan:
    plan = load_study("caseload-10-vs-20").arm("caseload-10")
    settings = {"families": 4, "burn_in_months": 24, "posterior": "default", "parameters": parameters or {}}
    settings["founding_months"] = 0
    return replace(plan, **{**settings, **changes})


def a_town(parameters: dict[str, float] | None = None, families: int = 4, coordinators: int = 0) -> World:
    """A municipality of plain families: a lone mother of 35 out of work, one child of eight years, no barrier."""
    plan = a_plan(parameters, families=families)
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0)).copy(coordinators)
    world.town["month"], world.town["study_month"], world.town["coordinators"] = 40, 10, coordinators
    slots = np.arange(families)
    peers = world.families["peer"].copy()
    world.families[:] = np.zeros(1, world.families.dtype)
    f = world.families
    f["slot"], f["peer"], f["coordinator"], f["admitted"], f["ended"] = slots, peers, -1, -999, -999
    f["trust"], f["rent"], f["residence"], f["tenure"], f["births"] = 0.4, 10_000.0, 300, OWNER, 1
    f["child_slots"], f["children_under_18"], f["youngest"] = 1, 1, 96
    f["parent"]["present"][:, 0], f["parent"]["age"][:, 0] = 1, 420
    f["parent"]["wage_level"], f["parent"]["offer_at"] = 36_000.0, 2.0
    f["parent"]["frailty"], f["parent"]["exit_frailty"] = 1.0, 1.0
    f["child"]["present"][:, 0], f["child"]["age"][:, 0], f["child"]["upper_secondary"] = 1, 96, -1
    return world


def parameters(world: World) -> np.ndarray:
    return world.setting[0]["p"]


def live(world: World, part: str) -> None:
    """One behaviour of phase 5, for every family."""
    w = world
    for i in range(len(w.families)):
        if part == "work":
            month.work_at(w.families, i, w.town, w.setting)
        elif part == "claims":
            month.claims_at(w.families, i, w.town, w.setting)
        elif part == "children":
            month.children_at(w.families, i, w.town, w.setting, w.services)
        elif part == "barriers":
            month.barriers_at(w.families, i, w.town, w.setting, w.services)
        else:
            month.money_at(w.families, i, w.town, w.setting)


def luck(world: World, event: int, block: int = BLOCK_MONTH) -> np.ndarray:
    """Every family's draw of this month for an event."""
    u, found = np.empty(4), []
    for family in world.families:
        fill_family(u, world.town[0], family, block + event // 4)
        found.append(u[event % 4])
    return np.array(found)


# --- time and dose ------------------------------------------------------------------------------------------------


def test_the_hill_curve_is_0_without_contact_and_a_half_at_the_half_dose() -> None:
    assert hill(0.0, 4.0, 1.5) == 0.0
    assert hill(4.0, 4.0, 1.5) == 0.5
    assert hill(12.0, 4.0, 1.0) == pytest.approx(12 / 16, **CERTAIN)
    assert hill(2.0, 4.0, 2.0) == pytest.approx(4 / (16 + 4), **CERTAIN)


@pytest.mark.parametrize("steepness", [0.5, 1.0, 4.0])
def test_more_hours_never_give_a_smaller_dose(steepness: float) -> None:
    doses = [hill(h / 4, 4.0, steepness) for h in range(200)]
    assert all(a < b < 1.0 for a, b in itertools.pairwise(doses))


def test_a_family_of_ten_has_7_4_hours_and_one_of_twenty_2_1() -> None:
    p = parameters(a_town({"net_hours": 106.0, "paperwork_hours": 2.5, "travel_hours": 0.7}))
    assert net_hours_per_family(10, p) == pytest.approx(106 / 10 - 3.2, **CERTAIN)
    assert net_hours_per_family(20, p) == pytest.approx(106 / 20 - 3.2, **CERTAIN)


@pytest.mark.parametrize(("paperwork", "ratio"), [(2.0, 8.6 / 3.3), (3.0, 7.6 / 2.3), (4.0, 6.6 / 1.3)])
def test_halving_the_caseload_multiplies_contact_by_2_6_to_5_and_not_by_2(paperwork: float, ratio: float) -> None:
    p = parameters(a_town({"net_hours": 106.0, "paperwork_hours": paperwork, "travel_hours": 0.0}))
    found = net_hours_per_family(10, p) / net_hours_per_family(20, p)
    assert found == pytest.approx(ratio, **CERTAIN)
    assert 2.6 < found < 5.1


def test_hours_are_never_negative() -> None:
    assert net_hours_per_family(60, parameters(a_town({"paperwork_hours": 3.0}))) == 0.0


def team(world: World, *caseloads: int, vacant: int | None = None) -> None:
    c = world.coordinators
    c["present"], c["skill"], c["caseload"] = 1, 1.0, 60
    c["families"] = caseloads
    if vacant is not None:
        c["present"][vacant] = 0


def test_a_vacant_positions_families_are_shared_among_colleagues_who_cover() -> None:
    world = a_town({"net_hours": 106.0, "paperwork_hours": 2.0, "travel_hours": 0.0}, coordinators=3)
    world.town["cover"] = 1
    team(world, 10, 6, 8, vacant=1)
    month.share_cover_at(world.coordinators, world.town, world.setting)
    # Six families are shared by two: she who has 10 works for 13, she who has 8 for 11.
    first, third = 106 / 13 - 2, 106 / 11 - 2
    assert world.coordinators["hours_per_family"].tolist() == pytest.approx([first, (first + third) / 2, third])


def test_without_cover_a_vacant_positions_families_meet_nobody() -> None:
    world = a_town({"net_hours": 106.0, "paperwork_hours": 2.0, "travel_hours": 0.0}, coordinators=2)
    world.town["cover"] = 0
    team(world, 10, 6, vacant=1)
    month.share_cover_at(world.coordinators, world.town, world.setting)
    assert world.coordinators["hours_per_family"].tolist() == pytest.approx([8.6, 0.0])


def follow(world: World, *slots: int) -> None:
    """The first coordinator follows these families."""
    team(world, len(slots))
    world.coordinators["family"][0, : len(slots)] = slots
    world.coordinators["months_in_post"] = 100
    for slot in slots:
        world.families[slot]["coordinator"] = 0


def meet(world: World) -> None:
    month.follow_up_at(world.families, world.coordinators, 0, world.town, world.setting, world.services, world.waiting)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_hours_are_shared_by_need_and_add_up_to_her_hours(weight: float) -> None:
    numbers = {"need_weight": weight, "missed_meetings": 0.0, "net_hours": 106.0}
    world = a_town({**numbers, "paperwork_hours": 2.5, "travel_hours": 0.7}, coordinators=1)
    follow(world, 0, 1, 2)
    f = world.families
    f[1]["assistance_12"] = 12
    f[2]["barrier"][:2] = f[2]["found"][:2] = 1
    f[2]["parent"]["barrier"][0, HEALTH] = f[2]["parent"]["found"][0, HEALTH] = 1
    f[2]["children_under_18"] = 2
    # Need: a child each; twelve months on assistance count 4; two family barriers 2 each, health 1, two children.
    needs = [1, 1 + 4, 4 + 1 + 2]
    assert [int(need_score(family)) for family in f[:3]] == needs
    month.share_cover_at(world.coordinators, world.town, world.setting)
    meet(world)
    mean = 106 / 3 - 3.2
    expected = [mean * (1 - weight + weight * 3 * (1 + need) / 16) for need in needs]
    assert f["contact_hours"][:3].tolist() == pytest.approx(expected, **CERTAIN)
    assert f["contact_hours"][:3].sum() == pytest.approx(3 * mean, **CERTAIN)


POTENCY = {
    "ordinary_hours": 0.6,
    "dose_half": 4.0,
    "dose_steepness": 1.0,
    "programme_spread": 0.3,
    "programme_strength.familiepluss": 1.0,
    "trust_floor": 0.5,
    "trust_start": 0.4,
    "trust_gain": 0.15,
    "missed_meetings": 0.0,
    "change_factor": 0.78,
    "change_months": 9.0,
}


def one_meeting(changes: dict[str, float] | None = None, months_in_post: int = 100, followed: int = 3) -> World:
    world = a_town({**POTENCY, **(changes or {})}, coordinators=1)
    follow(world, 0)
    world.town["follow_up"] = 2
    world.coordinators["skill"], world.coordinators["hours_per_family"] = 1.2, 7.6
    world.coordinators["months_in_post"], world.families[0]["followed_months"] = months_in_post, followed
    meet(world)
    return world


# Dose of 7.6 hours beside 0.6 ordinary ones, times skill, programme and what trust lets through.
BY_HAND = (8.2 / 12.2 - 0.6 / 4.6) * 1.2 * math.exp(0.3) * (0.5 + 0.5 * 0.4)


def test_potency_is_dose_times_skill_times_programme_times_trust() -> None:
    family = one_meeting().families[0]
    assert family["contact_hours"] == 7.6
    assert family["potency"] == pytest.approx(BY_HAND, **CERTAIN)
    assert family["support"] == family["potency"]
    assert family["followed_months"] == 4


def test_a_coordinator_who_is_new_to_the_family_has_less_effect_for_some_months() -> None:
    assert one_meeting(months_in_post=2).families[0]["potency"] == pytest.approx(0.78 * BY_HAND, **CERTAIN)
    assert one_meeting(months_in_post=3).families[0]["potency"] == pytest.approx(
        BY_HAND, **CERTAIN
    )  # with it all along
    assert one_meeting(months_in_post=9, followed=20).families[0]["potency"] == pytest.approx(BY_HAND, **CERTAIN)


def test_trust_grows_by_the_gain_times_potency_in_what_is_left_to_gain() -> None:
    assert one_meeting().families[0]["trust"] == pytest.approx(0.4 + 0.15 * BY_HAND * 0.6, **CERTAIN)


def test_a_missed_meeting_keeps_a_share_of_the_hours_and_gives_no_trust() -> None:
    # With no trust and missed_meetings = 1 every meeting is missed, whatever the draw.
    world = a_town({**POTENCY, "missed_meetings": 1.0, "missed_share": 0.3}, coordinators=1)
    follow(world, 0)
    world.families[0]["trust"], world.coordinators["hours_per_family"] = 0.0, 7.6
    meet(world)
    assert world.families[0]["contact_hours"] == pytest.approx(0.3 * 7.6, **CERTAIN)
    assert world.families[0]["potency"] > 0.0
    assert world.families[0]["trust"] == 0.0


def test_when_she_leaves_part_of_the_trust_that_was_gained_is_lost() -> None:
    world = a_town({"trust_start": 0.4, "trust_lost": 0.4}, coordinators=1)
    follow(world, 0, 1)
    world.families["trust"][:2] = 0.7, 0.35
    world.town["coordinator_leaves_month"] = world.town["study_month"]
    month.staffing_at(world.families, world.coordinators, 0, world.town, world.setting)
    assert world.coordinators[0]["present"] == 0
    assert world.families["trust"][:2].tolist() == pytest.approx([0.7 - 0.4 * 0.3, 0.35], **CERTAIN)


def test_who_covers_a_vacant_position_is_as_new_to_the_families_as_who_comes_after() -> None:
    world = a_town({**POTENCY, "trust_lost": 0.0, "vacancy_months": 1e12, "turnover": 0.0}, coordinators=1)
    follow(world, 0)
    world.town["follow_up"], world.families[0]["followed_months"] = 2, 30
    world.coordinators["skill"], world.coordinators["hours_per_family"] = 1.2, 7.6
    world.town["coordinator_leaves_month"] = world.town["study_month"]
    for _ in range(12):  # longer than the nine months for which anybody is new
        month.staffing_at(world.families, world.coordinators, 0, world.town, world.setting)
        assert (world.coordinators[0]["present"], world.coordinators[0]["months_in_post"]) == (0, 0)
    meet(world)
    assert world.families[0]["contact_hours"] == 7.6
    # A colleague of median skill: hers, 1.2, went with her.
    assert world.families[0]["potency"] == pytest.approx(0.78 * BY_HAND / 1.2, **CERTAIN)
    parameters(world)["vacancy_months"] = 1e-12
    for months in range(3):
        month.staffing_at(world.families, world.coordinators, 0, world.town, world.setting)
        world.town["coordinator_leaves_month"] = -1
        assert (world.coordinators[0]["present"], world.coordinators[0]["months_in_post"]) == (1, months)


def test_trust_falls_back_when_nobody_follows() -> None:
    world = a_town({"trust_start": 0.4, "trust_decay": 0.02, "move_out": 0.0})
    world.families["trust"] = 0.9, 0.4, 0.3, 0.9
    world.families["coordinator"][3] = 0
    for i in range(4):
        month.pass_time_at(world.families, i, world.town, world.setting)
    assert world.families["trust"].tolist() == pytest.approx([0.9 - 0.02 * 0.5, 0.4, 0.3, 0.9], **CERTAIN)


def test_work_support_halves_with_every_half_life_after_contact_ends() -> None:
    world = a_town({"work_support_half_life": 8.0, "move_out": 0.0})
    world.families["support"] = 0.8
    for _ in range(16):
        for i in range(4):
            month.pass_time_at(world.families, i, world.town, world.setting)
    assert world.families["support"].tolist() == pytest.approx([0.2] * 4, **CERTAIN)


@pytest.mark.parametrize(("families", "ratio"), [(5, 1.0), (10, 1.0), (20, 1.3), (40, 1.3**2)])
def test_turnover_grows_by_its_ratio_with_each_doubling_of_ten_families(families: int, ratio: float) -> None:
    n = 400
    world = a_town({"turnover": 2.4, "turnover_caseload_ratio": 1.3, "trust_lost": 0.0}, coordinators=n)
    team(world, *[families] * n)
    world.town["coordinator_leaves_month"] = -1
    u = np.empty(4)
    for c in range(n):
        fill(u, world.town[0], SLOT_COORDINATOR + c, ENTITY_FAMILY, 40, 0)
        month.staffing_at(world.families, world.coordinators, c, world.town, world.setting)
        assert world.coordinators[c]["present"] == (u[0] >= 1.0 - math.exp(-0.2 * ratio))
    assert 0 < world.coordinators["present"].sum() < n


# --- barriers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "prone", "u", "after"),
    [
        (0, 1, 0.04, 1),  # relapse at 0.05: 1 - exp(-0.05) = 0.0488
        (0, 1, 0.049, 0),
        (0, 0, 0.04, 0),  # onset at 0.01
        (0, 0, 0.009, 1),
        (1, 0, 0.99, 0),  # recovery at 0.02 happens to high draws: 1 - 0.0198
        (1, 1, 0.98, 1),
        (1, 1, 0.01, 1),  # a low draw is onset's
    ],
)
def test_one_draw_serves_onset_below_and_recovery_above(present: int, prone: int, u: float, after: int) -> None:
    assert change(present, prone, u, 0.02, 0.05, 0.01) == after


def test_relapse_balances_recovery_at_the_share_of_time_the_prone_have_it() -> None:
    p = parameters(a_town({"presence_prone": 0.7, "presence_resilient": 0.03, "recovery.health": 0.02}))
    assert p["relapse"][HEALTH] == pytest.approx(0.02 * 0.7 / 0.3, **CERTAIN)
    assert p["onset"][HEALTH] == pytest.approx(0.02 * 0.03 / 0.97, **CERTAIN)


def test_a_barrier_that_goes_is_hidden_again_and_its_queue_left() -> None:
    world = a_town({"recovery.housing": AT_ONCE})
    world.families["barrier"][:, 0] = world.families["found"][:, 0] = 1
    world.families["parent"]["stage"][:, 0, S_HOUSING] = WAITING, IN_PLACE, NOT_ENGAGED, WAITING
    live(world, "barriers")
    assert not world.families["barrier"][:, 0].any()
    assert not world.families["found"][:, 0].any()
    stages = world.families["parent"]["stage"][:, 0, S_HOUSING].tolist()
    assert stages == [NOT_ENGAGED, IN_PLACE, NOT_ENGAGED, NOT_ENGAGED]  # a place is kept to the end of the stay


def test_language_leaves_only_by_attended_months() -> None:
    quick = {"training_months.language": 1e-6, "training_months.education": 1e-6}
    world = a_town(quick)
    world.services["intensity"] = 1.0
    world.families["parent"]["barrier"][:, 0, LANGUAGE] = world.families["parent"]["barrier"][:, 0, EDUCATION] = 1
    world.families["parent"]["stage"][0, 0, S_LANGUAGE] = IN_PLACE
    world.families["parent"]["stage"][1, 0, S_EDUCATION] = IN_PLACE
    live(world, "barriers")
    barrier = world.families["parent"]["barrier"][:, 0]
    assert barrier[:, LANGUAGE].tolist() == [0, 1, 1, 1]
    assert barrier[:, EDUCATION].tolist() == [1, 0, 1, 1]
    assert world.families["parent"]["attended"][:2, 0].tolist() == [[1, 0], [0, 1]]


def test_debt_grows_in_debt_trouble_without_advice_and_is_paid_off_half_as_fast() -> None:
    still = {"recovery.economy": 0.0, "treated_recovery.economy": 0.0}
    world = a_town({**still, "debt_growth": 1500.0})
    world.families["barrier"][:, 2] = 1, 0, 0, 0
    world.families["debt"] = 10_000.0, 10_000.0, 500.0, 0.0
    live(world, "barriers")
    assert world.families["debt"].tolist() == [11_500.0, 9_250.0, 0.0, 0.0]


def test_barriers_of_two_parents_count_once_in_a_family() -> None:
    world = a_town()
    family = world.families[0]
    family["barrier"][:3] = 1
    family["parent"]["barrier"][:, HEALTH] = 1
    assert count_barriers(family) == 4
    family["parent"]["barrier"][1, LANGUAGE] = 1  # no second parent is there
    assert count_barriers(family) == 4
    family["parent"]["present"][1] = 1
    assert count_barriers(family) == 5


def test_the_need_score_counts_what_is_known_and_never_origin() -> None:
    world = a_town()
    family = world.families[0]
    family["barrier"][:] = 1
    assert need_score(family) == 1  # one child; nothing is found
    family["found"][:] = 1
    assert need_score(family) == 1 + 5 * 2
    family["assistance_12"] = 11
    assert need_score(family) == 1 + 10 + 3
    before = need_score(family)
    family["immigrant"], family["residence"] = 1, 3
    assert need_score(family) == before


# --- work ---------------------------------------------------------------------------------------------------------

ALL_ONE = {
    **{f"entry_hazard_ratio.{name}": 1.0 for name in BARRIERS},
    **{f"exit_hazard_ratio.{name}": 1.0 for name in ("health", "housing", "violence")},
    "job_entry": 0.04,
    "job_exit": 0.03,
    "time_out_ratio": 1.0,
}


def entry(world: World, slot: int = 0) -> float:
    family, p = world.families[slot], parameters(world)
    return float(job_entry_hazard(family, family["parent"][0], family_entry_ratio(family, p), p))


def leaving(world: World, slot: int = 0) -> float:
    family = world.families[slot]
    return float(job_exit_hazard(family, family["parent"][0], parameters(world)))


def test_without_barriers_getting_and_losing_work_have_their_stated_rates() -> None:
    world = a_town(ALL_ONE)
    assert entry(world) == pytest.approx(0.04, **CERTAIN)
    assert leaving(world) == pytest.approx(0.03, **CERTAIN)


@pytest.mark.parametrize("barrier", BARRIERS)
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_only_the_causal_share_of_a_barriers_hazard_ratio_goes_when_the_barrier_goes(
    barrier: str, share: float
) -> None:
    world = a_town({**ALL_ONE, f"entry_hazard_ratio.{barrier}": 0.5, f"causal_share.{barrier}": share})
    family, b = world.families[0], BARRIERS.index(barrier)
    present = family["parent"][0]["barrier"] if b < 4 else family["barrier"]
    present[b if b < 4 else b - 4] = 1
    assert entry(world) == pytest.approx(0.04 * 0.5**share, **CERTAIN)
    present[:] = 0
    assert entry(world) == pytest.approx(0.04, **CERTAIN)
    assert parameters(world)["entry_frailty"][b] == pytest.approx((1 - share) * math.log(0.5), abs=1e-15)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_losing_work_splits_its_hazard_ratio_in_the_same_way(share: float) -> None:
    world = a_town({**ALL_ONE, "exit_hazard_ratio.health": 1.9, "causal_share.health": share})
    world.families[0]["parent"][0]["barrier"][HEALTH] = 1
    assert leaving(world) == pytest.approx(0.03 * 1.9**share, **CERTAIN)
    world.families[0]["parent"][0]["exit_frailty"] = 1.9 ** (1 - share)
    assert leaving(world) == pytest.approx(0.03 * 1.9, **CERTAIN)  # together: the whole association


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_newcomers_carry_as_frailty_what_their_barriers_go_with_but_do_not_cause(share: float) -> None:
    ratio = {"health": 0.75, "housing": 0.9}
    chosen = {**ALL_ONE, "frailty_sd": 0.0}
    for name, value in ratio.items():
        chosen |= {f"entry_hazard_ratio.{name}": value, f"causal_share.{name}": share}
    plan = a_plan(chosen, families=100)
    families = new_world(plan, 1, 0, parameter_values(plan, 1, 0)).families
    prone = {"health": families["parent"]["prone"][:, 0, HEALTH], "housing": families["prone"][:, 0]}
    expected = sum(prone[name] * (1 - share) * math.log(value) for name, value in ratio.items())
    np.testing.assert_allclose(families["parent"]["frailty"][:, 0], np.exp(expected), rtol=1e-14)
    assert 0 < prone["health"].sum() < 100


def test_newcomers_are_in_work_more_seldom_the_more_slows_them() -> None:
    plan = a_plan({"work_at_entry": 0.5, "frailty_sd": 0.8, "job_full_share": 0.4}, families=300)
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0))
    parent, u = world.families["parent"][:, 0], np.empty(4)
    for slot in range(300):
        fill(u, world.town[0], slot, ENTITY_FIRST_PARENT, AT_ENTRY, 6)
        chance = 0.5 * min(parent["frailty"][slot], 1.0)
        works = u[0] < chance and parent["benefit"][slot] != INTRODUCTION
        assert parent["work"][slot] == (0 if not works else FULL_TIME if u[1] < 0.4 else PART_TIME)
    assert 0 < (parent["work"] == FULL_TIME).sum() < (parent["work"] != NO_WORK).sum() < 300


def test_newcomers_in_poor_health_and_out_of_work_may_be_on_disability_benefit_or_aap() -> None:
    n = 1000
    plan = a_plan({"disability_at_entry": 0.2, "aap_at_entry": 0.5}, families=n)
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0))
    parent, u = world.families["parent"][:, 0], np.empty(4)
    ill = (parent["work"] == NO_WORK) & (parent["barrier"][:, HEALTH] == 1)
    long = world.families["residence"] >= world.town[0]["residence_months"]
    for slot in range(n):
        fill(u, world.town[0], slot, ENTITY_FIRST_PARENT, AT_ENTRY, 6)
        may = ill[slot] and long[slot]
        expected = DISABILITY if may and u[2] < 0.2 else AAP if may and u[3] < 0.5 else NO_BENEFIT
        assert parent["benefit"][slot] in (expected, INTRODUCTION if not long[slot] else expected)
    assert (ill & ~long).sum() > 10  # and none of them has either
    for benefit, chance in ((DISABILITY, 0.2), (AAP, 0.8 * 0.5)):
        may = (ill & long).sum()
        assert abs((parent["benefit"] == benefit).sum() - may * chance) < 4 * math.sqrt(may * chance * (1 - chance))
    second = world.families["parent"][:, 1]
    assert set(second["benefit"][second["present"] == 1].tolist()) >= {NO_BENEFIT, AAP, DISABILITY}


def test_newcomers_claim_housing_allowance_and_pay_for_housing_by_tenure() -> None:
    n = 300
    plan = a_plan({"owner_claim": 0.4, "owner_cost": 0.6, "municipal_rent": 0.8}, families=n)
    world = new_world(plan, 1, 0, parameter_values(plan, 1, 0))
    f, u = world.families, np.empty(4)
    rent = float(world.setting[0]["place"]["rent"])
    share = {OWNER: 0.6, MUNICIPAL_RENTAL: 0.8, PRIVATE_RENTAL: 1.0}
    for slot, family in enumerate(f):
        fill(u, world.town[0], slot, ENTITY_FAMILY, AT_ENTRY, 8)
        chance = 0.5 * 0.4 if family["tenure"] == OWNER else 0.5
        assert family["claims_housing_allowance"] == (u[0] < chance)
        people = int(family["parent"]["present"].sum() + family["children_under_18"])
        cost = rent * (0.75 + 0.07 * people) * share[int(family["tenure"])]
        assert family["rent"] == pytest.approx(cost, **CERTAIN)
    assert set(f["tenure"].tolist()) == set(share)
    assert f["claims_housing_allowance"][f["tenure"] == OWNER].sum() > 0


def test_what_else_makes_a_job_come_sooner_or_later() -> None:
    ratios = {
        "work_support_ratio": 1.5,
        "small_child_ratio": 0.7,
        "course_ratio": 1.4,
        "work_focused_ratio": 1.6,
        "lock_in_ratio": 0.6,
        "health_benefit_entry_ratio": 0.4,
        "disability_entry_ratio": 0.1,
        "time_out_ratio": 0.85,
    }
    world = a_town({**ALL_ONE, **ratios})

    def rate(**state: float) -> float:
        copy = world.copy(0)
        family = copy.families[0]
        parent = family["parent"][0]
        for name, value in state.items():
            if name in ("support", "youngest"):
                family[name] = value
            elif name.startswith("in_"):
                parent["stage"][SERVICES.index(name[3:])] = IN_PLACE
            else:
                parent[name] = value
        return entry(copy) / 0.04

    assert rate(support=0.5) == pytest.approx(1.5**0.5, **CERTAIN)
    assert rate(youngest=23) == pytest.approx(0.7, **CERTAIN)
    assert rate(youngest=24) == pytest.approx(1.0, **CERTAIN)
    assert rate(boost=0.5) == pytest.approx(1.4**0.5, **CERTAIN)
    assert rate(in_work=1) == pytest.approx(0.6, **CERTAIN)
    assert rate(in_language=1) == pytest.approx(0.6, **CERTAIN)
    assert rate(in_education=1) == pytest.approx(0.6, **CERTAIN)
    assert rate(in_health=1) == pytest.approx(1.0, **CERTAIN)
    assert rate(in_health=1, in_work=1) == pytest.approx(1.6, **CERTAIN)
    assert rate(benefit=AAP) == pytest.approx(0.4, **CERTAIN)
    assert rate(benefit=DISABILITY) == pytest.approx(0.1, **CERTAIN)
    assert rate(out_months=12) == pytest.approx(1.0, **CERTAIN)
    assert rate(out_months=48) == pytest.approx(0.85**2, **CERTAIN)
    assert rate(out_months=5000) == rate(out_months=239)
    assert rate(frailty=0.7) == pytest.approx(0.7, **CERTAIN)


def test_contact_can_change_how_soon_work_is_lost() -> None:
    world = a_town({**ALL_ONE, "work_exit_ratio": 0.5})
    world.families[0]["potency"] = 2.0
    assert leaving(world) == pytest.approx(0.03 * 0.25, **CERTAIN)


def test_a_finished_course_counts_half_after_its_half_life() -> None:
    world = a_town({**ALL_ONE, "course_half_life": 6.0, "transitional_entry": 0.0})
    world.families["parent"]["boost"][:, 0] = 1.0
    for _ in range(12):
        live(world, "work")
    assert world.families["parent"]["boost"][:, 0].tolist() == pytest.approx([0.25] * 4, **CERTAIN)


def test_openings_go_to_the_earliest_clocks_and_do_not_pile_up() -> None:
    world = a_town({**ALL_ONE, "job_entry": 2.0}, families=60)
    world.town["openings"], world.town["openings_carry"] = 5.75, 0.5
    world.town["takers"] = 0
    for i in range(60):
        month.seek_work_at(world.families, i, world.town, world.setting, world.takers)
    parent = world.families["parent"][:, 0]
    willing = parent["offer_at"] < 1.0
    earliest = np.sort(parent["offer_at"])[:6]
    month.match_at(world.families, world.town, world.takers)
    offered = world.families["parent"]["offer_at"][:, 0]
    assert willing.sum() > 6  # 5.75 openings and 0.5 left over are six
    assert np.sort(offered[offered < 1.0]).tolist() == earliest.tolist()
    assert world.town[0]["turned_away"] == willing.sum() - 6
    assert world.town[0]["openings_carry"] == pytest.approx(0.25, **CERTAIN)


# --- own benefits -------------------------------------------------------------------------------------------------


def aap(changes: dict[str, float], potency: float = 0.0, residence: int = 300) -> float:
    world = a_town({"aap_entry": 0.015, "aap_found_ratio": 2.0, "health_benefit_ratio": 1.2})
    family = world.families[0]
    parent = family["parent"][0]
    parent["barrier"][HEALTH] = 1
    family["potency"], family["residence"] = potency, residence
    for name, value in changes.items():
        if name == "found":
            parent["found"][HEALTH] = value
        elif name == "health":
            parent["barrier"][HEALTH] = value
        else:
            parent[name] = value
    return float(aap_hazard(family, parent, world.town[0], parameters(world)))


def test_why_a_parent_gets_aap() -> None:
    assert aap({}) == pytest.approx(0.015, **CERTAIN)
    assert aap({"found": 1}) == pytest.approx(0.03, **CERTAIN)
    assert aap({"found": 1}, potency=0.5) == pytest.approx(0.03 * 1.2**0.5, **CERTAIN)
    assert aap({"work": PART_TIME}) == pytest.approx(0.015, **CERTAIN)
    assert aap({"benefit": TRANSITIONAL}) == pytest.approx(0.015, **CERTAIN)


def test_who_cannot_get_aap() -> None:
    assert aap({"health": 0}) == 0.0
    assert aap({"work": FULL_TIME}) == 0.0
    for benefit in (AAP, DISABILITY, INTRODUCTION):
        assert aap({"benefit": benefit}) == 0.0
    needed = int(a_town().town[0]["residence_months"])
    assert needed == 60
    assert aap({}, residence=needed - 1) == 0.0 < aap({}, residence=needed)


def test_disability_benefit_follows_a_year_on_aap_with_poor_health() -> None:
    world = a_town({"disability_entry": 0.006, "health_benefit_ratio": 1.2})
    family, p = world.families[0], parameters(world)
    parent = family["parent"][0]
    parent["benefit"], parent["benefit_months"], parent["barrier"][HEALTH] = AAP, 12, 1
    family["potency"] = 1.0
    assert disability_hazard(family, parent, p) == pytest.approx(0.006 * 1.2, **CERTAIN)
    for field, value in (("benefit_months", 11), ("benefit", NO_BENEFIT)):
        copy = world.copy(0).families[0]
        copy["parent"][0][field] = value
        assert disability_hazard(copy, copy["parent"][0], p) == 0.0
    parent["barrier"][HEALTH] = 0
    assert disability_hazard(family, parent, p) == 0.0


def test_transitional_benefit_is_for_a_lone_parent_of_a_child_under_eight_not_in_full_time_work() -> None:
    world = a_town({"transitional_entry": 0.04})
    p, town = parameters(world), world.town[0]

    def right(youngest: int = 95, second: int = 0, residence: int = 300, **state: int) -> tuple[bool, float]:
        family = world.copy(0).families[0]
        parent = family["parent"][0]
        family["youngest"], family["residence"], family["parent"]["present"][1] = youngest, residence, second
        for name, value in state.items():
            parent[name] = value
        return bool(transitional_right(family, parent, town)), float(transitional_hazard(family, parent, town, p))

    assert right() == (True, 0.04)
    assert right(work=PART_TIME)[0]
    assert right(youngest=96) == (False, 0.0)
    assert right(second=1) == (False, 0.0)
    assert right(work=FULL_TIME) == (False, 0.0)
    assert right(residence=59) == (False, 0.0)
    assert right(benefit=AAP) == (True, 0.0)
    assert right(attended_transitional=35) == (True, 0.04)
    assert right(attended_transitional=36) == (True, 0.0)  # three years are used


def test_transitional_benefit_ends_with_the_third_year_or_the_right() -> None:
    world = a_town({"aap_entry": 0.0, "job_entry": 0.0, "transitional_entry": AT_ONCE})
    parent = world.families["parent"][:, 0]
    parent["benefit"] = TRANSITIONAL
    parent["attended_transitional"] = 34, 35, 10, 10
    world.families["youngest"] = 95, 95, 96, 95
    world.families["parent"]["present"][3, 1] = 1
    live(world, "work")
    assert parent["benefit"].tolist() == [TRANSITIONAL, NO_BENEFIT, NO_BENEFIT, NO_BENEFIT]


def lose_job(last_year: float, three_years: float, wages: float = 30_000.0, claim: float = 1.0) -> int:
    """The benefit of a parent who loses a job, with these earnings before the month's wages."""
    world = a_town({"job_exit": AT_ONCE, "unemployment_claim": claim, "aap_entry": 0.0}, families=1)
    parent = world.families["parent"][:, 0]
    parent["work"], parent["wages"] = FULL_TIME, wages
    parent["earned_1y"] = (last_year - wages) * 12 / 11  # a month's fading, then this month's wages
    parent["earned_3y"] = (three_years - wages) * 36 / 35
    live(world, "work")
    assert parent["work"].tolist() == [NO_WORK]
    return int(parent["benefit"][0])


def test_unemployment_benefit_asks_for_1_5_g_in_a_year_or_3_g_in_three() -> None:
    g = float(a_town().town[0]["basic_amount"])
    assert lose_job(1.5 * g + 1, 0.0) == UNEMPLOYMENT
    assert lose_job(1.5 * g - 1, 3 * g - 1) == NO_BENEFIT
    assert lose_job(0.5 * g, 3 * g + 1) == UNEMPLOYMENT


def test_who_does_not_claim_unemployment_benefit_has_none() -> None:
    assert lose_job(6e5, 1e6, claim=0.0) == NO_BENEFIT


@pytest.mark.parametrize(("claim_rate", "chance"), [(0.0, 0.6), (0.5, 1 - 0.4 * math.exp(-1.0))])
def test_a_coordinator_helps_to_claim_unemployment_and_transitional_benefit(claim_rate: float, chance: float) -> None:
    world = a_town({"unemployment_claim": 0.6, "transitional_entry": 0.04, "claim_rate": claim_rate}, families=1)
    p, town, family = parameters(world), world.town[0], world.families[0]
    parent = family["parent"][0]
    family["potency"], family["youngest"], family["residence"] = 2.0, 60, 300
    assert float(transitional_hazard(family, parent, town, p)) == pytest.approx(0.04 + 2.0 * claim_rate)
    parent["earned_1y"] = 2.0 * town["basic_amount"]
    for u, claims in ((chance - 1e-9, True), (chance + 1e-9, False)):
        assert bool(unemployment_claimed(family, parent, u, town, p)) is claims


def test_each_support_for_children_begins_to_be_claimed_at_its_own_rate() -> None:
    rates = {"childcare": 0.2, "advance_child_support": 0.5, "cash_for_care": 1.2}
    world = a_town({f"claim_support.{name}": rate for name, rate in rates.items()}, families=400)
    world.families["claims_support"] = 0
    u = luck(world, CLAIM_SUPPORT)
    live(world, "claims")
    for s, name in enumerate(SUPPORTS):
        claims = world.families["claims_support"][:, s] == 1
        assert np.array_equal(claims, u < 1.0 - math.exp(-rates[name]))
        assert 0 < claims.sum() < 400


@pytest.mark.parametrize(
    ("benefit", "months", "after"),
    [
        (UNEMPLOYMENT, 22, UNEMPLOYMENT),  # 104 weeks after 2 G
        (UNEMPLOYMENT, 23, NO_BENEFIT),  # its 24th month is its last
        (INTRODUCTION, 22, INTRODUCTION),
        (INTRODUCTION, 23, NO_BENEFIT),
        (DISABILITY, 300, DISABILITY),
    ],
)
def test_benefits_end_with_their_longest_duration(benefit: int, months: int, after: int) -> None:
    never = {"unemployment_end": 0.0, "aap_entry": 0.0, "job_entry": 0.0, "transitional_entry": 0.0}
    world = a_town(never, families=1)
    parent = world.families["parent"][:, 0]
    parent["benefit"], parent["benefit_months"] = benefit, months
    parent["wage_level"] = parent["earned_3y"] = 38_000.0
    parent["earned_1y"] = 300_000.0 * (11.0 / 12.0) ** months  # what it was fades while the benefit runs
    live(world, "work")
    assert parent["benefit"].tolist() == [after]


@pytest.mark.parametrize(("former_g", "months"), [(1.99, 12), (2.01, 24)])
def test_unemployment_benefit_lasts_a_year_or_two_by_former_income(former_g: float, months: int) -> None:
    world = a_town({"unemployment_end": 0.0, "aap_entry": 0.0, "job_entry": 0.0, "transitional_entry": 0.0}, families=2)
    parent = world.families["parent"][:, 0]
    former = former_g * float(world.town[0]["basic_amount"])
    parent["benefit"], parent["wage_level"] = UNEMPLOYMENT, former / 12.0
    parent["benefit_months"] = months - 2, months - 1
    parent["earned_1y"] = former * (11.0 / 12.0) ** np.array([months - 2, months - 1])
    live(world, "work")
    assert parent["benefit"].tolist() == [UNEMPLOYMENT, NO_BENEFIT]


@pytest.mark.parametrize(
    ("offer", "before", "after"),
    [
        (PART_TIME, AAP, AAP),
        (PART_TIME, KVP, NO_BENEFIT),
        (PART_TIME, UNEMPLOYMENT, NO_BENEFIT),
        (PART_TIME, TRANSITIONAL, TRANSITIONAL),
        (FULL_TIME, AAP, NO_BENEFIT),
        (FULL_TIME, TRANSITIONAL, NO_BENEFIT),
    ],
)
def test_what_a_new_job_does_to_the_own_benefit(offer: int, before: int, after: int) -> None:
    still = {"aap_end": 0.0, "unemployment_end": 0.0, "aap_entry": 0.0, "disability_entry": 0.0}
    world = a_town(still, families=1)
    parent = world.families["parent"][:, 0]
    parent["benefit"], parent["offer"], parent["offer_at"], parent["out_months"] = before, offer, 0.2, 30
    world.families["youngest"] = 40
    parent["stage"][:, S_WORK] = IN_PLACE
    live(world, "work")
    assert (parent["work"][0], parent["benefit"][0], parent["out_months"][0]) == (offer, after, 0)
    assert parent["stage"][0, S_WORK] == NOT_ENGAGED


def test_aap_ends_a_programme_but_not_the_wait_for_one() -> None:
    world = a_town({"aap_entry": AT_ONCE, "job_entry": 0.0})
    parent = world.families["parent"][:, 0]
    parent["barrier"][:, HEALTH] = 1
    parent["stage"][:, S_WORK] = IN_PLACE, WAITING, NOT_ENGAGED, IN_PLACE
    parent["benefit"] = KVP, NO_BENEFIT, NO_BENEFIT, MEASURES
    live(world, "work")
    assert (parent["benefit"] == AAP).all()
    assert parent["stage"][:, S_WORK].tolist() == [NOT_ENGAGED, WAITING, NOT_ENGAGED, NOT_ENGAGED]


@pytest.mark.parametrize(
    ("months", "share", "before", "after"),
    [
        (3, 1.0, NO_BENEFIT, KVP),
        (2, 1.0, NO_BENEFIT, MEASURES),
        (12, 0.0, NO_BENEFIT, MEASURES),
        (12, 1.0, AAP, AAP),
    ],
)
def test_a_place_in_the_work_service_brings_kvp_after_lasting_assistance_and_measures_benefit_else(
    months: int, share: float, before: int, after: int
) -> None:
    world = a_town({"kvp_share": share}, families=1)
    family = world.families[0]
    family["assistance_12"], family["parent"][0]["benefit"] = months, before
    start_programme(family, 0, world.town[0], parameters(world))
    assert family["parent"][0]["benefit"] == after
    end_programme(family["parent"][0])
    assert family["parent"][0]["benefit"] == (before if before == AAP else NO_BENEFIT)


# --- social assistance and claims ---------------------------------------------------------------------------------


def test_who_is_entitled_to_social_assistance_applies_by_a_rate_and_who_is_not_stops_at_once() -> None:
    world = a_town({"apply_first": AT_ONCE, "apply_again": 0.0, "stop_applying": 0.0})
    f = world.families
    f["needs"], f["rent"] = 20_000.0, 9_000.0  # what they have, 12 000 or more, leaves enough after the rent
    f["entitlement"] = 8000.0, 8000.0, 0.0, 8000.0
    f["disposable"] = f["needs"] - f["entitlement"]
    f["applying"] = 0, 0, 1, 1
    f["assistance_bits"][1] = 1 << 35  # had some within three years: applies again by another rate, here never
    live(world, "claims")
    assert f["applying"].tolist() == [1, 0, 0, 1]


def test_who_had_assistance_applies_again_and_who_applies_may_stop() -> None:
    world = a_town({"apply_first": 0.0, "apply_again": AT_ONCE, "stop_applying": AT_ONCE})
    f = world.families
    f["needs"], f["rent"], f["entitlement"], f["disposable"] = 20_000.0, 9_000.0, 8000.0, 12_000.0
    f["applying"] = 0, 0, 1, 1
    f["assistance_bits"][1] = 1
    live(world, "claims")
    assert f["applying"].tolist() == [0, 1, 0, 0]


def test_who_is_short_applies_whether_it_had_assistance_or_not_and_does_not_stop() -> None:
    short = {"apply_short": AT_ONCE, "short_share": 0.2}
    world = a_town({"apply_first": 0.0, "apply_again": 0.0, "stop_applying": AT_ONCE, **short})
    f = world.families
    f["needs"], f["rent"], f["entitlement"] = 20_000.0, 10_000.0, 9_000.0
    f["disposable"] = 11_999.0, 11_999.0, 20_999.0, 12_000.0  # a fifth of the other 10 000: the last has just enough
    f["social_assistance"][2] = 9_000.0  # what it would have without it counts
    f["applying"] = 0, 0, 1, 0
    f["assistance_bits"][1] = 1
    live(world, "claims")
    assert f["applying"].tolist() == [1, 1, 1, 0]


def test_child_benefit_helps_to_pay_the_rent_though_the_means_test_does_not_count_it() -> None:
    world = a_town({"short_share": 0.0, "apply_first": 0.0, "apply_again": 0.0, "apply_short": AT_ONCE}, families=2)
    f = world.families
    f["applying"], f["claims_housing_allowance"], f["claims_support"] = 0, 0, 0
    live(world, "money")  # nobody has anything but child benefit
    benefit = float(f["child_benefit"][0])
    assert (f["entitlement"] == f["needs"]).all()
    f["rent"] = benefit, benefit + 1.0
    live(world, "claims")
    assert f["applying"].tolist() == [0, 1]


# A family whose needs are 20 000 and whose rent is 9 000 lacks 6 000: three tenths of its needs, where half is usual.
APPLYING = {
    "usual_need": 0.5,
    "apply_first": 0.8,
    "apply_again": 1.5,
    "apply_short": 0.7,
    "short_share": 0.0,  # short: what it has does not pay the rent
    "stop_applying": 0.2,
    "apply_ratio": 1.25,
}
DEPTH = (0.3 / 0.5) ** 2


def claimants(applying: int, state: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Whether each of 400 families alike applies after a month, and its luck."""
    world = a_town(APPLYING, families=400)
    f = world.families
    for name, value in {"needs": 20_000.0, "entitlement": 6_000.0, "rent": 9_000.0, **state}.items():
        f[name] = value
    f["disposable"] = f["needs"] - f["entitlement"]
    f["applying"] = applying
    u = luck(world, APPLY)
    live(world, "claims")
    return f["applying"] == 1, u


@pytest.mark.parametrize(
    ("state", "rate"),
    [
        ({}, 0.8 * DEPTH),
        ({"assistance_bits": 1}, 1.5 * DEPTH),
        ({"assistance_bits": 1 << 35}, 1.5 * DEPTH),
        ({"needs": 30_000.0, "entitlement": 9_000.0}, 0.8 * DEPTH),  # the share counts, not the kroner
        ({"entitlement": 10_000.0}, 0.8),  # the usual need
        ({"potency": 2.0}, 0.8 * DEPTH * 1.25**2),
        ({"rent": 14_000.0}, 0.8 * DEPTH),  # what it has just pays the rent
        ({"rent": 14_001.0}, 0.7),
        ({"rent": 14_001.0, "potency": 2.0}, 0.7 * 1.25**2),
        ({"rent": 14_001.0, "assistance_bits": 1}, 0.7),
        ({"entitlement": 19_000.0}, 0.8 * (0.95 / 0.5) ** 2),  # short, but so deep a need is sooner by itself
        ({"entitlement": 0.0}, 0.0),
        ({"entitlement": 0.0, "rent": 21_000.0}, 0.0),  # nothing to apply for
    ],
)
def test_a_family_applies_the_sooner_the_larger_the_share_of_its_needs_it_lacks(
    state: dict[str, float], rate: float
) -> None:
    applies, u = claimants(0, state)
    assert np.array_equal(applies, u < 1.0 - math.exp(-rate))
    assert applies.any() == (rate > 0.0)
    assert not applies.all()


@pytest.mark.parametrize(
    ("state", "rate"),
    [
        ({}, 0.2 / DEPTH),
        ({"assistance_bits": 1}, 0.2 / DEPTH),
        ({"potency": 2.0}, 0.2 / DEPTH),
        ({"entitlement": 10_000.0}, 0.2),
        ({"entitlement": 15_000.0, "rent": 5_000.0}, 0.2 / (0.75 / 0.5) ** 2),
        ({"entitlement": 4_000.0}, 0.2 / (0.2 / 0.5) ** 2),
        ({"entitlement": 3_000.0}, 0.2 / 0.1),  # a depth of 0.09: below 0.1 stopping is no more likely
        ({"entitlement": 100.0}, 0.2 / 0.1),
        ({"rent": 14_000.0}, 0.2 / DEPTH),
        ({"rent": 14_001.0}, 0.0),  # short of the rent
        ({"entitlement": 19_000.0}, 0.0),
        ({"entitlement": 0.0}, math.inf),
        ({"entitlement": 0.0, "rent": 21_000.0}, math.inf),
    ],
)
def test_a_family_stops_applying_the_later_the_more_it_lacks_and_never_without_the_rent(
    state: dict[str, float], rate: float
) -> None:
    applies, u = claimants(1, state)
    assert np.array_equal(~applies, 1.0 - u < 1.0 - math.exp(-rate))
    assert applies.all() == (rate == 0.0)
    assert applies.any() == (rate < math.inf)


def test_needs_are_norm_rent_power_and_fees_and_do_not_depend_on_income() -> None:
    world = a_town()
    f = world.families
    f["parent"]["work"][1, 0] = FULL_TIME
    f["child"]["arena"][2, 0, 1] = 1  # SFO
    f["rent"][3] = 12_000.0
    live(world, "money")
    # Norm of a lone parent and of a child of eight, rent, power: 2025.
    plain = 8_100.0 + 4_050.0 + 10_000.0 + 1_500.0
    fee = float(f["sfo_fee"][2])
    assert fee > 0.0
    assert f["needs"].tolist() == pytest.approx([plain, plain, plain + fee, plain + 2_000.0], **CERTAIN)
    # Without work, benefits and claims there is only child benefit, which is not counted: everything is lacking.
    assert f["entitlement"][[0, 2, 3]].tolist() == f["needs"][[0, 2, 3]].tolist()
    assert f["entitlement"][1] == 0.0


def test_owners_claim_housing_allowance_at_a_share_of_the_rate_of_renters_and_drop_it_alike() -> None:
    n = 600
    tenure = np.array([OWNER, PRIVATE_RENTAL, MUNICIPAL_RENTAL])[np.arange(n) % 3]
    world = a_town(
        {
            "claim_housing_allowance": 1.2,
            "owner_claim": 0.3,
            "unclaim": 0.4,
            **{f"claim_support.{support}": AT_ONCE for support in SUPPORTS},
        },
        families=n,
    )
    f, claimed = world.families, np.arange(n) % 2
    f["tenure"], f["claims_housing_allowance"] = tenure, claimed
    u = luck(world, CLAIM_HOUSING)
    live(world, "claims")
    begins = u < 1.0 - np.exp(-1.2 * np.where(tenure == OWNER, 0.3, 1.0))
    drops = 1.0 - u < 1.0 - math.exp(-0.4)
    claims = f["claims_housing_allowance"] == 1
    assert np.array_equal(claims, np.where(claimed == 1, ~drops, begins))
    for kind in (OWNER, PRIVATE_RENTAL, MUNICIPAL_RENTAL):
        for before in (0, 1):
            some = claims[(tenure == kind) & (claimed == before)]
            assert 0 < some.sum() < len(some)
    assert f["claims_support"].all()


def test_with_a_share_of_zero_owners_never_claim_but_keep_the_claim_they_have() -> None:
    world = a_town({"claim_housing_allowance": AT_ONCE, "owner_claim": 0.0, "unclaim": 0.0})
    world.families["tenure"] = OWNER, PRIVATE_RENTAL, MUNICIPAL_RENTAL, OWNER
    world.families["claims_housing_allowance"][3] = 1  # and who has a claim keeps it while no claim lapses
    live(world, "claims")
    assert world.families["claims_housing_allowance"].tolist() == [0, 1, 1, 1]


def test_a_coordinator_helps_owners_to_housing_allowance_at_the_same_share() -> None:
    tenure = np.array([OWNER, PRIVATE_RENTAL])[np.arange(400) % 2]
    world, potency = referred({"claim_rate": 1.5, "owner_claim": 0.3}, tenure=tenure)
    u = luck(world, HELP_CLAIM_HOUSING, BLOCK_COORDINATOR)
    helped = u < 1.0 - np.exp(-1.5 * potency * np.where(tenure == OWNER, 0.3, 1.0))
    assert np.array_equal(world.families["claims_housing_allowance"] == 1, helped)
    assert 0 < helped[tenure == OWNER].sum() < helped[tenure == PRIVATE_RENTAL].sum() < 200


def test_the_record_of_twelve_and_of_36_months_is_what_these_months_were() -> None:
    plan = a_plan(families=150)
    history = run_replicate(plan, seed=5, replicate=0, months=40, history=True).history
    assert history is not None
    last, whole = history[-1], np.floor(history["equivalised"] + 0.5).astype(np.int64)
    line = float(at_month_zero(plan, seed=5, replicate=0).setting[0]["rates"]["low_income_line"])
    assert np.array_equal(last["low_income_now"], 12 * last["equivalised"] < line)
    for months, total in ((12, "income_12"), (36, "income_36")):
        same = (history["generation"][-months:] == last["generation"]).all(axis=0) & (last["income_known"] >= months)
        assert same.sum() > 70
        assert np.array_equal(last[total][same], whole[-months:].sum(axis=0)[same])  # whole kroner: exact
        low = last["low_income_bits"] & 1 if months == 12 else last["lasting_low_income"]
        assert np.array_equal(low, 12 * last[total] < line * np.minimum(last["income_known"], months))
        assert 0 < low.sum() < len(low)
        if months == 12:
            received = (history["social_assistance"][-12:] > 0).sum(axis=0)
            assert np.array_equal(last["assistance_12"][same], received[same])
            assert 0 < received[same].sum() < 12 * same.sum()


def test_a_good_year_after_two_poor_ones_does_not_end_lasting_low_income_at_once() -> None:
    world = a_town(families=1)
    line = float(world.setting[0]["rates"]["low_income_line"])
    family = world.families[0]
    family["income_ring"], family["income_known"] = round(0.5 * line / 12), 36
    family["income_12"], family["income_36"] = 12 * family["income_ring"][0], 36 * family["income_ring"][0]
    family["parent"][0]["work"], family["parent"][0]["wage_level"] = FULL_TIME, 60_000.0
    seen = []
    for _ in range(36):
        live(world, "money")
        seen.append((family["low_income_now"], family["low_income_bits"] & 1, family["lasting_low_income"]))
        world.town["month"] += 1
    now, year, lasting = (np.array(flags) for flags in zip(*seen, strict=True))
    assert not now.any()
    above = 12.0 * float(family["equivalised"]) / line  # x above the line, half of it before: x n + (N - n) / 2 >= N
    assert year.sum() == math.ceil(12 / (2 * above - 1)) - 1
    assert lasting.sum() == math.ceil(36 / (2 * above - 1)) - 1
    assert year.sum() < lasting.sum()


# --- children -----------------------------------------------------------------------------------------------------

ARENA_RATIOS = {
    "arena_join.leisure": 0.3,
    "arena_leave.leisure": 0.0,
    "arena_income_ratio": 0.75,
    "arena_network_ratio": 0.8,
    "exemption_ratio": 1.3,
    "exemption_end": 0.0,
    "children_service_ratio": 1.5,
    "child_application_ratio": 1.25,
    "peer_ratio": 1.4,
}


@pytest.mark.parametrize(
    ("state", "ratio"),
    [
        ({}, 1.0),
        ({"low_income": 1}, 0.75),
        ({"network": 1}, 0.8),
        ({"exempt": 1}, 1.3),
        ({"service": 1}, 1.5**0.5),
        ({"potency": 2.0}, 1.25**2),
        ({"peers": 0.5}, 1.4**0.5),
        ({"low_income": 1, "network": 1, "exempt": 1, "peers": 1.0}, 0.75 * 0.8 * 1.3 * 1.4),
    ],
)
def test_a_child_joins_an_arena_at_the_product_of_what_helps_and_hinders(state: dict[str, float], ratio: float) -> None:
    n = 300
    world = a_town(ARENA_RATIOS, families=n)
    f, u = world.families, np.empty(4)
    f["child"]["age"][:, 0] = 130
    f["low_income_bits"], f["barrier"][:, 1] = state.get("low_income", 0), state.get("network", 0)
    f["child"]["exempt"][:, 0], f["potency"] = state.get("exempt", 0), state.get("potency", 0.0)
    f["taking_part_last"] = state.get("peers", 0.0)
    if "service" in state:
        f["parent"]["stage"][:, 0, S_CHILDREN] = IN_PLACE
        world.services["intensity"][S_CHILDREN] = 0.5  # spread thin: half the help
    live(world, "children")
    chance = 1.0 - math.exp(-0.3 * ratio)
    expected = []
    for slot in range(n):
        fill(u, world.town[0], slot, ENTITY_CHILD + 0, 40, 0)
        expected.append(int(u[LEISURE_ARENA] < chance))
    assert f["child"]["arena"][:, 0, 2].tolist() == expected
    assert f["taking_part"].tolist() == expected
    assert 0 < sum(expected) < n


@pytest.mark.parametrize(
    ("age", "arenas"), [(11, ()), (12, (0,)), (71, (0,)), (72, (1, 2)), (119, (1, 2)), (120, (2,)), (215, (2,))]
)
def test_children_take_part_in_the_arenas_of_their_age(age: int, arenas: tuple[int, ...]) -> None:
    world = a_town({f"arena_join.{name}": AT_ONCE for name in ("kindergarten", "sfo", "leisure")}, families=1)
    world.families["child"]["age"][:, 0] = age
    live(world, "children")
    assert np.flatnonzero(world.families["child"]["arena"][0, 0]).tolist() == list(arenas)


def test_at_school_age_kindergarten_ends_and_at_ten_years_sfo() -> None:
    never = {f"arena_join.{name}": 0.0 for name in ("kindergarten", "sfo", "leisure")} | {"sfo_start": 0.0}
    world = a_town(never | {f"arena_leave.{name}": 0.0 for name in ("kindergarten", "sfo", "leisure")}, families=3)
    world.families["child"]["age"][:, 0] = 72, 120, 216
    world.families["child"]["arena"][:, 0] = [(1, 0, 0), (0, 1, 1), (0, 0, 1)]
    live(world, "children")
    assert world.families["child"]["arena"][:, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_upper_secondary_follows_its_log_odds() -> None:
    n = 300
    world = a_town(
        {"upper_secondary_base": 0.65, "upper_secondary_income": 0.6, "upper_secondary_arena": 0.4}, families=n
    )
    child, u = world.families["child"][:, 0], np.empty(4)
    child["age"], child["months_seen"] = 252, 100
    child["months_low_income"], child["months_taking_part"] = 50, 25
    live(world, "children")
    log_odds = math.log(0.65 / 0.35) + 0.6 * 0.5 + 0.4 * 0.25
    chance = 1.0 / (1.0 + math.exp(-log_odds))
    expected = []
    for slot in range(n):
        fill(u, world.town[0], slot, ENTITY_CHILD + 0, 40, 0)
        expected.append(int(u[UPPER_SECONDARY_DONE] < chance))
    assert child["upper_secondary"].tolist() == expected
    assert abs(sum(expected) - n * chance) < 4 * math.sqrt(n * chance * (1 - chance))


# --- intake -------------------------------------------------------------------------------------------------------


def criteria(
    needed: int = 6, benefit: int = NO_BENEFIT, present: int = 1, criterion: int = HOLF, **state: float
) -> int:
    """Whether a family meets them that has six months of assistance, but for what is changed."""
    family = a_town(families=1).families[0]
    family["assistance_12"] = 6
    for name, value in state.items():
        family[name] = value
    family["parent"][1]["present"], family["parent"][1]["benefit"] = present, benefit
    return int(meets_criteria(family, criterion, needed))


def in_low_income(*, known: int = 1, **state: float) -> int:
    """Whether a family in lasting low income meets Nye mønstre's criteria, with a barrier that is known or not."""
    barriers = {"barrier": [0, 1, 0, 0, 0], "found": [0, known, 0, 0, 0]}
    usual = {"assistance_12": 0, "lasting_low_income": 1, "income_known": 36, **barriers}
    return criteria(criterion=LASTING_LOW_INCOME, **{**usual, **state})  # type: ignore[arg-type]


def test_three_years_of_low_income_and_a_known_barrier_are_enough_by_nye_monstre_whatever_the_assistance() -> None:
    assert in_low_income() == 1
    assert in_low_income(lasting_low_income=0) == 0
    assert in_low_income(income_known=35) == 0  # not three years yet
    assert in_low_income(known=0) == 0
    assert in_low_income(in_care=1) == in_low_income(ever_followed=1) == 0
    assert in_low_income(children_under_18=6, youngest=200) == 1  # no upper limit is stated
    assert in_low_income(children_under_18=0) == 0
    assert criteria(assistance_12=0, lasting_low_income=1, income_known=36) == 0  # HOLF asks for social assistance


def test_six_of_the_last_twelve_months_of_assistance_are_enough_or_three_by_the_relaxed_rule() -> None:
    assert criteria() == 1
    assert criteria(assistance_12=5) == 0
    assert criteria(assistance_12=5, needed=3) == 1
    assert criteria(assistance_12=2, needed=3) == 0


@pytest.mark.parametrize("benefit", [AAP, UNEMPLOYMENT, KVP])
def test_a_benefit_with_supplementary_assistance_is_enough_too(benefit: int) -> None:
    assert criteria(assistance_12=1, benefit=benefit, social_assistance=500.0) == 1
    assert criteria(assistance_12=1, benefit=benefit, social_assistance=0.0) == 0
    assert criteria(assistance_12=1, benefit=benefit, social_assistance=500.0, present=0) == 0


@pytest.mark.parametrize("benefit", [NO_BENEFIT, DISABILITY, TRANSITIONAL, MEASURES, INTRODUCTION])
def test_other_benefits_are_not(benefit: int) -> None:
    assert criteria(assistance_12=1, benefit=benefit, social_assistance=500.0) == 0


@pytest.mark.parametrize(
    ("state", "met"),
    [
        ({"children_under_18": 0}, 0),
        ({"children_under_18": 4}, 1),
        ({"children_under_18": 5}, 0),
        ({"youngest": 191}, 1),
        ({"youngest": 192}, 0),
        ({"ever_followed": 1}, 0),
        ({"in_care": 1}, 0),
        ({"immigrant": 1}, 1),
    ],
)
def test_each_clause_about_the_family_decides(state: dict[str, int], met: int) -> None:
    assert criteria(**state) == met


@pytest.mark.parametrize(
    ("followed", "bits", "work", "met"),
    [
        (6, 0, PART_TIME, True),
        (6, 1 << 6, FULL_TIME, True),  # assistance seven months ago
        (6, 1 << 5, FULL_TIME, False),
        (6, 1, FULL_TIME, False),
        (5, 0, FULL_TIME, False),
        (30, 0, NO_WORK, False),
    ],
)
def test_the_goals_are_met_by_work_and_six_months_without_assistance(
    followed: int, bits: int, work: int, met: bool
) -> None:
    world = a_town({"goals_met_months": 6.0}, families=1)
    family = world.families[0]
    family["followed_months"], family["assistance_bits"], family["parent"][0]["work"] = followed, bits, work
    assert bool(goals_met(family, parameters(world))) is met


def test_the_goals_may_ask_for_three_years_without_assistance() -> None:
    world = a_town({"goals_met_months": 36.0}, families=1)
    family = world.families[0]
    family["followed_months"], family["parent"][0]["work"] = 36, FULL_TIME
    assert goals_met(family, parameters(world))
    family["assistance_bits"] = 1 << 35
    assert not goals_met(family, parameters(world))


@pytest.mark.parametrize(("intake", "order"), [(0, [2, 3, 1, 0]), (1, [1, 0, 3, 2])])
def test_who_is_taken_in_first_by_need_and_by_waiting_time(intake: int, order: list[int]) -> None:
    world = a_town(coordinators=1)
    f = world.families
    f["assistance_12"] = 6, 8, 12, 12  # counts 2, 2, 4, 4
    f["children_under_18"] = 1, 2, 4, 3
    f["waiting_months"] = 7, 9, 0, 3
    team(world, 0)
    world.town["intake"], world.town["months_needed"], world.town["admissions"] = intake, 6, 1
    world.town["length_months"] = 24.0
    world.coordinators["caseload"] = 4
    taken = []
    for _ in range(4):
        world.town["candidates"], world.town["admitted_now"] = 0, 0
        f["waiting_months"] -= 1 if taken else 0  # each look at the criteria adds a month
        for i in range(4):
            month.criteria_at(f, i, world.town, world.candidates)
        month.intake_at(f, world.coordinators, world.town, world.setting, world.candidates)
        taken += [slot for slot in np.flatnonzero(f["coordinator"] == 0).tolist() if slot not in taken]
    assert taken == order


def test_follow_up_lasts_its_stated_length_within_its_spread() -> None:
    world = a_town({"length_spread": 0.5, "goals_met_months": 36.0}, families=40, coordinators=1)
    world.families["assistance_12"] = 12
    team(world, 0)
    world.town["months_needed"], world.town["admissions"], world.town["length_months"] = 6, 60, 24.0
    for i in range(40):
        month.criteria_at(world.families, i, world.town, world.candidates)
    month.intake_at(world.families, world.coordinators, world.town, world.setting, world.candidates)
    length = world.families["planned_months"]
    assert length.min() >= 12
    assert length.max() <= 36
    assert len(set(length.tolist())) > 10
    world.families["followed_months"] = length - 1
    world.families["followed_months"][:7] += 1
    world.town["candidates"] = 0
    month.intake_at(world.families, world.coordinators, world.town, world.setting, world.candidates)
    assert (world.families["coordinator"] == -1).tolist() == [True] * 7 + [False] * 33
    assert world.coordinators[0]["families"] == 33


# --- queues and services ------------------------------------------------------------------------------------------


def test_tickets_sort_by_priority_then_luck_then_client() -> None:
    keys = [(p, u, c) for p in (0, 3, 4095) for u in (0.1, 0.5, 0.9) for c in (0, 7, 400_000)]
    tickets = [int(make_ticket(*key)) for key in keys]
    assert tickets == sorted(tickets)
    assert len(set(tickets)) == len(tickets)
    assert min(tickets) >= 0
    assert max(tickets) < 2**62
    assert [ticket & CLIENT_MASK for ticket in tickets] == [c for _, _, c in keys]
    assert HIGHEST_PRIORITY == 4095


@pytest.mark.parametrize(("places", "intensity"), [(10.0, 0.5), (20.0, 1.0), (40.0, 1.0), (5.0, 0.25)])
def test_a_soft_service_takes_everybody_and_gives_each_less(places: float, intensity: float) -> None:
    world = a_town(families=20)
    s = int(S_HEALTH)
    service = world.services[s]
    service["soft"], service["capacity"], service["length"], service["background"] = 1, places, 1e12, 0.0
    parameters(world)["dropout"] = 0.0
    world.families["parent"]["stage"][:, 0, s] = WAITING
    world.families["parent"]["since"][:, 0, s] = 40
    world.waiting[s, :20] = [make_ticket(40, 0.5, 2 * slot) for slot in range(20)]
    service["waiting"] = 20
    parameters(world)["patience"] = 0.0
    month.service_at(world.services, s, world.families, world.town, world.setting, world.waiting, world.placed)
    assert (service["placed"], service["waiting"], service["intensity"]) == (20, 0, intensity)


def test_who_needs_which_service() -> None:
    family = a_town(families=1).families[0]
    parent = family["parent"][0]
    parent["work"] = FULL_TIME

    def needs() -> set[int]:
        return {s for s in range(len(SERVICES)) if known_needs(family, 0) >> s & 1}

    assert needs() == set()
    parent["barrier"][HEALTH] = 1
    assert needs() == set()  # hidden
    parent["found"][HEALTH] = 1
    assert needs() == {S_HEALTH}
    parent["stage"][S_HEALTH] = WAITING
    assert needs() == set()  # engaged already
    parent["barrier"][LANGUAGE] = parent["barrier"][EDUCATION] = 1
    assert needs() == {S_LANGUAGE}  # language before education
    parent["barrier"][LANGUAGE] = 0
    assert needs() == {S_EDUCATION}
    parent["barrier"][EDUCATION] = 0
    family["barrier"][:], family["found"][:] = (1, 1, 1, 0, 1), (1, 1, 1, 1, 1)
    assert needs() == {S_HOUSING, S_ECONOMY, S_CHILD_WELFARE}
    family["barrier"][:] = 0
    family["child_outside"] = 1
    assert needs() == {S_CHILDREN}
    family["child_outside"], family["special_needs"] = 0, 1
    assert needs() == set()  # special needs in an arena, and no burden
    family["barrier"][3], family["found"][3] = 1, 0
    assert needs() == set()  # a hidden one
    family["found"][3] = 1
    assert needs() == {S_CHILDREN, S_CHILD_WELFARE}
    family["special_needs"] = 0
    assert needs() == {S_CHILD_WELFARE}  # a burden without special needs
    family["barrier"][3] = 0
    parent["work"] = NO_WORK
    assert needs() == {S_WORK}
    parent["benefit"] = DISABILITY
    assert needs() == set()


def test_health_violence_and_housing_come_before_training_and_work() -> None:
    family = a_town(families=1).families[0]
    parent = family["parent"][0]
    later = [S_LANGUAGE, S_EDUCATION, S_WORK]

    def too_early(known: int) -> list[int]:
        return [s for s in range(len(SERVICES)) if out_of_order(family, 0, s, known)]

    def comes_first(barriers: np.ndarray, found: np.ndarray, b: int, s: int) -> None:
        """This barrier is to be seen to first: in truth from the start, to anybody's knowledge once it is found."""
        assert (too_early(IN_TRUTH), too_early(KNOWN)) == ([], [])
        barriers[b], found[b] = 1, 0
        assert (too_early(IN_TRUTH), too_early(KNOWN)) == (later, [])
        found[b] = 1
        assert (too_early(IN_TRUTH), too_early(KNOWN)) == (later, later)
        parent["stage"][s] = WAITING
        assert (too_early(IN_TRUTH), too_early(KNOWN)) == (later, later)
        parent["stage"][s] = IN_PLACE
        assert (too_early(IN_TRUTH), too_early(KNOWN)) == ([], [])

    comes_first(parent["barrier"], parent["found"], HEALTH, S_HEALTH)
    comes_first(family["barrier"], family["found"], 4, S_CHILD_WELFARE)
    comes_first(family["barrier"], family["found"], 0, S_HOUSING)


def referred(
    changes: dict[str, float], barrier: int = 0, found: int = 0, tenure: np.ndarray | int = OWNER
) -> tuple[World, float]:
    """Four hundred families alike, all referred by their coordinator this month; and their potency."""
    alike = {"missed_meetings": 0.0, "need_weight": 0.0, "referral_coordinator": AT_ONCE, "skill_sd": 0.0}
    hidden = {"discovery_coordinator": 0.0}  # nothing comes to light in the month itself
    world = a_town({**POTENCY, **alike, **hidden, **changes}, families=400, coordinators=1)
    world.coordinators["present"], world.coordinators["skill"] = 1, 1.0
    world.coordinators["months_in_post"], world.coordinators["hours_per_family"] = 100, 7.6
    world.families["parent"]["barrier"][:, 0, HEALTH] = barrier
    world.families["parent"]["found"][:, 0, HEALTH] = found
    world.families["tenure"] = tenure
    for first in range(0, 400, 50):  # her list has room for sixty
        world.coordinators["families"] = 50
        world.coordinators["family"][0, :50] = range(first, first + 50)
        world.families["coordinator"][first : first + 50] = 0
        meet(world)
    assert np.ptp(world.families["potency"]) == 0.0
    return world, float(world.families["potency"][0])


# What is known is withheld by chance; what nobody knows holds nothing back, and is begun in the wrong order all the same.
ORDERS = [(1, 1, True, 1), (1, 0, False, 1), (0, 0, False, 0)]


@pytest.mark.parametrize(("barrier", "found", "withheld", "wrong"), ORDERS)
def test_a_coordinator_does_in_the_right_order_a_share_of_what_ordinary_referral_does_in_the_wrong_one(
    barrier: int, found: int, withheld: bool, wrong: int
) -> None:
    chance = (1 - 0.3) * (1 - 0.6) if withheld else 1.0
    world, _ = referred({"right_order_ordinary": 0.3, "right_order": 0.6}, barrier, found)
    waits = world.families["parent"]["stage"][:, 0, S_WORK] == WAITING
    assert abs(waits.sum() - 400 * chance) <= 4 * math.sqrt(400 * chance * (1 - chance))
    assert (world.families["parent"]["wrong_order"][waits, 0, S_WORK] == wrong).all()


@pytest.mark.parametrize(("barrier", "found", "withheld", "wrong"), ORDERS)
def test_who_asks_without_a_coordinator_does_so_in_the_right_order_with_its_chance(
    barrier: int, found: int, withheld: bool, wrong: int
) -> None:
    chance = 1 - 0.3 if withheld else 1.0
    world = a_town({"referral_ordinary.work": AT_ONCE, "right_order_ordinary": 0.3}, families=400)
    parent = world.families["parent"][:, 0]
    parent["barrier"][:, HEALTH], parent["found"][:, HEALTH] = barrier, found
    for i in range(400):
        month.ask_at(world.families, i, world.town, world.setting, world.services, world.waiting)
    waits = parent["stage"][:, S_WORK] == WAITING
    assert abs(waits.sum() - 400 * chance) <= 4 * math.sqrt(400 * chance * (1 - chance))
    assert (parent["wrong_order"][waits, S_WORK] == wrong).all()


def test_a_wait_is_counted_from_the_first_month_in_which_a_place_could_be_given() -> None:
    still = {"patience.housing": 0.0, "dropout.housing": 0.0, "head_start": 0.0}
    often = {"vacancy_months": 1.0, "referral_coordinator": AT_ONCE}
    world = a_town({**POTENCY, **still, **often, "referral_ordinary.housing": AT_ONCE}, coordinators=1)
    w, s = world, int(S_HOUSING)
    w.families["barrier"][:3, 0] = w.families["found"][:3, 0] = 1
    w.services["length"], w.services["background"], w.services["capacity"] = 1e12, 0.0, 10.0
    parent = w.families["parent"][:, 0]
    follow(w, 1)
    w.coordinators["hours_per_family"] = 7.6

    def serve() -> None:
        month.service_at(w.services, s, w.families, w.town, w.setting, w.waiting, w.placed)

    month.ask_at(w.families, 0, w.town, w.setting, w.services, w.waiting)  # in month 40, when its places are given
    month.begin_at(w.town)
    meet(w)  # in month 41, before its places are given
    assert parent["since"][:2, s].tolist() == [41, 41]
    assert (w.waiting[s, :2] >> 50).tolist() == [41, 41]  # neither is before the other
    serve()
    month.ask_at(w.families, 2, w.town, w.setting, w.services, w.waiting)
    assert (parent["since"][2, s], int(w.waiting[s, 0]) >> 50) == (42, 42)
    month.begin_at(w.town)
    w.services["capacity"] = 2.0  # both taken
    serve()
    assert parent["stage"][:3, s].tolist() == [IN_PLACE, IN_PLACE, WAITING]
    month.begin_at(w.town)
    w.services["capacity"] = 10.0
    serve()
    assert parent["stage"][:3, s].tolist() == [IN_PLACE] * 3
    assert parent["waited"][:3, s].tolist() == [0, 0, 1]


def test_the_head_start_is_whole_months_and_right_on_average() -> None:
    world, potency = referred({"head_start": 3.0, "right_order": 0.0}, barrier=0)
    queue = world.waiting[S_WORK, : world.services[S_WORK]["waiting"]]
    months = 40 - (queue >> 50)
    expected = 3.0 * potency
    part = expected % 1.0
    assert len(months) == 400
    assert set(months.tolist()) == {math.floor(expected), math.floor(expected) + 1}
    assert abs(months.sum() - 400 * expected) < 4 * math.sqrt(400 * part * (1 - part))


# --- no number is idle --------------------------------------------------------------------------------------------


OTHER_PROGRAMMES = {f"programme_strength.{kind}": kind for kind in FOLLOW_UP if kind != "familiepluss"}
# What is seldom is made common, so that a small pool sees all of it.
OFTEN = {
    "care_order": 0.05,
    "turnover": 1.0,
    "dose_half": 2.0,
    "programme_strength.familiepluss": 1.0,
    "aap_entry": 0.1,
    "disability_entry": 0.1,
    "referral_coordinator": 0.3,
}


def moved(name: str) -> float:
    """Another value of a parameter, far from the one in use and within its unit."""
    parameter = find_parameter(name)
    usual = OFTEN.get(name, parameter.default)
    if parameter.unit in ("share", "probability"):
        return 0.05 if usual > 0.5 else 0.95
    if parameter.unit == "standard normal":
        return -2.0
    return usual * 4.0


@functools.cache
def lives_with(follow_up: str, replicate: int, name: str | None = None) -> str:
    """Families, as a hash, after four years of burn-in and three with coordinators, where queues are long."""
    plan = a_plan({**OFTEN, **({name: moved(name)} if name else {})})
    services = {
        service: replace(usual, places=10.0, background_per_month=0.5)
        for service, usual in plan.profile.services.items()
    }
    profile = replace(plan.profile, services=services, ranks={"health": 1.0})  # as if inferred from a ranking
    plan = replace(plan, profile=profile, families=150, burn_in_months=48)
    plan = replace(plan, coordinators=2, caseload=20, relaxed=True, follow_up=follow_up)
    return hashlib.sha256(run_replicate(plan, seed=3, replicate=replicate, months=36).families.tobytes()).hexdigest()


@pytest.mark.parametrize("name", [parameter.name for parameter in load_parameters()])
def test_every_parameter_moves_something(name: str) -> None:
    follow_up = OTHER_PROGRAMMES.get(name, "familiepluss")
    assert any(lives_with(follow_up, r) != lives_with(follow_up, r, name) for r in range(8)), "no rule reads it"


def test_a_month_advances_the_calendar_by_one() -> None:
    world = at_month_zero(a_plan(), seed=1, replicate=0)
    assert (world.town[0]["month"], world.town[0]["study_month"]) == (24, 0)
    burn_in(world, 3)
    assert (world.town[0]["month"], world.town[0]["study_month"]) == (27, 3)


def test_a_rate_rings_as_its_exponential_law_says() -> None:
    assert rings(0.0198, 0.02)
    assert not rings(0.0199, 0.02)  # 1 - exp(-0.02) = 0.019801
