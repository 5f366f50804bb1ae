"""One simulated family's two lives, with and without a coordinator, as two timelines with the same scales."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from results.language import capital, number, say
from results.style import (
    AREAS,
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALE,
    PHONE_WIDTH,
    PURPLE,
    VERMILLION,
    WIDTH,
    Picture,
    finish,
    header,
    margins,
    month_ticks,
    number_axis,
    shorten,
    style,
)
from simulation.names import BARRIERS, BENEFITS, SERVICES

MONEY: Final = 1.25  # inches, of the panel with kroner
GAP: Final = 0.15  # inches, between the rows and the kroner


@dataclass(frozen=True)
class Shape:
    """How large the timelines are (inches), and their texts (points)."""

    width: float
    left: float
    """where panels begin and end, 0..1 of the width"""
    right: float
    lane: float
    """of one row"""
    top: float
    between: float
    bottom: float
    names: float
    words: float
    letters: float
    """letters of a word that have room in a whole row"""
    columns: int
    """of the legend"""


PAGE: Final = Shape(WIDTH, 0.24, 0.91, 0.235, 0.95, 0.85, 1.45, 9, 7.5, 105.0, 4)
PHONE: Final = Shape(PHONE_WIDTH, 0.4, 0.97, 0.25, 0.95, 0.75, 3.25, 11, 10, 36.0, 1)

BENEFIT_COLOURS: Final = {name: AREAS[b] for b, name in enumerate(BENEFITS) if b}
WORK_COLOURS: Final = {"none": (PALE, ""), "part_time": ("#7fcfb9", "//"), "full_time": (GREEN, "")}


class LifeMonth(TypedDict):
    """A family in one month of one life."""

    month: int
    work: Sequence[str]
    """of each parent: ``none``, ``part_time``, ``full_time``"""
    benefit: Sequence[str]
    """of each parent: one of ``simulation.names.BENEFITS``"""
    barriers: Sequence[str]
    """those present, of a parent or of the family"""
    services: Mapping[str, str]
    """the stage in each service: ``none``, ``waiting``, ``in_place``; services left out count as ``none``"""
    social_assistance: float
    """NOK in the month"""
    disposable: float
    """NOK in the month"""
    trust: float
    """0-1"""
    contact_hours: float
    """hours in the month"""
    children: int
    """children of an age to take part"""
    children_taking_part: int
    coordinator: bool


Panel = Sequence[LifeMonth]
Row = tuple[str, Callable[[Any, Panel, float], None]]  # its name, and how to draw it at a height


def two_lives(
    panel_a: Panel, panel_b: Panel, *, label_a: str, label_b: str, lang: str = "nb", phone: bool = False
) -> Picture:
    """Draw two lives of the same family one above the other: same months, same rows, same scales.

    Parameters
    ----------
    panel_a, panel_b : months in order, at least one each
    label_a, label_b : what the two lives are, e.g. the names of their arms
    phone : as SVG alone, narrow, with letters that can be read on a telephone
    """
    shape = PHONE if phone else PAGE
    both = [*panel_a, *panel_b]
    months = [month["month"] for month in both]
    first, last = min(months), max(months)
    most = max(1.0, *(max(m["disposable"], m["social_assistance"]) for m in both)) * 1.08
    rows = _rows(both, shape, lang)
    lanes = shape.lane * len(rows)
    height = shape.top + 2 * (lanes + MONEY + GAP) + shape.between + shape.bottom
    title = say("figure.lives_title", lang)
    with style():
        figure = Figure(figsize=(shape.width, height))
        y = height - shape.top
        wide = shape.right - shape.left
        for panel, label in ((panel_a, label_a), (panel_b, label_b)):
            y -= lanes
            upper = figure.add_axes((shape.left, y / height, wide, lanes / height))
            _draw_lanes(upper, panel, rows, (first, last), shape)
            upper.set_title(shorten(label, 70), x=0.0 if shape is PAGE else (0.02 - shape.left) / wide)
            y -= MONEY + GAP
            lower = figure.add_axes((shape.left, y / height, wide, MONEY / height))
            _draw_money(lower, panel, (first, last), most, shape, lang)
            y -= shape.between
        lower.set_xlabel(say("figure.month", lang))
        _legend(figure, height, shape, lang)
        header(figure, title, say("figure.lives_note", lang))
        alt = say(
            "alt.lives",
            lang,
            first=number(first, lang),
            last=number(last, lang),
            label_a=label_a,
            label_b=label_b,
            money_a=number(panel_a[-1]["disposable"], lang),
            money_b=number(panel_b[-1]["disposable"], lang),
        )
        return finish(figure, "two-lives", title, alt, ("svg",) if phone else ("svg", "png"))


def spells(panel: Panel, value: Callable[[LifeMonth], Hashable]) -> list[tuple[float, int, Any]]:
    """Months in a row with the same value: (left edge, months, value). A month is drawn around its number."""
    found: list[tuple[float, int, Any]] = []
    for month in panel:
        now = value(month)
        if found and found[-1][2] == now and found[-1][0] + found[-1][1] == month["month"] - 0.5:
            found[-1] = (found[-1][0], found[-1][1] + 1, now)
        else:
            found.append((month["month"] - 0.5, 1, now))
    return found


# ---- rows -----------------------------------------------------------------------------------------------------------


def _rows(both: Panel, shape: Shape, lang: str) -> list[Row]:
    """The rows of both timelines: what happens in either life has a row in both."""
    hours = max(1.0, *(m["contact_hours"] for m in both))
    rows: list[Row] = [(capital(say("figure.lives_coordinator", lang)), _coordinator(hours, shape, lang))]
    for k in range(max(len(m["work"]) for m in both)):
        name = capital(say("figure.lives_parent", lang, number=k + 1))
        rows.append((name, _work(k, shape, lang)))
        rows.append((say("figure.lives_benefit", lang), _benefit(k, shape, lang)))
    rows.append((capital(say("figure.lives_children", lang)), _children(shape)))
    rows.append((capital(say("figure.lives_trust", lang)), _trust()))
    present = {name for m in both for name in m["barriers"]}
    rows += _named("barrier", [(name, _barrier(name)) for name in BARRIERS if name in present], shape, lang)
    used = {name for m in both for name, stage in m["services"].items() if stage != "none"}
    return rows + _named("service", [(name, _service(name)) for name in SERVICES if name in used], shape, lang)


def _named(section: str, rows: Sequence[Row], shape: Shape, lang: str) -> list[Row]:
    """Rows with what they are: before each name, or where that is narrow as a row above them."""
    if shape is PAGE:
        what = capital(say(f"figure.lives_{section}", lang))
        return [(f"{what}: {say(f'{section}.{name}', lang)}", draw) for name, draw in rows]
    heading: list[Row] = [(f"{capital(say(f'figure.lives_{section}s', lang))}:", lambda *_: None)] if rows else []
    return heading + [(say(f"{section}.{name}", lang), draw) for name, draw in rows]


def _box(axes: Any, left: float, width: float, y: float, colour: str, hatch: str = "", *, tall: float = 0.74) -> None:
    axes.broken_barh(
        [(left, width)], (y - tall / 2, tall), facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.6
    )


def _write(axes: Any, left: float, width: float, y: float, text: str, shape: Shape, colour: str = BLACK) -> None:
    """A word in a box, if the box has room for it."""
    months = axes.get_xlim()[1] - axes.get_xlim()[0]
    if width >= len(text) * months / shape.letters:
        axes.text(left + width / 2, y, text, ha="center", va="center", fontsize=shape.words, color=colour, clip_on=True)


def _coordinator(most: float, shape: Shape, lang: str) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, there in spells(panel, lambda m: bool(m["coordinator"])):
            if there:
                _box(axes, left, width, y, "#bcd9ea")
        for m in panel:
            if m["contact_hours"] > 0:
                tall = 0.74 * m["contact_hours"] / most
                axes.bar(m["month"], tall, width=0.7, bottom=y - 0.37, color=BLUE)
        if any(m["coordinator"] for m in panel):
            text = say("figure.lives_hours", lang, hours=number(most, lang, 1))
            if shape is PHONE:  # no room beside the rows: above the right end of the first
                place = {"text": text, "xytext": (0, 3), "va": "bottom", "ha": "right"}
            else:
                place = {"text": f"– {text}", "xytext": (2, 0), "va": "center"}
            axes.annotate(
                xy=(1.0, y + 0.37), xycoords=("axes fraction", "data"), textcoords="offset points",
                fontsize=shape.words, color=BLUE, annotation_clip=False, **place,
            )  # fmt: skip

    return draw


def _work(k: int, shape: Shape, lang: str) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, work in spells(panel, lambda m: m["work"][k] if k < len(m["work"]) else None):
            if work is not None:
                colour, hatch = WORK_COLOURS[work]
                _box(axes, left, width, y, colour, hatch)
                if not hatch:
                    colour = "white" if work == "full_time" else BLACK
                    _write(axes, left, width, y, say(f"work.{work}", lang), shape, colour)

    return draw


def _benefit(k: int, shape: Shape, lang: str) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, benefit in spells(panel, lambda m: m["benefit"][k] if k < len(m["benefit"]) else "none"):
            if benefit != "none":
                colour, hatch = BENEFIT_COLOURS[benefit]
                _box(axes, left, width, y, colour, hatch)
                text = say(f"source.{benefit}" if shape is PAGE else f"benefit_short.{benefit}", lang)
                short = text[text.rfind("(") + 1 : -1] if text.endswith(")") else text  # "... (AAP)" is AAP here
                _write_on_ground(axes, left, width, y, short, shape)

    return draw


def _write_on_ground(axes: Any, left: float, width: float, y: float, text: str, shape: Shape) -> None:
    """A word on a white ground, so that it can be read over hatching."""
    months = axes.get_xlim()[1] - axes.get_xlim()[0]
    if width >= (len(text) + 2) * months / shape.letters:
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        axes.text(left + width / 2, y, text, ha="center", va="center", fontsize=shape.words, clip_on=True, bbox=ground)


def _children(shape: Shape) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, (taking_part, children) in spells(panel, lambda m: (m["children_taking_part"], m["children"])):
            share = taking_part / children if children else 0.0
            _box(axes, left, width, y, "#f2f2f2")
            if share:
                axes.broken_barh([(left, width)], (y - 0.37, 0.74 * share), facecolor=PURPLE, alpha=0.75, linewidth=0)
            _write(axes, left, width, y, f"{taking_part}/{children}", shape)

    return draw


def _trust() -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        axes.axhspan(y - 0.37, y + 0.37, color="#f7f7f7", linewidth=0)
        axes.plot(
            [m["month"] for m in panel], [y - 0.37 + 0.74 * m["trust"] for m in panel], color=BLACK, linewidth=1.3
        )

    return draw


def _barrier(name: str) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, present in spells(panel, lambda m: name in m["barriers"]):
            if present:
                _box(axes, left, width, y, VERMILLION, tall=0.5)

    return draw


def _service(name: str) -> Callable[[Any, Panel, float], None]:
    def draw(axes: Any, panel: Panel, y: float) -> None:
        for left, width, stage in spells(panel, lambda m: m["services"].get(name, "none")):
            if stage == "waiting":
                axes.broken_barh([(left, width)], (y - 0.25, 0.5), facecolor="white", hatch="////", edgecolor=ORANGE)
            elif stage == "in_place":
                _box(axes, left, width, y, ORANGE, tall=0.5)

    return draw


# ---- panels ---------------------------------------------------------------------------------------------------------


def _draw_lanes(axes: Any, panel: Panel, rows: Sequence[Row], months: tuple[int, int], shape: Shape) -> None:
    axes.set_xlim(months[0] - 0.5, months[1] + 0.5)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_yticks([len(rows) - 1 - i for i in range(len(rows))])
    axes.set_yticklabels([name for name, _ in rows], fontsize=shape.names)
    axes.set_xticks(month_ticks(*months))
    axes.set_xticklabels([])
    axes.tick_params(length=0)
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (2, 2)), zorder=0)
    for i, (_, draw) in enumerate(rows):
        draw(axes, panel, len(rows) - 1 - i)


def _draw_money(axes: Any, panel: Panel, months: tuple[int, int], most: float, shape: Shape, lang: str) -> None:
    x = [m["month"] for m in panel]
    axes.fill_between(x, [m["social_assistance"] for m in panel], step="mid", color=VERMILLION, alpha=0.25, linewidth=0)
    axes.step(x, [m["social_assistance"] for m in panel], where="mid", color=VERMILLION, linewidth=1.2, linestyle="--")
    axes.step(x, [m["disposable"] for m in panel], where="mid", color=BLACK, linewidth=1.6)
    axes.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (2, 2)), zorder=0)
    axes.set_xlim(months[0] - 0.5, months[1] + 0.5)
    axes.set_ylim(0, most)
    axes.set_xticks(month_ticks(*months))
    number_axis(axes.xaxis, lang)
    number_axis(axes.yaxis, lang)
    axes.set_ylabel(say("figure.lives_money", lang), fontsize=shape.names)


def _legend(figure: Figure, height: float, shape: Shape, lang: str) -> None:
    handles = [
        Patch(facecolor="#bcd9ea", label=capital(say("figure.lives_coordinator", lang))),
        Patch(facecolor=WORK_COLOURS["full_time"][0], label=capital(say("work.full_time", lang))),
        Patch(facecolor=WORK_COLOURS["part_time"][0], hatch="//", edgecolor="white",
              label=capital(say("work.part_time", lang))),
        Patch(facecolor=VERMILLION, label=capital(say("figure.lives_barriers", lang))),
        Patch(facecolor="white", hatch="////", edgecolor=ORANGE,
              label=f"{capital(say('figure.lives_services', lang))}: {say('figure.lives_waiting', lang)}"),
        Patch(facecolor=ORANGE,
              label=f"{capital(say('figure.lives_services', lang))}: {say('figure.lives_in_place', lang)}"),
        Line2D([], [], color=BLACK, linewidth=1.6, label=capital(say("figure.lives_disposable", lang))),
        Line2D([], [], color=VERMILLION, linewidth=1.2, linestyle="--",
               label=capital(say("figure.lives_assistance", lang))),
    ]  # fmt: skip
    above = 0.3 if shape is PAGE else margins("", say("figure.lives_note", lang))[1]
    figure.legend(
        handles=handles, loc="lower center", ncols=shape.columns, fontsize=shape.names,
        bbox_to_anchor=(0.5, above / height),
    )  # fmt: skip
