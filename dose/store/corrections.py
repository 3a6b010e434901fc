"""What people set right: made and undone in the caller's transaction, with who, when and why.

A correction is one row (several of one step share `batch_id`) and never changes an object or deletes anything. What it
does is laid down by `dose.store.overrides`, there and then and whenever an object arrives or is read again. Undoing
takes the row out of force and lays down the rest. Only what would leave another correction without its ground is
refused: that one must be undone first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, select, true, union, update
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.errors import CannotCorrect
from dose.model import DoseReport
from dose.quantities import QUANTITIES
from dose.scope import Permission, Scope
from dose.store import meeting, not_patient, overrides
from dose.store.claims import PATIENT, STUDY
from dose.store.overrides import (
    ASSIGN_EVENT,
    ASSIGN_STUDY,
    CORRECTION,
    IN_FORCE,
    MERGE_PATIENTS,
    MERGE_STUDIES,
    NOT_SAME,
    OF_EVENTS,
    OF_PATIENT,
    SET_IS_PATIENT,
    SET_SIZE,
    SIZES,
    SPLIT_PATIENT,
)
from dose.store.persons import NewPatient, lay_down_merges, lay_down_typed, new_patient, root_of, typed
from dose.store.rebuild import read_again
from dose.store.rows import clean
from dose.store.shown import shown_events
from dose.store.statements import THE_ID, insert_one, update_by_id
from dose.store.states import SOURCE
from dose.store.studies import recompute
from dose.store.version import next_version

LONGEST_REASON = 500
Reader = Callable[[bytes], DoseReport]


def assign_studies(
    session: Session,
    scope: Scope,
    study_ids: Collection[int],
    to: int | NewPatient,
    reason: str | None = None,
    *,
    splitting: bool = False,
) -> int:
    """Say whose studies these are: a patient's by row id, or a new one's. Returns the id to undo it by.

    `splitting` only records that two people shared one patient.

    Raises
    ------
    NotPermitted, LookupError
        When the account may not, or does not see the studies or the patient.
    CannotCorrect
        `same-patient` when all are that patient's already, `nobody` when a new patient has neither id nor name.
    """
    connection = _permitted(session, scope, Permission.CORRECT)
    target = _person(connection, scope, to) if isinstance(to, int) else None
    studies = _studies(connection, scope, study_ids)
    if all(study.patient_id == target for study in studies):
        raise CannotCorrect("same-patient")
    said = typed(to) if isinstance(to, NewPatient) else None
    batch = _Batch(session, scope, SPLIT_PATIENT if splitting else ASSIGN_STUDY, studies[0].site_id, reason, said)
    if isinstance(to, NewPatient):
        target = new_patient(connection, to, studies[0])
    for study in studies:
        batch.add(study_instance_uid=study.study_instance_uid, patient_id=target, former_patient_id=study.patient_id)
    lay_down_typed(connection, [target] if said and target else [])
    _lay_down(session, [study.id for study in studies])
    return batch.made(subject="study", subject_id=studies[0].id, patient_id=target)


def merge_patients(session: Session, scope: Scope, former_id: int, patient_id: int, reason: str | None = None) -> int:
    """Say that two patients are one person, who keeps the identity of `patient_id`; returns the id to undo it by.

    Objects go on naming whom they name; studies of both, now and later, are the one person's.
    """
    connection = _permitted(session, scope, Permission.CORRECT)
    former, kept = _person(connection, scope, former_id), _person(connection, scope, patient_id)
    if former == kept:
        raise CannotCorrect("same-patient")
    site = connection.execute(select(PATIENT.c.site_id).where(PATIENT.c.id == former)).scalar_one()
    batch = _Batch(session, scope, MERGE_PATIENTS, site, reason)
    batch.add(patient_id=kept, former_patient_id=former)
    studies = _studies_of(connection, former)
    lay_down_merges(connection)
    _lay_down(session, studies)
    return batch.made(subject="patient", subject_id=former, patient_id=kept, studies=len(studies))


def assign_events(
    session: Session,
    scope: Scope,
    study_id: int,
    event_ids: Collection[int],
    target_study_id: int,
    reason: str | None = None,
) -> int:
    """Say that events shown in a study belong to another study; returns the id to undo it by."""
    connection = _permitted(session, scope, Permission.CORRECT)
    study, target = _two_studies(connection, scope, study_id, target_study_id)
    batch = _Batch(session, scope, ASSIGN_EVENT, study.site_id, reason)
    events = shown_events(connection, study_id, event_ids)
    if not events:
        raise LookupError("no such events in this study")
    here = overrides.standing_in(connection, study.study_instance_uid)
    for event in events:
        # Others that describe the same exposure here, beaten by this one, go with it: else it would stand here again.
        for origin in sorted({event.study_instance_uid, *here(event.event_key, event.plane)}):
            if origin == event.study_instance_uid or origin != target.study_instance_uid:
                batch.add(
                    study_instance_uid=origin, event_key=event.event_key, plane=event.plane,
                    target_study_instance_uid=target.study_instance_uid,
                )  # fmt: skip
    _regroup(session, {study_id, target_study_id, *(event.origin for event in events)})
    return batch.made(subject="study", subject_id=study_id, patient_id=study.patient_id, events=len(events))


def merge_studies(
    session: Session, scope: Scope, study_id: int, target_study_id: int, reason: str | None = None
) -> int:
    """Say that a study's events count in another study; the first stays, empty. Returns the id to undo it by."""
    connection = _permitted(session, scope, Permission.CORRECT)
    study, target = _two_studies(connection, scope, study_id, target_study_id)
    for one in (study, target):
        if _merged_away(connection, one.study_instance_uid):
            raise CannotCorrect("merged-away")
    batch = _Batch(session, scope, MERGE_STUDIES, study.site_id, reason)
    batch.add(study_instance_uid=study.study_instance_uid, target_study_instance_uid=target.study_instance_uid)
    _regroup(session, {study_id, target_study_id})
    return batch.made(subject="study", subject_id=study_id, patient_id=study.patient_id)


