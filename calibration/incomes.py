"""``run.py incomes``: what families of each kind have, and what is published of it.

The families of a study under ordinary follow-up are read over the first year after the burn-in. A family counts where it
stays in the pool all year; its kind is that of the last month. Nothing is fitted here: published figures stand beside
the simulated ones, and where they are of other people or another year, the page says so.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scenarios.options import add_options, path, whole_number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from scenarios.progress import Progress
    from scenarios.study import Study
    from simulation.parallel import Workers

    FloatArray = npt.NDArray[np.float64]

EVIDENCE: Final = Path(__file__).with_name("evidence")
MONTHS: Final = 12
REPLICATES: Final = 100
KINDS: Final = ("lone_1", "lone_2", "lone_3", "couple_1", "couple_2", "couple_3")  # 3: three children or more
INCOMES: Final = (
    *("wages", "own_benefits", "child_benefit", "cash_for_care", "childcare_support", "child_support"),
    *("advance_child_support", "housing_allowance", "social_assistance"),
)
OUTGOINGS: Final = ("tax", "kindergarten_fee", "sfo_fee")
SPREAD: Final = {"p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90}
LOW: Final = ("low_income_now", "low_income_year", "lasting_low_income")


# Who has social assistance, and for how long, is counted by the statistics that profiles are held against.
RECEIPT: Final = (
    *("assistance_months_lone", "assistance_months_couples", "assistance_whole_year_share"),
    *("assistance_two_months_share", "assistance_exit_lone", "assistance_exit_couples"),
)


# ---- a year of every family -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A year of the families of one municipality, or of several together."""

    years: pd.DataFrame
    """:func:`household_years`"""
    units: Mapping[str, FloatArray]
    """by statistic of ``calibration.statistics`` (``RECEIPT``): a number for each unit"""


def household_years(history: npt.NDArray[Any], caps: FloatArray) -> pd.DataFrame:
    """A row for each family that stays all year, amounts NOK a month.

    Parameters
    ----------
    history : (12, families) FAMILY records, month by month
    caps : (5,) caps on approved housing cost, NOK a year, for 1 to 5 persons
    """
    import numpy as np
    import pandas as pd

    stays = (history["generation"] == history["generation"][0]).all(axis=0)
    year = history[:, stays]
    last = year[-1]
    children = ((last["child"]["present"] == 1) & (last["child"]["age"] < 216)).sum(axis=1)
    adults = last["parent"]["present"].sum(axis=1)
    paid, allowance = year["social_assistance"], year["housing_allowance"]
    with_allowance = allowance > 0.0
    persons = np.minimum(adults + children, len(caps))
    columns = {name: year[name].mean(axis=0) for name in (*INCOMES, *OUTGOINGS, "disposable", "equivalised")}
    return pd.DataFrame(
        {
            **columns,
            "before_fees": columns["disposable"] + columns["kindergarten_fee"] + columns["sfo_fee"],
            "adults": adults,
            "children": children,
            "assistance_months": last["assistance_12"],
            "assistance_paid": paid.sum(axis=0),
            "assistance_needs": np.where(paid > 0.0, year["needs"], 0.0).sum(axis=0),
            "assistance_child_benefit": np.where(paid > 0.0, year["child_benefit"], 0.0).sum(axis=0),
            "allowance_months": with_allowance.sum(axis=0),
            "allowance_paid": allowance.sum(axis=0),
            "allowance_cost": np.where(with_allowance, year["rent"], 0.0).sum(axis=0),
            "allowance_income": np.where(with_allowance, year["wages"] + year["own_benefits"], 0.0).sum(axis=0),
            "allowance_over_cap": np.where(with_allowance, 12.0 * year["rent"] > caps[persons - 1], False).sum(axis=0),
            "not_claimed": year["entitled_not_claimed"].mean(axis=0),
            "low_income_now": last["low_income_now"],
            "low_income_year": last["low_income_bits"] & 1,
            "lasting_low_income": last["lasting_low_income"],
        }
    )


def sample_of(history: npt.NDArray[Any], caps: FloatArray) -> Sample:
    """A year of one municipality; parameters as of :func:`household_years`."""
    from calibration.groups import chosen
    from calibration.register import register_of
    from calibration.statistics import find_statistic

    now = register_of(history[-1:])
    everybody = chosen(now, "pool")
    units = {name: find_statistic(name).values(now, everybody) for name in RECEIPT}
    return Sample(household_years(history, caps), units)


