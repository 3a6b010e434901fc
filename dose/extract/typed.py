"""Doses that a person typed, or a row of an imported table states, laid down as a document of their own.

The document is `MAGIC` and canonical JSON (`encode`), so that the same row always gives the same bytes. Numbers stand
there as they were written, with their unit and their place; they become canonical values here, by the same table of
quantities as any other:

    {"source": "manual | legacy", "uid", "modality", "written_at",
     "origin": {"by", "at"} of a typed study | {"file"} of an imported one: the beginning of its SHA-256,
     "study": {"uid", "date", "time", "accession_number", "description"}, "patient": {"id", "issuer", …}, "device": {…},
     "size": {"height_m": VALUE, …}, "events": [{"texts": {…}, "values": {column: VALUE}}], "totals": [as events]}

with VALUE = {"text": as written, "number", "unit", "at": "row 17, column E"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dose.errors import MissingField, TooExpensive, UnknownUnit, UnreadableObject
from dose.extract.reading import Reading, Traced
from dose.model import AccumulatedDose, Code, Device, DoseReport, IrradiationEvent, Patient
from dose.quantities import QUANTITIES, is_plausible

MAGIC = b"DACS-ROW-1\n"
MANUAL, LEGACY = "manual", "legacy"
LARGEST_BYTES = 16 << 20  # hundreds of thousands of events of one study

Document = dict[str, Any]
_CODED = ("radiopharmaceutical", "radionuclide")
_SIZE = ("age_years", "height_m", "weight_kg")
EVENT_TEXTS = (
    "irradiation_event_uid", "event_type", "started_at", "protocol", "laterality", "plane", "comment", "ctdi_phantom",
    "view", *_CODED,
)  # fmt: skip
TOTAL_TEXTS = ("plane", "laterality")
EVENT_VALUES = tuple(field.name for field in fields(IrradiationEvent) if field.name in QUANTITIES)
TOTAL_VALUES = tuple(field.name for field in fields(AccumulatedDose) if field.name in QUANTITIES)
_PATIENT_TEXTS = ("id", "issuer", "name", "birth_date", "sex")
_DEVICE_TEXTS = ("manufacturer", "model", "serial_number", "station_name", "institution", "department")


def encode(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a document: the same for the same row, whoever writes them."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return MAGIC + text.encode("utf-8", "replace")


def decode(content: bytes) -> Document:
    """Return the document of its bytes.

    Raises
    ------
    UnreadableObject
        It is none.
    """
    try:
        document = json.loads(content.removeprefix(MAGIC).decode("utf-8"))
    except (ValueError, RecursionError):
        raise UnreadableObject("a typed or imported row that is not whole") from None
    if not isinstance(document, dict) or document.get("source") not in (MANUAL, LEGACY):
        raise UnreadableObject("a typed or imported row of unknown form")
    return document


def read(content: bytes, trace: list[Traced] | None, reader_version: int) -> DoseReport:
    """Return what a typed study or an imported row says.

    Raises
    ------
    UnreadableObject
        The bytes are no such document, or one of its values is of the wrong kind.
    MissingField
        It has no identifier of its own, or no study.
    UnknownUnit
        A value carries a unit that its quantity does not know: nothing of the row is believed then.
    TooExpensive
        It is larger than any study.
    """
    if len(content) > LARGEST_BYTES:
        raise TooExpensive("a typed or imported study of that size")
    document = decode(content)
    try:
        return _report(document, Reading(trace=trace), reader_version)
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
        raise UnreadableObject(f"a typed or imported row of unknown form ({type(error).__name__})") from None


def _report(document: Document, reading: Reading, reader_version: int) -> DoseReport:
    source, said = document["source"], document.get("study") or {}
    origin = _origin(document)
    device = Device(**_texts(document.get("device") or {}, _DEVICE_TEXTS))
    patient = _patient(reading, document, origin)
    events = tuple(
        _event(reading, one, number, origin) for number, one in enumerate(document.get("events") or ())
    )  # in the order of the rows
    totals = tuple(_total(reading, one, number, origin) for number, one in enumerate(document.get("totals") or ()))
    if not events and not totals:
        raise MissingField("a dose")
    return DoseReport(
        source=source,
        template=None,
        modality=_required(document, "modality"),
        sop_class_uid="",
        sop_instance_uid=_required(document, "uid"),
        study_instance_uid=_required(said, "uid"),
        accession_number=_text(said, "accession_number"),
        study_date=_text(said, "date"),
        study_time=_text(said, "time"),
        study_description=_text(said, "description"),
        content_datetime=_text(document, "written_at"),
        patient=patient,
        device=device,
        accumulated=totals,
        events=events,
        warnings=reading.warnings(),
        reader_version=reader_version,
    )


def _origin(document: Document) -> str:
    """Say who or what wrote the values: never whom they are about."""
    said = document.get("origin") or {}
    if document["source"] == MANUAL:
        return f"typed by {said.get('by') or 'unknown'} on {str(said.get('at') or '?')[:16].replace('T', ' ')} UTC"
    return f"of file {said.get('file') or '?'}"


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(name)
    return value or None


def _texts(said: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _text(said, name) for name in names}


def _required(said: Mapping[str, Any], name: str) -> str:
    value = _text(said, name)
    if value is None:
        raise MissingField(name)
    return value


def _patient(reading: Reading, document: Document, origin: str) -> Patient:
    said = document.get("patient") or {}
    size = _values(reading, document.get("size") or {}, _SIZE, ("study", None), origin)
    return Patient(**_texts(said, _PATIENT_TEXTS), **size)


def _event(reading: Reading, said: Mapping[str, Any], index: int, origin: str) -> IrradiationEvent:
    texts = _texts(said.get("texts") or {}, EVENT_TEXTS)
    for name in _CODED:
        texts[name] = Code("", "", texts[name]) if texts[name] else None
    number = said.get("number")
    return IrradiationEvent(
        **texts,
        **_values(reading, said.get("values") or {}, EVENT_VALUES, ("event", index), origin),
        acquisition_number=number if isinstance(number, int) else None,
    )


def _total(reading: Reading, said: Mapping[str, Any], index: int, origin: str) -> AccumulatedDose:
    values = _values(reading, said.get("values") or {}, TOTAL_VALUES, ("accumulated", index), origin)
    count = values.pop("event_count", None)
    texts = _texts(said.get("texts") or {}, TOTAL_TEXTS)
    return AccumulatedDose(**texts, **values, event_count=None if count is None else round(count))


def _values(
    reading: Reading, said: Mapping[str, Any], known: tuple[str, ...], subject: tuple[str, int | None], origin: str
) -> dict[str, Any]:
    found = {}
    for column, cell in said.items():
        if column not in known:
            raise KeyError(column)
        found[column] = _value(reading, column, cell, subject, origin)
    return found


def _value(
    reading: Reading, column: str, cell: Mapping[str, Any], subject: tuple[str, int | None], origin: str
) -> float:
    quantity, unit = QUANTITIES[column], cell.get("unit")
    number = float(cell["number"])
    try:
        value = quantity.convert(number, unit)
    except ValueError:
        raise UnknownUnit(f"{column} is no number") from None
    if not is_plausible(column, value):
        reading.note("implausible", f"{column}: {value:g} is outside {quantity.low:g} to {quantity.high:g}")
    if reading.trace is not None:
        factor = quantity.convert(1.0, unit)
        changed = f"× {factor:.12g} = {quantity.unit}" if factor != 1.0 else None
        place = ", ".join(filter(None, (str(cell.get("at") or ""), origin))).replace(", of file", " of file")
        reading.trace.append(Traced(*subject, column, place, str(cell.get("text")), unit or None, changed))
    return value
