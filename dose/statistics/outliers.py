"""How far a dose lies from its like, and what makes the difference. Pure: arrays in, numbers out.

**Peers** of a study have its protocol (its procedure, where no protocol is stated), device and, for CT, phantom, are
of the same calendar year or the one before, and of its size: its weight band (`dose.statistics.bands`), or that band
with its two neighbours where it holds fewer than 30; without a stated weight those of its age band, whatever they
weigh. There is no further widening: with fewer than 30 peers there is no rank.

**Distance** of a dose x among peers x_i with median m::

    z = ln(x / m) / max(1.4826 * median |ln(x_i / m)|, 0.05)

Doses are skewed to the right and are nearer to log-normal; median and MAD do not move with the outliers they are to
find; 1.4826 makes the MAD a standard deviation where logarithms are normal. Doses of one protocol that hardly differ
are taken to differ by 5 %: displayed doses are no surer. From |z| = 3.5 on a study stands out.

References: Hampel (1974), doi:10.1080/01621459.1974.10482962 (MAD); Rousseeuw and Croux (1993),
doi:10.1080/01621459.1993.10476408 (1.4826); Iglewicz and Hoaglin (1993), How to detect and handle outliers, ASQC
(3.5); ICRP Publication 135 (2017), section 7 (groups by weight, else age).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dose.statistics.bands import AGE_EDGES_YEARS, UNKNOWN, WEIGHT_EDGES_KG
from dose.statistics.summary import Values

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FEWEST = 30  # peers, the study itself among them
STANDS_OUT = 3.5
TO_SD = 1.4826
LEAST_SCALE = 0.05
WEIGHT, AGE = "weight", "age"
_WIDE = len(WEIGHT_EDGES_KG) + 1


@dataclass(frozen=True, slots=True)
class Size:
    """Peers' size: `by` weight (kg) or age (years), from `low` to below `high` (None: no border).

    `widened` says that the bands beside the own one are in.
    """

    by: str
    low: float | None
    high: float | None
    widened: bool = False


@dataclass(frozen=True, slots=True)
class Ranks:
    """Of each value: peers, their median, the distance (NaN: not asked for, or no rank), whether bands were widened."""

    n: Numbers
    median: Values
    distance: Values
    widened: Mask


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one dose stands among `n` peers, in their unit; without rank (fewer than 30) all but `value`, `n` is None.

    `percentile` is the share of peers below, and half of those alike, in %.
    """

    value: float
    n: int
    median: float | None = None
    p5: float | None = None
    p95: float | None = None
    low: float | None = None
    high: float | None = None
    percentile: float | None = None
    distance: float | None = None

    @property
    def stands_out(self) -> bool:
        """Whether the dose is far from its like, on either side."""
        return self.distance is not None and abs(self.distance) >= STANDS_OUT


def has_size(bands: Numbers) -> Mask:
    """Whether weight or age is known."""
    found: Mask = bands != UNKNOWN * 10 + UNKNOWN
    return found


def size_of(band: int, *, widened: bool = False) -> Size | None:
    """The size of the peers of a patient; None when neither weight nor age is known."""
    age, weight = divmod(band, 10)
    if weight != UNKNOWN:
        borders = (None, *WEIGHT_EDGES_KG, None)
        first, last = (max(0, weight - 1), min(_WIDE - 1, weight + 1)) if widened else (weight, weight)
        return Size(WEIGHT, borders[first], borders[last + 1], widened)
    borders = (None, *AGE_EDGES_YEARS, None)
    return None if age == UNKNOWN else Size(AGE, borders[age], borders[age + 1])


