"""A profile's families measured, held against what is published, and solved for.

**Measured**: municipalities of the profile live through the burn-in at default parameters, under the rules of the
profile's year; statistics (``calibration.statistics``) are read at study month 0, of the pool and of those who meet the
intake criteria. Ages and everything else are those of month 0: nothing is carried back, since the numbers of the profile
are solved for with the burn-in in between.

**Solved**: published are the shares of *selected* families, and selection moves every one of them. The numbers of the
pool that give them are found by stochastic approximation (Robbins & Monro 1951, with averaging: Polyak & Juditsky 1992).
Each number has the one statistic that follows it most closely; a step moves its log odds (or logarithm) by the distance
of the statistic from its target on the same scale, fresh municipalities each step, steps that become smaller, and
the mean of the last half of the way is the answer. What cannot be reached stays at a bound, and is a miss in the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from calibration.groups import History, chosen, count_barriers, on_record
from calibration.readers import YEAR, FloatArray, source_flow
from calibration.register import REGISTER, read_months, read_register, register_of
from calibration.statistics import find_statistic, summarise
from scenarios.files import toml_key, toml_value
from scenarios.profiles import BOUNDS_OF_MEANS, ProfileFile, Target, resolve, solvable, with_values
from simulation.compiled import SOURCE_HASH
from simulation.engine import at_month_zero, burn_in, new_world, parameter_values
from simulation.names import BARRIERS
from simulation.parallel import Workers
from simulation.parameters import find_parameter
from simulation.plan import Plan, Profile

Z90: Final = 1.6448536269514722  # 95 % quantile of the standard normal
STEPS: Final = 150
FIRST_STEPS: Final = 12  # whole steps, before they become smaller
POOLS: Final = ("pool", "selected")


# ---- measuring -------------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """What became of some municipalities of a profile, one entry a municipality."""

    values: dict[tuple[str, str], list[FloatArray]] = field(default_factory=dict)
    """by statistic and population: a number for each unit"""
    months: dict[str, list[FloatArray]] = field(default_factory=dict)
    """by population: families by months of social assistance in the last year, those with a year on record, (13,)"""
    barriers: dict[str, list[FloatArray]] = field(default_factory=dict)
    """by population: families by number of barriers, (10,)"""
    flow: FloatArray | None = None
    """parents of the pool by source of income a year ago and now, (sources, sources)"""

    def whole(self, name: str, population: str) -> float:
        """A statistic over all municipalities together."""
        return summarise(np.concatenate(self.values[name, population]), find_statistic(name).summary)

    def spread(self, name: str, population: str) -> tuple[float, float]:
        """The middle 90 % of the municipalities."""
        summary = find_statistic(name).summary
        each = np.array([summarise(values, summary) for values in self.values[name, population]])
        each = each[np.isfinite(each)]
        low, high = np.quantile(each, (0.05, 0.95)) if len(each) else (math.nan, math.nan)
        return float(low), float(high)


def plan_of(profile: Profile, prices: str, *, families: int | None = None, posterior: str = "default") -> Plan:
    """A municipality of the profile without coordinators."""
    return Plan(
        name="profile", profile=profile, families=families or profile.families, prices=prices, posterior=posterior
    )


def year_before(plan: Plan, *, seed: int, replicate: int) -> History:
    """The families of one municipality from a year before study month 0 to month 0: (13, families) of REGISTER."""
    early = replace(plan, burn_in_months=plan.burn_in_months - YEAR)
    world = at_month_zero(early, seed=seed, replicate=replicate)
    history = np.zeros((YEAR + 1, plan.families), REGISTER)
    read_register(world.families, history[0])
    read_months(world, history[1:])
    return history


def add(measured: Measured, history: History, wanted: Sequence[tuple[str, str]], *, distributions: bool) -> None:
    """Add one municipality."""
    for name, population in wanted:
        values = find_statistic(name).values(history, chosen(history, population))
        measured.values.setdefault((name, population), []).append(values)
    if not distributions:
        return
    for population in POOLS:
        among = chosen(history, population)
        received = history[-1]["assistance_12"][among & on_record(history, YEAR)]
        recipients = received[received > 0]
        months = np.bincount(recipients, minlength=YEAR + 1).astype(float)
        measured.months.setdefault(population, []).append(months)
        held = np.bincount(count_barriers(history[-1][among]), minlength=len(BARRIERS) + 1).astype(float)
        measured.barriers.setdefault(population, []).append(held)
    flow = source_flow(history, chosen(history, "pool"))
    measured.flow = flow if measured.flow is None else measured.flow + flow


def measure(
    plan: Plan,
    wanted: Sequence[tuple[str, str]],
    *,
    replicates: int,
    seed: int,
    workers: Workers = 1,
    step: Callable[[int, int], None] | None = None,
) -> Measured:
    """Measure so many municipalities of a plan: (statistic, population) wanted, and the distributions of the figures."""
    from simulation.parallel import run_tasks

    def one(replicate: int) -> Measured:
        part = Measured()
        add(part, year_before(plan, seed=seed, replicate=replicate), wanted, distributions=True)
        return part

    parts: dict[int, Measured] = {}
    for done, (replicate, part) in enumerate(run_tasks(one, range(replicates), workers), start=1):
        parts[replicate] = part
        if step is not None:
            step(done, replicates)
    total = Measured()
    for replicate in sorted(parts):
        part = parts[replicate]
        for key, values in part.values.items():
            total.values.setdefault(key, []).extend(values)
        for ours, theirs in ((total.months, part.months), (total.barriers, part.barriers)):
            for population, counts in theirs.items():
                ours.setdefault(population, []).extend(counts)
        total.flow = part.flow if total.flow is None else total.flow + part.flow  # type: ignore[operator]
    return total


DRIFTING: Final = (
    "immigrant_share",
    "lone_parent_share",
    "years_in_norway_mean",
    "children_per_family",
    "special_needs_share",
    "employed_share",
    *(f"barrier_{name}_share" for name in BARRIERS),
    "assistance_months_lone",
    "assistance_months_couples",
    "assistance_whole_year_share",
    "assistance_exit",
    "assistance_reentry",
)


def drift(
    plan: Plan, *, replicates: int, seed: int, step: Callable[[int, int], None] | None = None
) -> dict[str, dict[int, float]]:
    """Statistics of the pool by months since the burn-in began, over twice the burn-in: whether they still move.

    In thirds of the burn-in, so that its end and as long again are among them; by the first, families have a year on record.
    """
    months = [third * plan.burn_in_months // 3 for third in range(1, 7)]
    found: dict[str, dict[int, list[FloatArray]]] = {name: {month: [] for month in months} for name in DRIFTING}
    for replicate in range(replicates):
        world = new_world(plan, seed, replicate, parameter_values(plan, seed, 0))
        for before, month in pairwise([0, *months]):
            burn_in(world, month - before)
            history = register_of(world.families[None])
            for name in DRIFTING:
                found[name][month].append(find_statistic(name).values(history, chosen(history, "pool")))
        if step is not None:
            step(replicate + 1, replicates)
    return {
        name: {m: summarise(np.concatenate(each), find_statistic(name).summary) for m, each in values.items()}
        for name, values in found.items()
    }


# ---- published -------------------------------------------------------------------------------------------------------


def published_interval(name: str, target: Target) -> tuple[float, float]:
    """The 90 % interval of a published figure by the size of its group; its own range where that is not known.

    Wilson's interval for shares; for a mean, and for the median of years that are about exponential, sd / sqrt(n).
    NaN where neither size nor range is known.
    """
    low, high = target.low, target.high
    if target.n is None:  # only a low end: the source gives a lower bound
        return (math.nan, math.nan) if low is None else (low, math.inf if high is None else high)
    p, n = target.value, target.n
    if find_statistic(name).unit.startswith("share"):
        middle = (p + Z90**2 / (2 * n)) / (1 + Z90**2 / n)
        half = Z90 / (1 + Z90**2 / n) * math.sqrt(p * (1 - p) / n + Z90**2 / (4 * n * n))
        low_n, high_n = middle - half, middle + half
    elif target.sd is not None:
        low_n, high_n = (p + sign * Z90 * target.sd / math.sqrt(n) for sign in (-1, 1))
    else:
        return math.nan, math.nan
    return min(low_n, low if low is not None else low_n), max(high_n, high if high is not None else high_n)


def records(
    targets: Mapping[str, Target], measured: Measured, extra: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Every target, published against simulated, then further statistics: the records of ``run.py profile --json``."""
    found = []
    for name, target in targets.items():
        low, high = published_interval(name, target)
        share = find_statistic(name).unit.startswith("share")
        most = 1.0 if share else math.inf  # a share times a factor is a share still
        found_here = (measured.whole(name, target.population), *measured.spread(name, target.population))
        value, *spread = (min(number * target.factor, most) for number in found_here)
        inside = None if math.isnan(low) else bool(low <= value <= high)
        found.append(
            {
                "name": f"{target.population}.{name}",
                **_numbers(
                    value,
                    *spread,
                    observed=target.value,
                    observed_low=low,
                    observed_high=high,
                ),
                "role": "fit" if target.moves else "validate",
                "unit": find_statistic(name).unit,
                "meaning": find_statistic(name).meaning,
                "inside": inside,
                "n": target.n,
                "factor": target.factor,
                "solved_for": target.moves or None,
                "source": target.source,
                "grade": target.grade,
            }
        )
    stated = {(name, target.population) for name, target in targets.items()}
    for name, population in extra:
        if (name, population) in stated:
            continue
        found.append(
            {
                "name": f"{population}.{name}",
                **_numbers(measured.whole(name, population), *measured.spread(name, population)),
                "role": "shown",
                "unit": find_statistic(name).unit,
                "meaning": find_statistic(name).meaning,
            }
        )
    return found


