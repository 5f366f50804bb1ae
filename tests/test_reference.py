"""The shipped studies give what they gave: to the last byte on this family of processors, within 1e-9 elsewhere."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from reference_update import COMMAND, FOLDER, REFERENCES, as_text, probe, reference

TOLERANCE = 1e-9  # relative, where the elementary functions of processor or libraries differ in last digits

CHANGED = f"""{{}}.
If the model was meant to change, make the stored results again, look at the diff, and commit it:
    {COMMAND}"""


@pytest.mark.parametrize("name", REFERENCES)
def test_a_shipped_study_gives_what_it_gave(name: str) -> None:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        pytest.fail(CHANGED.format(f"There is no stored result for {name}"))
    compare(name, json.loads(path.read_text(encoding="utf-8")), json.loads(as_text(reference(name))))


def compare(name: str, stored: dict[str, Any], found: dict[str, Any]) -> None:
    """Fail with what differs and what to do: everything where the probes are equal, else what differs beyond rounding."""
    exact = stored["probe"] == found["probe"]
    moved = [
        (group, outcome, replicate, before, now)
        for group, outcomes in stored["values"].items()
        for outcome, numbers in outcomes.items()
        for replicate, before in enumerate(numbers)
        if not same(before, now := found["values"].get(group, {}).get(outcome, [None] * 99)[replicate], exact)
    ]
    if moved:
        first = "{} {}, replicate {}: {!r}, now {!r}".format(*moved[0])
        pytest.fail(CHANGED.format(f"{name}: {len(moved)} outcomes at the horizon differ, the first {first}"))
    if exact and stored["values"] != found["values"]:
        pytest.fail(CHANGED.format(f"{name}: there are outcomes or arms that are not stored"))
    if exact and stored["sha256"] != found["sha256"]:
        arrays = [array for array in stored["sha256"] if stored["sha256"][array] != found["sha256"].get(array)]
        pytest.fail(CHANGED.format(f"{name}: outcomes at the horizon are the same, but not {', '.join(arrays)}"))


def same(before: float | None, now: float | None, exact: bool) -> bool:
    if before is None or now is None or exact:
        return before == now
    return math.isclose(before, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def test_the_probe_is_the_same_twice_and_there_is_nothing_else_in_the_folder() -> None:
    assert probe() == probe()
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(REFERENCES)


def test_a_difference_is_found_and_one_of_rounding_only_where_results_should_be_exact() -> None:
    stored = json.loads((FOLDER / "intake.json").read_text(encoding="utf-8"))
    compare("same", stored, copy.deepcopy(stored))
    for factor, probes, passes in ((1 + 1e-12, 1, False), (1 + 1e-12, 2, True), (1 + 1e-6, 2, False)):
        found = copy.deepcopy(stored)
        found["values"]["by-need, eligible"]["disposable_income"][2] *= factor
        found["probe"] += "x" * (probes - 1)
        if passes:
            compare("rounded", stored, found)
        else:
            with pytest.raises(
                pytest.fail.Exception, match=f"by-need, eligible disposable_income, replicate 2(.|\n)*{COMMAND}"
            ):
                compare("moved", stored, found)
    found = copy.deepcopy(stored)
    found["sha256"]["flows"] = ""
    with pytest.raises(pytest.fail.Exception, match="but not flows"):
        compare("flows", stored, found)
