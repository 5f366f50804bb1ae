"""What the lab says of two plans: the numbers of ``run.py compare``, with their certainty and no more."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from made_up_sensitivity import sensitivity

from results import evaluation, files, statistics, words
from results.language import number, outcome_name
from results.sensitivity_section import TOLD, driving
from results.style import PHONE_WIDTH, style
from results.told import Told
from scenarios import compare, load_study
from scenarios.files import read_toml
from scenarios.lab import answers, lives, pictures, why
from scenarios.lab.answers import OUTCOMES
from scenarios.study import Study
from scenarios.trajectory import choice, two_lives, without_coordinator
from simulation.errors import InputError
from simulation.outcomes import Runs
from simulation.parameters import load_parameters

LAB = """
[study]
name = "lab"
profile = "oygarden"
horizon_months = 18
replicates = 60
seed = 3
[pool]
families = 80
[[arm]]
name = "today"
title_nb = "I dag"
title_en = "Today"
{today}
[[arm]]
name = "your-plan"
title_nb = "Din plan"
title_en = "Your plan"
{plan}
[[contrast]]
name = "your plan vs today"
arm = "your-plan"
against = "today"
"""
ONE_OF_SIX = "coordinators = 1\ncaseload = 6"


def lab(folder: Path, today: str = "", plan: str = ONE_OF_SIX) -> Study:
    file = folder / "lab.toml"
    file.write_text(LAB.format(today=today, plan=plan), encoding="utf-8")
    return load_study(file)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def runs(study: Study) -> Runs:
    return compare(study, workers=1).finished.runs


@pytest.fixture(scope="module")
def tables(study: Study, runs: Runs) -> Told:
    return answers.tables_of(study, runs)


def first(runs: Runs, count: int) -> Runs:
    """The first so many replicates."""
    cut = ("replicate", "draw", "study", "followed", "followed_families", "paired", "flows", "drift", "groups")
    return replace(runs, **{name: getattr(runs, name)[:count] for name in (*cut, "group_families")})


def row(outcome: str, mean: float, sure: str) -> dict[str, Any]:
    """A difference of a size that is as sure as that."""
    low, high = {"almost_certain": (0.5, 1.5), "likely": (0.2, 1.8), "unknown": (-1.0, 3.0)}.get(sure, (0.0, 0.0))
    ends = sorted((low * mean, high * mean))
    better = {"almost_certain": 1.0, "likely": 0.95, "unknown": 0.8, "zero": 0.5, "few": 0.8}[sure]
    better = better if mean * words.BETTER[outcome] >= 0 else 1.0 - better
    found = {"ci_low": 0.9 * mean, "ci_high": 1.1 * mean, "p05": ends[0], "p95": ends[1], "prob_better": better}
    found = dict.fromkeys(found, 0.0) | {"prob_better": 0.5} if sure == "zero" else found
    mean = 0.0 if sure == "zero" else mean
    return {"outcome": outcome, "mean": mean, "draws": 5 if sure == "few" else 100} | found


# ---- the same numbers ------------------------------------------------------------------------------------------------


def test_tables_of_some_outcomes_have_the_rows_of_the_whole_tables(study: Study, runs: Runs) -> None:
    for whole, some in (
        (statistics.outcomes_table(runs), statistics.outcomes_table(runs, OUTCOMES, ("eligible",))),
        (statistics.outcomes_table(runs), statistics.outcomes_table(runs, answers.WAITS, ("pool",), last=True)),
        (statistics.differences_table(runs), statistics.differences_table(runs, OUTCOMES, ("eligible",))),
    ):
        keys = [name for name in ("arm", "contrast", "population", "clock", "outcome", "month") if name in some]
        found = some[keys].merge(whole, on=keys, how="left", validate="one_to_one")
        assert len(some) > 0
        pd.testing.assert_frame_equal(found[list(some.columns)], some, check_exact=True)
    whole_evaluation = evaluation.evaluate(runs, study.costs)
    for name, table in evaluation.evaluate(runs, study.costs, ("consequences", "pays")).items():
        pd.testing.assert_frame_equal(table, whole_evaluation[name], check_exact=True)


def test_every_number_of_the_answer_is_that_of_compare(study: Study, runs: Runs, tables: Told) -> None:
    differences, levels = statistics.differences_table(runs), statistics.outcomes_table(runs)
    there = (differences["population"] == "eligible") & (differences["month"] == study.horizon_months)
    told = differences[there].set_index("outcome")
    ends = (levels["population"] == "eligible") & (levels["month"] == study.horizon_months)
    level = levels[ends].set_index(["arm", "outcome"])["mean"]
    found = answers.answer(study, runs, "en", tables)
    assert [line.outcome for line in found.rows] == list(OUTCOMES)
    for line in found.rows:
        is_share = words.is_share(line.outcome)
        shown = [
            float(re.sub("[,%+]", "", text).replace("−", "-")) for text in (line.today, line.plan, line.difference)
        ]
        true = [level["today", line.outcome], level["your-plan", line.outcome], told.loc[line.outcome, "mean"]]
        within = 0.0501 if is_share else 5.01
        assert shown == pytest.approx([float(value) * (100 if is_share else 1) for value in true], abs=within)
        assert line.sentence == words.difference_sentence(
            {"outcome": line.outcome, **told.loc[line.outcome].to_dict()}, "Your plan", "Today", "en"
        )


def test_the_table_of_queues_has_the_waits_at_the_end(study: Study, runs: Runs, tables: Told) -> None:
    levels = statistics.outcomes_table(runs)
    there = (levels["population"] == "pool") & (levels["clock"] == "study")
    waits = levels[there & (levels["month"] == study.horizon_months)].set_index(["arm", "outcome"])["mean"]
    found = {line.cells[0].text: line.cells for line in answers.answer(study, runs, "en", tables).waits.rows}
    assert found["Health care"][1].text == number(float(waits["today", "wait_health"]), "en", 1)
    assert found["Health care"][2].text == number(float(waits["your-plan", "wait_health"]), "en", 1)


# ---- as sure as the figures are --------------------------------------------------------------------------------------


def test_two_plans_that_are_the_same_give_no_difference(tmp_path: Path) -> None:
    same = lab(tmp_path, ONE_OF_SIX, ONE_OF_SIX)
    found = answers.answer(same, compare(same, replicates=40, workers=1).finished.runs, "nb")
    assert found.verdict == "same"
    assert found.headline.startswith("Ingen forskjell i andel foreldre i arbeid, disponibel inntekt, ")
    assert {line.difference for line in found.rows} == {"0,0", "0"}
    assert {line.probability for line in found.rows} == {"–"}  # as in the report


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_with_a_few_replicates_nothing_is_said_of_a_direction(study: Study, runs: Runs, lang: str) -> None:
    found = answers.answer(study, first(runs, 10), lang)
    assert (found.verdict, found.draws, found.replicates) == ("few", 5, 10)
    assert found.headline.startswith("Foreløpig for få trekninger (5)" if lang == "nb" else "Too few draws as yet (5)")
    assert {line.probability for line in found.rows} == {"–"}
    assert {line.verdict for line in found.rows} == {"few"}  # though the plans are alike in some outcomes so far
    assert not any("sparer penger" in text or "saves money" in text for text in found.costs)
    assert all(picture.images["svg"] for picture in pictures.pictures(study, first(runs, 2), lang))


@pytest.mark.parametrize(
    ("sure", "said"),
    [
        (("likely", "unknown", "unknown", "unknown"), "better"),
        (("unknown", "unknown", "unknown", "likely"), "worse"),
        (("almost_certain", "zero", "zero", "likely"), "mixed"),
        (("unknown", "zero", "unknown", "unknown"), "cannot_tell"),
        (("zero", "zero", "zero", "zero"), "same"),
        (("few", "few", "few", "few"), "few"),
    ],
)
def test_the_verdict_is_the_direction_of_what_is_told_apart(sure: tuple[str, ...], said: str) -> None:
    rows = [row(outcome, 0.02, how) for outcome, how in zip(OUTCOMES, sure, strict=True)]
    assert [words.verdict(line) for line in rows] == list(sure)
    assert answers.verdict(rows) == said  # more children in low income is worse


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_headline_names_every_outcome_once_and_says_what_we_cannot_tell(
    study: Study, runs: Runs, tables: Told, lang: str
) -> None:
    of = answers.compared(study, runs, lang, tables)
    rows = [row(name, 0.02, how) for name, how in zip(OUTCOMES, ("likely", "unknown", "unknown", "zero"), strict=True)]
    said = answers.headline(rows, of, lang)
    assert [said.count(outcome_name(outcome, lang)) for outcome in OUTCOMES] == [1, 1, 1, 1]
    assert said.startswith("Sannsynligvis høyere" if lang == "nb" else "Likely higher")
    assert ("vi kan ikke si om din plan" if lang == "nb" else "we cannot tell whether your plan") in said
    assert said.endswith("(din plan mot i dag, etter 18 måneder)." if lang == "nb" else "after 18 months).")


def test_who_is_reached_is_said_of_a_plan_without_coordinators_too(study: Study, runs: Runs, tables: Told) -> None:
    found = answers.answer(study, runs, "en", tables)
    assert "Today: no family has a coordinator." in found.reached
    reach = tables.reach.set_index(["arm", "measure"])["mean"]
    families = number(float(reach["your-plan", "families_ever_followed"]), "en")
    assert found.reached[0].startswith(f"Your plan: {families} families have a coordinator")


def test_the_costs_say_who_pays(study: Study, runs: Runs, tables: Told) -> None:
    found = answers.answer(study, runs, "en", tables)
    payers = [line.cells[0].text for line in found.budget[0].rows if line.role != "group"]
    assert payers[:4] == ["The municipality", "The state (with county and health trusts)", "The families", "Society"]
    assert found.costs[0].startswith("Over 18 months coordinators cost the municipality NOK")


def test_where_no_family_is_left_or_none_has_a_coordinator_the_answer_says_so(tmp_path: Path) -> None:
    long = lab(tmp_path).with_settings(horizon_months=240)
    runs = compare(long, replicates=2, workers=1).finished.runs
    runs.study[:, :, 1, -1] = float("nan")  # nobody of those eligible in month 0 is left at the end
    found = answers.answer(long, runs, "en")
    assert (found.verdict, found.rows) == ("nobody", ())
    assert "after 240 months" in found.headline
    assert [picture.name for picture in pictures.pictures(long, runs, "en")] == ["queues", "costs"]
    without = lab(tmp_path, plan="")
    nobody = answers.answer(without, compare(without, replicates=40, workers=1).finished.runs, "en")
    assert nobody.verdict == "same"
    assert nobody.reached == ("Your plan: no family has a coordinator.", "Today: no family has a coordinator.")


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_pictures_fit_a_telephone_and_say_what_they_show(study: Study, runs: Runs, tables: Told, lang: str) -> None:
    found = {picture.name: picture for picture in pictures.pictures(study, runs, lang, tables)}
    assert list(found)[-2:] == ["queues", "costs"]
    assert len(found) == len(OUTCOMES) + 2
    told = answers.answer(study, runs, lang, tables)
    for picture in found.values():
        assert list(picture.images) == ["svg"]
        width = re.search(rb'width="([0-9.]+)pt"', picture.images["svg"])
        assert width is not None
        assert float(width[1]) == 72 * PHONE_WIDTH
    for line in told.rows:
        assert line.sentence in found[f"outcome-{line.outcome.replace('_', '-')}"].alt
    for line in told.budget[0].rows[1:]:
        assert f"{line.cells[0].text}: {line.cells[1].text}" in found["costs"].alt
    assert f"{told.waits.rows[0].cells[1].text} / {told.waits.rows[0].cells[2].text}" in found["queues"].alt


def test_a_picture_is_the_same_each_time(study: Study, runs: Runs, tables: Told) -> None:
    one, other = (pictures.pictures(study, runs, "nb", tables)[0].images for _ in range(2))
    assert one == other


def test_threads_that_draw_do_not_meet_in_the_settings_of_matplotlib() -> None:
    before, inside, seen = matplotlib.rcParams["font.size"], threading.Event(), []

    def draw() -> None:
        inside.wait()
        with style():
            seen.append(matplotlib.rcParams["font.size"])

    other = threading.Thread(target=draw)
    other.start()
    with style():
        inside.set()
        other.join(0.2)
        assert seen == []  # it waits
        ours = matplotlib.rcParams["font.size"]
    other.join()
    assert seen == [ours]
    assert matplotlib.rcParams["font.size"] == before


# ---- two lives -------------------------------------------------------------------------------------------------------


def test_the_family_is_the_middle_one_by_the_rule_and_another_can_be_asked_for(study: Study) -> None:
    by_rule = lives.lives(study, "en")
    assert by_rule is not None
    assert by_rule.family == by_rule.middle == two_lives(study, "your-plan").family
    assert by_rule.chosen.startswith("Chosen by rule")
    asked = lives.lives(study, "en", family=by_rule.families[-1])
    assert asked is not None
    count = len(by_rule.families)
    assert asked.family == by_rule.families[-1]
    assert f"number {count} of {count}" in asked.chosen or asked.family == by_rule.middle
    with pytest.raises(InputError, match="no family 80"):
        lives.lives(study, "en", family=80)


def test_the_spread_is_that_of_every_family_with_a_coordinator(study: Study) -> None:
    plan = study.arm("your-plan")
    among = choice(plan, without_coordinator(study, plan), seed=study.seed, replicate=0, months=study.horizon_months)
    assert list(among.income) == sorted(among.income)
    for slot, income, work in zip(among.families, among.income, among.work, strict=True):
        one = two_lives(study, "your-plan", family=slot)
        assert income == pytest.approx(one.difference, abs=1e-6)
        worked = [
            sum(state != "none" for month in panel if month["month"] > 0 for state in month["work"])
            for panel in (one.panel, one.panel_against)
        ]
        assert work == worked[0] - worked[1]
    shown = lives.lives(study, "en")
    assert shown is not None
    counts = re.search(r"income: (\d+) have more with the coordinator, (\d+) less, (\d+)", shown.spread[1])
    assert counts is not None
    assert sum(map(int, counts.groups())) == len(among.families)


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_page_says_that_families_are_simulated_and_one_is_no_effect(study: Study, lang: str) -> None:
    found = lives.lives(study, lang)
    assert found is not None
    assert ("ikke en virkelig" if lang == "nb" else "not a real one") in found.simulated
    assert ("Hva planen gir, står i svaret" if lang == "nb" else "What the plan gives stands in") in found.spread[-1]
    assert [list(picture.images) for picture in (found.timelines, found.others)] == [["svg"], ["svg"]]
    assert found.spread[1] in found.others.alt


def test_without_coordinators_there_are_no_two_lives_and_todays_serve_where_the_plan_has_none(tmp_path: Path) -> None:
    assert lives.lives(lab(tmp_path, plan=""), "nb") is None
    found = lives.lives(lab(tmp_path, today=ONE_OF_SIX, plan=""), "nb")
    assert found is not None
    assert "I dag" in found.chosen


# ---- why -------------------------------------------------------------------------------------------------------------


def test_the_shipped_drivers_say_where_they_are_from() -> None:
    kept = why.drivers()
    assert kept.head["study"] == "caseload-10-vs-20"
    assert re.fullmatch("[0-9a-f]{64}", kept.head["source_hash"])
    assert set(kept.table["contrast"]) == {why.SAME_STAFF, why.SAME_FAMILIES}
    assert set(kept.table["outcome"]) == set(OUTCOMES)
    assert (kept.table["low"] < kept.table["value"]).all()
    assert (kept.table["value"] < kept.table["high"]).all()
    parameters = {parameter.name: parameter for parameter in load_parameters()}
    for line in kept.table.to_dict("records"):
        assert line["grade"] == parameters[str(line["parameter"])].grade
        assert (line["link"] == "true") == parameters[str(line["parameter"])].link
    assert all(parameters[name].link for name in why.leading_links())


def test_drivers_are_made_of_a_finished_analysis(tmp_path: Path) -> None:
    links = {parameter.name for parameter in load_parameters() if parameter.link}
    whole = pd.concat([sensitivity(contrast=name) for name in (why.SAME_STAFF, why.SAME_FAMILIES)], ignore_index=True)
    whole = whole.assign(group="", grade="D", link=["true" if p in links else "false" for p in whole["parameter"]])
    files.write_csv(tmp_path / "sensitivity.csv", whole)
    head = {name: "x" for name in ("command", "study_name", "posterior_name", "source_hash", "analysis_hash")}
    (tmp_path / "manifest.json").write_text(json.dumps({**head, "seed": 1, "size": {"draws": 9}}), encoding="utf-8")
    (tmp_path / "drivers.toml").write_text(why.make(tmp_path), encoding="utf-8")
    content = read_toml(tmp_path / "drivers.toml")
    made = pd.DataFrame(content["driver"], columns=list(TOLD))
    expected = pd.concat([driving(rows) for _, rows in whole.groupby("contrast", sort=False)], ignore_index=True)
    pd.testing.assert_frame_equal(made, expected, check_dtype=False, rtol=1e-9)
    assert content["links"][0] == "work_support_ratio"  # made up to stand out
    with pytest.raises(InputError, match="no finished sensitivity analysis"):
        why.make(tmp_path / "nowhere")


def test_the_analysis_is_never_said_to_be_of_the_planners_own_comparison(tmp_path: Path) -> None:
    for today, plan, contrast, fits in (
        ("", ONE_OF_SIX, why.SAME_FAMILIES, "nobody"),
        ("coordinators = 2\ncaseload = 20", "coordinators = 2\ncaseload = 10", why.SAME_STAFF, "like"),
        ("coordinators = 1\ncaseload = 20", "coordinators = 2\ncaseload = 10", why.SAME_FAMILIES, "like"),
        ("coordinators = 1\ncaseload = 6", "coordinators = 2\ncaseload = 6", why.SAME_FAMILIES, "unlike"),
    ):
        study = lab(tmp_path, today, plan)
        assert why.like(study) == (contrast, fits)
        found = why.why(study, "en")
        assert "your comparison" in found.caution or "You compare" in found.caution
        assert len(found.found) == len(OUTCOMES)
        assert "we cannot tell" in " ".join(found.found)
