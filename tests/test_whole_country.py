"""Studies over many places: each a municipality of its own, and all of them together."""

from __future__ import annotations

import csv
import itertools
import json
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import load_study
from scenarios.comparison import compare, main, save
from scenarios.places import INHABITANTS, alphabetical, inhabitants, share_out
from scenarios.profiles import load_profile
from scenarios.schema import MIN_FAMILIES
from scenarios.study import Study
from scenarios.vestland import ranking
from simulation.engine import at_month_zero, luck_of, run_replicate
from simulation.errors import InputError
from simulation.names import NO_WORK
from simulation.outcomes import OUTCOME_NAMES
from simulation.runner import run_study

HEAD = """
[study]
name = "places"
profile = "oygarden"
posterior = "prior"
horizon_months = 12
burn_in_months = 24
replicates = 4
seed = 3
"""
ARMS = """
[[arm]]
name = "ordinary"
[[arm]]
name = "ten"
families_per_coordinator = 30
caseload = 10
"""
OYA = '[[place]]\nname = "Øya"\nfamilies = 60\n'
BO = '[[place]]\nname = "Bø"\nfamilies = 30\n'
AS = '[[place]]\nname = "Ås"\nprofile = "vestland/Osterøy"\nfamilies = 50\n'
LANDE = '[[place]]\nname = "=Lande"\nfamilies = 40\n'
EMPLOYED = OUTCOME_NAMES.index("employed_share")
ELIGIBLE, HORIZON = 1, -1


@pytest.fixture
def study_of(tmp_path: Path) -> Any:
    """A function from places to their study."""

    def make(*parts: str, head: str = HEAD, arms: str = ARMS, sets: Sequence[str] = ()) -> Study:
        path = tmp_path / "places.toml"
        path.write_text(head + "".join(parts) + arms, encoding="utf-8")
        return load_study(path, sets)

    return make


def ran(study: Study, **options: Any) -> Any:
    return run_study(study.arms, study.contrasts, replicates=4, seed=study.seed, workers=2, **options)


def of_places(finished: Any, study: Study) -> dict[str, Any]:
    """(R, A, K) of each place, by name."""
    found = np.stack([values for _, _, values in finished.places])
    return {place.name: found[:, p] for p, place in enumerate(study.places)}


def same(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True)


# ---- each place ------------------------------------------------------------------------------------------------------


def test_a_place_alone_is_the_place_within_the_study(study_of: Any) -> None:
    together, alone = study_of(AS, OYA, BO), study_of(OYA)
    assert same(of_places(ran(together), together)["Øya"], of_places(ran(alone), alone)["Øya"])


def test_a_place_of_the_study_is_an_ordinary_municipality_with_its_own_luck(study_of: Any) -> None:
    study = study_of(AS, OYA)
    arms = [plan.in_places()[1] for plan in study.arms]
    runs = run_study(arms, study.contrasts, replicates=4, seed=study.seed).runs
    assert same(of_places(ran(study), study)["Ås"], runs.study[:, :, ELIGIBLE, HORIZON])


def test_the_order_of_the_file_changes_nothing(study_of: Any) -> None:
    one, other = study_of(AS, OYA, BO), study_of(BO, AS, OYA)
    assert one.resolved() == other.resolved()
    assert same(ran(one).runs.study, ran(other).runs.study)


def test_two_places_that_are_alike_but_for_their_names_have_luck_of_their_own(study_of: Any) -> None:
    study = study_of(BO, BO.replace("Bø", "By"))
    found = of_places(ran(study), study)
    assert not same(found["Bø"], found["By"])
    assert luck_of(3, "Bø") != luck_of(3, "By") != luck_of(4, "By")
    assert luck_of(3, "") == 3


def test_places_share_the_draw_of_parameters_of_a_study_of_one(study_of: Any) -> None:
    one = study_of(head=HEAD + "[pool]\nfamilies = 40\n")
    pd.testing.assert_frame_equal(ran(study_of(AS, OYA)).draws, ran(one).draws)


# ---- all of them -----------------------------------------------------------------------------------------------------


