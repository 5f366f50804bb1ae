"""``run.py report RUN_DIR --verify``: run a study again from its manifest, and compare every table with those in the folder.

Everything a run depends on stands in the manifest: the study as one file with all its ``--set``, the profile and every unit cost
number by number, who pays, seed and replicates. The posterior's draws are found by their hash. What the manifest says of the
run is compared with that of the new run too, and figures and reports with their hashes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulation.errors import InputError, printable

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.study import Study
    from simulation.parallel import Workers
    from simulation.plan import Profile

KEYS: Final = ("study_toml", "tables", "inputs", "source_hash", "unit_costs", "payers")  # that a run must have kept
SAID: Final = (  # of a manifest, that is the same when the study is run again
    *("arms", "contrasts", "horizon", "replicates", "replicates_done", "draws", "eligible_families", "calibration"),
    *("parameter_draws", "unit_costs", "payers", "beside", "changes"),
)


@dataclass
class Compared:
    """What a comparison found."""

    tables: int
    rows: int
    rewritten: list[str]
    """tables with the same values in other bytes"""
    difference: str | None = None
    """the first value that is another, in words"""


def verify(folder: Path, *, workers: Workers = None, quiet: bool = False) -> int:
    """Run the study of a finished run again, and say whether all of its numbers are the same.

    Returns
    -------
    0 where every table is the same; 1 where the manifest was changed, a value is another, or a figure or report was changed
    after it was made, which is named.

    Raises
    ------
    InputError
        It cannot be run again: another version of the model, a file that is gone, replicates that failed, or a run of a version
        that kept too little.
    """
    from results.provenance import MANIFEST, SEAL, changed_since_made, data_tables, seal
    from results.run_folder import read_manifest

    manifest = read_manifest(folder)
    _check_complete(folder, manifest)
    if manifest.get(SEAL) != seal(manifest):
        print(f"{folder}: {MANIFEST} was changed after the run; nothing was run again.", file=sys.stderr)
        return 1
    _check_repeatable(folder, manifest)
    study = study_from(manifest, folder)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="familiebaner-verify-") as name:
        again = Path(name)
        _run_again(study, again, workers, quiet=quiet)
        now = read_manifest(again)
        found = compare_folders(folder, again, data_tables(manifest) | data_tables(now))
    difference = found.difference or said_otherwise(manifest, now, study)
    if difference is not None:
        return _not_the_same(folder, manifest, difference)
    if not quiet:
        seconds = time.perf_counter() - started
        print(f"{folder}: the same numbers.")
        print(
            f"The study {study.name} was run again from {MANIFEST} in {seconds:.0f} s (seed {study.seed}, "
            f"{now['replicates_done']} replicates): all {found.tables} tables, {found.rows} rows, are the same."
        )
        if found.rewritten:
            print(
                f"The same values in other bytes (line ends, or another version of a package): {', '.join(found.rewritten)}."
            )
    made = list(changed_since_made(folder, manifest))
    for name in made:
        print(
            f"{folder / name} was changed after it was made; `run.py report {folder}` makes it again.", file=sys.stderr
        )
    return 1 if made else 0


def _not_the_same(folder: Path, manifest: Mapping[str, Any], difference: str) -> int:
    print(f"{printable(f'{folder}: NOT the same numbers: {difference}')}.", file=sys.stderr)
    for line in _other_circumstances(manifest):
        print(printable(line), file=sys.stderr)
    return 1


def _other_circumstances(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was when the run was made, and may be why."""
    from results.run_folder import git_state, package_versions

    then, now = manifest.get("packages", {}), package_versions()
    others = [f"{name} {now.get(name)} (then {then[name]})" for name in sorted(then) if then[name] != now.get(name)]
    if others:
        yield f"Packages of other versions than then: {', '.join(others)}."
    commit = git_state()[0]
    if manifest.get("git_commit") != commit and None not in (manifest.get("git_commit"), commit):
        yield f"The run was made at git commit {manifest['git_commit']}, this is {commit}."


# ---- can it be repeated? ---------------------------------------------------------------------------------------------


def _cannot(folder: Path, problem: str, allowed: str) -> InputError:
    from results.provenance import MANIFEST

    return InputError(f"cannot be verified: {problem}", file=folder / MANIFEST, allowed=allowed)