def tell_apart(session: Session, scope: Scope, study_id: int, other_id: int, reason: str | None = None) -> int:
    """Say that two studies are not the same examination: each counts by itself. Returns the id to undo it by.

    Raises
    ------
    CannotCorrect
        `not-taken-as-one` when neither is, or may be, the other.
    """
    connection = _permitted(session, scope, Permission.CORRECT)
    study, other = _two_studies(connection, scope, study_id, other_id)
    if not meeting.are_one(connection, study_id, other_id):
        raise CannotCorrect("not-taken-as-one")
    batch = _Batch(session, scope, NOT_SAME, study.site_id, reason)
    batch.add(study_instance_uid=study.study_instance_uid, target_study_instance_uid=other.study_instance_uid)
    _lay_down(session, [study_id, other_id])
    return batch.made(subject="study", subject_id=study_id, patient_id=study.patient_id)


def set_size(
    session: Session,
    scope: Scope,
    study_id: int,
    height_m: float | None,
    weight_kg: float | None,
    reason: str | None = None,
) -> int:
    """Enter height (m) and weight (kg); None leaves one as objects say it. Returns the id to undo it by.

    Raises
    ------
    CannotCorrect
        `implausible` when a value is outside the range of `dose.quantities`, `nothing` when neither is given.
    """
    connection = _permitted(session, scope, Permission.ENTER_SIZE)
    (study,) = _studies(connection, scope, [study_id])
    values = {name: value for name, value in zip(SIZES, (height_m, weight_kg), strict=True) if value is not None}
    if not values:
        raise CannotCorrect("nothing")
    if not all(QUANTITIES[name].low <= value <= QUANTITIES[name].high for name, value in values.items()):
        raise CannotCorrect("implausible")
    batch = _Batch(session, scope, SET_SIZE, study.site_id, reason)
    former = {name: getattr(study, name) for name in values}
    batch.add(study_instance_uid=study.study_instance_uid, values=values, former=former)
    overrides.lay_down(connection, [study_id])
    recompute(connection, [study_id], next_version(connection), datetime.now(UTC))
    return batch.made(subject="study", subject_id=study_id, patient_id=study.patient_id)


def set_is_patient(session: Session, scope: Scope, study_id: int, is_patient: bool, reason: str | None = None) -> int:
    """Say that a study is a patient's, or a phantom's or a test; returns the id to undo it by."""
    connection = _permitted(session, scope, Permission.CORRECT)
    (study,) = _studies(connection, scope, [study_id])
    batch = _Batch(session, scope, SET_IS_PATIENT, study.site_id, reason)
    batch.add(
        study_instance_uid=study.study_instance_uid,
        values={"is_patient": is_patient},
        former={"is_patient": study.is_patient},
    )
    not_patient.judge(connection, [study_id])
    return batch.made(subject="study", subject_id=study_id, patient_id=study.patient_id)


