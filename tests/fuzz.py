"""Files from strangers, by the thousand: ``python tests/fuzz.py --seconds 120 --seed 1``. Run by hand; says how many and of what.

Right files are changed at random and given to the readers and commands, in this process, up to the long simulation. Each
must be taken, or refused in one line: no traceback, no hang, nothing written outside the output folder, no control character
on the terminal, nothing unpickled, and not a word of a file that lies outside the folder of the input.

``python tests/fuzz.py --atheris --seconds 600`` gives the same readers what atheris makes of right files: inputs that reach
lines of the project that none before them reached are kept and changed further. Needs ``pip install atheris``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import faulthandler
import importlib.util
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

os.environ.setdefault("FAMILIEBANER_FORMATS", "")
os.environ.setdefault("MPLBACKEND", "Agg")

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from small_study import SMALL

import run
from calibration import pieces, staged
from calibration.design import load_design
from calibration.targets import load_targets
from results.calibration import read_fit
from results.costs import load_costs
from results.gain_values import load_values
from results.provenance import check_unchanged, seal
from results.run_folder import TABLE_COLUMNS, read_lives, read_manifest, read_tables
from scenarios.lab.levers import ADDRESSES, from_query, to_query
from scenarios.lab.uploads import read_upload
from scenarios.own_figures import read_figures
from scenarios.profiles import load_profile
from scenarios.study import load_study
from simulation import posterior
from simulation.errors import BrokenOffError, InputError
from simulation.posterior import load_posterior
from simulation.runner import ChunkStore

ROOT: Final = Path(run.__file__).resolve().parent
LIMIT: Final = 20  # seconds for an input
LARGEST: Final = 3_000  # family-months of an arm that are simulated here
SECRET: Final = "a-word-of-another-file"  # stands in files outside the folder of the input
TINY: Final = SMALL.replace("families = 40", "families = 12").replace("horizon_months = 6", "horizon_months = 3")
CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
Case = Callable[[random.Random, Path], str]
Reader = Callable[[Path, bytes], str]

VALUES: Final = (
    *(
        "",
        "0",
        "-1",
        "1e308",
        "nan",
        "inf",
        "-inf",
        "true",
        "[]",
        "{}",
        "[[[[[[[[[[[[[]]]]]]]]]]]]]",
        "9" * 40,
        "9" * 6000,
    ),
    *('""', '"\\u0000"', '"\\u001b[31mred"', '"\\u202Eabc"', '"../outside/secret.toml"', '"../outside/secret.csv"'),
    *('"/etc/passwd"', '"/dev/zero"', '"~/x"', '"."', '".."', '"C:\\\\x.toml"', '"a/../../outside/secret.toml"'),
    *("1979-05-27", "07:32:00", "0x7fffffffffffffff", "1_000", "'''", '"""', "=", "{a={a={a={a={a={a={a=1}}}}}}}"),
    *('"<script>alert(1)</script>"', '"{{7*7}}"', '"%s%n"', '"__class__"', '"' + "x" * 4000 + '"', '"🎉"', '"æøå"'),
    *('"=cmd|x"', '"\\n"', '"2025"', '"prior"', '"oygarden"', '"vestland/../x"', '"ordinary"', "2", "0.5"),
)
BYTES: Final = (
    b"\0",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b"\n\n[",
    b"]]",
    b'"',
    b",",
    b";",
    b"\t",
    b"\x85",
    b"=",
)
KEYS: Final = (
    "extends",
    "profile",
    "posterior",
    "costs",
    "name",
    "a.b.c.d.e.f.g.h.i.j.k.l",
    '"\\u001b[0m"',
    "__proto__",
    "value",
)


class TooSlowError(BaseException):
    """An input took longer than ``LIMIT``."""


# ---- changing what is right ------------------------------------------------------------------------------------------


