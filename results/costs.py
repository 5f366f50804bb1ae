"""Unit costs and who pays: ``scenarios/costs/*.toml`` as the weights that turn flows into costs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulation.errors import InputError
from simulation.names import BENEFITS, SERVICES
from simulation.outcomes import FLOWS

FOLDER: Final = Path(__file__).resolve().parent.parent / "scenarios" / "costs"
PAYERS: Final = ("municipality", "state", "family", "society")
MONTHS_A_YEAR: Final = 12.0
MAX_EXTENDS: Final = 5

BENEFIT_FLOWS: Final = (
    *BENEFITS[1:],
    *("child_benefit", "cash_for_care", "childcare_support", "advance_child_support"),
    *("housing_allowance", "social_assistance"),
)
FEE_FLOWS: Final = ("tax", "kindergarten_fee", "sfo_fee")  # what families pay

PublicPayer = Literal["municipality", "state"]


class Entry(BaseModel):
    """A number with where it comes from."""

    model_config = ConfigDict(extra="forbid")
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    unit: str
    source: str
    grade: Literal["A", "B", "C", "D"]
    reason: str = ""

    @model_validator(mode="after")
    def _grade_d_says_why(self) -> Entry:
        if self.grade == "D" and not self.reason.strip():
            raise ValueError("an entry of grade D needs a reason")
        return self


class ServiceEntry(Entry):
    """The cost of a place in a service for a month."""

    payer: PublicPayer


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    prices: str
    discount: Entry
    marginal_cost_of_public_funds: Entry
    displacement: Entry
    coordinator_position: Entry
    coordinator_vacant: Entry
    service: dict[str, ServiceEntry]
    payer: dict[str, PublicPayer]
    price_factor: Entry | None = None

    @model_validator(mode="after")
    def _complete(self) -> _File:
        for name, given, wanted in (
            ("service", set(self.service), set(SERVICES)),
            ("payer", set(self.payer), {*BENEFIT_FLOWS, *FEE_FLOWS}),
        ):
            if given != wanted:
                lacking, unknown = sorted(wanted - given), sorted(given - wanted)
                raise ValueError(f"[{name}] lacks {lacking} and does not know {unknown}")
        return self


@dataclass(frozen=True)
class Item:
    """A line of the account of one payer: what it is, and the weight of each flow in it."""

    payer: str
    name: str
    weights: dict[str, float]
    """NOK for a unit of each flow; an income of the payer is negative."""


@dataclass(frozen=True)
class Costs:
    """Unit costs of one year's prices.

    ``position`` and ``vacant`` are NOK a year and position, ``services`` NOK a place-month with its payer,
    ``discount``, ``public_funds`` and ``displacement`` shares (0.04 is 4 %).
    """

    prices: str
    position: float
    vacant: float
    services: dict[str, tuple[str, float]]
    payer: dict[str, str]
    discount: float
    public_funds: float
    displacement: float

    def discount_factors(self, months: int) -> npt.NDArray[np.float64]:
        """The weight of months 1..months, seen from month 0: ``(1 + discount) ** (-m / 12)``."""
        return np.asarray((1.0 + self.discount) ** (-np.arange(1, months + 1) / MONTHS_A_YEAR))

    def items(self) -> tuple[Item, ...]:
        """Every line of the accounts, each payer's total last; society is the sum, where transfers cancel."""
        own = [*self._coordinators(), *self._services(), *self._transfers()]
        lines: list[Item] = []
        totals: list[Item] = []
        for payer in PAYERS[:3]:
            mine = [item for item in own if item.payer == payer]
            totals.append(Item(payer, "total", _sum(item.weights for item in mine)))
            lines += [*mine, totals[-1]]
        return (*lines, *self._society(own, totals))

    def matrix(self) -> npt.NDArray[np.float64]:
        """``(flows, items)``: NOK of each item for a unit of each flow."""
        return np.array([[item.weights.get(flow, 0.0) for item in self.items()] for flow in FLOWS])

    def _coordinators(self) -> list[Item]:
        weights = {
            "coordinator_positions": self.position / MONTHS_A_YEAR,
            "coordinator_vacant": self.vacant / MONTHS_A_YEAR,
        }
        return [Item("municipality", "coordinators", weights)]

    def _services(self) -> list[Item]:
        return [
            Item(payer, f"service_{name}", {f"place_months_{name}": value})
            for name, (payer, value) in self.services.items()
        ]

    def _transfers(self) -> list[Item]:
        """Each benefit and fee twice: the payer's cost is the family's income, and the other way round.

        Child support is in no account, and so not in the family's total: another household pays it, none of the payers.
        """
        lines = [Item("family", "gross_wages", {"gross_wages": -1.0})]
        for flow in (*BENEFIT_FLOWS, *FEE_FLOWS):
            cost = -1.0 if flow in FEE_FLOWS else 1.0
            lines += [Item(self.payer[flow], flow, {flow: cost}), Item("family", flow, {flow: -cost})]
        return lines

    def _society(self, own: list[Item], totals: list[Item]) -> list[Item]:
        public = _sum(item.weights for item in totals if item.payer != "family")
        lines = [
            Item("society", "coordinators", own[0].weights),
            Item("society", "services", _sum(item.weights for item in own if item.name.startswith("service_"))),
            Item("society", "work_done", {"gross_wages": -1.0}),
            Item("society", "work_displaced", {"gross_wages": self.displacement}),
            Item("society", "marginal_cost_of_public_funds", {k: self.public_funds * v for k, v in public.items()}),
        ]
        return [*lines, Item("society", "total", _sum(item.weights for item in lines))]


def _sum(parts: Any) -> dict[str, float]:
    """Weights added up."""
    total: dict[str, float] = {}
    for part in parts:
        for flow, weight in part.items():
            total[flow] = total.get(flow, 0.0) + weight
    return total


def costs_path(prices: str) -> Path:
    """The file with the unit costs of a year's prices."""
    path = FOLDER / f"{prices}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise InputError(f"there are no unit costs in prices of {prices!r}", key="study.prices", allowed=known)
    return path


def load_costs(path: Path) -> Costs:
    """Read a file of unit costs; ``extends`` names another file in the same folder.

    Raises
    ------
    InputError
        The file cannot be read, or a key is missing, unknown or out of range.
    """
    try:
        file = _File.model_validate(_read(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or None
        raise InputError(str(first["msg"]), file=path.name, key=key) from error
    factor = file.price_factor.value if file.price_factor else 1.0
    return Costs(
        prices=file.prices,
        position=file.coordinator_position.value * factor,
        vacant=file.coordinator_vacant.value * factor,
        services={name: (file.service[name].payer, file.service[name].value * factor) for name in SERVICES},
        payer=dict(file.payer),
        discount=file.discount.value / 100.0,
        public_funds=file.marginal_cost_of_public_funds.value / 100.0,
        displacement=file.displacement.value / 100.0,
    )


def _read(path: Path, depth: int = 0) -> dict[str, Any]:
    if depth > MAX_EXTENDS:
        raise InputError("the files extend each other in a ring", file=path.name, key="extends")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=path.name) from error
    base = data.pop("extends", None)
    return _read(path.parent / str(base), depth + 1) | data if base is not None else data
