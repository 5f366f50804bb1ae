"""Two lives of one simulated family, with and without the coordinator, and how the lives of the other families differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from results.language import capital, number, say
from results.lives import two_lives as draw
from results.statistics import describe
from results.style import (
    BLACK,
    BLUE,
    PHONE_WIDTH,
    SMALLEST,
    VERMILLION,
    Picture,
    finish,
    header,
    margins,
    number_axis,
    style,
)
from results.words import plain
from scenarios.lab.answers import within
from scenarios.trajectory import Choice, Lives, choice, happenings, two_lives, who, without_coordinator

if TYPE_CHECKING:
    from scenarios.study import Study
    from simulation.plan import Plan

BARS: Final = 15  # of the spread in income
KEYS: Final = ("income", "work")


@dataclass(frozen=True)
class Happening:
    """What happens in a month: in both lives, or in one of them."""

    month: int
    whose: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class TwoLives:
    """One family's two lives as a page shows them."""

    family: int
    """its slot in the pool"""
    middle: int
    """the slot of the family that the rule chooses"""
    families: tuple[int, ...]
    """the slots to choose from, from the least to the most income with the coordinator beyond without"""
    simulated: str
    """that the family is no real one, and what one family cannot show"""
    chosen: str
    """how this one was chosen"""
    who: str
    happenings: tuple[Happening, ...]
    spread: tuple[str, ...]
    """how the lives of the others differ, and where this one stands among them"""
    timelines: Picture
    others: Picture


def lives(study: Study, lang: str, family: int | None = None, replicate: int = 0) -> TwoLives | None:
    """Two lives of a family with the plan's coordinators (today's, where the plan has none), the same luck in both.

    Parameters
    ----------
    study : of the lab: today's plan, then the planner's
    family : the slot of the family at month 0; by default the one of the rule of ``scenarios.trajectory.two_lives``

    Returns
    -------
    None where neither plan has coordinators, which ``lab_lives.neither`` says.

    Raises
    ------
    InputError : there is no such family
    """
    plan = next((arm for arm in reversed(study.arms) if arm.coordinators), None)
    if plan is None:
        return None
    months = study.horizon_months
    among = choice(plan, without_coordinator(study, plan), seed=study.seed, replicate=replicate, months=months)
    told = two_lives(study, plan.name, among.middle if family is None else family, replicate)
    labels = {
        "arm": say("lab_lives.with", lang, plan=within(_title(study, plan, lang))),
        "against": say("lab_lives.without", lang),
    }
    names = {**labels, "both": capital(say("life.both", lang))}
    return TwoLives(
        family=told.family,
        middle=among.middle,
        families=among.families,
        simulated=say("figure.lives_note", lang),
        chosen=_chosen(told, among, _title(study, plan, lang), lang),
        who=who(told, lang),
        happenings=tuple(
            Happening(month, names[whose], tuple(sentences)) for month, whose, sentences in happenings(told, lang)
        ),
        spread=tuple(_spread(among, told.family, lang)),
        timelines=draw(
            told.panel, told.panel_against, label_a=labels["arm"], label_b=labels["against"], lang=lang, phone=True
        ),
        others=_others(among, told.family, lang),
    )


def _title(study: Study, plan: Plan, lang: str) -> str:
    return str(study.titles["arms"].get(plan.name, {}).get(lang, plan.name))


def _chosen(told: Lives, among: Choice, title: str, lang: str) -> str:
    """The rule, and for a family that was asked for where it stands among those of the rule."""
    count = len(among.families)
    rule = "alike" if among.alike == count else among.chosen
    if told.family == among.middle:
        return say(
            f"life.chosen_{rule}",
            lang,
            candidates=number(count, lang),
            alike=number(among.alike, lang),
            arm=say("lab_lives.named", lang, plan=title),
        )
    if told.family not in among.families:
        return say("lab_lives.outside", lang, family=number(told.family, lang))
    place = among.families.index(told.family) + 1
    return say("lab_lives.asked", lang, place=number(place, lang), count=number(count, lang))


# ---- the others ------------------------------------------------------------------------------------------------------


def _spread(among: Choice, family: int, lang: str) -> list[str]:
    """How many have more, less and the same of income and of work, and how much; and this family."""
    found = [say(f"lab_lives.of_{among.chosen}", lang, count=number(len(among.families), lang))]
    for key in KEYS:
        values = np.array(getattr(among, key), dtype=np.float64)
        told = {name: float(value[0]) for name, value in describe(values[:, None]).items()}
        parts = {"more": (values > 0).sum(), "less": (values < 0).sum(), "same": (values == 0).sum()}
        shown = {name: number(int(count), lang) for name, count in parts.items()}
        ends = {name: _amount(told[name], key, lang) for name in ("p05", "p50", "p95")}
        found.append(say(f"lab_lives.{key}", lang, **shown, **ends))
    if family in among.families:
        place = among.families.index(family)
        own = {key: _amount(float(getattr(among, key)[place]), key, lang) for key in KEYS}
        found.append(say("lab_lives.this_one", lang, **own))
    return [*found, say("lab_lives.one_run", lang)]


def _amount(value: float, key: str, lang: str) -> str:
    return plain(value, "disposable_income", lang) if key == "income" else number(value, lang, signed=True)


def _others(among: Choice, family: int, lang: str) -> Picture:
    """How many families have how much more or less, a panel for income and one for work; the one that is shown marked."""
    title, note = say("lab_lives.others_title", lang), say("lab_lives.others_note", lang)
    above, below = margins(title, note)
    tall, between = 1.15, 0.72
    height = above + 2 * tall + between + 0.55 + below
    place = among.families.index(family) if family in among.families else None
    with style():
        figure = Figure(figsize=(PHONE_WIDTH, height))
        for index, key in enumerate(KEYS):
            y = below + 0.55 + (1 - index) * (tall + between)
            panel = figure.add_axes((0.1, y / height, 0.86, tall / height))
            values = np.array(getattr(among, key), dtype=np.float64)
            counts = _bars(panel, values)
            panel.axvline(0, color=BLACK, linewidth=1.2, linestyle=(0, (4, 2)))
            if place is not None:
                panel.plot(
                    values[place], 0.0, marker="^", markersize=11, color=VERMILLION, markeredgecolor="white",
                    clip_on=False, zorder=5,
                )  # fmt: skip
            panel.set_ylim(0, max(1.0, counts) * 1.1)
            panel.set_xlabel(say(f"lab_lives.{key}_axis", lang), fontsize=SMALLEST)
            panel.locator_params(nbins=5)
            panel.locator_params(axis="y", nbins=4, integer=True)
            number_axis(panel.xaxis, lang, signed=True)
            number_axis(panel.yaxis, lang)
            panel.tick_params(labelsize=SMALLEST)
            panel.set_title("", y=1.0)
        header(figure, title, note)
        alt = " ".join((say("lab_lives.others_alt", lang), *_spread(among, family, lang)))
        return finish(figure, "other-lives", title, alt, ("svg",))


def _bars(panel: Any, values: Any) -> float:
    """Families by their difference, zero in the middle of a bar; the most in one."""
    step = max(float(np.abs(values).max(initial=0.0)) * 2 / BARS, 1.0)
    place = np.rint(values / step)
    where, counts = np.unique(place, return_counts=True)
    panel.bar(where * step, counts, width=0.9 * step, color=BLUE)
    panel.set_xlim((min(place.min(initial=0.0), -1) - 1) * step, (max(place.max(initial=0.0), 1) + 1) * step)
    return float(counts.max(initial=0))
