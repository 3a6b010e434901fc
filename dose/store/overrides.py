"""What people said against what devices sent, consulted wherever objects are written.

What a study shows is a function of its objects and of the corrections in force: the same in any order, and after a
correction is undone the same as if it had never been made. Three things make that so:

* Fields (`lay_down`): a column that a person set keeps what objects say in `study.objects_say`, where objects go on
  speaking to each other by their ranks.
* Patients: `source_object.patient_id` is always whom the object names; `patient.merged_into_id` leads to the person.
* Events (`regroup`): a claim that a person moved stands in the other study; of two claims of one event there, the
  higher-ranked object is believed. What lost is not kept in rows: taking a move back reads the objects again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Table,
    bindparam,
    exists,
    func,
    or_,
    select,
    union,
)

from dose import tables
from dose.store import claims
from dose.store.claims import LINK, PATIENT, STUDY, Claims
from dose.store.rows import EVENT, GroupKey, Row
from dose.store.statements import THE_ID, update_by_id
from dose.store.states import SOURCE

CORRECTION: Table = tables.Correction.__table__  # type: ignore[assignment]
ASSIGN_STUDY, SPLIT_PATIENT, SET_SIZE, SET_IS_PATIENT = "assign_study", "split_patient", "set_size", "set_is_patient"
ASSIGN_EVENT, MERGE_PATIENTS, MERGE_STUDIES = "assign_event", "merge_patients", "merge_studies"
NOT_SAME = "not_same"  # the two studies are two examinations (dose.store.meeting)
OF_PATIENT = (ASSIGN_STUDY, SPLIT_PATIENT)
OF_EVENTS = (ASSIGN_EVENT, MERGE_STUDIES)
SIZES = ("height_m", "weight_kg")
_COVERED = ("patient_id", *SIZES)

IN_FORCE = CORRECTION.c.undone_at.is_(None)
_STUDIES: BindParameter[list[int]] = bindparam("studies", expanding=True)
_UIDS: BindParameter[list[str]] = bindparam("uids", expanding=True)
_OF_STUDIES = select(CORRECTION).where(CORRECTION.c.study_instance_uid.in_(_UIDS), IN_FORCE).order_by(CORRECTION.c.id)
_LAID_DOWN = (
    select(STUDY.c.id, STUDY.c.study_instance_uid, STUDY.c.objects_say, *(STUDY.c[name] for name in _COVERED))
    .where(STUDY.c.id.in_(_STUDIES))
    .order_by(STUDY.c.id)
    .with_for_update()
)
_PERSONS = select(PATIENT.c.id, PATIENT.c.merged_into_id).where(
    PATIENT.c.id.in_(bindparam("patients", expanding=True)), PATIENT.c.merged_into_id.is_not(None)
)


def beneath(row: Mapping[str, Any] | None, won: Row) -> Row:
    """The columns an object sets in a study, those that a person's word covers among what objects say."""
    covered = row["objects_say"] if row else {}
    hidden = {name: won.pop(name) for name in sorted(covered.keys() & won.keys())}
    return won | {"objects_say": covered | hidden} if hidden else won


def lay_down(connection: Connection, study_ids: Collection[int]) -> None:
    """Set the columns of studies that people speak about; what objects say stays beside them."""
    rows = connection.execute(_LAID_DOWN, {"studies": sorted(study_ids)}).mappings().all()
    uids = [row["study_instance_uid"] for row in rows]
    words = _words(connection, uids)
    moved = _regrouped(connection, uids)
    bases = [{name: row["objects_say"].get(name, row[name]) for name in _COVERED} for row in rows]
    wanted = {said["patient_id"] for said in (*bases, *words.values()) if "patient_id" in said}
    persons = _persons(connection, wanted)
    changed = []
    for row, base in zip(rows, bases, strict=True):
        said = words.get(row["study_instance_uid"], {})
        now = base | said
        now["patient_id"] = persons.get(now["patient_id"], now["patient_id"])
        changed.append(now | {
            THE_ID: row["id"],
            "objects_say": {name: base[name] for name in _COVERED if name in said or now[name] != base[name]},
            "assigned_patient_id": now["patient_id"] if "patient_id" in said else None,
            "regrouped": row["study_instance_uid"] in moved,
        })  # fmt: skip
    if changed:
        connection.execute(update_by_id(STUDY), changed)


def _words(connection: Connection, uids: Collection[str]) -> dict[str, Row]:
    """What people say of the columns of each study, later words over earlier ones."""
    found: dict[str, Row] = {}
    for row in connection.execute(_OF_STUDIES, {"uids": uids}).mappings():
        said = found.setdefault(row["study_instance_uid"], {})
        if row["kind"] in OF_PATIENT:
            said["patient_id"] = row["patient_id"]
        elif row["kind"] == SET_SIZE:
            said |= {name: value for name in SIZES if (value := row["values"].get(name)) is not None}
    return found


