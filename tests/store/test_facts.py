"""Facts and cells follow the raw rows, whatever happens to those, in whatever order and process."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from dose import store
from dose.database import make_engine, session_factory, writing
from dose.errors import CannotCorrect
from dose.model import Patient, Person
from dose.statistics.cells import unpack
from dose.store import corrections, facts, facts_cells, facts_check, naming_marks
from dose.store.naming import load_vocabulary
from dose.store.naming_rules import Draft, make_rule
from dose.tables import (
    Base,
    DoseCell,
    EventFact,
    IrradiationEvent,
    KeptObject,
    LocalName,
    Operator,
    Procedure,
    Protocol,
    SourceObject,
    Study,
    StudyFact,
)
from tests.corrections.ward import PHYSICIST, make, of, study, undo
from tests.counting import statements
from tests.store.pretend import event, put, read
from tests.store.test_any_order import things

Factory = sessionmaker[Session]


def _fact(factory: Factory, name: str) -> StudyFact:
    facts.catch_up(factory)
    with factory() as session:
        return session.get_one(StudyFact, study(factory, name).id)


def _cells(factory: Factory) -> dict[Any, Any]:
    """Every cell that counts something, by what it counts."""
    with factory() as session:
        rows = session.scalars(select(DoseCell)).all()
    keys = ("month", "site_id", "device_id", "modality", "procedure_id")
    return {tuple(getattr(row, key) for key in keys): unpack(row.content) for row in rows if row.content}


def test_a_study_is_counted_after_it_came_and_again_after_it_changed(factory: Factory) -> None:
    put(factory, of("a", 1, event("1.9.1", 300.0)))
    assert facts.catch_up(factory) == 1
    before = _cells(factory)
    put(factory, of("a", 2, event("1.9.2", 60.0)))
    assert _fact(factory, "a").dlp_mgy_cm == 360.0
    assert facts.catch_up(factory) == 0
    assert _cells(factory) != before
    assert facts_check.check(factory) == []


def test_a_batch_takes_a_constant_number_of_statements(factory: Factory) -> None:
    counts = []
    for size in (1, 3, 30):
        for number in range(size):
            put(factory, of(f"{size}.{number}", 1, *(event(f"1.9.{size}.{number}.{n}", 9.0 + n) for n in range(3))))
        with statements(factory.kw["bind"]) as seen:
            facts.catch_up(factory)
        counts.append(len(seen))
    assert counts[1] == counts[2]


def test_corrections_reach_the_facts(factory: Factory) -> None:
    put(factory, of("a"))
    put(factory, of("b", patient=Patient("E-1", "Later^Known", None, "M")))
    assert _fact(factory, "a").counts
    gone = make(factory, corrections.set_is_patient, study(factory, "a").id, False)
    assert not _fact(factory, "a").counts
    undo(factory, gone)
    make(factory, corrections.set_size, study(factory, "a").id, 1.75, 61.0)
    merged = make(factory, corrections.merge_patients, study(factory, "b").patient_id, study(factory, "a").patient_id)
    assert (_fact(factory, "a").weight_kg, _fact(factory, "a").band) == (61.0, 85)
    assert _fact(factory, "b").patient_id == _fact(factory, "a").patient_id
    undo(factory, merged)
    assert _fact(factory, "b").sex == "M"
    assert facts_check.check(factory) == []


def test_merging_studies_moves_what_is_counted(factory: Factory) -> None:
    put(factory, of("a"))
    put(factory, of("b", 2))
    number = make(factory, corrections.merge_studies, study(factory, "b").id, study(factory, "a").id)
    assert _fact(factory, "a").dlp_mgy_cm == 30.0
    assert _fact(factory, "b").dlp_mgy_cm is None
    assert facts_check.check(factory) == []
    undo(factory, number)
    assert _fact(factory, "b").dlp_mgy_cm == 20.0
    assert facts_check.check(factory) == []


def test_another_sex_of_the_patient_reaches_all_studies(factory: Factory) -> None:
    put(factory, of("a"))
    put(factory, of("b"))
    facts.catch_up(factory)
    put(factory, of("b", 2, patient=Patient("4711", "Müller^Änne", "1950-01-01", "O", issuer="HIS")))
    assert _fact(factory, "a").sex == "O"
    assert facts_check.check(factory) == []


def test_a_study_that_is_removed_is_taken_out(factory: Factory) -> None:
    put(factory, of("a"))
    put(factory, of("b"))
    facts.catch_up(factory)
    number = study(factory, "a").id
    with writing(factory) as session:
        session.execute(delete(SourceObject).where(SourceObject.study_id == number))
        store.rebuild_study(session, number, read)
    assert facts_check.check(factory) == []
    with factory() as session:
        assert session.scalars(select(StudyFact.study_id)).all() == [study(factory, "b").id]


def test_the_demonstration_leaves_no_facts(factory: Factory) -> None:
    put(factory, of("a", patient=Patient("D1", "Demo^A", issuer=store.DEMO_ISSUER)))
    facts.catch_up(factory)
    with writing(factory) as session:
        store.remove_demo(session)
    assert _cells(factory) == {}
    with factory() as session:
        assert session.scalar(select(func.count()).select_from(LocalName)) == 0
    assert facts_check.check(factory) == []


def test_one_exposure_of_two_studies_is_one_event(factory: Factory) -> None:
    put(factory, of("a", 1, event("1.9.1", 300.0)))
    put(factory, of("b", 1, event("1.9.1", 300.0)))
    assert _fact(factory, "a").dlp_mgy_cm == _fact(factory, "b").dlp_mgy_cm == 300.0
    with factory() as session:
        assert session.scalar(select(func.count()).select_from(EventFact)) == 1
    assert facts_check.check(factory) == []


def test_who_loses_one_of_his_acquisitions_is_a_patient_still(factory: Factory) -> None:
    put(factory, of("a", 1, event("1.9.1", 300.0), event("1.9.2", 60.0)))
    put(factory, of("b", 1, event("1.9.3", 90.0)))
    facts.catch_up(factory)
    last = study(factory, "b").id
    with writing(factory) as session:
        session.execute(update(IrradiationEvent).where(IrradiationEvent.event_key == "1.9.2").values(study_id=last))
        facts.fold_studies(session, [last])
        connection = session.connection()
        stored = facts_cells.stored_month(connection, 202601)
        assert stored == facts_cells.recount_month(connection, 202601)


def test_names_become_numbers_once_and_operators_stay_sealed(factory: Factory) -> None:
    for name, who in (("a", "Curie^Marie"), ("b", "Curie^Marie"), ("c", "Roentgen^W")):
        put(
            factory,
            of(name, people=(Person("referring physician", "Z^Z"), Person("operator", who))),
            keep_operators=True,
        )
    rows = [_fact(factory, name) for name in "abc"]
    assert rows[0].operator_id == rows[1].operator_id != rows[2].operator_id
    assert rows[0].protocol_id == rows[1].protocol_id == rows[2].protocol_id
    with factory() as session:
        assert session.get_one(Operator, rows[0].operator_id).name == "Curie^Marie"
        assert b"Curie" not in session.connection().execute(text("SELECT name FROM operator")).scalars().first()
        assert session.scalars(select(Protocol.name)).all() == ["Thorax"]
    assert facts_check.check(factory) == []


def test_a_rule_gives_studies_their_procedure_and_moves_what_is_counted(factory: Factory) -> None:
    put(factory, of("a", 1, event("1.9.1", 300.0)))
    assert _fact(factory, "a").procedure_id is None
    with writing(factory) as session:
        load_vocabulary(session)
        chest = session.scalar(select(Procedure.id).where(Procedure.modality == "CT", Procedure.region == "chest"))
        said = {"field": "description", "op": "contains", "value": "thorax"}
        make_rule(session, PHYSICIST, Draft(procedure_id=chest or 0, conditions=[said]))
    naming_marks.mark_waiting(factory)
    assert _fact(factory, "a").procedure_id == chest
    assert {key[-1] for key in _cells(factory)} == {chest}
    assert facts_check.check(factory) == []


def test_what_rules_may_name_otherwise_is_made_again(factory: Factory) -> None:
    put(factory, of("a"))
    number = _fact(factory, "a").local_name_id
    with writing(factory) as session:
        assert facts.mark_outdated(session.connection(), facts.STUDY_FACT.c.local_name_id == number) == 1
    with factory() as session:
        assert facts.behind(session) == 1
    assert facts.catch_up(factory) == 1
    assert not _fact(factory, "a").outdated


def test_check_says_what_differs_and_repair_mends_it(factory: Factory) -> None:
    for name in "abc":
        put(factory, of(name))
    facts.catch_up(factory)
    with writing(factory) as session:
        session.execute(update(StudyFact).where(StudyFact.study_id == 1).values(dlp_mgy_cm=7.0))
        session.execute(update(DoseCell).values(content=b""))
        session.execute(delete(EventFact).where(EventFact.study_id == 2))
        session.execute(update(StudyFact).where(StudyFact.study_id == 3).values(study_id=99))
    problems = " ".join(facts_check.check(factory))
    assert "study 1 otherwise: dlp_mgy_cm" in problems
    assert "study 99, which is not there any more" in problems
    assert "roll-up of 202601, device 1, CT, procedure 0 differs" in problems
    told: list[tuple[str, float]] = []
    facts_check.repair(factory, lambda what, share: told.append((what, share)))
    assert facts_check.check(factory) == []
    assert told[-1] == ("cells", 1.0)


def test_repairing_what_is_whole_changes_no_cell(factory: Factory) -> None:
    put(factory, of("a"))
    facts.catch_up(factory)
    assert facts_check.repair(factory) == 0


@pytest.mark.integration
def test_folds_at_the_same_time_count_everything_once(migrated_postgres: str) -> None:
    engine = _emptied(migrated_postgres)
    factory = session_factory(engine)
    for number in range(60):
        put(factory, of(f"x{number}", 1, event(f"1.9.7.{number}", 100.0 + number)))
    folds = [threading.Thread(target=facts.catch_up, args=(factory,), kwargs={"batch": 7}) for _ in range(3)]
    for one in folds:
        one.start()
    for one in folds:
        one.join()
    assert facts_check.check(factory) == []
    engine.dispose()


@pytest.mark.integration
@pytest.mark.slow
def test_arrivals_deletions_and_folds_at_the_same_time_agree_in_the_end(migrated_postgres: str) -> None:
    engine = _emptied(migrated_postgres)
    factory = session_factory(engine)
    over = threading.Event()
    folds = [threading.Thread(target=_fold_until, args=(factory, over)) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        for one in folds:
            one.start()
        done = [pool.submit(_arrive, factory, 1), pool.submit(_arrive, factory, 2), pool.submit(_vanish, factory)]
        for one in done:
            one.result()
        over.set()
    for one in folds:
        one.join()
    assert facts_check.check(factory) == []
    engine.dispose()


def _fold_until(factory: Factory, over: threading.Event) -> None:
    while not over.is_set():
        facts.catch_up(factory, batch=5)


def _arrive(factory: Factory, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        name = chance.randrange(15)
        dose = event(f"1.9.{name}.{chance.randrange(4)}", float(chance.randrange(1, 400)))
        put(factory, of(f"s{name}", chance.randrange(1, 9), dose))


def _vanish(factory: Factory) -> None:
    for number in range(10):
        with factory() as session:
            ids = session.scalars(select(Study.id).order_by(Study.id)).all()
        if ids:
            _remove(factory, ids[number % len(ids)])


def _remove(factory: Factory, number: int) -> None:
    with writing(factory) as session:
        session.execute(delete(SourceObject).where(SourceObject.study_id == number))
        store.rebuild_study(session, number, read)


def _emptied(url: str) -> Engine:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE"))
    return engine


@pytest.mark.integration
def test_a_database_that_moved_to_another_server_is_counted_again(migrated_postgres: str) -> None:
    factory = session_factory(engine := _emptied(migrated_postgres))
    put(factory, of("a"))
    facts.catch_up(factory)
    with writing(factory) as session:
        session.execute(text("UPDATE cursor SET value = value + 1000000000 WHERE name = 'facts'"))
    put(factory, of("b"))
    assert facts.catch_up(factory) == 0
    with writing(factory) as session:
        assert facts.is_ahead(session.connection())
        facts.begin_again(session.connection())
    assert facts.catch_up(factory) == 2
    assert facts_check.check(factory) == []
    engine.dispose()


@pytest.fixture(scope="module")
def ward(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database that examples use in turn."""
    path = tmp_path_factory.mktemp("ward") / "dacs.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


