"""Phantoms and tests are told from patients by words in two fields, and by what a person says."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.model import Patient
from dose.store import not_patient, patterns
from dose.store.not_patient import FIELDS, Pattern, Patterns, reason_of, shipped
from dose.tables import Correction, NotPatientPattern, Study
from tests.counting import statements
from tests.store.pretend import event, put, report

PHANTOM = Patient("QA-2024", "Phantom^CT", issuer="HIS")
PERSON = Patient("4711", "Water^John", issuer="HIS")


def judged(factory: sessionmaker[Session], uid: str = "1.2.1") -> Study:
    with factory() as session:
        return session.scalars(select(Study).where(Study.study_instance_uid == uid)).one()


def say(factory: sessionmaker[Session], is_patient: bool, uid: str = "1.2.1") -> None:
    said: dict[str, Any] = {"kind": "set_is_patient", "study_instance_uid": uid, "values": {"is_patient": is_patient}}
    with writing(factory) as session:
        session.add(Correction(site_id=1, made_at=datetime.now(UTC), made_by="a@b.c", former={}, **said))
        session.flush()
        not_patient.judge(session.connection(), [session.scalars(select(Study.id)).one()])


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"name": "Phantom^CT", "patient_id": "QA1"}, "patient_id: qa; name: phantom*"),
        ({"name": "FANTÔME", "description": "CQ mensuel"}, "name: fantom*; description: cq"),
        ({"name": "WATER^JOHN", "patient_id": "4711", "description": "CT abdomen with water"}, None),
        ({"description": "Stress test", "protocol": "Stress test", "name": "Doe^Jane"}, None),
        ({"name": "Test^Phantom", "patient_id": "4711"}, None),  # two words, but of one field
        ({"name": "Qadir^Aqa", "patient_id": "QAS12"}, None),
        ({"name": "شبح", "accession_number": "اختبار"}, "name: شبح; accession_number: اختبار"),
        ({"name": None, "comment": ""}, None),
    ],
)
def test_two_fields_with_shipped_words_are_needed(texts: dict[str, str | None], reason: str | None) -> None:
    assert reason_of(Patterns(shipped()).matches(texts)) == reason


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("phantom*", "ct_phantoms-01", True),
        ("phantom", "phantoms", False),
        ("*test", "Pretest", True),
        ("te*t", "TÉST", True),
        ("a*b*ab", "aabab", True),
        ("a*b*ab", "aab", False),
        ("a*a*a*a*a*a*a*a*b", "a" * 10_000, False),  # at once: no word of any length takes long
        ("warm up", "Tube warm-up", True),
        ("warm up", "warm and up", False),
        ("q.a", "Q.A. daily", True),
        ("qa", "QA2024", True),
        ("a+b", "aab", False),
    ],
)
def test_a_pattern_matches_whole_words(pattern: str, text: str, found: bool) -> None:
    assert bool(Patterns([Pattern(pattern)]).matches({"name": text})) is found


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_that_finds_itself_or_is_refused(text: str) -> None:
    pattern = text.replace("*", "")
    try:
        one = patterns.checked(pattern, FIELDS)
    except patterns.PatternRefused:
        assert not_patient.letters(pattern) < 2
        return
    assert Patterns([one]).matches({"name": pattern}) == {"name": one.pattern}


def test_every_shipped_pattern_says_why_and_can_be_kept() -> None:
    for one in shipped():
        assert one.why
        assert patterns.checked(one.pattern, one.fields) == Pattern(one.pattern, one.fields)


def test_a_phantom_is_kept_apart_with_its_reason_and_never_deleted(factory: sessionmaker[Session]) -> None:
    put(factory, report(event(), patient=PHANTOM))
    study = judged(factory)
    assert (study.is_patient, study.not_patient_reason) == (False, "patient_id: qa; name: phantom*")
    assert study.not_patient_since is not None
    assert study.event_count == 1


def test_a_comment_is_a_field_too(factory: sessionmaker[Session]) -> None:
    put(factory, report(event(comment="water phantom"), patient=Patient("1", "Water")))
    assert judged(factory).not_patient_reason == "name: water; comment: phantom*"


def test_judging_costs_no_more_for_many_events(factory: sessionmaker[Session]) -> None:
    def cost(count: int, study: str) -> int:
        events = [event(f"1.9.{study}.{n}", comment="phantom") for n in range(count)]
        told = report(*events, patient=PHANTOM, study_instance_uid=study, sop_instance_uid=study)
        with statements(factory.kw["bind"]) as seen:
            put(factory, told)
        return len(seen)

    cost(1, "1.2.6")  # makes the person and the device
    assert cost(2, "1.2.7") == cost(40, "1.2.8")


def test_the_judgement_does_not_hang_on_the_order_of_arrival(factory: sessionmaker[Session]) -> None:
    named = report(event(), patient=PHANTOM, sop_instance_uid="1.1.9", content_datetime="2026-02-02T10:00:00")
    early = report(
        event("1.9.7"), patient=Patient("QA-2024", "Doe^J", issuer="HIS"), study_instance_uid="1.2.2",
        sop_instance_uid="1.1.2", content_datetime="2026-01-01T10:00:00",
    )  # fmt: skip
    put(factory, early)
    assert judged(factory, "1.2.2").is_patient
    put(factory, named)
    assert not judged(factory, "1.2.2").is_patient  # the same person has another name now


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_what_a_person_said_outranks_patterns_and_later_objects(
    factory: sessionmaker[Session], order: tuple[int, ...]
) -> None:
    told = [
        report(event("1.9.1"), patient=PHANTOM),
        report(event("1.9.2"), patient=PHANTOM, sop_instance_uid="1.1.2"),
    ]
    put(factory, told[order[0]])
    say(factory, True)
    put(factory, told[order[1]])
    study = judged(factory)
    assert (study.is_patient, study.not_patient_reason, study.not_patient_since) == (True, "@a@b.c", None)


def test_a_person_can_say_that_a_study_is_no_patient(factory: sessionmaker[Session]) -> None:
    put(factory, report(event(), patient=PERSON))
    assert judged(factory).is_patient
    say(factory, False)
    assert (judged(factory).is_patient, judged(factory).not_patient_reason) == (False, "@a@b.c")


def all_judged(factory: sessionmaker[Session], part: int) -> list[int]:
    found = []
    while True:
        with writing(factory) as session:
            found.append(patterns.rejudge(session, part))
        if not found[-1]:
            return found


def test_all_studies_are_judged_again_in_parts_when_patterns_change(factory: sessionmaker[Session]) -> None:
    for n in range(5):
        told = {"study_instance_uid": f"1.2.{n}", "sop_instance_uid": f"1.1.{n}"}
        put(factory, report(event(f"1.9.{n}"), patient=Patient(f"ZZ{n}", "Zebra^Z"), **told))
    all_judged(factory, 2)
    with writing(factory) as session:
        patterns.set_pattern(session, "a@b.c", "Zebra", ("name",))
        patterns.set_pattern(session, "a@b.c", "zz", ("patient_id",))
    with factory() as session:
        assert not patterns.progress(session).done
    assert all_judged(factory, 2) == [2, 2, 1, 0]
    with factory() as session:
        assert patterns.progress(session).done
        assert set(session.scalars(select(Study.not_patient_reason))) == {"patient_id: zz; name: zebra"}


def test_the_shipped_patterns_become_the_sites_at_the_first_edit(factory: sessionmaker[Session]) -> None:
    with writing(factory) as session:
        patterns.set_pattern(session, "a@b.c", "phantom*", ("name",), active=False)
    with factory() as session:
        rows = {row.pattern: row for row in patterns.pattern_rows(session)}
        assert len(rows) == len(shipped())
        assert (rows["phantom*"].active, rows["phantom*"].changed_by) == (False, "a@b.c")
        assert "phantom*" not in {p.pattern for p in not_patient.patterns_in_force(session.connection()).patterns}


@pytest.mark.parametrize(
    ("pattern", "fields", "code"),
    [("", FIELDS, "empty"), ("*", FIELDS, "too-short"), ("a*", FIELDS, "too-short"), ("x" * 81, FIELDS, "too-long"),
     ("qa", ("shoe",), "no-field")],
)  # fmt: skip
def test_a_pattern_that_would_match_too_much_or_nothing_is_refused(
    factory: sessionmaker[Session], pattern: str, fields: tuple[str, ...], code: str
) -> None:
    with factory() as session, pytest.raises(patterns.PatternRefused, match=code):
        patterns.set_pattern(session, "a@b.c", pattern, fields)
    with factory() as session:
        assert session.scalars(select(NotPatientPattern)).all() == []


def test_a_preview_says_what_would_happen_and_changes_nothing(factory: sessionmaker[Session]) -> None:
    put(factory, report(event(), patient=Patient("QA1", "Zebra^Z")))
    put(factory, report(event("1.9.2"), patient=Patient("5", "Zebra^A"), study_instance_uid="1.2.2",
                        sop_instance_uid="1.1.2"))  # fmt: skip
    with factory() as session:
        seen = patterns.preview(session, Pattern("zebra"), 20250101000000)
        assert (seen.matching, seen.newly, seen.looked, seen.complete, len(seen.examples)) == (2, 1, 2, True, 1)
        assert patterns.preview(session, Pattern("zebra"), 20260201000000).matching == 0
    assert judged(factory).is_patient
