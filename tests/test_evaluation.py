"""The economic evaluation: costs to the krone, gains person by person, and no ratio where no effect can be told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from made_up import made_up_runs

from calibration.decision_draws import ACCOUNTS, simulate_draws
from calibration.decision_draws import GAINS as GAINS_OF_DRAWS
from results.costs import FOLLOW_UP, Costs, costs_path, load_costs
from results.evaluation import (
    AMOUNTS,
    COLUMNS,
    GAINS,
    IN_ALL,
    THRESHOLDS,
    break_even,
    evaluate,
    monthly_amounts,
    ratio_over_draws,
    spent_instead,
)
from results.run_folder import make_tables
from results.statistics import cost_differences_table, costs_table
from scenarios.study import Study, load_study
from simulation.engine import run_replicate
from simulation.names import BARRIERS, NO_WORK
from simulation.outcomes import FLOWS, GROUPS, OUTCOME_NAMES, Runs
from simulation.runner import run_study

SMALL = ("pool.families=80", "study.horizon_months=18", "study.burn_in_months=24", 'study.posterior="prior"')
TABLES = tuple(COLUMNS)


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("caseload-10-vs-20", SMALL)


@pytest.fixture(scope="module")
def runs(study: Study) -> Runs:
    return run_study(study.arms, study.contrasts, replicates=4, seed=study.seed, workers=1).runs


@pytest.fixture(scope="module")
def costs() -> Costs:
    return load_costs(costs_path("2025"))


# ---- to the krone ----------------------------------------------------------------------------------------------------

POSITION = 668_000 * 1.13 * 1.141 * 1.225 / 12
PLACES = {  # who pays, NOK a place-month
    "health": ("state", 2930), "language": ("municipality", 5861), "education": ("state", 5861),
    "housing": ("municipality", 1758), "economy": ("municipality", 1758), "work": ("municipality", 4396),
    "children": ("municipality", 1000), "child_welfare": ("municipality", 5861),
}  # fmt: skip
BENEFITS = {
    "kvp": "municipality", "aap": "state", "disability": "state", "transitional": "state", "unemployment": "state",
    "measures": "state", "introduction": "municipality", "child_benefit": "state", "cash_for_care": "state",
    "childcare_support": "state", "advance_child_support": "state", "housing_allowance": "state",
    "social_assistance": "municipality",
}  # fmt: skip
FEES = {"tax": "state", "kindergarten_fee": "municipality", "sfo_fee": "municipality"}


def by_hand(flows: np.ndarray, discounted: bool) -> dict[tuple[str, str], float]:
    """Every line of one arm's accounts in one replicate, month by month, from kroner typed in this file. (H, flows)"""
    account: dict[tuple[str, str], float] = {}

    def pay(payer: str, item: str, kroner: float) -> None:
        account[payer, item] = account.get((payer, item), 0.0) + kroner

    for month, values in enumerate(flows.tolist(), start=1):
        weight = 1.04 ** (-month / 12) if discounted else 1.0
        flow = {name: abs(value) * weight for name, value in zip(FLOWS, values, strict=True)}
        for item, kroner in (
            ("coordinators", POSITION * flow["coordinator_positions"]),
            ("training_and_supervision", 30_000 / 12 * flow["coordinator_positions"]),
            ("interpreters", 900 * 0.8 * flow["interpreter_hours"]),
            ("travel", 150 * flow["families_followed"]),
            ("start_up", 6000 * flow["families_admitted"]),
        ):
            pay("municipality", item, kroner)
            pay("society", item, kroner)
        for service, (payer, price) in PLACES.items():
            kroner = price * flow[f"place_months_{service}"]
            pay(payer, f"service_{service}", kroner)
            pay("society", "services", kroner)
        for benefit, payer in BENEFITS.items():
            pay(payer, benefit, flow[benefit])
            pay("family", benefit, -flow[benefit])
        for fee, payer in FEES.items():
            pay(payer, fee, -flow[fee])
            pay("family", fee, flow[fee])
        wages = flow["gross_wages"]
        pay("family", "gross_wages", -wages)
        pay("state", "employer_contribution", -0.141 * wages)
        pay("society", "work_done", -1.141 * wages)
        pay("society", "work_displaced", 0.20 * 1.141 * wages)
        pay("society", "lost_time", 0.35 * (1.141 * wages - 0.20 * 1.141 * wages))
    totals = {
        payer: sum(kroner for (who, _), kroner in account.items() if who == payer)
        for payer in ("municipality", "state", "family")
    }
    pay("society", "marginal_cost_of_public_funds", 0.20 * (totals["municipality"] + totals["state"]))
    society = sum(totals.values())
    for item in ("work_displaced", "lost_time", "marginal_cost_of_public_funds"):
        society += account["society", item]
    totals["society"] = society
    for payer, kroner in totals.items():
        account[payer, "total"] = kroner
    return account


