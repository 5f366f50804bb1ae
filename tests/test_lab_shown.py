"""What is written on the page again and again: only what is different is sent."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from scenarios.lab.shown import Sheet, heading, message, paragraph


class Element:
    """An element of a page, and what was sent to it."""

    def __init__(self, page: Page, body: str) -> None:
        self.page, self.body = page, body

    def html(self, body: str) -> None:
        self.page.sent.append(body)
        self.body = body

    def empty(self) -> None:
        self.page.elements.remove(self)


class Page:
    """A container of Streamlit's, as far as a sheet uses it."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.sent: list[str] = []

    def html(self, body: str) -> Element:
        self.sent.append(body)
        self.elements.append(Element(self, body))
        return self.elements[-1]

    def bodies(self) -> list[str]:
        return [each.body for each in self.elements]


def test_what_is_as_it_was_is_not_sent_again_and_what_is_left_over_goes() -> None:
    page = Page()
    sheet = Sheet(page)
    with sheet:
        for text in ("a", "b", "c"):
            paragraph(text, sheet)
    assert page.bodies() == ["<p>a</p>", "<p>b</p>", "<p>c</p>"]
    page.sent.clear()
    with sheet:
        for text in ("a", "B", "c"):
            paragraph(text, sheet)
    assert page.sent == ["<p>B</p>"]
    with sheet:
        heading("a", sheet)
    assert page.bodies() == ["<h2>a</h2>"]
    with sheet:
        for text in ("a", "b"):
            paragraph(text, sheet)
    assert page.bodies() == ["<p>a</p>", "<p>b</p>"]


def test_a_sheet_that_was_broken_off_is_written_from_its_beginning() -> None:
    page = Page()
    sheet = Sheet(page)
    with sheet:
        paragraph("a", sheet)
        paragraph("b", sheet)
    with contextlib.suppress(ZeroDivisionError), sheet:
        paragraph("A", sheet)
        paragraph(str(1 // 0), sheet)
    with sheet:
        paragraph("A", sheet)
        paragraph("b", sheet)
    assert page.bodies() == ["<p>A</p>", "<p>b</p>"]


def test_what_is_put_on_a_sheet_is_text() -> None:
    page = Page()
    with (sheet := Sheet(page)):
        message("<b>", "&", to=sheet)
    assert page.bodies() == ['<div class="lab-message"><p>&lt;b&gt;</p><p>&amp;</p></div>']
