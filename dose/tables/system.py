"""What the system itself needs to remember: images in Orthanc, work to do, processes, accounts, the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Mapped, mapped_column

from dose.tables.base import ID, Base


class ImageSeries(Base):
    """A series of images in Orthanc that belongs to a study with dose, or to one that may get it."""

    __tablename__ = "image_series"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    orthanc_study_id: Mapped[str] = mapped_column(String(44))
    orthanc_series_id: Mapped[str] = mapped_column(String(44), unique=True)
    modality: Mapped[str | None] = mapped_column(String(16))
    series_number: Mapped[int | None]
    description: Mapped[str | None] = mapped_column(String(200))
    protocol: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[str | None] = mapped_column(String(26))
    instance_count: Mapped[int] = mapped_column(default=0)
    read_count: Mapped[int] = mapped_column(default=0)  # images read for dose, or queued to be; 0 where none are read
    preview_instance_ids: Mapped[list[Any]] = mapped_column(default=list)  # Orthanc ids: first, middle, last
    irradiation_event_uids: Mapped[list[Any]] = mapped_column(default=list)
    present: Mapped[bool] = mapped_column(default=True)  # False once Orthanc no longer holds it
    seen_at: Mapped[datetime]


class IngestItem(Base):
    """Something in Orthanc still to be read."""

    __tablename__ = "ingest_item"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    node: Mapped[str] = mapped_column(String(60), default="orthanc")
    level: Mapped[str] = mapped_column(String(10))  # instance | series (to register) | bundle (to read) | origin
    orthanc_id: Mapped[str] = mapped_column(String(44))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    priority: Mapped[int]  # 0 arrival, 1 retry by a person, 2 reconciliation, 3 back-fill
    sort_key: Mapped[str] = mapped_column(String(40), default="")  # within a priority, higher first
    state: Mapped[str] = mapped_column(String(10), default="pending")  # pending | dead
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(200))
    queued_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("node", "level", "orthanc_id"),
        Index("ix_ingest_item_next", "state", "priority", "sort_key", "id"),
    )


class Cursor(Base):
    """How far a numbered log has been read."""

    __tablename__ = "cursor"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updated_at: Mapped[datetime]


class ProcessState(Base):
    """The last words of a process: heart-beat, back-fill progress, gaps found, why it stands still."""

    __tablename__ = "process_state"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(JSON), default=dict)
    updated_at: Mapped[datetime]


class RefusedPeer(Base):
    """A DICOM application entity that Orthanc turned away, until somebody admits it."""

    __tablename__ = "refused_peer"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    aet: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    times: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    admitted_at: Mapped[datetime | None]
    admitted_by: Mapped[str | None] = mapped_column(String(120))
    __table_args__ = (UniqueConstraint("aet", "address"),)


class AppUser(Base):
    """An account. Column names are those Flask-Security expects."""

    __tablename__ = "app_user"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    username: Mapped[str | None] = mapped_column(String(120), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    current_login_at: Mapped[datetime | None]
    last_login_ip: Mapped[str | None] = mapped_column(String(64))
    current_login_ip: Mapped[str | None] = mapped_column(String(64))
    login_count: Mapped[int | None] = mapped_column(default=0)
    failed_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    mf_recovery_codes: Mapped[list[Any] | None] = mapped_column(JSON)
    language: Mapped[str | None] = mapped_column(String(5))
    theme: Mapped[str | None] = mapped_column(String(10))
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class UserRole(Base):
    """A role granted to an account; names are `dose.scope.Role`."""

    __tablename__ = "user_role"
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(40), primary_key=True)


class UserSite(Base):
    """A site an account is limited to; no row means all sites."""

    __tablename__ = "user_site"
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"), primary_key=True)


class AuditEntry(Base):
    """One line per patient view, change, export and sign-in. Never updated, never deleted by us."""

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[int | None]  # no foreign key: the line outlives the account
    user_name: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(20))  # patient | study | user | peer | object | …
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    patient_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)  # row ids and UIDs only
    address: Mapped[str | None] = mapped_column(String(64))
