"""What a sensitivity analysis says, in words: which assumptions can be told from chance, and how surely.

An index whose 95 % interval holds zero is not told from zero. Of many intervals some are clear of zero by chance alone, so what
is called clear must be so when as many are looked at as there are (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from results import words
from results.language import capital, catalogue, number, outcome_name, parameter_name, percent, say

BoolArray = npt.NDArray[np.bool_]

Z95: Final = 1.959963984540054
SURE: Final = 0.05  # probability that anything is called clear where nothing matters
AMOUNTS: Final = ("tornado", "morris", "draws")
"""Methods whose deciding index has the outcome's unit; the others give shares."""
SIGNED: Final = ("tornado", "draws")
"""Methods whose deciding index may be below zero, so that chance leaves zero to both sides."""


def told(rows: pd.DataFrame, *, signed: bool = True) -> BoolArray:
    """Whether each interval is clear of zero, (R,); of what cannot be below zero, whether it is above."""
    return np.asarray((rows["low"] > 0.0) | (signed & (rows["high"] < 0.0)), dtype=np.bool_)


def clear(rows: pd.DataFrame) -> BoolArray:
    """Whether each index would be told from zero when all of the rows are looked at, by Holm's rule, (R,)."""
    value = rows["value"].to_numpy(float)
    toward_zero = np.where(value > 0.0, value - rows["low"], rows["high"] - value)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = Z95 * np.abs(value) / toward_zero
    p = np.where(told(rows), 2.0 * ndtr(-np.abs(np.nan_to_num(z, posinf=np.inf))), 1.0)
    order = np.argsort(p, kind="stable")
    passes = p[order] * np.arange(len(p), 0, -1) <= SURE
    found = np.zeros(len(p), dtype=np.bool_)
    found[order[: int(np.argmin(np.append(passes, False)))]] = True
    return found


def certain(method: str, rows: pd.DataFrame) -> BoolArray:
    """Which of a method's rows are called clear, (R,): none of Morris', whose few trajectories know no small probability."""
    return np.zeros(len(rows), dtype=np.bool_) if method == "morris" else clear(rows)


def by_chance(count: int, *, signed: bool) -> float:
    """How many of as many 95 % intervals are clear of zero by chance alone, where nothing matters."""
    return count * (0.05 if signed else 0.025)


def panel_title(outcome: str, lang: str) -> str:
    """An outcome as the heading of a panel."""
    key = f"{outcome}_short"
    return say(f"panel.{key}", lang) if key in catalogue()["panel"] else capital(outcome_name(outcome, lang))


def short(outcome: str, lang: str) -> str:
    """An outcome within a sentence."""
    title = panel_title(outcome, lang)
    return title[:1].lower() + title[1:]


def name_of(parameter: str, lang: str) -> str:
    """A parameter, a group of parameters, or one of the two that are neither: ``chance`` and ``dummy``."""
    if parameter in ("chance", "dummy"):
        return say(f"sensitivity.{parameter}", lang)
    if parameter in catalogue()["parameter_group"]:
        return say(f"parameter_group.{parameter}", lang)
    return parameter_name(parameter, lang)


def findings(method: str, deciding: Mapping[str, pd.DataFrame], lang: str) -> str:
    """What the deciding index of a method says of each outcome, in as few sentences as tell it rightly.

    Parameters
    ----------
    deciding : by outcome, ``parameter,value,low,high`` of every parameter that was looked at, the largest first
    """
    found: dict[str, list[str]] = {"lead": [], "perhaps": [], "hidden": [], "zero": [], "nothing": []}
    for outcome, rows in deciding.items():
        found[_verdict(method, rows)].append(outcome)
    wording = "sobol" if method == "sobol_groups" else method
    sentences = []
    for verdict in ("lead", "perhaps"):
        if found[verdict]:
            items = "; ".join(_item(method, outcome, deciding[outcome], verdict, lang) for outcome in found[verdict])
            most = max(len(deciding[outcome]) for outcome in found[verdict])
            expected = about(by_chance(most, signed=method in SIGNED), lang)
            key = f"sensitivity.{wording}_{verdict}"
            sentences.append(say(key, lang, items=items, count=number(most, lang), expected=expected))
    for verdict in ("hidden", "zero", "nothing"):
        if found[verdict]:
            names = listed([short(outcome, lang) for outcome in found[verdict]], lang)
            count = number(max(len(deciding[outcome]) for outcome in found[verdict]), lang)
            key = "no_indices" if verdict == "nothing" and wording == "sobol" else verdict
            sentences.append(say(f"sensitivity.{key}", lang, outcomes=names, count=count))
    return " ".join(sentences)


