"""Questions about reference levels: the sets, their rows and history, and what is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from dose.levels.compare import Level, Levels
from dose.levels.groups import Group
from dose.scope import Permission, Scope
from dose.store.levels import group_of, obstacle_of
from dose.tables import Device, Procedure, ReferenceLevel, ReferenceSet, Site

OPEN = "unconfirmed"
STATES = ("compared", OPEN, "off", "not-comparable")


@dataclass(frozen=True, slots=True)
class SetRow:
    """A set as lists show it. `compared`, `unconfirmed` and `levels` count its rows in force."""

    id: int
    key: str
    name: str
    kind: str
    authority: str | None
    edition: str | None
    citation: str
    superseded_by: str | None
    site_id: int | None
    site_name: str | None
    device_id: int | None
    device_name: str | None
    valid_from: date | None
    valid_to: date | None
    active: bool
    priority: int
    origin: str
    made_of: dict[str, Any]
    changed_at: datetime
    changed_by: str
    levels: int = 0
    compared: int = 0
    unconfirmed: int = 0


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A row as its set shows it; `state` is one of `STATES`, `obstacle` why it cannot be compared with."""

    id: int
    set_id: int
    row_key: str
    procedure_id: int | None
    procedure_name: str | None
    procedure_text: str
    modality: str
    column: str
    level: str
    phantom: int | None
    value: float
    printed: str
    statistic: str
    population: str
    group: Group
    citation: str
    verified: str
    active: bool
    confirmed_at: datetime | None
    confirmed_by: str | None
    note: str | None
    sample_count: int | None
    room_count: int | None
    valid_from: date | None
    valid_to: date | None
    made_at: datetime
    made_by: str
    retired_at: datetime | None
    retired_by: str | None
    replaces_id: int | None
    obstacle: str | None

    @property
    def state(self) -> str:
        """How it stands with comparisons."""
        if self.obstacle:
            return "not-comparable"
        if self.active:
            return "compared"
        return OPEN if self.confirmed_at is None and self.verified.startswith(OPEN) else "off"


@dataclass(frozen=True, slots=True)
class LevelFilter:
    """Which rows of a set: text of the procedure, modality, state, group of patients as printed; None: all."""

    q: str | None = None
    modality: str | None = None
    state: str | None = None
    population: str | None = None


def sets(session: Session, scope: Scope) -> tuple[SetRow, ...]:
    """All sets that the account may see, those that are compared with first, by priority."""
    scope.require(Permission.VIEW_DOSES)
    order = (ReferenceSet.active.desc(), ReferenceSet.priority.desc(), ReferenceSet.name, ReferenceSet.id)
    found = session.execute(_sets().where(_visible(scope)).order_by(*order)).all()
    counts = {row.set_id: row for row in session.execute(_COUNTS)}
    return tuple(_set_row(row, counts.get(row.ReferenceSet.id)) for row in found)


def one_set(session: Session, scope: Scope, set_id: int) -> SetRow | None:
    """One set; None when there is none or the account may not see it."""
    scope.require(Permission.VIEW_DOSES)
    row = session.execute(_sets().where(_visible(scope), ReferenceSet.id == set_id)).first()
    count = session.execute(_COUNTS.where(ReferenceLevel.set_id == set_id)).first()
    return _set_row(row, count) if row else None


def levels_of(session: Session, scope: Scope, set_id: int, chosen: LevelFilter | None = None) -> tuple[LevelRow, ...]:
    """The rows of a set that are in force, in the order of procedure and group."""
    where = [ReferenceLevel.set_id == set_id, ReferenceLevel.retired_at.is_(None)]
    if chosen and chosen.modality:
        where.append(ReferenceLevel.modality == chosen.modality)
    found = _rows(session, scope, and_(*where))
    return tuple(row for row in found if chosen is None or _fits(row, chosen))


def level(session: Session, scope: Scope, level_id: int) -> LevelRow | None:
    """One row, retired or not; None when there is none."""
    return next(iter(_rows(session, scope, ReferenceLevel.id == level_id)), None)


def history(session: Session, scope: Scope, set_id: int, row_key: str | None = None) -> tuple[LevelRow, ...]:
    """All versions of a row, or of every row of a set that has more than one or is retired; the newest first."""
    where = [ReferenceLevel.set_id == set_id]
    if row_key is not None:
        where.append(ReferenceLevel.row_key == row_key)
    else:
        retired = select(ReferenceLevel.row_key).where(*where, ReferenceLevel.retired_at.is_not(None))
        where.append(ReferenceLevel.row_key.in_(retired))
    found = _rows(session, scope, and_(*where))
    return tuple(sorted(found, key=lambda row: (row.made_at, row.id), reverse=True))


def active_levels(session: Session, scope: Scope, modality: str | None = None) -> Levels:
    """All that is compared with, of every time: `Asked.day` chooses the version that applied on a day."""
    scope.require(Permission.VIEW_DOSES)
    where = [_visible(scope), ReferenceSet.active, ReferenceLevel.active, ReferenceLevel.retired_at.is_(None)]
    if modality:
        where.append(ReferenceLevel.modality == modality)
    joined = select(ReferenceLevel, ReferenceSet).join(ReferenceSet, ReferenceSet.id == ReferenceLevel.set_id)
    found = (as_level(row, owner) for row, owner in session.execute(joined.where(*where)))
    return Levels(one for one in found if one is not None)