def test_a_share_of_all_is_parents_in_work_over_parents_in_all_places(study_of: Any) -> None:
    study = study_of(AS, OYA, BO)
    runs = ran(study).runs
    for a, plan in enumerate(study.arms):
        for replicate in range(4):
            working = parents = 0
            for here in plan.in_places():
                families = run_replicate(here, seed=study.seed, replicate=replicate, months=12).families
                theirs = families[families["eligible_at_start"] == 1]["parent"]
                parents += int((theirs["present"] == 1).sum())
                working += int(((theirs["present"] == 1) & (theirs["work"] != NO_WORK)).sum())
            assert runs.study[replicate, a, ELIGIBLE, HORIZON, EMPLOYED] == working / parents


def test_money_and_families_of_all_are_sums_over_places(study_of: Any) -> None:
    study = study_of(AS, OYA, BO)
    total = ran(study).runs
    each = [
        run_study([plan.in_places()[p] for plan in study.arms], study.contrasts, replicates=4, seed=study.seed).runs
        for p in range(3)
    ]
    for part in ("flows", "followed_families", "group_families"):
        np.testing.assert_allclose(getattr(total, part), sum(getattr(runs, part) for runs in each), rtol=1e-12)
    assert total.followed_families.sum() > 0


def test_a_study_of_one_place_in_a_list_of_one_has_the_totals_of_that_place(study_of: Any) -> None:
    study = study_of(OYA)
    arms = [plan.in_places()[0] for plan in study.arms]
    one = run_study(arms, study.contrasts, replicates=4, seed=study.seed).runs
    total = ran(study).runs
    parts = [name for name in vars(one) if isinstance(getattr(one, name), np.ndarray)]
    assert "paired" in parts
    assert [name for name in parts if not same(getattr(one, name), getattr(total, name))] == []


def test_a_run_that_goes_on_and_one_with_other_chunks_give_the_same(study_of: Any, tmp_path: Path) -> None:
    study = study_of(AS, OYA)
    whole = ran(study)
    ran(study, chunks_dir=tmp_path / "chunks", chunk=1)
    (tmp_path / "chunks" / "chunk-000001-000001.parquet").unlink()
    (tmp_path / "chunks" / "chunk-000002-000002.parquet").write_bytes(b"half")
    again = ran(study, chunks_dir=tmp_path / "chunks", chunk=3, resume=True)
    assert again.chunks_resumed == 2
    parts = [name for name in vars(whole.runs) if isinstance(getattr(whole.runs, name), np.ndarray)]
    assert [name for name in parts if not same(getattr(whole.runs, name), getattr(again.runs, name))] == []
    for _ in range(2):  # they can be gone through again
        for (number, draw, values), (number_2, draw_2, values_2) in zip(whole.places, again.places, strict=True):
            assert (number, draw) == (number_2, draw_2)
            assert same(values, values_2)


def test_a_replicate_in_which_a_place_fails_is_left_out_whole_and_names_the_place(
    study_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import simulation.engine as engine

    study, burn_in = study_of(AS, OYA), engine.new_world

    def failing(plan: Any, seed: int, replicate: int, values: Any) -> Any:
        if plan.place == "Ås" and replicate == 2:
            raise ZeroDivisionError("broken")
        return burn_in(plan, seed, replicate, values)

    monkeypatch.setattr(engine, "new_world", failing)
    finished = ran(study)
    assert finished.runs.replicate.tolist() == [0, 1, 3] == [number for number, _, _ in finished.places]
    assert "RuntimeError: Ås: ZeroDivisionError('broken')" in finished.failures[0]["traceback"]


# ---- coordinators by the size of the pool ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("families", "per_coordinator", "coordinators"),
    [(60, 30, 2), (60, 200, 1), (290, 200, 1), (310, 200, 2), (1000, 200, 5), (10, 200_000, 1)],
)
def test_coordinators_follow_families_in_whole_numbers_and_there_is_one_at_least(
    study_of: Any, families: int, per_coordinator: int, coordinators: int
) -> None:
    place = f'[[place]]\nname = "Her"\nfamilies = {families}\n'
    study = study_of(place, arms=ARMS.replace("coordinator = 30", f"coordinator = {per_coordinator}"))
    assert [plan.in_places()[0].coordinators for plan in study.arms] == [0, coordinators]


