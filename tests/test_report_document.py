"""The report as a document: its parts, its formats, its language, and that it can be read by everybody."""

from __future__ import annotations

import itertools
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import made_up_evaluation
import openpyxl
import pandas as pd
import pytest
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from made_up import ARMS, CONTRASTS, made_up_runs
from made_up_fit import record, write_posterior
from made_up_sensitivity import sensitivity

from results import assumptions, budget, budget_figures, files, formats, save_run, style
from results.amounts import item_name, kroner, kroner_range, payer_name, unit_name
from results.blocks import Box, Column, Document, Row, Section, Shown, Table, Text, flat
from results.costs import costs_path, load_costs
from results.document import document
from results.language import catalogue, parameter_name
from results.page import html
from results.pdf_file import pdf
from results.run_folder import LANGUAGES, read_manifest, read_tables
from results.sensitivity_section import find
from results.sources import documents as documents_of_sources
from results.sources import figures
from results.style import Picture
from results.titles import titled
from results.told import EVALUATION, Told, told_of
from results.word_file import write_docx
from results.workbook import safe, write_workbook
from scenarios import load_study
from simulation.errors import InputError
from simulation.parameters import load_parameters

HOSTILE = """=HYPERLINK("x","<script>alert('é')</script>") & 👪 שלום"""
TITLES = {
    "study": {"nb": "Ti eller tjue familier", "en": "Ten or twenty families"},
    "arms": {
        "caseload-10": {"nb": "ti hver", "en": "ten each"},
        "caseload-20": {"nb": "tjue hver", "en": "twenty each"},
        "caseload-20-half-staff": {"nb": "tjue med én", "en": "twenty with one"},
    },
    "contrasts": {
        CONTRASTS[0][0]: {"nb": "ti mot tjue, like mange ansatte", "en": "ten against twenty, as many staff"},
        CONTRASTS[1][0]: {"nb": "ti mot tjue, like mange familier", "en": "ten against twenty, as many families"},
    },
}
NBSP = "\N{NO-BREAK SPACE}"
DOT = Picture("headline", "A title", "A title, 1 of 2", {})


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No sensitivity analysis lies under the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        patch.setattr(formats, "wanted", tuple(formats.PACKAGES))  # here they are made
        yield


def study(**settings: Any) -> SimpleNamespace:
    head = {"name": "caseload-10-vs-20", "profile": "oygarden", "replicates": 40, "seed": 7, "prices": "2025"}
    head |= {"posterior": "prior", "links": "on"}
    places = [(0, 0), (2, 10), (2, 20), (1, 20)]
    names = settings.pop("arms", ARMS)
    arms = [{"name": a, "coordinators": c, "caseload": f} for a, (c, f) in zip(names, places, strict=True)]
    titles, parameters = settings.pop("titles", TITLES), settings.pop("parameters", {})
    resolved = {"study": {**head, **settings}, "pool": {"families": 400}, "parameters": parameters, "arms": arms}
    resolved["profile"] = {"title": "Øygarden"}
    return SimpleNamespace(name=head["name"], titles=titles, resolved=lambda: resolved)


def finished(runs: Any, **more: Any) -> SimpleNamespace:
    basis = {"failures": [], "wall_seconds": 1234.5, "family_months": 1e6, "chunks_resumed": 0, "draws": None}
    return SimpleNamespace(runs=runs, **(basis | more))


