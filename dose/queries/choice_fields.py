"""The fields that a choice of studies and events may name, and the columns of facts behind them.

A field of `event.…` speaks of single irradiation events; all others of the study, or of what the two share (site,
device, procedure, protocol, patient), where each fact answers from its own row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dose.quantities import QUANTITIES, Quantity
from dose.statistics.measures import MEASURES

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YES_NO = ("yes", "no")


class Kind(StrEnum):
    """What the values of a field are."""

    DAY = "day"  # ISO 8601, compared
    ROW = "row"  # a row id: is one, in several
    CODE = "code"  # a word of a fixed list, or free upper-case letters (modality)
    COUNT = "count"  # a whole number, compared
    AMOUNT = "amount"  # a physical quantity, compared in its canonical unit
    WORDS = "words"  # beginnings of words of a text
    MEASURE = "measure"  # a key of dose.statistics.measures


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `study` and `event` name its column in the facts, None where these do not hold it.

    `values` are the words it may have (empty: any). `worded` fields of rows also find words of the row's name.
    `quantity` is the row of `dose.quantities` of an amount.
    """

    name: str
    kind: Kind
    study: str | None = None
    event: str | None = None
    values: tuple[str, ...] = ()
    worded: bool = False
    quantity: Quantity | None = None


def _row(name: str, *, event: bool = True, worded: bool = False) -> Field:
    column = f"{name}_id"
    return Field(name, Kind.ROW, column, column if event else None, worded=worded)


def _amount(name: str, *, study: str | None = None, event: str | None = None, of: str | None = None) -> Field:
    return Field(name, Kind.AMOUNT, study, event, quantity=QUANTITIES[of or study or event or name])


_STUDY_DOSES = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s", "agd_mgy", "activity_mbq",
)  # fmt: skip
_EVENT_VALUES = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy",
    "activity_mbq", "scanning_length_mm", "compressed_thickness_mm", "kvp_kv", "exposure_mas", "exposure_index",
)  # fmt: skip
_EVENT_TYPES = (
    "spiral", "sequenced", "constant_angle", "stationary", "free", "cone_beam", "fluoroscopy",
    "stationary_acquisition", "stepping_acquisition", "rotational_acquisition", "radiography", "mammography",
    "tomosynthesis", "administration",
)  # fmt: skip

_ROWS = (
    Field("date", Kind.DAY, "day", "day"),
    Field("weekday", Kind.CODE, "day", "day", WEEKDAYS),
    Field("hour", Kind.COUNT, "hour"),
    _row("site"),
    _row("device"),
    Field("modality", Kind.CODE, "modality", "modality"),
    _row("procedure"),
    Field("naming", Kind.CODE, "naming", None, ("mapped", "none", "conflict")),
    _row("rule", event=False),
    Field("complexity", Kind.CODE, "complexity", None, ("simple", "medium", "complex")),
    _row("protocol", worded=True),
    _row("local_name", event=False),
    Field("description", Kind.WORDS, "study_id", "study_id"),
    _row("operator", event=False),
    _row("study"),
    _row("patient", event=False),
    Field("sex", Kind.CODE, "sex", "sex", ("F", "M", "O")),
    _amount("age_years", study="age_years", event="age_years"),
    _amount("weight_kg", study="weight_kg", event="weight_kg"),
    _amount("height_m", study="height_m"),
    Field("phantom", Kind.CODE, "phantom", "phantom", ("16", "32", "mixed")),
    Field("phase_count", Kind.COUNT, "phase_count"),
    Field("event_count", Kind.COUNT, "event_count"),
    _amount("scan_length_mm", study="scan_length_mm", of="scanning_length_mm"),
    Field("demo", Kind.CODE, "is_demo", None, YES_NO),
    *(_amount(column, study=column) for column in _STUDY_DOSES),
    Field("event.type", Kind.CODE, None, "event_type", _EVENT_TYPES),
    Field("event.diagnostic", Kind.CODE, None, "diagnostic", YES_NO),
    *(_amount(f"event.{column}", event=column) for column in _EVENT_VALUES),
    Field("measured", Kind.MEASURE, values=tuple(MEASURES)),
    Field("left_out", Kind.MEASURE, values=tuple(MEASURES)),
)

FIELDS: Mapping[str, Field] = {row.name: row for row in _ROWS}

# What a person may also write. Whoever leaves the unit out of the name says it with the number, save where none
# but one is in use.
_SUFFIXES = ("_gy_cm2", "_mgy_cm", "_mgy", "_mbq", "_mm", "_kv", "_mas", "_s", "_years", "_kg", "_m")
_PLAIN = ("age", "weight", "height")


def _short(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)


SHORT: Mapping[str, Field] = {
    _short(row.name): row for row in _ROWS if row.kind is Kind.AMOUNT and _short(row.name) not in FIELDS
}


def find_field(name: str) -> tuple[Field, bool] | None:
    """The field of this name and whether its numbers must state their unit; None when there is none."""
    clean = name.lower()
    if clean in FIELDS:
        return FIELDS[clean], False
    return (SHORT[clean], clean not in _PLAIN) if clean in SHORT else None
