"""The narrow reader is held equal to pydicom, over every encoding and over broken bytes."""

import contextlib
import random

import pytest

from dose.errors import BadObject
from dose.extract import extract
from dose.model import DoseReport
from tests.build import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, TRANSFER_SYNTAXES, find
from tests.extract.samples import REPORTS, by_pydicom, mutated, read_narrow, same, sample, to_bytes

LENGTHS = ("defined", "undefined")


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
@pytest.mark.parametrize("name", REPORTS)
def test_the_narrow_reader_sees_what_pydicom_sees(name, syntax, lengths):
    data = sample(name, syntax, lengths)
    narrow = read_narrow(data)
    assert narrow.notes == ()
    assert same(narrow, by_pydicom(data))
    assert narrow.header == by_pydicom(data).header


@pytest.mark.parametrize("name", REPORTS)
def test_the_encoding_makes_no_difference_to_the_report(name):
    reports = {extract(sample(name, syntax, lengths)) for syntax in TRANSFER_SYNTAXES for lengths in LENGTHS}
    assert len(reports) == 1


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_a_bare_data_set_is_read_without_preamble_and_meta(syntax):
    data = sample("ct", syntax, "defined")
    bare = data[data.index(b"\x08\x00\x05\x00") :]
    assert extract(bare) == extract(data)
    assert extract(data[132:]) == extract(data)


def test_a_wrongly_declared_transfer_syntax_is_seen_from_the_first_element():
    data = sample("ct", EXPLICIT, "defined")
    lying = data.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0" * 3)
    assert len(lying) == len(data)
    assert extract(lying) == extract(data)


def test_an_unknown_vr_is_left_to_pydicom_and_told():
    data = sample("ct", EXPLICIT, "defined").replace(b"\x08\x00\x50\x00SH", b"\x08\x00\x50\x00QQ")
    assert [warning.code for warning in extract(data).warnings] == ["read-by-pydicom"]


def test_what_follows_the_content_may_be_broken():
    report = extract(sample("ct", EXPLICIT, "defined") + b"\x41\x00\x10\x00OB\0\0\xff\xff\x00\x00broken")
    assert [warning.code for warning in report.warnings] == ["tail-unreadable"]
    assert len(report.events) == 3


def test_wrong_value_types_are_read_by_what_they_hold():
    ds = REPORTS["ct"]()
    for item in find(ds, "113769"):
        item.ValueType = "TEXT"
    assert extract(to_bytes(ds)) == extract(sample("ct", EXPLICIT, "defined"))


def held_to_pydicom(data: bytes) -> None:
    try:
        narrow = read_narrow(data)
    except BadObject:
        return
    if not narrow.notes:
        try:
            general = by_pydicom(data)
        except Exception:
            return
        assert same(narrow, general)


def answered(data: bytes) -> None:
    with contextlib.suppress(BadObject):
        assert isinstance(extract(data), DoseReport)


def mutations(seed: int, count: int) -> None:
    chance = random.Random(seed)
    for _ in range(count):
        name, syntax = chance.choice(list(REPORTS)), chance.choice([IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
        data = mutated(sample(name, syntax, chance.choice(LENGTHS)), chance)
        answered(data)
        held_to_pydicom(data)


def test_broken_bytes_give_pydicoms_tree_or_a_refusal():
    mutations(seed=1, count=250)


@pytest.mark.slow
def test_more_broken_bytes_give_pydicoms_tree_or_a_refusal():
    mutations(seed=2, count=2000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 20))
def test_many_more_broken_bytes_give_pydicoms_tree_or_a_refusal(seed):
    mutations(seed, count=2000)
