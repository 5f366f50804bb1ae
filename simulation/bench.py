"""``run.py bench``: how fast, as rates, ratios and memory. Medians of several runs, on one core unless it says otherwise.

Rates are in family-months per second of one core's time, so that other programs on the machine count less.
``compiled`` advances a municipality, ``compiled_with_outcomes`` is a whole replicate of the main study (burn-in, every arm,
outcomes read), ``mesa_compiled`` steps a ``FamilyModel``, and ``python`` is the same rules uncompiled, which says what
compiling is worth and nothing about Mesa. What "faster than Mesa" may be said of is the small rule, written by hand in plain
Mesa and compiled, timed in the same run. ``income_share`` is to stay under a quarter, and ``burn_in_share`` under a half:
building a pool and burning it in is to cost at most what the study costs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.options import add_options

if TYPE_CHECKING:
    from simulation.municipality import World
    from simulation.plan import Plan

RATE: Final = "family-months per second and core"
ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    runs: int = 7
    """of which the median is taken"""
    families: int = 400
    months: int = 36
    pools: tuple[int, ...] = (1_000, 10_000, 100_000)
    """sizes of one municipality; the first is what the others are compared with"""
    replicates: int = 40
    """of the main study, on one worker and on two"""
    plain_families: int = 60
    main_job: bool = True
    """Whether the whole main job is run, in a process of its own."""
    analyses: int = 3
    """pieces for each core from which the time of sensitivity and frontier is told; 0: none"""
    chunks: int = 10
    """of about a second, from which the runner's own time is told; 0: none"""


QUICK: Final = Size(
    runs=3, pools=(1_000, 10_000), replicates=10, plain_families=30, main_job=False, analyses=0, chunks=0
)


@dataclass(frozen=True)
class Record:
    """One figure."""

    name: str
    value: float
    unit: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--quick", action="store_true", help="fewer runs, no municipality of 100,000, no main job")
    add_options(parser, "json", "quiet")


def main(args: argparse.Namespace) -> int:
    """Measure, and print the figures."""
    from scenarios.progress import progress

    found: list[Record] = []
    with progress("bench", quiet=args.quiet) as step:
        for done, total, records in measure(QUICK if args.quick else Size()):
            found += records
            if step is not None:
                step(done, total)
    if args.json:
        print(json.dumps([vars(record) for record in found], indent=1))
    else:
        _print(found)
    return 0


def measure(size: Size) -> Iterator[tuple[int, int, list[Record]]]:
    """Measure one thing after another: (how many are done, of how many, its records)."""
    parts: list[Callable[[Size], list[Record]]] = [
        _rates,
        _income,
        _burn_in,
        _plain,
        _small_rule,
        _scaling,
        _threads,
        _memory,
    ]
    if size.chunks:
        parts.append(_overhead)
    if size.analyses:
        parts.append(_analyses)
    if size.main_job:
        parts.append(_main_job)
    for done, part in enumerate(parts, start=1):
        yield done, len(parts), part(size)


def _print(records: list[Record]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "value", "unit", box=None)
    table.columns[1].justify = "right"
    for record in records:
        digits = 0 if abs(record.value) >= 100 else 2
        table.add_row(record.name, f"{record.value:,.{digits}f}".replace(",", " "), record.unit)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    print(
        "Only small_rule_* compares with Mesa: the same rule by hand in plain Mesa, and compiled. See simulation/bench.py."
    )


# --- how long -----------------------------------------------------------------------------------------------------


def _median(work: Callable[[], float], runs: int) -> float:
    """Median seconds for one unit of work, of so many runs after one that is not counted; ``work`` says how much it did."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.thread_time()
        amount = work()
        seconds.append((time.thread_time() - start) / amount)
    return statistics.median(seconds)


def _plan(families: int) -> Plan:
    """The main arm in a municipality of another size: staff, places and other residents' requests in proportion."""
    from scenarios.study import load_study
    from simulation.names import MAX_COORDINATORS

    plan = load_study("caseload-10-vs-20").arm("caseload-10")
    times = families / plan.families
    return replace(
        plan,
        families=families,
        burn_in_months=36,
        profile=plan.profile.for_pool(families),
        coordinators=min(max(1, round(plan.coordinators * times)), MAX_COORDINATORS),
    )


def _world(families: int) -> World:
    from simulation.engine import at_month_zero, burn_in

    world = at_month_zero(_plan(families), seed=1, replicate=0)
    burn_in(world, 12)  # coordinators have families
    return world


def _rates(size: Size) -> list[Record]:
    from scenarios.study import load_study
    from simulation.engine import burn_in, run_arms
    from simulation.model import FamilyModel

    world = _world(size.families)
    study = load_study("caseload-10-vs-20")
    arms = [replace(plan, families=size.families) for plan in study.arms]
    model = FamilyModel(_plan(size.families), seed=1)
    model.run_months(12)

    def compiled() -> float:
        burn_in(world, 4 * size.months)
        return size.families * 4.0 * size.months

    def with_outcomes() -> float:
        return float(run_arms(arms, study.contrasts, replicate=0, seed=1, draw=0).family_months)

    def through_mesa() -> float:
        model.run_months(size.months)
        return float(size.families * size.months)

    works = {"compiled": compiled, "compiled_with_outcomes": with_outcomes, "mesa_compiled": through_mesa}
    return [Record(name, 1.0 / _median(work, size.runs), RATE) for name, work in works.items()]


