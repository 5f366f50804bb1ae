"""The figures of a sensitivity analysis: one for each method and contrast, with a panel for each outcome and words under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from results import files, words
from results.language import capital, number, say
from results.sensitivity_words import (
    BoolArray,
    chance_of,
    chance_sentence,
    clear,
    findings,
    listed,
    name_of,
    panel_title,
    settled,
    short,
    told,
)
from results.style import (
    BLACK,
    BLUE,
    GREY,
    LETTER,
    NOTE_LETTERS,
    ORANGE,
    PALE,
    SMALL,
    TALLEST,
    WIDTH,
    Picture,
    arm_style,
    finish,
    fit,
    header,
    ink_on,
    label_line_ends,
    number_axis,
    save,
    style,
    wrap,
)

FloatArray = npt.NDArray[np.float64]

SHOWN: Final = 10
"""Rows of a panel: those with the largest index."""
FEWEST_SHOWN: Final = 5
"""Of these, where more would not fit on a page with all outcomes."""
LABELLED: Final = 6
"""Names in a panel of Morris."""
FEWEST: Final = 10
"""Parameters not told from zero that it takes to draw how far chance goes."""
CURVES: Final = 7
"""Curves of a panel of convergence: as many as there are colours."""
SIGNED_INDICES: Final = ("mu", "slope", "swing", "low_end", "high_end")
ROW: Final = 0.235  # inches of a row
SECOND_LINE: Final = 0.09  # inches more, where a name of the panel has two lines
LONGEST: Final = 50  # letters of a line of a name
ACROSS: Final = int(NOTE_LETTERS)  # letters of a line under a figure
ABOVE: Final = 0.62  # inches above a panel: its title and a line about chance
BELOW: Final = 0.62  # inches below a panel: its axis
LINE: Final = 0.182  # inches of a line of words
LOW, HIGH = ORANGE, BLUE
FIRST, TOTAL = "#8fc1e0", BLUE

Rows = pd.DataFrame
Tables = Mapping[str, Rows]


def write_figures(folder: Path, table: Rows, convergence: Rows | None, lang: str) -> list[Picture]:
    """Draw and write a figure for each method in the table and each contrast; those of the second end in ``-2``, and so on.

    Parameters
    ----------
    folder : where ``sensitivity-tornado.svg``, ``.png`` and the others go; made if it is not there
    table : ``sensitivity.csv``; ``contrast,outcome,method,index,parameter,second,value,low,high`` are read
    convergence : ``convergence.csv``; ``contrast,outcome,method,index,parameter,samples,value,low,high`` are read
    lang : ``nb`` or ``en``
    """
    pictures = draw_figures(table, convergence, lang)
    files.make_folder(folder)
    for picture in pictures:
        save(folder, picture.name, picture.images)
    return pictures


def draw_figures(table: Rows, convergence: Rows | None, lang: str) -> list[Picture]:
    """The figures of :func:`write_figures`, not written."""
    pictures = []
    for place, contrast in enumerate(table["contrast"].unique()):
        ours, ending = table[table["contrast"] == contrast], f"-{place + 1}" if place else ""
        for method, draw in METHODS.items():
            rows = ours[ours["method"] == method]
            if len(rows):
                pictures.append(draw(rows, str(contrast), ending, lang))
        if convergence is not None:
            rows = convergence[convergence["contrast"] == contrast]
            if len(rows):
                pictures.append(convergence_figure(rows, str(contrast), ending, lang))
    return pictures


# ---- reading ---------------------------------------------------------------------------------------------------------


def _index(rows: Rows, index: str) -> Rows:
    """``parameter,value,low,high`` of an index that have a value, without chance and dummy; the largest first.

    What cannot be below zero stands by its value, and an estimate below zero last.
    """
    found = rows[(rows["index"] == index) & ~rows["parameter"].isin(("chance", "dummy")) & rows["value"].notna()]
    size = found["value"].abs() if index in SIGNED_INDICES else found["value"]
    order = size.sort_values(ascending=False, kind="stable").index
    return found.loc[order, ["parameter", "value", "low", "high"]].reset_index(drop=True)


def _by_outcome(rows: Rows, index: str) -> dict[str, Rows]:
    """An index of every outcome there is, in the order of the table."""
    return {str(name): _index(rows[rows["outcome"] == name], index) for name in rows["outcome"].unique()}


def _align(rows: Rows, names: Any) -> Rows:
    """The rows of these parameters in this order; empty cells where there is none."""
    return rows.set_index("parameter").reindex(list(names)).reset_index()


def _chance(rows: Rows, outcome: str) -> Rows:
    of_chance = (rows["parameter"] == "chance") & (rows["index"] == "share")
    return rows[(rows["outcome"] == outcome) & of_chance & rows["value"].notna()]


def _scale(outcome: str) -> float:
    """What an outcome's differences are multiplied by to be read: shares in percentage points."""
    return 100.0 if words.is_share(outcome) else 1.0


