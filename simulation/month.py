"""A month, in order. The order of the whole model stands here, and nowhere else.

``one_month`` is the compiled way. The functions ending in ``_at`` are what the Mesa agents call, one for each phase; they are
the same functions, so that both ways give the same bytes.
"""

from __future__ import annotations

from simulation.assistance import claims_month, money_month
from simulation.barriers import barriers_month
from simulation.children import children_month
from simulation.compiled import rule
from simulation.coordinator import follow_up_month, share_cover, staffing
from simulation.demography import time_passes
from simulation.draws import LANES, draw_month, of_family
from simulation.intake import apply_criteria, intake_month
from simulation.municipality import begin_month
from simulation.queues import ask_for_services
from simulation.service import service_month
from simulation.work import match, seek_work, work_month


@rule
def one_month(  # type: ignore[no-untyped-def]
    families, coordinators, services, town_array, setting, waiting, placed, takers, candidates
):
    """Advance a municipality by one month."""
    town = town_array[0]
    p = setting[0].p
    # 1. time passes
    begin_month(town)
    n = families.shape[0]
    for first in range(0, n, LANES):
        time_passes(families, first, min(first + LANES, n), town, p, setting[0].place)
    # 2. coordinators: turnover, hours shared out, meetings, discovery, claims, referral
    for c in range(town.coordinators):
        staffing(families, coordinators, c, town, p)
    share_cover(coordinators, town, p)
    for c in range(town.coordinators):
        follow_up_month(families, coordinators, c, town, p, services, waiting)
    # 3. services: end of stay, then free places to the queue
    for s in range(services.shape[0]):
        service_month(services, s, families, town, p, waiting, placed)
    # 4. labour market: takers first, then the openings to the earliest clocks
    for first in range(0, n, LANES):
        seek_work(families, first, min(first + LANES, n), town, p, takers)
    match(families, town, takers)
    # 5. families: barriers, work and own benefit, claims, children, money; then they ask for services
    for first in range(0, n, LANES):
        live(families, first, min(first + LANES, n), town, setting[0], services, waiting, candidates)
    # 6. intake: endings and admissions
    intake_month(families, coordinators, town, p, candidates)


@rule
def live(families, first, end, town, setting, services, waiting, candidates):  # type: ignore[no-untyped-def]
    """The own month (phase 5) of a few families, from their barriers to whether they meet the intake criteria.

    One behaviour after the other, each for all of the few: a processor keeps one behaviour's code and their records close
    at hand. Families do not see each other in this phase, so the order is free.
    """
    p = setting.p
    draw_month(families, first, end, town)
    for i in range(first, end):
        barriers_month(families[i], i - first, town, p, services)
    for i in range(first, end):
        work_month(families[i], i - first, town, p)
    for i in range(first, end):
        claims_month(families[i], of_family(town, i - first), p)
    for i in range(first, end):
        children_month(families, families[i], i - first, town, p, services)
    for i in range(first, end):
        money_month(families[i], town, setting.rates)
    for i in range(first, end):
        ask_for_services(families[i], i - first, town, p, services, waiting)
    for i in range(first, end):
        apply_criteria(families[i], town, candidates)


# --- one agent's part of a month, for Mesa ------------------------------------------------------------------------


@rule
def begin_at(town):  # type: ignore[no-untyped-def]
    """Phase 1, the municipality."""
    begin_month(town[0])


@rule
def pass_time_at(families, i, town, setting):  # type: ignore[no-untyped-def]
    """Phase 1, family ``i``."""
    time_passes(families, i, i + 1, town[0], setting[0].p, setting[0].place)


@rule
def staffing_at(families, coordinators, c, town, setting):  # type: ignore[no-untyped-def]
    """Phase 2, coordinator ``c``: comes or goes."""
    staffing(families, coordinators, c, town[0], setting[0].p)


@rule
def share_cover_at(coordinators, town, setting):  # type: ignore[no-untyped-def]
    """Phase 2, the team: hours for the mean family of each."""
    share_cover(coordinators, town[0], setting[0].p)


@rule
def follow_up_at(families, coordinators, c, town, setting, services, waiting):  # type: ignore[no-untyped-def]
    """Phase 2, coordinator ``c``: a month with her families."""
    follow_up_month(families, coordinators, c, town[0], setting[0].p, services, waiting)


@rule
def service_at(services, s, families, town, setting, waiting, placed):  # type: ignore[no-untyped-def]
    """Phase 3, service ``s``."""
    service_month(services, s, families, town[0], setting[0].p, waiting, placed)


@rule
def seek_work_at(families, i, town, setting, takers):  # type: ignore[no-untyped-def]
    """Phase 4, family ``i``."""
    seek_work(families, i, i + 1, town[0], setting[0].p, takers)


@rule
def match_at(families, town, takers):  # type: ignore[no-untyped-def]
    """Phase 4, the labour market."""
    match(families, town[0], takers)


@rule
def live_at(families, i, town, setting, services, waiting, candidates):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``, all of it."""
    live(families, i, i + 1, town[0], setting[0], services, waiting, candidates)


@rule
def barriers_at(families, i, town, setting, services):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: barriers only."""
    draw_month(families, i, i + 1, town[0])
    barriers_month(families[i], 0, town[0], setting[0].p, services)


@rule
def work_at(families, i, town, setting):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: work and own benefit only."""
    draw_month(families, i, i + 1, town[0])
    work_month(families[i], 0, town[0], setting[0].p)


@rule
def claims_at(families, i, town, setting):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: applications only."""
    draw_month(families, i, i + 1, town[0])
    claims_month(families[i], of_family(town[0], 0), setting[0].p)


@rule
def children_at(families, i, town, setting, services):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: children only."""
    draw_month(families, i, i + 1, town[0])
    children_month(families, families[i], 0, town[0], setting[0].p, services)


@rule
def money_at(families, i, town, setting):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: money only."""
    money_month(families[i], town[0], setting[0].rates)


@rule
def ask_at(families, i, town, setting, services, waiting):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: asking for services only."""
    draw_month(families, i, i + 1, town[0])
    ask_for_services(families[i], 0, town[0], setting[0].p, services, waiting)


@rule
def criteria_at(families, i, town, candidates):  # type: ignore[no-untyped-def]
    """Phase 5, family ``i``: the intake criteria only."""
    apply_criteria(families[i], town[0], candidates)


@rule
def intake_at(families, coordinators, town, setting, candidates):  # type: ignore[no-untyped-def]
    """Phase 6."""
    intake_month(families, coordinators, town[0], setting[0].p, candidates)
