"""A point of a sensitivity analysis is a run of the study: the same numbers, however its burn-in was shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.factors import Factors
from calibration.points import Asked, block_effects, effects, later
from scenarios.study import Study, load_study
from simulation.engine import burn_in, new_world, parameter_values, run_arms
from simulation.outcomes import OUTCOME_NAMES, FloatArray
from simulation.parameters import load_parameters, parameter_names, prior_values

OUTCOMES = ("employed_share", "disposable_income", "child_participation_share", "children_in_low_income_share")
SMALL = ("pool.families=60", "study.horizon_months=12", "study.burn_in_months=24", 'study.posterior="prior"')


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("caseload-10-vs-20", SMALL)


def asked_of(study: Study, replicates: int = 2) -> Asked:
    return Asked.of(study, [study.contrasts[0][0], study.contrasts[1][0]], OUTCOMES, replicates)


def test_a_point_is_what_a_run_of_the_study_gives(study: Study) -> None:
    asked = asked_of(study)
    values = np.stack([parameter_values(study.arms[0], study.seed, draw) for draw in (0, 1)])
    found = effects(asked, values, np.arange(2))
    place = {plan.name: i for i, plan in enumerate(study.arms)}
    columns = [OUTCOME_NAMES.index(name) for name in OUTCOMES]
    for draw in (0, 1):
        for r in (0, 1):
            run = run_arms(study.arms, (), replicate=2 * draw + r, seed=study.seed, draw=draw).study[:, 1, -1][
                :, columns
            ]
            for c, (_, one, other) in enumerate(asked.contrasts):
                np.testing.assert_array_equal(found[draw, r, c], run[place[one]] - run[place[other]])


def test_points_of_a_block_are_what_each_is_alone(study: Study) -> None:
    asked = asked_of(study)
    values = _around(prior_values(1, 3), ("dose_half", "job_entry", "claim_rate", "trust_start", "recovery.health"))
    together = block_effects(asked, values, 5)
    for i in range(len(values)):
        np.testing.assert_array_equal(together[i], block_effects(asked, values[i : i + 1], 5)[0])
    assert len({effect.tobytes() for effect in together}) > 3  # the points do differ


def _around(middle: FloatArray, names: tuple[str, ...]) -> FloatArray:
    values = np.tile(middle, (2 * len(names) + 1, 1))
    for k, name in enumerate(names):
        i = parameter_names().index(name)
        values[2 * k + 1, i], values[2 * k + 2, i] = (load_parameters()[i].quantile(u) for u in (0.05, 0.95))
    return values


def test_what_shares_a_burn_in_changes_no_byte_of_it(study: Study) -> None:
    plan = replace(study.arms[0], burn_in_months=24, families=40)
    middle = prior_values(1, 0)
    expected = _world(plan, middle)
    for i in np.flatnonzero(later()):
        parameter = load_parameters()[i]
        for u in (0.02, 0.98):
            moved = middle.copy()
            moved[i] = parameter.quantile(u) if parameter.prior else parameter.default * 1.5
            assert _world(plan, moved) == expected, parameter.name


def test_what_does_not_share_it_matters_before_month_0() -> None:
    assert not later()[parameter_names().index("trust_start")]
    assert not later()[parameter_names().index("job_entry")]


def _world(plan: object, values: FloatArray) -> bytes:
    world = new_world(plan, 1, 0, values)  # type: ignore[arg-type]
    burn_in(world, 24)
    arrays = (world.families, world.services, world.town, world.waiting, world.placed)
    return b"".join(array.tobytes() for array in arrays)


def test_factors_have_the_quantiles_of_their_distribution() -> None:
    study = load_study("caseload-10-vs-20")
    factors = Factors(("job_entry", "dose_half", "birth"), study.arms[0].posterior)
    draws = np.array([parameter_values(study.arms[0], 1, draw) for draw in range(2000)])
    u = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    for name in factors.names:
        column = draws[:, parameter_names().index(name)]
        below = [(column <= value).mean() for value in factors.quantile(name, u)]
        np.testing.assert_allclose(below, u, atol=4.0 * np.sqrt(0.25 / 2000))
    middle = factors.middle()
    assert middle[parameter_names().index("birth")] == pytest.approx(np.sqrt(0.06 * 0.16))
