"""``python -m calibration.services``: the services of a place and its labour market, as set and as they turn out.

Services: under ordinary follow-up and at default parameters, since the places of a profile are set at those. Labour market: over
draws from the priors, in ordinary months and in recessions of three depths.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.pages import serve
from scenarios.options import Parser, add_options, path, whole_number

if TYPE_CHECKING:
    from results.style import Picture
    from scenarios.study import Study

FloatArray = npt.NDArray[np.float64]

PICTURE: Final = "services"
REPLICATES: Final = 200
OPENINGS: Final = (1.0, 0.75, 0.5, 0.25)  # of the ordinary number
MONTHS: Final = 36


class Service(NamedTuple):
    """A service as it turns out, mean of the months and replicates; waits with their standard error."""

    name: str
    pool_asks: float
    load: float
    use: float
    wait: float
    wait_error: float


class Market(NamedTuple):
    """The labour market at a share of the ordinary openings, means over draws."""

    openings: float
    """a month, within the pool's reach"""
    takers: float
    """a month"""
    months_bound: float
    """share of months with more takers than openings"""
    turned_away: float
    """share of takers without an opening"""


def services_as_they_turn_out(study: Study, replicates: int) -> list[Service]:
    """Every service under ordinary follow-up, at default parameters."""
    from results.statistics import services_table
    from simulation.names import SERVICES
    from simulation.outcomes import OUTCOME_NAMES
    from simulation.runner import run_study

    plan = replace(study.arm("ordinary"), posterior="default", horizon_months=MONTHS)
    runs = run_study([plan], [], replicates=replicates, seed=study.seed, workers=1).runs
    table = services_table(runs).set_index(["service", "measure"])["mean"]
    found = []
    for name in SERVICES:
        waits = np.nanmean(runs.study[:, 0, 0, -MONTHS:, OUTCOME_NAMES.index(f"wait_{name}")], axis=1)
        asks = table[name, "requests"] - plan.profile.services[name].background_per_month
        error = float(waits.std(ddof=1) / np.sqrt(len(waits)))
        found.append(Service(name, asks, table[name, "offered_load"], table[name, "use"], float(waits.mean()), error))
    return found


def market(study: Study, factor: float, draws: int) -> Market:
    """Takers and openings in each month of so many draws, at this share of the ordinary openings."""
    from simulation.engine import at_month_zero, burn_in

    plan = replace(study.arm("ordinary"), openings_factor=factor)
    rows = []
    for draw in range(draws):
        world = at_month_zero(plan, seed=study.seed, replicate=2 * draw)
        town = world.town[0]
        for _ in range(MONTHS):
            before = int(town["turned_away"])
            burn_in(world, 1)
            rows.append((town["openings"], town["takers"], int(town["turned_away"]) - before))
    openings, takers, away = np.array(rows, float).T
    return Market(openings.mean(), takers.mean(), float((away > 0).mean()), float(away.sum() / takers.sum()))


# ---- telling --------------------------------------------------------------------------------------------------------


