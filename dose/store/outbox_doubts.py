"""What may have been sent: the peer is asked before anything is sent again; what nobody can say waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from dose import audit
from dose.database import writing
from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.store.outbox import (
    AT_ONCE,
    ATTEMPT,
    CANCELLED,
    DELIVERED,
    FAILED,
    LEASE,
    LONGEST_LEASE,
    OUTBOX,
    PARKED,
    PATIENT,
    PENDING,
    SENT,
    UNCLEAR,
    expire,
    locked,
    steady,
    write,
)
from dose.store.outbox_address import address_of
from dose.store.outbox_spent import count_sent
from dose.tables import Alert, PatientContact, PatientNotice, Recipient
from dose.tables import Patient as Person

NOT_TAKEN, UNKNOWN = "not taken", "unknown"


@dataclass(frozen=True, slots=True)
class Doubt:
    """An attempt whose end nobody knows, for the peer to be asked about.

    `address` None: whom it was for is gone; `reference` is still in the message. `since` is when the attempt began.
    """

    id: int
    number: int
    channel: str
    kind: str
    dedup_key: str
    reference: str
    address: str | None
    attempt_id: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer knows: `sent` (with its number), `not taken`, or `unknown`; `again_at`: worth asking again then."""

    what: str
    provider_id: str | None = None
    again_at: datetime | None = None
    cost_micros: int = 0


def claim_doubts(
    session: Session, owner: str, now: datetime, channels: Collection[str], limit: int, lease: timedelta = LEASE
) -> list[Doubt]:
    """Take up to `limit` rows about which the peer is to be asked, as `dose.store.outbox.claim` takes what is due."""
    steady(session, now)
    expire(session, now)
    row = OUTBOX.c
    free = or_(row.lease_until.is_(None), row.lease_until <= now, row.lease_until > now + LONGEST_LEASE)
    due = (row.state == UNCLEAR, row.not_before <= now, row.channel.in_(channels), free)
    chosen = select(row.id).where(*due).order_by(row.not_before, row.id).limit(limit)
    chosen_ids = chosen.with_for_update(skip_locked=True).cte("chosen")
    until = now + min(lease, LONGEST_LEASE)
    taken = {"lease_owner": owner, "lease_until": until, "lease_number": row.lease_number + 1}
    statement = update(OUTBOX).where(row.id.in_(select(chosen_ids.c.id))).values(taken).returning(OUTBOX)
    return [_doubt(session, one) for one in sorted(session.execute(statement).all(), key=lambda one: one.id)]


def _doubt(session: Session, row: Row[Any]) -> Doubt:
    since = session.execute(select(ATTEMPT.c.at).where(ATTEMPT.c.id == row.attempt_id)).scalar_one()
    address, _ = address_of(session, row)
    return Doubt(
        row.id, row.lease_number, row.channel, row.kind, row.dedup_key, row.reference, address, row.attempt_id, since
    )


def answer(session: Session, doubt: Doubt, said: Answer, now: datetime) -> bool:
    """Write down what the peer answered; False when the row knows better by now.

    `not taken` lets it be sent again. `unknown` is asked again at `again_at`; without one, and always for patients, it
    waits for a person.
    """
    row = locked(session, doubt.id)
    if row is None or row.state != UNCLEAR or row.lease_number != doubt.number:
        return False
    if said.what == SENT:
        write(session, row, now, state=SENT, provider_id=said.provider_id, attempt_id=None, last_error=None)
        count_sent(session, row.channel, now, said.cost_micros)
    elif said.what == NOT_TAKEN:
        write(session, row, now, state=PENDING, attempt_id=None, not_before=now, last_error=NOT_TAKEN)
    elif said.again_at is not None and row.kind != PATIENT:
        write(session, row, now, state=UNCLEAR, not_before=said.again_at)
    else:
        write(session, row, now, state=PARKED, last_error="unclear")
    _note_outcome(session, doubt.attempt_id, said, now)
    return True


