"""The planners' page without a browser: what is moved, what is asked and what is said."""

from __future__ import annotations

import html
import io
import pickle
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from scenarios import compare, load_study
from scenarios.study import Study

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[lab]'")
from streamlit.testing.v1 import AppTest

from results.language import LOCALES, capital, say
from results.style import Picture
from scenarios.lab import answers, pictures, rooms, tabs
from scenarios.lab import known as known_part
from scenarios.lab.answers import Compared, answer
from scenarios.lab.controls import GROUPS
from scenarios.lab.explain import explain
from scenarios.lab.levers import ADDRESSES, LEVERS, from_query, to_query
from scenarios.lab.links import link_levers
from scenarios.lab.painters import FEWEST
from scenarios.lab.presets import presets
from scenarios.lab.server import PAGE
from scenarios.lab.shown import Sheet
from scenarios.lab.uploads import read_upload
from scenarios.lab.workbench import Limits, Question, Workbench
from simulation.errors import InputError

SMALL = "place=oygarden&families=60&horizon_months=6&seed=3&plan.coordinators=1&plan.caseload=10"
LINK = link_levers()[0]
REPLICATES = 40  # as many draws as something is said of


DRAWN: dict[tuple[bytes, str, int], Picture] = {}
"""Pictures by what they are of, since most of these pages show the same two plans"""


def _draw(of: Compared, lang: str, place: int) -> Picture:
    key = (pickle.dumps(of), lang, place)
    if key not in DRAWN:
        DRAWN[key] = pictures.draw(of, lang, place)
    return DRAWN[key]


@pytest.fixture(autouse=True)
def _lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("scenarios.lab.painters.draw", _draw)
    # AppTest looks through every installed package for components, for each page anew; the lab has none.
    monkeypatch.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", list, raising=False)
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


def cells_of(page: AppTest) -> dict[str, list[str]]:
    """The table of outcomes as it is shown: the cells of each row by the outcome and its unit."""
    table = re.search(r"<table.*?</table>", said(page), re.S)
    assert table is not None
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr.*?</tr>", table[0], re.S)]
    texts = [[plain(html.unescape(re.sub(r"<[^>]*>", " ", cell))).split() for cell in row] for row in rows]
    return {" ".join(row[0]): [" ".join(cell) for cell in row[1:]] for row in texts}


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
    cells = cells_of(page)
    for row in answer(study, runs, "nb").rows:
        told = [row.today, row.plan, f"{row.difference} ({row.ends})", row.probability, capital(row.words)]
        assert cells[plain(f"{row.name}, {row.unit}")] == [plain(cell) for cell in told]
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
    ("data", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "Er ikke en tekstfil. Tillatt: en CSV-fil lagret som UTF-8 eller latin-1."),
        (b"name,birth\nKari,1990\n", "Ser ut som en liste over personer: kolonnen "),
        (
            b"quantity,value,n\n" + b"barriers.health,31.5,240\n" * 20_000,
            "Er større enn 256 kB. Tillatt: en fil med tall",
        ),
        (b"PK\x03\x04", "Er en arbeidsbok. Tillatt: arket lagret som CSV."),
        (b"", "Er tom. Tillatt: bare samletall"),
    ],
    ids=["no CSV", "persons", "too large", "a workbook", "nothing"],
)
def test_a_file_that_is_not_of_figures_is_told_in_the_page_and_changes_nothing(data: bytes, told: str) -> None:
    page = opened()
    before = study_of(page)
    page = uploaded(page, "tall.csv", data)
    assert f'<div class="lab-message"><p>{told}' in said(page)
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


def by_address(page: AppTest, address: str) -> Any:
    """The number box of a lever."""
    (found,) = [each for each in page.number_input if str(each.key).split(":")[1] == address]
    return found


@pytest.mark.parametrize(
    ("address", "group", "left"),
    [
        ("plan.longest_months", "follow_up", None),
        ("plan.services.work", "services", "usual"),
        ("plan.caseload", "staff", 10),
    ],
    ids=["without", "as in the place", "not optional"],
)
def test_a_box_that_is_emptied_leaves_the_lever_alone(address: str, group: str, left: object) -> None:
    page = opens(opened(f"{SMALL}&plan.longest_months=12&plan.services.work=7"), group)
    by_address(page, address).set_value(None).run()
    page = finished(page)
    levers = page.session_state["levers"]
    assert levers.value(address) == (None if left == "usual" else left)
    shown = levers.usual(address) if left == "usual" else left
    assert by_address(page, address).value == shown


def test_back_in_the_browser_brings_the_levers_back() -> None:
    page = opened()
    first = dict(page.query_params)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    page = finished(page)
    assert page.query_params["plan.coordinators"] == "3"
    page.query_params = dict(first)
    page = finished(page.run())
    assert page.session_state["levers"].plan.coordinators == 1
    assert lever(page, "Familiekoordinatorer (Din plan)").value == 1
    assert page.query_params == first


