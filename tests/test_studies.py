"""Studies and profiles: what a right file becomes, and what a wrong one is told."""

from __future__ import annotations

import json
import pickle
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios import load_study
from scenarios.files import toml_key, toml_value
from scenarios.profiles import load_profile, profile_names, read_profile
from scenarios.schema import Arm, Criterion, FollowUp, Intake, ServiceChanges, StudySettings
from scenarios.study import Study
from simulation.engine import at_month_zero
from simulation.errors import InputError
from simulation.names import BARRIERS, CRITERION, FOLLOW_UP, INTAKE, SERVICES

SHIPPED = Path(load_study.__code__.co_filename).parent
BASE = """
[study]
name = "small"
profile = "oygarden"
horizon_months = 12
replicates = 4
seed = 1
[[arm]]
name = "ordinary"
[[arm]]
name = "ten"
coordinators = 2
caseload = 10
"""
TWENTY = '[[arm]]\nname = "twenty"\ncoordinators = 2\ncaseload = 20\n'


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(BASE, encoding="utf-8")
    return path


def refused(path: Path, sets: list[str] | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        load_study(path, sets or [])
    return caught.value


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# ---- what ships ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_study_loads_and_says_what_it_asks(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    opening = path.read_text(encoding="utf-8").split("[study]")[0]
    assert opening.startswith("# Asks: ")
    assert "# Norsk: " in opening


def test_the_main_study_has_the_arms_and_contrasts_of_the_interface() -> None:
    study = load_study(SHIPPED / "caseload-10-vs-20.toml")
    assert [(plan.name, plan.coordinators, plan.caseload) for plan in study.arms] == [
        ("ordinary", 0, 0),
        ("caseload-10", 2, 10),
        ("caseload-20", 2, 20),
        ("caseload-20-half-staff", 1, 20),
    ]
    assert study.contrasts == (
        ("10 vs 20, same staff", "caseload-10", "caseload-20"),
        ("10 vs 20, same families", "caseload-10", "caseload-20-half-staff"),
        ("caseload-10 vs ordinary", "caseload-10", "ordinary"),
        ("caseload-20 vs ordinary", "caseload-20", "ordinary"),
        ("caseload-20-half-staff vs ordinary", "caseload-20-half-staff", "ordinary"),
    )


@pytest.mark.parametrize("name", ["services", "services.toml", "scenarios/services.toml"])
def test_a_shipped_study_is_found_from_any_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_study(name).name == "services"


def test_the_services_study_gives_half_as_many_places_again() -> None:
    plan = load_study("services").arm("places")
    for name, service in plan.services.items():
        assert service.places == round(1.5 * plan.profile.services[name].places)


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_has_every_barrier_and_service_and_its_sources_exist(name: str) -> None:
    profile = load_profile(name)
    assert tuple(profile.barriers) == BARRIERS
    assert tuple(profile.services) == SERVICES
    evidence = SHIPPED.parent / "calibration" / "evidence"
    known = {"judgement", "recollection", "solved"}
    for table in ("holf.csv", "effects.csv", "norway.csv"):
        known |= {line.split(",")[0] for line in (evidence / table).read_text(encoding="utf-8").splitlines()}
    document = json.loads(read_profile(name).model_dump_json())
    assert _sources(document) <= known


def _sources(table: Any) -> set[str]:
    if not isinstance(table, dict):
        return set()
    own = {table["source"]} if "source" in table else set()
    return own.union(*(_sources(value) for value in table.values()))


def test_a_judgement_without_its_reason_is_refused(tmp_path: Path) -> None:
    text = (SHIPPED / "profiles" / "oygarden.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("reason")]
    path = write(tmp_path, "bare.toml", "\n".join(lines))
    with pytest.raises(InputError, match=r"barriers\.health\.reason: is missing"):
        load_profile(str(path))


def test_the_words_of_the_file_are_the_words_of_the_model() -> None:
    assert get_args(FollowUp) == FOLLOW_UP
    assert get_args(Criterion) == CRITERION
    assert get_args(Intake) == INTAKE
    assert tuple(ServiceChanges.model_fields) == SERVICES


# ---- what a right file becomes ---------------------------------------------------------------------------------------


def test_an_arm_becomes_a_plan_with_every_lever(tmp_path: Path) -> None:
    levers = 'follow_up = "own_model"\nadmissions_per_month = 2\ncover = false\n[arm.services.health]\nplaces = 4\n'
    study = load_study(write(tmp_path, "s.toml", BASE + levers))
    plan = study.arm("ten")
    assert (plan.follow_up, plan.admissions_per_month, plan.cover) == ("own_model", 2, False)
    assert plan.services["health"].places == 4
    assert plan.services["health"].length_months == study.profile.services["health"].length_months
    assert set(plan.services) == {"health"}
    assert (plan.families, plan.burn_in_months, plan.links) == (400, 84, True)


def test_study_wide_levers_hold_where_an_arm_is_silent(study_file: Path) -> None:
    sets = ["study.intake=random", "study.length_months=18", "study.relaxed=true", "arm.ten.intake=waiting"]
    study = load_study(study_file, sets)
    assert [plan.intake for plan in study.arms] == ["random", "waiting"]
    assert {(plan.length_months, plan.relaxed) for plan in study.arms} == {(18, True)}


def test_contrasts_with_ordinary_are_not_doubled(tmp_path: Path) -> None:
    text = BASE + TWENTY + '[[contrast]]\nname = "reach"\narm = "ten"\nagainst = "ordinary"\n'
    study = load_study(write(tmp_path, "s.toml", text))
    assert study.contrasts == (("reach", "ten", "ordinary"), ("twenty vs ordinary", "twenty", "ordinary"))


def test_without_an_ordinary_arm_only_the_contrasts_of_the_file_hold(tmp_path: Path) -> None:
    text = BASE.replace('"ordinary"', '"nobody"') + '[[contrast]]\nname = "c"\narm = "ten"\nagainst = "nobody"\n'
    assert load_study(write(tmp_path, "s.toml", text)).contrasts == (("c", "ten", "nobody"),)


@pytest.mark.parametrize("name", ["caseload-10-vs-20", "services", "intake"])
def test_a_study_written_as_toml_reads_back_as_itself(name: str, tmp_path: Path) -> None:
    sets = ["parameters.recovery.health=0.03", "study.precision=0.01", 'study.question="Tab\\there, \\"æøå\\"\\u00a0"']
    study = load_study(name, sets)
    again = load_study(write(tmp_path, "again.toml", study.to_toml()))
    assert again.resolved() == study.resolved()
    assert json.loads(json.dumps(study.resolved()))["arms"][1]["name"] == study.arms[1].name


def test_a_plan_can_cross_processes(study_file: Path) -> None:
    plan = load_study(study_file, ["arm.ten.services.work.places=3"]).arm("ten")
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load_study(path).name == "small"


def test_settings_changed_in_python_are_checked_like_the_file(study_file: Path) -> None:
    study = load_study(study_file)
    assert study.with_settings(replicates=10, seed=None).replicates == 10
    assert study.with_settings() is study
    with pytest.raises(InputError, match=r"study\.seed: -1 is out of range"):
        study.with_settings(seed=-1)
    with pytest.raises(InputError, match="did you mean 'ten'"):
        study.arm("tenn")


# ---- extends and --set -----------------------------------------------------------------------------------------------


def test_a_study_extends_another_and_arms_merge_by_name(study_file: Path) -> None:
    text = 'extends = "small.toml"\n[study]\nseed = 9\n[[arm]]\nname = "ten"\ncaseload = 12\n' + TWENTY
    study = load_study(write(study_file.parent, "more.toml", text))
    assert (study.seed, study.replicates, study.name) == (9, 4, "small")
    assert [(plan.name, plan.coordinators, plan.caseload) for plan in study.arms] == [
        ("ordinary", 0, 0),
        ("ten", 2, 12),
        ("twenty", 2, 20),
    ]


def test_an_error_names_the_file_it_stands_in_not_the_one_that_extends_it(study_file: Path) -> None:
    study_file.write_text(BASE.replace("caseload = 10", "caseload = 99"), encoding="utf-8")
    child = write(study_file.parent, "child.toml", 'extends = "small.toml"\n[study]\nseed = 2\n')
    error = refused(child)
    assert (error.file, error.key) == (str(study_file), "arm.ten.caseload")


def test_a_shipped_study_can_be_extended_from_any_folder(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.toml", 'extends = "intake.toml"\n[pool]\nfamilies = 100\n')
    assert load_study(path).arm("by-need").families == 100


def test_a_circle_of_extends_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", 'extends = "b.toml"\n')
    write(tmp_path, "b.toml", 'extends = "a.toml"\n')
    assert "extends itself" in refused(tmp_path / "a.toml").problem


def test_too_long_a_row_of_extends_is_refused(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, f"{number}.toml", f'extends = "{number + 1}.toml"\n')
    write(tmp_path, "12.toml", BASE)
    error = refused(tmp_path / "0.toml")
    assert (error.key, error.allowed) == ("extends", "at most 8")


@pytest.mark.parametrize("value", ["3", '""', '"nowhere.toml"', '["a"]'])
def test_extends_must_name_a_file_that_exists(value: str, tmp_path: Path) -> None:
    assert refused(write(tmp_path, "s.toml", f"extends = {value}\n")).key == "extends"


LOCAL = '\n[rates]\nyear = "2025"\n[rates.norm_lone]\nvalue = 8500\nsource = "judgement"\ngrade = "A"\n'


def own_place(folder: Path, more: str, head: str = "") -> str:
    text = (SHIPPED / "profiles" / "oygarden.toml").read_text(encoding="utf-8")
    path = folder / "place.toml"
    path.write_text(text.replace('title = "Øygarden"\n', f'title = "Øygarden"\n{head}') + more, encoding="utf-8")
    return str(path)


def test_a_municipality_has_norms_of_its_own(tmp_path: Path) -> None:
    place = own_place(tmp_path, LOCAL, 'housing_cap = "large"\n')
    study = load_study("caseload-10-vs-20", [f"study.profile={place}"])
    assert (study.profile.rates, study.profile.rates_year) == ({"norm_lone": 8500.0}, "2025")
    setting = at_month_zero(replace(study.arm("ordinary"), families=10), seed=1, replicate=0).setting[0]
    assert setting["rates"]["norm_lone"] == 8500
    assert setting["rates"]["housing_cap"][0] == 87832 + 18169
    assert load_study("caseload-10-vs-20").profile.rates == {}


@pytest.mark.parametrize(
    ("more", "sets", "says"),
    [
        (LOCAL, ["study.prices=2017"], ["study.prices", "years are not mixed"]),
        (LOCAL.replace('"2025"', '"2019"'), [], ["rates.year", "2017, 2025"]),
        (LOCAL.replace("norm_lone", "norm_single"), [], ["rates.norm_single", "norm_"]),
        (LOCAL.replace("8500", "-1"), [], ["rates.norm_lone", "0 or more"]),
        (LOCAL.replace('"A"', '"D"'), [], ["rates.norm_lone.reason", "is missing"]),
        (LOCAL.replace('year = "2025"\n', ""), [], ["rates.year", "is missing"]),
    ],
)
def test_norms_that_do_not_fit_are_refused(tmp_path: Path, more: str, sets: list[str], says: list[str]) -> None:
    with pytest.raises(InputError) as error:
        load_study("caseload-10-vs-20", [f"study.profile={own_place(tmp_path, more)}", *sets])
    assert all(words in str(error.value) for words in says), error.value


def test_a_profile_given_as_a_file_is_relative_to_the_study(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    text = (SHIPPED / "profiles" / "oygarden.toml").read_text(encoding="utf-8")
    write(tmp_path / "place", "askoy.toml", text.replace('name = "oygarden"', 'name = "askoy"'))
    study = load_study(write(tmp_path, "s.toml", BASE.replace('"oygarden"', '"place/askoy.toml"')))
    assert study.profile.name == "askoy"


def test_overrides_are_typed(study_file: Path) -> None:
    sets = [
        "study.seed=7",
        "study.links=off",
        "study.prices=2025",
        'study.title="a = b"',
        "pool.families=50",
        "arm.ten.caseload=8",
        "arm.ten.services.health.places=2.5",
        "parameters.recovery.health=0.05",
    ]
    study = load_study(study_file, sets)
    plan = study.arm("ten")
    assert (study.seed, study.title, plan.families, plan.caseload) == (7, "a = b", 50, 8)
    assert (plan.links, plan.prices, plan.services["health"].places) == (False, "2025", 2.5)
    assert plan.parameters == {"recovery.health": 0.05}


@pytest.mark.parametrize(
    ("option", "key", "allowed"),
    [
        ("study.seed=abc", "study.seed", "a whole number from 0 to 4294967295"),
        ("study.seed=1.0", "study.seed", "a whole number"),
        ("study.seed=true", "study.seed", "a whole number"),
        ("study.sed=1", "study.sed", "did you mean 'seed'?"),
        ("study.horizon_months=0", "study.horizon_months", "from 1 to 240"),
        ("study.precision=0", "study.precision", "above 0"),
        ("study.precision=nan", "study.precision", "above 0"),
        ("study=1", "study", "study.KEY"),
        ("stuudy.seed=1", "stuudy.seed", "study.KEY"),
        ("contrast.a.arm=ten", "contrast.a.arm", "arm.NAME.KEY"),
        ("study.seed", "--set", "study.seed=7"),
        ("=3", "--set", "study.seed=7"),
        ("arm.tenn.caseload=3", "arm.tenn.caseload", "did you mean 'ten'?"),
        ("arm.ten=3", "arm.ten", "arm.NAME.KEY"),
        ("arm.ten.name=x", "arm.ten.name", "caseload"),
        ("arm.ten.casload=3", "arm.ten.casload", "did you mean 'caseload'?"),
        ("arm.ten.services.helth.places=3", "arm.ten.services.helth", "did you mean 'health'?"),
        ("arm.ten.services.health.places=-1", "arm.ten.services.health.places", "from 0"),
        ("arm.ten.services=3", "arm.ten.services", "a table"),
        ("parameters.recovery.helth=1", "parameters.recovery.helth", "did you mean 'recovery.health'"),
        ("parameters.trust_start=2", "parameters.trust_start", "from 0 to 1"),
        ("parameters.trust_start=high", "parameters.trust_start", "a number"),
        ("pool.families=9", "pool.families", "from 10 to 200000"),
    ],
)
def test_a_wrong_override_is_told_its_key_and_what_is_allowed(
    option: str, key: str, allowed: str, study_file: Path
) -> None:
    error = refused(study_file, [option])
    assert error.key == key
    assert allowed in (error.allowed or "")
    assert str(study_file) in (error.file or "")


# ---- what a wrong file is told ---------------------------------------------------------------------------------------

WRONG: list[tuple[str, str, str, str]] = [
    # (what stands in BASE, what stands there instead, key, allowed)
    ("horizon_months = 12", "horizon_months = 0", "study.horizon_months", "a whole number from 1 to 240"),
    ("horizon_months = 12", "horizon_months = 241", "study.horizon_months", "from 1 to 240"),
    ("horizon_months = 12", 'horizon_months = "12"', "study.horizon_months", "a whole number"),
    ("horizon_months = 12", "horizon_months = 12.0", "study.horizon_months", "a whole number"),
    ("horizon_months = 12", "horizon_month = 12", "study.horizon_month", "did you mean 'horizon_months'?"),
    ("horizon_months = 12", "horizon_months = 12\nhorizon = 3", "study.horizon", "did you mean 'horizon_months'?"),
    ("seed = 1", "seed = 4294967296", "study.seed", "0 to 4294967295"),
    ("seed = 1", "seed = 1\nlinks = true", "study.links", "on, off"),
    ("seed = 1", 'seed = 1\nlinks = "of"', "study.links", "did you mean 'off'?"),
    ("seed = 1", 'seed = 1\nfollow_up = "familiplus"', "study.follow_up", "did you mean 'familiepluss'?"),
    ("seed = 1", "seed = 1\nprices = 2025", "study.prices", '"2025"'),
    ("seed = 1", 'seed = 1\nprices = "1814"', "study.prices", "2025"),
    ("seed = 1", 'seed = 1\nposterior = "holff"', "study.posterior", "prior"),
    ("seed = 1", 'seed = 1\nposterior = "./no.parquet"', "study.posterior", "a file of draws"),
    ("seed = 1", "seed = 2025-01-01", "study.seed", "a whole number"),
    ("seed = 1", "seed = 1\nburn_in_months = 12", "study.burn_in_months", "from 24 to 240"),
    ("replicates = 4", "replicates = 1", "study.replicates", "from 2 to 1000000"),
    ('"oygarden"', '"oygaarden"', "study.profile", "did you mean 'oygarden'?"),
    ('"oygarden"', '"../../pyproject"', "study.profile", "oygarden"),
    ('"oygarden"', '"no.toml"', "study.profile", "oygarden"),
    ('"small"', '"Small study"', "study.name", "small letters"),
    ('name = "ten"', 'name = "Ten"', "arm.2.name", "small letters"),
    ('name = "ten"', 'name = "-ten"', "arm.2.name", "small letters"),
    ('name = "ten"', 'name = "ten\\n"', "arm.2.name", "small letters"),
    ('name = "ten"', "name = 10", "arm.2.name", "small letters"),
    ('name = "ten"', 'name = "ordinary"', "arm.2.name", "names that differ"),
    ('name = "ten"', "", "arm.2.name", "small letters"),
    ("caseload = 10", "caseload = 61", "arm.ten.caseload", "from 1 to 60"),
    ("caseload = 10", "", "arm.ten.caseload", "from 1 to 60"),
    ("coordinators = 2", "", "arm.ten.caseload", "coordinators from 1 to 400"),
    ("coordinators = 2", "coordinators = 401", "arm.ten.coordinators", "from 0 to 400"),
    ("caseload = 10", "caseload = 10\ncovr = true", "arm.ten.covr", "did you mean 'cover'?"),
    ("caseload = 10", "caseload = 10\nopenings_to = 3", "arm.ten.openings_to", "openings_factor"),
    ("caseload = 10", "caseload = 10\nservices = 3", "arm.ten.services", "a table"),
    ('"ordinary"', '"ordinary"\ncoordinator_leaves_month = 3', "arm.ordinary.coordinator_leaves_month", "coordinators"),
    ("[study]", "[pool]\nfamilies = 0\n[study]", "pool.families", "from 10 to 200000"),
    ("[study]", "[pol]\nfamilies = 100\n[study]", "pol", "did you mean 'pool'?"),
    ("[study]", "seed = 3\n[study]", "seed", "[study]"),
    ("[study]", "pool = 3\n[study]", "pool", "[pool]"),
    ("[study]", "[parameters]\nrecovery = {helth = 1.0}\n[study]", "parameters.recovery.helth", "recovery.health"),
    ("[study]", '[parameters]\nturnover = "no"\n[study]', "parameters.turnover", "a number"),
    ("[[arm]]\nname = \"ordinary\"", '[contrast]\nname = "c"\n[[arm]]\nname = "ordinary"', "contrast", "[[contrast]]"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "key", "allowed"), WRONG)
def test_a_wrong_file_is_told_its_key_and_what_is_allowed(
    right: str, wrong: str, key: str, allowed: str, tmp_path: Path
) -> None:
    assert right in BASE
    path = write(tmp_path, "wrong.toml", BASE.replace(right, wrong, 1))
    error = refused(path)
    assert error.key == key
    assert allowed in (error.allowed or "")
    assert str(path) in str(error)


CLASH = TWENTY + '[[contrast]]\nname = "ten vs ordinary"\narm = "ten"\nagainst = "twenty"\n'
CLOSING = '[arm.services.health]\nplaces = 3\n{}\n[[contrast]]\nname = "c"\narm = "ten"\nagainst = "ordinary"\n'


@pytest.mark.parametrize(
    ("tail", "key"),
    [
        (CLASH, "contrast.'ten vs ordinary'"),
        ('[[contrast]]\nname = "c"\narm = "ten"\nagainst = "twnty"\n', "contrast.c.against"),
        ('[[contrast]]\nname = "c"\narm = "ten"\nagainst = "ten"\n', "contrast.c.against"),
        ('[[contrast]]\nname = "c"\narm = "ten"\n', "contrast.c.against"),
        ('[[contrast]]\nname = "c"\narm = "ten"\nagainst = "ordinary"\n' * 2, "contrast.2.name"),
        ('[[contrast]]\nname = ""\narm = "ten"\nagainst = "ordinary"\n', "contrast.1.name"),
        (CLOSING.format("closed_to = 3"), "arm.ten.services.health.closed_to"),
        (CLOSING.format("closed_from = 5\nclosed_to = 3"), "arm.ten.services.health.closed_to"),
        ("openings_factor = 0.5\nopenings_from = 9\nopenings_to = 3\n", "arm.ten.openings_to"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(tail: str, key: str, tmp_path: Path) -> None:
    assert refused(write(tmp_path, "wrong.toml", BASE + tail)).key == key


def test_a_missing_arm_is_answered_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "s.toml", BASE + TWENTY + '[[contrast]]\nname = "c"\narm = "ten"\nagainst = "twnty"\n')
    assert "did you mean 'twenty'?" in (refused(path).allowed or "")


def test_a_study_without_arms_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "s.toml", BASE.split("[[arm]]")[0])).key == "arm"


def _file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.write_text("# " + "x" * 70 + "\n", encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8") * 20_000, encoding="utf-8")
    elif kind != "missing":
        path.write_bytes(CONTENT[kind])
    return path


CONTENT = {
    "latin-1": BASE.replace("small", "små").encode("latin-1"),
    "utf-16": BASE.encode("utf-16"),
    "binary": bytes(range(256)),
    "not-toml": b"[study]\nname = \n",
    "twice": b"a = 1\na = 2\n",
    "long-number": b"a = " + b"9" * 4900 + b"\n",
    "long-line": b"# " + b"x" * 6000 + b"\n",
    "deep": b"a = " + b"[" * 11 + b"]" * 11 + b"\n",
    "very-deep": b"\n".join([b"a = ", *[b"[" * 4000] * 3]),
    "deep-key": b".".join([b"a"] * 12) + b" = 1\n",
    "empty": b"",
}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("large", "larger than 1 MB"),
        ("latin-1", "is not UTF-8: line 3"),
        ("utf-16", "is not UTF-8"),
        ("binary", "is not UTF-8"),
        ("not-toml", "line 2"),
        ("twice", "is not TOML"),
        ("long-number", "is not TOML"),
        ("long-line", "line that is too long"),
        ("deep", "nested deeper than 10"),
        ("very-deep", "is not TOML|nested deeper than 10"),
        ("deep-key", "nested deeper than 10"),
        ("empty", "study: is missing"),
    ],
)
def test_a_file_that_is_no_study_is_refused(kind: str, words: str, tmp_path: Path) -> None:
    path = _file(tmp_path, kind)
    with pytest.raises(InputError, match=words) as caught:
        load_study(path)
    assert str(path) in str(caught.value)
    assert "Allowed: " in str(caught.value)


@pytest.mark.parametrize("path", ["", "a\0b.toml", "x" * 5000])
def test_what_cannot_be_a_path_is_refused(path: str) -> None:
    with pytest.raises(InputError):
        load_study(path)


# ---- anything at all -------------------------------------------------------------------------------------------------

words = st.sampled_from([
    *StudySettings.model_fields, *Arm.model_fields, *SERVICES,
    "study", "pool", "arm", "contrast", "parameters", "name", "families", "places", "against", "extends", "recovery",
])  # fmt: skip
names = st.one_of(words, st.text(max_size=8))
scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["ordinary", "ten", "oygarden", "2025", "on", "prior", "need"]),
    st.text(max_size=12).filter(lambda text: text.isprintable()),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
tables = st.dictionaries(names, values, max_size=5)
right = st.just(tomllib.loads(BASE))


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A right study with a few keys changed to anything: this reaches the deep checks that wild tables never see."""
    study: dict[str, Any] = tomllib.loads(BASE)
    for _ in range(draw(st.integers(0, 3))):
        table = draw(st.sampled_from([study["study"], study.setdefault("pool", {}), *study["arm"]]))
        table[draw(names)] = draw(values)
    return study


def as_toml(table: dict[str, Any]) -> str:
    return "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in table.items())


def study_or_message(path: Path) -> None:
    message = "no error"
    try:
        study = load_study(path)
    except InputError as error:
        message = str(error)
    else:
        assert isinstance(study, Study)
        json.dumps(study.resolved())
        tomllib.loads(study.to_toml())
        assert all(bool(plan.caseload) == bool(plan.coordinators) for plan in study.arms)
    assert message
    assert "\n" not in message


ANYTHING = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@ANYTHING
@given(st.one_of(nearly_right(), st.fixed_dictionaries({"study": tables, "arm": st.lists(tables, max_size=3)}), tables))
def test_any_table_is_a_study_or_gets_a_message(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "any.toml"
    path.write_text(as_toml(content), encoding="utf-8", errors="replace")
    study_or_message(path)


@ANYTHING
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_study_or_get_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(content)
    study_or_message(path)


@ANYTHING
@given(st.text(max_size=40) | st.tuples(words, words, scalars).map(lambda t: f"{t[0]}.{t[1]}={toml_value(t[2])}"))
def test_any_override_is_taken_or_gets_a_message(tmp_path: Path, option: str) -> None:
    path = tmp_path / "base.toml"
    path.write_text(BASE, encoding="utf-8")
    message = "no error"
    try:
        load_study(path, [option])
    except InputError as error:
        message = str(error)
    assert message
    assert "\n" not in message
