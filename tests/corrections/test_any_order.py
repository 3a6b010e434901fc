"""The same objects and corrections in any order: the same database; undone, as if they had never been made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text

from dose.database import make_engine, session_factory
from dose.errors import CannotCorrect
from dose.model import Patient as Named
from dose.store import corrections
from dose.store.persons import NewPatient
from dose.tables import Base, Correction, IrradiationEvent, Patient, Study
from tests.corrections.ward import ANNA, MOTORBIKE, content, make, of, patient, reread, study, undo
from tests.store.pretend import event, put

few = st.sampled_from
NAMES = ("A", "B", "C")
PERSONS = {"A": ANNA, "B": MOTORBIKE, "C": MOTORBIKE}
FIRST = [of(name, 1, event("1.9.1", 5.0), patient=PERSONS[name]) for name in NAMES]
WHO = {
    "none": None,
    "number": Named("9"),
    "nobody": Named(),
    "other": Named("4711", "Other", issuer="HIS", height_m=1.6),
}
# What is drawn are plain words and numbers: an example that fails is then read at a glance.
events = st.tuples(few(["1.9.1", "1.9.1", "1.9.2", "1.9.3"]), few([5.0, 5.0, 7.0]))
later = st.tuples(
    few(NAMES), st.integers(2, 5), st.lists(events, min_size=1, max_size=3).map(tuple),
    few(["none", "none", "none", "number", "nobody", "other"]),
)  # fmt: skip
wishes = st.one_of(
    st.tuples(st.just("assign"), few(NAMES), few(["4711", "E-1810"])),
    st.tuples(st.just("typed"), few(NAMES), few(["4711", "77"])),
    st.tuples(st.just("persons"), st.just("E-1810"), st.just("4711")),
    st.tuples(st.just("event"), few(NAMES), few(NAMES)),
    st.tuples(st.just("studies"), few(NAMES), few(NAMES)),
    st.tuples(st.just("size"), few(NAMES), few([1.7, 1.8])),
    st.tuples(st.just("test"), few(NAMES), st.booleans()),
)
cases = st.tuples(st.lists(later, max_size=5, unique=True), st.lists(wishes, min_size=1, max_size=4)).flatmap(
    lambda case: st.tuples(st.permutations(case[0]), st.permutations(case[0]), st.just(case[1]), st.integers(0, 5))
)


def _object(said: tuple[Any, ...]) -> Any:
    name, number, them, who = said
    return of(name, number, *(event(*one) for one in them), patient=WHO[who] or PERSONS[name])


def _correct(factory: Any, wish: tuple[Any, ...]) -> int | None:
    kind, one, two = wish
    try:
        if kind == "assign":
            return make(factory, corrections.assign_studies, [study(factory, one).id], patient(factory, two).id)
        if kind == "typed":
            return make(factory, corrections.assign_studies, [study(factory, one).id], NewPatient(two, "HIS", "Typed"))
        if kind == "persons":
            return make(factory, corrections.merge_patients, patient(factory, one).id, patient(factory, two).id)
        if kind == "studies":
            return make(factory, corrections.merge_studies, study(factory, one).id, study(factory, two).id)
        return _of_study(factory, kind, one, two)
    except (CannotCorrect, LookupError):
        return None


def _of_study(factory: Any, kind: str, one: str, two: Any) -> int:
    if kind == "size":
        return make(factory, corrections.set_size, study(factory, one).id, two, None)
    if kind == "test":
        return make(factory, corrections.set_is_patient, study(factory, one).id, two)
    with factory() as session:
        own = select(IrradiationEvent.id).where(IrradiationEvent.event_key == "1.9.1", IrradiationEvent.study_id.in_(
            select(Study.id).where(Study.study_instance_uid == f"1.2.{one}")))  # fmt: skip
        found = list(session.scalars(own))
    return make(factory, corrections.assign_events, study(factory, one).id, found, study(factory, two).id)


def _filled(engine: Engine, before: list[Any], wanted: list[Any], after: list[Any]) -> tuple[Any, list[int]]:
    factory = session_factory(engine)
    for one in (*FIRST, *before):
        put(factory, one)
    made = [_correct(factory, wish) for wish in wanted]
    for one in after:
        put(factory, one)
    return factory, [number for number in made if number is not None]


def _said(factory: Any) -> list[Any]:
    """The corrections in force, by natural keys."""
    with factory() as session:
        names = dict(session.execute(select(Patient.id, Patient.id_index)).all())
        rows = session.scalars(select(Correction).order_by(Correction.id)).all()
    return [(row.kind, row.study_instance_uid, row.event_key, row.plane, row.target_study_instance_uid,
             names.get(row.patient_id), row.values) for row in rows]  # fmt: skip


def _compare(fresh: Any, case: tuple[Any, ...]) -> None:
    one, other = ([_object(said) for said in order] for order in case[:2])
    wanted, cut = case[2:]
    first, made = _filled(fresh(), [], wanted, one)
    corrected, said = content(first), _said(first)
    for number in reversed(made):
        undo(first, number)
    undone = content(first)
    second, _ = _filled(fresh(), other[:cut], wanted, other[cut:])
    assume(_said(second) == said)  # what can be corrected depends on what is there
    assert content(second) == corrected
    reread(second, *NAMES)
    assert content(second) == corrected
    third, _ = _filled(fresh(), other, [], [])
    assert undone == content(third)


def _in_memory(case: tuple[Any, ...]) -> None:
    engines = []

    def fresh() -> Engine:
        engines.append(make_engine("sqlite://"))
        Base.metadata.create_all(engines[-1])
        return engines[-1]

    try:
        _compare(fresh, case)
    finally:
        for engine in engines:
            engine.dispose()


# Each example is three databases: telling which is wrong is quick, making the smallest of it is not.
UNSHRUNK = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], max_examples=5
)


# An event that beat another description of the same exposure is moved: read again, the other must not stand there anew.
_BEATEN = [
    ("B", 5, (("1.9.2", 5.0), ("1.9.1", 7.0)), "number"),
    ("B", 3, (("1.9.3", 5.0), ("1.9.1", 5.0), ("1.9.1", 5.0)), "none"),
    ("C", 3, (("1.9.2", 5.0), ("1.9.1", 5.0)), "nobody"),
]
_MOVED = [("studies", "C", "A"), ("persons", "E-1810", "4711"), ("event", "A", "B")]


@pytest.mark.slow
@UNSHRUNK
@example((_BEATEN, _BEATEN, _MOVED, 0))
@given(cases)
def test_corrections_and_objects_in_any_order_give_one_database(case):
    _in_memory(case)


@pytest.mark.long
@settings(UNSHRUNK, max_examples=300)
@given(cases)
def test_many_corrections_and_objects_in_any_order_give_one_database(case):
    _in_memory(case)


@pytest.mark.integration
def test_corrections_and_objects_in_any_order_give_one_database_on_postgresql(migrated_postgres):
    engine = make_engine(migrated_postgres)

    def fresh() -> Engine:
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE"))
        return engine

    @settings(UNSHRUNK, max_examples=10)
    @given(cases)
    def same(case):
        _compare(fresh, case)

    same()
    engine.dispose()
