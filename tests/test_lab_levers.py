"""The levers of the planners' lab: as studies, as links, from presets, from uploads, and as what is taken away."""

from __future__ import annotations

import io
import math
import random
import zipfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from results.language import catalogue
from scenarios import compare, load_study
from scenarios.files import SHIPPED
from scenarios.lab.explain import cautions, explain
from scenarios.lab.lever import Lever, Value, in_link, say_unit
from scenarios.lab.levers import (
    ADDRESSES,
    LEVERS,
    MOST_OF_A_LINK,
    PLAN_LEVERS,
    WITH_COORDINATORS,
    Levers,
    PlanLevers,
    from_query,
    levers_of,
    to_query,
)
from scenarios.lab.links import STEPS, switched_off
from scenarios.lab.places import places
from scenarios.lab.presets import PROGRAMMES, presets
from scenarios.lab.take_away import Download, take_away
from scenarios.lab.uploads import MOST_BYTES, Upload, read_upload, written
from scenarios.own_figures import FEWEST, QUANTITIES, Figure
from scenarios.study import Study
from simulation.errors import InputError
from simulation.names import SERVICES
from simulation.parameters import default_values, load_parameters, parameter_names, with_overrides

LANGUAGES = ("nb", "en")
FIGURES = (
    "quantity,value,n\nbarriers.health,31.5,240\nmeans.children,2.4,170\nservices.health.places,20,\nfamilies,170,\n"
)
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


# ---- levers at random ------------------------------------------------------------------------------------------------


def value_of(lever: Lever) -> st.SearchStrategy[Value]:
    if lever.kind == "choice":
        return st.sampled_from(lever.choices)
    if lever.kind == "switch":
        return st.booleans()
    if lever.kind == "whole":
        return st.integers(int(lever.low), int(lever.high))
    return st.floats(lever.low, lever.high)


@st.composite
def sensible(draw: st.DrawFn) -> Levers:
    """Levers that contradict nothing, any number of them moved."""
    moved = draw(st.lists(st.sampled_from(list(ADDRESSES)), max_size=30, unique=True))
    values = {address: draw(value_of(ADDRESSES[address])) for address in moved}
    for plan in ("today", "plan"):
        if values.get(f"{plan}.criterion") == "lasting_low_income":
            values.pop(f"{plan}.relaxed", None)
        pairs = [("openings_from", "openings_to"), *((f"closed_from.{s}", f"closed_to.{s}") for s in SERVICES)]
        for first, last in pairs:
            first, last = f"{plan}.{first}", f"{plan}.{last}"
            if last in values and (first not in values or values[last] < values[first]):  # type: ignore[operator]
                values[first] = values[last]
    return levers_of(values)


def whole(name: str, high: float) -> st.SearchStrategy[float]:
    return st.floats(QUANTITIES[name].low, min(QUANTITIES[name].high, high)).map(lambda value: round(value, 4))


@st.composite
def uploads(draw: st.DrawFn) -> Upload:
    figures = []
    for name in draw(st.lists(st.sampled_from(list(QUANTITIES)), min_size=1, max_size=12, unique=True)):
        if name in ("barriers.language", "shares.immigrant"):  # which must fit together
            continue
        quantity = QUANTITIES[name]
        counted = bool(quantity.statistic or quantity.moves)
        value = draw(whole(name, 100_000)) if not quantity.unit.startswith("%") else draw(st.floats(2, 98))
        figures.append(Figure(quantity, round(value, 4), 50 * FEWEST if counted else None))
    assume(figures)
    return read_upload("mine.csv", written(draw(st.sampled_from(places())), figures).encode())


def same(first: Study, second: Study) -> None:
    """Everything a run reads is the same."""
    assert first.arms == second.arms
    assert first.contrasts == second.contrasts
    assert first.costs == second.costs
    assert first.content.parameters == second.content.parameters
    assert (first.seed, first.replicates, first.precision) == (second.seed, second.replicates, second.precision)
    assert first.titles == second.titles


def one_line(text: str) -> bool:
    """Nothing in it breaks a line or hides; spaces in numbers may be hard."""
    return text.replace("\N{NO-BREAK SPACE}", " ").isprintable()


def unpacked(download: Download, folder: Path) -> Path:
    """The study's file in an empty folder."""
    folder.mkdir()
    (folder / download.name).write_bytes(download.data)
    if download.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(download.data)) as archive:
            archive.extractall(folder)
    return next(folder.glob("*.toml"))


