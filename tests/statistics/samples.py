"""Rows of studies and events as statistics are given them."""

from __future__ import annotations

from typing import Any

from dose.statistics.counting import NEEDED
from dose.store.totals import study_totals

_NOTHING = dict.fromkeys((*NEEDED, "effective_dose_msv", "fluoro_time_s", "started_at"), None)


def event(event_type: str | None = "spiral", **fields: Any) -> dict[str, Any]:
    """One counted event."""
    return _NOTHING | {"event_type": event_type, "position": 0} | fields


def scan(dlp: float | None = 300.0, phantom: str | None = "body_32", **fields: Any) -> dict[str, Any]:
    """One diagnostic acquisition of a CT."""
    given = {"ctdi_vol_mgy": dlp and dlp / 30, "scanning_length_mm": 300.0, "protocol": "Thorax", **fields}
    return event(dlp_mgy_cm=dlp, ctdi_phantom=phantom, **given)


def study(events: list[dict[str, Any]], accumulated: tuple[dict[str, Any], ...] = (), **fields: Any) -> dict[str, Any]:
    """The study of these events, with the totals that it would be stored with."""
    given = {
        "id": 1, "version": 5, "listed_at": 20260102095800, "started_at": "2026-01-02T09:58:00", "site_id": 1,
        "device_id": 2, "patient_id": 3, "modality": "CT", "sex": "F", "is_demo": False, "age_years": 45.0,
        "weight_kg": 72.0, "height_m": 1.7, "is_patient": True, "covered_by_id": None,
    }  # fmt: skip
    return given | study_totals(events, accumulated, overlap=False) | fields
