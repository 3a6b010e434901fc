"""Codes of published vocabularies, however a study spells their scheme.

References: RSNA RadLex Playbook (RPID), LOINC (scheme LN in DICOM, PS3.16 chapter 8), CCAM (1.2.250.1.213.2.5).
"""

from __future__ import annotations

import re

_RPID = re.compile(r"RPID\d{1,6}")
_LOINC = re.compile(r"\d{1,7}-\d")
_CCAM = re.compile(r"([A-Z]{4}\d{3})(?:[ -]?\d+)?")  # activity and phase may follow
_LOINC_SCHEMES = frozenset({"LN", "LOINC", "2.16.840.1.113883.6.1", "HTTP://LOINC.ORG"})


def code_key(code: str | None, scheme: str | None = None) -> str | None:
    """One spelling of a RadLex Playbook, LOINC or CCAM code; None of any other.

    A number with a check digit is a LOINC code only where its scheme says so; the others are known by their form.
    """
    text = (code or "").strip().upper()
    if _RPID.fullmatch(text):
        return text
    if _LOINC.fullmatch(text) and (scheme or "").strip().upper() in _LOINC_SCHEMES:
        return f"LN {text}"
    ccam = _CCAM.fullmatch(text)
    return f"CCAM {ccam[1]}" if ccam else None
