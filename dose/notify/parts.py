"""How many parts a text message takes: what it costs and whether it arrives in one piece.

One letter outside GSM 03.38 (ê, ô, ç, any Arabic letter) makes the whole message UCS-2: 70 instead of 160 a part.

References: 3GPP TS 23.038 section 6.2 (alphabet), TS 23.040 section 9.2.3.24.1 (concatenation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE = frozenset("\f^{}\\[~]|€")  # behind an escape: two septets
ONE_PART = {"gsm-7": 160, "ucs-2": 70}
EACH_PART = {"gsm-7": 153, "ucs-2": 67}  # six octets of each part say how they belong together


@dataclass(frozen=True, slots=True)
class Size:
    """How long a text is: `units` are septets (GSM-7) or 16-bit units (UCS-2).

    `wide` holds the letters that force UCS-2, each once in order of appearance; empty when none does.
    """

    encoding: Literal["gsm-7", "ucs-2"]
    units: int
    parts: int
    wide: tuple[str, ...] = ()


def size(text: str) -> Size:
    """The size of a text; an empty one has no parts."""
    wide = tuple(dict.fromkeys(letter for letter in text if letter not in GSM and letter not in GSM_TWICE))
    encoding: Literal["gsm-7", "ucs-2"] = "ucs-2" if wide else "gsm-7"
    widths = [_units(letter, encoding) for letter in text]
    units = sum(widths)
    parts = min(units, 1) if units <= ONE_PART[encoding] else _filled(widths, EACH_PART[encoding])
    return Size(encoding, units, parts, wide)


def with_reference(text: str, reference: str) -> str:
    """The text with its reference behind it, unless it is in it already.

    The provider has no key against repetition; the reference is how a message is found again in its list.
    """
    return text if reference in text else f"{text}\nRef {reference}"


def _units(letter: str, encoding: str) -> int:
    if encoding == "ucs-2":
        return 2 if ord(letter) > 0xFFFF else 1
    return 2 if letter in GSM_TWICE else 1


def _filled(widths: Iterable[int], room: int) -> int:
    """Parts needed when no letter may be torn: an escape or a surrogate pair moves to the next part whole."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
