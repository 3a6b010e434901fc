"""Which of two objects is believed, where both speak about the same thing.

References: precedence as in IEC 61910-1 (the RDSR is the device's own record) and DICOM PS3.3 C.4.16 (MPPS).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from operator import attrgetter

from dose.model import DoseReport
from dose.store.rows import DOSES, clean

# Higher wins. A projection image states its own exposure; a CT image only one slice of it.
_CT = {"rdsr": 9, "radiopharm_rdsr": 9, "mpps": 7, "dose_screen": 6, "header": 5, "manual": 1, "legacy": 0}
LISTED = 1  # the strength of what people typed, or imported, and less
_PROJECTION = _CT | {"header": 7, "mpps": 6, "dose_screen": 5}
_DOSES_OF = attrgetter(*DOSES)


def report_hash(report: DoseReport) -> str:
    """SHA-256 of what an object says, whatever its encoding and the reader's remarks."""
    said = replace(report, warnings=(), quirks=(), reader_version=0)
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()


def rank_of(report: DoseReport, report_sha256: str, *, modified: bool = False) -> str:
    """A text that orders objects from least to most believed: kind, completeness, time of writing, identity.

    Of images the series of which more have arrived comes before, then who states more doses (of a pair for processing
    and for presentation often one does). A cumulative report outranks its predecessors by its time, or by its number of
    events when times are equal; what a person `modified` inside Orthanc outranks what it was made from. The identities
    at the end make the order total, so that it never depends on the order of arrival.
    """
    table = _CT if report.modality == "CT" else _PROJECTION
    return " ".join(
        (
            str(table.get(report.source, 0)),
            f"{min(report.instance_count, 999_999):06}",
            f"{_stated(report):03}",
            clean(report.content_datetime, 26) or "-",
            f"{len(report.events):05}",
            str(int(modified)),
            report.sop_instance_uid,
            report_sha256[:16],
        )
    )


def _stated(report: DoseReport) -> int:
    # A report states all it knows; a later one that states less corrects it.
    if report.source != "header":
        return 0
    return min(sum(value is not None for event in report.events for value in _DOSES_OF(event)), 999)


def strength(rank: str) -> int:
    """How good the kind of source of a rank is, 9 (the device's own report) to 0."""
    return int(rank[0])


def seniority(rank: str) -> tuple[int, str]:
    """Sorts first who spoke first among the best: whose an exposure is that two patients claim."""
    return -strength(rank), rank[2:]
