"""A trial in silico: who is drawn, what is followed, estimates as statsmodels makes them, and designs that cannot be."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import run
from calibration.design import Design, load_design
from calibration.estimates import (
    CONTRASTS,
    MEASURED,
    Estimate,
    between_offices,
    estimate,
    estimates,
    months_of,
    within_offices,
)
from calibration.power import FOUR_IN_FIVE, Simulated, run_trials, table
from calibration.questions import Question, Setting
from calibration.register import GONE, REGISTER
from calibration.trial import MEASURES, Circumstances, Trial, circumstances, simulate
from calibration.trial_answers import answer, names
from scenarios.profiles import load_profile
from simulation.errors import InputError

SMALL = """
[trial]
name = "small"
profile = "oygarden"
prices = "2017"
trials = 4
seed = 3
months = 8
survey_month = 6
income_month = 8
response = 0.7
follow_up_months = 8
pool = [60, 60]
burn_in_months = 24

[variation]
job_entry = 0.3

[[arm]]
name = "a"
offices = 3
follow_up = "holf_model"
coordinators = 2
families = 5

[[arm]]
name = "b"
offices = 2
follow_up = "own_model"
coordinators = 1
families = 5
"""


@pytest.fixture
def design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Design:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL, encoding="utf-8")
    return load_design("small.toml")


# --- the draw -----------------------------------------------------------------------------------------------------


def test_each_office_draws_its_families_and_nobody_is_taken_in_later(design: Design) -> None:
    trial = simulate(design, 0)
    assert set(trial.office) == set(range(5))
    assert [int(trial.arm[trial.office == o][0]) for o in range(5)] == [0, 0, 0, 1, 1]
    for office in range(5):
        here = trial.office == office
        assert trial.drawn[here].sum() == min(5, here.sum())
    assert (~trial.drawn).sum() > 5  # an ordinary group to compare with


def test_a_trial_depends_on_nothing_but_design_seed_and_number(design: Design) -> None:
    one, again, other = simulate(design, 2), simulate(design, 2), simulate(design, 3)
    for name in ("office", "arm", "drawn", "answers", "rows"):
        assert getattr(one, name).tobytes() == getattr(again, name).tobytes()
    assert one.rows.tobytes() != other.rows.tobytes()
    assert repr(run_trials(design, workers=1)) == repr(run_trials(design, workers=2))


def test_where_no_link_works_a_familys_life_is_the_same_whether_it_is_drawn_or_not(design: Design) -> None:
    """Nobody's rows change with the number of families drawn, when following them up does nothing."""
    off = design.model_copy(update={"trial": design.trial.model_copy(update={"links": "off"})})
    fewer = off.model_copy(update={"arm": tuple(arm.model_copy(update={"families": 1}) for arm in off.arm)})
    many, few = simulate(off, 1), simulate(fewer, 1)
    assert many.drawn.sum() > few.drawn.sum()
    lived = set(REGISTER.names or ()) - {
        "plan",
        "ever_followed",
        "admitted",
        "meets_criteria",
        "contact_hours",
        "trust",
    }
    for name in lived:
        assert many.rows[name].tobytes() == few.rows[name].tobytes(), name


def test_registers_lose_a_family_only_when_its_last_child_is_grown(design: Design) -> None:
    trial = simulate(design, 0)
    left = trial.rows[-1]["generation"] == GONE
    assert left.mean() < 0.05
    assert (trial.rows[0]["generation"] >= 0).all()
    assert trial.rows.shape == (9, len(trial.office))
    for name in MEASURES:
        value, weight = trial.measure(name, 8)
        assert (weight[left] == 0.0).all()
        assert np.isnan(value[left]).all()


def test_follow_up_lasts_as_long_as_the_design_says_unless_goals_are_met(design: Design) -> None:
    trial = simulate(design, 0)
    share = [np.nanmean(trial.measure("coordinated_share", month)[0][trial.drawn]) for month in (0, 4, 7, 8)]
    assert share[0] == 1.0
    assert share[1] > 0.9
    assert share[2] > 0.6
    assert share[3] == 0.0  # eight months are over


