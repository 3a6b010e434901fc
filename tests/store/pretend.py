"""Hand-made reports, and bytes that a pretended reader turns into them."""

from __future__ import annotations

import pickle
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from dose.errors import UnreadableObject
from dose.ingest import Outcome, ingest
from dose.model import AccumulatedDose, Device, DoseReport, IrradiationEvent, Patient

SCANNER = Device("Maker", "Scanner", "123", "CT1")


def event(uid: str | None = "1.9.1", dlp: float | None = 100.0, **fields: Any) -> IrradiationEvent:
    """A CT event."""
    given = {"started_at": "2026-01-02T10:00:00", "protocol": "Thorax", "event_type": "spiral", **fields}
    return IrradiationEvent(irradiation_event_uid=uid, dlp_mgy_cm=dlp, **given)


def report(*events: IrradiationEvent, **fields: Any) -> DoseReport:
    """A CT report of one patient whose stated total is the sum of its events."""
    total = sum(one.dlp_mgy_cm or 0 for one in events)
    given = {
        "source": "rdsr", "template": "10011", "modality": "CT", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.67",
        "sop_instance_uid": "1.1.1", "study_instance_uid": "1.2.1", "series_instance_uid": "1.3.1",
        "accession_number": "ACC-77", "study_date": "2026-01-02", "study_time": "09:58:00",
        "study_description": "CT Thorax nativ", "content_datetime": "2026-01-02T10:05:00",
        "patient": Patient("4711", "Müller^Änne", "1950-01-01", "F", 76.0, issuer="HIS"), "device": SCANNER,
        "accumulated": (AccumulatedDose(event_count=len(events), dlp_mgy_cm=float(total)),), "reader_version": 1,
    }  # fmt: skip
    return DoseReport(events=events, **{**given, **fields})


def as_bytes(one: DoseReport, encoding: str = "") -> bytes:
    """Bytes that `read` turns into the report; another `encoding` gives other bytes with the same meaning."""
    return pickle.dumps((encoding, one))


def read(content: bytes) -> DoseReport:
    """The pretended reader."""
    try:
        return pickle.loads(content)[1]
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError):
        raise UnreadableObject("not a pretended object") from None


def put(factory: sessionmaker[Session], one: DoseReport | bytes, **how: Any) -> Outcome:
    """Ingest a hand-made report."""
    content = as_bytes(one) if isinstance(one, DoseReport) else one
    return ingest(content, factory, **{"origin": "import", "site": "Main", "read": read, **how})