@pytest.fixture(scope="module")
def saved(elsewhere: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of five contrasts that was fitted, with the tables of the economic evaluation."""
    path = tmp_path_factory.mktemp("document")
    posterior = write_posterior(path / "holf.parquet", record())
    runs = made_up_runs(40, 12, contrasts=CONTRASTS[:3])
    more = {"posterior": posterior, "command": "python run.py compare --set pool.families=100 --replicates 40"}
    save_run(path / "run", study(posterior="holf"), finished(runs, **more), figures=False)
    made_up_evaluation.write(path / "run", [name for name, _, _ in CONTRASTS[:3]], 12)
    return path / "run"


def made(folder: Path, lang: str, pictures: tuple[Picture, ...] = (DOT,), **changes: Any) -> Document:
    """The document of a folder, with a figure that takes no time."""
    manifest = {**read_manifest(folder), **changes}
    told, names, _ = titled(told_of(read_tables(folder), folder), manifest, None, lang)
    return document(told, names, [_with_images(p) for p in pictures], lang, find(folder, manifest))


def _with_images(picture: Picture) -> Picture:
    with style.style():
        dot = style.Figure(figsize=(0.2, 0.2))
        return Picture(picture.name, picture.title, picture.alt, style.images(dot))


def texts(of: Document, *, identifiers: bool = False) -> Iterator[str]:
    """Every text of a document that a reader reads as words; commands, keys and versions on request."""
    yield from (of.title, of.subtitle)
    for section in of.all():
        yield section.title
        for block in flat(section.blocks):
            if block.kind == "facts":
                yield from (heading for heading, _ in block.facts)
                yield from (value for _, value in block.facts if identifiers)
            elif block.kind == "table":
                yield from (block.caption, *(column.title for column in block.columns))
                skipped = {i for i, column in enumerate(block.columns) if column.title in ("Kilde", "Source")}
                for row in block.rows:
                    for place, cell in enumerate(row.cells):
                        if place not in skipped and not cell.lang:
                            yield cell.text
                            yield cell.note if section.name != "calibration" or identifiers else ""
            elif block.kind == "items":
                yield from block.items
            elif block.kind == "figure":
                yield from (block.picture.title, block.picture.alt) if identifiers else ()
            elif block.kind == "box":
                yield block.title
            else:
                yield block.text


@pytest.fixture(scope="module")
def documents(saved: Path) -> dict[str, Document]:
    return {lang: made(saved, lang) for lang in LANGUAGES}


def all_text(of: Document) -> str:
    return "\n".join(texts(of)).replace("\N{NO-BREAK SPACE}", " ")


def own_words(of: Document) -> str:
    """The text without the list of sources, whose titles and addresses are in their own languages."""
    return all_text(replace(of, sections=tuple(section for section in of.sections if section.name != "sources")))


def test_every_key_of_a_source_leads_to_a_document(documents):
    (section,) = (section for section in documents["nb"].sections if section.name == "sources")
    (table,) = section.blocks
    listed = {key for row in table.rows for key in row.cells[1].text.split(", ")}
    (rests_on,) = (section for section in documents["nb"].sections if section.name == "assumptions")
    tables = [block for block in rests_on.blocks if block.kind == "table"]
    given = {key for block in tables for row in block.rows for key in row.cells[-1].text.split(", ")}
    known = {key for key in given if key in figures() or key in documents_of_sources()}
    assert len(known) > 20
    assert not {key for key in known if figures().get(key, key) in documents_of_sources()} - listed


# ---- what it holds ---------------------------------------------------------------------------------------------------


def test_the_document_begins_with_answers_and_ends_with_how_to_repeat_the_run(documents):
    names = [section.name for section in documents["nb"].all()]
    assert names[:8] == ["short", "method", "results", "budget", "sensitivity", "unknown", "assumptions", "repeat"]
    first = "\n".join(texts(Document("", "", "nb", documents["nb"].opening)))
    assert "HOLF-forsøket" in first
    assert "tilpasset det funnet" in first
    assert "Koordinatorene koster kommunen" in first
    assert "Rapporten anbefaler ikke noe valg" in first
    assert "Alle ledd av (nullmodellen)" in first


def test_each_section_is_left_out_where_its_table_is_missing(saved):
    manifest = read_manifest(saved)
    tables = {name: table for name, table in vars(read_tables(saved)).items() if name not in EVALUATION}
    bare, names, _ = titled(Told(**tables), manifest, None, "nb")
    whole = all_text(made(saved, "nb"))
    for lacking in ("Kostnader og virkninger side om side", "Tjener det seg inn?", "Regninger som flyttes", "For hvem"):
        assert lacking in whole
        assert lacking not in all_text(document(bare, names, [], "nb"))
    assert "Hvem betaler, og hvem får" in all_text(document(bare, names, [], "nb"))


def test_titles_are_shown_instead_of_names_and_names_where_two_would_be_called_the_same(saved):
    shown = own_words(made(saved, "nb"))
    assert "Ti eller tjue familier" in shown
    assert "ti mot tjue, like mange ansatte" in shown
    assert "ti hver mot vanlig oppfølging" in shown.lower()
    assert "caseload" not in shown
    same = {"arms": {name: {"nb": "lik"} for name in ("caseload-10", "caseload-20")}}
    assert "caseload-10" in all_text(made(saved, "nb", titles=same))


def test_no_ratio_is_shown_where_the_interval_of_the_effect_holds_zero(documents):
    for lang, none in (
        ("nb", "finnes ikke noe forholdstall for år i arbeid"),
        ("en", "There is no ratio for a year in work"),
    ):
        shown = all_text(documents[lang]).replace("\N{NO-BREAK SPACE}", " ")
        assert none in shown
        assert "179 000" in shown or "179,000" in shown
        assert not re.search(r"5[ ,.]43|5[ ,]432", shown)


def test_with_all_links_off_no_difference_is_found_what_coordinators_cost_is_told_and_nothing_is_recommended(tmp_path):
    runs = made_up_runs(20, 12, effect=0.0)
    save_run(tmp_path, study(links="off"), finished(runs), figures=False)
    for lang, words in (
        ("nb", ("Det er ikke funnet noen forskjell", "Rapporten anbefaler ingenting", "mill. kr", "nullmodellen")),
        ("en", ("No difference between the arms was found", "The report recommends nothing", "million", "null model")),
    ):
        shown = all_text(made(tmp_path, lang))
        for word in words:
            assert word in shown
        opening = "\n".join(texts(Document("", "", lang, made(tmp_path, lang).opening)))
        assert not re.search("Sannsynligvis|nesten sikkert|Likely|almost certainly", opening)
        assert parameter_name("work_support_ratio", lang) in shown  # each link that is off is named


def test_every_change_is_named(saved, tmp_path):
    assert "pool.families=100" in all_text(made(saved, "nb"))
    save_run(
        tmp_path,
        study(parameters={"work_support_ratio": 1.0, "net_hours": 90.5}),
        finished(made_up_runs(6, 2)),
        figures=False,
    )
    shown = all_text(made(tmp_path, "nb"))
    assert "Leddet «å få jobb med koordinator» er slått av (1)" in shown
    assert "timer i en stilling til familiene er satt til 90,5" in shown
    changes = [{"key": "arm.caseload-20.caseload", "from": 20, "to": 15}]
    assert "arm.caseload-20.caseload: 15; ellers 20" in all_text(made(saved, "nb", changes=changes))
    unchanged = made(saved, "en", changes=[])
    assert "Nothing: no key was changed by --set" in all_text(unchanged)


def test_a_finished_sensitivity_analysis_beside_the_run_is_quoted_and_else_it_says_how_to_make_one(saved):
    assert "ikke laget noen følsomhetsanalyse" in all_text(made(saved, "nb"))
    place = saved.parent / "sensitivity-x"
    place.mkdir()
    try:
        table = sensitivity(contrast=CONTRASTS[0][0]).assign(group="", grade="D", link=False, samples=9, replicates=2)
        files.write_csv(place / "sensitivity.csv", table)
        told = {"study_name": "caseload-10-vs-20", "posterior_name": "holf", "command": "python run.py sensitivity"}
        (place / "manifest.json").write_text(json.dumps(told | {"study": "another"}), encoding="utf-8")
        shown = all_text(made(saved, "nb"))
        assert "sensitivity-x" in shown
        assert "men ikke med alle de samme innstillingene" in shown
        assert "antakelsene som flytter forskjellen mest" in shown
        (place / "manifest.json").write_text(json.dumps(told | {"posterior_name": "prior"}), encoding="utf-8")
        assert find(saved, read_manifest(saved)) is None
    finally:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def test_every_line_of_the_accounts_every_link_and_every_unit_cost_has_words(saved):
    for lang in LANGUAGES:
        for item in load_costs(costs_path("2025")).items():
            assert item_name(item.name, lang) not in (item.name, "") or item.name in catalogue()["cost_item"], item.name
            assert payer_name(item.payer, lang) != item.payer or lang == "en"
        for parameter in load_parameters():
            assert parameter_name(parameter.name, lang) != parameter.name, parameter.name
            assert unit_name(parameter.unit, "nb") != parameter.unit or parameter.unit == "number"
        costs = assumptions.unit_costs(read_manifest(saved), lang)
        assert costs is not None
        entries, _ = assumptions._unit_costs(read_manifest(saved))
        assert not [
            name for name, _ in entries if name not in catalogue()["unit_cost"] and not name.startswith("service.")
        ]
        assert not [entry["unit"] for _, entry in entries if entry["unit"] not in catalogue()["file_unit"]]


def test_links_have_their_grade_and_source(documents):
    table = next(b for b in documents["nb"].blocks() if isinstance(b, Table) and b.caption.startswith("Hvert ledd"))
    links = [parameter for parameter in load_parameters() if parameter.link]
    assert len(table.rows) == len(links)
    assert [row.cells[3].text for row in table.rows] == [parameter.grade for parameter in links]


# ---- language --------------------------------------------------------------------------------------------------------


def test_no_english_number_form_and_no_english_word_stands_in_norwegian(documents):
    shown = own_words(documents["nb"])
    # What looks like a file, a version or a key is no number.
    numbers = re.sub(r"[\w/.-]+\.(?:csv|toml|json|md|py)\b|[a-z]+\.[a-z_.]+|R-\d+/\d+", "", shown)
    assert not re.findall(r"\d\.\d", numbers)
    assert not re.findall(r"\b[1-9]\d*,\d{3}\b", numbers)
    assert not re.findall(r"\d%|-\d", re.sub(r"\w+-\d+", "", numbers))  # a space before per cent, and a true minus
    assert "NOK" not in shown
    foreign = {
        text["en"]
        for section in catalogue().values()
        for text in section.values()
        if "{" not in text["en"] and len(text["en"]) > 3
    }
    spoken = {text["nb"].lower() for section in catalogue().values() for text in section.values()}
    words = r"(?<![\wæøå]){}(?![\wæøå])"
    found = [
        phrase
        for phrase in foreign
        if phrase.lower() not in spoken and re.search(words.format(re.escape(phrase)), shown, re.IGNORECASE)
    ]
    found = [phrase for phrase in found if not any(phrase.lower() in text for text in spoken)]
    assert not found
    assert not re.findall(r"\b[a-z]+_[a-z_]+\b", numbers)


def test_no_norwegian_number_form_stands_in_english(documents):
    shown = own_words(documents["en"])
    assert not re.findall(r"\d,\d{1,2}\b(?!,)", shown)
    assert not re.findall(r"\bkr\b", shown)


def test_amounts_are_written_as_in_the_language():
    assert kroner(7_741_000.0, "nb") == "7,74 mill. kr".replace(" ", NBSP)
    assert kroner(7_741_000.0, "en") == "NOK 7.74 million".replace(" ", NBSP)
    assert kroner(-261_492.0, "nb", signed=True) == "−261 000 kr".replace(" ", NBSP)
    assert kroner(0.0, "nb") == f"0{NBSP}kr"
    assert kroner(float("nan"), "en") == "–"
    assert kroner_range(-1.2e6, 3.4e6, "nb") == "−1,20 til +3,40 mill. kr".replace(" mill. kr", f"{NBSP}mill.{NBSP}kr")


# ---- accessible ------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.parents: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.parents.append(self.open[-1] if self.open else "")
        if tag not in {"meta", "img", "col", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag  # every element is closed where it was opened

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_can_be_read_without_seeing_it(documents, lang):
    page = Page(html(documents[lang]))
    assert page.of("html") == [{"lang": lang}]
    assert page.text.strip()
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.of("a")]
    assert links[0] == "#content"  # the way past everything else comes first
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(image["alt"].strip() for image in page.of("img"))
    assert len(page.of("main")) == len(page.of("nav")) == len(page.of("title")) == 1
    heads = page.of("th")
    assert all(head.get("scope") in {"col", "row", "rowgroup"} for head in heads)
    assert len(page.of("caption")) == len(page.of("table")) > 10
    regions = [attributes for attributes in page.of("div") if "scroll" in attributes.get("class", "").split()]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert len(regions) == len(page.of("table"))


def test_colours_of_the_page_have_contrast_enough(documents):
    css = re.search(r"<style>(.*?)</style>", html(documents["nb"]), re.DOTALL)
    assert css
    grounds = ["#ffffff", *re.findall(r"background: (#\w+)", css[1])]
    inks = re.findall(r"[ {;]color: (#\w+)", css[1])
    assert len(set(inks)) >= 3
    worst = min(_contrast(ink, ground) for ink in inks for ground in grounds)
    assert worst >= 4.5
    assert ":focus-visible { outline: 3px" in css[1]
    assert _contrast("#0072B2", "#ffffff") >= 3.0  # the outline


def _contrast(one: str, other: str) -> float:
    light = sorted(_luminance(colour) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_verdicts_are_told_in_words_and_not_by_colour(documents):
    table = next(b for b in documents["nb"].blocks() if isinstance(b, Table) and b.source == "differences.csv")
    assert all(row.cells[-1].text for row in table.rows if row.role != "group")


# ---- formats ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Told]:
    """A study whose names are what nobody should call anything."""
    path = tmp_path_factory.mktemp("hostile") / "run"
    arms = (*ARMS[:3], HOSTILE)
    contrasts = (CONTRASTS[0], (HOSTILE, HOSTILE, "ordinary"))
    titles = {"study": {"nb": HOSTILE}, "arms": {"caseload-10": {"nb": "-1+1"}}}
    runs = made_up_runs(20, 6, arms=arms, contrasts=contrasts)
    save_run(path, study(arms=arms, titles=titles), finished(runs, command=HOSTILE), figures=False)
    made_up_evaluation.write(path, [HOSTILE])
    manifest = read_manifest(path)
    manifest["study"]["profile"]["title"] = HOSTILE
    told, names, _ = titled(told_of(read_tables(path), path), manifest, None, "nb")
    picture = _with_images(Picture("headline", HOSTILE, HOSTILE, {}))
    return document(told, names, [picture], "nb"), told


def test_names_are_text_in_html(hostile):
    page = html(hostile[0])
    assert "<script" not in page
    assert HOSTILE in Page(page).text
    assert any(image["alt"] == HOSTILE for image in Page(page).of("img"))


def test_names_are_text_in_docx_with_headings_header_rows_alternative_texts_and_language(hostile, tmp_path):
    write_docx(tmp_path / "report.docx", hostile[0])
    word = docx.Document(str(tmp_path / "report.docx"))
    text = "\n".join(paragraph.text for paragraph in word.paragraphs)
    assert HOSTILE in text
    assert word.paragraphs[0].style.name == "Title"
    assert any(paragraph.style.name == "Heading 2" for paragraph in word.paragraphs)
    tables = [block for block in hostile[0].blocks() if isinstance(block, Table)]
    assert len(word.tables) == len(tables)
    for made_table, table in zip(word.tables, tables, strict=True):
        assert made_table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
        assert [cell.text for cell in made_table.rows[0].cells] == [column.title for column in table.columns]
        for line, row in zip(made_table.rows[1:], table.rows, strict=True):
            assert len(line.cells[0].paragraphs) == 1  # that of a group, whose cells are merged, too
            assert line.cells[0].text.startswith(row.cells[0].text)
    descriptions = [shape._inline.docPr.get("descr") for shape in word.inline_shapes]
    assert descriptions == [HOSTILE]
    assert word.styles["Normal"].element.rPr.find(qn("w:lang")).get(qn("w:val")) == "nb-NO"
    with zipfile.ZipFile(tmp_path / "report.docx") as packed:
        fields = packed.read("word/document.xml").decode()
    assert "fldSimple" not in fields
    assert "instrText" not in fields


def test_the_word_file_says_of_each_table_where_its_numbers_stand_and_keeps_columns_and_groups_together(
    documents, tmp_path
):
    made = documents["nb"]
    write_docx(tmp_path / "report.docx", made)
    word = docx.Document(str(tmp_path / "report.docx"))
    tables = [block for block in made.blocks() if isinstance(block, Table)]
    captions = [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == "Caption"]
    assert captions == [
        f"{table.caption} Tallene står i {table.source}." if table.source else table.caption for table in tables
    ]
    for made_table, table in zip(word.tables, tables, strict=True):
        widths = [int(column.get(qn("w:w"))) for column in made_table._tbl.tblGrid]
        assert [width / sum(widths) for width in widths] == pytest.approx(table.shares(), abs=0.002)
        for line, row in zip(made_table._tbl.tr_lst[1:], table.rows, strict=True):
            cells = line.tc_lst
            assert sum(cell.width for cell in cells) == pytest.approx(sum(widths) * 635, rel=0.002)
            if row.role == "group":
                assert all(cell.xpath("w:p/w:pPr/w:keepNext") for cell in cells)
                assert cells[0].grid_span == len(table.columns)


def test_the_word_file_numbers_its_pages_links_its_contents_and_bars_its_boxes(documents, tmp_path):
    made = documents["en"]
    write_docx(tmp_path / "report.docx", made)
    word = docx.Document(str(tmp_path / "report.docx"))
    foot = word.sections[0].footer
    assert [code.text for code in foot._element.iter(qn("w:instrText"))] == ["PAGE", "NUMPAGES"]
    assert made.title in foot.paragraphs[0].text
    body = word.element.body
    links = [link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))]
    assert links == [section.name for section in made.sections]
    bookmarks = list(body.iter(qn("w:bookmarkStart")))
    assert set(links) <= {mark.get(qn("w:name")) for mark in bookmarks}
    assert len({mark.get(qn("w:id")) for mark in bookmarks}) == len(bookmarks)
    barred = [p.text for p in word.paragraphs if p._p.xpath("w:pPr/w:pBdr/w:left")]
    boxes = [box for box in made.blocks() if isinstance(box, Box)]
    assert boxes
    assert [box.title for box in boxes if box.title] == [text for text in barred if text in {b.title for b in boxes}]
    assert word.core_properties.created.year > 2013


def test_no_cell_of_the_workbook_is_a_formula_and_numbers_are_numbers(hostile, tmp_path):
    write_workbook(tmp_path / "tables.xlsx", hostile[0].title, hostile[1], "nb")
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
    assert book.sheetnames[0] == "Om tabellene"
    values = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.value for cell in values if cell.data_type == "f"]
    assert not [cell.value for cell in values if isinstance(cell.value, str) and cell.value[0] in "=+-@\t\r"]
    assert any(cell.value == f"'{HOSTILE}" for cell in values)
    sheet = book["Kostnad og virkning"]
    heads = [cell.value for cell in sheet[1]]
    assert heads[:5] == ["Sammenligning", "Slag", "Hva", "Enhet", "Middel"]
    first = sheet[2]
    assert first[2].value == "Kommunen"
    assert isinstance(first[4].value, int | float)
    assert first[4].number_format == '#,##0"\N{NO-BREAK SPACE}kr"'
    assert book["Forskjeller"].freeze_panes == "A2"
    shares = {row[3].value: row[5].number_format for row in book["Forskjeller"].iter_rows(min_row=2)}
    assert shares["Andel av foreldrene"] == "0.0\N{NO-BREAK SPACE}%"


@given(st.text(max_size=20), st.sampled_from("=+-@\t\r"))
def test_whatever_a_text_is_it_is_no_formula(text, start):
    assert safe(start + text)[:1] == "'" or not (start + text).strip("\r\t")
    assert not safe(text).startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "'=x", "''-", "it's", "'", "", "−1", HOSTILE])
def test_a_name_in_a_csv_file_is_no_formula_and_is_read_back_as_it_was(tmp_path, name):
    files.write_csv(tmp_path / "t.csv", pd.DataFrame({"contrast": [name], "mean": [-1.5]}))
    written = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[1]
    assert written.lstrip('"')[:1] not in ("=", "+", "-", "@")
    read = files.read_csv(tmp_path / "t.csv", ("contrast",), ("mean",))
    assert read["contrast"].tolist() == [name]
    assert read["mean"].tolist() == [-1.5]


def test_the_pdf_is_tagged_in_the_language_and_holds_names_as_text(hostile):
    pytest.importorskip("weasyprint", exc_type=OSError)
    small = Document(hostile[0].title, "", "nb", hostile[0].opening)
    made_pdf = pdf(html(small, image="png"))
    assert made_pdf.startswith(b"%PDF-")
    inside = b"".join(
        _unpacked(stream) for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made_pdf, re.DOTALL)
    )
    for sign in (b"/StructTreeRoot", b"/MarkInfo", b"/Lang (nb)", b"/H1", b"/TH", b"pdfuaid"):
        assert sign in inside, sign


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def test_a_format_that_cannot_be_made_is_named_in_one_line_and_does_not_stay_from_before(
    hostile, tmp_path, monkeypatch
):
    for name in formats.PACKAGES:
        (tmp_path / name).write_text("old")
    monkeypatch.setattr(formats, "_why_not", {})
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    formats.write_formats(tmp_path, *hostile)
    assert not list(tmp_path.iterdir())
    lines = formats.missing("en")
    assert len(lines) == 3
    assert "report.pdf not made: the extra [report] is not installed (WeasyPrint is missing)" in lines[0]
    assert not any("\n" in line for line in lines)


def test_a_library_that_is_missing_is_told_and_the_rest_goes_on(hostile, tmp_path, monkeypatch):
    fake = tmp_path / "weasyprint"
    fake.mkdir()
    (fake / "__init__.py").write_text("print('advice'); raise OSError('cannot load library')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(formats, "_why_not", {})
    monkeypatch.setattr(formats, "wanted", (formats.PDF, formats.WORKBOOK))
    formats.write_formats(tmp_path, *hostile)
    assert not (tmp_path / "report.pdf").exists()
    assert (tmp_path / "tables.xlsx").exists()
    (line,) = formats.missing("en")
    assert "report.pdf not made: WeasyPrint does not find Pango" in line


# ---- small things ----------------------------------------------------------------------------------------------------


def test_the_unit_of_a_name_is_parted_from_it_in_every_format(documents, tmp_path):
    made = documents["nb"]
    write_docx(tmp_path / "report.docx", made)
    word = docx.Document(str(tmp_path / "report.docx"))
    heads = {row.cells[0].text for table in word.tables for row in table.rows}
    assert "Andel foreldre i arbeid, prosentpoeng" in heads
    assert "Andel foreldre i arbeid, prosentpoeng" in Page(html(made)).text
    assert not any(",(" in head or ", (" in head for head in heads)


def test_a_number_is_not_parted_from_its_sign_or_from_what_is_counted(documents):
    tables = [block for block in documents["nb"].blocks() if isinstance(block, Table)]
    heads = [column.title for table in tables for column in table.columns]
    assert f"Spenn (midterste 90{NBSP}%)" in heads
    assert not [head for head in heads if " %" in head]
    counted = [row.cells[0] for table in tables if table.source == "distribution.csv" for row in table.rows]
    assert any(re.fullmatch(rf"\d+{NBSP}familier", cell.firm) for cell in counted)


def test_no_two_tables_have_the_same_caption(documents):
    for made in documents.values():
        captions = [block.caption for block in made.blocks() if isinstance(block, Table)]
        assert len(captions) == len(set(captions))


def test_columns_have_room_for_their_longest_word(documents):
    for made in documents.values():
        for table in (block for block in made.blocks() if isinstance(block, Table)):
            for place, (column, letters) in enumerate(zip(table.columns, table.letters(), strict=True)):
                texts = [row.cells[place].text for row in table.rows if row.role != "group" and place < len(row.cells)]
                words = [word for text in (column.title, *texts) for word in text.replace("-", " ").split(" ")]
                assert max(map(len, words)) < letters, (table.caption, column.title)


def test_groups_and_the_ends_of_a_table_stay_together_and_a_table_with_what_follows_it_does_not():
    group, row = Row.of("g", role="group"), Row.of("x", "1")
    table = Table("c", (Column("a"), Column("b")), (group, *[row] * 8, group, *[row] * 8))
    kept = [place for place in range(len(table.rows)) if table.keeps(place)]
    assert kept == [0, 1, 2, 9, 10, 15, 16]


@pytest.mark.parametrize(("height", "form"), [(50, "low"), (100, "even"), (130, "tall")])
def test_a_figure_knows_how_high_it_is_for_its_width(height, form):
    picture = Picture("x", "x", "x", {"svg": f'<svg viewBox="0 0 100 {height}"></svg>'.encode()})
    assert Shown(picture).form == form
    assert f'<figure class="{form}"' in html(Document("t", "s", "en", Section("a", "b", (Shown(picture),))))


def test_heads_of_a_sheet_differ_amounts_have_room_and_the_first_sheet_can_be_read(hostile, tmp_path):
    for lang in LANGUAGES:
        write_workbook(tmp_path / "tables.xlsx", "A title", hostile[1], lang)
        book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
        about, *sheets = book.worksheets
        assert {str(merged) for merged in about.merged_cells.ranges} == {"A2:D2", "A3:D3", "A4:D4"}
        assert about["A2"].alignment.wrap_text
        assert about.row_dimensions[2].height > 15
        for sheet in sheets:
            heads = [cell.value for cell in sheet[1]]
            assert len(heads) == len(set(heads)), sheet.title
            for cell in sheet[2]:
                if cell.number_format in ('#,##0"\N{NO-BREAK SPACE}kr"', '"NOK\N{NO-BREAK SPACE}"#,##0'):
                    assert sheet.column_dimensions[cell.column_letter].width >= len("-1 234 567 890 kr")


def test_columns_share_the_width_by_what_stands_in_them():
    table = Table("c", (Column("a"), Column("b", number=True)), (Row.of("a very long name indeed", "1"), Row.of("x")))
    shares = table.shares()
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] > shares[1]


def test_figures_of_the_evaluation_say_what_they_show_and_are_left_out_where_there_is_nothing():
    contrast = {"name": "x", "arm": "a", "against": "b"}
    tables = made_up_evaluation.tables(["x"])
    for draw, table in ((budget_figures.plane, "plane"), (budget_figures.acceptability, "acceptability")):
        picture = draw(tables[table], contrast, 0, "nb")
        assert picture is not None
        assert picture.name == f"{table}-1"
        assert "kommunen" in picture.alt
        assert "%" in picture.alt
        assert draw(tables[table].head(0), contrast, 0, "nb") is None


def test_titles_of_a_study_are_lines_of_text_and_change_nothing_that_is_computed(tmp_path):
    path = tmp_path / "own.toml"
    lines = 'extends = "caseload-10-vs-20.toml"\n[study]\nname = "own"\ntitle_nb = {}\n'
    path.write_text(lines.format('"Egen"'), encoding="utf-8")
    own = load_study(path)
    assert own.titles["study"]["nb"] == "Egen"
    assert own.titles["arms"]["ordinary"]["en"] == "ordinary follow-up"
    assert "title_nb" not in json.dumps(own.resolved())
    for wrong in ("3", '""', f'"{"x" * 101}"', '"two\\nlines"'):
        path.write_text(lines.format(wrong), encoding="utf-8")
        with pytest.raises(InputError, match="title_nb"):
            load_study(path)


def test_every_shipped_study_has_titles_in_both_languages():
    from scenarios.files import SHIPPED

    for file in sorted(SHIPPED.glob("*.toml")):
        shipped = load_study(file)
        titles = shipped.titles
        assert set(titles["study"]) == set(LANGUAGES), file.name
        assert all(set(titles["arms"].get(plan.name, ())) == set(LANGUAGES) for plan in shipped.arms), file.name
        assert all(set(titles["contrasts"].get(name, ())) == set(LANGUAGES) for name in shipped.content.contrast), (
            file.name
        )
        for lang in LANGUAGES:
            arms = [title[lang] for title in titles["arms"].values()]
            assert len(set(arms)) == len(arms)
            assert max(map(len, arms)) <= 30  # a figure has room for so many letters


def test_text_blocks_are_all_shown(documents):
    page = Page(html(documents["en"]))
    shown = re.sub(r"\s+", " ", page.text)
    for block in documents["en"].blocks():
        if isinstance(block, Text):
            assert re.sub(r"\s+", " ", block.text) in shown


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_answer_of_a_ratio_has_words_and_only_a_ratio_is_shown(lang):
    row = {"ratio": "per_family_month_followed", "cost": 1e6, "effect": 20.0, "value": 5432.0, "low": -1.0, "high": 9e4}
    for says in ("cost_holds_zero", "cheaper_and_more", "dearer_and_fewer", "dominates", "dominated"):
        told = budget._ratio(row | {"says": says}, lang)
        assert says not in told
        assert not re.search(r"\d", told)
        assert says in catalogue()["table_value"]
    assert "5" in budget._ratio(row | {"says": "ratio"}, lang)


def test_a_curve_that_rises_where_its_axis_ends_is_said_to():
    def line(*probability):
        return pd.DataFrame({"threshold": range(len(probability)), "probability": probability})

    assert budget_figures.still_rising(line(0.0, 0.2, 0.4))
    for level in (line(0.0, 0.4, 0.4), line(0.0, 0.9, 1.0), line(0.5), line(0.6, 0.5, 0.4)):
        assert not budget_figures.still_rising(level)
