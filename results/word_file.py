"""The report as DOCX, to paste into an application form: headings, tables with header rows, figures with alternative texts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import docx
from docx.document import Document as Word
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from results import files
from results.blocks import Block, Box, Cell, Document, Facts, Heading, Items, Row, Section, Shown, Table, Text
from results.language import LOCALES, say
from results.style import Picture

FONT: Final = "Arial"
WIDTH: Final = 17.0  # cm, of a figure and a table on A4
HEIGHTS: Final = {"low": 14.6, "even": 14.6, "tall": 23.0}  # cm, that a figure of each form may have
HALF: Final = 11.5  # cm, of two that stand on one page
MARGIN: Final = 2.0  # cm
DARK: Final = RGBColor(0x1A, 0x1A, 0x1A)
GREY: Final = RGBColor(0x4D, 0x4D, 0x4D)
ANSWER, WARNING, GROUND = (
    "0072B2",
    "D55E00",
    "FDF3EC",
)  # the bar beside an answer, that beside a warning, and what that stands on
BEFORE: Final = {"Heading 1": 14, "Heading 2": 8, "Caption": 4}  # points above
AFTER: Final = 4  # points below a paragraph
CELL: Final = "TableText"
ROOM: Final = (1.0, 4.0)  # points above and below the text of a cell, and beside it
BOLD: Final = frozenset({"head", "group", "total"})
"""Rows set in bold."""
AFTER_BORDERS: Final = tuple(
    f"w:{name}" for name in ("shd", "tabs", "spacing", "ind", "contextualSpacing", "jc", "outlineLvl", "rPr", "sectPr")
)
"""What stands after borders in the properties of a paragraph."""


def write_docx(path: Path, made: Document) -> None:
    """Write the document; every name is text and nothing else."""
    word = docx.Document()
    _styles(word, made)
    word.add_heading(_text(made.title), 0)
    _paragraph(word, made.subtitle, colour=GREY)
    _foot(word, made)
    _section(word, made.opening, made.lang)
    word.add_heading(say("document.contents", made.lang), 1)
    for section in made.sections:
        _link(word.add_paragraph(style="List Bullet"), section)
    for section in made.sections:
        _section(word, section, made.lang)
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
        if name in BEFORE:
            style.paragraph_format.space_before = Pt(BEFORE[name])
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(kind), FONT)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(theme), None)
    for name in ("Title", "Normal", "List Bullet"):
        word.styles[name].paragraph_format.space_after = Pt(AFTER)
        word.styles[name].paragraph_format.line_spacing = 1.0
    cell: Any = word.styles.add_style(CELL, WD_STYLE_TYPE.PARAGRAPH)
    cell.base_style, cell.font.size, cell.paragraph_format.space_after = word.styles["Normal"], Pt(8), Pt(0)
    for side in word.styles["Table Grid"].element.find(f".//{qn('w:tblCellMar')}"):
        side.set(qn("w:w"), str(int(ROOM[side.tag in (qn("w:left"), qn("w:right"))] * 20)))
    language = OxmlElement("w:lang")
    for kind in ("w:val", "w:eastAsia"):
        language.set(qn(kind), LOCALES[made.lang].replace("_", "-"))
    properties = word.styles["Normal"].element.get_or_add_rPr()
    properties.append(language)
    about = word.core_properties
    about.title, about.author, about.language = _text(made.title)[:255], "Familiebaner", made.lang
    about.comments = ""
    about.created = about.modified = datetime.now(UTC)
    word.settings.element.find(qn("w:defaultTabStop")).addnext(OxmlElement("w:autoHyphenation"))


def _foot(word: Word, made: Document) -> None:
    """The title, the page and how many there are, below every page."""
    line = word.sections[0].footer.paragraphs[0]
    stops: Any = line.paragraph_format.tab_stops
    for stop in word.styles["Footer"].paragraph_format.tab_stops:  # those of another width of page
        stops.add_tab_stop(stop.position, WD_TAB_ALIGNMENT.CLEAR)
    stops.add_tab_stop(Cm(WIDTH), WD_TAB_ALIGNMENT.RIGHT)
    line.add_run(f"{_text(made.title)}\t{say('document.page', made.lang)} ")
    _field(line, "PAGE")
    line.add_run(f" {say('document.of_pages', made.lang)} ")
    _field(line, "NUMPAGES")
    for run in line.runs:
        run.font.size, run.font.color.rgb = Pt(8), GREY


def _field(line: Any, name: str) -> None:
    """What the program that shows the document fills in."""
    for kind, text in (("begin", ""), ("", name), ("end", "")):
        mark = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            mark.set(qn("w:fldCharType"), kind)
        mark.text = text
        line.add_run()._r.append(mark)


def _link(line: Any, section: Section) -> None:
    """The title of a section, that leads to it."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), section.name)
    link.append(line.add_run(_text(section.title))._r)
    line._p.append(link)


def _section(word: Word, section: Section, lang: str) -> None:
    heading = word.add_heading(_text(section.title), 1)._p
    for kind in ("Start", "End"):
        mark = OxmlElement(f"w:bookmark{kind}")
        mark.set(qn("w:id"), str(len(word.element.body)))
        if kind == "Start":
            mark.set(qn("w:name"), section.name)
        heading.append(mark)
    _blocks(word, section.blocks, lang)