def undo(session: Session, scope: Scope, correction_id: int, read: Reader) -> list[int]:
    """Take back a correction, with all of its step; returns the row ids of the studies concerned.

    What other corrections say stays. Where events had been moved, `read` reads the kept objects of the studies again.

    Raises
    ------
    CannotCorrect
        `undone` when it was undone before; `later` when the correction `correction_id` must be undone first.
    """
    connection = session.connection()
    rows = batch_of(connection, correction_id)
    if not rows or not _may_see(scope, rows[0]):
        raise LookupError(f"no correction {correction_id}")
    scope.require(Permission.ENTER_SIZE if rows[0].kind == SET_SIZE else Permission.CORRECT)
    if rows[0].undone_at is not None:
        raise CannotCorrect("undone")
    if (later := stands_on(connection, rows)) is not None:
        raise CannotCorrect("later", later)
    concerned = _take_back(session, scope, rows, read)
    details = {"correction": rows[0].batch_id, "kind": rows[0].kind, "rows": len(rows)}
    record(session, scope, Action.UNDO, subject="correction", subject_id=rows[0].batch_id,
           patient_id=rows[0].patient_id, **details)  # fmt: skip
    return concerned


def _take_back(session: Session, scope: Scope, rows: Sequence[Row[Any]], read: Reader) -> list[int]:
    connection, kind = session.connection(), rows[0].kind
    uids = {uid for row in rows for uid in (row.study_instance_uid, row.target_study_instance_uid) if uid}
    studies = list(connection.execute(select(STUDY.c.id).where(STUDY.c.study_instance_uid.in_(uids))).scalars())
    if kind == MERGE_PATIENTS:
        studies = _studies_of(connection, root_of(connection, rows[0].patient_id))
    if kind in OF_EVENTS:
        studies = sorted({one for study in studies for one in overrides.family(connection, study)})
    values = {"undone_at": datetime.now(UTC), "undone_by": scope.user_name[:255]}
    connection.execute(update(CORRECTION).where(CORRECTION.c.id.in_([row.id for row in rows])), values)
    if kind == MERGE_PATIENTS:
        lay_down_merges(connection)
    if kind in OF_PATIENT:
        lay_down_typed(connection, sorted({row.patient_id for row in rows if row.typed}))
    if kind in OF_EVENTS:
        overrides.lay_down(connection, studies)
        read_again(session, studies, read)
        _regroup(session, studies)
    elif kind == SET_IS_PATIENT:
        not_patient.judge(connection, studies)
    else:
        _lay_down(session, studies)
    return studies


def batch_of(connection: Connection, correction_id: int) -> list[Row[Any]]:
    """The rows made in one step with a correction, this one among them."""
    batch = select(CORRECTION.c.batch_id).where(CORRECTION.c.id == correction_id).scalar_subquery()
    return list(connection.execute(select(CORRECTION).where(CORRECTION.c.batch_id == batch).order_by(CORRECTION.c.id)))


def stands_on(connection: Connection, rows: Sequence[Row[Any]]) -> int | None:
    """The newest correction in force that says more about the same thing, or needs the patient typed in this one."""
    studies, last = {row.study_instance_uid for row in rows if row.study_instance_uid}, rows[-1]
    later = select(CORRECTION).where(CORRECTION.c.id > last.id, CORRECTION.c.batch_id != last.batch_id, IN_FORCE)
    later = later.order_by(CORRECTION.c.id.desc())
    of_same = later.where(CORRECTION.c.study_instance_uid.in_(studies), CORRECTION.c.kind.in_(_same_thing(last.kind)))
    events = {(row.study_instance_uid, row.event_key, row.plane) for row in rows}
    for other in connection.execute(of_same):
        if last.kind != ASSIGN_EVENT or (other.study_instance_uid, other.event_key, other.plane) in events:
            return int(other.batch_id)
    if last.typed is None or connection.execute(_NAMED, {"patient": last.patient_id}).scalar():
        return None
    uses = (CORRECTION.c.patient_id == last.patient_id) | (CORRECTION.c.former_patient_id == last.patient_id)
    user = connection.execute(later.where(uses)).first()
    return None if user is None else int(user.batch_id)


_NAMED = select(exists().where(SOURCE.c.patient_id == bindparam("patient")))


def _same_thing(kind: str) -> tuple[str, ...]:
    return OF_PATIENT if kind in OF_PATIENT else (kind,)


