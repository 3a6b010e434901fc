"""A year of the demonstration hospital: who came when, for what, and what went otherwise than usual.

Everything follows from the seed; the anchor only moves it in time, so that the newest studies look recent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from pydicom.dataset import Dataset

from dacs.synthetic import axial, images
from dacs.synthetic.content import Raw, Value
from dacs.synthetic.ct import CTEvent, ct_rdsr
from dacs.synthetic.hospital import machines
from dacs.synthetic.hospital.ct_studies import ct_study
from dacs.synthetic.hospital.people import ISSUER, Person, dice, person
from dacs.synthetic.hospital.protocols import CT_EXAMS, FLUOROSCOPIES, INTERVENTIONS, RADIOGRAPHS
from dacs.synthetic.hospital.study import STUDIES, DemoStudy, Visit, identified, later
from dacs.synthetic.hospital.xray_studies import intervention_study, mammography_study, radiograph_study
from dacs.synthetic.subjects import Patient

SEED = 2026
ANCHOR = datetime(2026, 11, 20, 16, 40)  # noqa: DTZ001 - local time of the hospital
TODAY = 10  # studies on the anchor's day
QUALITY_TEST, REJECTED = STUDIES - 200, STUDIES - 30  # the numbers of two studies out of the ordinary
_MODALITY_SHARES = (("CT", 63), ("DX", 20), ("XA", 7), ("MG", 7), ("RF", 3))

# What is unusual: (worklist description, how manyth of its kind counted from the newest), what.
TWISTS = {
    ("CT HEAD", 6): "fixed current",
    ("CT CHEST", 2): "repeat",
    ("CT CHEST", 4): "totals differ",
    ("CT CHEST", 6): "no voltage",
    ("CT CHEST", 9): "long scan",
    ("SCANNER ABDOMEN PELVIS", 3): "high voltage",
    ("SCANNER ABDOMEN PELVIS", 6): "extra phases",
    ("SCANNER ABDOMEN PELVIS", 10): "big patient",
    ("SCANNER CRANE ENFANT", 2): "adult protocol",
    ("CT LIVER MULTIPHASE", 1): "cumulative",
    ("SCANNER THORAX ABDOMEN PELVIS", 2): "cumulative",
    ("SCANNER THORAX ABDOMEN PELVIS", 5): "continued",
    ("CT CORONARY ANGIOGRAPHY", 2): "cumulative",
    ("RADIOGRAPHIE THORAX", 3): "overexposed",
    ("RADIOGRAPHIE BASSIN", 2): "repeat",
    ("RADIOGRAPHIE ABDOMEN", 2): "big patient",
    ("CORONAROGRAPHIE", 2): "totals differ",
    ("CORONARY ANGIOPLASTY (PCI)", 1): "high skin dose",
    ("CORONARY ANGIOPLASTY (PCI)", 3): "continued",
    ("EMBOLISATION HEPATIQUE", 1): "high skin dose",
    ("UTERINE FIBROID EMBOLISATION", 1): "continued",
    ("MAMMOGRAPHIE DEPISTAGE", 3): "repeat",
}
# Twists whose dose is to be judged among patients of the usual size.
_OF_USUAL_SIZE = frozenset({"repeat", "long scan", "high voltage", "extra phases", "overexposed", "fixed current"})

Build = Callable[[Visit], DemoStudy]


def demo_studies(seed: int = SEED, anchor: datetime = ANCHOR, count: int = STUDIES) -> Iterator[DemoStudy]:
    """Yield the year's studies, oldest first; the newest one begins shortly before the anchor.

    The same seed gives the same people, doses, images and UIDs, whatever the anchor; with a smaller `count` only the
    newest of them.
    """
    twists = _twists(seed)
    patients = _Register(dice("patients", seed))
    for number, started in enumerate(_moments(dice("moments", seed), anchor), start=1):
        study = _study(seed, number, started, twists.get(number), patients)
        if number > STUDIES - count:
            yield study


def _twists(seed: int) -> dict[int, str]:
    """Return what is unusual about which number: the newest examinations are what people look at."""
    seen: dict[str, int] = {}
    found: dict[int, str] = {}
    for number in range(STUDIES, 0, -1):
        if number not in (QUALITY_TEST, REJECTED):
            description = _draw(dice(seed, number))[0]
            seen[description] = seen.get(description, 0) + 1
            if twist := TWISTS.get((description, seen[description])):
                found[number] = twist
    return found


def _moments(rng: random.Random, anchor: datetime) -> list[datetime]:
    """Return times within the year before the anchor: working hours, fewer at week-ends, a busy last day."""
    found = [anchor - timedelta(minutes=7 + 23 * place) for place in range(TODAY)]
    while len(found) < STUDIES:
        day = anchor.date() - timedelta(days=1 + int(364 * rng.random()))
        if day.weekday() >= 5 and rng.random() < 0.75:
            continue
        minute = rng.triangular(7.5 * 60, 19.5 * 60, 10.5 * 60)
        found.append(datetime(day.year, day.month, day.day) + timedelta(minutes=int(minute)))  # noqa: DTZ001
    return sorted(found)


class _Register:
    """Hands out patients; about one study in four is of somebody who has been there before, often for the same."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._known: list[Person] = []
        self._came_for: dict[str, list[Person]] = {}

    def next(
        self, description: str, twist: str | None, again: float, *, child: bool = False, woman: bool = False
    ) -> Person:
        came = self._came_for.setdefault(description, [])
        found = None if twist else self._again(came, again, child=child, woman=woman)
        if found is None:
            found = self._new(twist, child=child, woman=woman)
            self._known.append(found)
        came.append(found)
        return found

    def _again(self, came: list[Person], again: float, *, child: bool, woman: bool) -> Person | None:
        if came and self._rng.random() < again:
            return self._rng.choice(came)
        usual = [p for p in self._known if p.age_years >= 35 and not (woman and p.patient.sex != "F")]
        if usual and not child and self._rng.random() < 0.15:
            return self._rng.choice(usual)
        return None

    def _new(self, twist: str | None, *, child: bool, woman: bool) -> Person:
        age = self._rng.choice((0.05, 0.6, 1.5, 3, 5, 8, 11, 14)) if child else None
        if woman:
            age = self._rng.triangular(40, 78, 55)
        new = person(len(self._known) + 1, self._rng, sex="F" if woman else None, age_years=age)
        if twist == "big patient":
            return replace(new, patient=replace(new.patient, weight_kg=151.0, height_m=1.78))
        if twist in _OF_USUAL_SIZE:
            return replace(new, patient=replace(new.patient, weight_kg=74.0, height_m=1.7))
        return new


