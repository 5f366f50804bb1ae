"""What an evaluator would make of a trial: differences with their standard errors, through statsmodels.

*Coordinator against ordinary follow-up* is within offices: weighted least squares with office effects, standard errors robust to
clustering in offices. *Model against model* is between offices: the difference of office means, with Student's t for as many
degrees of freedom as there are offices less two.

A fit asks for millions of estimates, which statsmodels makes in milliseconds each. ``quick`` ones are the same formulas written
out, a hundred times as fast; a test holds them to statsmodels.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

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
IntArray = npt.NDArray[np.int64]


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
            for contrast in CONTRASTS[: 2 if len(design.arm) == 2 else 1]:
                yield estimate(trial, outcome, contrast, month)


def estimate(trial: Trial, outcome: str, contrast: Contrast, month: int, *, quick: bool = False) -> Estimate:
    """One difference, through statsmodels unless it shall be ``quick``."""
    value, weight = measured(trial, outcome, month)
    if MEASURED[outcome] == "survey":
        weight = np.where(trial.answers, weight, 0.0)
    if contrast == "model_v_model":
        return between_offices(value, np.where(trial.drawn, weight, 0.0), trial, outcome, month, quick=quick)
    return within_offices(value, weight, trial, outcome, month, quick=quick)


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


def within_offices(
    value: FloatArray, weight: FloatArray, trial: Trial, outcome: str, month: int, *, quick: bool = False
) -> Estimate:
    """Those drawn to a coordinator against the rest of the same office."""
    seen = weight > 0.0
    offices, office = np.unique(trial.office[seen], return_inverse=True)
    if len(set(trial.drawn[seen].tolist())) < 2 or seen.sum() <= len(offices) + 1:
        return Estimate("coordinator_v_ordinary", outcome, month, np.nan, np.nan, _Z, int(seen.sum()))
    fit = _least_squares_quick if quick else _least_squares
    difference, se = fit(value[seen], trial.drawn[seen].astype(np.float64), weight[seen], office)
    return Estimate("coordinator_v_ordinary", outcome, month, difference, se, _Z, int(seen.sum()))


def _least_squares(y: FloatArray, x: FloatArray, weight: FloatArray, office: IntArray) -> tuple[float, float]:
    """The slope of y on x with office effects, and its standard error robust to clustering in offices."""
    import statsmodels.api as sm

    design = np.column_stack([x, np.eye(int(office.max()) + 1)[office]])
    fit = sm.WLS(y, design, weights=weight).fit(cov_type="cluster", cov_kwds={"groups": office})
    with np.errstate(invalid="ignore"):  # of the offices' own effects, which nobody asks for
        return float(fit.params[0]), float(fit.bse[0])


def _least_squares_quick(y: FloatArray, x: FloatArray, weight: FloatArray, office: IntArray) -> tuple[float, float]:
    """The same, by the sandwich of the offices' scores (Cameron & Miller 2015) after means of offices are taken out."""
    total = np.bincount(office, weight)
    x = x - (np.bincount(office, weight * x) / total)[office]
    y = y - (np.bincount(office, weight * y) / total)[office]
    bread, n, g = float((weight * x * x).sum()), len(y), len(total)
    if g < 2 or bread < 1e-12:
        return np.nan, np.nan
    slope = float((weight * x * y).sum()) / bread
    scores = np.bincount(office, weight * x * (y - slope * x))
    small_sample = g / (g - 1) * (n - 1) / (n - g - 1)
    return slope, float(np.sqrt((scores**2).sum() * small_sample)) / bread


def between_offices(
    value: FloatArray, weight: FloatArray, trial: Trial, outcome: str, month: int, *, quick: bool = False
) -> Estimate:
    """Offices of the first arm against those of the second, families with a coordinator."""
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
    difference = float(means[first].mean() - means[~first].mean())
    se = (_pooled_quick if quick else _pooled)(means[first], means[~first])
    return Estimate("model_v_model", outcome, month, difference, se, _student(len(means) - 2), int(seen.sum()))


def _pooled(first: FloatArray, second: FloatArray) -> float:
    """Standard error of a difference of means, of one variance."""
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    return float(CompareMeans(DescrStatsW(first), DescrStatsW(second)).std_meandiff_pooledvar)


def _pooled_quick(first: FloatArray, second: FloatArray) -> float:
    n, m = len(first), len(second)
    variance = (n * first.var() + m * second.var()) / (n + m - 2)
    return float(np.sqrt(variance * (1 / n + 1 / m)))


@functools.cache
def _student(freedom: int) -> float:
    """97.5 % quantile of Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))
