"""Real objects of many makers: held to pydicom, to what DCMTK reads, and to the log's silence about persons."""

import json
import subprocess
import sys

import pytest

from dose.errors import BadObject
from dose.extract import extract
from dose.extract.contract import walk
from dose.extract.trace import trace
from tests.extract.samples import by_pydicom, read_narrow, same, untraced

pytestmark = pytest.mark.corpus
FOLDERS = ("ct", "projection", "mammography")


def files(corpus, *folders):
    return [file for folder in folders for file in sorted((corpus / folder).glob("*.dcm"))]


def test_the_narrow_reader_sees_what_pydicom_sees(corpus):
    for file in files(corpus, *FOLDERS, "not_dose", "nuclear", "headers"):
        data = file.read_bytes()
        narrow = read_narrow(data)
        assert narrow.notes == (), file.name
        assert same(narrow, by_pydicom(data)), file.name


@pytest.mark.parametrize("folder", [*FOLDERS, "not_dose"])
def test_every_number_is_what_dcmtk_reads(corpus, tmp_path, folder):
    output = tmp_path / "out.jsonl"
    output.write_text("".join(json.dumps(line) + "\n" for line in walk([corpus / folder])))
    command = [sys.executable, str(corpus / "compare.py"), str(output), "--only", f"{folder}/"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_whole_corpus_differs_nowhere_from_what_dcmtk_reads(corpus, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("".join(json.dumps(line) + "\n" for line in walk([corpus])))
    command = [sys.executable, str(corpus / "compare.py"), str(output)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stdout.endswith(": 0 differ\n"), found.stdout
    compared = int(found.stdout.splitlines()[-1].split()[1])
    assert compared > 15_600  # what is compared must not silently become less


@pytest.mark.slow
def test_every_value_of_the_corpus_can_be_opened_and_every_absence_has_a_reason(corpus):
    for file in files(corpus, *FOLDERS, "nuclear", "headers"):
        try:
            report = extract(file)
        except BadObject:
            continue
        assert untraced(report, trace(file)) == [], file.name


def test_a_path_gives_what_its_bytes_give(corpus):
    for file in files(corpus, *FOLDERS):
        assert extract(file) == extract(file.read_bytes())


def test_no_reason_or_warning_names_a_person(corpus):
    for line in walk([corpus / folder for folder in FOLDERS]):
        said = " ".join(warning["text"] for warning in line["warnings"]) + str(line["reason"])
        patient = line["report"]["patient"]
        names = [part for part in (patient["name"] or "").split("^") if len(part) > 3]
        assert not any(name in said for name in [*names, patient["id"] or "no id"])


def test_the_largest_report_has_all_its_events(corpus):
    report = extract(corpus / "projection" / "RF-Pat-Orientation-Modifier-Missing.dcm")
    assert len(report.events) == 316
    assert report.modality == "XA"
