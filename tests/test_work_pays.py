"""Why work need not pay: the figure's numbers against what the rules are known to give."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import run
from results.work_pays import incomes, losses, main, page, work_pays
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
    assert {path.name for path in tmp_path.iterdir()} == {"work-pays.svg", "work-pays.png", "work-pays.html"}
    with pytest.raises(InputError, match="there already"):
        main(args)


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_page_shows_in_numbers_that_nothing_is_left_of_the_first_wages(lang: str) -> None:
    html = page(work_pays(**LONE, lang=lang), **LONE, lang=lang)
    assert html.count("<tr>") == 8  # a head, and wages of 0 to 600 000
    cells = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)[1:]]
    kept = [row[-1].replace("\xa0", "").rstrip("%") for row in cells]
    assert kept[:3] == ["", "0", "0"]
    assert 5 <= int(kept[4]) <= 20  # tax, housing allowance and a step of advance child support take the rest
    assert {"nb": "Hvorfor arbeid", "en": "Why work"}[lang] in html
    assert "http" not in html  # self-contained


def test_income_draws_the_figure_of_its_family_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["income", "--children", "3,7", "--rent", "12000", "--figure", str(tmp_path / "figure")]
    assert run.main(options) == 0
    assert (tmp_path / "figure" / "work-pays.html").is_file()
    assert run.main(options) == 2
    assert "there already" in capsys.readouterr().err
    assert run.main([*options, "--force"]) == 0
