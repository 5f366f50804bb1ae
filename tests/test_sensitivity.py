"""``run.py sensitivity``: what it writes, what it refuses, and that it goes on after a kill with the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import run
from calibration import pieces, sobol
from calibration.factors import GROUPS, by_group, factors_of
from calibration.given_data import measures, weight
from calibration.morris import analyse, elementary_effects, problem, trajectories
from calibration.points import Asked, effects
from calibration.sensitivity import COLUMNS, OUTCOMES, add_arguments, job_of
from calibration.tornado import swings
from scenarios.options import Parser
from scenarios.study import load_study
from simulation.parameters import parameter_names

SMALL = ("pool.families=60", "study.horizon_months=12", "study.burn_in_months=24")
SIZES = ("--draws", "40", "--trajectories", "2", "--samples", "2", "--point-replicates", "2", "--quick")
PIECES = (
    4 + 2 + 4 + 2 + 2
)  # ten draws each, then trajectories, blocks of the tornado, base samples of Sobol and of groups
STOPPED_AT = 9
CHOSEN = ("--outcomes", "employed_share,trust", "--contrast", "10 vs 20, same families")
WRITTEN = ("sensitivity.csv", "convergence.csv", "value_of_information.csv")


def small(*more: str) -> list[str]:
    return ["sensitivity", *SIZES, *(word for key in SMALL for word in ("--set", key)), *more]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensitivity") / "run"
    assert run.main([*small("--out", str(folder), "--workers", "2", "--quiet"), *CHOSEN]) == 0
    return folder


# ---- what it writes --------------------------------------------------------------------------------------------------


def test_every_index_has_its_interval_and_every_stage_its_rows(finished: Path) -> None:
    table = pd.read_csv(finished / "sensitivity.csv")
    assert tuple(table.columns) == COLUMNS
    methods = {"draws", "morris", "tornado", "sobol", "sobol_with_chance", "sobol_groups"}
    assert set(table["method"]) == methods
    assert set(table["contrast"]) == {"10 vs 20, same families"}
    known = table.dropna(subset=["value"])
    assert (known["low"] <= known["value"] + 1e-9).all()
    assert (known["value"] <= known["high"] + 1e-9).all()
    uncertain = factors_of(load_study("caseload-10-vs-20")).names
    for method, index in (("morris", "mu"), ("morris", "mu_star"), ("morris", "sigma"), ("draws", "slope")):
        rows = table[(table["method"] == method) & (table["index"] == index) & (table["outcome"] == "trust")]
        assert set(rows["parameter"]) - {"dummy"} == set(uncertain)
    assert set(table[table["method"] == "sobol_groups"]["parameter"]) == {*GROUPS, "chance"}


def test_the_manifest_names_inputs_and_command_and_figures_are_there(finished: Path) -> None:
    made = json.loads((finished / "manifest.json").read_text(encoding="utf-8"))
    assert made["command"].startswith("python run.py")
    assert {"seed", "source_hash", "analysis_hash", "posterior", "size", "packages", "git_commit"} <= set(made)
    names = {path.stem for path in (finished / "figures").glob("*.svg")}
    assert {"sensitivity-tornado", "sensitivity-morris", "sensitivity-sobol", "sensitivity-groups"} <= names
    assert all((finished / "figures" / f"{name}.png").stat().st_size > 1000 for name in names)


def test_what_is_wired_to_nothing_has_intervals_that_hold_zero(finished: Path) -> None:
    """``rank_strength`` acts in places whose figures are inferred from a ranking, and Øygarden's are not."""
    table = pd.read_csv(finished / "sensitivity.csv")
    rows = table[(table["parameter"] == "rank_strength") & table["index"].isin(["mu", "mu_star", "sigma", "strength"])]
    assert len(rows) == 4 * 2
    assert (rows[["value", "low", "high"]] == 0.0).all(axis=None)


def dose_indices(outcome: str, samples: int, replicates: int, *sets: str) -> pd.DataFrame:
    """Total effects of the dose parameters on the difference to no coordinator, all else frozen."""
    study = load_study("caseload-10-vs-20", sets)
    names = ("dose_half", "dose_steepness", "rank_strength")
    made = sobol.design(names, samples, seed=1)
    asked = Asked.of(study, ["caseload-10 vs ordinary"], [outcome], replicates)
    y = effects(asked, factors_of(study, names).values(made.u, names), made.blocks)[:, :, 0, 0]
    table = sobol.indices(made, y, seed=1)
    return table[table["index"] == "ST"].set_index("parameter")[["value", "low", "high"]]


def test_the_dose_parameters_matter_when_all_else_is_frozen() -> None:
    total = dose_indices("trust", 16, 4, "study.horizon_months=24", "study.burn_in_months=36")
    assert (total.loc["rank_strength"] == 0.0).all()
    assert total.loc["dose_half", "low"] > 0.0
    assert total.loc["dose_steepness", "low"] > 0.0


