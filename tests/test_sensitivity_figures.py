"""The figures of a sensitivity analysis: what they are, what they say in words, and what parameters are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_sensitivity import FOUR, NAMES, TOP, WORK, convergence, sensitivity
from matplotlib.text import Text

from calibration.factors import GROUPS
from calibration.priors import uncertain
from results import sensitivity_words as saying
from results.language import OF_SERVICES, catalogue, parameter_name
from results.sensitivity_figures import draw_figures, write_figures
from simulation.parameters import find_parameter, parameter_names

KINDS = ["tornado", "morris", "sobol", "groups", "draws", "convergence"]
NUMBERS = ["value", "low", "high"]


def rows(*indices: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(indices, columns=["parameter", *NUMBERS])


# ---- names of parameters ---------------------------------------------------------------------------------------------


def test_every_name_in_the_catalogue_is_of_a_parameter_that_is_there() -> None:
    arrays = {name.split(".")[0] for name in parameter_names() if "." in name}
    for key, name in catalogue()["parameter"].items():
        assert key in (arrays if "{name}" in name["nb"] else parameter_names()), key
    assert set(OF_SERVICES) <= arrays


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_uncertain_parameter_has_a_name_of_its_own_that_fits_a_figure(lang: str) -> None:
    names = [parameter_name(parameter.name, lang) for parameter in uncertain()]
    assert [name for name in names if "_" in name or "{" in name or len(name) > 50] == []
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_parameter_without_a_name_is_called_by_its_identifier() -> None:
    assert parameter_name("no_such_parameter", "nb") == "no_such_parameter"
    assert parameter_name("recovery.no_such_barrier", "en") == "recovery.no_such_barrier"


def test_every_group_of_parameters_has_a_name() -> None:
    assert set(catalogue()["parameter_group"]) == set(GROUPS)
    assert not set(GROUPS) & set(parameter_names())


# ---- what is told from chance ----------------------------------------------------------------------------------------


def test_an_index_whose_interval_holds_zero_is_not_told_from_zero() -> None:
    table = rows(("a", 1.0, 0.1, 2.0), ("b", -1.0, -2.0, -0.1), ("c", 1.0, -0.1, 2.0), ("d", 0.5, 0.0, 1.0))
    table.loc[4] = ["e", 1.0, np.nan, np.nan]
    assert saying.told(table).tolist() == [True, True, False, False, False]


def test_one_of_many_that_is_barely_clear_of_zero_is_not_called_clear() -> None:
    barely, many = ("a", 1.0, 0.02, 1.98), [("x", 0.1, -0.9, 1.1)] * 30
    assert saying.clear(rows(barely)).tolist() == [True]
    assert not saying.clear(rows(barely, *many)).any()
    assert saying.clear(rows(("a", 1.0, 0.8, 1.2), *many)).tolist() == [True] + [False] * 30


def test_of_many_null_parameters_none_is_called_clear_in_nineteen_tables_of_twenty() -> None:
    rng = np.random.default_rng(5)
    value = rng.normal(size=(400, 40))
    tables = [pd.DataFrame({"value": x, "low": x - saying.Z95, "high": x + saying.Z95}) for x in value]
    share = np.mean([saying.clear(table).any() for table in tables])
    assert 0.02 < share < 0.085  # 0.05, give or take three standard errors
    assert np.mean([saying.told(table).sum() for table in tables]) == pytest.approx(
        saying.by_chance(40, signed=True), rel=0.1
    )


@pytest.mark.parametrize(
    ("lang", "says"),
    [("nb", "kan vi ikke skille noen av de 3 fra null"), ("en", "we cannot tell any of the 3 from zero")],
)
def test_where_no_interval_is_clear_of_zero_it_is_said_that_we_cannot_tell(lang: str, says: str) -> None:
    table = rows(*[(name, 0.001, -0.01, 0.012) for name in TOP[:3]])
    for method in ("tornado", "morris", "sobol", "sobol_groups", "draws"):
        text = saying.findings(method, {WORK: table}, lang)
        assert says in text
        assert parameter_name(TOP[0], lang) not in text


def test_what_is_clear_is_named_with_its_size_and_interval_and_how_many_more() -> None:
    table = rows(
        ("work_support_ratio", 0.0123, 0.009, 0.0156), ("dose_half", -0.008, -0.01, -0.006), ("birth", 0, -1, 1)
    )
    nb, en = (saying.findings("tornado", {WORK: table}, lang) for lang in ("nb", "en"))
    assert "å få jobb med koordinator (+1,2 prosentpoeng, mellom +0,9 og +1,6) og 1 til" in nb
    assert "getting work with a coordinator (+1.2 percentage points, between +0.9 and +1.6) and 1 more" in en
    money = saying.findings("morris", {"disposable_income": table.assign(value=1234, low=1100, high=1300)}, "nb")
    assert "(1\N{NO-BREAK SPACE}230 kr, mellom 1\N{NO-BREAK SPACE}100 og 1\N{NO-BREAK SPACE}300)" in money
    shares = saying.findings("sobol", {WORK: rows(("dose_half", 0.4, 0.3, 0.5))}, "en")
    assert "contact that gives half the effect (40%, between 30% and 50%)." in shares


def test_what_is_clear_only_when_looked_at_alone_is_said_with_how_many_chance_makes() -> None:
    many = [(name, 0.0001, 0.0, 0.01) for name in NAMES[:159]]
    text = saying.findings("morris", {WORK: rows(("dose_half", 0.01, 0.0002, 0.0198), *many)}, "en")
    assert "may be largest here: parents in work\N{NO-BREAK SPACE}– contact that gives half the effect" in text
    assert "of 160 such intervals about 4 would be clear of zero by chance alone" in text


def test_outcomes_are_told_by_how_sure_they_are_and_all_zero_is_not_called_chance() -> None:
    tables = {
        WORK: rows(("dose_half", 0.01, 0.008, 0.012), ("birth", 0.0, -0.01, 0.01)),
        "disposable_income": rows(("dose_half", 10.0, -100.0, 120.0), ("birth", 0.0, -100.0, 100.0)),
        "child_participation_share": rows(("dose_half", 0.0, 0.0, 0.0), ("birth", 0.0, 0.0, 0.0)),
        "children_in_low_income_share": rows(),
    }
    text = saying.findings("tornado", tables, "en")
    assert "parents in work\N{NO-BREAK SPACE}– contact that gives half the effect" in text
    assert "For disposable income we cannot tell any of the 2 from zero" in text
    assert "For children's participation all 2 are exactly zero." in text
    assert "For share of children in low income there are no figures." in text


def test_convergence_tells_how_many_indices_stayed_in_their_interval() -> None:
    head = {"outcome": WORK, "method": "sobol", "index": "ST"}
    lines = [("a", 64, 0.3, 0.1), ("a", 128, 0.35, 0.05), ("b", 64, 0.3, 0.1), ("b", 128, 0.5, 0.05)]
    table = pd.DataFrame(
        [head | {"parameter": p, "samples": n, "value": v, "low": v - h, "high": v + h} for p, n, v, h in lines]
    )
    assert "1 of 2 indices" in saying.settled(table, "en")
    assert "50% as wide" in saying.settled(table, "en")
    assert "bare én N" in saying.settled(table[table["samples"] == 64], "nb")


# ---- figures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are put together but no image is made of them: words do not need it."""
    monkeypatch.setattr("results.style.images", lambda figure, kinds=(): {})


