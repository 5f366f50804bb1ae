"""Running a study: the same tables whatever the workers, chunks and restarts; what fails is said and sinks no other."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_study import ARRAYS, SMALL, contents, files_of

import run
import simulation.runner as runner
from results.run_folder import TABLE_COLUMNS, make_tables
from scenarios import load_study
from scenarios.profiles import profile_names
from scenarios.study import RATES, Study
from simulation.compiled import SOURCE_HASH
from simulation.engine import Replicate, parameter_values, run_arms
from simulation.errors import BrokenOffError, InputError
from simulation.locks import LOCK, hold
from simulation.names import CRITERION, FOLLOW_UP, INTAKE, SERVICES
from simulation.outcomes import OUTCOMES, Runs
from simulation.runner import Finished, check_alike, read_chunk, run_study

ROOT = Path(run.__file__).resolve().parent
TABLES = tuple(name for name in TABLE_COLUMNS if not name.startswith("incomes"))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A small study in a file, in a folder of its own, and no figures drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("results.page.write_figures_and_report", lambda *_, **__: None)
    Path("small.toml").write_text(SMALL, encoding="utf-8")
    return load_study("small.toml")


def finish(study: Study, replicates: int = 10, **options: Any) -> Finished:
    return run_study(study.arms, study.contrasts, replicates=replicates, seed=study.seed, **options)


def in_csv(runs: Runs) -> dict[str, str]:
    tables = make_tables(runs, "2025")
    return {name: getattr(tables, name).to_csv() for name in TABLES}


def failing(*numbers: int) -> Callable[..., Replicate]:
    """``run_arms``, but some replicates fail."""

    def run_or_fail(*args: Any, replicate: int, **rest: Any) -> Replicate:
        if replicate in numbers:
            raise ZeroDivisionError(f"nothing to divide replicate {replicate} by")
        return run_arms(*args, replicate=replicate, **rest)

    return run_or_fail


# ---- order of work changes nothing -----------------------------------------------------------------------------------


def test_workers_chunks_and_storage_change_nothing(study: Study, tmp_path: Path) -> None:
    first = finish(study, workers=1).runs
    assert first.replicate.tolist() == list(range(10))
    for number, options in enumerate(({"workers": 2}, {"workers": 2, "chunk": 1}, {"chunk": 3}, {"chunk": 1000})):
        in_memory = finish(study, **options).runs
        stored = finish(study, **options, chunks_dir=tmp_path / f"chunks-{number}").runs
        resumed = finish(study, **options, chunks_dir=tmp_path / f"chunks-{number}", resume=True)
        for runs in (in_memory, stored, resumed.runs):
            assert contents(runs) == contents(first)
        assert resumed.family_months == 0
    assert in_csv(resumed.runs) == in_csv(first)


def test_a_replicate_does_not_depend_on_how_many_there_are(study: Study) -> None:
    few, many = finish(study, 3).runs, finish(study, 8).runs
    for name in ARRAYS:
        assert getattr(few, name).tobytes() == getattr(many, name)[:3].tobytes()


def test_two_replicates_share_a_draw(study: Study) -> None:
    finished = finish(study, 7)
    assert finished.runs.draw.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert finished.draws["draw"].tolist() == [0, 1, 2, 3]
    values = finished.draws.drop(columns="draw").to_numpy()
    assert values[2].tobytes() == parameter_values(study.arms[0], study.seed, 2).tobytes()
    assert len({row.tobytes() for row in values}) == 4
    assert contents(finished.runs)["study"][: 7 * 8] != contents(finish(study.with_settings(seed=6), 7).runs)["study"]
    one, other = finished.runs.study[0], finished.runs.study[1]
    assert one.tobytes() != other.tobytes()  # the same draw, other luck


def test_arms_of_a_replicate_part_at_month_0(study: Study) -> None:
    runs = finish(study, 4).runs
    from simulation.outcomes import LEAD_MONTHS, OUTCOME_NAMES

    staff = OUTCOME_NAMES.index("caseload_filled")
    before = np.delete(runs.study[:, :, :, : LEAD_MONTHS + 1], staff, axis=-1)
    for arm in (1, 2):
        assert before[:, arm].tobytes() == before[:, 0].tobytes()
        assert runs.study[:, arm].tobytes() != runs.study[:, 0].tobytes()


CODE = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from results.run_folder import make_tables
from scenarios import load_study
from simulation.compiled import SOURCE_HASH
from simulation.runner import run_study
study = load_study(sys.argv[2])
tables = make_tables(run_study(study.arms, study.contrasts, replicates=6, seed=study.seed).runs, "2025")
print(SOURCE_HASH, *(hashlib.sha256(getattr(tables, name).to_csv().encode()).hexdigest() for name in sys.argv[3:]))
"""


