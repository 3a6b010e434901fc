"""Devices that Orthanc turned away, read from its log.

With `DicomAlwaysAllowStore: false` and `DicomCheckModalityHost: true`, Orthanc 1.10.1 writes for an unknown title,
and for a known title from another address, the line
`CommandDispatcher.cpp:617] Rejected association for remote AET <title> on IP <address>`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.tables import Cursor, RefusedPeer

LINE = re.compile(r"\] Rejected association for remote AET (.+?) on IP (\S+)\s*$")
CHUNK = 1 << 18
Peer = tuple[str, str]


class RefusedPeers:
    """Follows a log file through rotation; its place is kept in the database.

    The place is (inode, offset): a new file, or one that became shorter, is read from its start.
    """

    def __init__(self, path: Path | None, factory: sessionmaker[Session], node: str) -> None:
        self._path = path
        self._factory = factory
        self._name = f"{node}:log"

    def step(self) -> bool:
        """Read what was added, at most a chunk; whether anything was."""
        if self._path is None:
            return False
        with self._factory() as session:
            cursor = session.get(Cursor, self._name)
        inode, offset = (cursor.detail.get("inode"), cursor.value) if cursor else (None, 0)
        try:
            inode, offset, text = _added(self._path, inode, offset)
        except OSError:
            return False  # no log yet, or rotated away this moment
        if not text:
            return False
        self._keep(Counter(peers(text)), inode, offset)
        return True

    def _keep(self, found: Counter[Peer], inode: int, offset: int) -> None:
        now = datetime.now(UTC)
        with writing(self._factory) as session:
            for (aet, address), times in found.items():
                _note(session, aet, address, times, now)
            session.merge(Cursor(name=self._name, value=offset, detail={"inode": inode}, updated_at=now))


def peers(text: str) -> list[Peer]:
    """Title and address of each refusal in lines of Orthanc's log."""
    return [(m[1].strip()[:64], m[2][:64]) for line in text.splitlines() if (m := LINE.search(line))]


def _added(path: Path, inode: int | None, offset: int) -> tuple[int, int, str]:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        start = offset if inode == status.st_ino and offset <= status.st_size else 0
        file.seek(start)
        read = file.read(CHUNK)
    whole = read[: read.rfind(b"\n") + 1] or (read if len(read) == CHUNK else b"")
    return status.st_ino, start + len(whole), whole.decode("utf-8", "replace")


def _note(session: Session, aet: str, address: str, times: int, now: datetime) -> None:
    same = (RefusedPeer.aet == aet, RefusedPeer.address == address)
    known = session.scalar(select(RefusedPeer).where(*same))
    if known is None:
        session.add(RefusedPeer(aet=aet, address=address, times=times, first_at=now, last_at=now))
        return
    known.times += times
    known.last_at = now
    # Refused again after it was admitted: its entry was removed or its address changed.
    known.admitted_at = known.admitted_by = None
