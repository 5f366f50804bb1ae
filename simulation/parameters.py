"""Parameters: what is uncertain about families and coordinators, with prior, source and grade.

``parameters.toml`` holds every one. This module reads it, draws from the priors, switches the links off, and packs
values into one ``PARAMETERS`` record that the rules read. Conversion of units happens here and nowhere else: yearly
rates become monthly, hazard ratios become their logarithms.
"""

from __future__ import annotations

import functools
import hashlib
import math
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simulation.compiled import rule
from simulation.draws import philox
from simulation.errors import InputError, nearest
from simulation.names import ARENAS, BARRIERS, FAMILY_BARRIERS, FOLLOW_UP, PERSON_BARRIERS, SERVICES, SUPPORTS

FILE: Final = Path(__file__).with_name("parameters.toml")

UNITS: Final = (
    "rate per month",
    "rate per year",
    "probability",
    "share",
    "hazard ratio",
    "months",
    "hours per month",
    "NOK",
    "NOK per month",
    "log sd",
    "number",
    "standard normal",
)
PRIORS: Final = ("log_normal", "normal", "logit_normal", "uniform")
GRADES: Final = ("A", "B", "C", "D")
_DIVISORS: Final = ("dose_half", "dose_steepness", "debt_scale", "usual_need")  # must be above 0
_Z95: Final = 1.6448536269514722  # 95 % quantile of the standard normal
_AXES: Final[tuple[tuple[str, ...], ...]] = (BARRIERS, SERVICES, ARENAS, FOLLOW_UP, SUPPORTS)
_PRIOR_BLOCK: Final = np.uint64(0x50524F52)


@dataclass(frozen=True)
class Parameter:
    """One parameter: a number with its unit, prior, source and grade."""

    name: str
    """Dotted where it is an element of an array: ``recovery.health``."""
    unit: str
    default: float
    prior: tuple[str, float, float] | None
    """(family, low, high); low and high are the 5 % and 95 % quantiles, for ``uniform`` the ends. None: fixed."""
    none: float | None
    """The value at which a link does nothing; None for what is not a link."""
    group: str
    source: tuple[str, ...]
    grade: str
    meaning: str
    reason: str

    @property
    def link(self) -> bool:
        """Whether it is a link from coordinator to outcome."""
        return self.none is not None

    def quantile(self, u: float) -> float:
        """The prior's quantile at ``u`` in (0, 1), in the stated unit; the default where the prior is fixed."""
        if self.prior is None:
            return self.default
        family, low, high = self.prior
        if family == "uniform":
            return low + (high - low) * u
        z = _normal_quantile(u) / _Z95
        if family == "normal":
            return 0.5 * (low + high) + 0.5 * (high - low) * z
        if family == "log_normal":
            a, b = math.log(low), math.log(high)
            return math.exp(0.5 * (a + b) + 0.5 * (b - a) * z)
        a, b = math.log(low / (1.0 - low)), math.log(high / (1.0 - high))
        return 1.0 / (1.0 + math.exp(-(0.5 * (a + b) + 0.5 * (b - a) * z)))


def _normal_quantile(u: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(u))


@functools.cache
def load_parameters(file: Path = FILE) -> tuple[Parameter, ...]:
    """Every parameter, in the file's order.

    Raises
    ------
    InputError
        an entry lacks unit, prior, source, grade or meaning, or a value does not fit its unit
    """
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot be read ({error})", file=file, allowed="a TOML file of parameters") from error
    rows: list[Parameter] = []
    for name, entry in tree.items():
        if "unit" in entry:
            rows.append(_parameter(name, entry, file))
        else:
            rows.extend(_parameter(f"{name}.{element}", sub, file) for element, sub in entry.items())
    return tuple(rows)


def _parameter(name: str, entry: Mapping[str, Any], file: Path) -> Parameter:
    def wrong(problem: str, allowed: str) -> InputError:
        return InputError(problem, file=file, key=name, allowed=allowed)

    for key in ("unit", "default", "prior", "group", "source", "grade", "meaning"):
        if key not in entry:
            raise wrong(f"has no {key}", "every parameter states unit, default, prior, group, source, grade, meaning")
    if entry["unit"] not in UNITS:
        raise wrong(f"unknown unit {entry['unit']!r}", nearest(str(entry["unit"]), UNITS))
    if entry["grade"] not in GRADES:
        raise wrong(f"unknown grade {entry['grade']!r}", "A, B, C or D")
    if entry["grade"] == "D" and not entry.get("reason"):
        raise wrong("is of grade D without a reason", "say why this value")
    prior: tuple[str, float, float] | None = None
    if entry["prior"] != "fixed":
        ((family, (low, high)),) = entry["prior"].items()
        if family not in PRIORS:
            raise wrong(f"unknown prior {family!r}", nearest(str(family), PRIORS))
        if not low < high or (family == "log_normal" and low <= 0):
            raise wrong(f"prior from {low} to {high}", "low below high; a log-normal above 0")
        prior = (family, float(low), float(high))
    parameter = Parameter(
        name=name,
        unit=entry["unit"],
        default=float(entry["default"]),
        prior=prior,
        none=None if "none" not in entry else float(entry["none"]),
        group=entry["group"],
        source=tuple(entry["source"]),
        grade=entry["grade"],
        meaning=entry["meaning"],
        reason=entry.get("reason", ""),
    )
    check_value(parameter, parameter.default, file=file)
    return parameter


