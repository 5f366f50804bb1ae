"""Asking the model: one simulation for each world that the questions are about, whatever the kind of world.

A kind of world is a module with ``answer(questions, values, *, seed, number)`` and ``names()``; see ``calibration.questions``.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from calibration.questions import FIRST, Kind, Named, Question, Setting, kind_of
from simulation.errors import InputError, nearest
from simulation.outcomes import FloatArray

MODULES: Final[dict[Kind, str]] = {
    "register": "calibration.registers",
    "trial": "calibration.trial_answers",
    "office": "calibration.offices",
    "treatment": "calibration.treatment",
    "caseload": "calibration.caseloads",
}

World = tuple[Kind, Setting]


def _module(kind: Kind) -> Any:
    return importlib.import_module(MODULES[kind])


@functools.cache
def known() -> dict[str, Named]:
    """Every statistic there is, by its full name; those of a register once for each group too."""
    return {named.name: named for kind in MODULES for named in _module(kind).names()}


def known_names() -> tuple[Named, ...]:
    """The same, as a list."""
    return tuple(known().values())


def without_groups() -> tuple[Named, ...]:
    """The statistics of everyone: what a list can show. Those of a register can be asked of a group as well."""
    return tuple(named for named in known().values() if not groups(named.name.rpartition(".")[0]))


def groups(statistic: str) -> tuple[str, ...]:
    """The groups that a statistic can be asked of, as in ``pool.employed_share.lone_parents``; none but in a register."""
    from calibration.groups import GROUPS

    if kind_of(statistic) != "register" or statistic not in known():
        return ()
    return tuple(name for name in GROUPS if f"{statistic}.{name}" in known())


def describe(statistic: str) -> Named:
    """Unit and meaning of a statistic."""
    return known()[statistic]


def find_kind(statistic: str) -> Kind:
    """The kind of world of a statistic.

    Raises
    ------
    InputError : no kind has this first word
    """
    kind = kind_of(statistic)
    if kind is None:
        raise InputError(f"there is no statistic {statistic[:80]!r}", allowed=nearest(statistic[:80], FIRST))
    return kind


def worlds(questions: Sequence[Question]) -> dict[World, list[int]]:
    """The worlds that questions are about, in the order in which they are first asked, and the places of their questions."""
    found: dict[World, list[int]] = {}
    for place, question in enumerate(questions):
        found.setdefault((find_kind(question.statistic), question.setting.world()), []).append(place)
    return found


def ask(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """Answers to all questions under one set of parameters and one stroke of luck.

    Parameters
    ----------
    values : parameters in stated units, (P,); None: draw ``number // 2`` from the priors of the seed
    number : the replicate that random numbers are keyed by

    Returns
    -------
    (len(questions), 2): the value, and the standard error that an evaluator would state of it; NaN where there is none.
    """
    answers = np.full((len(questions), 2), np.nan)
    for (kind, _), places in worlds(questions).items():
        some = [questions[place] for place in places]
        answers[places] = _module(kind).answer(some, values, seed=seed, number=number)
    return answers
