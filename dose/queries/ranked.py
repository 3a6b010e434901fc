"""The doses by which studies are ranked, in memory: a calendar year together, brought up to date by what changed since.

Who is asked about is found in the database; who they are ranked among is every study of two years, and to fetch those
for each question would take longer than to answer it. A process holds the years that somebody asked about, each with
the distances of its studies. What is held is never changed but replaced, so that any thread may read meanwhile.

The position of folding (`dose.store.facts`) says what is new: studies that were folded since are read again. What facts
went through otherwise (deletions, other rules) is only counted there, and lets all years be read again.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field, fields

import numpy as np
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from dose.queries.peers import Kinds, Numbers, all_of_year, fetch, judged_value
from dose.queries.statistics import groups_of
from dose.scope import Scope, system_scope
from dose.statistics import outliers as far
from dose.statistics.outliers import Mask
from dose.statistics.summary import Values
from dose.store import facts
from dose.tables import Study, StudyFact

EVERYONE = system_scope("ranked")
MOST_CHANGED = 20_000  # studies that are read again one by one; more: the years anew


@dataclass(frozen=True, slots=True)
class Doses:
    """Studies of a year that count and state the dose they are ranked by, in the order of their numbers."""

    kinds: Kinds
    sites: Numbers
    values: Values

    def of(self, chosen: Mask) -> Doses:
        """Those that are flagged."""
        kinds = Kinds(*(getattr(self.kinds, one.name)[chosen] for one in fields(Kinds)))
        return Doses(kinds, self.sites[chosen], self.values[chosen])

    def and_those(self, others: Doses) -> Doses:
        """Both, in the order of their numbers; none may be in both."""
        order = np.argsort(np.concatenate([self.kinds.study_ids, others.kinds.study_ids]), kind="stable")
        pairs = ((getattr(self.kinds, one.name), getattr(others.kinds, one.name)) for one in fields(Kinds))
        kinds = Kinds(*(np.concatenate(pair)[order] for pair in pairs))
        sites, values = np.concatenate([self.sites, others.sites]), np.concatenate([self.values, others.values])
        return Doses(kinds, sites[order], values[order])

    def seen_by(self, scope: Scope) -> Doses:
        """Those of the account's scope."""
        if scope.site_ids is None and scope.device_ids is None:
            return self
        seen = np.ones(len(self.values), bool)
        if scope.site_ids is not None:
            seen &= np.isin(self.sites, sorted(scope.site_ids))
        if scope.device_ids is not None:
            seen &= np.isin(self.kinds.device, sorted(scope.device_ids))
        return self.of(seen)


@dataclass(slots=True)
class _Held:
    position: facts.Position = field(default_factory=facts.Position)
    years: dict[int, Doses] = field(default_factory=dict)
    distances: dict[int, Values] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_held: dict[str, _Held] = {}
_guard = threading.Lock()


def ranked(session: Session, scope: Scope, first: int, last: int) -> list[tuple[Doses, Values]]:
    """The studies of each year, as the account sees them, and their distances among that year and the one before.

    As many SQL statements however many studies; a year that nobody asked about yet takes one. Distances are NaN where
    a study has fewer than 30 of its like. A study without a name, device or size, or of both phantoms, is here too:
    its distance means nothing.
    """
    limited = not (scope.site_ids is None and scope.device_ids is None)
    with _guard:
        held = _held.setdefault(str(session.get_bind().engine.url), _Held())
    with held.lock:
        _bring_up_to_date(session, held)
        wanted = [year for year in _existing(session, first, last) if len(_year(session, held, year).values)]
        if not limited:
            return [(held.years[year], _distances(session, held, year)) for year in wanted]
        pairs = [(_year(session, held, year), _year(session, held, year - 1)) for year in wanted]
    return [(own := year.seen_by(scope), _among(own, before.seen_by(scope))) for year, before in pairs]


