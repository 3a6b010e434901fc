"""Holding studies against the rules of alerts, in the transaction that writes them: where rules, rows and doses meet.

Whoever changes studies does so within `judging`: at the end, before it commits, every study whose version changed is
judged, and what crossed is written with the notices about it, as are the notices to patients. A kill leaves a dose with
its alert, or neither.

What a person received decides later examinations too: an older intervention that arrives late is added to those of the
days after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, inspect, select, union
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from dose.alerts import kinds
from dose.alerts.identity import IDENTITY
from dose.alerts.interventional import CUMULATIVE, KERMA, by_plane
from dose.alerts.ladder import lower_steps
from dose.alerts.model import ACT, EVENT, SEVERITIES, Crossing, Rule, moved
from dose.alerts.repeated import REPEATED
from dose.database import writing
from dose.log import logger
from dose.queries.comparators import Compared, Memory
from dose.queries.examinations import Examined, examinations
from dose.store import alerts, patient_notices
from dose.store.alerts import About
from dose.store.claims import parts
from dose.store.fact_rows import CT
from dose.store.version import changed_with, watch
from dose.tables import EventStudy, IrradiationEvent, Patient, Study, StudyFact

TROUBLE, NOT_JUDGED = "trouble", "study-not-judged"
NOT_COUNTED, NOT_CROSSED, FOLDED = "not-counted", "not-crossed", "folded"  # why an alert was taken back
# Kinds that look at several examinations of a person, and the one that says whether their names are in doubt
OF_PERSONS = (CUMULATIVE, REPEATED, IDENTITY)
NO_RULE = 0  # a study that is judged was held against something, even where no rule applies
_memories: dict[str, Memory] = {}
log = logger(__name__)
# Asked of nearly every study: made once
_STUDY = inspect(Study).local_table
_SINCE = select(_STUDY.c.id, _STUDY.c.listed_at).where(
    _STUDY.c.patient_id == bindparam("patient"), _STUDY.c.id != bindparam("own"),
    _STUDY.c.listed_at.between(bindparam("then"), bindparam("until")),
)  # fmt: skip
_PERSONS = (
    select(Patient.id)
    .where(Patient.id.in_(bindparam("patients", expanding=True)))
    .order_by(Patient.id)
    .with_for_update()
)


@contextmanager
def judging(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One write transaction, at whose end the studies that it changed are judged; commits, rolls back on any error."""
    with writing(sessions) as session:
        numbers = watch(session)
        yield session
        session.flush()
        changed = changed_with(session, numbers) if numbers else []
        judge(session, changed)
        _plan_notices(session, changed, datetime.now(UTC))


def _plan_notices(session: Session, study_ids: Sequence[int], now: datetime) -> None:
    if not study_ids:
        return
    try:
        with session.begin_nested():
            patient_notices.plan(session, study_ids, now)
    except DBAPIError:
        raise
    except Exception:  # our own mistake must not hold up a dose: a person is told, and looks at the study
        log.exception("notices to patients cannot be planned", extra={"studies": len(study_ids)})
        _Judge(session, (), now).tell_unread(study_ids)


def judge(session: Session, study_ids: Collection[int], now: datetime | None = None) -> list[int]:
    """Hold studies against the rules in force, in the caller's transaction; ids of alerts that people should see.

    A study that cannot be judged, by our own mistake, is told as an alert of its own: it never holds up a dose.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        The world is bad, or another transaction raised the same alert: nothing is to be committed.
    """
    rules = alerts.rules_in_force(session.connection()) if study_ids else ()
    told: list[int] = []
    for part in parts(sorted(set(study_ids)) if rules else ()):
        told += _judge_part(session, rules, part, now or datetime.now(UTC))
    return told


