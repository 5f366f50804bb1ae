"""A profile: the families and services of a place.

``oygarden`` is a file in ``scenarios/profiles``; ``vestland/Osterøy`` is inferred from a ranking (``scenarios.vestland``);
a path that ends in ``.toml`` is a profile of one's own, and one that ends in ``.csv`` holds a planner's own figures
(``scenarios.own_figures``). A file may build on another profile (``extends``) and state only what differs.

Every number of a profile carries its source (an id of ``calibration/evidence``, ``solved`` or ``judgement``), its grade,
and for grade D the reason. The numbers describe families *as they come to the pool*. What is published is of families
that are there, and often of those chosen for follow-up: such figures stand under ``targets``, and ``run.py profile``
compares, or solves for the numbers that give them (``scenarios.profile_fit``).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from scenarios.files import SHIPPED, Key, Table, check, dotted, exists, read_toml, shown
from simulation.errors import InputError, nearest
from simulation.plan import Profile, ServicePlan

FOLDER: Final = SHIPPED / "profiles"
VESTLAND: Final = "vestland/"
PUBLISHED: Final = FOLDER / "basis" / "social-assistance.toml"
MAX_EXTENDS: Final = 8
BOUNDS_OF_MEANS: Final[dict[str, tuple[float, float]]] = {  # beyond them newcomers cannot be drawn with these means
    "children": (1, 6),
    "age_parent": (18, 60),  # years
    "years_in_norway": (2.5, 50),  # of immigrants, of whom some have been here for less than two
    "rent": (1_000, 50_000),  # NOK a month, 2025
}


class Grounds(Table):
    """Where a number comes from."""

    source: str = Field(min_length=1, max_length=100, description="an id of the evidence tables, or `judgement`")
    grade: Literal["A", "B", "C", "D"]
    reason: str = Field(default="", max_length=1000, description="a sentence")


class Share(Grounds):
    """A share with its source."""

    value: float = Field(ge=0, le=1)


class Positive(Grounds):
    """A mean or a length with its source."""

    value: float = Field(gt=0, le=1_000_000)


class Amount(Grounds):
    """A number of places or requests with its source."""

    value: float = Field(ge=0, le=100_000)


class Length(Grounds):
    """A length of stay with its source."""

    value: float = Field(ge=0.5, le=120)


class Head(Table):
    """What the place is called."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$", description="small letters, digits and hyphens")
    title: str = Field(min_length=1, max_length=200, description="a line of text")
    about: str = Field(default="", max_length=4000, description="what stands behind the numbers")
    prices: str = Field(default="2025", description="the year of the rules that its targets hold under, as text")
    housing_cap: Literal["other", "oslo", "large", "further"] = "other"


class Barriers(Table):
    """Prevalence of the barriers: of parents (the first four), of families (the others)."""

    health: Share
    language: Share
    education: Share
    digital: Share
    housing: Share
    network: Share
    economy: Share
    care: Share
    violence: Share


class Shares(Table):
    """Other shares."""

    immigrant: Share
    lone_parent: Share
    special_needs: Share
    renting: Share
    municipal_rental: Share
    recent_refugee: Share


class Means(Table):
    """Means, each within ``BOUNDS_OF_MEANS``."""

    children: Positive
    age_parent: Positive
    years_in_norway: Positive
    rent: Positive


class Service(Table):
    """Capacity of a service, and who else asks for it."""

    places: Amount
    length_months: Length
    background_per_month: Amount
    mode: Literal["hard", "soft"] = "hard"
    priority: Literal["first_come", "need"] = "first_come"
    waiting_months: Amount | None = None  # as published or judged: what the places were set to give; docs/services.md


class Services(Table):
    """The eight services."""

    health: Service
    language: Service
    education: Service
    housing: Service
    economy: Service
    work: Service
    children: Service
    child_welfare: Service


class Labour(Table):
    """The labour market within reach."""

    openings_per_100_parents: Amount


_AS_ELSEWHERE: Final = Positive(
    value=1.0, source="judgement", grade="D", reason="As elsewhere, unless the profile says otherwise."
)


class Local(Table):
    """How life here differs from elsewhere for families in the same situation; behaviour itself carries over."""

    job_entry_ratio: Positive = _AS_ELSEWHERE
    """hazard ratio on getting a job, and the ratio of newcomers in work"""
    couple_form_ratio: Positive = _AS_ELSEWHERE
    """hazard ratio on a lone parent getting a partner"""
    part_time_share: Share | None = None
    """hours of a part-time job, of full time, where it is not as in the rates of the year"""


class Size(Table):
    """How large the place is."""

    families: Positive = Positive(
        value=400, source="judgement", grade="D", reason="The size of the shipped studies' pool."
    )
    inhabitants: Positive | None = None


