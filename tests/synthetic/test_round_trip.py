"""A synthetic twin says what was put in: every quantity, in both vocabularies and in odd units."""

from __future__ import annotations

import pytest

from dose.extract import extract
from dose.model import IrradiationEvent
from tests import build
from tests.build import CTSource, Device, Dialect, XRayFilter

PROJECTION_UNITS = {
    "pka_gy_cm2": "dGy.cm2", "ka_r_mgy": "mGy", "exposure_mas": "uAs", "collimated_field_area_cm2": "cm2",
    "exposure_time_ms": "s", "agd_mgy": "dGy", "table_height_mm": "cm",
}  # fmt: skip
CT_UNITS = {"dlp_mgy_cm": "mGycm", "ctdi_vol_mgy": "uGy", "exposure_time_ms": "ms", "scanning_length_mm": "cm"}
PROJECTION_DIALECTS = [Dialect(), Dialect("SCT"), Dialect("SNM3", PROJECTION_UNITS), Dialect("99SDM", exponent=True)]
CT_DIALECTS = [Dialect(), Dialect("SCT"), Dialect("SNM3", CT_UNITS), Dialect("99SDM", exponent=True)]
EVENTS = [build.radiograph, build.fluoroscopy, build.cine, build.rotational, build.mammogram, build.tomosynthesis]


def assert_same_numbers(sent: object, found: IrradiationEvent) -> None:
    shared = [name for name in type(sent).__slots__ if name in IrradiationEvent.__slots__]
    numbers = {name: value for name in shared if isinstance(value := getattr(sent, name), float)}
    assert len(numbers) > 5
    assert {name: getattr(found, name) for name in numbers} == pytest.approx(numbers, rel=1e-7)
    silent = [name for name in shared if getattr(sent, name) is None and name != "started_at"]
    assert {name: getattr(found, name) for name in silent if name not in ("plane", "uid")} == dict.fromkeys(
        name for name in silent if name not in ("plane", "uid")
    )


@pytest.mark.parametrize("dialect", PROJECTION_DIALECTS, ids=lambda d: d.scheme)
@pytest.mark.parametrize("make", EVENTS, ids=lambda f: f.__name__)
def test_a_projection_event_comes_back_with_its_numbers(make, dialect):
    event = make(started="20261121114500")
    data = build.to_bytes(build.projection_rdsr(device=Device(dialect=dialect), events=[event]))
    (found,) = extract(data).events
    assert_same_numbers(event, found)
    assert (found.protocol, found.laterality, found.started_at) == (
        event.protocol,
        event.laterality,
        "2026-11-21T11:45:00",
    )


@pytest.mark.parametrize("dialect", CT_DIALECTS, ids=lambda d: d.scheme)
@pytest.mark.parametrize("make", [build.ct_event, build.ct_localizer], ids=lambda f: f.__name__)
def test_a_ct_event_comes_back_with_its_numbers(make, dialect):
    event = make(ssde_mgy=10.1, effective_dose_msv=5.5)
    (found,) = extract(build.to_bytes(build.ct_rdsr(device=Device(dialect=dialect), events=[event]))).events
    assert_same_numbers(event, found)
    assert (found.event_type, found.ctdi_phantom) == (event.event_type, event.phantom)
    assert found.kvp_kv == pytest.approx(event.sources[0].kvp_kv)


@pytest.mark.parametrize("kind", ["spiral", "sequenced", "constant_angle", "stationary", "free", "cone_beam"])
def test_every_ct_acquisition_type_is_recognised(kind):
    for scheme in ("SRT", "SCT"):
        report = build.ct_rdsr(device=Device(dialect=Dialect(scheme)), events=[build.ct_event(event_type=kind)])
        assert extract(build.to_bytes(report)).events[0].event_type == kind


def test_two_sources_come_back_as_two():
    sources = (
        CTSource(id="A", kvp_kv=100.0, tube_current_ma=120.0),
        CTSource(id="B", kvp_kv=140.0, tube_current_ma=95.0),
    )
    (event,) = extract(build.to_bytes(build.ct_rdsr(events=[build.ct_event(sources=sources)]))).events
    assert [(source.kvp_kv, source.tube_current_ma) for source in event.sources] == [(100.0, 120.0), (140.0, 95.0)]
    assert event.kvp_kv is None


def test_each_plane_and_each_breast_has_its_own_total():
    planes = extract(build.xray_bytes(1, build.cine(plane="A", pka_gy_cm2=2.0), build.cine(plane="B", pka_gy_cm2=3.0)))
    assert {total.plane: total.pka_gy_cm2 for total in planes.accumulated} == pytest.approx({"A": 2.0, "B": 3.0})
    views = [
        build.mammogram(agd_mgy=1.2),
        build.mammogram(agd_mgy=1.4),
        build.mammogram(laterality="right", agd_mgy=2.0),
    ]
    breasts = extract(build.xray_bytes(2, *views))
    assert {total.laterality: total.agd_mgy for total in breasts.accumulated} == pytest.approx(
        {"left": 2.6, "right": 2.0}
    )


def test_fluoroscopy_and_acquisition_are_totalled_apart():
    events = [build.fluoroscopy(pka_gy_cm2=1.0, irradiation_duration_s=10.0), build.cine(pka_gy_cm2=4.0)]
    (total,) = extract(build.xray_bytes(1, *events)).accumulated
    assert (total.fluoro_pka_gy_cm2, total.acquisition_pka_gy_cm2, total.fluoro_time_s) == pytest.approx(
        (1.0, 4.0, 10.0)
    )


@pytest.mark.parametrize("scheme", ["SRT", "SCT"])
@pytest.mark.parametrize("view", ["CC", "MLO", "ML", "AP", "PA"])
def test_every_view_is_recognised_in_both_vocabularies(view, scheme):
    data = build.projection_rdsr(device=Device(dialect=Dialect(scheme)), events=[build.radiograph(view=view)])
    assert extract(build.to_bytes(data)).events[0].view == view


@pytest.mark.parametrize("material", ["Al", "Cu", "Rh", "Ag", "W", "Mo"])
def test_every_filter_material_is_recognised_in_both_vocabularies(material):
    for scheme in ("SRT", "SCT"):
        event = build.mammogram(filters=(XRayFilter(material=material),))
        report = build.projection_rdsr(device=Device(dialect=Dialect(scheme)), events=[event])
        assert extract(build.to_bytes(report)).events[0].filters[0].material == material
