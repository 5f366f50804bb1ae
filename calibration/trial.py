"""A trial in silico: offices like those of HOLF, families drawn at random in each, and what registers and a survey then see.

Each office is a municipality of its own (:mod:`simulation.engine`), burnt in under ordinary follow-up. At the draw the
coordinators take in the design's number of families, at random among those that meet the criteria; nobody is taken in later.
The rest of those that met the criteria are the ordinary group: same office, same services, no coordinator. Months are counted
from the draw. Follow-up lasts as long as the design says, unless a family's goals are met before. Registers follow a family
wherever it goes, so nobody moves out of a trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from calibration.design import MAX_OFFICES, Design, TrialArm
from calibration.groups import History, OfNow, above, field, in_work, is_, of_parent, total
from calibration.readers import on_benefit
from calibration.register import GONE, REGISTER
from calibration.side_by_side import Offices, stacked
from calibration.worlds import profile_of
from simulation.engine import Arrays, make_setting, parameter_values
from simulation.names import AAP, DISABILITY, FULL_TIME, KVP
from simulation.outcomes import FloatArray
from simulation.parameters import with_overrides
from simulation.plan import Plan, Profile, ServicePlan

TRIAL: Final = 1 << 40  # chance of a trial itself: offices, answers
POOL: Final = 1 << 41  # the circumstances, with a draw of the parameters


def _there(so: OfNow) -> OfNow:
    """How many of a family's parents are so."""
    return lambda now: (so(now) & (now["parent"]["present"] == 1)).sum(axis=-1)


_on_health_benefit: Final = on_benefit(KVP, AAP, DISABILITY)
_parents: Final = _there(lambda now: now["parent"]["present"] == 1)

