"""The same objects in any order, any number of times: the same database."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from dose.database import make_engine, session_factory
from dose.ingest import Waiting, ingest_together
from dose.model import AccumulatedDose, Device, DoseReport, IrradiationEvent, Patient
from dose.tables import Base
from tests.store.canonical import TABLES, dump
from tests.store.pretend import as_bytes, put, read


def _named(thing: tuple[DoseReport, tuple[str | None, ...]]) -> tuple[DoseReport, tuple[str | None, ...]]:
    # What Orthanc makes gets a UID of its own.
    one, origin = thing
    if origin[0]:
        one = replace(one, sop_instance_uid=f"3.{origin[0]}", instance_count=1)
    # A bundle has the UID of its series, and no other object has.
    return replace(one, series_instance_uid=one.sop_instance_uid if one.instance_count > 1 else None), origin


def _name(thing: tuple[DoseReport, tuple[str | None, ...]]) -> Any:
    return thing[1][0] or thing[0]  # Orthanc's names are unique


few = st.sampled_from
# Small pools, one choice more likely than the others: what matters happens when reports meet.
SAME = Patient("1", "A^B", sex="F")
MACHINE = Device("M", "X", "1")
events = st.builds(
    IrradiationEvent,
    irradiation_event_uid=few(["9.1", "9.1", "9.2", None]),
    plane=few([None, None, None, "A"]),
    started_at=few([None, "2026-01-02T10:00:00", "2026-01-02T10:00:00", "2026-01-02T10:00:09"]),
    event_type=few([None, "spiral", "radiography", "administration"]),
    protocol=few([None, "Thorax", "Kopf"]),
    comment=few([None, None, "said by A"]),
    dlp_mgy_cm=few([1.0, 1.0, 1.0, 2.5, None]),
    kvp_kv=few([None, 120.0, 120.0, 80.0]),
    exposure_time_ms=few([None, 4000.0]),
    acquisition_number=few([None, None, 2]),
    activity_mbq=few([None, None, 250.0, 252.0]),
)
# (kind of source, SOP Instance UIDs it may have, images that spoke together): a series bundle has the UID of its series
KINDS = few(
    [("rdsr", range(6), 1)] * 4
    + [("mpps", range(6), 1), ("dose_screen", range(6), 1), ("radiopharm_rdsr", range(6), 1)]
    + [("header", range(10, 13), 1), ("header", range(10, 13), 1), ("header", range(20, 22), 30), ("header", [20], 60)]
    + [("manual", [30], 1), ("legacy", [31], 1)]
)
reports = KINDS.flatmap(
    lambda kind: st.builds(
        DoseReport,
        source=st.just(kind[0]),
        instance_count=st.just(kind[2]),
        sop_instance_uid=few([f"1.{n}" for n in kind[1]]),
        template=st.just("10011"),
        modality=few(["CT", "CT", "XA", "PT"]),
        sop_class_uid=st.just("1.2"),
        study_instance_uid=few(["2.1", "2.1", "2.2", "2.3"]),
        accession_number=few([None, "ACC1", "ACC2"]),
        study_date=few([None, "2026-01-02"]),
        study_description=few([None, "Thorax", "CT Kopf"]),
        content_datetime=few([None, "2026-01-02T11:00:00"]),
        patient=few([SAME, SAME, SAME, SAME, Patient("1", "A^C"), Patient(), Patient("2", issuer="X")]),
        device=few([MACHINE, MACHINE, MACHINE, Device("M", "X", "1", institution="North"), Device("M", "Y")]),
        accumulated=st.lists(st.builds(AccumulatedDose, dlp_mgy_cm=few([1.0, 2.0])), max_size=1).map(tuple),
        events=st.lists(events, min_size=1, max_size=3).map(tuple),
    )
)
# Orthanc's name of an object, what it was made from, and how; an object has one origin, whoever sends it again.
origins = few(
    [(None, None, None)] * 3
    + [("a", None, None), ("b", None, None), ("c", "a", "modified"), ("d", "c", "modified"), ("d", "b", "modified")]
    + [("e", "a", "anonymised"), ("f", "e", "modified"), ("f", "d", "anonymised")]
)
# Rows of tables and typed doses, which know neither Study nor Event UID: the examination is found by what they state.
listed_events = st.builds(
    IrradiationEvent,
    started_at=few([None, "2026-01-02T10:00:00", "2026-01-02T18:00:00"]),
    dlp_mgy_cm=few([1.0, 1.0, 2.0, 2.5, 3.0]),
    activity_mbq=few([None, None, None, 250.0]),
)
listed = few([("legacy", 1), ("legacy", 2), ("legacy", 3), ("manual", 4)]).flatmap(
    lambda kind: st.builds(
        DoseReport,
        source=st.just(kind[0]),
        sop_instance_uid=st.just(f"4.{kind[1]}"),
        study_instance_uid=st.just(f"0.{kind[1]}" if kind[1] % 2 else f"5.{kind[1]}"),
        template=st.none(),
        modality=few(["CT", "CT", "CT", "NM"]),
        sop_class_uid=st.just(""),
        accession_number=few([None, None, "ACC1", "ACC2"]),
        study_date=st.just("2026-01-02"),
        patient=few([SAME, SAME, Patient("1"), Patient("1", issuer="X"), Patient()]),
        device=few([MACHINE, MACHINE, Device(station_name="S"), Device("M", "Y")]),
        accumulated=st.lists(st.builds(AccumulatedDose, dlp_mgy_cm=few([1.0, 2.0])), max_size=1).map(tuple),
        events=st.lists(listed_events, min_size=1, max_size=2).map(tuple),
    )
)
things = st.tuples(reports, origins).map(_named) | st.tuples(listed, st.just((None, None, None)))


def _brief(value: Any) -> str:
    """What an object states, without the many fields it leaves empty: an example that fails stays readable."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))})"
    if not is_dataclass(value):
        return repr(value)
    stated = {field.name: getattr(value, field.name) for field in fields(value)}
    return f"{type(value).__name__}({', '.join(f'{name}={_brief(one)}' for name, one in stated.items() if one)})"


