"""The command line, without Orthanc."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from dacs.cli import app
from dose.audit import Action
from dose.database import make_engine, session_factory
from dose.tables import AuditEntry
from tests.build import ct_bytes


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Each command sets the logs of its process; here they are the test run's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DACS_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


def said(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, list(arguments))
    return answer.exit_code, answer.output


def test_a_database_is_made_checked_and_taken_back(var: Path) -> None:
    assert said("db", "upgrade")[0] == 0
    assert said("db", "check") == (0, "The database is whole and has the present version.\n")
    assert said("db", "downgrade", "base")[0] == 0
    code, text = said("db", "check")
    assert code == 1
    assert text.strip()


def test_setup_makes_everything_and_starts_nothing(var: Path) -> None:
    code, text = said("setup")
    assert code == 0
    assert "First sign-in, shown once: admin@dacs.local / " in text
    made = json.loads((var / "orthanc" / "orthanc.json").read_text())
    assert made["AuthenticationEnabled"] is True
    assert made["RemoteAccessAllowed"] is False
    assert (var / "keys" / "identifiers").stat().st_mode & 0o077 == 0
    assert "First sign-in" not in said("setup")[1]


def test_accounts_are_made_listed_and_given_new_passwords(var: Path) -> None:
    said("setup")
    assert said("user", "add", "Physicist@Hospital.local", "--role", "medical physics expert")[0] == 0
    assert "physicist@hospital.local: medical physics expert" in said("user", "list")[1]
    assert "shown once" in said("user", "password", "physicist@hospital.local")[1]
    assert said("user", "password", "nobody@hospital.local")[0] == 1
    assert said("user", "add", "x@hospital.local", "--role", "king")[0] == 1


def test_what_the_command_line_changes_is_on_record(var: Path) -> None:
    said("setup")
    said("user", "add", "physicist@hospital.local", "--role", "medical physics expert")
    said("user", "password", "physicist@hospital.local")
    said("reextract", "--all")
    engine = make_engine(f"sqlite:///{var}/dacs.sqlite3")
    with session_factory(engine)() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    engine.dispose()
    assert [one.action for one in entries] == [Action.USER_CHANGE] * 3 + [Action.REEXTRACT]
    assert [one.subject_id for one in entries] == [1, 2, 2, None]
    assert {one.user_name for one in entries} == {"command line"}


def test_a_revision_that_nobody_knows_is_one_sentence(var: Path) -> None:
    said("db", "upgrade")
    code, text = said("db", "downgrade", "nonsense")
    assert (code, text.count("\n")) == (1, 1)
    assert "nonsense" in text


def test_extract_answers_one_json_object_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(ct_bytes(1))
    (tmp_path / "b.txt").write_text("not DICOM")
    code, text = said("extract", str(tmp_path), "--json")
    first, second = map(json.loads, text.splitlines())
    assert code == 0
    assert first["status"] == "ok"
    assert first["report"]["events"][0]["dlp_mgy_cm"] > 0
    assert second["status"] == "rejected"
    assert second["reason"]


def test_an_unknown_setting_in_the_settings_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dacs.toml").write_text("colour = 'green'\n")
    monkeypatch.setenv("DACS_CONFIG", str(tmp_path / "dacs.toml"))
    code, text = said("db", "check")
    assert code == 1
    assert "DACS_COLOUR is not a setting" in text


def test_a_study_that_is_not_there_cannot_be_read_again(var: Path) -> None:
    said("setup")
    assert said("reextract", "--study", "1.2.3") == (1, "There is no study 1.2.3.\n")