# What is read of a family, and of how many: its parents, its children of 1-17 years, or the family itself (None).
MEASURES: Final[Mapping[str, tuple[OfNow, OfNow | None]]] = {
    "employed_share": (_there(in_work), _parents),
    "full_time_share": (_there(of_parent(is_("work", FULL_TIME))), _parents),
    "earnings": (field("wages"), None),
    "disposable_income": (field("disposable"), None),
    "social_assistance_share": (above("social_assistance", 0.0), None),
    "social_assistance_amount": (field("social_assistance"), None),
    "low_income_share": (field("low_income"), None),
    "adequate_housing_share": (lambda now: now["barrier"][:, 0] == 0, None),
    "taking_part_share": (total("in_arena"), total("children")),
    "benefit_share": (_there(_on_health_benefit), _parents),
    "coordinated_share": (field("plan"), None),
}


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
    rows: History
    """(1 + months, F) REGISTER by months since the draw; of generation GONE once the last child is grown"""
    offices: int
    """how many there are, with or without families"""

    def measure(self, name: str, month: int) -> tuple[FloatArray, FloatArray]:
        """Mean over a family's parents or children, or the family's own figure, and how many they are. (F,) each."""
        now, (number, of) = self.rows[month], MEASURES[name]
        there = now["generation"] != GONE
        weight = np.where(there, 1.0 if of is None else of(now), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(weight > 0.0, number(now) / weight, np.nan)
        return value, weight

    def newly_on_benefit(self, month: int) -> tuple[FloatArray, FloatArray]:
        """Of families with no parent on KVP, AAP or disability benefit at the draw: any since then. (F,) each."""
        benefit = _there(_on_health_benefit)(self.rows[: month + 1]) > 0
        at_risk = ~benefit[0]
        return np.where(at_risk, benefit.any(axis=0), np.nan).astype(np.float64), at_risk.astype(np.float64)


@dataclass(frozen=True)
class Circumstances:
    """What is around the offices of a trial, and is not published: uncertain, so drawn with the parameters."""

    pool: int
    """Families in lasting low income around an office."""
    places: float = 1.0
    """Factor on the places of the profile's services."""
    openings: float = 1.0
    """Factor on its openings in the labour market."""

    @classmethod
    def drawn(cls, design: Design, draw: int) -> Circumstances:
        """Those of a draw: the pool evenly, the factors log-uniformly within the design's limits."""
        head = design.trial
        chance = np.random.Generator(np.random.Philox(key=np.array([head.seed, POOL + draw], np.uint64)))
        low, high = head.pool
        pool = int(chance.integers(low, high + 1))
        places, openings = (
            float(low * (high / low) ** u)
            for (low, high), u in zip((head.places, head.openings), chance.random(2), strict=True)
        )
        return cls(pool, places, openings)

    def of(self, profile: Profile) -> Profile:
        """The profile in these circumstances: its services grow with the pool, then by the factor."""
        profile = profile.for_pool(self.pool)
        if self.places != 1.0:
            services = {name: _with_places(service, self.places) for name, service in profile.services.items()}
            profile = replace(profile, services=services)
        return replace(profile, openings_per_100_parents=profile.openings_per_100_parents * self.openings)


def _with_places(service: ServicePlan, factor: float) -> ServicePlan:
    """Whole places, at least one where there were any; other residents ask as before."""
    places = max(round(service.places * factor), 1) if service.places > 0 else 0
    return replace(service, places=float(places))


def circumstances(design: Design, draw: int) -> Circumstances:
    """The circumstances of a draw of the parameters."""
    return Circumstances.drawn(design, draw)


def simulate(
    design: Design, number: int, values: FloatArray | None = None, circumstances: Circumstances | None = None
) -> Trial:
    """One trial of a design.

    Parameters
    ----------
    number : trials 2k and 2k+1 share draw k of the parameters
    values : parameters in stated units, (P,), in place of the draw
    circumstances : in place of those of the draw

    Returns
    -------
    The same trial for the same design, seed and number, whatever ran before.
    """
    head = design.trial
    around = circumstances or Circumstances.drawn(design, number // 2)
    profile = around.of(profile_of(head.profile))
    plans = [_plan(design, arm, profile) for arm in design.arm]
    if values is None:
        values = parameter_values(plans[0], head.seed, number // 2)
    else:
        values = with_overrides(values, {}, links=head.links == "on")
    chance = np.random.Generator(np.random.Philox(key=np.array([head.seed, TRIAL + number], np.uint64)))
    arm = np.repeat(np.arange(len(design.arm)), [arm.offices for arm in design.arm])
    setting = _settings(make_setting(plans[0], values), design, chance.standard_normal((len(arm), 3)))
    places = number * MAX_OFFICES + np.arange(len(arm))
    offices = Offices(plans[0], head.seed, places, setting, max(arm.coordinators for arm in design.arm))
    offices.advance(head.burn_in_months)
    offices.start([plans[a] for a in arm])
    members, drawn = _draw(offices, [design.arm[a] for a in arm])
    sizes = [len(who) for who in members]
    return Trial(
        office=np.repeat(np.arange(len(arm)), sizes),
        arm=np.repeat(arm, sizes),
        drawn=drawn,
        answers=chance.random(sum(sizes)) < head.response,
        rows=_after_the_draw(offices, members, head.months),
        offices=len(arm),
    )


def _plan(design: Design, arm: TrialArm, profile: Profile) -> Plan:
    head = design.trial
    return Plan(
        name=arm.name,
        profile=profile,
        families=profile.families,
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


def _settings(setting: Arrays, design: Design, z: FloatArray) -> Arrays:
    """The setting of each office, (offices, 1): its rates are somewhat higher or lower than elsewhere, by ``z`` (offices, 3)."""
    own = stacked(setting, len(z))
    p = own["p"][:, 0]
    for (name, sd), standing in zip(design.variation.model_dump().items(), z.T, strict=True):
        factor = np.array([np.exp(sd * x) for x in standing])
        p[name] = (p[name].T * factor).T
    return own


def _draw(offices: Offices, arms: list[TrialArm]) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]:
    """The month of the draw: places of the families that meet the criteria in each office, and who of all is drawn, (F,)."""
    p = offices.setting["p"]
    turnover = p["turnover"].copy()
    p["length_spread"], p["turnover"] = 0.0, 0.0  # every position is filled when the families are drawn
    for coordinators, arm in zip(offices.coordinators, arms, strict=True):
        sizes = np.full(arm.coordinators, arm.families // arm.coordinators)
        sizes[: arm.families % arm.coordinators] += 1
        coordinators["caseload"][: arm.coordinators] = sizes
    offices.advance(1)
    p["turnover"] = turnover
    meets, followed = offices.families["meets_criteria"] == 1, offices.families["ever_followed"] == 1
    members = [np.flatnonzero(here) for here in meets]
    return members, followed[meets]


def _after_the_draw(offices: Offices, members: list[npt.NDArray[np.int64]], months: int) -> History:
    """The members' registers by months since the draw: nobody is taken in any more, nobody moves out."""
    offices.town["admissions"] = 0
    offices.setting["p"]["move_out"] = 0.0
    rows = np.zeros((months + 1, sum(map(len, members))), REGISTER)
    offices.read(members, rows)
    return rows
