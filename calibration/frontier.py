"""A grid of staffings: coordinators, the families that each may have, and places in the services that families wait for.

Every cell is an arm of the study's place, and all cells of a replicate share its parameters, its burn-in and its luck, as the
arms of ``run.py compare`` do: a cell that is also an arm of a study has that arm's numbers. Without coordinators there is no
caseload, so that is one cell for each number of places; the one with today's places is what all others are compared with.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from calibration import points
from calibration.pieces import run_pieces
from calibration.points import read_eligible
from results import costs
from results.costs import Costs
from results.files import hash_source
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.compiled import rule
from simulation.errors import InputError
from simulation.names import SERVICES
from simulation.outcomes import FLOWS, FloatArray
from simulation.plan import Plan, ServicePlan
from simulation.reading import ADMITTED, FLOW_COORDINATORS, FLOW_PLACES, _add_flows

if TYPE_CHECKING:
    from simulation.municipality import World
    from simulation.parallel import Workers

PAYERS: Final = ("municipality", "state", "society")
REACH: Final = ("families_followed", "families_admitted")
REPLICATES_FOR_LOADS: Final = 100
"""Always as many, so that a small run looks at the same services as a large one."""


@dataclass(frozen=True, order=True)
class Cell:
    """One staffing."""

    coordinators: int
    caseload: int
    """most families for each; 0 where there are no coordinators"""
    places: float
    """multiplies the places of the services that grow; 1 is today"""


REFERENCE: Final = Cell(0, 0, 1.0)


@dataclass(frozen=True)
class Grid:
    """The cells of a study, and what is read of each. C cells."""

    template: Plan
    """the arm whose intake, length of follow-up and services every cell has"""
    cells: tuple[Cell, ...]
    """in order, the reference first"""
    services: tuple[str, ...]
    """whose places are multiplied"""
    outcomes: tuple[str, ...]
    costs: Costs
    seed: int

    @property
    def columns(self) -> list[str]:
        """What is kept of a cell in a replicate: outcomes, what each payer pays, and reach."""
        return [*self.outcomes, *PAYERS, *REACH]

    @functools.cached_property
    def weights(self) -> FloatArray:
        """NOK of each of ``PAYERS`` for a unit of each flow. (flows, payers)"""
        place = {item.payer: i for i, item in enumerate(self.costs.items()) if item.name == "total"}
        return self.costs.matrix()[:, [place[name] for name in PAYERS]]

    def plan(self, cell: Cell) -> Plan:
        """The arm that a cell is."""
        services = {name: self.service(name, cell.places) for name in self.services}
        return replace(
            self.template,
            name=f"{cell.coordinators} x {cell.caseload}, places x {cell.places:g}",
            coordinators=cell.coordinators,
            caseload=cell.caseload,
            services=dict(self.template.services) if cell.places == 1.0 else {**self.template.services, **services},
        )

    def service(self, name: str, factor: float) -> ServicePlan:
        """A service with so many times its places, in whole places; as it is where the factor is one."""
        today = self.template.service(name)
        if factor == 1.0:
            return today
        places = float(round(today.places * factor))
        return replace(today, places=max(places, today.places) if factor > 1.0 else min(places, today.places))


def grid_cells(coordinators: Sequence[int], caseloads: Sequence[int], places: Sequence[float]) -> tuple[Cell, ...]:
    """All combinations, with the reference, in order: the reference first, then by coordinators, caseload and places."""
    found = {Cell(c, k if c else 0, f) for c in coordinators for k in caseloads for f in places}
    return (REFERENCE, *sorted(found - {REFERENCE}))


def template_arm(study: Study) -> Plan:
    """The first arm of a study with coordinators.

    Raises
    ------
    InputError : no arm has any
    """
    plan = next((plan for plan in study.arms if plan.coordinators), None)
    if plan is None:
        allowed = "a study with an arm that has coordinators: its intake, length of follow-up and services hold for all"
        raise InputError("no arm has coordinators", file=study.file, key="arm", allowed=allowed)
    return plan


# ---- which services are the bottlenecks ------------------------------------------------------------------------------


def bottlenecks(template: Plan, seed: int, workers: Workers = None) -> tuple[str, ...]:
    """Services that cannot keep up with those who ask, without any coordinator, in the first 100 replicates of the study.

    The rule is that of the report (``results.page.overloaded``): an offered load of 1 or more in the mean, and in more than half
    of the replicates.
    """
    from results.statistics import services_table
    from simulation.runner import run_study

    plan = replace(template, name="ordinary", coordinators=0, caseload=0)
    runs = run_study([plan], (), replicates=REPLICATES_FOR_LOADS, seed=seed, workers=workers).runs
    mean = services_table(runs).set_index(["service", "measure"])["mean"]
    return tuple(
        s for s in SERVICES if mean.get((s, "overloaded"), 0.0) > 0.5 and mean.get((s, "offered_load"), np.inf) >= 1.0
    )


# ---- simulation ------------------------------------------------------------------------------------------------------


def simulate(
    grid: Grid,
    replicates: int,
    *,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> FloatArray:
    """Every cell in every replicate. (R, C, columns); NaN where nobody is in a group.

    Raises
    ------
    InputError : the folder holds simulations of other inputs
    """
    cells = len(grid.cells)
    rows = run_pieces(
        lambda k: replicate_rows(grid, k),
        [cells] * replicates,
        grid.columns,
        "" if folder is None else inputs_hash(grid),
        folder=folder,
        workers=workers,
        posterior=grid.template.posterior,
        step=step,
    )
    return rows.reshape(replicates, cells, len(grid.columns))


def replicate_rows(grid: Grid, replicate: int) -> FloatArray:
    """All cells of one replicate, (C, columns): one burn-in, then each cell from a copy."""
    from simulation.engine import burn_in, new_world, parameter_values, start_arm

    plan = grid.template
    world = new_world(plan, grid.seed, replicate, parameter_values(plan, grid.seed, replicate // 2))
    burn_in(world, plan.burn_in_months)
    return np.stack([_read(start_arm(world, arm), arm, grid) for arm in map(grid.plan, grid.cells)])


def _read(world: World, plan: Plan, grid: Grid) -> FloatArray:
    """Run one cell to the horizon; what is kept of it, (columns,).

    Every month only the flows are read: a whole reading would double the time.
    """
    from simulation.engine import burn_in

    months = plan.horizon_months
    flows = np.zeros((months, len(FLOWS)))
    for month in range(months):
        burn_in(world, 1)
        read_flows(world.families, world.coordinators, world.services, world.town[0], flows[month])
    eligible = read_eligible(world, plan, grid.outcomes)
    return np.concatenate([eligible, paid(grid, flows), _reach(flows)])


@rule
def read_flows(families, coordinators, services, town, flow):  # type: ignore[no-untyped-def]
    """Add the month's flows as ``simulation.reading.read_month`` does, without queues and person-months: ``flow`` (flows,)."""
    for i in range(families.shape[0]):
        _add_flows(families[i], flow)
    for s in range(services.shape[0]):
        flow[FLOW_PLACES + s] += services[s].placed
    for c in range(town.coordinators):
        flow[FLOW_COORDINATORS + (0 if coordinators[c].present == 1 else 1)] += 1.0
    flow[ADMITTED] += town.admitted_now


def paid(grid: Grid, flows: FloatArray) -> FloatArray:
    """What each of ``PAYERS`` pays over the horizon, discounted: as in ``costs.csv``. (H, flows) to (payers,), NOK."""
    return np.asarray((grid.costs.discount_factors(len(flows)) @ np.abs(flows)) @ grid.weights)


def _reach(flows: FloatArray) -> FloatArray:
    """Families followed, mean of the months, and families admitted, in all."""
    followed, admitted = (flows[:, FLOWS.index(name)] for name in REACH)
    return np.array([followed.mean(), admitted.sum()])


# ---- what it depends on ----------------------------------------------------------------------------------------------


def inputs_hash(grid: Grid) -> str:
    """A hash of what the rows depend on, replicates apart."""
    from simulation.compiled import SOURCE_HASH

    posterior = grid.template.posterior
    draws = posterior if posterior in ("prior", "default") else hash_source(Path(posterior))
    anywhere = replace(grid.template, posterior=draws)
    own = [hash_source(Path(str(module.__file__))) for module in (sys.modules[__name__], points, costs)]
    told = json.dumps([SOURCE_HASH, *own, repr(replace(grid, template=anywhere))])
    return hashlib.sha256(told.encode()).hexdigest()
