"""The budget in the report: what it costs, who pays and who gains, from the tables of the economic evaluation.

Every part is left out where its table is missing or empty. A ratio is shown only where its table says that there is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from results import words
from results.amounts import (
    consequence_name,
    item_name,
    kroner,
    kroner_range,
    measured,
    measured_range,
    payer_name,
    quantity,
    words_for,
)
from results.blocks import Block, Cell, Column, Heading, Row, Shown, Table, Text
from results.costs import PAYERS
from results.evaluation import DONE
from results.language import capital, number, say
from results.sensitivity_words import listed
from results.style import Picture

DISCOUNTED: Final = "NOK, discounted"
COORDINATOR_ITEMS: Final = ("coordinators", "training_and_supervision", "interpreters", "travel", "start_up")
"""What the municipality pays for having coordinators."""
LEAST: Final = 500.0  # NOK: smaller lines of an account are left out
ACCOUNT_GROUPS: Final = ("total", "coordinators")

Manifest = Mapping[str, Any]
Contrasts = Sequence[Mapping[str, Any]]


def records(table: pd.DataFrame, **wanted: Any) -> list[dict[str, Any]]:
    """The rows with these values, as dictionaries."""
    for name, value in wanted.items():
        if name not in table.columns:
            return []
        table = table[table[name] == value]
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def coordinator_costs(costs: pd.DataFrame) -> dict[str, float]:
    """What coordinators cost the municipality by arm, NOK over the horizon, discounted, all items together."""
    found: dict[str, float] = {}
    for row in records(costs, payer="municipality", unit=DISCOUNTED):
        if row["item"] in COORDINATOR_ITEMS:
            found[str(row["arm"])] = found.get(str(row["arm"]), 0.0) + float(row["mean"])
    return found


# ---- sentences for the first page ------------------------------------------------------------------------------------


def cost_sentences(tables: Any, contrast: Mapping[str, Any], manifest: Manifest, lang: str) -> list[str]:
    """What the coordinators of two arms cost, the municipality's net, and whether it pays for itself."""
    months = number(float(manifest["horizon"]), lang)
    found = []
    cost = coordinator_costs(tables.costs)
    if contrast["arm"] in cost and contrast["against"] in cost:
        a, b = cost[contrast["arm"]], cost[contrast["against"]]
        sides = {"arm": contrast["arm"], "against": contrast["against"], "months": months}
        same = kroner(a, lang) == kroner(b, lang)
        direction = say("document.more" if a > b else "document.less", lang)
        told = {**sides, "first": kroner(a, lang), "second": kroner(b, lang)}
        told |= {"size": kroner(abs(a - b), lang), "direction": direction}
        found.append(say(f"document.coordinators_{'same' if same else 'cost'}", lang, **told))
    found += [sentence for sentence in (_net(tables, contrast["name"], "municipality", lang),) if sentence]
    paid = _pays_line(tables.pays, contrast, int(manifest["horizon"]), lang)
    return [*found, paid] if paid else found


def _net(tables: Any, contrast: str, payer: str, lang: str) -> str:
    """A payer's net, as surely as its table allows."""
    name = payer_name(payer, lang)
    for row in records(tables.consequences, contrast=contrast, kind="cost", name=payer):
        verdict = words.verdict(row)
        told = {
            "payer": name,
            "low": kroner(row["p05"], lang, signed=True),
            "high": kroner(row["p95"], lang, signed=True),
        }
        told["direction"] = say("direction.up" if row["mean"] > 0 else "direction.down", lang)
        told["size"] = kroner(abs(row["mean"]), lang)
        return say(f"budget.net_{verdict}", lang, **told)
    for row in records(tables.cost_differences, contrast=contrast, payer=payer, item="total", unit=DISCOUNTED):
        ends = {key: kroner(float(row[column]), lang, signed=True) for key, column in _ENDS.items()}
        return say("budget.net_runs", lang, payer=name, **ends)
    return ""


_ENDS: Final = {"mean": "mean", "low": "p05", "high": "p95"}


def _pays_line(table: pd.DataFrame, contrast: Mapping[str, Any], horizon: int, lang: str) -> str:
    rows = records(table, contrast=contrast["name"], horizon_months=float(horizon))
    parts = [
        f"{payer_name(str(row['payer']), lang)} {_probability(row, lang)}"
        for row in rows
        if math.isfinite(float(row["probability"]))
    ]
    if not parts:
        return ""
    sides = {"arm": contrast["arm"], "against": contrast["against"], "months": number(horizon, lang)}
    return say("document.pays_line", lang, **sides, parts=", ".join(parts))


def _probability(row: Mapping[str, Any], lang: str) -> str:
    """The probability that something is saved; in words where there is nothing to save."""
    if row["says"] == "no_difference":
        return say("budget.no_difference", lang)
    return words.probability_of(float(row["probability"]), lang)


