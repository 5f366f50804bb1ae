"""The planners' page, a Streamlit script: levers, the answer as a sentence and as pictures, two lives, why, and take-away.

It holds no rule and no statistic: it asks ``scenarios.lab`` and shows what comes back. The script runs from the top whenever
a lever is moved, and goes on until every replicate is in, so that the answer tightens by itself.
"""

from __future__ import annotations

import html
import time
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from results.language import LOCALES, number, say
from scenarios.lab import rooms
from scenarios.lab.controls import controls, forget, set_on_the_page, set_since, stay_open
from scenarios.lab.explain import cautions, explain, few_draws
from scenarios.lab.known import known, tighten
from scenarios.lab.levers import OWN, Levers, from_query, to_query
from scenarios.lab.presets import PROGRAMMES, presets
from scenarios.lab.shown import Place, Sheet, heading, message, paragraph, up_to
from scenarios.lab.tabs import draw_on, tab_in, tabs
from scenarios.lab.uploads import Upload, read_upload
from scenarios.lab.workbench import BusyError, Question
from simulation.errors import InputError

FIRST: Final = 10
"""Replicates that the first answer waits for, so that it comes at once"""
PATIENCE: Final = 0.4  # seconds, of that wait
SENDING: Final = 0.03  # seconds for the first answer to be sent, before the rest of the page is made
MOST_CAUTIONS: Final = 8
LANG: Final = "lang"

state = st.session_state


def main() -> None:
    """The page, from top to bottom."""
    lang = _begin()
    st.set_page_config(page_title=say("lab.title", lang), page_icon=None, layout="wide")
    _head(lang)
    top = st.container(key="answer")
    with st.container(key="body"):
        left, right = st.columns([1, 2], gap="medium")
    with left, st.container(key="levers"):
        levers = _levers(lang)
    if levers != state.levers and state.awaits is None:
        state.wrong_link = None
    state.levers = levers
    _remember(levers, lang)
    with top:
        spoken = Sheet(st.container(key="spoken"))  # always there, and in the same place: what changes in it is heard
        with up_to(1):
            link = _wrong_link(lang)
        question, wrong = _ask(levers, lang)
        sentence = Sheet(st.container(key="sentence"))

        def say_it() -> None:
            with sentence:
                if question is None:
                    message(wrong, to=sentence)
                else:
                    _sentence(question, lang, sentence)
            with spoken:
                heard = wrong if question is None else _heard(question, lang)
                for text in (heard, link, state.own_told):
                    paragraph(text, spoken)

        whole = question is None or question.over  # before it is said: what comes meanwhile is said again
        say_it()
        few = [] if question is None else few_draws(question.study, rooms.settings().limits, lang)
        with up_to(MOST_CAUTIONS):
            for text in (*few, *cautions(levers, lang)):
                message(text)
    if question is None:
        return
    if not question.over:
        time.sleep(SENDING)
    with right:
        show = tabs(question, levers, lang)
    if not whole:
        tighten(question, [say_it, show], FIRST)


# ---- the session -----------------------------------------------------------------------------------------------------


def _begin() -> str:
    """The language; the levers of the link, in a session's first run and when the browser goes back or forward.

    Otherwise the link follows the levers, at its own pace: a browser that has not had our newest link yet asks with an older one,
    but then something was set on the page.
    """
    asked = st.query_params.to_dict()
    again = "levers" in state
    if again and (asked == state.address or set_since(state.get("before"))):
        return str(state.lang)
    state.address = asked.copy()
    lang = asked.pop(LANG, rooms.settings().lang)
    state.lang = lang if lang in LOCALES else rooms.settings().lang
    _follow(urlencode(asked))
    state.followed = (state.levers, state.lang) if again else None
    forget()
    return str(state.lang)


def _follow(query: str) -> None:
    """Take the levers from a link; what is wrong with it is told, and the lab opens as it does."""
    state.levers, state.wrong_link, state.awaits = rooms.opening(), None, None
    try:
        state.levers = from_query(query, state.get("own")) if query else state.levers
    except InputError as error:
        state.wrong_link = error
        state.awaits = query if error.key == OWN else None


def _remember(levers: Levers, lang: str) -> None:
    """Let the address of the page hold every lever, so that it can be kept and sent."""
    state.setdefault("asked", 0)
    state.before = set_on_the_page()
    if (state.wrong_link is not None and levers == rooms.opening()) or state.followed == (levers, lang):
        return
    state.followed = None
    said = dict(parse_qsl(to_query(levers), keep_blank_values=True)) | {LANG: lang}
    if said != st.query_params.to_dict():
        st.query_params.from_dict(said)
    state.address = said


def _wrong_link(lang: str) -> str:
    """Say what is wrong with the link, where anything is, until another lever is moved or the file has come."""
    if state.wrong_link is None:
        return ""
    told = say("lab.wrong_link", lang, problem=explain(state.wrong_link, lang))
    message(told)
    return told


@st.cache_resource(scope="session", show_spinner=False, on_release=rooms.leave)
def _seat() -> str:
    """This session's place at the workbench, which it leaves when it ends."""
    context = get_script_run_ctx()
    return "" if context is None else str(context.session_id)


