"""``python -m calibration.peers``: does the shape of the ties between families matter?

Children join an arena sooner where the families theirs is tied to take part (``peer_ratio``), which wears down the network
barrier. The ties are a small world: a ring of neighbours, some rewired to anywhere. Here the same families, with the same luck,
get other ties: fewer, none rewired, all of them random, everybody's to the same few. All else is the model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.pages import chosen_study, describe_study, serve
from scenarios.options import Parser

if TYPE_CHECKING:
    from results.style import Picture
    from scenarios.study import Study
    from simulation.municipality import World

Ties = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

PICTURE: Final = "peers"
REPLICATES: Final = 100
MONTHS: Final = 36
NOBODY: Final = 1.0  # the hazard ratio at which peers do nothing
COORDINATORS: Final = 2
CASELOAD: Final = 20


def _ring(own: Ties, steps: Sequence[int]) -> Ties:
    return np.stack([(np.arange(len(own)) + step) % len(own) for step in steps], axis=1)


def _random(own: Ties) -> Ties:
    return np.random.default_rng(1).integers(0, len(own), own.shape)


SHAPES: Final[dict[str, Callable[[Ties], Ties]]] = {
    "small world (the model's)": lambda own: own,
    "ring, four ties": lambda own: _ring(own, (1, -1, 2, -2)),
    "ring, two ties": lambda own: _ring(own, (1, -1, 1, -1)),
    "ring, one tie": lambda own: _ring(own, (1, 1, 1, 1)),
    "random, four ties": _random,
    "everybody to the same four": lambda own: np.tile(np.arange(own.shape[1]), (len(own), 1)),
}


class Shape(NamedTuple):
    """What a shape gives at a strength of peers; each figure with its standard error over replicates."""

    name: str
    ratio: float
    participation: tuple[float, float]
    """share of children of the pool in an arena, without coordinators"""
    apart: tuple[float, float]
    """the same less that of the model's ties, the same replicates with each other"""
    network: tuple[float, float]
    """share of families with the network barrier, without coordinators"""
    effect: tuple[float, float]
    """what coordinators change in the first, in the whole pool"""
    likeness: tuple[float, float]
    """correlation of families with those they are tied to"""


def ratios() -> tuple[float, float, float]:
    """No peers, the default, and the 95 % quantile of the prior."""
    from simulation.parameters import find_parameter

    parameter = find_parameter("peer_ratio")
    return NOBODY, parameter.default, parameter.quantile(0.95)


def one_life(study: Study, shape: str, ratio: float, replicate: int) -> FloatArray:
    """Participation, network barrier, effect and likeness (:class:`Shape`) in a replicate, at default parameters."""
    from simulation.engine import burn_in, new_world, parameter_values, start_arm

    plan = replace(study.arm("ordinary"), posterior="default", parameters={"peer_ratio": ratio})
    world = new_world(plan, study.seed, replicate, parameter_values(plan, study.seed, replicate))
    world.families["peer"] = SHAPES[shape](world.families["peer"].astype(np.int64))
    burn_in(world, plan.burn_in_months)
    ordinary, followed = (
        start_arm(world, plan),
        start_arm(world, replace(plan, coordinators=COORDINATORS, caseload=CASELOAD)),
    )
    for arm in (ordinary, followed):
        burn_in(arm, MONTHS)
    without = _participation(ordinary)
    network = float(ordinary.families["barrier"][:, 1].mean())
    return np.array([without, network, _participation(followed) - without, _likeness(ordinary)])


def _participation(world: World) -> float:
    child: Any = world.families["child"]
    counted = (child["present"] == 1) & (child["age"] >= 12) & (child["age"] < 216)
    return float((child["arena"].sum(axis=2) > 0)[counted].mean())


def _likeness(world: World) -> float:
    share: Any = world.families["taking_part"]
    others = share[world.families["peer"]].mean(axis=1)
    return float(np.corrcoef(share, others)[0, 1]) if others.std() > 0.0 else float("nan")


