"""CT images: one event per acquisition, from all slices of a series (or of an enhanced multi-frame image) together.

A slice states the CTDIvol of its own position, which varies with current modulation; the acquisition's is the mean over
its positions. No header states a DLP or a scanning length: reconstructions are shorter or longer than the scan.

References: DICOM PS3.3 C.8.2.1 (CT image), C.8.15.3 (CT functional groups), C.8.15.3.8 (0018,9345).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from dose import codes as c
from dose.extract import image_ct_sources, texts
from dose.extract.body import Body
from dose.extract.header import Header, Image
from dose.extract.header_table import (
    Looked,
    Table,
    bounded,
    coded_choice,
    joined,
    read,
    region,
    started,
    tag,
    text,
    uid,
    whole,
)
from dose.extract.header_tags import LEAVES, path_of
from dose.extract.image_projection import STATES, focal_spot, word
from dose.extract.reading import Reading, Traced
from dose.model import IrradiationEvent, XRaySource

_PAUSE_S = 60.0  # between slices or table positions of one scan there is none so long
_VARIES = 0.005  # relative; below, slices differ by rounding only
_TYPES = {
    "SPIRAL": "spiral", "SEQUENCED": "sequenced", "CONSTANT_ANGLE": "constant_angle", "STATIONARY": "stationary",
    "FREE": "free",
}  # fmt: skip
# (0018,0022) Scan Options and the fourth value of Image Type, where no acquisition type is stated.
_SIGNS = (
    ("constant_angle", ("SCOUT", "SURVIEW", "SCANOSCOPE", "SCANOGRAM", "TOPOGRAM", "_SOM5 TOP", "_SOM7 TOP")),
    ("spiral", ("HELICAL", "SPIRAL", "HELIX", "_SOM5 SPI", "_SOM7 SPI")),
    ("sequenced", ("AXIAL MODE", "_SOM5 SEQ", "_SOM7 SEQ", "SEQUENCE", "NORMAL_CT")),
)
EVENT: Table = {
    "irradiation_event_uid": uid("IrradiationEventUID"),
    "protocol": text("ProtocolName", "AcquisitionProtocolName"),
    "series_description": text("SeriesDescription"),
    "target_region": region,
    "patient_orientation": text("PatientPosition"),
    "acquisition_number": whole("AcquisitionNumber"),
    "ctdi_vol_mgy": tag("CTDIvol", "mGy"),
    "ctdi_phantom": coded_choice(c.CTDI_PHANTOMS, "CTDIPhantomTypeCodeSequence"),
    "pka_gy_cm2": tag("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    "kvp_kv": tag("KVP", "kV"),
    "tube_current_ma": tag("XRayTubeCurrentInmA", "mA")
    .or_else("XRayTubeCurrentInuA", "uA")
    .or_else("XRayTubeCurrent", "mA"),
    "exposure_time_per_rotation_ms": tag("RevolutionTime", "s"),
    "pitch": tag("SpiralPitchFactor", "1"),
    "single_collimation_mm": tag("SingleCollimationWidth", "mm"),
    "total_collimation_mm": tag("TotalCollimationWidth", "mm"),
    "focal_spot_mm": focal_spot,
    "distance_source_to_detector_mm": tag("DistanceSourceToDetector", "mm"),
}
# Of a localizer the exposure time is that of the whole acquisition; of a slice it is not (C.8.2.1.1.2).
LOCALIZER: Table = EVENT | {"exposure_time_ms": tag("ExposureTime", "ms")}
_ABSENT = {
    "dlp_mgy_cm": "images state no DLP, and the scanning length cannot be known from them",
    "scanning_length_mm": "images show what was reconstructed, not what was scanned",
}


@dataclass(slots=True)
class _Acquisition:
    """The images of one acquisition."""

    images: list[Image]
    kind: str | None


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read every acquisition, in the order in which they began."""
    found: list[tuple[str, IrradiationEvent]] = []
    originals = [image for image in header.images if not _is_reformat(image)]
    if not originals:
        reading.note("reformats-only", "images made of others that name no acquisition; it may be one that others show")
    images = [part for image in originals or header.images for part in image_ct_sources.by_event(reading, image)]
    for acquisition in _acquisitions(images):
        event = _event(reading, acquisition, len(found))
        if event is not None:
            found.append((event.started_at or "", event))
    return Body(modality, tuple(event for _, event in found), ())


