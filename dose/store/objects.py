"""Rows of `source_object`: what arrived, what became of it, and the bytes kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, Table, bindparam, delete, or_, select, update

from dose import tables
from dose.errors import BadObject, NotADoseObject
from dose.model import DoseReport
from dose.store.rows import ACCUMULATED, clean, short_uid
from dose.store.statements import insert_one, insert_unless_there
from dose.store.states import (
    COPY,
    COPY_CODE,
    COPY_REASON,
    MODIFIED,
    MODIFIED_COPY,
    NOT_DOSE,
    OK,
    OUTDONE,
    REJECTED,
    SERIES_GREW,
    SOP_UID_REUSED,
    SOURCE,
    SUPERSEDED,
)

KEPT: Table = tables.KeptObject.__table__  # type: ignore[assignment]
KEPT_WHEN_REJECTED_BYTES = 4 << 20  # a dose lost to a fault of ours can be read later; a bomb is not stored
HEADER = "header"
_REUSED = {"code": SOP_UID_REUSED, "text": "Another object with the same SOP Instance UID says something else."}


@dataclass(frozen=True, slots=True)
class Arrival:
    """How an object reached us. `content_sha256` is of its data set without file meta information.

    `copied_from` is Orthanc's name of the instance, or series, it was made from, `copy_kind` how: `anonymised` or
    `modified`; both None of an object that came from outside. `keep_operators`: the site keeps whom it names.
    """

    content: bytes
    content_sha256: str
    origin: str
    orthanc_id: str | None
    site_id: int
    received_at: datetime
    read_at: datetime
    copied_from: str | None = None
    copy_kind: str | None = None
    keep_operators: bool = False
    import_batch_id: int | None = None

    @property
    def modified(self) -> bool:
        """Whether a person changed it inside Orthanc."""
        return self.copy_kind == MODIFIED_COPY


def known(connection: Connection, arrival: Arrival, report_sha256: str, sop_instance_uid: str) -> list[Row[Any]]:
    """Objects with the same bytes, the one that holds the SOP Instance UID, one that lost it saying the same, one of
    this name in Orthanc that was refused unread; and those this one was made from, or that were made from it.
    """
    named = {"content": arrival.content_sha256, "holder": sop_instance_uid, "loser": f"sha256:{report_sha256}"}
    named |= {"orthanc": arrival.orthanc_id or "", "origin": arrival.copied_from or ""}
    return list(connection.execute(_KNOWN, named))


_KNOWN = select(SOURCE).where(
    or_(
        SOURCE.c.content_sha256 == bindparam("content"),
        SOURCE.c.object_key.in_([bindparam("holder"), bindparam("loser")]),
        (SOURCE.c.orthanc_id == bindparam("orthanc", type_=String)) & SOURCE.c.content_sha256.is_(None),
        SOURCE.c.copied_from == bindparam("orthanc", type_=String),
        SOURCE.c.orthanc_id == bindparam("origin", type_=String),
    )
)


def note_repeat(connection: Connection, row: Row[Any], arrival: Arrival) -> None:
    """Remember that an object we know is also in Orthanc (now)."""
    if arrival.orthanc_id and (row.orthanc_id != arrival.orthanc_id or row.origin != arrival.origin):
        values = {"orthanc_id": arrival.orthanc_id, "origin": arrival.origin}
        connection.execute(update(SOURCE).where(SOURCE.c.id == row.id), values)


def source_values(
    report: DoseReport, arrival: Arrival, rank: str, report_sha256: str, event_count: int
) -> dict[str, Any]:
    """The columns that a readable object fills."""
    return {
        "object_key": report.sop_instance_uid,
        "sop_instance_uid": report.sop_instance_uid,
        "sop_class_uid": clean(report.sop_class_uid, 64),
        "series_instance_uid": clean(report.series_instance_uid, 64),
        "site_id": arrival.site_id,
        "orthanc_id": arrival.orthanc_id,
        "kind": report.source,
        "template": clean(report.template, 16),
        "reader_version": report.reader_version,
        "status": OK,
        "reason_code": None,
        "reason": None,
        "warnings": [{"code": warning.code, "text": warning.text} for warning in report.warnings],
        "quirks": list(report.quirks),
        "software": clean("\n".join(report.device.software), 400),
        "rank": rank,
        "event_count": event_count,
        "event_keys": _keys(report),
        "instance_count": report.instance_count,
        "copied_from": arrival.copied_from,
        "import_batch_id": arrival.import_batch_id,
        "size_bytes": len(arrival.content),
        "content_sha256": arrival.content_sha256,
        "report_sha256": report_sha256,
        "origin": arrival.origin,
        "received_at": arrival.received_at,
        "read_at": arrival.read_at,
    }


def _keys(report: DoseReport) -> list[str] | None:
    # Which UIDs weaker sources use shows whether the better one means the same by them (dose.store.covering).
    if report.source.endswith("rdsr"):
        return None
    return sorted({short_uid(event.irradiation_event_uid) for event in report.events if event.irradiation_event_uid})


def keep(connection: Connection, *arrivals: Arrival) -> None:
    """Keep the bytes, compressed and encrypted, unless they are kept already."""
    rows = [{"sha256": one.content_sha256, "content": one.content, "kept_at": one.read_at} for one in arrivals]
    connection.execute(insert_unless_there(connection.dialect.name, KEPT.name), rows)


def why_outdone(winner: Mapping[str, Any], loser: Mapping[str, Any]) -> str:
    """Why one of two objects with one SOP Instance UID, as rows of `source_object`, is not believed."""
    of_series = winner["sop_instance_uid"] == winner["series_instance_uid"]
    if winner["kind"] == loser["kind"] == HEADER and of_series:
        return SERIES_GREW
    made_of_it = winner["copied_from"] is not None and winner["copied_from"] == loser["orthanc_id"]
    return MODIFIED if made_of_it else SOP_UID_REUSED


def copy_values(report: DoseReport, arrival: Arrival, rank: str, report_sha256: str) -> dict[str, Any]:
    """The columns of an anonymised copy, which gives no events and keeps its UID to itself."""
    values = source_values(report, arrival, rank, report_sha256, len(report.events))
    says_why = {"status": COPY, "reason_code": COPY_CODE, "reason": COPY_REASON}
    return values | says_why | {"object_key": f"sha256:{report_sha256}"}


def demote(connection: Connection, loser: Row[Any], code: str) -> None:
    """Take the SOP Instance UID from an object that lost it to a better one of the same UID."""
    values = loser_values(loser.report_sha256, loser.warnings, code)
    connection.execute(update(SOURCE).where(SOURCE.c.id == loser.id), values)
    connection.execute(delete(ACCUMULATED).where(ACCUMULATED.c.source_object_id == loser.id))
    if code == SERIES_GREW:  # the larger bundle holds all of it
        connection.execute(delete(KEPT).where(KEPT.c.sha256 == loser.content_sha256))


def loser_values(report_sha256: str, warnings: list[Any], code: str) -> dict[str, Any]:
    """The columns by which an object that lost its SOP Instance UID explains why nothing of it counts."""
    return {
        "object_key": f"sha256:{report_sha256}",
        "status": SUPERSEDED,
        "reason_code": code,
        "reason": OUTDONE[code],
        "warnings": with_reuse_warning(warnings, code),
    }


def with_reuse_warning(warnings: list[Any], code: str = SOP_UID_REUSED) -> list[Any]:
    """Warnings that also say that the SOP Instance UID is not unique, where that is a fault."""
    others = [warning for warning in warnings if warning["code"] != SOP_UID_REUSED]
    return [*others, _REUSED] if code == SOP_UID_REUSED else others


def gather_losers(
    connection: Connection, sop_instance_uid: str, former_study_id: int | None, study_id: int | None
) -> None:
    """Show all objects of one SOP Instance UID on the study of the one that is believed."""
    same = (
        SOURCE.c.study_id == former_study_id,
        SOURCE.c.sop_instance_uid == sop_instance_uid,
        SOURCE.c.reason_code.in_(sorted(OUTDONE)),
    )
    connection.execute(update(SOURCE).where(*same), {"study_id": study_id})


def reject(connection: Connection, error: BadObject, arrival: Arrival) -> int | None:
    """Record that an object was refused and why; None when the same bytes were read well before."""
    same = [SOURCE.c.content_sha256 == arrival.content_sha256]
    if not arrival.content and arrival.orthanc_id:
        same = [SOURCE.c.orthanc_id == arrival.orthanc_id, SOURCE.c.status.in_((REJECTED, NOT_DOSE))]
    row = connection.execute(select(SOURCE).where(*same)).first()
    if row is not None and row.status not in {REJECTED, NOT_DOSE}:
        return None
    values = {
        "status": NOT_DOSE if isinstance(error, NotADoseObject) else REJECTED,
        "reason_code": error.code[:40],
        "reason": clean(str(error), 500),
        "read_at": arrival.read_at,
        **{name: clean(error.about.get(name), size) for name, size in _ABOUT.items()},
    }
    if row is not None:
        kept_id = {"orthanc_id": arrival.orthanc_id or row.orthanc_id,
                   "copied_from": arrival.copied_from or row.copied_from}  # fmt: skip
        connection.execute(update(SOURCE).where(SOURCE.c.id == row.id), values | kept_id)
        return int(row.id)
    if values["status"] == REJECTED and 0 < len(arrival.content) <= KEPT_WHEN_REJECTED_BYTES:
        keep(connection, arrival)
    return insert_one(connection, SOURCE, values | _refused(arrival))


_ABOUT = {"sop_instance_uid": 64, "sop_class_uid": 64, "series_instance_uid": 64, "sender": 200}


def _refused(arrival: Arrival) -> dict[str, Any]:
    return {
        "object_key": f"sha256:{arrival.content_sha256}",
        "site_id": arrival.site_id,
        "orthanc_id": arrival.orthanc_id,
        "warnings": [],
        "quirks": [],
        "instance_count": 1,
        "copied_from": arrival.copied_from,
        "import_batch_id": arrival.import_batch_id,
        "size_bytes": len(arrival.content) or None,
        "content_sha256": arrival.content_sha256 if arrival.content else None,
        "origin": arrival.origin,
        "received_at": arrival.received_at,
    }


def drop_refusals(connection: Connection, rows: list[Row[Any]], arrival: Arrival) -> Arrival:
    """Forget that these bytes were refused, now that they are read; keeps when they first arrived."""
    refused = [
        row
        for row in rows
        if row.status in {REJECTED, NOT_DOSE}
        and (row.content_sha256 == arrival.content_sha256 or row.content_sha256 is None)
        and (row.content_sha256 is not None or row.orthanc_id == arrival.orthanc_id)
    ]
    if not refused:
        return arrival
    connection.execute(delete(SOURCE).where(SOURCE.c.id.in_([row.id for row in refused])))
    first = min(row.received_at for row in refused)
    return replace(arrival, received_at=min(first, arrival.received_at))
