"""``run.py sensitivity``: which assumptions drive the difference between two arms, and what would be worth knowing.

Every stage takes the *difference* apart, not the levels, and takes chance out or says its share. The calibrated draws come
first, as they are: they say which parameters matter, what a decision would gain from knowing more, and which parameters Sobol's
indices are then taken of (``docs/decisions/0014``). Each stage is a folder of simulations that a stopped run takes up again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration.staged import INPUTS, Stages, anywhere, begun, check_inputs, check_options, finish, finished
from scenarios.folders import check_folder, default_folder
from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from calibration.factors import Factors
    from scenarios.progress import Progress
    from scenarios.study import Study
    from simulation.outcomes import FloatArray
    from simulation.parallel import Workers

OUTCOMES: Final = (
    "employed_share",
    "disposable_income",
    "child_participation_share",
    "children_in_low_income_share",
)
STAGES: Final = ("draws", "morris", "tornado", "sobol", "groups")
PAGE: Final = "sensitivity"
LARGEST: Final = 2**16
COLUMNS: Final = (
    *("contrast", "outcome", "unit", "method", "index", "parameter", "second", "value", "low", "high"),
    *("group", "grade", "link", "samples", "replicates"),
)
INFORMATION: Final = "value_of_information.csv"
TABLE: Final = "sensitivity.csv"
CONVERGENCE: Final = "convergence.csv"
TABLES: Final = (TABLE, CONVERGENCE, INFORMATION)
WRITES: Final = (*TABLES, "figures/sensitivity-*", "figures/value-of-information.*")
CONVERGENCE_COLUMNS: Final = (
    *("contrast", "outcome", "method", "index", "parameter", "samples", "value", "low", "high"),
)


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    draws: int = 2000
    """calibrated draws, of two replicates each"""
    trajectories: int = 20
    """Morris, of two replicates a point"""
    blocks: int = 20
    """the tornado's, of ten replicates a point"""
    samples: int = 256
    """Sobol, a power of two"""
    group_samples: int = 128
    """Sobol of groups, a power of two"""
    replicates: int = 10
    """of a point in the tornado and in both of Sobol's"""
    top: int = 12
    """parameters that the tornado and Sobol take"""


QUICK: Final = Size(draws=200, trajectories=4, blocks=4, samples=16, group_samples=16, replicates=4, top=4)
Stage = Callable[[str], AbstractContextManager["Progress | None"]]


@dataclass(frozen=True)
class Job:
    """What is taken apart, and how thoroughly."""

    study: Study
    contrasts: tuple[str, ...]
    outcomes: tuple[str, ...]
    factors: Factors
    parameters: tuple[str, ...]
    """those that the tornado and Sobol take; empty: those that matter most on the calibrated draws"""
    size: Size
    stages: tuple[str, ...]


# ---- the command -----------------------------------------------------------------------------------------------------


def power_of_two(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a power of two within a range."""
    within = whole_number(low, high)

    def read(text: str) -> int:
        value = within(text)
        if value & (value - 1):
            below = 1 << (value.bit_length() - 1)
            raise argparse.ArgumentTypeError(f"{value} is not a power of two; {below} and {2 * below} are")
        return value

    return read


def names(text: str) -> list[str]:
    """An argparse type: names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} has an empty name; write NAME,NAME")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study (default: caseload-10-vs-20)"
    )
    parser.add_argument(
        "--contrast",
        action="append",
        metavar="NAME",
        help="a contrast of the study; may be repeated (default: the file's own)",
    )
    parser.add_argument("--outcomes", type=names, metavar="A,B", help=f"outcomes (default: {','.join(OUTCOMES)})")
    parser.add_argument(
        "--parameters",
        type=names,
        metavar="A,B",
        help="parameters for Sobol and the tornado (default: those that matter)",
    )
    parser.add_argument("--only", choices=STAGES, action="append", help="a stage; may be repeated (default: all)")
    parser.add_argument(
        "--draws", type=whole_number(20, 1_000_000), metavar="N", help="calibrated draws (default 2000)"
    )
    parser.add_argument("--trajectories", type=whole_number(2, 10_000), metavar="N", help="of Morris (default 20)")
    parser.add_argument(
        "--samples",
        type=power_of_two(2, LARGEST),
        metavar="N",
        help="of Sobol, a power of two (default 256; 128 for groups)",
    )
    parser.add_argument("--point-replicates", type=whole_number(2, 1000), metavar="N", help="of a point (default 10)")
    parser.add_argument(
        "--values", type=path, metavar="VALUES.toml", help="what outcomes are worth (default: ours of the year)"
    )
    parser.add_argument("--quick", action="store_true", help="a small analysis, to see the form of it")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the tables between the markers of a page")
    add_options(parser, "seed", "out", "force", "resume", "workers", "cluster", "lang", "quiet", "set")


