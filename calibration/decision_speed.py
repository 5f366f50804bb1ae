"""How long the analyses of ``run.py sensitivity`` and ``run.py frontier`` take, from a part of each: for ``run.py bench``.

What is simulated in full would take a quarter of an hour. A part is whole pieces of work, two for each worker at least, so that
the time of the whole is the part's times how many parts there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from calibration import frontier, morris, sobol
from calibration.factors import Factors, factors_of
from calibration.frontier_command import REPLICATES
from calibration.points import Asked, effects, later
from calibration.sensitivity import OUTCOMES, Size
from simulation.parameters import parameter_names

if TYPE_CHECKING:
    from scenarios.study import Study

WORKERS: Final = 2
TWELVE: Final = 12
MINUTE: Final = 60.0


def seconds(parts: int) -> dict[str, tuple[float, str]]:
    """Seconds of each analysis on two cores, and what is meant, from so many pieces for each worker."""
    from scenarios.study import load_study
    from simulation.warm import warm_up

    warm_up()
    study = load_study("caseload-10-vs-20")
    factors, size = factors_of(study), Size()
    pieces = WORKERS * parts
    asked = Asked.of(study, study.contrasts[0][:1], OUTCOMES, 2)
    u, blocks = morris.trajectories(factors.names, pieces, seed=1)
    spent = _timed(lambda: effects(asked, factors.values(u), blocks, workers=WORKERS))
    told = f"seconds on two cores, {size.trajectories} trajectories of {len(factors.names)} parameters, 2 replicates a point"
    found = {"morris": (spent * size.trajectories / pieces, told)}
    told = f"seconds on two cores, {TWELVE} parameters, N = {size.samples}, second order, {size.replicates} replicates a point"
    for name, twelve in _twelve(study, factors).items():
        spent = _sobol(study, factors, twelve, pieces, size)
        found[name] = (spent * size.samples / pieces, f"{told}, one contrast")
    found["frontier"] = _frontier(study, pieces)
    return found


def _frontier(study: Study, replicates: int) -> tuple[float, str]:
    """Seconds of the whole grid, and what is meant, from its first replicates; which services grow is given."""
    grid = frontier.Grid(
        frontier.template_arm(study),
        frontier.grid_cells(range(9), (5, 10, 15, 20, 25, 30), (1.0, 1.25, 1.5, 2.0)),
        ("education", "housing", "work"),
        OUTCOMES,
        study.costs,
        study.seed,
    )
    spent = _timed(lambda: frontier.simulate(grid, replicates, workers=WORKERS))
    told = f"seconds on two cores, {len(grid.cells)} cells of {REPLICATES} replicates"
    return spent * REPLICATES / replicates, told


def _sobol(study: Study, factors: Factors, names: Sequence[str], samples: int, size: Size) -> float:
    """Seconds of the first so many base samples."""
    made = sobol.design(names, size.samples, seed=1)
    first = slice(0, samples * made.step)
    asked = Asked.of(study, study.contrasts[0][:1], OUTCOMES, size.replicates)
    points = factors.values(made.u[first], names)
    return _timed(lambda: effects(asked, points, made.blocks[first], workers=WORKERS))


def _twelve(study: Study, factors: Factors) -> dict[str, tuple[str, ...]]:
    """Twelve fitted parameters; and twelve that all act before there are coordinators, so that no burn-in is shared."""
    from simulation.posterior import load_posterior

    every = parameter_names()
    fitted = tuple(every[i] for i in load_posterior(study.arms[0].posterior)[0])
    early = tuple(name for name in factors.names if not later()[every.index(name)])
    return {"sobol": fitted[:TWELVE], "sobol_no_shared_burn_in": early[:TWELVE]}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
