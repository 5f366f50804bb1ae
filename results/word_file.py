"""The report as DOCX, to paste into an application form: headings, tables with header rows, figures with alternative texts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import docx
from docx.document import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from results import files
from results.blocks import Block, Box, Document, Facts, Heading, Items, Row, Section, Shown, Table, Text
from results.language import LOCALES, say
from results.style import Picture

FONT: Final = "Arial"
WIDTH: Final = 17.0  # cm, of a figure and a table on A4
HEIGHT: Final = 23.0  # cm, of the tallest figure
MARGIN: Final = 2.0  # cm
DARK: Final = RGBColor(0x1A, 0x1A, 0x1A)
GREY: Final = RGBColor(0x4D, 0x4D, 0x4D)


def write_docx(path: Path, made: Document) -> None:
    """Write the document; every name is text and nothing else."""
    word = docx.Document()
    _styles(word, made)
    word.add_heading(_text(made.title), 0)
    _paragraph(word, made.subtitle, colour=GREY)
    _section(word, made.opening)
    word.add_heading(say("document.contents", made.lang), 1)
    for section in made.sections:
        word.add_paragraph(_text(section.title), style="List Bullet")
    for section in made.sections:
        _section(word, section)
    buffer = io.BytesIO()
    word.save(buffer)
    with files.whole(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _styles(word: Word, made: Document) -> None:
    """Page, fonts, language and what the file says of itself."""
    page = word.sections[0]
    page.page_width, page.page_height = Cm(21.0), Cm(29.7)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(MARGIN)
    for name, size in (("Normal", 10), ("Title", 18), ("Heading 1", 14), ("Heading 2", 11.5), ("Caption", 9)):
        style: Any = word.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), DARK
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(kind), FONT)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(theme), None)
    language = OxmlElement("w:lang")
    for kind in ("w:val", "w:eastAsia"):
        language.set(qn(kind), LOCALES[made.lang].replace("_", "-"))
    properties = word.styles["Normal"].element.get_or_add_rPr()
    properties.append(language)
    about = word.core_properties
    about.title, about.author, about.language = _text(made.title)[:255], "Familiebaner", made.lang
    about.comments = ""


def _section(word: Word, section: Section) -> None:
    word.add_heading(_text(section.title), 1)
    _blocks(word, section.blocks)


def _blocks(word: Word, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if isinstance(block, Text):
            _paragraph(word, block.text, code=block.code, colour=GREY if block.small else None)
        elif isinstance(block, Heading):
            word.add_heading(_text(block.text), 2)
        elif isinstance(block, Items):
            for item in block.items:
                word.add_paragraph(_text(item), style="List Bullet")
        elif isinstance(block, Box):
            if block.title:
                word.add_heading(_text(block.title), 2)
            _blocks(word, block.blocks)
        elif isinstance(block, Facts):
            for heading, value in block.facts:
                line = word.add_paragraph()
                line.add_run(f"{_text(heading)}: ").bold = True
                line.add_run(_text(value))
        elif isinstance(block, Shown):
            _figure(word, block.picture)
        elif isinstance(block, Table):
            _table(word, block)


def _paragraph(word: Word, text: str, *, code: str = "", colour: RGBColor | None = None) -> None:
    line = word.add_paragraph()
    run = line.add_run(_text(text))
    if colour is not None:
        run.font.color.rgb = colour
    if code:
        told = line.add_run(f" {_text(code)}")
        told.font.name = "Courier New"


def _figure(word: Word, picture: Picture) -> None:
    """The picture, with its alternative text where a screen reader looks for it."""
    if "png" not in picture.images:
        return
    shape = word.add_picture(io.BytesIO(picture.images["png"]), width=Cm(WIDTH))
    if shape.height > Cm(HEIGHT):
        shape.width, shape.height = Cm(WIDTH * HEIGHT / shape.height.cm), Cm(HEIGHT)
    properties = shape._inline.docPr
    properties.set("descr", _text(picture.alt))
    properties.set("title", _text(picture.title))


def _table(word: Word, block: Table) -> None:
    """A caption, and a table whose first row is repeated on every page."""
    caption = word.add_paragraph(style="Caption")
    caption.paragraph_format.keep_with_next = True
    caption.add_run(_text(block.caption)).bold = True
    table: Any = word.add_table(rows=0, cols=len(block.columns))
    table.style, table.autofit = "Table Grid", False
    widths = [Cm(WIDTH * share) for share in block.shares()]
    _row(table, [column.title for column in block.columns], block, widths, bold=True)
    _mark(table.rows[0], "w:tblHeader")
    for row in block.rows:
        _write(table, row, block, widths)
    word.add_paragraph()


def _write(table: Any, row: Row, block: Table, widths: Sequence[Any]) -> None:
    texts = [f"{cell.text} {cell.note}".strip() if cell.note else cell.text for cell in row.cells]
    if row.role == "group":
        _row(table, [*texts, *[""] * (len(widths) - len(texts))], block, widths, bold=True)
        cells = table.rows[-1].cells
        cells[0].merge(cells[-1])
        return
    _row(table, texts, block, widths, bold=row.role == "total", indent=row.role == "part")


def _row(
    table: Any, texts: Sequence[str], block: Table, widths: Sequence[Any], *, bold: bool, indent: bool = False
) -> None:
    made = table.add_row()
    _mark(made, "w:cantSplit")
    for place, (cell, text, width, column) in enumerate(zip(made.cells, texts, widths, block.columns, strict=True)):
        cell.width = width
        line = cell.paragraphs[0]
        line.paragraph_format.space_after = Pt(0)
        if text:  # a cell without a run is empty, and leaves nothing behind where cells are merged
            run = line.add_run(_text(text))
            run.font.size, run.bold = Pt(8), bold
        if column.number:
            line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        if indent and place == 0:
            line.paragraph_format.left_indent = Cm(0.4)


def _mark(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _text(text: str) -> str:
    """Text that XML can hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
