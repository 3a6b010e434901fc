"""An object without its pixels says what the whole object says, and a file that is still arriving is known as such."""

import pytest

from dose.errors import BadObject, UnreadableObject
from dose.extract import extract
from dose.extract.part10 import head, head_of_prefix
from tests.build import DEFLATED, EXPLICIT, TRANSFER_SYNTAXES, enhanced_ct, not_dicom
from tests.build import head as image
from tests.extract.heads import file, with_pixels

LENGTHS = ["defined", "undefined"]
CASES = [(syntax, lengths) for syntax in TRANSFER_SYNTAXES for lengths in LENGTHS]


@pytest.mark.parametrize(("syntax", "lengths"), CASES)
def test_a_head_says_what_the_whole_image_says_and_is_its_own_head(syntax, lengths):
    whole = file(with_pixels(enhanced_ct()), syntax, lengths=lengths)
    cut = head(whole)
    assert len(cut) < len(whole)
    assert extract(cut) == extract(whole)
    assert head(cut) == cut


@pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009, 0x7FE00010])
def test_a_head_ends_before_pixels_of_any_kind(tag):
    whole = file(with_pixels(image("DX"), tag))
    assert head(whole) == whole[: whole.index(b"\xe0\x7f" + (tag & 0xFFFF).to_bytes(2, "little") + b"OW")]


def test_an_object_without_pixels_is_its_own_head():
    data = file(image("DX"))
    assert head(data) == data


def test_pixels_of_an_icon_do_not_end_the_head():
    ds = with_pixels(image("DX"))
    ds.IconImageSequence = [with_pixels(image("DX"))]
    del ds.IconImageSequence[0][0xFFFCFFFC]
    assert extract(head(file(ds))).modality == "DX"
    assert len(head(file(ds))) > len(head(file(with_pixels(image("DX")))))


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_a_prefix_gives_the_head_or_asks_for_more(syntax):
    whole = file(with_pixels(image("MG"), value=bytes(range(256)) * 40), syntax)
    expected, enough = head(whole), []
    for size in range(0, len(whole), 37):
        found = head_of_prefix(whole[:size])
        enough.append(found is not None)
        assert found in (None, expected)
    assert enough == sorted(enough)
    assert enough[-1]


def test_a_prefix_that_is_no_dicom_is_refused_once_that_is_sure():
    assert head_of_prefix(not_dicom()[:4]) is None
    with pytest.raises(UnreadableObject):
        head_of_prefix(b"%PDF" * 400_000)


def test_a_file_that_was_cut_has_no_head():
    for data in (file(image("DX"))[:-3], not_dicom(), b""):
        with pytest.raises(BadObject):
            head(data)
