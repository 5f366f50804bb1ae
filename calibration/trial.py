"""A trial in silico: offices like those of HOLF, families drawn at random in each, and what registers and a survey then see.

Each office is a municipality of its own (:mod:`simulation.engine`), burnt in under ordinary follow-up. At the draw the
coordinators take in the design's number of families, at random among those that meet the criteria; nobody is taken in later.
The rest of those that met the criteria are the ordinary group: same office, same services, no coordinator. Months are counted
from the draw. Follow-up lasts as long as the design says, unless a family's goals are met before. Registers follow a family
wherever it goes, so nobody moves out of a trial.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from calibration.design import MAX_OFFICES, Design, TrialArm
from scenarios.profiles import load_profile
from simulation.compiled import rule
from simulation.engine import Arrays, arrays_of, burn_in, make_setting, new_world_in, parameter_values, start_arm
from simulation.month import one_month
from simulation.municipality import World, copied
from simulation.names import AAP, DISABILITY, FULL_TIME, KVP, MAX_PARENTS, NO_WORK
from simulation.outcomes import FloatArray
from simulation.parameters import with_overrides
from simulation.plan import Plan

TRIAL: Final = 1 << 40  # chance of a trial itself: offices, answers
POOL: Final = 1 << 41  # the size of the pool, with a draw of the parameters

# What is read of a family in a month, and over what: sums over its parents or children, or the family itself.
MEASURES: Final = (
    "employed_share",
    "full_time_share",
    "earnings",
    "disposable_income",
    "social_assistance_share",
    "social_assistance_amount",
    "low_income_share",
    "adequate_housing_share",
    "taking_part_share",
    "benefit_share",
    "coordinated_share",
)
PER_PARENT: Final = ("employed_share", "full_time_share", "benefit_share")
PER_CHILD: Final = ("taking_part_share",)
(
    _EMPLOYED,
    _FULL_TIME,
    _EARNINGS,
    _INCOME,
    _ASSISTED,
    _ASSISTANCE,
    _LOW_INCOME,
    _HOUSING,
    _PARTICIPATION,
    _BENEFIT,
    _COORDINATED,
) = range(len(MEASURES))
_PARENTS: Final = len(MEASURES)
_CHILDREN: Final = _PARENTS + 1
COLUMNS: Final = _CHILDREN + 1


@rule
def read_member(family, row):  # type: ignore[no-untyped-def]
    """One family's month, (COLUMNS,): measures as sums, then its parents and its children of 1-17 years."""
    row[:] = 0.0
    for k in range(MAX_PARENTS):
        parent = family.parent[k]
        if parent.present == 1:
            row[_PARENTS] += 1.0
            row[_EMPLOYED] += 1.0 if parent.work != NO_WORK else 0.0
            row[_FULL_TIME] += 1.0 if parent.work == FULL_TIME else 0.0
            row[_BENEFIT] += (
                1.0 if parent.benefit == KVP or parent.benefit == AAP or parent.benefit == DISABILITY else 0.0
            )
    for j in range(family.child_slots):
        child = family.child[j]
        if child.present == 1 and 12 <= child.age < 216:
            row[_CHILDREN] += 1.0
            row[_PARTICIPATION] += 1.0 if child.arena[0] + child.arena[1] + child.arena[2] > 0 else 0.0
    row[_EARNINGS] = family.wages
    row[_INCOME] = family.disposable
    row[_ASSISTED] = 1.0 if family.social_assistance > 0.0 else 0.0
    row[_ASSISTANCE] = family.social_assistance
    row[_LOW_INCOME] = family.low_income_bits & 1
    row[_HOUSING] = 1.0 - family.barrier[0]
    row[_COORDINATED] = family.plan


@rule
def follow(  # type: ignore[no-untyped-def]
    families,
    coordinators,
    services,
    town_array,
    setting,
    waiting,
    placed,
    takers,
    candidates,
    members,
    generation,
    rows,
):
    """Advance by as many months as ``rows`` (months, members, COLUMNS) has; NaN for a member that is no more."""
    for m in range(rows.shape[0]):
        one_month(families, coordinators, services, town_array, setting, waiting, placed, takers, candidates)
        for i in range(members.shape[0]):
            family = families[members[i]]
            if family.generation == generation[i]:
                read_member(family, rows[m, i])
            else:
                rows[m, i, :] = np.nan


