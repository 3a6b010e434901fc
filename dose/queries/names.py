"""The rows that a filter can name: sites, devices, procedures, protocols, operators, by their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices
from dose.queries.groups import By, labels
from dose.queries.studies import device_names
from dose.scope import Permission, Scope
from dose.tables import StudyFact

_COLUMNS: dict[str, Any] = {
    "site": StudyFact.site_id,
    "procedure": StudyFact.procedure_id,
    "protocol": StudyFact.protocol_id,
    "operator": StudyFact.operator_id,
}
MOST = 2000  # of each kind; who has more types words of the name instead


def choices_of(session: Session, scope: Scope, field: str) -> tuple[tuple[int, str], ...]:
    """Row ids and names that a field can be, by name; empty for a field whose rows have no names.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    if field == "device":
        return _sorted(device_names(session, allowed_devices(scope)).items())
    column = _COLUMNS.get(field)
    if column is None:
        return ()
    used = select(column).where(allowed(scope, StudyFact), column.is_not(None)).distinct().limit(MOST)
    keys = [(int(number),) for number in session.scalars(used)]
    found = labels(session, scope, (By(field),), keys)
    return _sorted((key[0], name[0]) for key, name in zip(keys, found, strict=True))


def _sorted(rows: Iterable[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted(rows, key=lambda row: (row[1].lower(), row[0])))
