"""Why work need not pay: the figure's numbers against what the rules are known to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from results.work_pays import incomes, losses, main, work_pays
from simulation.errors import InputError

LONE = {"parents": 1, "children": [3, 7], "rent": 12_000, "month": "2025"}


def test_with_social_assistance_nothing_is_left_of_wages_until_it_ends() -> None:
    points = incomes(**LONE, social_assistance=True)
    on_it = points[points[:, 0] <= 280_000]
    assert np.allclose(on_it[:, 1], on_it[0, 1])


def test_where_housing_allowance_is_reduced_most_seventy_nine_per_cent_is_lost() -> None:
    points = incomes(**LONE, social_assistance=False)
    middle = points[:-1, 0]
    lost = losses(points)[(middle >= 352_000) & (middle <= 432_000)]  # marginal-loss-lone-parent-2, past the last step
    assert np.allclose(lost, 0.337 + 0.737 * 0.80 / 1.30, atol=0.002)


def test_the_figure_is_drawn_and_says_what_it_shows(tmp_path: Path) -> None:
    picture = work_pays(**LONE, lang="en")
    assert picture.images["svg"].startswith(b"<?xml")
    assert picture.images["png"].startswith(b"\x89PNG")
    assert "NOK 36,052 a month" in picture.alt


def test_a_figure_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    import argparse

    args = argparse.Namespace(
        parents=1, children="3,7", rent=12_000.0, month="2025", out=tmp_path, lang="nb", force=False
    )
    assert main(args) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"work-pays.svg", "work-pays.png"}
    with pytest.raises(InputError, match="there already"):
        main(args)
