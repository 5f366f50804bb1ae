"""A profile: the families and services of a place, read from ``scenarios/profiles/NAME.toml``.

Every number of a profile carries its source (an id of ``calibration/evidence``, or ``judgement``), its grade, and for
grade D the reason.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from scenarios.files import SHIPPED, Key, Table, check, dotted, exists, read_toml, shown
from simulation.errors import InputError, nearest
from simulation.plan import Profile, ServicePlan

FOLDER: Final = SHIPPED / "profiles"


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
    """Means."""

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
    rates: LocalRates | None = None


def profile_names() -> tuple[str, ...]:
    """The profiles that come with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_profile(name: str) -> Profile:
    """A profile by its name, or by the path of a profile file that ends in ``.toml``.

    Raises
    ------
    InputError : no such profile, or something in its file is wrong
    """
    document = read_profile(name)
    services = {service: _service_plan(table) for service, table in document.services}
    return Profile(
        name=document.profile.name,
        title=document.profile.title,
        barriers=_values(document.barriers),
        shares=_values(document.shares),
        means=_values(document.means),
        services=services,
        openings_per_100_parents=document.labour.openings_per_100_parents.value,
        housing_cap=document.profile.housing_cap,
        rates=_local_rates(document.rates, name),
        rates_year="" if document.rates is None else document.rates.year,
    )


def read_profile(name: str) -> ProfileFile:
    """A profile with the source, grade and reason of every number."""
    own = name.endswith(".toml")
    path = Path(name) if own else FOLDER / f"{name}.toml"
    if (own and not exists(path)) or (not own and name not in profile_names()):
        allowed = f"{nearest(name[:80], profile_names())}, or a .toml file"
        raise InputError(f"there is no profile {shown(name)}", allowed=allowed)
    document = check(ProfileFile, read_toml(path), lambda key: path)
    _demand_reasons(document, path, ())
    return document


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
