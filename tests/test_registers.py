"""The registry: every statistic is a number in its range, agrees with how the model reads itself, and has a right name."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from calibration.groups import GROUPS, POPULATIONS, among, chosen
from calibration.questions import Question, Setting
from calibration.readers import SOURCES, YEAR
from calibration.register import GONE, REGISTER, follow, register_of
from calibration.registers import answer, municipality, names, plan_of
from calibration.statistics import STATISTICS, find_asked, find_statistic, summarise
from simulation.engine import arrays_of, at_month_zero, parameter_values
from simulation.errors import InputError
from simulation.outcomes import OUTCOME_NAMES
from simulation.reading import COLUMNS, FAMILY_COLUMNS, read_family, to_values

SETTING = Setting(profile="oygarden", prices="2025", families=250)
SHARED = [name for name in OUTCOME_NAMES if name in STATISTICS]


@functools.cache
def history() -> np.ndarray:
    """A year before month 0 to month 24, with two coordinators: (37, families)."""
    return municipality(SETTING, None, seed=4, number=1, months=24, followed=True)


def at(full_name: str, month: int = 24) -> float:
    return find_asked(full_name).of([history()[month : month + YEAR + 1]])


# --- what is read -------------------------------------------------------------------------------------------------


def test_outcomes_of_the_interface_are_the_same_numbers_here() -> None:
    """Read into a register, or as the engine reads its months: the same values of the same families."""
    plan = plan_of(SETTING)
    world = at_month_zero(plan, seed=4, replicate=1)
    sums, row = np.zeros(COLUMNS), np.zeros(FAMILY_COLUMNS)
    for family in world.families:
        read_family(family, row)
        sums[:FAMILY_COLUMNS] += row
    wanted = dict(zip(OUTCOME_NAMES, to_values(sums), strict=True))
    now = register_of(world.families[None])
    assert len(SHARED) >= 35
    for name in SHARED:
        assert find_statistic(name).of([now], "pool") == pytest.approx(wanted[name], rel=1e-6), name


def test_a_family_that_is_no_more_is_gone_and_a_member_that_stays_is_read() -> None:
    world = at_month_zero(plan_of(SETTING), seed=4, replicate=1)
    members, rows = np.array([3, 5]), np.zeros((6, 2), REGISTER)
    generation = world.families["generation"][members].astype(np.int64) + np.array([0, 1])
    follow(*(array[None] for array in arrays_of(world)), 0, members, generation, np.array([0, 2]), rows)
    assert (rows["generation"][:, 1] == GONE).all()
    assert rows[-1, 0] == register_of(world.families)[3]


def test_reading_changes_nothing() -> None:
    world = at_month_zero(plan_of(SETTING), seed=4, replicate=1)
    now = municipality(SETTING, None, seed=4, number=1, months=0)[-1]
    assert now.tobytes() == register_of(world.families).tobytes()
    assert REGISTER.itemsize < 200


# --- every statistic ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic_is_a_number_in_its_range(name: str) -> None:
    statistic = STATISTICS[name]
    highest = 1.0 if statistic.unit.startswith("share") else 1000.0 if not statistic.unit.startswith("NOK") else 1e7
    for population in POPULATIONS:
        for group in GROUPS:
            value = statistic.of([history()[-1 - YEAR :]], population, group)
            assert math.isnan(value) or 0.0 <= value <= highest, (population, group)
    few = (
        name.startswith(("flow_", "stayed_"))
        or "_after_share" in name
        or name.endswith(("_ended_share", "_still_in_share"))
    )
    rare = few or "introduction" in name or "entrants" in name or "_months_m" in name
    assert rare or math.isfinite(statistic.of([history()], "pool"))


def test_shares_of_a_whole_sum_to_one() -> None:
    for parts in (
        [f"pool.income_source_{name}_share" for name in SOURCES],
        [f"pool.assistance_{k}_of_12_share" for k in range(1, 13)],
        [f"pool.barriers_{k}_share" for k in range(10)],
        [f"pool.flow_social_assistance_to_{name}" for name in SOURCES],
        ["pool.owner_share", "pool.renting_share"],
        ["pool.kvp_ended_share", "pool.kvp_still_in_share"],
        ["pool.children_1_share", "pool.children_2_share", "pool.children_3_or_more_share"],
    ):
        assert sum(at(part) for part in parts) == pytest.approx(1.0), parts


def test_a_group_and_the_others_are_everyone() -> None:
    last = history()[-1 - YEAR :]
    for one, other in (
        ("lone_parents", "couples"),
        ("working", "workless"),
        ("health_barrier", "no_health_barrier"),
        ("low_income", "not_low_income"),
        ("immigrants", "born_here"),
    ):
        for name in ("employed_share", "social_assistance_share", "leisure_share"):
            statistic = STATISTICS[name]
            parts = [statistic.values(last, among(last, "pool", GROUPS[g], statistic.of_parents)) for g in (one, other)]
            assert sum(map(len, parts)) == len(statistic.values(last, chosen(last, "pool"))), (name, one)
    assert at("pool.employed_share.working") == 1.0
    assert at("pool.barrier_health_share.no_health_barrier") == 0.0
    assert at("pool.social_assistance_share.not_recipients") == 0.0


def test_a_group_of_parents_is_of_parents_where_the_statistic_is() -> None:
    """A couple of whom one works: one working parent and one workless, in a working family."""
    now = np.zeros((1, 1), REGISTER)
    now["parent"]["present"], now["parent"]["work"] = 1, [0, 2]
    now["social_assistance"] = 1.0
    assert find_asked("pool.employed_share.working").of([now]) == 1.0
    assert find_asked("pool.employed_share.workless").of([now]) == 0.0
    assert find_asked("pool.social_assistance_share.working").of([now]) == 1.0
    assert math.isnan(find_asked("pool.social_assistance_share.workless").of([now]))


def test_a_year_of_one_parent_is_counted_by_hand() -> None:
    """Out of work for 4 months, KVP in the next 5, then in work; social assistance until the job."""
    year = np.zeros((13, 1), REGISTER)
    parent = year["parent"][:, 0]
    parent["present"][:, 0] = 1
    parent["source"][:, 0], parent["source"][9:, 0] = SOURCES.index("social_assistance"), 0
    parent["benefit"][4:9, 0] = 1
    parent["work"][9:, 0] = 2
    year["income_known"] = 36
    year["assistance_bits"][-1], year["assistance_12"][-1] = 0b1111111110000, 8
    for name, wanted in (
        ("job_entry", 1 / 9),
        ("job_exit", 0.0),
        ("work_months", 4.0),
        ("kvp_ended_share", 1.0),
        ("kvp_in_work_after_share", 1.0),
        ("new_kvp_share", 1.0),
        ("new_benefit_share", 1.0),
        ("new_aap_share", 0.0),
        ("flow_social_assistance_to_work", 1.0),
        ("assistance_8_of_12_share", 1.0),
        ("assistance_exit", 1 / 9),
        ("assistance_after_a_year_share", 0.0),
        ("assistance_months_of_36", 9.0),
    ):
        assert find_asked(f"pool.{name}").of([year]) == pytest.approx(wanted), name
    year["generation"][:3] = 7  # another family lived there a year ago
    assert math.isnan(find_asked("pool.flow_social_assistance_to_work").of([year]))


def test_participation_is_that_of_a_standard_childhood() -> None:
    ages = np.array([[0, 1.0], [0, 0.0], [2, 1.0]])
    assert summarise(ages, "standardised") == pytest.approx((5 * 0.5 + 8 * 1.0) / 13)


def test_a_spell_in_progress_is_counted_back_to_its_first_month() -> None:
    now = np.zeros((1, 2), REGISTER)
    now["income_known"], now["assistance_bits"] = 36, [0b1110111, (1 << 36) - 1]
    assert find_asked("pool.assistance_spell_mean").of([now]) == pytest.approx((3 + 36) / 2)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pool.employd_share", "did you mean 'employed_share'"),
        ("pol.employed_share", "pool, selected, eligible, followed"),
        ("pool.employed_share.lone_parent", "did you mean 'lone_parents'"),
        ("pool", "validate --list"),
        ("pool.employed_share.couples.working", "validate --list"),
    ],
)
def test_a_name_that_is_none_is_answered_with_the_nearest(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        find_asked(name)
    assert len(str(error.value)) < 300


def test_every_name_that_is_listed_can_be_asked() -> None:
    listed = names()
    assert len({one.name for one in listed}) == len(listed)
    for one in listed[:: len(listed) // 200]:
        assert find_asked(one.name).statistic.unit == one.unit


# --- answers ------------------------------------------------------------------------------------------------------


def test_answers_depend_on_nothing_but_question_values_seed_and_number() -> None:
    asked = (
        "pool.employed_share",
        "eligible.social_assistance_share",
        "followed.contact_hours",
        "selected.trust.immigrants",
    )
    questions = [
        Question(name, SETTING.model_copy(update={"month": month})) for name in asked for month in (None, 6, 24)
    ]
    together = answer(questions, None, seed=4, number=1)
    assert together.shape == (12, 2)
    assert np.isnan(together[:, 1]).all()
    alone = np.concatenate([answer([question], None, seed=4, number=1) for question in questions])
    assert np.array_equal(together, alone, equal_nan=True)
    values = parameter_values(plan_of(SETTING), 4, 0)
    assert np.array_equal(together, answer(questions, values, seed=4, number=1), equal_nan=True)
    assert not np.array_equal(together, answer(questions, values, seed=5, number=1), equal_nan=True)
    assert math.isnan(together[6, 0])  # nobody is followed at month 0
    assert together[8, 0] > 0.0


def test_a_setting_with_coordinators_is_heeded_by_every_population() -> None:
    some = SETTING.model_copy(update={"coordinators": 2, "caseload": 5, "month": 12})
    found = answer([Question("pool.coordinated_share", some)], None, seed=4, number=1)
    assert 0.0 < found[0, 0] <= 10 / 250
    none = answer([Question("pool.coordinated_share", SETTING)], None, seed=4, number=1)
    assert none[0, 0] == 0.0
