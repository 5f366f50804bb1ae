"""The planners' page in a browser: what it asks for, how it is reached and read, and that its numbers are ``compare``'s."""

from __future__ import annotations

import io
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the page needs Streamlit: pip install -e '.[test]'")
pytest.importorskip("playwright", reason="the page is tested in a browser through Playwright: pip install -e '.[test]'")
pytest.importorskip("axe_playwright_python", reason="axe-core looks at the page: pip install -e '.[test]'")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Download, Page, sync_playwright
from test_lab_server import serving

from results.language import LOCALES, say
from scenarios import compare, load_study
from scenarios.lab.answers import answer
from scenarios.lab.controls import GROUPS
from scenarios.lab.levers import ADDRESSES
from scenarios.lab.tabs import PARTS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at the page with")

REPLICATES = 40
WIDTHS = {390: 844, 1920: 1080}
SMALL = "families=60&horizon_months=12&seed=3&plan.coordinators=1&plan.caseload=10"
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SKIP = {"en": "Skip to main content", "nb": say("lab_own_words.skip", "nb")}
SECONDS = 60_000  # of waiting, at most
STILL = """() => {
    const moves = document.getAnimations().some(each => each.playState === "running");
    const now = [...document.querySelectorAll("input, button, summary")].map(each => {
        const { x, y, width, height } = each.getBoundingClientRect();
        return [x, y, width, height];
    }).join();
    if (moves || now !== window.placesSeen) {
        window.placesSeen = now;
        window.stillSince = performance.now();
    }
    return performance.now() - window.stillSince > 500;
}"""
"""Nothing runs, and everything that can be pressed has been in its place for half a second"""
GLANCE = 50  # milliseconds between looks: to look with every frame keeps a processor from what is waited for


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("home"), "--replicates", str(REPLICATES)) as (_, address):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    context.set_default_timeout(SECONDS)
    yield context.new_page()
    context.close()


def opened(page: Page, lab: str, lang: str = "nb", query: str = SMALL) -> Page:
    page.goto(f"{lab}/?lang={lang}&{query}")
    return finished(page)


def finished(page: Page) -> Page:
    """The page once every replicate is in and drawn, and its script has ended."""
    page.wait_for_selector(".lab-answer .still")
    done = """() => !document.querySelector(
        ".lab-answer progress, [data-stale=true], [data-test-script-state]:not([data-test-script-state=notRunning])"
    )"""
    page.wait_for_function(done, timeout=SECONDS, polling=GLANCE)
    return page


def tab(page: Page, name: str, lang: str = "nb") -> None:
    page.get_by_role("tab", name=say(f"lab.tab_{name}", lang), exact=True).click()
    page.wait_for_selector(f".st-key-part-{name}")
    finished(page)


def open_groups(page: Page) -> None:
    """Open every group of levers, with the keyboard."""
    summaries = page.locator(".st-key-levers summary")
    assert summaries.count() == len(GROUPS) + 2
    for place in range(summaries.count()):
        summary = summaries.nth(place)
        if not summary.evaluate("each => each.parentElement.open"):
            summary.focus()
            page.keyboard.press("Enter")
            page.wait_for_function(
                "place => document.querySelectorAll('.st-key-levers summary')[place].parentElement.open", arg=place
            )
    page.wait_for_function(
        "count => document.querySelectorAll('.st-key-levers [class*=st-key-lever-]').length >= count",
        arg=len(ADDRESSES),
    )
    finished(page)


def wrong(page: Page) -> list[str]:
    """What axe-core has against the page when nothing moves: what is opening lies over others for a while."""
    page.wait_for_function(STILL, timeout=SECONDS, polling=GLANCE)
    found: dict[str, Any] = Axe().run(page, options={"runOnly": STANDARDS}).response
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


# ---- what it asks for ------------------------------------------------------------------------------------------------


def test_the_page_asks_nobody_but_its_own_server(page: Page, lab: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
    opened(page, lab)
    open_groups(page)
    for name in PARTS:
        tab(page, name)
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((lab, "data:", f"blob:{lab}"))] == []


