"""Many municipalities side by side: the offices of a trial, each with its own luck, advanced in one compiled call.

The arrays of :class:`simulation.municipality.World` with one axis more, the first: offices. What is made for a municipality of
its own by :func:`simulation.engine.new_world_in` and :func:`simulation.engine.start_arm` is made here for all at once, and
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from calibration.register import REGISTER, History, follow, read_members
from simulation.compiled import rule
from simulation.engine import Arrays, new_world_in
from simulation.municipality import World, found, set_levers, settle, start_study
from simulation.plan import Plan

IntArray = npt.NDArray[np.int64]
MOST: Final = 500_000  # family-months in a compiled call, so that Ctrl-C is heard


@rule
def settle_all(families, town, setting, months):  # type: ignore[no-untyped-def]
    """The first families of every office, and so many months in which only time passes."""
    for o in range(families.shape[0]):
        settle(families[o], town[o, 0], setting[o])
        found(families[o], town[o, 0], setting[o], months)


@rule
def start_all(families, coordinators, town, setting):  # type: ignore[no-untyped-def]
    """Study month 0 in every office."""
    for o in range(families.shape[0]):
        start_study(families[o], coordinators[o], town[o, 0], setting[o])


def stacked(array: Arrays, number: int) -> Arrays:
    """So many copies of an array, (number, ...): by bytes, since NumPy copies records field by field."""
    flat = np.ascontiguousarray(array).view(np.uint8).reshape(1, -1)
    return np.repeat(flat, number, axis=0).reshape(-1).view(array.dtype).reshape(number, *array.shape)


class Offices:
    """So many municipalities of one plan, at the first month of their burn-in."""

    def __init__(self, plan: Plan, seed: int, places: IntArray, setting: Arrays, coordinators: int) -> None:
        """Settle the families.

        Parameters
        ----------
        places : (offices,) the replicate that each office's random numbers are keyed by
        setting : (offices, 1) SETTING
        coordinators : room for so many in each office
        """
        number = len(places)
        one = World(plan.families, coordinators, setting[0])
        start = new_world_in(replace(plan, founding_months=0), seed, 0, setting[0])
        self.setting = setting
        self.services, self.town = stacked(start.services, number), stacked(start.town, number)
        self.town["replicate"] = places[:, None]
        self.families, self.coordinators, self.waiting, self.placed, self.takers, self.candidates = (
            np.zeros((number, *array.shape), array.dtype)
            for array in (one.families, one.coordinators, one.waiting, one.placed, one.takers, one.candidates)
        )
        settle_all(self.families, self.town, setting, np.int64(plan.founding_months))

    def start(self, plans: Sequence[Plan]) -> None:
        """Study month 0: each office by its plan, with its coordinators hired."""
        for town, coordinators, plan in zip(self.town, self.coordinators, plans, strict=True):
            set_levers(town[0], plan)
            coordinators["caseload"] = plan.caseload
        start_all(self.families, self.coordinators, self.town, self.setting)

    def advance(self, months: int) -> None:
        """So many months, unread."""
        nobody = np.zeros(0, np.int64)
        self._follow(months, nobody, nobody, np.zeros(len(self.families) + 1, np.int64), np.zeros((0, 0), REGISTER))

    def read(self, members: Sequence[IntArray], rows: History) -> None:
        """The members of each office, one office after the other: as they are into the first of the ``rows`` (1 + months,
        members), and after each of as many more months."""
        first = np.cumsum([0, *map(len, members)])
        read_members(self.families, np.concatenate(members), first, rows[0])
        generation = [families["generation"][who] for families, who in zip(self.families, members, strict=True)]
        self._follow(0, np.concatenate(members), np.concatenate(generation).astype(np.int64), first, rows[1:])

    def _follow(self, months: int, members: IntArray, generation: IntArray, first: IntArray, rows: History) -> None:
        number, families = self.families.shape
        step = max(1, MOST // max(families * (months + len(rows)), 1))
        for here in (slice(start, start + step) for start in range(0, number, step)):
            arrays = (
                *(
                    self.families[here],
                    self.coordinators[here],
                    self.services[here],
                    self.town[here],
                    self.setting[here],
                ),
                *(self.waiting[here], self.placed[here], self.takers[here], self.candidates[here]),
            )
            follow(*arrays, months, members, generation, first[here.start : here.stop + 1], rows)
