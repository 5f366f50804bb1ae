"""What became of each place of a study over many: ``places.parquet``, ``places.csv`` and a section of the report.

Places stand in alphabetical order and never by their results: a ranking goes in, and none comes out. What is inferred of a place
is said not to be data about it wherever its name stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from results import files, words
from results.blocks import Block, Cell, Column, Row, Table, Text
from results.language import number, say
from results.statistics import HEADLINES, analyse, by_draw
from simulation.outcomes import OUTCOME_NAMES, OUTCOMES

if TYPE_CHECKING:
    from simulation.runner import PlaceValues

CSV: Final = "places.csv"
PARQUET: Final = "places.parquet"
FILES: Final = (CSV, PARQUET)
"""In the folder of a run of a study over places, beside those of every run."""
ROWS: Final = 20_000  # of a row group, and so in memory
STATISTICS: Final = ("mean", "ci_low", "ci_high", "p05", "p50", "p95", "prob_better", "draws", "replicates")
COLUMNS: Final = ("place", "contrast", "outcome", "unit", "families", "coordinators", *STATISTICS, "note")

Manifest = Mapping[str, Any]


# ---- tables ----------------------------------------------------------------------------------------------------------


def save(folder: Path, manifest: Manifest, values: PlaceValues) -> None:
    """Write both tables of a study over places; of one of a single place, take away what an earlier run left.

    Parameters
    ----------
    folder : of the run
    manifest : whose ``study`` has the places
    values : of each replicate, from the runner
    """
    if not manifest["study"].get("places"):
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        return
    write_replicates(folder / PARQUET, manifest, values)
    files.write_csv(folder / CSV, places_table(folder / PARQUET, manifest))


def write_replicates(path: Path, manifest: Manifest, values: PlaceValues) -> None:
    """``places.parquet``: a row a replicate, place and arm, of the eligible at the horizon; few in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    places, arms = manifest["study"]["places"], list(manifest["arms"])
    head = pa.table(
        {
            "place": pa.array([place["name"] for place in places for _ in arms]).dictionary_encode(),
            "arm": pa.array(arms * len(places)).dictionary_encode(),
            "families": pa.array([place["profile"]["families"] for place in places for _ in arms], pa.int32()),
            "coordinators": pa.array([place["coordinators"][arm] for place in places for arm in arms], pa.int32()),
            "note": pa.array([place["note"] for place in places for _ in arms]).dictionary_encode(),
        }
    )

    def rows(replicate: int, draw: int, found: Any) -> pa.Table:
        numbers = {"replicate": replicate, "draw": draw}
        table = head
        for name, value in numbers.items():
            table = table.append_column(name, pa.array(np.full(head.num_rows, value, np.int32)))
        for name, column in zip(OUTCOME_NAMES, found.reshape(head.num_rows, -1).T, strict=True):
            table = table.append_column(name, pa.array(np.ascontiguousarray(column)))
        return table

    with files.whole(path) as temporary:
        writer: pq.ParquetWriter | None = None
        some: list[pa.Table] = []
        try:
            for replicate, draw, found in values:
                some.append(rows(replicate, draw, found))
                writer = writer or pq.ParquetWriter(temporary, some[0].schema)
                if len(some) * head.num_rows >= ROWS:
                    writer.write_table(pa.concat_tables(some).unify_dictionaries())
                    some = []
            if writer is not None and some:
                writer.write_table(pa.concat_tables(some).unify_dictionaries())
        finally:
            if writer is not None:
                writer.close()


