"""The report as a document that an applicant can attach: a page of answers, then what they rest on, from tables and manifest.

Every sentence is made from the figures, with the certainty they have (``results.words``). Nothing is recommended.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import pandas as pd

from results import arms_section, assumptions, budget, calibration_section, places, sensitivity_section, sources, words
from results.amounts import kroner, words_for
from results.blocks import Block, Box, Cell, Column, Document, Facts, Heading, Items, Row, Section, Shown, Table, Text
from results.incomes import shown
from results.language import capital, number, outcome_name, percent, say
from results.sensitivity_words import listed
from results.statistics import HEADLINES
from results.style import Picture
from results.titles import profile_title
from results.told import Told

MAIN_OUTCOMES: Final = (
    *("employed_share", "full_time_share", "earnings", "disposable_income"),
    *("low_income_share", "lasting_low_income_share", "children_in_low_income_share"),
    *("social_assistance_share", "social_assistance_amount", "entitled_not_claimed"),
    *("child_participation_share", "adequate_housing_share", "trust"),
)
POPULATIONS: Final = ("pool", "followed_in_both", "followed_in_one")  # beside the eligible, in an appendix
FEWER_OUTCOMES: Final = (*HEADLINES, "children_in_low_income_share", "social_assistance_share")
MODELS: Final = ("calibrated", "prior", "null")
MOST_ON_FIRST_PAGE: Final = 2  # contrasts told in sentences; the others stand in tables
SHARE_IN_WORK: Final = "employed_share"
CALIBRATION: Final = "calibration-"  # how names of figures of the fit begin

Manifest = Mapping[str, Any]
Line = dict[str, Any]
Pictures = Mapping[str, Picture]


def document(
    tables: Told,
    manifest: Manifest,
    pictures: Iterable[Picture],
    lang: str,
    analysis: sensitivity_section.Analysis | None = None,
) -> Document:
    """The whole report.

    Parameters
    ----------
    tables, manifest : with titles instead of names, from :func:`results.titles.titled`
    pictures : the figures that were drawn; each finds its place by its name
    analysis : a finished sensitivity analysis of the same study
    """
    told = _Told(tables, manifest, {picture.name: picture for picture in pictures}, lang, analysis)
    return Document(
        title=str(manifest.get("title", manifest["study_name"])),
        subtitle=say("report.subtitle", lang),
        lang=lang,
        opening=Section("short", say("report.short_heading", lang), tuple(told.opening())),
        sections=tuple(section for section in told.sections() if section.blocks),
    )


class _Told:
    """What every section reads."""

    def __init__(
        self,
        tables: Told,
        manifest: Manifest,
        pictures: Pictures,
        lang: str,
        analysis: sensitivity_section.Analysis | None,
    ) -> None:
        self.tables, self.manifest, self.pictures, self.lang, self.analysis = tables, manifest, pictures, lang, analysis
        self.say = partial(_say, lang)
        self.months = number(float(manifest["horizon"]), lang)
        contrasts = list(manifest["contrasts"])
        self.own = [c for c in contrasts if c.get("own", True)] or contrasts
        self.others = [c for c in contrasts if c not in self.own]
        self.done = len(tables.outcomes) > 0

    def sections(self) -> Iterator[Section]:
        """All but the first page."""
        for name, heading, made in (
            ("method", "document.method_heading", self.method),
            ("results", "document.results_heading", self.results),
            ("places", "places.heading", self.places),
            ("budget", "budget.heading", self.budget),
            ("sensitivity", "document.sensitivity_heading", self.sensitivity),
            ("unknown", "document.unknown_heading", self.unknown),
            ("assumptions", "document.assumptions_heading", self.assumptions),
            ("repeat", "report.repeat_heading", self.repeat),
            ("contrasts", "document.appendix_contrasts", self.more_contrasts),
            ("account", "document.appendix_budget", self.account),
            ("figures", "document.appendix_figures", self.more_figures),
            ("calibration", "document.appendix_fit", self.fit),
            ("drift", "document.appendix_drift", self.drift),
            ("sources", "document.appendix_sources", self.sources),
        ):
            yield Section(name, self.say(heading), tuple(made()))

    # ---- the first page ----------------------------------------------------------------------------------------------

    def opening(self) -> Iterator[Block]:
        """One page of answers."""
        manifest, lang = self.manifest, self.lang
        if manifest["failures"]:
            told = {"failed": len(manifest["failures"]), "replicates": manifest["replicates"]}
            told = {key: number(float(value), lang) for key, value in told.items()}
            yield Box("", (Text(self.say("report.failures", **told)),), warning=True)
        if not self.done:
            yield Box("", (Text(self.say("report.all_failed")),), warning=True)
            yield Text(self.say("document.advice_no_results"))
            return
        yield from self._not_as_it_stands()
        yield Text(self._compared())
        yield from places.opening(manifest, lang)
        if not manifest["contrasts"]:
            yield Text(self.say("report.short_no_contrast"))
        else:
            yield Text(self.say("report.short_intro", months=self.months))
            for contrast in self.own[:MOST_ON_FIRST_PAGE]:
                yield Box(str(contrast["name"]), (Items(tuple(self._answers(contrast))),))
            overview = self._overview([*self.own[MOST_ON_FIRST_PAGE:], *self.others])
            if overview is not None:
                yield overview
            yield Heading(self.say("document.advice_heading"))
            yield Text(self._advice())
        yield from self._holf()
        yield from self._beside()

    def _not_as_it_stands(self) -> Iterator[Block]:
        """That links are off or something was changed, before any answer."""
        if self.manifest.get("links") == "off":
            yield Box("", (Text(self.say("document.links_off")),), warning=True)
        elif found := assumptions.changes(self.manifest, self.lang):
            few = Items(tuple(found[:MOST_ON_FIRST_PAGE]))
            more = len(found) - MOST_ON_FIRST_PAGE
            rest = (Text(self.say("document.changed_more", more=number(more, self.lang))),) if more > 0 else ()
            yield Box(self.say("document.changed_box"), (few, *rest), warning=True)

    def _compared(self) -> str:
        families = _setting(self.manifest, "pool", "families")
        unknown = self.say("report.unknown")
        return self.say(
            "document.compared",
            families=unknown if families is None else number(float(families), self.lang),
            place=profile_title(self.manifest, self.lang) or unknown,
            months=self.months,
        )

    def _answers(self, contrast: Line) -> Iterator[str]:
        """A sentence for each headline outcome; those that we cannot tell, or that are the same, are told together."""
        rows = at_horizon(self.tables.differences, contrast["name"], "eligible")
        shown = [rows[outcome] for outcome in HEADLINES if outcome in rows]
        sides = {"arm": contrast["arm"], "against": contrast["against"]}
        for verdict in ("almost_certain", "likely", "unknown", "zero", "few"):
            alike = [row for row in shown if words.verdict(row) == verdict]
            if verdict in ("unknown", "zero") and len(alike) > 1:
                items = self._listed([self._named(row, spread=verdict == "unknown") for row in alike], verdict)
                yield capital(self.say(f"document.{verdict}_several", **sides, items=items))
            else:
                yield from (
                    words.difference_sentence(row, contrast["arm"], contrast["against"], self.lang) for row in alike
                )
        yield from budget.cost_sentences(self.tables, contrast, self.manifest, self.lang)

    def _named(self, row: Line, *, spread: bool) -> str:
        """An outcome, with the spread of its difference."""
        outcome = str(row["outcome"])
        name = words.definite(outcome, self.lang) if spread else outcome_name(outcome, self.lang)
        if not spread:
            return name
        ends = {
            key: words.plain(float(row[column]), outcome, self.lang) for key, column in _ENDS.items() if key != "mean"
        }
        return self.say("document.outcome_spread", outcome=name, **ends, unit=_short_unit(outcome, self.lang))

    def _listed(self, items: list[str], verdict: str) -> str:
        if verdict == "zero":
            return listed(items, self.lang)
        return self.say("document.or_list", first=", ".join(items[:-1]), last=items[-1])

    def _overview(self, contrasts: list[Line]) -> Table | None:
        """The headline outcomes of the other contrasts in few words, a contrast a row."""
        lines = []
        cost = budget.coordinator_costs(self.tables.costs)
        for contrast in contrasts:
            rows = at_horizon(self.tables.differences, contrast["name"], "eligible")
            cells = [_in_short(rows[outcome], self.lang) if outcome in rows else Cell("–") for outcome in HEADLINES]
            price = cost.get(contrast["arm"], math.nan) - cost.get(contrast["against"], math.nan)
            name = contrast["arm"] if len({c["against"] for c in contrasts}) == 1 else contrast["name"]
            lines.append(Row.of(capital(name), *cells, kroner(price, self.lang, signed=True)))
        if not lines:
            return None
        columns = (
            Column(self.say("document.contrast")),
            *(Column(self.say(f"panel.{outcome}_short")) for outcome in HEADLINES),
            Column(self.say("document.coordinators_column"), number=True),
        )
        sides = sorted({contrast["against"] for contrast in contrasts})
        told = {"against": sides[0]} if len(sides) == 1 else {}
        caption = self.say(f"document.{'against_one' if told else 'others'}_caption", **told, months=self.months)
        return Table(caption, columns, tuple(lines), "differences.csv")

    def _advice(self) -> str:
        """Why nothing is recommended: no difference was found, or we cannot tell, or it is for the reader to decide."""
        found = {
            words.verdict(rows[outcome])
            for contrast in self.manifest["contrasts"]
            if (rows := at_horizon(self.tables.differences, contrast["name"], "eligible"))
            for outcome in HEADLINES
            if outcome in rows
        }
        if found <= {"zero"}:
            cost = {arm: value for arm, value in budget.coordinator_costs(self.tables.costs).items() if value}
            prices = listed([f"{kroner(v, self.lang)} ({arm})" for arm, v in cost.items()], self.lang)
            return self.say("document.advice_nothing_found", cost=prices or kroner(0.0, self.lang), months=self.months)
        key = "advice_cannot_tell" if found <= {"zero", "few", "unknown"} else "advice_some"
        return self.say(f"document.{key}")

    def _holf(self) -> Iterator[Block]:
        """What HOLF found, and how the run relates to it."""
        yield Heading(self.say("document.holf_heading"))
        fit = calibration_section.fit_of(self.manifest)
        fitted = fit is not None and calibration_section.of_holf(fit.asked())
        off = self.manifest.get("links") == "off"
        relation = "off" if off else "fitted" if fitted else "prior"
        sentences = [self.say("document.holf_found"), self.say(f"document.holf_{relation}")]
        if fit is not None and calibration_section.of_another_version(fit, self.manifest):
            sentences.append(self.say("calibration.other_version"))
        parts: dict[str, list[str]] = {}
        settings = arms_section.arm_settings(self.manifest)
        for contrast in self.manifest["contrasts"]:
            rows = at_horizon(self.tables.differences, contrast["name"], "eligible")
            nobody = not settings.get(contrast["against"], {}).get("coordinators")
            if not off and SHARE_IN_WORK in rows and nobody and settings.get(contrast["arm"], {}).get("coordinators"):
                row = rows[SHARE_IN_WORK]
                ends = {k: words.plain(float(row[c]), SHARE_IN_WORK, self.lang) for k, c in _ENDS.items()}
                part = self.say("document.holf_part", arm=contrast["arm"], **ends)
                parts.setdefault(contrast["against"], []).append(part)
        for against, of in parts.items():
            sentences.append(self.say("document.holf_model", against=against, parts="; ".join(of)))
        yield Text(" ".join(sentences))

    def _beside(self) -> Iterator[Block]:
        """The answer under the study's parameters, the prior's and with all links off."""
        table = self.tables.beside
        value = {(str(r["model"]), str(r["contrast"]), str(r["outcome"])): r for r in budget.records(table)}
        models = [model for model in MODELS if any(key[0] == model for key in value)]
        lines: list[Row] = []
        for contrast in self.own:
            if not any(key[1] == contrast["name"] for key in value):
                continue
            lines.append(Row.of(str(contrast["name"]), role="group"))
            for outcome in HEADLINES:
                rows = [value.get((model, contrast["name"], outcome)) for model in models]
                cells = [Cell("–") if row is None else _mean_and_spread(row, self.lang) for row in rows]
                name = Cell(capital(outcome_name(outcome, self.lang)), words.unit(outcome, self.lang))
                if any(row is not None for row in rows):
                    lines.append(Row.of(name, *cells))
        if lines:
            columns = [Column(self.say("report.outcome"))]
            columns += [Column(self.say(f"document.model_{model}"), number=True) for model in models]
            yield Heading(self.say("document.beside_heading"))
            yield Text(self.say("document.beside_intro" if len(models) > 1 else "document.beside_alone"))
            caption = self.say("document.beside_caption", months=self.months)
            yield Table(caption, tuple(columns), tuple(lines), "beside.csv")

    # ---- method and results ------------------------------------------------------------------------------------------

    def method(self) -> Iterator[Block]:
        """How it was computed, and what was compared."""
        manifest, lang = self.manifest, self.lang
        families = _setting(manifest, "pool", "families")
        unknown = self.say("report.unknown")
        yield Text(self.say("document.method_model"))
        yield Text(
            self.say(
                "report.arms_intro",
                families=unknown if families is None else number(float(families), lang),
                profile=profile_title(manifest, lang) or unknown,
                months=self.months,
                replicates=number(float(manifest.get("replicates_done") or manifest["replicates"]), lang),
                draws=number(float(manifest.get("draws") or math.nan), lang),
            )
        )
        yield Text(self.say("document.method_who"))
        yield Text(self.say("document.method_uncertainty"))
        sure = {"likely": percent(words.LIKELY, lang), "certain": percent(words.ALMOST_CERTAIN, lang)}
        yield Text(self.say("document.how_sure", **sure))
        rates = [assumptions.rate(manifest, name) for name in ("discount", "marginal_cost_of_public_funds")]
        if all(map(math.isfinite, rates)):
            discount, funds = (percent(rate, lang) for rate in rates)
            told = {"prices": str(manifest.get("prices", "2025")), "discount": discount, "funds": funds}
            yield Text(self.say("document.method_costs", **told))
        yield Heading(self.say("report.arms_heading"))
        yield from arms_section.blocks(self.tables, manifest, lang)
        yield from self._figures("reach-intensity")

    def results(self) -> Iterator[Block]:
        """Differences of the study's own contrasts, figures, and for whom."""
        if not self.done:
            return
        yield from self._figures("headline")
        if self.own:
            yield Heading(self.say("report.differences_heading", months=self.months))
            yield Text(self.say("report.differences_intro"))
        for contrast in self.own:
            yield from self._difference_table(contrast, ("eligible",))
            yield from self._figures(*self._names_of(contrast))
        tables = [table for contrast in self.own if (table := self._distribution(contrast)) is not None]
        if tables:
            yield Heading(self.say("document.distribution_heading"))
            yield Text(self.say("document.distribution_intro"))
            yield from tables

    def places(self) -> Iterator[Block]:
        """Each place of a study over many."""
        yield from places.blocks(self.tables.places, self.manifest, self.own, self.lang)

    def _names_of(self, contrast: Line) -> list[str]:
        place = self.manifest["contrasts"].index(contrast) + 1
        return [name for name in self.pictures if name.startswith(f"differences-{place}-")]

    def _figures(self, *names: str) -> Iterator[Block]:
        for name in names:
            if name in self.pictures:
                yield Shown(self.pictures[name])

    def _difference_table(
        self, contrast: Line, populations: tuple[str, ...], outcomes: tuple[str, ...] = MAIN_OUTCOMES
    ) -> Iterator[Block]:
        lines: list[Row] = []
        for population in populations:
            rows = at_horizon(self.tables.differences, contrast["name"], population)
            shown = [_difference(rows[outcome], self.lang) for outcome in outcomes if outcome in rows]
            if shown:
                lines += [Row.of(capital(self.say(f"population.{population}")), role="group"), *shown]
        if lines:
            columns = (Column(self.say("report.outcome")), *budget.difference_columns(self.lang))
            key = "document.differences_caption" if populations == ("eligible",) else "caption.other_families"
            caption = self.say(key, name=_full_name(contrast, self.lang), months=self.months)
            yield Table(caption, columns, tuple(lines), "differences.csv")

    def _distribution(self, contrast: Line) -> Table | None:
        rows = budget.records(self.tables.distribution, contrast=contrast["name"])
        lines: list[Row] = []
        for outcome in HEADLINES:
            ours = [row for row in rows if row["outcome"] == outcome]
            if ours:
                name = Cell(capital(outcome_name(outcome, self.lang)), words.unit(outcome, self.lang))
                lines.append(Row.of(name, role="group"))
            for row in ours:
                families = self.say("document.families_in", families=number(float(row["families"]), self.lang))
                head = Cell(capital(words_for("member", str(row["member"]), self.lang)), families)
                lines.append(_difference(row, self.lang, head))
        if not lines:
            return None
        columns = (Column(say("report.population", self.lang)), *budget.difference_columns(self.lang))
        caption = self.say("document.distribution_caption", name=_full_name(contrast, self.lang))
        return Table(caption, columns, tuple(lines), "distribution.csv")

    # ---- budget, sensitivity, assumptions ----------------------------------------------------------------------------

    def budget(self) -> Iterator[Block]:
        """Costs and what they give."""
        found = list(budget.blocks(self.tables, self.own, self.manifest, self.pictures, self.lang))
        if found:
            prices = str(self.manifest.get("prices", "2025"))
            yield Text(self.say("budget.intro", months=self.months, prices=prices))
            yield Text(self.say("budget.grade_d"))
            yield from found

    def sensitivity(self) -> Iterator[Block]:
        """What the answer depends on."""
        names = {str(c.get("id", c["name"])): str(c["name"]) for c in self.manifest["contrasts"]}
        shown = next((p for name, p in self.pictures.items() if name.startswith("sensitivity-")), None)
        yield from sensitivity_section.blocks(self.analysis, self.manifest, names, shown, self.lang)

    def unknown(self) -> Iterator[Block]:
        """What the model does not know, and what the report is not for."""
        told = [self.say(f"document.unknown_{key}") for key in ("choice", "dose", "local")]
        told.append(self.say("document.unknown_after", months=self.months))
        told.append(self.say("document.unknown_left_out"))
        told += self._levels_unlike_published()
        names = assumptions.silent_names(self.manifest, self.lang)
        if names:
            told.append(self.say("document.unknown_silent", names=", ".join(names)))
        yield Items(tuple(told))
        yield Heading(self.say("report.trust_heading"))
        yield Items(tuple(self._caveats()))

    def _levels_unlike_published(self) -> list[str]:
        """What families without a coordinator have that is not as published: money rests on these levels."""
        parts = []
        for row in budget.records(self.tables.incomes):
            if math.isfinite(float(row["observed"])) and not row["low"] <= row["observed"] <= row["high"]:
                texts = [shown(float(row[key]), str(row["unit"]), self.lang) for key in ("value", "observed")]
                told = {"name": self.say(f"incomes.{row['name']}"), "simulated": texts[0], "published": texts[1]}
                note = [self.say("document.unknown_paid")] if row["name"] == "assistance_paid" else []
                parts.append(" ".join([self.say("document.unknown_level", **told), *note]))
        return [self.say("document.unknown_levels", items="; ".join(parts))] if parts else []

    def _caveats(self) -> list[str]:
        """What a reader must know before using a number, the most important first."""
        posterior = str(self.manifest.get("posterior", "prior"))
        found = [self.say("report.trust_prior")] if posterior == "prior" else []
        if posterior != "prior":
            found.append(self.say("report.trust_posterior", posterior=posterior))
        if self.manifest.get("links") == "off":
            found.append(self.say("report.trust_links_off"))
        if _setting(self.manifest, "profile", "ranks"):
            found.append(self.say("profile.not_data"))
        return [*found, *(self.say(f"report.trust_{key}") for key in ("holf", "before_after", "not_for"))]

    def assumptions(self) -> Iterator[Block]:
        """Links, parameters and unit costs with grades."""
        yield from assumptions.blocks(self.manifest, sensitivity_section.matter(self.analysis), self.lang)

    def repeat(self) -> Iterator[Block]:
        """The command, seed and versions, and what was changed."""
        yield Text(self.say("document.repeat_intro"))
        yield Facts(tuple(_repeat(self.manifest, self.lang)), code=True)
        yield Heading(self.say("document.changed_heading"))
        yield assumptions.changed(self.manifest, self.lang)
        yield Text(self.say("document.trace"), small=True)

    # ---- appendices --------------------------------------------------------------------------------------------------

    def more_contrasts(self) -> Iterator[Block]:
        """The other contrasts, and the other populations of all."""
        if not self.done:
            return
        for contrast in self.others:
            yield from self._difference_table(contrast, ("eligible",))
            yield from self._figures(*self._names_of(contrast))
        for contrast in self.own:
            yield from self._difference_table(contrast, POPULATIONS, FEWER_OUTCOMES)
        yield from budget.more(self.tables, self.others, self.manifest, self.lang)

    def account(self) -> Iterator[Block]:
        """The account of the study's own contrasts."""
        for contrast in self.own:
            table = budget.account(self.tables.cost_differences, contrast, self.lang)
            if table is not None:
                yield table

    def more_figures(self) -> Iterator[Block]:
        """The figures that stand nowhere else."""
        yield from self._figures("income-sources", "services", "incomes", "two-lives")

    def fit(self) -> Iterator[Block]:
        """What the model was fitted to."""
        yield from calibration_section.blocks(self.manifest, self.lang)
        if calibration_section.fit_of(self.manifest) is not None:
            yield from self._figures(*(name for name in self.pictures if name.startswith(CALIBRATION)))

    def sources(self) -> Iterator[Block]:
        """The documents behind the keys of sources."""
        keys = assumptions.cited(self.manifest, sensitivity_section.matter(self.analysis))
        fit = calibration_section.fit_of(self.manifest)
        found = sources.table(keys | (set() if fit is None else set(fit.asked()["source"].astype(str))), self.lang)
        if found is not None:
            yield found

    def drift(self) -> Iterator[Block]:
        """How the pool changes by itself."""
        rows = {str(row["outcome"]): row for row in self.tables.drift.to_dict("records")}
        if not rows:
            yield Text(self.say("report.drift_none"))
            return
        yield Text(self.say("report.drift_intro"))
        lines = [
            Row.of(
                Cell(capital(outcome_name(outcome, self.lang)), words.unit(outcome, self.lang)),
                words.plain(float(rows[outcome]["mean"]), outcome, self.lang),
                _range(rows[outcome], "p05", "p95", self.lang),
            )
            for outcome in MAIN_OUTCOMES
            if outcome in rows
        ]
        columns = (
            Column(self.say("report.outcome")),
            Column(self.say("report.drift_change"), number=True),
            Column(self.say("report.runs90"), number=True),
        )
        yield Table(self.say("report.drift_heading"), columns, tuple(lines), "drift.csv")


