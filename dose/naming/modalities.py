"""Modalities as rules of names know them: radiography under several codes, rooms that do the procedures of another."""

from __future__ import annotations

import re
from collections.abc import Mapping

FAMILIES: Mapping[str | None, str] = {"CR": "DX", "RG": "DX"}  # projection radiography under three modality codes
# Modalities whose procedures another may do as well: one room does both, a hybrid scanner is known by either of its two
_ALSO: Mapping[str | None, frozenset[str]] = {
    "PX": frozenset({"DX"}), "IO": frozenset({"DX", "PX"}), "XA": frozenset({"RF", "DX"}),
    "RF": frozenset({"XA", "DX"}), "PT": frozenset({"CT", "NM"}), "NM": frozenset({"CT", "PT"}),
    "CT": frozenset({"PT", "NM"}),
}  # fmt: skip
_CODE = re.compile(r"[A-Z0-9]{2,16}")


def family(modality: str | None) -> str | None:
    """The modality that rules know: radiography comes under several codes."""
    return FAMILIES.get(modality, modality)


def is_code(modality: str) -> bool:
    """Whether a text has the form of a modality code (DICOM PS3.5 6.2, CS)."""
    return _CODE.fullmatch(modality) is not None


def may_be(modality: str | None, of_procedure: str | None) -> bool:
    """Whether studies of a modality can be a procedure; one that states none may be of any."""
    if of_procedure is None:
        return True
    return family(of_procedure) in {family(modality), *_ALSO.get(family(modality), ())}
