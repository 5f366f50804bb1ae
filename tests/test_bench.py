"""How fast: the small rule is the same both ways, the figures come out as stated, a pool costs less than its study."""

from __future__ import annotations

import json

import pytest

import run
from simulation import bench
from simulation.small_rule import SmallModel, arena_months, small_pool

TINY = bench.Size(
    runs=1,
    families=40,
    months=2,
    pools=(40, 80),
    replicates=2,
    plain_families=10,
    main_job=False,
    analyses=0,
    chunks=1,
)
RATES = (
    "compiled",
    "compiled_with_outcomes",
    "mesa_compiled",
    "python",
    "small_rule_plain_mesa",
    "small_rule_compiled",
)


def test_the_small_rule_is_the_same_by_hand_and_compiled() -> None:
    pool, town = small_pool(3000)
    model = SmallModel(3000)
    for months in (12, 48):
        arena_months(pool, town, months)
        for _ in range(months):
            model.step()
        by_hand = list(model.agents)
        for low_income in (0, 1):
            share = pool["arena"][pool["low_income"] == low_income].mean()
            other = [sum(family.arena) / 2 for family in by_hand if family.low_income == low_income]
            assert share == pytest.approx(sum(other) / len(other), abs=0.04)  # 4 standard errors of the difference
            assert 0.1 < share < 0.9


def test_bench_gives_every_figure_as_one_json_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "QUICK", TINY)
    assert run.main(["bench", "--quick", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    found = {record["name"]: record["value"] for record in records}
    assert all(set(record) == {"name", "value", "unit"} for record in records)
    assert {*RATES, "small_rule_ratio", "scaling_80", "threads_2", "income_share", "burn_in_share"} <= set(found)
    assert found["overhead_threads"] > 0
    assert all(value > 0 for name, value in found.items() if not name.startswith("overhead"))
    assert found["burn_in_share"] < 0.5  # a pool costs at most what the study costs, which is the rest
    assert found["small_rule_ratio"] == pytest.approx(found["small_rule_compiled"] / found["small_rule_plain_mesa"])
    monkeypatch.setattr(bench, "measure", lambda _: [(1, 1, [bench.Record(**record) for record in records])])
    assert run.main(["bench", "--quick", "--quiet"]) == 0
    printed = capsys.readouterr().out
    for name in found:
        assert name in printed
