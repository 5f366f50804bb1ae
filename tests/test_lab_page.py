"""The planners' page without a browser: what is moved, what is asked and what is said."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from scenarios import compare, load_study
from scenarios.study import Study

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from streamlit.testing.v1 import AppTest

from results.language import LOCALES, say
from scenarios.lab import rooms
from scenarios.lab.answers import answer
from scenarios.lab.controls import GROUPS
from scenarios.lab.levers import ADDRESSES, LEVERS, to_query
from scenarios.lab.links import link_levers
from scenarios.lab.presets import presets
from scenarios.lab.server import PAGE
from scenarios.lab.workbench import Limits

SMALL = "place=oygarden&families=60&horizon_months=6&seed=3&plan.coordinators=1&plan.caseload=10"
LINK = link_levers()[0]
REPLICATES = 40  # as many draws as something is said of


@pytest.fixture(autouse=True)
def _lab() -> Iterator[None]:
    rooms.start(rooms.Settings("nb", Limits(sessions=2, replicates=REPLICATES)))
    before = sys.modules["__main__"]  # AppTest puts the page there, and processes that other tests start would run it
    yield
    sys.modules["__main__"] = before
    rooms.close()


def opened(query: str = SMALL, lang: str = "nb") -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in [*parse_qsl(query), ("lang", lang)]:
        page.query_params[name] = value
    return finished(page.run())


def finished(page: AppTest) -> AppTest:
    """The page once every replicate is in."""
    assert not page.exception, page.exception
    known = rooms.workbench()
    for seat in list(known._seats.values()):
        seat.question.wait(REPLICATES, 60)
    page.run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    return "\n".join(str(part.value) for part in page.get("html"))


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def study_of(page: AppTest) -> Study:
    return page.session_state["levers"].study(REPLICATES)


def lever(page: AppTest, label: str) -> Any:
    (found,) = [each for each in page.number_input if each.label.replace("\N{NO-BREAK SPACE}", " ") == label]
    return found


def opens(page: AppTest, group: str) -> AppTest:
    page.session_state[f"group:{group}"] = True
    return page.run()


@pytest.mark.parametrize("lang", LOCALES)
def test_the_page_opens_with_the_answer_as_a_sentence_in_the_language_of_the_link(lang: str) -> None:
    page = opened(lang=lang)
    assert page.session_state["known"].answer.headline in said(page)
    assert say("lab.title", lang) in said(page)
    assert f'data-lang="{lang}"' in said(page)


def test_what_the_page_says_is_what_compare_says_of_the_study_that_is_taken_away(tmp_path: Path) -> None:
    page = opened()
    file = tmp_path / "study.toml"
    file.write_text(study_of(page).to_toml(), encoding="utf-8")
    study = load_study(file)
    runs = compare(study).finished.runs
    for row in answer(study, runs, "nb").rows:
        for number in (row.today, row.plan, row.difference, row.ends, row.probability):
            assert plain(number) in plain(said(page))
    assert answer(study, runs, "nb").headline in said(page)


def test_a_lever_that_is_moved_is_in_the_study_and_in_the_link() -> None:
    page = opened()
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    page = finished(page)
    assert study_of(page).arm("your-plan").coordinators == 3
    assert page.query_params["plan.coordinators"] == "3"


def test_whoever_opens_the_link_sees_the_same_levers() -> None:
    levers = presets()["nye-monstre"].levers.with_value(LINK.name, LINK.high).with_value("today.services.work", 7.0)
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in parse_qsl(to_query(levers)):
        page.query_params[name] = value
    page.run()
    assert page.session_state["levers"] == levers


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_is_opened_changes_no_number(group: str) -> None:
    page = opened()
    before = study_of(page)
    page = opens(page, group)
    assert not page.exception
    assert study_of(page).arms == before.arms
    assert study_of(page).costs == before.costs


def test_every_lever_stands_in_a_group_of_the_page() -> None:
    assert {each.group for each in LEVERS} == set(GROUPS)


def test_every_lever_has_a_widget_with_its_name() -> None:
    page = opened(f"{SMALL}&{LINK.name}={LINK.low}")
    for group in GROUPS:
        page.session_state[f"group:{group}"] = True
    page.run()
    assert not page.exception
    drawn = [*page.number_input, *page.selectbox, *page.checkbox, *page.slider]
    keys = {str(each.key).removeprefix("lever:").partition(":")[0] for each in drawn}
    assert set(ADDRESSES) <= keys
    assert len({each.label for each in drawn}) == len(drawn)


def test_levers_that_contradict_each_other_are_explained_and_the_next_move_is_answered() -> None:
    page = opened(SMALL + "&plan.criterion=lasting_low_income&plan.relaxed=true")
    assert "lab-message" in said(page)
    assert "Din plan" in said(page)
    page = opens(page, "intake")
    (relaxed,) = [each for each in page.checkbox if each.key == "lever:plan.relaxed"]
    page = finished(relaxed.uncheck().run())
    assert page.session_state["known"].answer.headline in said(page)


@pytest.mark.parametrize("query", ["plan.coordinators=many", "no_such_lever=1", "place=../../etc/passwd", "own=0123"])
def test_a_link_that_cannot_be_followed_is_told_and_the_lab_opens(query: str) -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in parse_qsl(query):
        page.query_params[name] = value
    page.run()
    assert not page.exception
    assert say("lab.wrong_link", "nb", problem="").strip() in said(page)
    assert page.session_state["levers"] == rooms.opening()


def test_an_example_sets_every_lever() -> None:
    page = opens(opened(), "presets")
    (choice,) = [each for each in page.selectbox if each.key == "preset"]
    choice.set_value("holf").run()
    (use,) = [each for each in page.button if each.key == "use-preset"]
    use.click().run()
    assert not page.exception
    assert page.session_state["levers"].study() == presets()["holf"].levers.study()


FIGURES = "quantity;value;n\nbarriers.health;31,5;240\nfamilies;60;\nservices.health.places;20;\n"


def uploaded(page: AppTest, name: str, data: bytes) -> AppTest:
    page = opens(page, "own")
    (box,) = page.get("file_uploader")
    box.set_value((name, data, "text/csv")).run()
    assert not page.exception
    return page


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_own_figures_as_a_spreadsheet_writes_them_take_the_place_of_the_profile(encoding: str) -> None:
    page = uploaded(opened(), "våre tall.csv", FIGURES.encode(encoding))
    assert study_of(page).profile.barriers["health"] == pytest.approx(0.315)
    assert "våre tall.csv" in said(page)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0",
        b"name,birth\nKari,1990\n",
        b"quantity,value,n\n" + b"barriers.health,31.5,240\n" * 1_000_000,
        b"",
    ],
    ids=["no CSV", "persons", "a million rows", "nothing"],
)
def test_a_file_that_is_not_of_figures_is_told_in_the_page_and_changes_nothing(data: bytes) -> None:
    page = opened()
    before = study_of(page)
    page = uploaded(page, "tall.csv", data)
    assert 'class="lab-message"' in said(page)
    assert study_of(page) == before


def test_the_name_of_an_upload_is_text_and_never_markup() -> None:
    page = uploaded(opened(), "<img src=x onerror=alert(1)>.csv", FIGURES.encode())
    assert "<img src=x" not in said(page)
    assert "&lt;img src=x" in said(page)


def test_the_study_that_is_taken_away_with_own_figures_runs_as_it_is_unpacked(tmp_path: Path) -> None:
    import io
    import zipfile

    from scenarios.lab.take_away import take_away

    page = uploaded(opened(), "tall.csv", FIGURES.encode())
    file = take_away(page.session_state["levers"], study_of(page), "nb")
    zipfile.ZipFile(io.BytesIO(file.data)).extractall(tmp_path)
    (study,) = tmp_path.glob("*.toml")
    assert tomllib.loads(study.read_text(encoding="utf-8"))["study"]["name"]
    assert load_study(study).profile.barriers["health"] == pytest.approx(0.315)


def test_two_lives_are_told_of_the_family_that_the_rule_chooses_and_of_another() -> None:
    page = opened(SMALL.replace("horizon_months=6", "horizon_months=18"))
    page.session_state["tab"] = say("lab.tab_lives", "nb")
    page.run()
    assert not page.exception
    assert say("lab.story", "nb") in said(page)
    assert say("figure.lives_note", "nb") in said(page)
    (slider,) = page.select_slider
    shown = page.session_state["lives"][1]
    told = set()
    for family in (shown[None].families[0], shown[None].families[-1]):
        slider.set_value(family).run()
        told.add(said(page))
        assert shown[family].chosen in said(page)
    assert len(told) == 2
