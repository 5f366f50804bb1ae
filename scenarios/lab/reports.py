"""The full report of a study, made as the command line makes it, in a process and a folder of its own, each session in turn."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scenarios.lab.levers import FILE
from scenarios.lab.take_away import Download
from scenarios.lab.workbench import give_way

ROOT: Final = Path(__file__).resolve().parent.parent.parent
LONGEST: Final = 600  # seconds


class FailedError(Exception):
    """A report could not be made. What went wrong is on the server's standard error: it names files of the server."""


@dataclass
class _Asked:
    """A report that a session has asked for."""

    future: Future[bytes] = field(default_factory=Future)
    process: subprocess.Popen[bytes] | None = None
    given_up: bool = False


class Reports:
    """Makes reports, one at a time, in the order that they are asked for; one for each session."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="report", initializer=give_way)
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def make(self, session: str, study: Download, lang: str) -> Future[bytes]:
        """Start on a report when its turn comes; an earlier one of the session is given up.

        Parameters
        ----------
        study : as a planner takes it away

        Returns
        -------
        a zip of the whole folder of the run, or ``FailedError``; ``running()`` says whether its turn has come
        """
        self.leave(session)
        asked = _Asked()
        with self._lock:
            self._asked[session] = asked
        self._threads.submit(self._turn, asked, study, lang)
        return asked.future

    def leave(self, session: str) -> None:
        """Give up the report of a session, where it is not done."""
        with self._lock:
            asked = self._asked.pop(session, None)
            if asked is not None:
                asked.given_up = True
                asked.future.cancel()
                if asked.process is not None:
                    asked.process.kill()

    def close(self) -> None:
        """Give up all reports."""
        for session in list(self._asked):
            self.leave(session)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _turn(self, asked: _Asked, study: Download, lang: str) -> None:
        if not asked.future.set_running_or_notify_cancel():
            return
        try:
            made = self._make(asked, study, lang)
        except Exception as error:
            if not asked.given_up:
                print(f"a report could not be made: {error}", file=sys.stderr, flush=True)
            asked.future.set_exception(FailedError())
        else:
            asked.future.set_result(made)

    def _make(self, asked: _Asked, study: Download, lang: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="familiebaner-") as name:
            folder = Path(name)
            if study.name == FILE.name:
                (folder / study.name).write_bytes(study.data)
            else:
                zipfile.ZipFile(io.BytesIO(study.data)).extractall(folder)  # ours: it holds no other names than we gave
            self._run(asked, folder, lang)
            return zipped(folder / "report")

    def _run(self, asked: _Asked, folder: Path, lang: str) -> None:
        command = ["compare", FILE.name, "--out", "report", "--lang", lang, "--workers", "1", "--quiet"]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with self._lock:
            if asked.given_up:
                raise FailedError
            process = asked.process = subprocess.Popen(
                [sys.executable, "-m", "run", *command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        with process:
            try:
                _, said = process.communicate(timeout=LONGEST)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise RuntimeError(said.decode(errors="replace").strip()[-2000:])


def zipped(folder: Path) -> bytes:
    """Every file of a folder as a zip, with the folder's name before theirs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()
