"""Everything a planner sets: two plans in one place, as a study that the command line runs to the same numbers.

``LEVERS`` is the one table that a page builds its widgets from. Each lever has an address: its name for what both plans
share (``place``, ``links.trust_gain``), and the plan's name before it for what a plan has of its own (``plan.caseload``).
``to_query`` writes every lever that is set by its address, and ``from_query`` reads it back.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from results.costs import UNITS, Entry, Percent, costs_path, load_costs
from results.language import say
from scenarios.files import shown
from scenarios.lab.lever import Lever, Value, bounded, in_link
from scenarios.lab.links import link_levers
from scenarios.lab.places import HOME, place_profile, places
from scenarios.lab.uploads import FILE as OWN_FIGURES
from scenarios.lab.uploads import Upload
from scenarios.schema import Arm, Pool, StudySettings
from scenarios.study import POSTERIORS, RATES, Study, names_in, study_from
from simulation.errors import InputError
from simulation.names import SERVICES
from simulation.parameters import find_parameter
from simulation.plan import Profile

NAME: Final = "your-plan-vs-today"
FILE: Final = Path(f"{NAME}.toml")
"""What the study is called when it is taken away."""
ARMS: Final = {"today": "today", "plan": "your-plan"}
"""The arm of each plan."""
CONTRAST: Final = "your plan vs today"
REPLICATES: Final = 500
OWN: Final = "own"  # in a link: which figures of one's own it was made with
MOST_OF_A_LINK: Final = 8_000  # characters; every lever at once takes fewer
LANGUAGES: Final = ("nb", "en")
KNOWN_COSTS: Final = (
    *("coordinator.wage", "coordinator.pension", "coordinator.employer_contribution", "coordinator.overhead"),
    *("training_and_supervision", "interpreter", "travel", "start_up"),
    *(f"service.{service}" for service in SERVICES),
)
"""The unit costs that a planner may know of her own municipality."""

_SETTINGS: Final = {name: known.get_default() for name, known in StudySettings.model_fields.items()}


# ---- what is set -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanLevers:
    """What a plan has of its own. None, or a service that is not there: as it is in the profile, or without."""

    coordinators: int = 0
    caseload: int = 10  # FamiliePluss (deck-oygarden); where a planner begins, and nothing without coordinators
    follow_up: str = _SETTINGS["follow_up"]
    length_months: float = _SETTINGS["length_months"]
    longest_months: int | None = None
    intake: str = _SETTINGS["intake"]
    criterion: str = _SETTINGS["criterion"]
    relaxed: bool = _SETTINGS["relaxed"]
    services: Mapping[str, float] = field(default_factory=dict)
    """places by service"""
    openings_factor: float = 1.0
    openings_from: int | None = None
    openings_to: int | None = None
    inflow_factor: float = 1.0
    coordinator_leaves_month: int | None = None
    closed_from: Mapping[str, int] = field(default_factory=dict)
    """the first month that a service is closed"""
    closed_to: Mapping[str, int] = field(default_factory=dict)
    """the last one"""

    def arm(self) -> dict[str, Any]:
        """What the arm says, as in a file. Without coordinators nothing is said of them and of whom they follow."""
        said: dict[str, Any] = {}
        for lever in PLAN_LEVERS:
            value = _get(self, lever)
            if value is None or (lever.group in WITH_COORDINATORS and not self.coordinators):
                continue
            table = said
            *above, last = lever.key.split(".")[2:]
            for name in above:
                table = table.setdefault(name, {})
            table[last] = value
        return said


@dataclass(frozen=True)
class Levers:
    """Two plans in one place. ``own`` figures take the place of ``place``."""

    place: str = HOME
    own: Upload | None = None
    families: int | None = None
    horizon_months: int = 36
    prices: str = _SETTINGS["prices"]
    posterior: str = "holf"
    seed: int = 1
    links: Mapping[str, float] = field(default_factory=dict)
    """the strength of links by parameter; the others are as drawn"""
    costs: Mapping[str, float] = field(default_factory=dict)
    """unit costs by their dotted name; the others are ours"""
    today: PlanLevers = field(default_factory=PlanLevers)
    plan: PlanLevers = field(default_factory=PlanLevers)

    def profile(self) -> Profile:
        """The place as the study has it: with the pool that is set, and services to match."""
        profile = self._whole_place()
        return profile if self.families is None else profile.for_pool(self.families)

    def _whole_place(self) -> Profile:
        return place_profile(self.place) if self.own is None else self.own.profile()

    def usual(self, address: str) -> Value | None:
        """What holds where the lever is left alone: of the profile, our unit cost, or a link's likely value."""
        lever = ADDRESSES[address]
        if lever.field == "services":
            return self.profile().services[lever.element].places
        if lever.field == "families":
            return self._whole_place().families
        if lever.field == "links":
            return find_parameter(lever.element).default
        if lever.field == "costs":
            return _our_costs(self.prices)[lever.element]
        return None

    def value(self, address: str) -> Value | None:
        """What a lever is set to; None where it is left alone."""
        return _get(*_whose(self, address))

    def with_value(self, address: str, value: Value | None) -> Levers:
        """The same with one lever moved, or left alone (None, where it is optional).

        Raises
        ------
        InputError : the lever does not go there
        """
        values = self.values() | {address: value}
        return levers_of({name: set_to for name, set_to in values.items() if set_to is not None}, self.own)

    def values(self) -> dict[str, Value]:
        """Every lever that is set, by address."""
        found = {address: self.value(address) for address in ADDRESSES}
        return {address: value for address, value in found.items() if value is not None}

    def study(self, replicates: int = REPLICATES) -> Study:
        """The study that holds the two plans side by side; ``Study.to_toml`` writes it.

        Raises
        ------
        InputError : a lever is set to what it cannot be, or levers contradict each other
        """
        _check(self)
        content = self._content()
        content["study"]["replicates"] = replicates
        return study_from(content, FILE, self._whole_place())

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "study": {"name": NAME, "title": say("lab_study.title", "en"), "question": say("lab_study.question", "en")},
            "pool": {},
            "parameters": {},
            "costs": {},
            "arm": {ARMS[plan]: _titles(plan) | getattr(self, plan).arm() for plan in ARMS},
            "contrast": {CONTRAST: _titles("contrast") | {"arm": ARMS["plan"], "against": ARMS["today"]}},
        }
        content["study"] |= _titles("title")
        for lever in SHARED_LEVERS:
            value = _get(self, lever)
            if value is None:
                continue
            table, _, name = lever.key.partition(".")
            if table == "costs":
                *above, name = name.split(".")
                inner = content[table]
                for part in above:
                    inner = inner.setdefault(part, {})
                inner[name] = value
            else:
                content[table][name] = value
        if self.own is not None:
            content["study"]["profile"] = str(OWN_FIGURES)
        return content


