"""What families have beside what is published: counted by hand on a few made-up years, and in the main study."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import run
from calibration.groups import on_record
from calibration.incomes import (
    KINDS,
    STATISTICS,
    evidence,
    explained,
    household_years,
    incomes,
    kind_of,
    markdown,
    sample_of,
)
from results.incomes import COMPARISON_COLUMNS, HOUSEHOLD_COLUMNS, draw
from scenarios import load_study
from scenarios.trajectory import without_coordinator
from simulation.engine import run_replicate
from simulation.family import FAMILY

CAPS = np.array([80_000.0, 100_000.0, 120_000.0, 130_000.0, 140_000.0])


def statistic(name: str, history: np.ndarray) -> float:
    return next(s for s in STATISTICS if s.name == name).of(sample_of(history, CAPS))


def a_year(families: int) -> np.ndarray:
    """Twelve months of lone parents with one child of eight, and nothing else."""
    history = np.zeros((12, families), FAMILY)
    history["parent"]["present"][:, :, 0] = 1
    history["child"]["present"][:, :, 0], history["child"]["age"][:, :, 0] = 1, 100
    history["income_known"] = 36
    return history


def remember(history: np.ndarray) -> None:
    """Receipt as the last month's records have it."""
    last = history[-1]
    for month in history:
        last["assistance_bits"] = 2 * last["assistance_bits"] + (month["social_assistance"] > 0.0)
    last["assistance_12"] = (history["social_assistance"] > 0.0).sum(axis=0)


def test_months_payments_and_exits_are_counted_over_recipients_only() -> None:
    history = a_year(4)
    paid = history["social_assistance"]
    paid[:, 0] = 10_000.0  # all year
    paid[3:5, 1] = 4_000.0  # two months, then out
    paid[0::2, 2] = 1_000.0  # six spells of a month
    remember(history)  # the fourth has none
    years = household_years(history, CAPS)
    assert years["assistance_months"].tolist() == [12, 2, 6, 0]
    assert statistic("assistance_months_lone", history) == pytest.approx(20 / 3)
    assert statistic("assistance_all_year", history) == pytest.approx(1 / 3)
    assert statistic("assistance_two_months", history) == pytest.approx(1 / 3)
    assert statistic("assistance_paid", history) == pytest.approx((120_000 + 8_000 + 6_000) / 20)
    # Months with payment that another month follows: 11, 2 and 6. Seven of them end.
    assert statistic("assistance_exit_lone", history) == pytest.approx(7 / 19)


def test_a_family_that_moved_in_the_year_does_not_count_and_a_child_of_18_is_none() -> None:
    history = a_year(3)
    history["generation"][6:, 0] = 1
    history["child"]["present"][:, 1, 1], history["child"]["age"][:, 1, 1] = 1, 216
    history["parent"]["present"][:, 2, 1] = 1
    history["child"]["present"][:, 2, 1:5], history["child"]["age"][:, 2, 1:5] = 1, 50
    years = household_years(history, CAPS)
    assert kind_of(years).tolist() == ["lone_1", "couple_3"]


def test_housing_allowance_is_read_over_its_months() -> None:
    history = a_year(2)
    history["housing_allowance"][:6, 0], history["housing_allowance"][:, 1] = 3_000.0, 1_000.0
    history["rent"][:, 0], history["rent"][:, 1] = 9_000.0, 8_000.0  # the cap of two persons is 8 333 a month
    history["wages"][:, 0] = 20_000.0
    assert statistic("housing_allowance", history) == pytest.approx((6 * 3_000 + 12 * 1_000) / 18)
    assert statistic("housing_allowance_cost", history) == pytest.approx((6 * 9_000 + 12 * 8_000) / 18)
    assert statistic("housing_allowance_income", history) == pytest.approx(6 * 20_000 / 18)
    assert statistic("housing_allowance_over_cap", history) == pytest.approx(6 / 18)


def test_income_of_lone_parents_in_low_income_splits_into_wages_transfers_and_child_support() -> None:
    history = a_year(2)
    history["low_income_bits"][:, 0] = 1  # the other is not in low income
    history["wages"], history["child_benefit"], history["child_support"] = 6_000.0, 3_000.0, 1_000.0
    assert statistic("lone_low_income_wages", history) == pytest.approx(0.6)
    assert statistic("lone_low_income_transfers", history) == pytest.approx(0.3)


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.name)
def test_every_published_figure_is_a_row_of_the_evidence_in_the_prices_of_its_year(statistic) -> None:  # type: ignore[no-untyped-def]
    for year, row in statistic.published.items():
        found = evidence()[row]
        assert float(found["value"]) > 0
        if found["unit"].startswith("NOK"):
            assert year in found["period"], "an amount in the kroner of another year"


