"""Runs that no model made: random walks with the look of families in low income, for tests of tables and figures."""

from __future__ import annotations

import numpy as np

from simulation.names import BENEFITS, SERVICES
from simulation.outcomes import FLOWS, GROUPS, LEAD_MONTHS, OUTCOME_NAMES, OUTCOMES, Runs

ARMS = ("ordinary", "caseload-10", "caseload-20", "caseload-20-half-staff")
CONTRASTS = (
    ("10 vs 20, same staff", "caseload-10", "caseload-20"),
    ("10 vs 20, same families", "caseload-10", "caseload-20-half-staff"),
    ("caseload-10 vs ordinary", "caseload-10", "ordinary"),
    ("caseload-20 vs ordinary", "caseload-20", "ordinary"),
    ("caseload-20-half-staff vs ordinary", "caseload-20-half-staff", "ordinary"),
)
LEVELS = {
    "employed_share": 0.34,
    "full_time_share": 0.15,
    "activity_share": 0.09,
    "earnings": 9500.0,
    "disposable_income": 31800.0,
    "low_income_share": 0.78,
    "children_in_low_income_share": 0.81,
    "social_assistance_share": 0.48,
    "social_assistance_amount": 6100.0,
    "child_participation_share": 0.66,
    "trust": 0.45,
    "contact_hours": 0.0,
    "coordinated_share": 0.0,
    "caseload_filled": 0.0,
}
SOURCES = ("work", *BENEFITS[1:], "social_assistance", "none")
SOURCE_SHARES = (0.31, 0.07, 0.12, 0.06, 0.05, 0.04, 0.03, 0.02, 0.22, 0.08)
EFFECTS = {"ordinary": 0.0, "caseload-10": 1.0, "caseload-20": 0.75, "caseload-20-half-staff": 0.45}
CONTACT = {"ordinary": 0.0, "caseload-10": 7.4, "caseload-20": 2.4, "caseload-20-half-staff": 2.1}
REACH = {"ordinary": 0.0, "caseload-10": 34.0, "caseload-20": 61.0, "caseload-20-half-staff": 35.0}


