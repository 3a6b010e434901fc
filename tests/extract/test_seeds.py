"""Spoilt objects: those that once broke a rule, and a few new ones of every kind; `make fuzz` reads many more."""

from pathlib import Path

import pytest

from benchmarks.fuzz import SYNTHETIC, Mutants, answer
from tests.extract.kinds import every_kind

pytestmark = pytest.mark.slow

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.bin"))
OUTCOMES = {"ok", "not_dose", "rejected"}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda file: file.stem)
def test_what_was_once_found_is_answered(seed):
    assert answer(seed.read_bytes(), traced=True) in OUTCOMES


@pytest.fixture(scope="module")
def mutants():
    return Mutants({SYNTHETIC + name: data for name, data in every_kind().items()}, seed=7)


def test_spoilt_objects_of_every_kind_are_answered(mutants):
    outcomes = {answer(mutants.make(number)[1], traced=number % 10 == 0) for number in range(120)}
    assert outcomes == OUTCOMES


def test_a_mutant_can_be_made_again_from_its_number(mutants):
    assert [mutants.make(number) for number in (3, 4)] == [mutants.make(number) for number in (3, 4)]
    assert len({mutants.make(number)[1] for number in range(50)}) > 45
