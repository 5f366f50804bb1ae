"""What is uncertain, as a sensitivity analysis takes it: named numbers between 0 and 1, each with its distribution.

A fitted parameter has the distribution of its posterior draws, any other that has a prior its prior. Here each is varied by
itself: what the draws say about pairs of parameters is seen only by methods that take the draws as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.priors import from_normal, uncertain
from scenarios.study import Study
from simulation.errors import InputError, nearest
from simulation.outcomes import FloatArray
from simulation.parameters import Parameter, default_values, find_parameter, parameter_names
from simulation.posterior import load_posterior

EDGE: Final = 0.05
"""Quantile at which a range ends: one parameter is moved over the middle 90 % of its distribution."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "coordinator": ("coordinator", "intake"),
    "barriers": ("barriers",),
    "services": ("services",),
    "labour market": ("work",),
    "income rules": ("assistance", "benefits"),
    "families and children": ("population", "children", "peers"),
}
"""The groups of a sensitivity analysis, from those of ``parameters.toml``."""


@dataclass(frozen=True)
class Factors:
    """What may be varied, and how. D factors, P parameters of the model."""

    names: tuple[str, ...]
    posterior: str
    """``prior``, or a file of posterior draws"""

    def values(self, u: FloatArray, names: Sequence[str] | None = None) -> FloatArray:
        """Points from probabilities: (N, len(names)) to (N, P) in stated units; what is not named stays in its middle.

        Parameters
        ----------
        u : (N, len(names)) quantiles, 0..1
        names : some of the factors; all by default
        """
        whole = np.tile(self.middle(), (len(u), 1))
        place = {name: i for i, name in enumerate(parameter_names())}
        for column, name in enumerate(self.names if names is None else names):
            whole[:, place[name]] = self.quantile(name, u[:, column])
        return whole

    def middle(self) -> FloatArray:
        """Every parameter at the median of its distribution, (P,)."""
        values = default_values()
        place = {name: i for i, name in enumerate(parameter_names())}
        for name in {parameter.name for parameter in uncertain()} | set(self._fitted()):
            values[place[name]] = self.quantile(name, np.array([0.5]))[0]
        return values

    def quantile(self, name: str, u: FloatArray) -> FloatArray:
        """Quantiles of one factor, in its stated unit."""
        fitted = self._fitted()
        if name not in fitted:
            from scipy.special import ndtri

            return from_normal(find_parameter(name), ndtri(np.clip(u, 1e-9, 1.0 - 1e-9)))
        values, weight = fitted[name]
        order = np.argsort(values, kind="stable")
        at = np.cumsum(weight[order]) - 0.5 * weight[order]
        return np.asarray(np.interp(u, at / weight.sum(), values[order]))

    def _fitted(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Draws and weights of every fitted parameter."""
        if self.posterior in ("prior", "default"):
            return {}
        positions, rows, cumulative = load_posterior(self.posterior)
        weight = np.diff(cumulative, prepend=0.0)
        names = parameter_names()
        return {names[position]: (rows[:, i], weight) for i, position in enumerate(positions)}


def factors_of(study: Study, names: Sequence[str] = ()) -> Factors:
    """All that is uncertain in a study, or those that are named.

    Raises
    ------
    InputError : an unknown parameter, one that is fixed, held by the study or named twice, or fewer than two
    """
    posterior, held = study.arms[0].posterior, study.arms[0].parameters
    known = [parameter.name for parameter in _free(study)]
    for name in names:
        if name not in parameter_names():
            raise InputError(
                "there is no such parameter", key=f"--parameters {name[:80]}", allowed=nearest(name[:80], known)
            )
        if name in held:
            problem = f"is held at {held[name]:g} by the study"
            raise InputError(
                problem, key=f"--parameters {name}", allowed=f"without parameters.{name}, or another parameter"
            )
        if name not in known:
            raise InputError(_why_fixed(study, name), key=f"--parameters {name}", allowed=nearest(name, known))
        if list(names).count(name) > 1:
            raise InputError("is named twice", key=f"--parameters {name}", allowed="each parameter once")
    chosen = tuple(names) or tuple(known)
    if len(chosen) < 2:
        raise InputError("fewer than two parameters", key="--parameters", allowed="at least two to compare")
    return Factors(chosen, posterior)


def _free(study: Study) -> list[Parameter]:
    """Parameters that the study leaves uncertain."""
    plan = study.arms[0]
    fitted = _fitted_names(plan.posterior)
    found = [p for p in map(find_parameter, parameter_names()) if p.prior is not None or p.name in fitted]
    return [p for p in found if p.name not in plan.parameters and (plan.links or not p.link)]


def _fitted_names(posterior: str) -> set[str]:
    if posterior in ("prior", "default"):
        return set()
    names = parameter_names()
    return {names[position] for position in load_posterior(posterior)[0]}


def _why_fixed(study: Study, name: str) -> str:
    plan = study.arms[0]
    if not plan.links and find_parameter(name).link:
        return "is a link, and the study switches the links off"
    if plan.posterior == "prior":
        return "is fixed: it has no prior"
    return f"is fixed: the posterior {plan.posterior.rpartition('/')[2]} has no column of it, and it has no prior"


def group_of(name: str) -> str:
    """The group of a parameter: one of ``GROUPS``."""
    group = find_parameter(name).group
    return next(ours for ours, theirs in GROUPS.items() if group in theirs)


def by_group(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The factors of each group that has any."""
    found = {group: tuple(name for name in names if group_of(name) == group) for group in GROUPS}
    return {group: members for group, members in found.items() if members}
