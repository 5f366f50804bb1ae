"""``tables.xlsx``: the tables of a run, a sheet each, in the report's language; numbers are numbers, and no text is a formula."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import openpyxl
import pandas as pd
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from results import files
from results.amounts import item_name, payer_name, unit_name, words_for
from results.language import capital, catalogue, outcome_name, say
from results.told import Told
from simulation.names import SERVICES

SHEETS: Final = (
    *("differences", "consequences", "costs", "cost_differences", "ratios", "pays", "shifts", "distribution"),
    *("beside", "acceptability", "plane", "outcomes", "reach", "services", "drift"),
)
LEFT_OUT: Final = frozenset({"variance_ratio", "sd", "prob_better_realised"})
"""Columns that a reader of the report does not need."""
YEAR: Final = 12
MOST_ROWS: Final = 6000  # of a sheet; the CSV files have every row
WIDEST: Final = 60
NARROWEST, AMOUNT = 12, 18  # letters of width: of any column, and of one with amounts
PROBABILITIES: Final = frozenset({"prob_better", "probability"})
AMOUNTS: Final = frozenset(
    {"mean", "ci_low", "ci_high", "p05", "p50", "p95", "value", "low", "high", "saving", "cost", "effect"}
)
ABOUT_WIDTHS: Final = {"A": 26, "B": 24, "C": 10, "D": 80}
ABOUT: Final = 120  # letters of a line across them
LINE: Final = 15  # points
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

PERCENT: Final = {"nb": "0.0\N{NO-BREAK SPACE}%", "en": "0.0%"}
KRONER: Final = {"nb": '#,##0"\N{NO-BREAK SPACE}kr"', "en": '"NOK\N{NO-BREAK SPACE}"#,##0'}
PLAIN: Final = "#,##0.00"
WHOLE: Final = "#,##0"


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that might be begins with an apostrophe."""
    return files.escaped(CONTROL.sub("", text))


