"""A small ward to correct: two patients, their studies, and who may set them right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose import store
from dose.database import writing
from dose.model import DoseReport, Patient
from dose.scope import Role, Scope, scope_for
from dose.store import corrections
from dose.tables import Patient as PatientRow
from dose.tables import Study
from tests.store.canonical import dump
from tests.store.pretend import event, read, report

PHYSICIST = scope_for(7, "physicist@example.org", [Role.PHYSICIST.value])
RADIOGRAPHER = scope_for(8, "radiographer@example.org", [Role.RADIOGRAPHER.value])
MOTORBIKE = Patient("E-1810", "Motorbike^accident 18:10", None, "M")
ANNA = Patient("4711", "Müller^Änne", "1950-01-01", "F", issuer="HIS")


def of(study: str, number: int = 1, *events: Any, **fields: Any) -> DoseReport:
    """A report of a study: the number of its object, its events."""
    given = {"study_instance_uid": f"1.2.{study}", "sop_instance_uid": f"1.1.{study}.{number}",
             "content_datetime": f"2026-01-02T10:0{number}:00"}  # fmt: skip
    return report(*(events or [event(f"1.9.{study}.{number}", 10.0 * number)]), **{**given, **fields})


def study(factory: sessionmaker[Session], name: str) -> Study:
    """The row of a study."""
    with factory() as session:
        return session.scalars(select(Study).where(Study.study_instance_uid == f"1.2.{name}")).one()


def patient(factory: sessionmaker[Session], patient_id: str) -> PatientRow:
    """The row of a patient."""
    with factory() as session:
        return next(row for row in session.scalars(select(PatientRow)) if row.patient_id == patient_id)


def person_of(factory: sessionmaker[Session], name: str) -> str | None:
    """The Patient ID of a study's patient."""
    with factory() as session:
        return session.get_one(PatientRow, study(factory, name).patient_id).patient_id


def make(
    factory: sessionmaker[Session], what: Callable[..., int], *about: Any, who: Scope = PHYSICIST, **how: Any
) -> int:
    """Make a correction in a transaction of its own."""
    with writing(factory) as session:
        return what(session, who, *about, **how)


def undo(factory: sessionmaker[Session], number: int, who: Scope = PHYSICIST) -> None:
    """Undo a correction in a transaction of its own."""
    with writing(factory) as session:
        corrections.undo(session, who, number, read)


def reread(factory: sessionmaker[Session], *names: str) -> None:
    """Let the kept objects of studies be read again."""
    for number in [study(factory, name).id for name in names]:
        with writing(factory) as session:
            store.rebuild_study(session, number, read)


def content(factory: sessionmaker[Session]) -> dict[str, list[Any]]:
    """The whole database by natural keys, without patients that nothing speaks of."""
    with factory() as session:
        names = dict(session.execute(select(PatientRow.id, PatientRow.id_index)).all())
        found = dump(session)
    for row in found["study"]:
        if "patient_id" in row["objects_say"]:
            row["objects_say"] = row["objects_say"] | {"patient_id": names[row["objects_say"]["patient_id"]]}
    used = {row["patient_id"] for table in ("study", "source_object") for row in found[table]}
    found["patient"] = [row for row in found["patient"] if row["id_index"] in used]
    found["patient_token"] = [row for row in found["patient_token"] if row["patient_id"] in used]
    return found
