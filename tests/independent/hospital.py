"""A made-up hospital of two sites, with all that makes counting hard: given to the store as objects, in any number.

Localizers, bolus tracking named and unnamed, two phantoms, zeros, absurd and missing values, reports that come again,
images beside reports, rows of tables, one exposure in two studies, phantoms, merged patients, sizes typed by people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.model import AccumulatedDose, Device, DoseReport, IrradiationEvent, Patient, Person
from dose.store import corrections
from dose.store.facts import catch_up
from dose.store.naming import load_vocabulary
from dose.store.naming_rules import Draft, make_rule
from dose.tables import Patient as PatientRow
from dose.tables import Procedure, Study
from tests.corrections.ward import PHYSICIST
from tests.store.pretend import put

SITES = ("North", "South")
MODALITIES = ("CT", "CT", "CT", "CT", "XA", "DX", "MG", "PT")
AGES = (0.1, 0.25, 5.99, 6.0, 17.99, 18.0, 45.0, 71.0, 200.0, None)
WEIGHTS = (4.9, 5.0, 29.9, 49.0, 72.0, 73.5, 90.0, 900.0, None)
DESCRIPTIONS = ("CT Thorax", "Kopf nativ", "Untersuchung", None)
PROTOCOLS = ("Thorax  routine", "Kopf", "Abdomen", None)
OPERATORS = ("Curie^Marie", "Roentgen^W", None)
ABSURD = {"dlp_mgy_cm": 1e5, "ctdi_vol_mgy": 1e300, "pka_gy_cm2": 1e300, "agd_mgy": -1.0, "activity_mbq": 1e9}
START = datetime(2025, 11, 1, 7, 0)  # noqa: DTZ001 - devices state local times


@dataclass(frozen=True)
class Hospital:
    """What was put in."""

    reports: tuple[tuple[str, DoseReport], ...]  # with their sites


def build(factory: sessionmaker[Session], chance: Random, size: int) -> Hospital:
    """Put in examinations and what disturbs, in any order, let people correct, and count."""
    rules(factory)
    reports = [one for number in range(size) for one in examination(chance, number)]
    chance.shuffle(reports)
    for site, report in reports:
        put(factory, report, site=site, keep_operators=True)
    for site, report in chance.sample(reports, len(reports) // 5):
        put(factory, report, site=site, keep_operators=True)
    correct(factory, chance)
    catch_up(factory, batch=chance.choice((7, 200)))
    return Hospital(tuple(reports))


def rules(factory: sessionmaker[Session]) -> None:
    """Two standard procedures by the words of a study, and others of single events by their protocol."""
    with writing(factory) as session:
        load_vocabulary(session)
        named = select(Procedure.modality, Procedure.region, Procedure.id).order_by(Procedure.id.desc())
        ids = {(modality, region): number for modality, region, number in session.execute(named)}
        for level, field, word, *of in (
            ("study", "description", "thorax", "CT", "chest"), ("study", "description", "kopf", "CT", "head"),
            ("event", "protocol", "abdomen", "CT", "abdomen"), ("event", "protocol", "screening", "MG", "breast"),
        ):  # fmt: skip
            said = {"field": field, "op": "contains", "value": word}
            make_rule(session, PHYSICIST, Draft(ids[of[0], of[1]], [said], level=level, modality=of[0]))


def examination(chance: Random, number: int) -> list[tuple[str, DoseReport]]:
    """The objects of one examination, each with its site."""
    site, modality = chance.choice(SITES), chance.choice(MODALITIES)
    at = START + timedelta(days=chance.randrange(150), minutes=chance.randrange(600))
    events = tuple(
        replace(one, irradiation_event_uid=f"1.9.{number}.{n}", started_at=(at + timedelta(minutes=n)).isoformat())
        for n, one in enumerate(EVENTS[modality](chance))
    )
    report = DoseReport(
        source="rdsr", template="10011", modality=modality, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.67",
        sop_instance_uid=f"1.1.{number}", study_instance_uid=f"1.2.{number}", series_instance_uid=f"1.3.{number}",
        accession_number=f"A{number}", study_date=at.date().isoformat(), study_time=at.time().isoformat(),
        study_description=chance.choice(DESCRIPTIONS), content_datetime=at.isoformat(), patient=patient(chance, site),
        device=device(chance, site, modality), accumulated=reported(chance, events), events=events, reader_version=1,
        people=tuple(Person("operator", f"{who}^{site}") for who in [chance.choice(OPERATORS)] if who),
    )  # fmt: skip
    return [(site, one) for one in (report, *beside(chance, report, number))]


def beside(chance: Random, report: DoseReport, number: int) -> list[DoseReport]:
    """What else speaks of the same exposures."""
    kind, other = chance.random(), {"sop_instance_uid": f"1.1.{number}.2"}
    if kind < 0.1:  # a second report of the study with the same events
        return [replace(report, **other, content_datetime=None)]
    if kind < 0.2:  # one scan under two accession numbers
        return [replace(report, **other, study_instance_uid=f"1.2.{number}.2", accession_number=f"B{number}")]
    if kind < 0.35:  # a row of a table, rounded as tables are
        total = round(sum(one.dlp_mgy_cm or 0 for one in report.events), 1)
        row = IrradiationEvent(dlp_mgy_cm=total or None)
        said = replace(report, **other, study_instance_uid=f"2.25.{number}", series_instance_uid=None, source="legacy")
        return [replace(said, events=(row,), accumulated=(), people=(), template=None, content_datetime=None)]
    return []


def patient(chance: Random, site: str) -> Patient:
    """One of few persons, so that some have several studies, of a size as the device was told."""
    number = chance.randrange(8)
    sex = ("F", "M", "O", None)[number % 4]
    return Patient(f"{site}{number}", f"Name^{number}", None, sex, chance.choice(AGES), 1.7, chance.choice(WEIGHTS))


def device(chance: Random, site: str, modality: str) -> Device:
    """One of two devices of a modality at a site."""
    serial = f"{site}-{modality}-{chance.randrange(2)}"
    return Device("Maker", f"Model {modality}", serial, serial)


def dose(chance: Random, column: str, middle: float) -> float | None:
    """A dose, now and then none, zero or absurd."""
    kind = chance.random()
    if kind < 0.12:
        return (0.0, None, ABSURD.get(column, 1e300))[int(kind * 25)]
    return round(middle * chance.lognormvariate(0, 0.6), 3)


def ct(chance: Random) -> list[IrradiationEvent]:
    """Localizer, perhaps a bolus tracked, phases; of one phantom, the other, both or none stated."""
    phantom = chance.choice(("body_32", "body_32", "body_32", "head_16", None))
    protocol, found = chance.choice(PROTOCOLS), []
    if chance.random() < 0.05:
        return [scan("spiral", protocol, phantom, 0.0, 0.0)]
    if chance.random() < 0.7:
        words, kind = chance.choice((("Topogram", "constant_angle"), ("Scout", None)))
        found.append(scan(kind, words, "body_32" if phantom else None, 0.1, chance.choice((3.0, 40.0))))
    if chance.random() < 0.4:
        tracked = (("stationary", "Monitoring", None), ("sequenced", "Smart", 5.0), ("stationary", None, 10.0))
        kind, words, length = chance.choice(tracked)
        found.append(scan(kind, words, phantom, 8.0, 9.0, length))
    for _ in range(chance.choice((1, 1, 2, 3))):
        own = chance.choice((phantom, phantom, phantom, phantom, "head_16"))
        name = chance.choice((protocol, protocol, "Abdomen"))
        kind = chance.choice(("spiral", "spiral", "sequenced", None))
        ctdi, dlp = dose(chance, "ctdi_vol_mgy", 9.0), dose(chance, "dlp_mgy_cm", 300.0)
        found.append(scan(kind, name, own, ctdi, dlp, chance.choice((310.0, 155.5, None)),
                          exposure_mas=chance.choice((90.0, 120.0, None)), kvp_kv=120.0))  # fmt: skip
    return found


def scan(
    kind: str | None, protocol: str | None, phantom: str | None, ctdi: float | None, dlp: float | None,
    length: float | None = None, **more: Any,
) -> IrradiationEvent:  # fmt: skip
    """One acquisition of a CT."""
    return IrradiationEvent(event_type=kind, protocol=protocol, ctdi_phantom=phantom, ctdi_vol_mgy=ctdi,
                            dlp_mgy_cm=dlp, scanning_length_mm=length, **more)  # fmt: skip


def angiography(chance: Random) -> list[IrradiationEvent]:
    """Pedal after pedal."""
    return [
        IrradiationEvent(event_type="fluoroscopy", protocol=chance.choice(PROTOCOLS),
                         fluoro_time_s=chance.uniform(5, 90), pka_gy_cm2=dose(chance, "pka_gy_cm2", 4.0),
                         ka_r_mgy=dose(chance, "ka_r_mgy", 60.0))
        for _ in range(chance.randrange(1, 5))
    ]  # fmt: skip


def radiography(chance: Random) -> list[IrradiationEvent]:
    """One or two exposures."""
    return [
        IrradiationEvent(event_type="radiography", protocol=chance.choice(PROTOCOLS), exposure_mas=chance.uniform(1, 9),
                         pka_gy_cm2=dose(chance, "pka_gy_cm2", 0.2), exposure_index=dose(chance, "exposure_index", 400))
        for _ in range(chance.randrange(1, 3))
    ]  # fmt: skip


def mammography(chance: Random) -> list[IrradiationEvent]:
    """Views of both breasts; neither the side nor the thickness is always stated."""
    views = [
        IrradiationEvent(event_type="mammography", protocol="Screening",
                         laterality=chance.choice(("left", "right", None)),
                         agd_mgy=dose(chance, "agd_mgy", 1.4), exposure_mas=chance.uniform(40, 120))
        for _ in range(chance.randrange(1, 5))
    ]  # fmt: skip
    return [replace(one, compressed_thickness_mm=_thickness(one.exposure_mas or 0.0)) for one in views]


def _thickness(mas: float) -> float | None:
    """Thicker breasts take more; 50 mm, the border of a group, is met exactly."""
    return None if mas < 50 else float(round(mas / 4) + 32)


def nuclear(chance: Random) -> list[IrradiationEvent]:
    """An injection, and often the CT of a PET/CT."""
    given = IrradiationEvent(event_type="administration", activity_mbq=dose(chance, "activity_mbq", 250.0))
    return [given, *(ct(chance) if chance.random() < 0.5 else [])]


EVENTS = {"CT": ct, "XA": angiography, "DX": radiography, "MG": mammography, "PT": nuclear}


def reported(chance: Random, events: tuple[IrradiationEvent, ...]) -> tuple[AccumulatedDose, ...]:
    """Totals as the console reports them; sometimes none, sometimes other ones than the events add up to."""
    if chance.random() < 0.5:
        return ()
    dlp = [one.dlp_mgy_cm for one in events if one.dlp_mgy_cm]
    pka = [one.pka_gy_cm2 for one in events if one.pka_gy_cm2]
    times = [one.fluoro_time_s for one in events if one.fluoro_time_s]
    wrong = chance.choice((1.0, 1.0, 1.5))
    return (AccumulatedDose(
        dlp_mgy_cm=sum(dlp) * wrong if dlp else None, pka_gy_cm2=sum(pka) * wrong if pka else None,
        fluoro_time_s=sum(times) if times else None,
    ),)  # fmt: skip


def correct(factory: sessionmaker[Session], chance: Random) -> None:
    """What people set right: phantoms, sizes, one person under two ids."""
    with factory() as session:
        studies = list(session.scalars(select(Study.id).order_by(Study.id)))
        people = list(session.execute(select(PatientRow.id, PatientRow.site_id).order_by(PatientRow.id)))
    for number in chance.sample(studies, len(studies) // 8):
        with writing(factory) as session:
            if chance.random() < 0.5:
                corrections.set_is_patient(session, PHYSICIST, number, False)
            else:
                corrections.set_size(session, PHYSICIST, number, None, chance.choice((14.9, 15.0, 61.0)))
    for site in {one.site_id for one in people}:
        pair = [one.id for one in people if one.site_id == site][:2]
        if len(pair) == 2:
            with writing(factory) as session:
                corrections.merge_patients(session, PHYSICIST, *pair)
