"""The documentation says what is so: its examples run, what it names is there, its links lead somewhere.

A ``python`` block of README.md or docs/how-to.md is run as it stands, in an empty folder. A block that is not to be run
has ``<!-- not run -->`` on the line before it.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import run
from scenarios import load_study
from scenarios.options import Parser
from simulation.outcomes import OUTCOME_NAMES
from simulation.parameters import parameter_names

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
NAMES = set(parameter_names())
STEMS = {name.split(".")[0] for name in NAMES}
EXAMPLES = ("README.md", "docs/how-to.md")
TABLES_OF_PARAMETERS = ("docs/evidence.md",)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> Iterator[str]:
    """The fenced blocks of a page in a language ("" for none)."""
    fences = re.finditer(r"^(<!-- not run -->\n)?```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    for skipped, found, content in (fence.groups() for fence in fences):
        if found == language and not skipped:
            yield content


def parametrised(pages: tuple[str, ...], language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page}-{number}")
        for page in pages
        for number, block in enumerate(blocks(page, language), start=1)
    ]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", parametrised(EXAMPLES, "python"))
def test_an_example_in_python_runs_as_it_stands(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "example", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out.strip(), "an example prints something"


def test_the_study_of_the_interface_page_is_a_study(empty_folder: Path) -> None:
    (study, *_) = blocks("docs/interface.md", "toml")
    (empty_folder / "study.toml").write_text(study, encoding="utf-8")
    assert [plan.name for plan in load_study("study.toml").arms] == ["ordinary", "caseload-10"]


def test_the_studies_of_the_recipes_extend_the_shipped_ones(empty_folder: Path) -> None:
    staffing, county = (block for block in blocks("docs/how-to.md", "toml") if "extends" in block)
    (empty_folder / "three.toml").write_text(staffing, encoding="utf-8")
    assert ("3 vs 2 coordinators", "three-coordinators", "caseload-10") in load_study("three.toml").contrasts
    (empty_folder / "west.toml").write_text(county, encoding="utf-8")
    west = load_study("west.toml")
    assert len(west.places) == 43
    assert {place.name: place.profile.families for place in west.places}["Bømlo"] == 130
    assert west.arm("caseload-10").coordinators > load_study("vestland").arm("caseload-10").coordinators


def test_the_places_of_the_interface_page_are_a_study(empty_folder: Path) -> None:
    first, places, *_ = blocks("docs/interface.md", "toml")
    head = first.split("[pool]")[0]
    (empty_folder / "places.toml").write_text(f'{head}{places}\n[[arm]]\nname = "ordinary"\n', encoding="utf-8")
    study = load_study("places.toml")
    assert len(study.places) == 388
    assert {place.name: place.profile.families for place in study.places}["Osterøy"] == 77


@pytest.mark.parametrize("page", ["docs/how-to.md", "docs/interface.md"])
def test_every_toml_block_is_toml(page: str) -> None:
    for block in blocks(page, "toml"):
        assert tomllib.loads(block)


def command_lines() -> list[str]:
    pages = (*EXAMPLES, "docs/evidence.md")
    lines = [line for page in pages for block in blocks(page, "") for line in block.splitlines()]
    # A comment stands two spaces or more behind the command; what is piped on is not ours.
    return [re.split(r" {2,}|\|", line)[0].strip() for line in lines if line.startswith("python run.py ")]


@pytest.mark.parametrize("line", command_lines())
def test_a_printed_command_is_one_that_the_command_line_takes(line: str) -> None:
    words = shlex.split(line)[2:]
    if words == ["--help"]:
        return
    command = next(command for command in run.COMMANDS if command.name == words[0])
    parser = Parser(prog="run.py", description="")
    import_module(command.module).add_arguments(parser)
    args = parser.read(words[1:])
    if command.name == "compare" and (args.study is None or not str(args.study).endswith(".toml")):
        own = ("study.profile", "study.posterior")  # those files are the reader's
        ours = [text for text in args.set if not text.startswith(own)]
        assert load_study(args.study or "caseload-10-vs-20", ours).arms


def test_the_interface_page_lists_the_commands_that_work_and_plans_the_others() -> None:
    now, _, planned = text_of("docs/interface.md").partition("## Planned")
    listed = set(re.findall(r"^python run\.py ([a-z][a-z-]*)", now, re.MULTILINE))
    assert listed == {command.name for command in run.COMMANDS}
    assert not listed & set(re.findall(r"^python run\.py ([a-z][a-z-]*)", planned, re.MULTILINE))


# ---- names -----------------------------------------------------------------------------------------------------------


@cache
def defined(path: str) -> frozenset[str]:
    """The functions, classes and constants at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_function_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`([\w./-]+\.(?:py|toml|csv|md))(?::(\w+))?`", page.read_text(encoding="utf-8"))
    for path, function in named:
        if "/" not in path or path.startswith("results/runs"):
            assert not function
            continue
        assert (ROOT / path).is_file(), path
        assert not function or function in defined(path), f"{path}:{function}"


def test_every_parameter_has_its_place_in_the_description_of_the_model() -> None:
    lines = re.findall(r"^Parameters: (.*?)\.\n\n", text_of("docs/model.md"), re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([\w.]+)`", " ".join(lines)))
    assert named - NAMES == set(), "docs/model.md names parameters that are not there"
    assert NAMES - named == set(), "docs/model.md lacks parameters: add them to the `Parameters:` line of their rule"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_dotted_name_of_a_parameter_is_a_parameter(page: Path) -> None:
    words = re.findall(r"`(?:parameters\.)?([a-z_]+\.[a-z_]+)(?:=[^`]*)?`", page.read_text(encoding="utf-8"))
    words = [word for word in words if not word.endswith((".csv", ".toml", ".json"))]  # recovery.csv
    assert [word for word in words if word.split(".")[0] in STEMS and word not in NAMES] == []
    settings = re.findall(r"--set parameters\.([a-z_.]+)=", page.read_text(encoding="utf-8"))
    assert [name for name in settings if name not in NAMES] == []


@pytest.mark.parametrize("page", TABLES_OF_PARAMETERS)
def test_the_column_of_parameters_in_a_table_holds_parameters(page: str) -> None:
    column, seen = None, 0
    for line in text_of(page).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            column = None
        elif "parameters" in cells:
            column = cells.index("parameters")
        elif column is not None:
            words = re.findall(r"`([\w.]+)`", cells[column])
            assert [word for word in words if word not in NAMES | STEMS] == []
            seen += len(words)
    assert seen


def test_the_interface_page_explains_every_outcome_and_no_other() -> None:
    table = text_of("docs/interface.md").split("\n## Outcomes\n")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    patterns = [re.sub(r"<\w+>", r"\\w+", name) for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]
    matched = {pattern: [name for name in OUTCOME_NAMES if re.fullmatch(pattern, name)] for pattern in patterns}
    assert [pattern for pattern, names in matched.items() if not names] == []
    assert set(OUTCOME_NAMES) - {name for names in matched.values() for name in names} == set()


# ---- links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_documentation_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|home|root|tmp|Users)/", page.read_text(encoding="utf-8"))
