"""The links that patients get: a document behind a code, and the end of a consent.

Whoever tries learns nothing but *open* or *not*: an unknown link, a wrong code, a lock and an expired notice do the
same work and give the same answer. Five wrong codes lock a link for an hour, five more for two, up to a week: who has
the link alone gets through in the ninety days that it holds with a chance of one in ten thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.notify import code
from dose.scope import Scope
from dose.store.patient_contacts import BY_LINK, contact_of, withdraw
from dose.store.patient_notices import NOTICE, OPENED, QUEUED, VALID_FOR

FIRST_LOCK, LONGEST_LOCK = timedelta(hours=1), timedelta(days=7)
HOLDER = "holder of the link"
_NEVER = datetime.max.replace(tzinfo=UTC)  # whether a notice still holds is judged below
_NOBODYS = code.Kept("0" * 64, "0" * 64, _NEVER)
_COLUMNS = (
    NOTICE.c.id, NOTICE.c.code_hash, NOTICE.c.token_hash, NOTICE.c.tries, NOTICE.c.locked_until, NOTICE.c.queued_at,
    NOTICE.c.state, NOTICE.c.opened_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Try:
    """What is to be written of one try."""

    opens: bool
    values: dict[str, Any]


def try_code(session: Session, token: str, typed: str, now: datetime, address: str | None = None) -> int | None:
    """The notice that a link and a code open, in the caller's write transaction; None whatever is wrong with them.

    `address` is where the request came from, for the audit.
    """
    row = _found(session, token, hold=True)
    fits = code.check(_kept(row), token, typed, now)[0] == "open"
    tried = _judge(row, fits, now) if row is not None else _Try(opens=False, values={"tries": 0})
    session.execute(update(NOTICE).where(NOTICE.c.id == (row.id if row is not None else -1)).values(tried.values))
    if row is None:
        return None
    if tried.opens or "locked_until" in tried.values:
        what = {"what": "opened" if tried.opens else "locked"}
        record(session, Scope(None, HOLDER), Action.PATIENT_NOTICE, subject="notice", subject_id=row.id,
               address=address, **what)  # type: ignore[arg-type]  # fmt: skip
    return int(row.id) if tried.opens else None


def _kept(row: Row[*tuple[Any, ...]] | None) -> code.Kept:
    if row is None or row.code_hash is None:
        return _NOBODYS
    return code.Kept(bytes(row.token_hash).hex(), bytes(row.code_hash).hex(), _NEVER)


def _judge(row: Row[*tuple[Any, ...]], fits: bool, now: datetime) -> _Try:
    if _is_locked(row.locked_until, now) or not _holds(row, now):
        return _Try(opens=False, values={"tries": row.tries})
    if fits:
        opened = {"state": OPENED, "opened_at": row.opened_at or now}
        return _Try(opens=True, values=opened | {"tries": 0, "locked_until": None})
    tries = row.tries + 1
    locks = tries // code.TRIES
    lock = {"locked_until": now + min(FIRST_LOCK * 2 ** min(locks - 1, 10), LONGEST_LOCK)}
    return _Try(opens=False, values={"tries": tries} | (lock if tries % code.TRIES == 0 else {}))


def _is_locked(until: datetime | None, now: datetime) -> bool:
    """A lock that ends later than any may was written by a clock that was ahead."""
    return until is not None and now < until <= now + LONGEST_LOCK


def _holds(row: Row[*tuple[Any, ...]], now: datetime) -> bool:
    return row.state in (QUEUED, OPENED) and row.queued_at is not None and now < row.queued_at + VALID_FOR


def notice_of(session: Session, token: str, now: datetime) -> int | None:
    """The notice of a link that still holds, for who has shown its code; None: there is none."""
    row = _found(session, token, hold=False)
    return int(row.id) if row is not None and _holds(row, now) else None


def _found(session: Session, token: str, *, hold: bool) -> Row[*tuple[Any, ...]] | None:
    wanted = select(*_COLUMNS).where(NOTICE.c.token_hash == bytes.fromhex(code.token_hash(token)))
    return session.execute(wanted.with_for_update() if hold else wanted).first()


def stop(session: Session, token: str, now: datetime) -> bool:
    """End the consent whose stop link this is; whether that changed anything, which is nobody's business to be told."""
    contact_id = contact_of(session, token)
    return contact_id is not None and withdraw(session, contact_id, BY_LINK, now)
