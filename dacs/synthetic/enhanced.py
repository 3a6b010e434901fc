"""Enhanced X-Ray dose reports: TID 10040, whose events are summaries and whose details stand apart, by time.

References: DICOM PS3.16 TID 10040 to 10049, 10055.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    text,
    uidref,
)
from dacs.synthetic.document import Document, document, observer, procedure, scope, source_of_dose
from dacs.synthetic.fields import (
    AGD_TOTAL_ROW,
    ENHANCED_EVENT_ROWS,
    ENHANCED_TOTAL_ROWS,
    RADIATION_FIELD_ROWS,
    RADIATION_OUTPUT_ROWS,
    RADIATION_TECHNIQUE_ROWS,
    REFERENCE_POINT_ROWS,
    SOURCE_CHARACTERISTICS_ROWS,
    Row,
    number_items,
)
from dacs.synthetic.projection import XRayFilter
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.uids import uid

ENHANCED_XRAY_SR = "1.2.840.10008.5.1.4.1.1.88.76"
ENDED = "20261121120000"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedEvent:
    """One event summary (TID 10042); a value may be left out (None) or odd (see `content.Value`)."""

    uid: str | None = None  # None: derived from the study and the position; "" leaves the item out
    started: str | None = "20261121114500"
    ended: str | None = "20261121114510"
    source: str | None = "A"
    event_type: str | None = "fluoroscopy"
    protocol: str | None = "FL Cardiac"
    region: str | None = "heart"
    laterality: str | None = None
    view: str | None = None
    pka_gy_cm2: Value = 0.85
    ka_r_mgy: Value = 9.5
    agd_mgy: Value = None
    ctdi_vol_mgy: Value = None
    dlp_mgy_cm: Value = None
    exposure_index: Value = None
    target_exposure_index: Value = None
    deviation_index: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What was so at one source during one period: a container a kind of thing stated (TID 10044 to 10049)."""

    started: str | None = "20261121114500"
    ended: str | None = "20261121114510"
    source: str | None = "A"
    anode: str | None = None
    focal_spot_mm: Value = None
    kvp_kv: Value = None
    tube_current_ma: Value = None
    exposure_mas: Value = None
    exposure_time_ms: Value = None
    pulse_rate_hz: Value = None
    pulse_width_ms: Value = None
    number_of_pulses: Value = None
    ka_output_mgy: Value = None
    collimated_field_area_cm2: Value = None
    collimated_field_height_mm: Value = None
    collimated_field_width_mm: Value = None
    filters: Sequence[XRayFilter] = ()
    others: Mapping[Concept, Sequence[Item]] = field(default_factory=dict)  # tables, positions: by their container


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedTotals:
    """What the report states over the events of one source (TID 10041)."""

    source: str | None = "A"
    pka_gy_cm2: Value = None
    ka_r_mgy: Value = None
    fluoro_pka_gy_cm2: Value = None
    fluoro_ka_r_mgy: Value = None
    fluoro_time_s: Value = None
    acquisition_pka_gy_cm2: Value = None
    acquisition_ka_r_mgy: Value = None
    acquisition_time_s: Value = None
    radiographic_frames: Value = None
    event_count: Value = None
    dlp_mgy_cm: Value = None
    agd_mgy: Value = None
    breast: str = "left"


def enhanced_event(**fields: Any) -> EnhancedEvent:  # noqa: ANN401 - any field of EnhancedEvent
    """Return one pedal press, but for the fields given."""
    return EnhancedEvent(**fields)


