"""Who was irradiated where, by what and how much, and which object says so: one column per quantity, unit in its name.

Times called `*_at` are UTC unless the comment says local; `started_at` is local to the device, as sent.

How rows stay the same whatever the order of arrival
----------------------------------------------------
* `source_object.rank` orders the objects that speak about the same thing (see `dose.store.rank`).
* `study`, `patient`, `device`: each field is set by the highest-ranked object that states it; `ranks` remembers
  which ({rank: [fields]}). That is a last-writer-wins register per field: merging is commutative and idempotent.
* A *correction* by a person (`dose.tables.corrections`) outranks every object and is laid down again after re-reading.
* `irradiation_event`: all rows of one (study, event key, plane) belong to the highest-ranked object that covers it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dose.crypto import EncryptedBlob, EncryptedText
from dose.tables.base import ID, Base


class Site(Base):
    """A hospital or department with its own Orthanc."""

    __tablename__ = "site"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)


class Device(Base):
    """Equipment that irradiates: manufacturer + model + serial number + station (`device_key` is their hash)."""

    __tablename__ = "device"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    device_key: Mapped[str] = mapped_column(String(40))
    manufacturer: Mapped[str | None] = mapped_column(String(120))
    model: Mapped[str | None] = mapped_column(String(120))
    serial_number: Mapped[str | None] = mapped_column(String(120))
    station_name: Mapped[str | None] = mapped_column(String(120))
    institution: Mapped[str | None] = mapped_column(String(200))
    department: Mapped[str | None] = mapped_column(String(200))
    software: Mapped[str | None] = mapped_column(String(400))
    display_name: Mapped[str | None] = mapped_column(String(120))
    modality: Mapped[str | None] = mapped_column(String(16))
    is_demo: Mapped[bool] = mapped_column(default=False)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    ranks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (UniqueConstraint("site_id", "device_key"),)


class Patient(Base):
    """A person; every identifying column is encrypted and found through keyed indexes."""

    __tablename__ = "patient"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    id_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    patient_id: Mapped[str | None] = mapped_column(EncryptedText("patient.patient_id"))
    issuer: Mapped[str | None] = mapped_column(String(120))
    name: Mapped[str | None] = mapped_column(EncryptedText("patient.name"))
    birth_date: Mapped[str | None] = mapped_column(EncryptedText("patient.birth_date"))
    sex: Mapped[str | None] = mapped_column(String(1))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))  # the same person under another id
    is_demo: Mapped[bool] = mapped_column(default=False)
    ranks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (
        UniqueConstraint("site_id", "id_index"),
        Index(
            "ix_patient_merged_into",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )


class PatientToken(Base):
    """Keyed index of each word of a patient's name and of its prefixes."""

    __tablename__ = "patient_token"
    token: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)


