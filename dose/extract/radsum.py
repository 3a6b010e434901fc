"""Siemens mobile C-arms before the standard's template: a private summary of one examination.

Totals only, no events: the number of frames (C-200), the fluoroscopy time (C-202) and the kerma-area product
(C-204), in a unit that UCUM does not spell so (`Gy.cm^2`).

References: the private scheme 99SMS_RADSUM in the DICOM conformance statements of these systems.
"""

from __future__ import annotations

from dose import codes as c
from dose.extract.body import Body, Reader
from dose.extract.document import Node
from dose.extract.reading import Reading
from dose.extract.template import Table, Where, count, number
from dose.model import AccumulatedDose

TOTAL = Table(
    {
        "frame_count": count(c.RADSUM_FRAMES),
        "fluoro_time_s": number(c.RADSUM_FLUORO_TIME),
        "pka_gy_cm2": number(c.RADSUM_PKA),
    },
    anywhere=True,
)


def read(reading: Reading, content: tuple[Node, ...]) -> Body:
    """Read the totals of the whole examination as those of a single plane."""
    reading.subject = "accumulated"
    fields = TOTAL.read(reading, content, Where("accumulated", 0, "1"))
    return Body("RF", (), (AccumulatedDose(plane="single", **fields),))


READER = Reader(c.RADSUM_REPORT[0], (), read)
