"""The compiled way to run: one replicate of every arm, or an ensemble over replicates and draws of parameters.

Arms of a replicate share the draw, the burn-in and every keyed random number; they part at study month 0.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulation.compiled import rule
from simulation.errors import InputError
from simulation.month import one_month
from simulation.municipality import (
    SETTING,
    TOWN_RATES,
    World,
    found,
    place_record,
    reticket,
    set_levers,
    set_service,
    settle,
    start_study,
)
from simulation.names import SERVICES
from simulation.outcomes import LEAD_MONTHS, OUTCOME_NAMES, STUDY_POPULATIONS, FloatArray
from simulation.parallel import Workers
from simulation.parameters import prior_values, to_record, with_overrides
from simulation.plan import Plan
from simulation.posterior import posterior_values
from simulation.rates import profile_rates
from simulation.reading import (
    ADMITTED,
    COLUMNS,
    FAMILY_COLUMNS,
    TURNED_21,
    F,
    add_earlier,
    add_paired,
    add_people,
    group_sums,
    members,
    read_month,
    to_values,
)

UPPER_SECONDARY_HORIZON: Final = 96  # months
READ: Final = np.int64(1)
UNREAD: Final = np.int64(0)
DRIFT_MONTHS: Final = 24  # the end of the burn-in over which drift without any arm is measured
ELIGIBLE: Final = STUDY_POPULATIONS.index("eligible")
Arrays = npt.NDArray[Any]


# --- a municipality at month 0 ------------------------------------------------------------------------------------


def parameter_values(plan: Plan, seed: int, draw: int) -> FloatArray:
    """The plan's parameters of a draw, (P,) in stated units: prior or posterior, then what is set by hand, then links."""
    if plan.posterior == "prior":
        values = prior_values(seed, draw)
    elif plan.posterior == "default":
        from simulation.parameters import default_values

        values = default_values()
    else:
        values = posterior_values(plan.posterior, seed, draw)
    return with_overrides(values, plan.parameters, links=plan.links)


def luck_of(seed: int, place: str) -> int:
    """The seed that a place's draws are keyed by, 0..2**32-1: the study's, or of a study over places one of its own.

    It follows from the seed and the name, so that what happens in a place does not depend on which others there are.
    """
    if not place:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed} {place}".encode(), digest_size=4).digest(), "big")


def make_setting(plan: Plan, values: FloatArray) -> Arrays:
    """What stays fixed while a plan runs: parameters, rates of the month, place. SETTING of shape (1,)."""
    setting = np.zeros(1, SETTING)
    rates = profile_rates(plan.prices, plan.profile)
    in_its_prices = float(rates[0]["cpi"]) / 100.0  # profiles and parameters state kroner of 2025
    record = to_record(values, in_its_prices)
    for name in ("job_entry", "work_at_entry"):
        record[name] *= plan.profile.work_ratio(record[0])
    record["couple_form"] *= plan.profile.couple_form_ratio
    setting["p"] = record
    setting["rates"] = rates
    if plan.profile.part_time_share is not None:
        setting["rates"]["part_time_share"] = plan.profile.part_time_share
    setting["place"] = place_record(plan.profile, record[0])
    setting["place"]["rent"] *= in_its_prices
    return setting


def new_world(plan: Plan, seed: int, replicate: int, values: FloatArray) -> World:
    """The first month of the burn-in: the pool settled, services empty, no coordinator."""
    return new_world_in(plan, seed, replicate, make_setting(plan, values))


def new_world_in(plan: Plan, seed: int, replicate: int, setting: Arrays) -> World:
    """The same, where the setting has been made already."""
    if plan.places:
        allowed = "a study of one place; `run.py compare` runs a study over places"
        raise InputError("is over many places", key="places", allowed=allowed)
    world = World(plan.families, 0, setting)
    town = world.town[0]
    rates = setting[0]["rates"]
    town["seed"], town["replicate"] = luck_of(seed, plan.place), replicate
    town["families"] = plan.families
    town["month"], town["study_month"] = 0, -plan.burn_in_months
    for name in TOWN_RATES:
        town[name] = rates[name]
    town["relief"] = 1.0  # until there are coordinators
    parents = plan.families * (2.0 - plan.profile.shares["lone_parent"])
    town["openings_base"] = plan.profile.openings_per_100_parents * parents / 100.0
    set_levers(town, Plan(name="burn-in", profile=plan.profile))
    for s, name in enumerate(SERVICES):
        set_service(world.services[s], plan.profile.services[name])
    settle(world.families, world.town[0], setting)
    found(world.families, world.town[0], setting, np.int64(plan.founding_months))
    return world


