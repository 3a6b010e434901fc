"""The whole content of a database in a form that two databases can be compared by: natural keys, no ids, no times."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.tables import Base

TABLES = (
    "site", "device", "patient", "patient_token", "study", "study_word", "counterpart", "source_object", "kept_object",
    "accumulated_dose", "irradiation_event", "event_study",
)  # fmt: skip
NATURAL = {
    "site": "name",
    "device": "device_key",
    "patient": "id_index",
    "study": "study_instance_uid",
    "source_object": "object_key",
}
VOLATILE = {"id", "version", "first_seen_at", "last_seen_at", "updated_at", "received_at", "read_at", "kept_at"}
VOLATILE |= {"not_patient_since"}
ARRIVAL = {"listed_at"}  # the time of arrival where an object states no time


def dump(session: Session) -> dict[str, list[Any]]:
    """Every row that reports write, sorted."""
    names = {table: _names(session, table) for table in NATURAL}
    events = {row.id: (row.event_key, row.plane, row.occurrence, names["study"][row.study_id])
              for row in session.execute(select(Base.metadata.tables["irradiation_event"]))}  # fmt: skip
    names["irradiation_event"] = events
    return {table: sorted(_rows(session, table, names), key=repr) for table in TABLES}


def _names(session: Session, table: str) -> dict[int, Any]:
    columns = Base.metadata.tables[table].c
    return dict(session.execute(select(columns.id, columns[NATURAL[table]])).all())


def _rows(session: Session, table: str, names: dict[str, dict[int, Any]]) -> list[Any]:
    found = []
    columns = Base.metadata.tables[table]
    for row in session.execute(select(columns)).mappings():
        plain = {}
        for column in columns.c:
            if column.name in VOLATILE or (column.name in ARRIVAL and not row["started_at"]):
                continue
            value = row[column.name]
            for key in column.foreign_keys:
                value = value if value is None else names[key.column.table.name][value]
            plain[column.name] = value
        found.append(plain)
    return found