class _Batch:
    """The rows of one step, and its line in the audit."""

    def __init__(
        self, session: Session, scope: Scope, kind: str, site_id: int, reason: str | None, typed: str | None = None
    ) -> None:
        self._session, self._scope, self._kind, self._id = session, scope, kind, 0
        self._common = {
            "kind": kind, "site_id": site_id, "reason": clean(reason, LONGEST_REASON), "typed": typed,
            "made_at": datetime.now(UTC), "made_by_id": scope.user_id, "made_by": scope.user_name[:255],
        }  # fmt: skip

    def add(self, **values: Any) -> None:  # noqa: ANN401 - columns of `correction`
        connection = self._session.connection()
        row = {"values": {}, "former": {}} | self._common | values
        number = insert_one(connection, CORRECTION, row | {"batch_id": self._id or None})
        if not self._id:
            self._id = number
            connection.execute(update_by_id(CORRECTION), {THE_ID: number, "batch_id": number})

    def made(self, **about: Any) -> int:  # noqa: ANN401 - of audit.record
        record(self._session, self._scope, Action.CORRECT, **about, correction=self._id, kind=self._kind)
        return self._id


def _permitted(session: Session, scope: Scope, permission: Permission) -> Connection:
    scope.require(permission)
    return session.connection()


def _allowed(scope: Scope) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if scope.site_ids is not None:
        conditions.append(STUDY.c.site_id.in_(sorted(scope.site_ids)))
    if scope.device_ids is not None:
        conditions.append(STUDY.c.device_id.in_(sorted(scope.device_ids)))
    return and_(*conditions)


def _may_see(scope: Scope, row: Row[Any]) -> bool:
    return scope.site_ids is None or row.site_id in scope.site_ids


def _studies(connection: Connection, scope: Scope, study_ids: Collection[int]) -> list[Row[Any]]:
    wanted = select(STUDY).where(STUDY.c.id.in_(study_ids), _allowed(scope)).order_by(STUDY.c.id).with_for_update()
    found = list(connection.execute(wanted))
    if not study_ids or len(found) != len(set(study_ids)):
        raise LookupError("no such study for this account")
    return found


def _two_studies(connection: Connection, scope: Scope, study_id: int, target_id: int) -> tuple[Row[Any], Row[Any]]:
    if study_id == target_id:
        raise CannotCorrect("same-study")
    found = {row.id: row for row in _studies(connection, scope, [study_id, target_id])}
    return found[study_id], found[target_id]


def _studies_of(connection: Connection, person: int) -> list[int]:
    """Studies of a person, and those with an object that names them whoever's the study is."""
    names = select(PATIENT.c.id).where((PATIENT.c.id == person) | (PATIENT.c.merged_into_id == person))
    spoken = select(SOURCE.c.study_id).where(SOURCE.c.patient_id.in_(names))
    own = select(STUDY.c.id).where(STUDY.c.patient_id == person)
    here = STUDY.c.id.in_(union(own, spoken))  # of one *or* the other PostgreSQL would read the whole table
    return list(connection.execute(select(STUDY.c.id).where(here)).scalars())


def _person(connection: Connection, scope: Scope, patient_id: int) -> int:
    """The person behind a patient row, locked as an arriving object locks it."""
    rows = connection.execute(select(PATIENT).where(PATIENT.c.id == patient_id).with_for_update()).all()
    if not rows or not _may_see(scope, rows[0]):
        raise LookupError(f"no patient {patient_id} for this account")
    return int(rows[0].merged_into_id or patient_id)


def _merged_away(connection: Connection, uid: str) -> bool:
    same = (CORRECTION.c.kind == MERGE_STUDIES, CORRECTION.c.study_instance_uid == uid, IN_FORCE)
    return bool(connection.execute(select(exists().where(*same))).scalar())


def _lay_down(session: Session, study_ids: Collection[int]) -> None:
    """Whose studies these are: in their rows, and in which of their events count once with another study's."""
    if not study_ids:
        return
    connection = session.connection()
    overrides.lay_down(connection, study_ids)
    related = {one for study_id in study_ids for one in overrides.family(connection, study_id)}
    concerned = overrides.regroup(connection, study_ids, every=_any_regrouped(connection, study_ids))
    recompute(connection, sorted(concerned | related), next_version(connection), datetime.now(UTC))


def _any_regrouped(connection: Connection, study_ids: Collection[int]) -> bool:
    return bool(connection.execute(select(exists().where(STUDY.c.id.in_(study_ids), STUDY.c.regrouped))).scalar())


def _regroup(session: Session, study_ids: Iterable[int]) -> None:
    """Which study the events stand in."""
    connection, them = session.connection(), sorted(study_ids)
    overrides.lay_down(connection, them)
    related = {one for study_id in them for one in overrides.family(connection, study_id)}
    concerned = overrides.regroup(connection, them, every=True)
    recompute(connection, sorted(concerned | related), next_version(connection), datetime.now(UTC))