def enhanced_rdsr(
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
    events: Sequence[EnhancedEvent] = (EnhancedEvent(),),
    details: Sequence[Detail] = (),
    totals: Sequence[EnhancedTotals] = (),
    reported: Concept = c.PROJECTION_PROCEDURE,
    form: Document | None = None,
) -> Dataset:
    """Return an enhanced X-ray dose report."""
    patient, device, study = patient or Patient(), device or Device(), study or Study()
    form, dialect = form or Document(sop_class=ENHANCED_XRAY_SR), device.dialect
    content = [
        procedure(reported),
        *observer(form, device),
        *scope(form, study),
        *(_total(each, dialect) for each in totals),
        *(container(c.ENHANCED_EVENT, _event(event, place, study, dialect)) for place, event in enumerate(events)),
        container(
            c.IRRADIATION_DETAILS,
            moment(c.STARTED, study.started),
            moment(c.ENDED, ENDED),
            [item for detail in details for item in _detail(detail, dialect)],
        ),
        source_of_dose(),
    ]
    return document(form, "10040", patient, device, study, content)


def _total(sent: EnhancedTotals, dialect: Dialect) -> Item:
    column, concept, unit = AGD_TOTAL_ROW
    breast = modifier(c.LATERALITY, c.BREASTS[sent.breast])
    at_point = number_items(sent, REFERENCE_POINT_ROWS, dialect)
    return container(
        c.ENHANCED_ACCUMULATED,
        text(c.SOURCE_ID, sent.source),
        number_items(sent, ENHANCED_TOTAL_ROWS, dialect),
        [container(c.REFERENCE_POINT_DOSIMETRY, at_point)] if at_point else [],
        numbers(concept, sent.agd_mgy, "mGy", dialect.units.get(column, unit), breast),
    )


def _event(event: EnhancedEvent, place: int, study: Study, dialect: Dialect) -> Iterator[Item]:
    yield from uidref(c.EVENT_UID, uid("enhanced", study.uid, place) if event.uid is None else event.uid or None)
    yield from moment(c.STARTED, event.started)
    yield from moment(c.ENDED, event.ended)
    yield from text(c.SOURCE_ID, event.source)
    if event.event_type:
        yield code(c.EVENT_TYPE, c.EVENT_TYPES[event.event_type])
    yield from text(c.PROTOCOL, event.protocol)
    if event.region:
        side = [modifier(c.LATERALITY, c.SIDES[event.laterality])] if event.laterality else []
        yield code(c.TARGET_REGION, c.REGIONS[event.region], *side)
    if event.view:
        yield code(c.IMAGE_VIEW, c.VIEWS[event.view])
    yield from number_items(event, ENHANCED_EVENT_ROWS, dialect)


def _detail(sent: Detail, dialect: Dialect) -> Iterator[Item]:
    anode = [code(c.ANODE, c.MATERIALS[sent.anode])] if sent.anode else []
    kinds: tuple[tuple[Concept, tuple[Row, ...], list[Item]], ...] = (
        (c.SOURCE_CHARACTERISTICS, SOURCE_CHARACTERISTICS_ROWS, anode),
        (c.RADIATION_TECHNIQUE, RADIATION_TECHNIQUE_ROWS, []),
        (c.FILTRATION, (), [_filter(one, dialect) for one in sent.filters]),
        (c.RADIATION_OUTPUT, RADIATION_OUTPUT_ROWS, []),
        (c.RADIATION_FIELD, RADIATION_FIELD_ROWS, []),
    )
    known = {concept for concept, _, _ in kinds}
    more = tuple((concept, (), list(stated)) for concept, stated in sent.others.items() if concept not in known)
    for concept, rows, others in (*kinds, *more):
        beside = sent.others.get(concept, ()) if concept in known else ()
        stated = [*number_items(sent, rows, dialect), *others, *beside]
        if stated:
            yield container(
                concept,
                moment(c.STARTED, sent.started),
                moment(c.ENDED, sent.ended),
                text(c.SOURCE_ID, sent.source),
                stated,
            )


def _filter(sent: XRayFilter, dialect: Dialect) -> Item:
    unit = dialect.units.get("filter_mm", "mm")
    return container(
        c.ATTENUATOR,
        [code(c.FILTER_TYPE, c.FILTER_TYPES[sent.type])] if sent.type else [],
        [code(c.FILTER_MATERIAL, c.MATERIALS[sent.material])] if sent.material else [],
        numbers(c.FILTER_THICKNESS, sent.thickness_min_mm, "mm", unit),
    )
