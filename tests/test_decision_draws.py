"""A calibrated draw of a decision is the draw that `compare` has: the same effects, the same accounts, and what people gained."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration import decision_draws
from calibration.decision_draws import ACCOUNTS, Draws, simulate_draws
from results.costs import costs_path, load_costs
from results.gain_values import GAINS, load_values, values_path
from results.statistics import cost_differences_table
from scenarios.study import Study, load_study
from simulation.engine import parameter_values, run_arms, run_replicate
from simulation.errors import InputError
from simulation.names import NO_WORK
from simulation.outcomes import OUTCOME_NAMES, Runs
from simulation.runner import run_study

OUTCOMES = ("employed_share", "children_in_low_income_share")
SMALL = ("pool.families=100", "study.horizon_months=12", "study.burn_in_months=24", 'study.posterior="prior"')
EVIDENCE = Path(decision_draws.__file__).parent / "evidence"


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("caseload-10-vs-20", SMALL)


@pytest.fixture(scope="module")
def names(study: Study) -> list[str]:
    return [name for name, _, _ in study.contrasts[:2]]


@pytest.fixture(scope="module")
def draws(study: Study, names: list[str]) -> Draws:
    return simulate_draws(study, names, OUTCOMES, 3, workers=2)


def runs_of(study: Study, replicate: int) -> Runs:
    """Replicates of the study up to this one, by the code of `compare`."""
    return run_study(study.arms, study.contrasts, replicates=replicate + 1, seed=study.seed, workers=1).runs


def test_effects_are_those_of_the_study_itself(study: Study, draws: Draws) -> None:
    columns = [OUTCOME_NAMES.index(name) for name in OUTCOMES]
    place = {plan.name: i for i, plan in enumerate(study.arms)}
    for draw, r in ((0, 0), (1, 1), (2, 0)):
        run = run_arms(study.arms, (), replicate=2 * draw + r, seed=study.seed, draw=draw).study[:, 1, -1][:, columns]
        for c, (_, one, other) in enumerate(study.contrasts[:2]):
            np.testing.assert_array_equal(draws.effects[draw, r, c], run[place[one]] - run[place[other]])
        np.testing.assert_array_equal(draws.values[draw], parameter_values(study.arms[0], study.seed, draw))


def test_accounts_are_those_of_the_report(study: Study, draws: Draws, names: list[str]) -> None:
    runs = runs_of(study, 3)
    table = cost_differences_table(runs, load_costs(costs_path(study.arms[0].prices)))
    table = table[table["unit"] == "NOK, discounted"].set_index(["contrast", "payer", "item"])["mean"]
    for c, name in enumerate(names):
        for a, account in enumerate(ACCOUNTS):
            key = ("municipality", "coordinators") if account == "coordinators" else (account, "total")
            mean = draws.accounts[:2, :, c, a].mean()
            assert mean == pytest.approx(table.loc[(name, *key)], rel=1e-10, abs=1e-6)
    assert np.ptp(draws.accounts) > 0.0


def test_gains_are_months_of_people_counted_one_by_one(study: Study, draws: Draws) -> None:
    costs = load_costs(costs_path(study.arms[0].prices))
    _, *pair = study.contrasts[1]
    sides = []
    for name in pair:
        plan = study.arm(name)
        run = run_replicate(plan, seed=study.seed, replicate=3, months=plan.horizon_months, history=True)
        assert run.history is not None
        months = run.history[1:]
        adult, child = months["parent"], months["child"]
        young = (child["present"] == 1) & (child["age"] >= 12) & (child["age"] < 216)
        slots = np.arange(child.shape[-1]) < months["child_slots"][..., None]
        counted = (
            ((adult["present"] == 1) & (adult["work"] != NO_WORK)).sum(axis=(1, 2)),
            (young & slots & (child["arena"].sum(axis=-1) > 0)).sum(axis=(1, 2)),
            -((months["low_income_bits"] & 1) * months["children_under_18"]).sum(axis=1),
            -(months["social_assistance"] > 0.0).sum(axis=1),
        )
        weight = costs.discount_factors(plan.horizon_months) / 12.0
        sides.append(np.array([weight @ months_of for months_of in counted]))
    np.testing.assert_allclose(draws.gains[1, 1, 1, :4], sides[0] - sides[1], rtol=1e-9, atol=1e-9)
    assert np.any(sides[0] != sides[1])
    np.testing.assert_array_equal(draws.gains[..., 4], -draws.accounts[..., ACCOUNTS.index("family")])


def test_stopped_and_resumed_and_on_one_core_it_gives_the_same(
    study: Study, draws: Draws, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_draws, "PIECE", 2)
    first = simulate_draws(study, names, OUTCOMES, 3, folder=tmp_path, workers=1)
    pieces = sorted(tmp_path.glob("*.parquet"))
    assert len(pieces) == 2
    pieces[1].unlink()
    monkeypatch.setattr(decision_draws, "_draw", _only_the_last(decision_draws._draw))
    again = simulate_draws(study, names, OUTCOMES, 3, folder=tmp_path, workers=1)
    for part in ("values", "effects", "accounts", "gains"):
        for other in (first, again):
            np.testing.assert_array_equal(getattr(other, part), getattr(draws, part))
    with pytest.raises(InputError, match="other inputs"):
        simulate_draws(study, names[:1], OUTCOMES, 3, folder=tmp_path, workers=1)


def _only_the_last(whole):  # type: ignore[no-untyped-def]
    def one(asked, costs, draw, values):  # type: ignore[no-untyped-def]
        assert draw == 2  # the others are on disk
        return whole(asked, costs, draw, values)

    return one


# ---- stated values ---------------------------------------------------------------------------------------------------


def test_every_stated_value_has_a_source_that_exists_and_says_why() -> None:
    values = load_values(values_path("2025"), "2025")
    known = set(pd.concat([pd.read_csv(path) for path in EVIDENCE.glob("*.csv")])["id"].dropna())
    assert tuple(values.entries) == GAINS
    for entry in values.entries.values():
        assert entry.source in known
        assert entry.grade != "D" or entry.reason


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 50000", "value = -1", "gain.parent_years_in_work.value: -1 is out of range"),
        ("[gain.family_kroner]", "[gain.kroner]", "gain.kroner: unknown key"),
        ('grade = "D"', 'grade = "E"', "gain.parent_years_in_work.grade: 'E' is not known"),
        ('prices = "2025"', "", "prices: is missing"),
        ('reason = "The money saved', 'reason = "" # "', "gain.family_years_without_assistance.reason: is missing"),
        ("value = 50000", "value = nan", "is out of range"),
        ("value = 50000", "value = ", "is not TOML"),
    ],
)
def test_a_wrong_file_of_values_is_told_in_one_message(old: str, new: str, said: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(values_path("2025").read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        load_values(mine)


def test_values_of_another_year_are_not_mixed(tmp_path: Path) -> None:
    assert "gain" in tomllib.loads(values_path("2025").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="years are not mixed"):
        load_values(values_path("2025"), "2017")
    with pytest.raises(InputError, match="no stated values in prices of '1999'"):
        values_path("1999")
    with pytest.raises(InputError, match="does not exist"):
        load_values(tmp_path / "none.toml")
