"""What people say against what devices sent: corrections, typed and imported doses, and what is no patient.

Each row says who and when, is never deleted, and can be undone; objects are referred to by their UIDs, because rows
of `study` and `irradiation_event` may be made anew when objects are read again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dose.crypto import EncryptedText
from dose.tables.base import ID, Base


class Correction(Base):
    """One thing a person set right. `kind` and what it uses:

    * `assign_study`: the study belongs to `patient_id` (`former_patient_id` before).
    * `assign_event`: one event (key, plane) belongs to `target_study_instance_uid`.
    * `merge_patients`: `former_patient_id` is the same person as `patient_id`; `split_patient`: the study leaves a
      patient two people share, for `patient_id`.
    * `merge_studies`: the study's events count in `target_study_instance_uid`.
    * `not_same`: the study and `target_study_instance_uid` are two examinations, however alike.
    * `set_size`: `values` = {"height_m", "weight_kg"}.
    * `set_is_patient`: `values` = {"is_patient"}.
    """

    __tablename__ = "correction"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(20))
    study_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    event_key: Mapped[str | None] = mapped_column(String(64))
    plane: Mapped[str | None] = mapped_column(String(8))
    target_study_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    former_patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    former: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what `values` replaced
    batch_id: Mapped[int | None] = mapped_column(ID, index=True)  # the first of those made, and undone, in one step
    typed: Mapped[str | None] = mapped_column(EncryptedText("correction.typed"))  # JSON: a new patient's identity
    reason: Mapped[str | None] = mapped_column(EncryptedText("correction.reason"))  # free text may name people
    made_at: Mapped[datetime] = mapped_column(index=True)
    made_by_id: Mapped[int | None]
    made_by: Mapped[str] = mapped_column(String(255))
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(255))


class NotPatientPattern(Base):
    """A whole word (`*` for any letters) that marks a phantom or a test when it stands in one of `fields`.

    A study is no patient when patterns match in at least two different fields: one word alone may be a name.
    """

    __tablename__ = "not_patient_pattern"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    pattern: Mapped[str] = mapped_column(String(80))
    fields: Mapped[list[Any]]  # of: patient_id, name, description, protocol, accession_number, comment
    active: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))
    __table_args__ = (UniqueConstraint("pattern"),)


class ImportBatch(Base):
    """One file of former doses that was imported, or one typed study.

    `state` is draft (uploaded) | importing | done | undone; `done_count` counts the studies written so far, so that
    an import that was interrupted shows where it stood. The file itself is kept under its hash in `kept_object`.
    """

    __tablename__ = "import_batch"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(12))  # typed | csv | xlsx | openrem
    file_name: Mapped[str | None] = mapped_column(EncryptedText("import_batch.file_name"))  # may name a person
    file_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    row_count: Mapped[int] = mapped_column(default=0)
    accepted_count: Mapped[int] = mapped_column(default=0)
    refused: Mapped[list[Any]] = mapped_column(default=list)  # [{row, column, code}], never a value
    state: Mapped[str] = mapped_column(String(12), default="done")
    done_count: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(255))


class ImportMapping(Base):
    """How the columns of one kind of file are read, as a site saved it under a name."""

    __tablename__ = "import_mapping"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(String(80))
    mapping: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))
    __table_args__ = (UniqueConstraint("site_id", "name"),)


class QcSample(Base):
    """One value chosen at random from a device's month, to be compared with what its console showed.

    References: ESR EuroSafe Imaging recommendations on dose management systems (quality control of transferred data).
    """

    __tablename__ = "qc_sample"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    month: Mapped[date]  # its first day
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    column: Mapped[str] = mapped_column(String(40))  # of dose.quantities, or a total of `study`
    ours: Mapped[float | None]  # canonical unit, as it was when the sample was drawn
    console: Mapped[float | None]  # canonical unit
    console_text: Mapped[str | None] = mapped_column(String(20))  # as typed, in the unit shown: says how it was rounded
    entered_at: Mapped[datetime | None]
    entered_by: Mapped[str | None] = mapped_column(String(255))
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None] = mapped_column(String(255))
    comment: Mapped[str | None] = mapped_column(EncryptedText("qc_sample.comment"))
    # JSON: what was signed before it was opened again, [{console, console_text, comment, signed_at, signed_by, …}]
    history: Mapped[str | None] = mapped_column(EncryptedText("qc_sample.history"))
    drawn_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("device_id", "month", "study_instance_uid", "column"),
        Index("ix_qc_sample_month", "month", "device_id"),
    )


class QcPlan(Base):
    """How samples are drawn and judged from `changed_at` on; the newest row is in force, the others are its history."""

    __tablename__ = "qc_plan"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    sample_size: Mapped[int]  # studies a device and month
    tolerance: Mapped[float]  # relative deviation that is still agreement
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))