def start_arm(world: World, plan: Plan) -> World:
    """A copy of the burnt-in municipality with the arm's levers, at study month 0."""
    arm = world.copy(plan.coordinators)
    set_levers(arm.town[0], plan)
    arm.coordinators["caseload"] = plan.caseload
    for s, name in enumerate(SERVICES):
        before = int(arm.services[s]["by_need"])
        set_service(arm.services[s], plan.service(name))
        if arm.services[s]["by_need"] != before:
            reticket(arm, s)
    start_study(arm.families, arm.coordinators, arm.town[0], arm.setting)
    return arm


def burn_in(world: World, months: int) -> None:
    """Advance a municipality without reading."""
    run_months(*arrays_of(world), months, UNREAD, *NOTHING)


def arrays_of(world: World) -> tuple[Arrays, ...]:
    """The arrays of a municipality, in the order in which compiled loops take them."""
    return (
        world.families,
        world.coordinators,
        world.services,
        world.town,
        world.setting,
        world.waiting,
        world.placed,
        world.takers,
        world.candidates,
    )


# --- running and reading ------------------------------------------------------------------------------------------


@rule
def run_months(  # type: ignore[no-untyped-def]
    families,
    coordinators,
    services,
    town_array,
    setting,
    waiting,
    placed,
    takers,
    candidates,
    months,
    reading,
    row,
    pool,
    eligible,
    followed,
    flows,
    panel,
    generation,
    ever,
):
    """Advance by so many months; where ``reading`` is READ, month m is read into index m of the arrays.

    Where the panel has room for fewer months, the last one is written over. One loop for both, since the whole model is compiled
    into it, which takes seconds.
    """
    for m in range(months):
        kept = min(m, panel.shape[0] - 1)
        one_month(families, coordinators, services, town_array, setting, waiting, placed, takers, candidates)
        if reading == READ:
            read_month(
                families,
                coordinators,
                services,
                town_array[0],
                row,
                pool[m],
                eligible[m],
                followed,
                flows[m],
                panel[kept],
                generation[kept],
                ever[kept],
            )


@rule
def read_now(  # type: ignore[no-untyped-def]
    families, coordinators, services, town_array, row, pool, eligible, followed, flow, panel, generation, ever
):
    """Read the present state without advancing."""
    read_month(
        families,
        coordinators,
        services,
        town_array[0],
        row,
        pool,
        eligible,
        followed,
        flow,
        panel,
        generation,
        ever,
    )


@dataclass
class Readings:
    """What one arm of one replicate became, as sums by column (see ``reading``). H horizon, N families."""

    pool: FloatArray
    """(12 + 1 + H, COLUMNS) from month -12"""
    eligible: FloatArray
    """(12 + 1 + H, COLUMNS)"""
    followed: FloatArray
    """(H + 1, COLUMNS) by months since admission"""
    flows: FloatArray
    """(H, F)"""
    panel: npt.NDArray[np.float32]
    """(1 + H or 1, N, FAMILY_COLUMNS) every family's row, in every month or in the last"""
    generation: npt.NDArray[np.int32]
    """(1 + H or 1, N)"""
    ever: npt.NDArray[np.int8]
    """(1 + H or 1, N) 1 where the family has been followed"""

    @classmethod
    def empty(cls, families: int, before: int, months: int, place: int = 0, *, panel: bool = True) -> Readings:
        """Room for a state, ``months`` after it and ``before`` before it; of families, for the last month alone without a panel.

        The panel is large, and is written over by the next replicate of this thread that asks for the same ``place``.
        """
        kept = months if panel else 1
        return cls(
            pool=np.zeros((before + months, COLUMNS)),
            eligible=np.zeros((before + months, COLUMNS)),
            followed=np.zeros((months, COLUMNS)),
            flows=np.zeros((max(months - 1, 1), F)),
            panel=_panel(place, (kept, families, FAMILY_COLUMNS)),
            generation=np.empty((kept, families), np.int32),
            ever=np.empty((kept, families), np.int8),
        )


_PANELS: Final = threading.local()
NOTHING: Final[tuple[Arrays, ...]] = (
    np.zeros(FAMILY_COLUMNS),
    *(np.zeros((1, COLUMNS)) for _ in range(3)),
    np.zeros((1, F)),
    np.zeros((1, 1, FAMILY_COLUMNS), np.float32),
    np.zeros((1, 1), np.int32),
    np.zeros((1, 1), np.int8),
)
"""In the places of what is read, where nothing is."""


