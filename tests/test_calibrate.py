"""A fit from the user's side: what it writes, that it goes on after a stop and repeats itself, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import run
from calibration import fitting, pieces, recovery, table
from calibration import leave_one_out as leaving
from calibration.fitting import Fit, Inputs, Size
from calibration.likelihood import Likelihood, sample
from calibration.posteriors import trade_offs
from calibration.priors import columns_to_normal
from calibration.questions import Question, Setting
from calibration.recovery import recover
from calibration.screening import chosen, screen, strength
from calibration.table import Job, Rows, simulate_rows
from calibration.targets import Target
from scenarios import comparison
from scenarios.comparison import compare
from scenarios.study import Study, load_study
from simulation.errors import InputError
from simulation.outcomes import FloatArray
from simulation.parameters import prior_values

ROOT = Path(run.__file__).resolve().parent
STUDY = """
[study]
name = "little"
profile = "oygarden"
horizon_months = 6
burn_in_months = 36
replicates = 4
seed = 1
prices = "2025"
follow_up = "familiepluss"
[pool]
families = 30
[[arm]]
name = "ordinary"
[[arm]]
name = "caseload-10"
coordinators = 1
caseload = 3
[[arm]]
name = "caseload-20"
coordinators = 1
caseload = 6
[[contrast]]
name = "10 vs 20, same staff"
arm = "caseload-10"
against = "caseload-20"
"""
HEAD = """
[targets]
name = "mine"
[fit]
parameters = ["stop_applying", "apply_again", "job_entry"]
"""
WORK = """
[[target]]
name = "work"
statistic = "pool.employed_share"
setting = { profile = "oygarden", prices = "2025", families = 60 }
kind = "count"
k = 60
n = 150
role = "fit"
source = "our own"
grade = "B"
"""
ASSISTANCE = """
[[target]]
name = "assistance"
statistic = "pool.social_assistance_share"
setting = { profile = "oygarden", prices = "2025", families = 60 }
kind = "value"
value = 0.4
se = 0.03
discrepancy = 0.05
role = "fit"
source = "our own"
grade = "B"
"""
MONTHS = """
[[target]]
name = "months"
statistic = "pool.assistance_months"
setting = { profile = "oygarden", prices = "2025", families = 60 }
kind = "value"
value = 6.2
se = 0.3
role = "validate"
source = "our own"
grade = "B"
"""
OFFICE = """
[[target]]
name = "change"
statistic = "office.payment_change"
setting = { month = 30 }
kind = "value"
value = -0.5
se = 0.1
role = "fit"
source = "our own"
grade = "B"
"""
MINE = HEAD + WORK + ASSISTANCE + MONTHS
TABLES = ("parameters", "targets", "trade_offs", "leave_one_out", "explanations")
WRITTEN = {"posterior.parquet", "manifest.json", *(f"{name}.csv" for name in TABLES)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a targets file, and a small study to be decided in place of the shipped one."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "mine.toml").write_text(MINE, encoding="utf-8")
    (folder / "little.toml").write_text(STUDY, encoding="utf-8")
    return folder


def short_sample(likelihood: Likelihood, dimensions: int, *, seed: int, draws: int, **_: Any) -> Any:
    """Short chains, long enough for two or three inputs."""
    return sample(likelihood, dimensions, seed=seed, draws=draws, burn=60, thin=10)


def make_little(study: Path, put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Decide a small study in place of the shipped one, and sample shortly."""
    put(comparison, "MAIN_STUDY", study)
    for module in (fitting, leaving, recovery):
        put(module, "sample", short_sample)


