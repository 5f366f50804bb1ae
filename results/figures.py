"""The figures of a run, as functions of its saved tables. Each gives a picture and says in words what it shows.

``alt`` texts are computed from the same numbers as the picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from results import words
from results.language import capital, number, percent, say
from results.lives import LifeMonth, two_lives
from results.statistics import HEADLINES
from results.style import (
    AREAS,
    BLACK,
    BLUE,
    GREY,
    SKY,
    WIDTH,
    Picture,
    arm_style,
    finish,
    header,
    label_line_ends,
    month_ticks,
    number_axis,
    shorten,
    style,
    wrap,
)
from simulation.names import BENEFITS, SERVICES

__all__ = ["LifeMonth", "Picture", "differences", "headline", "reach", "services", "sources", "two_lives"]

FEW_ARMS: Final = 5
SOURCES: Final = ("work", *BENEFITS[1:], "social_assistance", "none")


# ---- reading the tables ---------------------------------------------------------------------------------------------


def _lines(outcomes: pd.DataFrame, outcome: str, population: str) -> dict[str, pd.DataFrame]:
    """The months of an outcome on the study's calendar, by arm."""
    rows = outcomes[
        (outcomes.outcome == outcome) & (outcomes.population == population) & (outcomes.clock == "study")
    ].sort_values("month")
    return {str(arm): block for arm, block in rows.groupby("arm", sort=False)}


