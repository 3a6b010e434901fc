"""The narrow reader of headers sees what pydicom sees, in every encoding, or refuses."""

import random

import pytest
from pydicom.datadict import dictionary_keyword, dictionary_VR

from dose.errors import BadObject, NotADoseObject, TooExpensive, UnreadableObject
from dose.extract import extract, header
from dose.extract.header_narrow import HeaderWalk
from dose.extract.header_pydicom import header as by_pydicom
from dose.extract.header_tags import GROUPS, LEAVES, SEQUENCES, WANTED
from dose.extract.limits import DEFAULT, Budget, Limits
from dose.extract.part10 import envelope
from tests.build import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    TRANSFER_SYNTAXES,
    Bytes,
    deep_nesting,
    dose_screen,
    elscint_dlp,
    enhanced_ct,
    exposure,
    head,
    huge_private,
    nuclear,
    performed_step,
)
from tests.extract.heads import file, with_pixels
from tests.extract.samples import mutated

IMAGES = {
    "DX": lambda: head("DX"),
    "mammogram": lambda: with_pixels(head("MG")),
    "enhanced CT": enhanced_ct,
    "PET": lambda: nuclear("PT"),
    "dose screen": lambda: dose_screen(elscint_dlp(exposure(), "5.2"), comment="Total DLP=5.2"),
    "step": lambda: performed_step("DX", exposure()),
}


def narrow(data):
    found = envelope(data, DEFAULT)
    return HeaderWalk(found, Budget(DEFAULT, len(data))).header(found.start, WANTED)


def refused_or(read, data):
    try:
        return read(data)
    except BadObject as error:
        return type(error)


@pytest.mark.parametrize("name", IMAGES)
def test_every_encoding_reads_the_same_and_as_pydicom_reads_it(name):
    first = narrow(file(IMAGES[name](), EXPLICIT))
    for syntax in TRANSFER_SYNTAXES:
        for lengths in ("defined", "undefined"):
            data = file(IMAGES[name](), syntax, lengths=lengths)
            assert narrow(data) == first
            assert by_pydicom(data, WANTED, Budget(DEFAULT, len(data))) == first


def test_keywords_tags_and_representations_are_those_of_the_registry():
    public = {keyword: known for keyword, known in LEAVES.items() if not keyword.startswith("ELSCINT1")}
    for keyword, (tag, vr) in public.items():
        assert dictionary_keyword(tag) == keyword
        assert dictionary_VR(tag).encode() == vr
    for keyword, tag in [*SEQUENCES.items(), *((name, tag) for tag, name in GROUPS.items())]:
        assert (dictionary_keyword(tag), dictionary_VR(tag)) == (keyword, "SQ")


def test_values_of_unknown_representation_are_read_by_the_registry():
    stated = {"CTDIvol": Bytes(b"\0\0\0\0\0\0\x21\x40", "UN"), "KVP": Bytes(b"100", "UN")}
    (event,) = extract(file(head("CT", **stated))).events
    assert (event.ctdi_vol_mgy, event.kvp_kv) == (8.5, 100.0)


def test_an_unknown_representation_goes_to_pydicom():
    data = file(head("DX")).replace(b"\x18\x00\x60\x00DS", b"\x18\x00\x60\x00ZZ")
    assert [warning.code for warning in extract(data).warnings] == ["read-by-pydicom"]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_no_cut_header_is_taken_for_a_whole_one(syntax):
    data = file(nuclear("PT"), syntax, lengths="undefined")
    whole = extract(data)
    for end in range(0, len(data), 13):
        found = refused_or(extract, data[:end])
        assert isinstance(found, type) or found.events == whole.events


@pytest.mark.parametrize("name", IMAGES)
def test_mutated_headers_give_a_report_or_a_refusal(name):
    chance = random.Random(name)
    for _ in range(150):
        data = mutated(file(IMAGES[name](), chance.choice(TRANSFER_SYNTAXES)), chance)
        refused_or(extract, data)  # anything but a BadObject fails the test


def test_nesting_and_endless_items_are_too_expensive():
    assert refused_or(extract, deep_nesting(head("DX"))) is TooExpensive
    frames = enhanced_ct(tuple(range(1, 60)))
    with pytest.raises(TooExpensive):
        extract(file(frames), Limits(items=50))
    with pytest.raises(TooExpensive):
        extract(file(frames), Limits(images=50))


@pytest.mark.slow
def test_a_private_element_of_300_mb_is_skipped_unread(tmp_path):
    path = tmp_path / "huge.dcm"
    path.write_bytes(huge_private(head("DX")))
    assert extract(path).modality == "DX"
    path.unlink()


def test_a_length_beyond_its_sequence_is_unreadable():
    data = bytearray(file(nuclear("PT"), EXPLICIT))
    at = data.index(b"\x54\x00\x16\x00SQ") + 8
    data[at : at + 4] = b"\x08\0\0\0"
    assert refused_or(extract, bytes(data)) in (UnreadableObject, NotADoseObject)


def test_values_in_the_wrong_place_are_none():
    ds = head("DX")
    del ds.KVP
    ds.RequestAttributesSequence = [head("DX")]
    (event,) = extract(file(ds)).events
    assert event.kvp_kv is None


def test_reading_twice_reads_the_same():
    found = envelope(file(head("XA")), DEFAULT)
    assert header.read(found, found.data) == header.read(found, found.data)
