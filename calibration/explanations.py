"""*10 against 20* under each explanation of the null: the trial cannot tell them apart, and they do not give the same answer.

That HOLF found nothing reliable can have many reasons: weak links from contact to outcomes, a dose that was too low, services
that were full, few openings, or ordinary follow-up that was as good. All are in the posterior. Each explanation here is the fifth
of the posterior draws in which it is most true; the study is run under these, and its answers stand side by side. Where the dose
curve is monotone, 10 against 20 cannot be more than 10 against none: that bound stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.fitting import Fit
from calibration.priors import from_normal, uncertain
from calibration.table import DECIDED
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.outcomes import FloatArray
from simulation.parallel import Workers
from simulation.parameters import find_parameter, hill, load_parameters
from simulation.posterior import WEIGHT

SHARE: Final = 0.2
TRIAL_HOURS: Final = 5.0
"""Contact hours a month at HOLF's 10.5 families a coordinator: docs/coordinators.md."""
COLUMNS: Final = (
    *("explanation", "draws", "contrast", "outcome", "unit"),
    *("mean", "ci_low", "ci_high", "p05", "p95", "prob_better"),
)
Fitted = Mapping[str, FloatArray]
"""Each fitted input's posterior draws as standard normal numbers, (N,): parameters, and circumstances as ``trial.places``."""


def weak_links(z: Fitted) -> list[FloatArray]:
    """The fitted links near the value at which they do nothing, or beyond it, and the trial's programmes weak."""
    links = [-DIRECTION.get(p.name, 1.0) * z[p.name] for p in uncertain() if p.link and p.name in z]
    return links + [-z[name] for name in z if name.startswith("programme_strength.")]


DIRECTION: Final = {"dropout_ratio": -1.0, "work_exit_ratio": -1.0, "trust_lost": -1.0}
"""Links that do more the smaller they are; all others do more the larger they are, whether that is good or bad."""


def low_dose(z: Fitted) -> list[FloatArray]:
    """The hours that the trial gave are far down the dose curve."""
    if not set(z) & set(DOSE):
        return []
    half, steep = (
        from_normal(find_parameter(name), z[name]) if name in z else np.full(_draws(z), find_parameter(name).default)
        for name in DOSE
    )
    return [np.array([-hill(TRIAL_HOURS, float(a), float(b)) for a, b in zip(half, steep, strict=True)])]


DOSE: Final = ("dose_half", "dose_steepness")


def _draws(z: Fitted) -> int:
    return len(next(iter(z.values())))


def full_services(z: Fitted) -> list[FloatArray]:
    """Few places in the services around the trial's offices."""
    return [-z["trial.places"]] if "trial.places" in z else []


def scarce_openings(z: Fitted) -> list[FloatArray]:
    """Few openings in the labour market around the trial's offices."""
    return [-z["trial.openings"]] if "trial.openings" in z else []


def good_ordinary(z: Fitted) -> list[FloatArray]:
    """Ordinary follow-up that gives hours, finds barriers and refers."""
    return [z[name] for name in z if name.startswith(ORDINARY)]


ORDINARY: Final = ("referral_ordinary.", "ordinary_hours", "discovery_ordinary")

EXPLANATIONS: Final[dict[str, Callable[[Fitted], list[FloatArray]]]] = {
    "weak_links": weak_links,
    "low_dose": low_dose,
    "full_services": full_services,
    "scarce_openings": scarce_openings,
    "good_ordinary": good_ordinary,
}
"""What speaks for each, larger where it is more true. Only fitted inputs count: the null has said nothing of the rest."""


def subsets(z: Fitted) -> dict[str, npt.NDArray[np.int64]]:
    """Places of the posterior draws in which each explanation is most true, and of all of them."""
    draws = _draws(z)
    found = {"all": np.arange(draws)}
    for name, signs in EXPLANATIONS.items():
        if speaks := signs(z):
            order = np.argsort(-np.mean(speaks, axis=0), kind="stable")
            found[name] = np.sort(order[: max(int(SHARE * draws), 1)])
    return found


def whole_draws(fit: Fit) -> FloatArray:
    """Every posterior draw, with the parameters that were not fitted drawn from their priors, (N, P)."""
    first = len(fit.prior) + len(fit.later) + len(fit.after)
    return fit.inputs.values(fit.z[:, : len(fit.inputs.parameters)], fit.job.seed, first)


def explain(
    fit: Fit,
    study: Study,
    folder: Path,
    *,
    replicates: int = 400,
    workers: Workers = None,
    step: Progress | None = None,
) -> pd.DataFrame:
    """Run the study under each explanation: the columns of ``COLUMNS``, among those eligible, at the horizon.

    Parameters
    ----------
    folder : where the draws of each explanation are kept
    replicates : of the study under each explanation, two to a draw
    """
    from scenarios.comparison import compare

    values = whole_draws(fit)
    chosen = subsets({name: fit.z[:, i] for i, name in enumerate(fit.inputs.names)})
    tables = []
    for done, (name, places) in enumerate(chosen.items()):
        file = folder / f"{name}.parquet"
        _write(file, values[places])
        under = study.with_settings(posterior=str(file.absolute()))
        differences = compare(under, replicates=replicates, seed=fit.job.seed, workers=workers).differences
        table = differences[
            (differences["population"] == "eligible")
            & (differences["month"] == study.horizon_months)
            & differences["outcome"].isin(DECIDED)
        ].assign(explanation=name, draws=len(places))
        tables.append(table[list(COLUMNS)])
        if step is not None:
            step(done + 1, len(chosen))
    return pd.concat(tables, ignore_index=True)


def _write(file: Path, values: FloatArray) -> None:
    from results import files

    uncertain_names = {parameter.name for parameter in uncertain()}
    columns = {p.name: values[:, i] for i, p in enumerate(load_parameters()) if p.name in uncertain_names}
    files.make_folder(file.parent)
    files.write_parquet(file, pd.DataFrame({**columns, WEIGHT: 1.0}))
