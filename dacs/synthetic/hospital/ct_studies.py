"""CT studies of the demonstration hospital: dose from the patient's size, images from the dose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset

from dacs.synthetic import axial, images, radiographs
from dacs.synthetic.content import Value
from dacs.synthetic.ct import CTEvent, CTSource, ct_localizer, ct_rdsr
from dacs.synthetic.hospital.machines import CT_1, CT_2, CT_2_RETUNED
from dacs.synthetic.hospital.people import Person
from dacs.synthetic.hospital.protocols import CTExam, Phase
from dacs.synthetic.hospital.study import DemoStudy, Visit, identified, later, portions, written
from dacs.synthetic.subjects import Device, Patient, Study

ROTATION_S = 0.5
MGY_PER_MAS = {"body_32": 0.07, "head_16": 0.16}  # at 120 kV; only sets a believable tube current
OVERRANGE_MM = 25.0
SLICES_PER_PHASE = 4
MORE = {"high voltage": 2.8, "fixed current": 4.2}  # times the dose; the latter with the tube current left at its most
WIDE_KG = 92.0  # from this weight on patients go to the scanner with the wide bore
RETUNED = 0.5  # of the year: then the second scanner was upgraded, and its head protocol came out too high
SIZE = 128


def ct_study(visit: Visit, exam: CTExam) -> DemoStudy:
    """Return one CT study; the visit's twist is a cause of an unusual dose or an unusual way to report it."""
    person, rng, twist = visit.person, visit.dice, visit.twist
    device = _scanner(visit)
    study, patient = visit.study(exam.description), visit.patient
    phases = _phases(exam, twist)
    between = rng.lognormvariate(0.0, 0.12) * _habit(device, exam) * size_factor(exam, person)
    scans = [_scan(phase, exam, device, study, place, between, visit) for place, phase in enumerate(phases)]
    length = _length(phases, person)
    scout = ct_localizer(
        protocol="Topogram", region=phases[0].target, dlp_mgy_cm=round(0.012 * length + 0.6, 2),
        ctdi_vol_mgy=0.12, phantom=exam.phantom, scanning_length_mm=length, started=study.started,
    )  # fmt: skip
    events = identified(study, [scout, *scans])
    return DemoStudy(
        visit.number, patient, device, study, "CT", twist, events,
        lambda: _reports(patient, device, study, events, twist),
        lambda: _images(patient, device, study, events, phases, exam, visit),
    )  # fmt: skip


def _scanner(visit: Visit) -> Device:
    device = visit.dice.choices((CT_1, CT_2), weights=(0.48, 0.52))[0]
    if visit.person.weight_kg >= WIDE_KG:
        return CT_1
    return CT_2_RETUNED if device is CT_2 and visit.share_of_year >= RETUNED else device


def _habit(device: Device, exam: CTExam) -> float:
    """Return the dose over what the protocol gives: what reference levels and comparisons are there to find."""
    if device is CT_1:
        return 1.3 if exam.description == "SCANNER THORAX ABDOMEN PELVIS" else 1.0  # never adapted
    return 1.25 if device is CT_2_RETUNED and exam.description == "CT HEAD" else 0.85


def size_factor(exam: CTExam, person: Person) -> float:
    """Return the dose relative to an adult of 75 kg: by weight in the body, by age in the head."""
    if exam.phantom == "head_16":
        return min(0.5 + 0.5 * person.age_years / 15.0, 1.0)
    return float(min(max((person.weight_kg / 75.0) ** 0.95, 0.15), 3.2))


def _phases(exam: CTExam, twist: str | None) -> tuple[Phase, ...]:
    if twist == "repeat":
        return (*exam.phases, exam.phases[-1])
    if twist == "extra phases":
        less = replace(exam.phases[0], ctdi_vol_mgy=0.9 * exam.phases[0].ctdi_vol_mgy)
        return (replace(less, name="Abdomen native", contrast=False), *exam.phases, replace(less, name="Abdomen late"))
    if twist == "adult protocol":
        return (replace(exam.phases[0], name="Head", ctdi_vol_mgy=58.0),)
    return exam.phases


def _length(phases: tuple[Phase, ...], person: Person) -> float:
    return round(max(phase.length_mm for phase in phases) * _height(person) + 60.0, 1)


def _height(person: Person) -> float:
    return min(max((person.patient.height_m or 1.7) / 1.7, 0.4), 1.15)


