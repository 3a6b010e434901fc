"""CT dose reports: TID 10011 with its accumulated dose and one container per scan.

References: DICOM PS3.16 TID 10011, 10012, 10013, 10014; CID 10013 (acquisition types), CID 4052 (phantoms).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from dacs.synthetic import concepts as c
from dacs.synthetic.content import (
    Concept,
    Dialect,
    Item,
    Value,
    code,
    container,
    modifier,
    moment,
    numbers,
    person,
    text,
    uidref,
)
from dacs.synthetic.document import (
    Document,
    document,
    irradiating_device,
    observer,
    people_observing,
    procedure,
    scope,
    source_of_dose,
)
from dacs.synthetic.fields import (
    ALERT_ROWS,
    CT_DOSE_ROWS,
    CT_PARAMETER_ROWS,
    CT_SOURCE_ROWS,
    CT_TOTAL_ROWS,
    CTDI_ROW,
    NOTIFICATION_ROWS,
    SCAN_RANGE_ROWS,
    number_items,
)
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.totals import total
from dacs.synthetic.uids import uid


@dataclass(frozen=True, slots=True, kw_only=True)
class CTSource:
    """One X-ray source of a scan (TID 10014)."""

    id: str | None = "A"
    kvp_kv: Value = 120.0
    tube_current_ma: Value = 210.0
    max_tube_current_ma: Value = 420.0
    exposure_time_per_rotation_ms: Value = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CTCheck:
    """What the console compared before a scan (TID 10015); `kind` is alert or notification."""

    kind: str = "alert"
    dlp_mgy_cm: Value = None
    ctdi_vol_mgy: Value = None
    dlp_forecast_mgy_cm: Value = None
    ctdi_vol_forecast_mgy: Value = None
    reason: str | None = None
    authorized_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CTEvent:
    """One CT acquisition (TID 10013); every value may be left out (None) or odd (see `content.Value`)."""

    uid: str | None = None  # None: derived from the study and the position; "" leaves the item out
    event_type: str | None = "spiral"
    protocol: str | None = "Abdomen"
    region: str | Concept | None = "abdomen"
    context: str | None = None
    started: str | None = None  # DT
    comment: str | None = None
    ctdi_vol_mgy: Value = 8.4
    phantom: str | None = "body_32"
    dlp_mgy_cm: Value = 395.0
    ssde_mgy: Value = None
    effective_dose_msv: Value = None
    exposure_time_ms: Value = 5200.0
    scanning_length_mm: Value = 470.0
    single_collimation_mm: Value = 0.6
    total_collimation_mm: Value = 38.4
    pitch: Value = 0.9
    sources: Sequence[CTSource] = (CTSource(),)
    source_count: Value = None  # None: as many as there are sources
    modulation: str | None = None
    dose_container: bool = True
    scanning_top_z_mm: Value = None
    scanning_bottom_z_mm: Value = None
    exposed_range_mm: Value = None
    water_equivalent_diameter_mm: Value = None
    checks: Sequence[CTCheck] = ()
    label: tuple[str, str] | None = None  # a key of LABEL_TYPES, and the event's label


def ct_event(**fields: Any) -> CTEvent:  # noqa: ANN401 - any field of CTEvent
    """Return a spiral scan of an abdomen, but for the fields given."""
    return CTEvent(**fields)


def ct_localizer(**fields: Any) -> CTEvent:  # noqa: ANN401 - any field of CTEvent
    """Return a localizer: tube at rest, no pitch, little dose."""
    defaults: dict[str, Any] = {
        "event_type": "constant_angle", "protocol": "Topogram", "ctdi_vol_mgy": 0.14, "dlp_mgy_cm": 7.2,
        "pitch": None, "total_collimation_mm": 3.6, "scanning_length_mm": 512.0,
        "sources": (CTSource(tube_current_ma=35.0, max_tube_current_ma=35.0, exposure_time_per_rotation_ms=None),),
    }  # fmt: skip
    return CTEvent(**(defaults | fields))


def ct_rdsr(
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
    events: Sequence[CTEvent] = (CTEvent(),),
    totals: Mapping[str, Value] | None = None,
    accumulated: bool = True,
    form: Document | None = None,
) -> Dataset:
    """Return a CT dose report; `totals` replaces what the device would have added up.

    An event without a UID gets one from the study and its position, so that a cumulative report of one, two, three
    events repeats the earlier ones.
    """
    patient, device, study, form = patient or Patient(), device or Device(), study or Study(), form or Document()
    stated = {"event_count": float(len(events)), "dlp_mgy_cm": total(events, "dlp_mgy_cm")} | dict(totals or {})
    content = [
        procedure(c.CT_PROCEDURE),
        *observer(form, device),
        *people_observing(form),
        *moment(c.START_OF_IRRADIATION, study.started, "HAS OBS CONTEXT"),
        *moment(c.END_OF_IRRADIATION, study.started, "HAS OBS CONTEXT"),
        *scope(form, study),
        *([_accumulated(CTTotals(**stated), device.dialect)] if accumulated else []),
        *(_acquisition(event, place, study, device) for place, event in enumerate(events)),
        source_of_dose(),
    ]
    return document(form, "10011", patient, device, study, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class CTTotals:
    """What the report states over all its events (TID 10012)."""

    event_count: Value
    dlp_mgy_cm: Value


def event_uid(study: Study, place: int) -> str:
    """Return the Irradiation Event UID that an event at this place gets by itself."""
    return uid("event", study.uid, place)


def _accumulated(totals: CTTotals, dialect: Dialect) -> Item:
    return container(c.CT_ACCUMULATED, number_items(totals, CT_TOTAL_ROWS, dialect))


def _acquisition(event: CTEvent, place: int, study: Study, device: Device) -> Item:
    return container(c.CT_ACQUISITION, _acquisition_items(event, place, study, device))


def _acquisition_items(event: CTEvent, place: int, study: Study, device: Device) -> Iterator[Item]:
    yield from text(c.PROTOCOL, event.protocol)
    if event.region:
        yield code(c.TARGET_REGION, c.REGIONS[event.region] if isinstance(event.region, str) else event.region)
    if event.event_type:
        yield code(c.CT_TYPE, c.CT_TYPES[event.event_type])
    if event.context:
        yield code(c.PROCEDURE_CONTEXT, c.CONTEXTS[event.context])
    yield from moment(c.STARTED, event.started)
    yield from uidref(c.EVENT_UID, event_uid(study, place) if event.uid is None else event.uid or None)
    if event.label:
        kind, said = event.label
        yield Item("CONTAINS", "TEXT", c.EVENT_LABEL, said, (modifier(c.LABEL_TYPE, c.LABEL_TYPES[kind]),))
    yield _parameters(event, device.dialect)
    if event.dose_container:
        yield _dose(event, device.dialect)
    yield from text(c.MODULATION, event.modulation)
    yield from text(c.COMMENT, event.comment)
    yield irradiating_device(device)


def _parameters(event: CTEvent, dialect: Dialect) -> Item:
    count = float(len(event.sources)) if event.source_count is None else event.source_count
    return container(
        c.CT_PARAMETERS,
        number_items(event, CT_PARAMETER_ROWS, dialect),
        number_items(event, SCAN_RANGE_ROWS, dialect),
        numbers(c.SOURCE_COUNT, count, "1", "{X-Ray sources}"),
        [_source(source, dialect) for source in event.sources],
    )


def _source(source: CTSource, dialect: Dialect) -> Item:
    return container(c.CT_SOURCE, text(c.CT_SOURCE_ID, source.id), number_items(source, CT_SOURCE_ROWS, dialect))


def _dose(event: CTEvent, dialect: Dialect) -> Item:
    phantom = [code(c.CTDI_PHANTOM, c.PHANTOMS[event.phantom])] if event.phantom else []
    ctdi = number_items(event, [CTDI_ROW], dialect)
    checks = [_check(check, dialect) for check in event.checks]
    return container(c.CT_DOSE, ctdi, phantom, number_items(event, CT_DOSE_ROWS, dialect), checks)


def _check(sent: CTCheck, dialect: Dialect) -> Item:
    alert = sent.kind == "alert"
    role = code(c.PERSON_PROCEDURE_ROLE, c.PROCEDURE_ROLES["authorizing"], relationship="HAS PROPERTIES")
    return container(
        c.ALERT if alert else c.NOTIFICATION,
        code(c.DLP_CONFIGURED[sent.kind], c.NO if sent.dlp_mgy_cm is None else c.YES),
        code(c.CTDI_CONFIGURED[sent.kind], c.NO if sent.ctdi_vol_mgy is None else c.YES),
        number_items(sent, ALERT_ROWS if alert else NOTIFICATION_ROWS, dialect),
        text(c.REASON, sent.reason),
        [person(c.PERSON_NAME, sent.authorized_by, role)] if sent.authorized_by else [],
    )
