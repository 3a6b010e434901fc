"""Lists of studies: found, ordered, scoped, live."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text, update

from dose import queries, store
from dose.database import writing
from dose.errors import NotPermitted
from dose.ingest import content_hash
from dose.model import Device, Patient
from dose.queries import Order, StudyFilter
from dose.scope import Permission, Scope, system_scope
from dose.tables import ImageSeries, Study
from tests.counting import statements
from tests.store.pretend import as_bytes, event, put, report

ALL = system_scope("test")
BLIND = Scope(1, "researcher", frozenset({Permission.VIEW_DOSES}), None)


def study(number: int, **fields):
    """A study of its own, on the day `number`."""
    given = {
        "study_instance_uid": f"1.2.{number}", "sop_instance_uid": f"1.1.{number}",
        "study_date": f"2026-01-{number:02}", "study_description": f"Study {number}", **fields,
    }  # fmt: skip
    return report(event(f"1.9.{number}", 10.0 * number), **given)


@pytest.fixture
def hospital(filled):
    """Four studies that differ in everything one can search for."""
    return filled(_fill)


def _fill(factory):
    put(factory, study(1, study_description="Thorax nativ", accession_number="A-1"))
    put(factory, study(2, patient=Patient("0815", "Benabdeljalil^Zoé", issuer="HIS"), accession_number="A 2"))
    other = Device("Maker", "Room", "9", "DX1")
    put(factory, study(3, modality="DX", device=other, patient=Patient("99", "Roe^Jane", issuer=store.DEMO_ISSUER)))
    hip = event("1.9.4", None, pka_gy_cm2=2.0, protocol="Hüfte a.p.")
    fields = {"modality": "DX", "device": other, "study_description": None}
    put(factory, replace(study(4, **fields), events=(hip,), accumulated=()))


def _found(factory, scope=ALL, **chosen) -> list[int]:
    with factory() as session:
        page = queries.find_studies(session, scope, StudyFilter(**chosen))
    assert page.total == len(page.rows)
    return [int(row.study_instance_uid.rsplit(".", 1)[1]) for row in page.rows]


def test_without_a_filter_the_newest_come_first(hospital):
    assert _found(hospital) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({"patient": "0815"}, [2]),
        ({"patient": "benab"}, [2]),
        ({"patient": "zoe benabdeljalil"}, [2]),
        ({"patient": "Benabdelja"}, [2]),
        ({"patient": "Benabdeljx"}, []),
        ({"patient": "benab roe"}, []),
        ({"patient": "b"}, []),
        ({"accession": "a-1"}, [1]),
        ({"accession": "a"}, []),
        ({"date_from": date(2026, 1, 2), "date_to": date(2026, 1, 3)}, [3, 2]),
        ({"modality": "DX"}, [4, 3]),
        ({"protocol": "hufte"}, [4]),
        ({"protocol": "hüf a"}, [4]),
        ({"protocol": "nativ"}, []),
        ({"description": "thor"}, [1]),
        ({"description": "-"}, []),
        ({"state": "notes"}, []),
        ({"demo": True}, [3]),
        ({"demo": False, "modality": "DX"}, [4]),
        ({"q": "thorax nat"}, [1]),
        ({"q": "Benabdel"}, [2]),
        ({"q": "A 2"}, [2]),
        ({"q": "1.2.3"}, [3]),
        ({"q": "no such thing"}, []),
        ({"q": " "}, [4, 3, 2, 1]),
    ],
)
def test_studies_are_found_by(hospital, chosen, numbers):
    assert _found(hospital, **chosen) == numbers


@pytest.mark.parametrize("chosen", [{"patient": "0815"}, {"patient": "benab"}, {"accession": "a-1"}, {"q": "Benabdel"}])
def test_an_account_that_may_not_see_identities_cannot_search_by_them(hospital, chosen):
    assert _found(hospital, BLIND, **chosen) == []


def test_an_account_that_may_not_see_identities_gets_none(hospital):
    with hospital() as session:
        blind = queries.find_studies(session, BLIND).rows
        seen = queries.find_studies(session, ALL).rows
    assert [(row.identity, row.accession_number) for row in blind] == [(None, None)] * 4
    assert [row.identity.name for row in seen if row.identity.patient_id == "0815"] == ["Benabdeljalil^Zoé"]


def test_an_account_sees_only_its_sites_and_devices(factory):
    put(factory, study(1), site="North")
    put(factory, study(2), site="South")
    with factory() as session:
        rows = {row.study_instance_uid: row for row in queries.find_studies(session, ALL).rows}
        north = rows["1.2.1"]
        everything = ALL.permissions
        for scope in (
            Scope(1, "x", everything, frozenset({north.site_id})),
            Scope(1, "x", everything, None, frozenset({north.device_id})),
        ):
            assert [row.id for row in queries.find_studies(session, scope).rows] == [north.id]
            assert [row.id for row in queries.studies_since(session, scope, 0).rows] == [north.id]
            assert queries.study_detail(session, scope, rows["1.2.2"].id) is None
            assert queries.study_id_by_uid(session, scope, "1.2.2") is None
            assert [device.id for device in queries.devices(session, scope)] == [north.device_id]
        assert queries.find_studies(session, Scope(1, "x", everything)).rows == ()


@pytest.mark.parametrize("question", [queries.find_studies, queries.filter_choices, queries.devices])
def test_without_the_permission_nothing_is_answered(factory, question):
    with factory() as session, pytest.raises(NotPermitted):
        question(session, Scope(1, "nobody", site_ids=None))


def test_doses_sort_downwards_and_studies_without_one_come_last(hospital):
    with hospital() as session:
        rows = queries.find_studies(session, ALL, order=Order.DLP).rows
        assert [row.dlp_sum_mgy_cm for row in rows] == [30.0, 20.0, 10.0, None]
        rows = queries.find_studies(session, ALL, order=Order.PKA, limit=2).rows
        assert rows[0].pka_sum_gy_cm2 == 2.0
        assert queries.find_studies(session, ALL, order=Order.OLDEST).rows[0].study_instance_uid == "1.2.1"


def test_pages_follow_each_other_and_the_total_stays(hospital):
    with hospital() as session:
        pages = [queries.find_studies(session, ALL, limit=3, offset=offset) for offset in (0, 3)]
    assert [len(page.rows) for page in pages] == [3, 1]
    assert {page.total for page in pages} == {4}
    assert not pages[0].more_than_total


def test_the_list_tells_whether_images_are_still_there(hospital):
    with writing(hospital) as session:
        for position, present in ((2, True), (3, False)):
            session.add(_series(position, present))
    with hospital() as session:
        rows = queries.find_studies(session, ALL).rows
    assert [row.images_present for row in rows] == [None, False, True, None]


def _series(position, present):
    return ImageSeries(
        study_instance_uid=f"1.2.{position}", series_instance_uid=f"1.3.{position}", orthanc_study_id="s",
        orthanc_series_id=f"o{position}", present=present, seen_at=datetime.now(UTC),
    )  # fmt: skip


def test_live_lists_get_what_changed_since(hospital):
    with hospital() as session:
        page = queries.find_studies(session, ALL)
        assert queries.studies_since(session, ALL, page.newest_version).rows == ()
    put(hospital, report(event("1.9.77", 1.0), study_instance_uid="1.2.1", sop_instance_uid="1.1.77"))
    with hospital() as session:
        later = queries.studies_since(session, ALL, page.newest_version)
        assert [row.study_instance_uid for row in later.rows] == ["1.2.1"]
        assert later.newest_version > page.newest_version


@pytest.mark.integration
def test_a_live_list_does_not_miss_a_transaction_that_commits_late(migrated_postgres, database_url, factory):
    if database_url != migrated_postgres:
        pytest.skip("SQLite has one writer at a time")
    late, early = study(1), study(2, device=Device("Other"), patient=Patient("2"))
    with factory() as session:
        _save(session, late)
        put(factory, early)
        with factory() as reader:
            page = queries.find_studies(reader, ALL)
        session.commit()
    assert [row.study_instance_uid for row in page.rows] == ["1.2.2"]
    with factory() as reader:
        rows = queries.studies_since(reader, ALL, page.newest_version).rows
    assert "1.2.1" in {row.study_instance_uid for row in rows}


def _save(session, one):
    content = as_bytes(one)
    how = {"content": content, "content_sha256": content_hash(content), "origin": "import"}
    store.save(session, one, **how, site_id=store.site_id(session.connection(), "Other site"))


def test_the_choices_are_what_occurs(hospital):
    with hospital() as session:
        choices = queries.filter_choices(session, ALL)
    assert choices.modalities == ("CT", "DX")
    assert choices.protocols == ("Hüfte a.p.", "Thorax")
    assert {name for _, name in choices.devices} == {"Maker Scanner (CT1)", "Maker Room (DX1)"}


def test_statements_do_not_grow_with_the_rows(factory, engine):
    counts = []
    for upto in (range(1, 3), range(3, 20)):
        for number in upto:
            put(factory, study(number))
        with factory() as session, statements(engine) as seen:
            queries.find_studies(session, ALL, StudyFilter(q="thorax"))
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limited", [False, True])
def test_lists_are_index_scans(factory, engine, order, limited):
    if engine.dialect.name != "sqlite":
        return  # a few rows tell PostgreSQL's planner to read the table; the indexes are the same
    scope = Scope(1, "x", ALL.permissions, frozenset({1}) if limited and order == Order.NEWEST else None)
    with factory() as session, statements(engine) as seen:
        queries.find_studies(session, scope, order=order)
    listing = next(statement for statement in seen if "ORDER BY" in statement)
    with engine.connect() as connection:
        plan = " | ".join(row.detail for row in connection.execute(text("EXPLAIN QUERY PLAN " + _filled(listing))))
    assert "TEMP B-TREE" not in plan
    assert "USING INDEX ix_study" in plan, plan


def _filled(statement: str) -> str:
    return statement.replace("?", "1")


def test_finding_by_words_of_a_million_walks_no_table(factory, engine):
    if engine.dialect.name != "sqlite":
        return
    put(factory, study(1))
    with factory() as session, statements(engine) as seen:
        queries.find_studies(session, ALL, StudyFilter(q="study thorax"))
    with engine.connect() as connection:
        for statement in seen:
            if statement.startswith("SELECT"):
                plan = [row.detail for row in connection.execute(text("EXPLAIN QUERY PLAN " + _filled(statement)))]
                assert not [step for step in plan if step.startswith("SCAN study") and "INDEX" not in step], plan


@pytest.mark.parametrize("order", [Order.NEWEST, Order.OLDEST])
def test_the_few_with_notes_are_found_without_the_others(factory, engine, order):
    with factory() as session, statements(engine) as seen:
        queries.find_studies(session, ALL, StudyFilter(state="notes"), order=order)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            for statement in (one for one in seen if "study.state =" in one):
                plan = str(connection.execute(text("EXPLAIN QUERY PLAN " + _filled(statement))).all())
                assert "USING INDEX ix_study_noted" in plan
                assert "TEMP B-TREE" not in plan


def test_what_is_no_patient_is_listed_only_when_asked_for(factory):
    put(factory, study(1))
    put(factory, study(2))
    with writing(factory) as session:
        session.execute(update(Study).where(Study.study_instance_uid == "1.2.2").values(is_patient=False))
    with factory() as session:
        found = {
            who: [row.study_instance_uid for row in queries.find_studies(session, ALL, StudyFilter(patients=who)).rows]
            for who in ("real", "not_patients", "all")
        }
    assert found["real"] == ["1.2.1"]
    assert (found["not_patients"], len(found["all"])) == (["1.2.2"], 2)
