"""The lab's workbench: the numbers of ``compare``, however many ask, whatever is kept, and nobody waits for ever."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.points import later
from scenarios.lab import speed, workbench
from scenarios.lab.starts import pack, unpack
from scenarios.lab.workbench import BusyError, GivenUpError, Limits, Question, Workbench, arm_bytes
from scenarios.study import Study, load_study
from simulation.engine import make_setting, new_world_in, parameter_values, start_of
from simulation.errors import InputError
from simulation.municipality import World
from simulation.outcomes import Runs
from simulation.parameters import default_values, find_parameter, load_parameters
from simulation.plan import Plan
from simulation.posterior import load_posterior
from simulation.runner import run_study

SMALL = ("pool.families=40", "study.horizon_months=6", "study.burn_in_months=24", "study.replicates=12")
PATIENCE = 60.0  # seconds, before a test says that something hangs
KEPT = tuple(field.name for field in fields(Runs) if field.name not in ("arms", "contrasts", "horizon", "paired"))


def study_of(*sets: str, today: str = "ordinary", plan: str = "caseload-10", **levers: Any) -> Study:
    """Two plans of the main study, of which levers of the second are moved."""
    study = load_study("caseload-10-vs-20", (*SMALL, *sets))
    plans = (replace(study.arm(today), name="today"), replace(study.arm(plan), name="your-plan", **levers))
    return replace(study, arms=plans, contrasts=(("your plan vs today", "your-plan", "today"),))


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with_two = Workbench(Limits(workers=2))
    yield with_two
    with_two.close()


class Counter:
    """How often the workbench calls one of its functions; some of the calls may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, fail: Callable[..., None] | None = None) -> None:
        self.calls = 0
        whole = getattr(workbench, name)

        def counted(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if fail is not None:
                fail(*args)
            return whole(*args, **options)

        monkeypatch.setattr(workbench, name, counted)


def finished(question: Question) -> Runs:
    assert question.wait(question.total, PATIENCE) == question.total, question.error
    assert question.over
    runs = question.runs()
    for _ in range(2):  # the second time in the same memory
        with question.at_the_desk() as seen:
            assert all(getattr(seen, name).tobytes() == getattr(runs, name).tobytes() for name in (*KEPT, "replicate"))
    return runs


def of_compare(study: Study, replicates: int) -> Runs:
    return run_study(study.arms, study.contrasts, replicates=replicates, seed=study.seed, workers=1).runs


def assert_same(found: Runs, expected: Runs) -> None:
    assert (found.arms, found.contrasts, found.horizon) == (expected.arms, expected.contrasts, expected.horizon)
    for name in KEPT:
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    assert found.paired.shape == expected.paired.shape
    assert np.isnan(found.paired).all()


# ---- the numbers -----------------------------------------------------------------------------------------------------


def test_while_an_answer_grows_it_is_that_of_compare_with_as_many_replicates(bench: Workbench) -> None:
    study = study_of()
    question, seen = bench.ask("a", study), []
    while not question.over:
        if question.wait(2 * len(seen) + 2, PATIENCE) >= 2:
            seen.append(question.runs())
    seen.append(finished(question))
    expected = of_compare(study, study.replicates)
    for runs in seen:
        n = len(runs.replicate)
        assert n % 2 == 0
        first = {name: getattr(expected, name)[:n] for name in (*KEPT, "paired")}
        assert_same(runs, replace(expected, **first))
    assert_same(seen[-1], expected)


def test_what_is_done_before_its_turn_waits_and_a_draw_is_shown_whole(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    Counter(monkeypatch, "read_arm", lambda start, *_: held_up(start, "replicate", 7, go_on))
    question = bench.ask("a", study_of())
    assert question.wait(7, PATIENCE) == 7
    assert question.wait(12, 0.05) == 7
    assert question.runs().replicate.tolist() == list(range(6))
    go_on.set()
    assert_same(finished(question), of_compare(study_of(), 12))


def held_up(start: Any, name: str, value: int, go_on: threading.Event) -> None:
    """Where the municipality is that one, wait."""
    if start.world.town[0][name] == value:
        assert go_on.wait(PATIENCE)


CLOSED = {"services": {"health": replace(load_study("services").profile.services["health"], priority="need", places=1)}}


@pytest.mark.parametrize(
    "study",
    [
        study_of(services=CLOSED["services"], intake="waiting", length_months=12.0),
        study_of(coordinators=0),
        study_of("study.links=off"),
        study_of('study.posterior="prior"', "study.seed=7"),
        study_of("study.horizon_months=100", "study.replicates=2"),
        study_of("study.replicates=3"),
    ],
    ids=["services", "two alike", "links off", "prior", "long", "odd"],
)
def test_any_question_gets_the_numbers_of_compare_from_kept_municipalities_too(bench: Workbench, study: Study) -> None:
    other = replace(study, arms=(study.arms[0], replace(study.arms[1], inflow_factor=2.0)))
    finished(bench.ask("a", other))
    assert_same(finished(bench.ask("a", study)), of_compare(study, study.replicates))


def test_a_municipality_in_little_memory_is_the_same_to_the_byte() -> None:
    plan = study_of().arms[1]
    values = parameter_values(plan, 1, 0)
    start = start_of(new_world_in(plan, 1, 0, make_setting(plan, values)), plan)
    packed = pack(start, None)
    again = unpack(packed)
    for name in World.__slots__:
        assert getattr(again.world, name).tobytes() == getattr(start.world, name).tobytes()
        assert getattr(again.world, name).dtype == getattr(start.world, name).dtype
    for name in ("pool", "eligible", "drift", "group_families"):
        assert np.array_equal(getattr(again, name), getattr(start, name), equal_nan=True)
    assert packed.nbytes < packed.size / 2


# ---- what is run, and what is not ------------------------------------------------------------------------------------


def test_moving_a_lever_of_one_plan_runs_that_plan_only(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    starts, arms = Counter(monkeypatch, "start_of"), Counter(monkeypatch, "read_arm")
    finished(bench.ask("a", study_of()))
    assert (starts.calls, arms.calls) == (12, 24)
    finished(bench.ask("a", study_of(caseload=15)))
    assert (starts.calls, arms.calls) == (12, 36)
    finished(bench.ask("a", study_of()))
    finished(bench.ask("another", study_of(today="caseload-10", plan="ordinary")))
    assert (starts.calls, arms.calls) == (12, 36)


def test_what_acts_only_through_coordinators_shares_the_burn_in_and_what_acts_before_does_not(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = Counter(monkeypatch, "start_of")
    finished(bench.ask("a", study_of()))
    links = [p for p, acts_later in zip(load_parameters(), later(), strict=True) if p.link and acts_later]
    moved = study_of(*(f"parameters.{p.name}={p.none}" for p in links))
    assert_same(finished(bench.ask("a", moved)), of_compare(moved, 12))
    assert (len(links) > 5, starts.calls) == (True, 12)
    early = study_of(f"parameters.job_entry={2 * default_values()[_place_of('job_entry')]}")
    assert_same(finished(bench.ask("a", early)), of_compare(early, 12))
    assert starts.calls == 24


def _place_of(name: str) -> int:
    return load_parameters().index(find_parameter(name))


def test_two_who_come_to_a_new_place_at_once_do_not_burn_it_in_twice(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, arms = Counter(monkeypatch, "start_of"), Counter(monkeypatch, "read_arm")
    for question in [bench.ask(f"{i}", study_of(caseload=10 + i)) for i in range(3)]:
        finished(question)
    assert (starts.calls, arms.calls) == (12, 4 * 12)


def test_the_same_question_is_the_same_and_one_with_other_words_or_costs_is_done_at_once(bench: Workbench) -> None:
    question = bench.ask("a", study_of())
    assert bench.ask("a", study_of()) is question
    runs = finished(question)
    assert bench.ask("a", study_of()) is question
    other = bench.ask("a", study_of("costs.discount=0.01"))
    assert other is not question
    assert other.done() == 12
    assert_same(other.runs(), replace(runs, paired=np.full(runs.paired.shape, np.nan)))


def test_what_is_prepared_is_there_when_it_is_asked_for(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.prepare([study_of(), study_of("study.seed=3")])
    until(lambda: bench.idle)
    arms = Counter(monkeypatch, "read_arm")
    assert bench.ask("a", study_of()).done() == 12
    assert bench.ask("b", study_of("study.seed=3")).done() == 12
    assert arms.calls == 0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ---- many at once ----------------------------------------------------------------------------------------------------


class Told(Counter):
    """The seeds of the arms that are run, in their order. It waits within the second replicate of a seed until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self.seeds: list[int] = []
        self.waits, self.go_on = threading.Event(), threading.Event()

        def tell(start: Any, *_: Any) -> None:
            at = int(start.world.town[0]["seed"])
            self.seeds.append(at)
            if at == seed and start.world.town[0]["replicate"] == 1:
                self.waits.set()
                assert self.go_on.wait(PATIENCE)

        super().__init__(monkeypatch, "read_arm", tell)


def test_nobody_waits_for_the_one_who_came_first_nor_for_what_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()  # every replicate takes as long as any other
    monkeypatch.setattr(workbench, "time", types.SimpleNamespace(monotonic=time.monotonic, perf_counter=ticks.__next__))
    told = Told(monkeypatch, 1)
    bench = Workbench(Limits(workers=1))
    bench.prepare([study_of("study.seed=9", "study.replicates=100")])
    first = bench.ask("first", study_of("study.seed=1", "study.replicates=100"))
    assert told.waits.wait(PATIENCE)
    second = bench.ask("second", study_of("study.seed=2", "study.replicates=20"))
    told.go_on.set()
    assert second.wait(20, PATIENCE) == 20
    assert first.wait(100, PATIENCE) == 100
    seeds = told.seeds[told.seeds.index(1) :]
    shared = seeds[seeds.index(2) : len(seeds) - seeds[::-1].index(2)]
    assert shared.count(2) == 2 * 20
    assert 2 * 19 <= shared.count(1) <= 2 * 21
    assert 9 not in seeds[: 2 * (100 + 20)]
    bench.close()


def test_a_session_asks_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, 1)
    bench = Workbench(Limits(workers=1))
    earlier = bench.ask("a", study_of("study.seed=1", "study.replicates=100"))
    assert told.waits.wait(PATIENCE)
    newer = bench.ask("a", study_of("study.seed=2"))
    told.go_on.set()
    assert earlier.over
    assert earlier.done() == earlier.wait(100, PATIENCE) == 0
    with pytest.raises(GivenUpError, match="newer question"):
        earlier.runs()
    finished(newer)
    assert told.seeds.count(1) == 3  # two arms of a replicate, and the one arm that was being run
    bench.leave("a")
    assert newer.over
    bench.leave("a")
    bench.close()


def test_one_session_too_many_is_told_so_and_an_idle_one_gives_way() -> None:
    bench = Workbench(Limits(sessions=2, workers=1))
    first, _ = bench.ask("a", study_of()), bench.ask("b", study_of())
    with pytest.raises(BusyError, match="2 are using the lab"):
        bench.ask("c", study_of())
    bench.limits = replace(bench.limits, idle_seconds=0.0)
    finished(bench.ask("c", study_of()))
    assert first.over
    bench.leave("b")
    bench.ask("d", study_of())
    bench.close()


def test_who_has_been_still_longest_gives_way_where_memory_is_short_and_who_has_not_does_not() -> None:
    bench = Workbench(Limits(memory_bytes=int(4.5 * arm_bytes(study_of().arms[0], 12)), workers=1))
    still, moving = (bench.ask(name, study_of(f"study.seed={seed}")) for seed, name in ((1, "still"), (2, "moving")))
    finished(still)
    finished(moving)
    third = study_of("study.seed=3")
    with pytest.raises(BusyError, match="memory"):
        bench.ask("third", third)
    still._touched -= bench.limits.idle_seconds
    assert_same(finished(bench.ask("third", third)), of_compare(third, 12))
    assert still.over
    assert_same(moving.runs(), of_compare(study_of("study.seed=2"), 12))
    with pytest.raises(BusyError, match="memory"):
        bench.ask("fourth", study_of("study.seed=4"))
    bench.close()


def test_nobody_leaves_for_what_is_run_ahead_nor_for_oneself() -> None:
    bench = Workbench(Limits(memory_bytes=int(2.5 * arm_bytes(study_of().arms[0], 12)), idle_seconds=0.0, workers=1))
    question = bench.ask("a", study_of())
    finished(question)
    bench.prepare([study_of("study.seed=9")])
    until(lambda: bench.idle)
    assert_same(question.runs(), of_compare(study_of(), 12))
    other = study_of("study.seed=2")
    assert_same(finished(bench.ask("a", other)), of_compare(other, 12))
    bench.close()


def test_a_question_that_is_given_up_while_it_is_looked_at_breaks_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = bench.ask("a", study_of())
    finished(question)
    for look in (question.done, lambda: question.over, question.runs, question._next):
        given_up_after_a_look = iter([question._kept, *[None] * 9])

        class Given(Question):
            _kept: Any = property(lambda _, seen=given_up_after_a_look: next(seen))

        with monkeypatch.context() as patch:
            patch.setattr(question, "__class__", Given)
            with contextlib.suppress(GivenUpError):
                look()


@pytest.mark.parametrize(
    ("limits", "key", "allowed"),
    [
        ({"replicates": 10}, "study.replicates", "at most 10"),
        ({"family_months": 12 * 36 * 39}, "pool.families", "at most 39 families"),
        ({"memory_bytes": 100_000}, "study.horizon_months", "fewer months or families"),
        ({"session_bytes": 100_000}, "study.horizon_months", "fewer months or families"),
    ],
)
def test_a_question_too_large_is_refused_with_what_is_allowed(limits: dict[str, int], key: str, allowed: str) -> None:
    bench = Workbench(Limits(**limits, workers=1))
    with pytest.raises(InputError, match=allowed) as refused:
        bench.ask("a", study_of())
    assert refused.value.key == key
    bench.close()


def test_however_much_is_asked_no_more_is_kept_than_allowed_and_the_numbers_stay() -> None:
    a_plan = arm_bytes(study_of().arms[0], 12)
    bench = Workbench(Limits(memory_bytes=5 * a_plan, workers=2))
    expected = {seed: of_compare(study_of(f"study.seed={seed}"), 12) for seed in (1, 2)}
    for turn in range(6):
        seed = 1 + turn % 2
        for session in ("a", "b"):
            assert_same(finished(bench.ask(session, study_of(f"study.seed={seed}"))), expected[seed])
        finished(bench.ask("b", study_of(f"study.seed={seed}", caseload=11 + turn)))
        assert 3 * a_plan <= bench.memory_bytes <= 5 * a_plan
    bench.ask("c", study_of("study.seed=3"))
    with pytest.raises(BusyError, match="memory"):
        bench.ask("d", study_of("study.seed=4"))
    bench.leave("a")
    bench.leave("b")
    finished(bench.ask("d", study_of("study.seed=4")))
    bench.close()


def test_municipalities_that_there_is_no_room_for_are_burnt_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    most = int(2.5 * arm_bytes(study_of().arms[0], 12))
    bench = Workbench(Limits(memory_bytes=most, workers=2))
    starts = Counter(monkeypatch, "start_of")
    for caseload in (10, 15):
        study = study_of(caseload=caseload)
        assert_same(finished(bench.ask("a", study)), of_compare(study, 12))
        assert bench.memory_bytes <= most
    assert 12 < starts.calls <= 24
    bench.close()


def test_what_is_prepared_keeps_no_session_waiting_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    arms = Counter(monkeypatch, "read_arm", lambda start, *_: held_up(start, "seed", 9, go_on))
    bench = Workbench(Limits(memory_bytes=int(3.5 * arm_bytes(study_of().arms[0], 12)), workers=2))
    bench.prepare([study_of("study.seed=9")])
    until(lambda: arms.calls == 2)
    question = bench.ask("a", study_of())
    go_on.set()
    assert_same(finished(question), of_compare(study_of(), 12))
    until(lambda: bench.idle)
    bench.close()


def test_many_sessions_that_change_their_minds_all_get_their_last_answer(bench: Workbench) -> None:
    expected = {caseload: of_compare(study_of(caseload=caseload), 12) for caseload in range(5, 9)}
    errors: list[BaseException] = []

    def planner(number: int) -> None:
        try:
            for turn in range(8):
                caseload = 5 + (number + turn) % 4
                question = bench.ask(f"{number}", study_of(caseload=caseload))
                question.wait(turn, PATIENCE)
            assert_same(finished(question), expected[caseload])
        except BaseException as error:
            errors.append(error)

    planners = [threading.Thread(target=planner, args=(number,)) for number in range(6)]
    for thread in planners:
        thread.start()
    for thread in planners:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert not errors


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_replicate_that_fails_is_told_and_left_out_and_can_be_tried_again(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(start: Any, plan: Plan, *_: Any) -> None:
        if start.world.town[0]["replicate"] == 5 and plan.name == "your-plan":
            raise ZeroDivisionError("nothing to divide by")

    with monkeypatch.context() as patch:
        Counter(patch, "read_arm", fail)
        question = bench.ask("a", study_of())
        runs = finished(question)
    assert question.error == "replicate 5: ZeroDivisionError: nothing to divide by"
    assert list(question.failures) == [5]
    assert "read_arm" in question.failures[5]["traceback"]
    assert capsys.readouterr().err == f"replicate 5 failed: {question.failures[5]['traceback']}\n"
    whole = of_compare(study_of(), 12)
    rest = np.delete(np.arange(12), 5)
    assert_same(runs, replace(whole, **{name: getattr(whole, name)[rest] for name in (*KEPT, "paired")}))
    bench.leave("a")
    assert_same(finished(bench.ask("a", study_of())), whole)


def test_where_every_replicate_fails_nobody_waits(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("no room")

    Counter(monkeypatch, "start_of", fail)
    question = bench.ask("a", study_of())
    assert question.wait(2, PATIENCE) >= 2
    with pytest.raises(RuntimeError, match="every replicate failed: replicate 0: MemoryError: no room"):
        question.runs()


def test_a_posterior_that_changes_under_a_question_stops_it(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.parquet"
    file.write_bytes(Path(study_of().arms[0].posterior).read_bytes())

    def change(*_: Any) -> None:
        os.utime(file, ns=(0, 0))

    Counter(monkeypatch, "start_of", change)
    question = bench.ask("a", study_of(f'study.posterior="{file}"'))
    question.wait(12, PATIENCE)
    assert question.over
    assert question.error is not None
    assert "changed since it was asked for" in question.error
    with pytest.raises(InputError, match=r"mine\.parquet"):
        question.runs()
    file.write_bytes(b"no posterior")
    with pytest.raises(InputError, match="cannot be read"):
        bench.ask("a", study_of(f'study.posterior="{file}"'))


def test_a_closed_workbench_ends_its_threads_and_keeps_nobody_waiting() -> None:
    bench = Workbench(Limits(workers=2))
    question = bench.ask("a", study_of("study.replicates=500"))
    waiting = threading.Thread(target=question.wait, args=(500, 10 * PATIENCE))
    waiting.start()
    bench.close()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert not any(thread.is_alive() for thread in bench._threads)
    with pytest.raises(BusyError, match="has stopped"):
        bench.ask("a", study_of())


# ---- a posterior is remembered by what it is, not by its name --------------------------------------------------------


def test_a_file_of_draws_that_changes_is_read_again_and_so_is_its_namesake_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(folder: str, value: float) -> None:
        (tmp_path / folder).mkdir(exist_ok=True)
        pq.write_table(pa.table({"job_entry": [value]}), tmp_path / folder / "mine.parquet")
        monkeypatch.chdir(tmp_path / folder)

    found = []
    for folder, value in (("a", 0.08), ("b", 0.09), ("a", 0.07)):
        write(folder, value)
        found.append(load_posterior("mine.parquet")[1][0, 0])
        assert load_posterior("mine.parquet") is load_posterior("mine.parquet")
    assert found == [0.08, 0.09, 0.07]


# ---- how fast --------------------------------------------------------------------------------------------------------


def test_the_speeds_are_measured_and_what_was_prepared_or_kept_takes_no_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = {row.case: row for row in speed.measure(4)}
    assert len(rows) == 7
    new, again = rows["a place nobody has asked for"], rows["back to the first plan"]
    assert 0 < again.last < new.last
    assert 0 < rows["then: what the server had prepared"].last < new.last
    assert all(row.kept > 0 for row in rows.values())


def test_a_large_place_gets_fewer_replicates_and_never_none() -> None:
    limits = Limits(replicates=500, family_months=60_000_000)
    small = load_study("caseload-10-vs-20").arm("ordinary")
    assert limits.replicates_of(small, 2) == 500
    large = replace(small, families=3000)
    months = 3000 * (large.burn_in_months + 2 * large.horizon_months)
    assert limits.replicates_of(large, 2) == 60_000_000 // months // 2 * 2 > 100
    assert limits.replicates_of(replace(small, families=200_000), 2) == 2


def test_many_months_get_fewer_replicates_so_that_a_session_takes_its_part_of_the_memory() -> None:
    limits = Limits()
    small = replace(load_study("caseload-10-vs-20").arm("ordinary"), families=60)
    assert limits.replicates_of(replace(small, horizon_months=60), 2) == limits.replicates
    longest = replace(small, horizon_months=240)
    replicates = limits.replicates_of(longest, 2)
    assert 100 < replicates < limits.replicates
    assert 2 * arm_bytes(longest, replicates) <= limits.session_bytes < 2 * arm_bytes(longest, replicates + 2)


@pytest.mark.skipif(sys.platform != "linux", reason="a priority is of the whole process")
def test_the_threads_give_way_to_who_shows_what_they_have_found(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    counter = Counter(monkeypatch, "start_of", lambda *_: found.append(os.getpriority(os.PRIO_PROCESS, 0)))
    finished(bench.ask("one", study_of()))
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert counter.calls == 12
    assert set(found) == {min(ours + 5, 19)}


def test_a_system_that_forbids_threads_to_give_way_gets_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "nice", refuse, raising=False)  # there is none on Windows
    with contextlib.closing(Workbench(Limits(workers=1))) as bench:
        finished(bench.ask("one", study_of()))


def test_a_replicate_that_fails_where_nobody_reads_what_is_told_takes_no_thread_away(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, *_: Any) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    def fail(start: Any, *_: Any) -> None:
        if start.world.town[0]["replicate"] == 5:
            raise ZeroDivisionError

    Counter(monkeypatch, "read_arm", fail)
    monkeypatch.setattr("sys.stderr", Closed())
    question = bench.ask("a", study_of())
    assert finished(question).replicate.tolist() == [0, 1, 2, 3, 4, *range(6, 12)]
    assert list(question.failures) == [5]
