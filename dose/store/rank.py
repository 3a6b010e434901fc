"""Which of two objects is believed, where both speak about the same thing.

References: precedence as in IEC 61910-1 (the RDSR is the device's own record) and DICOM PS3.3 C.4.16 (MPPS).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from dose.model import DoseReport

# Higher wins. A projection image states its own exposure; a CT image only one slice of it.
_CT = {"rdsr": 9, "radiopharm_rdsr": 9, "mpps": 7, "dose_screen": 6, "header": 5, "manual": 1}
_PROJECTION = _CT | {"header": 7, "mpps": 6, "dose_screen": 5}


def report_hash(report: DoseReport) -> str:
    """SHA-256 of what an object says, whatever its encoding and the reader's remarks."""
    said = replace(report, warnings=(), quirks=(), reader_version=0)
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()


def rank_of(report: DoseReport, report_sha256: str) -> str:
    """A text that orders objects from least to most believed: kind, time of writing, completeness, identity.

    A cumulative report outranks its predecessors by its time, or by its number of events when times are equal;
    the identities at the end make the order total, so that it never depends on the order of arrival.
    """
    table = _CT if report.modality == "CT" else _PROJECTION
    return " ".join(
        (
            str(table.get(report.source, 0)),
            report.content_datetime or "-",
            f"{len(report.events):05}",
            report.sop_instance_uid,
            report_sha256[:16],
        )
    )