class Study(Base):
    """A DICOM study with dose. Totals are denormalised so that a list of a million stays one index scan.

    `*_sum` add up the counted events, `*_reported` are what the devices' reports state.
    """

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    orthanc_study_id: Mapped[str | None] = mapped_column(String(44), index=True)
    accession_number: Mapped[str | None] = mapped_column(EncryptedText("study.accession_number"))
    accession_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    named_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)  # of the Patient ID objects state
    study_date: Mapped[date | None] = mapped_column(index=True)
    started_at: Mapped[str | None] = mapped_column(String(26))  # local, ISO 8601, as sent
    description: Mapped[str | None] = mapped_column(String(200))
    protocols: Mapped[str | None] = mapped_column(Text)  # distinct protocol names of the events, one a line
    modality: Mapped[str | None] = mapped_column(String(16))
    age_years: Mapped[float | None]
    height_m: Mapped[float | None]
    weight_kg: Mapped[float | None]
    pregnancy_status: Mapped[str | None] = mapped_column(String(20))
    procedure_code: Mapped[str | None] = mapped_column(String(64))  # as sent, performed before requested
    procedure_scheme: Mapped[str | None] = mapped_column(String(64))
    procedure_meaning: Mapped[str | None] = mapped_column(String(200))
    requested_procedure: Mapped[str | None] = mapped_column(String(200))
    clinical_task: Mapped[str | None] = mapped_column(String(200))  # of an intervention: intent, reason
    people: Mapped[str | None] = mapped_column(EncryptedText("study.people"))  # JSON, where the site keeps operators
    is_patient: Mapped[bool] = mapped_column(default=True)  # False: a phantom or a test, kept out of statistics
    not_patient_reason: Mapped[str | None] = mapped_column(String(200))  # the patterns that matched, or who said so
    not_patient_since: Mapped[datetime | None]  # when it was first judged so
    event_count: Mapped[int] = mapped_column(default=0)
    ctdi_vol_max_mgy: Mapped[float | None]
    dlp_sum_mgy_cm: Mapped[float | None]
    dlp_reported_mgy_cm: Mapped[float | None]
    pka_sum_gy_cm2: Mapped[float | None]
    pka_reported_gy_cm2: Mapped[float | None]
    ka_r_sum_mgy: Mapped[float | None]
    ka_r_reported_mgy: Mapped[float | None]
    agd_sum_mgy: Mapped[float | None]  # over both breasts; per breast in the events
    agd_reported_mgy: Mapped[float | None]
    agd_max_breast_mgy: Mapped[float | None]
    fluoro_time_s: Mapped[float | None]
    activity_sum_mbq: Mapped[float | None]
    effective_dose_reported_msv: Mapped[float | None]  # as stated by reports of nuclear medicine, never calculated
    state: Mapped[str] = mapped_column(String(16), default="ok")  # ok | notes
    notes: Mapped[list[Any]] = mapped_column(default=list)  # [{code, text}] merged over live sources
    is_demo: Mapped[bool] = mapped_column(default=False)
    listed_at: Mapped[int] = mapped_column(BigInteger)  # local start (else arrival) as YYYYMMDDhhmmss: order of lists
    first_seen_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger, default=0, index=True)  # see dose.store.version
    ranks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Corrections by people (dose.store.overrides): what objects say where a person said otherwise, by column; whose
    # study a person says it is; whether a person moved events into it or out of it
    objects_say: Mapped[dict[str, Any]] = mapped_column(default=dict)
    assigned_patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    regrouped: Mapped[bool] = mapped_column(default=False)
    # Of a typed or imported study: the one that describes the same examination better and counts instead; None: it
    # counts itself. As `is_patient` False, it is out of default lists and of every statistic (dose.store.meeting)
    covered_by_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="SET NULL"))
    patient: Mapped[Patient] = relationship(foreign_keys="Study.patient_id")
    device: Mapped[Device | None] = relationship()
    __table_args__ = (
        Index(
            "ix_study_covered_by",
            "covered_by_id",
            sqlite_where=text("covered_by_id IS NOT NULL"),
            postgresql_where=text("covered_by_id IS NOT NULL"),
        ),
        Index("ix_study_patient_recent", "patient_id", "listed_at"),
        Index("ix_study_recent", "listed_at", "id"),
        Index("ix_study_site_recent", "site_id", "listed_at", "id"),
        Index("ix_study_device_recent", "device_id", "listed_at", "id"),
        Index("ix_study_modality_recent", "modality", "listed_at", "id"),
        Index("ix_study_patients_recent", "is_patient", "listed_at", "id"),
        # The few with notes, which lists and the page of quality ask for
        Index(
            "ix_study_noted",
            "listed_at",
            "id",
            sqlite_where=text("state = 'notes'"),
            postgresql_where=text("state = 'notes'"),
        ),
        # Sorting by a dose puts studies without one last; `coalesce` says so in a form both databases can index.
        Index("ix_study_ctdi_vol", text("coalesce(ctdi_vol_max_mgy, -1)"), "id"),
        Index("ix_study_dlp", text("coalesce(dlp_sum_mgy_cm, -1)"), "id"),
        Index("ix_study_pka", text("coalesce(pka_sum_gy_cm2, -1)"), "id"),
        Index("ix_study_ka_r", text("coalesce(ka_r_sum_mgy, -1)"), "id"),
        Index("ix_study_agd", text("coalesce(agd_sum_mgy, -1)"), "id"),
    )


class Counterpart(Base):
    """A typed or imported study beside one that is the same examination (`certain`), or may be: both count then."""

    __tablename__ = "counterpart"
    listed_study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, index=True)
    certain: Mapped[bool]


class StudyWord(Base):
    """Words of a study's description and protocols, and codes of its notes: finding them is an index scan anywhere."""

    __tablename__ = "study_word"
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), primary_key=True)
    # "d:" (description) or "p:" (protocol), then the word; or "w:" (note), then its code
    word: Mapped[str] = mapped_column(String(34, collation="C").with_variant(String(34), "sqlite"), primary_key=True)
    __table_args__ = (Index("ix_study_word_word", "word", "study_id"),)


class StudyHistory(Base):
    """What changed in a study when its objects were read again by a newer reader."""

    __tablename__ = "study_history"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    reader_version: Mapped[int]
    changes: Mapped[list[Any]]  # [{"what": "event 3", "field": "dlp_mgy_cm", "before": …, "after": …}]