def _panel(place: int, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """A panel of this thread, in memory that is kept for a place: fresh memory for each would cost a tenth of the run."""
    known: dict[int, npt.NDArray[np.float32]] = _PANELS.__dict__.setdefault("known", {})
    size = math.prod(shape)
    if place not in known or known[place].size < size:
        known.pop(place, None)  # before the larger one is made
        known[place] = np.empty(size, np.float32)
    return known[place][:size].reshape(shape)


@dataclass
class Replicate:
    """One replicate of a study: values by arm and contrast, ready to be stored.

    A arms, C contrasts, H horizon, K outcomes; see ``outcomes.Runs`` for the meaning.
    """

    replicate: int
    draw: int
    study: FloatArray
    """(A, 2, 12 + 1 + H, K)"""
    followed: FloatArray
    """(A, H + 1, K)"""
    followed_families: FloatArray
    """(A,)"""
    paired: FloatArray
    """(C, 2, 2, 1 + H, K)"""
    flows: FloatArray
    """(A, H, F)"""
    drift: FloatArray
    """(K,) change a year in the pool over the last two years of the burn-in"""
    groups: FloatArray
    """(A, G, K)"""
    group_families: FloatArray
    """(G,)"""
    family_months: int
    places: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0)))
    """(P, A, K) the eligible of each place at the horizon, of a study over P places; all else is then of all places"""


@dataclass
class Sums:
    """A ``Replicate`` before sums become outcomes: the last axis is COLUMNS, not K. Those of places can be added."""

    study: FloatArray
    followed: FloatArray
    followed_families: FloatArray
    paired: FloatArray
    flows: FloatArray
    lead: FloatArray
    """(up to 24 + 1, COLUMNS) the pool in the last months of the burn-in, from which the drift is"""
    groups: FloatArray
    group_families: FloatArray
    family_months: int

    def add(self, other: Sums) -> None:
        """Add another place's."""
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))

    def replicate(self, number: int, draw: int, places: Sequence[FloatArray] = ()) -> Replicate:
        """The outcomes; ``places`` (A, K) of each place, where there are many."""
        return Replicate(
            replicate=number,
            draw=draw,
            study=to_values(self.study),
            followed=to_values(self.followed),
            followed_families=self.followed_families,
            paired=to_values(self.paired),
            flows=self.flows,
            drift=_slope_per_year(to_values(self.lead)),
            groups=to_values(self.groups),
            group_families=self.group_families,
            family_months=self.family_months,
            places=np.stack(places) if len(places) else np.empty((0, len(self.study), len(OUTCOME_NAMES))),
        )


@dataclass(frozen=True)
class Start:
    """A municipality at study month 0, before any arm, with what is read of the months up to it. G groups, K outcomes."""

    world: World
    """burnt in; the eligible are marked"""
    eligible: FloatArray
    """(12, COLUMNS) sums over those eligible at month 0 in months -12..-1"""
    lead: FloatArray
    """see ``Sums``; the last month is study month 0"""
    groups: FloatArray
    """(G, N) the eligible in each group, 1 or 0: the same in every arm"""
    drift: FloatArray
    """(K,) see ``Replicate``"""

    @property
    def group_families(self) -> FloatArray:
        """(G,)"""
        return np.asarray(self.groups.sum(axis=1))

    @property
    def pool(self) -> FloatArray:
        """(12, COLUMNS) sums over the pool in months -12..-1"""
        return self.lead[-1 - LEAD_MONTHS : -1]


@dataclass(frozen=True)
class ArmValues:
    """What one arm of one replicate became, as outcomes: the arm's part of a ``Replicate``, which says the shapes."""

    study: FloatArray
    followed: FloatArray
    followed_families: float
    flows: FloatArray
    groups: FloatArray


