"""A made-up family's two lives, for tests of the timeline."""

from __future__ import annotations

from typing import Any


def life(*, helped: bool, months: int = 36) -> list[dict[str, Any]]:
    """Month by month -6..months; a life with a coordinator from month 2, or one without."""
    found = []
    for m in range(-6, months + 1):
        work = "none" if m < (14 if helped else 27) else ("part_time" if m < (22 if helped else 34) else "full_time")
        benefit = "aap" if m < 6 else ("kvp" if m < (14 if helped else 20) else "none")
        barriers = ["economy"] if m < (10 if helped else 40) else []
        barriers += ["health"] if m < (16 if helped else 30) else []
        barriers += ["language"] if m < 24 else []
        barriers += ["network"] if not helped and m > 8 else []
        stage = "none" if m < 3 else ("waiting" if m < (5 if helped else 11) else "in_place" if m < 17 else "none")
        assistance = 9800.0 if m < (12 if helped else 26) else 1500.0 * (m < 30)
        found.append(
            {
                "month": m,
                "work": (work, "part_time" if m % 19 > 8 else "none"),
                "benefit": (benefit, "transitional" if m > 20 else "none"),
                "barriers": tuple(barriers),
                "services": {"health": stage, "economy": "in_place" if helped and 4 <= m < 9 else "none"},
                "social_assistance": assistance,
                "disposable": 29500.0 + 320 * max(m - (14 if helped else 27), 0) + 900 * (m % 3),
                "trust": min(0.9, 0.3 + (0.03 * max(m - 2, 0) if helped else 0.0)),
                "contact_hours": (8.5 if m < 8 else 4.0 + m % 2) if helped and 2 <= m < 26 else 0.0,
                "children": 3,
                "children_taking_part": 1 + (m > (8 if helped else 20)) + (m > 28 and helped),
                "coordinator": helped and 2 <= m < 26,
            }
        )
    return found


lives = {
    "label_a": "caseload-10",
    "label_b": "ordinary",
    "panel_a": life(helped=True),
    "panel_b": life(helped=False),
}
