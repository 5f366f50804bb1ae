"""A fit's results as tables and files: posterior draws with provenance, and what the fit learnt of every parameter and target."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration.answers import describe
from calibration.fitting import Fit
from calibration.predictions import in_unit, predict
from calibration.priors import from_normal
from calibration.targets import month_of
from results.calibration import Asked, Learnt
from simulation.outcomes import FloatArray
from simulation.parameters import find_parameter, parameters_hash
from simulation.posterior import PROVENANCE, WEIGHT

FOLDER: Final = Path(__file__).resolve().parent / "posteriors"
SILENT: Final = 0.1
"""Contraction below which the data say nothing to speak of about a parameter."""
TRADE_OFF: Final = 0.3
"""Correlation from which two parameters trade off."""
PARAMETER_COLUMNS: Final = (
    *("parameter", "unit", "link", "grade", "prior_p05", "prior_p50", "prior_p95"),
    *("mean", "p05", "p50", "p95", "z_p05", "z_p50", "z_p95", "contraction", "says", "ess", "r_hat"),
)
TARGET_COLUMNS: Final = (
    *("target", "statistic", "meaning", "month", "role", "kind", "unit", "observed", "observed_low", "observed_high"),
    *("prior_mean", "prior_low", "prior_high", "prior_not_significant", "prior_inside"),
    *("mean", "low", "high", "not_significant", "inside", "emulated", "explained", "grade", "source"),
)
QUANTILES: Final = (0.05, 0.5, 0.95)


def write_posterior(path: Path, fit: Fit, provenance: dict[str, Any]) -> None:
    """One row a draw, one column a fitted parameter in its stated unit, and its weight; what it was made from in the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from results import files

    names = fit.inputs.parameters
    columns = {name: from_normal(find_parameter(name), fit.z[:, i]) for i, name in enumerate(names)}
    columns[WEIGHT] = np.ones(len(fit.z))
    told = json.dumps({"parameters_hash": parameters_hash(), **provenance}, sort_keys=True, default=files.plain)
    table = pa.table(columns).replace_schema_metadata({PROVENANCE: told.encode()})
    files.make_folder(path.parent)
    with files.whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_statistics=False)


# ---- parameters ------------------------------------------------------------------------------------------------------


def parameters_table(fit: Fit) -> pd.DataFrame:
    """What the fit learnt of every fitted parameter, and how well its chains mixed; circumstances of the trial last.

    ``z_``: the same quantiles in standard deviations of the prior, from its middle: one scale for all.
    """
    import arviz as az

    ess: Any = az.ess({"z": fit.chains})["z"].to_numpy()
    r_hat: Any = az.rhat({"z": fit.chains})["z"].to_numpy()
    rows = []
    for i, name in enumerate(fit.inputs.names):
        z = fit.z[:, i]
        contraction = float(1.0 - z.var())
        circumstance = i >= len(fit.inputs.parameters)
        parameter = None if circumstance else find_parameter(name)
        values = z if parameter is None else from_normal(parameter, z)
        prior = from_normal(parameter, _normal(QUANTILES)) if parameter else _normal(QUANTILES)
        rows.append(
            (
                name,
                "standard normal" if parameter is None else parameter.unit,
                bool(parameter and parameter.link),
                "D" if parameter is None else parameter.grade,
                *prior.tolist(),
                float(values.mean()),
                *np.quantile(values, QUANTILES).tolist(),
                *np.quantile(z, QUANTILES).tolist(),
                contraction,
                "nothing" if contraction < SILENT else "something" if contraction < 0.5 else "much",
                float(ess[i]),
                float(r_hat[i]),
            )
        )
    return pd.DataFrame(rows, columns=list(PARAMETER_COLUMNS))


def _normal(quantiles: tuple[float, ...]) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(ndtri(np.array(quantiles)))


def note_tables(parameters: pd.DataFrame, targets: pd.DataFrame) -> dict[str, Any]:
    """What a report says of a fit, from its two tables: records of the fields of ``results.calibration``."""
    return {"parameters_table": _records(parameters, Learnt), "targets_table": _records(targets, Asked)}


def _records(table: pd.DataFrame, of: type[Learnt] | type[Asked]) -> list[dict[str, Any]]:
    rows = table[list(of.model_fields)].to_dict("records")
    return [{str(name): _short(value) for name, value in row.items()} for row in rows]


def _short(value: Any) -> Any:
    """Six significant digits of a float; None where there is no number."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def trade_offs(fit: Fit) -> pd.DataFrame:
    """Pairs of inputs that the data bind together, the strongest first: ``first,second,correlation``."""
    correlation = np.atleast_2d(np.corrcoef(fit.z, rowvar=False))
    names = fit.inputs.names
    pairs = [
        (names[i], names[j], float(correlation[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(correlation[i, j]) >= TRADE_OFF
    ]
    table = pd.DataFrame(pairs, columns=["first", "second", "correlation"])
    return table.sort_values("correlation", key=lambda c: -c.abs(), kind="stable", ignore_index=True)


# ---- targets ---------------------------------------------------------------------------------------------------------


def targets_table(fit: Fit) -> pd.DataFrame:
    """Every target beside what the model says under the prior and under the posterior: by simulation, not by emulation.

    ``emulated`` is the mean that the emulator expects under the posterior, to stand beside the simulated ``mean``; there is none
    of targets that were not fitted.
    """
    expected = dict(zip((target.name for target in fit.fitted), fit.emulator.mean(fit.z).mean(axis=0), strict=False))
    explained = dict(zip((target.name for target in fit.fitted), fit.emulator.explained, strict=False))
    rows = []
    for t, target in enumerate(fit.targets):
        prior = predict(target, fit.before.answers[:, t])
        posterior = predict(target, fit.after.answers[:, t])
        statistic = describe(target.statistic)
        rows.append(
            (
                *(target.name, target.statistic, statistic.meaning, month_of(target)),
                *(target.role, target.kind, statistic.unit),
                *(target.observed, target.observed_low, target.observed_high),
                *(prior.mean, prior.low, prior.high, prior.not_significant, prior.inside),
                *(posterior.mean, posterior.low, posterior.high, posterior.not_significant, posterior.inside),
                float(in_unit(target, expected.get(target.name, np.nan))),
                float(explained.get(target.name, np.nan)),
                target.grade,
                target.source,
            )
        )
    return pd.DataFrame(rows, columns=list(TARGET_COLUMNS))
