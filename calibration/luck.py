"""``python -m calibration.luck``: what common random numbers save.

The variance of a paired difference, against that of two arms with nothing in common, in three constructions of luck:

- *keyed draws*: the model as it is. Every draw belongs to an entity, a month and an event, so both arms meet the same
  luck.
- *one stream, same seed*: the same model, with the same families at month 0, but the draws come one after another from
  one stream, which starts alike in both arms. From the first draw that one arm needs and the other does not, each draw
  goes to somebody else. This is what setting the same seed gives in most simulations.
- *independent*: the second arm is another replicate, with the same parameters. The ratio is 1 but for sampling error.

The one-stream variant replaces two functions, ``fill`` and ``fill_lanes`` of ``simulation.draws``, in a process of its
own (with compiled code of its own) before any rule is compiled; every rule is otherwise the model's. Its stream is
Philox in counter mode, the counter kept in the high half of ``town.seed``.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from scenarios.options import Parser, add_options, path, whole_number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from scenarios.study import Study
    from simulation.parallel import Workers

    FloatArray = npt.NDArray[np.float64]

ROOT: Final = Path(__file__).resolve().parent.parent
OUTCOMES: Final = ("employed_share", "disposable_income", "child_participation_share")
CONTRAST: Final = "10 vs 20, same staff"
REPLICATES: Final = 500
APART: Final = 1_000_000  # replicates are this far apart where luck is to be independent
RESAMPLES: Final = 1000
WAYS: Final = {
    "keyed": "keyed draws (this model)",
    "stream": "one stream, same seed",
    "independent": "independent replicates",
}


class Ratio(NamedTuple):
    """A variance ratio: var(a - b) / (var a + var b) within draws, with a 95 % interval (bootstrap over draws)."""

    value: float
    low: float
    high: float


# ---- the three constructions ----------------------------------------------------------------------------------------


def values_at_horizon(
    study: Study, arms: Sequence[str], replicates: int, *, first: int = 0, workers: Workers = None
) -> FloatArray:
    """Outcomes of the eligible at the horizon, (arms, replicates, outcomes); replicate r has draw r // 2.

    ``first`` shifts the numbers of the replicates, and so their luck, but not their draws.
    """
    import numpy as np

    from simulation.engine import run_arms
    from simulation.outcomes import OUTCOME_NAMES
    from simulation.parallel import run_tasks

    plans = [study.arm(name) for name in arms]
    columns = [OUTCOME_NAMES.index(name) for name in OUTCOMES]
    values = np.empty((len(arms), replicates, len(OUTCOMES)))

    def work(number: int) -> FloatArray:
        run = run_arms(plans, [], replicate=first + number, seed=study.seed, draw=number // 2)
        return np.asarray(run.study[:, 1, -1, columns])  # population 1: eligible

    for number, found in run_tasks(work, range(replicates), workers):
        values[:, number] = found
    return values


def variance_ratio(a: FloatArray, b: FloatArray) -> FloatArray:
    """Ratio within draws for each outcome, (outcomes,); ``a`` and ``b`` are (draws, 2 replicates, outcomes)."""
    import numpy as np

    from results.statistics import analyse

    return np.asarray(analyse(a, b, np.ones(a.shape[2]))["variance_ratio"])


def with_interval(a: FloatArray, b: FloatArray) -> list[Ratio]:
    """The ratio of each outcome with its interval; ``a`` and ``b`` are (replicates, outcomes)."""
    import numpy as np

    pairs = [side.reshape(-1, 2, side.shape[1]) for side in (a, b)]
    point = variance_ratio(*pairs)
    rng = np.random.default_rng(1)  # of the bootstrap alone
    draws = len(pairs[0])
    again = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, draws, draws)
        again.append(variance_ratio(pairs[0][chosen], pairs[1][chosen]))
    low, high = np.nanpercentile(np.stack(again), [2.5, 97.5], axis=0)
    return [Ratio(*map(float, row)) for row in zip(point, low, high, strict=True)]


def compare_luck(
    study: Study, arm: str, against: str, replicates: int, workers: Workers = None
) -> dict[str, list[Ratio]]:
    """The ratios of every construction, by its name, in the order of ``OUTCOMES``."""
    import numpy as np

    a, b = values_at_horizon(study, [arm, against], replicates, workers=workers)
    (elsewhere,) = values_at_horizon(study, [against], replicates, first=APART, workers=workers)
    one, other = np.array(_in_one_stream(study, arm, against, replicates, workers))
    return {
        "keyed": with_interval(a, b),
        "stream": with_interval(one, other),
        "independent": with_interval(a, elsewhere),
    }


# ---- the one-stream variant -----------------------------------------------------------------------------------------


def use_one_stream() -> None:
    """Make all draws of this process come from one stream. Before any other module of the model is imported.

    A block of four, or all blocks of some persons, takes the next numbers of the stream, whoever it is for; the counter
    starts at 0 with the burn-in, is copied to the arms with the municipality at month 0, and goes on in each arm by itself.
    """
    if "simulation.compiled" in sys.modules:
        raise RuntimeError("the rules have been imported already")
    os.environ["XDG_CACHE_HOME"] = str(_cache())  # what is compiled here must never be taken for the model's

    import numpy as np

    from simulation import draws
    from simulation.compiled import rule

    shift, one, mask, zero = np.uint64(32), np.uint64(1 << 32), draws.MASK, np.uint64(0)
    philox: Any = draws.philox
    uniform: Any = draws.uniform

    @rule
    def fill(u, town, slot, entity, month, block):  # type: ignore[no-untyped-def]
        a, b, c, d = philox(town.seed >> shift, zero, zero, zero, town.seed & mask, town.replicate)
        town.seed += one
        u[0] = uniform(a)
        u[1] = uniform(b)
        u[2] = uniform(c)
        u[3] = uniform(d)

    @rule
    def fill_lanes(u, town, slot, entity, lanes, first, blocks):  # type: ignore[no-untyped-def]
        for block in range(blocks):
            for i in range(lanes):
                a, b, c, d = philox(town.seed >> shift, zero, zero, zero, town.seed & mask, town.replicate)
                town.seed += one
                u[4 * block, i] = uniform(a)
                u[4 * block + 1, i] = uniform(b)
                u[4 * block + 2, i] = uniform(c)
                u[4 * block + 3, i] = uniform(d)

    draws.fill, draws.fill_lanes = fill, fill_lanes


def _in_one_stream(study: Study, arm: str, against: str, replicates: int, workers: Workers) -> Any:
    """Values of both arms from a process that uses one stream: nested lists (2, replicates, outcomes)."""
    with tempfile.TemporaryDirectory(prefix="familiebaner-") as folder:
        file = Path(folder) / "study.toml"
        file.write_text(study.to_toml(), encoding="utf-8")
        command = [sys.executable, "-m", "calibration.luck", str(file), "--one-stream", arm, against]
        command += ["--replicates", str(replicates), *(["--workers", str(workers)] if workers else [])]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


def _cache() -> Path:
    """Where the variant's compiled code is kept, apart from the model's and from other versions of this file."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    tag = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    return Path(home) / "familiebaner" / f"one-stream-{tag}"


