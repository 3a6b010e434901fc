"""Who is believed about which exposure, and that each counts once, whatever describes it and in any order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import select

from dose.ingest import reextract
from dose.model import AccumulatedDose, Code, Device, DoseCheck, IrradiationEvent, OrganDose, Person, XRaySource
from dose.tables import IrradiationEvent as EventRow
from dose.tables import SourceObject, Study, StudyHistory
from tests.counting import statements
from tests.store.pretend import SCANNER, event, put, report

ORDERS = list(permutations(range(4)))[::5]
CAMERA = Device("Maker", "PET", "77", "PT1")


def image(number: int, started_at: str | None, **fields):
    """One projection image that states its exposure in its header."""
    given = {"event_type": "radiography", "kvp_kv": 80.0, "exposure_mas": 5.0, "pka_gy_cm2": 0.2, **fields}
    about = {name: given.pop(name) for name in ("device", "study_instance_uid") if name in given}
    one = IrradiationEvent(started_at=started_at, **given)
    uid = f"1.1.50.{number}"
    return report(one, source="header", modality="DX", sop_instance_uid=uid, accumulated=(), **about)


def series(number: int, *events: IrradiationEvent, **fields):
    """A bundle of CT images: its SOP Instance UID is that of the series."""
    uid = f"1.3.60.{number}"
    about = {"instance_count": 10, "content_datetime": None, "accumulated": (), **fields}
    return report(*events, source="header", sop_instance_uid=uid, series_instance_uid=uid, **about)


def scan(started_at: str | None, uid: str | None = None, dlp: float | None = None, **fields):
    """A spiral at 120 kV."""
    return event(uid, dlp, started_at=started_at, **{"kvp_kv": 120.0, "ctdi_vol_mgy": 8.0, **fields})


def dx_rdsr(*times: str | None, stem: str = "1.9.70", **fields):
    """A projection report with one exposure a time."""
    given = {"event_type": "radiography", "kvp_kv": 80.2, "exposure_mas": 5.1, "pka_gy_cm2": 0.2}
    events = [IrradiationEvent(f"{stem}.{n}", started_at=t, **given) for n, t in enumerate(times)]
    return report(*events, modality="DX", accumulated=(), **fields)


def standing(factory, uid: str = "1.2.1") -> tuple[Study, dict[str, str], list[tuple[str, bool]]]:
    """The study, the state of each source, and each event as (kind, counted)."""
    with factory() as session:
        study = session.scalars(select(Study).where(Study.study_instance_uid == uid)).one()
        states = dict(session.execute(select(SourceObject.sop_instance_uid, SourceObject.status)).all())
        joined = select(SourceObject.kind, EventRow.counted).join(
            EventRow, EventRow.source_object_id == SourceObject.id
        )
        return study, states, sorted(session.execute(joined.where(EventRow.study_id == study.id)).all())


def codes(study: Study) -> set[str]:
    return {note["code"] for note in study.notes}


def test_everything_the_model_carries_is_stored(factory):
    organ = OrganDose("Liver", 3.5, organ_code=Code("10200004", "SCT", "Liver"), method="MIRD")
    check = DoseCheck("alert", "dlp_mgy_cm", 1000.0, 1200.0, "Mrs Doe is large")
    one = event(
        organ_doses=(organ,), dose_checks=(check,), sources=(XRaySource("A", 120.0),), scanning_top_z_mm=1.5,
        acquisition_number=4, series_instance_uid="1.3.9", half_life_s=6586.2, route=Code("47625008", "SCT"),
        radionuclide=Code("77004003", "SCT", "^18^Fluorine"), radiopharmaceutical=Code("35321007", "SCT", "FDG"),
    )  # fmt: skip
    put(factory, report(one, instance_count=3))
    with factory() as session:
        row = session.scalars(select(EventRow)).one()
        assert session.scalars(select(SourceObject)).one().instance_count == 3
    assert (row.scanning_top_z_mm, row.acquisition_number, row.series_instance_uid) == (1.5, 4, "1.3.9")
    assert (row.half_life_s, row.radionuclide, row.radiopharmaceutical) == (6586.2, "^18^Fluorine", "FDG")
    assert row.details["organ_doses"][0] == {
        "organ": "Liver", "organ_dose_mgy": 3.5, "method": "MIRD",
        "organ_code": {"code": "10200004", "scheme": "SCT", "meaning": "Liver"},
    }  # fmt: skip
    assert row.details["dose_checks"] == [
        {"kind": "alert", "column": "dlp_mgy_cm", "configured": 1000.0, "forecast": 1200.0}
    ]
    assert row.comment == "alert: Mrs Doe is large"


def test_people_are_kept_only_where_the_site_says_so(factory):
    one = report(event(), people=(Person("operator", "Doe^Jo"),))
    put(factory, one)
    put(factory, replace(one, sop_instance_uid="1.1.2", study_instance_uid="1.2.2"), keep_operators=True)
    assert [standing(factory, uid)[0].people for uid in ("1.2.1", "1.2.2")] == [None, '[["operator", "Doe^Jo"]]']


@pytest.mark.parametrize("order", ORDERS)
def test_of_a_ct_the_report_is_believed_before_mpps_screen_and_header(factory, order):
    at = "2026-01-02T10:00:00"
    kinds = [("rdsr", 4.0), ("mpps", 3.0), ("dose_screen", 2.0), ("header", 1.0)]
    objects = [
        report(scan(at, "1.9.1", dlp), source=kind, sop_instance_uid=f"1.1.{n}", accumulated=())
        for n, (kind, dlp) in enumerate(kinds)
    ]
    for position in order:
        put(factory, objects[position])
    study, states, events = standing(factory)
    assert (study.dlp_sum_mgy_cm, events) == (4.0, [("rdsr", True)])
    assert sorted(states.values()) == ["ok", "superseded", "superseded", "superseded"]


def test_of_a_radiograph_the_header_is_believed_before_mpps_and_what_was_typed(factory):
    at = "2026-01-02T10:00:00"
    kinds = [("legacy", 5.0), ("manual", 4.0), ("dose_screen", 3.0), ("mpps", 2.0), ("header", 1.0)]
    for n, (kind, pka) in enumerate(kinds):
        one = IrradiationEvent("1.9.1", "radiography", at, pka_gy_cm2=pka)
        put(factory, report(one, source=kind, modality="DX", sop_instance_uid=f"1.1.{n}", accumulated=()))
        assert standing(factory)[0].pka_sum_gy_cm2 == pka


@pytest.mark.parametrize("turned", [False, True])
def test_images_beside_a_report_of_the_same_exposures_are_shown_and_not_counted(factory, turned):
    images = [image(n, f"2026-01-02T10:0{n}:04") for n in (1, 2)]
    objects = [*images, dx_rdsr("2026-01-02T10:01:00", "2026-01-02T10:02:00")]
    for one in reversed(objects) if turned else objects:
        put(factory, one)
    study, states, events = standing(factory)
    assert (study.event_count, study.pka_sum_gy_cm2, codes(study)) == (2, 0.4, set())
    assert events == [("header", False), ("header", False), ("rdsr", True), ("rdsr", True)]
    assert (states["1.1.1"], states["1.1.50.1"]) == ("ok", "superseded")


@pytest.mark.parametrize("turned", [False, True])
def test_an_exposure_that_only_a_header_knows_stays_beside_a_partial_report(factory, turned):
    images = [image(n, f"2026-01-02T10:0{n}:04") for n in (1, 2, 5)]
    objects = [*images, dx_rdsr("2026-01-02T10:01:00", "2026-01-02T10:02:00")]
    for one in reversed(objects) if turned else objects:
        put(factory, one)
    study, states, _ = standing(factory)
    assert (study.event_count, round(study.pka_sum_gy_cm2, 9), codes(study)) == (3, 0.6, set())
    assert states["1.1.50.5"] == "ok"


def test_a_report_without_times_covers_as_many_images_as_it_has_events(factory):
    for n in (1, 2):
        put(factory, image(n, f"2026-01-02T10:0{n}:04"))
    put(factory, dx_rdsr(None, None))
    assert standing(factory)[0].event_count == 2


def test_too_many_images_for_a_report_without_times_count_and_the_study_says_so(factory):
    for n in (1, 2, 3):
        put(factory, image(n, f"2026-01-02T10:0{n}:04", pka_gy_cm2=None))
    put(factory, dx_rdsr(None, None))
    study, _, _ = standing(factory)
    assert (study.event_count, codes(study)) == (5, {"maybe-counted-twice"})


def test_an_image_of_another_technique_or_another_machine_is_another_exposure(factory):
    put(factory, dx_rdsr("2026-01-02T10:01:00"))
    put(factory, image(1, "2026-01-02T10:01:03", kvp_kv=60.0))
    put(factory, image(2, "2026-01-02T10:01:03", device=replace(SCANNER, serial_number="other")))
    study, _, _ = standing(factory)
    assert (study.event_count, codes(study)) == (3, set())


def test_a_uid_that_the_report_does_not_list_though_it_lists_others_is_another_exposure(factory):
    uids = {"irradiation_event_uid": "1.9.70.0"}
    put(factory, image(1, "2026-01-02T10:01:00", **uids))
    put(factory, image(2, "2026-01-02T10:01:05", irradiation_event_uid="1.9.70.99"))
    put(factory, dx_rdsr("2026-01-02T10:01:00"))
    assert standing(factory)[0].event_count == 2


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("plane", ["A", ""])
def test_an_image_that_does_not_tell_planes_apart_is_known_by_its_uid(factory, plane, turned):
    run = IrradiationEvent("1.9.70", started_at="2026-01-02T10:40:00", plane=plane, pka_gy_cm2=0.2, kvp_kv=81.0)
    both = [
        report(run, modality="XA", accumulated=()),
        image(1, "2026-01-02T10:00:00", irradiation_event_uid="1.9.70", plane="single"),
    ]
    for one in reversed(both) if turned else both:
        put(factory, one)
    assert standing(factory)[2] == [("header", False), ("rdsr", True)]


def test_a_pair_for_processing_and_for_presentation_is_one_exposure(factory):
    breast = {"event_type": "mammography", "laterality": "left", "view": "cranio-caudal", "agd_mgy": 1.5,
              "kvp_kv": 28.0, "exposure_mas": 60.0, "pka_gy_cm2": None}  # fmt: skip
    put(factory, image(1, "2026-01-02T10:01:00", **breast))
    put(factory, image(2, "2026-01-02T10:01:00.4", **breast | {"agd_mgy": None}))
    put(factory, image(3, "2026-01-02T10:03:00", **breast | {"view": "medio-lateral oblique"}))
    study, _, events = standing(factory)
    assert (study.event_count, study.agd_sum_mgy) == (2, 3.0)
    assert events.count(("header", False)) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_reconstructions_and_localizer_of_a_ct_count_once_beside_its_report(factory, turned):
    localizer = event(None, None, started_at="2026-01-02T09:59:40", event_type="constant_angle", kvp_kv=120.0)
    bone = scan("2026-01-02T10:00:09", acquisition_number=2, ctdi_vol_mgy=7.1)
    soft = scan("2026-01-02T10:00:03", acquisition_number=2, ctdi_vol_mgy=9.3)
    objects = [series(1, localizer), series(2, soft), series(3, bone, instance_count=90)]
    objects += [report(scan("2026-01-02T10:00:00", "1.9.1", 300.0, exposure_time_ms=12_000.0))]
    for one in reversed(objects) if turned else objects:
        put(factory, one)
    study, states, _ = standing(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm, study.ctdi_vol_max_mgy) == (2, 300.0, 8.0)
    assert [states[f"1.3.60.{n}"] for n in (1, 2, 3)] == ["ok", "superseded", "superseded"]


def test_without_a_report_reconstructions_of_one_acquisition_count_once(factory):
    put(factory, series(2, scan("2026-01-02T10:00:03", acquisition_number=2, ctdi_vol_mgy=9.3)))
    put(factory, series(3, scan("2026-01-02T10:00:09", acquisition_number=2, ctdi_vol_mgy=7.1), instance_count=90))
    put(factory, series(4, scan("2026-01-02T10:00:40", acquisition_number=3)))
    study, states, _ = standing(factory)
    assert (study.event_count, study.ctdi_vol_max_mgy) == (2, 8.0)
    assert states["1.3.60.2"] == "superseded"


def test_a_dose_screen_lists_what_the_report_lists(factory):
    listed = [event(None, dlp, started_at=None, kvp_kv=120.0) for dlp in (100.4, 200.0, 50.0)]
    put(factory, report(*listed, source="dose_screen", sop_instance_uid="1.1.9", accumulated=()))
    put(factory, report(scan(None, "1.9.1", 100.0), scan(None, "1.9.2", 200.0)))
    study, _, _ = standing(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm) == (3, 350.0)


def test_an_imported_total_of_a_study_gives_way_to_its_report(factory):
    put(factory, report(event(None, 300.0, started_at="2026-01-02"), source="legacy", sop_instance_uid="1.1.9"))
    put(factory, report(scan("2026-01-02T10:00:00", "1.9.1", 100.0), scan("2026-01-02T10:01:00", "1.9.2", 200.0)))
    study, states, _ = standing(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm, states["1.1.9"]) == (2, 300.0, "superseded")


@pytest.mark.parametrize("turned", [False, True])
def test_a_series_that_grew_takes_the_place_of_its_former_bundle_in_silence(factory, turned):
    small, large = (series(1, scan("2026-01-02T10:00:03", ctdi_vol_mgy=n / 10), instance_count=n) for n in (40, 80))
    for one in (large, small) if turned else (small, large):
        put(factory, one)
    with factory() as session:
        sources = session.scalars(select(SourceObject).order_by(SourceObject.instance_count)).all()
    study, _, _ = standing(factory)
    assert [(s.status, s.reason_code, s.warnings) for s in sources] == [
        ("superseded", "series-grew", []), ("ok", None, []),
    ]  # fmt: skip
    assert (study.event_count, study.ctdi_vol_max_mgy, study.notes) == (1, 8.0, [])


@pytest.mark.parametrize("order", ORDERS)
def test_x_rays_and_activity_of_a_pet_ct_stand_side_by_side(factory, order):
    fdg = {"event_type": "administration", "activity_mbq": 251.0, "kvp_kv": None, "dlp_mgy_cm": None}
    given = IrradiationEvent("1.9.5", started_at="2026-01-02T08:58:00", effective_dose_msv=4.8, **fdg)
    seen = IrradiationEvent(None, started_at="2026-01-02T09:00:00", **fdg | {"activity_mbq": 250.0})
    objects = [
        report(scan("2026-01-02T10:00:00", "1.9.1", 300.0)),
        series(7, seen, modality="PT", device=CAMERA),
        series(8, seen, modality="PT", device=CAMERA),
        report(given, source="radiopharm_rdsr", modality="PT", sop_instance_uid="1.1.8", accumulated=()),
    ]
    for position in order:
        put(factory, objects[position])
    study, states, _ = standing(factory)
    assert (study.modality, study.event_count, study.dlp_sum_mgy_cm) == ("PT", 2, 300.0)
    assert (study.activity_sum_mbq, study.effective_dose_reported_msv) == (251.0, 4.8)
    assert (states["1.1.1"], states["1.1.8"], states["1.3.60.7"]) == ("ok", "ok", "superseded")


def test_two_injections_of_one_study_both_count(factory):
    rest, stress = (
        IrradiationEvent(None, "administration", f"2026-01-02T{hour}:00:00", activity_mbq=activity)
        for hour, activity in (("08", 250.0), ("12", 750.0))
    )
    put(factory, series(1, rest, modality="NM", device=CAMERA))
    put(factory, series(2, stress, modality="NM", device=CAMERA))
    study, _, _ = standing(factory)
    assert (study.activity_sum_mbq, study.event_count, codes(study)) == (1000.0, 2, set())


def test_images_re_sent_under_another_sop_uid_or_study_count_once(factory):
    first = image(1, "2026-01-02T10:01:00")
    put(factory, first)
    put(factory, replace(first, sop_instance_uid="1.1.50.8"))
    put(factory, replace(first, sop_instance_uid="1.1.50.9", study_instance_uid="1.2.2"))
    assert standing(factory)[0].pka_sum_gy_cm2 == 0.2
    with factory() as session:
        assert [row.pka_gy_cm2 for row in session.scalars(select(EventRow))] == [0.2]


def test_totals_that_a_partial_report_states_are_compared_with_its_own_events_only(factory):
    put(factory, image(5, "2026-01-02T10:05:04"))
    put(factory, dx_rdsr("2026-01-02T10:01:00"))
    put(factory, replace(dx_rdsr(None), sop_instance_uid="1.1.2", content_datetime="2027",
                         accumulated=(AccumulatedDose(pka_gy_cm2=0.2),)))  # fmt: skip
    study, _, _ = standing(factory)
    assert (study.pka_reported_gy_cm2, codes(study)) == (0.2, set())


def test_the_number_of_statements_does_not_grow_with_the_events_that_are_compared(factory, engine):
    counts = []
    for number in (2, 60):
        times = [f"2026-{1 + number // 10:02}-02T10:{n:02}:00" for n in range(number)]
        uids = {"study_instance_uid": f"1.2.{number}", "content_datetime": "2026-01-03"}
        shots = [IrradiationEvent(None, "radiography", at, kvp_kv=80.0) for at in times]
        put(factory, report(*shots, source="mpps", modality="DX", sop_instance_uid=f"1.1.3.{number}", **uids))
        with statements(engine) as seen:
            put(factory, dx_rdsr(*times, stem=f"1.9.{number}", sop_instance_uid=f"1.1.4.{number}", **uids))
        counts.append(len(seen))
        assert standing(factory, uids["study_instance_uid"])[0].event_count == number
    assert counts[0] == counts[1]


def test_former_values_of_headers_and_injections_are_kept_when_they_are_read_again(factory):
    dose = {"event_type": "administration", "started_at": "2026-01-02T09:00:00"}
    number = put(factory, series(7, IrradiationEvent(None, activity_mbq=0.25, **dose), modality="PT")).study_id
    better = series(7, IrradiationEvent(None, activity_mbq=250.0, **dose), modality="PT", reader_version=9)
    (again,) = reextract(factory, study_ids=[number], read=lambda _content: better)
    assert {"what": "study", "field": "activity_sum_mbq", "before": 0.25, "after": 250.0} in again.changes
    with factory() as session:
        assert session.scalars(select(StudyHistory)).one().changes == again.changes