def change_bytes(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A few bytes changed, lost, doubled, put in, or a piece of another file."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, end = sorted(rng.randrange(len(found) + 1) for _ in range(2))
        end = min(end, at + rng.choice((1, 4, 32, 400)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(found):
            found[at] = rng.randrange(256)
        elif kind == 1:
            del found[at:end]
        elif kind == 2:
            found[at:at] = found[at:end] * rng.choice((1, 2, 50))
        elif kind == 3:
            found[at:at] = rng.choice(BYTES)
        elif kind == 4:
            start = rng.randrange(len(other) + 1)
            found[at:end] = other[start : start + rng.choice((1, 8, 80))]
        elif rng.random() < 0.2:
            del found[at:]
    return bytes(found)


def change_numbers(rng: random.Random, text: str) -> bytes:
    """Some of the numbers of a file changed to others that may be right: what is taken goes deepest."""
    often = rng.choice((0.02, 0.1, 0.5))
    near = ("0", "1", "2", "3", "5", "12", "24", "60", "0.1", "0.5", "0.99", "100", "400", "-1")
    number = r"(?<![\w.\"])\d+(\.\d+)?(?![\w.\"])"
    return re.sub(number, lambda was: rng.choice(near) if rng.random() < often else was[0], text).encode()


def change_toml(rng: random.Random, text: str, other: str) -> bytes:
    """Lines of a TOML file changed, and now and then its bytes."""
    if rng.random() < 0.3:
        return change_numbers(rng, text)
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(lines)) if lines else 0
        kind = rng.randrange(8)
        key, equals, _ = lines[at].partition("=") if lines else ("", "", "")
        if kind <= 2 and equals:
            lines[at] = f"{key}= {rng.choice(VALUES)}"
        elif kind == 3 and lines:
            del lines[at]
        elif kind == 4 and lines:
            lines[at:at] = [lines[at]] * rng.choice((1, 2, 300))
        elif kind == 5:
            lines.insert(at, f"{rng.choice(KEYS)} = {rng.choice(VALUES)}")
        elif kind == 6 and equals:
            lines[at] = f"{rng.choice(KEYS)} ={lines[at].partition('=')[2]}"
        else:
            lines.insert(at, rng.choice(other.splitlines() or [""]))
    content = "\n".join(lines).encode("utf-8", "replace")
    return change_bytes(rng, content, other.encode()) if rng.random() < 0.25 else content


def change_csv(rng: random.Random, text: str) -> bytes:
    """Cells and lines of a CSV file changed, and now and then its bytes or its encoding."""
    if rng.random() < 0.3:
        return change_numbers(rng, text)
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        kind = rng.randrange(4)
        if kind <= 1:
            row[rng.randrange(len(row))] = rng.choice(VALUES).strip('"')
        elif kind == 2:
            rows.insert(rng.randrange(len(rows)), list(row))
        else:
            row.append(rng.choice(VALUES))
    joined = "\n".join(rng.choice((",", ",", ",", ";", "\t")).join(row) for row in rows)
    content = joined.encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")), "replace")
    return change_bytes(rng, content, content) if rng.random() < 0.3 else content


def change_json(rng: random.Random, data: Any) -> Any:
    """A JSON document with a few of its values anything."""
    anything = (
        *(
            None,
            True,
            -1,
            0,
            1e308,
            float("nan"),
            "",
            "\x1b[31m",
            "../outside/secret.toml",
            "<script>",
            "{{7*7}}",
            [],
            {},
        ),
        *([[]], {"a": 1}, 10**30, "\ud800", "x" * 5000, [None], "/etc/passwd", "ten", "employed_share"),
    )
    for _ in range(rng.choice((1, 1, 2, 4))):
        node = data
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.75:
                node = node[key]
                continue
            if rng.random() < 0.2:
                del node[key]
            else:
                node[key] = rng.choice(anything)
            break
    return data


# ---- what is fuzzed --------------------------------------------------------------------------------------------------

STUDIES: Final = [TINY, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*.toml")))]
PROFILES: Final = [
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios" / "profiles").glob("*.toml"))
]
COSTS: Final = [
    'extends = "2025.toml"\ninterpreter = 700\n[coordinator.wage]\nvalue = 700000\nsource = "payroll"\ngrade = "A"\n',
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios" / "costs").glob("*.toml"))),
]
TARGETS: Final = [
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "calibration" / "targets").glob("*.toml"))
]
TRIALS: Final = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "calibration" / "trials").glob("*.toml"))]
GAINS: Final = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios" / "values").glob("*.toml"))]
FIGURES: Final = (ROOT / "tests" / "example_families.csv").read_text(encoding="utf-8")
OWN: Final = (
    "quantity,value,n\nbase,oygarden,\nshares.immigrant,50,99\nmeans.children,2.5,80\nemployed,30,240\nfamilies,60,\n"
)
TABLES: Final = (*(f"{name}.csv" for name in sorted(TABLE_COLUMNS)), "lives.json")
POSTERIOR: Final = ROOT / "calibration" / "posteriors" / "holf.parquet"


def written(folder: Path, name: str, content: bytes) -> Path:
    """The input, in the folder of its case."""
    path = folder / name
    path.write_bytes(content)
    return path


def read_study(folder: Path, content: bytes) -> str:
    """A study as TOML."""
    study = load_study(written(folder, "study.toml", content))
    json.dumps(study.resolved())
    study.to_toml()
    return "taken"


def read_override(folder: Path, content: bytes) -> str:
    """What stands after ``--set``."""
    load_study(written(folder, "study.toml", TINY.encode()), [content.decode("utf-8", "surrogateescape")])
    return "taken"


def read_profile(folder: Path, content: bytes) -> str:
    """A profile as TOML."""
    load_profile(str(written(folder, "place.toml", content)))
    return "taken"


def read_own_figures(folder: Path, content: bytes) -> str:
    """Own figures as CSV, by path."""
    path = written(folder, "own.csv", content)
    read_figures(path)
    load_profile(str(path))
    return "taken"


def read_uploaded(_folder: Path, content: bytes) -> str:
    """Own figures as CSV, uploaded to the lab."""
    read_upload("a.csv", content)
    return "taken"


def read_costs(folder: Path, content: bytes) -> str:
    """Unit costs as TOML."""
    load_costs(written(folder, "mine.toml", content))
    return "taken"


def read_targets(folder: Path, content: bytes) -> str:
    """Targets as TOML."""
    load_targets(written(folder, "aims.toml", content))
    return "taken"


def read_trial(folder: Path, content: bytes) -> str:
    """The design of a trial as TOML."""
    load_design(written(folder, "trial.toml", content))
    return "taken"


def read_gains(folder: Path, content: bytes) -> str:
    """Stated values of outcomes as TOML."""
    load_values(written(folder, "values.toml", content))
    return "taken"


