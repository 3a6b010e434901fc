"""What needs a person, and what arrives just now: each answered by few statements, whatever the size of the database.

Nothing here is stored: it is asked when somebody looks, so that nothing can be out of date but what the facts have not
counted yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from dose.levels.compare import ABOVE, DRL, Asked, Level, Levels, judge
from dose.levels.groups import Group
from dose.levels.minima import minimum_count
from dose.queries.access import allowed, allowed_devices
from dose.queries.cells_period import Counted, counted
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.queries.levels import active_levels, sets
from dose.queries.medians import MODALITIES
from dose.queries.medians_cells import About, Key, Line, are_bands, lines_of, spread_with_patients
from dose.queries.models import StudyRow
from dose.queries.search import HAS_NOTES
from dose.queries.studies import device_name, study_rows, study_statement
from dose.queries.today import Period, within
from dose.scope import Permission, Scope
from dose.statistics.bins import RELATIVE_ERROR
from dose.statistics.measures import Measure
from dose.statistics.pauses import silence
from dose.store.facts import behind
from dose.tables import Device, ImageSeries, IngestItem, LocalName, Procedure, Site, SourceObject, Study, StudyFact

HABIT_DAYS = 120  # over which a device's own habit is learnt
NOTES_DAYS = 7
IN_PROGRESS_MINUTES = 20  # an examination whose last object came within these is taken to be going on
SHOWN = 8
MOST_OF_A_DAY = 5000  # studies whose arrivals are looked at


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A local name without procedure, or with rules that disagree, and how many studies of the period it has."""

    local_name_id: int
    title: str
    modality: str | None
    studies: int

    @property
    def behind(self) -> Choice:
        """Its studies."""
        return one_of("local_name", self.local_name_id)


@dataclass(frozen=True, slots=True)
class Silent:
    """A device that has been quiet for longer than it ever is; both in days."""

    device_id: int
    name: str
    last_day: date
    quiet_days: int
    usual_days: int


