"""The table that a fit is made from: a row a draw of the parameters, with what the model answers under it.

Rows are simulated in chunks over threads; each finished chunk is stored, so that a stopped fit goes on. A row depends on its
parameters, its number and the seed alone: not on workers, on chunks, or on what ran before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from calibration.answers import ask
from calibration.pieces import run_pieces
from calibration.questions import Question
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.outcomes import OUTCOME_NAMES, FloatArray
from simulation.parallel import Workers
from simulation.parameters import parameter_names, with_overrides

CHUNK: Final = 25  # rows
ELIGIBLE: Final = 1  # place of the population in a replicate's study array
DECIDED: Final = (  # what is asked of the study that a fit is made for
    "employed_share",
    "disposable_income",
    "child_participation_share",
    "children_in_low_income_share",
    "social_assistance_share",
)


@dataclass(frozen=True)
class Job:
    """What is asked of each row."""

    questions: tuple[Question, ...]
    study: Study | None
    """whose contrasts are answered too: *10 against 20*; None where nothing is asked of it"""
    seed: int

    def names(self) -> tuple[str, ...]:
        """Of the study's answers: ``CONTRAST | OUTCOME``."""
        if self.study is None:
            return ()
        return tuple(f"{contrast} | {outcome}" for contrast, _, _ in self.study.contrasts for outcome in DECIDED)


@dataclass(frozen=True)
class Rows:
    """N rows of a table."""

    values: FloatArray
    """(N, P) parameters in stated units"""
    number: npt.NDArray[np.int64]
    """(N,) what each row's luck is keyed by"""
    answers: FloatArray
    """(N, questions, 2) value, and the standard error an evaluator would state"""
    study: FloatArray
    """(N, contrasts x outcomes) differences among those eligible, at the horizon"""

    def __len__(self) -> int:
        return len(self.number)

    def joined(self, other: Rows) -> Rows:
        """These rows, then those."""
        return Rows(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in Rows.__annotations__))

    def only(self, chosen: npt.NDArray[Any]) -> Rows:
        """Some of the rows, by mask or place."""
        return Rows(*(getattr(self, name)[chosen] for name in Rows.__annotations__))


def simulate_rows(
    job: Job,
    values: FloatArray,
    numbers: npt.NDArray[np.int64],
    *,
    folder: Path | None = None,
    workers: Workers = None,
    step: Progress | None = None,
) -> Rows:
    """Simulate rows, or read those of an earlier, broken-off run.

    Parameters
    ----------
    values : (N, P) parameters in stated units
    numbers : (N,) what each row's luck is keyed by
    folder : where chunks are kept, made if need be; None keeps nothing

    Raises
    ------
    InputError : the folder holds rows of other parameters, questions, seed or code
    """
    chunks = [range(first, min(first + CHUNK, len(values))) for first in range(0, len(values), CHUNK)]
    whole = run_pieces(
        lambda k: np.stack([_row(job, values[i], int(numbers[i])) for i in chunks[k]]),
        [len(chunk) for chunk in chunks],
        _columns(job),
        "" if folder is None else made_from(job, values, numbers),
        folder=folder,
        workers=workers,
        step=step,
    )
    asked = 2 * len(job.questions)
    return Rows(values, numbers, whole[:, :asked].reshape(len(values), -1, 2), whole[:, asked:])


def _row(job: Job, values: FloatArray, number: int) -> FloatArray:
    answers = ask(job.questions, values, seed=job.seed, number=number).ravel()
    return np.concatenate([answers, study_answers(job, values, number)])


def study_answers(job: Job, values: FloatArray, number: int) -> FloatArray:
    """The study's differences under one set of parameters, in one replicate. (contrasts x outcomes,)"""
    from simulation.engine import run_arms

    if job.study is None:
        return np.empty(0)
    linked = with_overrides(values, {}, links=job.study.arms[0].links)
    held = MappingProxyType(dict(zip(parameter_names(), linked.tolist(), strict=True)))
    plans = [replace(plan, parameters=held, posterior="default", links=True) for plan in job.study.arms]
    found = run_arms(plans, (), replicate=number, seed=job.seed, draw=0).study[:, ELIGIBLE, -1]
    place = {plan.name: i for i, plan in enumerate(plans)}
    columns = [OUTCOME_NAMES.index(name) for name in DECIDED]
    return np.concatenate([(found[place[a]] - found[place[b]])[columns] for _, a, b in job.study.contrasts])


# ---- what rows depend on ---------------------------------------------------------------------------------------------


def code_hash() -> str:
    """SHA-256 of what answers questions beside the model itself: sources that simulate or measure, designs and profiles."""
    from calibration.answers import MODULES

    own = (
        *("answers", "questions", "design", "estimates", "trial", "trial_answers", "side_by_side", "table"),
        *("register", "statistics", "groups", "readers", "worlds", "before_after"),
    )
    here, scenarios = Path(__file__).parent, Path(__file__).parents[1] / "scenarios"
    modules = {*own, *(module.rpartition(".")[2] for module in MODULES.values())}
    files = [here / f"{name}.py" for name in modules] + list((here / "trials").glob("*.toml"))
    files += [*(scenarios / "profiles").rglob("*.toml"), scenarios / "profiles.py", scenarios / "vestland.py"]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(here.parent).as_posix()):
        digest.update(path.relative_to(here.parent).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def made_from(job: Job, values: FloatArray, numbers: npt.NDArray[np.int64]) -> str:
    """A hash of what rows depend on: questions, study, seed, parameters, luck and code."""
    from simulation.compiled import SOURCE_HASH

    digest = hashlib.sha256(SOURCE_HASH.encode() + code_hash().encode())
    questions = [[question.statistic, question.setting.model_dump_json()] for question in job.questions]
    study = None if job.study is None else [repr(job.study.arms), repr(job.study.contrasts)]
    digest.update(json.dumps([questions, study, job.seed]).encode())
    digest.update(np.ascontiguousarray(values).tobytes() + np.ascontiguousarray(numbers).tobytes())
    return digest.hexdigest()


def _columns(job: Job) -> list[str]:
    asked = [f"{i} {name}" for i in range(len(job.questions)) for name in ("value", "se")]
    return [*asked, *job.names()]
