"""The rows of a study: its registers, and everything that is recomputed from its events and reports."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Table, bindparam, delete, exists, select

from dose import tables
from dose.crypto import keys
from dose.model import DoseReport
from dose.store import counting, meeting, not_patient, overrides
from dose.store.claims import LINK, PATIENT, SPEAKS_OF, STUDY
from dose.store.registers import merge
from dose.store.rows import ACCUMULATED, EVENT, Row, clean, number
from dose.store.statements import THE_ID, insert_into, update_by_id
from dose.store.states import OK, OUTDONE, SOURCE, SUPERSEDED
from dose.store.totals import Source, study_notes, study_totals
from dose.store.words import study_words

NUCLEAR = frozenset({"NM", "PT"})
WORD: Table = tables.StudyWord.__table__  # type: ignore[assignment]

_STUDIES: BindParameter[list[int]] = bindparam("studies", expanding=True)
_DESCRIPTIONS = select(STUDY.c.id, STUDY.c.description, STUDY.c.regrouped).where(STUDY.c.id.in_(_STUDIES))
_OLD_WORDS = delete(WORD).where(WORD.c.study_id.in_(_STUDIES))
_SPOKE = (
    select(
        *(SOURCE.c[name] for name in ("id", "study_id", "status", "reason_code", "warnings", "event_count")),
        SPEAKS_OF.label("patient_id"),
    )
    .join(STUDY, STUDY.c.id == SOURCE.c.study_id)
    .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    .where(SOURCE.c.study_id.in_(_STUDIES), SOURCE.c.status.in_((OK, SUPERSEDED)))
)
_LIVE_TOTALS = (
    select(SOURCE.c.study_id, ACCUMULATED)
    .join(SOURCE, SOURCE.c.id == ACCUMULATED.c.source_object_id)
    .where(SOURCE.c.study_id.in_(_STUDIES), SOURCE.c.status == OK)
)
_OTHER = EVENT.alias("other")
_STANDS_ELSEWHERE = exists().where(
    _OTHER.c.event_key == EVENT.c.event_key, _OTHER.c.plane == EVENT.c.plane, _OTHER.c.study_id != EVENT.c.study_id
)
_OWN_ELSEWHERE = select(EVENT.c.study_id).distinct().where(EVENT.c.study_id.in_(_STUDIES), _STANDS_ELSEWHERE)
# A study that is only linked to a row of an event which a third study states otherwise knows of it as well.
_LINKED_ELSEWHERE = (
    select(LINK.c.study_id)
    .distinct()
    .join(EVENT, EVENT.c.id == LINK.c.irradiation_event_id)
    .where(LINK.c.study_id.in_(_STUDIES), _STANDS_ELSEWHERE)
)


def stated(report: DoseReport, *, orthanc: bool, keep_operators: bool) -> Row:
    """The study fields that an object states (PS3.3 C.7.2), except patient and device; None where it is silent."""
    accession = clean(report.accession_number)
    # PatientID and UID are what Orthanc hashes; it is only asked about what came from it.
    return {
        "accession_number": accession,
        "accession_index": keys().index(accession, "study.accession_number") if accession else None,
        "named_index": named_index(report),
        "study_date": _date(report.study_date),
        "started_at": clean(_started_at(report), 26),
        "description": clean(report.study_description, 200),
        "modality": clean(report.modality, 16),
        "age_years": number(report.patient.age_years),
        "height_m": number(report.patient.height_m),
        "weight_kg": number(report.patient.weight_kg),
        "pregnancy_status": clean(report.patient.pregnancy_status, 20),
        **_procedure(report),
        "people": _people(report) if keep_operators else None,
        "orthanc_study_id": orthanc_study_id(report) if orthanc else None,
    }


def named_index(report: DoseReport) -> bytes | None:
    """The keyed index of the Patient ID that an object states, whoever issued it."""
    patient_id = clean(report.patient.id)
    return keys().index(patient_id, "study.named") if patient_id else None


def _procedure(report: DoseReport) -> Row:
    """The words of what was done, which rules of names look at."""
    code = report.procedure
    return {
        "procedure_code": clean(code.code, 64) if code else None,
        "procedure_scheme": clean(code.scheme, 64) if code else None,
        "procedure_meaning": clean(code.meaning, 200) if code else None,
        "requested_procedure": clean(report.requested_procedure, 200),
        "clinical_task": clean(report.clinical_task, 200),
    }


def _people(report: DoseReport) -> str | None:
    named = {(clean(person.role, 40), clean(person.name, 200)) for person in report.people}
    stated = sorted([role, name] for role, name in named if role and name)
    return json.dumps(stated, ensure_ascii=False) if stated else None


def _started_at(report: DoseReport) -> str | None:
    if report.study_date and report.study_time:
        return f"{report.study_date}T{report.study_time}"
    first = min((event.started_at for event in report.events if event.started_at), default=None)
    return report.started_at or first or report.study_date


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def orthanc_study_id(report: DoseReport) -> str:
    """What Orthanc calls the study: SHA-1 of PatientID|StudyInstanceUID in five groups of eight digits."""
    text = f"{report.patient.id or ''}|{report.study_instance_uid}"
    digest = hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return "-".join(digest[i : i + 8] for i in range(0, 40, 8))


def listed_at(started_at: str | None, study_date: date | None, first_seen_at: datetime) -> int:
    """The order of lists, YYYYMMDDhhmmss: start as sent, else the study date, else the arrival."""
    digits = "".join(c for c in (started_at or "") if c in "0123456789")[:14]
    if len(digits) < 8:
        digits = f"{study_date:%Y%m%d}" if study_date else f"{first_seen_at.astimezone(UTC):%Y%m%d%H%M%S}"
    return int(digits.ljust(14, "0"))


def merged(row: Mapping[str, Any] | None, said: Row, patient: tuple[int, bool, bool], device_id: int, rank: str) -> Row:
    """The columns of a study after an object spoke; `patient` is row id, whether it has a Patient ID, is demo."""
    patient_id, has_patient_id, demo = patient
    said = said | {"device_id": device_id}
    # With X-ray and activity side by side (PET/CT) the study is one of nuclear medicine.
    kind, named = {"modality": said.pop("modality")}, said.pop("named_index")
    won, ranks = merge(row["ranks"] if row else {}, said, rank)
    of_kind, ranks = merge(ranks, kind, f"{int(kind['modality'] in NUCLEAR)} {rank}")
    won |= of_kind
    # Whoever names a patient is believed before whoever names none.
    who, ranks = merge(ranks, {"patient_id": patient_id, "named_index": named}, f"{int(has_patient_id)} {rank}")
    if who:
        won |= who | {"is_demo": demo}
    return overrides.beneath(row, won) | {"ranks": ranks}


def fresh_totals(rows: Sequence[Row], accumulated: Sequence[Row], source: Source) -> Row:
    """Totals, notes and state of a study whose only object is this one, without asking the database."""
    totals = study_totals(rows, accumulated, overlap=False)
    return totals | _notes(study_notes(totals, [source], overlap=False, elsewhere=False, told=rows))


def _notes(notes: list[Row]) -> Row:
    return {"notes": notes, "state": "notes" if notes else "ok"}


def write_words(
    connection: Connection, study_ids: Collection[int], words: Mapping[int, set[str]], *, new: bool
) -> None:
    """Lay down under which words studies are found."""
    if not new:
        connection.execute(_OLD_WORDS, {"studies": study_ids})
    rows = [{"study_id": study, "word": word} for study, found in words.items() for word in sorted(found)]
    if rows:
        connection.execute(insert_into(WORD), rows)


def recompute(connection: Connection, study_ids: Collection[int], version: int, now: datetime) -> set[int]:
    """Derive totals, notes, states and words of studies again from their events and live reports.

    Returns the sources of these studies of which anything counts. The number of statements depends neither on the
    studies nor on their events.
    """
    met = meeting.met(connection, study_ids)
    study_ids = sorted(met.union(study_ids))
    described = connection.execute(_DESCRIPTIONS, {"studies": study_ids}).all()
    moved = overrides.moved(connection, [row.id for row in described if row.regrouped])
    found = counting.count(connection, study_ids, met)
    covered = found.examinations.covered
    owned = Counter(row["source_object_id"] for rows in found.events.values() for row in rows if row["counted"])
    sources = _sources(connection, study_ids, owned + moved.of_source, covered)
    accumulated = _accumulated(connection, study_ids)
    elsewhere = _elsewhere(connection, study_ids)
    studies, words = [], {}
    for study_id, description, _ in described:
        live = sources.get(study_id, [])
        told = accumulated.get(study_id, [])
        tellers = {row["source_object_id"] for row in told}
        overlap = any(0 < source.owned < source.held and source.id in tellers for source in live)
        moves = moved.notes(study_id)
        events = [row for row in found.events.get(study_id, ()) if row["counted"]]
        totals = study_totals(events, told, overlap or bool(moves))
        compared = [row for row in events if row["source_object_id"] in tellers]
        notes = study_notes(totals, live, overlap, study_id in elsewhere, compared)
        totals |= _notes([*notes, *found.notes(study_id), *moves])
        words[study_id] = study_words(description, (totals["protocols"] or "").splitlines(), totals["notes"])
        totals |= {"covered_by_id": covered.get(study_id), "version": version, "updated_at": now}
        studies.append(totals | {THE_ID: study_id})
    if studies:
        connection.execute(update_by_id(STUDY), studies)
        write_words(connection, study_ids, words, new=False)
    if met:
        meeting.lay_down(connection, met, found.examinations)
    not_patient.judge(connection, study_ids)
    return {source.id for live in sources.values() for source in live}


def _sources(
    connection: Connection, study_ids: Collection[int], owned: Counter[int], covered: Collection[int]
) -> dict[int, list[Source]]:
    found = connection.execute(_SPOKE, {"studies": study_ids})
    live: dict[int, list[Source]] = {}
    changed = []
    for source in found:
        outdone = source.reason_code in OUTDONE or source.study_id in covered
        outdone = outdone or (source.event_count > 0 and not owned[source.id])
        if (source.status == SUPERSEDED) != outdone:
            changed.append({THE_ID: source.id, "status": SUPERSEDED if outdone else OK})
        if not outdone:
            one = Source(source.warnings, source.patient_id, source.event_count, owned[source.id], source.id)
            live.setdefault(source.study_id, []).append(one)
    if changed:
        connection.execute(update_by_id(SOURCE), changed)
    return live


def _accumulated(connection: Connection, study_ids: Collection[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in connection.execute(_LIVE_TOTALS, {"studies": study_ids}).mappings():
        found.setdefault(row["study_id"], []).append(dict(row))
    return found


def _elsewhere(connection: Connection, study_ids: Collection[int]) -> set[int]:
    found: set[int] = set()
    for statement in (_OWN_ELSEWHERE, _LINKED_ELSEWHERE):
        found.update(connection.execute(statement, {"studies": study_ids}).scalars())
    return found
