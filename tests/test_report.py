"""What a run leaves in its folder, the report, and the words it uses."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import life, lives
from made_up import ARMS, CONTRASTS, made_up_runs
from made_up_fit import NULLS, SILENT, VALUES, asked, record, write_posterior

import results
from results import calibration_figures, figures, files, formats, report, save_run, style, words
from results.calibration import Asked, Learnt, note_of, read_fit
from results.calibration_section import section as fit_section
from results.calibration_section import words_of
from results.language import capital, catalogue, number, outcome_name, percent, say
from results.lives import spells, two_lives
from results.page import render
from results.run_folder import LANGUAGES, ROOT, read_manifest, read_tables
from results.statistics import differences_table, services_table
from simulation.errors import InputError
from simulation.names import SERVICES
from simulation.outcomes import FLOWS, OUTCOME_NAMES

HOSTILE = """<script>alert("x")</script> & 'Å' $\\frac{"""


def study(name: str = "caseload-10-vs-20", **settings: Any) -> SimpleNamespace:
    head = {"name": name, "profile": "oygarden", "replicates": 40, "seed": 7, "prices": "2025", "posterior": "prior"}
    places = [(0, 0), (2, 10), (2, 20), (1, 20)]
    arms = [{"name": a, "coordinators": c, "caseload": f} for a, (c, f) in zip(ARMS, places, strict=True)]
    resolved = {"study": {**head, "links": "on", **settings}, "pool": {"families": 400}, "arms": arms}
    return SimpleNamespace(name=name, resolved=lambda: resolved)


def finished(runs: Any, **more: Any) -> SimpleNamespace:
    draws = pd.DataFrame({"dose": [0.5, 1.0]})
    basis = {"failures": [], "wall_seconds": 2.0, "family_months": 1e6, "chunks_resumed": 0, "draws": draws}
    return SimpleNamespace(runs=runs, **(basis | more))


@pytest.fixture(scope="module", autouse=True)
def only_html(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The further formats have tests of their own; no sensitivity analysis lies under the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        patch.setattr(formats, "wanted", ())
        yield


@pytest.fixture(scope="module")
def folder(only_html: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a study with a hostile name, with figures and one family's two lives."""
    path = tmp_path_factory.mktemp("runs") / "run"
    arms = (*ARMS[:3], HOSTILE)
    contrasts = (*CONTRASTS[:1], (HOSTILE, HOSTILE, "ordinary"))
    runs = made_up_runs(40, 6, arms=arms, contrasts=contrasts)
    save_run(path, study(HOSTILE), finished(runs, lives=lives | {"label_a": HOSTILE}))
    return path


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def told(folder: Path, study: SimpleNamespace, finished: SimpleNamespace, lang: str = "nb") -> Page:
    """The page of a run without its figures, which take most of the time."""
    manifest = save_run(folder, study, finished, lang=lang, figures=False)
    return Page(render(read_tables(folder), manifest, [], lang))


def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


# ---- the folder -----------------------------------------------------------------------------------------------------


def test_a_run_leaves_the_files_of_the_contract_and_no_others_half_written(folder):
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        *("manifest.json", "outcomes.csv", "differences.csv", "variance.csv", "replicates.parquet", "costs.csv"),
        *("figures", "report.html"),
    }
    assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp") or path.name.startswith(".")]
    drawn = {path.name for path in (folder / "figures").iterdir()}
    for stem in ("headline", "income-sources", "services", "reach-intensity", "two-lives"):
        assert {f"{stem}.svg", f"{stem}.png"} <= drawn
    assert len([name for name in drawn if name.startswith("differences-")]) == 4


def test_the_manifest_says_how_to_repeat_the_run(folder):
    manifest = read_manifest(folder)
    assert manifest["seed"] == 7
    assert manifest["replicates"] == manifest["replicates_done"] == 40
    assert manifest["family_months_per_second"] == 500_000
    assert re.fullmatch("[0-9a-f]{64}", manifest["source_hash"])
    assert re.fullmatch("[0-9a-f]{64}", manifest["parameter_draws"])
    assert re.fullmatch("[0-9a-f]{64}", manifest["inputs"]["2025.toml"])
    assert manifest["packages"]["numpy"] == np.__version__
    assert manifest["study"]["pool"]["families"] == 400
    assert manifest["contrasts"][0] == dict(zip(("name", "arm", "against"), CONTRASTS[0], strict=True))