def main(args: argparse.Namespace) -> int:
    """Take the difference between arms apart; write tables and figures."""
    from calibration.pages import check_page

    check_options(args)
    job = job_of(args)
    folder: Path = args.out or default_folder(f"sensitivity-{job.study.name}", resume=args.resume)
    check_folder(folder, force=args.force, resume=args.resume, note=INPUTS)
    if args.write is not None:
        check_page(args.write, PAGE)
    values = _values(args, job)
    inputs = _inputs(job, values)
    if args.resume:
        check_inputs(folder, inputs)
    if args.resume and finished(folder):
        draw(folder, args.lang)
        if not args.quiet:
            print(f"{folder} is finished already; its figures are drawn again")
    else:
        with begun(folder, inputs, resume=args.resume, writes=WRITES) as pieces:
            _run(args, job, values, inputs, folder, pieces)
    return _write_page(args, folder)


def job_of(args: argparse.Namespace) -> Job:
    """What the options ask for, checked."""
    from calibration.factors import factors_of
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    factors = factors_of(study)
    parameters = () if args.parameters is None else factors_of(study, args.parameters).names
    size = QUICK if args.quick else Size()
    given = {"draws": args.draws, "trajectories": args.trajectories, "samples": args.samples}
    given |= {"replicates": args.point_replicates, "top": len(parameters) or None}
    if args.samples is not None:
        given["group_samples"] = args.samples
    size = replace(size, **{key: value for key, value in given.items() if value is not None})
    return Job(
        study, _contrasts(args, study), _outcomes(args, study), factors, parameters, size, _stages(args, parameters)
    )


def _contrasts(args: argparse.Namespace, study: Study) -> tuple[str, ...]:
    known = [name for name, _, _ in study.contrasts]
    if not known:
        raise InputError("has no contrast", file=study.file, key="contrast", allowed="a study with two arms to compare")
    for name in args.contrast or ():
        if name not in known:
            raise InputError(f"there is no contrast {name[:80]!r}", key="--contrast", allowed=nearest(name[:80], known))
    return tuple(dict.fromkeys(args.contrast or list(study.content.contrast) or known))


def _outcomes(args: argparse.Namespace, study: Study) -> tuple[str, ...]:
    from simulation.engine import UPPER_SECONDARY_HORIZON
    from simulation.outcomes import OUTCOME_NAMES

    known = [name for name in OUTCOME_NAMES if not name.startswith("use_") and name != "caseload_filled"]  # of families
    if study.horizon_months < UPPER_SECONDARY_HORIZON:
        known.remove("upper_secondary_share")
    for name in args.outcomes or ():
        if name not in known:
            problem = f"there is no outcome {name[:80]!r} of families after {study.horizon_months} months"
            raise InputError(problem, key="--outcomes", allowed=nearest(name[:80], known))
    return tuple(dict.fromkeys(args.outcomes or OUTCOMES))


def _stages(args: argparse.Namespace, parameters: Sequence[str]) -> tuple[str, ...]:
    chosen = [stage for stage in STAGES if args.only is None or stage in args.only]
    if {"tornado", "sobol"} & set(chosen) and "draws" not in chosen and not parameters:
        allowed = "--parameters A,B, or --only draws too, which finds those that matter"
        raise InputError("needs to be told its parameters", key=f"--only {chosen[0]}", allowed=allowed)
    return tuple(chosen)


