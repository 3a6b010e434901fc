"""Texts in the character sets that are declared, and in those that are not; dates, times and ages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.extract import extract
from dose.extract.texts import age_years, clock, day, decode, decode_identity, moment, offset
from tests.build import Document, ct_event, ct_rdsr, study, to_bytes


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Thorax légère".encode("latin-1"), "", "Thorax légère"),
        ("Thorax légère".encode(), "", "Thorax légère"),
        ("صدر".encode(), "ISO_IR 192", "صدر"),
        ("صدر".encode("iso8859-6"), "ISO_IR 127", "صدر"),
        (b"\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 87", "山田"),
        ("Грудь".encode("iso8859-5"), "ISO_IR 144", "Грудь"),
        ("胸部".encode("gb18030"), "GB18030", "胸部"),
        (b"plain ", "no such set", "plain"),
        (b"\xe9", "no such set", "é"),
        (b"Abdomen\0", "ISO_IR 100", "Abdomen"),
    ],
)
def test_a_text_is_decoded_as_declared_or_as_makers_send_it(raw, charset, text):
    assert decode(raw, charset) == text


@given(st.binary(max_size=60), st.sampled_from(["", "ISO_IR 192", "ISO_IR 127", "\\ISO 2022 IR 87", "GB18030", "x"]))
def test_decoding_never_fails(raw, charset):
    assert isinstance(decode(raw, charset), str)
    assert isinstance(decode_identity(raw, charset), str)


def test_utf8_declared_as_latin_1_is_kept_in_the_tree_mended_in_the_header_and_told():
    ds = ct_rdsr(
        study=study(description="légère"), events=[ct_event(protocol="légère")], form=Document(charset="ISO_IR 192")
    )
    data = to_bytes(ds).replace(b"CS\x0a\x00ISO_IR 192", b"CS\x0a\x00ISO_IR 100")
    report = extract(data)
    assert report.study_description == "légère"
    assert report.events[0].protocol == "lÃ©gÃ¨re"
    assert [warning.code for warning in report.warnings] == ["charset-doubtful"]


@pytest.mark.parametrize(
    ("said", "iso", "zone"),
    [
        ("20261121114014", "2026-11-21T11:40:14", None),
        ("20261121114014.25+0100", "2026-11-21T11:40:14.25", "+0100"),
        ("202611211140", "2026-11-21T11:40", None),
        ("20261121", "2026-11-21", None),
        ("20261321114014", None, None),
        ("11:40", None, None),
        ("", None, None),
    ],
)
def test_a_moment_is_iso_to_the_precision_sent(said, iso, zone):
    assert moment(said) == (iso, zone)


def test_dates_times_and_offsets_in_older_spellings():
    assert (day("2026.11.21"), day("20261121"), day("0"), day(None)) == ("2026-11-21", "2026-11-21", None, None)
    assert (clock("114014.12"), clock("11:40:14"), clock("11"), clock("99")) == (
        "11:40:14",
        "11:40:14",
        "11:00:00",
        None,
    )
    assert (offset("+0300"), offset("UTC-04:00"), offset("summer")) == ("+0300", "-0400", None)


def test_an_age_beyond_150_years_is_none():
    assert age_years("999Y", None, None) is None
    assert age_years("old", None, None) is None


@pytest.mark.parametrize("tail", ["", ".1234567", "123", " local", "\r\n", "Z"])
def test_a_time_with_an_odd_tail_keeps_its_second(tail):
    found, _ = moment(f"20261121114014{tail}")
    assert (found or "")[:19] == "2026-11-21T11:40:14"
