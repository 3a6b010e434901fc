"""One study with everything, and the state of the system."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dose import queries, store
from dose.database import writing
from dose.errors import NotPermitted
from dose.model import AccumulatedDose, Filter, Person
from dose.scope import Permission, Scope, system_scope
from dose.tables import Cursor, ImageSeries, IngestItem, ProcessState, RefusedPeer
from tests.counting import statements
from tests.store.pretend import as_bytes, event, put, report
from tests.store.test_rebuild import _doubled, _refused
from tests.store.test_save import cumulative

ALL = system_scope("test")
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _detail(factory, uid="1.2.1", scope=ALL):
    with factory() as session:
        study_id = queries.study_id_by_uid(session, scope, uid)
        return queries.study_detail(session, scope, study_id)


def test_a_study_shows_its_events_in_the_order_of_time(factory):
    late, early = event("1.9.1", 5.0, started_at="2026-01-02T10:09:00"), event("1.9.2", 7.0, filters=(Filter("flat"),))
    put(factory, report(late, early))
    events = _detail(factory).events
    assert [one.irradiation_event_uid for one in events] == ["1.9.2", "1.9.1"]
    assert events[0].values["dlp_mgy_cm"] == 7.0
    assert events[0].values["pka_gy_cm2"] is None
    assert events[0].details == {"filters": [{"type": "flat"}]}


def test_sums_stand_beside_what_was_reported(factory):
    put(factory, report(event(), accumulated=(AccumulatedDose(dlp_mgy_cm=80.0, event_count=1),)))
    detail = _detail(factory)
    assert [(t.column, t.sum, t.reported, t.difference) for t in detail.totals] == [("dlp_mgy_cm", 100.0, 80.0, 0.25)]
    assert detail.accumulated[0].values["dlp_mgy_cm"] == 80.0
    assert [(note.code, note.values) for note in detail.notes] == [
        ("dlp-total-differs", {"sum": 100.0, "reported": 80.0})
    ]


def test_superseded_sources_are_shown_but_their_totals_are_not(factory):
    for one in cumulative():
        put(factory, one)
    detail = _detail(factory)
    assert sorted(source.status for source in detail.sources) == ["ok", "superseded", "superseded"]
    live = next(source for source in detail.sources if source.status == "ok")
    assert [total.source_object_id for total in detail.accumulated] == [live.id]
    assert all(source.kept for source in detail.sources)


def test_an_event_under_two_studies_names_the_other_and_is_counted_in_one(factory):
    put(factory, report(event(protocol="Abdomen")))
    put(factory, report(event(), study_instance_uid="1.2.2", sop_instance_uid="1.1.2"))
    first, second = _detail(factory).events[0], _detail(factory, "1.2.2").events[0]
    assert (first.counted_elsewhere, second.counted_elsewhere) == (False, True)
    assert (first.protocol, second.protocol) == ("Abdomen", "Thorax")
    assert first.source_object_id != second.source_object_id
    with factory() as session:
        ids = [queries.study_id_by_uid(session, ALL, uid) for uid in ("1.2.1", "1.2.2")]
    assert (first.shared_with, second.shared_with) == ((ids[1],), (ids[0],))


def test_the_history_tells_what_a_newer_reader_changed(factory):
    outcome = put(factory, report(event()))
    with writing(factory) as session:
        store.rebuild_study(session, outcome.study_id, _doubled)
    history = _detail(factory).history
    assert history[0].reader_version == 2
    assert any(change["field"] == "dlp_mgy_cm" for change in history[0].changes)


def test_identity_is_absent_for_whom_it_is_not(factory):
    put(factory, report(event()))
    detail = _detail(factory, scope=Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None))
    assert (detail.study.identity, detail.study.accession_number) == (None, None)
    assert _detail(factory).study.identity.name == "Müller^Änne"


def test_the_object_as_received_is_given_within_the_scope(factory):
    content = as_bytes(report(event()))
    row_id = put(factory, content).source_object_id
    with factory() as session:
        assert queries.kept_content(session, ALL, row_id) == content
        assert queries.kept_content(session, Scope(1, "x", ALL.permissions, frozenset({99})), row_id) is None


def test_orthancs_names_of_study_series_and_instance_lead_to_the_study(factory):
    outcome = put(factory, report(event()), origin="orthanc", orthanc_id="instance-1")
    with writing(factory) as session:
        names = {"orthanc_study_id": "study-1", "orthanc_series_id": "series-1"}
        session.add(ImageSeries(study_instance_uid="1.2.1", series_instance_uid="1.3.9", seen_at=NOW, **names))
    with factory() as session:
        computed = queries.find_studies(session, ALL).rows[0].orthanc_study_id
        for name in ("instance-1", "series-1", computed):
            assert queries.study_id_by_orthanc_id(session, ALL, name) == outcome.study_id
        assert queries.study_id_by_orthanc_id(session, ALL, "other") is None
    assert _detail(factory).series[0].orthanc_series_id == "series-1"


def test_statements_of_a_study_do_not_grow_with_its_events(factory, engine):
    counts = []
    for number in (2, 200):
        events = [event(f"1.9.{number}.{n}", 1.0) for n in range(number)]
        put(factory, report(*events, study_instance_uid=f"1.2.{number}", sop_instance_uid=f"1.1.{number}"))
        with statements(engine) as seen:
            assert len(_detail(factory, f"1.2.{number}").events) == number
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_rejected_objects_are_listed_with_their_reasons_within_the_scope(factory):
    put(factory, b"x", read=_refused)
    put(factory, report(event()))
    with factory() as session:
        page = queries.rejected_objects(session, ALL)
        assert [(row.reason_code, row.kept) for row in page.rows] == [("unknown-unit", True)]
        assert page.total == 1
        assert queries.rejected_objects(session, Scope(1, "x", ALL.permissions, frozenset({99}))).rows == ()
        with pytest.raises(NotPermitted):
            queries.rejected_objects(session, Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None))


def test_the_system_page_gets_processes_backlog_devices_and_refused_peers(factory):
    put(factory, report(event()))
    put(factory, b"x", read=_refused)
    with writing(factory) as session:
        session.add(ProcessState(name="worker", state="running", detail={"read": 3}, updated_at=NOW))
        session.add(Cursor(name="orthanc changes", value=41, detail={}, updated_at=NOW))
        session.add(RefusedPeer(aet="CT9", address="10.0.0.9", first_at=NOW, last_at=NOW))
        for number, (priority, state) in enumerate([(0, "pending"), (3, "pending"), (3, "pending"), (0, "dead")]):
            item = {"level": "instance", "orthanc_id": str(number), "queued_at": NOW}
            session.add(IngestItem(priority=priority, state=state, **item))
    with factory() as session:
        state = queries.system_state(session, ALL)
    assert [(p.name, p.detail) for p in state.processes] == [("worker", {"read": 3})]
    assert state.cursors["orthanc changes"] == 41
    assert (state.backlog, state.dead_count, len(state.dead_items)) == ({0: 1, 3: 2}, 1, 1)
    assert (state.rejected_count, state.study_count, len(state.devices)) == (1, 1, 1)
    assert [peer.aet for peer in state.refused_peers] == ["CT9"]
    assert state.newest_study_at is not None


def test_the_state_of_the_system_is_not_for_everybody(factory):
    with factory() as session, pytest.raises(NotPermitted):
        queries.system_state(session, Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None))


def test_an_event_that_is_not_counted_stays_visible_with_what_covers_it(factory):
    image = event(None, None, started_at="2026-01-02T10:00:03", event_type="spiral", ctdi_vol_mgy=9.0)
    put(factory, report(image, source="header", sop_instance_uid="1.1.7", accumulated=(), instance_count=80))
    put(factory, report(event("1.9.1", 100.0), people=(Person("operator", "Doe^Jo"),)))
    detail = _detail(factory)
    kinds = {one.kind: (one.counted, one.covered_by) for one in detail.events}
    better = next(source for source in detail.sources if source.kind == "rdsr")
    assert kinds == {"rdsr": (True, None), "header": (False, better.id)}
    said = {one.kind: (one.status, one.event_count, one.counted_events, one.instance_count) for one in detail.sources}
    assert said == {"rdsr": ("ok", 1, 1, 1), "header": ("superseded", 1, 0, 80)}
    assert (detail.study.event_count, detail.study.ctdi_vol_max_mgy, detail.people) == (1, None, ())


def test_people_are_shown_where_the_site_keeps_them_to_whom_may_know_identities(factory):
    put(factory, report(event(), people=(Person("operator", "Doe^Jo"),)), keep_operators=True)
    assert _detail(factory).people == (("operator", "Doe^Jo"),)
    assert _detail(factory, scope=Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None)).people == ()