def test_every_figure_says_which_files_it_is_drawn_from(folder):
    manifest = read_manifest(folder)
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert set(manifest["figures"]) == drawn
    for tables in manifest["figures"].values():
        assert tables
        assert set(tables) <= {*manifest["tables"], "manifest.json"}


def test_tables_read_back_are_those_that_were_written(folder):
    tables = read_tables(folder)
    runs = made_up_runs(40, 6, arms=(*ARMS[:3], HOSTILE), contrasts=(*CONTRASTS[:1], (HOSTILE, HOSTILE, "ordinary")))
    expected = differences_table(runs)
    assert tables.differences.contrast.tolist() == expected.contrast.tolist()
    np.testing.assert_allclose(tables.differences["mean"], expected["mean"], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(tables.differences.prob_better.isna(), expected.prob_better.isna())


def test_the_same_run_written_twice_has_the_same_bytes(tmp_path):
    runs = made_up_runs(20, 4, contrasts=CONTRASTS[:1])
    for name in ("a", "b"):
        save_run(tmp_path / name, study(), finished(runs))
    written = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    for path in written:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_the_report_made_again_is_the_report_that_was_made(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in {".html", ".svg", ".png"}}
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    assert report.main(parser.parse_args([str(folder)])) == 0
    assert {path: path.read_bytes() for path in before} == before


def test_figures_of_contrasts_that_are_gone_go_too(tmp_path):
    save_run(tmp_path, study(), finished(made_up_runs(6, 2)))
    save_run(tmp_path, study(), finished(made_up_runs(6, 2, contrasts=CONTRASTS[:1])))
    assert len(list((tmp_path / "figures").glob("differences-*.svg"))) == 1


def test_arms_may_be_called_na_or_null(tmp_path):
    runs = made_up_runs(6, 2, arms=("NA", "null"), contrasts=(("nan", "NA", "null"),))
    save_run(tmp_path, study(), finished(runs), figures=False)
    assert set(read_tables(tmp_path).outcomes.arm) == {"NA", "null"}
    assert set(read_tables(tmp_path).differences.contrast) == {"nan"}


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(lambda: made_up_runs(1, 1), id="one replicate, one month"),
        pytest.param(lambda: made_up_runs(4, 2, arms=("only",), contrasts=()), id="one arm"),
        pytest.param(
            lambda: made_up_runs(
                4, 2, arms=tuple(f"an arm with a rather long name {i}" for i in range(11)), contrasts=()
            ),
            id="eleven arms",
        ),
    ],
)
def test_small_and_large_studies_have_a_report(tmp_path, runs):
    save_run(tmp_path, study(), finished(runs()), lang="en")
    assert "Familiebaner" in page(tmp_path).text


def test_a_run_in_which_everything_failed_says_so(tmp_path):
    runs = made_up_runs(2, 2)
    for name in ("replicate", "draw", "study", "followed", "followed_families", "paired", "flows", "drift"):
        setattr(runs, name, getattr(runs, name)[:0])
    failures = [{"replicate": r, "draw": 0, "traceback": "ValueError"} for r in range(2)]
    save_run(tmp_path, study(replicates=2), finished(runs, failures=failures), lang="en")
    text = page(tmp_path).text
    assert "No replicate succeeded" in text
    assert "2 of 2 replicates failed" in text


@pytest.mark.parametrize("lacking", ["manifest.json", "outcomes.csv", "differences.csv"])
def test_an_incomplete_folder_is_refused_by_name(tmp_path, lacking):
    save_run(tmp_path, study(), finished(made_up_runs(4, 2)), figures=False)
    (tmp_path / lacking).unlink()
    with pytest.raises(InputError, match=re.escape(lacking)):
        report.remake(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("manifest.json", "{"), ("manifest.json", "[]"), ("outcomes.csv", "arm\nx\n"), ("differences.csv", "\0\n")],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, name, content):
    save_run(tmp_path, study(), finished(made_up_runs(4, 2)), figures=False)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=re.escape(name)):
        report.remake(tmp_path)