def _blocks(word: Word, blocks: Sequence[Block], lang: str) -> None:
    for place, block in enumerate(blocks):
        before = len(word.element.body) - 1  # the last is the page's
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
            _blocks(word, block.blocks, lang)
            _box(word.element.body[before:-1], warning=block.warning)
        elif isinstance(block, Facts):
            for heading, value in block.facts:
                line = word.add_paragraph()
                line.add_run(f"{_text(heading)}: ").bold = True
                line.add_run(_text(value))
        elif isinstance(block, Shown):
            around = (blocks[i] for i in (place - 1, place + 1) if 0 <= i < len(blocks))
            pair = block.form == "low" and any(isinstance(b, Shown) and b.form == "low" for b in around)
            _figure(word, block.picture, HALF if pair else HEIGHTS[block.form])
        elif isinstance(block, Table):
            _table(word, block, lang)
        if isinstance(block, Text) and isinstance(next(iter(blocks[place + 1 :]), None), Table | Shown | Box):
            word.paragraphs[-1].paragraph_format.keep_with_next = True


def _box(lines: Sequence[Any], *, warning: bool) -> None:
    """A bar beside the paragraphs of a box, which stay together; a warning stands on a ground of its own."""
    for line in lines:
        if line.tag != qn("w:p"):
            continue
        properties = line.get_or_add_pPr()
        border, bar = OxmlElement("w:pBdr"), OxmlElement("w:left")
        for name, value in (("val", "single"), ("sz", "24"), ("space", "8"), ("color", WARNING if warning else ANSWER)):
            bar.set(qn(f"w:{name}"), value)
        border.append(bar)
        found = [border]
        if warning:
            ground = OxmlElement("w:shd")
            for name, value in (("val", "clear"), ("color", "auto"), ("fill", GROUND)):
                ground.set(qn(f"w:{name}"), value)
            found.append(ground)
        for made in found:
            properties.insert_element_before(made, *AFTER_BORDERS[made.tag == qn("w:shd") :])
        properties.keepNext_val = line is not lines[-1]


def _paragraph(word: Word, text: str, *, code: str = "", colour: RGBColor | None = None) -> None:
    line = word.add_paragraph()
    run = line.add_run(_text(text))
    if colour is not None:
        run.font.color.rgb = colour
    if code:
        told = line.add_run(f" {_text(code)}")
        told.font.name = "Courier New"


def _figure(word: Word, picture: Picture, tallest: float) -> None:
    """The picture, with its alternative text where a screen reader looks for it."""
    if "png" not in picture.images:
        return
    shape = word.add_picture(io.BytesIO(picture.images["png"]), width=Cm(WIDTH))
    if shape.height > Cm(tallest):
        shape.width, shape.height = Cm(WIDTH * tallest / shape.height.cm), Cm(tallest)
    properties = shape._inline.docPr
    properties.set("descr", _text(picture.alt))
    properties.set("title", _text(picture.title))


def _table(word: Word, block: Table, lang: str) -> None:
    """A caption that says where the numbers stand, and a table whose first row is repeated on every page."""
    caption = word.add_paragraph(style="Caption")
    caption.paragraph_format.keep_with_next = True
    caption.add_run(_text(block.caption)).bold = True
    if block.source:
        source = caption.add_run(f" {_text(say('document.source', lang, file=block.source))}")
        source.bold, source.font.color.rgb = False, GREY
    table: Any = word.add_table(rows=0, cols=len(block.columns))
    table.style, table.autofit = "Table Grid", False
    widths = [Cm(WIDTH * share) for share in block.shares()]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    head = Row.of(*(column.title for column in block.columns), role="head")
    rows = [head, *block.rows]
    for place, row in enumerate(rows):
        table._tbl.append(_row(row, block, widths, together=place == 0 or block.keeps(place - 1)))
    word.add_paragraph()


def _row(row: Row, block: Table, widths: Sequence[Any], *, together: bool) -> Any:
    """A row, ``together`` with the next. Made as XML: the library's own way takes several times as long."""
    made = OxmlElement("w:tr")
    properties = made.get_or_add_trPr()
    for name in ("w:cantSplit", *(("w:tblHeader",) if row.role == "head" else ())):
        properties.append(OxmlElement(name))
    group = row.role == "group"
    for place, cell in enumerate(row.cells[:1] if group else row.cells):
        column = block.columns[place]
        box = OxmlElement("w:tc")
        box.width = sum(widths) if group else widths[place]
        if group:
            box.grid_span = len(widths)
        line = box.add_p()
        about = line.get_or_add_pPr()
        about.style = CELL
        if together:
            about.keepNext_val = True
        if row.role == "part" and place == 0:
            about.ind_left = Cm(0.4)
        if column.number and not group:
            about.jc_val = WD_ALIGN_PARAGRAPH.RIGHT
        text = _text(_in_words(cell, number=column.number))
        if text:
            run = line.add_r()
            run.text = text
            if row.role in BOLD:
                run.get_or_add_rPr().get_or_add_b()
        made.append(box)
    return made


def _in_words(cell: Cell, *, number: bool) -> str:
    return f"{cell.text}{cell.mark(number=number)} {cell.firm}".strip() if cell.note else cell.text


def _text(text: str) -> str:
    """Text that XML can hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
