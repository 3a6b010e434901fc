"""Duplicate and near-duplicate protocols of the last months, with the devices that use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from dose.naming.duplicates import Duplicate, Use, duplicates
from dose.scope import Permission, Scope
from dose.tables import EventFact, Protocol


def duplicate_protocols(session: Session, scope: Scope) -> tuple[Duplicate, ...] | None:
    """Protocols of the last three months that are duplicates or nearly so, the most used first; None without any.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    fact = EventFact
    newest = session.scalar(select(func.max(fact.day)))
    if newest is None:
        return None
    where: list[Any] = [fact.day >= _before(newest), fact.counts, fact.diagnostic]
    if scope.site_ids is not None:
        where.append(fact.site_id.in_(sorted(scope.site_ids)))
    if scope.device_ids is not None:
        where.append(fact.device_id.in_(sorted(scope.device_ids)))
    # As a number of its own, 0 for none: by the column itself SQLite walks the protocols of all years
    keys = (func.coalesce(fact.protocol_id, literal_column("0")).label("protocol"), fact.device_id, fact.modality)
    means = (func.avg(fact.kvp_kv), func.avg(fact.exposure_mas), func.avg(fact.ctdi_vol_mgy), func.avg(fact.pka_gy_cm2))
    found = session.execute(select(*keys, func.count(), func.max(fact.day), *means).where(*where).group_by(*keys))
    rows = [row for row in found if row.protocol]
    if not rows:
        return None
    names = _names(session, {row[0] for row in rows})
    return duplicates([_use(row, names) for row in rows if row[0] in names])


def _use(row: Any, names: Mapping[int, str]) -> Use:  # noqa: ANN401 - a row of the statement
    protocol, device, modality, count, last, kvp, charge, ctdi, pka = row
    return Use(protocol, names[protocol], device, modality, count, last, kvp, charge, ctdi if ctdi is not None else pka)


def _names(session: Session, ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 10_000):
        part = select(Protocol.id, Protocol.name).where(Protocol.id.in_(wanted[start : start + 10_000]))
        found |= dict(session.execute(part).all())
    return found


def _before(day: int) -> int:
    """The first day of the month three months before."""
    year, month = divmod(day // 100, 100)
    months = year * 12 + month - 1 - 3
    return (months // 12 * 100 + months % 12 + 1) * 100 + 1
