"""PET and NM images name what was injected: the same event from every image and series of a study."""

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


def test_an_activity_in_the_other_unit_is_kept_as_sent_and_flagged():
    assert administered("PT", RadionuclideTotalDose="250").activity_mbq == 0.00025
    assert warnings(nuclear("PT", 1, injection(RadionuclideTotalDose="250"))) == ["implausible"]
    assert warnings(nuclear("NM", 1, injection(RadionuclideTotalDose="250000000"))) == ["implausible"]


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