def join(samples: Sequence[Sample]) -> Sample:
    """Several municipalities as one."""
    import numpy as np
    import pandas as pd

    years = pd.concat([sample.years for sample in samples], ignore_index=True)
    return Sample(years, {name: np.concatenate([s.units[name] for s in samples]) for name in RECEIPT})


def kind_of(years: pd.DataFrame) -> pd.Series[Any]:
    """``lone_1`` .. ``couple_3``; families whose children have all turned 18 have left the pool."""
    adults = years["adults"].map({1: "lone_", 2: "couple_"})
    return adults + years["children"].clip(1, 3).astype(str)


# ---- what is published ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistic:
    """A simulated figure with the evidence row it stands beside."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    published: Mapping[str, str]
    """year of prices -> id in ``evidence/norway.csv``; only rows in the prices of that year, or without prices"""
    factor: float = 1.0
    """evidence states percentages; here are shares"""


def _recipients(years: pd.DataFrame) -> pd.DataFrame:
    return years[years["assistance_months"] > 0]


def _receipt(name: str) -> Callable[[Sample], float]:
    def of(sample: Sample) -> float:
        from calibration.statistics import find_statistic, summarise

        return summarise(sample.units[name], find_statistic(name).summary)

    return of


def _per_month(total: str, months: str) -> Callable[[Sample], float]:
    return lambda sample: _ratio(sample.years[total].sum(), sample.years[months].sum())


def _lone_share(sources: Sequence[str]) -> Callable[[Sample], float]:
    """Of the gross income of lone parents in low income."""

    def of(sample: Sample) -> float:
        years = sample.years
        poor = years[(years["adults"] == 1) & (years["low_income_year"] == 1)]
        return _ratio(poor[list(sources)].to_numpy().sum(), poor[list(INCOMES)].to_numpy().sum())

    return of


def _ratio(above: float, below: float) -> float:
    return float(above) / float(below) if below > 0.0 else float("nan")


def _every_year(row: str) -> dict[str, str]:
    return {"2017": row, "2025": row}


TRANSFERS: Final = tuple(name for name in INCOMES if name not in ("wages", "child_support"))
STATISTICS: Final = (
    Statistic(
        "assistance_months_lone",
        "months in the year",
        _receipt("assistance_months_lone"),
        {"2017": "sa-mean-months-lone-parents-2017", "2025": "sa-mean-months-lone-parents-2019"},
    ),
    Statistic(
        "assistance_months_couple",
        "months in the year",
        _receipt("assistance_months_couples"),
        {"2017": "sa-mean-months-couples-children-2017", "2025": "sa-mean-months-couples-children-2019"},
    ),
    Statistic(
        "assistance_all_year",
        "share of recipients",
        _receipt("assistance_whole_year_share"),
        _every_year("sa-all-year-2019"),
        0.01,
    ),
    Statistic(
        "assistance_two_months",
        "share of recipients",
        _receipt("assistance_two_months_share"),
        _every_year("sa-two-months-2019"),
        0.01,
    ),
    Statistic(
        "assistance_exit_lone",
        "share a month",
        _receipt("assistance_exit_lone"),
        _every_year("sa-monthly-exit-lone-parents"),
        0.01,
    ),
    Statistic(
        "assistance_exit_couple",
        "share a month",
        _receipt("assistance_exit_couples"),
        _every_year("sa-monthly-exit-couples-children"),
        0.01,
    ),
    Statistic(
        "assistance_paid",
        "NOK a month with payment",
        _per_month("assistance_paid", "assistance_months"),
        {"2017": "sa-payout-month-2017", "2025": "sa-payout-month-2019-in-2025-prices"},
    ),
    Statistic(
        "housing_allowance",
        "NOK a month with payment",
        _per_month("allowance_paid", "allowance_months"),
        {"2025": "housing-allowance-mean-2025"},
    ),
    Statistic(
        "housing_allowance_cost",
        "NOK a month",
        _per_month("allowance_cost", "allowance_months"),
        {"2025": "housing-allowance-mean-cost-2025"},
    ),
    Statistic(
        "housing_allowance_income",
        "NOK a month",
        _per_month("allowance_income", "allowance_months"),
        {"2025": "housing-allowance-mean-income-2025"},
    ),
    Statistic(
        "housing_allowance_over_cap",
        "share of recipients",
        _per_month("allowance_over_cap", "allowance_months"),
        {"2025": "housing-allowance-over-cap-2025"},
        0.01,
    ),
    Statistic(
        "lone_low_income_wages",
        "share of gross income",
        _lone_share(("wages",)),
        _every_year("lowinc-lone-earnings-2016"),
        0.01,
    ),
    Statistic(
        "lone_low_income_transfers",
        "share of gross income",
        _lone_share(TRANSFERS),
        _every_year("lowinc-lone-transfers-2016"),
        0.01,
    ),
)


@cache
def evidence() -> dict[str, dict[str, str]]:
    """The rows of ``evidence/norway.csv`` by their id."""
    with (EVIDENCE / "norway.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


# ---- many municipalities --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Incomes:
    """A year of all families of a study's ordinary arm, over replicates."""

    study: str
    seed: int
    prices: str
    posterior: str
    replicates: int
    source_hash: str
    line: float
    """EU60 for one consumption unit, NOK a month"""
    samples: Sequence[Sample]
    """of each replicate"""

    @cached_property
    def together(self) -> Sample:
        """All replicates as one."""
        return join(self.samples)

    @cached_property
    def years(self) -> pd.DataFrame:
        """:func:`household_years` of all replicates, with ``kind``."""
        return self.together.years.assign(kind=kind_of(self.together.years))

    def by_household(self) -> pd.DataFrame:
        """A row for each kind of household: how many, disposable income (NOK a month), low income, what is received."""
        import pandas as pd

        rows = []
        for kind in KINDS:
            years = self.years[self.years["kind"] == kind]
            if not len(years):
                continue
            recipients = _recipients(years)
            rows.append(
                {
                    "household": kind,
                    "share": len(years) / len(self.years),
                    **{name: float(years["disposable"].quantile(q)) for name, q in SPREAD.items()},
                    "mean": float(years["disposable"].mean()),
                    "line": self.line * _ratio(years["before_fees"].sum(), years["equivalised"].sum()),
                    **{name: float(years[name].mean()) for name in LOW},
                    "assistance_share": len(recipients) / len(years),
                    "assistance_months": float(recipients["assistance_months"].mean()),
                    "assistance_paid": _ratio(
                        recipients["assistance_paid"].sum(), recipients["assistance_months"].sum()
                    ),
                    "allowance_share": float((years["allowance_months"] > 0).mean()),
                    "allowance_paid": _ratio(years["allowance_paid"].sum(), years["allowance_months"].sum()),
                    "not_claimed": float(years["not_claimed"].mean()),
                    "families": len(years),
                }
            )
        return pd.DataFrame(rows)

    def comparison(self) -> pd.DataFrame:
        """A row for each statistic: simulated over all replicates, the middle 90 % of them, and what is published."""
        import numpy as np
        import pandas as pd

        rows = []
        for statistic in STATISTICS:
            each = np.array([statistic.of(sample) for sample in self.samples])
            each = each[np.isfinite(each)]  # a group without recipients says nothing
            low, high = np.quantile(each, (0.05, 0.95)) if len(each) else (np.nan, np.nan)
            source = statistic.published.get(self.prices)
            rows.append(
                {
                    "name": statistic.name,
                    "unit": statistic.unit,
                    "value": statistic.of(self.together),
                    "low": float(low),
                    "high": float(high),
                    "observed": np.nan if source is None else statistic.factor * float(evidence()[source]["value"]),
                    "source": source or "",
                    "replicates": len(self.samples),
                }
            )
        return pd.DataFrame(rows)