def markdown(
    study: Study, services: Sequence[Service], markets: Sequence[Market], replicates: int, command: str
) -> str:
    """Two tables."""
    from scenarios.profiles import read_profile
    from simulation.parameters import find_parameter

    file = dict(read_profile(study.content.study.profile).services)
    lines = [
        f"*Made by `{command}`: profile `{study.profile.name}`, {replicates} replicates, {MONTHS} months, default parameters.*",
        "",
        "| service | places | stay, months | breaks off, a month | completes | gives up, a month | asks a month: pool + others | "
        "offered load | use | wait, months: aim | as it turns out |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for s in services:
        plan = study.profile.services[s.name]
        breaks, gives_up = (find_parameter(f"{what}.{s.name}").default for what in ("dropout", "patience"))
        completes = 1.0 / (1.0 + breaks * plan.length_months)
        aim = file[s.name].waiting_months
        told = "-" if aim is None else f"{aim.value:g} ({aim.grade}, `{aim.source}`)"
        cells = [
            f"`{s.name}`",
            f"{plan.places:g}",
            f"{plan.length_months:g}",
            f"{breaks:g}",
            f"{100 * completes:.0f} %",
        ]
        cells += [
            f"{gives_up:g}",
            f"{s.pool_asks:.1f} + {plan.background_per_month:g}",
            f"{s.load:.2f}",
            f"{s.use:.2f}",
        ]
        lines.append(f"| {' | '.join([*cells, told, f'{s.wait:.2f} ± {1.96 * s.wait_error:.2f}'])} |")
    lines += [
        "",
        f"*The labour market, over {replicates // 2} draws from the priors:*",
        "",
        "| openings, of the usual | openings a month | would take a job, a month | months that it binds | of these turned away |",
        "|---:|---:|---:|---:|---:|",
    ]
    for factor, m in zip(OPENINGS, markets, strict=True):
        cells = [f"{100 * factor:.0f} %", f"{m.openings:.1f}", f"{m.takers:.1f}"]
        cells += [f"{100 * share:.1f} %" for share in (m.months_bound, m.turned_away)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(study: Study, services: Sequence[Service], markets: Sequence[Market]) -> Picture:
    """Waits aimed at and as they turn out; how often the labour market binds."""
    from matplotlib.figure import Figure

    from results.language import say
    from results.style import BLUE, GREY, ORANGE, VERMILLION, WIDTH, finish, header, style
    from scenarios.profiles import read_profile

    title = "Waits for the services, and how often openings for work bind"
    note = (
        "Ordinary follow-up. Left: default parameters, with 95 % intervals; a ring is what is published (grade C) or judged (D). "
        "Right: over draws from the priors."
    )
    file = dict(read_profile(study.content.study.profile).services)
    with style():
        figure = Figure(figsize=(WIDTH, 4.6))
        left, right = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.2, right=0.98, top=0.74, bottom=0.22, wspace=0.22)
        rows = np.arange(len(services))[::-1]
        waits, errors = [s.wait for s in services], [1.96 * s.wait_error for s in services]
        left.errorbar(waits, rows, xerr=errors, fmt="o", color=BLUE, label="as it turns out")
        aims = [(aim.value, row) for s, row in zip(services, rows, strict=True) if (aim := file[s.name].waiting_months)]
        left.plot(*zip(*aims, strict=True), "o", mfc="none", mec=VERMILLION, markersize=11, label="published or judged")
        left.set_yticks(rows, [say(f"service.{s.name}", "en") for s in services])
        left.set_xlim(0, None)
        left.set_xlabel("mean wait before a place, months")
        left.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
        x = np.arange(len(OPENINGS))
        right.bar(
            x - 0.2,
            [100 * m.months_bound for m in markets],
            0.38,
            color=BLUE,
            label="months with more takers than openings",
        )
        right.bar(
            x + 0.2, [100 * m.turned_away for m in markets], 0.38, color=ORANGE, hatch="//", label="takers turned away"
        )
        right.set_xticks(x, [f"{100 * f:.0f} %" for f in OPENINGS])
        right.set_xlabel("openings, of the ordinary number")
        right.set_ylabel("%", color=GREY)
        right.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))
        header(figure, title, note)
        return finish(figure, PICTURE, title, note)


# ---- from the command line ------------------------------------------------------------------------------------------


def describe(parser: Parser) -> None:
    """The command's own options."""
    parser.add_argument("study", nargs="?", type=path, metavar="STUDY.toml", help="a study with an arm `ordinary`")
    parser.add_argument("--replicates", type=whole_number(4, 100_000), default=REPLICATES, metavar="N")
    add_options(parser, "seed", "set")


def make(args: argparse.Namespace, command: str) -> tuple[str, Picture]:
    """Show the services of a place, and how often openings for work bind."""
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    services = services_as_they_turn_out(study, args.replicates)
    markets = [market(study, factor, args.replicates // 2) for factor in OPENINGS]
    return markdown(study, services, markets, args.replicates, command), draw(study, services, markets)


if __name__ == "__main__":
    sys.exit(serve("services", describe, make))
