"""The outbox: a row that was written with its alert becomes one message, whatever dies in between.

How a row goes
--------------
`pending` → `claim` → `leased` → `begin` (the attempt is written and committed *before* the peer is called) → the peer →
`settle`: `sent`, `pending` again at a later time, `failed`, `unclear`, `parked` (a person must look), `cancelled`.

A lease that ran out without an attempt goes back to `pending`: nobody was told. With an attempt it is `unclear`: the
peer may have taken it, so it is asked first (`dose.store.outbox_doubts`). A row of a digest waits as `grouped` and then
follows the row of its digest. Rows are never deleted.

Who sends holds two promises: `begin` is committed before the peer is called, and the peer is not called after
`Leased.until`.

Clocks step. A row is never marked earlier than its last change, unless the clock went back by more than `TOLERANCE`:
then what waits keeps the length of its wait, not its day (`steady`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, case, insert, or_, select, true, update
from sqlalchemy.orm import Session

from dose import tables
from dose.store.outbox_address import GONE, address_of
from dose.store.outbox_spent import count_sent
from dose.store.statements import insert_unless_there

OUTBOX: Table = tables.Notification.__table__  # type: ignore[assignment]
ATTEMPT: Table = tables.NotificationAttempt.__table__  # type: ignore[assignment]

PENDING, LEASED, GROUPED, UNCLEAR, PARKED = "pending", "leased", "grouped", "unclear", "parked"
SENT, DELIVERED, FAILED, CANCELLED = "sent", "delivered", "failed", "cancelled"
BEGUN, RETRY = "begun", "retry"  # outcomes of an attempt beside the states
AT_ONCE, DIGEST = "at_once", "digest"
ALERT, PATIENT = "alert", "patient"
FREE = "free"

LEASE = timedelta(minutes=2)  # more than all time-outs of one call together
LONGEST_LEASE = timedelta(hours=1)  # a lease that ends later was written by a clock that was ahead
GRACE = timedelta(seconds=60)  # before the peer is asked: it may still be writing down what it took
TOLERANCE = timedelta(minutes=5)

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is mistaken for another when read aloud
_CODE = re.compile(r"[A-Za-z0-9_.:-]{0,64}")


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to be sent. `params` holds ids, counts and codes, never a name: texts are made as it is sent.

    `dedup_key` says what this is about and to whom, so that saying it again changes nothing. `not_before` None: now.
    `priority` 0 goes first.
    """

    dedup_key: str
    kind: str
    channel: str
    language: str
    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    alert_id: int | None = None
    recipient_id: int | None = None
    patient_notice_id: int | None = None
    mode: str = AT_ONCE
    priority: int = 5
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that one sender holds until `until`; `number` tells this lease from others of the row."""

    id: int
    number: int
    owner: str
    until: datetime
    kind: str
    channel: str
    language: str
    template: str
    params: Mapping[str, Any]
    dedup_key: str
    reference: str
    attempts: int
    alert_id: int | None
    recipient_id: int | None
    patient_notice_id: int | None
    priority: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that is written down, and where the message goes (empty for a banner)."""

    attempt_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call ended; made by `sent` and its siblings. `reason` is a code or a short text without personal data.

    `cost_micros` is what a message that was sent is expected to cost.
    """

    state: str
    reason: str | None = None
    provider_id: str | None = None
    again_at: datetime | None = None
    cost_micros: int = 0


def sent(provider_id: str | None = None, cost_micros: int = 0) -> Settlement:
    """The peer took it; `provider_id` is its own number, `cost_micros` what it is expected to cost."""
    return Settlement(SENT, provider_id=provider_id, cost_micros=cost_micros)


def retry(again_at: datetime, reason: str) -> Settlement:
    """The peer surely did not take it; try again at `again_at`."""
    return Settlement(PENDING, reason, again_at=again_at)


def refused(reason: str) -> Settlement:
    """The peer will never take it."""
    return Settlement(FAILED, reason)


def unclear(reason: str) -> Settlement:
    """Nobody knows whether the peer took it."""
    return Settlement(UNCLEAR, reason)


def parked(reason: str) -> Settlement:
    """It was not sent, and a person must decide."""
    return Settlement(PARKED, reason)


def cancelled(reason: str) -> Settlement:
    """It was not sent, and nobody is to be told any more."""
    return Settlement(CANCELLED, reason)


def enqueue(connection: Connection, notices: Iterable[Notice], now: datetime) -> int:
    """Write what is to be sent, in the caller's transaction; how many were not there before.

    Raises
    ------
    ValueError
        A parameter is neither a number nor a code: it might name somebody.
    """
    rows = [_row(notice, now) for notice in notices]
    if not rows:
        return 0
    unless_there = insert_unless_there(connection.dialect.name, OUTBOX.name)
    return len(connection.execute(unless_there.returning(OUTBOX.c.id), rows).all())


def _row(notice: Notice, now: datetime) -> dict[str, Any]:
    for value in notice.params.values():
        if not (value is None or isinstance(value, int) or (isinstance(value, str) and _CODE.fullmatch(value))):
            raise ValueError("a parameter of a notice is neither a number nor a code")
    said = asdict(notice) | {"params": dict(notice.params), "not_before": notice.not_before or now}
    reference = "".join(secrets.choice(_LETTERS) for _ in range(10))
    why = None if notice.kind == ALERT else FREE  # alerts are planned by `dose.store.outbox_plan`
    fresh = {"state": PENDING, "attempts": 0, "lease_number": 0, "reference": reference, "why": why}
    return said | fresh | {"created_at": now, "changed_at": now}


def claim(
    session: Session,
    owner: str,
    now: datetime,
    channels: Collection[str],
    limit: int,
    lease: timedelta = LEASE,
    only: ColumnElement[bool] = true(),  # noqa: B008 - a constant
) -> list[Leased]:
    """Take up to `limit` rows that are due, the most urgent first; leases that ran out are dealt with before.

    `only` is a further condition on `OUTBOX`.
    `owner` names one process for its life, so that a restarted one is another. On SQLite the transaction is to be one
    of `dose.database.writing`; on PostgreSQL senders pass by each other's rows.
    """
    steady(session, now)
    expire(session, now)
    row = OUTBOX.c
    due = (row.state == PENDING, row.mode == AT_ONCE, row.not_before <= now, row.channel.in_(channels), only)
    order = (row.priority, row.not_before, row.id)
    chosen = select(row.id).where(*due).order_by(*order).limit(limit).with_for_update(skip_locked=True).cte("chosen")
    taken = {
        "state": LEASED, "lease_owner": owner, "lease_until": now + min(lease, LONGEST_LEASE),
        "lease_number": row.lease_number + 1, "changed_at": at_least(now),
    }  # fmt: skip
    statement = update(OUTBOX).where(row.id.in_(select(chosen.c.id))).values(taken).returning(OUTBOX)
    found = session.execute(statement).all()
    return [_leased(one) for one in sorted(found, key=lambda one: (one.priority, one.not_before, one.id))]


def _leased(row: Row[Any]) -> Leased:
    return Leased(
        row.id, row.lease_number, row.lease_owner, row.lease_until, row.kind, row.channel, row.language, row.template,
        row.params, row.dedup_key, row.reference, row.attempts, row.alert_id, row.recipient_id, row.patient_notice_id,
        row.priority,
    )  # fmt: skip


def begin(session: Session, leased: Leased, now: datetime) -> Begun | None:
    """Write down that the peer is about to be called; commit before calling it.

    None: do not call. The lease is lost; or nobody is there to be told any more (the row is cancelled then); or there
    is no address that works (it is parked then, with the reason).
    """
    row = locked(session, leased.id)
    if row is None or not _holds(row, leased, now):
        return None
    if row.kind == DIGEST and not _has_members(session, row.id):
        write(session, row, now, state=CANCELLED, last_error="empty")
        return None
    address, obstacle = address_of(session, row)
    if address is None:
        write(session, row, now, state=CANCELLED if obstacle in GONE else PARKED, last_error=obstacle)
        return None
    values = {"notification_id": row.id, "at": max(now, row.changed_at), "owner": leased.owner, "outcome": BEGUN}
    attempt_id = session.execute(insert(ATTEMPT).values(values).returning(ATTEMPT.c.id)).scalar_one()
    write(session, row, now, state=LEASED, attempt_id=attempt_id, attempts=row.attempts + 1)
    return Begun(attempt_id, address)


def _has_members(session: Session, digest_id: int) -> bool:
    members = (OUTBOX.c.digest_id == digest_id, OUTBOX.c.state == GROUPED)
    return session.execute(select(OUTBOX.c.id).where(*members).limit(1)).first() is not None


def _holds(row: Row[Any], leased: Leased, now: datetime) -> bool:
    own = row.state == LEASED and row.lease_number == leased.number and row.lease_owner == leased.owner
    return own and row.attempt_id is None and now < row.lease_until


def settle(
    session: Session, leased: Leased, settlement: Settlement, now: datetime, attempt_id: int | None = None
) -> bool:
    """Say how it ended; whether the row took it. A late answer still counts while nothing else was begun.

    Without `attempt_id` the peer was not called, as when its circuit is open: only who holds the lease may say so, and
    neither `sent` nor `unclear`.

    Raises
    ------
    ValueError
        `sent` or `unclear` without an attempt.
    """
    row = locked(session, leased.id)
    if row is None:
        return False
    if attempt_id is None:
        if settlement.state in (SENT, UNCLEAR):
            raise ValueError("what was not begun was not sent")
        if not _holds(row, leased, now):
            return False
    else:
        _settle_attempt(session, row, attempt_id, settlement, now)
        if not _believes(row, attempt_id, settlement):
            return False
    write(session, row, now, **_after(row, settlement, now))
    if settlement.state == SENT:
        count_sent(session, row.channel, now, settlement.cost_micros)
    return True


def _settle_attempt(session: Session, row: Row[Any], attempt_id: int, said: Settlement, now: datetime) -> None:
    """The attempt keeps what its own sender said, even where the row knows better."""
    mine = (ATTEMPT.c.id == attempt_id, ATTEMPT.c.notification_id == row.id)
    values = {
        "settled_at": max(now, row.changed_at), "outcome": RETRY if said.state == PENDING else said.state,
        "provider_id": said.provider_id, "error": _short(said.reason),
    }  # fmt: skip
    session.execute(update(ATTEMPT).where(*mine).values(values))


def _believes(row: Row[Any], attempt_id: int, settlement: Settlement) -> bool:
    """Sent is sent, whatever was decided meanwhile, unless another attempt is under way: that one will speak."""
    if row.state in (SENT, DELIVERED):
        return False
    if settlement.state == SENT:
        return row.attempt_id in (None, attempt_id)
    return bool(row.attempt_id == attempt_id and row.state in (LEASED, UNCLEAR))


def _after(row: Row[Any], said: Settlement, now: datetime) -> dict[str, Any]:
    again = {PENDING: said.again_at or now, UNCLEAR: now + GRACE}
    return {
        "state": said.state, "last_error": said.reason, "provider_id": said.provider_id or row.provider_id,
        "not_before": again.get(said.state, row.not_before),
        "attempt_id": row.attempt_id if said.state == UNCLEAR else None,
    }  # fmt: skip


def expire(session: Session, now: datetime) -> None:
    """Leases that ran out: to `pending` when nobody was told, to `unclear` when the peer may have been."""
    row = OUTBOX.c
    over = and_(row.state == LEASED, or_(row.lease_until <= now, row.lease_until > now + LONGEST_LEASE))
    free = {"lease_owner": None, "lease_until": None, "changed_at": at_least(now)}
    begun = {"state": UNCLEAR, "not_before": now + GRACE, "last_error": "lease-over"}
    session.execute(update(OUTBOX).where(over, row.attempt_id.is_(None)).values(free | {"state": PENDING}))
    session.execute(update(OUTBOX).where(over, row.attempt_id.is_not(None)).values(free | begun))


def steady(session: Session, now: datetime) -> None:
    """After the clock went back: what was written by the clock that was ahead waits as long as it was meant to.

    Notices to patients keep their day: too early is worse than too late there.
    """
    row = OUTBOX.c
    ahead = (row.changed_at > now + TOLERANCE, row.state.in_((PENDING, LEASED, GROUPED, UNCLEAR)))
    found = session.execute(select(OUTBOX).where(*ahead).with_for_update()).all()
    shift = update(OUTBOX).where(row.id == bindparam("the_id"))
    moved = [_moved(one, now) for one in found]
    if moved:
        session.connection().execute(shift, moved)


def _moved(row: Row[Any], now: datetime) -> dict[str, Any]:
    by = row.changed_at - now
    waits = row.not_before if row.kind == PATIENT else row.not_before - by
    until = row.lease_until and row.lease_until - by
    return {"the_id": row.id, "not_before": waits, "lease_until": until, "changed_at": now}


def cancel(session: Session, which: ColumnElement[bool], reason: str, now: datetime) -> int:
    """Cancel what was not begun of the rows that `which` names (a condition on `OUTBOX`); how many.

    What was begun is left: its sender, or the peer, says what became of it.
    """
    row = OUTBOX.c
    open_states = row.state.in_((PENDING, LEASED, GROUPED, PARKED))
    gone = {"state": CANCELLED, "last_error": _short(reason), "lease_owner": None, "lease_until": None}
    condition = and_(which, open_states, row.attempt_id.is_(None))
    values = gone | {"changed_at": at_least(now)}
    digests = session.execute(update(OUTBOX).where(condition).values(values).returning(row.id, row.kind)).all()
    for one in digests:
        if one.kind == DIGEST:
            _follow(session, one.id, CANCELLED, reason, now)
    return len(digests)


def locked(session: Session, notification_id: int) -> Row[Any] | None:
    """The row, held until the transaction ends."""
    return session.execute(select(OUTBOX).where(OUTBOX.c.id == notification_id).with_for_update()).first()


def write(session: Session, row: Row[Any], now: datetime, **values: Any) -> None:  # noqa: ANN401 - columns
    """Change a locked row; a lease ends with the state `leased`, and what went into a digest follows it."""
    state = values["state"]
    if state != LEASED:
        values |= {"lease_owner": None, "lease_until": None}
    if "last_error" in values:
        values["last_error"] = _short(values["last_error"])
    changed = values | {"changed_at": max(now, row.changed_at)}
    session.execute(update(OUTBOX).where(OUTBOX.c.id == row.id).values(changed))
    if row.kind == DIGEST:
        _follow(session, row.id, state, values.get("last_error"), now)


def _follow(session: Session, digest_id: int, state: str, reason: str | None, now: datetime) -> None:
    held = GROUPED if state in (PENDING, LEASED, UNCLEAR) else state
    members = (OUTBOX.c.digest_id == digest_id, OUTBOX.c.state != held, OUTBOX.c.state != CANCELLED)
    values = {"state": held, "last_error": _short(reason), "changed_at": at_least(now)}
    session.execute(update(OUTBOX).where(*members).values(values))


def at_least(now: datetime) -> Any:  # noqa: ANN401 - an SQL expression
    """`now`, or the time of the row's last change where that is later: small steps of the clock stay invisible."""
    return case((OUTBOX.c.changed_at > now, OUTBOX.c.changed_at), else_=bindparam(None, now, OUTBOX.c.changed_at.type))


def _short(text: str | None) -> str | None:
    return " ".join(text.split())[:200] if text else None
