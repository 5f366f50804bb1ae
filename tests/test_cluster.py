"""A study on a cluster: the bytes of one process, whoever dies; and one clear message where it cannot be."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import test_whole_country
from small_study import SMALL, contents, files_of

import run
from calibration.pieces import run_pieces
from scenarios import load_study
from scenarios.study import Study
from simulation import parallel
from simulation.errors import BrokenOffError, InputError
from simulation.parallel import open_workers, run_tasks, version
from simulation.runner import run_study

pytest.importorskip("distributed")
ROOT = Path(run.__file__).resolve().parent
Found = TypeVar("Found")


def wait_for(found: Callable[[], Found], seconds: float = 120.0) -> Found:
    """What a function gives as soon as it gives something."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError):
            if answer := found():
                return answer
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


class Processes:
    """A scheduler and its workers on loopback, each a process of its own."""

    def __init__(self, folder: Path, workers: int, sources: Path = ROOT) -> None:
        path = os.pathsep.join([str(sources), str(Path(__file__).parent)])
        self.folder, self.environment = folder, {**os.environ, "PYTHONPATH": path}
        folder.mkdir()
        note = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(note))
        self.address: str = wait_for(lambda: json.loads(note.read_text())["address"])
        self.workers = [self.start_worker() for _ in range(workers)]

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", self.address, "--no-nanny", "--nthreads", "1")

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextlib.contextmanager
def processes(folder: Path, workers: int, sources: Path = ROOT) -> Iterator[Processes]:
    started = Processes(folder, workers, sources)
    try:
        yield started
    finally:
        started.end()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A small study in a file, with draws from a posterior, in a folder of its own; no figures are drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("results.page.write_figures_and_report", lambda *_, **__: None)
    shutil.copyfile(ROOT / "calibration/posteriors/holf.parquet", "draws.parquet")
    Path("small.toml").write_text(SMALL.replace("seed = 5", 'seed = 5\nposterior = "draws.parquet"'), encoding="utf-8")
    return load_study("small.toml")


# ---- workers that die ------------------------------------------------------------------------------------------------


def test_a_worker_killed_in_mid_run_changes_no_byte(study: Study, tmp_path: Path) -> None:
    options: dict[str, Any] = {"replicates": 80, "seed": 5}
    alone = run_study(study.arms, study.contrasts, **options, workers=1).runs
    with processes(tmp_path / "dask", workers=2) as started, open_workers(cluster=started.address) as cluster:
        client = cluster.client  # type: ignore[union-attr]
        wait_for(lambda: len(client.nthreads()) == 2)
        told: list[int] = []

        def kill(done: int, total: int) -> None:
            told.append(done)
            if 0 < done < total and started.workers[0].poll() is None:
                assert any(client.processing().values())
                started.workers[0].kill()
                started.workers[0].wait()

        shared = run_study(
            study.arms, study.contrasts, **options, workers=cluster, chunk=2, progress=kill, chunks_dir=tmp_path / "c"
        )
        assert started.workers[0].poll() == -signal.SIGKILL
        assert started.workers[1].poll() is None
        assert len(client.nthreads()) == 1
    assert contents(shared.runs) == contents(alone)
    assert shared.failures == []
    assert told[-1] == 80
    again = run_study(study.arms, study.contrasts, **options, chunks_dir=tmp_path / "c", resume=True)
    assert again.family_months == 0  # every chunk was stored
    assert contents(again.runs) == contents(alone)


def test_the_command_on_a_cluster_leaves_the_same_tables_and_goes_on_when_the_scheduler_is_lost(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "small.toml", "--replicates", "400", "--quiet", "--out"]
    with processes(tmp_path / "dask", workers=1) as started:
        chunks = tmp_path / "there" / "chunks"

        def kill() -> None:
            wait_for(lambda: any(chunks.glob("chunk-*")))
            started.scheduler.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        begun = time.monotonic()
        assert run.main([*command, "there", "--cluster", started.address]) == 1
        killer.join()
        assert time.monotonic() - begun < 120
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "scheduler is lost" in said[0]
    assert "--resume --out there" in said[0]
    assert 0 < len(list(chunks.glob("chunk-*"))) < 20
    assert not (tmp_path / "there/manifest.json").exists()
    assert run.main([*command, "there", "--resume", "--cluster", "local", "--workers", "1"]) == 0
    assert run.main([*command, "threads"]) == 0
    assert files_of(Path("there")) == files_of(Path("threads"))


