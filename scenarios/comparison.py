"""The main job: run every arm of a study and write what came out (``run.py compare``)."""

from __future__ import annotations

import argparse
import functools
import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from scenarios.folders import CHUNKS, can_go_on, check_folder, default_folder, open_folder
from scenarios.options import add_options, path
from scenarios.progress import Progress, progress
from simulation.errors import InputError, printable

if TYPE_CHECKING:
    import pandas as pd

    from results.run_folder import Tables
    from scenarios.beside import Beside
    from scenarios.study import Study
    from simulation.parallel import Workers
    from simulation.runner import Finished

MAIN_STUDY: Final = Path(__file__).resolve().parent / "caseload-10-vs-20.toml"
FAMILIES_FOR_INCOMES: Final = 8_000  # whose income is read for the table beside published figures
FAMILIES_OF_CHUNK: Final = 16_000  # in all replicates of a chunk: what is lost when a run is broken off
LARGEST_FOR_LIVES: Final = 5000  # families: larger pools are not run again for one figure


# ---- from Python -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """A finished comparison."""

    study: Study
    finished: Finished
    workers: Workers = None

    @functools.cached_property
    def differences(self) -> pd.DataFrame:
        """Paired differences of every contrast, tidy, the columns of ``differences.csv``."""
        from results.statistics import differences_table

        return differences_table(self.finished.runs)

    @functools.cached_property
    def outcomes(self) -> pd.DataFrame:
        """Outcomes of every arm, tidy, the columns of ``outcomes.csv``."""
        from results.statistics import outcomes_table

        return outcomes_table(self.finished.runs)

    @functools.cached_property
    def beside(self) -> Beside:
        """Headline differences beside those of the prior and of the null model, which are run when they are asked for."""
        from scenarios.beside import run_beside

        return run_beside(self.study, self.finished, workers=self.workers)

    def save(self, folder: str | Path, *, lang: str = "nb", force: bool = False) -> None:
        """Write tables, figures, report and manifest into a new or empty folder.

        Raises
        ------
        InputError : the folder holds something and ``force`` is not given, or it cannot be written
        """
        folder = Path(folder)
        check_folder(folder, force=force)
        with open_folder(folder):
            save(folder, self.study, self.finished, lang, beside=self.beside, workers=self.workers)


def compare(
    study: Study | str | Path, replicates: int | None = None, seed: int | None = None, workers: Workers = None
) -> Result:
    """Run every arm of a study.

    Parameters
    ----------
    study : from :func:`scenarios.load_study`, or the path of a study file
    replicates, seed : instead of the study's own
    workers : cores to use, all by default; or a cluster from :func:`simulation.parallel.open_workers`

    Raises
    ------
    InputError : wrong input
    """
    from scenarios.study import Study, load_study

    if not isinstance(study, Study):
        study = load_study(study)
    study = study.with_settings(replicates=replicates, seed=seed)
    return Result(study, _run(study, workers=workers), workers)


