"""A lever: one thing that a planner sets, with what a page needs to show it and what it may be set to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel

from results.language import capital, catalogue, number, parameter_name, say
from scenarios.files import schema_at, shown
from scenarios.lab.places import place_title
from simulation.errors import InputError

Value = str | int | float | bool
Kind = Literal["choice", "switch", "whole", "number"]

WHOLE: Final = re.compile(r"[0-9]{1,10}")
NUMBER: Final = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
SWITCH: Final = {"true": True, "false": False}
KINDS: Final[Mapping[str, Kind]] = {
    "integer": "whole",
    "number": "number",
    "boolean": "switch",
    "string": "choice",
}


@dataclass(frozen=True)
class Lever:
    """One lever. ``label``, ``help`` and ``option`` are its words; bounds and choices are those of the study's schema."""

    name: str
    """``caseload``, or ``services.work`` of a lever that there is one of for each service, link or unit cost"""
    group: str
    """where a page puts it: ``lever_group`` of the catalogue"""
    key: str
    """where it stands in a study, ``{arm}`` for the arm's name: ``arm.{arm}.services.work.places``"""
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    step: float = 1.0
    choices: tuple[str, ...] = ()
    optional: bool = False
    """None is a setting too: as in the profile, as drawn, or without"""
    unit: str = ""
    """as in ``file_unit`` of the catalogue"""
    told: tuple[tuple[str, float | str], ...] = ()
    """numbers of its help text"""

    @property
    def field(self) -> str:
        """The field that holds it: ``services`` of ``services.work``."""
        return self.name.partition(".")[0]

    @property
    def element(self) -> str:
        """Which of the field: ``work`` of ``services.work``; empty where there is but one."""
        return self.name.partition(".")[2]

    def label(self, lang: str) -> str:
        """What the lever is called."""
        if self.field == "links":
            return capital(parameter_name(self.element, lang))
        if self.field == "costs":
            service = self.element.removeprefix("service.")
            if service != self.element:
                return capital(say("unit_cost.service", lang, name=say(f"service.{service}", lang)))
            return capital(catalogue()["unit_cost"][self.element][lang])
        service = say(f"service.{self.element}", lang) if self.element else ""
        return say(f"lever.{self.field}", lang, **({"service": service} if service else {}))

    def help(self, lang: str) -> str:
        """What it does, in a sentence or two; of a number also its unit and what is allowed."""
        values = {name: written(value, lang) if isinstance(value, float) else value for name, value in self.told}
        words = say(f"lever_help.{self.field}", lang, **values)
        if self.unit:
            words += " " + say("lever_words.unit", lang, unit=say_unit(self.unit, lang))
        return words

    def option(self, choice: str, lang: str) -> str:
        """What a choice is called."""
        told = catalogue()["lever_choice"].get(f"{self.name}_{choice}")
        if told is None:
            return place_title(choice) if self.name == "place" else choice
        return told[lang]

    def allowed(self, lang: str) -> str:
        """What it may be set to."""
        if self.kind == "choice":
            if self.name == "place":
                return say("lever_words.place", lang)
            return say("lever_words.choice", lang, names=", ".join(self.option(name, lang) for name in self.choices))
        if self.kind == "switch":
            return say("lever_words.switch", lang)
        return say(f"lever_words.{self.kind}", lang, low=written(self.low, lang), high=written(self.high, lang))

    def check(self, value: object, address: str) -> Value:
        """The value as the lever holds it.

        Raises
        ------
        InputError : it is of another kind, out of range or no choice; the key is ``address``
        """

        def wrong(problem: str) -> InputError:
            return InputError(f"{shown(value)} {problem}", key=address, allowed=self.allowed("en"))

        if self.kind == "choice":
            if not isinstance(value, str) or value not in self.choices:
                raise wrong("is not known")
            return value
        if self.kind == "switch":
            if not isinstance(value, bool):
                raise wrong("is neither yes nor no")
            return value
        if isinstance(value, bool) or not isinstance(value, int if self.kind == "whole" else (int, float)):
            raise wrong("is not a whole number" if self.kind == "whole" else "is not a number")
        if not self.low <= value <= self.high:  # so NaN is refused
            raise wrong("is out of range")
        return value if self.kind == "whole" else float(value)

    def read(self, text: str, address: str) -> Value:
        """The value that a link says, as :func:`in_link` writes it; InputError as for :meth:`check`."""
        value: object = text
        if self.kind == "switch":
            value = SWITCH.get(text, text)
        elif self.kind == "whole" and WHOLE.fullmatch(text):
            value = int(text)
        elif self.kind == "number" and NUMBER.fullmatch(text):
            value = float(text)
        return self.check(value, address)


def in_link(value: Value) -> str:
    """A value as a link holds it: every digit, ``24`` for 24.0."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def written(value: float, lang: str) -> str:
    """A number with as many decimals as it has, at most four digits in all; a large one whole."""
    return number(value, lang, len(f"{value:.4g}".partition(".")[2]) if abs(value) < 10_000 else 0)


def say_unit(unit: str, lang: str) -> str:
    """A unit of the model as the language says it."""
    return catalogue()["file_unit"].get(unit, {lang: unit})[lang]


def bounded(model: type[BaseModel], *key: str) -> dict[str, Any]:
    """Kind, bounds and choices of a key of the study's schema, as a lever takes them."""
    node = schema_at(model.model_json_schema(), key) or {}
    found: dict[str, Any] = {"kind": KINDS[str(node["type"])], "choices": tuple(map(str, node.get("enum", ())))}
    return found | {
        name: float(node[bound]) for name, bound in (("low", "minimum"), ("high", "maximum")) if bound in node
    }
