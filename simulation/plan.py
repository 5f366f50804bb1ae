"""A plan: one arm of a study with every lever resolved. What the model is asked to run.

Plans are plain frozen data. ``scenarios`` builds them from TOML files; a researcher may build one by hand.
Everything uncertain is *not* here but in ``parameters.toml``; a plan holds what a municipality decides or knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from simulation.names import SERVICES


@dataclass(frozen=True)
class ServicePlan:
    """Capacity of one service for the pool and for other residents."""

    places: float
    """Places in all, pool and other residents together (persons or families at a time)."""
    length_months: float
    """Ordinary length of a stay, months."""
    background_per_month: float = 0.0
    """New requests a month from residents outside the pool, who compete for the same places."""
    mode: str = "hard"
    """``hard``: places and a queue. ``soft``: everybody is taken, with less for each when there are too many."""
    priority: str = "first_come"
    """``first_come`` or ``need``."""
    opens_month: int | None = None
    """First study month with places (None: always open)."""
    closed_from: int | None = None
    """First study month without places (None: never closed)."""
    closed_to: int | None = None
    """Last study month without places (None: closed for good from ``closed_from``)."""


@dataclass(frozen=True)
class Profile:
    """Families in lasting low income in a place, as shares (0..1) and means, before selection."""

    name: str
    title: str
    barriers: Mapping[str, float]
    """Prevalence of each of the nine barriers: of parents (first four), of families (last five)."""
    shares: Mapping[str, float]
    """``immigrant``, ``lone_parent``, ``special_needs`` (of children), ``renting``, ``municipal_rental`` (of renters),
    ``recent_refugee`` (of immigrants, under two years in Norway)."""
    means: Mapping[str, float]
    """``children`` per family, ``age_parent`` years, ``years_in_norway`` of immigrants, ``rent`` NOK a month."""
    services: Mapping[str, ServicePlan]
    openings_per_100_parents: float
    """Vacancies a month within reach, for each 100 parents of the pool."""
    job_entry_ratio: float = 1.0
    """How much sooner than elsewhere a parent in the same situation gets a job: multiplies the hazard, and work at entry."""
    couple_form_ratio: float = 1.0
    """The same on a lone parent getting a partner."""
    part_time_share: float | None = None
    """Hours and wage of a part-time job, of full time; None: as in the rates of the year."""
    ranks: Mapping[str, float] = field(default_factory=dict)
    """Log odds (of a barrier), or log hazard ratio (``job_entry_ratio``), for each unit of ``rank_strength``: what the
    municipality's classes in a ranking say. Empty where the figures are not inferred from a ranking."""
    families: int = 400
    """Families in lasting low income: the pool's size where a study does not say."""
    inhabitants: float | None = None
    housing_cap: str = "other"
    """Which cap on housing cost holds for the housing allowance: ``rates.PLACES``."""
    rates: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    """Rates the municipality has set itself, by their names in ``rates/YEAR.toml``: its norms of social assistance."""
    rates_year: str = ""
    """The year these are of; a run in prices of another year refuses them."""

    def work_ratio(self, p: Any) -> float:
        """``job_entry_ratio`` with what the ranking says, for PARAMETERS ``p``."""
        return float(self.job_entry_ratio * math.exp(p["rank_strength"] * self.ranks.get("job_entry_ratio", 0.0)))

    def for_pool(self, families: int) -> Profile:
        """The same place with a pool of so many families: its services and their other users grow or shrink with it.

        So a pool of twice the size is a municipality of twice the size, with as long queues, and not the same one with twice
        the need. Whole places, at least one where there were any.
        """
        if families == self.families:
            return self
        ratio = families / self.families
        services = {name: _scaled(service, ratio) for name, service in self.services.items()}
        return replace(self, families=families, services=services)


def _scaled(service: ServicePlan, ratio: float) -> ServicePlan:
    places = max(round(service.places * ratio), 1) if service.places > 0 else 0
    return replace(service, places=float(places), background_per_month=service.background_per_month * ratio)


@dataclass(frozen=True)
class PlaceArm:
    """What an arm is in one place of a study over many; every other lever is the plan's."""

    name: str
    """The place's, which its luck is keyed by."""
    profile: Profile
    coordinators: int = 0
    services: Mapping[str, ServicePlan] = field(default_factory=lambda: MappingProxyType({}))
    """Services that differ from the place's profile."""


@dataclass(frozen=True)
class Plan:
    """One arm, resolved."""

    name: str
    profile: Profile
    families: int = 400
    horizon_months: int = 36
    burn_in_months: int = 84
    founding_months: int = 120
    """Months before the burn-in in which only time passes, so that the pool has the ages of one that renews itself."""
    prices: str = "2025"
    links: bool = True
    """False: every parameter marked as a link takes its ``none`` value (the null model)."""
    posterior: str = "prior"
    """``prior``, or a file of posterior draws."""
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Parameters set by hand, over any draw."""

    coordinators: int = 0
    caseload: int = 0
    follow_up: str = "familiepluss"
    intake: str = "need"
    relaxed: bool = False
    """True: three months of social assistance in the last twelve are enough, not six."""
    criterion: str = "holf"
    """``holf``: by months of social assistance. ``lasting_low_income``: by three years of low income, as in Nye mønstre."""
    length_months: float = 24.0
    """Mean length of follow-up."""
    longest_months: int | None = None
    """No follow-up is planned to last longer (None: no limit)."""
    admissions_per_month: int = 5
    """New families a coordinator can take in a month."""
    cover: bool = True
    """Colleagues cover for a vacant position."""
    coordinator_leaves_month: int | None = None
    """A study month in which one coordinator leaves (a stress test)."""
    inflow_factor: float = 1.0
    """Multiplies the families moving in and out from month 1 on (a stress test)."""
    services: Mapping[str, ServicePlan] = field(default_factory=lambda: MappingProxyType({}))
    """Services that differ from the profile's; the profile's hold during burn-in."""
    openings_factor: float = 1.0
    """Multiplies openings from ``openings_from`` to ``openings_to`` (a recession: 0.5)."""
    openings_from: int = 1
    openings_to: int | None = None
    places: tuple[PlaceArm, ...] = ()
    """The arm in each place of a study over many, each a municipality of its own; ``families`` and ``coordinators`` are then
    those of all places. Empty: the plan is of one place."""
    place: str = ""
    """The place of such a study that the plan is of, which its luck is keyed by; empty: the seed alone."""

    def in_places(self) -> tuple[Plan, ...]:
        """The plan of each place."""
        return tuple(
            replace(
                self,
                profile=here.profile,
                families=here.profile.families,
                coordinators=here.coordinators,
                services=here.services,
                places=(),
                place=here.name,
            )
            for here in self.places
        )

    def service(self, name: str, study_month: int = 1) -> ServicePlan:
        """The capacity of a service: the profile's up to month 0, the arm's own from month 1."""
        if name not in SERVICES:
            raise KeyError(name)
        return self.services.get(name, self.profile.services[name]) if study_month >= 1 else self.profile.services[name]