def _judge_part(session: Session, rules: Sequence[Rule], study_ids: Sequence[int], now: datetime) -> list[int]:
    """Judge some studies; where our own mistake ends it, each alone, and whoever cannot be is told of."""
    try:
        with session.begin_nested():
            one = _Judge(session, rules, now)
            those = examinations(session, study_ids)
            return one.judge(those) + one.tell_unread(set(study_ids) - {each.study_id for each in those})
    except DBAPIError:
        raise
    except Exception:  # our own mistake must not hold up a dose; nothing of it was written
        log.exception("studies cannot be judged", extra={"studies": len(study_ids)})
    if len(study_ids) > 1:
        return [number for one in study_ids for number in _judge_part(session, rules, [one], now)]
    return _Judge(session, rules, now).tell_unread(study_ids)


def judge_renamed(session: Session, study_ids: Collection[int]) -> list[int]:
    """Judge studies again after rules of names changed: those that are news, and those with alerts still open."""
    since = int((datetime.now(UTC) - alerts.NEWS).strftime("%Y%m%d"))
    found: set[int] = set()
    for part in parts(sorted(study_ids)):
        recent = select(StudyFact.study_id).where(StudyFact.study_id.in_(part), StudyFact.day >= since)
        found |= set(session.scalars(recent))
        found |= {row.study_id for row in alerts.of_studies(session, part, kinds.KINDS) if row.state != alerts.CLOSED}
    return judge(session, found)


