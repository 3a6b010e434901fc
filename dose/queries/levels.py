"""Questions about reference levels: the sets, their rows and history, and what is compared with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from dose.levels.compare import Level, Levels
from dose.levels.groups import Group
from dose.naming.texts import found_in
from dose.queries.procedures import Called, called
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
    """Which rows of a set: words of the procedure in any language, modality, state; None: all."""

    q: str | None = None
    modality: str | None = None
    state: str | None = None


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
    known = called(session).by_id if chosen and chosen.q else {}
    return tuple(row for row in found if chosen is None or _fits(row, chosen, known.get(row.procedure_id or 0)))


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


def active_levels(
    session: Session, scope: Scope, modality: str | None = None, statistic: str | None = None
) -> Levels:  # fmt: skip
    """All that is compared with, of every time: `Asked.day` chooses the version that applied on a day.

    Parameters
    ----------
    modality, statistic : str or None
        Only levels that say so (`dose.levels.compare`: drl, typical, trigger); None: all.
    """
    scope.require(Permission.VIEW_DOSES)
    where = [_visible(scope), ReferenceSet.active, ReferenceLevel.active, ReferenceLevel.retired_at.is_(None)]
    for column, wanted in ((ReferenceLevel.modality, modality), (ReferenceLevel.statistic, statistic)):
        if wanted:
            where.append(column == wanted)
    found = map(_as_level, session.execute(_COMPARED.where(*where)))
    return Levels(one for one in found if one is not None)


# Columns and not objects: every page of medians reads all of them
_SAID = (
    "id", "set_id", "modality", "column", "level", "phantom", "value", "statistic", "population", "citation",
    "procedure_id", "sample_count", "room_count",
)  # fmt: skip
_PLACE = ("kind", "edition", "priority", "site_id", "device_id")
_GROUP = tuple(one.name for one in fields(Group))
_DATES = ("valid_from", "valid_to")
_COMPARED = select(
    *(getattr(ReferenceLevel, name) for name in _SAID), *(getattr(ReferenceSet, name) for name in _PLACE),
    ReferenceSet.name.label("set_name"), *(getattr(ReferenceLevel, name) for name in (*_GROUP, *_DATES)),
    *(getattr(ReferenceSet, name).label(f"set_{name}") for name in _DATES),
).join(ReferenceSet, ReferenceSet.id == ReferenceLevel.set_id)  # fmt: skip
_NAMES = (*_SAID, *_PLACE, "set_name")


def _as_level(row: Any) -> Level | None:  # noqa: ANN401 - a row of `_COMPARED`
    """A stored row as it is compared with; None when it never is, or set and row share no day."""
    count = len(_NAMES)
    group = _group(*row[count : count + len(_GROUP)])
    begins = max((day for day in (row.valid_from, row.set_valid_from) if day), default=None)
    ends = min((day for day in (row.valid_to, row.set_valid_to) if day), default=None)
    if obstacle_of(row, group) or (begins and ends and ends < begins):
        return None
    return Level(**dict(zip(_NAMES, row, strict=False)), group=group, valid_from=begins, valid_to=ends)


@lru_cache(4096)
def _group(*borders: Any) -> Group:  # noqa: ANN401 - what a group is made of
    """A group once: the levels of a table are for few."""
    return Group(*borders)


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


def _fits(row: LevelRow, chosen: LevelFilter, procedure: Called | None) -> bool:
    texts = (row.procedure_text, *(procedure.texts() if procedure else ()))
    return chosen.state in (None, row.state) and found_in(chosen.q or "", texts)


def procedures(session: Session, scope: Scope) -> tuple[tuple[int, str], ...]:
    """Standard procedures that a level can be for, by name."""
    scope.require(Permission.VIEW_DOSES)
    found = session.execute(select(Procedure.id, Procedure.name).where(Procedure.active).order_by(Procedure.name))
    return tuple((row.id, row.name) for row in found)
