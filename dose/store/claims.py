"""Which object each study believes about each event, and how that is laid down in rows.

A *claim* is what the highest-ranked covering object of one study says about one event key and plane. Studies that
claim the same exposure (same patient, device and doses) share one row: it belongs to the study with the smallest
UID, the others are linked by `event_study` with whatever their own report describes otherwise. Claims can always be
read back whole, so that any order of arrival ends in the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, delete, func, select

from dose import tables
from dose.store.rank import LISTED, seniority, strength
from dose.store.rows import CONTENT, EVENT, GroupKey, Row, signature
from dose.store.statements import insert_into
from dose.store.states import SOURCE

LINK: Table = tables.EventStudy.__table__  # type: ignore[assignment]
STUDY: Table = tables.Study.__table__  # type: ignore[assignment]
PATIENT: Table = tables.Patient.__table__  # type: ignore[assignment]

_ROW = (*CONTENT, "event_key", "plane", "occurrence")
_IDENTITIES = select(EVENT.c.id, EVENT.c.study_id, EVENT.c.event_key, EVENT.c.plane, EVENT.c.occurrence).where(
    EVENT.c.event_key.in_(bindparam("keys", expanding=True))
)
PART = 10_000
Claims = dict[GroupKey, dict[int, "Claim"]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one object says about one event key and plane in one study; `rows` by occurrence."""

    study_id: int
    study_uid: str
    source_id: int
    rank: str
    patient_id: int | None
    device_id: int | None
    rows: list[Row]

    def same_exposure(self, other: Claim) -> bool:
        """Whether another study's claim is about the same exposure."""
        return (self.patient_id, self.device_id, signature(self.rows)) == (
            other.patient_id,
            other.device_id,
            signature(other.rows),
        )

    def copy_of(self, other: Claim) -> bool:
        """Whether it tells of the other's exposure, whoever the patient: equal event UIDs, doses and starts."""
        mine, theirs = (
            [(row["irradiation_event_uid"], row["started_at"]) for row in one.rows] for one in (self, other)
        )
        stated = all(uid and started_at for uid, started_at in mine)
        return stated and mine == theirs and signature(self.rows) == signature(other.rows)


# Of whom an object speaks: as a person said of its study, else whom it names, as the person behind several ids.
SPEAKS_OF = func.coalesce(STUDY.c.assigned_patient_id, PATIENT.c.merged_into_id, SOURCE.c.patient_id)
# An event that a person moved stands in another study than its object, and is that study's patient's.
WHOSE = case((SOURCE.c.study_id != STUDY.c.id, STUDY.c.patient_id), else_=SPEAKS_OF).label("patient_id")
_OWNER = (SOURCE.c.rank, WHOSE, STUDY.c.study_instance_uid)
_OWNED = (
    select(EVENT, *_OWNER)
    .join(SOURCE, SOURCE.c.id == EVENT.c.source_object_id)
    .join(STUDY, STUDY.c.id == EVENT.c.study_id)
    .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    .where(EVENT.c.event_key.in_(bindparam("keys", expanding=True)))
)
_LINKED = (
    select(LINK, SOURCE.c.device_id, *_OWNER)
    .join(SOURCE, SOURCE.c.id == LINK.c.source_object_id)
    .join(STUDY, STUDY.c.id == LINK.c.study_id)
    .join(EVENT, EVENT.c.id == LINK.c.irradiation_event_id)
    .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    .where(EVENT.c.event_key.in_(bindparam("keys", expanding=True)))
)


def load(connection: Connection, keys: Collection[str]) -> Claims:
    """Every study's claims about these event keys: two statements, one when there are none."""
    claims: Claims = {}
    for part in parts(keys):
        owned = connection.execute(_OWNED, {"keys": part}).mappings().all()
        if not owned:
            continue
        rows = {event["id"]: {name: event[name] for name in _ROW} for event in owned}
        for event in owned:
            _add(claims, event, rows[event["id"]])
        for link in connection.execute(_LINKED, {"keys": part}).mappings():
            _add(claims, link, rows[link["irradiation_event_id"]] | json.loads(link["differs"] or "{}"))
    for group in claims.values():
        for claim in group.values():
            claim.rows.sort(key=lambda row: row["occurrence"])
    return claims


def parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists as long as a statement takes."""
    # Databases bound the number of parameters (SQLite 32,766); honest reports stay far below one part.
    them = list(values)
    return (them[i : i + PART] for i in range(0, len(them), PART))


def _add(claims: Claims, owner: Any, row: Row) -> None:  # noqa: ANN401 - a mapping of either statement
    group = claims.setdefault((row["event_key"], row["plane"]), {})
    claim = group.get(owner["study_id"])
    if claim is None:
        claim = group[owner["study_id"]] = Claim(
            owner["study_id"], owner["study_instance_uid"], owner["source_object_id"], owner["rank"],
            owner["patient_id"], owner["device_id"], [],
        )  # fmt: skip
    claim.rows.append(row)


def settle(connection: Connection, before: Claims, after: Claims) -> set[int]:
    """Lay down the claims that changed; returns the studies they concern. Statements do not grow with the events."""
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    if not changed:
        return set()
    stale = [(key, study) for key in changed for study in before.get(key, ())]
    if stale:
        _delete(connection, changed)
    inserts: list[Row] = []
    links: list[tuple[Claim, Claim]] = []
    for key in sorted(changed):
        for owner, sharing in pack(after.get(key, {}).values()):
            inserts.extend(event_rows(owner))
            links.extend((owner, claim) for claim in sharing)
    if inserts:
        connection.execute(insert_into(EVENT), inserts)
    if links:
        _link(connection, links)
    return {study for key in changed for claims in (before, after) for study in claims.get(key, ())}


def _delete(connection: Connection, changed: list[GroupKey]) -> None:
    # A key has one or two planes: the planes that did not change are sorted out by id.
    gone = set(changed)
    found = [row for row in _ids(connection, {key for key, _ in changed}) if (row.event_key, row.plane) in gone]
    for part in parts(row.id for row in found):
        connection.execute(delete(EVENT).where(EVENT.c.id.in_(part)))


def _ids(connection: Connection, keys: Iterable[str]) -> Iterator[Any]:
    for part in parts(sorted(keys)):
        yield from connection.execute(_IDENTITIES, {"keys": part}).all()


def pack(claims: Iterable[Claim]) -> list[tuple[Claim, list[Claim]]]:
    """Claims of one event key, each exposure once with its owner, the smallest study UID, first.

    A device's word comes before a list's, which may be of a study that does not count.
    """
    packed: list[tuple[Claim, list[Claim]]] = []
    for claim in sorted(claims, key=lambda claim: (strength(claim.rank) <= LISTED, claim.study_uid)):
        sharing = next((sharing for owner, sharing in packed if claim.same_exposure(owner)), None)
        if sharing is None:
            packed.append((claim, []))
        else:
            sharing.append(claim)
    return _without_copies(packed)


def _without_copies(packed: list[tuple[Claim, list[Claim]]]) -> list[tuple[Claim, list[Claim]]]:
    # Between patients the exposure is whose object of the best kind was written first.
    senior = sorted(packed, key=lambda pair: (*seniority(pair[0].rank), pair[0].study_uid))
    kept: list[tuple[Claim, list[Claim]]] = []
    for owner, sharing in senior:
        original = next((others for first, others in kept if owner.copy_of(first)), None)
        if original is None:
            kept.append((owner, sharing))
        else:
            original.extend((owner, *sharing))
    return kept


def event_rows(claim: Claim) -> list[Row]:
    """The rows of `irradiation_event` that lay down a claim."""
    owner = {"study_id": claim.study_id, "source_object_id": claim.source_id, "device_id": claim.device_id}
    return [row | owner for row in claim.rows]


def _link(connection: Connection, links: list[tuple[Claim, Claim]]) -> None:
    found = _ids(connection, {row["event_key"] for owner, _ in links for row in owner.rows})
    ids = {tuple(row)[1:]: row.id for row in found}
    rows = []
    for owner, claim in links:
        for theirs, ours in zip(owner.rows, claim.rows, strict=True):
            number = ids[owner.study_id, theirs["event_key"], theirs["plane"], theirs["occurrence"]]
            differs = {name: ours[name] for name in CONTENT if ours[name] != theirs[name]}
            rows.append({
                "irradiation_event_id": number, "study_id": claim.study_id, "source_object_id": claim.source_id,
                "differs": json.dumps(differs, sort_keys=True) if differs else None,
            })  # fmt: skip
    connection.execute(insert_into(LINK), rows)
