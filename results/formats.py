"""The report in further formats: PDF, DOCX and a workbook, where the extra ``[report]`` is installed."""

from __future__ import annotations

import importlib.util
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
wanted: tuple[str, ...] = tuple(PACKAGES)
"""The files that are made; tests of other things make fewer."""


def write_formats(folder: Path, made: Document, tables: Told) -> None:
    """Write each file that can be made; one that cannot be made now does not stay from before."""
    from results.page import html

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
            job.write(folder / PDF)
    finally:
        if job is not None:
            job.stop()


def missing(folder: Path, lang: str) -> list[str]:
    """A line for each reason why files are not in a folder where the report was just made; empty where all are."""
    reasons: dict[str, list[str]] = {}
    for name in wanted:
        if not (folder / name).is_file():
            reasons.setdefault(_why_not(name, lang), []).append(name)
    return [say("document.lacking", lang, files=", ".join(names), reason=why) for why, names in reasons.items()]


def _can(name: str) -> bool:
    return name in wanted and importlib.util.find_spec(PACKAGES[name]) is not None


def _why_not(name: str, lang: str) -> str:
    """Why a file was not made: a package or a library of the system is missing, or something else went wrong."""
    if not _can(name):
        return say("document.lacking_package", lang, package=NAMES[PACKAGES[name]])
    job = PdfJob("<p>.</p>")
    code = job.process.wait()
    job.stop()
    told = {NO_PACKAGE: "lacking_package", NO_LIBRARY: "lacking_library"}.get(code, "lacking_failed")
    more = (
        {"package": NAMES[PACKAGES[name]]}
        if code == NO_PACKAGE
        else {"reason": code}
        if told == "lacking_failed"
        else {}
    )
    return say(f"document.{told}", lang, **more)
