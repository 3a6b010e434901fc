"""Groups of patients by age and weight: elementary bands whose borders are all that reference levels use.

A band is one small number, `10 * age + weight`; the group of a reference level is a union of bands as long as its
borders are borders here, else its values are taken from the studies themselves.

References: ICRP Publication 135 (2017), section 7 (body: weight, head: age); EC RP 185 (2018), table 6.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

AGE_EDGES_YEARS = (0.25, 1.0, 5.0, 6.0, 10.0, 11.0, 15.0, 18.0)  # below the first: 0; 18 and older: the last
WEIGHT_EDGES_KG = (5.0, 15.0, 30.0, 50.0, 60.0, 70.0, 80.0, 90.0)
UNKNOWN = 9
ADULT_YEARS = 18.0


def band(age_years: float | None, weight_kg: float | None) -> int:
    """The number of a patient's band; what is not known is a band of its own.

    Ages are decimal: a child of 5.99 years is below 6, also when a report says "5".
    """
    return 10 * _index(AGE_EDGES_YEARS, age_years) + _index(WEIGHT_EDGES_KG, weight_kg)


def _index(edges: tuple[float, ...], value: float | None) -> int:
    return UNKNOWN if value is None else bisect_right(edges, value)


@lru_cache(4096)
def bands_between(
    age_from_years: float | None = None,
    age_to_years: float | None = None,
    weight_from_kg: float | None = None,
    weight_to_kg: float | None = None,
) -> frozenset[int] | None:
    """The bands that make up a group, upper borders excluded; None when a border is none of the bands' borders.

    A group without age holds patients of any age, known or not; the same for weight.
    """
    ages = _between(AGE_EDGES_YEARS, age_from_years, age_to_years)
    weights = _between(WEIGHT_EDGES_KG, weight_from_kg, weight_to_kg)
    if ages is None or weights is None:
        return None
    return frozenset(10 * age + weight for age in ages for weight in weights)


def _between(edges: tuple[float, ...], low: float | None, high: float | None) -> list[int] | None:
    if any(border not in (None, 0.0, *edges) for border in (low, high)):
        return None
    found = range(bisect_right(edges, low) if low else 0, edges.index(high) + 1 if high else len(edges) + 1)
    return [*found, UNKNOWN] if low is None and high is None else list(found)


def all_bands() -> Iterator[int]:
    """Every band there can be."""
    for age in (*range(len(AGE_EDGES_YEARS) + 1), UNKNOWN):
        for weight in (*range(len(WEIGHT_EDGES_KG) + 1), UNKNOWN):
            yield 10 * age + weight
