"""Which reference level applies to a value, and what the value says against it.

Never across quantities, levels (event, series, study), phantoms or kinds of modality: there is no conversion here. Of
the levels that fit, the set with the highest priority wins, then a level of the device before one of the site before
one of everybody, then the narrowest group of patients, then the latest. A choice that is not certain is no choice: it
says why, and what must be known.

A median is compared with a level, a single patient's dose is not: levels are no limits (ICRP 135, sections 2.1, 2.5).
Trigger levels alone are for single studies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from operator import attrgetter

from dose.levels.groups import EVERYBODY, Group, Patient
from dose.statistics.measures import MIXED, STUDY, Measure

DRL, TYPICAL, TRIGGER = "drl", "typical", "trigger"  # 75th percentile of medians; median; a single study
NATIONAL, REGIONAL, LOCAL = "national", "regional", "local"
KINDS = (NATIONAL, REGIONAL, LOCAL, TYPICAL, TRIGGER)
PRIORITIES = {LOCAL: 30, TYPICAL: 20, NATIONAL: 15, REGIONAL: 10, TRIGGER: 0}  # until a person chooses another
# Modalities whose studies are compared with one another's levels; the procedure tells them apart further.
FAMILIES = (
    frozenset({"CT"}), frozenset({"XA", "RF"}), frozenset({"DX", "CR", "RG", "PX", "IO"}), frozenset({"MG"}),
    frozenset({"PT"}), frozenset({"NM"}),
)  # fmt: skip
OF_A_PHANTOM = frozenset({"ctdi_vol_mgy", "dlp_mgy_cm"})

FOUND, NO_PROCEDURE, NO_LEVEL, OTHER_TIME, OTHER_GROUP = "", "no-procedure", "no-level", "other-time", "other-group"
PHANTOM_UNKNOWN, PHANTOM_MIXED, PHANTOM_OTHER = "phantom-not-stated", "phantoms-mixed", "other-phantom"
AMBIGUOUS = "ambiguous"  # two levels of one rank state different values
# Further reasons: age-unknown, weight-unknown, sex-unknown, thickness-unknown, complexity-unknown

BELOW, ABOVE, TOO_FEW, NO_VALUE = "below", "above", "too-few", "no-value"


@dataclass(frozen=True, slots=True)
class Level:
    """A reference level that may be compared with: row and set together. `value` in the unit of `column`.

    Both dates belong to the time in which it applies; None: without end. `procedure_id` None: every procedure, which
    only trigger levels may say.
    """

    id: int
    set_id: int
    set_name: str
    kind: str
    edition: str | None
    modality: str
    column: str
    level: str
    phantom: int | None
    value: float
    statistic: str
    population: str
    citation: str
    procedure_id: int | None = None
    group: Group = EVERYBODY
    priority: int = 0
    site_id: int | None = None
    device_id: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    sample_count: int | None = None
    room_count: int | None = None

    def applies_on(self, day: date) -> bool:
        """Whether the day lies in the time of the level."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)

    @property
    def scope(self) -> int:
        """2 for one device, 1 for one site, 0 for all."""
        return 2 if self.device_id is not None else 1 if self.site_id is not None else 0

    @property
    def rank(self) -> tuple[object, ...]:
        """What decides between levels that fit: the smallest applies."""
        return (-self.priority, -self.scope, self.group.narrowness(), -(self.valid_from or date.min).toordinal())


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared: one measure of one procedure, on a day, at a place.

    `statistics` are the kinds of level that are wanted: the reference level, unless said otherwise. `since` is the
    first day of a period that ends on `day`; None: that day alone.
    """

    measure: Measure
    modality: str | None
    procedure_id: int | None
    day: date
    site_id: int | None = None
    device_id: int | None = None
    statistics: frozenset[str] = frozenset({DRL})
    since: date | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What the levels of the day depend on."""
        place = (self.procedure_id, self.site_id, self.device_id)
        return (self.measure.number, self.modality, self.day, *place, self.statistics)


