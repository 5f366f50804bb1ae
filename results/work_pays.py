"""Why work need not pay: disposable income against gross wages, and what is lost of an extra krone.

For one family by the rules of a month, with and without social assistance; everything else it is entitled to is claimed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from results import files
from results.language import number, percent
from results.style import BLUE, GREY, WIDTH, Picture, finish, header, number_axis, save, style
from simulation.budget import family_budget, read_ages
from simulation.errors import InputError
from simulation.rates import resolve_month

ORANGE: Final = "#D55E00"
TOP: Final = 600_000  # NOK of gross wages a year
STEP: Final = 4_000  # NOK a year between points; a loss is measured over one step

WORDS: Final = {
    "nb": {
        "title": "Hvor mye er igjen av lønnen? {adults}, {children}, husleie {rent} kroner, satser for {month}",
        "one": "én forelder",
        "two": "to foreldre",
        "child": "ett barn",
        "kids": "{n} barn",
        "none": "ingen barn",
        "disposable": "Disponibel inntekt, kroner i måneden",
        "loss": "Tap av en ekstra krone i lønn",
        "with": "med sosialhjelp",
        "without": "uten sosialhjelp",
        "wages": "Lønn før skatt, tusen kroner i året",
        "note": "Skatt, bostøtte, betaling for barnehage og SFO og sosialhjelp regnet etter reglene. 100 % betyr at ingenting "
        "er igjen av en ekstra krone. Andre ytelser enn disse er ikke med.",
        "alt": "Med sosialhjelp er den disponible inntekten den samme, {floor} kroner i måneden, fra ingen lønn til en lønn "
        "på om lag {end} kroner i året. Deretter tapes i snitt {loss} av hver ekstra krone fram til {top} kroner.",
    },
    "en": {
        "title": "How much is left of wages? {adults}, {children}, rent NOK {rent}, rates of {month}",
        "one": "one parent",
        "two": "two parents",
        "child": "one child",
        "kids": "{n} children",
        "none": "no children",
        "disposable": "Disposable income, NOK a month",
        "loss": "Lost of an extra krone of wages",
        "with": "with social assistance",
        "without": "without social assistance",
        "wages": "Gross wages, thousand NOK a year",
        "note": "Tax, housing allowance, fees for kindergarten and SFO, and social assistance by the rules. 100% means that "
        "nothing is left of an extra krone. Other benefits are not included.",
        "alt": "With social assistance disposable income is the same, NOK {floor} a month, from no wages to wages of about "
        "NOK {end} a year. After that {loss} of each extra krone is lost on average, up to NOK {top}.",
    },
}


def incomes(
    parents: int, children: Sequence[float], rent: float, month: str, *, social_assistance: bool, **family: Any
) -> npt.NDArray[np.float64]:
    """Disposable income at gross wages of 0, STEP, ... TOP: (points, 2) wages NOK a year, income NOK a month."""
    points = []
    for wages in range(0, TOP + 1, STEP):
        lines = family_budget(
            parents, children, rent, wages, month, social_assistance=social_assistance, supports=True, **family
        )
        value = next(line.value for line in lines if line.name == "disposable_income")
        points.append((float(wages), value))
    return np.array(points)


def losses(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What is lost of an extra krone between neighbouring points, (points - 1,)."""
    return np.asarray(1.0 - 12.0 * np.diff(points[:, 1]) / np.diff(points[:, 0]))


def work_pays(
    parents: int, children: Sequence[float], rent: float, month: str = "2025", *, lang: str = "nb", **family: Any
) -> Picture:
    """The figure for one family; further arguments as for :func:`simulation.budget.family_budget`."""
    text = WORDS[lang]
    lives = {
        "with": incomes(parents, children, rent, month, social_assistance=True, **family),
        "without": incomes(parents, children, rent, month, social_assistance=False, **family),
    }
    kids = (
        text["none"] if not children else text["child"] if len(children) == 1 else text["kids"].format(n=len(children))
    )
    title = text["title"].format(
        adults=text["one" if parents == 1 else "two"],
        children=kids,
        rent=number(rent, lang),
        month=resolve_month(month),
    )
    with style():
        figure = Figure(figsize=(WIDTH, 7.2))
        upper = figure.add_axes((0.1, 0.55, 0.86, 0.34))
        lower = figure.add_axes((0.1, 0.13, 0.86, 0.30))
        for key, colour, dashes in (("without", BLUE, (0, (5, 2))), ("with", ORANGE, "-")):
            points = lives[key]
            upper.plot(points[:, 0] / 1000, points[:, 1], color=colour, linestyle=dashes, linewidth=2, label=text[key])
            middle = (points[1:, 0] + points[:-1, 0]) / 2000
            lower.plot(middle, np.clip(losses(points), -0.2, 1.5), color=colour, linestyle=dashes, linewidth=1.6)
        upper.set_title(text["disposable"])
        lower.set_title(text["loss"])
        number_axis(upper.yaxis, lang)
        number_axis(lower.yaxis, lang, share=True)
        upper.legend(loc="upper left")
        lower.axhline(1.0, color=GREY, linewidth=0.8)
        lower.set_ylim(-0.1, 1.3)
        lower.set_xlabel(text["wages"])
        for axes in (upper, lower):
            axes.set_xlim(0, TOP / 1000)
        header(figure, title, text["note"])
        return finish(figure, "work-pays", title, _alt(lives["with"], lang))


def _alt(points: npt.NDArray[np.float64], lang: str) -> str:
    floor = points[0, 1]
    flat = points[np.abs(points[:, 1] - floor) < 1.0]
    end = flat[-1, 0]
    after = points[points[:, 0] >= end]
    loss = 1.0 - 12.0 * (after[-1, 1] - after[0, 1]) / max(after[-1, 0] - after[0, 0], STEP)
    return WORDS[lang]["alt"].format(
        floor=number(floor, lang), end=number(end, lang), loss=percent(loss, lang), top=number(TOP, lang)
    )


# ---- the command ----------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run.py work-pays``."""
    parser.add_argument("--parents", type=int, default=1, metavar="1|2")
    parser.add_argument("--children", default="3,7", metavar="AGES", help="ages in years (default 3,7)")
    parser.add_argument(
        "--rent", type=float, default=12_000, metavar="NOK", help="housing cost a month (default 12000)"
    )
    parser.add_argument("--month", default="2025", help="rates of a month or a year (default 2025)")
    parser.add_argument("--out", type=Path, default=Path("work-pays"), metavar="DIR", help="folder (default work-pays)")
    parser.add_argument("--lang", choices=("nb", "en"), default="nb")
    parser.add_argument("--force", action="store_true", help="write over a figure that is there")


def main(args: argparse.Namespace) -> int:
    """Draw the figure and say in words what it shows; InputError for a family or month that cannot be."""
    ages = read_ages(args.children)
    picture = work_pays(args.parents, ages, args.rent, args.month, lang=args.lang)
    if not args.force and (args.out / f"{picture.name}.svg").exists():
        raise InputError("a figure is there already", file=args.out, key="--out", allowed="another folder, or --force")
    files.make_folder(args.out)
    save(args.out, picture.name, picture.images)
    print(f"{picture.title}\n{picture.alt}\n{args.out / picture.name}.svg")
    return 0
