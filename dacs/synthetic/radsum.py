"""The private summary of Siemens mobile C-arms: a title and totals in a scheme of its own, no events.

References: the private scheme 99SMS_RADSUM in the DICOM conformance statements of these systems.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from dacs.synthetic.content import Concept, Value
from dacs.synthetic.document import ENHANCED_SR, Document, document
from dacs.synthetic.fields import Row, number_items
from dacs.synthetic.subjects import Device, Patient, Study

_SCHEME = "99SMS_RADSUM"
ROWS: tuple[Row, ...] = (
    ("frame_count", Concept("C-200", "Number of images", _SCHEME), "1"),
    ("fluoro_time_s", Concept("C-202", "Fluoroscopy time", _SCHEME), "s"),
    ("pka_gy_cm2", Concept("C-204", "Dose area product", _SCHEME), "Gy.cm^2"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Radsum:
    """What the C-arm states over the examination; a value may be left out (None) or odd."""

    frame_count: Value = 12.0
    fluoro_time_s: Value = 63.5
    pka_gy_cm2: Value = 1.25


def radsum(
    stated: Radsum | None = None,
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
) -> Dataset:
    """Return the summary, in a storage class that is not that of dose reports and without a template."""
    device = device or Device(manufacturer="SIEMENS", model="ARCADIS")
    form = Document(sop_class=ENHANCED_SR, title=Concept("C-10", "Radiation summary", _SCHEME))
    content = number_items(stated or Radsum(), ROWS, device.dialect)
    ds = document(form, "", patient or Patient(), device, study or Study(), content)
    del ds.ContentTemplateSequence
    return ds