def test_a_study_over_places_leaves_on_a_cluster_what_it_leaves_in_threads(study: Study) -> None:
    places = test_whole_country.HEAD + test_whole_country.OYA + test_whole_country.BO + test_whole_country.ARMS
    Path("places.toml").write_text(places, encoding="utf-8")
    two = load_study("places.toml")
    alone = run_study(two.arms, two.contrasts, replicates=6, seed=3, workers=1)
    shared = run_study(
        two.arms, two.contrasts, replicates=6, seed=3, workers=2, cluster="local", chunk=2, chunks_dir=Path("chunks")
    )
    assert contents(shared.runs) == contents(alone.runs)
    assert len(list(alone.places)) == 6
    assert [values.tobytes() for *_, values in shared.places] == [values.tobytes() for *_, values in alone.places]


def die_of(fatal: int, task: int) -> int:
    if task == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * task


def test_a_task_that_kills_its_workers_is_named_and_one_that_does_not_is_done() -> None:
    with open_workers(2, "local") as cluster:
        found = dict(run_tasks(functools.partial(die_of, -1), range(100), cluster))
        assert found == {k: 2 * k for k in range(100)}
        with pytest.raises(BrokenOffError, match=r"workers died again and again of the same task, 7"):
            list(run_tasks(functools.partial(die_of, 7), range(20), cluster))


def double_slowly(task: int) -> int:
    time.sleep(0.2)
    return 2 * task


def test_a_run_whose_workers_are_all_gone_says_so_once_and_goes_on_when_one_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SILENCE", 0.5)
    with processes(tmp_path / "dask", workers=1) as started, open_workers(cluster=started.address) as cluster:
        wait_for(lambda: cluster.threads())  # type: ignore[union-attr]
        found: dict[int, int] = {}
        for task, result in run_tasks(double_slowly, range(10), cluster):
            found[task] = result
            if started.workers[0].poll() is None:
                assert capsys.readouterr().err == ""
                started.workers[0].kill()
                started.workers[0].wait()
                later = threading.Timer(2.0, lambda: started.workers.append(started.start_worker()))
                later.start()
        later.join()
    assert found == {k: 2 * k for k in range(10)}
    assert capsys.readouterr().err.splitlines() == [f"waiting for workers: none at {started.address}"]


# ---- nothing is left behind ------------------------------------------------------------------------------------------


