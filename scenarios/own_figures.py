"""A planner's own figures: a CSV ``quantity,value,n`` over a profile that is there.

Aggregates only. A file with persons in it is refused, and so is a figure behind which fewer than five persons stand:
in a small place that is a person. Comma or semicolon, decimal point or comma, UTF-8 or latin-1, with or without a byte
order mark or Excel's first line ``sep=;``, or as Excel's Unicode text, as spreadsheets write it.
``run.py profile --list`` prints the quantities.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scenarios.files import beside, read_bytes, shown
from scenarios.profiles import BOUNDS_OF_MEANS, ProfileFile, Target, read_profile, with_values
from simulation.errors import InputError, nearest, printable
from simulation.names import BARRIERS, PERSON_BARRIERS, SERVICES

HEADER: Final = ("quantity", "value", "n")
FEWEST: Final = 5  # persons behind a figure: below it they might be recognised
BASE: Final = "base"
DEFAULT_BASE: Final = "oygarden"
MOST_ROWS: Final = 200
# A column of a register of persons, in Norwegian or English; an identity number has eleven digits.
PERSON_WORDS: Final = re.compile(
    r"navn|name|fødsel|fodsel|birth|fnr|personnummer|ssn|adresse|address|telefon|phone|e-?post|e-?mail|person.?id|klient",
    re.I,
)
SEPARATOR: Final = re.compile(r'"?sep=([,;\t|])"?[ \t]*(?=[\r\n]|$)', re.I)
"""Excel's first line, which says what stands between cells."""
IDENTITY_NUMBER: Final = re.compile(r"(?<!\d)\d{6}[ -]?\d{5}(?!\d)")
WHOLE: Final = "aggregates only: one row a quantity, with the header quantity,value,n"
DECIMAL_COMMA: Final = "A number with a decimal comma stands in quotes, or in a file with semicolons between the cells"
THREE_CELLS: Final = f"three cells: quantity,value,n. {DECIMAL_COMMA}"
JOB_ENTRY: Final = "local.job_entry_ratio"  # what is solved for, so that so many are ``employed``


@dataclass(frozen=True)
class Quantity:
    """One quantity that a planner may give."""

    name: str
    unit: str
    """``%`` of what, or what is counted"""
    low: float
    high: float
    statistic: str = ""
    """What it is compared with in the simulated pool; nothing where the model takes it as it is"""
    moves: str = ""
    """The number of the profile that it sets"""


def _quantities() -> dict[str, Quantity]:
    found = [
        Quantity(
            f"barriers.{name}",
            f"% of {'parents' if b < PERSON_BARRIERS else 'families'}",
            0,
            100,
            f"barrier_{name}_share",
            f"barriers.{name}",
        )
        for b, name in enumerate(BARRIERS)
    ]
    for name, of, statistic in (
        ("immigrant", "families", "immigrant_share"),
        ("lone_parent", "families", "lone_parent_share"),
        ("special_needs", "children", "special_needs_children_share"),
        ("renting", "families", "renting_share"),
        ("municipal_rental", "families that rent", "municipal_of_renters_share"),
        ("recent_refugee", "immigrant families, under two years in Norway", "recent_share"),
    ):
        found.append(Quantity(f"shares.{name}", f"% of {of}", 0, 100, statistic, f"shares.{name}"))
    for name, unit, statistic in (
        ("children", "children per family", "children_per_family"),
        ("age_parent", "years, mean", "age_parent_mean"),
        ("years_in_norway", "years, mean of immigrants", "years_in_norway_mean"),
        ("rent", "NOK a month, 2025", ""),
    ):
        found.append(Quantity(f"means.{name}", unit, *BOUNDS_OF_MEANS[name], statistic, f"means.{name}"))
    found.append(Quantity("employed", "% of parents", 0, 100, "employed_share"))
    found.append(Quantity("families", "families in lasting low income", 10, 200_000))
    found.append(Quantity("inhabitants", "inhabitants", 100, 2_000_000))
    for service in SERVICES:
        found.append(Quantity(f"services.{service}.places", "places", 0, 100_000))
        found.append(Quantity(f"services.{service}.length_months", "months, mean stay", 0.5, 120))
        found.append(Quantity(f"services.{service}.background_per_month", "requests a month from others", 0, 100_000))
    return {quantity.name: quantity for quantity in found}


QUANTITIES: Final = _quantities()


@dataclass(frozen=True)
class Figure:
    """One row: a quantity in its unit, and how many persons, families or children it counts."""

    quantity: Quantity
    value: float
    n: int | None


