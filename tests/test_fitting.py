"""The fit, checked where the answer is known: normal worlds with posteriors in closed form, nulls by their formula."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from calibration.emulator import emulate
from calibration.likelihood import Likelihood, Observed, Z, sample
from calibration.priors import columns_to_normal, from_normal, to_normal, uncertain
from simulation.errors import InputError
from simulation.parameters import find_parameter, parameter_names, parameters_hash, prior_values

NOBODY = np.empty(0)


def observed(values=(), variance=(), nulls=0, se=None, low=-Z, high=Z, discrepancy=0.0):
    v = len(values)
    return Observed(
        value_at=np.arange(v),
        value=np.asarray(values, float),
        variance=np.asarray(variance, float),
        null_at=v + np.arange(nulls),
        log_se_at=v + nulls + np.arange(nulls),
        se=np.full(nulls, np.nan) if se is None else np.asarray(se, float),
        low=np.full(nulls, low),
        high=np.full(nulls, high),
        discrepancy=np.full(nulls, discrepancy),
    )


def linear_world(slopes, noise, rows=4000, log_se=(), seed=1):
    """Answers that are linear in normal inputs, with independent noise; log standard errors that are constant."""
    chance = np.random.default_rng(seed)
    slopes = np.asarray(slopes, float)
    z = chance.standard_normal((rows, slopes.shape[0]))
    answers = z @ slopes + np.asarray(noise) * chance.standard_normal((rows, slopes.shape[1]))
    constant = np.tile(np.asarray(log_se, float), (rows, 1)) + 1e-9 * chance.standard_normal((rows, len(log_se)))
    return z, np.hstack([answers, constant])


# --- priors as normal numbers -----------------------------------------------------------------------------------------


@given(st.sampled_from([parameter.name for parameter in uncertain()]), st.floats(-4, 4))
def test_a_value_and_its_place_in_the_prior_are_each_others_inverse(name, z):
    parameter = find_parameter(name)
    assert to_normal(parameter, from_normal(parameter, np.array(z))) == pytest.approx(z, abs=1e-6)


@given(st.sampled_from([parameter.name for parameter in uncertain()]), st.floats(0.01, 0.99))
def test_the_place_in_the_prior_agrees_with_the_quantile(name, u):
    parameter = find_parameter(name)
    assert from_normal(parameter, norm.ppf(u)) == pytest.approx(parameter.quantile(u), rel=1e-9)


def test_prior_draws_are_standard_normal_in_every_parameter():
    names = [parameter.name for parameter in uncertain()]
    z = columns_to_normal(names, np.stack([prior_values(3, draw) for draw in range(2000)]))
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(2000)
    assert np.abs(z.std(axis=0) - 1.0).max() < 4.5 / np.sqrt(4000)


# --- the emulator -----------------------------------------------------------------------------------------------------


def test_an_emulator_finds_a_quadratic_surface_and_the_noise_around_it():
    chance = np.random.default_rng(2)
    z = chance.standard_normal((3000, 3))
    surface = 1.0 + 2.0 * z[:, 0] - z[:, 1] + 0.5 * z[:, 0] * z[:, 1] - 0.3 * z[:, 2] ** 2
    emulator = emulate(z, (surface + 0.4 * chance.standard_normal(3000))[:, None])
    assert np.abs(emulator.mean(z)[:, 0] - surface).max() < 0.25
    assert emulator.spread[0, 0] == pytest.approx(0.16, rel=0.1)
    assert emulator.explained[0] == pytest.approx(surface.var() / (surface.var() + 0.16), abs=0.02)


def test_an_answer_that_nothing_moves_is_not_explained():
    chance = np.random.default_rng(3)
    emulator = emulate(chance.standard_normal((2000, 5)), chance.standard_normal((2000, 1)))
    assert emulator.explained[0] < 0.03


# --- the likelihood ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [-2.0, -0.5, 0.0, 1.0, 2.5])
def test_a_null_has_the_probability_that_a_trial_finds_nothing(z):
    """Φ(1.96 - d/SE) - Φ(-1.96 - d/SE) with d = 2 z and SE = 1, chance of the trial and nothing else."""
    world = linear_world([[2.0]], [1.0], rows=20_000, log_se=[0.0])
    likelihood = Likelihood(emulate(*world), observed(nulls=1))
    d = 2.0 * z
    formula = norm.cdf(Z - d) - norm.cdf(-Z - d)
    assert np.exp(likelihood(np.array([[z]]))[0]) == pytest.approx(formula, rel=0.1, abs=2e-4)


def test_the_published_precision_takes_the_place_of_the_simulated_one():
    world = linear_world([[1.0]], [1.0], rows=20_000, log_se=[0.0])
    likelihood = Likelihood(emulate(*world), observed(nulls=1, se=[0.5]))
    formula = norm.cdf(Z - 1.0 / 0.5) - norm.cdf(-Z - 1.0 / 0.5)
    assert np.exp(likelihood(np.array([[1.0]]))[0]) == pytest.approx(formula, rel=0.05)


def test_nothing_found_on_one_side_only_says_nothing_of_the_other():
    world = linear_world([[1.0]], [1.0], rows=20_000, log_se=[0.0])
    likelihood = Likelihood(emulate(*world), observed(nulls=1, low=-np.inf))
    down, up = np.exp(likelihood(np.array([[-4.0], [4.0]])))
    assert down == pytest.approx(1.0, abs=1e-6)
    assert up < 0.03


def test_nulls_enter_together_with_their_correlation():
    """The probability of a box under a normal distribution, against SciPy's."""
    chance = np.random.default_rng(4)
    mixed = np.array([[1.0, 0.9, 0.2, 0.0], [0.0, 0.4, 0.3, 0.0], [0.0, 0.0, 0.9, 0.3], [0.0, 0.0, 0.0, 1.0]])
    z = chance.standard_normal((30_000, 1))
    answers = chance.standard_normal((30_000, 4)) @ mixed + 0.8 * z
    emulator = emulate(z, np.hstack([answers, np.full((30_000, 4), 0.0) + 1e-9 * chance.standard_normal((30_000, 4))]))
    likelihood = Likelihood(emulator, observed(nulls=4), points=512)
    for at in (0.0, 1.0, 2.0):
        exact = multivariate_normal(np.full(4, 0.8 * at), mixed.T @ mixed).cdf(
            np.full(4, Z), lower_limit=np.full(4, -Z)
        )
        assert np.exp(likelihood(np.array([[at]]))[0]) == pytest.approx(exact, rel=0.06)
    apart = np.prod([norm.cdf(Z - 1.6) - norm.cdf(-Z - 1.6) for _ in range(4)])
    assert np.exp(likelihood(np.array([[2.0]]))[0]) > 1.5 * apart, "correlated nulls count as less than four"