def check_value(parameter: Parameter, value: float, *, file: str | Path | None = None) -> None:
    """Refuse a value that its unit does not allow (InputError)."""
    low, high = -math.inf, math.inf
    if parameter.unit in ("probability", "share"):
        low, high = 0.0, 1.0
    elif parameter.unit not in ("number", "standard normal"):
        low = 0.0
    if parameter.unit in ("hazard ratio", "months") or parameter.name in _DIVISORS:
        low = 1e-9 if parameter.none is None else min(1e-9, parameter.none)  # a link may always do nothing
    if not (math.isfinite(value) and low <= value <= high):
        allowed = f"a {parameter.unit} from {low:g} to {high:g}"
        raise InputError(f"{value!r} is out of range", file=file, key=f"parameters.{parameter.name}", allowed=allowed)


def parameter_names() -> tuple[str, ...]:
    """The names of all parameters, dotted, in the file's order."""
    return tuple(parameter.name for parameter in load_parameters())


@functools.cache
def _by_name() -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in load_parameters()}


def find_parameter(name: str) -> Parameter:
    """The parameter of a name; InputError with the nearest right name."""
    try:
        return _by_name()[name]
    except KeyError:
        raise InputError(
            "there is no such parameter", key=f"parameters.{name}", allowed=nearest(name, _by_name())
        ) from None


# --- the record that rules read -----------------------------------------------------------------------------------


def _arrays() -> dict[str, tuple[str, ...]]:
    """Array parameters and their axis (names of the elements)."""
    elements: dict[str, list[str]] = {}
    for name in parameter_names():
        if "." in name:
            stem, element = name.split(".")
            elements.setdefault(stem, []).append(element)
    axes: dict[str, tuple[str, ...]] = {}
    for stem, found in elements.items():
        axes[stem] = next(axis for axis in _AXES if set(found) <= set(axis))
    return axes


ARRAYS: Final = _arrays()

# What follows from the parameters and is needed in every month, computed once for a draw.
_DERIVED: Final[list[tuple[Any, ...]]] = [
    ("relapse", "f8", (len(BARRIERS),)),  # monthly onset for the prone
    ("onset", "f8", (len(BARRIERS),)),  # monthly onset for those who are not
    ("entry_parent", "f8", (1 << PERSON_BARRIERS,)),  # hazard ratio on getting work, by a parent's set of barriers
    ("entry_family", "f8", (1 << FAMILY_BARRIERS,)),  # the same, by the family's set: one bit a barrier
    ("entry_frailty", "f8", (len(BARRIERS),)),  # log hazard ratio that stays with the prone
    ("exit_parent", "f8", (1 << PERSON_BARRIERS,)),  # on losing work
    ("exit_family", "f8", (1 << FAMILY_BARRIERS,)),
    ("exit_frailty", "f8", (len(BARRIERS),)),
    ("time_out", "f8", (240,)),  # hazard ratio on getting work by months out of work
    ("exempted", "f8"),  # hazard ratio on joining an arena with the fee waived
    ("support_kept", "f8"),  # share of work support kept from one month to the next after contact
    ("course_kept", "f8"),
    ("programme", "f8", (len(FOLLOW_UP),)),  # strength of each programme: exp(spread x standing)
    ("ordinary_dose", "f8"),  # Hill curve at the hours of ordinary follow-up
]


def _fields() -> list[tuple[Any, ...]]:
    fields: list[tuple[Any, ...]] = []
    seen = set()
    for name in parameter_names():
        stem = name.split(".")[0]
        if stem not in seen:
            seen.add(stem)
            fields.append((stem, "f8", (len(ARRAYS[stem]),)) if stem in ARRAYS else (stem, "f8"))
    return fields + _DERIVED


PARAMETERS: Final = np.dtype((np.record, _fields()))


@functools.cache
def parameters_hash() -> str:
    """SHA-256 of what a posterior depends on: the name, unit, prior, default and ``none`` of every parameter."""
    told = repr([(p.name, p.unit, p.prior, p.default, p.none) for p in load_parameters()])
    return hashlib.sha256(told.encode()).hexdigest()


def default_values() -> npt.NDArray[np.float64]:
    """Defaults in their stated units, (P,) in the order of :func:`parameter_names`."""
    return np.array([parameter.default for parameter in load_parameters()])


