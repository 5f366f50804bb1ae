"""How fast a whole country runs, and in how much memory: ``python -m scenarios.country_speed [--set KEY=VALUE]``.

Each case is a process of its own. Reported are the time of processors, which says what a case takes on a machine that does
nothing else, the clock on the wall, and the process at its highest memory. Workers are compared in turns, so that other work on
the machine weighs on all of them alike.
"""

from __future__ import annotations

import json
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from scenarios.options import Parser, add_options, whole_number

STUDY: Final = "norway"
ROOT: Final = Path(__file__).resolve().parent.parent


def measure(case: dict[str, Any]) -> dict[str, float]:
    """Run a case in this process: its study's first ``arms``, so many ``replicates``, with so many ``workers``."""
    from scenarios.study import load_study
    from simulation.bench import peak_memory
    from simulation.runner import run_study
    from simulation.warm import warm_up

    study = load_study(STUDY, case["sets"])
    arms = study.arms[: case["arms"]]
    contrasts = [contrast for contrast in study.contrasts if set(contrast[1:]) <= {plan.name for plan in arms}]
    few = [replace(plan, places=plan.places[:1], horizon_months=1, burn_in_months=24) for plan in arms]
    warm_up()
    run_study(few, contrasts, replicates=2, seed=1, workers=1)  # what is loaded once
    wall, processors = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"replicates": case["replicates"], "seed": study.seed, "workers": case["workers"]}
        finished = run_study(arms, contrasts, chunks_dir=Path(folder), chunk=1, **options)
    return {
        "wall": time.perf_counter() - wall,
        "processors": time.process_time() - processors,
        "family_months": float(finished.family_months),
        "memory": peak_memory() or float("nan"),
    }


def _measured(case: dict[str, Any]) -> dict[str, float]:
    """The same in a process of its own."""
    code = "import json, sys; from scenarios.country_speed import measure; print(json.dumps(measure(json.loads(sys.argv[1]))))"
    command = [sys.executable, "-c", code, json.dumps(case)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _say(told: str, found: dict[str, float]) -> None:
    each = found["family_months"] / found["processors"] / 1e6
    print(
        f"| {told} | {found['family_months'] / 1e6:.1f} | {found['processors']:.1f} | {found['wall']:.1f} "
        f"| {each:.2f} | {found['memory']:.0f} |",
        flush=True,
    )


def main() -> None:
    """Print a table of cases and the ratio of one worker's time to two."""
    parser = Parser(prog="python -m scenarios.country_speed", description=str(main.__doc__))
    parser.add_argument("--replicates", type=whole_number(2, 1000), default=2, metavar="N")
    parser.add_argument("--turns", type=whole_number(1, 20), default=2, metavar="N")
    add_options(parser, "set")
    args = parser.read(sys.argv[1:])
    print("| case | million family-months | processors, s | wall, s | million a second and core | highest memory, MB |")
    print("|---|---:|---:|---:|---:|---:|")

    def case(arms: int, replicates: int, workers: int) -> dict[str, Any]:
        return {"sets": args.set, "arms": arms, "replicates": replicates, "workers": workers}

    _say("one arm, 1 replicate", _measured(case(1, 1, 1)))
    _say("two arms, 1 replicate", _measured(case(2, 1, 1)))
    best = {1: float("inf"), 2: float("inf")}
    for turn in range(args.turns):
        for workers in (1, 2) if turn % 2 == 0 else (2, 1):
            found = _measured(case(2, args.replicates, workers))
            best[workers] = min(best[workers], found["wall"])
            _say(f"two arms, {args.replicates} replicates, {workers} worker{'s' * (workers > 1)}", found)
    _say(f"two arms, {2 * args.replicates} replicates, 1 worker", _measured(case(2, 2 * args.replicates, 1)))
    print(f"\nTwo workers were {best[1] / best[2]:.2f} times as fast as one, best of {args.turns} turns each.")


if __name__ == "__main__":
    main()
