"""Every parameter that a rule may look at, at every level: stored as devices send it, it decides."""

from __future__ import annotations

import pytest

from dose.naming.fields import EVENT, FIELDS, LEVELS, SERIES, STUDY
from dose.naming.rules import RuleRefused, Rules, condition_of
from tests.naming.cases import a_rule, a_study, an_event

DEVICE = {"manufacturer": "ACME", "model": "Scan 1"}
OF_STUDY = {  # field: columns of the study, a condition that holds, one that does not
    "procedure_code": ({"procedure_code": "X1"}, ("is", "x1"), ("is", "x2")),
    "procedure_meaning": ({"procedure_meaning": "CT Thorax"}, ("contains", "thorax"), ("contains", "head")),
    "requested_procedure": ({"requested_procedure": "TAP"}, ("is", "tap"), ("is", "head")),
    "description": ({"description": "CT Thorax"}, ("starts", "ct th"), ("starts", "thorax")),
    "clinical_task": ({"clinical_task": "Stenting"}, ("any_word", "stenting pci"), ("lacks", "stenting")),
    "sex": ({"sex": "F"}, ("is", "F"), ("one_of", ["M", "O"])),
    "age_years": ({"age_years": 4.9}, ("between", [1, 5]), ("between", [5, 10])),
    "weight_kg": ({"weight_kg": 70.0}, ("between", [70, None]), ("between", [None, 70])),
    "phase_count": ({"phase_count": 3}, ("between", [2, None]), ("between", [None, 3])),
    "event_count": ({"event_count": 2}, ("between", [2, 3]), ("missing", None)),
}
OF_EVENT = {
    "protocol": ({"protocol": "Routine"}, ("is", "routine"), ("is", "low dose")),
    "series_description": ({"details": {"series_description": "Portal"}}, ("is", "portal"), ("is", "native")),
    "body_region": ({"target_region_meaning": "Chest"}, ("is", "chest"), ("is", "head")),
    "contrast": ({"details": {"procedure_context": {"code": "P5-00100"}}}, ("is", "with"), ("is", "without")),
    "phantom": ({"ctdi_phantom": "head_16"}, ("is", "head_16"), ("is", "body_32")),
    "scan_length_mm": ({"scanning_length_mm": 300.0}, ("between", [200, None]), ("between", [None, 200])),
    "event_type": ({"event_type": "spiral"}, ("is", "spiral"), ("one_of", ["sequenced", "stationary"])),
    "laterality": ({"laterality": "left"}, ("is", "left"), ("is", "right")),
    "view": ({"view": "LL"}, ("one_of", ["LL", "RL"]), ("is", "AP")),
    "patient_orientation": ({"patient_orientation": "Recumbent, Head First"}, ("contains", "recumbent"),
                            ("contains", "erect")),
    "kvp_kv": ({"kvp_kv": 80.0}, ("between", [70, 90]), ("between", [100, None])),
}  # fmt: skip


def test_no_parameter_is_left_out():
    assert OF_STUDY.keys() | OF_EVENT.keys() | {"device"} == FIELDS.keys()


def named(level, study, events, field, said):
    """What a rule of one condition says of a study, or of its event."""
    found = Rules([a_rule(1, 7, (field, *said), level=level)]).classify(study, events)
    return found.procedure_id if level == STUDY else found.events[0]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("field", OF_STUDY)
def test_what_a_study_states_decides(field, level):
    columns, holds, fails = OF_STUDY[field]
    study = a_study(**columns)
    events = [an_event(study, series_instance_uid="1")]
    if level not in FIELDS[field].levels:
        with pytest.raises(RuleRefused, match="level"):
            named(level, study, events, field, holds)
        return
    assert named(level, study, events, field, holds) == 7
    assert named(level, study, events, field, fails) is None


@pytest.mark.parametrize("level", [SERIES, EVENT])
@pytest.mark.parametrize("field", OF_EVENT)
def test_what_an_event_states_decides(field, level):
    columns, holds, fails = OF_EVENT[field]
    study = a_study()
    events = [an_event(study, **columns, series_instance_uid="1")]
    assert named(level, study, events, field, holds) == 7
    assert named(level, study, events, field, fails) is None


@pytest.mark.parametrize("field", [field for field in OF_EVENT if STUDY in FIELDS[field].levels])
def test_what_events_state_together_decides_of_their_study(field):
    columns, holds, fails = OF_EVENT[field]
    stated = {"protocols": "Routine", "scan_length_mm": 300.0}  # of the study itself: added up before
    study = a_study([columns], **stated)
    assert named(STUDY, study, (), field, holds) == 7
    assert named(STUDY, study, (), field, fails) is None


@pytest.mark.parametrize("level", LEVELS)
def test_a_device_decides(level):
    study = a_study(device=DEVICE)
    events = [an_event(study)]
    assert named(level, study, events, "device", ("contains", "acme scan")) == 7
    assert named(level, study, events, "device", ("contains", "scan 2")) is None


def test_a_series_states_what_any_of_its_events_does():
    study = a_study()
    with_contrast, without = ({"details": {"procedure_context": {"code": code}}} for code in ("P5-00100", "399331006"))
    events = [
        an_event(study, patient_orientation=said, series_instance_uid="1", **more)
        for said, more in (("Erect", without), ("Recumbent", with_contrast))
    ]
    assert named(SERIES, study, events, "patient_orientation", ("is", "recumbent")) == 7
    assert named(SERIES, study, events, "contrast", ("is", "both")) == 7


@pytest.mark.parametrize("field", [field for field in FIELDS if STUDY not in FIELDS[field].levels])
def test_what_only_events_state_is_no_parameter_of_a_study(field):
    with pytest.raises(RuleRefused, match="level"):
        condition_of({"field": field, "op": "missing"}, STUDY)
