"""Long work in pieces: what is stored is what was made, or it is made again."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration import staged
from calibration.pieces import INPUTS, run_pieces
from simulation.errors import InputError
from simulation.outcomes import FloatArray

COLUMNS = ["a", "b", "c"]
ROWS = np.random.default_rng(1).normal(size=(3, 20, 3))


def pieces(folder: Path, inputs: str = "these", made: list[int] | None = None) -> FloatArray:
    """The rows, and in ``made`` which pieces were made now."""

    def work(k: int) -> FloatArray:
        if made is not None:
            made.append(k)
        return ROWS[k]

    return run_pieces(work, [20] * 3, COLUMNS, inputs, folder=folder, workers=1)


def test_no_bit_that_turned_over_is_read_as_another_number(tmp_path: Path) -> None:
    whole = pieces(tmp_path).tobytes()
    path = tmp_path / "rows-00001.parquet"
    right, chance = path.read_bytes(), random.Random(1)
    remade = 0
    for _ in range(200):
        bad = bytearray(right)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        made: list[int] = []
        assert pieces(tmp_path, made=made).tobytes() == whole
        remade += made == [1]
        path.write_bytes(right)
    assert remade > 50


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({name: ["x"] * 20 for name in COLUMNS}),
        pd.DataFrame(ROWS[0], columns=COLUMNS),  # another piece of the same form, or of a version that kept no seal
        pd.DataFrame(ROWS[1][:9], columns=COLUMNS),
    ],
    ids=["text", "no seal", "fewer rows"],
)
def test_what_is_no_such_piece_is_made_again(tmp_path: Path, table: pd.DataFrame) -> None:
    whole = pieces(tmp_path).tobytes()
    table.to_parquet(tmp_path / "rows-00001.parquet")
    (tmp_path / "rows-00002.parquet").write_bytes((tmp_path / "rows-00000.parquet").read_bytes())
    made: list[int] = []
    assert pieces(tmp_path, made=made).tobytes() == whole
    assert made == [1, 2]


@pytest.mark.parametrize("left", [None, b"", b"{", b"[]"], ids=["gone", "empty", "half", "a list"])
def test_pieces_whose_note_is_lost_are_taken_up_where_they_are_of_these_inputs_and_kept_where_not(
    tmp_path: Path, left: bytes | None
) -> None:
    whole = pieces(tmp_path).tobytes()
    note = tmp_path / INPUTS

    def lose() -> None:
        note.unlink() if left is None else note.write_bytes(left)

    lose()
    made: list[int] = []
    assert pieces(tmp_path, made=made).tobytes() == whole
    assert made == []
    lose()
    stored = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="other inputs"):
        pieces(tmp_path, "others")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored


def test_pieces_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chunks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        pieces(tmp_path / "chunks")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "inputs.json is missing"),
        (b"", "inputs.json: is damaged"),
        (b"[1]", "inputs.json: is damaged"),
        (json.dumps({"seed": 2}).encode(), "other inputs or other code .seed"),
    ],
)
def test_a_long_command_says_what_is_missing_to_go_on(tmp_path: Path, left: bytes | None, said: str) -> None:
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "rows-00000.parquet").write_bytes(b"finished")
    if left is not None:
        (tmp_path / "inputs.json").write_bytes(left)
    with pytest.raises(InputError, match=said):
        staged.check_inputs(tmp_path, {"seed": 1})
    assert (tmp_path / "chunks" / "rows-00000.parquet").read_bytes() == b"finished"