def read_figures(path: Path) -> tuple[str, list[Figure]]:
    """The profile that the figures stand over, a path as seen from here and not from the file, and the figures.

    Raises
    ------
    InputError : what cannot be read, is not of this form, holds persons or counts too few
    """
    return figures_in(read_bytes(path, "a CSV file"), path, files=True)


def figures_in(content: bytes, path: Path, *, files: bool = False) -> tuple[str, list[Figure]]:
    """The same of bytes that lie elsewhere; ``path`` is what messages call them.

    ``files``: the base may be a file beside ``path``; without that a name is only a name.
    """
    rows = _rows(content, path)
    _refuse_persons(rows, path)
    (number, head), *others = rows
    if tuple(cell.casefold() for cell in head) != HEADER:
        raise InputError(f"the header is {shown(','.join(head))}", file=path, key=f"line {number}", allowed=WHOLE)
    base, figures = DEFAULT_BASE, {}
    for number, cells in others:
        if len(cells) > len(HEADER):
            raise InputError(f"has {len(cells)} cells", file=path, key=f"line {number}", allowed=THREE_CELLS)
        row = [*cells, "", ""][:3]
        if row[0].casefold() == BASE:
            own = files and row[1].endswith(".toml")
            base = str(beside(row[1], path, f"line {number}, {BASE}")) if own else row[1]
            continue
        if not row[1] and not row[2]:  # of the template, not filled in
            continue
        figure = _figure(row, path, f"line {number}")
        if figure.quantity.name in figures:
            problem = f"{figure.quantity.name} stands there twice"
            raise InputError(problem, file=path, key=f"line {number}", allowed=WHOLE)
        figures[figure.quantity.name] = figure
    if not figures:
        raise InputError("holds no figure", file=path, allowed=WHOLE)
    return base, list(figures.values())


def own_profile(path: Path) -> ProfileFile:
    """The profile of a file of own figures; see :func:`profile_of`."""
    return profile_of(*read_figures(path), path)


def profile_of(base: str, figures: Iterable[Figure], path: Path) -> ProfileFile:
    """The base profile with what the figures say, named by the file they are called, which need not exist.

    A figure sets the number it names; as a target it stands beside the simulated pool, and ``run.py profile FILE --solve``
    finds the numbers that give it after the burn-in.
    """
    if base.endswith(".csv"):
        raise InputError(f"{shown(base)} is not a profile", file=path, key=BASE, allowed="a profile to build on")
    try:
        document = read_profile(base)
    except InputError as error:
        raise InputError(error.problem, file=error.file or path, key=BASE, allowed=error.allowed) from None
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.casefold()).strip("-")[:80] or "own"
    head = document.profile.model_copy(
        update={"name": name, "title": printable(path.stem), "about": f"Own figures over {base}."}
    )
    document = document.model_copy(update={"profile": head})
    targets: dict[str, Target] = {}
    for figure in figures:
        document = _set(document, figure, path)
        quantity = figure.quantity
        if quantity.statistic and figure.n is not None:
            share = quantity.unit.startswith("%")
            targets[quantity.statistic] = Target(
                value=figure.value / 100.0 if share else figure.value,
                n=figure.n,
                population="pool",
                moves=quantity.moves or JOB_ENTRY,
                source=f"own figures: {path.name}",
                grade="A",
            )
    if document.barriers.language.value > document.shares.immigrant.value:
        raise InputError(
            "more parents have the language barrier than are immigrants, and only immigrants have it",
            file=path,
            key="barriers.language",
            allowed=f"at most {100 * document.shares.immigrant.value:g}, the share of immigrant families",
        )
    return document.model_copy(update={"targets": targets})


def _set(document: ProfileFile, figure: Figure, path: Path) -> ProfileFile:
    quantity, value = figure.quantity, figure.value
    grounds = {"source": f"own figures: {path.name}", "grade": "A", "reason": ""}
    if quantity.statistic or quantity.moves:  # a number that is stated or solved for is not inferred from a ranking
        settled = (quantity.moves or JOB_ENTRY).split(".")[1]
        ranks = {name: shift for name, shift in document.ranks.items() if name != settled}
        document = document.model_copy(update={"ranks": ranks})
    if quantity.moves:
        stated = value / 100.0 if quantity.unit.startswith("%") else value
        return with_values(document, {quantity.moves: stated}, **grounds)
    if quantity.name in ("families", "inhabitants"):
        item = document.size.families.model_copy(update={"value": value, **grounds})
        return document.model_copy(update={"size": document.size.model_copy(update={quantity.name: item})})
    if quantity.name.startswith("services."):
        _, service, key = quantity.name.split(".")
        table = getattr(document.services, service)
        changed = table.model_copy(update={key: getattr(table, key).model_copy(update={"value": value, **grounds})})
        return document.model_copy(update={"services": document.services.model_copy(update={service: changed})})
    return document  # ``employed`` is only a target


