"""Sites, devices, local names and facts, laid down without any report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.naming.fields import local_words, words_key
from dose.scope import Role, Scope, scope_for
from dose.store.naming_rules import Draft
from dose.tables import Device, LocalName, Procedure, Site, StudyFact
from tests.naming.cases import a_study

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PHYSICIST = scope_for(None, "mona", [Role.PHYSICIST])
OTHER = scope_for(None, "omar", [Role.PHYSICIST])
CHEST, CHEST_CONTRAST, HEAD = "RPID16", "RPID18", "RPID22"


def of_site(*sites: int) -> Scope:
    """A physicist who is limited to sites."""
    return scope_for(None, "sara", [Role.PHYSICIST], frozenset(sites))


def place(session, sites=("Main site", "Other site")):
    """Two sites, devices 1 and 2 in the first and 3 in the second."""
    session.add_all(Site(id=number, name=name) for number, name in enumerate(sites, 1))
    session.flush()
    for number, site in ((1, 1), (2, 1), (3, 2)):
        session.add(
            Device(id=number, site_id=site, device_key=f"d{number}", manufacturer="ACME", model=f"Scan {number}",
                   modality="CT", first_seen_at=NOW, last_seen_at=NOW)
        )  # fmt: skip
    session.flush()


def procedure(session: Session, key: str) -> int:
    """The row id of a shipped procedure."""
    return session.scalars(select(Procedure.id).where(Procedure.key == key)).one()


def draft(session: Session, key: str, *conditions: tuple[str, str, Any], **more: Any) -> Draft:
    """A draft of conditions (field, op, value)."""
    said = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return Draft(procedure(session, key), said, **more)


def local_name(session, device=1, site=1, **words):
    """A local name of a CT study; its row id."""
    values = a_study(site_id=site, device_id=device, **words)
    row = LocalName(
        site_id=site, device_id=device, modality=values["modality"], words=local_words(values),
        words_sha256=words_key(values), first_seen_at=NOW,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def fact(session, study, name, day=20261101, **more):
    """The fact of a study that has a local name."""
    row = session.get_one(LocalName, name)
    values = {
        "study_id": study, "version": study, "day": day, "month": day // 100, "site_id": row.site_id,
        "device_id": row.device_id, "patient_id": study, "modality": row.modality, "naming": "none", "band": 99,
        "counts": True, "is_demo": False, "outdated": False, "event_count": 1, "left_out": 0, "local_name_id": name,
    }  # fmt: skip
    session.add(StudyFact(**(values | more)))
    session.flush()