def alike(bands: Numbers, band: int) -> tuple[Mask, bool]:
    """Which of the bands are peers' of one patient, and whether that took the bands beside his own."""
    age, weight = divmod(band, 10)
    if weight == UNKNOWN:
        return (bands // 10 == age) & (age != UNKNOWN), False
    same = bands % 10 == weight
    if int(same.sum()) >= FEWEST:
        return same, False
    near = (np.abs(bands % 10 - weight) <= 1) & (bands % 10 != UNKNOWN)
    return near, True


def rank(values: Values, groups: Numbers, bands: Numbers, asked: Mask) -> Ranks:
    """The distance of the values that are asked for, each among its peers; all at once.

    Parameters
    ----------
    values : array of shape (n,)
        Doses of one unit a group, all positive.
    groups : array of integers of shape (n,)
        Protocol, device and phantom as one number, not negative.
    bands : array of integers of shape (n,)
        `dose.statistics.bands.band` of each patient.
    asked : array of bool of shape (n,)
        Whose distance is wanted; the others are but peers.
    """
    found = Ranks(
        np.zeros(len(values), np.int64), np.full(len(values), np.nan), np.full(len(values), np.nan),
        np.zeros(len(values), np.bool_),
    )  # fmt: skip
    age, weight = np.divmod(bands, 10)
    weighed = weight != UNKNOWN
    _among(found, values, [(groups * 10 + weight, weighed)], asked & weighed)
    few = asked & weighed & (found.n < FEWEST)
    found.widened[few] = True
    beside = [(groups * 10 + weight + step, weighed & _inside(weight + step)) for step in (-1, 0, 1)]
    _among(found, values, beside, few, own=1)
    aged = ~weighed & (age != UNKNOWN)
    _among(found, values, [(groups * 10 + age, age != UNKNOWN)], asked & aged)
    return found


def _inside(weight: Numbers) -> Mask:
    found: Mask = (weight >= 0) & (weight < _WIDE)
    return found


def _among(found: Ranks, values: Values, members: Sequence[tuple[Numbers, Mask]], targets: Mask, own: int = 0) -> None:
    """Lay down the ranks of targets: `members` say in which groups values are, those of place `own` whose peers."""
    wanted = np.unique(members[own][0][targets])
    if not len(wanted):
        return
    inside = [(keys, there & np.isin(keys, wanted)) for keys, there in members]
    keys = np.concatenate([keys[there] for keys, there in inside])
    doses = np.concatenate([values[there] for _, there in inside])
    n, median, scale = _robust(doses, np.searchsorted(wanted, keys), len(wanted))
    place = np.searchsorted(wanted, members[own][0][targets])
    found.n[targets], found.median[targets] = n[place], median[place]
    distance = np.log(values[targets] / median[place]) / scale[place]
    found.distance[targets] = np.where(n[place] >= FEWEST, distance, np.nan)


def _robust(values: Values, groups: Numbers, count: int) -> tuple[Numbers, Values, Values]:
    """Of each group: how many, the median, the robust scale of logarithms. No group is empty."""
    n = np.bincount(groups, minlength=count)
    median = _medians(values, groups, n)
    deviation = _medians(np.abs(np.log(values / median[groups])), groups, n)
    return n, median, np.maximum(TO_SD * deviation, LEAST_SCALE)


def _medians(values: Values, groups: Numbers, n: Numbers) -> Values:
    ordered = values[np.lexsort((values, groups))]
    first = np.cumsum(n) - n
    middle: Values = (ordered[first + (n - 1) // 2] + ordered[first + n // 2]) / 2
    return middle


def standing(value: float, peers: Values) -> Standing:
    """Where a dose stands among its peers (itself among them), in any order."""
    n = len(peers)
    if n < FEWEST:
        return Standing(value, n)
    p5, median, p95 = np.percentile(peers, [5, 50, 95]).tolist()
    deviation = float(np.median(np.abs(np.log(peers / median))))
    below = float((peers < value).mean() + (peers == value).mean() / 2)
    distance = math.log(value / median) / max(TO_SD * deviation, LEAST_SCALE)
    return Standing(value, n, median, p5, p95, float(peers.min()), float(peers.max()), 100 * below, distance)


# ---- what makes the difference --------------------------------------------------------------------------------------

REST = "rest"
RADIOGRAPHY = frozenset({"DX", "CR", "RG", "PX", "IO"})
# What is left of a dose once it is divided by these factors, by the kind of examination
_LEFT: Mapping[frozenset[str], str] = {
    frozenset({"phases", "length"}): "ctdi",
    frozenset({"phases"}): "dlp_per_phase",
    frozenset({"time", "field"}): "kerma_rate",
    frozenset({"time"}): "pka_rate",
    frozenset({"field"}): "kerma",
    frozenset({"exposures", "mas"}): "per_mas",
    frozenset({"exposures"}): "per_exposure",
    frozenset({"mas"}): "per_mas",
    frozenset({"weight"}): "per_kg",
}
_SHARE = 0.2  # of the whole difference, from which a part is named


@dataclass(frozen=True, slots=True)
class Part:
    """One factor of a dose: `log` is its part of ln(dose / median), `reference` the peers' median of its values.

    Units: length of an acquisition cm, ctdi mGy, time s, field cm2 (at the reference point), weight kg, mas mAs, tube
    (what is left of CTDIvol beside mAs, described by the tube voltage) kV; the others are the dose's unit by theirs.
    `beneath` are parts of this part and add up to it.
    """

    name: str
    log: float
    value: float | None = None
    reference: float | None = None
    beneath: tuple[Part, ...] = ()

    @property
    def ratio(self) -> float:
        """By what the factor multiplies the dose."""
        return math.exp(self.log)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """ln(dose / median of the peers) and its parts, which add up to it.

    The last part is the rest: medians of factors do not multiply to the median of their product.
    """

    whole: float
    parts: tuple[Part, ...]

    @property
    def reasons(self) -> tuple[Part, ...]:
        """The parts that pull the dose to its side, the strongest first; at most two, none below a fifth."""
        pulling = [part for part in self.parts if part.name != REST and part.log * self.whole > 0]
        strong = [part for part in pulling if abs(part.log) >= _SHARE * abs(self.whole)]
        return tuple(sorted(strong, key=lambda part: -abs(part.log))[:2])


def decompose(modality: str, dose: Values, said: Mapping[str, Values], at: int) -> Decomposition | None:
    """Take ln(dose / median) apart as far as the study and at least 30 of its peers state the factors.

    CT: DLP = acquisitions x length of one x mean CTDIvol (DLP / length), and beneath CTDIvol mAs and what is left of it
    (tube voltage, pitch, filter). Fluoroscopy: P_KA = time x field (P_KA / K_a,r) x K_a,r in a second. Radiography:
    P_KA = exposures x mAs x P_KA for a mAs. Breast: AGD = mAs x AGD for a mAs. Nuclear medicine: weight x activity
    for a kg. What is not stated stays in the last factor.

    Parameters
    ----------
    modality : str
        DICOM modality.
    dose : array of shape (n,)
        Of all peers, in one unit, positive.
    said : mapping of arrays of shape (n,)
        Columns phase_count, scan_length_mm, fluoro_time_s, ka_r_mgy, event_count, weight_kg, exposure_mas, kvp_kv of
        the same peers; NaN where not stated. A column may be missing.
    at : int
        The place of the study among them.

    Returns
    -------
    Decomposition or None
        None when no factor is stated.
    """
    factors = [(name, values) for name, values in _factors(modality, dose, said) if _usable(values, at)]
    left = _LEFT.get(frozenset(name for name, _ in factors))
    if left is None:
        return None
    whole = math.log(dose[at] / float(np.median(dose)))
    parts = [_part(name, values, at) for name, values in factors]
    last = _part(left, dose / np.prod([values for _, values in factors], axis=0), at)
    parts.append(_with_tube(last, said, at) if left == "ctdi" else last)
    rest = whole - math.fsum(part.log for part in parts)
    return Decomposition(whole, (*parts, Part(REST, rest)))


def _factors(modality: str, dose: Values, said: Mapping[str, Values]) -> list[tuple[str, Values]]:
    nothing = np.full(len(dose), np.nan)

    def column(name: str) -> Values:
        return said.get(name, nothing)

    if modality == "CT":
        phases = column("phase_count")
        return [("phases", phases), ("length", column("scan_length_mm") / 10 / phases)]
    if modality in ("XA", "RF"):
        return [("time", column("fluoro_time_s")), ("field", dose * 1000 / column("ka_r_mgy"))]
    if modality in RADIOGRAPHY:
        return [("exposures", column("event_count")), ("mas", column("exposure_mas"))]
    return [("mas", column("exposure_mas"))] if modality == "MG" else [("weight", column("weight_kg"))]


def _usable(values: Values, at: int) -> bool:
    return bool(values[at] > 0) and int((values > 0).sum()) >= FEWEST


def _part(name: str, values: Values, at: int) -> Part:
    value, reference = float(values[at]), float(np.median(values[values > 0]))
    return Part(name, math.log(value / reference), value, reference)


def _with_tube(part: Part, said: Mapping[str, Values], at: int) -> Part:
    """CTDIvol of mAs, and of what is left: tube voltage first, which is what is stated beside it."""
    mas, voltage = said.get("exposure_mas"), said.get("kvp_kv")
    if mas is None or not _usable(mas, at):
        return part
    current = _part("mas", mas, at)
    tube = _part("tube", voltage, at) if voltage is not None and _usable(voltage, at) else Part("tube", 0.0)
    left = Part("tube", part.log - current.log, tube.value, tube.reference)
    return Part(part.name, part.log, part.value, part.reference, (current, left))


def steps(found: Decomposition) -> tuple[tuple[Part, float, float], ...]:
    """A waterfall: each part with the ratio to the median where it begins and ends; the last ends at the dose."""
    ends = np.concatenate(([0.0], np.cumsum([part.log for part in found.parts])))
    ratios = np.exp(ends).tolist()
    return tuple(zip(found.parts, ratios, ratios[1:], strict=False))