def test_back_to_a_short_address_writes_no_other_over_it() -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    finished(page.run())
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    page.query_params = {}
    page.run()
    assert page.session_state["levers"] == rooms.opening()
    assert page.query_params == {}
    page.run()
    assert page.query_params == {}


def test_a_lever_that_is_moved_before_the_browser_has_the_new_address_is_moved() -> None:
    page = opened()
    first = dict(page.query_params)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    page.query_params = dict(first)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(4).run()
    assert page.session_state["levers"].plan.coordinators == 4
    page.query_params = dict(first)
    page.session_state["group:services"] = True
    page.run()
    assert page.session_state["levers"].plan.coordinators == 4


def test_what_is_said_of_a_wrong_link_goes_when_a_lever_is_moved() -> None:
    page = opened("no_such_lever=1")
    told = say("lab.wrong_link", "nb", problem="").strip()
    assert told in said(page)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    assert told not in said(page)
    page = opened("own=0123456789abcdef")
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    assert told in said(page)


def test_an_example_waits_for_no_file() -> None:
    figures = read_upload("tall.csv", FIGURES.encode())
    page = opens(opened(f"{SMALL}&own={figures.digest}"), "presets")
    assert page.session_state["awaits"]
    (use,) = [each for each in page.button if each.key == "use-preset"]
    use.click().run()
    levers = page.session_state["levers"]
    page = uploaded(page, "tall.csv", FIGURES.encode())
    assert page.session_state["levers"] == replace(levers, own=figures)


def test_another_language_leaves_open_what_is_open() -> None:
    page = opens(opens(opened(), "services"), "presets")
    page.session_state["tab"] = say("lab.tab_why", "nb")
    page.run()
    before = {str(each.key) for each in page.number_input}
    (language,) = [each for each in page.button if each.key == "language"]
    language.click().run()
    assert 'data-lang="en"' in said(page)
    assert {str(each.key) for each in page.number_input} == before
    assert [each.key for each in page.selectbox if each.key == "preset"]
    assert page.session_state["tab"] == say("lab.tab_why", "en")
    assert say("lab.why_links", "en") in said(page)


