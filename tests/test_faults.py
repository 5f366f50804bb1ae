"""What goes wrong around a run: it says what, keeps what is done, and goes on to the same bytes."""

from __future__ import annotations

import ast
import contextlib
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_study import SMALL, files_of

import run
from results import files
from simulation import locks, runner
from simulation.errors import InputError

ROOT = Path(run.__file__).resolve().parent
COMMAND = ["compare", "small.toml", "--replicates", "100", "--quiet", "--workers", "1", "--out"]


@pytest.fixture(autouse=True)
def _small_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small study in a folder of its own, without the models beside it; no figures are drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("results.page.write_figures_and_report", lambda *_, **__: None)
    monkeypatch.setattr("scenarios.beside.LARGEST", 0)
    Path("small.toml").write_text(SMALL, encoding="utf-8")


def chunks_in(folder: str) -> list[Path]:
    return sorted(Path(folder, "chunks").glob("chunk-*"))


# ---- files that cannot be written ------------------------------------------------------------------------------------


@contextlib.contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The third chunk finds no room."""
    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_chunk", failing_after(2, runner.write_chunk, errno.ENOSPC))
        yield


@contextlib.contextmanager
def read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder lets nothing be renamed any more."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing_after(3, os.replace, errno.EROFS))
        yield


@contextlib.contextmanager
def small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system itself refuses to write a file of a chunk's size."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failing_after(count: int, function: Callable[..., Any], number: int) -> Callable[..., Any]:
    called: list[int] = []

    def call(*arguments: Any) -> Any:
        called.append(1)
        if len(called) > count:
            raise OSError(number, os.strerror(number))
        return function(*arguments)

    return call


@pytest.mark.parametrize(
    ("fault", "said", "kept"),
    [(full_disk, "No space left", 2), (read_only, "Read-only", 2), (small_files, "too large", 0)],
)
def test_a_run_that_cannot_store_what_it_has_done_says_so_and_goes_on_when_it_can(
    fault: Any, said: str, kept: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault(monkeypatch):
        assert run.main([*COMMAND, "there"]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    for words in (said, "there/chunks/chunk-", "go on with: --resume --out there"):
        assert words in error[0]
    assert len(chunks_in("there")) == kept
    assert not [path for path in Path("there").rglob(".*") if path.name != locks.LOCK], "a part of a file is left"
    assert not Path("there/manifest.json").exists()
    assert run.main([*COMMAND, "there", "--resume"]) == 0
    assert run.main([*COMMAND, "undisturbed"]) == 0
    assert files_of(Path("there")) == files_of(Path("undisturbed"))


def test_a_table_that_cannot_be_written_loses_no_replicate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("results.files.write_csv", failing_after(1, lambda *_: None, errno.ENOSPC))
        assert run.main([*COMMAND, "there"]) == 1
    assert "No space left" in (error := capsys.readouterr().err)
    assert "go on with: --resume --out there" in error
    assert len(chunks_in("there")) == 5
    with monkeypatch.context() as patch:
        patch.setattr(runner, "run_arms", lambda *_, **__: pytest.fail("a replicate was run again"))
        assert run.main([*COMMAND, "there", "--resume"]) == 0
    assert run.main([*COMMAND, "undisturbed"]) == 0
    assert files_of(Path("there")) == files_of(Path("undisturbed"))


def test_chunks_that_vanish_while_a_run_goes_on_are_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = runner.write_chunk

    def vanish(path: Path, replicates: Any, inputs: str) -> None:
        write(path, replicates, inputs)
        if replicates[0].replicate == 40:
            shutil.rmtree(path.parent)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_chunk", vanish)
        assert run.main([*COMMAND, "there"]) == 1
    assert "No such file" in (error := capsys.readouterr().err)
    assert "chunk-000040-000059" in error
    assert run.main([*COMMAND, "there", "--resume"]) == 0
    assert run.main([*COMMAND, "undisturbed"]) == 0
    assert files_of(Path("there")) == files_of(Path("undisturbed"))


def test_a_disk_that_is_full_when_the_models_beside_are_run_breaks_the_run_off_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scenarios.beside.LARGEST", 5_000)
    write = runner.write_chunk

    def full(path: Path, replicates: Any, inputs: str) -> None:
        if "beside-" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, replicates, inputs)

    few = ["--replicates", "20"]
    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_chunk", full)
        assert run.main([*COMMAND, "there", *few]) == 1
    assert "No space left" in (error := capsys.readouterr().err)
    assert "go on with: --resume --out there" in error
    assert len(chunks_in("there")) == 1
    assert run.main([*COMMAND, "there", *few, "--resume"]) == 0
    assert run.main([*COMMAND, "undisturbed", *few]) == 0
    assert files_of(Path("there")) == files_of(Path("undisturbed"))


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def renamed(old: Path, new: Path) -> None:
        done.append("name")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    files.write_text(Path("a.txt"), "a")
    assert done == (["file", "name", "folder"] if os.name == "posix" else ["file", "name"])
    assert Path("a.txt").read_text(encoding="utf-8") == "a"


# ---- the clock -------------------------------------------------------------------------------------------------------


CLOCKS = {"time_ns", "now", "utcnow", "st_mtime", "st_mtime_ns", "st_ctime", "st_ctime_ns", "getmtime"}
READS_THE_DAY = {
    ("results/word_file.py", "now"),  # the date of a document
    ("simulation/posterior.py", "st_mtime_ns"),  # whether a file is read again
}


def test_no_source_reads_the_clock_of_the_day_but_for_the_date_of_a_document_and_whether_a_file_has_changed() -> None:
    found = set()
    for path in [
        ROOT / "run.py",
        *(p for d in ("simulation", "scenarios", "calibration", "results") for p in (ROOT / d).rglob("*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            of_the_day = isinstance(node, ast.Attribute) and (
                node.attr in CLOCKS
                or (node.attr == "time" and isinstance(node.value, ast.Name) and node.value.id == "time")
            )
            if of_the_day or (isinstance(node, ast.ImportFrom) and node.module == "time"):
                found.add((path.relative_to(ROOT).as_posix(), getattr(node, "attr", "from time")))
    assert found == READS_THE_DAY


# ---- the user, and other runs ----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a process on Windows")
def test_ctrl_c_twice_ends_a_run_quickly_and_loses_nothing() -> None:
    command = [sys.executable, str(ROOT / "run.py"), *COMMAND, "there"]
    command[command.index("100")] = "4000"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 240
        while not chunks_in("there") and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in said
    assert 0 < len(chunks_in("there")) < 200
    short = [*COMMAND, "there", "--resume", "--replicates", "200"]
    assert run.main(short) == 0
    assert run.main([*COMMAND, "undisturbed", "--replicates", "200"]) == 0
    assert files_of(Path("there")) == files_of(Path("undisturbed"))


def test_a_lock_that_another_run_takes_away_just_then_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    take = fcntl.flock

    def late(stream: Any, how: int) -> None:
        (tmp_path / locks.LOCK).unlink()  # the run that held it has ended, and a third may lock a file of its own
        take(stream, how)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        with pytest.raises(InputError, match="another run"), locks.hold(tmp_path):
            pytest.fail("was let in")
    with locks.hold(tmp_path):
        assert (tmp_path / locks.LOCK).exists()


def test_a_lock_that_is_a_link_or_a_pipe_leads_nowhere_and_empties_nothing(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    mine, lock = tmp_path / "mine.txt", tmp_path / locks.LOCK
    mine.write_text("precious", encoding="utf-8")
    lock.symlink_to(mine)
    with pytest.raises(InputError, match="is a link"), locks.hold(tmp_path):
        pytest.fail("was let in")
    lock.unlink()
    os.link(mine, lock)
    with locks.hold(tmp_path):
        assert mine.read_text(encoding="utf-8") == "precious"
    os.mkfifo(lock)
    with locks.hold(tmp_path):
        pass
    assert mine.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_not_said_to_be_another_run(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", failing_after(0, lambda *_: None, number))
    with pytest.raises(InputError, match="no lock can be had there") as caught, locks.hold(tmp_path):
        pytest.fail("was let in")
    assert "another run" not in str(caught.value)
