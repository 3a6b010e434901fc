"""Looking every so often at what no single examination says: the process that sends notices calls `tick`.

What is looked at is read first and judged outside of any write transaction; only what came of it is written. One look
that fails is told in the log and tried again at the next tick: it holds up neither the others nor any notice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from dose.alerts import periodic
from dose.alerts.model import Rule
from dose.alerts.periodic import Judged, Space
from dose.database import writing
from dose.log import logger
from dose.queries.alert_periodic import samples, undosed, uses, waiting, works
from dose.scope import Scope, system_scope
from dose.settings import Settings
from dose.store.alert_periodic import is_due, note_look, open_subjects, settle, take_back, watched_since
from dose.store.alerts import About, rules_in_force

LOG = logger(__name__)
GAP = timedelta(minutes=15)  # between two ticks: after a longer one nobody is blamed for what was not seen


@dataclass(frozen=True, slots=True)
class Eyes:
    """What a look sees with: a session to read, the time (UTC), and since when somebody looks without a pause."""

    session: Session
    settings: Settings
    now: datetime
    since: datetime
    scope: Scope

    @property
    def today(self) -> date:
        """The day at the site."""
        return self.now.astimezone(ZoneInfo(self.settings.time_zone)).date()


Seen = tuple[Judged, Mapping[str, About]]  # what was found and is over; where each subject is


def tick(sessions: sessionmaker[Session], settings: Settings, now: datetime) -> int:
    """Look at all that is due, `now` in UTC; how many alerts were raised. What no rule looks at any more is over."""
    with writing(sessions) as session:
        since = watched_since(session, now, GAP)
        take_back(session, now)
    return sum(_looked(sessions, settings, now, since, kind) for kind in _LOOKS)


def _looked(sessions: sessionmaker[Session], settings: Settings, now: datetime, since: datetime, kind: str) -> int:
    try:
        return _look(sessions, settings, now, since, kind)
    except (SQLAlchemyError, OSError) as error:
        LOG.error("a look failed and is tried again", exc_info=error, extra={"kind": kind})
        return 0


def _look(sessions: sessionmaker[Session], settings: Settings, now: datetime, since: datetime, kind: str) -> int:
    every, judge = _LOOKS[kind]
    with sessions() as session:
        if not is_due(session, kind, now, every):
            return 0
        eyes = Eyes(session, settings, now, since, system_scope("notify"))
        rules = [one for one in rules_in_force(session.connection()) if one.kind == kind]
        seen = [(one.key, *judge(eyes, one, open_subjects(session, one.key))) for one in rules]
    with writing(sessions) as session:
        raised = [number for key, judged, abouts in seen for number in settle(session, key, judged, abouts, now)]
        note_look(session, kind, now)
    return len(raised)


def _day(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _drift(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    terms = rule.terms
    found = list(samples(eyes.session, eyes.scope, eyes.today, terms.measures, terms.months, terms.least))
    abouts = {one.subject: About(_day(eyes.today), one.site_id, one.device_id, modality=one.modality) for one in found}
    return periodic.drift(rule, found, told), abouts


def _silent(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    found = uses(eyes.session, eyes.scope, eyes.today)
    abouts = {one.subject: About(_day(eyes.today), one.site_id, one.device_id, modality=one.modality) for one in found}
    return periodic.silent(rule, found, eyes.today, told), abouts


def _no_dose(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    found = undosed(eyes.session, eyes.scope, eyes.now, eyes.settings.time_zone, rule.terms.hours)
    abouts = {one.subject: About(_day(one.day), modality=one.modality) for one in found}
    return periodic.no_dose(rule, found, told), abouts


def _worker(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    state = works(eyes.session, eyes.scope, eyes.since)
    return _of_system(eyes, periodic.worker(rule, state, eyes.now, told))


def _disk(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    usage = shutil.disk_usage(eyes.settings.var)
    return _of_system(eyes, periodic.disk(rule, Space(usage.free, usage.total), eyes.now, told))


def _notices(eyes: Eyes, rule: Rule, told: frozenset[str]) -> Seen:
    return _of_system(eyes, periodic.notices(rule, waiting(eyes.session, eyes.scope, eyes.now), eyes.now, told))


def _of_system(eyes: Eyes, judged: Judged) -> Seen:
    return judged, {one.subject: About(_day(eyes.today)) for one in judged.found}


_EACH_TICK = timedelta(seconds=30)
_LOOKS: Mapping[str, tuple[timedelta, Callable[[Eyes, Rule, frozenset[str]], Seen]]] = {
    periodic.WORKER: (_EACH_TICK, _worker),
    periodic.DISK: (_EACH_TICK, _disk),
    periodic.NOTICES: (_EACH_TICK, _notices),
    periodic.SILENT: (timedelta(hours=1), _silent),
    periodic.NO_DOSE: (timedelta(hours=1), _no_dose),
    periodic.DRIFT: (timedelta(hours=6), _drift),
}
