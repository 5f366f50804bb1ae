"""The command line: what it answers to right and wrong input, and that it answers at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import run
from scenarios import folders
from scenarios.folders import check_folder, default_folder, open_folder
from scenarios.options import Parser, add_options
from scenarios.progress import progress
from simulation.errors import InputError

ROOT = Path(run.__file__).resolve().parent
SMALL = """
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


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run.main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


# ---- at once ---------------------------------------------------------------------------------------------------------


def test_help_and_version_import_nothing_heavy() -> None:
    heavy = "numba mesa numpy pandas pydantic matplotlib rich scipy"
    for arguments in (["--help"], ["--version"], ["compare", "--help"]):
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import run; code = run.main({arguments!r}); "
            f"print('HEAVY', [name for name in {heavy!r}.split() if name in sys.modules]); sys.exit(code)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "HEAVY []" in done.stdout


def test_run_py_answers_from_any_folder() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("familiebaner ")


def test_help_lists_every_command_and_every_module_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "--help")
    assert (code, err) == (0, "")
    for command in run.COMMANDS:
        assert f"  {command.name} " in out
        code, out_command, _ = answer(capsys, command.name, "--help")
        assert code == 0
        assert "options:" in out_command


# ---- wrong input -----------------------------------------------------------------------------------------------------

