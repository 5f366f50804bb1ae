"""Running a study: replicates in chunks, each finished chunk stored, so that a stopped run goes on.

A chunk is the unit of work, of storage and of retry, wherever it runs (:mod:`simulation.parallel`). Results do not depend on
workers, chunk size or order.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from simulation.compiled import SOURCE_HASH
from simulation.disk import put_in_place, refuse_link
from simulation.engine import Replicate, parameter_values, run_arms
from simulation.errors import BrokenOffError, InputError
from simulation.locks import hold
from simulation.outcomes import FLOWS, GROUPS, LEAD_MONTHS, OUTCOME_NAMES, FloatArray, Runs
from simulation.parallel import Cluster, Workers, open_workers, run_tasks
from simulation.parameters import parameter_names
from simulation.plan import Plan
from simulation.posterior import check_posterior, posterior_hash
from simulation.warm import warm_up

CHUNK: Final = 20  # replicates
ENOUGH_FOR_PRECISION: Final = 40  # replicates before precision is judged the first time
INPUTS: Final = "inputs.json"
MOST_OF_A_NOTE: Final = 100_000  # bytes
_PARTS: Final = ("study", "followed", "followed_families", "paired", "flows", "drift", "groups", "group_families")
_WHOLE: Final = ("replicate", "draw", "family_months")
_STORED: Final = (*_PARTS, "places")  # places are not held in memory but read again from the chunks

Progress = Callable[[int, int], None]
PlaceValues = Iterable[tuple[int, int, FloatArray]]
"""Replicate, draw and values (P places, A arms, K outcomes) of each replicate of a study over places, in order."""
Failure = dict[str, Any]


@dataclass
class Finished:
    """A finished run."""

    runs: Runs
    failures: list[Failure]
    """replicate, draw and traceback of each replicate that failed"""
    wall_seconds: float
    family_months: int
    """simulated in this process: those of resumed chunks are not counted"""
    chunks_resumed: int
    draws: pd.DataFrame = field(default_factory=pd.DataFrame)
    """the parameter draws used, one row a draw, in stated units"""
    lives: Any = None
    """one family's two lives, for the figure, where they were asked for"""
    places: PlaceValues = ()
    """what became of each place of a study over places; read from the chunks, as long as they are there"""


# --- identity of a run --------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Dataclasses and mappings as plain JSON data, keys sorted."""
    if isinstance(value, MappingProxyType | dict):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value


def inputs_hash(plans: Sequence[Plan], contrasts: Sequence[tuple[str, str, str]], seed: int) -> str:
    """What a chunk depends on: plans, contrasts, seed and the model's sources. Not the number of replicates, nor a path."""
    posteriors = [posterior_hash(name) for name in sorted({plan.posterior for plan in plans})]
    told = [[_plain(replace(plan, posterior="")) for plan in plans], [list(c) for c in contrasts], seed]
    document = json.dumps([*told, SOURCE_HASH, posteriors], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


# --- chunks on disk -----------------------------------------------------------------------------------------------


class ChunkStore:
    """A folder of finished chunks, one Parquet file each, with the hash of their inputs; the folder has a note of it too."""

    def __init__(self, folder: Path, inputs: str, *, resume: bool) -> None:
        self.folder, self.inputs = folder, inputs
        refuse_link(folder)
        note = folder / INPUTS
        if resume and _inputs_of(note) not in (inputs, None):
            raise _of_another_run(folder)
        if not resume:
            for path in self._files():
                path.unlink()
        _write(note, json.dumps({"inputs": inputs, "source": SOURCE_HASH}, indent=1).encode())

    def load(self, fits: Callable[[Replicate], bool]) -> Iterator[Replicate]:
        """Replicates of all whole chunks; one that is corrupt, half-written or of another form is made again.

        Raises
        ------
        InputError : a chunk is of another run
        BrokenOffError : a chunk cannot be read now; it is not lost
        """
        for path in self._files():
            content = _content(path)
            try:
                inputs, found = read_chunk(content)
                whole = all(map(fits, found))
            except MemoryError:
                raise BrokenOffError(f"{path} cannot be read: there is too little memory") from None
            except Exception:  # whatever is wrong with the file, its replicates are simply run again
                whole = False
            if not whole:
                path.unlink(missing_ok=True)
                continue
            if inputs != self.inputs:
                raise _of_another_run(self.folder)
            yield from found

    def places(self, numbers: Sequence[int]) -> Iterator[tuple[int, int, FloatArray]]:
        """``PlaceValues`` of these replicates, a chunk in memory at a time.

        Raises
        ------
        BrokenOffError : a chunk is gone, or damaged, since it was stored
        """
        files = {number: path for path in self._files() for number in _numbers_in(path)}
        for path, some in itertools.groupby(numbers, key=files.get):
            wanted = list(some)
            if path is None:
                raise BrokenOffError(f"replicate {wanted[0]} is no longer in {self.folder}")
            try:
                chunk = {replicate.replicate: replicate for replicate in read_chunk(_content(path))[1]}
            except Exception as error:
                raise BrokenOffError(f"{path} was damaged after it was stored: {error!r}") from error
            yield from ((number, chunk[number].draw, chunk[number].places) for number in wanted)

    def save(self, replicates: Sequence[Replicate]) -> None:
        """Store a chunk whole or not at all."""
        name = f"chunk-{replicates[0].replicate:06d}-{replicates[-1].replicate:06d}.parquet"
        with _whole(self.folder / name) as temporary:
            write_chunk(temporary, replicates, self.inputs)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("chunk-*.parquet") if path.is_file())


