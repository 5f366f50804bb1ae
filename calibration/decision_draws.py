"""A study's decision on calibrated draws: what each draw says of effects, accounts and gains, replicate by replicate.

Draw k is the draw k of ``run.py compare``, and its two replicates the replicates 2k and 2k + 1: the very same municipalities.
All that a decision turns on is kept of each, and nothing else, so that thousands of draws are a small table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from calibration.pieces import run_pieces
from calibration.points import Asked
from results import costs as costs_module
from results.costs import PAYERS, Costs
from results.files import hash_source
from results.gain_values import GAINS
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.outcomes import OUTCOME_NAMES, FloatArray
from simulation.plan import Plan

if TYPE_CHECKING:
    from simulation.municipality import World
    from simulation.parallel import Workers

REPLICATES: Final = 2  # of a draw, as in a study
PIECE: Final = 10  # draws stored in one file
MONTHS_A_YEAR: Final = 12.0
ACCOUNTS: Final = (*PAYERS, "coordinators")
"""The discounted total of each payer, NOK over the horizon, a cost being positive; and what the coordinators cost of it."""


@dataclass(frozen=True)
class Draws:
    """A decision on calibrated draws. N draws, 2 replicates, C contrasts, K outcomes, P parameters of the model."""

    contrasts: tuple[str, ...]
    outcomes: tuple[str, ...]
    families: int
    """of the pool"""
    horizon_months: int
    prices: str
    """the year"""
    values: FloatArray
    """(N, P) parameters in stated units"""
    effects: FloatArray
    """(N, 2, C, K) differences among those eligible at month 0, at the horizon; NaN where nobody is in a group"""
    accounts: FloatArray
    """(N, 2, C, len(ACCOUNTS)) differences of ``ACCOUNTS``"""
    gains: FloatArray
    """(N, 2, C, len(GAINS)) differences of ``results.gain_values.GAINS``"""


def simulate_draws(
    study: Study,
    contrasts: Sequence[str],
    outcomes: Sequence[str],
    draws: int,
    *,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> Draws:
    """Simulate contrasts of a study, by their names, in draws 0, 1 ... ``draws`` - 1.

    Parameters
    ----------
    folder : where finished pieces are kept, so that a stopped run goes on; None keeps nothing

    Raises
    ------
    InputError : the folder holds pieces of other inputs
    """
    from simulation.engine import parameter_values

    asked = Asked.of(study, contrasts, outcomes, REPLICATES)
    first = asked.plans[0]
    costs = study.costs
    values = np.stack([parameter_values(first, asked.seed, draw) for draw in range(draws)])
    columns = _columns(asked)
    starts = range(0, draws, PIECE)
    rows = run_pieces(
        lambda k: np.stack([_draw(asked, costs, draw, values[draw]) for draw in _span(starts[k], draws)]),
        [len(_span(start, draws)) for start in starts],
        columns,
        "" if folder is None else _inputs(asked, costs, values),
        folder=folder,
        workers=workers,
        step=step,
    ).reshape(draws, REPLICATES, len(asked.contrasts), -1)
    k, a = len(asked.outcomes), len(ACCOUNTS)
    return Draws(
        contrasts=tuple(name for name, _, _ in asked.contrasts),
        outcomes=asked.outcomes,
        families=first.families,
        horizon_months=first.horizon_months,
        prices=first.prices,
        values=values,
        effects=rows[..., :k],
        accounts=rows[..., k : k + a],
        gains=rows[..., k + a :],
    )


def _span(start: int, draws: int) -> range:
    return range(start, min(start + PIECE, draws))


def _columns(asked: Asked) -> list[str]:
    """Names of what a draw's row holds."""
    kept = (*asked.outcomes, *(f"account {name}" for name in ACCOUNTS), *(f"gain {name}" for name in GAINS))
    names = [f"{contrast} | {name}" for contrast, _, _ in asked.contrasts for name in kept]
    return [f"{r} | {name}" for r in range(asked.replicates) for name in names]


def _draw(asked: Asked, costs: Costs, draw: int, values: FloatArray) -> FloatArray:
    """The row of one draw, (replicates x contrasts x what is kept,): its arms part from one burn-in."""
    from simulation.engine import burn_in, make_setting, new_world_in, start_arm

    first = asked.plans[0]
    setting = make_setting(first, values)
    found = []
    for r in range(asked.replicates):
        world = new_world_in(first, asked.seed, asked.replicates * draw + r, setting)
        burn_in(world, first.burn_in_months)
        arms = {plan.name: _read_arm(start_arm(world, plan), plan, asked.outcomes, costs) for plan in asked.plans}
        found += [arms[one] - arms[other] for _, one, other in asked.contrasts]
    return np.concatenate(found)


def _read_arm(arm: World, plan: Plan, outcomes: Sequence[str], costs: Costs) -> FloatArray:
    """Run an arm to its horizon: outcomes of the eligible there, then accounts and gains of the pool till then."""
    from simulation.engine import READ, UPPER_SECONDARY_HORIZON, Readings, arrays_of, run_months
    from simulation.reading import FAMILY_COLUMNS, TURNED_21, to_values

    months = plan.horizon_months
    read = Readings.empty(plan.families, 0, months + 1)  # months + 1: so that there is a flow for each month
    run_months(
        *arrays_of(arm),
        months,
        READ,
        np.zeros(FAMILY_COLUMNS),
        read.pool,
        read.eligible,
        read.followed,
        read.flows,
        read.panel,
        read.generation,
        read.ever,
    )
    last = read.eligible[months - 1]
    if months < UPPER_SECONDARY_HORIZON:  # too few have turned 21
        last[TURNED_21] = 0.0
    accounts = _accounts(read.flows, costs)
    gains = _gains(read.pool[:months], accounts, costs)
    return np.concatenate([to_values(last)[[OUTCOME_NAMES.index(name) for name in outcomes]], accounts, gains])


def _accounts(flows: FloatArray, costs: Costs) -> FloatArray:
    """``ACCOUNTS`` of one arm, from its flows (months, flows)."""
    items = costs.items()
    wanted = [(payer, "total") for payer in PAYERS] + [("municipality", "coordinators")]
    columns = [[(item.payer, item.name) for item in items].index(pair) for pair in wanted]
    discounted = costs.discount_factors(len(flows)) @ np.abs(flows)
    return np.asarray(discounted @ costs.matrix()[:, columns])


def _gains(pool: FloatArray, accounts: FloatArray, costs: Costs) -> FloatArray:
    """``GAINS`` of one arm, from the pool's sums (months, columns); of low income and assistance, what there is less of."""
    from simulation.reading import ASSISTED, CHILDREN_LOW, EMPLOYED, IN_ARENA

    years = costs.discount_factors(len(pool)) @ pool / MONTHS_A_YEAR
    taking_part = years[IN_ARENA : IN_ARENA + 3].sum()
    kroner = -accounts[ACCOUNTS.index("family")]
    return np.array([years[EMPLOYED], taking_part, -years[CHILDREN_LOW], -years[ASSISTED], kroner])


def _inputs(asked: Asked, costs: Costs, values: FloatArray) -> str:
    """A hash of what the rows depend on."""
    from simulation.compiled import SOURCE_HASH

    anywhere = replace(asked, plans=tuple(replace(plan, posterior="") for plan in asked.plans))
    own = [hash_source(Path(str(file))) for file in (__file__, costs_module.__file__)]
    digest = hashlib.sha256(json.dumps([SOURCE_HASH, *own, repr(anywhere), repr(costs)]).encode())
    for numbers in (costs.matrix(), values):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    return digest.hexdigest()
