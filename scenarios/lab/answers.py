"""From a study of two plans and its runs to what a planner reads: what differs, how surely, who is reached, queues and costs.

No statistic of its own: every number is a cell of the tables that ``run.py compare`` writes of the same study.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from results import arms_section, budget, evaluation, statistics, words
from results.blocks import Cell, Column, Row, Table
from results.document import at_horizon
from results.language import capital, number, outcome_name, percent, say
from results.sensitivity_words import listed
from results.titles import titled
from results.told import Told
from simulation.names import SERVICES

if TYPE_CHECKING:
    from scenarios.study import Study
    from simulation.outcomes import Runs

OUTCOMES: Final = (*statistics.HEADLINES, "children_in_low_income_share")
WAITS: Final = tuple(f"wait_{name}" for name in SERVICES)
ORDER: Final = ("almost_certain", "likely", "unknown", "few", "zero")
"""Verdicts of ``results.words``, the surest first."""


@dataclass(frozen=True)
class OutcomeRow:
    """One outcome of the two plans after the last month, among the families that met the criteria in month 0."""

    outcome: str
    name: str
    unit: str
    """of the difference"""
    today: str
    plan: str
    difference: str
    interval: str
    """where 90 % of the draws put the expected difference, in words with its unit"""
    ends: str
    """the same, without its unit"""
    probability: str
    """that the plan is better"""
    words: str
    """how sure it is, in two words"""
    sentence: str
    verdict: str
    """one of ``ORDER``"""


@dataclass(frozen=True)
class Answer:
    """What a planner reads of two plans."""

    headline: str
    """one sentence about all four outcomes, each with its certainty"""
    verdict: str
    """``better``, ``worse``, ``mixed``, ``cannot_tell``, ``same``, ``few`` (too few draws) or ``nobody``"""
    rows: tuple[OutcomeRow, ...]
    outcomes: Table
    """the rows as a table"""
    reached: tuple[str, ...]
    reach: Table
    queues: tuple[str, ...]
    waits: Table
    costs: tuple[str, ...]
    budget: tuple[Table, ...]
    """costs by who pays, and what coordinators cost by item"""
    replicates: int
    draws: int


@dataclass(frozen=True)
class Compared:
    """The tables of two plans under their titles in a language, and what the words of the report ask of a run."""

    tables: Told
    manifest: dict[str, Any]
    today: str
    plan: str

    @property
    def contrast(self) -> dict[str, Any]:
        """The plan against today: ``name``, ``arm`` and ``against``."""
        found: dict[str, Any] = self.manifest["contrasts"][0]
        return found

    @property
    def months(self) -> int:
        """The horizon."""
        return int(self.manifest["horizon"])


def tables_of(study: Study, runs: Runs) -> Told:
    """The rows that the lab shows of a run's tables; the same rows as in the tables of the whole run.

    Parameters
    ----------
    runs : of two replicates or more
    """
    eligible = statistics.outcomes_table(runs, OUTCOMES, ("eligible",))
    filled = statistics.outcomes_table(runs, ("caseload_filled",), ("pool",))
    waits = statistics.outcomes_table(runs, WAITS, ("pool",), last=True)
    parts = [part for part in (eligible, filled, waits) if len(part)] or [eligible]  # the empty have no types
    return Told(
        outcomes=pd.concat(parts, ignore_index=True),
        differences=statistics.differences_table(runs, OUTCOMES, ("eligible",)),
        services=statistics.services_table(runs),
        costs=statistics.costs_table(runs, study.costs),
        cost_differences=pd.DataFrame(columns=["contrast", *statistics.COST_COLUMNS]),
        reach=statistics.reach_table(runs),
        **evaluation.evaluate(runs, study.costs, ("consequences", "pays")),
    )


def compared(study: Study, runs: Runs, lang: str, tables: Told | None = None) -> Compared:
    """Tables and what is told of the run, in a language.

    Parameters
    ----------
    study : two arms, first today's plan and then the planner's, and one contrast of the second against the first
    runs : of that study
    tables : from :func:`tables_of`, where they are made already
    """
    sides = {name: study.titles["arms"].get(name, {}).get(lang, name) for name in runs.arms}
    (name, arm, against), *_ = runs.contrasts
    title = say("figure.difference_title", lang, arm=sides[arm], against=sides[against])
    manifest = {
        "study_name": study.name,
        "titles": {**study.titles, "contrasts": {name: {lang: title}}},
        "arms": list(runs.arms),
        "contrasts": [{"name": name, "arm": arm, "against": against}],
        "horizon": runs.horizon,
        "study": study.resolved(),
    }
    told, shown, _ = titled(tables_of(study, runs) if tables is None else tables, manifest, None, lang)
    contrast = shown["contrasts"][0]
    return Compared(told, shown, contrast["against"], contrast["arm"])


def answer(study: Study, runs: Runs, lang: str, tables: Told | None = None, *, whole: bool = False) -> Answer:
    """What the runs say of the two plans; the parameters are those of :func:`compared`, and ``whole``: no more runs come."""
    draws = len(set(runs.draw.tolist()))
    return told(compared(study, runs, lang, tables), runs.replicate.size, draws, lang, whole=whole)


def told(of: Compared, replicates: int, draws: int, lang: str, *, whole: bool = False) -> Answer:
    """The same from tables that are made already, of so many replicates and draws."""
    differences = at_the_end(of)
    rows = tuple(_outcome(of, row, lang) for row in differences)
    return Answer(
        headline=headline(differences, of, lang, whole=whole),
        verdict=verdict(differences),
        rows=rows,
        outcomes=_outcomes(rows, of, lang),
        reached=tuple(_reached(of, lang)),
        reach=arms_section.arms_table(of.tables, of.manifest, lang),
        queues=tuple(_queues(of, lang)),
        waits=_waits(of, lang),
        costs=tuple(_costs(of, lang)),
        budget=tuple(_budget(of, lang)),
        replicates=replicates,
        draws=draws,
    )


def at_the_end(of: Compared) -> list[dict[str, Any]]:
    """The difference in each outcome after the last month; none where no such family is left then, or child.

    Of few draws nothing is told, even where the plans are alike in all of them: an answer that comes early may change, and
    must not have said that there is no difference.
    """
    last = of.tables.differences[of.tables.differences["month"] == of.months]
    found = at_horizon(last, of.contrast["name"], "eligible")
    unknown = {"ci_low": math.nan, "ci_high": math.nan}
    rows = [found[outcome] for outcome in OUTCOMES if outcome in found]
    return [row | unknown if float(row["draws"]) < words.FEWEST_DRAWS else row for row in rows]


# ---- what differs ----------------------------------------------------------------------------------------------------


def verdict(differences: list[dict[str, Any]]) -> str:
    """All outcomes in one word: the direction of those that are told apart, or why none is."""
    found = [words.verdict(row) for row in differences]
    told = [row for row, sure in zip(differences, found, strict=True) if sure in ("likely", "almost_certain")]
    ways = {float(row["mean"]) * words.BETTER[str(row["outcome"])] > 0.0 for row in told}
    if len(ways) > 1:
        return "mixed"
    if ways:
        return "better" if ways == {True} else "worse"
    if not found:
        return "nobody"
    return "few" if "few" in found else "same" if set(found) == {"zero"} else "cannot_tell"


def headline(differences: list[dict[str, Any]], of: Compared, lang: str, *, whole: bool = False) -> str:
    """One sentence about all outcomes, each with its certainty; what we cannot tell is said as fully as what differs."""
    if not differences:
        return say("lab_answer.nobody", lang, months=number(of.months, lang))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for sure in ORDER:
        for row in differences:
            if words.verdict(row) == sure:
                way = ("up" if float(row["mean"]) > 0 else "down") if sure in ("likely", "almost_certain") else ""
                groups.setdefault((sure, way), []).append(row)
    parts = []
    for (sure, way), rows in groups.items():
        told = {"direction": say(f"direction.{way}", lang)} if way else {}
        names = listed([outcome_name(str(row["outcome"]), lang) for row in rows], lang)
        draws = number(min(float(row["draws"]) for row in rows), lang)
        key = f"part_{sure}_in_all" if sure == "few" and whole else f"part_{sure}"
        parts.append(say(f"lab_answer.{key}", lang, names=names, draws=draws, arm=within(of.plan), **told))
    told = {"arm": within(of.plan), "against": within(of.today), "months": number(of.months, lang)}
    return say("lab_answer.headline", lang, parts=capital("; ".join(parts)), **told)


def within(title: str) -> str:
    """A plan's title within a sentence: ``din plan``."""
    return title[:1].lower() + title[1:]


