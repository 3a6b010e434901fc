"""Ready mappings for exports of OpenREM (0.6 to 1.0), CSV and the sheet *All data* of XLSX.

The unit is that of the header (`DAP total (cGy.cm^2)`). Where a header has none, a unit stands here only if the
exported field is a value of a dose report whose template fixes the unit: CT of PS3.16 TID 10013 and 10014 (CTDIvol mGy,
DLP mGy.cm, times s, lengths mm), the average glandular dose of TID 10003B (mGy), tube voltage, current and µAs named
by their unit, and the patient's age, height and mass (years, m, kg). A column without either (ESD, force, half life,
focus distances) is left out: a unit is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dose.legacy.mapping import EVENT, STUDY, Column, TableMapping, headers
from dose.legacy.meanings import IGNORE

_EVENT = re.compile(r"^E(\d{1,3}) (.+)$")

_COMMON: Mapping[str, Column] = {
    "Patient name": Column("patient.name"),
    "Patient ID": Column("patient.id"),
    "Institution": Column("device.institution"),
    "Institution name": Column("device.institution"),
    "Manufacturer": Column("device.manufacturer"),
    "Model": Column("device.model"),
    "Model name": Column("device.model"),
    "Station name": Column("device.station_name"),
    "Accession number": Column("study.accession_number"),
    "Accession": Column("study.accession_number"),
    "Study date": Column("study.date"),
    "Study Date": Column("study.date"),
    "Date": Column("study.date"),
    "Study time": Column("study.time"),
    "Date of birth": Column("patient.birth_date"),
    "Age": Column("size.age_years", "a"),
    "Patient age": Column("size.age_years", "a"),
    "Sex": Column("patient.sex"),
    "Patient sex": Column("patient.sex"),
    "Height": Column("size.height_m", "m"),
    "Patient height": Column("size.height_m", "m"),
    "Patient height (m)": Column("size.height_m", "m"),
    "Mass (kg)": Column("size.weight_kg", "kg"),
    "Patient mass (kg)": Column("size.weight_kg", "kg"),
    "Patient weight (kg)": Column("size.weight_kg", "kg"),
    "Study description": Column("study.description"),
}

_CT: Mapping[str, Column] = {
    "DLP total (mGy.cm)": Column("total.dlp_mgy_cm", "mGy.cm"),
    "Total DLP (mGy.cm)": Column("total.dlp_mgy_cm", "mGy.cm"),
}
_CT_EVENT: Mapping[str, Column] = {
    "Protocol": Column("event.protocol"),
    "Acquisition protocol": Column("event.protocol"),
    "Type": Column("event.event_type"),
    "Acquisition type": Column("event.event_type"),
    "Exposure time": Column("event.exposure_time_ms", "s"),
    "Exposure time (s)": Column("event.exposure_time_ms", "s"),
    "Scanning length": Column("event.scanning_length_mm", "mm"),
    "Scanning length (mm)": Column("event.scanning_length_mm", "mm"),
    "Slice thickness": Column("event.single_collimation_mm", "mm"),
    "Slice thickness (mm)": Column("event.single_collimation_mm", "mm"),
    "Total collimation": Column("event.total_collimation_mm", "mm"),
    "Total collimation (mm)": Column("event.total_collimation_mm", "mm"),
    "Pitch": Column("event.pitch", "1"),
    "CTDIvol": Column("event.ctdi_vol_mgy", "mGy"),
    "CTDIvol (mGy)": Column("event.ctdi_vol_mgy", "mGy"),
    "Phantom": Column("event.ctdi_phantom"),
    "CTDI phantom type": Column("event.ctdi_phantom"),
    "DLP": Column("event.dlp_mgy_cm", "mGy.cm"),
    "DLP (mGy.cm)": Column("event.dlp_mgy_cm", "mGy.cm"),
    "S1 kVp": Column("event.kvp_kv", "kV"),
    "kVp": Column("event.kvp_kv", "kV"),
    "S1 max mA": Column("event.max_tube_current_ma", "mA"),
    "Maximum mA": Column("event.max_tube_current_ma", "mA"),
    "S1 mA": Column("event.tube_current_ma", "mA"),
    "mA": Column("event.tube_current_ma", "mA"),
    "S1 Exposure time/rotation": Column("event.exposure_time_per_rotation_ms", "s"),
    "Comments": Column("event.comment"),
}


def _plane_totals() -> dict[str, Column]:
    found: dict[str, Column] = {}
    for plane in "AB":
        for acquisition in ("Acq.", "Acquisition"):
            found |= {
                f"{plane} {acquisition} DAP total (Gy.m^2)": Column(
                    "total.acquisition_pka_gy_cm2", "Gy.m2", plane=plane
                ),
                f"{plane} {acquisition} dose RP total (Gy)": Column("total.acquisition_ka_r_mgy", "Gy", plane=plane),
                f"{plane} {acquisition} duration total (s)": Column("total.acquisition_time_s", "s", plane=plane),
                f"{plane} {acquisition} time total (s)": Column("total.acquisition_time_s", "s", plane=plane),
            }
        found |= {
            f"{plane} DAP total (Gy.m^2)": Column("total.pka_gy_cm2", "Gy.m2", plane=plane),
            f"{plane} Dose RP total (Gy)": Column("total.ka_r_mgy", "Gy", plane=plane),
            f"{plane} Fluoro DAP total (Gy.m^2)": Column("total.fluoro_pka_gy_cm2", "Gy.m2", plane=plane),
            f"{plane} Fluoro dose RP total (Gy)": Column("total.fluoro_ka_r_mgy", "Gy", plane=plane),
            f"{plane} Fluoro duration total (s)": Column("total.fluoro_time_s", "s", plane=plane),
            f"{plane} Fluoro time total (s)": Column("total.fluoro_time_s", "s", plane=plane),
            f"{plane} Number of events": Column("total.event_count", "1", plane=plane),
        }
    return found


_DX: Mapping[str, Column] = {"DAP total (cGy.cm^2)": Column("total.pka_gy_cm2", "cGy.cm2")}
_DX_EVENT: Mapping[str, Column] = {
    "Protocol": Column("event.protocol"),
    "Image view": Column("event.view"),
    "kVp": Column("event.kvp_kv", "kV"),
    "mAs": Column("event.exposure_mas", "mAs"),
    "mA": Column("event.tube_current_ma", "mA"),
    "Exposure time (ms)": Column("event.exposure_time_ms", "ms"),
    "Exposure index": Column("event.exposure_index", "1"),
    "Target exposure index": Column("event.target_exposure_index", "1"),
    "Deviation index": Column("event.deviation_index", "1"),
    "DAP (cGy.cm^2)": Column("event.pka_gy_cm2", "cGy.cm2"),
    "Entrance Exposure at RP (mGy)": Column("event.ka_i_mgy", "mGy"),
    "Comment": Column("event.comment"),
}
_MG_EVENT: Mapping[str, Column] = {
    "View": Column("event.view"),
    "Laterality": Column("event.laterality"),
    "Acquisition": Column("event.protocol"),
    "Thickness": Column("event.compressed_thickness_mm", "mm"),
    "kVp": Column("event.kvp_kv", "kV"),
    "mA": Column("event.tube_current_ma", "mA"),
    "ms": Column("event.exposure_time_ms", "ms"),
    "uAs": Column("event.exposure_mas", "uAs"),
    "AGD": Column("event.agd_mgy", "mGy"),
}
_NM: Mapping[str, Column] = {
    "Radiopharmaceutical Agent": Column("event.radiopharmaceutical"),
    "Radionuclide": Column("event.radionuclide"),
    "Administered activity (MBq)": Column("event.activity_mbq", "MBq"),
    "Radiopharmaceutical Start Time": Column("event.started_at"),
    "Comment": Column("event.comment"),
}

# Modality -> the header that no other export has, columns of the study, columns of an event.
_EXPORTS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Column], Mapping[str, Column]]] = {
    "CT": (("DLP total (mGy.cm)", "Total DLP (mGy.cm)"), _CT, _CT_EVENT),
    "RF": (("A DAP total (Gy.m^2)",), _plane_totals(), {}),
    "DX": (("DAP total (cGy.cm^2)",), _DX, _DX_EVENT),
    "MG": (("AGD", "E1 AGD"), {}, _MG_EVENT),
    "NM": (("Administered activity (MBq)",), _NM, {}),
}
_ALWAYS = ("Manufacturer", "Station name")


def recognise(columns: Sequence[str]) -> TableMapping | None:
    """Return the ready mapping of an OpenREM export, None when the table is none.

    Columns that OpenREM writes and no quantity of ours takes are left out by name (`ignore`).
    """
    names = headers(columns)
    if not set(_ALWAYS) <= set(names):
        return None
    for modality, (marks, of_study, of_event) in _EXPORTS.items():
        if set(marks) & set(names):
            known = {name: _column(name, of_study, of_event) for name in names}
            return TableMapping(known, _level(names, of_event), modality, name=f"OpenREM {modality}")
    return None


def _level(names: Sequence[str], of_event: Mapping[str, Column]) -> str:
    """A mammography CSV has a row an event, everything else a row a study."""
    return EVENT if any(name in of_event for name in names) and not any(map(_EVENT.match, names)) else STUDY


def _column(name: str, of_study: Mapping[str, Column], of_event: Mapping[str, Column]) -> Column:
    event = _EVENT.match(name)
    if event:
        column = of_event.get(event[2])
        return Column(column.meaning, column.unit, event=int(event[1])) if column else Column(IGNORE)
    return _COMMON.get(name) or of_study.get(name) or of_event.get(name) or Column(IGNORE)
