"""Unit costs and who pays: ``scenarios/costs/*.toml``, or a municipality's own, as the weights that turn flows into costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from results.files import file_of_year
from scenarios.files import Table, beside, check, dotted, exists, read_toml, shown
from simulation.errors import InputError, nearest
from simulation.names import BENEFITS, SERVICES
from simulation.outcomes import FLOWS

FOLDER: Final = Path(__file__).resolve().parent.parent / "scenarios" / "costs"
PAYERS: Final = ("municipality", "state", "family", "society")
MONTHS_A_YEAR: Final = 12.0
MAX_EXTENDS: Final = 5
MOST: Final = 1e9  # of any unit cost
SET: Final = "--set"
UNITS: Final = {  # of every entry; a cost a month where one a year is meant is never noticed
    "discount": "% a year",
    "marginal_cost_of_public_funds": "% of the net cost to public budgets",
    "employer_contribution": "% of the pool's gross wages",
    "displacement": "% of the work done by the pool",
    "lost_time": "% of the net gain from work",
    "coordinator.wage": "NOK a year and position",
    "coordinator.pension": "% of the wage",
    "coordinator.employer_contribution": "% of wage and pension",
    "coordinator.overhead": "% of wage, pension and contribution",
    "coordinator.vacant": "NOK a year and position",
    "training_and_supervision": "NOK a year and position",
    "interpreter": "NOK an hour",
    "interpreted": "% of hours with families in which a parent has the language barrier",
    "travel": "NOK a family-month",
    "start_up": "NOK a family admitted",
    **{f"service.{name}": "NOK a place-month" for name in SERVICES},
}

FOLLOW_UP: Final = ("coordinators", "training_and_supervision", "interpreters", "travel", "start_up")
"""The municipality's items that following families up takes: what the coordinators cost in all."""
BENEFIT_FLOWS: Final = (
    *BENEFITS[1:],
    *("child_benefit", "cash_for_care", "childcare_support", "advance_child_support"),
    *("housing_allowance", "social_assistance"),
)
FEE_FLOWS: Final = ("tax", "kindergarten_fee", "sfo_fee")  # what families pay
CONTRIBUTION: Final = "employer_contribution"  # what employers of the pool pay, of its gross wages
PAID: Final = (*BENEFIT_FLOWS, CONTRIBUTION, *FEE_FLOWS)

PublicPayer = Literal["municipality", "state"]
Origin = Callable[[tuple[str, ...]], str]
"""What messages call the file or option that a key comes from."""
STUDY_TABLE: Final = " [costs]"  # where a study states unit costs


# ---- the file --------------------------------------------------------------------------------------------------------


class Entry(Table):
    """A number with where it comes from."""

    value: Annotated[float, Field(ge=0, le=MOST)]
    unit: str
    source: str
    grade: Literal["A", "B", "C", "D"]
    reason: str = ""


class Percent(Entry):
    """A share, in per cent."""

    value: Annotated[float, Field(ge=0, le=100)]


class ServiceEntry(Entry):
    """The cost of a place in a service for a month."""

    payer: PublicPayer


class _Coordinator(Table):
    wage: Entry
    pension: Percent
    employer_contribution: Percent
    overhead: Percent
    vacant: Entry


class _File(Table):
    prices: str
    discount: Percent
    marginal_cost_of_public_funds: Percent
    employer_contribution: Percent
    displacement: Percent
    lost_time: Percent
    coordinator: _Coordinator
    training_and_supervision: Entry
    interpreter: Entry
    interpreted: Percent
    travel: Entry
    start_up: Entry
    service: dict[str, ServiceEntry]
    payer: dict[str, PublicPayer]


class _PriceFactor(Entry):
    value: Annotated[float, Field(gt=0, le=1000)]


class _Factor(Table):
    price_factor: _PriceFactor


@dataclass(frozen=True)
class UnitCost:
    """One entry as it is used, with where it comes from; ``name`` is its dotted key."""

    name: str
    value: float
    unit: str
    source: str
    grade: str
    reason: str
    payer: str = ""
    """of a place in a service; empty of all else"""


