"""The words of the model, in the order of their numbers. These names are a contract (``docs/interface.md``).

Numbers that rules pass to each other are ``np.int64``: Numba would compile a rule anew for each plain constant.
"""

from __future__ import annotations

from typing import Final

import numpy as np

# Barriers: the first four belong to a parent, the last five to the family.
BARRIERS: Final = ("health", "language", "education", "digital", "housing", "network", "economy", "care", "violence")
HEALTH: Final = np.int64(0)
LANGUAGE: Final = np.int64(1)
EDUCATION: Final = np.int64(2)
DIGITAL: Final = np.int64(3)
HOUSING: Final = np.int64(4)
NETWORK: Final = np.int64(5)
ECONOMY: Final = np.int64(6)
CARE: Final = np.int64(7)
VIOLENCE: Final = np.int64(8)
PERSON_BARRIERS: Final = 4  # barriers 0..3 are of a parent
FAMILY_BARRIERS: Final = 5  # barriers 4..8 are of the family

# Work of a parent.
WORK: Final = ("none", "part_time", "full_time")
NO_WORK: Final = np.int64(0)
PART_TIME: Final = np.int64(1)
FULL_TIME: Final = np.int64(2)

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
NO_BENEFIT: Final = np.int64(0)
KVP: Final = np.int64(1)
AAP: Final = np.int64(2)
DISABILITY: Final = np.int64(3)
TRANSITIONAL: Final = np.int64(4)
UNEMPLOYMENT: Final = np.int64(5)
MEASURES: Final = np.int64(6)
INTRODUCTION: Final = np.int64(7)

# Services. The first four and `work` serve a parent, the others the family (engaged through the first parent).
SERVICES: Final = ("health", "language", "education", "housing", "economy", "work", "children", "child_welfare")
S_HEALTH: Final = np.int64(0)
S_LANGUAGE: Final = np.int64(1)
S_EDUCATION: Final = np.int64(2)
S_HOUSING: Final = np.int64(3)
S_ECONOMY: Final = np.int64(4)
S_WORK: Final = np.int64(5)
S_CHILDREN: Final = np.int64(6)
S_CHILD_WELFARE: Final = np.int64(7)

# Stage of an engagement with a service.
STAGES: Final = ("none", "waiting", "in_place")
NOT_ENGAGED: Final = np.int64(0)
WAITING: Final = np.int64(1)
IN_PLACE: Final = np.int64(2)

# Children's arenas.
ARENAS: Final = ("kindergarten", "sfo", "leisure")

# Supports for children that are applied for; childcare is childcare support and the reduced fees.
SUPPORTS: Final = ("childcare", "advance_child_support", "cash_for_care")
CHILDCARE: Final = np.int64(0)
ADVANCE: Final = np.int64(1)
CASH_FOR_CARE: Final = np.int64(2)

# Tenure.
TENURE: Final = ("owner", "private_rental", "municipal_rental")
OWNER: Final = np.int64(0)
PRIVATE_RENTAL: Final = np.int64(1)
MUNICIPAL_RENTAL: Final = np.int64(2)

# Kinds of follow-up by a family coordinator: draws from one distribution of programmes.
FOLLOW_UP: Final = ("own_model", "holf_model", "familiepluss", "nye_monstre")

# Whom the intake team may take in: by social assistance as in HOLF, or by low income as in Nye mønstre.
CRITERION: Final = ("holf", "lasting_low_income")
HOLF: Final = np.int64(0)
LASTING_LOW_INCOME: Final = np.int64(1)

# How the intake team chooses, and how a service does.
INTAKE: Final = ("need", "waiting", "random")
PRIORITY: Final = ("first_come", "need")
CAPACITY: Final = ("hard", "soft")

MAX_PARENTS: Final = 2
MAX_CHILDREN: Final = 8
MAX_CASELOAD: Final = 60
MAX_COORDINATORS: Final = 400
PEERS: Final = 4  # families a family is tied to
FIRST: Final = np.int64(0)  # the first parent
SECOND: Final = np.int64(1)
