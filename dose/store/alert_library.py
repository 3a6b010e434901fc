"""What people choose from when they work on alerts: causes, sentences for comments, criteria of declaring.

Shipped as data, edited by people. A row that nobody has touched follows the program; one that somebody changed stays as
that person left it. A criterion that could not be confirmed is off until a person has read its source and says which.
"""

from __future__ import annotations

import math
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.levels.draft import CERTAIN
from dose.quantities import QUANTITIES, display
from dose.scope import Permission, Scope
from dose.tables import AlertCause, AlertMacro, Criterion

SHIPPED, HERE, UNCONFIRMED = "shipped", "here", "unconfirmed"
KINDS = ("patient", "technique", "equipment", "name", "record", "other")
LANGUAGES = ("en", "fr", "ar")
LONGEST_NAME, LONGEST_TEXT, LONGEST_PLACE = 80, 600, 40
LAST = 1000  # position of what people add: after what is shipped
_PLACE = re.compile(r"\{([a-z0-9_]+)\}")
_Row = TypeVar("_Row", AlertCause, AlertMacro, Criterion)


class LibraryRefused(ValueError):
    """`code`: names | kind | cause | place | params | citation | unconfirmed | taken | gone | changed (`by` whom)."""

    def __init__(self, code: str, by: str | None = None) -> None:
        super().__init__(code)
        self.code, self.by = code, by


@dataclass(frozen=True, slots=True)
class Step:
    """What is owed to a patient so many `days` after an alert; `kind`: letter | call | visit."""

    kind: str
    days: int
    citation: str
    verified: str


@dataclass(frozen=True, slots=True)
class FollowUpPlan:
    """After which alerts a patient is followed up: kinds of rules and quantities; and the steps, in their order."""

    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CauseDraft:
    """A cause as somebody wants it; `one_click`: offered to who was there."""

    names: Mapping[str, str]
    kind: str
    one_click: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class MacroDraft:
    """A sentence as somebody wants it; `cause_id` None: of every cause."""

    texts: Mapping[str, str]
    cause_id: int | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class CriterionDraft:
    """A criterion as somebody wants it: `names` with places for `params`, quantities in their canonical unit."""

    jurisdiction: str
    names: Mapping[str, str]
    citation: str
    params: Mapping[str, float] = field(default_factory=dict)


# ---- what is shipped -----------------------------------------------------------------------------------------------


@cache
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((resources.files("dose.reference") / "alerts" / name).read_text(encoding="utf-8"))


@cache
def follow_up_plan() -> FollowUpPlan:
    """The shipped plan of follow-up."""
    said = _read("criteria.toml")["follow_up"]
    return FollowUpPlan(tuple(said["kinds"]), tuple(said["columns"]), tuple(Step(**one) for one in said["step"]))


def load_library(session: Session) -> int:
    """Add what is shipped and bring up to date what nobody has touched; how many rows were written."""
    causes, rows = _read("causes.toml"), _read("criteria.toml")["criterion"]
    written = sum(_ship(session, AlertCause, {"position": n, **said}) for n, said in enumerate(causes["cause"]))
    ids = {row.key: row.id for row in session.scalars(select(AlertCause))}
    for n, said in enumerate(causes["macro"]):
        plain = {name: value for name, value in said.items() if name != "cause"}
        written += _ship(session, AlertMacro, {"position": n, "cause_id": ids.get(said.get("cause")), **plain})
    for said in rows:
        wanted = bool(said.get("wanted")) and said["verified"] in CERTAIN
        plain = {name: value for name, value in said.items() if name != "wanted"}
        written += _ship(session, Criterion, {"active": wanted, "params": {}, **plain})
    return written


def _ship(session: Session, table: type[_Row], said: Mapping[str, Any]) -> bool:
    same = [getattr(table, name) == said[name] for name in ("jurisdiction", "key") if name in said]
    row = session.scalar(select(table).where(*same))
    if row is None:
        session.add(table(**said, changed_at=datetime.now(UTC), changed_by=SHIPPED))
    elif row.changed_by != SHIPPED or all(getattr(row, name) == value for name, value in said.items()):
        return False
    else:
        _write(row, SHIPPED, said)
    session.flush()
    return True


