"""The outbox as people see it: what waits, what went, what stands still and why, and how the channels are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, not_, or_, select, true
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.scope import Permission, Scope
from dose.store import outbox as states
from dose.store.outbox import ATTEMPT, OUTBOX
from dose.store.outbox_address import BANNER, EMAIL, SMS
from dose.store.outbox_decide import seen_as
from dose.store.outbox_pause import free
from dose.store.outbox_spent import DAYS
from dose.tables import Alert, ChannelState, Patient, PatientContact, PatientNotice, Recipient

CHANNELS, KINDS = (EMAIL, SMS, BANNER), ("alert", "digest", "patient", "test")
WAITING = "waiting"
# What people tell apart, and the states of the outbox behind it
GROUPS: Mapping[str, tuple[str, ...]] = {
    WAITING: (states.PENDING, states.LEASED, states.GROUPED),
    states.PARKED: (states.PARKED,),
    states.UNCLEAR: (states.UNCLEAR,),
    states.FAILED: (states.FAILED,),
    states.SENT: (states.SENT,),
    states.DELIVERED: (states.DELIVERED,),
    states.CANCELLED: (states.CANCELLED,),
}
COUNTED = (WAITING, states.PARKED, states.UNCLEAR, states.FAILED)  # what somebody may have to look at
COUNT_CAP = 1000
DECIDABLE = frozenset({states.PARKED, states.FAILED, states.UNCLEAR})


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """What to show: a group of states, channel, kind, recipient; None: all.

    `before` and `after` are ids: what is older or newer than a row of another page.
    """

    group: str | None = None
    channel: str | None = None
    kind: str | None = None
    recipient_id: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One message. `to` is a recipient's name (None: removed, or of a patient); `address` as the reader may see it.

    `alert` is None where the message is of none, or of one that the scope may not see. `reason` is a code.
    """

    id: int
    kind: str
    channel: str
    mode: str
    state: str
    priority: int
    reference: str
    attempts: int
    reason: str | None
    created_at: datetime
    changed_at: datetime
    not_before: datetime
    digest_id: int | None
    recipient_id: int | None
    to: str | None
    address: str | None
    alert: Alert | None
    seen: str = ""  # what was seen, for who decides on it
    held: bool = False  # by a pause

    @property
    def group(self) -> str:
        """The key of `GROUPS` that its state belongs to."""
        return next(name for name, states_ in GROUPS.items() if self.state in states_)


@dataclass(frozen=True, slots=True)
class NoticePage:
    """One page, the newest first; `newer` and `older`: whether there is more on either side."""

    rows: tuple[NoticeRow, ...]
    newer: bool
    older: bool


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One call of a peer: when it began and ended (None: nobody heard), and how. `error` is a code."""

    at: datetime
    settled_at: datetime | None
    outcome: str
    provider_id: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel is; `open_until` None: it works. `spent` of the day and `cap` (None: none) in micros."""

    channel: str
    failures: int
    open_until: datetime | None
    spent_micros: int
    cap_micros: int | None
    last_at: datetime | None
    paused_at: datetime | None = None  # by a person
    paused_by: str | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """What channels took in a month (`YYYY-MM`, UTC): messages and expected cost (millionths) by channel."""

    month: str
    messages: Mapping[str, int]
    micros: Mapping[str, int]


def notices(session: Session, who: Scope, chosen: NoticeFilter, limit: int = 50) -> NoticePage:
    """One page of the outbox; found by index whatever its size.

    Raises
    ------
    NotPermitted
        When the account may not see the state of the system.
    """
    who.require(Permission.VIEW_SYSTEM)
    row, forward = OUTBOX.c, chosen.after is not None
    statement = select(OUTBOX).where(*_conditions(who, chosen))
    order = row.id.asc() if forward else row.id.desc()
    found = session.execute(statement.order_by(order).limit(limit + 1)).all()
    shown, has_more = found[:limit], len(found) > limit
    if forward:
        return NoticePage(_rows(session, who, shown[::-1]), has_more, older=True)
    return NoticePage(_rows(session, who, shown), chosen.before is not None, has_more)


def notice(session: Session, who: Scope, notification_id: int) -> tuple[NoticeRow, tuple[AttemptRow, ...]] | None:
    """One message with every attempt to send it; None where there is none that the account may see."""
    who.require(Permission.VIEW_SYSTEM)
    found = session.execute(select(OUTBOX).where(OUTBOX.c.id == notification_id, of_sites(who))).all()
    if not found:
        return None
    column = ATTEMPT.c
    shown = (column.at, column.settled_at, column.outcome, column.provider_id, column.error)
    attempts = session.execute(select(*shown).where(column.notification_id == notification_id).order_by(column.id))
    return _rows(session, who, found)[0], tuple(AttemptRow(*one) for one in attempts)


def counts(session: Session, who: Scope) -> dict[str, int]:
    """How many messages wait, stand still, are unclear or failed; `COUNT_CAP` stands for so many or more."""
    who.require(Permission.VIEW_SYSTEM)
    found = {}
    for group in COUNTED:
        some = select(OUTBOX.c.id).where(OUTBOX.c.state.in_(GROUPS[group]), of_sites(who)).limit(COUNT_CAP)
        found[group] = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return found


