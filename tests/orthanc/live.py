"""A real Orthanc in a folder of its own, on free ports, with the plugin or without; for tests and benchmarks."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pydicom
from pynetdicom import AE
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, sessionmaker

from dacs import orthanc_config
from dacs.site_files import prepare
from dose import migrate
from dose.database import make_engine, session_factory
from dose.pacs import OrthancClient, PacsError
from dose.settings import Settings
from dose.tables import ProcessState, SourceObject
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
ANSWER_S = 15.0  # that Orthanc never needs
TRANSFER_SYNTAXES = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]
PATIENCE_S = 150.0  # three processes may share two cores with all that they start

T = TypeVar("T")
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # what the tests break on purpose is not news


def available() -> bool:
    """Whether Orthanc and its plugins are installed."""
    return Path("/usr/sbin/Orthanc").exists() and Path("/usr/share/orthanc/plugins/libOrthancPython.so").exists()


def until(what: str, ask: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """The first true answer; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)
    return answer


class Site:
    """A hospital in a folder: database, keys, and an Orthanc.

    Parameters
    ----------
    folder
        Everything lives here.
    environment
        Further variables for Orthanc.
    configuration
        Further options of Orthanc; None as a value removes one.
    database_url
        Empty means SQLite in the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        configuration: dict[str, Any] | None = None,
        database_url: str = "",
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dicom_port, http_port = free_ports(2)
        log = folder / "orthanc.log"
        base = {"var": folder / "var", "poll_seconds": 0.3, "backfill_per_second": 200.0, "orthanc_log": log}
        base |= {"orthanc_url": f"http://127.0.0.1:{http_port}", "dicom_port": self.dicom_port}
        self.settings = prepare(Settings(**(base | {"database_url": database_url} | settings)))
        self.log = log
        self.environment = environment or {}
        self.overrides = {"StableAge": 2, "DicomModalities": {"tests": ["TESTS", "127.0.0.1", 104]}}
        # Entries in the database shadow the file's: tests that admit devices ask for it.
        self.overrides |= {"DicomModalitiesInDatabase": False} | (configuration or {})
        self.process: subprocess.Popen[bytes] | None = None
        settings_now = self.settings
        self.client = OrthancClient(
            settings_now.orthanc_url, user=settings_now.orthanc_user, password=settings_now.orthanc_password
        )
        migrate.upgrade(self.settings.database)
        self.engine = make_engine(self.settings.database)
        self.factory: sessionmaker[Session] = session_factory(self.engine)

    def start(self) -> Site:
        """Start Orthanc and wait until it answers."""
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration()))
        command = ["/usr/sbin/Orthanc", f"--logfile={self.log}", str(configuration)]
        with (self.folder / "orthanc.out").open("ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._environment(), preexec_fn=orthanc_config.deep_stack
            )
        until("Orthanc answers", self.answers)
        return self

    def _configuration(self) -> dict[str, Any]:
        base = json.loads((ROOT / "orthanc.json").read_text(encoding="utf-8"))
        merged = orthanc_config.build(base, self.settings) | self.overrides
        return {name: value for name, value in merged.items() if value is not None}

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DACS_", "PYTHON"))}
        stated = self.settings.model_dump(include={"var", "poll_seconds", "backfill_per_second", "orthanc_log"})
        ours = {f"DACS_{name.upper()}": str(value) for name, value in stated.items()}
        ours |= {"DACS_DATABASE_URL": self.settings.database, "DACS_PYTHON": sys.executable, "TCP_NODELAY": "1"}
        ours |= {"DACS_MAX_OBJECT_MB": str(self.settings.max_object_mb), "DACS_TIME_ZONE": self.settings.time_zone}
        return inherited | ours | self.environment

    def answers(self) -> bool:
        """Whether Orthanc answers; fails when it ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        try:
            return bool(self.client.system())
        except PacsError:
            return False

    def stop(self) -> None:
        """End Orthanc in order, and our database connections."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.engine.dispose()
        self.client.close()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def status(self) -> dict[str, Any]:
        """GET /dacs/status."""
        return dict(self.client.get_json("/dacs/status"))

    def worker_runs(self) -> bool:
        """Whether the plugin says that its worker runs."""
        return bool(self.status()["worker"]["state"] == "running")

    def kill_worker(self) -> None:
        """SIGKILL for the worker; nothing when there is none now."""
        pid = self.status()["worker"]["pid"]
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)

    def store(self, *files: bytes, aet: str = "TESTS") -> list[str]:
        """C-STORE files in one association; the SOP Instance UIDs that were acknowledged.

        pynetdicom misses an answer now and then (one of 3,000 on a loaded machine, where storescu missed none of
        8,700) and ends the association: what is without an answer is sent once more, as a scanner would.
        """
        datasets = [pydicom.dcmread(BytesIO(content)) for content in files]
        answers: dict[str, int] = {}
        for _ in range(2):
            unanswered = [ds for ds in datasets if ds.SOPInstanceUID not in answers]
            if not unanswered or not self._send(unanswered, aet, answers):
                break
        return [str(ds.SOPInstanceUID) for ds in datasets if answers.get(ds.SOPInstanceUID) == 0]

    def _send(self, datasets: Sequence[pydicom.Dataset], aet: str, answers: dict[str, int]) -> bool:
        """Whether there was an association; `answers` gets the status by SOP Instance UID of what was answered."""
        peer = AE(ae_title=aet)
        peer.dimse_timeout = ANSWER_S
        for sop_class in {str(ds.SOPClassUID) for ds in datasets}:
            peer.add_requested_context(sop_class, TRANSFER_SYNTAXES)
        association = peer.associate("127.0.0.1", self.dicom_port, ae_title="DACS")
        if not association.is_established:
            return False
        for ds in datasets:
            if association.is_established and "Status" in (answer := association.send_c_store(ds)):
                answers[str(ds.SOPInstanceUID)] = int(answer.Status)
        if association.is_established:
            association.release()
        return True

    def one(self, statement: Select[Any]) -> Any:
        """The first value of a query, None when there is none."""
        with self.factory() as session:
            return session.scalars(statement).first()

    def count(self, table: type, *where: Any) -> int:
        """Rows of a table."""
        with self.factory() as session:
            return int(session.scalar(select(func.count()).select_from(table).where(*where)) or 0)

    def status_of(self, sop_instance_uid: str) -> str | None:
        """What became of a source object; None when it was not read yet."""
        where = SourceObject.sop_instance_uid == sop_instance_uid
        found: str | None = self.one(select(SourceObject.status).where(where))
        return found

    def worker_words(self) -> dict[str, Any]:
        """The worker's row of `process_state`: its `state` and detail."""
        row = self.one(select(ProcessState).where(ProcessState.name == "ingest"))
        return {"state": row.state, **row.detail} if row else {}


def fresh_uid() -> str:
    """A UID that nobody used."""
    return f"2.25.{uuid.uuid4().int}"
