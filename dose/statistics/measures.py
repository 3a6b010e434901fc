"""The measures that statistics, reference levels and charts are made of.

A measure is a quantity at one level (event or study) and, for CT, of one phantom: values of different measures never
meet in one statistic. The number is stored in `dose_cell.measure` and is the bit of `left_out`; it never changes.

References: ICRP Publication 135 (2017), section 2.3 and table 2.3 (quantities by modality); IEC 60601-2-44 (phantoms);
ICRP 135 section 5.2 (CTDIvol of an acquisition, DLP of the examination).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

EVENT, STUDY = "event", "study"
HEAD, BODY = 16, 32  # diameter of the CTDI phantom in cm
MIXED = 0  # a study whose acquisitions refer to both: its DLP is no sum that means anything
CT = frozenset({"CT"})
PROJECTION = frozenset({"DX", "CR", "XA", "RF", "PX", "IO", "MG", "RG"})
BREAST = frozenset({"MG"})
NUCLEAR = frozenset({"PT", "NM"})
SCANNERS = CT | NUCLEAR  # a PET/CT is not compared with CT: its modality keeps it apart
OF_PHANTOM = frozenset({"ctdi_vol_mgy", "dlp_mgy_cm"})  # IEC 60601-2-44: meaningless without its phantom


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: `column` of `dose.quantities` and of `study_fact` or `event_fact`, by its `level`.

    `phantom` is 16 or 32 (cm), `MIXED`, or None where none is stated or none belongs to the quantity. `modalities`
    that have it in their statistics; the first measures of a modality are the ones it is judged by (ICRP 135).
    """

    number: int
    column: str
    level: str
    modalities: frozenset[str]
    phantom: int | None = None

    @property
    def key(self) -> str:
        """Name in addresses: `dlp_mgy_cm-study-32`."""
        phantom = {None: "", MIXED: "-mixed"}.get(self.phantom, f"-{self.phantom}")
        return f"{self.column}-{self.level}{phantom}"


_ROWS = (
    Measure(1, "dlp_mgy_cm", STUDY, SCANNERS, BODY),
    Measure(2, "dlp_mgy_cm", STUDY, SCANNERS, HEAD),
    Measure(3, "dlp_mgy_cm", STUDY, SCANNERS),
    Measure(4, "dlp_mgy_cm", STUDY, SCANNERS, MIXED),
    Measure(5, "ctdi_vol_mgy", EVENT, SCANNERS, BODY),
    Measure(6, "ctdi_vol_mgy", EVENT, SCANNERS, HEAD),
    Measure(7, "ctdi_vol_mgy", EVENT, SCANNERS),
    Measure(8, "ctdi_vol_mgy", STUDY, SCANNERS, BODY),
    Measure(9, "ctdi_vol_mgy", STUDY, SCANNERS, HEAD),
    Measure(10, "ctdi_vol_mgy", STUDY, SCANNERS),
    Measure(11, "dlp_mgy_cm", EVENT, SCANNERS, BODY),
    Measure(12, "dlp_mgy_cm", EVENT, SCANNERS, HEAD),
    Measure(13, "dlp_mgy_cm", EVENT, SCANNERS),
    Measure(14, "ssde_mgy", EVENT, SCANNERS),
    Measure(15, "pka_gy_cm2", STUDY, PROJECTION - BREAST),
    Measure(16, "ka_r_mgy", STUDY, frozenset({"XA", "RF"})),
    Measure(17, "fluoro_time_s", STUDY, frozenset({"XA", "RF"})),
    Measure(18, "pka_gy_cm2", EVENT, PROJECTION - BREAST),
    Measure(19, "ka_e_mgy", EVENT, PROJECTION),
    Measure(20, "ka_i_mgy", EVENT, PROJECTION),
    Measure(21, "agd_mgy", EVENT, BREAST),
    Measure(22, "agd_mgy", STUDY, BREAST),
    Measure(23, "activity_mbq", STUDY, NUCLEAR),
    Measure(24, "exposure_index", EVENT, frozenset({"DX", "CR"})),
)

# Breasts are judged by AGD, nuclear medicine by activity, whatever else they have in common with others
_OWN: Mapping[str | None, frozenset[str]] = {"MG": BREAST, "PT": NUCLEAR, "NM": NUCLEAR}

MEASURES: Mapping[str, Measure] = {row.key: row for row in _ROWS}
BY_NUMBER: Mapping[int, Measure] = {row.number: row for row in _ROWS}
STUDIES = 0  # cells that count studies and no dose


@lru_cache(maxsize=64)
def measures_of(modality: str | None) -> tuple[Measure, ...]:
    """The measures of a modality, the one it is judged by first."""
    found = (row for row in _ROWS if modality in row.modalities)
    return tuple(sorted(found, key=lambda row: row.modalities != _OWN.get(modality)))


@lru_cache(maxsize=256)
def measure(column: str, level: str, phantom: int | None = None) -> Measure | None:
    """The measure of a quantity at a level and phantom; None when there is no such statistic."""
    return next((row for row in _ROWS if (row.column, row.level, row.phantom) == (column, level, phantom)), None)


def left_out_bit(one: Measure) -> int:
    """The bit of `left_out` that says: stated, but flagged or zero."""
    return 1 << one.number