def _study(seed: int, number: int, started: datetime, twist: str | None, patients: _Register) -> DemoStudy:
    throw = dice(seed, number)
    if number == QUALITY_TEST:
        return _quality_test(Visit(seed, number, PHANTOM, started, throw, "quality test"))
    description, build, needs = _draw(throw)
    again = 0.5 if number > STUDIES - TODAY else 0.12  # today's patients are asked for first
    visit = Visit(seed, number, patients.next(description, twist, again, **needs), started, throw, twist)
    return _rejected(visit) if number == REJECTED else build(visit)


def _draw(rng: random.Random) -> tuple[str, Build, dict[str, bool]]:
    """Return what is examined next, its builder and what the patient must be."""
    modality = rng.choices([m for m, _ in _MODALITY_SHARES], [share for _, share in _MODALITY_SHARES])[0]
    if modality == "CT":
        scan = rng.choices(CT_EXAMS, [exam.share for exam in CT_EXAMS])[0]
        return scan.description, lambda visit: ct_study(visit, scan), {"child": scan.child}
    if modality == "DX":
        shot = rng.choices(RADIOGRAPHS, [exam.share for exam in RADIOGRAPHS])[0]
        child = not shot.bedside and rng.random() < 0.18
        return shot.description, lambda visit: radiograph_study(visit, shot), {"child": child}
    if modality == "MG":
        tomo = rng.random() < 0.45
        description = "MAMMOGRAPHIE TOMOSYNTHESE" if tomo else "MAMMOGRAPHIE DEPISTAGE"
        return description, lambda visit: mammography_study(visit, tomo=tomo), {"woman": True}
    exams = INTERVENTIONS if modality == "XA" else FLUOROSCOPIES
    beam = rng.choices(exams, [exam.share for exam in exams])[0]
    needs = {"child": "PAEDIATRIC" in beam.description, "woman": beam.territory == "uterine"}
    return beam.description, lambda visit: intervention_study(visit, beam), needs


PHANTOM = Person(
    Patient(
        id="DEMO-QA", name="Phantom (Demo)^QA", sex="O", birth_date="", height_m=None, weight_kg=None, issuer=ISSUER,
        comments="DEMONSTRATION DATA - NOT A PERSON",
    ),
    0.0,
)  # fmt: skip


def _quality_test(visit: Visit) -> DemoStudy:
    """Return the yearly image quality test with a water phantom."""
    patient, study, device = PHANTOM.patient, visit.study("QA CT PHANTOM"), machines.CT_1
    test = CTEvent(protocol="QA Water", region="head", phantom="head_16", ctdi_vol_mgy=21.4, dlp_mgy_cm=171.2,
                   event_type="sequenced", pitch=None, scanning_length_mm=80.0, started=later(study, 20))  # fmt: skip
    events = identified(study, [test])

    def pictures() -> Iterator[Dataset]:
        series = images.Series(patient=patient, device=device, study=study, modality="CT", number=2,
                               description="QA Water", event_uid=events[0].uid)  # fmt: skip
        for place in range(2):
            section = axial.draw("phantom", axial.Section(place / 2), 128)
            pixels = axial.noisy(section, 21.4, np.random.default_rng(place))
            yield images.ct_slice(series, place + 1, pixels, events[0], z_mm=-10.0 * place, window=images.BODY_WINDOW)

    return DemoStudy(
        visit.number, patient, device, study, "CT", visit.twist, events,
        lambda: [ct_rdsr(patient=patient, device=device, study=study, events=events)], pictures,
    )  # fmt: skip


def _rejected(visit: Visit) -> DemoStudy:
    """Return a study whose report must be refused: every dose of it stands in a unit that nobody knows."""
    study, patient = visit.study("CT CHEST"), visit.patient
    scan = CTEvent(protocol="Thorax", region="chest", ctdi_vol_mgy=Raw("0.71", "rad"), dlp_mgy_cm=Raw("24.8", "rad.cm"))
    device, events = machines.CT_2, identified(study, [scan])
    totals: dict[str, Value] = {"dlp_mgy_cm": Raw("24.8", "rad.cm")}
    return DemoStudy(
        visit.number, patient, device, study, "CT", "rejected", events,
        lambda: [ct_rdsr(patient=patient, device=device, study=study, events=events, totals=totals)], list,
        readable=False,
    )  # fmt: skip