# ---- layout ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of panels: where it begins and ends beyond the names, 0..1."""

    start: float
    end: float


WHOLE: Final = (Column(0.0, 1.0),)


def _rows_of_panels(
    names: Sequence[Sequence[str]],
    columns: Sequence[Column],
    title: str,
    alt: str,
    note: str,
    handles: Sequence[Any] = (),
    above: float = ABOVE,
) -> tuple[Figure, list[list[Any]]]:
    """A figure with rows of panels below each other, that share the names of their rows: (outcomes, columns) axes."""
    shown = [[fit(name, LONGEST) for name in panel] for panel in names]
    lines = [max(len(panel), 2) for panel in shown]
    rows = [ROW + SECOND_LINE * any("\n" in name for name in panel) for panel in shown]
    top, bottom = _margins(title, alt, note, legend=bool(handles))
    height = top + bottom + sum(row * count + above + BELOW for row, count in zip(rows, lines, strict=True))
    figure = Figure(figsize=(WIDTH, height))
    _head(figure, title, alt, note, handles)
    longest = max([12, *(len(line) for panel in shown for name in panel for line in name.split("\n"))])
    left = (0.3 + LETTER * longest) / WIDTH
    width, found, y = 0.97 - left, [], height - top
    for panel, row, count in zip(shown, rows, lines, strict=True):
        low = y - above - row * count
        axes = []
        for number_, column in enumerate(columns):
            size = ((column.end - column.start) * width, row * count / height)
            ax = figure.add_axes((left + column.start * width, low / height, *size))
            ax.set_ylim(count - 0.5, -0.5)
            ax.set_yticks(range(len(panel)), [] if number_ else panel, linespacing=0.9)
            ax.tick_params(axis="y", length=0)
            ax.grid(axis="y", visible=False)
            axes.append(ax)
        found.append(axes)
        y = low - BELOW
    return figure, found


def _margins(title: str, alt: str, note: str, *, legend: bool) -> tuple[float, float]:
    """Inches above the first panel's heading and below the last panel's axis: title and legend; words."""
    lines = [1 + wrap(text, ACROSS).count("\n") for text in (alt, note)]
    return 0.3 + 0.25 * (1 + wrap(title, 92).count("\n")) + 0.2 * legend, 0.3 + LINE * sum(lines)


def _head(figure: Figure, title: str, alt: str, note: str, handles: Sequence[Any] = ()) -> None:
    """Title, a legend right under it, and at the foot what the figure says and how to read it."""
    header(figure, title, "")
    height = figure.get_size_inches()[1]
    help_lines = wrap(note, ACROSS)
    figure.text(0.02, 0.1 / height, help_lines, color=GREY, va="bottom")
    above = 0.16 + LINE * (1 + help_lines.count("\n"))
    figure.text(0.02, above / height, wrap(alt, ACROSS), color=BLACK, va="bottom")
    if handles:
        y = 1.0 - (0.17 + 0.25 * (1 + wrap(title, 92).count("\n"))) / height
        figure.legend(handles=list(handles), loc="upper left", bbox_to_anchor=(0.012, y), ncols=len(handles))


def _heading(axes: Any, outcome: str, lang: str, second: str = "") -> None:
    """An outcome above its panel, and a line about chance under it."""
    figure = axes.figure
    height = figure.get_size_inches()[1]
    y = axes.get_position().y1
    lift = 0.27 if second else 0.1  # inches
    figure.text(0.02, y + lift / height, panel_title(outcome, lang), fontsize=11, fontweight="bold", va="bottom")
    figure.text(0.02, y + 0.08 / height, second, color=GREY, va="bottom")


def _grey_names(axes: Any, certain: Sequence[bool]) -> None:
    for label, is_certain in zip(axes.get_yticklabels(), certain, strict=False):
        label.set_color(BLACK if is_certain else GREY)


