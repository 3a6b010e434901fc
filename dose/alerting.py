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
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from dose.alerts import kinds
from dose.alerts.interventional import CUMULATIVE, KERMA, by_plane
from dose.alerts.ladder import lower_steps
from dose.alerts.model import ACT, Crossing, Findings, Rule
from dose.database import writing
from dose.log import logger
from dose.queries.comparators import Compared, Memory
from dose.queries.examinations import Examined, examinations
from dose.store import alerts, patient_notices
from dose.store.alerts import About
from dose.store.claims import parts
from dose.store.version import changed_with, watch
from dose.tables import Study, StudyFact

TROUBLE, NOT_JUDGED = "trouble", "study-not-judged"
NOT_COUNTED, NOT_CROSSED, FOLDED = "not-counted", "not-crossed", "folded"  # why an alert was taken back
_memories: dict[str, Memory] = {}
log = logger(__name__)


@contextmanager
def judging(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One write transaction, at whose end the studies that it changed are judged; commits, rolls back on any error."""
    with writing(sessions) as session:
        numbers = watch(session)
        yield session
        session.flush()
        changed = changed_with(session, numbers) if numbers else []
        judge(session, changed)
        patient_notices.plan(session, changed, datetime.now(UTC))


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
        one = _Judge(session, rules, now or datetime.now(UTC))
        those = examinations(session, part)
        told += one.judge(those) + one.tell_unread(set(part) - {each.study_id for each in those})
    return told


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
    """One pass over some studies."""

    def __init__(self, session: Session, rules: Sequence[Rule], now: datetime) -> None:
        self._session, self._rules, self._now = session, rules, now
        self._memory = _memories.setdefault(str(session.get_bind().engine.url), Memory())
        self._found: set[tuple[str, str]] = set()
        self._folded: set[tuple[str, str]] = set()
        self._told: list[int] = []

    def judge(self, those: Sequence[Examined]) -> list[int]:
        """Judge them, and take back what does not hold any more."""
        rows = alerts.of_studies(self._session, [one.study_id for one in those], kinds.KINDS)
        others = self._others(those, rows)
        compared = Compared(self._session, [*those, *others], self._memory)
        held: dict[int, set[int]] = {}
        for one in those:
            mine = {row.rule_key for row in rows if row.study_id == one.study_id}
            held[one.study_id] = self._one(one, self._applying(one, mine), compared)
        of_patients = [rule for rule in self._rules if rule.kind == CUMULATIVE]
        for one in others:
            self._one(one, of_patients, compared)
        self._withdraw(those, rows, held)
        return self._told

    def _applying(self, one: Examined, mine: Collection[str]) -> list[Rule]:
        """Of what is no news, only what is never to be missed, and what has been said before."""
        news = alerts.is_news(one.examination.at, self._now)
        return [rule for rule in self._rules if news or rule.at_once or rule.key in mine]

    def _one(self, one: Examined, rules: Sequence[Rule], compared: Compared) -> set[int]:
        """Judge one study by some rules; the rows of those that were held against it."""
        if not one.is_judged:
            return set()
        about = _about(one, tell=not one.is_demo and alerts.is_news(one.examination.at, self._now))
        found = self._findings(one, rules, compared)
        self._found |= {(each.rule_key, each.subject) for each in found.crossings}
        self._folded |= {(str(lower["rule"]), each.subject) for each in found.crossings
                         for lower in lower_steps(each.details)}  # fmt: skip
        self._told += alerts.put(self._session, found.crossings, about, self._now)
        return {rule.id for rule in rules if rule.id is not None}

    def _findings(self, one: Examined, rules: Sequence[Rule], compared: Compared) -> Findings:
        try:
            return kinds.evaluate(rules, one.examination, compared)
        except DBAPIError:
            raise
        except Exception:  # our own mistake must not hold up a dose: a person is told, and looks at the study
            log.exception("a study cannot be judged", extra={"study": one.study_id})
            return Findings((_not_judged(one.examination.subject),))

    def tell_unread(self, study_ids: Collection[int]) -> list[int]:
        """Raise an alert for studies that could not be read; those that are gone are nobody's."""
        columns = (Study.id, Study.study_instance_uid, Study.listed_at, Study.site_id, Study.device_id)
        told: list[int] = []
        if not study_ids:
            return told
        for row in self._session.execute(select(*columns).where(Study.id.in_(sorted(study_ids)))):
            about = About(row.listed_at // 1_000_000, row.site_id, row.device_id, row.id)
            told += alerts.put(self._session, [_not_judged(f"study:{row.study_instance_uid}")], about, self._now)
        return told

    def _others(self, those: Sequence[Examined], rows: Iterable[Any]) -> list[Examined]:
        """Examinations whose patient's sum may change with these: those after them, and those of the same alert."""
        days = [rule.terms.days for rule in self._rules if rule.kind == CUMULATIVE]
        if not days:
            return []
        ids = {study for row in rows if row.kind == CUMULATIVE for study in row.details.get("studies", ())}
        for one in those:
            if one.examination.patient_id is not None and by_plane(one.examination, KERMA):
                ids |= set(self._session.scalars(_after(one, max(days))))
        return examinations(self._session, ids - {one.study_id for one in those})

    def _withdraw(self, those: Sequence[Examined], rows: Iterable[Any], held: dict[int, set[int]]) -> None:
        """What is not said any more by the version of the rule that said it, or of a study that counts no more."""
        judged = {one.study_id: one.is_judged for one in those}
        moved = set(self._told)  # along its ladder, under another rule now
        over = [row for row in rows if (row.rule_key, row.subject) not in self._found and row.id not in moved]
        out = [row for row in over if not judged[row.study_id]]
        gone = [row for row in over if judged[row.study_id] and row.rule_id in held[row.study_id]]
        lower = [row for row in gone if (row.rule_key, row.subject) in self._folded]
        self._told += alerts.withdraw(self._session, out, NOT_COUNTED, self._now)
        self._told += alerts.withdraw(self._session, lower, FOLDED, self._now)
        self._told += alerts.withdraw(self._session, [row for row in gone if row not in lower], NOT_CROSSED, self._now)


def _not_judged(subject: str) -> Crossing:
    return Crossing(TROUBLE, TROUBLE, ACT, f"{subject}:{NOT_JUDGED}", NOT_JUDGED)


def _about(one: Examined, *, tell: bool) -> About:
    it = one.examination
    return About(
        one.day, it.site_id, one.device_id, one.study_id, it.patient_id, one.modality, is_demo=one.is_demo, tell=tell
    )


def _after(one: Examined, days: int) -> Any:  # noqa: ANN401 - Select
    """Ids of the patient's examinations in the days after this one."""
    until = int((one.examination.at + timedelta(days=days)).strftime("%Y%m%d%H%M%S"))
    mine = (Study.patient_id == one.examination.patient_id, Study.id != one.study_id)
    return select(Study.id).where(*mine, Study.listed_at.between(one.listed_at, until))
