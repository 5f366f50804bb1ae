"""Made-up tables of a sensitivity analysis, with the columns of ``sensitivity.csv`` and ``convergence.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.factors import GROUPS
from calibration.priors import uncertain
from simulation.outcomes import OUTCOMES

WORK = "employed_share"
FOUR = (WORK, "disposable_income", "child_participation_share", "children_in_low_income_share")
NAMES = tuple(parameter.name for parameter in uncertain())
TOP = (
    *("work_support_ratio", "trust_floor", "dose_half", "programme_strength.familiepluss", "net_hours", "job_entry"),
    *("entry_hazard_ratio.violence", "course_half_life", "child_application_ratio", "unemployment_end"),
    *("claim_support.advance_child_support", "wrong_order_dropout_ratio"),
)
UNITS = {outcome.name: outcome.unit for outcome in OUTCOMES}


def of(outcome: str) -> float:
    """A size that is usual in the outcome's unit."""
    return 0.004 if UNITS[outcome].startswith("share") else 150.0


def sensitivity(
    outcomes: Sequence[str] = FOUR, contrast: str = "10 vs 20, same staff", strong: float = 1.0, seed: int = 1
) -> pd.DataFrame:
    """Every method; ``strong`` 1: a few parameters stand out, 0: chance hides all of them."""
    rng, rows = np.random.default_rng(seed), []

    def row(outcome: str, method: str, index: str, parameter: str, value: float, half: float, **more: Any) -> None:
        low = max(value - half, 0.0) if index in ("strength", "mu_star", "sigma") else value - half
        first = {"contrast": contrast, "outcome": outcome, "unit": UNITS[outcome], "method": method, "index": index}
        ends = {"value": value, "low": low, "high": value + half}
        rows.append(first | {"parameter": parameter, "second": None} | more | ends)

    for outcome in outcomes:
        unit = of(outcome)
        effect = {name: strong * unit * 3.0 / (k + 1) ** 1.2 for k, name in enumerate(TOP)}
        for name in NAMES:
            true, noise = effect.get(name, 0.0), float(abs(rng.normal(0, 0.25 * unit)))
            row(outcome, "morris", "mu_star", name, true + unit + noise, 0.3 * unit)
            row(outcome, "morris", "sigma", name, 1.2 * unit + 0.5 * true + noise, 0.3 * unit)
            row(outcome, "morris", "mu", name, true, 0.3 * unit)
            strength = true if true > 0.3 * unit else max(noise - 0.2 * unit, 0.0)
            row(outcome, "morris", "strength", name, strength, 0.45 * unit)
            row(outcome, "draws", "slope", name, 0.4 * true + float(rng.normal(0, 0.08 * unit)), 0.25 * unit)
            row(outcome, "draws", "pawn", name, 0.1 + 0.1 * true / unit + 0.02 * float(rng.random()), 0.03)
            row(outcome, "draws", "S1", name, 0.05 * true / unit, 0.04)
        row(outcome, "draws", "pawn", "dummy", 0.1, 0.03)
        row(outcome, "draws", "share", "chance", 0.86, 0.02)
        row(outcome, "tornado", "value", "middle", 2.0 * unit, 0.2 * unit)
        for k, name in enumerate(TOP):
            true = effect[name] * (-1) ** k
            ends = [(end, 2.0 * unit + sign * true + float(rng.normal(0, 0.1 * unit))) for end, sign in ENDS]
            for end, value in ends:
                row(outcome, "tornado", end, name, value, 0.35 * unit)
            row(outcome, "tornado", "swing", name, ends[1][1] - ends[0][1], 0.5 * unit)
            share = strong * 0.4 / (k + 1) ** 1.3
            row(outcome, "sobol", "S1", name, 0.8 * share + float(rng.normal(0, 0.02)), 0.08)
            row(outcome, "sobol", "ST", name, share + float(rng.normal(0, 0.02)) * (strong == 0), 0.1)
            for other in TOP[k + 1 :]:
                both = strong * 0.12 / (k + 1) ** 2 if other in TOP[:3] else float(rng.normal(0, 0.01))
                row(outcome, "sobol", "S2", name, both, 0.05, second=other)
        for k, group in enumerate(GROUPS):
            share = strong * 0.6 / (k + 1) ** 1.5
            row(outcome, "sobol_groups", "S1", group, 0.9 * share, 0.08)
            row(outcome, "sobol_groups", "ST", group, share, 0.1)
        for method in ("sobol", "sobol_groups"):
            row(outcome, method, "share", "chance", 0.7 + 0.1 * float(rng.random()), 0.05)
    return pd.DataFrame(rows).assign(group="", grade="", link="", samples=256, replicates=10)


ENDS = (("low_end", -1), ("high_end", 1))


def convergence(outcomes: Sequence[str] = FOUR, contrast: str = "10 vs 20, same staff", seed: int = 2) -> pd.DataFrame:
    """Sobol's and Morris' indices of the top ones at four N."""
    rng, rows = np.random.default_rng(seed), []
    for outcome in outcomes:
        for method, index, size in (("morris", "strength", of(outcome)), ("sobol", "ST", 0.3), ("sobol", "S1", 0.3)):
            for k, name in enumerate(TOP):
                for samples in (32, 64, 128, 256):
                    half = size * 3.0 / np.sqrt(samples)
                    value = size / (k + 1) + 0.3 * half * float(rng.normal())
                    head = {"contrast": contrast, "outcome": outcome, "method": method, "index": index}
                    ends = {"value": value, "low": value - half, "high": value + half}
                    rows.append(head | {"parameter": name, "samples": samples} | ends)
    return pd.DataFrame(rows)