@dataclass(frozen=True)
class Item:
    """A line of the account of one payer: what it is, and the weight of each flow in it."""

    payer: str
    name: str
    weights: dict[str, float]
    """NOK for a unit of each flow; an income of the payer is negative."""


@dataclass(frozen=True)
class Costs:
    """Unit costs of one year's prices. Shares are 0..1 (0.04 is 4 %)."""

    prices: str
    employment: float
    """NOK a year and position: wage, pension, employer's contribution and overhead"""
    training: float
    """NOK a year and position: training and supervision"""
    vacant: float
    """NOK a year and position"""
    interpreter: float
    """NOK an hour"""
    interpreted: float
    """of the hours with families in which a parent has the language barrier"""
    travel: float
    """NOK a family-month"""
    start_up: float
    """NOK a family admitted"""
    services: dict[str, tuple[str, float]]
    """who pays, and NOK a place-month"""
    payer: dict[str, str]
    """who pays each benefit, and who receives contributions, tax and fees"""
    discount: float
    """a year, of costs and effects"""
    public_funds: float
    """of the net cost to public budgets"""
    contribution: float
    """employer's, of the pool's gross wages"""
    displacement: float
    """of the work done by the pool"""
    lost_time: float
    """of the net gain from work, displacement taken out"""
    entries: tuple[UnitCost, ...] = ()
    """every number with its grounds"""

    @property
    def position(self) -> float:
        """What a filled position costs, NOK a year: employment, training and supervision."""
        return self.employment + self.training

    def discount_factors(self, months: int) -> npt.NDArray[np.float64]:
        """The weight of months 1..months, seen from month 0: ``(1 + discount) ** (-m / 12)``."""
        return np.asarray((1.0 + self.discount) ** (-np.arange(1, months + 1) / MONTHS_A_YEAR))

    def items(self) -> tuple[Item, ...]:
        """Every line of the accounts, each payer's total last.

        Society is the sum of the three payers, in which transfers cancel, with the work that others lose, the value of the time
        worked, and the marginal cost of public funds.
        """
        own = [*self._follow_up(), *self._services(), *self._transfers()]
        lines: list[Item] = []
        totals: list[Item] = []
        for payer in PAYERS[:3]:
            mine = [item for item in own if item.payer == payer]
            totals.append(Item(payer, "total", _sum(item.weights for item in mine)))
            lines += [*mine, totals[-1]]
        return (*lines, *self._society(own, totals))

    def matrix(self) -> npt.NDArray[np.float64]:
        """``(flows, items)``: NOK of each item for a unit of each flow."""
        items = self.items()
        return np.array([[item.weights.get(flow, 0.0) for item in items] for flow in FLOWS])

    def _follow_up(self) -> list[Item]:
        """``FOLLOW_UP``, in that order."""
        filled = "coordinator_positions"
        weights: tuple[dict[str, float], ...] = (
            {filled: self.employment / MONTHS_A_YEAR, "coordinator_vacant": self.vacant / MONTHS_A_YEAR},
            {filled: self.training / MONTHS_A_YEAR},
            {"interpreter_hours": self.interpreter * self.interpreted},
            {"families_followed": self.travel},
            {"families_admitted": self.start_up},
        )
        return [Item("municipality", name, weight) for name, weight in zip(FOLLOW_UP, weights, strict=True)]

    def _services(self) -> list[Item]:
        return [
            Item(payer, f"service_{name}", {f"place_months_{name}": value})
            for name, (payer, value) in self.services.items()
        ]

    def _transfers(self) -> list[Item]:
        """Each benefit and fee twice: the payer's cost is the family's income, and the other way round.

        Employers are in no account: what they pay in wages and contributions they get back in work done. Nor is child support,
        and so it is not in the family's total: another household pays it, none of the payers.
        """
        lines = [
            Item("family", "gross_wages", {"gross_wages": -1.0}),
            Item(self.payer[CONTRIBUTION], CONTRIBUTION, {"gross_wages": -self.contribution}),
        ]
        for flow in (*BENEFIT_FLOWS, *FEE_FLOWS):
            cost = -1.0 if flow in FEE_FLOWS else 1.0
            lines += [Item(self.payer[flow], flow, {flow: cost}), Item("family", flow, {flow: -cost})]
        return lines

    def _society(self, own: list[Item], totals: list[Item]) -> list[Item]:
        public = _sum(item.weights for item in totals if item.payer != "family")
        work = 1.0 + self.contribution  # what the work of one krone of wages is worth
        lines = [
            *(Item("society", item.name, item.weights) for item in own if item.name in FOLLOW_UP),
            Item("society", "services", _sum(item.weights for item in own if item.name.startswith("service_"))),
            Item("society", "work_done", {"gross_wages": -work}),
            Item("society", "work_displaced", {"gross_wages": self.displacement * work}),
            Item("society", "lost_time", {"gross_wages": self.lost_time * (1.0 - self.displacement) * work}),
            Item("society", "marginal_cost_of_public_funds", {k: self.public_funds * v for k, v in public.items()}),
        ]
        return [*lines, Item("society", "total", _sum(item.weights for item in lines))]