def test_pythons_hash_seed_changes_nothing(study: Study) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(ROOT), str(study.file), *TABLES],
            env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True,
        )
        for seed in ("0", "1")
    ]  # fmt: skip
    tables = make_tables(finish(study, 6).runs, "2025")
    here = [hashlib.sha256(getattr(tables, name).to_csv().encode()).hexdigest() for name in TABLES]
    for process in processes:
        sources, *digests = process.communicate(timeout=300)[0].split()
        assert process.returncode == 0
        if sources != SOURCE_HASH:
            pytest.skip("the model was edited while this test ran")
        assert digests == here


# ---- broken off and taken up again -----------------------------------------------------------------------------------


def kill_when(ready: Callable[[Path], bool], folder: Path, arguments: Iterable[str]) -> int:
    """Start a run, kill it at a moment, and say how many chunks it had finished."""
    command = [sys.executable, str(ROOT / "run.py"), "compare", *arguments, "--out", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 240
        while not ready(folder) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "the run was over before it could be killed"
    assert not (folder / "manifest.json").exists()
    return len(list((folder / "chunks").glob("chunk-*.parquet")))


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the folder is made": lambda folder: folder.exists(),
    "one chunk": lambda folder: any((folder / "chunks").glob("chunk-*")),
    "some chunks": lambda folder: len(list((folder / "chunks").glob("chunk-*"))) >= 5,
    "tables are being written": lambda folder: (folder / "outcomes.csv").exists(),
}


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_run_killed_at_any_moment_goes_on_to_the_same_tables(study: Study, tmp_path: Path) -> None:
    options = ["small.toml", "--replicates", "200", "--workers", "2", "--quiet"]
    assert run.main(["compare", *options, "--out", "undisturbed"]) == 0
    undisturbed = files_of(Path("undisturbed"))
    assert {"differences.csv", "outcomes.csv", "replicates.parquet"} <= set(undisturbed)
    assert not Path("undisturbed/chunks").exists()
    folders = [tmp_path / f"killed-{number}" for number in range(len(MOMENTS))]
    with ThreadPoolExecutor() as pool:
        chunks = list(pool.map(kill_when, MOMENTS.values(), folders, [options] * len(folders)))
    for folder, finished in zip(folders, chunks, strict=True):
        assert run.main(["compare", *options, "--out", str(folder), "--resume"]) == 0
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["chunks_resumed"] == finished
        assert files_of(folder) == undisturbed
    assert chunks == sorted(chunks)
    assert 0 < chunks[1] < 10
    assert chunks[3] == 10


