"""Reference levels with their history, saved views, and records that somebody signed.

A level is never edited: a change retires its row and adds one that says what it replaces, so a chart of last year
still finds the version that applied then.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dose.tables.base import ID, Base


class ReferenceSet(Base):
    """A published table, or levels made here, with its citation and the time in which it applies.

    References: ICRP Publication 135 (2017), sections 2 and 4.
    """

    __tablename__ = "reference_set"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(12))  # national | regional | local | typical | trigger
    authority: Mapped[str | None] = mapped_column(String(160))
    edition: Mapped[str | None] = mapped_column(String(40))
    citation: Mapped[str] = mapped_column(Text)
    superseded_by: Mapped[str | None] = mapped_column(String(160))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # None: every site
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    active: Mapped[bool] = mapped_column(default=False)  # compared with; shipped sets are off until chosen
    priority: Mapped[int] = mapped_column(default=0)  # which set a comparison takes first
    origin: Mapped[str] = mapped_column(String(12))  # shipped | made | typed | csv
    made_of: Mapped[dict[str, Any]] = mapped_column(default=dict)  # levels made here: period, rooms, n, exclusions
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class ReferenceLevel(Base):
    """A value with its quantity, unit, what it is compared with (event, series or study), phantom and population."""

    __tablename__ = "reference_level"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    set_id: Mapped[int] = mapped_column(ForeignKey("reference_set.id", ondelete="CASCADE"))
    row_key: Mapped[str] = mapped_column(String(64))  # the same for all versions of one row
    procedure_id: Mapped[int | None] = mapped_column(ForeignKey("procedure.id"), index=True)
    procedure_text: Mapped[str] = mapped_column(String(200))  # as printed
    modality: Mapped[str] = mapped_column(String(16))
    column: Mapped[str] = mapped_column(String(40))  # of dose.quantities
    level: Mapped[str] = mapped_column(String(8))  # event | series | study
    phantom: Mapped[int | None]  # 16, 32 cm for CTDIvol and DLP
    value: Mapped[float]  # canonical unit of the column
    printed: Mapped[str] = mapped_column(String(60))  # value and unit as printed
    statistic: Mapped[str] = mapped_column(String(12))  # drl (75th percentile of medians) | typical | trigger
    population: Mapped[str] = mapped_column(String(80))  # as printed
    age_from_years: Mapped[float | None]
    age_to_years: Mapped[float | None]  # below
    weight_from_kg: Mapped[float | None]
    weight_to_kg: Mapped[float | None]
    sex: Mapped[str | None] = mapped_column(String(1))
    thickness_from_mm: Mapped[float | None]  # compressed breast
    thickness_to_mm: Mapped[float | None]
    complexity: Mapped[str | None] = mapped_column(String(20))
    sample_count: Mapped[int | None]  # patients it was made of
    room_count: Mapped[int | None]
    citation: Mapped[str] = mapped_column(Text)
    verified: Mapped[str] = mapped_column(String(40))  # two sources | one source | unconfirmed …| here
    active: Mapped[bool]  # unconfirmed rows are off until a person confirms them
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(String(255))
    note: Mapped[str | None] = mapped_column(Text)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("reference_level.id"))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    retired_at: Mapped[datetime | None]  # None: in force
    retired_by: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (Index("ix_reference_level_set", "set_id", "retired_at"),)


class SavedView(Base):
    """A page with its filters under a name; `address` is sealed where it may name a patient."""

    __tablename__ = "saved_view"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(Text)
    shared: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("user_id", "name"),)


class SignedRecord(Base):
    """What somebody looked at and signed, frozen: a yearly comparison, before and after a change, levels made here."""

    __tablename__ = "signed_record"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(20))  # yearly | before-after | local-levels
    title: Mapped[str] = mapped_column(String(160))
    content: Mapped[dict[str, Any]]  # numbers, periods, versions of the levels that applied; no patient
    content_sha256: Mapped[str] = mapped_column(String(64))  # of all that was signed: dose.store.sealing
    comment: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (Index("ix_signed_record_kind", "kind", "made_at"),)
