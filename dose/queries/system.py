"""How the system is: processes, backlog, devices, refused peers, rejected objects."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices
from dose.queries.models import (
    DeadItem,
    DeviceInfo,
    ProcessRow,
    RefusedPeerRow,
    RejectedPage,
    RejectedRow,
    SystemState,
)
from dose.queries.studies import device_name
from dose.scope import Permission, Scope
from dose.store.facts import behind
from dose.tables import (
    Cursor,
    Device,
    IngestItem,
    KeptObject,
    ProcessState,
    RefusedPeer,
    Site,
    SourceObject,
    Study,
    StudyFact,
)

RETRY = 1
SHOWN = 100
UNCOUNTABLE = 20


def devices(session: Session, scope: Scope) -> tuple[DeviceInfo, ...]:
    """The devices of the account's sites, last heard of first."""
    scope.require(Permission.VIEW_DOSES)
    statement = select(Device, Site.name).join(Site, Site.id == Device.site_id).where(allowed_devices(scope))
    found = session.execute(statement.order_by(Device.last_seen_at.desc(), Device.id))
    return tuple(device_info(device, site_name) for device, site_name in found)


def device_info(device: Device, site_name: str) -> DeviceInfo:
    """A device as pages show it."""
    plain = set(DeviceInfo.__dataclass_fields__) - {"name", "site_name"}
    values = {name: getattr(device, name) for name in plain}
    return DeviceInfo(**values, name=device_name(vars(device)), site_name=site_name)


def rejected_objects(session: Session, scope: Scope, *, limit: int = 50, offset: int = 0) -> RejectedPage:
    """Objects that were refused, newest first; what is simply no dose report is not among them.

    A rejected object has no device: an account limited to devices sees none.
    """
    scope.require(Permission.VIEW_REJECTED)
    where = (SourceObject.status == "rejected", allowed(scope, SourceObject))
    total = session.scalar(select(func.count()).select_from(SourceObject).where(*where)) or 0
    kept = select(KeptObject.sha256).where(KeptObject.sha256 == SourceObject.content_sha256).exists()
    statement = select(SourceObject, kept.label("kept")).where(*where)
    order = (SourceObject.read_at.desc(), SourceObject.id.desc())
    found = session.execute(statement.order_by(*order).limit(limit).offset(offset))
    plain = set(RejectedRow.__dataclass_fields__) - {"kept"}
    rows = (RejectedRow(**{name: getattr(row, name) for name in plain}, kept=bool(here)) for row, here in found)
    return RejectedPage(tuple(rows), total)


def retry_rejected(session: Session, scope: Scope, source_object_id: int, level: str = "instance") -> bool:
    """Queue a rejected object for another reading before everything else; the caller commits.

    `level` is instance, or bundle for a series that speaks as a whole.

    False when there is nothing to queue: not rejected, not for this account, or not from Orthanc
    (`dose.ingest.retry` reads such an object again from its kept bytes).
    """
    scope.require(Permission.RETRY_REJECTED)
    where = (SourceObject.id == source_object_id, SourceObject.status == "rejected", allowed(scope, SourceObject))
    orthanc_id = session.scalar(select(SourceObject.orthanc_id).where(*where))
    if orthanc_id is None:
        return False
    same = (IngestItem.level == level, IngestItem.orthanc_id == orthanc_id)
    item = session.scalar(select(IngestItem).where(*same)) or IngestItem(level=level, orthanc_id=orthanc_id)
    item.priority, item.state, item.attempts, item.not_before = RETRY, "pending", 0, None
    item.last_error, item.queued_at = None, datetime.now(UTC)
    session.add(item)
    session.flush()
    return True


def mark_admitted(session: Session, scope: Scope, peer_id: int) -> None:
    """Remember that a refused application entity was admitted, when and by whom; the caller commits."""
    scope.require(Permission.ADMIT_DEVICES)
    row = session.get_one(RefusedPeer, peer_id)
    row.admitted_at, row.admitted_by = datetime.now(UTC), scope.user_name[:120]


def request_comparison(session: Session, scope: Scope, node: str = "orthanc") -> bool:
    """Ask the worker to compare everything in Orthanc with the database once more; the caller commits.

    False when no worker has ever walked through this Orthanc: its first walk comes by itself.
    """
    scope.require(Permission.COMPARE)
    cursor = session.get(Cursor, f"{node}:sweep")
    if cursor is None:
        return False
    cursor.detail = cursor.detail | {"requested": True}
    return True


def system_state(session: Session, scope: Scope) -> SystemState:
    """Everything the system page shows; about the whole installation, except devices and rejected objects."""
    scope.require(Permission.VIEW_SYSTEM)
    pending = (IngestItem.state == "pending",)
    backlog = session.execute(select(IngestItem.priority, func.count()).where(*pending).group_by(IngestItem.priority))
    dead = select(IngestItem).where(IngestItem.state == "dead").order_by(IngestItem.id.desc())
    counted = select(func.count()).select_from(IngestItem).where(IngestItem.state == "dead")
    rejected = (
        select(func.count())
        .select_from(SourceObject)
        .where(SourceObject.status == "rejected", allowed(scope, SourceObject))
    )
    newest = select(Study.first_seen_at).order_by(Study.version.desc()).limit(1)
    studies, waiting = session.scalar(select(func.count()).select_from(Study)) or 0, behind(session)
    lacking = 0 if waiting else max(0, studies - (session.scalar(select(func.count()).select_from(StudyFact)) or 0))
    return SystemState(
        processes=tuple(
            ProcessRow(row.name, row.state, dict(row.detail), row.updated_at)
            for row in session.scalars(select(ProcessState).order_by(ProcessState.name))
        ),
        cursors=dict(session.execute(select(Cursor.name, Cursor.value)).all()),
        backlog=dict(backlog.all()),
        dead_items=tuple(_dead(item) for item in session.scalars(dead.limit(SHOWN))),
        dead_count=session.scalar(counted) or 0,
        rejected_count=session.scalar(rejected) or 0,
        study_count=studies,
        devices=devices(session, scope),
        refused_peers=_refused(session),
        newest_study_at=session.scalar(newest),
        uncounted=waiting,
        uncountable=_without_facts(session, scope) if lacking else (),
        uncountable_count=lacking,
    )


def _without_facts(session: Session, scope: Scope) -> tuple[int, ...]:
    """The newest studies of the account that folding left out, by their row ids; asked only where some are."""
    known = exists().where(StudyFact.study_id == Study.id)
    found = select(Study.id).where(~known, allowed(scope, Study)).order_by(Study.id.desc()).limit(UNCOUNTABLE)
    return tuple(session.scalars(found))


def _dead(item: IngestItem) -> DeadItem:
    return DeadItem(**{name: getattr(item, name) for name in DeadItem.__dataclass_fields__})


def _refused(session: Session) -> tuple[RefusedPeerRow, ...]:
    found = session.scalars(select(RefusedPeer).order_by(RefusedPeer.last_at.desc()).limit(SHOWN))
    return tuple(RefusedPeerRow(**{n: getattr(row, n) for n in RefusedPeerRow.__dataclass_fields__}) for row in found)
