"""A site, its patients and their studies, and one step of each notice at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.ingest import ingest
from dose.notify.templates import Filled
from dose.scope import Role, Scope, scope_for
from dose.store import patient_notices
from dose.store.facts import take_out
from dose.store.notice_settings import Settings, save_settings, settings_of
from dose.store.outbox import OUTBOX
from dose.store.patient_contacts import Consent, add_contact
from dose.store.patient_notices import Released, filled, plan, release
from dose.tables import (
    Device,
    LocalName,
    NoticeSetting,
    NoticeTemplate,
    Notification,
    PatientContact,
    PatientExclusion,
    PatientNotice,
    Site,
    SourceObject,
    Study,
)
from dose.tables import Patient as Patient_
from tests.build import Patient, ct_event, ct_rdsr, study, to_bytes, uid

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
URL = "https://dose.example.org"
PHONE, OTHER_PHONE = "+22222334455", "+22222334466"
PHYSICIST: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
RADIOGRAPHER: Scope = scope_for(None, "radiographer@example.org", [Role.RADIOGRAPHER.value])
ON = Settings(active=True, delay_minutes=60, contact="+222 4525 0000", country="MR")
ADULT, CHILD = "19700102", "20180102"


@dataclass
class Ward:
    """The site and its clock; each method is one transaction."""

    factory: sessionmaker[Session]
    now: datetime = field(default=NOON)
    settings: Settings = ON
    site: str = "Main site"

    def switch_on(self, **changed: object) -> Ward:
        """Save the settings of the site."""
        self.settings = replace(self.settings, **changed)  # type: ignore[arg-type]
        with writing(self.factory) as session:
            site = session.scalar(select(Site).where(Site.name == self.site)) or Site(name=self.site)
            session.add(site)
            session.flush()
            saved = settings_of(session, site.id)
            assert saved is not None
            save_settings(session, PHYSICIST, site.id, saved.version, self.settings)
        return self

    def study(self, number: int = 1, patient: str = "P1", born: str = ADULT, **said: str) -> int:
        """Receive a CT study of today; its id. Its notice is planned by the clock of the ward alone."""
        with patch.object(patient_notices, "plan"):
            return self.arrive(number, patient, born, **said)

    def arrive(self, number: int = 1, patient: str = "P1", born: str = ADULT, **said: str) -> int:
        """Receive a CT study of today as any arrives; its id."""
        day = said.pop("date", self.now.strftime("%Y%m%d"))
        name = said.pop("name", "Test^Patient")
        about = {"patient": Patient(id=patient, birth_date=born, name=name), "study": study(number, date=day, **said)}
        event = ct_event(uid=uid("event", number), dlp_mgy_cm=415.8, ctdi_vol_mgy=12.3)
        content = to_bytes(ct_rdsr(events=(event,), **about))  # type: ignore[arg-type]
        arrival = {"origin": "orthanc", "site": self.site, "received_at": self.now}
        found = ingest(content, self.factory, **arrival).study_id  # type: ignore[arg-type]
        assert found is not None
        return found

    def person(self, study_id: int) -> int:
        """Whose study it is."""
        with self.factory() as session:
            return session.get_one(Study, study_id).patient_id

    def consent(self, study_id: int, phone: str | None = PHONE, **said: str) -> int:
        """Record the consent of the person of a study."""
        given = Consent(phone=phone, **said)  # type: ignore[arg-type]
        with writing(self.factory) as session:
            return add_contact(session, PHYSICIST, session.get_one(Study, study_id).patient_id, given, self.now)

    def consented(self, number: int = 1, **said: str | None) -> int:
        """Receive a study of somebody who consented before."""
        given = {name: said.pop(name) for name in ("phone", "email", "language") if name in said}
        found = self.study(number, **said)  # type: ignore[arg-type]
        self.consent(found, **given)  # type: ignore[arg-type]
        return found

    def plan(self, *study_ids: int) -> int:
        """Plan what was written."""
        with writing(self.factory) as session:
            return plan(session, study_ids, self.now)

    def release(self, **later: float) -> Released:
        """Put what is due then into the outbox."""
        self.now += timedelta(**later)
        with writing(self.factory) as session:
            return release(session, self.now)

    def told(self, number: int = 1, **said: str | None) -> int:
        """A study whose notice is in the outbox."""
        found = self.consented(number, **said)
        assert self.plan(found) == 1
        assert self.release(hours=1).queued == 1
        return found

    def clear(self) -> None:
        """Remove all of the site again, from a database that other tests use."""
        with writing(self.factory) as session:
            site = session.scalar(select(Site.id).where(Site.name == self.site))
            studies = session.scalars(select(Study.id).where(Study.site_id == site)).all()
            people = select(Patient_.id).where(Patient_.site_id == site)
            take_out(session.connection(), studies)
            for table, condition in (
                (Notification, Notification.kind == "patient"),
                (PatientNotice, PatientNotice.study_id.in_(studies)),
                (PatientContact, PatientContact.patient_id.in_(people)),
                (PatientExclusion, PatientExclusion.patient_id.in_(people)),
                (NoticeSetting, NoticeSetting.site_id == site),
                (NoticeTemplate, NoticeTemplate.site_id == site),
                (Study, Study.id.in_(studies)),
                (SourceObject, SourceObject.site_id == site),
                (Patient_, Patient_.site_id == site),
                (LocalName, LocalName.device_id.in_(select(Device.id).where(Device.site_id == site))),
                (Device, Device.site_id == site),
                (Site, Site.id == site),
            ):
                session.execute(delete(table).where(condition).execution_options(synchronize_session=False))

    def filled(self, position: int = 0) -> Filled:
        """The text of a notification of the outbox."""
        with self.factory() as session:
            ids = session.scalars(select(OUTBOX.c.id).order_by(OUTBOX.c.id)).all()
            return filled(session, ids[position], URL)

    def states(self) -> list[tuple[str, str | None]]:
        """State and reason of each notice."""
        with self.factory() as session:
            rows = session.execute(select(PatientNotice.state, PatientNotice.why).order_by(PatientNotice.id))
            return [(state, why) for state, why in rows]

    def outbox(self) -> list[str]:
        """The state of each message."""
        with self.factory() as session:
            return list(session.scalars(select(OUTBOX.c.state).order_by(OUTBOX.c.id)))
