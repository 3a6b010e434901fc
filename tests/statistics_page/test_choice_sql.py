"""A choice answers from the database what it says in words; who asks always narrows it."""

from __future__ import annotations

import operator
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from dose.database import writing
from dose.queries.choice import All, Choice, Either, Not, Term, all_of, any_of, compare, negated, one_of, parse
from dose.queries.choice_fields import FIELDS
from dose.queries.choice_sql import conditions
from dose.scope import Permission, Scope, system_scope
from dose.statistics.measures import MEASURES, OF_PHANTOM, STUDY, Measure, left_out_bit
from dose.tables import EventFact, Protocol, StudyFact
from tests.counting import statements
from tests.statistics_page.facts import event_fact, lay_down, study_fact

ALL = system_scope("test")
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne}
DEVICES = (1, 2, 3, None)
AGES = (0.1, 5.99, 6.0, 40.0, None)


def _hospital(chance: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    studies, events = [], []
    for number in range(1, 61):
        shared = {
            "device_id": chance.choice(DEVICES), "age_years": chance.choice(AGES),
            "sex": chance.choice(("F", "M", None)),
            "modality": chance.choice(("CT", "DX", None)), "phantom": chance.choice((16, 32, None)),
            "day": int(f"{date(2026, 1, 1) + timedelta(days=number):%Y%m%d}"),
        }  # fmt: skip
        own = {"dlp_mgy_cm": chance.choice((100.0, 500.0, None)), "hour": chance.choice((7, 23, None))}
        studies.append(study_fact(number, **shared, **own))
        for n in range(chance.randrange(3)):
            value = chance.choice((80.0, 120.0, None))
            events.append(event_fact(10 * number + n, number, kvp_kv=value, dlp_mgy_cm=value, **shared))
    return studies, events


def _random_choice(chance: random.Random, depth: int = 0) -> Choice:
    if depth < 3 and chance.random() < 0.6:
        parts = [_random_choice(chance, depth + 1) for _ in range(chance.randrange(1, 4))]
        return chance.choice((all_of, any_of, lambda *given: negated(given[0])))(*parts)
    return chance.choice(
        (
            one_of("device", *chance.sample(DEVICES, 2)), one_of("device", 1), one_of("sex", None), one_of("sex", "F"),
            compare("age_years", chance.choice(tuple(OPERATORS)), 6.0), compare("hour", "<", 12),
            one_of("patient", 1), one_of("hour", None),
            compare("dlp_mgy_cm", ">", 200.0), compare("event.kvp_kv", ">", 100.0), one_of("modality", "CT"),
            one_of("weekday", "mon", "sun"), one_of("measured", "dlp_mgy_cm-study-32"),
            one_of("measured", "dlp_mgy_cm-event-32"),
        )
    )  # fmt: skip


def _holds(choice: Choice, row: dict[str, Any], events: list[dict[str, Any]]) -> bool:
    """What a choice means, told once more in plain words: for a study and its events."""
    match choice:
        case All(parts):
            of_event = [part for part in parts if isinstance(part, Term) and _is_of_events(part)]
            if of_event and len(events) > 1:  # one and the same event
                rest = All(tuple(part for part in parts if part not in of_event))
                return _holds(rest, row, events) and any(_holds(All(tuple(of_event)), row, [one]) for one in events)
            return all(_holds(part, row, events) for part in parts)
        case Either(parts):
            return any(_holds(part, row, events) for part in parts)
        case Not(part):
            return not _holds(part, row, events)
        case Term(field, op, values):
            return _term(field, op, values, row, events)


def _is_of_events(term: Term) -> bool:
    return term.field.startswith("event.") or "event" in str(term.values[0])


def _term(field: str, op: str, values: Any, row: dict[str, Any], events: list[dict[str, Any]]) -> bool:
    if field == "measured":
        rows = [row] if "study" in values[0] else events
        return any(one["modality"] == "CT" and one["phantom"] == 32 and one["dlp_mgy_cm"] is not None for one in rows)
    if field.startswith("event."):
        return any(_compares(op, one[FIELDS[field].event], values) for one in events)
    if field == "weekday":
        return ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[
            datetime.strptime(str(row["day"]), "%Y%m%d").replace(tzinfo=UTC).weekday()
        ] in values
    return _compares(op, row[FIELDS[field].study], values)


def _compares(op: str, value: Any, values: Any) -> bool:
    return value in values if op == "is" else value is not None and OPERATORS[op](value, values[0])


def _chosen(factory, choice: Choice, fact: Any = StudyFact, scope: Scope = ALL) -> set[int]:
    with factory() as session:
        key = StudyFact.study_id if fact is StudyFact else EventFact.event_id
        return set(session.scalars(select(key).where(*conditions(session, scope, choice, fact))))


def test_the_database_answers_what_the_words_say(factory) -> None:
    chance = random.Random(4)
    studies, events = _hospital(chance)
    lay_down(factory, studies, events)
    of = {row["study_id"]: [one for one in events if one["study_id"] == row["study_id"]] for row in studies}
    for _ in range(80):
        choice = _random_choice(chance)
        wanted = {row["study_id"] for row in studies if _holds(choice, row, of[row["study_id"]])}
        assert _chosen(factory, choice) == wanted, choice
        by_event = {e["event_id"] for row in studies for e in of[row["study_id"]] if _holds(choice, row, [e])}
        assert _chosen(factory, choice, EventFact) == by_event, choice


def test_beside_a_condition_on_events_the_protocol_is_that_of_the_event(factory) -> None:
    events = [event_fact(11, 1, protocol_id=1, kvp_kv=80.0), event_fact(12, 1, protocol_id=2, kvp_kv=120.0)]
    lay_down(factory, [study_fact(1, protocol_id=1)], events)
    answers = {
        "protocol is 1": {1}, "protocol is 2": set(), "protocol is 2 and event.kvp_kv > 100": {1},
        "protocol is 1 and event.kvp_kv > 100": set(), "not (protocol is 1 and event.kvp_kv > 100)": {1},
        "protocol in (2, 3) and not protocol is 3 and event.kvp_kv >= 120 and event.kvp_kv < 121": {1},
        "event.kvp_kv < 100 or protocol is 2": {1}, "event.kvp_kv > 100 and event.kvp_kv < 100": set(),
    }  # fmt: skip
    assert {text: _chosen(factory, parse(text)) for text in answers} == answers


def test_a_list_of_studies_is_what_the_account_may_see(factory) -> None:
    rows = [study_fact(n, site_id=n % 2 + 1, device_id=n) for n in range(1, 7)] + [study_fact(9, counts=False)]
    lay_down(factory, rows, [event_fact(10 * n, n, site_id=n % 2 + 1, device_id=n) for n in range(1, 7)])
    here = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), frozenset({1}), frozenset({2, 3, 4}))
    everything = parse("device is 1 or not device is 1")
    assert _chosen(factory, everything) == {1, 2, 3, 4, 5, 6}
    assert _chosen(factory, everything, StudyFact, here) == {2, 4}
    assert _chosen(factory, everything, EventFact, here) == {20, 40}
    assert _chosen(factory, everything, StudyFact, Scope(1, "x")) == set()


