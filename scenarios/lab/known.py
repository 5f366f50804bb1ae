"""What a question has come to, worked out once for each count of replicates and shown by several parts of the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import streamlit as st

from results.told import Told
from scenarios.lab.answers import Answer, Compared, compared, tables_of, told
from scenarios.lab.controls import asked
from scenarios.lab.workbench import Question
from simulation.errors import InputError

FEWEST: Final = 2  # replicates, of a draw: with fewer nothing can be said, and fewer more change nothing
GROWN: Final = 8.0
"""An answer is worked out again when there are so many times the replicates that it is of, and when all are in"""
PULSE: Final = 0.5  # seconds between looks at what has come since
BLINK: Final = 0.02  # seconds between glances at whether all is in, or a lever was moved


@dataclass(frozen=True)
class Known:
    """An answer, with the tables that it is of. The runs are not kept: a hundred megabytes for each session."""

    question: Question
    lang: str
    count: int
    """replicates"""
    whole: bool
    """whether no more come"""
    replicates: int
    """of these, that the tables are of: whole draws, without those that failed"""
    draws: int
    tables: Told
    compared: Compared
    """the same tables, under the titles of the language"""

    @cached_property
    def answer(self) -> Answer:
        """What is read. Worked out when it is shown, so that pictures can be begun before."""
        return told(self.compared, self.replicates, self.draws, self.lang, whole=self.whole)


def known(question: Question, lang: str) -> Known | None:
    """What is known now; None as long as that is nothing."""
    held: Known | None = st.session_state.get("known")
    over, done = question.over, question.done()
    over = over or done == question.total  # the last may have come between
    if held is not None and held.question is question and held.lang == lang:
        grown = done > held.count and (over or done >= GROWN * held.count)  # none are left of one that is given up
        if not grown:
            return held
    if done < FEWEST:
        return None
    try:
        with question.at_the_desk() as runs:
            tables = tables_of(question.study, runs)
            of = compared(question.study, runs, lang, tables)
            held = Known(question, lang, done, over, runs.replicate.size, len(set(runs.draw.tolist())), tables, of)
    except (InputError, RuntimeError):  # given up or stopped, or no replicate came through
        return held if held is not None and (held.question, held.lang) == (question, lang) else None
    st.session_state.known = held
    return held


def tighten(question: Question, shows: Sequence[Callable[[], None]], first: int) -> None:
    """Show things again when the ``first`` replicates are in, now and then while others come, and once more when all are in.

    The script of the page goes on meanwhile: to run a part of it again for each look would have the browser go through the whole
    page each time. A lever that is moved is heard at once, since Streamlit listens where the state of the session is read.
    """
    held: Known | None = st.session_state.get("known")
    wanted = first if held is None or held.question is not question else question.total
    over = False
    while not over:
        until = time.monotonic() + PULSE
        while question.done() < wanted and not question.over and time.monotonic() < until:
            time.sleep(BLINK)
            st.session_state.get("seat")
        over = question.over  # before it is shown: what comes meanwhile is shown the next time
        wanted = question.total
        for show in shows:
            show()


def rerun() -> None:
    """Run the whole page again."""
    asked()
    st.rerun()