def descendants(pid: int) -> set[int]:
    """Processes below one, as Linux tells them."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_local_cluster_ends_with_its_run_however_that_ends(study: Study, tmp_path: Path, number: int) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "compare", "small.toml", "--replicates", "4000", "--quiet"]
    command += ["--out", "there", "--cluster", "local", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_for(lambda: any((tmp_path / "there/chunks").glob("chunk-*")))
        workers = descendants(process.pid)
        assert len(workers) >= 2
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)  # Ctrl-C reaches all of them
        _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in said
    wait_for(lambda: not any(map(alive, workers)), 30)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("seconds", [0.0, 0.7])
def test_ctrl_c_while_local_workers_start_ends_with_one_message(study: Study, tmp_path: Path, seconds: float) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "compare", "small.toml", "--replicates", "4000", "--quiet"]
    command += ["--out", "there", "--cluster", "local", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_for(lambda: worker_processes(process.pid))
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert said.splitlines() == [said.strip()]
    assert said.startswith("interrupted")
    assert process.returncode == 130


def worker_processes(pid: int) -> list[int]:
    """Processes below one that multiprocessing has started to work."""
    return [child for child in descendants(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


# ---- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [("tcp://127.0.0.1:1", "no scheduler answers"), ("127.0.0.1:8786", "is no address"), ("", "is no address")],
)
def test_an_address_without_a_scheduler_is_refused_before_anything_is_written(
    study: Study, capsys: pytest.CaptureFixture[str], address: str, said: str
) -> None:
    begun = time.monotonic()
    assert run.main(["compare", "small.toml", "--out", "there", "--cluster", address]) == 2
    assert time.monotonic() - begun < 30
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert "--cluster" in error[0]
    assert said in error[0]
    assert not Path("there").exists()


def test_without_dask_a_cluster_is_refused_and_says_what_is_missing(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run.main(["compare", "small.toml", "--out", "there", "--cluster", "local"]) == 2
    assert "Dask is not installed" in capsys.readouterr().err
    assert not Path("there").exists()


def other_sources(folder: Path) -> Path:
    """Another version of Familiebaner."""
    for package in ("simulation", "scenarios", "calibration", "results"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    shutil.copyfile(ROOT / "run.py", folder / "run.py")
    with (folder / "scenarios" / "study.py").open("a", encoding="utf-8") as source:
        source.write("# another version\n")
    return folder


def test_a_scheduler_of_another_version_is_refused(tmp_path: Path) -> None:
    other = other_sources(tmp_path / "other")
    with processes(tmp_path / "dask", workers=0, sources=other) as started:
        refused = "another version of Familiebaner"
        with pytest.raises(InputError, match=refused) as caught, open_workers(cluster=started.address):
            pytest.fail("was let in")
    assert version()[:16] in str(caught.value)


@pytest.mark.parametrize("other", ["another", "none"])
def test_a_worker_of_another_version_or_none_is_refused_whether_it_is_there_or_joins_late(
    tmp_path: Path, other: str
) -> None:
    with processes(tmp_path / "dask", workers=0) as started:
        sources = tmp_path / "other"
        if other == "another":
            other_sources(sources)
        else:
            sources.mkdir()
            (sources / "simulation.py").touch()  # in the way of ours
        with open_workers(cluster=started.address) as cluster:
            started.environment["PYTHONPATH"] = str(sources)
            started.workers.append(started.start_worker())
            if other == "another":
                with pytest.raises(InputError, match="another version of Familiebaner"):
                    list(run_tasks(str, range(3), cluster))
            else:
                wait_for(lambda: cluster.client.nthreads())  # type: ignore[union-attr]
        with pytest.raises(InputError, match="another version of Familiebaner"), open_workers(cluster=started.address):
            pytest.fail("was let in")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_listens_and_is_no_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(parallel, "GREETING", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(said)
                time.sleep(1.0)

        threading.Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(InputError, match="no scheduler answers"), open_workers(cluster=address):
            pytest.fail("was let in")


def test_a_scheduler_that_is_lost_while_nothing_is_asked_of_it_is_said_so(tmp_path: Path) -> None:
    with processes(tmp_path / "dask", workers=1) as started, open_workers(cluster=started.address) as cluster:
        assert sorted(found for _, found in run_tasks(str, [1, 2], cluster)) == ["1", "2"]
        started.scheduler.kill()
        started.scheduler.wait()
        wait_for(lambda: cluster.client.status != "running")  # type: ignore[union-attr]
        with pytest.raises(BrokenOffError, match="the cluster's scheduler is lost"):
            list(run_tasks(str, [3], cluster))


def test_a_worker_that_lacks_the_posterior_or_has_another_is_named_as_such(study: Study, tmp_path: Path) -> None:
    here = Path(study.arms[0].posterior)
    with processes(tmp_path / "dask", workers=1) as started, open_workers(cluster=started.address) as cluster:
        work = functools.partial(meddle, str(here))
        for change in ("other", "gone"):
            with pytest.raises(InputError) as caught:
                list(run_tasks(work, [change, *["none"] * 40], cluster, posterior=str(here)))
            assert caught.value.file == str(here)


def meddle(posterior: str, change: str) -> None:
    """Stand for another machine, whose file is another: those after it find it so."""
    if change == "gone":
        Path(posterior).unlink()
    if change == "other":
        import pandas as pd

        pd.read_parquet(posterior).iloc[:50].to_parquet(posterior)


# ---- pieces ----------------------------------------------------------------------------------------------------------


def test_pieces_on_a_cluster_are_stored_here_and_equal_those_of_threads(tmp_path: Path) -> None:
    offset = np.arange(5.0)

    def rows(k: int) -> np.ndarray[Any, Any]:  # what a piece needs goes along with it
        return np.stack([offset + k, np.sin(offset * k)])

    columns = list("abcde")
    here = run_pieces(rows, [2] * 9, columns, "made from these")
    with open_workers(2, "local") as cluster:
        there = run_pieces(rows, [2] * 9, columns, "made from these", folder=tmp_path / "pieces", workers=cluster)
    assert here.tobytes() == there.tobytes()
    assert len(list((tmp_path / "pieces").glob("rows-*.parquet"))) == 9
    again = run_pieces(None, [2] * 9, columns, "made from these", folder=tmp_path / "pieces")  # type: ignore[arg-type]
    assert again.tobytes() == here.tobytes()