def test_coordinators_of_the_study_are_those_of_its_places(study_of: Any) -> None:
    study = study_of(AS, OYA, BO)
    assert [here.coordinators for here in study.arm("ten").places] == [1, 2, 2]
    assert study.arm("ten").coordinators == 5
    assert study.resolved()["places"][1]["coordinators"] == {"ordinary": 0, "ten": 2}


def test_one_place_can_be_staffed_by_its_size_too(study_of: Any) -> None:
    assert study_of(head=HEAD + "[pool]\nfamilies = 95\n").arm("ten").coordinators == 3


# ---- the lists that come with the program ----------------------------------------------------------------------------


def test_the_places_of_norway_are_its_municipalities_of_2020_the_four_largest_by_district() -> None:
    with INHABITANTS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["municipality"] for row in rows}) == 356
    assert {row["municipality"] for row in rows if row["district"]} == {"Oslo", "Bergen", "Trondheim", "Stavanger"}
    left_out = 1_471 + 1_610 + 2_386 + 569 + 255 + 513  # Sentrum and Marka of Oslo, and those of unknown district
    assert sum(inhabitants().values()) + left_out == 5_367_580  # Statistics Norway, 1 January 2020
    assert set(ranking()) - {"Bergen"} <= set(inhabitants())


def test_the_whole_country_has_as_many_families_as_it_says_by_inhabitants() -> None:
    study = load_study("norway")
    sizes = {place.name: place.profile.families for place in study.places}
    assert sum(sizes.values()) == study.profile.families == study.arms[0].families == 100_000
    assert set(sizes) == set(inhabitants())
    assert sizes["Utsira"] == MIN_FAMILIES
    assert sizes["Bærum"] / sizes["Asker"] == pytest.approx(127_731 / 94_441, rel=0.01)
    assert {place.note for place in study.places} == {"borrowed"}
    assert study.horizon_months == 120


def test_every_municipality_of_vestland_is_a_place_inferred_from_its_ranks() -> None:
    study = load_study("vestland")
    assert {place.name for place in study.places} == set(ranking())
    assert {place.note for place in study.places} == {"inferred"}
    assert all(place.profile == load_profile(f"vestland/{place.name}") for place in study.places[::9])
    fewer = load_study("vestland", ["pool.families=1000"])
    assert sum(place.profile.families for place in fewer.places) == 1000


def test_a_place_of_ones_own_takes_the_place_of_the_listed_one(study_of: Any) -> None:
    own = '[places]\nof = "vestland"\n[[place]]\nname = "Osterøy"\nprofile = "nav-fana"\nfamilies = 77\n'
    study = study_of(own, sets=["pool.families=5000", "place.Osterøy.families=78"])
    found = {place.name: place for place in study.places}
    assert len(found) == 43
    assert (found["Osterøy"].note, found["Osterøy"].profile.name) == ("borrowed", "nav-fana")
    assert found["Osterøy"].profile.families == 78
    assert sum(place.profile.families for place in study.places) == 5078


@given(st.dictionaries(st.text(max_size=5), st.floats(1, 1e6), min_size=1, max_size=30), st.integers(0, 10_000))
def test_families_are_shared_out_to_the_last_and_no_place_has_too_few(weights: dict[str, float], more: int) -> None:
    families = MIN_FAMILIES * len(weights) + more
    shares = share_out(families, weights)
    assert sum(shares.values()) == families
    assert min(shares.values()) >= MIN_FAMILIES
    by_weight = [shares[name] for name in sorted(weights, key=lambda name: (weights[name], -shares[name]))]
    assert all(b >= a - 1 for a, b in itertools.pairwise(by_weight))


