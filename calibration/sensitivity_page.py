"""What a sensitivity analysis found, in words and tables: for the terminal in both languages, and for a page of ``docs/``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from calibration.sobol import CHANCE
from calibration.tornado import MIDDLE
from results.language import capital, number, outcome_name, percent, say

SHARES: Final = ("share of parents", "share of families", "share of children", "share of persons")
POINT: Final = 100.0


# ---- what stands out -------------------------------------------------------------------------------------------------


def standing_out(slopes: pd.DataFrame) -> pd.DataFrame:
    """The slopes that can be told from zero when all are looked at, the largest first.

    Parameters
    ----------
    slopes : rows of ``sensitivity.csv`` of one contrast and outcome, ``method`` draws and ``index`` slope, with 95 % intervals
    """
    from results.sensitivity_words import clear

    own = slopes[slopes["parameter"] != "dummy"]
    return own[clear(own)].sort_values("value", key=lambda x: -x.abs(), kind="stable")


def is_share(unit: str) -> bool:
    """Whether an outcome is told in percentage points."""
    return unit.startswith(SHARES)


def change(value: float, unit: str, lang: str) -> str:
    """A difference as the language writes it: points with two decimals, kroner whole."""
    if is_share(unit):
        return number(POINT * value, lang, 2, signed=True)
    return number(value, lang, 0 if unit.startswith("NOK") else 2, signed=True)


def unit_words(unit: str, lang: str) -> str:
    """The unit of a difference in words."""
    if is_share(unit):
        return say("sensitivity_words.points", lang)
    return say("sensitivity_words.kroner", lang) if unit.startswith("NOK") else unit


# ---- the terminal ----------------------------------------------------------------------------------------------------


def summary(tables: dict[str, pd.DataFrame], lang: str) -> str:
    """What drives each difference, a line an outcome; then what is worth knowing."""
    from results.language import parameter_name

    table = tables["sensitivity.csv"]
    lines: list[str] = []
    for contrast, of_contrast in table.groupby("contrast", sort=False):
        lines.append(f"{contrast}:")
        for outcome, rows in of_contrast.groupby("outcome", sort=False):
            lines += [f"  {capital(outcome_name(str(outcome), lang))}"]
            lines += [f"    {line}" for line in _told(rows, lang, parameter_name)]
    if "value_of_information.csv" in tables:
        from results.information_figures import sentence

        lines.append(sentence(tables["value_of_information.csv"], lang))
    return "\n".join(lines)


def _told(rows: pd.DataFrame, lang: str, plain: Any) -> Iterator[str]:
    slopes = rows[(rows["method"] == "draws") & (rows["index"] == "slope")]
    if len(slopes):
        found = standing_out(slopes)
        looked = number(len(slopes) - 1, lang)
        if not len(found):
            yield say("sensitivity_words.nothing", lang, looked=looked)
        else:
            largest: list[dict[Any, Any]] = found.head(4).to_dict("records")
            told = [f"{plain(row['parameter'], lang)} ({change(row['value'], row['unit'], lang)})" for row in largest]
            unit = unit_words(str(found["unit"].iloc[0]), lang)
            yield say(
                "sensitivity_words.some",
                lang,
                looked=looked,
                count=number(len(found), lang),
                unit=unit,
                told=", ".join(told),
            )
        share = rows[(rows["method"] == "draws") & (rows["parameter"] == CHANCE)]
        if len(share) and math.isfinite(float(share["value"].iloc[0])):
            yield say("sensitivity_words.chance", lang, share=percent(float(share["value"].iloc[0]), lang))
    first = rows[(rows["method"] == "sobol") & (rows["index"] == "S1")]
    if len(first):
        sure = first[first["low"] > 0.0].sort_values("value", ascending=False, kind="stable")
        if first["value"].isna().all():
            yield say("sensitivity_words.hidden", lang)
        elif len(sure):
            most: list[dict[Any, Any]] = sure.head(4).to_dict("records")
            told = [f"{plain(row['parameter'], lang)} {percent(row['value'], lang)}" for row in most]
            yield say("sensitivity_words.sobol", lang, told=", ".join(told))
        else:
            yield say("sensitivity_words.sobol_none", lang)


# ---- the page --------------------------------------------------------------------------------------------------------


def markdown(tables: dict[str, pd.DataFrame], made: dict[str, Any]) -> str:
    """All tables, in English."""
    table = tables["sensitivity.csv"]
    looked = table[(table["method"] == "draws") & (table["index"] == "slope")]["parameter"].nunique() - 1
    lines = [
        f"*Made by `{made['command']}`: study `{made['study_name']}`, parameters from `{made['posterior_name']}`, seed "
        f"{made['seed']}; {_sizes(made)}; model sources `{made['source_hash'][:12]}`. Intervals are 95 %.*"
    ]
    for contrast, rows in table.groupby("contrast", sort=False):
        lines += ["", f"**{contrast}.**"]
        for method, tell in (("draws", _draws), ("tornado", _tornado), ("sobol", _sobol), ("sobol_groups", _groups)):
            chosen = rows[rows["method"] == method]
            if len(chosen):
                lines += ["", *tell(chosen, int(looked))]
    if "convergence.csv" in tables:
        lines += ["", *_convergence(tables["convergence.csv"])]
    if "value_of_information.csv" in tables:
        lines += ["", *_information(tables["value_of_information.csv"])]
    return "\n".join(lines)


def _sizes(made: dict[str, Any]) -> str:
    """How much was simulated in the stages that ran."""
    size = made["size"]
    told = {
        "draws": f"{size['draws']:,} calibrated draws of two replicates",
        "morris": f"{size['trajectories']} Morris trajectories of two replicates a point",
        "tornado": f"{size['blocks'] * size['replicates']} replicates of each end of the tornado",
        "sobol": f"Sobol with N = {size['samples']} and {size['replicates']} replicates a point",
        "groups": f"Sobol of groups with N = {size['group_samples']}",
    }
    return ", ".join(told[stage] for stage in made["stages"])


def _outcomes(rows: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(rows["outcome"]))


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}", *(f"| {' | '.join(row)} |" for row in rows)]


def _pick(rows: pd.DataFrame, index: str, parameter: str, outcome: str) -> Any:
    found = rows[(rows["index"] == index) & (rows["parameter"] == parameter) & (rows["outcome"] == outcome)]
    return None if found.empty else found.iloc[0]


def _interval(row: Any, write: Any) -> str:
    if row is None or not math.isfinite(row["value"]):
        return "cannot tell"
    return f"{write(row['value'])} [{write(row['low'])}, {write(row['high'])}]"


def _head(outcome: str) -> str:
    return capital(outcome_name(outcome, "en"))


def _in_unit(row: Any) -> str:
    return "" if row is None else _interval(row, lambda x: change(x, str(row["unit"]), "en"))


def _draws(rows: pd.DataFrame, looked: int) -> list[str]:
    slopes = rows[rows["index"] == "slope"]
    outcomes = _outcomes(rows)
    out = {outcome: set(standing_out(slopes[slopes["outcome"] == outcome])["parameter"]) for outcome in outcomes}
    shown = [name for name in dict.fromkeys(slopes["parameter"]) if any(name in found for found in out.values())]
    cells = []
    for name in [*shown, "dummy"]:
        row = [f"`{name}`" if name != "dummy" else "*wired to nothing*"]
        for outcome in outcomes:
            text = _in_unit(_pick(slopes, "slope", name, outcome))
            row.append(f"**{text}**" if name in out[outcome] else text)
        cells.append(row)
    chance = ["*chance, share of the variance of a draw's mean*"]
    chance += [_interval(_pick(rows, "share", CHANCE, outcome), lambda x: percent(x, "en")) for outcome in outcomes]
    head = [
        f"On calibrated draws: change that goes with one sd (points, NOK), of {looked} parameters",
        *map(_head, outcomes),
    ]
    note = f"Bold: told from zero when all {looked} are looked at. Left out: parameters that stand out nowhere."
    return [*_table(head, [*cells, chance]), "", note]


def _tornado(rows: pd.DataFrame, _: int) -> list[str]:
    outcomes = _outcomes(rows)
    names = [name for name in dict.fromkeys(rows["parameter"]) if name != MIDDLE]
    cells = [["*all in their middle: the difference itself*"]]
    cells[0] += [_in_unit(_pick(rows, "value", MIDDLE, outcome)) for outcome in outcomes]
    for name in names:
        cells.append([f"`{name}`", *(_in_unit(_pick(rows, "swing", name, outcome)) for outcome in outcomes)])
    return _table(["Tornado: from the 5 % to the 95 % quantile, all else in the middle", *map(_head, outcomes)], cells)


def _sobol(rows: pd.DataFrame, _: int) -> list[str]:
    outcomes = [
        o for o in _outcomes(rows) if rows[(rows["outcome"] == o) & (rows["index"] == "S1")]["value"].notna().any()
    ]
    hidden = [_head(outcome) for outcome in _outcomes(rows) if outcome not in outcomes]
    lines: list[str] = []
    if outcomes:
        names = list(dict.fromkeys(rows[rows["index"] == "S1"]["parameter"]))
        head = [
            "Sobol: share of the variance of the expected difference when these vary, each by itself, all else in the middle"
        ]
        head += [f"{_head(outcome)}: {index}" for outcome in outcomes for index in ("S1", "ST")]
        cells = []
        for name in names:
            picked = [_pick(rows, index, name, outcome) for outcome in outcomes for index in ("S1", "ST")]
            cells.append([f"`{name}`", *(_interval(row, lambda x: number(x, "en", 2)) for row in picked)])
        chance = ["*chance, of the variance of a point's mean*"]
        for outcome in outcomes:
            chance += [_interval(_pick(rows, "share", CHANCE, outcome), lambda x: percent(x, "en")), ""]
        lines += _table(head, [*cells, chance])
        lines += ["", _pairs(rows, outcomes)]
    if hidden:
        lines += [
            "",
            f"Chance hides the variance of the expected difference, so there are no indices: {', '.join(hidden)}.",
        ]
    return lines


def _pairs(rows: pd.DataFrame, outcomes: list[str]) -> str:
    """Which interactions are clear of zero when all pairs of an outcome are looked at."""
    from results.sensitivity_words import clear

    told, looked = [], 0
    for outcome in outcomes:
        pairs = rows[(rows["index"] == "S2") & (rows["outcome"] == outcome) & rows["value"].notna()]
        looked += len(pairs)
        row: Any
        for row in pairs[clear(pairs) & (pairs["value"] > 0.0).to_numpy()].itertuples():
            interval = f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
            told.append(f"{_head(outcome).lower()}: `{row.parameter}` with `{row.second}` {interval}")
    return f"Second order, clear of zero when all pairs are looked at (of {looked}): {'; '.join(told) or 'none'}."


def _groups(rows: pd.DataFrame, _: int) -> list[str]:
    outcomes = _outcomes(rows)
    names = list(dict.fromkeys(rows[rows["index"] == "S1"]["parameter"]))
    head = ["Sobol of groups, everything varied", *(f"{_head(o)}: {i}" for o in outcomes for i in ("S1", "ST"))]
    cells = []
    for name in names:
        picked = [_pick(rows, index, name, outcome) for outcome in outcomes for index in ("S1", "ST")]
        cells.append([name, *(_interval(row, lambda x: number(x, "en", 2)) for row in picked)])
    chance = ["*chance*"]
    for outcome in outcomes:
        chance += [_interval(_pick(rows, "share", CHANCE, outcome), lambda x: percent(x, "en")), ""]
    return _table(head, [*cells, chance])


def _convergence(table: pd.DataFrame) -> list[str]:
    """How far the indices still moved when N was last doubled."""
    lines = []
    for method, rows in table.dropna(subset=["value"]).groupby("method", sort=False):
        sizes = sorted(set(rows["samples"]))
        if len(sizes) < 2:
            continue
        keys = ["contrast", "outcome", "index", "parameter"]
        last, before = (rows[rows["samples"] == n].set_index(keys) for n in (sizes[-1], sizes[-2]))
        both = last.join(before, rsuffix="_before", how="inner")
        moved = (both["value"] - both["value_before"]).abs()
        width = 0.5 * (both["high"] - both["low"])
        lines.append(
            f"Convergence, `{method}`: from N = {sizes[-2]} to {sizes[-1]} an index moved by {moved.median():.2f} (median) and "
            f"{moved.max():.2f} at most; half an interval at N = {sizes[-1]} is {width.median():.2f} (median)."
        )
    return lines


def _information(table: pd.DataFrame) -> list[str]:
    """The decision by each account at the stated values, and what knowing more would be worth."""
    from results.information_figures import ranking, sentence

    lines = ["Value of information, NOK, at the stated values of outcomes (`scenarios/values`):", ""]
    cells = []
    for (contrast, account), rows in table.groupby(["contrast", "account"], sort=False):
        for factor in sorted(set(rows["value_factor"])):
            at = rows[rows["value_factor"] == factor].set_index("measure")
            told = [
                _money(at.loc["inb"]),
                _interval(at.loc["probability"], lambda x: percent(x, "en")),
                _money(at.loc["evpi"]),
            ]
            best = ranking(table, str(contrast), str(account), float(factor)).iloc[0]
            told.append(f"{best['group']}: {_money(best)}" if best["high"] > 0.5 else "none")
            cells.append([f"{contrast}; {account}; values x {factor:g}", *told])
    head = [
        "decision; whose account; factor on the values",
        "expected net benefit",
        "probability that the first is better",
    ]
    lines += _table([*head, "EVPI", "group most worth knowing (EVPPI)"], cells)
    return [*lines, "", sentence(table, "en")]


def _money(row: Any) -> str:
    """Kroner to three digits, with their interval."""

    def rounded(x: float) -> str:
        return number(0.0 if abs(x) < 0.5 else round(float(f"{x:.3g}")), "en")

    return _interval(row, rounded)
