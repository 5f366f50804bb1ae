"""Where long work runs: in threads here, or in the worker processes of a Dask cluster. One seam for all of it.

A task is a small thing (the number of a chunk or a piece) and what becomes of it depends on nothing but it and the work, so no
result depends on where or how often it ran. What is shared by all tasks (plans, parameters) is sent to each worker once.

Dask pickles what goes between its own processes. A scheduler must therefore never be open to strangers; see docs/cluster.md.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import logging
import os
import pickle
import re
import reprlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from simulation.errors import BrokenOffError, InputError
from simulation.machine import described

Task = TypeVar("Task")
Found = TypeVar("Found")
Submit: TypeAlias = Callable[[Any], Future[Any]]

ROOT: Final = Path(__file__).resolve().parent.parent
ADDRESS: Final = re.compile(r"(tcp|tls)://[^\s/]+:\d+")
LOCAL: Final = "local"
KEY: Final = "--cluster"
PATIENCE: Final = "5s"  # for a scheduler to answer
AHEAD: Final = 2  # tasks under way or waiting for each thread, so that none stands still while a result is stored
FEWEST_AHEAD: Final = 32  # on a cluster, so that one that grows with its queue sees that there is work
GREETING: Final = 5.0  # seconds for what listens at an address to say that it is a scheduler
MOST_FRAMES: Final = 1000
SILENCE: Final = 5.0  # seconds without a result before it is said that there are no workers
SELDOM: Final = {  # what Dask looks at many times a second by default, which is 4 % of a processor and serves nobody here
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
SOURCES: Final = (  # what a worker runs or reads; SOURCE_HASH has the model's own files
    *("calibration/**/*.py", "calibration/**/*.toml", "results/**/*.py"),
    *("scenarios/**/*.py", "scenarios/profiles/**/*.toml", "simulation/**/*.py"),
)


class Cluster:
    """The workers of a Dask scheduler, from :func:`open_workers`; the connection is made when it is first needed."""

    def __init__(self, address: str, workers: int | None, opened: contextlib.ExitStack) -> None:
        self.address, self.workers, self._opened = address, workers, opened

    @functools.cached_property
    def client(self) -> Any:
        """Dask's client, of workers with the same version of Familiebaner as here."""
        import dask
        import distributed

        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said once, by us
        address: Any = self.address
        options: dict[str, Any] = {"timeout": PATIENCE, "set_as_default": False}
        if address == LOCAL:
            options["direct_to_workers"] = True  # results do not go by way of the scheduler
            with dask.config.set(SELDOM), _started_in_peace():
                local = distributed.LocalCluster(
                    n_workers=self.workers or os.cpu_count() or 1,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    memory_limit=None,
                    preload=[__name__],
                    silence_logs=logging.CRITICAL,
                )
                address = self._opened.enter_context(local)
        else:
            _check_answers(address)
        try:
            client = self._opened.enter_context(distributed.Client(address, **options))
        except (OSError, TypeError, ValueError):  # nobody there, or no certificates for tls
            raise _no_answer(address) from None
        _check_versions(client)
        return client

    def ahead(self) -> int:
        """How many tasks may be under way or waiting: workers come and go."""
        if self.workers is not None and self.address != LOCAL:
            return self.workers
        return max(AHEAD * self.threads(), FEWEST_AHEAD)

    def threads(self) -> int:
        """Tasks that its workers can do at a time; 0 while there are none."""
        with _connected():
            return int(sum(self.client.nthreads().values()))


Workers: TypeAlias = int | Cluster | None
"""Who does the work: so many threads, as many as there are processors (None), or a cluster."""


def run_tasks(
    work: Callable[[Task], Found], tasks: Iterable[Task], workers: Workers = None, *, posterior: str = "prior"
) -> Iterator[tuple[Task, Found]]:
    """Each task with what became of it, as they are done; a few wait at a time, so that memory is flat and Ctrl-C quick.

    Parameters
    ----------
    work : called in threads or in other processes: what it changes here is not seen there. On a cluster, tasks of a worker that
        dies are run again by others
    posterior : what the work reads draws from: a file must be the same for every worker

    Raises
    ------
    InputError : a worker has another version of Familiebaner or Python, or another posterior
    BrokenOffError : the scheduler is gone, or a task has killed several workers
    """
    running: dict[Future[Found], Task] = {}
    queue = iter(tasks)
    where = _cluster(work, workers, posterior) if isinstance(workers, Cluster) else _threads(work, workers)
    with where as (submit, ahead):
        while True:
            for task in _next(queue, ahead() - len(running)):
                running[submit(task)] = task
            if not running:
                return
            done = _done(running, workers)
            for future in [
                future for future in running if future in done
            ]:  # in order: what was begun before is not lost
                task = running.pop(future)
                yield task, _found(future, task)


def _next(queue: Iterator[Task], count: int) -> Iterator[Task]:
    return (task for _, task in zip(range(count), queue, strict=False))


def _done(running: Iterable[Future[Found]], workers: Workers) -> set[Future[Found]]:
    """What is done, as soon as something is; while there are no workers to do it, that is said once."""
    told = not isinstance(workers, Cluster)
    while not (done := wait(running, None if told else SILENCE, FIRST_COMPLETED).done):
        if isinstance(workers, Cluster) and not workers.threads():
            print(f"waiting for workers: none at {workers.client.scheduler.address}", file=sys.stderr, flush=True)
            told = True
    return done


def _found(future: Future[Found], task: object) -> Found:
    try:
        return future.result()
    except CancelledError:
        raise _lost() from None
    except Exception as error:
        if type(error).__name__ != "KilledWorker":
            raise
        raise BrokenOffError(f"workers died again and again of the same task, {reprlib.repr(task)}") from None