def _note_outcome(session: Session, attempt_id: int, said: Answer, now: datetime) -> None:
    outcome = {SENT: SENT, NOT_TAKEN: NOT_TAKEN}.get(said.what, UNCLEAR)
    values = {"outcome": outcome, "settled_at": now, "provider_id": said.provider_id}
    session.execute(update(ATTEMPT).where(ATTEMPT.c.id == attempt_id).values(values))


def ask_before_resend(
    factory: sessionmaker[Session],
    owner: str,
    clock: Callable[[], datetime],
    channels: Collection[str],
    ask: Callable[[Doubt], Answer],
    limit: int = 20,
) -> int:
    """Ask the peer about every doubt that is due, outside of any transaction; how many were asked.

    When `ask` raises, the doubts keep their lease and are asked about again once it ran out.
    """
    with writing(factory) as session:
        doubts = claim_doubts(session, owner, clock(), channels, limit)
    for doubt in doubts:
        said = ask(doubt)
        with writing(factory) as session:
            answer(session, doubt, said, clock())
    return len(doubts)


def delivery(
    session: Session, channel: str, provider_id: str, now: datetime, *, arrived: bool, reason: str | None = None
) -> bool:
    """Write down what a provider reports later about a message; a replayed or late report changes nothing (False)."""
    same = (OUTBOX.c.channel == channel, OUTBOX.c.provider_id == provider_id, OUTBOX.c.state == SENT)
    row = session.execute(select(OUTBOX).where(*same).with_for_update()).first()
    if row is None:
        return False
    write(session, row, now, state=DELIVERED if arrived else FAILED, last_error=reason)
    return True


def send_again(session: Session, who: Scope, notification_id: int, now: datetime, why: str | None = None) -> bool:
    """A person says: send it (again). False when it is not one that waits for a person any more.

    `why` is a code for the audit; None: not said.
    """
    return _decide(session, who, notification_id, now, PENDING, "send", why)


def call_sent(session: Session, who: Scope, notification_id: int, now: datetime) -> bool:
    """A person knows that it arrived. False as for `send_again`."""
    return _decide(session, who, notification_id, now, SENT, "arrived", None)


def drop(session: Session, who: Scope, notification_id: int, now: datetime, why: str | None = None) -> bool:
    """A person says: never send it. False and `why` as for `send_again`; the row keeps the reason."""
    return _decide(session, who, notification_id, now, CANCELLED, "drop", why)


def _decide(session: Session, who: Scope, number: int, now: datetime, state: str, what: str, why: str | None) -> bool:
    who.require(Permission.MANAGE_NOTICES)
    row = locked(session, number)
    if row is None or row.state not in (PARKED, FAILED, UNCLEAR):
        return False
    _require_site(session, who, row)
    alone = {"mode": AT_ONCE, "digest_id": None} if state == PENDING else {}  # its digest was made once and for all
    kept = why if state == CANCELLED else None
    write(session, row, now, state=state, attempt_id=None, not_before=now, last_error=kept, **alone)
    said: dict[str, Any] = {"what": what} | ({"reason": why} if why else {})
    audit.record(session, who, audit.Action.NOTICE_CHANGE, subject="notification", subject_id=number, **said)
    return True


def _require_site(session: Session, who: Scope, row: Row[Any]) -> None:
    """Who is limited to sites decides on their notices: those of an alert there, a recipient or a patient there."""
    if who.site_ids is None:
        return
    patient = (
        select(Person.site_id)
        .join(PatientContact, PatientContact.patient_id == Person.id)
        .join(PatientNotice, PatientNotice.contact_id == PatientContact.id)
        .where(PatientNotice.id == row.patient_notice_id)
    )
    of_alert = select(Alert.site_id).where(Alert.id == row.alert_id)
    of_recipient = select(Recipient.site_id).where(Recipient.id == row.recipient_id)
    sites = [session.scalar(one) for one in (of_alert, of_recipient, patient)]
    if not any(site in who.site_ids for site in sites if site is not None):
        raise NotPermitted("another site")
