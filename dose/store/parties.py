"""Site, device and patient: found or made, and corrected by whoever knows better."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select

from dose import model, tables
from dose.crypto import keys, normalise
from dose.store import not_patient
from dose.store.registers import merge
from dose.store.rows import clean
from dose.store.statements import insert_unless_there, upsert
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
    person_id: int  # the patient, or the one a person said is the same
    has_patient_id: bool
    is_demo: bool


def site_id(connection: Connection, name: str) -> int:
    """The row of a site, made when it is new."""
    found = connection.execute(_SITE_BY_NAME, {"name": name}).scalar()
    return int(found) if found is not None else upsert(connection, SITE, {"name": name}, lambda _: {})[0]


_SITE_BY_NAME = select(SITE.c.id).where(SITE.c.name == bindparam("name"))


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
    stated = {name: clean(getattr(device, name), length) for name, length in _DEVICE_TEXTS.items()}
    stated["software"] = clean("\n".join(device.software), 400)
    stated["modality"] = clean(report.modality, 16)

    def changed(row: Row[Any] | None) -> dict[str, Any]:
        won, ranks = merge(row.ranks if row else {}, stated, rank)
        first, last, all_demo = (row.first_seen_at, row.last_seen_at, row.is_demo) if row else (seen, seen, True)
        times = {"first_seen_at": min(seen, first), "last_seen_at": max(seen, last)}
        return won | times | {"ranks": ranks, "is_demo": demo and all_demo}

    return upsert(connection, DEVICE, {"site_id": site, "device_key": device_key(device)}, changed)[0]


_DEVICE_TEXTS: dict[str, int] = {
    name: DEVICE.c[name].type.length  # type: ignore[attr-defined]
    for name in ("manufacturer", "model", "serial_number", "station_name", "institution", "department")
}


def upsert_patient(connection: Connection, site: int, report: model.DoseReport, rank: str) -> tuple[int, int]:
    """The patient the object names, and who that is; an object without Patient ID gets a patient of its study's own."""
    said = report.patient
    patient_id, issuer, name = clean(said.id), clean(said.issuer, 120), clean(said.name)
    if patient_id:
        index = patient_index(patient_id, issuer)
    else:
        index = keys().index(report.study_instance_uid, "patient.study_uid")
    stated = {"patient_id": patient_id, "issuer": issuer, "name": name, "birth_date": clean(said.birth_date),
              "sex": clean(said.sex, 1)}  # fmt: skip

    def changed(row: Row[Any] | None) -> dict[str, Any]:
        won, ranks = merge(row.ranks if row else {}, stated, rank)
        return won | {"ranks": ranks} | ({} if row else {"is_demo": is_demo(report)})

    row_id, before = upsert(connection, PATIENT, {"site_id": site, "id_index": index}, changed)
    # A former name stays a way to find the person: tokens are only ever added.
    if before is None or (name and name != before.name):
        _add_tokens(connection, row_id, patient_id, name)
    if before is not None and name and name != before.name:
        not_patient.judge_patient(connection, row_id)
    return row_id, row_id if before is None else before.merged_into_id or row_id


def patient_index(patient_id: str, issuer: str | None) -> bytes:
    """The keyed index by which a patient of a site is known."""
    return keys().index(f"{normalise(patient_id)}\0{issuer or ''}", "patient.id_index")


def _add_tokens(connection: Connection, row_id: int, patient_id: str | None, name: str | None) -> None:
    rows: list[dict[str, Any]] = [{"token": t, "patient_id": row_id} for t in sorted(patient_tokens(patient_id, name))]
    if rows:
        connection.execute(insert_unless_there(connection.dialect.name, "patient_token"), rows)
