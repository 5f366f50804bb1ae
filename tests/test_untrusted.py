"""Files from strangers are taken, or refused in one line; none leads out of its folder. The long run: ``fuzz.py``."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import fuzz
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import made_up_runs
from small_study import SMALL
from test_report import finished, study

import run
from results import report, save_run
from results.costs import load_costs
from results.provenance import seal
from results.run_folder import read_lives, read_manifest, read_tables
from scenarios.comparison import _say_failed
from scenarios.files import toml_value
from scenarios.folders import open_folder
from scenarios.own_figures import read_figures
from scenarios.study import load_study, study_of
from simulation import posterior
from simulation.errors import InputError
from simulation.parameters import parameter_names
from simulation.posterior import load_posterior
from simulation.runner import ChunkStore
from simulation.unpacked import unpacked_bytes

QUICK = [
    fuzz.a_study,
    fuzz.an_override,
    fuzz.a_profile,
    fuzz.own_figures,
    fuzz.unit_costs,
    fuzz.targets,
    fuzz.a_posterior,
    fuzz.a_link,
    fuzz.a_trial,
    fuzz.stated_values,
]
OUT = ["../other.toml", "a/../../other.toml", "/etc/other.toml", "C:\\other.toml", "..\\other.toml"]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.__name__)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**63))
def test_whatever_is_changed_in_a_right_file_it_is_taken_or_refused_in_one_line(case: fuzz.Case, seed: int) -> None:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            assert fuzz.one(case, random.Random(seed), Path(folder)) in {"taken", "refused"}
        finally:
            os.chdir(here)


# ---- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", OUT)
@pytest.mark.parametrize("key", ["profile", "posterior", "costs"])
def test_a_study_names_no_file_outside_its_folder(tmp_path: Path, key: str, out: str) -> None:
    text = SMALL.replace('profile = "oygarden"\n', "") if key == "profile" else SMALL
    (tmp_path / "in").mkdir()
    (tmp_path / "other.toml").write_text("not for the eyes of others", encoding="utf-8")
    path = tmp_path / "in" / "study.toml"
    path.write_text(text.replace("seed = 5", f"seed = 5\n{key} = '{out}'"), encoding="utf-8")
    with pytest.raises(InputError, match="leads out of the folder") as caught:
        load_study(path)
    assert caught.value.key == f"study.{key}"


@pytest.mark.parametrize("out", OUT)
def test_no_file_extends_one_outside_its_folder(tmp_path: Path, out: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"extends = '{out}'\n", encoding="utf-8")
    for read in (load_study, load_costs):
        with pytest.raises(InputError, match="leads out of the folder"):
            read(path)
    figures = tmp_path / "own.csv"
    figures.write_text(f"quantity,value,n\nbase,{out},\nfamilies,60,\n", encoding="utf-8")
    with pytest.raises(InputError, match="leads out of the folder"):
        read_figures(figures)


def test_the_command_line_may_name_any_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "study.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "costs.toml").write_text('extends = "2025.toml"\ntravel = 100\n', encoding="utf-8")
    study = load_study(tmp_path / "in" / "study.toml", [f"study.costs={tmp_path / 'costs.toml'}"])
    assert study.costs.travel == 100


def test_a_link_within_a_folder_from_elsewhere_is_not_followed_to_write(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chunks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        ChunkStore(tmp_path / "chunks", "", resume=True)
    with pytest.raises(InputError, match="is a link"), open_folder(tmp_path):
        pytest.fail("was let in")
    folder = tmp_path / "run"
    save_run(folder, study(), finished(made_up_runs(6, 2)), figures=False)
    (folder / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        report.remake(folder)
    assert not list((tmp_path / "elsewhere").iterdir())


# ---- sizes and depths ------------------------------------------------------------------------------------------------


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    rows = 30_000_000
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([0.5]))
    pq.write_table(pa.table({parameter_names()[0]: column}), path, compression="zstd")
    assert path.stat().st_size < 1_000_000  # and 240 MB unpacked
    with pytest.raises(InputError, match="too large"):
        load_posterior(str(path))


def test_a_page_that_unpacks_to_more_than_the_footer_says_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rows = tmp_path / "liar.parquet", 1_000_000
    column = pa.table({parameter_names()[0]: np.zeros(rows)})
    one_page = {"data_page_size": 2**30, "write_batch_size": rows, "max_rows_per_page": rows}
    pq.write_table(column, path, compression="zstd", use_dictionary=False, write_statistics=False, **one_page)
    content, group = path.read_bytes(), pq.read_metadata(path).row_group(0)
    size = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - size : -8]
    for real, said in ((rows, 1_000), (group.total_byte_size, 8_000)):
        assert varint(real) in footer
        footer = footer.replace(varint(real), varint(said, len(varint(real))))
    path.write_bytes(content[: -8 - size] + footer + content[-8:])
    lies = pq.read_metadata(path)
    assert (lies.num_rows, lies.row_group(0).total_byte_size) == (1_000, 8_000)
    monkeypatch.setattr(posterior, "LARGEST_UNPACKED", 1_000_000)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("was unpacked"))
    with pytest.raises(InputError, match="too large"):
        load_posterior(str(path))


def varint(number: int, length: int = 0) -> bytes:
    """A number as Thrift's compact protocol writes it, in more bytes than it needs where that is asked for."""
    left, found = 2 * number, []
    while left or len(found) < length:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found[:-1], found[-1] & 0x7F])


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_are_counted_as_they_are_unpacked(tmp_path: Path, compression: str, version: str) -> None:
    path = tmp_path / "right.parquet"
    table = pa.table({"a": np.arange(9_000.0), "b": np.arange(9_000) % 7})
    pq.write_table(
        table, path, compression=compression, data_page_version=version, data_page_size=5_000, row_group_size=4_000
    )
    footer = pq.read_metadata(path)
    said = sum(footer.row_group(k).total_byte_size for k in range(footer.num_row_groups))  # with the heads of pages
    assert 0.9 * said < unpacked_bytes(path.read_bytes(), footer, 10**9) < said
    assert 1_000 < unpacked_bytes(path.read_bytes(), footer, 1_000) < said


