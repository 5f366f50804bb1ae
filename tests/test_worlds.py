"""Worlds that answer questions: an office before and after, a trial of treatment, caseloads of 10 and 20."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from calibration import bergen, caseloads, offices, treatment
from calibration.before_after import FOLLOWED, LEAD
from calibration.bergen import FIGURES, OFFICES, Windows, joint_check, p_values, pairs, published, scaled, table
from calibration.offices import in_windows
from calibration.questions import Question, Setting, kind_of
from calibration.worlds import COLUMNS, GENERATION, HAZARD, HOURS, WORK, seen, settled
from simulation.engine import burn_in, start_arm
from simulation.errors import InputError
from simulation.names import IN_PLACE, S_HEALTH, S_WORK
from simulation.outcomes import FloatArray
from simulation.parameters import default_values, with_overrides

KINDS = (offices, treatment, caseloads)
DEFAULTS = default_values()


def ask(kind: ModuleType, setting: Setting, values: FloatArray | None = DEFAULTS, number: int = 0) -> dict[str, float]:
    """What a kind of world says of everything it knows."""
    questions = [Question(named.name, setting) for named in kind.names()]
    found = kind.answer(questions, values, seed=1, number=number)
    assert found.shape == (len(questions), 2)
    return {question.statistic: float(value) for question, value in zip(questions, found[:, 0], strict=True)}


# ---- all kinds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_the_same_whatever_else_is_asked_and_whatever_ran_before(kind: ModuleType) -> None:
    setting = Setting(profile="oygarden", families=120)
    together = ask(kind, setting, None, number=6)
    assert not np.isnan(list(together.values())).all()
    ask(kind, setting, None, number=7)
    for name, value in together.items():
        assert (kind_of(name) or "").startswith(name.partition(".")[0])
        month_too = setting.model_copy(update={"month": 40})
        asked = [Question(name, month_too), Question(name, setting)]
        (later, _), (alone, _) = kind.answer(asked, None, seed=1, number=6)
        assert alone == pytest.approx(value, abs=0.0, nan_ok=True)
        (later_alone, _) = kind.answer(asked[:1], None, seed=1, number=6)[0]
        assert later == pytest.approx(later_alone, abs=0.0, nan_ok=True)


def test_two_worlds_share_parameters_and_not_luck() -> None:
    one, other = (ask(treatment, Setting(families=120), None, number=number) for number in (4, 5))
    assert one != other
    assert one != ask(treatment, Setting(families=120, profile="oygarden"), None, number=4)


@pytest.mark.parametrize(
    ("kind", "statistic", "stated", "match"),
    [
        (offices, "office.nothing", {}, "office.payment_change"),
        (offices, "office.payment_change", {"before": 13}, "before"),
        (offices, "office.payment_change", {"month": 6, "after": 12}, "after"),
        (offices, "office.payment_change", {"month": 0}, "month"),
        (offices, "office.payment_change", {"coordinators": 0}, "coordinators"),
        (treatment, "treatment.work_gain.usual", {}, "treatment.work_gain.treated"),
        (treatment, "treatment.recovery_share.usual", {"coordinators": 2}, "coordinators"),
        (caseloads, "caseload.contact_ratio", {"caseload": 15}, "caseload"),
        (caseloads, "caseload.contact_ratio", {"profile": "nowhere"}, "nowhere"),
    ],
)
def test_what_a_world_cannot_tell_is_refused(
    kind: ModuleType, statistic: str, stated: dict[str, object], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        kind.answer([Question(statistic, Setting.model_validate(stated))], DEFAULTS, seed=1, number=0)


# ---- an office ------------------------------------------------------------------------------------------------------


def test_windows_end_at_admission_and_at_the_month_asked() -> None:
    paid = np.zeros((2, LEAD + 1 + FOLLOWED))
    paid[0, LEAD] = 1200.0  # in the month of admission only
    paid[1, : LEAD + 1] = 600.0  # all of the year before
    paid[1, LEAD + 30] = 300.0  # and in month 30
    assert in_windows(paid, Windows(1, 1, 30)) == pytest.approx([300 / 1800 - 1, 1.0, 0.5])
    assert in_windows(paid, Windows(12, 6, 30)) == pytest.approx([50 / 700 - 1, 1.0, 0.5])
    assert in_windows(paid, Windows(12, 6, 29)) == pytest.approx([-1.0, 1.0, 1.0])
    assert in_windows(np.full((3, 60), 1234.1), Windows(3, 12, 30)) == pytest.approx([0.0, 0.0, 0.0])


def test_an_office_pays_less_after_than_before_and_tells_of_the_22_families_it_was_asked_for() -> None:
    found = ask(offices, Setting(profile="nav-bergenhus"))
    assert -1.0 < found["office.payment_change"] < -0.2
    shares = np.array([found["office.lower_payment_share"], found["office.zero_payment_share"]]) * 22
    assert shares == pytest.approx(shares.round())
    assert np.isnan(list(ask(offices, Setting(profile="nav-bergenhus", families=12)).values())).all()


# ---- treatment ------------------------------------------------------------------------------------------------------


def test_treatment_makes_more_people_well_and_job_support_brings_more_of_them_to_work() -> None:
    found = [ask(treatment, Setting(), number=number) for number in range(4)]
    mean = {name: np.mean([one[name] for one in found]) for name in found[0]}
    assert mean["treatment.recovery_share.treated"] > mean["treatment.recovery_share.usual"] + 0.05
    assert mean["treatment.work_gain.work_focused"] > mean["treatment.work_gain.treated"]


def test_treatment_that_does_nothing_changes_nothing() -> None:
    values = with_overrides(DEFAULTS, {"treated_recovery.health": 0.0})
    found = ask(treatment, Setting(families=200), values)
    assert found["treatment.recovery_share.treated"] == found["treatment.recovery_share.usual"]


def test_all_in_the_trial_are_in_place_at_once_and_nobody_has_two_places() -> None:
    plan = treatment.plan_of(Setting(families=200), 200)
    world = settled(plan, "treatment", DEFAULTS, 1, 0)
    burn_in(world, plan.burn_in_months)
    world = start_arm(world, plan)
    members = treatment.members_of(world.families)
    before = world.services["placed"].copy()
    for s in (int(S_HEALTH), int(S_WORK)):
        entered = treatment.enrol(world, members, s)
        assert world.services["placed"][s] == before[s] + entered.sum()
        clients = world.placed[s, : world.services["placed"][s]]
        assert len(set(clients.tolist())) == len(clients)
        parents = world.families["parent"][clients >> 1, clients & 1]
        assert (parents["stage"][:, s] == IN_PLACE).all()
    assert (world.families["parent"]["stage"][members.slot, members.parent, S_HEALTH] == IN_PLACE).all()


# ---- caseloads ------------------------------------------------------------------------------------------------------


def test_without_links_a_caseload_changes_contact_and_nothing_else() -> None:
    found = ask(caseloads, Setting(), with_overrides(DEFAULTS, {}, links=False))
    assert found["caseload.entry_hazard_ratio"] == 1.0
    assert found["caseload.employed_difference"] == 0.0
    assert found["caseload.contact_ratio"] > 2.0


def test_strong_work_support_makes_a_smaller_caseload_tell() -> None:
    strong = with_overrides(DEFAULTS, {"work_support_ratio": 4.0})
    assert ask(caseloads, Setting(), strong)["caseload.entry_hazard_ratio"] > 1.1


def test_an_arm_is_told_of_by_those_still_there() -> None:
    rows = np.zeros((3, 2, COLUMNS))
    rows[:, :, WORK + 1] = -1.0  # lone parents
    rows[:, 0, HAZARD] = [0.5, 0.1, 0.3]  # the first month is before follow-up
    rows[:, 0, HOURS] = [9.0, 4.0, 2.0]
    rows[1, 1, WORK] = 2.0
    rows[2, 1, GENERATION] = 1.0  # moved out
    told = caseloads.tell(rows, [1, 2])
    assert told.hazard == pytest.approx([0.1, 0.2])
    assert told.hours == pytest.approx([2.0, 2.0])
    assert told.employed == pytest.approx([0.5, 0.0])


def test_the_chance_of_a_job_that_is_read_is_how_often_jobs_are_got() -> None:
    plan = caseloads.plan_of(Setting(profile="oygarden"), 400)
    world = settled(plan, "caseload", DEFAULTS, 1, 0)
    burn_in(world, plan.burn_in_months)
    rows = seen(world, 120)
    work = rows[:, :, WORK:]
    got = ((work[:-1] == 0) & (work[1:] > 0)).sum()
    assert got == pytest.approx(rows[:, :, HAZARD].sum(), rel=0.1)


# ---- Bergen ---------------------------------------------------------------------------------------------------------


def test_the_published_figures_are_those_of_the_evidence() -> None:
    assert published() == pytest.approx([-0.58, 18 / 22, 9 / 22, -0.53, 17 / 22, 7 / 22])
    assert len(FIGURES) == len(published()) == 3 * len(OFFICES)


def test_the_rank_of_one_more_of_the_same_kind_is_uniform_and_of_a_stranger_small() -> None:
    rng = np.random.default_rng(3)
    mix = rng.normal(size=(6, 6))
    found = np.concatenate(
        [p_values(rng.normal(size=(1, 6)) @ mix, rng.normal(size=(39, 6)) @ mix) for _ in range(600)]
    )
    assert found.min() >= 1 / 40
    counts, _ = np.histogram(found, bins=10, range=(0.0, 1.0 + 1e-9))
    assert ((counts - 60) ** 2 / 60).sum() < 27.9  # chi-square, 9 degrees of freedom: 1 in 1000
    assert p_values(np.full((1, 6), 30.0) @ mix, rng.normal(size=(39, 6)) @ mix)[0] == 1 / 40


@pytest.fixture(scope="module")
def offices_at_defaults() -> FloatArray:
    return pairs([DEFAULTS, DEFAULTS], 1, 40, [Windows(12, 12, 30)])


def test_offices_of_the_same_parameters_lie_inside_as_often_as_they_should(offices_at_defaults: FloatArray) -> None:
    one, other = (scaled(own[np.isfinite(own).all(axis=(1, 2)), 0]) for own in offices_at_defaults)
    found = np.concatenate([p_values(one, other), p_values(other, one)])  # 0.902 of them in the long run, sd 0.05
    assert 0.35 < found.mean() < 0.65
    assert 0.75 < (found > 0.1).mean() < 1.0


def test_figures_far_away_lie_outside_for_all_draws(offices_at_defaults: FloatArray) -> None:
    far = np.array([0.5, 0.1, 0.0, 0.5, 0.1, 0.0])  # payments rise by half
    row = table(offices_at_defaults, [Windows(12, 12, 30)], far).iloc[0]
    assert row.p_value == pytest.approx(1 / (row.pairs + 1))
    assert not row.inside
    assert row.share_of_draws_passing == 0.0
    median = [row[f"median.{name}"] for name in FIGURES]
    near = table(offices_at_defaults, [Windows(12, 12, 30)], np.array(median)).iloc[0]
    assert near.inside
    assert near.p_value > 0.8


def test_the_joint_check_is_the_same_on_any_number_of_threads() -> None:
    windows = [Windows(1, 6, 24), Windows(12, 12, 30)]
    one, two = (joint_check([DEFAULTS], 2, 4, windows, workers=workers) for workers in (1, 2))
    assert one.equals(two)
    assert one[["before", "after", "month"]].to_numpy().tolist() == [[1, 6, 24], [12, 12, 30]]
    assert one.share_of_draws_passing.isna().all()  # four pairs tell nothing of one draw
    assert one.p_value.isna().all()
    assert set(bergen.WINDOWS) >= set(windows)
