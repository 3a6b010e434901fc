"""Objects made from others inside Orthanc: anonymised copies never count, modified objects take their source's place.

Everything is decided from the rows present, over the whole family of objects that name each other, so that it comes
out the same in any order of arrival. Copies that nothing names are recognised by their events (`dose.store.claims`).
Rules and reasons: docs/adr/0007.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, select

from dose.store.objects import Arrival, gather_losers
from dose.store.rows import ACCUMULATED
from dose.store.statements import THE_ID, update_by_id
from dose.store.states import (
    ANONYMISED_COPY,
    COPY,
    COPY_CODE,
    COPY_REASON,
    MODIFIED,
    OK,
    OUTDONE,
    SERIES_GREW,
    SOP_UID_REUSED,
    SOURCE,
    SUPERSEDED,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an object: `status` is ok, superseded, copy or duplicate; a copy may have no study.

    `rebuild` names studies that held an object which lost its SOP Instance UID to this one: what it had hidden must
    be read again (`dose.store.rebuild`), in the same transaction.
    """

    status: str
    study_id: int | None
    source_object_id: int
    event_count: int
    rebuild: tuple[int, ...] = ()


_NAMES: BindParameter[list[str]] = bindparam("names", expanding=True)
_COLUMNS = [SOURCE.c[name] for name in (
    "id", "study_id", "orthanc_id", "copied_from", "status", "reason_code", "rank", "sop_instance_uid",
    "report_sha256", "object_key",
)]  # fmt: skip
_RELATED = select(*_COLUMNS).where(
    SOURCE.c.orthanc_id.in_(_NAMES) | SOURCE.c.copied_from.in_(_NAMES),
    SOURCE.c.status.in_((OK, SUPERSEDED, COPY)),
    SOURCE.c.reason_code.is_(None) | SOURCE.c.reason_code.not_in((SOP_UID_REUSED, SERIES_GREW)),
)
_ITSELF = select(*_COLUMNS).where(SOURCE.c.id == bindparam("source"))


def learn(connection: Connection, row: Row[Any], arrival: Arrival) -> None:
    """Remember of an object that was believed to come from outside what it was made from."""
    values: dict[str, Any] = {"copied_from": arrival.copied_from, THE_ID: row.id}
    if arrival.copy_kind == ANONYMISED_COPY:
        values |= {"status": COPY, "reason_code": COPY_CODE, "reason": COPY_REASON}
        values["object_key"] = f"sha256:{row.report_sha256}"
    connection.execute(update_by_id(SOURCE), values)


def placed(connection: Connection, saved: Saved, *concerned: int) -> Saved:
    """Decide again about all objects that name each other with this one; what lost its say must be read again.

    `concerned` are further studies to be read again.
    """
    decisions = _decide(_family(connection, saved.source_object_id))
    rebuild = {*concerned, *saved.rebuild}
    changed, silenced = [], []
    for one, now in decisions.items():
        if (one.status, one.reason_code, one.study_id) == (now["status"], now["reason_code"], now["study_id"]):
            continue
        changed.append(now | {THE_ID: one.id})
        if now["reason_code"] != one.reason_code:
            rebuild.add(one.study_id)
        if now["reason_code"]:
            silenced.append(one.id)
            gather_losers(connection, one.sop_instance_uid, one.study_id, now["study_id"])
    if changed:
        connection.execute(update_by_id(SOURCE), changed)
    if silenced:
        connection.execute(delete(ACCUMULATED).where(ACCUMULATED.c.source_object_id.in_(silenced)))
    own = next((now for one, now in decisions.items() if one.id == saved.source_object_id), None)
    if own is not None:
        status = saved.status if own["reason_code"] is None or saved.status not in {OK, SUPERSEDED} else own["status"]
        saved = replace(saved, status=status, study_id=own["study_id"])
    return replace(saved, rebuild=tuple(sorted(rebuild - {None})))


def _family(connection: Connection, source_id: int) -> list[Row[Any]]:
    """Every object that is named by, or names, one of the family, as far as they are known."""
    found = {row.id: row for row in connection.execute(_ITSELF, {"source": source_id})}
    asked: set[str] = set()
    while names := {name for row in found.values() for name in (row.orthanc_id, row.copied_from) if name} - asked:
        asked |= names
        found |= {row.id: row for row in connection.execute(_RELATED, {"names": sorted(names)})}
    return sorted(found.values(), key=lambda row: row.id)


def _decide(family: Iterable[Row[Any]]) -> Mapping[Row[Any], dict[str, Any]]:
    them = _Family(list(family))
    return {one: them.decision(one) for one in them.members}


class _Family:
    """Objects that name each other; who counts, and in which study the others are shown."""

    def __init__(self, members: list[Row[Any]]) -> None:
        self.members = [row for row in members if row.reason_code not in {SOP_UID_REUSED, SERIES_GREW}]
        self._copies = {row.id for row in self.members if row.status == COPY}
        # What was modified of an anonymised copy is one too.
        while more := {row.id for row in self._live() if any(one.id in self._copies for one in self._origins(row))}:
            self._copies |= more

    def _live(self) -> list[Row[Any]]:
        return [row for row in self.members if row.id not in self._copies]

    def _origins(self, row: Row[Any]) -> list[Row[Any]]:
        return [one for one in self.members if one is not row and row.copied_from and one.orthanc_id == row.copied_from]

    def _heirs(self, row: Row[Any]) -> list[Row[Any]]:
        made = [one for one in self._live() if one is not row and one.copied_from == row.orthanc_id and one.copied_from]
        # Each made from the other (written over itself twice): the higher rank.
        return [one for one in made if row.copied_from != one.orthanc_id or one.rank > row.rank]

    def decision(self, row: Row[Any]) -> dict[str, Any]:
        """The columns of `source_object` that being made from another, or another's source, decides."""
        home = self._home(row, set())
        if row.id in self._copies:
            return _now(COPY, COPY_CODE, COPY_REASON, home, f"sha256:{row.report_sha256}")
        if self._heirs(row):
            return _now(SUPERSEDED, MODIFIED, OUTDONE[MODIFIED], home, row.object_key)
        return _now(OK if row.reason_code else row.status, None, None, row.study_id, row.object_key)

    def _home(self, row: Row[Any], passed: set[int]) -> int | None:
        passed.add(row.id)
        is_copy = row.id in self._copies
        following = [one for one in (self._origins(row) if is_copy else self._heirs(row)) if one.id not in passed]
        if following:
            return self._home(max(following, key=lambda one: one.rank), passed)
        return None if is_copy else row.study_id


def _now(status: str, code: str | None, reason: str | None, study_id: int | None, key: str) -> dict[str, Any]:
    return {"status": status, "reason_code": code, "reason": reason, "study_id": study_id, "object_key": key}
