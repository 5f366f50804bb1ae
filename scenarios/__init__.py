"""Studies: what is compared, in which place, and the comparison itself."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.comparison import Result, compare
    from scenarios.profiles import load_profile
    from scenarios.study import Study, load_study

__all__ = ["Result", "Study", "compare", "load_profile", "load_study"]

_HOME = {
    "Result": "comparison",
    "compare": "comparison",
    "load_profile": "profiles",
    "Study": "study",
    "load_study": "study",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: ``run.py --help`` must not wait for NumPy."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
