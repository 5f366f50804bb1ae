from __future__ import annotations
import streamlit as st
from results.language import say
TABS = ("pictures", "lives", "why", "take_away")
def tabs(question, levers, lang):
    for name, tab in zip(TABS, st.tabs([say(f"lab.tab_{n}", lang) for n in TABS], key="tab", on_change="rerun"), strict=True):
        if tab.open:
            with tab:
                st.html(name)