def test_resume_starts_a_missing_run_and_checks_a_finished_one(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["compare", "small.toml", "--out", "there"]
    assert run.main([*command, "--resume"]) == 0
    finished = {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run.main([*command, "--resume"]) == 0
    assert "there is finished already" in capsys.readouterr().out
    for other in (
        ["--seed", "6"],
        ["--set", "arm.ten.caseload=6"],
        ["--set", "pool.families=41"],
        ["--replicates", "8"],
    ):
        assert run.main([*command, "--resume", *other]) == 2
        assert "other inputs" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("simulation.compiled.SOURCE_HASH", "another")
        assert run.main([*command, "--resume"]) == 2
        assert "another version of the model" in capsys.readouterr().err
    assert run.main([*command, "--resume", "--workers", "1", "--quiet"]) == 0
    assert {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()} == finished


def test_resume_refuses_an_unfinished_run_of_other_inputs_or_other_code(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(study, 4, chunks_dir=tmp_path / "there/chunks", chunk=2)
    before = {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()}
    command = ["compare", "small.toml", "--out", "there", "--resume"]
    for other in (["--seed", "6"], ["--set", "arm.ten.caseload=6"], ["--set", "parameters.work_support_ratio=0.5"]):
        assert run.main([*command, *other]) == 2
        assert "other inputs or other code" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("simulation.runner.SOURCE_HASH", "another")
        assert run.main(command) == 2
        assert "other inputs or other code" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()} == before
    assert run.main([*command, "--quiet"]) == 0
    assert json.loads(Path("there/manifest.json").read_text(encoding="utf-8"))["chunks_resumed"] == 2


def stored(study: Study, folder: Path, **options: Any) -> Finished:
    return finish(study, workers=1, chunk=2, chunks_dir=folder, **options)


@pytest.mark.parametrize("wrong", [None, b"", b"{", b"[]", b"\xff"])
def test_where_the_note_of_inputs_is_gone_or_damaged_the_chunks_tell(
    study: Study, tmp_path: Path, wrong: bytes | None
) -> None:
    whole = contents(stored(study, tmp_path).runs)
    note = tmp_path / "inputs.json"
    before = note.read_bytes()
    for _ in range(2):
        if wrong is None:
            note.unlink()
        else:
            note.write_bytes(wrong)
        chunks = {path: path.read_bytes() for path in tmp_path.glob("chunk-*")}
        with pytest.raises(InputError, match="other inputs or other code"):
            stored(study.with_settings(seed=study.seed + 1), tmp_path, resume=True)
        assert {path: path.read_bytes() for path in tmp_path.glob("chunk-*")} == chunks
        if wrong is None:
            note.unlink()
        else:
            note.write_bytes(wrong)
        again = stored(study, tmp_path, resume=True)
        assert again.chunks_resumed == 5
        assert contents(again.runs) == whole
        assert note.read_bytes() == before


@pytest.mark.parametrize("fault", [OSError(24, "Too many open files"), MemoryError()])
def test_a_fault_that_may_pass_loses_no_chunk(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    stored(study, tmp_path)
    chunks = sorted(tmp_path.glob("chunk-*"))

    def unread(path: Path) -> bytes:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", unread)
        with pytest.raises(BrokenOffError, match=r"chunk-000000-000001\.parquet cannot be read"):
            stored(study, tmp_path, resume=True)
    assert sorted(tmp_path.glob("chunk-*")) == chunks
    assert stored(study, tmp_path, resume=True).chunks_resumed == len(chunks)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), MemoryError("for a moment")])
