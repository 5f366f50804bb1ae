"""``run.py trajectory``: one simulated family's two lives, month by month, with the same luck.

The life in an arm beside the life in ``ordinary``: the same family, the same births, moves and chances. One family
shows how the model works, and nothing about what follow-up gives.
"""

from __future__ import annotations

import argparse
import itertools
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

from scenarios.options import add_options, path, whole_number
from simulation.errors import InputError, nearest

if TYPE_CHECKING:
    from results.style import Picture
    from scenarios.study import Study
    from simulation.plan import Plan

ORDINARY: Final = "ordinary"
LEAD: Final = 12  # months before month 0 that are shown
MOST_MONTHS: Final = 600
PAGE: Final = 120  # letters in a line of text
T = TypeVar("T")


class Month(TypedDict):
    """A family in one month of one life: what the figure needs (``results.lives.LifeMonth``) and more for the story."""

    month: int
    work: Sequence[str]
    benefit: Sequence[str]
    barriers: Sequence[str]
    services: Mapping[str, str]
    social_assistance: float
    disposable: float
    trust: float
    contact_hours: float
    children: int
    children_taking_part: int
    coordinator: bool
    known: Sequence[str]
    """barriers known to NAV, of those present"""
    arenas: Mapping[str, int]
    """children in each arena"""
    ages: Sequence[int]
    """of children under 18, in whole years"""
    wages: float
    """NOK in the month, before tax"""
    applying: bool
    """whether the family applies for social assistance"""
    in_care: bool
    """a child in the care of child welfare"""


Panel = list[Month]


@dataclass(frozen=True)
class Lives:
    """One family's two lives. The family is the one that lives in a slot of the pool at month 0."""

    study: str
    arm: str
    against: str
    family: int
    replicate: int
    seed: int
    months: int
    """study months that were run; the family may have left the pool before"""
    chosen: str
    """``asked``, or the rule it was chosen by: the middle one of those ``followed``, ``eligible`` or in the ``pool``"""
    candidates: int
    """how many families the rule chose from"""
    alike: int
    """of these, how many have the same income in every month of both lives; the middle one is of the others"""
    difference: float
    """mean difference in disposable income between the two lives, months 1 on, NOK a month"""
    facts: dict[str, Any]
    """who the family is at month 0"""
    panel: Panel
    """the life in ``arm``"""
    panel_against: Panel
    """the life in ``against``"""

    def figure(self) -> dict[str, Any]:
        """The arguments of ``results.figures.two_lives`` but the language."""
        return {
            "panel_a": self.panel,
            "panel_b": self.panel_against,
            "label_a": self.arm,
            "label_b": self.against,
        }

    def draw(self, lang: str) -> Picture:
        """The timeline of both lives."""
        from results.figures import two_lives as draw

        return draw(**self.figure(), lang=lang)

    def record(self) -> dict[str, Any]:
        """Everything, as data that JSON can hold: what ``figure()`` has, and where it comes from."""
        names: tuple[str, ...] = ("study", "arm", "against", "family", "replicate", "seed", "months")
        names += ("chosen", "candidates", "alike", "difference", "facts")
        return {name: getattr(self, name) for name in names} | self.figure()


# ---- running --------------------------------------------------------------------------------------------------------