def shapes(study: Study, replicates: int) -> list[Shape]:
    """Every shape at every strength."""
    found = []
    for ratio in ratios():
        lives = {name: np.array([one_life(study, name, ratio, r) for r in range(replicates)]) for name in SHAPES}
        ours = next(iter(lives.values()))
        for name, values in lives.items():
            figures = (values[:, 0], values[:, 0] - ours[:, 0], values[:, 1], values[:, 2], values[:, 3])
            found.append(Shape(name, ratio, *(_mean(figure) for figure in figures)))
    return found


def _mean(values: FloatArray) -> tuple[float, float]:
    """Mean over replicates and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


# ---- telling --------------------------------------------------------------------------------------------------------


def markdown(study: Study, found: Sequence[Shape], replicates: int, command: str) -> str:
    """A row a shape and strength, with 95 % intervals."""
    lines = [
        f"*Made by `{command}`: profile `{study.profile.name}`, {MONTHS} months, default parameters but for `peer_ratio`, "
        f"{replicates} replicates with the same luck for each shape; coordinators: {COORDINATORS} with {CASELOAD} "
        "families each.*",
        "",
        "| `peer_ratio` | ties | children in an arena, % | apart from the model's, points | network barrier, % | "
        "change by coordinators, points | likeness |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for s in found:
        cells = [f"{s.ratio:.2f}", s.name]
        for (mean, error), digits in ((s.participation, 1), (s.apart, 2), (s.network, 1), (s.effect, 2)):
            cells.append(f"{100 * mean:.{digits}f} ± {196 * error:.{digits}f}")
        like = "-" if np.isnan(s.likeness[0]) else f"{s.likeness[0]:.2f} ± {1.96 * s.likeness[1]:.2f}"
        lines.append(f"| {' | '.join([*cells, like])} |")
    return "\n".join(lines)


def draw(found: Sequence[Shape]) -> Picture:
    """Participation and what coordinators change in it, by shape and strength."""
    from matplotlib.figure import Figure

    from results.style import WIDTH, arm_style, finish, header, style

    title = "Whether peers matter counts; the shape of the ties hardly does"
    note = (
        "The whole pool after three years, default parameters but for peer_ratio; 95 % intervals over replicates, which share "
        "their luck between shapes."
    )
    names = list(SHAPES)
    with style():
        figure = Figure(figsize=(WIDTH, 4.6))
        panels = figure.subplots(1, 2, sharey=True)
        figure.subplots_adjust(left=0.24, right=0.98, top=0.79, bottom=0.24, wspace=0.08)
        for k, ratio in enumerate(ratios()):
            chosen = [s for s in found if s.ratio == ratio]
            rows = np.arange(len(names))[::-1] + 0.22 * (1 - k)
            look = arm_style(k)
            for panel, values in zip(
                panels, ([s.participation for s in chosen], [s.effect for s in chosen]), strict=True
            ):
                middle, error = 100.0 * np.array(values).T
                panel.errorbar(
                    middle,
                    rows,
                    xerr=1.96 * error,
                    fmt=look["marker"],
                    color=look["color"],
                    label=f"peer_ratio {ratio:.2f}",
                )
        panels[0].set_yticks(np.arange(len(names))[::-1], names)
        panels[0].set_xlabel("children in an arena, %")
        panels[1].set_xlabel("change by coordinators, percentage points")
        panels[1].axvline(0.0, color="black", linewidth=0.8)
        panels[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


# ---- from the command line ------------------------------------------------------------------------------------------


def describe(parser: Parser) -> None:
    """The command's own options."""
    describe_study(parser, REPLICATES)


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Compare shapes of the ties between families, at three strengths of peers."""
    study = chosen_study(args)
    found = shapes(study, args.replicates)
    return markdown(study, found, args.replicates, command), draw(found)


if __name__ == "__main__":
    sys.exit(serve("peers", describe, make))
