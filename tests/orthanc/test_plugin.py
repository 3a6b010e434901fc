"""What runs inside Orthanc, without Orthanc."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

from orthanc_plugin import chain, options
from orthanc_plugin.hooks import Changes, Hooks
from orthanc_plugin.log import Log
from orthanc_plugin.pipe import Pipe
from orthanc_plugin.rest import Rest, button
from orthanc_plugin.supervisor import SENDS, Supervisor, child_environment
from tests.orthanc.fake_orthanc import FakeInstance, FakeOrthanc, FakeOutput
from tests.orthanc.live import until

RDSR = "1.2.840.10008.5.1.4.1.1.88.67"
CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY = "-".join(["0123abcd"] * 5)


def unread(pipe: Pipe) -> bytes:
    try:
        return os.read(pipe.read_end, 1 << 16)
    except BlockingIOError:
        return b""


def supervisor(tmp_path: Path, script: str) -> Supervisor:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    chosen = options.Options({"DACS_PYTHON": str(program)}, "http://127.0.0.1:1")
    return Supervisor(chosen, Pipe(), lambda: "secret-token", Log(FakeOrthanc()))


def test_a_dose_report_wakes_the_worker_and_an_image_does_not():
    hooks = Hooks(pipe := Pipe())
    hooks.on_stored_instance(FakeInstance(CT), "i1")
    assert unread(pipe) == b""
    hooks.on_stored_instance(FakeInstance(RDSR), "i2")
    assert unread(pipe) == b"\n"
    assert hooks.counts == {"stored": 2, "woken": 1, "pipe_full": 0, "failed": 0}


def test_an_instance_of_unknown_class_wakes_the_worker():
    hooks = Hooks(pipe := Pipe())
    hooks.on_stored_instance(FakeInstance(None), "i1")
    assert unread(pipe) == b"\n"


def test_the_hook_never_raises_and_counts_its_failures():
    hooks = Hooks(Pipe())
    hooks.on_stored_instance(None, "i1")
    assert hooks.counts["failed"] == 1


def test_reports_of_one_moment_wake_once_and_later_ones_again(monkeypatch):
    hooks = Hooks(pipe := Pipe())
    for now in (100.0, 100.01, 100.049, 100.06):
        monkeypatch.setattr("orthanc_plugin.hooks.monotonic", lambda now=now: now)
        hooks.on_stored_instance(FakeInstance(RDSR), "i")
    assert unread(pipe) == b"\n\n"
    assert hooks.counts["stored"] == 4


def test_a_full_pipe_neither_blocks_nor_fails(monkeypatch):
    monkeypatch.setattr("orthanc_plugin.hooks.ENOUGH_S", 0.0)
    hooks = Hooks(Pipe())
    for _ in range((1 << 16) + 5):
        hooks.on_stored_instance(FakeInstance(RDSR), "i")
    assert hooks.counts["pipe_full"] == 5
    assert hooks.counts["failed"] == 0


def test_a_new_worker_reads_its_greeting_first_whatever_the_last_one_left():
    pipe = Pipe()
    pipe.wake()
    pipe.send(gone="x")
    pipe.greet({"token": "t"})
    assert unread(pipe) == b'{"token": "t"}\n'


def test_a_command_longer_than_a_pipe_takes_whole_is_refused():
    assert not Pipe().send(reextract="x" * 5000)


def test_deleted_series_are_told_and_other_changes_are_not():
    orthanc, pipe, calls = FakeOrthanc(), Pipe(), []
    changes = Changes(orthanc, pipe, lambda: calls.append("start"), lambda: calls.append("stop"))
    changes.on_change(orthanc.ChangeType.NEW_INSTANCE, orthanc.ResourceType.INSTANCE, "i")
    changes.on_change(orthanc.ChangeType.DELETED, orthanc.ResourceType.INSTANCE, "i")
    assert unread(pipe) == b""
    changes.on_change(orthanc.ChangeType.DELETED, orthanc.ResourceType.SERIES, "s")
    assert json.loads(unread(pipe)) == {"gone": "s"}
    changes.on_change(orthanc.ChangeType.ORTHANC_STARTED, 4, "")
    changes.on_change(orthanc.ChangeType.ORTHANC_STOPPED, 4, "")
    assert calls == ["start", "stop"]


def test_callbacks_of_two_scripts_share_one_place_and_one_failing_does_not_silence_the_other():
    orthanc, heard = FakeOrthanc(), []

    def failing(*_: object) -> None:
        raise ValueError("theirs")

    assert chain.share(orthanc, "RegisterOnStoredInstanceCallback", lambda *a: heard.append(("ours", a)))
    orthanc.RegisterOnStoredInstanceCallback(failing)
    orthanc.RegisterOnStoredInstanceCallback(lambda *a: heard.append(("third", a)))
    with pytest.raises(ValueError, match="theirs"):
        orthanc.stored("instance", "id")
    assert heard == [("ours", ("instance", "id")), ("third", ("instance", "id"))]


def test_coming_second_is_noticed():
    orthanc = FakeOrthanc()
    orthanc.RegisterOnChangeCallback(print)
    assert not chain.share(orthanc, "RegisterOnChangeCallback", len)


def test_extensions_of_the_explorer_add_up():
    orthanc = FakeOrthanc()
    chain.share_explorer(orthanc, "ours();")
    orthanc.ExtendOrthancExplorer("theirs();")
    assert orthanc.explorer == "ours();\ntheirs();"


def test_the_environment_wins_over_the_file(tmp_path):
    file = tmp_path / "dacs.env"
    file.write_text('# ours\nexport DACS_VAR="/srv/dacs"\nDACS_WEB_URL=https://dose/\nPATH=/evil\nDACS_SITE=A\n')
    configuration = json.dumps({"Dacs": {"EnvFile": str(file)}, "HttpPort": 8042, "SslEnabled": True})
    found = options.load(configuration, {"DACS_SITE": "B", "HOME": "/root"})
    assert found.values == {"DACS_VAR": "/srv/dacs", "DACS_WEB_URL": "https://dose/", "DACS_SITE": "B"}
    assert found.web_url == "https://dose"
    assert found.for_worker["DACS_ORTHANC_URL"] == "https://127.0.0.1:8042"


def test_a_missing_environment_file_is_a_visible_problem_and_not_a_crash():
    found = options.load("{}", {"DACS_ENV_FILE": "/nowhere/dacs.env"})
    assert found.problem == "/nowhere/dacs.env cannot be read: No such file or directory"


def test_the_worker_does_not_inherit_what_misleads_python_nor_our_secrets():
    inherited = {"PYTHONHOME": "/x", "PYTHONPATH": "/y", "DACS_DATABASE_URL": "secret", "HOME": "/root"}
    assert child_environment(inherited) == {"HOME": "/root", "PYTHONPATH": str(options.ROOT)}


def test_the_token_goes_over_the_pipe_and_nowhere_else(tmp_path):
    watched = supervisor(
        tmp_path, f'cat /proc/$$/environ /proc/$$/cmdline > "{tmp_path}/seen"; head -n1 > "{tmp_path}/in"'
    )
    watched.start()
    until("the worker was started", lambda: (tmp_path / "in").exists() and (tmp_path / "in").stat().st_size, 10)
    watched.stop()
    assert "secret-token" in (tmp_path / "in").read_text()
    assert "secret-token" not in (tmp_path / "seen").read_text()


def test_a_ready_worker_counts_as_running_and_is_ended_with_orthanc(tmp_path):
    watched = supervisor(tmp_path, "echo READY >&2; exec sleep 60")
    watched.start()
    until("running", lambda: watched.status["state"] == "running", 10)
    pid = watched.status["pid"]
    watched.stop()
    assert watched.status["state"] == "stopped"
    assert not Path(f"/proc/{pid}").exists()


def test_a_worker_that_keeps_dying_says_so_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr("orthanc_plugin.supervisor.FIRST_WAIT_S", 0.01)
    watched = supervisor(tmp_path, 'echo "no module named dacs" >&2; exit 3')
    watched.start()
    until("it is noticed", lambda: watched.status["state"] == "worker keeps dying", 10)
    status = watched.status
    watched.stop()
    assert (status["last_exit"], status["last_words"]) == (3, "no module named dacs")
    assert status["restarts"] >= 3


def test_a_missing_interpreter_is_named(monkeypatch):
    monkeypatch.setattr("orthanc_plugin.supervisor.FIRST_WAIT_S", 0.01)
    chosen = options.Options({"DACS_PYTHON": "/nowhere/python"}, "")
    watched = Supervisor(chosen, Pipe(), lambda: "", Log(FakeOrthanc()))
    watched.start()
    until("it is noticed", lambda: watched.status["restarts"], 10)
    watched.stop()
    assert watched.status["last_words"] == "/nowhere/python: No such file or directory"


def test_a_worker_that_is_started_elsewhere_is_not_started_here():
    watched = Supervisor(options.Options({"DACS_SUPERVISE": "no"}, ""), Pipe(), lambda: "", Log(FakeOrthanc()))
    watched.start()
    assert watched.status["state"] == "off"


@pytest.mark.parametrize(
    ("name", "method", "argument", "status"),
    [
        ("reextract", "POST", STUDY, 202),
        ("reextract", "GET", STUDY, 405),
        ("reextract", "POST", "../../etc", 400),
        ("study", "GET", STUDY, 303),
        ("study", "GET", "x", 400),
        ("study", "POST", STUDY, 405),
    ],
)
def test_our_addresses_answer_what_they_are_asked_and_nothing_else(name, method, argument, status):
    rest, output = Rest(lambda: {"worker": {"state": "running"}}, Pipe(), "https://dose"), FakeOutput()
    getattr(rest, name)(output, "/", method=method, groups=(argument,))
    assert output.status == status


def test_the_address_of_a_study_leads_to_its_dose_page():
    output = FakeOutput()
    Rest(dict, Pipe(), "https://dose").study(output, "/", method="GET", groups=(STUDY,))
    assert output.headers["Location"] == f"https://dose/studies/by-orthanc/{STUDY}"


def test_without_a_worker_nothing_can_be_read_again():
    output = FakeOutput()
    Rest(lambda: {"worker": {"state": "off"}}, Pipe(), "").reextract(output, "/", method="POST", groups=(STUDY,))
    assert output.status == 503


def test_an_address_cannot_break_out_of_the_button():
    assert "</script" not in button('https://x"</script><script>')


def test_the_plugin_registers_once_however_often_it_is_imported(monkeypatch):
    fake = FakeOrthanc()
    monkeypatch.setitem(sys.modules, "orthanc", fake)
    monkeypatch.delitem(sys.modules, "orthanc_plugin.plugin", raising=False)
    module = importlib.import_module("orthanc_plugin.plugin")
    first = fake.stored
    importlib.reload(module)
    assert fake.stored is first
    assert sorted(fake.rest) == ["/dacs/reextract/([^/]*)", "/dacs/status", "/dacs/study/([^/]*)"]
    assert "Dose" in fake.explorer


def test_a_log_line_keeps_its_level():
    log = Log(fake := FakeOrthanc())
    for line in ("level=info a", 'x "level": "error" b', "Traceback"):
        log.relay(line)
    assert [level for level, _ in fake.lines] == ["info", "error", "warning"]


def test_the_process_of_notices_is_kept_alive_beside_and_can_be_left_out(tmp_path):
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$2" > "{tmp_path}/asked"\necho READY >&2\nexec sleep 60\n')
    program.chmod(0o755)
    chosen = options.Options({"DACS_PYTHON": str(program)}, "http://127.0.0.1:1")
    watched = Supervisor(chosen, Pipe(), lambda: "", Log(FakeOrthanc()), SENDS, wanted=chosen.sends_notices)
    watched.start()
    until("running", lambda: watched.status["state"] == "running", 10)
    watched.stop()
    assert (tmp_path / "asked").read_text() == "dacs.notify_worker\n"
    assert not options.Options({"DACS_NOTICES": "no"}, "").sends_notices
    assert Supervisor(chosen, Pipe(), lambda: "", Log(FakeOrthanc()), SENDS, wanted=False).status["state"] == "off"