class Target(Grounds):
    """A published figure of the families that are there, under the name of a statistic (``calibration.statistics``)."""

    value: float
    n: int | None = Field(default=None, ge=1, description="how many the figure counts")
    low: float | None = None
    high: float | None = None
    sd: float | None = Field(default=None, gt=0, description="between units, for a mean or median")
    population: Literal["selected", "pool"] = "selected"
    moves: str = Field(default="", max_length=100, description="the number of the profile that is solved for")
    factor: float = Field(default=1.0, gt=0, le=10, description="the published quantity over the model's")
    factor_reason: str = Field(default="", max_length=1000, description="a sentence")
    most: float | None = Field(default=None, gt=0, description="the number that is solved for is kept at or below")


class LocalRate(Grounds):
    """A rate that the municipality has set itself, with its source."""

    value: float | list[float]


class LocalRates(Table, extra="allow"):
    """``[rates]``: the year they are of, and the rates by their names in ``simulation/rates/YEAR.toml``."""

    __pydantic_extra__: dict[str, LocalRate]
    year: str = Field(description='the year the rates are of, as text: "2025"')


class ProfileFile(Table):
    """A profile file."""

    profile: Head
    barriers: Barriers
    shares: Shares
    means: Means
    services: Services
    labour: Labour
    local: Local = Local()
    size: Size = Size()
    ranks: dict[str, float] = Field(default_factory=dict, max_length=20)
    """What a ranking says, for each unit of ``rank_strength``: see ``scenarios.vestland``"""
    targets: dict[str, Target] = Field(default_factory=dict, max_length=100)
    rates: LocalRates | None = None


def profile_names() -> tuple[str, ...]:
    """The profiles that come with the program, but for those inferred from a ranking (``vestland/NAME``)."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def is_shipped(name: str) -> bool:
    """Whether a profile comes with the program: by its name, or by the path of its file."""
    return not name.endswith((".toml", ".csv")) or Path(name).resolve().is_relative_to(FOLDER)


def load_profile(name: str) -> Profile:
    """A profile by its name, or by the path of a file that ends in ``.toml`` or ``.csv``.

    Raises
    ------
    InputError : no such profile, or something in its file is wrong
    """
    return resolve(read_profile(name), name)


def resolve(document: ProfileFile, file: str = "") -> Profile:
    """What the model reads of a profile's file; ``file`` is what to blame for rates that cannot be."""
    services = {service: _service_plan(table) for service, table in document.services}
    inhabitants, local = document.size.inhabitants, document.local
    return Profile(
        name=document.profile.name,
        title=document.profile.title,
        barriers=_values(document.barriers),
        shares=_values(document.shares),
        means=_values(document.means),
        services=services,
        openings_per_100_parents=document.labour.openings_per_100_parents.value,
        job_entry_ratio=local.job_entry_ratio.value,
        couple_form_ratio=local.couple_form_ratio.value,
        part_time_share=None if local.part_time_share is None else local.part_time_share.value,
        ranks=dict(document.ranks),
        families=round(document.size.families.value),
        inhabitants=None if inhabitants is None else inhabitants.value,
        housing_cap=document.profile.housing_cap,
        rates=_local_rates(document.rates, file or document.profile.name),
        rates_year="" if document.rates is None else document.rates.year,
    )


def read_profile(name: str) -> ProfileFile:
    """A profile with the source, grade and reason of every number, and its targets.

    Raises
    ------
    InputError : no such profile, or something in its file is wrong
    """
    if name.startswith(VESTLAND):
        from scenarios.vestland import municipality_profile

        return municipality_profile(name)
    if name.endswith(".csv"):
        from scenarios.own_figures import own_profile

        return own_profile(Path(name))
    path = _locate(name)
    document = check(ProfileFile, _read(path), lambda key: path)
    _demand_reasons(document, path, ())
    _demand_sense(document, path)
    return document


def _locate(name: str) -> Path:
    own = name.endswith(".toml")
    path = Path(name) if own else FOLDER / f"{name}.toml"
    if (own and not exists(path)) or (not own and name not in profile_names()):
        allowed = f"{nearest(name[:80], profile_names())}; vestland/MUNICIPALITY; or a .toml or .csv file"
        raise InputError(f"there is no profile {shown(name)}", allowed=allowed)
    return path