def _values(args: argparse.Namespace, job: Job) -> Any:
    """What outcomes are worth, where a decision is looked at."""
    from results.gain_values import load_values, values_path

    if "draws" not in job.stages and args.values is None:
        return None
    prices = job.study.arms[0].prices
    return load_values(args.values or values_path(prices), prices)


def _inputs(job: Job, values: Any) -> dict[str, Any]:
    """What an analysis is made from: one that goes on must have the same."""
    import json

    from results import files
    from simulation.compiled import SOURCE_HASH

    code = b"\0".join(path.read_bytes().replace(b"\r\n", b"\n") for path in _sources())
    posterior = job.factors.posterior
    return {
        "study": files.hash_bytes(json.dumps(anywhere(job.study), sort_keys=True).encode()),
        "title": job.study.title,
        "posterior": posterior if posterior == "prior" else files.hash_bytes(Path(posterior).read_bytes()),
        "seed": job.study.seed,
        "contrasts": list(job.contrasts),
        "outcomes": list(job.outcomes),
        "parameters": list(job.parameters),
        "stages": list(job.stages),
        "size": asdict(job.size),
        "values": files.hash_bytes(repr(values).encode()),
        "costs": files.hash_bytes(repr(job.study.costs).encode()),
        "source_hash": SOURCE_HASH,
        "analysis_hash": files.hash_bytes(code),
    }


def _sources() -> list[Path]:
    """The sources that make tables from simulations."""
    own = ("decision_draws", "factors", "given_data", "morris", "points", "priors", "sobol", "tornado")
    here, results = Path(__file__).parent, Path(__file__).parents[1] / "results"
    found = [here / f"{name}.py" for name in (*own, "sensitivity", "value_of_information")]
    return [*found, *(results / f"{name}.py" for name in ("costs", "gain_values", "statistics"))]


def _run(args: argparse.Namespace, job: Job, values: Any, inputs: dict[str, Any], folder: Path, pieces: Path) -> None:
    from results import files

    started = time.monotonic()
    stage = Stages(f"sensitivity {job.study.name}", quiet=args.quiet).stage
    found = analyse(job, values, stage, folder=pieces, workers=args.workers)
    for name, table in found.items():
        files.write_csv(folder / name, table)
    draw(folder, args.lang)
    told = {"posterior_name": Path(job.factors.posterior).stem, "study_name": job.study.name, "lang": args.lang}
    finish(folder, inputs, told, started)
    if not args.quiet:
        from calibration.sensitivity_page import summary

        print(summary(found, args.lang))
        print(folder / TABLE)


