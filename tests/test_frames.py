"""The frames that cannot be added later: encryption, permissions, logs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from dose import log
from dose.crypto import KeyRing, load_keys, name_tokens
from dose.errors import ConfigError, NotPermitted, UnknownUnit
from dose.scope import PERMISSIONS, Permission, Role, scope_for

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def test_a_sealed_value_opens_only_in_its_own_column_and_with_its_key() -> None:
    sealed = KeyRing({1: KEY}).seal(b"Amina", "patient.name")
    assert b"Amina" not in sealed
    assert KeyRing({1: KEY}).open(sealed, "patient.name") == b"Amina"
    for ring, context in ((KeyRing({1: KEY}), "patient.birth_date"), (KeyRing({1: OTHER}), "patient.name")):
        with pytest.raises(ConfigError):
            ring.open(sealed, context)


def test_a_rotated_ring_reads_old_values_and_keeps_its_index() -> None:
    old, new = KeyRing({1: KEY}), KeyRing({1: KEY, 2: OTHER})
    assert new.open(old.seal(b"x", "t.c"), "t.c") == b"x"
    assert new.seal(b"x", "t.c")[0] == 2
    assert old.index("A-17", "t.c") == new.index("a-17", "t.c")


def test_a_name_is_found_by_any_word_prefix_without_accents() -> None:
    tokens = set(name_tokens("Müller-Lüdenscheidt^Anaïs"))
    assert {"anais", "an", "ana", "mu", "muller-l"} <= tokens
    assert "m" not in tokens


def test_a_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "identifiers"
    sealed = load_keys(path, create=True).seal(b"x", "t.c")
    assert path.stat().st_mode & 0o077 == 0
    assert load_keys(path, create=True).open(sealed, "t.c") == b"x"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_keys(tmp_path / "none")


def test_what_is_not_granted_is_denied() -> None:
    nobody = scope_for(1, "x", ["king"])
    assert not nobody.permissions
    with pytest.raises(NotPermitted, match="view doses"):
        nobody.require(Permission.VIEW_DOSES)
    assert set(PERMISSIONS) == set(Role)
    assert not scope_for(1, "x", [Role.RESEARCHER]).may(Permission.VIEW_PATIENTS)


def test_log_lines_drop_patient_fields_and_texts_of_errors() -> None:
    formatter = log._LineFormatter("json")
    record = logging.LogRecord("t", logging.ERROR, "f", 1, "object refused", (), None)
    record.patient_name, record.study = "Amina", 7
    try:
        raise ValueError("Amina^Z is no number")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = formatter.format(record)
    assert "Amina" not in line
    assert json.loads(line)["study"] == 7
    assert json.loads(line)["error"] == "ValueError"


def test_an_error_begins_with_what_its_class_says() -> None:
    assert str(UnknownUnit("furlong")) == "A value carries a unit that its quantity does not know: furlong"
