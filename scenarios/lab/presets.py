"""Where a planner may begin: the three programmes, and every comparison of the studies that come with the program."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from results.language import say
from scenarios.files import SHIPPED
from scenarios.lab.levers import LANGUAGES, Levers, PlanLevers
from scenarios.study import ORDINARY, Study, load_study
from simulation.plan import Plan

PROGRAMMES: Final = ("familiepluss", "holf", "nye-monstre")
"""Arms of ``programmes.toml``; the first is what the lab opens with."""
OF_SERVICES: Final = {"services": "places", "closed_from": "closed_from", "closed_to": "closed_to"}
"""Levers that there is one of for each service, and what of the service they set."""


@dataclass(frozen=True)
class Preset:
    """Levers to begin with, called by the titles of the study they are from."""

    name: str
    levers: Levers
    titles: Mapping[str, str]
    study_titles: Mapping[str, str]
    """of the study that it is one comparison of"""

    def title(self, lang: str) -> str:
        """What the preset is called."""
        return self.titles[lang]

    def study_title(self, lang: str) -> str:
        """What the study is called, to group the presets by."""
        return self.study_titles[lang]


@functools.cache
def presets() -> Mapping[str, Preset]:
    """Every preset by name: the programmes, then ``STUDY/CONTRAST`` of each shipped study; the same levers once."""
    programmes = load_study("programmes")
    found = {
        arm: _preset(arm, programmes, arm, ORDINARY, {lang: arm_title(programmes, arm, lang) for lang in LANGUAGES})
        for arm in PROGRAMMES
    }
    for path in sorted(SHIPPED.glob("*.toml")):
        for preset in _of(path.stem):
            if not any(preset.levers == other.levers for other in found.values()):
                found[preset.name] = preset
    return found


def _of(name: str) -> Iterator[Preset]:
    study = load_study(name)
    if study.places:  # the lab is about one place
        return
    for contrast, arm, against in study.contrasts:
        titles = {lang: _title(study, contrast, arm, against, lang) for lang in LANGUAGES}
        yield _preset(f"{name}/{contrast}", study, arm, against, titles)


def _preset(name: str, study: Study, arm: str, against: str, titles: Mapping[str, str]) -> Preset:
    said = study.content
    levers = Levers(
        place=said.study.profile,
        families=said.pool.families,
        horizon_months=study.horizon_months,
        prices=said.study.prices,
        posterior=said.study.posterior,
        seed=study.seed,
        links=dict(said.parameters),
        today=_levers(study.arm(against)),
        plan=_levers(study.arm(arm)),
    )
    return Preset(name, levers, titles, {lang: study.titles["study"].get(lang, study.title) for lang in LANGUAGES})


def _levers(plan: Plan) -> PlanLevers:
    """The levers of an arm; a test holds that nothing of the arm is lost."""
    held: dict[str, Any] = {
        known.name: getattr(plan, known.name) for known in fields(PlanLevers) if known.name not in OF_SERVICES
    }
    if not plan.coordinators:
        del held["caseload"]
    if plan.openings_from == 1:  # where a plan begins when nothing is said
        del held["openings_from"]
    for name, key in OF_SERVICES.items():
        changed = {service: getattr(table, key) for service, table in plan.services.items()}
        usual = {service: getattr(plan.profile.services[service], key) for service in changed}
        held[name] = {service: value for service, value in changed.items() if value != usual[service]}
    return PlanLevers(**held)


def arm_title(study: Study, arm: str, lang: str) -> str:
    """What an arm is called: its title, or its name."""
    usual = say("document.ordinary", lang) if arm == ORDINARY else arm
    return str(study.titles["arms"].get(arm, {}).get(lang, usual))


def _title(study: Study, contrast: str, arm: str, against: str, lang: str) -> str:
    sides = {"arm": arm_title(study, arm, lang), "against": arm_title(study, against, lang)}
    return str(study.titles["contrasts"].get(contrast, {}).get(lang) or say("figure.difference_title", lang, **sides))
