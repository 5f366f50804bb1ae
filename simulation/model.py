"""The Mesa way to run: a municipality as a ``mesa.Model``, to look at and to change.

The same rules, the same order and the same random numbers as the compiled way, so the same bytes: see
``tests/test_equality.py``.
"""

from __future__ import annotations

import functools
from typing import Any

import mesa
import numpy as np

from simulation import month
from simulation.agents import Coordinator, Family, Service
from simulation.engine import UPPER_SECONDARY_HORIZON, at_month_zero
from simulation.names import SERVICES
from simulation.outcomes import OUTCOME_NAMES
from simulation.plan import Plan
from simulation.reading import COLUMNS, FAMILY_COLUMNS, TURNED_21, F, read_month, to_values


class FamilyModel(mesa.Model):  # type: ignore[misc]
    """A burnt-in municipality at study month 0, and one arm's months after it.

    Parameters
    ----------
    plan : the arm to run, e.g. ``load_study(...).arm("caseload-10")``
    seed : 0..2**32-1
    replicate : 0, 1, ...; replicates 2k and 2k+1 share draw k of the parameters
    draw : another draw, where that is wanted
    family : a subclass of :class:`Family` that takes over from month 0 on
    collect : keep the pool's outcomes of every month in ``datacollector``

    Notes
    -----
    The burn-in runs compiled and not through :meth:`step`. Mesa's own random generator is never used by the rules.
    Mesa 3.3 keeps every model alive as long as the process lives: for many runs use :func:`simulation.ensemble`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        seed: int,
        replicate: int = 0,
        draw: int | None = None,
        family: type[Family] = Family,
        collect: bool = False,
    ) -> None:
        super().__init__(rng=seed)
        self.plan = plan
        world = at_month_zero(plan, seed=seed, replicate=replicate, draw=draw)
        self.families = world.families
        self.coordinators = world.coordinators
        self.services = world.services
        self.town = world.town
        self.setting = world.setting
        self.waiting = world.waiting
        self.placed = world.placed
        self.takers = world.takers
        self.candidates = world.candidates
        self.family_agents = [family(self, i) for i in range(plan.families)]
        self.coordinator_agents = [Coordinator(self, c) for c in range(plan.coordinators)]
        self.service_agents = [Service(self, s) for s in range(len(SERVICES))]
        self.datacollector = (
            mesa.DataCollector(
                model_reporters={name: functools.partial(_outcome, k=k) for k, name in enumerate(OUTCOME_NAMES)}
            )
            if collect
            else None
        )
        if self.datacollector is not None:
            self.datacollector.collect(self)

    @property
    def study_month(self) -> int:
        """0 = the state before the first month with coordinators."""
        return int(self.town[0]["study_month"])

    def step(self) -> None:
        """One month, in the order of ``month.one_month``."""
        month.begin_at(self.town)
        for family in self.family_agents:
            family.pass_time()
        for coordinator in self.coordinator_agents:
            coordinator.staffing()
        month.share_cover_at(self.coordinators, self.town, self.setting)
        for coordinator in self.coordinator_agents:
            coordinator.follow_up()
        for service in self.service_agents:
            service.serve()
        for family in self.family_agents:
            family.seek_work()
        month.match_at(self.families, self.town, self.takers)
        for family in self.family_agents:
            family.live()
        month.intake_at(self.families, self.coordinators, self.town, self.setting, self.candidates)
        if self.datacollector is not None:
            self.datacollector.collect(self)

    def run_months(self, months: int) -> None:
        """So many steps."""
        for _ in range(months):
            self.step()

    def outcomes(self, population: str = "pool") -> np.ndarray[Any, np.dtype[np.float64]]:
        """Outcomes of the present month, (K,) in the order of OUTCOME_NAMES, for ``pool`` or ``eligible``."""
        pool, eligible = np.zeros(COLUMNS), np.zeros(COLUMNS)
        n = len(self.families)
        read_month(
            self.families,
            self.coordinators,
            self.services,
            self.town[0],
            np.zeros(FAMILY_COLUMNS),
            pool,
            eligible,
            np.zeros((max(self.study_month, 0) + 1, COLUMNS)),
            np.zeros(F),
            np.empty((n, FAMILY_COLUMNS), np.float32),
            np.empty(n, np.int32),
            np.empty(n, np.int8),
        )
        sums = pool if population == "pool" else eligible
        if self.plan.horizon_months < UPPER_SECONDARY_HORIZON:
            sums[TURNED_21] = 0.0
        return to_values(sums)


def _outcome(model: FamilyModel, k: int) -> float:
    """Outcome ``k`` of the pool: a named function, so that a model with a collector can be pickled."""
    return float(model.outcomes()[k])