steps = st.lists(
    st.one_of(
        things.map(lambda thing: ("save", thing)),
        st.tuples(st.sampled_from(["fold", "remove", "reread", "hide", "show", "size", "merge", "mark"]),
                  st.integers(0, 3)),
    ),
    min_size=2, max_size=12,
)  # fmt: skip


_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=_QUIET)
@given(steps)
def test_after_any_sequence_of_changes_facts_and_cells_are_what_a_rebuild_makes(ward: Engine, them: list[Any]) -> None:
    _follow(ward, them)


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=_QUIET)
@given(steps)
def test_after_many_sequences_of_changes_facts_and_cells_are_what_a_rebuild_makes(
    ward: Engine, them: list[Any]
) -> None:
    _follow(ward, them)


def _follow(engine: Engine, them: list[Any]) -> None:
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
    factory = session_factory(engine)
    for what, about in them:
        _do(factory, what, about)
    assert facts_check.check(factory) == []


def _do(factory: Factory, what: str, about: Any) -> None:
    if what == "save":
        one, (name, copied_from, kind) = about
        put(factory, one, orthanc_id=name, copied_from=copied_from, copy_kind=kind)
    elif what == "fold":
        facts.catch_up(factory, batch=about + 1)
    else:
        with factory() as session:
            studies = session.scalars(select(Study.id).order_by(Study.study_instance_uid)).all()
        if studies:
            _change(factory, what, studies[about % len(studies)], studies[-1])