def test_an_arm_s_cost_table_adds_up_to_the_krone(runs: Runs, costs: Costs) -> None:
    a = runs.arms.index("caseload-10")
    table = costs_table(runs, costs)
    for unit, discounted in (("NOK", False), ("NOK, discounted", True)):
        mean = table[(table["arm"] == "caseload-10") & (table["unit"] == unit)].set_index(["payer", "item"])["mean"]
        hands = [by_hand(runs.flows[r, a], discounted) for r in range(len(runs.replicate))]
        assert set(mean.index) == set(hands[0])
        for line in hands[0]:
            assert mean[line] == pytest.approx(np.mean([hand[line] for hand in hands]), abs=0.01), line
    assert mean["municipality", "interpreters"] > 0.0
    assert mean["society", "lost_time"] > 0.0


def test_what_coordinators_cost_in_all_is_the_five_items_and_nothing_else(runs: Runs, costs: Costs) -> None:
    table = cost_differences_table(runs, costs)
    table = table[(table["unit"] == "NOK, discounted") & (table["payer"] == "municipality")]
    told = evaluate(runs, costs)["consequences"]
    for name, _, _ in runs.contrasts:
        items = table[(table["contrast"] == name) & table["item"].isin(FOLLOW_UP)]
        in_all = told[(told["contrast"] == name) & (told["name"] == IN_ALL)]["mean"].item()
        assert in_all == pytest.approx(items["mean"].sum(), abs=0.01)


def test_hours_that_may_need_an_interpreter_are_those_with_families_in_which_a_parent_has_the_language_barrier(
    study: Study, runs: Runs
) -> None:
    plan = study.arm("caseload-10")
    history = run_replicate(plan, seed=study.seed, replicate=1, months=18, history=True).history
    assert history is not None
    months = history[1:]
    parents = months["parent"]
    barrier = (parents["present"] == 1) & (parents["barrier"][..., BARRIERS.index("language")] == 1)
    hours = np.where(barrier.any(axis=-1), months["contact_hours"], 0.0).sum(axis=1)
    found = runs.flows[1, runs.arms.index("caseload-10"), :, FLOWS.index("interpreter_hours")]
    np.testing.assert_allclose(found, hours, rtol=1e-12)
    assert 0.0 < hours.sum() < months["contact_hours"].sum()


# ---- gains -----------------------------------------------------------------------------------------------------------


def test_gains_and_accounts_are_those_of_the_decision(study: Study, runs: Runs, costs: Costs) -> None:
    names = [name for name, _, _ in study.contrasts[:2]]
    draws = simulate_draws(study, names, ("employed_share",), 2, workers=1)
    sums = np.einsum("ramn,m->ran", monthly_amounts(runs, costs), costs.discount_factors(18))
    for c, (_, arm, against) in enumerate(study.contrasts[:2]):
        more = (sums[:, runs.arms.index(arm)] - sums[:, runs.arms.index(against)]).reshape(2, 2, -1)
        for name in GAINS_OF_DRAWS[:4]:
            mine, theirs = more[..., AMOUNTS.index(name)], draws.gains[:, :, c, GAINS_OF_DRAWS.index(name)]
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=name)
        for payer in ("municipality", "state", "family", "society"):
            mine, theirs = more[..., AMOUNTS.index(payer)], draws.accounts[:, :, c, ACCOUNTS.index(payer)]
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=0.01, err_msg=payer)
    assert np.ptp(draws.gains) > 0.0


