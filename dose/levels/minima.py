"""How many patients and rooms a reference level needs before it says anything.

References: ICRP Publication 135 (2017), sections 2.3.3, 2.5 and 2.6, and table 2.6.
"""

from __future__ import annotations

from typing import Final

RADIOGRAPHY_CT, FLUOROSCOPY, MAMMOGRAPHY = 20, 30, 50
PREFERRED: Final = 30
ROOMS, FACILITIES = 10, 20  # from which a 75th percentile of medians is made, else a typical value
_BY_MODALITY = {"XA": FLUOROSCOPY, "RF": FLUOROSCOPY, "MG": MAMMOGRAPHY}


def minimum_count(modality: str | None) -> int:
    """Patients a room and procedure, below which a median is not compared: 20, 30 or 50."""
    return _BY_MODALITY.get(modality or "", RADIOGRAPHY_CT)


def preferred_count(modality: str | None) -> int:
    """Patients a room and procedure that are better: at least 30."""
    return max(PREFERRED, minimum_count(modality))
