"""What figures are read by: the size and the colour of their letters, whole names, and words for what cannot be seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_up_evaluation
import pandas as pd
import pytest
from lives import life, lives
from made_up import ARMS, CONTRASTS, made_up_runs
from made_up_fit import record
from made_up_sensitivity import FOUR, sensitivity
from matplotlib.figure import Figure
from matplotlib.text import Text

from results import budget_figures, figures, formats, save_run, style
from results.calibration_section import told_apart
from results.language import catalogue, say
from results.lives import WORK_COLOURS, two_lives
from results.page import jobs
from results.run_folder import read_manifest, read_tables
from results.sensitivity_figures import tornado_figure
from results.titles import titled
from results.told import told_of

ON_PAPER = 17.0 / 2.54 / style.WIDTH  # a figure is printed 17 cm wide


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is put together, of which no image is made."""
    found: list[Figure] = []

    def keep(figure: Figure, kinds: Sequence[str]) -> dict[str, bytes]:
        found.append(figure)
        return {}

    monkeypatch.setattr("results.style.images", keep)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a fit, two lives and an evaluation, and without its figures."""
    path = tmp_path_factory.mktemp("runs") / "run"
    head = {"name": "made-up", "profile": "oygarden", "replicates": 20, "seed": 7, "prices": "2025", "posterior": "own"}
    arms = [{"name": name, "coordinators": 2 * (name != "ordinary"), "caseload": 10} for name in ARMS]
    resolved = {"study": {**head, "links": "on"}, "pool": {"families": 400}, "arms": arms}
    told = {"failures": [], "wall_seconds": 2.0, "family_months": 1e6, "chunks_resumed": 0, "lives": lives}
    runs = SimpleNamespace(runs=made_up_runs(20, 12), draws=pd.DataFrame({"dose": [0.5, 1.0]}), **told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "wanted", ())
        save_run(path, SimpleNamespace(name="made-up", resolved=lambda: resolved), runs, figures=False)
    made_up_evaluation.write(path, [name for name, *_ in CONTRASTS], 12)
    return path


def draw_report(folder: Path, lang: str) -> None:
    manifest = read_manifest(folder) | {"calibration": record()}
    told, titles, of_family = titled(told_of(read_tables(folder), folder), manifest, dict(lives), lang)
    for job in jobs(told, titles, of_family, lang):
        job()


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


# ---- letters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_letters_of_a_report_are_7_points_on_paper_and_can_be_told_from_white(
    folder: Path, drawn: list[Figure], lang: str
) -> None:
    draw_report(folder, lang)
    rows = sensitivity(FOUR)
    tornado_figure(rows[rows["method"] == "tornado"], "10 vs 20", "", lang)
    assert len(drawn) >= 12
    for figure in drawn:
        assert figure.get_size_inches()[1] <= style.TALLEST
        for text in texts(figure):
            assert text.get_fontsize() * ON_PAPER >= 7.0, text
            assert style.contrast(text.get_color()) >= style.READABLE, text


def test_contrast_is_that_of_the_guidelines() -> None:
    assert style.contrast("black") == pytest.approx(21.0)
    assert style.contrast("#767676") == pytest.approx(4.54, abs=0.005)
    assert style.contrast("#ff0000") == pytest.approx(4.00, abs=0.005)
    assert style.contrast("white", "white") == 1.0


@pytest.mark.parametrize("colour", sorted({*style.COLOURS, *(colour for colour, _ in style.AREAS)}))
def test_text_is_written_in_a_shade_that_can_be_read(colour: str) -> None:
    assert style.contrast(style.ink(colour)) >= style.READABLE
    if style.contrast(colour) >= style.READABLE:
        assert style.ink(colour) == colour.lower()
    else:  # no darker than need be
        assert style.contrast(style.ink(colour)) < 4.7
    assert style.contrast(style.ink_on(colour), colour) >= style.READABLE


@pytest.mark.parametrize("colour", [colour for colour, _ in WORK_COLOURS.values()])
def test_black_words_can_be_read_on_bars(colour: str) -> None:
    assert style.contrast(style.BLACK, colour) >= style.READABLE


# ---- names ----------------------------------------------------------------------------------------------------------


def test_a_name_is_broken_before_it_is_cut() -> None:
    assert style.fit("1 koordinator for 20 familier", 30) == "1 koordinator for 20 familier"
    assert style.fit("1 koordinator for 20 familier", 20) == "1 koordinator\nfor 20 familier"
    cut = style.fit("x" * 100 + "end", 20)
    assert [len(line) <= 20 for line in cut.split("\n")] == [True, True]
    assert "…" in cut
    assert cut.endswith("end")


def test_targets_that_are_told_alike_are_told_apart_by_month_and_name() -> None:
    of_offices = {"statistic": "office.payment_change", "meaning": "m"}
    asked = pd.DataFrame(
        [
            {"target": "bergen-payment-fana", "month": 30, **of_offices},
            {"target": "bergen-payment-bergenhus", "month": 30, **of_offices},
            {"target": "bergen-payment-early", "month": 12, **of_offices},
            {"target": "another", "statistic": "own", "meaning": "own", "month": 1},
        ]
    )
    names = told_apart(asked, "nb")
    assert len(set(names)) == 4
    assert [name.partition(", måned ")[2] for name in names] == ["30, Fana", "30, Bergenhus", "12", ""]


# ---- what cannot be seen ---------------------------------------------------------------------------------------------


def headlines(apart: float) -> pd.DataFrame:
    """Two arms whose share in work is so far apart; the other headlines are far from each other."""
    rows = []
    for k, arm in enumerate(("a", "b")):
        for outcome, level, step in (
            ("employed_share", 0.3, apart), ("disposable_income", 3e4, 4e3), ("child_participation_share", 0.5, 0.2)
        ):  # fmt: skip
            for month in (-12, 0, 12):
                mean = level + k * step
                told = {"mean": mean, "p05": 0.8 * mean, "p95": 1.2 * mean, "month": month}
                rows.append({"arm": arm, "outcome": outcome, "population": "eligible", "clock": "study"} | told)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("apart", "hidden"), [(0.0, True), (0.001, True), (0.03, False)])
def test_lines_on_each_other_are_told_where_there_are_any(drawn: list[Figure], apart: float, hidden: bool) -> None:
    figures.headline(headlines(apart), ["a", "b"], "nb")
    note = " ".join(re.sub(r"\s+", " ", text.get_text()) for text in texts(drawn[0]))
    assert ("ligger de andre under den" in note) == hidden
    assert ("Foreldre i arbeid (høyst 0," in note) == hidden
    assert "Disponibel inntekt (høyst" not in note


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_benefit_of_two_lives_is_in_the_legend(drawn: list[Figure], lang: str) -> None:
    two_lives(life(helped=True), life(helped=False), label_a="a", label_b="b", lang=lang)
    (legend,) = drawn[0].legends
    shown = {text.get_text() for text in legend.get_texts()}
    expected = {
        "nb": {"Arbeidsavklaringspenger (AAP)", "Kvalifiseringsstønad (KVP)", "Overgangsstønad"},
        "en": {"Work assessment allowance (AAP)", "Qualification benefit (KVP)", "Transitional benefit"},
    }[lang]
    assert expected <= shown
    assert not shown & {"Dagpenger", "Unemployment benefit"}  # nobody has it
    said = [text.get_text() for text in texts(drawn[0])]
    assert said.count({"nb": "høyst 8,5 t/md", "en": "at most 8.5 h/mo"}[lang]) == 1


# ---- cost against effect --------------------------------------------------------------------------------------------


def plane(effects: Sequence[float], costs: Sequence[float]) -> pd.DataFrame:
    head: dict[str, Any] = {"contrast": "x", "payer": "society", "gain": "parent_years_in_work"}
    return pd.DataFrame(
        [{**head, "draw": i, "effect": e, "cost": c} for i, (e, c) in enumerate(zip(effects, costs, strict=True))]
    )


def test_a_draw_without_a_difference_counts_half_in_words_as_in_the_tables(drawn: list[Figure]) -> None:
    picture = budget_figures.plane(plane([1.0, 0.0, -1.0, 2.0], [0.0, 0.0, -1e6, 1e6]), {"name": "x"}, 0, "en")
    assert picture is not None
    assert "probability of more effect 62%, of a lower cost 50%" in picture.alt


def test_zero_is_in_the_middle_where_nothing_has_an_effect(drawn: list[Figure]) -> None:
    budget_figures.plane(plane([0.0, 0.0], [1e6, 2e6]), {"name": "x"}, 0, "nb")
    panel = drawn[0].axes[0]
    assert panel.get_xlim() == (-1.0, 1.0)
    assert panel.get_ylim()[1] >= 2.0
    drawn[0].draw_without_rendering()
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert len(set(labels)) == len(labels) > 2


def test_names_of_published_figures_have_room_beside_their_panel() -> None:
    names = [key for key in catalogue()["incomes"] if key.startswith(("assistance_", "housing_allowance", "lone_"))]
    assert len(names) >= 13
    assert not [key for key in names for lang in ("nb", "en") if len(say(f"incomes.{key}", lang)) > 45]