# ---- small things ----------------------------------------------------------------------------------------------------

_ENDS: Final = {"mean": "mean", "low": "p05", "high": "p95"}


def _say(lang: str, key: str, **values: Any) -> str:
    return say(key, lang, **values)


def _setting(manifest: Manifest, section: str, key: str) -> Any:
    part = manifest["study"].get(section, {})
    return part.get(key) if isinstance(part, Mapping) else None


def at_horizon(table: pd.DataFrame, contrast: str, population: str) -> dict[str, Line]:
    """Each outcome of a contrast at the horizon, by outcome: none of a population of which nobody is left by then."""
    at_end = table[table.month == table.month.max()]  # the pool is never empty
    last = at_end[(at_end.contrast == contrast) & (at_end.population == population)]
    return {str(row["outcome"]): {str(k): v for k, v in row.items()} for row in last.to_dict("records")}


def _full_name(contrast: Line, lang: str) -> str:
    """A contrast with the arms it holds against each other, where its name does not say them."""
    sides = say("figure.difference_title", lang, arm=contrast["arm"], against=contrast["against"])
    return capital(sides if contrast["name"] == sides else f"{contrast['name']} ({sides})")


def _short_unit(outcome: str, lang: str) -> str:
    """The unit of a difference, without whose it is."""
    return words.unit(outcome, lang) if words.is_share(outcome) else say("document.nok_month", lang)