def test_the_posterior_of_a_linear_normal_world_is_the_one_in_closed_form():
    slopes, noise, error = np.array([[1.0, 0.3], [0.0, 0.8]]), np.array([0.5, 0.5]), np.array([0.04, 0.09])
    emulator = emulate(*linear_world(slopes, noise, rows=20_000))
    seen = np.array([1.2, -0.4])
    draws, _ = sample(Likelihood(emulator, observed(seen, error)), 2, seed=5, draws=6000, thin=5)
    precision = np.eye(2) + slopes @ np.diag(1.0 / (noise**2 + error)) @ slopes.T
    covariance = np.linalg.inv(precision)
    mean = covariance @ slopes @ np.diag(1.0 / (noise**2 + error)) @ seen
    assert np.abs(draws.mean(axis=0) - mean).max() < 0.05
    assert np.abs(np.cov(draws, rowvar=False) - covariance).max() < 0.05


@pytest.mark.long
def test_as_many_inputs_as_the_trial_has_are_drawn_until_the_chains_agree():
    import arviz as az

    from calibration.fitting import BURN, FULL, THIN

    chance = np.random.default_rng(1)
    world = linear_world(0.3 * chance.standard_normal((18, 30)), np.ones(30), rows=6000, log_se=np.zeros(10))
    likelihood = Likelihood(emulate(*world), observed(np.zeros(20), np.ones(20), nulls=10))
    draws, chains = sample(likelihood, 18, seed=1, draws=FULL.draws, burn=BURN, thin=THIN)
    assert az.rhat({"z": chains})["z"].to_numpy().max() < 1.03
    assert az.ess({"z": chains})["z"].to_numpy().min() > FULL.draws / 2
    assert len(draws) == FULL.draws


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    likelihood = Likelihood(emulate(*linear_world([[1.0]], [0.5])), observed([0.3], [0.1]))
    first, again, other = (sample(likelihood, 1, seed=seed, draws=100, burn=50)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- posteriors on disk -----------------------------------------------------------------------------------------------


def write(path, hash_of, **columns):
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = {b"familiebaner": json.dumps({"parameters_hash": hash_of}).encode()} if hash_of else None
    pq.write_table(pa.table(columns).replace_schema_metadata(told), path)


def test_a_posterior_of_other_priors_is_refused_with_one_message(tmp_path):
    from simulation.posterior import load_posterior

    write(tmp_path / "old.parquet", "0" * 64, job_entry=[0.08])
    with pytest.raises(InputError, match="another version of the parameters") as refused:
        load_posterior(str(tmp_path / "old.parquet"))
    assert "run.py calibrate" in str(refused.value)


def test_a_posterior_of_these_priors_and_one_that_says_nothing_are_read(tmp_path):
    from simulation.posterior import posterior_values

    write(tmp_path / "new.parquet", parameters_hash(), job_entry=[0.08])
    write(tmp_path / "own.parquet", None, job_entry=[0.08])
    place = parameter_names().index("job_entry")
    for name in ("new", "own"):
        values = posterior_values(str(tmp_path / f"{name}.parquet"), 1, 0)
        assert values[place] == 0.08
        assert np.array_equal(np.delete(values, place), np.delete(prior_values(1, 0), place))


# --- the table of simulations -----------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """Answers that cost nothing: sums of parameters, and how many were asked for."""
    from calibration import table

    asked = []

    def ask(questions, values, *, seed, number):
        asked.append(number)
        return np.full((len(questions), 2), float(values.sum()) + number)

    monkeypatch.setattr(table, "ask", ask)
    return asked


def rows_of(folder, workers=1, count=60, seed=1):
    from calibration.questions import Question, Setting
    from calibration.table import Job, simulate_rows

    job = Job((Question("pool.employed_share", Setting()),), None, seed)
    values = np.stack([prior_values(1, k) for k in range(count)])
    return simulate_rows(job, values, 2 * np.arange(count), folder=folder, workers=workers)


def test_rows_are_the_same_on_one_core_and_two_and_after_a_kill(tmp_path, counted):
    whole = rows_of(tmp_path / "a")
    assert len(counted) == 60
    assert np.array_equal(rows_of(tmp_path / "b", workers=2).answers, whole.answers)
    chunks = sorted((tmp_path / "a").glob("rows-*.parquet"))
    chunks[0].unlink()
    chunks[1].write_bytes(chunks[1].read_bytes()[:100])
    counted.clear()
    assert np.array_equal(rows_of(tmp_path / "a").answers, whole.answers)
    assert len(counted) == 50, "only what was lost is simulated again"


def test_a_folder_of_other_rows_is_refused(tmp_path, counted):
    rows_of(tmp_path / "a")
    with pytest.raises(InputError, match="other inputs or other code"):
        rows_of(tmp_path / "a", seed=2)


# --- recovery ---------------------------------------------------------------------------------------------------------


def test_coverage_is_told_with_a_band_for_all_at_once():
    from calibration.recovery import DRAWS, Recovery, histogram

    chance = np.random.default_rng(6)
    even = chance.integers(0, DRAWS + 1, (200, 8))
    narrow = np.where(chance.random((200, 1)) < 0.5, 0, DRAWS)  # the truth always beyond the draws
    found = Recovery(tuple("abcdefghi"), np.hstack([even, narrow]), np.zeros((200, 9))).table()
    assert found[found["quantity"] != "i"]["inside"].all()
    assert not found[found["quantity"] == "i"]["inside"].any()
    assert isinstance(found, pd.DataFrame)
    counts, low, high = histogram(np.hstack([even, narrow]))
    assert counts[:8].min() >= low
    assert counts[8].max() > high


# --- what fresh eyes found --------------------------------------------------------------------------------------------


class Silent:
    """A likelihood of data that say nothing."""

    def __call__(self, z):
        return np.zeros(len(z))


def test_data_that_say_nothing_leave_the_prior_as_it_was_in_many_dimensions():
    draws, _ = sample(Silent(), 18, seed=3, draws=4000, thin=10)
    assert draws.var(axis=0).mean() == pytest.approx(1.0, abs=0.03)
    assert np.mean(np.abs(draws) < 1.6449) == pytest.approx(0.9, abs=0.01)


def test_chance_of_a_simulated_world_is_taken_off_a_value_and_not_off_what_draws_add():
    emulator = emulate(*linear_world([[1.0]], [0.5], rows=20_000))
    seen = observed([1.0], [0.04])
    with_chance, without = (Likelihood(emulator, seen, chance) for chance in (None, np.array([[0.2]])))
    # the log density at the mean is 0, a standard deviation s off it -1/2
    for likelihood, variance in ((with_chance, 0.25 + 0.04), (without, 0.05 + 0.04)):
        at = np.array([[1.0], [1.0 - np.sqrt(variance)]])
        assert np.diff(likelihood(at))[0] == pytest.approx(-0.5, abs=0.05)


def test_more_chance_than_there_is_spread_leaves_the_published_error_alone():
    emulator = emulate(*linear_world([[1.0]], [0.5], rows=20_000))
    likelihood = Likelihood(emulator, observed([1.0], [0.04]), np.array([[9.0]]))
    assert np.diff(likelihood(np.array([[1.0], [0.8]])))[0] == pytest.approx(-0.5, abs=0.05)


def test_answers_of_two_worlds_to_a_draw_are_drawn_together_by_their_chance():
    from calibration.predictions import without_chance

    chance = np.random.default_rng(8)
    expected = np.repeat(chance.standard_normal(4000), 2)
    x = without_chance(expected + 2.0 * chance.standard_normal(8000))
    assert x.std() == pytest.approx(1.0, abs=0.12)
    assert without_chance(expected) == pytest.approx(expected)
    assert without_chance(chance.standard_normal(8000)).std() < 0.3


def test_office_means_are_tested_by_students_t():
    from calibration.predictions import critical
    from calibration.targets import load_targets

    by_name = {target.name: target for target in load_targets("holf").targets}
    assert critical(by_name["holf-work-model-v-own"]) == pytest.approx(2.0518, abs=1e-3)
    assert critical(by_name["holf-work-coordinator-v-none"]) == pytest.approx(Z)


def test_explanations_choose_the_draws_in_which_they_are_most_true():
    from calibration.explanations import subsets

    chance = np.random.default_rng(9)
    names = ("work_support_ratio", "health_benefit_ratio", "dropout_ratio", "dose_half", "job_entry", "trial.places")
    z = {name: chance.standard_normal(1000) for name in names}
    found = subsets(z)
    assert set(found) == {"all", "weak_links", "low_dose", "full_services"}
    assert len(found["weak_links"]) == 200
    means = {name: values[found["weak_links"]].mean() for name, values in z.items()}
    assert means["work_support_ratio"] < -0.5
    assert means["health_benefit_ratio"] < -0.5, "its larger values do more, whether that is good or bad"
    assert means["dropout_ratio"] > 0.5
    assert abs(means["job_entry"]) < 0.25
    assert z["dose_half"][found["low_dose"]].min() > np.quantile(z["dose_half"], 0.79)
    assert z["trial.places"][found["full_services"]].max() < np.quantile(z["trial.places"], 0.21)


def test_what_is_published_of_a_synthetic_trial_says_what_was_found_and_of_which_sign():
    from calibration.recovery import published

    seen = observed([0.0], [0.01], nulls=3, se=[1.0, 1.0, 1.0])
    told = published(np.array([5.0, 0.5, 3.0, -4.0, 0.0, 0.0, 0.0]), seen, np.zeros(4))
    assert told.value == pytest.approx([5.0])
    assert told.low == pytest.approx([-Z, Z, -np.inf])
    assert told.high == pytest.approx([Z, np.inf, -Z])


def test_what_unfitted_parameters_add_comes_from_other_truths():
    from calibration.recovery import _drawn

    left = np.arange(40.0)[:, None]
    picked = _drawn(left, 1)[:, :, 0]
    for k in range(40):
        assert set(picked[k] % 2) == {(k + 1) % 2}


def test_a_null_of_trials_of_any_size_has_the_probability_that_one_of_that_size_finds_nothing():
    """Trials of small groups among them must not blur what a trial of large groups would have found."""
    chance = np.random.default_rng(10)
    z = chance.standard_normal((20_000, 2))
    se = np.exp(0.8 * z[:, 1])  # the second input decides how large the groups are
    difference = 2.0 * z[:, 0] + se * chance.standard_normal(20_000)
    units = np.column_stack([se, np.ones(20_000)])
    likelihood = Likelihood(emulate(z, np.column_stack([difference, np.log(se)]), units), observed(nulls=1))
    for effect, size in ((0.0, 0.0), (1.0, 0.0), (1.0, -1.0), (1.0, 1.0)):
        d = 2.0 * effect / np.exp(0.8 * size)
        formula = norm.cdf(Z - d) - norm.cdf(-Z - d)
        assert np.exp(likelihood(np.array([[effect, size]]))[0]) == pytest.approx(formula, rel=0.1, abs=0.005)


def test_names_of_columns_with_commas_are_read_back_as_they_were(tmp_path):
    from results import files

    table = pd.DataFrame({"10 vs 20, same staff | employed_share": [3, 199], 'so "called"': [0.5, 1.0]})
    files.write_csv(tmp_path / "ranks.csv", table)
    assert pd.read_csv(tmp_path / "ranks.csv").equals(table)
