"""From what a person typed to conditions that every database answers by an index.

Names and numbers are found through keyed indexes (`dose.crypto`), description and protocol through `study_word`.
A rare word becomes the list of its studies; a common one is tested while walking the list in its order: either way
the work stays small however many studies there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, false, func, literal_column, or_, select
from sqlalchemy.orm import Session

from dose.crypto import PREFIX_LENGTHS, keys, normalise
from dose.queries.choice import one_of, parse
from dose.queries.choice_sql import of_studies
from dose.queries.expected import missing
from dose.queries.models import StudyFilter
from dose.scope import Permission, Scope
from dose.store.words import split_words, warning_word
from dose.tables import Patient, PatientToken, Study, StudyWord

RARE = 2000
NOT_PATIENTS, ALL_PATIENTS = "not_patients", "all"
SAME_EXAMINATION = "same-examination"  # the warning of studies that another one describes better
WITH_NOTES: ColumnElement[str] = literal_column("'notes'")  # written out, as the index of those that have any has it
HAS_NOTES = Study.state == WITH_NOTES
_LONGEST_PREFIX = max(PREFIX_LENGTHS)
_LAST = chr(0x10FFFF)


def conditions(session: Session, scope: Scope, chosen: StudyFilter) -> list[ColumnElement[bool]]:
    """The conditions of a filter, all of which must hold."""
    found: list[ColumnElement[bool]] = []
    if chosen.date_from:
        found.append(Study.listed_at >= _day(chosen.date_from))
    if chosen.date_to:
        found.append(Study.listed_at <= _day(chosen.date_to) + 235_959)
    for column, value in (
        (Study.modality, chosen.modality),
        (Study.device_id, chosen.device_id),
        (Study.is_demo, chosen.demo),
        (Study.state, WITH_NOTES if chosen.state == "notes" else chosen.state),
    ):
        if value is not None:
            found.append(column == value)
    if chosen.warning:
        found.append(exists().where(StudyWord.study_id == Study.id, StudyWord.word == warning_word(chosen.warning)))
    if chosen.missing:
        found.append(missing(chosen.missing))
    if chosen.patients == NOT_PATIENTS:
        found.append(Study.is_patient.is_(False))
    elif chosen.patients != ALL_PATIENTS:
        found.append(Study.is_patient.is_not(False))  # as good as all: no reason to leave the index of the order
    if chosen.patients != ALL_PATIENTS and chosen.warning != SAME_EXAMINATION:
        found.append(Study.covered_by_id.is_(None))
    if chosen.procedure is not None:
        found.append(of_studies(session, scope, one_of("procedure", chosen.procedure)))
    if chosen.where:
        found.append(of_studies(session, scope, parse(chosen.where)))
    return found + _texts(session, scope, chosen)


def _texts(session: Session, scope: Scope, chosen: StudyFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if chosen.patient and chosen.patient.strip():
        found.append(_of_patients(session, scope, chosen.patient))
    if chosen.accession and chosen.accession.strip():
        found.append(_of_accession(scope, chosen.accession))
    if chosen.protocol:
        found.append(_words(session, chosen.protocol, "p"))
    if chosen.description:
        found.append(_words(session, chosen.description, "d"))
    if chosen.q and chosen.q.strip():
        found.append(_anything(session, scope, chosen.q.strip()))
    return found


def _anything(session: Session, scope: Scope, text: str) -> ColumnElement[bool]:
    meanings = (
        Study.study_instance_uid == text,
        _of_accession(scope, text),
        _of_patients(session, scope, text),
        _words(session, text, "dp"),
    )
    # Asked one by one each is an index look-up; joined by OR they would be tested on study after study.
    found: set[int] = set()
    for meaning in meanings:
        found.update(session.scalars(select(Study.id).where(meaning).limit(RARE + 1)))
        if len(found) > RARE:
            return or_(*meanings)
    return Study.id.in_(found) if found else false()


def _day(day: date) -> int:
    return (day.year * 10_000 + day.month * 100 + day.day) * 1_000_000


def _of_accession(scope: Scope, text: str) -> ColumnElement[bool]:
    if not scope.may(Permission.VIEW_PATIENTS):
        return false()
    return Study.accession_index == keys().index(text, "study.accession_number")


def _of_patients(session: Session, scope: Scope, text: str) -> ColumnElement[bool]:
    if not scope.may(Permission.VIEW_PATIENTS):
        return false()  # an account that may not see names may not find out whose they are either
    found = persons(session, text)
    return Study.patient_id.in_(found) if found else false()


def persons(session: Session, text: str) -> list[int]:
    """Row ids of the patients known by this Patient ID, or by these words of a name; merged ones lead to the person."""
    by_id = select(PatientToken.patient_id).where(PatientToken.token == keys().index(text, "patient.id"))
    found = list(session.scalars(by_id)) or _by_name(session, normalise(text.replace("^", " ")).split())
    if not found:
        return []
    person = func.coalesce(Patient.merged_into_id, Patient.id)
    return sorted(set(session.scalars(select(person).where(Patient.id.in_(found)))))


def _by_name(session: Session, words: list[str]) -> list[int]:
    words = [word for word in words if len(word) >= PREFIX_LENGTHS[0]]
    if not words:
        return []
    tokens = {keys().index(word[:_LONGEST_PREFIX], "patient.name") for word in words}
    statement = (
        select(PatientToken.patient_id)
        .where(PatientToken.token.in_(sorted(tokens)))
        .group_by(PatientToken.patient_id)
        .having(func.count() == len(tokens))
        .limit(RARE)
    )
    found = list(session.scalars(statement))
    return _confirmed(session, found, words) if any(len(word) > _LONGEST_PREFIX for word in words) else found


def _confirmed(session: Session, found: Iterable[int], words: list[str]) -> list[int]:
    # The index knows beginnings up to eight letters; longer ones are compared with the names themselves.
    rows = session.execute(select(Patient.id, Patient.name).where(Patient.id.in_(list(found))))
    return [
        row.id
        for row in rows
        if all(
            any(part.startswith(word) for part in normalise((row.name or "").replace("^", " ")).split())
            for word in words
        )
    ]


def _words(session: Session, text: str, kinds: str) -> ColumnElement[bool]:
    words = split_words(text)
    return and_(*(_word(session, word, kinds) for word in words)) if words else false()


def _word(session: Session, word: str, kinds: str) -> ColumnElement[bool]:
    matches = or_(*(StudyWord.word.between(f"{kind}:{word}", f"{kind}:{word}{_LAST}") for kind in kinds))
    few = list(session.scalars(select(StudyWord.study_id).where(matches).limit(RARE + 1)))
    if len(few) <= RARE:
        return Study.id.in_(set(few)) if few else false()
    return exists().where(StudyWord.study_id == Study.id, matches)
