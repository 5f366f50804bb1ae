"""The figures of a profile: months of social assistance in a year, number of barriers, sources of income, and drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from results.figures import SOURCES
from results.language import capital, number, percent, say
from results.style import (
    AREAS,
    BLUE,
    GREY,
    ORANGE,
    WIDTH,
    Picture,
    arm_style,
    finish,
    header,
    number_axis,
    style,
    wrap,
)

if TYPE_CHECKING:
    from scenarios.profile_fit import Measured

POPULATIONS: Final = (("pool", BLUE, ""), ("selected", ORANGE, "//"))
FEWEST: Final = 0.01  # share of parents below which a row of the flow is left out

FloatArray = npt.NDArray[np.float64]


def profile_figures(measured: Measured, place: str, lang: str, *, inferred: bool = False) -> list[Picture]:
    """The three figures of a profile; ``inferred`` where its numbers come from a ranking."""
    note = say("profile.note", lang, number=number(len(measured.months["pool"]), lang))
    if inferred:
        note = f"{say('profile.not_data', lang)} {note}"
    months = {name: np.sum(measured.months[name], axis=0) for name, _, _ in POPULATIONS}
    barriers = {name: np.sum(measured.barriers[name], axis=0) for name, _, _ in POPULATIONS}
    assert measured.flow is not None
    return [
        _months(months, place, note, lang),
        _barriers(barriers, place, note, lang),
        _flow(measured.flow, place, note, lang),
    ]


def _months(counts: Mapping[str, FloatArray], place: str, note: str, lang: str) -> Picture:
    shares = {name: _shares(values[1:]) for name, values in counts.items()}
    pool = shares["pool"]
    alt = say(
        "profile.months_alt",
        lang,
        short=percent(float(pool[:2].sum()), lang),
        whole=percent(float(pool[-1]), lang),
        mean=number(float(pool @ np.arange(1, 13)), lang, 1),
    )
    words = ("profile.months_title", "profile.months_axis")
    return _bars("assistance-months", shares, 1, words, place, note, alt, lang)


def _barriers(counts: Mapping[str, FloatArray], place: str, note: str, lang: str) -> Picture:
    shares = {name: _shares(values) for name, values in counts.items()}
    means = {name: number(float(values @ np.arange(len(values))), lang, 1) for name, values in shares.items()}
    many = percent(float(shares["selected"][5:].sum()), lang)
    alt = say("profile.barriers_alt", lang, many=many, **means)
    words = ("profile.barriers_title", "profile.barriers_axis")
    return _bars("barriers", shares, 0, words, place, note, alt, lang)


def _shares(counts: FloatArray) -> FloatArray:
    return np.asarray(counts / max(float(counts.sum()), 1.0))


def _bars(
    name: str,
    shares: Mapping[str, FloatArray],
    first: int,
    words: tuple[str, str],
    place: str,
    note: str,
    alt: str,
    lang: str,
) -> Picture:
    """Two populations side by side over whole numbers from ``first`` on."""
    title = say(words[0], lang, place=place)
    with style():
        figure = Figure(figsize=(WIDTH, 4.8))
        axes = figure.add_axes((0.08, 0.21, 0.89, 0.61))
        for j, (population, colour, hatch) in enumerate(POPULATIONS):
            x = np.arange(first, first + len(shares[population])) + (j - 0.5) * 0.4
            label = capital(say(f"profile.{population}", lang))
            axes.bar(x, shares[population], 0.4, color=colour, hatch=hatch, edgecolor="white", label=label)
        axes.set_xticks(range(first, first + len(shares["pool"])))
        axes.set_xlabel(say(words[1], lang))
        axes.set_title(say("profile.families_axis", lang))
        axes.grid(visible=False, axis="x")
        number_axis(axes.yaxis, lang, share=True)
        figure.legend(loc="upper right", bbox_to_anchor=(0.97, 0.93), ncol=2, fontsize=9)
        header(figure, title, note)
        return finish(figure, name, title, alt)


def _flow(flow: FloatArray, place: str, note: str, lang: str) -> Picture:
    """Where the parents of each source of income a year ago are now."""
    then = flow.sum(axis=1) / flow.sum()
    kept = [i for i in range(len(SOURCES)) if then[i] >= FEWEST]
    names = [capital(say(f"source.{source}", lang)) for source in SOURCES]
    title = say("profile.flow_title", lang, place=place)
    with style():
        figure = Figure(figsize=(WIDTH, 2.6 + 0.62 * len(kept)))
        height = figure.get_size_inches()[1]
        axes = figure.add_axes((0.25, 1.45 / height, 0.72, 1 - 2.15 / height))
        for row, i in enumerate(kept):
            shares, left = flow[i] / flow[i].sum(), 0.0
            for j, (colour, hatch) in enumerate(AREAS):
                axes.barh(row, shares[j], 0.72, left=left, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5)
                left += shares[j]
        axes.set_yticks(range(len(kept)))
        axes.set_yticklabels(
            [
                say("profile.flow_row", lang, source=wrap(names[i], 28), share=percent(float(then[i]), lang))
                for i in kept
            ],
            fontsize=9,
        )
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(say("profile.flow_axis", lang))
        number_axis(axes.xaxis, lang, share=True)
        patches = [
            Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name)
            for name, (colour, hatch) in zip(names, AREAS, strict=True)
        ]
        figure.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.5, 0.28 / height), ncol=4, fontsize=8)
        header(figure, title, note)
        work, assistance = SOURCES.index("work"), SOURCES.index("social_assistance")
        alt = say(
            "profile.flow_alt",
            lang,
            stay=_part(flow, assistance, assistance, lang),
            work=_part(flow, assistance, work, lang),
            kept=_part(flow, work, work, lang),
        )
        return finish(figure, "income-sources", title, alt)


def _part(flow: FloatArray, then: int, now: int, lang: str) -> str:
    return percent(float(flow[then, now] / max(flow[then].sum(), 1.0)), lang)


def drift_figure(table: Mapping[str, Mapping[int, float]], burn_in: int, place: str, lang: str) -> Picture:
    """Statistics of the pool by months since the burn-in began, each over its mean from the study's start on."""
    title = say("profile.drift_title", lang, place=place)
    lines: dict[str, FloatArray] = {}
    months = np.array(list(next(iter(table.values()))))
    for name, values in table.items():
        series = np.array([values[month] for month in months])
        lines[name] = series / series[months >= burn_in].mean()
    most = max(float(np.abs(line[months >= burn_in] - 1.0).max()) for line in lines.values())
    with style():
        figure = Figure(figsize=(WIDTH, 5.6))
        axes = figure.add_axes((0.08, 0.13, 0.6, 0.72))
        for i, (name, line) in enumerate(lines.items()):
            look: dict[str, Any] = {**arm_style(i), "linewidth": 1.3, "markersize": 3.5}
            axes.plot(months, line, label=name.replace("_", " "), **look)
        axes.axvline(burn_in, color=GREY, linewidth=1)
        axes.annotate(
            say("profile.drift_start", lang),
            (burn_in, 0.02),
            (4, 0),
            ("data", "axes fraction"),
            "offset points",
            fontsize=9,
        )
        axes.set_xticks(months)
        axes.set_xlabel(say("profile.drift_axis", lang))
        axes.set_title(say("profile.drift_relative", lang))
        number_axis(axes.yaxis, lang)
        figure.legend(loc="center left", bbox_to_anchor=(0.69, 0.5), fontsize=8)
        header(figure, title, "")
        alt = say("profile.drift_alt", lang, number=number(len(lines), lang), most=percent(most, lang))
        return finish(figure, "drift", title, alt)