def incomes(
    study: Study, *, replicates: int = REPLICATES, workers: Workers = None, step: Progress | None = None
) -> Incomes:
    """Run the study's families under ordinary follow-up through the first year after the burn-in, and read it.

    Parameters
    ----------
    study : its profile, pool, prices, posterior, seed and parameters
    replicates : municipalities, two to a draw of parameters
    workers : threads; all cores by default
    """
    from scenarios.trajectory import without_coordinator
    from simulation.compiled import SOURCE_HASH
    from simulation.engine import run_replicate
    from simulation.parallel import run_tasks
    from simulation.rates import profile_rates

    plan = without_coordinator(study, study.arms[0])
    rates = profile_rates(plan.prices, plan.profile)[0]

    def one(replicate: int) -> Sample:
        history = run_replicate(plan, seed=study.seed, replicate=replicate, months=MONTHS, history=True).history
        assert history is not None
        return sample_of(history[1:], rates["housing_cap"])

    found: list[Sample | None] = [None] * replicates
    for done, (replicate, sample) in enumerate(
        run_tasks(one, range(replicates), workers, posterior=plan.posterior), start=1
    ):
        found[replicate] = sample
        if step is not None:
            step(done, replicates)
    return Incomes(
        study=study.name,
        seed=study.seed,
        prices=plan.prices,
        posterior=plan.posterior,
        replicates=replicates,
        source_hash=SOURCE_HASH,
        line=float(rates["low_income_line"]) / MONTHS,
        samples=[sample for sample in found if sample is not None],
    )


