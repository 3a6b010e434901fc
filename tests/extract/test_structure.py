"""Items and containers that stand elsewhere than the template says, and codes that are spelt otherwise."""

from copy import deepcopy

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dacs.synthetic.content import coded
from dose.extract import extract
from dose.extract.trace import trace
from tests.build import (
    CTSource,
    Document,
    Raw,
    Repeated,
    ct_event,
    ct_rdsr,
    find,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    study,
    to_bytes,
)


def ct(**fields):
    return ct_rdsr(study=study(), events=[ct_event(**fields)])


def projection(*events, **fields):
    return projection_rdsr(study=study(), events=events, **fields)


def read(ds):
    return extract(to_bytes(ds))


def wrapped(*items, code="121070"):
    box = Dataset()
    box.RelationshipType, box.ValueType = "CONTAINS", "CONTAINER"
    box.ConceptNameCodeSequence = [coded(code, "DCM", "Findings")]
    box.ContentSequence = Sequence(items)
    return box


def unpack(parent, container):
    """Put the items of a container into its parent, and lose the container."""
    others = [item for item in parent.ContentSequence if item is not container]
    parent.ContentSequence = Sequence([*others, *container.ContentSequence])


def test_a_dose_outside_of_its_container_is_read():
    ds = ct(ctdi_vol_mgy=7.5, dlp_mgy_cm=250.0)
    unpack(find(ds, "113819")[0], find(ds, "113829")[0])
    event = read(ds).events[0]
    assert (event.ctdi_vol_mgy, event.dlp_mgy_cm, event.ctdi_phantom) == (7.5, 250.0, "body_32")


def test_a_tube_outside_of_its_source_is_read():
    ds = ct(sources=(CTSource(kvp_kv=110.0),))
    unpack(find(ds, "113822")[0], find(ds, "113831")[0])
    assert read(ds).events[0].kvp_kv == 110.0


def test_items_grouped_inside_an_event_or_a_total_are_read():
    ds = projection(fluoroscopy(pka_gy_cm2=0.85))
    for container in find(ds, "113706") + find(ds, "113702"):
        container.ContentSequence = Sequence([wrapped(*container.ContentSequence)])
    found = read(ds)
    assert (found.events[0].pka_gy_cm2, found.events[0].plane) == (0.85, "single")
    assert found.accumulated[0].pka_gy_cm2 == pytest.approx(0.85)


def test_events_and_totals_grouped_inside_another_container_are_read():
    ds = ct()
    ds.ContentSequence = Sequence([wrapped(*ds.ContentSequence)])
    found = read(ds)
    assert (len(found.events), len(found.accumulated), found.template) == (1, 1, "10011")


def test_values_under_two_parents_are_several_values_of_one_event():
    ds = ct(pitch=0.9)
    again = deepcopy(find(ds, "113828")[0])
    again.MeasuredValueSequence[0].NumericValue = "1.1"
    find(ds, "113819")[0].ContentSequence.append(wrapped(again))
    event = read(ds).events[0]
    assert (event.pitch, dict(event.values)["pitch"]) == (1.0, (0.9, 1.1))


def test_a_moved_item_is_traced_where_it_stands():
    ds = ct(dlp_mgy_cm=250.0)
    unpack(find(ds, "113819")[0], find(ds, "113829")[0])
    lines = [line for line in trace(to_bytes(ds)) if line.field == "dlp_mgy_cm" and line.subject == "event"]
    assert [(line.value, line.reason) for line in lines] == [("250", None)]


@pytest.mark.parametrize("scheme", ["dcm", "Dcm", "DCM ", "DCM\0", None])
def test_a_scheme_in_other_letters_or_left_out_is_recognised(scheme):
    ds = ct(dlp_mgy_cm=250.0)
    for item in [ds, *find(ds, "113819"), *find(ds, "113829"), *find(ds, "113838")]:
        name = item.ConceptNameCodeSequence[0]
        if scheme is None:
            del name.CodingSchemeDesignator
        else:
            name.CodingSchemeDesignator = scheme
    assert read(ds).events[0].dlp_mgy_cm == 250.0


def test_the_number_of_a_private_scheme_is_no_concept_of_ours():
    ds = ct(dlp_mgy_cm=250.0)
    find(ds, "113838")[0].ConceptNameCodeSequence[0].CodingSchemeDesignator = "99OTHER"
    assert read(ds).events[0].dlp_mgy_cm is None


@pytest.mark.parametrize(("second", "event_level"), [(80.0, None), (120.0, 120.0)])
def test_two_tubes_in_one_source_are_two_sources(second, event_level):
    event = read(ct(sources=(CTSource(kvp_kv=Repeated([120.0, second])),))).events[0]
    assert [source.kvp_kv for source in event.sources] == [120.0, second]
    assert event.kvp_kv == event_level


def test_a_report_of_the_dose_class_without_title_is_read():
    ds = ct(dlp_mgy_cm=250.0)
    ds.ConceptNameCodeSequence = []
    assert read(ds).events[0].dlp_mgy_cm == 250.0


def test_an_examination_without_irradiation_is_an_empty_report():
    found = read(projection(accumulated=[]))
    assert (found.events, found.accumulated, found.template) == ((), (), "10001")
    assert "no-events" in {warning.code for warning in found.warnings}


def test_a_protocol_sent_as_a_code_is_its_meaning():
    ds = ct()
    item = find(ds, "125203")[0]
    del item.TextValue
    item.ValueType, item.ConceptCodeSequence = "CODE", [coded("P1", "99LOCAL", "Thorax routine")]
    assert read(ds).events[0].protocol == "Thorax routine"


def test_fluoroscopy_on_a_radiography_system_is_fluoroscopy():
    assert read(projection(fluoroscopy(), device_type="integrated")).modality == "RF"
    assert read(projection(radiograph(), device_type="integrated")).modality == "DX"


def test_an_exposure_without_glandular_dose_keeps_its_stated_type():
    found = read(projection(mammogram(), mammogram(agd_mgy=None)))
    assert [event.event_type for event in found.events] == ["mammography", "stationary_acquisition"]


def test_of_two_codes_the_first_that_says_something_counts():
    ds = ct(dlp_mgy_cm=250.0)
    item = find(ds, "113838")[0]
    item.ConceptNameCodeSequence = [Dataset(), coded("113838", "DCM", "DLP")]
    assert read(ds).events[0].dlp_mgy_cm == 250.0


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 100"])
@pytest.mark.parametrize("unit", ["\u00b5Gy\u00b7m\u00b2", "\u00b5Gy.m\u00b2", "uGy m2", "\u00b5Gym2"])
def test_a_unit_in_print_is_understood(unit, charset):
    ds = projection(radiograph(pka_gy_cm2=Raw("12", unit)), form=Document(charset=charset))
    assert read(ds).events[0].pka_gy_cm2 == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("code", "scheme", "word"),
    [("44491008", "SRT", "fluoroscopy"), ("113612", "SRT", "stepping_acquisition"), ("113612", "99OTHER", None)],
)
def test_a_value_under_a_wrong_standard_scheme_is_recognised(code, scheme, word):
    ds = projection(fluoroscopy())
    find(ds, "113721")[0].ConceptCodeSequence = [coded(code, scheme, "Some meaning")]
    assert read(ds).events[0].event_type == word


def test_containers_of_another_kind_are_told():
    ds = projection(fluoroscopy())
    ds.ContentSequence.append(find(ct(), "113819")[0])
    assert "other-kind-left-out" in {warning.code for warning in read(ds).warnings}
