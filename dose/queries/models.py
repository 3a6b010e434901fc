"""What the questions to the database answer: frozen rows, units in the names, None for *not stated*."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Order(StrEnum):
    """The orders of a study list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CTDI_VOL = "ctdi_vol"
    DLP = "dlp"
    PKA = "pka"
    KA_R = "ka_r"
    AGD = "agd"


@dataclass(frozen=True, slots=True)
class StudyFilter:
    """What a study list is narrowed by; None everywhere is every study.

    `patient` is an exact Patient ID or words (or beginnings of words, from two letters) of the name; `accession` an
    exact accession number; `protocol` and `description` words or their beginnings; `state` `ok` or `notes`.
    `q` is one free text that may be any of these or a Study Instance UID. Dates are local, both included. `patients`
    is `real` (phantoms and tests stay hidden; so do studies of tables that another one describes better, unless
    `warning` asks for them), `not_patients` or `all`.
    `where` is the text of a choice (`dose.queries.choice`), over what statistics count.
    `warning` is the code of a note; `missing` a column that events, or the study, are expected to state and do not
    (`dose.queries.expected`). `procedure` is the row id of a standard procedure, as rules name studies.
    """

    patient: str | None = None
    accession: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    modality: str | None = None
    device_id: int | None = None
    protocol: str | None = None
    description: str | None = None
    state: str | None = None
    demo: bool | None = None
    q: str | None = None
    patients: str = "real"
    warning: str | None = None
    missing: str | None = None
    where: str | None = None
    procedure: int | None = None


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Who; only given to accounts that may view patient identity."""

    patient_id: str | None
    name: str | None
    birth_date: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One line of a study list. `identity` and `accession_number` are None when the account may not see them.

    `started_at` is local to the device, ISO 8601, as sent; `first_seen_at` is UTC. `images_present` is None when
    Orthanc was never asked about this study, False when its images are no longer in Orthanc.
    """

    id: int
    version: int
    study_instance_uid: str
    site_id: int
    patient_row_id: int
    identity: PatientIdentity | None
    accession_number: str | None
    modality: str | None
    description: str | None
    protocols: tuple[str, ...]
    device_id: int | None
    device_name: str | None
    started_at: str | None
    first_seen_at: datetime
    age_years: float | None
    event_count: int
    ctdi_vol_max_mgy: float | None
    dlp_sum_mgy_cm: float | None
    pka_sum_gy_cm2: float | None
    ka_r_sum_mgy: float | None
    agd_sum_mgy: float | None
    fluoro_time_s: float | None
    activity_sum_mbq: float | None
    effective_dose_reported_msv: float | None
    is_patient: bool
    state: str
    note_count: int
    is_demo: bool
    images_present: bool | None
    orthanc_study_id: str | None
    procedure_key: str | None = None  # of dose.reference.vocabulary, as the rules in force name the study
    procedure_name: str | None = None


