"""What waits for somebody, as numbers beside the names of pages: asked every few seconds, so it must cost little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.notices import of_sites
from dose.scope import Permission, Scope
from dose.store.outbox import OUTBOX, PARKED
from dose.tables import Alert

CAP = 99  # nobody tells a hundred from a thousand: counted no further than one more
# As the index `ix_alert_pressing` says it: with bound values neither database would use it
_PRESSING = text("alert.state IN ('new', 'work') AND (alert.severity = 'act' OR alert.at_once)")


@dataclass(frozen=True, slots=True)
class Pressing:
    """Open alerts that ask to act or go at once, and messages that wait for a person; at most `CAP` + 1 of each.

    None: the account does not see such pages, and nothing was asked.
    """

    alerts: int | None
    parked: int | None


def pressing(session: Session, who: Scope) -> Pressing:
    """How many alerts and messages wait that the account may see; demonstrations too, for they stand in its lists."""
    alerts = select(Alert.id).where(_PRESSING, allowed(who, Alert))
    parked = select(OUTBOX.c.id).where(OUTBOX.c.state == PARKED, of_sites(who))
    return Pressing(
        _capped(session, alerts) if who.may(Permission.VIEW_DOSES) else None,
        _capped(session, parked) if who.may(Permission.VIEW_SYSTEM) else None,
    )


def _capped(session: Session, found: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(found.limit(CAP + 1).subquery())) or 0
