"""What stands on the pages of an account: asked every few seconds by every open page, so it must cost little."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, text
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.scope import Permission, Scope
from dose.store.outbox import AT_ONCE, DIGEST, OUTBOX, SENT
from dose.tables import Alert, Recipient

LOOKED = 200  # the newest of an account; what lies further back is no news
OVER = ("closed", "withdrawn")  # alerts that nobody needs to hear of any more
_TEST = "test"
# As the index `ix_notification_banner` says it: with bound values neither database would use it
_STANDS = text("notification.channel = 'banner' AND notification.state IN ('pending', 'leased', 'sent')")


@dataclass(frozen=True, slots=True)
class BannerRow:
    """One banner: of an `alert` (a row of its table), of a digest of `count` alerts, or a test (neither).

    `at_once`: a trigger or a suspected unintended exposure.
    """

    id: int
    alert: Alert | None
    count: int
    at_once: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Banners:
    """The first ones, and how many more there are; `mark` changes whenever something else is to be shown."""

    rows: tuple[BannerRow, ...]
    more: int

    @property
    def mark(self) -> str:
        """Ids of what is shown, and how many more."""
        return f"{'.'.join(str(row.id) for row in self.rows)}+{self.more}"


def banners(session: Session, who: Scope, now: datetime, limit: int = 3) -> Banners:
    """What the account has not put aside yet: at once first, then the newest; nothing that its scope may not see."""
    if who.user_id is None or not who.may(Permission.VIEW_DOSES):
        return Banners((), 0)
    row = OUTBOX.c
    mine = session.scalar(select(Recipient.id).where(Recipient.user_id == who.user_id, Recipient.active))
    if mine is None:
        return Banners((), 0)
    newest = select(OUTBOX).where(row.recipient_id == mine, _STANDS).order_by(row.id.desc()).limit(LOOKED).subquery()
    is_due = or_(newest.c.state == SENT, and_(newest.c.mode == AT_ONCE, newest.c.not_before <= now))
    of_alert = and_(Alert.id.is_not(None), Alert.state.not_in(OVER), allowed(who, Alert))
    statement = (
        select(newest, Alert)
        .outerjoin(Alert, Alert.id == newest.c.alert_id)
        .where(is_due, or_(of_alert, newest.c.kind.in_((DIGEST, _TEST))))
    )
    found = sorted(session.execute(statement).all(), key=lambda one: (one.priority != 0, -one.id))
    return Banners(tuple(_banner(session, one) for one in found[:limit]), max(0, len(found) - limit))


def _banner(session: Session, row: Row[Any]) -> BannerRow:
    members = select(func.count()).where(OUTBOX.c.digest_id == row.id, OUTBOX.c.alert_id.is_not(None))
    count = (session.scalar(members) or 0) if row.kind == DIGEST else 0
    return BannerRow(row.id, row.Alert, count, row.priority == 0, row.created_at)
