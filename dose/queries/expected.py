"""What events of each kind of examination are expected to state: the columns of the page *Quality*.

A field stands here when a standard requires it of the equipment, or when a dose cannot be judged without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, false, or_

from dose.tables import IrradiationEvent, Study

ADMINISTRATION = "administration"


class Family(StrEnum):
    """Kinds of events that state the same things."""

    CT = "ct"
    FLUOROSCOPY = "fluoroscopy"
    RADIOGRAPHY = "radiography"
    MAMMOGRAPHY = "mammography"
    NUCLEAR = "nuclear"


@dataclass(frozen=True, slots=True)
class Expected:
    """A column that events should state: of all types, of those in `only`, or of all but those in `but`."""

    column: str
    source: str
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def of(self, event_type: str | None) -> bool:
        """Whether events of this type are expected to state it."""
        return event_type in self.only if self.only else event_type not in self.but


_LOCALIZER = ("constant_angle",)
_RUNS = ("fluoroscopy", "stationary_acquisition", "stepping_acquisition", "rotational_acquisition")
_NAMED = (
    Expected("protocol", "TID 10003, 10013 (125203)"),
    Expected("target_region_code", "TID 10003, 10013 (123014); CID 4030"),
)

EXPECTED: Mapping[Family, tuple[Expected, ...]] = {
    Family.CT: (
        Expected("ctdi_vol_mgy", "TID 10013 (113830), mandatory; IEC 60601-2-44", but=_LOCALIZER),
        Expected("dlp_mgy_cm", "TID 10013 (113838), mandatory", but=_LOCALIZER),
        Expected("ctdi_phantom", "TID 10013 (113835): head or body, a factor of two", but=_LOCALIZER),
        Expected("kvp_kv", "TID 10013 (113733), mandatory"),
        Expected("tube_current_ma", "TID 10013 (113734), mandatory"),
        Expected("exposure_time_ms", "TID 10013 (113824), mandatory"),
        Expected("scanning_length_mm", "TID 10013 (113825), mandatory"),
        Expected("total_collimation_mm", "TID 10013 (113827), mandatory"),
        Expected("pitch", "TID 10013 (113828), mandatory for spiral", only=("spiral",)),
        *_NAMED,
    ),
    Family.FLUOROSCOPY: (
        Expected("pka_gy_cm2", "TID 10003 (122130); IEC 60601-2-43"),
        Expected("ka_r_mgy", "TID 10003 (113738); IEC 60601-2-43"),
        Expected("kvp_kv", "TID 10003B (113733)"),
        Expected("tube_current_ma", "TID 10003B (113734)"),
        Expected("pulse_rate_hz", "TID 10003B (113791)", only=_RUNS),
        Expected("irradiation_duration_s", "TID 10003B (113742)", only=_RUNS),
        Expected("positioner_primary_angle_deg", "TID 10003C (112011): skin dose"),
        Expected("distance_source_to_detector_mm", "CID 10008 (113750): skin dose"),
        Expected("collimated_field_area_cm2", "TID 10003B (113790): skin dose"),
        *_NAMED,
    ),
    Family.RADIOGRAPHY: (
        Expected("pka_gy_cm2", "TID 10003 (122130)"),
        Expected("exposure_index", "TID 10003A (113845); IEC 62494-1"),
        Expected("deviation_index", "TID 10003A (113847); IEC 62494-1"),
        Expected("kvp_kv", "TID 10003B (113733)"),
        Expected("exposure_mas", "TID 10003B (113736)"),
        Expected("exposure_time_ms", "TID 10003B (113735)"),
        Expected("distance_source_to_detector_mm", "CID 10008 (113750)"),
        *_NAMED,
    ),
    Family.MAMMOGRAPHY: (
        Expected("agd_mgy", "TID 10003B (111631); IEC 60601-2-45"),
        Expected("ka_e_mgy", "PS3.3 C.8.11.7 (0040,8302)"),
        Expected("kvp_kv", "TID 10003B (113733)"),
        Expected("exposure_mas", "TID 10003B (113736)"),
        Expected("compressed_thickness_mm", "TID 10003C (111633)"),
        Expected("hvl_mm", "TID 10003 (111634)"),
        Expected("laterality", "TID 10003 (G-C171)"),
        Expected("view", "TID 10003 (111031)"),
        *_NAMED,
    ),
    Family.NUCLEAR: (
        Expected("activity_mbq", "TID 10022 (113507), mandatory"),
        Expected("radiopharmaceutical", "TID 10022 (349358001), mandatory"),
        Expected("radionuclide", "TID 10022 (89457008), mandatory"),
        Expected("started_at", "TID 10022 (123003), mandatory"),
    ),
}
OF_STUDY = ("age_years", "height_m", "weight_kg")  # of the person, per study; size-specific doses hang on them
_OF_MODALITY = {
    "CT": Family.CT,
    "XA": Family.FLUOROSCOPY,
    "RF": Family.FLUOROSCOPY,
    "MG": Family.MAMMOGRAPHY,
    # What irradiates beside a camera is a CT; what is administered has its own event type.
    "NM": Family.CT,
    "PT": Family.CT,
}


def family_of(modality: str | None, event_type: str | None) -> Family:
    """The kind of an event, by the modality of its study and its own type."""
    if event_type == ADMINISTRATION:
        return Family.NUCLEAR
    return _OF_MODALITY.get(modality or "", Family.RADIOGRAPHY)


def missing(column: str) -> ColumnElement[bool]:
    """Studies that do not state a column, or have a counted event that should and does not; none for other names."""
    if column in OF_STUDY:
        return getattr(Study, column).is_(None)  # type: ignore[no-any-return]
    expecting = [_expecting(family, one) for family, rows in EXPECTED.items() for one in rows if one.column == column]
    if not expecting:
        return false()
    event = IrradiationEvent
    empty = (event.study_id == Study.id, event.counted, getattr(event, column).is_(None))
    return exists().where(*empty, or_(*expecting))


def _expecting(family: Family, expected: Expected) -> ColumnElement[bool]:
    kind = IrradiationEvent.event_type
    if family is Family.NUCLEAR:
        return kind == ADMINISTRATION
    modalities = [name for name, of in _OF_MODALITY.items() if of is family]
    here: ColumnElement[bool] = Study.modality.in_(modalities)
    if family is Family.RADIOGRAPHY:
        here = or_(Study.modality.is_(None), Study.modality.not_in(sorted(_OF_MODALITY)))
    if expected.only:
        return and_(here, kind.in_(expected.only))
    others = kind.not_in((*expected.but, ADMINISTRATION))
    return and_(here, or_(kind.is_(None), others))
