"""Long commands killed at random moments, and gone on with: ``python tests/kills.py --kills 60 --seed 1``. Run by hand.

Small runs of compare, frontier, sensitivity and calibrate with recovery get SIGKILL, SIGTERM or SIGINT, some more than once;
after ``--resume`` the tables must be those of a run that nobody disturbed, to the byte. The moment is drawn; the command and
the signal are those that were seen least, so that every pair of them is. A run is a fork of this process, in which the model
is compiled already, so that a kill hits work and not imports.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

os.environ.setdefault("FAMILIEBANER_FORMATS", "")

import test_calibrate
from small_study import SMALL, files_of
from test_same_bytes import COMMANDS

import run
from results import page
from scenarios import beside
from simulation.warm import warm_up

SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
KILLED: Final = ("compare", "frontier", "sensitivity", "calibrate")
RESUMES: Final = 20
SAID: Final = "said.txt"


def start(arguments: list[str]) -> int:
    """A command in a process of its own; its number."""
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the child hears it once it can answer
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            if arguments[0] == "calibrate":
                test_calibrate.make_little(Path("little.toml").absolute())
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would not hear it
            code = heard(arguments)
        finally:
            os._exit(code)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return child


def heard(arguments: list[str]) -> int:
    """The command, interrupted at once where the signal came before it began."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except KeyboardInterrupt:
        return 130
    return run.main(arguments)


def end(child: int) -> int:
    """The exit code of a process, or the number of the signal that ended it, below zero."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def prepare(folder: Path, only: str) -> dict[str, list[str]]:
    """The commands, small enough to be run by the hundred; no figures."""
    os.chdir(folder)
    Path("small.toml").write_text(SMALL, encoding="utf-8")
    Path("little.toml").write_text(test_calibrate.STUDY, encoding="utf-8")
    Path("targets.toml").write_text(test_calibrate.MINE, encoding="utf-8")
    page.write_figures_and_report = lambda *_, **__: None  # type: ignore[assignment]
    beside.LARGEST = 0
    warm_up()
    return {
        name: [name, *COMMANDS[name], "--quiet", "--workers", "1", "--out", "out"] for name in KILLED if only in name
    }


def main() -> int:
    """Kill, go on, compare; 1 where a byte is another, a run could not go on, or a command and signal were not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="commands whose name holds this")
    args = parser.parse_args()
    rng, began = random.Random(args.seed), time.monotonic()
    killed: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        commands = prepare(Path(name).resolve(), args.only)
        right: dict[str, dict[str, bytes]] = {}
        lasts: dict[str, float] = {}
        for command, arguments in commands.items():
            for _ in range(2):  # the first compiles what is not in the cache, and lasts too long to be measured
                since = time.monotonic()
                assert end(start(arguments)) == 0, command
                lasts[command], files = time.monotonic() - since, files_of(Path("out"))
                assert files, command
                assert right.setdefault(command, files) == files, command
                shutil.rmtree("out")
            print(f"{command}: {len(right[command])} tables in {lasts[command]:.1f} s", flush=True)
        turn = 0
        pairs = [(command, how.name) for command in commands for how in SIGNALS]
        while time.monotonic() - began < args.seconds and (
            killed.total() < args.kills or any(killed[pair] == 0 for pair in pairs)
        ):
            command = min(commands, key=lambda each: sum(killed[each, how.name] for how in SIGNALS))
            turn += 1
            wrong += disturb(command, commands[command], lasts[command], right[command], rng, killed)
            shutil.rmtree("out", ignore_errors=True)
        os.chdir(run.__file__.rpartition("/")[0])
    for (command, signal_name), count in sorted(killed.items()):
        print(f"{command:<12} {signal_name:<8} {count}")
    never = [" by ".join(pair) for pair in pairs if killed[pair] == 0]
    if never or killed.total() < args.kills:
        wrong.append(f"too little time: {killed.total()} of {args.kills} kills; not seen: {', '.join(never) or 'none'}")
    print(*wrong, sep="\n")
    took = time.monotonic() - began
    print(f"{killed.total()} kills of {turn} runs in {took:.0f} s; {len(wrong)} not the same bytes, lost or not seen")
    return 1 if wrong else 0


def disturb(
    command: str, arguments: list[str], lasts: float, right: dict[str, bytes],
    rng: random.Random, killed: Counter[tuple[str, str]],
) -> list[str]:  # fmt: skip
    """A run that is killed once or more and gone on with until it ends; what is wrong with it."""
    for number in range(RESUMES):
        resume = ["--resume"] if number and Path("out").exists() else []
        child = start([*arguments, *resume])
        if number == 0 or rng.random() < 0.75:
            time.sleep(rng.uniform(0.0, lasts))
            how = min(SIGNALS, key=lambda each: (killed[command, each.name], rng.random()))
            os.kill(child, how)  # a process that has ended waits for us: the signal then hits nobody
            code = end(child)
            if code == 0:
                break
            if code not in (130, -how):
                return [f"{command}, {how.name}: ended with {code}: {Path(SAID).read_text()[-500:]}"]
            killed[command, how.name] += 1
            print(f"kill {killed.total()}: {command} by {how.name}", flush=True)
            continue
        code = end(child)
        if code != 0:
            return [f"{command}: gone on with, it ended with {code}: {Path(SAID).read_text()[-500:]}"]
        break
    found = files_of(Path("out"))
    if found != right:
        names = [name for name in right.keys() | found.keys() if right.get(name) != found.get(name)]
        return [f"{command}: {', '.join(sorted(names))} differ"]
    return []


if __name__ == "__main__":
    sys.exit(main())
