"""Distances and parts of doses are what numpy and pandas make of the same values, one study at a time."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dose.statistics import outliers as far
from dose.statistics.bands import band
from dose.statistics.outliers import Part, Size

CHANCE = np.random.default_rng(4)
COUNT = 900
WEIGHTS = [None, 12.0, 55.0, 65.0, 75.0, 85.0, 120.0]
AGES = [None, 3.0, 40.0]
BANDS = np.array([band(AGES[a], WEIGHTS[w]) for a, w in zip(CHANCE.integers(0, 3, COUNT), CHANCE.integers(0, 7, COUNT),
                                                            strict=True)])  # fmt: skip
GROUPS = CHANCE.integers(0, 3, COUNT)
DOSES = np.exp(CHANCE.normal(6, 0.4, COUNT))


def _expected(frame: pd.DataFrame, row: pd.Series) -> tuple[int, float, bool]:
    """One study among its peers, by the words of the documentation."""
    same = frame[frame.group == row.group]
    age, weight = divmod(int(row.band), 10)
    widened = False
    if weight == 9:
        peers = same[same.band // 10 == age] if age != 9 else same[:0]
    else:
        peers = same[same.band % 10 == weight]
        if len(peers) < 30:
            widened, peers = True, same[(same.band % 10).isin([weight - 1, weight, weight + 1]) & (same.band % 10 != 9)]
    if len(peers) < 30:
        return len(peers), math.nan, widened
    deviation = np.log(peers.dose / peers.dose.median()).abs().median()
    return len(peers), math.log(row.dose / peers.dose.median()) / max(1.4826 * deviation, 0.05), widened


def test_every_distance_is_that_of_an_independent_computation():
    frame = pd.DataFrame({"dose": DOSES, "group": GROUPS, "band": BANDS})
    ranks = far.rank(DOSES, GROUPS, BANDS, np.ones(COUNT, bool))
    wanted = [_expected(frame, row) for _, row in frame.iterrows()]
    assert ranks.n.tolist() == [n for n, _, _ in wanted]
    np.testing.assert_allclose(ranks.distance, [distance for _, distance, _ in wanted], rtol=1e-12)
    assert ranks.widened.tolist() == [widened for _, _, widened in wanted]
    assert 0 < np.isnan(ranks.distance).sum() < COUNT
    assert 0 < ranks.widened.sum() < COUNT


def test_only_what_is_asked_for_is_ranked_and_its_peers_stay_the_same():
    asked = np.zeros(COUNT, bool)
    asked[::7] = True
    some, every = (far.rank(DOSES, GROUPS, BANDS, which) for which in (asked, np.ones(COUNT, bool)))
    np.testing.assert_array_equal(some.distance[asked], every.distance[asked])
    assert np.isnan(some.distance[~asked]).all()


def test_fewer_than_thirty_have_no_rank_and_thirty_have():
    assert far.standing(5.0, np.full(29, 5.0)).distance is None
    assert far.standing(5.0, np.full(30, 5.0)).distance == 0


def test_doses_that_hardly_differ_are_taken_to_differ_by_a_twentieth():
    found = far.standing(1.1, np.append(np.full(40, 1.0), 1.1))
    assert found.distance == pytest.approx(math.log(1.1) / 0.05)
    assert found.percentile == pytest.approx(100 * 40.5 / 41)


@pytest.mark.parametrize(
    ("age", "weight", "widened", "size"),
    [
        (40.0, 72.0, False, Size("weight", 70.0, 80.0)),
        (40.0, 72.0, True, Size("weight", 60.0, 90.0, True)),
        (40.0, 130.0, True, Size("weight", 80.0, None, True)),
        (0.1, None, False, Size("age", None, 0.25)),
        (None, None, False, None),
    ],
)
def test_the_size_of_the_peers_is_said(age, weight, widened, size):
    assert far.size_of(band(age, weight), widened=widened) == size


def _scans(count: int = 60) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    said = {
        "phase_count": CHANCE.integers(1, 4, count).astype(float), "scan_length_mm": CHANCE.uniform(200, 900, count),
        "exposure_mas": CHANCE.uniform(50, 200, count), "kvp_kv": CHANCE.choice([100.0, 120.0], count),
    }  # fmt: skip
    return said["scan_length_mm"] / 10 * CHANCE.uniform(4, 12, count), said


def _sum(parts: tuple[Part, ...]) -> float:
    return math.fsum(part.log for part in parts)


@pytest.mark.parametrize("at", [0, 17, 59])
def test_parts_of_a_ct_add_up_to_the_whole_and_those_of_ctdi_vol_to_theirs(at):
    dose, said = _scans()
    found = far.decompose("CT", dose, said, at)
    assert [part.name for part in found.parts] == ["phases", "length", "ctdi", "rest"]
    assert _sum(found.parts) == pytest.approx(math.log(dose[at] / np.median(dose)), abs=1e-12)
    ctdi = found.parts[2]
    assert _sum(ctdi.beneath) == pytest.approx(ctdi.log, abs=1e-12)
    assert ctdi.value == pytest.approx(dose[at] / said["scan_length_mm"][at] * 10)
    assert far.steps(found)[-1][2] == pytest.approx(dose[at] / np.median(dose))


@pytest.mark.parametrize(
    ("modality", "said", "names"),
    [
        ("XA", {"fluoro_time_s", "ka_r_mgy"}, ["time", "field", "kerma_rate", "rest"]),
        ("XA", {"fluoro_time_s"}, ["time", "pka_rate", "rest"]),
        ("DX", {"event_count", "exposure_mas"}, ["exposures", "mas", "per_mas", "rest"]),
        ("MG", {"exposure_mas"}, ["mas", "per_mas", "rest"]),
        ("PT", {"weight_kg"}, ["weight", "per_kg", "rest"]),
        ("CT", {"phase_count"}, ["phases", "dlp_per_phase", "rest"]),
    ],
)
def test_what_is_not_stated_stays_in_the_last_factor(modality, said, names):
    columns = {name: CHANCE.uniform(1, 5, 40) for name in sorted(said)}
    dose = CHANCE.uniform(1, 9, 40)
    found = far.decompose(modality, dose, columns, 3)
    assert [part.name for part in found.parts] == names
    assert _sum(found.parts) == pytest.approx(found.whole, abs=1e-12)


def test_nothing_is_taken_apart_where_too_few_peers_state_a_factor():
    sparse = np.where(np.arange(40) < 29, 2.0, np.nan)
    assert far.decompose("PT", np.ones(40), {"weight_kg": sparse}, 0) is None


def test_the_reasons_pull_the_dose_to_its_side():
    dose, said = _scans()
    dose[0], said["phase_count"][0], said["scan_length_mm"][0] = 4000.0, 6.0, 3000.0
    found = far.decompose("CT", dose, said, 0)
    assert found.reasons
    assert found.reasons[0].name == "phases"
    assert all(part.log > 0 for part in found.reasons)
