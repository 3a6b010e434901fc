"""Groups of patients as numbers: the size by which a study has its like, and the bands that cells count by.

The *size* of a study (`band`, a column of facts) has the borders of `docs/statistics.md`, which stay. The *bands* of a
modality (`bands_of`) are elementary groups whose borders are all that reference levels use: the group of a level is a
union of them as long as its borders are borders here, else its values are taken from the studies themselves. Breasts
are told apart by compressed thickness, everything else by weight.

References: ICRP Publication 135 (2017), section 7 (body: weight, head: age); EC RP 185 (2018), table 6; European
guidelines for quality assurance in breast cancer screening and diagnosis (2006), section 2 (compressed thickness).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dose.quantities import KG

AGE_EDGES_YEARS = (0.25, 1.0, 5.0, 6.0, 10.0, 11.0, 15.0, 18.0)  # below the first: 0; 18 and older: the last
WEIGHT_EDGES_KG = (5.0, 15.0, 30.0, 50.0, 60.0, 70.0, 80.0, 90.0)
UNKNOWN = 9
ADULT_YEARS = 18.0
WEIGHT, THICKNESS, FEMALE = "weight_kg", "compressed_thickness_mm", "F"
MOST = 256  # bands: an entry of a cell has eight bits for one
Borders = tuple[float | None, float | None]
Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Number = TypeVar("Number", int, Numbers)


def band(age_years: float | None, weight_kg: float | None) -> int:
    """The size of a patient: `10 * age + weight`, what is not known being a band of its own.

    Ages are decimal: a child of 5.99 years is below 6, also when a report says "5".
    """
    return 10 * _index(AGE_EDGES_YEARS, age_years) + _index(WEIGHT_EDGES_KG, weight_kg)


def _index(edges: tuple[float, ...], value: float | None) -> int:
    return UNKNOWN if value is None else bisect_right(edges, value)


def all_bands() -> Iterator[int]:
    """Every size there can be."""
    for age in (*range(len(AGE_EDGES_YEARS) + 1), UNKNOWN):
        for weight in (*range(len(WEIGHT_EDGES_KG) + 1), UNKNOWN):
            yield 10 * age + weight


@dataclass(frozen=True)
class Bands:
    """The elementary groups of the patients of a modality: by age (years), by size and, where `by_sex`, women apart.

    `size` is the column that states how large a patient is. Where it `differs` from one acquisition of a patient to the
    next, there is one more band for each age and sex, whatever the size: a patient counts there once, however many
    bands his acquisitions are in.
    """

    ages: tuple[float, ...]
    sizes: tuple[float, ...]
    size: str
    by_sex: bool = False
    differs: bool = False

    @property
    def _row(self) -> int:
        """Bands of one age and sex: those between the edges, one of unknown size, and that of whatever size."""
        return len(self.sizes) + 2 + self.differs

    @cached_property
    def count(self) -> int:
        """How many there are; they are numbered from 0."""
        return (1 + self.by_sex) * (len(self.ages) + 2) * self._row

    @cached_property
    def every(self) -> frozenset[int]:
        """All that values are in: everybody."""
        return frozenset(n for n in range(self.count) if not (self.differs and n == self.whatever(n)))

    def number(self, age_years: float | None, size: float | None, sex: str | None) -> int:
        """The band of a patient; what is not known is a band of its own, upper edges belong to the next one."""
        age = len(self.ages) + 1 if age_years is None else bisect_right(self.ages, age_years)
        place = len(self.sizes) + 1 if size is None else bisect_right(self.sizes, size)
        if self.by_sex and sex == FEMALE:
            age += len(self.ages) + 2
        return age * self._row + place

    def numbers(self, ages_years: Values, sizes: Values, are_women: npt.NDArray[np.bool_]) -> Numbers:
        """`number` of many; NaN is what is not known."""
        age = np.searchsorted(self.ages, ages_years, side="right")
        age[np.isnan(ages_years)] = len(self.ages) + 1
        place = np.searchsorted(self.sizes, sizes, side="right")
        place[np.isnan(sizes)] = len(self.sizes) + 1
        sexes = are_women.astype(np.int64) * (len(self.ages) + 2) if self.by_sex else 0
        found: Numbers = (age + sexes) * self._row + place
        return found

    def whatever(self, number: Number) -> Number:
        """The band of the same age and sex and whatever size; there is none where sizes do not differ."""
        return number - number % self._row + (self._row - 1)

    def are_sized(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Of which bands both age and size are known."""
        age, place = np.divmod(numbers, self._row)
        known: npt.NDArray[np.bool_] = (age % (len(self.ages) + 2) <= len(self.ages)) & (place <= len(self.sizes))
        return known

    def between(self, ages: Borders, sizes: Borders, sex: str | None = None) -> frozenset[int] | None:
        """The bands that make up a group, upper borders excluded; None where they do not.

        A group without age holds patients of any age, known or not; the same for size. Where sizes differ between
        acquisitions, a group of several bands of size, but not of all, is none: its patients cannot be told apart.
        """
        rows, places = _between(self.ages, ages), _between(self.sizes, sizes)
        if rows is None or places is None or (sex and not (self.by_sex and sex == FEMALE)):
            return None
        if self.differs and sizes != (None, None) and len(places) > 1:
            return None
        first = [len(self.ages) + 2] if sex else [0, len(self.ages) + 2] if self.by_sex else [0]
        return frozenset((start + age) * self._row + place for start in first for age in rows for place in places)

    def of_patients(self, bands: frozenset[int]) -> frozenset[int]:
        """The bands in which the patients of a group are counted once each.

        Where only some sizes of an age are in the group, a patient counts in each of them.
        """
        if not self.differs:
            return bands
        row = self._row
        found: set[int] = set()
        for last in range(row - 1, self.count, row):
            sizes = range(last - row + 1, last)
            found.update([last] if bands.issuperset(sizes) else bands.intersection((*sizes, last)))
        return frozenset(found)


def _between(edges: tuple[float, ...], borders: Borders) -> list[int] | None:
    low, high = borders
    if any(border not in (None, 0.0, *edges) for border in borders):
        return None
    found = range(bisect_right(edges, low) if low else 0, edges.index(high) + 1 if high else len(edges) + 1)
    return [*found, len(edges) + 1] if low is None and high is None else list(found)


_POUND = KG["[lb_av]"]  # tables of the USA: a child of 5 years weighs 40 to 50 lb
_BODY = Bands(
    (0.25, 1.0, 2.0, 5.0, 6.0, 10.0, 11.0, 15.0, 16.0, ADULT_YEARS),
    (5.0, 15.0, 40 * _POUND, 50 * _POUND, 30.0, 50.0, 60.0, 70.0, 80.0, 90.0), WEIGHT,
)  # fmt: skip
# Ages at which screening begins and ends; a breast is compressed anew for each view
BREASTS_MM = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
_BREAST = Bands((ADULT_YEARS, 40.0, 45.0, 50.0, 70.0, 71.0, 75.0), BREASTS_MM, THICKNESS, by_sex=True, differs=True)


def bands_of(modality: str | None) -> Bands:
    """The bands by which patients of a modality are counted."""
    return _BREAST if modality == "MG" else _BODY


@lru_cache(4096)
def of_patients(modality: str, bands: frozenset[int]) -> frozenset[int]:
    """`Bands.of_patients` of a modality, remembered."""
    return bands_of(modality).of_patients(bands)
