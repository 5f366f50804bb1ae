"""Blocks, figures and messages as the page shows them. Text is escaped here, wherever it comes from."""

from __future__ import annotations

import html
from collections.abc import Iterable

import streamlit as st

from results.blocks import Block
from results.page import block_html


def blocks(found: Iterable[Block], lang: str) -> None:
    """Blocks, as in the report."""
    st.html(block_html(found, lang))


def panels(found: Iterable[Block], lang: str) -> None:
    """Blocks side by side, where there is room."""
    inside = "".join(f"<div>{block_html([block], lang)}</div>" for block in found)
    st.html(f'<div class="lab-panels">{inside}</div>')


def heading(text: str) -> None:
    """A heading of a part of the page."""
    st.html(f"<h2>{html.escape(text)}</h2>")


def paragraph(text: str) -> None:
    """A paragraph."""
    st.html(f"<p>{html.escape(text)}</p>")


def message(*texts: str) -> None:
    """Something that the planner should know before she reads on."""
    inside = "".join(f"<p>{html.escape(text)}</p>" for text in texts)
    st.html(f'<div class="lab-message">{inside}</div>')