def test_names_are_sorted_as_norwegians_do() -> None:
    names = ["Ås", "Østre Toten", "Ærø", "Åmot", "Bø", "Zoo", "bodø", "Aure", "Kárášjohka", "Karmøy"]
    right = ["Aure", "bodø", "Bø", "Kárášjohka", "Karmøy", "Zoo", "Ærø", "Østre Toten", "Åmot", "Ås"]
    assert sorted(names, key=alphabetical) == right


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "sets", "key", "problem"),
    [
        ([OYA, OYA], [], "place.2.name", "stands there twice"),
        (['[[place]]\nname = ""\n'], [], "place.1.name", "is not allowed"),
        (["[[place]]\nfamilies = 20\n"], [], "place.1.name", "is missing"),
        ([OYA], ["place.Øya.families=9"], "place.Øya.families", "9"),
        ([OYA], ["place.Øya.profile=nowhere"], "place.Øya.profile", "no profile 'nowhere'"),
        ([OYA], ["place.Øya.inhabitants=9"], "place.Øya.inhabitants", "unknown key"),
        ([OYA], ["pool.families=900"], "pool.families", "is of one place"),
        (['[places]\nof = "sweden"\n'], [], "places.of", "sweden"),
        (['[places]\nof = "norway"\n'], [], "pool.families", "is missing"),
        (['[places]\nof = "norway"\n'], ["pool.families=3000"], "pool.families", "3000 for 388 places"),
        ([OYA, BO], ["arm.ten.coordinators=1"], "arm.ten.families_per_coordinator", "beside coordinators"),
        ([OYA, BO], ["arm.ten.families_per_coordinator=0"], "arm.ten.families_per_coordinator", "0"),
        (
            [OYA, '[[place]]\nname = "By"\nfamilies = 100000\n'],
            [],
            "arm.ten.families_per_coordinator",
            "3333 coordinators for the 100000 families",
        ),
        ([OYA, BO], ["arm.ten.services.work.places=3"], "arm.ten.services.work.places", "places of every size"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_places_is_told_by_its_key(
    study_of: Any, parts: list[str], sets: list[str], key: str, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        study_of(*parts, sets=sets)
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert caught.value.file is not None
    assert caught.value.allowed


def test_a_caseload_needs_coordinators_or_their_number_by_families(study_of: Any) -> None:
    with pytest.raises(InputError, match="caseload"):
        study_of(OYA, arms='[[arm]]\nname = "ten"\nfamilies_per_coordinator = 30\n')


def test_what_is_about_one_place_refuses_a_study_over_many(study_of: Any) -> None:
    study = study_of(OYA, BO)
    with pytest.raises(InputError, match="over 2 places"):
        study.of_one_place()
    with pytest.raises(InputError, match="many places"):
        at_month_zero(study.arms[0], seed=1, replicate=0)
    fewer = replace(study.arms[1], places=study.arms[1].places[:1])
    with pytest.raises(InputError, match="the same places in all arms"):
        run_study([study.arms[0], fewer], [], replicates=2, seed=1)


def test_what_is_set_of_a_place_is_told_as_a_change_and_its_own_file_is_an_input(study_of: Any, tmp_path: Path) -> None:
    from scenarios.changes import changes_of
    from scenarios.comparison import _inputs

    (tmp_path / "mine.toml").write_text('extends = "oygarden"\n', encoding="utf-8")
    study = study_of(OYA + 'profile = "mine.toml"\n', sets=["place.Øya.families=70"])
    assert changes_of(study) == [{"key": "place.Øya.families", "from": 60, "to": 70}]
    assert set(_inputs(study, None)) >= {"places.toml", "mine.toml"}
    assert study.places[0].note == ""
    fewer = load_study("vestland", ["pool.families=900"])
    assert changes_of(fewer) == [{"key": "pool.families", "from": None, "to": 900}]


def test_a_study_over_places_is_written_as_toml_and_read_back(study_of: Any, tmp_path: Path) -> None:
    study = study_of(AS, OYA, LANDE, BO)
    path = tmp_path / "again.toml"
    path.write_text(study.to_toml(), encoding="utf-8")
    assert load_study(path).resolved() == study.resolved()
    vestland = load_study("vestland", ["pool.families=900"])
    path.write_text(vestland.to_toml(), encoding="utf-8")
    assert load_study(path).resolved() == vestland.resolved()


# ---- the folder of a run ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four places in the report's English."""
    home = tmp_path_factory.mktemp("country")
    (home / "places.toml").write_text(HEAD + AS + LANDE + OYA + BO + ARMS, encoding="utf-8")
    compare(home / "places.toml", workers=2).save(home / "run", lang="en")
    return home / "run"


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "places.csv", keep_default_na=False, na_values={"mean": [""]})


def test_places_stand_in_alphabetical_order_whatever_their_results(folder: Path) -> None:
    places = table(folder)["place"].unique().tolist()
    assert places == ["'=Lande", "Bø", "Øya", "Ås"]  # a name that a spreadsheet might run is kept from it
    first = pd.read_parquet(folder / "places.parquet")
    assert first["place"].iloc[: 4 * 2].unique().tolist() == ["=Lande", "Bø", "Øya", "Ås"]


def test_the_table_of_places_is_made_of_their_replicates(folder: Path) -> None:
    rows, replicates = table(folder), pd.read_parquet(folder / "places.parquet")
    assert len(replicates) == 4 * 4 * 2
    assert replicates.groupby("place", observed=True)["note"].unique().map(list).to_dict() == {
        "=Lande": ["borrowed"],
        "Bø": ["borrowed"],
        "Øya": ["borrowed"],
        "Ås": ["inferred"],
    }
    row = rows[(rows["place"] == "Øya") & (rows["outcome"] == "disposable_income")].iloc[0]
    mine = replicates[replicates["place"] == "Øya"].set_index(["arm", "replicate"])["disposable_income"]
    assert row["mean"] == pytest.approx((mine["ten"] - mine["ordinary"]).mean(), rel=1e-9)
    assert (row["families"], row["coordinators"], row["note"]) == (60, 2, "borrowed")
    assert rows[rows["place"] == "Ås"]["note"].unique().tolist() == ["inferred"]
    assert {"ci_low", "ci_high", "p05", "p95", "prob_better", "replicates", "contrast", "unit"} <= set(rows.columns)


def test_the_report_tells_of_all_first_and_says_at_each_inferred_place_that_it_is_not_data(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    names = ["=Lande", "Bø", "Øya", "Ås"]
    found = [page.index(f"not data about {name}") for name in names]
    assert found == sorted(found)
    assert page.index("The answers here are of all 4 places together") < found[0]
    assert "no ranking" in page
    assert "Families assumed from a ranking of municipalities: 1 of the places" in page
    assert "Families and services of the profile Øygarden, in the place&#39;s own number: 3 of the places" in page


def test_a_run_over_places_is_run_again_from_its_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scenarios.verify import verify

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [place["name"] for place in manifest["study"]["places"]] == ["=Lande", "Bø", "Øya", "Ås"]
    assert {"places.csv", "places.parquet"} <= set(manifest["tables"])
    assert not {"places", "place", "profile"} & set(manifest["study"]["arms"][0])
    assert verify(folder, workers=2, quiet=True) == 0, capsys.readouterr().err


def test_a_run_of_one_place_in_the_folder_of_a_run_over_places_leaves_no_places(folder: Path, tmp_path: Path) -> None:
    from results.places import save as save_places

    for name in ("places.csv", "places.parquet"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    save_places(tmp_path, {"study": {}}, ())
    assert list(tmp_path.iterdir()) == []


def test_of_places_no_more_than_two_chunks_are_in_memory_where_they_are_stored(study_of: Any, tmp_path: Path) -> None:
    study = study_of(AS, OYA)
    assert len(ran(study).places.held) == 4
    finished = ran(study, chunks_dir=tmp_path / "chunks", chunk=1)
    assert not finished.places.held
    met: list[weakref.ref[Any]] = []
    for _, _, values in finished.places:
        met.append(weakref.ref(values.base))
        assert sum(ref() is not None for ref in met) <= 2
    assert len(met) == 4


def test_the_command_goes_on_where_a_run_over_places_was_broken_off(
    study_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argparse

    study_of(AS, OYA)
    folder = tmp_path / "run"
    options = dict(replicates=None, seed=None, precision=None, set=[], force=False, workers=1, cluster=None, lang="en")
    args = argparse.Namespace(study=tmp_path / "places.toml", out=folder, quiet=True, **options)

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("results.places.write_replicates", stop)
        with pytest.raises(KeyboardInterrupt, match="--resume"):
            main(argparse.Namespace(resume=False, **vars(args)))
    assert main(argparse.Namespace(resume=True, **vars(args))) == 0
    whole = compare(tmp_path / "places.toml", workers=1)
    save(tmp_path / "whole", whole.study, whole.finished, "en", beside=whole.beside, figures=False)
    for name in ("places.csv", "places.parquet", "differences.csv", "outcomes.csv", "costs.csv"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
