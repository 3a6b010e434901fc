"""Mappings that a site saved under a name, and the one that fits a table best."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dose import audit
from dose.legacy import openrem
from dose.legacy.mapping import TableMapping, from_json, headers, suggest
from dose.legacy.table import Table
from dose.scope import Permission, Scope
from dose.tables import ImportMapping

LONGEST_NAME = 80
_SAMPLE_ROWS = 200


def saved_mappings(session: Session, site_id: int) -> Mapping[str, TableMapping]:
    """The mappings of a site by name."""
    rows = session.scalars(select(ImportMapping).where(ImportMapping.site_id == site_id).order_by(ImportMapping.name))
    return {row.name: from_json(row.mapping) for row in rows}


def save_mapping(session: Session, scope: Scope, site_id: int, name: str, mapping: TableMapping) -> None:
    """Save a mapping under a name; one of the same name is replaced."""
    scope.require(Permission.IMPORT)
    name = " ".join(name.split())[:LONGEST_NAME]
    forget_mapping(session, scope, site_id, name)
    session.add(
        ImportMapping(
            site_id=site_id,
            name=name,
            mapping=mapping.as_json() | {"name": name},
            changed_at=datetime.now(UTC),
            changed_by=scope.user_name,
        )
    )
    audit.record(session, scope, audit.Action.MAPPING_CHANGE, subject="site", subject_id=site_id, saved=True)


def forget_mapping(session: Session, scope: Scope, site_id: int, name: str) -> bool:
    """Remove a saved mapping; False when there is none of that name."""
    scope.require(Permission.IMPORT)
    gone = delete(ImportMapping).where(ImportMapping.site_id == site_id, ImportMapping.name == name)
    removed = bool(session.execute(gone).rowcount)  # type: ignore[attr-defined]
    if removed:
        audit.record(session, scope, audit.Action.MAPPING_CHANGE, subject="site", subject_id=site_id, saved=False)
    return removed


def fitting(session: Session, site_id: int, table: Table) -> TableMapping:
    """The mapping to begin with: of OpenREM, else a saved one that knows every column, else what names suggest."""
    ready = openrem.recognise(table.columns)
    if ready is not None:
        return ready
    names = set(headers(table.columns))
    for mapping in saved_mappings(session, site_id).values():
        if names <= set(mapping.columns):
            return mapping
    return suggested(table)


def suggested(table: Table) -> TableMapping:
    """What header names and the first rows suggest."""
    sample = []
    for line in table.lines():
        sample.append(line.cells or ())
        if len(sample) == _SAMPLE_ROWS:
            break
    return suggest(table.columns, sample)
