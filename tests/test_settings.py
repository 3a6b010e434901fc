"""Settings: where they come from, and how a wrong one is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dose.errors import ConfigError
from dose.settings import load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DACS_")]:
        monkeypatch.delenv(name)


def test_the_variable_wins_over_the_secret_file_and_the_file_over_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.toml").write_text("orthanc_password = 'toml'\nsite = 'toml'\n")
    (tmp_path / "secret").write_text("file\n")
    monkeypatch.setenv("DACS_CONFIG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("DACS_ORTHANC_PASSWORD_FILE", str(tmp_path / "secret"))
    assert (load_settings().orthanc_password, load_settings().site) == ("file", "toml")
    monkeypatch.setenv("DACS_ORTHANC_PASSWORD", "variable")
    assert load_settings().orthanc_password == "variable"


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEB_PORT", "0"), ("WEB_PORT", "many"), ("TIME_ZONE", "Nowhere"), ("LOG_LEVEL", "LOUD"), ("RECONCILE_AT", "3")],
)
def test_a_bad_value_names_its_variable_and_not_the_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DACS_{name}", value)
    with pytest.raises(ConfigError, match=f"DACS_{name}"):
        load_settings()


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACS_SECRET_KEY_FILE", "/nowhere")
    with pytest.raises(ConfigError, match="DACS_SECRET_KEY_FILE"):
        load_settings()
