"""Replicates in threads: the compiled loop lets go of the interpreter, so threads are enough and share what they read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Found = TypeVar("Found")


def in_threads(
    work: Callable[[Task], Found], tasks: Sequence[Task], workers: int | None
) -> Iterator[tuple[Task, Found]]:
    """Each task with what became of it, as they are done; a few wait at a time, so that Ctrl-C is quick.

    Parameters
    ----------
    workers : threads at once; None is one for each processor
    """
    count = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=count) as threads:
        queue = iter(tasks)
        running: dict[Future[Found], Task] = {}
        while True:
            while len(running) < count and (task := next(queue, None)) is not None:
                running[threads.submit(work, task)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
