"""The same bytes wherever and however a run goes: workers, chunks, threads or processes, hash seeds, time zones, locales."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import test_calibrate
import test_trial
from small_study import SMALL, contents, files_of

import run
from scenarios import load_study
from simulation.compiled import SOURCE_HASH
from simulation.parallel import open_workers
from simulation.runner import run_study

ROOT = Path(run.__file__).resolve().parent
COMMAND = ["compare", "small.toml", "--replicates", "20", "--quiet"]
CODE = """
import json, locale, sys
locale.setlocale(locale.LC_ALL, "")
import run, results.page
from simulation.compiled import SOURCE_HASH
results.page.write_figures_and_report = lambda *_, **__: None
code = run.main(sys.argv[1:])
print(json.dumps([code, SOURCE_HASH, locale.localeconv()["decimal_point"], hash("a")]))
"""


@pytest.fixture(autouse=True)
def _small_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("results.page.write_figures_and_report", lambda *_, **__: None)
    Path("small.toml").write_text(SMALL, encoding="utf-8")


def norwegian(folder: Path) -> dict[str, str]:
    """The environment of a machine that writes decimal commas, made here where it can be."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef to make a Norwegian locale with")
    made = subprocess.run(
        ["localedef", "-i", "nb_NO", "-f", "UTF-8", str(folder / "nb_NO.UTF-8")], capture_output=True, text=True
    )
    if not (folder / "nb_NO.UTF-8").exists():
        pytest.skip(f"no Norwegian locale: {made.stderr}")
    return {"LOCPATH": str(folder), "LC_ALL": "nb_NO.UTF-8"}


def test_a_run_leaves_the_same_files_under_other_hash_seeds_time_zones_and_decimal_commas(tmp_path: Path) -> None:
    environments = {
        "kiritimati": {"PYTHONHASHSEED": "0", "TZ": "Pacific/Kiritimati", **norwegian(tmp_path)},
        "marquesas": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Marquesas", "LC_ALL": "C", "PYTHONUTF8": "0"},
    }
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", CODE, *COMMAND, "--out", name],
            env={**os.environ, "PYTHONPATH": str(ROOT), **changed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, changed in environments.items()
    }
    told = {name: json.loads(process.communicate(timeout=300)[0]) for name, process in processes.items()}
    if any(sources != SOURCE_HASH for _, sources, *_ in told.values()):
        pytest.skip("the model was edited while this test ran")
    assert [code for code, *_ in told.values()] == [0, 0]
    assert [point for *_, point, _ in told.values()] == [",", "."]
    assert len({seeded for *_, seeded in told.values()}) == 2
    assert run.main([*COMMAND, "--out", "here", "--workers", "1"]) == 0
    here = files_of(Path("here"))
    assert len(here) >= 5
    for name in environments:
        assert files_of(Path(name)) == here, name


@pytest.mark.long
def test_one_to_eight_workers_of_either_kind_and_chunks_of_any_size_give_the_same_bytes() -> None:
    pytest.importorskip("distributed")
    study = load_study("small.toml")

    def digest(**options: object) -> str:
        runs = run_study(study.arms, study.contrasts, replicates=40, seed=5, **options).runs  # type: ignore[arg-type]
        return hashlib.sha256(b"".join(contents(runs).values())).hexdigest()

    alone = digest(workers=1)
    for count in range(1, 9):
        assert digest(workers=count, chunk=count) == alone
        with open_workers(count, "local") as cluster:
            for chunk in (1, 7, 1000):
                assert digest(workers=cluster, chunk=chunk) == alone


# ---- every long command on a cluster ---------------------------------------------------------------------------------

SETS = ["--set", "pool.families=40", "--set", "study.horizon_months=12", "--set", "study.burn_in_months=24"]
COMMANDS = {
    "compare": ["small.toml", "--replicates", "60", "--set", "study.posterior=holf"],
    "frontier": [*SETS, "--coordinators", "0-2", "--caseloads", "5", "--places", "1", "--replicates", "4"],
    "sensitivity": [
        *(*SETS, "--quick", "--draws", "40", "--trajectories", "2", "--samples", "2", "--point-replicates", "2"),
        *("--outcomes", "employed_share,trust", "--contrast", "10 vs 20, same families"),
    ],
    "trial": ["trial.toml", "--posterior", "holf"],
    "validate": ["targets.toml", "--replicates", "20"],
    "before-after": ["--set", "study.burn_in_months=24", "--replicates", "4", "--csv", "before-after.csv"],
    "incomes": [*SETS, "--replicates", "4"],
    "calibrate": ["targets.toml", "--rows", "200", "--recovery"],
}


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_every_long_command_leaves_on_a_cluster_what_it_leaves_in_threads(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    Path("little.toml").write_text(test_calibrate.STUDY, encoding="utf-8")
    if command == "calibrate":
        test_calibrate.make_little(Path("little.toml").absolute(), monkeypatch.setattr)
    Path("targets.toml").write_text(test_calibrate.MINE, encoding="utf-8")
    Path("trial.toml").write_text(test_trial.SMALL, encoding="utf-8")
    left = []
    for where in (["--workers", "1"], ["--cluster", "local", "--workers", "2"]):
        options = ["--quiet", *where, *(["--out", "out"] if command != "before-after" else [])]
        assert run.main([command, *COMMANDS[command], *options]) == 0
        folder = Path("out") if Path("out").exists() else Path()
        left.append(files_of(folder))
        shutil.rmtree("out", ignore_errors=True)
    assert left[0]
    assert left[0] == left[1]


@pytest.mark.long
def test_profiles_and_verification_say_on_a_cluster_what_they_say_in_threads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("distributed")
    here, there = ["--workers", "1"], ["--cluster", "local", "--workers", "2"]
    told = []
    for where in (here, there):
        assert run.main(["profile", "oygarden", "--replicates", "6", "--families", "40", "--json", *where]) == 0
        told.append(capsys.readouterr().out)
    assert json.loads(told[0])
    assert told[0] == told[1]
    assert run.main([*COMMAND, "--out", "out", *here]) == 0
    assert run.main(["report", "out", "--verify", *there]) == 0
    assert "the same numbers" in capsys.readouterr().out