def test_every_method_of_the_table_gets_its_figure(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "figures"
    pictures = write_figures(folder, sensitivity((WORK,)), convergence((WORK,)), "nb")
    assert [picture.name for picture in pictures] == [f"sensitivity-{kind}" for kind in KINDS]
    for picture in pictures:
        assert sorted(picture.images) == ["png", "svg"]
        for kind, image in picture.images.items():
            assert (folder / f"{picture.name}.{kind}").read_bytes() == image


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_words_are_of_the_language_and_hold_no_identifier(lang: str) -> None:
    outcomes = FOUR[:2]
    pictures = draw_figures(sensitivity(outcomes), convergence(outcomes), lang)
    for picture in pictures:
        assert "10 vs 20, same staff" in picture.title
        assert picture.alt.endswith(".")
        assert "_" not in picture.alt
        assert re.search(r"\d\.\d" if lang == "nb" else r"\d,\d\d?\b", picture.alt) is None
        other = parameter_name("work_support_ratio", "en" if lang == "nb" else "nb")
        assert other not in picture.alt
    for picture in pictures[:3]:
        assert parameter_name("work_support_ratio", lang) in picture.alt


@pytest.mark.usefixtures("unrendered")
def test_labels_of_a_figure_are_plain_names(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def texts(figure: Any, kinds: Any = ()) -> dict[str, bytes]:
        seen.extend(text.get_text() for text in figure.findobj(Text))
        return {}

    monkeypatch.setattr("results.style.images", texts)
    draw_figures(sensitivity((WORK,)), convergence((WORK,)), "nb")
    assert [text for text in seen if "_" in text or text in GROUPS] == []
    for name in ("å få jobb med koordinator", "1. å få jobb med koordinator", "Koordinatoren", "Foreldre i arbeid"):
        assert name in seen


@pytest.mark.usefixtures("unrendered")
def test_what_chance_makes_up_is_said_where_the_table_says_it() -> None:
    table = sensitivity((WORK,))
    table.loc[table["parameter"] == "chance", NUMBERS] = [0.86, 0.84, 0.88]
    texts = {picture.name: picture.alt for picture in draw_figures(table, None, "en")}
    for kind in ("sobol", "groups", "draws"):
        assert "Chance is 86% of the variance" in texts[f"sensitivity-{kind}"]
    assert "does not matter for 4 of 170 (parents in work)" in texts["sensitivity-draws"]


@pytest.mark.usefixtures("unrendered")
def test_only_the_methods_that_are_in_the_table_are_drawn_and_the_second_contrast_ends_in_2() -> None:
    table = sensitivity((WORK,))
    groups = table[table["method"].isin(["sobol_groups", "sobol_with_chance"])]
    two = pd.concat([groups, groups.assign(contrast="another")])
    assert [p.name for p in draw_figures(two, None, "nb")] == ["sensitivity-groups", "sensitivity-groups-2"]
    assert draw_figures(table[:0], None, "nb") == []


def broken(outcomes: Sequence[str]) -> pd.DataFrame:
    """Holes in every column of numbers, and nothing at all of the last outcome."""
    table, rng = sensitivity(outcomes), np.random.default_rng(4)
    table.loc[rng.random(len(table)) < 0.4, NUMBERS] = np.nan
    table.loc[rng.random(len(table)) < 0.3, ["low", "high"]] = np.nan
    table.loc[table["outcome"] == outcomes[-1], NUMBERS] = np.nan
    return table


@pytest.mark.filterwarnings("error")
def test_a_table_with_holes_is_drawn() -> None:
    pictures = draw_figures(broken((WORK, FOUR[1])), None, "nb")
    assert len(pictures) == 5
    for picture in pictures:
        indices = picture.name.endswith(("sobol", "groups"))
        said = "For disponibel inntekt skjuler tilfeldighet" if indices else "For disponibel inntekt er det ingen tall."
        assert said in picture.alt


@pytest.mark.usefixtures("unrendered")
@pytest.mark.filterwarnings("error")
def test_all_zeros_and_endless_intervals_are_drawn_and_not_taken_for_findings() -> None:
    table = sensitivity((WORK,))
    for ends, says in (
        ({"value": 0.0, "low": 0.0, "high": 0.0}, "nøyaktig null"),
        ({"low": -5.0, "high": 5.0}, "fra null"),
    ):
        assert all(says in picture.alt for picture in draw_figures(table.assign(**ends), None, "nb"))


def test_the_made_up_names_are_the_model_s() -> None:
    assert set(TOP) <= set(NAMES)
    assert all(find_parameter(name).name == name for name in TOP)
