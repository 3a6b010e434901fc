"""Short names for tests: a report in one line, its bytes in another.

Everything of `dacs.synthetic` is here too, so that a test imports from one place.
"""

from __future__ import annotations

from dacs.synthetic import *  # noqa: F403 - the point of this module
from dacs.synthetic import CTEvent, Study, XRayEvent, ct_event, ct_rdsr, projection_rdsr, radiograph, to_bytes, uid
from dacs.synthetic.heads import (  # noqa: F401
    Bytes,
    ct_slices,
    dose_screen,
    elscint_dlp,
    enhanced_ct,
    exposure,
    head,
    injection,
    items,
    localizer,
    nuclear,
    performed_step,
)
from dacs.synthetic.poison import (  # noqa: F401
    broken_sequence,
    circular_reference,
    deep_nesting,
    huge_private,
    nested_report,
    not_dicom,
    truncated,
)


def study(number: int = 1, **fields: str | None) -> Study:
    """Return a study of its own UID and accession number."""
    return Study(**({"uid": uid("test study", number), "accession_number": f"A{number:04}"} | fields))


def ct_bytes(number: int = 1, *events: CTEvent, **report) -> bytes:
    """Return a CT dose report (one scan unless events are given) of study `number`, as a file."""
    return to_bytes(ct_rdsr(study=study(number), events=events or (ct_event(),), **report))


def xray_bytes(number: int = 1, *events: XRayEvent, **report) -> bytes:
    """Return a projection dose report (one radiograph unless events are given) of study `number`, as a file."""
    return to_bytes(projection_rdsr(study=study(number), events=events or (radiograph(),), **report))