def run_arms(
    plans: Sequence[Plan], contrasts: Sequence[tuple[str, str, str]], *, replicate: int, seed: int, draw: int
) -> Replicate:
    """Run one replicate of all arms: burn-in once, then each arm from a copy.

    All plans must share profile, pool, burn-in, prices, posterior, links and parameters: they part at month 0. In a study over
    places each is run by itself, with the replicate's one draw of parameters and its own luck; outcomes are of their families
    together.
    """
    values = parameter_values(plans[0], seed, draw)
    if not plans[0].places:
        return _sums_of(plans, contrasts, replicate, seed, values).replicate(replicate, draw)
    total: Sums | None = None
    found: list[FloatArray] = []
    for here in zip(*(plan.in_places() for plan in plans), strict=True):
        try:
            sums = _sums_of(here, contrasts, replicate, seed, values)
        except InputError:
            raise
        except Exception as error:
            raise RuntimeError(f"{here[0].place}: {error!r}") from error
        found.append(to_values(sums.study[:, ELIGIBLE, -1]))
        if total is None:
            total = sums
        else:
            total.add(sums)
    assert total is not None
    return total.replicate(replicate, draw, found)


def _sums_of(
    plans: Sequence[Plan], contrasts: Sequence[tuple[str, str, str]], replicate: int, seed: int, values: FloatArray
) -> Sums:
    """All arms in one place."""
    first = plans[0]
    start = start_of(new_world(first, seed, replicate, values), first)
    horizon = first.horizon_months
    readings: dict[str, Readings] = {}
    groups = []
    for place, plan in enumerate(plans, start=1):
        readings[plan.name], by_group = read_arm(start, plan, place)
        groups.append(by_group)
    paired = np.zeros((len(contrasts), 2, 2, horizon + 1, COLUMNS))
    for c, (_, arm_name, against) in enumerate(contrasts):
        a, b = readings[arm_name], readings[against]
        add_paired(a.panel, a.generation, a.ever, b.panel, b.generation, b.ever, paired[c])
    read = list(readings.values())
    sums = Sums(
        study=np.stack([(arm.pool, arm.eligible) for arm in read]),
        followed=np.stack([arm.followed for arm in read]),
        followed_families=np.array([float(arm.flows[:, ADMITTED].sum()) for arm in read]),
        paired=paired,
        flows=np.stack([arm.flows for arm in read]),
        lead=start.lead,
        groups=np.stack(groups),
        group_families=start.group_families,
        family_months=first.families * (first.burn_in_months + horizon * len(plans)),
    )
    _without_the_young(horizon, sums.study, sums.followed, sums.paired, sums.groups)
    return sums


def start_of(world: World, plan: Plan) -> Start:
    """Burn a new municipality in, reading its last months. ``world`` is advanced, and is the start's from then on."""
    before = min(DRIFT_MONTHS, plan.burn_in_months - 1)
    burn_in(world, plan.burn_in_months - before - 1)
    lead = Readings.empty(plan.families, 0, before + 1)
    run_months(
        *arrays_of(world),
        before + 1,
        READ,
        np.zeros(FAMILY_COLUMNS),
        lead.pool,
        lead.eligible,
        np.zeros((before + 1, COLUMNS)),  # nobody is followed
        np.zeros((before + 1, F)),
        lead.panel,
        lead.generation,
        lead.ever,
    )
    start_study(world.families, world.coordinators, world.town[0], world.setting)
    # The last month read is study month 0; arms read it again with their own levers.
    earlier = slice(before - LEAD_MONTHS, before)
    eligible = np.zeros((LEAD_MONTHS, COLUMNS))
    add_earlier(world.families, lead.panel[earlier], lead.generation[earlier], eligible)
    return Start(
        world=world,
        eligible=eligible,
        lead=lead.pool,
        groups=members(world.families),
        drift=_slope_per_year(to_values(lead.pool)),
    )


def read_arm(start: Start, plan: Plan, place: int = 1, *, panel: bool = True) -> tuple[Readings, FloatArray]:
    """Run an arm from a copy of the start, and read it; and sums over groups at the horizon, (G, COLUMNS).

    The panel is written over by this thread's next arm in the same ``place``. Where nobody is to be followed from month to
    month, families are kept in the last month alone, which saves a twentieth of the time.
    """
    horizon, at = plan.horizon_months, LEAD_MONTHS
    arm = start_arm(start.world, plan)
    read = Readings.empty(plan.families, LEAD_MONTHS, horizon + 1, place, panel=panel)
    read.pool[:at], read.eligible[:at] = start.pool, start.eligible
    row = np.zeros(FAMILY_COLUMNS)
    read_now(
        arm.families,
        arm.coordinators,
        arm.services,
        arm.town,
        row,
        read.pool[at],
        read.eligible[at],
        read.followed,
        np.zeros(F),
        read.panel[0],
        read.generation[0],
        read.ever[0],
    )
    nobody: Any = (slice(1), slice(0))
    for months in _portions(horizon, plan.families, apart=0 if panel else 1):
        done = months.start + 1
        span = slice(done, done + len(months))
        lead_span = slice(at + done, at + done + len(months))
        kept: Any = span if panel else slice(1) if done == horizon else nobody
        run_months(
            *arrays_of(arm),
            len(months),
            READ,
            row,
            read.pool[lead_span],
            read.eligible[lead_span],
            read.followed,
            read.flows[months.start : months.stop],
            read.panel[kept],
            read.generation[kept],
            read.ever[kept],
        )
    add_people(read.flows[:horizon], read.pool[at + 1 :])
    return read, group_sums(start.groups, arm.families, read.panel[-1])


