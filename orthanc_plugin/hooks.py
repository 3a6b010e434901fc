"""What happens inside a C-STORE: a look at the index and one byte into a pipe. The sender waits for this."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from orthanc_plugin.api import DicomInstance, OrthancModule
from orthanc_plugin.pipe import Pipe

STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."  # PS3.4 B.5: the storage classes of structured reports


class Hooks:
    """Wakes the worker for structured reports; images wait for its next look at the change log."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = Lock()
        self._counts = {"stored": 0, "woken": 0, "pipe_full": 0, "failed": 0}

    @property
    def counts(self) -> dict[str, int]:
        """Instances stored since the start, wake-ups sent, wake-ups that found the pipe full, own failures."""
        with self._lock:
            return dict(self._counts)

    def on_stored_instance(self, instance: DicomInstance, _instance_id: str) -> None:
        """Called by Orthanc for each stored instance; never raises."""
        try:
            sop_class = instance.GetInstanceMetadata("SopClassUid")
            outcome = self._wake() if sop_class is None or sop_class.startswith(STRUCTURED_REPORTS) else None
        except Exception:  # nothing of ours may reach Orthanc; the worker polls anyway
            outcome = "failed"
        self._count("stored")
        if outcome:
            self._count(outcome)

    def _wake(self) -> str:
        return "woken" if self._pipe.wake() else "pipe_full"

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1


class Changes:
    """Follows Orthanc's life: starts and stops the worker with it, tells it of deleted series."""

    def __init__(self, orthanc: OrthancModule, pipe: Pipe, start: Callable[[], None], stop: Callable[[], None]) -> None:
        types, levels = orthanc.ChangeType, orthanc.ResourceType
        self._deleted_series = (types.DELETED, levels.SERIES)
        self._pipe = pipe
        self._at = {types.ORTHANC_STARTED: start, types.ORTHANC_STOPPED: stop}

    def on_change(self, change: int, level: int, resource_id: str) -> None:
        """Called by Orthanc for each change; the log does not hold deletions, so the worker hears of them here."""
        if (change, level) == self._deleted_series:
            self._pipe.send(gone=resource_id)
        elif change in self._at:
            self._at[change]()