def test_months_are_counted_from_the_draw(design: Design) -> None:
    trial = simulate(design, 0)
    value, weight = trial.measure("employed_share", 0)
    assert np.array_equal(weight, trial.rows[0]["parent"]["present"].sum(axis=1))
    assert np.isfinite(value).all()
    newly, at_risk = trial.newly_on_benefit(0)
    assert newly[at_risk > 0].sum() == 0  # nobody is newly on a benefit at the draw
    assert trial.newly_on_benefit(8)[0][at_risk > 0].sum() > 0


def test_the_pool_is_drawn_with_the_parameters(design: Design) -> None:
    head = design.trial.model_copy(update={"pool": (60, 90), "places": (0.5, 2.0)})
    wider = design.model_copy(update={"trial": head})
    drawn = [circumstances(wider, draw) for draw in range(40)]
    sizes, places = [around.pool for around in drawn], [around.places for around in drawn]
    assert min(sizes) >= 60
    assert max(sizes) <= 90
    assert len(set(sizes)) > 10
    assert 0.5 <= min(places) < 0.7
    assert 1.5 < max(places) <= 2.0
    assert circumstances(design, 3) == Circumstances(60, 1.0, 1.0)


def test_circumstances_change_places_and_openings_and_nothing_else(design: Design) -> None:
    profile = load_profile("oygarden")
    other = Circumstances(profile.families, places=0.5, openings=2.0).of(profile)
    assert other.openings_per_100_parents == 2.0 * profile.openings_per_100_parents
    for name, service in profile.services.items():
        assert other.services[name].places == (max(round(service.places / 2), 1) if service.places else 0)
        assert other.services[name].background_per_month == service.background_per_month
    assert Circumstances(profile.families).of(profile) == profile
    scarce = simulate(design, 0, circumstances=Circumstances(60, openings=0.1))
    plenty = simulate(design, 0, circumstances=Circumstances(60, openings=10.0))
    work = [np.nanmean(trial.measure("employed_share", 8)[0]) for trial in (scarce, plenty)]
    assert work[0] < work[1]
    assert (
        simulate(design, 0, circumstances=circumstances(design, 0)).rows.tobytes() == simulate(design, 0).rows.tobytes()
    )


# --- the estimates ------------------------------------------------------------------------------------------------


def made_up(offices: int = 6, families: int = 40, effect: float = 0.0, seed: int = 1) -> tuple[Trial, Any, Any]:
    rng = np.random.default_rng(seed)
    office = np.repeat(np.arange(offices), families)
    drawn = rng.random(len(office)) < 0.5
    weight = rng.integers(1, 3, len(office)).astype(float)
    value = rng.normal(size=offices)[office] * 0.3 + effect * drawn + rng.normal(size=len(office))
    trial = Trial(office, office % 2, drawn, np.ones(len(office), bool), np.zeros((2, len(office)), REGISTER), offices)
    return trial, value, weight


def test_the_estimate_within_offices_is_that_of_the_text_book() -> None:
    """Demeaned by office, and the sandwich of the offices' scores (Cameron & Miller 2015), written out by hand."""
    trial, value, weight = made_up()
    found = within_offices(value, weight, trial, "earnings", 1)
    x, y = trial.drawn.astype(float), value.copy()
    for office in range(6):
        here = trial.office == office
        x[here] -= np.average(x[here], weights=weight[here])
        y[here] -= np.average(y[here], weights=weight[here])
    bread = (weight * x * x).sum()
    slope = (weight * x * y).sum() / bread
    scores = np.bincount(trial.office, weight * x * (y - slope * x))
    n, g, k = len(value), 6, 7
    se = math.sqrt((scores**2).sum() * g / (g - 1) * (n - 1) / (n - k)) / bread
    assert (found.difference, found.se) == (pytest.approx(slope, rel=1e-10), pytest.approx(se, rel=1e-10))


def test_the_estimate_between_offices_is_students_t_on_their_means() -> None:
    from scipy import stats

    trial, value, weight = made_up()
    found = between_offices(value, weight, trial, "earnings", 1)
    means = np.array([np.average(value[trial.office == o], weights=weight[trial.office == o]) for o in range(6)])
    t = stats.ttest_ind(means[::2], means[1::2])
    assert found.difference / found.se == pytest.approx(t.statistic, rel=1e-10)
    interval = t.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low, rel=1e-9), pytest.approx(interval.high, rel=1e-9))
    assert found.found == (t.pvalue < 0.05)


