"""A small `orthanc` module for unit tests; a test in a real Orthanc holds its names against the real ones."""

# ruff: noqa: N802 - the names are Orthanc's
from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


class FakeOrthanc:
    """Keeps what was registered and logged, and refuses a second callback as the real module does."""

    ChangeType = SimpleNamespace(DELETED=1, NEW_INSTANCE=3, ORTHANC_STARTED=10, ORTHANC_STOPPED=11)
    ResourceType = SimpleNamespace(PATIENT=0, STUDY=1, SERIES=2, INSTANCE=3)

    def __init__(self, configuration: dict[str, Any] | None = None) -> None:
        self.configuration = {"HttpPort": 18042, **(configuration or {})}
        self.lines: list[tuple[str, str]] = []
        self.stored: Any = None
        self.changed: Any = None
        self.rest: dict[str, Any] = {}
        self.explorer = ""

    def LogInfo(self, text: str) -> None:
        self.lines.append(("info", text))

    def LogWarning(self, text: str) -> None:
        self.lines.append(("warning", text))

    def LogError(self, text: str) -> None:
        self.lines.append(("error", text))

    def GetConfiguration(self) -> str:
        return json.dumps(self.configuration)

    def RestApiGet(self, uri: str) -> bytes:
        return json.dumps({"Version": "fake", "uri": uri}).encode()

    def GenerateRestApiAuthorizationToken(self) -> str:
        return "a-token"

    def ExtendOrthancExplorer(self, javascript: str) -> None:
        self.explorer = javascript

    def RegisterRestCallback(self, uri: str, callback: Any) -> None:
        self.rest[uri] = callback

    def RegisterOnStoredInstanceCallback(self, callback: Any) -> None:
        if self.stored:
            raise RuntimeError("Can only register one Python on-stored-instance callback")
        self.stored = callback

    def RegisterOnChangeCallback(self, callback: Any) -> None:
        if self.changed:
            raise RuntimeError("Can only register one Python on-changes callback")
        self.changed = callback


class FakeInstance:
    """A stored instance."""

    def __init__(self, sop_class: str | None) -> None:
        self._sop_class = sop_class

    def GetInstanceMetadata(self, name: str) -> str | None:
        return self._sop_class if name == "SopClassUid" else None


class FakeOutput:
    """Keeps an answer."""

    def __init__(self) -> None:
        self.status = 200
        self.body = ""
        self.headers: dict[str, str] = {}

    def AnswerBuffer(self, body: str, mime: str) -> None:
        self.body, self.headers["Content-Type"] = body, mime

    def SendMethodNotAllowed(self, allowed: str) -> None:
        self.status, self.headers["Allow"] = 405, allowed

    def SendHttpStatus(self, status: int, body: str, size: int) -> None:
        self.status, self.body = status, body[:size]

    def SendHttpStatusCode(self, status: int) -> None:
        self.status = status

    def SetHttpHeader(self, name: str, value: str) -> None:
        self.headers[name] = value
