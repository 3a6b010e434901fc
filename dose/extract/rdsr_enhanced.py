"""Enhanced X-Ray radiation dose reports: event summaries, and details that are stated by time and X-ray source.

The technique, filtration, field and output of a source stand apart from the events, each with the period over
which it applied. An event takes what applied to its source while it lasted; what adds up (output, exposure, pulses)
only from periods that lie within it.

References: DICOM PS3.16 TID 10040 (document), TID 10041 (totals), TID 10042 (events), TID 10043 to 10055 (details).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from dose import codes as c
from dose.extract import private, rdsr_ct, rdsr_projection, tabulated, texts
from dose.extract.body import Body, Reader, containers
from dose.extract.document import GRAPHIC, NO_CODE, NOTHING, NUM, TABLE, Node
from dose.extract.reading import Reading
from dose.extract.template import NOWHERE, Table, Where, choice, count, group, moment, number, text, total
from dose.model import IrradiationEvent

TOTAL = Table(
    {
        **{column: row for column, row in rdsr_projection.TOTAL.rows.items() if column not in private.TOTAL},
        "event_count": count(c.CT_EVENT_COUNT),
        "dlp_mgy_cm": number(c.DLP_TOTAL),
        "source_id": text(c.CT_SOURCE_ID),
    },
    anywhere=True,
)
_CT_ROWS = ("ctdi_vol_mgy", "ctdi_phantom", "dlp_mgy_cm", "ssde_mgy", "scanning_length_mm", "pitch")
EVENT = Table(
    {
        **rdsr_projection.EVENT.rows,
        **{column: rdsr_ct.EVENT.rows[column] for column in _CT_ROWS},
        "event_type": choice(c.PROJECTION_EVENT_TYPES | c.CT_EVENT_TYPES, c.EVENT_TYPE),
        "number_of_pulses": total(c.NUMBER_OF_PULSES),
        "ka_output_mgy": total(c.AIR_KERMA_AT_OUTPUT_POINT),
        "filters": group(rdsr_projection.filters, c.ATTENUATOR),
        "water_equivalent_diameter_mm": number(c.WATER_EQUIVALENT_DIAMETER),
    },
    anywhere=True,
)


def _source(reading: Reading, _: str, nodes: list[Node]) -> str | None:
    """Read the identification of a source: a text, in TID 10054 a number."""
    for node in nodes:
        said = node[2][0][0] if node[1] == NUM and node[2] else node[2]
        if isinstance(said, bytes):
            return texts.decode(said, reading.charset) or None
    return None


PERIOD = Table(
    {
        "start": moment(c.DATETIME_STARTED),
        "end": moment(c.DATETIME_ENDED),
        "source_id": group(_source, c.CT_SOURCE_ID),
    }
)

_PLACES = frozenset({c.SOURCE_COORDINATES, c.BEAM_POSITION})  # where the source is, and what lies in its beam
_DETAILS = _PLACES | {
    c.SOURCE_CHARACTERISTICS, c.RADIATION_TECHNIQUE, c.FILTRATION, c.RADIATION_OUTPUT, c.RADIATION_FIELD,
    c.PATIENT_ATTENUATION, c.PROCEDURE_CHARACTERISTICS,
}  # fmt: skip
# Positions in mm (x, y, z), matrices row by row and angles over time: lists of an event, from which nothing is derived.
_POSITIONS = {
    c.CENTER_OF_ROTATION: "rotation_center_mm",
    c.ROTATION_NORMAL_POINT: "rotation_normal_point_mm",
    c.OUTPUT_POINT_POSITION: "output_point_position_mm",
    c.REFERENCE_POINT_POSITION: "reference_point_position_mm",
}
_ADDED_UP = frozenset({c.AIR_KERMA_AT_OUTPUT_POINT, c.EXPOSURE, c.EXPOSURE_TIME, c.NUMBER_OF_PULSES})
_MATRIX = 16
_PERIOD = frozenset({c.DATETIME_STARTED, c.DATETIME_ENDED})
_SEVERAL = re.compile(r"\s*(?:,|;|/|\+|&|\band\b)\s*", re.IGNORECASE)
_SHOWN = 16
_TAKEN = frozenset(EVENT.astray) | _POSITIONS.keys() | {c.TRANSFORMATION_MATRIX, c.ROTATION_ANGLE}
_EVENT_FIELDS = frozenset(field.name for field in fields(IrradiationEvent))
_CT = frozenset(c.spellings(c.CT_PROCEDURE))


@dataclass(frozen=True, slots=True)
class Part:
    """One container with the period it speaks of and the X-ray sources it names (none: whichever)."""

    node: Node
    at: str
    start: str | None
    end: str | None
    sources: frozenset[str]

    def applies_to(self, event: Part) -> bool:
        """Tell whether this was so during some of the event, for one of its sources."""
        if not self.may_share_source(event):
            return False
        if not self.start or not self.end or not event.start:
            return True
        event_end = event.end or event.start
        first, last = max(self.start, event.start), min(self.end, event_end)
        return first < last or (first == last and (self.start == self.end or event.start == event_end))

    def may_share_source(self, other: Part) -> bool:
        """Tell whether both may speak of one source."""
        return not self.sources or not other.sources or bool(self.sources & other.sources)

    @property
    def period(self) -> tabulated.Period:
        """Its time."""
        return tabulated.Period(self.start, self.end)

    def lies_within(self, event: Part) -> bool:
        """Tell whether the whole period belongs to the event."""
        return bool(
            self.start
            and self.end
            and event.start
            and event.end
            and event.start <= self.start
            and self.end <= event.end
        )


def _part(reading: Reading, at: str, node: Node) -> Part:
    said = PERIOD.read(reading, node[3], NOWHERE)
    return Part(node, at, said.get("start"), said.get("end"), sources_in(said.get("source_id")))


def sources_in(said: str | None) -> frozenset[str]:
    """Return the X-ray sources that an identification names: `A and B` names two."""
    return frozenset(name.upper() for name in _SEVERAL.split(said or "") if name)


def _blanked(nodes: tuple[Node, ...], concepts: frozenset[c.Concept]) -> tuple[Node, ...]:
    """Return the items in their places, those of some concepts blank: the trace counts places."""
    blank = (NO_CODE, NOTHING, None, ())
    return tuple(blank if node[0][0] in concepts and node[1] != TABLE else node for node in nodes)


def _tables(part: Part, events: list[Part]) -> dict[int, tabulated.Series]:
    """Return the tables over time among the items of a container, by their place."""
    found = {
        place: node
        for place, node in enumerate(part.node[3])
        if node[1] == TABLE and node[0][0] != c.TRANSFORMATION_MATRIX
    }
    beside = [event.period for event in events if part.may_share_source(event)] if found else []
    return {place: tabulated.Series(node, part.period, beside, _ADDED_UP) for place, node in found.items()}


def _of_event(
    reading: Reading, nodes: tuple[Node, ...], tables: dict[int, tabulated.Series], event: Part
) -> tuple[Node, ...]:
    """Return the items in their places, tables of values over time reduced to what they say of the event."""
    if not tables:
        return nodes
    return tuple(
        tables[place].of(reading, event.period) if place in tables else node for place, node in enumerate(nodes)
    )


def _lists(nodes: tuple[Node, ...]) -> Iterator[tuple[str, list[float]]]:
    """Give the positions, matrices and angles that items of an X-ray source state."""
    for node in nodes:
        concept = node[0][0]
        if concept in _POSITIONS and node[1] == GRAPHIC:
            yield _POSITIONS[concept], tabulated.points(node[2])
        elif concept == c.TRANSFORMATION_MATRIX and node[1] == TABLE:
            matrix = tabulated.table(node[2], node[0]).numbers()
            yield "source_transformation_matrix", matrix if len(matrix) == _MATRIX else []
        elif concept == c.ROTATION_ANGLE and node[1] == NUM:
            yield "rotation_angle_deg", tabulated.numbers_of(node[2], "positioner_primary_angle_deg")


def _joined(lists: list[tuple[str, list[float]]]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Give the lists of one name as one, in the order of the report."""
    for name in dict.fromkeys(name for name, _ in lists):
        values = tuple(value for other, found in lists if other == name for value in found)
        if values:
            yield name, values