# ---- telling --------------------------------------------------------------------------------------------------------


def markdown(found: dict[str, list[Ratio]], study: Study, arms: tuple[str, str], replicates: int, command: str) -> str:
    """A table: one row a construction and outcome."""
    from simulation.compiled import SOURCE_HASH

    lines = [
        f"*Made by `{command}`: study `{study.name}`, `{arms[0]}` against `{arms[1]}`, eligible families, month "
        f"{study.horizon_months}, links {study.content.study.links}, seed {study.seed}, {replicates} replicates "
        f"({replicates // 2} draws); model sources `{SOURCE_HASH[:12]}`.*",
        "",
        "| outcome | luck | variance ratio [95 %] | replicates saved |",
        "|---|---|---:|---:|",
    ]
    for k, outcome in enumerate(OUTCOMES):
        for way, name in WAYS.items():
            ratio = found[way][k]
            lines.append(
                f"| `{outcome}` | {name} | {ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}] | {_times(ratio)} |"
            )
    return "\n".join(lines)


def _times(ratio: Ratio) -> str:
    """How many times fewer replicates give the same precision."""
    return f"{1.0 / ratio.value:.2g} times" if ratio.value > 0.0 else "all"


def records(found: dict[str, list[Ratio]]) -> list[dict[str, Any]]:
    """As data: ``name``, ``value``, ``low`` and ``high`` (95 %), ``unit``."""
    return [
        {"name": f"variance_ratio.{outcome}.{way}", **ratios[k]._asdict(), "unit": "ratio"}
        for way, ratios in found.items()
        for k, outcome in enumerate(OUTCOMES)
    ]


# ---- from the command line ------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what common random numbers save in one contrast of a study."""
    parser = Parser(prog="python -m calibration.luck", description=str(main.__doc__))
    parser.add_argument("study", nargs="?", type=path, metavar="STUDY.toml", help="a study file")
    parser.add_argument("--contrast", default=CONTRAST, metavar="NAME", help=f"(default: {CONTRAST})")
    parser.add_argument(
        "--replicates", type=whole_number(4, 100_000), default=REPLICATES, metavar="N", help="two to a draw"
    )
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the table between the markers of a page")
    parser.add_argument("--one-stream", nargs=2, metavar="ARM", help=argparse.SUPPRESS)
    add_options(parser, "seed", "set", "workers", "json")
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = parser.read(arguments)
    if args.one_stream:
        use_one_stream()
    from calibration.pages import check_page, write_between
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study
    from simulation.errors import InputError, nearest

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    replicates = args.replicates - args.replicates % 2
    if args.one_stream:
        values = values_at_horizon(study, args.one_stream, replicates, workers=args.workers)
        print(json.dumps(values.tolist()))
        return 0
    contrasts = {name: (arm, against) for name, arm, against in study.contrasts}
    if args.contrast not in contrasts:
        raise InputError(
            f"there is no contrast {args.contrast!r}", key="--contrast", allowed=nearest(args.contrast, contrasts)
        )
    if args.write is not None:
        check_page(args.write, "luck")
    arms = contrasts[args.contrast]
    found = compare_luck(study, *arms, replicates, args.workers)
    page = functools.partial(markdown, found, study, arms, replicates)
    command = shlex.join(["python", "-m", "calibration.luck", *arguments])
    if args.write is not None:
        write_between(args.write, "luck", page(command))
    print(json.dumps(records(found), indent=1) if args.json else page(command))
    return 0


if __name__ == "__main__":
    from simulation.errors import InputError as WrongInput

    try:
        sys.exit(main())
    except WrongInput as error:
        print(f"familiebaner: {error}", file=sys.stderr)
        sys.exit(2)
