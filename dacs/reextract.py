"""`dacs reextract`: read kept objects again with the present readers and quirks, and say what changed.

`--changed` (the default) reads what an older reader read, and what a changed row of the site's quirks concerns; `--all`
everything that is kept. Each study is read in a transaction of its own and its progress is written down: a run that
was killed goes on where it stood when it is started again. What a study said before stays in `study_history`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from dacs.maintenance import SCOPE, sessions
from dose import audit, extract
from dose.database import writing
from dose.extract.quirks import ANY, SITE
from dose.ingest import OK, SUPERSEDED, Reextracted, ingest, reextract
from dose.settings import Settings
from dose.tables import Cursor, Device, IrradiationEvent, KeptObject, Site, SourceObject, Study

PLACE, QUIRKS = "reextract", "site-quirks"
_TOLD_EVERY_S, _PLACE_EVERY_S = 2.0, 1.0
_GLOBS = ("template", "manufacturer", "model", "version")
Rows = dict[str, dict[str, str]]  # a site's quirks by name: whom they concern, and which wording


@dataclass(frozen=True, slots=True)
class Asked:
    """What to read again: one study, one device's studies, everything, or what changed."""

    study: str | None = None
    device: str | None = None
    everything: bool = False
    as_json: bool = False

    @property
    def words(self) -> str:
        """For the audit trail."""
        return (
            f"study {self.study}"
            if self.study
            else "device"
            if self.device
            else "all"
            if self.everything
            else "changed"
        )


def run_reextract(settings: Settings, asked: Asked) -> int:
    """Read again and print what changed; 1 when the named study or device is not there."""
    factory = sessions(settings)
    try:
        return _Run(factory, asked).do()
    finally:
        factory.kw["bind"].dispose()


def changed_rows(factory: sessionmaker[Session]) -> list[dict[str, str]]:
    """Rows of the site's quirks, former and present, that differ from those that everything was last read with."""
    with factory() as session:
        cursor = session.get(Cursor, QUIRKS)
        before: Rows = dict(cursor.detail) if cursor else {}
    now = _rows()
    names = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    return [row for name in sorted(names) for rows in (before, now) if (row := rows.get(name)) is not None]


def _rows() -> Rows:
    return {row.name: {key: getattr(row, key) for key in _GLOBS} for row in SITE.rows}


def concerned(session: Session, rows: list[dict[str, str]]) -> list[int]:
    """Studies whose device and kind of report a row may concern, whatever the device's software is by now."""
    columns = select(SourceObject.study_id, SourceObject.template, Device.manufacturer, Device.model).distinct()
    found = session.execute(
        columns.join(Study, Study.id == SourceObject.study_id)
        .join(Device, Device.id == Study.device_id, isouter=True)
        .where(SourceObject.status.in_((OK, SUPERSEDED)))
    )
    return sorted({study for study, *said in found if study and any(_meets(row, *said) for row in rows)})


def _meets(row: dict[str, str], template: str | None, manufacturer: str | None, model: str | None) -> bool:
    device = ((manufacturer, row["manufacturer"]), (model, row["model"]))
    return row["template"] in (ANY, template) and all(
        fnmatchcase((said or "").lower(), glob.lower()) for said, glob in device
    )


