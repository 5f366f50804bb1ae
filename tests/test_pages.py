"""Pages of docs/ that a command makes: the command to make one again says every option that was given."""

from __future__ import annotations

import argparse
from pathlib import Path

from calibration.pages import again


def options(**given: object) -> argparse.Namespace:
    defaults = {"study": None, "replicates": 200, "seed": None, "set": [], "write": Path("docs/x.md")}
    return argparse.Namespace(**(defaults | given))


def test_a_command_by_default_says_the_page_only() -> None:
    assert again("incomes", options(), 200) == "python run.py incomes --write docs/x.md"


def test_a_command_says_the_options_that_were_given_and_quotes_them() -> None:
    given = options(
        study=Path("my study.toml"), arm="small", replicates=20, seed=7, set=["parameters.hill_half=2", "a=b c"]
    )
    assert again("before-after", given, 200) == (
        "python run.py before-after 'my study.toml' --arm small --replicates 20 --seed 7"
        " --set parameters.hill_half=2 --set 'a=b c' --write docs/x.md"
    )
