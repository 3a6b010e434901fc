"""Bytes to a document: the narrow reader first, pydicom for what the narrow one does not expect.

See docs/adr/0001-narrow-sr-reader.md.
"""

from __future__ import annotations

import struct

from dose.errors import BadObject, TooExpensive, UnreadableObject
from dose.extract.document import Document
from dose.extract.elements import Broken, Buffer, Odd
from dose.extract.limits import DEFAULT, Budget, Limits
from dose.extract.part10 import Envelope, envelope
from dose.extract.sr_narrow import Narrow


def read(data: Buffer, limits: Limits = DEFAULT, found: Envelope | None = None) -> Document:
    """Read any DICOM object as far as a dose report needs it.

    Parameters
    ----------
    data : bytes or mmap
        A Part 10 object, or a bare data set.
    limits : Limits
        What reading may cost.
    found : Envelope, optional
        Where the data set lies, if that is known already.

    Returns
    -------
    Document
        `content` is None when the object has no content tree (an image, for instance).

    Raises
    ------
    NotADoseObject
        It is a DICOMDIR.
    UnreadableObject
        It is no DICOM, or broken before its content tree ends.
    TooExpensive
        It would cost more than an honest report.
    """
    budget = Budget(limits, len(data))
    try:
        return Narrow(found or envelope(data, limits), budget).document()
    except Odd:
        return by_pydicom(data, budget)
    except (Broken, struct.error, IndexError):
        raise UnreadableObject("it is cut, or lengths inside contradict each other") from None


def by_pydicom(data: Buffer, budget: Budget) -> Document:
    """Read the same document with pydicom: slower, and at home with more of what is odd.

    Raises
    ------
    UnreadableObject
        pydicom cannot read it either, or it is too large to be read twice.
    TooExpensive
        It is nested too deep, or takes too long.
    """
    if len(data) > budget.limits.fallback_bytes:
        raise UnreadableObject("its structure is broken, and it is too large for a second look")
    from dose.extract.sr_pydicom import document

    try:
        return document(bytes(data[:]), budget)
    except BadObject:
        raise
    except (RecursionError, MemoryError):
        raise TooExpensive("items nested too deep") from None
    except Exception as error:  # whatever a general reader raises on broken bytes, the object is at fault
        raise UnreadableObject(f"its structure is broken ({type(error).__name__})") from None
