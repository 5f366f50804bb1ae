"""Parameters as standard normal numbers: the space in which priors are all alike, and in which a fit is made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from simulation.outcomes import FloatArray
from simulation.parameters import Parameter, load_parameters

Z90 = 1.6448536269514722
EDGE = 1e-9  # of a probability: an end of a uniform prior is not infinitely far away


def uncertain() -> tuple[Parameter, ...]:
    """The parameters that have a prior, in the file's order."""
    return tuple(parameter for parameter in load_parameters() if parameter.prior is not None)


def to_normal(parameter: Parameter, values: FloatArray) -> FloatArray:
    """Where values stand in the prior, as standard normal numbers. Any shape."""
    family, low, high = _prior(parameter)
    x = np.asarray(values, np.float64)
    if family == "uniform":
        return np.asarray(ndtri(np.clip((x - low) / (high - low), EDGE, 1.0 - EDGE)))
    a, b, x = (_to_line(family, value) for value in (low, high, x))
    return np.asarray((x - 0.5 * (a + b)) / (0.5 * (b - a)) * Z90)


def from_normal(parameter: Parameter, z: FloatArray) -> FloatArray:
    """Values in the stated unit from standard normal numbers; the inverse of :func:`to_normal`."""
    family, low, high = _prior(parameter)
    if family == "uniform":
        return np.asarray(low + (high - low) * ndtr(z))
    a, b = _to_line(family, low), _to_line(family, high)
    return _from_line(family, 0.5 * (a + b) + 0.5 * (b - a) * np.asarray(z, np.float64) / Z90)


def columns_to_normal(names: Sequence[str], values: FloatArray) -> FloatArray:
    """Some parameters of many draws, (draws, P) in stated units, as standard normal numbers. (draws, len(names))"""
    place = {parameter.name: i for i, parameter in enumerate(load_parameters())}
    every = load_parameters()
    return np.column_stack([to_normal(every[place[name]], values[:, place[name]]) for name in names])


def _prior(parameter: Parameter) -> tuple[str, float, float]:
    if parameter.prior is None:
        raise ValueError(f"{parameter.name} has no prior")
    return parameter.prior


def _to_line(family: str, x: FloatArray | float) -> FloatArray:
    if family == "log_normal":
        return np.asarray(np.log(x))
    if family == "logit_normal":
        return np.asarray(np.log(x) - np.log1p(-np.asarray(x)))
    return np.asarray(x, np.float64)


def _from_line(family: str, x: FloatArray) -> FloatArray:
    if family == "log_normal":
        return np.asarray(np.exp(x))
    if family == "logit_normal":
        return np.asarray(1.0 / (1.0 + np.exp(-x)))
    return x