def flat_runs(arm: dict[str, object], against: dict[str, object] | None = None, *, draws: int = 10) -> Runs:
    """Two arms over 24 months with the same flows every month; a flow may have a value for each draw. No chance at all."""
    runs = made_up_runs(2 * draws, 24, arms=("a", "b"), contrasts=(("a vs b", "a", "b"),))
    flows = np.zeros((2 * draws, 2, 24, len(FLOWS)))
    for side, stated in enumerate((arm, against or {})):
        for name, value in stated.items():
            of_draw = np.broadcast_to(np.asarray(value, float), draws)
            flows[:, side, :, FLOWS.index(name)] = np.repeat(of_draw, 2)[:, None]
    return replace(runs, flows=flows)


def test_costs_and_gains_are_discounted_alike(costs: Costs) -> None:
    told = evaluate(flat_runs({"social_assistance": 1000.0, "parents_in_work": 12.0}), costs)["consequences"]
    mean = told.set_index("name")["mean"]
    years = sum(1.04 ** (-month / 12) for month in range(1, 25)) / 12
    assert mean["municipality"] == pytest.approx(12_000 * years)
    assert mean["parent_years_in_work"] == pytest.approx(12 * years)
    plain = evaluate(flat_runs({"social_assistance": 1000.0, "parents_in_work": 12.0}), replace(costs, discount=0.0))
    mean = plain["consequences"].set_index("name")["mean"]
    assert mean["municipality"] == pytest.approx(24_000)
    assert mean["parent_years_in_work"] == pytest.approx(24)


# ---- ratios ----------------------------------------------------------------------------------------------------------

GROWING = 1.0 + 0.1 * np.arange(10)


def ratio(runs: Runs, costs: Costs, payer: str = "municipality", name: str = "per_parent_year_in_work") -> pd.Series:
    table = evaluate(runs, costs)["ratios"]
    return table[(table["payer"] == payer) & (table["ratio"] == name)].iloc[0]


def test_a_ratio_is_mean_cost_by_mean_effect_with_the_range_over_draws(costs: Costs) -> None:
    row = ratio(flat_runs({"coordinator_positions": 1.0, "parents_in_work": GROWING}), costs)
    assert (row["says"], row["direction"]) == ("ratio", "more_for_more")
    a_year = POSITION * 12 + 30_000
    assert row["value"] == pytest.approx(a_year / GROWING.mean())
    assert row["low"] == pytest.approx(a_year / GROWING[-1])
    assert row["high"] == pytest.approx(a_year / GROWING[0])


def test_where_the_effect_may_be_nothing_there_is_no_ratio(costs: Costs) -> None:
    row = ratio(flat_runs({"coordinator_positions": 1.0, "parents_in_work": GROWING}, {"parents_in_work": 1.2}), costs)
    assert row["says"] == "effect_holds_zero"
    assert row[["value", "low", "high"]].isna().all()
    assert row["effect"] > 0.0  # also where the mean is above zero
    none = ratio(flat_runs({"coordinator_positions": 1.0}), costs)
    assert none["says"] == "effect_holds_zero"


def test_cheaper_and_better_dominates_and_dearer_and_worse_is_dominated(costs: Costs) -> None:
    better, dearer = {"parents_in_work": GROWING}, {"coordinator_positions": 1.0}
    for arm, against, says in ((better, dearer, "dominates"), (dearer, better, "dominated")):
        row = ratio(flat_runs(arm, against), costs)
        assert row["says"] == says
        assert row[["value", "low", "high"]].isna().all()


def test_more_followed_is_not_better_in_itself_and_dominates_nothing(costs: Costs) -> None:
    more, dearer = {"families_followed": GROWING}, {"social_assistance": 1e6}
    for arm, against, says in ((more, dearer, "cheaper_and_more"), (dearer, more, "dearer_and_fewer")):
        row = ratio(flat_runs(arm, against), costs, name="per_family_month_followed")
        assert row["says"] == says
        assert row[["value", "low", "high"]].isna().all()


def test_a_cost_that_is_not_told_from_zero_is_said_so(costs: Costs) -> None:
    arm = {"social_assistance": 1000.0 * GROWING, "parents_in_work": 1.0}
    row = ratio(flat_runs(arm, {"social_assistance": 1400.0}), costs)
    assert (row["says"], row["direction"]) == ("cost_holds_zero", "more_for_more")
    assert row["low"] < 0.0 < row["value"] < row["high"]


