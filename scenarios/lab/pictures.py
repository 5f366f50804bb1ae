"""The pictures of two plans, narrow enough for a telephone: an outcome each with its difference below, queues, and costs.

Today is dashed and grey, the plan a whole line in blue. The numbers are those of the tables; so are those of the alt texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results import words
from results.amounts import kroner, kroner_range, payer_name
from results.figures import around_zero
from results.language import capital, number, say
from results.sensitivity_words import panel_title
from results.style import (
    BLACK,
    BLUE,
    PHONE_WIDTH,
    SKY,
    SMALLEST,
    Picture,
    arm_style,
    finish,
    header,
    margins,
    month_ticks,
    number_axis,
    style,
    wrap,
)
from scenarios.lab.answers import WAITS, Compared, at_the_end, compared

if TYPE_CHECKING:
    from results.told import Told
    from scenarios.study import Study
    from simulation.outcomes import Runs

LEFT, RIGHT = 0.17, 0.97  # 0..1, of the panels with months
LANE: Final = 0.42  # inches, of a service
MOST_OF_NAME: Final = 18  # letters in a line beside a row
ONLY: Final = ("svg",)


def pictures(study: Study, runs: Runs, lang: str, tables: Told | None = None) -> list[Picture]:
    """Every picture of two plans, as SVG; the parameters are those of :func:`scenarios.lab.answers.compared`."""
    of = compared(study, runs, lang, tables)
    return [draw(of, lang, place) for place in range(how_many(of))]


def how_many(of: Compared, *, whole: bool = True) -> int:
    """Pictures of two plans: one for each outcome; and where no more replicates come, two, of what changes little till then."""
    return len(at_the_end(of)) + 2 * whole


def draw(of: Compared, lang: str, place: int) -> Picture:
    """The picture in a place, 0 to :func:`how_many` less one."""
    outcomes = at_the_end(of)
    if place < len(outcomes):
        return outcome_picture(of, outcomes[place], lang)
    return (queues, costs)[place - len(outcomes)](of, lang)


# ---- an outcome ------------------------------------------------------------------------------------------------------


def outcome_picture(of: Compared, last: Mapping[str, Any], lang: str) -> Picture:
    """An outcome with each plan and a band over the runs; below it the paired difference with both its bands.

    ``last`` is the difference after the last month, from :func:`scenarios.lab.answers.at_the_end`.
    """
    outcome = str(last["outcome"])
    title, note = panel_title(outcome, lang), say("lab_picture.outcome_note", lang)
    rows = of.tables.differences
    rows = rows[rows["outcome"] == outcome].sort_values("month")
    above, below = margins(title, note)
    upper, lower, legend, between = 1.9, 1.45, 0.3, 0.5
    height = above + legend + upper + between + lower + 0.55 + below
    with style():
        figure = Figure(figsize=(PHONE_WIDTH, height))
        top = figure.add_axes((LEFT, (below + 0.55 + lower + between) / height, RIGHT - LEFT, upper / height))
        bottom = figure.add_axes((LEFT, (below + 0.55) / height, RIGHT - LEFT, lower / height))
        levels = _levels(top, of, outcome, lang)
        _legend(figure, of, (height - above) / height)
        _difference(bottom, rows, outcome, lang)
        head = say("lab_picture.difference", lang, unit=_unit(outcome, lang), words=words.difference_short(last, lang))
        bottom.set_title(wrap(head, 44), fontsize=SMALLEST, y=1.0)
        top.set_title("", y=1.0)  # a place that is given need not be looked for, which takes a tenth of the time
        bottom.set_xlabel(say("figure.month", lang), fontsize=SMALLEST)
        for panel in (top, bottom):
            panel.set_xlim(top.get_xlim())
            panel.tick_params(labelsize=SMALLEST)
        header(figure, title, note)
        told = {"panel": title, "month": number(of.months, lang), "values": levels}
        sentence = words.difference_sentence(last, of.plan, of.today, lang)
        alt = f"{say('alt.headline_part', lang, **told)} {sentence}"
        return finish(figure, f"outcome-{outcome.replace('_', '-')}", title, alt, ONLY)


def _levels(panel: Any, of: Compared, outcome: str, lang: str) -> str:
    """Draw both plans; what they are after the last month, in words."""
    rows = of.tables.outcomes
    rows = rows[rows["outcome"] == outcome]
    parts = []
    for index, arm in enumerate((of.today, of.plan)):
        line, look = rows[rows["arm"] == arm].sort_values("month"), arm_style(index)
        panel.fill_between(line["month"], line["p05"], line["p95"], color=look["color"], alpha=0.12, linewidth=0)
        for edge in ("p05", "p95"):
            panel.plot(line["month"], line[edge], color=look["color"], linestyle=look["linestyle"], linewidth=0.7)
        # Dashes over the whole line, so that both are seen where they lie together.
        panel.plot(
            line["month"],
            line["mean"],
            color=look["color"],
            linestyle=look["linestyle"],
            linewidth=2.4,
            zorder=4 - index,
        )
        parts.append(f"{arm} {words.level(float(line['mean'].iloc[-1]), outcome, lang)}")
    first = int(rows["month"].min())
    panel.set_xlim(first, max(of.months, first + 1))
    panel.set_xticks(month_ticks(first, of.months))
    panel.set_xticklabels([])
    panel.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (2, 2)))
    panel.locator_params(axis="y", nbins=5)
    number_axis(panel.yaxis, lang, share=words.is_share(outcome))
    return ", ".join(parts)


def _difference(panel: Any, rows: Any, outcome: str, lang: str) -> None:
    panel.fill_between(rows["month"], rows["p05"], rows["p95"], color=SKY, alpha=0.35, linewidth=0)
    if np.isfinite(rows["ci_low"]).any():
        panel.fill_between(rows["month"], rows["ci_low"], rows["ci_high"], color=BLUE, alpha=0.55, linewidth=0)
    panel.plot(rows["month"], rows["mean"], color=BLACK, linewidth=1.8)
    panel.axhline(0, color=BLACK, linewidth=1.2, linestyle=(0, (4, 2)))
    panel.axvline(0, color=BLACK, linewidth=1, linestyle=(0, (2, 2)))
    around_zero(panel, rows, outcome)
    panel.set_xticks(month_ticks(-12, int(rows["month"].max())))
    panel.locator_params(axis="y", nbins=5)
    number_axis(panel.xaxis, lang)
    number_axis(panel.yaxis, lang, signed=True, points=words.is_share(outcome))


def _unit(outcome: str, lang: str) -> str:
    return say("unit.points" if words.is_share(outcome) else "document.nok_month", lang)


def _legend(figure: Figure, of: Compared, top: float) -> None:
    """The names of the plans with their line and marker, under the title."""
    looks = [arm_style(index) for index in range(2)]
    handles = [
        Line2D(
            [], [], color=look["color"], linestyle=look["linestyle"], linewidth=2.2, marker=look["marker"], label=arm
        )
        for arm, look in zip((of.today, of.plan), looks, strict=True)
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, top), ncols=2, fontsize=SMALLEST, handlelength=2.6,
        borderpad=0.2,
    )  # fmt: skip


# ---- queues and costs ------------------------------------------------------------------------------------------------


def queues(of: Compared, lang: str) -> Picture:
    """The waiting time of those who have a place at the end, a service a row, both plans."""
    title, note = say("lab_picture.queues", lang, month=number(of.months, lang)), say("lab_picture.queues_note", lang)
    rows = of.tables.outcomes
    value = {(r["outcome"], r["arm"]): r for r in rows[rows["outcome"].isin(WAITS)].to_dict("records")}
    shown = [name for name in WAITS if any((name, arm) in value for arm in (of.today, of.plan))]
    parts = []
    names = [capital(say(f"service.{name.removeprefix('wait_')}", lang)) for name in shown]
    with style():
        figure, panel = _rows(names, title, note, legend=True)
        side = panel.get_yaxis_transform()
        for place, name in enumerate(shown):
            for index, arm in enumerate((of.today, of.plan)):
                look, y = arm_style(index), place + (index - 0.5) * 0.36
                if (name, arm) not in value:
                    nobody = say("lab_picture.no_place", lang)
                    panel.text(0.02, y, nobody, transform=side, va="center", fontsize=SMALLEST, color=look["color"])
                    continue
                mean, low, high = (float(value[name, arm][key]) for key in ("mean", "p05", "p95"))
                panel.plot([low, high], [y, y], color=look["color"], linestyle=look["linestyle"], linewidth=1.8)
                panel.plot(mean, y, marker=look["marker"], color=look["color"], markersize=7, linestyle="none")
            means = (value.get((name, arm), {}).get("mean", np.nan) for arm in (of.today, of.plan))
            parts.append(f"{names[place]}: {' / '.join(number(float(mean), lang, 1) for mean in means)}")
        panel.set_xlim(left=0)
        panel.set_xlabel(say("figure.services_wait", lang), fontsize=SMALLEST)
        number_axis(panel.xaxis, lang)
        height = figure.get_size_inches()[1]
        _legend(figure, of, 1 - margins(title, note)[0] / height)
        told = {"today": of.today, "plan": of.plan, "month": number(of.months, lang), "parts": "; ".join(parts)}
        return finish(figure, "queues", title, say("lab_picture.queues_alt", lang, **told), ONLY)


def costs(of: Compared, lang: str) -> Picture:
    """What the plan costs each payer beyond today: the mean with both intervals, a payer a row."""
    title = say("lab_picture.costs", lang, months=number(of.months, lang), plan=of.plan, today=of.today)
    note = say("lab_picture.costs_note", lang)
    rows = [row for row in of.tables.consequences.to_dict("records") if row["kind"] == "cost"]
    names = [capital(payer_name(str(row["name"]), lang)) for row in rows]
    parts = []
    with style():
        figure, panel = _rows([wrap(name, MOST_OF_NAME) for name in names], title, note)
        for place, (row, name) in enumerate(zip(rows, names, strict=True)):
            mean, ci_low, ci_high, low, high = (
                float(row[key]) / 1e6 for key in ("mean", "ci_low", "ci_high", "p05", "p95")
            )
            panel.plot([low, high], [place, place], color=SKY, linewidth=7, alpha=0.6, solid_capstyle="butt")
            panel.plot([ci_low, ci_high], [place, place], color=BLUE, linewidth=16, alpha=0.8, solid_capstyle="butt")
            panel.plot(mean, place, marker="D", color=BLACK, markersize=5, linestyle="none")
            spread = kroner_range(float(row["p05"]), float(row["p95"]), lang)
            parts.append(f"{name}: {kroner(float(row['mean']), lang, signed=True)} ({spread})")
        panel.axvline(0, color=BLACK, linewidth=1.2, linestyle=(0, (4, 2)))
        panel.set_xlabel(say("lab_picture.costs_axis", lang), fontsize=SMALLEST)
        panel.locator_params(axis="x", nbins=5)
        number_axis(panel.xaxis, lang, signed=True)
        alt = say("lab_picture.costs_alt", lang, title=title, parts="; ".join(parts))
        return finish(figure, "costs", title, alt, ONLY)


def _rows(names: Sequence[str], title: str, note: str, *, legend: bool = False) -> tuple[Figure, Any]:
    """A figure with one panel of named rows, the first at the top."""
    above, below = margins(title, note)
    above += 0.35 if legend else 0.1
    lines = max((1 + name.count("\n") for name in names), default=1)
    tall = max(LANE, 0.2 * lines + 0.1) * max(len(names), 1)
    height = above + tall + 0.55 + below
    figure = Figure(figsize=(PHONE_WIDTH, height))
    panel = figure.add_axes((0.42, (below + 0.55) / height, 0.54, tall / height))
    panel.set_ylim(max(len(names), 1) - 0.5, -0.5)
    panel.set_yticks(range(len(names)), names)
    panel.tick_params(labelsize=SMALLEST)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    header(figure, title, note)
    return figure, panel