def _outcome(of: Compared, row: Mapping[str, Any], lang: str) -> OutcomeRow:
    outcome, sure = str(row["outcome"]), words.verdict(row)
    levels = of.tables.outcomes
    levels = levels[(levels["outcome"] == outcome) & (levels["month"] == of.months)]
    value = dict(zip(levels["arm"], levels["mean"], strict=True))
    return OutcomeRow(
        outcome=outcome,
        name=capital(outcome_name(outcome, lang)),
        unit=words.unit(outcome, lang),
        today=_level(float(value[of.today]), outcome, lang),
        plan=_level(float(value[of.plan]), outcome, lang),
        difference=words.plain(float(row["mean"]), outcome, lang),
        interval=words.interval(float(row["p05"]), float(row["p95"]), outcome, lang),
        ends=words.plain_range(float(row["p05"]), float(row["p95"]), outcome, lang),
        probability="–" if sure == "few" else words.probability(row, lang),
        words=words.difference_short(row, lang),
        sentence=words.difference_sentence(row, of.plan, of.today, lang),
        verdict=words.verdict(row),
    )


def _level(value: float, outcome: str, lang: str) -> str:
    """A level, a share with a decimal, so that what the difference has can be seen."""
    return percent(value, lang, 1) if words.is_share(outcome) else words.plain(value, outcome, lang, signed=False)