def _income(size: Size) -> list[Record]:
    """What the money of a month takes of a family-month.

    Families of all months in random order, a few hundred at a time that have just been copied: as in a month, their records
    lie near and what they are is news to the processor.
    """
    import numpy as np

    from simulation.engine import burn_in, run_replicate
    from simulation.income import household_incomes

    world = _world(size.families)
    history = run_replicate(_plan(size.families), seed=1, replicate=0, months=size.months, history=True).history
    assert history is not None
    families, rates = history.reshape(-1), world.setting["rates"]
    household_incomes(families[:1].copy(), rates)
    order, shares = np.random.default_rng(1), []
    for _ in range(size.runs + 1):
        start = time.thread_time()
        burn_in(world, size.months)
        month, money = time.thread_time() - start, 0.0
        for some in np.array_split(order.permutation(len(families)), size.months):
            batch = families[some]
            start = time.thread_time()
            household_incomes(batch, rates)
            money += time.thread_time() - start
        shares.append(money / month)
    return [Record("income_share", statistics.median(shares[1:]), "of the time of a family-month, household_income")]


def _burn_in(size: Size) -> list[Record]:
    """What the pool's founding years and burn-in take of a whole replicate of the main study, arms and outcomes and all."""
    from scenarios.study import load_study
    from simulation.engine import burn_in, new_world, parameter_values, run_arms

    study = load_study("caseload-10-vs-20")
    arms = [replace(plan, families=size.families) for plan in study.arms]
    first = arms[0]

    def whole() -> float:
        run_arms(arms, study.contrasts, replicate=0, seed=1, draw=0)
        return 1.0

    def before() -> float:
        burn_in(new_world(first, 1, 0, parameter_values(first, 1, 0)), first.burn_in_months)
        return 1.0

    share = _ratios([whole, before], size.runs, time.thread_time)[1]
    return [Record("burn_in_share", share, "of the time of a replicate of the main study, founding years and burn-in")]


