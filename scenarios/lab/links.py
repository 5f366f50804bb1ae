"""The strength of each link from coordinator to outcome, from none to as strong as the literature lets it be.

A link that is left alone is as drawn: uncertain, as in every study. A link that is set has no uncertainty left.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Final

from scenarios.lab.lever import Lever
from simulation.parameters import Parameter, load_parameters

ENDS: Final = (0.025, 0.975)  # of the prior
STEPS: Final = 50  # of a slider, at least


def link_levers() -> tuple[Lever, ...]:
    """A lever for each parameter that is marked as a link and uncertain.

    A slider goes from the prior's 2.5 % to its 97.5 %, to two digits, and always reaches the value at which the link does
    nothing. Where a link may help or harm (a hazard ratio), both are within reach. A link that the literature says nothing of
    has a fixed value and no lever.
    """
    return tuple(_levers())


def _levers() -> Iterator[Lever]:
    for parameter in load_parameters():
        if parameter.none is None or parameter.prior is None:
            continue
        (low, high), known = ends(parameter), _known(parameter)
        yield Lever(
            name=f"links.{parameter.name}",
            group="links",
            key=f"parameters.{parameter.name}",
            kind="number",
            low=low,
            high=high,
            step=_step(high - low),
            optional=True,
            unit=parameter.unit,
            told=(
                ("none", parameter.none),
                ("default", parameter.default),
                ("low", known[0]),
                ("high", known[1]),
                ("grade", parameter.grade),
            ),
        )


def ends(parameter: Parameter) -> tuple[float, float]:
    """The weakest and the strongest that a slider reaches, in the parameter's unit."""
    low, high = _known(parameter)
    none = low if parameter.none is None else parameter.none
    return min(low, none), max(high, none)


def _known(parameter: Parameter) -> tuple[float, float]:
    """The middle 95 % of the prior, to two digits."""
    low, high = (float(f"{parameter.quantile(u):.2g}") for u in ENDS)
    return low, high


def _step(span: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that gives so many steps."""
    most = span / STEPS
    power = math.floor(math.log10(most))
    return max(float(f"{digit}e{power}") for digit in (1, 2, 5) if float(f"{digit}e{power}") <= most)


@functools.cache
def _off() -> dict[str, float]:
    return {p.name: p.none for p in load_parameters() if p.none is not None and p.prior is not None}


def switched_off() -> dict[str, float]:
    """Every link at the value at which it does nothing: a coordinator who changes nothing, the sceptic's."""
    return dict(_off())
