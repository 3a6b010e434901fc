"""Short ways to what an image header says."""

from __future__ import annotations

from dacs.synthetic import to_bytes
from dacs.synthetic.heads import head
from dose.errors import BadObject
from dose.extract import extract
from dose.extract.trace import trace

PIXELS = {"Rows": 2, "Columns": 2, "BitsAllocated": 8, "PixelRepresentation": 0, "SamplesPerPixel": 1}


def file(ds, *encoding, **how):
    """Return the bytes of a data set, odd values as they are."""
    return to_bytes(ds, *encoding, strict=False, **how)


def reports(ds):
    """Return what a data set says."""
    return extract(file(ds))


def event(modality, **attributes):
    """Return the one event of an image with these attributes."""
    (found,) = reports(head(modality, **attributes)).events
    return found


def warnings(ds):
    """Return the codes of a data set's warnings."""
    return [one.code for one in reports(ds).warnings]


def refusal(ds):
    """Return why a data set is refused."""
    try:
        return reports(ds)
    except BadObject as error:
        return error


def lines(ds, field, index=0, subject="event"):
    """Return the trace of one field."""
    found = trace(ds if isinstance(ds, bytes) else file(ds))
    return [one for one in found if (one.subject, one.index, one.field) == (subject, index, field)]


def with_pixels(ds, keyword="PixelData", value=b"\1\2\3\4"):
    """Return the image with pixels, and something after them."""
    for name, stated in PIXELS.items():
        setattr(ds, name, stated)
    ds.add_new(keyword if isinstance(keyword, int) else 0x7FE00010, "OW", value)
    ds.add_new(0xFFFCFFFC, "OB", b"\0\0")
    return ds
