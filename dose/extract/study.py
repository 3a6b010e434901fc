"""Study, patient and device: from the header, the device from the report's own context first.

References: DICOM PS3.3 C.7.1.1 (patient), C.7.2.1, C.7.2.2 (study), C.7.5.1 (equipment);
PS3.16 TID 1002 (device observer), TID 1021 (device participant), TID 10024 (patient characteristics).
"""

from __future__ import annotations

from typing import Any

from dose import codes as c
from dose.extract import texts
from dose.extract.document import HEADER, Document
from dose.extract.reading import Reading, Traced
from dose.extract.template import Table, Where, moment, number, text
from dose.model import Device, Patient
from dose.quantities import QUANTITIES

CONTEXT = Table(
    {
        "station_name": text(c.DEVICE_OBSERVER_NAME).or_else(c.DEVICE_ROLE, c.DEVICE_NAME),
        "manufacturer": text(c.DEVICE_OBSERVER_MANUFACTURER).or_else(c.DEVICE_ROLE, c.DEVICE_MANUFACTURER),
        "model": text(c.DEVICE_OBSERVER_MODEL).or_else(c.DEVICE_ROLE, c.DEVICE_MODEL),
        "serial_number": text(c.DEVICE_OBSERVER_SERIAL).or_else(c.DEVICE_ROLE, c.DEVICE_SERIAL),
        "started_at": moment(c.START_OF_IRRADIATION).or_else(c.ADMINISTRATION, c.ADMINISTRATION_START),
        "ended_at": moment(c.END_OF_IRRADIATION).or_else(c.ADMINISTRATION, c.ADMINISTRATION_STOP),
        "age_years": number(c.PATIENT_CHARACTERISTICS, c.SUBJECT_AGE),
        "height_m": number(c.PATIENT_CHARACTERISTICS, c.PATIENT_HEIGHT),
        "weight_kg": number(c.PATIENT_CHARACTERISTICS, c.PATIENT_WEIGHT),
    }
)
_HEADER_OF = {
    "station_name": "StationName",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "serial_number": "DeviceSerialNumber",
}


def context(reading: Reading, document: Document) -> dict[str, Any]:
    """Return the device's fields and the start and end of irradiation; the header fills what the report omits."""
    fields = CONTEXT.read(reading, document.content or (), Where("study", None, "1"))
    for column, keyword in _HEADER_OF.items():
        if not fields.get(column):
            fields[column] = header_text(reading, document, column, keyword)
    return fields


def header_text(reading: Reading, document: Document, column: str, keyword: str) -> str | None:
    """Return a header value, traced under the field's name."""
    value = document.text(keyword)
    if reading.trace is not None:
        tag = HEADER[keyword]
        path = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"
        reading.trace.append(
            Traced("study", None, column, path, value, reason=None if value else "not stated in the header")
        )
    return value


def device(document: Document, fields: dict[str, Any]) -> Device:
    """Return the equipment that irradiated."""
    software = document.text("SoftwareVersions") or ""
    return Device(
        manufacturer=fields.get("manufacturer"),
        model=fields.get("model"),
        serial_number=fields.get("serial_number"),
        station_name=fields.get("station_name"),
        institution=document.text("InstitutionName"),
        software=tuple(part.strip() for part in software.split("\\") if part.strip()),
        department=document.text("InstitutionalDepartmentName"),
    )


def patient(reading: Reading, document: Document, study_date: str | None, fields: dict[str, Any]) -> Patient:
    """Return the patient as the header states them, age and size also from the report's patient characteristics.

    Sizes that are zero or no number are None.
    """
    born = texts.day(document.text("PatientBirthDate"))
    stated = header_text(reading, document, "age_years", "PatientAge")
    age = texts.age_years(stated, born, study_date)
    if reading.trace is not None and not stated and age is not None:
        path = "(0010,0030) PatientBirthDate, (0008,0020) StudyDate"
        reading.trace.append(Traced("study", None, "age_years", path, conversion="difference in years"))
    height = _size(reading, header_text(reading, document, "height_m", "PatientSize"), "height_m")
    weight = _size(reading, header_text(reading, document, "weight_kg", "PatientWeight"), "weight_kg")
    return Patient(
        id=document.text("PatientID"),
        name=document.text("PatientName"),
        birth_date=born,
        sex=document.text("PatientSex"),
        age_years=_rounded(fields.get("age_years")) if age is None else age,
        height_m=height or fields.get("height_m") or None,
        weight_kg=weight or fields.get("weight_kg") or None,
        issuer=document.text("IssuerOfPatientID"),
        pregnancy_status=_pregnancy(document.header.get(HEADER["PregnancyStatus"], b"")),
    )


_PREGNANCY = {1: "not_pregnant", 2: "possibly_pregnant", 3: "definitely_pregnant", 4: "unknown"}  # (0010,21C0)


def _pregnancy(raw: bytes) -> str | None:
    # Two binary bytes in either order of a report, the number as text of an image.
    said = raw.strip(b" \0")
    return _PREGNANCY.get(int(said) if said.isdigit() else max(raw, default=0))


def _rounded(years: float | None) -> float | None:
    return round(years, 4) if years is not None and 0 <= years <= 150 else None


def _size(reading: Reading, said: str | None, column: str) -> float | None:
    if not said:
        return None
    try:
        value = float(said.replace(",", "."))
    except ValueError:
        reading.note("value-unreadable", f"{column}: not a number")
        return None
    if not 0 < value < float("inf"):
        return None
    row = QUANTITIES[column]
    if not row.low <= value <= row.high:
        reading.note("implausible", f"{column}: {value:g} is outside {row.low:g} to {row.high:g}")
    return value
