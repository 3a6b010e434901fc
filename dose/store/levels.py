"""Reference levels as people change them: with who and when, in the caller's transaction, and nothing is ever lost.

A row is never edited. A change retires it and adds one with the same `row_key` that says what it replaces; the history
of a level is its rows, and undoing is one more. What is in force (`retired_at` is None) says for every day which value
applied then, by `valid_from` and `valid_to`: a new value *from a day on* splits the row in two. Somebody who changes
what another has changed meanwhile is refused (`changed`) and sees the new state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.levels.compare import TRIGGER
from dose.levels.draft import CERTAIN, CITATION, DATES, NO_PROCEDURE, PROCEDURE, Draft, LevelRefused, obstacle
from dose.levels.groups import EVERYBODY, Group
from dose.scope import Permission, Scope
from dose.tables import Procedure, ReferenceLevel, ReferenceSet

# Codes of LevelRefused beside those of dose.levels.draft
CHANGED, GONE, SIGNED, NOT_CONFIRMED = "changed", "gone", "signed", "unconfirmed"
_GROUP = tuple(asdict(EVERYBODY))
_COPIED = (
    "set_id", "row_key", "procedure_id", "procedure_text", "modality", "column", "level", "phantom", "value", "printed",
    "statistic", "population", *_GROUP, "sample_count", "room_count", "citation", "verified", "active", "confirmed_at",
    "confirmed_by", "note", "valid_from", "valid_to",
)  # fmt: skip


def group_of(row: ReferenceLevel) -> Group:
    """The group of patients of a stored level."""
    return Group(**{name: getattr(row, name) for name in _GROUP})


def obstacle_of(row: ReferenceLevel, group: Group | None = None) -> str | None:
    """Why a stored level is not compared with: `no-phantom`, `no-group`, `no-procedure`; None when nothing is.

    `group` is that of the row, where it is known already.
    """
    found = obstacle(row.column, row.phantom, row.population, group or group_of(row))
    unnamed = row.procedure_id is None and row.statistic != TRIGGER
    return found or (NO_PROCEDURE if unnamed else None)


def is_open(row: ReferenceLevel) -> bool:
    """Whether nobody has said yet that he read the source of a row that came unconfirmed."""
    return row.confirmed_at is None and row.verified.startswith("unconfirmed")


def add_level(session: Session, scope: Scope, set_id: int, draft: Draft, procedure_id: int | None) -> int:
    """Add a level to a set that people write; its id. It is compared with as soon as its set is.

    Raises
    ------
    LevelRefused
        `gone`; `signed`: a signed set is what was signed; `procedure`: no such procedure.
    """
    _writable(set_for_change(session, scope, set_id))
    number = session.scalar(select(func.count()).where(ReferenceLevel.set_id == set_id)) or 0
    row = _row(scope, set_id, draft, _procedure(session, procedure_id), draft.key(str(set_id), number))
    session.add(row)
    session.flush()
    note(session, scope, "new level", set_id, level=row.id)
    return row.id


def change_level(
    session: Session,
    scope: Scope,
    level_id: int,
    draft: Draft,
    procedure_id: int | None,
    from_day: date | None = None,
) -> int:
    """Replace a level by another version; its id. What was off or unconfirmed stays so: to edit is not to confirm.

    Days that the draft does not state stay as they are.

    Parameters
    ----------
    from_day : date or None
        The new value applies from this day on, the former one until the day before. None: the former was wrong, the
        new one applies to the whole time.

    Raises
    ------
    LevelRefused
        `gone`, `changed`, `signed`, `procedure`; `dates`: the day lies outside the time of the level, or its last day
        before its first.
    """
    row = _level(session, scope, level_id)
    _writable(session.get_one(ReferenceSet, row.set_id))
    made = _row(scope, row.set_id, draft, _procedure(session, procedure_id), row.row_key)
    made.valid_from, made.valid_to = draft.valid_from or row.valid_from, draft.valid_to or row.valid_to
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise LevelRefused(DATES)
    if is_open(row):
        made.verified = row.verified
    made.active = made.verified in CERTAIN and (row.active or obstacle_of(row) is not None)
    if from_day is not None:
        if (row.valid_from and from_day <= row.valid_from) or (row.valid_to and from_day > row.valid_to):
            raise LevelRefused(DATES)
        session.add(_copy(scope, row, valid_to=from_day - timedelta(days=1), replaces_id=row.id))
        made.valid_from = from_day
    return _replace(session, scope, row, made, "level")


def confirm(session: Session, scope: Scope, level_ids: Collection[int], source_read: str) -> list[int]:
    """Say that the source of rows was read and states them so: they are compared with from now on. Their new ids.

    Raises
    ------
    LevelRefused
        `citation`: which source was read must be said; `no-group` or `no-phantom`: what stands in the way of a row;
        `gone`, `changed`. Nothing was confirmed.
    """
    cited = " ".join(source_read.split())[:500]
    if not cited:
        raise LevelRefused(CITATION)
    return [_confirm(session, scope, number, cited) for number in sorted(set(level_ids))]


def _confirm(session: Session, scope: Scope, level_id: int, cited: str) -> int:
    row = _level(session, scope, level_id)
    found = obstacle_of(row)
    if found and found != NO_PROCEDURE:
        raise LevelRefused(found, row.procedure_text[:60])
    said = {"confirmed_at": datetime.now(UTC), "confirmed_by": scope.user_name[:255], "active": True}
    made = _copy(scope, row, citation=f"{cited} [{row.citation}]", **said)
    return _replace(session, scope, row, made, "confirm")


def switch_level(session: Session, scope: Scope, level_id: int, *, active: bool) -> int:
    """Take a row out of comparisons, or back in; its new id.

    Raises
    ------
    LevelRefused
        `unconfirmed`: its source must be confirmed first; `no-group`, `no-phantom`, `gone`, `changed`.
    """
    row = _level(session, scope, level_id)
    found = obstacle_of(row)
    if active and found and found != NO_PROCEDURE:
        raise LevelRefused(found)
    if active and is_open(row):
        raise LevelRefused(NOT_CONFIRMED)
    return _replace(session, scope, row, _copy(scope, row, active=active), "switch")


def link_level(session: Session, scope: Scope, level_id: int, procedure_id: int | None) -> int:
    """Say which standard procedure a row is for; its new id. Raises as `change_level`."""
    row = _level(session, scope, level_id)
    _writable(session.get_one(ReferenceSet, row.set_id))
    made = _copy(scope, row, procedure_id=_procedure(session, procedure_id))
    return _replace(session, scope, row, made, "link")


def also_for(session: Session, scope: Scope, level_id: int, procedure_id: int) -> int:
    """Let a row hold for one more procedure (chest with contrast: chest without, too); the id of the added row."""
    row = _level(session, scope, level_id)
    _writable(session.get_one(ReferenceSet, row.set_id))
    chosen = _procedure(session, procedure_id)
    made = _copy(scope, row, procedure_id=chosen, row_key=f"{row.row_key[:40]}+{chosen}")
    there = (ReferenceLevel.set_id == row.set_id, ReferenceLevel.row_key == made.row_key)
    if session.scalar(select(ReferenceLevel.id).where(*there, ReferenceLevel.retired_at.is_(None))):
        raise LevelRefused(CHANGED)
    session.add(made)
    session.flush()
    note(session, scope, "also for", row.set_id, level=made.id)
    return made.id


def retire(session: Session, scope: Scope, level_id: int) -> None:
    """Take a row out of its set; it stays in the history. Raises as `change_level`."""
    row = _level(session, scope, level_id)
    _writable(session.get_one(ReferenceSet, row.set_id))
    row.retired_at, row.retired_by = datetime.now(UTC), scope.user_name[:255]
    note(session, scope, "retire", row.set_id, level=row.id)


def restore(session: Session, scope: Scope, level_id: int) -> int:
    """Undo: bring a retired version back in place of what replaced it; the id of the row in force.

    Raises
    ------
    LevelRefused
        `gone`; `changed`: it is in force already.
    """
    former = session.get(ReferenceLevel, level_id)
    if former is None:
        raise LevelRefused(GONE)
    if former.retired_at is None:
        raise LevelRefused(CHANGED)
    owner = set_for_change(session, scope, former.set_id)
    same = (ReferenceLevel.set_id == owner.id, ReferenceLevel.row_key == former.row_key)
    in_force = select(ReferenceLevel).where(*same, ReferenceLevel.retired_at.is_(None)).with_for_update()
    now = datetime.now(UTC)
    for row in session.scalars(in_force):
        row.retired_at, row.retired_by = now, scope.user_name[:255]
    made = _copy(scope, former)
    session.add(made)
    session.flush()
    note(session, scope, "restore", owner.id, level=made.id, of=former.id)
    return made.id


def procedures_by_code(session: Session) -> dict[str, tuple[int, str | None]]:
    """Procedures with their modality by RadLex Playbook id, by LOINC and by key."""
    found: dict[str, tuple[int, str | None]] = {}
    for row in session.execute(
        select(Procedure.id, Procedure.key, Procedure.rpid, Procedure.loinc, Procedure.modality)
    ):
        found |= {code: (row.id, row.modality) for code in (row.loinc, row.rpid, row.key) if code}
    return found


def procedure_of(draft: Draft, known: Mapping[str, tuple[int, str | None]]) -> int | None:
    """The procedure that a draft names by code."""
    return next((known[code][0] for code in draft.procedure_code if code in known), None)


def values_of(draft: Draft) -> dict[str, Any]:
    """The columns of a row that a draft states."""
    said = {name: getattr(draft, name) for name in (
        "modality", "procedure_text", "column", "level", "phantom", "value", "printed", "statistic", "population",
        "citation", "verified", "note", "sample_count", "room_count", "valid_from", "valid_to",
    )}  # fmt: skip
    return said | asdict(draft.group or EVERYBODY) | {"active": draft.certain}


def _row(scope: Scope, set_id: int, draft: Draft, procedure_id: int | None, row_key: str) -> ReferenceLevel:
    return ReferenceLevel(
        **values_of(draft), set_id=set_id, row_key=row_key, procedure_id=procedure_id, made_at=datetime.now(UTC),
        made_by=scope.user_name[:255],
    )  # fmt: skip


def _copy(scope: Scope, row: ReferenceLevel, **changed: Any) -> ReferenceLevel:  # noqa: ANN401 - columns
    said = {name: getattr(row, name) for name in _COPIED} | changed
    return ReferenceLevel(**said, made_at=datetime.now(UTC), made_by=scope.user_name[:255])


def _replace(session: Session, scope: Scope, row: ReferenceLevel, made: ReferenceLevel, what: str) -> int:
    row.retired_at, row.retired_by = made.made_at, made.made_by
    made.replaces_id = row.id
    session.add(made)
    session.flush()
    note(session, scope, what, row.set_id, level=made.id, replaces=row.id)
    return made.id


def _level(session: Session, scope: Scope, level_id: int) -> ReferenceLevel:
    row = session.get(ReferenceLevel, level_id, with_for_update=True)
    if row is None:
        raise LevelRefused(GONE)
    set_for_change(session, scope, row.set_id)
    if row.retired_at is not None:
        raise LevelRefused(CHANGED)
    return row


def set_for_change(session: Session, scope: Scope, set_id: int) -> ReferenceSet:
    """The set, held until the transaction ends; raises `LevelRefused` `gone`."""
    row = session.get(ReferenceSet, set_id, with_for_update=True)
    if row is None:
        raise LevelRefused(GONE)
    permit(scope, row.site_id)
    return row


def _writable(row: ReferenceSet) -> None:
    if row.origin == "made":
        raise LevelRefused(SIGNED)


def permit(scope: Scope, site_id: int | None) -> None:
    """Who is limited to sites changes their sets and no others: a set for all sites is not his alone."""
    scope.require(Permission.MANAGE_LEVELS)
    if scope.site_ids is not None:
        scope.require_site(-1 if site_id is None else site_id)


def _procedure(session: Session, procedure_id: int | None) -> int | None:
    if procedure_id is not None and session.get(Procedure, procedure_id) is None:
        raise LevelRefused(PROCEDURE)
    return procedure_id


def note(session: Session, scope: Scope, what: str, set_id: int, **detail: Any) -> None:  # noqa: ANN401 - see audit
    """Write down who changed what."""
    record(session, scope, Action.LEVEL_CHANGE, subject="reference set", subject_id=set_id, what=what, **detail)