LIMITS = "a whole number from"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("comapre", ["'comapre' is not a command", "did you mean 'compare'"]),
        ("small.toml", ["is not a command", "compare small.toml"]),
        ("compare --sed 3", ["--sed", "did you mean '--seed'"]),
        ("compare --see 3", ["--see", "did you mean '--seed'"]),
        ("compare one.toml two.toml", ["two.toml", "one argument too many"]),
        ("compare --seed -1", ["--seed", "'-1'", f"{LIMITS} 0 to 4294967295"]),
        ("compare --seed 4294967296", ["--seed", f"{LIMITS} 0 to 4294967295"]),
        ("compare --seed 1.5", ["--seed", LIMITS]),
        ("compare --replicates 1", ["--replicates", f"{LIMITS} 2 to 1000000"]),
        ("compare --replicates many", ["--replicates", LIMITS]),
        ("compare --workers 0", ["--workers", f"{LIMITS} 1 to 1024"]),
        ("compare --precision 0", ["--precision", "above 0"]),
        ("compare --precision nan", ["--precision", "above 0"]),
        ("compare --lang de", ["--lang", "nb", "en"]),
        ("compare --seed", ["--seed", "expected one argument"]),
        ("compare --force --resume", ["--force", "one of them"]),
        ("compare nowhere.toml", ["nowhere.toml", "does not exist", "caseload-10-vs-20"]),
        ("compare small.toml --set study.horizon_months=0", ["small.toml", "study.horizon_months", "1 to 240"]),
        ("compare small.toml --set arm.ten.casload=3", ["small.toml", "arm.ten.casload", "did you mean 'caseload'"]),
        ("compare small.toml --set seed", ["small.toml", "--set", "study.seed=7"]),
        ("compare small.toml --out small.toml", ["small.toml", "--out", "is a file"]),
        ("compare small.toml --out small.toml/run", ["--out", "is a file"]),
        ("compare small.toml --out full", ["full", "--out", "not empty", "--force"]),
        ("--set study.sed=3", ["caseload-10-vs-20.toml", "study.sed", "did you mean 'seed'"]),
    ],
)  # fmt: skip
def test_wrong_input_gets_exit_2_and_one_message_and_nothing_is_written(
    arguments: str, words: list[str], empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("small.toml").write_text(SMALL, encoding="utf-8")
    Path("full").mkdir()
    Path("full", "theirs.txt").write_text("keep", encoding="utf-8")
    before = contents(empty_folder)
    code, out, err = answer(capsys, *arguments.split())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert "Allowed: " in err
    for word in words:
        assert word in err
    assert contents(empty_folder) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    Path("locked").mkdir(mode=0o500)
    code, _, err = answer(capsys, "compare", "--out", "locked/run")
    assert (code, "--out" in err) == (2, True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder where even the administrator cannot write")
def test_a_folder_that_nobody_can_write_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = answer(capsys, "compare", "--out", "/proc/run")
    assert code == 2
    assert "/proc/run: --out: cannot be written" in err


# ---- what breaks and what is broken off ------------------------------------------------------------------------------


def broken(error: BaseException) -> object:
    def main(args: object) -> int:
        raise error

    return main


def test_a_bug_is_one_line_and_exit_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.comparison.main", broken(RuntimeError("two\nlines")))
    code, _, err = answer(capsys, "compare")
    assert code == 1
    assert err == "familiebaner: something broke: RuntimeError: two lines (FAMILIEBANER_DEBUG=1 shows where)\n"
    monkeypatch.setenv("FAMILIEBANER_DEBUG", "1")
    assert "Traceback" in answer(capsys, "compare")[2]


def test_an_interruption_is_one_line_and_exit_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenarios.comparison.main", broken(KeyboardInterrupt()))
    assert answer(capsys, "compare") == (130, "", "interrupted\n")


# ---- the folder of a run ---------------------------------------------------------------------------------------------


def test_runs_of_one_study_land_beside_each_other() -> None:
    assert default_folder("s") == Path("results/runs/s")
    assert default_folder("s", resume=True) == Path("results/runs/s")
    Path("results/runs/s").mkdir(parents=True)
    Path("results/runs/s-2").mkdir()
    assert default_folder("s") == Path("results/runs/s-3")
    assert default_folder("s", resume=True) == Path("results/runs/s-2")


def test_a_full_folder_is_written_only_when_told_so() -> None:
    Path("full").mkdir()
    check_folder(Path("full"))
    Path("full/a.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        check_folder(Path("full"))
    check_folder(Path("full"), force=True)
    with pytest.raises(InputError, match="holds no run that could go on"):
        check_folder(Path("full"), resume=True)
    Path("full/chunks").mkdir()
    check_folder(Path("full"), resume=True)


def test_a_run_that_was_killed_before_it_had_work_goes_on_and_is_no_other_command_s() -> None:
    Path("begun").mkdir()
    Path("begun/.inputs.json.123.tmp").touch()
    check_folder(Path("begun"), note="inputs.json")
    check_folder(Path("begun"), resume=True, note="inputs.json")
    Path("begun/inputs.json").touch()
    check_folder(Path("begun"), resume=True, note="inputs.json")
    with pytest.raises(InputError, match="holds no run that could go on"):
        check_folder(Path("begun"), resume=True)
    with pytest.raises(InputError, match="--resume to go on"):
        check_folder(Path("begun"), note="inputs.json")


def test_wrong_input_takes_away_the_folders_that_were_made() -> None:
    Path("there").mkdir()
    with pytest.raises(InputError), open_folder(Path("there/a/b")):
        raise InputError("no")
    assert list(Path("there").iterdir()) == []


def test_wrong_input_leaves_finished_work_where_it_is() -> None:
    folder = Path("a/b")

    def work() -> None:
        with open_folder(folder):
            (folder / "chunk").touch()
            raise InputError("the disk is full")

    with pytest.raises(InputError):
        work()
    assert [path.name for path in folder.iterdir()] == ["chunk"]


def test_wrong_input_takes_away_no_folder_of_another_run() -> None:
    def work() -> None:
        with open_folder(Path("there/a")):
            Path("there/b").mkdir()
            Path("there/b/manifest.json").touch()
            raise InputError("no")

    with pytest.raises(InputError):
        work()
    assert [path.name for path in Path("there").iterdir()] == ["b"]
    assert Path("there/b/manifest.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="no locks on Windows")
def test_a_run_that_finds_another_in_the_folder_it_made_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, make = Path("there/run"), folders._make
    with contextlib.ExitStack() as other:

        def made_by_both(path: Path) -> list[Path]:
            made = make(path)
            monkeypatch.setattr(folders, "_make", make)
            other.enter_context(open_folder(path))  # just after this one has made it
            (path / "chunks").mkdir()
            return made

        monkeypatch.setattr(folders, "_make", made_by_both)
        with pytest.raises(InputError, match="another run"), open_folder(folder):
            pytest.fail("was let in")
        assert (folder / "chunks").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="no locks on Windows")
def test_two_runs_cannot_share_a_folder_but_a_dead_lock_is_ignored() -> None:
    folder = Path("run")
    with (
        open_folder(folder),
        pytest.raises(InputError, match="another run"),
        open_folder(folder),
    ):
        pass
    (folder / ".lock").touch()
    check_folder(folder)
    with open_folder(folder):
        pass
    assert list(folder.iterdir()) == []


# ---- progress and options --------------------------------------------------------------------------------------------


def test_progress_is_a_line_for_every_tenth_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("work") as step:
        assert step is not None
        for done in range(501):
            step(done, 500)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 10
    assert err.splitlines()[-1].startswith("work: 500 of 500")


def test_progress_says_nothing_when_quiet() -> None:
    with progress("work", quiet=True) as step:
        assert step is None


def test_set_may_be_repeated() -> None:
    parser = Parser("run.py compare", "Compare.")
    add_options(parser, "set", "seed")
    args = parser.read(["--set", "a.b=1", "--seed", "7", "--set", "c.d=2"])
    assert (args.set, args.seed) == (["a.b=1", "c.d=2"], 7)


# ---- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_are_printed_for_people_and_as_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "parameters", "--json")
    records = json.loads(out)
    assert (code, err) == (0, "")
    assert {"name", "value", "low", "high", "unit", "prior", "link", "source", "grade"} <= set(records[0])
    _, text, _ = answer(capsys, "parameters", "--links")
    for record in records:
        assert (f"\n{record['name']} " in text) == record["link"]


# ---- the main job, small ---------------------------------------------------------------------------------------------


def test_a_study_is_compared_saved_and_taken_up_again(capsys: pytest.CaptureFixture[str]) -> None:
    Path("small.toml").write_text(SMALL + "[pool]\nfamilies = 40\n", encoding="utf-8")
    job = ["compare", "small.toml", "--lang", "en", "--set", "study.horizon_months=6"]
    code, out, err = answer(capsys, *job)
    folder = Path("results/runs/small")
    assert (code, "small: 4 of 4" in err) == (0, True)
    assert f"Written to {folder}" in out
    wanted = {"manifest.json", "outcomes.csv", "differences.csv", "variance.csv", "costs.csv", "report.html", "figures"}
    assert wanted <= {path.name for path in folder.iterdir()}
    assert not {"chunks", ".lock"} & {path.name for path in folder.iterdir()}

    before = contents(folder)
    assert answer(capsys, *job, "--resume") == (0, f"{folder} is finished already\n", "")
    code, _, err = answer(capsys, *job, "--resume", "--seed", "2")
    assert (code, "had other inputs" in err) == (2, True)
    assert contents(folder) == before
    assert answer(capsys, *job, "--out", str(folder))[0] == 2