def _numbers(value: float, low: float, high: float, **observed: float) -> dict[str, float | None]:
    numbers = {"value": value, "low": low, "high": high, **observed}
    return {name: round(number, 6) if math.isfinite(number) else None for name, number in numbers.items()}


# ---- solving ---------------------------------------------------------------------------------------------------------


def solve(
    document: ProfileFile,
    *,
    municipalities: int = 5,
    steps: int = STEPS,
    seed: int = 1,
    step: Callable[[int, int], None] | None = None,
) -> ProfileFile:
    """The profile with the numbers that give its targets: see the head of this file.

    Parameters
    ----------
    municipalities : how many live through each step, each of the profile's own size, which its services fit
    steps : of the stochastic approximation
    """
    targets = {key: target for key, target in document.targets.items() if target.moves}
    start = solvable(document)
    bounds = {target.moves: _bounds(target.moves, target.most) for target in targets.values()}
    place = {target.moves: _scale(target.moves, start[target.moves], bounds) for target in targets.values()}
    wanted = [(key, target.population) for key, target in targets.items()]
    way: list[dict[str, float]] = []
    for k in range(steps):
        values = {moved: _unscale(moved, x) for moved, x in place.items()}
        plan = plan_of(resolve(with_values(document, values)), document.profile.prices)
        measured = Measured()
        for replicate in range(k * municipalities, (k + 1) * municipalities):
            history = year_before(plan, seed=seed, replicate=replicate)
            add(measured, history, wanted, distributions=False)
        gain = 1.0 if k < FIRST_STEPS else (FIRST_STEPS / (k + 1)) ** 0.7
        for key, target in targets.items():
            away = _distance(key, target, measured.whole(key, target.population))
            place[target.moves] = _within(place[target.moves] + gain * away, bounds[target.moves])
        if k >= steps // 2:
            way.append(dict(place))
        if step is not None:
            step(k + 1, steps)
    for key, target in targets.items():
        value = _unscale(target.moves, float(np.mean([x[target.moves] for x in way])))
        document = with_values(
            document,
            {target.moves: float(f"{value:.4g}")},
            source="solved",
            grade="D" if target.grade == "D" or target.factor != 1.0 else "C",
            reason=f"Solved, so that targets.{key} holds after the burn-in.",
        )
    return document


