"""Site, device and patient: found or made, and corrected by whoever knows better."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select, update

from dose import model, tables
from dose.crypto import keys, normalise
from dose.store.registers import merge
from dose.store.rows import clean
from dose.store.statements import find_or_make, insert_unless_there
from dose.store.words import patient_tokens

DEMO_ISSUER = "DACS-DEMO"

SITE: Table = tables.Site.__table__  # type: ignore[assignment]
DEVICE: Table = tables.Device.__table__  # type: ignore[assignment]
PATIENT: Table = tables.Patient.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Parties:
    """Row ids of the device and the patient that one object names."""

    device_id: int
    patient_id: int
    has_patient_id: bool
    is_demo: bool


def site_id(connection: Connection, name: str) -> int:
    """The row of a site, made when it is new."""
    found = connection.execute(select(SITE.c.id).where(SITE.c.name == name)).scalar()
    if found is not None:
        return int(found)
    return int(find_or_make(connection, SITE, {"name": name}, {})[0].id)


def device_key(device: model.Device) -> str:
    """What tells one machine from another: maker, model, serial number and station, without case and spaces."""
    parts = (device.manufacturer, device.model, device.serial_number, device.station_name)
    text = "\0".join(normalise(part or "") for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def is_demo(report: model.DoseReport) -> bool:
    """Whether the object was made for demonstration; such rows are marked and removable together."""
    return report.patient.issuer == DEMO_ISSUER


def has_patient_id(report: model.DoseReport) -> bool:
    """Whether the object says who the patient is."""
    return clean(report.patient.id) is not None


def upsert_device(connection: Connection, site: int, report: model.DoseReport, rank: str, seen: datetime) -> int:
    """The device that made the object. On PostgreSQL its row stays locked: one object of a device at a time."""
    device, demo = report.device, is_demo(report)
    key = {"site_id": site, "device_key": device_key(device)}
    initial = {"first_seen_at": seen, "last_seen_at": seen, "is_demo": demo, "ranks": {}}
    row, _ = find_or_make(connection, DEVICE, key, initial)
    stated = {name: clean(getattr(device, name), DEVICE.c[name].type.length) for name in _DEVICE_TEXTS}  # type: ignore[attr-defined]
    stated["software"] = clean("\n".join(device.software), 400)
    stated["modality"] = clean(report.modality, 16)
    won, ranks = merge(row.ranks, stated, rank)
    won |= {"last_seen_at": max(seen, row.last_seen_at), "first_seen_at": min(seen, row.first_seen_at)}
    connection.execute(
        update(DEVICE).where(DEVICE.c.id == row.id), won | {"ranks": ranks, "is_demo": demo and row.is_demo}
    )
    return int(row.id)


_DEVICE_TEXTS = ("manufacturer", "model", "serial_number", "station_name", "institution", "department")


def upsert_patient(connection: Connection, site: int, report: model.DoseReport, rank: str) -> int:
    """The person the object names; an object without Patient ID gets a person of its study's own."""
    said = report.patient
    patient_id, issuer = clean(said.id), clean(said.issuer, 120)
    if patient_id:
        index = keys().index(f"{normalise(patient_id)}\0{issuer or ''}", "patient.id_index")
    else:
        index = keys().index(report.study_instance_uid, "patient.study_uid")
    name = clean(said.name)
    row, made = find_or_make(
        connection, PATIENT, {"site_id": site, "id_index": index}, {"is_demo": is_demo(report), "ranks": {}}
    )
    stated = {"patient_id": patient_id, "issuer": issuer, "name": name, "birth_date": clean(said.birth_date),
              "sex": clean(said.sex, 1)}  # fmt: skip
    won, ranks = merge(row.ranks, stated, rank)
    connection.execute(update(PATIENT).where(PATIENT.c.id == row.id), won | {"ranks": ranks})
    # A former name stays a way to find the person: tokens are only ever added.
    if made or (name and name != row.name):
        _add_tokens(connection, int(row.id), patient_id, name)
    return int(row.id)


def _add_tokens(connection: Connection, row_id: int, patient_id: str | None, name: str | None) -> None:
    rows: list[dict[str, Any]] = [{"token": t, "patient_id": row_id} for t in sorted(patient_tokens(patient_id, name))]
    if rows:
        connection.execute(insert_unless_there(connection.dialect.name, "patient_token"), rows)
