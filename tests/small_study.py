"""A small study, what came out of it to the byte, and the files that a run of it leaves."""

from __future__ import annotations

from pathlib import Path

from simulation.outcomes import Runs

SMALL = """
[study]
name = "small"
profile = "oygarden"
horizon_months = 6
burn_in_months = 24
replicates = 10
seed = 5
[pool]
families = 40
[[arm]]
name = "ordinary"
[[arm]]
name = "ten"
coordinators = 2
caseload = 5
[[arm]]
name = "twenty"
coordinators = 2
caseload = 10
[[contrast]]
name = "10 vs 20"
arm = "ten"
against = "twenty"
"""
ARRAYS = (
    *("replicate", "draw", "study", "followed", "followed_families", "paired", "flows", "drift"),
    *("groups", "group_families"),
)


def contents(runs: Runs) -> dict[str, bytes]:
    """All arrays of a run."""
    return {name: getattr(runs, name).tobytes() for name in ARRAYS}


def files_of(folder: Path) -> dict[str, bytes]:
    """The tables of a run's folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in {".csv", ".parquet"}}
