"""Which assumptions drive the answer: from a finished sensitivity analysis, shipped as a small table with where it comes from.

``python -m scenarios.lab.why RUN_DIR`` makes ``drivers.toml`` from the folder of ``run.py sensitivity``.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from results import files
from results.blocks import Table
from results.language import capital, number, parameter_name, say
from results.sensitivity_section import TEXT, TOLD, drivers_table, driving, slopes
from results.sensitivity_words import listed, name_of, short
from results.versions import same_results
from scenarios.files import read_toml, toml_value
from simulation.compiled import SOURCE_HASH
from simulation.errors import InputError

if TYPE_CHECKING:
    from scenarios.study import Study

FILE: Final = Path(__file__).resolve().parent / "drivers.toml"
SAME_STAFF, SAME_FAMILIES = "10 vs 20, same staff", "10 vs 20, same families"
HEAD: Final = ("command", "made_by", "study", "posterior", "seed", "draws", "source_hash", "analysis_hash")


@dataclass(frozen=True)
class Why:
    """What drives the answer, in words and as a table."""

    caution: str
    """whose analysis it is, and how it fits the two plans"""
    found: tuple[str, ...]
    """which assumptions are told from chance, an outcome each; none of them is an answer too"""
    table: Table
    links: str
    """the links that move these differences most, the first first"""
    made: str
    """how the analysis was made"""


# ---- told ------------------------------------------------------------------------------------------------------------


def why(study: Study, lang: str) -> Why:
    """What drives the difference that is most like the one between the two plans.

    Parameters
    ----------
    study : of the lab: today's plan, then the planner's
    """
    kept = drivers()
    name, fits = like(study)
    rows = kept.table[kept.table["contrast"] == name]
    title = kept.head["title"][name][lang]
    names = listed([parameter_name(link, lang) for link in kept.head["links"][:4]], lang)
    made = say("lab_why.made", lang, command=kept.head["command"], draws=number(kept.head["draws"], lang))
    same = same_results(kept.head["source_hash"], SOURCE_HASH)
    older = "" if same else f" {say('document.sensitivity_other_code', lang)}"
    table = drivers_table(rows, title, lang)
    assert table is not None  # the shipped table has rows of each of its contrasts
    return Why(
        caution=say(f"lab_why.{fits}", lang, name=title),
        found=tuple(_found(rows, kept.head["assumptions"], lang)),
        table=table,
        links=say("lab_why.links", lang, names=names),
        made=made + older,
    )


def _found(rows: pd.DataFrame, count: int, lang: str) -> Iterator[str]:
    for outcome, of in rows.groupby("outcome", sort=False):
        names = [name_of(str(name), lang) for name in of[of["told"] == "yes"]["parameter"]]
        told = {
            "outcome": capital(short(str(outcome), lang)),
            "names": listed(names, lang),
            "count": number(count, lang),
        }
        yield say(f"lab_why.{'told' if names else 'none_told'}", lang, **told)


def like(study: Study) -> tuple[str, str]:
    """The analysed contrast that is most like the two plans, and how it fits: ``like``, ``unlike`` or ``nobody``."""
    _, *sides = study.contrasts[0]
    plan, today = map(study.arm, sides)
    if not (today.coordinators and plan.coordinators):
        return SAME_FAMILIES, "nobody"
    contrast = SAME_STAFF if today.coordinators == plan.coordinators else SAME_FAMILIES
    return contrast, "like" if today.caseload != plan.caseload else "unlike"


@dataclass(frozen=True)
class Drivers:
    """The shipped table, and what stands at its head."""

    head: Mapping[str, Any]
    table: pd.DataFrame
    """``TOLD``"""


@functools.cache
def drivers() -> Drivers:
    """The shipped table."""
    content = read_toml(FILE)
    return Drivers(content, pd.DataFrame(content.pop("driver"), columns=list(TOLD)))


def leading_links() -> tuple[str, ...]:
    """Every link that the analysis has, those that move the differences most surely first."""
    return tuple(drivers().head["links"])


# ---- made ------------------------------------------------------------------------------------------------------------


def make(folder: Path) -> str:
    """The shipped table from the folder of a finished analysis, as TOML.

    Raises
    ------
    InputError : the folder is not that of an analysis of the main study
    """
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study

    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        whole = files.read_csv(folder / "sensitivity.csv", (*TEXT, "link"), ("value", "low", "high"))
        head = {
            "command": manifest["command"], "made_by": "python -m scenarios.lab.why", "study": manifest["study_name"],
            "posterior": manifest["posterior_name"], "seed": manifest["seed"], "draws": manifest["size"]["draws"],
            "source_hash": manifest["source_hash"], "analysis_hash": manifest["analysis_hash"],
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"is no finished sensitivity analysis: {error}", file=folder) from None
    titles = load_study(MAIN_STUDY).titles["contrasts"]
    return "\n".join(_lines(head, whole, titles)) + "\n"


def _lines(head: Mapping[str, Any], whole: pd.DataFrame, titles: Mapping[str, Any]) -> Iterator[str]:
    yield "# What drives the difference in each outcome: the largest slopes for one standard deviation of an assumption,"
    yield "# with 95 % intervals. Made by a command; do not edit."
    for key in HEAD:
        yield f"{key} = {toml_value(head[key])}"
    yield f"assumptions = {slopes(whole)['parameter'].nunique()}"
    yield f"links = {toml_value(_links(whole))}"
    for name in (SAME_STAFF, SAME_FAMILIES):
        yield f"\n[title.{toml_value(name)}]"
        yield from (f"{lang} = {toml_value(titles.get(name, {}).get(lang, name))}" for lang in ("nb", "en"))
    for name in (SAME_STAFF, SAME_FAMILIES):
        for row in driving(whole[whole["contrast"] == name]).to_dict("records"):
            yield "\n[[driver]]"
            yield from (f"{key} = {toml_value(row[key])}" for key in TOLD)


def _links(whole: pd.DataFrame) -> list[str]:
    """Links by the surest of their slopes: the largest against its interval, over contrasts and outcomes."""
    rows = slopes(whole[whole["link"] == "true"])
    surest = (rows["value"].abs() / (rows["high"] - rows["low"])).groupby(rows["parameter"]).max()
    return [str(name) for name in surest.sort_values(ascending=False, kind="stable").index]


def main(arguments: list[str]) -> int:
    """Write ``drivers.toml`` from the folder of an analysis."""
    if len(arguments) != 1:
        print("python -m scenarios.lab.why RUN_DIR", file=sys.stderr)
        return 2
    try:
        files.write_text(FILE, make(Path(arguments[0])))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