# ---- the section -----------------------------------------------------------------------------------------------------


def blocks(
    tables: Any, contrasts: Contrasts, manifest: Manifest, pictures: Mapping[str, Picture], lang: str
) -> Iterator[Block]:
    """The whole budget of some contrasts, the cost-consequence table first."""
    months = number(float(manifest["horizon"]), lang)
    table = arms_table(tables.costs, [str(arm) for arm in manifest["arms"]], lang)
    if table is not None:
        yield table
    yield from _with_heading(
        "consequences", [consequences(tables.consequences, c, months, lang) for c in contrasts], lang
    )
    payers = payers_table(tables.cost_differences, manifest["contrasts"], lang)
    if payers is not None:
        yield Heading(say("budget.payers_heading", lang))
        yield payers
    if len(tables.ratios):
        yield Heading(say("budget.ratios_heading", lang))
        yield Text(say("budget.ratios_intro", lang))
        for contrast in contrasts:
            yield from ratio_blocks(tables.ratios, contrast, lang)
    shown = [pictures[name] for name in pictures if name.startswith(("plane", "acceptability"))]
    if shown:
        yield Heading(say("budget.plane_heading", lang))
        yield from map(Shown, shown)
    yield from _with_heading("pays", [pays(tables.pays, c, lang) for c in contrasts], lang)
    moved = shifts(tables.shifts, contrasts, months, lang)
    yield from _with_heading("shifts", [moved], lang)


def more(tables: Any, contrasts: Contrasts, manifest: Manifest, lang: str) -> Iterator[Block]:
    """The same tables of the other contrasts, for an appendix."""
    months = number(float(manifest["horizon"]), lang)
    for contrast in contrasts:
        made = (
            consequences(tables.consequences, contrast, months, lang),
            *ratio_blocks(tables.ratios, contrast, lang),
            pays(tables.pays, contrast, lang),
        )
        found = [block for block in made if block is not None]
        if found:
            yield Heading(capital(str(contrast["name"])))
            yield from found
    moved = shifts(tables.shifts, contrasts, months, lang, others=True)
    if moved is not None:
        yield moved


def _with_heading(key: str, made: Sequence[Table | None], lang: str) -> Iterator[Block]:
    found = [table for table in made if table is not None]
    if found:
        yield Heading(say(f"budget.{key}_heading", lang))
        yield Text(say(f"budget.{key}_intro", lang))
        yield from found


# ---- tables ----------------------------------------------------------------------------------------------------------


def arms_table(costs: pd.DataFrame, arms: Sequence[str], lang: str) -> Table | None:
    """What coordinators cost the municipality, an arm a column, an item a row."""
    rows = records(costs, payer="municipality", unit=DISCOUNTED)
    value = {(str(row["arm"]), str(row["item"])): float(row["mean"]) for row in rows}
    whole = coordinator_costs(costs)
    shown = [arm for arm in arms if whole.get(arm)]
    if not shown:
        return None
    items = [item for item in COORDINATOR_ITEMS if any(value.get((arm, item)) for arm in shown)]
    lines = [
        Row.of(capital(item_name(item, lang)), *(kroner(value.get((arm, item), 0.0), lang) for arm in shown))
        for item in items
    ]
    total = Row.of(say("budget.in_all", lang), *(kroner(whole[arm], lang) for arm in shown), role="total")
    columns = (Column(say("budget.item", lang)), *(Column(capital(arm), number=True) for arm in shown))
    return Table(say("budget.arms_caption", lang), columns, (*lines, total), "costs.csv")


def consequences(table: pd.DataFrame, contrast: Mapping[str, Any], months: str, lang: str) -> Table | None:
    """Costs, gains and outcomes of a contrast, beside one another."""
    lines: list[Row] = []
    for kind in ("cost", "gain", "outcome"):
        rows = records(table, contrast=contrast["name"], kind=kind)
        if rows:
            lines.append(Row.of(say(f"budget.kind_{kind}", lang), role="group"))
            lines += [_consequence(row, lang) for row in rows]
    if not lines:
        return None
    caption = say("budget.consequences_caption", lang, name=capital(str(contrast["name"])), months=months)
    return Table(
        caption, (Column(say("budget.what", lang)), *difference_columns(lang)), tuple(lines), "consequences.csv"
    )


def difference_columns(lang: str) -> tuple[Column, ...]:
    """Mean, spread, probability and words."""
    numbers = tuple(Column(say(f"report.{key}", lang), number=True) for key in ("mean_ci", "spread", "prob_better"))
    return (*numbers, Column(say("report.in_words", lang)))