# ---- a study ---------------------------------------------------------------------------------------------------------


@OFTEN
@given(levers=sensible(), lang=st.sampled_from(LANGUAGES))
def test_the_study_that_is_taken_away_is_the_one_that_the_lab_ran(
    levers: Levers, lang: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = levers.study(40)
    file = unpacked(take_away(levers, study, lang), tmp_path_factory.mktemp("taken") / "away")
    same(load_study(file), study)


@settings(OFTEN, max_examples=30)
@given(levers=sensible(), own=uploads())
def test_own_figures_are_taken_away_beside_the_study_and_run_from_any_folder(
    levers: Levers, own: Upload, tmp_path_factory: pytest.TempPathFactory
) -> None:
    levers = replace(levers, own=own)
    study = levers.study()
    download = take_away(levers, study, "nb")
    assert download == take_away(levers, study, "nb")
    file = unpacked(download, tmp_path_factory.mktemp("taken") / "away")
    assert {path.name for path in file.parent.iterdir()} == {download.name, file.name, "own-figures.csv"}
    same(load_study(file), study)


def test_the_file_that_is_taken_away_gives_the_numbers_of_the_lab_to_the_last_digit(tmp_path: Path) -> None:
    own = read_upload("tall.csv", FIGURES.encode())
    levers = replace(presets()["familiepluss"].levers, own=own, families=60, horizon_months=6, posterior="prior")
    study = levers.study(4)
    file = unpacked(take_away(levers, study, "nb"), tmp_path / "empty")
    ours, theirs = (compare(which, workers=1) for which in (study, file))
    assert set(ours.outcomes["arm"]) == {"today", "your-plan"}
    assert ours.outcomes.equals(theirs.outcomes)
    assert ours.differences.equals(theirs.differences)


@pytest.mark.parametrize("address", [a for a in ADDRESSES if a.partition(".")[0] == "today"])
def test_a_lever_of_one_plan_leaves_the_other_arm_as_it_was(address: str) -> None:
    lever = ADDRESSES[address]
    levers = presets()["familiepluss"].levers
    value = lever.choices[-1] if lever.kind == "choice" else True if lever.kind == "switch" else int(lever.low) + 1
    if address.startswith("today.closed_to"):
        levers = levers.with_value(address.replace("closed_to", "closed_from"), 1)
    moved = levers.with_value(address, value)
    assert moved.value(address) == value
    assert moved.study().arm("your-plan") == levers.study().arm("your-plan")
    changed = moved.study().arm("today") != levers.study().arm("today")
    assert changed or value == levers.value(address) or lever.group in WITH_COORDINATORS


def test_without_coordinators_nothing_is_said_of_them_so_that_no_run_is_made_anew() -> None:
    begins = Levers().study().arm("today")
    for lever in PLAN_LEVERS:
        if lever.group in WITH_COORDINATORS and lever.name != "coordinators":
            value = lever.choices[-1] if lever.kind == "choice" else True if lever.kind == "switch" else int(lever.high)
            assert Levers().with_value(f"today.{lever.name}", value).study().arm("today") == begins


def test_a_lever_left_alone_says_what_holds() -> None:
    levers = Levers(families=800)
    study = levers.study()
    assert levers.usual("plan.services.work") == study.profile.services["work"].places
    assert levers.usual("families") == Levers().study().arms[0].families != 800
    assert levers.usual("costs.coordinator.wage") == next(
        entry.value for entry in study.costs.entries if entry.name == "coordinator.wage"
    )
    assert levers.usual("links.trust_gain") == default_values()[parameter_names().index("trust_gain")]


# ---- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_lever_says_what_it_is_what_it_does_and_what_is_allowed(lang: str) -> None:
    for lever in LEVERS:
        told = (
            lever.label(lang),
            lever.help(lang),
            lever.allowed(lang),
            *(lever.option(c, lang) for c in lever.choices),
        )
        assert all(text.strip() and "{" not in text and "_" not in text for text in told), (lever.name, told)
        assert len(set(told)) == len(told), lever.name
    labels = [lever.label(lang) for lever in LEVERS]
    assert len(set(labels)) == len(labels)


def test_a_lever_goes_to_its_ends_and_no_further() -> None:
    for address, lever in ADDRESSES.items():
        if lever.kind in ("whole", "number"):
            kind = int if lever.kind == "whole" else float
            assert math.isfinite(lever.high - lever.low), address
            for end in (lever.low, lever.high):
                assert levers_of({address: kind(end)}).value(address) == end
            beyond = [kind(lever.low - 1), kind(lever.high + 1)] + ([math.nan, math.inf] if kind is float else [1.5])
            for wrong in (*beyond, "2", True, None):
                with pytest.raises(InputError) as error:
                    levers_of({address: wrong})
                assert error.value.key == address


def test_every_uncertain_link_has_a_lever_that_reaches_none() -> None:
    links = {p.name: p for p in load_parameters() if p.link and p.prior is not None}
    levers = {lever.element: lever for lever in LEVERS if lever.field == "links"}
    assert set(levers) == set(links)
    for name, lever in levers.items():
        none = links[name].none
        assert none is not None
        assert lever.low <= none <= lever.high
        assert lever.low <= links[name].default <= lever.high
        assert lever.high == pytest.approx(links[name].quantile(0.975), rel=0.06)
        assert (lever.high - lever.low) / lever.step >= STEPS


def test_all_links_at_none_is_the_null_model() -> None:
    off = Levers(links=switched_off()).study().arms[0]
    values = with_overrides(default_values(), off.parameters)
    assert np.array_equal(values, with_overrides(default_values(), {}, links=False))


# ---- a link ----------------------------------------------------------------------------------------------------------


@settings(OFTEN, max_examples=200)
@given(levers=sensible())
def test_a_link_holds_every_lever(levers: Levers) -> None:
    assert from_query(to_query(levers)) == levers


def test_the_longest_link_is_within_bounds() -> None:
    values: dict[str, Any] = {}
    for address, lever in ADDRESSES.items():
        long = lever.low + (lever.high - lever.low) * 0.7123456789012345
        values[address] = (
            max(lever.choices, key=len)
            if lever.kind == "choice"
            else False
            if lever.kind == "switch"
            else int(lever.high)
            if lever.kind == "whole"
            else long
        )
    link = to_query(levers_of(values))
    assert len(link) < MOST_OF_A_LINK
    assert from_query(link) == levers_of(values)


STRANGE = [
    "place=../../../etc/passwd",
    "place=/etc/hostname.toml",
    "place=own-figures.csv",
    "place=oygarden.toml",
    "place=oygarden%00",
    "place=vestland/../oygarden",
    "place=",
    "place",
    "posterior=/home/me/draws.parquet",
    "posterior=../holf",
    "prices=../2025",
    "prices=1999",
    "profile=oygarden",
    "study.profile=x.toml",
    "costs=x.toml",
    "costs.coordinator=1",
    "costs.coordinator.wage=1e10",
    "links.trust_gain=nan",
    "links.trust_gain=inf",
    "links.trust_gain=1e999",
    "links.trust_gain=-0.1",
    "links.relief=0.5",
    "links.recovery.health=0.1",
    "today.coordinators=401",
    "today.coordinators=-1",
    "today.coordinators=1.0",
    "today.coordinators=٣",
    "today.coordinators=2&today.coordinators=3",
    "today.relaxed=1",
    "today.follow_up=__class__",
    "today.__class__=1",
    "plan.services=1",
    "plan.services.work.places=1",
    "arm.today.coordinators=2",
    "seed=99999999999999999999",
    "own=abc",
    "own=a&own=a",
    "own=../figures.csv",
    "%ff=1",
    "place=%ff",
    "=",
    "&&&",
    "seed=1" + "&seed=1" * 300,
    "x" * (MOST_OF_A_LINK + 1),
]


@pytest.mark.parametrize("query", STRANGE)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_from_a_stranger_is_refused_with_one_line(query: str, lang: str) -> None:
    with pytest.raises(InputError) as error:
        from_query(query)
    told = explain(error.value, lang)
    assert len(told) < 400
    assert one_line(told)


@settings(OFTEN, max_examples=300)
@given(query=st.text(max_size=60) | st.lists(st.tuples(st.sampled_from(list(ADDRESSES)), st.text(max_size=9))).map(
    lambda pairs: "&".join(f"{address}={said}" for address, said in pairs)))  # fmt: skip
def test_whatever_a_link_says_it_is_levers_or_an_error_and_never_a_path(query: str) -> None:
    try:
        levers = from_query(query)
    except InputError:
        return
    assert levers.place in places()
    assert from_query(to_query(levers)) == levers


def test_a_link_says_that_it_was_made_with_own_figures_and_never_holds_them() -> None:
    own = read_upload("bergen-nord.csv", FIGURES.encode())
    levers = Levers(own=own, families=300)
    link = to_query(levers)
    assert "barriers" not in link
    assert "bergen-nord" not in link
    other = read_upload("bergen-nord.csv", FIGURES.replace("170", "171").encode())
    for present in (None, other):
        with pytest.raises(InputError) as error:
            from_query(link, present)
        assert error.value.key == "own"
        assert "aldri" in explain(error.value, "nb")
    assert from_query(link, own) == levers
    assert from_query(to_query(Levers()), own).own is None


def test_a_study_is_of_the_list_of_places_whoever_makes_the_levers() -> None:
    for place in ("../oygarden", "own-figures.csv", "/etc/passwd.toml", "nowhere"):
        with pytest.raises(InputError):
            Levers(place=place).study()
    with pytest.raises(InputError):
        Levers(posterior="calibration/posteriors/holf.parquet").study()
    for links in ({"nothing": 1.0}, {"relief": 0.5}):
        with pytest.raises(InputError):
            Levers(links=links).study()
    with pytest.raises(InputError):
        Levers(plan=PlanLevers(services={"dentist": 3})).study()


# ---- presets ---------------------------------------------------------------------------------------------------------


def nameless(study: Study, arm: str) -> Any:
    return replace(study.arm(arm), name="")


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml") if not load_study(path).places))
def test_every_comparison_of_a_shipped_study_of_one_place_is_a_preset(name: str) -> None:
    study = load_study(name)
    made = [preset.levers.study() for preset in presets().values()]
    for _, arm, against in study.contrasts:
        found = [
            other
            for other in made
            if nameless(other, "your-plan") == nameless(study, arm)
            and nameless(other, "today") == nameless(study, against)
        ]
        assert found, (arm, against)
        assert all(other.seed == study.seed and other.costs == study.costs for other in found)


def test_presets_are_told_apart_in_both_languages_and_begin_with_the_programmes() -> None:
    assert tuple(presets())[:3] == PROGRAMMES
    for lang in LANGUAGES:
        told = [(preset.study_title(lang), preset.title(lang)) for preset in presets().values()]
        assert len(set(told)) == len(told)
    for preset in presets().values():
        assert from_query(to_query(preset.levers)) == preset.levers


# ---- uploads ---------------------------------------------------------------------------------------------------------

RIGHT = {
    "plain": FIGURES.encode(),
    "byte order mark": FIGURES.encode("utf-8-sig"),
    "Windows lines": FIGURES.replace("\n", "\r\n").encode(),
    "old Mac lines": FIGURES.replace("\n", "\r").encode(),
    "semicolons, decimal commas": FIGURES.replace(",", ";").replace(".5", ",5").replace("2.4", "2,4").encode(),
    "quoted decimal commas": FIGURES.replace("31.5", '"31,5 %"').replace("2.4", '"2,4"').encode(),
    "latin-1": (FIGURES + "base,oygarden,\xf8\n").encode("latin-1"),
    "Excel's Unicode text": FIGURES.replace(",", "\t").replace("31.5", "31,5").encode("utf-16"),
    "spaces and empty rows": FIGURES.replace(",", " , ").replace("\n", "\n\n,,\n").encode(),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_an_upload_is_read_as_spreadsheets_write_it(kind: str) -> None:
    upload = read_upload("tall.csv", RIGHT[kind])
    assert upload == read_upload("tall.csv", FIGURES.encode())
    assert upload.profile().barriers["health"] == pytest.approx(0.315)
    assert (upload.profile().families, upload.profile().services["health"].places) == (170, 20)


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
WRONG: Mapping[str, tuple[bytes, str]] = {
    "a picture": (PNG, "ikke en tekstfil"),
    "a workbook": (b"PK\x03\x04" + bytes(50), "arbeidsbok"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(50), "arbeidsbok"),
    "noise": (random.Random(1).randbytes(5_000), "ikke en tekstfil"),
    "letters": (bytes(range(128, 256)) * 9, "overskriften"),
    "nothing": (b"", "tom"),
    "only a mark": (b"\xef\xbb\xbf", "tom"),
    "half a wide letter": (b"\xff\xfea", "overskriften"),
    "a million rows": (b"quantity,value,n\n" + b"families,170,\n" * 1_000_000, "større enn 256 kB"),
    "as many as fit": (b"quantity,value,n\n" + b"a,1,\n" * 40_000, "liste over personer"),
    "one line": (b"a" * (MOST_BYTES - 1), "ikke CSV"),
    "wrong columns": (b"kommune,antall\nBergen,3\n", "overskriften"),
    "more columns": (b"a,b,c,d\n1,2,3,4\n", "liste over personer"),
    "persons": (b"navn,barn,sosialhjelp\nKari,2,1\n", "liste over personer"),
    "an identity number": (b"quantity,value,n\nbarriers.health,31,01019912345\n", "fødselsnummer"),
    "no figure": (b"quantity,value,n\n", "ingen tall"),
    "no number": (b"quantity,value,n\nbarriers.health,mange,240\n", "ikke et tall"),
    "out of range": (b"quantity,value,n\nbarriers.health,131,240\n", "utenfor"),
    "not a number": (b"quantity,value,n\nbarriers.health,nan,240\n", "ikke et tall"),
    "misspelt": (b"quantity,value,n\nbarriers.helth,31,240\n", "mente du 'barriers.health'"),
    "unlike anything": (b"quantity,value,n\nzzzz,31,240\n", "ingen slik størrelse"),
    "a share": (b"quantity,value,n\nbarriers.health,0.31,240\n", "mindre enn én prosent"),
    "too few": (b"quantity,value,n\nbarriers.violence,6,40\n", "kjent igjen"),
    "no n": (b"quantity,value,n\nbarriers.health,31,\n", "n mangler"),
    "an n too many": (b"quantity,value,n\nservices.health.places,12,5\n", "tar ingen n"),
    "twice": (b"quantity,value,n\nfamilies,31,\nfamilies,32,\n", "to ganger"),
    "bare decimal comma": (b"quantity,value,n\nmeans.children,2,5,120\n", "4 celler"),
    "a broken line within a cell": (b'quantity,value,n\n"a\nb",31,240\n', "ingen slik størrelse"),
    "contradictory": (b"quantity,value,n\nbarriers.language,60,240\n", "bare innvandrere"),
    "a base that is nowhere": (b"quantity,value,n\nbase,nowhere,\nfamilies,31,\n", "ikke noe sted"),
    "a base that is a file": (b"quantity,value,n\nbase,pyproject.toml,\nfamilies,31,\n", "ikke noe sted"),
    "a base further up": (b"quantity,value,n\nbase,../../x.toml,\nfamilies,31,\n", "ikke noe sted"),
    "a base of figures": (b"quantity,value,n\nbase,own-figures.csv,\nfamilies,31,\n", "ikke noe sted"),
    "a municipality elsewhere": (b"quantity,value,n\nbase,vestland/Oslo,\nfamilies,31,\n", "ingen kommune"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_upload_gets_one_message_in_the_planners_language(kind: str) -> None:
    data, said = WRONG[kind]
    with pytest.raises(InputError) as error:
        read_upload("tall.csv", data)
    told = explain(error.value, "nb")
    assert said in told
    assert told.count("Tillatt:") == 1
    assert one_line(told)
    assert error.value.problem not in told, "not translated"
    assert error.value.allowed is None or error.value.allowed not in told, "not translated"
    assert "01019912345" not in told + explain(error.value, "en")


def test_numbers_and_units_of_a_message_are_written_as_bokmal_writes_them() -> None:
    with pytest.raises(InputError) as error:
        read_upload("tall.csv", b"quantity,value,n\ninhabitants,12.5,\n")
    told = explain(error.value, "nb").replace("\N{NO-BREAK SPACE}", " ")
    assert told.endswith("12,5 er utenfor det som går an. Tillatt: et tall fra 100 til 2 000 000 (innbyggere).")
    for quantity in QUANTITIES.values():
        assert say_unit(quantity.unit, "en") == quantity.unit
        assert quantity.unit in catalogue()["file_unit"]


@settings(OFTEN, max_examples=300)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("quantity,value,n\n" + text).encode()))
def test_whatever_is_uploaded_it_is_figures_or_one_error(data: bytes) -> None:
    try:
        upload = read_upload("x", data)
    except InputError as error:
        told = explain(error, "nb")
    else:
        told = upload.name
        assert read_upload("y", upload.text.encode()) == upload
    assert one_line(told)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\tall.csv", "a\0b", "<script>alert(1)</script>.csv", "x" * 5_000]
)
def test_the_name_of_an_upload_is_shown_and_used_for_nothing(name: str, tmp_path: Path) -> None:
    upload = read_upload(name, FIGURES.encode())
    plain = read_upload("tall.csv", FIGURES.encode())
    levers = Levers(own=upload)
    assert len(upload.name) <= 80
    assert upload.name.isprintable()
    assert levers.study().to_toml() == Levers(own=plain).study().to_toml()
    assert take_away(levers, levers.study(), "nb") == take_away(Levers(own=plain), Levers(own=plain).study(), "nb")


def test_nothing_that_an_upload_says_beside_its_figures_is_kept() -> None:
    upload = read_upload("tall.csv", FIGURES.encode() + b"base,oygarden,=cmd()\n")
    assert "cmd" not in upload.text


# ---- what is odd or cannot be ----------------------------------------------------------------------------------------


CONTRADICTORY: list[tuple[dict[str, Any], str, str]] = [
    (
        {"plan.coordinators": 2, "plan.criterion": "lasting_low_income", "plan.relaxed": True},
        "Din plan, lempet kriterium: lemper på månedene med sosialhjelp",
        "Your plan, relaxed criterion: eases",
    ),
    (
        {"today.openings_from": 20, "today.openings_to": 10},
        "I dag, endrede ledige jobber til måned: 10 er før den første måneden",
        "Today, job openings changed to month: 10 is before",
    ),
    (
        {"plan.closed_to.work": 12},
        "Din plan, stengt til og med måned: arbeidsrettet hjelp: den siste stengte måneden er satt",
        "Your plan, closed to month: work support: the month it opens again",
    ),
    (
        {"plan.closed_to.work": 12, "plan.closed_from.work": 13},
        "Din plan, stengt til og med måned: arbeidsrettet hjelp: 12 er før den første stengte måneden",
        "Your plan, closed to month: work support: 12 is before",
    ),
]


@pytest.mark.parametrize(("values", "bokmal", "english"), CONTRADICTORY)
def test_contradictory_levers_are_explained_by_the_names_they_have_on_the_page(
    values: dict[str, Any], bokmal: str, english: str
) -> None:
    with pytest.raises(InputError) as error:
        levers_of(values).study()
    assert explain(error.value, "nb").startswith(bokmal)
    assert explain(error.value, "en").startswith(english)
    assert error.value.allowed is not None
    assert error.value.allowed not in explain(error.value, "nb")


ODD: list[tuple[dict[str, Any], str]] = [
    ({"plan.coordinators": 100, "plan.caseload": 20}, "Noen av plassene blir stående tomme"),
    ({"today.caseload": 20}, "ingen koordinatorer"),
    ({"plan.coordinators": 2, "plan.longest_months": 12}, "Grensen avgjør"),
    ({"plan.coordinators": 2, "plan.coordinator_leaves_month": 48}, "slutter i måned 48"),
    ({"plan.services.work": 0.0}, "ingen plasser i arbeidsrettet hjelp"),
    ({"plan.closed_from.work": 60}, "stenger i måned 60"),
    ({"plan.openings_factor": 0.0}, "ingen ledige jobber"),
    ({"plan.openings_from": 3}, "like mange som vanlig"),
    ({"plan.openings_factor": 0.5, "plan.openings_from": 40}, "endres fra måned 40"),
    ({"plan.coordinators": 2, "today.coordinators": 2, "plan.relaxed": True}, "ulike familier"),
    ({"plan.openings_factor": 0.5}, "ulikt i de to planene"),
    ({"plan.inflow_factor": 2.0}, "flere nye familier"),
    ({"links.trust_gain": 0.0}, "satt for hånd"),
    ({"place": "vestland/Bergen"}, "ikke data om kommunen"),
]


@pytest.mark.parametrize(("values", "said"), ODD)
def test_odd_levers_run_and_are_told_of(values: dict[str, Any], said: str) -> None:
    levers = levers_of(values)
    levers.study()
    assert [text for text in cautions(levers, "nb") if said in text]
    for lang in LANGUAGES:
        assert all("{" not in text for text in cautions(levers, lang))
    assert not [text for text in cautions(presets()["familiepluss"].levers, "nb") if said in text]


def test_two_plans_that_are_alike_are_said_to_be_and_a_programme_has_no_caution() -> None:
    assert any("like" in text for text in cautions(Levers(), "nb"))
    assert cautions(presets()["familiepluss"].levers, "nb") == []


def test_every_field_of_the_levers_has_a_lever() -> None:
    held = {lever.field for lever in LEVERS}
    assert {known.name for known in fields(PlanLevers)} | {known.name for known in fields(Levers)} - {
        "own",
        "today",
        "plan",
    } == held
    assert all(in_link(value) for value in Levers().values().values())