def test_words_of_protocols_are_found_by_their_beginnings_without_case_and_accents(factory) -> None:
    names = {1: "Schädel nativ", 2: "THORAX-Routine", 3: "Hüfte"}
    with writing(factory) as session:
        session.execute(insert(Protocol), [{"id": n, "name": x, "name_sha256": str(n)} for n, x in names.items()])
    lay_down(factory, [study_fact(n, protocol_id=n) for n in names] + [study_fact(4)])
    found = {text: _chosen(factory, parse(text)) for text in ("protocol has SCHADEL", 'protocol has "rout tho"')}
    assert found == {"protocol has SCHADEL": {1}, 'protocol has "rout tho"': {2}}
    assert _chosen(factory, parse("not protocol has hüft")) == {1, 2, 4}
    assert _chosen(factory, parse("protocol has nothing")) == set()


def _leaving_out(number: int, one: Measure) -> tuple[dict[str, Any], dict[str, Any]]:
    shared = {"modality": min(one.modalities), "phantom": one.phantom if one.column in OF_PHANTOM else 32}
    marked = {"left_out": left_out_bit(one)}
    of_study, of_event = (marked, {}) if one.level == STUDY else ({}, marked)
    return study_fact(number, **shared, **of_study), event_fact(number, number, **shared, **of_event)


def test_values_that_are_left_out_are_found_where_they_stand(factory) -> None:
    measures = dict(enumerate(MEASURES.values(), 1))
    lay_down(factory, *zip(*(_leaving_out(n, one) for n, one in measures.items()), strict=True))
    for n, one in measures.items():
        assert _chosen(factory, parse(f"left_out is {one.key}")) == {n}
        assert _chosen(factory, parse(f"not left_out is {one.key}")) == set(measures) - {n}


def test_a_choice_costs_one_statement_however_long_it_is(factory, engine) -> None:
    with factory() as session, statements(engine) as seen:
        choice = all_of(*(any_of(one_of("device", n), compare("age_years", "<", n)) for n in range(30)))
        session.execute(select(StudyFact.study_id).where(*conditions(session, ALL, choice, StudyFact))).all()
    assert sum(one.startswith("SELECT") for one in seen) == 1