def _is_reformat(image: Image) -> bool:
    """Tell whether an image was made of others after the scan (PS3.3 C.7.6.1.1.2) and does not name the scan."""
    named = any(word(image, keyword) for keyword in ("IrradiationEventUID", "AcquisitionNumber"))
    return not named and word(image, "ImageType").split("\\")[:2] == ["DERIVED", "SECONDARY"]


def _acquisitions(images: Iterable[Image]) -> list[_Acquisition]:
    """Sort images by Irradiation Event UID; without one by acquisition number, localizers by their time too.

    The acquisition time as such does not tell scans apart: some makers state that of each slice. A pause does that no
    scan makes.
    """
    groups: dict[tuple[str, ...], _Acquisition] = {}
    for image in images:
        kind, number = _kind(image), word(image, "AcquisitionNumber") or word(image, "FrameAcquisitionNumber")
        event = word(image, "IrradiationEventUID").split("\\")[0]
        time = word(image, "AcquisitionTime") if kind == "constant_angle" else ""
        key = (event,) if event else ("", kind or "", number, time, _voltage(image))
        groups.setdefault(key, _Acquisition([], kind)).images.append(image)
    bounded(len(groups))
    parts = [part for key, group in groups.items() if not key[0] for part in _parted(group)]
    bounded(len(groups) + len(parts))
    merged = [group for run in _runs(parts) for group in _one_sequence(run)]
    kept = [group for key, group in groups.items() if key[0]] + merged
    return sorted(kept, key=lambda group: _when(group.images))


def _kind(image: Image) -> str | None:
    """Tell how it was scanned: Acquisition Type, else Image Type and Scan Options, else None."""
    values = word(image, "ImageType") + "\\" + word(image, "FrameType")
    if "LOCALIZER" in values.split("\\"):
        return "constant_angle"
    stated = _TYPES.get(word(image, "AcquisitionType"))
    if stated:
        return stated
    said = f"{values} {word(image, 'ScanOptions')}"
    found = next((kind for kind, signs in _SIGNS if any(sign in said for sign in signs)), None)
    if found is None and word(image, "ScanOptions") == "AXIAL":
        return "sequenced"
    if found is None and not word(image, "CTDIvol") and word(image, "ImageAndFluoroscopyAreaDoseProduct"):
        return "cone_beam"  # a dental system: it states a dose-area product, which no fan beam has
    return found


def _one_sequence(groups: list[_Acquisition]) -> list[_Acquisition]:
    """Join the table positions of one sequence: makers number each, though all are one event (TID 10013)."""
    sequence = [group for group in groups if group.kind == "sequenced"]
    positions = [position for group in sequence for position in {_position(image) for image in group.images}]
    alike = {_voltage(group.images[0]) for group in sequence}
    if len(sequence) < 2 or len(set(positions)) < len(positions) or len(alike) > 1:
        return groups
    first = min(sequence, key=lambda group: _when(group.images))
    joined = _Acquisition([*first.images, *(i for g in sequence if g is not first for i in g.images)], "sequenced")
    return [*(group for group in groups if group.kind != "sequenced"), joined]


def _parted(group: _Acquisition) -> list[_Acquisition]:
    """Part the images of one number where they pause: scans of one number, one after the other."""
    images = sorted(group.images, key=lambda image: _when([image]))
    if not _seconds(images[-1]) - _seconds(images[0]) > _PAUSE_S:
        return [group]
    starts = [n for n in range(1, len(images)) if _seconds(images[n]) - _seconds(images[n - 1]) > _PAUSE_S]
    return [_Acquisition(images[start:end], group.kind) for start, end in pairwise([0, *starts, len(images)])]


def _runs(groups: list[_Acquisition]) -> list[list[_Acquisition]]:
    """Gather acquisitions that follow each other without a pause."""
    runs: list[list[_Acquisition]] = []
    for group in sorted(groups, key=lambda group: _when(group.images)):
        begun = _seconds(min(group.images, key=lambda image: _when([image])))
        if not runs or begun - max(_seconds(image) for image in runs[-1][-1].images) > _PAUSE_S:
            runs.append([])
        runs[-1].append(group)
    return runs


def _seconds(image: Image) -> float:
    """Return the moment of acquisition in seconds of its own clock, NaN when it is not stated."""
    found, _ = texts.moment(word(image, "AcquisitionDateTime"))
    if not found or "T" not in found:
        found = joined(word(image, "AcquisitionDate") or word(image, "StudyDate"), word(image, "AcquisitionTime"))
    return datetime.fromisoformat(found).replace(tzinfo=UTC).timestamp() if found else math.nan