@pytest.mark.parametrize("column", [["a" * 1_000] * 9, [[0.1]] * 9, [{"a": 0.1}] * 9], ids=["text", "lists", "tables"])
def test_a_posterior_of_anything_but_numbers_is_refused_before_it_is_unpacked(
    tmp_path: Path, column: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({parameter_names()[0]: column}), path)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("was unpacked"))
    with pytest.raises(InputError, match="is not a column of numbers"):
        load_posterior(str(path))


def test_a_posterior_is_no_folder_and_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.parquet")
    for path in (tmp_path, tmp_path / "pipe.parquet"):
        with pytest.raises(InputError, match="cannot be read"):
            load_posterior(str(path))


@pytest.mark.parametrize(
    "text", ["a" + ".a" * 100_000 + " = 1", "x = " + "[" * 5_000 + "]" * 5_000, "x = " + "9" * 4_999]
)
def test_the_study_within_a_manifest_is_bounded_as_a_file_is(tmp_path: Path, text: str) -> None:
    right = load_study("services")
    with pytest.raises(InputError):
        study_of(text, right.profile, "prior", right.costs, tmp_path / "manifest.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            ("arms", "ten"),
            ("contrasts", [1]),
            ("contrasts", [{"name": "x", "arm": "no", "against": "such"}]),
            ("study", []),
        ),
        *(("horizon", 10**12), ("tables", "x"), ("failures", 1), ("study_name", {"a": 1})),
        *(("failures", [1]), ("failures", ["x"]), ("failures", [{}])),
        *(("failures", [{"replicate": 0, "draw": 0, "traceback": " "}]),),
    ],
)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, key: str, value: object) -> None:
    save_run(tmp_path, study(), finished(made_up_runs(6, 2)), figures=False)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | {key: value}
    path.write_text(json.dumps(manifest | {"seal": seal(manifest)}), encoding="utf-8")
    with pytest.raises(InputError, match=key):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("name", "size", "read"),
    [
        ("manifest.json", 20_000_001, read_manifest),
        ("lives.json", 20_000_001, read_lives),
        ("reach.csv", 500_000_001, read_tables),
    ],
)
def test_no_file_of_a_runs_folder_is_read_that_is_too_large(
    tmp_path: Path, name: str, size: int, read: Callable[[Path], object]
) -> None:
    save_run(tmp_path, study(), finished(made_up_runs(6, 2)), figures=False)
    (tmp_path / name).touch()
    os.truncate(tmp_path / name, size)  # of nothing: it takes no room
    with pytest.raises(InputError, match="is larger than") as caught:
        read(tmp_path)
    assert str(caught.value.file).endswith(name)


