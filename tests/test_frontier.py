"""Cost against effect over staffings: cells are arms of the study, chance is no merit, and help can run out of those to help."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import run
from calibration import frontier, pieces, staffing
from calibration.frontier import REFERENCE, Cell, Grid, bottlenecks, grid_cells, replicate_rows, simulate, template_arm
from calibration.staffing import Found, best_probability, cross_fitted, efficient, on_frontier
from results import frontier_figures, frontier_words
from results.costs import Costs, costs_path, load_costs
from results.frontier_figures import write_figures
from results.statistics import costs_table
from scenarios.comparison import compare
from scenarios.study import Study, load_study
from simulation.engine import at_month_zero, burn_in, run_arms
from simulation.names import SERVICES
from simulation.outcomes import FLOWS, FloatArray

OUTCOMES = ("employed_share", "disposable_income", "child_participation_share", "children_in_low_income_share")
SMALL = ("pool.families=40", "study.horizon_months=12", "study.burn_in_months=24", 'study.posterior="prior"')
SETS = [word for key in SMALL for word in ("--set", key)]


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("caseload-10-vs-20", SMALL)


@pytest.fixture(scope="module")
def costs() -> Costs:
    return load_costs(costs_path("2025"))


def grid_of(study: Study, costs: Costs, cells: tuple[Cell, ...], **changes: object) -> Grid:
    grid = Grid(template_arm(study), cells, ("work", "housing"), OUTCOMES, costs, study.seed)
    return replace(grid, **changes)  # type: ignore[arg-type]


# ---- a cell is an arm ------------------------------------------------------------------------------------------------


def test_a_cell_that_is_an_arm_of_the_study_has_that_arm_s_effects_and_costs(study: Study, costs: Costs) -> None:
    grid = grid_of(study, costs, (REFERENCE, Cell(1, 20, 1.0), Cell(2, 10, 1.0)))
    found = Found(grid, simulate(grid, 8, workers=1))
    compared = compare(study, replicates=8, workers=1)
    table = compared.differences
    table = table[(table["month"] == study.horizon_months) & (table["population"] == "eligible")]
    paid = costs_table(compared.finished.runs, costs)
    paid = paid[(paid["unit"] == "NOK, discounted") & (paid["item"] == "total")].set_index(["arm", "payer"])["mean"]
    for cell, arm in ((1, "caseload-20-half-staff"), (2, "caseload-10")):
        for outcome in OUTCOMES:
            at = (table["contrast"] == f"{arm} vs ordinary") & (table["outcome"] == outcome)
            told = found.effect(outcome, cell)
            for name in staffing.EFFECT:
                np.testing.assert_array_equal(told[name], table.loc[at, name], err_msg=f"{arm} {outcome} {name}")
        more = {payer: paid[arm, payer] - paid["ordinary", payer] for payer in ("municipality", "state", "society")}
        assert found.costs["municipality"][cell] == pytest.approx(more["municipality"], rel=1e-9)
        assert found.costs["public"][cell] == pytest.approx(more["municipality"] + more["state"], rel=1e-9)
        assert found.costs["society"][cell] == pytest.approx(more["society"], rel=1e-9)


def test_flows_are_those_of_a_whole_reading(study: Study) -> None:
    people = ("parents_in_work", "children_taking_part", "children_in_low_income", "families_on_assistance")
    plan = study.arm("caseload-10")
    run = run_arms([plan], (), replicate=3, seed=1, draw=1)
    world = at_month_zero(plan, seed=1, replicate=3)
    for month in range(plan.horizon_months):
        burn_in(world, 1)
        flow = np.zeros(len(FLOWS))
        frontier.read_flows(world.families, world.coordinators, world.services, world.town[0], flow)
        unread = [name.startswith(("requests_", "starts_", *people)) for name in FLOWS]
        np.testing.assert_array_equal(flow, np.where(unread, 0.0, run.flows[0, month]))


def test_the_number_of_workers_changes_no_number(study: Study, costs: Costs) -> None:
    grid = grid_of(study, costs, grid_cells((0, 1), (5,), (1.0, 2.0)))
    np.testing.assert_array_equal(simulate(grid, 4, workers=1), simulate(grid, 4, workers=2))


def test_without_coordinators_there_is_one_cell_for_each_number_of_places() -> None:
    cells = grid_cells((0, 2), (5, 10), (1.0, 1.5))
    assert cells[0] == REFERENCE
    assert [cell for cell in cells if not cell.coordinators] == [REFERENCE, Cell(0, 0, 1.5)]
    assert len(cells) == 2 + 1 * 2 * 2


def test_what_must_be_budgeted_is_positions_and_added_places_whoever_uses_them(study: Study, costs: Costs) -> None:
    grid = grid_of(study, costs, (REFERENCE, Cell(3, 10, 1.0), Cell(0, 0, 2.0)))
    all_of_it, of_municipality = staffing.yearly_costs(grid)
    places = {name: study.profile.services[name].places for name in grid.services}
    of_places = 12.0 * sum(places[name] * costs.services[name][1] for name in grid.services)
    np.testing.assert_allclose(all_of_it, [0.0, 3 * costs.position, of_places])
    np.testing.assert_allclose(of_municipality, all_of_it)  # job support and housing advice are the municipality's
    one_year = costs.discount_factors(12).sum() / 12.0
    np.testing.assert_allclose(staffing.over_horizon(grid, all_of_it), all_of_it * one_year)


def test_the_services_that_grow_are_those_that_cannot_keep_up(study: Study) -> None:
    plan = template_arm(study)
    room = {name: replace(plan.service(name), places=500.0) for name in SERVICES}
    crowded = room | {"work": replace(plan.service("work"), places=2.0)}
    assert bottlenecks(replace(plan, services=crowded), 1, 1) == ("work",)


# ---- where more coordinators stop helping ----------------------------------------------------------------------------


def test_with_the_services_closed_no_coordinator_cures_what_only_services_cure(study: Study, costs: Costs) -> None:
    cells = grid_cells((0, 1, 4), (8,), (0.0, 1.0))
    grid = grid_of(study, costs, cells, services=SERVICES, outcomes=("barrier_health_share", "barrier_education_share"))
    rows = simulate(grid, 6, workers=1)[..., :2]
    at = {cell: i for i, cell in enumerate(cells)}
    closed = rows[:, at[Cell(0, 0, 0.0)]]
    np.testing.assert_array_equal(rows[:, at[Cell(1, 8, 0.0)]], closed)
    np.testing.assert_array_equal(rows[:, at[Cell(4, 8, 0.0)]], closed)
    assert not np.array_equal(rows[:, at[Cell(4, 8, 1.0)]], rows[:, at[REFERENCE]])


def test_where_services_are_full_more_coordinators_stop_helping(study: Study, costs: Costs) -> None:
    outcomes = ("barrier_health_share", "barrier_language_share", "barrier_education_share")
    study = load_study("caseload-10-vs-20", [*SMALL[:1], "pool.families=120", "study.horizon_months=24", *SMALL[3:]])
    cells = (REFERENCE, *(Cell(c, 8, f) for c in (1, 5) for f in (0.2, 4.0)))
    grid = grid_of(study, costs, cells, services=SERVICES, outcomes=outcomes)
    barriers = np.nansum(simulate(grid, 24, workers=1)[..., : len(outcomes)], axis=2)
    few, few_full, many, many_full = (barriers[:, cells.index(Cell(c, 8, f))] for c in (1, 5) for f in (4.0, 0.2))
    with_room, full = few - many, few_full - many_full  # what four more coordinators take away
    assert with_room.mean() > 3.0 * max(full.mean(), 0.0)
    apart = with_room - full
    assert apart.mean() > 2.0 * apart.std(ddof=1) / np.sqrt(len(apart))


def test_more_places_with_coordinators_change_nothing_when_no_more_families_meet_the_criteria(
    study: Study, costs: Costs
) -> None:
    grid = grid_of(study, costs, grid_cells((0, 3), (20, 30), (1.0,)))
    rows = replicate_rows(grid, 1)
    np.testing.assert_array_equal(rows[1], rows[2])  # 3 x 20 is room for all already
    assert rows[1, grid.columns.index("families_followed")] < 40


def test_a_marginal_effect_is_the_paired_difference_for_each_coordinator_added(study: Study, costs: Costs) -> None:
    grid = grid_of(study, costs, grid_cells((0, 1, 4), (5,), (1.0,)))
    rows = simulate(grid, 4, workers=1)
    table = staffing.marginal_table(Found(grid, rows))
    work = table[table["outcome"] == "employed_share"]
    assert list(zip(work["from_coordinators"], work["to_coordinators"], strict=True)) == [(0, 1), (1, 4)]
    np.testing.assert_allclose(work["mean"], np.diff(rows[:, :, 0].mean(axis=0)) / [1, 3])


# ---- which are efficient ---------------------------------------------------------------------------------------------


def test_a_cell_is_efficient_where_none_as_cheap_does_more() -> None:
    cost = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 4.0])
    gain = np.array([0.0, 1.0, 0.5, 1.2, 1.1, 3.0])
    assert efficient(cost, gain).tolist() == [True, True, False, True, False, True]
    assert on_frontier(cost, gain).tolist() == [True, True, False, False, False, True]  # 2 lies below the line 1 - 4


def test_what_harms_is_never_efficient_beside_doing_nothing() -> None:
    assert efficient(np.array([0.0, 1.0]), np.array([0.0, -0.1])).tolist() == [True, False]
    assert on_frontier(np.array([0.0, 1.0]), np.array([0.0, -np.inf])).tolist() == [True, False]


# ---- which is the best -----------------------------------------------------------------------------------------------


def test_when_cells_differ_by_chance_alone_the_luckiest_is_no_likelier_the_best() -> None:
    rng = np.random.default_rng(1)
    luckiest, most = [], []
    for _ in range(30):
        gains = rng.normal(size=(100, 2, 20)) + 3.0 * rng.normal(size=(100, 1, 1))  # draws move all cells alike
        chances = best_probability(gains, 1)
        assert chances.sum() == pytest.approx(1.0)
        luckiest.append(chances[gains.mean(axis=(0, 1)).argmax()])
        most.append(chances.max())
    assert np.mean(luckiest) < 3 / 20
    assert max(most) < 0.5


def test_the_cell_that_is_the_best_by_far_is_so_with_near_certainty() -> None:
    gains = np.random.default_rng(2).normal(size=(100, 2, 20))
    gains[..., 7] += 2.0
    assert best_probability(gains, 1)[7] > 0.97


def test_what_the_parameters_decide_is_shared_out_as_they_do() -> None:
    """In a third of the draws the second of two cells is the better."""
    rng = np.random.default_rng(3)
    second = np.where(np.arange(300) % 3 == 0, 2.0, -2.0)
    gains = np.stack([np.zeros(300), second], axis=1)[:, None] + 0.5 * rng.normal(size=(300, 2, 2))
    assert best_probability(gains, 1)[1] == pytest.approx(1 / 3, abs=0.04)


def test_cells_that_are_the_same_share_the_probability() -> None:
    gains = np.random.default_rng(4).normal(size=(50, 2, 3))
    gains[..., 2] = gains[..., 1]
    _, one, other = best_probability(gains, 1)
    assert one == pytest.approx(other)
    np.testing.assert_allclose(best_probability(np.zeros((50, 2, 4)), 1), 0.25)


def test_a_choice_is_judged_by_draws_that_did_not_make_it() -> None:
    rng = np.random.default_rng(5)
    seen, told = [], []
    for _ in range(40):
        gains = rng.normal(size=(40, 2, 30))
        seen.append(gains.mean(axis=(0, 1)).max())
        told.append(cross_fitted(gains))
    assert np.mean(seen) > 0.15  # the luckiest of thirty looks good
    assert abs(np.mean(told)) < 0.05


def made_up(
    study: Study, costs: Costs, gain: Callable[[Cell], float], chance: float, draws: int = 60, seed: int = 6
) -> Found:
    """A grid whose share in work is known."""
    grid = grid_of(study, costs, grid_cells((0, 1, 2, 4), (10,), (1.0, 2.0)), outcomes=("employed_share",))
    rng = np.random.default_rng(seed)
    rows = np.zeros((2 * draws, len(grid.cells), len(grid.columns)))
    rows[..., 0] = [gain(cell) for cell in grid.cells] + chance * rng.normal(size=rows.shape[:2])
    rows[..., grid.columns.index("families_followed")] = [10 * cell.coordinators for cell in grid.cells]
    return Found(grid, rows)


def test_the_best_staffing_for_a_budget_is_found_and_fits(study: Study, costs: Costs) -> None:
    found = made_up(study, costs, lambda cell: 0.1 * cell.coordinators, 0.01)
    budgets, best = staffing.budget_tables(found, [1.5 * costs.position, 9 * costs.position])
    assert budgets["coordinators"].tolist() == [1, 4]
    assert (budgets["staffing_cost_a_year"] <= budgets["budget"]).all()
    assert (budgets["prob_best"] > 0.4).all()  # twice the places may be as good
    assert budgets["says"].tolist() == ["effect", "effect"]
    np.testing.assert_allclose(budgets["mean"], [0.1, 0.4], atol=0.01)
    np.testing.assert_allclose(best.groupby("budget")["prob_best"].sum(), 1.0)


def test_of_staffings_that_cannot_be_told_apart_the_cheapest_is_named(study: Study, costs: Costs) -> None:
    found = made_up(study, costs, lambda cell: 0.1 * min(cell.coordinators, 1), 0.01)
    budgets, _ = staffing.budget_tables(found, [20 * costs.position])
    row = budgets.iloc[0]
    assert (row["cheapest_coordinators"], row["cheapest_places"]) == (1, 1.0)
    assert row["as_good"] > 3


def test_where_nothing_helps_it_is_said_that_we_cannot_tell(study: Study, costs: Costs) -> None:
    found = made_up(study, costs, lambda cell: 0.0, 0.05)
    budgets, _ = staffing.budget_tables(found, [costs.position])
    row = budgets.iloc[0]
    assert (row["says"], row["cheapest_staffing_cost_a_year"]) == ("cannot_tell", 0.0)
    assert "kan ikke si" in frontier_words.budget_sentence(row, "nb")
    assert "cannot tell" in frontier_words.budget_sentence(row, "en")


# ---- the command -----------------------------------------------------------------------------------------------------

GRID = ["--coordinators", "0-2", "--caseloads", "5,10", "--places", "1,2", "--services", "work", "--replicates", "4"]
GRID += ["--outcomes", "employed_share"]


def command(folder: Path, *more: str) -> int:
    return run.main(["frontier", *SETS, *GRID, "--quiet", "--out", str(folder), *more])


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


def test_a_run_that_was_broken_off_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path / "whole", "--workers", "2") == 0
    rows = frontier.replicate_rows

    def stop(grid: Grid, replicate: int) -> FloatArray:
        if replicate == 2:
            raise KeyboardInterrupt
        return rows(grid, replicate)

    monkeypatch.setattr(frontier, "replicate_rows", stop)
    monkeypatch.setattr(frontier_figures, "write_figures", lambda *_, **__: None)  # once is enough
    assert command(tmp_path / "part", "--workers", "1") == 130
    assert f"--resume --out {tmp_path / 'part'}" in capsys.readouterr().err
    assert not (tmp_path / "part" / "manifest.json").exists()
    made: list[int] = []
    monkeypatch.setattr(frontier, "replicate_rows", lambda grid, k: made.append(k) or rows(grid, k))  # type: ignore[func-returns-value]
    assert command(tmp_path / "part", "--workers", "1", "--resume") == 0
    assert made == [2, 3]
    assert tables_of(tmp_path / "part") == tables_of(tmp_path / "whole")
    _check_what_it_left(tmp_path / "whole")
    assert command(tmp_path / "whole", "--resume") == 0
    assert command(tmp_path / "whole", "--resume", "--seed", "5") == 2
    assert "other inputs" in capsys.readouterr().err


def test_a_run_that_was_broken_off_before_its_first_piece_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(frontier_figures, "write_figures", lambda *_, **__: None)
    with monkeypatch.context() as patch:
        patch.setattr(pieces, "_open", stop)
        assert command(tmp_path / "part", "--workers", "1") == 130
    assert f"--resume --out {tmp_path / 'part'}" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["inputs.json"]
    assert command(tmp_path / "part", "--workers", "1") == 2
    assert "--resume to go on" in capsys.readouterr().err
    assert command(tmp_path / "part", "--workers", "1", "--resume") == 0


@pytest.mark.parametrize(
    "more",
    [
        ["--coordinators", "0-2", "--caseloads", "10", "--places", "2", "--services", "work"],
        ["--coordinators", "4,6", "--caseloads", "5", "--places", "1"],
    ],
    ids=["only more places", "no staffing as cheap as one coordinator"],
)
def test_a_grid_of_any_shape_ends_well(tmp_path: Path, more: list[str]) -> None:
    arguments = ["--quiet", "--replicates", "4", "--outcomes", "trust", "--out", str(tmp_path / "run")]
    assert run.main(["frontier", *SETS, *more, *arguments]) == 0
    assert len(pd.read_csv(tmp_path / "run" / "budgets.csv"))


def test_the_highest_of_many_cells_that_do_nothing_is_not_said_to_help(study: Study, costs: Costs) -> None:
    said = []
    for seed in range(20):
        found = made_up(study, costs, lambda _: 0.0, 0.05, seed=seed)
        budgets, _ = staffing.budget_tables(found, [9e6])
        said.append(budgets.iloc[0]["says"])
    assert said.count("cannot_tell") >= 18


def _check_what_it_left(folder: Path) -> None:
    table = pd.read_csv(folder / "frontier.csv")
    assert tuple(table.columns) == staffing.FRONTIER_COLUMNS
    assert len(table) == 10
    assert tuple(pd.read_csv(folder / "budgets.csv").columns) == staffing.BUDGET_COLUMNS
    assert not (folder / "chunks").exists()
    assert len(tables_of(folder)) == 4
    assert len([*folder.glob("figures/*.svg")]) == len([*folder.glob("figures/*.png")]) == 3
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["services"] == ["work"]
    assert manifest["replicates"] == 4


def test_the_figures_say_what_they_show_in_both_languages(study: Study, costs: Costs, tmp_path: Path) -> None:
    found = made_up(study, costs, lambda cell: 0.1 * min(cell.coordinators, 2), 0.01)
    tables = {"frontier": staffing.frontier_table(found), "marginal": staffing.marginal_table(found)}
    for lang, comma, none in (("nb", "+9,", "rommer null"), ("en", "+9.", "holds zero")):
        pictures = write_figures(tmp_path / lang, tables, lang, caseload=10)
        assert [picture.name for picture in pictures] == ["frontier", "caseload-coordinators", "more-coordinators"]
        assert none in pictures[1].alt
        assert comma in pictures[2].alt or "+10" in pictures[2].alt
        assert all("{" not in picture.alt for picture in pictures)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--outcomes", "employd_share"], "did you mean 'employed_share'"),
        (["--outcomes", "wait_health"], "not known"),
        (["--outcomes", "upper_secondary_share"], "horizon_months"),
        (["--services", "helth"], "did you mean 'health'"),
        (["--coordinators", "8-0"], "empty"),
        (["--coordinators", ""], "not a number"),
        (["--services", ""], "not known"),
        (["--coordinators", "0", "--places", "1"], "no staffing but today's"),
        (["--coordinators", "0-400", "--caseloads", "1-60"], "at most 2000"),
        (["--caseloads", "0"], "1 to 60"),
        (["--caseloads", "5,61"], "61 is out of bounds"),
        (["--places", "-1"], "--places"),
        (["--places", "nan"], "--places"),
        (["--budget", "-5"], "--budget"),
        (["--budget", "1000"], "nothing in the grid"),
        (["--replicates", "5"], "even number"),
        (["--set", "arm.nobody.coordinators=1"], "nobody"),
        (["--force", "--resume"], "do not go together"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_nothing(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert command(folder, *options) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not folder.exists()


def test_a_study_without_coordinators_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "nobody.toml"
    study.write_text(
        '[study]\nname = "nobody"\nprofile = "oygarden"\nhorizon_months = 6\nreplicates = 2\nseed = 1\n'
        '[[arm]]\nname = "ordinary"\n'
    )
    assert run.main(["frontier", str(study), "--out", str(tmp_path / "out")]) == 2
    assert "no arm has coordinators" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