class Order(tuple[Any, ...]):
    """Objects in the order of their arrival."""

    def __repr__(self) -> str:
        return _brief(tuple(self))


arrivals = st.lists(things, min_size=1, max_size=6, unique_by=(lambda thing: thing[0], _name)).flatmap(
    lambda them: st.tuples(st.permutations(them + them[:2]).map(Order), st.permutations(them + them[-2:]).map(Order))
)


def _content(engine: Engine, them: list[tuple[DoseReport, tuple[str | None, ...]]]) -> dict[str, list[Any]]:
    factory = session_factory(engine)
    for position, (one, (name, copied_from, kind)) in enumerate(them):
        content = as_bytes(one, encoding=str(position % 2))
        put(factory, content, orthanc_id=name, copied_from=copied_from, copy_kind=kind)
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


def _in_memory() -> Engine:
    engine = make_engine("sqlite://")
    Base.metadata.create_all(engine)
    return engine


FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def _any_order_gives_the_same(engine: Engine) -> None:
    @FEW
    @given(arrivals)
    def same(them):
        contents = []
        for order in them:
            _empty(engine)
            contents.append(_comparable(_content(engine, order)))
        assert contents[0] == contents[1]

    same()
    engine.dispose()


@pytest.mark.slow
def test_any_order_gives_the_same_database_on_sqlite():
    _any_order_gives_the_same(_in_memory())


@pytest.mark.integration
def test_any_order_gives_the_same_database_on_postgresql(migrated_postgres):
    _any_order_gives_the_same(make_engine(migrated_postgres))


def _from_disk(order: Order) -> list[tuple[DoseReport, tuple[str | None, ...]]]:
    # Here a bundle has the UID of its series, as those of an import have.
    def as_read(one: DoseReport) -> DoseReport:
        return replace(one, series_instance_uid=one.sop_instance_uid) if one.instance_count > 1 else one

    return [(as_read(one), (None, None, None)) for one, _ in order]


def _together(engine: Engine, them: list[tuple[DoseReport, tuple[str | None, ...]]], size: int) -> dict[str, list[Any]]:
    factory = session_factory(engine)
    waiting = [Waiting(as_bytes(one, encoding=str(position % 2))) for position, (one, _) in enumerate(them)]
    for start in range(0, len(waiting), size):
        ingest_together(waiting[start : start + size], factory, origin="import", site="Main", read=read)
    with factory() as session:
        return dump(session)


def _together_gives_what_one_by_one_gives(engine: Engine) -> None:
    @FEW
    @given(arrivals, few([2, 3, 8]))
    def same(orders, size):
        alone, together = map(_from_disk, orders)
        _empty(engine)
        before = _comparable(_content(engine, alone))
        _empty(engine)
        assert before == _comparable(_together(engine, together, size))

    same()
    engine.dispose()


@pytest.mark.slow
def test_objects_that_come_together_give_what_they_give_one_by_one_on_sqlite():
    _together_gives_what_one_by_one_gives(_in_memory())


@pytest.mark.integration
def test_objects_that_come_together_give_what_they_give_one_by_one_on_postgresql(migrated_postgres):
    _together_gives_what_one_by_one_gives(make_engine(migrated_postgres))