def test_half_a_letter_in_a_manifest_is_refused_since_it_can_be_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"study_name": "\\ud800"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be read: .*surrogates not allowed"):
        read_manifest(tmp_path)


def test_a_manifest_of_a_hundred_thousand_brackets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("levels", [12, 2_000, 100_000])
def test_a_key_of_many_levels_is_refused_in_one_short_line(tmp_path: Path, levels: int) -> None:
    (tmp_path / "study.toml").write_text(SMALL, encoding="utf-8")
    for head in ("arm.ten.", "study.", "parameters."):
        with pytest.raises(InputError, match="nested deeper than 10") as caught:
            load_study(tmp_path / "study.toml", [f"{head}{'a.' * levels}a=1"])
        assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("note", [b"[" * 100_000, b"\xff", b"[1]", b""])
def test_where_a_note_is_damaged_chunks_and_pieces_tell_what_they_are_of(tmp_path: Path, note: bytes) -> None:
    assert fuzz.read_notes(tmp_path, note) == "taken"


def test_a_note_of_another_run_is_refused(tmp_path: Path) -> None:
    assert fuzz.read_notes(tmp_path, b'{"inputs": 1}') == "refused"


def test_pieces_with_something_else_than_numbers_are_made_again(tmp_path: Path) -> None:
    assert fuzz.read_pieces(tmp_path, fuzz.a_piece()) == "taken"
    (tmp_path / "piece.parquet").write_bytes(fuzz.a_piece())
    sealed = pq.read_schema(tmp_path / "piece.parquet").metadata
    for other in (["x", "y", "z"], [[1.0], [2.0], [3.0]], [None, {"a": 1}, None], [0.5, 0.5, 0.25]):
        table = pa.table({"a": [0.0, 1.0, 2.0], "b": other}).replace_schema_metadata(sealed)
        assert fuzz.read_pieces(tmp_path, fuzz.parquet(table, "snappy")) == "refused"


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_no_message_moves_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "\x1b[2J\u202e.toml"
    path.write_text('[study]\n"\\u001b[31m" = 1\n', encoding="utf-8")
    assert run.main(["compare", str(path)]) == 2
    said = capsys.readouterr().err
    assert "\\x1b[2J\\u202e.toml" in said
    assert said.count("\n") == 1
    assert all(letter.isprintable() for letter in said.removesuffix("\n"))


@pytest.mark.parametrize("letters", ["\x1b[2J", "\x07", "\u202e", "\x9b31m"])
@pytest.mark.parametrize(
    ("after", "key"),
    [
        *(('name = "small"', f"study.{key}") for key in ("title_nb", "title_en", "title", "question")),
        ('name = "ten"', "arm.ten.title_nb"),
        ('name = "10 vs 20"', "contrast.10 vs 20.title_en"),
    ],
)
def test_no_text_of_a_study_moves_the_cursor(tmp_path: Path, after: str, key: str, letters: str) -> None:
    path = tmp_path / "study.toml"
    line = f"{key.rpartition('.')[2]} = {toml_value(f'Owned {letters}')}"
    path.write_text(SMALL.replace(after, f"{after}\n{line}"), encoding="utf-8")
    with pytest.raises(InputError, match="letters that cannot be shown") as caught:
        load_study(path)
    assert (caught.value.key or "").replace("'", "") == key
    assert str(caught.value).isprintable()


def test_a_question_may_have_lines_and_numbers_spaces_that_do_not_break(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    told = 'question = """Ten,\n\tor twenty?"""\ntitle_nb = "10\xa0000 familier"'
    path.write_text(SMALL.replace("seed = 5", f"seed = 5\n{told}"), encoding="utf-8")
    assert load_study(path).content.study.title_nb == "10\xa0000 familier"


def test_no_name_of_a_strangers_manifest_moves_the_cursor(tmp_path: Path) -> None:
    save_run(tmp_path, study(), finished(made_up_runs(6, 2)), figures=False)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["contrasts"][0]["name"] = "\x1b[2J"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be shown"):
        read_manifest(tmp_path)


def test_a_strangers_traceback_does_not_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert _say_failed([{"replicate": 1, "draw": 0, "traceback": "x\n\x1b[2Jowned"}]) == 1
    assert "\\x1b[2Jowned" in (said := capsys.readouterr().err)
    assert "\x1b" not in said
