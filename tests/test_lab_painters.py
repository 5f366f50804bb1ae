"""Pictures are drawn by processes that end with the server, and drawn all the same where there are none."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from results.style import Picture
from scenarios.lab import painters
from scenarios.lab.answers import Compared, compared
from scenarios.lab.painters import FEWEST, Easel, Painters
from scenarios.lab.pictures import pictures
from scenarios.lab.speed import two_plans
from scenarios.study import Study
from simulation.outcomes import Runs
from simulation.runner import run_study

LANG = "nb"


@pytest.fixture(scope="module")
def ran() -> tuple[Study, Runs]:
    study = two_plans(1, 5, 4)
    study = replace(study, arms=tuple(replace(arm, families=60, horizon_months=12) for arm in study.arms))
    return study, run_study(study.arms, study.contrasts, replicates=4, seed=study.seed, workers=1).runs


@pytest.fixture(scope="module")
def of(ran: tuple[Study, Runs]) -> Compared:
    return compared(*ran, LANG)


def svg(found: list[Picture]) -> list[tuple[str, bytes]]:
    return [(each.name, each.images["svg"]) for each in found]


def here(of: Compared) -> list[tuple[str, bytes]]:
    return svg([each.result() for each in Painters().draw(of, LANG)])


def test_processes_draw_the_same_pictures_and_others_do_when_they_are_killed(of: Compared) -> None:
    drawing = Painters(1)
    try:
        assert svg([each.result() for each in drawing.draw(of, LANG)]) == here(of)
        assert drawing._pool is not None
        for process in list(drawing._pool._processes.values()):
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        easel = Easel(drawing, LANG)
        for _ in range(2):  # the first may be asked of the dead, the second knows of it
            assert svg(easel.pictures(of, FEWEST, whole=True)) == here(of)
    finally:
        drawing.close()


class Slow(Painters):
    """Painters that have begun, and are done when they are told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[list[Future[Picture]]] = []

    def draw(self, of: Compared, lang: str, *, whole: bool = True) -> list[Future[Picture]]:
        self.begun.append([Future(), Future()])
        return self.begun[-1]

    def done(self, name: str) -> None:
        for future in self.begun[-1]:
            future.set_result(Picture(name, "", "", {"svg": b""}))


def names(found: list[Picture]) -> list[str]:
    return [each.name for each in found]


def test_pictures_are_drawn_from_enough_replicates_and_shown_when_all_are_drawn(of: Any) -> None:
    slow = Slow()
    easel = Easel(slow, LANG)
    assert easel.pictures(of, FEWEST - 2, whole=False) == []
    assert slow.begun == []
    assert easel.pictures(of, FEWEST, whole=False) == []
    slow.begun[0][0].set_result(Picture("half", "", "", {}))
    assert easel.pictures(of, FEWEST + 2, whole=False) == []
    slow.begun[0][1].set_result(Picture("half", "", "", {}))
    assert names(easel.pictures(of, FEWEST + 4, whole=False)) == ["half", "half"]
    assert len(slow.begun) == 1
    easel.begin(of, 500, whole=True)
    slow.done("whole")
    assert names(easel.pictures(of, 500, whole=True)) == ["whole", "whole"]
    assert names(easel.pictures(of, 500, whole=True)) == ["whole", "whole"]
    assert len(slow.begun) == 2


def test_what_is_drawn_of_fewer_is_given_up_for_the_whole(of: Any) -> None:
    slow = Slow()
    easel = Easel(slow, LANG)
    easel.begin(of, FEWEST, whole=False)
    easel.begin(of, 200, whole=True)
    assert all(each.cancelled() for each in slow.begun[0])
    slow.done("whole")
    assert names(easel.pictures(of, 200, whole=True)) == ["whole", "whole"]


def test_a_process_ends_with_the_one_that_began_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(painters, "parent_process", lambda: type("Parent", (), {"sentinel": read}))
        os.close(write)
        painters._begin()
        time.sleep(60)
        os._exit(1)
    os.close(write)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_pictures_of_a_study_are_those_that_are_drawn_one_by_one(ran: tuple[Study, Runs], of: Compared) -> None:
    assert svg(pictures(*ran, LANG)) == here(of)
