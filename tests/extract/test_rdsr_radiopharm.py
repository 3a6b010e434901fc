"""Radiopharmaceutical dose reports: TID 10021 to 10024."""

from dataclasses import replace

import pytest

from dose.errors import MissingField, UnknownUnit
from dose.extract import extract
from dose.extract.trace import trace
from dose.model import Code
from tests.build import (
    EMPTY,
    Characteristics,
    Device,
    Dialect,
    OrganDose,
    Patient,
    Raw,
    Repeated,
    administration,
    administration_uid,
    drop,
    radiopharm_rdsr,
    shuffled,
    study,
    to_bytes,
)


def report(*events, **fields):
    return extract(to_bytes(radiopharm_rdsr(study=study(), events=events or (administration(),), **fields)))


def test_an_injection_is_read_whole():
    found = report(administration(stopped="20261121101512"))
    (event,) = found.events
    assert (found.source, found.template, found.modality) == ("radiopharm_rdsr", "10021", "PT")
    assert event.irradiation_event_uid == administration_uid(study(), 0)
    assert (event.event_type, event.started_at) == ("administration", "2026-11-21T10:15:00")
    assert (event.activity_mbq, event.half_life_s) == (394.0, 6586.2)
    assert event.radiopharmaceutical == Code("C-B1031", "SRT", "Fluorodeoxyglucose F^18^")
    assert (event.radionuclide.meaning, event.route.meaning) == ("^18^Fluorine", "Intravenous route")
    assert (found.started_at, found.ended_at) == ("2026-11-21T10:15:00", "2026-11-21T10:15:12")
    assert (found.accumulated, found.warnings) == ((), ())


def test_organ_doses_keep_their_side_and_their_method():
    organs = (OrganDose(), OrganDose(organ="lung", organ_dose_mgy=7.88, laterality="both", method=None))
    bladder, lungs = report(administration(organ_doses=organs)).events[0].organ_doses
    assert (bladder.organ, bladder.organ_dose_mgy, bladder.method) == ("Bladder", 51.22, "ICRP Publication 128")
    assert (lungs.organ_code.code, lungs.laterality, lungs.method) == ("T-28000", "both", None)


def test_the_effective_dose_is_found_in_a_container_of_the_maker():
    assert report(administration(effective_dose_msv=7.486)).events[0].effective_dose_msv == 7.486


@pytest.mark.parametrize(
    ("unit", "value"), [("Bq", 394e6), ("kBq", 394e3), ("GBq", 0.394), ("mCi", 10.64864864864), ("MBq", 394)]
)
def test_every_unit_of_activity_gives_one_number(unit, value):
    event = report(administration(activity_mbq=Raw(repr(value), unit))).events[0]
    assert event.activity_mbq == pytest.approx(394.0, rel=1e-9)


@pytest.mark.parametrize("scheme", ["SRT", "SCT", "SNM3", "99SDM"])
def test_the_code_scheme_of_the_maker_makes_no_difference(scheme):
    organs = (OrganDose(laterality="left"),)
    event = report(administration(organ_doses=organs), device=Device(dialect=Dialect(scheme=scheme))).events[0]
    assert (event.half_life_s, event.radionuclide.meaning) == (6586.2, "^18^Fluorine")
    assert (event.organ_doses[0].organ, event.organ_doses[0].laterality) == ("Bladder", "left")


@pytest.mark.parametrize(
    ("nuclide", "modality"), [("F-18", "PT"), ("Ga-68", "PT"), ("Tc-99m", "NM"), ("I-131", "NM"), (None, "NM")]
)
def test_a_positron_emitter_makes_it_pet(nuclide, modality):
    assert report(administration(radionuclide=nuclide)).modality == modality


def test_two_administrations_are_two_events_in_document_order():
    found = report(administration(), administration(radionuclide="Tc-99m", activity_mbq=600.0))
    assert [event.activity_mbq for event in found.events] == [394.0, 600.0]
    assert len({event.irradiation_event_uid for event in found.events}) == 2


def test_what_stayed_at_the_injection_site_is_told_and_nothing_is_subtracted():
    found = report(administration(extravasation_percent=12.0, measured_before_mbq=400.0, measured_after_mbq=6.0))
    assert found.events[0].activity_mbq == 394.0
    assert [warning.code for warning in found.warnings] == ["extravasation"]


@pytest.mark.parametrize(
    ("value", "stored", "warned"),
    [
        (None, None, []),
        (EMPTY, None, []),
        (0.0, 0.0, ["zero-stated"]),
        (Repeated([390.0, 398.0]), 394.0, ["repeated-value"]),
        (25000.0, 25000.0, ["implausible"]),
    ],
)
def test_an_odd_activity_is_stored_as_sent_and_told(value, stored, warned):
    found = report(administration(activity_mbq=value, effective_dose_msv=1.0))
    assert found.events[0].activity_mbq == stored
    assert [warning.code for warning in found.warnings] == warned


def test_an_activity_in_a_unit_of_dose_is_no_number():
    found = report(administration(activity_mbq=Raw("394", "mGy"), effective_dose_msv=1.0))
    assert found.events[0].activity_mbq is None
    assert [warning.code for warning in found.warnings] == ["unit-unknown"]
    with pytest.raises(UnknownUnit):
        report(administration(activity_mbq=Raw("394", "mGy")))


def test_an_organ_without_a_known_dose_is_left_out():
    organs = (OrganDose(organ_dose_mgy=EMPTY), OrganDose(organ=None, organ_dose_mgy=Raw("1", "Bq")), OrganDose())
    assert [dose.organ_dose_mgy for dose in report(administration(organ_doses=organs)).events[0].organ_doses] == [51.22]


def test_age_and_size_come_from_the_report_where_the_header_is_silent():
    silent = Patient(birth_date=None, height_m=None, weight_kg=None)
    stated = Characteristics(age_years=Raw("10", "d"), height_m=Raw("52", "cm"), weight_kg=Raw("3400", "g"))
    patient = report(patient=silent, characteristics=stated).patient
    assert (patient.age_years, patient.height_m, patient.weight_kg) == (0.0274, 0.52, 3.4)
    told = replace(silent, age="063Y", height_m=1.78, weight_kg=110.0)
    patient = report(patient=told, characteristics=stated).patient
    assert (patient.age_years, patient.height_m, patient.weight_kg) == (63.0, 1.78, 110.0)


def test_shuffled_siblings_change_nothing():
    ds = radiopharm_rdsr(study=study(), events=[administration(organ_doses=(OrganDose(),), effective_dose_msv=7.0)])
    assert {extract(to_bytes(shuffled(ds, seed))) for seed in range(8)} == {extract(to_bytes(ds))}


def test_the_storage_class_stands_in_for_a_title_that_was_lost():
    ds = radiopharm_rdsr(study=study())
    ds.ConceptNameCodeSequence = []
    assert extract(to_bytes(ds)).events[0].activity_mbq == 394.0


def test_a_report_without_administration_is_refused_unless_it_names_its_template():
    assert extract(to_bytes(drop(radiopharm_rdsr(study=study()), "113502"))).events == ()
    nameless = radiopharm_rdsr(study=study(), device=Device(dialect=Dialect(template=None)))
    with pytest.raises(MissingField):
        extract(to_bytes(drop(nameless, "113502")))


def test_every_number_names_its_item():
    data = to_bytes(radiopharm_rdsr(study=study()))
    (line,) = [line for line in trace(data) if line.field == "activity_mbq"]
    assert line.path.endswith("> (113507,DCM) Administered activity")
    assert (line.value, line.unit, line.conversion) == ("394", "MBq", "× 1 = MBq")
