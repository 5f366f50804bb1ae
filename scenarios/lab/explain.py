"""What is wrong, and what is odd, in a planner's words."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from results.language import capital, catalogue, number, say
from results.words import FEWEST_DRAWS
from scenarios.lab.lever import Lever, say_unit, written
from scenarios.lab.levers import ADDRESSES, ARMS, OWN, WITH_COORDINATORS, Levers, PlanLevers
from scenarios.profiles import VESTLAND
from simulation.errors import InputError

if TYPE_CHECKING:
    from scenarios.lab.workbench import Limits
    from scenarios.study import Study

HARD: Final = "\N{NO-BREAK SPACE}"
LINE: Final = re.compile(r"line (\d+)(?:, (.*))?", re.S)
NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.(\d{1,12}))?")
YEARS: Final = ("year", "prices")
"""What a message has a year in, which is no amount."""


# ---- errors ----------------------------------------------------------------------------------------------------------


def explain(error: InputError, lang: str) -> str:
    """Which lever, or line of an upload, what is wrong with it and what is allowed.

    Messages are translated by their templates, section ``wrong`` of the catalogue; one without a template stays in English.
    The answer is one line, whatever stood in an upload or a link: what cannot be printed becomes a space.
    """
    return "".join(letter if letter.isprintable() or letter == HARD else " " for letter in _explained(error, lang))


def _explained(error: InputError, lang: str) -> str:
    address = _address(error.key)
    lever = ADDRESSES.get(address)
    problem = _translated(error.problem, lang)
    where = lever_title(address, lang) if lever else _place_of(error, lang)
    words = capital(f"{where}: {problem}" if where else problem)
    if not error.allowed:
        return words + "."
    return f"{words}. {say('explain.allowed', lang, allowed=_allowed(error.allowed, lever, lang))}"


def lever_title(address: str, lang: str) -> str:
    """A lever with its plan: ``Din plan, familier per koordinator``."""
    lever, plan = ADDRESSES[address], address.partition(".")[0]
    label = lever.label(lang)
    return label if plan not in ARMS else f"{say(f'lab_study.{plan}', lang)}, {label[:1].lower()}{label[1:]}"


def _address(key: str | None) -> str:
    """The address of a lever from the key that an error names: an address already, or where it stands in the study."""
    return _by_key().get(key or "", key or "")


@functools.cache
def _by_key() -> dict[str, str]:
    found = {}
    for address, lever in ADDRESSES.items():
        arm = ARMS.get(address.partition(".")[0], "")
        found[lever.key.format(arm=arm)] = address
    return found


def _place_of(error: InputError, lang: str) -> str:
    line = LINE.fullmatch(error.key or "")
    if line is None:
        return error.key if error.key and error.key != OWN else ""
    number, quantity = line.groups()
    return say("explain.line", lang, line=number) + (f", {quantity}" if quantity else "")


def _allowed(allowed: str, lever: Lever | None, lang: str) -> str:
    if lever is not None and allowed == lever.allowed("en"):
        return lever.allowed(lang)
    return _translated(allowed, lang)


def _translated(text: str, lang: str) -> str:
    """The message in a language: by the template that says most of it in its own words."""
    if lang == "en":
        return text
    for pattern, template in _templates(lang):
        found = pattern.fullmatch(text)
        if found:
            return template.format(**{name: _part(name, part, lang) for name, part in found.groupdict().items()})
    return text


def _part(name: str, text: str, lang: str) -> str:
    """What stands in a message: a number or a unit as the language writes it, anything else as it is."""
    if name == "unit":
        return say_unit(text, lang)
    found = NUMBER.fullmatch(text)
    return text if found is None or name in YEARS else number(float(text), lang, len(found[1] or ""))


@functools.cache
def _templates(lang: str) -> list[tuple[re.Pattern[str], str]]:
    def pattern(english: str) -> re.Pattern[str]:
        parts = re.split(r"{(\w+)}", english)
        return re.compile("".join(f"(?P<{p}>.*?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)), re.S)

    messages = sorted(catalogue()["wrong"].values(), key=lambda texts: -len(re.sub(r"{\w+}", "", texts["en"])))
    return [(pattern(texts["en"]), texts[lang]) for texts in messages]


# ---- cautions --------------------------------------------------------------------------------------------------------


def cautions(levers: Levers, lang: str) -> list[str]:
    """What is allowed but odd: levers that do nothing, that work against each other, or that change what is compared."""

    def tell(key: str, **values: object) -> str:
        told = {name: written(float(v), lang) if isinstance(v, (int, float)) else v for name, v in values.items()}
        return say(f"caution.{key}", lang, **told)

    found: list[str] = []
    if levers.today.arm() == levers.plan.arm():
        found.append(tell("same"))
    for plan in ARMS:
        title = say(f"lab_study.{plan}", lang)
        found += (tell(key, plan=title, **values) for key, values in _of_plan(getattr(levers, plan), levers, lang))
    found += (tell(key, **values) for key, values in _of_both(levers))
    return found


def few_draws(study: Study, limits: Limits, lang: str) -> list[str]:
    """That a place is so large that nothing can be said of it, and how large it may be; nothing where it is not."""
    enough, months = 2 * FEWEST_DRAWS, study.arms[0].burn_in_months + len(study.arms) * study.horizon_months
    if study.replicates >= min(enough, limits.replicates):
        return []
    families = limits.family_months // (enough * months)
    told = {
        "draws": study.replicates // 2,
        "fewest": FEWEST_DRAWS,
        "families": families,
        "months": study.horizon_months,
    }
    return [say("caution.few_draws", lang, **{name: number(value, lang) for name, value in told.items()})]


Caution = tuple[str, dict[str, object]]


def _of_plan(plan: PlanLevers, levers: Levers, lang: str) -> Iterator[Caution]:
    profile, last = levers.profile(), levers.horizon_months
    led = plan.coordinators > 0
    if led and plan.coordinators * plan.caseload > profile.families:
        yield "too_many_places", {"places": plan.coordinators * plan.caseload, "families": profile.families}
    if not led and _about_coordinators(plan):
        yield "no_coordinators", {}
    if led and plan.longest_months is not None and plan.longest_months < plan.length_months:
        yield "shorter_than_mean", {"longest": plan.longest_months, "mean": plan.length_months}
    if led and (plan.coordinator_leaves_month or 0) > last:
        yield "leaves_after", {"month": plan.coordinator_leaves_month, "last": last}
    for service in profile.services:
        name = say(f"service.{service}", lang)
        if plan.services.get(service) == 0:
            yield "no_places", {"service": name}
        if plan.closed_from.get(service, 0) > last:
            yield "closes_after", {"service": name, "month": plan.closed_from[service], "last": last}
    if plan.openings_factor == 0:
        yield "no_openings", {}
    if plan.openings_factor == 1 and (plan.openings_from or plan.openings_to):
        yield "openings_unchanged", {}
    if (plan.openings_from or 0) > last:
        yield "openings_after", {"month": plan.openings_from, "last": last}


def _about_coordinators(plan: PlanLevers) -> bool:
    """Whether something is set that only coordinators could do."""
    names = {lever.name for a, lever in ADDRESSES.items() if a.startswith("plan.") and lever.group in WITH_COORDINATORS}
    begins = PlanLevers()
    return any(getattr(plan, name) != getattr(begins, name) for name in names)


def _of_both(levers: Levers) -> Iterator[Caution]:
    today, plan = levers.today, levers.plan
    if today.coordinators and plan.coordinators and (today.criterion, today.relaxed) != (plan.criterion, plan.relaxed):
        yield "other_families", {}
    if any(getattr(today, name) != getattr(plan, name) for name in ("openings_factor", "openings_from", "openings_to")):
        yield "other_market", {}
    if today.inflow_factor != plan.inflow_factor:
        yield "other_inflow", {}
    if levers.links:
        yield "links_set", {"number": len(levers.links)}
    if levers.own is None and levers.place.startswith(VESTLAND):
        yield "ranking", {}
