"""Beside a site's own Python script, both ways round, and when it came first."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.orthanc.live import ROOT, Site, until
from tests.orthanc.test_live import report

pytestmark = pytest.mark.integration

THEIRS = """
    import orthanc, json
    counts = {"stored": 0, "changes": 0}

    def on_stored(dicom, instance_id):
        counts["stored"] += 1

    def on_change(change, level, resource):
        counts["changes"] += 1

    def answer(output, uri, **request):
        output.AnswerBuffer(json.dumps(counts), "application/json")

    orthanc.RegisterOnStoredInstanceCallback(on_stored)
    orthanc.RegisterOnChangeCallback(on_change)
    orthanc.RegisterRestCallback("/theirs", answer)
    orthanc.ExtendOrthancExplorer("// their button")
"""
IMPORT = f"""
    import sys
    sys.path.append({str(ROOT)!r})
    import orthanc_plugin.plugin
"""


def script(folder: Path, *parts: str) -> str:
    path = folder / "hospital_script.py"
    path.write_text("".join(textwrap.dedent(part) for part in parts))
    return str(path)


def both_hear(site: Site) -> None:
    """A stored report reaches their counter, our hook and the database; both extend the explorer."""
    (uid,) = site.store(report())
    assert until("the report was read", lambda: site.status_of(uid)) == "ok"
    theirs = site.client.get_json("/theirs")
    assert theirs["stored"] == 1
    assert theirs["changes"] >= 4
    assert site.status()["hook"]["stored"] == 1
    explorer = site.client._bytes("GET", "/plugins/explorer.js").decode()
    assert "// their button" in explorer
    assert "dacs-dose" in explorer


def test_their_script_imports_ours(new_site, tmp_path):
    site = new_site(configuration={"PythonScript": script(tmp_path, IMPORT, THEIRS)}).start()
    both_hear(site)


def test_ours_loads_their_script(new_site, tmp_path):
    site = new_site(environment={"DACS_CHAIN_SCRIPT": script(tmp_path, THEIRS)}).start()
    both_hear(site)


def test_when_theirs_came_first_doses_still_arrive_and_the_status_says_so(new_site, tmp_path):
    site = new_site(configuration={"PythonScript": script(tmp_path, THEIRS, IMPORT)}).start()
    (uid,) = site.store(report())
    assert until("the report was read", lambda: site.status_of(uid)) == "ok"
    assert not site.status()["hook"]["registered"]
    assert "on its first line" in site.log.read_text()
    assert site.client.get_json("/theirs")["stored"] == 1


def test_two_lines_of_configuration_and_one_file_are_enough(new_site, tmp_path):
    site = new_site()
    file = tmp_path / "dacs.env"
    ours = {name: value for name, value in site._environment().items() if name.startswith("DACS_")}
    file.write_text("".join(f"{name}={value}\n" for name, value in ours.items()))
    site.overrides["Dacs"] = {"EnvFile": str(file)}
    site._environment = lambda: {"PATH": "/usr/bin:/bin", "TCP_NODELAY": "1"}
    site.start()
    (uid,) = site.store(report())
    assert until("the report was read", lambda: site.status_of(uid)) == "ok"
