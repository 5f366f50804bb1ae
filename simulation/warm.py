"""Compile the model before its first run: in two processes side by side, which give their memory back when they are done.

Compiled rules are kept on disk (:mod:`simulation.compiled`), so this happens once for a version of the sources. A rule that is
not found there is compiled where it is called, so nothing depends on it but time and memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import numba

from simulation.compiled import COMPILED

PARTS: Final = ("family", "others")
ROOT: Final = Path(__file__).resolve().parent.parent


def _mark() -> Path:
    """Stands in the folder of compiled rules once they are there."""
    return Path(numba.config.CACHE_DIR) / "warm"


def cold() -> bool:
    """Whether the model has yet to be compiled."""
    return COMPILED and not _mark().exists()


def warm_up() -> None:
    """Compile what takes longest, where it is not there yet. A process that fails costs time and nothing else."""
    if not cold():
        return
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "simulation.warm", part],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part in PARTS
    ]
    try:
        done = [worker.wait() for worker in workers]
    except BaseException:
        for worker in workers:
            worker.kill()
        raise
    if not any(done):
        _mark().touch()


def _compile(part: str) -> None:
    """In a process of its own: call the rules of a part once, on a municipality that nobody will see."""
    import numpy as np

    from simulation.engine import NOTHING
    from simulation.municipality import SETTING, World

    world = World(0, 1, np.zeros(1, SETTING))
    families, town, setting = world.families, world.town[0], world.setting[0]
    p, place = setting["p"], setting["place"]
    if part == "family":
        from simulation.month import live

        live(families, 0, 0, town, setting, world.services, world.waiting, world.candidates)
        return
    from simulation.coordinator import follow_up_month, share_cover, staffing
    from simulation.demography import time_passes
    from simulation.intake import intake_month
    from simulation.municipality import found, settle, start_study
    from simulation.reading import COLUMNS, add_paired, read_month
    from simulation.service import service_month
    from simulation.work import match, seek_work

    settle(families, town, world.setting)
    found(families, town, world.setting, np.int64(0))
    start_study(families, world.coordinators, town, world.setting)
    time_passes(families, 0, 0, town, p, place)
    staffing(families, world.coordinators, 0, town, p)
    share_cover(world.coordinators, town, p)
    follow_up_month(families, world.coordinators, 0, town, p, world.services, world.waiting)
    service_month(world.services, 0, families, town, p, world.waiting, world.placed)
    seek_work(families, 0, 0, town, p, world.takers)
    match(families, town, world.takers)
    intake_month(families, world.coordinators, town, p, world.candidates)
    row, pool, eligible, followed, flows, panel, generation, ever = NOTHING
    read_month(
        families, world.coordinators, world.services, town,
        row, pool[0], eligible[0], followed, flows[0], panel[0], generation[0], ever[0],
    )  # fmt: skip
    add_paired(panel, generation, ever, panel, generation, ever, np.zeros((2, 2, 1, COLUMNS)))


if __name__ == "__main__":
    _compile(sys.argv[1])