def _persons(connection: Connection, patients: Collection[int]) -> dict[int, int]:
    return dict(connection.execute(_PERSONS, {"patients": sorted(patients)}).all())


def _moves(uids: Collection[str]) -> Select[Any]:
    here = or_(CORRECTION.c.study_instance_uid.in_(uids), CORRECTION.c.target_study_instance_uid.in_(uids))
    return select(CORRECTION).where(CORRECTION.c.kind.in_(OF_EVENTS), IN_FORCE, here).order_by(CORRECTION.c.id)


def _regrouped(connection: Connection, uids: Collection[str]) -> set[str]:
    found = connection.execute(_moves(uids)).all()
    return {uid for row in found for uid in (row.study_instance_uid, row.target_study_instance_uid)}


def family(connection: Connection, study_id: int) -> list[int]:
    """The studies between which people moved events, this one among them: they can only be read again together."""
    row = connection.execute(select(STUDY).where(STUDY.c.id == study_id)).first()
    if row is None or not row.regrouped:
        return [study_id]
    known: set[str] = set()
    found = {row.study_instance_uid}
    while found - known:
        known |= found
        found = known | _regrouped(connection, sorted(known))
    return sorted(connection.execute(select(STUDY.c.id).where(STUDY.c.study_instance_uid.in_(known))).scalars())


def spoken_of(connection: Connection, study_instance_uid: str) -> bool:
    """Whether a correction in force concerns the study."""
    here = or_(
        CORRECTION.c.study_instance_uid == study_instance_uid,
        CORRECTION.c.target_study_instance_uid == study_instance_uid,
    )
    return bool(connection.execute(select(exists().where(here, IN_FORCE))).scalar())


@dataclass(frozen=True, slots=True)
class _Home:
    study_id: int
    study_uid: str
    patient_id: int


@dataclass(slots=True)
class _Places:
    """Where the events of one study stand: all of them elsewhere, and some of their own."""

    all: str | None = None
    events: dict[GroupKey, str] = field(default_factory=dict)

    def of(self, key: GroupKey) -> str | None:
        return self.events.get(key, self.all)


def regroup(connection: Connection, study_ids: Collection[int], *, every: bool) -> set[int]:
    """Lay down again which study each event of these studies stands in, and which of them share one exposure.

    `every` looks at all their events; else only at those that other studies hold as well, which is enough when
    nothing but a patient changed. Returns the studies concerned, whose totals the caller derives again.
    """
    keys = sorted(connection.execute(_keys(study_ids, every=every)).scalars())
    known = claims.load(connection, keys)
    if not known:
        return set()
    after = _regroup(known, *_moved_claims(connection, known))
    # The rows may have been laid down while these studies were other people's: they are never taken as they are.
    unsure = {key: {study: replace(one, rank="") for study, one in group.items()} for key, group in known.items()}
    return claims.settle(connection, unsure, after)


def _keys(study_ids: Collection[int], *, every: bool) -> Any:  # noqa: ANN401 - CompoundSelect
    said = select(SOURCE.c.id).where(SOURCE.c.study_id.in_(study_ids))
    linked = select(EVENT.c.event_key).join(LINK, LINK.c.irradiation_event_id == EVENT.c.id)
    own = EVENT.c.study_id.in_(study_ids) | EVENT.c.source_object_id.in_(said)
    other = EVENT.alias("other")
    twice = exists().where(other.c.event_key == EVENT.c.event_key, other.c.study_id != EVENT.c.study_id)
    shared = twice | exists().where(LINK.c.irradiation_event_id == EVENT.c.id)
    return union(
        select(EVENT.c.event_key).where(own if every else own & shared),
        linked.where(LINK.c.study_id.in_(study_ids) | LINK.c.source_object_id.in_(said)),
    )


def _moved_claims(
    connection: Connection, known: Claims
) -> tuple[dict[int, _Home], dict[int, _Places], dict[str, _Home]]:
    """The study that each object belongs to, where its events stand, and the studies they may stand in."""
    sources = {claim.source_id for group in known.values() for claim in group.values()}
    rows = connection.execute(_ORIGINS, {"sources": sorted(sources)}).all()
    origins = {row.source_id: _Home(row.id, row.study_instance_uid, row.whose) for row in rows}
    places, targets = _places(connection, {home.study_uid for home in origins.values()})
    found = connection.execute(_HOMES, {"uids": sorted(targets)}).all()
    homes = {row.study_instance_uid: _Home(row.id, row.study_instance_uid, row.patient_id) for row in found}
    return (
        origins,
        {source: places[home.study_uid] for source, home in origins.items() if home.study_uid in places},
        homes,
    )


