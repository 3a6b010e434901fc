"""Patient, study and device of a report."""

import pytest

from dose.errors import MissingField
from dose.extract import extract
from tests.build import Device, Document, Patient, ct_event, ct_rdsr, drop, study, to_bytes


def report(**fields):
    return extract(to_bytes(ct_rdsr(study=study(), **fields), strict=False))


@pytest.mark.parametrize(
    ("age", "born", "years"),
    [
        ("045Y", "19700102", 45.0),
        ("006M", None, 0.5),
        ("010D", None, 0.0274),
        ("003W", None, 0.0575),
        (None, "20261111", 0.0274),
        ("000Y", "20260521", 0.5038),
        (None, "99990101", None),
    ],
)
def test_age_is_decimal_and_comes_from_the_dates_where_it_is_not_stated(age, born, years):
    assert report(patient=Patient(age=age, birth_date=born)).patient.age_years == years


def test_size_and_weight_of_zero_are_unknown():
    patient = report(patient=Patient(height_m=0.0, weight_kg=0.0)).patient
    assert (patient.height_m, patient.weight_kg) == (None, None)


def test_a_height_in_centimetres_is_kept_and_flagged():
    found = report(patient=Patient(height_m=165.0))
    assert found.patient.height_m == 165.0
    assert [warning.code for warning in found.warnings] == ["implausible"]


def test_the_device_observer_is_preferred_to_the_header():
    ds = ct_rdsr(study=study(), device=Device(manufacturer="Maker", model="Scanner", serial_number="7"))
    ds.Manufacturer, ds.ManufacturerModelName = "Archive Co", "Gateway"
    device = extract(to_bytes(ds)).device
    assert (device.manufacturer, device.model, device.serial_number) == ("Maker", "Scanner", "7")


def test_the_header_fills_what_no_observer_states():
    form = Document(observer=False)
    ds = drop(ct_rdsr(study=study(), form=form, device=Device(model="Scanner", software=("1.0", "b"))), "113876")
    device = extract(to_bytes(ds)).device
    assert (device.model, device.software, device.institution) == ("Scanner", ("1.0", "b"), "Test Hospital")


def test_dates_and_times_are_iso():
    found = report()
    assert (found.study_date, found.study_time, found.started_at) == ("2026-11-21", "11:40:14", "2026-11-21T11:40:14")


def test_the_offset_of_the_device_is_kept_apart_from_local_time():
    found = report(events=[ct_event(started="20261121114014.250+0300")])
    assert (found.events[0].started_at, found.timezone_offset) == ("2026-11-21T11:40:14.250", "+0300")


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID"])
def test_an_object_without_its_identifiers_is_refused(keyword):
    data = to_bytes(ct_rdsr(study=study()))
    ds = ct_rdsr(study=study())
    value = getattr(ds, keyword).encode()
    blank = data.replace(value + b"\0" * (len(value) % 2), b" " * (len(value) + len(value) % 2))
    with pytest.raises(MissingField, match=keyword):
        extract(blank)
