"""What the pages about notices to patients ask: who is told of what and when, who never, and who would be.

Names and addresses are given to accounts that may view patient identity; others see counts and studies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from dose.queries.models import PatientIdentity
from dose.scope import Permission, Scope
from dose.store.notice_checks import Verdict, judge
from dose.store.notice_settings import SavedSettings, settings_of
from dose.store.patient_contacts import persons
from dose.store.patient_notices import WAITING
from dose.tables import Notification, Patient, PatientContact, PatientExclusion, PatientNotice, Site, Study

DRY_DAYS, DRY_MOST = 7, 2000
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice. Times are UTC; `day` is the study's, local. `sent` is the state of its message, None before one.

    `why` says why nobody is told; `identity` is None when the account may not see it.
    """

    id: int
    study_id: int
    patient_id: int
    identity: PatientIdentity | None
    day: date | None
    state: str
    why: str | None
    due_at: datetime
    channel: str | None
    sent: str | None
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExclusionLine:
    """Somebody who is never written to, since when (UTC), by whom."""

    patient_id: int
    identity: PatientIdentity | None
    why: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact of a person, in force or not; `phone` in E.164. Times are UTC."""

    id: int
    kind: str
    phone: str | None
    email: str | None
    language: str
    consent_at: datetime
    consent_by: str
    consent_how: str
    withdrawn_at: datetime | None
    withdrawn_how: str | None
    withdrawn_by: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """How many notices are in each state, how many are withdrawn for each reason, and people by list."""

    states: Mapping[str, int]
    reasons: Mapping[str, int]
    consenting: int
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DryLine:
    """What would become of a study's notice: when (UTC), by which channel and in which language, or why not."""

    study_id: int
    identity: PatientIdentity | None
    day: date | None
    due_at: datetime | None
    channel: str | None
    language: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """The studies of the last days, the latest first (at most `MOST_SHOWN`), and counts over all of them.

    `reasons` counts why nobody would be told; None is the key of those who would be.
    """

    lines: tuple[DryLine, ...]
    reasons: Mapping[str | None, int]


def sites(session: Session, scope: Scope) -> list[SavedSettings]:
    """The sites that the account may write for, with their settings, by name."""
    scope.require(Permission.TELL_PATIENTS)
    ids = session.scalars(select(Site.id).where(_here(scope, Site.id)).order_by(Site.name)).all()
    return [found for one in ids if (found := settings_of(session, one))]


def overview(session: Session, scope: Scope) -> Overview:
    """Counts over the sites of the account. Four statements."""
    scope.require(Permission.TELL_PATIENTS)
    notices = select(PatientNotice.state, PatientNotice.why, func.count()).join(
        Study, Study.id == PatientNotice.study_id
    )
    notices = notices.where(_here(scope, Study.site_id)).group_by(PatientNotice.state, PatientNotice.why)
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for state, why, count in session.execute(notices):
        states[state] += count
        reasons.update({why: count} if why else {})
    own = _here(scope, Patient.site_id)
    root = func.coalesce(Patient.merged_into_id, Patient.id)
    agreed = select(func.count(func.distinct(root))).join(PatientContact, PatientContact.patient_id == Patient.id)
    listed = select(PatientExclusion.why, func.count(func.distinct(root)))
    listed = listed.join(Patient, Patient.id == PatientExclusion.patient_id).where(own).group_by(PatientExclusion.why)
    consenting = session.scalar(agreed.where(own, PatientContact.withdrawn_at.is_(None))) or 0
    return Overview(states, reasons, consenting, dict(session.execute(listed).all()))


def notice_lines(session: Session, scope: Scope, state: str | None = None) -> list[NoticeLine]:
    """The notices, those that wait by when they are due, then the latest; at most `MOST_SHOWN`.

    `state` None: all of them.
    """
    scope.require(Permission.TELL_PATIENTS)
    columns = (
        PatientNotice,
        Study.study_date,
        Study.patient_id,
        Notification.channel,
        Notification.state.label("sent"),
    )
    wanted = (
        select(*columns)
        .join(Study, Study.id == PatientNotice.study_id)
        .outerjoin(Notification, Notification.patient_notice_id == PatientNotice.id)
        .where(_here(scope, Study.site_id), PatientNotice.state == state if state else true())
    )
    order = PatientNotice.due_at if state == WAITING else PatientNotice.due_at.desc()
    rows = session.execute(wanted.order_by(order, PatientNotice.id).limit(MOST_SHOWN)).all()
    who = _identities(session, scope, [row.patient_id for row in rows])
    return [
        NoticeLine(
            row.PatientNotice.id, row.PatientNotice.study_id, row.patient_id, who.get(row.patient_id), row.study_date,
            row.PatientNotice.state, row.PatientNotice.why, row.PatientNotice.due_at, row.channel, row.sent,
            row.PatientNotice.opened_at,
        )
        for row in rows
    ]  # fmt: skip


