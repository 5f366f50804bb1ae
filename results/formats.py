"""The report in further formats: PDF, DOCX and a workbook, where the extra ``[report]`` is installed."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from results import files
from results.blocks import Document
from results.language import say
from results.told import Told

PACKAGES: Final = {"report.pdf": "weasyprint", "report.docx": "docx", "tables.xlsx": "openpyxl"}
"""What each file takes."""
NAMES: Final = {"weasyprint": "WeasyPrint", "docx": "python-docx", "openpyxl": "openpyxl"}
wanted: tuple[str, ...] = tuple(PACKAGES)
"""The files that are made; tests of other things make fewer."""


def write_formats(folder: Path, made: Document, tables: Told) -> None:
    """Write each file that can be made; one that cannot be made now does not stay from before."""
    writers: dict[str, Callable[[Path], None]] = {
        "report.pdf": lambda path: write_pdf(path, made),
        "report.docx": lambda path: _docx(path, made),
        "tables.xlsx": lambda path: _workbook(path, made, tables),
    }
    for name, write in writers.items():
        (folder / name).unlink(missing_ok=True)
        if name in wanted and not _why_not(PACKAGES[name], made.lang):
            write(folder / name)


def missing(lang: str) -> list[str]:
    """A line for each reason why files are not made; empty where all can be."""
    reasons: dict[str, list[str]] = {}
    for name in wanted:
        why = _why_not(PACKAGES[name], lang)
        if why:
            reasons.setdefault(why, []).append(name)
    return [say("document.lacking", lang, files=", ".join(names), reason=why) for why, names in reasons.items()]


def _why_not(package: str, lang: str) -> str:
    """Why a package cannot be used; empty where it can. A library of the system may be missing (OSError)."""
    try:
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):  # WeasyPrint prints advice of its own
            importlib.import_module(package)
    except ImportError:
        return say("document.lacking_package", lang, package=NAMES[package])
    except OSError:
        return say("document.lacking_library", lang)
    return ""


def write_pdf(path: Path, made: Document) -> None:
    """A tagged PDF (PDF/UA-1) of the printed page."""
    import weasyprint
    from weasyprint.urls import URLFetcher

    from results.page import html

    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)
    inside = URLFetcher(allowed_protocols=["data"])  # pictures stand in the page; nothing else is fetched
    page: Any = weasyprint.HTML(string=html(made, image="png"), url_fetcher=inside)
    with files.whole(path) as temporary:
        temporary.write_bytes(page.write_pdf(pdf_variant="pdf/ua-1"))


def _docx(path: Path, made: Document) -> None:
    from results.word_file import write_docx

    write_docx(path, made)


def _workbook(path: Path, made: Document, tables: Told) -> None:
    from results.workbook import write_workbook

    write_workbook(path, made.title, tables, made.lang)