def _check_complete(folder: Path, manifest: Mapping[str, Any]) -> None:
    """A run of an older version kept too little."""
    lacking = [key for key in KEYS if not manifest.get(key)]
    if lacking:
        problem = f"it lacks {', '.join(lacking)}, which this version writes for every study that it runs"
        raise _cannot(folder, problem, "a run of this version")


def _check_repeatable(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Model and replicates are those that can be had again."""
    from simulation.compiled import SOURCE_HASH

    if manifest["source_hash"] != SOURCE_HASH:
        problem = f"the model was another: source hash {manifest['source_hash'][:16]}, and this is {SOURCE_HASH[:16]}"
        commit = manifest.get("git_commit")
        allowed = f"version {manifest['version']}" + (f", git commit {commit}" if commit else "")
        changed = " (with changes that were not committed)" if manifest.get("git_modified") else ""
        raise _cannot(folder, problem, f"{allowed}{changed}")
    if manifest["failures"]:
        problem = f"{len(manifest['failures'])} of its replicates failed"
        raise _cannot(folder, problem, "a run in which every replicate succeeded")


def study_from(manifest: Mapping[str, Any], folder: Path) -> Study:
    """The study of a run, from its manifest.

    Raises
    ------
    InputError
        The posterior is not to be found, or the manifest contradicts itself or lacks a part of profile or unit costs.
    """
    from results.costs import costs_of
    from results.provenance import MANIFEST
    from scenarios.places import KnownPlace
    from scenarios.study import study_of

    file = folder / MANIFEST
    try:
        profile = profile_of(manifest["study"]["profile"])
        places = tuple(
            KnownPlace(place["name"], profile_of(place["profile"]), place["note"])
            for place in manifest["study"].get("places", ())
        )
    except (TypeError, KeyError) as error:
        raise InputError(f"holds no whole profile: {error}", file=file, key="study.profile") from None
    costs = costs_of(manifest["unit_costs"], manifest["payers"], str(manifest["study"]["study"]["prices"]), file)
    study = study_of(manifest["study_toml"], profile, _posterior(manifest, folder), costs, file, places)
    if _as_data(study.resolved()) != _as_data(manifest["study"]):
        raise InputError("contradicts itself: study_toml and study are not the same", file=file, key="study_toml")
    return study


def profile_of(data: Mapping[str, Any]) -> Profile:
    """A profile from what :func:`scenarios.profiles.profile_dict` made of it, through JSON."""
    from simulation.plan import Profile, ServicePlan

    services = {name: ServicePlan(**service) for name, service in data["services"].items()}
    rates = {name: tuple(value) if isinstance(value, list) else value for name, value in data["rates"].items()}
    return Profile(**{**data, "services": services, "rates": rates})


def _as_data(resolved: Mapping[str, Any]) -> Any:
    """A resolved study as JSON, without where its posterior lay: that is told by its hash."""
    data = json.loads(json.dumps(resolved))
    for arm in data["arms"]:
        arm.pop("posterior")
    return data


def _posterior(manifest: Mapping[str, Any], folder: Path) -> str:
    """The file of the posterior's draws, wherever it is now: where it was, in the run's folder or here, or among the shipped."""
    from results.files import hash_bytes
    from results.provenance import MANIFEST
    from scenarios.study import POSTERIORS

    was = str(manifest["study"]["arms"][0]["posterior"])
    if was == "prior":
        return was
    wanted = manifest.get("posterior_hash")
    places = [Path(was), folder / Path(was).name, Path(Path(was).name), *sorted(POSTERIORS.glob("*.parquet"))]
    for place in places:
        if place.is_file() and hash_bytes(place.read_bytes()) == wanted:
            return str(place)
    problem = f"cannot be verified: the posterior {Path(was).name} with the hash {str(wanted)[:16]} is not to be found"
    allowed = f"that file as {was}, or in the folder of the run"
    raise InputError(problem, file=folder / MANIFEST, key="posterior", allowed=allowed)


# ---- running and comparing -------------------------------------------------------------------------------------------


def _run_again(study: Study, folder: Path, workers: Workers, *, quiet: bool) -> None:
    """Everything that a run leaves but figures and report."""
    from scenarios.comparison import run_all, save

    finished, beside = run_all(study, workers=workers, quiet=quiet)
    save(folder, study, finished, beside=beside, workers=workers, figures=False)


def compare_folders(folder: Path, again: Path, names: Iterable[str]) -> Compared:
    """Compare the tables of two folders, in the order of their names, until a value differs."""
    from results.files import hash_file

    tables = rows = 0
    rewritten: list[str] = []
    for name in sorted(names):
        there = [(place / name).is_file() for place in (folder, again)]
        if not all(there):
            return Compared(tables, rows, rewritten, f"{name} is {'not made again' if there[0] else 'missing'}")
        same = hash_file(folder / name) == hash_file(again / name)
        if name.endswith(".json"):
            if not same:
                return Compared(tables, rows, rewritten, f"{name} is another")
            continue
        table = _read(again / name)
        if not same:
            try:
                difference = _first_difference(name, _read(folder / name), table)
            except InputError as error:
                difference = f"{name} {error.problem}"
            if difference is not None:
                return Compared(tables, rows, rewritten, difference)
            rewritten.append(name)
        tables, rows = tables + 1, rows + len(table)
    return Compared(tables, rows, rewritten)


def said_otherwise(was: Mapping[str, Any], now: Mapping[str, Any], study: Study) -> str | None:
    """The first key of ``SAID`` that a manifest and that of the same study run again do not have alike, with both values."""
    from scenarios.files import shown

    for key in SAID:
        if key == "changes":
            for change in _other_changes(was, now, study):
                return f"manifest.json, changes: {shown(change)}, which the study does not say"
        elif len({json.dumps(_timeless(key, one.get(key)), sort_keys=True) for one in (was, now)}) > 1:
            return f"manifest.json, {key}: {shown(was.get(key))} in the folder, {shown(now.get(key))} when run again"
    return None


def _timeless(key: str, value: Any) -> Any:
    """What is said of the models beside, without how long they took."""
    if key != "beside" or not isinstance(value, Mapping):
        return value
    return {
        model: {name: told for name, told in said.items() if name != "wall_seconds"}
        if isinstance(said, Mapping)
        else said
        for model, said in value.items()
    }


def _other_changes(was: Mapping[str, Any], now: Mapping[str, Any], study: Study) -> Iterator[Any]:
    """Changes that are not the study's.

    What stood in a file that is not kept (a study of one's own, unit costs, the size of a profile) cannot be told: of such a
    change, only what it led to is compared.
    """
    from scenarios.changes import settings_of
    from scenarios.files import SHIPPED

    shipped = (SHIPPED / f"{study.name}.toml").is_file()

    def kept(key: str) -> bool:
        return key.startswith("parameters.") or (shipped and not key.startswith(("costs.", "pool.families")))

    settings = settings_of(study)
    old, new = was.get("changes") or [], now.get("changes") or []
    for change in old:
        key = str(change.get("key")) if isinstance(change, Mapping) else ""
        as_set = key in settings and settings[key] == change.get("to") and not kept(key)
        if change not in new and not as_set:
            yield change
    yield from (change for change in new if change not in old and kept(str(change["key"])))


def _read(path: Path) -> pd.DataFrame:
    """A table as it stands: the cells of a CSV as text."""
    import pandas as pd

    from results.files import check_size

    try:
        check_size(path)
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as a table: {error}", file=path) from error


def _first_difference(name: str, was: pd.DataFrame, now: pd.DataFrame) -> str | None:
    """The first row and column in which two tables differ, with both values; None where every value is the same."""
    from results.run_folder import TEXT_COLUMNS

    if list(was.columns) != list(now.columns):
        return f"{name} has the columns {', '.join(was.columns)}, and again {', '.join(now.columns)}"
    if len(was) != len(now):
        return f"{name} has {len(was)} rows, and again {len(now)}"
    apart = (was != now) & ~(was.isna() & now.isna())
    if not apart.to_numpy().any():
        return None
    row = int(apart.to_numpy().any(axis=1).argmax())
    column = str(now.columns[int(apart.iloc[row].to_numpy().argmax())])
    told = [key for key in now.columns if key in TEXT_COLUMNS | {"month", "replicate"} and key not in {column, "unit"}]
    where = f" ({', '.join(f'{key} {now[key].iloc[row]}' for key in told)})" if told else ""
    values = f"{was[column].iloc[row]} in the folder, {now[column].iloc[row]} when run again"
    return f"{name}, row {row + 1}{where}, {column}: {values}"