class _Run:
    """One call of the command."""

    def __init__(self, factory: sessionmaker[Session], asked: Asked) -> None:
        self._factory = factory
        self._asked = asked
        self._read = self._changed = 0
        self._told_at = self._placed_at = time.monotonic()

    def do(self) -> int:
        named = self._named()
        if named == []:
            _say(f"There is no {'study ' + self._asked.study if self._asked.study else 'device of that name'}.")
            return 1
        with writing(self._factory) as session:
            studies = named if self._asked.study else self._asked.words
            audit.record(session, SCOPE, audit.Action.REEXTRACT, subject="study", studies=studies)
        try:
            for done in self._studies(named):
                self._tell(done)
        except KeyboardInterrupt:
            _say(f"\nStopped after {self._read} studies; the same command goes on there.")
            return 130
        self._finish(named)
        return 0

    def _named(self) -> list[int] | None:
        """Ids of the named studies, empty when there is none; None when nothing is named."""
        if not self._asked.study and not self._asked.device:
            return None
        with self._factory() as session:
            return list(session.scalars(_of_study(self._asked.study) if self._asked.study else _of_device(self._asked)))

    def _studies(self, named: list[int] | None) -> Iterator[Reextracted]:
        if named is not None:
            yield from reextract(self._factory, study_ids=named)
            return
        after = self._stood()
        if self._asked.everything:
            yield from reextract(self._factory, everything=True, after_id=after)
            return
        yield from reextract(self._factory)
        rows = changed_rows(self._factory)
        with self._factory() as session:
            ids = [one for one in concerned(session, rows) if one > after] if rows else []
        for done in reextract(self._factory, study_ids=ids):
            self._remember(done.study_id)
            yield done

    def _remember(self, study_id: int) -> None:
        """Write down now and then how far this run got; what is read twice after a kill comes out the same."""
        now = time.monotonic()
        if now - self._placed_at < _PLACE_EVERY_S:
            return
        self._placed_at = now
        with writing(self._factory) as session:
            session.merge(Cursor(name=PLACE, value=study_id, detail=self._kind(), updated_at=datetime.now(UTC)))

    def _stood(self) -> int:
        with self._factory() as session:
            cursor = session.get(Cursor, PLACE)
            place = cursor.value if cursor and cursor.detail == self._kind() else 0
        if place:
            _say(f"Goes on after study {place}, where an earlier run stopped.", sys.stderr)
        return int(place)

    def _kind(self) -> dict[str, Any]:
        return {"asked": self._asked.words, "reader": extract.READER_VERSION, "quirks": _rows()}

    def _tell(self, done: Reextracted) -> None:
        self._read += 1
        self._changed += bool(done.changes)
        if self._asked.everything:
            self._remember(done.study_id)
        uid = self._uid(done.study_id) if done.changes else None
        for change in done.changes:
            _say(json.dumps({"study": uid, **change}, default=str) if self._asked.as_json else _line(uid, change))
        if time.monotonic() - self._told_at > _TOLD_EVERY_S:
            self._told_at = time.monotonic()
            _say(f"{self._read} studies read again, {self._changed} changed …", sys.stderr)

    def _uid(self, study_id: int) -> str | None:
        with self._factory() as session:
            return session.scalar(select(Study.study_instance_uid).where(Study.id == study_id))

    def _finish(self, named: list[int] | None) -> None:
        again = 0
        if named is None:
            again = _try_refused(self._factory)
            with writing(self._factory) as session:
                session.merge(Cursor(name=QUIRKS, value=0, detail=_rows(), updated_at=datetime.now(UTC)))
                place = session.get(Cursor, PLACE)
                if place:
                    session.delete(place)
        said = f"{self._read} studies read again, {self._changed} changed."
        refused = f" {again} refused objects are readable now." if again else ""
        _say(said + refused, sys.stderr if self._asked.as_json else sys.stdout)


def _of_study(uid: str) -> Select[int]:
    return select(Study.id).where(Study.study_instance_uid == uid)


def _of_device(asked: Asked) -> Select[int]:
    """Studies of the devices with this display name, station name or model, with any event of theirs."""
    name = (asked.device or "").lower()
    called = (func.lower(column) == name for column in (Device.display_name, Device.station_name, Device.model))
    devices = select(Device.id).where(or_(*called))
    events = select(IrradiationEvent.study_id).where(IrradiationEvent.device_id.in_(devices))
    return select(Study.id).where(Study.device_id.in_(devices) | Study.id.in_(events)).order_by(Study.id)


def _line(uid: str | None, change: dict[str, Any]) -> str:
    what = " ".join(filter(None, (change["what"], change["field"])))
    return f"study {uid or '(removed)'}: {what}: {_shown(change['before'])} -> {_shown(change['after'])}"


def _shown(value: Any) -> str:  # noqa: ANN401 - any column
    return "nothing" if value is None else str(value)


def _try_refused(factory: sessionmaker[Session]) -> int:
    """Read every refused object that is kept once more; how many are readable now."""
    columns = select(KeptObject.content, SourceObject.origin, SourceObject.orthanc_id, Site.name)
    refused = select(SourceObject.id).where(SourceObject.status == "rejected", SourceObject.content_sha256.is_not(None))
    with factory() as session:
        ids = list(session.scalars(refused.order_by(SourceObject.id)))
    read = 0
    for row_id in ids:
        with factory() as session:
            joined = columns.join(SourceObject, SourceObject.content_sha256 == KeptObject.sha256).join(Site)
            row = session.execute(joined.where(SourceObject.id == row_id)).first()
        if row is not None:
            content, origin, orthanc_id, site = row
            read += ingest(content, factory, origin=origin, orthanc_id=orthanc_id, site=site).status == OK
    return read


def _say(text: str, stream: Any = None) -> None:  # noqa: ANN401 - a text stream
    print(text, file=stream or sys.stdout, flush=True)
