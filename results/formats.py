"""The report in further formats: PDF, DOCX and a workbook, where the extra ``[report]`` is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Final

from results.blocks import Document
from results.language import say
from results.pdf_file import NO_LIBRARY, NO_PACKAGE, PdfJob
from results.told import Told

PDF, DOCX, WORKBOOK = "report.pdf", "report.docx", "tables.xlsx"
PACKAGES: Final = {PDF: "weasyprint", DOCX: "docx", WORKBOOK: "openpyxl"}
"""What each file takes."""
NAMES: Final = {"weasyprint": "WeasyPrint", "docx": "python-docx", "openpyxl": "openpyxl"}
FORMATS: Final = (
    "FAMILIEBANER_FORMATS"  # in the environment: the files to make beside the HTML, with spaces between; all by default
)
wanted: tuple[str, ...] = tuple(n for n in PACKAGES if n in os.environ.get(FORMATS, " ".join(PACKAGES)).split())
"""The files that are made; tests of other things make none."""


def write_formats(folder: Path, made: Document, tables: Told) -> None:
    """Write each file that can be made; one that cannot be made now does not stay from before, and :func:`missing` says why."""
    from results.page import html

    _why_not.clear()
    for name in PACKAGES:
        (folder / name).unlink(missing_ok=True)
    job = PdfJob(html(made, image="png")) if _can(PDF) else None
    try:
        if _can(DOCX):
            from results.word_file import write_docx

            write_docx(folder / DOCX, made)
        if _can(WORKBOOK):
            from results.workbook import write_workbook

            write_workbook(folder / WORKBOOK, made.title, tables, made.lang)
        if job is not None:
            code = job.write(folder / PDF)
            if code:
                _why_not[PDF] = {NO_PACKAGE: "package", NO_LIBRARY: "library"}.get(code, "failed")
    finally:
        if job is not None:
            job.stop()


def missing(lang: str) -> list[str]:
    """A line for each file that could not be made the last time, and why."""
    return [
        say(
            "document.lacking", lang,
            files=name, reason=say(f"document.lacking_{why}", lang, package=NAMES[PACKAGES[name]]),
        )
        for name, why in _why_not.items()
    ]  # fmt: skip


_why_not: dict[str, str] = {}
"""What could not be made the last time: a ``package`` or a ``library`` is missing, or the work ``failed``."""


def _can(name: str) -> bool:
    """Whether a file is wanted and its package is there; notes where it is not."""
    if name not in wanted:
        return False
    if importlib.util.find_spec(PACKAGES[name]) is None:
        _why_not[name] = "package"
        return False
    return True
