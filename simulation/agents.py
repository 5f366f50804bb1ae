"""The Mesa faces of families, coordinators and services.

An agent keeps an index into the model's record arrays; its methods call the compiled rules of ``month`` with the arrays and
the index. Attributes of the state are read through ``record``. A researcher changes one behaviour by subclassing:

    class Stubborn(Family):
        def claims_month(self):
            super().claims_month()
            self.record["applying"] = 0          # never applies for social assistance

    model = FamilyModel(plan, seed=1, replicate=0, family=Stubborn)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import mesa

from simulation import month
from simulation.names import BARRIERS, BENEFITS, FAMILY_BARRIERS, PERSON_BARRIERS, SERVICES, WORK

if TYPE_CHECKING:
    from simulation.model import FamilyModel


class Family(mesa.Agent):  # type: ignore[misc]
    """A family of the pool: the slot ``index`` of the model's ``families``.

    Where a family leaves the pool another moves into its slot, and the agent then stands for the newcomer
    (``record["generation"]`` counts them).
    """

    PARTS: ClassVar[tuple[str, ...]] = (
        "barriers_month",
        "work_month",
        "claims_month",
        "children_month",
        "money_month",
        "ask_for_services",
        "apply_criteria",
    )
    """The behaviours of phase 5, in order. Override any of them; the others stay as they are."""
    _in_parts: ClassVar[bool] = False

    model: FamilyModel

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._in_parts = any(getattr(cls, part) is not getattr(Family, part) for part in Family.PARTS)

    def __init__(self, model: FamilyModel, index: int) -> None:
        super().__init__(model)
        self.index = index

    # --- what it is

    @property
    def record(self) -> Any:
        """The family's FAMILY record: a view, so that writing to it changes the family."""
        return self.model.families[self.index]

    @property
    def barriers(self) -> tuple[str, ...]:
        """Names of the barriers present, of the family or of any parent in it."""
        record = self.record
        parents = [parent for parent in record["parent"] if parent["present"]]
        own = [BARRIERS[b] for b in range(PERSON_BARRIERS) if any(parent["barrier"][b] for parent in parents)]
        shared = [BARRIERS[PERSON_BARRIERS + f] for f in range(FAMILY_BARRIERS) if record["barrier"][f]]
        return (*own, *shared)

    @property
    def work(self) -> tuple[str, ...]:
        """Work of each parent present."""
        return tuple(WORK[parent["work"]] for parent in self.record["parent"] if parent["present"])

    @property
    def benefits(self) -> tuple[str, ...]:
        """Own benefit of each parent present."""
        return tuple(BENEFITS[parent["benefit"]] for parent in self.record["parent"] if parent["present"])

    @property
    def coordinator(self) -> Coordinator | None:
        """The family's coordinator agent, or None."""
        c = int(self.record["coordinator"])
        return None if c < 0 else self.model.coordinator_agents[c]

    @property
    def peers(self) -> tuple[int, ...]:
        """Slots of the families it is tied to."""
        return tuple(int(slot) for slot in self.record["peer"])

    # --- what it does in a month

    def pass_time(self) -> None:
        """Phase 1: ages, births, couples; or it moves out and another family moves in."""
        model = self.model
        month.pass_time_at(model.families, self.index, model.town, model.setting)

    def seek_work(self) -> None:
        """Phase 4: who would take a job this month."""
        model = self.model
        month.seek_work_at(model.families, self.index, model.town, model.setting, model.takers)

    def live(self) -> None:
        """Phase 5: everything in PARTS, in one compiled call unless a subclass overrides a part."""
        if self._in_parts:
            for part in self.PARTS:
                getattr(self, part)()
            return
        model = self.model
        month.live_at(
            model.families, self.index, model.town, model.setting, model.services, model.waiting, model.candidates
        )

    def barriers_month(self) -> None:
        """Barriers come, go, and are found in ordinary follow-up."""
        model = self.model
        month.barriers_at(model.families, self.index, model.town, model.setting, model.services)

    def work_month(self) -> None:
        """Each parent gets or loses work, or an own benefit."""
        month.work_at(self.model.families, self.index, self.model.town, self.model.setting)

    def claims_month(self) -> None:
        """Applies for social assistance or stops; claims other support."""
        month.claims_at(self.model.families, self.index, self.model.town, self.model.setting)

    def children_month(self) -> None:
        """Children join and leave their arenas."""
        model = self.model
        month.children_at(model.families, self.index, model.town, model.setting, model.services)

    def money_month(self) -> None:
        """The month's incomes by the rules."""
        month.money_at(self.model.families, self.index, self.model.town, self.model.setting)

    def ask_for_services(self) -> None:
        """Asks for, or is referred to, services in ordinary follow-up."""
        model = self.model
        month.ask_at(model.families, self.index, model.town, model.setting, model.services, model.waiting)

    def apply_criteria(self) -> None:
        """Whether it meets the intake criteria, and stands on the intake team's list."""
        month.criteria_at(self.model.families, self.index, self.model.town, self.model.candidates)


class Coordinator(mesa.Agent):  # type: ignore[misc]
    """A coordinator's position, filled or vacant: the place ``index`` of the model's ``coordinators``."""

    model: FamilyModel

    def __init__(self, model: FamilyModel, index: int) -> None:
        super().__init__(model)
        self.index = index

    @property
    def record(self) -> Any:
        """The COORDINATOR record, a view."""
        return self.model.coordinators[self.index]

    @property
    def families(self) -> list[Family]:
        """The families she follows now."""
        record = self.record
        agents = self.model.family_agents
        return [agents[int(slot)] for slot in record["family"][: int(record["families"])]]

    def staffing(self) -> None:
        """Phase 2, first: she may leave, or the vacant position is filled."""
        model = self.model
        month.staffing_at(model.families, model.coordinators, self.index, model.town, model.setting)

    def follow_up(self) -> None:
        """Phase 2, then: hours shared out, meetings, discovery, claims, referral."""
        model = self.model
        month.follow_up_at(
            model.families,
            model.coordinators,
            self.index,
            model.town,
            model.setting,
            model.services,
            model.waiting,
        )


class Service(mesa.Agent):  # type: ignore[misc]
    """One of the eight services: the place ``index`` of the model's ``services``."""

    model: FamilyModel

    def __init__(self, model: FamilyModel, index: int) -> None:
        super().__init__(model)
        self.index = index

    @property
    def name(self) -> str:
        """One of names.SERVICES."""
        return SERVICES[self.index]

    @property
    def record(self) -> Any:
        """The SERVICE record, a view."""
        return self.model.services[self.index]

    def serve(self) -> None:
        """Phase 3: stays end, then free places go to the queue."""
        model = self.model
        month.service_at(
            model.services, self.index, model.families, model.town, model.setting, model.waiting, model.placed
        )


AGENTS: Final = (Family, Coordinator, Service)
