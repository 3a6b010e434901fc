"""Reference levels made of the own patients, as ICRP Publication 135 defines them.

*Typical value*: the median of one facility or one unit. *Local DRL*: the 75th percentile of the medians of about ten
rooms or more. *National DRL*: the 75th percentile of the medians of facilities. A room counts with enough patients of
the group; what is left out is named and counted. Percentiles by linear interpolation. Breasts are grouped by the
compressed thickness of each view, 10 mm at a time, beside all adults together.

References: ICRP Publication 135 (2017), sections 2.3 (samples, weight), 2.4-2.6 (typical values, local and national
DRLs), 7 (children); European guidelines for quality assurance in breast cancer screening (2006), section 2 (thickness).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dose.levels.compare import LOCAL, NATIONAL, TYPICAL
from dose.levels.groups import ADULTS, BREASTS_BY_THICKNESS, CHILDREN_BY_AGE, CHILDREN_BY_WEIGHT, Group
from dose.levels.minima import FACILITIES, ROOMS, minimum_count
from dose.statistics.bands import ADULT_YEARS
from dose.statistics.measures import MEASURES, Measure

# Quantities in which DRLs are stated, by modality (ICRP 135, table 2.3); no CTDIvol or DLP without its phantom
OF_MODALITY: Final[Mapping[str, tuple[str, ...]]] = {
    "CT": ("ctdi_vol_mgy-event-32", "ctdi_vol_mgy-event-16", "dlp_mgy_cm-study-32", "dlp_mgy_cm-study-16"),
    "XA": ("pka_gy_cm2-study", "ka_r_mgy-study", "fluoro_time_s-study"),
    "RF": ("pka_gy_cm2-study", "ka_r_mgy-study", "fluoro_time_s-study"),
    "DX": ("pka_gy_cm2-event", "ka_e_mgy-event", "pka_gy_cm2-study"),
    "PX": ("pka_gy_cm2-event",),
    "IO": ("ka_i_mgy-event", "pka_gy_cm2-event"),
    "MG": ("agd_mgy-event",),
    "PT": ("activity_mbq-study",),
    "NM": ("activity_mbq-study",),
}
ALIKE: Final[Mapping[str, tuple[str, ...]]] = {"DX": ("DX", "CR", "RG")}
STANDARD_KG, MEAN_KG = (50.0, 90.0), (65.0, 75.0)  # adults: range of patients, mean of a room
STANDARD = Group(age_from_years=ADULT_YEARS, weight_from_kg=STANDARD_KG[0], weight_to_kg=STANDARD_KG[1])
_YOUNG = ("0-<3 months", "3 months-<1 y", "1-<6 y", "6-<18 y")
_LIGHT = ("<5 kg", "5-<15 kg", "15-<30 kg", "30-<50 kg", "50-<80 kg")
_COMPRESSED = ("breast <20 mm", *(f"breast {low}-{low + 10} mm" for low in range(20, 90, 10)), "breast >=90 mm")
TOO_FEW, WEIGHT, FEW_UNITS, NO_ROOM = "too-few", "weight", "few-units", "no-room"

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one measure and procedure: arrays of one length, NaN where age (years) or weight (kg) is not known.

    `study`, `room` and `facility` are row ids of studies, devices (0: not stated) and sites. `left_out` counts values
    that were flagged or zero. `thickness` is that of the compressed breast (mm); None: of none.
    """

    study: Numbers
    value: Floats
    age: Floats
    weight: Floats
    room: Numbers
    facility: Numbers
    left_out: int = 0
    thickness: Floats | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A room or facility: `median` of the values of `count` studies, mean weight (kg) of `weighed` ones, why left out.

    A study with several acquisitions has several values of an event, and is one patient in the count.
    """

    id: int
    count: int
    median: float
    mean_weight: float | None
    weighed: int
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A level for one measure, procedure and group; `value` None with the reason `why`: few-units, too-few or weight.

    `count` studies in the units that count; `left_out` values that were flagged or zero, of all groups; `no_group`
    those whose age, weight or thickness is not known.
    """

    population: str
    group: Group
    value: float | None
    why: str
    count: int
    units: tuple[Unit, ...]
    left_out: int
    no_group: int

    @property
    def counted(self) -> tuple[Unit, ...]:
        """The units that count."""
        return tuple(unit for unit in self.units if unit.left_out is None)


def measures_for(modality: str) -> tuple[Measure, ...]:
    """The measures that levels of a modality are made in."""
    return tuple(MEASURES[key] for key in OF_MODALITY.get(modality, ()))


