"""The tables that the report tells of: those of every run, and those of the economic evaluation where the run has them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pandas as pd

from results import files, places
from results.run_folder import TEXT_COLUMNS

EVALUATION: Final[dict[str, tuple[str, ...]]] = {
    "consequences": (*("contrast", "kind", "name", "unit", "mean", "ci_low", "ci_high", "p05", "p95", "prob_better"),),
    "ratios": ("contrast", "payer", "ratio", "unit", "cost", "effect", "value", "low", "high", "says"),
    "acceptability": ("contrast", "payer", "gain", "threshold", "probability"),
    "plane": ("contrast", "payer", "gain", "draw", "cost", "effect"),
    "pays": (
        *("contrast", "payer", "horizon_months", "saving", "ci_low", "ci_high", "p05", "p95"),
        *("probability", "break_even_months"),
    ),
    "distribution": (
        *("contrast", "group", "member", "outcome", "unit", "mean", "ci_low", "ci_high", "p05", "p95"),
        *("prob_better", "families"),
    ),
    "shifts": ("contrast", "from_payer", "to_payer", "name", "unit", "mean", "p05", "p95"),
    "beside": (
        *("model", "contrast", "outcome", "unit", "mean", "ci_low", "ci_high", "p05", "p95"),
        *("prob_better", "replicates"),
    ),
    "places": places.COLUMNS,
}
"""Tables that a run may have, with the columns that the report reads."""
TEXT: Final = (
    TEXT_COLUMNS
    | {"kind", "ratio", "says", "gain", "group", "member", "from_payer", "to_payer", "model"}
    | {"place", "note"}
)


class Told(SimpleNamespace):
    """Tables by name; those that a run has not are empty."""

    def __getattr__(self, name: str) -> Any:  # a table that is there is found before this is asked
        if name in EVALUATION:
            return pd.DataFrame(columns=list(EVALUATION[name]))
        raise AttributeError(name)


def told_of(tables: Any, folder: Path | None = None) -> Told:
    """The tables of a run, and those of its folder that ``tables`` does not hold.

    Raises
    ------
    InputError
        A table in the folder is damaged.
    """
    if isinstance(tables, Told):
        return tables
    found = dict(vars(tables))
    for name, columns in EVALUATION.items():
        path = None if folder is None else folder / f"{name}.csv"
        if name not in found and path is not None and path.is_file():
            text = tuple(column for column in columns if column in TEXT)
            found[name] = files.read_csv(path, text, tuple(column for column in columns if column not in TEXT))
    return Told(**found)