def two_lives(
    study: Study, arm: str | None = None, family: int | None = None, replicate: int = 0, months: int | None = None
) -> Lives:
    """One family's life in an arm, and its other life in ``ordinary``.

    Parameters
    ----------
    study : from :func:`scenarios.load_study`
    arm : its name; by default the first arm with coordinators
    family : the slot in the pool of the family that lives there at month 0, from 0; by default chosen by rule. Of the
        families that get a coordinator in the first half of the months, are in the pool from month 0 to the last month,
        and whose disposable income differs between the two lives in some month: the middle one (the lower where they
        are even in number) by the sum of that difference. Where the arm follows nobody, of those eligible at month 0.
    replicate : 0, 1, ...; replicates 2k and 2k+1 share draw k of the parameters
    months : study months to run; the study's horizon by default

    Raises
    ------
    InputError : no such arm or family, or no arm with coordinators
    """
    plan = chosen_arm(study, arm)
    against = without_coordinator(study, plan)
    if plan == against:
        raise InputError(
            f"{plan.name!r} is the life that others are compared with",
            file=study.file,
            key="--arm",
            allowed=nearest("", [other.name for other in study.arms if other.name != ORDINARY]),
        )
    slots = plan.families
    if family is not None and not 0 <= family < slots:
        raise InputError(
            f"there is no family {family}",
            file=study.file,
            key="--family",
            allowed=f"a whole number from 0 to {slots - 1}",
        )
    months = study.horizon_months if months is None else months
    chosen, candidates, alike = "asked", 1, 0
    if family is None:
        among = choice(plan, against, seed=study.seed, replicate=replicate, months=months)
        family, chosen, candidates, alike = among.middle, among.chosen, len(among.families), among.alike
    lead = min(LEAD, plan.burn_in_months - 1)
    a, b = run_lives(
        [plan, against],
        seed=study.seed,
        replicate=replicate,
        lead=lead,
        months=months,
        read=lambda families: families[family].copy(),
    )
    panels = [_panel(life, lead) for life in (a, b)]
    return Lives(
        study=study.name,
        arm=plan.name,
        against=against.name,
        family=family,
        replicate=replicate,
        seed=study.seed,
        months=months,
        chosen=chosen,
        candidates=candidates,
        alike=alike,
        difference=_mean(panels[0], "disposable") - _mean(panels[1], "disposable"),
        facts=_facts(a[lead]),
        panel=panels[0],
        panel_against=panels[1],
    )


def chosen_arm(study: Study, arm: str | None) -> Plan:
    """The arm of a name, or the first with coordinators; InputError where there is none."""
    if arm is not None:
        return study.arm(arm)
    for plan in study.arms:
        if plan.coordinators:
            return plan
    raise InputError(
        "no arm has coordinators", file=study.file, key="arm", allowed="an arm with coordinators, or --arm"
    )


def without_coordinator(study: Study, plan: Plan) -> Plan:
    """The other life: the arm ``ordinary``, or where the study has none, ``plan`` without its coordinators."""
    for other in study.arms:
        if other.name == ORDINARY:
            return other
    return replace(plan, name=ORDINARY, coordinators=0, caseload=0, coordinator_leaves_month=None)