class _Judge:
    """One pass over some studies.

    What several studies say of one subject (the sum of a patient, an acquisition under two accession numbers) is one
    crossing, the highest: which of them is judged first, or again, changes nothing.
    """

    def __init__(self, session: Session, rules: Sequence[Rule], now: datetime) -> None:
        self._session, self._rules, self._now = session, rules, now
        self._memory = _memories.setdefault(str(session.get_bind().engine.url), Memory())
        self._found: dict[tuple[str, str, str | None], tuple[Crossing, About]] = {}
        self._folded: set[tuple[str, str]] = set()
        self._held: dict[int, set[int]] = {}  # by study, rows of the rules it was held against; empty: not judged
        self._told: list[int] = []

    def judge(self, those: Sequence[Examined]) -> list[int]:
        """Judge them, and take back what does not hold any more."""
        sums = self._sums(those)
        others = self._others(those, sums)
        rows = self._rows([*those, *others], sums)
        compared = Compared(self._session, [*those, *others], self._memory)
        for one in those:
            self._one(one, self._applying(one, rows), compared)
        for one in others:
            self._one(one, [rule for rule in self._applying(one, rows) if rule.kind in OF_PERSONS], compared)
        self._judge_sharing(rows)
        self._put()
        self._withdraw(rows)
        return self._told

    def _rows(self, those: Iterable[Examined], sums: Iterable[Any]) -> list[Any]:
        """Alerts that there are of studies and sums, each once."""
        of_studies = alerts.of_studies(self._session, [one.study_id for one in those], kinds.KINDS)
        return list({row.id: row for row in (*of_studies, *sums)}.values())

    def _applying(self, one: Examined, rows: Iterable[Any]) -> list[Rule]:
        """Of what is no news, only what is never to be missed, and what has been said before."""
        news = alerts.is_news(one.examination.at, self._now)
        mine = {row.rule_key for row in rows if row.study_id == one.study_id} if not news else ()
        return [rule for rule in self._rules if news or rule.at_once or rule.key in mine]

    def _one(self, one: Examined, rules: Sequence[Rule], compared: Compared) -> None:
        """Judge one study by some rules."""
        self._held[one.study_id] = set()
        if not one.is_judged:
            return
        about = _about(one, tell=not one.is_demo and alerts.is_news(one.examination.at, self._now))
        crossings, judged = self._findings(one, rules, compared)
        self._held[one.study_id] = {rule.id for rule in judged if rule.id is not None} | {NO_RULE}
        for each in crossings:
            self._keep(each, about)

    def _keep(self, one: Crossing, about: About) -> None:
        """Keep the highest of what is said of one subject, the first of equals."""
        self._folded |= {(str(lower["rule"]), one.subject) for lower in lower_steps(one.details)}
        step = one.kind if one.kind in kinds.KINDS and kinds.KINDS[one.kind].ladder else one.rule_key
        key = (step, one.subject, one.column)
        there = self._found.get(key)
        if there is None or _height(one) > _height(there[0]):
            self._found[key] = (one, about)

    def _put(self) -> None:
        for about, found in groupby(self._found.values(), key=itemgetter(1)):
            self._told += alerts.put(self._session, [one for one, _about in found], about, self._now)

    def _findings(self, one: Examined, rules: Sequence[Rule], compared: Compared) -> tuple[list[Crossing], list[Rule]]:
        """What crossed, and the rules that could be asked."""
        try:
            return list(kinds.evaluate(rules, one.examination, compared).crossings), list(rules)
        except DBAPIError:
            raise
        except Exception:  # our own mistake must not hold up a dose: a person is told, and looks at the study
            log.exception("a study cannot be judged", extra={"study": one.study_id})
            return self._by_kind(one, rules, compared)

    def _by_kind(self, one: Examined, rules: Sequence[Rule], compared: Compared) -> tuple[list[Crossing], list[Rule]]:
        """One kind of rules after the other: our mistake in one takes nothing from the others."""
        names = [rule for rule in rules if rule.kind == IDENTITY]
        crossings, judged = [_not_judged(one.examination.subject, self._now)], list[Rule]()
        for kind, group in groupby(sorted(rules, key=lambda rule: rule.kind), key=lambda rule: rule.kind):
            own = list(group)
            try:
                with_names = own if kinds.KINDS[kind].name_free else [*names, *own]
                found = kinds.evaluate(with_names, one.examination, compared).crossings
            except DBAPIError:
                raise
            except Exception:  # it is said above, with the mistake
                log.warning("rules of one kind cannot be asked", extra={"study": one.study_id, "rules": kind})
                continue
            crossings += [each for each in found if each.kind == kind]
            judged += own
        return crossings, judged

    def tell_unread(self, study_ids: Collection[int]) -> list[int]:
        """Raise an alert for studies that could not be read; those that are gone are nobody's."""
        columns = (Study.id, Study.study_instance_uid, Study.listed_at, Study.site_id, Study.device_id)
        told: list[int] = []
        if not study_ids:
            return told
        for row in self._session.execute(select(*columns).where(Study.id.in_(sorted(study_ids)))):
            about = About(row.listed_at // 1_000_000, row.site_id, row.device_id, row.id)
            missing = _not_judged(f"study:{row.study_instance_uid}", self._now)
            told += alerts.put(self._session, [missing], about, self._now)
        return told

    def _sums(self, those: Sequence[Examined]) -> list[Any]:
        """Alerts of what the patients received in all, and open ones of others that counted these studies."""
        some = [one for one in those if one.modality != CT or by_plane(one.examination, KERMA)]
        if not some or not any(rule.kind == CUMULATIVE for rule in self._rules):
            return []
        patients = {it for one in some if (it := one.examination.patient_id) is not None}
        if self._session.get_bind().dialect.name != "sqlite":  # which has one writer at a time
            # Two doses of one person that come together must not miss each other: who judges later waits, and sees both
            self._session.connection().execute(_PERSONS, {"patients": sorted(patients)})
        found = alerts.of_patients(self._session, CUMULATIVE, patients, {one.study_id for one in some})
        return list(found)

    def _others(self, those: Sequence[Examined], sums: Iterable[Any]) -> list[Examined]:
        """Examinations that these may make alerts of: the patient's after them, and those of the same sum."""
        summed = max((rule.terms.days for rule in self._rules if rule.kind == CUMULATIVE), default=None)
        repeated = max((ceil(rule.terms.hours / 24) for rule in self._rules if rule.kind == REPEATED), default=None)
        ids = {study for row in sums for study in (row.study_id, *row.details.get("studies", ()))} - {None}
        for one in those:
            ids |= self._later(one, repeated, summed if by_plane(one.examination, KERMA) else None)
        ids -= {one.study_id for one in those}
        return examinations(self._session, ids) if ids else []

    def _later(self, one: Examined, after: int | None, since: int | None) -> set[int]:
        """Ids of the patient's examinations some days after this one, and those since then; None: not asked."""
        then = one.listed_at
        ends = [None if days is None else _end(one, days) for days in (after, since)]
        furthest = max((end for end in ends if end is not None), default=None)
        if furthest is None or one.examination.patient_id is None:
            return set()
        asked = {"patient": one.examination.patient_id, "own": one.study_id, "then": then, "until": furthest}
        return {
            row.id for row in self._session.connection().execute(_SINCE, asked)
            if row.listed_at <= (ends[1] or 0) or then < row.listed_at <= (ends[0] or 0)
        }  # fmt: skip

    def _judge_sharing(self, rows: Iterable[Any]) -> None:
        """Judge further studies of acquisitions whose alert would be taken back: one scan, two accession numbers."""
        over = {row.study_id for row in self._over(rows) if row.subject.startswith(f"{EVENT}:")}
        ids = set(self._session.scalars(_sharing(over))) - self._held.keys() if over else set()
        others = examinations(self._session, ids) if ids else []
        compared = Compared(self._session, others, self._memory)
        theirs = self._rows(others, ()) if others else []
        for one in others:
            self._one(one, self._applying(one, theirs), compared)

    def _over(self, rows: Iterable[Any]) -> list[Any]:
        """Open alerts of judged studies that nothing says any more."""
        said = {(one.rule_key, one.subject) for one, _about in self._found.values()}
        return [
            row for row in rows
            if row.state in alerts.OPEN and row.study_id in self._held and (row.rule_key, row.subject) not in said
        ]  # fmt: skip

    def _withdraw(self, rows: Iterable[Any]) -> None:
        """What is not said any more by the version of the rule that said it, or of a study that counts no more."""
        moved = set(self._told)  # along its ladder, under another rule now
        over = [row for row in self._over(rows) if row.id not in moved]
        out = [row for row in over if not self._held[row.study_id]]
        gone = [row for row in over if row.rule_id in self._held[row.study_id]]
        lower = [row for row in gone if (row.rule_key, row.subject) in self._folded]
        crossed = [row for row in gone if row not in lower]
        for some, why in ((out, NOT_COUNTED), (lower, FOLDED), (crossed, NOT_CROSSED)):
            self._told += alerts.withdraw(self._session, some, why, self._now)


def _height(one: Crossing) -> tuple[int, float, float]:
    return SEVERITIES.index(one.severity), one.threshold or 0.0, one.value or 0.0


def _not_judged(subject: str, now: datetime) -> Crossing:
    return Crossing(TROUBLE, TROUBLE, ACT, f"{subject}:{NOT_JUDGED}", NOT_JUDGED, details={"at": now.isoformat()})


def _about(one: Examined, *, tell: bool) -> About:
    it = one.examination
    return About(
        one.day, it.site_id, one.device_id, one.study_id, it.patient_id, one.modality, is_demo=one.is_demo, tell=tell
    )


def _end(one: Examined, days: int) -> int:
    return int(moved(one.examination.at, timedelta(days=days)).strftime("%Y%m%d%H%M%S"))


def _sharing(study_ids: Collection[int]) -> Any:  # noqa: ANN401 - Select
    """Ids of the studies that hold an acquisition of these, themselves among them."""
    event, link = IrradiationEvent, EventStudy
    own = select(event.id).where(event.study_id.in_(study_ids))
    events = union(own, select(link.irradiation_event_id).where(link.study_id.in_(study_ids))).subquery()
    linked = select(link.study_id).where(link.irradiation_event_id.in_(select(events.c.id)))
    return union(select(event.study_id).where(event.id.in_(select(events.c.id))), linked)
