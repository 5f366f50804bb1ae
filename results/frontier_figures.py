"""The figures of a grid of staffings: cost against effect, caseload against coordinators, and what more coordinators add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results import files
from results.frontier_words import MILLION, effect, factor, fine, holds_zero, millions, usual_caseload
from results.language import capital, number, outcome_name, percent, say
from results.style import (
    BLACK,
    COLOURS,
    GREY,
    MARKERS,
    WIDTH,
    Picture,
    finish,
    header,
    margins,
    number_axis,
    save,
    style,
    wrap,
)
from results.words import BETTER, is_share, unit

PANEL: Final = 2.5  # inches
CELL: Final = 8.5  # points: the cells of a map are narrow, and the report has none
BETWEEN: Final = 1.0
TOP: Final = 0.8
BOTTOM: Final = 0.75  # the axis, above the note
LEGEND: Final = 0.4


def write_figures(folder: Path, tables: dict[str, pd.DataFrame], lang: str, *, caseload: int) -> list[Picture]:
    """Draw and write the figures of a grid, from its tables.

    Parameters
    ----------
    caseload : at about which one the third figure is drawn
    """
    table, marginal = tables["frontier"], tables["marginal"]
    pictures = [frontier_figure(table, lang)]
    if ((table["coordinators"] > 0) & (table["places"] == 1.0)).any():
        pictures += [
            heat_map(table, lang),
            more_coordinators(table, marginal, usual_caseload(marginal, caseload), lang),
        ]
    files.make_folder(folder)
    for picture in pictures:
        save(folder, picture.name, picture.images)
    return pictures


def _outcomes(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table["outcome"].unique()]


def _panels(count: int, title: str, note: str, legend: float = LEGEND) -> tuple[Figure, list[Any]]:
    """A figure with two panels beside each other in as many rows as need be."""
    rows = -(-count // 2)
    height = TOP + BOTTOM + legend + margins("", note, WIDTH)[1] + PANEL * rows + BETWEEN * (rows - 1)
    figure = Figure(figsize=(WIDTH, height))
    header(figure, title, note)
    found = []
    for i in range(count):
        bottom = height - TOP - PANEL - (i // 2) * (PANEL + BETWEEN)
        found.append(figure.add_axes((0.085 + 0.5 * (i % 2), bottom / height, 0.39, PANEL / height)))
    return figure, found


def _legend(figure: Figure, handles: list[Any], note: str) -> None:
    """Above the note, whatever its height."""
    place = (0.5, (0.05 + margins("", note, WIDTH)[1]) / figure.get_size_inches()[1])
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=place, ncols=len(handles))


def _title(axes: Any, outcome: str, lang: str) -> None:
    axes.set_title(wrap(capital(outcome_name(outcome, lang)), 40))


def _effect_axis(axes: Any, outcome: str, lang: str) -> None:
    """The effect, up is better."""
    if BETTER[outcome] < 0:
        axes.invert_yaxis()
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.set_ylabel(wrap(unit(outcome, lang), 26))
    number_axis(axes.yaxis, lang, signed=True, points=is_share(outcome))


# ---- cost against effect ---------------------------------------------------------------------------------------------


def frontier_figure(table: pd.DataFrame, lang: str) -> Picture:
    """Every cell's cost and mean effect; the efficient ones with their interval, joined where none lies below a line."""
    outcomes = _outcomes(table)
    factors = [float(f) for f in sorted(table["places"].unique())]
    title = say("frontier.title", lang)
    note = " ".join((say("frontier.note", lang), _frontier_words(table, outcomes[0], lang)))
    with style():
        figure, panels = _panels(len(outcomes), title, note)
        for axes, outcome in zip(panels, outcomes, strict=True):
            rows = table[table["outcome"] == outcome]
            for k, f in enumerate(factors):
                of_those = rows[rows["places"] == f]
                axes.plot(of_those["staffing_cost_a_year"] / MILLION, of_those["mean"], **_dots(k), alpha=0.55)
            _draw_frontier(axes, rows, factors)
            axes.set_xlabel(say("frontier.cost_axis", lang))
            number_axis(axes.xaxis, lang)
            _effect_axis(axes, outcome, lang)
            _title(axes, outcome, lang)
            _name_corners(axes, rows[rows["on_frontier"] & (rows["coordinators"] > 0)])
        handles = [
            Line2D([], [], label=say("frontier.places", lang, places=factor(f, lang)), **_dots(k))
            for k, f in enumerate(factors)
        ]
        handles.append(Line2D([], [], color=BLACK, linewidth=1.2, label=say("frontier.joined", lang)))
        _legend(figure, handles, note)
        return finish(figure, "frontier", title, note)


