"""The full report that is taken away from the lab."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import pytest

from scenarios.lab.levers import FILE, from_query
from scenarios.lab.reports import Reports
from scenarios.lab.take_away import Download, take_away
from simulation.errors import InputError


def small() -> Download:
    levers = from_query("families=60&horizon_months=3&plan.coordinators=1")
    return take_away(levers, levers.study(2), "nb")


def test_a_report_is_what_compare_leaves_in_its_folder_one_at_a_time_and_nothing_stays_behind() -> None:
    reports = Reports()
    before = set(Path(tempfile.gettempdir()).glob("familiebaner-*"))
    try:
        made = reports.make(small(), "nb")
        with pytest.raises(InputError, match="another report is being made"):
            reports.make(small(), "nb")
        names = zipfile.ZipFile(io.BytesIO(made.result(300))).namelist()
    finally:
        reports.close()
    assert {"report/report.html", "report/manifest.json", "report/differences.csv"} <= set(names)
    assert set(Path(tempfile.gettempdir()).glob("familiebaner-*")) <= before


def test_a_report_that_cannot_be_made_says_why_and_the_next_can_be_asked_for() -> None:
    reports = Reports()
    try:
        broken = Download(FILE.name, "application/toml", b"[study]\nname = 1\n")
        with pytest.raises(RuntimeError, match=r"study\.name"):
            reports.make(broken, "nb").result(120)
        reports.make(broken, "nb")
    finally:
        reports.close()
