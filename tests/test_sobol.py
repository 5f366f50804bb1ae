"""Sobol's indices: functions of known indices, through the same code path, with and without chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import sobol as salib
from SALib.test_functions import Ishigami, Sobol_G

from calibration.sobol import Design, converging, design, indices, with_chance
from simulation.outcomes import FloatArray

G = [0.0, 1.0, 4.5, 9.0, 99.0]
Function = Callable[[FloatArray], FloatArray]


def ishigami(u: FloatArray) -> FloatArray:
    return np.asarray(Ishigami.evaluate(np.pi * (2.0 * u - 1.0)))


def ishigami_indices() -> tuple[FloatArray, FloatArray, FloatArray]:
    """First order, total, and the one second-order index that is not zero (first and third), in closed form."""
    a, b = 7.0, 0.1
    first = 0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2
    second, both = a**2 / 8.0, b**2 * np.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    whole = first + second + both
    s1 = np.array([first, second, 0.0]) / whole
    return s1, s1 + np.array([both, 0.0, both]) / whole, np.array([both / whole])


def g_indices() -> tuple[FloatArray, FloatArray]:
    v = 1.0 / (3.0 * (1.0 + np.array(G)) ** 2)
    whole = np.prod(1.0 + v) - 1.0
    return v / whole, v * np.prod(1.0 + v) / (1.0 + v) / whole


def noisy(function: Function, made: Design, chance: float, replicates: int, seed: int = 1) -> FloatArray:
    """Outputs with luck that points of a base sample share in part, as families under common random numbers do."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((made.samples, replicates))[made.blocks]
    own = rng.standard_normal((len(made.u), replicates))
    return np.asarray(function(made.u)[:, None] + chance * (shared + own) / np.sqrt(2.0))


def of(table: pd.DataFrame, index: str) -> pd.DataFrame:
    return table[table["index"] == index].reset_index(drop=True)


def holds(rows: pd.DataFrame, truth: FloatArray) -> bool:
    return bool(((rows["low"] <= truth) & (truth <= rows["high"])).all())


def test_ishigami_has_its_analytic_indices_within_the_intervals() -> None:
    made = design(["x1", "x2", "x3"], 1024, seed=1)
    table = indices(made, ishigami(made.u)[:, None], seed=1)
    s1, st, s13 = ishigami_indices()
    assert holds(of(table, "S1"), s1)
    assert holds(of(table, "ST"), st)
    second = of(table, "S2")
    assert holds(second, np.array([0.0, s13[0], 0.0]))
    assert (table["high"] - table["low"]).max() < 0.45  # and the intervals say something
    assert of(table, "share")["value"][0] == 0.0


def test_sobol_g_has_its_analytic_indices_within_the_intervals() -> None:
    made = design([f"x{i}" for i in range(5)], 1024, seed=1)
    table = indices(made, Sobol_G.evaluate(made.u, a=np.array(G))[:, None], seed=1)
    s1, st = g_indices()
    assert holds(of(table, "S1"), s1)
    assert holds(of(table, "ST"), st)


def test_without_chance_the_indices_are_those_of_salib_from_both_sides() -> None:
    made = design(["x1", "x2", "x3"], 128, seed=1)
    y = ishigami(made.u)
    problem = {"num_vars": 3, "names": ["x1", "x2", "x3"], "bounds": [[0.0, 1.0]] * 3}
    # SALib centres by the mean of all points, here by that of A and B alone: moved so that both do the same.
    blocks = y.reshape(-1, made.step)
    ends = blocks[:, [0, -1]].mean()
    blocks = np.where(
        np.isin(np.arange(made.step), [0, made.step - 1]), blocks, blocks + (ends - blocks[:, 1:-1].mean())
    )
    turned = blocks[:, [7, 4, 5, 6, 1, 2, 3, 0]]  # B, BA, AB, A
    one, other = (salib.analyze(problem, side.ravel(), seed=2) for side in (blocks, turned))
    for replicates in (1, 2, 5):
        ours = indices(made, np.repeat(blocks.reshape(-1, 1), replicates, axis=1), seed=1)
        for index in ("S1", "ST"):
            np.testing.assert_allclose(
                of(ours, index)["value"], 0.5 * (one[index] + other[index]), rtol=1e-9, atol=1e-12
            )
        second = [0.5 * (one["S2"] + other["S2"])[i, j] for i, j in ((0, 1), (0, 2), (1, 2))]
        np.testing.assert_allclose(of(ours, "S2")["value"], second, rtol=1e-9, atol=1e-12)
    table = with_chance(made, y[:, None], seed=1)
    theirs = salib.analyze(problem, y, seed=2)
    np.testing.assert_array_equal(of(table, "ST")["value"], theirs["ST"])
    np.testing.assert_array_equal(of(table, "S2")["value"], theirs["S2"][np.triu_indices(3, 1)])


