"""Figures of the economic evaluation: cost against effect over draws, and how probable it is to be worth its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from results.amounts import kroner, payer_name, words_for
from results.language import capital, number, percent, say
from results.sensitivity_words import listed
from results.style import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    MARKERS,
    VERMILLION,
    WIDTH,
    Picture,
    finish,
    header,
    margins,
    number_axis,
    style,
    wrap,
)

COLOURS: Final = {"municipality": BLUE, "state": GREEN, "public": GREEN, "society": VERMILLION, "family": GREY}
PLANE_PAYERS: Final = ("municipality", "society")
"""Two clouds can be told apart in one panel; the tables have the others."""
MOST_DRAWN: Final = 400  # points of a cloud
ACROSS: Final = 2  # panels beside each other
LETTERS: Final = 46  # of a line under or over a panel


def plane(table: pd.DataFrame, contrast: Mapping[str, Any], position: int, lang: str) -> Picture | None:
    """The cost-effectiveness plane of a contrast, a panel a gain; None where there is nothing."""
    rows = table[(table.contrast == contrast["name"]) & table.payer.isin(PLANE_PAYERS)]
    gains = list(dict.fromkeys(rows["gain"].astype(str)))
    if not gains:
        return None
    title = say("budget.plane_title", lang, name=contrast["name"])
    parts: list[str] = []
    with style():
        note = say("budget.plane_note", lang)
        figure, panels = _panels(len(gains), note)
        for panel, gain in zip(panels, gains, strict=True):
            ours = rows[rows["gain"] == gain]
            for payer in PLANE_PAYERS:
                cloud = ours[ours["payer"] == payer]
                if len(cloud):
                    _cloud(panel, cloud, payer)
                    parts.append(_plane_part(cloud, gain, payer, lang))
            for values, limits in ((ours["effect"], panel.set_xlim), (ours["cost"], panel.set_ylim)):
                if not values.any():  # nothing differs: zero in the middle, not the smallest of numbers
                    limits(-1, 1)
            panel.axhline(0, color=BLACK, linewidth=1)
            panel.axvline(0, color=BLACK, linewidth=1)
            panel.set_xlabel(wrap(capital(words_for("budget", gain, lang)), LETTERS))
            panel.locator_params(nbins=5)
            number_axis(panel.xaxis, lang, signed=True)
            number_axis(panel.yaxis, lang, signed=True)
        _first_of_rows(panels, say("budget.plane_y", lang))
        _legend(figure, [p for p in PLANE_PAYERS if (rows["payer"] == p).any()], note, lang)
        header(figure, title, note)
        count = number(int(rows["draw"].nunique()), lang)
        alt = say("budget.plane_alt", lang, count=count, parts=" ".join(parts))
        return finish(figure, f"plane-{position + 1}", title, alt)


def _cloud(panel: Any, cloud: pd.DataFrame, payer: str) -> None:
    look = {"color": COLOURS[payer], "linestyle": "none"}
    marker = MARKERS[PLANE_PAYERS.index(payer)]
    some = cloud.iloc[:: -(-len(cloud) // MOST_DRAWN)]
    panel.plot(some["effect"], some["cost"] / 1e6, marker=marker, markersize=4, alpha=0.5, markeredgewidth=0, **look)
    middle = float(cloud["effect"].mean()), float(cloud["cost"].mean()) / 1e6
    panel.plot(*middle, marker=marker, markersize=10, markeredgecolor="white", markeredgewidth=1.5, **look)


def _plane_part(cloud: pd.DataFrame, gain: str, payer: str, lang: str) -> str:
    ahead = {"share": cloud["effect"], "cheaper": -cloud["cost"]}
    told = {key: percent(float((np.sign(values) + 1).mean() / 2), lang) for key, values in ahead.items()}  # ties half
    name = capital(words_for("budget", gain, lang))
    return say("budget.plane_part", lang, gain=name, payer=payer_name(payer, lang), **told)


def acceptability(table: pd.DataFrame, contrast: Mapping[str, Any], position: int, lang: str) -> Picture | None:
    """The acceptability curves of a contrast, a panel a gain, a line a payer; None where there is nothing."""
    all_rows = table[(table.contrast == contrast["name"]) & table.payer.isin(list(COLOURS))]
    rows = all_rows.dropna(subset=["probability"])  # it has none where nothing differs
    gains = list(dict.fromkeys(rows["gain"].astype(str)))
    if not gains:
        return None
    title = say("budget.accept_title", lang, name=contrast["name"])
    payers = [payer for payer in COLOURS if (rows["payer"] == payer).any()]
    parts: list[str] = []
    rising = any(still_rising(line.sort_values("threshold")) for _, line in rows.groupby(["gain", "payer"]))
    notes = [say(f"budget.{key}", lang) for key in ("accept_note", *(["accept_rising"] if rising else []))]
    unmoved = [payer_name(payer, lang) for payer in COLOURS if payer in set(all_rows["payer"]) - set(payers)]
    notes += [say("budget.accept_unmoved", lang, payers=listed(unmoved, lang))] if unmoved else []
    note = " ".join(notes)
    with style():
        figure, panels = _panels(len(gains), note)
        for panel, gain in zip(panels, gains, strict=True):
            for index, payer in enumerate(payers):
                line = rows[(rows["gain"] == gain) & (rows["payer"] == payer)].sort_values("threshold")
                if not len(line):
                    continue
                x, y = line["threshold"] / 1000.0, line["probability"]
                panel.plot(x, y, color=COLOURS[payer], linestyle=DASHES[index + 1], linewidth=1.8)
                every = max(len(line) // 4, 1)
                panel.plot(x, y, color=COLOURS[payer], linestyle="none", marker=MARKERS[index], markevery=every)
                parts.append(_accept_part(line, gain, payer, lang))
            panel.axhline(0.5, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
            panel.set_ylim(-0.02, 1.02)
            panel.locator_params(axis="x", nbins=5)
            panel.set_title(wrap(capital(words_for("budget", gain, lang)), LETTERS - 4))
            panel.set_xlabel(say("budget.accept_x", lang))
            number_axis(panel.xaxis, lang)
            number_axis(panel.yaxis, lang, share=True)
        _first_of_rows(panels, say("budget.accept_y", lang))
        _legend(figure, payers, note, lang, lines=True)
        header(figure, title, note)
        alt = say("budget.accept_alt", lang, parts=" ".join(parts))
        return finish(figure, f"acceptability-{position + 1}", title, alt)


def _accept_part(line: pd.DataFrame, gain: str, payer: str, lang: str) -> str:
    first, last = (percent(float(line["probability"].iloc[end]), lang) for end in (0, -1))
    top = kroner(float(line["threshold"].iloc[-1]), lang)
    name = capital(words_for("budget", gain, lang))
    key = "accept_part_rising" if still_rising(line) else "accept_part"
    return say(f"budget.{key}", lang, gain=name, payer=payer_name(payer, lang), first=first, last=last, top=top)


def still_rising(line: pd.DataFrame) -> bool:
    """Whether a curve, by its thresholds, is on its way up where the axis ends: a point in its last tenth, and not there yet."""
    probability = line["probability"].to_numpy(float)
    before = probability[-1 - max(len(probability) // 10, 1)] if len(probability) > 1 else probability[-1]
    return bool(probability[-1] - before >= 0.01 and probability[-1] < 0.99)


# ---- panels ----------------------------------------------------------------------------------------------------------


def _panels(count: int, note: str) -> tuple[Figure, list[Any]]:
    """Panels in rows, with margins in inches so that text never meets a panel."""
    rows = -(-count // ACROSS)
    columns = min(count, ACROSS)
    tall, above, below, gap = 2.3, 0.95, margins("", note, WIDTH)[1] + 0.88, 1.0
    height = above + rows * tall + (rows - 1) * gap + below
    figure = Figure(figsize=(WIDTH, height))
    left, between = 0.085, 0.075
    width = min((0.98 - left - between * (columns - 1)) / columns, 0.5)
    panels = []
    for index in range(count):
        row, column = divmod(index, ACROSS)
        y = height - above - (row + 1) * tall - row * gap
        panels.append(figure.add_axes((left + column * (width + between), y / height, width, tall / height)))
    return figure, panels


def _first_of_rows(panels: Sequence[Any], text: str) -> None:
    for panel in panels[::ACROSS]:
        panel.set_ylabel(text)


def _legend(figure: Figure, payers: Sequence[str], note: str, lang: str, *, lines: bool = False) -> None:
    from matplotlib.lines import Line2D

    places = {payer: index for index, payer in enumerate(payers if lines else PLANE_PAYERS)}
    handles = [
        Line2D(
            [], [], color=COLOURS[payer], marker=MARKERS[places[payer]], label=capital(payer_name(payer, lang)),
            linestyle=DASHES[places[payer] + 1] if lines else "none",
        )
        for payer in payers
    ]  # fmt: skip
    height = float(figure.get_size_inches()[1])
    foot = margins("", note, WIDTH)[1]
    figure.legend(handles=handles, loc="lower center", ncols=3, bbox_to_anchor=(0.5, foot / height))
