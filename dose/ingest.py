"""One object in, one transaction: extract, save, judge. The only place where parsing and database meet.

*The object is bad*: recorded as rejected with its reason, and answered so. *The world is bad* (database gone, disk
full): rises untouched with nothing written; the caller tries again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from dose import extract as reader
from dose import queries, store
from dose.alerting import judging
from dose.audit import Action, record
from dose.database import writing
from dose.errors import BadObject, NotADoseObject
from dose.extract.series import MAGIC as SERIES
from dose.log import logger
from dose.model import DoseReport
from dose.scope import Scope
from dose.tables import Site, SourceObject

log = logger(__name__)

OK, SUPERSEDED, COPY, DUPLICATE, NOT_DOSE, REJECTED = "ok", "superseded", "copy", "duplicate", "not_dose", "rejected"
ANONYMISED, MODIFIED = "anonymised", "modified"
ORTHANC, IMPORT = "orthanc", "import"
_READ_BEFORE = (OK, SUPERSEDED, COPY)
_TRIES = 4
# Two workers met on the same new row (unique violation, deadlock, serialization failure): the later one starts again.
_MET_ANOTHER = {"23505", "40P01", "40001"}

Reader = Callable[[bytes], DoseReport]
Sessions = sessionmaker[Session]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an object: `status` ok | superseded | copy | duplicate | not_dose | rejected.

    `event_count` counts the events it now stands for; `reason` and `reason_code` say why it was refused.
    """

    status: str
    study_id: int | None = None
    source_object_id: int | None = None
    event_count: int = 0
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reextracted:
    """A study read again, and what changed in it."""

    study_id: int
    changes: list[store.Change]


def ingest(
    content: bytes,
    session_factory: Sessions,
    *,
    origin: str,
    site: str,
    orthanc_id: str | None = None,
    received_at: datetime | None = None,
    read: Reader = reader.extract,
    copied_from: str | None = None,
    copy_kind: str | None = None,
    keep_operators: bool = False,
    import_batch_id: int | None = None,
) -> Outcome:
    """Read one object and write what it says.

    Parameters
    ----------
    content
        The object as received: DICOM Part 10, its head before Pixel Data, a series bundle, or a typed row.
    origin
        `orthanc`, `import` or `typed`.
    site
        Name of the site it belongs to.
    orthanc_id
        Orthanc's name of the instance (of the series for a bundle), where it has one.
    copied_from, copy_kind
        Orthanc's name of the instance or series it was made from inside Orthanc (metadata AnonymizedFrom or
        ModifiedFrom), and how: `anonymised` (gives no events) or `modified` (takes the place of its source).
    keep_operators
        Whether the site keeps the names of operators and physicians (`Settings.keep_operators`).
    import_batch_id
        The import or typing session it belongs to.

    Raises
    ------
    sqlalchemy.exc.DBAPIError, OSError
        The world is bad: nothing was written, ask again.
    """
    sha = content_hash(content)
    known = _known(session_factory, sha, orthanc_id, copied_from)
    if known is not None:
        return known
    about: dict[str, Any] = {
        "content": content, "origin": origin, "orthanc_id": orthanc_id, "site": site, "copied_from": copied_from,
        "import_batch_id": import_batch_id,
    }  # fmt: skip
    try:
        report = read(content)
    except BadObject as error:
        return reject(session_factory, error, **about)
    arrival: dict[str, Any] = {
        "content": content, "content_sha256": sha, "origin": origin, "orthanc_id": orthanc_id,
        "received_at": received_at, "copied_from": copied_from, "copy_kind": copy_kind,
        "keep_operators": keep_operators, "import_batch_id": import_batch_id,
    }  # fmt: skip
    try:
        return _persistently(lambda: _save(session_factory, report, read, site, arrival))
    except (DataError, ArithmeticError, UnicodeError) as error:
        # No database takes its values: asking again would not help. The bytes are kept for a better reader.
        return reject(session_factory, _unstorable(error), **about)


def _unstorable(error: Exception) -> BadObject:
    return BadObject(f"one of its values cannot be stored ({type(error).__name__})")


def _save(session_factory: Sessions, report: DoseReport, read: Reader, site: str, arrival: dict[str, Any]) -> Outcome:
    with judging(session_factory) as session:
        site_id = store.site_id(session.connection(), site)
        saved = store.save_whole(session, report, read, site_id=site_id, **arrival)
    return Outcome(saved.status, saved.study_id, saved.source_object_id, saved.event_count)


def _known(session_factory: Sessions, sha: str, orthanc_id: str | None, copied_from: str | None) -> Outcome | None:
    """The answer for bytes that were read before, without reading them again."""
    with session_factory() as session:
        row = session.connection().execute(_BY_CONTENT, {"sha": sha}).first()
    # An object that was imported and now stands in Orthanc gets its name there, and its origin: the slow way.
    if row is None or (orthanc_id and orthanc_id != row.orthanc_id) or (copied_from and not row.copied_from):
        return None
    return Outcome(DUPLICATE, row.study_id, row.id, row.event_count)


