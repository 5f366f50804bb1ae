"""Pictures drawn by processes of their own, so that drawing keeps neither the interpreter nor a second planner waiting."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process, resource_tracker
from typing import Final

from results.style import Picture
from scenarios.lab.answers import Compared
from scenarios.lab.pictures import draw, how_many

MOST: Final = 2  # processes; there are six pictures
FEWEST: Final = 80
"""Replicates that pictures are drawn from: bands over fewer say little"""
GROWN: Final = 6.0
"""Pictures are drawn again from so many times the replicates that they are of, and when all are in"""


class Painters:
    """Draws the pictures of two plans, each where there is room; where there is no process, at once and here."""

    def __init__(self, processes: int = 0) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if processes:
            self._pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin)
            with _without_ctrl_c():
                for _ in range(processes):  # so that they have read their modules before the first planner comes
                    self._pool.submit(os.getpid)

    def draw(self, of: Compared, lang: str, *, whole: bool = True) -> list[Future[Picture]]:
        """Begin to draw the pictures, in the order of :func:`scenarios.lab.pictures.pictures`: not all, unless ``whole``."""
        return [self._one(of, lang, place) for place in range(how_many(of, whole=whole))]

    def close(self) -> None:
        """Draw no more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, of: Compared, lang: str, place: int) -> Future[Picture]:
        if self._pool is not None:
            try:
                return self._pool.submit(draw, of, lang, place)
            except RuntimeError:  # a process was killed, for want of memory say, or the server stops: go on without
                self._pool = None
        here: Future[Picture] = Future()
        here.set_result(draw(of, lang, place))
        return here


class Easel:
    """The pictures of one question in one language: those that can be shown, and those being drawn meanwhile."""

    def __init__(self, painters: Painters, lang: str) -> None:
        self._painters, self._lang = painters, lang
        self._of = 0  # replicates that the newest are of
        self._drawing: list[Future[Picture]] = []
        self._shown: list[Picture] = []

    def begin(self, of: Compared, replicates: int, *, whole: bool) -> None:
        """Begin to draw, where there is enough more than the newest pictures are of; the parameters are those of ``pictures``."""
        if replicates >= max(FEWEST, GROWN * self._of) or (whole and replicates != self._of):
            for picture in self._drawing:
                picture.cancel()
            self._drawing, self._of = self._painters.draw(of, self._lang, whole=whole), replicates

    def pictures(self, of: Compared, replicates: int, *, whole: bool) -> list[Picture]:
        """The newest that are drawn; of just this, where it is whole. None at first, nor of few replicates.

        Parameters
        ----------
        of : what is known now
        replicates : that it is of
        whole : whether no more come
        """
        self.begin(of, replicates, whole=whole)
        if self._drawing and (whole or all(picture.done() for picture in self._drawing)):
            try:
                self._shown = [picture.result() for picture in self._drawing]
            except (BrokenProcessPool, CancelledError):  # the latter where the server stops
                self._shown = [draw(of, self._lang, place) for place in range(how_many(of, whole=whole))]
            self._drawing = []
        return self._shown


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes that are begun here never hear Ctrl-C, also while they read their modules; this one hears it afterwards."""
    resource_tracker.ensure_running()  # it would let Ctrl-C through again when it is begun
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """In a process: leave Ctrl-C to the server, and end with it; what was imported is not looked through for what is unused."""
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_server, daemon=True).start()


def _end_with_the_server() -> None:
    server = parent_process()
    if server is not None:
        connection.wait([server.sentinel])
        os._exit(0)
