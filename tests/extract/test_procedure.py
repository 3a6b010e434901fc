"""What a report and an image say about what was done and asked for."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dacs.synthetic.content import coded
from dacs.synthetic.heads import head
from dose.extract import extract, sr, sr_pydicom
from dose.extract.limits import DEFAULT, Budget
from dose.model import Code
from tests.build import ct_rdsr, fluoroscopy, projection_rdsr, to_bytes
from tests.extract.heads import event, reports

HEAD, CHEST = ("RPID22", "RADLEX", "CT Head wo IV Contrast"), ("24627-2", "LN", "CT Chest")


def with_(ds, **attributes):
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def a_request(words, *codes):
    return with_(
        Dataset(), RequestedProcedureDescription=words, RequestedProcedureCodeSequence=[coded(*c) for c in codes]
    )


def read(**attributes):
    return extract(to_bytes(with_(ct_rdsr(), **attributes)))


def test_what_was_performed_comes_before_what_was_requested():
    request = a_request("Scanner du crâne", CHEST)
    found = read(PerformedProcedureCodeSequence=[coded(*HEAD)], ReferencedRequestSequence=[request])
    assert (found.procedure, found.requested_procedure) == (Code(*HEAD), "Scanner du crâne")
    assert read(ReferencedRequestSequence=[request]).procedure == Code(*CHEST)
    assert read(ProcedureCodeSequence=[coded(*HEAD)]).procedure == Code(*HEAD)


def test_nothing_stated_is_nothing():
    found = read(PerformedProcedureCodeSequence=[], ReferencedRequestSequence=[Dataset()])
    assert (found.procedure, found.requested_procedure, found.clinical_task) == (None, None, None)
    assert read(ProcedureCodeSequence=[coded("", "RADLEX", "CT")]).procedure is None


def test_an_intervention_has_an_intent():
    found = extract(to_bytes(projection_rdsr(events=[fluoroscopy()])))
    assert found.clinical_task == "Diagnostic Intent"


def test_an_image_says_the_same_and_which_series_it_is_of():
    request = a_request("XR knee", CHEST)
    ds = with_(
        head("DX", SeriesDescription="Knee AP"),
        ProcedureCodeSequence=[coded(*HEAD)],
        RequestAttributesSequence=[request],
    )
    found = reports(ds)
    assert (found.procedure, found.requested_procedure) == (Code(*HEAD), "XR knee")
    assert found.events[0].series_description == "Knee AP"
    assert event("DX").series_description is None


@pytest.mark.parametrize("defined", [True, False])
def test_both_readers_read_the_same(defined):
    ds = with_(ct_rdsr(), ProcedureCodeSequence=[coded(*HEAD)], ReferencedRequestSequence=[a_request("é", CHEST, HEAD)])
    if not defined:
        ds["ReferencedRequestSequence"].is_undefined_length = True
    data = to_bytes(ds)
    narrow, general = sr.read(data), sr_pydicom.document(data, Budget(DEFAULT, len(data)))
    assert narrow.asked == general.asked != {}