def test_less_for_less_money_is_what_is_saved_for_each_unit_lost(costs: Costs) -> None:
    row = ratio(flat_runs({}, {"coordinator_positions": 1.0, "parents_in_work": GROWING}), costs)
    assert (row["says"], row["direction"]) == ("ratio", "less_for_less")
    assert row["cost"] < 0.0 > row["effect"]
    assert row["value"] == pytest.approx((POSITION * 12 + 30_000) / GROWING.mean())


def test_a_draw_that_costs_more_and_gains_nothing_has_no_bound_above() -> None:
    cost, effect = np.ones(20), np.linspace(0.0, 1.9, 20)
    low, high = ratio_over_draws(cost, effect, 1.0)
    assert low == pytest.approx(1.0 / 1.9)
    assert high == pytest.approx(1.0 / 0.1)
    assert np.isnan(ratio_over_draws(cost, effect - 0.15, 1.0)[1])


def test_no_ratio_holds_the_costs_of_another_contrast(costs: Costs) -> None:
    runs = made_up_runs(20, 12)
    together = evaluate(runs, costs)
    for contrast in runs.contrasts:
        alone = evaluate(replace(runs, contrasts=(contrast,)), costs)
        for name in TABLES:
            table = together[name]
            mine = table[table["contrast"] == contrast[0]].reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, alone[name])
    mean = together["consequences"].set_index(["contrast", "name"])["mean"]
    for row in together["ratios"].to_dict("records"):
        assert row["cost"] == pytest.approx(mean[row["contrast"], row["payer"]])


# ---- net benefit and paying for itself -------------------------------------------------------------------------------


def curve(runs: Runs, costs: Costs, payer: str = "municipality") -> list[float]:
    table = evaluate(runs, costs)["acceptability"]
    return table[(table["payer"] == payer) & (table["gain"] == "parent_years_in_work")]["probability"].tolist()


def test_acceptability_rises_where_every_draw_gains_and_falls_where_every_draw_loses(costs: Costs) -> None:
    rises = curve(flat_runs({"coordinator_positions": 1.0, "parents_in_work": GROWING}), costs)
    assert (rises[0], rises[-1]) == (0.0, 1.0)
    assert all(a <= b for a, b in pairwise(rises))
    falls = curve(flat_runs({}, {"coordinator_positions": 1.0, "parents_in_work": GROWING}), costs)
    assert falls == pytest.approx([1.0 - p for p in rises])
    level = curve(flat_runs({"coordinator_positions": 1.0}), costs)
    assert level == [0.0] * len(level)


def test_acceptability_is_a_probability_that_starts_where_it_pays_for_itself(costs: Costs) -> None:
    made = evaluate(made_up_runs(40, 24), costs)
    table = made["acceptability"]
    assert table["probability"].between(0.0, 1.0).all()
    last = made["pays"][made["pays"]["horizon_months"] == 24].set_index(["contrast", "payer"])["probability"]
    start = table[table["threshold"] == 0.0]
    for row in start.to_dict("records"):
        assert row["probability"] == pytest.approx(last[row["contrast"], row["payer"]])
    assert set(table["gain"]) == set(THRESHOLDS)


def test_the_plane_has_every_draw_with_the_spread_of_the_consequences(costs: Costs) -> None:
    made = evaluate(made_up_runs(40, 24), costs)
    plane = made["plane"][made["plane"]["payer"] == "society"]
    told = made["consequences"].set_index(["contrast", "name"])
    for (contrast, gain), points in plane.groupby(["contrast", "gain"]):
        assert points["draw"].tolist() == list(range(20))
        for column, name in (("cost", "society"), ("effect", gain)):
            row = told.loc[(contrast, name)]
            assert np.percentile(points[column], [5, 95]) == pytest.approx(row[["p05", "p95"]].to_numpy(float))