def _spread(table: pd.DataFrame, first: str, second: str) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Mean, p05 and p95 by two columns of names."""
    keys = zip(table[first].astype(str), table[second].astype(str), strict=True)
    values = zip(table["mean"].astype(float), table["p05"].astype(float), table["p95"].astype(float), strict=True)
    return dict(zip(keys, values, strict=True))


def _last(table: pd.DataFrame) -> int:
    return int(table.month.max()) if len(table) else 0


def _grid(rows: int, row_height: float, *, left: float = 0.09, right: float = 0.76, top: float = 0.75,
          bottom: float = 1.05, gap: float = 0.62) -> tuple[Figure, list[Any]]:  # fmt: skip
    """A column of panels with margins in inches above, below and between, so that text never meets a panel."""
    height = top + bottom + rows * row_height + (rows - 1) * gap
    figure = Figure(figsize=(WIDTH, height))
    panels = []
    for row in range(rows):
        y = height - top - (row + 1) * row_height - row * gap
        panels.append(figure.add_axes((left, y / height, right - left, row_height / height)))
    return figure, panels


# ---- (a) three headline outcomes ------------------------------------------------------------------------------------


def headline(outcomes: pd.DataFrame, arms: Sequence[str], lang: str) -> Picture:
    """The three headline outcomes of the eligible families by arm over time, p05-p95 over replicates as bands."""
    title = say("figure.headline_title", lang)
    parts = []
    with style():
        figure, panels = _grid(3, 2.35, right=0.735)
        for panel, outcome in zip(panels, HEADLINES, strict=True):
            lines = _lines(outcomes, outcome, "eligible")
            ends = []
            for index, arm in enumerate(arms):
                if arm not in lines:
                    continue
                line, look = lines[arm], arm_style(index)
                panel.fill_between(
                    line.month, line.p05, line.p95, color=look["color"], alpha=min(0.05, 0.2 / len(arms)), linewidth=0
                )
                # Bands lie over each other: their edges tell them apart, as long as they are few.
                for edge in (line.p05, line.p95) if len(arms) <= FEW_ARMS else ():
                    panel.plot(line.month, edge, color=look["color"], linestyle=look["linestyle"], linewidth=0.7)
                panel.plot(line.month, line["mean"], color=look["color"], linestyle=look["linestyle"], linewidth=2)
                ends.append((float(line.month.iloc[-1]), float(line["mean"].iloc[-1]), shorten(arm), look["color"]))
            panel.set_title(say(f"panel.{outcome}", lang))
            _calendar(panel, lines)
            number_axis(panel.yaxis, lang, share=words.is_share(outcome))
            number_axis(panel.xaxis, lang)
            _mark_start(panel, lang)
            label_line_ends(panel, ends)
            if ends:
                values = ", ".join(
                    f"{arm} {words.level(float(line['mean'].iloc[-1]), outcome, lang)}" for arm, line in lines.items()
                )
                month = number(_last(next(iter(lines.values()))), lang)
                name = say(f"panel.{outcome}_short", lang)
                parts.append(say("alt.headline_part", lang, panel=name, month=month, values=values))
        panels[-1].set_xlabel(say("figure.month", lang))
        header(figure, title, say("figure.headline_note", lang))
        alt = say("alt.headline", lang, month=number(_last(outcomes), lang)) + " ".join(parts)
        return finish(figure, "headline", title, alt)


def _calendar(panel: Any, lines: Mapping[str, pd.DataFrame]) -> None:
    """The x axis over all months there are."""
    months = [int(month) for line in lines.values() for month in (line.month.min(), line.month.max())]
    first, last = (min(months), max(months)) if months else (0, 1)
    panel.set_xlim(first, max(last, first + 1))
    panel.set_xticks(month_ticks(first, max(last, first + 1)))


def _mark_start(panel: Any, lang: str) -> None:
    """Month 0, where the arms part."""
    panel.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (2, 2)))
    panel.annotate(
        say("figure.start", lang), (0, 1), xycoords=("data", "axes fraction"), xytext=(4, -3),
        textcoords="offset points", va="top", fontsize=9, color=BLACK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
    )  # fmt: skip


# ---- (b) paired differences -----------------------------------------------------------------------------------------


def differences(table: pd.DataFrame, contrast: Mapping[str, str], position: int, lang: str) -> Picture:
    """The paired differences of one contrast over time, with the two kinds of uncertainty kept apart.

    ``contrast`` has ``name``, ``arm`` and ``against``, and ``id`` where its file is not named by its name; ``position`` is its
    number in the study, for the file name.
    """
    arm, against = contrast["arm"], contrast["against"]
    sides = say("figure.difference_title", lang, arm=arm, against=against)
    title = sides if contrast["name"] in (sides, f"{arm} vs {against}") else f"{contrast['name']}: {sides}"
    rows = table[(table.contrast == contrast["name"]) & (table.population == "eligible")]
    sentences = []
    with style():
        figure, panels = _grid(3, 1.95, left=0.115, right=0.84, top=1.1, gap=0.98)
        for panel, outcome in zip(panels, HEADLINES, strict=True):
            line = rows[rows.outcome == outcome].sort_values("month")
            if not len(line):
                _nothing(panel, lang, say(f"panel.{outcome}_short", lang))
                continue
            row = {str(name): value for name, value in line.iloc[-1].items()}
            sentences.append(words.difference_sentence(row, arm, against, lang))
            panel.set_title(wrap(words.difference_title(row, lang), 96))
            panel.fill_between(line.month, line.p05, line.p95, color=SKY, alpha=0.35, linewidth=0)
            panel.fill_between(line.month, line.ci_low, line.ci_high, color=BLUE, alpha=0.55, linewidth=0)
            panel.plot(line.month, line["mean"], color=BLACK, linewidth=1.6)
            panel.axhline(0, color=BLACK, linewidth=1.2, linestyle=(0, (4, 2)))
            around_zero(panel, line, outcome)
            last = max(_last(line), 1)
            panel.set_xlim(0, last)
            panel.set_xticks(month_ticks(0, last))
            number_axis(panel.xaxis, lang)
            points = words.is_share(outcome)
            number_axis(panel.yaxis, lang, signed=True, points=points)
            panel.set_ylabel(say(f"figure.difference_axis_{'points' if points else 'nok'}", lang), fontsize=9)
            panel.yaxis.set_label_coords(-0.105, 0.5)
            ends = [
                (float(last), float(line[column].iloc[-1]), say(f"figure.{key}", lang), colour)
                for column, key, colour in (("mean", "mean", BLACK), ("p95", "band_draws", "#2f7fb0"))
                if np.isfinite(line[column].iloc[-1])
            ]
            label_line_ends(panel, ends, size=9)
        panels[-1].set_xlabel(say("figure.month", lang))
        header(figure, title, say("figure.difference_note", lang))
        alt = say("alt.difference", lang, arm=arm, against=against, month=number(_last(rows), lang))
        name = f"differences-{position + 1}-{slug(contrast.get('id', contrast['name']))}"
        return finish(figure, name, title, alt + " ".join(sentences))


def around_zero(panel: Any, line: pd.DataFrame, outcome: str) -> None:
    """Limits that hold the bands and zero, and never blow up a difference of nothing."""
    values = line[["p05", "p95", "ci_low", "ci_high", "mean"]].to_numpy()
    least = 0.005 if words.is_share(outcome) else 50.0
    low = min(float(np.nanmin(values)), -least)
    high = max(float(np.nanmax(values)), least)
    room = 0.08 * (high - low)
    panel.set_ylim(low - room, high + room)


def _nothing(panel: Any, lang: str, title: str = "") -> None:
    panel.set_title(title)
    panel.set_axis_off()
    panel.text(0.5, 0.5, say("figure.nothing", lang), ha="center", va="center", color=GREY, transform=panel.transAxes)


def slug(text: str) -> str:
    """A name that is safe in a file name on every system."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ø", "o").replace("æ", "ae")).encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9]+", "-", plain.decode()).strip("-")[:60] or "contrast"


