"""One family's two lives: the same family, the same luck, and a story that says what the record says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import run
from results.figures import two_lives as draw
from scenarios import load_study
from scenarios.study import Study
from scenarios.trajectory import Month, chosen_arm, run_lives, story, tell, two_lives, without_coordinator
from simulation.engine import run_replicate
from simulation.errors import InputError

SMALL = """
[study]
name = "small"
profile = "oygarden"
horizon_months = 18
replicates = 4
seed = 5
[pool]
families = 80
[[arm]]
name = "ordinary"
[[arm]]
name = "six"
coordinators = 1
caseload = 6
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    file = tmp_path_factory.mktemp("study") / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    return load_study(file)


def quiet_month(month: int, **changed: object) -> Month:
    """A month of a lone parent out of work with one child, in which nothing has happened but what is given."""
    blank: dict[str, object] = {
        "month": month, "work": ["none"], "benefit": ["none"], "barriers": ["health"], "known": [], "services": {},
        "social_assistance": 9000.0, "disposable": 20000.0, "wages": 0.0, "trust": 0.5, "contact_hours": 0.0,
        "coordinator": False, "children": 1, "children_taking_part": 0, "ages": [7], "applying": True, "in_care": False,
        "arenas": {"kindergarten": 0, "sfo": 0, "leisure": 0},
    }  # fmt: skip
    return {**blank, **changed}  # type: ignore[typeddict-item, return-value]


# ---- running --------------------------------------------------------------------------------------------------------


def test_the_months_are_those_of_run_replicate(study: Study) -> None:
    plan, against = study.arm("six"), study.arm("ordinary")
    lives = run_lives([plan, against], seed=5, replicate=3, months=7, lead=2, read=lambda families: families.copy())
    for arm, life in zip((plan, against), lives, strict=True):
        history = run_replicate(arm, seed=5, replicate=3, months=7, history=True).history
        assert history is not None
        assert np.stack(life[2:]).tobytes() == history.tobytes()


def test_with_the_links_off_both_lives_of_every_family_have_the_same_money(study: Study) -> None:
    plans = [replace(study.arm(name), links=False) for name in ("six", "ordinary")]
    one, other = run_lives(plans, seed=5, replicate=0, months=18, read=lambda families: families.copy())
    assert one[-1]["ever_followed"].sum() >= 6
    assert other[-1]["ever_followed"].sum() == 0
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a["disposable"], b["disposable"])


def test_the_default_family_is_the_middle_one_of_those_followed_whose_lives_differ(study: Study) -> None:
    lives = two_lives(study)
    assert (lives.arm, lives.against, lives.chosen) == ("six", "ordinary", "followed")
    a, b = (
        run_replicate(study.arm(name), seed=5, replicate=0, months=18, history=True).history
        for name in ("six", "ordinary")
    )
    assert a is not None
    assert b is not None
    differences = {}
    candidates = alike = 0
    for slot in range(80):
        stays = len({*a["generation"][:, slot], *b["generation"][:, slot]}) == 1
        if stays and a["ever_followed"][9, slot]:
            candidates += 1
            apart = a["disposable"][:, slot] - b["disposable"][:, slot]
            if np.any(apart != 0.0):
                differences[slot] = apart.sum()
            else:
                alike += 1
    assert (lives.candidates, lives.alike) == (candidates, alike)
    below = sum(other < differences[lives.family] for other in differences.values())
    assert below == (len(differences) - 1) // 2


def test_a_family_asked_for_has_both_lives_from_a_year_before_and_is_alike_until_it_can_differ(study: Study) -> None:
    lives = two_lives(study, family=11, replicate=2, months=5)
    assert lives.chosen == "asked"
    assert lives.panel[-1]["month"] <= 5
    early = [month for month in lives.panel if month["month"] <= 0]
    assert early == [month for month in lives.panel_against if month["month"] <= 0]
    assert early[0]["month"] >= -12


