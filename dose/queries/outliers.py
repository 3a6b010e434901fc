"""Studies whose dose is far from that of their own protocol, device and size: the furthest first.

As many SQL statements whatever there is. The distributions of all protocols, devices and sizes are in memory
(`dose.queries.ranked`); what is chosen says which studies are ranked, never which they are ranked among.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from dose.levels.compare import Asked, Choice, Levels
from dose.levels.groups import Patient
from dose.queries import choice as choices
from dose.queries.access import allowed
from dose.queries.choice_sql import conditions
from dose.queries.levels import active_levels
from dose.queries.models import StudyRow
from dose.queries.peers import Kinds, Numbers, Peers, is_mixed, judged_by, peers_of
from dose.queries.ranked import ranked
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.statistics import outliers as far
from dose.statistics.measures import Measure
from dose.statistics.outliers import FEWEST, STANDS_OUT, Decomposition, Mask, Size, Standing
from dose.statistics.summary import Values
from dose.tables import Procedure, Protocol, Study, StudyFact

HIGH, LOW = "high", "low"
FEW, NAMELESS, NO_DEVICE, NO_SIZE, PHANTOMS, NO_DOSE = "few", "name", "device", "size", "phantoms", "dose"


@dataclass(frozen=True, slots=True)
class Wish:
    """Studies from one day to another (YYYYMMDD, both included), further than `least` from their like.

    `side` is high, low or empty for both.
    """

    first: int
    last: int
    choice: choices.Choice = choices.EVERYTHING
    least: float = STANDS_OUT
    side: str = ""


@dataclass(frozen=True, slots=True)
class Outlier:
    """A study far from its like: its dose with median and level, and what makes the difference (None: not stated).

    `name` is the protocol's, or the procedure's when `by_protocol` is False.
    """

    study: StudyRow
    measure: Measure
    standing: Standing
    size: Size
    name: str
    by_protocol: bool
    procedure: str | None
    level: Choice
    parts: Decomposition | None


@dataclass(frozen=True, slots=True)
class Outliers:
    """A part of the ranked list: `total` are as far as asked for, `ranked` have a rank, `unranked` (by reason) none."""

    rows: tuple[Outlier, ...]
    total: int
    ranked: int
    unranked: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Found:
    """The chosen studies that have a rank, and how many have none, by reason."""

    ids: Numbers
    distance: Values
    unranked: dict[str, int] = field(default_factory=dict)


def newest_day(session: Session, scope: Scope) -> date | None:
    """The day of the newest study that counts; None when there is none."""
    scope.require(Permission.VIEW_DOSES)
    day = session.scalar(select(func.max(StudyFact.day)).where(allowed(scope, StudyFact), StudyFact.counts.is_(True)))
    return date(day // 10_000, day // 100 % 100, day % 100) if day else None


def outliers(session: Session, scope: Scope, wish: Wish, offset: int = 0, limit: int = 25) -> Outliers:
    """The chosen studies by their distance from their like, the furthest first.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    found = _ranked(session, scope, wish)
    order = _order(found, wish)
    shown = found.ids[order[offset : offset + limit]]
    rows = _rows(session, scope, shown.tolist())
    return Outliers(rows, len(order), len(found.ids), found.unranked)


def _order(found: _Found, wish: Wish) -> Numbers:
    distance = found.distance * {HIGH: 1.0, LOW: -1.0}.get(wish.side, 1.0)
    size = distance if wish.side in (HIGH, LOW) else np.abs(distance)
    places = np.flatnonzero(size >= wish.least)
    ordered: Numbers = places[np.lexsort((found.ids[places], -size[places]))]
    return ordered


