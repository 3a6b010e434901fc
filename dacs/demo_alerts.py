"""What people of the demonstration hospital have done with its alerts, so that every state can be looked at.

Everything is done by the same functions as on the pages, to alerts of the demonstration alone, and names who `DECIDED`
it in history and audit. The first account hears of what is open by a banner, where the site has no recipients of its
own; nothing is ever sent by mail or text message, and nobody who was examined is told of anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dacs.demo_decisions import DECIDED_BY, WHO
from dose.scope import Role, scope_for, system_scope
from dose.store.alert_follow_up import finish_follow_up, start_follow_up
from dose.store.alert_recipients import (
    Person,
    add_group,
    add_recipient,
    add_route,
    remove_group,
    remove_recipient,
    set_members,
)
from dose.store.alert_work import CLOSED, NEW, WORK, Closing, Seen, answer, close, comment
from dose.store.outbox import AT_ONCE, Notice, enqueue
from dose.store.outbox_address import BANNER
from dose.tables import Alert, AlertCause, AppUser, FollowUp, Recipient, RecipientGroup

GROUP = "Demonstration"
PHYSICIST = system_scope(f"{DECIDED_BY}: physicist")
RADIOGRAPHER = scope_for(None, f"{DECIDED_BY}: radiographer", [Role.RADIOGRAPHER.value])
DIFFICULT, PHASE, ORDERED = "difficult", "phase-asked", "as-ordered"

Work = Callable[[Session, Alert], None]


def put(session: Session) -> int:
    """Work on some alerts where nobody has touched one, and tell of what is open; how many were worked on."""
    mine = select(Alert).where(Alert.is_demo).order_by(Alert.day, Alert.id)
    alerts = list(session.scalars(mine))
    if any(one.state in (WORK, CLOSED) for one in alerts):
        return 0
    by_rule = defaultdict[str, list[Alert]](list)
    for one in alerts:
        if one.state == NEW:
            by_rule[one.rule_key].append(one)
    cases = [(by_rule[key][place], work) for key, place, work in CASES if len(by_rule[key]) > place]
    for alert, work in cases:
        work(session, alert)
    _tell(session)
    return len(cases)


def take_back(session: Session) -> int:
    """Take back the group and the recipient of `put` where nobody changed them since; how many recipients."""
    groups = session.scalars(select(RecipientGroup.id).where(RecipientGroup.name == GROUP)).all()
    for group_id in groups:
        remove_group(session, WHO, group_id)
    mine = session.scalars(select(Recipient).where(Recipient.changed_by == DECIDED_BY).order_by(Recipient.id)).all()
    for one in mine:
        remove_recipient(session, WHO, one.id, one.version)
    return len(mine)


# ---- what is done with an alert -------------------------------------------------------------------------------------


def _follow(session: Session, alert: Alert, *outcomes: str) -> None:
    day = str(alert.day)
    start_follow_up(session, PHYSICIST, alert.id, date(int(day[:4]), int(day[4:6]), int(day[6:])))
    steps = select(FollowUp.id).where(FollowUp.alert_id == alert.id).order_by(FollowUp.due_on, FollowUp.id)
    for step, outcome in zip(session.scalars(steps).all(), outcomes, strict=False):
        finish_follow_up(session, PHYSICIST, step, outcome)


def _answered(reason: str) -> Work:
    return lambda session, alert: answer(session, RADIOGRAPHER, _seen(alert), reason)


def _closed(cause: str) -> Work:
    def work(session: Session, alert: Alert) -> None:
        number = session.scalars(select(AlertCause.id).where(AlertCause.key == cause)).one()
        close(session, PHYSICIST, _seen(alert), Closing(number, reportable=False))

    return work


def _followed_to_its_end(session: Session, alert: Alert) -> None:
    answer(session, RADIOGRAPHER, _seen(alert), DIFFICULT)
    _follow(session, alert, "Lettre envoyée au médecin traitant.", "Aucune rougeur.", "Aucune rougeur.")
    comment(session, PHYSICIST, alert.id, "Images and dose report looked at with the operator.")
    _closed(DIFFICULT)(session, alert)


def _followed(session: Session, alert: Alert) -> None:
    answer(session, RADIOGRAPHER, _seen(alert), DIFFICULT)
    _follow(session, alert, "Letter sent to the family doctor.")


def _seen(alert: Alert) -> Seen:
    return Seen(alert.id, alert.version)


# Rule, the how manyth oldest of its alerts, what is done. What is newest is left to who looks at it.
CASES: tuple[tuple[str, int, Work], ...] = (
    ("kerma-srdl", 0, _followed_to_its_end),
    ("kerma-srdl", 1, _followed),
    ("percentile-ct", 0, _answered(PHASE)),
    ("tube-voltage", 0, _closed(ORDERED)),
)


# ---- who is told ----------------------------------------------------------------------------------------------------


def _tell(session: Session) -> None:
    """Put banners on the pages of the first account, unless the site has said itself who is told."""
    account = session.scalar(select(AppUser).where(AppUser.active).order_by(AppUser.id).limit(1))
    if account is None or session.scalar(select(exists().where(Recipient.id.is_not(None)))):
        return
    person = Person(account.username or account.email.partition("@")[0], user_id=account.id)
    recipient, group = add_recipient(session, WHO, person), add_group(session, WHO, GROUP)
    set_members(session, WHO, group, [recipient])
    add_route(session, WHO, group, "act", BANNER)
    urgent = select(Alert.id).where(Alert.is_demo, Alert.severity == "act", Alert.state.in_((NEW, WORK)))
    notices = [_notice(alert_id, recipient, person.language) for alert_id in session.scalars(urgent.order_by(Alert.id))]
    enqueue(session.connection(), notices, datetime.now(UTC))


def _notice(alert_id: int, recipient: int, language: str) -> Notice:
    key = f"alert:{alert_id}:raised:{recipient}:{BANNER}"
    params = {"alert": alert_id}
    return Notice(key, "alert", BANNER, language, "alert", params, alert_id, recipient, mode=AT_ONCE, priority=0)