def test_lives_go_into_the_figure_by_way_of_json(study: Study) -> None:
    lives = json.loads(json.dumps(two_lives(study).record()))
    picture = draw(**{key: lives[key] for key in ("panel_a", "panel_b", "label_a", "label_b")}, lang="nb")
    assert picture.name == "two-lives"
    assert picture.images["svg"].lstrip().startswith(b"<?xml")


def test_wrong_input_is_answered(study: Study) -> None:
    for wrong in ({"family": 80}, {"family": -1}, {"arm": "sixx"}, {"arm": "ordinary"}):
        with pytest.raises(InputError):
            two_lives(study, **wrong)  # type: ignore[arg-type]
    alone = replace(study, arms=(study.arm("ordinary"),))
    with pytest.raises(InputError, match="no arm has coordinators"):
        chosen_arm(alone, None)


def test_a_study_without_ordinary_is_compared_with_the_same_arm_without_coordinators(study: Study) -> None:
    alone = replace(study, arms=(study.arm("six"),))
    against = without_coordinator(alone, alone.arm("six"))
    assert against == replace(study.arm("ordinary"), admissions_per_month=study.arm("six").admissions_per_month)


# ---- telling --------------------------------------------------------------------------------------------------------


def test_nothing_is_told_of_months_in_which_nothing_happens() -> None:
    assert story([quiet_month(m, trust=0.1 * m, disposable=20000.0 + m) for m in range(4)], "nb") == []


def test_the_story_says_what_happened_in_the_month_it_happened() -> None:
    panel = [
        quiet_month(0),
        quiet_month(1, coordinator=True),
        quiet_month(2, coordinator=True, known=["health"], services={"health": "waiting"}),
        quiet_month(3, coordinator=True, known=["health"], services={"health": "in_place"}, benefit=["aap"]),
        quiet_month(4, barriers=[], work=["part_time"], social_assistance=0.0),
    ]
    assert story(panel, "nb") == [
        (1, ["får koordinator"]),
        (2, ["blir kjent for NAV: helse", "venter på helsehjelp"]),
        (3, ["forelder 1 får arbeidsavklaringspenger (AAP)", "får plass: helsehjelp"]),
        (
            4,
            [
                "oppfølgingen slutter",
                "forelder 1 begynner i arbeid, deltid",
                "forelder 1 har ikke lenger arbeidsavklaringspenger (AAP)",
                "barriere borte: helse",
                "slutter: helsehjelp",
                "ikke lenger sosialhjelp",
            ],
        ),
    ]


def test_couples_and_children_are_told() -> None:
    panel = [
        quiet_month(0),
        quiet_month(1, work=["none", "full_time"], benefit=["none", "none"], ages=[7, 0]),
        quiet_month(2, ages=[7, 0], arenas={"kindergarten": 0, "sfo": 1, "leisure": 0}),
    ]
    assert story(panel, "en") == [
        (1, ["a partner moves in", "a child is born"]),
        (2, ["the couple parts", "children in after-school care: 0 → 1"]),
    ]


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_text_has_every_month_of_both_lives(study: Study, lang: str) -> None:
    lives = two_lives(study)
    text = tell(lives, lang)
    assert max(map(len, text.splitlines())) < 170
    for month in lives.panel:
        assert f"\n  {month['month']:>6}  " in text


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_one_json_document_and_writes_the_figure(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lives"
    assert run.main(["trajectory", str(study.file), "--arm", "six", "--months", "6", "--json", "--out", str(out)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["panel_a"][-1]["month"] == 6
    assert sorted(path.name for path in out.iterdir()) == ["two-lives.json", "two-lives.png", "two-lives.svg"]
    assert run.main(["trajectory", str(study.file), "--out", str(out)]) == 2  # nothing is written over
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--family", "80"], ["--arm", "sixx"], ["--family", "-1"], ["--months", "0"]])
def test_the_command_refuses_what_is_not_there(
    study: Study, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["trajectory", str(study.file), *wrong]) == 2
    assert "whole number from" in (message := capsys.readouterr().err) or "did you mean 'six'" in message
