"""Orthanc's configuration for one installation: `orthanc.json`, with what this machine and its settings say."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dose.settings import Settings

STACK_BYTES = 64 << 20
CHECKOUT = Path(__file__).resolve().parent.parent
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def build(base: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The configuration to write; `base` is not changed.

    Parameters
    ----------
    base
        The options of `orthanc.json`. Whatever is not named here is kept.
    settings
        Complete settings: Orthanc's user and password are filled in.
    """
    address = urlsplit(settings.orthanc_url)
    storage = str(settings.var.absolute() / "orthanc" / "storage")
    machine: dict[str, Any] = {
        "StorageDirectory": storage,
        "IndexDirectory": storage,
        "HttpPort": address.port or 8042,
        # In a container the other services come from outside; there only nginx is published.
        "RemoteAccessAllowed": (address.hostname or "127.0.0.1") not in LOOPBACK,
        "DicomPort": settings.dicom_port,
        "DicomAet": settings.dicom_aet,
        "Plugins": [str(settings.orthanc_plugins / Path(plugin).name) for plugin in base.get("Plugins", [])],
        "PythonScript": _in_checkout(base["PythonScript"]),
        "LuaScripts": [_in_checkout(script) for script in base.get("LuaScripts", [])],
    }
    if settings.orthanc_user:
        machine["RegisteredUsers"] = {settings.orthanc_user: settings.orthanc_password}
    return base | machine


def deep_stack() -> None:
    """Give the program that this process becomes deep stacks: call it between fork and exec of Orthanc.

    Orthanc reads nested items recursively. With the usual 8 MB an object nested 10,000 deep ends Orthanc 1.10.1 in
    the middle of its C-STORE, again each time it is sent.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


def _in_checkout(path: str) -> str:
    return str(CHECKOUT / path)  # an absolute path stays as it is