def write_workbook(path: Path, title: str, tables: Told, lang: str) -> None:
    """Write every table that has rows, behind a sheet that says what they are."""
    book = openpyxl.Workbook(write_only=True)
    book.properties.title, book.properties.creator, book.properties.language = safe(title), "Familiebaner", lang
    shown = {name: _shown(name, table) for name in SHEETS if len(table := getattr(tables, name))}
    _about(book, title, shown, lang)
    for name, table in shown.items():
        _sheet(book, name, table, lang)
    buffer = io.BytesIO()
    book.save(buffer)
    with files.whole(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _shown(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The columns and months that are shown."""
    table = table[[column for column in table.columns if column not in LEFT_OUT]]
    if name in ("outcomes", "differences"):
        kept = (table["month"] % YEAR == 0) & (table["month"] >= 0)
        if "clock" in table.columns:
            kept &= table["clock"] == "study"
            table = table.drop(columns=["clock"])
            kept &= table["population"] != "followed"
        last = table["month"] == table["month"].max()
        table = table[kept | last.reindex(table.index)]
        if "population" in table.columns and len(table) > MOST_ROWS:
            table = table[table["population"] == "eligible"]
    return table.head(MOST_ROWS)


def _about(book: Any, title: str, shown: dict[str, pd.DataFrame], lang: str) -> None:
    sheet = book.create_sheet(say("sheet.about", lang))
    for letter, width in ABOUT_WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    head = WriteOnlyCell(sheet, safe(title))
    head.font = Font(bold=True, size=14)
    sheet.append([head])
    lines = [say("sheet.about_text", lang, name=title), *(say(f"sheet.about_{k}", lang) for k in ("share", "escape"))]
    for row, line in enumerate(lines, start=2):
        cell = WriteOnlyCell(sheet, safe(line))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[row].height = LINE * math.ceil(len(line) / ABOUT)  # merged cells do not grow by themselves
        sheet.append([cell])
        sheet.merged_cells.add(f"A{row}:D{row}")
    sheet.append([])
    sheet.append([_bold(sheet, say(f"sheet.{key}", lang)) for key in ("sheet", "file", "rows", "holds")])
    for name, table in shown.items():
        sheet.append([say(f"sheet.{name}", lang), f"{name}.csv", len(table), say(f"sheet.holds_{name}", lang)])


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, safe(text))
    cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    return cell


def _sheet(book: Any, name: str, table: pd.DataFrame, lang: str) -> None:
    sheet = book.create_sheet(say(f"sheet.{name}", lang))
    sheet.freeze_panes = "A2"
    words = {str(column): _in_words(str(column), lang) for column in table.columns if _is_text(table[column])}
    texts = {
        column: {value: safe(told(str(value))) for value in table[column].unique()} for column, told in words.items()
    }
    for place, column in enumerate(map(str, table.columns), start=1):
        longest = max((len(text) + 2 for text in texts[column].values()), default=0) if column in texts else 0
        least = AMOUNT if column in AMOUNTS else NARROWEST
        sheet.column_dimensions[get_column_letter(place)].width = min(max(longest, least), WIDEST)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{len(table) + 1}"
    sheet.append([_bold(sheet, words_for("column", str(column), lang)) for column in table.columns])
    cells: dict[str, Any] = {}
    for row in table.to_dict("records"):
        sheet.append(_cells(sheet, name, row, texts, lang, cells))


def _is_text(column: pd.Series[Any]) -> bool:
    return column.dtype.kind not in "biuf"


def _cells(
    sheet: Any, name: str, row: dict[Any, Any], texts: dict[str, dict[Any, str]], lang: str, cells: dict[str, Any]
) -> Iterator[Any]:
    """The cells of a row. One of a number format is made once, in ``cells``: each is written before the next is asked for."""
    for column, value in row.items():
        if column in texts:
            yield texts[column][value]
        elif value is None or not math.isfinite(value):
            yield None
        else:
            shown = _format(name, str(column), row, lang)
            if shown not in cells:
                cells[shown] = WriteOnlyCell(sheet)
                cells[shown].number_format = shown
            cells[shown].value = int(value) if float(value).is_integer() else float(value)
            yield cells[shown]


def _format(name: str, column: str, row: dict[Any, Any], lang: str) -> str:
    """How a number is shown, by its column and the row's unit."""
    if column in PROBABILITIES:
        return PERCENT[lang]
    if column not in AMOUNTS:
        return WHOLE
    unit = str(row.get("unit", ""))
    if unit.startswith("share"):
        return PERCENT[lang]
    money = unit.startswith("NOK") or name in ("pays", "shifts") or column == "cost"
    return KRONER[lang] if money and column != "effect" else PLAIN


# ---- words -----------------------------------------------------------------------------------------------------------


def _in_words(column: str, lang: str) -> Callable[[str], str]:
    """How the values of a text column are told; names that users gave stay as they are."""
    known: dict[str, Callable[[str], str]] = {
        "outcome": lambda value: outcome_name(value, lang),
        "population": lambda value: words_for("population", value, lang),
        "payer": lambda value: payer_name(value, lang),
        "from_payer": lambda value: payer_name(value, lang),
        "to_payer": lambda value: payer_name(value, lang),
        "item": lambda value: item_name(value, lang),
        "unit": lambda value: unit_name(value, lang),
        "name": lambda value: _name(value, lang),
        "ratio": lambda value: words_for("budget", value, lang),
        "gain": lambda value: words_for("budget", value, lang),
        "member": lambda value: words_for("member", value, lang),
        "model": lambda value: words_for("document", f"model_{value}", lang),
        "service": lambda value: words_for("service", value, lang) if value in SERVICES else value,
        "measure": lambda value: words_for("table_measure", value, lang),
    }
    if column in ("arm", "contrast"):
        return str
    told = known.get(column, lambda value: words_for("table_value", value, lang))
    return lambda value: capital(told(value)) if value else ""


def _name(value: str, lang: str) -> str:
    """A cost, a gain or an outcome of the cost-consequence table, or a shift."""
    texts = catalogue()
    if value in texts["budget"]:
        return say(f"budget.{value}", lang)
    return payer_name(value, lang) if value in texts["payer"] else outcome_name(value, lang)