@dataclass(frozen=True)
class Trial:
    """One simulated trial: F families that met the criteria when the trial began, in all offices."""

    office: npt.NDArray[np.int64]
    """(F,)"""
    arm: npt.NDArray[np.int64]
    """(F,) place of the office's arm in the design"""
    drawn: npt.NDArray[np.bool_]
    """(F,) drawn to a coordinator; else in the ordinary group"""
    answers: npt.NDArray[np.bool_]
    """(F,) answers the survey"""
    rows: FloatArray
    """(1 + months, F, COLUMNS) by months since the draw"""
    offices: int
    """how many there are, with or without families"""

    def measure(self, name: str, month: int) -> tuple[FloatArray, FloatArray]:
        """Mean over a family's parents or children, or the family's own figure, and how many they are. (F,) each."""
        row = self.rows[month]
        weight = np.ones(len(row))
        if name in PER_PARENT:
            weight = row[:, _PARENTS]
        elif name in PER_CHILD:
            weight = row[:, _CHILDREN]
        weight = np.where(np.isfinite(weight), weight, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(weight > 0.0, row[:, MEASURES.index(name)] / weight, np.nan)
        return value, np.where(np.isfinite(value), weight, 0.0)

    def newly_on_benefit(self, month: int) -> tuple[FloatArray, FloatArray]:
        """Of families with no parent on KVP, AAP or disability benefit at the draw: any since then. (F,) each."""
        benefit = self.rows[: month + 1, :, _BENEFIT]
        at_risk = benefit[0] == 0.0
        since = np.nanmax(benefit, axis=0) > 0.0
        return np.where(at_risk, since, np.nan).astype(np.float64), at_risk.astype(np.float64)


def simulate(design: Design, number: int, values: FloatArray | None = None) -> Trial:
    """One trial of a design.

    Parameters
    ----------
    number : trials 2k and 2k+1 share draw k of the parameters
    values : parameters in stated units, (P,), in place of the draw

    Returns
    -------
    The same trial for the same design, seed and number, whatever ran before.
    """
    head = design.trial
    families = _pool(design, number // 2)
    plans = [_plan(design, arm, families) for arm in design.arm]
    if values is None:
        values = parameter_values(plans[0], head.seed, number // 2)
    else:
        values = with_overrides(values, {}, links=head.links == "on")
    chance = np.random.Generator(np.random.Philox(key=np.array([head.seed, TRIAL + number], np.uint64)))
    setting = make_setting(plans[0], values)
    offices: list[_Office] = []
    for a, (arm, plan) in enumerate(zip(design.arm, plans, strict=True)):
        for _ in range(arm.offices):
            own = _in_office(setting, design, chance.standard_normal(3))
            place = number * MAX_OFFICES + len(offices)
            offices.append(_office(arm, a, plan, head.seed, place, own))
    sizes = [len(office.drawn) for office in offices]
    return Trial(
        office=np.repeat(np.arange(len(offices)), sizes),
        arm=np.repeat([office.arm for office in offices], sizes),
        drawn=np.concatenate([office.drawn for office in offices]),
        answers=chance.random(sum(sizes)) < head.response,
        rows=np.concatenate([office.rows for office in offices], axis=1),
        offices=len(offices),
    )


@dataclass(frozen=True)
class _Office:
    """The families of one office that met the criteria in month 1, and what became of them."""

    arm: int
    drawn: npt.NDArray[np.bool_]
    rows: FloatArray


_profile = functools.lru_cache(maxsize=8)(load_profile)


def _pool(design: Design, draw: int) -> int:
    """How many families in lasting low income there are around an office: uncertain, so drawn with the parameters."""
    low, high = design.trial.pool
    chance = np.random.Generator(np.random.Philox(key=np.array([design.trial.seed, POOL + draw], np.uint64)))
    return int(chance.integers(low, high + 1))


def _plan(design: Design, arm: TrialArm, families: int) -> Plan:
    head = design.trial
    return Plan(
        name=arm.name,
        profile=_profile(head.profile).for_pool(families),
        families=families,
        horizon_months=head.months,
        burn_in_months=head.burn_in_months,
        prices=head.prices,
        posterior=head.posterior,
        links=head.links == "on",
        coordinators=arm.coordinators,
        caseload=-(-arm.families // arm.coordinators),
        follow_up=arm.follow_up,
        intake="random",
        length_months=float(head.follow_up_months),
        admissions_per_month=arm.families,
    )


def _in_office(setting: Arrays, design: Design, z: FloatArray) -> Arrays:
    """The setting of one office: its rates are somewhat higher or lower than elsewhere."""
    own = copied(setting)
    for name, sd, standing in zip(
        type(design.variation).model_fields, design.variation.model_dump().values(), z, strict=True
    ):
        own["p"][name] = own["p"][name] * np.exp(sd * standing)
    return own


def _office(arm: TrialArm, a: int, plan: Plan, seed: int, place: int, setting: Arrays) -> _Office:
    """One office; ``place`` is the replicate that its random numbers are keyed by."""
    world = new_world_in(plan, seed, place, setting)
    burn_in(world, plan.burn_in_months)
    office = start_arm(world, plan)
    sizes = np.full(arm.coordinators, arm.families // arm.coordinators)
    sizes[: arm.families % arm.coordinators] += 1
    office.coordinators["caseload"] = sizes
    p = office.setting["p"]
    turnover = p["turnover"].copy()
    p["length_spread"], p["turnover"] = 0.0, 0.0  # every position is filled when the families are drawn
    burn_in(office, 1)
    p["turnover"] = turnover
    members = np.flatnonzero(office.families["meets_criteria"] == 1)
    drawn = office.families["ever_followed"][members] == 1
    return _Office(a, drawn, _after_the_draw(office, members, plan.horizon_months))


def _after_the_draw(office: World, members: npt.NDArray[np.int64], months: int) -> FloatArray:
    """The rows of the members by months since the draw: nobody is taken in any more, nobody moves out."""
    office.town["admissions"] = 0
    office.setting["p"]["move_out"] = 0.0
    rows = np.empty((months + 1, len(members), COLUMNS))
    for i, member in enumerate(members):
        read_member(office.families[member], rows[0, i])
    generation = office.families["generation"][members].astype(np.int64)
    follow(*arrays_of(office), members, generation, rows[1:])
    return rows
