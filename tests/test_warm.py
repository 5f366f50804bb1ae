"""Compiling ahead: what is compiled ahead is what the model calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import warm

AFTER_WARMING = """
import json
from numba.core import event
from simulation.warm import cold, warm_up

warm_up()
compiled = []


class Listener(event.Listener):
    def on_start(self, e):
        compiled.append(e.data["dispatcher"].py_func.__name__)

    def on_end(self, e):
        pass


event.register("numba:compile", Listener())
from dataclasses import replace
from scenarios import load_study
from simulation import engine

study = load_study("caseload-10-vs-20")
plans = [replace(plan, families=40, burn_in_months=24, horizon_months=6) for plan in study.arms]
engine.run_arms(plans, study.contrasts, replicate=0, seed=1, draw=0)
print(json.dumps([cold(), compiled]))
"""


@pytest.mark.long
def test_a_run_compiles_little_but_the_loop_over_months_where_the_model_was_compiled_ahead(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(warm.ROOT)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", AFTER_WARMING], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    still_cold, compiled = json.loads(done.stdout)
    assert not still_cold
    assert "run_months" in compiled
    assert "live" not in compiled
    assert len(compiled) < 20


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