@pytest.mark.parametrize("lang", LOCALES)
def test_replicates_that_fail_are_not_counted_and_what_failed_is_not_shown(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Workbench._run

    def failing(bench: Workbench, question: Any, place: Any, replicate: int) -> None:
        if replicate == 3:
            raise RuntimeError("of the server's own")
        run(bench, question, place, replicate)

    monkeypatch.setattr(Workbench, "_run", failing)
    page = opened(lang=lang)
    assert say("lab.missing", lang, done="39", total="40", missing="1") in said(page)
    assert say("lab.broke", lang) in said(page)
    assert "of the server's own" not in said(page)


def test_a_report_that_could_not_be_made_is_told_without_the_words_of_the_server() -> None:
    page = opened()
    failed: Future[bytes] = Future()
    failed.set_exception(RuntimeError("/srv/lab: no such file"))
    page.session_state["report"] = (page.session_state["levers"], "nb", failed)
    page.session_state["tab"] = say("lab.tab_take_away", "nb")
    page.run()
    assert not page.exception
    assert "/srv/lab" not in said(page)
    assert say("lab.report_failed", "nb") in said(page)


def heard(page: AppTest) -> str:
    """What is read aloud to who hears the page."""
    return "\n".join(str(part.value) for part in page.get_by_key("spoken").get("html"))


def test_what_is_wrong_with_the_levers_is_heard_where_the_answer_is() -> None:
    page = opened()
    assert page.session_state["known"].answer.headline in heard(page)
    page = opened(SMALL + "&plan.criterion=lasting_low_income&plan.relaxed=true")
    with pytest.raises(InputError) as error:
        page.session_state["levers"].study()
    assert html.escape(explain(error.value, "nb")) in heard(page)


def test_what_is_wrong_with_an_upload_or_a_link_is_heard_too() -> None:
    page = uploaded(opened("no_such_lever=1"), "tall.csv", b"quantity,value,n\nbarriers.health,131.5,240\n")
    assert "utenfor det som går an" in heard(page)
    assert say("lab.wrong_link", "nb", problem="").strip() in heard(page)


def test_where_no_family_is_left_no_pictures_of_outcomes_are_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in (answers, pictures):
        monkeypatch.setattr(part, "at_the_end", lambda _: [])
    page = opened()
    assert page.session_state["known"].answer.verdict == "nobody"
    assert say("lab.pictures_soon", "nb", count=FEWEST) not in said(page)
    assert said(page).count("<figure") == 2


@pytest.mark.parametrize("lang", LOCALES)
def test_a_place_that_is_too_large_to_say_anything_of_is_told_how_far_to_go_down(lang: str) -> None:
    study = from_query(SMALL).study()
    months = study.arms[0].burn_in_months + 2 * study.horizon_months
    limits = Limits(sessions=2, replicates=REPLICATES, family_months=20 * study.arms[0].families * months)
    rooms.start(rooms.Settings("nb", limits))
    page = opened(lang=lang)
    assert page.session_state["known"].answer.verdict == "few"
    assert say("caution.few_draws", lang, draws="10", fewest="20", families="30", months="6") in said(page)
    assert {"nb": "foreløpig", "en": "as yet"}[lang] not in said(page).lower()
    page = opened(SMALL.replace("families=60", "families=30"), lang)
    assert page.session_state["known"].answer.verdict != "few"


class State(dict[str, Any]):
    """Stands for a session where no page runs."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def test_tables_can_be_taken_away_once_the_session_has_given_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in (known_part.st, tabs):
        monkeypatch.setattr(part, "session_state" if part is known_part.st else "state", State())
    question = rooms.workbench().ask("planner", from_query(SMALL).study(REPLICATES))
    question.wait(REPLICATES, 60)
    before = known_part.known(question, "nb")
    rooms.workbench().leave("planner")
    assert before is not None
    assert known_part.known(question, "nb") is before
    assert "differences.csv" in zipfile.ZipFile(io.BytesIO(tabs._tables(question, "nb"))).namelist()
    assert zipfile.ZipFile(io.BytesIO(tabs._figures(question, "nb"))).namelist()


def test_two_lives_begin_with_the_middle_family_when_a_lever_is_moved() -> None:
    page = opened("place=oygarden&families=100&horizon_months=18&seed=5&plan.coordinators=1&plan.caseload=8")
    page.session_state["tab"] = say("lab.tab_lives", "nb")
    page = opens(page, "labour")
    before = page.session_state["lives"][1][None]
    by_address(page, "plan.openings_factor").set_value(1.3).run()
    page = finished(page)
    after = page.session_state["lives"][1][None]
    assert len(after.families) == len(before.families)
    assert after.middle != before.middle
    assert after.chosen in said(page)
    assert "i «Din plan»" in after.chosen
    assert say("lab_lives.asked", "nb", place="", count="")[:11] not in said(page)


# ---- while replicates come -------------------------------------------------------------------------------------------


def test_what_comes_while_a_part_is_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened()
    shown = tabs.tabs

    def slowly(question: Question, *rest: Any) -> Any:
        question.wait(REPLICATES, 60)
        return shown(question, *rest)

    monkeypatch.setattr(tabs, "tabs", slowly)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    assert not page.exception
    assert "<progress" not in said(page)
    assert say("lab.finished", "nb", total=str(REPLICATES)) in said(page)


def test_an_answer_that_is_said_when_the_last_has_come_misses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened()
    told, asked = known_part.told, Workbench.ask
    questions: list[Question] = []

    def ask(self: Workbench, *rest: Any) -> Question:
        questions.append(asked(self, *rest))
        return questions[-1]

    def slowly(*rest: Any, **options: Any) -> Any:
        questions[-1].wait(REPLICATES, 60)
        return told(*rest, **options)

    monkeypatch.setattr(Workbench, "ask", ask)
    monkeypatch.setattr(known_part, "told", slowly)
    bodies: list[str] = []
    written = Sheet.html
    monkeypatch.setattr(Sheet, "html", lambda self, body: (bodies.append(body), written(self, body)))
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    assert not page.exception
    assert questions[-1].failures == {}
    assert not [body for body in bodies if "mangler" in body]
    assert say("lab.finished", "nb", total=str(REPLICATES)) in said(page)


def test_a_question_that_is_stopped_leaves_the_page_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Workbench._run

    def stop(self: Workbench, question: Question, place: Any, replicate: int) -> None:
        if replicate >= REPLICATES // 2:
            raise InputError("has changed since it was asked for", file="x", allowed="asking again")
        run(self, question, place, replicate)

    monkeypatch.setattr(Workbench, "_run", stop)
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in parse_qsl(SMALL):
        page.query_params[name] = value
    page.run()
    assert not page.exception
    assert say("lab.broke", "nb") in said(page)


def test_the_slider_of_families_sets_no_lever_back() -> None:
    page = opened()
    page.session_state["tab"] = say("lab.tab_lives", "nb")
    before = dict(finished(page.run()).query_params)
    lever(page, "Familiekoordinatorer (Din plan)").set_value(3).run()
    finished(page)
    for name, value in before.items():  # the browser has not had the newest address yet
        page.query_params[name] = value
    (slider,) = page.select_slider
    first = next(each for each in page.session_state["lives"][1].values() if each is not None)
    slider.set_value(next(slot for slot in first.families if slot != slider.value)).run()
    assert not page.exception
    assert page.session_state["levers"].value("plan.coordinators") == 3