def _sum(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Weights added up."""
    total: dict[str, float] = {}
    for part in parts:
        for flow, weight in part.items():
            total[flow] = total.get(flow, 0.0) + weight
    return total


# ---- reading ---------------------------------------------------------------------------------------------------------


def costs_path(prices: str) -> Path:
    """The file with our unit costs in a year's prices.

    Raises
    ------
    InputError : there is none
    """
    return file_of_year(FOLDER, prices, "unit costs")


def costs_files(path: Path) -> tuple[Path, ...]:
    """A file of unit costs and those that it extends."""
    return tuple(file for file, _ in _chain(path))


def load_costs(
    path: Path,
    own: Mapping[str, Any] | None = None,
    origin: str | Origin = "",
    prices: str | None = None,
) -> Costs:
    """Read a file of unit costs, and lay a municipality's own over it.

    Parameters
    ----------
    path : a file; what it ``extends`` stands in the same folder, or is one of ours
    own : further entries (``[costs]`` of a study), in the same prices: a number, or a table as in the file
    origin : what messages call the file or option that ``own``, or a key of it, comes from
    prices : the year that the costs must be in, where it matters

    Raises
    ------
    InputError
        A file cannot be read, a key is missing, unknown or out of range, a unit is not ours, or prices are of another year.
    """
    document = _document(path)
    if own:
        found = origin if callable(origin) else _always(origin or str(path))
        kroner = document.content.get("prices")
        if "prices" in own and own["prices"] != kroner:
            problem = f"{shown(own['prices'])} is not the year of the unit costs that it goes over"
            raise InputError(problem, file=found(("prices",)), key="prices", allowed=f'"{kroner}", or none')
        document = document.with_own(own, found)
    return _costs(document, prices)


def costs_of(entries: Iterable[Mapping[str, Any]], payers: Mapping[str, Any], prices: str, origin: Path) -> Costs:
    """Unit costs from what a manifest holds of them: every :class:`UnitCost` as a table, and who pays.

    Raises
    ------
    InputError : they are not a whole account
    """
    content: dict[str, Any] = {"prices": prices, "payer": payers}
    try:
        for entry in entries:
            fields = {key: value for key, value in entry.items() if key != "name" and (key != "payer" or value)}
            *above, last = str(entry["name"]).split(".")
            table = content
            for name in above:
                table = table.setdefault(name, {})
            table[last] = fields
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"holds no whole unit costs: {error}", file=origin, key="unit_costs") from None
    return _costs(_Document(content, str(origin)), prices)


def paid_alike(manifest: Mapping[str, Any], costs: Costs) -> bool:
    """Whether a run had these unit costs, paid by these: where they come from, and how well that is known, moves no number."""
    was = manifest.get("unit_costs") or ()
    told = [tuple(entry.get(key) for key in ("name", "value", "unit", "payer")) for entry in was]
    now = [(entry.name, entry.value, entry.unit, entry.payer) for entry in costs.entries]
    return told == now and manifest.get("payers") == costs.payer


def _costs(document: _Document, prices: str | None) -> Costs:
    file = check(_File, document.content, document.blame)
    _check_names("service", file.service, SERVICES, document)
    _check_names("payer", file.payer, PAID, document)
    entries = tuple(_entries(file))
    for entry in entries:
        if entry.unit != UNITS[entry.name]:
            key = (*entry.name.split("."), "unit")
            raise document.wrong(key, f"{shown(entry.unit)} is another unit", UNITS[entry.name])
        if not entry.source.strip():
            raise document.wrong((*entry.name.split("."), "source"), "is empty", "text: where the number is from")
        if entry.grade == "D" and not entry.reason.strip():
            raise document.wrong((*entry.name.split("."), "reason"), "is missing", "text: why, for grade D")
    if prices not in (None, file.prices):
        problem = f"the unit costs are in kroner of {file.prices}, the study in those of {prices}"
        raise document.wrong(("prices",), problem, f'"{prices}": years are not mixed')
    position = file.coordinator
    on_top = (position.pension, position.employer_contribution, position.overhead)
    return Costs(
        prices=file.prices,
        employment=position.wage.value * float(np.prod([1.0 + share.value / 100.0 for share in on_top])),
        training=file.training_and_supervision.value,
        vacant=position.vacant.value,
        interpreter=file.interpreter.value,
        interpreted=file.interpreted.value / 100.0,
        travel=file.travel.value,
        start_up=file.start_up.value,
        services={name: (file.service[name].payer, file.service[name].value) for name in SERVICES},
        payer={name: file.payer[name] for name in PAID},
        discount=file.discount.value / 100.0,
        public_funds=file.marginal_cost_of_public_funds.value / 100.0,
        contribution=file.employer_contribution.value / 100.0,
        displacement=file.displacement.value / 100.0,
        lost_time=file.lost_time.value / 100.0,
        entries=entries,
    )


def _entries(file: _File) -> Iterator[UnitCost]:
    """Every entry of a file by its dotted key."""

    def walk(table: Any, key: str) -> Iterator[UnitCost]:
        if isinstance(table, Entry):
            payer = table.payer if isinstance(table, ServiceEntry) else ""
            yield UnitCost(key, table.value, table.unit, table.source, table.grade, table.reason, payer)
        elif isinstance(table, (Table, dict)):
            for name, inner in table.items() if isinstance(table, dict) else table:
                yield from walk(inner, f"{key}.{name}" if key else name)

    return walk(file, "")


def _check_names(table: str, given: Mapping[str, Any], wanted: tuple[str, ...], document: _Document) -> None:
    for name in given:
        if name not in wanted:
            raise document.wrong((table, name), "unknown key", nearest(name[:80], wanted))
    for name in wanted:
        if name not in given:
            raise document.wrong((table, name), "is missing", "an entry for each of: " + ", ".join(wanted))


class _Document:
    """Unit costs as they stand in files, with where each key came from."""

    def __init__(self, content: dict[str, Any], origin: str) -> None:
        self.content = content
        self._origin: dict[tuple[str, ...], str] = {(): origin}

    def blame(self, key: tuple[str, ...]) -> str:
        """The file or option that a key, or the table it is missing from, came from."""
        return next(self._origin[key[:n]] for n in range(len(key), -1, -1) if key[:n] in self._origin)

    def wrong(self, key: tuple[str, ...], problem: str, allowed: str) -> InputError:
        """An error about a key."""
        return InputError(problem, file=self.blame(key), key=dotted(key), allowed=allowed)

    def with_own(self, over: Mapping[str, Any], origin: Origin) -> _Document:
        """The document with another's entries in their place."""
        found = _Document(dict(self.content), str(self.blame(())))
        found._origin = dict(self._origin)
        found.content = found._laid(self.content, over, (), origin)
        return found

    def _laid(self, base: Any, over: Any, key: tuple[str, ...], origin: Origin) -> Any:
        if not isinstance(base, dict):
            return over
        if "value" in base:
            return self._entry(base, over, key, origin)
        if not isinstance(over, Mapping):
            return over
        found = dict(base)
        for name, value in over.items():
            self._origin[*key, name] = origin((*key, name))
            found[name] = self._laid(base[name], value, (*key, name), origin) if name in base else value
        return found

    def _entry(self, base: dict[str, Any], over: Any, key: tuple[str, ...], origin: Origin) -> Any:
        """An entry in the place of ours."""
        if isinstance(over, Mapping) and "value" not in over:
            return {**base, **over}
        stated = dict(over) if isinstance(over, Mapping) else {"value": over}
        if "source" not in stated and stated.get("grade", "D") != "D":
            allowed = "text: where the number is from, or grade D"
            raise InputError("is missing", file=origin(key), key=dotted((*key, "source")), allowed=allowed)
        ours = {name: base[name] for name in ("unit", "payer") if name in base}
        place = origin(key)
        name = SET if place.removesuffix(STUDY_TABLE).endswith(SET) else Path(place).name
        unsaid = {"source": f"own figure: {name}", "grade": "D", "reason": "Stated without a source."}
        return {**ours, **({} if "source" in stated else unsaid), **stated}


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """A file, the one it extends, the one that extends, and so on."""
    chain: list[tuple[Path, dict[str, Any]]] = []
    following: Path | None = path
    while following is not None:
        if len(chain) > MAX_EXTENDS:
            raise InputError("the files extend each other in a ring, or are too many", file=path, key="extends")
        file, content = following, read_toml(following)
        chain.append((file, content))
        following = _extended(content, file)
    return chain


def _extended(content: dict[str, Any], file: Path) -> Path | None:
    name = content.pop("extends", None)
    if name is None:
        return None
    allowed = "the path of a file of unit costs, relative to this file, or one of ours: " + ", ".join(
        sorted(path.name for path in FOLDER.glob("*.toml"))
    )
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(f"{shown(name)} is not a path", file=file, key="extends", allowed=allowed)
    for other in (beside(name, file, "extends"), FOLDER / name, FOLDER / f"{name}.toml"):
        if exists(other) and other.is_file() and not other.samefile(file):  # one's own may be called as ours is
            return other
    raise InputError(f"{shown(name)} does not exist", file=file, key="extends", allowed=allowed)


def _document(path: Path) -> _Document:
    """A file over those it extends; a price factor takes what is extended into the prices of the file that states it."""
    chain = _chain(path)
    file, content = chain.pop()
    document = _Document(content, str(file))
    for file, content in reversed(chain):
        prices, factor = content.get("prices"), content.pop("price_factor", None)
        before = document.content.get("prices")
        if factor is not None:
            value = check(_Factor, {"price_factor": factor}, _always(file)).price_factor.value
            if prices is None or prices == before:
                said = "is missing" if prices is None else f"{shown(prices)} is the year of what is extended"
                raise InputError(said, file=file, key="prices", allowed="the year that the [price_factor] leads to")
            document.content = _in_other_kroner(document.content, value)
        elif prices not in (None, before):
            problem = f"what is extended is in kroner of {before}"
            raise InputError(problem, file=file, key="prices", allowed=f'"{before}", or a [price_factor]')
        document = document.with_own(content, _always(str(file)))
    return document


def _always(file: Path | str) -> Origin:
    return lambda _: str(file)


def _in_other_kroner(table: dict[str, Any], factor: float) -> dict[str, Any]:
    """Every amount in NOK multiplied; what is not right is left for the check."""
    found: dict[str, Any] = {}
    for name, inner in table.items():
        if isinstance(inner, dict):
            inner = _in_other_kroner(inner, factor)
            value, unit = inner.get("value"), inner.get("unit")
            if isinstance(value, (int, float)) and not isinstance(value, bool) and str(unit).startswith("NOK"):
                inner["value"] = value * factor
        found[name] = inner
    return found
