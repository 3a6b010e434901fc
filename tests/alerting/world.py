"""A hospital whose doses are held against a few rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.model import DoseReport, IrradiationEvent
from dose.store.alert_recipients import Person, add_group, add_recipient, add_route, set_members
from dose.store.alert_rules import RuleDraft, add_rule
from dose.tables import Alert, AlertStep, Notification
from tests.alert_store.world import PHYSICIST
from tests.store.pretend import event, put, report

TODAY = datetime.now().date()  # noqa: DTZ005 - local, as devices say it
ACQUISITION = ("acquisition", {"body_mgy": 80, "head_mgy": 120})
KERMA = ("trigger", {"column": "ka_r_mgy", "first": 3000, "increment": 1000})
CUMULATIVE = ("cumulative", {"first_mgy": 5000, "increment": 1000, "days": 60})


@dataclass
class Hospital:
    """What tests do and see."""

    factory: sessionmaker[Session]

    def with_physicist(self, session: Session) -> Hospital:
        """Somebody who hears of *act* and *watch* by e-mail, at once and by digest."""
        group = add_group(session, PHYSICIST, "Physics")
        them = add_recipient(session, PHYSICIST, Person("Physics on call", "physics@example.org"))
        set_members(session, PHYSICIST, group, [them])
        add_route(session, PHYSICIST, group, "act", "email", "digest")
        add_route(session, PHYSICIST, group, "watch", "email", "at_once")
        return self

    def rule(self, kind: str, params: dict[str, Any], key: str = "", **more: Any) -> str:
        """Put a rule in force; its key."""
        said = {"severity": "watch"} | more
        draft = RuleDraft(kind, kind, params, "A report", key=key or kind, **said)
        with writing(self.factory) as session:
            add_rule(session, PHYSICIST, draft)
        return key or kind

    def store(self, one: DoseReport) -> int:
        """Let a dose in; its study."""
        found = put(self.factory, one)
        assert found.study_id is not None, found
        return found.study_id

    def alerts(self) -> list[Alert]:
        """All alerts, the first raised first."""
        with self.factory() as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))

    def steps(self) -> list[str]:
        """What became of them, in order."""
        with self.factory() as session:
            return list(session.scalars(select(AlertStep.action).order_by(AlertStep.id)))

    def notices(self) -> list[Notification]:
        """Who is told."""
        with self.factory() as session:
            return list(session.scalars(select(Notification).order_by(Notification.id)))


def ct(*ctdi_mgy: float, number: int = 1, days_ago: int = 1, phantom: str = "body_32", **more: Any) -> DoseReport:
    """A CT of as many acquisitions."""
    events = [
        event(f"1.9.{number}.{place}", value * 10, ctdi_vol_mgy=value, ctdi_phantom=phantom, **_at(days_ago))
        for place, value in enumerate(ctdi_mgy)
    ]
    return report(*events, **_named(number, days_ago), **more)


def angiography(
    *ka_r_mgy: float, number: int = 1, days_ago: int = 1, planes: Sequence[str] = (), **more: Any
) -> DoseReport:
    """An intervention of as many exposures."""
    said: dict[str, Any] = {"event_type": "fluoroscopy", "protocol": "Cardio", "pka_gy_cm2": 1.0}
    events = [
        IrradiationEvent(
            irradiation_event_uid=f"1.9.{number}.{place}", ka_r_mgy=value, plane=(planes or ("single",) * 99)[place],
            **said, **_at(days_ago),
        )
        for place, value in enumerate(ka_r_mgy)
    ]  # fmt: skip
    given = {"modality": "XA", "template": "10001", "accumulated": (), "study_description": "Coronary angiography"}
    return report(*events, **(_named(number, days_ago) | given | more))


def _at(days_ago: int) -> dict[str, Any]:
    return {"started_at": f"{_day(days_ago)}T10:00:00"}


def _day(days_ago: int) -> date:
    return TODAY - timedelta(days=days_ago)


def _named(number: int, days_ago: int) -> dict[str, Any]:
    return {
        "sop_instance_uid": f"1.1.{number}", "study_instance_uid": f"1.2.{number}", "accession_number": f"ACC-{number}",
        "study_date": str(_day(days_ago)), "content_datetime": f"{_day(days_ago)}T10:05:00",
    }  # fmt: skip
