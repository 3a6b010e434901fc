"""Lines in Orthanc's own log, each marked as ours."""

from __future__ import annotations

from orthanc_plugin.api import OrthancModule

PREFIX = "dacs: "


class Log:
    """Orthanc's log."""

    def __init__(self, orthanc: OrthancModule) -> None:
        self._orthanc = orthanc

    def info(self, text: str) -> None:
        """Shown when Orthanc runs with --verbose."""
        self._orthanc.LogInfo(PREFIX + text)

    def warning(self, text: str) -> None:
        """Orthanc's normal level."""
        self._orthanc.LogWarning(PREFIX + text)

    def error(self, text: str) -> None:
        """Something a person must mend."""
        self._orthanc.LogError(PREFIX + text)

    def relay(self, line: str) -> None:
        """A line of the worker's log, at its own level (`level=…` or `"level": "…"`)."""
        if "level=error" in line or '"level": "error"' in line:
            self.error(line)
        elif "level=info" in line or '"level": "info"' in line:
            self.info(line)
        else:
            self.warning(line)
