"""Alerts as rows: raised, changed, withdrawn and raised again, in the transaction of the dose, with whom to tell.

One alert a rule key and subject, and of rules that are steps of one ladder (`dose.alerts.ladder`) one for all of them:
it goes up and down with the value, under the rule of the highest step, and whoever works on it keeps it. A later
report that changes the value changes the row; one that undoes it withdraws the alert, with a step that says so. A
closed alert comes back when its value grew, never silently. What nobody is to hear of again is not told again: notices
have a key made of the alert, the step and the recipient.

Notices are for what is new. An examination that is older than `NEWS` when its dose arrives is judged by the rules that
go at once, and nobody is told; nor of a demonstration. A crossing that is held back because of a doubtful name tells
nobody either, until the doubt is resolved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from dose import tables
from dose.alerts import kinds, ladder
from dose.alerts.model import ACT, INFO, WATCH, Crossing, Rule
from dose.alerts.terms import RuleRefused
from dose.log import logger
from dose.store.alert_follow_up import plan_follow_up
from dose.store.alert_recipients import Destination, destinations_of
from dose.store.outbox import AT_ONCE, Notice, enqueue
from dose.store.version import next_version

ALERT: Table = tables.Alert.__table__  # type: ignore[assignment]
STEP: Table = tables.AlertStep.__table__  # type: ignore[assignment]
RULE: Table = tables.AlertRule.__table__  # type: ignore[assignment]

NEW, WORK, CLOSED, WITHDRAWN = "new", "work", "closed", "withdrawn"
OPEN = (NEW, WORK)
RAISED, CHANGED, GONE, REOPENED = "raised", "changed", "withdrawn", "reopened"
SYSTEM = "system"
NEWS = timedelta(days=30)
GROWN = 1.05  # times the value at which it was closed
_DUE_DAYS = {ACT: 3, WATCH: 14}
_PRIORITIES = {ACT: 3, WATCH: 5, INFO: 7}
AT_ONCE_PRIORITY = 0

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """What a crossing is about: where, when (`day` local, YYYYMMDD) and of whom; None where it is of nobody.

    `tell` False: nobody is told.
    """

    day: int
    site_id: int | None = None
    device_id: int | None = None
    study_id: int | None = None
    patient_id: int | None = None
    modality: str | None = None
    is_demo: bool = False
    tell: bool = True


# ---- the rules in force ---------------------------------------------------------------------------------------------

_STAMP = select(func.count(RULE.c.id), func.count(RULE.c.retired_at), func.max(RULE.c.id), func.max(RULE.c.made_at))
_IN_FORCE = select(RULE).where(RULE.c.retired_at.is_(None), RULE.c.active).order_by(RULE.c.id)
_ready: dict[tuple[Any, ...], tuple[Rule, ...]] = {}


def rules_in_force(connection: Connection) -> tuple[Rule, ...]:
    """The rules that doses are held against, made ready once until somebody changes one.

    A rule that this program cannot read any more is left out and told: it never holds up a dose.
    """
    stamp = (str(connection.engine.url), *connection.execute(_STAMP).one())
    ready = _ready.get(stamp)
    if ready is None:
        made = (_as_rule(row) for row in connection.execute(_IN_FORCE))
        ready = tuple(one for one in made if one is not None)
        _ready.clear()  # another thread may do the same: what it made is as good
        _ready[stamp] = ready
    return ready


def _as_rule(row: Any) -> Rule | None:  # noqa: ANN401 - a row of alert_rule
    names = ("name", "citation", "at_once", "modality", "site_id", "device_id", "procedure_id", "id")
    try:
        return kinds.rule(row.key, row.kind, row.severity, row.params, **{name: getattr(row, name) for name in names})
    except RuleRefused as error:
        log.warning("a rule cannot be read", extra={"rule": row.id, "reason": str(error)})
        return None


# ---- what becomes of crossings --------------------------------------------------------------------------------------


def put(session: Session, crossings: Iterable[Crossing], about: About, now: datetime) -> list[int]:
    """Write what crossed, each once; ids of the alerts that were raised, changed or came back.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        Another transaction raised the same alert at this moment: the whole can be tried again.
    """
    found = list(crossings)
    known, tell = _known(session, found), _Telling(session, about, now)
    told = []
    for one in found:
        row = _row_of(one, known)
        number = _raise(session, one, about, tell) if row is None else _change(session, one, about, row, tell)
        if number is not None:
            told.append(number)
    return told


def withdraw(session: Session, rows: Iterable[Any], why: str, now: datetime) -> list[int]:
    """Take back alerts (rows of `alert`) whose reason is gone; `why` is a code. Closed ones stay as they are."""
    gone = [row.id for row in rows if row.state in OPEN]
    if gone:
        version = next_version(session.connection())
        values = {"state": WITHDRAWN, "changed_at": now, "version": version}
        session.execute(update(ALERT).where(ALERT.c.id.in_(gone)).values(values))
        session.execute(insert(STEP), [_step(one, GONE, now, why=why) for one in gone])
    return gone


def of_studies(session: Session, study_ids: Collection[int], kinds_of: Collection[str]) -> list[Any]:
    """Rows of the alerts of some kinds that belong to studies."""
    of_these = {"studies": sorted(study_ids)}
    return [row for row in session.connection().execute(_OF_STUDIES, of_these) if row.kind in kinds_of]


def of_patients(session: Session, kind: str, patient_ids: Collection[int], study_ids: set[int]) -> Iterator[Any]:
    """Rows of the alerts of one kind that are about patients, or open and about a sum that a study is part of."""
    mine = {"patients": sorted(patient_ids), "kind": kind}
    yield from session.connection().execute(_OF_PATIENTS, mine)
    for row in session.connection().execute(_OPEN_OF_KIND, {"kind": kind}):
        if not study_ids.isdisjoint(row.details.get("studies", ())):
            yield row


_OF_PATIENTS = select(ALERT).where(
    ALERT.c.patient_id.in_(bindparam("patients", expanding=True)), ALERT.c.kind == bindparam("kind")
)
_OPEN_OF_KIND = select(ALERT).where(ALERT.c.kind == bindparam("kind"), ALERT.c.state.in_(OPEN))
_OF_STUDIES = select(ALERT).where(ALERT.c.study_id.in_(bindparam("studies", expanding=True))).order_by(ALERT.c.id)


def _known(session: Session, crossings: Sequence[Crossing]) -> dict[tuple[str, str], Any]:
    if not crossings:
        return {}
    subjects = sorted({one.subject for one in crossings})
    rules = sorted({key for one in crossings for key in (one.rule_key, *one.ladder)})
    wanted = select(ALERT).where(ALERT.c.rule_key.in_(rules), ALERT.c.subject.in_(subjects)).with_for_update()
    return {(row.rule_key, row.subject): row for row in session.execute(wanted)}


def _row_of(one: Crossing, known: Mapping[tuple[str, str], Any]) -> Any:  # noqa: ANN401 - a row of alert or None
    """Its own alert, else that of another step of its ladder, an open one first; None: it is new."""
    own = known.get((one.rule_key, one.subject))
    steps = [row for key in one.ladder if (row := known.get((key, one.subject))) and row.column == one.column]
    return own or min(steps, key=lambda row: (row.state not in OPEN, row.id), default=None)


def _raise(session: Session, one: Crossing, about: About, tell: _Telling) -> int:
    connection, now = session.connection(), tell.now
    values = _values(session, one, about) | {
        "state": NEW, "raised_at": now, "changed_at": now, "due_on": _due(one, now.date()), "is_demo": about.is_demo,
        "version": next_version(connection),
    }  # fmt: skip
    number = int(session.execute(insert(ALERT).values(values).returning(ALERT.c.id)).scalar_one())
    session.execute(insert(STEP), [_step(number, RAISED, now, value=one.value, threshold=one.threshold)])
    tell.of(number, one, RAISED, climbed=True)
    return number


def _values(session: Session, one: Crossing, about: About) -> dict[str, Any]:
    rule_id = session.scalar(select(RULE.c.id).where(RULE.c.key == one.rule_key, RULE.c.retired_at.is_(None)))
    details = dict(one.details) | {"remarks": list(one.remarks), "held_back": list(one.held_back)}
    return {
        "rule_id": rule_id, **{name: getattr(one, name) for name in _SAID}, "details": details,
        "held_back": bool(one.held_back), **{name: getattr(about, name) for name in _ABOUT},
    }  # fmt: skip


_SAID = ("rule_key", "kind", "severity", "subject", "code", "column", "value", "threshold", "at_once")
_ABOUT = ("site_id", "device_id", "study_id", "patient_id", "modality", "day")
_ANEW = ("doubts", "procedure_id", "at")  # of what has no value: another name in doubt, another failure
_JUDGED = ("closed_at", "cause_id", "reportable", "reason_code")  # what people found; its steps keep it
_SEEN = ("rule_key", "code", "value", "threshold", "held_back", "severity")  # what a change of is told to people


def _change(session: Session, one: Crossing, about: About, row: Any, tell: _Telling) -> int | None:  # noqa: ANN401
    """The id where anything changed that people see, else None."""
    now = tell.now
    values = _values(session, one, about)
    back = row.state == WITHDRAWN or (row.state == CLOSED and _grew(row, one))
    if not back and all(getattr(row, name) == values[name] for name in _SEEN):
        if row.details != values["details"] or row.study_id != about.study_id:
            session.execute(update(ALERT).where(ALERT.c.id == row.id).values(values))
        return None
    if row.state == CLOSED and not back:
        return None  # it stays as it was judged
    action, climbed = REOPENED if back else CHANGED, _climbed(row, one)
    values |= _dated(row, one, now, back=back, climbed=climbed)
    values |= {"changed_at": now, "version": next_version(session.connection())}
    session.execute(update(ALERT).where(ALERT.c.id == row.id).values(values))
    step = session.execute(insert(STEP).values(_changed(row, one, action, now)).returning(STEP.c.id)).scalar_one()
    if back or climbed or (row.held_back and not one.held_back):
        tell.of(row.id, one, f"{action}{step}", climbed=climbed)
    return int(row.id)


def _dated(row: Any, one: Crossing, now: datetime, *, back: bool, climbed: bool) -> dict[str, Any]:  # noqa: ANN401
    """Until when it is to be closed: one that comes back begins anew, one that climbed is never due later."""
    due = _due(one, now.date())
    if back:
        return dict.fromkeys(_JUDGED) | {"state": NEW, "due_on": due}
    return {"due_on": min((day for day in (row.due_on, due) if day is not None), default=None)} if climbed else {}


def _changed(row: Any, one: Crossing, action: str, now: datetime) -> dict[str, Any]:  # noqa: ANN401 - a row of alert
    former = row.rule_key if row.rule_key != one.rule_key else None
    said = {"value": one.value, "before": row.value, "threshold": one.threshold, "rule_before": former}
    return _step(row.id, action, now, **said)


def _grew(row: Any, one: Crossing) -> bool:  # noqa: ANN401 - a row of alert
    """Whether it is more than what was closed: a further notification, another doubt, a value surely larger."""
    anew = one.value is None and any(one.details.get(name) != row.details.get(name) for name in _ANEW)
    larger = one.value is not None and row.value is not None and one.value > GROWN * row.value
    return anew or larger or _climbed(row, one)


def _climbed(row: Any, one: Crossing) -> bool:  # noqa: ANN401 - a row of alert
    """Whether who was told of it should hear again: the next notification, or a higher step of its ladder."""
    before = ladder.reached(row.rule_key, row.details)
    return any(count > before.get(key, 0) for key, count in ladder.reached(one.rule_key, one.details).items())


def _due(one: Crossing, today: date) -> date | None:
    days = one.details.get("due_days") or _DUE_DAYS.get(one.severity)
    return None if days is None else today + timedelta(days=days)


def _step(alert_id: int, action: str, now: datetime, **detail: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    said = {name: value for name, value in detail.items() if value is not None}
    return {"alert_id": alert_id, "at": now, "by": SYSTEM, "action": action, "detail": said}


# ---- whom to tell ---------------------------------------------------------------------------------------------------


class _Telling:
    """Whom to tell of the alerts of one examination, and what follows them; asked once for alerts of one urgency."""

    def __init__(self, session: Session, about: About, now: datetime) -> None:
        self.now = now
        self._session, self._about = session, about
        self._hearers: dict[tuple[str, ...], list[Destination]] = {}

    def of(self, alert_id: int, one: Crossing, step: str, *, climbed: bool) -> None:
        """Write the notices about a step of an alert, and the follow-up of a patient where it `climbed` so far."""
        if not self._about.tell:
            return
        if not one.held_back:
            enqueue(self._session.connection(), self._notices(alert_id, one, step), self.now)
        if climbed and one.severity == ACT:
            plan_follow_up(self._session, alert_id, self.now.date())

    def _notices(self, alert_id: int, one: Crossing, step: str) -> list[Notice]:
        priority = AT_ONCE_PRIORITY if one.at_once else _PRIORITIES[one.severity]
        return [
            Notice(
                f"alert:{alert_id}:{step}:{to.recipient_id}:{to.channel}", "alert", to.channel, to.language, "alert",
                {"alert": alert_id}, alert_id, to.recipient_id, mode=AT_ONCE if one.at_once else to.mode,
                priority=priority,
            )
            for to in self._hearers_of(one)
        ]  # fmt: skip

    def _hearers_of(self, one: Crossing) -> list[Destination]:
        """Who hears of it: of its own urgency, and of those of the lower steps that it stands for."""
        urgencies = [one.severity, *(str(lower.get("severity")) for lower in ladder.lower_steps(one.details))]
        key = (one.kind, *urgencies)
        if key not in self._hearers:
            self._hearers[key] = destinations_of(self._session, urgencies, one.kind, self._about.site_id)
        return self._hearers[key]


def is_news(at: datetime, now: datetime) -> bool:
    """Whether an examination that began then (local) is new enough for somebody to be told."""
    return now.replace(tzinfo=None) - at <= NEWS