def _nothing(panels: Sequence[Any], lang: str, why: str = "nothing_here") -> None:
    """A row of panels without figures."""
    for axes in panels:
        axes.set_axis_off()
    axes = panels[0]
    axes.text(0.0, 0.5, say(f"sensitivity.{why}", lang), transform=axes.transAxes, color=GREY, va="center")


def _whiskers(axes: Any, places: Any, rows: Any, colours: Any = BLACK, limits: Any = None) -> None:
    """95 % intervals of ``value, low, high`` rows (R, 3); an arrow where one leaves the figure."""
    known = np.isfinite(rows).all(axis=1)
    places, (low, high) = np.asarray(places)[known], rows[known, 1:].T
    colours = colours if isinstance(colours, str) else np.asarray(colours)[known]
    ends = (low, high) if limits is None else (np.clip(low, *limits), np.clip(high, *limits))
    axes.hlines(places, *ends, colors=colours, linewidth=1.0, zorder=3)
    for drawn, true, arrow in ((ends[0], low, "<"), (ends[1], high, ">")):
        for out, mark, size in ((drawn == true, "|", 25), (drawn != true, arrow, 16)):
            if out.any():
                chosen = colours if isinstance(colours, str) else colours[out]
                axes.scatter(drawn[out], places[out], size, chosen, marker=mark, linewidths=1.0, zorder=3)


def _numbers(rows: Rows, scale: float = 1.0) -> FloatArray:
    """``value, low, high`` (R, 3)."""
    return rows[["value", "low", "high"]].to_numpy(float) * scale


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _patch(colour: str, key: str, lang: str) -> Any:
    return Patch(color=colour, label=say(f"sensitivity.{key}", lang))


# ---- tornado ---------------------------------------------------------------------------------------------------------


def tornado_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """From low to high value of each parameter, all else in the middle; ranked by the size of the change."""
    swing = _by_outcome(rows, "swing")
    title = say("sensitivity.tornado_title", lang, contrast=contrast)
    alt = findings("tornado", swing, lang)
    note = say("sensitivity.tornado_note", lang)
    above = ABOVE - 0.17  # nothing stands under the headings
    room = TALLEST - sum(_margins(title, alt, note, legend=True)) - len(swing) * (above + BELOW)
    shown = min(max(int(room / (ROW * max(len(swing), 1))), FEWEST_SHOWN), SHOWN)
    names = [[name_of(str(name), lang) for name in table["parameter"][:shown]] for table in swing.values()]
    handles = [_patch(LOW, "tornado_low", lang), _patch(HIGH, "tornado_high", lang)]
    with style():
        figure, panels = _rows_of_panels(names, WHOLE, title, alt, note, handles, above)
        for (axes,), (outcome, ranked) in zip(panels, swing.items(), strict=True):
            _heading(axes, outcome, lang)
            if not len(ranked):
                _nothing([axes], lang)
                continue
            ours = rows[rows["outcome"] == outcome]
            _draw_tornado(axes, ranked[:shown], ours, _scale(outcome))
            axes.set_xlabel(say("sensitivity.tornado_axis", lang, unit=words.unit(outcome, lang)))
            number_axis(axes.xaxis, lang, signed=True)
        return finish(figure, f"sensitivity-tornado{ending}", title, alt)


def _draw_tornado(axes: Any, ranked: Rows, rows: Rows, scale: float) -> None:
    ends = {index: _align(_index(rows, index), ranked["parameter"]) for index in ("low_end", "high_end")}
    all_in_their_middle = rows[(rows["index"] == "value") & (rows["parameter"] == "middle")]["value"]
    if not np.isfinite(all_in_their_middle).any():
        return
    middle = float(all_in_their_middle.iloc[0]) * scale
    for (_, table), shift, colour in zip(ends.items(), (-0.19, 0.19), (LOW, HIGH), strict=True):
        numbers, places = _numbers(table, scale), np.arange(len(table)) + shift
        axes.barh(places, np.nan_to_num(numbers[:, 0] - middle), left=middle, height=0.36, color=colour)
        _whiskers(axes, places, numbers)
    axes.axvline(middle, color=BLACK, linewidth=1)
    axes.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (4, 2)))
    _grey_names(axes, told(ranked).tolist())


# ---- Morris ----------------------------------------------------------------------------------------------------------