def exclusion_lines(session: Session, scope: Scope) -> list[ExclusionLine]:
    """Who is never written to, the latest first; at most `MOST_SHOWN`."""
    scope.require(Permission.TELL_PATIENTS)
    wanted = select(PatientExclusion).join(Patient, Patient.id == PatientExclusion.patient_id)
    order = (PatientExclusion.at.desc(), PatientExclusion.patient_id)
    rows = session.scalars(wanted.where(_here(scope, Patient.site_id)).order_by(*order).limit(MOST_SHOWN)).all()
    who = _identities(session, scope, [row.patient_id for row in rows])
    return [ExclusionLine(row.patient_id, who.get(row.patient_id), row.why, row.at, row.by) for row in rows]


def contacts(session: Session, scope: Scope, patient_id: int) -> tuple[list[ContactLine], list[ExclusionLine]] | None:
    """All contacts of a person, those in force first, and the lists that the person is on; None: nobody of ours."""
    scope.require(Permission.TELL_PATIENTS)
    scope.require(Permission.VIEW_PATIENTS)
    person = persons(session, [patient_id]).get(patient_id)
    site_id = session.scalar(select(Patient.site_id).where(Patient.id == person))
    if person is None or (scope.site_ids is not None and site_id not in scope.site_ids):
        return None
    own = select(Patient.id).where(or_(Patient.id == person, Patient.merged_into_id == person))
    order = (PatientContact.withdrawn_at.is_not(None), PatientContact.consent_at.desc(), PatientContact.id.desc())
    rows = session.scalars(select(PatientContact).where(PatientContact.patient_id.in_(own)).order_by(*order))
    listed = session.scalars(select(PatientExclusion).where(PatientExclusion.patient_id.in_(own)))
    lines = [ContactLine(*(getattr(row, name) for name in ContactLine.__dataclass_fields__)) for row in rows]
    return lines, [ExclusionLine(person, None, row.why, row.at, row.by) for row in listed]


def dry_run(session: Session, scope: Scope, site: SavedSettings, now: datetime) -> DryRun:
    """What would have become of the studies that arrived at a site in the last days, by its settings as saved.

    Whether the site has switched notices on does not matter; nothing is planned and nothing is sent.
    """
    scope.require(Permission.TELL_PATIENTS)
    scope.require_site(site.site_id)
    since = now - timedelta(days=DRY_DAYS)
    recent = select(Study.id, Study.first_seen_at, Study.study_date).where(
        Study.site_id == site.site_id, Study.first_seen_at >= since, Study.first_seen_at <= now
    )
    rows = {row.id: row for row in session.execute(recent.order_by(Study.id.desc()).limit(DRY_MOST))}
    found = sorted(judge(session, {site.site_id: site}, list(rows)), key=lambda one: -one.study_id)
    shown = found[:MOST_SHOWN]
    who = _identities(session, scope, [one.person_id for one in shown])
    lines = [_dry(one, site, rows[one.study_id], who.get(one.person_id)) for one in shown]
    return DryRun(tuple(lines), Counter(one.why for one in found))


def _dry(one: Verdict, site: SavedSettings, row: Any, who: PatientIdentity | None) -> DryLine:  # noqa: ANN401 - a row
    if one.contact is None:
        return DryLine(one.study_id, who, row.study_date, None, None, None, one.why)
    due = site.settings.due_at(row.first_seen_at)
    return DryLine(one.study_id, who, row.study_date, due, one.channel(site.settings), one.contact.language, None)


def _here(scope: Scope, column: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a mapped column
    return true() if scope.site_ids is None else column.in_(sorted(scope.site_ids))


def _identities(session: Session, scope: Scope, patient_ids: Collection[int]) -> dict[int, PatientIdentity]:
    """Nobody's where the account may not view identities: they never leave the database."""
    if not scope.may(Permission.VIEW_PATIENTS):
        return {}
    rows = session.scalars(select(Patient).where(Patient.id.in_(set(patient_ids))))
    return {row.id: PatientIdentity(row.patient_id, row.name, row.birth_date, row.issuer) for row in rows}
