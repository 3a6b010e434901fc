"""The values of a period as counts in bins, whichever its days: whole months from the roll-up, other days from facts.

What stands in facts is counted here as the roll-up counts it (`dose.statistics.cells`), so that both add up.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from dose.queries.cells import CellQuestion, Dim, several
from dose.queries.cells_cache import Cells, Entries, Flags, cells
from dose.queries.choice import Choice, all_of, any_of, compare, one_of
from dose.queries.medians import MODALITIES, Part, facts_of, medians_of
from dose.scope import Permission, Scope
from dose.statistics.bands import bands_of
from dose.statistics.bins import bins_of
from dose.statistics.cells import LEFT_OUT, PATIENTS
from dose.statistics.measures import BY_NUMBER, EVENT, STUDIES, STUDY, Measure

Ints = npt.NDArray[np.int64]
_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Counted:
    """What an account may see of a period. The columns are of the places that entries name as their cells.

    A procedure or device 0 is not stated. `rooms` are sites and devices, `room` their place among them; `kinds` are
    modalities and procedures, `kind` their place among them.
    """

    site: Ints
    device: Ints
    room: Ints
    rooms: tuple[tuple[int, int], ...]
    kind: Ints
    kinds: tuple[tuple[str, int], ...]
    _held: Cells = field(repr=False)
    _valid: Flags = field(repr=False)
    _beside: Mapping[int, Entries] = field(repr=False)
    _kept: dict[int, Entries] = field(default_factory=dict, repr=False)

    def entries(self, number: int) -> Entries:
        """The entries of a measure, of its patients (`PATIENTS` more), or of `STUDIES`."""
        if number not in self._kept:
            parts = self._held.entries(number, self._valid)
            parts += [self._beside[number]] if number in self._beside else []
            self._kept[number] = _joined(parts)
        return self._kept[number]

    def occurring(self, among: Collection[Measure] | None = None) -> Iterator[tuple[str, int, Measure]]:
        """Modality, procedure (0: not mapped) and measure of all that has a value, or one that was left out.

        `among` are the measures that are looked at; None: all.
        """
        for number, measure in BY_NUMBER.items():
            if among is not None and measure not in among:
                continue
            there = np.bincount(self.kind[self.entries(number).cell], minlength=len(self.kinds))
            yield from ((*self.kinds[place], measure) for place in np.flatnonzero(there).tolist())


def studies_between(
    session: Session, scope: Scope, first: date, last: date, chosen: CellQuestion, modalities: Sequence[str]
) -> int:
    """How many studies the months of these days hold, of these modalities, where the question asks."""
    months = (first.year * 100 + first.month, last.year * 100 + last.month)
    asked = replace(chosen, by=(Dim.MODALITY,), month_from=months[0], month_to=months[1])
    groups = several(session, scope, [asked])[0]
    return sum(group.summary.n for group in groups if group.key[0] in modalities)


def counted(
    session: Session,
    scope: Scope,
    first: date,
    last: date,
    modalities: Sequence[str],
    procedures: Sequence[int] | None = None,
    measures: Collection[Measure] | None = None,
) -> Counted:
    """The values of a period, both days included, of these procedures (None: all, 0: not mapped) and measures.

    `measures` None: all; else only those need be there. At most two statements for whole months, two for others.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    held = cells(session)
    months, days = divided(first, last)
    number = {name: place for place, name in enumerate(MODALITIES)}
    place_of = np.array([number.get(name, -1) for name in held.modalities], dtype=np.int64)
    modality = place_of[held.modality] if len(place_of) else _NOTHING
    of_cells = np.stack([held.site, held.device, modality, held.procedure])
    valid = held.valid & np.isin(of_cells[2], [number[name] for name in modalities])
    valid &= (held.month >= months[0]) & (held.month <= months[1]) if months else False
    wanted = ((held.site, scope.site_ids), (held.device, scope.device_ids), (held.procedure, procedures))
    for column, ids in wanted:
        if ids is not None:
            valid &= np.isin(column, sorted(ids))
    if days and procedures is not None:
        days = all_of(days, one_of("procedure", *(number or None for number in procedures)))
    beside, of_facts = (
        _of_days(session, scope, days, modalities, measures, len(valid)) if days else ({}, of_cells[:, :0])
    )
    site, device, modality, procedure = np.concatenate([of_cells, of_facts], axis=1)
    once, room = _alike(site, device)
    rooms = tuple(zip(site[once].tolist(), device[once].tolist(), strict=True))
    once, kind = _alike(procedure, modality)
    names = ((*MODALITIES, "")[place] for place in modality[once].tolist())  # the last one: of other modalities
    kinds = tuple(zip(names, procedure[once].tolist(), strict=True))
    return Counted(site, device, room, rooms, kind, kinds, held, valid, beside)


