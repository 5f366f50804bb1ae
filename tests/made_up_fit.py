"""What a fit could say of itself, made up: for tests of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NULLS = (
    ("holf-work-coordinator-v-none", "trial.employed_share.coordinator_v_ordinary", 30, "fit", 0.78, 0.93),
    (
        "holf-assistance-coordinator-v-none",
        "trial.social_assistance_share.coordinator_v_ordinary",
        30,
        "fit",
        0.12,
        0.41,
    ),
    ("holf-children-coordinator-v-none", "trial.taking_part_share.coordinator_v_ordinary", 12, "validate", 0.8, 0.85),
)
VALUES = (
    ("months-lone-parents", "pool.assistance_months_lone", "months in the year", 5.6, (4.1, 8.2), (5.0, 6.4), "fit"),
    ("whole-year", "pool.assistance_whole_year_share", "share of families", 0.14, (0.05, 0.4), (0.16, 0.3), "fit"),
    ("bergen-payment-fana", "office.payment_change", "relative change", -0.58, (-0.5, -0.1), (-0.7, -0.2), "validate"),
    ("own-income", "eligible.disposable_income", "NOK a month per family", 31000.0, (3e4, 3.4e4), (3e4, 3.2e4), "fit"),
)
SILENT = 13


def asked(**more: Any) -> dict[str, Any]:
    """A target's record, with what it leaves out."""
    basis = {
        **{"meaning": "a share of parents", "unit": "share of parents", "month": 0, "role": "fit", "source": "x"},
        **dict.fromkeys(("observed", "prior_low", "prior_high", "prior_not_significant")),
        **dict.fromkeys(("low", "high", "not_significant")),
    }
    return basis | more


def record(**more: Any) -> dict[str, Any]:
    """The note of a fit as a manifest holds it."""
    nulls = [
        asked(
            **dict(target=target, statistic=statistic, month=month, role=role, kind="not_significant", source="holf-x"),
            **dict(prior_not_significant=before, not_significant=after, prior_low=-0.1, prior_high=0.1),
            **dict(low=-0.05, high=0.05, prior_inside=before >= 0.1, inside=after >= 0.1),
        )
        for target, statistic, month, role, before, after in NULLS
    ]
    values = [
        asked(
            **dict(target=target, statistic=statistic, unit=unit, kind="value", role=role, observed=observed),
            **dict(prior_low=before[0], prior_high=before[1], prior_inside=before[0] <= observed <= before[1]),
            **dict(low=after[0], high=after[1], inside=after[0] <= observed <= after[1]),
        )
        for target, statistic, unit, observed, before, after, role in VALUES
    ]
    learnt = [
        {
            "parameter": f"parameter_{i}",
            "z_p05": -width,
            "z_p50": 0.1,
            "z_p95": round(width + 0.1, 6),
            "contraction": gone,
            "says": says,
        }
        for i, (width, gone, says) in enumerate(
            [(0.4, 0.9, "much"), (1.1, 0.3, "something")] + [(1.6, 0.02, "nothing")] * SILENT
        )
    ]
    return {
        **{"targets": "holf", "title": "HOLF", "files": {"holf.toml": "0", "norway.toml": "1"}, "seed": 1},
        **{"command": "python run.py calibrate holf", "source_hash": "0" * 64, "draws": 4000},
        **{"effective_sample_size": 812.4, "parameters_table": learnt, "targets_table": nulls + values},
    } | more


def write_posterior(path: Path, said: Any, draws: int = 4000) -> Path:
    """A posterior's file with such a note in its metadata; ``said`` is data, or text as it stands."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"job_entry": np.full(draws, 0.08)})
    if said is not None:
        text = said if isinstance(said, str) else json.dumps(said)
        table = table.replace_schema_metadata({b"familiebaner": text.encode()})
    pq.write_table(table, path)
    return path