def test_quick_estimates_are_those_of_statsmodels(design: Design) -> None:
    trial = simulate(design, 0)
    for outcome in MEASURED:
        for contrast in CONTRASTS:
            for month in {3, *months_of(outcome, design)}:
                slow, quick = (estimate(trial, outcome, contrast, month, quick=quick) for quick in (False, True))
                assert (quick.difference, quick.se) == (
                    pytest.approx(slow.difference, rel=1e-9, abs=1e-12),
                    pytest.approx(slow.se, rel=1e-9, abs=1e-12),
                ), (outcome, contrast)
                assert (quick.n, quick.critical) == (slow.n, slow.critical)


def test_an_effect_that_is_there_is_found_and_one_that_is_not_is_found_one_time_in_twenty() -> None:
    found = [within_offices(*made_up(29, 30, 0.6, k)[1:], made_up(29, 30, 0.6, k)[0], "earnings", 1) for k in range(20)]
    assert all(estimate.found and estimate.low < 0.6 < estimate.high + 0.3 for estimate in found)
    none = [
        between_offices(*made_up(28, 10, 0.0, k)[1:], made_up(28, 10, 0.0, k)[0], "earnings", 1) for k in range(400)
    ]
    share = np.mean([estimate.found for estimate in none])
    assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 400)


def test_a_trial_without_an_ordinary_group_says_nothing_about_coordinators(design: Design) -> None:
    trial = simulate(design, 0)
    everybody = replace(trial, drawn=np.ones(len(trial.drawn), bool))
    few = replace(trial, answers=np.arange(len(trial.answers)) < 2)
    assert any(math.isnan(estimate.se) for estimate in estimates(few, design))  # and no crash
    by_contrast = {estimate.contrast: estimate for estimate in estimates(everybody, design)}
    assert math.isnan(by_contrast["coordinator_v_ordinary"].difference)
    assert not by_contrast["coordinator_v_ordinary"].found
    assert math.isfinite(by_contrast["model_v_model"].se)


def test_only_those_who_answer_are_in_the_survey(design: Design) -> None:
    trial = simulate(design, 0)
    n = {(e.contrast, e.outcome): e.n for e in estimates(trial, design)}
    assert n["coordinator_v_ordinary", "adequate_housing_share"] == trial.answers.sum() < len(trial.answers)
    assert n["coordinator_v_ordinary", "disposable_income"] == len(trial.answers)


# --- answers ------------------------------------------------------------------------------------------------------


def test_answers_are_the_estimates_of_the_simulated_trial(design: Design) -> None:
    setting = Setting(design="small.toml")
    asked = [Question(one.name, setting) for one in names()]
    found = answer(asked, None, seed=3, number=1)
    made = {(e.outcome, e.contrast): e for e in estimates(simulate(design, 1), design)}
    for question, (difference, se) in zip(asked, found, strict=True):
        _, outcome, contrast = question.statistic.split(".")
        assert difference == pytest.approx(made[outcome, contrast].difference, rel=1e-9, abs=1e-12), question.statistic
        assert se == pytest.approx(made[outcome, contrast].se, rel=1e-9, abs=1e-12)


def test_an_answer_is_the_same_alone_or_in_company_and_heeds_its_setting(design: Design) -> None:
    name = "trial.employed_share.coordinator_v_ordinary"
    settings = [Setting(design="small.toml", month=month) for month in (2, 10)]
    together = answer([Question(name, setting) for setting in settings], None, seed=3, number=1)
    for setting, found in zip(settings, together, strict=True):
        assert answer([Question(name, setting)], None, seed=3, number=1).tobytes() == found[None].tobytes()
    for changed in ({"profile": "nav-fana"}, {"prices": "2025"}, {"families": 70}):
        other = Setting(design="small.toml", month=2, **changed)
        assert answer([Question(name, other)], None, seed=3, number=1)[0, 0] != together[0, 0]


@pytest.mark.parametrize("name", ["trial.employed_shar.model_v_model", "trial.earnings.model", "trial", "trial.a.b.c"])
def test_a_statistic_that_no_trial_has_is_refused(design: Design, name: str) -> None:
    with pytest.raises(InputError, match="there is no statistic"):
        answer([Question(name, Setting(design="small.toml"))], None, seed=3, number=1)