@functools.cache
def _our_costs(prices: str) -> dict[str, float]:
    return {entry.name: entry.value for entry in load_costs(costs_path(prices)).entries}


def _titles(what: str) -> dict[str, str]:
    return {f"title_{lang}": say(f"lab_study.{what}", lang) for lang in LANGUAGES}


# ---- the table -------------------------------------------------------------------------------------------------------


def _of_arm(group: str, *names: str, step: float = 1.0) -> Iterator[Lever]:
    for name in names:
        yield _lever(name, group, "arm.{arm}." + name, PlanLevers, step, **bounded(Arm, name))


def _of_services(group: str, field_name: str, key: str) -> Iterator[Lever]:
    for service in SERVICES:
        bounds = bounded(Arm, "services", service, key)
        yield Lever(f"{field_name}.{service}", group, f"arm.{{arm}}.services.{service}.{key}", optional=True, **bounds)


def _of_study(group: str, *names: str) -> Iterator[Lever]:
    for name in names:
        yield _lever(name, group, f"study.{name}", Levers, **bounded(StudySettings, name))


def _lever(name: str, group: str, key: str, holder: type, step: float = 1.0, **bounds: Any) -> Lever:
    """A lever of a field of its own: optional where the field begins as None."""
    optional = holder.__dataclass_fields__[name].default is None  # type: ignore[attr-defined]
    return Lever(name, group, key, step=step, optional=optional, **bounds)


def _of_costs() -> Iterator[Lever]:
    for name in KNOWN_COSTS:
        unit = UNITS[name]
        share = unit.startswith("%")
        bounds = bounded(Percent if share else Entry, "value")
        key = f"costs.{name}"
        yield Lever(key, "costs", key, step=0.1 if share else 10.0, optional=True, unit=unit, **bounds)