def _read(path: Path, depth: int = 0) -> dict[str, Any]:
    """The tables of a file over those of the profile it extends; targets are its own."""
    content = read_toml(path)
    base = content.pop("extends", None)
    if base is None:
        return content
    if not isinstance(base, str) or depth == MAX_EXTENDS:
        problem = f"{shown(base)} is not a profile" if depth < MAX_EXTENDS else "too many files in a row"
        raise InputError(problem, file=path, key="extends", allowed=f"one of: {', '.join(profile_names())}, or a path")
    try:
        if base.startswith(VESTLAND):
            below = read_profile(base).model_dump()
        else:
            below = _read(_locate(str(path.parent / base) if base.endswith(".toml") else base), depth + 1)
    except InputError as error:
        if error.file is not None:
            raise
        raise InputError(error.problem, file=path, key="extends", allowed=error.allowed) from None
    below.pop("targets", None)
    for section in ("barriers", "local"):  # what is stated is not inferred from a ranking
        for name in content.get(section, {}):
            below.get("ranks", {}).pop(name, None)
    return _over(below, content)


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged; a table that holds a ``value`` is one number with its grounds, and replaces the other whole."""
    merged = dict(copy.deepcopy(base))
    for name, value in top.items():
        below = merged.get(name)
        merge = isinstance(value, Mapping) and isinstance(below, Mapping) and "value" not in value
        merged[name] = _over(below, value) if merge else value  # type: ignore[arg-type]
    return merged


def published_assistance() -> dict[str, Target]:
    """Norwegian figures of spells on social assistance, that the pool of every profile is held against."""
    found: dict[str, Target] = {}
    for name, table in read_toml(PUBLISHED).items():
        found[name] = Target.model_validate(table)
    return found


def profile_dict(profile: Profile) -> dict[str, Any]:
    """A profile as JSON-able data, for the manifest of a run."""
    return asdict(profile)


def _demand_reasons(table: Table, path: Path, key: Key) -> None:
    """Every judgement (grade D) says why."""
    if isinstance(table, Grounds) and table.grade == "D" and not table.reason.strip():
        raise InputError(
            "is missing", file=path, key=dotted((*key, "reason")), allowed="a reason for a number of grade D"
        )
    for name, value in table:
        if isinstance(value, Table):
            _demand_reasons(value, path, (*key, name))


def _demand_sense(document: ProfileFile, path: Path) -> None:
    """What no kind of number shows: means that cannot be, shares that cannot be together, targets of nothing."""
    from calibration.statistics import find_statistic

    for name, mean in document.means:
        low, high = BOUNDS_OF_MEANS[name]
        if not low <= mean.value <= high:
            raise InputError(
                f"{mean.value:g} is out of range",
                file=path,
                key=f"means.{name}.value",
                allowed=f"a number from {low:g} to {high:g}",
            )
    if document.barriers.language.value > document.shares.immigrant.value:
        raise InputError(
            f"{document.barriers.language.value:g} is more than shares.immigrant, and only immigrants have the barrier",
            file=path,
            key="barriers.language.value",
            allowed=f"at most {document.shares.immigrant.value:g}",
        )
    for name, target in document.targets.items():
        key = dotted(("targets", name))
        try:
            unit = find_statistic(name).unit
        except InputError as error:
            raise InputError(error.problem, file=path, key=key, allowed=error.allowed) from None
        if unit.startswith("share") and not 0 <= target.value <= 1:
            raise InputError(
                f"{target.value!r} is out of range", file=path, key=f"{key}.value", allowed="a number from 0 to 1"
            )
        if target.moves and target.moves not in solvable(document):
            allowed = nearest(target.moves, solvable(document))
            raise InputError("there is no such number", file=path, key=f"{key}.moves", allowed=allowed)


def solvable(document: ProfileFile) -> dict[str, float]:
    """The numbers of a profile that describe its families, by dotted name."""
    found = {}
    for section in ("barriers", "shares", "means", "local"):
        for name, item in getattr(document, section):
            if item is None:
                continue
            found[f"{section}.{name}"] = float(item.value)
    return found


def with_values(document: ProfileFile, values: Mapping[str, float], **grounds: str) -> ProfileFile:
    """The profile with numbers of :func:`solvable` changed, and ``source``, ``grade`` or ``reason`` with them."""
    sections: dict[str, Any] = {}
    for dotted_name, value in values.items():
        section, name = dotted_name.split(".")
        table = sections.get(section, getattr(document, section))
        item = getattr(table, name).model_copy(update={"value": float(value), **grounds})
        sections[section] = table.model_copy(update={name: item})
    return document.model_copy(update=sections)


def _values(table: Table) -> dict[str, float]:
    return {name: float(item.value) for name, item in table}


def _local_rates(table: LocalRates | None, name: str) -> dict[str, float | tuple[float, ...]]:
    """The municipality's own rates; each must be one of its year's, and fit its unit."""
    if table is None:
        return {}
    from simulation.rates import load_rates

    found: dict[str, float | tuple[float, ...]] = {}
    for rate, item in table.__pydantic_extra__.items():
        found[rate] = tuple(item.value) if isinstance(item.value, list) else item.value
        try:
            load_rates(table.year, changes={rate: found[rate]})
        except InputError as error:
            key = "rates.year" if error.key == "month" else f"rates.{rate}"
            raise InputError(error.problem, file=name, key=key, allowed=error.allowed) from None
    return found


def _service_plan(table: Service) -> ServicePlan:
    return ServicePlan(
        places=float(table.places.value),
        length_months=float(table.length_months.value),
        background_per_month=float(table.background_per_month.value),
        mode=table.mode,
        priority=table.priority,
    )
