"""Where the figures of a report come from: the documents behind the keys that its tables give."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from results.blocks import Column, Row, Table
from results.language import say

EVIDENCE: Final = Path(__file__).resolve().parent.parent / "calibration" / "evidence"
FIGURES: Final = ("holf", "effects", "norway")  # whose rows have a key, and that of the document they stand in


def table(keys: Iterable[str], lang: str) -> Table | None:
    """A document a row, with the keys of the figures that it gave; None where no key is known."""
    given: dict[str, list[str]] = {}
    for key in sorted(set(keys)):
        source = figures().get(key, key)
        if source in documents():
            given.setdefault(documents()[source], []).append(key)
    lines = tuple(Row.of(document, ", ".join(given[document])) for document in sorted(given, key=str.casefold))
    columns = (Column(say("document.source_document", lang)), Column(say("document.source_keys", lang)))
    return Table(say("document.sources_caption", lang), columns, lines, "sources.csv") if lines else None


@functools.cache
def figures() -> dict[str, str]:
    """The document of each figure, by their keys."""
    return {row["id"]: row["source"] for name in FIGURES for row in _rows(name)}


@functools.cache
def documents() -> dict[str, str]:
    """Authors, year, title and site of each document, by its key; what is no document is left out."""
    return {row["key"]: _reference(row) for row in _rows("sources") if row["authors"] or row["url"]}


def _reference(row: dict[str, str]) -> str:
    who = row["authors"] + (f" ({row['year']})" if row["year"] else "")
    title = row["title"]
    if title.startswith("[") and title.endswith("]"):  # told in words, where a document has no title of its own
        title = title[1:-1]
    site = urlsplit(row["url"]).netloc.removeprefix(
        "www."
    )  # whole addresses, which no column has room for, are in the file
    return ". ".join(part for part in (who, title, site) if part)


def _rows(name: str) -> list[dict[str, str]]:
    with (EVIDENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
