"""The full report that is taken away from the lab."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from scenarios.lab import reports
from scenarios.lab.levers import FILE, from_query
from scenarios.lab.reports import FailedError, Reports
from scenarios.lab.take_away import Download, take_away

BROKEN = Download(FILE.name, "application/toml", b"[study]\nname = 1\n")
PATIENCE = 300.0  # seconds


@pytest.fixture
def office() -> Iterator[Reports]:
    made = Reports()
    yield made
    made.close()


@pytest.fixture
def nothing_stays() -> Iterator[None]:
    before = folders()
    yield
    until(lambda: folders() <= before)


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("familiebaner-*"))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def report(horizon: int = 3, replicates: int = 2) -> Download:
    levers = from_query(f"families=60&horizon_months={horizon}&plan.coordinators=1")
    return take_away(levers, levers.study(replicates), "nb")


@pytest.mark.usefixtures("nothing_stays")
def test_a_report_is_what_compare_leaves_in_its_folder_each_in_its_turn(office: Reports) -> None:
    made = office.make("a", report(), "nb")
    waits = office.make("b", BROKEN, "nb")
    until(made.running)
    assert not waits.running()
    names = zipfile.ZipFile(io.BytesIO(made.result(PATIENCE))).namelist()
    assert {"report/report.html", "report/manifest.json", "report/differences.csv"} <= set(names)
    with pytest.raises(FailedError):
        waits.result(PATIENCE)


def test_why_a_report_cannot_be_made_is_told_to_who_runs_the_server_and_not_to_the_visitor(
    office: Reports, capfd: pytest.CaptureFixture[str]
) -> None:
    failed = office.make("a", BROKEN, "nb").exception(PATIENCE)
    assert isinstance(failed, FailedError)
    assert str(failed) == ""
    assert "study.name" in capfd.readouterr().err


@pytest.mark.usefixtures("nothing_stays")
def test_a_report_that_takes_too_long_is_given_up(
    office: Reports, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reports, "LONGEST", 0.1)
    assert isinstance(office.make("a", report(), "nb").exception(PATIENCE), FailedError)
    assert "timed out" in capfd.readouterr().err


@pytest.mark.usefixtures("nothing_stays")
def test_who_leaves_or_asks_again_keeps_nobody_waiting(office: Reports, capfd: pytest.CaptureFixture[str]) -> None:
    endless = report(240, 500)
    first = office.make("a", endless, "nb")
    gone = office.make("b", endless, "nb")
    until(lambda: office._asked["a"].process is not None)
    process = office._asked["a"].process
    office.leave("b")
    again = office.make("a", endless, "nb")
    last = office.make("c", BROKEN, "nb")
    assert isinstance(first.exception(PATIENCE), FailedError)
    assert process is not None
    assert process.wait(PATIENCE) < 0
    with pytest.raises(CancelledError):
        gone.result(PATIENCE)
    office.leave("a")
    office.leave("a")
    assert isinstance(last.exception(PATIENCE), FailedError)
    assert again.done()
    assert capfd.readouterr().err.count("\n") == 1  # of the broken one


@pytest.mark.usefixtures("nothing_stays")
def test_a_lab_that_closes_gives_up_what_is_being_made(office: Reports) -> None:
    made, waits = office.make("a", report(240, 500), "nb"), office.make("b", BROKEN, "nb")
    until(lambda: office._asked["a"].process is not None)
    office.close()
    assert isinstance(made.exception(PATIENCE), FailedError)
    assert waits.cancelled()


@pytest.mark.skipif(sys.platform != "linux", reason="a priority is of the whole process")
def test_what_makes_reports_gives_way_to_the_pages(office: Reports) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    theirs = office._threads.submit(os.getpriority, os.PRIO_PROCESS, 0)
    assert theirs.result(PATIENCE) == min(ours + 5, 19)
