"""What of an event has no column of its own is kept beside them, under its name."""

from dataclasses import fields

from dose.extract import extract
from dose.model import IrradiationEvent
from dose.store.rows import event_groups
from tests.build import (
    CTCheck,
    OrganDose,
    PhilipsItems,
    administration,
    ct_bytes,
    ct_event,
    fluoroscopy,
    radiopharm_rdsr,
    study,
    to_bytes,
    xray_bytes,
)


def row(data):
    groups, _, _ = event_groups(extract(data), "device")
    ((stored,),) = groups.values()
    return stored


def test_words_and_numbers_without_a_column_are_details():
    event = fluoroscopy(anode="W", grid=["fixed"], table_cradle_tilt_angle_deg=2.5, philips=PhilipsItems())
    stored = row(xray_bytes(1, event))
    assert stored["table_cradle_tilt_angle_deg"] == 2.5
    assert (stored["details"]["anode_target"], stored["details"]["grid"]) == ("W", "fixed")
    assert stored["details"]["maker_values"] == {"philips_table_height_mm": 890.0}


def test_a_dose_check_and_the_exposed_range_are_details():
    stored = row(
        ct_bytes(1, ct_event(checks=[CTCheck(dlp_mgy_cm=100.0)], exposed_range_mm=527.0, scanning_top_z_mm=5.0))
    )
    assert stored["scanning_top_z_mm"] == 5.0
    assert stored["details"]["exposed_range_mm"] == 527.0
    assert stored["details"]["dose_checks"] == [{"kind": "alert", "column": "dlp_mgy_cm", "configured": 100.0}]


def test_an_administration_keeps_codes_and_organ_doses():
    data = to_bytes(radiopharm_rdsr(study=study(), events=[administration(organ_doses=(OrganDose(),))]))
    stored = row(data)
    assert (stored["activity_mbq"], stored["radionuclide"]) == (394.0, "^18^Fluorine")
    assert stored["details"]["radionuclide"]["code"] == "C-111A1"
    assert stored["details"]["organ_doses"][0]["organ_dose_mgy"] == 51.22


def test_nothing_that_an_event_states_is_lost_on_the_way_to_its_row():
    names = {field.name for field in fields(IrradiationEvent)} - {"target_region", "values"}
    event = fluoroscopy(philips=PhilipsItems(), rejected=True, grid=["fixed"], anode="W", mount="table", view="AP")
    found = extract(xray_bytes(1, event)).events[0]
    stored = row(xray_bytes(1, event))
    stated = {name for name in names if getattr(found, name) not in (None, ())}
    assert stated <= stored.keys() | stored["details"].keys()
