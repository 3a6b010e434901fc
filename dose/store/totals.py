"""Sums of a study beside what its devices report, and the notes that come of comparing them. No database here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dose.quantities import QUANTITIES, number_text
from dose.store.rows import ADMINISTRATION, Row

TOLERANCE = 0.01  # relative; rounding of stated totals stays below it
SUMS = {
    "dlp_mgy_cm": ("dlp_sum_mgy_cm", "dlp_reported_mgy_cm", "dlp-total-differs"),
    "pka_gy_cm2": ("pka_sum_gy_cm2", "pka_reported_gy_cm2", "pka-total-differs"),
    "ka_r_mgy": ("ka_r_sum_mgy", "ka_r_reported_mgy", "ka-r-total-differs"),
    "agd_mgy": ("agd_sum_mgy", "agd_reported_mgy", "agd-total-differs"),
}
_TOTAL_CODES = {code for _, _, code in SUMS.values()}


@dataclass(frozen=True, slots=True)
class Source:
    """What the totals need of one source object: its remarks, how many events it holds and how many it owns."""

    warnings: Sequence[Mapping[str, Any]]
    patient_id: int | None
    held: int
    owned: int
    id: int = 0


def total(rows: Iterable[Mapping[str, Any]], column: str) -> float | None:
    """The exactly rounded sum, the same in any order; None when no row states a value."""
    values = [row[column] for row in rows if row[column] is not None]
    try:
        return math.fsum(values) if values else None
    except OverflowError:
        return None  # each is a number, together they are none that a database holds


def study_totals(events: Sequence[Mapping[str, Any]], accumulated: Sequence[Mapping[str, Any]], overlap: bool) -> Row:
    """The total columns of `study`.

    Reports that overlap in part (one owns only some of its events) state totals that cannot be added: then the
    reported totals are None and each report's own stay visible beside it.
    """
    reported_rows = () if overlap else accumulated
    found: Row = {"event_count": len(events)}
    for column, (sum_column, reported_column, _) in SUMS.items():
        found[sum_column] = total(events, column)
        found[reported_column] = total(reported_rows, column)
    administered = [event for event in events if event["event_type"] == ADMINISTRATION]
    found["activity_sum_mbq"] = total(administered, "activity_mbq")
    found["effective_dose_reported_msv"] = total(administered, "effective_dose_msv")
    stated = [event["ctdi_vol_mgy"] for event in events if event["ctdi_vol_mgy"] is not None]
    found["ctdi_vol_max_mgy"] = max(stated, default=None)
    found["agd_max_breast_mgy"] = _agd_of_the_breast_with_most(events)
    of_events, of_reports = total(events, "fluoro_time_s"), total(reported_rows, "fluoro_time_s")
    found["fluoro_time_s"] = of_events if of_reports is None else of_reports
    found["protocols"] = "\n".join(protocols(events)) or None
    return found


def _agd_of_the_breast_with_most(events: Sequence[Mapping[str, Any]]) -> float | None:
    breasts: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event["agd_mgy"] is not None:
            breasts.setdefault(event["laterality"] or "", []).append(event)
    return max((total(rows, "agd_mgy") or 0.0 for rows in breasts.values()), default=None)


def protocols(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Distinct protocol names in the order of the events."""
    named = [event for event in events if event["protocol"]]
    named.sort(key=lambda event: (event["started_at"] or "", event["position"], event["protocol"]))
    return list(dict.fromkeys(" ".join(event["protocol"].split()) for event in named))


def study_notes(
    totals: Row, sources: Sequence[Source], overlap: bool, elsewhere: bool, told: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """What to know about the study: its live sources' remarks and what only the study as a whole shows.

    `told` are the counted events of the sources that state totals: only their sum can be compared with those.
    """
    found = [dict(warning) for source in sources for warning in source.warnings if warning["code"] not in _TOTAL_CODES]
    found += _differences(totals, told)
    if overlap:
        found.append(_note("reports-overlap", "Reports of this study overlap in part; their totals cannot be added."))
    if elsewhere:
        text = "An irradiation event UID of this study stands with other values in another study; both are counted."
        found.append(_note("event-in-other-study", text))
    if len({source.patient_id for source in sources}) > 1:
        found.append(_note("patient-differs", "Reports of this study name different patients."))
    distinct = {(note["code"], note["text"]): note for note in found}
    return [distinct[key] for key in sorted(distinct)]


def _note(code: str, text: str, **values: float) -> Row:
    return {"code": code, "text": text, **values}


def _differences(totals: Row, told: Sequence[Mapping[str, Any]]) -> list[Row]:
    found = []
    for column, (_, reported_column, code) in SUMS.items():
        summed, reported = total(told, column), totals[reported_column]
        if summed is None or reported is None or math.isclose(summed, reported, rel_tol=TOLERANCE, abs_tol=1e-9):
            continue
        quantity = QUANTITIES[column]
        text = (
            f"{quantity.symbol}: the events add up to {number_text(summed)} {quantity.unit}, "
            f"the reports state {number_text(reported)} {quantity.unit}."
        )
        found.append(_note(code, text, sum=summed, reported=reported))
    return found
