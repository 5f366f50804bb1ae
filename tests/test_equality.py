"""One definition of behaviour, two ways to run it: through Mesa and compiled, compiled and plain, to the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest

from scenarios import load_study
from simulation import Family, FamilyModel, ensemble, run_replicate
from simulation.agents import Coordinator, Service
from simulation.compiled import SOURCE_HASH
from simulation.draws import DESK
from simulation.engine import at_month_zero, burn_in, new_world, parameter_values, run_arms, start_arm
from simulation.names import SERVICES
from simulation.outcomes import LEAD_MONTHS, OUTCOME_NAMES
from simulation.plan import Plan

ROOT = Path(load_study.__code__.co_filename).parent.parent
STUDIES = sorted(path.stem for path in (ROOT / "scenarios").glob("*.toml") if not load_study(path).places)
STATE = ("families", "coordinators", "services", "town", "waiting", "placed", "takers", "candidates", "setting")
SCRATCH = {field[0] for field in DESK}  # of the town: room for draws, part of no state
SEED = 11


def small(plan: Plan, families: int = 80) -> Plan:
    return replace(plan, families=families, burn_in_months=24)


def arms() -> list[Any]:
    """Every arm of every shipped study of one place, as it is shipped."""
    return [pytest.param(plan, id=f"{name}-{plan.name}") for name in STUDIES for plan in load_study(name).arms]


MAIN = load_study("caseload-10-vs-20")


def state(holder: Any) -> Iterator[tuple[str, bytes]]:
    """Every field of the state of a municipality (a model or a world), by name, as bytes."""
    for name in STATE:
        array = getattr(holder, name)
        if array.dtype.names is None:
            yield name, array.tobytes()
            continue
        for field in array.dtype.names:
            if name != "town" or field not in SCRATCH:
                yield f"{name}.{field}", np.ascontiguousarray(array[field]).tobytes()


def fields_that_differ(one: Any, other: Any) -> list[str]:
    return [name for (name, a), (_, b) in zip(state(one), state(other), strict=True) if a != b]


def fingerprint(holder: Any) -> dict[str, str]:
    """A hash for every array, of all that is state in it."""
    digests: dict[str, Any] = {}
    for name, content in state(holder):
        digests.setdefault(name.split(".")[0], hashlib.sha256()).update(content)
    return {name: digest.hexdigest() for name, digest in digests.items()}


# ---- Mesa and compiled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", arms())
def test_mesa_and_compiled_give_the_same_bytes_in_every_month(plan: Plan) -> None:
    model = FamilyModel(plan, seed=SEED, replicate=3)
    world = at_month_zero(plan, seed=SEED, replicate=3)
    assert fields_that_differ(model, world) == []
    for month in range(1, 61):
        model.step()
        burn_in(world, 1)
        assert (month, fields_that_differ(model, world)) == (month, [])
    assert model.study_month == 60
    if plan.coordinators:
        assert (model.families["ever_followed"] == 1).sum() > plan.coordinators  # or the test would show little
    done = run_replicate(plan, seed=SEED, replicate=3, months=60)
    for name in ("families", "coordinators", "services"):
        assert getattr(done, name).tobytes() == getattr(model, name).tobytes()


def test_another_seed_replicate_or_draw_is_another_municipality() -> None:
    plan = small(MAIN.arm("caseload-10"))
    runs = [dict(seed=SEED, replicate=2), dict(seed=SEED + 1, replicate=2), dict(seed=SEED, replicate=3)]
    runs += [dict(seed=SEED, replicate=2, draw=7)]
    finals = {run_replicate(plan, months=12, **run).families.tobytes() for run in runs}
    assert len(finals) == len(runs)
    same = run_replicate(plan, seed=SEED, replicate=2, draw=1, months=12)  # replicates 2 and 3 have draw 1
    assert same.families.tobytes() in finals


def test_the_history_of_a_replicate_ends_where_the_replicate_ends() -> None:
    plan = small(MAIN.arm("caseload-10"), 40)
    run = run_replicate(plan, seed=SEED, replicate=0, months=12, history=True)
    assert run.history is not None
    assert run.history.shape == (13, 40)
    assert run.history[12].tobytes() == run.families.tobytes()
    zero = run_replicate(plan, seed=SEED, replicate=0, months=0)
    assert run.history[0].tobytes() == zero.families.tobytes()


def test_outcomes_read_through_mesa_are_those_of_the_ensemble() -> None:
    plan = replace(small(MAIN.arm("caseload-10")), horizon_months=18)
    model = FamilyModel(plan, seed=SEED, replicate=4, collect=True)
    model.run_months(18)
    assert model.datacollector is not None
    table = model.datacollector.get_model_vars_dataframe()
    assert list(table.columns) == list(OUTCOME_NAMES)
    counted = run_arms([plan], [], replicate=4, seed=SEED, draw=2).study[0, 0, LEAD_MONTHS:]
    assert table.to_numpy().tobytes() == counted.tobytes()
    assert ensemble(plan, replicates=2, seed=SEED, workers=1)["outcomes"]["month"].max() == 18


# ---- compiled and plain ----------------------------------------------------------------------------------------------

PLAIN_MONTHS = 15
PLAIN_ARMS = ("ordinary", "caseload-10", "caseload-20-half-staff")


def fingerprints_of_small_arms() -> dict[str, dict[str, str]]:
    """Hashes of a small municipality after some months with each arm, and of the outcomes read on the way."""
    plans = [replace(small(MAIN.arm(name), 30), horizon_months=PLAIN_MONTHS) for name in PLAIN_ARMS]
    world = new_world(plans[0], SEED, 5, parameter_values(plans[0], SEED, 2))
    burn_in(world, plans[0].burn_in_months)
    found = {"month 0": fingerprint(world)}
    for plan in plans:
        arm = start_arm(world, plan)
        burn_in(arm, PLAIN_MONTHS)
        found[plan.name] = fingerprint(arm)
    return found


def test_compiled_and_plain_python_give_the_same_bytes() -> None:
    code = (
        f"import json, sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]; "
        "import test_equality as t; from simulation.compiled import COMPILED, SOURCE_HASH; "
        "print(json.dumps([COMPILED, SOURCE_HASH, t.fingerprints_of_small_arms()]))"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    with subprocess.Popen(
        [sys.executable, "-W", "error::RuntimeWarning:simulation", "-c", code],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        here = fingerprints_of_small_arms()
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    compiled, sources, plain = json.loads(out)
    assert compiled is False
    if sources != SOURCE_HASH:
        pytest.skip("the model was edited while this test ran")
    assert plain == here
    assert len({digests["families"] for digests in here.values()}) == len(here)


# ---- what a researcher does with Mesa --------------------------------------------------------------------------------


class PartByPart(Family):
    """Calls the parts one by one, as a subclass that overrides one of them does."""

    def claims_month(self) -> None:
        super().claims_month()


class NeverApplies(Family):
    """Never applies for social assistance."""

    def claims_month(self) -> None:
        super().claims_month()
        self.record["applying"] = 0


@pytest.mark.parametrize("arm", ["ordinary", "caseload-10"])
def test_the_parts_one_by_one_are_the_single_call(arm: str) -> None:
    plan = small(MAIN.arm(arm))
    one, other = (FamilyModel(plan, seed=SEED, replicate=1, family=kind) for kind in (Family, PartByPart))
    assert (Family._in_parts, PartByPart._in_parts) == (False, True)
    for month in range(1, 37):
        one.step()
        other.step()
        assert (month, fields_that_differ(one, other)) == (month, [])


def test_every_part_can_be_overridden() -> None:
    plan = small(MAIN.arm("ordinary"), 20)
    for part in Family.PARTS:
        calls: list[int] = []

        def behaviour(self: Any, part: str = part, calls: list[int] = calls) -> None:
            calls.append(self.index)
            getattr(Family, part)(self)

        model = FamilyModel(plan, seed=SEED, family=type("Changed", (Family,), {part: behaviour}))
        model.step()
        assert calls == list(range(20))


def test_a_family_that_never_applies_gets_no_social_assistance_and_nothing_before_changes() -> None:
    plan = small(MAIN.arm("ordinary"))
    model = FamilyModel(plan, seed=SEED, replicate=0, family=NeverApplies)
    usual = FamilyModel(plan, seed=SEED, replicate=0)
    assert fields_that_differ(model, usual) == []
    assert (model.families["social_assistance"] > 0).any()
    model.run_months(24)
    usual.run_months(24)
    assert not model.families["social_assistance"].any()
    assert (usual.families["social_assistance"] > 0).any()
    left = model.families["entitled_not_claimed"] - usual.families["entitled_not_claimed"]
    assert left.sum() > 0
    assert not (model.families["assistance_bits"] & 0xFFFFFF).any()
    assert "families.disposable" in fields_that_differ(model, usual)
    for field in ("generation", "births", "residence", "tenure"):  # nothing that is not about money or its consequences
        assert (model.families[field] == usual.families[field]).all(), field


def test_one_family_that_changes_leaves_the_others_alone() -> None:
    plan = small(MAIN.arm("ordinary"))
    usual = FamilyModel(plan, seed=SEED, replicate=0)
    usual.step()
    one = int(np.flatnonzero(usual.families["social_assistance"] > 0)[0])

    class OneNeverApplies(Family):
        def claims_month(self) -> None:
            super().claims_month()
            if self.index == one:
                self.record["applying"] = 0

    model = FamilyModel(plan, seed=SEED, replicate=0, family=OneNeverApplies)
    model.step()
    assert usual.families["social_assistance"][one] > 0
    others = np.arange(len(usual.families)) != one
    assert model.families[others].tobytes() == usual.families[others].tobytes()
    mine, was = model.families[one : one + 1], usual.families[one : one + 1]
    changed = {name for name in model.families.dtype.names if (mine[name] != was[name]).any()}
    assert "applying" in changed
    assert changed <= {
        *("applying", "social_assistance", "entitled_not_claimed", "disposable", "equivalised", "income_ring"),
        *(
            "income_12",
            "income_36",
            "low_income_now",
            "lasting_low_income",
            "assistance_bits",
            "assistance_12",
            "low_income_bits",
            "meets_criteria",
            "waiting_months",
        ),
        *("parent", "debt", "wages"),
    }


def test_agents_are_mesa_agents_and_their_set_runs_the_month() -> None:
    plan = small(MAIN.arm("caseload-10"))
    model = FamilyModel(plan, seed=SEED, replicate=0)
    assert isinstance(model, mesa.Model)
    assert len(model.agents) == plan.families + plan.coordinators + len(SERVICES)
    families = model.agents_by_type[Family]
    assert families.get("index") == list(range(plan.families))
    assert len(model.agents_by_type[Coordinator]) == plan.coordinators
    assert [service.name for service in model.agents_by_type[Service]] == list(SERVICES)
    usual = FamilyModel(plan, seed=SEED, replicate=0)
    for _ in range(6):  # the phases of families are independent of their order: any AgentSet call gives the same
        usual.step()
        model.step()
    in_need = families.select(lambda family: "housing" in family.barriers)
    assert len(in_need) == int(model.families["barrier"][:, 0].sum())
    followed = families.select(lambda family: family.coordinator is not None)
    assert len(followed) == sum(len(coordinator.families) for coordinator in model.coordinator_agents) > 0
    for family in followed:
        assert family in family.coordinator.families
    for family in families:
        assert set(family.work) <= {"none", "part_time", "full_time"}
        assert len(family.benefits) == len(family.work) >= 1
        assert all(0 <= slot < plan.families for slot in family.peers)
    assert fields_that_differ(model, usual) == []  # looking changes nothing
    mean = families.agg("index", lambda values: sum(values) / len(values))
    assert mean == pytest.approx((plan.families - 1) / 2)


def test_time_passes_alike_through_an_agent_set() -> None:
    plan = small(MAIN.arm("ordinary"), 40)
    one, other = (FamilyModel(plan, seed=SEED, replicate=0) for _ in range(2))
    one.agents_by_type[Family].do("pass_time")
    for family in other.family_agents:
        family.pass_time()
    assert fields_that_differ(one, other) == []


def test_a_researchers_own_data_collector() -> None:
    plan = small(MAIN.arm("caseload-10"), 40)
    model = FamilyModel(plan, seed=SEED, replicate=0)
    collector = mesa.DataCollector(
        model_reporters={
            "month": "study_month",
            "employed": lambda m: m.outcomes()[OUTCOME_NAMES.index("employed_share")],
        },
        agenttype_reporters={Family: {"trust": lambda a: float(a.record["trust"])}},
    )
    for _ in range(4):
        model.step()
        collector.collect(model)
    table = collector.get_model_vars_dataframe()
    assert table["month"].tolist() == [1, 2, 3, 4]
    assert table["employed"].between(0, 1).all()
    trust = collector.get_agenttype_vars_dataframe(Family)
    assert len(trust) == 4 * 40
    last = trust.iloc[-40:]["trust"].to_numpy(float)
    assert last.tobytes() == np.ascontiguousarray(model.families["trust"]).tobytes()


@pytest.mark.parametrize("collect", [False, True])
@pytest.mark.parametrize("family", [Family, NeverApplies])
def test_a_model_survives_pickling_and_goes_on_alike(family: type[Family], collect: bool) -> None:
    plan = small(MAIN.arm("caseload-10"), 40)
    model = FamilyModel(plan, seed=SEED, replicate=0, family=family, collect=collect)
    model.run_months(7)
    stored = pickle.dumps(model)
    model.run_months(11)
    back = pickle.loads(stored)
    assert back.study_month == 7
    assert type(back.family_agents[0]) is family
    assert back.family_agents[0].model is back
    back.run_months(11)
    assert fields_that_differ(model, back) == []
    if collect:
        assert len(back.datacollector.get_model_vars_dataframe()) == 19


def test_mesa_warns_about_nothing_that_we_do() -> None:
    plan = small(MAIN.arm("caseload-10"), 20)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = FamilyModel(plan, seed=SEED, replicate=0, family=NeverApplies, collect=True)
        model.run_months(3)
        pickle.loads(pickle.dumps(model)).step()
        assert model.datacollector is not None
        model.datacollector.get_model_vars_dataframe()
        model.agents_by_type[NeverApplies].do("seek_work")
    assert [str(warning.message) for warning in caught] == []


def test_mesas_own_clock_and_random_numbers_play_no_part() -> None:
    plan = small(MAIN.arm("caseload-10"), 40)
    one, other = (FamilyModel(plan, seed=SEED, replicate=0) for _ in range(2))
    for _ in range(6):
        other.random.random()
        other.rng.random()
        np.random.random()
        one.step()
        other.step()
    assert fields_that_differ(one, other) == []
    assert one.steps == 6
