"""Bokmål and English: the catalogue of words, and numbers as each language writes them."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LOCALE: Final = Path(__file__).resolve().parent / "locale"
LOCALES: Final = {"nb": "nb_NO", "en": "en_GB"}
PERCENT: Final = {"nb": "\N{NO-BREAK SPACE}%", "en": "%"}
MINUS: Final = "\N{MINUS SIGN}"
OF_SERVICES: Final = ("training_months", "dropout", "patience", "referral_ordinary")
"""Parameters with an element for each service; the others that have elements and one name have them for each barrier."""


@cache
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Section, key, language. English stands in the code's catalogue of messages, bokmål is its translation.

    Each message of ``locale/nb/LC_MESSAGES/familiebaner.po`` has a context, ``section.key``: the same English may be two
    things in Norwegian.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    with (LOCALE / "nb" / "LC_MESSAGES" / "familiebaner.po").open("rb") as file:
        for message in read_po(file, locale="nb"):
            if message.context:
                section, _, key = message.context.partition(".")
                norwegian = message.string.replace(" %", PERCENT["nb"])  # never a line between a number and its sign
                found.setdefault(section, {})[key] = {"nb": norwegian, "en": message.id}
    return found


def say(key: str, lang: str, **values: Any) -> str:
    """The text of ``section.key`` in a language, with its braces filled in."""
    section, name = key.split(".")
    text = catalogue()[section][name][lang]
    return text.format(**values) if values else text


def outcome_name(outcome: str, lang: str) -> str:
    """An outcome as a noun phrase: ``andel foreldre i arbeid``."""
    names = catalogue()["outcome"]
    if outcome in names:
        return names[outcome][lang]
    for prefix, section, suffix in (
        ("income_source_", "source", "_share"),
        ("barrier_", "barrier", "_share"),
        ("wait_", "service", ""),
        ("use_", "service", ""),
    ):
        name = outcome.removeprefix(prefix).removesuffix(suffix)
        if outcome.startswith(prefix) and name in catalogue()[section]:
            return say(f"outcome.{prefix.rstrip('_')}", lang, name=say(f"{section}.{name}", lang))
    return outcome


def parameter_name(parameter: str, lang: str) -> str:
    """A parameter of the model as a planner says it, ``å få jobb med koordinator``; its identifier where there is no name.

    A name of an array stands for its elements: ``recovery.health`` is ``recovery`` of the barrier ``health``.
    """
    names = catalogue()["parameter"]
    if parameter in names:
        return names[parameter][lang]
    array, _, element = parameter.partition(".")
    section = "service" if array in OF_SERVICES else "barrier"
    if array not in names or element not in catalogue()[section]:
        return parameter
    return names[array][lang].format(name=say(f"{section}.{element}", lang))


def input_name(name: str, lang: str) -> str:
    """What a fit learns about in words: a parameter, or a circumstance of the trial."""
    found = catalogue()["circumstance"].get(name)
    return parameter_name(name, lang) if found is None else found[lang]


def capital(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def number(value: float, lang: str, decimals: int = 0, *, signed: bool = False) -> str:
    """A number as the language writes it: ``−1 234,5`` in bokmål, ``−1,234.5`` in English; ``–`` when there is none."""
    if not math.isfinite(value):
        return "–"
    rounded = round(float(value), decimals) + 0.0  # -0.0 has no sign to show
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    text: str = format_decimal(abs(rounded), format=pattern, locale=LOCALES[lang])
    sign = MINUS if rounded < 0 else ("+" if signed and rounded > 0 else "")
    return sign + text


def percent(share: float, lang: str, decimals: int = 0) -> str:
    """A share 0..1 as per cent: ``34 %`` in bokmål, ``34%`` in English."""
    text = number(100.0 * share, lang, decimals)
    return text if text == "–" else text + PERCENT[lang]