# ---- telling --------------------------------------------------------------------------------------------------------


def explained(result: Incomes) -> dict[str, float]:
    """What lies between the simulated payout and the published one: numbers for the page, NOK a month or shares.

    The published payout is of all recipients, most of whom live alone; the simulated one is of families with children,
    and child benefit is not taken off it any more. As a share of needs the two can be compared.
    """
    from simulation.rates import load_rates

    months = result.years["assistance_months"].sum()
    paid, needs, benefit = (
        result.years[f"assistance_{name}"].sum() / months for name in ("paid", "needs", "child_benefit")
    )
    found = {"paid": paid, "needs": needs, "of_needs": paid / needs, "child_benefit": benefit}
    found["paid_with_child_benefit_counted"] = paid if result.prices == "2017" else paid - benefit
    rent = evidence().get(f"rent-norway-1-rooms-{result.prices}")
    published = float(result.comparison().set_index("name")["observed"]["assistance_paid"])
    if rent is not None:
        rates = load_rates(result.prices)[0]
        alone = float(rates["norm_lone"]) + float(rates["power"]) + float(rent["value"])
        found |= {"needs_alone": alone, "published": published, "published_of_needs_alone": published / alone}
    return found


def markdown(result: Incomes, command: str) -> str:
    """Two tables, the arithmetic between payouts, and a line on where the figures come from."""
    from results.incomes import rows_of, shown
    from results.language import number, percent, say

    drawn = {"prior": "the priors", "default": "nothing: defaults"}.get(
        result.posterior, f"`{Path(result.posterior).stem}`"
    )
    lines = [
        f"*Made by `{command}`: study `{result.study}`, ordinary follow-up, rates of {result.prices}, parameters drawn "
        f"from {drawn}, seed {result.seed}, {result.replicates} replicates ({(result.replicates + 1) // 2} draws), "
        f"{len(result.years):,} families that stayed all year; model sources `{result.source_hash[:12]}`.*",
        "",
        "**Simulated beside published.** In brackets, the middle 90 % of the replicates, each a municipality with "
        "parameters of its own draw.",
        "",
        "| | simulated | published | row of the evidence |",
        "|---|---:|---:|---|",
    ]
    for row in rows_of(result.comparison()):
        value, low, high, observed = (
            shown(amount, row.unit, "en") for amount in (row.value, row.low, row.high, row.observed)
        )
        source = f"`{row.source}`" if row.source else ""
        lines.append(f"| {say(f'incomes.{row.name}', 'en')} | {value} [{low}, {high}] | {observed} | {source} |")
    found = explained(result)
    lines += [
        "",
        f"A month with payment: needs of the family NOK {found['needs']:,.0f}, paid {found['paid']:,.0f}, which is "
        f"{found['of_needs']:.0%} of the needs. Child benefit of these families: NOK {found['child_benefit']:,.0f}; were it "
        f"counted, as it was until August 2022, about {found['paid_with_child_benefit_counted']:,.0f} would be paid.",
    ]
    if "needs_alone" in found:
        lines[-1] += (
            f" One who lives alone in one room has needs of NOK {found['needs_alone']:,.0f} by the same rules; the published "
            f"payout of {found['published']:,.0f} is {found['published_of_needs_alone']:.0%} of that."
        )
    lines += [
        "",
        "**By household.** Disposable income, NOK a month, mean of the year: percentiles; then shares of families.",
        "",
        "| household | share | 10 % | 25 % | median | 75 % | 90 % | low income this month | over 12 months "
        "| over 36 months | on social assistance in the year | months of it | paid a month "
        "| on housing allowance | paid a month | left on the table a month |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows_of(result.by_household()):
        cells = [
            say(f"household.{row.household}", "en"),
            percent(row.share, "en"),
            *(number(getattr(row, name), "en") for name in SPREAD),
            *(percent(getattr(row, name), "en") for name in LOW),
            percent(row.assistance_share, "en"),
            number(row.assistance_months, "en", 1),
            number(row.assistance_paid, "en"),
            percent(row.allowance_share, "en"),
            number(row.allowance_paid, "en"),
            number(row.not_claimed, "en"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def text(result: Incomes, lang: str) -> str:
    """The comparison and the households for a terminal."""
    from results.incomes import rows_of, shown
    from results.language import number, percent, say

    lines = [say("incomes.title", lang, year=result.prices), ""]
    rows = [["", *(say(f"incomes.column_{name}", lang) for name in ("simulated", "middle", "published"))]]
    for row in rows_of(result.comparison()):
        value, low, high, observed = (
            shown(amount, row.unit, lang) for amount in (row.value, row.low, row.high, row.observed)
        )
        rows.append([say(f"incomes.{row.name}", lang), value, f"{low} \N{EN DASH} {high}", observed])
    lines += _aligned(rows)
    rows = [["", "10 %", "50 %", "90 %", *(say(f"incomes.column_{name}", lang) for name in ("lasting", "left"))]]
    for row in rows_of(result.by_household()):
        amounts = [number(getattr(row, name), lang) for name in ("p10", "p50", "p90")]
        rows.append(
            [
                say(f"household.{row.household}", lang),
                *amounts,
                percent(row.lasting_low_income, lang),
                number(row.not_claimed, lang),
            ]
        )
    return "\n".join([*lines, "", say("incomes.distribution", lang), *_aligned(rows)])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def records(result: Incomes) -> list[dict[str, Any]]:
    """``name``, ``value``, ``low``, ``high``, ``observed``, ``unit``; then every kind of household."""
    import math

    found = [
        {
            str(key): value
            for key, value in row.items()
            if key not in ("source", "replicates") and not (isinstance(value, float) and math.isnan(value))
        }
        for row in result.comparison().to_dict("records")
    ]
    for kind, row in result.by_household().set_index("household").to_dict("index").items():
        for name, value in ((str(name), value) for name, value in row.items()):
            unit = (
                "NOK a month" if name in (*SPREAD, "mean", "line", "not_claimed") or name.endswith("_paid") else "share"
            )
            unit = {"families": "family-years", "assistance_months": "months in the year"}.get(name, unit)
            if math.isfinite(value):
                found.append({"name": f"{kind}.{name}", "value": value, "unit": unit})
    return found


# ---- from the command line ------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "study", nargs="?", type=path, metavar="STUDY.toml", help="a study file (default: caseload-10-vs-20.toml)"
    )
    parser.add_argument(
        "--replicates",
        type=whole_number(2, 10_000),
        default=REPLICATES,
        metavar="N",
        help=f"municipalities, two to a draw (default: {REPLICATES})",
    )
    parser.add_argument("--out", type=path, metavar="DIR", help="folder for the figure and the tables as CSV")
    parser.add_argument("--write", type=path, metavar="PAGE.md", help="write the tables between the markers of a page")
    add_options(parser, "seed", "set", "workers", "cluster", "lang", "force", "quiet", "json")


def main(args: argparse.Namespace) -> int:
    """Read a year of every family's income, and hold it against what is published."""
    from calibration.pages import again, check_page, write_between
    from results import files
    from results.incomes import draw
    from results.style import save
    from scenarios.comparison import MAIN_STUDY
    from scenarios.folders import check_folder
    from scenarios.progress import progress
    from scenarios.study import load_study

    study = load_study(args.study or MAIN_STUDY, args.set).of_one_place().with_settings(seed=args.seed)
    if args.write is not None:
        check_page(args.write, "incomes")
    if args.out is not None:
        check_folder(args.out, force=args.force)
    with progress("incomes", quiet=args.quiet) as step:
        result = incomes(study, replicates=args.replicates, workers=args.workers, step=step)
    if args.out is not None:
        files.make_folder(args.out)
        files.write_csv(args.out / "incomes.csv", result.comparison())
        files.write_csv(args.out / "incomes_by_household.csv", result.by_household())
        save(args.out, "incomes", draw(result.comparison(), result.by_household(), result.prices, args.lang).images)
    if args.write is not None:
        write_between(args.write, "incomes", markdown(result, again("incomes", args, REPLICATES)))
    if args.json:
        print(json.dumps(records(result), ensure_ascii=False, indent=1))
    elif not args.quiet:
        print(text(result, args.lang))
    return 0
