"""A small trial in silico of treatment for poor health: what treatment does to health, and what it does to work.

A municipality is burnt in under ordinary follow-up. In the trial are its parents with poor health who are neither in treatment
nor in full-time work. It has three arms, which are copies of the same municipality with the same luck:

- ``usual``: nothing is done. Usual care is what a doctor does, so families still ask and are referred at their own pace.
- ``treated``: all of them begin a course at the health service, on places of the trial's own.
- ``work_focused``: the same, and those out of work get job support at once, as in work-focused therapy.

The trial follows them wherever they go, so nobody moves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.questions import Named, Question, Setting
from calibration.worlds import months_asked, plan_of, refuse_unknown, refuse_unused, settled
from simulation.engine import burn_in, start_arm
from simulation.municipality import World
from simulation.names import FULL_TIME, HEALTH, IN_PLACE, NO_WORK, S_HEALTH, S_WORK
from simulation.outcomes import FloatArray

MONTH: Final = 12
FAMILIES: Final = 400
ARMS: Final = ("usual", "treated", "work_focused")
SERVICES_OF: Final[dict[str, tuple[int, ...]]] = {
    "usual": (),
    "treated": (int(S_HEALTH),),
    "work_focused": (int(S_HEALTH), int(S_WORK)),
}
RECOVERY: Final = "treatment.recovery_share."
WORK_GAIN: Final = "treatment.work_gain."


class Members(NamedTuple):
    """The parents in the trial, (members,) each."""

    slot: npt.NDArray[np.int64]
    parent: npt.NDArray[np.int64]
    generation: npt.NDArray[np.int64]
    partners: npt.NDArray[np.int64]


def members_of(families: npt.NDArray[Any]) -> Members:
    """Parents with poor health who are neither in treatment nor in full-time work."""
    parents = families["parent"]
    ill = (parents["present"] == 1) & (parents["barrier"][:, :, HEALTH] == 1)
    slot, k = np.nonzero(ill & (parents["stage"][:, :, S_HEALTH] != IN_PLACE) & (parents["work"] != FULL_TIME))
    return Members(slot, k, families["generation"][slot].astype(np.int64), families["partners"][slot].astype(np.int64))


def still_there(families: npt.NDArray[Any], members: Members) -> npt.NDArray[np.bool_]:
    """Which members are the same persons, in a family of the pool, (members,)."""
    there = families["parent"]["present"][members.slot, members.parent] == 1
    same_partner = (members.parent == 0) | (families["partners"][members.slot] == members.partners)
    return np.asarray(there & same_partner & (families["generation"][members.slot] == members.generation))


def enrol(world: World, members: Members, s: int) -> npt.NDArray[np.bool_]:
    """Give members a place in service ``s`` from now on, (members,) True for those who get one.

    Job support is for those out of work. Who has a place keeps it; who waits waits no more: a ticket lapses when its holder
    is in place. The own benefit stays as it is, since job support in a trial is no KVP.
    """
    parents, service = world.families["parent"], world.services[s]
    enters = parents["stage"][members.slot, members.parent, s] != IN_PLACE
    if s == S_WORK:
        enters &= parents["work"][members.slot, members.parent] == NO_WORK
    slot, k = members.slot[enters], members.parent[enters]
    parents["stage"][slot, k, s] = IN_PLACE
    parents["since"][slot, k, s] = world.town["month"][0]
    parents["waited"][slot, k, s] = 0
    parents["wrong_order"][slot, k, s] = 0
    first = int(service["placed"])
    world.placed[s, first : first + len(slot)] = 2 * slot + k
    service["placed"] = first + len(slot)
    return np.asarray(enters)


def run_arm(world: World, members: Members, arm: str, months: Sequence[int]) -> FloatArray:
    """One arm by month asked: members still there, of these without poor health, and in work. (months, 3), sums."""
    ordinary = world.services["capacity"].copy()
    trial = {s: enrol(world, members, s) for s in SERVICES_OF[arm]}
    found = np.empty((len(months), 3))
    for month in range(max(months) + 1):
        if month > 0:
            for s, enters in trial.items():  # the trial's places are nobody else's, before or after
                in_place = world.families["parent"]["stage"][members.slot, members.parent, s] == IN_PLACE
                enters &= in_place & still_there(world.families, members)
                world.services["capacity"][s] = ordinary[s] + enters.sum()
            burn_in(world, 1)
        if month in months:
            found[months.index(month)] = _count(world.families, members)
    return found


def _count(families: npt.NDArray[Any], members: Members) -> FloatArray:
    there = still_there(families, members)
    parents = families["parent"][members.slot, members.parent]
    well = parents["barrier"][:, HEALTH] == 0
    return np.array([there.sum(), (there & well).sum(), (there & (parents["work"] != NO_WORK)).sum()], np.float64)


def shares(setting: Setting, months: Sequence[int], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """Share without poor health and share in work, of members still there, (arms, months, 2); NaN where nobody is."""
    plan = plan_of(setting, FAMILIES)
    world = settled(plan, "treatment", values, seed, number)
    burn_in(world, plan.burn_in_months)
    world = start_arm(world, plan)
    world.setting["p"]["move_out"] = 0.0
    members = members_of(world.families)
    found = np.stack([run_arm(world.copy(0), members, arm, months) for arm in ARMS])
    with np.errstate(invalid="ignore"):
        return np.asarray(found[:, :, 1:] / found[:, :, :1])


# ---- questions ------------------------------------------------------------------------------------------------------


def names() -> tuple[Named, ...]:
    """The statistics that the trial of treatment knows."""
    told = {"usual": "usual care", "treated": "treatment", "work_focused": "treatment with job support"}
    well = (
        Named(f"{RECOVERY}{a}", "share of parents", f"of parents in poor health, well with {told[a]}") for a in ARMS
    )
    work = (
        Named(f"{WORK_GAIN}{a}", "share of parents", f"in work with {told[a]}, less the share with usual care")
        for a in ARMS[1:]
    )
    return (*well, *work)


def answer(questions: Sequence[Question], values: FloatArray | None, *, seed: int, number: int) -> FloatArray:
    """What one such trial says, (questions, 2): value, and NaN in place of a standard error.

    Parameters
    ----------
    questions : about one setting; month (default 12) may differ
    values : parameters in stated units, (P,); None is draw ``number // 2`` of the prior

    Raises
    ------
    InputError : an unknown statistic, or a setting with coordinators
    """
    refuse_unknown(questions, [name.name for name in names()])
    refuse_unused(questions, "coordinators", "caseload", "follow_up")
    months = months_asked(questions, MONTH, first=0)
    asked = sorted(set(months))
    found = shares(questions[0].setting, asked, values, seed=seed, number=number)
    rows = []
    for question, month in zip(questions, months, strict=True):
        well, working = found[ARMS.index(question.statistic.rpartition(".")[2]), asked.index(month)]
        gain = working - found[0, asked.index(month), 1]
        rows.append([well if question.statistic.startswith(RECOVERY) else gain, np.nan])
    return np.array(rows)