def morris_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """Mean size of a parameter's effect against its spread; named where it can be told from chance, with how far chance goes."""
    strength = _by_outcome(rows, "strength")
    title = say("sensitivity.morris_title", lang, contrast=contrast)
    count = number(max((len(table) for table in strength.values()), default=0), lang)
    alt = findings("morris", strength, lang)
    note = say("sensitivity.morris_note", lang, count=count, most=number(LABELLED, lang))
    top, bottom = _margins(title, alt, note, legend=False)
    tall = 2.2  # inches of a panel
    height = top + bottom + len(strength) * (tall + ABOVE + BELOW)
    with style():
        figure = Figure(figsize=(WIDTH, height))
        _head(figure, title, alt, note)
        for place, (outcome, ranked) in enumerate(strength.items()):
            low = height - top - (place + 1) * (tall + ABOVE) - place * BELOW
            axes = figure.add_axes((0.085, low / height, 0.5, tall / height))
            _heading(axes, outcome, lang)
            if not len(ranked):
                _nothing([axes], lang)
                continue
            ours = rows[rows["outcome"] == outcome]
            mu_star, sigma = (
                _align(_index(ours, index), ranked["parameter"])["value"] for index in ("mu_star", "sigma")
            )
            _draw_morris(axes, ranked, mu_star * _scale(outcome), sigma * _scale(outcome), lang)
            axes.set_xlabel(say("sensitivity.morris_x", lang, unit=words.unit(outcome, lang)))
            axes.set_ylabel(say("sensitivity.morris_y", lang))
            number_axis(axes.xaxis, lang)
            number_axis(axes.yaxis, lang)
        return finish(figure, f"sensitivity-morris{ending}", title, alt)


def _draw_morris(axes: Any, ranked: Rows, mu_star: Any, sigma: Any, lang: str) -> None:
    certain = told(ranked, signed=False)
    named = np.flatnonzero(certain)[:LABELLED]
    axes.plot(mu_star[~certain], sigma[~certain], "o", color=GREY, alpha=0.45, markersize=4, markeredgewidth=0)
    axes.plot(mu_star[certain], sigma[certain], "o", color=BLUE, markerfacecolor="white", markersize=5.5)
    for get, put, values in ((axes.get_xlim, axes.set_xlim, mu_star), (axes.get_ylim, axes.set_ylim, sigma)):
        largest = float(np.nanmax([0.0, *values]))
        put(0.0, 1.06 * largest if largest > 0.0 else max(get()[1], 1.0))
    silent = mu_star[~certain].dropna()
    if len(silent) >= FEWEST and silent.max() > 0.0:
        axes.axvspan(0, float(np.quantile(silent, 0.95)), color=PALE, alpha=0.6, linewidth=0, zorder=0)
        axes.text(
            0.012, 0.92, say("sensitivity.morris_floor", lang), transform=axes.transAxes, color=GREY,
        )  # fmt: skip
    ends = [
        (float(mu_star[i]), float(sigma[i]), fit(name_of(str(ranked["parameter"][i]), lang), 40), BLUE)
        for i in named
        if np.isfinite([mu_star[i], sigma[i]]).all()
    ]
    label_line_ends(axes, ends)


# ---- Sobol -----------------------------------------------------------------------------------------------------------


def sobol_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """First order and total of each parameter, what two do together, and chance's share."""
    return _shares_figure(rows, contrast, "sobol", ending, lang)


def groups_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """First order and total of each group of parameters, and chance's share."""
    return _shares_figure(rows, contrast, "sobol_groups", ending, lang)


