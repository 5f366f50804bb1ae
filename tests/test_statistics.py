"""The tables of a run, on numbers small enough to work by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up import made_up_runs
from scipy import integrate, stats

from results import statistics
from results.costs import PAYERS, costs_path, load_costs
from scenarios import load_study
from simulation.engine import run_replicate
from simulation.errors import InputError
from simulation.outcomes import FLOWS, LEAD_MONTHS, OUTCOME_NAMES, OUTCOMES, Runs
from simulation.runner import run_study

WORK = OUTCOME_NAMES.index("employed_share")


def small_runs(a: list[float], b: list[float], draw: list[int], outcome: str = "employed_share") -> Runs:
    """Two arms with one outcome and one month: everything else is empty."""
    k, n = OUTCOME_NAMES.index(outcome), len(OUTCOMES)
    study = np.full((len(draw), 2, 2, LEAD_MONTHS + 1, n), np.nan)
    study[:, 0, 0, -1, k], study[:, 1, 0, -1, k] = a, b
    return Runs(
        arms=("a", "b"),
        contrasts=(("a vs b", "a", "b"),),
        horizon=0,
        replicate=np.arange(len(draw), dtype=np.int64),
        draw=np.array(draw, dtype=np.int64),
        study=study,
        followed=np.full((len(draw), 2, 1, n), np.nan),
        followed_families=np.zeros((len(draw), 2)),
        paired=np.full((len(draw), 1, 2, 2, 1, n), np.nan),
        flows=np.zeros((len(draw), 2, 0, len(FLOWS))),
    )


def only(runs: Runs) -> tuple[pd.Series, pd.Series]:
    """The one row of each table of differences."""
    differences, variance = statistics.difference_tables(runs)
    assert len(differences) == len(variance) == 1
    return differences.iloc[0], variance.iloc[0]


# ---- worked by hand -------------------------------------------------------------------------------------------------


def test_analysis_of_variance_of_three_draws_of_two_is_that_worked_by_hand():
    # Draws 1,3 / 5,7 / 6,8: means 2, 6, 7 around 5; within: 6 over 3 degrees of freedom; between: 2 (9 + 1 + 4) / 2.
    row, variance = only(small_runs([1, 3, 5, 7, 6, 8], [0] * 6, [0, 0, 1, 1, 2, 2]))
    assert row["mean"] == 5
    assert variance.variance_chance == pytest.approx(2)
    assert variance.variance_draws == pytest.approx((14 - 2) / 2)
    half = 4.302652729911275 * np.sqrt(7 / 3)  # t with 2 degrees of freedom, standard error of three draw means
    assert row.ci_low == pytest.approx(5 - half)
    assert row.ci_high == pytest.approx(5 + half)


def test_draws_of_unequal_size_use_the_mean_size_of_random_effects():
    # Draws 1,3 / 5: within 2 over 1; between 2*1 + 1*4 over 1; size (3 - 5/3) / 1.
    _, variance = only(small_runs([1, 3, 5], [0, 0, 0], [0, 0, 1]))
    assert variance.variance_chance == pytest.approx(2)
    assert variance.variance_draws == pytest.approx((6 - 2) / (4 / 3))


def test_with_few_draws_nothing_is_taken_out_of_their_spread():
    row, _ = only(small_runs([1, 3, 5, 7, 6, 8], [0] * 6, [0, 0, 1, 1, 2, 2]))
    assert [row.p05, row.p50, row.p95] == pytest.approx(np.percentile([2.0, 6.0, 7.0], [5, 50, 95]))


def test_percentiles_are_of_draw_means_drawn_in_until_chance_is_out():
    # Ten draws of two: means 0..9, each replicate half a step to either side. Mean squares: 2 x 9.1667 and 0.5.
    values = [mean + side for mean in range(10) for side in (-0.5, 0.5)]
    row, _ = only(small_runs(values, [0] * 20, [k // 2 for k in range(20)]))

    def density(ratio: float) -> float:
        return stats.f.pdf(2 * 82.5 / 9 / 0.5 / ratio, 9, 10) / ratio

    above = integrate.quad(lambda x: (x - 1) * density(x), 1, np.inf)[0] / integrate.quad(density, 1, np.inf)[0]
    believed = 0.5 * above / 2
    expected = 4.5 + min(1.0, np.sqrt(believed / (82.5 / 9))) * (np.arange(10) - 4.5)
    assert [row.p05, row.p50, row.p95] == pytest.approx(np.percentile(expected, [5, 50, 95]))


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.3, 3.0])
def test_draws_that_differ_no_more_than_chance_are_still_believed_to_differ_a_little(ratio):
    def density(x: float) -> float:
        return stats.f.pdf(ratio / x, 249, 250) / x

    by_quadrature = (
        integrate.quad(lambda x: (x - 1) * density(x), 1, 60, limit=500, points=[1.5, 3])[0]
        / integrate.quad(density, 1, 60, limit=500, points=[1.5, 3])[0]
        / 2
    )
    one = np.ones(1)
    got = statistics.believed_variance(ratio * one, one, 249 * one, 250 * one, 2 * one)
    assert got[0] == pytest.approx(by_quadrature, rel=1e-6)
    assert got[0] > 0.0


def test_when_draws_differ_no_more_than_chance_the_expected_difference_has_no_spread():
    row, variance = only(small_runs([-3, 5, 5, -3], [0] * 4, [0, 0, 1, 1]))
    assert variance.variance_draws == 0
    assert row.p05 == row.p50 == row.p95 == row["mean"] == 1
    assert row.prob_better == 1
    assert row.prob_better_realised == 0.5


def test_replicates_of_one_draw_count_as_one_cluster():
    once, _ = only(small_runs([1, 5, 9], [0] * 3, [0, 1, 2]))
    twice, _ = only(small_runs([1, 1, 5, 5, 9, 9], [0] * 6, [0, 0, 1, 1, 2, 2]))
    assert (once.ci_low, once.ci_high) == pytest.approx((twice.ci_low, twice.ci_high))


def test_one_draw_gives_no_interval_of_the_mean():
    row, _ = only(small_runs([1, 2], [0, 0], [0, 0]))
    assert np.isnan(row.ci_low)
    assert np.isnan(row.ci_high)
    assert row["mean"] == row.p50 == 1.5


def test_one_replicate_a_draw_leaves_chance_in_the_spread():
    row, variance = only(small_runs([1, 2, 3], [0, 0, 0], [0, 1, 2]))
    assert np.isnan(variance.variance_draws)
    assert np.isnan(variance.variance_chance)
    assert row.p05 == pytest.approx(1.1)


def test_variance_ratio_compares_the_pair_with_the_sides_within_draws():
    # a 1,2 and b 0,2 within one draw: squares 0.5 and 2; their difference 1,0 has 0.5.
    row, _ = only(small_runs([1, 2, 7, 7], [0, 2, 3, 3], [0, 0, 1, 1]))
    assert row.variance_ratio == pytest.approx(0.5 / 2.5)


def test_equal_arms_are_exactly_equal():
    values = [0.1, 0.7, 0.3, 0.2, 0.9, 0.4]
    row, variance = only(small_runs(values, values, [0, 0, 1, 1, 2, 2]))
    names = ["mean", "ci_low", "ci_high", "p05", "p50", "p95", "variance_ratio"]
    assert row[names].tolist() == [0.0] * 7
    assert not any(np.signbit(row[names].to_numpy(float)))
    assert row.prob_better == row.prob_better_realised == 0.5
    assert variance.variance_draws == variance.variance_chance == 0


def test_a_constant_outcome_has_no_variance_ratio_and_no_spread():
    runs = small_runs([0.1] * 6, [0.1] * 6, [0, 0, 1, 1, 2, 2])
    assert np.isnan(only(runs)[0].variance_ratio)
    row = statistics.outcomes_table(runs).iloc[0]
    assert (row["mean"], row["sd"], row.p05, row.p95) == (0.1, 0.0, 0.1, 0.1)


def test_ties_count_half():
    row, _ = only(small_runs([1, 1, 0, 0, -1, -1, 1, 1], [0] * 8, [0, 0, 1, 1, 2, 2, 3, 3]))
    assert row.prob_better == row.prob_better_realised == (2 + 0.5) / 4


def test_favourable_follows_the_direction_of_the_outcome():
    up, _ = only(small_runs([1, 1, 2, 2], [0] * 4, [0, 0, 1, 1]))
    down, _ = only(small_runs([1, 1, 2, 2], [0] * 4, [0, 0, 1, 1], "low_income_share"))
    neither, _ = only(small_runs([1, 1, 2, 2], [0] * 4, [0, 0, 1, 1], "wait_health"))
    assert (up.prob_better, down.prob_better) == (1, 0)
    assert np.isnan(neither.prob_better)


def test_means_are_over_replicates_where_the_group_is_not_empty():
    runs = small_runs([1, np.nan, 3, 5], [0, 0, 0, np.nan], [0, 0, 1, 1])
    row, _ = only(runs)
    assert (row["mean"], row.replicates, row.draws) == (2, 2, 2)
    outcomes = statistics.outcomes_table(runs).set_index("arm")
    assert outcomes.loc["a", "mean"] == 3
    assert outcomes.loc["a", "replicates"] == 3


def test_rows_of_groups_that_are_empty_in_every_replicate_are_left_out():
    table = statistics.outcomes_table(made_up_runs(6, 3))
    assert not len(table.query("outcome == 'upper_secondary_share'"))
    assert not len(table.query("arm == 'ordinary' and population == 'followed'"))
    assert len(table.query("arm == 'caseload-10' and population == 'followed'"))


# ---- the contract ---------------------------------------------------------------------------------------------------


def test_columns_stand_in_the_order_of_the_contract():
    runs = made_up_runs(6, 3)
    differences, variance = statistics.difference_tables(runs)
    costs = statistics.costs_table(runs, load_costs(costs_path("2025")))
    assert ",".join(statistics.outcomes_table(runs)).startswith(
        "arm,population,clock,outcome,unit,month,mean,sd,p05,p50,p95"
    )
    assert ",".join(differences).startswith(
        "contrast,population,outcome,unit,month,mean,ci_low,ci_high,p05,p50,p95,prob_better,variance_ratio"
    )
    assert ",".join(variance).startswith("contrast,population,outcome,month,variance_draws,variance_chance")
    assert ",".join(costs).startswith("arm,payer,item,unit,mean,p05,p95")


def test_months_and_populations_are_those_of_the_contract():
    runs = made_up_runs(6, 3)
    outcomes, differences = statistics.outcomes_table(runs), statistics.differences_table(runs)
    assert set(outcomes.query("clock == 'study'").month) == set(range(-12, 4))
    assert set(outcomes.query("clock == 'family'").month) == set(range(4))
    assert set(differences.month) == set(range(4))
    assert set(differences.population) == {"pool", "eligible", "followed_in_both", "followed_in_one"}


def test_differences_are_those_of_the_two_arms():
    runs = made_up_runs(10, 4)
    outcomes = statistics.outcomes_table(runs).set_index(["arm", "population", "clock", "outcome", "month"])["mean"]
    differences = statistics.differences_table(runs).set_index(["contrast", "population", "outcome", "month"])["mean"]
    for name, arm, against in runs.contrasts:
        for outcome in statistics.HEADLINES:
            apart = outcomes[arm, "pool", "study", outcome, 4] - outcomes[against, "pool", "study", outcome, 4]
            assert differences[name, "pool", outcome, 4] == pytest.approx(apart)


def test_the_order_of_replicates_changes_no_byte():
    runs = made_up_runs(21, 2)
    order = np.random.default_rng(1).permutation(21)
    names = ("replicate", "draw", "study", "followed", "followed_families", "paired", "flows", "drift")
    shuffled = replace(runs, **{name: getattr(runs, name)[order] for name in names})
    costs = load_costs(costs_path("2025"))
    for make in (
        statistics.outcomes_table,
        statistics.differences_table,
        statistics.variance_table,
        statistics.replicates_table,
        statistics.reach_table,
        statistics.drift_table,
        lambda r: statistics.costs_table(r, costs),
        lambda r: statistics.cost_differences_table(r, costs),
    ):
        pd.testing.assert_frame_equal(make(runs), make(shuffled), check_exact=True)


def test_a_run_in_which_everything_failed_has_empty_tables_with_their_columns():
    runs = made_up_runs(2, 2)
    names = ("replicate", "draw", "study", "followed", "followed_families", "paired", "flows", "drift")
    empty = replace(runs, **{name: getattr(runs, name)[:0] for name in names})
    assert list(statistics.outcomes_table(empty)) == list(statistics.OUTCOME_COLUMNS)
    assert not len(statistics.differences_table(empty))
    assert not len(statistics.replicates_table(empty))
    assert not len(statistics.costs_table(empty, load_costs(costs_path("2025"))))


def test_replicates_have_one_row_an_arm_population_and_replicate():
    table = statistics.replicates_table(made_up_runs(8, 2))
    assert not table.duplicated(["arm", "population", "replicate"]).any()
    assert len(table.query("population == 'pool'")) == 8 * 4
    assert (table.draw == table.replicate // 2).all()


# ---- costs ----------------------------------------------------------------------------------------------------------


def one_flow(**flows: float) -> Runs:
    """One replicate of one arm over 24 months with the same flows every month."""
    runs = made_up_runs(2, 24, arms=("only",), contrasts=())
    values = np.zeros((2, 1, 24, len(FLOWS)))
    for name, value in flows.items():
        values[..., FLOWS.index(name)] = value
    return replace(runs, flows=values)


def test_two_positions_over_two_years_cost_four_positions_a_year():
    costs = load_costs(costs_path("2025"))
    table = statistics.costs_table(one_flow(coordinator_positions=2.0), costs)
    mean = table.set_index(["payer", "item", "unit"])["mean"]
    position, training = 668_000 * 1.13 * 1.141 * 1.225, 30_000
    assert mean["municipality", "coordinators", "NOK"] == pytest.approx(4 * position)
    assert mean["municipality", "training_and_supervision", "NOK"] == pytest.approx(4 * training)
    factors = [1.04 ** (-m / 12) for m in range(1, 25)]
    assert mean["municipality", "coordinators", "NOK, discounted"] == pytest.approx(2 * position / 12 * sum(factors))
    assert mean["society", "marginal_cost_of_public_funds", "NOK"] == pytest.approx(0.2 * 4 * (position + training))


def test_child_support_is_income_and_in_no_account_since_another_household_pays_it():
    small = ["pool.families=40", "study.burn_in_months=24", "study.horizon_months=3"]
    plan = load_study("caseload-10-vs-20", small).arms[0]
    plan = replace(plan, profile=replace(plan.profile, rates={"child_support": 1500.0}, rates_year="2025"))
    runs = run_study([plan], [], replicates=2, seed=1, workers=1).runs
    lived = [run_replicate(plan, seed=1, replicate=r, months=3, history=True).history[1:] for r in (0, 1)]
    paid = np.mean([months["child_support"].sum() for months in lived])
    mean = statistics.costs_table(runs, load_costs(costs_path("2025"))).set_index(["payer", "item", "unit"])["mean"]
    disposable = runs.flows[:, 0, :, FLOWS.index("disposable_income")].sum(axis=1).mean()
    assert paid > 3 * 1500
    assert -mean["family", "total", "NOK"] == pytest.approx(disposable - paid)


def test_transfers_cancel_for_society_and_the_family_has_its_disposable_income():
    runs = made_up_runs(4, 6)
    mean = (
        statistics.costs_table(runs, load_costs(costs_path("2025")))
        .query("arm == 'caseload-10' and unit == 'NOK'")
        .set_index(["payer", "item"])["mean"]
    )
    disposable = runs.flows[:, 1, :, FLOWS.index("disposable_income")].sum(axis=1).mean()
    assert mean["family", "total"] == pytest.approx(-disposable)
    beside = ("marginal_cost_of_public_funds", "work_displaced", "lost_time")
    assert mean["society", "total"] - sum(mean["society", item] for item in beside) == pytest.approx(
        sum(mean[payer, "total"] for payer in PAYERS[:3])
    )


def test_a_share_of_the_work_that_the_pool_does_is_work_that_others_lose():
    costs = load_costs(costs_path("2025"))
    mean = (
        statistics.costs_table(made_up_runs(4, 6), costs)
        .query("unit == 'NOK'")
        .set_index(["arm", "payer", "item"])["mean"]
    )
    done, displaced = mean["caseload-10", "society", "work_done"], mean["caseload-10", "society", "work_displaced"]
    assert 0.0 < costs.displacement <= 0.5
    assert displaced == pytest.approx(-costs.displacement * done)


def test_prices_of_2017_are_those_of_2025_in_other_kroner():
    old, new = load_costs(costs_path("2017")), load_costs(costs_path("2025"))
    assert old.position == pytest.approx(new.position * 0.7662)
    assert old.discount == new.discount


def test_costs_say_what_is_wrong_with_them(tmp_path):
    with pytest.raises(InputError, match="1999"):
        costs_path("1999")
    (tmp_path / "mine.toml").write_text('prices = "2025"\nextends = "mine.toml"\n')
    with pytest.raises(InputError, match="does not exist"):
        load_costs(tmp_path / "mine.toml")
    text = costs_path("2025").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("value = 4.0", "value = -4.0"), encoding="utf-8")
    with pytest.raises(InputError, match=r"discount\.value"):
        load_costs(tmp_path / "mine.toml")


# ---- whatever the numbers -------------------------------------------------------------------------------------------

numbers = st.one_of(st.just(np.nan), st.just(0.0), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=150, deadline=None)
@given(arrays(np.float64, (2, 9, 3), elements=numbers), st.lists(st.integers(0, 4), min_size=9, max_size=9))
def test_intervals_are_ordered_and_probabilities_are_probabilities(values, draw):
    draw = np.sort(np.array(draw))
    better = np.array([1.0, -1.0, 0.0])
    found = statistics.analyse(*(statistics.by_draw(side, draw) for side in values), better)
    full = found["replicates"] > 0
    assert np.all((found["p05"] <= found["p50"])[full])
    assert np.all((found["p50"] <= found["p95"])[full])
    has_interval = full & ~np.isnan(found["ci_low"])
    assert np.all((found["ci_low"] <= found["mean"])[has_interval])
    assert np.all((found["mean"] <= found["ci_high"])[has_interval])
    for name in ("prob_better", "prob_better_realised"):
        assert np.all((found[name] >= 0) & (found[name] <= 1) | ~full | (better == 0))
    assert not np.any(found["variance_draws"] < 0)
    assert not np.any(found["variance_chance"] < 0)


@settings(max_examples=100, deadline=None)
@given(arrays(np.float64, (7, 3), elements=numbers))
def test_percentiles_are_those_of_numpy(values):
    found = statistics.describe(values)
    for cell in range(3):
        column = values[:, cell][~np.isnan(values[:, cell])]
        if column.size:
            assert found["p05"][cell] <= found["p50"][cell] <= found["p95"][cell]
            expected = np.percentile(column, [5, 50, 95])
            assert [found[p][cell] for p in ("p05", "p50", "p95")] == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert column.min() <= found["mean"][cell] <= column.max()
