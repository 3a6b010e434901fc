"""kill -9 of Orthanc, of the worker, or of both, at random moments while four senders store dose reports.

    python -m benchmarks.fault_kill [--kills 24] [--seed 1]

Every instance that a sender saw acknowledged must be in the database, with its dose exactly once. Exit 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE
from sqlalchemy import func, select

from dose.pacs import PacsError
from dose.tables import IrradiationEvent, SourceObject
from tests.build import ct_event, ct_rdsr, study, to_bytes
from tests.orthanc.live import TRANSFER_SYNTAXES, Site, fresh_uid, until

SENDERS = 4
PER_ASSOCIATION = 10
CATCH_UP_S = 180.0
TARGETS = ("orthanc", "worker", "both")


@dataclass
class Senders:
    """Threads that store reports for ever and remember what was acknowledged."""

    port: int
    acknowledged: dict[str, str] = field(default_factory=dict)  # SOP Instance UID -> Study Instance UID
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin sending."""
        self.threads = [threading.Thread(target=self._send_for_ever, daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the present report."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _send_for_ever(self) -> None:
        while not self.stopping.is_set():
            with suppress(OSError, RuntimeError, ValueError):  # what pynetdicom raises when the other side is killed
                self._send_some()
            time.sleep(0.05)

    def _send_some(self) -> None:
        peer = AE(ae_title="TESTS")
        peer.add_requested_context("1.2.840.10008.5.1.4.1.1.88.67", TRANSFER_SYNTAXES)
        association = peer.associate("127.0.0.1", self.port, ae_title="DACS")
        try:
            for _ in range(PER_ASSOCIATION):
                if self.stopping.is_set() or not association.is_established:
                    return
                ds = dcmread(BytesIO(to_bytes(ct_rdsr(study=study(1, uid=fresh_uid()), events=(ct_event(),)))))
                if getattr(association.send_c_store(ds), "Status", None) == 0:
                    self.acknowledged[str(ds.SOPInstanceUID)] = str(ds.StudyInstanceUID)
        finally:
            association.abort() if association.is_alive() else None


@dataclass(frozen=True)
class Result:
    """What a run found."""

    kills: Counter[str]
    acknowledged: int
    missing: int
    doubled: int
    catch_up_s: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return self.acknowledged > 0 and self.missing == 0 and self.doubled == 0


def run(folder: Path, kills: int, seed: int, *, database_url: str = "") -> Result:
    """Do `kills` kills and compare; `folder` is used for everything."""
    site = Site(folder, database_url=database_url).start()
    senders = Senders(site.dicom_port)
    chance, done = random.Random(seed), Counter[str]()
    targets = [TARGETS[n % len(TARGETS)] for n in range(kills)]
    chance.shuffle(targets)
    try:
        senders.start()
        for target in targets:
            time.sleep(chance.uniform(0.3, 3.0))
            done[target] += 1
            _kill(site, target)
        time.sleep(1)
        senders.stop()
        return _compare(site, senders.acknowledged, done)
    finally:
        senders.stopping.set()
        site.stop()


def _kill(site: Site, target: str) -> None:
    if target != "orthanc":
        with suppress(PacsError):
            site.kill_worker()
    if target != "worker":
        site.kill()
        site.start()


def _compare(site: Site, acknowledged: dict[str, str], done: Counter[str]) -> Result:
    began = time.monotonic()

    def missing() -> set[str]:
        with site.factory() as session:
            good = SourceObject.status == "ok"
            return acknowledged.keys() - set(session.scalars(select(SourceObject.sop_instance_uid).where(good)))

    with suppress(AssertionError):
        until("all are there", lambda: not missing(), CATCH_UP_S)
    took = time.monotonic() - began
    doubled = select(IrradiationEvent.event_key).group_by(IrradiationEvent.event_key).having(func.count() > 1)
    with site.factory() as session:
        twice = len(session.scalars(doubled).all())
        events = session.scalar(select(func.count()).select_from(IrradiationEvent)) or 0
        objects = session.scalar(select(func.count()).select_from(SourceObject)) or 0
    return Result(done, len(acknowledged), len(missing()), twice + abs(events - objects), took)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dacs-kill-") as folder:
        result = run(Path(folder), options.kills, options.seed)
    kills = ", ".join(f"{name} {count}" for name, count in sorted(result.kills.items()))
    print(f"kill -9 during intake with {SENDERS} senders: {result.kills.total()} kills ({kills})")
    print(f"  acknowledged {result.acknowledged}, missing {result.missing}, doses not exactly once {result.doubled}")
    print(f"  caught up {result.catch_up_s:.1f} s after the last report")
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
