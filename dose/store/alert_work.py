"""People work on alerts: new → in work → closed, and back; each step in the history and the audit, nothing lost.

Who acts says which version of the alert was seen. When another has changed it since, the step is refused with who that
was, and nothing is written; the same step pressed twice is taken once. Comments and reasons may name people: the text
is encrypted in the history and never in the audit, which holds ids and codes only.

Reference: Council Directive 2013/59/Euratom, article 63 (analysis of unintended exposures, declaration).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dose import audit
from dose.alerts.model import ACT
from dose.scope import Permission, Scope
from dose.store.version import next_version
from dose.tables import Alert, AlertCause, AlertStep, AppUser, Criterion, UserSite

NEW, WORK, CLOSED, WITHDRAWN = STATES = ("new", "work", "closed", "withdrawn")
OPEN = (NEW, WORK)
MOST_AT_ONCE, LONGEST_TEXT, FURTHEST_DUE = 200, 4000, timedelta(days=366)
# What happened, in `alert_step.action`; raised, changed and withdrawn are the machine's
ASSIGNED, COMMENT, ANSWERED, ASKED, CLOSING, REOPENED, DUE = (
    "assigned", "comment", "answered", "asked", "closed", "reopened", "due",
)  # fmt: skip
FOLLOW_UP, DONE = "follow-up", "done"


class WorkRefused(ValueError):
    """Nothing was written.

    `code`: gone (no such alert, or another site's) | changed (`by` whom, `at`, UTC) | state (not from this state) |
    cause | reason | reportable (an alert that asks to act is judged) | criterion | user | due | text | many | kind.
    """

    def __init__(self, code: str, by: str | None = None, at: datetime | None = None) -> None:
        super().__init__(code)
        self.code, self.by, self.at = code, by, at


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as somebody looked at it."""

    alert_id: int
    version: int

    @classmethod
    def said(cls, alert_id: str, version: str) -> Seen:
        """What a browser says it saw: a version may be larger than its numbers are exact. Nonsense names no alert."""
        number, seen = (int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
                        for text in (alert_id, version))  # fmt: skip
        return cls(number, seen)


@dataclass(frozen=True, slots=True)
class Closing:
    """How an alert ends. `reportable` None: not judged; `criteria` are the row ids of those it was judged to meet."""

    cause_id: int
    reportable: bool | None = None
    text: str = ""
    criteria: tuple[int, ...] = ()


def assign(session: Session, who: Scope, seen: Seen, user_id: int | None) -> None:
    """Give an alert to somebody, or to nobody (None); a new one is in work from then on.

    Raises
    ------
    WorkRefused
        gone | changed | state | user (no such account in use, or one that does not see the site).
    NotPermitted
        Without WORK_ALERTS.
    """
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    if row.assigned_to == user_id and row.state != NEW:
        return
    _expect(session, row, seen, OPEN)
    if user_id is not None and not _can_see(session, user_id, row):
        raise WorkRefused("user")
    row.assigned_to, row.state = user_id, WORK
    write_step(session, who, row, ASSIGNED, user=user_id)


def comment(session: Session, who: Scope, alert_id: int, text: str) -> None:
    """Add a comment, in any state: it changes nothing that another may have changed. Raises `WorkRefused` gone | text.

    Who gives reasons may comment too (ANSWER_ALERTS).
    """
    _require(who, Permission.WORK_ALERTS, Permission.ANSWER_ALERTS)
    row = alert_to_work_on(session, who, alert_id)
    said = text_of(text)
    if not said:
        raise WorkRefused("text")
    last = _last(session, row.id)
    if last is not None and (last.action, last.by, last.text) == (COMMENT, who.user_name[:255], said):
        return
    write_step(session, who, row, COMMENT, said)


def answer(session: Session, who: Scope, seen: Seen, reason: str, text: str = "") -> None:
    """Say why, by who was there: a cause that is offered for it. The alert is in work until a physicist accepts.

    Raises
    ------
    WorkRefused
        gone | changed | state | reason (not offered) | text.
    NotPermitted
        Without ANSWER_ALERTS.
    """
    who.require(Permission.ANSWER_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    if row.reason_code == reason and row.state == WORK:
        return
    _expect(session, row, seen, OPEN)
    wanted = select(AlertCause.id).where(AlertCause.key == reason, AlertCause.active, AlertCause.one_click)
    if session.scalar(wanted) is None:
        raise WorkRefused("reason")
    row.reason_code, row.state = reason, WORK
    write_step(session, who, row, ANSWERED, text_of(text), reason=reason)


def ask_again(session: Session, who: Scope, seen: Seen, why: str) -> None:
    """Send a reason back: it is asked for anew. Raises `WorkRefused` gone | changed | state | reason | text."""
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    _expect(session, row, seen, (WORK,))
    if row.reason_code is None:
        raise WorkRefused("reason")
    said = _why(why)
    former, row.reason_code = row.reason_code, None
    write_step(session, who, row, ASKED, said, reason=former)


def accept(session: Session, who: Scope, seen: Seen, reportable: bool | None, text: str = "") -> None:
    """Close an alert with the reason that was given. Raises as `close`; reason: none was given."""
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    cause = session.scalar(select(AlertCause).where(AlertCause.key == (row.reason_code or "")))
    if cause is None:
        raise WorkRefused("reason")
    close(session, who, seen, Closing(cause.id, reportable, text))


def close(session: Session, who: Scope, seen: Seen, closing: Closing) -> None:
    """Say what it was, and whether it is declared; the cause counts one more use.

    Raises
    ------
    WorkRefused
        gone | changed | state | cause | reportable | criterion | text.
    NotPermitted
        Without WORK_ALERTS.
    """
    who.require(Permission.WORK_ALERTS)
    row, said = alert_to_work_on(session, who, seen.alert_id), text_of(closing.text)
    if (row.state, row.cause_id, row.reportable) == (CLOSED, closing.cause_id, closing.reportable):
        return
    _expect(session, row, seen, OPEN)
    _check(session, closing)
    if row.severity == ACT and closing.reportable is None:
        raise WorkRefused("reportable")
    row.state, row.closed_at = CLOSED, datetime.now(UTC)
    row.cause_id, row.reportable = closing.cause_id, closing.reportable
    _used(session, closing.cause_id, 1)
    judged = {"cause": closing.cause_id, "reportable": closing.reportable, "criteria": sorted(closing.criteria)}
    write_step(session, who, row, CLOSING, said, **judged)


def close_many(session: Session, who: Scope, seen: Sequence[Seen], closing: Closing) -> int:
    """Close alerts that are alike with one cause, all or none, at most 200; how many. Raises as `close`, and many."""
    who.require(Permission.WORK_ALERTS)
    if not 0 < len(seen) <= MOST_AT_ONCE:
        raise WorkRefused("many")
    for one in sorted(set(seen), key=lambda one: one.alert_id):  # one order of locks, whoever closes beside us
        close(session, who, one, closing)
    return len(set(seen))


def reopen(session: Session, who: Scope, seen: Seen, why: str) -> None:
    """Take up a closed alert again; its cause was none. Raises `WorkRefused` gone | changed | state | text."""
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    _expect(session, row, seen, (CLOSED,))
    said = _why(why)
    if row.cause_id is not None:
        _used(session, row.cause_id, -1)
    former = {"cause": row.cause_id, "reportable": row.reportable}
    row.state, row.closed_at, row.cause_id, row.reportable = WORK, None, None, None
    write_step(session, who, row, REOPENED, said, **former)


def set_due(session: Session, who: Scope, seen: Seen, due_on: date, today: date) -> None:
    """Say until when it is to be closed: from today to a year on. Raises `WorkRefused` gone | changed | state | due."""
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, seen.alert_id)
    if row.due_on == due_on:
        return
    _expect(session, row, seen, OPEN)
    if not today <= due_on <= today + FURTHEST_DUE:
        raise WorkRefused("due")
    former, row.due_on = row.due_on, due_on
    write_step(session, who, row, DUE, before=former.isoformat() if former else None, due=due_on.isoformat())


# ---- what every step needs -----------------------------------------------------------------------------------------


def _require(who: Scope, *any_of: Permission) -> None:
    if not any(who.may(one) for one in any_of):
        who.require(any_of[0])


def alert_to_work_on(session: Session, who: Scope, alert_id: int) -> Alert:
    """An alert, held until the transaction ends; raises `WorkRefused` gone."""
    row = session.get(Alert, alert_id, with_for_update=True, populate_existing=True)
    if row is None or not is_visible(who, row):
        raise WorkRefused("gone")
    return row


def is_visible(who: Scope, row: Alert) -> bool:
    """Whether an alert is of the sites and devices that an account is limited to."""
    site = who.site_ids is None or row.site_id in who.site_ids
    return site and (who.device_ids is None or row.device_id in who.device_ids)


def _can_see(session: Session, user_id: int, row: Alert) -> bool:
    """Whether an account is in use and not limited to other sites: what it cannot open nobody would work on."""
    user = session.get(AppUser, user_id)
    sites = session.scalars(select(UserSite.site_id).where(UserSite.user_id == user_id)).all()
    return user is not None and user.active and (not sites or row.site_id in sites)


def _expect(session: Session, row: Alert, seen: Seen, states: Sequence[str]) -> None:
    if row.version != seen.version:
        last = _last(session, row.id)
        raise WorkRefused("changed", last.by if last else None, last.at if last else row.changed_at)
    if row.state not in states:
        raise WorkRefused("state")


def _last(session: Session, alert_id: int) -> AlertStep | None:
    wanted = select(AlertStep).where(AlertStep.alert_id == alert_id)
    return session.scalar(wanted.order_by(AlertStep.id.desc()).limit(1))


def text_of(text: str) -> str | None:
    """A text without the space around it, None when there is none; raises `WorkRefused` text when it is too long."""
    said = text.strip()
    if len(said) > LONGEST_TEXT:
        raise WorkRefused("text")
    return said or None


def _why(text: str) -> str:
    said = text_of(text)
    if said is None:
        raise WorkRefused("text")
    return said


def _check(session: Session, closing: Closing) -> None:
    cause = session.get(AlertCause, closing.cause_id)
    if cause is None or not cause.active:
        raise WorkRefused("cause")
    known = session.scalars(select(Criterion.id).where(Criterion.id.in_(closing.criteria), Criterion.active))
    if set(known) != set(closing.criteria) or (closing.criteria and not closing.reportable):
        raise WorkRefused("criterion")


def _used(session: Session, cause_id: int, by: int) -> None:
    session.execute(update(AlertCause).where(AlertCause.id == cause_id).values(uses=AlertCause.uses + by))


def write_step(
    session: Session,
    who: Scope,
    row: Alert,
    action: str,
    text: str | None = None,
    **detail: Any,  # noqa: ANN401 - JSON
) -> None:
    """One step in the history and one line in the audit; `detail` are ids, codes and days."""
    now = datetime.now(UTC)
    row.version, row.changed_at = next_version(session.connection()), now
    session.add(AlertStep(alert_id=row.id, at=now, by=who.user_name[:255], action=action, text=text, detail=detail))
    audit.record(
        session, who, audit.Action.ALERT_WORK, subject="alert", subject_id=row.id, patient_id=row.patient_id,
        what=action, **detail,
    )  # fmt: skip
    session.flush()