def health(session: Session, who: Scope, today: date) -> tuple[Health, ...]:
    """How each channel is; `today` is the day (UTC) of which spending is told."""
    who.require(Permission.VIEW_SYSTEM)
    known = {one.channel: one for one in session.scalars(select(ChannelState))}
    last = select(DAYS.c.channel, func.max(DAYS.c.last_at)).group_by(DAYS.c.channel)
    worked = dict(session.execute(last).all())
    spent = dict(session.execute(select(DAYS.c.channel, DAYS.c.micros).where(DAYS.c.day == today)).all())
    return tuple(_health(one, known.get(one), worked.get(one), spent.get(one, 0)) for one in CHANNELS)


def _health(channel: str, state: ChannelState | None, last_at: datetime | None, spent_micros: int) -> Health:
    if state is None:
        return Health(channel, 0, None, spent_micros, None, last_at)
    paused = (state.paused_at, state.paused_by)
    return Health(channel, state.failures, state.open_until, spent_micros, state.cap_micros, last_at, *paused)


def months(session: Session, who: Scope, limit: int = 12) -> tuple[Month, ...]:
    """What channels took by month, the latest first."""
    who.require(Permission.VIEW_SYSTEM)
    messages: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(CHANNELS, 0))
    micros: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(CHANNELS, 0))
    day = DAYS.c
    for channel, on, count, cost in session.execute(select(day.channel, day.day, day.messages, day.micros)):
        messages[f"{on:%Y-%m}"][channel] += count
        micros[f"{on:%Y-%m}"][channel] += cost
    return tuple(Month(one, messages[one], micros[one]) for one in sorted(messages, reverse=True)[:limit])


def masked(address: str | None) -> str | None:
    """An address that can be told from others but not used: `p…@e…org`, `+212…78`."""
    if not address:
        return None
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}…@{domain[:1]}…{domain[-3:] if '.' in domain[-4:] else ''}"
    return f"{address[:4]}…{address[-2:]}"


def _conditions(who: Scope, chosen: NoticeFilter) -> list[ColumnElement[bool]]:
    row = OUTBOX.c
    where = [of_sites(who)]
    if chosen.group is not None:
        behind = GROUPS[chosen.group]
        where.append(row.state == behind[0] if len(behind) == 1 else row.state.in_(behind))
    for column, value in ((row.channel, chosen.channel), (row.kind, chosen.kind)):
        if value is not None:
            where.append(column == value)
    if chosen.recipient_id is not None:
        where.append(row.recipient_id == chosen.recipient_id)
    if chosen.after is not None:
        where.append(row.id > chosen.after)
    elif chosen.before is not None:
        where.append(row.id < chosen.before)
    return where


def of_sites(who: Scope) -> ColumnElement[bool]:
    """A condition on `OUTBOX`: who is limited to sites sees messages of an alert, a recipient or a patient there."""
    if who.site_ids is None:
        return true()
    row, mine = OUTBOX.c, sorted(who.site_ids)
    of_patient = (
        exists()
        .where(PatientNotice.id == row.patient_notice_id, PatientContact.id == PatientNotice.contact_id)
        .where(Patient.id == PatientContact.patient_id, Patient.site_id.in_(mine))
    )
    of_alert = exists().where(Alert.id == row.alert_id, Alert.site_id.in_(mine))
    return or_(of_alert, exists().where(Recipient.id == row.recipient_id, Recipient.site_id.in_(mine)), of_patient)


def _rows(session: Session, who: Scope, found: Sequence[Row[Any]]) -> tuple[NoticeRow, ...]:
    """Rows with who is told and of what, and what holds them: a few statements whatever their number."""
    people = _by_id(session, Recipient, {row.recipient_id for row in found})
    alerts = _by_id(session, Alert, {row.alert_id for row in found}, allowed(who, Alert))
    contacts = _contacts(session, {row.patient_notice_id for row in found})
    held = _held(session, found)
    return tuple(
        _row(
            row, people.get(row.recipient_id), contacts.get(row.patient_notice_id), alerts.get(row.alert_id), who, held
        )
        for row in found
    )


def _held(session: Session, found: Sequence[Row[Any]]) -> frozenset[int]:
    """Which of some messages a pause holds."""
    waiting = [row.id for row in found if row.state == states.PENDING]
    held = select(OUTBOX.c.id).where(OUTBOX.c.id.in_(waiting), not_(free(session)))
    return frozenset(session.scalars(held)) if waiting else frozenset()


def _by_id(session: Session, table: Any, ids: set[int | None], *where: ColumnElement[bool]) -> dict[int | None, Any]:  # noqa: ANN401
    return {one.id: one for one in session.scalars(select(table).where(table.id.in_(ids - {None}), *where))}


def _contacts(session: Session, ids: set[int | None]) -> dict[int | None, PatientContact]:
    pairs = select(PatientNotice.id, PatientContact).join(PatientContact, PatientContact.id == PatientNotice.contact_id)
    return dict(session.execute(pairs.where(PatientNotice.id.in_(ids - {None}))).all())


def _row(
    row: Row[Any],
    person: Recipient | None,
    contact: PatientContact | None,
    alert: Alert | None,
    who: Scope,
    held: Collection[int],
) -> NoticeRow:
    of = person or contact
    address = {EMAIL: of.email, SMS: of.phone}.get(row.channel) if of else None
    in_full = contact is None and who.may(Permission.MANAGE_NOTICES)
    return NoticeRow(
        row.id, row.kind, row.channel, row.mode, row.state, row.priority, row.reference, row.attempts, row.last_error,
        row.created_at, row.changed_at, row.not_before, row.digest_id, row.recipient_id,
        person.name if person else None, address if in_full else masked(address), alert, seen_as(row), row.id in held,
    )  # fmt: skip