def _details(nodes: tuple[Node, ...], at: str = "1") -> Iterator[tuple[str, Node]]:
    for position, node in enumerate(nodes, 1):
        if node[0][0] in _DETAILS:
            yield f"{at}.{position}", node
        elif node[3] and node[0][0] != c.ENHANCED_EVENT:
            yield from _details(node[3], f"{at}.{position}")


def _events(reading: Reading, content: tuple[Node, ...]) -> Iterator[tuple[dict[str, Any], Part]]:
    """Read every event summary together with the details that applied to it."""
    details = [_part(reading, at, node) for at, node in _details(content)]
    events = [_part(reading, at, node) for at, node in containers(content, c.ENHANCED_EVENT)]
    tables = {part.at: _tables(part, events) for part in details}
    for index, event in enumerate(events):
        reading.subject, reading.several = "event", []
        node, at = event.node, event.at
        parts = [(node[3], Where("event", index, at))]
        lists: list[tuple[str, list[float]]] = []
        for part in details:
            if part.applies_to(event):
                beside = _PERIOD if part.lies_within(event) else _PERIOD | _ADDED_UP
                of_event = _of_event(reading, _blanked(part.node[3], beside), tables[part.at], event)
                parts.append((of_event, Where("event", index, part.at)))
                lists += _lists(of_event) if part.node[0][0] in _PLACES else []
        found = EVENT.read_parts(reading, parts)
        yield found | {"values": (*reading.several, *_joined(lists))}, event


