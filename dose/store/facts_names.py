"""Names in facts: local names, protocols and operators as numbers, and the procedure that the rules in force say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select

from dose import tables
from dose.crypto import keys
from dose.naming.fields import event_values, local_words, study_values, words_key
from dose.naming.rules import Naming
from dose.statistics.counting import Counted
from dose.store.naming import rules_in_force
from dose.store.rows import Row
from dose.store.statements import insert_unless_there

PROTOCOL: Table = tables.Protocol.__table__  # type: ignore[assignment]
LOCAL_NAME: Table = tables.LocalName.__table__  # type: ignore[assignment]
OPERATOR: Table = tables.Operator.__table__  # type: ignore[assignment]
_NAMES: Any = bindparam("names", expanding=True)
_KNOWN = {
    table.name: select(table.c[column], table.c.id).where(table.c[column].in_(_NAMES))
    for table, column in ((PROTOCOL, "name_sha256"), (LOCAL_NAME, "words_sha256"))
}
# Whose work a study is, the first role that is named (dose.extract.people)
ROLES = ("operator", "technologist", "performing physician", "physician")


@dataclass(frozen=True, slots=True)
class Named:
    """What a study is called: keys into the tables of names, and its procedure."""

    naming: Naming
    local_name: str
    protocol: str | None
    operator: tuple[int, bytes] | None
    event_protocols: tuple[str | None, ...]


class Names:
    """The names of a batch of studies: collected (`name`), looked up or written at once (`number`)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rules = rules_in_force(connection)
        self._local: dict[str, Row] = {}
        self._protocols: dict[str, str] = {}
        self._operators: dict[tuple[int, bytes], str] = {}
        self._numbers: dict[Any, int] = {}

    @property
    def ask_events(self) -> bool:
        """Whether any rule looks at events or series."""
        return self._rules.names_events

    def name(self, study: Mapping[str, Any], events: Sequence[Row], counted: Counted) -> Named:
        """What one study is called."""
        diagnostic = [event for event, fact in zip(events, counted.events, strict=True) if fact["diagnostic"]]
        facts = {name: counted.study[name] for name in ("age_years", "weight_kg", "phase_count", "scan_length_mm")}
        values = study_values({**study, **facts, "event_count": len(events)}, diagnostic, study)
        each = [event_values(event, values) for event in events] if self._rules.names_events else []
        key = words_key(values)
        if key not in self._local:
            self._local[key] = {
                **{name: study[name] for name in ("site_id", "device_id", "modality")},
                "words": local_words(values), "words_sha256": key,
            }  # fmt: skip
        protocols = tuple(self._protocol(event["protocol"]) for event in events)
        main = self._protocol(counted.protocol)
        return Named(self._rules.classify(values, each), key, main, self._operator(study), protocols)

    def _protocol(self, name: str | None) -> str | None:
        plain = " ".join((name or "").split())
        if not plain:
            return None
        sha = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
        self._protocols[sha] = plain
        return sha

    def _operator(self, study: Mapping[str, Any]) -> tuple[int, bytes] | None:
        people = json.loads(study["people"]) if study["people"] else []
        for role in ROLES:
            name = min((name for said, name in people if said == role), default=None)
            if name:
                key = (study["site_id"], keys().index(name, "operator.name"))
                self._operators.setdefault(key, name)
                return key
        return None

    def number(self, *, keep: bool) -> None:
        """Look up the numbers of all names; `keep` writes those that nobody had before."""
        self.number_protocols(keep=keep)
        now = datetime.now(UTC)
        local = {sha: row | {"first_seen_at": now} for sha, row in self._local.items()}
        self._number(LOCAL_NAME, local, keep)
        for key in sorted(self._operators):
            self._number_operator(key, keep)

    def number_protocols(self, *, keep: bool) -> None:
        """`number` of the names of protocols alone."""
        protocols = {sha: {"name": name, "name_sha256": sha} for sha, name in self._protocols.items()}
        self._number(PROTOCOL, protocols, keep)

    def _number(self, table: Table, rows: Mapping[str, Row], keep: bool) -> None:
        known, names = _KNOWN[table.name], {"names": sorted(rows)}
        found = dict(self._connection.execute(known, names).all()) if rows else {}
        new = [rows[key] for key in sorted(rows.keys() - found)]
        if new and keep:
            self._connection.execute(insert_unless_there(self._connection.dialect.name, table.name), new)
            found = dict(self._connection.execute(known, names).all())
        self._numbers |= found

    def _number_operator(self, key: tuple[int, bytes], keep: bool) -> None:
        site, index = key
        here = select(OPERATOR.c.id).where(OPERATOR.c.site_id == site, OPERATOR.c.name_index == index)
        number = self._connection.execute(here).scalar()
        if number is None and keep:
            row = {"site_id": site, "name_index": index, "name": self._operators[key]}
            self._connection.execute(insert_unless_there(self._connection.dialect.name, OPERATOR.name), row)
            number = self._connection.execute(here).scalar_one()
        if number is not None:
            self._numbers[key] = number

    def of_study(self, named: Named) -> Row:
        """The columns of `study_fact` that names fill."""
        naming = named.naming
        return {
            "procedure_id": naming.procedure_id, "rule_id": naming.rule_id, "naming": naming.state,
            "complexity": naming.complexity, "local_name_id": self._numbers.get(named.local_name),
            "protocol_id": self._numbers.get(named.protocol), "operator_id": self._numbers.get(named.operator),
        }  # fmt: skip

    def of_event(self, named: Named, number: int) -> Row:
        """The columns of `event_fact` that names fill, of the event at this place."""
        own = named.naming.events[number] if named.naming.events else None
        protocol = self._numbers.get(named.event_protocols[number])
        return {"procedure_id": own or named.naming.procedure_id, "protocol_id": protocol}
