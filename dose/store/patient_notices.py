"""Notices to patients from the study to the text: planned as it is written, judged again as it is sent.

`plan` writes one row a study in the transaction of its dose; `release` turns what is due into a row of the outbox;
`filled` makes the text as it is sent. Between any two of them a consent may end, a person die, a study go or turn out
to be somebody else's: each asks anew. A study is told of once for all time: the outbox knows it by its UID, whatever
rows were made anew, and a study that a person merged with one that was told of is not told of again.

Link and code come from the site's key and the notification's own random reference: a text that is made again (the
process died, the provider had to be asked, a person sends it again) says the same, so that whichever copy arrives opens
the document; the database holds hashes alone, and neither it nor a row id is enough to make a link.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, select, update
from sqlalchemy.orm import Session

from dose import tables
from dose.crypto import keys
from dose.errors import DoseError
from dose.notify import code
from dose.notify.templates import Filled, default, fields_of, fill
from dose.store.notice_checks import (
    DEMO,
    NO_AGE,
    NO_GUARDIAN,
    NOT_PATIENT,
    OFF,
    SENSITIVE_STUDY,
    Verdict,
    judge,
    merged_into,
)
from dose.store.notice_doses import as_text, reported
from dose.store.notice_settings import SavedSettings, active_settings, settings_of
from dose.store.notice_templates import in_force
from dose.store.outbox import OUTBOX, PATIENT, Notice, enqueue
from dose.store.outbox_address import CONTACT_GONE
from dose.store.patient_contacts import consenting, stop_token
from dose.store.statements import insert_unless_there
from dose.tables import PatientContact, PatientNotice, Study

NOTICE: Table = tables.PatientNotice.__table__  # type: ignore[assignment]
WAITING, QUEUED, OPENED, WITHDRAWN = "waiting", "queued", "opened", "withdrawn"
TOLD = "told"  # of this study, or of one it was merged with
VALID_FOR = timedelta(days=90)
AT_A_TIME = 200
OUTSIDE_HOURS = "outside-hours"
# What may turn up between the outbox and the call. Consent and lists are asked about in the transaction of the call.
_LATE = frozenset({OFF, NOT_PATIENT, DEMO, SENSITIVE_STUDY, NO_AGE, NO_GUARDIAN})
_PRIORITY = 6  # behind what colleagues must hear


class NothingToTell(DoseError):
    """The notice, its study or its contact is gone: there is no text, and nobody is to be told."""


@dataclass(frozen=True, slots=True)
class Released:
    """How many notices went to the outbox, and how many nobody is told of any more."""

    queued: int
    withdrawn: int


def plan(session: Session, study_ids: Collection[int], now: datetime) -> int:
    """Plan the notices of studies that were written, in their transaction; how many are new.

    Where no site has switched notices on, one statement over a handful of rows is all that happens; where nobody of
    them agreed, one more.

    Parameters
    ----------
    now
        When they were written (aware).
    """
    sites = active_settings(session) if study_ids else {}
    wanted = consenting(session, study_ids) if sites else []
    if not wanted:
        return 0
    rows = [
        {
            "study_id": one.study_id, "contact_id": one.contact.id, "state": WAITING, "tries": 0,
            "due_at": sites[one.site_id].settings.due_at(now),
        }
        for one in judge(session, sites, wanted)
        if one.contact is not None
    ]  # fmt: skip
    if not rows:
        return 0
    connection = session.connection()
    unless_there = insert_unless_there(connection.dialect.name, NOTICE.name)
    return len(connection.execute(unless_there.returning(NOTICE.c.id), rows).all())


def release(session: Session, now: datetime, limit: int = AT_A_TIME) -> Released:
    """Put what is due into the outbox, in the caller's write transaction; several processes may.

    What became due outside of working hours (a process that stood still, a clock that stepped) waits for the next.
    """
    row = NOTICE.c
    due = select(row.id, row.study_id).where(row.state == WAITING, row.due_at <= now).order_by(row.due_at, row.id)
    found = session.execute(due.limit(limit).with_for_update(skip_locked=True)).all()
    sites = active_settings(session) if found else {}
    verdicts = {one.study_id: one for one in judge(session, sites, [one.study_id for one in found])}
    queued = withdrawn = 0
    for one in found:
        verdict = verdicts[one.study_id]
        if verdict.contact is None:
            _set(session, one.id, state=WITHDRAWN, why=verdict.why)
            withdrawn += 1
        elif (leaves := sites[verdict.site_id].settings.leaves_at(now)) > now:
            _set(session, one.id, due_at=leaves)
        elif _queue(session, one.id, verdict, sites[verdict.site_id], now):
            queued += 1
        else:
            _set(session, one.id, state=WITHDRAWN, why=TOLD)
            withdrawn += 1
    return Released(queued, withdrawn)


def _queue(session: Session, notice_id: int, verdict: Verdict, site: SavedSettings, now: datetime) -> bool:
    """Whether the study was not told of before, and now will be."""
    assert verdict.contact is not None
    if _told_together(session, verdict.study_instance_uid):
        return False
    key = f"patient:{verdict.study_instance_uid}"
    said = Notice(
        key, PATIENT, verdict.channel(site.settings), verdict.contact.language, "patient", {"notice": notice_id},
        patient_notice_id=notice_id, priority=_PRIORITY,
    )  # fmt: skip
    if not enqueue(session.connection(), [said], now):
        return False
    reference = session.execute(select(OUTBOX.c.reference).where(OUTBOX.c.dedup_key == key)).scalar_one()
    kept = code.kept(secret_of(reference), now, VALID_FOR)
    hashes = {"token_hash": bytes.fromhex(kept.token_hash), "code_hash": bytes.fromhex(kept.code_hash)}
    _set(session, notice_id, state=QUEUED, queued_at=now, contact_id=verdict.contact.id, **hashes)
    return True


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a message to a patient must not go now; `until` (UTC) None: a person must look, else it goes then."""

    reason: str
    until: datetime | None = None


