"""The configuration that Orthanc is started with."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from dacs import orthanc_config
from dose.settings import Settings
from tests.orthanc.live import ROOT

BASE = json.loads((ROOT / "orthanc.json").read_text(encoding="utf-8"))
DOCS = (ROOT / "docs" / "orthanc-options.md").read_text(encoding="utf-8")


def build(**settings: object) -> dict:
    return orthanc_config.build(BASE, Settings(orthanc_user="dacs", orthanc_password="secret", **settings))


def test_only_this_machine_reaches_the_rest_api_and_only_with_a_password():
    built = build(orthanc_url="http://127.0.0.1:9042")
    assert (built["HttpPort"], built["RemoteAccessAllowed"], built["AuthenticationEnabled"]) == (9042, False, True)
    assert built["RegisteredUsers"] == {"dacs": "secret"}


def test_only_known_devices_may_send_and_new_ones_are_admitted_without_a_restart():
    built = build()
    assert not any(built[f"DicomAlwaysAllow{verb}"] for verb in ("Echo", "Store", "Find", "Get", "Move"))
    assert built["DicomCheckModalityHost"]
    assert built["DicomModalitiesInDatabase"]


def test_storage_and_scripts_are_absolute_wherever_orthanc_is_started():
    built = build(var=Path("var"))
    for path in (built["StorageDirectory"], built["IndexDirectory"], built["PythonScript"], *built["Plugins"]):
        assert Path(path).is_absolute()
    assert Path(built["PythonScript"]).is_file()


def test_settings_of_the_site_win_over_the_file():
    built = build(dicom_port=11112, dicom_aet="HOSPITAL", orthanc_plugins=Path("/opt/plugins"))
    assert (built["DicomPort"], built["DicomAet"]) == (11112, "HOSPITAL")
    assert built["Plugins"][0] == "/opt/plugins/libOrthancPython.so"


def test_a_site_may_add_options_that_we_do_not_know():
    assert orthanc_config.build(BASE | {"MaximumPatientCount": 7}, Settings())["MaximumPatientCount"] == 7


def test_the_file_itself_holds_no_secret_and_is_not_changed():
    before = json.dumps(BASE)
    build()
    assert json.dumps(BASE) == before
    assert "RegisteredUsers" not in BASE


@pytest.mark.parametrize("option", sorted(BASE))
def test_every_option_is_explained(option):
    assert re.search(rf"`{option}[`:]", DOCS)


def test_a_deep_stack_is_asked_for_and_never_more_than_allowed():
    shown = "import resource; from dacs.orthanc_config import deep_stack; deep_stack(); "
    shown += "print(resource.getrlimit(resource.RLIMIT_STACK)[0])"
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    allowed = orthanc_config.STACK_BYTES if hard == resource.RLIM_INFINITY else min(hard, orthanc_config.STACK_BYTES)
    assert int(done.stdout) == allowed
