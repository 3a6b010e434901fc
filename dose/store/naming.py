"""Rules of names: the shipped vocabulary, the rules in force, making, changing, retiring and undoing them.

A rule is an immutable row: a change retires one and adds one that says what it replaces; an undo adds one more or
retires the last. Whoever changes a row that is retired already is told so and loses nothing. What a change can touch is
marked outdated; `dose.store.facts` names those studies again in the background.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.orm import Session

from dose import tables
from dose.naming.codes import code_key
from dose.naming.rules import Condition, Rule, RuleRefused, Rules, condition_of
from dose.reference import vocabulary
from dose.store.statements import THE_ID, insert_unless_there, update_by_id

PROCEDURE: Table = tables.Procedure.__table__  # type: ignore[assignment]
RULE: Table = tables.ProcedureRule.__table__  # type: ignore[assignment]
SHIPPED_BY = "shipped"

_SHIPPED = ("name", "modality", "region", "rpid", "loinc", "is_head")
_STAMP = select(
    select(func.count()).select_from(RULE).scalar_subquery(),
    select(func.count(RULE.c.retired_at)).scalar_subquery(),
    select(func.max(PROCEDURE.c.changed_at)).scalar_subquery(),
    select(func.count()).select_from(PROCEDURE).scalar_subquery(),
)
_IN_FORCE = select(RULE).where(RULE.c.retired_at.is_(None)).order_by(RULE.c.id)
_ready: dict[tuple[Any, ...], Rules] = {}


def load_vocabulary(session: Session) -> int:
    """Bring the shipped procedures into the database, or up to date; how many rows were written.

    What a site switched off stays off; nothing happens when everything is there already.
    """
    connection = session.connection()
    there = {row.key: row for row in connection.execute(select(PROCEDURE))}
    now = datetime.now(UTC)
    new, changed = [], []
    for shipped in vocabulary.procedures():
        values = {name: getattr(shipped, name) for name in _SHIPPED}
        row = there.get(shipped.key)
        stamp = {"changed_at": now, "changed_by": SHIPPED_BY}
        if row is None:
            new.append(values | stamp | {"key": shipped.key, "level": "study", "active": True, "origin": SHIPPED_BY})
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed.append(values | stamp | {THE_ID: row.id})
    if new:  # two processes may start at once
        connection.execute(insert_unless_there(connection.dialect.name, PROCEDURE.name), new)
    if changed:
        connection.execute(update_by_id(PROCEDURE), changed)
    return len(new) + len(changed)


def rules_in_force(connection: Connection) -> Rules:
    """The rules that name studies, with the codes that name themselves; made ready once, until somebody changes one."""
    stamp = (str(connection.engine.url), *connection.execute(_STAMP).one())
    ready = _ready.get(stamp)
    if ready is None:
        ready = Rules(map(as_rule, connection.execute(_IN_FORCE)), codes(connection))
        _ready.clear()  # another thread may do the same: what it made is as good
        _ready[stamp] = ready
    return ready


def as_rule(row: Any) -> Rule:  # noqa: ANN401 - a row of procedure_rule
    """A stored rule; a condition that this program does not know any more never holds it up."""
    said = tuple(_condition(one, row.level) for one in row.conditions)
    return Rule(
        row.id,
        row.level,
        said,
        row.procedure_id,
        row.modality,
        row.site_id,
        row.device_id,
        row.complexity,
        row.priority,
    )


def _condition(said: Mapping[str, Any], level: str) -> Condition:
    try:
        return condition_of(said, level)
    except RuleRefused:
        return NEVER


NEVER = Condition("description", "one_of", ())  # of a condition that cannot be read: its rule holds nowhere


def codes(connection: Connection) -> dict[str, int]:
    """Published codes of the active procedures, as `dose.naming.codes.code_key` spells them."""
    ccam = {one.key: one.ccam for one in vocabulary.procedures()}
    found: dict[str, int] = {}
    for row in connection.execute(select(PROCEDURE).where(PROCEDURE.c.active).order_by(PROCEDURE.c.id)):
        stated = ((row.rpid, None), (row.loinc, "LN"), *((code, "CCAM") for code in ccam.get(row.key, ())))
        for code, scheme in stated:
            key = code_key(code, scheme)
            if key:
                found.setdefault(key, row.id)
    return found