def hindrance(session: Session, notification_id: int, now: datetime) -> Hindrance | None:
    """What stands in the way of a message of the outbox as it is about to be sent; None: nothing that is seen here.

    Hours may have ended while a channel rested or was paused; a study may have turned out to be a phantom's or one that
    the site calls sensitive; a date of birth may have been corrected, so that another person is to be told.
    """
    wanted = select(Study.id, PatientContact.kind).join_from(
        OUTBOX, PatientNotice, PatientNotice.id == OUTBOX.c.patient_notice_id
    )
    wanted = wanted.join(Study, Study.id == PatientNotice.study_id)
    wanted = wanted.join(PatientContact, PatientContact.id == PatientNotice.contact_id)
    row = session.execute(wanted.where(OUTBOX.c.id == notification_id)).first()
    if row is None:
        return None
    sites = active_settings(session)
    (verdict,) = judge(session, sites, [row.id])
    if verdict.why in _LATE:
        return Hindrance(verdict.why)
    if verdict.contact is not None and verdict.contact.kind != row.kind:
        return Hindrance(CONTACT_GONE)
    leaves = sites[verdict.site_id].settings.leaves_at(now) if verdict.site_id in sites else now
    return Hindrance(OUTSIDE_HOURS, leaves) if leaves > now else None


def _told_together(session: Session, study_instance_uid: str) -> bool:
    others = [f"patient:{uid}" for uid in merged_into(session, study_instance_uid)]
    return session.execute(select(OUTBOX.c.id).where(OUTBOX.c.dedup_key.in_(others)).limit(1)).first() is not None


def _set(session: Session, notice_id: int, **values: Any) -> None:  # noqa: ANN401 - columns
    session.execute(update(NOTICE).where(NOTICE.c.id == notice_id).values(values))


def secret_of(reference: str) -> code.Secret:
    """Link token and code of a notification; only who holds the site's key can make them."""
    return code.derived(keys().index(reference, "patient_notice.link"))


def filled(session: Session, notification_id: int, public_url: str, *, replies: bool = False) -> Filled:
    """The text of a notification to a patient, the same each time while template and study stay as they are.

    Parameters
    ----------
    public_url
        Where patients reach the web app, without a trailing slash (`Settings.public_url`).
    replies
        Whether an answer STOP is heard, so that the text may say so.

    Raises
    ------
    NothingToTell
        Notice, study or contact is gone.
    WrongTemplate
        A field of the text has no value at this site.
    """
    columns = (OUTBOX.c.reference, OUTBOX.c.language, OUTBOX.c.channel, PatientContact.id, PatientContact.consent_at)
    wanted = select(*columns, Study.id.label("study_id"), Study.site_id, Study.study_date).join_from(
        OUTBOX, PatientNotice, PatientNotice.id == OUTBOX.c.patient_notice_id
    )
    wanted = wanted.join(Study, Study.id == PatientNotice.study_id)
    wanted = wanted.join(PatientContact, PatientContact.id == PatientNotice.contact_id)
    row = session.execute(wanted.where(OUTBOX.c.id == notification_id)).first()
    site = settings_of(session, row.site_id) if row is not None else None
    if row is None or site is None:
        raise NothingToTell("gone")
    values = _values(session, row, site, public_url)
    template = in_force(session, site, row.language, row.channel, replies=replies)
    if "dose" in fields_of(template.text) and not values["dose"]:
        template = default(row.language, row.channel)  # nothing was reported that could be stated
    return fill(template, values)


def _values(session: Session, row: Row[Any], site: SavedSettings, public_url: str) -> dict[str, str]:
    secret = secret_of(row.reference)
    return {
        "site": site.site,
        "link": f"{public_url}/d/{secret.token}",
        "code": secret.code,
        "date": row.study_date.isoformat() if row.study_date else "–",
        "phone": site.settings.contact or site.site,
        "stop": f"{public_url}/s/{stop_token(row.id, row.consent_at)}",
        "dose": as_text(*reported(session, row.study_id)) if site.settings.state_doses else "",
    }
