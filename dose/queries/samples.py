"""Samples of transferred data: the months of each device, and one sheet to be filled in at the console."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices
from dose.queries.models import PatientIdentity
from dose.queries.studies import device_name
from dose.scope import Permission, Scope
from dose.store.samples import Deviation, Plan, deviation, last_finished, month_of, plan, rounding
from dose.tables import Device, Patient, QcSample, Study

MONTHS = 12


class MonthState(StrEnum):
    """Where a device's sample of a month stands."""

    NOTHING = "nothing"  # no study in the month
    DUE = "due"  # studies, and no sample drawn yet
    OPEN = "open"
    DONE = "done"  # signed


@dataclass(frozen=True, slots=True)
class DeviceMonth:
    """One device's sample of one month: values drawn, values with a console value, values that deviate."""

    month: date
    state: MonthState
    values: int = 0
    entered: int = 0
    deviating: int = 0


@dataclass(frozen=True, slots=True)
class DeviceMonths:
    """A device and its months, in the order of `Overview.months`."""

    device_id: int
    name: str
    modality: str | None
    months: tuple[DeviceMonth, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The months that are over, newest first, and the devices with studies in them."""

    plan: Plan
    months: tuple[date, ...]
    devices: tuple[DeviceMonths, ...]


@dataclass(frozen=True, slots=True)
class SampleValue:
    """One value of a sample: ours as it was when it was drawn, the console's, both in the canonical unit.

    `deviation` is None until a console value is there; `history` is what was signed before it was opened again.
    """

    id: int
    column: str
    ours: float | None
    console: float | None
    console_text: str | None
    deviation: Deviation | None
    comment: str | None
    entered_by: str | None
    entered_at: datetime | None
    history: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SampleStudy:
    """A sampled study with its values; `study_id` is None when it is not here any more."""

    study_instance_uid: str
    study_id: int | None
    started_at: str | None
    description: str | None
    modality: str | None
    identity: PatientIdentity | None
    accession_number: str | None
    values: tuple[SampleValue, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A device's sample of a month; empty `studies` when it was not drawn. `signed_by` None: still open."""

    device_id: int
    name: str
    modality: str | None
    month: date
    plan: Plan
    drawn_at: datetime | None
    signed_at: datetime | None
    signed_by: str | None
    studies: tuple[SampleStudy, ...]

    @property
    def values(self) -> tuple[SampleValue, ...]:
        """All values of the sheet."""
        return tuple(value for study in self.studies for value in study.values)


def overview(session: Session, scope: Scope, today: date, months: int = MONTHS) -> Overview:
    """The last months that are over, for every device of the account that irradiated in them.

    Raises
    ------
    NotPermitted
        When the account may not view quality.
    """
    scope.require(Permission.VIEW_QUALITY)
    shown = _months(last_finished(today), months)
    in_force = plan(session)
    irradiated = _irradiated(session, scope, shown)
    drawn = _drawn(session, scope, shown, in_force)
    devices = session.scalars(select(Device).where(allowed_devices(scope))).all()
    rows = [_device(device, shown, irradiated, drawn) for device in devices]
    some = [row for row in rows if any(one.state is not MonthState.NOTHING for one in row.months)]
    return Overview(in_force, shown, tuple(sorted(some, key=lambda row: (row.name, row.device_id))))


def _months(last: date, count: int) -> tuple[date, ...]:
    found = [last]
    while len(found) < count:
        found.append(month_of(found[-1] - timedelta(days=1)))
    return tuple(found)


def _number(month: date) -> int:
    return month.year * 100 + month.month


def _irradiated(session: Session, scope: Scope, months: Sequence[date]) -> set[tuple[int, int]]:
    month = Study.listed_at // 100_000_000
    first, last = _number(months[-1]) * 100_000_000, (_number(months[0]) + 1) * 100_000_000
    where: list[ColumnElement[bool]] = [
        allowed(scope, Study),
        Study.is_patient.is_(True),
        Study.covered_by_id.is_(None),
    ]
    where.append(Study.listed_at.between(first, last))
    found = session.execute(select(Study.device_id, month).where(*where).distinct())
    return {(device_id, int(number)) for device_id, number in found if device_id is not None}


def _drawn(
    session: Session, scope: Scope, months: Sequence[date], in_force: Plan
) -> dict[tuple[int, date], DeviceMonth]:
    sample = QcSample
    statement = (
        select(sample.device_id, sample.month, sample.column, sample.ours, sample.console, sample.console_text,
               sample.signed_at, Study.modality)
        .join(Device, Device.id == sample.device_id)
        .outerjoin(Study, Study.study_instance_uid == sample.study_instance_uid)
        .where(allowed_devices(scope), sample.month >= months[-1])
    )  # fmt: skip
    groups: dict[tuple[int, date], list[Any]] = {}
    for row in session.execute(statement):
        groups.setdefault((row.device_id, row.month), []).append(row)
    return {key: _month(key[1], rows, in_force) for key, rows in groups.items()}


def _month(month: date, rows: Sequence[Any], in_force: Plan) -> DeviceMonth:
    entered = [row for row in rows if row.console is not None]
    deviating = sum(not _deviation(row, row.modality, in_force).agrees for row in entered)
    state = MonthState.DONE if all(row.signed_at for row in rows) else MonthState.OPEN
    return DeviceMonth(month, state, len(rows), len(entered), deviating)


def _deviation(row: Any, modality: str | None, in_force: Plan) -> Deviation:  # noqa: ANN401 - a row of either query
    step = rounding(row.column, row.console_text, modality)
    return deviation(row.ours, row.console, step, in_force.tolerance)


def _device(
    device: Device,
    months: Sequence[date],
    irradiated: set[tuple[int, int]],
    drawn: Mapping[tuple[int, date], DeviceMonth],
) -> DeviceMonths:
    def one(month: date) -> DeviceMonth:
        state = MonthState.DUE if (device.id, _number(month)) in irradiated else MonthState.NOTHING
        return drawn.get((device.id, month)) or DeviceMonth(month, state)

    return DeviceMonths(device.id, device_name(vars(device)), device.modality, tuple(map(one, months)))


def sheet(session: Session, scope: Scope, device_id: int, month: date) -> Sheet | None:
    """The sample of a device and month; None when the account does not see the device.

    Raises
    ------
    NotPermitted
        When the account may not view quality.
    """
    scope.require(Permission.VIEW_QUALITY)
    device = session.scalars(select(Device).where(Device.id == device_id, allowed_devices(scope))).first()
    if device is None:
        return None
    in_force = plan(session)
    where = (QcSample.device_id == device_id, QcSample.month == month)
    rows = session.scalars(select(QcSample).where(*where).order_by(QcSample.id)).all()
    known = _studies(session, scope, {row.study_instance_uid for row in rows})
    uids = dict.fromkeys(row.study_instance_uid for row in rows)
    studies = [_study(uid, known.get(uid), [r for r in rows if r.study_instance_uid == uid], in_force) for uid in uids]
    studies.sort(key=lambda one: (one.started_at or "", one.study_instance_uid))
    signed = max(rows, key=lambda row: row.signed_at.timestamp() if row.signed_at else 0, default=None)
    whole = bool(rows) and all(row.signed_at for row in rows)
    return Sheet(
        device.id, device_name(vars(device)), device.modality, month, in_force,
        min((row.drawn_at for row in rows), default=None),
        signed.signed_at if signed and whole else None, signed.signed_by if signed and whole else None, tuple(studies),
    )  # fmt: skip


def _studies(session: Session, scope: Scope, uids: set[str]) -> dict[str, Row[Any]]:
    statement: Any = select(
        Study.study_instance_uid, Study.id, Study.started_at, Study.description, Study.protocols, Study.modality
    ).where(Study.study_instance_uid.in_(uids), allowed(scope, Study))
    if scope.may(Permission.VIEW_PATIENTS):
        naming = (Patient.patient_id, Patient.name, Patient.birth_date, Patient.issuer, Study.accession_number)
        statement = statement.add_columns(*naming).join(Patient, Patient.id == Study.patient_id)
    return {row.study_instance_uid: row for row in session.execute(statement)}


def _study(uid: str, known: Row[Any] | None, rows: Sequence[QcSample], in_force: Plan) -> SampleStudy:
    said = known._mapping if known is not None else {}
    modality = said.get("modality")
    identity = None
    if "patient_id" in said:
        identity = PatientIdentity(said["patient_id"], said["name"], said["birth_date"], said["issuer"])
    what = said.get("description") or (said.get("protocols") or "").partition("\n")[0] or None
    values = tuple(_value(row, modality, in_force) for row in rows)
    return SampleStudy(
        uid, said.get("id"), said.get("started_at"), what, modality, identity, said.get("accession_number"), values
    )


def _value(row: QcSample, modality: str | None, in_force: Plan) -> SampleValue:
    found = None if row.console is None else _deviation(row, modality, in_force)
    return SampleValue(
        row.id, row.column, row.ours, row.console, row.console_text, found, row.comment, row.entered_by, row.entered_at,
        tuple(json.loads(row.history or "[]")),
    )  # fmt: skip


def studies_of_month(session: Session, scope: Scope, device_id: int, month: date) -> int:
    """How many studies a sample of this device and month could be drawn from."""
    scope.require(Permission.VIEW_QUALITY)
    first = _number(month) * 100_000_000
    where = (Study.device_id == device_id, Study.is_patient, Study.listed_at.between(first, first + 99_999_999))
    found = select(func.count()).select_from(Study).where(allowed(scope, Study), *where, Study.covered_by_id.is_(None))
    return session.scalar(found) or 0