class SourceObject(Base):
    """One DICOM object that spoke, or tried to speak, about dose."""

    __tablename__ = "source_object"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    object_key: Mapped[str] = mapped_column(String(71), unique=True)  # SOP Instance UID, or sha256:… when it has none
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64))
    sop_class_uid: Mapped[str | None] = mapped_column(String(64))
    series_instance_uid: Mapped[str | None] = mapped_column(String(64))
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)  # whom this object names
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    orthanc_id: Mapped[str | None] = mapped_column(String(44), index=True)
    kind: Mapped[str | None] = mapped_column(String(20))  # as DoseReport.source
    template: Mapped[str | None] = mapped_column(String(16))
    reader_version: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(12))  # ok | superseded | copy | rejected | not_dose
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    quirks: Mapped[list[Any]] = mapped_column(default=list)
    sender: Mapped[str | None] = mapped_column(String(200))  # of a refused object: maker, model, station as sent
    software: Mapped[str | None] = mapped_column(String(400))  # versions of who made it, one a line; None: not stated
    rank: Mapped[str | None] = mapped_column(String(200))
    event_count: Mapped[int] = mapped_column(default=0)
    event_keys: Mapped[list[Any] | None] = mapped_column(JSON)  # of its events with UID, where others know them better
    instance_count: Mapped[int] = mapped_column(default=1)  # images that spoke together, as a CT series
    # what this was made from inside Orthanc, by its name there: an anonymised copy (status copy) or a modification
    copied_from: Mapped[str | None] = mapped_column(String(44), index=True)
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    size_bytes: Mapped[int | None]
    content_sha256: Mapped[str | None] = mapped_column(String(64), index=True)  # of the data set without file meta
    report_sha256: Mapped[str | None] = mapped_column(String(64))  # of what it says, however it was encoded
    origin: Mapped[str] = mapped_column(String(12))  # orthanc | import | typed
    received_at: Mapped[datetime]
    read_at: Mapped[datetime]
    __table_args__ = (Index("ix_source_object_status", "status", "read_at"),)


class KeptObject(Base):
    """An accepted dose object as received, compressed and encrypted: doses outlive the images."""

    __tablename__ = "kept_object"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(EncryptedBlob("kept_object.content"))
    kept_at: Mapped[datetime]


