"""Radiopharmaceutical dose reports: TID 10021 with its administrations and organ doses.

References: DICOM PS3.16 TID 10021, 10022, 10023, 10024; CID 4021, 4020, 11, 10044.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from dacs.synthetic import concepts as c
from dacs.synthetic.content import Dialect, Item, Value, code, container, modifier, moment, numbers, text, uidref
from dacs.synthetic.document import Document, document, observer
from dacs.synthetic.fields import (
    ADMINISTRATION_ROWS,
    CHARACTERISTICS_ROWS,
    EFFECTIVE_DOSE_ROW,
    HALF_LIFE_ROW,
    ORGAN_DOSE_ROW,
    number_items,
)
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.uids import uid

RADIOPHARM_SR = "1.2.840.10008.5.1.4.1.1.88.68"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganDose:
    """What one organ received (TID 10023)."""

    organ: str | None = "bladder"
    organ_dose_mgy: Value = 51.22
    laterality: str | None = None
    method: str | None = "ICRP Publication 128"


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """One radiopharmaceutical given to the patient (TID 10022); a value may be left out (None) or odd."""

    uid: str | None = None  # None: derived from the study and the position; "" leaves the item out
    started: str | None = "20261121101500"  # DT
    stopped: str | None = None
    radiopharmaceutical: str | None = "FDG"
    radionuclide: str | None = "F-18"
    half_life_s: Value = 6586.2
    activity_mbq: Value = 394.0
    measured_before_mbq: Value = None
    measured_after_mbq: Value = None
    extravasation_percent: Value = None
    route: str | None = "intravenous"
    effective_dose_msv: Value = None
    organ_doses: Sequence[OrganDose] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """The patient as the report states them (TID 10024), beside the header."""

    age_years: Value = None
    height_m: Value = None
    weight_kg: Value = None


def administration(**fields: Any) -> Administration:  # noqa: ANN401 - any field of Administration
    """Return an injection of FDG, but for the fields given."""
    return Administration(**fields)


def radiopharm_rdsr(
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
    events: Sequence[Administration] = (Administration(),),
    characteristics: Characteristics | None = None,
    procedure: str | None = "PET",
    form: Document | None = None,
) -> Dataset:
    """Return a radiopharmaceutical dose report, whose standard form has one administration."""
    patient, device, study = patient or Patient(), device or Device(), study or Study()
    form = form or Document(sop_class=RADIOPHARM_SR, title=c.RADIOPHARMACEUTICAL_REPORT)
    content = [
        *([modifier(c.ASSOCIATED_PROCEDURE, c.NM_PROCEDURES[procedure])] if procedure else []),
        *observer(form, device),
        *(
            container(c.ADMINISTRATION, _items(event, place, study, device.dialect))
            for place, event in enumerate(events)
        ),
        *_characteristics(characteristics, device.dialect),
    ]
    return document(form, "10021", patient, device, study, content)


def administration_uid(study: Study, place: int) -> str:
    """Return the Radiopharmaceutical Administration Event UID that an event at this place gets by itself."""
    return uid("administration", study.uid, place)


def _items(event: Administration, place: int, study: Study, dialect: Dialect) -> Iterator[Item]:
    if event.radiopharmaceutical:
        yield code(c.RADIOPHARMACEUTICAL, c.RADIOPHARMACEUTICALS[event.radiopharmaceutical], *_nuclide(event, dialect))
    yield from uidref(
        c.ADMINISTRATION_UID, administration_uid(study, place) if event.uid is None else event.uid or None
    )
    yield from moment(c.ADMINISTRATION_START, event.started)
    yield from moment(c.ADMINISTRATION_STOP, event.stopped)
    yield from number_items(event, ADMINISTRATION_ROWS, dialect)
    yield from (_organ(each, dialect) for each in event.organ_doses)
    if event.effective_dose_msv is not None:
        yield container(c.EFFECTIVE_DOSE_INFORMATION, number_items(event, [EFFECTIVE_DOSE_ROW], dialect))
    if event.route:
        yield code(c.ROUTE, c.ROUTES[event.route])


def _nuclide(event: Administration, dialect: Dialect) -> Iterator[Item]:
    if event.radionuclide:
        yield code(c.RADIONUCLIDE, c.RADIONUCLIDES[event.radionuclide], relationship="HAS PROPERTIES")
    for item in number_items(event, [HALF_LIFE_ROW], dialect):
        yield Item("HAS PROPERTIES", item.value_type, item.concept, item.value, item.children)


def _organ(sent: OrganDose, dialect: Dialect) -> Item:
    field, concept, unit = ORGAN_DOSE_ROW
    authority = text(c.REFERENCE_AUTHORITY, sent.method, "HAS PROPERTIES")
    return container(
        c.ORGAN_DOSE_INFORMATION,
        [modifier(c.FINDING_SITE, c.ORGANS[sent.organ])] if sent.organ else [],
        [modifier(c.LATERALITY, c.SIDES[sent.laterality])] if sent.laterality else [],
        numbers(concept, sent.organ_dose_mgy, "mGy", dialect.units.get(field, unit), *authority),
    )


def _characteristics(sent: Characteristics | None, dialect: Dialect) -> list[Item]:
    return [container(c.PATIENT_CHARACTERISTICS, number_items(sent, CHARACTERISTICS_ROWS, dialect))] if sent else []