def test_a_replicate_that_finds_no_room_breaks_the_run_off_and_is_not_a_failed_one(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def run_or_not(*args: Any, replicate: int, **rest: Any) -> Replicate:
        if replicate == 5:
            raise fault
        return run_arms(*args, replicate=replicate, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "run_arms", run_or_not)
        with pytest.raises(BrokenOffError, match="replicate 5 could not be run"):
            stored(study, tmp_path)
    again = stored(study, tmp_path, resume=True)
    assert again.chunks_resumed == 2
    assert again.failures == []
    assert contents(again.runs) == contents(finish(study, workers=1).runs)


def of_other_types(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """A chunk in forms that it cannot have."""
    kept, size = table.schema.metadata, table["flows"].type.list_size
    words = pa.FixedSizeListArray.from_arrays(pa.array(["x"] * size * len(table)), size)
    for name, column in (("replicate", pa.array([0.0, 1.0])), ("draw", pa.array(["0", "0"])), ("flows", words)):
        place = table.schema.get_field_index(name)
        yield name, table.set_column(place, name, column).replace_schema_metadata(kept)
    many = table.select(["replicate", "draw", "family_months"]).take(pa.array(np.zeros(100_000, np.int64)))
    yield "many", many.replace_schema_metadata(kept)


def test_a_chunk_of_another_form_is_made_again_and_not_read_into_memory(study: Study, tmp_path: Path) -> None:
    whole = contents(stored(study, tmp_path).runs)
    path = tmp_path / "chunk-000000-000001.parquet"
    for name, table in of_other_types(pq.read_table(path)):
        pq.write_table(table, path, compression="zstd")
        again = stored(study, tmp_path, resume=True)
        assert again.chunks_resumed == 4, name
        assert contents(again.runs) == whole, name
    path.unlink()
    path.mkdir()
    with pytest.raises(BrokenOffError, match="cannot be written"):
        stored(study, tmp_path, resume=True)


def test_a_chunk_that_would_take_more_memory_than_its_file_is_refused_unread(study: Study, tmp_path: Path) -> None:
    stored(study, tmp_path)
    path = tmp_path / "chunk-000000-000001.parquet"
    table = pq.read_table(path)
    many = table.take(pa.array(np.zeros(2_000, np.int64)))
    pq.write_table(many, path, compression="zstd")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="no chunk"):
        read_chunk(path.read_bytes())


def test_the_lock_of_a_dead_run_is_ignored_and_that_of_a_live_one_is_not(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "there"
    (folder / "chunks").mkdir(parents=True)
    for lock in (folder / LOCK, folder / "chunks" / LOCK, folder / "chunks" / "lock"):
        lock.write_text("999999999")
    if os.name != "nt":
        for held in (folder, folder / "chunks"):
            with hold(held):
                assert run.main(["compare", "small.toml", "--out", "there", "--resume"]) == 2
                assert "another run is writing here" in capsys.readouterr().err
        assert not list(folder.glob("*.csv"))
    (folder / LOCK).write_text("999999999")
    assert run.main(["compare", "small.toml", "--out", "there", "--resume", "--quiet"]) == 0
    assert (folder / "manifest.json").exists()
    assert not (folder / LOCK).exists()


def flip(path: Path) -> None:
    """Change one bit of a number, which leaves the file's form whole."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "cut in the middle": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "something else": lambda path: path.write_text("not a chunk"),
    "gone": lambda path: path.unlink(),
    "one bit": flip,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_chunk_is_made_again(study: Study, tmp_path: Path, damage: str) -> None:
    whole = finish(study, chunks_dir=tmp_path / "chunks", chunk=2).runs
    chunks = sorted((tmp_path / "chunks").glob("chunk-*.parquet"))
    assert len(chunks) == 5
    DAMAGE[damage](chunks[2])
    (tmp_path / "chunks" / ".chunk-000000-000001.parquet.77").write_bytes(b"left by a killed run")
    again = finish(study, chunks_dir=tmp_path / "chunks", chunk=3, resume=True)
    assert contents(again.runs) == contents(whole)
    assert again.chunks_resumed == 4
    assert again.family_months * 5 == finish(study).family_months


def test_a_new_run_takes_nothing_from_an_old_one(study: Study, tmp_path: Path) -> None:
    old = finish(study.with_settings(seed=77), chunks_dir=tmp_path / "chunks", chunk=2)
    new = finish(study, 4, chunks_dir=tmp_path / "chunks")
    assert new.chunks_resumed == 0
    assert contents(new.runs) == contents(finish(study, 4).runs)
    assert old.runs.study[:4].tobytes() != new.runs.study.tobytes()


# ---- what fails ------------------------------------------------------------------------------------------------------


def test_a_failing_replicate_is_recorded_and_the_rest_stands(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finish(study).runs
    monkeypatch.setattr(runner, "run_arms", failing(3, 8))
    for options in ({"workers": 1}, {"workers": 2, "chunk": 1}):
        finished = finish(study, **options)
        assert [(failure["replicate"], failure["draw"]) for failure in finished.failures] == [(3, 1), (8, 4)]
        assert "Traceback" in finished.failures[0]["traceback"]
        assert "ZeroDivisionError: nothing to divide replicate 3 by" in finished.failures[0]["traceback"]
        kept = [number for number in range(10) if number not in (3, 8)]
        assert finished.runs.replicate.tolist() == kept
        for name in ARRAYS:
            assert getattr(finished.runs, name).tobytes() == getattr(whole, name)[kept].tobytes()


def test_the_command_says_what_failed_and_exits_1(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "run_arms", failing(3))
    command = ["compare", "small.toml", "--out", "there", "--quiet"]
    assert run.main(command) == 1
    error = capsys.readouterr().err
    assert "1 replicate" in error
    assert "ZeroDivisionError: nothing to divide replicate 3 by" in error
    assert "draw 1" in error
    manifest = json.loads(Path("there/manifest.json").read_text(encoding="utf-8"))
    assert (manifest["replicates"], manifest["replicates_done"]) == (10, 9)
    assert [failure["replicate"] for failure in manifest["failures"]] == [3]
    assert "Traceback" in manifest["failures"][0]["traceback"]
    assert run.main([*command, "--resume"]) == 1  # finished, and still not whole
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_where_every_replicate_fails_there_is_no_result(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "run_arms", failing(*range(10)))
    assert run.main(["compare", "small.toml", "--out", "there", "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "every replicate failed" in error
    assert "ZeroDivisionError" in error
    assert not list(Path("there").glob("*.csv"))
    assert not Path("there/manifest.json").exists()


def test_a_replicate_that_failed_is_tried_again_when_the_run_goes_on(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finish(study).runs
    with monkeypatch.context() as patch:
        patch.setattr(runner, "run_arms", failing(3, 4))
        finish(study, chunks_dir=tmp_path / "chunks", chunk=4)
    again = finish(study, chunks_dir=tmp_path / "chunks", chunk=4, resume=True)
    assert contents(again.runs) == contents(whole)
    assert again.failures == []


def test_wrong_input_within_a_replicate_is_still_wrong_input(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Replicate:
        raise InputError("no")

    monkeypatch.setattr(runner, "run_arms", refuse)
    with pytest.raises(InputError):
        finish(study, workers=2)


# ---- as many replicates as a precision needs -------------------------------------------------------------------------


# The 97.5 % points of Student's t with one degree of freedom less than draws, from a printed table.
T_QUANTILE = {20: 2.093, 40: 2.023}
MORE_TO_SEE = SMALL.replace("horizon_months = 6", "horizon_months = 24").replace("families = 40", "families = 80")


@pytest.fixture
def larger(study: Study) -> Study:
    """Large and long enough for the arms to differ in employment: a spread of nothing would be any precision."""
    Path("larger.toml").write_text(MORE_TO_SEE, encoding="utf-8")
    return load_study("larger.toml")


def half_width(study: Study, replicates: int) -> float:
    """Half of the 95 % interval, by hand: the mean of draws' means, and their spread."""
    from simulation.outcomes import OUTCOME_NAMES

    runs = finish(study, replicates).runs
    employed = runs.study[:, :, 1, -1, OUTCOME_NAMES.index("employed_share")]
    means = (employed[:, 1] - employed[:, 2]).reshape(-1, 2).mean(axis=1)
    return float(T_QUANTILE[len(means)] * means.std(ddof=1) / np.sqrt(len(means)))


def test_precision_stops_early_late_and_in_between(larger: Study) -> None:
    study = larger
    assert finish(study, 1000, precision=1.0).runs.replicate.size == 40
    assert finish(study, 30, precision=1.0).runs.replicate.size == 30
    assert finish(study, 100, precision=1e-9).runs.replicate.size == 100
    at_40, at_80 = half_width(study, 40), half_width(study, 80)
    assert 0.0 < at_80 < at_40
    # Twenty draws: with 1.96 for the quantile of t, the interval would be narrower by 6 % and this precision reached.
    assert finish(study, 60, precision=0.99 * at_40).runs.replicate.size == 60
    assert finish(study, 60, precision=1.01 * at_40).runs.replicate.size == 40
    between = (at_40 + at_80) / 2
    found = finish(study, 1000, precision=between, workers=1).runs
    assert found.replicate.size == 80
    for options in ({"workers": 2}, {"workers": 2, "chunk": 7}):
        assert contents(finish(study, 1000, precision=between, **options).runs) == contents(found)


def test_precision_does_not_depend_on_what_a_broken_off_run_left(larger: Study, tmp_path: Path) -> None:
    study, at_40 = larger, half_width(larger, 40)
    assert at_40 > 0.0
    undisturbed = finish(study, 1000, precision=at_40 * 1.01).runs
    assert undisturbed.replicate.size == 40
    finish(study, 100, chunks_dir=tmp_path / "chunks")  # more than is needed
    resumed = finish(study, 1000, precision=at_40 * 1.01, chunks_dir=tmp_path / "chunks", resume=True)
    assert contents(resumed.runs) == contents(undisturbed)
    tighter = (at_40 + half_width(study, 80)) / 2
    finish(study, 60, chunks_dir=tmp_path / "more")
    resumed = finish(study, 1000, precision=tighter, chunks_dir=tmp_path / "more", resume=True)
    assert contents(resumed.runs) == contents(finish(study, 1000, precision=tighter).runs)


def test_no_spread_at_all_is_no_precision(study: Study) -> None:
    null = load_study("small.toml", ["study.links=off"])
    assert half_width(null, 40) == 0.0
    assert finish(null, 60, precision=0.5).runs.replicate.size == 60


def test_precision_from_the_command_line(larger: Study) -> None:
    command = ["compare", "larger.toml", "--replicates", "100", "--precision", "0.9", "--quiet", "--out", "there"]
    assert run.main(command) == 0
    assert json.loads(Path("there/manifest.json").read_text(encoding="utf-8"))["replicates_done"] == 40
    assert run.main([*command, "--resume"]) == 0


# ---- what arms must share --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("families", 41),
        ("horizon_months", 7),
        ("burn_in_months", 25),
        ("prices", "2017"),
        ("posterior", "default"),
        ("links", False),
        ("parameters", MappingProxyType({"work_support_ratio": 0.5})),
    ],
)
def test_arms_that_differ_in_what_they_must_share_are_refused(study: Study, name: str, value: object) -> None:
    first, second, _ = study.arms
    other = replace(second, **{name: value})
    with pytest.raises(InputError) as caught:
        run_study([first, other], [], replicates=2, seed=1)
    assert caught.value.key == f"arm.ten.{name}"
    check_alike([first, second])