# ---- what people read ----------------------------------------------------------------------------------------------


def causes(session: Session, *, everything: bool = False) -> list[AlertCause]:
    """The causes to choose from, those that were found most first; `everything`: those that are hidden too."""
    wanted = select(AlertCause).order_by(AlertCause.uses.desc(), AlertCause.position, AlertCause.id)
    return list(session.scalars(wanted if everything else wanted.where(AlertCause.active)))


def reasons(session: Session) -> list[AlertCause]:
    """The causes that are offered to who was there, in their own order: buttons stay where they are."""
    wanted = select(AlertCause).where(AlertCause.active, AlertCause.one_click)
    return list(session.scalars(wanted.order_by(AlertCause.position, AlertCause.id)))


def macros(session: Session, *, everything: bool = False) -> list[AlertMacro]:
    """The sentences for comments, in their order."""
    wanted = select(AlertMacro).order_by(AlertMacro.position, AlertMacro.id)
    return list(session.scalars(wanted if everything else wanted.where(AlertMacro.active)))


def criteria(session: Session, *, everything: bool = False) -> list[Criterion]:
    """The criteria that hold here, by jurisdiction; `everything`: those that are off too."""
    wanted = select(Criterion).order_by(Criterion.jurisdiction, Criterion.id)
    return list(session.scalars(wanted if everything else wanted.where(Criterion.active)))


def said_in(names: Mapping[str, str], language: str) -> str:
    """A text in the reader's language, else in English, else in whichever it was written."""
    return names.get(language) or names.get("en") or next((text for text in names.values() if text), "")


def criterion_text(row: Criterion, language: str) -> str:
    """A criterion with its numbers in place, quantities with their unit."""
    return _PLACE.sub(lambda place: _filled(row.params, place[1]), said_in(row.names, language))


def _filled(params: Mapping[str, float], name: str) -> str:
    value = params.get(name)
    if value is None:
        return "?"
    number, unit = display(name, value) if name in QUANTITIES else (f"{value:g}", "")
    return f"\u2066{number}\u00a0{unit}\u2069" if unit else f"\u2066{number}\u2069"


def is_above(row: Criterion, column: str | None, value: float | None) -> bool:
    """Whether a value is above the number that a criterion sets for its quantity: a hint, a person judges."""
    border = row.params.get(column or "")
    return border is not None and value is not None and value > border


# ---- what people change --------------------------------------------------------------------------------------------


def set_cause(session: Session, who: Scope, draft: CauseDraft, row: tuple[int, int] | None = None) -> int:
    """Add a cause, or change that of a row id and version; its id.

    Raises
    ------
    LibraryRefused
        names | kind; gone | changed: nothing was written.
    NotPermitted
        Without MANAGE_ALERTS.
    """
    names = _texts(who, draft.names, LONGEST_NAME)
    if draft.kind not in KINDS:
        raise LibraryRefused("kind")
    said = {"names": names, "kind": draft.kind, "one_click": draft.one_click, "active": draft.active}
    return _set(session, who, AlertCause, row, said)


def set_macro(session: Session, who: Scope, draft: MacroDraft, row: tuple[int, int] | None = None) -> int:
    """Add a sentence, or change that of a row id and version; its id. Raises as `set_cause`, and cause."""
    texts = _texts(who, draft.texts, LONGEST_TEXT)
    if draft.cause_id is not None and session.get(AlertCause, draft.cause_id) is None:
        raise LibraryRefused("cause")
    return _set(session, who, AlertMacro, row, {"texts": texts, "cause_id": draft.cause_id, "active": draft.active})