@pytest.fixture(scope="module", autouse=True)
def little_study(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_little(home / "little.toml", patch.setattr)
        yield


def fit(home: Path, *arguments: str) -> int:
    return run.main(["calibrate", str(home / "mine.toml"), "--rows", "200", "--quiet", *arguments])


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    """One finished fit, on one core."""
    assert fit(home, "--out", str(home / "fit"), "--posterior", str(home / "beside.parquet"), "--workers", "1") == 0
    return home / "fit"


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with the same files."""
    for name in ("mine.toml", "little.toml"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one message with which a command line is refused, with nothing written."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    code = run.main(arguments)
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    return str(err)


# ---- what is written -------------------------------------------------------------------------------------------------


def test_a_fit_writes_posterior_tables_figures_and_what_it_was_made_from(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} >= WRITTEN
    assert {path.suffix for path in (finished / "figures").iterdir()} == {".svg", ".png"}
    tables = {name: pd.read_csv(finished / f"{name}.csv") for name in TABLES}
    assert list(tables["parameters"]["parameter"]) == ["stop_applying", "apply_again", "job_entry"]
    assert list(tables["targets"]["target"]) == ["work", "assistance", "months"]
    assert list(tables["leave_one_out"]["target"]) == ["work", "assistance"]
    assert set(tables["explanations"]["explanation"]) == {"all"}  # none of its parameters speaks for any explanation
    assert tables["targets"]["emulated"].notna().tolist() == [True, True, False]
    numbers = tables["parameters"][["mean", "p05", "p50", "p95", "contraction", "ess", "r_hat"]]
    assert np.isfinite(numbers.to_numpy()).all()
    made = json.loads((finished / "manifest.json").read_text(encoding="utf-8"))
    assert (made["seed"], made["size"]["prior"], made["fitted"]) == (
        1,
        200,
        ["stop_applying", "apply_again", "job_entry"],
    )
    assert {"source_hash", "calibration_hash", "files", "packages", "command", "seconds"} <= set(made)


def test_draws_have_weights_and_lie_where_the_prior_allows(finished: Path) -> None:
    draws = pd.read_parquet(finished / "posterior.parquet")
    assert list(draws.columns) == ["stop_applying", "apply_again", "job_entry", "weight"]
    assert len(draws) == 1000
    z = columns_to_normal(["job_entry"], np.tile(prior_values(1, 0), (2, 1)))
    assert np.isfinite(z).all()
    assert (draws > 0.0).all().all()
    assert (finished.parent / "beside.parquet").read_bytes() == (finished / "posterior.parquet").read_bytes()


def test_a_study_runs_under_the_posterior(finished: Path, here: Path) -> None:
    (here / "own.parquet").write_bytes((finished / "posterior.parquet").read_bytes())
    for said in (finished / "posterior.parquet", "own.parquet", "./own.parquet"):
        study = load_study("little.toml", [f"study.posterior={said}"])
        assert Path(study.arms[0].posterior).is_file()
    under, prior = (compare(each, workers=1).differences for each in (study, load_study("little.toml")))
    assert len(under)
    assert not under.equals(prior)


def test_a_finished_fit_stays_as_it_is(finished: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    arguments = ("--out", str(finished), "--resume", "--posterior", str(home / "beside.parquet"), "--workers", "2")
    assert fit(home, *arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before
    assert fit(home, "--out", str(finished)) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--seed", "2"], "seed"),
        (["--rows", "201"], "size"),
        (["--quick"], "size"),
    ],
)
def test_a_finished_fit_of_other_inputs_is_refused(
    finished: Path, home: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    arguments = [*(["--rows", "200"] if "--rows" not in more and "--quick" not in more else []), *more]
    code = run.main(["calibrate", str(home / "mine.toml"), "--out", str(finished), "--resume", *arguments])
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert words in err
    assert "another --out" in err


def test_a_finished_fit_to_other_figures_is_refused(
    finished: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.toml").write_text(MINE.replace("k = 60", "k = 61"), encoding="utf-8")
    err = refused(capsys, "calibrate", "mine.toml", "--rows", "200", "--out", str(finished), "--resume")
    assert "(files)" in err


# ---- stopped, and gone on with ---------------------------------------------------------------------------------------


def test_a_fit_that_was_stopped_goes_on_to_the_same_bytes_on_two_cores(
    finished: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chunks = 0
    store = pieces._store

    def stopped(*arguments: Any) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 10:
            raise KeyboardInterrupt
        store(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pieces, "_store", stopped)
        assert fit(here, "--out", "fit", "--workers", "1") == 130
    assert "--resume --out fit" in capsys.readouterr().err
    assert not (WRITTEN & {path.name for path in Path("fit").iterdir()})
    assert fit(here, "--out", "fit", "--resume", "--seed", "2") == 2
    capsys.readouterr()
    asked = []
    ask = table.ask
    with monkeypatch.context() as patch:
        patch.setattr(table, "ask", lambda *args, **said: (asked.append(said["number"]), ask(*args, **said))[1])
        assert fit(here, "--out", "fit", "--resume", "--workers", "2") == 0
    assert len(asked) == 2 * 200 + 100 + 2 * 100 - 9 * table.CHUNK, "what was simulated is not simulated again"
    for name in sorted(WRITTEN - {"manifest.json"}):
        assert Path("fit", name).read_bytes() == (finished / name).read_bytes(), name


@pytest.mark.long
@pytest.mark.parametrize("trial", range(6))
def test_a_fit_that_was_killed_at_any_moment_goes_on_to_the_same_bytes(finished: Path, here: Path, trial: int) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]; import run, test_calibrate as t; "
        "t.make_little(t.Path('little.toml').absolute()); sys.exit(run.main(sys.argv[1:]))"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "calibrate",
        "mine.toml",
        "--rows",
        "200",
        "--out",
        "fit",
        "--resume",
        "--quiet",
    ]
    chance = random.Random(trial)
    for _ in range(2):
        started = subprocess.Popen(command)
        time.sleep(chance.uniform(2.0, 12.0))
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    assert subprocess.run(command, check=False).returncode == 0
    for name in sorted(WRITTEN - {"manifest.json"}):
        assert Path("fit", name).read_bytes() == (finished / name).read_bytes(), name


def test_force_begins_anew_with_other_inputs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from calibration import calibrate

    begun = []
    monkeypatch.setattr(calibrate, "_calibrate", lambda args, file, folder, inputs: begun.append(inputs["seed"]))
    old = Path("fit", "chunks", "prior")
    old.mkdir(parents=True)
    Path("fit", "manifest.json").write_text("{}", encoding="utf-8")
    assert fit(here, "--out", "fit", "--seed", "2", "--force") == 0
    assert begun == [2]
    assert not old.exists(), "simulations of other inputs"
    assert not Path("fit", "manifest.json").exists(), "an unfinished fit must not look finished"


# ---- wrong input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINE.replace('role = "fit"', 'role = "validate"'), ["no target with role fit", 'role = "fit"']),
        (MINE.replace("pool.employed_share", "pool.employd_share"), ["target.work.statistic", "pool.employed_share"]),
        (MINE.replace("pool.employed_share", "pol.employed_share"), ["target.work.statistic", "--list"]),
        (MINE.replace("se = 0.03", "se = 0"), ["target.assistance.se"]),
        (MINE.replace("se = 0.03", "se = -1.0"), ["target.assistance.se"]),
        (MINE.replace("k = 60", "k = 151"), ["target.work.k", "151 of 150"]),
        (MINE + WORK.replace('"work"', '"again"'), ["target.again.statistic", "asks the same as target work"]),
        (MINE.replace('"job_entry"]', '"job_enty"]'), ["fit.parameters", "job_entry"]),
        (MINE.replace('"job_entry"]', '"apply_again"]'), ["fit.parameters", "stands twice"]),
        (HEAD + OFFICE.replace("month = 30", "before = 24"), ["target.change.setting.before", "1 to 12"]),
        (HEAD + OFFICE.replace("month = 30", "month = 6"), ["target.change.setting.after", "1 to 6"]),
        (HEAD + OFFICE.replace("month = 30", "coordinators = 0"), ["target.change.setting.coordinators"]),
        (HEAD, ["has no targets"]),
        ("[[target]\n", ["mine.toml"]),
    ],
)
def test_a_wrong_targets_file_is_one_message(
    here: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str]
) -> None:
    (here / "mine.toml").write_text(text, encoding="utf-8")
    for command in ("calibrate",) if "role fit" in words[0] else ("calibrate", "validate"):
        err = refused(capsys, command, "mine.toml")
        assert all(word in err for word in words), err
        assert "mine.toml" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nope.toml", ["there are no targets 'nope.toml'"]),
        ("norwy", ["did you mean 'norway'"]),
        ("mine.toml --force --resume", ["--force", "one of them"]),
        ("mine.toml --posterior there.parquet", ["there.parquet", "is there already", "--force"]),
        ("mine.toml --posterior there.parquet --resume", ["there.parquet", "is there already"]),
        ("mine.toml --posterior draws.csv", ["draws.csv", ".parquet"]),
        ("mine.toml --posterior folder", ["folder", ".parquet"]),
        ("mine.toml --posterior there.parquet/x.parquet", ["cannot be written"]),
        ("mine.toml --rows 20", ["--rows", "200"]),
        ("mine.toml --out there.parquet", ["--out", "is a file"]),
        ("mine.toml --out folder", ["--out", "not empty"]),
        ("mine.toml --out folder --resume", ["--out", "no run that could go on"]),
        ("mine.toml --screen --recovery", ["--screen", "--recovery"]),
        ("mine.toml --screen --write page.md", ["--screen", "--write"]),
        ("mine.toml --write page.md", ["page.md"]),
        ("mine.toml --sed 1", ["--sed", "'--seed'"]),
    ],
)
def test_a_wrong_option_is_one_message(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: str, words: list[str]
) -> None:
    (here / "there.parquet").write_text("something", encoding="utf-8")
    (here / "folder").mkdir()
    (here / "folder" / "notes.txt").write_text("mine", encoding="utf-8")
    err = refused(capsys, "calibrate", *arguments.split())
    assert all(word in err for word in words), err


def test_without_the_extra_a_fit_says_what_to_install(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "emcee" else find(name, *more))
    err = refused(capsys, "calibrate", "mine.toml")
    assert "emcee" in err
    assert "familiebaner[calibration]" in err


def test_a_study_refuses_a_posterior_of_other_priors(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = {b"familiebaner": json.dumps({"parameters_hash": "0" * 64}).encode()}
    pq.write_table(pa.table({"job_entry": [0.08]}).replace_schema_metadata(told), "old.parquet")
    for said, words in (("old.parquet", "another version"), ("new.parquet", "not a file"), ("nonsense", "not known")):
        err = refused(capsys, "compare", "little.toml", "--set", f"study.posterior={said}", "--out", "found")
        assert words in err


# ---- a world whose answers are known ---------------------------------------------------------------------------------

FITTED = ("stop_applying", "job_entry", "apply_again")
SLOPES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.6, 0.0]])
"""Of four answers in the three fitted parameters as standard normal numbers; nothing depends on the third."""
NOISE = 0.5


def linear_answers(values: FloatArray, number: int, count: int, noise: float = NOISE) -> FloatArray:
    z = columns_to_normal(FITTED, values[None])[0]
    chance = np.random.Generator(np.random.Philox(key=number))
    found = SLOPES[:count] @ z + noise * chance.standard_normal(count)
    return np.column_stack([found, np.full(count, 0.5)])


@pytest.fixture
def linear_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers and the study's differences are linear in the fitted parameters, with noise keyed by number."""

    def study_answers(job: Job, values: FloatArray, number: int) -> FloatArray:
        return linear_answers(values, 10**9 + number, len(SLOPES))[3:, 0] if job.study is not None else np.empty(0)

    def ask(questions: tuple[Question, ...], values: FloatArray, *, seed: int, number: int) -> FloatArray:
        return linear_answers(values, number, len(questions))

    monkeypatch.setattr(table, "ask", ask)
    monkeypatch.setattr(table, "study_answers", study_answers)
    monkeypatch.setattr(recovery, "study_answers", study_answers)
    monkeypatch.setattr(Job, "names", lambda job: () if job.study is None else ("10 vs 20 | employed_share",))


def figure(name: str, statistic: str, **said: Any) -> Target:
    said = {"kind": "value", "value": 0.0, "se": 0.3} | said
    if said["kind"] != "value":
        said = {key: value for key, value in said.items() if key not in ("value", "se")}
    return Target.model_validate(
        {"name": name, "statistic": statistic, "role": "fit", "source": "x", "grade": "B"} | said
    )


def figures(*values: float) -> tuple[Target, ...]:
    names = ("pool.employed_share", "pool.social_assistance_share", "pool.full_time_share")
    return tuple(figure(f"t{i}", name, value=value) for i, (name, value) in enumerate(zip(names, values, strict=True)))


SMALL = Size(prior=600, later=100, predictive=20, draws=1000, explained=2)


def fitted(targets: tuple[Target, ...], parameters: tuple[str, ...] = FITTED[:2]) -> Fit:
    from contextlib import nullcontext

    return fitting.fit(
        targets, Inputs(parameters, None), None, SMALL, seed=1, folder=None, workers=1, stage=lambda name: nullcontext()
    )


def posterior_of(slopes: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of the inputs in closed form."""
    weight = 1.0 / 0.3**2  # chance of a simulated world is taken off: a published figure has an error of its own
    covariance = np.linalg.inv(np.eye(slopes.shape[1]) + weight * slopes.T @ slopes)
    return covariance @ slopes.T @ seen * weight, covariance


@pytest.mark.usefixtures("linear_world")
def test_a_whole_fit_of_a_linear_world_is_the_one_in_closed_form() -> None:
    found = fitted(figures(1.0, -0.5, 0.2))
    mean, covariance = posterior_of(SLOPES[:3, :2], np.array([1.0, -0.5, 0.2]))
    assert np.abs(found.z.mean(axis=0) - mean).max() < 0.12
    assert np.abs(np.cov(found.z, rowvar=False) - covariance).max() < 0.08


@pytest.mark.usefixtures("linear_world")
def test_a_target_left_out_is_foretold_by_the_others() -> None:
    found = fitted(figures(1.0, 0.5, 0.75))
    other = replace(found, targets=figures(1.0, 0.5, -3.0))  # the emulator knows nothing of what was published
    agree, against = (leaving.leave_one_out(each, workers=1) for each in (found, other))
    assert agree["inside"].all()
    row = agree.iloc[2]
    mean, covariance = posterior_of(SLOPES[:2, :2], np.array([1.0, 0.5]))
    spread = np.sqrt(SLOPES[2, :2] @ covariance @ SLOPES[2, :2] + 0.3**2)
    assert row["mean"] == pytest.approx(SLOPES[2, :2] @ mean, abs=0.15)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.645 * spread, rel=0.15)
    assert not against.iloc[2]["inside"], "it pulls against the others"


@pytest.mark.usefixtures("linear_world")
def test_one_parameter_and_one_target_are_enough() -> None:
    found = fitted(figures(1.0, 0.0, 0.0)[:1], FITTED[:1])
    assert len(trade_offs(found)) == 0
    alone = leaving.leave_one_out(found, workers=1)
    assert alone.iloc[0]["mean"] == pytest.approx(0.0, abs=0.15), "foretold by the prior"
    assert alone["inside"].all()


def test_a_target_that_few_worlds_can_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(questions: tuple[Question, ...], values: FloatArray, *, seed: int, number: int) -> FloatArray:
        found = linear_answers(values, number, len(questions))
        found[1] = np.nan if number % 6 else found[1]
        return found

    monkeypatch.setattr(table, "ask", ask)
    with pytest.raises(InputError, match="200 of 600 simulated worlds") as told:
        fitted(figures(0.0, 0.0, 0.0))
    assert told.value.key == "target.t1"


def test_amounts_in_kroner_are_as_good_as_shares(
    recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(questions: tuple[Question, ...], values: FloatArray, *, seed: int, number: int) -> FloatArray:
        return linear_answers(values, number, len(questions)) * [[5000.0, 1.0]] + [[40_000.0, 0.0]]

    monkeypatch.setattr(table, "ask", ask)
    found = fitted((figure("income", "pool.disposable_income", value=45_000.0, se=1500.0),), FITTED[:1])
    mean, _ = posterior_of(SLOPES[:1, :1], np.array([1.0]))
    assert found.z.mean() == pytest.approx(mean[0], abs=0.12)
    assert not [str(warning.message) for warning in recwarn if "overflow" in str(warning.message)]


# ---- screening -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("linear_world")
def test_screening_ranks_by_slope_and_what_is_wired_to_nothing_is_last() -> None:
    targets = figures(0.0, 0.0, 0.0)
    found = screen(Job(tuple(target.question for target in targets), None, 1), targets, trajectories=3)
    seen = strength(found)
    assert set(seen.index[:2]) == {"stop_applying", "job_entry"}
    assert (seen.iloc[:2] > 0.0).all()
    assert (seen.iloc[2:] < 1e-6).all()
    assert "apply_again" not in chosen(found, 2)
    only = screen(Job((targets[2].question, targets[1].question), None, 1), (targets[2], targets[1]), trajectories=3)
    assert chosen(only, 1) == ("stop_applying",)


def test_what_a_coordinator_does_cannot_be_seen_where_there_is_none() -> None:
    setting = Setting(profile="oygarden", prices="2025", families=20)
    target = figure("work", "pool.employed_share", setting=setting.model_dump(exclude_none=True))
    found = screen(Job((target.question,), None, 1), (target,), trajectories=2).set_index("parameter")
    assert found.loc["dose_half", "mu_star"] == 0.0
    assert found.loc["net_hours", "mu_star"] == 0.0
    assert found["mu_star"].max() > 0.0
    assert found["scaled"].notna().all()


# ---- recovery --------------------------------------------------------------------------------------------------------


def recovered(
    monkeypatch: pytest.MonkeyPatch, truths: int, home: Path, overconfident: float = 1.0, folder: Path | None = None
) -> pd.DataFrame:
    targets = (
        *figures(0.0, 0.0, 0.0)[:2],
        figure("null", "trial.employed_share.coordinator_v_ordinary", kind="not_significant", half_width=1.0),
    )
    study: Study = load_study(home / "little.toml")
    job = Job(tuple(target.question for target in targets), study, 1)
    made = fitting.emulator_of

    def emulator_of(*arguments: Any) -> Any:
        emulator = made(*arguments)
        return replace(emulator, spread=emulator.spread / overconfident)

    monkeypatch.setattr(recovery, "emulator_of", emulator_of)
    values = np.stack([prior_values(1, k) for k in range(600)])
    rows: Rows = simulate_rows(job, values, 2 * np.arange(600), workers=1)
    return recover(
        targets, Inputs(FITTED, None), job, rows, truths=truths, replicates=8, folder=folder, workers=1
    ).table()


@pytest.mark.usefixtures("linear_world")
def test_true_parameters_and_the_true_answer_are_recovered_as_often_as_the_intervals_say(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recovered(monkeypatch, 30, home)
    assert found["inside"].all(), found
    contraction = found.groupby("quantity")["contraction"].first()
    assert contraction["stop_applying"] > 0.5
    assert contraction["10 vs 20 | employed_share"] > 0.5
    assert abs(contraction["apply_again"]) < 0.15, "the data say nothing of it"


@pytest.mark.usefixtures("linear_world")
def test_a_likelihood_that_is_too_sure_of_itself_is_found_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = recovered(monkeypatch, 20, home, overconfident=9.0)
    seen = found[found["quantity"].isin(["stop_applying", "job_entry"])]
    assert not seen["inside"].all(), found


@pytest.mark.usefixtures("linear_world")
def test_a_recovery_goes_on_with_whole_truths_and_makes_damaged_ones_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recovered(monkeypatch, 4, home, folder=tmp_path)
    stored = sorted(path for path in tmp_path.iterdir() if path.name != "inputs.json")
    assert len(stored) == 4
    half, flipped = stored[1:3]
    right = flipped.read_bytes()
    half.write_bytes(half.read_bytes()[:1_000])
    flipped.write_bytes(right[:3_000] + bytes([right[3_000] ^ 1]) + right[3_001:])
    sampled: list[int] = []

    def counted(*arguments: Any, seed: int, **options: Any) -> Any:
        sampled.append(seed - recovery.FITS - 1)
        return sample(*arguments, seed=seed, **options)

    sample = recovery.sample
    monkeypatch.setattr(recovery, "sample", counted)
    pd.testing.assert_frame_equal(recovered(monkeypatch, 4, home, folder=tmp_path), whole)
    assert sampled == [1, 2]
