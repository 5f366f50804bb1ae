"""Runs the questions of many sessions on a few threads, keeps what may be asked again, and gives answers while they grow.

A question is a study. Its replicates are those of ``run.py compare``, run one at a time in their order, so that after n of them
the numbers are those of that command with n replicates, to the last bit, whoever else asks and whatever is kept.

Kept are burnt-in municipalities, which arms share, and also questions whose parameters differ in nothing that acts before
there are coordinators (``calibration.points.later``); and what each arm became. So moving a lever of one plan runs that plan
only. What is kept is bounded in bytes; what was asked for longest ago goes first.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from calibration.points import later
from scenarios.lab.starts import PackedStart, pack, unpack, with_setting
from scenarios.study import Study
from simulation.engine import (
    DRIFT_MONTHS,
    ArmValues,
    Start,
    make_setting,
    new_world_in,
    parameter_values,
    read_arm,
    start_of,
    values_of,
)
from simulation.errors import InputError
from simulation.outcomes import (
    FLOWS,
    GROUPS,
    LEAD_MONTHS,
    OUTCOME_NAMES,
    PAIRED_POPULATIONS,
    STUDY_POPULATIONS,
    FloatArray,
    Runs,
)
from simulation.parameters import parameter_names
from simulation.plan import Plan
from simulation.posterior import Identity, posterior_identity
from simulation.reading import FAMILY_COLUMNS
from simulation.runner import check_alike
from simulation.warm import warm_up

_OF_AN_ARM: Final = ("study", "followed", "followed_families", "flows", "groups")
_OF_A_START: Final = ("drift", "group_families")
_NUMBER: Final = np.dtype(np.float64).itemsize
_LEAVING: Final = 10.0  # seconds that closing waits for a thread to finish its replicate


@dataclass(frozen=True)
class Limits:
    """What one server does for everybody, and for one session."""

    sessions: int = 20
    replicates: int = 500
    """of one question, at most"""
    family_months: int = 60_000_000
    """simulated for one question, at most"""
    lives_family_months: int = 1_200_000
    """simulated for the two lives of a family, at most: some seconds of one thread"""
    memory_bytes: int = 2_000_000_000
    """of what is kept: municipalities and what arms became; beside it threads and the desk that runs are read at have theirs"""
    session_bytes: int = 200_000_000
    """of what arms became, of one session's question"""
    idle_seconds: float = 900.0
    """A session that has asked for nothing so long gives way, where another needs its place or its memory."""
    workers: int | None = None
    """Threads; None is one for each processor."""

    def replicates_of(self, plan: Plan, arms: int) -> int:
        """How many replicates a study of so many arms may have: an even number, at least two.

        Fewer for a large place, for the sake of time, and for many months, for the sake of memory.
        """
        months = plan.families * (plan.burn_in_months + arms * plan.horizon_months)
        most = min(self.family_months // months, self.session_bytes // (arms * arm_bytes(plan, 1)))
        return max(min(self.replicates, most // 2 * 2), 2)

    def check_lives(self, plan: Plan) -> None:
        """Refuse two lives in a place that is too large, or over too many months; ``InputError``."""
        months = plan.burn_in_months + 2 * plan.horizon_months
        if plan.families * months > self.lives_family_months:
            problem = f"two lives of {plan.families} families for {plan.horizon_months} months are too much for the lab"
            most = self.lives_family_months // months
            allowed = f"at most {most} families for so many months, or fewer months"
            raise InputError(problem, key="pool.families", allowed=allowed)


class BusyError(InputError):
    """There is no room for another session or question now; there may be later."""


class GivenUpError(InputError):
    """The question has been given up: its session asked another, or left."""


# ---- what is kept ----------------------------------------------------------------------------------------------------


class _Kept:
    """Something kept for later, in use by so many questions now."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.nbytes = 0
        self.users = 0


class _Place(_Kept):
    """Burnt-in municipalities of a place, by replicate."""

    def __init__(self, key: Hashable, replicates: int) -> None:
        super().__init__(key)
        self.starts: dict[int, PackedStart] = {}
        self.busy = np.zeros(replicates, bool)
        """replicates that a thread is at: no other begins the same"""

    def forget(self) -> None:
        self.starts.clear()
        self.nbytes = 0


class _Arm(_Kept):
    """What a plan became, by replicate: the parts of ``Runs`` without their axis of arms."""

    def __init__(self, key: Hashable, plan: Plan, replicates: int) -> None:
        super().__init__(key)
        shapes = arm_shapes(plan)
        self.parts = {part: np.empty((replicates, *shape)) for part, shape in shapes.items()}
        self.nbytes = arm_bytes(plan, replicates)
        self.done = np.zeros(replicates, bool)

    def put(self, replicate: int, values: ArmValues, start: Start) -> None:
        for part in _OF_AN_ARM:
            self.parts[part][replicate] = getattr(values, part)
        for part in _OF_A_START:
            self.parts[part][replicate] = getattr(start, part)
        self.done[replicate] = True  # the last, since others look at it


def arm_shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    """The shapes of what is kept of one replicate of an arm: as in ``Runs``, without replicates and arms."""
    months, k = plan.horizon_months, len(OUTCOME_NAMES)
    return {
        "study": (len(STUDY_POPULATIONS), LEAD_MONTHS + 1 + months, k),
        "followed": (months + 1, k),
        "followed_families": (),
        "flows": (months, len(FLOWS)),
        "groups": (len(GROUPS), k),
        "drift": (k,),
        "group_families": (len(GROUPS),),
    }


def arm_bytes(plan: Plan, replicates: int) -> int:
    """Memory that what is kept of an arm takes."""
    return replicates * sum(_NUMBER * int(np.prod(shape)) for shape in arm_shapes(plan).values())


def _place_key(plan: Plan, seed: int, replicates: int, posterior: Identity | None) -> Hashable:
    """All that the municipality at month 0 depends on, before the levers of an arm."""
    act_later = {name for name, yes in zip(parameter_names(), later(), strict=True) if yes}
    held = tuple(sorted((name, value) for name, value in plan.parameters.items() if name not in act_later))
    months = (plan.burn_in_months, plan.founding_months)
    drawn = (plan.posterior, posterior, plan.links, seed)
    return (repr(plan.profile), plan.families, months, plan.prices, drawn, held, replicates)


_Held: TypeAlias = tuple[_Place, tuple[_Arm, ...]]
_Lay: TypeAlias = Callable[[str, Sequence[FloatArray]], FloatArray]
"""Puts what arms became of a part side by side, (R, ...) of each to (R, A, ...)."""


class _Desk:
    """Where runs are laid out to be read, one question at a time: to get new memory for them takes longer than to read them.

    It keeps the memory of the largest of each part that was laid out, some ``Limits.session_bytes`` at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room: dict[str, FloatArray] = {}

    def __enter__(self) -> _Lay:
        self._lock.acquire()
        return self._lay

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _lay(self, part: str, arms: Sequence[FloatArray]) -> FloatArray:
        shape = (len(arms[0]), len(arms), *arms[0].shape[1:])
        size = math.prod(shape)
        if part not in self._room or self._room[part].size < size:
            self._room.pop(part, None)  # before the larger one is made
            self._room[part] = np.empty(size)
        return np.stack(arms, axis=1, out=self._room[part][:size].reshape(shape))


# ---- a question ------------------------------------------------------------------------------------------------------


class Question:
    """A study that is being run for a session, or has been. Made by :meth:`Workbench.ask`; any thread may look at it."""

    def __init__(self, bench: Workbench, study: Study, posterior: Identity | None) -> None:
        self.study = study
        self.total = study.replicates
        """replicates in all"""
        self.failures: dict[int, dict[str, Any]] = {}
        """replicate, draw and traceback of each replicate that failed, by replicate: these are left out"""
        self._bench, self._posterior = bench, posterior
        place_key = _place_key(study.arms[0], study.seed, self.total, posterior)
        self._keys = [place_key, *((place_key, repr(replace(plan, name=""))) for plan in study.arms)]
        self._drawn = tuple(sorted(study.arms[0].parameters.items()))  # beside what the key of the place says
        self._kept: _Held | None = None
        self._stopped: InputError | None = None
        self._touched = time.monotonic()

    def done(self) -> int:
        """Replicates that are ready, counted from the first without a gap; 0 when the question has been given up."""
        self._touched = time.monotonic()
        kept = self._kept
        return 0 if kept is None else self._in_a_row(kept)

    @property
    def over(self) -> bool:
        """Whether nothing more will come: all is done, or wrong, or the question has been given up."""
        kept = self._kept
        return kept is None or self._stopped is not None or bool(self._ready(kept).all())

    @property
    def stopped(self) -> bool:
        """Whether it has been ended by something that is wrong with it: to ask it again may end in the same."""
        return self._stopped is not None

    @property
    def error(self) -> str | None:
        """The words of what went wrong first, if anything has."""
        if self._stopped is not None:
            return str(self._stopped)
        if not self.failures:
            return None
        first = self.failures[min(self.failures)]
        return f"replicate {first['replicate']}: {first['traceback'].strip().splitlines()[-1]}"

    def wait(self, replicates: int, timeout: float) -> int:
        """Wait for so many replicates, or till nothing more comes, or so many seconds. How many are done."""
        with self._bench._changed:
            self._bench._changed.wait_for(
                lambda: self.over or self.done() >= replicates or self._bench._closed, timeout
            )
        return self.done()

    def runs(self) -> Runs:
        """The replicates that are done, whole draws of them, in their order: what ``run_study`` gives for so many.

        ``paired`` is NaN and not to be written to: both lives of all families would take too much memory to be kept.

        Raises
        ------
        InputError : what stopped the question; ``GivenUpError`` where its session asked another
        RuntimeError : there is no draw yet, or every replicate failed
        """
        return self._runs(lambda _, arms: np.stack(arms, axis=1))

    def _runs(self, lay: _Lay) -> Runs:
        if self._stopped is not None:
            raise self._stopped
        kept = self._kept
        if kept is None:
            raise GivenUpError("has been given up for a newer question", key="question", allowed="asking it again")
        done = self._in_a_row(kept)
        if done < self.total:
            done -= done % 2
        order = np.array([r for r in range(done) if r not in self.failures], np.int64)
        if not len(order):
            raise RuntimeError("every replicate failed: " + self.error if self.error else "no draw is done yet")
        rows: Any = slice(done) if len(order) == done else order
        parts = {part: lay(part, [arm.parts[part][rows] for arm in kept[1]]) for part in _OF_AN_ARM}
        plan, contrasts = self.study.arms[0], self.study.contrasts
        pairs = (len(order), len(contrasts), len(PAIRED_POPULATIONS), 2, plan.horizon_months + 1, len(OUTCOME_NAMES))
        return Runs(
            arms=tuple(plan.name for plan in self.study.arms),
            contrasts=tuple(contrasts),
            horizon=plan.horizon_months,
            replicate=order,
            draw=order // 2,
            paired=np.broadcast_to(np.nan, pairs),
            **parts,
            **{part: kept[1][0].parts[part][rows].copy() for part in _OF_A_START},
        )

    @contextlib.contextmanager
    def at_the_desk(self) -> Iterator[Runs]:
        """:meth:`runs`, not to be kept: in memory that the next question uses again, one question at a time."""
        with self._bench._desk as lay:
            yield self._runs(lay)

    def _in_a_row(self, kept: _Held) -> int:
        """How many are done, counted from the first without a gap."""
        ready = self._ready(kept)
        return self.total if ready.all() else int(ready.argmin())

    def _ready(self, kept: _Held) -> npt.NDArray[np.bool_]:
        """Which replicates are done or have failed, (total,). ``kept`` was read once: another thread may give it up."""
        ready = np.logical_and.reduce([arm.done for arm in kept[1]])
        ready[list(self.failures)] = True
        return np.asarray(ready)

    def _next(self) -> int | None:
        """The first replicate that is not done and that no thread is at."""
        kept = self._kept
        if kept is None or self._stopped is not None:
            return None
        free = ~(self._ready(kept) | kept[0].busy)
        return int(free.argmax()) if free.any() else None

    def _is(self, other: Question) -> bool:
        return self._keys == other._keys and self.study == other.study and self._stopped is None


@dataclass
class _Seat:
    """What a session has asked, and what it has had."""

    question: Question
    seconds: float = 0.0
    """of threads, so far"""
    running: int = 0
    """threads at its question now"""


def give_way() -> None:
    """Let this thread, and what it starts, come after the page that shows what is found; on Linux, where a thread can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # the system may forbid it
            os.nice(5)


# ---- the workbench ---------------------------------------------------------------------------------------------------


class Workbench:
    """A few threads for the questions of many sessions: each session in turn, its newest question only."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._changed = threading.Condition()
        self._warming = threading.Lock()
        self._desk = _Desk()
        self._closed = False
        self._seats: dict[str, _Seat] = {}
        self._ahead: list[_Seat] = []
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        count = self.limits.workers or os.cpu_count() or 1
        self._threads = [threading.Thread(target=self._work, name=f"lab-{i}", daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    # -- for sessions --

    def ask(self, session: str, study: Study) -> Question:
        """Begin to run a study for a session, or go on; an earlier question of the session is given up.

        Raises
        ------
        BusyError : there are too many sessions, or what the others hold leaves no room
        InputError : the study is too large, or its posterior cannot be read
        """
        question = self._question(study)
        with self._changed:
            seat = self._seats.get(session)
            if seat is not None and seat.question._is(question):
                seat.question._touched = time.monotonic()
                return seat.question
            if seat is None:
                self._make_way()
            seat = self._seats.setdefault(session, _Seat(question))
            earlier, seat.question = seat.question, question
            if earlier.over:  # who comes, or comes back, begins level with who has been served least
                waiting = [other.seconds for other in self._seats.values() if not other.question.over]
                seat.seconds = min(waiting, default=0.0)
            try:
                self._take(question, earlier)
            except BusyError:
                del self._seats[session]
                raise
            self._changed.notify_all()
        return question

    def prepare(self, studies: Sequence[Study]) -> None:
        """Run studies ahead while no session wants anything, so that who asks one finds it done: at a server's start, say.

        Of what they leave, as of all that is kept, the oldest goes first when room is needed.

        Raises
        ------
        InputError : a study is too large, or its posterior cannot be read
        """
        questions = [self._question(study) for study in studies]
        with self._changed:
            self._ahead += [_Seat(question) for question in questions]
            self._changed.notify_all()

    def leave(self, session: str) -> None:
        """Give up what a session has asked, and its place. Nothing happens where there is no such session."""
        with self._changed:
            seat = self._seats.pop(session, None)
            if seat is not None:
                self._give_up(seat.question)
            self._changed.notify_all()

    def close(self) -> None:
        """Stop: threads end with the replicate they are at, and nobody waits any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_LEAVING)

    @property
    def memory_bytes(self) -> int:
        """Memory of what is kept."""
        with self._changed:
            return sum(kept.nbytes for kept in self._kept.values())

    @property
    def idle(self) -> bool:
        """Whether nothing is to be run, nor ahead."""
        with self._changed:
            return not self._ahead and all(seat.question.over for seat in self._seats.values())

    # -- whether there is room --

    def _question(self, study: Study) -> Question:
        """A question that is not too large."""
        if self._closed:
            raise BusyError("has stopped", key="the lab", allowed="starting it again")
        plan, limits = study.arms[0], self.limits
        check_alike(study.arms)
        if study.precision is not None:
            raise InputError("the lab runs all replicates", key="study.precision", allowed="a study without it")
        if study.replicates > limits.replicates:
            raise InputError(
                f"{study.replicates} replicates", key="study.replicates", allowed=f"at most {limits.replicates}"
            )
        months = study.replicates * (plan.burn_in_months + len(study.arms) * plan.horizon_months)
        if plan.families * months > limits.family_months:
            problem = f"{plan.families} families for {plan.horizon_months} months are too much for the lab"
            allowed = f"at most {limits.family_months // months} families for so many months, or fewer months"
            raise InputError(problem, key="pool.families", allowed=allowed)
        arms = len(study.arms) * arm_bytes(plan, study.replicates)
        if arms > limits.session_bytes or self._least_bytes(study) > limits.memory_bytes:
            problem = f"{plan.families} families for {plan.horizon_months} months take too much memory for the lab"
            raise InputError(problem, key="study.horizon_months", allowed="fewer months or families")
        return Question(self, study, posterior_identity(plan.posterior))

    def _least_bytes(self, study: Study) -> int:
        """Memory without which a study cannot be run: the larger of what its arms become and what threads read families into."""
        plan, threads = study.arms[0], len(self._threads)
        months = 1 + DRIFT_MONTHS + 1  # an arm's last, and the last of the burn-in
        panel = months * plan.families * FAMILY_COLUMNS * np.dtype(np.float32).itemsize
        return max(len(study.arms) * arm_bytes(plan, study.replicates), threads * panel)

    def _make_way(self) -> None:
        """Room for another session: where there is none, the one that has been idle longest leaves."""
        if len(self._seats) >= self.limits.sessions and not self._one_leaves():
            raise BusyError(
                f"{len(self._seats)} are using the lab", key="sessions", allowed=f"{self.limits.sessions} at a time"
            )

    def _one_leaves(self, but: Question | None = None) -> bool:
        """Give up the session that has been idle longest, where one has been so long enough; whether one has."""
        others = {name: seat.question._touched for name, seat in self._seats.items() if seat.question is not but}
        session = min(others, key=others.__getitem__, default=None)
        if session is None or time.monotonic() - others[session] < self.limits.idle_seconds:
            return False
        self._give_up(self._seats.pop(session).question)
        return True

    def _take(self, question: Question, earlier: Question | None) -> None:
        """Hold what a question needs, and let go of what the earlier one held and this one does not.

        ``earlier`` is None for what is run ahead, for which no session has to leave.
        """
        place_key, *arm_keys = question._keys
        held: dict[Hashable, _Kept] = {}

        def hold(key: Hashable, kept: _Kept) -> None:
            kept.users += 1
            self._kept[key] = held[key] = kept
            self._kept.move_to_end(key)

        for key in dict.fromkeys(question._keys):
            if key in self._kept:
                hold(key, self._kept[key])
        if earlier is not None:
            self._give_up(earlier)
        if place_key not in held:
            hold(place_key, _Place(place_key, question.total))
        for key, plan in zip(arm_keys, question.study.arms, strict=True):
            if key in held:
                continue
            wanted = arm_bytes(plan, question.total)
            while not (room := self._room(wanted)) and earlier is not None and self._one_leaves(but=question):
                pass
            if not room:
                for kept in held.values():
                    kept.users -= 1
                raise BusyError("others are using the lab's memory", key="memory", allowed="asking again in a while")
            hold(key, _Arm(key, plan, question.total))
        question._kept = cast(_Place, held[place_key]), tuple(cast(_Arm, held[key]) for key in arm_keys)

    def _give_up(self, question: Question) -> None:
        if question._kept is not None:
            place, arms = question._kept
            for kept in {id(kept): kept for kept in (place, *arms)}.values():
                kept.users -= 1
            question._kept = None

    def _room(self, wanted: int, asking: Hashable = None) -> bool:
        """Forget what was asked for longest ago until so many bytes are free; whether they are.

        ``asking`` is what is to grow: it may push out only what is older than itself, so that two do not push out one another.
        """
        free = self.limits.memory_bytes - sum(kept.nbytes for kept in self._kept.values())
        for key, kept in list(self._kept.items()):
            if free >= wanted or key == asking:
                break
            if isinstance(kept, _Place):
                free += kept.nbytes
                kept.forget()  # who uses it burns in again
            if not kept.users:
                free += kept.nbytes
                del self._kept[key]
        if free < wanted and asking is None and self._stop_preparing():
            return self._room(wanted)
        return free >= wanted

    def _stop_preparing(self) -> bool:
        """Give up what is being run ahead, where anything is: it may not keep a session waiting for memory."""
        for seat in self._ahead:
            if seat.question._kept is not None:
                self._give_up(seat.question)
                self._ahead.remove(seat)
                return True
        return False

    # -- threads --

    def _work(self) -> None:
        """A thread's life: the next replicate of whoever is next."""
        give_way()
        with self._warming, contextlib.suppress(OSError):  # what is not compiled ahead is compiled where it is called
            warm_up()
        while (task := self._next_task()) is not None:
            seat, question, place, replicate = task
            began = time.perf_counter()
            try:
                self._run(question, place, replicate)
            except InputError as error:
                question._stopped = error
            except Exception:
                told = {"replicate": replicate, "draw": replicate // 2, "traceback": traceback.format_exc()}
                first = not question.failures  # told once: what made one fail makes others fail
                question.failures[replicate] = told
                with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                    if first:
                        print(f"replicate {replicate} failed: {told['traceback']}", file=sys.stderr, flush=True)
            with self._changed:
                place.busy[replicate] = False
                seat.running -= 1
                seat.seconds += time.perf_counter() - began
                self._changed.notify_all()

    def _next_task(self) -> tuple[_Seat, Question, _Place, int] | None:
        """The first replicate to do of the session that has fewest threads, then of that which has had least. None: stop."""
        with self._changed:
            while not self._closed:
                for seat in self._in_turn():
                    replicate = seat.question._next()
                    if replicate is not None and seat.question._kept is not None:
                        place = seat.question._kept[0]
                        place.busy[replicate] = True
                        seat.running += 1
                        return seat, seat.question, place, replicate
                self._changed.wait()
        return None

    def _in_turn(self) -> Iterator[_Seat]:
        yield from sorted(self._seats.values(), key=lambda seat: (seat.running, seat.seconds))
        while self._ahead:  # only when no session wants anything
            seat = self._ahead[0]
            if seat.question._kept is None:
                try:
                    self._take(seat.question, None)
                except (BusyError, MemoryError):  # sessions need it
                    del self._ahead[0]
                    continue
            if not seat.question.over:
                yield seat
                return
            self._give_up(seat.question)
            del self._ahead[0]

    def _run(self, question: Question, place: _Place, replicate: int) -> None:
        """What is missing of a replicate, arm by arm; a question that has been given up goes no further."""
        study, start = question.study, None
        for i, plan in enumerate(study.arms):
            kept = question._kept
            if kept is None or self._closed:
                return
            arm = kept[1][i]
            if not arm.done[replicate]:
                start = start or self._start(question, place, replicate)
                arm.put(replicate, values_of(*read_arm(start, plan, panel=False)), start)

    def _start(self, question: Question, place: _Place, replicate: int) -> Start:
        """The burnt-in municipality of a replicate: as it was kept, or made and kept where there is room."""
        plan, seed = question.study.arms[0], question.study.seed
        packed = place.starts.get(replicate)
        if packed is not None and packed.drawn == question._drawn:
            return unpack(packed)
        if posterior_identity(plan.posterior) != question._posterior:
            raise InputError("has changed since it was asked for", file=plan.posterior, allowed="asking again")
        setting = make_setting(plan, parameter_values(plan, seed, replicate // 2))
        if packed is not None:
            return with_setting(unpack(packed), setting)
        start = start_of(new_world_in(plan, seed, replicate, setting), plan)
        packed = pack(start, question._drawn)
        with self._changed:
            if self._kept.get(place.key) is place and self._room(packed.nbytes, place.key):
                place.starts[replicate] = packed
                place.nbytes += packed.nbytes
        return start
