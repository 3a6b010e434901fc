"""People as people type them, and two patients who are one person: derived from the corrections in force."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from dose import tables
from dose.crypto import keys
from dose.errors import CannotCorrect
from dose.store import overrides
from dose.store.claims import PATIENT
from dose.store.overrides import CORRECTION, IN_FORCE, MERGE_PATIENTS
from dose.store.parties import patient_index
from dose.store.registers import forget, merge
from dose.store.rows import clean
from dose.store.statements import THE_ID, insert_unless_there, update_by_id, upsert
from dose.store.words import patient_tokens

TOKEN: Table = tables.PatientToken.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class NewPatient:
    """A person as typed; an id or a name is needed. `birth_date` is ISO 8601, `sex` F, M or O."""

    patient_id: str | None = None
    issuer: str | None = None
    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None


def root_of(connection: Connection, patient_id: int) -> int:
    """The person behind a patient row."""
    found = connection.execute(select(PATIENT.c.merged_into_id).where(PATIENT.c.id == patient_id)).scalar_one()
    return int(found or patient_id)


def lay_down_merges(connection: Connection) -> None:
    """Let every merged patient lead straight to the person, and every other one to nobody."""
    steps = select(CORRECTION.c.former_patient_id, CORRECTION.c.patient_id)
    steps = steps.where(CORRECTION.c.kind == MERGE_PATIENTS, IN_FORCE).order_by(CORRECTION.c.id)
    wanted = overrides.ends(connection.execute(steps))
    there = select(PATIENT.c.id, PATIENT.c.merged_into_id).where(PATIENT.c.merged_into_id.is_not(None))
    now = dict(connection.execute(there).all())
    different = [one for one in sorted(now.keys() | wanted.keys()) if now.get(one) != wanted.get(one)]
    if different:
        rows = [{THE_ID: one, "merged_into_id": wanted.get(one)} for one in different]
        connection.execute(update_by_id(PATIENT), rows)


def typed(new: NewPatient) -> str:
    """What was typed, as a correction keeps it; raises `CannotCorrect` (`nobody`) without id and name."""
    said = {name: clean(value) for name, value in asdict(new).items()}
    if not (said["patient_id"] or said["name"]):
        raise CannotCorrect("nobody")
    return json.dumps({name: value for name, value in said.items() if value}, sort_keys=True)


def new_patient(connection: Connection, new: NewPatient, study: Row[Any]) -> int:
    """The row of a patient by the id typed; a person known by name only gets a row of their own."""
    patient_id, issuer = clean(new.patient_id), clean(new.issuer, 120)
    own = secrets.token_hex(16)
    index = patient_index(patient_id, issuer) if patient_id else keys().index(own, "patient.typed")
    values = {"ranks": {}, "is_demo": study.is_demo}
    key = {"site_id": study.site_id, "id_index": index}
    row_id, before = upsert(connection, PATIENT, key, lambda row: {} if row else values)
    return int(row_id if before is None else before.merged_into_id or row_id)


_TYPED = " "  # ranks of what was typed begin so: below whatever an object says of that patient


def lay_down_typed(connection: Connection, patients: Collection[int]) -> None:
    """Set the identity of typed patients where no object states it, as the corrections in force say."""
    for patient in patients:
        row = connection.execute(select(PATIENT).where(PATIENT.c.id == patient).with_for_update()).one()
        fields, ranks = forget(row.ranks, {rank for rank in row.ranks if rank.startswith(_TYPED)})
        values: dict[str, Any] = dict.fromkeys(fields)
        tokens: set[bytes] = set()
        undone: set[bytes] = set()
        said = select(CORRECTION).where(CORRECTION.c.patient_id == patient, CORRECTION.c.typed.is_not(None))
        for correction in connection.execute(said.order_by(CORRECTION.c.id)):
            stated = json.loads(correction.typed)
            words = patient_tokens(stated.get("patient_id"), stated.get("name"))
            if correction.undone_at is not None:
                undone |= words
                continue
            won, ranks = merge(ranks, stated, f"{_TYPED}{correction.id:012}")
            values, tokens = values | won, tokens | words
        connection.execute(update_by_id(PATIENT), values | {THE_ID: patient, "ranks": ranks})
        now = dict(row._mapping) | values
        _keep_tokens(connection, patient, undone - tokens - patient_tokens(now["patient_id"], now["name"]), tokens)


def _keep_tokens(connection: Connection, patient: int, gone: set[bytes], wanted: set[bytes]) -> None:
    connection.execute(delete(TOKEN).where(TOKEN.c.patient_id == patient, TOKEN.c.token.in_(sorted(gone))))
    rows = [{"token": token, "patient_id": patient} for token in sorted(wanted)]
    if rows:
        connection.execute(insert_unless_there(connection.dialect.name, TOKEN.name), rows)
