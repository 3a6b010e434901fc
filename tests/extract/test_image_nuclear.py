"""PET and NM images name what was injected: the same event from every image and series of a study."""

import pytest

from dose.errors import NotADoseObject
from dose.extract import extract, series
from tests.build import head, injection, items, nuclear
from tests.extract.heads import file, lines, refusal, reports, warnings


def administered(modality, **attributes):
    (found,) = reports(nuclear(modality, 1, injection(**attributes))).events
    return found


def test_activity_is_bq_in_pet_and_mbq_in_nm():
    assert reports(nuclear("PT")).events[0].activity_mbq == 250.0
    assert reports(nuclear("NM")).events[0].activity_mbq == 250.0
    assert administered("NM", RadionuclideTotalDose="740.5").activity_mbq == 740.5


def test_the_class_of_an_image_gives_the_unit_whatever_its_modality():
    assert reports(nuclear("NM", Modality="PT")).events[0].activity_mbq == 250.0
    assert reports(nuclear("PT", Modality="NM")).events[0].activity_mbq == 250.0


def test_an_administration_names_its_substance_and_when():
    found = administered("PT")
    assert (found.event_type, found.started_at, found.half_life_s) == ("administration", "2026-11-21T10:30:00", 6586.2)
    assert (found.radiopharmaceutical.code, found.radionuclide.code, found.route.code) == (
        "C-B1031",
        "C-111A1",
        "G-D101",
    )


def test_a_substance_may_be_a_text_only():
    found = administered("PT", RadiopharmaceuticalCodeSequence=None, Radiopharmaceutical="MDP")
    assert found.radiopharmaceutical.meaning == "MDP"


def test_date_and_time_of_the_injection_go_before_the_time_alone():
    found = administered("PT", RadiopharmaceuticalStartDateTime="20261120235500")
    assert found.started_at == "2026-11-20T23:55:00"


def test_the_event_uid_is_the_administrations():
    assert administered("PT", RadiopharmaceuticalAdministrationEventUID="2.25.5").irradiation_event_uid == "2.25.5"


def test_every_image_and_series_of_a_study_gives_the_same_event():
    single = reports(nuclear("PT")).events
    whole = extract(series.bundle([file(nuclear("PT", number)) for number in range(1, 6)]))
    late = extract(series.bundle([file(nuclear("PT", 1, series=4, AcquisitionDate="20261122"))]))
    assert whole.instance_count == 5
    assert single == whole.events == late.events


def test_two_substances_are_two_events():
    second = injection(RadionuclideTotalDose="111", RadionuclideCodeSequence=None, Radiopharmaceutical="Tl")
    found = reports(nuclear("NM", 1, injection(RadionuclideTotalDose="250"), second))
    assert [one.activity_mbq for one in found.events] == [250.0, 111.0]
    assert [one.code for one in found.warnings] == ["several-administrations"]


def test_two_injections_of_one_image_count_both_even_if_alike():
    twice = [nuclear("NM", number, *[injection(RadionuclideTotalDose="250")] * 2) for number in (1, 2, 3)]
    single, whole = reports(twice[0]), extract(series.bundle([file(ds) for ds in twice]))
    assert [one.activity_mbq for one in single.events] == [250.0, 250.0]
    assert single.events == whole.events
    assert {line.index for line in lines_of_all(twice[0], "activity_mbq")} == {0, 1}


def lines_of_all(ds, field):
    return [line for index in (0, 1) for line in lines(ds, field, index)]


def test_an_administration_named_by_its_uid_counts_once():
    same = injection(RadiopharmaceuticalAdministrationEventUID="2.25.5")
    assert len(reports(nuclear("PT", 1, same, same)).events) == 1


def test_one_injection_written_in_two_ways_counts_once():
    images = [
        nuclear("NM", number, injection(RadionuclideTotalDose=text)) for number, text in ((1, "250"), (2, "250.0"))
    ]
    assert len(extract(series.bundle([file(ds) for ds in images])).events) == 1


def test_activity_is_mbq_in_enhanced_pet_and_bq_in_what_was_converted():
    def activity(number, stated):
        ds = nuclear("PT", 1, injection(RadionuclideTotalDose=stated))
        ds.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{number}"
        return reports(ds).events[0].activity_mbq

    assert (activity("130", "250"), activity("128.1", "250000000")) == (250.0, 250.0)
    assert (activity("130", "250000000"), activity("128.1", "250")) == (None, None)


@pytest.mark.parametrize(("modality", "stated"), [("PT", "250"), ("NM", "250000000"), ("PT", "20000")])
def test_an_activity_possible_in_another_unit_only_never_becomes_a_number(modality, stated):
    ds = nuclear(modality, 1, injection(RadionuclideTotalDose=stated))
    assert [one.activity_mbq for one in reports(ds).events] == [None]
    assert "unit-unknown" in warnings(ds)
    (line,) = lines(ds, "activity_mbq")
    assert line.reason.startswith("impossible in")


def test_a_small_activity_is_kept_as_sent_and_flagged():
    assert administered("NM", RadionuclideTotalDose="0.37").activity_mbq == 0.37
    assert warnings(nuclear("NM", 1, injection(RadionuclideTotalDose="0.37"))) == ["implausible"]


@pytest.mark.parametrize(
    ("study_at", "imaged_at", "injected", "expected"),
    [
        ("003000", "005500", "235000", "2026-11-20T23:50:00"),
        ("233000", "233500", "001000", "2026-11-22T00:10:00"),
        ("040000", "050000", "200000", "2026-11-20T20:00:00"),
        ("000000", "150000", "203000", "2026-11-21T20:30:00"),
        ("103000", "103000", "103005", "2026-11-21T10:30:05"),
        ("060000", "200000", "190000", "2026-11-21T19:00:00"),
    ],
)
def test_an_injection_beside_midnight_is_on_its_own_day(study_at, imaged_at, injected, expected):
    ds = nuclear(
        "PT", 1, injection(RadiopharmaceuticalStartTime=injected), StudyTime=study_at, AcquisitionTime=imaged_at
    )
    assert reports(ds).events[0].started_at == expected
    assert (warnings(ds) == ["day-inferred"]) is (expected[:10] != "2026-11-21")


def test_without_activity_it_is_no_dose_object():
    for ds in (head("PT"), nuclear("PT", 1, injection(RadionuclideTotalDose=None)), head("NM")):
        assert isinstance(refusal(ds), NotADoseObject)


def test_the_activity_is_traced_into_its_sequence():
    (line,) = lines(nuclear("PT"), "activity_mbq")
    assert line.path == "(0054,0016) RadiopharmaceuticalInformationSequence > (0018,1074) RadionuclideTotalDose"
    assert (line.value, line.unit, line.conversion) == ("250000000", "Bq", "× 1e-06 = MBq")


def test_an_unknown_kind_of_route_is_kept_as_sent():
    route = items(CodeValue="R9", CodingSchemeDesignator="99TEST", CodeMeaning="by mouth")
    assert administered("NM", AdministrationRouteCodeSequence=route).route.scheme == "99TEST"
