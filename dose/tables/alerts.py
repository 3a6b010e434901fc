"""Rules that doses are held against, what crossed them, who works on it, and who is told; the outbox is `notices`.

A rule is never edited: a change retires its row and adds one with the same `key`. What crossed a rule is one `alert` a
(rule key, subject), in the transaction of the dose. Whoever must hear of it is a row of `notification` in that same
transaction; `dose.store.outbox` says how such a row becomes a message, once.

Examinations and events are named by their UIDs in `subject`, because rows of events are made anew when objects are read
again and row ids may be given twice; `study_id` is the way to the page, None once that study is gone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dose.crypto import EncryptedText
from dose.tables.base import ID, Base

_IN_FORCE = text("retired_at IS NULL")
_PRESSING = text("state IN ('new', 'work') AND (severity = 'act' OR at_once)")


class AlertRule(Base):
    """A condition with its citation, where it holds and how loud it is; place, modality or procedure None: any."""

    __tablename__ = "alert_rule"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(36))  # the same for all versions of one rule
    kind: Mapped[str] = mapped_column(String(20))  # of dose.alerts
    name: Mapped[str] = mapped_column(String(160))
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as its kind reads them
    citation: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(8))  # info | watch | act
    at_once: Mapped[bool] = mapped_column(default=False)  # bypasses budget, digest and quiet hours
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    modality: Mapped[str | None] = mapped_column(String(16))
    procedure_id: Mapped[int | None] = mapped_column(ForeignKey("procedure.id"))
    budget_per_week: Mapped[int | None]  # messages a recipient; None: no limit
    origin: Mapped[str] = mapped_column(String(12))  # shipped | typed
    active: Mapped[bool]  # shipped rows with unconfirmed values are off until a person confirms them
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("alert_rule.id", ondelete="SET NULL"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    retired_at: Mapped[datetime | None]  # None: in force
    retired_by: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (
        Index("ix_alert_rule_in_force", "retired_at", "active"),
        Index("ix_alert_rule_key", "key", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE),
    )


class AlertCause(Base):
    """A cause of the library; closed alerts add to `uses`."""

    __tablename__ = "alert_cause"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    names: Mapped[dict[str, Any]]  # {"en", "fr", "ar"}
    kind: Mapped[str] = mapped_column(String(20))  # patient | technique | equipment | name | record | other
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    uses: Mapped[int] = mapped_column(default=0)
    one_click: Mapped[bool] = mapped_column(default=False)  # offered to who was there
    version: Mapped[int] = mapped_column(default=1)  # of the row: who changes an old one is told
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))  # "shipped": nobody has touched it yet


class AlertMacro(Base):
    """A sentence that people put into their comments with one click."""

    __tablename__ = "alert_macro"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    texts: Mapped[dict[str, Any]]  # {"en", "fr", "ar"}
    cause_id: Mapped[int | None] = mapped_column(ForeignKey("alert_cause.id", ondelete="SET NULL"))
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)  # of the row: who changes an old one is told
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))  # "shipped": nobody has touched it yet


class Criterion(Base):
    """When an authority wants to hear of an exposure: editable data with its citation, off until confirmed."""

    __tablename__ = "alert_criterion"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    jurisdiction: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(40))
    names: Mapped[dict[str, Any]]  # {"en", "fr", "ar"}
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    citation: Mapped[str] = mapped_column(Text)
    verified: Mapped[str] = mapped_column(String(40))  # two sources | one source | unconfirmed … | here
    active: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)  # of the row: who changes an old one is told
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))  # "shipped": nobody has touched it yet
    __table_args__ = (UniqueConstraint("jurisdiction", "key"),)


class AlertSetting(Base):
    """What people set about alerts: budgets of roles, plans of follow-up. None in force: as shipped.

    A row is never edited: a change retires it and adds one with the same `key`.
    """

    __tablename__ = "alert_setting"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(60))  # budget:<role> | follow-up | follow-up:<site id>
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    citation: Mapped[str] = mapped_column(Text)  # where it comes from, or why
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    retired_at: Mapped[datetime | None]  # None: in force
    retired_by: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (
        Index("ix_alert_setting_key", "key", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE),
        Index("ix_alert_setting_history", "key", "id"),
    )


class Alert(Base):
    """A crossing, from the transaction of its dose until somebody closed it."""

    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    # The version that was crossed; None once a demonstration was removed with its rules
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("alert_rule.id", ondelete="SET NULL"), index=True)
    rule_key: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(8))
    at_once: Mapped[bool] = mapped_column(default=False)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="SET NULL"), index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id", ondelete="SET NULL"), index=True)
    # study:<uid> | event:<event key>:<plane> | patient:<id>:<YYYY-MM> | device:<id>:<day> | system:<what>
    subject: Mapped[str] = mapped_column(String(120))
    code: Mapped[str] = mapped_column(String(40))  # what happened, of dose.alerts
    column: Mapped[str | None] = mapped_column(String(40))  # of dose.quantities; None: nothing was measured
    modality: Mapped[str | None] = mapped_column(String(16))
    value: Mapped[float | None]  # canonical unit of the column
    threshold: Mapped[float | None]  # same unit
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    held_back: Mapped[bool] = mapped_column(default=False)  # a comparison that depends on a doubtful name
    state: Mapped[str] = mapped_column(String(10), default="new")  # new | work | closed | withdrawn
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("app_user.id", ondelete="SET NULL"))
    due_on: Mapped[date | None]
    cause_id: Mapped[int | None] = mapped_column(ForeignKey("alert_cause.id"))
    reportable: Mapped[bool | None]  # None: nobody has judged yet
    reason_code: Mapped[str | None] = mapped_column(String(40))  # the radiographer's one click
    is_demo: Mapped[bool] = mapped_column(default=False)
    day: Mapped[int]  # of the examination or the finding, YYYYMMDD
    raised_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(BigInteger, default=0, index=True)  # see dose.store.version
    __table_args__ = (
        UniqueConstraint("rule_key", "subject"),
        Index("ix_alert_work", "state", "due_on", "id"),
        Index("ix_alert_state", "state", "id"),
        Index("ix_alert_assigned", "assigned_to", "state", "id"),
        Index("ix_alert_site", "site_id", "state", "id"),
        Index("ix_alert_kind", "kind", "state", "id"),
        Index("ix_alert_device", "device_id", "day"),
        Index("ix_alert_day", "day", "id"),
        Index("ix_alert_pressing", "state", "site_id", "id", sqlite_where=_PRESSING, postgresql_where=_PRESSING),
    )


class AlertStep(Base):
    """One step of an alert's history, as people read it; the audit gets ids only."""

    __tablename__ = "alert_step"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(20))  # raised | changed | withdrawn | assigned | comment | closed | …
    text: Mapped[str | None] = mapped_column(EncryptedText("alert_step.text"))  # free text may name people
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class FollowUp(Base):
    """What is owed to a patient after a high skin dose: a letter, a call on a set day, a visit."""

    __tablename__ = "follow_up"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # letter | call | visit
    due_on: Mapped[date]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(255))
    outcome: Mapped[str | None] = mapped_column(EncryptedText("follow_up.outcome"))  # free text may name people
    __table_args__ = (Index("ix_follow_up_due", "done_at", "due_on"),)