def _outcomes(rows: tuple[OutcomeRow, ...], of: Compared, lang: str) -> Table:
    lines = [
        Row.of(
            Cell(row.name, row.unit), row.today, row.plan, Cell(row.difference, f"({row.ends})"), row.probability,
            capital(row.words),
        )
        for row in rows
    ]  # fmt: skip
    columns = (
        Column(say("report.outcome", lang)),
        *(Column(title, number=True) for title in (of.today, of.plan, say("lab_answer.difference", lang))),
        Column(say("report.prob_better", lang), number=True),
        Column(say("report.in_words", lang)),
    )
    caption = say("lab_answer.outcomes_caption", lang, months=number(of.months, lang))
    return Table(caption, columns, tuple(lines), "differences.csv")


# ---- who is reached, queues, costs -----------------------------------------------------------------------------------


def _reached(of: Compared, lang: str) -> list[str]:
    """How many families have had a coordinator, how closely, and whether places stood empty."""
    reach = {(r["arm"], r["measure"]): float(r["mean"]) for r in of.tables.reach.to_dict("records")}
    found = []
    for arm in (of.plan, of.today):
        hours = reach.get((arm, "contact_hours_per_family"))
        if hours is None:
            found.append(say("lab_answer.reached_none", lang, arm=arm))
            continue
        families = number(reach[arm, "families_ever_followed"], lang)
        told = {"arm": arm, "families": families, "months": number(of.months, lang), "hours": number(hours, lang, 1)}
        found.append(say("lab_answer.reached", lang, **told))
    return [*found, *arms_section.filling(of.tables.outcomes, of.manifest, lang)]


def _queues(of: Compared, lang: str) -> list[str]:
    """Where more is asked for than there are places, and the longest wait of each plan."""
    found = []
    for block in arms_section.overloaded(of.tables.services, of.manifest, lang):
        found.append(f"{block['sentence']} {'; '.join(block['items'])}.")
    if not found:
        found.append(say("lab_answer.no_queue", lang))
    waits = of.tables.outcomes[of.tables.outcomes["outcome"].isin(WAITS)]
    for arm in (of.plan, of.today):
        longest = waits[waits["arm"] == arm].nlargest(1, "mean").to_dict("records")
        for row in longest:
            service = say(f"service.{str(row['outcome']).removeprefix('wait_')}", lang)
            told = {"arm": arm, "service": service, "wait": number(float(row["mean"]), lang, 1)}
            found.append(say("lab_answer.longest_wait", lang, **told))
    return found


def _waits(of: Compared, lang: str) -> Table:
    """Waiting time of each service, and what is asked for against its places, today and with the plan."""
    outcomes, services = of.tables.outcomes, of.tables.services
    waits = outcomes[outcomes["outcome"].isin(WAITS)].to_dict("records")
    value = {(r["outcome"], r["arm"]): number(float(r["mean"]), lang, 1) for r in waits}
    rows = services[services["measure"] == "offered_load"].to_dict("records")
    value |= {(r["service"], r["arm"]): percent(float(r["mean"]), lang) for r in rows}
    arms, lines = (of.today, of.plan), []
    for name in SERVICES:
        cells = [value.get((key, arm), "–") for key in (f"wait_{name}", name) for arm in arms]
        if set(cells) != {"–"}:
            lines.append(Row.of(capital(say(f"service.{name}", lang)), *cells))
    columns = [Column(say("lab_answer.service", lang))]
    columns += [
        Column(say(f"lab_answer.{key}_of", lang, arm=arm), number=True) for key in ("wait", "load") for arm in arms
    ]
    caption = say("lab_answer.waits_caption", lang, months=number(of.months, lang))
    return Table(caption, tuple(columns), tuple(lines), "services.csv")


def _costs(of: Compared, lang: str) -> list[str]:
    """What coordinators cost, the municipality's net, and how probable it is that it pays: with enough draws for that."""
    consequences = of.tables.consequences
    few = len(consequences) == 0 or float(consequences["draws"].max()) < words.FEWEST_DRAWS
    tables = Told(**{**vars(of.tables), "pays": of.tables.pays.head(0)}) if few else of.tables
    return budget.cost_sentences(tables, of.contrast, of.manifest, lang)


def _budget(of: Compared, lang: str) -> list[Table]:
    consequences = of.tables.consequences
    costs = budget.consequences(
        consequences[consequences["kind"] == "cost"], of.contrast, number(of.months, lang), lang
    )
    items = budget.arms_table(of.tables.costs, (of.today, of.plan), lang)
    return [table for table in (costs, items) if table is not None]