@dataclass(frozen=True, slots=True)
class Choice:
    """The level that applies; None with the reason. `beside` fit too, in the order of their rank.

    `former` are other levels that applied on earlier days of the period, the latest first.
    """

    level: Level | None
    why: str = FOUND
    beside: tuple[Level, ...] = ()
    former: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a median says against a level: `code` is below (at the level too), above, too-few or no-value.

    `ratio` is value / level, also where there are too few; None without value. `minimum` is the n that is asked for.
    """

    code: str
    ratio: float | None
    count: int
    minimum: int


class Levels:
    """Active levels, made ready for many questions."""

    def __init__(self, levels: Iterable[Level]) -> None:
        self._by_key: defaultdict[tuple[str, str, int | None], list[Level]] = defaultdict(list)
        for one in levels:
            self._by_key[one.column, one.level, one.procedure_id].append(one)
        # What was asked before: a page asks of each line which groups there are, and then for the level of each
        self._known: dict[tuple[object, ...], tuple[list[Level], list[Level], str]] = {}
        self._groups: dict[tuple[object, ...], tuple[Choice, ...]] = {}

    def measures(self) -> frozenset[tuple[str, str]]:
        """Quantity and level of all that is compared with."""
        return frozenset((column, level) for column, level, _procedure in self._by_key)

    def choose(self, asked: Asked, patient: Patient) -> Choice:
        """The level for one patient's value: the group that surely holds him."""
        _named, here, why = self._named(asked)
        if why:
            return Choice(None, why)
        fits = [(one, *one.group.fit(patient)) for one in here]
        maybe = [(one, missing) for one, possible, missing in fits if possible]
        surely = [one for one, missing in maybe if not missing]
        if surely:
            return _best(surely)
        return Choice(None, f"{maybe[0][1][0]}-unknown" if maybe else OTHER_GROUP)

    def for_group(self, asked: Asked, group: Group) -> Choice:
        """The level for the median of a group: one whose own group holds all of it."""
        named, here, why = self._named(asked)
        fits = [one for one in here if group.within(one.group)]
        found = _best(fits) if fits else Choice(None, why or OTHER_GROUP)
        return _with_former(found, asked, [one for one in named if group.within(one.group)])

    def groups(self, asked: Asked) -> tuple[Choice, ...]:
        """For each group of patients that has a level: the one that applies; the rows of a compliance table.

        A group that two levels of different sets are for appears once, with the other beside.
        """
        key = (asked.key, asked.since)
        if key not in self._groups:
            named, here, _why = self._named(asked)
            every, timely = _by_group(named), _by_group(here)
            self._groups[key] = tuple(
                _with_former(_best(timely[group]), asked, every[group]) for group in sorted(timely, key=_order)
            )
        return self._groups[key]

    def crossed(self, asked: Asked, patient: Patient, value: float) -> tuple[Level, ...]:
        """The trigger levels that a single study has reached, the highest first."""
        here = self._of_place(asked, frozenset({TRIGGER}))
        reached = [one for one in here if one.applies_on(asked.day) and one.group.holds(patient) and value >= one.value]
        return tuple(sorted(reached, key=attrgetter("value"), reverse=True))

    def triggers(self, day: date, site_id: int | None = None, device_id: int | None = None) -> tuple[Level, ...]:
        """The trigger levels of a day and place that are for whole examinations of every procedure and patient."""
        here = (one for of in self._by_key.values() for one in of if one.statistic == TRIGGER and one.level == STUDY)
        chosen = (one for one in here if (one.procedure_id, one.group) == (None, EVERYBODY) and one.applies_on(day))
        of_place = (one for one in chosen if one.site_id in (None, site_id) and one.device_id in (None, device_id))
        return tuple(sorted(of_place, key=lambda one: (one.column, -one.value, one.id)))

    def _named(self, asked: Asked) -> tuple[list[Level], list[Level], str]:
        """The levels of this measure, procedure and place; those of the day; why there is none."""
        if asked.key not in self._known:
            self._known[asked.key] = self._look_up(asked)
        return self._known[asked.key]

    def _look_up(self, asked: Asked) -> tuple[list[Level], list[Level], str]:
        if asked.procedure_id is None:
            return [], [], NO_PROCEDURE
        if (asked.measure.column, asked.measure.level, asked.procedure_id) not in self._by_key:
            return [], [], NO_LEVEL
        named = [one for one in self._of_place(asked, asked.statistics) if one.procedure_id == asked.procedure_id]
        if not named:
            return [], [], self._why_none(asked)
        timely = [one for one in named if one.applies_on(asked.day)]
        return named, timely, FOUND if timely else OTHER_TIME

    def _of_place(self, asked: Asked, statistics: frozenset[str]) -> list[Level]:
        measure = asked.measure
        if measure.column in OF_A_PHANTOM and not measure.phantom:
            return []
        return [one for one in self._alike(asked, statistics) if one.phantom == measure.phantom]

    def _alike(self, asked: Asked, statistics: frozenset[str]) -> list[Level]:
        """Of any phantom: only to say why there is none."""
        about = (asked.measure.column, asked.measure.level)
        return [
            one
            for procedure in dict.fromkeys((None, asked.procedure_id))
            for one in self._by_key.get((*about, procedure), ())
            if one.statistic in statistics
            and _one_family(one.modality, asked.modality)
            and one.site_id in (None, asked.site_id)
            and one.device_id in (None, asked.device_id)
        ]

    def _why_none(self, asked: Asked) -> str:
        others = [one for one in self._alike(asked, asked.statistics) if one.procedure_id is not None]
        if not others:
            return NO_LEVEL
        return {None: PHANTOM_UNKNOWN, MIXED: PHANTOM_MIXED}.get(asked.measure.phantom, PHANTOM_OTHER)


