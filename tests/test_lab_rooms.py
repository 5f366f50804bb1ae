"""What sessions of the page share beside the workbench: two lives one session at a time, and what is given up who leaves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from streamlit.testing.v1 import AppTest

from results.language import LOCALES, say
from scenarios.lab import rooms, tabs
from scenarios.lab.levers import ADDRESSES, Levers, from_query
from scenarios.lab.server import PAGE
from scenarios.lab.take_away import take_away
from scenarios.lab.workbench import Limits
from simulation.errors import InputError

REPLICATES = 20
MONTHS = 12


@pytest.fixture(autouse=True)
def _lab() -> Iterator[None]:
    rooms.start(rooms.Settings("nb", Limits(replicates=REPLICATES)))
    before = sys.modules["__main__"]  # AppTest puts the page there, and processes that other tests start would run it
    yield
    sys.modules["__main__"] = before
    rooms.close()


def two_lives(lang: str = "nb", families: int = 60) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    asked = {"families": families, "horizon_months": MONTHS, "seed": 3, "plan.coordinators": 2, "plan.caseload": 20}
    for name, value in {**asked, "lang": lang}.items():
        page.query_params[name] = str(value)
    page.session_state["tab"] = say("lab.tab_lives", lang)
    page.run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    return "\n".join(str(part.value) for part in page.get("html"))


@pytest.mark.parametrize("lang", LOCALES)
def test_two_lives_in_too_large_a_place_are_refused_with_what_is_allowed(lang: str) -> None:
    burn_in = from_query("families=60").study(2).arms[0].burn_in_months
    most = 80
    limits = replace(rooms.settings().limits, lives_family_months=most * (burn_in + 2 * MONTHS))
    rooms.start(rooms.Settings("nb", limits))
    assert say("lab.story", lang) in said(two_lives(lang, most))
    page = two_lives(lang, most + 1)
    assert say("lab.story", lang) not in said(page)
    assert say("wrong.too_many_lives", lang, families=most + 1, months=MONTHS) in said(page)
    assert say("wrong.fewer_families", lang, families=most) in said(page)
    assert say("lab_lives.neither", lang) not in said(page)


def test_every_place_that_the_lab_has_can_be_looked_at_in_two_lives() -> None:
    limits = Limits()
    for place in ADDRESSES["place"].choices:
        plan = Levers(place=place).study(2).arms[0]
        limits.check_lives(plan)
    with pytest.raises(InputError, match="two lives"):
        limits.check_lives(replace(plan, families=20_000, horizon_months=120))


def test_two_sessions_do_not_work_out_lives_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    whole, counting = tabs.lives, threading.Lock()
    both = threading.Barrier(2)

    def counted(*args: Any) -> Any:
        nonlocal at_once, most
        with counting:
            at_once += 1
            most = max(most, at_once)
        try:
            both.wait(2)
        except threading.BrokenBarrierError:
            both.reset()
        try:
            return whole(*args)
        finally:
            with counting:
                at_once -= 1

    monkeypatch.setattr(tabs, "lives", counted)
    pages: list[AppTest] = []
    sessions = [threading.Thread(target=lambda: pages.append(two_lives())) for _ in range(2)]
    for thread in sessions:
        thread.start()
    for thread in sessions:
        thread.join(60)
    assert most == 1
    assert len(pages) == 2
    assert all(say("lab.story", "nb") in said(page) for page in pages)


def test_who_waits_for_two_lives_is_told_so_till_it_is_her_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Turn:
        """Comes at the third look."""

        def acquire(self, timeout: float) -> bool:
            told.append("look")
            return told.count("look") == 3

        def release(self) -> None:
            told.append("done")

    def tell(key: str, *args: Any, **values: Any) -> str:
        if key == "lab.lives_turn":
            told.append("wait")
        return say(key, *args, **values)

    monkeypatch.setattr(rooms, "lives", Turn())
    monkeypatch.setattr(tabs, "say", tell)
    page = two_lives()
    assert told == ["look", "wait", "look", "wait", "look", "done"]
    assert say("lab.story", "nb") in said(page)
    assert say("lab.lives_turn", "nb") not in said(page)


def test_a_session_keeps_the_lives_that_it_looked_at_last_and_works_out_the_first_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int | None] = []
    whole = tabs.lives

    def counted(study: Any, lang: str, family: int | None) -> Any:
        asked.append(family)
        return whole(study, lang, family)

    monkeypatch.setattr(tabs, "lives", counted)
    page = two_lives()
    assert asked == [None]
    monkeypatch.setattr(tabs, "MOST_LIVES", 2)
    kept = page.session_state["lives"][1]
    others = [family for family in kept[None].families if family != kept[None].family][:4]
    assert len(others) == 4
    for family in others:
        page.select_slider[0].set_value(family).run()
        assert kept[family].chosen in said(page)
    assert list(kept) == [None, *others[-2:]]


def test_who_leaves_gives_up_the_question_and_the_report() -> None:
    levers = from_query("families=60&horizon_months=12&plan.coordinators=1")
    study = levers.study(REPLICATES)
    question = rooms.workbench().ask("me", study)
    report = rooms.reports().make("me", take_away(levers, study, "nb"), "nb")
    rooms.leave("me")
    assert question.over
    assert report.exception(60) if not report.cancelled() else True
    rooms.close()
    rooms.leave("me")
    assert rooms.workbench.cache_info().currsize == 0