def test_what_it_saves_is_told_for_every_year_and_breaks_even_where_it_stays_above(costs: Costs) -> None:
    assert break_even(np.array([-3.0, -1.0, 1.0, 2.0])) == 3.0
    assert break_even(np.array([1.0, -1.0, 1.0])) == 3.0
    assert break_even(np.array([1.0, 2.0])) == 1.0
    assert np.isnan(break_even(np.array([1.0, 0.0])))
    runs = flat_runs({})
    runs.flows[:, 0, :6, FLOWS.index("coordinator_positions")] = 1.0  # half a year of a coordinator,
    runs.flows[:, 1, 6:, FLOWS.index("social_assistance")] = 60_000.0  # then 60,000 a month less
    table = evaluate(runs, replace(costs, discount=0.0))["pays"]
    table = table[table["payer"] == "municipality"].set_index("horizon_months")
    paid = 6 * POSITION + 15_000
    assert table["saving"].to_dict() == pytest.approx({12: 360_000 - paid, 24: 1_080_000 - paid})
    assert table["says"].to_dict() == {12: "costs", 24: "saves"}
    assert np.isnan(table.loc[12, "break_even_months"])
    assert table.loc[24, "break_even_months"] == 6 + np.ceil(paid / 60_000)
    assert table["probability"].to_dict() == {12: 0.0, 24: 1.0}


def test_a_study_of_a_year_and_a_half_is_told_at_a_year_and_at_its_end(runs: Runs, costs: Costs) -> None:
    assert sorted(set(evaluate(runs, costs)["pays"]["horizon_months"])) == [12, 18]


# ---- from whom to whom -----------------------------------------------------------------------------------------------