def set_criterion(session: Session, who: Scope, draft: CriterionDraft, row: tuple[int, int] | None = None) -> int:
    """Add a criterion, or change that of a row id and version: it is off until its source is confirmed; its id.

    Raises
    ------
    LibraryRefused
        names | place (no jurisdiction) | params (no finite number above zero, or none for a place of the text) |
        citation; gone | changed.
    NotPermitted
        Without MANAGE_ALERTS.
    """
    names, place = _texts(who, draft.names, LONGEST_TEXT), " ".join(draft.jurisdiction.split())
    citation = " ".join(draft.citation.split())
    if not 0 < len(place) <= LONGEST_PLACE:
        raise LibraryRefused("place")
    if not citation:
        raise LibraryRefused("citation")
    said = {"jurisdiction": place, "names": names, "params": _params(draft.params, names), "citation": citation}
    return _set(session, who, Criterion, row, said | {"verified": UNCONFIRMED, "active": False})


def confirm_criterion(session: Session, who: Scope, row: tuple[int, int], source_read: str) -> None:
    """Say that the source of a criterion was read and states it so: it holds from now on.

    Raises
    ------
    LibraryRefused
        citation: which source was read must be said; gone | changed.
    NotPermitted
        Without MANAGE_ALERTS.
    """
    read = " ".join(source_read.split())[:500]
    if not read:
        raise LibraryRefused("citation")
    found = _row(session, who, Criterion, row)
    _write(found, who.user_name, {"verified": HERE, "active": True, "citation": f"{read} [{found.citation}]"})
    _note(session, who, "confirm", found)


def switch_criterion(session: Session, who: Scope, row: tuple[int, int], *, active: bool) -> None:
    """Judge by a criterion, or no longer. Raises `LibraryRefused` unconfirmed | gone | changed, NotPermitted."""
    found = _row(session, who, Criterion, row)
    if active and found.verified not in CERTAIN:
        raise LibraryRefused("unconfirmed")
    _write(found, who.user_name, {"active": active})
    _note(session, who, "switch", found)


def _texts(who: Scope, said: Mapping[str, str], longest: int) -> dict[str, str]:
    who.require(Permission.MANAGE_ALERTS)
    texts = {one: text for one in LANGUAGES if (text := " ".join(said.get(one, "").split()))}
    if not texts or max(map(len, texts.values())) > longest:
        raise LibraryRefused("names")
    return texts


def _params(said: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    places = {place for text in names.values() for place in _PLACE.findall(text)}
    fine = all(math.isfinite(value) and value > 0 for value in said.values())
    if not fine or places != set(said):
        raise LibraryRefused("params")
    return dict(said)


def _set(session: Session, who: Scope, table: type[_Row], row: tuple[int, int] | None, said: Mapping[str, Any]) -> int:
    if row is None:
        last = {"position": LAST} if table is not Criterion else {}
        known = {"key": secrets.token_hex(8), "changed_at": datetime.now(UTC), "changed_by": who.user_name[:255]}
        made = table(**said, **known, **last)
        session.add(made)
        session.flush()
        _note(session, who, "add", made)
        return made.id
    found = _row(session, who, table, row)
    _write(found, who.user_name, said)
    _note(session, who, "change", found)
    return found.id


def _row(session: Session, who: Scope, table: type[_Row], row: tuple[int, int]) -> _Row:
    who.require(Permission.MANAGE_ALERTS)
    found = session.get(table, row[0], with_for_update=True, populate_existing=True)
    if found is None:
        raise LibraryRefused("gone")
    if found.version != row[1]:
        raise LibraryRefused("changed", found.changed_by)
    return found


def _write(row: AlertCause | AlertMacro | Criterion, by: str, said: Mapping[str, Any]) -> None:
    for name, value in said.items():
        setattr(row, name, value)
    row.version, row.changed_at, row.changed_by = row.version + 1, datetime.now(UTC), by[:255]


def _note(session: Session, who: Scope, what: str, row: AlertCause | AlertMacro | Criterion) -> None:
    audit.record(session, who, audit.Action.ALERT_RULE_CHANGE, subject=row.__tablename__, subject_id=row.id, what=what)
