"""A question: a named statistic in a setting. Targets ask questions of the world; the model is asked the same ones.

Each *kind* of world (a register of families, the trial in silico, an office, a trial of treatment, a comparison of caseloads)
knows its own statistics and answers questions on them with one simulation: see :mod:`calibration.answers`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from scenarios.files import Table
from scenarios.schema import FollowUp

Kind = Literal["register", "trial", "office", "treatment", "caseload"]
MAX_MONTH: Final = 96
FIRST: Final[dict[str, Kind]] = {
    **dict.fromkeys(("pool", "selected", "eligible", "followed"), "register"),
    "trial": "trial",
    "office": "office",
    "treatment": "treatment",
    "caseload": "caseload",
}
"""The kind of world, by the first word of a statistic's name."""

Months = Annotated[int, Field(ge=1, le=36)]


class Setting(Table):
    """``setting = {...}``: where, by which rules and when a statistic is measured."""

    profile: str = Field(default="holf-national", description="the name of a profile, or the path of a .toml file")
    prices: str = Field(default="2017", description='the year of the rules, as text: "2017"')
    month: int | None = Field(default=None, ge=0, le=MAX_MONTH, description="months since the study or the trial began")
    """None: the kind's own, 0 of a register, 30 of a trial and of an office, 12 of treatment, 24 of a caseload."""
    families: int | None = Field(default=None, ge=10, le=5000, description="families in the pool")
    coordinators: int | None = Field(default=None, ge=0, le=50)
    caseload: int | None = Field(default=None, ge=1, le=60)
    follow_up: FollowUp | None = None
    design: str = Field(default="holf", description="the design of a trial, by its name or the path of a .toml file")
    before: Months = Field(default=12, description="months before admission whose mean payment is the before")
    after: Months = Field(default=12, description="months up to `month` whose mean payment is the after")

    def world(self) -> Setting:
        """The setting without what one simulation can tell of at once: month and windows."""
        return self.model_copy(update={"month": None, "before": 12, "after": 12})


class Question(NamedTuple):
    """One statistic in one setting."""

    statistic: str
    """Its full name."""
    setting: Setting


class Named(NamedTuple):
    """A statistic that a kind of world knows."""

    name: str
    unit: str
    meaning: str


def kind_of(statistic: str) -> Kind | None:
    """The kind of world that a statistic is measured in, by its first word; None for an unknown one."""
    return FIRST.get(statistic.partition(".")[0])