def _shares_figure(rows: Rows, contrast: str, method: str, ending: str, lang: str) -> Picture:
    total = _by_outcome(rows, "ST")
    pairs = bool(((rows["index"] == "S2") & rows["value"].notna()).any())
    file, title_key = ("groups", "groups") if method == "sobol_groups" else ("sobol", "sobol")
    title = say(f"sensitivity.{title_key}_title", lang, contrast=contrast)
    chance = {outcome: _chance(rows, outcome) for outcome in total}
    shares = [float(table["value"].iloc[0]) for table in chance.values() if len(table)]
    alt = _join(findings(method, total, lang), chance_sentence("chance_sentence", shares, lang))
    note = _join(say(f"sensitivity.{title_key}_note", lang), say("sensitivity.second_note", lang) if pairs else "")
    names = [
        [
            f"{place}. {name_of(str(name), lang)}" if pairs else capital(name_of(str(name), lang))
            for place, name in parts
        ]
        for parts in (list(enumerate(table["parameter"][:SHOWN], start=1)) for table in total.values())
    ]
    columns = (Column(0.0, 0.58), Column(0.66, 1.0)) if pairs else WHOLE
    handles = [_patch(FIRST, "first", lang), _patch(TOTAL, "total", lang)]
    with style():
        figure, panels = _rows_of_panels(names, columns, title, alt, note, handles)
        for axes, (outcome, ranked) in zip(panels, total.items(), strict=True):
            _heading(axes[0], outcome, lang, chance_of(chance[outcome], lang))
            if not len(ranked):
                _nothing(axes, lang, "no_indices_here")
                continue
            ours = rows[rows["outcome"] == outcome]
            _draw_shares(axes[0], ranked[:SHOWN], ours, lang)
            if pairs:
                _draw_pairs(axes[1], ranked["parameter"][:SHOWN].tolist(), ours, lang)
        return finish(figure, f"sensitivity-{file}{ending}", title, alt)


def _draw_shares(axes: Any, ranked: Rows, rows: Rows, lang: str) -> None:
    first = _align(_index(rows, "S1"), ranked["parameter"])
    every = np.concatenate([_numbers(ranked), _numbers(first)])
    finite = every[np.isfinite(every)]
    limits = float(np.clip(min(finite, default=0.0), -0.5, -0.02)), float(np.clip(max(finite, default=1.0), 0.1, 1.5))
    for table, shift, colour in ((first, -0.19, FIRST), (ranked, 0.19, TOTAL)):
        numbers, places = _numbers(table), np.arange(len(table)) + shift
        axes.barh(places, np.clip(np.nan_to_num(numbers[:, 0]), *limits), height=0.36, color=colour)
        _whiskers(axes, places, numbers, limits=limits)
    axes.axvline(0, color=BLACK, linewidth=1)
    room = 0.03 * (limits[1] - limits[0])
    axes.set_xlim(limits[0] - room, limits[1] + room)
    axes.set_xlabel(say("sensitivity.sobol_axis", lang))
    number_axis(axes.xaxis, lang, share=True)
    _grey_names(axes, told(ranked, signed=False).tolist())


def _draw_pairs(axes: Any, names: Sequence[str], rows: Rows, lang: str) -> None:
    """Interactions of the parameters of the panel beside, whose rows it shares: a square where one can be told from zero."""
    place = {name: i for i, name in enumerate(names)}
    both = rows["parameter"].isin(place) & rows["second"].isin(place)
    pairs = rows[(rows["index"] == "S2") & rows["value"].notna() & both]
    count, certain = len(names), pairs[clear(pairs) & (pairs["value"] > 0.0).to_numpy()]
    axes.set_xlim(-0.5, count - 0.5)
    axes.grid(visible=False)
    axes.set_facecolor("#f7f7f7")
    darkest = float(certain["value"].abs().max()) if len(certain) else 1.0
    row: Any
    for row in certain.itertuples():
        for x, y in ((place[row.parameter], place[row.second]), (place[row.second], place[row.parameter])):
            colour = _blend(BLUE, 0.25 + 0.75 * row.value / darkest)
            axes.add_patch(_square(x, y, colour))
            axes.text(x, y, number(100.0 * row.value, lang), ha="center", va="center", color=ink_on(colour))
    for i in range(count):
        axes.add_patch(_square(i, i, PALE))
    axes.set_xticks(range(count), [number(i + 1, lang) for i in range(count)])
    axes.tick_params(axis="x", length=0)
    numbers = {"told": number(len(certain), lang), "count": number(len(pairs), lang)}
    axes.set_xlabel(wrap(say(f"sensitivity.second_{'some' if len(certain) else 'none'}", lang, **numbers), 30))
    axes.set_title(say("sensitivity.second_title", lang), fontsize=SMALL, fontweight="normal", pad=3)


def _blend(colour: str, strength: float) -> str:
    """A colour on white."""
    return to_hex(1.0 - strength * (1.0 - np.array(to_rgb(colour))))


def _square(x: float, y: float, colour: str) -> Any:
    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, color=colour, linewidth=0)


# ---- draws -----------------------------------------------------------------------------------------------------------


