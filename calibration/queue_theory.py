"""``python -m calibration.queue_theory``: a service by itself against queueing theory, as its step shrinks from a month to a day.

Other residents ask for a place by a Poisson stream, stay, and give up, by the rules of the model (``simulation.service``).
By itself that is a chain whose law is known in every step, and in continuous time the queue of Erlang: M/M/c, or M/M/c+M where
who waits may give up (Erlang A). The rates are given to the rules per step, so a step of a day is the same service looked at
daily. Four ways to the same figure:

- *chain*: the stationary law of the exact chain of steps;
- *model*: the rules, run;
- *Erlang*: the formula in continuous time;
- *Ciw*: an independent simulation in continuous time (Palmer, Knight, Harper & Hawa 2019; comes with ``[test]``).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.pages import serve
from scenarios.options import Parser, whole_number

if TYPE_CHECKING:
    from results.style import Picture
    from simulation.municipality import World

FloatArray = npt.NDArray[np.float64]

PICTURE: Final = "queue-theory"
MONTH_DAYS: Final = 30
STEPS: Final = (1, 2, 4, 10, 30)  # to a month: a month, half of it, about a week, three days, a day
MONTHS: Final = 3000  # of the model, in each of its eight services
CIW_MONTHS: Final = 60_000
WARM_UP: Final = 240  # months before anything is counted
RARE: Final = 1e-10  # what a chain may leave out


class Setting(NamedTuple):
    """A service by itself: ``arrivals`` a month, mean ``stay`` in months, ``patience`` as a rate a month (0: endless)."""

    places: int
    arrivals: float
    stay: float
    patience: float

    @property
    def load(self) -> float:
        """Offered load, as a share of the places."""
        return self.arrivals * self.stay / self.places


SETTINGS: Final = (
    Setting(1, 0.10, 5.0, 0.0),
    Setting(5, 0.70, 5.0, 0.0),
    Setting(38, 4.00, 8.0, 0.0),
    Setting(38, 4.50, 8.0, 0.0),
    Setting(5, 0.60, 8.0, 0.05),
    Setting(10, 3.00, 4.0, 0.10),
    Setting(38, 5.00, 8.0, 0.02),
    Setting(52, 6.00, 8.0, 0.02),
)


class Queue(NamedTuple):
    """What a queue is like in the long run."""

    use: float
    """share of the places taken"""
    wait: float
    """months waited by who asks, whether a place came or not: the mean queue over the arrivals (Little's law)"""


# ---- theory ---------------------------------------------------------------------------------------------------------


def erlang_c(places: int, offered: float) -> float:
    """The chance of having to wait in M/M/c (Erlang C), ``offered`` = arrivals x stay < places; by Erlang B's recursion."""
    blocked = 1.0
    for n in range(1, places + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1.0 - (offered / places) * (1.0 - blocked))


def erlang(setting: Setting) -> Queue:
    """M/M/c by Erlang C; with patience M/M/c+M (Erlang A), by the balance of births and deaths."""
    c, arrivals, stay, patience = setting
    offered = arrivals * stay
    if patience == 0.0:
        return Queue(offered / c, erlang_c(c, offered) * stay / (c - offered))
    n = np.arange(1, c + 5000)
    leaving = np.minimum(n, c) / stay + np.maximum(n - c, 0) * patience
    logs = np.concatenate([[0.0], np.cumsum(np.log(arrivals) - np.log(leaving))])
    law = np.exp(logs - logs.max())
    return _queue(law / law.sum(), c, arrivals)


def _queue(law: FloatArray, places: int, arrivals: float) -> Queue:
    """From the law of the number in place and waiting."""
    n = np.arange(len(law))
    return Queue(float(law @ np.minimum(n, places)) / places, float(law @ np.maximum(n - places, 0)) / arrivals)


# ---- the exact chain of steps ---------------------------------------------------------------------------------------


def chain(places: int, arrivals: float, ending: float, patience: float, most: int) -> FloatArray:
    """Transition matrix of the number in place and waiting, 0..places + most, over a step; all rates are per step.

    In a step stays end, some who wait give up, a Poisson number asks, and free places go to the list.
    """
    from scipy import stats

    size = places + most + 1
    asks = stats.poisson.pmf(np.arange(size), arrivals)
    ends, tires = 1.0 - math.exp(-ending), 1.0 - math.exp(-patience)
    matrix = np.zeros((size, size))
    for n in range(size):
        placed, waiting = min(n, places), max(n - places, 0)
        stays = stats.binom.pmf(np.arange(placed + 1), placed, 1.0 - ends)
        keeps = stats.binom.pmf(np.arange(waiting + 1), waiting, 1.0 - tires)
        matrix[n] = np.convolve(np.convolve(stays, keeps), asks)[:size]
        matrix[n, -1] += 1.0 - matrix[n].sum()
    return matrix


def stationary(matrix: FloatArray) -> FloatArray:
    """The long-run law of a chain."""
    size = len(matrix)
    equations = matrix.T - np.eye(size)
    equations[-1] = 1.0
    return np.asarray(np.linalg.solve(equations, np.eye(size)[-1]))


def standard_error(matrix: FloatArray, law: FloatArray, value: FloatArray, steps: int) -> float:
    """Of the mean of ``value`` over so many steps, with the chain's own correlation between them (fundamental matrix)."""
    centred = value - law @ value
    solved = np.linalg.solve(np.eye(len(law)) - matrix + np.outer(np.ones(len(law)), law), centred)
    return math.sqrt(float(law @ (centred * (2.0 * solved - centred))) / steps)


class ChainLaw(NamedTuple):
    """A chain of steps in the long run."""

    queue: Queue
    use_error: float
    """standard error of a mean over one month of steps, on many months"""
    wait_error: float


def exact(setting: Setting, steps: int) -> ChainLaw | None:
    """The chain with so many steps to a month; None where it has no stationary law, the list growing without end."""
    c, arrivals, stay, patience = setting
    ends = 1.0 - math.exp(-1.0 / (stay * steps))
    if patience == 0.0 and arrivals / steps >= c * ends:
        return None
    most = 60
    while True:
        matrix = chain(c, arrivals / steps, 1.0 / (stay * steps), patience / steps, most)
        law = stationary(matrix)
        if law[-1] < RARE:
            break
        most *= 2
    n = np.arange(len(law), dtype=np.float64)
    taken, waiting = np.minimum(n, c) / c, np.maximum(n - c, 0.0) / arrivals
    errors = [standard_error(matrix, law, value, steps) for value in (taken, waiting)]
    return ChainLaw(Queue(float(law @ taken), float(law @ waiting)), *errors)


# ---- the model's own rules ------------------------------------------------------------------------------------------


def lone_services(setting: Setting, steps: int, seed: int = 1) -> World:
    """A municipality whose eight services are all this one, each with its own luck, with so many steps to a month."""
    from dataclasses import replace

    from scenarios import load_study
    from simulation.engine import new_world, parameter_values
    from simulation.names import SERVICES

    plan = replace(load_study("caseload-10-vs-20").arm("ordinary"), families=4, posterior="default")
    fixed = {
        f"{name}.{s}": value for name, value in (("dropout", 0.0), ("patience", setting.patience)) for s in SERVICES
    }
    world = new_world(
        replace(plan, parameters=fixed), seed, 0, parameter_values(replace(plan, parameters=fixed), seed, 0)
    )
    p, services = world.setting[0]["p"], world.services
    p["patience"] /= steps
    services["capacity"], services["length"] = setting.places, setting.stay * steps
    services["background"], services["soft"], services["by_need"] = setting.arrivals / steps, 0, 0
    world.families["parent"]["present"] = 0
    return world


def run_model(setting: Setting, steps: int, months: int, seed: int = 1) -> Queue:
    """The rules run for so many months in each of eight services, after a warm-up."""
    from simulation import month

    w = lone_services(setting, steps, seed)
    taken, waiting = 0, 0
    for step in range(-WARM_UP * steps, months * steps):
        month.begin_at(w.town)
        for s in range(len(w.services)):
            month.service_at(w.services, s, w.families, w.town, w.setting, w.waiting, w.placed)
        if step >= 0:
            taken += int(w.services["residents"].sum())
            waiting += int(w.services["waiting"].sum())
    seen = months * steps * len(w.services)
    return Queue(taken / seen / setting.places, waiting / seen / setting.arrivals)


# ---- Ciw ------------------------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """A queue simulated, with the standard error of each figure (batch means)."""

    queue: Queue
    use_error: float
    wait_error: float


def run_ciw(setting: Setting, months: int = CIW_MONTHS, seed: int = 1, batches: int = 20) -> Estimate:
    """The same service in Ciw: exponential times between requests, of stay and of patience."""
    import ciw

    c, arrivals, stay, patience = setting
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(arrivals)],
        service_distributions=[ciw.dists.Exponential(1.0 / stay)],
        number_of_servers=[c],
        **({"reneging_time_distributions": [ciw.dists.Exponential(patience)]} if patience else {}),
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(WARM_UP + months)
    length = months / batches
    waits, served, asked = np.zeros(batches), np.zeros(batches), np.zeros(batches)
    for record in simulation.get_all_records():
        batch = int((record.arrival_date - WARM_UP) // length)
        if 0 <= batch < batches:
            asked[batch] += 1
            waits[batch] += record.waiting_time
            served[batch] += record.service_time if record.record_type == "service" else 0.0
    figures = np.stack([served / (length * c), waits / asked])
    errors = figures.std(axis=1, ddof=1) / math.sqrt(batches)
    return Estimate(Queue(*map(float, figures.mean(axis=1))), *map(float, errors))


# ---- table and figure -----------------------------------------------------------------------------------------------


class Compared(NamedTuple):
    """One setting by all four ways; the chain and the model for each number of steps."""

    setting: Setting
    limit: Queue
    chains: dict[int, ChainLaw | None]
    models: dict[int, Queue]
    ciw: Estimate


def compare(
    months: int = MONTHS, ciw_months: int = CIW_MONTHS, settings: Iterable[Setting] = SETTINGS
) -> list[Compared]:
    """Every setting by every way."""
    found = []
    for setting in settings:
        chains = {steps: exact(setting, steps) for steps in STEPS}
        models = {steps: run_model(setting, steps, months) for steps in STEPS if chains[steps] is not None}
        found.append(Compared(setting, erlang(setting), chains, models, run_ciw(setting, ciw_months)))
    return found


def markdown(found: Sequence[Compared], months: int, command: str) -> str:
    """A table: a row for each setting; model and Ciw with the half-width of their 95 % interval."""
    from simulation.names import SERVICES

    lines = [
        f"*Made by `{command}`: {months} months in each of {len(SERVICES)} services of the model, {CIW_MONTHS:,} months of Ciw.*",
        "",
        "| places | asks a month | stay, months | gives up, a month | offered load | month: chain | month: model | "
        "day: chain | day: model | Erlang | Ciw |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in found:
        s = row.setting
        cells = [str(s.places), f"{s.arrivals:g}", f"{s.stay:g}", f"{s.patience:g}", f"{s.load:.2f}"]
        for steps in (STEPS[0], STEPS[-1]):
            law = row.chains[steps]
            error = 0.0 if law is None else 1.96 * law.wait_error / math.sqrt(months * len(SERVICES))
            cells += (
                ["grows", "-"]
                if law is None
                else [f"{law.queue.wait:.3f}", f"{row.models[steps].wait:.3f} ± {error:.3f}"]
            )
        cells += [f"{row.limit.wait:.3f}", f"{row.ciw.queue.wait:.3f} ± {1.96 * row.ciw.wait_error:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: Sequence[Compared], months: int) -> Picture:
    """Mean wait and use against the length of a step, a panel a setting."""
    from matplotlib.figure import Figure

    from results.style import BLUE, GREY, ORANGE, VERMILLION, WIDTH, finish, header, style
    from simulation.names import SERVICES

    title = "A service by itself comes to the queue of Erlang as its step shrinks from a month to a day"
    note = (
        "Mean months waited by who asks. Line: the exact chain of steps; dots: the model's rules, with 95 % intervals; dashes: "
        "Erlang C (endless patience) or A, in continuous time; diamond: Ciw."
    )
    with style():
        figure = Figure(figsize=(WIDTH, 6.6))
        panels = figure.subplots(2, 4)
        figure.subplots_adjust(left=0.06, right=0.985, top=0.85, bottom=0.15, wspace=0.32, hspace=0.5)
        for panel, row in zip(panels.flat, found, strict=True):
            s = row.setting
            laws = {MONTH_DAYS / steps: law for steps, law in row.chains.items() if law is not None}
            panel.axhline(row.limit.wait, color=GREY, linestyle=(0, (5, 2)), linewidth=1.3)
            panel.plot(list(laws), [law.queue.wait for law in laws.values()], color=BLUE, linewidth=1.6)
            waits = [row.models[steps].wait for steps in row.models]
            errors = [1.96 * law.wait_error / math.sqrt(months * len(SERVICES)) for law in laws.values()]
            panel.errorbar(list(laws), waits, errors, fmt="o", color=VERMILLION, markersize=4, linewidth=1.2)
            panel.errorbar(
                [0.6], [row.ciw.queue.wait], [1.96 * row.ciw.wait_error], fmt="D", color=ORANGE, markersize=5
            )
            panel.set_xscale("log")
            panel.set_xticks([1, 7.5, 30], ["day", "week", "month"])
            panel.minorticks_off()
            panel.set_xlim(0.45, 40)
            panel.set_ylim(0, None)
            places = "1 place" if s.places == 1 else f"{s.places} places"
            patience = f"gives up {s.patience:g} a month" if s.patience else "nobody gives up"
            panel.set_title(f"{places}, load {s.load:.2f}\n{patience}", fontsize=9.5)
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


# ---- from the command line ------------------------------------------------------------------------------------------


def describe(parser: Parser) -> None:
    """The command's own options."""
    parser.add_argument(
        "--months",
        type=whole_number(1, 1_000_000),
        default=MONTHS,
        metavar="N",
        help=f"of the model (default: {MONTHS})",
    )


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Compare a service by itself with its exact chain, with Erlang's formulas and with Ciw."""
    found = compare(args.months)
    return markdown(found, args.months, command), draw(found, args.months)


if __name__ == "__main__":
    sys.exit(serve("queue_theory", describe, make))
