"""Site, device and patient: found or made, and corrected by whoever knows better."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select

from dose import model, tables
from dose.crypto import keys, normalise
from dose.store import not_patient
from dose.store.registers import merge
from dose.store.rows import clean
from dose.store.statements import insert_all, insert_unless_there, upsert
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
    found = known_site_id(connection, name)
    return upsert(connection, SITE, {"name": name}, lambda _: {})[0] if found is None else found


def known_site_id(connection: Connection, name: str) -> int | None:
    """The row of a site, None when there is none yet."""
    found = connection.execute(_SITE_BY_NAME, {"name": name}).scalar()
    return None if found is None else int(found)


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
    return upsert_devices(connection, site, [(report, rank)], seen)[0]


def upsert_devices(
    connection: Connection, site: int, reports: Sequence[tuple[model.DoseReport, str]], seen: datetime
) -> list[int]:
    """The device of each object, given with its rank; rows are locked in the order of their keys."""
    of_device: dict[str, list[tuple[model.DoseReport, str]]] = {}
    keys_of = [device_key(report.device) for report, _ in reports]
    for key, said in zip(keys_of, reports, strict=True):
        of_device.setdefault(key, []).append(said)

    def changed(row: Row[Any] | None) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for report, rank in of_device[key]:
            changes |= _device_after((dict(row._mapping) if row else {}) | changes, report, rank, seen)
        return changes

    found = {}
    for key in sorted(of_device):
        found[key], _ = upsert(connection, DEVICE, {"site_id": site, "device_key": key}, changed)
    return [found[key] for key in keys_of]


def _device_after(now: dict[str, Any], report: model.DoseReport, rank: str, seen: datetime) -> dict[str, Any]:
    """The columns of a device after an object spoke; `now` is empty for a new one."""
    stated = {name: clean(getattr(report.device, name), length) for name, length in _DEVICE_TEXTS.items()}
    stated["software"] = clean("\n".join(report.device.software), 400)
    stated["modality"] = clean(report.modality, 16)
    won, ranks = merge(now.get("ranks", {}), stated, rank)
    times = {
        "first_seen_at": min(seen, now.get("first_seen_at", seen)),
        "last_seen_at": max(seen, now.get("last_seen_at", seen)),
    }
    return won | times | {"ranks": ranks, "is_demo": is_demo(report) and now.get("is_demo", True)}


_DEVICE_TEXTS: dict[str, int] = {
    name: DEVICE.c[name].type.length  # type: ignore[attr-defined]
    for name in ("manufacturer", "model", "serial_number", "station_name", "institution", "department")
}


def upsert_patient(connection: Connection, site: int, report: model.DoseReport, rank: str) -> tuple[int, int]:
    """The patient the object names, and who that is; an object without Patient ID gets a patient of its study's own."""
    return _upsert_patient(connection, site, [(report, rank)])


def _upsert_patient(
    connection: Connection, site: int, reports: Sequence[tuple[model.DoseReport, str]]
) -> tuple[int, int]:
    """`upsert_patient` for several objects that name one patient."""
    said = [(*_identity(report), rank) for report, rank in reports]

    def changed(row: Row[Any] | None) -> dict[str, Any]:
        ranks = row.ranks if row else {}
        changes = {} if row else {"is_demo": is_demo(reports[0][0])}
        for _, stated, rank in said:
            won, ranks = merge(ranks, stated, rank)
            changes |= won
        return changes | {"ranks": ranks}

    row_id, before = upsert(connection, PATIENT, {"site_id": site, "id_index": said[0][0]}, changed)
    # A former name stays a way to find the person: tokens are only ever added.
    renamed = [(row_id, stated) for _, stated, _ in said if stated["name"] and before and stated["name"] != before.name]
    _add_tokens(connection, [(row_id, stated) for _, stated, _ in said] if before is None else renamed)
    if renamed:
        not_patient.judge_patient(connection, row_id)
    return row_id, row_id if before is None else before.merged_into_id or row_id


def upsert_patients(
    connection: Connection, site: int, reports: Sequence[tuple[model.DoseReport, str]]
) -> list[tuple[int, int]]:
    """As `upsert_patient` for each report, given with its rank; those nobody named before are made together.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        Another transaction made one of them at this moment.
    """
    said = [(*_identity(report), report, rank) for report, rank in reports]
    there = set(connection.execute(_THERE, {"site": site, "indexes": sorted({index for index, *_ in said})}).scalars())
    new = {index: position for position, (index, *_) in reversed(list(enumerate(said))) if index not in there}
    rows = []
    for position in new.values():
        index, stated, report, rank = said[position]
        _, ranks = merge({}, stated, rank)
        rows.append(stated | {"site_id": site, "id_index": index, "ranks": ranks, "is_demo": is_demo(report)})
    ids = insert_all(connection, PATIENT, rows) if rows else []
    _add_tokens(connection, zip(ids, rows, strict=True))
    found = {position: (row_id, row_id) for position, row_id in zip(new.values(), ids, strict=True)}
    others: dict[bytes, list[int]] = {}
    for position in sorted(set(range(len(said))) - found.keys()):
        others.setdefault(said[position][0], []).append(position)
    # In the order of their indexes: two transactions that lock the same rows then wait, and no more.
    for _, positions in sorted(others.items()):
        found |= dict.fromkeys(positions, _upsert_patient(connection, site, [reports[one] for one in positions]))
    return [found[position] for position in range(len(said))]


_THERE = select(PATIENT.c.id_index).where(
    PATIENT.c.site_id == bindparam("site"), PATIENT.c.id_index.in_(bindparam("indexes", expanding=True))
)


def _identity(report: model.DoseReport) -> tuple[bytes, dict[str, Any]]:
    """The index of the patient an object names, and what it states of that patient."""
    said = report.patient
    patient_id, issuer = clean(said.id), clean(said.issuer, 120)
    if patient_id:
        index = patient_index(patient_id, issuer)
    else:
        index = keys().index(report.study_instance_uid, "patient.study_uid")
    return index, {"patient_id": patient_id, "issuer": issuer, "name": clean(said.name),
                   "birth_date": clean(said.birth_date), "sex": clean(said.sex, 1)}  # fmt: skip


def patient_index(patient_id: str, issuer: str | None) -> bytes:
    """The keyed index by which a patient of a site is known."""
    return keys().index(f"{normalise(patient_id)}\0{issuer or ''}", "patient.id_index")


def _add_tokens(connection: Connection, patients: Iterable[tuple[int, dict[str, Any]]]) -> None:
    rows: list[dict[str, Any]] = []
    for row_id, stated in patients:
        tokens = sorted(patient_tokens(stated["patient_id"], stated["name"]))
        rows += [{"token": token, "patient_id": row_id} for token in tokens]
    if rows:
        connection.execute(insert_unless_there(connection.dialect.name, "patient_token"), rows)