@contextlib.contextmanager
def _threads(work: Callable[[Any], Any], workers: int | None) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Compiled rules let go of the interpreter, so threads are enough on one machine, and share what they read."""
    count = workers or os.cpu_count() or 1
    pool = ThreadPoolExecutor(max_workers=count)
    try:
        yield lambda task: pool.submit(work, task), lambda: AHEAD * count
    finally:
        pool.shutdown(cancel_futures=True)  # nothing runs on when the block is left


# ---- on a cluster ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_workers(workers: int | None = None, cluster: str | None = None) -> Iterator[Workers]:
    """Who does the work, for the time of the block.

    Parameters
    ----------
    workers : threads; worker processes of ``local``; on another cluster, most tasks at a time
    cluster : None: threads here. ``local``: a scheduler and worker processes on this machine, which end with the block or with
        this process, however it ends. ``tcp://HOST:PORT`` (or ``tls``): a scheduler that runs already

    Raises
    ------
    InputError : no such scheduler, another version there, or Dask is not installed
    """
    if cluster is None:
        yield workers
        return
    if cluster != LOCAL and not ADDRESS.fullmatch(cluster):
        raise InputError(f"{cluster[:80]!r} is no address", key=KEY, allowed="local, or tcp://HOST:PORT of a scheduler")
    if importlib.util.find_spec("distributed") is None:
        allowed = "--workers N without a cluster, or an installation with the extra [cluster]"
        raise InputError("Dask is not installed", key=KEY, allowed=allowed)
    with contextlib.ExitStack() as opened:
        found = Cluster(cluster, workers, opened)
        if cluster != LOCAL:
            _ = found.client  # a wrong address is wrong before anything is written
        yield found


@contextlib.contextmanager
def _cluster(
    work: Callable[[Any], Any], cluster: Cluster, posterior: str
) -> Iterator[tuple[Submit, Callable[[], int]]]:
    import cloudpickle

    from simulation.posterior import posterior_hash

    client, ours = cluster.client, (version(), posterior, posterior_hash(posterior))
    with _connected():
        shared = client.submit(_same, cloudpickle.dumps(work), pure=False)  # a result: made again where it is lost
        executor = client.get_executor(pure=False)

    def submit(task: Any) -> Future[Any]:
        with _connected():
            return executor.submit(_on_worker, ours, shared, task)  # type: ignore[no-any-return]

    try:
        yield submit, cluster.ahead
    finally:
        with contextlib.suppress(BrokenOffError), _connected():
            executor.shutdown(wait=False)


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """What Dask says of a scheduler that is gone, in our words."""
    from distributed.client import ClosedClientError

    try:
        yield
    except (OSError, ClosedClientError):
        raise _lost() from None


@contextlib.contextmanager
def _started_in_peace() -> Iterator[None]:
    """Ctrl-C while worker processes start is heard when they have, and ends them in order; they never hear it themselves."""
    from multiprocessing import resource_tracker

    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    resource_tracker.ensure_running()  # it would take away the mask, which processes get from the one that starts them
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def dask_setup(worker: object) -> None:
    """Dask calls this in each worker process of ``local``: Ctrl-C is for the command, which ends them itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _same(work: bytes) -> bytes:
    return work


@functools.lru_cache(maxsize=2)
def _load(work: bytes) -> Callable[[Any], Any]:
    return pickle.loads(work)  # type: ignore[no-any-return]


def _on_worker(ours: tuple[str, str, str], work: bytes, task: Any) -> Any:
    """One task, in a worker process, which may have joined late: what it has must be what we have."""
    from simulation.posterior import check_posterior
    from simulation.warm import warm_up

    our_version, posterior, draws = ours
    if version() != our_version:
        raise _other_version()
    check_posterior(posterior, draws)
    warm_up()
    return _load(work)(task)


def _check_answers(address: str) -> None:
    """Refuse an address where something else than a scheduler listens, or keeps silent: Dask would wait for it, or read on."""
    there = urlsplit(address)
    if there.scheme != "tcp":  # who speaks tls says nothing before it is greeted
        return
    try:
        with socket.create_connection((there.hostname or "", there.port or 0), GREETING) as connection:
            connection.settimeout(GREETING)
            frames = int.from_bytes(
                connection.recv(8), "little"
            )  # a scheduler says first how many parts its greeting has
    except (OSError, ValueError):
        raise _no_answer(address) from None
    if not 0 < frames < MOST_FRAMES:
        raise _no_answer(address)


def _no_answer(address: str) -> InputError:
    allowed = "a scheduler that runs, for tls with Dask's settings of certificates; or local"
    return InputError(f"no scheduler answers at {address}", key=KEY, allowed=allowed)


def _lost() -> BrokenOffError:
    return BrokenOffError("the connection with the cluster's scheduler is lost")


def _check_versions(client: Any) -> None:
    try:
        there = {client.run_on_scheduler(version), *client.run(version).values()}
    except OSError:
        raise _lost() from None
    except Exception:  # Dask hands on what went wrong there in many forms: our modules were not found, or are others
        raise _other_version() from None
    if there - {version()}:
        raise _other_version()


def _other_version() -> InputError:
    problem = "the scheduler or a worker has another version of Familiebaner, or none"
    allowed = "the same versions of Familiebaner, Python, NumPy, SciPy and Numba and one kind of processor: "
    return InputError(problem, key=KEY, allowed=allowed + version()[:16])


@functools.cache
def version() -> str:
    """SHA-256 of all sources that a worker may run and of what the machine calculates with, 64 hexadecimal digits."""
    from simulation.compiled import SOURCE_HASH

    digest = hashlib.sha256(f"{SOURCE_HASH} {described()}".encode())
    for path in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)}):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()
