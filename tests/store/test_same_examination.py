"""Rows of a table, or typed doses, and the DICOM study of the same examination: one counts, in any order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from dose.model import AccumulatedDose, Device, DoseReport, Patient
from dose.queries import StudyFilter, find_studies, study_detail
from dose.scope import Role, scope_for
from dose.store import rebuild_study, remove_demo
from dose.tables import Base, Counterpart, IrradiationEvent, SourceObject, Study
from tests.counting import statements
from tests.store.canonical import TABLES, dump
from tests.store.pretend import event, put, read, report

WHO = Patient("4711", issuer="HIS")
IN_TABLE = Patient("4711")
NOWHERE = Device(station_name="CT1")


def dicom(number: int = 1, *, at: str = "10:00:00", dlp: float = 415.82, **fields: Any) -> DoseReport:
    """A report of a CT with one event."""
    one = event(f"1.9.{number}", dlp, started_at=f"2026-01-02T{at}")
    given = {"sop_instance_uid": f"1.1.{number}", "study_instance_uid": f"1.2.{number}", "patient": WHO,
             "study_time": at, "accession_number": f"A{number}"}  # fmt: skip
    return report(one, **given | fields)


def listed(number: int = 1, *, dlp: float | None = 415.8, at: str | None = None, **fields: Any) -> DoseReport:
    """A row of a table that knows the patient, the day, the station and a dose."""
    given = {
        "source": "legacy", "template": None, "sop_instance_uid": f"2.25.{number}",
        "study_instance_uid": f"2.25.1{number}", "series_instance_uid": None, "accession_number": None,
        "study_time": at, "content_datetime": None, "patient": IN_TABLE, "device": NOWHERE, "accumulated": (),
    }  # fmt: skip
    return report(event(None, dlp, started_at=None, protocol=None, event_type=None), **given | fields)


def numbered(row: str, **fields: Any) -> DoseReport:
    return listed(accession_number=row, **fields)


def emptied(factory) -> None:
    with factory.begin() as session:
        for name in reversed(TABLES):
            session.execute(Base.metadata.tables[name].delete())


def pairs(factory) -> set[tuple[str, str, bool]]:
    """Which listed study is (True), or may be (False), which."""
    with factory() as session:
        uids = dict(session.execute(select(Study.id, Study.study_instance_uid)).all())
        found = session.scalars(select(Counterpart)).all()
        return {(uids[one.listed_study_id], uids[one.study_id], one.certain) for one in found}


def met(factory, *reports: DoseReport) -> set[tuple[str, str, bool]]:
    """What is found of these reports, which is the same in any order of arrival."""
    answers, contents = [], []
    for order in permutations(reports):
        emptied(factory)
        for one in order:
            put(factory, one)
        answers.append(pairs(factory))
        with factory() as session:
            contents.append(dump(session))
    assert all(content == contents[0] for content in contents)
    return answers[0]


SAME, MAYBE = {("2.25.11", "1.2.1", True)}, {("2.25.11", "1.2.1", False)}


def states(factory) -> dict[str, tuple[int, float | None, set[str], bool]]:
    """Events that count, DLP, codes of notes and whether it is covered, by Study Instance UID."""
    with factory() as session:
        return {
            one.study_instance_uid: (
                one.event_count, one.dlp_sum_mgy_cm, {note["code"] for note in one.notes}, one.covered_by_id is not None
            )
            for one in session.scalars(select(Study))
        }  # fmt: skip


def test_a_row_of_a_table_and_its_study_count_once_and_nothing_is_lost(factory):
    assert met(factory, listed(), dicom()) == SAME
    assert states(factory) == {
        "1.2.1": (1, 415.82, set(), False), "2.25.11": (0, None, {"same-examination"}, True),
    }  # fmt: skip
    with factory() as session:
        rows = session.execute(select(IrradiationEvent.dlp_mgy_cm, IrradiationEvent.counted)).all()
        status = dict(session.execute(select(SourceObject.kind, SourceObject.status)).all())
    assert sorted(rows) == [(415.8, False), (415.82, True)]
    assert status == {"rdsr": "ok", "legacy": "superseded"}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (listed(dlp=416.0), SAME),  # rounded to whole numbers
        (listed(dlp=425.0), MAYBE),
        (listed(dlp=425.0, at="10:01"), MAYBE),
        (listed(dlp=425.0, at="15:01"), set()),
        (listed(at="10:14"), SAME),
        (listed(at="15:01"), MAYBE),
        (numbered("A1"), SAME),
        (numbered("a1 "), SAME),
        (numbered("A1", at="15:01"), SAME),
        (numbered("A1", device=Device(station_name="Room 7")), SAME),
        (numbered("A1", dlp=300.0), MAYBE),
        (numbered("A7"), MAYBE),
        (numbered("A7", dlp=300.0), set()),
        (listed(device=Device(station_name="Room 7")), MAYBE),
        (listed(device=Device(station_name="Room 7"), dlp=300.0), set()),
        (listed(device=Device()), SAME),
        (listed(patient=WHO), SAME),
        (listed(patient=Patient("4711", issuer="Other")), set()),
        (listed(patient=Patient("0815")), set()),
        (listed(patient=Patient()), set()),
        (numbered("A1", patient=Patient()), SAME),
        (numbered("A1", patient=Patient("0815")), MAYBE),
        (numbered("A1", patient=Patient("0815"), dlp=300.0), set()),
        (listed(study_date="2026-01-03"), set()),
        (listed(modality="MG"), SAME),  # what it states is a dose of CT
        (listed(source="manual"), SAME),
    ],
)  # fmt: skip
def test_what_makes_a_row_the_same_examination(factory, row, found):
    assert met(factory, row, dicom()) == found


def test_what_may_be_the_same_counts_twice_and_both_say_so(factory):
    met(factory, listed(dlp=425.0), dicom())
    said = {"maybe-same-examination"}
    assert states(factory) == {"1.2.1": (1, 415.82, said, False), "2.25.11": (1, 425.0, said, False)}


def test_two_studies_of_one_day_are_told_apart_by_number_then_time_or_not_at_all(factory):
    both = dicom(1), dicom(2, at="14:00:00")
    assert met(factory, *both, listed()) == MAYBE | {("2.25.11", "1.2.2", False)}
    assert met(factory, *both, listed(at="14:01")) == {("2.25.11", "1.2.2", True)}
    assert met(factory, *both, numbered("A2", at="10:00")) == {("2.25.11", "1.2.2", True)}
    assert met(factory, *both, listed(1, at="10:00"), listed(2, at="14:00")) == SAME | {("2.25.12", "1.2.2", True)}


def test_two_rows_that_nothing_tells_apart_are_not_both_one_study(factory):
    rows = listed(1), listed(2)
    assert met(factory, dicom(), *rows) == MAYBE | {("2.25.12", "1.2.1", False)}
    assert met(factory, dicom(), listed(1, at="10:00"), listed(2)) == SAME | {("2.25.12", "1.2.1", False)}
    assert met(factory, dicom(), listed(1), listed(2, dlp=90.0)) == SAME


def test_a_table_with_a_row_an_event_is_covered_event_by_event(factory):
    two = (event("1.9.1", 100.0), event("1.9.2", 300.0, started_at="2026-01-02T10:04:00"))
    whole = replace(dicom(), events=two, accumulated=(AccumulatedDose(dlp_mgy_cm=400.0),))
    each = listed(1, dlp=100.0, at="10:00"), listed(2, dlp=300.0, at="10:04")
    assert met(factory, whole, *each) == SAME | {("2.25.12", "1.2.1", True)}
    assert met(factory, whole, each[0], listed(2, dlp=250.0, at="10:04")) == SAME | {("2.25.12", "1.2.1", False)}
    assert met(factory, whole, listed(dlp=100.0)) == MAYBE  # a part, and nothing but the day speaks for it


def test_a_row_a_study_that_leaves_out_localizers_is_the_study(factory):
    localizer = event("1.9.7", 5.0, event_type="constant_angle")
    assert met(factory, replace(dicom(), events=(localizer, *dicom().events)), listed()) == SAME


def test_totals_alone_are_covered_by_totals(factory):
    row = replace(listed(), events=(), accumulated=(AccumulatedDose(dlp_mgy_cm=415.8),))
    assert met(factory, row, dicom()) == SAME
    assert states(factory)["2.25.11"] == (0, None, {"same-examination"}, True)
    with factory() as session:
        assert session.scalar(select(Study.dlp_reported_mgy_cm).where(Study.covered_by_id.is_not(None))) is None


def test_a_study_that_states_no_dose_covers_nothing(factory):
    image = dicom(source="header", accumulated=(), template=None)
    image = replace(image, events=(event(None, None, ctdi_vol_mgy=None),))
    assert met(factory, image, numbered("A1")) == MAYBE


def test_a_study_that_arrives_in_parts_covers_when_it_is_whole(factory):
    image = replace(dicom(source="header", accumulated=(), template=None), sop_instance_uid="1.1.9",
                    events=(event(None, None),))  # fmt: skip
    assert met(factory, image, dicom(), numbered("A1")) == SAME


def test_typed_doses_come_before_those_of_a_table(factory):
    typed = listed(1, source="manual")
    assert met(factory, typed, listed(2)) == {("2.25.12", "2.25.11", True)}
    assert met(factory, typed, listed(2), dicom()) == SAME | {("2.25.12", "1.2.1", True)}


def test_a_row_that_knows_the_event_uid_leaves_the_event_to_the_device(factory):
    row = replace(listed(device=dicom().device, patient=WHO, study_instance_uid="0.1"), events=dicom().events)
    assert met(factory, row, dicom()) == {("0.1", "1.2.1", True)}
    assert states(factory)["1.2.1"][:2] == (1, 415.82)
    with factory() as session:
        owner = select(Study.study_instance_uid).join(IrradiationEvent, IrradiationEvent.study_id == Study.id)
        assert session.scalars(owner.where(IrradiationEvent.counted)).all() == ["1.2.1"]


def test_an_activity_and_a_scan_of_one_study_are_two_rows_of_a_table(factory):
    given = event("1.9.5", None, event_type="administration", activity_mbq=250.0)
    both = replace(dicom(modality="PT"), events=(*dicom().events, given))
    row = replace(listed(2, modality="NM"), events=(replace(given, irradiation_event_uid=None, activity_mbq=249.0),))
    assert met(factory, both, listed(1), row) == SAME | {("2.25.12", "1.2.1", True)}


def test_sites_do_not_meet(factory):
    put(factory, listed())
    put(factory, dicom(), site="Elsewhere")
    assert pairs(factory) == set()


def test_lists_leave_it_out_unless_asked_and_both_pages_lead_to_the_other(factory):
    met(factory, listed(), dicom())
    who = scope_for(1, "p@example.org", [Role.PHYSICIST])
    with factory() as session:
        ids = {row.study_instance_uid: row.id for row in find_studies(session, who, StudyFilter(patients="all")).rows}
        shown = [find_studies(session, who, chosen).rows for chosen in (None, StudyFilter(warning="same-examination"))]
        details = [study_detail(session, who, ids[uid]) for uid in ("2.25.11", "1.2.1")]
    assert [[row.study_instance_uid for row in rows] for rows in shown] == [["1.2.1"], ["2.25.11"]]
    links = [(one.study_id, one.certain, one.counts, one.kinds) for detail in details for one in detail.counterparts]
    assert links == [(ids["1.2.1"], True, True, ("rdsr",)), (ids["2.25.11"], True, False, ("legacy",))]


def test_reading_again_and_objects_that_come_again_change_nothing(factory):
    met(factory, listed(), dicom(), dicom(2, at="18:00:00", dlp=90.0))
    with factory.begin() as session:
        before = dump(session)
        for study_id in session.scalars(select(Study.id)).all():
            rebuild_study(session, study_id, read)
        assert dump(session) == before
    put(factory, listed())
    with factory() as session:
        assert dump(session) == before


def test_the_statements_of_a_meeting_do_not_grow_with_the_events(factory, engine):
    counts = []
    for number in (1, 2, 40):
        events = tuple(event(f"1.9.{number}.{n}", 1.0 + n) for n in range(number))
        row = listed(number, dlp=sum(one.dlp_mgy_cm for one in events), patient=Patient(f"P{number}"))
        put(factory, row)
        with statements(engine) as seen:
            put(factory, replace(dicom(number, accession_number=None), events=events, patient=row.patient))
        counts.append(len(seen))
    assert len(pairs(factory)) == 3
    assert counts[1] == counts[2]


def test_the_rule_is_undone_with_the_demonstration(factory):
    demo = Patient("4711", issuer="DACS-DEMO")
    met(factory, listed(), dicom(patient=demo))
    with factory.begin() as session:
        remove_demo(session)
    assert states(factory) == {"2.25.11": (1, 415.8, set(), False)}
