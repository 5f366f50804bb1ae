"""Compiling ahead: what is compiled ahead is what the model calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scenarios import load_study
from simulation import coordinator, demography, engine, intake, month, municipality, reading, service, warm, work
from simulation.compiled import COMPILED

AHEAD = (
    *(month.live, demography.time_passes, coordinator.staffing, coordinator.share_cover, coordinator.follow_up_month),
    *(service.service_month, work.seek_work, work.match, intake.intake_month, reading.read_month, reading.add_paired),
    *(municipality.settle, municipality.found, municipality.start_study),
)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_what_is_compiled_ahead_is_what_the_model_calls_and_nothing_else() -> None:
    study = load_study("caseload-10-vs-20")
    plans = [replace(plan, families=40, burn_in_months=24, horizon_months=6) for plan in study.arms]
    engine.run_arms(plans, study.contrasts, replicate=0, seed=1, draw=0)
    called = {rule.__name__: list(rule.signatures) for rule in AHEAD}
    for part in warm.PARTS:
        warm._compile(part)
    assert {rule.__name__: list(rule.signatures) for rule in AHEAD} == called
    assert all(called.values())


def test_a_process_that_fails_leaves_the_model_cold_and_a_warm_one_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "COMPILED", True)
    monkeypatch.setattr(warm, "_mark", lambda: tmp_path / "warm")
    monkeypatch.setattr(warm, "PARTS", ("no such part", "raise"))
    monkeypatch.setattr(warm.sys, "executable", "false")
    assert warm.cold()
    warm.warm_up()
    assert warm.cold()
    monkeypatch.setattr(warm.sys, "executable", "true")
    warm.warm_up()
    assert not warm.cold()
    monkeypatch.setattr(warm.subprocess, "Popen", None)
    warm.warm_up()
