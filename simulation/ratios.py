"""Ratios and strengths: what a log ratio multiplies a hazard by, and when what fades is gone."""

from __future__ import annotations

import math
from typing import Final

from simulation.compiled import small

NEXT_TO_NOTHING: Final = 1e-4


@small
def ratio(log_ratio):  # type: ignore[no-untyped-def]
    """The ratio of a log ratio; most are 0, where nothing is asked of the exponential function."""
    return 1.0 if log_ratio == 0.0 else math.exp(log_ratio)


@small
def faded(strength):  # type: ignore[no-untyped-def]
    """A strength that fades by half-lives is gone when there is next to nothing of it."""
    return strength if strength > NEXT_TO_NOTHING else 0.0
