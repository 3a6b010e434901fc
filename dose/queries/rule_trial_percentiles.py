"""Percentiles of the protocol within its size, tried on the past.

The like of a study are those of its year and the year before, as `dose.queries.peers` knows them, later ones among
them: today's eyes. Each study is left out of its own percentile, all at once, because values are sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from dose.alerts.levels import FEW
from dose.alerts.percentile import NO_SIZE
from dose.levels.compare import PHANTOM_MIXED
from dose.queries.comparators import ALERTS
from dose.queries.peers import Kinds, fetch, in_years, of_years
from dose.queries.rule_trial_past import Hits, Numbers, Past, Values
from dose.queries.rule_trial_stated import stated_values
from dose.queries.statistics import groups_of
from dose.statistics.bands import UNKNOWN
from dose.statistics.measures import MIXED, Measure
from dose.statistics.outliers import FEWEST, alike
from dose.tables import StudyFact


def percentiles(past: Past) -> Hits:
    """Studies above the percentile of their like."""
    unjudged: Counter[str] = Counter()
    hits = [_of_measures(past, column, unjudged) for column in sorted({one.column for one in past.rule.terms.measures})]
    return Hits(np.sort(np.concatenate(hits)), None, dict(unjudged))


def _of_measures(past: Past, column: str, unjudged: Counter[str]) -> Numbers:
    """Of one quantity: its measures are of different phantoms, and share no study."""
    measures = [one for one in past.rule.terms.measures if one.column == column]
    kinds, values = _like(past, column, measures[0])
    stated = np.full(len(values), np.nan)
    for one in measures:
        _, study, value = stated_values(past, one)
        if one.phantom == MIXED:
            unjudged[PHANTOM_MIXED] += len(study)
        else:
            stated[np.searchsorted(kinds.study_ids, study)] = value
    asked = ~np.isnan(stated)
    sized = (kinds.name > 0) & (kinds.device > 0) & (kinds.band != 10 * UNKNOWN + UNKNOWN)
    unjudged[NO_SIZE] += int((asked & ~sized).sum())
    return _above(past, kinds, values, np.where(sized, stated, np.nan), unjudged)


def _like(past: Past, column: str, measure: Measure) -> tuple[Kinds, Values]:
    where = [of_years(past.first, past.last), StudyFact.modality.in_(sorted(measure.modalities))]
    if past.rule.device_id is not None:
        where.append(StudyFact.device_id == past.rule.device_id)
    if past.rule.modality is not None:
        where.append(StudyFact.modality == past.rule.modality)
    kinds, (values,) = fetch(past.session, ALERTS, [getattr(StudyFact, column)], *where)
    return kinds, values


def _above(past: Past, kinds: Kinds, values: Values, stated: Values, unjudged: Counter[str]) -> Numbers:
    """Group by group: those whose stated value is above what the others of their size say."""
    terms = past.rule.terms
    found = [kinds.study_ids[:0]]
    for like, asked in _groups(kinds, values, stated):
        others = len(like) - ~np.isnan(values[asked])
        enough = others >= FEWEST
        unjudged[FEW] += int((~enough).sum())
        if enough.any():
            mine = asked[enough]
            border = _border(np.sort(values[like]), values[mine], terms.percentile, terms.least_ratio)
            found.append(kinds.study_ids[mine[stated[mine] > border]])
    return np.concatenate(found)


def _groups(kinds: Kinds, values: Values, stated: Values) -> Iterator[tuple[Numbers, Numbers]]:
    """Places of the like and of those who are asked about, for each name, device, phantom, year and size."""
    _, group = groups_of([kinds.name, kinds.device, kinds.kind], len(stated))
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        asked = members[~np.isnan(stated[members])]
        with_value = members[~np.isnan(values[members])]
        for year in np.unique(kinds.year[asked]).tolist():
            like = with_value[in_years(kinds.year[with_value], year)]
            yield from _sizes(kinds.band, like, asked[kinds.year[asked] == year])


def _sizes(band: Numbers, like: Numbers, asked: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """By weight; by age where the weight is not known."""
    of_asked = band[asked]
    size = np.where(of_asked % 10 == UNKNOWN, of_asked, of_asked % 10)
    for one in np.unique(size).tolist():
        mine = asked[size == one]
        near, _ = alike(band[like], int(band[mine[0]]))
        yield like[near], mine


def _border(ordered: Values, own: Values, percentile: float, least_ratio: float) -> Values:
    """The border for each of some values (NaN: not among the others) that is left out of the sorted ones."""
    limit, median = (_without(ordered, own, q) for q in (percentile, 50.0))
    found: Values = np.maximum(limit, least_ratio * median)
    return found


def _without(ordered: Values, own: Values, q: float) -> Values:
    """The percentile (Hyndman and Fan's type 7) of sorted values, each time without one of them."""
    is_in = ~np.isnan(own)
    place = np.where(is_in, np.searchsorted(ordered, np.where(is_in, own, 0.0)), len(ordered))
    at = (len(ordered) - is_in - 1) * (q / 100)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - is_in - 1)
    below, above = (ordered[one + (one >= place)] for one in (low, high))
    found: Values = below + (above - below) * (at - low)
    return found
