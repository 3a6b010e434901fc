"""Stored rows of studies and of the events that count in them, as facts and alerts are made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    select,
)

from dose import tables
from dose.alerts import rows as alerts
from dose.statistics import counting
from dose.store.claims import LINK, PATIENT, STUDY
from dose.store.rows import ACCUMULATED, EVENT, Row
from dose.store.states import OK, SOURCE

DEVICE: Table = tables.Device.__table__  # type: ignore[assignment]

_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_OF_STUDY = (
    "id", "version", "listed_at", "started_at", "site_id", "device_id", "patient_id", "modality", "is_demo",
    "age_years", "weight_kg", "height_m", "is_patient", "covered_by_id", "dlp_sum_mgy_cm",
    "dlp_reported_mgy_cm", "pka_sum_gy_cm2", "pka_reported_gy_cm2", "ka_r_sum_mgy", "ka_r_reported_mgy",
    "agd_max_breast_mgy", "activity_sum_mbq", "fluoro_time_s", "description", "protocols", "people",
    "procedure_code", "procedure_scheme", "procedure_meaning", "requested_procedure", "clinical_task",
)  # fmt: skip
_OF_EVENT = (
    "id", *counting.NEEDED, "target_region_code", "target_region_meaning", "view", "patient_orientation",
    "series_instance_uid", "started_at", "position",
)  # fmt: skip
# Of single pulses it may be long, and only rules for events ask for more of it than what a scan was for
_IS_SCAN = EVENT.c.event_type.is_(None) | EVENT.c.event_type.in_(counting.CT_TYPES)
_DETAILS = case((bindparam("every", type_=Boolean) | _IS_SCAN, EVENT.c.details)).label("details")


def _studies(*more: ColumnElement[Any]) -> Select[Any]:
    of_device = (DEVICE.c.manufacturer, DEVICE.c.model, DEVICE.c.station_name)
    return (
        select(*(STUDY.c[name] for name in _OF_STUDY), PATIENT.c.sex, *of_device, *more)
        .join(PATIENT, PATIENT.c.id == STUDY.c.patient_id)
        .outerjoin(DEVICE, DEVICE.c.id == STUDY.c.device_id)
        .where(STUDY.c.id.in_(_IDS))
    )


def _events(names: Iterable[str]) -> tuple[Select[Any], Select[Any]]:
    """Statements for own events and for those of other studies that count here."""
    columns = [EVENT.c[name] for name in dict.fromkeys(names) if name != "details"]
    own = select(EVENT.c.study_id.label("of_study"), *columns, _DETAILS)
    linked = select(LINK.c.study_id.label("of_study"), LINK.c.differs, *columns, _DETAILS)
    linked = linked.join(EVENT, EVENT.c.id == LINK.c.irradiation_event_id)
    return own.where(EVENT.c.study_id.in_(_IDS), EVENT.c.counted), linked.where(
        LINK.c.study_id.in_(_IDS), LINK.c.counted
    )


CT = "CT"  # of it reports state totals that no rule asks for by plane
_STUDIES = _studies()
_EXAMINED = _studies(STUDY.c.study_instance_uid, STUDY.c.first_seen_at)
_EVENTS = _events(_OF_EVENT)
_ACQUIRED = _events((*_OF_EVENT, *alerts.NEEDED))
_SOURCES = (
    select(SOURCE.c.study_id, SOURCE.c.id, SOURCE.c.kind, SOURCE.c.software, SOURCE.c.event_count)
    .where(SOURCE.c.study_id.in_(_IDS), SOURCE.c.status == OK)
    .order_by(SOURCE.c.study_id, SOURCE.c.event_count.desc(), SOURCE.c.rank.desc(), SOURCE.c.id)
)
_PLANES = (
    select(SOURCE.c.study_id, ACCUMULATED)
    .join(SOURCE, SOURCE.c.id == ACCUMULATED.c.source_object_id)
    .where(SOURCE.c.study_id.in_(_IDS), SOURCE.c.status == OK)
)


def studies_of(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """What facts are made of, a row a study, with the sex of its patient and the names of its device."""
    return [dict(row) for row in connection.execute(_STUDIES, {"ids": ids}).mappings()]


def events_of(connection: Connection, ids: Sequence[int], *, every_detail: bool) -> dict[int, list[Row]]:
    """The counted events of each study, own (`own` True) and shared ones, in the order of time."""
    return _read(connection, ids, _EVENTS, every_detail=every_detail)


def examined(
    connection: Connection, ids: Sequence[int], *, every_detail: bool
) -> list[tuple[Row, list[Row], list[Row]]]:
    """What alerts are made of: each study with its counted events and the totals its reports state by plane.

    `software` and `source_kind` of a study are those of the object that says most of its events. Totals are empty where
    several reports state some: whether they overlap is not known then, and the study's own totals have decided.
    """
    found = [dict(row) for row in connection.execute(_EXAMINED, {"ids": ids}).mappings()]
    events = _read(connection, ids, _ACQUIRED, every_detail=every_detail)
    best: dict[int, Row] = {}
    for row in connection.execute(_SOURCES, {"ids": ids}).mappings():
        best.setdefault(row["study_id"], dict(row))
    planes = _planes(connection, [study["id"] for study in found if study["modality"] != CT])
    for study in found:
        source = best.get(study["id"], {})
        study |= {"software": source.get("software"), "source_kind": source.get("kind")}
    return [(study, events.get(study["id"], []), planes.get(study["id"], [])) for study in found]


def _planes(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row]]:
    stated: dict[int, dict[int, list[Row]]] = {}
    if not ids:
        return {}
    for row in connection.execute(_PLANES, {"ids": ids}).mappings():
        stated.setdefault(row["study_id"], {}).setdefault(row["source_object_id"], []).append(dict(row))
    return {study: next(iter(of.values())) for study, of in stated.items() if len(of) == 1}


def _read(
    connection: Connection, ids: Sequence[int], statements: tuple[Select[Any], Select[Any]], *, every_detail: bool
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for statement, own in zip(statements, (True, False), strict=True):
        rows = connection.execute(statement, {"ids": ids, "every": every_detail})
        names = list(rows.keys())
        for row in rows:
            event = dict(zip(names, row, strict=True))
            if not own and event["differs"]:
                event |= json.loads(event["differs"]) | {"id": event["id"]}
            event["own"] = own
            found.setdefault(event["of_study"], []).append(event)
    for events in found.values():
        events.sort(key=lambda event: (event["started_at"] or "", event["position"], event["id"]))
    return found
