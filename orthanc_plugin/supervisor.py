"""Keeps workers alive as children of Orthanc, and says how they are: that which reads, and that which sends notices."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from orthanc_plugin.log import Log
from orthanc_plugin.options import ROOT, Options
from orthanc_plugin.pipe import Pipe

READS, SENDS = "dacs.ingest_worker", "dacs.notify_worker"
READY = "READY"  # the line with which a worker says that its settings are good
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 10.0
HEALTHY_S = 10.0  # a worker that lived this long starts the back-off anew
DYING_AFTER = 3
STOP_S = 8.0


class Supervisor:
    """Starts, watches and restarts one worker; daemon threads only, since any other keeps Orthanc from ending."""

    def __init__(
        self,
        options: Options,
        pipe: Pipe,
        token: Callable[[], str],
        log: Log,
        module: str = READS,
        *,
        wanted: bool = True,
    ) -> None:
        self._options, self._module = options, module
        self._wanted = options.supervise and wanted
        self._pipe = pipe
        self._token = token
        self._log = log
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._state = "stopped" if self._wanted else "off"
        self._restarts = 0
        self._quick_deaths = 0
        self._last_exit: int | None = None
        self._last_words = ""

    @property
    def status(self) -> dict[str, Any]:
        """`state`: off | starting | running | restarting | worker keeps dying | stopped, and the last death."""
        child = self._child
        return {
            "state": self._state,
            "pid": child.pid if child else None,
            "restarts": self._restarts,
            "last_exit": self._last_exit,
            "last_words": self._last_words,
            "problem": self._options.problem,
        }

    def start(self) -> None:
        """Start watching; does nothing the second time, or when the worker is started elsewhere."""
        if self._thread or not self._wanted:
            return
        self._thread = threading.Thread(target=self._watch, name=f"{self._module}-supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to finish its item and end; end it when it does not."""
        self._stopping.set()
        child = self._child
        if child:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
        if self._thread:
            self._thread.join(STOP_S)
        if self._state != "off":
            self._state = "stopped"

    def _watch(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once()
            if self._stopping.is_set():
                return
            self._note_death(time.monotonic() - began)
            self._stopping.wait(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self._quick_deaths))

    def _run_once(self) -> None:
        self._state = "starting" if self._quick_deaths < DYING_AFTER else self._state
        try:
            self._child = child = self._spawn()
        except OSError as error:
            self._last_exit, self._last_words = None, f"{self._options.python}: {error.strerror}"
            return
        if self._stopping.is_set():  # stop() came while the child was being made and did not see it
            child.terminate()
        self._listen(child)
        self._last_exit = child.wait()
        self._child = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._pipe.greet({"token": self._token(), "options": self._options.for_worker})
        return subprocess.Popen(  # noqa: S603 - the interpreter is the administrator's choice
            [self._options.python, "-m", self._module],
            stdin=self._pipe.read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=child_environment(os.environ),
            cwd=ROOT,
            start_new_session=True,  # a Ctrl-C for Orthanc is not one for the worker: it is stopped in order
        )

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stderr is not None
        with child.stderr as lines:
            for raw in lines:
                line = raw.decode("utf-8", "replace").rstrip()
                if line == READY:
                    self._state = "running"
                elif line:
                    self._last_words = line
                    self._log.relay(line)

    def _note_death(self, lived_s: float) -> None:
        self._restarts += 1
        self._quick_deaths = 0 if lived_s > HEALTHY_S else min(self._quick_deaths + 1, 10)
        self._state = "worker keeps dying" if self._quick_deaths >= DYING_AFTER else "restarting"
        self._log.error(f"{self._module} ended with {self._last_exit}: {self._last_words or 'it said nothing'}")


def child_environment(environment: Any) -> dict[str, str]:  # noqa: ANN401 - os.environ or a dict
    """Orthanc's environment without what would mislead another Python, and without our options (the pipe has them)."""
    kept = {k: v for k, v in environment.items() if not k.startswith(("PYTHON", "DACS_"))}
    return kept | {"PYTHONPATH": str(ROOT)}