def values_of(read: Readings, by_group: FloatArray) -> ArmValues:
    """An arm's sums as outcomes."""
    _without_the_young(read.followed.shape[0] - 1, read.pool, read.eligible, read.followed, by_group)
    return ArmValues(
        study=to_values(np.stack([read.pool, read.eligible])),
        followed=to_values(read.followed),
        followed_families=float(read.flows[:, ADMITTED].sum()),
        flows=read.flows,
        groups=to_values(by_group),
    )


def _without_the_young(horizon: int, *sums: FloatArray) -> None:
    """Nothing is said of those who turned 21 where the horizon is short: they are too few."""
    if horizon < UPPER_SECONDARY_HORIZON:
        for part in sums:
            part[..., TURNED_21] = 0.0


def _portions(months: int, families: int, apart: int = 0) -> list[range]:
    """Split a run so that one compiled call stays well under a second (Ctrl-C, progress); so many last months ``apart``."""
    most, whole = max(1, 500_000 // families), months - apart
    return [range(start, min(start + most, whole)) for start in range(0, whole, most)] + [range(whole, months)][:apart]


def _slope_per_year(values: FloatArray) -> FloatArray:
    """Least-squares change a year of each outcome, (months, K) to (K,)."""
    values = np.asfortranarray(values)  # NumPy adds in the order of memory: one outcome after the other
    months = np.arange(len(values)) / 12.0
    centred = months - months.mean()
    return np.asarray((centred[:, None] * (values - values.mean(axis=0))).sum(axis=0) / (centred**2).sum())


# --- for Python users ---------------------------------------------------------------------------------------------


@dataclass
class OneRun:
    """The final state of one arm in one replicate."""

    families: Arrays
    coordinators: Arrays
    services: Arrays
    town: Arrays
    history: Arrays | None = None
    """(1 + months, N) FAMILY records at months 0..months, where asked for"""


def at_month_zero(plan: Plan, *, seed: int, replicate: int, draw: int | None = None) -> World:
    """A burnt-in municipality of a plan at study month 0, with its coordinators hired."""
    values = parameter_values(plan, seed, replicate // 2 if draw is None else draw)
    world = new_world(plan, seed, replicate, values)
    burn_in(world, plan.burn_in_months)
    return start_arm(world, plan)


def run_replicate(
    plan: Plan, *, seed: int, replicate: int, months: int, draw: int | None = None, history: bool = False
) -> OneRun:
    """Run one arm in one replicate, compiled; ``.families`` is the record array after so many months.

    The same bytes as ``FamilyModel(plan, seed, replicate).run_months(months)``. ``draw`` defaults to replicate // 2.
    """
    world = at_month_zero(plan, seed=seed, replicate=replicate, draw=draw)
    kept = np.empty((months + 1, plan.families), world.families.dtype) if history else None
    if kept is None:
        burn_in(world, months)
    else:
        kept[0] = world.families
        for month in range(1, months + 1):
            burn_in(world, 1)
            kept[month] = world.families
    return OneRun(world.families, world.coordinators, world.services, world.town, kept)


def ensemble(plan: Plan, *, replicates: int, seed: int, workers: Workers = None) -> Mapping[str, pd.DataFrame]:
    """Run one arm over replicates and draws: tidy tables ``outcomes`` and ``replicates``, as in a run's folder."""
    from results.statistics import outcomes_table, replicates_table
    from simulation.runner import run_study

    if replicates < 1:
        raise InputError(f"{replicates} replicates", key="replicates", allowed="1 or more")
    finished = run_study([plan], [], replicates=replicates, seed=seed, workers=workers)
    return {"outcomes": outcomes_table(finished.runs), "replicates": replicates_table(finished.runs)}