def _consequence(row: Mapping[str, Any], lang: str) -> Row:
    ends = {key: float(row[key]) for key in ("ci_low", "ci_high", "p05", "p95")}
    ci = measured_range(ends["ci_low"], ends["ci_high"], row, lang) if math.isfinite(ends["ci_low"]) else ""
    spread = measured_range(ends["p05"], ends["p95"], row, lang)
    unit = words.unit(str(row["name"]), lang) if row["kind"] == "outcome" else ""
    direction = say("direction.up" if float(row["mean"]) > 0 else "direction.down", lang)
    verdict = words.verdict(row)
    told = say(f"short.{verdict}", lang, direction=direction)
    if row["name"] == DONE:  # what is done follows from the staffing, and is not likely or unlikely
        told = ""
    return Row.of(
        Cell(capital(consequence_name(row, lang)), unit),
        Cell(measured(float(row["mean"]), row, lang), f"({ci})" if ci else ""),
        spread,
        words.probability(row, lang),
        told,
    )


def payers_table(table: pd.DataFrame, contrasts: Contrasts, lang: str) -> Table | None:
    """Every payer's total and the coordinators in it, a contrast a column."""
    value = {
        (str(row["contrast"]), str(row["payer"]), str(row["item"])): row for row in records(table, unit=DISCOUNTED)
    }
    shown = [c for c in contrasts if any(key[0] == c["name"] for key in value)]
    if not shown:
        return None
    lines = []
    for payer in PAYERS:
        if any((c["name"], payer, "total") in value for c in shown):
            lines.append(_amounts(capital(payer_name(payer, lang)), value, shown, payer, "total", lang))
        if payer == "municipality":
            lines.append(_amounts(say("budget.of_which", lang), value, shown, payer, "coordinators", lang, role="part"))
    columns = (Column(say("report.payer", lang)), *(Column(capital(str(c["name"])), number=True) for c in shown))
    return Table(say("budget.payers_caption", lang), columns, tuple(lines), "cost_differences.csv")


def _amounts(
    name: str, value: Mapping[Any, Any], contrasts: Contrasts, payer: str, item: str, lang: str, role: str = ""
) -> Row:
    cells = []
    for contrast in contrasts:
        items = COORDINATOR_ITEMS if item == "coordinators" else (item,)
        rows = [value[key] for one in items if (key := (contrast["name"], payer, one)) in value]
        mean = sum(float(row["mean"]) for row in rows) if rows else math.nan
        one = rows[0] if len(rows) == 1 else None  # percentiles of a sum are not the sum of percentiles
        note = "" if one is None else f"({kroner_range(float(one['p05']), float(one['p95']), lang)})"
        cells.append(Cell(kroner(mean, lang, signed=True), note))
    return Row.of(name, *cells, role=role)


def ratio_blocks(table: pd.DataFrame, contrast: Mapping[str, Any], lang: str) -> Iterator[Block]:
    """Cost for each effect of a contrast; which effects cannot be told from zero, so that there is no ratio."""
    rows = records(table, contrast=contrast["name"])
    none = {str(row["ratio"]): float(row["effect"]) == 0.0 for row in rows if row["says"] == "effect_holds_zero"}
    shown = ratios([row for row in rows if row["says"] != "effect_holds_zero"], contrast, lang)
    if shown is not None:
        yield shown
    for key, nothing in (("no_ratio", False), ("no_ratio_zero", True)):
        items = [words_for("budget", ratio, lang) for ratio, zero in none.items() if zero == nothing]
        if items:
            yield Text(say(f"budget.{key}", lang, name=capital(str(contrast["name"])), items=listed(items, lang)))


def ratios(rows: Sequence[Mapping[str, Any]], contrast: Mapping[str, Any], lang: str) -> Table | None:
    """The ratios that there are, by who pays; and why where cost or effect rules one out."""
    lines, before = [], None
    for row in rows:
        if row["payer"] != before:
            before = row["payer"]
            lines.append(Row.of(capital(payer_name(str(before), lang)), role="group"))
        told = _ratio(row, lang)
        cost = kroner(float(row["cost"]), lang, signed=True)
        effect = quantity(float(row["effect"]), lang)
        lines.append(Row.of(capital(words_for("budget", str(row["ratio"]), lang)), cost, effect, told))
    if not lines:
        return None
    columns = (
        Column(say("budget.for_each", lang)),
        Column(say("budget.extra_cost", lang), number=True),
        Column(say("budget.extra_effect", lang), number=True),
        Column(say("report.in_words", lang)),
    )
    return Table(
        say("budget.ratios_caption", lang, name=capital(str(contrast["name"]))), columns, tuple(lines), "ratios.csv"
    )