def judge(value: float | None, count: int, level: Level, minimum: int) -> Verdict:
    """Compare a median with a level.

    Parameters
    ----------
    value : float or None
        Median in the unit of the level; None when no patient has the value.
    count : int
        Patients it is the median of.
    minimum : int
        Fewer say nothing (`dose.levels.minima`).
    """
    if value is None or count == 0:
        return Verdict(NO_VALUE, None, count, minimum)
    ratio = value / level.value
    if count < minimum:
        return Verdict(TOO_FEW, ratio, count, minimum)
    return Verdict(ABOVE if value > level.value else BELOW, ratio, count, minimum)


def _by_group(levels: Iterable[Level]) -> dict[Group, list[Level]]:
    found: defaultdict[Group, list[Level]] = defaultdict(list)
    for one in levels:
        found[one.group].append(one)
    return found


def _best(fits: Sequence[Level]) -> Choice:
    if len(fits) == 1:
        return Choice(fits[0])
    first, *others = sorted(fits, key=lambda one: (one.rank, one.id))
    if any(one.rank == first.rank and one.value != first.value for one in others):
        return Choice(None, AMBIGUOUS, (first, *others))
    return Choice(first, FOUND, tuple(others))


def _with_former(found: Choice, asked: Asked, named: Sequence[Level]) -> Choice:
    """The choice with what applied before it in the period: asked again on each day on which a level begins or ends."""
    since = asked.since
    if since is None:
        return found
    began = {one.valid_from for one in named if one.valid_from}
    ended = {one.valid_to + timedelta(days=1) for one in named if one.valid_to and one.valid_to < date.max}
    turns = {day for day in began | ended if since < day <= asked.day}
    if not turns:
        return found
    days = sorted({since, *(turns - {asked.day})}, reverse=True)
    timely = ([one for one in named if one.applies_on(day)] for day in days)
    best = (_best(of).level for of in timely if of)
    former = dict.fromkeys(one for one in best if one is not None and one != found.level)
    return replace(found, former=tuple(former)) if former else found


def family(modality: str) -> frozenset[str]:
    """The modalities whose studies are compared with levels of this one."""
    return next((one for one in FAMILIES if modality in one), frozenset({modality}))


def _one_family(one: str, other: str | None) -> bool:
    return other in family(one)


def _order(group: Group) -> tuple[float, ...]:
    return tuple(border or 0.0 for borders in group.ranges() for border in borders)
