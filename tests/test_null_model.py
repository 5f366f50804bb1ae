"""Links off: a coordinator changes nothing at all. Links high: she changes what each link says she does."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from scenarios import load_study
from simulation.engine import run_replicate
from simulation.names import BARRIERS, SERVICES
from simulation.outcomes import OUTCOME_NAMES, Runs
from simulation.parameters import load_parameters
from simulation.plan import Plan
from simulation.runner import run_study

SEED = 4
MONTHS = 24
LINKS = {parameter.name: parameter for parameter in load_parameters() if parameter.none is not None}
NONE = {name: float(link.none) for name, link in LINKS.items() if link.none is not None}

# What a coordinator is, as against what she does.
FOLLOW_UP_ITSELF = {"coordinated_share", "contact_hours", "caseload_filled"}
FOLLOW_UP_FIELDS = (
    "meets_criteria",
    "ever_followed",
    "plan",
    "coordinator",
    "admitted",
    "followed_months",
    "planned_months",
    "ended",
    "waiting_months",
    "contact_hours",
    "potency",
    "support",
)


def shipped(**changes: object) -> tuple[list[Plan], list[tuple[str, str, str]]]:
    study = load_study("caseload-10-vs-20")
    settings = {"families": 150, "burn_in_months": 24, "horizon_months": 36}
    return [replace(plan, **{**settings, **changes}) for plan in study.arms], list(study.contrasts)


def lives(families: np.ndarray) -> np.ndarray:
    """Records without what is follow-up itself."""
    copy = families.copy()
    for field in FOLLOW_UP_FIELDS:
        copy[field] = 0
    return copy


# --- the null model -----------------------------------------------------------------------------------------------


@functools.cache
def null_runs() -> Runs:
    plans, contrasts = shipped(links=False)
    return run_study(plans, contrasts, replicates=6, seed=SEED).runs


@pytest.mark.parametrize("outcome", [name for name in OUTCOME_NAMES if name not in FOLLOW_UP_ITSELF])
def test_with_links_off_no_arm_differs_from_another_in_pool_or_eligible(outcome: str) -> None:
    values = null_runs().study[..., OUTCOME_NAMES.index(outcome)]
    for arm in range(1, values.shape[1]):
        assert np.array_equal(values[:, arm], values[:, 0], equal_nan=True)  # exactly, where there is anybody


def test_with_links_off_families_are_followed_all_the_same() -> None:
    runs = null_runs()
    for outcome in ("coordinated_share", "contact_hours"):
        values = runs.study[:, :, :, -1, OUTCOME_NAMES.index(outcome)]
        assert (values[:, 0] == 0).all()
        assert (values[:, 1:, 0] > 0).all()
    assert (runs.followed_families[:, 1:] > 0).all()


def test_with_links_off_both_lives_of_a_followed_family_are_the_same() -> None:
    runs = null_runs()
    keep = [k for k, name in enumerate(OUTCOME_NAMES) if name not in FOLLOW_UP_ITSELF]
    lives = runs.paired[..., keep]
    assert np.array_equal(lives[:, :, :, 0], lives[:, :, :, 1], equal_nan=True)
    assert np.isfinite(lives[:, :, :, :, -1, 0]).any()


def test_with_links_off_every_family_lives_the_same_life_with_a_coordinator_as_without() -> None:
    plans, _ = shipped(links=False)
    ordinary, *followed = (run_replicate(p, seed=SEED, replicate=1, months=36).families for p in plans)
    for families in followed:
        assert (families["ever_followed"] == 1).any()
        assert lives(families).tobytes() == lives(ordinary).tobytes()


def test_links_off_is_every_link_at_its_none_value() -> None:
    off, _ = shipped(links=False, posterior="default")
    by_hand, _ = shipped(parameters=NONE, posterior="default")
    for a, b in zip(off, by_hand, strict=True):
        one, other = (run_replicate(plan, seed=SEED, replicate=0, months=12).families for plan in (a, b))
        assert one.tobytes() == other.tobytes()


# --- each link by itself ------------------------------------------------------------------------------------------

STRONG = {
    "trust_gain": 0.5,
    "trust_lost": 0.9,
    "discovery_coordinator": 1.0,
    "referral_coordinator": 1.0,
    "right_order": 1.0,
    "head_start": 6.0,
    "dropout_ratio": 0.05,
    "claim_rate": 1.0,
    "apply_ratio": 8.0,
    "health_benefit_ratio": 8.0,
    "work_support_ratio": 8.0,
    "work_exit_ratio": 0.1,
    "child_application_ratio": 8.0,
    "exemption_rate": 1.0,
    **{f"coordinator_recovery.{name}": 0.5 for name in ("digital", "housing", "network", "economy", "care")},
}
# These say how another link works, and do nothing without it.
TOGETHER_WITH = {
    "trust_lost": {"trust_gain": 0.5},
    "right_order": {"referral_coordinator": 1.0},
    "head_start": {"referral_coordinator": 1.0},
}
# What a link by itself is first seen in.
SEEN_IN = {
    "trust_gain": "trust",
    "trust_lost": "trust",
    "discovery_coordinator": "found",
    "claim_rate": "claims_support",
    "apply_ratio": "applying",
    **{f"coordinator_recovery.{name}": "barrier" for name in ("housing", "network", "economy", "care")},
}
SEEN_IN_PARENTS = {
    "referral_coordinator": "stage",
    "right_order": "stage",
    "head_start": "waited",
    "dropout_ratio": "stage",
    "health_benefit_ratio": "benefit",
    "work_support_ratio": "work",
    "work_exit_ratio": "work",
    "coordinator_recovery.digital": "barrier",
}
SEEN_IN_CHILDREN = {"child_application_ratio": "arena", "exemption_rate": "exempt"}


def month_by_month(plan: Plan) -> np.ndarray:
    """Families of every month up to MONTHS: (MONTHS + 1, families)."""
    history = run_replicate(plan, seed=SEED, replicate=0, months=MONTHS, history=True).history
    assert history is not None
    return history


def alone(links: dict[str, float]) -> np.ndarray:
    """Months of families with many followed, all links off but these; the coordinator leaves half way."""
    (_, plan, *_), _ = shipped(posterior="default", parameters={**NONE, **links})
    plan = replace(plan, coordinators=6, caseload=10, relaxed=True, coordinator_leaves_month=12)
    return month_by_month(plan)


def test_every_link_has_a_strong_value_here() -> None:
    assert set(STRONG) == set(LINKS)
    assert set(SEEN_IN) | set(SEEN_IN_PARENTS) | set(SEEN_IN_CHILDREN) == set(LINKS)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_by_itself_changes_what_it_is_about_and_nothing_at_none(link: str) -> None:
    company = TOGETHER_WITH.get(link, {})
    at_none, strong = alone(company | {link: NONE[link]}), alone(company | {link: STRONG[link]})
    if not company:
        (ordinary, *_), _ = shipped(links=False, posterior="default")
        without = month_by_month(ordinary)
        assert lives(at_none).tobytes() == lives(without).tobytes()
    if link in SEEN_IN:
        a, b = at_none[SEEN_IN[link]], strong[SEEN_IN[link]]
    elif link in SEEN_IN_PARENTS:
        a, b = at_none["parent"][SEEN_IN_PARENTS[link]], strong["parent"][SEEN_IN_PARENTS[link]]
    else:
        a, b = at_none["child"][SEEN_IN_CHILDREN[link]], strong["child"][SEEN_IN_CHILDREN[link]]
    assert np.array_equal(a[0], b[0])  # before there is a coordinator
    assert not np.array_equal(a, b)


# --- all links high -----------------------------------------------------------------------------------------------


@functools.cache
def strong_difference(*overrides: tuple[str, float]) -> dict[str, float]:
    """Mean difference between 20 coordinators and none, in standard errors, at month 36 in the pool."""
    parameters = {**NONE, **dict(overrides), "dose_half": 2.0, "goals_met_months": 36.0}
    plans, _ = shipped(posterior="default", parameters=parameters, length_months=48.0)
    ordinary = plans[0]
    followed = replace(plans[1], coordinators=20, caseload=10, relaxed=True)
    runs = run_study([ordinary, followed], [], replicates=16, seed=SEED).runs
    assert (runs.study[:, 1, 0, -1, OUTCOME_NAMES.index("coordinated_share")] > 0.2).all()
    difference = runs.study[:, 1, 0, -1] - runs.study[:, 0, 0, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(len(difference)))
    return dict(zip(OUTCOME_NAMES, z.tolist(), strict=True))


GOOD = {name: value for name, value in STRONG.items() if name not in ("apply_ratio", "health_benefit_ratio")}
UP = (
    "trust",
    "employed_share",
    "earnings",
    "disposable_income",
    "child_participation_share",
    "leisure_share",
    "kindergarten_share",
    "adequate_housing_share",
)
DOWN = (
    "low_income_share",
    "children_in_low_income_share",
    "social_assistance_share",
    "social_assistance_amount",
    "entitled_not_claimed",
    "barriers_per_family",
    *(f"barrier_{name}_share" for name in BARRIERS if name not in ("language", "education")),
)


@pytest.mark.parametrize("outcome", UP)
def test_strong_links_raise(outcome: str) -> None:
    assert strong_difference(*GOOD.items())[outcome] > 3.0


@pytest.mark.parametrize("outcome", DOWN)
def test_strong_links_lower(outcome: str) -> None:
    assert strong_difference(*GOOD.items())[outcome] < -3.0


def test_a_link_that_harms_does_harm() -> None:
    """No sign is wired in: a ratio on the other side of one turns the difference round."""
    assert strong_difference(("work_support_ratio", 0.1))["employed_share"] < -3.0
    assert strong_difference(("work_exit_ratio", 5.0))["employed_share"] < -3.0
    assert strong_difference(("child_application_ratio", 0.1))["child_participation_share"] < -3.0


def test_help_to_apply_raises_social_assistance_and_leaves_less_unclaimed() -> None:
    z = strong_difference(("apply_ratio", 8.0))
    assert z["social_assistance_share"] > 3.0
    assert z["entitled_not_claimed"] < -3.0


def test_the_pathway_to_health_benefits_leads_to_aap() -> None:
    assert strong_difference(("health_benefit_ratio", 8.0))["income_source_aap_share"] > 3.0


def test_referral_fills_services() -> None:
    z = strong_difference(("referral_coordinator", 1.0), ("discovery_coordinator", 1.0))
    assert any(z[f"use_{name}"] > 3.0 or z[f"wait_{name}"] > 3.0 for name in SERVICES)