# --- many trials --------------------------------------------------------------------------------------------------


def test_what_can_be_detected_is_what_four_in_five_trials_find(design: Design) -> None:
    rng, se, critical = np.random.default_rng(5), 2.0, 2.05
    effect = (critical + FOUR_IN_FIVE) * se

    def a_trial(z: float, effect: float) -> Simulated:
        return Simulated([Estimate("model_v_model", "earnings", 1, effect + se * z, se, critical, 9)], 1.0, 0.0, 1.0)

    trials = [a_trial(z, effect) for z in rng.normal(size=4000)]
    row = table(trials, design).iloc[0]
    assert row["detectable"] == pytest.approx(effect)
    assert abs(row["found"] - 0.8) < 4 * math.sqrt(0.16 / 4000)
    assert row["offices_needed"] == pytest.approx(design.offices, abs=1)
    unknown = [a_trial(z, 0.0) for z in (-1.0, 0.5, 1.5, -0.9)]
    assert math.isnan(table(unknown, design).iloc[0]["offices_needed"])


def test_the_command_writes_its_table_and_prints_records(design: Design, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["trial", "small.toml", "--out", "there", "--quiet"]) == 0
    written = pd.read_csv("there/trial.csv")
    assert set(written["contrast"]) == {"coordinator_v_ordinary", "model_v_model"}
    assert written.columns[:5].tolist() == ["contrast", "outcome", "unit", "month", "mean"]
    capsys.readouterr()
    assert run.main(["trial", "small.toml", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert len(records) == len(written)
    assert {"name", "value", "low", "high", "unit"} <= set(records[0])
    assert not Path("results").exists()
    for lang, word in (("nb", "koordinator mot ordinær"), ("en", "coordinator against ordinary")):
        assert run.main(["trial", "small.toml", "--lang", lang, "--out", lang]) == 0
        assert word in capsys.readouterr().out


def test_without_statsmodels_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run.main(["trial"]) == 2
    assert "[calibration]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("survey_month = 6", "survey_month = 9", ["small.toml", "trial.survey_month", "1 to 8"]),
        ("offices = 3", "offices = 1", ["arm", "offices"]),
        ('name = "b"', 'name = "a"', ["arm.a", "a name of its own"]),
        ("pool = [60, 60]", "pool = [60, 50]", ["trial.pool", "[120, 240]"]),
        ("families = 5", "families = 500", ["arm.a.families", "at most 60 families a coordinator"]),
        ("pool = [60, 60]", "pool = [60, 60]\nplaces = [2.0, 0.5]", ["trial.places", "[0.5, 2.0]"]),
        ("response = 0.7", "response = 1.7", ["trial.response", "up to 1"]),
        ("pool = [60, 60]", "pol = [60, 60]", ["trial.pol", "pool"]),
        ('profile = "oygarden"', 'profile = "oygaden"', ["oygarden"]),
        ('prices = "2017"', 'prices = "1907"', ["2017"]),
    ],
)
def test_a_design_that_cannot_be_gets_one_message(
    design: Design, wrong: str, right: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("small.toml").write_text(SMALL.replace(wrong, right, 1), encoding="utf-8")
    assert run.main(["trial", "small.toml", "--out", "there"]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(word in message for word in words), message
    assert not Path("there").exists()
    with pytest.raises(InputError):
        simulate(load_design("small.toml"), 0)


@pytest.mark.long
def test_where_nothing_has_an_effect_one_trial_in_twenty_finds_one() -> None:
    """The HOLF design with every link off: what is found is found by chance, as often as a 95 % interval says."""
    design = load_design("holf")
    off = design.model_copy(update={"trial": design.trial.model_copy(update={"links": "off", "trials": 400})})
    found = table(run_trials(off), off)
    between = found[found["contrast"] == "model_v_model"]["found"]
    assert (abs(between - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 400)).all()
    within = found[found["contrast"] == "coordinator_v_ordinary"]["found"]  # 29 clusters: somewhat too often
    assert ((within > 0.02) & (within < 0.12)).all()
