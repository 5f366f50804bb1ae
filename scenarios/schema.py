"""What a study file may hold: keys, types and bounds. What must fit together is checked in ``scenarios.study``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from scenarios.files import Table
from simulation.names import MAX_CASELOAD, MAX_COORDINATORS

SLUG = r"^[a-z0-9][a-z0-9-]{0,79}$"
SLUG_WORDS = "small letters, digits and hyphens, the first not a hyphen, at most 80"

MAX_SEED = 2**32 - 1
MAX_HORIZON = 240
MAX_REPLICATES = 1_000_000
MIN_FAMILIES = 10
MAX_FAMILIES = 200_000
MAX_PLACES = 1000

FollowUp = Literal["own_model", "holf_model", "familiepluss", "nye_monstre"]
Criterion = Literal["holf", "lasting_low_income"]
Intake = Literal["need", "waiting", "random"]
Month = Annotated[int, Field(ge=1, le=MAX_HORIZON)]
Length = Annotated[float, Field(ge=1, le=MAX_HORIZON)]
Factor = Annotated[float, Field(ge=0, le=10)]
Title = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^\S.*$", description="a line of at most 100 characters")
]

TITLES = ("title_nb", "title_en")
"""Keys that say what a study, an arm or a contrast is called in the report; nothing is computed from them."""


class Titled(Table):
    """What it is called in the report, in each language; its name where nothing is said."""

    title_nb: Title | None = None
    title_en: Title | None = None


class StudySettings(Titled):
    """``[study]``: what holds for every arm."""

    name: str = Field(pattern=SLUG, description=SLUG_WORDS)
    title: str = Field(default="", max_length=200, pattern=r"^.*$", description="a line of at most 200 characters")
    question: str = Field(default="", max_length=4000, description="text of at most 4000 characters")
    profile: str = Field(description="the name of a profile, or the path of a .toml or .csv file")
    horizon_months: Month
    burn_in_months: int = Field(default=84, ge=24, le=MAX_HORIZON)
    replicates: int = Field(ge=2, le=MAX_REPLICATES)
    seed: int = Field(ge=0, le=MAX_SEED)
    prices: str = Field(default="2025", description='the year of the rules, as text: "2025"')
    costs: str | None = Field(default=None, description="the path of a file of unit costs")
    posterior: str = Field(default="prior", description='"prior", or posterior draws')
    links: Literal["on", "off"] = "on"
    precision: float | None = Field(default=None, gt=0, le=1)
    follow_up: FollowUp = "familiepluss"
    intake: Intake = "need"
    criterion: Criterion = "holf"
    relaxed: bool = False
    length_months: Length = 24.0
    longest_months: Month | None = None


class Pool(Table):
    """``[pool]``: the families in lasting low income; as many as the profile says, where the study does not."""

    families: int | None = Field(default=None, ge=MIN_FAMILIES, le=MAX_FAMILIES)


class Places(Table):
    """``[places]``: a list of places that comes with the program; ``[pool] families`` is then shared out by inhabitants."""

    of: Literal["vestland", "norway"] | None = None


class Place(Table):
    """``[[place]]``: a place of a study over many, each with families, services and luck of its own."""

    profile: str | None = Field(default=None, description="the name of a profile, or the path of a .toml or .csv file")
    families: int | None = Field(default=None, ge=MIN_FAMILIES, le=MAX_FAMILIES)


class ServiceChange(Table):
    """``[arm.services.NAME]``: what an arm changes of a service; the rest is as in the profile."""

    places: float | None = Field(default=None, ge=0, le=100_000)
    length_months: float | None = Field(default=None, ge=0.5, le=120)
    background_per_month: float | None = Field(default=None, ge=0, le=100_000)
    mode: Literal["hard", "soft"] | None = None
    priority: Literal["first_come", "need"] | None = None
    opens_month: Month | None = None
    closed_from: Month | None = None
    closed_to: Month | None = None


class ServiceChanges(Table):
    """``[arm.services]``."""

    health: ServiceChange | None = None
    language: ServiceChange | None = None
    education: ServiceChange | None = None
    housing: ServiceChange | None = None
    economy: ServiceChange | None = None
    work: ServiceChange | None = None
    children: ServiceChange | None = None
    child_welfare: ServiceChange | None = None


class Arm(Titled):
    """``[[arm]]``: what differs between the arms; a lever left out is as in ``[study]``, or the model's default."""

    coordinators: int = Field(default=0, ge=0, le=MAX_COORDINATORS)
    families_per_coordinator: int | None = Field(default=None, ge=1, le=MAX_FAMILIES)
    """Coordinators by the size of the pool: whole ones, the nearest number, at least one."""
    caseload: int | None = Field(default=None, ge=1, le=MAX_CASELOAD)
    follow_up: FollowUp | None = None
    intake: Intake | None = None
    criterion: Criterion | None = None
    relaxed: bool | None = None
    length_months: Length | None = None
    longest_months: Month | None = None
    admissions_per_month: int | None = Field(default=None, ge=1, le=MAX_CASELOAD)
    cover: bool | None = None
    coordinator_leaves_month: Month | None = None
    inflow_factor: Factor | None = None
    openings_factor: Factor | None = None
    openings_from: Month | None = None
    openings_to: Month | None = None
    services: ServiceChanges = ServiceChanges()


class Contrast(Titled):
    """``[[contrast]]``: two arms to compare."""

    arm: str = Field(description="the name of an arm")
    against: str = Field(description="the name of an arm")


class StudyFile(Table):
    """A study: the file with what it extends and what ``--set`` changes, arms and contrasts by their names."""

    study: StudySettings
    pool: Pool = Pool()
    places: Places = Places()
    place: dict[str, Place] = Field(default_factory=dict, max_length=MAX_PLACES)
    parameters: dict[str, float] = Field(default_factory=dict)
    costs: dict[str, Any] = Field(default_factory=dict)
    """Unit costs of its own, as in ``scenarios/costs/``: ``results.costs`` checks them."""
    arm: dict[str, Arm] = Field(min_length=1, max_length=100)
    contrast: dict[str, Contrast] = Field(default_factory=dict, max_length=200)
