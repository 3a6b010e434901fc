"""Files of former doses as batches: held encrypted, checked, imported study by study, and taken back.

An import can be stopped at any moment and run again: what is there is passed over, because the same rows always give
the same object. Taking a batch back removes its objects and reads what remains of their studies again, so that
anything they had hidden counts once more; the batch, its file and who did what stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session, sessionmaker

from dose import audit, ingest
from dose.alerting import judging
from dose.database import writing
from dose.extract import extract
from dose.legacy.against import ALSO_DICOM, KNOWN, NEW, against_database
from dose.legacy.check import CheckReport, Taken, check
from dose.legacy.mapping import TableMapping, from_json
from dose.legacy.refusals import Refusal
from dose.legacy.table import Table, open_table
from dose.legacy.undo import undo_part
from dose.log import logger
from dose.scope import Permission, Scope
from dose.store.statements import insert_unless_there
from dose.tables import ImportBatch, KeptObject, Site, SourceObject

log = logger(__name__)
Sessions = sessionmaker[Session]

DRAFT, IMPORTING, DONE, UNDOING, UNDONE = "draft", "importing", "done", "undoing", "undone"
STORED_REFUSALS = 500
PART = 100
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Held:
    """A held file: its batch, its table, and whether the very file was held before."""

    batch_id: int
    table: Table
    known: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an import: studies that are new, were there, and the report with every refusal."""

    new: int
    known: int
    report: CheckReport


def hold(session: Session, scope: Scope, table: Table, file_name: str | None, site_id: int) -> Held:
    """Keep the file of a table, encrypted, as a draft; the file of a batch that still stands is that batch.

    Raises
    ------
    NotPermitted
        The account may not import, or not into this site.
    """
    scope.require(Permission.IMPORT)
    scope.require_site(site_id)
    content = table.content
    sha = hashlib.sha256(content).hexdigest()
    standing = select(ImportBatch.id).where(
        ImportBatch.file_sha256 == sha, ImportBatch.site_id == site_id, ImportBatch.state.not_in((UNDOING, UNDONE))
    )
    batch_id = session.scalar(standing.order_by(ImportBatch.id.desc()).limit(1))
    if batch_id is not None:
        return Held(batch_id, table, known=True)
    now = datetime.now(UTC)
    row = {"sha256": sha, "content": content, "kept_at": now}
    session.execute(insert_unless_there(session.get_bind().dialect.name, KeptObject.__tablename__), [row])
    batch = ImportBatch(
        site_id=site_id, kind=table.kind, file_name=file_name and file_name[-200:], file_sha256=sha, mapping={},
        row_count=0, accepted_count=0, refused=[], state=DRAFT, done_count=0, made_at=now, made_by=scope.user_name,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    audit.record(session, scope, audit.Action.UPLOAD, subject="import", subject_id=batch.id, size=len(content))
    return Held(batch.id, table, known=False)


def batch_of(session: Session, scope: Scope, batch_id: int) -> ImportBatch | None:
    """A batch of the account's sites."""
    batch = session.get(ImportBatch, batch_id)
    allowed = batch is not None and (scope.site_ids is None or batch.site_id in scope.site_ids)
    return batch if allowed else None


def batches(session: Session, scope: Scope, *, typed: bool, limit: int = 100) -> list[ImportBatch]:
    """Batches of the account's sites, newest first: typed studies, or files."""
    scope.require(Permission.TYPE_DOSES if typed else Permission.IMPORT)
    kind = ImportBatch.kind == "typed" if typed else ImportBatch.kind != "typed"
    statement = select(ImportBatch).where(kind).order_by(ImportBatch.id.desc()).limit(limit)
    if scope.site_ids is not None:
        statement = statement.where(ImportBatch.site_id.in_(sorted(scope.site_ids)))
    return list(session.scalars(statement))


def table_of(session: Session, batch: ImportBatch, sheet: str | None = None) -> Table:
    """The table of a held file."""
    content = session.scalar(select(KeptObject.content).where(KeptObject.sha256 == batch.file_sha256))
    return open_table(content or b"", sheet)


def checked(
    session: Session, batch: ImportBatch, mapping: TableMapping, today: date
) -> tuple[CheckReport, list[Taken]]:
    """Check a held file against its mapping and against the database; the studies that are new or known."""
    site = session.scalar(select(Site.name).where(Site.id == batch.site_id)) or ""
    table = table_of(session, batch, mapping.sheet)
    report, taken = check(table, mapping, site=site, today=today, file_sha256=batch.file_sha256 or "")
    return report, compare(session, batch.site_id, report, taken)


def compare(session: Session, site_id: int, report: CheckReport, taken: Sequence[Taken]) -> list[Taken]:
    """Take out of a report what was typed or imported otherwise; returns what may be imported."""
    kept = []
    for one, state in against_database(session, site_id, taken):
        if state in (NEW, KNOWN, ALSO_DICOM):
            kept.append(one)
            report.known_studies += state == KNOWN
            report.dicom_studies += state == ALSO_DICOM
        else:
            report.drop(one)
            report.refuse(*(Refusal(row, None, state) for row in one.rows))
    report.finish()
    return kept


def choose(session: Session, scope: Scope, batch_id: int, mapping: TableMapping) -> None:
    """Remember the mapping that a draft was last checked with."""
    scope.require(Permission.IMPORT)
    batch = batch_of(session, scope, batch_id)
    if batch is not None and batch.state == DRAFT:
        batch.mapping = mapping.as_json()


def start(session: Session, scope: Scope, batch_id: int, mapping: TableMapping) -> bool:
    """Fix the mapping of a draft and let it be imported; False when it is not a draft of this account."""
    scope.require(Permission.IMPORT)
    batch = batch_of(session, scope, batch_id)
    if batch is None or batch.state not in (DRAFT, IMPORTING):
        return False
    if batch.state == DRAFT:
        batch.mapping, batch.state = mapping.as_json(), IMPORTING
        audit.record(session, scope, audit.Action.IMPORT, subject="import", subject_id=batch_id)
    return True


def run(sessions: Sessions, batch_id: int, today: date, progress: Progress | None = None) -> Imported:
    """Import a batch that was started; run again, it goes on where it stood. Taken back meanwhile, it leaves nothing.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        The database failed; what was written stays, ask again.
    """
    with sessions() as session:
        batch = session.get_one(ImportBatch, batch_id)
        site = session.scalar(select(Site.name).where(Site.id == batch.site_id)) or ""
        report, taken = checked(session, batch, from_json(batch.mapping), today)
    new = 0
    for number, one in enumerate(taken, 1):
        if _state(sessions, batch_id) != IMPORTING:
            break  # taken back meanwhile, or done by another process
        outcome = ingest.ingest(one.content, sessions, origin=ingest.IMPORT, site=site, import_batch_id=batch_id)
        if outcome.status == ingest.REJECTED:
            report.drop(one)
            report.refuse(*(Refusal(row, None, "unreadable") for row in one.rows))
        new += outcome.status in (ingest.OK, ingest.SUPERSEDED)
        if number % PART == 0:
            _note(sessions, batch_id, number)
            if progress:
                progress(number, len(taken))
    _finish(sessions, batch_id, report.finish())
    if _state(sessions, batch_id) in (UNDOING, UNDONE):
        sum(_parts(sessions, batch_id))  # what was on its way in while the batch was taken back
    log.info("table imported", extra={"batch": batch_id, "new": new, "refused_rows": len(report.refused_rows)})
    return Imported(new, len(taken) - new, report)


def _state(sessions: Sessions, batch_id: int) -> str | None:
    with sessions() as session:
        return session.scalar(select(ImportBatch.state).where(ImportBatch.id == batch_id))


def _note(sessions: Sessions, batch_id: int, done: int) -> None:
    with writing(sessions) as session:
        session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(done_count=done))