def _plane(sources: frozenset[str], all_sources: frozenset[str]) -> str | None:
    """Return the plane of a source: only `A` and `B` name planes, and one source alone is a single plane."""
    if len(all_sources) <= 1:
        return "single"
    names = {name.removeprefix("PLANE").strip() for name in sources}
    return names.pop() if len(names) == 1 and names <= {"A", "B"} else None


def _totals(reading: Reading, content: tuple[Node, ...]) -> list[tuple[frozenset[str], dict[str, Any]]]:
    found = []
    for index, (at, node) in enumerate(containers(content, c.ENHANCED_ACCUMULATED)):
        reading.subject = "accumulated"
        said = TOTAL.read(reading, node[3], Where("accumulated", index, at))
        found.append((sources_in(said.pop("source_id", None)), said))
    return found


def _once(rows: list[tuple[frozenset[str], dict[str, Any]]]) -> list[tuple[frozenset[str], dict[str, Any]]]:
    """Take out of a row over several sources what each of them also states for itself."""
    kept = []
    for sources, said in rows:
        own = [other for names, other in rows if len(names) == 1 and names < sources]
        apart = len(own) == len(sources) > 1
        left = {field: value for field, value in said.items() if not (apart and all(field in one for one in own))}
        if left or not apart:
            kept.append((sources, left))
    return kept


def read(reading: Reading, content: tuple[Node, ...]) -> Body:
    """Read an enhanced report's events and totals, in document order."""
    _note_kept(reading, content)
    root = rdsr_projection.ROOT.read(reading, content, Where("study", None, "1"))
    found = list(_events(reading, content))
    rows = _totals(reading, content)
    every = frozenset().union(*(part.sources for _, part in found), *(sources for sources, _ in rows))
    is_ct = _is_ct(root, [said for said, _ in found])
    events = [
        IrradiationEvent(
            **{name: value for name, value in said.items() if name in _EVENT_FIELDS}
            | {"plane": said.get("plane") or (None if is_ct else _plane(part.sources, every))}
        )
        for said, part in found
    ]
    totals = [
        replace(row, plane=row.plane or (None if is_ct else _plane(sources, every)))
        for sources, said in _once(rows)
        for row in rdsr_projection.totals_of(said)
    ]
    modality = "CT" if is_ct else rdsr_projection.modality_of(root, events, totals)
    typed = tuple(rdsr_projection.typed_event(event, modality) for event in events)
    took_part = tuple(person for said, _ in found for person in said.get("people", ()))
    return Body(modality, typed, tuple(totals), took_part)


def _note_kept(reading: Reading, nodes: tuple[Node, ...]) -> None:
    """Note every table and position that no field and no list of an event takes."""
    for node in nodes:
        (_, code), known = node[0][0], node[0][0] in _TAKEN
        if node[1] in (TABLE, GRAPHIC) and not known:
            kind = "table" if node[1] == TABLE else "position"
            reading.note("kept-unread", f"a {kind} of concept {code[:_SHOWN]!r} is kept in the object and not read")
        if node[3]:
            _note_kept(reading, node[3])


def _is_ct(root: dict[str, Any], events: list[dict[str, Any]]) -> bool:
    procedure = root.get("procedure")
    if procedure is not None and (procedure.scheme, procedure.code) in _CT:
        return True
    return any(event.get("dlp_mgy_cm") is not None or event.get("ctdi_vol_mgy") is not None for event in events)


READER = Reader("10040", (c.ENHANCED_EVENT, c.ENHANCED_ACCUMULATED), read)
