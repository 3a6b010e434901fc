"""What makers state in items of their own: rows, each with what is known of it, and the file that shows it.

Only what has one meaning whatever the device is read, and under its maker's name: the reference point of the table's
height and the plane of the shutters are the maker's, so these never become `table_height_mm` or a field size. Left
out, because their axis or sense is not published: the beam position (014 to 017) and the wedges (010 to 013) of
Philips, its object thickness (026, negative in real reports), and the detector format of Siemens, which has no unit.

References: private scheme 99PHI-IXR-XPER (Philips Allura); the comment of Siemens Artis and Zee reports;
DICOM PS3.3 C.7.3.1.1.2 (patient position).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from dose import codes as c
from dose.extract import texts
from dose.extract.document import Node
from dose.extract.reading import Reading, Traced
from dose.extract.template import Row, numbers
from dose.model import IrradiationEvent


def _philips(number: str, quantity: str, *container: str) -> Row:
    """Return a row of the Philips scheme, converted as `quantity` is; its range is not checked."""
    path = tuple(("99PHI-IXR-XPER", one) for one in (*container, number))
    return Row(path, lambda reading, _, nodes: next(iter(numbers(reading, quantity, nodes)), None), silent=True)


_SHUTTERS, _FIELD = "005", "023"
EVENT: Mapping[str, Row] = {
    "philips_table_height_mm": _philips("021", "table_height_mm"),
    "philips_table_height_end_mm": _philips("020", "table_height_mm"),
    "philips_table_cradle_end_angle_deg": _philips("019", "table_cradle_tilt_angle_deg"),
    "philips_table_tilt_end_angle_deg": _philips("022", "table_head_tilt_angle_deg"),
    "philips_distance_source_to_detector_end_mm": _philips("018", "distance_source_to_detector_mm"),
    "philips_shutter_bottom_mm": _philips("006", "collimated_field_height_mm", _SHUTTERS),
    "philips_shutter_left_mm": _philips("007", "collimated_field_width_mm", _SHUTTERS),
    "philips_shutter_right_mm": _philips("008", "collimated_field_width_mm", _SHUTTERS),
    "philips_shutter_top_mm": _philips("009", "collimated_field_height_mm", _SHUTTERS),
    "philips_detector_field_x_mm": _philips("024", "collimated_field_width_mm", _FIELD),
    "philips_detector_field_y_mm": _philips("025", "collimated_field_height_mm", _FIELD),
    "philips_frames": _philips("003", "number_of_pulses"),
}
TOTAL: Mapping[str, Row] = {"philips_system_height_mm": _philips("001", "table_height_mm")}  # of one plane


def taken_out(fields: dict[str, Any], rows: Mapping[str, Row]) -> tuple[tuple[str, float], ...]:
    """Take the makers' own values out of what a table read, in the order of the rows."""
    stated = ((name, fields.pop(name)) for name in rows if name in fields)
    return tuple((name, value) for name, value in stated if value is not None)


def with_totals(
    events: Iterable[IrradiationEvent], stated: Mapping[str | None, tuple[tuple[str, float], ...]]
) -> list[IrradiationEvent]:
    """Give every event what the maker states once a plane."""
    return [
        replace(event, maker_values=event.maker_values + stated[event.plane]) if stated.get(event.plane) else event
        for event in events
    ]


_POSITION = re.compile(rb'<Position SRData="\s*([A-Z]{3,4})\s*"/>\s*<PositionTime SRData="([^"]{0,40})"/>')
_POSITIONS = frozenset({"HFP", "HFS", "HFDR", "HFDL", "FFP", "FFS", "FFDR", "FFDL"})
_TIME = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d:\d\d:\d\d)", re.ASCII)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"  # always in English


def with_positions(
    reading: Reading, content: tuple[Node, ...], events: list[IrradiationEvent]
) -> list[IrradiationEvent]:
    """Give the events of a Siemens report the patient position that its comment states.

    One position holds for the whole report; of several each holds from its time on, and before the first none does.
    """
    at, said = _positions(content)
    if not said:
        return events
    one = len({position for position, _ in said}) == 1
    return [_placed(reading, at, index, event, said, one) for index, event in enumerate(events)]


def _placed(
    reading: Reading, at: str, index: int, event: IrradiationEvent, said: list[tuple[str, str]], one: bool
) -> IrradiationEvent:
    if event.patient_orientation is not None:
        return event
    started = (event.started_at or "")[:19]
    earlier = said if one else list(takewhile(lambda stated: bool(stated[1]) and stated[1] <= started, said))
    if not earlier:
        return event
    if reading.trace is not None:
        reading.trace.append(Traced("event", index, "patient_orientation", at, earlier[-1][0]))
    return replace(event, patient_orientation=earlier[-1][0])


def _positions(content: tuple[Node, ...]) -> tuple[str, list[tuple[str, str]]]:
    """Return where the comment stands, and its positions with the local time of each ('' when unreadable)."""
    for place, node in enumerate(content, 1):
        if node[0][0] == c.COMMENT and isinstance(node[2], bytes) and b"<PatientPosition>" in node[2]:
            found = [
                (texts.decode(position, ""), _moment(texts.decode(time, "")))
                for position, time in _POSITION.findall(node[2])
            ]
            known = sorted((stated for stated in found if stated[0] in _POSITIONS), key=lambda stated: stated[1])
            return f"1.{place} > (121106,DCM) Comment", known
    return "", []


def _moment(text: str) -> str:
    match = _TIME.fullmatch(text.strip())
    month = _MONTHS.find(match[2]) // 4 + 1 if match else 0
    return f"20{match[3]}-{month:02d}-{match[1]}T{match[4]}" if match and month else ""
