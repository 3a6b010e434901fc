"""Two sites, people with their roles, and alerts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.scope import Role, Scope, scope_for
from dose.store.alert_work import Closing, Seen
from dose.tables import Alert, AlertCause, AlertStep, AppUser, AuditEntry, Device, Site, UserRole

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PHYSICIST: Scope = scope_for(None, "somebody@example.org", [Role.PHYSICIST.value])


@dataclass
class World:
    """What tests begin with."""

    session: Session
    sites: list[int]
    devices: list[int]
    physicist: Scope
    other: Scope
    radiographer: Scope
    numbers: Any = field(default_factory=count)

    @classmethod
    def made(cls, session: Session) -> World:
        """Two sites with a device each; two physicists and a radiographer of every site."""
        sites = [Site(name=name) for name in ("Nord", "Sud")]
        session.add_all(sites)
        session.flush()
        about = {"first_seen_at": NOON, "last_seen_at": NOON}
        devices = [
            Device(site_id=site.id, device_key=f"device {site.id}", display_name=f"CT {site.name}", **about)
            for site in sites
        ]
        session.add_all(devices)
        session.flush()
        people = [
            _person(session, name, role)
            for name, role in (("ada", Role.PHYSICIST), ("bob", Role.PHYSICIST), ("cleo", Role.RADIOGRAPHER))
        ]
        return cls(session, [one.id for one in sites], [one.id for one in devices], *people)

    def alert(self, **changed: object) -> Seen:
        """An alert about a CT at the first site, as somebody sees it."""
        said: dict[str, Any] = {
            "rule_key": "r", "kind": "level", "severity": "watch", "code": "level", "column": "dlp_mgy_cm",
            "value": 1500.0, "threshold": 900.0, "modality": "CT", "site_id": self.sites[0], "day": 20260302,
            "device_id": self.devices[0], "subject": f"study:{next(self.numbers)}",
        }  # fmt: skip
        row = Alert(**said | changed, raised_at=NOON, changed_at=NOON, version=0)
        self.session.add(row)
        self.session.flush()
        return Seen(row.id, 0)

    def row(self, seen: Seen) -> Alert:
        """The alert as it is now."""
        return self.session.get_one(Alert, seen.alert_id, populate_existing=True)

    def now(self, seen: Seen) -> Seen:
        """The alert as somebody sees it who has just loaded it."""
        return replace(seen, version=self.row(seen).version)

    def cause(self, key: str = "size") -> int:
        """The row id of a cause."""
        return self.session.scalars(select(AlertCause.id).where(AlertCause.key == key)).one()

    def closing(self, key: str = "size", **more: Any) -> Closing:
        """An end with a cause."""
        return Closing(self.cause(key), **more)

    def steps(self, seen: Seen) -> list[str]:
        """What was done to an alert."""
        wanted = select(AlertStep.action).where(AlertStep.alert_id == seen.alert_id).order_by(AlertStep.id)
        return list(self.session.scalars(wanted))

    def audited(self) -> list[AuditEntry]:
        """The audit of work on alerts."""
        wanted = select(AuditEntry).where(AuditEntry.action == "work on alert").order_by(AuditEntry.id)
        return list(self.session.scalars(wanted))


def _person(session: Session, name: str, role: Role) -> Scope:
    user = AppUser(email=f"{name}@example.org", fs_uniquifier=name, created_at=NOON)
    session.add(user)
    session.flush()
    session.add(UserRole(user_id=user.id, role=role.value))
    return scope_for(user.id, user.email, [role.value])