def _ratio(row: Mapping[str, Any], lang: str) -> str:
    """A ratio with its spread; or why there is none."""
    value, low, high = (float(row[key]) for key in ("value", "low", "high"))
    if row["says"] != "ratio" or not math.isfinite(value):
        return words_for("budget", f"says_{row['says']}", lang)
    if value < 0:  # an older run, without `cost_holds_zero`: better and cheaper in the mean, or worse and dearer
        return say("budget.says_cost_holds_zero", lang)
    bounded = math.isfinite(low) and math.isfinite(high)
    ends = say("budget.says_ends", lang, low=kroner(low, lang), high=kroner(high, lang)) if bounded else ""
    less = float(row["effect"]) < 0
    return say(f"budget.says_{'less_for_less' if less else 'ratio'}", lang, value=kroner(value, lang), ends=ends)


def pays(table: pd.DataFrame, contrast: Mapping[str, Any], lang: str) -> Table | None:
    """Whether it pays for itself, a payer a row."""
    rows = records(table, contrast=contrast["name"])
    if not rows:
        return None
    horizons = sorted({int(row["horizon_months"]) for row in rows})
    shown, last = horizons[-3:], horizons[-1]
    found = {(str(row["payer"]), int(row["horizon_months"])): row for row in rows}
    lines = []
    for payer in dict.fromkeys(str(row["payer"]) for row in rows):
        end = found.get((payer, last))
        saved = Cell("–")
        if end is not None:
            saved = Cell(
                kroner(float(end["saving"]), lang, signed=True),
                f"({kroner_range(float(end['p05']), float(end['p95']), lang)})",
            )
        by = [_probability(found[payer, h], lang) if (payer, h) in found else "–" for h in shown]
        even = math.nan if end is None else float(end["break_even_months"])
        when = (
            say("budget.break_even_months", lang, months=number(even, lang))
            if math.isfinite(even)
            else say("budget.break_even_never", lang)
        )
        lines.append(Row.of(capital(payer_name(payer, lang)), saved, *by, when))
    columns = (
        Column(say("report.payer", lang)),
        Column(say("budget.saved", lang, months=number(last, lang)), number=True),
        *(Column(say("budget.probability_by", lang, months=number(h, lang)), number=True) for h in shown),
        Column(say("budget.break_even", lang)),
    )
    return Table(
        say("budget.pays_caption", lang, name=capital(str(contrast["name"]))), columns, tuple(lines), "pays.csv"
    )


def shifts(table: pd.DataFrame, contrasts: Contrasts, months: str, lang: str, *, others: bool = False) -> Table | None:
    """Bills that move from one payer to another, in the study's own contrasts or in the others."""
    lines = []
    for contrast in contrasts:
        rows = records(table, contrast=contrast["name"])
        if rows:
            lines.append(Row.of(str(contrast["name"]), role="group"))
        for row in rows:
            amount = Cell(
                kroner(float(row["mean"]), lang, signed=True),
                f"({kroner_range(float(row['p05']), float(row['p95']), lang)})",
            )
            sides = (payer_name(str(row[key]), lang) if row[key] else "–" for key in ("from_payer", "to_payer"))
            lines.append(Row.of(capital(words_for("budget", str(row["name"]), lang)), *sides, amount))
    if not lines:
        return None
    columns = (
        Column(say("budget.what", lang)),
        Column(say("budget.shift_from", lang)),
        Column(say("budget.shift_to", lang)),
        Column(say("budget.amount", lang), number=True),
    )
    caption = say("caption.other_shifts" if others else "budget.shifts_caption", lang, months=months)
    return Table(caption, columns, tuple(lines), "shifts.csv")


def account(table: pd.DataFrame, contrast: Mapping[str, Any], lang: str) -> Table | None:
    """Every line of every payer's account, but those of next to nothing."""
    lines = []
    for payer in PAYERS:
        rows = records(table, contrast=contrast["name"], payer=payer, unit=DISCOUNTED)
        rows = [row for row in rows if row["item"] == "total" or abs(float(row["mean"])) >= LEAST]
        if rows:
            lines.append(Row.of(capital(payer_name(payer, lang)), role="group"))
        for row in rows:
            spread = kroner_range(float(row["p05"]), float(row["p95"]), lang)
            role = "total" if row["item"] == "total" else ""
            mean = kroner(float(row["mean"]), lang, signed=True)
            lines.append(Row.of(capital(item_name(str(row["item"]), lang)), mean, spread, role=role))
    if not lines:
        return None
    columns = (
        Column(say("budget.item", lang)),
        Column(say("report.cost_total", lang), number=True),
        Column(say("report.runs90", lang), number=True),
    )
    caption = say("budget.account_caption", lang, name=capital(str(contrast["name"])), least=kroner(LEAST, lang))
    return Table(caption, columns, tuple(lines), "cost_differences.csv")