def _verdict(method: str, rows: pd.DataFrame) -> str:
    """``lead``: something is clear of zero; ``perhaps``: only where it is looked at alone; ``hidden``: nothing is."""
    if not len(rows):
        return "nothing"
    if (rows[["value", "low", "high"]] == 0.0).to_numpy().all():
        return "zero"
    alone = told(rows, signed=method in SIGNED)
    return "lead" if certain(method, rows).any() else "perhaps" if alone.any() else "hidden"


def _item(method: str, outcome: str, rows: pd.DataFrame, verdict: str, lang: str) -> str:
    """The largest of those that a verdict is about, with its interval, and how many more there are."""
    chosen = rows[certain(method, rows) if verdict == "lead" else told(rows, signed=method in SIGNED)]
    row = chosen.iloc[0]
    low, value, high = (float(row[key]) for key in ("low", "value", "high"))
    if method in AMOUNTS:
        low_text, value_text, high_text = amounts((low, value, high), outcome, lang, signed=method in SIGNED)
        value_text = _with_unit(value_text, outcome, lang)
    else:
        low_text, value_text, high_text = (share(x, lang) for x in (low, value, high))
    text = say(
        "sensitivity.item", lang, outcome=short(outcome, lang), name=name_of(str(row["parameter"]), lang),
        value=value_text, low=low_text, high=high_text,
    )  # fmt: skip
    more = len(chosen) - 1
    return f"{text} {say('sensitivity.and_more', lang, more=number(more, lang))}" if more else text


def _with_unit(text: str, outcome: str, lang: str) -> str:
    if words.UNITS[outcome].startswith("NOK"):
        return say("sensitivity.nok", lang, value=text)
    return f"{text} {words.unit(outcome, lang)}"


def amounts(values: Sequence[float], outcome: str, lang: str, *, signed: bool) -> list[str]:
    """Differences in an outcome without their unit, with as many decimals as the smallest end of them needs."""
    if not words.is_share(outcome):
        return [words.plain(value, outcome, lang, signed=signed) for value in values]
    largest = max(abs(100.0 * value) for value in values)
    decimals = 1 if largest >= 1.0 else 2 if largest >= 0.1 else 3
    return [number(100.0 * value, lang, decimals, signed=signed) for value in values]


def share(value: float, lang: str) -> str:
    """A share, in whole per cent from 10 on and with one decimal below."""
    return percent(value, lang, 0 if abs(value) >= 0.095 else 1)


def about(expected: float, lang: str) -> str:
    """How many are expected by chance: whole ones, or ``under 1``."""
    return number(expected, lang) if expected >= 1.0 else say("size.under", lang, value=number(1, lang))


def listed(names: Sequence[str], lang: str) -> str:
    """``a, b og c``."""
    if len(names) < 2:
        return "".join(names)
    return say("sensitivity.list", lang, first=", ".join(names[:-1]), last=names[-1])


def chance_of(rows: pd.DataFrame, lang: str) -> str:
    """Chance's share of an outcome, with its interval where there is one, for a panel: ``share`` rows of ``chance``."""
    if not len(rows):
        return ""
    low, value, high = (percent(float(rows[key].iloc[0]), lang) for key in ("low", "value", "high"))
    known = bool(rows[["low", "high"]].iloc[0].notna().all())
    between = say("sensitivity.chance_between", lang, low=low, high=high) if known else ""
    return say("sensitivity.chance_panel", lang, share=value, between=between)


def chance_sentence(key: str, shares: Sequence[float], lang: str) -> str:
    """How much of the variance of a mean over replicates is chance, over outcomes; empty where there is none."""
    finite = sorted(value for value in shares if value > 0.0)
    if not finite:
        return ""
    ends = percent(finite[0], lang), percent(finite[-1], lang)
    text = ends[0] if ends[0] == ends[1] else say("size.range", lang, low=ends[0], high=ends[1])
    return say(f"sensitivity.{key}", lang, share=text)


def settled(convergence: pd.DataFrame, lang: str) -> str:
    """Whether indices at the largest N stayed within their interval at the N before."""
    inside, ratios = [], []
    rows: Any
    for _, rows in convergence.groupby(["outcome", "method", "index", "parameter"], sort=False):
        if len(rows) < 2:
            continue
        before, last = rows.sort_values("samples").iloc[-2], rows.sort_values("samples").iloc[-1]
        inside.append(bool(before["low"] <= last["value"] <= before["high"]))
        width = float(before["high"] - before["low"])
        ratios.append(float(last["high"] - last["low"]) / width if width > 0.0 else np.nan)
    if not inside:
        return say("sensitivity.convergence_one", lang)
    known = [ratio for ratio in ratios if np.isfinite(ratio)]
    text = percent(float(np.median(known)), lang) if known else "–"
    numbers = {"inside": number(sum(inside), lang), "count": number(len(inside), lang)}
    return say("sensitivity.convergence_inside", lang, **numbers, ratio=text)
