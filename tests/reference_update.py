"""Stored results of the shipped studies, held in ``tests/reference/*.json`` and compared in ``test_reference.py``.

Where the model was changed on purpose, make them again from the top folder, and look at what ``git diff`` says:

    python tests/reference_update.py
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from scenarios import load_study
from scenarios.study import Study
from simulation.engine import run_replicate
from simulation.machine import probe
from simulation.outcomes import OUTCOME_NAMES, STUDY_POPULATIONS, Runs
from simulation.runner import run_study

FOLDER: Final = Path(__file__).resolve().parent / "reference"
COMMAND: Final = "python tests/reference_update.py"
REPLICATES: Final = 4
SMALL: Final = ("pool.families=60", "study.burn_in_months=24", "study.seed=2025")
SHIPPED: Final = Path(load_study.__code__.co_filename).parent
LARGE: Final = "norway"  # not small with 388 places; what it does is done by that of Vestland too
REFERENCES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {  # name: study, what is set besides SMALL
    **{path.stem: (path.stem, ()) for path in sorted(SHIPPED.glob("*.toml")) if path.stem != LARGE},
    "vestland": ("vestland", ("pool.families=430", "study.horizon_months=12")),
    "null-model": ("caseload-10-vs-20", ("study.links=off",)),
    "prices-2017": ("caseload-10-vs-20", ("study.prices=2017", "study.follow_up=holf_model")),
}
ARRAYS: Final = (
    "draw",
    "study",
    "followed",
    "followed_families",
    "paired",
    "flows",
    "drift",
    "groups",
    "group_families",
)


def study_of(name: str) -> Study:
    """The shipped study behind a reference, made small."""
    study, sets = REFERENCES[name]
    return load_study(study, [*SMALL, *sets])


def reference(name: str) -> dict[str, Any]:
    """What a study gives now: hashes of all arrays, and the outcomes of every arm and replicate at the horizon."""
    study = study_of(name)
    runs = run_study(study.arms, study.contrasts, replicates=REPLICATES, seed=study.seed).runs
    last = (study.arms[-1].in_places() or study.arms[-1:])[-1]
    families = run_replicate(last, seed=study.seed, replicate=0, months=study.horizon_months).families
    return {
        "probe": probe(),
        "sha256": {array: _sha256(getattr(runs, array)) for array in ARRAYS} | {"families": _sha256(families)},
        "values": values(runs),
    }


def values(runs: Runs) -> dict[str, dict[str, list[float | None]]]:
    """Outcomes at the horizon by "arm, population" and name, a number a replicate; None where a group was empty."""
    return {
        f"{arm}, {population}": {
            outcome: [None if math.isnan(value) else value for value in runs.study[:, a, p, -1, k].tolist()]
            for k, outcome in enumerate(OUTCOME_NAMES)
        }
        for a, arm in enumerate(runs.arms)
        for p, population in enumerate(STUDY_POPULATIONS)
    }


def _sha256(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def as_text(content: dict[str, Any]) -> str:
    """JSON with one outcome a line, so that a difference is read in a diff."""
    groups = [
        f"  {json.dumps(group)}: {{\n"
        + ",\n".join(f"   {json.dumps(outcome)}: {json.dumps(numbers)}" for outcome, numbers in outcomes.items())
        + "\n  }"
        for group, outcomes in content["values"].items()
    ]
    head = json.dumps({key: content[key] for key in ("probe", "sha256")}, indent=1)
    return head.removesuffix("\n}") + ',\n "values": {\n' + ",\n".join(groups) + "\n }\n}\n"


def main() -> int:
    """Make every reference again, and take away those of studies that are no more."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in REFERENCES:
            path.unlink()
            print(f"{path.name}: gone")
    for name in REFERENCES:
        path, text = FOLDER / f"{name}.json", as_text(reference(name))
        same = path.exists() and path.read_text(encoding="utf-8") == text
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {'as it was' if same else 'new'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
