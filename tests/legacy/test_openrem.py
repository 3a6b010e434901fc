"""Exports of OpenREM are read with the unit that each column has, and no other."""

from __future__ import annotations

import pytest

from dose.legacy.mapping import problems
from dose.legacy.meanings import IGNORE
from dose.legacy.openrem import recognise
from dose.legacy.table import open_table
from tests.legacy.sheets import checked, workbook

COMMON = ["Patient ID", "Institution", "Manufacturer", "Model name", "Station name", "Display name", "Accession number",
          "Operator", "Study date", "Study time", "Date of birth", "Age", "Sex", "Height", "Mass (kg)", "Test patient?",
          "Study description", "Requested procedure", "Study Comments", "No. events"]  # fmt: skip
SAID = ["00123", "Hospital", "ACME", "X1", "ROOM1", "Room 1", "A1", "Op", "2019-03-04", "10:11:12", "1960-01-02",
        "59.2", "F", "1.62", "61", "", "Thorax", "CT", "", "2"]  # fmt: skip
EXPORTS = {
    "CT": (["DLP total (mGy.cm)", "E1 Protocol", "E1 Type", "E1 CTDIvol", "E1 Phantom", "E1 DLP", "E1 S1 kVp",
            "E1 Exposure time", "E2 Type", "E2 CTDIvol", "E2 DLP", "E2 S2 kVp"],
           ["420.5", "Thorax", "Spiral Acquisition", "12.5", "32 cm", "415.5", "120", "3.5",
            "Constant Angle Acquisition", "0.1", "5", ""]),
    "RF": (["A DAP total (Gy.m^2)", "A Dose RP total (Gy)", "A Fluoro DAP total (Gy.m^2)",
            "A Fluoro duration total (s)", "A Number of events", "B DAP total (Gy.m^2)"],
           ["0.0025", "0.35", "0.001", "725", "9", "0.0005"]),
    "DX": (["DAP total (cGy.cm^2)", "E1 Protocol", "E1 kVp", "E1 mAs", "E1 Exposure time (ms)", "E1 DAP (cGy.cm^2)",
            "E1 Entrance Exposure at RP (mGy)", "E1 SDD Detector Dist"],
           ["12.5", "Chest PA", "125", "1.8", "4", "12.5", "0.1", "1800"]),
    "MG": (["View", "Laterality", "Acquisition", "Thickness", "Force", "kVp", "mA", "ms", "uAs", "ESD", "AGD"],
           ["medio-lateral oblique", "Left", "MLO", "52", "90", "28", "100", "900", "90000", "5", "1.4"]),
    "NM": (["Radiopharmaceutical Agent", "Radionuclide", "Radionuclide Half Live", "Administered activity (MBq)",
            "Radiopharmaceutical Start Time"], ["Fluorodeoxyglucose F^18^", "^18^Fluorine", "6588", "251.5",
                                                "2019-03-04 09:50:00"]),
}  # fmt: skip


def export(modality: str) -> bytes:
    """An export of one study as OpenREM writes its sheet of all data."""
    heads, values = EXPORTS[modality]
    common = [name for name in COMMON if modality != "MG" or name not in ("Height", "Mass (kg)")]
    said = [value for name, value in zip(COMMON, SAID, strict=True) if name in common]
    return workbook([common + heads, said + values], "All data")


def test_ct_acquisitions_are_events_of_one_study():
    report, taken = checked(export("CT"), recognise(open_table(export("CT")).columns))
    assert report.refusals == []
    said = taken[0].report
    assert [event.dlp_mgy_cm for event in said.events] == [415.5, 5.0]
    assert [event.event_type for event in said.events] == ["spiral", "constant_angle"]
    first = said.events[0]
    assert (first.ctdi_vol_mgy, first.ctdi_phantom, first.kvp_kv, first.exposure_time_ms) == (
        12.5,
        "body_32",
        120.0,
        3500.0,
    )
    assert (said.accumulated[0].dlp_mgy_cm, said.patient.height_m, said.patient.age_years) == (420.5, 1.62, 59.2)


def test_rf_totals_are_in_gray_and_square_metres_by_plane():
    _, taken = checked(export("RF"), recognise(open_table(export("RF")).columns))
    a, b = taken[0].report.accumulated
    assert (a.plane, a.pka_gy_cm2, a.ka_r_mgy, a.fluoro_pka_gy_cm2) == ("A", 25.0, 350.0, 10.0)
    assert (a.fluoro_time_s, a.event_count) == (725.0, 9)
    assert (b.plane, b.pka_gy_cm2, b.ka_r_mgy) == ("B", 5.0, None)


def test_dx_area_products_are_in_centigray_square_centimetres():
    _, taken = checked(export("DX"), recognise(open_table(export("DX")).columns))
    event = taken[0].report.events[0]
    assert (event.pka_gy_cm2, event.kvp_kv, event.exposure_mas, event.ka_i_mgy) == (0.125, 125.0, 1.8, 0.1)
    assert event.distance_source_to_detector_mm is None
    assert taken[0].report.accumulated[0].pka_gy_cm2 == 0.125


def test_mg_rows_are_events_and_what_has_no_unit_is_left_out():
    _, taken = checked(export("MG"), recognise(open_table(export("MG")).columns))
    event = taken[0].report.events[0]
    assert (event.agd_mgy, event.exposure_mas, event.laterality, event.ka_e_mgy) == (1.4, 90.0, "left", None)


def test_nm_is_an_administration():
    _, taken = checked(export("NM"), recognise(open_table(export("NM")).columns))
    event = taken[0].report.events[0]
    assert (event.activity_mbq, event.event_type, event.half_life_s) == (251.5, "administration", None)
    assert event.started_at == "2019-03-04T09:50:00"


@pytest.mark.parametrize("modality", EXPORTS)
def test_every_column_of_an_export_is_known_by_name(modality):
    columns = open_table(export(modality)).columns
    mapping = recognise(columns)
    assert mapping is not None
    assert (mapping.modality, problems(mapping, columns, 1)) == (modality, [])
    assert mapping.columns["Operator"].meaning == IGNORE


def test_another_table_is_no_export():
    assert recognise(["Patient ID", "Study date", "DLP total (mGy.cm)"]) is None