def test_chance_inflates_total_effects_and_is_taken_out() -> None:
    made = design(["x1", "x2", "x3", "nothing"], 512, seed=3)
    y = noisy(ishigami, made, chance=6.0, replicates=4)
    s1, st, _ = (np.append(truth, 0.0) for truth in ishigami_indices())
    plain, ours = of(with_chance(made, y, seed=1), "ST"), of(indices(made, y, seed=1), "ST")
    assert plain["low"][3] > 0.1  # what is wired to nothing seems to matter, since it reshuffles chance
    assert holds(ours, st)
    assert holds(of(indices(made, y, seed=1), "S1"), s1)
    share = of(indices(made, y, seed=1), "share").iloc[0]
    truth = 6.0**2 / 4 / (6.0**2 / 4 + ishigami(np.random.default_rng(0).random((100_000, 3))).var())
    assert share["low"] < truth < share["high"]


@pytest.mark.parametrize("chance", [0.0, 4.0])
def test_intervals_cover_as_often_as_they_say(chance: float) -> None:
    s1, st, _ = ishigami_indices()
    inside = []
    for seed in range(40):
        made = design(["x1", "x2", "x3"], 128, seed=seed, second_order=False)
        y = noisy(ishigami, made, chance, 4, seed) if chance else ishigami(made.u)[:, None]
        table = indices(made, y, seed=seed)
        for index, truth in (("S1", s1), ("ST", st)):
            rows = of(table, index)
            inside += ((rows["low"] <= truth) & (truth <= rows["high"])).tolist()
    assert np.mean(inside) > 0.88  # 95 % wanted; 240 intervals that are not independent of each other


def test_what_is_wired_to_nothing_has_indices_of_exactly_zero() -> None:
    made = design(["x1", "nothing"], 64, seed=1)
    y = noisy(lambda u: u[:, 0], made, 0.0, 3)
    luck = 0.2 * np.random.default_rng(2).standard_normal((made.samples, 3))[made.blocks]  # of a base sample
    table = indices(made, y + luck, seed=1)
    rows = table[(table["parameter"] == "nothing") & table["index"].isin(["S1", "ST"])]
    assert rows[["value", "low", "high"]].abs().to_numpy().max() < 1e-12


def test_where_chance_hides_everything_there_are_no_indices() -> None:
    made = design(["x1", "x2"], 64, seed=1)
    y = np.random.default_rng(1).standard_normal((len(made.u), 4))
    table = indices(made, y, seed=1)
    assert of(table, "S1")["value"].isna().all()
    assert of(table, "share")["high"][0] == 1.0
    assert indices(made, np.zeros((len(made.u), 4)), seed=1)["value"].isna().all()


def test_groups_have_the_indices_of_their_factors_together() -> None:
    made = design(["x1", "x2", "x3"], 512, seed=1, second_order=False, groups=["a", "b", "a"])
    assert made.names == ("a", "b")
    table = indices(made, ishigami(made.u)[:, None], seed=1)
    s1, st, s13 = ishigami_indices()
    assert holds(of(table, "S1"), np.array([s1[0] + s1[2] + s13[0], s1[1]]))
    assert holds(of(table, "ST"), np.array([1.0 - s1[1], st[1]]))


def test_a_base_sample_with_nobody_to_measure_is_left_out() -> None:
    made = design(["x1", "x2", "x3"], 64, seed=1)
    y = np.repeat(ishigami(made.u)[:, None], 2, axis=1)
    lacking = y.copy()
    lacking[5 * made.step + 3, 1] = np.nan
    kept = np.delete(np.arange(len(y)), np.arange(5 * made.step, 6 * made.step))
    smaller = Design(made.names, made.u[kept], True)
    pd.testing.assert_frame_equal(indices(made, lacking, seed=1), indices(smaller, y[kept], seed=1))


def test_convergence_ends_at_the_whole_design() -> None:
    made = design(["x1", "x2", "x3"], 64, seed=1)
    y = ishigami(made.u)[:, None]
    table = converging(made, y, seed=1)
    assert sorted(set(table["samples"])) == [16, 32, 64]
    last = table[table["samples"] == 64]
    np.testing.assert_array_equal(last["value"], indices(made, y, seed=1).query("index in ('S1', 'ST')")["value"])