def read_posterior(folder: Path, content: bytes) -> str:
    """Posterior draws as Parquet."""
    path = written(folder, "draws.parquet", content)
    posterior._read.cache_clear()  # two states of a file within a tick of the clock would be one
    read_fit(path)
    load_posterior(str(path))
    return "taken"


def read_link(_folder: Path, content: bytes) -> str:
    """The query of a link to the lab, which is the same when it is made again."""
    assert from_query(to_query(levers := from_query(content.decode("utf-8", "surrogateescape")))) == levers
    return "taken"


def read_run(out: Path) -> str:
    """The folder of a finished run."""
    manifest = read_manifest(out)
    check_unchanged(out, manifest)
    read_tables(out)
    read_lives(out)
    return "taken"


def read_a_manifest(folder: Path, content: bytes) -> str:
    """A manifest, with the seal that it would have if it had always been so."""
    out = copied(folder)
    sealed(out, "manifest.json", content, seal_it=True)
    return read_run(out)


def read_a_table(folder: Path, content: bytes) -> str:
    """A table of a run, which the manifest knows; the first byte says which table."""
    out = copied(folder)
    sealed(out, TABLES[content[0] % len(TABLES) if content else 0], content[1:], seal_it=True)
    return read_run(out)


def read_chunks(folder: Path, content: bytes) -> str:
    """A chunk of a run that is gone on with: taken, or made again."""
    chunks = folder / "out"
    chunks.mkdir(exist_ok=True)
    written(chunks, "chunk-000000-000000.parquet", content)
    inputs = json.loads((BASE / "broken" / "chunks" / "inputs.json").read_text(encoding="utf-8"))["inputs"]
    return "taken" if list(ChunkStore(chunks, inputs, resume=True).load(lambda _: True)) else "refused"


def read_pieces(folder: Path, content: bytes) -> str:
    """Rows of a calibration that is gone on with: taken, or made again."""
    chunks = folder / "out"
    chunks.mkdir(exist_ok=True)
    written(chunks, "rows-00000.parquet", content)
    return "taken" if list(pieces._stored(chunks, [3], ["a", "b"], "a")) else "refused"