def as_level(row: ReferenceLevel, owner: ReferenceSet) -> Level | None:
    """A stored row as it is compared with; None when it never is, or set and row share no day."""
    begins = max((day for day in (row.valid_from, owner.valid_from) if day), default=None)
    ends = min((day for day in (row.valid_to, owner.valid_to) if day), default=None)
    if obstacle_of(row) or (begins and ends and ends < begins):
        return None
    said = {name: getattr(row, name) for name in (
        "id", "set_id", "modality", "column", "level", "phantom", "value", "statistic", "population", "citation",
        "procedure_id", "sample_count", "room_count",
    )}  # fmt: skip
    place = {name: getattr(owner, name) for name in ("kind", "edition", "priority", "site_id", "device_id")}
    return Level(**said, **place, set_name=owner.name, group=group_of(row), valid_from=begins, valid_to=ends)


def _sets() -> Any:  # noqa: ANN401 - Select
    names = (Site.name.label("site_name"), Device.display_name, Device.station_name, Device.model)
    return (
        select(ReferenceSet, *names)
        .outerjoin(Site, Site.id == ReferenceSet.site_id)
        .outerjoin(Device, Device.id == ReferenceSet.device_id)
    )


_OPEN = and_(ReferenceLevel.confirmed_at.is_(None), ReferenceLevel.verified.startswith(OPEN))
_COUNTS = (
    select(
        ReferenceLevel.set_id,
        func.count().label("levels"),
        func.sum(case((ReferenceLevel.active, 1), else_=0)).label("compared"),
        func.sum(case((_OPEN, 1), else_=0)).label("unconfirmed"),
    )
    .where(ReferenceLevel.retired_at.is_(None))
    .group_by(ReferenceLevel.set_id)
)


def _visible(scope: Scope) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if scope.site_ids is not None:
        conditions.append(or_(ReferenceSet.site_id.is_(None), ReferenceSet.site_id.in_(sorted(scope.site_ids))))
    if scope.device_ids is not None:
        conditions.append(or_(ReferenceSet.device_id.is_(None), ReferenceSet.device_id.in_(sorted(scope.device_ids))))
    return and_(*conditions)


def _set_row(row: Any, count: Any) -> SetRow:  # noqa: ANN401 - rows
    owner: ReferenceSet = row.ReferenceSet
    said = {name: getattr(owner, name) for name in (
        "id", "key", "name", "kind", "authority", "edition", "citation", "superseded_by", "site_id", "device_id",
        "valid_from", "valid_to", "active", "priority", "origin", "made_of", "changed_at", "changed_by",
    )}  # fmt: skip
    device = row.display_name or row.station_name or row.model
    found = SetRow(**said, site_name=row.site_name, device_name=device)
    if count is None:
        return found
    return replace(
        found, levels=count.levels, compared=int(count.compared or 0), unconfirmed=int(count.unconfirmed or 0)
    )


_COLUMNS = (
    "id", "set_id", "row_key", "procedure_id", "procedure_text", "modality", "column", "level", "phantom", "value",
    "printed", "statistic", "population", "citation", "verified", "active", "confirmed_at", "confirmed_by", "note",
    "sample_count", "room_count", "valid_from", "valid_to", "made_at", "made_by", "retired_at", "retired_by",
    "replaces_id",
)  # fmt: skip


def _rows(session: Session, scope: Scope, where: ColumnElement[bool]) -> tuple[LevelRow, ...]:
    scope.require(Permission.VIEW_DOSES)
    statement = (
        select(ReferenceLevel, Procedure.name)
        .join(ReferenceSet, ReferenceSet.id == ReferenceLevel.set_id)
        .outerjoin(Procedure, Procedure.id == ReferenceLevel.procedure_id)
        .where(where, _visible(scope))
    )
    found = [_level_row(row, name) for row, name in session.execute(statement)]
    return tuple(sorted(found, key=_order))


def _level_row(row: ReferenceLevel, procedure_name: str | None) -> LevelRow:
    said = {name: getattr(row, name) for name in _COLUMNS}
    return LevelRow(**said, procedure_name=procedure_name, group=group_of(row), obstacle=obstacle_of(row))


def _order(row: LevelRow) -> tuple[Any, ...]:
    borders = tuple(border or 0.0 for pair in row.group.ranges() for border in pair)
    return (row.modality, row.procedure_text, borders, row.column, row.level, row.statistic, row.id)


def _fits(row: LevelRow, chosen: LevelFilter) -> bool:
    text = f"{row.procedure_text} {row.procedure_name or ''}".casefold()
    return (
        (not chosen.q or chosen.q.casefold() in text)
        and chosen.state in (None, row.state)
        and chosen.population in (None, row.population)
    )


def procedures(session: Session, scope: Scope) -> tuple[tuple[int, str], ...]:
    """Standard procedures that a level can be for, by name."""
    scope.require(Permission.VIEW_DOSES)
    found = session.execute(select(Procedure.id, Procedure.name).where(Procedure.active).order_by(Procedure.name))
    return tuple((row.id, row.name) for row in found)