def divided(first: date, last: date) -> tuple[tuple[int, int] | None, Choice | None]:
    """The first and last whole month (YYYYMM) between two days, and the days beside them; None where there are none."""
    start = first if first.day == 1 else _month_end(first) + timedelta(days=1)
    end = last if last == _month_end(last) else last.replace(day=1) - timedelta(days=1)
    if start > end:
        return None, _between(first, last)
    beside = [_between(*ends) for ends in ((first, start - timedelta(days=1)), (end + timedelta(days=1), last))
              if ends[0] <= ends[1]]  # fmt: skip
    return (start.year * 100 + start.month, end.year * 100 + end.month), any_of(*beside) if beside else None


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _between(first: date, last: date) -> Choice:
    ends = ((">=", first), ("<=", last))
    return all_of(*(compare("date", op, day.year * 10_000 + day.month * 100 + day.day) for op, day in ends))


def _of_days(
    session: Session, scope: Scope, days: Choice, modalities: Sequence[str], measures: Collection[Measure] | None,
    first: int,
) -> tuple[dict[int, Entries], Ints]:  # fmt: skip
    """The entries of facts, by measure, and the columns of the places that they name, which begin at `first`."""
    found: dict[int, Entries] = {}
    columns = []
    for level in (STUDY, EVENT):
        of_level = [one for one in BY_NUMBER.values() if one.level == level and (measures is None or one in measures)]
        part = facts_of(session, scope, days, level, modalities, sorted({one.column for one in of_level}))
        keys = np.stack([part.whole(name) for name in ("site_id", "device_id", "modality", "procedure_id")])
        once, place = _alike(*keys)
        place += first
        first += len(once)
        columns.append(keys[:, once] - np.array([[0], [0], [1], [0]]))
        bands = part.bands()
        if level == STUDY:
            found[STUDIES] = _entries(place, bands, np.zeros(len(part), np.int16))
        for measure in of_level:
            found |= _of_measure(part, place, bands, measure)
    return found, np.concatenate(columns, axis=1)


def _alike(*columns: Ints) -> tuple[Ints, Ints]:
    """Where each combination of values stands once, and for each row which combination it has."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        known, place = np.unique(column, return_inverse=True)
        code = code * len(known) + place
    _known, once, place = np.unique(code, return_index=True, return_inverse=True)
    return once, place


def _of_measure(part: Part, place: Ints, every: Ints, measure: Measure) -> dict[int, Entries]:
    known = [number for number, name in enumerate(MODALITIES, 1) if name in measure.modalities]
    here = part.states(measure) & np.isin(part.columns["modality"], known)
    values, places, bands = part.columns[measure.column][here], place[here], every[here]
    stated = ~np.isnan(values)
    bins = np.full(len(values), LEFT_OUT, np.int16)
    bins[stated] = bins_of(values[stated])
    found = {measure.number: _entries(places, bands, bins)}
    if measure.level == EVENT:
        stated = np.flatnonzero(here)[stated]
        found[PATIENTS + measure.number] = _of_patients(part, place, every, measure, stated)
    return found


def _of_patients(part: Part, place: Ints, bands: Ints, measure: Measure, stated: Ints) -> Entries:
    """One value a study and band; where sizes differ from one event to the next, one of whatever size too."""
    kinds, rows, of = part.whole("modality")[stated], [stated], [bands[stated]]
    for kind, name in enumerate(MODALITIES, 1):
        if bands_of(name).differs:
            rows.append(stated[kinds == kind])
            of.append(bands_of(name).whatever(bands[rows[-1]]))
    row, band = np.concatenate(rows), np.concatenate(of)
    once, patient = _alike(part.whole("study_id")[row], place[row], band)
    medians = medians_of(part.columns[measure.column][row], patient)
    return _entries(place[row][once], band[once], bins_of(medians))


def _entries(place: Ints, bands: Ints, bins: npt.NDArray[np.int16]) -> Entries:
    return Entries(place.astype(np.int32), bands.astype(np.uint8), bins, np.ones(len(place), np.uint32))


def _joined(parts: Sequence[Entries]) -> Entries:
    if not parts:
        return _entries(_NOTHING, _NOTHING, _NOTHING.astype(np.int16))
    columns = ([getattr(part, name) for part in parts] for name in ("cell", "band", "bin", "count"))
    return Entries(*map(np.concatenate, columns))
