"""Which file of a run's folder came from what, and whether it is still what the run wrote.

``manifest.json`` holds the hash of every file beside it, of every figure the tables it was drawn from, and a seal: the hash
of all else that it says. So a table, a digit or a setting that was changed after the run is found. A hash keeps mistakes
away and no ill will; whether the numbers are what the model gives, ``run.py report RUN_DIR --verify`` tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from results import files
from simulation.errors import InputError

MANIFEST: Final = "manifest.json"
DATA: Final = (".csv", ".parquet", ".json")  # what the run found; all else is made from it, and may be made again
MADE: Final = ("report.*", "tables.xlsx", "figures/*.svg", "figures/*.png")
SEAL: Final = "seal"
DRAWN_FROM: Final = {  # the name of a figure: what it is drawn from
    "headline": ("outcomes.csv",),
    "differences-*": ("differences.csv",),
    "income-sources": ("outcomes.csv",),
    "services": ("outcomes.csv",),
    "reach-intensity": ("reach.csv",),
    "incomes": ("incomes.csv", "incomes_by_household.csv"),
    "two-lives": ("lives.json",),
    "plane-*": ("plane.csv",),
    "acceptability-*": ("acceptability.csv",),
    "sensitivity-*": (),  # of another run, which the report names
    "calibration-*": (MANIFEST,),  # its note of the fit, which is the posterior's own
}
UNHASHED: Final = "its manifest holds no hashes: whether a table was changed after the run cannot be told"
AS_IT_WAS: Final = "the folder as the run left it; its `command` with --force, or another --out, runs it again"


# ---- writing --------------------------------------------------------------------------------------------------------


def data_hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the tables and other data of a run, by file name; those that are not there are left out."""
    return {name: _hash(folder / name) for name in sorted(names) if (folder / name).is_file()}


def made_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of figures and reports, by path within the folder."""
    found = {path.relative_to(folder).as_posix(): path for pattern in MADE for path in folder.glob(pattern)}
    return {name: _hash(found[name]) for name in sorted(found)}


def drawn_from(figure: str) -> tuple[str, ...]:
    """The files that a figure is drawn from, by its name without ending; none where that is not known."""
    return next((tables for pattern, tables in DRAWN_FROM.items() if fnmatchcase(figure, pattern)), ())


def data_tables(manifest: Mapping[str, Any]) -> dict[str, str]:
    """File and hash of every table (and other data) that a manifest names, without figures and reports."""
    return {name: digest for name, digest in manifest.get("tables", {}).items() if _is_data(name)}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest.json``, with the hashes of the figures and reports that are there and a seal."""
    made = made_hashes(folder)
    manifest["tables"] = data_tables(manifest) | made
    figures = sorted({Path(name).stem for name in made if name.startswith("figures/")})
    manifest["figures"] = {figure: list(drawn_from(figure)) for figure in figures}
    manifest[SEAL] = seal(manifest)
    files.write_json(folder / MANIFEST, manifest)


def seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all that a manifest says."""
    said = {key: value for key, value in manifest.items() if key != SEAL}
    return files.hash_bytes(json.dumps(said, sort_keys=True, default=files.plain).encode())


# ---- checking -------------------------------------------------------------------------------------------------------


def check_unchanged(folder: Path, manifest: Mapping[str, Any]) -> str | None:
    """Refuse a folder whose tables or manifest are not what the run wrote; figures and reports may have been made again.

    Returns
    -------
    Why that cannot be told, of a run that kept no hashes; else None.

    Raises
    ------
    InputError
        A table or the manifest was changed, or a table is gone.
    """
    if "tables" not in manifest and SEAL not in manifest:
        return UNHASHED
    for problem, name in changed(folder, manifest):
        raise InputError(problem, file=folder / name, allowed=AS_IT_WAS)
    return None


def changed(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was changed after the run: what is wrong, and the file."""
    if manifest.get(SEAL) != seal(manifest):
        yield "was changed after the run", MANIFEST
        return  # what it says of the others is not known to be so
    for name, digest in data_tables(manifest).items():
        if not (folder / name).is_file():
            yield "is missing: the folder was changed after the run", name
        elif _hash(folder / name) != digest:
            yield "was changed after the run", name


def changed_since_made(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Figures and reports that are there and not as the manifest has them; those that are lost can be made again."""
    told = manifest.get("tables", {})
    for name, digest in made_hashes(folder).items():
        if told.get(name) != digest:
            yield name


def _is_data(name: str) -> bool:
    return "/" not in name and name.endswith(DATA)


def _hash(path: Path) -> str:
    try:
        return files.hash_file(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from error
