"""Medians of groups of patients: what compliance and comparisons are made of.

From facts, exactly; from the roll-up, within 0.5 %, where a modality has too many studies for every question to read
them. Patients are counted, not acquisitions: several values of one study are one patient.

References: ICRP Publication 135 (2017), section 2.3.3 (how many patients).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.orm import Session

from dose.levels.groups import Group
from dose.queries.choice import EVERYTHING, Choice
from dose.queries.choice_sql import Fact, conditions
from dose.queries.groups import SEXES
from dose.scope import Permission, Scope
from dose.statistics.bands import FEMALE, bands_of
from dose.statistics.measures import EVENT, OF_PHANTOM, STUDY, Measure, left_out_bit
from dose.statistics.summary import Summary, summary
from dose.tables import EventFact, StudyFact

MODALITIES = ("CT", "XA", "RF", "DX", "CR", "RG", "PX", "IO", "MG", "PT", "NM")
COMPLEXITIES = ("simple", "medium", "complex")
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
_SHARED = ("modality", "procedure_id", "device_id", "site_id", "study_id", "phantom", "sex", "left_out")
_SIZES = ("age_years", "weight_kg")
_IS_FEMALE = SEXES.index(FEMALE) + 1
_STUDY_VALUES = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s", "agd_mgy", "activity_mbq",
)  # fmt: skip
_EVENT_VALUES = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_e_mgy", "ka_i_mgy", "agd_mgy", "exposure_index",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Room:
    """A device of the period: `median` of its values, of `patients`; `chosen` when it is among what was asked for."""

    site_id: int
    device_id: int
    patients: int
    median: float
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The values of one measure, procedure and group. `rooms` are all devices, also those that were not asked for."""

    summary: Summary
    patients: int
    rooms: tuple[Room, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """Facts of one modality and procedure: columns of one length, NaN where a number is not stated."""

    columns: Mapping[str, Floats] = field(repr=False)

    def __len__(self) -> int:
        return len(self.columns["study_id"])

    @classmethod
    def empty(cls) -> Part:
        """No fact at all."""
        return cls({name: np.zeros(0) for name in (*_SHARED, *_SIZES, *_STUDY_VALUES, *_EVENT_VALUES)})

    def where(self, mask: Mask) -> Part:
        """Some of the facts."""
        return Part({name: column[mask] for name, column in self.columns.items()})

    def inside(self, group: Group) -> Mask:
        """Who surely belongs to the group."""
        found = np.ones(len(self), bool)
        axes = ("age_years", "weight_kg", "compressed_thickness_mm")
        for name, (low, high) in zip(axes, group.ranges(), strict=True):
            if (low, high) != (None, None):
                values = self._numbers(name)
                found &= (values >= (low or 0.0)) & (values < (np.inf if high is None else high))
        for name, wanted, known in (("sex", group.sex, SEXES), ("complexity", group.complexity, COMPLEXITIES)):
            if wanted is not None:
                found &= self._numbers(name) == (known.index(wanted) + 1 if wanted in known else -1)
        return found

    def _numbers(self, name: str) -> Floats:
        return self.columns.get(name, np.full(len(self), np.nan))

    def bands(self) -> Ints:
        """The band of each fact, as cells count it (`dose.statistics.bands`)."""
        found, kinds, women = np.zeros(len(self), np.int64), self.whole("modality"), self.columns["sex"] == _IS_FEMALE
        for kind in np.unique(kinds).tolist():
            here, of = kinds == kind, bands_of(MODALITIES[kind - 1])
            found[here] = of.numbers(self.columns["age_years"][here], self._numbers(of.size)[here], women[here])
        return found

    def whole(self, name: str) -> Ints:
        """A column of whole numbers that is never absent."""
        return self.columns[name].astype(np.int64)

    def of(self, measure: Measure) -> Part:
        """The facts that state the measure, with its phantom, also where the value is left out."""
        return self.where(self.states(measure))

    def states(self, measure: Measure) -> Mask:
        """Which facts state the measure, with its phantom, also where the value is left out."""
        stated = ~np.isnan(self.columns[measure.column]) | self._left_out(measure)
        if measure.column in OF_PHANTOM:
            phantom = self.columns["phantom"]
            stated &= np.isnan(phantom) if measure.phantom is None else phantom == measure.phantom
        return stated

    def _left_out(self, measure: Measure) -> Mask:
        flagged: Mask = (self.columns["left_out"].astype(np.int64) & left_out_bit(measure)) != 0
        return flagged

    def stated(self, measure: Measure) -> Part:
        """Those of `of(measure)` whose value counts."""
        return self.where(~np.isnan(self.columns[measure.column]))

    def found(self, measure: Measure, chosen: Mask) -> Found:
        """What `chosen` of these facts come to, beside the medians of all devices; they are those of the measure."""
        rooms, values = self.stated(measure), self.columns[measure.column][chosen]
        stated = ~np.isnan(values)
        own = self.columns["study_id"][chosen][stated]
        here = chosen[~np.isnan(self.columns[measure.column])]
        return Found(
            summary(values[stated], int((~stated).sum())), len(np.unique(own)), tuple(rooms.rooms(measure, here))
        )

    def rooms(self, measure: Measure, chosen: Mask) -> Iterator[Room]:
        """The devices, each with its median."""
        device, values = self.columns["device_id"], self.columns[measure.column]
        for number in np.unique(device[device > 0]).tolist():
            mine = device == number
            site = int(self.columns["site_id"][mine][0])
            patients = len(np.unique(self.columns["study_id"][mine]))
            yield Room(site, int(number), patients, float(np.median(values[mine])), bool((chosen & mine).any()))

    def by_patient(self, measure: Measure) -> Floats:
        """One value a study: the median of its acquisitions, so that values do not depend on one another."""
        _studies, place = np.unique(self.columns["study_id"], return_inverse=True)
        return medians_of(self.columns[measure.column], place)


def medians_of(values: Floats, place: Ints) -> Floats:
    """The median of the values of each group; `place` numbers the groups from 0, none is empty."""
    ordered = values[np.lexsort((values, place))]
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    middle: Floats = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return middle


Parts: TypeAlias = dict[tuple[str, int], dict[str, Part]]  # modality, procedure -> level -> its facts


def parts(
    session: Session,
    scope: Scope,
    choice: Choice = EVERYTHING,
    modalities: Sequence[str] = MODALITIES,
    measures: Collection[Measure] | None = None,
) -> Parts:
    """The facts of a choice, by modality and procedure (0: not mapped); a statement for each level that is asked for.

    `measures` None: all; else only what these need is read.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    found: Parts = {}
    for level in (STUDY, EVENT):
        columns = None if measures is None else sorted({one.column for one in measures if one.level == level})
        if columns is None or columns:
            for key, part in _split(facts_of(session, scope, choice, level, modalities, columns)):
                found.setdefault(key, {})[level] = part
    return found


def facts_of(
    session: Session,
    scope: Scope,
    choice: Choice,
    level: str,
    modalities: Sequence[str],
    columns: Sequence[str] | None = None,
) -> Part:
    """The facts of one level, of events the diagnostic ones; `modality` is the place in `MODALITIES`, from 1.

    `columns` are the values that are read; None: all.
    """
    scope.require(Permission.VIEW_DOSES)
    fact, every = (StudyFact, _STUDY_VALUES) if level == STUDY else (EventFact, _EVENT_VALUES)
    values = every if columns is None else columns
    names = [*_SHARED, *_SIZES, "complexity" if fact is StudyFact else "compressed_thickness_mm", *values]
    texts = [func.aggregate_strings(_text(_number(fact, name)), ",") for name in names]
    where = [*conditions(session, scope, choice, fact), fact.modality.in_(modalities)]
    if fact is EventFact:
        where.append(EventFact.diagnostic.is_(True))
    row = session.execute(select(*texts).where(*where)).one()
    return Part({name: np.fromstring(text or "", np.float64, sep=",") for name, text in zip(names, row, strict=True)})


def _number(fact: Fact, name: str) -> Any:  # noqa: ANN401 - a column or an expression of one
    column = getattr(fact, name)
    codes = {"modality": MODALITIES, "sex": SEXES, "complexity": COMPLEXITIES}
    if name in codes:
        return case(*((column == code, number) for number, code in enumerate(codes[name], 1)), else_=0)
    return func.coalesce(column, 0) if name in ("procedure_id", "device_id") else column


def _text(column: Any) -> ColumnElement[str]:  # noqa: ANN401 - any number
    return func.coalesce(cast(column, String), "nan")


def _split(facts: Part) -> Iterator[tuple[tuple[str, int], Part]]:
    if not len(facts):
        return
    modality, procedure = (facts.columns[name].astype(np.int64) for name in ("modality", "procedure_id"))
    key = procedure * (len(MODALITIES) + 1) + modality
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0]).tolist()
    ordered = {name: column[order] for name, column in facts.columns.items()}
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        first = order[start]
        yield (
            (MODALITIES[int(modality[first]) - 1], int(procedure[first])),
            Part({name: column[start:end] for name, column in ordered.items()}),
        )