_BY_CONTENT = select(
    SourceObject.id,
    SourceObject.study_id,
    SourceObject.event_count,
    SourceObject.orthanc_id,
    SourceObject.copied_from,
).where(SourceObject.content_sha256 == bindparam("sha"), SourceObject.status.in_(_READ_BEFORE))
_BY_CONTENTS = select(
    SourceObject.id, SourceObject.study_id, SourceObject.event_count, SourceObject.content_sha256
).where(SourceObject.content_sha256.in_(bindparam("shas", expanding=True)), SourceObject.status.in_(_READ_BEFORE))


def reject(
    session_factory: Sessions,
    error: BadObject,
    *,
    origin: str,
    site: str,
    orthanc_id: str | None = None,
    content: bytes = b"",
    copied_from: str | None = None,
    import_batch_id: int | None = None,
) -> Outcome:
    """Record that an object was refused and why; without `content` it is known by its name in Orthanc."""
    now = datetime.now(UTC)
    sha = content_hash(content) if content else hashlib.sha256(f"{origin} {orthanc_id}".encode()).hexdigest()

    def write() -> int | None:
        with writing(session_factory) as session:
            connection = session.connection()
            arrival = store.Arrival(
                content, sha, origin, orthanc_id, store.site_id(connection, site), now, now, copied_from,
                import_batch_id=import_batch_id,
            )  # fmt: skip
            return store.reject(connection, error, arrival)

    return _refused(_persistently(write), error, orthanc_id)


def _refused(row_id: int | None, error: BadObject, orthanc_id: str | None = None) -> Outcome:
    status = NOT_DOSE if isinstance(error, NotADoseObject) else REJECTED
    level = log.debug if status == NOT_DOSE else log.warning
    level("object refused", extra={"source_object": row_id, "orthanc_id": orthanc_id, "reason_code": error.code})
    return Outcome(status, source_object_id=row_id, reason_code=error.code, reason=str(error))


@dataclass(frozen=True, slots=True)
class Waiting:
    """An object that is taken in with others; `silent`: when it states no dose, no row says so, as with images."""

    content: bytes
    silent: bool = False


def ingest_together(
    waiting: Sequence[Waiting],
    session_factory: Sessions,
    *,
    origin: str,
    site: str,
    read: Reader = reader.extract,
    turn: AbstractContextManager[object] | None = None,
    keep_operators: bool = False,
) -> list[Outcome]:
    """`ingest` of several objects in one transaction, which costs a third; what became of each.

    When the transaction fails, for whatever reason, nothing of it was written and each object comes in alone, so that
    a bad one refuses only itself.

    Parameters
    ----------
    turn
        Held while writing, not while reading: a lock of processes of which the database lets only one write.

    Raises
    ------
    sqlalchemy.exc.DBAPIError, OSError
        The world is bad: ask again; what was written before is known then.
    """
    about: dict[str, Any] = {"origin": origin, "site": site, "keep_operators": keep_operators}
    outcomes, said = _read_all(waiting, session_factory, read, **about)
    if said:
        with turn or nullcontext():
            try:
                saved = _persistently(lambda: _save_all(session_factory, said, read))
            except (DBAPIError, ArithmeticError, UnicodeError):
                contents = (waiting[position].content for position in said)
                saved = [ingest(content, session_factory, read=read, **about) for content in contents]
        outcomes |= zip(said, saved, strict=True)
    return [outcomes[position] for position in range(len(waiting))]


_Said = store.Telling | tuple[BadObject, store.Arrival]


def _read_all(
    waiting: Sequence[Waiting], session_factory: Sessions, read: Reader, *, origin: str, site: str, keep_operators: bool
) -> tuple[dict[int, Outcome], dict[int, _Said]]:
    """By position, what became of those that nothing must be written of, and what the others say."""
    shas = [content_hash(one.content) for one in waiting]
    known, site_id = _known_among(session_factory, shas, site)
    now = datetime.now(UTC)
    outcomes: dict[int, Outcome] = {}
    said: dict[int, _Said] = {}
    for position, (one, sha) in enumerate(zip(waiting, shas, strict=True)):
        if sha in known:
            outcomes[position] = known[sha]
            continue
        arrival = store.Arrival(one.content, sha, origin, None, site_id, now, now, keep_operators=keep_operators)
        found = _told(arrival, read)
        if one.silent and isinstance(found, tuple) and isinstance(found[0], NotADoseObject):
            outcomes[position] = Outcome(NOT_DOSE, reason=str(found[0]))
        else:
            said[position] = found
    return outcomes, said


def _told(arrival: store.Arrival, read: Reader) -> _Said:
    try:
        report = read(arrival.content)
    except BadObject as error:
        return error, arrival
    try:
        return store.tell(report, arrival)
    except (ArithmeticError, UnicodeError) as error:
        return _unstorable(error), arrival


