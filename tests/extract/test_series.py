"""A series bundle is the same bytes whatever the order of its images, small, and read like any object."""

import json
import random

import pytest

from dose.errors import BadObject, NotADoseObject, TooExpensive, UnreadableObject
from dose.extract import extract, series
from dose.extract.limits import Limits
from dose.extract.part10 import head as cut
from tests.build import BIG_ENDIAN, EXPLICIT, IMPLICIT, ct_slices, head, not_dicom, nuclear
from tests.extract.heads import file, with_pixels
from tests.extract.samples import mutated

SLICES = [file(ds) for ds in ct_slices(20, ctdi=(8.0, 9.0, 10.0))]


def outcome(data):
    try:
        return extract(data)
    except BadObject as error:
        return error


def test_the_order_of_images_and_repeated_ones_change_nothing():
    mixed = SLICES + SLICES[:3]
    random.Random(4).shuffle(mixed)
    assert series.bundle(mixed) == series.bundle(SLICES)


def test_of_two_images_of_one_uid_always_the_same_one_counts():
    first, second = (file(head("CT", CTDIvol=value)) for value in (8.0, 9.0))
    assert series.bundle([first, second]) == series.bundle([second, first])


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN])
def test_the_encoding_of_images_changes_nothing(syntax):
    encoded = [file(ds, syntax) for ds in ct_slices(20, ctdi=(8.0, 9.0, 10.0))]
    assert series.bundle(encoded) == series.bundle(SLICES)


def test_a_bundle_is_small():
    many = [file(ds, EXPLICIT) for ds in ct_slices(200)]
    assert len(series.bundle(many)) < len(many[0]) + 40 * len(many)


def test_whole_images_and_their_heads_give_the_same_bundle():
    whole = [file(with_pixels(ds)) for ds in ct_slices(2)]
    assert series.bundle(whole) == series.bundle(map(cut, whole))


def test_a_bundle_speaks_for_its_series():
    found = extract(series.bundle(SLICES))
    assert found.sop_instance_uid == found.series_instance_uid
    assert (found.source, found.instance_count) == ("header", 20)
    assert found.content_datetime == "2026-11-21T11:40:14.750"


def test_an_image_that_cannot_be_read_is_left_out_and_told():
    found = extract(series.bundle([*SLICES, not_dicom()]))
    assert found.instance_count == 20
    assert "images-left-out" in [one.code for one in found.warnings]


def test_images_of_several_series_or_none_are_refused():
    with pytest.raises(UnreadableObject):
        series.bundle([SLICES[0], file(nuclear("PT"))])
    with pytest.raises(UnreadableObject):
        series.bundle([not_dicom()])
    with pytest.raises(ValueError, match="without images"):
        series.bundle([])


def test_a_series_of_another_modality_is_no_dose_object():
    ds = head("DX", sop_class="1.2.840.10008.5.1.4.1.1.4", Modality="MR")
    assert isinstance(outcome(series.bundle([file(ds)])), NotADoseObject)


@pytest.mark.parametrize(
    "said", [b"", b"{}", b"[]", b"null", b'{"count":-1}', b'{"count":1,"same":[],"each":{},"left_out":0}']
)
def test_what_is_no_whole_bundle_is_unreadable(said):
    assert isinstance(outcome(series.MAGIC + said), UnreadableObject | TooExpensive)


def test_a_bundle_of_more_images_than_any_series_is_too_expensive():
    with pytest.raises(TooExpensive):
        extract(series.bundle(SLICES), Limits(images=19))


def test_mutated_bundles_give_a_report_or_a_refusal():
    chance, data = random.Random(8), series.bundle(SLICES)
    for _ in range(150):
        spoilt = bytearray(data)
        spoilt[len(series.MAGIC) :] = mutated(bytes(spoilt[len(series.MAGIC) :]), chance)
        outcome(bytes(spoilt))  # anything but a BadObject fails the test


def test_a_bundle_holds_no_more_than_the_tables_ask_for():
    ds = ct_slices(1)[0]
    ds.PatientAddress, ds.AdditionalPatientHistory = "Somewhere 1", "a long story"
    said = json.loads(series.bundle([file(ds)])[len(series.MAGIC) :])
    assert not {"00101040", "001021B0"} & set(said["same"])
