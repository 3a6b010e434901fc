"""By what statistics are grouped: how a group is called, and which choice it is."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.queries.studies import device_names, told_apart
from dose.scope import Permission, Scope
from dose.statistics.bands import AGE_EDGES_YEARS, UNKNOWN, WEIGHT_EDGES_KG
from dose.tables import Device, EventFact, Operator, Procedure, Protocol, Site, StudyFact

Key: TypeAlias = int


class By(StrEnum):
    """A key of groups."""

    SITE = "site"
    DEVICE = "device"
    PROCEDURE = "procedure"
    PROTOCOL = "protocol"
    OPERATOR = "operator"
    AGE = "age"
    WEIGHT = "weight"
    SEX = "sex"
    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    DAY = "day"

    @property
    def is_ordered(self) -> bool:
        """Whether its groups have an order of their own: periods and bands."""
        return self in (By.AGE, By.WEIGHT, By.YEAR, By.QUARTER, By.MONTH, By.DAY)

    @property
    def is_period(self) -> bool:
        """Whether its groups follow each other in time."""
        return self in (By.YEAR, By.QUARTER, By.MONTH, By.DAY)


SEXES = ("F", "M", "O")
_EDGES = {By.AGE: ("age_years", AGE_EDGES_YEARS), By.WEIGHT: ("weight_kg", WEIGHT_EDGES_KG)}


def choice_of(by: By, key: Key) -> Choice:
    """The choice that a group is."""
    if by in _EDGES:
        field = _EDGES[by][0]
        return one_of(field, None) if key == UNKNOWN else _between(field, *borders(by, key))
    if by.is_period:
        first, last = days_of(by, key)
        return all_of(compare("date", ">=", first), compare("date", "<=", last))
    if by is By.SEX:
        return one_of("sex", SEXES[key - 1] if key else None)
    return one_of(by.value, key or None)


def borders(by: By, key: Key) -> tuple[float | None, float | None]:
    """Lower border, included, and upper border, excluded, of a band of age (years) or weight (kg); None: none."""
    edges = _EDGES[by][1]
    return (edges[key - 1] if key else None, edges[key] if key < len(edges) else None)


def _between(field: str, low: float | None, high: float | None) -> Choice:
    borders = ((">=", low), ("<", high))
    return all_of(*(compare(field, op, border) for op, border in borders if border is not None))


def days_of(by: By, key: Key) -> tuple[int, int]:
    """First and last day of a period, as YYYYMMDD."""
    if by is By.DAY:
        return key, key
    if by is By.YEAR:
        return key * 10_000 + 101, key * 10_000 + 1231
    year, first = divmod(key, 100) if by is By.MONTH else (key // 10, key % 10 * 3 - 2)
    last = first if by is By.MONTH else first + 2
    return year * 10_000 + first * 100 + 1, year * 10_000 + last * 100 + monthrange(year, last)[1]


def labels(session: Session, scope: Scope, by: Sequence[By], keys: Sequence[tuple[Key, ...]]) -> list[tuple[str, ...]]:
    """What each group is called in the language of nobody: names as stored, "" where not stated; one statement a key.

    Who may not see whose a study is does not see who did it: operators then stay numbers. What only sites have that the
    account does not see is "" too.
    """
    columns = [_names(session, scope, one, {key[n] for key in keys}) for n, one in enumerate(by)]
    return [tuple(names.get(part, "") for names, part in zip(columns, key, strict=True)) for key in keys]


def _names(session: Session, scope: Scope, by: By, keys: Iterable[Key]) -> dict[Key, str]:
    wanted = sorted(key for key in keys if key)
    if by is By.DEVICE:
        return device_names(session, Device.id.in_(wanted), allowed_devices(scope))
    if by is By.OPERATOR and not scope.may(Permission.VIEW_PATIENTS):
        return {key: f"#{key}" for key in wanted}
    if by is By.OPERATOR:
        people = select(Operator.id, Operator.name, Site.name).outerjoin(Site, Site.id == Operator.site_id)
        told = session.execute(people.where(Operator.id.in_(wanted), *_seen_by(scope, by)))
        return told_apart((key, name or f"#{key}", site) for key, name, site in told)
    tables: dict[By, Any] = {By.SITE: Site, By.PROCEDURE: Procedure, By.PROTOCOL: Protocol}
    if by in tables:
        table = tables[by]
        named = select(table.id, table.name).where(table.id.in_(wanted), *_seen_by(scope, by))
        return {key: name or f"#{key}" for key, name in session.execute(named)}
    return {key: _plain(by, key) for key in (*wanted, 0)}


def _seen_by(scope: Scope, by: By) -> list[ColumnElement[bool]]:
    """Rows whose names an account may read: an address may hold the number of any."""
    if by is By.PROTOCOL and (scope.site_ids, scope.device_ids) != (None, None):
        facts = (StudyFact, EventFact)
        return [or_(*(exists().where(one.protocol_id == Protocol.id, allowed(scope, one)) for one in facts))]
    column = {By.SITE: Site.id, By.OPERATOR: Operator.site_id}.get(by)
    return [] if column is None or scope.site_ids is None else [column.in_(sorted(scope.site_ids))]


def _plain(by: By, key: Key) -> str:
    if by is By.SEX:
        return SEXES[key - 1] if key else ""
    if by in _EDGES:
        return "" if key == UNKNOWN else _band(*borders(by, key))
    return _period(by, key) if key else ""


def _band(low: float | None, high: float | None) -> str:
    return f"< {high:g}" if low is None else f"≥ {low:g}" if high is None else f"{low:g} – < {high:g}"


def _period(by: By, key: Key) -> str:
    if by is By.DAY:
        return f"{key // 10_000:04}-{key // 100 % 100:02}-{key % 100:02}"
    if by is By.MONTH:
        return f"{key // 100:04}-{key % 100:02}"
    return f"{key // 10:04} Q{key % 10}" if by is By.QUARTER else str(key)
