"""Outcomes: their stable names, and the cube of values that a set of runs becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from simulation.names import BARRIERS, BENEFITS, SERVICES

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One outcome of the interface: its unit, and which way is better (+1 up, -1 down, 0 neither)."""

    name: str
    unit: str
    better: int = 0


def _table() -> tuple[Outcome, ...]:
    rows = [
        Outcome("employed_share", "share of parents", +1),
        Outcome("full_time_share", "share of parents", +1),
        Outcome("activity_share", "share of parents", +1),
        Outcome("earnings", "NOK a month per family", +1),
        Outcome("disposable_income", "NOK a month per family", +1),
        Outcome("low_income_share", "share of families", -1),
        Outcome("children_in_low_income_share", "share of children", -1),
        Outcome("low_income_now_share", "share of families", -1),
        Outcome("lasting_low_income_share", "share of families", -1),
        Outcome("social_assistance_share", "share of families", -1),
        Outcome("social_assistance_amount", "NOK a month per family", -1),
    ]
    rows += [
        Outcome(f"income_source_{name}_share", "share of parents")
        for name in ("work", *BENEFITS[1:], "social_assistance", "none")
    ]
    rows += [
        Outcome("child_participation_share", "share of children 1-17", +1),
        Outcome("leisure_share", "share of children 6-17", +1),
        Outcome("kindergarten_share", "share of children 1-5", +1),
        Outcome("sfo_share", "share of children 6-9", +1),
        Outcome("adequate_housing_share", "share of families", +1),
    ]
    rows += [
        Outcome(f"barrier_{name}_share", "share of parents" if b < 4 else "share of families", -1)
        for b, name in enumerate(BARRIERS)
    ]
    rows += [
        Outcome("trust", "0-1", +1),
        Outcome("coordinated_share", "share of families", +1),
        Outcome("contact_hours", "hours a month per family", +1),
        Outcome("entitled_not_claimed", "NOK a month per family", -1),
        Outcome("barriers_per_family", "number", -1),
    ]
    rows += [Outcome(f"wait_{name}", "months") for name in SERVICES]
    rows += [Outcome(f"use_{name}", "share of places") for name in SERVICES]
    rows += [
        Outcome("caseload_filled", "share of coordinator places"),
        Outcome("upper_secondary_share", "share of those who turned 21", +1),
    ]
    return tuple(rows)


OUTCOMES: Final = _table()
OUTCOME_NAMES: Final = tuple(outcome.name for outcome in OUTCOMES)

STUDY_POPULATIONS: Final = ("pool", "eligible")
PAIRED_POPULATIONS: Final = ("followed_in_both", "followed_in_one")
LEAD_MONTHS: Final = 12  # months of the burn-in that are reported, as -12..-1

# Flows of money (NOK) and of work (hours, place-months), per month, summed over the whole pool; then those of the queues; then
# persons and families in a state, which summed over months are person-months.
FLOWS: Final = (
    "gross_wages",
    "tax",
    *BENEFITS[1:],
    "child_benefit",
    "cash_for_care",
    "childcare_support",
    "advance_child_support",
    "housing_allowance",
    "social_assistance",
    "kindergarten_fee",
    "sfo_fee",
    "coordinator_positions",  # position-months filled
    "coordinator_vacant",  # position-months vacant
    "contact_hours",  # hours with a coordinator
    "families_followed",  # family-months with a coordinator
    "families_admitted",
    *(f"place_months_{name}" for name in SERVICES),  # place-months used by the pool
    "disposable_income",
    *(f"requests_{name}" for name in SERVICES),  # requests for a place, by the pool and by others
    *(f"starts_{name}" for name in SERVICES),  # stays begun, by the pool and by others
    "interpreter_hours",  # hours with a coordinator of families in which a parent has the language barrier
    "parents_in_work",
    "children_taking_part",  # children 1-17 in at least one arena
    "children_in_low_income",  # by the mean of the last 12 months
    "families_on_assistance",
)

# Groups of the eligible families, by what they were at month 0: two members of each, which exclude one another.
GROUPS: Final = (
    ("family", "lone"),
    ("family", "couple"),
    ("health", "poor"),  # a parent with the health barrier
    ("health", "good"),
    ("origin", "immigrant"),
    ("origin", "not_immigrant"),
)


@dataclass
class Runs:
    """What a study's replicates became: values by replicate, ready for statistics.

    All arrays are float64 with NaN where a group was empty. Replicates stand in order; ``draw[r]`` is the number of
    the draw of replicate ``r`` (2k and 2k+1 share draw k). R replicates, A arms, C contrasts, H horizon, K outcomes,
    G groups.
    """

    arms: tuple[str, ...]
    contrasts: tuple[tuple[str, str, str], ...]
    """(name, arm, against)"""
    horizon: int
    replicate: npt.NDArray[np.int64]
    """(R,) the replicates that succeeded"""
    draw: npt.NDArray[np.int64]
    """(R,)"""
    study: FloatArray
    """(R, A, 2 populations pool and eligible, 12 + 1 + H months from -12, K)"""
    followed: FloatArray
    """(R, A, H + 1 months since admission, K)"""
    followed_families: FloatArray
    """(R, A) families that ever had a coordinator"""
    paired: FloatArray
    """(R, C, 2 populations followed_in_both and followed_in_one, 2 sides arm and against, 1 + H months from 0, K)"""
    flows: FloatArray
    """(R, A, H months from 1, len(FLOWS))"""
    drift: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    """(R, K) change per year in the pool without any arm over the last two years of the burn-in"""
    groups: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0, 0)))
    """(R, A, G, K) at the horizon, of each of ``GROUPS`` among the eligible"""
    group_families: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    """(R, G) families of each group at month 0: the same in every arm"""

    def months(self) -> npt.NDArray[np.int64]:
        """The study calendar: -12..H."""
        return np.arange(-LEAD_MONTHS, self.horizon + 1)