# ---- reading ---------------------------------------------------------------------------------------------------------


def _rows(content: bytes, path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty: (number of the line, cells)."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError("is not a text file", file=path, allowed="a CSV file saved as UTF-8 or latin-1")
    told = SEPARATOR.match(text)
    text = text[told.end() :] if told else text  # an empty line is left, so that lines keep their numbers
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = told[1] if told else max((",", ";", "\t"), key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"is not CSV: {error}", file=path, allowed=WHOLE) from None
    rows = [(number, cells) for number, cells in lines if any(cells)]
    if not rows:
        raise InputError("is empty", file=path, allowed=WHOLE)
    return rows


def _refuse_persons(rows: list[tuple[int, list[str]]], path: Path) -> None:
    """Names, identity numbers and the like have no place here. Nothing of them is repeated in the message."""

    def persons(why: str) -> InputError:
        return InputError(f"looks like a list of persons: {why}", file=path, allowed=WHOLE)

    head = rows[0][1]
    for cell in head:
        if PERSON_WORDS.search(cell):
            raise persons(f"its column {shown(cell[:40])}")
    for number, row in rows:
        if any(IDENTITY_NUMBER.search(cell) for cell in row):
            raise persons(f"line {number} holds what may be an identity number")
    if len(head) > len(HEADER):
        raise persons(f"it has {len(head)} columns")
    if len(rows) > MOST_ROWS:
        raise persons(f"it has {len(rows)} rows")


def _figure(row: list[str], path: Path, line: str) -> Figure:
    def wrong(problem: str, allowed: str) -> InputError:
        return InputError(problem, file=path, key=f"{line}, {row[0][:60]}", allowed=allowed)

    quantity = QUANTITIES.get(row[0].casefold())
    if quantity is None:
        hint = nearest(row[0][:80], QUANTITIES).split("? ")[0]
        hint = f"{hint}? " if hint.startswith("did you mean") else ""
        raise wrong("there is no such quantity", f"{hint}`python run.py profile --list` prints them")
    value = _number(row[1])
    span = f"a number from {quantity.low:.10g} to {quantity.high:.10g} ({quantity.unit})"
    if value is None:
        raise wrong(f"{shown(row[1][:40])} is not a number", span)
    if not quantity.low <= value <= quantity.high:
        raise wrong(f"{row[1][:40]} is out of range", span)
    share = quantity.unit.startswith("%")
    if share and 0 < value < 1:
        raise wrong(
            f"{row[1][:40]} is less than one per cent", f"per cent, 0 to 100: write {100 * value:g} for a share"
        )
    if not (quantity.statistic or quantity.moves):
        if row[2]:
            raise wrong(f"takes no n, and here stands {row[2][:40]}", f"an empty n. {DECIMAL_COMMA}")
        return Figure(quantity, value, None)
    n = _number(row[2])
    if n is None or n != int(n) or n < 0:
        raise wrong(
            "n is missing",
            "how many the figure counts, a whole number: without it nobody can see whether they are too few",
        )
    few = min(n, n * value / 100.0, n * (100.0 - value) / 100.0) if share else n
    if few < FEWEST - 0.5:
        reason = f"at least {FEWEST} behind every figure, with and without the trait"
        raise wrong(
            f"only {max(0, round(few))} of {int(n)} stand behind it or outside it, and might be recognised",
            f"{reason}: leave the row out, or put groups or years together",
        )
    return Figure(quantity, value, int(n))


def _number(text: str) -> float | None:
    """A number with decimal point or comma, spaces between thousands and a per cent sign allowed."""
    plain = re.sub(r"[\s%]", "", text).replace(",", ".")
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", plain):
        return None
    return float(plain)


def template() -> str:
    """A CSV file with every quantity, to be filled in."""
    lines = [",".join(HEADER), f"{BASE},{DEFAULT_BASE},"]
    return "\n".join([*lines, *(f"{name},," for name in QUANTITIES)]) + "\n"


def listing() -> list[dict[str, Any]]:
    """Every quantity with its unit and bounds, as records."""
    return [
        {"name": q.name, "unit": q.unit, "low": q.low, "high": q.high, "statistic": q.statistic or None}
        for q in QUANTITIES.values()
    ]
