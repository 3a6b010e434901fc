"""Everything about one study, and the bytes its numbers came from."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, union
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.models import (
    AccumulatedRow,
    CounterpartRow,
    EventRow,
    HistoryRow,
    Note,
    SeriesRow,
    SourceRow,
    StudyDetail,
    StudyRow,
    TotalRow,
)
from dose.queries.studies import study_rows, study_statement
from dose.queries.system import device_info
from dose.scope import Permission, Scope
from dose.store.counting import speakers_of_study
from dose.store.covering import cover, speaker_of
from dose.tables import (
    AccumulatedDose,
    Counterpart,
    Device,
    EventStudy,
    ImageSeries,
    IrradiationEvent,
    KeptObject,
    Patient,
    Site,
    SourceObject,
    Study,
    StudyHistory,
)

_EVENT = IrradiationEvent.__table__
_NOT_VALUES = {
    "id", "study_id", "source_object_id", "device_id", "event_key", "plane", "occurrence", "position",
    "irradiation_event_uid", "event_type", "started_at", "protocol", "target_region_code", "target_region_scheme",
    "target_region_meaning", "laterality", "comment", "details", "counted",
}  # fmt: skip
VALUE_COLUMNS = tuple(column.name for column in _EVENT.columns if column.name not in _NOT_VALUES)
TOTAL_COLUMNS = tuple(
    column.name
    for column in AccumulatedDose.__table__.columns
    if column.name.rsplit("_", 1)[-1] in {"cm", "cm2", "mgy", "s"}
)
_TOTALS = {
    "dlp_mgy_cm": ("dlp_sum_mgy_cm", "dlp_reported_mgy_cm"),
    "pka_gy_cm2": ("pka_sum_gy_cm2", "pka_reported_gy_cm2"),
    "ka_r_mgy": ("ka_r_sum_mgy", "ka_r_reported_mgy"),
    "agd_mgy": ("agd_sum_mgy", "agd_reported_mgy"),
}


def study_id_by_uid(session: Session, scope: Scope, study_instance_uid: str) -> int | None:
    """Row id of a study, None when there is none or the account may not see it."""
    scope.require(Permission.VIEW_DOSES)
    where = (Study.study_instance_uid == study_instance_uid, allowed(scope, Study))
    return session.scalar(select(Study.id).where(*where))


def study_id_by_orthanc_id(session: Session, scope: Scope, orthanc_id: str) -> int | None:
    """Row id of the study that Orthanc names so, directly or through one of its series or instances."""
    scope.require(Permission.VIEW_DOSES)
    series = select(ImageSeries.study_instance_uid).where(ImageSeries.orthanc_series_id == orthanc_id)
    source = select(SourceObject.study_id).where(SourceObject.orthanc_id == orthanc_id)
    for condition in (
        Study.orthanc_study_id == orthanc_id,
        Study.study_instance_uid.in_(series),
        Study.id.in_(source),
    ):
        found = session.scalar(select(Study.id).where(condition, allowed(scope, Study)).limit(1))
        if found is not None:
            return found
    return None


def first_series(session: Session, scope: Scope, study_id: int) -> ImageSeries | None:
    """The first series of a study that Orthanc still holds; None when there is none, or not for this account."""
    scope.require(Permission.VIEW_IMAGES)
    series = select(ImageSeries).join(Study, Study.study_instance_uid == ImageSeries.study_instance_uid)
    where = (Study.id == study_id, allowed(scope, Study), ImageSeries.present.is_(True))
    order = (ImageSeries.series_number.is_(None), ImageSeries.series_number, ImageSeries.id)
    return session.scalars(series.where(*where).order_by(*order).limit(1)).first()


def study_detail(session: Session, scope: Scope, study_id: int) -> StudyDetail | None:
    """One study with its events, totals, sources, notes and images; None when absent or not for this account.

    The number of SQL statements is fixed.
    """
    scope.require(Permission.VIEW_DOSES)
    rows = study_rows(session, study_statement(scope).where(Study.id == study_id, allowed(scope, Study)))
    if not rows:
        return None
    study, sex, site_name = session.execute(
        select(Study, Patient.sex, Site.name)
        .join(Patient, Patient.id == Study.patient_id)
        .join(Site, Site.id == Study.site_id)
        .where(Study.id == study_id)
    ).one()
    return _detail(session, scope, rows[0], study, sex, site_name)


def _detail(
    session: Session,
    scope: Scope,
    row: StudyRow,
    study: Study,
    sex: str | None,
    site_name: str,
) -> StudyDetail:
    events = _events(session, scope, study.id)
    sources = _sources(session, study.id, events)
    device = session.get(Device, study.device_id) if study.device_id else None
    accumulated = _accumulated(session, [source.id for source in sources if source.status == "ok"])
    return StudyDetail(
        study=row,
        sex=sex,
        height_m=study.height_m,
        weight_kg=study.weight_kg,
        pregnancy_status=study.pregnancy_status,
        people=_people(study) if scope.may(Permission.VIEW_PATIENTS) else (),
        not_patient_reason=study.not_patient_reason,
        device=device_info(device, site_name) if device else None,
        site_name=site_name,
        notes=tuple(note_of(note) for note in study.notes),
        events=events,
        accumulated=accumulated,
        totals=_totals(study),
        sources=sources,
        series=_series(session, study.study_instance_uid),
        history=_history(session, study.id),
        counterparts=_counterparts(session, scope, study.id),
    )


def note_of(note: dict[str, Any]) -> Note:
    """A note as the tables keep it."""
    return Note(note["code"], note["text"], {k: v for k, v in note.items() if k not in {"code", "text"}})


def _people(study: Study) -> tuple[tuple[str, str], ...]:
    return tuple((role, name) for role, name in json.loads(study.people or "[]"))


def _sources(session: Session, study_id: int, events: tuple[EventRow, ...]) -> tuple[SourceRow, ...]:
    counted = Counter(event.source_object_id for event in events if event.counted)
    kept = select(KeptObject.sha256).where(KeptObject.sha256 == SourceObject.content_sha256).exists()
    statement = select(SourceObject, kept.label("kept")).where(SourceObject.study_id == study_id)
    found = session.execute(statement.order_by(SourceObject.received_at, SourceObject.id))
    return tuple(_source_row(source, is_kept, counted[source.id]) for source, is_kept in found)


def _source_row(source: SourceObject, kept: bool, counted: int) -> SourceRow:
    names = set(SourceRow.__dataclass_fields__) - {"warnings", "quirks", "kept", "counted_events"}
    return SourceRow(
        **{name: getattr(source, name) for name in names},
        warnings=tuple(note_of(warning) for warning in source.warnings),
        quirks=tuple(source.quirks),
        kept=bool(kept),
        counted_events=counted,
    )


def _accumulated(session: Session, source_ids: list[int]) -> tuple[AccumulatedRow, ...]:
    statement = select(AccumulatedDose).where(AccumulatedDose.source_object_id.in_(source_ids))
    found = session.scalars(statement.order_by(AccumulatedDose.source_object_id, AccumulatedDose.position))
    return tuple(
        AccumulatedRow(
            row.source_object_id,
            row.plane,
            row.laterality,
            row.event_count,
            {name: getattr(row, name) for name in TOTAL_COLUMNS},
        )
        for row in found
    )


def _totals(study: Study) -> tuple[TotalRow, ...]:
    rows = []
    for column, (sum_column, reported_column) in _TOTALS.items():
        total, reported = getattr(study, sum_column), getattr(study, reported_column)
        if total is not None or reported is not None:
            difference = (total - reported) / reported if reported and total is not None else None
            rows.append(TotalRow(column, total, reported, difference))
    return tuple(rows)


def _events(session: Session, scope: Scope, study_id: int) -> tuple[EventRow, ...]:
    # Not one *or* the other: PostgreSQL would read the whole table of events
    own_ids = select(IrradiationEvent.id).where(IrradiationEvent.study_id == study_id)
    linked = select(EventStudy.irradiation_event_id).where(EventStudy.study_id == study_id)
    here = union(own_ids, linked)
    rows = session.execute(select(_EVENT).where(_EVENT.c.id.in_(here))).all()
    links = session.execute(
        select(EventStudy, allowed(scope, Study).label("visible"))
        .join(Study, Study.id == EventStudy.study_id)
        .where(EventStudy.irradiation_event_id.in_(here))
    ).all()
    own = {link.irradiation_event_id: link for link, _ in links if link.study_id == study_id}
    shared: dict[int, set[int]] = {}
    for link, visible in links:
        if visible:
            shared.setdefault(link.irradiation_event_id, set()).add(link.study_id)
    said = [_said(row, own.get(row.id)) for row in rows]
    kinds, covered = _covered(session, study_id, said)
    events = [
        _event_row(row, one, own.get(row.id), shared.get(row.id, set()), study_id)
        for row, one in zip(rows, said, strict=True)
    ]
    events = [
        replace(event, kind=kinds.get(event.source_object_id), covered_by=covered.get(event.id)) for event in events
    ]
    if not scope.may(Permission.VIEW_PATIENTS):
        events = [replace(event, comment=None) for event in events]  # free text may name people
    return tuple(sorted(events, key=lambda event: (event.started_at or "", event.position, event.id)))


def _covered(
    session: Session, study_id: int, said: list[dict[str, Any]]
) -> tuple[dict[int, str | None], dict[int, int]]:
    """The kind of each source, and which source covers which event: the very rule by which they were counted."""
    rows = session.execute(speakers_of_study(study_id, {event["source_object_id"] for event in said}))
    speakers = {row.id: speaker_of(row) for row in rows}
    covered = cover(said, speakers).covered if not all(event["counted"] for event in said) else {}
    return {one.id: one.kind for one in speakers.values()}, covered


def _said(row: Row[Any], link: EventStudy | None) -> dict[str, Any]:
    """An event as this study describes it."""
    said: dict[str, Any] = dict(row._mapping)
    if link is not None:
        said |= json.loads(link.differs or "{}")
        said |= {"source_object_id": link.source_object_id, "counted": link.counted}
    return said


def _event_row(
    row: Row[Any], said: dict[str, Any], link: EventStudy | None, shared: set[int], study_id: int
) -> EventRow:
    region = said["target_region_meaning"] or said["target_region_code"]
    others = (shared | ({row.study_id} if shared else set())) - {study_id}
    names = ("id", "source_object_id", "irradiation_event_uid", "position", "event_type", "started_at", "protocol",
             "laterality", "comment")  # fmt: skip
    return EventRow(
        **{name: said[name] for name in names},
        plane=said["plane"] or None,
        target_region=region,
        values={name: said[name] for name in VALUE_COLUMNS},
        details=said["details"] or {},
        shared_with=tuple(sorted(others)),
        counted_elsewhere=link is not None,
        counted=bool(said["counted"]),
    )


def _series(session: Session, study_instance_uid: str) -> tuple[SeriesRow, ...]:
    statement = select(ImageSeries).where(ImageSeries.study_instance_uid == study_instance_uid)
    found = session.scalars(statement.order_by(ImageSeries.series_number, ImageSeries.id))
    plain = set(SeriesRow.__dataclass_fields__) - {"preview_instance_ids", "irradiation_event_uids"}
    return tuple(
        SeriesRow(
            **{name: getattr(row, name) for name in plain},
            preview_instance_ids=tuple(row.preview_instance_ids),
            irradiation_event_uids=tuple(row.irradiation_event_uids),
        )
        for row in found
    )


def _history(session: Session, study_id: int) -> tuple[HistoryRow, ...]:
    statement = select(StudyHistory).where(StudyHistory.study_id == study_id).order_by(StudyHistory.id)
    return tuple(HistoryRow(row.at, row.reader_version, tuple(row.changes)) for row in session.scalars(statement))


def _counterparts(session: Session, scope: Scope, study_id: int) -> tuple[CounterpartRow, ...]:
    """Studies that are, or may be, the same examination, as far as the account may see them."""
    listed, host = Counterpart.listed_study_id, Counterpart.study_id
    pair = ((listed == study_id) & (host == Study.id)) | ((host == study_id) & (listed == Study.id))
    statement = (
        select(Study.id, Counterpart.certain, host, Study.modality, Study.started_at, SourceObject.kind)
        .join(Counterpart, pair)
        .join(SourceObject, SourceObject.study_id == Study.id)
        .where(allowed(scope, Study), SourceObject.kind.is_not(None))
        .order_by(Study.id, SourceObject.rank.desc())
    )
    found: dict[int, CounterpartRow] = {}
    for number, certain, host_id, modality, started_at, kind in session.execute(statement):
        counts = not certain or host_id == number
        one = found.setdefault(number, CounterpartRow(number, certain, counts, modality, started_at, ()))
        found[number] = replace(one, kinds=tuple(dict.fromkeys((*one.kinds, kind or ""))))
    return tuple(found.values())


def kept_content(session: Session, scope: Scope, source_object_id: int) -> bytes | None:
    """The object as received, for provenance; None when it is not kept or not for this account.

    It names the patient: the caller shows only paths, values and units unless the account may view identities.
    """
    scope.require(Permission.VIEW_DOSES)
    statement = (
        select(KeptObject.content)
        .join(SourceObject, SourceObject.content_sha256 == KeptObject.sha256)
        .where(SourceObject.id == source_object_id, allowed(scope, SourceObject))
    )
    return session.scalar(statement)
