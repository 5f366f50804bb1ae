"""The full report of a study, made as the command line makes it, in a process and a folder of its own: one at a time."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from scenarios.lab.levers import FILE
from scenarios.lab.take_away import Download
from simulation.errors import InputError

ROOT: Final = Path(__file__).resolve().parent.parent.parent
LONGEST: Final = 1800  # seconds


class Reports:
    """Makes reports, one at a time; who asks while one is made is told so."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="report")
        self._busy = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, study: Download, lang: str) -> Future[bytes]:
        """Start on a report; the future holds a zip of the whole folder of the run.

        Parameters
        ----------
        study : as a planner takes it away

        Raises
        ------
        InputError : another report is being made
        """
        if not self._busy.acquire(blocking=False):
            raise InputError("another report is being made", key="report", allowed="ask again in a few minutes")
        return self._threads.submit(self._make, study, lang)

    def close(self) -> None:
        """Give up the report that is being made."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.kill()

    def _make(self, study: Download, lang: str) -> bytes:
        try:
            with tempfile.TemporaryDirectory(prefix="familiebaner-") as name:
                folder = Path(name)
                if study.name == FILE.name:
                    (folder / study.name).write_bytes(study.data)
                else:
                    zipfile.ZipFile(io.BytesIO(study.data)).extractall(
                        folder
                    )  # ours: it holds no other names than we gave
                self._run(folder, lang)
                return zipped(folder / "report")
        finally:
            self._busy.release()

    def _run(self, folder: Path, lang: str) -> None:
        command = ["compare", FILE.name, "--out", "report", "--lang", lang, "--workers", "1", "--quiet"]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with subprocess.Popen(
            [sys.executable, "-m", "run", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as self._process:
            try:
                _, said = self._process.communicate(timeout=LONGEST)
            except BaseException:
                self._process.kill()
                raise
        if self._process.returncode:
            raise RuntimeError(said.decode(errors="replace").strip()[-500:])


def zipped(folder: Path) -> bytes:
    """Every file of a folder as a zip, with the folder's name before theirs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()