@functools.lru_cache(maxsize=1024)
def prior_values(seed: int, draw: int) -> npt.NDArray[np.float64]:
    """One draw from the priors, (P,) in stated units, not to be written to: two replicates share it, and studies.

    Each parameter's random number is a function of (seed, draw, its name), so that adding one moves no other.
    """
    values = np.empty(len(load_parameters()))
    for i, parameter in enumerate(load_parameters()):
        word, *_ = philox(
            np.uint64(zlib.crc32(parameter.name.encode())),
            np.uint64(0),
            np.uint64(draw),
            _PRIOR_BLOCK,
            np.uint64(seed),
            np.uint64(0xFFFFFFFF),
        )
        values[i] = parameter.quantile((float(word) + 0.5) / 4294967296.0)
    values.setflags(write=False)
    return values


def with_overrides(
    values: npt.NDArray[np.float64], overrides: Mapping[str, float], *, links: bool = True
) -> npt.NDArray[np.float64]:
    """A copy with parameters set by hand, then, where ``links`` is False, every link at its ``none`` value."""
    result = values.copy()
    position = {name: i for i, name in enumerate(parameter_names())}
    for name, value in overrides.items():
        parameter = find_parameter(name)
        check_value(parameter, float(value))
        result[position[name]] = float(value)
    if not links:
        for i, parameter in enumerate(load_parameters()):
            if parameter.none is not None:
                result[i] = parameter.none
    return result


def to_record(values: Sequence[float] | npt.NDArray[np.float64], prices: float = 1.0) -> npt.NDArray[Any]:
    """Pack stated values (P,) into a PARAMETERS array of shape (1,): monthly rates, logarithms of hazard ratios.

    ``prices`` is the price level of the run's year, 2025 = 1: parameters in kroner are stated in kroner of 2025.
    """
    record = np.zeros(1, PARAMETERS)
    stated = np.asarray(values, np.float64).tolist()
    units = (parameter.unit for parameter in load_parameters())
    record.view(np.float64)[_places()] = [
        _as_read(value, unit, prices) for value, unit in zip(stated, units, strict=True)
    ]
    _derive(record[0])
    return record


def _as_read(value: float, unit: str, prices: float) -> float:
    if unit == "rate per year":
        return value / 12.0
    if unit == "hazard ratio":
        return math.log(value)
    return value * prices if unit.startswith("NOK") else value


@functools.cache
def _places() -> npt.NDArray[np.int64]:
    """Where each parameter stands in the record, counted in numbers: all of its fields are floats. (P,)"""
    found = []
    for name in parameter_names():
        stem, _, element = name.partition(".")
        first = PARAMETERS.fields[stem][1] // 8  # type: ignore[index]
        found.append(first + (ARRAYS[stem].index(element) if element else 0))
    return np.array(found)


@functools.cache
def _bits(held: int) -> tuple[int, ...]:
    """The members of a set that is written as one bit for each."""
    return tuple(b for b in range(held.bit_length()) if held >> b & 1)


def _derive(p: Any) -> None:
    prone, resilient = p["presence_prone"], p["presence_resilient"]
    p["relapse"] = p["recovery"] * prone / max(1.0 - prone, 1e-9)
    p["onset"] = p["recovery"] * resilient / (1.0 - resilient)
    p["entry_frailty"] = (1.0 - p["causal_share"]) * p["entry_hazard_ratio"]
    p["exit_frailty"] = (1.0 - p["causal_share"]) * p["exit_hazard_ratio"]
    for which in ("entry", "exit"):
        causal = (p["causal_share"] * p[f"{which}_hazard_ratio"]).tolist()
        for whose, logs in (("parent", causal[:PERSON_BARRIERS]), ("family", causal[PERSON_BARRIERS:])):
            table = p[f"{which}_{whose}"]
            table[:] = [math.exp(math.fsum(logs[b] for b in _bits(held))) for held in range(len(table))]
    slope = float(p["time_out_ratio"])
    p["time_out"] = [math.exp(slope * math.log2(max(months, 12) / 12.0)) for months in range(len(p["time_out"]))]
    p["exempted"] = math.exp(p["exemption_ratio"])
    p["support_kept"] = 0.5 ** (1.0 / p["work_support_half_life"])
    p["course_kept"] = 0.5 ** (1.0 / p["course_half_life"])
    for k in range(len(FOLLOW_UP)):
        p["programme"][k] = math.exp(p["programme_spread"] * p["programme_strength"][k])
    p["ordinary_dose"] = hill(p["ordinary_hours"], p["dose_half"], p["dose_steepness"])


@rule
def hill(hours: float, half: float, steepness: float) -> float:
    """Share of the full effect at so many contact hours a month: 0 at none, 1/2 at ``half``."""
    if hours <= 0.0:
        return 0.0
    return 1.0 / (1.0 + math.exp(steepness * math.log(half / hours)))
