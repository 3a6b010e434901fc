"""A small hospital of two years in which every kind of rule finds something, and how rules judge it one by one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, sessionmaker

import benchmarks.hospital as made
from benchmarks.hospital_kinds import Kind
from dose.alerts.interventional import KERMA, by_plane
from dose.alerts.kinds import evaluate
from dose.alerts.model import Acquisition, Crossing, Earlier, Examination, Rule, Usual
from dose.database import session_factory, writing
from dose.queries.comparators import LAST_VOLTAGES, Compared, Memory
from dose.queries.examinations import Examined, examinations
from dose.scope import system_scope
from dose.store import facts
from dose.store.levels_shipped import load_levels
from dose.tables import (
    AccumulatedDose,
    EventFact,
    EventStudy,
    IrradiationEvent,
    ReferenceLevel,
    ReferenceSet,
    SourceObject,
    Study,
    StudyFact,
)

WHO = system_scope("trial")
STUDIES, DAYS, PATIENTS = 2000, 600, 130
KEPT = {"CT": 5, "XA": 3, "RF": 1, "DX": 3, "MG": 1}  # procedures of a kind, on as few devices


def build(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill a migrated database."""
    every = made.kinds_of

    def few(session: Session, chance: Any) -> list[Kind]:
        kinds = every(session, chance)
        found: list[Kind] = []
        for modality, count in KEPT.items():
            those = sorted((one for one in kinds if one.modality == modality), key=lambda one: -one.share)
            bodies = [one for one in those if not one.head][: count // 2]
            found += [*bodies, *(one for one in those if one not in bodies)][:count]
        first: dict[object, int] = {}
        for number, one in enumerate(found):
            one.cell_of = first.setdefault((one.device_id, one.procedure_id), number)
        return found

    for name, value in (("DAYS", DAYS), ("kinds_of", few)):
        monkeypatch.setattr(made, name, value)
    made.build(engine, STUDIES, say=lambda _line: None)
    factory = session_factory(engine)
    with writing(factory) as session:
        load_levels(session)
        session.execute(update(ReferenceSet).values(active=True))
        session.execute(update(ReferenceLevel).values(active=True))
        _add_breasts(session)
        _decorate(session)
        facts.begin_again(session.connection())
    facts.catch_up(factory)


def _add_breasts(session: Session) -> None:
    """Levels for thin and for thick breasts, beside the published one for those between; some are of no size."""
    table = ReferenceLevel.__table__
    (known,) = session.execute(select(table).where(ReferenceLevel.thickness_to_mm.is_not(None))).mappings()
    every = dict(known) | dict.fromkeys(("age_from_years", "age_to_years", "sex"))
    for low, high, value in ((None, 50.0, 1.6), (60.0, None, 2.9)):
        group = {"id": None, "thickness_from_mm": low, "thickness_to_mm": high, "value": value}
        session.add(ReferenceLevel(**every | group))
    unknown = update(IrradiationEvent).where(IrradiationEvent.id % 7 == 0)
    session.execute(unknown.values(compressed_thickness_mm=None))
    absurd = update(IrradiationEvent).where(IrradiationEvent.id % 31 == 0)
    session.execute(absurd.values(compressed_thickness_mm=IrradiationEvent.compressed_thickness_mm * 100))


def _decorate(session: Session) -> None:
    """What such hospitals have none of: planes, checks, software, wrong places, few patients, shared scans."""
    session.execute(update(Study).values(patient_id=Study.id * Study.id % PATIENTS + 1))
    event = update(IrradiationEvent)
    number = IrradiationEvent.id
    wrong = (("Foot", 41), ("Head", 37))
    for region, each in wrong:
        session.execute(event.where(IrradiationEvent.study_id % each == 0).values(target_region_meaning=region))
    session.execute(event.where(number % 53 == 0).values(scanning_length_mm=IrradiationEvent.scanning_length_mm * 4))
    session.execute(event.where(number % 47 == 0).values(kvp_kv=IrradiationEvent.kvp_kv + 17))
    session.execute(event.where(number % 211 == 0).values(kvp_kv=9000.0))
    session.execute(event.where(number % 67 == 0).values(ctdi_phantom=None))
    for each, column, forecast in ((29, "dlp_mgy_cm", 1200.0), (31, "ctdi_vol_mgy", 40.0)):
        check = {"kind": "alert", "column": column, "configured": 1000.0, "forecast": forecast}
        of_ct = (IrradiationEvent.ctdi_vol_mgy > 0, number % each == 0)
        session.execute(event.where(*of_ct).values(details={"dose_checks": [check]}))
    source = update(SourceObject)
    session.execute(source.values(software="A1\nB2"))
    session.execute(source.where(SourceObject.id > STUDIES * 0.7).values(software="A1\nB3"))
    session.execute(source.where(SourceObject.id % 400 == 7).values(software=None))
    _give_planes(session)
    _share(session)


def _give_planes(session: Session) -> None:
    """Of some interventions two planes, of which each is larger elsewhere: in the events, in the report."""
    biplane = (Study.modality == "XA") & (Study.id % 3 > 0)
    for study in session.scalars(select(Study).where(biplane)):
        events = session.scalars(select(IrradiationEvent).where(IrradiationEvent.study_id == study.id)).all()
        sums = {"A": 0.0, "B": 0.0}
        for place, one in enumerate(events):
            one.plane = "AB"[place % 2]
            sums[one.plane] += one.ka_r_mgy or 0.0
        reported = {"A": sums["A"] * 1.4, "B": sums["B"] * 0.5}
        for place, (plane, value) in enumerate(reported.items()):
            said = {"source_object_id": study.id, "position": place, "plane": plane, "ka_r_mgy": value}
            session.add(AccumulatedDose(**said))
        study.ka_r_reported_mgy = sum(reported.values())
    # Some state no dose at all, but a time
    silent = update(Study).where(Study.modality == "RF", Study.id % 4 == 0)
    session.execute(silent.values(**dict.fromkeys(_DOSES), fluoro_time_s=1000.0 + Study.id))
    ids = select(Study.id).where(Study.modality == "RF", Study.id % 4 == 0)
    none = update(IrradiationEvent).where(IrradiationEvent.study_id.in_(ids))
    session.execute(none.values(ka_r_mgy=None, pka_gy_cm2=None))


_DOSES = ("ka_r_sum_mgy", "ka_r_reported_mgy", "pka_sum_gy_cm2", "pka_reported_gy_cm2")


def _share(session: Session) -> None:
    """A localizer that another study holds too, and there with much dose."""
    of_ct = select(IrradiationEvent).where(IrradiationEvent.event_type == "constant_angle")
    one = session.scalars(of_ct.order_by(IrradiationEvent.id.desc())).first()
    assert one is not None
    other = session.scalar(
        select(Study.id).where(Study.modality == "CT", Study.id < one.study_id).order_by(Study.id.desc())
    )
    assert other is not None
    differs = '{"ctdi_vol_mgy": 300.0}'
    session.add(EventStudy(irradiation_event_id=one.id, study_id=other, source_object_id=other, differs=differs))


class Then(Compared):
    """Comparators as of the day of each examination, where what came later would be among them."""

    def __init__(self, session: Session, those: list[Examined], memory: Memory) -> None:
        super().__init__(session, those, memory)
        self._patients: dict[int | None, list[Examined]] | None = None
        self._scans: dict[tuple[int, int], list[tuple[int, int, int, float]]] | None = None

    def earlier(self, examination: Examination, days: int) -> list[Earlier]:
        """Examinations of the patient before, of those that were read at once."""
        one, since = self._known[examination.id], examination.at - timedelta(days=days)
        return [
            Earlier(other.study_id, said.at, said.modality, said.procedure_id, said.region, by_plane(said, KERMA))
            for other in self._of_patient(examination.patient_id)
            if other.is_judged and other.study_id != one.study_id and other.listed_at <= one.listed_at
            if (said := other.examination).at >= since
        ]

    def _of_patient(self, patient_id: int | None) -> list[Examined]:
        if self._patients is None:
            self._patients = {}
            for one in examinations(self._session, self._session.scalars(select(Study.id)).all()):
                self._patients.setdefault(one.examination.patient_id, []).append(one)
        return self._patients.get(patient_id, [])

    def usual(self, examination: Examination, acquisition: Acquisition) -> Usual:
        """The last acquisitions of the protocol on the device before the first one of this examination."""
        one = self._known[examination.id]
        protocol = one.protocols.get(acquisition.id)
        if protocol is None or one.device_id is None:
            return Usual()
        series = self._of_all().get((protocol, one.device_id), [])
        own = [place for place, scan in enumerate(self._all[protocol, one.device_id]) if scan[2] == one.study_id]
        began = self._all[protocol, one.device_id][own[0]][:2]
        before = [scan[3] for scan in series if scan[:2] < began]
        return Usual(before[-LAST_VOLTAGES:])

    def _of_all(self) -> dict[tuple[int, int], list[tuple[int, int, int, float]]]:
        if self._scans is None:
            self._scans, self._all = {}, {}
            columns = (EventFact.day, EventFact.event_id, EventFact.study_id, EventFact.kvp_kv, EventFact.counts)
            wanted = select(EventFact.protocol_id, EventFact.device_id, *columns).where(EventFact.diagnostic)
            for protocol, device, *scan, counts in self._session.execute(wanted.order_by(*columns[:2])):
                self._all.setdefault((protocol, device), []).append(tuple(scan))
                if counts and scan[3] is not None:
                    self._scans.setdefault((protocol, device), []).append(tuple(scan))
        return self._scans


@dataclass(frozen=True)
class OneByOne:
    """Every examination of the last year, read in full."""

    session: Session
    those: list[Examined]
    comparators: Then

    def crossings(self, rule: Rule) -> list[tuple[int, Crossing]]:
        """What a rule says of each."""
        return [
            (one.study_id, crossing)
            for one in self.those
            for crossing in evaluate([rule], one.examination, self.comparators).crossings
        ]

    def found(self, rule: Rule) -> tuple[set[int], int]:
        """The studies with crossings, and how many alerts that is."""
        both = self.crossings(rule)
        subjects: set[Hashable] = {crossing.subject for _, crossing in both}
        return {study for study, _ in both}, len(subjects)


def one_by_one(factory: sessionmaker[Session], first: int, last: int) -> OneByOne:
    """Read them all."""
    session = factory()
    ids = session.scalars(select(StudyFact.study_id).where(StudyFact.day.between(first, last))).all()
    those = [one for one in examinations(session, ids) if one.is_judged]
    return OneByOne(session, those, Then(session, those, Memory()))
