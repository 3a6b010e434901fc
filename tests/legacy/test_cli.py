"""`dacs legacy`: the same answers at the terminal, with the exit codes of `dacs import`."""

from __future__ import annotations

import json

import pytest

from dacs import legacy
from dose.errors import ConfigError
from dose.settings import Settings
from tests.legacy.sheets import HEAD, ROWS, text
from tests.legacy.test_openrem import export

BAD = "00125;2019-03-06;CT;S1;415,8;1;120"


@pytest.fixture
def settings(database_url, tmp_path) -> Settings:
    return Settings(var=tmp_path, database_url=database_url, site="Test")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "doses.csv"
    path.write_bytes(text(*ROWS, BAD))
    return path


def test_a_check_writes_nothing_and_says_each_refusal(settings, table, capsys):
    assert legacy.run_check(settings, table, None) == 1
    said = capsys.readouterr().err
    assert "row 4, column E: The decimal mark is not the expected one" in said
    assert "3 rows: 2 importable as 2 studies (0 known), 1 refused." in said
    assert "415,8" not in said
    assert legacy.list_imports(settings) == "Nothing was imported."
    assert legacy.run_check(settings, table, None, keep_going=True) == 0


def test_import_again_and_undo(settings, table, capsys):
    assert legacy.run_import(settings, table, None) == 1
    assert "2 studies new, 0 known" in capsys.readouterr().err
    assert legacy.run_import(settings, table, None) == 0
    assert "imported before, as import 1" in capsys.readouterr().err
    assert "2 of 3 rows, done" in legacy.list_imports(settings)
    assert legacy.run_undo(settings, 1) == 0
    assert legacy.run_undo(settings, 1) == 1
    assert "undone" in legacy.list_imports(settings)


def test_a_mapping_is_suggested_saved_used_and_removed(settings, table, tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text(legacy.suggest_mapping(settings, table), encoding="utf-8")
    assert json.loads(path.read_text())["columns"]["DLP (mGy.cm)"]["unit"] == "mGy.cm"
    assert legacy.keep_mapping(settings, "RIS", path) == "Mapping RIS saved."
    assert "RIS: 7 columns" in legacy.list_mappings(settings)
    assert legacy.run_check(settings, table, "RIS", keep_going=True) == 0
    assert legacy.keep_mapping(settings, "RIS", None) == "Mapping RIS removed."
    with pytest.raises(ConfigError, match="neither the name"):
        legacy.run_check(settings, table, "RIS")


def test_an_openrem_export_needs_no_mapping(settings, tmp_path):
    path = tmp_path / "ctexport.xlsx"
    path.write_bytes(export("CT"))
    assert legacy.run_import(settings, path, None) == 0


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "no header row"), (b"\xd0\xcf\x11\xe0", "old .xls"), (b"PK\x03\x04", "broken")]
)
def test_a_file_that_is_no_table_is_one_sentence(settings, tmp_path, content, said):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        legacy.run_check(settings, path, None)


def test_a_file_that_is_too_large_is_not_read(settings, tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(HEAD.encode())
        file.truncate((settings.max_table_mb << 20) + 1)
    with pytest.raises(ConfigError, match="DACS_MAX_TABLE_MB"):
        legacy.run_check(settings, path, None)