def test_a_profile_that_differs_is_refused_and_an_equal_one_is_not(study: Study) -> None:
    first, second, _ = study.arms
    same = replace(second, profile=replace(second.profile))
    check_alike([first, same])
    other = replace(second, profile=replace(second.profile, openings_per_100_parents=1.25))
    with pytest.raises(InputError, match="profile"):
        check_alike([first, other])


@pytest.mark.parametrize("options", [{"replicates": 0}, {"replicates": 2, "cluster": "here:1"}])
def test_what_cannot_be_run_is_refused(study: Study, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        run_study(study.arms, study.contrasts, seed=1, **options)
    with pytest.raises(InputError, match="arm"):
        run_study([], [], replicates=2, seed=1)
    with pytest.raises(InputError, match="contrast"):
        run_study(study.arms, [], replicates=2, seed=1, precision=0.1)


# ---- any study that may be written -----------------------------------------------------------------------------------

MONTH = st.integers(1, 8)
SERVICE = st.fixed_dictionaries(
    {},
    optional={
        "places": st.sampled_from([0, 1, 3.5, 40, 1000]),
        "length_months": st.floats(0.5, 24),
        "background_per_month": st.sampled_from([0, 0.5, 5, 300]),
        "mode": st.sampled_from(["hard", "soft"]),
        "priority": st.sampled_from(["first_come", "need"]),
        "opens_month": MONTH,
        "closed_from": MONTH,
        "closed_to": MONTH,
    },
)
ARM = st.fixed_dictionaries(
    {},
    optional={
        "staff": st.tuples(st.integers(1, 6), st.sampled_from([1, 2, 7, 20, 60])),
        "follow_up": st.sampled_from(FOLLOW_UP),
        "intake": st.sampled_from(INTAKE),
        "relaxed": st.booleans(),
        "criterion": st.sampled_from(CRITERION),
        "longest_months": MONTH,
        "length_months": st.floats(1, 60),
        "admissions_per_month": st.integers(1, 60),
        "cover": st.booleans(),
        "coordinator_leaves_month": MONTH,
        "inflow_factor": st.sampled_from([0, 0.5, 3, 10]),
        "openings": st.tuples(st.sampled_from([0, 0.5, 10]), MONTH, MONTH),
        "services": st.dictionaries(st.sampled_from(SERVICES), SERVICE, max_size=3),
    },
)
STUDY = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "horizon_months": st.integers(3, 8),
        "families": st.integers(20, 40),
        "prices": st.sampled_from(sorted(path.stem for path in RATES.glob("[0-9]*.toml"))),
        "links": st.sampled_from(["on", "off"]),
        "profile": st.sampled_from(sorted(profile_names())),
        "arms": st.lists(ARM, min_size=1, max_size=3),
    }
)