def _ask(levers: Levers, lang: str) -> tuple[Question | None, str]:
    """The question that the levers put, or what is wrong with them."""
    limits = rooms.settings().limits
    try:
        study = levers.study(limits.replicates)
        few = limits.replicates_of(study.arms[0], len(study.arms))
        study = levers.study(few) if few < study.replicates else study
        state.seat = _seat()
        question = rooms.workbench().ask(state.seat, study)
    except BusyError:
        return None, say("lab.full", lang)
    except InputError as error:
        return None, explain(error, lang)
    question.wait(FIRST, PATIENCE)
    return question, ""


# ---- head and levers -------------------------------------------------------------------------------------------------


def _head(lang: str) -> None:
    title, other = st.columns([6, 1], vertical_alignment="top")
    with title:
        st.html(
            f'<div class="lab-top" data-lang="{lang}"><h1>{say("lab.title", lang)}</h1><p>{say("lab.about", lang)}</p></div>'
        )
    with other:
        there = next(each for each in LOCALES if each != lang)
        st.button(say("lab.language", there), key="language", on_click=_talk, args=(there,))


def _talk(lang: str) -> None:
    """Change the language, and leave open what is open: to Streamlit a part with another title is another part."""
    tab_in(state.lang, lang)
    state.lang = lang
    forget()
    stay_open()


def _levers(lang: str) -> Levers:
    heading(say("lab.levers", lang))
    _presets(lang)
    levers = _own_figures(state.levers, lang)
    return controls(levers, lang)


def _presets(lang: str) -> None:
    known = presets()

    def title(name: str) -> str:
        preset = known[name]
        return preset.title(lang) if name in PROGRAMMES else f"{preset.study_title(lang)}: {preset.title(lang)}"

    box = st.expander(say("lab.presets", lang), key="group:presets", on_change="rerun")
    if box.open:
        with box:
            name = st.selectbox(say("lab.preset", lang), list(known), format_func=title, key="preset")
            st.button(say("lab.use_preset", lang), key="use-preset", on_click=_use, args=(name,))


def _use(name: str) -> None:
    state.levers = presets()[name].levers
    state.wrong_link, state.awaits = None, None
    forget()


def _own_figures(levers: Levers, lang: str) -> Levers:
    state.own_told = ""
    box = st.expander(say("lab.own_figures", lang), key="group:own", on_change="rerun")
    if not box.open:
        return levers
    with box:
        paragraph(say("lab.own_figures_about", lang))
        file = st.file_uploader(say("lab.own_figures_file", lang), key="own-figures")
        if file is not None and file.file_id != state.get("own_read"):
            state.own_read, state.own_error = file.file_id, None
            try:
                levers = _with_own(levers, file.name, file.getvalue())
            except InputError as error:
                state.own_error = error
        with up_to(3):
            if file is not None and state.get("own_error") is not None:
                state.own_told = explain(state.own_error, lang)
                message(state.own_told)
            if levers.own is not None:
                paragraph(say("lab.own_figures_used", lang, file=levers.own.name))
                st.button(say("lab.own_figures_leave", lang), key="leave-own", on_click=_leave_own)
    return levers


def _with_own(levers: Levers, name: str, data: bytes) -> Levers:
    """Levers with the figures of an upload; those of the link that waits for them, where they are the ones."""
    own = state.own = read_upload(name, data)
    if state.get("awaits"):
        try:
            levers = from_query(state.awaits, own)
            state.awaits, state.wrong_link = None, None
        except InputError:
            pass
    forget()
    return levers_with(levers, own)


def _leave_own() -> None:
    state.own = None
    state.levers = levers_with(state.levers, None)
    forget()


def levers_with(levers: Levers, own: Upload | None) -> Levers:
    """The same levers with other figures of one's own, or none."""
    return replace(levers, own=own)


# ---- the answer, which tightens by itself ----------------------------------------------------------------------------


def _sentence(question: Question, lang: str, to: Place) -> None:
    """The headline, and how many replicates it is of."""
    broke = question.error is not None
    if broke:
        message(say("lab.broke", lang), to=to)
    found = known(question, lang)
    if found is None:
        if not (broke and question.over):
            to.html(f'<div class="lab-answer"><p class="headline">{say("lab.wait", lang)}</p></div>')
        return
    draw_on(found)
    came, total = found.answer.replicates, number(question.total, lang)
    done = number(came, lang)
    still = say("lab.finished", lang, total=total)
    if found.whole and came < question.total:
        still = say("lab.missing", lang, done=done, total=total, missing=number(question.total - came, lang))
    if not found.whole:
        still = say("lab.still", lang, done=done, total=total)
        still = f'<progress max="{question.total}" value="{question.done()}" aria-label="{still}"></progress>{still}'
    to.html(
        f'<div class="lab-answer {found.answer.verdict}"><h2>{say("lab.answer", lang)}</h2>'
        f'<p class="headline">{html.escape(found.answer.headline)}</p><p class="still">{still}</p></div>'
    )


def _heard(question: Question, lang: str) -> str:
    """The answer once more for who hears the page, when it is whole and not while it changes (``lab.js`` makes it spoken)."""
    found = known(question, lang) if question.over else None
    if found is None and question.over and question.error is not None:
        return say("lab.broke", lang)
    return found.answer.headline if found else say("lab.wait", lang)


main()
