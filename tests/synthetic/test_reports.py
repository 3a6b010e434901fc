"""What the builders write is what others read: pydicom, DCMTK and our own readers."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID

from dose.extract import extract
from tests import build
from tests.build import BLANK, EMPTY, Device, Dialect, Document, Patient, Raw, Repeated

DAP, DLP, CTDI, KVP = "122130", "113838", "113830", "113733"
REPORTS = {
    "ct": lambda: build.ct_rdsr(events=[build.ct_localizer(), build.ct_event()]),
    "ct in SNOMED CT": lambda: build.ct_rdsr(device=Device(dialect=Dialect("SCT", exponent=True))),
    "biplane": lambda: build.projection_rdsr(events=[build.cine(plane="A"), build.cine(plane="B")]),
    "fluoroscopy": lambda: build.projection_rdsr(events=[build.fluoroscopy(), build.rotational()]),
    "mammography": lambda: build.projection_rdsr(events=[build.mammogram(), build.tomosynthesis(laterality="right")]),
    "radiography": lambda: build.projection_rdsr(events=[build.radiograph()], device_type="integrated"),
    "no dose": lambda: build.basic_text_sr(Patient(), Device(), build.study()),
}


def read(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(data))


def only_number(ds: pydicom.Dataset, concept: str):
    (item,) = build.find(ds, concept)
    (measured,) = item.MeasuredValueSequence
    return measured.NumericValue, measured.MeasurementUnitsCodeSequence[0].CodeValue


@pytest.mark.parametrize("lengths", ["defined", "undefined"])
@pytest.mark.parametrize("syntax", build.TRANSFER_SYNTAXES)
@pytest.mark.parametrize("kind", REPORTS)
def test_every_encoding_reads_back_as_the_same_content(kind, syntax, lengths):
    report = REPORTS[kind]()
    found = read(build.to_bytes(report, syntax, lengths=lengths))
    assert found.file_meta.TransferSyntaxUID == syntax
    assert found.to_json_dict() == REPORTS[kind]().to_json_dict()


@pytest.mark.skipif(not shutil.which("dsrdump"), reason="DCMTK is not installed")
@pytest.mark.parametrize("kind", REPORTS)
def test_dcmtk_reads_every_report_without_complaint(kind, tmp_path: Path):
    file = tmp_path / "report.dcm"
    file.write_bytes(build.to_bytes(REPORTS[kind]()))
    ran = subprocess.run(["dsrdump", "--unknown-relationship", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    complaints = [line for line in ran.stderr.splitlines() if "Specific Character Set" not in line]
    assert [line for line in complaints if line.startswith(("E:", "F:", "W:"))] == []


@pytest.mark.parametrize("kind", REPORTS)
def test_the_same_call_gives_the_same_bytes(kind):
    assert build.to_bytes(REPORTS[kind]()) == build.to_bytes(REPORTS[kind]())


def test_uids_follow_the_rules_and_their_names():
    found = {build.uid("a", number) for number in range(200)}
    assert len(found) == 200
    assert all(UID(each).is_valid and each.startswith("2.25.") for each in found)
    assert build.uid("a", 1) == build.uid("a", 1)


@pytest.mark.parametrize(
    ("unit", "written"), [("mGy.cm", 395.0), ("mGycm", 395.0), ("Gy.cm", 0.395)], ids=["UCUM", "vendor", "large"]
)
def test_a_dialect_spells_units_and_converts(unit, written):
    report = build.ct_rdsr(device=Device(dialect=Dialect(units={"dlp_mgy_cm": unit})))
    value, spelled = only_number(report, DLP)
    assert (float(value), spelled) == (pytest.approx(written), unit)


@pytest.mark.parametrize("unit", ["Gy.m2", "Gym2", "Gy.cm2", "dGy.cm2", "cGy.cm2", "uGy.m2", "mGy.cm2"])
def test_the_reader_finds_the_number_put_in_whatever_its_unit(unit):
    device = Device(dialect=Dialect(units={"pka_gy_cm2": unit}))
    data = build.to_bytes(build.projection_rdsr(device=device, events=[build.radiograph(pka_gy_cm2=0.123456)]))
    report = extract(data)
    assert report.events[0].pka_gy_cm2 == pytest.approx(0.123456, rel=1e-9)
    assert report.accumulated[0].pka_gy_cm2 == pytest.approx(0.123456, rel=1e-9)


@pytest.mark.parametrize(("value", "left"), [(None, 0), (EMPTY, 1), (BLANK, 1)])
def test_an_absent_value_is_absent_in_its_own_way(value, left):
    report = build.ct_rdsr(events=[build.ct_event(dlp_mgy_cm=value)])
    found = build.find(report, DLP)
    assert len(found) == left
    assert all(not item.MeasuredValueSequence or not item.MeasuredValueSequence[0].NumericValue for item in found)
    assert extract(build.to_bytes(report)).events[0].dlp_mgy_cm is None


def test_several_values_are_one_item_or_several():
    together = build.projection_rdsr(events=[build.fluoroscopy(kvp_kv=[0.0, 71.0, 73.0])])
    apart = build.projection_rdsr(events=[build.fluoroscopy(kvp_kv=Repeated([0.0, 71.0, 73.0]))])
    assert list(only_number(together, KVP)[0]) == [0, 71, 73]
    assert len(build.find(apart, KVP)) == 3
    for report in (together, apart):
        assert extract(build.to_bytes(report)).events[0].kvp_kv == pytest.approx(72.0)


def test_a_raw_number_is_written_as_it_is():
    report = build.ct_rdsr(events=[build.ct_event(ctdi_vol_mgy=Raw("9.9e02", "uGy"))])
    assert extract(build.to_bytes(report)).events[0].ctdi_vol_mgy == pytest.approx(0.99)


def test_totals_add_up_unless_replaced():
    events = [build.ct_event(dlp_mgy_cm=100.0), build.ct_event(dlp_mgy_cm=50.5)]
    honest, other = (
        extract(build.to_bytes(build.ct_rdsr(events=events, totals=t))) for t in (None, {"dlp_mgy_cm": 90.0})
    )
    assert honest.accumulated[0].dlp_mgy_cm == pytest.approx(150.5)
    assert other.accumulated[0].dlp_mgy_cm == pytest.approx(90.0)
    assert {warning.code for warning in other.warnings} == {"dlp-total-differs"}


def test_a_cumulative_report_repeats_the_events_before():
    events = [build.ct_event(), build.ct_event(protocol="Late")]
    first = extract(build.to_bytes(build.ct_rdsr(events=events[:1], form=Document(number=1))))
    second = extract(build.to_bytes(build.ct_rdsr(events=events, form=Document(number=2))))
    assert first.events[0] == second.events[0]
    assert first.sop_instance_uid != second.sop_instance_uid


@pytest.mark.parametrize("sop_class", [build.DOSE_SR, build.ENHANCED_SR, build.COMPREHENSIVE_SR])
def test_a_dose_report_may_come_in_another_sop_class(sop_class):
    assert extract(build.to_bytes(build.ct_rdsr(form=Document(sop_class=sop_class)))).sop_class_uid == sop_class


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Lefèvre^Chloé"),
        ("ISO_IR 192", "العلوي^فاطمة"),
        ("ISO_IR 127", "العلوي^فاطمة"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
    ],
)
def test_names_survive_their_character_set(charset, name):
    report = build.ct_rdsr(patient=Patient(name=name), form=Document(charset=charset))
    assert str(read(build.to_bytes(report)).PatientName) == name


def test_a_character_set_can_be_declared_wrongly():
    data = build.to_bytes(build.ct_rdsr(patient=Patient(name="Lefèvre"), form=Document(charset="ISO_IR 192")))
    wrong = build.misdeclared(data, "ISO_IR 192", "ISO_IR 100")
    assert len(wrong) == len(data)
    assert str(read(wrong).PatientName) == "LefÃ¨vre"


def test_dropping_a_concept_leaves_the_rest():
    report = build.drop(build.ct_rdsr(), CTDI)
    assert build.find(report, CTDI) == []
    assert len(build.find(report, DLP)) == 1