class AccumulatedDose(Base):
    """Totals as reported by one source object for one plane or breast."""

    __tablename__ = "accumulated_dose"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    source_object_id: Mapped[int] = mapped_column(ForeignKey("source_object.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    plane: Mapped[str | None] = mapped_column(String(8))
    laterality: Mapped[str | None] = mapped_column(String(8))
    event_count: Mapped[int | None]
    frame_count: Mapped[int | None]
    dlp_mgy_cm: Mapped[float | None]
    pka_gy_cm2: Mapped[float | None]
    ka_r_mgy: Mapped[float | None]
    fluoro_pka_gy_cm2: Mapped[float | None]
    fluoro_ka_r_mgy: Mapped[float | None]
    fluoro_time_s: Mapped[float | None]
    acquisition_pka_gy_cm2: Mapped[float | None]
    acquisition_ka_r_mgy: Mapped[float | None]
    acquisition_time_s: Mapped[float | None]
    agd_mgy: Mapped[float | None]


class IrradiationEvent(Base):
    """One continuous exposure. Belongs to `study_id`; further studies that hold it stand in `event_study`.

    `event_key` is the Irradiation Event UID, or `~` + a hash of device, time, number and technique without one.
    `occurrence` tells apart different events to which one report gave the same UID and plane.
    """

    __tablename__ = "irradiation_event"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    source_object_id: Mapped[int] = mapped_column(ForeignKey("source_object.id", ondelete="CASCADE"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    event_key: Mapped[str] = mapped_column(String(64), index=True)
    plane: Mapped[str] = mapped_column(String(8), default="")
    occurrence: Mapped[int] = mapped_column(default=0)
    position: Mapped[int]  # order in its report
    irradiation_event_uid: Mapped[str | None] = mapped_column(String(64))
    event_type: Mapped[str | None] = mapped_column(String(30))
    started_at: Mapped[str | None] = mapped_column(String(26))  # local, ISO 8601, as sent
    protocol: Mapped[str | None] = mapped_column(String(200))
    target_region_code: Mapped[str | None] = mapped_column(String(32))
    target_region_scheme: Mapped[str | None] = mapped_column(String(16))
    target_region_meaning: Mapped[str | None] = mapped_column(String(120))
    laterality: Mapped[str | None] = mapped_column(String(8))
    comment: Mapped[str | None] = mapped_column(EncryptedText("irradiation_event.comment"))  # free text may name people
    ctdi_vol_mgy: Mapped[float | None]
    ctdi_phantom: Mapped[str | None] = mapped_column(String(12))
    dlp_mgy_cm: Mapped[float | None]
    ssde_mgy: Mapped[float | None]
    pka_gy_cm2: Mapped[float | None]
    ka_r_mgy: Mapped[float | None]
    ka_i_mgy: Mapped[float | None]
    ka_e_mgy: Mapped[float | None]
    agd_mgy: Mapped[float | None]
    fluoro_time_s: Mapped[float | None]
    irradiation_duration_s: Mapped[float | None]
    exposure_time_ms: Mapped[float | None]
    exposure_time_per_rotation_ms: Mapped[float | None]
    kvp_kv: Mapped[float | None]
    tube_current_ma: Mapped[float | None]
    max_tube_current_ma: Mapped[float | None]
    exposure_mas: Mapped[float | None]
    pulse_rate_hz: Mapped[float | None]
    number_of_pulses: Mapped[float | None]
    pulse_width_ms: Mapped[float | None]
    scanning_length_mm: Mapped[float | None]
    single_collimation_mm: Mapped[float | None]
    total_collimation_mm: Mapped[float | None]
    pitch: Mapped[float | None]
    scanning_top_z_mm: Mapped[float | None]
    scanning_bottom_z_mm: Mapped[float | None]
    positioner_primary_angle_deg: Mapped[float | None]
    positioner_secondary_angle_deg: Mapped[float | None]
    positioner_primary_end_angle_deg: Mapped[float | None]
    positioner_secondary_end_angle_deg: Mapped[float | None]
    table_longitudinal_mm: Mapped[float | None]
    table_lateral_mm: Mapped[float | None]
    table_height_mm: Mapped[float | None]
    table_longitudinal_end_mm: Mapped[float | None]
    table_lateral_end_mm: Mapped[float | None]
    table_height_end_mm: Mapped[float | None]
    table_head_tilt_angle_deg: Mapped[float | None]
    table_horizontal_rotation_angle_deg: Mapped[float | None]
    table_cradle_tilt_angle_deg: Mapped[float | None]
    column_angulation_deg: Mapped[float | None]
    distance_source_to_table_plane_mm: Mapped[float | None]
    distance_source_to_detector_mm: Mapped[float | None]
    distance_source_to_isocenter_mm: Mapped[float | None]
    distance_source_to_reference_point_mm: Mapped[float | None]
    collimated_field_height_mm: Mapped[float | None]
    collimated_field_width_mm: Mapped[float | None]
    collimated_field_area_cm2: Mapped[float | None]
    focal_spot_mm: Mapped[float | None]
    hvl_mm: Mapped[float | None]
    compressed_thickness_mm: Mapped[float | None]
    exposure_index: Mapped[float | None]
    target_exposure_index: Mapped[float | None]
    deviation_index: Mapped[float | None]
    view: Mapped[str | None] = mapped_column(String(64))
    patient_orientation: Mapped[str | None] = mapped_column(String(64))
    reference_point: Mapped[str | None] = mapped_column(String(64))
    acquisition_number: Mapped[int | None]
    series_instance_uid: Mapped[str | None] = mapped_column(String(64))
    activity_mbq: Mapped[float | None]
    effective_dose_msv: Mapped[float | None]
    half_life_s: Mapped[float | None]
    radiopharmaceutical: Mapped[str | None] = mapped_column(String(120))  # meaning as sent; code in details
    radionuclide: Mapped[str | None] = mapped_column(String(120))
    # sources, filters, organ doses, dose checks, value lists, procedure context, codes of the radiopharmaceutical
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # False: a better source of the study describes the same exposure under another key (dose.store.covering)
    counted: Mapped[bool] = mapped_column(default=True)
    __table_args__ = (UniqueConstraint("study_id", "event_key", "plane", "occurrence"),)


class EventStudy(Base):
    """A further study that holds an event (one scan under two accession numbers): shown there, counted once.

    `differs` keeps, as JSON, the columns in which that study's own report describes the event otherwise.
    """

    __tablename__ = "event_study"
    irradiation_event_id: Mapped[int] = mapped_column(
        ForeignKey("irradiation_event.id", ondelete="CASCADE"), primary_key=True
    )
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, index=True)
    source_object_id: Mapped[int] = mapped_column(ForeignKey("source_object.id", ondelete="CASCADE"), index=True)
    counted: Mapped[bool] = mapped_column(default=True)  # in that study; as in `irradiation_event`
    differs: Mapped[str | None] = mapped_column(EncryptedText("event_study.differs"))