def _plain(size: Size) -> list[Record]:
    """The uncompiled rate, in a process without compiling that is handed a municipality."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.pickle"
        path.write_bytes(pickle.dumps(_world(size.plain_families)))
        done = subprocess.run(
            [sys.executable, "-m", "simulation.bench", str(path), str(size.runs)],
            cwd=ROOT, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return [Record("python", float(done.stdout), RATE)]


def _plain_rate(path: str, runs: str) -> None:
    """In the process without compiling: print the rate."""
    from simulation.compiled import COMPILED
    from simulation.engine import burn_in

    if COMPILED:
        raise RuntimeError("this is to be run with NUMBA_DISABLE_JIT=1")
    world = pickle.loads(Path(path).read_bytes())

    def work() -> float:
        burn_in(world, 2)
        return len(world.families) * 2.0

    print(1.0 / _median(work, int(runs)))


def _small_rule(size: Size) -> list[Record]:
    from simulation.small_rule import SmallModel, arena_months, small_pool

    pool, town = small_pool(size.families)
    model = SmallModel(size.families)

    def compiled() -> float:
        arena_months(pool, town, 100 * size.months)
        return size.families * 100.0 * size.months

    def plain() -> float:
        for _ in range(size.months):
            model.step()
        return float(size.families * size.months)

    fast, slow = 1.0 / _median(compiled, size.runs), 1.0 / _median(plain, size.runs)
    return [
        Record("small_rule_plain_mesa", slow, RATE),
        Record("small_rule_compiled", fast, RATE),
        Record("small_rule_ratio", fast / slow, "times the rate in plain Mesa"),
    ]


def _ratios(works: Sequence[Callable[[], float]], runs: int, clock: Callable[[], float]) -> list[float]:
    """Time for a unit of each work over that of the first: medians of ratios within a round, so that noise is shared."""
    rounds = []
    for _ in range(runs + 1):
        seconds = []
        for work in works:
            start = clock()
            amount = work()
            seconds.append((clock() - start) / amount)
        rounds.append([spent / seconds[0] for spent in seconds])
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


def _scaling(size: Size) -> list[Record]:
    from simulation.engine import burn_in

    def work_of(families: int) -> Callable[[], float]:
        world, months = _world(families), max(2, 200_000 // families)

        def work() -> float:
            burn_in(world, months)
            return float(families * months)

        return work

    ratios = _ratios([work_of(families) for families in size.pools], size.runs, time.thread_time)
    unit = f"time per family-month, over that in a municipality of {size.pools[0]} families"
    return [
        Record(f"scaling_{families}", ratio, unit) for families, ratio in zip(size.pools[1:], ratios[1:], strict=True)
    ]


def _threads(size: Size) -> list[Record]:
    from scenarios.study import load_study
    from simulation.runner import run_study

    study = load_study("caseload-10-vs-20")

    def on(workers: int) -> Callable[[], float]:
        def work() -> float:
            run_study(study.arms, study.contrasts, replicates=size.replicates, seed=1, workers=workers, chunk=5)
            return 1.0

        return work

    ratio = _ratios([on(2), on(1)], max(3, size.runs // 2), time.perf_counter)[1]
    return [Record("threads_2", ratio, "times the rate on one worker, by the clock on the wall")]


_SPENT: list[float] = []


def _timed(*arguments: Any, **options: Any) -> Any:
    """A replicate; how long its thread was at it is noted in ``_SPENT``, in the process that runs it."""
    from simulation.engine import run_arms

    start = time.thread_time()
    found = run_arms(*arguments, **options)
    _SPENT.append(time.thread_time() - start)
    return found


def _listen() -> None:
    """From now on, this process notes what its replicates take."""
    from simulation import runner

    setattr(runner, "run_arms", _timed)  # noqa: B010


def _processors() -> tuple[float, float]:
    """Processor seconds of this process, and of the replicates in it."""
    return time.process_time(), sum(_SPENT)


def _overhead(size: Size) -> list[Record]:
    """What chunks, storing and sending add to the replicates themselves, on one worker.

    In the time of processors, of all processes: what it costs whatever else the machine does, since both parts are of the same
    seconds. By the clock on the wall it is less where a processor is free to store and send meanwhile; on a machine that is busy
    with other work that figure means nothing.
    """
    from unittest.mock import patch

    from scenarios.study import load_study
    from simulation import runner
    from simulation.engine import run_arms
    from simulation.parallel import Cluster, Workers, open_workers

    study = load_study("caseload-10-vs-20")

    def alone() -> float:
        run_arms(study.arms, study.contrasts, replicate=0, seed=1, draw=0)
        return 1.0

    def clocks(workers: Workers) -> tuple[float, ...]:
        there = workers.client.run(_processors).values() if isinstance(workers, Cluster) else ()
        return time.perf_counter(), *map(sum, zip(_processors(), *there, strict=True))

    def ratios(workers: Workers) -> tuple[float, float]:
        """Time of processors, and by the clock, over the time of processors in replicates."""
        before = clocks(workers)
        with tempfile.TemporaryDirectory() as folder:
            options: dict[str, Any] = {"workers": workers, "chunk": chunk, "chunks_dir": Path(folder)}
            runner.run_study(study.arms, study.contrasts, replicates=chunk * size.chunks, seed=1, **options)
        wall, processors, replicates = (now - then for now, then in zip(clocks(workers), before, strict=True))
        return processors / replicates, wall / replicates

    chunk = max(1, round(1.0 / _median(alone, 3)))
    where = {"threads": None} | ({"cluster": "local"} if importlib.util.find_spec("distributed") else {})
    found = []
    for name, cluster in where.items():
        with open_workers(1, cluster) as workers, patch.object(runner, "run_arms", _timed):
            if isinstance(workers, Cluster):
                workers.client.run(_listen)
            rounds = [ratios(workers) for _ in range(1 + (size.runs // 2 or 1))]
        processors, wall = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
        unit = f"of the time of replicates alone, in chunks of {chunk}: about a second"
        found.append(Record(f"overhead_{name}", processors - 1.0, f"{unit} of processors"))
        found.append(Record(f"overhead_{name}_wall", wall - 1.0, f"{unit} by the clock on the wall"))
    return found


def _analyses(size: Size) -> list[Record]:
    """How long sensitivity and frontier take, from a part of each."""
    from calibration.decision_speed import seconds

    return [Record(name, value, unit) for name, (value, unit) in seconds(size.analyses).items()]


# --- memory -------------------------------------------------------------------------------------------------------


def peak_memory() -> float | None:
    """Highest memory in use so far by this process, MB; None on Windows."""
    return _peak("RUSAGE_SELF")


def _peak(whose: str) -> float | None:
    """Highest memory in use so far, MB: of this process (``RUSAGE_SELF``) or its largest child. None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = float(resource.getrusage(getattr(resource, whose)).ru_maxrss)
    return peak / (1024.0 * 1024.0) if sys.platform == "darwin" else peak / 1024.0


def _memory(size: Size) -> list[Record]:
    peak = peak_memory()
    return [] if peak is None else [Record("peak_memory", peak, f"MB, this bench, up to {max(size.pools)} families")]


def _main_job(size: Size) -> list[Record]:
    """The whole main job in a process of its own, with a warm cache."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command: list[Any] = [sys.executable, "-m", "run", "compare", "--quiet", "--out", Path(folder) / "run"]
        subprocess.run(command, cwd=ROOT, check=True)
        seconds = time.perf_counter() - start
    peak = _peak("RUSAGE_CHILDREN")
    records = [Record("main_job", seconds, f"seconds, 4 arms, 500 replicates, all files, on {os.cpu_count()} cores")]
    return records if peak is None else [*records, Record("main_job_memory", peak, "MB, at its highest")]


if __name__ == "__main__":
    _plain_rate(*sys.argv[1:])
