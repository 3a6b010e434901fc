"""Real headers of many makers: held to what DCMTK reads, to pydicom, and read whole or as heads."""

import json
import subprocess
import sys

import pytest

from dose.errors import BadObject
from dose.extract import extract, series
from dose.extract.contract import walk
from dose.extract.header import read_item
from dose.extract.header_pydicom import header as by_pydicom
from dose.extract.header_tags import WANTED
from dose.extract.limits import DEFAULT, Budget
from dose.extract.part10 import envelope, head

pytestmark = pytest.mark.corpus
FOLDERS = ("headers", "ct_series", "mpps", "nuclear")


def files(corpus, *folders):
    return [file for folder in folders for file in sorted((corpus / folder).rglob("*.dcm"))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_number_is_what_dcmtk_reads(corpus, tmp_path, folder):
    output = tmp_path / "out.jsonl"
    output.write_text("".join(json.dumps(line) + "\n" for line in walk([corpus / folder])))
    command = [sys.executable, str(corpus / "compare.py"), str(output), "--only", f"{folder}/"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_narrow_reader_of_headers_sees_what_pydicom_sees(corpus):
    for file in files(corpus, *FOLDERS):
        data = head(file.read_bytes())
        item, notes = read_item(envelope(data, DEFAULT), data)
        assert notes == (), file.name
        assert item == by_pydicom(data, WANTED, Budget(DEFAULT, len(data))), file.name


def outcome(data):
    try:
        return extract(data)
    except BadObject as error:
        return str(error)


def test_a_head_says_what_the_file_says(corpus):
    for file in files(corpus, *FOLDERS):
        data = file.read_bytes()
        assert outcome(head(data)) == outcome(data), file.name


def test_the_slices_of_real_series_are_one_acquisition_each(corpus):
    folder = corpus / "ct_series"
    for pattern, kind, ctdi in (("philips_head/S2010*", "sequenced", 45.2), ("ge_body/*", "spiral", None)):
        (event,) = extract(series.bundle(file.read_bytes() for file in folder.glob(pattern))).events
        assert (event.event_type, event.ctdi_vol_mgy) == (kind, ctdi)
