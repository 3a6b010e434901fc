"""Exact statistics of a choice, from facts: one measure of one modality, by groups.

The values and the numbers of their groups come in one row of long texts, which is many times faster than a row a value;
numpy reads and sorts them. SQLite writes 15 significant digits, PostgreSQL all: far below what any device measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.orm import Session

from dose.queries.choice import EVERYTHING, Choice, all_of, one_of
from dose.queries.choice_sql import Fact, column_of, conditions, fact_of, states
from dose.queries.groups import SEXES, By, Key, choice_of, labels
from dose.scope import Permission, Scope
from dose.statistics.measures import Measure
from dose.statistics.summary import Histogram, Summary, Values, histogram, summaries, summary
from dose.tables import EventFact, StudyFact

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """One measure of one modality among the facts of a choice: values of two of them never meet in one statistic."""

    measure: Measure
    modality: str
    choice: Choice = EVERYTHING

    @property
    def behind(self) -> Choice:
        """The choice of what has a value: the studies behind a statistic."""
        return all_of(one_of("modality", self.modality), self.choice, one_of("measured", self.measure.key))


@dataclass(frozen=True, slots=True)
class Group:
    """Values of one group; `key` is one number for each `By` that was asked, 0 where it is not stated."""

    key: tuple[Key, ...]
    label: tuple[str, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class Statistics:
    """All values together, and by groups: the largest first, or in their own order where they have one.

    `chosen` counts what the choice holds of this modality, with a value or without.
    """

    question: Question
    by: tuple[By, ...]
    whole: Summary
    groups: tuple[Group, ...]
    histogram: Histogram  # of the groups, in their order, at most `IN_HISTOGRAM`
    chosen: int
    more: int = 0  # groups of the last key that were left out, each of fewer values


@dataclass(frozen=True, slots=True)
class Columns:
    """Values in the measure's canonical unit (NaN: left out), keys of groups, further numbers, and whose they are."""

    values: Values
    keys: tuple[Numbers, ...]
    numbers: tuple[Values, ...]
    study_ids: Numbers


IN_HISTOGRAM = 8


def statistics(
    session: Session, scope: Scope, question: Question, by: Sequence[By] = (), logarithmic: bool | None = None, *,
    most: int | None = None,
) -> Statistics:  # fmt: skip
    """The statistics of a choice, by one or two keys; as many SQL statements however many values there are.

    `most` keeps of the last key those with most values, and leaves the groups of all others out; all values together
    are of all.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    found = columns(session, scope, question, by)
    stated = ~np.isnan(found.values)
    whole = summary(found.values[stated], int((~stated).sum()))
    chosen = len(found.values) or _chosen(session, scope, question)
    found, more = _most(found, most)
    keys, places = groups_of(found.keys, len(found.values))
    stated = ~np.isnan(found.values)
    left_out = np.bincount(places[~stated], minlength=len(keys)).tolist()
    values, own = found.values[stated], places[stated]
    each = summaries(values, own, left_out)
    names = labels(session, scope, by, keys)
    groups = [Group(key, name, one) for key, name, one in zip(keys, names, each, strict=True)]
    order = sorted(range(len(groups)), key=lambda n: _rank(by, groups[n]))
    chart = np.full(len(keys), -1)
    chart[order[:IN_HISTOGRAM]] = np.arange(min(IN_HISTOGRAM, len(order)))
    shown = chart[own] >= 0
    bins = histogram(values[shown], chart[own][shown], min(IN_HISTOGRAM, len(keys)), logarithmic)
    return Statistics(question, tuple(by), whole, tuple(groups[n] for n in order), bins, chosen, more)


def _most(found: Columns, most: int | None) -> tuple[Columns, int]:
    """The values of the `most` most frequent numbers of the last key, and how many further numbers there are."""
    if most is None or not found.keys or not len(found.values):
        return found, 0
    known, own = _coded(found.keys[-1])
    if len(known) <= most:
        return found, 0
    kept = np.zeros(len(known), dtype=bool)
    kept[np.argsort(-np.bincount(own), kind="stable")[:most]] = True
    here = kept[own]
    return replace(found, values=found.values[here], keys=tuple(key[here] for key in found.keys)), len(known) - most


def _rank(by: Sequence[By], group: Group) -> tuple[Any, ...]:
    ordered = tuple(key for one, key in zip(by, group.key, strict=True) if one.is_ordered)
    return (*ordered, group.label) if ordered else (-group.summary.n, group.label)


def _chosen(session: Session, scope: Scope, question: Question) -> int:
    fact = fact_of(question.measure)
    return session.scalar(select(func.count()).select_from(fact).where(*_among(session, scope, question, fact))) or 0


def _among(session: Session, scope: Scope, question: Question, fact: Fact) -> list[ColumnElement[bool]]:
    return [*conditions(session, scope, question.choice, fact), fact.modality == question.modality]


def columns(
    session: Session, scope: Scope, question: Question, by: Sequence[By] = (), numbers: Sequence[str] = (), *,
    with_studies: bool = False,
) -> Columns:  # fmt: skip
    """The values of a choice with what they are grouped or drawn by, in one statement.

    `numbers` are columns of the facts (NaN where not stated); `study_ids` is empty unless asked for.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    one, fact = question.measure, fact_of(question.measure)
    wanted = [_text(column_of(one)), *(_text(key_of(each, fact)) for each in by)]
    wanted += [_text(getattr(fact, name)) for name in numbers]
    wanted += [_text(fact.study_id)] if with_studies else []
    where = [*_among(session, scope, question, fact), states(one)]
    statement = select(*(func.aggregate_strings(text, ",") for text in wanted)).where(*where)
    if By.OPERATOR in by and fact is EventFact:
        statement = statement.join(StudyFact, StudyFact.study_id == EventFact.study_id)
    texts = iter(session.execute(statement).one())
    return Columns(
        _floats(next(texts)), tuple(_whole(next(texts)) for _ in by), tuple(_floats(next(texts)) for _ in numbers),
        _whole(next(texts, None)),
    )  # fmt: skip


