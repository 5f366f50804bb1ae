"""One small rule written twice, for ``run.py bench``: by hand in plain Mesa, and compiled as the model's rules are.

Children of a family join and leave one arena; joining depends on low income, the family's network and how many of the
peers' children took part last month, as in ``children``. This is what "faster than Mesa" may be said of: the same rule, in
the same process. It is no part of the model.
"""

from __future__ import annotations

import math
from typing import Any, Final

import mesa
import numpy as np
import numpy.typing as npt

from simulation.compiled import rule
from simulation.draws import ENTITY_CHILD, fill, rings
from simulation.municipality import TOWN
from simulation.names import PEERS

CHILDREN: Final = 2
JOIN: Final = 0.03  # a month
LEAVE: Final = 0.02
INCOME: Final = -0.3  # log hazard ratios on joining
NETWORK: Final = -0.2
PEER: Final = 0.5

SMALL: Final = np.dtype(
    (
        np.record,
        [
            ("low_income", "i1"),
            ("weak_network", "i1"),
            ("arena", "i1", (CHILDREN,)),
            ("peer", "i4", (PEERS,)),
            ("part", "f8"),  # share of its children in the arena
            ("last", "f8"),  # last month
        ],
    )
)


def small_pool(families: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Families on a ring, a third in low income, a fifth with a weak network; and the town that holds their draws."""
    pool, town = np.zeros(families, SMALL), np.zeros(1, TOWN)
    numbers = np.arange(families)
    pool["low_income"], pool["weak_network"] = numbers % 3 == 0, numbers % 5 == 0
    for j, step in enumerate((1, -1, 2, -2)):
        pool["peer"][:, j] = (numbers + step) % families
    town["seed"] = 1
    return pool, town


# --- compiled -----------------------------------------------------------------------------------------------------


@rule
def arena_months(pool, town_array, months):  # type: ignore[no-untyped-def]
    """All families, so many months."""
    for _ in range(months):
        town_array[0].month += 1
        for i in range(pool.shape[0]):
            pool[i].last = pool[i].part
        for i in range(pool.shape[0]):
            arena_at(pool, i, town_array)


@rule
def arena_at(pool, i, town_array):  # type: ignore[no-untyped-def]
    """One family's month."""
    town = town_array[0]
    family = pool[i]
    peers = 0.0
    for j in range(PEERS):
        peers += pool[family.peer[j]].last
    ratio = math.exp(INCOME * family.low_income + NETWORK * family.weak_network + PEER * peers / PEERS)
    part = 0
    for c in range(CHILDREN):
        fill(town.u, town, i, ENTITY_CHILD + c, town.month, 0)
        if family.arena[c] == 1:
            if rings(town.u[0], LEAVE):
                family.arena[c] = 0
        elif rings(town.u[0], JOIN * ratio):
            family.arena[c] = 1
        part += family.arena[c]
    family.part = part / CHILDREN


# --- plain Mesa ---------------------------------------------------------------------------------------------------


class SmallFamily(mesa.Agent):  # type: ignore[misc]
    """The same family as one would write it in Mesa."""

    def __init__(self, model: mesa.Model, number: int) -> None:
        super().__init__(model)
        self.low_income = number % 3 == 0
        self.weak_network = number % 5 == 0
        self.arena = [False] * CHILDREN
        self.peers: list[SmallFamily] = []
        self.part = self.last = 0.0

    def remember(self) -> None:
        """Peers see last month's share."""
        self.last = self.part

    def month(self) -> None:
        """Children join and leave."""
        peers = 0.0
        for peer in self.peers:
            peers += peer.last
        ratio = math.exp(INCOME * self.low_income + NETWORK * self.weak_network + PEER * peers / PEERS)
        random = self.random.random
        for c in range(CHILDREN):
            if self.arena[c]:
                if random() < 1.0 - math.exp(-LEAVE):
                    self.arena[c] = False
            elif random() < 1.0 - math.exp(-JOIN * ratio):
                self.arena[c] = True
        self.part = sum(self.arena) / CHILDREN


class SmallModel(mesa.Model):  # type: ignore[misc]
    """The same families on the same ring."""

    def __init__(self, families: int) -> None:
        super().__init__(rng=1)
        agents = [SmallFamily(self, number) for number in range(families)]
        for number, agent in enumerate(agents):
            agent.peers = [agents[(number + step) % families] for step in (1, -1, 2, -2)]

    def step(self) -> None:
        """One month."""
        self.agents.do("remember")
        self.agents.do("month")