@pytest.mark.long
@pytest.mark.parametrize(
    ("outcome", "samples", "sets"),
    [("employed_share", 64, ["parameters.work_support_ratio=2.0"]), ("child_participation_share", 128, [])],
    ids=["work, where contact helps", "children"],
)
def test_the_dose_matters_for_work_and_children(outcome: str, samples: int, sets: list[str]) -> None:
    total = dose_indices(outcome, samples, 10, *sets)
    assert (total.loc["rank_strength"] == 0.0).all()
    assert total.loc["dose_half", "low"] > 0.0


def test_without_a_word_the_contrasts_are_those_that_the_study_states() -> None:
    parser = Parser(prog="sensitivity", description="")
    add_arguments(parser)
    job = job_of(parser.read(["--parameters", "dose_half,job_entry"]))
    assert job.contrasts == ("10 vs 20, same staff", "10 vs 20, same families")
    assert job.outcomes == OUTCOMES
    assert (job.size.top, job.size.samples) == (2, 256)


# ---- stopped, and gone on with ---------------------------------------------------------------------------------------


def test_a_stopped_analysis_goes_on_to_the_same_bytes_on_one_core(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [*CHOSEN, "--out", str(tmp_path / "run"), "--workers", "1", "--quiet"]
    store, stored = pieces._store, [0]

    def counted(*arguments: Any) -> None:
        stored[0] += 1
        if stored[0] == STOPPED_AT:
            raise KeyboardInterrupt
        store(*arguments)

    monkeypatch.setattr(pieces, "_store", counted)
    monkeypatch.setattr("results.sensitivity_figures.write_figures", lambda *_: [])  # they are drawn in another test
    assert run.main(small(*chosen)) == 130
    assert f"--resume --out {tmp_path / 'run'}" in capsys.readouterr().err
    assert not any((tmp_path / "run" / name).exists() for name in (*WRITTEN, "manifest.json"))
    assert run.main(small(*chosen, "--resume", "--seed", "2")) == 2
    assert "other inputs" in capsys.readouterr().err
    stored[0] = STOPPED_AT
    assert run.main(small(*chosen, "--resume")) == 0
    assert stored[0] - STOPPED_AT == PIECES - (STOPPED_AT - 1), "what was simulated is not simulated again"
    for name in WRITTEN:
        assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes(), name
    assert not (tmp_path / "run" / "chunks").exists()
    assert run.main(small(*chosen, "--resume")) == 0  # a finished one is left as it is
    assert stored[0] - STOPPED_AT == PIECES - (STOPPED_AT - 1)


def test_force_takes_away_what_an_earlier_run_left(tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    page = tmp_path / "page.md"
    page.write_text("<!-- sensitivity:begin -->\n<!-- sensitivity:end -->\n", encoding="utf-8")
    more = ["--only", "tornado", "--parameters", "dose_half,job_entry", "--outcomes", "trust", "--force", "--quiet"]
    assert run.main(small("--out", str(tmp_path / "run"), "--write", str(page), *more)) == 0
    assert not (tmp_path / "run" / "value_of_information.csv").exists()
    assert {path.stem for path in (tmp_path / "run" / "figures").iterdir()} == {
        "sensitivity-tornado",
        "sensitivity-tornado-2",
    }
    text = page.read_text(encoding="utf-8")
    assert "Tornado" in text
    assert "Value of information" not in text


def test_the_folder_of_another_command_is_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run" / "chunks").mkdir(parents=True)
    (tmp_path / "run" / "chunks" / "chunk-000000-000009.parquet").write_bytes(b"theirs")
    assert run.main(small("--out", str(tmp_path / "run"), "--resume")) == 2
    assert "another command" in capsys.readouterr().err
    assert (tmp_path / "run" / "chunks" / "chunk-000000-000009.parquet").read_bytes() == b"theirs"


def test_a_posterior_may_hold_a_parameter_that_has_no_prior(tmp_path: Path) -> None:
    draws = pd.DataFrame({"presence_resilient": np.linspace(0.02, 0.04, 21), "job_entry": np.linspace(0.05, 0.1, 21)})
    draws.to_parquet(tmp_path / "mine.parquet")
    study = load_study("caseload-10-vs-20", [f'study.posterior="{tmp_path / "mine.parquet"}"'])
    factors = factors_of(study, ["presence_resilient", "job_entry"])
    middle = dict(zip(parameter_names(), factors.middle().tolist(), strict=True))
    assert middle["presence_resilient"] == pytest.approx(0.03)
    assert (
        run.main(
            small(
                "--out",
                str(tmp_path / "run"),
                "--only",
                "draws",
                "--quiet",
                "--set",
                f'study.posterior="{tmp_path / "mine.parquet"}"',
                "--outcomes",
                "trust",
            )
        )
        == 0
    )


# ---- what it refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--parameters", "dose_haf,job_entry"], "dose_half"),
        (["--parameters", "dose_half"], "at least two"),
        (["--parameters", "dose_half,dose_half"], "twice"),
        (["--parameters", "dose_half,,job_entry"], "empty name"),
        (["--parameters", "dose_half,relief"], "the posterior holf.parquet has no column"),
        (["--parameters", "dose_half,job_entry", "--set", "parameters.job_entry=0.1"], "is held at 0.1"),
        (["--parameters", "dose_half,claim_rate", "--set", 'study.links="off"'], "switches the links off"),
        (["--outcomes", "employed"], "employed_share"),
        (["--outcomes", "use_health"], "no outcome 'use_health' of families"),
        (["--outcomes", "upper_secondary_share"], "after 12 months"),
        (["--samples", "100"], "64 and 128"),
        (["--samples", "1"], "whole number"),
        (["--contrast", "10 vs 30"], "10 vs 20"),
        (["--only", "sobol"], "--parameters"),
        (["--force", "--resume"], "do not go together"),
        (["--write", "nowhere.md"], "markers"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run.main(small("--out", "run", *more)) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not Path("run").exists()


# ---- the methods by themselves ---------------------------------------------------------------------------------------


def test_elementary_effects_are_those_of_salib() -> None:
    from SALib.analyze import morris

    u, blocks = trajectories(["a", "b", "c"], 8, seed=1)
    y = 3.0 * u[:, 0] - u[:, 1] ** 2 + u[:, 0] * u[:, 2]
    theirs = morris.analyze(problem(["a", "b", "c"]), u, y, num_levels=4, seed=1)
    ours = elementary_effects(u, y[:, None])[:, :, 0]
    np.testing.assert_allclose(ours.mean(axis=0), theirs["mu"])
    np.testing.assert_allclose(np.abs(ours).mean(axis=0), theirs["mu_star"])
    assert len(set(blocks)) == 8


def test_strength_takes_chance_out_where_mu_star_does_not() -> None:
    u, blocks = trajectories(["a", "b"], 400, seed=1)
    rng = np.random.default_rng(1)
    y = 0.9 * u[:, [0]] + rng.standard_normal((len(u), 2))
    table = analyse(["a", "b"], u, y, seed=1).set_index(["index", "parameter"])
    assert table.loc[("mu_star", "b"), "low"] > 0.5  # nothing but chance
    assert table.loc[("strength", "b"), "low"] == 0.0
    mu = table.loc[("mu", "a")]
    assert mu["low"] < 0.81 < mu["high"]  # 0.9 over the middle 90 %
    assert table.loc[("strength", "a"), "low"] < 0.81 < table.loc[("strength", "a"), "high"]
    assert len(set(blocks)) == 400


def test_measures_on_draws_find_what_matters_and_not_the_dummy() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2000, 3))
    y = (x @ [1.0, 0.5, 0.0])[:, None] + 3.0 * rng.standard_normal((2000, 2))
    table = measures(["a", "b", "c"], x, y, seed=1, pawn=["a"]).set_index(["index", "parameter"])
    for name, slope, share in (("a", 1.0, 0.8), ("b", 0.5, 0.2), ("c", 0.0, 0.0), ("dummy", 0.0, 0.0)):
        for index, truth in (("slope", slope), ("S1", share)):
            row = table.loc[(index, name)]
            assert row["low"] < truth < row["high"], (index, name)
    chance = table.loc[("share", "chance")]
    assert chance["low"] < 4.5 / (4.5 + 1.25) < chance["high"]
    assert table.loc[("pawn", "a"), "low"] > table.loc[("pawn", "dummy"), "high"]
    order = weight(x, np.stack([y, y], axis=2)[:, :, :, None])
    assert order.argmax() == 0
    assert abs(order[2]) < 0.01


def test_a_tornado_swings_by_what_the_ends_differ_in_the_same_luck() -> None:
    rng = np.random.default_rng(1)
    luck = 10.0 * rng.standard_normal((50, 1, 4))
    y = (np.array([0.0, -1.0, 2.0, 0.5, 0.5])[None, :, None] + luck).reshape(-1, 4)
    table = swings(["a", "b"], y).set_index(["index", "parameter"])
    assert table.loc[("swing", "a"), "value"] == pytest.approx(3.0)
    assert table.loc[("swing", "a"), "high"] == pytest.approx(3.0)  # luck is shared, and leaves no error
    assert table.loc[("swing", "b"), "value"] == pytest.approx(0.0)
    assert table.loc[("value", "middle"), "low"] < 0.0 < table.loc[("value", "middle"), "high"]


def test_every_uncertain_parameter_has_a_group() -> None:
    names = factors_of(load_study("caseload-10-vs-20")).names
    grouped = by_group(names)
    assert sorted(name for members in grouped.values() for name in members) == sorted(names)
    assert set(grouped) == set(GROUPS)
