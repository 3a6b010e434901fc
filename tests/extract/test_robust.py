"""Whatever the bytes, the answer is a report or a refusal, soon and in little memory."""

import random
import struct
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dose.errors import BadObject, NotADoseObject, TooExpensive, UnreadableObject
from dose.extract import extract
from dose.extract.limits import Limits
from dose.extract.part10 import envelope
from dose.model import DoseReport
from tests.build import (
    DEFLATED,
    EXPLICIT,
    broken_sequence,
    circular_reference,
    deep_nesting,
    huge_private,
    not_dicom,
    truncated,
)
from tests.extract.samples import REPORTS, sample, to_bytes

MEGABYTE = 1 << 20


def outcome(source, limits=None):
    try:
        return extract(source, limits or Limits())
    except BadObject as error:
        return error


def in_bounds(source, seconds=2.0, megabytes=160):
    tracemalloc.start()
    started = time.thread_time()
    try:
        found = outcome(source)
        assert time.thread_time() - started < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()
    return found


@given(st.binary(max_size=600))
def test_any_bytes_give_a_report_or_a_refusal(data):
    assert isinstance(outcome(data), DoseReport | BadObject)


@given(st.binary(max_size=300))
def test_any_bytes_inside_a_dicom_envelope_give_a_report_or_a_refusal(data):
    start = envelope(sample("ct", EXPLICIT, "defined"), Limits()).start
    assert isinstance(outcome(sample("ct", EXPLICIT, "defined")[:start] + data), DoseReport | BadObject)


def test_nesting_of_ten_thousand_is_too_expensive():
    assert isinstance(in_bounds(deep_nesting(REPORTS["ct"]())), TooExpensive)


@pytest.mark.slow
def test_a_private_element_of_300_mb_is_skipped_unread(tmp_path):
    file = tmp_path / "huge.dcm"
    file.write_bytes(huge_private(REPORTS["ct"]()))
    assert isinstance(in_bounds(file, megabytes=20), DoseReport)
    file.unlink()


@pytest.mark.slow
def test_a_deflate_bomb_is_too_expensive():
    data = sample("ct", DEFLATED, "defined")
    start = data.index(DEFLATED.encode()) + len(DEFLATED) + len(DEFLATED) % 2
    start = max(start, 132 + 12 + struct.unpack_from("<I", data, 140)[0])
    bomb = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(bomb.compress(bytes(MEGABYTE)) for _ in range(200)) + bomb.flush()
    assert isinstance(in_bounds(data[:start] + packed), TooExpensive)


@pytest.mark.slow
def test_a_million_items_are_too_expensive():
    data = sample("ct", EXPLICIT, "undefined")
    start = data.index(b"\x40\x00\x30\xa7SQ") + 12
    assert isinstance(in_bounds(data[:start] + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_000), TooExpensive)


def test_a_reader_out_of_time_gives_up():
    limits = Limits(seconds=-1.0, seconds_per_mb=0.0)
    big = sample("ct", EXPLICIT, "defined") + struct.pack("<HH2sH", 0x0041, 0x0010, b"LO", 0) * 4000
    assert isinstance(outcome(big, limits), TooExpensive)


def test_a_reference_to_its_own_parent_is_no_loop():
    ds = circular_reference(REPORTS["ct"]())
    assert isinstance(in_bounds(to_bytes(ds, strict=False)), DoseReport)


@pytest.mark.parametrize("data", [b"", b"\0" * 200, not_dicom()], ids=["nothing", "zeros", "PDF"])
def test_what_is_no_dicom_is_unreadable(data):
    assert isinstance(outcome(data), UnreadableObject)


def test_a_report_that_contradicts_itself_is_unreadable():
    assert isinstance(outcome(broken_sequence(REPORTS["ct"]())), UnreadableObject)
    assert isinstance(outcome(truncated(REPORTS["ct"]())), UnreadableObject)


@pytest.mark.parametrize("lengths", ["defined", "undefined"])
def test_no_cut_report_is_taken_for_a_whole_one(lengths):
    data = sample("ct", EXPLICIT, lengths)
    whole = extract(data)
    for end in range(132, len(data), 61):
        found = outcome(data[:end])
        assert isinstance(found, BadObject) or found == whole


@pytest.mark.slow
@given(st.integers())
@settings(max_examples=30)
def test_the_order_of_siblings_changes_nothing(seed):
    ds, chance = REPORTS["biplane"](), random.Random(seed)
    expected = extract(to_bytes(ds))
    for event in ds.ContentSequence:
        for parent in [event, *event.get("ContentSequence", [])]:
            if "ContentSequence" in parent:
                parent.ContentSequence = chance.sample(list(parent.ContentSequence), len(parent.ContentSequence))
    assert extract(to_bytes(ds)) == expected


def test_an_image_is_no_dose_object_and_says_what_it_is():
    data = sample("ct", EXPLICIT, "defined").replace(b"\x08\x00\x60\x00CS\x02\x00SR", b"\x08\x00\x60\x00CS\x02\x00CT")
    image = data[: data.index(b"\x40\x00\x43\xa0SQ")].replace(b"1.4.1.1.88.67", b"1.4.1.1.2\0\0\0\0")
    found = outcome(image)
    assert isinstance(found, NotADoseObject)
    assert "CT" in str(found)