def _in_short(row: Mapping[str, Any], lang: str) -> Cell:
    """Words, and the mean where they say that there is something."""
    outcome = str(row["outcome"])
    unit = _short_unit(outcome, lang)
    size = words.plain(float(row["mean"]), outcome, lang)
    sure = words.verdict(row) in ("likely", "almost_certain")
    return Cell(words.difference_short(row, lang), f"({size} {unit})" if sure else "")


def _mean_and_spread(row: Mapping[str, Any], lang: str) -> Cell:
    return Cell(words.plain(float(row["mean"]), str(row["outcome"]), lang), f"({_range(row, 'p05', 'p95', lang)})")


def _difference(row: Line, lang: str, head: Cell | None = None) -> Row:
    """A row of the tables of differences; ``head`` instead of the outcome's name."""
    outcome = str(row["outcome"])
    ci = f"({_range(row, 'ci_low', 'ci_high', lang)})" if math.isfinite(float(row["ci_low"])) else ""
    name = head or Cell(capital(outcome_name(outcome, lang)), words.unit(outcome, lang))
    return Row.of(
        name,
        Cell(words.plain(float(row["mean"]), outcome, lang), ci),
        _range(row, "p05", "p95", lang),
        words.probability(row, lang),
        words.difference_short(row, lang),
    )


