"""The folder of a finished run: what is written into it, and how it is read again.

Tables come from the replicates; figures and the report come from the tables and the manifest alone, so that
``run.py report`` can make them again. The manifest is written last: a folder that has one is complete.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from results import evaluation, files, places, statistics
from results.calibration import read_fit
from results.costs import Costs, costs_path, load_costs
from results.incomes import COMPARISON_COLUMNS, HOUSEHOLD_COLUMNS
from results.provenance import data_hashes, write_manifest
from results.second import second_process
from scenarios.files import check
from simulation.errors import InputError, printable
from simulation.outcomes import Runs

ROOT: Final = Path(__file__).resolve().parent.parent
LANGUAGES: Final = ("nb", "en")
PACKAGES: Final = (
    *("mesa", "numpy", "pandas", "numba", "llvmlite", "SALib", "scipy", "matplotlib"),
    *("pydantic", "pyarrow", "Jinja2", "Babel"),
)

Manifest = dict[str, Any]


class StudyLike(Protocol):
    """What is needed of a study."""

    @property
    def name(self) -> str:
        """Its name, as in the file."""

    def resolved(self) -> dict[str, Any]:
        """Every key with its value, as data that JSON can hold."""


class Finished(Protocol):
    """What is needed of finished work.

    Optional further attributes: ``command`` (str, how to repeat it), ``inputs`` (names to paths of files that were
    read), ``costs`` (unit costs, where they are not ours; their files are among the inputs), ``posterior`` (the file of
    posterior draws), ``study_toml`` (the study as one file), ``changes`` (what differs from the shipped study and the
    defaults), ``beside`` (a ``scenarios.beside.Beside``), ``eligible_families`` (how many met the criteria at month 0, a
    number or one a replicate), ``places`` (what became of each place of a study over many: ``simulation.runner.PlaceValues``)
    and ``lives`` (one family's two lives: ``label_a``, ``label_b``, ``panel_a``, ``panel_b``; see ``results.figures.two_lives``).
    """

    runs: Runs
    failures: Sequence[Mapping[str, Any]]
    wall_seconds: float
    family_months: float
    chunks_resumed: int
    draws: pd.DataFrame | None


@dataclass(frozen=True)
class Tables:
    """The saved tables of a run, as :func:`read_tables` gives them."""

    outcomes: pd.DataFrame
    differences: pd.DataFrame
    variance: pd.DataFrame
    costs: pd.DataFrame
    cost_differences: pd.DataFrame
    consequences: pd.DataFrame
    """costs beside gains and outcomes; the next six are of the same evaluation (``results.evaluation``)"""
    ratios: pd.DataFrame
    acceptability: pd.DataFrame
    plane: pd.DataFrame
    pays: pd.DataFrame
    distribution: pd.DataFrame
    shifts: pd.DataFrame
    reach: pd.DataFrame
    services: pd.DataFrame
    drift: pd.DataFrame
    incomes: pd.DataFrame
    """what families have under ordinary follow-up beside what is published; empty where it was not read"""
    incomes_by_household: pd.DataFrame
    beside: pd.DataFrame
    """headline differences of the study, of the prior and of the null model; empty where there is no contrast"""


_WRITTEN_BY_US: Final = "a manifest written by this program"
TEXT_COLUMNS: Final = frozenset(
    {"arm", "against", "contrast", "population", "clock", "outcome", "unit", "payer", "item", "measure", "service"}
    | {"name", "source", "household", "kind", "ratio", "says", "direction", "gain", "group", "member"}
    | {"from_payer", "to_payer", "model", "place", "note"}
)
TABLE_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "outcomes": statistics.OUTCOME_COLUMNS,
    "differences": statistics.DIFFERENCE_COLUMNS,
    "variance": statistics.VARIANCE_COLUMNS,
    "costs": ("arm", *statistics.COST_COLUMNS),
    "cost_differences": ("contrast", *statistics.COST_COLUMNS),
    **evaluation.COLUMNS,
    "reach": statistics.REACH_COLUMNS,
    "services": statistics.SERVICE_COLUMNS,
    "drift": statistics.DRIFT_COLUMNS,
    "incomes": COMPARISON_COLUMNS,
    "incomes_by_household": HOUSEHOLD_COLUMNS,
    "beside": statistics.BESIDE_COLUMNS,
}
DATA_FILES: Final = (*(f"{name}.csv" for name in TABLE_COLUMNS), "replicates.parquet", "lives.json")


def check_language(lang: str) -> str:
    """Refuse a language that is not spoken here."""
    if lang not in LANGUAGES:
        raise InputError(f"{lang!r} is not a language of the report", key="lang", allowed=" or ".join(LANGUAGES))
    return lang


def make_tables(runs: Runs, costs: str | Costs, incomes: Any = None, beside: pd.DataFrame | None = None) -> Tables:
    """Every table of a run.

    ``costs`` are unit costs, or the year of ours; ``incomes`` as ``calibration.incomes`` gives them, ``beside`` as
    ``scenarios.beside`` does: without them these are empty.
    """
    if isinstance(costs, str):
        costs = load_costs(costs_path(costs))
    differences, variance = statistics.difference_tables(runs)
    return Tables(
        outcomes=statistics.outcomes_table(runs),
        differences=differences,
        variance=variance,
        costs=statistics.costs_table(runs, costs),
        cost_differences=statistics.cost_differences_table(runs, costs),
        **evaluation.evaluate(runs, costs),
        reach=statistics.reach_table(runs),
        services=statistics.services_table(runs),
        drift=statistics.drift_table(runs),
        incomes=pd.DataFrame(columns=list(COMPARISON_COLUMNS)) if incomes is None else incomes.comparison(),
        incomes_by_household=(
            pd.DataFrame(columns=list(HOUSEHOLD_COLUMNS)) if incomes is None else incomes.by_household()
        ),
        beside=pd.DataFrame(columns=list(statistics.BESIDE_COLUMNS)) if beside is None else beside,
    )


def save_run(folder: Path, study: StudyLike, finished: Finished, *, lang: str = "nb", figures: bool = True) -> Manifest:
    """Write tables, figures, report and manifest of a finished study; each file appears whole.

    Parameters
    ----------
    folder : made where it does not exist; files of an earlier run in it are replaced
    study, finished : see :class:`StudyLike` and :class:`Finished`
    lang : ``nb`` or ``en``, of figures and report
    figures : False leaves out figures and report

    Returns
    -------
    The manifest, as it stands in ``manifest.json``.

    Raises
    ------
    InputError
        Unknown language, no unit costs in the study's prices, or the folder cannot be written.
    """
    check_language(lang)
    manifest = make_manifest(study, finished, lang)
    with second_process(folder, lang, len(manifest["contrasts"]) if figures else 0) as second:
        beside = getattr(finished, "beside", None)
        tables = make_tables(
            finished.runs,
            _costs(finished, manifest),
            getattr(finished, "incomes", None),
            None if beside is None else beside.table,
        )
        files.make_folder(folder)
        (folder / "manifest.json").unlink(missing_ok=True)  # until all is in place, the folder is not a finished run
        _write_tables(folder, tables, finished)
        places.save(folder, manifest, getattr(finished, "places", ()))
        manifest["tables"] = data_hashes(folder, (*DATA_FILES, *places.FILES))
        if figures:
            from results.page import write_figures_and_report

            # Read back what was written: the report of a new run and one made again from its folder are then the same.
            write_figures_and_report(folder, read_tables(folder), manifest, read_lives(folder), lang, second)
    write_manifest(folder, manifest)
    return manifest


def _write_tables(folder: Path, tables: Tables, finished: Finished) -> None:
    for name in TABLE_COLUMNS:
        files.write_csv(folder / f"{name}.csv", getattr(tables, name))
    files.write_parquet(folder / "replicates.parquet", statistics.replicates_table(finished.runs))
    lives = getattr(finished, "lives", None)
    if lives:
        files.write_json(folder / "lives.json", lives)
    else:
        (folder / "lives.json").unlink(missing_ok=True)


# ---- the manifest ---------------------------------------------------------------------------------------------------


def make_manifest(study: StudyLike, finished: Finished, lang: str) -> Manifest:
    """What a reader needs to repeat the run and to know how far to trust it."""
    from simulation.compiled import SOURCE_HASH

    resolved = json.loads(json.dumps(study.resolved(), default=files.plain))
    head = resolved.get("study", resolved)
    prices = str(head.get("prices", "2025"))
    runs = finished.runs
    commit, modified = git_state()
    replicates = int(head.get("replicates", runs.replicate.size + len(finished.failures)))
    inputs = {"study": files.hash_bytes(json.dumps(resolved, sort_keys=True).encode())}
    ours = {} if getattr(finished, "costs", None) is not None else {costs_path(prices).name: costs_path(prices)}
    for name, path in {**ours, **getattr(finished, "inputs", {})}.items():
        inputs[str(name)] = files.hash_bytes(Path(path).read_bytes())
    posterior = getattr(finished, "posterior", None)
    note = None if posterior is None else read_fit(posterior)
    beside = getattr(finished, "beside", None)
    costs = _costs(finished, {"prices": prices})
    return {
        "study_name": study.name,
        "titles": getattr(study, "titles", {}),
        "version": version(),
        "git_commit": commit,
        "git_modified": modified,
        "source_hash": SOURCE_HASH,
        "seed": head.get("seed"),
        "replicates": replicates,
        "replicates_done": int(runs.replicate.size),
        "draws": len(set(runs.draw.tolist())),
        "failures": [dict(failure) for failure in finished.failures],
        "prices": prices,
        "unit_costs": [asdict(entry) for entry in costs.entries],
        "payers": dict(costs.payer),
        "posterior": str(head.get("posterior", "prior")),
        "posterior_hash": None if posterior is None else files.hash_bytes(Path(posterior).read_bytes()),
        "calibration": None if note is None else note.record(),
        "links": _on_or_off(head.get("links", "on")),
        "lang": lang,
        "command": getattr(finished, "command", None) or _command(study.name, head.get("seed"), replicates),
        "horizon": runs.horizon,
        "eligible_families": _mean(getattr(finished, "eligible_families", None)),
        "arms": list(runs.arms),
        "contrasts": [{"name": name, "arm": arm, "against": against} for name, arm, against in runs.contrasts],
        "changes": getattr(finished, "changes", None),
        "beside": None if beside is None else beside.models,
        "study": resolved,
        "study_toml": getattr(finished, "study_toml", None),
        "inputs": inputs,
        "parameter_draws": None if finished.draws is None else files.hash_table(finished.draws),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": package_versions(),
        "wall_seconds": round(float(finished.wall_seconds), 3),
        "family_months": float(finished.family_months),
        "family_months_per_second": round(finished.family_months / max(finished.wall_seconds, 1e-9)),
        "chunks_resumed": int(finished.chunks_resumed),
    }


def _costs(finished: Finished, manifest: Mapping[str, Any]) -> Costs:
    """The unit costs of a run: the study's, or ours in its prices."""
    return getattr(finished, "costs", None) or load_costs(costs_path(str(manifest["prices"])))


def _mean(values: Any) -> float | None:
    return None if values is None or not np.size(values) else float(np.nanmean(values))


def _on_or_off(links: Any) -> str:
    return links if isinstance(links, str) else ("on" if links else "off")


def _command(name: str, seed: Any, replicates: int) -> str:
    return f"python run.py compare {name}.toml --seed {seed} --replicates {replicates}"


def version() -> str:
    """The version of this software: of the checkout if there is one, else of the installed package."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return _package_version("familiebaner") or "unknown"


def git_state() -> tuple[str | None, bool | None]:
    """The commit of this checkout and whether files differ from it; (None, None) outside a checkout or without git."""
    if not (ROOT / ".git").exists():
        return None, None
    try:
        commit = _git("rev-parse", "HEAD")
        return commit.strip(), bool(_git("status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    return done.stdout


def package_versions() -> dict[str, str | None]:
    """The versions of the packages that results depend on."""
    return {name: _package_version(name) for name in PACKAGES}


def _package_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# ---- reading it again -----------------------------------------------------------------------------------------------


class _Contrast(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    name: str
    arm: str
    against: str


class _Failure(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    replicate: int = Field(ge=0)
    draw: int = Field(ge=0)
    traceback: str = Field(pattern=r"\S")


class _Said(BaseModel):
    """What must be of the right kind in a manifest, whoever wrote it: the rest is only shown."""

    model_config = ConfigDict(strict=True, extra="allow")

    study_name: str = Field(max_length=200)
    arms: list[str] = Field(min_length=1, max_length=1000)
    contrasts: list[_Contrast] = Field(max_length=10_000)
    study: dict[str, Any]
    horizon: int = Field(ge=1, le=100_000)
    failures: list[_Failure]
    tables: dict[str, str] = {}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished run.

    Raises
    ------
    InputError
        The folder is missing, is not the folder of a finished run, or its manifest is damaged.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", file=folder, allowed="the folder of a finished run")
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(
            "the run is not finished or this is not the folder of a run: manifest.json is missing",
            file=folder,
            allowed="the folder of a finished run; `python run.py compare STUDY.toml --resume` finishes one",
        )
    manifest = files.read_json(path)
    wanted = ("study_name", "arms", "contrasts", "study", "replicates", "seed", "horizon", "version", "failures")
    missing = [key for key in wanted if not isinstance(manifest, dict) or key not in manifest]
    if missing:
        raise InputError(f"lacks {', '.join(missing)}", file=path, allowed=_WRITTEN_BY_US)
    check(_Said, manifest, lambda key: path)
    names = (manifest["study_name"], *manifest["arms"], *(contrast["name"] for contrast in manifest["contrasts"]))
    if any(name != printable(name) for name in names):
        raise InputError(
            "names with letters that cannot be shown",
            file=path,
            key="study_name, arms, contrasts",
            allowed=_WRITTEN_BY_US,
        )
    for contrast in manifest["contrasts"]:
        if not {contrast["arm"], contrast["against"]} <= set(manifest["arms"]):
            raise InputError("is of arms that are not there", file=path, key="contrasts", allowed=_WRITTEN_BY_US)
    return dict(manifest)


def read_tables(folder: Path) -> Tables:
    """The tables of a run; those that are not of the contract are empty where their file is missing.

    Raises
    ------
    InputError
        A table of the contract is missing or damaged.
    """
    wanted = (f"{name}.csv" for name in ("outcomes", "differences", "variance", "costs"))
    lacking = [name for name in wanted if not (folder / name).is_file()]
    if lacking:
        raise InputError(
            f"the folder is incomplete: {', '.join(lacking)} missing",
            file=folder,
            allowed="the folder of a finished run",
        )
    return Tables(**{name: _read_table(folder / f"{name}.csv", columns) for name, columns in TABLE_COLUMNS.items()})


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=list(columns))
    text = tuple(name for name in columns if name in TEXT_COLUMNS)
    return files.read_csv(path, text, tuple(name for name in columns if name not in TEXT_COLUMNS))


def read_lives(folder: Path) -> dict[str, Any] | None:
    """One family's two lives, if the run saved them."""
    path = folder / "lives.json"
    if not path.is_file():
        return None
    try:
        lives = files.read_json(path)
        return {key: lives[key] for key in ("panel_a", "panel_b", "label_a", "label_b")}
    except (TypeError, KeyError) as error:
        raise InputError(f"cannot be read as two lives: {error}", file=path) from error
