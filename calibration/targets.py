"""Targets: published answers to questions, which the model is fitted to or validated on. TOML files, the user's own too.

A target says what was published and how sure it is: its sampling error (``se``), and its *discrepancy*, the standard deviation
that other people, another year or another concept adds. A fit weighs the two together; a table shows the first alone.
"""

from __future__ import annotations

import csv
import difflib
import functools
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from calibration.questions import Kind, Question, Setting, kind_of
from scenarios.files import Table, beside, check, dotted, exists, read_toml, shown
from scenarios.profiles import load_profile
from scenarios.schema import SLUG, SLUG_WORDS
from simulation.errors import InputError, nearest
from simulation.parameters import find_parameter, parameter_names
from simulation.rates import years

FOLDER: Final = Path(__file__).resolve().parent / "targets"
EVIDENCE: Final = Path(__file__).resolve().parent / "evidence"
TEMPLATE: Final = "template"
MAX_TARGETS: Final = 2000
MAX_EXTENDS: Final = 10
Z90: Final = 1.6448536269514722
Z95: Final = 1.959963984540054
OWN_MONTH: Final[dict[Kind, int]] = {"register": 0, "trial": 30, "office": 30, "treatment": 12, "caseload": 24}
"""When a statistic is measured where ``month`` is not said; a trial's design goes before."""

Shape = Literal["not_significant", "value", "count", "interval"]
Role = Literal["fit", "validate"]
_NEEDS: Final[dict[Shape, tuple[str, ...]]] = {
    "not_significant": (),
    "value": ("value", "se"),
    "count": ("k", "n"),
    "interval": ("low", "high"),
}
_MAY: Final[dict[Shape, tuple[str, ...]]] = {
    "not_significant": ("half_width", "side"),
    "value": ("scale",),
    "count": (),
    "interval": ("level",),
}


class Target(Table):
    """``[[target]]``: a question with its published answer."""

    name: str = Field(pattern=SLUG, description=SLUG_WORDS)
    statistic: str = Field(min_length=1, max_length=200)
    """Its full name, of ``run.py validate --list``."""
    setting: Setting = Setting()
    kind: Shape
    value: float | None = None
    stated_se: float | None = Field(default=None, gt=0, alias="se")
    k: int | None = Field(default=None, ge=0)
    n: int | None = Field(default=None, ge=1)
    low: float | None = None
    high: float | None = None
    level: float | None = None
    """Of an interval: 0.9 (as if not said) or 0.95."""
    half_width: float | None = Field(default=None, gt=0)
    """Of the 95 % interval of a null."""
    side: Literal["both", "no_increase", "no_decrease"] | None = None
    """Of a null: what was not found. With z the estimate over its standard error, ``both`` (as if not said) is |z| < 1.96,
    ``no_increase`` is z < 1.96 and ``no_decrease`` is z > -1.96."""
    scale: Literal["log"] | None = None
    """``log``: ``value``, ``se`` and ``discrepancy`` are of the statistic's natural logarithm."""
    discrepancy: float = Field(default=0.0, ge=0)
    role: Role
    source: str = Field(min_length=1, max_length=300, description="text of at most 300 characters")
    grade: Literal["A", "B", "C", "D"]
    note: str = Field(default="", max_length=1000, description="text of at most 1000 characters")

    @property
    def question(self) -> Question:
        """What is asked of the model."""
        return Question(self.statistic, self.setting)

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of ``source``, of which there may be several with commas between."""
        return tuple(part.strip() for part in self.source.split(","))

    @property
    def centre(self) -> float | None:
        """The published answer on the target's own scale (the logarithm where ``scale`` says so); None of a null."""
        if self.kind == "value":
            return self.value
        if self.kind == "count":
            return self.k / self.n  # type: ignore[operator]
        return (self.low + self.high) / 2.0 if self.kind == "interval" else None  # type: ignore[operator]

    @property
    def se(self) -> float | None:
        """The sampling error on the target's own scale; None where only the simulated trial can tell.

        Of a null, ``half_width`` / 1.96; of an interval, its half over the normal quantile of its level; of a count, that of
        Wilson's interval, which is above zero for none and for all.
        """
        if self.kind == "value":
            return self.stated_se
        if self.kind == "not_significant":
            return None if self.half_width is None else self.half_width / Z95
        if self.kind == "count":
            low, high = wilson(self.k, self.n)  # type: ignore[arg-type]
            return (high - low) / (2.0 * Z90)
        return (self.high - self.low) / (2.0 * (Z95 if self.level == 0.95 else Z90))  # type: ignore[operator]

    @property
    def spread(self) -> float | None:
        """Sampling error and discrepancy together, a standard deviation; None where the first is not known."""
        error = self.se
        return None if error is None else math.hypot(error, self.discrepancy)

    @property
    def observed(self) -> float | None:
        """The published answer in the statistic's unit; None of a null."""
        return None if self.centre is None else self._unscaled(self.centre)

    @property
    def observed_low(self) -> float | None:
        """Lower end of the 90 % interval of ``observed``: sampling error alone."""
        return self._end(-1.0)

    @property
    def observed_high(self) -> float | None:
        """Upper end of the 90 % interval of ``observed``."""
        return self._end(1.0)

    def _unscaled(self, x: float) -> float:
        return x if self.scale is None else math.exp(x)

    def _end(self, sign: float) -> float | None:
        if self.kind == "count":
            return wilson(self.k, self.n)[sign > 0]  # type: ignore[arg-type]
        if self.centre is None or self.se is None:
            return None
        return self._unscaled(self.centre + sign * Z90 * self.se)


