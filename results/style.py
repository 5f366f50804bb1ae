"""How figures look: colours, dashes and hatching that the colour-blind and a printer can tell apart, and stable files.

Figures are made without pyplot, so that nothing is shared between threads and no screen is needed.
"""

from __future__ import annotations

import contextlib
import io
import textwrap
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from results import files
from results.language import number, percent

# Okabe and Ito (2008): distinct for all common kinds of colour blindness. Yellow is left out: too pale for lines.
BLACK: Final = "#000000"
GREY: Final = "#5f5f5f"
PALE: Final = "#d9d9d9"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
YELLOW: Final = "#F0E442"

COLOURS: Final = (GREY, BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES: Final[tuple[Any, ...]] = ((0, (1, 1.2)), "-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (8, 2, 2, 2, 2, 2)))
MARKERS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")

# Areas differ in colour and in hatching. In the order of results.figures.SOURCES.
AREAS: Final[tuple[tuple[str, str], ...]] = (
    (BLUE, ""),
    (GREEN, "//"),
    (SKY, ""),
    (PURPLE, "\\\\"),
    ("#e7b8d0", ".."),
    (YELLOW, ""),
    ("#b7a100", "xx"),
    ("#8fd3bd", "--"),
    (VERMILLION, ""),
    (PALE, ""),
)

WIDTH: Final = 10.0  # inches, of every figure: one column of the report
TITLE_LETTERS, NOTE_LETTERS = 92.0, 126.0  # of a line across a figure
NOTE: Final = 9  # points
SMALLEST: Final = 11  # points, of a figure for a telephone
PHONE_WIDTH: Final = 5.0
"""Inches, of a figure for a telephone too: a page shows it 360 pixels wide or more, and a point is then a pixel or more."""
DPI: Final = 130
RC: Final[dict[str, Any]] = {
    "svg.hashsalt": "familiebaner",
    "svg.fonttype": "path",  # looks the same on a machine without our font
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10.5,
    "text.parse_math": False,  # names come from users: a dollar is a dollar
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


_SETTINGS: Final = threading.RLock()


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Our settings, whatever the user's are. Matplotlib has one set for all threads, so that one at a time may draw."""
    with _SETTINGS, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def arm_style(index: int) -> dict[str, Any]:
    """Colour, dashes and marker of the arm with this number in the study."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[(index + index // len(COLOURS)) % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


@dataclass(frozen=True)
class Picture:
    """A figure: the name of its files, its images, and what it shows in words."""

    name: str
    title: str
    alt: str
    images: dict[str, bytes]


def header(figure: Figure, title: str, note: str) -> None:
    """Title above and note below, at fixed distances from the edges whatever the height."""
    width, height = figure.get_size_inches()
    size = NOTE if width == WIDTH else SMALLEST
    figure.text(0.02, 1 - 0.12 / height, wrap(title, _letters(width)), fontsize=13, fontweight="bold", va="top")
    note = wrap(note, _letters(width, NOTE_LETTERS * NOTE / size))
    figure.text(0.02, 0.1 / height, note, fontsize=size, color=GREY, va="bottom")


def margins(title: str, note: str) -> tuple[float, float]:
    """Inches that title and note take in a figure of ``PHONE_WIDTH``."""
    lines = [
        1 + wrap(text, _letters(PHONE_WIDTH, letters)).count("\n")
        for text, letters in ((title, TITLE_LETTERS), (note, NOTE_LETTERS * NOTE / SMALLEST))
    ]
    return 0.2 + 0.22 * lines[0], 0.15 + 0.19 * lines[1] * bool(note)


def _letters(width: float, of_page: float = TITLE_LETTERS) -> int:
    """Letters of a line in a figure of a width, by those of a whole page."""
    return int(of_page * width / WIDTH)


def finish(figure: Figure, name: str, title: str, alt: str, kinds: Sequence[str] = ("svg", "png")) -> Picture:
    """The figure drawn."""
    return Picture(name, title, alt, images(figure, kinds))


def images(figure: Figure, kinds: Sequence[str] = ("svg", "png")) -> dict[str, bytes]:
    """The figure as SVG and PNG, or one of them, the same bytes every time."""
    found = {}
    svg: dict[str, Any] = {"metadata": {"Date": None}}
    png: dict[str, Any] = {"metadata": {"Software": None}, "dpi": DPI, "pil_kwargs": {"compress_level": 3}}
    for kind in kinds:
        options = svg if kind == "svg" else png
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, **options)
        found[kind] = buffer.getvalue()
    return found


def save(folder: Path, name: str, pictures: dict[str, bytes]) -> None:
    """Write ``name.svg`` and ``name.png``."""
    for kind, data in pictures.items():
        with files.whole(folder / f"{name}.{kind}") as temporary:
            temporary.write_bytes(data)


# ---- axes and labels ------------------------------------------------------------------------------------------------


def number_axis(axis: Any, lang: str, *, share: bool = False, signed: bool = False, points: bool = False) -> None:
    """Tick labels as the language writes numbers; ``points`` shows shares as percentage points."""

    def text(value: float, _: int) -> str:
        if share:
            return percent(value, lang, _decimals(axis, 100.0))
        factor = 100.0 if points else 1.0
        return number(value * factor, lang, _decimals(axis, factor), signed=signed)

    axis.set_major_formatter(FuncFormatter(text))


def _decimals(axis: Any, factor: float) -> int:
    """As many decimals as the distance between ticks needs."""
    ticks = np.asarray(axis.get_majorticklocs()) * factor
    step = float(np.min(np.diff(ticks))) if ticks.size > 1 else 1.0
    return next((d for d in range(4) if abs(step - round(step, d)) < 1e-6 * step), 3)


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near the wanted ones as may be, at least ``gap`` apart and between ``low`` and ``high``.

    Labels that would touch are joined into blocks around their common middle (pool adjacent violators). When there is
    no room for all gaps, they are shared out evenly.
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    blocks: list[list[float]] = []  # [sum of wanted bottoms, labels]
    for rank, i in enumerate(order):
        blocks.append([wanted[i] - rank * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    bottoms = [total / count for total, count in blocks for _ in range(int(count))]
    last = (len(wanted) - 1) * gap
    placed = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        placed[i] = min(max(bottoms[rank], low), high - last) + rank * gap
    return placed


def label_line_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]], size: float = 10.0) -> None:
    """Write names beside the ends of lines, none over another, with a thin leader to the line.

    ``ends`` holds (x, y, text, colour). The axes must have their final limits and position.
    """
    bottom, top = axes.get_ylim()
    height = axes.get_position().height * axes.figure.get_size_inches()[1] * 72.0  # points
    gap = 1.3 * size / height
    wanted = [(y - bottom) / (top - bottom) for _, y, _, _ in ends]
    for (x, y, text, colour), place in zip(ends, spread_out(wanted, gap, 0.02, 0.98), strict=True):
        axes.annotate(
            text,
            xy=(x, y),
            xytext=(1.03, place),
            textcoords="axes fraction",
            va="center",
            fontsize=size,
            color=colour,
            annotation_clip=False,
            arrowprops={  # from the left edge of the name, not from under it
                **{"arrowstyle": "-", "color": colour, "linewidth": 0.7},
                **{"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 1},
            },
        )


def wrap(text: str, width: int) -> str:
    """Break a text into as few lines as the width asks for, of about the same length; names are not broken."""
    lines = _lines(text, width)
    narrower = range(len(text) // max(len(lines), 1), width)
    return "\n".join(next((tried for w in narrower if w and len(tried := _lines(text, w)) == len(lines)), lines))


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def shorten(text: str, width: int = 30) -> str:
    """A name that fits its place, with an ellipsis in the middle where it does not: names often differ at the end."""
    kept = width - 1
    return text if len(text) <= width else f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"


def month_ticks(first: int, last: int) -> list[int]:
    """Ticks on whole years, or on months when the time is short."""
    step = 12 if last - first > 30 else (6 if last - first > 12 else max(1, (last - first) // 4))
    return [month for month in range(-(-first // step) * step, last + 1, step)]
