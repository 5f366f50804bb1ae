"""Targets: what is read, what each kind of published answer comes to, and every wrong input with its message."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.answers import MODULES
from calibration.caseload_literature import evidence, hazard_ratio_of_days, pool, share_of_time, studies
from calibration.questions import FIRST, Kind, kind_of
from calibration.targets import (
    FOLDER,
    OWN_MONTH,
    Target,
    TargetsFile,
    evidence_ids,
    load_targets,
    month_of,
    target_names,
    wilson,
)
from scenarios.files import read_toml
from simulation.errors import InputError
from simulation.parameters import load_parameters

SHIPPED = ("bergen", "caseload", "holf", "norway")
FILES = sorted(FOLDER.glob("*.toml"))
KNOWN = frozenset(entry["statistic"] for path in FILES for entry in read_toml(path)["target"])

GOOD = """
[[target]]
name = "work"
statistic = "pool.employed_share"
setting = { profile = "oygarden", prices = "2025", month = 0 }
kind = "value"
value = 0.4
se = 0.02
discrepancy = 0.03
role = "fit"
source = "our own"
grade = "B"
"""
SECOND = GOOD.replace("pool.employed_share", "pool.assistance_exit_lone").replace('"work"', '"exit"')
COUNT = GOOD.replace('kind = "value"\nvalue = 0.4\nse = 0.02', 'kind = "count"\nk = 18\nn = 22')
INTERVAL = GOOD.replace('kind = "value"\nvalue = 0.4\nse = 0.02', 'kind = "interval"\nlow = 0.3\nhigh = 0.5')
NULL = GOOD.replace('kind = "value"\nvalue = 0.4\nse = 0.02', 'kind = "not_significant"').replace(
    "pool.employed_share", "trial.employed_share.coordinator_v_ordinary"
)

Read = Callable[..., TargetsFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str, name: str = "mine.toml") -> TargetsFile:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load_targets(tmp_path / name, known=KNOWN | {"pool.employed_share"})

    return read


def only(file: TargetsFile) -> Target:
    (target,) = file.targets
    return target


# ---- what is read ---------------------------------------------------------------------------------------------------


def test_a_value_is_as_wide_as_its_errors_together_and_shown_with_its_sampling_error(read: Read) -> None:
    target = only(read(GOOD))
    assert target.question.statistic == "pool.employed_share"
    assert target.question.setting.prices == "2025"
    assert (target.observed, target.se) == (0.4, 0.02)
    assert target.spread == pytest.approx(math.hypot(0.02, 0.03))
    assert target.observed_low == pytest.approx(0.4 - 1.645 * 0.02, abs=1e-4)
    assert target.observed_high == pytest.approx(0.4 + 1.645 * 0.02, abs=1e-4)


def test_a_null_has_no_answer_and_the_error_of_its_half_width_or_none(read: Read) -> None:
    target = only(read(NULL))
    assert (target.observed, target.observed_low, target.observed_high, target.se) == (None,) * 4
    known = only(read(NULL.replace('"not_significant"', '"not_significant"\nhalf_width = 0.075\nside = "no_increase"')))
    assert known.se == pytest.approx(0.075 / 1.96, abs=1e-5)
    assert known.side == "no_increase"


def test_an_interval_is_one_of_90_percent_unless_it_says_95(read: Read) -> None:
    ninety, ninety_five = only(read(INTERVAL)), only(read(INTERVAL.replace("high = 0.5", "high = 0.5\nlevel = 0.95")))
    assert (ninety.observed_low, ninety.observed_high) == pytest.approx((0.3, 0.5))
    assert ninety_five.se == pytest.approx(0.1 / 1.96, abs=1e-5)
    assert ninety_five.observed == pytest.approx(0.4)


def test_a_target_on_the_logarithm_is_shown_in_the_unit_of_the_statistic(read: Read) -> None:
    target = only(read(GOOD.replace('kind = "value"\nvalue = 0.4', 'kind = "value"\nscale = "log"\nvalue = 0.1')))
    assert (target.centre, target.se) == (0.1, 0.02)
    assert target.observed == pytest.approx(math.exp(0.1))
    assert target.observed_low == pytest.approx(math.exp(0.1 - 1.645 * 0.02), abs=1e-4)


@settings(deadline=None)  # the first interval imports SciPy
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_count_lies_within_its_interval_and_the_interval_among_the_shares(pair: tuple[int, int]) -> None:
    k, n = pair
    low, high = wilson(k, n)
    assert 0.0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1.0
    assert high > low
    mirrored = wilson(n - k, n)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_a_count_of_none_is_not_sure(read: Read) -> None:
    target = only(read(COUNT.replace("k = 18", "k = 0")))
    assert target.observed == 0.0
    assert target.se is not None
    assert target.se > 0.0
    assert target.observed_high == pytest.approx(0.11, abs=0.01)


def test_a_file_says_its_name_and_the_parameters_to_fit(read: Read) -> None:
    head = '[targets]\nname = "ours"\ntitle = "Our own"\n[fit]\nparameters = ["job_entry", "recovery.health"]\n'
    file = read(head + GOOD)
    assert (file.name, file.title, file.parameters) == ("ours", "Our own", ("job_entry", "recovery.health"))
    assert read(GOOD).name == "mine"


def test_a_file_builds_on_others_and_its_own_target_takes_the_place_of_one_of_its_name(read: Read) -> None:
    read(GOOD + SECOND + '[fit]\nparameters = ["job_entry"]\n', "base.toml")
    file = read('[targets]\nextends = ["base.toml"]\n' + GOOD.replace("value = 0.4", "value = 0.5"))
    assert {target.name: target.observed for target in file.targets} == {"work": 0.5, "exit": 0.4}
    assert file.parameters == ("job_entry",)
    assert [path.name for path in file.files] == ["base.toml", "mine.toml"]


def test_a_target_of_a_file_that_two_files_build_on_stands_once(read: Read) -> None:
    read(GOOD, "base.toml")
    read('[targets]\nextends = ["base.toml"]\n' + SECOND, "middle.toml")
    assert len(read('[targets]\nextends = ["base.toml", "middle.toml"]\n').targets) == 2


# ---- what is refused ------------------------------------------------------------------------------------------------

WRONG = [
    (GOOD.replace("pool.employed_share", "pool.employd_share"), "target.work.statistic", "pool.employed_share"),
    (GOOD.replace("se = 0.02", "se = 0"), "target.work.se", "above 0"),
    (GOOD.replace("se = 0.02", "se = -1.0"), "target.work.se", "above 0"),
    (GOOD.replace("se = 0.02\n", ""), "target.work.se", "value and se"),
    (GOOD.replace("se = 0.02", "se = nan"), "target.work.se", "a number"),
    (GOOD.replace("se = 0.02", "k = 3"), "target.work.se", "value and se"),
    (GOOD.replace("se = 0.02", "se = 0.02\nk = 3"), "target.work.k", "value, se, scale"),
    (GOOD.replace("discrepancy = 0.03", "discrepancy = -0.1"), "target.work.discrepancy", "from 0"),
    (GOOD.replace("discrepancy", "discrepency"), "target.work.discrepency", "discrepancy"),
    (COUNT.replace("k = 18", "k = 23"), "target.work.k", "0 to n, here 22"),
    (COUNT.replace("k = 18", "k = -1"), "target.work.k", "from 0"),
    (COUNT.replace("n = 22", "n = 0"), "target.work.n", "from 1"),
    (COUNT.replace("k = 18", "k = 1.5"), "target.work.k", "a whole number"),
    (INTERVAL.replace("low = 0.3", "low = 0.5"), "target.work.low", "low below high"),
    (INTERVAL.replace("high = 0.5", "high = 0.5\nlevel = 0.8"), "target.work.level", "0.9 or 0.95"),
    (NULL.replace('"not_significant"', '"not_significant"\nhalf_width = 0'), "target.work.half_width", "above 0"),
    (NULL.replace('"not_significant"', '"not_significant"\nside = "up"'), "target.work.side", "no_increase"),
    (NULL.replace("month = 0", 'month = 0, design = "holv"'), "target.work.setting.design", "holf"),
    (GOOD.replace('kind = "value"', 'kind = "mean"'), "target.work.kind", "interval"),
    (GOOD.replace('"oygarden"', '"oygard"'), "target.work.setting.profile", "'oygarden'"),
    (GOOD.replace('"2025"', '"1999"'), "target.work.setting.prices", "2017"),
    (GOOD.replace('"2025"', "2025"), "target.work.setting.prices", "as text"),
    (GOOD.replace("month = 0", "month = 97"), "target.work.setting.month", "to 96"),
    (GOOD.replace("month = 0", "moth = 0"), "target.work.setting.moth", "month"),
    (GOOD.replace('role = "fit"', 'role = "test"'), "target.work.role", "validate"),
    (GOOD.replace('grade = "B"', 'grade = "E"'), "target.work.grade", "one of: A, B, C, D"),
    (GOOD.replace('"our own"', f'"{"x" * 301}"'), "target.work.source", "300"),
    (GOOD.replace('"work"', '"Work 1"'), "name", "small letters"),
    (GOOD.replace('name = "work"\n', ""), "target.1.name", "small letters"),
    (GOOD + GOOD, "target.work", "a name of its own"),
    (GOOD + GOOD.replace('"work"', '"again"'), "target.again.statistic", "one target on a statistic in a setting"),
    (GOOD + GOOD.replace('"work"', '"again"').replace(", month = 0", ""), "target.again.statistic", "one target"),
    ("", "target", "1 to 2000"),
    ("[[targets]]\n", "targets", "a table"),
    ("[tagret]\n" + GOOD, "tagret", "target"),
    ('[fit]\nparameters = ["job_entri"]\n' + GOOD, "fit.parameters", "job_entry"),
    ('[fit]\nparameters = ["missed_share"]\n' + GOOD, "fit.parameters", "with a prior"),
    ('[fit]\nparameters = ["job_entry", "job_entry"]\n' + GOOD, "fit.parameters", "each parameter once"),
    ('[targets]\nextends = ["norwey"]\n' + GOOD, "targets.extends", "'norway'"),
    ('[targets]\nextends = ["mine.toml"]\n' + GOOD, "targets.extends", "no circle"),
    ("\n".join(GOOD.replace('"work"', f'"t{i}"') for i in range(2001)), "target", "at most 2000"),
]


@pytest.mark.parametrize(("text", "key", "allowed"), WRONG, ids=[f"{n}-{case[1]}" for n, case in enumerate(WRONG)])
def test_wrong_input_gives_one_message_with_file_key_and_what_is_allowed(
    read: Read, text: str, key: str, allowed: str
) -> None:
    with pytest.raises(InputError) as error:
        read(text)
    assert str(error.value.file).endswith("mine.toml")
    assert key in str(error.value.key)
    assert allowed in str(error.value.allowed)
    assert "\n" not in str(error.value)


def test_two_files_with_other_targets_of_one_name_are_refused(read: Read) -> None:
    read(GOOD, "base.toml")
    read(GOOD.replace("0.4", "0.5"), "other.toml")
    with pytest.raises(InputError, match="other targets of this name"):
        read('[targets]\nextends = ["base.toml", "other.toml"]\n')


def test_an_unknown_name_of_targets_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'holf'\? One of: bergen, caseload, holf, norway; or the path of a \.toml"):
        load_targets("hulf")
    with pytest.raises(InputError, match="no targets"):
        load_targets("nowhere.toml")


# ---- the files that come with the program ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def holf() -> TargetsFile:
    return load_targets("holf", known=KNOWN)


def test_the_files_load_and_holf_holds_them_all(holf: TargetsFile) -> None:
    assert target_names() == SHIPPED
    for name in SHIPPED:
        assert set(load_targets(name, known=KNOWN).targets) <= set(holf.targets)


def test_the_template_runs_as_it_stands() -> None:
    template = load_targets(FOLDER / "template.toml", known=KNOWN)
    assert {target.kind for target in template.targets} == {"not_significant", "value", "count", "interval"}
    assert template.parameters


def test_every_source_is_a_row_of_the_evidence(holf: TargetsFile) -> None:
    assert all(source in evidence_ids() for target in holf.targets for source in target.sources)


def test_a_source_that_is_no_row_of_the_evidence_is_refused_in_a_file_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("calibration.targets.FOLDER", tmp_path.resolve())
    (tmp_path / "made.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_targets("made", known={"pool.employed_share"})
    assert error.value.key == "target.work.source"


def test_a_third_of_the_norwegian_targets_at_least_are_held_back_and_bergen_is_never_fitted() -> None:
    norway, bergen = load_targets("norway", known=KNOWN), load_targets("bergen", known=KNOWN)
    assert 3 * len(norway.of_role("validate")) >= len(norway.targets)
    assert len(norway.of_role("fit")) >= 5
    assert bergen.of_role("fit") == ()
    assert len(bergen.targets) == 6


def test_every_figure_of_other_people_has_a_discrepancy_and_a_reason(holf: TargetsFile) -> None:
    for target in holf.targets:
        if target.kind != "not_significant":
            assert target.discrepancy > 0.0, target.name
        assert target.note, target.name


def test_a_fitted_target_whose_row_a_prior_names_says_why_it_is_no_double_count(holf: TargetsFile) -> None:
    named = {source for parameter in load_parameters() if parameter.prior for source in parameter.source}
    for target in holf.of_role("fit"):
        if named & set(target.sources):
            assert "prior" in target.note, target.name


def test_the_trial_and_bergen_live_under_2017(holf: TargetsFile) -> None:
    for target in holf.targets:
        if kind_of(target.statistic) in ("trial", "office"):
            assert target.setting.prices == "2017"
            assert target.setting.month is not None


def test_every_kind_of_world_has_its_own_month() -> None:
    assert set(OWN_MONTH) == set(FIRST.values()) == set(MODULES)


def test_a_trial_is_measured_when_its_design_last_measures_the_outcome(read: Read) -> None:
    income = NULL.replace("trial.employed_share", "trial.earnings")
    unsaid = [text.replace(", month = 0", "") for text in (NULL, income)]
    assert [month_of(only(read(text))) for text in unsaid] == [30, 12]
    assert month_of(only(read(NULL))) == 0, "as it says"
    again = income.replace('"work"', '"again"')
    with pytest.raises(InputError, match="asks the same as target work"):
        read(unsaid[1] + again.replace("month = 0", "month = 12"))
    assert len(read(unsaid[1] + again.replace("month = 0", "month = 30")).targets) == 2


@pytest.mark.parametrize("kind", MODULES)
def test_each_kind_of_world_knows_the_statistics_that_the_files_ask_of_it(kind: Kind) -> None:
    known = {named.name for named in pytest.importorskip(MODULES[kind]).names()}
    assert known >= {name for name in KNOWN if kind_of(name) == kind}


# ---- the studies of caseload together -------------------------------------------------------------------------------


def test_the_target_of_caseload_is_what_the_studies_come_to() -> None:
    target = only(load_targets("caseload", known=KNOWN))
    pooled = pool(studies(evidence()))
    assert target.scale == "log"
    assert target.value == pytest.approx(pooled.value, abs=5e-4)
    assert target.se == pytest.approx(pooled.se, abs=5e-4)
    assert target.discrepancy == pytest.approx(pooled.discrepancy, abs=5e-4)


def test_the_studies_leave_the_trial_out_and_agree_with_the_ratios_on_record() -> None:
    rows = evidence()
    swiss, french, german, _ = studies(rows)
    assert not [source for study in studies(rows) for source in study.sources if "holf" in source]
    assert math.exp(swiss.centre) == pytest.approx(float(rows["hr-halving-schiprowski"]["value"]), abs=0.005)
    for study, low, high in (
        (french, "hr-halving-behaghel", "hr-halving-behaghel"),
        (german, "hr-halving-fair-longterm", "hr-halving-fair-new"),
    ):
        assert math.exp(study.low) == pytest.approx(float(rows[low]["low"]), abs=0.005)
        assert math.exp(study.high) == pytest.approx(float(rows[high]["high"]), abs=0.006)


def test_days_in_work_become_the_hazard_ratio_that_adds_them() -> None:
    for entry in (0.02, 0.08):
        log_ratio = hazard_ratio_of_days(16.0, entry)
        assert 730.0 * (share_of_time(entry * math.exp(log_ratio)) - share_of_time(entry)) == pytest.approx(16.0)


def test_random_effects_of_like_studies_are_their_weighted_mean() -> None:
    two = [study._replace(low=0.0, high=0.2) for study in studies(evidence())[:2]]
    pooled = pool(two)
    assert (pooled.value, pooled.between) == pytest.approx((0.1, 0.0), abs=1e-12)
    assert pooled.se == pytest.approx(two[0].se / math.sqrt(2.0))
