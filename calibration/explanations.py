"""*10 against 20* under each explanation of the null: the trial cannot tell them apart, and they do not give the same answer.

That HOLF found nothing reliable can have many reasons: weak links from contact to outcomes, a dose that was too low, services
that were full, few openings, or ordinary follow-up that was as good. All are in the posterior. Each explanation here is the fifth
of the posterior draws in which it is most true; the study is run under these, and its answers stand side by side. Where the dose
curve is monotone, 10 against 20 cannot be more than 10 against none: that bound stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.fitting import Fit
from calibration.priors import columns_to_normal, uncertain
from calibration.table import DECIDED
from scenarios.progress import Progress
from scenarios.study import Study
from simulation.outcomes import FloatArray
from simulation.parameters import hill, load_parameters, parameter_names
from simulation.posterior import WEIGHT

SHARE: Final = 0.2
TRIAL_HOURS: Final = 5.0
"""Contact hours a month at HOLF's 10.5 families a coordinator: docs/coordinators.md."""
COLUMNS: Final = (
    *("explanation", "draws", "contrast", "outcome", "unit"),
    *("mean", "ci_low", "ci_high", "p05", "p95", "prob_better"),
)
Index = Callable[[FloatArray, FloatArray, tuple[str, ...]], FloatArray]
"""Whole parameter sets (N, P), circumstances of the trial (N, C) and their names, to how true the explanation is, (N,)."""


def _normal(values: FloatArray, names: list[str]) -> FloatArray:
    return columns_to_normal(names, values)


def weak_links(values: FloatArray, _trial: FloatArray, _names: tuple[str, ...]) -> FloatArray:
    """Every link near the value at which it does nothing, or beyond it."""
    links = [parameter for parameter in uncertain() if parameter.link]
    z = _normal(values, [parameter.name for parameter in links])
    helps = np.array([-1.0 if parameter.name in HARM else 1.0 for parameter in links])
    return np.asarray(-(z * helps).mean(axis=1))


HARM: Final = ("dropout_ratio", "work_exit_ratio", "trust_lost", "health_benefit_ratio", "apply_ratio")
"""Links whose larger values hold a family back, or keep it on benefits."""


def low_dose(values: FloatArray, _trial: FloatArray, _names: tuple[str, ...]) -> FloatArray:
    """The hours that the trial gave are far down the dose curve."""
    place = {name: i for i, name in enumerate(parameter_names())}
    half, steep = values[:, place["dose_half"]], values[:, place["dose_steepness"]]
    return np.array([-hill(TRIAL_HOURS, float(a), float(b)) for a, b in zip(half, steep, strict=True)])


def full_services(_values: FloatArray, trial: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Few places in the services around the trial's offices."""
    return -trial[:, names.index("trial.places")]


def scarce_openings(_values: FloatArray, trial: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Few openings in the labour market around the trial's offices."""
    return -trial[:, names.index("trial.openings")]


def good_ordinary(values: FloatArray, _trial: FloatArray, _names: tuple[str, ...]) -> FloatArray:
    """Ordinary follow-up that gives hours, finds barriers and refers."""
    names = [p.name for p in uncertain() if p.name.startswith("referral_ordinary.")]
    return np.asarray(_normal(values, ["ordinary_hours", "discovery_ordinary", *names]).mean(axis=1))


EXPLANATIONS: Final[dict[str, Index]] = {
    "weak_links": weak_links,
    "low_dose": low_dose,
    "full_services": full_services,
    "scarce_openings": scarce_openings,
    "good_ordinary": good_ordinary,
}


def subsets(values: FloatArray, trial: FloatArray, names: tuple[str, ...]) -> dict[str, npt.NDArray[np.int64]]:
    """Places of the posterior draws in which each explanation is most true; and all of them. From :func:`whole_draws`."""
    count = max(int(SHARE * len(values)), 1)
    found = {"all": np.arange(len(values))}
    for name, index in EXPLANATIONS.items():
        if name in ("full_services", "scarce_openings") and f"trial.{_CIRCUMSTANCE[name]}" not in names:
            continue
        found[name] = np.sort(np.argsort(-index(values, trial, names), kind="stable")[:count])
    return found


_CIRCUMSTANCE: Final = {"full_services": "places", "scarce_openings": "openings"}


def whole_draws(fit: Fit) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Every posterior draw with the parameters that were not fitted, (N, P); circumstances (N, C) and their names."""
    fitted = len(fit.inputs.parameters)
    first = len(fit.prior) + len(fit.later) + len(fit.after)
    values = fit.inputs.values(fit.z[:, :fitted], fit.job.seed, first)
    return values, fit.z[:, fitted:], fit.inputs.names[fitted:]


def explain(
    fit: Fit,
    study: Study,
    folder: Path,
    *,
    replicates: int = 400,
    workers: int | None = None,
    step: Progress | None = None,
) -> pd.DataFrame:
    """Run the study under each explanation: the columns of ``COLUMNS``, among those eligible, at the horizon.

    Parameters
    ----------
    folder : where the draws of each explanation are kept
    replicates : of the study under each explanation, two to a draw
    """
    from scenarios.comparison import compare

    values, trial, names = whole_draws(fit)
    chosen = subsets(values, trial, names)
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