def _text(column: Any) -> ColumnElement[str]:  # noqa: ANN401 - any number
    return func.coalesce(cast(column, String), "nan")


def _floats(text: str | None) -> Values:
    return np.fromstring(text or "", dtype=np.float64, sep=",")


def _whole(text: str | None) -> Numbers:
    return np.fromstring(text or "", dtype=np.int64, sep=",")


def key_of(by: By, fact: Fact) -> Any:  # noqa: ANN401 - a column or an expression of one
    """The number of a fact's group; 0 where it is not stated, but for bands, which have one for that."""
    month, band = fact.month, fact.band
    match by:
        case By.AGE:
            return band // 10
        case By.WEIGHT:
            return band % 10
        case By.SEX:
            return case(*((fact.sex == sex, n) for n, sex in enumerate(SEXES, 1)), else_=0)
        case By.YEAR:
            return month // 100
        case By.QUARTER:
            return month // 100 * 10 + (month % 100 + 2) // 3
        case By.MONTH:
            return month
        case By.DAY:
            return fact.day
        case By.OPERATOR:
            return func.coalesce(StudyFact.operator_id, 0)
        case _:
            return func.coalesce(getattr(fact, f"{by.value}_id"), 0)


def groups_of(keys: Sequence[Numbers], count: int) -> tuple[list[tuple[Key, ...]], Numbers]:
    """The groups that occur, in the order of their keys, and for each value the place of its group among them."""
    if not count:
        return [], np.zeros(0, dtype=np.int64)
    if not keys:
        return [()], np.zeros(count, dtype=np.int64)
    places, sizes, kinds = np.zeros(count, dtype=np.int64), 1, []
    for column in keys:
        known, own = _coded(column)
        places, sizes = places * len(known) + own, sizes * len(known)
        kinds.append(known)
    occurring, places = _coded(places)
    parts = np.unravel_index(occurring, [len(known) for known in kinds])
    named = [known[part].tolist() for known, part in zip(kinds, parts, strict=True)]
    return list(zip(*named, strict=True)), places


def _coded(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """The numbers that occur, sorted, and the place of each among them; in linear time where they are small."""
    largest = int(numbers.max())
    if int(numbers.min()) < 0 or largest > 30_000_000:
        known, own = np.unique(numbers, return_inverse=True)
        return known, own
    present = np.bincount(numbers, minlength=largest + 1) > 0
    return np.flatnonzero(present), (np.cumsum(present) - 1)[numbers]


def behind_group(statistics: Statistics, group: Group) -> Choice:
    """The studies behind one group, as a choice of studies."""
    parts = [choice_of(one, key) for one, key in zip(statistics.by, group.key, strict=True)]
    return all_of(statistics.question.behind, *parts)


def narrowed(question: Question, *parts: Choice) -> Question:
    """The question with further conditions."""
    return replace(question, choice=all_of(question.choice, *parts))
