"""`dacs run`: starts whole or not at all, says what is wrong in one sentence, stops clean."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dacs.run import environment
from dacs.site_files import prepare
from dose.settings import Settings, load_settings
from tests.installation import Installation
from tests.orthanc.live import ROOT, until

pytestmark = pytest.mark.integration


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.stop()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_starts_stops_clean_and_tells_the_password_once(installation: Installation) -> None:
    installation.start()
    assert installation.first_sign_in()
    with urllib.request.urlopen(f"{installation.url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    assert installation.stop() == 0
    assert not any(listens(port) for port in (installation.web_port, installation.http_port, installation.dicom_port))
    installation.start()
    assert installation.first_sign_in() is None
    assert installation.stop() == 0


def test_a_port_in_use_is_one_sentence_and_nothing_started(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.web_port))
        other.listen()
        answer = installation.dacs("run")
    assert answer.returncode == 1
    assert answer.stderr.strip().count("\n") == 0
    assert f"port {installation.web_port} for the web app is in use" in answer.stderr
    assert not listens(installation.http_port)
    assert not installation.var.exists()


def test_a_wrong_setting_is_named(installation: Installation) -> None:
    installation.settings["DACS_TIME_ZONE"] = "Mars/Olympus"
    answer = installation.dacs("run")
    assert answer.returncode == 1
    assert answer.stderr.startswith("dacs: DACS_TIME_ZONE")
    assert answer.stderr.strip().count("\n") == 0


def test_a_missing_orthanc_is_named(installation: Installation) -> None:
    installation.settings["DACS_ORTHANC_PROGRAM"] = "/nowhere/Orthanc"
    answer = installation.dacs("run")
    assert answer.returncode == 1
    assert "/nowhere/Orthanc is missing" in answer.stderr


def test_a_part_that_ends_by_itself_stops_the_rest(installation: Installation) -> None:
    installation.start()
    web = next(pid for pid in _children(installation) if "dash_app" in _command(pid))
    os.kill(web, signal.SIGKILL)
    assert installation.process is not None
    assert installation.process.wait(60) == 1
    assert "the web app ended" in installation.said()
    assert not listens(installation.http_port)


def test_a_launcher_killed_hard_leaves_nothing_behind(installation: Installation) -> None:
    installation.start()
    assert installation.process is not None
    installation.process.kill()
    installation.process.wait()
    until("the ports are free", lambda: not listens(installation.http_port) and not listens(installation.web_port))


def test_the_doctor_finds_a_healthy_system_healthy_and_a_stopped_one_not(installation: Installation) -> None:
    installation.start()
    healthy = installation.dacs("doctor")
    assert healthy.returncode == 0, healthy.stdout
    installation.stop()
    stopped = installation.dacs("doctor")
    assert stopped.returncode == 1
    assert "does not answer" in stopped.stdout
    assert "->" in stopped.stdout


def test_the_web_app_runs_alone_after_a_set_up_and_not_before(installation: Installation) -> None:
    before = installation.dacs("web")
    assert before.returncode == 1
    assert "run dacs setup first" in before.stderr
    installation.dacs("setup")
    command = [sys.executable, "-m", "dacs", "web"]
    with subprocess.Popen(command, env=installation.environment, cwd=ROOT, stderr=subprocess.DEVNULL) as web:
        until("the web app answers", lambda: listens(installation.web_port))
        web.terminate()


def test_secrets_given_by_a_variable_reach_the_children(tmp_path: Path) -> None:
    given = Settings(var=tmp_path, orthanc_user="me", orthanc_password="mine", secret_key="s" * 32)
    passed = environment(prepare(given))
    assert passed["DACS_ORTHANC_PASSWORD"] == "mine"
    made = environment(prepare(Settings(var=tmp_path)))
    assert made["DACS_ORTHANC_PASSWORD_FILE"] == str(tmp_path / "keys" / "orthanc-password")


def test_secrets_of_peers_go_on_the_way_they_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mail-password"
    file.write_text("hidden\n")
    monkeypatch.setenv("DACS_MAIL_PASSWORD_FILE", str(file))
    monkeypatch.setenv("DACS_SMS_TOKEN", "typed")
    passed = environment(prepare(load_settings(var=tmp_path)))
    assert passed["DACS_MAIL_PASSWORD_FILE"] == str(file)
    assert passed["DACS_SMS_TOKEN"] == "typed"
    assert "hidden" not in passed.values()


def _children(installation: Installation) -> list[int]:
    assert installation.process is not None
    pid = installation.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
