"""The dose SR around its content: header, observer context, scope and source of dose.

References: DICOM PS3.3 A.35.8 (X-Ray Radiation Dose SR), C.17.1, C.17.2; PS3.16 TID 1002, 10001, 10011.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, EnhancedSRStorage, XRayRadiationDoseSRStorage

from dacs.synthetic import concepts as c
from dacs.synthetic.content import (
    Concept,
    Dialect,
    Item,
    code,
    coded,
    container,
    flat,
    modifier,
    person,
    text,
    uidref,
    write_items,
)
from dacs.synthetic.subjects import Device, Patient, Study, common_modules
from dacs.synthetic.uids import uid

DOSE_SR = str(XRayRadiationDoseSRStorage)
ENHANCED_SR = str(EnhancedSRStorage)
COMPREHENSIVE_SR = str(ComprehensiveSRStorage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a dose SR says about itself.

    `content_date` and `content_time` default to the study's; `charset` is (0008,0005), None leaves it out;
    `completion` is usually PARTIAL. `scope` is study, step or None (no scope item).
    """

    uid: str | None = None
    series_uid: str | None = None
    number: int = 1
    sop_class: str = DOSE_SR
    title: Concept = c.X_RAY_DOSE_REPORT
    charset: str | list[str] | None = "ISO_IR 192"
    completion: str = "COMPLETE"
    content_date: str | None = None
    content_time: str | None = None
    scope: str | None = "study"
    observer: bool = True
    people: tuple[tuple[str, str], ...] = ()  # name and role in the procedure of person observers


def document(
    form: Document, template: str, patient: Patient, device: Device, study: Study, content: Iterable[Item]
) -> Dataset:
    """Return the SR as a data set that `to_bytes` can write."""
    ds = common_modules(patient, device, study)
    if form.charset is not None:
        ds.SpecificCharacterSet = form.charset
    ds.SOPClassUID = form.sop_class
    ds.SOPInstanceUID = form.uid or uid("sr", study.uid, device.uid, template, form.number)
    ds.SeriesInstanceUID = form.series_uid or uid("sr series", study.uid, device.uid)
    ds.SeriesNumber = 990
    ds.InstanceNumber = form.number
    ds.Modality = "SR"
    ds.SeriesDescription = "Dose report"
    ds.ContentDate = form.content_date or study.date or ""
    ds.ContentTime = form.content_time or study.time or ""
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag = form.completion
    ds.VerificationFlag = "UNVERIFIED"
    _write_root(ds, form.title, template, device.dialect)
    write_items(ds, flat(content), device.dialect)
    return ds


def _write_root(ds: Dataset, title: Concept, template: str, dialect: Dialect) -> None:
    ds.ValueType = "CONTAINER"
    ds.ConceptNameCodeSequence = [coded(*dialect.code(title))]
    ds.ContinuityOfContent = "SEPARATE"
    if dialect.template is None:
        return
    ds.ContentTemplateSequence = []
    if dialect.template:
        identifier = Dataset()
        identifier.MappingResource = "DCMR"
        identifier.TemplateIdentifier = template if dialect.template == "as-built" else dialect.template
        ds.ContentTemplateSequence = [identifier]


def procedure(reported: Concept, intent: Concept = c.DIAGNOSTIC_INTENT) -> Item:
    """Return the procedure reported, with its intent (TID 10001 rows 2-3, TID 10011 rows 2-3)."""
    return modifier(c.PROCEDURE_REPORTED, reported, modifier(c.HAS_INTENT, intent))


def observer(form: Document, device: Device) -> list[Item]:
    """Return the observer context of a device (TID 1002, 1004)."""
    if not form.observer:
        return []
    where = "HAS OBS CONTEXT"
    return [
        code(c.OBSERVER_TYPE, c.OBSERVER_DEVICE, relationship=where),
        *uidref(c.DEVICE_OBSERVER_UID, device.uid, where),
        *text(c.DEVICE_OBSERVER_NAME, device.station_name, where),
        *text(c.DEVICE_OBSERVER_MANUFACTURER, device.manufacturer, where),
        *text(c.DEVICE_OBSERVER_MODEL, device.model, where),
        *text(c.DEVICE_OBSERVER_SERIAL, device.serial_number, where),
    ]


def people_observing(form: Document) -> list[Item]:
    """Return the observer context of persons (TID 1002, 1003), technologists all."""
    where, found = "HAS OBS CONTEXT", []
    for name, role in form.people:
        found += [
            code(c.OBSERVER_TYPE, c.OBSERVER_PERSON, relationship=where),
            person(c.PERSON_OBSERVER_NAME, name, relationship=where),
            code(c.PERSON_OBSERVER_ORGANISATION_ROLE, c.TECHNOLOGIST, relationship=where),
        ]
        if role:
            found.append(code(c.PERSON_OBSERVER_ROLE, c.PROCEDURE_ROLES[role], relationship=where))
    return found


def scope(form: Document, study: Study) -> list[Item]:
    """Return the scope of accumulation with the UID it covers."""
    if form.scope is None:
        return []
    if form.scope == "study":
        kind, reference = c.SCOPE_STUDY, uidref(c.STUDY_UID, study.uid, "HAS PROPERTIES")
    else:
        kind, reference = c.SCOPE_STEP, uidref(c.STEP_UID, uid("step", study.uid), "HAS PROPERTIES")
    return [code(c.SCOPE, kind, *reference, relationship="HAS OBS CONTEXT")]


def source_of_dose() -> Item:
    """Return the closing item of both templates."""
    return code(c.SOURCE_OF_DOSE, c.AUTOMATED)


def irradiating_device(device: Device) -> Item:
    """Return the device participant of one event (TID 1021)."""
    where = "HAS PROPERTIES"
    return code(
        c.DEVICE_ROLE,
        c.IRRADIATING_DEVICE,
        *text(c.DEVICE_NAME, device.station_name, where),
        *text(c.DEVICE_MANUFACTURER, device.manufacturer, where),
        *text(c.DEVICE_MODEL, device.model, where),
        *text(c.DEVICE_SERIAL, device.serial_number, where),
    )


def basic_text_sr(patient: Patient, device: Device, study: Study, sop_class: str = ENHANCED_SR) -> Dataset:
    """Return a structured report that has nothing to do with dose (a finding in words)."""
    form = Document(sop_class=sop_class, title=Concept("126000", "Imaging Measurement Report"))
    finding = text(Concept("121071", "Finding"), "No abnormality seen.")
    return document(form, "1500", patient, device, study, [container(Concept("121070", "Findings"), finding)])
