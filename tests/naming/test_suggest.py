"""Which procedure a local name may mean, and why."""

from __future__ import annotations

import pytest

from dose.naming.concepts import concepts_in
from dose.naming.rules import Rule, Rules
from dose.naming.suggest import Known, Suggester, group_key, is_certain
from dose.reference import vocabulary
from tests.naming.cases import a_study

SHIPPED = vocabulary.procedures()
IDS = {one.name: number for number, one in enumerate(SHIPPED)}
NAMES = {number: name for name, number in IDS.items()}
SUGGESTER = Suggester((Known(IDS[one.name], one.name, one.modality) for one in SHIPPED), {"LN 30799-1": 0})


def suggested(modality, description=None, contrast=(), elsewhere=None, **words):
    study = a_study(modality=modality, description=description, **words) | {"contrast": contrast}
    return SUGGESTER.suggest(study, elsewhere)


def test_every_shipped_procedure_is_what_its_own_name_suggests():
    for one in SHIPPED:
        assert NAMES[suggested(one.modality, one.name)[0].procedure_id] == one.name


@pytest.mark.parametrize(
    ("modality", "name", "expected"),
    [
        ("CT", "SCANNER TAP inj", "CT chest abdomen pelvis with contrast"),
        ("CT", "CAP C+", "CT chest abdomen pelvis with contrast"),
        ("CT", "Thorax-Abdomen-Becken mit KM", "CT chest abdomen pelvis with contrast"),
        ("CT", "CCT nativ", "CT head without contrast"),
        ("CT", "TDM cérébrale sans et avec injection", "CT head without and with contrast"),
        ("CT", "أشعة مقطعية على الرأس بدون صبغة", "CT head without contrast"),
        ("CT", "embolie pulmonaire", "CT pulmonary angiography"),
        ("CT", "Thoracic spine W/O contrast", "CT thoracic spine without contrast"),
        ("CT", "coroscanner", "CT coronary angiography"),
        ("CR", "ASP", "Abdomen AP"),
        ("DX", "صورة صدر", "Chest (generic)"),
        ("XA", "EMBOLISATION HEPATIQUE", "Hepatic embolisation (TACE)"),
        ("RF", "HSG", "Hysterosalpingogram"),
    ],
)
def test_abbreviations_and_languages_lead_to_the_procedure(modality, name, expected):
    assert NAMES[suggested(modality, name)[0].procedure_id] == expected


def test_the_projection_stands_in_the_protocol_and_becomes_a_condition():
    first = suggested("DX", "RADIOGRAPHIE THORAX", protocols="Thorax PA")[0]
    assert NAMES[first.procedure_id] == "Chest PA"
    assert [(one.field, one.value) for one in first.conditions] == [
        ("description", "RADIOGRAPHIE THORAX"), ("protocol", "Thorax PA"),
    ]  # fmt: skip


def test_the_contrast_that_acquisitions_state_becomes_a_condition():
    first = suggested("CT", "CT CHEST", contrast=("with",))[0]
    assert NAMES[first.procedure_id] == "CT chest with contrast"
    assert [(one.field, one.value) for one in first.conditions][1:] == [("contrast", "with")]


def test_the_reason_says_what_is_shared_missing_and_too_much():
    first = suggested("CT", "LWS low dose")[0]
    assert (first.reason, first.said, first.missing, first.surplus) == (
        "words", ("lumbar spine",), ("without",), ("low dose",),
    )  # fmt: skip


def test_a_code_comes_first_whatever_the_words_say():
    first = suggested("CT", "Thorax", procedure_code="30799-1", procedure_scheme="99HIS")[0]
    assert (first.reason, NAMES[first.procedure_id], first.score) == ("code", "CT head without contrast", 1.0)
    assert first.conditions[0].field == "procedure_code"


def test_what_the_same_words_are_called_elsewhere_comes_before_words():
    first = suggested("CT", "Schwarzes Protokoll", elsewhere={IDS["CT head without contrast"]: 30})[0]
    assert (first.reason, first.said) == ("elsewhere", ("30",))


def test_nothing_is_suggested_where_nothing_speaks_for_it():
    assert suggested("CT", "Routine 1") == ()
    assert suggested("US", "CT head") == ()


def test_only_a_clear_lead_may_be_accepted_with_others():
    assert is_certain(suggested("CT", "CT CHEST", contrast=("without",)))
    assert not is_certain(suggested("CT", "Abdomen"))  # with or without contrast
    assert not is_certain(())


def test_the_rule_of_a_suggestion_catches_the_name_it_was_made_for():
    for name, protocols, contrast in (("CT HEAD", "a\nb", ("with",)), (None, "Head\nNeck", ()), ("Thorax", "", ())):
        study = a_study(description=name, protocols=protocols) | {"contrast": contrast}
        first = SUGGESTER.suggest(study)[0]
        rules = Rules([Rule(1, "study", first.conditions, first.procedure_id, "CT")])
        assert rules.classify(study).procedure_id == first.procedure_id


def test_names_of_several_devices_are_one_line_and_phases_of_ct_do_not_split_it():
    one = a_study(description="CT HEAD", protocols="Head 1", device_id=1)
    assert group_key(one) == group_key(a_study(description="CT HEAD", protocols="Head 2", device_id=2, site_id=3))
    dx = [a_study(modality="DX", description="XR", protocols=name) for name in ("PA", "LL")]
    assert group_key(dx[0]) != group_key(dx[1])


def test_the_longest_text_wins():
    assert concepts_in("Rachis thoracique") == {"thoracic spine"}
    assert concepts_in("C-spine") == {"cervical spine"}
    assert concepts_in("oeso-gastro-duodenal") == {"upper gi"}
