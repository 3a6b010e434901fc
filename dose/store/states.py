"""What may become of an object, and why one that was read well does not count."""

from __future__ import annotations

from sqlalchemy import Table

from dose import tables

SOURCE: Table = tables.SourceObject.__table__  # type: ignore[assignment]

OK, SUPERSEDED, COPY, REJECTED, NOT_DOSE = "ok", "superseded", "copy", "rejected", "not_dose"
SOP_UID_REUSED, MODIFIED, SERIES_GREW = "sop-uid-reused", "modified-in-orthanc", "series-grew"
OUTDONE = {
    SOP_UID_REUSED: "Another object with the same SOP Instance UID is believed instead.",
    MODIFIED: "It was modified inside Orthanc; what came of it counts instead.",
    SERIES_GREW: "More images of this series have arrived since.",
}
COPY_CODE = "anonymised-copy"
COPY_REASON = "An anonymised copy made inside Orthanc: the object it was made from counts, where it is known."
ANONYMISED_COPY, MODIFIED_COPY = "anonymised", "modified"

# Objects that have a say in their study; the others only explain why nothing of theirs counts.
SPEAKS = SOURCE.c.status.in_((OK, SUPERSEDED)) & (
    SOURCE.c.reason_code.is_(None) | SOURCE.c.reason_code.not_in(sorted(OUTDONE))
)