SHARED_LEVERS: Final[tuple[Lever, ...]] = (
    Lever("place", "place", "study.profile", "choice", choices=places()),
    _lever("families", "place", "pool.families", Levers, **bounded(Pool, "families")),
    *_of_study("settings", "horizon_months"),
    replace(next(_of_study("settings", "prices")), choices=tuple(names_in(RATES, "[0-9]*.toml"))),
    replace(next(_of_study("settings", "posterior")), choices=(*names_in(POSTERIORS), "prior")),
    *_of_study("settings", "seed"),
    *link_levers(),
    *_of_costs(),
)
PLAN_LEVERS: Final[tuple[Lever, ...]] = (
    *_of_arm("staff", "coordinators", "caseload"),
    *_of_arm("follow_up", "follow_up", "length_months", "longest_months"),
    *_of_arm("intake", "intake", "criterion", "relaxed"),
    *_of_services("services", "services", "places"),
    *_of_arm("labour", "openings_factor", step=0.05),
    *_of_arm("labour", "openings_from", "openings_to"),
    *_of_arm("stress", "inflow_factor", step=0.1),
    *_of_arm("leaving", "coordinator_leaves_month"),
    *_of_services("closing", "closed_from", "closed_from"),
    *_of_services("closing", "closed_to", "closed_to"),
)
LEVERS: Final = (*SHARED_LEVERS, *PLAN_LEVERS)
WITH_COORDINATORS: Final = frozenset({"staff", "follow_up", "intake", "leaving"})
"""Groups of levers that mean nothing without coordinators."""
ADDRESSES: Final[Mapping[str, Lever]] = {
    **{lever.name: lever for lever in SHARED_LEVERS},
    **{f"{plan}.{lever.name}": lever for plan in ARMS for lever in PLAN_LEVERS},
}
"""Every lever by its address."""


def _get(holder: Levers | PlanLevers, lever: Lever) -> Value | None:
    held = getattr(holder, lever.field)
    value: Value | None = held.get(lever.element) if lever.element else held
    return value


def _whose(levers: Levers, address: str) -> tuple[Levers | PlanLevers, Lever]:
    plan = address.partition(".")[0]
    return (getattr(levers, plan) if plan in ARMS else levers), ADDRESSES[address]


def _check(levers: Levers) -> None:
    """Every lever within its bounds, and nothing set that is no lever."""
    for address, value in levers.values().items():
        ADDRESSES[address].check(value, address)
    holders = (("", levers, SHARED_LEVERS), *((f"{plan}.", getattr(levers, plan), PLAN_LEVERS) for plan in ARMS))
    for prefix, holder, table in holders:
        for name in {lever.field for lever in table if lever.element}:
            for element in getattr(holder, name):
                _find(f"{prefix}{name}.{element}")


def _find(address: str) -> Lever:
    if address not in ADDRESSES:
        raise InputError(f"there is no lever {shown(address[:80])}", allowed="a lever of the lab")
    return ADDRESSES[address]


def levers_of(values: Mapping[str, Any], own: Upload | None = None) -> Levers:
    """Levers from what each is set to, by address; the others are left as they begin.

    Raises
    ------
    InputError : there is no such lever, or it does not go there; ``key`` is the address
    """
    fields: dict[str, dict[str, Any]] = {"": {}, **{plan: {} for plan in ARMS}}
    for address, value in values.items():
        lever = _find(address)
        plan = address.partition(".")[0]
        table = fields[plan if plan in ARMS else ""]
        checked = lever.check(value, address)
        if lever.element:
            table.setdefault(lever.field, {})[lever.element] = checked
        else:
            table[lever.field] = checked
    plans = [PlanLevers(**fields[plan]) for plan in ARMS]
    return Levers(**fields[""], own=own, today=plans[0], plan=plans[1])


# ---- a link that holds them ------------------------------------------------------------------------------------------


def to_query(levers: Levers) -> str:
    """Every lever that is set, as the query of a link. Own figures are not in it, only what tells them from others."""
    said = {address: in_link(value) for address, value in levers.values().items()}
    if levers.own is not None:
        said[OWN] = levers.own.digest
    return urlencode(said)


def from_query(text: str, own: Upload | None = None) -> Levers:
    """The levers that :func:`to_query` wrote. What the text does not say is left as it begins.

    Parameters
    ----------
    text : the query of a link, from anybody
    own : figures that are uploaded already, if any: used where the link was made with the same

    Raises
    ------
    InputError
        Too long, not a query, a lever twice, no such lever, or set to what it cannot be. With the key ``own``: it was made with
        own figures that are not these.
    """
    if len(text) > MOST_OF_A_LINK:
        raise _no_link("is too long")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=len(ADDRESSES) + 1
        )
    except ValueError:
        raise _no_link("is not one that the lab has made") from None
    values: dict[str, Value] = {}
    digest = None
    for address, said in pairs:
        if address in values or (address == OWN and digest is not None):
            raise InputError("stands there twice", key=address, allowed="each lever once")
        if address == OWN:
            digest = said
        else:
            values[address] = _find(address).read(said, address)
    if digest is not None and (own is None or own.digest != digest):
        raise InputError(
            "the link was made with own figures, and a link never holds them",
            key=OWN,
            allowed="the link once the same file is uploaded",
        )
    return levers_of(values, own if digest is not None else None)


def _no_link(problem: str) -> InputError:
    return InputError(f"the link {problem}", allowed="a link as the lab writes it, whole")
