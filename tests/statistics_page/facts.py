"""Facts of studies and events laid down by hand, as `dose.store.facts` would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.statistics.bands import band
from dose.tables import EventFact, StudyFact

COMMON = {"day": 20260105, "site_id": 1, "device_id": 1, "modality": "CT", "procedure_id": None, "protocol_id": None,
          "phantom": 32, "sex": None, "age_years": None, "weight_kg": None, "counts": True, "left_out": 0}  # fmt: skip
STUDY = {"version": 1, "hour": 9, "patient_id": 1, "naming": "none", "is_demo": False, "event_count": 1}


def study_fact(number: int, **fields: Any) -> dict[str, Any]:
    """One row of `study_fact`; what is not given is as in COMMON, else absent."""
    row = {column.key: None for column in StudyFact.__table__.columns} | COMMON | STUDY | {"study_id": number} | fields
    return _completed(row)


def event_fact(number: int, study: int, **fields: Any) -> dict[str, Any]:
    """One row of `event_fact`."""
    row = {column.key: None for column in EventFact.__table__.columns} | COMMON | {"diagnostic": True} | fields
    return _completed(row | {"event_id": number, "study_id": study})


def _completed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"month": row["day"] // 100, "band": band(row["age_years"], row["weight_kg"])}


def lay_down(
    factory: sessionmaker[Session], studies: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]] = ()
) -> None:
    """Write the rows."""
    with writing(factory) as session:
        for table, rows in ((StudyFact, list(studies)), (EventFact, list(events))):
            if rows:
                session.execute(insert(table), rows)
