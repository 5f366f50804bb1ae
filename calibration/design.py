"""The design of a trial: offices, arms, who is drawn, and when what is measured. A TOML file, like a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from scenarios.files import Table, check, dotted, exists, read_toml, shown
from scenarios.schema import MAX_SEED, SLUG, SLUG_WORDS, FollowUp
from simulation.errors import InputError, nearest
from simulation.names import MAX_CASELOAD

FOLDER: Final = Path(__file__).resolve().parent / "trials"
MAX_OFFICES: Final = 1000
MAX_MONTHS: Final = 96


class Variation(Table):
    """``[variation]``: standard deviations between offices of the logarithm of a rate."""

    job_entry: float = Field(default=0.0, ge=0, le=2)
    stop_applying: float = Field(default=0.0, ge=0, le=2)
    arena_join: float = Field(default=0.0, ge=0, le=2)


class TrialArm(Table):
    """``[[arm]]``: so many offices that follow up in the same way."""

    name: str = Field(pattern=SLUG, description=SLUG_WORDS)
    offices: int = Field(ge=2, le=MAX_OFFICES)
    follow_up: FollowUp
    coordinators: int = Field(ge=1, le=50)
    families: int = Field(ge=1, le=1000, description="families drawn in each office")


Factor = tuple[Annotated[float, Field(ge=0.1, le=10.0)], Annotated[float, Field(ge=0.1, le=10.0)]]


class TrialSettings(Table):
    """``[trial]``: what holds for every office."""

    name: str = Field(pattern=SLUG, description=SLUG_WORDS)
    title: str = Field(default="", max_length=200, description="a line of at most 200 characters")
    profile: str = Field(description="the name of a profile, or the path of a .toml file")
    prices: str = Field(default="2017", description='the year of the rules, as text: "2017"')
    trials: int = Field(ge=2, le=100_000)
    seed: int = Field(ge=0, le=MAX_SEED)
    posterior: str = Field(default="prior", description='"prior", or posterior draws')
    links: Literal["on", "off"] = "on"
    months: int = Field(ge=1, le=MAX_MONTHS)
    register_months: tuple[int, ...] = Field(default=(), max_length=20, strict=False, description="a list of months")
    survey_month: int = Field(ge=1, le=MAX_MONTHS)
    income_month: int = Field(ge=1, le=MAX_MONTHS)
    response: float = Field(gt=0, le=1)
    follow_up_months: int = Field(ge=1, le=MAX_MONTHS)
    pool: tuple[Annotated[int, Field(ge=10, le=5000)], Annotated[int, Field(ge=10, le=5000)]] = Field(
        strict=False, description="the fewest and the most families around an office, as [120, 240]"
    )
    places: Factor = Field(
        default=(1.0, 1.0),
        strict=False,
        description="the least and the most of a factor on places in services, as [0.5, 2.0]",
    )
    openings: Factor = Field(
        default=(1.0, 1.0), strict=False, description="the same on the openings of the labour market, as [0.5, 2.0]"
    )
    burn_in_months: int = Field(default=84, ge=24, le=240)


class Design(Table):
    """A trial's design."""

    trial: TrialSettings
    variation: Variation = Variation()
    arm: tuple[TrialArm, ...] = Field(min_length=1, max_length=20, strict=False)

    @property
    def offices(self) -> int:
        """How many offices there are, in all arms."""
        return sum(arm.offices for arm in self.arm)


def load_design(name: str | Path = "holf") -> Design:
    """A design by its name, or by the path of a file that ends in ``.toml``.

    Raises
    ------
    InputError : no such design, or something in its file is wrong
    """
    own = str(name).endswith(".toml")
    path = Path(name) if own else FOLDER / f"{name}.toml"
    known = sorted(file.stem for file in FOLDER.glob("*.toml"))
    if (own and not exists(path)) or (not own and str(name) not in known):
        raise InputError(
            f"there is no trial {shown(str(name))}", allowed=f"{nearest(str(name)[:80], known)}, or a .toml file"
        )
    design = check(Design, read_toml(path), lambda key: path)
    _fits_together(design, path)
    return design


def _fits_together(design: Design, path: Path) -> None:
    head = design.trial
    measured = {"survey_month": (head.survey_month,), "income_month": (head.income_month,)}
    if head.pool[0] > head.pool[1]:
        raise InputError("the fewest are more than the most", file=path, key="trial.pool", allowed="as [120, 240]")
    for key, (low, high) in (("places", head.places), ("openings", head.openings)):
        if low > high:
            raise InputError("the least is more than the most", file=path, key=f"trial.{key}", allowed="as [0.5, 2.0]")
    for key, months in {**measured, "register_months": head.register_months}.items():
        if not all(1 <= month <= head.months for month in months):
            raise InputError("is not within the trial", file=path, key=f"trial.{key}", allowed=f"1 to {head.months}")
    names = [arm.name for arm in design.arm]
    for i, arm in enumerate(design.arm):
        key = dotted(("arm", arm.name))
        if arm.name in names[:i]:
            raise InputError("two arms have this name", file=path, key=key, allowed="a name of its own for each arm")
        if arm.families > arm.coordinators * MAX_CASELOAD:
            allowed = f"at most {MAX_CASELOAD} families a coordinator"
            raise InputError(f"{arm.families} families are too many", file=path, key=f"{key}.families", allowed=allowed)
    if design.offices > MAX_OFFICES:
        raise InputError(f"{design.offices} offices", file=path, key="arm", allowed=f"at most {MAX_OFFICES}")
