"""How fast the workbench answers, on the main study's place: ``python -m scenarios.lab.speed [--replicates N]``.

What is reported is the time from asking, by the clock on the wall; the time of processors that the case took, which says what it
takes on a machine that does nothing else; and memory. The model is compiled and loaded first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from scenarios.lab.workbench import Limits, Workbench
from scenarios.study import Study, load_study
from simulation.bench import peak_memory

FIRST: Final = 10  # replicates of a first answer
PATIENCE: Final = 600.0  # seconds
SESSIONS: Final = 4


@dataclass(frozen=True)
class Measured:
    """A case: seconds until every session had its first answer and its last, those of processors, MB kept by the workbench."""

    case: str
    first: float
    last: float
    processors: float
    kept: float


def two_plans(coordinators: int, caseload: int, replicates: int) -> Study:
    """The main study with ordinary follow-up and one plan."""
    study = load_study("caseload-10-vs-20").with_settings(replicates=replicates)
    today, plan = (replace(study.arm(arm), name=name) for arm, name in PLANS.items())
    plan = replace(plan, coordinators=coordinators, caseload=caseload)
    return replace(study, arms=(today, plan), contrasts=(("your plan vs today", plan.name, today.name),))


PLANS: Final = {"ordinary": "today", "caseload-10": "your-plan"}


def measure(replicates: int, workers: int | None = None) -> Iterator[Measured]:
    """The cases, one after the other."""
    studies = [two_plans(2, caseload, replicates) for caseload in range(10, 10 + SESSIONS + 2)]
    limits = Limits(replicates=replicates, workers=workers)
    bench = Workbench(limits)
    bench.ask("warming up", two_plans(1, 5, 2)).wait(2, PATIENCE)
    bench.leave("warming up")
    yield _asked(bench, "a place nobody has asked for", studies[:1])
    yield _asked(bench, "one lever of one plan moved", studies[1:2])
    yield _asked(bench, "back to the first plan", studies[:1])
    yield _asked(bench, f"{SESSIONS} sessions move a lever at once", studies[2 : 2 + SESSIONS])
    bench.close()
    bench = Workbench(limits)
    yield _asked(bench, f"{SESSIONS} sessions at once, a place nobody has asked for", studies[:SESSIONS])
    bench.close()
    bench = Workbench(limits)
    bench.prepare(studies[:1])
    began, at_work = time.perf_counter(), time.process_time()
    while not bench.idle:
        time.sleep(0.01)
    spent = time.perf_counter() - began, time.process_time() - at_work
    yield Measured("a server that prepares the place at its start", spent[0], *spent, _kept(bench))
    yield _asked(bench, "then: what the server had prepared", studies[:1])
    bench.close()


def _asked(bench: Workbench, case: str, studies: list[Study]) -> Measured:
    began, at_work = time.perf_counter(), time.process_time()
    questions = [bench.ask(f"session {i}", study) for i, study in enumerate(studies)]
    for question in questions:
        question.wait(FIRST, PATIENCE)
        question.runs()
    first = time.perf_counter() - began
    for question in questions:
        question.wait(question.total, PATIENCE)
        if question.error is not None or not question.over:
            raise RuntimeError(question.error or "took too long")
    return Measured(case, first, time.perf_counter() - began, time.process_time() - at_work, _kept(bench))


def _kept(bench: Workbench) -> float:
    return bench.memory_bytes / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="how fast the lab's workbench answers")
    parser.add_argument("--replicates", type=int, default=Limits.replicates)
    parser.add_argument("--workers", type=int)
    args = parser.parse_args()
    columns = (
        f"{FIRST} replicates, s",
        f"{args.replicates}, s",
        "of processors, s",
        "kept, MB",
        "process at its highest, MB",
    )
    print("| case |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for row in measure(args.replicates, args.workers):
        peak = peak_memory()
        told = "" if peak is None else f"{peak:.0f}"
        times = f"{row.first:.2f} | {row.last:.2f} | {row.processors:.2f}"
        print(f"| {row.case} | {times} | {row.kept:.0f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
