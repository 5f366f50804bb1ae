"""A document as data: headings, paragraphs, lists, tables and figures, which every format of the report is made from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from results.style import Picture

MOST_LETTERS: Final = 30
MOST_LETTERS_OF_NAMES: Final = 44  # of the first column, a name with its unit
MOST_LETTERS_OF_NUMBERS: Final = 26
FEWEST_LETTERS: Final = 5
ROOM: Final = 3  # letters, around a text
BOLD: Final = 2  # letters that a heading needs more
SMALL: Final = 0.9  # of a letter, one of a note
PART: Final = 3  # letters that a part's name is indented
WIDE: Final = frozenset("mwMW@%—")  # letters half as wide again as others
LETTERS: Final = 108  # of a printed line
"""How wide a column is taken to be: a longer text is broken, a word never."""
FIRM: Final = 16  # letters: a note as short as this is not broken
TOGETHER: Final = 3  # rows that a table does not leave alone, at either end
FEW_ROWS: Final = 9  # a table of so few stands on one page
LOW, TALL = 0.85, 1.15  # height by width: of two low figures a page holds both, a tall one has a page


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

    def mark(self, *, number: bool) -> str:
        """What parts text and note where type alone does not: the unit of a name is no word of it; brackets part themselves."""
        return "," if self.note and not number and not self.note.startswith("(") else ""

    @property
    def firm(self) -> str:
        """The note, not to be broken where it is short: a number stays with what is counted."""
        return self.note.replace(" ", "\N{NO-BREAK SPACE}") if len(self.note) <= FIRM else self.note


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

    @property
    def short(self) -> bool:
        """Whether it is short enough not to be broken between pages."""
        return len(self.rows) <= FEW_ROWS

    def keeps(self, place: int) -> bool:
        """Whether a row stays with the next: the head of a group and its first, and a few where the table begins and ends."""
        left = len(self.rows) - 1 - place
        if left <= 0:
            return False
        before, row, after = (self.rows[i].role == "group" for i in (max(place - 1, 0), place, place + 1))
        return row or (before and not after) or place < TOGETHER or left < TOGETHER

    def shares(self) -> tuple[float, ...]:
        """The part of the width that each column needs, by its longest texts; they sum to 1."""
        letters = self.letters()
        return tuple(count / sum(letters) for count in letters)

    def letters(self) -> tuple[float, ...]:
        """How many letters of width each column needs, by its longest word and then its longest text."""
        least, wanted = [], []
        for place, column in enumerate(self.columns):
            cells = [row.cells[place] for row in self.rows if place < len(row.cells) and row.role != "group"]
            most = MOST_LETTERS_OF_NUMBERS if column.number else MOST_LETTERS if place else MOST_LETTERS_OF_NAMES
            texts = [*(cell.text for cell in cells), *(cell.note for cell in cells)]
            word = max(_longest_word([column.title]) + BOLD, _longest_word(texts), FEWEST_LETTERS)
            if place == 0:
                parts = [row.cells[0].text for row in self.rows if row.role == "part"]
                word = max(word, _longest_word(parts) + PART if parts else 0)
            longest = max((len(cell.text) + SMALL * len(cell.note) for cell in cells), default=1.0)
            least.append(min(math.ceil(word) + ROOM, MOST_LETTERS))
            wanted.append(max(least[-1], min(longest + ROOM, most)))
        room, over = LETTERS - sum(least), sum(wanted) - sum(least)
        part = (
            1.0 if over <= max(room, 0) else max(room, 0) / over
        )  # what is given of what is wanted beyond the longest word
        return tuple(low + part * (high - low) for low, high in zip(least, wanted, strict=True))


def _longest_word(texts: Sequence[str]) -> float:
    """Letters of the longest part that cannot be broken, a wide one counted as more."""
    words = (word for text in texts for word in text.replace("-", " ").split(" "))
    return max((len(word) + sum(0.5 for letter in word if letter in WIDE) for word in words), default=0)


@dataclass(frozen=True)
class Shown:
    """A figure."""

    picture: Picture
    kind: ClassVar[str] = "figure"

    @property
    def form(self) -> str:
        """How high it is for its width: ``low``, ``even`` or ``tall``."""
        found = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', self.picture.images.get("svg", b"")[:2000])
        height = float(found[2]) / float(found[1]) if found else 1.0
        return "low" if height < LOW else "tall" if height > TALL else "even"


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