def _dots(k: int) -> dict[str, Any]:
    colour = COLOURS[(k + 1) % len(COLOURS)]
    return {
        "marker": MARKERS[k % len(MARKERS)],
        "color": colour,
        "linestyle": "",
        "markersize": 4,
        "markeredgewidth": 0,
    }


def _draw_frontier(axes: Any, rows: pd.DataFrame, factors: Sequence[float]) -> None:
    best = rows[rows["efficient"]].sort_values("staffing_cost_a_year")
    x, mean = best["staffing_cost_a_year"] / MILLION, best["mean"]
    axes.vlines(x, best["ci_low"], best["ci_high"], color=BLACK, linewidth=0.9)
    for k, f in enumerate(factors):
        here = best["places"] == f
        look = _dots(k) | {"markersize": 6.5, "markeredgewidth": 0.8, "markeredgecolor": BLACK}
        axes.plot(x[here], mean[here], **look)
    corners = best[best["on_frontier"]]
    axes.plot(corners["staffing_cost_a_year"] / MILLION, corners["mean"], color=BLACK, linewidth=1.2, zorder=1)


def _name_corners(axes: Any, corners: pd.DataFrame) -> None:
    """``4 x 10`` beside each corner, on the side where nothing else is: above the interval."""
    last = -math.inf
    low, high = axes.get_xlim()
    for row in corners.sort_values("staffing_cost_a_year").to_dict("records"):
        x = row["staffing_cost_a_year"] / MILLION
        if x - last < (high - low) * 0.1:  # no room
            continue
        last = x
        up = BETTER[row["outcome"]] > 0
        text = f"{row['coordinators']}×{row['caseload']}"
        top = row["ci_high"] if up else row["ci_low"]
        axes.annotate(text, (x, top), (0, 2), textcoords="offset points", ha="center", va="bottom")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.08 * (top - bottom))


def _frontier_words(table: pd.DataFrame, outcome: str, lang: str) -> str:
    rows = table[(table["outcome"] == outcome) & table["efficient"] & (table["staffing_cost_a_year"] > 0.0)]
    if not len(rows):
        return say("frontier.none_efficient", lang, outcome=outcome_name(outcome, lang))
    low, high = (percent(float(value), lang) for value in (rows["prob_best"].min(), rows["prob_best"].max()))
    return say(
        "frontier.efficient", lang, outcome=outcome_name(outcome, lang), count=number(len(rows), lang),
        more=number(int((rows["places"] > 1.0).sum()), lang), low=low, high=high,
    )  # fmt: skip


# ---- caseload against coordinators -----------------------------------------------------------------------------------


def heat_map(table: pd.DataFrame, lang: str) -> Picture:
    """The mean effect of each number of coordinators and caseload, with today's places; in brackets where it may be nothing."""
    rows = table[(table["coordinators"] > 0) & (table["places"] == 1.0)]
    outcomes = _outcomes(rows)
    title = say("frontier.heat_title", lang)
    silent = [sum(map(holds_zero, rows[rows["outcome"] == name].to_dict("records"))) for name in outcomes]
    cells = len(rows) // len(outcomes)
    told = "; ".join(
        say("frontier.heat_part", lang, outcome=outcome_name(name, lang), silent=number(count, lang))
        for name, count in zip(outcomes, silent, strict=True)
    )
    note = say("frontier.heat_note", lang, cells=number(cells, lang), parts=told)
    with style():
        figure, panels = _panels(len(outcomes), title, note, legend=0.0)
        for axes, outcome in zip(panels, outcomes, strict=True):
            _draw_heat(axes, rows[rows["outcome"] == outcome], outcome, lang)
            words = f"{capital(outcome_name(outcome, lang))}, {unit(outcome, lang)}"
            axes.set_title(wrap(words, 40))
        return finish(figure, "caseload-coordinators", title, note)


