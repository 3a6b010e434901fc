"""Secrets and folders of one installation, under `Settings.var`: made once, read by every process.

keys/identifiers        encrypts names and numbers in the database
keys/web-secret         signs web sessions
keys/orthanc-password   Orthanc's REST password for our own processes
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dose.crypto import load_keys, use_keys
from dose.errors import ConfigError
from dose.extract import quirk_files
from dose.settings import Settings

ORTHANC_USER = "dacs"


def prepare(settings: Settings) -> Settings:
    """Make the folders and secrets that are missing; the settings with their secrets filled in."""
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        for folder in ("keys", "log", "orthanc"):
            (settings.var / folder).mkdir(exist_ok=True, mode=0o700)
        load_keys(settings.identifier_key_file, create=True)
        for name in ("web-secret", "orthanc-password"):
            _make_secret(settings.var / "keys" / name)
    except OSError as error:
        raise ConfigError(f"DACS_VAR {settings.var} cannot be used: {error.strerror}") from None
    return complete(settings)


def complete(settings: Settings) -> Settings:
    """The settings with the secrets that exist under `var` filled in; loads the keys and the site's quirks."""
    quirk_files.use(settings.quirks_file)
    if settings.identifier_key_file.exists():
        use_keys(load_keys(settings.identifier_key_file))
    keys = settings.var / "keys"
    update: dict[str, str] = {}
    if not settings.secret_key and (keys / "web-secret").exists():
        update["secret_key"] = (keys / "web-secret").read_text(encoding="ascii").strip()
    if not settings.orthanc_user and (keys / "orthanc-password").exists():
        update["orthanc_user"] = ORTHANC_USER
        update["orthanc_password"] = (keys / "orthanc-password").read_text(encoding="ascii").strip()
    return settings.model_copy(update=update)


def _make_secret(path: Path) -> None:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
