"""The same objects in any order, any number of times: the same database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from dose.database import make_engine, session_factory
from dose.model import AccumulatedDose, Device, DoseReport, IrradiationEvent, Patient
from dose.tables import Base
from tests.store.canonical import TABLES, dump
from tests.store.pretend import as_bytes, put

few = st.sampled_from
# Small pools, one choice more likely than the others: what matters happens when reports meet.
SAME = Patient("1", "A^B", sex="F")
MACHINE = Device("M", "X", "1")
events = st.builds(
    IrradiationEvent,
    irradiation_event_uid=few(["9.1", "9.1", "9.2", None]),
    plane=few([None, None, None, "A"]),
    started_at=few([None, "2026-01-02T10:00:00"]),
    protocol=few([None, "Thorax", "Kopf"]),
    comment=few([None, None, "said by A"]),
    dlp_mgy_cm=few([1.0, 1.0, 1.0, 2.5, None]),
)
reports = st.builds(
    DoseReport,
    source=few(["rdsr", "rdsr", "mpps"]),
    template=st.just("10011"),
    modality=few(["CT", "CT", "XA"]),
    sop_class_uid=st.just("1.2"),
    sop_instance_uid=few([f"1.{n}" for n in range(8)]),
    study_instance_uid=few(["2.1", "2.2", "2.3"]),
    accession_number=few([None, "ACC1", "ACC2"]),
    study_date=few([None, "2026-01-02"]),
    study_description=few([None, "Thorax", "CT Kopf"]),
    content_datetime=few([None, "2026-01-02T11:00:00"]),
    patient=few([SAME, SAME, SAME, SAME, Patient("1", "A^C"), Patient(), Patient("2", issuer="X")]),
    device=few([MACHINE, MACHINE, MACHINE, Device("M", "X", "1", institution="North"), Device("M", "Y")]),
    accumulated=st.lists(st.builds(AccumulatedDose, dlp_mgy_cm=few([1.0, 2.0])), max_size=1).map(tuple),
    events=st.lists(events, min_size=1, max_size=3).map(tuple),
)
arrivals = st.lists(reports, min_size=1, max_size=6, unique=True).flatmap(
    lambda them: st.tuples(st.permutations(them + them[:2]), st.permutations(them + them[-2:]))
)


def _content(engine: Engine, them: list[DoseReport]) -> dict[str, list[Any]]:
    factory = session_factory(engine)
    for position, one in enumerate(them):
        put(factory, as_bytes(one, encoding=str(position % 2)))
    with factory() as session:
        return dump(session)


def _comparable(content: dict[str, list[Any]]) -> dict[str, list[Any]]:
    # Of two encodings of one object the first to arrive is kept.
    del content["kept_object"]
    for row in content["source_object"]:
        del row["content_sha256"], row["size_bytes"]
    return content


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in reversed(TABLES):
            connection.execute(text(f"DELETE FROM {name}"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(arrivals)
def test_any_order_gives_the_same_database_on_sqlite(them):
    contents = []
    for order in them:
        engine = make_engine("sqlite://")
        Base.metadata.create_all(engine)
        contents.append(_comparable(_content(engine, order)))
        engine.dispose()
    assert contents[0] == contents[1]


@pytest.mark.integration
def test_any_order_gives_the_same_database_on_postgresql(migrated_postgres):
    engine = make_engine(migrated_postgres)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arrivals)
    def same(them):
        contents = []
        for order in them:
            _empty(engine)
            contents.append(_comparable(_content(engine, order)))
        assert contents[0] == contents[1]

    same()
    engine.dispose()
