"""A run's folder is what the run wrote, can be made again from its manifest, and stands beside the prior and the null model."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import run
import scenarios.beside as beside_module
import scenarios.comparison as comparison
from results import files, provenance
from results.provenance import drawn_from, seal
from results.run_folder import DATA_FILES, read_manifest, read_tables
from results.statistics import HEADLINES
from scenarios import compare, load_study
from scenarios.beside import own_model, run_beside
from scenarios.changes import changes_of
from scenarios.study import POSTERIORS, study_of
from scenarios.verify import compare_folders, profile_of, said_otherwise, study_from
from simulation.errors import InputError

OWN = "quantity,value,n\nbarriers.health,47,60\nservices.housing.places,3,\nfamilies,40,\n"
STUDY = """
[study]
name = "small"
profile = "mine.csv"
horizon_months = 6
burn_in_months = 24
replicates = 8
seed = 5
posterior = "mine.parquet"
[[arm]]
name = "ordinary"
[[arm]]
name = "five"
coordinators = 2
caseload = 5
[[arm]]
name = "ten"
coordinators = 2
caseload = 10
[arm.services.health]
places = 4
[costs]
start_up = 5000
[[contrast]]
name = "5 vs 10, same staff"
arm = "five"
against = "ten"
"""
SETS = (
    "study.costs=own-costs.toml",
    "arm.ten.caseload=9",
    "parameters.dose_half=5",
    "costs.travel=155",
    "costs.payer.kvp=state",
)
JOB = ("compare", "small.toml", *(part for text in SETS for part in ("--set", text)), "--quiet")


def drawn(folder: Path, *rest: Any, **named: Any) -> Path:
    """Stands for figures and report, which take most of the time."""
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "headline.svg").write_text("<svg/>", encoding="utf-8")
    (folder / "report.html").write_text(f"<html>{rest[-1]}</html>", encoding="utf-8")
    return folder / "report.html"


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("results.page.write_figures_and_report", lambda folder, *rest, **named: drawn(folder, rest[3]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, its profile, its posterior, and a finished run of it in ``run``."""
    home = tmp_path_factory.mktemp("home")
    (home / "small.toml").write_text(STUDY, encoding="utf-8")
    (home / "mine.csv").write_text(OWN, encoding="utf-8")
    (home / "own-costs.toml").write_text('extends = "2025.toml"\ninterpreter = 700\n', encoding="utf-8")
    shutil.copy(POSTERIORS / "holf.parquet", home / "mine.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("results.page.write_figures_and_report", lambda folder, *rest, **named: drawn(folder, rest[3]))
        assert run.main([*JOB, "--out", "run"]) == 0
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be changed, and the current folder."""
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def changed(change: Callable[[dict[str, Any]], object], *, sealed: bool) -> None:
    """Change the manifest, and seal it again or not."""
    path = Path("run/manifest.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    if sealed:
        manifest["seal"] = seal(manifest)
    files.write_json(path, manifest)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run.main(["report", "run", *arguments])
    return (code, *capsys.readouterr())


# ---- run again -------------------------------------------------------------------------------------------------------


def test_a_run_is_verified_from_its_manifest_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("small.toml", "mine.csv", "own-costs.toml"):
        Path(name).unlink()
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    code, out, err = answer(capsys, "--verify", "--workers", "2")
    assert (code, out.splitlines()[0]) == (0, "run: the same numbers.")
    rows = sum(len(pd.read_csv(path)) for path in Path("run").glob("*.csv")) + len(
        pd.read_parquet("run/replicates.parquet")
    )
    assert f"all {len(DATA_FILES) - 1} tables, {rows} rows, are the same" in out
    assert "small: 8 of 8" in err
    assert before == {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert answer(capsys, "--verify", "--quiet") == (0, "", "")


def change_a_digit(name: str = "run/differences.csv") -> tuple[str, str]:
    """Change the mean in the last row; the value as it was and as it is."""
    path = Path(name)
    lines = path.read_text(encoding="utf-8").splitlines()
    column = lines[0].split(",").index("mean") - len(lines[0].split(","))
    cells = lines[-1].split(",")
    was, cells[column] = cells[column], "0.123"
    path.write_text("\n".join([*lines[:-1], ",".join(cells)]) + "\n", encoding="utf-8")
    return was, "0.123"


def test_a_changed_digit_is_named_with_both_values(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    was, now = change_a_digit()
    row = len(pd.read_csv("run/differences.csv"))
    code, out, err = answer(capsys, "--verify", "--quiet")
    assert (code, out) == (1, "")
    assert f"differences.csv, row {row} (contrast " in err
    assert f"mean: {now} in the folder, {was} when run again" in err


def test_the_first_difference_is_named_in_every_kind_of_table(home: Path) -> None:
    folder, again = Path("run"), Path("again")
    shutil.copytree(folder, again)
    assert compare_folders(folder, again, DATA_FILES).difference is None
    (folder / "variance.csv").unlink()
    assert compare_folders(folder, again, DATA_FILES).difference == "variance.csv is missing"
    table = pd.read_parquet(folder / "replicates.parquet")
    table.loc[3, "employed_share"] = 0.5
    table.to_parquet(folder / "replicates.parquet", index=False)
    found = str(compare_folders(folder, again, DATA_FILES).difference)
    assert re.match(r"replicates.parquet, row 4 \(arm \w+, .*replicate 3\), employed_share: 0.5 in the folder, ", found)
    (folder / "reach.csv").write_bytes(b'arm\n"')
    assert str(compare_folders(folder, again, DATA_FILES).difference).startswith("reach.csv cannot be read as a table")
    (folder / "lives.json").write_text("{}", encoding="utf-8")
    assert compare_folders(folder, again, DATA_FILES).difference == "lives.json is another"


def test_other_line_ends_are_the_same_numbers_and_are_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("run/costs.csv")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    code, out, _ = answer(capsys, "--verify")
    assert (code, "The same values in other bytes" in out, "costs.csv." in out) == (0, True, True)


def test_a_changed_study_is_found_before_anything_is_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(lambda manifest: manifest["study"]["arms"][1].update(caseload=8), sealed=False)
    code, _, err = answer(capsys, "--verify")
    assert (code, "manifest.json was changed after the run" in err) == (1, True)
    assert answer(capsys)[0] == 2
    changed(lambda manifest: None, sealed=True)
    code, _, err = answer(capsys, "--verify")
    assert (code, "study_toml and study are not the same" in err) == (2, True)


def test_taking_the_hashes_out_of_a_manifest_does_not_turn_the_check_off(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(lambda manifest: manifest.pop("tables"), sealed=False)
    code, _, err = answer(capsys)
    assert (code, "manifest.json: was changed after the run" in err) == (2, True)


def test_a_lie_told_in_every_place_is_found_by_running_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def another_seed(manifest: dict[str, Any]) -> None:
        manifest["seed"] = manifest["study"]["study"]["seed"] = 6
        manifest["study_toml"] = manifest["study_toml"].replace("seed = 5", "seed = 6")

    changed(another_seed, sealed=True)
    code, _, err = answer(capsys, "--verify", "--quiet")
    assert code == 1
    assert re.search(r"NOT the same numbers: \w+.csv, row \d+ \(", err)


def test_other_unit_costs_or_another_payer_are_found_by_running_again(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    was = read_manifest(Path("run"))
    for other in ({"unit_costs": [was["unit_costs"][0] | {"value": 1.0}, *was["unit_costs"][1:]]},
                  {"payers": was["payers"] | {"kindergarten_fee": "state"}}):  # fmt: skip
        changed(lambda manifest, other=other: manifest.update(was | other), sealed=True)  # type: ignore[misc]
        code, _, err = answer(capsys, "--verify", "--quiet")
        assert (code, bool(re.search(r"NOT the same numbers: \w+\.csv, row \d+", err))) == (1, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("replicates_done", 80), ("draws", 3), ("eligible_families", 1.0), ("horizon", 7), ("arms", ["five"]),
        ("beside", None), ("changes", [{"key": "arm.ten.caseload", "from": 10, "to": 8}]),
        ("changes", [{"key": "study.thing", "from": 10, "to": 8}]), ("changes", None),
    ],
)  # fmt: skip
def test_what_a_manifest_says_is_what_the_new_one_says(made: Path, key: str, value: Any) -> None:
    manifest = read_manifest(made / "run")
    own = study_from(manifest, made / "run")
    again = manifest | {"changes": changes_of(own), "beside": timed(manifest["beside"])}
    assert said_otherwise(manifest, again, own) is None
    assert str(said_otherwise(manifest | {key: value}, again, own)).startswith(f"manifest.json, {key}: ")


def test_changes_of_a_shipped_study_are_its_own_whatever_is_set(tmp_path: Path) -> None:
    sets = ["pool.families=77", "costs.travel=1", "study.profile=nav-fana", "arm.caseload-20.services.health.places=9"]
    for name in ("caseload-10-vs-20", "services", "programmes", "recession"):
        some = [text for text in sets if name == "caseload-10-vs-20" or not text.startswith("arm.")]
        study = load_study(name, some)
        posterior = str(study.arms[0].posterior)
        again = study_of(study.to_toml(), study.profile, posterior, study.costs, tmp_path)
        was, now = ({"changes": changes_of(one)} for one in (study, again))
        assert was["changes"]
        assert said_otherwise(was, now, again) is None
        other = [change | {"from": "x"} for change in was["changes"] if change["key"] == "study.profile"]
        assert said_otherwise({"changes": other}, now, again) is not None


def timed(beside: dict[str, Any]) -> dict[str, Any]:
    return {model: {**told, "wall_seconds": 1e9} for model, told in beside.items()}


def test_a_lie_about_the_run_and_a_report_edited_by_hand_are_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run/report.html").write_text("edited by hand", encoding="utf-8")
    Path("run/tables.xlsx").write_text("put there", encoding="utf-8")
    code, out, err = answer(capsys, "--verify")
    assert (code, out.splitlines()[0]) == (1, "run: the same numbers.")
    for name in ("report.html", "tables.xlsx"):
        assert f"run/{name} was changed after it was made; `run.py report run` makes it again" in err
    changed(lambda manifest: manifest.update(replicates_done=80), sealed=True)
    code, out, err = answer(capsys, "--verify")
    assert (code, out) == (1, "")
    assert "NOT the same numbers: manifest.json, replicates_done: 80 in the folder, 8 when run again" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda m: m.update(source_hash="0" * 64), ("the model was another", "version 0."), id="code"),
        pytest.param(
            lambda m: m["failures"].append({"replicate": 1, "draw": 0, "traceback": "x"}),
            ("replicates failed",),
            id="failures",
        ),
        pytest.param(lambda m: m["unit_costs"].pop(), ("service.child_welfare", "is missing"), id="costs"),
        pytest.param(lambda m: m.pop("payers"), ("lacks payers",), id="who pays"),
        pytest.param(lambda m: m.pop("study_toml"), ("lacks study_toml",), id="an older run"),
        pytest.param(lambda m: m["study"]["profile"].pop("means"), ("study.profile", "means"), id="half a profile"),
    ],
)
def test_what_cannot_be_run_again_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], change: Callable[[dict[str, Any]], object], words: tuple[str, ...]
) -> None:
    changed(change, sealed=True)
    code, out, err = answer(capsys, "--verify")
    assert (code, out, err.count("\n")) == (2, "", 1)
    for word in words:
        assert word in err


def test_a_posterior_is_found_by_its_hash_and_missed_by_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(lambda manifest: manifest.update(posterior_hash="0" * 64), sealed=True)
    code, _, err = answer(capsys, "--verify")
    assert (code, "mine.parquet with the hash 0000000000000000 is not to be found" in err) == (2, True)
    digest = files.hash_bytes(Path("mine.parquet").read_bytes())
    changed(lambda manifest: manifest.update(posterior_hash=digest), sealed=True)
    Path("mine.parquet").unlink()  # the shipped one is the same, under another name
    assert answer(capsys, "--verify", "--quiet")[0] == 0


def test_a_profile_comes_back_from_json_as_it_was() -> None:
    for name in ("oygarden", "nav-fana", "vestland/Bømlo"):
        study = load_study("caseload-10-vs-20", [f"study.profile={name}", "pool.families=70"])
        profile = replace(study.profile, rates={"norm_lone": 8500.0, "norm_child": (1.0, 2.5)}, rates_year="2025")
        study = replace(study, profile=profile)
        assert profile_of(json.loads(json.dumps(study.resolved()))["profile"]) == profile


# ---- hashes ----------------------------------------------------------------------------------------------------------


def test_every_file_of_a_run_stands_in_its_manifest_with_its_hash(home: Path) -> None:
    folder = Path("run")
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    manifest = read_manifest(folder)
    assert set(manifest["tables"]) == set(found) - {"manifest.json"}
    for name, digest in manifest["tables"].items():
        assert files.hash_bytes(found[name].read_bytes()) == digest
    assert manifest["figures"] == {"headline": ["outcomes.csv"]}
    assert manifest["inputs"]["mine.csv"] == files.hash_bytes(Path("mine.csv").read_bytes())
    assert manifest["posterior_hash"] == files.hash_bytes(Path("mine.parquet").read_bytes())


@pytest.mark.parametrize("name", ["differences.csv", "replicates.parquet", "lives.json"])
def test_a_report_of_a_changed_table_is_refused_and_nothing_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = Path("run", name)
    path.write_bytes(path.read_bytes() + b" ")
    before = Path("run/report.html").read_bytes()
    code, out, err = answer(capsys, "--lang", "en")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"run/{name}: was changed after the run" in err
    assert Path("run/report.html").read_bytes() == before
    capsys.readouterr()
    assert run.main([*JOB, "--out", "run", "--resume"]) == 2
    path.unlink()
    assert f"run/{name}: is missing" in answer(capsys)[2]


def test_a_report_made_again_is_taken_into_the_manifest(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("run/report.html").write_text("edited by hand", encoding="utf-8")
    Path("run/figures/headline.svg").unlink()
    before = read_manifest(Path("run"))
    assert answer(capsys, "--lang", "en")[::2] == (0, "")
    after = read_manifest(Path("run"))
    assert after["tables"]["report.html"] == files.hash_bytes(Path("run/report.html").read_bytes())
    assert before["tables"]["report.html"] != after["tables"]["report.html"]
    assert provenance.data_tables(after) == provenance.data_tables(before)
    assert answer(capsys)[0] == 0


def test_a_run_without_hashes_is_doubted_and_not_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(lambda manifest: [manifest.pop(key) for key in ("tables", "figures", "seal")], sealed=False)
    Path("run/beside.csv").unlink()
    code, out, err = answer(capsys)
    assert (code, out.strip(), err) == (0, str(Path("run/report.html")), f"run: {provenance.UNHASHED}\n")
    assert "tables" not in read_manifest(Path("run"))
    assert len(read_tables(Path("run")).beside) == 0


def test_a_figure_says_what_it_is_drawn_from() -> None:
    assert drawn_from("differences-2-10-vs-20") == ("differences.csv",)
    assert drawn_from("unheard-of") == ()


def test_a_run_broken_off_and_taken_up_has_the_hashes_of_one_that_was_not(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(*args: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # between the study and what stands beside it
        patch.setattr(beside_module, "run_beside", breaking)
        assert run.main([*JOB, "--out", "again"]) == 130
        assert "--resume --out again" in capsys.readouterr().err
    with monkeypatch.context() as patch:  # when everything is run and nothing is written
        patch.setattr(comparison, "save", breaking)
        assert run.main([*JOB, "--out", "again", "--resume"]) == 130
    assert {path.name for path in Path("again/chunks").iterdir()} >= {"beside-prior", "beside-null"}
    assert run.main([*JOB, "--out", "again", "--resume"]) == 0
    again, whole = read_manifest(Path("again")), read_manifest(Path("run"))
    assert again["tables"] == whole["tables"]
    assert again["chunks_resumed"] == 1
    assert not Path("again/chunks").exists()


# ---- beside ----------------------------------------------------------------------------------------------------------


def test_without_links_every_difference_is_exactly_zero(made: Path) -> None:
    table = read_tables(made / "run").beside
    null = table[table.model == "null"]
    assert len(null) == 3 * len(HEADLINES)
    assert (null[["mean", "ci_low", "ci_high", "p05", "p95"]] == 0.0).all(axis=None)
    assert (null.prob_better == 0.5).all()
    others = table[table.model != "null"]
    assert set(others.model) == {"calibrated", "prior"}
    assert (others["mean"] != 0.0).any()


def test_what_is_beside_is_the_studys_own_answer_first(made: Path) -> None:
    tables = read_tables(made / "run")
    own = tables.beside[tables.beside.model == "calibrated"].set_index(["contrast", "outcome"])
    rows = tables.differences[(tables.differences.population == "eligible") & (tables.differences.month == 6)]
    rows = rows.set_index(["contrast", "outcome"]).loc[own.index]
    assert not rows.empty
    for column in ("unit", "mean", "ci_low", "ci_high", "p05", "p95", "prob_better", "replicates"):
        assert rows[column].tolist() == own[column].tolist()


def study(*sets: str) -> Any:
    small = ("pool.families=30", "study.horizon_months=3", "study.burn_in_months=24", "study.replicates=4")
    return load_study("caseload-10-vs-20", [*small, *sets])


@pytest.mark.parametrize(
    ("sets", "models"),
    [
        ((), ["calibrated", "prior", "null"]),
        (("study.posterior=prior",), ["prior", "null"]),
        (("study.links=off",), ["null"]),
        (("study.links=off", "study.posterior=prior"), ["null"]),
    ],
)
def test_a_study_stands_beside_what_it_is_not(sets: tuple[str, ...], models: list[str]) -> None:
    result = compare(study(*sets), workers=1)
    assert own_model(result.study) == models[0]
    assert list(result.beside.table.model.unique()) == list(result.beside.models) == models


def test_without_links_only_the_place_can_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_module, "FEWEST", 2)
    alike = compare(study("study.replicates=30"), workers=1).beside
    assert (alike.models["prior"]["replicates"], alike.models["null"]["replicates"]) == (6, 2)
    recession = compare(study("study.replicates=30", "arm.caseload-20.openings_factor=0"), workers=1).beside
    assert recession.models["null"]["replicates"] == 6
    null = recession.table[recession.table.model == "null"].set_index(["contrast", "outcome"])["mean"]
    assert null["10 vs 20, same staff", "employed_share"] > 0.0
    assert (null["10 vs 20, same families"] == 0.0).all()


def test_the_prior_beside_a_fitted_study_is_the_study_of_the_prior() -> None:
    fitted, unfitted = compare(study(), workers=1), compare(study("study.posterior=prior"), workers=1)
    one, other = (r.beside.table[r.beside.table.model == "prior"].drop(columns="model") for r in (fitted, unfitted))
    np.testing.assert_array_equal(one.to_numpy(), other.to_numpy())


def test_nothing_stands_beside_a_study_without_contrasts_or_with_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = compare(study(), workers=1)
    lonely = replace(alone.study, contrasts=())
    none = run_beside(lonely, replace(alone.finished, runs=replace(alone.finished.runs, contrasts=())))
    assert (len(none.table), list(none.models)) == (0, ["calibrated"])
    monkeypatch.setattr(beside_module, "LARGEST", 20)
    large = run_beside(alone.study, alone.finished)
    assert set(large.table.model) == {"calibrated"}
    assert large.models["null"] == large.models["prior"] == {"skipped": "a pool of 30 families, over 20"}


def test_models_beside_that_fail_are_said_and_sink_no_study(monkeypatch: pytest.MonkeyPatch) -> None:
    result = compare(study(), workers=1)

    def fail(*args: Any, **named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("simulation.runner.run_arms", fail)
    assert result.beside.models["prior"] == {"skipped": "every replicate failed"}
    assert set(result.beside.table.model) == {"calibrated"}


# ---- changes ---------------------------------------------------------------------------------------------------------


def told(*sets: str, path: str | Path = "caseload-10-vs-20") -> dict[str, tuple[Any, Any]]:
    return {change["key"]: (change["from"], change["to"]) for change in changes_of(load_study(path, sets))}


def test_a_shipped_study_as_it_is_changes_nothing() -> None:
    for name in ("caseload-10-vs-20", "services", "intake", "programmes", "recession"):
        assert told(path=name) == {}


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("arm.caseload-20.caseload=15", ("arm.caseload-20.caseload", 20, 15)),
        ("arm.caseload-20.cover=false", ("arm.caseload-20.cover", True, False)),
        ("arm.caseload-20.follow_up=own_model", ("arm.caseload-20.follow_up", "familiepluss", "own_model")),
        ("arm.caseload-20.services.health.places=99", ("arm.caseload-20.services.health.places", ..., 99.0)),
        ("pool.families=80", ("pool.families", 400, 80)),
        ("study.links=off", ("study.links", "on", "off")),
        ("study.posterior=prior", ("study.posterior", "holf", "prior")),
        ("study.precision=0.01", ("study.precision", None, 0.01)),
        ("parameters.dose_half=5", ("parameters.dose_half", 4.0, 5.0)),
    ],
)
def test_every_changed_setting_is_told(text: str, change: tuple[str, Any, Any]) -> None:
    key, before, after = change
    found = told(text)
    assert list(found) == [key]
    assert found[key][1] == after
    assert before is ... or found[key][0] == before


def test_what_is_set_as_it_was_is_no_change_and_links_are_marked() -> None:
    assert told("arm.caseload-20.caseload=20", "study.title=Another title") == {}
    (link,) = changes_of(load_study("caseload-10-vs-20", ["parameters.work_support_ratio=1"]))
    assert (link["link"], link["to"]) == (True, 1.0)


def test_options_of_the_command_are_changes_too() -> None:
    again = load_study("caseload-10-vs-20", ["study.seed=3"]).with_settings(replicates=40)
    assert [change["key"] for change in changes_of(again)] == ["study.replicates", "study.seed"]


def test_a_study_of_ones_own_is_held_against_its_file_and_a_copy_against_the_shipped_one(home: Path) -> None:
    manifest = read_manifest(Path("run"))
    assert manifest["changes"] == [
        {"key": "study.costs", "from": None, "to": "own-costs.toml"},
        {"key": "costs.travel", "from": 150.0, "to": 155},
        {"key": "costs.payer.kvp", "from": "municipality", "to": "state"},
        {"key": "arm.ten.caseload", "from": 10, "to": 9},
        {"key": "parameters.dose_half", "from": 4.0, "to": 5.0, "link": False},
    ]
    shipped = (Path(run.__file__).parent / "scenarios/caseload-10-vs-20.toml").read_text(encoding="utf-8")
    copy = re.sub(
        r'name = "caseload-20"(.*)\n(title.*\n)*coordinators = 2',
        'name = "caseload-20"\ncoordinators = 3',
        shipped,
    )
    Path("copy.toml").write_text(copy + '[[arm]]\nname = "new"\ncoordinators = 1\ncaseload = 5\n', encoding="utf-8")
    assert told(path="copy.toml") == {
        "arm.caseload-20.coordinators": (2, 3),
        "arm.new.coordinators": (None, 1),
        "arm.new.caseload": (None, 5),
    }


def test_a_manifest_without_a_seal_is_a_changed_one(home: Path) -> None:
    changed(lambda manifest: manifest.pop("seal"), sealed=False)
    with pytest.raises(InputError, match="was changed after the run"):
        provenance.check_unchanged(Path("run"), read_manifest(Path("run")))
