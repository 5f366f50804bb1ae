"""The figure of what families have, beside what is published, from the tables ``incomes`` and ``incomes_by_household``."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from results.language import number, percent, say
from results.style import BLUE, GREY, VERMILLION, WIDTH, Picture, finish, header, margins, number_axis, style

COMPARISON_COLUMNS: Final = ("name", "unit", "value", "low", "high", "observed", "source", "replicates")
HOUSEHOLD_COLUMNS: Final = (
    *("household", "share", "p10", "p25", "p50", "p75", "p90", "mean", "line"),
    *("low_income_now", "low_income_year", "lasting_low_income", "assistance_share", "assistance_months"),
    *("assistance_paid", "allowance_share", "allowance_paid", "not_claimed", "families"),
)


def rows_of(table: pd.DataFrame) -> list[Any]:
    """The rows, each with its columns as attributes."""
    return list(table.itertuples(index=False))


def draw(comparison: pd.DataFrame, households: pd.DataFrame, prices: str, lang: str) -> Picture:
    """Disposable income by kind of household, and simulated figures as percentages of published ones."""
    statistics = comparison.dropna(subset=["observed"])
    title = say("incomes.title", lang, year=prices)
    above, below = (0.3 + 0.3 * len(table) for table in (households, statistics))  # inches
    note = say("incomes.note", lang, replicates=number(float(comparison["replicates"].max()), lang))
    bottom = 0.5 + margins("", note, WIDTH)[1]  # the lower axis and the note
    height = above + below + bottom + 1.8
    with style():
        figure = Figure(figsize=(WIDTH, height))
        upper = figure.add_axes((0.37, (bottom + below + 0.9) / height, 0.58, above / height))
        lower = figure.add_axes((0.37, bottom / height, 0.43, below / height))
        for y, row in enumerate(rows_of(households)):
            upper.plot([row.p10, row.p90], [y, y], color=BLUE, linewidth=1.4)
            upper.plot([row.p25, row.p75], [y, y], color=BLUE, linewidth=6, solid_capstyle="butt")
            upper.plot([row.p50], [y], "o", color="white", markeredgecolor=BLUE, markersize=7)
            upper.plot([row.line] * 2, [y - 0.38, y + 0.38], color=VERMILLION, linewidth=2.2)
        upper.set_yticks(range(len(households)), [say(f"household.{kind}", lang) for kind in households["household"]])
        upper.set_title(say("incomes.distribution", lang))
        upper.invert_yaxis()
        upper.set_xlim(left=0)
        number_axis(upper.xaxis, lang)
        for y, row in enumerate(rows_of(statistics)):
            lower.plot([row.low / row.observed, row.high / row.observed], [y, y], color=BLUE, linewidth=2)
            lower.plot([row.value / row.observed], [y], "o", color=BLUE, markersize=7)
            texts = [shown(amount, row.unit, lang) for amount in (row.value, row.observed)]
            text = say("incomes.against", lang, simulated=texts[0], published=texts[1])
            lower.annotate(text, (1.03, y), xycoords=("axes fraction", "data"), va="center", color=GREY)
        lower.axvline(1.0, color=VERMILLION, linewidth=1.4)
        lower.set_yticks(range(len(statistics)), [say(f"incomes.{name}", lang) for name in statistics["name"]])
        lower.set_title(say("incomes.published", lang))
        lower.invert_yaxis()
        lower.set_xlim(left=0)
        number_axis(lower.xaxis, lang, share=True)
        header(figure, title, note)
        median = ", ".join(
            say("incomes.alt_median", lang, kind=say(f"household.{row.household}", lang), amount=number(row.p50, lang))
            for row in rows_of(households)
        )
        (paid,) = rows_of(statistics[statistics["name"] == "assistance_paid"])
        alt = say("incomes.alt", lang, medians=median, ratio=percent(paid.value / paid.observed, lang))
        return finish(figure, "incomes", title, alt)


def shown(value: float, unit: str, lang: str) -> str:
    """An amount, a share or a number of months as the language writes it."""
    if unit.startswith("share"):
        return percent(value, lang, 1 if unit == "share a month" else 0)
    return number(value, lang, 1 if unit.startswith("months") else 0)
