"""A document as data: headings, paragraphs, lists, tables and figures, which every format of the report is made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from results.style import Picture

MOST_LETTERS: Final = 30
MOST_LETTERS_OF_NUMBERS: Final = 26
FEWEST_LETTERS: Final = 5
ROOM: Final = 2  # letters, around a text
BOLD: Final = 2  # letters that a heading needs more
LETTERS: Final = 104  # of a printed line
"""How wide a column is taken to be: a longer text is broken, a word never."""


@dataclass(frozen=True)
class Text:
    """A paragraph, with an identifier or a command after it where there is one."""

    text: str
    code: str = ""
    small: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Items:
    """A list with dots."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "items"


@dataclass(frozen=True)
class Box:
    """Something set apart: an ``answer`` with a heading, or a ``warning``."""

    title: str
    blocks: tuple[Block, ...]
    warning: bool = False
    kind: ClassVar[str] = "box"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; ``note`` is set small after it, ``lang`` where its language is not the document's."""

    text: str
    note: str = ""
    lang: str = ""


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether numbers stand in it."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Row:
    """A row; the first cell is its heading. A ``group`` has that alone and heads the rows below; a ``part`` is indented."""

    cells: tuple[Cell, ...]
    role: str = ""

    @classmethod
    def of(cls, *texts: str | Cell, role: str = "") -> Row:
        """A row from texts."""
        return cls(tuple(text if isinstance(text, Cell) else Cell(text) for text in texts), role)


@dataclass(frozen=True)
class Table:
    """A table with its caption, and the file that its numbers stand in."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    source: str = ""
    kind: ClassVar[str] = "table"

    def shares(self) -> tuple[float, ...]:
        """The part of the width that each column needs, by its longest texts; they sum to 1."""
        least, wanted = [], []
        for place, column in enumerate(self.columns):
            cells = [row.cells[place] for row in self.rows if place < len(row.cells) and row.role != "group"]
            most = MOST_LETTERS_OF_NUMBERS if column.number else MOST_LETTERS
            texts = [*(cell.text for cell in cells), *(cell.note for cell in cells)]
            word = max(_longest_word([column.title]) + BOLD, _longest_word(texts), FEWEST_LETTERS)
            longest = max((len(text) for text in texts), default=1)
            least.append(min(word + ROOM, MOST_LETTERS))
            wanted.append(max(least[-1], min(longest + ROOM, most)))
        room, over = LETTERS - sum(least), sum(wanted) - sum(least)
        part = (
            1.0 if over <= max(room, 0) else max(room, 0) / over
        )  # what is given of what is wanted beyond the longest word
        letters = [low + part * (high - low) for low, high in zip(least, wanted, strict=True)]
        return tuple(count / sum(letters) for count in letters)


def _longest_word(texts: Sequence[str]) -> int:
    """Letters of the longest part that cannot be broken."""
    return max((len(part) for text in texts for part in text.replace("-", " ").split(" ")), default=0)


@dataclass(frozen=True)
class Shown:
    """A figure."""

    picture: Picture
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Facts:
    """Terms and what they are; the first is set as code where ``code`` says so."""

    facts: tuple[tuple[str, str], ...]
    code: bool = False
    kind: ClassVar[str] = "facts"


Block = Text | Heading | Items | Box | Table | Shown | Facts


@dataclass(frozen=True)
class Section:
    """A part of the document with its heading; ``name`` is what links point at."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """The report."""

    title: str
    subtitle: str
    lang: str
    opening: Section
    """the page of answers, before the table of contents"""
    sections: tuple[Section, ...] = field(default=())

    def all(self) -> tuple[Section, ...]:
        """Every section in order."""
        return (self.opening, *self.sections)

    def blocks(self) -> Iterator[Block]:
        """Every block, those in boxes too."""
        for section in self.all():
            yield from flat(section.blocks)


def flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """Blocks and those within them."""
    for block in blocks:
        yield block
        if isinstance(block, Box):
            yield from flat(block.blocks)