@dataclass(frozen=True, slots=True)
class Over:
    """A median of a site above its reference level."""

    procedure_id: int
    procedure_key: str
    procedure: str
    site_id: int
    site: str
    modality: str
    measure: Measure
    median: float
    n: int
    level: Level

    @property
    def behind(self) -> Choice:
        """The studies whose median it is."""
        group, low, high = self.level.group, [], []
        for field, (start, end) in zip(("age_years", "weight_kg"), group.ranges()[:2], strict=True):
            low += [compare(field, ">=", start)] if start is not None else []
            high += [compare(field, "<", end)] if end is not None else []
        return all_of(
            one_of("procedure", self.procedure_id), one_of("site", self.site_id), one_of("modality", self.modality),
            one_of("measured", self.measure.key), *low, *high,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs a person; what the account may not see is None.

    `unnamed_studies` counts all of the period, `unnamed` names the largest. `unconfirmed` counts levels of active sets
    that wait for a person, by set.
    """

    unnamed_studies: int
    unnamed: tuple[Unnamed, ...]
    silent: tuple[Silent, ...]
    refused: int | None
    with_notes: int
    notes_since: date
    over: tuple[Over, ...]
    unconfirmed: tuple[tuple[int, str, int], ...]  # row id and name of the set, levels
    backlog: int | None
    given_up: int | None
    uncounted: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing needs anybody."""
        lists = (self.unnamed, self.silent, self.over, self.unconfirmed)
        return not any((*lists, self.refused, self.with_notes, self.given_up))


@dataclass(frozen=True, slots=True)
class Live:
    """The studies of a day, the latest first; those whose last object just came are taken to be in progress.

    `studies` counts all of the day, `rows` are the latest. Nobody tells us when an examination ends.
    """

    day: date
    studies: int
    by_modality: tuple[tuple[str, int], ...]
    rows: tuple[StudyRow, ...]
    in_progress: frozenset[int]
    last_arrival: datetime | None


def attention(session: Session, scope: Scope, period: Period, now: datetime, zone: str) -> Attention:
    """What needs a person, `now` (UTC); the number of statements does not depend on how much there is.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    today = now.astimezone(ZoneInfo(zone)).date()
    since = today - timedelta(days=NOTES_DAYS - 1)
    count, names = unnamed(session, scope, period)
    system = scope.may(Permission.VIEW_SYSTEM)
    rejected = select(func.count()).select_from(SourceObject).where(
        SourceObject.status == "rejected", allowed(scope, SourceObject))  # fmt: skip
    open_sets = [(one.id, one.name, one.unconfirmed) for one in sets(session, scope) if one.active and one.unconfirmed]
    return Attention(
        count, names, silent(session, scope, today),
        session.scalar(rejected) or 0 if scope.may(Permission.VIEW_REJECTED) else None,
        _with_notes(session, scope, since), since, over(session, scope, period), tuple(open_sets),
        _items(session, "pending") if system else None, _items(session, "dead") if system else None, behind(session),
    )  # fmt: skip


def _items(session: Session, state: str) -> int:
    return session.scalar(select(func.count()).select_from(IngestItem).where(IngestItem.state == state)) or 0


def _with_notes(session: Session, scope: Scope, since: date) -> int:
    of_patients = (Study.is_patient, Study.covered_by_id.is_(None), Study.listed_at >= _listed(since))
    where = (HAS_NOTES, *of_patients, allowed(scope, Study))
    return session.scalar(select(func.count()).select_from(Study).where(*where)) or 0


def _listed(day: date) -> int:
    return int(day.strftime("%Y%m%d")) * 1_000_000


def unnamed(session: Session, scope: Scope, period: Period) -> tuple[int, tuple[Unnamed, ...]]:
    """Studies of a period without procedure, and their local names by volume. Two statements."""
    fact, counted = StudyFact, func.count().label("studies")
    where = [*within(scope, period), fact.naming != literal_column("'mapped'")]  # written out, as their index has it
    found = session.execute(select(fact.local_name_id, counted).where(*where).group_by(fact.local_name_id)).all()
    largest = sorted((row for row in found if row[0] is not None), key=lambda row: (-row[1], row[0]))[:SHOWN]
    names = {row.id: row for row in session.scalars(select(LocalName).where(LocalName.id.in_([n for n, _ in largest])))}
    shown = tuple(
        Unnamed(number, _title(names[number].words), names[number].modality, studies)
        for number, studies in largest if number in names
    )  # fmt: skip
    return sum(row[1] for row in found), shown


_TITLES = ("description", "requested_procedure", "procedure_meaning", "protocol", "procedure_code", "body_region")


def _title(words: dict[str, object]) -> str:
    for name in _TITLES:
        said = words.get(name)
        text = said[0] if isinstance(said, list) and said else said
        if isinstance(text, str) and text:
            return text
    return ""


# ---- devices --------------------------------------------------------------------------------------------------------


def silent(session: Session, scope: Scope, today: date) -> tuple[Silent, ...]:
    """Devices that have been quiet for far longer than they ever were: the longest silence first. Two statements."""
    days = days_of_use(session, scope, today)
    quiet = {device: found for device, own in days.items() if (found := silence(own, today))}
    rows = session.scalars(select(Device).where(Device.id.in_(sorted(quiet)), allowed_devices(scope)))
    named = [Silent(row.id, device_name(vars(row)), days[row.id][-1], *quiet[row.id]) for row in rows]
    return tuple(sorted(named, key=lambda one: (-one.quiet_days / one.usual_days, one.device_id)))


def days_of_use(session: Session, scope: Scope, today: date) -> dict[int, list[date]]:
    """The days on which each device examined somebody, ascending, over which its habit is learnt. One statement."""
    fact = StudyFact
    first = int((today - timedelta(days=HABIT_DAYS)).strftime("%Y%m%d"))
    last = int(today.strftime("%Y%m%d"))
    where = (fact.day.between(first, last), fact.device_id.is_not(None), allowed(scope, fact))
    days: defaultdict[int, list[date]] = defaultdict(list)
    for device, day in session.execute(select(fact.device_id, fact.day).where(*where).distinct().order_by(fact.day)):
        days[device or 0].append(date(day // 10_000, day // 100 % 100, day % 100))
    return days


# ---- levels ---------------------------------------------------------------------------------------------------------


def over(session: Session, scope: Scope, period: Period) -> tuple[Over, ...]:
    """Medians of sites above their reference level, the furthest first; of groups that the roll-up can tell apart.

    A median of fewer patients than a level asks for is not compared (ICRP 135, section 2.3.3), nor is one that differs
    from its level by less than the roll-up knows.
    """
    levels = active_levels(session, scope)
    counts = _by_site(counted(session, scope, *period.days, MODALITIES))
    asked = _asked(levels, counts, period)
    lines = lines_of({about: list(of_group) for about, of_group in asked.items()})
    found = [over_it for one, of in lines.items() for over_it in _over(counts, one, of, asked)]
    return _named(session, sorted(found, key=lambda one: -one.median / one.level.value))


def _by_site(counts: Counted) -> Counted:
    """The same values with the sites for rooms: medians are those of sites then."""
    sites, place = np.unique(counts.site, return_inverse=True)
    return replace(counts, room=place, rooms=tuple((site, 0) for site in sites.tolist()))


def _asked(levels: Levels, counts: Counted, period: Period) -> dict[About, dict[Group, Level]]:
    """The level of each group that the roll-up can tell apart, by what there are values of."""
    found: dict[About, dict[Group, Level]] = {}
    for modality, procedure, one in counts.occurring():
        asked = Asked(one, modality, procedure or None, period.days[1], statistics=frozenset({DRL}))
        chosen = (choice.level for choice in levels.groups(asked))
        of_group = {level.group: level for level in chosen if level and level.device_id is None}
        if told := {group: level for group, level in of_group.items() if are_bands([group], modality)}:
            found[modality, procedure, one] = told
    return found


def _over(
    counts: Counted, one: Measure, lines: Mapping[Key, Line], asked: Mapping[About, Mapping[Group, Level]]
) -> Iterator[Over]:
    values, patients = spread_with_patients(counts, one, list(lines.values()))
    keys, sites = list(lines), len(counts.rooms)
    numbers = np.bincount(patients.line * sites + patients.room, patients.count, len(keys) * sites).astype(int)
    for line, room, median in values.medians():
        (about, group), (site, _device) = keys[line], counts.rooms[room]
        assert group is not None  # only groups with a level were asked for
        (modality, procedure, _measure), level, n = about, asked[about][group], int(numbers[line * sites + room])
        verdict = judge(median, n, level, minimum_count(modality))
        surely = median > level.value * (1 + RELATIVE_ERROR)
        if level.site_id in (None, site) and verdict.code == ABOVE and surely:
            yield Over(procedure, "", "", site, "", modality, one, median, n, level)


def _named(session: Session, found: list[Over]) -> tuple[Over, ...]:
    ids = sorted({one.procedure_id for one in found})
    rows = session.execute(select(Procedure.id, Procedure.key, Procedure.name).where(Procedure.id.in_(ids)))
    names = {number: (key, name) for number, key, name in rows}
    places = {one.id: one.name for one in session.scalars(select(Site))}
    told = ((one, *names.get(one.procedure_id, ("", "")), places.get(one.site_id, "")) for one in found)
    return tuple(replace(one, procedure_key=key, procedure=name, site=site) for one, key, name, site in told)


# ---- today ----------------------------------------------------------------------------------------------------------


def live(session: Session, scope: Scope, now: datetime, zone: str) -> Live:
    """The studies of the local day of `now` (UTC), and which of them seem to be in progress. Six statements."""
    scope.require(Permission.VIEW_DOSES)
    today = now.astimezone(ZoneInfo(zone)).date()
    of_today = (Study.listed_at.between(_listed(today), _listed(today) + 999_999), allowed(scope, Study),
                Study.is_patient, Study.covered_by_id.is_(None))  # fmt: skip
    counted = session.execute(select(Study.modality, func.count()).where(*of_today).group_by(Study.modality)).all()
    statement = study_statement(scope).where(*of_today).order_by(Study.listed_at.desc(), Study.id.desc())
    rows = study_rows(session, statement.limit(SHOWN))
    every = session.execute(select(Study.id, Study.study_instance_uid).where(*of_today).limit(MOST_OF_A_DAY)).all()
    running, last = _arrivals(session, [(number, uid) for number, uid in every], now)
    order = sorted(((modality or "", n) for modality, n in counted), key=lambda one: (-one[1], one[0]))
    return Live(today, sum(n for _modality, n in order), tuple(order), rows, running, last)


def _arrivals(
    session: Session, studies: list[tuple[int, str]], now: datetime
) -> tuple[frozenset[int], datetime | None]:
    """Which of the studies got an object or an image lately, and when the last of all came (UTC)."""
    ids, uids = [number for number, _uid in studies], {uid: number for number, uid in studies}
    objects = select(SourceObject.study_id, func.max(SourceObject.received_at)).where(SourceObject.study_id.in_(ids))
    images = select(ImageSeries.study_instance_uid, func.max(ImageSeries.seen_at)).where(
        ImageSeries.study_instance_uid.in_(list(uids)))  # fmt: skip
    latest: defaultdict[int, list[datetime]] = defaultdict(list)
    for number, at in session.execute(objects.group_by(SourceObject.study_id)):
        latest[number or 0].append(_utc(at))
    for uid, at in session.execute(images.group_by(ImageSeries.study_instance_uid)):
        latest[uids[uid]].append(_utc(at))
    since = now - timedelta(minutes=IN_PROGRESS_MINUTES)
    running = frozenset(number for number, times in latest.items() if max(times) >= since)
    return running, max((max(times) for times in latest.values()), default=None)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
