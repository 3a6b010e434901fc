"""The site's patterns of what is no patient: edited, tried out before, and laid over all studies afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.orm import Session

from dose import tables
from dose.store.claims import STUDY
from dose.store.not_patient import (
    FIELDS,
    PATTERN,
    Pattern,
    Patterns,
    comments_of,
    judge,
    letters,
    patterns_in_force,
    reason_of,
    shipped,
    texts_since,
)

CURSOR: Table = tables.Cursor.__table__  # type: ignore[assignment]
NAME = "not-patient"
PART = 500
SHORTEST, LONGEST = 2, 80
SHIPPED_BY = "shipped"


class PatternRefused(ValueError):
    """A pattern that cannot be: `code` is empty | too-short | too-long | no-field."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One pattern as it is edited. `id` is None while the shipped ones hold; `why` is known of shipped ones."""

    id: int | None
    pattern: str
    fields: tuple[str, ...]
    active: bool
    changed_at: datetime | None
    changed_by: str
    why: str


def pattern_rows(session: Session) -> tuple[PatternRow, ...]:
    """All patterns by name, those that are switched off too."""
    why = {one.pattern: one.why for one in shipped()}
    rows = session.scalars(select(tables.NotPatientPattern).order_by(tables.NotPatientPattern.pattern)).all()
    if rows:
        return tuple(
            PatternRow(r.id, r.pattern, tuple(r.fields), r.active, r.changed_at, r.changed_by, why.get(r.pattern, ""))
            for r in rows
        )
    here = sorted(shipped(), key=lambda one: one.pattern)
    return tuple(PatternRow(None, one.pattern, one.fields, True, None, SHIPPED_BY, one.why) for one in here)


def checked(pattern: str, fields: tuple[str, ...]) -> Pattern:
    """The pattern as it will be kept.

    Raises
    ------
    PatternRefused
        With its code.
    """
    text = " ".join(pattern.split()).casefold()
    if not text:
        raise PatternRefused("empty")
    if len(text) > LONGEST:
        raise PatternRefused("too-long")
    if letters(text) < SHORTEST:
        raise PatternRefused("too-short")
    known = tuple(field for field in FIELDS if field in fields)
    if not known:
        raise PatternRefused("no-field")
    return Pattern(text, known)


def set_pattern(session: Session, who: str, pattern: str, fields: tuple[str, ...], *, active: bool = True) -> Pattern:
    """Make or change one pattern, in the caller's transaction; the shipped ones become the site's at the first time.

    Raises
    ------
    PatternRefused
        With its code; nothing was written.
    """
    wanted = checked(pattern, fields)
    now = datetime.now(UTC)
    connection = session.connection()
    if not connection.execute(select(func.count()).select_from(PATTERN)).scalar():
        rows = [_row(one, True, now, SHIPPED_BY) for one in shipped()]
        connection.execute(insert(PATTERN), rows)
    values = _row(wanted, active, now, who)
    there = connection.execute(update(PATTERN).where(PATTERN.c.pattern == wanted.pattern), values).rowcount
    if not there:
        connection.execute(insert(PATTERN), [values])
    return wanted


def _row(one: Pattern, active: bool, now: datetime, who: str) -> dict[str, Any]:
    said = {"pattern": one.pattern, "fields": list(one.fields)}
    return said | {"active": active, "changed_at": now, "changed_by": who[:255]}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a pattern would do to the studies since a day.

    `matching` studies hold it in one of its fields; `newly` of them would be no patients any more, of which
    `examples` are some row ids. `complete` is False when time ran out after `looked` studies, the newest first.
    """

    matching: int
    newly: int
    looked: int
    complete: bool
    examples: tuple[int, ...]


def preview(session: Session, pattern: Pattern, listed_from: int, seconds: float = 10.0) -> Preview:
    """Try a pattern on the studies since `listed_from` (YYYYMMDDhhmmss) without changing anything."""
    connection = session.connection()
    alone = Patterns([pattern])
    others = [one for one in patterns_in_force(connection).patterns if one.pattern != pattern.pattern]
    together = Patterns([*others, pattern])
    until = time.monotonic() + seconds
    matching = newly = looked = 0
    examples: list[int] = []
    for studies in texts_since(connection, listed_from):
        comments = comments_of(connection, [study.id for study in studies])
        looked += len(studies)
        for study in studies:
            texts = {**study._mapping, "comment": comments.get(study.id)}
            if not alone.matches(texts):
                continue
            matching += 1
            if study.is_patient and not study.not_patient_reason and reason_of(together.matches(texts)):
                newly += 1
                examples.append(study.id)
        if time.monotonic() > until:
            return Preview(matching, newly, looked, False, tuple(examples[:5]))
    return Preview(matching, newly, looked, True, tuple(examples[:5]))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far all studies have been judged again: `share` of 0 to 1; `done` when nothing is left to do."""

    done: bool
    share: float


def progress(session: Session) -> Progress:
    """Whether all studies were judged with the patterns in force; one cheap look."""
    row = session.connection().execute(select(CURSOR).where(CURSOR.c.name == NAME)).first()
    if row is None or row.detail.get("patterns") != patterns_in_force(session.connection()).fingerprint:
        return Progress(False, 0.0)
    if row.detail.get("done"):
        return Progress(True, 1.0)
    last = session.connection().execute(select(func.max(STUDY.c.id))).scalar() or 1
    return Progress(False, min(1.0, row.value / last))


def rejudge(session: Session, part: int = PART) -> int:
    """Judge the next studies again with the patterns in force, in the caller's transaction; 0 when all are judged.

    How far it came stands in a cursor: whoever goes on, after a restart too, goes on from there.
    """
    connection = session.connection()
    fingerprint = patterns_in_force(connection).fingerprint
    row = session.get(tables.Cursor, NAME, with_for_update=True)
    if row is None:
        row = tables.Cursor(name=NAME, value=0, detail={}, updated_at=datetime.now(UTC))
        session.add(row)
    if row.detail.get("patterns") != fingerprint:
        row.value, row.detail = 0, {"patterns": fingerprint, "done": False}
    if row.detail["done"]:
        return 0
    ids = list(
        connection.execute(select(STUDY.c.id).where(STUDY.c.id > row.value).order_by(STUDY.c.id).limit(part)).scalars()
    )
    judge(connection, ids)
    row.value, row.updated_at = (ids[-1] if ids else row.value), datetime.now(UTC)
    row.detail = row.detail | {"done": len(ids) < part}
    session.flush()
    return len(ids)
