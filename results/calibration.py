"""What a fit says of itself, for the report of a run that was made with it: read from the posterior's file, kept in the manifest.

The tables are those of ``calibration.posteriors``; nothing here needs the extra ``[calibration]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from results.files import parse_json

MAX_ROWS: Final = 1000

Text = Annotated[str, Field(max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False)] | None


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Learnt(_Record):
    """What the fit learnt of a parameter, or of a circumstance of the trial; ``z_`` in standard deviations of the prior."""

    parameter: Text
    z_p05: Number
    z_p50: Number
    z_p95: Number
    contraction: Number
    """The share of the prior's variance that is gone."""
    says: Text
    """``nothing``, ``something`` or ``much``."""


class Asked(_Record):
    """A target beside the model, before the fit (``prior_``) and after, in the statistic's unit; 90 % intervals."""

    target: Text
    statistic: Text
    meaning: Text
    unit: Text
    month: int
    role: Text
    kind: Text
    source: Text
    observed: Number
    prior_low: Number
    prior_high: Number
    prior_not_significant: Number
    """Of a null: the share of the simulated trials that report no reliable effect."""
    prior_inside: bool
    low: Number
    high: Number
    not_significant: Number
    inside: bool


class FitNote(_Record):
    """A fit in short."""

    targets: Text
    """The name of the targets file."""
    title: Text = ""
    files: dict[Text, Text] = {}
    """The targets files that were read, with their hashes."""
    command: Annotated[str, Field(max_length=10_000)] = ""
    seed: int | None = None
    source_hash: Text = ""
    draws: int
    effective_sample_size: Number
    parameters_table: Annotated[list[Learnt], Field(min_length=1, max_length=MAX_ROWS)]
    targets_table: Annotated[list[Asked], Field(min_length=1, max_length=MAX_ROWS)]

    def parameters(self) -> pd.DataFrame:
        """A row a parameter, as in ``parameters.csv``."""
        return _table(Learnt, self.parameters_table)

    def asked(self) -> pd.DataFrame:
        """A row a target, as in ``targets.csv``."""
        return _table(Asked, self.targets_table)

    def record(self) -> dict[str, Any]:
        """As data that JSON can hold; :func:`note_of` reads it back."""
        return self.model_dump()


def _table(of: type[_Record], rows: list[Any]) -> pd.DataFrame:
    table = pd.DataFrame([row.model_dump() for row in rows], columns=list(of.model_fields))
    numbers = [name for name, field in of.model_fields.items() if field.annotation == Number]
    return table.astype(dict.fromkeys(numbers, "float64"))


def note_of(record: Any) -> FitNote | None:
    """The note that a manifest holds; None where there is none, or none that can be read."""
    try:
        return FitNote.model_validate(record)
    except ValidationError:
        return None


def read_fit(path: str | Path) -> FitNote | None:
    """What a fit wrote into its posterior's file; None of a file that no fit wrote, and of one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from simulation.posterior import PROVENANCE

    try:
        footer = pq.read_metadata(path)
        said = parse_json((footer.metadata or {})[PROVENANCE])
    except (OSError, pa.ArrowException, KeyError, ValueError, RecursionError):
        return None
    return note_of({**said, "draws": footer.num_rows}) if isinstance(said, dict) else None