def made_up_runs(
    replicates: int = 40,
    horizon: int = 36,
    *,
    seed: int = 3,
    arms: tuple[str, ...] = ARMS,
    contrasts: tuple[tuple[str, str, str], ...] = CONTRASTS,
    effect: float = 1.0,
) -> Runs:
    """Replicates that look like a run: shared luck between arms, draws with effects of their own, some empty groups."""
    rng = np.random.default_rng(seed)
    months = LEAD_MONTHS + 1 + horizon
    outcomes, size = len(OUTCOMES), (replicates, 1, 1, 1, 1)
    base = np.array([LEVELS.get(o.name, 0.4) for o in OUTCOMES])
    money = base > 100
    step = np.where(money, 150.0, 0.006)
    shared = base + np.cumsum(rng.normal(0, 1, (replicates, 1, 2, months, outcomes)) * step, axis=3)
    shared = shared + rng.normal(0, 1, size) * step * 3
    draw = np.arange(replicates) // 2
    strength = np.repeat(rng.normal(0.7, 1.1, (replicates + 1) // 2), 2)[:replicates]
    ramp = np.clip(np.arange(-LEAD_MONTHS, horizon + 1) / max(horizon, 1), 0, None)
    power = effect * strength[:, None] * np.array([EFFECTS.get(a, 0.5) for a in arms])
    better = np.array([o.better for o in OUTCOMES])
    gain = power[:, :, None, None, None] * ramp[:, None] * np.where(money, 900.0, 0.03) * better
    noise = rng.normal(0, 1, (replicates, len(arms), 2, months, outcomes)) * step * 0.5 * (ramp > 0)[:, None]
    study = shared + gain + effect * noise
    for name, share in zip(SOURCES, SOURCE_SHARES, strict=True):
        k = OUTCOME_NAMES.index(f"income_source_{name}_share")
        study[..., k] = share * (1 + 0.1 * rng.normal(0, 1, study.shape[:-1]))
    study[..., ~money] = np.clip(study[..., ~money], 0, 1)
    for s, name in enumerate(SERVICES):
        waiting = np.abs(3 + s + rng.normal(0, 0.6, study.shape[:-1]))
        study[..., OUTCOME_NAMES.index(f"wait_{name}")] = waiting
    study[..., OUTCOME_NAMES.index("wait_child_welfare")] = np.nan
    followed_now = np.array([REACH.get(a, 10.0) * 0.5 for a in arms])
    for a, arm in enumerate(arms):
        hours = np.where(ramp > 0, CONTACT.get(arm, 2.0) * followed_now[a] / 400, 0.0)
        study[:, a, :, :, OUTCOME_NAMES.index("contact_hours")] = hours
        study[:, a, :, :, OUTCOME_NAMES.index("coordinated_share")] = np.where(ramp > 0, followed_now[a] / 400, 0.0)
        filled = np.where(ramp > 0, 0.97, 0.0) if CONTACT.get(arm, 2.0) else np.nan
        study[:, a, :, :, OUTCOME_NAMES.index("caseload_filled")] = filled
    study[..., OUTCOME_NAMES.index("upper_secondary_share")] = np.nan
    followed = study[:, :, 1, LEAD_MONTHS:].copy()
    paired = np.empty((replicates, len(contrasts), 2, 2, horizon + 1, outcomes))
    for c, (_, arm, against) in enumerate(contrasts):
        for side, name in enumerate((arm, against)):
            paired[:, c, :, side] = study[:, arms.index(name), :, LEAD_MONTHS:]
        if "ordinary" in (arm, against):
            paired[:, c, 0] = np.nan
    if "ordinary" in arms:
        followed[:, arms.index("ordinary")] = np.nan
    followed[rng.random(followed.shape[:3]) < 0.05] = np.nan
    flows = np.abs(rng.normal(1.0, 0.05, (replicates, len(arms), horizon, len(FLOWS)))) * 4e5
    for name, values in (
        ("families_followed", followed_now),
        ("contact_hours", followed_now * np.array([CONTACT.get(a, 2.0) for a in arms])),
        ("coordinator_positions", np.array([1.9 if CONTACT.get(a, 2.0) else 0.0 for a in arms])),
        ("coordinator_vacant", np.array([0.1 if CONTACT.get(a, 2.0) else 0.0 for a in arms])),
        *((f"place_months_{s}", np.full(len(arms), 12.0)) for s in SERVICES),
        ("families_admitted", followed_now / 12.0),
        ("interpreter_hours", followed_now * np.array([CONTACT.get(a, 2.0) for a in arms]) * 0.4),
    ):
        jitter = np.clip(1 + 0.08 * rng.normal(0, 1, (replicates, len(arms), 1)), 0.3, None)
        flows[..., FLOWS.index(name)] = values[:, None] * jitter
    luck = rng.normal(0, 1, (replicates, 1, 1)) + 0.3 * effect * rng.normal(0, 1, (replicates, len(arms), 1))
    for name, level, gained in (
        ("parents_in_work", 200.0, 6.0),
        ("children_taking_part", 450.0, 9.0),
        ("children_in_low_income", 560.0, -8.0),
        ("families_on_assistance", 190.0, -5.0),
    ):
        gain = power[:, :, None] * gained * ramp[None, None, LEAD_MONTHS + 1 :]
        flows[..., FLOWS.index(name)] = level + 4.0 * luck + gain
    outgo = ("tax", "kindergarten_fee", "sfo_fee")
    income = ("gross_wages", *BENEFITS[1:], "child_benefit", "cash_for_care", "childcare_support")
    income += ("advance_child_support", "housing_allowance", "social_assistance")
    total = sum(flows[..., FLOWS.index(f)] for f in income) - sum(flows[..., FLOWS.index(f)] for f in outgo)
    flows[..., FLOWS.index("disposable_income")] = total
    reach = np.array([REACH.get(a, 10.0) for a in arms]) * (1 + 0.06 * rng.normal(0, 1, (replicates, len(arms))))
    return Runs(
        arms=arms,
        contrasts=contrasts,
        horizon=horizon,
        replicate=np.arange(replicates, dtype=np.int64),
        draw=draw.astype(np.int64),
        study=study,
        followed=followed,
        followed_families=np.round(reach),
        paired=paired,
        flows=flows,
        drift=rng.normal(0, 1, (replicates, outcomes)) * step * 0.5,
        groups=np.repeat(study[:, :, 1, -1][:, :, None], len(GROUPS), axis=2),
        group_families=np.tile([90.0, 60.0, 50.0, 100.0, 70.0, 80.0], (replicates, 1)),
    )
