"""Familiebaner's model: families, coordinators, services, and the month they live.

Names are imported when they are used, so that ``import simulation`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulation.agents import Coordinator, Family, Service
    from simulation.engine import ensemble, run_replicate
    from simulation.errors import InputError
    from simulation.model import FamilyModel
    from simulation.parameters import load_parameters
    from simulation.plan import Plan, Profile, ServicePlan

_HOME = {
    "Coordinator": "agents",
    "Family": "agents",
    "Service": "agents",
    "FamilyModel": "model",
    "ensemble": "engine",
    "run_replicate": "engine",
    "InputError": "errors",
    "load_parameters": "parameters",
    "Plan": "plan",
    "Profile": "plan",
    "ServicePlan": "plan",
}

__all__ = [
    "Coordinator",
    "Family",
    "FamilyModel",
    "InputError",
    "Plan",
    "Profile",
    "Service",
    "ServicePlan",
    "ensemble",
    "load_parameters",
    "run_replicate",
]


def __getattr__(name: str) -> Any:

    if name in _HOME:
        return getattr(importlib.import_module(f"simulation.{_HOME[name]}"), name)
    raise AttributeError(f"module 'simulation' has no attribute {name!r}")
