"""A second process that draws every other figure while the first draws the rest: drawing is half of what comes after a run.

It starts before the tables are written, so that its imports cost no time, and waits for the manifest on standard input. What it
cannot do the first process does itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FEWEST_CONTRASTS: Final = 3  # with fewer figures starting a process takes longer than it saves

Drawn = list[dict[str, Any]]


class Second:
    """The second process, from the side of the first."""

    def __init__(self, folder: Path, lang: str) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "results.second", str(folder), lang],
            env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def ask(self, manifest: dict[str, Any]) -> None:
        """The tables are there: begin."""
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(manifest, default=str) + "\n")
            self.process.stdin.flush()

    def drawn(self) -> Drawn | None:
        """What it has drawn and written: place, name, title and alternative text of each. None where it failed."""
        try:
            out, _ = self.process.communicate()
            return json.loads(out) if self.process.returncode == 0 else None
        except (OSError, ValueError):
            return None

    def stop(self) -> None:
        """Let it go, whatever it is doing."""
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def second_process(folder: Path, lang: str, contrasts: int) -> Any:
    """A second process for the time of the block, where it saves time; else None."""
    if contrasts < FEWEST_CONTRASTS or (os.cpu_count() or 1) < 2:
        yield None
        return
    second = Second(folder, lang)
    try:
        yield second
    finally:
        second.stop()


def _serve(folder: Path, lang: str) -> None:
    from results.page import jobs, save_picture, shared
    from results.run_folder import read_lives, read_tables
    from results.titles import titled
    from results.told import told_of

    line = sys.stdin.readline()
    if not line:
        return  # nobody asks any more
    found = []
    tables, manifest, lives = titled(told_of(read_tables(folder), folder), json.loads(line), read_lives(folder), lang)
    for place, job in shared(jobs(tables, manifest, lives, lang)):
        picture = job()
        if picture is None:
            continue
        save_picture(folder, picture)
        found.append({"place": place, "name": picture.name, "title": picture.title, "alt": picture.alt})
    print(json.dumps(found))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