def as_toml(content: dict[str, Any]) -> str:
    lines = ["[study]", 'name = "any"', "burn_in_months = 24", "replicates = 2"]
    lines += [f"{key} = {json.dumps(content[key])}" for key in ("seed", "horizon_months", "prices", "links", "profile")]
    lines += ["[pool]", f"families = {content['families']}", "[[arm]]", 'name = "ordinary"']
    for number, arm in enumerate(content["arms"]):
        arm = dict(arm)
        services = arm.pop("services", {})
        lines += ["[[arm]]", f'name = "arm-{number}"']
        if "staff" in arm:
            arm["coordinators"], arm["caseload"] = arm.pop("staff")
        if "openings" in arm:
            arm["openings_factor"], arm["openings_from"], arm["openings_to"] = arm.pop("openings")
        lines += [f"{key} = {json.dumps(value)}" for key, value in arm.items()]
        for service, changes in services.items():
            lines += [f"[arm.services.{service}]", *(f"{key} = {json.dumps(value)}" for key, value in changes.items())]
    return "\n".join(lines)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=STUDY)
def test_any_study_runs_to_tables_that_make_sense_or_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_text(as_toml(content), encoding="utf-8")
    try:
        study = load_study(path)
    except InputError:
        return
    finished = run_study(study.arms, study.contrasts, replicates=2, seed=study.seed, workers=1)
    assert finished.failures == []
    check_runs(finished.runs)
    tables = make_tables(finished.runs, study.content.study.prices)
    for table in (tables.outcomes, tables.differences, tables.services):
        numbers = table[["mean", "p05", "p50", "p95"]].to_numpy(float)
        assert np.isfinite(numbers).all()
        assert (numbers[:, 1] <= numbers[:, 2]).all()
        assert (numbers[:, 2] <= numbers[:, 3]).all()
    assert not np.isinf(tables.costs.select_dtypes("number").to_numpy()).any()


def check_runs(runs: Runs) -> None:
    """No infinity; a share is one; what is empty is empty in a whole group."""
    for name in ARRAYS:
        assert not np.isinf(getattr(runs, name)).any(), name
    assert np.isfinite(runs.flows).all()
    assert np.isfinite(
        runs.drift[:, [k for k, outcome in enumerate(OUTCOMES) if outcome.name == "employed_share"]]
    ).all()
    for k, outcome in enumerate(OUTCOMES):
        for values in (runs.study[..., k], runs.followed[..., k], runs.paired[..., k]):
            present = values[~np.isnan(values)]
            if outcome.unit.startswith("share") or outcome.unit == "0-1":
                assert (present >= 0.0).all(), outcome.name
                if not outcome.name.startswith("use_"):
                    assert (present <= 1.0 + 1e-12).all(), outcome.name
            elif outcome.name not in ("disposable_income", "barriers_per_family"):
                assert (present >= 0.0).all(), outcome.name
        if outcome.unit in ("share of families", "NOK a month per family"):
            assert not np.isnan(runs.study[:, :, 0, :, k]).any(), outcome.name  # the pool is never empty
