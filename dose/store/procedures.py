"""Procedures that a site adds to the vocabulary, and those that it switches off: made, changed, undone.

What was said is a row (`procedure_change`) and stays; `procedure` holds what the latest one says. Of shipped
procedures a site only says whether they are in use. Who changes what somebody changed meanwhile is told by whom, and
loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose import audit
from dose.naming.codes import code_key
from dose.naming.fields import STUDY
from dose.naming.modalities import family, is_code, may_be
from dose.naming.rules import STARTS, Condition, Rule
from dose.naming.texts import plain, words
from dose.reference import vocabulary
from dose.scope import Permission, Scope
from dose.store.naming import codes
from dose.store.naming_marks import mark
from dose.tables import Procedure, ProcedureChange, ProcedureRule

LOCAL, SITE = "local:", "site"
LANGUAGES = ("en", "fr", "ar")
LONGEST, KEY_LETTERS = 160, 34


class ProcedureRefused(ValueError):
    """`code`: name | letters | modality | region | code | taken | twin | ruled | shipped | key | elsewhere; `field`.

    taken: another procedure has the code; twin: another one is called so (`field` is its key); ruled: rules in force
    name studies of another modality so; shipped: of those only their use can be changed.
    """

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


class ProcedureGone(LookupError):
    """Somebody changed the procedure meanwhile, or there is none; nothing was written."""

    def __init__(self, procedure_id: int, by: str | None) -> None:
        super().__init__(f"procedure {procedure_id} is another one now")
        self.procedure_id, self.by = procedure_id, by


@dataclass(frozen=True, slots=True)
class ProcedureDraft:
    """A procedure as a site wants it: `names` by language, at least one; `rpid` and `loinc` as published."""

    names: Mapping[str, str]
    modality: str | None = None
    region: str | None = None
    rpid: str | None = None
    loinc: str | None = None
    active: bool = True


def add_procedure(session: Session, who: Scope, draft: ProcedureDraft, key: str | None = None) -> int:
    """Add a procedure of the site; its row id. `key` (`local:…`) keeps that of another installation.

    Raises
    ------
    ProcedureRefused
        With its code.
    NotPermitted
        When the account may not manage names.
    """
    _may(who)
    said = _checked(session, draft, None)
    row = Procedure(key=key or _key(session, said["names"]), level=STUDY, origin=SITE)
    _lay(row, said, who)
    session.add(row)
    session.flush()
    _write(session, who, row, said, None)
    return row.id


def change_procedure(session: Session, who: Scope, procedure_id: int, draft: ProcedureDraft, seen: int) -> None:
    """Say anew what a procedure of the site is; `seen` is the number of the change that the person looked at.

    Raises
    ------
    ProcedureGone
        When there is a later change.
    ProcedureRefused, NotPermitted
        As `add_procedure`; shipped: the procedure is not the site's.
    """
    _may(who)
    row = _row(session, procedure_id, seen)
    if row.origin != SITE:
        raise ProcedureRefused("shipped")
    said = _checked(session, draft, row)
    _change(session, who, row, said)


def switch_procedure(session: Session, who: Scope, procedure_id: int, *, active: bool) -> None:
    """Use a procedure, or no more: it is then not offered, and no code stands for it. Rules go on naming it."""
    _may(who)
    row = _row(session, procedure_id, None)
    if row.active != active:
        _change(session, who, row, state_of(session, row) | {"active": active})


def undo_change(session: Session, who: Scope, change_id: int) -> None:
    """Take the latest change of a procedure back: as it was before, or switched off where there was no before.

    Raises
    ------
    ProcedureGone
        When it is not the latest any more.
    ProcedureRefused
        When what would come back is refused today.
    """
    _may(who)
    change = session.get(ProcedureChange, change_id)
    row = _row(session, change.procedure_id if change else 0, change_id)
    assert change is not None  # `_row` found it
    before = change.before or {**change.said, "active": False}
    if row.origin == SITE:
        before = _checked(session, ProcedureDraft(**before), row)
    _change(session, who, row, before, undone=True)


def latest_change(session: Session, procedure_id: int) -> int:
    """The number of the latest change of a procedure; 0 when there is none."""
    change = ProcedureChange
    return session.scalar(select(func.max(change.id)).where(change.procedure_id == procedure_id)) or 0


def state_of(session: Session, row: Procedure) -> dict[str, Any]:
    """What holds of a procedure now: all that a draft has; of a shipped one whether it is in use."""
    if row.origin != SITE:
        return {"active": row.active}
    change = session.get(ProcedureChange, latest_change(session, row.id))
    names = change.said["names"] if change else {"en": row.name}
    return {"names": names, "modality": row.modality, "region": row.region, "rpid": row.rpid, "loinc": row.loinc,
            "active": row.active}  # fmt: skip


def _may(who: Scope) -> None:
    who.require(Permission.MANAGE_NAMES)
    if who.site_ids is not None or who.device_ids is not None:
        raise ProcedureRefused("elsewhere")  # a procedure is everybody's


def _row(session: Session, procedure_id: int, seen: int | None) -> Procedure:
    row = session.get(Procedure, procedure_id, with_for_update=True)
    last = session.get(ProcedureChange, latest_change(session, procedure_id))
    if row is None or (seen is not None and seen != (last.id if last else 0)):
        raise ProcedureGone(procedure_id, last.made_by if last else None)
    return row


def _change(session: Session, who: Scope, row: Procedure, said: dict[str, Any], *, undone: bool = False) -> None:
    before = state_of(session, row)
    touched = list(_of_codes(row)) if row.active else []
    if said == before:
        return
    _lay(row, said, who)
    session.flush()
    _write(session, who, row, said, before, undone=undone)
    mark(session, touched)


def _lay(row: Procedure, said: Mapping[str, Any], who: Scope) -> None:
    if row.origin == SITE:
        names = said["names"]
        row.name = names.get("en") or next(names[one] for one in LANGUAGES if one in names)
        row.modality, row.region, row.rpid, row.loinc = (said[one] for one in ("modality", "region", "rpid", "loinc"))
        row.is_head = row.region in vocabulary.HEADS
    row.active, row.changed_at, row.changed_by = said["active"], datetime.now(UTC), who.user_name[:255]


def _write(
    session: Session, who: Scope, row: Procedure, said: Mapping[str, Any], before: dict[str, Any] | None, *,
    undone: bool = False,
) -> None:  # fmt: skip
    session.add(
        ProcedureChange(procedure_id=row.id, said=dict(said), before=before, undone=undone,
                        made_at=row.changed_at, made_by=row.changed_by)
    )  # fmt: skip
    what = "undo" if undone else "make" if before is None else "change"
    audit.record(session, who, audit.Action.NAME_CHANGE, subject="procedure", subject_id=row.id, change=what)
    if row.active:
        mark(session, _of_codes(row))


def _of_codes(row: Procedure) -> Iterator[Rule]:
    """What meets the studies that name themselves by a code of the procedure."""
    ccam = next((one.ccam for one in vocabulary.procedures() if one.key == row.key), ())
    for code in (row.rpid, row.loinc, *ccam):
        if code:
            yield Rule(0, STUDY, (Condition("procedure_code", STARTS, code),), row.id)


def _checked(session: Session, draft: ProcedureDraft, row: Procedure | None) -> dict[str, Any]:
    """What a draft says, as it is kept."""
    names = {one: " ".join(str(draft.names.get(one) or "").split()) for one in LANGUAGES}
    names = {one: name for one, name in names.items() if plain(name)}
    if not names:
        raise ProcedureRefused("name")
    if any(len(name) > LONGEST for name in names.values()):
        raise ProcedureRefused("letters")
    said = {one: (getattr(draft, one) or "").strip() or None for one in ("modality", "region", "rpid", "loinc")}
    said["modality"] = said["modality"] and said["modality"].upper()
    if said["modality"] is not None and not is_code(said["modality"]):
        raise ProcedureRefused("modality")
    if said["region"] not in (None, *vocabulary.regions()):
        raise ProcedureRefused("region")
    said["rpid"] = said["rpid"] and said["rpid"].upper()
    found = {"names": names, **said, "active": bool(draft.active)}
    if draft.active:
        _alone(session, found, row)
    if row is not None:
        _of_rules(session, row, said["modality"])
    return found


def _alone(session: Session, said: Mapping[str, Any], row: Procedure | None) -> None:
    """Refuse codes and names that another procedure has."""
    own, taken = row.id if row else 0, codes(session.connection())
    for field, scheme in (("rpid", None), ("loinc", "LN")):
        key = code_key(said[field], scheme)
        if said[field] and (key is None or key.startswith("CCAM") or key.startswith("LN") is (field == "rpid")):
            raise ProcedureRefused("code", field)
        if key and taken.get(key, own) != own:
            raise ProcedureRefused("taken", said[field])
    names = {plain(name) for name in said["names"].values()}
    for other in session.scalars(select(Procedure).where(Procedure.active, Procedure.id != own)):
        if family(other.modality) == family(said["modality"]) and names & _names(session, other):
            raise ProcedureRefused("twin", other.key)


def _names(session: Session, row: Procedure) -> set[str]:
    if row.origin == SITE:
        return {plain(name) for name in state_of(session, row)["names"].values()}
    return {plain(vocabulary.name_of(row.key, row.name, one)) for one in LANGUAGES}


def _of_rules(session: Session, row: Procedure, modality: str | None) -> None:
    rule = ProcedureRule
    named = session.scalars(select(rule.modality).where(rule.procedure_id == row.id, rule.retired_at.is_(None)))
    if any(one is not None and not may_be(one, modality) for one in named):
        raise ProcedureRefused("ruled", modality)


def _key(session: Session, names: Mapping[str, str]) -> str:
    """`local:` and the words of the first name that has Latin letters; with a number where it is taken."""
    told = next((text for one in LANGUAGES if (text := _slug(names.get(one, "")))), "procedure")
    there = set(session.scalars(select(Procedure.key).where(Procedure.key.startswith(LOCAL + told, autoescape=True))))
    numbered = (f"{LOCAL}{told}-{number}" for number in range(2, len(there) + 3))
    return next(key for key in (f"{LOCAL}{told}", *numbered) if key not in there)


def _slug(name: str) -> str:
    return "-".join(word for word in words(name) if word.isascii())[: KEY_LETTERS - len(LOCAL)].strip("-")
