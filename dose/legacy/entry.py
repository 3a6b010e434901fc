"""Doses of equipment without DICOM, typed by a person: which fields a modality has, and checking what was typed.

What was typed becomes a document (`dose.extract.typed`) like a row of a table; an implausible value is asked about once
and then stored and flagged, anything that is no number, date or unit is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from dose.errors import UnknownUnit
from dose.extract import typed
from dose.legacy import cells
from dose.legacy.cells import CellError
from dose.legacy.documents import uid_of
from dose.legacy.mapping import is_dose
from dose.legacy.meanings import CHOICES, MEANINGS
from dose.quantities import QUANTITIES, is_plausible

MOST_EXPOSURES = 20
_MINUTES = re.compile(r"(\d{1,3}):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of an exposure that is one of a few codes."""

    name: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """A field of an exposure that is a text."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A field of an exposure that is a quantity; the first of `units` is the one that consoles show."""

    name: str
    units: tuple[str, ...]


FormField = Choice | Words | Number

_KV, _MAS = Number("kvp_kv", ("kV",)), Number("exposure_mas", ("mAs", "uAs"))
_AREA = ("mGy.cm2", "cGy.cm2", "dGy.cm2", "Gy.cm2", "uGy.m2", "mGy.m2", "Gy.m2")
_RADIOGRAPH: tuple[FormField, ...] = (
    Words("view"), Choice("laterality", ("left", "right")), _KV, _MAS, Number("pka_gy_cm2", _AREA),
    Number("ka_e_mgy", ("mGy", "uGy")), Number("exposure_index", ("1",)),
)  # fmt: skip
_FLUOROSCOPY: tuple[FormField, ...] = (
    Choice("event_type", ("fluoroscopy", "stationary_acquisition", "rotational_acquisition")),
    Number("pka_gy_cm2", ("Gy.cm2", *(one for one in _AREA if one != "Gy.cm2"))), Number("ka_r_mgy", ("mGy", "Gy")),
    Number("fluoro_time_s", ("s", "min")), Number("number_of_pulses", ("1",)),
)  # fmt: skip
_NUCLEAR: tuple[FormField, ...] = (
    Words("radiopharmaceutical"), Words("radionuclide"), Number("activity_mbq", ("MBq", "GBq", "mCi")),
)  # fmt: skip
FORMS: Mapping[str, tuple[FormField, ...]] = {
    "DX": _RADIOGRAPH, "CR": _RADIOGRAPH, "PX": _RADIOGRAPH, "IO": _RADIOGRAPH, "RF": _FLUOROSCOPY, "XA": _FLUOROSCOPY,
    "CT": (Words("protocol"), Number("ctdi_vol_mgy", ("mGy",)), Choice("ctdi_phantom", ("head_16", "body_32")),
           Number("dlp_mgy_cm", ("mGy.cm", "Gy.cm")), _KV, _MAS),
    "MG": (Choice("laterality", ("left", "right")), Words("view"), Number("agd_mgy", ("mGy", "uGy")), _KV, _MAS,
           Number("compressed_thickness_mm", ("mm", "cm"))),
    "NM": _NUCLEAR, "PT": _NUCLEAR,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure as typed: words and codes by field, numbers as (text, unit)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A study as typed. `token` is the form's own, so that a second press of the button stores nothing twice.

    `study` has date, time, accession_number and description; `patient` id, name, birth_date and sex; `device` its
    identifying fields.
    """

    token: str
    modality: str
    study: Mapping[str, str]
    patient: Mapping[str, str]
    device: Mapping[str, str | None]
    exposures: Sequence[Exposure]


@dataclass(frozen=True, slots=True)
class Fault:
    """What must be set right before anything is stored; `exposure` counts from 1, None is the study."""

    field: str
    code: str
    exposure: int | None = None


@dataclass(slots=True)
class Prepared:
    """What was typed, ready to be stored when there is no fault; `doubts` are values to be confirmed first."""

    document: typed.Document
    faults: list[Fault] = field(default_factory=list)
    doubts: list[Fault] = field(default_factory=list)


def prepare(entry: Entry, *, today: date, by: str, at: datetime) -> Prepared:
    """Check what was typed; `by` and `at` (UTC) are kept as the origin of every value."""
    found = Prepared({})
    study = _study(found, entry.study, today)
    patient = _patient(found, entry.patient, today, study.get("date"))
    if not any(entry.device.values()):
        found.faults.append(Fault("device", "missing-device"))
    events = [_event(found, entry.modality, one, n) for n, one in enumerate(entry.exposures[:MOST_EXPOSURES], 1)]
    events = [one for one in events if one["values"] or one["texts"]]
    stated = (f"event.{name}" for one in events for name in one["values"])
    if not any(map(is_dose, stated)) and not any(fault.exposure for fault in found.faults):
        found.faults.append(Fault("exposure", "missing-dose"))
    uid = uid_of("typed study", entry.token)
    found.document = {
        "source": typed.MANUAL, "uid": uid_of("typed object", entry.token), "modality": entry.modality,
        "written_at": at.isoformat(timespec="seconds"),
        "origin": {"by": by, "at": at.isoformat(timespec="seconds")},
        "study": study | {"uid": uid}, "patient": patient, "device": {k: v for k, v in entry.device.items() if v},
        "events": events,
    }  # fmt: skip
    return found


def _said(values: Mapping[str, str], name: str) -> str | None:
    return " ".join((values.get(name) or "").split()) or None


def _study(found: Prepared, said: Mapping[str, str], today: date) -> dict[str, str]:
    study = _texts(found, said, "study", ("accession_number", "description"))
    try:
        day = cells.day(_said(said, "date"), "iso", today)
        if day is None:
            raise CellError("missing-date")
        study["date"] = day.isoformat()
    except CellError as error:
        found.faults.append(Fault("study.date", error.code))
    try:
        clock = cells.clock(_said(said, "time"))
        study |= {"time": clock} if clock else {}
    except CellError as error:
        found.faults.append(Fault("study.time", error.code))
    return study


def _patient(found: Prepared, said: Mapping[str, str], today: date, day: str | None) -> dict[str, str]:
    patient = _texts(found, said, "patient", ("id", "name"))
    if "id" not in patient:
        found.faults.append(Fault("patient.id", "missing-identity"))
    if said.get("sex") in CHOICES["patient.sex"]:
        patient["sex"] = said["sex"]
    try:
        born = cells.birthday(_said(said, "birth_date"), "iso", today)
        if born and day and born.isoformat() > day:
            raise CellError("birth-after-study")
        patient |= {"birth_date": born.isoformat()} if born else {}
    except CellError as error:
        found.faults.append(Fault("patient.birth_date", error.code))
    return patient


def _texts(found: Prepared, said: Mapping[str, str], place: str, names: tuple[str, ...]) -> dict[str, str]:
    taken = {}
    for name in names:
        text = _said(said, name)
        if text and len(text) > MEANINGS[f"{place}.{name}"].longest:
            found.faults.append(Fault(f"{place}.{name}", "too-long"))
        elif text:
            taken[name] = text
    return taken


def _event(found: Prepared, modality: str, said: Exposure, number: int) -> dict[str, Any]:
    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    for one in FORMS[modality]:
        if isinstance(one, Number):
            value = _number(found, one, said.numbers.get(one.name, ("", "")), number)
            values |= {one.name: value} if value else {}
        elif text := _said(said.texts, one.name):
            bad = text not in one.codes if isinstance(one, Choice) else len(text) > 64
            if bad:
                found.faults.append(Fault(one.name, "bad-choice" if isinstance(one, Choice) else "too-long", number))
            else:
                texts[one.name] = text
    if "activity_mbq" in values:
        texts["event_type"] = "administration"
    return {"texts": texts, "values": values}


def _number(found: Prepared, one: Number, said: tuple[str, str], exposure: int) -> dict[str, Any] | None:
    text, unit = said[0].strip(), said[1] or one.units[0]
    try:
        minutes = _MINUTES.fullmatch(text) if one.name == "fluoro_time_s" else None
        if minutes:
            value, unit = float(int(minutes[1]) * 60 + int(minutes[2])), "s"
        else:
            number = cells.number(text, "," if {",", "٫"} & set(text) and "." not in text else ".")
            if number is None:
                return None
            value = number
        canonical = QUANTITIES[one.name].convert(value, unit)
    except (CellError, UnknownUnit, ValueError) as error:
        code = error.code if isinstance(error, CellError) else "unit-unknown"
        found.faults.append(Fault(one.name, code, exposure))
        return None
    if canonical < 0:
        found.faults.append(Fault(one.name, "out-of-range", exposure))
    elif not is_plausible(one.name, canonical):
        found.doubts.append(Fault(one.name, "out-of-range", exposure))
    return {"text": text, "number": value, "unit": unit, "at": f"exposure {exposure}"}


def as_entry(document: Mapping[str, Any], token: str) -> Entry:
    """Return a kept document as it was typed, to be corrected."""
    exposures = [
        Exposure(
            {name: text for name, text in (one.get("texts") or {}).items() if text},
            {name: (str(value["text"]), str(value["unit"])) for name, value in (one.get("values") or {}).items()},
        )
        for one in document.get("events") or ()
    ]
    parts = {name: {k: str(v) for k, v in (document.get(name) or {}).items() if v} for name in ("study", "patient")}
    return Entry(token, document["modality"], parts["study"], parts["patient"], document.get("device") or {}, exposures)
