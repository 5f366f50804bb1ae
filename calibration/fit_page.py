"""The page of ``docs/`` that a fit makes: what it learnt, what holds and what does not, and the answer under each explanation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pandas as pd

from calibration.calibrate import posteriors_warning
from results.language import number, outcome_name, percent

PAGE: Final = "calibration"
EXPLAINED: Final = {
    "all": "all posterior draws",
    "weak_links": "weak links",
    "low_dose": "a low dose",
    "full_services": "full services",
    "scarce_openings": "scarce openings",
    "good_ordinary": "good ordinary follow-up",
}
BOUND: Final = "caseload-10 vs ordinary"
SEEN: Final = 0.3
SHOWN: Final = ("employed_share", "social_assistance_share", "child_participation_share", "disposable_income")


def markdown(tables: dict[str, pd.DataFrame], made: dict[str, Any]) -> str:
    """All tables of a fit, in English.

    Parameters
    ----------
    tables : parameters, trade_offs, targets, leave_one_out, explanations, and recovery where it was asked for
    made : the manifest
    """
    size = made["size"]
    head = (
        f"*Made by `{made['command']}`: targets `{made['targets']}`, {size['prior']:,} simulations from the prior, "
        f"{size['later']:,} where the first fit points, {size['draws']:,} posterior draws with an effective sample "
        f"size of at least {made['effective_sample_size']:,.0f}; "
        f"model sources `{made['source_hash'][:12]}`.*"
    )
    parts = [
        head,
        *_parameters(tables["parameters"]),
        *_slopes(tables["slopes"]),
        *_trade_offs(tables["trade_offs"]),
        *_targets(tables["targets"]),
    ]
    if warning := posteriors_warning(tables["parameters"]):
        parts.insert(1, f"\n**{warning}**")
    if "leave_one_out" in tables:
        parts += _left_out(tables["leave_one_out"])
    parts += _explanations(tables["explanations"])
    if "recovery" in tables:
        parts += _recovery(tables["recovery"])
    return "\n".join(parts)


def _table(heads: str, rows: Iterable[list[str]]) -> list[str]:
    columns = heads.split(" | ")
    rule = ["---:" if name.startswith(">") else "---" for name in columns]
    return ["", f"| {' | '.join(name.lstrip('>') for name in columns)} |", f"|{'|'.join(rule)}|"] + [
        f"| {' | '.join(cells)} |" for cells in rows
    ]


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    return iter(table.itertuples(name="Row"))


def _of(value: float) -> str:
    """A number with as many decimals as it needs."""
    if abs(value) >= 100:
        return number(value, "en")
    return number(value, "en", 3 if abs(value) < 1 else 2)


def _range(row: Any, *names: str) -> str:
    return " to ".join(_of(getattr(row, name)) for name in names)


def _parameters(table: pd.DataFrame) -> list[str]:
    ordered = table.sort_values("contraction", ascending=False, kind="stable")
    silent = [f"`{name}`" for name in ordered[ordered["says"] == "nothing"]["parameter"]]
    told = (
        f"The data say next to nothing about {', '.join(silent)}: less than a tenth of the prior's variance is gone."
        if silent
        else ""
    )
    rows = (
        [f"`{row.parameter}`", "link" if row.link else "", _range(row, "prior_p05", "prior_p95"), _of(row.p50),
         _range(row, "p05", "p95"), percent(row.contraction, "en"), number(row.ess, "en"), number(row.r_hat, "en", 3)]
        for row in _rows(ordered)
    )  # fmt: skip
    heads = "parameter |  | >prior, 5 to 95 % | >posterior median | >5 to 95 % | >variance gone | >ESS | >R-hat"
    return ["", "### What was learnt of each parameter", *_table(heads, rows), "", told]


def _slopes(table: pd.DataFrame) -> list[str]:
    """Parameters that were not fitted, and that the targets see some of."""
    some = table[~table["fitted"] & (table["seen"] > SEEN)]
    least = float(table[table["fitted"]]["seen"].min())
    named = ", ".join(f"`{row.parameter}` ({number(row.seen, 'en', 2)})" for row in _rows(some))
    return [
        "",
        "Not fitted, though the targets see something of them (standard deviations of the targets for one of the prior, all "
        f"targets together; the least of those fitted has {number(least, 'en', 2)}): {named or 'none'}.",
    ]


def _trade_offs(table: pd.DataFrame) -> list[str]:
    if not len(table):
        return ["", "No two parameters trade off (no correlation of 0.3 or more)."]
    pairs = [
        f"`{row.first}` and `{row.second}` ({number(row.correlation, 'en', 2, signed=True)})" for row in _rows(table)
    ]
    return ["", f"Pairs that trade off (correlation of the draws): {'; '.join(pairs)}."]


def _targets(table: pd.DataFrame) -> list[str]:
    rows = ([row.target, row.role, *_said(row), _inside(row.prior_inside), _inside(row.inside)] for row in _rows(table))
    heads = "target | role | >published | >model, before | >model, after | >by the emulator | before | after"
    return ["", "### Every target, by simulation before and after the fit", *_table(heads, rows)]


def _said(row: Any) -> list[str]:
    emulated = _of(row.emulated) if pd.notna(row.emulated) else ""
    if row.kind == "not_significant":
        before, after = (percent(share, "en") for share in (row.prior_not_significant, row.not_significant))
        return ["no reliable effect", f"null in {before}", f"null in {after}; {_of(row.mean)}", emulated]
    published = f"{_of(row.observed)} [{_of(row.observed_low)}, {_of(row.observed_high)}]"
    before = f"{_of(row.prior_mean)} [{_of(row.prior_low)}, {_of(row.prior_high)}]"
    return [published, before, f"{_of(row.mean)} [{_of(row.low)}, {_of(row.high)}]", emulated]


def _inside(inside: bool) -> str:
    return "in" if inside else "**out**"


def _left_out(table: pd.DataFrame) -> list[str]:
    misses = [f"`{row.target}`" for row in _rows(table[~table["inside"]])]
    told = f"Missed when left out: {', '.join(misses)}." if misses else "None is missed when it is left out."
    return [
        "",
        "### Each fitted target left out",
        "",
        f"Foretold by the other targets within 90 %: {int(table['inside'].sum())} of {len(table)}. {told}",
    ]


def _explanations(table: pd.DataFrame) -> list[str]:
    parts = ["", "### 10 against 20 under each explanation of the null"]
    contrasts = [name for name in dict.fromkeys(table["contrast"]) if name.startswith("10 vs 20") or name == BOUND]
    for outcome in SHOWN:
        some = table[table["outcome"] == outcome]
        rows = []
        for name in dict.fromkeys(some["explanation"]):
            cells = [EXPLAINED.get(str(name), str(name))]
            for contrast in contrasts:
                row: Any = next(_rows(some[(some["explanation"] == name) & (some["contrast"] == contrast)]))
                cells.append(_difference(row))
            rows.append(cells)
        unit = "percentage points" if str(some["unit"].iloc[0]).startswith("share") else "NOK a month"
        words = [f">{contrast}" if contrast != BOUND else ">bound: 10 vs ordinary" for contrast in contrasts]
        parts += [
            "",
            f"**{outcome_name(outcome, 'en')}**, {unit}: mean [95 % of the mean]; 90 % of the draws' expected differences",
        ]
        parts += _table(" | ".join(["explanation", *words]), rows)
    return parts


def _difference(row: Any) -> str:
    factor, digits = (100.0, 1) if row.unit.startswith("share") else (1.0, 0)

    def say(value: float) -> str:
        return number(factor * value, "en", digits)

    return f"{say(row.mean)} [{say(row.ci_low)}, {say(row.ci_high)}]; {say(row.p05)} to {say(row.p95)}"


def _recovery(table: pd.DataFrame) -> list[str]:
    wide = {level: table[table["level"] == level].set_index("quantity") for level in (0.5, 0.9)}
    rows = (
        [f"`{name}`" if " | " not in name else name.replace(" | ", ": "),
         *(_coverage(wide[level].loc[name]) for level in (0.5, 0.9)), percent(float(wide[0.5].loc[name, "contraction"]), "en")]
        for name in wide[0.5].index
    )  # fmt: skip
    some = table.iloc[0]
    outside = [f"{row.quantity} at {row.level:g}" for row in _rows(table[~table["inside"]])]
    told = f"Outside: {'; '.join(outside)}." if outside else "None is outside."
    lines = [
        "",
        f"### Recovery on {int(some['truths'])} synthetic truths",
        "",
        "Coverage of the 50 % and 90 % intervals; all lie within their bands at once in 95 % of such tests if the fit is right. "
        f"{told}",
    ]
    return [*lines, *_table("quantity | >50 % | >90 % | >variance gone", rows)]


def _coverage(row: Any) -> str:
    text = f"{number(row['coverage'], 'en', 2)} [{number(row['low'], 'en', 2)}, {number(row['high'], 'en', 2)}]"
    return text if row["inside"] else f"**{text}**"
