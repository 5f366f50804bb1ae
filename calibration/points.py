"""What a study's contrasts come to at stated sets of parameters: the function that a sensitivity analysis takes apart.

A *point* is one set of parameters. Points that are to be compared stand in one *block* and share their luck: block b meets the
replicates b R, b R + 1 ... of the study's seed, and another block meets others. So a difference between two points of a block
is the parameters', and what is found over blocks is no property of a few lucky replicates.

The burn-in is shared between the arms of a point, and between the points of a block that differ in nothing which acts before
there are coordinators.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from calibration.pieces import run_pieces
from scenarios.progress import Progress
from scenarios.study import ContrastNames, Study
from simulation.outcomes import OUTCOME_NAMES, FloatArray
from simulation.parameters import load_parameters, parameter_names, with_overrides
from simulation.plan import Plan

if TYPE_CHECKING:
    from simulation.municipality import World
    from simulation.parallel import Workers

LATER_GROUP: Final = "coordinator"
FROM_THE_START: Final = ("trust_start",)  # of that group: every family has it, with or without a coordinator


@dataclass(frozen=True)
class Asked:
    """What is asked of every point: contrasts of a study, among the families eligible at month 0, at the horizon."""

    plans: tuple[Plan, ...]
    """The arms that the contrasts name."""
    contrasts: tuple[ContrastNames, ...]
    outcomes: tuple[str, ...]
    replicates: int
    """of each point"""
    seed: int

    @classmethod
    def of(cls, study: Study, contrasts: Sequence[str], outcomes: Sequence[str], replicates: int) -> Asked:
        """The contrasts of a study by their names."""
        chosen = tuple(contrast for contrast in study.contrasts if contrast[0] in contrasts)
        arms = {arm for _, *pair in chosen for arm in pair}
        plans = tuple(plan for plan in study.arms if plan.name in arms)
        return cls(plans, chosen, tuple(outcomes), replicates, study.seed)

    @property
    def columns(self) -> list[str]:
        """What a row of a simulated point holds: a difference for each replicate, contrast and outcome."""
        names = [f"{name} | {outcome}" for name, _, _ in self.contrasts for outcome in self.outcomes]
        return [f"{r} | {name}" for r in range(self.replicates) for name in names]


def later() -> npt.NDArray[np.bool_]:
    """Which parameters change nothing before there are coordinators, (P,): ``tests/test_points.py`` holds them to it."""
    return np.array([p.group == LATER_GROUP and p.name not in FROM_THE_START for p in load_parameters()])


def effects(
    asked: Asked,
    values: FloatArray,
    blocks: npt.NDArray[np.int64],
    *,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> FloatArray:
    """Differences at every point, in every replicate. (N, R, contrasts, outcomes); NaN where nobody is in a group.

    Parameters
    ----------
    values : (N, P) parameters in stated units
    blocks : (N,) the block of each point, in rising order

    Raises
    ------
    InputError : the folder holds points of other inputs
    """
    ends = [*(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(blocks)]
    spans = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    rows = run_pieces(
        lambda k: block_effects(asked, values[spans[k]], int(blocks[spans[k].start])).reshape(
            len(values[spans[k]]), -1
        ),
        [span.stop - span.start for span in spans],
        asked.columns,
        "" if folder is None else _inputs(asked, values, blocks),
        folder=folder,
        workers=workers,
        step=step,
    )
    return rows.reshape(len(values), asked.replicates, len(asked.contrasts), len(asked.outcomes))


def block_effects(asked: Asked, values: FloatArray, block: int) -> FloatArray:
    """One block: the same differences for its points, (points, P) to (points, R, contrasts, outcomes)."""
    from simulation.engine import burn_in, make_setting, new_world_in, start_arm

    first = asked.plans[0]
    held = [with_overrides(row, first.parameters, links=first.links) for row in values]
    settings = [make_setting(first, row) for row in held]
    _, kin = np.unique(np.array(held)[:, ~later()], axis=0, return_inverse=True)
    found = np.empty((len(values), asked.replicates, len(asked.contrasts), len(asked.outcomes)))
    for r in range(asked.replicates):
        for relatives in range(kin.max() + 1):
            points = np.flatnonzero(kin.ravel() == relatives)
            world = new_world_in(first, asked.seed, block * asked.replicates + r, settings[points[0]])
            burn_in(world, first.burn_in_months)
            for i in points:
                world.setting = settings[i]
                arms = {}
                for plan in asked.plans:
                    arm = start_arm(world, plan)
                    burn_in(arm, plan.horizon_months)
                    arms[plan.name] = read_eligible(arm, plan, asked.outcomes)
                found[i, r] = [arms[one] - arms[other] for _, one, other in asked.contrasts]
    return found


def read_eligible(arm: World, plan: Plan, outcomes: Sequence[str]) -> FloatArray:
    """Outcomes of those eligible at month 0, in the present month. (outcomes,)"""
    from simulation.engine import UPPER_SECONDARY_HORIZON, Readings, read_now
    from simulation.reading import FAMILY_COLUMNS, TURNED_21, to_values

    read = Readings.empty(len(arm.families), 0, 1)
    read_now(
        arm.families,
        arm.coordinators,
        arm.services,
        arm.town,
        np.zeros(FAMILY_COLUMNS),
        read.pool[0],
        read.eligible[0],
        read.followed,
        read.flows[0],
        read.panel[0],
        read.generation[0],
        read.ever[0],
    )
    if plan.horizon_months < UPPER_SECONDARY_HORIZON:  # too few have turned 21
        read.eligible[:, TURNED_21] = 0.0
    return to_values(read.eligible[0])[[OUTCOME_NAMES.index(name) for name in outcomes]]


def _inputs(asked: Asked, values: FloatArray, blocks: npt.NDArray[np.int64]) -> str:
    """A hash of what the effects depend on."""
    from results.files import hash_source
    from simulation.compiled import SOURCE_HASH

    anywhere = replace(
        asked, plans=tuple(replace(plan, posterior="") for plan in asked.plans)
    )  # its draws are in the values
    told = json.dumps([SOURCE_HASH, hash_source(Path(__file__)), repr(anywhere), parameter_names()])
    digest = hashlib.sha256(told.encode())
    digest.update(np.ascontiguousarray(values).tobytes() + np.ascontiguousarray(blocks).tobytes())
    return digest.hexdigest()
