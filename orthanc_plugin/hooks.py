"""What happens inside a C-STORE: a look at the index and one byte into a pipe. The sender waits for this."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from orthanc_plugin.api import DicomInstance, OrthancModule
from orthanc_plugin.pipe import Pipe

# Waking costs more than all the rest; a woken worker looks again a tenth of a second later, so that one wake-up
# speaks for the reports of the next twentieth.
ENOUGH_S = 0.05
STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."  # PS3.4 B.5: the storage classes of structured reports


class Hooks:
    """Wakes the worker for structured reports; images wait for its next look at the change log.

    The counts are plain numbers without a lock, which alone would cost as much as all the rest: when two threads
    meet, one count may get lost.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._wake = pipe.wake
        self._quiet_until = 0.0
        self._stored = self._woken = self._pipe_full = self._failed = 0

    @property
    def counts(self) -> dict[str, int]:
        """Instances stored since the start, wake-ups sent, wake-ups that found the pipe full, own failures."""
        return {
            "stored": self._stored,
            "woken": self._woken,
            "pipe_full": self._pipe_full,
            "failed": self._failed,
        }

    def on_stored_instance(self, instance: DicomInstance, _instance_id: str) -> None:
        """Called by Orthanc for each stored instance; never raises."""
        self._stored += 1
        try:
            sop_class = instance.GetInstanceMetadata("SopClassUid")
            is_report = sop_class is None or sop_class.startswith(STRUCTURED_REPORTS)
            if is_report and (now := monotonic()) >= self._quiet_until:
                self._quiet_until = now + ENOUGH_S
                self._count_wake(self._wake())
        except Exception:  # nothing of ours may reach Orthanc; the worker polls anyway
            self._failed += 1

    def _count_wake(self, sent: bool) -> None:
        if sent:
            self._woken += 1
        else:
            self._pipe_full += 1


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
