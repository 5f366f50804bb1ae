"""What a question has come to, worked out once for each count of replicates and shown by several parts of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from results.told import Told
from scenarios.lab.answers import Answer, Compared, answer, compared, tables_of
from scenarios.lab.controls import asked
from scenarios.lab.workbench import GivenUpError, Question

FEWEST: Final = 2  # replicates, of a draw: with fewer nothing can be said, and fewer more change nothing
GROWN: Final = 8.0
"""An answer is worked out again when there are so many times the replicates that it is of, and when all are in"""
PULSE: Final = 0.5  # seconds between looks at what has come since
NEARLY: Final = 0.95  # of the replicates; from there on a look waits for the last, which come within a blink
BLINK: Final = 0.2  # seconds


@dataclass(frozen=True)
class Known:
    """An answer, with the tables that it is of. The runs are not kept: a hundred megabytes for each session."""

    question: Question
    lang: str
    count: int
    """replicates"""
    whole: bool
    """whether no more come"""
    tables: Told
    compared: Compared
    """the same tables, under the titles of the language"""
    answer: Answer


def known(question: Question, lang: str) -> Known | None:
    """What is known now; None as long as that is nothing."""
    held: Known | None = st.session_state.get("known")
    over, done = question.over, question.done()
    if held is not None and held.question is question and held.lang == lang:
        grown = done > held.count and (over or done >= GROWN * held.count)  # none are left of one that is given up
        if not grown:
            return held
    if done < FEWEST:
        return None
    try:
        runs = question.runs()
    except (GivenUpError, RuntimeError):  # the session has asked another, or no replicate came through
        return None
    study, tables = question.study, tables_of(question.study, runs)
    told, of = answer(study, runs, lang, tables, whole=over), compared(study, runs, lang, tables)
    held = Known(question, lang, done, over, tables, of, told)
    st.session_state.known = held
    return held


def tightening(question: Question, show: Callable[[], None], pulse: float = PULSE) -> None:
    """Show something now and again while replicates come; once more when all are in, and then no more."""
    over = question.over

    @st.fragment(run_every=None if over else pulse)
    def again() -> None:
        if question.done() >= NEARLY * question.total:
            question.wait(question.total, BLINK)
        show()
        if question.over and not over:
            rerun()

    again()


def rerun() -> None:
    """Run the whole page again."""
    asked()
    st.rerun()
