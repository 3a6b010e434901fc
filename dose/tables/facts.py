"""What statistics count: one narrow row a study and an event, and cells in which they are already added up.

Nothing here is a source: every row is made from `study`, `irradiation_event` and the rules in force by
`dose.store.facts`, in the order of `study.version`; `dacs db check` compares them, `dacs db repair` makes them again.
A study whose version is newer than `cursor` "facts" is not in here yet: questions read it from its own rows.

`study_fact` is also what was added to the cells: a study that changes is taken out as it stands here and added anew.
No foreign keys: a row that vanished with its study could no longer be taken out of the cells (see
`dose.store.facts.take_out`, which every deletion of studies calls first).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from dose.tables.base import ID, Base


class StudyFact(Base):
    """A study as statistics count it. `day` and `month` are local: YYYYMMDD and YYYYMM."""

    __tablename__ = "study_fact"
    study_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)  # of the study, as it was read
    day: Mapped[int]
    month: Mapped[int]
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    site_id: Mapped[int] = mapped_column(BigInteger)
    device_id: Mapped[int | None] = mapped_column(BigInteger)
    patient_id: Mapped[int] = mapped_column(BigInteger)  # the person, after merges
    modality: Mapped[str | None] = mapped_column(String(16))
    procedure_id: Mapped[int | None] = mapped_column(BigInteger)
    rule_id: Mapped[int | None] = mapped_column(BigInteger)
    naming: Mapped[str] = mapped_column(String(8))  # mapped | none | conflict: rules of one rank disagree
    complexity: Mapped[str | None] = mapped_column(String(20))
    local_name_id: Mapped[int | None] = mapped_column(BigInteger)
    protocol_id: Mapped[int | None] = mapped_column(BigInteger)  # of the diagnostic event with most dose
    operator_id: Mapped[int | None] = mapped_column(BigInteger)
    sex: Mapped[str | None] = mapped_column(String(1))
    age_years: Mapped[float | None]
    weight_kg: Mapped[float | None]
    height_m: Mapped[float | None]
    band: Mapped[int] = mapped_column(SmallInteger)  # dose.statistics.bands
    counts: Mapped[bool]  # False: no patient, or only copies; kept for the lists, out of every statistic
    is_demo: Mapped[bool]
    outdated: Mapped[bool] = mapped_column(default=False)  # to be made again: rules changed, not the study
    event_count: Mapped[int]
    phase_count: Mapped[int | None] = mapped_column(SmallInteger)  # CT: diagnostic acquisitions
    scan_length_mm: Mapped[float | None]  # CT: of the diagnostic acquisitions together
    phantom: Mapped[int | None] = mapped_column(SmallInteger)  # 16, 32 cm; 0 mixed; None not stated or not CT
    # Doses as statistics take them: None where absent; a flagged or zero value is in `left_out` instead
    ctdi_vol_mgy: Mapped[float | None]  # the largest of the diagnostic acquisitions
    dlp_mgy_cm: Mapped[float | None]  # localizers and bolus tracking included
    pka_gy_cm2: Mapped[float | None]
    ka_r_mgy: Mapped[float | None]
    fluoro_time_s: Mapped[float | None]
    agd_mgy: Mapped[float | None]  # of the breast with most
    activity_mbq: Mapped[float | None]
    left_out: Mapped[int] = mapped_column(default=0)  # bits of dose.statistics.measures: stated, but flagged or zero
    __table_args__ = (
        # All that a period's people and their sums ask, so that a year of rows need not be read
        Index(
            "ix_study_fact_day",
            "day",
            "site_id",
            "device_id",
            "patient_id",
            "counts",
            "modality",
            "phantom",
            "dlp_mgy_cm",
            "pka_gy_cm2",
            "agd_mgy",
            "activity_mbq",
        ),
        # The band too, by which peers are chosen before their rows are read
        Index("ix_study_fact_procedure", "procedure_id", "device_id", "day", "band"),
        Index("ix_study_fact_protocol", "protocol_id", "device_id", "day", "band"),
        # All that the list of names asks, so that it never reads a row
        Index("ix_study_fact_local_name", "local_name_id", "naming", "procedure_id", "rule_id", "counts", "day"),
        Index("ix_study_fact_patient", "patient_id", "day"),
        # The few that no rule names, which the first page counts by their names
        Index(
            "ix_study_fact_unnamed",
            "day",
            "local_name_id",
            "counts",
            "site_id",
            "device_id",
            sqlite_where=text("naming <> 'mapped'"),
            postgresql_where=text("naming <> 'mapped'"),
        ),
        Index(
            "ix_study_fact_outdated", "study_id", sqlite_where=text("outdated = 1"), postgresql_where=text("outdated")
        ),
    )


class EventFact(Base):
    """A counted irradiation event as statistics count it."""

    __tablename__ = "event_fact"
    event_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    study_id: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[int]
    month: Mapped[int]
    site_id: Mapped[int] = mapped_column(BigInteger)
    device_id: Mapped[int | None] = mapped_column(BigInteger)
    modality: Mapped[str | None] = mapped_column(String(16))
    # of the event or its series where a rule names one, else of its study
    procedure_id: Mapped[int | None] = mapped_column(BigInteger)
    protocol_id: Mapped[int | None] = mapped_column(BigInteger)
    event_type: Mapped[str | None] = mapped_column(String(30))
    diagnostic: Mapped[bool]  # False: a localizer or bolus tracking, out of medians and levels of events
    phantom: Mapped[int | None] = mapped_column(SmallInteger)  # 16, 32 cm
    sex: Mapped[str | None] = mapped_column(String(1))
    age_years: Mapped[float | None]
    weight_kg: Mapped[float | None]
    band: Mapped[int] = mapped_column(SmallInteger)
    counts: Mapped[bool]
    ctdi_vol_mgy: Mapped[float | None]
    dlp_mgy_cm: Mapped[float | None]
    ssde_mgy: Mapped[float | None]
    pka_gy_cm2: Mapped[float | None]
    ka_r_mgy: Mapped[float | None]
    ka_i_mgy: Mapped[float | None]
    ka_e_mgy: Mapped[float | None]
    agd_mgy: Mapped[float | None]
    activity_mbq: Mapped[float | None]
    scanning_length_mm: Mapped[float | None]
    compressed_thickness_mm: Mapped[float | None]
    kvp_kv: Mapped[float | None]
    exposure_mas: Mapped[float | None]
    exposure_index: Mapped[float | None]
    left_out: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        # Also what explains a dose among its like, of thousands of studies at once
        Index("ix_event_fact_study_id", "study_id", "diagnostic", "exposure_mas", "kvp_kv"),
        Index("ix_event_fact_day", "day", "site_id", "device_id"),
        Index("ix_event_fact_procedure", "procedure_id", "device_id", "day"),
        # What tells localizers apart, so that a protocol of tens of thousands of them need not be read
        Index("ix_event_fact_protocol", "protocol_id", "device_id", "day", "modality", "diagnostic", "counts"),
    )


class DoseCell(Base):
    """Values counted: a month, device and procedure, with the histograms of all measures and groups of patients.

    `content` is `dose.statistics.cells`: whole numbers only, so that a change is taken out as exactly as it was put in,
    in any order. A cell that became empty stays, so that readers who ask what is newer than n hear of it.
    """

    __tablename__ = "dose_cell"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    month: Mapped[int]  # local, YYYYMM
    site_id: Mapped[int] = mapped_column(BigInteger)
    device_id: Mapped[int] = mapped_column(BigInteger)  # 0: not stated
    modality: Mapped[str] = mapped_column(String(16))  # "": not stated
    procedure_id: Mapped[int] = mapped_column(BigInteger)  # 0: not mapped
    version: Mapped[int] = mapped_column(BigInteger)  # grows with every change: what a reader has not seen yet
    content: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index("ix_dose_cell_key", "month", "device_id", "modality", "procedure_id", "site_id", unique=True),
        Index("ix_dose_cell_version", "version"),
    )
