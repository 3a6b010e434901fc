"""CT radiation dose reports.

References: DICOM PS3.16 TID 10011 (document), TID 10012 (totals), TID 10013 and 10014 (events), TID 10015 (dose
check), CID 10013.
"""

from __future__ import annotations

from typing import Any

from dose import codes as c
from dose.extract import people
from dose.extract.body import Body, Reader, acquisition_number, each
from dose.extract.document import Node
from dose.extract.reading import Reading
from dose.extract.template import (
    NOWHERE,
    ReadRow,
    Table,
    choice,
    coded,
    count,
    group,
    moment,
    number,
    numbers,
    text,
    worded,
)
from dose.model import AccumulatedDose, DoseCheck, IrradiationEvent, Person, XRaySource

TOTAL = Table({"event_count": count(c.CT_EVENT_COUNT), "dlp_mgy_cm": number(c.DLP_TOTAL)}, anywhere=True)

SOURCE = Table(
    {
        "source_id": text(c.CT_SOURCE_ID),
        "kvp_kv": number(c.KVP),
        "tube_current_ma": number(c.TUBE_CURRENT),
        "max_tube_current_ma": number(c.MAX_TUBE_CURRENT),
        "exposure_time_per_rotation_ms": number(c.EXPOSURE_TIME_PER_ROTATION),
    },
    anywhere=True,
)


def _sources(reading: Reading, _: str, nodes: list[Node]) -> tuple[XRaySource, ...]:
    """Read the X-ray sources apart when there are several; a single one is the event's own."""
    if len(nodes) == 1:
        return ()
    return tuple(XRaySource(**SOURCE.read(reading, node[3], NOWHERE)) for node in nodes)


def _checks(kind: str, rows: dict[str, tuple[c.Concept, c.Concept]]) -> ReadRow:
    """Return what reads one container of dose checks: for each quantity its threshold and its forecast."""
    table = Table(
        {
            **{f"{column} {part}": group(_measured(column), concepts[place])
               for column, concepts in rows.items() for place, part in enumerate(("configured", "forecast"))},
            "reason": text(c.REASON_FOR_PROCEEDING),
        },
        anywhere=True,
    )  # fmt: skip

    def read(reading: Reading, _: str, nodes: list[Node]) -> tuple[DoseCheck, ...]:
        found = []
        for node in nodes:
            said = table.read(reading, node[3], NOWHERE)
            for column in rows:
                configured, forecast = said.get(f"{column} configured"), said.get(f"{column} forecast")
                if configured is not None or forecast is not None:
                    reason = said.get("reason") if forecast is not None else None
                    found.append(DoseCheck(kind, column, configured, forecast, reason))
        return tuple(found)

    return read


def _measured(column: str) -> ReadRow:
    """Return what reads one number of a dose check: a threshold or a prediction, never a dose received."""

    def read(reading: Reading, _: str, nodes: list[Node]) -> float | None:
        before = reading.dose_read, reading.dose_lost
        values = numbers(reading, column, nodes)
        reading.dose_read, reading.dose_lost = before
        return next(iter(values), None)

    return read


