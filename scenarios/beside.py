"""The answer beside two others: of the same arms before any fit, and with every link from coordinator to outcome at none.

What a fitted model answers is worth little alone. Beside it stand what was believed before the fit (``prior``) and the null
model (``null``), in which coordinators change nothing: each of its differences is zero, but for those of arms with another
labour market, other services or another inflow. They meet the same families and the same luck, in fewer replicates: a part of
the study's own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.progress import Progress
    from scenarios.study import Study
    from simulation.outcomes import Runs
    from simulation.parallel import Workers
    from simulation.plan import Plan
    from simulation.runner import Finished

LARGEST: Final = 5_000  # families: larger pools are not run again
SHARE: Final = 4  # one replicate for so many of the study's
FEWEST: Final = (
    20  # replicates, in ten draws: with six or fewer chance cannot be taken out. Enough where nothing differs
)
SURROUNDINGS: Final = (
    "services",
    "inflow_factor",
    "openings_factor",
    "openings_from",
    "openings_to",
)  # links or no links


@dataclass(frozen=True)
class Beside:
    """The table ``beside.csv``, and what the manifest says of it."""

    table: pd.DataFrame
    models: dict[str, dict[str, Any]]
    """by model: ``replicates``, ``failures`` and ``wall_seconds``, or why it was ``skipped``"""


def own_model(study: Study) -> str:
    """What a study is itself: ``calibrated``, ``prior`` or ``null``."""
    if study.content.study.links == "off":
        return "null"
    return "prior" if study.content.study.posterior == "prior" else "calibrated"


def run_beside(
    study: Study,
    finished: Finished,
    *,
    workers: Workers = None,
    chunks: Path | None = None,
    resume: bool = False,
    step: Progress | None = None,
) -> Beside:
    """Run a study's arms under the priors and without links, and lay the three answers side by side.

    Parameters
    ----------
    study, finished : the study and its replicates, which give the first rows
    workers : threads; all cores by default
    chunks : the folder of a run's chunks; what is run here is kept in folders below it, so that it can go on
    resume : take up finished chunks
    step : told how many of the further replicates are done

    Returns
    -------
    An empty table where the study has no contrast. Models of a pool over ``LARGEST`` families are skipped.
    """
    from results.statistics import beside_table
    from simulation.errors import BrokenOffError
    from simulation.runner import run_study

    own = own_model(study)
    runs: dict[str, Runs] = {own: finished.runs}
    replicates = int(finished.runs.replicate.size)
    models: dict[str, dict[str, Any]] = {own: {"replicates": replicates}}
    wanted = _others(study, replicates)
    total, before = sum(count for _, count in wanted.values()), 0
    for model, (plans, count) in wanted.items():
        if (why := _skipped(study)) is not None:
            models[model] = {"skipped": why}
            continue
        try:
            other = run_study(
                plans,
                study.contrasts,
                replicates=count,
                seed=study.seed,
                workers=workers,
                chunks_dir=None if chunks is None else chunks / f"beside-{model}",
                resume=resume,
                progress=_after(before, total, step),
            )
        except BrokenOffError:
            raise
        except RuntimeError:  # every replicate failed: the study's own answer is not lost for that
            models[model] = {"skipped": "every replicate failed"}
            continue
        finally:
            before += count
        runs[model] = replace(
            other.runs, study=other.runs.study[:, :, :, -1:].copy()
        )  # the last month is all that is told
        failures = [dict(failure) for failure in other.failures]
        seconds = round(other.wall_seconds, 3)
        models[model] = {"replicates": int(other.runs.replicate.size), "failures": failures, "wall_seconds": seconds}
    return Beside(beside_table(runs), models)


def _others(study: Study, replicates: int) -> dict[str, tuple[Sequence[Plan], int]]:
    """The models that a study is not itself: their arms, and how many replicates."""
    own = own_model(study)
    fewest = min(replicates, FEWEST)
    few = max(replicates // SHARE // 2 * 2, fewest)
    found: dict[str, tuple[Sequence[Plan], int]] = {}
    if own == "calibrated":
        found["prior"] = [replace(plan, posterior="prior") for plan in study.arms], few
    if own != "null":
        found["null"] = [replace(plan, links=False) for plan in study.arms], fewest if _same_place(study.arms) else few
    return found if study.contrasts and replicates else {}


def _same_place(arms: Sequence[Plan]) -> bool:
    """Whether the arms differ in their coordinators alone, so that nothing can differ without links."""
    return all(getattr(plan, name) == getattr(arms[0], name) for plan in arms for name in SURROUNDINGS)


def _skipped(study: Study) -> str | None:
    families = study.arms[0].families
    return None if families <= LARGEST else f"a pool of {families} families, over {LARGEST}"


def _after(before: int, total: int, step: Progress | None) -> Progress | None:
    """Count on from what is done already, of what is to be done in all."""
    return None if step is None else lambda done, _: step(before + done, total)
