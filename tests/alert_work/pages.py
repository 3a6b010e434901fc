"""Alerts about studies of the demonstration hospital, for tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from dose.database import writing
from dose.store.alert_follow_up import plan_follow_up
from dose.store.alert_library import load_library
from dose.tables import Alert, AlertCause, AlertMacro, AlertStep, Criterion, FollowUp, Study
from tests.web.conftest import Site

NOW = datetime.now(UTC)
TODAY = NOW.date()
SAID: tuple[dict[str, Any], ...] = (
    {"rule_key": "level", "kind": "level", "severity": "watch", "code": "above-level", "column": "dlp_mgy_cm",
     "value": 1545.0, "threshold": 790.0, "modality": "CT", "details": {"level": 790, "factor": 2}},
    {"rule_key": "kerma-srdl", "kind": "trigger", "severity": "act", "code": "trigger", "column": "ka_r_mgy",
     "value": 6200.0, "threshold": 5000.0, "modality": "XA", "at_once": True,
     "due_on": TODAY - timedelta(days=1), "details": {"planes": {"A": 6200}, "notification": 1, "remarks": []}},
    {"rule_key": "identity", "kind": "identity", "severity": "watch", "code": "identity", "modality": "CT",
     "due_on": TODAY + timedelta(days=7),
     "details": {"due_days": 7, "doubts": [{"code": "region", "said": ["abdomen"], "expected": ["head"]}]}},
    {"rule_key": "percentile", "kind": "percentile", "severity": "info", "code": "above-percentile", "modality": "CT",
     "column": "ctdi_vol_mgy", "value": 31.0, "threshold": 22.0, "held_back": True,
     "details": {"held_back": ["region"], "remarks": [], "n": 64, "percentile": 97}},
)  # fmt: skip


@contextmanager
def alerts_of(site: Site) -> Iterator[list[int]]:
    """The alerts above, newest last, about two studies; removed with all that was done to them."""
    with writing(site.sessions) as session:
        load_library(session)
        made = [_made(session, number, said) for number, said in enumerate(SAID)]
        plan_follow_up(session, made[1], TODAY - timedelta(days=20))
    yield made
    with writing(site.sessions) as session:
        for table in (FollowUp, AlertStep, Alert, AlertMacro, AlertCause, Criterion):
            session.execute(delete(table))


def _made(session: Any, number: int, said: dict[str, Any]) -> int:
    wanted = select(Study).where(Study.modality == said["modality"], Study.is_patient.is_(True))
    study = session.scalars(wanted.order_by(Study.id)).first()
    about = {"site_id": study.site_id, "device_id": study.device_id, "study_id": study.id, "day": 20260302,
             "patient_id": study.patient_id, "subject": f"study:{number}"}  # fmt: skip
    raised = NOW - timedelta(days=4 - number)
    row = Alert(**{"details": {}} | said | about, raised_at=raised, changed_at=raised, version=0)
    session.add(row)
    session.flush()
    session.add(AlertStep(alert_id=row.id, at=raised, by="system", action="raised"))
    return int(row.id)
