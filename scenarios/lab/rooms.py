"""What all sessions of the page share, and what the server was told when it was started."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field, replace
from typing import Final

from scenarios.lab.levers import Levers
from scenarios.lab.painters import Painters
from scenarios.lab.presets import PROGRAMMES, presets
from scenarios.lab.reports import Reports
from scenarios.lab.workbench import Limits, Workbench


@dataclass(frozen=True)
class Settings:
    """How the lab was started."""

    lang: str = "nb"
    limits: Limits = field(default_factory=Limits)
    painters: int = 0
    """processes that draw"""


lives: Final = threading.Lock()
"""Held by who works out two lives: one session at a time, beside the threads of the workbench"""
_told: Final[list[Settings]] = [Settings()]


def start(settings: Settings) -> None:
    """Open the lab with these settings, before the first session comes; what an earlier opening had is stopped."""
    close()
    _told[0] = settings


def prepare() -> None:
    """Run ahead what the lab opens with, so that who comes first finds it done, and have who draws it ready."""
    painters()
    workbench().prepare([opening().study(settings().limits.replicates)])


def opening() -> Levers:
    """The first programme, over as many months as a lab that nobody has set, its place as large as it is."""
    levers = presets()[PROGRAMMES[0]].levers.with_value("horizon_months", Levers().horizon_months)
    return replace(levers, families=None)


def settings() -> Settings:
    """How the lab was started."""
    return _told[0]


@functools.cache
def workbench() -> Workbench:
    """Where the studies of all sessions run."""
    return Workbench(settings().limits)


@functools.cache
def reports() -> Reports:
    """Where full reports are made."""
    return Reports()


@functools.cache
def painters() -> Painters:
    """Who draws the pictures of all sessions."""
    return Painters(settings().painters)


def leave(session: str) -> None:
    """Give up what a session has asked for."""
    for shared in (reports, workbench):
        if shared.cache_info().currsize:
            shared().leave(session)


def close() -> None:
    """Stop what runs."""
    for shared in (reports, workbench, painters):
        if shared.cache_info().currsize:
            shared().close()
            shared.cache_clear()
