"""What holds for every test: no report but the HTML unless a test is about the others."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("FAMILIEBANER_FORMATS", "")  # also for the processes that tests start

SLOW: tuple[str, ...] = (
    "test_lab_browser",
    "test_cluster",
    "test_report",
    "test_runner",
    "test_incomes",
    "test_calibrate",
)
"""Files that take longest come first, so that no processor waits for one of them at the end"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of files, and not of tests within a file."""
    place = {name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