_ORIGINS = (
    select(SOURCE.c.id.label("source_id"), STUDY.c.id, STUDY.c.study_instance_uid, claims.SPEAKS_OF.label("whose"))
    .join(STUDY, STUDY.c.id == SOURCE.c.study_id)
    .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    .where(SOURCE.c.id.in_(bindparam("sources", expanding=True)))
)
_HOMES = select(STUDY.c.id, STUDY.c.study_instance_uid, STUDY.c.patient_id).where(STUDY.c.study_instance_uid.in_(_UIDS))
_MERGES = select(CORRECTION.c.study_instance_uid, CORRECTION.c.target_study_instance_uid).where(
    CORRECTION.c.kind == MERGE_STUDIES, IN_FORCE
)


def _places(connection: Connection, uids: Collection[str]) -> tuple[dict[str, _Places], set[str]]:
    rows = connection.execute(_OF_STUDIES, {"uids": sorted(uids)}).all()
    moves = [row for row in rows if row.kind in OF_EVENTS]
    places: dict[str, _Places] = {}
    if not moves:
        return places, set()
    merges = ends(connection.execute(_MERGES))
    targets = set()
    for row in moves:
        place = places.setdefault(row.study_instance_uid, _Places())
        target = merges.get(row.target_study_instance_uid, row.target_study_instance_uid)
        targets.add(target)
        if row.kind == MERGE_STUDIES:
            place.all = target
        else:
            place.events[row.event_key, row.plane or ""] = target
    return places, targets


def standing_in(connection: Connection, study_instance_uid: str) -> Callable[[str, str], set[str]]:
    """Tells of which studies an event, by key and plane, would stand in this study: itself, merged and moved ones."""
    merges = ends(connection.execute(_MERGES))
    merged = {uid for uid, end in merges.items() if end == study_instance_uid}
    own = set() if study_instance_uid in merges else {study_instance_uid}
    moves = connection.execute(
        select(CORRECTION.c.study_instance_uid, CORRECTION.c.event_key, CORRECTION.c.plane).where(
            CORRECTION.c.kind == ASSIGN_EVENT, IN_FORCE, CORRECTION.c.target_study_instance_uid == study_instance_uid
        )
    ).all()

    def origins(event_key: str, plane: str) -> set[str]:
        moved = {row.study_instance_uid for row in moves if (row.event_key, row.plane or "") == (event_key, plane)}
        return own | merged | moved

    return origins


def ends(steps: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Where each chain of *from, to* ends, by its beginning."""
    following = dict(list(steps))
    found = {}
    for first in following:
        last, passed = following[first], {first}
        while last in following and last not in passed:
            passed.add(last)
            last = following[last]
        found[first] = last
    return found


def _regroup(
    known: Claims, origins: Mapping[int, _Home], places: Mapping[int, _Places], homes: Mapping[str, _Home]
) -> Claims:
    after: Claims = {}
    for key, group in known.items():
        now = after.setdefault(key, {})
        for claim in group.values():
            target = places[claim.source_id].of(key) if claim.source_id in places else None
            own = origins[claim.source_id]
            home = own if target in {None, own.study_uid} else homes.get(target or "", own)
            moved = replace(claim, study_id=home.study_id, study_uid=home.study_uid, patient_id=home.patient_id)
            held = now.get(home.study_id)
            if held is None or moved.rank >= held.rank:
                now[home.study_id] = moved
    return after


@dataclass(frozen=True, slots=True)
class Moved:
    """Events that people moved: how many of each object stand outside its study, and which studies gave and got."""

    of_source: Counter[int] = field(default_factory=Counter)
    gave: set[int] = field(default_factory=set)
    got: set[int] = field(default_factory=set)

    def notes(self, study_id: int) -> list[Row]:
        """What to know about a study whose events people moved: then reported totals cannot be compared."""
        said = ((self.gave, "events-moved-away"), (self.got, "events-moved-here"))
        return [{"code": code, "text": _NOTES[code]} for studies, code in said if study_id in studies]


_NOTES = {
    "events-moved-away": "A person moved events of this study to another study.",
    "events-moved-here": "A person moved events of another study into this study.",
}
_NAMES = select(STUDY.c.study_instance_uid, STUDY.c.id).where(STUDY.c.id.in_(_STUDIES))


def moved(connection: Connection, study_ids: Collection[int]) -> Moved:
    """The events moved out of or into these studies; those `regrouped` are enough to ask for."""
    found = Moved()
    if not study_ids:
        return found
    ids = {row.study_instance_uid: row.id for row in connection.execute(_NAMES, {"studies": study_ids})}
    for correction in connection.execute(_moves(sorted(ids))):
        found.gave.update({ids.get(correction.study_instance_uid, 0)})
        found.got.update({ids.get(correction.target_study_instance_uid, 0)})
    for table, home in ((EVENT, EVENT.c.study_id), (LINK, LINK.c.study_id)):
        source = table.c.source_object_id
        away = select(source, func.count()).select_from(table).join(SOURCE, SOURCE.c.id == source)
        away = away.where(SOURCE.c.study_id.in_(study_ids), SOURCE.c.study_id != home).group_by(source)
        for number, times in connection.execute(away):
            found.of_source[number] += times
    return found