def test_the_browser_is_told_to_let_nothing_else_in(page: Page, lab: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    response = page.goto(f"{lab}/?lang=nb&{SMALL}")
    finished(page)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert [text for text in complaints if "Content Security Policy" in text] == []


# ---- read and reached ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "lang"),
    [
        (390, "nb"),
        (1920, "en"),
        pytest.param(390, "en", marks=pytest.mark.long),
        pytest.param(1920, "nb", marks=pytest.mark.long),
    ],
)
def test_nothing_stands_in_the_way_of_anybody_in_any_part(page: Page, lab: str, width: int, lang: str) -> None:
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    opened(page, lab, lang)
    for name in PARTS:
        tab(page, name, lang)
        assert wrong(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_stands_in_the_way_of_anybody_among_the_levers(page: Page, lab: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    opened(page, lab)
    open_groups(page)
    assert wrong(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_lever_is_reached_with_the_keyboard_and_seen_to_be(page: Page, lab: str) -> None:
    opened(page, lab)
    open_groups(page)
    wanted = {
        name.replace("\N{NO-BREAK SPACE}", " ")
        for name in page.eval_on_selector_all(
            ".st-key-levers input:not([type=file])", "all => all.map(each => each.getAttribute('aria-label'))"
        )
    }
    assert len(wanted) >= len(ADDRESSES)
    page.locator("h1").click()
    reached, unseen = set(), []
    for _ in range(4 * len(wanted)):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(
            """() => {
                const at = document.activeElement, look = getComputedStyle(at);
                return [at.getAttribute("aria-label") ?? "", look.outlineStyle !== "none" || look.boxShadow !== "none"];
            }"""
        )
        reached.add(name.replace("\N{NO-BREAK SPACE}", " "))
        if not seen:
            unseen.append(name)
        if page.evaluate("document.activeElement.getAttribute('role') === 'tab'"):
            break
    assert wanted - reached == set()
    assert unseen == []


@pytest.mark.parametrize(
    ("group", "widget", "keys", "said"),
    [
        ("staff", "plan-coordinators input", "ArrowUp Enter", "plan.coordinators=2"),
        ("intake", "plan-relaxed input", "Space", "plan.relaxed=true"),
        ("follow_up", "plan-follow_up input", "ArrowDown ArrowDown Enter", "plan.follow_up="),
        ("links", "links] input[type=range", "ArrowRight", "links."),
    ],
    ids=["number", "switch", "select", "slider"],
)
def test_a_lever_is_moved_with_the_keyboard_and_the_answer_follows(
    page: Page, lab: str, group: str, widget: str, keys: str, said: str
) -> None:
    opened(page, lab)
    summary = page.locator(f".st-key-group-{group} summary").first
    if not summary.evaluate("each => each.parentElement.open"):
        summary.focus()
        page.keyboard.press("Enter")
    before = page.url
    if group == "links":  # a link is as drawn until its strength is chosen
        page.locator("[class*=st-key-lever-links] input[type=checkbox]").first.focus()
        page.keyboard.press("Space")
        page.wait_for_function("said => location.search.includes(said)", arg=said)
        before = page.url
    page.locator(f"[class*=st-key-lever-{widget}]" if "]" in widget else f".st-key-lever-{widget}").first.focus()
    for key in keys.split():
        page.keyboard.press(key)
    page.wait_for_function(
        "([before, said]) => location.href !== before && location.search.includes(said)", arg=[before, said]
    )
    finished(page)
    assert page.evaluate("document.activeElement.closest('.st-key-levers') !== null")


def test_back_in_the_browser_brings_the_levers_back(page: Page, lab: str) -> None:
    opened(page, lab)
    box = page.locator(".st-key-lever-plan-coordinators input")
    box.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('plan.coordinators=2')")
    finished(page)
    page.go_back()
    page.wait_for_function("() => location.search.includes('plan.coordinators=1')")
    page.wait_for_function("box => box.value === '1'", arg=box.element_handle())
    finished(page)
    assert "plan.coordinators=1" in page.url
    page.go_forward()
    page.wait_for_function("box => box.value === '2'", arg=box.element_handle())
    assert "plan.coordinators=2" in page.url


@pytest.mark.parametrize(("first", "then"), [("nb", "en"), ("en", "nb")])
def test_the_language_can_be_changed_and_the_page_says_which_it_is(page: Page, lab: str, first: str, then: str) -> None:
    opened(page, lab, first)
    assert page.evaluate("document.documentElement.lang") == first
    page.get_by_role("button", name=say("lab.language", then), exact=True).click()
    page.wait_for_function("lang => document.documentElement.lang === lang", arg=then)
    finished(page)
    assert page.locator("[data-testid=stSkipToContent]").first.text_content() == SKIP[then]
    assert page.locator("h1").inner_text() == say("lab.title", then)
    assert page.title() == say("lab.title", then)
    assert f"lang={then}" in page.url


def test_streamlit_s_own_words_are_bokmal_in_the_bokmal_page(page: Page, lab: str) -> None:
    opened(page, lab)
    open_groups(page)
    words = page.evaluate(
        """() => [...document.querySelectorAll("[aria-label], [title]")]
            .flatMap(each => [each.getAttribute("aria-label"), each.getAttribute("title")]).filter(Boolean)"""
    )
    page_text = page.locator("body").inner_text()
    for english in ("Help for", "Increment", "Decrement", "file upload", "Skip to"):
        assert [word for word in words if word.startswith(english)] == []
    assert "Upload" not in page_text
    assert "per file" not in page_text


# ---- the numbers -----------------------------------------------------------------------------------------------------


def downloaded(page: Page, name: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=False).click()
    file: Download = waiting.value
    return Path(file.path()).read_bytes()


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_study_that_is_downloaded_gives_the_numbers_of_the_page(page: Page, lab: str, tmp_path: Path) -> None:
    opened(page, lab)
    headline = page.locator(".lab-answer .headline").inner_text()
    table = page.locator(".st-key-part-answers table").first.inner_text()
    tab(page, "take_away")
    file = tmp_path / "study.toml"
    file.write_bytes(downloaded(page, ".toml"))
    study = load_study(file)
    assert study.replicates == REPLICATES
    told = answer(study, compare(study).finished.runs, "nb")
    assert headline == told.headline
    for row in told.rows:
        for number in (row.today, row.plan, row.difference, row.ends, row.probability):
            assert plain(number) in plain(table)


def test_tables_and_figures_can_be_taken_away(page: Page, lab: str) -> None:
    opened(page, lab)
    tab(page, "take_away")
    tables = zipfile.ZipFile(io.BytesIO(downloaded(page, "tables.zip")))
    assert {"differences.csv", "outcomes.csv", "costs.csv"} <= set(tables.namelist())
    figures = zipfile.ZipFile(io.BytesIO(downloaded(page, "figures.zip")))
    assert figures.namelist()
    assert all(figures.read(name).lstrip().startswith(b"<?xml") for name in figures.namelist())


def test_four_sessions_at_once_are_all_answered(browser: Browser, lab: str) -> None:
    contexts = [browser.new_context() for _ in range(4)]
    pages = [context.new_page() for context in contexts]
    for number, each in enumerate(pages):
        each.goto(f"{lab}/?lang=en&{SMALL.replace('seed=3', f'seed={10 + number}')}")
    told = [finished(each).locator(".st-key-part-answers table").first.inner_text() for each in pages]
    for context in contexts:
        context.close()
    assert len(set(told)) == 4


def test_who_comes_when_the_lab_is_full_is_told_so(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "--replicates", "4", "--sessions", "1") as (_, address):
        first, second = browser.new_context().new_page(), browser.new_context().new_page()
        opened(first, address)
        second.goto(f"{address}/?lang=nb")
        second.wait_for_selector(".lab-message", timeout=SECONDS)
        assert say("lab.full", "nb") in second.locator(".lab-message").first.inner_text()
        first.context.close()
        second.context.close()


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("tall.csv", "quantity;value;n\nbarriers.health;31,5;240\n".encode("latin-1"), True),
        ("<b>tall</b>.csv", b"quantity,value,n\nbarriers.health,131.5,240\n", False),
        ("bilde.csv", bytes(range(256)), False),
    ],
    ids=["as a spreadsheet writes it", "out of range", "no text"],
)
def test_an_upload_is_read_or_told_what_is_wrong_with_it(
    page: Page, lab: str, name: str, content: bytes, read: bool
) -> None:
    opened(page, lab)
    page.locator("[class*='st-key-group-own'] summary").click()
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    page.wait_for_selector("[class*='st-key-leave-own'] button" if read else ".st-key-levers .lab-message")
    assert page.locator("b").filter(has_text="tall").count() == 0
    finished(page)
    assert page.locator(".lab-answer .headline").count() == 1


def rows(count: int) -> bytes:
    """A file of figures with so many rows."""
    return b"quantity,value,n\n" + b"barriers.health,31.5,240\n" * count


TOO_LARGE = {"nb": say("lab_own_words.too_large", "nb"), "en": "File must be 1.0MB or smaller."}


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("tall.csv", rows(50_000), TOO_LARGE),
        pytest.param("tall.csv", rows(1_000_000), TOO_LARGE, marks=pytest.mark.long),
        ("tall.xlsx", b"PK\x03\x04", {"nb": say("wrong.save_csv", "nb"), "en": say("wrong.save_csv", "en")}),
    ],
    ids=["many rows", "a million rows", "a workbook"],
)
def test_a_file_that_is_refused_is_told_of_in_the_language(
    page: Page, lab: str, name: str, content: bytes, told: dict[str, str], lang: str
) -> None:
    opened(page, lab, lang)
    page.locator("[class*='st-key-group-own'] summary").click()
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "", "buffer": content})
    page.locator(".st-key-levers").get_by_text(told[lang]).first.wait_for()


# ---- how fast --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_page_is_usable_soon_and_a_lever_that_is_moved_is_answered_soon(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as (_, address):
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        opened(page, address, query="")
        began = time.perf_counter()
        page.reload()
        page.wait_for_selector(".lab-answer .headline")
        assert time.perf_counter() - began < 3.0
        finished(page)
        box = page.locator("input[aria-label^='Familiekoordinatorer (Din']")
        times = []
        for coordinators in range(3, 14):
            box.fill(str(coordinators))
            began = time.perf_counter()
            page.keyboard.press("Enter")
            page.wait_for_function("() => document.querySelector('.lab-answer progress')", polling=GLANCE)
            first = time.perf_counter() - began
            finished(page)
            times.append((first, time.perf_counter() - began))
        firsts, lasts = (sorted(column) for column in zip(*times, strict=True))
        print("first answers, s:", *(f"{each:.2f}" for each in firsts))
        print("all replicates with their pictures, s:", *(f"{each:.2f}" for each in lasts))
        assert firsts[-1] < 0.5
        assert lasts[-1] < 4.0
        page.context.close()
