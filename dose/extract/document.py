"""What a structured report is once read: a header of raw values and a content tree of tuples.

A content item is `(concept, kind, value, children)`:

* `concept` and coded values are `((scheme, value), meaning)`, the meaning still bytes;
* `kind` is the tag of the element that holds the value (`NUM`, `CODE`, `TEXT`, …, or `NOTHING`), because
  makers write wrong value types;
* a number is `((text, unit), …)`, one pair an item of its Measured Value Sequence, all still bytes;
* a table is the item of its Tabulated Values Sequence (`tabulated`), a position the text of its coordinates.

References: DICOM PS3.3 C.17.3 (SR document content), table 8.8-1 (codes), C.7, C.12 (header).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dose.extract.header_narrow import Item
from dose.extract.texts import decode_identity

Coded = tuple[tuple[str, str], bytes]
Numbers = tuple[tuple[bytes, Coded | None], ...]
Node = tuple[Coded, int, Any, tuple[Any, ...]]

NOTHING = 0
DATETIME, DATE, TIME, PNAME = 0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123
UIDREF, TEXT, CODE, NUM = 0x0040A124, 0x0040A160, 0x0040A168, 0x0040A300
TABLE, GRAPHIC = 0x0040A801, 0x00700022
NO_CODE: Coded = (("", ""), b"")

CONCEPT, CONTENT, TEMPLATE = 0x0040A043, 0x0040A730, 0x0040A504
TEMPLATE_ID, NUMERIC_VALUE, UNITS = 0x0040DB00, 0x0040A30A, 0x004008EA
_CODE_VALUE, _SCHEME, _MEANING, _LONG_CODE, _URN_CODE = 0x00080100, 0x00080102, 0x00080104, 0x00080119, 0x00080120
CODE_FIELDS = frozenset({_CODE_VALUE, _SCHEME, _MEANING, _LONG_CODE, _URN_CODE})
TEXTS = frozenset({DATETIME, DATE, TIME, PNAME, UIDREF, TEXT})
_CHARSET = 0x00080005
_SCHEMES = {scheme.upper(): scheme for scheme in ("DCM", "SRT", "SNM3", "99SDM", "SCT", "UCUM", "NCIt")}
_SRT = re.compile(r"[A-Z]\d?-[0-9A-F]{4,5}", re.ASCII)  # P5-08001, G-A100, T-D4000, R-FB8F1

# Header elements somebody asks for: PS3.3 C.7.1 patient, C.7.2 study, C.7.5 equipment, C.12.1 SOP common.
HEADER = {
    "SpecificCharacterSet": _CHARSET, "SOPClassUID": 0x00080016, "SOPInstanceUID": 0x00080018,
    "StudyDate": 0x00080020, "ContentDate": 0x00080023, "StudyTime": 0x00080030, "ContentTime": 0x00080033,
    "AccessionNumber": 0x00080050, "Modality": 0x00080060, "Manufacturer": 0x00080070,
    "InstitutionName": 0x00080080, "TimezoneOffsetFromUTC": 0x00080201, "StationName": 0x00081010,
    "StudyDescription": 0x00081030, "InstitutionalDepartmentName": 0x00081040, "ManufacturerModelName": 0x00081090,
    "PatientName": 0x00100010, "PatientID": 0x00100020, "IssuerOfPatientID": 0x00100021,
    "PatientBirthDate": 0x00100030, "PatientSex": 0x00100040, "PatientAge": 0x00101010, "PatientSize": 0x00101020,
    "PatientWeight": 0x00101030, "PregnancyStatus": 0x001021C0, "DeviceSerialNumber": 0x00181000,
    "SoftwareVersions": 0x00181020, "StudyInstanceUID": 0x0020000D, "SeriesInstanceUID": 0x0020000E,
    "ReferringPhysicianName": 0x00080090, "PerformingPhysicianName": 0x00081050, "OperatorsName": 0x00081070,
}  # fmt: skip


@dataclass(slots=True)
class Document:
    """An object's header, title and content tree; `notes` name what was odd about its encoding."""

    header: dict[int, bytes] = field(default_factory=dict)
    title: Coded | None = None
    template: str | None = None
    content: tuple[Node, ...] | None = None
    notes: tuple[str, ...] = ()
    asked: dict[int, tuple[Item, ...]] = field(default_factory=dict)  # sequences of `header_tags.PROCEDURES`

    _charset: str | None = None

    @property
    def charset(self) -> str:
        """The declared Specific Character Set, '' when none is."""
        if self._charset is None:
            self._charset = self.header.get(_CHARSET, b"").decode("latin-1").strip(" \0")
        return self._charset

    def text(self, keyword: str) -> str | None:
        """Return a header value as text, None when absent or empty."""
        raw = self.header.get(HEADER[keyword])
        return (decode_identity(raw, self.charset) or None) if raw else None


def as_code(found: dict[int, bytes]) -> Coded:
    """Return ((scheme, value), meaning) of a code item's fields; empty texts where the maker left them out."""
    stated = found.get(_CODE_VALUE, b"").strip(b" \0") or found.get(_LONG_CODE) or found.get(_URN_CODE) or b""
    value = _letters(stated).strip(" \0")
    scheme = found.get(_SCHEME, b"").decode("latin-1").strip(" \0")
    key = (_SCHEMES.get(scheme.upper(), scheme) if scheme else _implied(value), value)
    return (key, found.get(_MEANING, b"").strip(b" \0"))


def _letters(raw: bytes) -> str:
    """Return a code as text; only units hold more than ASCII (µ, ·, ²), whatever the character set declared."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _implied(value: str) -> str:
    """Return the scheme of a code that was sent without one: only where its form leaves no doubt, else ''."""
    if len(value) == 6 and value.isdecimal() and value.startswith("1"):
        return "DCM"
    return "SRT" if _SRT.fullmatch(value) else ""
