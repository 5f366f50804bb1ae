"""The levers as widgets: one for each row of ``LEVERS``, in groups that are drawn when they are opened."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from results.language import say
from scenarios.lab.lever import Lever, Value
from scenarios.lab.levers import ARMS, PLAN_LEVERS, SHARED_LEVERS, Levers, levers_of
from scenarios.lab.why import leading_links

GROUPS: Final = (
    *("place", "staff", "follow_up", "intake", "services", "labour", "links", "costs"),
    *("stress", "leaving", "closing", "settings"),
)
"""The groups of levers, what planners ask for most first."""
OPEN: Final = ("staff",)
"""Groups that are open from the start."""
KEY: Final = "lever:"
GROUP: Final = "group:"
SET: Final = (KEY, GROUP, "tab", "preset", "asked")
"""How the names begin of what is set on the page"""
NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def controls(levers: Levers, lang: str) -> Levers:
    """Draw every lever; what they are set to now."""
    moved: dict[str, Value | None] = {}
    for group in GROUPS:
        box = st.expander(
            say(f"lever_group.{group}", lang), expanded=group in OPEN, key=f"{GROUP}{group}", on_change="rerun"
        )
        if box.open:
            with box:
                moved |= _group(group, levers, lang)
    values: dict[str, Value | None] = {**levers.values(), **moved}
    return levers_of({address: value for address, value in values.items() if value is not None}, levers.own)


def forget() -> None:
    """Let every widget begin anew from the levers."""
    for key in [key for key in st.session_state if str(key).startswith(KEY)]:
        del st.session_state[key]


def stay_open() -> None:
    """Let the groups that are open be so with other titles."""
    for key in [key for key in st.session_state if str(key).startswith(GROUP)]:
        st.session_state[key] = bool(st.session_state[key])


def asked() -> None:
    """Note that something was asked for that sets nothing on the page."""
    st.session_state.asked = st.session_state.get("asked", 0) + 1


def set_on_the_page() -> dict[str, object]:
    """What is set on the page, and how often something else was asked for."""
    return {str(key): value for key, value in st.session_state.items() if str(key).startswith(SET)}


def set_since(before: dict[str, object] | None) -> bool:
    """Whether anything has been set or asked for since; not where only the browser's address is another."""
    now = set_on_the_page()
    return before is None or any(now.get(key) != value for key, value in before.items())


def _group(group: str, levers: Levers, lang: str) -> dict[str, Value | None]:
    moved: dict[str, Value | None] = {}
    for lever in sorted(SHARED_LEVERS, key=_place):
        if lever.group != group:
            continue
        if lever.name == "place" and levers.own is not None:
            st.empty()  # in its place, or it would stand there until all is in
        else:
            moved |= _widget(lever, lever.name, levers, lever.label(lang), lang)
    for lever in PLAN_LEVERS:
        if lever.group == group:
            for plan, column in zip(
                ARMS, st.columns(2, gap="small", wrap=False, vertical_alignment="bottom"), strict=True
            ):
                with column:
                    label = say(
                        "lab.of_plan",
                        lang,
                        lever=lever.label(lang),
                        plan=say(f"lab_study.{plan}", lang).replace(" ", NO_BREAK),
                    )
                    moved |= _widget(lever, f"{plan}.{lever.name}", levers, label, lang)
    return moved


def _place(lever: Lever) -> int:
    """Links in the order of how much they matter; everything else as it stands."""
    return leading_links().index(lever.element) if lever.field == "links" and lever.element in leading_links() else -1


def _widget(lever: Lever, address: str, levers: Levers, label: str, lang: str) -> dict[str, Value | None]:
    """One lever, and what it is set to."""
    draw = {"choice": _choice, "switch": _switch, "whole": _number, "number": _number}[lever.kind]
    if lever.field == "links":
        draw = _strength
    return {address: draw(lever, address, levers, label, lang)}


def _held(address: str, value: Any) -> str:
    """The key of a widget, which begins at the value."""
    key = f"{KEY}{address}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _choice(lever: Lever, address: str, levers: Levers, label: str, lang: str) -> Value | None:
    chosen: str = st.selectbox(
        label,
        lever.choices,
        format_func=lambda choice: lever.option(choice, lang),
        key=_held(address, levers.value(address)),
        help=lever.help(lang),
    )
    return chosen


def _switch(lever: Lever, address: str, levers: Levers, label: str, lang: str) -> Value | None:
    return st.checkbox(label, key=_held(address, levers.value(address)), help=lever.help(lang))


def _number(lever: Lever, address: str, levers: Levers, label: str, lang: str) -> Value | None:
    """Where the lever is left alone, the box holds what holds then, so that it can be moved from there."""
    kind = int if lever.kind == "whole" else float
    usual = levers.with_value(address, None).usual(address) if lever.optional else None
    value = levers.value(address)
    begin = value if usual is None or value is not None else kind(usual)
    key = _held(address if usual is None else f"{address}:{usual}", begin)
    if st.session_state[key] is None:  # emptied: left alone, or as it was
        st.session_state[key] = value if not lever.optional else None if usual is None else kind(usual)
    found: int | float | None = st.number_input(
        label,
        value=None,
        min_value=kind(lever.low),
        max_value=kind(lever.high),
        step=kind(lever.step),
        key=key,
        help=lever.help(lang),
        format="%d" if kind is int else "%.10g",
        placeholder=say("lab.not_set", lang),
    )
    return None if lever.optional and found == usual else found


def _strength(lever: Lever, address: str, levers: Levers, label: str, lang: str) -> Value | None:
    """A link is as drawn until the planner chooses its strength."""
    value = levers.value(address)
    if not st.checkbox(label, key=_held(f"{address}:set", value is not None), help=lever.help(lang)):
        st.empty()
        return None
    strength: float = st.slider(
        say("lab.strength", lang, link=label),
        min_value=lever.low,
        max_value=lever.high,
        step=lever.step,
        key=_held(address, levers.usual(address) if value is None else value),
        label_visibility="collapsed",
    )
    return strength