def draw(folder: Path, lang: str) -> None:
    """The figures of a finished analysis, from its tables."""
    from results import files
    from results.information_figures import information_figure
    from results.sensitivity_figures import write_figures
    from results.style import save

    tables = read(folder)
    write_figures(folder / "figures", tables[TABLE], tables.get(CONVERGENCE), lang)
    if INFORMATION in tables:
        picture = information_figure(tables[INFORMATION], lang)
        files.make_folder(folder / "figures")
        save(folder / "figures", picture.name, picture.images)


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of an analysis, by the names of their files."""
    import pandas as pd

    numbers = {name: [""] for name in ("value", "low", "high")}
    return {
        name: pd.read_csv(folder / name, keep_default_na=False, na_values=numbers)
        for name in TABLES
        if (folder / name).exists()
    }


def _write_page(args: argparse.Namespace, folder: Path) -> int:
    """Put the tables of a finished analysis into a page, where that was asked for."""
    if args.write is not None:
        import json

        from calibration.pages import write_between
        from calibration.sensitivity_page import markdown

        tables = read(folder)
        made = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        write_between(args.write, PAGE, markdown(tables, made))
    return 0


# ---- the analysis ----------------------------------------------------------------------------------------------------


def analyse(
    job: Job, values: Any, stage: Stage, *, folder: Path | None = None, workers: Workers = None
) -> dict[str, pd.DataFrame]:
    """Every stage that is asked for: the tables ``sensitivity.csv``, ``convergence.csv`` and ``value_of_information.csv``.

    Parameters
    ----------
    values : what outcomes are worth, from ``results.gain_values.load_values``
    stage : gives a progress for each stage
    folder : where simulations are kept; None keeps nothing
    """
    import pandas as pd

    work = _Work(job, folder, workers)
    found: dict[str, pd.DataFrame] = {}
    top = job.parameters
    if "draws" in job.stages:
        with stage("calibrated draws") as step:
            top = work.draws(step)
        with stage("value of information"):
            found[INFORMATION] = work.information(values)
    if "morris" in job.stages:
        with stage("Morris") as step:
            work.morris(step)
    if "tornado" in job.stages:
        with stage("tornado") as step:
            work.tornado(top, step)
    if "sobol" in job.stages:
        with stage("Sobol") as step:
            work.sobol(top, step)
    if "groups" in job.stages:
        with stage("Sobol of groups") as step:
            work.groups(step)
    found[TABLE] = pd.concat(work.tables, ignore_index=True)[list(COLUMNS)]
    if work.convergence:
        found[CONVERGENCE] = pd.concat(work.convergence, ignore_index=True)[list(CONVERGENCE_COLUMNS)]
    return found


class _Work:
    """The stages, and what they have found so far."""

    def __init__(self, job: Job, folder: Path | None, workers: Workers) -> None:
        self.job, self.folder, self.workers = job, folder, workers
        self.tables: list[pd.DataFrame] = []
        self.convergence: list[pd.DataFrame] = []
        self.drawn: Any = None

    def draws(self, step: Progress | None) -> tuple[str, ...]:
        """Measures on the calibrated draws; the parameters that matter most there."""
        from calibration.decision_draws import simulate_draws
        from calibration.given_data import measures, scores, weight
        from simulation.parameters import parameter_names

        job = self.job
        self.drawn = simulate_draws(
            job.study,
            job.contrasts,
            job.outcomes,
            job.size.draws,
            folder=self.folder and self.folder / "draws",
            workers=self.workers,
            step=step,
        )
        x = scores(self.drawn.values[:, [parameter_names().index(name) for name in job.factors.names]])
        top = job.parameters or most(job.factors.names, weight(x, self.drawn.effects), job.size.top)
        for contrast, outcome, y in self._each(self.drawn.effects):
            table = measures(job.factors.names, x, y, seed=job.study.seed, pawn=top)
            self._keep(contrast, outcome, "draws", table, job.size.draws, y.shape[1])
        return top

    def information(self, values: Any) -> pd.DataFrame:
        """What knowing more would be worth to who decides."""
        from calibration.factors import by_group
        from calibration.value_of_information import PAYS, value_of_information

        return value_of_information(self.drawn, values, by_group(self.job.factors.names), accounts=list(PAYS))

    def morris(self, step: Progress | None) -> None:
        """Elementary effects of everything that is uncertain."""
        from calibration import morris

        job, names = self.job, self.job.factors.names
        u, blocks = morris.trajectories(names, job.size.trajectories, seed=job.study.seed)
        found = self._effects("morris", job.factors.values(u), blocks, 2, step)
        for contrast, outcome, y in self._each(found):
            table = morris.analyse(names, u, y, seed=job.study.seed)
            self._keep(contrast, outcome, "morris", table, job.size.trajectories, 2)

    def tornado(self, top: Sequence[str], step: Progress | None) -> None:
        """One parameter at a time, at both ends of its distribution."""
        from calibration import tornado

        job = self.job
        points, blocks = tornado.design(job.factors, top, job.size.blocks)
        found = self._effects("tornado", points, blocks, job.size.replicates, step)
        for contrast, outcome, y in self._each(found):
            self._keep(contrast, outcome, "tornado", tornado.swings(top, y), job.size.blocks, job.size.replicates)

    def sobol(self, top: Sequence[str], step: Progress | None) -> None:
        """Sobol's indices of the parameters that matter, with all others in their middle."""
        from calibration import sobol

        job = self.job
        made = sobol.design(top, job.size.samples, seed=job.study.seed)
        found = self._effects("sobol", job.factors.values(made.u, top), made.blocks, job.size.replicates, step)
        for contrast, outcome, y in self._each(found):
            told = (job.size.samples, job.size.replicates)
            self._keep(contrast, outcome, "sobol", sobol.indices(made, y, seed=job.study.seed), *told)
            self._keep(contrast, outcome, "sobol_with_chance", sobol.with_chance(made, y, seed=job.study.seed), *told)
            table = sobol.converging(made, y, seed=job.study.seed)
            self.convergence.append(table.assign(contrast=contrast, outcome=outcome, method="sobol"))

    def groups(self, step: Progress | None) -> None:
        """Sobol's indices of groups of parameters, with everything that is uncertain varied."""
        from calibration import sobol
        from calibration.factors import group_of

        job, names = self.job, self.job.factors.names
        made = sobol.design(
            names,
            job.size.group_samples,
            seed=job.study.seed,
            second_order=False,
            groups=[group_of(name) for name in names],
        )
        found = self._effects("groups", job.factors.values(made.u), made.blocks, job.size.replicates, step)
        for contrast, outcome, y in self._each(found):
            table = sobol.indices(made, y, seed=job.study.seed)
            self._keep(contrast, outcome, "sobol_groups", table, job.size.group_samples, job.size.replicates)
            table = sobol.converging(made, y, seed=job.study.seed)
            self.convergence.append(table.assign(contrast=contrast, outcome=outcome, method="sobol_groups"))

    def _effects(
        self, stage: str, points: FloatArray, blocks: Any, replicates: int, step: Progress | None
    ) -> FloatArray:
        from calibration.points import Asked, effects

        asked = Asked.of(self.job.study, self.job.contrasts, self.job.outcomes, replicates)
        folder = self.folder and self.folder / stage
        return effects(asked, points, blocks, folder=folder, workers=self.workers, step=step)

    def _each(self, found: FloatArray) -> list[tuple[str, str, FloatArray]]:
        """Contrast, outcome and its differences: (N, R, C, K) taken apart."""
        order = [name for name, _, _ in self.job.study.contrasts if name in self.job.contrasts]
        return [
            (contrast, outcome, found[:, :, c, k])
            for c, contrast in enumerate(order)
            for k, outcome in enumerate(self.job.outcomes)
        ]

    def _keep(
        self, contrast: str, outcome: str, method: str, table: pd.DataFrame, samples: int, replicates: int
    ) -> None:
        from calibration.factors import group_of
        from simulation.outcomes import OUTCOMES as KNOWN
        from simulation.parameters import load_parameters

        of = {parameter.name: parameter for parameter in load_parameters()}
        unit = next(known.unit for known in KNOWN if known.name == outcome)
        if not method.startswith("sobol"):
            units = {"S1": "share of variance", "share": "share of variance", "pawn": "0-1"}
            unit_column = [units.get(index, unit) for index in table["index"]]
        else:
            unit_column = ["share of variance"] * len(table)
        self.tables.append(
            table.assign(
                contrast=contrast,
                outcome=outcome,
                unit=unit_column,
                method=method,
                group=[group_of(name) if name in of else "" for name in table["parameter"]],
                grade=[of[name].grade if name in of else "" for name in table["parameter"]],
                link=[bool(name in of and of[name].link) for name in table["parameter"]],
                samples=samples,
                replicates=replicates,
            )
        )


def most(names: Sequence[str], weights: FloatArray, count: int) -> tuple[str, ...]:
    """The names of most weight, the weightiest first."""
    import numpy as np

    return tuple(names[i] for i in np.argsort(-weights, kind="stable")[:count])