def _known_among(session_factory: Sessions, shas: Sequence[str], site: str) -> tuple[dict[str, Outcome], int]:
    """The answers for bytes that were read before, and the row of the site."""
    with session_factory() as session:
        rows = session.connection().execute(_BY_CONTENTS, {"shas": sorted(set(shas))}).all()
        site_id = store.known_site_id(session.connection(), site)
    if site_id is None:
        with writing(session_factory) as session:
            site_id = store.site_id(session.connection(), site)
    known = {row.content_sha256: Outcome(DUPLICATE, row.study_id, row.id, row.event_count) for row in rows}
    return known, site_id


def _save_all(session_factory: Sessions, said: Mapping[int, _Said], read: Reader) -> list[Outcome]:
    told = {position: one for position, one in said.items() if isinstance(one, store.Telling)}
    outcomes: dict[int, Outcome] = {}
    with judging(session_factory) as session:
        for position, saved in zip(told, store.save_together(session, list(told.values()), read), strict=True):
            outcomes[position] = Outcome(saved.status, saved.study_id, saved.source_object_id, saved.event_count)
        refused = {
            position: (store.reject(session.connection(), *one), one[0])
            for position, one in said.items()
            if not isinstance(one, store.Telling)
        }
    outcomes |= {position: _refused(*row_and_error) for position, row_and_error in refused.items()}
    return [outcomes[position] for position in said]


def content_hash(content: bytes) -> str:
    """SHA-256 of the data set, without preamble and file meta information (PS3.10 section 7.1).

    The same object written by different software then is the same: only the meta group says who wrote it.
    """
    return hashlib.sha256(memoryview(content)[_data_set_offset(content) :]).hexdigest()


def _data_set_offset(content: bytes) -> int:
    # (0002,0000) UL, 4 bytes: the length of what remains of the group. Without it the whole file is hashed.
    if content[128:132] != b"DICM" or content[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        return 0
    return 144 + int.from_bytes(content[140:144], "little")


def _persistently(work: Callable[[], _T]) -> _T:
    for attempt in range(1, _TRIES + 1):
        try:
            return work()
        except DBAPIError as error:
            if attempt == _TRIES or getattr(error.orig, "sqlstate", None) not in _MET_ANOTHER:
                raise
    raise AssertionError("unreachable")


def reextract(
    session_factory: Sessions,
    *,
    study_ids: list[int] | None = None,
    everything: bool = False,
    after_id: int = 0,
    read: Reader = reader.extract,
    keep_operators: bool | None = None,
) -> Iterator[Reextracted]:
    """Read kept objects again, each study in its own transaction, and say what changed.

    Without `study_ids` all studies that an older reader read; stopped in between, the next call goes on where it
    stood, because what was read carries the present reader's version. `everything` reads whatever its version, from
    the study after `after_id`. `keep_operators` as the site says now; None leaves each study as it is.
    """
    for study_id in study_ids if study_ids is not None else _outdated(session_factory, everything, after_id):
        with judging(session_factory) as session:
            changes = store.rebuild_study(session, study_id, read, keep_operators=keep_operators)
        log.info("study read again", extra={"study": study_id, "changes": len(changes)})
        yield Reextracted(study_id, changes)


def _outdated(session_factory: Sessions, everything: bool, after_id: int) -> Iterator[int]:
    version = 2**31 - 1 if everything else reader.READER_VERSION
    while True:
        with session_factory() as session:
            batch = store.rebuild_outdated(session.connection(), version, after_id, 100)
        if not batch:
            return
        yield from batch
        after_id = batch[-1]


def retry(
    session_factory: Sessions,
    scope: Scope,
    source_object_id: int,
    read: Reader = reader.extract,
    *,
    address: str | None = None,
) -> Outcome | None:
    """Read a rejected object again: at once from its kept bytes, else queued for Orthanc (then None).

    What was made from another object inside Orthanc is always queued: only Orthanc says how, and so whether it counts.

    `address` is where the person sits, for the audit.

    Raises
    ------
    NotPermitted
        Unless the account may retry.
    LookupError
        No such rejected object for this account, or neither Orthanc nor we hold it.
    """
    with writing(session_factory) as session:
        record(session, scope, Action.RETRY_OBJECT, subject="object", subject_id=source_object_id, address=address)
        content = queries.kept_content(session, scope, source_object_id)
        whole = content is not None and content.startswith(SERIES)
        queued = queries.retry_rejected(session, scope, source_object_id, "bundle" if whole else "instance")
        columns = select(SourceObject, Site.name).join(Site, Site.id == SourceObject.site_id)
        row, name = session.execute(columns.where(SourceObject.id == source_object_id)).one_or_none() or (None, "")
    if content is None or row is None or row.status != REJECTED or row.copied_from:
        if queued:
            return None
        raise LookupError(f"no rejected object {source_object_id} that could be read again")
    about: dict[str, Any] = {"orthanc_id": row.orthanc_id, "import_batch_id": row.import_batch_id}
    return ingest(content, session_factory, origin=row.origin, site=name, read=read, **about)
