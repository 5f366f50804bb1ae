"""What it is worth to know more before choosing: a figure, and the same in words."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from results.language import capital, catalogue, number, parameter_name, percent, say
from results.style import (
    GREY,
    LETTER,
    PALE,
    SKY,
    WIDTH,
    Picture,
    arm_style,
    finish,
    fit,
    header,
    margins,
    number_axis,
    style,
)
from simulation.parameters import parameter_names

ROW: Final = 0.27  # inches of a bar
TOP: Final = 0.95
BETWEEN: Final = 0.45
BELOW: Final = 0.75  # inches under a panel that has an axis
LINES: Final = 1.9  # inches of the lower panels
LONGEST: Final = 44  # letters of a name
SURE: Final = 0.01  # a smaller probability is not told by its number


@dataclass(frozen=True)
class _Told:
    """A value with its interval."""

    value: float
    low: float
    high: float


# ---- in words --------------------------------------------------------------------------------------------------------


def ranking(table: pd.DataFrame, contrast: str, account: str = "society", factor: float = 1.0) -> pd.DataFrame:
    """Groups of parameters, the most worth knowing first: ``group,value,low,high``.

    Parameters
    ----------
    table : ``value_of_information.csv``
    """
    rows = _rows(table, contrast, account, factor, "evppi")
    groups = rows[~rows["group"].isin(parameter_names())]
    ordered = groups.sort_values(["value", "high"], ascending=False, kind="stable", ignore_index=True)
    return ordered[["group", "value", "low", "high"]]


def sentence(table: pd.DataFrame, lang: str, account: str = "society", factor: float = 1.0) -> str:
    """Which study would be worth doing, of every contrast, or that none is or that we cannot tell; computed from the table."""
    told = [contrast_sentence(table, str(name), lang, account, factor) for name in table["contrast"].unique()]
    return " ".join([*told, _times(str(table.loc[table["measure"] == "evpi", "unit"].iloc[0]), lang)])


def contrast_sentence(table: pd.DataFrame, contrast: str, lang: str, account: str, factor: float) -> str:
    """The same of one contrast."""
    evpi = _one(table, contrast, account, factor, "evpi")
    if math.isnan(evpi.value) or math.isnan(evpi.high):
        return f"{contrast}: {say('information.few', lang)}"
    better, inb = (_one(table, contrast, account, factor, measure) for measure in ("probability", "inb"))
    opening = say(
        "information.decision",
        lang,
        contrast=contrast,
        account=say(f"information.for_{account}", lang),
        probability=_probability(better, lang),
        inb=_between(inb, lang, digits=3),
    )
    return " ".join([opening, *_worth(evpi, ranking(table, contrast, account, factor), lang)])


def _worth(evpi: _Told, groups: pd.DataFrame, lang: str) -> list[str]:
    """What it is worth to know more, and of what."""
    if _rounded(evpi.high) == 0.0:
        return [say("information.settled", lang)]
    if _rounded(evpi.low) <= 0.0:
        return [say("information.at_most", lang, high=_nok(evpi.high, lang))]
    told = [say("information.evpi_is", lang, evpi=_between(evpi, lang))]
    if groups.empty or _rounded(float(groups["low"].iloc[0])) <= 0.0:
        return [*told, say("information.no_group", lang)]
    first = _Told(*(float(groups[name].iloc[0]) for name in ("value", "low", "high")))
    others = float(groups["high"].iloc[1:].max()) if len(groups) > 1 else 0.0
    clear = others < first.low
    name = group_name(str(groups["group"].iloc[0]), lang)
    told.append(
        say("information.most" if clear else "information.first_of", lang, group=name, value=_between(first, lang))
    )
    return [*told, say("information.rest", lang, high=_nok(others, lang))] if len(groups) > 1 else told


def _probability(told: _Told, lang: str) -> str:
    if told.high < SURE or told.low > 1.0 - SURE:
        return say(f"information.{'hardly' if told.high < SURE else 'nearly'}", lang)
    value, high = percent(told.value, lang), percent(told.high, lang)
    return say("information.with_probability", lang, value=value, low=number(100.0 * told.low, lang), high=high)


def group_name(group: str, lang: str) -> str:
    """A group as a noun phrase; one that has no words of its own by its name."""
    return (
        say(f"parameter_group.{group}", lang)
        if group in catalogue()["parameter_group"]
        else parameter_name(group, lang)
    )


def _times(unit: str, lang: str) -> str:
    """That a value is for one place, to be multiplied; from the unit of the table."""
    prices, families, months = re.findall(r"\d+", unit)
    place = say("information.place", lang, families=number(int(families), lang), months=months, prices=prices)
    return say("information.times", lang, place=place)


def _rounded(value: float, digits: int = 2) -> float:
    """So many significant digits, whole kroner."""
    if not math.isfinite(value) or abs(value) < 0.5:
        return 0.0 if math.isfinite(value) else value
    return float(round(float(f"{value:.{digits}g}")))


def _nok(value: float, lang: str) -> str:
    return say("information.nok", lang, value=number(_rounded(value), lang))


def _between(told: _Told, lang: str, digits: int = 2) -> str:
    ends = {name: number(_rounded(getattr(told, name), digits), lang) for name in ("value", "low", "high")}
    return say("information.between", lang, **ends)


def _rows(table: pd.DataFrame, contrast: str, account: str, factor: float, measure: str) -> pd.DataFrame:
    return table[
        (table["contrast"] == contrast)
        & (table["account"] == account)
        & (table["value_factor"] == factor)
        & (table["measure"] == measure)
    ]


def _one(table: pd.DataFrame, contrast: str, account: str, factor: float, measure: str) -> _Told:
    row = _rows(table, contrast, account, factor, measure).iloc[0]
    return _Told(float(row["value"]), float(row["low"]), float(row["high"]))


# ---- the figure ------------------------------------------------------------------------------------------------------


def information_figure(table: pd.DataFrame, lang: str, account: str = "society", factor: float = 1.0) -> Picture:
    """The value of knowing each group, of every contrast; and how perfect information and the choice hang on the stated values.

    Parameters
    ----------
    table : ``value_of_information.csv``, with the account and the factor in it
    """
    contrasts = [str(name) for name in table["contrast"].unique()]
    bars = {name: _bars(table, name, account, factor) for name in contrasts}
    title, alt = say("information.title", lang), sentence(table, lang, account, factor)
    note = margins("", alt, WIDTH)[1] + 0.1
    heights = [ROW * len(bars[name]) for name in contrasts]
    height = TOP + sum(heights) + BETWEEN * (len(contrasts) - 1) + BELOW + 0.35 + LINES + BELOW + note
    most = max((float(rows[["value", "high"]].max().max()) for rows in bars.values()), default=0.0)
    with style():
        figure = Figure(figsize=(WIDTH, height))
        header(figure, title, alt)
        names = [_bar_name(str(group), lang) for rows in bars.values() for group in rows["group"]]
        left = (0.35 + LETTER * min(max(len(name) for name in names), LONGEST)) / WIDTH
        top = height - TOP
        for name, tall in zip(contrasts, heights, strict=True):
            axes = figure.add_axes((left, (top - tall) / height, 0.97 - left, tall / height))
            _draw_bars(axes, bars[name], most, lang)
            axes.set_title(fit(capital(name), 70, 1))
            axes.tick_params(axis="x", labelbottom=name == contrasts[-1])
            top -= tall + BETWEEN
        axes.set_xlabel(say("information.bars_axis", lang))
        bottom = (note + BELOW) / height
        for place, measure in enumerate(("evpi", "probability")):
            axes = figure.add_axes((0.09 + 0.49 * place, bottom, 0.385, LINES / height))
            _draw_lines(axes, table, contrasts, account, measure, lang)
        if len(contrasts) > 1:
            axes.legend(loc="best")
        return finish(figure, "value-of-information", title, alt)


def _bar_name(group: str, lang: str) -> str:
    return capital(say("information.everything", lang) if group == "everything" else group_name(group, lang))


def _bars(table: pd.DataFrame, contrast: str, account: str, factor: float) -> pd.DataFrame:
    """The bars of a contrast: everything, then the groups, ``group,value,low,high``."""
    everything = _rows(table, contrast, account, factor, "evpi").assign(group="everything")
    columns = ["group", "value", "low", "high"]
    return pd.concat([everything[columns], ranking(table, contrast, account, factor)], ignore_index=True)


def _draw_bars(axes: Any, rows: pd.DataFrame, most: float, lang: str) -> None:
    places = range(len(rows))
    colours = [PALE if group == "everything" else SKY for group in rows["group"]]
    axes.barh(places, rows["value"].fillna(0.0), height=0.62, color=colours)
    axes.hlines(places, rows["low"], rows["high"], color="black", linewidth=1.3)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(places, [fit(_bar_name(str(g), lang), LONGEST, 1) for g in rows["group"]])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    widest = 1.12 * most if most > 0.0 else 1.0
    axes.set_xlim(0.0, widest)
    for place, (value, high) in enumerate(zip(rows["value"], rows["high"], strict=True)):
        at = max(value, high) if math.isfinite(value) else 0.0
        text = number(_rounded(value), lang)
        axes.text(at + 0.008 * widest, place, text, va="center", color=GREY)
    number_axis(axes.xaxis, lang)


def _draw_lines(axes: Any, table: pd.DataFrame, contrasts: list[str], account: str, measure: str, lang: str) -> None:
    """A measure over the factors on the stated values, a line with its interval for each contrast."""
    mine = table[(table["account"] == account) & (table["measure"] == measure)]
    for index, name in enumerate(contrasts):
        rows = mine[mine["contrast"] == name].sort_values("value_factor")
        look = arm_style(index + 1)
        axes.fill_between(rows["value_factor"], rows["low"], rows["high"], color=look["color"], alpha=0.2, linewidth=0)
        axes.plot(rows["value_factor"], rows["value"], label=fit(name, 24), markersize=4, clip_on=False, **look)
    axes.set_title(say(f"information.{measure}", lang))
    axes.set_xlabel(say("information.factor_axis", lang))
    axes.set_xticks(sorted(mine["value_factor"].unique()))
    number_axis(axes.xaxis, lang)
    if measure == "probability":
        axes.set_ylim(0.0, 1.0)
    else:
        axes.set_ylim(0.0, max(1.05 * float(mine["high"].max()), 1.0))
    number_axis(axes.yaxis, lang, share=measure == "probability")
