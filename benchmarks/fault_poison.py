"""The deepest poison through a real Orthanc: a report nested 10,000 deep, and an honest one after it.

    python -m benchmarks.fault_poison [--depth 10000]

Orthanc's own toolkit takes minutes over such an object before it acknowledges it; that is its time, printed first.
Ours is counted from the acknowledgement to the rejection with its reason. Exit 1 when the object is not rejected,
when its reason took longer than 2 s + 1 s a megabyte, or when the honest report after it was not read.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from pydicom import Dataset
from pynetdicom import AE, _config
from sqlalchemy import select

from benchmarks import MISSED
from dose.extract.limits import DEFAULT
from dose.tables import SourceObject
from tests.build import ct_event, ct_rdsr, deep_nesting, study, to_bytes
from tests.orthanc.live import TRANSFER_SYNTAXES, Site, fresh_uid, until

PATIENCE_S = 900.0
REJECTED = select(SourceObject).where(SourceObject.status == "rejected")


def honest() -> Dataset:
    """A CT report as any other."""
    return ct_rdsr(study=study(1, uid=fresh_uid()), events=(ct_event(),))


def store(site: Site, content: bytes, file: Path) -> int | None:
    """C-STORE a file without decoding it, however long Orthanc takes; the status."""
    file.write_bytes(content)
    peer = AE(ae_title="TESTS")
    peer.dimse_timeout = peer.network_timeout = PATIENCE_S
    peer.add_requested_context("1.2.840.10008.5.1.4.1.1.88.67", TRANSFER_SYNTAXES[0])
    association = peer.associate("127.0.0.1", site.dicom_port, ae_title="DACS")
    try:
        return getattr(association.send_c_store(file), "Status", None)
    finally:
        association.release()


def run(site: Site, folder: Path, depth: int) -> bool:
    """Whether the poison was rejected in time and the next report read."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    content = deep_nesting(honest(), depth)
    allowed = DEFAULT.seconds + DEFAULT.seconds_per_mb * len(content) / 1e6
    began = time.monotonic()
    status = store(site, content, folder / "poison.dcm")
    acknowledged = time.monotonic()
    until("it was rejected", lambda: site.count(SourceObject, SourceObject.status == "rejected") == 1, PATIENCE_S)
    ours = time.monotonic() - acknowledged
    (uid,) = site.store(to_bytes(honest()))
    until("the next report was read", lambda: site.status_of(uid) == "ok")
    print(
        f"nested {depth:,} deep, {len(content) / 1e6:.2f} MB: Orthanc answered {status} in {acknowledged - began:.1f} s"
    )
    print(
        f"rejected {ours:.2f} s later (allowed {allowed:.2f} s): {site.one(REJECTED).reason}; the next report was read"
    )
    return ours <= allowed


def main() -> int:
    """Run once and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--depth", type=int, default=10_000)
    with tempfile.TemporaryDirectory(prefix="dacs-poison-") as name:
        site = Site(Path(name) / "site").start()
        try:
            return 0 if run(site, Path(name), parser.parse_args().depth) else MISSED
        finally:
            site.stop()


if __name__ == "__main__":
    sys.exit(main())
