"""``run.py calibrate``: fit the uncertain parameters to targets, and say what the targets can and cannot tell.

A fit has stages, each a folder of simulations that a stopped fit takes up again: screening (only where the targets file does not
say which parameters to fit), the prior, where the first fit points, and the check under the posterior.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration.staged import INPUTS, Stages, begun, check_inputs, check_options, command
from scenarios.folders import CHUNKS, check_folder, default_folder
from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from calibration.fitting import Fit, Size
    from calibration.targets import TargetsFile
    from scenarios.study import Study

NEEDS: Final = ("statsmodels", "sklearn", "emcee", "arviz")
SIMULATIONS: Final = CHUNKS
R_HAT: Final = 1.05
FEWEST: Final = 400  # effective draws (Vehtari et al. 2021)
EXPLAINED: Final = "explanations"
POSTERIOR: Final = "posterior.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "targets", nargs="?", default="holf", metavar="TARGETS.toml", help="a targets file (default: holf)"
    )
    parser.add_argument("--quick", action="store_true", help="a small fit, minutes on two cores; leaves no target out")
    parser.add_argument("--rows", type=whole_number(200, 1_000_000), metavar="N", help="simulations from the prior")
    parser.add_argument(
        "--posterior",
        type=path,
        metavar="FILE.parquet",
        help="a second place for the draws, which go into posterior.parquet of the folder",
    )
    parser.add_argument("--screen", action="store_true", help="only screen: which parameters can the targets move?")
    parser.add_argument("--recovery", action="store_true", help="also fit 200 synthetic worlds of known parameters")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the tables between the markers of a page")
    add_options(parser, "seed", "out", "force", "resume", "workers", "cluster", "lang", "quiet")


def main(args: argparse.Namespace) -> int:
    """Fit parameters to targets; write posterior draws, tables and figures."""
    from calibration.fit_page import PAGE
    from calibration.pages import check_page
    from calibration.targets import load_targets

    need_extra("calibrate")
    _check_options(args)
    file = load_targets(args.targets)
    if not file.of_role("fit"):
        raise InputError("has no target with role fit", file=file.path, key="target", allowed='role = "fit"')
    folder: Path = args.out or default_folder(f"calibrate-{file.name}", resume=args.resume)
    check_folder(folder, force=args.force, resume=args.resume, note=INPUTS)
    if args.write is not None:
        check_page(args.write, PAGE)
    _check_posterior(args, folder)
    inputs = _inputs(args, file)
    if args.resume:
        check_inputs(folder, inputs)
    if args.resume and _finished(args, folder):
        if not args.quiet:
            print(f"{folder} is finished already")
    else:
        with begun(folder, inputs, resume=args.resume, others=[EXPLAINED]):
            if args.screen:
                _screen(args, file, folder)
            else:
                _calibrate(args, file, folder, inputs)
    if args.posterior is not None:
        _copy_posterior(args, folder)
    return _write_page(args, folder)


def _check_options(args: argparse.Namespace) -> None:
    check_options(args)
    for option in ("write", "posterior", "recovery"):
        if args.screen and getattr(args, option):
            raise InputError(
                f"--screen fits nothing, so there is nothing for --{option}", key="--screen", allowed="one of them"
            )


# ---- going on --------------------------------------------------------------------------------------------------------


def _inputs(args: argparse.Namespace, file: TargetsFile) -> dict[str, Any]:
    """What a fit is made from: a fit that goes on must have the same."""
    from calibration.table import code_hash
    from results import files
    from simulation.compiled import SOURCE_HASH

    return {
        "targets": file.name,
        "files": {part.name: files.hash_bytes(part.read_bytes()) for part in file.files},
        "study": files.hash_bytes(json.dumps(_study().resolved(), sort_keys=True).encode()),
        "seed": _seed(args),
        "size": asdict(_size(args)),
        "source_hash": SOURCE_HASH,
        "calibration_hash": code_hash(),
        "fitting_hash": _fitting_hash(),
    }


def _fitting_hash() -> str:
    """SHA-256 of the sources that make a posterior from a table of simulations."""
    from results import files

    names = ("emulator", "fitting", "likelihood", "predictions", "priors", "recovery", "screening", "targets")
    sources = (Path(__file__).with_name(f"{name}.py").read_bytes().replace(b"\r\n", b"\n") for name in names)
    return files.hash_bytes(b"\0".join(sources))


def _finished(args: argparse.Namespace, folder: Path) -> bool:
    """Whether nothing is left to do in a folder; a finished fit can still be asked for its recovery."""
    return (folder / "manifest.json").exists() and (not args.recovery or (folder / "recovery.csv").exists())


def _write_page(args: argparse.Namespace, folder: Path) -> int:
    """Put the tables of a finished fit into a page, where that was asked for."""
    import pandas as pd

    from calibration.fit_page import PAGE, markdown
    from calibration.pages import write_between

    if args.write is not None:
        tables = {file.stem: pd.read_csv(file) for file in folder.glob("*.csv")}
        made = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        write_between(args.write, PAGE, markdown(tables, made))
    return 0


def need_extra(command: str) -> None:
    """Refuse to begin without the libraries of the extra ``[calibration]``."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        allowed = "pip install 'familiebaner[calibration]'"
        raise InputError(f"needs {', '.join(missing)}, not installed", key=command, allowed=allowed)


