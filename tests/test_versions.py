"""What is shipped was made by this version of the model, or by one that gives the same results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from results import versions
from results.calibration import read_fit
from results.versions import same_results
from scenarios.lab.why import drivers
from simulation.compiled import SOURCE_HASH

ROOT = Path(__file__).resolve().parent.parent
WHAT_TO_DO = """made by {hash}.
Add it to results/versions.toml if tests/reference has moved nowhere since that version, else make it again."""


def made_by() -> dict[str, str]:
    """What is shipped, and the hash of the sources that made it."""
    pages = {
        page.name: found[1]
        for page in sorted((ROOT / "docs").glob("*.md"))
        if (found := re.search(r"model sources `([0-9a-f]{12})", page.read_text(encoding="utf-8")))
    }
    fit = read_fit(ROOT / "calibration" / "posteriors" / "holf.parquet")
    assert fit is not None
    return pages | {"drivers.toml": str(drivers().head["source_hash"]), "holf.parquet": fit.source_hash}


def test_what_is_shipped_was_made_by_a_version_that_gives_the_same_results() -> None:
    shipped = made_by()
    assert len(shipped) > 5
    for name, version in shipped.items():
        if not same_results(version, SOURCE_HASH):
            pytest.fail(f"{name} was {WHAT_TO_DO.format(hash=version)}")


def test_a_version_nobody_has_looked_at_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_known", lambda: ("aaaaaaaaaaaa",))
    assert same_results("f" * 64, "f" * 64)
    assert same_results("a" * 64, SOURCE_HASH)
    assert not same_results("f" * 64, SOURCE_HASH)
    assert not same_results("a" * 64, "f" * 64)
