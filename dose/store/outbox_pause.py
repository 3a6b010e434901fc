"""Pauses by a person: what a paused channel or route would carry stays in the outbox until somebody resumes it.

A pause changes no message. What it holds is asked anew each time something is to be sent: all messages of a paused
channel, patients' included, and what only paused routes lead to somebody over a channel; a digest that was gathered
before its route was paused goes. A trigger is held as well, and `dose.queries.pauses` says so to everybody who works on
alerts. Banners cannot be paused: they are where the pause itself is told.

What was held and is due is planned again as it is resumed, so that a week of it comes as a digest after quiet hours and
not as a storm at night.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select, true, update
from sqlalchemy.orm import Session, aliased

from dose import audit
from dose.scope import Permission, Scope
from dose.store.alert_recipients import RecipientRefused
from dose.store.outbox import ALERT, AT_ONCE, FREE, OUTBOX, PENDING, at_least
from dose.store.outbox_address import EMAIL, SMS
from dose.store.outbox_plan import URGENT
from dose.tables import Alert, ChannelState, RecipientGroup, RecipientMember, Route

PAUSED = "paused"
PAUSABLE = (EMAIL, SMS)


def pause_channel(session: Session, who: Scope, channel: str, now: datetime) -> bool:
    """Hold everything on a channel. False: it is paused already.

    Raises
    ------
    RecipientRefused
        channel: there is no such channel that can be paused.
    NotPermitted
        Without the permission, or limited to sites: a channel is everybody's.
    """
    row = _channel(session, who, channel)
    if row is None:
        row = ChannelState(channel=channel, changed_at=now)
        session.add(row)
    if row.paused_at is not None:
        return False
    row.paused_at, row.paused_by = now, who.user_name[:255]
    session.flush()
    _note(session, who, "pause channel", channel=channel)
    return True


def resume_channel(session: Session, who: Scope, channel: str, now: datetime) -> bool:
    """Let a channel work again. False: it was not paused. Raises as `pause_channel`."""
    row = _channel(session, who, channel)
    if row is None or row.paused_at is None:
        return False
    _plan_again(session, now)
    row.paused_at = row.paused_by = None
    session.flush()
    _note(session, who, "resume channel", channel=channel)
    return True


def pause_route(session: Session, who: Scope, route_id: int, now: datetime) -> bool:
    """Hold what only this route leads to somebody. False: it is paused already.

    Raises
    ------
    RecipientRefused
        gone; channel: banners cannot be paused.
    NotPermitted
        Without the permission, or at another site.
    """
    row = _route(session, who, route_id)
    if row.channel not in PAUSABLE:
        raise RecipientRefused("channel")
    if row.paused_at is not None:
        return False
    row.paused_at, row.paused_by = now, who.user_name[:255]
    session.flush()
    _note(session, who, "pause route", route=route_id)
    return True


def resume_route(session: Session, who: Scope, route_id: int, now: datetime) -> bool:
    """Let a route work again. False: it was not paused. Raises as `pause_route`."""
    row = _route(session, who, route_id)
    if row.paused_at is None:
        return False
    _plan_again(session, now)
    row.paused_at = row.paused_by = None
    session.flush()
    _note(session, who, "resume route", route=route_id)
    return True


def free(session: Session) -> ColumnElement[bool]:
    """A condition on `OUTBOX`: no pause holds the row, as things are now; two small statements while none does."""
    channels = session.scalars(select(ChannelState.channel).where(ChannelState.paused_at.is_not(None))).all()
    routes = session.scalars(select(Route.id).where(_PAUSED_ROUTE).limit(1)).first()
    wanted: list[ColumnElement[bool]] = [OUTBOX.c.channel.not_in(channels)] if channels else []
    if routes is not None:
        wanted.append(or_(OUTBOX.c.alert_id.is_(None), not_(_leads(_PAUSED_ROUTE)), _leads(_OPEN_ROUTE)))
    return and_(true(), *wanted)


def is_held(session: Session, notification_id: int) -> bool:
    """Whether a pause holds a message now."""
    return session.scalar(select(OUTBOX.c.id).where(OUTBOX.c.id == notification_id, not_(free(session)))) is not None


_PAUSED_ROUTE = and_(Route.active, Route.paused_at.is_not(None))
_OPEN_ROUTE = and_(Route.active, Route.paused_at.is_(None))


def _leads(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether one of some routes leads the alert of a message to its recipient, over its channel."""
    told = aliased(Alert)
    way = (
        select(Route.id)
        .join(RecipientGroup, RecipientGroup.id == Route.group_id)
        .join(RecipientMember, RecipientMember.group_id == RecipientGroup.id)
        .join(told, told.id == OUTBOX.c.alert_id)
        .where(which, RecipientMember.recipient_id == OUTBOX.c.recipient_id, Route.channel == OUTBOX.c.channel)
        .where(Route.severity == told.severity, or_(Route.kind.is_(None), Route.kind == told.kind))
    )
    for table in (Route, RecipientGroup):
        way = way.where(or_(table.site_id.is_(None), table.site_id == told.site_id))
    return exists(way.correlate(OUTBOX))


def _plan_again(session: Session, now: datetime) -> None:
    """What the pauses hold and is due, of alerts that need not be told at once, is as if it had just been written."""
    row = OUTBOX.c
    alone = (row.kind == ALERT, row.mode == AT_ONCE, row.why == FREE, row.priority > URGENT, row.attempts == 0)
    held = (row.state == PENDING, row.not_before <= now, not_(free(session)))
    session.execute(update(OUTBOX).where(*alone, *held).values(why=None, changed_at=at_least(now)))


def _channel(session: Session, who: Scope, channel: str) -> ChannelState | None:
    who.require(Permission.MANAGE_NOTICES)
    if who.site_ids is not None:
        who.require_site(-1)
    if channel not in PAUSABLE:
        raise RecipientRefused("channel")
    return session.get(ChannelState, channel, with_for_update=True, populate_existing=True)


def _route(session: Session, who: Scope, route_id: int) -> Route:
    who.require(Permission.MANAGE_NOTICES)
    row = session.get(Route, route_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise RecipientRefused("gone")
    if who.site_ids is not None:
        who.require_site(-1 if row.site_id is None else row.site_id)
    return row


def _note(session: Session, who: Scope, what: str, **detail: Any) -> None:  # noqa: ANN401 - as record
    audit.record(session, who, audit.Action.NOTICE_CHANGE, subject=what.split()[-1], what=what, **detail)
