"""The parts of the page beside the levers: answers, two lives, why, and what is taken away. A part is made when it is opened."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from results.blocks import Block, Column, Heading, Items, Row, Shown, Table, Text
from results.language import number, say
from results.style import Picture
from scenarios.lab import rooms
from scenarios.lab.controls import asked as asked_for
from scenarios.lab.explain import explain
from scenarios.lab.known import Known, known, rerun
from scenarios.lab.levers import FILE, Levers, to_query
from scenarios.lab.lives import TwoLives, lives
from scenarios.lab.painters import FEWEST, Easel
from scenarios.lab.shown import Place, Sheet, blocks, heading, message, panels, paragraph, up_to
from scenarios.lab.take_away import take_away
from scenarios.lab.why import why
from scenarios.lab.workbench import Question
from simulation.errors import InputError

GLANCE: Final = 2.0  # seconds between looks at a report that is being made
ASIDE: Final = 0.3  # seconds between looks at whether it is one's turn
PARTS_OF_AN_ANSWER: Final = 12
PARTS_OF_LIVES: Final = 5
MOST_LIVES: Final = 10  # families whose lives a session keeps

state = st.session_state


def tabs(question: Question, levers: Levers, lang: str) -> Callable[[], None]:
    """The parts, the one that is open with what is in it. What shows that again, when more has come or all is in."""
    again: Callable[[], None] = _nothing_more
    titles = [say(f"lab.tab_{name}", lang) for name in PARTS]
    for tab, (name, show) in zip(st.tabs(titles, key="tab", on_change="rerun"), PARTS.items(), strict=True):
        if tab.open:
            with tab, st.container(key=f"part-{name}"):
                again = show(question, levers, lang) or again
    return again


def _nothing_more() -> None:
    """For parts that say nothing of the replicates."""


def tab_in(lang: str, other: str) -> None:
    """Let the part that is open be so under its title in another language."""
    titles = {say(f"lab.tab_{name}", lang): say(f"lab.tab_{name}", other) for name in PARTS}
    if state.get("tab") in titles:
        state.tab = titles[state.tab]


# ---- answers ---------------------------------------------------------------------------------------------------------


def _answers(question: Question, _: Levers, lang: str) -> Callable[[], None]:
    sheet = Sheet(st.container())
    if known(question, lang) is None:
        with sheet:
            sheet.blank(PARTS_OF_AN_ANSWER)
    shown: list[object] = []

    def show() -> None:
        nonlocal shown
        found = known(question, lang)
        pictures = [] if found is None else _pictures(found)
        if found is not None and not (shown and shown[0] is found and shown[1] is pictures):
            shown = [found, pictures]
            with sheet:
                _answer(found, pictures, sheet)

    show()
    return show


def _answer(found: Known, pictures: Sequence[Picture], to: Place) -> None:
    told, lang = found.answer, found.lang
    blocks([told.outcomes], lang, to)
    drawn = {picture.name: Shown(picture) for picture in pictures}
    queue, cost = ([drawn.pop(name)] if name in drawn else [] for name in ("queues", "costs"))
    if drawn:
        panels(drawn.values(), lang, to)
    elif told.rows and not queue:
        paragraph(say("lab.pictures_soon", lang, count=number(FEWEST, lang)), to)
    _part("reached", [Items(told.reached)], [told.reach], lang, to)
    _part("queues", [Items(told.queues), *queue], [told.waits], lang, to)
    _part("costs", [Items(told.costs), *cost], told.budget, lang, to)


def _part(name: str, side_by_side: Sequence[Block], below: Sequence[Block], lang: str, to: Place) -> None:
    heading(say(f"lab.{name}", lang), to)
    panels(side_by_side, lang, to)
    blocks(below, lang, to)


def draw_on(found: Known) -> None:
    """Begin with pictures of what is known, where pictures are being shown: they are wanted soon."""
    of, easel = state.get("easel", (None, None))
    if easel is not None and of == (found.question, found.lang):
        easel.begin(found.compared, found.count, whole=found.whole)


def _pictures(found: Known) -> list[Picture]:
    """The pictures of what is known, or of a little less."""
    of = (found.question, found.lang)
    if state.get("easel", (None, None))[0] != of:
        state.easel = (of, Easel(rooms.painters(), found.lang))
    easel: Easel = state.easel[1]
    return easel.pictures(found.compared, found.count, whole=found.whole)


# ---- two lives -------------------------------------------------------------------------------------------------------


def _lives(question: Question, _: Levers, lang: str) -> None:
    with up_to(PARTS_OF_LIVES):
        try:
            _both_lives(question, lang)
        except InputError as error:
            message(explain(error, lang))


def _both_lives(question: Question, lang: str) -> None:
    first = _two_lives(question, lang, None)
    if first is None:
        message(say("lab_lives.neither", lang))
        return
    message(first.simulated)
    family = first.family
    if len(first.families) > 1:
        places = {slot: number(place, lang) for place, slot in enumerate(first.families, start=1)}
        family = st.select_slider(
            say("lab.family", lang, count=number(len(places), lang)),
            list(places),
            value=first.middle if first.middle in places else first.families[0],
            format_func=lambda slot: places[slot],
            key=f"family:{question.study.seed}:{first.middle}:{hash(first.families)}",
            on_change=asked_for,
        )
    told = _two_lives(question, lang, family) or first
    blocks([Text(told.chosen), Text(told.who)], lang)
    left, right = st.columns(2, gap="medium")
    with left:
        panels([Shown(told.timelines)], lang)
    with right:
        blocks([_story(told, lang), Heading(say("lab.others", lang)), Items(told.spread)], lang)
        panels([Shown(told.others)], lang)


def _story(shown: TwoLives, lang: str) -> Table:
    """What happens, month by month."""
    columns = (
        Column(say("lab.month", lang), number=True),
        *(Column(say(f"lab.{name}", lang)) for name in ("whose", "happens")),
    )
    rows = tuple(Row.of(number(each.month, lang), each.whose, "; ".join(each.sentences)) for each in shown.happenings)
    return Table(say("lab.story", lang), columns, rows)


def _two_lives(question: Question, lang: str, family: int | None) -> TwoLives | None:
    """The lives of a family, None for the one of the rule; those looked at last are kept while question and language stay.

    Raises
    ------
    InputError : the place is too large for this part, or there is no such family
    """
    key = (question, lang)
    if "lives" not in state or state.lives[0] != key:
        state.lives = (key, {})
    kept: dict[int | None, TwoLives | None] = state.lives[1]
    if family not in kept:
        rooms.settings().limits.check_lives(question.study.arms[0])
        with _turn(lang):
            told = lives(question.study, lang, family)
        kept[family] = told
        if family is None and told is not None:
            kept[told.family] = told
        for other in [each for each in kept if each not in (None, family)][: -MOST_LIVES + 1]:
            del kept[other]
    return kept[family]


@contextlib.contextmanager
def _turn(lang: str) -> Iterator[None]:
    """Wait till nobody else works out lives; a lever that is moved meanwhile is heard, since something is shown."""
    place = st.empty()
    while not rooms.lives.acquire(timeout=ASIDE):
        place.html(f"<p>{say('lab.lives_turn', lang)}</p>")
    try:
        yield
    finally:
        rooms.lives.release()
    place.empty()


# ---- why -------------------------------------------------------------------------------------------------------------


def _why(question: Question, _: Levers, lang: str) -> None:
    found = why(question.study, lang)
    message(found.caution)
    blocks([Items(found.found), found.table, Text(found.links), Text(say("lab.why_links", lang))], lang)
    blocks([Text(found.made, small=True)], lang)


# ---- take away -------------------------------------------------------------------------------------------------------


def _take_away(question: Question, levers: Levers, lang: str) -> Callable[[], None]:
    over = question.over
    heading(say("lab.take_study", lang))
    paragraph(say("lab.take_study_about", lang))
    study = take_away(levers, question.study, lang)
    _download(study.name, study.mime, study.data, lang)
    heading(say("lab.take_numbers", lang))
    with up_to(2):
        if over:
            for name, make in (("tables", _tables), ("figures", _figures)):
                _download(f"{FILE.stem}-{name}.zip", "application/zip", partial(make, question, lang), lang)
        else:
            paragraph(say("lab.take_when_done", lang))
    heading(say("lab.take_report", lang))
    paragraph(say("lab.take_report_about", lang))
    with up_to(4):
        _report(question, levers, lang)
    heading(say("lab.take_link", lang))
    paragraph(say("lab.take_link_about", lang))
    st.code(f"{st.context.url or ''}?{to_query(levers)}&lang={lang}", language=None, wrap_lines=True)

    def show() -> None:
        if question.over and not over and not question.stopped:
            rerun()

    return show


def _download(name: str, mime: str, data: bytes | Callable[[], bytes], lang: str) -> None:
    label = say("lab.download", lang, name=name)
    st.download_button(label, data, file_name=name, mime=mime, key=f"download:{name}", on_click="ignore")


def _tables(question: Question, lang: str) -> bytes:
    """What the page shows of the tables that ``run.py compare`` writes, under their names there."""
    found = known(question, lang)
    tables = {} if found is None else vars(found.tables)
    shown = {name: table for name, table in tables.items() if isinstance(table, pd.DataFrame) and len(table)}
    return _zip({f"{name}.csv": table.to_csv(index=False).encode() for name, table in shown.items()})


def _figures(question: Question, lang: str) -> bytes:
    found = known(question, lang)
    drawn = [] if found is None else _pictures(found)
    return _zip({f"{picture.name}.svg": picture.images["svg"] for picture in drawn})


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _report(question: Question, levers: Levers, lang: str) -> None:
    asked: tuple[Levers, str, Future[bytes]] | None = state.get("report")
    making = asked is not None and not asked[2].done()

    @st.fragment(run_every=GLANCE if making else None)
    def show() -> None:
        if asked is None:
            return
        if not asked[2].done():
            paragraph(say(f"lab.report_{'making' if asked[2].running() else 'waiting'}", lang))
            return
        if making:
            rerun()
        if asked[2].exception() is not None:
            message(say("lab.report_failed", lang))
            return
        if asked[:2] != (levers, lang):
            message(say("lab.report_of_other", lang))
        _download("report.zip", "application/zip", asked[2].result(), lang)

    st.button(
        say("lab.make_report", lang),
        key="report-button",
        disabled=making,
        on_click=_make,
        args=(question, levers, lang),
    )
    show()


def _make(question: Question, levers: Levers, lang: str) -> None:
    asked_for()
    study = take_away(levers, question.study, lang)
    state.report = (levers, lang, rooms.reports().make(state.seat, study, lang))


PARTS: Final[Mapping[str, Callable[[Question, Levers, str], Callable[[], None] | None]]] = {
    "answers": _answers,
    "lives": _lives,
    "why": _why,
    "take_away": _take_away,
}
"""The parts of the page, in their order."""