def _run(
    study: Study,
    *,
    workers: Workers = None,
    chunks: Path | None = None,
    resume: bool = False,
    step: Progress | None = None,
) -> Finished:
    from simulation.runner import CHUNK, run_study

    return run_study(
        study.arms,
        study.contrasts,
        replicates=study.replicates,
        seed=study.seed,
        workers=workers,
        chunks_dir=chunks,
        resume=resume,
        progress=step,
        precision=study.precision,
        chunk=max(1, min(CHUNK, FAMILIES_OF_CHUNK // study.arms[0].families)),
    )


def run_all(
    study: Study,
    *,
    workers: Workers = None,
    chunks: Path | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> tuple[Finished, Beside]:
    """Run a study, then the models beside it, and show how far that has come."""
    from scenarios.beside import run_beside
    from simulation.warm import cold, warm_up

    if not quiet and cold():
        print("compiling the model, the first time only: 20 s or more", file=sys.stderr)
    warm_up()
    with progress(study.name, quiet=quiet) as step:
        finished = _run(study, workers=workers, chunks=chunks, resume=resume, step=step)
    with progress("the models beside it", quiet=quiet) as step:
        return finished, run_beside(study, finished, workers=workers, chunks=chunks, resume=resume, step=step)


def save(
    folder: Path,
    study: Study,
    finished: Finished,
    lang: str = "nb",
    *,
    beside: Beside | None = None,
    command: str | None = None,
    workers: Workers = None,
    figures: bool = True,
) -> None:
    """Write what a run leaves in its folder, with what is read of it by running a little of it again."""
    from results.run_folder import save_run
    from scenarios.changes import changes_of

    described: Any = SimpleNamespace(**vars(finished))
    described.command, described.costs, described.posterior = command, study.costs, _posterior(study)
    described.inputs = _inputs(study, described.posterior)
    described.study_toml, described.changes, described.beside = study.to_toml(), changes_of(study), beside
    described.lives, described.eligible_families = _lives(study, finished), _eligible(study, finished)
    described.incomes = _incomes(study, workers)
    save_run(folder, study, described, lang=lang, figures=figures)


def _inputs(study: Study, posterior: Path | None) -> dict[str, Path]:
    """The files that a study was read from, by name; one of the same name as another has its folder before it."""
    said = (study.content.study.profile, *(place.profile for place in study.content.place.values()))
    profiles = dict.fromkeys(Path(name) for name in said if name is not None)
    own_profiles = [path for path in profiles if path.suffix in {".csv", ".toml"} and path.is_file()]
    of_posterior = [posterior] if posterior else []
    kinds = {"study": [study.file], "costs": study.costs_files, "profiles": own_profiles, "posteriors": of_posterior}
    found: dict[str, Path] = {}
    for kind, read in kinds.items():
        for file in read:
            name = file.name
            while name in found:
                name = f"{kind}/{name}"
            found[name] = file
    return found


def _posterior(study: Study) -> Path | None:
    """The file of posterior draws, if it is still there; None where parameters are drawn from their priors."""
    posterior = study.arms[0].posterior
    return Path(posterior) if posterior != "prior" and Path(posterior).is_file() else None


def _lives(study: Study, finished: Finished) -> dict[str, Any] | None:
    """One family's two lives in the first replicate that succeeded; None where no arm has coordinators."""
    from scenarios.trajectory import two_lives

    if study.places or not any(plan.coordinators for plan in study.arms):
        return None
    if study.arms[0].families > LARGEST_FOR_LIVES:
        return None
    try:
        return two_lives(study, replicate=int(finished.runs.replicate[0])).record()
    except InputError:  # no family to show, or no arm to show it against: a run is not lost for a figure
        return None


def _incomes(study: Study, workers: Workers) -> Any:
    """What the families have under ordinary follow-up, beside what is published; None for a very large pool, or many places."""
    from calibration.incomes import incomes

    families = study.arms[0].families
    if study.places or families > LARGEST_FOR_LIVES:
        return None
    return incomes(study, replicates=max(2, min(study.replicates, FAMILIES_FOR_INCOMES // families)), workers=workers)


def _eligible(study: Study, finished: Finished) -> list[int]:
    """How many families met the criteria at month 0, in the first replicates of a few draws: the same in every arm."""
    from simulation.engine import at_month_zero

    plan = study.arms[0]
    if study.places:  # the lone parents and the couples among them, in every replicate
        return [int(count) for count in finished.runs.group_families[:, :2].sum(axis=1)]
    some = finished.runs.replicate[::2][: max(1, min(5, 2000 // plan.families))]
    starts = (at_month_zero(plan, seed=study.seed, replicate=int(number)) for number in some)
    return [int(start.families["eligible_at_start"].sum()) for start in starts]


# ---- from the command line -------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study file (default: caseload-10-vs-20.toml)"
    )
    common = ("replicates", "seed", "precision", "set", "out", "force", "resume", "workers", "cluster", "lang", "quiet")
    add_options(parser, *common)


def main(args: argparse.Namespace) -> int:
    """Run every arm of a study, write tables, figures and the report."""
    from scenarios.study import load_study

    if args.force and args.resume:
        raise InputError("--force and --resume do not go together", key="--force", allowed="one of them")
    study = load_study(args.study or MAIN_STUDY, args.set)
    study = study.with_settings(replicates=args.replicates, seed=args.seed, precision=args.precision)
    folder = args.out or default_folder(study.name, resume=args.resume)
    check_folder(folder, force=args.force, resume=args.resume)
    if args.resume and (folder / "manifest.json").exists():
        return _already_finished(folder, study, quiet=args.quiet)
    with open_folder(folder):
        return _compare(study, folder, args)


def _compare(study: Study, folder: Path, args: argparse.Namespace) -> int:
    from results.report import say_missing
    from results.run_folder import read_tables

    chunks = folder / CHUNKS
    if not args.resume:
        shutil.rmtree(chunks, ignore_errors=True)
    command = shlex.join(["python", "run.py", *sys.argv[1:]])
    with can_go_on(folder):
        finished, beside = run_all(study, workers=args.workers, chunks=chunks, resume=args.resume, quiet=args.quiet)
        save(folder, study, finished, args.lang, beside=beside, command=command, workers=args.workers)
    shutil.rmtree(chunks, ignore_errors=True)
    if not args.quiet:
        tables = read_tables(folder)
        for line in _overloaded(tables, folder, args.lang):
            print(printable(line), file=sys.stderr)
        print(_summary(tables, folder, study, args.lang))
        say_missing(args.lang)
    return _say_failed(finished.failures)


def _already_finished(folder: Path, study: Study, *, quiet: bool) -> int:
    """A finished run stays as it is, if it is the run that was asked for."""
    from results.costs import paid_alike
    from results.provenance import check_unchanged
    from results.run_folder import read_manifest
    from simulation.compiled import SOURCE_HASH

    manifest = read_manifest(folder)
    check_unchanged(folder, manifest)
    allowed = "the same study and options as before, or another folder with --out"
    if manifest["study"] != json.loads(json.dumps(study.resolved())) or not paid_alike(manifest, study.costs):
        raise InputError("the run there had other inputs", file=folder, key="--resume", allowed=allowed)
    if manifest.get("source_hash") != SOURCE_HASH:
        raise InputError(
            "the run there was made by another version of the model", file=folder, key="--resume", allowed=allowed
        )
    if not quiet:
        print(f"{folder} is finished already")
    return _say_failed(manifest["failures"])


def _say_failed(failures: Sequence[Mapping[str, Any]]) -> int:
    """The exit code; where replicates failed, how many and why the first did."""
    if not failures:
        return 0
    first = failures[0]
    reason = printable(str(first["traceback"]).strip().splitlines()[-1])
    print(
        f"{len(failures)} replicates failed and are left out; the first was {first['replicate']} "
        f"(draw {first['draw']}): {reason}. All of them stand in manifest.json.",
        file=sys.stderr,
    )
    return 1


def _overloaded(tables: Tables, folder: Path, lang: str) -> list[str]:
    """The lines that say which queues cannot be stable."""
    from results.arms_section import overloaded
    from results.run_folder import read_manifest

    blocks = overloaded(tables.services, read_manifest(folder), lang)
    return [line for block in blocks for line in (block["sentence"], *(f"  {item}" for item in block["items"]))]


def _summary(tables: Tables, folder: Path, study: Study, lang: str) -> str:
    """The headline differences at the horizon, and where everything is."""
    from results.document import at_horizon
    from results.language import capital, outcome_name, say
    from results.run_folder import read_manifest
    from results.statistics import HEADLINES
    from results.titles import titled
    from results.told import told_of
    from results.words import plain, unit

    _, shown, _ = titled(told_of(tables), read_manifest(folder), None, lang)
    titles = {str(c.get("id", c["name"])): printable(str(c["name"])) for c in shown["contrasts"]}
    wide = max(map(len, titles.values()), default=0)
    found = {name: at_horizon(tables.differences, name, "eligible") for name, _, _ in study.contrasts}
    lines = textwrap.wrap(say("terminal.intro", lang, months=study.horizon_months), 110, break_on_hyphens=False)
    for outcome in HEADLINES:
        lines.append(f"  {capital(outcome_name(outcome, lang))}, {unit(outcome, lang)}")
        for name, rows in found.items():
            if outcome in rows:
                ends = ("mean", "ci_low", "ci_high", "p05", "p95")
                mean, ci_low, ci_high, low, high = (plain(float(rows[outcome][end]), outcome, lang) for end in ends)
                told = titles.get(name, name)
                spread = say("terminal.range", lang, low=low, high=high)
                lines.append(f"    {told:<{wide}} {mean:>7}  [{ci_low}; {ci_high}]  {spread}")
    return "\n".join([*lines, say("terminal.written", lang, folder=folder, report=folder / "report.html")])