def _scan(phase: Phase, exam: CTExam, device: Device, study: Study, place: int, dose: float, visit: Visit) -> CTEvent:
    rng, twist = visit.dice, visit.twist
    dose = 1.0 if twist == "adult protocol" else dose * MORE.get(twist or "", 1.0)
    kvp = 140.0 if twist == "high voltage" else exam.kvp_kv
    ctdi = round(phase.ctdi_vol_mgy * dose * rng.lognormvariate(0.0, 0.05), 2)
    length = round(phase.length_mm * rng.gauss(1.0, 0.05) * (2.1 if twist == "long scan" else 1.0), 1)
    pitch = 0.9 if phase.kind == "spiral" else None
    current = round(ctdi * (pitch or 1.0) / (ROTATION_S * MGY_PER_MAS[exam.phantom] * (kvp / 120.0) ** 2.3))
    two = exam.dual and device is not CT_1
    sources = tuple(
        CTSource(
            id=name, kvp_kv=None if twist == "no voltage" else kvp, tube_current_ma=float(current),
            max_tube_current_ma=round(current * 1.4), exposure_time_per_rotation_ms=ROTATION_S * 1000,
        )
        for name in ("A", "B")[: 2 if two else 1]
    )  # fmt: skip
    return CTEvent(
        event_type=phase.kind, protocol=written(phase.name, visit), region=phase.target, phantom=exam.phantom,
        context="with contrast" if phase.contrast else "without contrast", started=later(study, 60 + 45 * place),
        ctdi_vol_mgy=ctdi, dlp_mgy_cm=round(ctdi * (length + OVERRANGE_MM) / 10.0, 2), scanning_length_mm=length,
        exposure_time_ms=round(length / ((pitch or 1.0) * 38.4) * ROTATION_S * 1000, 1), pitch=pitch,
        sources=sources, modulation=None if phase.target == "head" else "XYZ_EC",
    )  # fmt: skip


def _reports(
    patient: Patient, device: Device, study: Study, events: tuple[CTEvent, ...], twist: str | None
) -> Iterator[Dataset]:
    for form, part in portions(events, twist):
        totals: dict[str, Value] = {}
        if twist == "totals differ":
            said = sum(event.dlp_mgy_cm for event in part if isinstance(event.dlp_mgy_cm, float))
            totals["dlp_mgy_cm"] = round(said * 0.88, 2)
        yield ct_rdsr(patient=patient, device=device, study=study, events=part, form=form, totals=totals)


def _images(
    patient: Patient,
    device: Device,
    study: Study,
    events: tuple[CTEvent, ...],
    phases: tuple[Phase, ...],
    exam: CTExam,
    visit: Visit,
) -> Iterator[Dataset]:
    common = {"patient": patient, "device": device, "study": study, "modality": "CT"}
    girth = (
        round(min(max((visit.person.weight_kg / 75.0) ** 0.35, 0.8), 1.16) * 12) / 12
    )  # few sizes: sections are shared
    scout = images.Series(**common, number=1, description="Topogram", event_uid=events[0].uid)  # type: ignore[arg-type]
    yield images.ct_localizer_image(scout, radiographs.frontal(exam.scout, SIZE, SIZE, girth=girth), events[0])
    for place, (phase, event) in enumerate(zip(phases, events[1:], strict=True), start=2):
        series = images.Series(**common, number=place, description=phase.name, event_uid=event.uid)  # type: ignore[arg-type]
        yield from _slices(series, phase, event, girth, SLICES_PER_PHASE if visit.is_looked_at else 1)


def _slices(series: images.Series, phase: Phase, event: CTEvent, girth: float, count: int) -> Iterator[Dataset]:
    rng = np.random.default_rng(series.number)
    dose = event.ctdi_vol_mgy if isinstance(event.ctdi_vol_mgy, float) else 10.0
    window = images.LUNG_WINDOW if phase.name == "Thorax" else images.BODY_WINDOW
    if phase.picture == "head":
        window = images.HEAD_WINDOW
    for number in range(count):
        level = (number + 0.5) / count
        picture = phase.picture
        if phase.length_mm > 420 and picture == "abdomen":  # goes on into the pelvis
            picture, level = ("abdomen", level / 0.75) if level < 0.75 else ("pelvis", 0.8)
        section = axial.Section(level, girth, phase.contrast, seed=number)
        pixels = axial.noisy(axial.draw(picture, section, SIZE), dose, rng)
        yield images.ct_slice(series, number + 1, pixels, event, z_mm=-level * phase.length_mm, window=window)
