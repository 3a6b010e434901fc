"""Builders of dose reports and small images that never belonged to a person.

Used by the demonstration hospital, by the tests and by the benchmarks. Everything is deterministic.

>>> report = ct_rdsr(events=[ct_event(ctdi_vol_mgy=8.4, dlp_mgy_cm=395.0)])
>>> data = to_bytes(report, BIG_ENDIAN, lengths="undefined")
"""

from dacs.synthetic.content import BLANK, EMPTY, Concept, Dialect, Raw, Repeated, Value
from dacs.synthetic.ct import CTCheck, CTEvent, CTSource, ct_event, ct_localizer, ct_rdsr, event_uid
from dacs.synthetic.document import COMPREHENSIVE_SR, DOSE_SR, ENHANCED_SR, Document, basic_text_sr
from dacs.synthetic.edit import drop, find, shuffled, walk
from dacs.synthetic.encode import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, TRANSFER_SYNTAXES, misdeclared, to_bytes
from dacs.synthetic.enhanced import Detail, EnhancedEvent, EnhancedTotals, enhanced_event, enhanced_rdsr
from dacs.synthetic.projection import (
    PhilipsItems,
    ProjectionTotals,
    XRayEvent,
    XRayFilter,
    cine,
    fluoroscopy,
    mammogram,
    plane_event_uid,
    projection_rdsr,
    radiograph,
    rotational,
    tomosynthesis,
    totals_of,
)
from dacs.synthetic.radiopharm import (
    Administration,
    Characteristics,
    OrganDose,
    administration,
    administration_uid,
    radiopharm_rdsr,
)
from dacs.synthetic.radsum import Radsum, radsum
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.uids import uid

__all__ = [
    "BIG_ENDIAN",
    "BLANK",
    "COMPREHENSIVE_SR",
    "DEFLATED",
    "DOSE_SR",
    "EMPTY",
    "ENHANCED_SR",
    "EXPLICIT",
    "IMPLICIT",
    "TRANSFER_SYNTAXES",
    "Administration",
    "CTCheck",
    "CTEvent",
    "CTSource",
    "Characteristics",
    "Concept",
    "Detail",
    "Device",
    "Dialect",
    "Document",
    "EnhancedEvent",
    "EnhancedTotals",
    "OrganDose",
    "Patient",
    "PhilipsItems",
    "ProjectionTotals",
    "Radsum",
    "Raw",
    "Repeated",
    "Study",
    "Value",
    "XRayEvent",
    "XRayFilter",
    "administration",
    "administration_uid",
    "basic_text_sr",
    "cine",
    "ct_event",
    "ct_localizer",
    "ct_rdsr",
    "drop",
    "enhanced_event",
    "enhanced_rdsr",
    "event_uid",
    "find",
    "fluoroscopy",
    "mammogram",
    "misdeclared",
    "plane_event_uid",
    "projection_rdsr",
    "radiograph",
    "radiopharm_rdsr",
    "radsum",
    "rotational",
    "shuffled",
    "to_bytes",
    "tomosynthesis",
    "totals_of",
    "uid",
    "walk",
]