# ---- (c) sources of income ------------------------------------------------------------------------------------------


def sources(outcomes: pd.DataFrame, arms: Sequence[str], lang: str) -> Picture:
    """The largest source of income of the parents of eligible families, stacked, one panel an arm."""
    title = say("figure.sources_title", lang)
    eligible = outcomes[(outcomes.population == "eligible") & (outcomes.clock == "study") & (outcomes.month >= 0)]
    tables = {
        arm: pd.DataFrame(
            {
                source: rows[rows.outcome == f"income_source_{source}_share"].set_index("month")["mean"]
                for source in SOURCES
            }
        ).sort_index()
        for arm in arms
        if len(rows := eligible[eligible.arm == arm])
    }
    columns = 2 if len(tables) > 1 else 1
    rows_of_panels = max(-(-len(tables) // columns), 1)
    height = 0.75 + rows_of_panels * 2.5 + (rows_of_panels - 1) * 0.62 + 1.75
    texts = []
    with style():
        figure = Figure(figsize=(WIDTH, height))
        for index, (arm, table) in enumerate(tables.items()):
            row, column = divmod(index, columns)
            y = height - 0.75 - (row + 1) * 2.5 - row * 0.62
            width = (0.88 - 0.06 * (columns - 1)) / columns
            panel = figure.add_axes((0.09 + column * (width + 0.06), y / height, width, 2.5 / height))
            areas = panel.stackplot(
                table.index,
                table.fillna(0.0).to_numpy().T,
                colors=[c for c, _ in AREAS],
                edgecolor="white",
                linewidth=0.4,
            )
            for area, (_, hatch) in zip(areas, AREAS, strict=True):
                area.set_hatch(hatch)
            last = max(int(table.index.max()), 1)
            panel.set_xlim(0, last)
            panel.set_ylim(0, 1)
            panel.set_xticks(month_ticks(0, last))
            panel.set_title(shorten(arm, 44))
            panel.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
            number_axis(panel.xaxis, lang)
            number_axis(panel.yaxis, lang, share=True)
            if column:
                panel.set_yticklabels([])
            else:
                panel.set_ylabel(say("figure.sources_axis", lang))
            if row == rows_of_panels - 1:
                panel.set_xlabel(say("figure.month_short", lang))
            largest = table.iloc[-1].nlargest(2)
            values = ", ".join(f"{say(f'source.{s}', lang)} {percent(v, lang)}" for s, v in largest.items())
            texts.append(f"{arm}: {values}.")
        handles = [
            Patch(facecolor=colour, hatch=hatch, edgecolor="white" if not hatch else "#ffffff", label=capital(text))
            for (colour, hatch), text in zip(AREAS, (say(f"source.{s}", lang) for s in SOURCES), strict=True)
        ]
        figure.legend(
            handles=handles, loc="lower center", ncols=3, fontsize=9.5, bbox_to_anchor=(0.5, 0.08 / height),
            handlelength=2.2, handleheight=1.2,
        )  # fmt: skip
        header(figure, title, "")
        alt = say("alt.sources", lang, month=number(_last(outcomes), lang)) + " ".join(texts)
        return finish(figure, "income-sources", title, alt)


# ---- (d) services ---------------------------------------------------------------------------------------------------


def services(outcomes: pd.DataFrame, arms: Sequence[str], lang: str) -> Picture:
    """Waiting time and use of each service by arm at the horizon, for the whole pool."""
    month = _last(outcomes[outcomes.clock == "study"])
    rows = outcomes[(outcomes.population == "pool") & (outcomes.clock == "study") & (outcomes.month == month)]
    title = say("figure.services_title", lang, month=number(month, lang))
    values = _spread(rows, "outcome", "arm")
    lane = max(0.62, 0.15 * len(arms) + 0.12)  # inches for a service
    below = 0.95 + 0.24 * -(-len(arms) // _legend_columns(arms))  # inches: axis, legend and note
    height = 0.8 + lane * len(SERVICES) + below
    apart = 0.8 / max(len(arms), 1)
    with style():
        figure = Figure(figsize=(WIDTH, height))
        for side, (kind, left) in enumerate((("wait", 0.175), ("use", 0.60))):
            panel = figure.add_axes((left, below / height, 0.375, lane * len(SERVICES) / height))
            for s, service in enumerate(SERVICES):
                if s % 2:
                    panel.axhspan(s - 0.5, s + 0.5, color="#f4f4f4", zorder=0)
                seen = False
                for a, arm in enumerate(arms):
                    if (f"{kind}_{service}", arm) not in values:
                        continue
                    mean, low, high = values[f"{kind}_{service}", arm]
                    look, y, seen = arm_style(a), s + (a - (len(arms) - 1) / 2) * apart, True
                    panel.plot([low, high], [y, y], color=look["color"], linewidth=1.4, solid_capstyle="butt")
                    panel.plot(mean, y, marker=look["marker"], color=look["color"], markersize=5.5, linestyle="none")
                if not seen and kind == "wait":
                    panel.text(0.02, s, say("figure.services_none", lang), transform=panel.get_yaxis_transform(),
                               va="center", fontsize=9, color=GREY)  # fmt: skip
            panel.set_ylim(len(SERVICES) - 0.5, -0.5)
            overfull = bool((rows.p95[rows.outcome.str.startswith("use_")] > 1).any())
            panel.set_xlim(left=0, right=1.02 if kind == "use" and not overfull else None)
            panel.set_yticks(range(len(SERVICES)))
            panel.set_yticklabels([] if side else [capital(say(f"service.{s}", lang)) for s in SERVICES])
            panel.tick_params(axis="y", length=0)
            panel.grid(visible=False, axis="y")
            panel.set_title(say(f"figure.services_{kind}", lang))
            number_axis(panel.xaxis, lang, share=kind == "use")
        _arm_legend(figure, arms, height, 0.36)
        header(figure, title, say("figure.services_note", lang))
        return finish(figure, "services", title, _services_alt(rows, month, lang))


def _services_alt(rows: pd.DataFrame, month: int, lang: str) -> str:
    waits = rows[rows.outcome.str.startswith("wait_")]
    longest = say("alt.services_no_wait", lang)
    if len(waits) and waits["mean"].max() > 0:
        row = waits.loc[[waits["mean"].idxmax()]].iloc[0]
        service = say(f"service.{str(row.outcome).removeprefix('wait_')}", lang)
        longest = f"{service}, {row.arm}, {number(float(row['mean']), lang, 1)} {say('unit.months', lang)}"
    return say("alt.services", lang, number=len(SERVICES), month=number(month, lang), longest=longest)


def _legend_columns(arms: Sequence[str]) -> int:
    """How many names of arms have room beside each other."""
    letters = sum(len(shorten(arm)) for arm in arms) / max(len(arms), 1)
    return max(1, min(len(arms), int(0.96 * WIDTH / (0.6 + 0.09 * letters))))


def _arm_legend(
    figure: Figure, arms: Sequence[str], height: float, bottom: float, shown: Sequence[str] | None = None
) -> None:
    """Names of the arms (or those shown) with their marker and line, below the panels."""
    shown = arms if shown is None else shown
    handles = [
        Line2D([], [], color=look["color"], marker=look["marker"], linestyle="-", label=shorten(arm))
        for arm, look in ((arm, arm_style(list(arms).index(arm))) for arm in shown)
    ]
    columns = _legend_columns(shown)
    figure.legend(handles=handles, loc="lower center", ncols=columns, bbox_to_anchor=(0.5, bottom / height))


# ---- (e) reach against intensity ------------------------------------------------------------------------------------


def reach(table: pd.DataFrame, arms: Sequence[str], horizon: int, lang: str) -> Picture:
    """How many families each arm ever followed, against contact hours per followed family and month."""
    title = say("figure.reach_title", lang)
    values = _spread(table, "arm", "measure")
    followed = [arm for arm in arms if (arm, "contact_hours_per_family") in values]
    texts = []
    with style():
        below = 1.05 + 0.24 * -(-len(followed) // _legend_columns(followed))  # inches: axis, legend and note
        height = 4.0 + below
        figure = Figure(figsize=(WIDTH, height))
        panel = figure.add_axes((0.09, below / height, 0.86, (height - below - 0.65) / height))
        wide, high = 1.0, 1.0
        for arm in followed:
            look = arm_style(list(arms).index(arm))
            x, x_low, x_high = values[arm, "families_ever_followed"]
            y, y_low, y_high = values[arm, "contact_hours_per_family"]
            panel.plot([x_low, x_high], [y, y], color=look["color"], linewidth=1.6)
            panel.plot([x, x], [y_low, y_high], color=look["color"], linewidth=1.6)
            panel.plot(x, y, marker=look["marker"], color=look["color"], markersize=9, markeredgecolor="white")
            wide, high = max(wide, x_high), max(high, y_high)
            numbers = {"families": number(x, lang), "hours": number(y, lang, 1)}
            texts.append(say("alt.reach_part", lang, arm=arm, **numbers))
        panel.set_xlim(0, wide * 1.1)
        panel.set_ylim(0, high * 1.18)
        panel.set_xlabel(say("figure.reach_x", lang, months=number(horizon, lang)))
        panel.set_ylabel(wrap(say("figure.reach_y", lang), 40))
        number_axis(panel.xaxis, lang)
        number_axis(panel.yaxis, lang)
        without = [arm for arm in arms if arm not in followed]
        if without:
            text = wrap(say("figure.reach_none", lang, arms=", ".join(without)), 60)
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 2}
            panel.text(
                0.99, 0.97, text, transform=panel.transAxes, ha="right", va="top", fontsize=9.5, color=GREY, bbox=ground
            )
        if followed:
            _arm_legend(figure, arms, height, 0.36, followed)
        header(figure, title, say("figure.reach_note", lang))
        return finish(figure, "reach-intensity", title, say("alt.reach", lang) + " ".join(texts))
