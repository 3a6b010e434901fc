"""Who a report names besides the patient: kept apart from everything else it says."""

import dataclasses
import json

import pytest

from dose.extract import extract
from dose.extract.contract import as_json
from dose.extract.trace import trace
from dose.model import Person
from tests.build import (
    BIG_ENDIAN,
    CTCheck,
    Document,
    Patient,
    PhilipsItems,
    Study,
    ct_event,
    ct_rdsr,
    fluoroscopy,
    projection_rdsr,
    study,
    to_bytes,
)


def report(**fields):
    return extract(to_bytes(ct_rdsr(**({"study": study()} | fields))))


def test_the_header_names_physicians_and_operators():
    named = study(referring="Referring^Rita", performing="Performing^Paul", operators="Operator^One\\Operator^Two")
    assert report(study=named).people == (
        Person("referring physician", "Referring^Rita"),
        Person("performing physician", "Performing^Paul"),
        Person("operator", "Operator^One"),
        Person("operator", "Operator^Two"),
    )


def test_observers_have_the_role_that_stands_beside_their_name():
    people = (("Observer^One", "performing"), ("Observer^Two", ""))
    assert report(form=Document(people=people)).people == (
        Person("performing", "Observer^One"),
        Person("technologist", "Observer^Two"),
    )


def test_who_authorized_a_dose_above_the_alert_is_named_once():
    check = CTCheck(dlp_mgy_cm=100.0, dlp_forecast_mgy_cm=251.2, authorized_by="Authorizing^Anna")
    found = report(events=[ct_event(checks=[check]), ct_event(checks=[check])])
    assert found.people == (Person("authorizing", "Authorizing^Anna"),)


@pytest.mark.parametrize("empty", ["", "^", None])
def test_an_empty_name_is_nobody(empty):
    assert report(study=study(referring=empty)).people == ()


def test_the_physician_in_an_item_of_philips_is_named_and_nowhere_traced():
    event = fluoroscopy(philips=PhilipsItems(physician="Performing^Paul"))
    data = to_bytes(projection_rdsr(study=study(), events=[event, event]))
    assert extract(data).people == (Person("performing physician", "Performing^Paul"),)
    assert "Performing^Paul" not in repr(trace(data))


def test_nobody_is_named_outside_of_people():
    check = CTCheck(dlp_mgy_cm=100.0, dlp_forecast_mgy_cm=251.2, authorized_by="Authorizing^Anna")
    found = report(study=study(operators="Operator^One"), events=[ct_event(checks=[check])])
    said = json.dumps(as_json(found)) + repr(dataclasses.replace(found, people=()))
    assert "Anna" not in said
    assert "Operator" not in said


def test_the_trace_of_a_report_names_nobody():
    check = CTCheck(dlp_mgy_cm=100.0, dlp_forecast_mgy_cm=251.2, authorized_by="Authorizing^Anna")
    form = Document(people=(("Observer^One", "performing"),))
    data = to_bytes(ct_rdsr(study=study(operators="Operator^One"), events=[ct_event(checks=[check])], form=form))
    said = repr(trace(data))
    assert not any(name in said for name in ("Anna", "Observer^One", "Operator^One"))
    assert "251.2" in said


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (1, "not_pregnant"),
        (2, "possibly_pregnant"),
        (3, "definitely_pregnant"),
        (4, "unknown"),
        (9, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("syntax", [BIG_ENDIAN, "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_pregnancy_is_a_word_whatever_the_byte_order(sent, word, syntax):
    ds = ct_rdsr(study=Study(), patient=Patient(pregnancy=sent))
    assert extract(to_bytes(ds, syntax)).patient.pregnancy_status == word
