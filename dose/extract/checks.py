"""What a physicist should know about a report before trusting its sums.

Nothing here changes a value. References: DICOM PS3.16 TID 10002, 10012 (totals against events).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from dose.extract.body import Body
from dose.extract.reading import Reading
from dose.model import AccumulatedDose, IrradiationEvent

_TOLERANCE = 0.02  # makers round totals and events apart; below this nothing is wrong
_CLOCK_SECONDS = 2.0  # start times are often whole seconds
_SUMMED = {
    "dlp_mgy_cm": "dlp-total-differs",
    "pka_gy_cm2": "pka-total-differs",
    "ka_r_mgy": "ka-r-total-differs",
    "agd_mgy": "agd-total-differs",
}


def check(reading: Reading, body: Body) -> None:
    """Note totals that differ from the sum of events, missing and repeated event UIDs, and an empty report."""
    if not body.events:
        reading.note("no-events", "the report holds no irradiation event")
    for column, code in _SUMMED.items():
        _check_total(reading, body, column, code)
    _check_breasts(reading, body)
    _check_count(reading, body.accumulated, len(body.events))
    _check_uids(reading, body.events)
    _check_durations(reading, body.events)


def _stated(rows: Iterable[AccumulatedDose | IrradiationEvent], column: str) -> list[float]:
    values = (getattr(row, column) for row in rows)
    return [value for value in values if value is not None]


def _check_total(reading: Reading, body: Body, column: str, code: str) -> None:
    totals, events = _stated(body.accumulated, column), _stated(body.events, column)
    if not totals or not events:
        return
    stated, summed = math.fsum(totals), math.fsum(events)
    if not _agree(stated, summed):
        reading.note(code, f"{column}: the report's total is {stated:.6g}, its events add up to {summed:.6g}")


def _check_breasts(reading: Reading, body: Body) -> None:
    """Note a breast whose accumulated glandular dose is not that of its own events (TID 10005)."""
    for side in ("left", "right"):
        totals = [total.agd_mgy for total in body.accumulated if total.laterality == side and total.agd_mgy is not None]
        events = [event.agd_mgy for event in body.events if event.laterality == side and event.agd_mgy is not None]
        if totals and events and not _agree(math.fsum(totals), math.fsum(events)):
            reading.note(
                "agd-total-differs",
                f"agd_mgy, {side}: the report's total is {math.fsum(totals):.6g}, "
                f"its events add up to {math.fsum(events):.6g}",
            )


def _agree(stated: float, summed: float) -> bool:
    return math.isclose(stated, summed, rel_tol=_TOLERANCE, abs_tol=1e-9)


def _check_count(reading: Reading, totals: Iterable[AccumulatedDose], events: int) -> None:
    stated = [total.event_count for total in totals if total.event_count is not None]
    if stated and sum(stated) != events:
        reading.note("event-count-differs", f"the report states {sum(stated)} events and holds {events}")


def _check_uids(reading: Reading, events: tuple[IrradiationEvent, ...]) -> None:
    missing = sum(event.irradiation_event_uid is None for event in events)
    if missing:
        reading.note("missing-event-uid", f"{missing} of {len(events)} events have no Irradiation Event UID")
    seen = Counter((event.irradiation_event_uid, event.plane) for event in events if event.irradiation_event_uid)
    repeated = {key for key, times in seen.items() if times > 1}
    if not repeated:
        return
    distinct = {event for event in events if (event.irradiation_event_uid, event.plane) in repeated}
    if len(distinct) > len(repeated):
        reading.note("same-uid-other-values", f"{len(repeated)} event UIDs stand for events with different values")
    else:
        reading.note("repeated-event", f"{len(repeated)} events are stated more than once")


def _check_durations(reading: Reading, events: tuple[IrradiationEvent, ...]) -> None:
    """Note durations longer than the time to the next event of the same plane: a second value in a wrong unit."""
    timed = [event for event in events if event.started_at and event.irradiation_duration_s is not None]
    for event, following in pairwise(timed):
        if event.plane != following.plane:
            continue
        gap = datetime.fromisoformat(str(following.started_at)) - datetime.fromisoformat(str(event.started_at))
        if 0 < gap.total_seconds() < (event.irradiation_duration_s or 0.0) - _CLOCK_SECONDS:
            reading.note("duration-exceeds-gap", "irradiation_duration_s: longer than the time to the next event")