def test_a_missing_folder_and_an_unknown_language_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        report.remake(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nb or en"):
        save_run(tmp_path / "x", study(), finished(made_up_runs(2, 2)), lang="nn")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot be made"):
        save_run(tmp_path / "file" / "run", study(), finished(made_up_runs(2, 2)), figures=False)


def test_a_file_that_fails_on_the_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail() -> None:
        with files.whole(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# ---- the page -------------------------------------------------------------------------------------------------------


def test_names_are_escaped_and_shown_as_they_are(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert HOSTILE in page(folder).text


def test_the_page_asks_for_nothing_from_outside(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    for tag, attributes in page(folder).tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert not re.search(r"url\(|@import|https?:", html)


def test_every_picture_says_in_words_what_it_shows(folder):
    pictures = [attributes for tag, attributes in page(folder).tags if tag == "img"]
    assert len(pictures) == 11
    for picture in pictures:
        assert len(picture["alt"] or "") > 40
        assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")


def test_the_page_is_in_the_language_asked_for(folder, tmp_path):
    assert ("html", {"lang": "nb"}) in page(folder).tags
    english = told(tmp_path, study(), finished(made_up_runs(6, 2)), "en")
    assert ("html", {"lang": "en"}) in english.tags
    assert "How far this can be used" in english.text


def test_the_page_says_what_the_numbers_do_not_mean(folder, tmp_path):
    text = page(folder).text
    for words_of_caution in ("prior", "HOLF", "ikke effekt", "profilering", "(trekninger)", "python run.py compare"):
        assert words_of_caution in text
    assert "nullmodellen" not in text
    text = told(tmp_path, study(links="off"), finished(made_up_runs(6, 2, effect=0.0))).text
    assert "nullmodellen" in text
    assert "Ingen forskjell" in text


def test_a_calibrated_run_names_its_posterior(tmp_path):
    text = told(tmp_path, study(posterior="holf"), finished(made_up_runs(6, 2)), "en").text
    assert "calibrated distribution “holf”" in text
    assert "not calibrated" not in text


def test_empty_places_are_told(tmp_path):
    runs = made_up_runs(6, 12)
    runs.study[..., OUTCOME_NAMES.index("caseload_filled")] *= 0.5
    text = told(tmp_path, study(), finished(runs, eligible_families=np.full(6, 31.0)), "en").text
    assert "caseload-20: on average 48% of the places were filled" in text
    assert "caseload-20: 31 families met the criteria in month 0, fewer than the 40 places" in text


def loaded_runs(load: float, service: str = "housing") -> Any:
    """Made-up runs in which every service has an offered load of one half, and one has another in every arm."""
    runs = made_up_runs(20, 6)
    for name in SERVICES:
        runs.study[..., OUTCOME_NAMES.index(f"use_{name}")] = min(load, 1.0) if name == service else 0.5
        runs.flows[..., FLOWS.index(f"starts_{name}")] = 4.0
        runs.flows[..., FLOWS.index(f"requests_{name}")] = 4.0 * max(load, 1.0) if name == service else 4.0
    return runs


def test_the_offered_load_is_what_would_be_taken_if_nobody_gave_up():
    table = services_table(loaded_runs(1.2)).set_index(["arm", "service", "measure"])["mean"]
    assert table["ordinary", "housing", "offered_load"] == pytest.approx(1.2)
    assert table["ordinary", "housing", "overloaded"] == 1.0
    assert table["ordinary", "health", "offered_load"] == pytest.approx(0.5)
    assert table["ordinary", "health", "overloaded"] == 0.0
    assert table["ordinary", "housing", "requests"] == pytest.approx(4.8)


@pytest.mark.parametrize(
    ("lang", "hard", "soft"),
    [
        ("nb", "Disse køene kan ikke bli stabile", "Alle tas imot, og hver får mindre"),
        ("en", "These queues cannot be stable", "Everybody is taken, and each gets less"),
    ],
)
def test_a_queue_that_cannot_be_stable_is_told_in_both_languages(tmp_path, lang, hard, soft):
    runs = loaded_runs(1.0)
    full = told(tmp_path / "full", study(), finished(runs), lang).text
    assert hard in full
    assert f"{capital(say('service.housing', lang))}: 100" in full
    assert f"{capital(say('service.health', lang))}: " not in full
    assert hard not in told(tmp_path / "room", study(), finished(loaded_runs(0.99)), lang).text
    # Where everybody is taken there is no queue.
    taken = study()
    resolved = {**taken.resolved(), "profile": {"services": {name: {"mode": "soft"} for name in SERVICES}}}
    taken.resolved = lambda: resolved
    text = told(tmp_path / "soft", taken, finished(runs), lang).text
    assert soft in text
    assert hard not in text


def test_failures_are_told(tmp_path):
    failure = {"replicate": 3, "draw": 1, "traceback": "ValueError: <b>"}
    text = told(tmp_path, study(), finished(made_up_runs(6, 2), failures=[failure]), "en").text
    assert "1 of 40 replicates failed" in text
    assert json.loads((tmp_path / "manifest.json").read_text())["failures"] == [failure]


# ---- the fit --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose parameters come from a fit, and whose posterior's file is gone since."""
    path = tmp_path_factory.mktemp("fitted")
    runs = made_up_runs(6, 2, contrasts=CONTRASTS[:1])
    posterior = write_posterior(path / "posterior.parquet", record())
    save_run(path / "run", study(posterior="holf"), finished(runs, posterior=posterior), lang="en")
    posterior.unlink()
    return path / "run"


def test_a_fit_is_told_from_the_manifest_when_the_posterior_is_gone(fitted):
    before = (fitted / "report.html").read_bytes()
    report.remake(fitted)
    assert (fitted / "report.html").read_bytes() == before
    alts = [attributes["alt"] or "" for tag, attributes in page(fitted).tags if tag == "img"]
    assert any(alt.startswith("Bars: 90%") and f"about {SILENT} of {SILENT + 2}" in alt for alt in alts)
    inside = sum(after[0] <= observed <= after[1] for _, _, _, observed, _, after, _ in VALUES)
    assert any(alt.startswith(f"{inside} of {len(VALUES)} figures") for alt in alts)
    assert (fitted / "figures" / "calibration-targets.svg").exists()


def test_a_fit_is_told_in_plain_words_and_misses_are_named(fitted):
    text = re.sub(r"\s+", " ", page(fitted).text)
    assert "3 published figures and 2 findings of “no reliable effect”. 2 further targets" in text
    assert "The HOLF trial found no reliable effect." in text
    assert "lowest for share of families on social assistance, coordinator against ordinary (holf-assist" in text
    assert "): 41 of 100, against 12 before the fit." in text
    assert "more often than not" in text
    assert "Of 3 published figures that the model was fitted to, 2 lie where" in text
    assert "any (whole-year): published 14.0%, the model 16.0% to 30.0%" in text
    assert "NOK 31,000" in text
    assert f"Of {SILENT + 2} fitted parameters the data say next to nothing about {SILENT}" in text
    assert "parameter_11 and 3 more" in text
    assert "4,000 draws, worth at least 812 independent" in text
    assert "another version of the model" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_fit_is_told_in_both_languages(fitted, lang):
    told = fit_section(read_manifest(fitted), lang)
    assert {row["lang"] for row in [*told["nulls"], *told["values"]]} == {lang}
    assert len(told["nulls"]) == len(NULLS)
    assert ("ikke det samme som at effekten er null" in told["about_nulls"][0]) == (lang == "nb")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_the_targets_of_the_program_are_about_has_words_in_both_languages(lang):
    from calibration.answers import describe
    from calibration.targets import load_targets

    for target in load_targets("holf").targets:
        meaning = describe(target.statistic).meaning
        assert words_of(target.statistic, meaning, lang)[1] == lang or lang == "en", target.statistic
        assert words_of(target.statistic, meaning, lang)[0] != meaning, target.statistic
    assert words_of("office.own", "a meaning", lang) == ("a meaning", "en")


NONSENSE = {
    "nothing": None,
    "half": "{",
    "list": "[]",
    "number": "3",
    "empty": "{}",
    "deep": "[" * 100_000,
    "no parameter": record(parameters_table=[]),
    "no target": record(targets_table=[]),
    "half a target": record(targets_table=[asked()]),
    "no table": record(targets_table="x"),
    "words for numbers": record(effective_sample_size="many"),
    "no number": record(effective_sample_size=math.inf),
    "long": record(targets="x" * 2000),
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_a_posterior_that_says_nothing_of_its_fit_or_nonsense_gives_no_section(tmp_path, said):
    assert read_fit(write_posterior(tmp_path / "own.parquet", said, draws=3)) is None
    assert fit_section({"posterior": "own", "calibration": said}, "nb") is None


def test_what_is_no_parquet_file_is_no_fit(tmp_path):
    (tmp_path / "text.parquet").write_text("text")
    assert read_fit(tmp_path / "text.parquet") is None
    assert read_fit(tmp_path / "gone.parquet") is None
    assert fit_section({"posterior": "prior", "calibration": record()}, "nb") is None


def test_names_from_a_posterior_are_escaped(tmp_path):
    row = asked(
        **dict.fromkeys(("target", "statistic", "meaning", "unit", "role", "kind"), HOSTILE),
        **{"observed": 1.0, "prior_inside": False, "inside": False},
    )
    learnt = {"parameter": HOSTILE, "z_p05": None, "z_p50": None, "z_p95": None, "contraction": None, "says": "nothing"}
    hostile = record(targets=HOSTILE, command=HOSTILE, targets_table=[row], parameters_table=[learnt])
    posterior = write_posterior(tmp_path / "hostile.parquet", hostile, draws=3)
    runs = finished(made_up_runs(6, 2, arms=("only",), contrasts=()), posterior=posterior)
    save_run(tmp_path / "run", study(posterior="own"), runs)
    assert "<script" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page(tmp_path / "run").text.count(HOSTILE) >= 5


def test_a_note_written_by_a_fit_is_read_back():
    from calibration.posteriors import note_tables

    note = note_of(record())
    tables = note.parameters().assign(ess=1.0), note.asked().assign(grade="A")
    written = json.loads(json.dumps(note_tables(*tables), allow_nan=False))
    assert note_of(record(**written)) == note
    assert list(written["parameters_table"][0]) == list(Learnt.model_fields)
    assert list(written["targets_table"][0]) == list(Asked.model_fields)


def test_a_fit_to_nulls_alone_and_one_to_values_alone_have_a_figure():
    from calibration.predictions import OF_NULLS

    assert calibration_figures.OF_NULLS == OF_NULLS
    table = note_of(record()).asked()
    for kind in ("value", "not_significant"):
        assert calibration_figures.targets_figure(table[table["kind"] == kind], "nb").images["svg"]


def test_the_report_of_a_fit_needs_nothing_of_the_extra():
    script = (
        "import sys; from results import calibration, calibration_section, page; "
        "sys.exit(bool({'sklearn', 'emcee', 'arviz', 'statsmodels', 'calibration'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


# ---- words ----------------------------------------------------------------------------------------------------------


def row(
    mean: float, p05: float, p95: float, prob: float = 0.95, outcome: str = "employed_share", **more: float
) -> dict:
    ci = {"ci_low": mean - abs(mean) / 4, "ci_high": mean + abs(mean) / 4}
    return {"outcome": outcome, "mean": mean, "p05": p05, "p95": p95, "prob_better": prob, "draws": 250} | ci | more


@pytest.mark.parametrize(
    ("given_row", "expected"),
    [
        (row(0.0, 0.0, 0.0, 0.5), "zero"),
        (row(0.02, 0.01, 0.03), "likely"),
        (row(0.02, 0.01, 0.03, 1.0), "almost_certain"),
        (row(-0.02, -0.03, -0.01, 0.05), "likely"),
        (row(0.02, -0.01, 0.03), "unknown"),
        (row(0.02, 0.0, 0.03), "unknown"),
        (row(0.02, 0.01, 0.03, 0.9), "unknown"),
        (row(0.02, 0.01, 0.03, 0.1), "unknown"),
        (row(0.02, 0.02, 0.02, 1.0, ci_low=-0.01, ci_high=0.05), "unknown"),
        (row(0.02, 0.01, 0.03, 1.0, draws=5), "few"),
        (row(0.02, 0.01, 0.03, 1.0, ci_low=math.nan), "few"),
        (row(2.0, 1.0, 3.0, math.nan, "wait_health"), "likely"),
    ],
)
def test_words_are_as_sure_as_the_figures(given_row, expected):
    assert words.verdict(given_row) == expected


def test_sentences_have_natural_units_in_both_languages():
    found = words.difference_sentence(row(0.031, 0.012, 0.052), "ti", "tjue", "nb")
    assert found == (
        "Sannsynligvis gir ti høyere andel foreldre i arbeid enn tjue: omtrent 3,1 prosentpoeng (3 av 100 foreldre); "
        "forventet forskjell ligger mellom +1,2 og +5,2 prosentpoeng."
    )
    found = words.difference_sentence(row(-1234.0, -2000.0, -500.0, 0.03, "disposable_income"), "ten", "twenty", "en")
    assert found == (
        "Likely, ten gives lower disposable income than twenty: about 1,230 NOK a month per family; "
        "the expected difference lies between −2,000 and −500 NOK a month per family."
    )
    assert words.difference_sentence(row(0.01, -0.01, 0.02), "ti", "tjue", "nb").startswith("Vi kan ikke si om ti gir")


def test_a_difference_too_small_to_show_is_not_called_nothing():
    assert words.size(0.0001, "employed_share", "nb") == "under 0,1 prosentpoeng (færre enn 1 av 100 foreldre)"


@given(
    st.sampled_from(OUTCOME_NAMES),
    st.sampled_from(LANGUAGES),
    st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5),
    st.floats(0, 1),
)
def test_every_outcome_has_a_sentence_and_certainty_never_crosses_zero(outcome, lang, values, prob):
    p05, low, mean, high, p95 = sorted(values)
    this = row(mean, p05, p95, prob, outcome, ci_low=low, ci_high=high)
    sentence = words.difference_sentence(this, "A", "B", lang)
    assert "{" not in sentence
    assert outcome not in sentence or "_" not in outcome
    if p05 <= 0 <= p95:
        assert words.verdict(this) in {"unknown", "zero"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_change_over_time_is_never_called_an_effect(lang):
    sentence = words.change_sentence("social_assistance_share", "ti", (0, 0.81), (36, 0.42), lang)
    assert ("ikke en effekt" if lang == "nb" else "not what the arm caused") in sentence
    assert percent(0.81, lang) in sentence


def test_every_word_has_both_languages_with_the_same_gaps():
    gaps = re.compile(r"{(\w+)}")
    for section in catalogue().values():
        for key, texts in section.items():
            assert set(texts) == set(LANGUAGES), key
            assert all(texts.values()), key
            assert set(gaps.findall(texts["nb"])) == set(gaps.findall(texts["en"])) - {"a"}, key


def test_no_message_stands_twice():
    file = Path(results.__file__).parent / "locale" / "nb" / "LC_MESSAGES" / "familiebaner.po"
    keys = re.findall(r'^msgctxt "(.*)"$', file.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_outcome_has_a_name(lang):
    names = [outcome_name(outcome, lang) for outcome in OUTCOME_NAMES]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name]


def test_numbers_are_written_as_in_the_language():
    assert number(-1234.5, "nb", 1) == "−1\N{NO-BREAK SPACE}234,5"
    assert number(-1234.5, "en", 1) == "−1,234.5"
    assert number(-0.04, "nb", 1, signed=True) == "0,0"
    assert number(math.nan, "nb") == "–"
    assert (percent(0.345, "nb"), percent(0.345, "en")) == ("34\N{NO-BREAK SPACE}%", "34%")


# ---- figures --------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-0.5, 1.5), max_size=12))
def test_labels_are_spread_out_in_the_order_of_their_lines(wanted):
    placed = style.spread_out(wanted, 0.05, 0.0, 1.0)
    ranked = [placed[i] for i in sorted(range(len(wanted)), key=lambda i: (wanted[i], i))]
    assert all(b - a >= 0.05 - 1e-9 for a, b in itertools.pairwise(ranked))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in placed)


def test_labels_that_do_not_touch_stay_where_they_are():
    assert style.spread_out([0.9, 0.1, 0.5], 0.05, 0.0, 1.0) == pytest.approx([0.9, 0.1, 0.5])


def test_a_figure_is_the_same_bytes_every_time_and_has_no_date():
    first, second = (two_lives(life(helped=True), life(helped=False), label_a="a", label_b="b") for _ in range(2))
    assert first.images == second.images
    assert b"<dc:date>" not in first.images["svg"]


def test_months_in_a_row_with_one_value_are_one_spell():
    months = [{"month": m, "coordinator": there} for m, there in [(1, True), (2, True), (3, False), (5, False)]]
    assert spells(months, lambda m: m["coordinator"]) == [(0.5, 2, True), (2.5, 1, False), (4.5, 1, False)]


def test_file_names_of_figures_are_plain():
    assert figures.slug("Ti mot tjue, samme ansatte / Øygarden") == "ti-mot-tjue-samme-ansatte-oygarden"
    assert figures.slug("../..") == "contrast"