def _finish(sessions: Sessions, batch_id: int, report: CheckReport) -> None:
    """Say that a batch is done, if it still stands."""
    refused = [{"row": one.row, "column": one.column, "code": one.code} for one in report.refusals[:STORED_REFUSALS]]
    values = {"row_count": report.row_count, "accepted_count": report.taken_rows, "refused": refused, "state": DONE}
    with writing(sessions) as session:
        values["done_count"] = report.study_count
        standing = update(ImportBatch).where(ImportBatch.id == batch_id, ImportBatch.state == IMPORTING)
        session.execute(standing.values(**values))


def undo(sessions: Sessions, scope: Scope, batch_id: int) -> int:
    """Take a batch back: its events and studies vanish, the batch stays as undone. Returns the objects removed.

    Stopped in between, the next call goes on.

    Raises
    ------
    NotPermitted
        The account may not import (or, for a typed study, not type doses).
    LookupError
        No such batch for this account, or it is undone already.
    """
    with writing(sessions) as session:
        batch = batch_of(session, scope, batch_id)
        if batch is None or batch.state == UNDONE:
            raise LookupError(f"no import {batch_id} that could be undone")
        scope.require(Permission.TYPE_DOSES if batch.kind == "typed" else Permission.IMPORT)
        batch.state = UNDOING
    removed = sum(_parts(sessions, batch_id))
    with writing(sessions) as session:
        values: dict[str, Any] = {"state": UNDONE, "undone_at": datetime.now(UTC), "undone_by": scope.user_name}
        session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(**values))
        audit.record(session, scope, audit.Action.UNDO, subject="import", subject_id=batch_id, objects=removed)
    return removed


def _parts(sessions: Sessions, batch_id: int) -> Iterator[int]:
    while True:
        with judging(sessions) as session:
            gone = undo_part(session, batch_id, extract, PART)
        if not gone:
            return
        yield gone


def discard(session: Session, scope: Scope, batch_id: int) -> None:
    """Forget a draft, and its file unless another batch stands on it."""
    scope.require(Permission.IMPORT)
    batch = batch_of(session, scope, batch_id)
    if batch is not None and batch.state == DRAFT:
        session.delete(batch)
        session.flush()
        others = (exists().where(ImportBatch.file_sha256 == KeptObject.sha256),
                  exists().where(SourceObject.content_sha256 == KeptObject.sha256))  # fmt: skip
        file = KeptObject.sha256 == batch.file_sha256
        session.execute(delete(KeptObject).where(file, *(~other for other in others)))
        audit.record(session, scope, audit.Action.REMOVE, subject="import", subject_id=batch_id)