def _logarithmic(moved: str) -> bool:
    return moved.split(".")[0] in ("means", "local")


def _scale(moved: str, value: float, bounds: Mapping[str, tuple[float, float]]) -> float:
    low, high = bounds[moved]
    x = math.log(value) if _logarithmic(moved) else math.log(max(value, 1e-9) / max(1.0 - value, 1e-9))
    return min(max(x, low), high)


def _unscale(moved: str, x: float) -> float:
    return math.exp(x) if _logarithmic(moved) else 1.0 / (1.0 + math.exp(-x))


def _within(x: float, bounds: tuple[float, float]) -> float:
    return min(max(x, bounds[0]), bounds[1])


def _bounds(moved: str, most: float | None) -> tuple[float, float]:
    """How far a number may go, on its scale: a barrier that comes and goes is never more common than among the prone."""
    if _logarithmic(moved):
        least, highest = BOUNDS_OF_MEANS.get(moved.removeprefix("means."), (0.02, 50.0))
        return math.log(least), math.log(most or highest)
    if most is None:
        most = 0.995
        if moved.startswith("barriers.") and moved not in ("barriers.language", "barriers.education"):
            most = 0.99 * find_parameter("presence_prone").default
    return math.log(0.002 / 0.998), math.log(most / (1.0 - most))


def _distance(name: str, target: Target, value: float) -> float:
    """From a statistic to its target, on the scale on which the number moves."""
    wanted = target.value / target.factor
    if not find_statistic(name).unit.startswith("share"):
        return math.log(wanted / value)

    def logit(share: float) -> float:
        share = min(max(share, 0.004), 0.996)
        return math.log(share / (1.0 - share))

    return logit(wanted) - logit(value)


# ---- as a file -------------------------------------------------------------------------------------------------------


def to_toml(document: ProfileFile, base: ProfileFile | None, extends: str, comment: str) -> str:
    """A profile as the text of a file: over another, only what differs."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += ["", f"extends = {toml_value(extends)}"] if base is not None else []
    content = document.model_dump(exclude_defaults=True)
    below = base.model_dump(exclude_defaults=True) if base is not None else {}
    lines += _tables(content, below, ())
    return "\n".join(lines) + "\n"


def _tables(content: Mapping[str, Any], below: Mapping[str, Any], key: tuple[str, ...]) -> Iterator[str]:
    plain = {name: value for name, value in content.items() if not isinstance(value, dict)}
    if plain and key:
        yield ""
        yield f"[{'.'.join(toml_key(part) for part in key)}]"
        for name, value in sorted(plain.items(), key=lambda pair: pair[0] != "value"):
            yield f"{toml_key(name)} = {toml_value(value)}"
    for name, value in content.items():
        if isinstance(value, dict) and (value != below.get(name) or key == ("targets",)):
            inner = below.get(name, {})
            yield from _tables(value, inner if "value" not in value and key != ("targets",) else {}, (*key, name))


def made_by(command: str) -> str:
    """A line on where solved numbers come from."""
    return f"Solved by `{command}`; model sources {SOURCE_HASH[:12]}."