def _draw_heat(axes: Any, rows: pd.DataFrame, outcome: str, lang: str) -> None:
    means = rows.pivot_table(index="caseload", columns="coordinators", values="mean", dropna=False)
    gain = BETTER[outcome] * means.to_numpy()
    most = float(np.nanmax(np.abs(gain))) or 1.0
    colours = LinearSegmentedColormap.from_list("worse-better", ["#E69F00", "white", "#56B4E9"])
    axes.imshow(gain, cmap=colours, norm=TwoSlopeNorm(0.0, -most, most), aspect="auto", origin="lower")
    column = {c: i for i, c in enumerate(means.columns)}
    line = {k: i for i, k in enumerate(means.index)}
    for row in rows.to_dict("records"):
        text = fine(float(row["mean"]), outcome, lang)
        text = f"({text})" if holds_zero(row) else text
        place = (column[row["coordinators"]], line[row["caseload"]])
        axes.text(*place, text, ha="center", va="center", fontsize=CELL)
    axes.set_xticks(range(len(means.columns)), [number(float(str(c)), lang) for c in means.columns])
    axes.set_yticks(range(len(means.index)), [number(k, lang) for k in means.index])
    axes.set_xlabel(say("frontier.coordinators_axis", lang))
    axes.set_ylabel(wrap(say("frontier.caseload_axis", lang), 26))
    axes.grid(visible=False)


# ---- what more coordinators add --------------------------------------------------------------------------------------


def more_coordinators(table: pd.DataFrame, marginal: pd.DataFrame, caseload: int, lang: str) -> Picture:
    """Families followed, and the effect with its interval, against coordinators, at one caseload; a line a number of places."""
    rows = table[(table["caseload"] == caseload) | (table["coordinators"] == 0)]
    outcomes = _outcomes(rows)
    factors = [float(f) for f in sorted(rows["places"].unique())]
    factors = sorted({factors[0], 1.0, factors[-1]} & set(factors))
    title = say("frontier.more_title", lang, caseload=number(caseload, lang))
    today = rows[(rows["places"] == 1.0) & (rows["outcome"] == outcomes[0])].sort_values("coordinators")
    last = today.iloc[-1]
    note = say(
        "frontier.more_note", lang, last=number(last["coordinators"], lang), room=number(last["coordinators"] * caseload, lang),
        families=number(last["families_followed"], lang), cost=millions(float(last["staffing_cost_a_year"]), lang),
    )  # fmt: skip
    note = f"{note} {_more_words(marginal, outcomes[0], caseload, lang)}".strip()
    with style():
        figure, panels = _panels(len(outcomes) + 1, title, note)
        for axes in panels:
            axes.set_xlabel(say("frontier.coordinators_axis", lang))
        for k, f in enumerate(factors):
            look = _dots(k) | {"linestyle": "-", "linewidth": 1.4, "markersize": 5}
            step = 0.12 * (k - (len(factors) - 1) / 2.0)
            for axes, outcome in zip(panels[1:], outcomes, strict=True):
                line = rows[(rows["outcome"] == outcome) & (rows["places"] == f)].sort_values("coordinators")
                x = line["coordinators"] + step
                axes.plot(x, line["mean"], **look)
                axes.vlines(x, line["ci_low"], line["ci_high"], color=look["color"], linewidth=1.0)
            line = rows[(rows["outcome"] == outcomes[0]) & (rows["places"] == f)].sort_values("coordinators")
            panels[0].plot(line["coordinators"] + step, line["families_followed"], **look)
        room = today[today["coordinators"] * caseload <= 1.3 * today["families_followed"].max()]
        panels[0].plot(room["coordinators"], room["coordinators"] * caseload, color=GREY, linestyle=":")
        panels[0].set_ylim(0.0, 1.35 * max(float(rows["families_followed"].max()), 1.0))
        panels[0].set_title(say("frontier.followed", lang))
        number_axis(panels[0].yaxis, lang)
        for axes, outcome in zip(panels[1:], outcomes, strict=True):
            _effect_axis(axes, outcome, lang)
            _title(axes, outcome, lang)
        handles = [
            Line2D(
                [], [], label=say("frontier.places", lang, places=factor(f, lang)), **(_dots(k) | {"linestyle": "-"})
            )
            for k, f in enumerate(factors)
        ]
        handles.append(Line2D([], [], color=GREY, linestyle=":", label=say("frontier.room", lang)))
        _legend(figure, handles, note)
        return finish(figure, "more-coordinators", title, note)


def _more_words(marginal: pd.DataFrame, outcome: str, caseload: int, lang: str) -> str:
    """What each of the first and of the last coordinators gives; nothing where the grid has one step."""
    at = (marginal["outcome"] == outcome) & (marginal["caseload"] == caseload) & (marginal["places"] == 1.0)
    steps = marginal[at].to_dict("records")
    if len(steps) < 2:
        return ""
    ends = {"first": effect(steps[0], outcome, lang), "last": effect(steps[-1], outcome, lang)}
    zero = say("frontier.from_zero", lang) if holds_zero(steps[-1]) else ""
    return say("frontier.more_each", lang, outcome=outcome_name(outcome, lang), zero=zero, **ends)