def _existing(session: Session, first: int, last: int) -> range:
    ends = (select(end(StudyFact.day)).scalar_subquery() for end in (func.min, func.max))
    oldest, newest = session.execute(select(*ends)).one()
    return range(max(first, oldest // 10_000), min(last, newest // 10_000) + 1) if oldest else range(0)


def warm(sessions: sessionmaker[Session]) -> threading.Thread:
    """Load the newest year in a thread, so that the first to ask need not wait; a failure is the asker's."""

    def load() -> None:
        with suppress(DBAPIError), sessions() as session:
            newest = session.scalar(select(func.max(StudyFact.day))) or 0
            ranked(session, EVERYONE, newest // 10_000, newest // 10_000)

    thread = threading.Thread(target=load, name="ranked", daemon=True)
    thread.start()
    return thread


def _bring_up_to_date(session: Session, held: _Held) -> None:
    position, before = facts.position_of(session), held.position
    if position.epoch != before.epoch or position.epoch is None or position.remade > before.remade:
        held.years, held.distances = {}, {}
    elif (position.remade, position.version, position.study_id) <= (before.remade, before.version, before.study_id):
        return  # nothing new; or a session that began before another one brought this up to date
    elif held.years:
        _take_changed(session, held)
    held.position = position


def _take_changed(session: Session, held: _Held) -> None:
    """Read again what was folded since; what was not folded yet is as it was."""
    newer = select(Study.id).where(facts.newer_than(held.position))
    ids = np.array(session.scalars(newer.limit(MOST_CHANGED + 1)).all(), dtype=np.int64)
    if len(ids) > MOST_CHANGED:
        held.years, held.distances = {}, {}
        return
    now = _fetch(session, StudyFact.study_id.in_(newer))
    touched = {year: _take(held, year, ids, now.of(now.kinds.year == year)) for year in held.years}
    for year in list(held.distances):
        of_year = np.concatenate([touched[year], touched[year - 1]])
        if len(of_year):
            _rank_again(held, year, of_year)


def _take(held: _Held, year: int, ids: Numbers, now: Doses) -> Numbers:
    """Replace the studies of these numbers in a year by what they are now; the marks of what they were and are like."""
    doses = held.years[year]
    out = np.isin(doses.kinds.study_ids, ids)
    if not (out.any() or len(now.values)):
        return np.zeros(0, dtype=np.int64)
    held.years[year] = doses.of(~out).and_those(now)
    if year in held.distances:
        found = np.full(len(held.years[year].values), np.nan)
        found[np.isin(held.years[year].kinds.study_ids, now.kinds.study_ids, invert=True)] = held.distances[year][~out]
        held.distances[year] = found
    return np.union1d(_marks(doses.of(out).kinds), _marks(now.kinds))


def _marks(kinds: Kinds) -> Numbers:
    """One number for each protocol, device and phantom. Two of them may share one: then both are ranked again."""
    found: Numbers = (kinds.name * 1_000_003 + kinds.device) * 1_000_003 + kinds.kind
    return found


def _rank_again(held: _Held, year: int, touched: Numbers) -> None:
    own, before = held.years[year], held.years[year - 1]
    here = np.isin(_marks(own.kinds), touched)
    found = held.distances[year].copy()
    found[here] = _among(own.of(here), before.of(np.isin(_marks(before.kinds), touched)))
    held.distances[year] = found


def _year(session: Session, held: _Held, year: int) -> Doses:
    if year not in held.years:
        held.years[year] = _fetch(session, all_of_year(year))
    return held.years[year]


def _fetch(session: Session, *where: ColumnElement[bool]) -> Doses:
    stated = judged_value()
    kinds, (sites, values) = fetch(session, EVERYONE, [StudyFact.site_id, stated], stated.is_not(None), *where)
    return Doses(kinds, sites.astype(np.int64), values)


def _distances(session: Session, held: _Held, year: int) -> Values:
    if year not in held.distances:
        own, before = _year(session, held, year), _year(session, held, year - 1)
        held.distances[year] = _among(own, before)
    return held.distances[year]


def _among(own: Doses, before: Doses) -> Values:
    """The distance of each of a year's own studies, among them and those of the year before."""
    count = len(own.values)
    if not count:
        return np.zeros(0)
    parts = ((getattr(own.kinds, name), getattr(before.kinds, name)) for name in ("name", "device", "kind", "band"))
    *of_group, bands = (np.concatenate(pair) for pair in parts)
    values = np.concatenate([own.values, before.values])
    _, groups = groups_of(of_group, len(values))
    return far.rank(values, groups, bands, np.arange(len(values)) < count).distance[:count]
