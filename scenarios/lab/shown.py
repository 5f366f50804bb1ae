"""Blocks, figures and messages as the page shows them. Text is escaped here, wherever it comes from."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol

import streamlit as st

from results.blocks import Block
from results.page import block_html


@contextlib.contextmanager
def up_to(parts: int) -> Iterator[None]:
    """A part of the page that holds so many parts at most, and may hold fewer than it did.

    What a script wrote before stays in its place until another part comes there or the script ends, which is when all is in.
    """
    with st.container():
        yield
        for _ in range(parts):
            st.empty()


class Place(Protocol):
    """Where HTML can be put: the page, after what is there, or a sheet."""

    def html(self, body: str, /) -> Any:
        """Put it there."""


class Sheet:
    """A place on the page that is written again and again, as a context: what is as it was is not sent again."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._parts: list[tuple[str, Any]] = []
        self._at = 0

    def __enter__(self) -> Sheet:
        self._at = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for _, part in self._parts[self._at :]:
                part.empty()
            del self._parts[self._at :]

    def blank(self, parts: int) -> None:
        """Nothing, where there may have been so many parts."""
        for _ in range(parts):
            self.html("<i></i>")

    def html(self, body: str, /) -> None:
        """The next part of the sheet."""
        if self._at == len(self._parts):
            self._parts.append((body, self._container.html(body)))
        elif self._parts[self._at][0] != body:
            part = self._parts[self._at][1]
            part.html(body)
            self._parts[self._at] = (body, part)
        self._at += 1


def blocks(found: Iterable[Block], lang: str, to: Place = st) -> None:
    """Blocks, as in the report."""
    to.html(block_html(found, lang))


def panels(found: Iterable[Block], lang: str, to: Place = st) -> None:
    """Blocks side by side, where there is room."""
    inside = "".join(f"<div>{block_html([block], lang)}</div>" for block in found)
    to.html(f'<div class="lab-panels">{inside}</div>')


def heading(text: str, to: Place = st) -> None:
    """A heading of a part of the page."""
    to.html(f"<h2>{html.escape(text)}</h2>")


def paragraph(text: str, to: Place = st) -> None:
    """A paragraph."""
    to.html(f"<p>{html.escape(text)}</p>")


def message(*texts: str, to: Place = st) -> None:
    """Something that the planner should know before she reads on."""
    inside = "".join(f"<p>{html.escape(text)}</p>" for text in texts)
    to.html(f'<div class="lab-message">{inside}</div>')
