"""Before and after admission: counted right, and a clear fall where nothing has an effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import run
from calibration.before_after import (
    AFTER,
    BEFORE,
    FOLLOWED,
    LEAD,
    MEASURES,
    before_after,
    group_measures,
    markdown,
    measures,
    own_clock,
    records,
)
from calibration.luck import with_interval
from calibration.pages import write_between
from scenarios import load_study
from simulation.errors import InputError

MONTHS = LEAD + 1 + FOLLOWED


# ---- counting -------------------------------------------------------------------------------------------------------


def test_change_lower_and_zero_of_a_hand_made_group() -> None:
    before = np.array([10_000.0, 6_000.0, 4_000.0, 0.0])
    after = np.array([5_000.0, 6_000.0, 0.0, 1_000.0])
    assert measures(before, after) == pytest.approx([12 / 20 - 1, 2 / 4, 1 / 4])


def test_where_nothing_was_paid_there_is_no_relative_change() -> None:
    change, lower, zero = measures(np.zeros(3), np.array([0.0, 500.0, 0.0]))
    assert np.isnan(change)
    assert (lower, zero) == (0.0, pytest.approx(2 / 3))


def test_payments_that_never_change_give_nothing_in_any_window_whatever_the_rounding() -> None:
    found = group_measures(np.full((5, MONTHS), 1234.1))
    assert found[..., MEASURES.index("change")] == pytest.approx(0.0)
    assert not found[..., MEASURES.index("lower")].any()
    assert not found[..., MEASURES.index("zero")].any()


def test_windows_are_counted_from_the_month_of_admission() -> None:
    paid = np.zeros((1, MONTHS))
    paid[0, : LEAD + 1] = 100.0  # paid up to and with the month of admission
    paid[0, LEAD + 24] = 40.0  # and once more
    found = group_measures(paid)
    after = [found[0, AFTER.index(window)].tolist() for window in ((1, 1), (1, 12), (24, 24), (30, 30))]
    assert after == [[-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [pytest.approx(-0.6), 1.0, 0.0], [-1.0, 1.0, 1.0]]
    rising = np.zeros((1, MONTHS))
    rising[0, LEAD] = 120.0  # only in the month of admission: 120, 40 or 10 before
    rising[0, LEAD + 1] = 60.0
    first = group_measures(rising)[:, AFTER.index((1, 1)), MEASURES.index("change")]
    assert first == pytest.approx([60 / 120 - 1, 60 / 40 - 1, 60 / 10 - 1])
    assert BEFORE == ((0, 0), (-2, 0), (-11, 0))


def test_families_count_from_their_own_admission_and_only_if_they_stay() -> None:
    months, slots = MONTHS + 5, 4
    generation = np.zeros((months, slots))
    admitted = np.zeros((months, slots), bool)
    admitted[LEAD, 1] = admitted[LEAD + 2, 0] = admitted[LEAD + 1, 2] = admitted[LEAD + 6, 3] = True
    generation[LEAD + 20 :, 2] = 1  # slot 2: moves out after 19 months; slot 3: too late to be followed to the end
    payments = np.add.outer(np.arange(months), 1000.0 * np.arange(slots))
    found = own_clock([payments, -payments], generation, admitted, families=2)
    assert found is not None
    assert found[0][:, LEAD].tolist() == [1000.0 + LEAD, LEAD + 2]  # slot 1, then slot 0
    assert np.array_equal(found[1], -found[0])
    assert found[0].shape == (2, MONTHS)
    assert own_clock([payments], generation, admitted, families=3) is None


# ---- the null model -------------------------------------------------------------------------------------------------


def test_payments_fall_where_nothing_has_an_effect_and_just_as_much_without_a_coordinator() -> None:
    study = load_study("caseload-10-vs-20.toml")
    result = before_after(study, replicates=12)
    null = result.groups["off"]
    assert len(null) >= 8
    assert np.array_equal(null[:, 0], null[:, 1])  # the two lives: exactly alike
    change = null[:, 0, BEFORE.index((-11, 0)), AFTER.index((24, 24)), MEASURES.index("change")].mean()
    assert change < -0.25
    assert abs(result.pool_change["off"]) < abs(change) / 2
    on = result.groups["on"]
    assert not np.array_equal(on[:, 0], on[:, 1])

    table = result.table()
    assert len(table) == 2 * 3 * len(BEFORE) * len(AFTER) * len(MEASURES)
    apart = table[(table.links == "off") & (table.life == "difference")]
    assert (apart[["mean", "p05", "p95"]] == 0.0).all(axis=None)
    page = markdown(result, "python run.py before-after")
    assert "exactly zero" in page
    assert "nan" not in page
    assert len({record["name"] for record in records(result)}) == len(table)


def test_an_arm_without_coordinators_or_too_few_families_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="coordinators"):
        before_after(load_study("caseload-10-vs-20.toml"), "ordinary", replicates=2)
    with pytest.raises(InputError, match="22 families"):
        before_after(load_study("caseload-10-vs-20.toml", ["pool.families=20"]), replicates=2)


# ---- pages ----------------------------------------------------------------------------------------------------------


def test_only_what_stands_between_the_markers_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Ærlig\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n", encoding="utf-8")
    write_between(page, "x", "new")
    write_between(page, "x", "new")
    assert page.read_text(encoding="utf-8") == "# Ærlig\n<!-- x:begin -->\nnew\n<!-- x:end -->\nafter\n"
    with pytest.raises(InputError, match="markers"):
        write_between(page, "y", "new")
    with pytest.raises(InputError, match="cannot be read"):
        write_between(tmp_path / "none.md", "x", "new")


def test_the_command_asks_for_the_markers_before_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("no markers", encoding="utf-8")
    assert run.main(["before-after", "--quiet", "--write", str(page)]) == 2
    assert "before-after:begin" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "no markers"


def test_the_command_prints_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    assert run.main(["before-after", "--replicates", "4", "--quiet", "--json", "--csv", str(table)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"name", "value", "low", "high", "unit"} == set(document[0])
    assert table.read_text(encoding="utf-8").startswith("links,life,measure,before,after,mean,p05,p50,p95,groups\n")


# ---- luck -----------------------------------------------------------------------------------------------------------


def test_the_variance_ratio_is_one_for_strangers_and_near_zero_for_twins() -> None:
    rng = np.random.default_rng(2)
    a, b, noise = rng.normal(size=(3, 400, 1))
    (strangers,), (twins,) = with_interval(a, b), with_interval(a, a + 0.1 * noise)
    assert strangers.low < 1.0 < strangers.high
    assert twins.value == pytest.approx(0.01 / 2.01, rel=0.3)