def test_assistance_that_the_state_pays_instead_is_the_lesser_of_the_two_changes(costs: Costs) -> None:
    spent = np.array([[2.0, 0.0], [9.0, 0.0], [-1.0, 5.0], [-7.0, 0.0], [4.0, 2.0], [1.0, 1.0]])
    saved = spent_instead(np.array([5.0, 3.0, -4.0, 2.0, 3.0, 9.0]), spent)
    assert saved.tolist() == [[2.0, 0.0], [3.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [2.0, 1.0], [1.0, 1.0]]
    arm = {"social_assistance": 100.0, "aap": 50.0, "housing_allowance": 10.0, "kvp": 20.0, "child_benefit": 5.0}
    table = evaluate(flat_runs(arm, {"social_assistance": 300.0, "child_benefit": 5.0}), replace(costs, discount=0.0))
    shifts = table["shifts"].set_index("name")
    assert shifts["mean"].to_dict() == pytest.approx({"assistance_to_state": 24 * 60.0})
    assert shifts["to_payer"].to_dict() == {"assistance_to_state": "state"}  # KVP stays with the municipality
    of_state = replace(costs, discount=0.0, payer=costs.payer | {"kvp": "state"})
    table = evaluate(flat_runs(arm, {"social_assistance": 140.0, "child_benefit": 5.0}), of_state)["shifts"]
    assert dict(zip(table["name"], table["mean"], strict=True)) == pytest.approx(
        {"assistance_to_state": 24 * 30.0, "kvp": 24 * 10.0}  # 40 saved, 60 and 20 spent
    )
    none = replace(costs, payer=costs.payer | {"kvp": "state", "social_assistance": "state"})
    assert not len(evaluate(flat_runs(arm, {}), none)["shifts"])
    other_way = evaluate(flat_runs({"social_assistance": 300.0}, {"aap": 50.0}), replace(costs, discount=0.0))
    assert other_way["shifts"].set_index("name")["mean"]["assistance_to_state"] == pytest.approx(-24 * 50.0)


# ---- for whom --------------------------------------------------------------------------------------------------------


def test_groups_are_those_of_month_0_and_counted_person_by_person(study: Study, runs: Runs) -> None:
    plan = study.arm("caseload-10")
    for r in range(2):
        history = run_replicate(plan, seed=study.seed, replicate=r, months=18, history=True).history
        assert history is not None
        first, last = history[0], history[-1]
        parents = first["parent"]
        there = parents["present"] == 1
        eligible = first["eligible_at_start"] == 1
        lone = there.sum(axis=1) == 1
        poor = (there & (parents["barrier"][..., BARRIERS.index("health")] == 1)).any(axis=1)
        immigrant = first["immigrant"] == 1
        stayed = eligible & (last["eligible_at_start"] == 1) & (last["generation"] == first["generation"])
        assert (stayed == (last["eligible_at_start"] == 1)).all()
        for g, group in enumerate((lone, ~lone, poor, ~poor, immigrant, ~immigrant)):
            assert runs.group_families[r, g] == (group & eligible).sum(), GROUPS[g]
            adults = last["parent"][stayed & group]
            working = ((adults["present"] == 1) & (adults["work"] != NO_WORK)).sum() / max(
                (adults["present"] == 1).sum(), 1
            )
            found = runs.groups[r, runs.arms.index("caseload-10"), g, OUTCOME_NAMES.index("employed_share")]
            assert np.isnan(found) or found == pytest.approx(working)
    pairs = runs.group_families.reshape(len(runs.replicate), 3, 2).sum(axis=2)
    assert (pairs == pairs[:, :1]).all()
    assert pairs.min() > 0


def test_the_distribution_has_both_members_of_every_group(runs: Runs, costs: Costs) -> None:
    table = evaluate(runs, costs)["distribution"]
    assert set(zip(table["group"], table["member"], strict=True)) == set(GROUPS)
    assert (table["families"] > 0).all()
    assert set(table["contrast"]) == {name for name, _, _ in runs.contrasts}


# ---- nothing happens, nothing is there -------------------------------------------------------------------------------


def test_with_every_link_off_coordinators_cost_money_and_change_nothing(costs: Costs) -> None:
    study = load_study("caseload-10-vs-20", [*SMALL, "study.links=off"])
    runs = run_study(study.arms, study.contrasts, replicates=4, seed=study.seed, workers=1).runs
    made = evaluate(runs, costs)
    told = made["consequences"].set_index(["contrast", "name"])
    differences = cost_differences_table(runs, costs)
    moved = set(differences[differences["mean"].abs() > 1e-6]["item"])
    assert moved == {*FOLLOW_UP, "marginal_cost_of_public_funds", "total"}
    for name, arm, against in runs.contrasts:
        row = told.loc[name]["mean"]
        assert row[list(GAINS)[:4]].tolist() == pytest.approx([0.0] * 4)
        assert row["municipality"] == pytest.approx(row[IN_ALL])
        assert row["society"] == pytest.approx(1.2 * row[IN_ALL])
        assert (row["state"], row["family"]) == pytest.approx((0.0, 0.0))
        if against == "ordinary":
            assert row[IN_ALL] > 0.0, arm
    ratios = made["ratios"]
    effects = ratios[ratios["ratio"] != "per_family_month_followed"]
    assert set(effects["says"]) == {"effect_holds_zero"}
    assert effects[["value", "low", "high"]].isna().all(axis=None)
    assert not made["pays"]["break_even_months"].notna().any()
    against_none = made["pays"][made["pays"]["contrast"] == "caseload-10 vs ordinary"].set_index("payer")
    assert set(against_none.loc["municipality", "says"]) == {"costs"}
    assert set(against_none.loc["state", "says"]) == {"no_difference"}
    assert (made["shifts"][["mean", "p05", "p95"]] == 0.0).all(axis=None)
    assert (made["distribution"][["mean", "p05", "p95"]] == 0.0).all(axis=None)


def test_without_contrasts_or_replicates_tables_are_empty_with_their_columns(costs: Costs) -> None:
    alone = made_up_runs(4, 12, arms=("only",), contrasts=())
    for runs in (alone, replace(made_up_runs(4, 12), replicate=np.array([], int), draw=np.array([], int))):
        made = evaluate(runs, costs)
        for name, columns in COLUMNS.items():
            assert list(made[name]) == list(columns)
            assert not len(made[name])
    tables = make_tables(alone, "2025")
    assert not len(tables.ratios)


def test_columns_begin_with_those_of_the_contract() -> None:
    for name, begins in {
        "consequences": "contrast,kind,name,unit,mean,ci_low,ci_high,p05,p95,prob_better",
        "ratios": "contrast,payer,ratio,unit,cost,effect,value,low,high,says",
        "acceptability": "contrast,payer,gain,threshold,probability",
        "plane": "contrast,payer,gain,draw,cost,effect",
        "pays": "contrast,payer,horizon_months,saving,ci_low,ci_high,p05,p95,probability,break_even_months",
        "distribution": "contrast,group,member,outcome,unit,mean,ci_low,ci_high,p05,p95,prob_better,families",
        "shifts": "contrast,from_payer,to_payer,name,unit,mean,p05,p95",
    }.items():
        assert ",".join(COLUMNS[name]).startswith(begins)