@dataclass(frozen=True, slots=True)
class StudyPage:
    """One page of a study list. `total` stops counting at `COUNT_CAP` (then `more_than_total`)."""

    rows: tuple[StudyRow, ...]
    total: int
    more_than_total: bool
    newest_version: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a study; `code` is stable, `text` plain English, `values` its numbers by column."""

    code: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device with where and when it was last heard of (UTC)."""

    id: int
    site_id: int
    site_name: str
    name: str
    manufacturer: str | None
    model: str | None
    serial_number: str | None
    station_name: str | None
    institution: str | None
    department: str | None
    software: str | None
    modality: str | None
    is_demo: bool
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One irradiation event of a study, in its order.

    `values` holds every quantity and technique column of `dose.tables.IrradiationEvent` by its name (None when not
    stated); `details` sources, filters, organ doses, dose checks and value lists; `shared_with` the row ids of other
    studies that hold the same event; `counted_elsewhere` says that statistics count it in another of them.

    `kind` is the kind of source it is known from (rdsr, header, …). An event that is not `counted` is in no sum, count
    or list: `covered_by` is the source object of this study that describes the same exposure better; None with
    `counted` False means that the exposure counts for another patient.
    """

    id: int
    source_object_id: int
    irradiation_event_uid: str | None
    position: int
    plane: str | None
    event_type: str | None
    started_at: str | None
    protocol: str | None
    target_region: str | None
    laterality: str | None
    comment: str | None
    values: dict[str, Any]
    details: dict[str, Any]
    shared_with: tuple[int, ...] = ()
    counted_elsewhere: bool = False
    kind: str | None = None
    counted: bool = True
    covered_by: int | None = None


@dataclass(frozen=True, slots=True)
class AccumulatedRow:
    """Totals as reported by one source for one plane or breast; `values` by column name."""

    source_object_id: int
    plane: str | None
    laterality: str | None
    event_count: int | None
    values: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """The sum of the events beside the total as reported; `difference` is (sum - reported) / reported."""

    column: str
    sum: float | None
    reported: float | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """An object that spoke about the study; `kept` says that its bytes are here and `kept_content` gives them.

    `status` is ok, superseded (nothing of it counts) or copy (anonymised inside Orthanc); `reason_code` and `reason`
    say why where its events did not decide it. `counted_events` of its `event_count` events count in this study.
    `instance_count` images spoke together; `copied_from` is Orthanc's name of what it was made from.
    """

    id: int
    kind: str | None
    template: str | None
    status: str
    sop_instance_uid: str | None
    sop_class_uid: str | None
    series_instance_uid: str | None
    orthanc_id: str | None
    reader_version: int
    event_count: int
    counted_events: int
    instance_count: int
    reason_code: str | None
    reason: str | None
    copied_from: str | None
    import_batch_id: int | None
    warnings: tuple[Note, ...]
    quirks: tuple[str, ...]
    size_bytes: int | None
    origin: str
    received_at: datetime
    read_at: datetime
    kept: bool


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series of images that Orthanc holds, or held (`present` False)."""

    series_instance_uid: str
    orthanc_study_id: str
    orthanc_series_id: str
    modality: str | None
    series_number: int | None
    description: str | None
    protocol: str | None
    started_at: str | None
    instance_count: int
    preview_instance_ids: tuple[str, ...]
    irradiation_event_uids: tuple[str, ...]
    present: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What a newer reader changed in a study, and when (UTC)."""

    at: datetime
    reader_version: int
    changes: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CounterpartRow:
    """Another study that is the same examination (`certain`), or may be; `counts` says which of the two does.

    Both do unless it is certain. `modality`, `started_at` and `kinds` of source are the other's.
    """

    study_id: int
    certain: bool
    counts: bool
    modality: str | None
    started_at: str | None
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyDetail:
    """Everything about one study. `study.identity` is None when the account may not view it.

    `events` holds those that are not counted as well. `people` are (role, name) where the site keeps them, and only
    for accounts that may view identities.
    """

    study: StudyRow
    sex: str | None
    height_m: float | None
    weight_kg: float | None
    pregnancy_status: str | None
    people: tuple[tuple[str, str], ...]
    not_patient_reason: str | None
    device: DeviceInfo | None
    site_name: str
    notes: tuple[Note, ...]
    events: tuple[EventRow, ...]
    accumulated: tuple[AccumulatedRow, ...]
    totals: tuple[TotalRow, ...]
    sources: tuple[SourceRow, ...]
    series: tuple[SeriesRow, ...]
    history: tuple[HistoryRow, ...]
    counterparts: tuple[CounterpartRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """An object that could not be read, why, and who sent it (maker, model, station); None where unreadable."""

    id: int
    sop_instance_uid: str | None
    sender: str | None
    orthanc_id: str | None
    reason_code: str | None
    reason: str | None
    origin: str
    size_bytes: int | None
    received_at: datetime
    read_at: datetime
    kept: bool


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """One page of rejected objects, newest first."""

    rows: tuple[RejectedRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """The last words of one of our processes (UTC)."""

    name: str
    state: str
    detail: dict[str, Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeadItem:
    """Something in Orthanc that was given up."""

    id: int
    level: str
    orthanc_id: str
    attempts: int
    last_error: str | None
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedPeerRow:
    """An application entity that Orthanc turned away (UTC times)."""

    id: int
    aet: str
    address: str
    times: int
    first_at: datetime
    last_at: datetime
    admitted_at: datetime | None
    admitted_by: str | None


@dataclass(frozen=True, slots=True)
class SystemState:
    """How the system is. `backlog` counts waiting items by priority (0 arrival … 3 back-fill).

    `uncounted` studies wait to be in statistics (up to a thousand are counted); `uncountable` ones cannot be.
    """

    processes: tuple[ProcessRow, ...]
    cursors: dict[str, int]
    backlog: dict[int, int]
    dead_items: tuple[DeadItem, ...]
    dead_count: int
    rejected_count: int
    study_count: int
    devices: tuple[DeviceInfo, ...]
    refused_peers: tuple[RefusedPeerRow, ...]
    newest_study_at: datetime | None
    uncounted: int = 0
    uncountable: tuple[int, ...] = ()
    uncountable_count: int = 0


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """What the selectors of a study list offer."""

    modalities: tuple[str, ...]
    devices: tuple[tuple[int, str], ...]
    protocols: tuple[str, ...]
    has_demo: bool
