"""The statistics that can be asked for: what each kind of world knows."""

from __future__ import annotations

import importlib
from typing import Final

from calibration.questions import Kind, Named

MODULES: Final[dict[Kind, str]] = {
    "register": "calibration.registers",
    "trial": "calibration.trial_answers",
    "office": "calibration.offices",
    "treatment": "calibration.treatment",
    "caseload": "calibration.caseloads",
}


def known_names() -> tuple[Named, ...]:
    """Every statistic of every kind of world that is there."""
    found: list[Named] = []
    for module in MODULES.values():
        try:
            found += importlib.import_module(module).names()
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    return tuple(found)
