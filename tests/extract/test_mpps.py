"""Performed procedure steps: the radiation dose module in its own units, N-CREATE and N-SET as one data set."""

import pytest

from dose.errors import NotADoseObject
from tests.build import exposure, performed_step
from tests.extract.heads import lines, refusal, reports

TOTALS = {"ImageAndFluoroscopyAreaDoseProduct": "182.5", "TotalTimeOfFluoroscopy": 324, "TotalNumberOfExposures": 7}


def test_totals_are_read_in_the_units_of_the_module():
    found = reports(performed_step("RF", **TOTALS))
    (total,) = found.accumulated
    assert (found.source, found.template, found.modality) == ("mpps", "MPPS", "RF")
    assert (total.pka_gy_cm2, total.fluoro_time_s, total.event_count) == (18.25, 324.0, 7)


def test_the_study_stands_in_the_scheduled_step_and_the_times_in_the_performed_one():
    found = reports(performed_step("RF", **TOTALS))
    assert (found.study_instance_uid, found.accession_number) == (
        reports(performed_step("DX", **TOTALS)).study_instance_uid,
        "A0001",
    )
    assert (found.study_date, found.study_time, found.device.station_name) == ("2026-11-21", "11:40:14", "XR1")
    assert (found.started_at, found.ended_at) == ("2026-11-21T11:40:14", "2026-11-21T11:45:20")
    assert [(one.role, one.name) for one in found.people] == [("operator", "Operator^Test")]


def test_every_exposure_listed_is_an_event():
    shots = [exposure(AcquisitionType=None, CTDIvol=None, KVP=kv, ExposureTime="12") for kv in ("70", "81")]
    found = reports(performed_step("DX", *shots, **TOTALS))
    assert [(one.event_type, one.kvp_kv, one.exposure_time_ms) for one in found.events] == [
        ("radiography", 70.0, 12.0),
        ("radiography", 81.0, 12.0),
    ]
    assert [one.pka_gy_cm2 for one in found.events] == [None, None]


@pytest.mark.parametrize("listed", [0, 1])
def test_the_totals_of_a_single_exposure_are_its_dose(listed):
    shots = [exposure(AcquisitionType=None, CTDIvol=None)] * listed
    stated = TOTALS | {"TotalNumberOfExposures": 1, "EntranceDoseInmGy": "0.35", "TotalTimeOfFluoroscopy": None}
    (event,) = reports(performed_step("DX", *shots, **stated)).events
    assert (event.pka_gy_cm2, event.ka_e_mgy, event.event_type) == (18.25, 0.35, "radiography")


def test_the_organ_dose_of_a_single_mammogram_is_its_glandular_dose():
    stated = {"OrganDose": "0.0142", "TotalNumberOfExposures": 1}
    (event,) = reports(performed_step("MG", **stated)).events
    assert (event.agd_mgy, event.event_type) == (1.42, "mammography")


def test_a_ct_step_lists_its_acquisitions():
    found = reports(performed_step("CT", exposure(), CommentsOnRadiationDose="Series #3 DLP=196\nTotal DLP=196"))
    assert (found.events[0].event_type, found.events[0].ctdi_vol_mgy, found.events[0].dlp_mgy_cm) == (
        "spiral",
        9.3,
        196.0,
    )
    assert found.accumulated[0].dlp_mgy_cm == 196.0


def test_a_step_that_states_no_dose_is_no_dose_object():
    for ds in (performed_step("DX"), performed_step("DX", PerformedProcedureStepStatus="IN PROGRESS")):
        assert str(refusal(ds)).endswith("a performed procedure step that states no dose")
    assert isinstance(refusal(performed_step("US", **TOTALS)), NotADoseObject)


def test_totals_are_traced_to_their_tags():
    (line,) = lines(performed_step("RF", **TOTALS), "pka_gy_cm2", subject="accumulated")
    assert (line.path, line.conversion) == ("(0018,115E) ImageAndFluoroscopyAreaDoseProduct", "× 0.1 = Gy·cm²")