def draws_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """What calibrated draws as they are say: the change for one standard deviation, and PAWN beside that of a dummy."""
    slope = _by_outcome(rows, "slope")
    pawn = bool(((rows["index"] == "pawn") & rows["value"].notna()).any())
    chance = {outcome: _chance(rows, outcome) for outcome in slope}
    shares = [float(table["value"].iloc[0]) for table in chance.values() if len(table)]
    title = say("sensitivity.draws_title", lang, contrast=contrast)
    alt = _join(findings("draws", slope, lang), _above_dummy(rows, lang))
    alt = _join(alt, chance_sentence("draws_chance", shares, lang))
    counts = {"shown": number(min(SHOWN, _most(slope)), lang), "count": number(_most(slope), lang)}
    note = say("sensitivity.draws_note", lang, **counts)
    names = [[name_of(str(name), lang) for name in table["parameter"][:SHOWN]] for table in slope.values()]
    columns = (Column(0.0, 0.6), Column(0.66, 1.0)) if pawn else WHOLE
    with style():
        figure, panels = _rows_of_panels(names, columns, title, alt, note)
        for axes, (outcome, ranked) in zip(panels, slope.items(), strict=True):
            _heading(axes[0], outcome, lang, chance_of(chance[outcome], lang))
            if not len(ranked):
                _nothing(axes, lang)
                continue
            shown, ours = ranked[:SHOWN], rows[rows["outcome"] == outcome]
            _draw_slopes(axes[0], shown, outcome, lang)
            if pawn:
                _draw_pawn(axes[1], _align(_index(ours, "pawn"), shown["parameter"]), _dummy(ours), lang)
        return finish(figure, f"sensitivity-draws{ending}", title, alt)


def _most(tables: Tables) -> int:
    return max((len(table) for table in tables.values()), default=0)


def _dummy(rows: Rows) -> Rows:
    return rows[(rows["parameter"] == "dummy") & (rows["index"] == "pawn") & rows["value"].notna()]


def _above_dummy(rows: Rows, lang: str) -> str:
    """Of how many parameters PAWN lies clearly above that of the dummy, by outcome; nothing where there is no dummy."""
    counts = []
    for outcome, table in _by_outcome(rows, "pawn").items():
        dummy = _dummy(rows[rows["outcome"] == outcome])
        if dummy["high"].notna().any() and len(table):
            above = int((table["low"] > float(dummy["high"].iloc[0])).sum())
            numbers = {"told": number(above, lang), "count": number(len(table), lang)}
            counts.append(say("sensitivity.draws_count", lang, outcome=short(outcome, lang), **numbers))
    return say("sensitivity.draws_above", lang, counts=listed(counts, lang)) if counts else ""


def _points(axes: Any, numbers: FloatArray, certain: BoolArray, mark: str) -> None:
    """A point and its interval in each row, blue where it is told from chance."""
    colours = np.where(certain, BLUE, GREY)
    _whiskers(axes, np.arange(len(numbers)), numbers, colours)
    axes.scatter(numbers[:, 0], np.arange(len(numbers)), 25, colours, marker=mark, zorder=4)


def _draw_slopes(axes: Any, shown: Rows, outcome: str, lang: str) -> None:
    certain = told(shown)
    _points(axes, _numbers(shown, _scale(outcome)), certain, "o")
    axes.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xlabel(say("sensitivity.draws_slope", lang, unit=words.unit(outcome, lang)))
    number_axis(axes.xaxis, lang, signed=True)
    _grey_names(axes, certain.tolist())


def _draw_pawn(axes: Any, shown: Rows, dummy: Rows, lang: str) -> None:
    floor = float(dummy["high"].iloc[0]) if len(dummy) else np.nan
    if np.isfinite(floor):
        axes.axvspan(0, floor, color=PALE, alpha=0.6, linewidth=0, zorder=0)
    numbers = _numbers(shown)
    _points(axes, numbers, numbers[:, 1] > floor, "D")
    axes.set_xlim(left=0)
    axes.set_xlabel(say("sensitivity.draws_pawn", lang))
    number_axis(axes.xaxis, lang)


# ---- convergence -----------------------------------------------------------------------------------------------------

SETTLING: Final = {
    "morris": "strength",
    "tornado": "swing",
    "sobol": "ST",
    "sobol_with_chance": "ST",
    "sobol_groups": "ST",
    "draws": "pawn",
}
"""The index of each method that is drawn against N."""