def _of_another_run(folder: Path) -> InputError:
    return InputError(
        "the run in this folder had other inputs or other code",
        file=folder,
        allowed="--resume with the same study, --set, seed and version, or another --out",
    )


def _inputs_of(note: Path) -> str | None:
    """The hash that a run's note of its inputs holds; None where it is gone or damaged, and its chunks tell."""
    try:
        if not note.is_file() or note.stat().st_size > MOST_OF_A_NOTE:
            return None
        return str(json.loads(note.read_text(encoding="utf-8"))["inputs"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _content(path: Path) -> bytes:
    """The bytes of a file; a fault that may pass is no fault of the file."""
    try:
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        raise BrokenOffError(f"{path} cannot be read: {error}") from error


def _numbers_in(path: Path) -> list[int]:
    """The replicates of a chunk; none where it is damaged."""
    import pyarrow.parquet as pq

    try:
        return [int(number) for number in pq.read_table(path, columns=["replicate"])["replicate"].to_pylist()]
    except Exception:
        return []


def write_chunk(path: Path, replicates: Sequence[Replicate], inputs: str) -> None:
    """One row a replicate; arrays as fixed-size lists, with their shapes and the inputs' hash in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "replicate": pa.array([r.replicate for r in replicates], pa.int64()),
        "draw": pa.array([r.draw for r in replicates], pa.int64()),
        "family_months": pa.array([r.family_months for r in replicates], pa.int64()),
    }
    shapes: dict[str, list[int]] = {}
    for part in _STORED:
        arrays = [getattr(r, part) for r in replicates]
        shapes[part] = list(arrays[0].shape)
        values = pa.array(np.stack(arrays).reshape(-1))
        size = int(arrays[0].size)
        columns[part] = pa.FixedSizeListArray.from_arrays(values, size) if size else pa.nulls(len(replicates))
    table = pa.table(columns).replace_schema_metadata({"shapes": json.dumps(shapes), INPUTS: inputs})
    pq.write_table(
        table, path, compression="none", use_dictionary=False, write_statistics=False, write_page_checksum=True
    )


def read_chunk(content: bytes) -> tuple[str, list[Replicate]]:
    """The hash of its inputs and the replicates of a chunk; any exception where the bytes are none.

    Numbers stand in it as they are, so that it takes as much memory as its file; one that would take more is refused unread.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    types = {field.name: field.type for field in stream.schema_arrow}
    numbers = sum(_numbers_of(types[name]) for name in _STORED)
    if stream.metadata.num_rows * numbers * 8 > len(content) or any(types[name] != pa.int64() for name in _WHOLE):
        raise ValueError("no chunk")
    table = stream.read()
    shapes = json.loads(table.schema.metadata[b"shapes"])
    n = table.num_rows
    parts: dict[str, Any] = {}
    for part in _STORED:
        shape = (n, *shapes[part])
        if 0 in shape:
            parts[part] = np.zeros(shape)
        else:
            column = table[part].combine_chunks()
            parts[part] = column.flatten().to_numpy(zero_copy_only=False).reshape(shape)
    found = [
        Replicate(
            **{name: table[name][i].as_py() for name in _WHOLE},
            **{part: parts[part][i] for part in _STORED},
        )
        for i in range(n)
    ]
    return table.schema.metadata[INPUTS.encode()].decode(), found


def _numbers_of(kind: Any) -> int:
    """Numbers of a part of a replicate, by the type of its column: a list of so many, or nothing."""
    import pyarrow as pa

    if pa.types.is_null(kind):
        return 0
    if not pa.types.is_fixed_size_list(kind) or kind.value_type != pa.float64():
        raise ValueError("no chunk")
    return int(kind.list_size)


def _write(path: Path, content: bytes) -> None:
    with _whole(path) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary path, which becomes ``path`` when the block has ended well, and is gone when it has not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        put_in_place(temporary, path)
    except OSError as error:
        raise BrokenOffError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


# --- running ------------------------------------------------------------------------------------------------------


def run_study(
    plans: Sequence[Plan],
    contrasts: Sequence[tuple[str, str, str]],
    *,
    replicates: int,
    seed: int,
    workers: Workers = None,
    chunks_dir: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    precision: float | None = None,
    cluster: str | None = None,
    chunk: int = CHUNK,
) -> Finished:
    """Run every arm in every replicate.

    Parameters
    ----------
    plans : the arms; they share profile, pool, burn-in, prices, posterior, links and parameters
    contrasts : (name, arm, against)
    replicates : how many, or the most where ``precision`` is given; two to a draw of parameters
    chunks_dir : where finished chunks are kept; None keeps them in memory
    precision : stop when half the width of the 95 % interval of the first contrast's difference in ``employed_share``
        (eligible, horizon) is below this
    workers : threads, all cores by default; or an open cluster
    cluster : the address of one, which is opened for this study alone (:func:`simulation.parallel.open_workers`)

    Raises
    ------
    InputError : wrong input
    BrokenOffError : chunks cannot be stored, or the cluster is lost; with ``resume`` it goes on
    """
    if replicates < 1:
        raise InputError(f"{replicates} replicates", key="study.replicates", allowed="1 or more")
    check_alike(plans)
    posterior = plans[0].posterior
    draws_of = posterior_hash(posterior)  # a file that is wrong is wrong before the first replicate
    warm_up()
    started = time.perf_counter()
    with contextlib.ExitStack() as held:
        if cluster is not None:
            if isinstance(workers, Cluster):
                raise InputError("two clusters", key="--cluster", allowed="one of workers and cluster")
            workers = held.enter_context(open_workers(workers, cluster))
        store = None
        if chunks_dir is not None:
            refuse_link(chunks_dir)
            chunks_dir.mkdir(parents=True, exist_ok=True)
            held.enter_context(hold(chunks_dir))
            store = ChunkStore(chunks_dir, inputs_hash(plans, contrasts, seed), resume=resume)
        work = _Work(plans, contrasts, seed, store, progress, replicates)
        work.take_up(resume)
        if precision is None:
            work.run(range(replicates), workers, chunk)
        else:
            _run_to_precision(work, replicates, precision, workers, chunk)
        check_posterior(posterior, draws_of)
        return work.finish(started)


def check_alike(plans: Sequence[Plan]) -> None:
    """Arms of a study part at month 0: what holds before must be the same (InputError)."""
    if not plans:
        raise InputError("no arm", key="arm", allowed="at least one")
    shared = (
        "profile",
        "families",
        "horizon_months",
        "burn_in_months",
        "founding_months",
        "prices",
        "posterior",
        "links",
        "parameters",
    )
    for plan in plans[1:]:
        for name in shared:
            if _plain(getattr(plan, name)) != _plain(getattr(plans[0], name)):
                raise InputError(
                    f"differs from that of {plans[0].name!r}",
                    key=f"arm.{plan.name}.{name}",
                    allowed="the same for all arms of a study, which share families and burn-in",
                )
        if [(here.name, here.profile) for here in plan.places] != [(p.name, p.profile) for p in plans[0].places]:
            problem, key = f"differ from those of {plans[0].name!r}", f"arm.{plan.name}.places"
            raise InputError(problem, key=key, allowed="the same places in all arms of a study")


def _run_chunk(
    plans: Sequence[Plan], contrasts: Sequence[tuple[str, str, str]], seed: int, numbers: Sequence[int]
) -> tuple[list[Replicate], list[Failure]]:
    """The replicates of a chunk, and what is known of those that failed.

    Raises
    ------
    BrokenOffError : what is wrong may pass, and is wrong with the machine
    """
    good: list[Replicate] = []
    bad: list[Failure] = []
    for number in numbers:
        draw = number // 2
        try:
            found = run_arms(plans, contrasts, replicate=number, seed=seed, draw=draw)
            # in one piece each, sent and stored as they lie
            parts: dict[str, Any] = {part: np.ascontiguousarray(getattr(found, part)) for part in _STORED}
            good.append(replace(found, **parts))
        except InputError:
            raise
        except (MemoryError, OSError) as error:
            raise BrokenOffError(f"replicate {number} could not be run: {error!r}") from error
        except Exception:
            bad.append({"replicate": number, "draw": draw, "traceback": traceback.format_exc()})
    return good, bad


class _Work:
    """The state of a run: replicates done and failed."""

    def __init__(
        self,
        plans: Sequence[Plan],
        contrasts: Sequence[tuple[str, str, str]],
        seed: int,
        store: ChunkStore | None,
        progress: Progress | None,
        total: int,
    ) -> None:
        self.plans, self.contrasts, self.seed = plans, contrasts, seed
        self.store, self.progress, self.total = store, progress, total
        self.done: dict[int, tuple[int, int]] = {}
        """replicate -> (draw, family-months)"""
        self.values: dict[str, Any] = {}
        """parts of all replicates, (total, ...): written in place, so that nothing is held twice"""
        self.places: dict[int, FloatArray] = {}
        """of each replicate, where nothing is stored"""
        self.failures: dict[int, Failure] = {}
        self.simulated = 0
        self.resumed = 0

    def take_up(self, resume: bool) -> None:
        if resume and self.store is not None:
            for replicate in self.store.load(self._fits):
                if replicate.replicate < self.total:
                    self._keep(replicate)
            self.resumed = len(list(self.store.folder.glob("chunk-*.parquet")))
        self._tell()

    def _fits(self, stored: Replicate) -> bool:
        """Whether a stored replicate could be one of this study."""
        arms, months, k = len(self.plans), self.plans[0].horizon_months, len(OUTCOME_NAMES)
        shapes = {
            "study": (arms, 2, LEAD_MONTHS + 1 + months, k),
            "followed": (arms, months + 1, k),
            "followed_families": (arms,),
            "paired": (len(self.contrasts), 2, 2, months + 1, k),
            "flows": (arms, months, len(FLOWS)),
            "drift": (k,),
            "groups": (arms, len(GROUPS), k),
            "group_families": (len(GROUPS),),
            "places": (len(self.plans[0].places), arms, k),
        }
        alike = all(getattr(stored, part).shape == shape for part, shape in shapes.items())
        return alike and stored.replicate >= 0 and stored.draw == stored.replicate // 2 and stored.family_months >= 0

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.done) + len(self.failures), self.total)

    def run(self, numbers: Sequence[int], workers: Workers, chunk: int) -> None:
        """Run those of ``numbers`` that are not done."""
        left = [n for n in numbers if n not in self.done and n not in self.failures]
        chunks = [left[i : i + chunk] for i in range(0, len(left), chunk)]
        one = functools.partial(_run_chunk, tuple(self.plans), tuple(self.contrasts), self.seed)
        for _, (good, bad) in run_tasks(one, chunks, workers, posterior=self.plans[0].posterior):
            self._take(good, bad)

    def _take(self, good: Sequence[Replicate], bad: Sequence[Failure]) -> None:
        for replicate in good:
            self._keep(replicate)
            self.simulated += replicate.family_months
        for failure in bad:
            self.failures[failure["replicate"]] = failure
        if good and self.store is not None:
            self.store.save(good)
        self._tell()

    def _keep(self, replicate: Replicate) -> None:
        for part in _PARTS:
            value = getattr(replicate, part)
            if part not in self.values:
                self.values[part] = np.zeros((self.total, *value.shape))
            self.values[part][replicate.replicate] = value
        if self.store is None and replicate.places.size:
            self.places[replicate.replicate] = replicate.places
        self.done[replicate.replicate] = (replicate.draw, replicate.family_months)

    def half_width(self, first: int) -> float:
        """Half the 95 % interval of the first contrast's employed_share (eligible, horizon) in the first replicates."""
        runs = self.assemble(first)
        names = [plan.name for plan in self.plans]
        _, arm, against = self.contrasts[0]
        k = OUTCOME_NAMES.index("employed_share")
        difference = runs.study[:, names.index(arm), 1, -1, k] - runs.study[:, names.index(against), 1, -1, k]
        draws = np.unique(runs.draw)
        means = np.array([difference[runs.draw == draw].mean() for draw in draws])
        from scipy.stats import t

        return float(t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))

    def forget_beyond(self, first: int) -> None:
        """Leave out what an earlier run has done beyond the first so many replicates."""
        self.done = {number: replicate for number, replicate in self.done.items() if number < first}

    def assemble(self, first: int | None = None) -> Runs:
        """All replicates done, or those among the first so many, in their order."""
        order = sorted(number for number in self.done if first is None or number < first)
        if not order:
            raise RuntimeError("every replicate failed; the first:\n" + next(iter(self.failures.values()))["traceback"])
        whole = order == list(range(len(order)))
        rows: Any = slice(len(order)) if whole else order
        return Runs(
            arms=tuple(plan.name for plan in self.plans),
            contrasts=tuple(self.contrasts),
            horizon=self.plans[0].horizon_months,
            replicate=np.array(order, np.int64),
            draw=np.array([self.done[number][0] for number in order], np.int64),
            **{part: self.values[part][rows] for part in _PARTS},
        )

    def finish(self, started: float) -> Finished:
        runs = self.assemble()
        draws = np.unique(runs.draw)
        values = np.stack([parameter_values(self.plans[0], self.seed, int(draw)) for draw in draws])
        table = pd.DataFrame(values, columns=list(parameter_names()))
        table.insert(0, "draw", draws)
        return Finished(
            runs=runs,
            failures=[self.failures[number] for number in sorted(self.failures)],
            wall_seconds=time.perf_counter() - started,
            family_months=self.simulated,
            chunks_resumed=self.resumed,
            draws=table,
            places=_Places(self.store, runs, self.places) if self.plans[0].places else (),
        )


class _Places:
    """``PlaceValues`` that can be gone through again."""

    def __init__(self, store: ChunkStore | None, runs: Runs, held: dict[int, FloatArray]) -> None:
        self.store, self.held = store, held
        self.done = list(zip(runs.replicate.tolist(), runs.draw.tolist(), strict=True))

    def __iter__(self) -> Iterator[tuple[int, int, FloatArray]]:
        if self.store is None:
            return ((number, draw, self.held[number]) for number, draw in self.done)
        return self.store.places([number for number, _ in self.done])


def _run_to_precision(work: _Work, most: int, precision: float, workers: Workers, chunk: int) -> None:
    """Double the replicates until the wanted precision is there; the stages do not depend on workers or resuming."""
    if not work.contrasts:
        raise InputError("needs a contrast", key="--precision", allowed="a study with at least one [[contrast]]")
    stage = min(ENOUGH_FOR_PRECISION, most)
    while True:
        work.run(range(stage), workers, chunk)
        # No spread at all says that the replicates were few, not that nothing differs.
        if stage >= most or 0.0 < work.half_width(stage) <= precision:
            work.forget_beyond(stage)
            return
        stage = min(2 * stage, most)
