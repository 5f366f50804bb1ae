"""The figures of a fit: what it learnt of each parameter, each target beside the model, and recovery on synthetic truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from results import files
from results.language import number, percent, say
from results.style import BLUE, GREY, ORANGE, PALE, VERMILLION, WIDTH, Picture, finish, header, number_axis, save, style

if TYPE_CHECKING:
    from calibration.fitting import Fit

Z90: Final = 1.6448536269514722
ROW: Final = 0.29  # inches of a row
LEFT: Final = 0.31  # of the figure's width, for names
BINS: Final = 10


def write_figures(folder: Path, fit: Fit, tables: dict[str, pd.DataFrame], lang: str) -> list[Picture]:
    """Draw and write the figures of a fit."""
    pictures = [parameters_figure(fit, tables["parameters"], lang), targets_figure(tables["targets"], lang)]
    if "recovery" in tables:
        pictures.append(ranks_figure(tables["ranks"], tables["recovery"], lang))
    files.make_folder(folder)
    for picture in pictures:
        save(folder, picture.name, picture.images)
    return pictures


def _rows(count: int, lang: str, title: str, note: str) -> tuple[Figure, Any]:
    """A figure with a row for each of so many names."""
    height = 1.9 + ROW * count
    figure = Figure(figsize=(WIDTH, height))
    bottom, top = 1.15 / height, 1 - 0.75 / height
    axes = figure.add_axes((LEFT, bottom, 0.95 - LEFT, top - bottom))
    axes.set_ylim(count - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    header(figure, title, note)
    return figure, axes


# ---- parameters ------------------------------------------------------------------------------------------------------


def parameters_figure(fit: Fit, table: pd.DataFrame, lang: str) -> Picture:
    """Prior and posterior of every fitted input, where the prior is the same bar for all."""
    order = table["contraction"].sort_values(ascending=False, kind="stable").index.to_list()
    names = [str(table["parameter"][i]) for i in order]
    silent = [str(table["parameter"][i]) for i in order if table["says"][i] == "nothing"]
    most = names[0]
    alt = say(
        "calibration.parameters_alt", lang,
        most=most, contraction=percent(float(table["contraction"].max()), lang),
        silent=number(len(silent), lang), count=number(len(names), lang),
    )  # fmt: skip
    title = say("calibration.parameters_title", lang)
    with style():
        figure, axes = _rows(len(names), lang, title, alt)
        for row, i in enumerate(order):
            low, middle, high = np.quantile(fit.z[:, i], (0.05, 0.5, 0.95))
            axes.barh(row, 2 * Z90, left=-Z90, height=0.62, color=PALE)
            axes.plot([low, high], [row, row], color=BLUE, linewidth=3, solid_capstyle="butt")
            axes.plot([middle], [row], "o", color=BLUE, markersize=5)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlim(-2.6, 2.6)
        axes.set_xlabel(say("calibration.parameters_axis", lang))
        number_axis(axes.xaxis, lang)
        handles = [
            Patch(color=PALE, label=say("calibration.prior", lang)),
            Line2D([], [], color=BLUE, linewidth=3, marker="o", label=say("calibration.posterior", lang)),
        ]
        axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
        return finish(figure, "calibration-parameters", title, alt)


# ---- targets ---------------------------------------------------------------------------------------------------------


def targets_figure(table: pd.DataFrame, lang: str) -> Picture:
    """Where each published figure lies in what the model predicts, before and after the fit."""
    values = table[table["kind"] != "not_significant"]
    nulls = table[table["kind"] == "not_significant"]
    alt = say(
        "calibration.targets_alt", lang,
        inside=number(int(values["inside"].sum()), lang), values=number(len(values), lang),
        before=number(int(values["prior_inside"].sum()), lang),
        nulls=number(int(nulls["inside"].sum()), lang), all_nulls=number(len(nulls), lang),
        nulls_before=number(int(nulls["prior_inside"].sum()), lang),
    )  # fmt: skip
    title = say("calibration.targets_title", lang)
    with style():
        figure, axes = _rows(len(table), lang, title, alt)
        axes.axvspan(-1, 1, color=PALE)
        row: Any
        for place, row in enumerate([*values.itertuples(name="Row"), *nulls.itertuples(name="Row")]):
            before, after = _positions(row)
            axes.plot([before], [place], "D", color=GREY, markersize=4.5, markerfacecolor="white")
            axes.plot([after], [place], "o", color=BLUE if row.inside else VERMILLION, markersize=6)
        names = [
            f"{row.target}{'' if row.role == 'fit' else ' *'}" for row in [*values.itertuples(), *nulls.itertuples()]
        ]
        axes.set_yticks(range(len(names)), names)
        axes.set_xlim(-3.2, 3.2)
        axes.set_xlabel(say("calibration.targets_axis", lang))
        number_axis(axes.xaxis, lang)
        handles = [
            Line2D(
                [],
                [],
                color=GREY,
                marker="D",
                markerfacecolor="white",
                linestyle="",
                label=say("calibration.prior", lang),
            ),
            Line2D([], [], color=BLUE, marker="o", linestyle="", label=say("calibration.posterior", lang)),
            Line2D([], [], color=VERMILLION, marker="o", linestyle="", label=say("calibration.outside", lang)),
        ]
        axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
        return finish(figure, "calibration-targets", title, alt)


def _positions(row: Any) -> tuple[float, float]:
    """Where the figure lies, in half-widths of the predicted 90 % interval; a null lies at the mean z of the trials."""
    found = []
    for low, high in ((row.prior_low, row.prior_high), (row.low, row.high)):
        half = max((high - low) / 2.0, 1e-12)
        observed = 0.0 if row.kind == "not_significant" else row.observed
        found.append(float(np.clip((observed - (low + high) / 2.0) / half, -3.1, 3.1)))
    return found[0], found[1]


# ---- recovery --------------------------------------------------------------------------------------------------------


def ranks_figure(ranks: pd.DataFrame, recovery: pd.DataFrame, lang: str) -> Picture:
    """Rank histograms of every quantity, with the band that holds all bins of all at once."""
    from scipy.stats import binom

    names = list(ranks.columns)
    n, each = len(ranks), 0.05 / (len(names) * BINS)
    low, high = binom.ppf([each / 2, 1 - each / 2], n, 1.0 / BINS)
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
        height = 1.6 + 1.25 * lines
        figure = Figure(figsize=(WIDTH, height))
        header(figure, title, alt)
        for place, name in enumerate(names):
            across, down = place % columns, place // columns
            bottom = 1 - (0.75 + 1.25 * (down + 1) - 0.35) / height
            axes = figure.add_axes((0.05 + across * 0.24, bottom, 0.2, 0.7 / height))
            counts, _ = np.histogram(ranks[name], BINS, (0, int(ranks.max().max()) + 1))
            axes.axhspan(low, high, color=PALE)
            ok = bool(np.all((counts >= low) & (counts <= high)))
            axes.bar(np.arange(BINS), counts, width=0.9, color=BLUE if ok else ORANGE)
            axes.set_title(name.replace(" | ", "\n"), fontsize=7.5, fontweight="normal")
            axes.set_xticks([])
            axes.set_ylim(0, max(float(high) * 1.15, float(counts.max()) * 1.05))
            axes.tick_params(labelsize=7)
        return finish(figure, "calibration-ranks", title, alt)