def run_lives(
    plans: Sequence[Plan],
    *,
    seed: int,
    replicate: int,
    months: int,
    lead: int = 0,
    read: Callable[[Any], T],
) -> list[list[T]]:
    """The families of every plan in months -lead..months of one replicate; index ``lead`` is month 0.

    ``read`` is called with the record array of families each month, which goes on changing: it must copy. The burn-in
    runs once; the months are those of ``run_replicate(..., history=True)``.
    """
    from simulation.engine import burn_in, new_world, parameter_values, start_arm

    first = plans[0]
    world = new_world(first, seed, replicate, parameter_values(first, seed, replicate // 2))
    burn_in(world, first.burn_in_months - lead)
    before = []
    for _ in range(lead):
        before.append(read(world.families))
        burn_in(world, 1)
    lives = []
    for plan in plans:
        arm = start_arm(world, plan)
        life = [*before, read(arm.families)]
        for _ in range(months):
            burn_in(arm, 1)  # a month is the same in the burn-in as after it
            life.append(read(arm.families))
        lives.append(life)
    return lives


@dataclass(frozen=True)
class Choice:
    """The families of a replicate that the rule of :func:`two_lives` chooses from, by what differs between their two lives."""

    chosen: str
    """the rule, as in ``Lives.chosen``"""
    families: tuple[int, ...]
    """(N,) slots, from the least to the most income that the arm gives beyond the other life"""
    income: tuple[float, ...]
    """(N,) mean difference in disposable income over months 1 on, NOK a month"""
    work: tuple[int, ...]
    """(N,) difference in months in work, summed over parents"""
    alike: int
    """how many have the same income in every month of both lives"""
    middle: int
    """the slot of the middle one of those that have not, or of all where there are none"""


def choice(plan: Plan, against: Plan, *, seed: int, replicate: int, months: int) -> Choice:
    """Run two arms of a replicate and find the families to choose from; InputError where there are none."""
    import numpy as np

    def read(families: Any) -> Any:
        names = ("generation", "disposable", "ever_followed", "eligible_at_start")
        parents = families["parent"]
        return [
            *(families[name].copy() for name in names),
            ((parents["work"] > 0) & (parents["present"] == 1)).sum(axis=1),
        ]

    lives = run_lives([plan, against], seed=seed, replicate=replicate, months=months, read=read)
    (generation, disposable, followed, eligible, work), (generation_b, disposable_b, _, _, work_b) = (
        [np.stack([month[k] for month in life]) for k in range(5)] for life in lives
    )
    stay = np.all((generation == generation[0]) & (generation_b == generation[0]), axis=0)
    apart = disposable - disposable_b
    difference, alike = apart.sum(axis=0), np.all(apart == 0.0, axis=0)
    for chosen, group in (
        ("followed", stay & (followed[(months + 1) // 2] == 1)),
        ("eligible", stay & (eligible[0] == 1)),
        ("pool", stay),
        ("pool", np.ones_like(stay)),
    ):
        if group.any():
            found = np.flatnonzero(group & ~alike) if (group & ~alike).any() else np.flatnonzero(group)
            order = found[np.argsort(difference[found], kind="stable")]
            every = np.flatnonzero(group)
            every = every[np.argsort(difference[every], kind="stable")]
            return Choice(
                chosen=chosen,
                families=tuple(every.tolist()),
                income=tuple(apart[1:, every].mean(axis=0).tolist()),
                work=tuple((work - work_b)[1:, every].sum(axis=0).tolist()),
                alike=int((group & alike).sum()),
                middle=int(order[(found.size - 1) // 2]),
            )
    raise InputError("the pool has no families", key="pool.families", allowed="1 or more")


def _panel(life: Sequence[Any], lead: int) -> Panel:
    """The months in which the family that is there at month 0 lives in the slot."""
    generation = life[lead]["generation"]
    return [_month(family, m - lead) for m, family in enumerate(life) if family["generation"] == generation]


def _month(family: Any, month: int) -> Month:
    from simulation.names import ARENAS, BARRIERS, BENEFITS, PERSON_BARRIERS, SERVICES, STAGES, WORK

    parents = [parent for parent in family["parent"] if parent["present"]]
    children = [child for child in family["child"] if child["present"] and child["age"] < 216]
    of_age = [child for child in children if child["age"] >= 12]
    there, known = [], []
    for b, name in enumerate(BARRIERS):
        owners = parents if b < PERSON_BARRIERS else [family]
        at = b if b < PERSON_BARRIERS else b - PERSON_BARRIERS
        there += [name] if any(owner["barrier"][at] for owner in owners) else []
        known += [name] if any(owner["barrier"][at] and owner["found"][at] for owner in owners) else []
    stages = {name: max(int(parent["stage"][s]) for parent in parents) for s, name in enumerate(SERVICES)}
    return {
        "month": month,
        "work": [WORK[parent["work"]] for parent in parents],
        "benefit": [BENEFITS[parent["benefit"]] for parent in parents],
        "barriers": there,
        "services": {name: STAGES[stage] for name, stage in stages.items() if stage},
        "social_assistance": float(family["social_assistance"]),
        "disposable": float(family["disposable"]),
        "trust": float(family["trust"]),
        "contact_hours": float(family["contact_hours"]),
        "children": len(of_age),
        "children_taking_part": sum(bool(child["arena"].any()) for child in of_age),
        "coordinator": bool(family["coordinator"] >= 0),
        "known": known,
        "arenas": {name: sum(int(child["arena"][a]) for child in children) for a, name in enumerate(ARENAS)},
        "ages": sorted((int(child["age"]) // 12 for child in children), reverse=True),
        "wages": float(family["wages"]),
        "applying": bool(family["applying"]),
        "in_care": bool(family["in_care"]),
    }


def _facts(family: Any) -> dict[str, Any]:
    from simulation.names import TENURE

    return {
        "parents_years": [int(parent["age"]) // 12 for parent in family["parent"] if parent["present"]],
        "immigrant": bool(family["immigrant"]),
        "years_in_norway": int(family["residence"]) // 12,
        "tenure": TENURE[family["tenure"]],
        "rent": round(float(family["rent"])),
        "months_on_social_assistance_of_12": int(family["assistance_12"]),
        "eligible": bool(family["eligible_at_start"]),
    }


# ---- telling --------------------------------------------------------------------------------------------------------

WORK_SIGNS: Final = {"none": "–", "part_time": "½", "full_time": "1"}


def _say(key: str, lang: str, **values: Any) -> str:
    """A sentence of the story; barriers, services and benefits are named as in the report."""
    from results.language import say

    return say(f"life.{key}", lang, **values)


def story(panel: Sequence[Month], lang: str) -> list[tuple[int, list[str]]]:
    """What happens in a life: (month, sentences) of each month after the first in which something does."""
    found = []
    for before, now in itertools.pairwise(panel):
        events = list(_events(before, now, lang))
        if events:
            found.append((now["month"], events))
    return found


def _events(before: Month, now: Month, lang: str) -> Iterator[str]:
    from results.language import number, say

    if now["coordinator"] != before["coordinator"]:
        yield _say("coordinator" if now["coordinator"] else "coordinator_ends", lang)
    if len(now["work"]) != len(before["work"]):
        yield _say("partner" if len(now["work"]) > len(before["work"]) else "parted", lang)
    for k, (old, new) in enumerate(zip(before["work"], now["work"], strict=False)):
        if old != new:
            key = "work_start" if old == "none" else "work_end" if new == "none" else "work_change"
            yield _say(key, lang, who=_say("who", lang, number=k + 1), work=say(f"work.{new}", lang))
    for k, (old, new) in enumerate(zip(before["benefit"], now["benefit"], strict=False)):
        if old != new:
            key, name = ("benefit_end", old) if new == "none" else ("benefit_start", new)
            yield _say(key, lang, who=_say("who", lang, number=k + 1), benefit=say(f"source.{name}", lang))
    yield from _barrier_events(before, now, lang)
    yield from _service_events(before, now, lang)
    if (now["social_assistance"] > 0) != (before["social_assistance"] > 0):
        starts = now["social_assistance"] > 0
        yield _say("assistance" if starts else "assistance_ends", lang, amount=number(now["social_assistance"], lang))
    if len(now["ages"]) > len(before["ages"]):
        yield _say("born", lang)
    elif len(now["ages"]) < len(before["ages"]):
        yield _say("eighteen", lang)
    for arena, after in now["arenas"].items():
        if after != before["arenas"][arena]:
            yield _say("joins", lang, arena=_say(arena, lang), before=before["arenas"][arena], after=after)
    if now["in_care"] != before["in_care"]:
        yield _say("in_care" if now["in_care"] else "in_care_ends", lang)


def _barrier_events(before: Month, now: Month, lang: str) -> Iterator[str]:
    from results.language import say

    for key, names in (
        ("barrier", [name for name in now["barriers"] if name not in before["barriers"]]),
        ("barrier_gone", [name for name in before["barriers"] if name not in now["barriers"]]),
        ("barrier_known", [name for name in now["known"] if name not in before["known"]]),
    ):
        for name in names:
            yield _say(key, lang, name=say(f"barrier.{name}", lang))


def _service_events(before: Month, now: Month, lang: str) -> Iterator[str]:
    from results.language import say

    for name in dict.fromkeys((*before["services"], *now["services"])):
        old, new = before["services"].get(name, "none"), now["services"].get(name, "none")
        if old != new:
            key = {"waiting": "waits", "in_place": "in_place"}.get(new, "leaves" if old == "in_place" else "gives_up")
            yield _say(key, lang, name=say(f"service.{name}", lang))


def tell(lives: Lives, lang: str) -> str:
    """Both lives as text: who the family is, what happens, and the figures of each month."""
    from results.language import say

    rule = "alike" if lives.chosen != "asked" and lives.alike == lives.candidates else lives.chosen
    words = {"family": lives.family, "study": lives.study, "replicate": lives.replicate, "seed": lives.seed}
    lines = [
        *_wrap(_say("title", lang, **words)),
        *_wrap(say("figure.lives_note", lang)),
        *_wrap(_say(f"chosen_{rule}", lang, candidates=lives.candidates, alike=lives.alike, arm=lives.arm)),
        "",
        *_wrap(who(lives, lang)),
        "",
        *_happenings(lives, lang),
        "",
        *_table(lives, lang),
        *_wrap(_say("legend", lang)),
        "",
        f"{_say('after', lang)}:",
        *(line for label, panel in _sides(lives) for line in _wrap(_means(label, panel, lang), "    ")),
    ]
    return "\n".join(lines)


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, PAGE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _sides(lives: Lives) -> tuple[tuple[str, Panel], tuple[str, Panel]]:
    return (lives.arm, lives.panel), (lives.against, lives.panel_against)


def who(lives: Lives, lang: str) -> str:
    """Who the family is at month 0, as a sentence."""
    from results.language import number, say

    start = next(month for month in lives.panel if month["month"] == 0)
    facts = lives.facts
    parents, ages = facts["parents_years"], start["ages"]
    parts = [_say("parents" if len(parents) > 1 else "parent", lang, ages=_join(parents, lang))]
    if ages:
        parts.append(_say("children_aged" if len(ages) > 1 else "child_aged", lang, ages=_join(ages, lang)))
    if facts["immigrant"]:
        parts.append(_say("norway", lang, years=facts["years_in_norway"]))
    parts.append(_say(facts["tenure"], lang))
    parts.append(_say("rent", lang, rent=number(facts["rent"], lang)))
    parts.append(_say("assisted", lang, months=facts["months_on_social_assistance_of_12"]))
    names = [
        say(f"barrier.{name}", lang)
        if name in start["known"]
        else _say("hidden", lang, name=say(f"barrier.{name}", lang))
        for name in start["barriers"]
    ]
    if names:
        parts.append(_say("barriers", lang, names=_join(names, lang)))
    return f"{_say('at_start', lang)}: {'; '.join(parts)}."


def _join(items: Sequence[Any], lang: str) -> str:
    texts = [str(item) for item in items]
    return _say("and", lang).join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)


def happenings(lives: Lives, lang: str) -> Iterator[tuple[int, str, list[str]]]:
    """The story of both lives in one list: (month, whose life, sentences). What happens in both in a month is told once.

    ``whose`` is ``both``, ``arm`` or ``against``. A family that leaves the pool does so in both.
    """
    one, other = dict(story(lives.panel, lang)), dict(story(lives.panel_against, lang))
    for month in sorted({*one, *other}):
        here, there = one.get(month, []), other.get(month, [])
        shared = [event for event in here if event in there]
        for whose, events in (
            ("both", shared),
            ("arm", [event for event in here if event not in shared]),
            ("against", [event for event in there if event not in shared]),
        ):
            if events:
                yield month, whose, events
    if lives.panel[-1]["month"] < lives.months:
        yield lives.panel[-1]["month"] + 1, "both", [_say("moves", lang)]


def _happenings(lives: Lives, lang: str) -> list[str]:
    """The story of both lives as lines of text."""
    names = {"both": _say("both", lang), "arm": lives.arm, "against": lives.against}
    width = max(len(name) for name in names.values())
    lines, before = [], None
    for month, whose, events in happenings(lives, lang):
        head = "" if month == before else f"{_say('month', lang)} {month}"
        start = f"  {head:<11} {names[whose]:<{width}}  "
        lines += _wrap(start + "; ".join(events), " " * len(start))
        before = month
    return [_say("happens", lang), *(lines or [f"  {_say('nothing', lang)}"])]


def _table(lives: Lives, lang: str) -> list[str]:
    """The figures of each month, the two lives side by side."""
    columns = ("hours", "trust", "status", "sa", "disposable", "children")
    blocks = []
    for label, panel in _sides(lives):
        rows = [[_say(name, lang) for name in columns], *(_cells(month, lang) for month in panel)]
        widths = [max(len(row[c]) for row in rows) for c in range(len(columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
        blocks.append([label, *lines])
    months = ["", _say("month", lang), *(str(month["month"]) for month in lives.panel)]
    first = max(len(line) for line in blocks[0])
    return [
        f"{_say('table', lang)}",
        *(
            f"  {month:>6}  {a:<{first}}  |  {b}".rstrip()
            for month, a, b in zip(months, *blocks, strict=False)
        ),
    ]  # fmt: skip


def _cells(month: Month, lang: str) -> list[str]:
    from results.language import number, say

    status = [
        " ".join((WORK_SIGNS[work], *([say(f"benefit_short.{benefit}", lang)] if benefit != "none" else [])))
        for work, benefit in zip(month["work"], month["benefit"], strict=True)
    ]
    hours = number(month["contact_hours"], lang, 1) if month["coordinator"] or month["contact_hours"] else ""
    return [
        hours,
        number(month["trust"], lang, 2),
        " + ".join(status),
        number(month["social_assistance"], lang),
        number(month["disposable"], lang),
        f"{month['children_taking_part']}/{month['children']}",
    ]


def _means(label: str, panel: Panel, lang: str) -> str:
    from results.language import number

    after = [month for month in panel if month["month"] > 0] or panel
    parents = sum(len(month["work"]) for month in after)
    children = sum(month["children"] for month in after)
    worked = sum(work != "none" for month in after for work in month["work"])
    taking_part = sum(month["children_taking_part"] for month in after)
    return "  " + _say(
        "mean",
        lang,
        label=label,
        disposable=number(_mean(panel, "disposable"), lang),
        assistance=number(_mean(panel, "social_assistance"), lang),
        worked=number(100.0 * worked / max(parents, 1), lang),
        part=number(100.0 * taking_part / children, lang) if children else "–",
    )


def _mean(panel: Panel, name: str) -> float:
    """Mean of an amount over the months from 1 on (of all, where there are none)."""
    after = [month for month in panel if month["month"] > 0] or panel
    amounts: list[float] = [month[name] for month in after]  # type: ignore[literal-required]
    return sum(amounts) / len(amounts)


# ---- from the command line ------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study file (default: caseload-10-vs-20.toml)"
    )
    parser.add_argument("--arm", metavar="NAME", help="the arm (default: the first with coordinators)")
    parser.add_argument(
        "--family",
        type=whole_number(0, 10**9),
        metavar="K",
        help="the family in slot K of the pool at month 0, from 0 (default: the median family, by a stated rule)",
    )
    parser.add_argument(
        "--replicate", type=whole_number(0, 10**6), default=0, metavar="R", help="the replicate (default: 0)"
    )
    parser.add_argument(
        "--months", type=whole_number(1, MOST_MONTHS), metavar="N", help="months to run (default: the study's horizon)"
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="DIR",
        help="write the figure (two-lives.svg, .png) and two-lives.json into a folder",
    )
    add_options(parser, "seed", "set", "lang", "force", "json")


def main(args: argparse.Namespace) -> int:
    """Tell one family's two lives."""
    from scenarios.comparison import MAIN_STUDY
    from scenarios.folders import check_folder, open_folder
    from scenarios.study import load_study

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    if args.out is not None:
        check_folder(args.out, force=args.force)
    lives = two_lives(study, args.arm, args.family, args.replicate, args.months)
    if args.out is not None:
        with open_folder(args.out):
            _write(args.out, lives, args.lang)
    if args.json:
        print(json.dumps(lives.record(), ensure_ascii=False, indent=1))
    else:
        print(tell(lives, args.lang))
    return 0


def _write(folder: Path, lives: Lives, lang: str) -> None:
    from results import files, style

    picture = lives.draw(lang)
    style.save(folder, picture.name, picture.images)
    files.write_json(folder / "two-lives.json", lives.record())
