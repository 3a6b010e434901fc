"""What people paused and have not resumed yet, and how many messages wait for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, not_, select
from sqlalchemy.orm import Session

from dose.queries.notices import COUNT_CAP, of_sites
from dose.scope import Permission, Scope
from dose.store.outbox import OUTBOX, PENDING
from dose.store.outbox_pause import free
from dose.store.outbox_plan import URGENT
from dose.tables import ChannelState, Route

HEARS = (Permission.MANAGE_NOTICES, Permission.WORK_ALERTS)  # whoever is relied upon to act on what does not come


@dataclass(frozen=True, slots=True)
class Paused:
    """All pauses together: `channels` by name, how many `routes`, since when the first, and by whom the first.

    `waiting` messages that the account may know of wait for it, `urgent` of them must be told at once; `COUNT_CAP`
    stands for so many or more.
    """

    channels: tuple[str, ...]
    routes: int
    since: datetime
    by: str
    waiting: int
    urgent: int

    @property
    def mark(self) -> str:
        """A word that changes with what is to be said."""
        return f"p{'.'.join(self.channels)}-{self.routes}-{self.waiting}-{self.urgent}"


def paused(session: Session, who: Scope) -> Paused | None:
    """What is paused, for whoever works on alerts or manages notices; None: nothing, or not theirs to know."""
    if not any(who.may(one) for one in HEARS):
        return None
    columns = (ChannelState.paused_at, ChannelState.paused_by, ChannelState.channel)
    channels = session.execute(select(*columns).where(ChannelState.paused_at.is_not(None))).all()
    there = (Route.active, Route.paused_at.is_not(None))
    routes = session.execute(select(Route.paused_at, Route.paused_by).where(*there)).all()
    if not channels and not routes:
        return None
    since, by = min((one.paused_at, one.paused_by or "") for one in (*channels, *routes) if one.paused_at)
    names = tuple(sorted(one.channel for one in channels))
    return Paused(names, len(routes), since, by, _count(session, who), _count(session, who, urgent=True))


def mark_of(found: Paused | None) -> str:
    """What the mark of the banners ends with; empty: nothing is paused."""
    return found.mark if found else ""


def _count(session: Session, who: Scope, *, urgent: bool = False) -> int:
    row = OUTBOX.c
    where = [row.state == PENDING, not_(free(session)), of_sites(who), *([row.priority == URGENT] if urgent else [])]
    some = select(row.id).where(*where).limit(COUNT_CAP)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
