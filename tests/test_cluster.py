"""A study on a cluster: the bytes of one process, whoever dies; and one clear message where it cannot be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import run
from scenarios import load_study
from scenarios.study import Study
from simulation.errors import BrokenOffError, InputError
from simulation.outcomes import Runs
from simulation.parallel import Workers, open_workers, run_tasks
from simulation.runner import run_study
from tests.made_up_study import ARRAYS, SMALL

pytest.importorskip("distributed")
ROOT = Path(run.__file__).resolve().parent


# ---- a scheduler and workers, each a process of its own --------------------------------------------------------------


class Processes:
    """A scheduler and its workers on loopback."""

    def __init__(self, folder: Path, workers: int, root: Path = ROOT) -> None:
        self.folder, self.environment = folder, {**os.environ, "PYTHONPATH": str(root)}
        self.workers: list[subprocess.Popen[bytes]] = []
        note = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(note))
        self.address = wait_for(lambda: __import__("json").loads(note.read_text())["address"])
        for _ in range(workers):
            self.workers.append(self._start("worker", self.address, "--no-nanny", "--nthreads", "1"))

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