def _when(images: list[Image]) -> tuple[str, str, str]:
    date_time, date, time = "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime"
    return min((word(one, date_time), word(one, date), word(one, time)) for one in images)


def _voltage(image: Image) -> str:
    """Return the kV of a slice, written in one way; '' when it is no number."""
    try:
        value = float(word(image, "KVP"))
    except ValueError:
        return ""
    return f"{value:g}" if math.isfinite(value) else ""


def _position(image: Image) -> str:
    return word(image, "ImagePositionPatient") or word(image, "SliceLocation")


def _event(reading: Reading, acquisition: _Acquisition, index: int) -> IrradiationEvent | None:
    reading.subject, reading.several = "event", []
    first = min(acquisition.images, key=lambda image: (_when([image]), _position(image)))
    table = LOCALIZER if acquisition.kind == "constant_angle" else EVENT
    looked = Looked(reading, first, "event", index)
    fields: dict[str, Any] = {"started_at": started(looked, "started_at")} | read(table, looked)
    for column, reason in _ABSENT.items():
        looked.missing(column, reason)
    _average(reading, fields, acquisition, index)
    own = image_ct_sources.sources(first)
    voltages = {_voltage(image) for image in acquisition.images} - {"", "0"}
    if own:
        fields["sources"] = own
        _undecided(looked, fields, own)
    elif len(voltages) > 1:  # dual energy: what its sources do not agree on is none of the event's, as in reports
        fields["sources"] = tuple(XRaySource(kvp_kv=float(one)) for one in sorted(voltages, key=float))
        fields["kvp_kv"] = None
        looked.missing("kvp_kv", "its images state several: see the sources")
    if all(fields.get(column) is None for column in STATES):
        return None
    return IrradiationEvent(
        event_type=acquisition.kind,
        series_instance_uid=word(first, "SeriesInstanceUID") or None,
        values=tuple(reading.several),
        **fields,
    )


def _undecided(looked: Looked, fields: dict[str, Any], sources: tuple[XRaySource, ...]) -> None:
    """Leave open what the sources do not agree on."""
    for column in ("kvp_kv", "tube_current_ma"):
        if len({getattr(source, column) for source in sources} - {None}) > 1:
            fields[column] = None
            looked.missing(column, "its X-ray sources state several: see the sources")


def _average(reading: Reading, fields: dict[str, Any], acquisition: _Acquisition, index: int) -> None:
    """Replace what varies from slice to slice by the mean over the slice positions; note that the CTDIvol did."""
    if len(acquisition.images) < 2:
        return
    for column, keyword in _VARYING:
        means = _by_position(acquisition.images, LEAVES[keyword][0])
        alike = not means or max(means) - min(means) <= _VARIES * max(means)
        if not means or (alike and fields.get(column)):  # a zero of the first slice is no value
            continue
        fields[column] = float(f"{math.fsum(means) / len(means):.12g}")
        if column == "ctdi_vol_mgy" and not alike:
            said = f"{column}: mean over {len(means)} slices, from {min(means):.4g} to {max(means):.4g} mGy"
            reading.note("ctdi-vol-from-slices", said)
        if reading.trace is not None:
            spread = f"from {min(means):.4g} to {max(means):.4g}"
            path, how = path_of(LEAVES[keyword][0]), f"mean over {len(means)} slice positions, {spread}"
            reading.trace.append(Traced("event", index, column, path, f"{fields[column]:.6g}", None, how))


_VARYING = (  # in the canonical unit already
    ("ctdi_vol_mgy", "CTDIvol"),
    ("tube_current_ma", "XRayTubeCurrent"),
    ("tube_current_ma", "XRayTubeCurrentInmA"),
)


def _by_position(images: list[Image], number: int) -> list[float]:
    """Return the value at every slice position, the mean where several images show one position."""
    found: dict[str, list[float]] = {}
    for order, image in enumerate(images):
        try:
            value = float(image.values.get(number, b"").strip(b" \0") or b"nan")
        except ValueError:
            continue
        if value > 0 and math.isfinite(value):
            found.setdefault(_position(image) or f"unnamed {order}", []).append(value)
    return [math.fsum(values) / len(values) for values in found.values()]
