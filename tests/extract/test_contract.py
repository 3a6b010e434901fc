"""The extract contract: the same keys always, in JSON, for any file."""

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from dose.extract.contract import extract_file, walk
from dose.model import IrradiationEvent
from tests.build import (
    Device,
    Document,
    Patient,
    Repeated,
    basic_text_sr,
    ct_bytes,
    not_dicom,
    study,
    to_bytes,
    tomosynthesis,
    xray_bytes,
)

LINE = {"file", "status", "reason", "warnings", "report"}
NESTED = {"radiopharmaceutical", "radionuclide", "organ_doses", "sources", "filters"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "ct.dcm").write_bytes(ct_bytes())
    (tmp_path / "b" / "text.dcm").write_bytes(to_bytes(basic_text_sr(Patient(), Device(), study())))
    (tmp_path / "a.pdf").write_bytes(not_dicom())
    (tmp_path / "c.dcm").write_bytes(xray_bytes(1, tomosynthesis(kvp_kv=Repeated([30.0, 32.0]))))
    return tmp_path


def test_folders_are_walked_and_files_come_in_sorted_order(folder):
    lines = list(walk([folder]))
    assert [line["file"] for line in lines] == sorted(str(file) for file in folder.rglob("*") if file.is_file())
    assert [line["status"] for line in lines] == ["rejected", "ok", "not_dose", "ok"]
    assert all(set(line) == LINE for line in lines)


def test_every_line_is_json(folder):
    assert [json.loads(json.dumps(line)) for line in walk([folder])] == list(walk([folder]))


def test_every_key_is_present_and_null_where_nothing_is_stated(folder):
    report = extract_file(folder / "b" / "ct.dcm")["report"]
    expected = {one.name for one in fields(IrradiationEvent)} - {"values"} | NESTED
    assert set(report["events"][0]) == expected
    assert report["events"][0]["pka_gy_cm2"] is None
    assert report["events"][0]["target_region"]["code"]
    assert report["patient"]["age_years"] == pytest.approx(56.88, abs=0.01)


def test_the_list_of_a_repeated_value_is_kept_beside_it(folder):
    event = extract_file(folder / "c.dcm")["report"]["events"][0]
    assert (event["kvp_kv"], event["kvp_kv_values"]) == (31.0, [30.0, 32.0])


def test_a_refusal_has_a_reason_and_no_report(folder):
    line = extract_file(folder / "a.pdf")
    assert (line["status"], line["report"]) == ("rejected", None)
    assert line["reason"].startswith("The object cannot be read as DICOM")


def test_a_file_that_is_not_there_is_answered_too(tmp_path):
    assert extract_file(tmp_path / "gone.dcm")["status"] == "rejected"


def test_another_title_is_not_dose_whatever_the_sop_class(folder):
    assert Document().sop_class.endswith("88.67")
    line = extract_file(folder / "b" / "text.dcm")
    assert "another title" in line["reason"] or "without content" in line["reason"]


def test_odd_folders_are_walked_to_their_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.dcm").mkdir()
    (tmp_path / "a.dcm" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    names = [b"a.dcm/empty", b"caf\xe9", b"two\nlines"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    os.mkfifo(tmp_path / "pipe")
    found = [json.loads(json.dumps(line)) for line in walk(["."])]
    assert [os.fsencode(line["file"]) for line in found] == names
    assert all(Path(line["file"]).exists() for line in found)
    assert {line["status"] for line in found} == {"rejected"}


def test_what_is_no_regular_file_is_answered_and_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    paths = [tmp_path / "pipe", tmp_path / "absent", "x" * 5000]
    assert [line["status"] for line in walk(paths)] == ["rejected"] * 3
