"""How long a text message is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.parts import GSM, GSM_TWICE, size, with_reference


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "gsm-7", 0, 0),
        ("a" * 160, "gsm-7", 160, 1),
        ("a" * 161, "gsm-7", 161, 2),
        ("a" * 306, "gsm-7", 306, 2),
        ("a" * 307, "gsm-7", 307, 3),
        ("é" * 160, "gsm-7", 160, 1),
        ("€" * 80, "gsm-7", 160, 1),
        ("€" * 81, "gsm-7", 162, 2),
        ("ê" * 70, "ucs-2", 70, 1),
        ("ê" * 71, "ucs-2", 71, 2),
        ("م" * 134, "ucs-2", 134, 2),
        ("م" * 135, "ucs-2", 135, 3),
        ("😀" * 35, "ucs-2", 70, 1),
        ("😀" * 36, "ucs-2", 72, 2),
    ],
)
def test_parts_are_counted_as_networks_count_them(text: str, encoding: str, units: int, parts: int) -> None:
    found = size(text)
    assert (found.encoding, found.units, found.parts) == (encoding, units, parts)


def test_a_letter_of_two_units_is_not_torn_between_parts() -> None:
    assert size("a" * 152 + "€" + "a" * 151).parts == 2
    assert size("a" * 152 + "€" + "a" * 152).parts == 3
    assert size("ê" * 66 + "😀" + "ê" * 65).parts == 2
    assert size("ê" * 66 + "😀" + "ê" * 66).parts == 3


def test_one_wide_letter_makes_the_whole_text_wide_and_is_named() -> None:
    found = size("Votre reçu est prêt, façon hôpital")
    assert (found.encoding, found.wide) == ("ucs-2", ("ç", "ê", "ô"))
    assert size("Votre document est disponible : Où ? À Fès").wide == ("À",)


def test_the_alphabet_has_the_127_letters_of_the_standard_and_the_ten_behind_the_escape() -> None:
    assert len(GSM) == 127
    assert len(GSM_TWICE) == 10


@given(st.text(st.sampled_from("aé€êم😀"), max_size=800))
def test_parts_hold_the_text_and_no_more_than_needed(text: str) -> None:
    found = size(text)
    room, single = (67, 70) if found.encoding == "ucs-2" else (153, 160)
    if found.units <= single:
        assert found.parts == (1 if text else 0)
    else:
        assert found.units / room <= found.parts <= found.units / (room - 1) + 1


def test_the_reference_is_added_once() -> None:
    assert with_reference("text", "K7M2Q9X4AB") == "text\nRef K7M2Q9X4AB"
    assert with_reference("text K7M2Q9X4AB", "K7M2Q9X4AB") == "text K7M2Q9X4AB"
