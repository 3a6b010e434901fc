"""The dose values of a study as the equipment reported them: what a patient's document and notice may state.

Only what devices state: neither an effective dose nor anything estimated here (ESR EuroSafe: *the dose values and units
reported by the X-ray system*). A total that a report states goes before the sum over its events.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.notify.texts import one_line
from dose.quantities import QUANTITIES, display
from dose.tables import Study

# Quantity, and the columns of a study that hold it, the first that is stated
REPORTED = (
    ("ctdi_vol_mgy", ("ctdi_vol_max_mgy",)),
    ("dlp_mgy_cm", ("dlp_reported_mgy_cm", "dlp_sum_mgy_cm")),
    ("pka_gy_cm2", ("pka_reported_gy_cm2", "pka_sum_gy_cm2")),
    ("ka_r_mgy", ("ka_r_reported_mgy", "ka_r_sum_mgy")),
    ("agd_mgy", ("agd_reported_mgy", "agd_sum_mgy")),
    ("fluoro_time_s", ("fluoro_time_s",)),
    ("activity_mbq", ("activity_sum_mbq",)),
)
_COLUMNS = tuple(dict.fromkeys(column for _, columns in REPORTED for column in columns))
# A text message in the GSM alphabet is half as long as one with a raised 2
_PLAIN = str.maketrans({"·": ".", "²": "2", "\u202f": None, "\u00a0": " ", "_": None})

Values = tuple[tuple[str, float], ...]


def reported(session: Session, study_id: int) -> tuple[str | None, Values]:
    """The modality of a study and its values, as (quantity, value in its canonical unit)."""
    columns = [getattr(Study, name) for name in _COLUMNS]
    row = session.execute(select(Study.modality, *columns).where(Study.id == study_id)).mappings().first()
    if row is None:
        return None, ()
    stated = ((quantity, [row[one] for one in columns if row[one] is not None]) for quantity, columns in REPORTED)
    return row["modality"], tuple((quantity, values[0]) for quantity, values in stated if values)


def as_text(modality: str | None, values: Iterable[tuple[str, float]]) -> str:
    """The values in one line, as a message states them; empty without any."""
    said = []
    for quantity, value in values:
        number, unit = display(quantity, value, modality)
        said.append(f"{QUANTITIES[quantity].symbol or QUANTITIES[quantity].name} {number} {unit}")
    return one_line("; ".join(said).translate(_PLAIN))