def _range(row: Mapping[Any, Any], low: str, high: str, lang: str) -> str:
    """Two ends of an interval of an outcome."""
    return words.plain_range(float(row[low]), float(row[high]), str(row["outcome"]), lang)


def _repeat(manifest: Manifest, lang: str) -> list[tuple[str, str]]:
    """The facts that are needed to repeat the run: heading and value."""
    unknown = say("report.unknown", lang)
    commit = str(manifest.get("git_commit") or unknown)
    if manifest.get("git_modified"):
        commit += f" ({say('report.repeat_modified', lang)})"
    packages = {"Python": manifest.get("python"), **(manifest.get("packages") or {})}
    seconds = number(float(manifest.get("wall_seconds", math.nan)), lang, 1)
    lines = [
        ("command", str(manifest.get("command", unknown))),
        ("seed", str(manifest["seed"])),
        ("version", str(manifest["version"])),
        ("commit", commit),
        ("source", str(manifest.get("source_hash", unknown))),
        ("draws", str(manifest.get("parameter_draws") or unknown)),
        ("packages", ", ".join(f"{name} {version}" for name, version in packages.items() if version)),
        ("time", say("report.repeat_seconds", lang, seconds=seconds)),
    ]
    return [(say(f"report.repeat_{key}", lang), value) for key, value in lines]