class Recipient(Base):
    """A colleague who is told; an account of ours or not."""

    __tablename__ = "recipient"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(String(160))
    email: Mapped[str | None] = mapped_column(EncryptedText("recipient.email"))
    phone: Mapped[str | None] = mapped_column(EncryptedText("recipient.phone"))  # E.164
    language: Mapped[str] = mapped_column(String(5), default="en")
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # None: every site
    active: Mapped[bool] = mapped_column(default=True)
    quiet_from: Mapped[int | None]  # minutes after local midnight; None: no quiet hours
    quiet_to: Mapped[int | None]
    bounced_at: Mapped[datetime | None]  # its mail came back: no more mail until the address changes
    bounce_reason: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)  # of the row: who changes an old one is told
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class RecipientGroup(Base):
    """People who are told together: *physicists*, *rooms of cardiology*."""

    __tablename__ = "recipient_group"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(160), unique=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # None: every site


class RecipientMember(Base):
    """A recipient of a group."""

    __tablename__ = "recipient_member"
    group_id: Mapped[int] = mapped_column(ForeignKey("recipient_group.id", ondelete="CASCADE"), primary_key=True)
    recipient_id: Mapped[int] = mapped_column(
        ForeignKey("recipient.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Route(Base):
    """Which group hears of which alerts, and how. Kind and site None: of all."""

    __tablename__ = "alert_route"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    severity: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str | None] = mapped_column(String(20))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("recipient_group.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(8))  # email | sms | banner
    mode: Mapped[str] = mapped_column(String(8))  # at_once | digest
    active: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]  # since then what only it leads to waits
    paused_by: Mapped[str | None] = mapped_column(String(255))


class PatientContact(Base):
    """Where a patient, or who stands for a child, may be told, with the consent that was recorded."""

    __tablename__ = "patient_contact"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # self | guardian
    phone: Mapped[str | None] = mapped_column(EncryptedText("patient_contact.phone"))  # E.164
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)  # for who answers STOP
    email: Mapped[str | None] = mapped_column(EncryptedText("patient_contact.email"))
    language: Mapped[str] = mapped_column(String(5), default="en")
    consent_at: Mapped[datetime]
    consent_by: Mapped[str] = mapped_column(String(255))
    consent_how: Mapped[str] = mapped_column(String(12))  # written | spoken | online
    withdrawn_at: Mapped[datetime | None]
    withdrawn_how: Mapped[str | None] = mapped_column(String(12))  # link | reply | person | replaced
    withdrawn_by: Mapped[str | None] = mapped_column(String(255))  # of us; None: who was written to
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)  # of the link that withdraws


