"""The part of a query that enforces a `Scope`, in one place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, true

from dose.scope import Permission, Scope
from dose.tables import Alert, Device, EventFact, Patient, SourceObject, Study, StudyFact


def allowed(scope: Scope, table: type[Study | SourceObject | StudyFact | EventFact | Alert]) -> ColumnElement[bool]:
    """The rows of studies, facts, source objects or alerts that the account is limited to."""
    conditions: list[ColumnElement[bool]] = [true()]
    if scope.site_ids is not None:
        conditions.append(table.site_id.in_(sorted(scope.site_ids)))
    if scope.device_ids is not None:
        conditions.append(table.device_id.in_(sorted(scope.device_ids)))
    return and_(*conditions)


def allowed_devices(scope: Scope) -> ColumnElement[bool]:
    """The devices that the account is limited to."""
    conditions: list[ColumnElement[bool]] = [true()]
    if scope.site_ids is not None:
        conditions.append(Device.site_id.in_(sorted(scope.site_ids)))
    if scope.device_ids is not None:
        conditions.append(Device.id.in_(sorted(scope.device_ids)))
    return and_(*conditions)


def with_identity(scope: Scope, statement: Select[Any]) -> Select[Any]:
    """Add identity columns, only when the account may view them: others' values never leave the database."""
    if not scope.may(Permission.VIEW_PATIENTS):
        return statement
    return statement.add_columns(
        Patient.patient_id, Patient.name, Patient.birth_date, Patient.issuer, Study.accession_number
    ).join(Patient, Patient.id == Study.patient_id)
