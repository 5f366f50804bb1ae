"""A long command in stages, each a folder of finished pieces: begun, gone on with, and never mixed with other inputs."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.folders import CHUNKS, can_go_on, open_folder
from simulation.errors import InputError

if TYPE_CHECKING:
    from scenarios.progress import Progress
    from scenarios.study import Study

INPUTS: Final = "inputs.json"
MANIFEST: Final = "manifest.json"


def check_options(args: argparse.Namespace) -> None:
    """Refuse to go on with what is to be written over."""
    if args.force and args.resume:
        raise InputError("--force and --resume do not go together", key="--force", allowed="one of them")


def check_inputs(folder: Path, inputs: dict[str, Any]) -> None:
    """Refuse to go on with a run of other inputs or other code, or with another command's."""
    if (folder / CHUNKS).exists() and not any((folder / name).exists() for name in (MANIFEST, INPUTS)):
        allowed = "the folder of a run that this command began, or another --out"
        problem = f"holds the run of another command, or one whose {INPUTS} is missing"
        raise InputError(problem, file=folder, key="--resume", allowed=allowed)
    made = next((_read(folder / name) for name in (MANIFEST, INPUTS) if (folder / name).exists()), inputs)
    here = json.loads(json.dumps(inputs))  # tuples are lists in a file
    other = [key for key, value in here.items() if made.get(key) != value]
    if other:
        problem = f"the run there had other inputs or other code ({', '.join(other)})"
        raise InputError(problem, file=folder, key="--resume", allowed="the same as before, or another --out")


def _read(path: Path) -> dict[str, Any]:
    """What a JSON file of a run says; InputError where it is damaged."""
    from results import files

    with contextlib.suppress(InputError):
        if isinstance(found := files.read_json(path), dict):
            return found
    problem = "is damaged: what the work there was made from cannot be told"
    raise InputError(problem, file=path, allowed="the file as the run left it, or another --out")


@contextlib.contextmanager
def begun(
    folder: Path, inputs: dict[str, Any], *, resume: bool, others: Iterable[str] = (), writes: Iterable[str] = ()
) -> Iterator[Path]:
    """The folder of a run, locked; its inputs noted, and cleared of an earlier run that is not gone on with.

    Parameters
    ----------
    others : folders of pieces beside the usual one
    writes : patterns of the files that the command writes: an earlier run's are taken away

    Yields
    ------
    where the pieces of its stages go
    """
    from results import files

    with open_folder(folder):
        if not resume:
            for left in (CHUNKS, *others):
                shutil.rmtree(folder / left, ignore_errors=True)
            for old in [path for pattern in writes for path in folder.glob(pattern)]:
                old.unlink(missing_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        files.write_json(folder / INPUTS, inputs)
        with can_go_on(folder):
            yield folder / CHUNKS


def anywhere(study: Study) -> dict[str, Any]:
    """What a study fixes, wherever its posterior lies."""
    told = study.resolved()
    for arm in told["arms"]:
        arm["posterior"] = Path(arm["posterior"]).name
    return told


def finished(folder: Path) -> bool:
    """Whether a run has ended: its manifest is written last."""
    return (folder / MANIFEST).exists()


def finish(folder: Path, inputs: dict[str, Any], told: dict[str, Any], started: float) -> None:
    """Write the manifest, last of all, and take away the pieces, which nothing needs any more.

    Parameters
    ----------
    told : what a reader is told beside the inputs
    started : by ``time.monotonic``
    """
    from results import files
    from results.run_folder import git_state, package_versions, version

    commit, modified = git_state()
    made = {
        "command": command(),
        "version": version(),
        **inputs,
        **told,
        "git_commit": commit,
        "git_modified": modified,
        "packages": package_versions(),
        "seconds": round(time.monotonic() - started, 1),
    }
    files.write_json(folder / MANIFEST, made)
    shutil.rmtree(folder / CHUNKS, ignore_errors=True)


def command() -> str:
    """The command as it was typed, without what only made it go on."""
    return shlex.join(["python", "run.py", *(word for word in sys.argv[1:] if word != "--resume")])


class Stages:
    """A progress for each stage that simulates."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self.name, self.quiet = name, quiet

    @contextlib.contextmanager
    def stage(self, what: str) -> Iterator[Progress | None]:
        """Show how far a stage has come."""
        from scenarios.progress import progress

        with progress(f"{self.name}: {what}", quiet=self.quiet) as step:
            yield step