class PatientExclusion(Base):
    """Patients who are never written to; who is on the list is not forgotten with an import that is undone."""

    __tablename__ = "patient_exclusion"
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), primary_key=True)
    why: Mapped[str] = mapped_column(String(10), primary_key=True)  # deceased | opt-out | sensitive
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(255))


class NoticeTemplate(Base):
    """What a site writes to patients, checked before it is used; a change adds a version."""

    __tablename__ = "notice_template"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # None: every site
    key: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(5))
    channel: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(200), default="")  # of e-mail
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    active: Mapped[bool] = mapped_column(default=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    __table_args__ = (Index("ix_notice_template_key", "key", "language", "channel", "active"),)


class NoticeSetting(Base):
    """What a site writes to patients, and when; no row: it writes nothing. Minutes are of the wall clock there."""

    __tablename__ = "notice_setting"
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True, autoincrement=False)
    active: Mapped[bool] = mapped_column(default=False)
    delay_minutes: Mapped[int]  # from the study to its notice
    opens: Mapped[int]  # minutes after midnight, as `closes`: notices leave in between
    closes: Mapped[int]
    days: Mapped[list[Any]]  # Monday 0
    closed: Mapped[list[Any]] = mapped_column(default=list)  # holidays, ISO 8601
    time_zone: Mapped[str] = mapped_column(String(40))
    majority_years: Mapped[int]
    state_doses: Mapped[bool] = mapped_column(default=False)  # whether a notice may state the reported doses
    first_channel: Mapped[str] = mapped_column(String(8))  # where a contact has both: sms | email
    country: Mapped[str | None] = mapped_column(String(2))  # ISO 3166, of numbers typed without one
    contact: Mapped[str] = mapped_column(String(160))  # whom patients may ask
    sensitive_words: Mapped[list[Any]] = mapped_column(default=list)  # of examinations never written about
    sensitive_departments: Mapped[list[Any]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column(default=1)  # of the row: who changes an old one is told
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class PatientNotice(Base):
    """The one notice that a study may give rise to, and whether its document was opened."""

    __tablename__ = "patient_notice"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), unique=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("patient_contact.id", ondelete="SET NULL"), index=True)
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting | queued | opened | withdrawn
    why: Mapped[str | None] = mapped_column(String(20))  # it was withdrawn
    queued_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)  # wrong codes since it was opened last
    locked_until: Mapped[datetime | None]
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    opened_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_patient_notice_due", "state", "due_at"),)