def _change(factory: Factory, what: str, number: int, other: int) -> None:
    if what in {"hide", "show"}:
        make(factory, corrections.set_is_patient, number, what == "show")
    elif what == "size":
        make(factory, corrections.set_size, number, None, 61.0)
    elif what == "merge" and number != other:
        _merge(factory, number, other)
    elif what == "mark":
        with writing(factory) as session:
            facts.mark_outdated(session.connection(), facts.STUDY_FACT.c.study_id == number)
    elif what in {"remove", "reread"}:
        with writing(factory) as session:
            if what == "remove":
                kept = select(SourceObject.content_sha256).where(SourceObject.study_id == number)
                session.execute(delete(KeptObject).where(KeptObject.sha256.in_(kept)))
                session.execute(delete(SourceObject).where(SourceObject.study_id == number))
            store.rebuild_study(session, number, read)


def _merge(factory: Factory, number: int, other: int) -> None:
    try:
        make(factory, corrections.merge_studies, number, other, who=PHYSICIST)
    except CannotCorrect:
        return  # one of them was merged away before


def test_a_study_that_cannot_be_counted_holds_up_no_other_and_is_told(factory, monkeypatch, caplog):
    for name in ("A", "B", "C"):
        put(factory, of(name, 1, event(f"1.9.{ord(name)}", 5.0)))
    odd, count = study(factory, "B").id, facts.counting.count

    def choke(row, events):
        return 1 / 0 if row["id"] == odd else count(row, events)

    monkeypatch.setattr(facts.counting, "count", choke)
    facts.catch_up(factory)
    with factory() as session:
        assert odd not in set(session.scalars(select(StudyFact.study_id)))
        assert facts.waiting(session) == 0
    assert "3 studies count, the roll-up holds 2." in facts_check.check(factory)
    assert "a study cannot be counted" in caplog.text
