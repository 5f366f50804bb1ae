"""What an evaluator would make of a trial: differences with their standard errors, through statsmodels.

*Coordinator against ordinary follow-up* is within offices: weighted least squares with office effects, standard errors robust to
clustering in offices. *Model against model* is between offices: the difference of office means, with Student's t for as many
degrees of freedom as there are offices less two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from calibration.design import Design
from calibration.trial import Trial
from simulation.outcomes import FloatArray

Contrast = Literal["coordinator_v_ordinary", "model_v_model"]
Source = Literal["register", "income", "survey"]
CONTRASTS: Final[tuple[Contrast, ...]] = ("coordinator_v_ordinary", "model_v_model")
NEWLY: Final = "new_benefit_share"
MEASURED: Final[dict[str, Source]] = {  # what is asked of the trial, and where it is seen
    "employed_share": "register",
    "full_time_share": "register",
    "social_assistance_share": "register",
    "social_assistance_amount": "register",
    NEWLY: "register",
    "earnings": "income",
    "disposable_income": "income",
    "low_income_share": "income",
    "adequate_housing_share": "survey",
    "taking_part_share": "survey",
}
UNITS: Final = {
    **dict.fromkeys(("employed_share", "full_time_share"), "share of parents"),
    **dict.fromkeys(("social_assistance_share", "low_income_share", "adequate_housing_share"), "share of families"),
    **dict.fromkeys(("social_assistance_amount", "earnings", "disposable_income"), "NOK a month per family"),
    NEWLY: "share of families without KVP, AAP or disability benefit at the draw",
    "taking_part_share": "share of children 1-17",
}
_Z: Final = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """One difference, as an evaluator would report it."""

    contrast: Contrast
    outcome: str
    month: int
    difference: float
    se: float
    critical: float
    """Of the interval: 1.96, or the quantile of Student's t."""
    n: int
    """Families behind it."""

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.difference - self.critical * self.se

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.difference + self.critical * self.se

    @property
    def found(self) -> bool:
        """Whether the interval does not hold zero: a *reliable effect*, in the words of the trial."""
        return self.low > 0.0 or self.high < 0.0


def estimates(trial: Trial, design: Design) -> Iterator[Estimate]:
    """Every outcome of every contrast that the design has arms for; NaN where a trial had nobody in one of the groups."""
    for outcome in MEASURED:
        for month in months_of(outcome, design):
            value, weight = measured(trial, outcome, month)
            if MEASURED[outcome] == "survey":
                weight = np.where(trial.answers, weight, 0.0)
            yield within_offices(value, weight, trial, outcome, month)
            if len(design.arm) == 2:
                yield between_offices(value, np.where(trial.drawn, weight, 0.0), trial, outcome, month)


def months_of(outcome: str, design: Design) -> tuple[int, ...]:
    """The months in which the design measures an outcome."""
    head = design.trial
    return {
        "register": head.register_months or (head.months,),
        "income": (head.income_month,),
        "survey": (head.survey_month,),
    }[MEASURED[outcome]]


def measured(trial: Trial, outcome: str, month: int) -> tuple[FloatArray, FloatArray]:
    """An outcome of each family and how many persons it is about, (F,) each; weight 0 where it has none."""
    return trial.newly_on_benefit(month) if outcome == NEWLY else trial.measure(outcome, month)


def within_offices(value: FloatArray, weight: FloatArray, trial: Trial, outcome: str, month: int) -> Estimate:
    """Those drawn to a coordinator against the rest of the same office."""
    import statsmodels.api as sm

    seen = weight > 0.0
    offices, office = np.unique(trial.office[seen], return_inverse=True)
    if len(set(trial.drawn[seen].tolist())) < 2 or seen.sum() <= len(offices) + 1:
        return Estimate("coordinator_v_ordinary", outcome, month, np.nan, np.nan, _Z, int(seen.sum()))
    effects = np.eye(len(offices))[office]
    design = np.column_stack([trial.drawn[seen].astype(np.float64), effects])
    fit = sm.WLS(value[seen], design, weights=weight[seen]).fit(cov_type="cluster", cov_kwds={"groups": office})
    return Estimate(
        "coordinator_v_ordinary", outcome, month, float(fit.params[0]), float(fit.bse[0]), _Z, int(seen.sum())
    )


def between_offices(value: FloatArray, weight: FloatArray, trial: Trial, outcome: str, month: int) -> Estimate:
    """Offices of the first arm against those of the second, families with a coordinator."""
    from scipy.stats import t
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    seen = weight > 0.0
    total = np.bincount(trial.office[seen], (weight * value)[seen], minlength=trial.offices)
    number = np.bincount(trial.office[seen], weight[seen], minlength=trial.offices)
    with_some = number > 0.0
    means = total[with_some] / number[with_some]
    arm_of = np.zeros(len(number), np.int64)
    arm_of[trial.office] = trial.arm
    first = arm_of[with_some] == 0
    if min(first.sum(), (~first).sum()) < 2:
        return Estimate("model_v_model", outcome, month, np.nan, np.nan, _Z, int(seen.sum()))
    both = CompareMeans(DescrStatsW(means[first]), DescrStatsW(means[~first]))
    difference = float(means[first].mean() - means[~first].mean())
    se, critical = float(both.std_meandiff_pooledvar), float(t.ppf(0.975, len(means) - 2))
    return Estimate("model_v_model", outcome, month, difference, se, critical, int(seen.sum()))