ALERTS = _checks(
    "alert",
    {
        "dlp_mgy_cm": (c.DLP_ALERT_VALUE, c.DLP_ALERT_FORECAST),
        "ctdi_vol_mgy": (c.CTDI_ALERT_VALUE, c.CTDI_ALERT_FORECAST),
    },
)
NOTIFICATIONS = _checks(
    "notification",
    {
        "dlp_mgy_cm": (c.DLP_NOTIFICATION_VALUE, c.DLP_NOTIFICATION_FORECAST),
        "ctdi_vol_mgy": (c.CTDI_NOTIFICATION_VALUE, c.CTDI_NOTIFICATION_FORECAST),
    },
)
EVENT = Table(
    {
        "irradiation_event_uid": text(c.IRRADIATION_EVENT_UID),
        "acquisition_number": group(acquisition_number, c.EVENT_LABEL),
        "event_type": choice(c.CT_EVENT_TYPES, c.CT_ACQUISITION_TYPE),
        "started_at": moment(c.DATETIME_STARTED),
        "protocol": worded({}, c.ACQUISITION_PROTOCOL),
        "target_region": coded(c.TARGET_REGION),
        "procedure_context": coded(c.PROCEDURE_CONTEXT),
        "comment": text(c.COMMENT),
        "ctdi_vol_mgy": number(c.CT_DOSE, c.MEAN_CTDI_VOL),
        "ctdi_phantom": choice(c.CTDI_PHANTOMS, c.CT_DOSE, c.CTDI_PHANTOM),
        "dlp_mgy_cm": number(c.CT_DOSE, c.DLP),
        "ssde_mgy": number(c.CT_DOSE, c.SSDE),
        "effective_dose_msv": number(c.CT_DOSE, c.EFFECTIVE_DOSE),
        "exposure_time_ms": number(c.CT_PARAMETERS, c.CT_EXPOSURE_TIME),
        "scanning_length_mm": number(c.CT_PARAMETERS, c.SCANNING_LENGTH),
        "single_collimation_mm": number(c.CT_PARAMETERS, c.SINGLE_COLLIMATION),
        "total_collimation_mm": number(c.CT_PARAMETERS, c.TOTAL_COLLIMATION),
        "scanning_top_z_mm": number(c.CT_PARAMETERS, c.TOP_Z),
        "scanning_bottom_z_mm": number(c.CT_PARAMETERS, c.BOTTOM_Z),
        "exposed_range_mm": number(c.CT_PARAMETERS, c.EXPOSED_RANGE),
        "water_equivalent_diameter_mm": number(c.CT_DOSE, c.WATER_EQUIVALENT_DIAMETER),
        "modulation": worded({}, c.MODULATION),
        "pitch": number(c.CT_PARAMETERS, c.PITCH),
        "kvp_kv": number(c.CT_PARAMETERS, c.CT_SOURCE, c.KVP),
        "tube_current_ma": number(c.CT_PARAMETERS, c.CT_SOURCE, c.TUBE_CURRENT),
        "max_tube_current_ma": number(c.CT_PARAMETERS, c.CT_SOURCE, c.MAX_TUBE_CURRENT),
        "exposure_time_per_rotation_ms": number(c.CT_PARAMETERS, c.CT_SOURCE, c.EXPOSURE_TIME_PER_ROTATION),
        "sources": group(_sources, c.CT_PARAMETERS, c.CT_SOURCE),
        "alerts": group(ALERTS, c.CT_DOSE, c.DOSE_CHECK_ALERT),
        "notifications": group(NOTIFICATIONS, c.CT_DOSE, c.DOSE_CHECK_NOTIFICATION),
        "people": group(people.participants, c.PERSON_NAME),
    },
    anywhere=True,
)

_PER_SOURCE = ("kvp_kv", "tube_current_ma", "max_tube_current_ma", "exposure_time_per_rotation_ms")


def _repeated(reading: Reading) -> tuple[XRaySource, ...]:
    """Read sources that share one container: the n-th value of each item is the n-th source's."""
    values: dict[str, Any] = {column: several for column, several in reading.several if column in _PER_SOURCE}
    count = max(map(len, values.values()), default=0)
    return tuple(XRaySource(**{column: one[n] for column, one in values.items() if n < len(one)}) for n in range(count))


def _event(reading: Reading, fields: dict[str, Any]) -> IrradiationEvent:
    """Lift to the event only what several X-ray sources agree on (dual source)."""
    fields["dose_checks"] = (*fields.pop("alerts", ()), *fields.pop("notifications", ()))
    sources = fields.get("sources") or _repeated(reading)
    if sources:
        fields["sources"] = sources
        for column in _PER_SOURCE:
            stated = {getattr(source, column) for source in sources} - {None}
            if stated:
                fields[column] = stated.pop() if len(stated) == 1 else None
    most, mean = fields.get("max_tube_current_ma"), fields.get("tube_current_ma")
    if most is not None and mean is not None and most < 0.999 * mean:
        reading.note("max-current-below-mean", "max_tube_current_ma: below the mean tube current")
    return IrradiationEvent(**fields)


def read(reading: Reading, content: tuple[Node, ...]) -> Body:
    """Read a CT report's events and totals, in document order."""
    took_part: list[Person] = []
    events = tuple(
        _event(reading, people.taken_out(fields, took_part))
        for fields in each(reading, content, c.CT_ACQUISITION, EVENT, "event")
    )
    totals = tuple(
        AccumulatedDose(**fields) for fields in each(reading, content, c.CT_ACCUMULATED, TOTAL, "accumulated")
    )
    return Body("CT", events, totals, tuple(took_part))


READER = Reader("10011", (c.CT_ACQUISITION, c.CT_ACCUMULATED), read, c.spellings(c.CT_PROCEDURE))
