"""The figures of a fit: what it learnt of each parameter, each target beside the model, and recovery on synthetic truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from results import files
from results.calibration_section import told_apart
from results.language import capital, input_name, number, percent, say
from results.style import (
    BLUE,
    GREY,
    LETTER,
    ORANGE,
    PALE,
    SMALL,
    VERMILLION,
    WIDTH,
    Picture,
    finish,
    fit,
    header,
    margins,
    number_axis,
    save,
    style,
    wrap,
)

Z90: Final = 1.6448536269514722
LINE: Final = 0.165  # inches of a line of a name
ROW: Final = 0.185  # inches of a row with one line; a second takes a line more
LONGEST: Final = 68  # letters of a line of a name
TOP: Final = 0.8  # inches above the first panel: title and legend
AXIS: Final = 0.65  # inches under a panel: its axis
BETWEEN: Final = 0.8  # inches between two panels
ACROSS: Final = 54  # letters of a line under a panel
FURTHEST: Final = 3.1
"""Half-widths from the middle at which a figure is drawn at the edge, as an arrow."""
OF_NULLS: Final = 0.1
"""A null is inside where at least this share of the simulated trials repeat it: that of ``calibration.predictions``."""


def write_figures(folder: Path, tables: dict[str, pd.DataFrame], lang: str) -> list[Picture]:
    """Draw and write the figures of a fit, from its tables."""
    pictures = [parameters_figure(tables["parameters"], lang), targets_figure(tables["targets"], lang)]
    if "recovery" in tables:
        pictures.append(ranks_figure(tables["ranks"], tables["recovery"], lang))
    files.make_folder(folder)
    for picture in pictures:
        save(folder, picture.name, picture.images)
    return pictures


def _panels(names: list[list[str]], title: str, note: str) -> tuple[Figure, list[Any]]:
    """A figure with panels below each other, each with a tick for each of its names, in inches from the top."""
    shown = [[fit(name, LONGEST) for name in panel] for panel in names]
    rows = [np.array([ROW + LINE * name.count("\n") for name in panel]) for panel in shown]
    tall = [float(np.sum(inches)) for inches in rows]
    height = TOP + AXIS + margins("", note, WIDTH)[1] + sum(tall) + BETWEEN * (len(names) - 1)
    figure = Figure(figsize=(WIDTH, height))
    header(figure, title, note)
    left = (0.35 + LETTER * max(len(line) for panel in shown for name in panel for line in name.split("\n"))) / WIDTH
    found, top = [], height - TOP
    for panel, inches in zip(shown, rows, strict=True):
        bottom = top - float(np.sum(inches))
        axes = figure.add_axes((left, bottom / height, 0.97 - left, (top - bottom) / height))
        axes.set_ylim(np.sum(inches), 0.0)
        axes.set_yticks(np.cumsum(inches) - inches / 2.0, panel, linespacing=0.95)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        found.append(axes)
        top = bottom - BETWEEN
    return figure, found


def _legend(axes: Any, handles: list[Any]) -> None:
    """Right above the first panel, whatever its height."""
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles))


# ---- parameters ------------------------------------------------------------------------------------------------------


def parameters_figure(table: pd.DataFrame, lang: str) -> Picture:
    """Prior and posterior of every fitted input, where the prior is the same bar for all: 90 % of a standard normal.

    Parameters
    ----------
    table : ``parameter,z_p05,z_p50,z_p95,contraction,says``
    """
    ordered = table.sort_values("contraction", ascending=False, kind="stable", ignore_index=True)
    names = [input_name(str(name), lang) for name in ordered["parameter"]]
    alt = say(
        "calibration.parameters_alt", lang,
        most=names[0], contraction=percent(float(ordered["contraction"].max()), lang),
        silent=number(int((ordered["says"] == "nothing").sum()), lang), count=number(len(names), lang),
    )  # fmt: skip
    title = say("calibration.parameters_title", lang)
    with style():
        figure, (axes,) = _panels([[capital(name) for name in names]], title, alt)
        places = axes.get_yticks()
        axes.barh(places, 2 * Z90, left=-Z90, height=0.68 * ROW, color=PALE)
        row: Any
        for place, row in zip(places, ordered.itertuples(name="Row"), strict=True):
            colour = GREY if row.says == "nothing" else BLUE
            axes.plot([row.z_p05, row.z_p95], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([row.z_p50], [place], "o", color=colour, markersize=5)
        widest = np.nanmax([2.6, *(0.1 - ordered["z_p05"]), *(0.1 + ordered["z_p95"])])
        axes.set_xlim(-widest, widest)
        axes.set_xlabel(say("calibration.parameters_axis", lang))
        number_axis(axes.xaxis, lang)
        lines = ((BLUE, "posterior"), (GREY, "silent"))
        handles = [Patch(color=PALE, label=say("calibration.prior", lang))]
        handles += [_line(colour, say(f"calibration.{key}", lang), linewidth=3, marker="o") for colour, key in lines]
        _legend(axes, handles)
        return finish(figure, "calibration-parameters", title, alt)


def _line(colour: str, label: str, **look: Any) -> Any:
    return Line2D([], [], color=colour, label=label, **look)


# ---- targets ---------------------------------------------------------------------------------------------------------


def targets_figure(table: pd.DataFrame, lang: str) -> Picture:
    """Where each published figure lies in what the model predicts, before and after the fit; and how often nulls are repeated.

    Parameters
    ----------
    table : the columns of ``results.calibration.Asked``
    """
    null = table["kind"] == "not_significant"
    values, nulls = table[~null], table[null]
    alt = say(
        "calibration.targets_alt", lang,
        inside=number(int(values["inside"].sum()), lang), values=number(len(values), lang),
        before=number(int(values["prior_inside"].sum()), lang),
        nulls=number(int(nulls["inside"].sum()), lang), all_nulls=number(len(nulls), lang),
        nulls_before=number(int(nulls["prior_inside"].sum()), lang),
    )  # fmt: skip
    title = say("calibration.targets_title", lang)
    drawn = [(part, draw) for part, draw in ((values, _draw_values), (nulls, _draw_nulls)) if len(part)]
    with style():
        figure, panels = _panels([_target_names(part, lang) for part, _ in drawn], title, alt)
        for axes, (part, draw) in zip(panels, drawn, strict=True):
            draw(axes, part, lang)
        marks = ((BLUE, "posterior"), (VERMILLION, "outside"))
        before = _line(GREY, say("calibration.prior", lang), marker="D", markerfacecolor="white", linestyle="")
        after = [_line(colour, say(f"calibration.{key}", lang), marker="o", linestyle="") for colour, key in marks]
        _legend(panels[0], [before, *after])
        return finish(figure, "calibration-targets", title, alt)


def _target_names(table: pd.DataFrame, lang: str) -> list[str]:
    """Statistics in words that tell them apart; those that were not fitted bear a star."""
    stars = ["" if role == "fit" else "\N{NO-BREAK SPACE}*" for role in table["role"]]
    return [f"{capital(name)}{star}" for name, star in zip(told_apart(table, lang), stars, strict=True)]


def _draw_values(axes: Any, table: pd.DataFrame, lang: str) -> None:
    axes.axvspan(-1, 1, color=PALE)
    row: Any
    for place, row in zip(axes.get_yticks(), table.itertuples(name="Row"), strict=True):
        _pair(axes, place, *_positions(row), inside=row.inside)
    axes.set_xlim(-FURTHEST - 0.15, FURTHEST + 0.15)
    axes.set_xlabel(wrap(say("calibration.targets_axis", lang), ACROSS))
    number_axis(axes.xaxis, lang)


def _draw_nulls(axes: Any, table: pd.DataFrame, lang: str) -> None:
    axes.axvspan(OF_NULLS, 1, color=PALE)
    row: Any
    for place, row in zip(axes.get_yticks(), table.itertuples(name="Row"), strict=True):
        _pair(axes, place, row.prior_not_significant, row.not_significant, inside=row.inside)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(wrap(say("calibration.nulls_axis", lang), ACROSS))
    number_axis(axes.xaxis, lang, share=True)


def _pair(axes: Any, place: float, before: float, after: float, *, inside: bool) -> None:
    """Where a target lies before the fit and after, joined by a line; arrows for what lies further out."""
    colour = BLUE if inside else VERMILLION
    axes.plot([before, after], [place, place], color=GREY, linewidth=0.8)
    axes.plot([before], [place], _mark(before, "D"), color=GREY, markersize=4.5, markerfacecolor="white")
    axes.plot([after], [place], _mark(after, "o"), color=colour, markersize=6)


def _mark(x: float, usual: str) -> str:
    return ">" if x >= FURTHEST else "<" if x <= -FURTHEST else usual


def _positions(row: Any) -> tuple[float, float]:
    """Where the published figure lies, in half-widths of the predicted 90 % interval from its middle, before and after."""
    found = []
    for low, high in ((row.prior_low, row.prior_high), (row.low, row.high)):
        half = max((high - low) / 2.0, 1e-12)
        found.append(float(np.clip((row.observed - (low + high) / 2.0) / half, -FURTHEST, FURTHEST)))
    return found[0], found[1]


# ---- recovery --------------------------------------------------------------------------------------------------------


def ranks_figure(ranks: pd.DataFrame, recovery: pd.DataFrame, lang: str) -> Picture:
    """Rank histograms of every quantity, with the band that holds all bins of all at once."""
    from calibration.recovery import BINS, histogram

    names, n = list(ranks.columns), len(ranks)
    bins, low, high = histogram(ranks.to_numpy(np.int64))
    inside = int(recovery["inside"].sum())
    alt = say(
        "calibration.ranks_alt",
        lang,
        truths=number(n, lang),
        inside=number(inside, lang),
        count=number(len(recovery), lang),
    )
    title = say("calibration.ranks_title", lang)
    columns = 4
    lines = -(-len(names) // columns)
    with style():
        height = 1.1 + margins("", alt, WIDTH)[1] + 1.5 * lines
        figure = Figure(figsize=(WIDTH, height))
        header(figure, title, alt)
        for place, name in enumerate(names):
            across, down = place % columns, place // columns
            bottom = 1 - (0.55 + 1.5 * (down + 1)) / height
            axes = figure.add_axes((0.05 + across * 0.24, bottom, 0.2, 0.7 / height))
            counts = bins[place]
            axes.axhspan(low, high, color=PALE)
            ok = bool(np.all((counts >= low) & (counts <= high)))
            axes.bar(np.arange(BINS), counts, width=0.9, color=BLUE if ok else ORANGE)
            axes.set_title(
                "\n".join(fit(part, 23, 1) for part in name.split(" | ")), fontsize=SMALL, fontweight="normal"
            )
            axes.set_xticks([])
            axes.set_ylim(0, max(float(high) * 1.15, float(counts.max()) * 1.05))
        return finish(figure, "calibration-ranks", title, alt)
