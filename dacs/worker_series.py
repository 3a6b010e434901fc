"""Registering series of images, so that a dose can show them: previews, viewer links, irradiation events."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from pydicom.filereader import read_partial
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import NO_DOSE, SLICED, Kind, kind_of
from dose.database import writing
from dose.pacs import OrthancClient, Series
from dose.tables import ImageSeries

EVENT_UID = 0x00083010  # Irradiation Event UID, PS3.3 C.7.6.1.1.1: before everything that is large
HEAD_BYTES = 1 << 16
NOT_IMAGES = frozenset({"SR", "KO", "PR", "DOC", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "SEG", "FID"})
ONE_EVENT_EACH = frozenset({"XA", "RF", "DX", "CR", "MG", "IO", "PX"})
MOST_EVENTS_READ = 200


def kind_of_series(client: OrthancClient, series: Series) -> Kind:
    """How the objects of a series come in, by its modality and the class of one of them."""
    modality = series.tags.get("Modality", "")
    if not series.instances or modality in NO_DOSE:
        return Kind.OTHER
    return Kind.SLICE if modality in SLICED else kind_of(client.sop_class(series.instances[0]))


def register(client: OrthancClient, factory: sessionmaker[Session], series: Series) -> None:
    """Write or refresh the row of a series of images; does nothing for other series."""
    if series.tags.get("Modality") in NOT_IMAGES or not series.instances:
        return
    values = _values(client, series)
    same = ImageSeries.series_instance_uid == values["series_instance_uid"]
    with writing(factory) as session:
        row = session.scalar(select(ImageSeries).where(same))
        if row is None:
            session.add(ImageSeries(**values))
        else:
            for name, value in values.items():
                setattr(row, name, value)


def note_read(factory: sessionmaker[Session], series_id: str, count: int) -> None:
    """So many images of a series were read for dose, or are queued to be."""
    row = update(ImageSeries).where(ImageSeries.orthanc_series_id == series_id)
    with writing(factory) as session:
        session.execute(row.values(read_count=count))


def gone(factory: sessionmaker[Session], series_ids: list[str]) -> None:
    """Orthanc no longer holds these series; their doses stay."""
    with writing(factory) as session:
        session.execute(update(ImageSeries).where(ImageSeries.orthanc_series_id.in_(series_ids)).values(present=False))


def _values(client: OrthancClient, series: Series) -> dict[str, Any]:
    tags = series.tags
    instances = client.ordered_instances(series.orthanc_id)
    previews = _first_middle_last(instances)
    each = tags.get("Modality") in ONE_EVENT_EACH
    return {
        "study_instance_uid": client.study_uid(series.study_id),
        "series_instance_uid": tags["SeriesInstanceUID"],
        "orthanc_study_id": series.study_id,
        "orthanc_series_id": series.orthanc_id,
        "modality": (tags.get("Modality") or None),
        "series_number": _number(tags.get("SeriesNumber")),
        "description": tags.get("SeriesDescription", "")[:200] or None,
        "protocol": tags.get("ProtocolName", "")[:200] or None,
        "started_at": _moment(tags.get("SeriesDate", ""), tags.get("SeriesTime", "")),
        "instance_count": len(instances),
        "preview_instance_ids": previews,
        "irradiation_event_uids": _events(client, instances[:MOST_EVENTS_READ] if each else previews),
        "present": True,
        "seen_at": datetime.now(UTC),
    }


def _first_middle_last(instances: list[str]) -> list[str]:
    return list(dict.fromkeys([instances[0], instances[len(instances) // 2], instances[-1]]))


def _events(client: OrthancClient, instances: list[str]) -> list[str]:
    found = (uid for instance in instances for uid in event_uids(client.head(instance, HEAD_BYTES)))
    return list(dict.fromkeys(found))


def event_uids(head: bytes) -> list[str]:
    """Irradiation Event UIDs named at the start of a DICOM file; empty when there are none or it cannot be read."""
    try:
        ds = read_partial(BytesIO(head), stop_when=lambda tag, _vr, _length: tag > EVENT_UID, specific_tags=[EVENT_UID])
        value = ds[EVENT_UID].value if EVENT_UID in ds else None
    except Exception:  # pydicom raises anything on a broken or cut header; the image is then shown without its events
        return []
    return [str(uid) for uid in ([value] if isinstance(value, str) else value or [])]


def _number(text: str | None) -> int | None:
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1 << 31 else None  # the column's width; IS allows exactly this, devices do not


def _moment(day: str, time: str) -> str | None:
    """ISO 8601 local time of DICOM DA and TM, None without a date."""
    if len(day) != len("YYYYMMDD") or not day.isdigit():
        return None
    text = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    clock = time.partition(".")[0].replace(":", "")
    if len(clock) != len("HHMMSS") or not clock.isdigit():
        return text
    return f"{text}T{clock[:2]}:{clock[2:4]}:{clock[4:]}"