def test_the_main_study_gives_every_kind_of_household_and_every_statistic() -> None:
    result = incomes(load_study("caseload-10-vs-20", ["pool.families=150"]), replicates=4, workers=1)
    comparison, households = result.comparison(), result.by_household()
    assert tuple(comparison.columns) == COMPARISON_COLUMNS
    assert tuple(households.columns) == HOUSEHOLD_COLUMNS
    assert households["household"].tolist() == list(KINDS)
    assert households["share"].sum() == pytest.approx(1.0)
    assert (households["p10"] < households["p50"]).all()
    assert (households["p50"] < households["p90"]).all()
    assert (households["p50"] < households["line"]).all()  # a pool in lasting low income
    assert (comparison["low"] <= comparison["high"]).all()
    found = explained(result)
    assert found["paid"] < found["needs"]
    assert found["needs_alone"] == 8_100 + 1_500 + 8_770  # norm, power, rent of one room: 2025
    assert "Child benefit of these families" in markdown(result, "a command")
    for lang in ("nb", "en"):
        picture = draw(comparison, households, result.prices, lang)
        assert picture.images["svg"].startswith(b"<?xml")


def test_a_family_counts_by_its_records_where_it_stayed_all_year() -> None:
    study = load_study("caseload-10-vs-20", ["pool.families=150"])
    plan = without_coordinator(study, study.arms[0])
    history = run_replicate(plan, seed=3, replicate=0, months=12, history=True).history
    assert history is not None
    years, sample = household_years(history[1:], CAPS), sample_of(history[1:], CAPS)
    paid = history[1:, on_record(history, 12)]["social_assistance"] > 0.0
    assert years["assistance_months"].tolist() == paid.sum(axis=0).tolist()
    assert 0 < len(years) < 150
    months = years["assistance_months"][years["assistance_months"] > 0]
    assert statistic("assistance_two_months", history[1:]) == pytest.approx((months <= 2).mean())
    assert len(sample.units["assistance_whole_year_share"]) == len(months)


def test_workers_do_not_matter() -> None:
    study = load_study("caseload-10-vs-20", ["pool.families=40"])
    one, two = (incomes(study, replicates=4, workers=workers).years for workers in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_the_command_writes_tables_figure_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- incomes:begin -->\n<!-- incomes:end -->\nafter\n", encoding="utf-8")
    options = ["incomes", "--replicates", "2", "--set", "pool.families=60", "--workers", "1", "--quiet"]
    assert run.main([*options, "--json", "--out", str(tmp_path / "out"), "--write", str(page)]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {record["name"] for record in records} >= {s.name for s in STATISTICS}
    assert all({"name", "value", "unit"} <= set(record) for record in records)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("incomes.csv", "incomes_by_household.csv", "incomes.svg", "incomes.png")
    }
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert "`sa-payout-month-2019-in-2025-prices`" in text
    assert run.main([*options, "--out", str(tmp_path / "out")]) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    assert run.main([*options, "--out", str(page)]) == 2
    assert "is a file" in capsys.readouterr().err
    assert run.main([*options, "--write", str(tmp_path / "none.md")]) == 2


ONE_ARM = """
[study]
name = "one-arm"
profile = "oygarden"
horizon_months = 2
burn_in_months = 24
replicates = 2
seed = 5
[pool]
families = 60
[[arm]]
name = "ordinary"
"""


def test_every_run_leaves_the_incomes_of_its_families_and_their_figure(tmp_path: Path) -> None:
    study, folder = tmp_path / "study.toml", tmp_path / "run"
    study.write_text(ONE_ARM, encoding="utf-8")
    assert run.main(["compare", str(study), "--workers", "1", "--quiet", "--out", str(folder)]) == 0
    assert pd.read_csv(folder / "incomes.csv")["name"].tolist() == [s.name for s in STATISTICS]
    assert set(pd.read_csv(folder / "incomes_by_household.csv")["household"]) <= set(KINDS)
    assert (folder / "figures" / "incomes.svg").is_file()
    drawn = (folder / "figures" / "incomes.svg").read_bytes()
    assert run.main(["report", str(folder)]) == 0  # made again from the tables alone
    assert (folder / "figures" / "incomes.svg").read_bytes() == drawn
