"""What holds for every test: no report but the HTML unless a test is about the others, and no posterior of another test."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("FAMILIEBANER_FORMATS", "")  # also for the processes that tests start


@pytest.fixture(autouse=True)
def _no_posterior_from_another_folder() -> None:
    """A posterior is remembered by the name of its file, which in tests is often the same in another folder."""
    from simulation.posterior import load_posterior

    load_posterior.cache_clear()