def _ranked(session: Session, scope: Scope, wish: Wish) -> _Found:
    chosen = _chosen(session, scope, wish)
    found: list[tuple[Numbers, Values]] = []
    unranked, stated = Counter[str](), 0
    for doses, distance in ranked(session, scope, wish.first // 10_000, wish.last // 10_000):
        asked = np.isin(doses.kinds.study_ids, chosen)
        stated += int(asked.sum())
        for reason, missing in _lacking(doses.kinds).items():
            unranked[reason] += int((asked & missing).sum())
            asked &= ~missing
        unranked[FEW] += int((asked & np.isnan(distance)).sum())
        asked &= ~np.isnan(distance)
        found.append((doses.kinds.study_ids[asked], distance[asked]))
    unranked[NO_DOSE] = len(chosen) - stated
    ids = np.concatenate([np.zeros(0, dtype=np.int64), *(own for own, _ in found)])
    distance = np.concatenate([np.zeros(0), *(own for _, own in found)])
    return _Found(ids, distance, {reason: count for reason, count in unranked.items() if count})


def _lacking(kinds: Kinds) -> dict[str, Mask]:
    """Who has no like: each study counts for the first reason."""
    return {
        PHANTOMS: is_mixed(kinds.kind), NAMELESS: kinds.name == 0, NO_DEVICE: kinds.device == 0,
        NO_SIZE: ~far.has_size(kinds.band),
    }  # fmt: skip


def _chosen(session: Session, scope: Scope, wish: Wish) -> Numbers:
    where = (*conditions(session, scope, wish.choice, StudyFact), StudyFact.day.between(wish.first, wish.last))
    text = session.scalar(select(func.aggregate_strings(cast(StudyFact.study_id, String), ",")).where(*where))
    return np.fromstring(text or "", dtype=np.int64, sep=",")


# ---- the studies of one page ----------------------------------------------------------------------------------------


def _rows(session: Session, scope: Scope, ids: Sequence[int]) -> tuple[Outlier, ...]:
    if not ids:
        return ()
    facts = {fact.study_id: fact for fact in session.scalars(select(StudyFact).where(StudyFact.study_id.in_(ids)))}
    studies = {row.id: row for row in study_rows(session, study_statement(scope).where(Study.id.in_(ids)))}
    peers = peers_of(session, scope, list(facts.values()))
    levels = active_levels(session, scope)
    names = _names(session, list(facts.values()))
    there = [number for number in ids if number in facts and number in studies]
    made = (_row(facts[number], studies[number], peers, levels, names) for number in there)
    return tuple(row for row in made if row is not None)


Names = tuple[Mapping[int, str], Mapping[int, str]]


def _names(session: Session, facts: Sequence[StudyFact]) -> Names:
    protocols = select(Protocol.id, Protocol.name).where(Protocol.id.in_({fact.protocol_id for fact in facts}))
    procedures = select(Procedure.id, Procedure.name).where(Procedure.id.in_({fact.procedure_id for fact in facts}))
    return dict(session.execute(protocols).all()), dict(session.execute(procedures).all())


def _row(fact: StudyFact, study: StudyRow, peers: Peers, levels: Levels, names: Names) -> Outlier | None:
    measure = judged_by(fact)
    at = peers.place(fact.study_id)
    if measure is None or at is None:
        return None
    places, size = peers.of(fact, measure.column)
    dose = peers.columns[measure.column]
    if size is None or at not in places:
        return None
    procedure = names[1].get(fact.procedure_id or 0)
    by_protocol = fact.protocol_id is not None
    name = names[0].get(fact.protocol_id or 0) if by_protocol else procedure
    return Outlier(
        study, measure, far.standing(float(dose[at]), dose[places]), size, name or "", by_protocol, procedure,
        level_of(levels, fact, measure), parts_of(fact, peers, places, measure.column, at),
    )  # fmt: skip


def parts_of(fact: StudyFact, peers: Peers, places: Numbers, column: str, at: int) -> Decomposition | None:
    """What makes the difference between a study and its peers; None where too little is stated, or of too few."""
    if len(places) < FEWEST:
        return None
    said = {name: values[places] for name, values in peers.columns.items()}
    own = int(np.searchsorted(places, at))
    return far.decompose(fact.modality or "", peers.columns[column][places], said, own)


def level_of(levels: Levels, fact: StudyFact, measure: Measure) -> Choice:
    """The reference level that applied to a study's measure on its day."""
    day = date(fact.day // 10_000, fact.day // 100 % 100, fact.day % 100)
    asked = Asked(measure, fact.modality, fact.procedure_id, day, fact.site_id, fact.device_id)
    return levels.choose(asked, Patient(fact.age_years, fact.weight_kg, fact.sex, complexity=fact.complexity))
