"""The poison builders make what they promise, and nothing of it gets through."""

from __future__ import annotations

import struct
from io import BytesIO

import pydicom
import pytest

from dose.errors import BadObject, TooExpensive
from dose.extract import extract
from tests import build


def test_deep_nesting_is_as_deep_as_asked():
    data = build.deep_nesting(build.ct_rdsr(), depth=500)
    assert data.count(b"\x40\x00\x30\xa7SQ") == 500
    with pytest.raises(TooExpensive):
        extract(data)


def test_a_shallow_nest_is_well_formed():
    data = build.deep_nesting(build.ct_rdsr(), depth=3)
    ds, depth = pydicom.dcmread(BytesIO(data)), 0
    while ds.get("ContentSequence"):
        ds, depth = ds.ContentSequence[0], depth + 1
    assert depth == 3


def test_a_nested_report_is_small_and_refused():
    data = build.to_bytes(build.nested_report(build.ct_rdsr()))
    assert len(data) < 50_000
    with pytest.raises(TooExpensive):
        extract(data)


def test_a_huge_private_element_changes_nothing_that_is_read():
    data = build.huge_private(build.ct_rdsr(), size=2_000_000)
    assert len(data) > 2_000_000
    assert extract(data) == extract(build.to_bytes(build.ct_rdsr()))


def test_a_truncated_report_is_shorter_than_the_whole():
    whole, cut = build.to_bytes(build.ct_rdsr()), build.truncated(build.ct_rdsr(), keep=0.5)
    assert whole.startswith(cut)
    assert len(cut) == len(whole) // 2


def test_a_broken_sequence_claims_more_than_there_is():
    whole, broken = build.to_bytes(build.ct_rdsr()), build.broken_sequence(build.ct_rdsr())
    changed = [at for at, (a, b) in enumerate(zip(whole, broken, strict=True)) if a != b]
    start = whole.index(b"\x40\x00\x30\xa7SQ") + 8
    assert changed
    assert set(changed) <= set(range(start, start + 4))
    assert struct.unpack_from("<I", broken, start)[0] > len(broken) - start


def test_a_reference_to_the_parent_is_written():
    report = build.circular_reference(build.ct_rdsr())
    found = pydicom.dcmread(BytesIO(build.to_bytes(report)))
    assert found.ContentSequence[-1].ReferencedContentItemIdentifier == 1


def test_what_is_not_dicom_is_refused():
    with pytest.raises(BadObject):
        extract(build.not_dicom())
