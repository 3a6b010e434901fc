"""Data sets to bytes: every transfer syntax and length style that dose reports arrive in.

References: DICOM PS3.5 7.5 (sequence lengths), annex A (transfer syntaxes); PS3.10 7.1 (file meta information).
"""

from __future__ import annotations

import io
import warnings
from typing import Literal

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

IMPLICIT = str(ImplicitVRLittleEndian)
EXPLICIT = str(ExplicitVRLittleEndian)
BIG_ENDIAN = str(ExplicitVRBigEndian)
DEFLATED = str(DeflatedExplicitVRLittleEndian)
TRANSFER_SYNTAXES = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)

Lengths = Literal["defined", "undefined"]
IMPLEMENTATION_UID = "2.25.105545903467034157372350087741903418337"


def to_bytes(
    ds: Dataset, transfer_syntax: str = EXPLICIT, *, lengths: Lengths = "defined", strict: bool = True
) -> bytes:
    """Return the data set as a DICOM file.

    `lengths` is the style of every sequence and item; with `strict=False` values that break a rule are written as
    they are, without a word.
    """
    _set_lengths(ds, undefined=lengths == "undefined")
    file = FileDataset("", ds, preamble=b"\0" * 128, file_meta=_meta(ds, transfer_syntax))
    buffer = io.BytesIO()
    if strict:
        pydicom.dcmwrite(buffer, file, enforce_file_format=True)
        return buffer.getvalue()
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, file, enforce_file_format=True)
    return buffer.getvalue()


def _meta(ds: Dataset, transfer_syntax: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "DACS_SYNTHETIC"
    return meta


def _set_lengths(ds: Dataset, *, undefined: bool) -> None:
    for tag in ds.keys():  # noqa: SIM118 - a Dataset iterates elements, and would read those meant to stay raw
        element = ds.get_item(tag)
        if element is not None and element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
                _set_lengths(item, undefined=undefined)


def misdeclared(data: bytes, written: str, declared: str) -> bytes:
    """Return the file with another character set declared than its texts are written in; "" declares none.

    `declared` must not be longer than `written`.
    """
    before, after = written.encode().ljust(_even(written)), declared.encode().ljust(_even(written))
    return data.replace(before, after, 1)


def _even(text: str) -> int:
    return len(text) + len(text) % 2
