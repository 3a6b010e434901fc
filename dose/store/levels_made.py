"""Levels made here: a preview of what they would be, and what was seen frozen and signed as a set of its own.

What is signed is what was seen: the preview is made again, and refused when it differs. A signed set is never edited;
the next one supersedes it.

References: ICRP Publication 135 (2017), sections 2.3-2.6; see `dose.levels.make`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.compare import DRL, PRIORITIES, TYPICAL
from dose.levels.draft import LevelRefused
from dose.levels.make import Line, make
from dose.quantities import display
from dose.scope import Permission, Scope
from dose.statistics.measures import BY_NUMBER, Measure
from dose.store.levels import CHANGED, permit
from dose.store.levels_sample import Plan, excluded, samples
from dose.store.levels_sets import Decision, decide
from dose.store.sealing import LONGEST_TITLE, digest, freeze
from dose.tables import Device, Procedure, ReferenceLevel, ReferenceSet, SignedRecord, Site

RECORD = "local-levels"
NOTHING, NAME = "nothing", "name"
METHOD = "ICRP Publication 135 (2017), sections 2.3-2.6; percentiles by linear interpolation"


def preview(session: Session, scope: Scope, plan: Plan) -> dict[str, Any]:
    """What the levels would be, as it is frozen when it is signed: plan, exclusions, and a line a level with its units.

    Raises
    ------
    LevelRefused
        The problem of the plan.
    NotPermitted
        For a site that the account is not of.
    """
    permit(scope, plan.site_id)
    if plan.problem:
        raise LevelRefused(plan.problem)
    procedures = {row.id: row for row in session.scalars(select(Procedure))}
    found = samples(session, scope, plan).items()
    lines = [
        _line(procedures[procedure], measure, line) | {"modality": plan.modality}
        for (procedure, measure), sample in found
        for line in make(sample, plan.kind, plan.modality, is_head=procedures[procedure].is_head,
                         standard_weight=plan.standard_weight)
    ]  # fmt: skip
    names = _names(session, plan, {unit["id"] for line in lines for unit in line["units"]})
    left = asdict(excluded(session, scope, plan))
    return {"method": METHOD, "plan": _plan(plan), "excluded": left, "lines": lines, "names": names}


def sign(
    session: Session, scope: Scope, plan: Plan, *, seen: str, title: str, comment: str = "", begins: date | None = None
) -> int:
    """Freeze and sign levels as a set of their own; its id.

    Parameters
    ----------
    seen : str
        `digest` of the preview that was looked at.
    begins : date or None
        Compare with the set from this day on; the levels it supersedes end the day before. None: not yet.

    Raises
    ------
    LevelRefused
        `changed`: studies arrived or were corrected since; `nothing`: no line has a value; `name`: no title.
    """
    scope.require(Permission.SIGN)
    content = preview(session, scope, plan)
    if digest(content) != seen:
        raise LevelRefused(CHANGED)
    name = " ".join(title.split())[:LONGEST_TITLE]
    for code, said in ((NAME, name), (NOTHING, any(line["value"] is not None for line in content["lines"]))):
        if not said:
            raise LevelRefused(code)
    signed = freeze(session, scope, RECORD, content, title=name, comment=comment, site_id=plan.site_id)
    made = _set(session, scope, plan, signed)
    session.add_all(_levels(made, signed, content))
    session.flush()
    if begins is not None:
        _supersede(session, plan, made)
        decide(session, scope, made.id, made.changed_at, Decision(active=True, valid_from=begins, reason=comment))
    return made.id


def _set(session: Session, scope: Scope, plan: Plan, signed: SignedRecord) -> ReferenceSet:
    citation = f"{signed.title}: {METHOD}. Signed by {signed.signed_by}, {signed.made_at:%Y-%m-%d}, record {signed.id}."
    period = f"{plan.date_from:%Y-%m} – {plan.date_to:%Y-%m}"
    made_of = {"record": signed.id, "sha256": signed.content_sha256, "plan": _plan(plan)}
    row = ReferenceSet(
        key=f"made:{signed.id}", name=signed.title, kind=plan.kind, edition=period, citation=citation,
        site_id=plan.site_id, device_id=plan.device_id, priority=PRIORITIES[plan.kind], active=False, origin="made",
        made_of=made_of, changed_at=datetime.now(UTC), changed_by=scope.user_name[:255],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _levels(made: ReferenceSet, signed: SignedRecord, content: dict[str, Any]) -> Iterator[ReferenceLevel]:
    for number, line in enumerate(content["lines"]):
        if line["value"] is None:
            continue
        measure = BY_NUMBER[line["measure"]]
        text, unit = display(measure.column, line["value"], line["modality"])
        rooms = [unit for unit in line["units"] if unit["left_out"] is None]
        yield ReferenceLevel(
            set_id=made.id, row_key=f"{made.key}:{number}", procedure_id=line["procedure_id"],
            procedure_text=line["procedure"], modality=line["modality"], column=measure.column, level=measure.level,
            phantom=measure.phantom, value=line["value"], printed=f"{text} {unit}".strip(),
            statistic=TYPICAL if made.kind == TYPICAL else DRL, population=line["population"], **line["group"],
            sample_count=line["count"], room_count=len(rooms), citation=made.citation, verified="here", active=True,
            confirmed_at=signed.signed_at, confirmed_by=signed.signed_by, made_at=signed.made_at,
            made_by=signed.made_by,
        )  # fmt: skip


def _supersede(session: Session, plan: Plan, made: ReferenceSet) -> None:
    """Levels of the same kind, modality and place that were made before are what the new ones replace."""
    same = (ReferenceSet.kind == plan.kind, ReferenceSet.origin == "made", ReferenceSet.id != made.id,
            ReferenceSet.superseded_by.is_(None))  # fmt: skip
    for row in session.scalars(select(ReferenceSet).where(*same).with_for_update()):
        former = row.made_of.get("plan", {})
        if (row.site_id, row.device_id, former.get("modality")) == (plan.site_id, plan.device_id, plan.modality):
            row.superseded_by = made.key
    session.flush()


def _plan(plan: Plan) -> dict[str, Any]:
    days = {"date_from": plan.date_from.isoformat(), "date_to": plan.date_to.isoformat()}
    chosen = None if plan.procedure_ids is None else sorted(plan.procedure_ids)
    return asdict(plan) | days | {"procedure_ids": chosen}


def _line(procedure: Procedure, measure: Measure, line: Line) -> dict[str, Any]:
    about = {"procedure_id": procedure.id, "procedure": procedure.name, "measure": measure.number}
    said = {name: getattr(line, name) for name in ("population", "value", "why", "count", "left_out", "no_group")}
    units = [{name: getattr(unit, name) for name in unit.__slots__} for unit in line.units]
    return about | said | {"group": asdict(line.group), "units": units}


def _names(session: Session, plan: Plan, ids: set[int]) -> dict[str, str]:
    """Rooms or facilities as they are called now: a record says what they were called then."""
    if plan.kind == "national":
        found = session.execute(select(Site.id, Site.name).where(Site.id.in_(ids)))
        return {str(row.id): row.name for row in found}
    columns = (Device.id, Device.display_name, Device.station_name, Device.model)
    devices = session.execute(select(*columns).where(Device.id.in_(ids)))
    return {str(row.id): row.display_name or row.station_name or row.model or f"#{row.id}" for row in devices}
