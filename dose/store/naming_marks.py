"""Which studies a change of rules can touch, and naming them again in the background.

A change only writes down the local names whose words its conditions may meet (a queue in `cursor`); their facts are
marked outdated part by part, each in a short transaction, and `dose.store.facts` makes marked facts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session, sessionmaker

from dose import tables
from dose.database import writing
from dose.naming.fields import STUDY, of_local_name
from dose.naming.rules import Rule, meets
from dose.store.facts import RENAMING, mark_outdated
from dose.store.version import next_version
from dose.tables import Cursor, Device, LocalName, StudyFact

FACT: Table = tables.StudyFact.__table__  # type: ignore[assignment]
QUEUE = RENAMING
PART, NAMES = 20_000, 20  # studies marked in one transaction, about; names in one statement
# Below the level of studies the words of single events decide, which the name of their study need not hold.
_OF_STUDY_ALONE = frozenset(
    {"procedure_code", "procedure_meaning", "requested_procedure", "description", "clinical_task"}
)


@dataclass(frozen=True, slots=True)
class Renaming:
    """How much is left to be named again: studies that are marked, and local names that are not marked yet."""

    studies: int
    names: int

    @property
    def done(self) -> bool:
        """Whether every study has its name by the rules in force."""
        return not self.studies and not self.names


def mark(session: Session, rules: Iterable[Rule]) -> int:
    """Queue the local names that any of these rules may meet; how many were added."""
    wanted = list(rules)
    row = session.get(Cursor, QUEUE, with_for_update=True)
    if row is None:
        row = Cursor(name=QUEUE, value=0, detail={"names": []}, updated_at=datetime.now(UTC))
        session.add(row)
    there = set(row.detail["names"])
    found = sorted(there.union(_met(session, wanted))) if wanted else sorted(there)
    row.detail, row.updated_at = {**row.detail, "names": found}, datetime.now(UTC)
    if wanted:
        row.value = next_version(session.connection())
    session.flush()
    return len(found) - len(there)


def _met(session: Session, rules: Sequence[Rule]) -> Iterator[int]:
    may = [meets(widened(rule)) for rule in rules]
    devices = device_texts(session)
    for name in session.execute(select(LocalName.__table__)):
        values = of_local_name(name.words, name.site_id, name.device_id, name.modality, devices.get(name.device_id, ""))
        if any(one(values) for one in may):
            yield name.id


def widened(rule: Rule) -> Rule:
    """A rule for series or events without the conditions that the words of a study cannot decide."""
    if rule.level == STUDY:
        return rule
    return replace(rule, conditions=tuple(one for one in rule.conditions if one.field in _OF_STUDY_ALONE))


def device_texts(session: Session) -> dict[int | None, str]:
    """What the field `device` of a rule looks at, by row id."""
    rows = session.execute(select(Device.id, Device.manufacturer, Device.model, Device.station_name))
    return {row.id: " ".join(filter(None, row[1:])) for row in rows}


def mark_next(session: Session, part: int = PART) -> int:
    """Mark the facts of the next local names of the queue; how many names were taken, 0 when it is empty."""
    row = session.get(Cursor, QUEUE, with_for_update=True)
    waiting = list(row.detail["names"]) if row else []
    taken = marked = 0
    before = set(row.detail.get("marked", ())) if row and _any_outdated(session) else set()
    while row is not None and taken < len(waiting) and marked < part:
        names = waiting[taken : taken + NAMES]
        marked += mark_outdated(session.connection(), FACT.c.local_name_id.in_(names))
        taken += len(names)
        left = {"names": waiting[taken:], "marked": sorted(before.union(waiting[:taken]))}
        row.detail, row.updated_at = left, datetime.now(UTC)
    session.flush()
    return taken


def mark_waiting(sessions: sessionmaker[Session]) -> int:
    """Mark all that is queued, part by part in transactions of their own; how many local names."""
    marked = 0
    while _waits(sessions):
        with writing(sessions) as session:
            marked += mark_next(session)
    return marked


def _waits(sessions: sessionmaker[Session]) -> bool:
    with sessions() as session:
        row = session.get(Cursor, QUEUE)
        return row is not None and bool(row.detail["names"])


def _any_outdated(session: Session) -> bool:
    return session.scalar(select(StudyFact.study_id).where(StudyFact.outdated).limit(1)) is not None


def waiting_names(session: Session) -> frozenset[int]:
    """The local names of which some studies may still be called as before the last changes of rules."""
    row = session.get(Cursor, QUEUE)
    if row is None:
        return frozenset()
    marked = row.detail.get("marked", ()) if _any_outdated(session) else ()
    return frozenset(row.detail["names"]).union(marked)


def renaming(session: Session) -> Renaming:
    """What is left to be named again; one cheap look."""
    row = session.get(Cursor, QUEUE)
    outdated = session.scalar(select(func.count()).select_from(StudyFact).where(StudyFact.outdated)) or 0
    return Renaming(outdated, len(row.detail["names"]) if row else 0)
