"""Real dose reports, whole way."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from dose import queries
from dose.ingest import ingest
from dose.scope import system_scope
from dose.tables import SourceObject, Study
from tests.store.canonical import dump

pytestmark = pytest.mark.corpus


def _ingest(factory, paths):
    return [ingest(path.read_bytes(), factory, origin="import", site="Main").status for path in paths]


@pytest.fixture
def reports(corpus):
    return sorted([*(corpus / "ct").glob("*.dcm"), *(corpus / "projection").glob("*.dcm")])


def test_every_real_report_is_kept_once_however_often_it_comes(factory, reports):
    assert set(_ingest(factory, reports)) == {"ok"}
    with factory() as session:
        before = dump(session)
    assert set(_ingest(factory, reversed(reports))) == {"duplicate"}
    with factory() as session:
        assert dump(session) == before


def test_real_cumulative_reports_leave_three_events(factory, corpus):
    paths = sorted((corpus / "ct").glob("CT-RDSR-Siemens-Multi-*.dcm"))
    _ingest(factory, [paths[2], paths[0], paths[1]])
    with factory() as session:
        assert session.scalars(select(Study.event_count)).one() == 3
        statuses = session.scalars(select(SourceObject.status).order_by(SourceObject.event_count)).all()
    assert statuses == ["superseded", "superseded", "ok"]


def test_refused_real_files_give_reasons_without_any_of_their_names(factory, corpus):
    paths = [path for path in sorted(corpus.rglob("*.dcm")) if path.parent.name not in {"ct", "projection"}]
    _ingest(factory, paths)
    with factory() as session:
        reasons = set(session.scalars(select(SourceObject.reason).where(SourceObject.reason.is_not(None))))
    assert reasons
    names = set()
    for path in paths:
        head = path.read_bytes()[:4096]
        names |= set(re.findall(rb"\x10\x00[\x10\x20]\x00(?:PN|LO)..([^\0-\x1f]{4,40})", head))
    assert names
    for name in names:
        assert not any(name.decode("latin-1").strip().lower() in reason.lower() for reason in reasons)


def test_a_real_patient_is_found_by_a_name_of_two_scripts(factory, corpus):
    _ingest(factory, [corpus / "projection" / "RF-RDSR-Siemens-Zee.dcm"])
    with factory() as session:
        row = queries.find_studies(session, system_scope("test")).rows[0]
        words = row.identity.name.replace("^", " ").split()
        found = queries.find_studies(session, system_scope("test"), queries.StudyFilter(patient=words[0][:3])).rows
    assert [one.id for one in found] == [row.id]