def groups_for(
    *, is_head: bool, standard_weight: bool, modality: str | None = None
) -> tuple[tuple[str, Group], ...]:  # fmt: skip
    """Adults, and children by age for the head, by weight for the body; of mammography adults, and breasts by
    thickness. Each with its name as tables print it.
    """
    adults = ("adult 50-90 kg", STANDARD) if standard_weight else ("adult", ADULTS)
    if modality == "MG":
        return (adults, *zip(_COMPRESSED, BREASTS_BY_THICKNESS, strict=True))
    children = zip(_YOUNG, CHILDREN_BY_AGE, strict=True) if is_head else zip(_LIGHT, CHILDREN_BY_WEIGHT, strict=True)
    return (adults, *children)


def make(
    sample: Sample, kind: str, modality: str, *, is_head: bool = False, standard_weight: bool = False
) -> Iterator[Line]:
    """The levels of one measure and procedure, a line a group that has patients.

    Parameters
    ----------
    kind : str
        `typical`, `local` (units are rooms) or `national` (units are facilities).
    is_head : bool
        Children are grouped by age instead of weight.
    standard_weight : bool
        Adults of 50 to 90 kg only, samples of a mean weight of 65 to 75 kg only: each room, or for a typical value all
        patients together. Without it all adults of known age count, which large automatic samples may (the weights are
        stated beside).
    """
    for population, group in groups_for(is_head=is_head, standard_weight=standard_weight, modality=modality):
        inside, unknown = _inside(sample, group)
        if inside.any():
            yield _line(sample, inside, population, group, kind, modality, int(unknown.sum()))


def _line(
    sample: Sample, inside: npt.NDArray[np.bool_], population: str, group: Group, kind: str, modality: str, unknown: int
) -> Line:
    enough = minimum_count(modality)
    of = sample.facility if kind == NATIONAL else sample.room
    units = tuple(_unit(sample, inside & (of == one), int(one), group, enough, kind) for one in np.unique(of[inside]))
    counted = [unit for unit in units if unit.left_out is None]
    count = sum(unit.count for unit in counted)
    values = sample.value[inside & np.isin(of, [unit.id for unit in counted])]
    problem = WEIGHT if group == STANDARD and not _is_standard(sample, inside) else ""
    problem = TOO_FEW if count < enough else problem
    value, why = _level(values, counted, kind, problem)
    return Line(population, group, value, why, count, units, sample.left_out, unknown)


def _level(values: Floats, counted: list[Unit], kind: str, problem: str) -> tuple[float | None, str]:
    """The value, or why there is none; `problem` is that of the patients of a typical value, who are one sample."""
    if kind == TYPICAL:
        return (None, problem) if problem else (float(np.median(values)), "")
    if len(counted) < {LOCAL: ROOMS, NATIONAL: FACILITIES}[kind]:
        return None, FEW_UNITS
    return float(np.percentile([unit.median for unit in counted], 75)), ""


def _unit(sample: Sample, chosen: npt.NDArray[np.bool_], number: int, group: Group, enough: int, kind: str) -> Unit:
    _studies, first = np.unique(sample.study[chosen], return_index=True)
    known = _weights(sample, chosen)
    mean = float(known.mean()) if len(known) else None
    why = None
    if kind != TYPICAL and not number:
        why = NO_ROOM
    elif kind != TYPICAL and len(first) < enough:
        why = TOO_FEW
    elif kind != TYPICAL and group == STANDARD and not _is_standard(sample, chosen):
        why = WEIGHT
    return Unit(number, len(first), float(np.median(sample.value[chosen])), mean, len(known), why)


def _weights(sample: Sample, chosen: npt.NDArray[np.bool_]) -> Floats:
    """The weights that are known, one a study."""
    _studies, first = np.unique(sample.study[chosen], return_index=True)
    weights = sample.weight[chosen][first]
    return weights[~np.isnan(weights)]


def _is_standard(sample: Sample, chosen: npt.NDArray[np.bool_]) -> bool:
    """Whether the mean weight lies in the range of standard patients; nobody's lies nowhere."""
    weights = _weights(sample, chosen)
    return bool(len(weights)) and MEAN_KG[0] <= float(weights.mean()) <= MEAN_KG[1]


def _inside(sample: Sample, group: Group) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Who surely belongs to the group, and who might if age, weight and thickness were known."""
    inside, possible = np.ones(len(sample.value), bool), np.ones(len(sample.value), bool)
    thickness = np.full(len(sample.value), np.nan) if sample.thickness is None else sample.thickness
    for values, (low, high) in zip((sample.age, sample.weight, thickness), group.ranges(), strict=True):
        if (low, high) == (None, None):
            continue
        unknown = np.isnan(values)
        fits = (values >= (low or 0.0)) & (values < (np.inf if high is None else high))
        inside, possible = inside & fits, possible & (fits | unknown)
    return inside, possible & ~inside
