"""Radiography, intervention, fluoroscopy and mammography studies of the demonstration hospital."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydicom.dataset import Dataset

from dacs.synthetic import images, radiographs, vessels
from dacs.synthetic.canvas import Image
from dacs.synthetic.content import Value
from dacs.synthetic.hospital.machines import DX_1, DX_2, MG_1, RF_1, XA_1
from dacs.synthetic.hospital.people import Person
from dacs.synthetic.hospital.protocols import Intervention, Radiograph
from dacs.synthetic.hospital.study import DemoStudy, Visit, identified, later, portions, written
from dacs.synthetic.projection import (
    XRayEvent,
    cine,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    tomosynthesis,
)
from dacs.synthetic.subjects import Device, Patient, Study

DEVICE_TYPES = {"DX": "integrated", "CR": "cassette", "XA": "fluoroscopy", "RF": "fluoroscopy", "MG": None}


def radiograph_study(visit: Visit, exam: Radiograph) -> DemoStudy:
    """Return one radiographic study of one or more exposures."""
    device = DX_2 if exam.bedside else DX_1
    study = visit.study(exam.description)
    count = 4 if visit.twist == "repeat" else 2 if visit.dice.random() < 0.25 else 1
    events = identified(study, [_exposure(exam, visit, study, place) for place in range(count)])

    def pictures(patient: Patient) -> Iterator[Dataset]:
        for place, event in enumerate(events, start=1):
            series = _series(patient, device, study, "CR" if exam.bedside else "DX", place, event)
            yield images.projection_image(series, 1, _radiograph_pixels(exam, visit.person, visit.number), event)

    return _study(visit, device, study, "CR" if exam.bedside else "DX", events, pictures)


def _exposure(exam: Radiograph, visit: Visit, study: Study, place: int) -> XRayEvent:
    rng, twist = visit.dice, visit.twist
    size = min(max((visit.person.weight_kg / 75.0) ** 1.35, 0.05), 3.5)
    over = 8.5 if twist == "overexposed" else 1.0
    dose = size * over * rng.lognormvariate(0.0, 0.28)
    index = round(250.0 * over * rng.lognormvariate(0.0, 0.18), 1)
    mas = round(2.2 * dose * 120.0 / exam.kvp_kv, 3)
    return radiograph(
        protocol=written(exam.name, visit), region=exam.region, view=exam.view, started=later(study, 40.0 * place),
        pka_gy_cm2=round(exam.pka_gy_cm2 * dose, 6), ka_r_mgy=round(exam.ka_r_mgy * dose, 5), kvp_kv=exam.kvp_kv,
        exposure_mas=mas, tube_current_ma=320.0, exposure_time_ms=round(mas / 0.32, 2),
        exposure_index=index, deviation_index=round(_deviation(index / 250.0), 2),
        distance_source_to_detector_mm=1800.0 if exam.view == "PA" else 1100.0,
    )  # fmt: skip


def _deviation(ratio: float) -> float:
    """Deviation index of IEC 62494-1: ten times the decimal logarithm of EI over its target."""
    return 10.0 * math.log10(ratio)


def _radiograph_pixels(exam: Radiograph, person: Person, seed: int) -> Image:
    if exam.picture in ("hand", "knee"):
        return radiographs.to_grey(radiographs.limb(exam.picture, 176, 224, seed=seed))
    girth = min(max((person.weight_kg / 75.0) ** 0.35, 0.8), 1.2)
    return radiographs.to_grey(radiographs.frontal(exam.picture, 208, 224, girth=girth, seed=seed))


def intervention_study(visit: Visit, exam: Intervention) -> DemoStudy:
    """Return one fluoroscopically guided study: presses and runs in turn, one plane or two."""
    device = XA_1 if exam.modality == "XA" else RF_1
    study = visit.study(exam.description)
    events = identified(study, list(_beam_on(exam, visit, study)))
    runs = [event for event in events if event.event_type != "fluoroscopy"]
    shown = runs[:: max(len(runs) // 2, 1)][: 2 if visit.is_looked_at else 1]

    def pictures(patient: Patient) -> Iterator[Dataset]:
        for place, event in enumerate(shown, start=1):
            series = _series(patient, device, study, exam.modality, place, event)
            frames = vessels.run(exam.territory, 6, 160, seed=visit.number + place)
            grey = radiographs.to_grey(1.8 - frames, low=0.1, high=1.3, bits=8)
            yield images.projection_image(series, 1, grey, event, bits=8)

    return _study(visit, device, study, exam.modality, events, pictures)


def _beam_on(exam: Intervention, visit: Visit, study: Study) -> Iterator[XRayEvent]:
    rng, twist = visit.dice, visit.twist
    size = min(max((visit.person.weight_kg / 75.0) ** 1.2, 0.1), 3.0)
    dose = size * rng.lognormvariate(0.0, 0.42)
    if twist == "high skin dose":
        dose = rng.uniform(5200.0, 7000.0) / exam.ka_r_mgy  # above the follow-up level of 5 Gy (SIR, NCRP 168)
    clock = 0.0
    order = ["press"] * exam.presses + ["run"] * exam.runs
    rng.shuffle(order)
    weights = {kind: [rng.lognormvariate(0.0, 0.5) for _ in order] for kind in ("press", "run")}
    for place, kind in enumerate(order):
        counted = [w for w, k in zip(weights[kind], order, strict=True) if k == kind]
        part = weights[kind][place] / sum(counted) * (0.42 if kind == "press" else 0.58) * dose
        seconds = (
            exam.fluoro_s * dose**0.5 * weights[kind][place] / sum(counted) if kind == "press" else rng.uniform(3, 7)
        )
        for plane in ("A", "B") if exam.biplane else ("single",):
            yield _beam_event(exam, kind, part / (2 if exam.biplane else 1), seconds, plane, later(study, clock), rng)
        clock += seconds + rng.uniform(15, 70)


def _beam_event(
    exam: Intervention, kind: str, part: float, seconds: float, plane: str, started: str, rng: random.Random
) -> XRayEvent:
    build = fluoroscopy if kind == "press" else cine
    rate = 7.5 if kind == "press" else 15.0
    pulses = float(max(round(seconds * rate), 1))
    primary, secondary = rng.choice(((-30, 20), (-28, -22), (35, 22), (0, 30), (-5, -32), (42, -18), (90, 0), (0, 0)))
    return build(
        protocol=exam.protocol if kind == "run" else "FL " + exam.protocol.split()[0], region=exam.region, plane=plane,
        started=started, pka_gy_cm2=round(exam.pka_gy_cm2 * part, 6), ka_r_mgy=round(exam.ka_r_mgy * part, 5),
        irradiation_duration_s=round(seconds, 1), pulse_rate_hz=rate, number_of_pulses=pulses,
        kvp_kv=round(rng.gauss(80, 5), 1), tube_current_ma=round(rng.gauss(80 if kind == "press" else 640, 20), 1),
        exposure_time_ms=round(pulses * 6.0, 1), pulse_width_ms=6.0, exposure_mas=None,
        positioner_primary_angle_deg=float(primary), positioner_secondary_angle_deg=float(secondary),
        table_longitudinal_mm=round(rng.gauss(-80, 25), 1), table_lateral_mm=round(rng.gauss(0, 15), 1),
        table_height_mm=round(rng.gauss(130, 8), 1), collimated_field_area_cm2=round(rng.uniform(180, 420), 1),
    )  # fmt: skip


VIEWS = (("left", "CC"), ("right", "CC"), ("left", "MLO"), ("right", "MLO"))


def mammography_study(visit: Visit, *, tomo: bool) -> DemoStudy:
    """Return a screening examination of both breasts, with tomosynthesis of the oblique views or without."""
    rng = visit.dice
    study = visit.study("MAMMOGRAPHIE TOMOSYNTHESE" if tomo else "MAMMOGRAPHIE DEPISTAGE")
    thickness = min(max(rng.gauss(56, 13), 22), 95)
    density = min(max(rng.gauss(0.45 - 0.004 * (visit.person.age_years - 50), 0.15), 0.05), 0.95)
    made = [_view(study, place, side, view, thickness, rng, tomo) for place, (side, view) in enumerate(VIEWS)]
    if visit.twist == "repeat":
        made.append(_view(study, 4, "right", "MLO", thickness, rng, tomo))
    events = identified(study, made)

    def pictures(patient: Patient) -> Iterator[Dataset]:
        for place, event in enumerate(events if visit.is_looked_at else events[:2], start=1):
            series = _series(patient, MG_1, study, "MG", place, event)
            tissue = radiographs.breast(
                event.view or "CC", event.laterality or "left", 160, 208, density=density, seed=visit.number
            )
            yield images.projection_image(series, 1, radiographs.to_grey(tissue, low=0.0, high=1.25), event)

    return _study(visit, MG_1, study, "MG", events, pictures)


def _view(
    study: Study, place: int, side: str, view: str, thickness: float, rng: random.Random, tomo: bool
) -> XRayEvent:
    sweep = tomo and view == "MLO"
    compressed = round(thickness + (4.0 if view == "MLO" else 0.0) + rng.gauss(0, 2), 1)
    agd = round((0.45 + 0.018 * compressed) * (1.25 if sweep else 1.0) * rng.lognormvariate(0.0, 0.13), 3)
    mas = round(62.0 * agd, 1)
    build = tomosynthesis if sweep else mammogram
    return build(
        laterality=side, view=view, agd_mgy=agd, compressed_thickness_mm=compressed, started=later(study, 55.0 * place),
        kvp_kv=round(24.0 + compressed / 9.5, 1), exposure_mas=mas, exposure_time_ms=round(mas * 10, 1),
        ka_i_mgy=round(agd * (2.1 + compressed / 40.0), 3),
    )  # fmt: skip


def _series(
    patient: Patient, device: Device, study: Study, modality: str, number: int, event: XRayEvent
) -> images.Series:
    return images.Series(
        patient=patient, device=device, study=study, modality=modality, number=number, event_uid=event.uid,
        description=" ".join(filter(None, (event.protocol, event.laterality, event.view))),
    )  # fmt: skip


def _study(
    visit: Visit,
    device: Device,
    study: Study,
    modality: str,
    events: tuple[XRayEvent, ...],
    pictures: Callable[[Patient], Iterable[Dataset]],
) -> DemoStudy:
    patient, twist = visit.patient, visit.twist
    return DemoStudy(
        visit.number, patient, device, study, modality, twist, events,
        lambda: _reports(patient, device, study, modality, events, twist),
        lambda: pictures(patient),
    )  # fmt: skip


def _reports(
    patient: Patient, device: Device, study: Study, modality: str, events: tuple[XRayEvent, ...], twist: str | None
) -> Iterable[Dataset]:
    for form, part in portions(events, twist):
        totals: Mapping[str, Value] | None = None
        if twist == "totals differ":
            said = sum(event.pka_gy_cm2 for event in part if isinstance(event.pka_gy_cm2, float))
            totals = {"pka_gy_cm2": round(said * 0.86, 6)}
        yield projection_rdsr(
            patient=patient, device=device, study=study, events=part, form=form, totals=totals,
            device_type=DEVICE_TYPES[modality],
        )  # fmt: skip