def _check_posterior(args: argparse.Namespace, folder: Path) -> None:
    """Refuse a second place for the draws that could not be read or written, or that holds something else."""
    if args.posterior is None:
        return
    chosen, key = Path(args.posterior), "--posterior"
    if chosen.suffix != ".parquet" or chosen.is_dir():
        raise InputError(
            "is not the name of a Parquet file", file=chosen, key=key, allowed="a path that ends in .parquet"
        )
    if chosen.exists() and not (args.force or (args.resume and _same(chosen, folder / POSTERIOR))):
        raise InputError("is there already", file=chosen, key=key, allowed="a new file, or --force")
    above = next(parent for parent in chosen.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise InputError("cannot be written", file=chosen, key=key, allowed="a folder that you may write in")


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _copy_posterior(args: argparse.Namespace, folder: Path) -> None:
    from results import files

    chosen = Path(args.posterior)
    files.make_folder(chosen.parent)
    with files.whole(chosen) as temporary:
        shutil.copyfile(folder / POSTERIOR, temporary)
    if not args.quiet:
        print(chosen)


def _calibrate(args: argparse.Namespace, file: TargetsFile, folder: Path, inputs: dict[str, Any]) -> None:
    from calibration import fitting, posteriors
    from calibration.explanations import explain
    from calibration.leave_one_out import leave_one_out
    from calibration.screening import slopes
    from results import files

    started = time.monotonic()
    seed, size = _seed(args), _size(args)
    stage = Stages(file.name, quiet=args.quiet).stage
    names = file.parameters or _screen(args, file, folder)
    study = _study()
    explained_by = fitting.Inputs(names, fitting.trial_design(file.of_role("fit"), seed))
    fit = fitting.fit(
        file.targets,
        explained_by,
        study,
        size,
        seed=seed,
        folder=folder / SIMULATIONS,
        workers=args.workers,
        stage=stage,
    )
    tables = {
        "parameters": posteriors.parameters_table(fit),
        "trade_offs": posteriors.trade_offs(fit),
        "slopes": slopes(fit.prior, fit.fitted, names),
        "targets": posteriors.targets_table(fit),
    }
    if not args.quick:
        with stage("leave one out") as step:
            tables["leave_one_out"] = leave_one_out(fit, workers=args.workers, step=step)
    with stage("explanations") as step:
        tables["explanations"] = explain(
            fit, study, folder / EXPLAINED, replicates=size.explained, workers=args.workers, step=step
        )
    if args.recovery:
        tables |= _recovery(args, fit, folder, stage)
    provenance = {**inputs, "title": file.title, **_provenance(fit, tables["parameters"])}
    told = posteriors.note_tables(tables["parameters"], tables["targets"])
    posteriors.write_posterior(folder / POSTERIOR, fit, provenance | told)
    for name, table in tables.items():
        files.write_csv(folder / f"{name}.csv", table)
    _figures(folder, tables, args.lang)
    made = {"command": command(), **provenance, "seconds": round(time.monotonic() - started, 1)}
    files.write_json(folder / "manifest.json", made)
    if not args.quiet:
        print(summary(fit, tables, args.lang))
        print(folder / POSTERIOR)


def _screen(args: argparse.Namespace, file: TargetsFile, folder: Path) -> tuple[str, ...]:
    """Screen all parameters on the fitted targets; those that the targets see most of."""
    from calibration import screening
    from calibration.table import Job
    from results import files

    fitted = file.of_role("fit")
    job = Job(tuple(target.question for target in fitted), None, _seed(args))
    with Stages(file.name, quiet=args.quiet).stage("screening") as step:
        table = screening.screen(
            job, fitted, folder=folder / SIMULATIONS / "screening", workers=args.workers, step=step
        )
    files.write_csv(folder / "screening.csv", table)
    if not args.quiet:
        print(screening.summary(table))
        print(folder / "screening.csv")
    return screening.chosen(table)


def _study() -> Study:
    """What a fit is made to answer, asked of every row."""
    from scenarios.comparison import MAIN_STUDY
    from scenarios.study import load_study

    return load_study(MAIN_STUDY, ['study.posterior="prior"'])


def _seed(args: argparse.Namespace) -> int:
    return 1 if args.seed is None else int(args.seed)


def _size(args: argparse.Namespace) -> Size:
    from calibration.fitting import FULL, QUICK

    size = QUICK if args.quick else FULL
    return size if args.rows is None else size.of(args.rows)


def _recovery(args: argparse.Namespace, fit: Fit, folder: Path, stage: Any) -> dict[str, pd.DataFrame]:
    import pandas as pd

    from calibration.recovery import TRUTHS, recover

    truths = min(TRUTHS, len(fit.prior) // 4)
    with stage("recovery") as step:
        found = recover(
            fit.fitted,
            fit.inputs,
            fit.job,
            fit.prior,
            truths=truths,
            folder=folder / SIMULATIONS / "recovery",
            workers=args.workers,
            step=step,
        )
    ranks = pd.DataFrame(found.ranks, columns=list(found.names))
    return {"recovery": found.table(), "ranks": ranks}


def _provenance(fit: Fit, parameters: pd.DataFrame) -> dict[str, Any]:
    """What became of the inputs: the same for the same inputs, wherever and on however many cores it was made."""
    from results.run_folder import package_versions

    return {
        "fitted": list(fit.inputs.parameters),
        "circumstances": list(fit.inputs.names[len(fit.inputs.parameters) :]),
        "effective_sample_size": float(parameters["ess"].min()),
        "packages": package_versions(),
    }


# ---- telling ---------------------------------------------------------------------------------------------------------


def summary(fit: Fit, tables: dict[str, pd.DataFrame], lang: str) -> str:
    """What was learnt of each parameter, and each target beside what the calibrated model says."""
    from rich.console import Console
    from rich.table import Table

    from results.language import number

    def three(row: Any, *names: str) -> str:
        return " – ".join(number(getattr(row, name), lang, 3) for name in names)

    text = io.StringIO()
    console = Console(file=text, width=150)
    learnt = Table("parameter", "prior 5-95 %", "posterior 5-95 %", "contraction", "the data say", box=None)
    row: Any
    for row in tables["parameters"].itertuples(name="Row"):
        learnt.add_row(
            row.parameter, three(row, "prior_p05", "prior_p95"), three(row, "p05", "p95"),
            number(row.contraction, lang, 2), row.says,
        )  # fmt: skip
    console.print(learnt)
    if warning := posteriors_warning(tables["parameters"]):
        console.print(warning)
    checked = Table(
        "target", "role", "published", "model, prior", "model, calibrated", "null reported", "inside", box=None
    )
    for row in tables["targets"].itertuples(name="Row"):
        null = row.kind == "not_significant"
        checked.add_row(
            row.target, row.role, "no reliable effect" if null else number(row.observed, lang, 3),
            three(row, "prior_low", "prior_high"), three(row, "low", "high"),
            number(100 * row.not_significant, lang, 0) + " %" if null else "", "yes" if row.inside else "NO",
        )  # fmt: skip
    console.print(checked)
    if "recovery" in tables:
        shown = tables["recovery"]
        outside = shown[~shown["inside"]]
        console.print(f"Recovery: {len(shown) - len(outside)} of {len(shown)} coverages inside their joint band.")
        for row in outside.itertuples(name="Row"):
            console.print(
                f"  outside: {row.quantity} at {row.level:g}: {row.coverage:.2f}, band {row.low:.2f}-{row.high:.2f}"
            )
    return text.getvalue()


def posteriors_warning(parameters: pd.DataFrame) -> str:
    """What is to be said where the chains have not mixed; nothing where they have."""
    worst, fewest = float(parameters["r_hat"].max()), float(parameters["ess"].min())
    if worst <= R_HAT and fewest >= FEWEST:
        return ""
    return (
        f"The chains have not mixed: R-hat up to {worst:.2f} (should be below {R_HAT}), effective sample size down to "
        f"{fewest:.0f} (should be {FEWEST} or more). Do not rely on this posterior."
    )


def _figures(folder: Path, tables: dict[str, pd.DataFrame], lang: str) -> None:
    from results.calibration_figures import write_figures

    write_figures(folder / "figures", tables, lang)