def a_piece() -> bytes:
    """A piece that :func:`read_pieces` takes."""
    with tempfile.TemporaryDirectory() as name:
        pieces._store(Path(name), 0, pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": 0.5}).to_numpy(), ["a", "b"], "a")
        return (Path(name) / "rows-00000.parquet").read_bytes()


def read_notes(folder: Path, content: bytes) -> str:
    """The notes of what runs began with, in folders that are gone on with: taken, where one is of the same run."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    written(out, "inputs.json", content)
    taken = 0
    for read in (
        lambda: pieces._open(out, "a"),
        lambda: staged.check_inputs(out, {"a": [1, "b"]}),
        lambda: ChunkStore(out, "a", resume=True),
    ):
        try:
            read()
            taken += 1
        except InputError as error:
            check_message(error)
    return "taken" if taken else "refused"


def a_study(rng: random.Random, folder: Path) -> str:
    """A study is read, and written again as TOML."""
    chosen = TINY if rng.random() < 0.5 else rng.choice(STUDIES)
    return read_study(folder, change_toml(rng, chosen, rng.choice(STUDIES)))


def a_study_that_runs(rng: random.Random, folder: Path) -> str:
    """``compare`` of a tiny study; a large one is not run."""
    path = written(folder, "study.toml", change_toml(rng, TINY, STUDIES[rng.randrange(len(STUDIES))]))
    quiet = ["--quiet"] if rng.random() < 0.5 else []
    return command(["compare", str(path), "--replicates", "2", "--workers", "1", "--out", "out", *quiet])


def an_override(rng: random.Random, folder: Path) -> str:
    """``--set`` with anything."""
    head = rng.choice(
        ("study.", "pool.families", "arm.ten.", "parameters.", "costs.", "place.", "", "arm.ten.services.work.")
    )
    tail = rng.choice(("seed", "name", "profile", "posterior", "costs", "caseload", "places", "x", "\x1b[1m", ""))
    right = (
        "study.seed",
        "arm.ten.caseload",
        "pool.families",
        "study.horizon_months",
        "costs.travel",
        "arm.ten.follow_up",
    )
    key = rng.choice(right) if rng.random() < 0.3 else f"{head}{tail}"
    return read_override(folder, f"{key}={rng.choice((*VALUES, '3', '12', '50'))}".encode())


def a_profile(rng: random.Random, folder: Path) -> str:
    """A profile as TOML."""
    return read_profile(folder, change_toml(rng, rng.choice(PROFILES), rng.choice(PROFILES)))


def own_figures(rng: random.Random, folder: Path) -> str:
    """Own figures as CSV, by path or uploaded to the lab."""
    content = change_csv(rng, rng.choice((OWN, OWN, FIGURES)))
    if rng.random() < 0.5:
        read_upload(rng.choice(("a.csv", "../\x1b[1m.csv", "x" * 300)), content)
        return "taken"
    return read_own_figures(folder, content)


def unit_costs(rng: random.Random, folder: Path) -> str:
    """Unit costs as TOML."""
    return read_costs(folder, change_toml(rng, rng.choice(COSTS), rng.choice(COSTS)))


def targets(rng: random.Random, folder: Path) -> str:
    """Targets as TOML."""
    return read_targets(folder, change_toml(rng, rng.choice(TARGETS), rng.choice(TARGETS)))


def a_trial(rng: random.Random, folder: Path) -> str:
    """The design of a trial as TOML."""
    return read_trial(folder, change_toml(rng, rng.choice(TRIALS), rng.choice(TRIALS)))


def stated_values(rng: random.Random, folder: Path) -> str:
    """Stated values of outcomes as TOML."""
    return read_gains(folder, change_toml(rng, rng.choice(GAINS), rng.choice(GAINS)))


def a_posterior(rng: random.Random, folder: Path) -> str:
    """Posterior draws: bytes of a right file changed, or a table of anything."""
    if rng.random() < 0.5:
        return read_posterior(folder, change_bytes(rng, POSTERIOR.read_bytes(), b"PAR1" + bytes(100)))
    return read_posterior(folder, parquet(any_table(rng), rng.choice(("none", "zstd", "gzip"))))


def parquet(table: pa.Table, compression: str) -> bytes:
    """A table as the bytes of a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(table, stream, compression=compression)
    return stream.getvalue()


def any_table(rng: random.Random) -> pa.Table:
    """A table with some right columns and some of anything."""
    right = pq.read_table(POSTERIOR)
    rows = rng.choice((0, 1, 3, 200))
    names, columns = [], []
    for _ in range(rng.choice((1, 2, 5))):
        name = rng.choice(
            (*right.column_names, "weight", "draw", "", "\x1b[31m", "no.such", "a\nb", "weight", "x" * 5000)
        )
        kind = rng.randrange(8)
        values: list[Any] = [right[name][0].as_py() if name in right.column_names and kind < 4 else 0.5] * rows
        if kind >= 4 and rows:
            values[rng.randrange(rows)] = rng.choice((None, float("nan"), float("inf"), -1.0, 1e300))
        if kind == 5:
            values = [rng.choice(("text", None, "\0"))] * rows
        elif kind == 6:
            values = [{"a": [1, 2]}] * rows
        elif kind == 7:
            values = [rng.choice((True, 10**18, -5))] * rows
        names.append(name)
        columns.append(pa.array(values))
    table = pa.Table.from_arrays(columns, names=names)
    said = rng.choice((None, b"", b"{", b"[" * 100_000, b'{"parameters_hash": 1}', b"\xff", b"null", b"9" * 6000))
    return table if said is None else table.replace_schema_metadata({b"familiebaner": said})


def a_link(rng: random.Random, folder: Path) -> str:
    """The query of a link to the lab."""
    names = rng.sample(sorted(ADDRESSES), rng.randrange(6))
    pairs = [f"{name}={rng.choice((*VALUES, '1', '10', '20', 'on', 'oygarden')).strip(chr(34))}" for name in names]
    text = rng.choice(("&", "&", "&&", ";")).join(pairs)
    if rng.random() < 0.5:
        text = change_bytes(rng, text.encode(), b"own=&%00%ff&today.staff=").decode("latin-1")
    return read_link(folder, text.encode("utf-8", "surrogateescape"))


def copied(folder: Path) -> Path:
    """The tables and the manifest of a finished run, in the folder of the case."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for name in ("manifest.json", "replicates.parquet", *TABLES):
        shutil.copyfile(BASE / "out" / name, out / name)
    return out


def sealed(folder: Path, name: str, content: bytes, *, seal_it: bool) -> None:
    """A file of a run's folder changed, and the manifest made to say that it always was so, as a stranger could."""
    (folder / name).write_bytes(content)
    if not seal_it:
        return
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
        import hashlib

        manifest = json.loads((folder / "manifest.json").read_bytes())
        if name in manifest.get("tables", {}):
            manifest["tables"][name] = hashlib.sha256(content).hexdigest()
        manifest["seal"] = seal(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8", errors="surrogatepass")


def a_folder(rng: random.Random, folder: Path) -> Path:
    """The folder of a run, with a file changed."""
    out = folder / "out"
    shutil.copytree(BASE / "out", out)
    kind = rng.randrange(10)
    if kind <= 4:
        manifest = change_json(rng, json.loads((out / "manifest.json").read_bytes()))
        content = json.dumps(manifest).encode("utf-8", "surrogatepass")
        sealed(out, "manifest.json", content, seal_it=rng.random() < 0.9)
        return out
    name = rng.choice(sorted(path.name for path in out.iterdir() if path.suffix in (".csv", ".json")))
    content = (out / name).read_bytes()
    if kind == 5:
        (out / name).unlink()
    elif kind == 6 and name.endswith(".json"):
        sealed(out, name, json.dumps(change_json(rng, json.loads(content))).encode(), seal_it=True)
    elif kind == 7 and name.endswith(".csv"):
        sealed(out, name, change_csv(rng, content.decode()), seal_it=True)
    elif kind == 8:
        shutil.rmtree(out / "figures", ignore_errors=True)
        shutil.copytree(BASE / "link", out, symlinks=True, dirs_exist_ok=True)
    else:
        sealed(out, name, change_bytes(rng, content, content), seal_it=rng.random() < 0.8)
    return out


def a_run_read(rng: random.Random, folder: Path) -> str:
    """The folder of a run is read."""
    return read_run(a_folder(rng, folder))


def a_run_reported(rng: random.Random, folder: Path) -> str:
    """``report`` of the folder of a run; one in 25 with its pictures."""
    out = a_folder(rng, folder)
    with pictures(drawn=rng.random() < 0.04):
        return command(["report", str(out), "--lang", rng.choice(("nb", "en"))])


def a_run_resumed(rng: random.Random, folder: Path) -> str:
    """``compare --resume`` in a folder whose chunks and notes are anything."""
    out = folder / "out"
    shutil.copytree(BASE / "broken", out)
    for path in sorted((out / "chunks").iterdir()):
        if rng.random() < (0.8 if path.suffix == ".parquet" else 0.1):
            path.write_bytes(change_bytes(rng, path.read_bytes(), b"PAR1"))
    written(folder, "study.toml", TINY.encode())
    answer = command([*RESUME, "--quiet"])
    if answer == "taken" and tables_of(out) != tables_of(BASE / "whole"):
        raise WrongAnswerError("other tables than those of the run that was not disturbed")
    return answer


RESUME: Final = ("compare", "study.toml", "--replicates", "2", "--workers", "1", "--out", "out", "--resume")


def tables_of(folder: Path) -> dict[str, bytes]:
    """The tables of a run."""
    return {path.name: path.read_bytes() for path in folder.glob("*.csv")}


KINDS: Final[dict[Case, int]] = {
    a_study: 30, a_study_that_runs: 3, an_override: 6, a_profile: 10, own_figures: 15, unit_costs: 10, targets: 10,
    a_trial: 5, stated_values: 5, a_posterior: 10, a_link: 12, a_run_read: 6, a_run_reported: 2, a_run_resumed: 1,
}  # fmt: skip
"""What is fuzzed, and how often."""


# ---- what must hold --------------------------------------------------------------------------------------------------


class WrongAnswerError(AssertionError):
    """What should not have happened."""


def command(arguments: list[str]) -> str:
    """A command in this process: taken (0), failed with a name (1) or refused (2), each told in one line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run.main(arguments)
    said = err.getvalue()
    check_terminal(out.getvalue() + said)
    lines = [line for line in said.splitlines() if line]
    if code == 0:
        return "taken"
    if code not in (1, 2) or "something broke" in said:
        raise WrongAnswerError(f"code {code}: {said[:500]}")
    messages = [line for line in lines if line.startswith(f"{run.NAME}: ")]
    if len(messages) != 1 or (code == 2 and "--quiet" in arguments and len(lines) != 1):
        raise WrongAnswerError(f"code {code}, not one message: {said[:500]}")
    return "failed, named" if code == 1 else "refused"


def check_terminal(text: str) -> None:
    """Nothing that moves a cursor, colours a line or turns a text round, and no word of another file."""
    if CONTROL.search(text):
        raise WrongAnswerError(f"a control character on the terminal: {CONTROL.findall(text)[:3]} in {text[:200]!r}")
    if SECRET in text:
        raise WrongAnswerError(f"a word of a file outside the folder: {text[:300]}")


def one(case: Case, rng: random.Random, folder: Path) -> str:
    """One input: what became of it, or ``WrongAnswerError``."""
    try:
        return case(rng, folder)
    except InputError as error:
        check_message(error)
        return "refused"
    except BrokenOffError:
        return "failed, named"


def check_message(error: InputError) -> None:
    """One line, which is printable."""
    message = str(error)
    check_terminal(message)
    if not message or "\n" in message or len(message) > 8_000:
        raise WrongAnswerError(f"not one line: {message[:300]!r} ({len(message)} letters)") from None


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError


@contextlib.contextmanager
def pictures(*, drawn: bool) -> Iterator[None]:
    """With or without the pictures, which take seconds."""
    from results import page

    was = page._draw_all
    if not drawn:
        page._draw_all = lambda *_: []
    try:
        yield
    finally:
        page._draw_all = was


@contextlib.contextmanager
def small_runs() -> Iterator[None]:
    """No long simulation: a study that is right and large ends with exit code 1. No models beside it, and no report."""
    from results import page
    from scenarios import beside
    from simulation import runner

    real = runner.run_study

    def bounded(plans: Any, *arguments: Any, **named: Any) -> Any:
        if (
            max(plan.families * (plan.horizon_months + plan.burn_in_months + 1) for plan in plans) > LARGEST
            or len(plans) > 9
        ):
            raise BrokenOffError("too long to be run here")
        return real(plans, *arguments, **named)

    kept = page.write_figures_and_report, beside.LARGEST
    runner.run_study, beside.LARGEST = bounded, 0
    page.write_figures_and_report = lambda *_, **__: None  # type: ignore[assignment]
    try:
        yield
    finally:
        runner.run_study = real
        page.write_figures_and_report, beside.LARGEST = kept


WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Guard:
    """What Python itself writes, starts or unpickles, and where: heard by an audit hook."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.heard: list[str] = []
        self.on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "pickle.find_class" and str(arguments[0]).startswith("babel."):
            return  # the locales that come with Babel
        if event == "pickle.find_class" or event.startswith(("socket.connect", "os.system", "os.exec")):
            self.heard.append(f"{event} {arguments!r}"[:200])
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.link", "os.rmdir", "os.truncate"):
            self._check(event, arguments[:2] if event in ("os.rename", "os.link") else arguments[:1])
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            self._check(event, arguments[:1])

    def _check(self, event: str, paths: tuple[Any, ...]) -> None:
        for path in paths:
            if isinstance(path, str | bytes | os.PathLike):
                where = os.path.realpath(os.fsdecode(path))
                if not where.startswith(self.allowed):
                    self.heard.append(f"{event} {where}"[:300])


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder but those of an output folder: size and time of its last change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.relative_to(folder).parts[0] != "out" and path.is_file():
            state = path.stat()
            found[str(path)] = (state.st_size, state.st_mtime_ns)
    return found


# ---- the long run ----------------------------------------------------------------------------------------------------

BASE = Path()
"""The folder with a finished run and a broken-off one, of which copies are made."""


def prepare(home: Path) -> None:
    """A right run to be changed, one that was broken off, and files outside that nobody may read."""
    global BASE
    BASE = home / "base"
    BASE.mkdir(parents=True)
    (home / "outside").mkdir()
    secret = f'[study]\nname = "{SECRET}"\n{SECRET} = "{SECRET}"\n'
    (home / "outside" / "secret.toml").write_text(secret, encoding="utf-8")
    (home / "outside" / "secret.csv").write_text(f"quantity,value,n\n{SECRET},1,1\n", encoding="utf-8")
    os.chdir(BASE)
    (BASE / "link").mkdir()
    (BASE / "link" / "figures").symlink_to(home / "outside", target_is_directory=True)
    Path("study.toml").write_text(TINY, encoding="utf-8")
    assert run.main(["compare", "study.toml", "--replicates", "4", "--workers", "1", "--out", "out", "--quiet"]) == 0
    study = load_study("study.toml").with_settings(replicates=2)
    from simulation.runner import run_study

    chunks = BASE / "broken" / "chunks"
    run_study(study.arms, study.contrasts, replicates=2, seed=study.seed, workers=1, chunks_dir=chunks, chunk=1)
    with small_runs():
        os.chdir(home)
        shutil.copy(BASE / "study.toml", home)
        assert run.main([*RESUME[:-1], "--quiet"]) == 0
    (home / "out").rename(BASE / "whole")
    (home / "study.toml").unlink()


@dataclasses.dataclass
class Tally:
    """What became of how many inputs."""

    counts: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    wrong: list[str] = dataclasses.field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def table(self) -> pd.DataFrame:
        """A row a kind, a column an outcome."""
        rows = pd.Series({key: float(count) for key, count in self.counts.items()}).unstack(fill_value=0).astype(int)
        rows["all"] = rows.sum(axis=1)
        return rows.sort_index()


def fuzz(home: Path, *, seconds: float, inputs: int, seed: int, show: int = 30, only: str = "") -> Tally:
    """Inputs until time or number are spent; what became of them. Input ``k`` of a seed is the same whenever it is made."""
    prepare(home)
    tally, guard, began = Tally(), Guard(), time.monotonic()
    kinds = [case for case, often in KINDS.items() for _ in range(often) if only in case.__name__]
    caches = (str(Path.home() / ".cache"), "/dev/null", "/dev/shm")
    outside, seen = listing(home), set()
    signal.signal(signal.SIGALRM, _stop)
    warnings.simplefilter("ignore", DeprecationWarning)
    for number in range(inputs):
        if time.monotonic() - began > seconds:
            break
        rng = random.Random(f"{seed}/{number}")
        case, folder = rng.choice(kinds), home / "case"
        folder.mkdir()
        os.chdir(folder)
        guard.allowed, guard.heard = (str(folder), *caches, str(ROOT / "results" / "__pycache__")), []
        start = time.monotonic()
        faulthandler.dump_traceback_later(LIMIT + 30, exit=True)
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        guard.on = True
        try:
            with small_runs() if case is not a_run_reported else contextlib.nullcontext():
                outcome = one(case, rng, folder)
        except TooSlowError:
            outcome = "WRONG"
            tally.wrong.append(f"{number} {case.__name__}: longer than {LIMIT} s")
        except Exception as error:
            outcome = "WRONG"
            where = (
                "" if isinstance(error, WrongAnswerError) else "".join(traceback.format_tb(error.__traceback__)[-3:])
            )
            tally.wrong.append(f"{number} {case.__name__}: {type(error).__name__}: {str(error)[:400]}\n{where}")
        finally:
            guard.on = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
        tally.slowest = max(tally.slowest, (time.monotonic() - start, f"{number} {case.__name__}"))
        tally.counts[case.__name__, outcome] += 1
        strays = [path for path in folder.iterdir() if path.name not in INPUTS]
        if guard.heard or strays:
            tally.wrong.append(f"{number} {case.__name__}: {guard.heard[:3]} {strays}")
        if outcome == "WRONG" or guard.heard:
            known = tally.wrong[-1].partition(" ")[2]
            if known not in seen and len(seen) < show:
                seen.add(known)
                print(tally.wrong[-1], file=sys.stderr, flush=True)
        os.chdir(home)
        shutil.rmtree(folder)
        if number % 200 == 199 and listing(home) != outside:
            tally.wrong.append(f"before {number}: a file outside the output folder is another")
            outside = listing(home)
    return tally


INPUTS: Final = (
    *("study.toml", "place.toml", "own.csv", "mine.toml", "aims.toml", "trial.toml", "values.toml", "draws.parquet"),
    "out",
)


# ---- guided by what is reached ---------------------------------------------------------------------------------------

MISSING: Final = "atheris is not installed: `pip install atheris` (CPython 3.11 to 3.13 on Linux)"
CHILD: Final = """
import sys, atheris
with atheris.instrument_imports(include=["scenarios", "simulation", "results", "calibration"]):
    import fuzz
fuzz.guided_target(*sys.argv[1:])
"""
PATIENCE: Final = (
    120  # seconds by the clock for an input: a busy machine stands still longer than ``LIMIT`` now and then
)
SHORT: Final = 4  # rows of the Parquet files that are changed by the byte
GUIDED: Final[dict[str, Reader]] = {
    reader.__name__.removeprefix("read_"): reader
    for reader in (
        *(read_study, read_override, read_profile, read_own_figures, read_uploaded, read_costs, read_targets),
        *(read_trial, read_gains, read_posterior, read_link, read_a_manifest, read_a_table),
        *(read_chunks, read_pieces, read_notes),
    )
}


def seeds_of(name: str) -> list[bytes]:
    """Right inputs of a target, which atheris begins with."""
    texts = {
        "study": STUDIES,
        "override": ["study.seed=3", "arm.ten.caseload=12", "costs.travel=100", 'study.posterior="prior"'],
        "profile": PROFILES,
        "own_figures": [OWN, FIGURES],
        "uploaded": [OWN, FIGURES],
        "costs": COSTS,
        "targets": TARGETS,
        "trial": TRIALS,
        "gains": GAINS,
        "link": [to_query(from_query("")), "place=oygarden&plan.coordinators=2&links.head_start=2"],
        "notes": ['{"inputs": "a"}', '{"a": [1, "b"], "inputs": "a"}'],
    }
    if name in texts:
        return [text.encode() for text in texts[name]]
    if name == "posterior":
        table = pq.read_table(POSTERIOR)
        kinds = ("none", "zstd", "gzip", "snappy", "lz4")
        bare = table.slice(0, SHORT).select(table.column_names[:3]).replace_schema_metadata(None)
        return [*(parquet(bare, kind) for kind in kinds), parquet(table.slice(0, SHORT), "zstd")]
    if name == "pieces":
        texts_too = {"a": ["x", "y", "z"], "b": [0.5, 0.5, 0.5]}
        return [a_piece(), *(parquet(pa.table(texts_too), kind) for kind in ("none", "snappy"))]
    if name == "chunks":
        return [path.read_bytes() for path in sorted((BASE / "broken" / "chunks").glob("*.parquet"))]
    if name == "a_manifest":
        return [(BASE / "out" / "manifest.json").read_bytes()]
    return [bytes([k]) + (BASE / "out" / table).read_bytes() for k, table in enumerate(TABLES)]


def changed(name: str, rng: random.Random, content: bytes, seeds: list[bytes]) -> bytes:
    """An input changed as the random run changes it, with regard to its form."""
    text = content.decode("utf-8", "replace")
    if name in ("study", "profile", "costs", "targets", "trial", "gains"):
        return change_toml(rng, text, rng.choice(seeds).decode())
    if name in ("own_figures", "uploaded") and text.strip():
        return change_csv(rng, text)
    if name == "a_table" and text[1:].strip():
        return content[:1] + change_csv(rng, content[1:].decode("utf-8", "replace"))
    if name in ("a_manifest", "notes"):
        with contextlib.suppress(ValueError, RecursionError):
            data = json.loads(text)
            if isinstance(data, dict | list):
                return json.dumps(change_json(rng, data)).encode("utf-8", "surrogatepass")
    return change_bytes(rng, content, rng.choice(seeds))


def guided_target(name: str, home: str, state: str, seconds: str, seed: str) -> None:
    """One target under atheris, in a process that ends with it. A letter an input into ``state``, and a file a find."""
    import atheris

    global BASE
    BASE, folder, kept = Path(home) / "base", Path(home) / "case", Path(state)
    folder.mkdir()
    os.chdir(folder)
    seeds, reader, guard, known = seeds_of(name), GUIDED[name], Guard(), set()
    corpus = kept / "corpus"
    corpus.mkdir()
    for k, content in enumerate(seeds):
        (corpus / str(k)).write_bytes(content)
    counts = os.open(kept / "counts", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    guard.allowed = (str(folder), str(Path.home() / ".cache"), "/dev/null", "/dev/shm")
    warnings.simplefilter("ignore", DeprecationWarning)

    def mutate(content: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.5 or not content:
            return bytes(atheris.Mutate(content, most))
        return changed(name, rng, content, seeds)[:most]

    def try_one(content: bytes) -> None:
        guard.heard, wrong = [], ""
        guard.on = True
        try:
            outcome = one(lambda _, where: reader(where, content), random.Random(), folder)
        except Exception as error:
            frames = traceback.format_tb(error.__traceback__)[-3:]
            outcome, wrong = "WRONG", f"{type(error).__name__}: {str(error)[:400]}\n{''.join(frames)}"
        finally:
            guard.on = False
        strays = [path for path in os.listdir(folder) if path not in INPUTS]
        if guard.heard or strays:
            outcome, wrong = "WRONG", f"{guard.heard[:3]} {strays}"
        os.write(counts, outcome[:1].encode())
        place = wrong.rpartition("File ")[2] or wrong
        if wrong and place not in known and len(known) < 30:
            known.add(place)
            (kept / f"find-{len(known)}").write_bytes(content)
            (kept / f"find-{len(known)}.txt").write_text(wrong, encoding="utf-8", errors="backslashreplace")

    options = {
        **{"max_total_time": seconds, "timeout": PATIENCE, "report_slow_units": PATIENCE, "seed": seed},
        **{"rss_limit_mb": 4096, "artifact_prefix": f"{kept}/find-", "max_len": 2 * max(4096, *map(len, seeds))},
        "print_final_stats": 1,
    }
    arguments = [name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)]
    atheris.Setup(arguments, try_one, custom_mutator=mutate)
    atheris.Fuzz()


@dataclasses.dataclass(frozen=True)
class Guided:
    """What became of a target under atheris."""

    refused: int
    taken: int
    failed: int
    wrong: int
    all: int
    """as libFuzzer counts them; one that it does not outlive is among them"""
    edges: int
    slowest: int
    """seconds"""
    seconds: int


def guide(name: str, home: Path, state: Path, *, seconds: int, seed: int) -> tuple[Guided, list[str]]:
    """A target under atheris for so long, in a process of its own; what became of the inputs, and what was found."""
    state.mkdir(parents=True)
    shutil.rmtree(home / "case", ignore_errors=True)
    paths = (str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", ""))
    child = subprocess.run(
        [sys.executable, "-c", CHILD, name, str(home), str(state), str(seconds), str(seed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=300 + PATIENCE + 4 * seconds,
        check=False,
    )
    told = dict(re.findall(r"stat::(\w+): +(\d+)", child.stderr))
    counts = Counter((state / "counts").read_text() if (state / "counts").exists() else "")
    finds = [f"{path.stem}: {path.read_text(encoding='utf-8')}" for path in sorted(state.glob("find-*.txt"))] + [
        f"{path.name}" for path in sorted(state.glob("find-[a-z]*-*"))
    ]
    if child.returncode != 0 or "number_of_executed_units" not in told:
        finds.append(f"ended with {child.returncode}: {child.stderr[-3000:]}")
    reached = re.findall(r" cov: (\d+) ", child.stderr)
    return Guided(
        refused=counts["r"], taken=counts["t"], failed=counts["f"], wrong=counts["W"],
        all=int(told.get("number_of_executed_units", counts.total())),
        edges=int(reached[-1]) if reached else 0, slowest=int(told.get("slowest_unit_time_sec", 0)), seconds=seconds,
    ), finds  # fmt: skip


def run_guided(home: Path, *, seconds: float, seed: int, only: str) -> int:
    """Every target under atheris, the time shared out alike; 2 where atheris is not there, 1 where anything was found."""
    if importlib.util.find_spec("atheris") is None:
        print(MISSING, file=sys.stderr)
        return 2
    names = [name for name in GUIDED if only in name]
    if not names:
        print(f"no target's name holds {only!r}; there are {', '.join(GUIDED)}", file=sys.stderr)
        return 2
    prepare(home)
    state, outside = Path(tempfile.mkdtemp(prefix="fuzz-")), listing(home)
    rows: dict[str, Guided] = {}
    wrong = 0
    for name in names:
        each = max(1, round(seconds / len(names)))
        rows[name], finds = guide(name, home, state / name, seconds=each, seed=seed)
        shutil.rmtree(home / "case", ignore_errors=True)
        if listing(home) != outside:
            finds.append("a file outside the output folder is another")
        wrong += len(finds)
        print(f"{name}: {rows[name].all} inputs", *finds, sep="\n", file=sys.stderr, flush=True)
    table = pd.DataFrame([dataclasses.asdict(row) for row in rows.values()], index=list(rows))
    print(table.to_string())
    print(f"{table['all'].sum()} inputs under atheris in {table['seconds'].sum()} s; {wrong} finds")
    if wrong:
        print(f"what was found is kept in {state}")
    else:
        shutil.rmtree(state)
    return 1 if wrong else 0


# ---- the command -----------------------------------------------------------------------------------------------------


def main() -> int:
    """Fuzz, and print what became of the inputs; 1 where any was answered wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="at most so many; without --atheris")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", "--target", default="", help="kinds whose name holds this")
    parser.add_argument("--atheris", action="store_true", help="guided by what is reached; the time is shared out")
    args = parser.parse_args()
    guided = vars(args).pop("atheris")
    with tempfile.TemporaryDirectory() as folder:
        if guided:
            code = run_guided(Path(folder).resolve(), seconds=args.seconds, seed=args.seed, only=args.only)
            os.chdir(ROOT)
            return code
        began = time.monotonic()
        tally = fuzz(Path(folder).resolve(), **vars(args))
        os.chdir(ROOT)
        print(tally.table().to_string())
        total = sum(tally.counts.values())
        slow, which = tally.slowest
        print(
            f"{total} inputs in {time.monotonic() - began:.0f} s, the slowest {slow:.1f} s ({which}); {len(tally.wrong)} wrong"
        )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
