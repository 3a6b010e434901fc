"""Where a message goes, looked up at the last moment: who was removed or withdrew meanwhile is not written to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from dose.tables import (
    Alert,
    AppUser,
    NoticeSetting,
    Patient,
    PatientContact,
    PatientExclusion,
    PatientNotice,
    Recipient,
    Study,
    UserSite,
)

EMAIL, SMS, BANNER = "email", "sms", "banner"
RECIPIENT_GONE, CONTACT_GONE, WITHDRAWN, EXCLUDED = "recipient-gone", "contact-gone", "withdrawn", "excluded"
BOUNCED, NO_ADDRESS = "bounced", "no-address"
SITE_OFF = "off"  # the site has switched notices to patients off: they wait for a person
# Nobody is to be told any more; the others are for a person to set right
GONE = frozenset({RECIPIENT_GONE, CONTACT_GONE, WITHDRAWN, EXCLUDED})


def address_of(session: Session, row: Row[Any]) -> tuple[str | None, str | None]:
    """The address of a notification and None, or None and what stands in the way. A banner's address is empty."""
    if row.patient_notice_id is not None or row.kind == "patient":
        return _of_patient(session, row)
    columns = (Recipient.active, Recipient.email, Recipient.phone, Recipient.bounced_at)
    about = select(Alert.site_id).where(Alert.id == row.alert_id).scalar_subquery()
    may = account_may_hear(about if row.alert_id is not None else None)
    found = session.execute(select(*columns).where(Recipient.id == row.recipient_id, may)).first()
    if found is None or not found.active:
        return None, RECIPIENT_GONE
    if row.channel == EMAIL and found.bounced_at is not None:
        return None, BOUNCED
    return _chosen(row.channel, found.email, found.phone)


def account_may_hear(site_id: SQLColumnExpression[Any] | None) -> ColumnElement[bool]:
    """Whether a recipient has no account of ours, or one that is in use and sees the site; None: of no site."""
    account: ColumnElement[bool] = exists().where(AppUser.id == Recipient.user_id, AppUser.active)
    if site_id is not None:
        sites = select(UserSite.site_id).where(UserSite.user_id == Recipient.user_id)
        account = and_(account, or_(site_id.is_(None), ~sites.exists(), site_id.in_(sites)))
    return or_(Recipient.user_id.is_(None), account)


def _of_patient(session: Session, row: Row[Any]) -> tuple[str | None, str | None]:
    found = session.execute(_OF_NOTICE.where(PatientNotice.id == row.patient_notice_id)).first()
    if found is None or found.told != found.examined:  # the study is somebody else's by now
        return None, CONTACT_GONE
    if found.withdrawn_at is not None:
        return None, WITHDRAWN
    excluded = select(PatientExclusion.why).join(Patient, Patient.id == PatientExclusion.patient_id)
    if session.scalar(excluded.where(_person(Patient) == found.told).limit(1)) is not None:
        return None, EXCLUDED
    if not found.writes:
        return None, SITE_OFF
    return _chosen(row.channel, found.email, found.phone)


def _person(row: type[Patient]) -> ColumnElement[int]:
    return func.coalesce(row.merged_into_id, row.id)


_OWNER, _EXAMINED = aliased(Patient), aliased(Patient)
_OF_NOTICE: Select[*tuple[Any, ...]] = (
    select(
        PatientContact.email, PatientContact.phone, PatientContact.withdrawn_at,
        _person(_OWNER).label("told"), _person(_EXAMINED).label("examined"), NoticeSetting.active.label("writes"),
    )
    .join(PatientNotice, PatientNotice.contact_id == PatientContact.id)
    .join(_OWNER, _OWNER.id == PatientContact.patient_id)
    .join(Study, Study.id == PatientNotice.study_id)
    .join(_EXAMINED, _EXAMINED.id == Study.patient_id)
    .outerjoin(NoticeSetting, NoticeSetting.site_id == Study.site_id)
)  # fmt: skip


def _chosen(channel: str, email: str | None, phone: str | None) -> tuple[str | None, str | None]:
    if channel == BANNER:
        return "", None
    address = {EMAIL: email, SMS: phone}.get(channel)
    return (address, None) if address else (None, NO_ADDRESS)