def convergence_figure(rows: Rows, contrast: str, ending: str, lang: str) -> Picture:
    """The deciding index of each method against the number of points: outcomes below each other, methods beside."""
    kept = pd.concat(
        [rows[(rows["method"] == method) & (rows["index"] == index)] for method, index in SETTLING.items()]
    )
    kept = kept[kept["value"].notna()] if len(kept) else rows[rows["value"].notna()]
    methods = [method for method in SETTLING if (kept["method"] == method).any()]
    outcomes = list(kept["outcome"].unique())
    names = _largest(kept)
    kept = kept[kept["parameter"].isin(names)]
    title = say("sensitivity.convergence_title", lang, contrast=contrast)
    alt = settled(kept, lang)
    note = say("sensitivity.convergence_note", lang, shown=number(len(names), lang))
    top, bottom = _margins(title, alt, note, legend=False)
    tall, legend = 1.7, 0.24 * -(-len(names) // 2)
    height = top + bottom + legend + len(outcomes) * (tall + ABOVE + 0.3) + 0.2
    with style():
        figure = Figure(figsize=(WIDTH, height))
        _head(figure, title, alt, note)
        for down, outcome in enumerate(outcomes):
            low = height - top - (down + 1) * (tall + ABOVE) - down * 0.3
            for across, method in enumerate(methods):
                width = (0.96 - 0.085 * len(methods)) / len(methods)
                axes = figure.add_axes((0.085 + across * (width + 0.085), low / height, width, tall / height))
                ours = kept[(kept["outcome"] == outcome) & (kept["method"] == method)]
                _draw_curves(axes, ours, names, str(outcome), method, lang)
                unit = words.unit(str(outcome), lang)
                heading = say(f"sensitivity.method_{method}", lang, unit=unit)
                axes.set_title(heading, loc="left", fontsize=SMALL, fontweight="normal", color=GREY)
                if not across:
                    _heading(axes, str(outcome), lang, " ")
                if down == len(outcomes) - 1:
                    axes.set_xlabel(say("sensitivity.convergence_axis", lang))
        look = [{**arm_style(i), "linestyle": "-"} for i in range(len(names))]
        handles = [Line2D([], [], label=fit(name_of(name, lang), LONGEST), **look[i]) for i, name in enumerate(names)]
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.07, (bottom - 0.1) / height), ncols=2)
        return finish(figure, f"sensitivity-convergence{ending}", title, alt)


def _largest(rows: Rows) -> list[str]:
    """Parameters by their largest share of a panel's largest index at its largest N."""
    last = rows[rows["samples"] == rows.groupby(["outcome", "method"])["samples"].transform("max")]
    size = last["value"].abs()
    of_panel = size / size.groupby([last["outcome"], last["method"]]).transform("max").replace(0.0, 1.0)
    ranked = of_panel.groupby(last["parameter"], sort=False).max().sort_values(ascending=False, kind="stable")
    return [str(name) for name in ranked.index[:CURVES]]


def _draw_curves(axes: Any, rows: Rows, names: Sequence[str], outcome: str, method: str, lang: str) -> None:
    amount = SETTLING[method] in ("strength", "swing")
    scale = _scale(outcome) if amount else 1.0
    sizes = sorted(rows["samples"].unique())
    for i, name in enumerate(names):
        line = rows[rows["parameter"] == name].sort_values("samples")
        if not len(line):
            continue
        look = arm_style(i) | {"linestyle": "-", "markersize": 4, "linewidth": 1.4}
        x = np.array([sizes.index(size) for size in line["samples"]]) + 0.035 * (i - (len(names) - 1) / 2)
        axes.plot(x, line["value"] * scale, **look)
        last = line.iloc[-1]
        axes.plot([x[-1], x[-1]], [last["low"] * scale, last["high"] * scale], color=look["color"], linewidth=1)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.set_xticks(range(len(sizes)), [number(size, lang) for size in sizes])
    number_axis(axes.yaxis, lang, share=SETTLING[method] == "ST")


METHODS: Final[Mapping[str, Callable[[Rows, str, str, str], Picture]]] = {
    "tornado": tornado_figure,
    "morris": morris_figure,
    "sobol": sobol_figure,
    "sobol_groups": groups_figure,
    "draws": draws_figure,
}