def wilson(k: int, n: int) -> tuple[float, float]:
    """Wilson's 90 % interval of a share, ``k`` of ``n``."""
    from scipy.stats import binomtest

    interval = binomtest(k, n).proportion_ci(0.9, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class TargetsFile:
    """The targets of a file and of those it extends."""

    name: str
    title: str
    path: Path
    targets: tuple[Target, ...]
    parameters: tuple[str, ...]
    """Those to be fitted; none: not said."""
    files: tuple[Path, ...]
    """All that were read, the file itself last."""

    def of_role(self, role: Role) -> tuple[Target, ...]:
        """The targets that are fitted, or those that are validated on."""
        return tuple(target for target in self.targets if target.role == role)


class _Head(Table):
    """``[targets]``."""

    name: str | None = Field(default=None, pattern=SLUG, description=SLUG_WORDS)
    title: str = Field(default="", max_length=200, description="a line of at most 200 characters")
    extends: tuple[str, ...] = Field(default=(), max_length=20, strict=False, description="a list of names or paths")


class _Fit(Table):
    """``[fit]``."""

    parameters: tuple[str, ...] = Field(default=(), max_length=200, strict=False, description="a list of parameters")


class _File(Table):
    targets: _Head = _Head()
    fit: _Fit = _Fit()
    target: tuple[dict[str, Any], ...] = Field(default=(), strict=False, description="tables [[target]]")


# ---- reading --------------------------------------------------------------------------------------------------------


def target_names() -> tuple[str, ...]:
    """The targets files that come with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != TEMPLATE))


def load_targets(name: str | Path = "holf", known: Collection[str] | None = None) -> TargetsFile:
    """Targets by their file's name (holf, norway, bergen, caseload), or by the path of a file that ends in ``.toml``.

    A file's own target takes the place of one of the same name in a file it extends.

    Parameters
    ----------
    known : full names of the statistics there are; None: all that the model knows

    Raises
    ------
    InputError : no such file, or something in it is wrong: file, key and what is allowed
    """
    path = _locate(str(name))
    if known is None:
        from calibration.answers import known_names

        known = frozenset(named.name for named in known_names())
    found = _read(path, frozenset(known), ())
    if not found.targets:
        raise InputError("has no targets", file=path, key="target", allowed=f"1 to {MAX_TARGETS} tables [[target]]")
    return found


def _locate(name: str, file: Path | None = None, key: str = "") -> Path:
    """Where a file lies; the path in ``extends`` is seen from the file that says it."""
    own = name.endswith(".toml")
    path = Path(name) if own else FOLDER / f"{name}.toml"
    if own and file is not None:
        path = beside(name, file, key)
    if (own and not exists(path)) or (not own and name not in target_names()):
        allowed = f"{nearest(name[:80], target_names())}; or the path of a .toml file"
        raise InputError(f"there are no targets {shown(name)}", file=file, key=key or None, allowed=allowed)
    return path


def _read(path: Path, known: frozenset[str], above: tuple[Path, ...]) -> TargetsFile:
    file = check(_File, read_toml(path), lambda key: path)
    head, key = file.targets, "targets.extends"
    here = path.resolve()
    if here in above:
        raise InputError(f"{path.name} extends itself in the end", file=above[-1], key=key, allowed="no circle")
    if len(above) == MAX_EXTENDS:
        raise InputError("too many files in a row", file=path, key=key, allowed=f"at most {MAX_EXTENDS}")
    below = [_read(_locate(base, path, key), known, (*above, here)) for base in head.extends]
    if sum(len(base.targets) for base in below) + len(file.target) > MAX_TARGETS:
        raise InputError("too many targets", file=path, key="target", allowed=f"at most {MAX_TARGETS} in all")
    own = [_target(entry, number, path, known) for number, entry in enumerate(file.target, start=1)]
    parameters = file.fit.parameters or tuple(dict.fromkeys(name for base in below for name in base.parameters))
    return TargetsFile(
        name=head.name or path.stem,
        title=head.title,
        path=path,
        targets=_together([target for base in below for target in base.targets], own, path),
        parameters=_parameters(parameters, path),
        files=tuple(dict.fromkeys([*(file for base in below for file in base.files), path])),
    )


def _target(entry: dict[str, Any], number: int, path: Path, known: frozenset[str]) -> Target:
    said = entry.get("name")
    key = dotted(("target", said if isinstance(said, str) else str(number)))
    try:
        target = check(Target, entry, lambda key: path)
    except InputError as error:
        raise InputError(error.problem, file=path, key=f"{key}.{error.key}", allowed=error.allowed) from None
    wrong = (*_wrong_answer(target, entry), *_wrong_question(target, known), *_wrong_source(target, path))
    for part, problem, allowed in wrong:
        raise InputError(problem, file=path, key=f"{key}.{part}", allowed=allowed)
    return target


Wrong = Iterator[tuple[str, str, str]]  # key, what is wrong, what is allowed


def _wrong_answer(target: Target, entry: dict[str, Any]) -> Wrong:
    needs, may = _NEEDS[target.kind], _MAY[target.kind]
    for key in needs:
        if key not in entry:
            yield key, "is missing", f"{' and '.join(needs)} of kind {target.kind!r}"
    for kind in _NEEDS:
        for key in (*_NEEDS[kind], *_MAY[kind]):
            if key not in (*needs, *may) and key in entry:
                yield key, f"belongs to kind {kind!r}", f"of kind {target.kind!r}: {', '.join((*needs, *may))}"
    if target.k is not None and target.n is not None and target.k > target.n:
        yield "k", f"{target.k} of {target.n}", f"a whole number from 0 to n, here {target.n}"
    if target.low is not None and target.high is not None and target.low >= target.high:
        yield "low", f"{target.low:g} is not below high, {target.high:g}", "low below high"
    if target.level not in (None, 0.9, 0.95):
        yield "level", f"{shown(target.level)} is not allowed", "0.9 or 0.95"


def _wrong_question(target: Target, known: frozenset[str]) -> Wrong:
    setting = target.setting
    if target.statistic not in known:
        yield "statistic", f"there is no statistic {shown(target.statistic)}", _near_statistic(target.statistic, known)
    if target.kind == "not_significant" and target.half_width is None and kind_of(target.statistic) != "trial":
        yield "half_width", "is missing", "the half-width of its 95 % interval: only a simulated trial can tell it"
    if setting.prices not in years():
        yield "setting.prices", f"{shown(setting.prices)} is not known", nearest(setting.prices[:80], years())
    for key, problem in (("profile", _profile_problem(setting)), ("design", _design_problem(target))):
        if problem is not None:
            yield f"setting.{key}", *problem
    if kind_of(target.statistic) == "office":
        yield from _wrong_office(setting)


def _near_statistic(name: str, known: Collection[str]) -> str:
    """The nearest names: of groups where the statistic is known, else of statistics."""
    stem = name.rpartition(".")[0]
    if stem in known:
        names = [other for other in known if other.startswith(f"{stem}.")]
    else:
        names = [other for other in known if other.rpartition(".")[0] not in known]
    return f"{_near(name, names)}`python run.py validate --list` names them"


def _near(name: str, names: Iterable[str]) -> str:
    """A few of many names, if any are like it."""
    close = difflib.get_close_matches(name[:200], sorted(names), n=4, cutoff=0.4)
    return f"for example {', '.join(close)}; " if close else ""


def _profile_problem(setting: Setting) -> tuple[str, str] | None:
    try:
        year = _rates_year(setting.profile)
    except InputError as error:
        return _told(error)
    if year not in ("", setting.prices):
        return f"the profile has rates of its own of {year}", f"a profile and prices of one year, here {setting.prices}"
    return None


@functools.lru_cache(maxsize=64)
def _rates_year(profile: str) -> str:
    found = load_profile(profile)
    return found.rates_year if found.rates else ""


def _design_problem(target: Target) -> tuple[str, str] | None:
    from calibration.design import load_design

    if kind_of(target.statistic) != "trial":
        return None
    try:
        design = load_design(target.setting.design)
    except InputError as error:
        return _told(error)
    if target.statistic.endswith(".model_v_model") and len(design.arm) != 2:
        return "the design has no two arms to compare", "a design of two arms"
    return None


def _wrong_office(setting: Setting) -> Wrong:
    """What an office before and after cannot be asked."""
    from calibration.offices import LONGEST

    month = OWN_MONTH["office"] if setting.month is None else setting.month
    most = min(LONGEST, month)
    if setting.before > LONGEST:
        yield "setting.before", f"{setting.before} months", f"1 to {LONGEST}"
    if setting.after > most:
        yield "setting.after", f"{setting.after} months that end at month {month}", f"1 to {most}"
    if setting.coordinators == 0:
        yield "setting.coordinators", "an office without coordinators", "1 or more"


def _told(error: InputError) -> tuple[str, str]:
    """What another file's error says, in this one's."""
    where = ": ".join(part for part in (error.file, error.key) if part)
    return f"{where}: {error.problem}" if where else error.problem, error.allowed or "another one"


@functools.cache
def evidence_ids() -> frozenset[str]:
    """Every ``id`` of the evidence tables."""
    found: set[str] = set()
    for path in EVIDENCE.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found.update(row["id"] for row in csv.DictReader(file) if "id" in row)
    return frozenset(found)


def _wrong_source(target: Target, path: Path) -> Wrong:
    """Of a file that comes with the program, every source is a row of the evidence; of a user's own it is any text."""
    if path.resolve().parent == FOLDER and path.stem != TEMPLATE:
        for source in target.sources:
            if source not in evidence_ids():
                yield (
                    "source",
                    f"{shown(source)} is no row of the evidence",
                    f"{_near(source, evidence_ids())}an id of {EVIDENCE.name}/*.csv",
                )


# ---- together -------------------------------------------------------------------------------------------------------


def _together(below: list[Target], own: list[Target], path: Path) -> tuple[Target, ...]:
    """Every target once, those of the file in the place of others of their name."""
    names = [target.name for target in own]
    found: dict[str, Target] = {}
    for number, target in enumerate(own):
        if target.name in names[:number]:
            raise _wrong_pair(target, path, "two targets have this name", "a name of its own for each target")
    for target in below:
        if found.setdefault(target.name, target) != target and target.name not in names:
            raise _wrong_pair(
                target, path, "two of the files it extends have other targets of this name", "one of them"
            )
    found |= {target.name: target for target in own}
    asked: dict[Question, str] = {}
    for target in found.values():
        first = asked.setdefault(_asked(target), target.name)
        if first != target.name:
            raise _wrong_pair(
                target,
                path,
                f"asks the same as target {first}: {target.statistic}, in the same setting",
                "one target on a statistic in a setting",
                ".statistic",
            )
    return tuple(found.values())


def _wrong_pair(target: Target, path: Path, problem: str, allowed: str, part: str = "") -> InputError:
    return InputError(problem, file=path, key=f"{dotted(('target', target.name))}{part}", allowed=allowed)


def _asked(target: Target) -> Question:
    """The question with the month said."""
    return Question(target.statistic, target.setting.model_copy(update={"month": month_of(target)}))


def month_of(target: Target) -> int:
    """When a target is measured: as it says, else as its kind of world is, or when a trial's design last measures the outcome."""
    from calibration.design import load_design
    from calibration.estimates import MEASURED, months_of

    said, kind = target.setting.month, kind_of(target.statistic)
    if said is not None or kind is None:
        return said or 0
    outcome = (*target.statistic.split("."), "")[1]
    if kind == "trial" and outcome in MEASURED:
        return months_of(outcome, load_design(target.setting.design))[-1]
    return OWN_MONTH[kind]


def _parameters(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    for number, name in enumerate(names):
        if name not in parameter_names():
            allowed = f"{_near(name, parameter_names())}`python run.py parameters` names them"
            problem = f"there is no parameter {shown(name)}"
            raise InputError(problem, file=path, key="fit.parameters", allowed=allowed)
        if find_parameter(name).prior is None:
            allowed = "parameters with a prior"
            raise InputError(f"{name} is fixed", file=path, key="fit.parameters", allowed=allowed)
        if name in names[:number]:
            raise InputError(f"{name} stands twice", file=path, key="fit.parameters", allowed="each parameter once")
    return names