def places_table(path: Path, manifest: Manifest) -> pd.DataFrame:
    """``places.csv``: the paired differences of every contrast in each place, among the eligible at the horizon.

    Parameters
    ----------
    path : of ``places.parquet``, of which one outcome is in memory at a time
    manifest : whose ``study`` has the places, and which names arms and contrasts
    """
    import pyarrow.parquet as pq

    places, arms, contrasts = manifest["study"]["places"], list(manifest["arms"]), manifest["contrasts"]
    every = len(places) * len(arms)
    draw = pq.read_table(path, columns=["draw"])["draw"].to_numpy()[::every].astype(np.int64)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for outcome in OUTCOMES:
        values = pq.read_table(path, columns=[outcome.name])[outcome.name].to_numpy()
        values = values.reshape(draw.size, len(places), len(arms))
        for contrast in contrasts:
            arm, against = (by_draw(values[..., arms.index(contrast[side])], draw) for side in ("arm", "against"))
            better = np.full(len(places), float(outcome.better))
            found[contrast["name"], outcome.name] = analyse(arm, against, better)
    blocks = [
        pd.DataFrame(
            {
                "place": [place["name"] for place in places],
                "contrast": contrast["name"],
                "outcome": outcome.name,
                "unit": outcome.unit,
                "families": [place["profile"]["families"] for place in places],
                "coordinators": [place["coordinators"][contrast["arm"]] for place in places],
                **{name: found[contrast["name"], outcome.name][name] + 0 for name in STATISTICS},
                "note": [place["note"] for place in places],
            }
        )
        for contrast in contrasts
        for outcome in OUTCOMES
    ]
    if not blocks:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(
        blocks
    )  # the index is the number of the place: sorting by it keeps contrasts and outcomes in order
    return table[table["replicates"] > 0].sort_index(kind="stable").reset_index(drop=True)


# ---- in the report ---------------------------------------------------------------------------------------------------


def known(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The places of a run's study; none where it is of one place."""
    return list(manifest["study"].get("places") or ())


def opening(manifest: Manifest, lang: str) -> Iterator[Block]:
    """On the first page: that what follows is of all places together, and what none of it is."""
    places = known(manifest)
    if places:
        yield Text(say("places.totals", lang, places=number(len(places), lang)))
        if any(place["note"] for place in places):
            yield Text(say("places.nothing_is_data", lang))


def blocks(table: pd.DataFrame, manifest: Manifest, contrasts: list[dict[str, Any]], lang: str) -> Iterator[Block]:
    """The headline differences in each place, in alphabetical order, a table a contrast.

    Parameters
    ----------
    table : ``places.csv``, with titles instead of names
    manifest : of the run, with titles
    contrasts : those to tell of
    """
    if not len(table):
        return
    yield Text(say("places.how_to_read", lang))
    inferred = sum(place["note"] == "inferred" for place in known(manifest))
    if inferred:
        yield Text(say("places.inferred", lang, places=number(inferred, lang)))
    borrowed = Counter(str(place["profile"]["title"]) for place in known(manifest) if place["note"] == "borrowed")
    for profile, count in borrowed.items():
        yield Text(say("places.borrowed", lang, places=number(count, lang), profile=profile))
    notes = {str(place["name"]): str(place["note"]) for place in known(manifest)}
    wanted = table[table["outcome"].isin(HEADLINES)]
    columns = (
        Column(say("places.place", lang)),
        Column(say("places.families", lang), number=True),
        Column(say("report.coordinators", lang), number=True),
        *(Column(f"{say(f'panel.{name}_short', lang)}, {words.unit(name, lang)}", number=True) for name in HEADLINES),
    )
    for contrast in contrasts:
        rows = wanted[wanted["contrast"] == contrast["name"]].to_dict("records")
        by_place: dict[str, dict[str, dict[Any, Any]]] = {}
        for row in rows:
            by_place.setdefault(str(row["place"]), {})[str(row["outcome"])] = row
        lines = []
        for place, found in by_place.items():
            first = next(iter(found.values()))
            note = say("places.not_data", lang, place=place) if notes.get(place) else ""
            cells = [_difference(found[name], lang) if name in found else Cell("–") for name in HEADLINES]
            counts = (number(float(first[name]), lang) for name in ("families", "coordinators"))
            lines.append(Row.of(Cell(place, note), *counts, *cells))
        caption = say(
            "places.caption", lang, contrast=contrast["name"], months=number(float(manifest["horizon"]), lang)
        )
        yield Table(caption, columns, tuple(lines), CSV)


def _difference(row: Mapping[Any, Any], lang: str) -> Cell:
    """The mean, and the middle 90 % of draws."""
    outcome = str(row["outcome"])
    spread = words.plain_range(float(row["p05"]), float(row["p95"]), outcome, lang)
    return Cell(words.plain(float(row["mean"]), outcome, lang), f"({spread})")
