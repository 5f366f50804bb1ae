"""How long a simulated trial takes: ``python -m calibration.trial_speed``, the HOLF design at 150,000 family-months.

Best of several trials, one core: other work on the machine only makes them slower. Estimates are timed beside them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Final

from calibration.design import Design, load_design
from calibration.estimates import CONTRASTS, MEASURED, estimate, estimates, months_of
from calibration.trial import Trial, simulate

FAMILIES: Final = 75  # in the pool of an office
BURN_IN: Final = 38  # months
TRIALS: Final = 20


def bench_design() -> Design:
    """29 offices of 75 families over 38 + 1 + 30 months."""
    design = load_design("holf")
    changes = {"pool": (FAMILIES, FAMILIES), "burn_in_months": BURN_IN}
    return design.model_copy(update={"trial": design.trial.model_copy(update=changes)})


def family_months(design: Design) -> int:
    """In one trial: burn-in, the month of the draw, and the months that are followed."""
    return design.offices * FAMILIES * (design.trial.burn_in_months + 1 + design.trial.months)


def quick(trial: Trial, design: Design) -> None:
    """Every estimate, by the quick way."""
    for outcome in MEASURED:
        for month in months_of(outcome, design):
            for contrast in CONTRASTS:
                estimate(trial, outcome, contrast, month, quick=True)


def best(work: Callable[[int], object], times: int = TRIALS) -> float:
    """Milliseconds of the fastest, after one that is not counted."""
    found = []
    for number in range(times + 1):
        began = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - began)
    return 1000.0 * min(found[1:])


def main() -> None:
    """Print milliseconds."""
    design = bench_design()
    trial = simulate(design, 0)
    print(f"{family_months(design):,} family-months in a trial")
    print(f"simulate     {best(lambda number: simulate(design, number)):6.1f} ms")
    print(f"statsmodels  {best(lambda number: list(estimates(trial, design)), 5):6.1f} ms")
    print(f"quick        {best(lambda number: quick(trial, design), 5):6.1f} ms")


if __name__ == "__main__":
    main()
