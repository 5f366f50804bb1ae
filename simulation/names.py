"""The words of the model, in the order of their numbers. These names are a contract (``docs/interface.md``)."""

from __future__ import annotations

from typing import Final

# Barriers: the first four belong to a parent, the last five to the family.
BARRIERS: Final = ("health", "language", "education", "digital", "housing", "network", "economy", "care", "violence")
HEALTH: Final = 0
LANGUAGE: Final = 1
EDUCATION: Final = 2
DIGITAL: Final = 3
HOUSING: Final = 4
NETWORK: Final = 5
ECONOMY: Final = 6
CARE: Final = 7
VIOLENCE: Final = 8
PERSON_BARRIERS: Final = 4  # barriers 0..3 are of a parent
FAMILY_BARRIERS: Final = 5  # barriers 4..8 are of the family

# Work of a parent.
WORK: Final = ("none", "part_time", "full_time")
NO_WORK: Final = 0
PART_TIME: Final = 1
FULL_TIME: Final = 2

# The one own benefit of a parent.
BENEFITS: Final = (
    "none",
    "kvp",
    "aap",
    "disability",
    "transitional",
    "unemployment",
    "measures",
    "introduction",
)
NO_BENEFIT: Final = 0
KVP: Final = 1
AAP: Final = 2
DISABILITY: Final = 3
TRANSITIONAL: Final = 4
UNEMPLOYMENT: Final = 5
MEASURES: Final = 6
INTRODUCTION: Final = 7

# Services. The first four and `work` serve a parent, the others the family (engaged through the first parent).
SERVICES: Final = ("health", "language", "education", "housing", "economy", "work", "children", "child_welfare")
S_HEALTH: Final = 0
S_LANGUAGE: Final = 1
S_EDUCATION: Final = 2
S_HOUSING: Final = 3
S_ECONOMY: Final = 4
S_WORK: Final = 5
S_CHILDREN: Final = 6
S_CHILD_WELFARE: Final = 7

# Stage of an engagement with a service.
STAGES: Final = ("none", "waiting", "in_place")
NOT_ENGAGED: Final = 0
WAITING: Final = 1
IN_PLACE: Final = 2

# Children's arenas.
ARENAS: Final = ("kindergarten", "sfo", "leisure")

# Tenure.
TENURE: Final = ("owner", "private_rental", "municipal_rental")
OWNER: Final = 0
PRIVATE_RENTAL: Final = 1
MUNICIPAL_RENTAL: Final = 2

# Kinds of follow-up by a family coordinator: draws from one distribution of programmes.
FOLLOW_UP: Final = ("own_model", "holf_model", "familiepluss")

# How the intake team chooses, and how a service does.
INTAKE: Final = ("need", "waiting", "random")
PRIORITY: Final = ("first_come", "need")
CAPACITY: Final = ("hard", "soft")

MAX_PARENTS: Final = 2
MAX_CHILDREN: Final = 8
MAX_CASELOAD: Final = 60
MAX_COORDINATORS: Final = 400
PEERS: Final = 4  # families a family is tied to
CALENDAR_YEAR: Final = 12
