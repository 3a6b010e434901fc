"""Codes are matched by scheme and value, in every spelling a concept has had."""

import pytest

from dose import codes


@pytest.mark.parametrize(
    ("concept", "sent"),
    [
        (codes.LATERALITY, ("SRT", "G-C171")),
        (codes.LATERALITY, ("SNM3", "G-C171")),
        (codes.LATERALITY, ("99SDM", "G-C171")),
        (codes.MAMMOGRAPHY, ("SRT", "P5-40010")),
        (codes.ANATOMICAL_STRUCTURE, ("SRT", "T-D0005")),
    ],
)
def test_older_spellings_of_a_concept_are_the_concept(concept, sent):
    assert sent in codes.spellings(concept)
    assert codes.spellings(concept)[0] == concept


def test_a_dicom_code_has_one_spelling():
    assert codes.spellings(codes.DLP) == (codes.DLP,)


def test_a_table_by_code_knows_every_spelling():
    types = codes.by_code(codes.CT_EVENT_TYPES)
    assert types["SRT", "P5-08001"] == types["SCT", "116152004"] == "spiral"


def test_no_two_concepts_of_one_table_share_a_spelling():
    for name, table in vars(codes).items():
        if isinstance(table, dict) and name.isupper() and all(isinstance(key, tuple) for key in table):
            spelt = [spelling for concept in table for spelling in codes.spellings(concept)]
            assert len(spelt) == len(set(spelt)), name


def test_the_spellings_agree_with_the_mapping_of_the_standard():
    mapping = pytest.importorskip("pydicom.sr._snomed_dict").mapping["SCT"]
    for sct, srt in codes.SPELLINGS.items():
        assert mapping.get(sct, srt) == srt, sct
