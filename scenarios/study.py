"""A study: arms to compare, read from a TOML file (``docs/interface.md``) and checked whole before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from results.costs import STUDY_TABLE, Costs, costs_files, costs_path, load_costs
from scenarios.files import SHIPPED, Key, check, dotted, shown, toml_key, toml_value
from scenarios.layers import TABLES, Layers, locate_study, read_layers, read_text
from scenarios.places import KnownPlace, find_places
from scenarios.profiles import load_profile, profile_dict
from scenarios.schema import TITLES, Arm, Contrast, ServiceChange, StudyFile, Titled
from simulation.errors import InputError, nearest
from simulation.names import MAX_COORDINATORS
from simulation.plan import PlaceArm, Plan, Profile, ServicePlan

ORDINARY: Final = "ordinary"
RATES: Final = SHIPPED.parent / "simulation" / "rates"
POSTERIORS: Final = SHIPPED.parent / "calibration" / "posteriors"

ContrastNames = tuple[str, str, str]


@dataclass(frozen=True)
class Study:
    """A checked study. Make one with :func:`load_study`."""

    file: Path
    content: StudyFile
    """The tables of the file, with what it extends and what ``--set`` changed."""
    profile: Profile
    """Of the place; of a study over places, what holds in those that have none of their own, in the size of all of them."""
    arms: tuple[Plan, ...]
    """The arms in the file's order, every lever resolved."""
    contrasts: tuple[ContrastNames, ...]
    """(name, arm, against): those of the file, then every arm against ``ordinary`` where there is such an arm."""
    costs: Costs
    """Unit costs: ours in the study's prices, or its own (``study.costs``), with what ``[costs]`` states over them."""
    costs_files: tuple[Path, ...] = field(default=(), compare=False)
    """The files that unit costs were read from."""
    places: tuple[KnownPlace, ...] = ()
    """The places of a study over many, in alphabetical order."""
    profile_families: int = field(default=0, compare=False)
    """Families of the profile, where the study does not say how many."""
    in_files: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The tables as they stand in the files, before ``--set`` and other options."""

    @property
    def name(self) -> str:
        """The name, which names the folder of a run too."""
        return self.content.study.name

    @property
    def title(self) -> str:
        """The title, or the name where there is none."""
        return self.content.study.title or self.name

    @property
    def question(self) -> str:
        """What the study asks, in words; may be empty."""
        return self.content.study.question

    @property
    def horizon_months(self) -> int:
        """Study months."""
        return self.content.study.horizon_months

    @property
    def replicates(self) -> int:
        """Replicates, two to a draw; the most there are where ``precision`` is given."""
        return self.content.study.replicates

    @property
    def seed(self) -> int:
        """The seed, 0..2**32-1."""
        return self.content.study.seed

    @property
    def precision(self) -> float | None:
        """Half-width at which the run may stop, a share: of the 95 % interval of the first contrast's difference in
        ``employed_share`` (eligible, at the horizon). None: run all replicates."""
        return self.content.study.precision

    @property
    def titles(self) -> dict[str, Any]:
        """What study, arms and contrasts are called in the report: ``study``, ``arms`` and ``contrasts``, by name and language.

        They stand beside :meth:`resolved`, since nothing is computed from them: a run goes on when a title has changed.
        """
        content = self.content
        return {
            "study": _titles(content.study),
            "arms": {name: told for name, arm in content.arm.items() if (told := _titles(arm))},
            "contrasts": {name: told for name, contrast in content.contrast.items() if (told := _titles(contrast))},
        }

    def arm(self, name: str) -> Plan:
        """The plan of one arm; ``InputError`` with the nearest name where there is none."""
        for plan in self.arms:
            if plan.name == name:
                return plan
        names = [plan.name for plan in self.arms]
        raise InputError(f"there is no arm {shown(name)}", file=self.file, key="arm", allowed=nearest(name[:80], names))

    def of_one_place(self) -> Study:
        """The study itself; ``InputError`` where it is over many places, which ``compare`` alone runs."""
        if self.places:
            allowed = "a study of one place; `run.py compare` runs a study over places"
            raise InputError(
                f"the study is over {len(self.places)} places", file=self.file, key="place", allowed=allowed
            )
        return self

    def with_settings(self, **settings: Any) -> Study:
        """The study with keys of ``[study]`` changed (``replicates=100, seed=7``), checked like the file."""
        changed = {key: value for key, value in settings.items() if value is not None}
        if not changed:
            return self
        content = as_written(self.content)
        content["study"] |= changed
        kept = None if changed.keys() & {"costs", "prices"} else (self.costs, self.costs_files)
        places = None if "profile" in changed else self.places
        return replace(_build(content, Layers(self.file), costs=kept, places=places), in_files=self.in_files)

    def resolved(self) -> dict[str, Any]:
        """Everything the study fixes, as JSON-able data: settings, parameters, profile, arms, contrasts."""
        return {
            "study": self.content.study.model_dump(exclude=set(TITLES)),
            "pool": {"families": self.profile.families},
            "parameters": dict(self.content.parameters),
            "costs": dict(self.content.costs),
            "profile": profile_dict(self.profile),
            **({"places": self._resolved_places()} if self.places else {}),
            "arms": [_arm_dict(plan) for plan in self.arms],
            "contrasts": [dict(zip(("name", "arm", "against"), names, strict=True)) for names in self.contrasts],
        }

    def _resolved_places(self) -> list[dict[str, Any]]:
        """Each place with its profile, and its coordinators in each arm."""
        coordinators = [[here.coordinators for here in plan.places] for plan in self.arms]
        names = [plan.name for plan in self.arms]
        return [
            {
                "name": place.name,
                "note": place.note,
                "profile": profile_dict(place.profile),
                "coordinators": dict(zip(names, counts, strict=True)),
            }
            for place, *counts in zip(self.places, *coordinators, strict=True)
        ]

    def to_toml(self) -> str:
        """The study as one TOML file that :func:`load_study` reads back to the same study."""
        return "\n".join(_toml_lines(as_written(self.content))) + "\n"


def load_study(path: str | Path, sets: Iterable[str] = ()) -> Study:
    """Read and check a study.

    Parameters
    ----------
    path : a study file, or the name of one that comes with the program
    sets : overrides, each ``key=value`` as for ``--set``

    Raises
    ------
    InputError : anything in the file, in those it extends or in the overrides is wrong
    """
    layers = read_layers(locate_study(path), sets)
    return _build(layers.content, layers)


def study_of(
    text: str, profile: Profile, posterior: str, costs: Costs, file: Path, places: tuple[KnownPlace, ...] = ()
) -> Study:
    """The study that :meth:`Study.to_toml` wrote, in a place and with a posterior that are known already.

    Parameters
    ----------
    text : TOML
    profile : as a run used it, with the study's number of families
    posterior : ``prior``, or the file of draws, wherever it is now
    costs : as a run used them
    file : where the text stands
    places : of a study over places, as a run used them

    Raises
    ------
    InputError : the text is not such a study
    """
    layers = read_text(text, file)
    return _build(layers.content, layers, profile, posterior, (costs, ()), places)


def study_from(content: Mapping[str, Any], file: Path, profile: Profile | None = None) -> Study:
    """A study from the tables of a file that need not exist, arms and contrasts by name, checked like a file.

    Parameters
    ----------
    content : tables as in ``StudyFile``; paths, if any, as seen from here
    file : what messages call it
    profile : of the place that the study names, where it is known already

    Raises
    ------
    InputError : something in the tables is wrong
    """
    layers = Layers(file)
    layers.lay(content, str(file))
    layers.in_files = layers.content
    return _build(layers.content, layers, profile)


def _build(
    content: Mapping[str, Any],
    layers: Layers,
    profile: Profile | None = None,
    posterior: str | None = None,
    costs: tuple[Costs, tuple[Path, ...]] | None = None,
    places: tuple[KnownPlace, ...] | None = None,
) -> Study:
    """A study from its tables; profiles, posterior, unit costs and their files are read where they are not known already."""
    file = check(StudyFile, content, layers.blame)
    for name, arm in file.arm.items():
        _check_arm(name, arm, layers)
        _check_criterion(name, arm, file, layers)
    _check_parameters(file, layers)
    _check_choice("prices", file.study.prices, names_in(RATES, "[0-9]*.toml"), layers)
    posterior = posterior or _posterior(file.study.posterior, layers)
    profile = profile or _profile(file.study.profile, layers)
    profile_families = profile.families
    places = places if places is not None else find_places(file, profile, layers.blame)
    pool = sum(place.profile.families for place in places) or file.pool.families
    profile = profile if pool is None else profile.for_pool(pool)
    for known in (profile, *(place.profile for place in places)):
        if known.rates and known.rates_year != file.study.prices:
            problem = f"the profile {known.name} has rates of its own of {known.rates_year}"
            problem += f", the run is in prices of {file.study.prices}"
            raise _wrong(layers, ("study", "prices"), problem, f'"{known.rates_year}": years are not mixed')
    for name, arm in file.arm.items():
        _check_staffing(name, arm, [place.profile.families for place in places] or [profile.families], layers)
    contrasts = _contrasts(file, layers)
    if file.study.precision is not None and not contrasts:
        raise _wrong(layers, ("study", "precision"), "there is no contrast to be precise about", "a [[contrast]]")
    unit_costs, files = costs or (_costs(file, layers), costs_files(_costs_path(file)))
    return Study(
        file=layers.file,
        content=file,
        profile=profile,
        arms=tuple(_plan(name, file, profile, posterior, places) for name in file.arm),
        contrasts=contrasts,
        costs=unit_costs,
        costs_files=files,
        places=places,
        profile_families=profile_families,
        in_files=layers.in_files,
    )


# ---- what must fit together ------------------------------------------------------------------------------------------


def _wrong(layers: Layers, key: Key, problem: str, allowed: str | None) -> InputError:
    return InputError(problem, file=layers.blame(key), key=dotted(key), allowed=allowed)


def _check_arm(name: str, arm: Arm, layers: Layers) -> None:
    def wrong(key: Key, problem: str, allowed: str) -> InputError:
        return _wrong(layers, ("arm", name, *key), problem, allowed)

    if arm.coordinators and arm.families_per_coordinator is not None:
        problem = "says how many coordinators there are, beside coordinators"
        raise wrong(("families_per_coordinator",), problem, "one of the two")
    staffed = arm.coordinators or arm.families_per_coordinator
    if staffed and arm.caseload is None:
        raise wrong(("caseload",), "is missing: the arm has coordinators", "a whole number from 1 to 60")
    if arm.caseload is not None and not staffed:
        raise wrong(("caseload",), f"{arm.caseload} families each, but no coordinators", "coordinators from 1 to 400")
    if arm.coordinator_leaves_month is not None and not staffed:
        raise wrong(("coordinator_leaves_month",), "there is no coordinator to leave", "coordinators from 1 to 400")
    if arm.openings_factor is None and (arm.openings_from is not None or arm.openings_to is not None):
        key = "openings_from" if arm.openings_from is not None else "openings_to"
        raise wrong((key,), "months without an openings_factor", "openings_factor beside them")
    first = arm.openings_from or 1
    if arm.openings_to is not None and arm.openings_to < first:
        raise wrong(("openings_to",), f"{arm.openings_to} is before openings_from", f"a month from {first} on")
    for service, change in _changes(arm):
        _check_closing(("services", service, "closed_to"), change, wrong)


def _check_staffing(name: str, arm: Arm, pools: list[int], layers: Layers) -> None:
    """No place needs more coordinators than there can be; services are not given one size for places of every size."""
    most = max(pools)
    if _coordinators(arm, most) > MAX_COORDINATORS:
        key: Key = ("arm", name, "families_per_coordinator")
        problem = f"{_coordinators(arm, most)} coordinators for the {most} families of a place"
        raise _wrong(layers, key, problem, f"at most {MAX_COORDINATORS} in a place")
    for service, change in _changes(arm) if len(pools) > 1 else ():
        for size in ("places", "background_per_month"):
            if getattr(change, size) is not None:
                key = ("arm", name, "services", service, size)
                problem = "is one number for places of every size"
                raise _wrong(layers, key, problem, "the size that each place's profile gives it; other keys may change")


def _check_criterion(name: str, arm: Arm, file: StudyFile, layers: Layers) -> None:
    criterion = file.study.criterion if arm.criterion is None else arm.criterion
    relaxed = file.study.relaxed if arm.relaxed is None else arm.relaxed
    if relaxed and criterion != "holf":
        at: Key = ("arm", name, "relaxed") if arm.relaxed is not None else ("study", "relaxed")
        problem = f"eases the months of social assistance, which {criterion} does not ask for"
        raise _wrong(layers, at, problem, 'false, or criterion = "holf"')


def _check_closing(key: Key, change: ServiceChange, wrong: Any) -> None:
    if change.closed_to is None:
        return
    if change.closed_from is None:
        raise wrong(key, "the month it opens again, but not the month it closes", "closed_from beside it")
    if change.closed_to < change.closed_from:
        raise wrong(key, f"{change.closed_to} is before closed_from", f"a month from {change.closed_from} on")


def _check_parameters(file: StudyFile, layers: Layers) -> None:
    if not file.parameters:
        return
    from simulation.parameters import check_value, find_parameter, parameter_names

    names = parameter_names()
    for name, value in file.parameters.items():
        key = ("parameters", name)
        if name not in names:
            raise InputError(
                f"there is no parameter {shown(name)}",
                file=layers.blame(key),
                key=f"parameters.{name[:80]}",
                allowed=_near_parameters(name[:80], names),
            )
        check_value(find_parameter(name), value, file=layers.blame(key))


def _near_parameters(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{hint}`run.py parameters` lists them all"


def _check_choice(key: str, value: str, names: Iterable[str], layers: Layers) -> None:
    names = list(names)
    if value not in names:
        raise _wrong(layers, ("study", key), f"{shown(value)} is not known", nearest(value[:80], names))


def names_in(folder: Path, pattern: str = "*") -> list[str]:
    """The names that a study may say of what lies in a folder: of ``RATES`` or ``POSTERIORS``."""
    return sorted({path.stem for path in folder.glob(pattern) if path.is_file() and path.name[0] not in "._"})


def _posterior(value: str, layers: Layers) -> str:
    """``prior``, or the file of a posterior given by name or path."""
    if value == "prior":
        return value
    if "/" in value or value.endswith(".parquet"):
        if "\0" in value or not Path(value).is_file():
            raise _wrong(layers, ("study", "posterior"), f"{shown(value)} is not a file", '"prior", or a file of draws')
        return str(Path(value).absolute())  # workers of a cluster are elsewhere
    _check_choice("posterior", value, ["prior", *names_in(POSTERIORS)], layers)
    return str(next(path for path in sorted(POSTERIORS.glob(f"{value}.*")) if path.is_file()))


def _costs_path(file: StudyFile) -> Path:
    return costs_path(file.study.prices) if file.study.costs is None else Path(file.study.costs)


def _costs(file: StudyFile, layers: Layers) -> Costs:
    def origin(key: Key) -> str:
        return layers.blame(("costs", *key)) + STUDY_TABLE

    try:
        return load_costs(_costs_path(file), file.costs, origin, file.study.prices)
    except InputError as error:
        if str(error.file).endswith(STUDY_TABLE) and error.key is not None:
            raise _wrong(layers, ("costs", *error.key.split(".")), error.problem, error.allowed) from None
        raise


def _profile(name: str, layers: Layers) -> Profile:
    try:
        return load_profile(name)
    except InputError as error:
        if error.file is not None:  # something within the profile's file
            raise
        raise _wrong(layers, ("study", "profile"), error.problem, error.allowed) from None


def _contrasts(file: StudyFile, layers: Layers) -> tuple[ContrastNames, ...]:
    contrasts: dict[str, tuple[str, str]] = {}
    for name, contrast in file.contrast.items():
        _check_contrast(name, contrast, file, layers)
        contrasts[name] = (contrast.arm, contrast.against)
    if ORDINARY in file.arm:
        for arm in file.arm:
            pair, name = (arm, ORDINARY), f"{arm} vs {ORDINARY}"
            if arm == ORDINARY or pair in contrasts.values():
                continue
            if name in contrasts:
                key = ("contrast", name)
                raise _wrong(layers, key, f"this is the name of {arm} against {ORDINARY}", "another name")
            contrasts[name] = pair
    return tuple((name, arm, against) for name, (arm, against) in contrasts.items())


def _check_contrast(name: str, contrast: Contrast, file: StudyFile, layers: Layers) -> None:
    for key, arm in (("arm", contrast.arm), ("against", contrast.against)):
        if arm not in file.arm:
            where = ("contrast", name, key)
            raise _wrong(layers, where, f"there is no arm {shown(arm)}", nearest(arm[:80], file.arm))
    if contrast.arm == contrast.against:
        raise _wrong(layers, ("contrast", name, "against"), "is the same arm", "another arm")


# ---- plans -----------------------------------------------------------------------------------------------------------


def _changes(arm: Arm) -> Iterator[tuple[str, ServiceChange]]:
    for service, change in arm.services:
        if change is not None:
            yield service, change


def _titles(table: Titled) -> dict[str, str]:
    """The titles by language, where there are any."""
    found = {key.removeprefix("title_"): getattr(table, key) for key in TITLES}
    return {lang: title for lang, title in found.items() if title is not None}


def _plan(name: str, file: StudyFile, profile: Profile, posterior: str, places: tuple[KnownPlace, ...]) -> Plan:
    study, arm = file.study, file.arm[name]
    levers = arm.model_dump(exclude_none=True, exclude={"services", "families_per_coordinator", *TITLES})
    shared = study.model_dump(
        include={"follow_up", "intake", "criterion", "relaxed", "length_months", "longest_months"}
    )
    here = tuple(
        PlaceArm(place.name, place.profile, _coordinators(arm, place.profile.families), _services(arm, place.profile))
        for place in places
    )
    levers["coordinators"] = sum(place.coordinators for place in here) if here else _coordinators(arm, profile.families)
    return Plan(
        name=name,
        profile=profile,
        families=profile.families,
        horizon_months=study.horizon_months,
        burn_in_months=study.burn_in_months,
        prices=study.prices,
        links=study.links == "on",
        posterior=posterior,
        parameters=dict(file.parameters),  # plain dicts: a plan must cross processes
        services=_services(arm, profile),
        places=here,
        **(shared | levers),
    )


def _coordinators(arm: Arm, families: int) -> int:
    """Coordinators of an arm in a pool: so many, or by its size."""
    if arm.families_per_coordinator is None:
        return arm.coordinators
    return max(1, round(families / arm.families_per_coordinator))


def _services(arm: Arm, profile: Profile) -> dict[str, ServicePlan]:
    return {service: _service(profile.services[service], change) for service, change in _changes(arm)}


def _service(ordinary: ServicePlan, change: ServiceChange) -> ServicePlan:
    return replace(ordinary, **change.model_dump(exclude_none=True))


def _arm_dict(plan: Plan) -> dict[str, Any]:
    arm = asdict(plan)
    for key in ("profile", "places", "place"):  # profiles stand once, beside the arms
        del arm[key]
    return arm


# ---- as TOML ---------------------------------------------------------------------------------------------------------


def as_written(file: StudyFile) -> dict[str, Any]:
    """The tables of a study, arms and contrasts by name; of arms only what is said of them."""
    content = file.model_dump(exclude_none=True)
    for name, arm in file.arm.items():
        content["arm"][name] = arm.model_dump(exclude_none=True, exclude_unset=True)
    return {table: said for table, said in content.items() if said or table not in ("places", "place")}


def _toml_lines(content: dict[str, Any]) -> Iterator[str]:
    for name in TABLES:
        if content.get(name):
            yield f"[{name}]"
            yield from _pairs(content[name])
            yield ""
    for name, place in content.get("place", {}).items():
        yield "[[place]]"
        yield from _pairs({"name": name} | place)
        yield ""
    for name, arm in content["arm"].items():
        services = arm.get("services", {})
        yield "[[arm]]"
        yield from _pairs({"name": name} | {key: value for key, value in arm.items() if key != "services"})
        for service, change in services.items():
            yield f"[arm.services.{service}]"
            yield from _pairs(change)
        yield ""
    for name, contrast in content["contrast"].items():
        yield "[[contrast]]"
        yield from _pairs({"name": name} | contrast)
        yield ""


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{toml_key(key)} = {toml_value(value)}"
