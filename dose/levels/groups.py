"""Groups of patients that a reference level is for, and whether a patient belongs to one.

Lower borders belong to a group, upper borders do not: a child of exactly 6 years is not in *1 to below 6 years*. Ages
are decimal. What a group asks for and nobody stated is unknown, neither in nor out.

References: ICRP Publication 135 (2017), section 7; EC RP 185 (2018), table 6.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise

from dose.statistics import bands
from dose.statistics.bands import ADULT_YEARS

AGE, WEIGHT, SEX, THICKNESS, COMPLEXITY = "age", "weight", "sex", "thickness", "complexity"


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the patient of a study or event; None where it is not."""

    age_years: float | None = None
    weight_kg: float | None = None
    sex: str | None = None
    thickness_mm: float | None = None  # compressed breast
    complexity: str | None = None  # of an intervention


@dataclass(frozen=True, slots=True)
class Group:
    """Patients between borders; None: no border. `Group()` is everybody."""

    age_from_years: float | None = None
    age_to_years: float | None = None  # below
    weight_from_kg: float | None = None
    weight_to_kg: float | None = None  # below
    sex: str | None = None
    thickness_from_mm: float | None = None
    thickness_to_mm: float | None = None  # below
    complexity: str | None = None

    def fit(self, patient: Patient) -> tuple[bool, tuple[str, ...]]:
        """Whether nothing known speaks against the patient, and what must be known to say that he belongs."""
        said = [(name, _inside(borders, value)) for name, borders, value in self._axes(patient)]
        return all(inside is not False for _, inside in said), tuple(name for name, inside in said if inside is None)

    def holds(self, patient: Patient) -> bool:
        """Whether the patient surely belongs to the group."""
        return self.fit(patient) == (True, ())

    def within(self, other: Group) -> bool:
        """Whether everybody of this group surely belongs to the other."""
        ranges = zip(self.ranges(), other.ranges(), strict=True)
        same = (other.sex in (None, self.sex), other.complexity in (None, self.complexity))
        return all(same) and all(_covers(outer, inner) for inner, outer in ranges)

    def ranges(self) -> tuple[tuple[float | None, float | None], ...]:
        """The borders of age (years), weight (kg) and compressed thickness (mm)."""
        return (
            (self.age_from_years, self.age_to_years),
            (self.weight_from_kg, self.weight_to_kg),
            (self.thickness_from_mm, self.thickness_to_mm),
        )

    def narrowness(self) -> tuple[float, ...]:
        """Smaller for a narrower group: more that it asks for, then shorter ranges."""
        asked = sum(getattr(self, one.name) is not None for one in fields(self))
        return (-asked, *((high or 1e3) - (low or 0.0) for low, high in self.ranges()))

    @property
    def key(self) -> str:
        """The group as an address names it: `age18-`, `age0-18.weight5-15`, `sexF`; `all` for everybody."""
        names = zip((AGE, WEIGHT, THICKNESS), self.ranges(), strict=True)
        parts = [f"{name}{_short(low)}-{_short(high)}" for name, (low, high) in names if (low, high) != (None, None)]
        parts += [f"{name}{value}" for name, value in ((SEX, self.sex), (COMPLEXITY, self.complexity)) if value]
        return ".".join(parts) or "all"

    def bands(self, modality: str) -> frozenset[int] | None:
        """The bands of a modality that make it up (`dose.statistics.bands`); None when its values must be taken from
        the studies themselves.
        """
        return _bands(self, modality)

    def _axes(self, patient: Patient) -> list[tuple[str, tuple[object, object], object]]:
        values = (patient.age_years, patient.weight_kg, patient.thickness_mm)
        ranged = list(zip((AGE, WEIGHT, THICKNESS), self.ranges(), values, strict=True))
        return [*ranged, (SEX, (self.sex,) * 2, patient.sex), (COMPLEXITY, (self.complexity,) * 2, patient.complexity)]


EVERYBODY = Group()
ADULTS = Group(age_from_years=ADULT_YEARS)
BODY_WEIGHTS_KG = ((0.0, 5.0), (5.0, 15.0), (15.0, 30.0), (30.0, 50.0), (50.0, 80.0))  # children, ICRP 135 table 7.1
HEAD_AGES_YEARS = ((0.0, 0.25), (0.25, 1.0), (1.0, 6.0), (6.0, ADULT_YEARS))
CHILDREN_BY_WEIGHT = tuple(
    Group(age_from_years=0.0, age_to_years=ADULT_YEARS, weight_from_kg=low, weight_to_kg=high)
    for low, high in BODY_WEIGHTS_KG
)
BREASTS_BY_THICKNESS = tuple(
    Group(thickness_from_mm=low, thickness_to_mm=high) for low, high in pairwise((0.0, *bands.BREASTS_MM, None))
)
CHILDREN_BY_AGE = tuple(Group(age_from_years=low, age_to_years=high) for low, high in HEAD_AGES_YEARS)


@lru_cache(4096)
def _bands(group: Group, modality: str) -> frozenset[int] | None:
    of = bands.bands_of(modality)
    ages, weights, thicknesses = group.ranges()
    sizes, others = (weights, thicknesses) if of.size == bands.WEIGHT else (thicknesses, weights)
    return None if group.complexity or others != (None, None) else of.between(ages, sizes, group.sex)


def _short(border: float | None) -> str:
    return "" if border is None else f"{border:g}"


def _inside(borders: tuple[object, object], value: object) -> bool | None:
    low, high = borders
    if low is None and high is None:
        return True
    if value is None:
        return None
    if isinstance(value, str):
        return value == low
    assert isinstance(value, float | int)
    return (low is None or value >= low) and (high is None or value < high)  # type: ignore[operator]


def _covers(outer: tuple[float | None, float | None], inner: tuple[float | None, float | None]) -> bool:
    if outer == (None, None):
        return True
    if inner == (None, None):
        return False  # who is not measured may be in here, and is in no range
    low = (outer[0] or 0.0) <= (inner[0] or 0.0)
    return low and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))
