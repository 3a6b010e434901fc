"""Rules of names, tried on the past: whether acquisitions contradict the name, and what was examined again.

Studies of which the same is known are judged together, once, by `dose.alerts.identity.doubts`: of a year there are a
few thousand kinds of them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from sqlalchemy import Integer, String, and_, case, func, select, type_coerce
from sqlalchemy.orm import Session

from dose.alerts.identity import doubts
from dose.alerts.model import SMALLEST, Acquisition, Examination
from dose.alerts.repeated import PROCEDURE
from dose.levels.compare import FAMILIES, NO_PROCEDURE
from dose.levels.groups import Patient
from dose.queries.rule_trial_events import NEVER
from dose.queries.rule_trial_past import (
    Hits,
    Mask,
    Numbers,
    Past,
    Values,
    acquisitions,
    columns,
    near,
    seconds,
    studies,
)
from dose.queries.statistics import groups_of
from dose.statistics.bands import ADULT_YEARS
from dose.statistics.measures import BODY, CT, HEAD
from dose.tables import EventFact, IrradiationEvent, Procedure, Protocol, Study, StudyFact

_CALLED = select(Procedure.id, Procedure.name, Procedure.modality, Procedure.region)
REGIONAL = ("CT", "DX", "CR", "RG", "MG")  # of the others no acquisition contradicts a name
ADMINISTRATION = "administration"  # of activity, beside a CT of which it is none


@dataclass(frozen=True, slots=True)
class _Scans:
    """Diagnostic acquisitions in the order of studies; `text` is the place of a protocol (0: none) and region."""

    study: Numbers
    text: Numbers
    is_other: Mask
    length: Values
    phantom: Numbers
    texts: Sequence[tuple[int, str]]

    def of(self, at: slice, protocols: Mapping[int, str]) -> tuple[Acquisition, ...]:
        """Those of one study as they are judged."""
        said = (one[at].tolist() for one in (self.text, self.is_other, self.length, self.phantom))
        return tuple(
            Acquisition(
                number, event_type=ADMINISTRATION if other else None, protocol=protocols.get(self.texts[text][0]),
                region=self.texts[text][1] or None, phantom_cm=phantom or None,
                scanning_length_mm=None if math.isnan(length) else length,
            )
            for number, (text, other, length, phantom) in enumerate(zip(*said, strict=True))
        )  # fmt: skip

    def measured(self, places: Numbers, count: int) -> Numbers:
        """What decides of the acquisitions of a CT, as one number a study: how many, how long, in which phantoms.

        `places` are those of the acquisitions' studies among `count`; lengths are told apart by `borders` alone.
        """
        own = ~self.is_other
        place, length = places[own], self.length[own]
        is_said = length >= SMALLEST
        scans, stated = (np.bincount(place[mask], minlength=count) for mask in (np.ones(len(place), bool), is_said))
        whole = np.bincount(place[is_said], length[is_said], minlength=count)
        longest = np.zeros(count)
        np.maximum.at(longest, place[is_said], length[is_said])
        whole[stated < scans] = np.inf
        phantoms = sum((np.bincount(place[self.phantom[own] == one], minlength=count) > 0) * bit for bit, one in _BITS)
        found = np.minimum(scans, 99) * 2 + (stated > 0)
        for part in (np.searchsorted(_lengths(), longest), np.searchsorted(_lengths(), whole, "right"), phantoms):
            found = found * 100 + part
        return np.asarray(found, dtype=np.int64)


_BITS = ((1, HEAD), (2, BODY))


@cache
def _lengths() -> Values:
    """The lengths (mm) at which a verdict may change."""
    text = (resources.files("dose.reference") / "alerts" / "identity.toml").read_text(encoding="utf-8")
    borders = tomllib.loads(text)["length"]
    return np.array(sorted({float(value) for of in borders.values() for value in of.values()}))


def identities(past: Past) -> Hits:
    """Studies whose acquisitions contradict their name."""
    wanted = [
        StudyFact.study_id, func.coalesce(StudyFact.modality, ""), StudyFact.procedure_id, Study.age_years,
        type_coerce(case((Procedure.region.is_(None), func.coalesce(Study.description, "")), else_=""), String),
    ]  # fmt: skip
    of_days = near(past, StudyFact)
    ids, modality, procedure, age, words = columns(past.session, wanted, _WITH_PROCEDURE, *past.asked(), of_days)
    order = np.argsort(ids)
    known = ids[order]
    scans = _scans(past)
    starts, ends = (np.searchsorted(scans.study, known, side).tolist() for side in ("left", "right"))
    measured = scans.measured(np.searchsorted(known, scans.study), len(known)).tolist()
    adult = np.where(np.isnan(age), -1, age >= ADULT_YEARS).tolist()
    judge, named = _Judge(past.session, scans), procedure.tolist()
    hit = [
        at
        for place, at in enumerate(order.tolist())
        if judge((modality[at], named[at], words[at], adult[at]), measured[place], slice(starts[place], ends[place]))
    ]
    return Hits(np.sort(ids[hit]))


_WITH_PROCEDURE = StudyFact.__table__.join(Study.__table__, Study.id == StudyFact.study_id).outerjoin(
    Procedure.__table__, Procedure.id == StudyFact.procedure_id
)


class _Judge:
    """Answers for each kind of study once: what decides is what `dose.alerts.identity` looks at."""

    def __init__(self, session: Session, scans: _Scans) -> None:
        self._scans = scans
        self._known: dict[Hashable, bool] = {}
        self._called = {row.id: row for row in session.execute(_CALLED)}
        self._protocols = {row.id: row.name for row in session.execute(select(Protocol.id, Protocol.name))}

    def __call__(self, said: tuple[str, int, str, int], measured: int, at: slice) -> bool:
        """Whether anything contradicts the name: modality, procedure, words, and 1 of an adult (-1: not known)."""
        texts = frozenset(self._scans.text[at].tolist())
        mark = (said, texts, measured if said[0] in CT else 0)
        if mark not in self._known:
            self._known[mark] = self._contradicts(*said, at)
        return self._known[mark]

    def _contradicts(self, modality: str, procedure: int, words: str, adult: int, at: slice) -> bool:
        row = self._called.get(procedure)
        age = None if adult < 0 else ADULT_YEARS * adult
        one = Examination(
            0, modality or None, NEVER, self._scans.of(at, self._protocols), description=words or None,
            patient=Patient(age), procedure_id=row.id if row else None, procedure=row.name if row else None,
            procedure_modality=row.modality if row else None, region=row.region if row else None,
        )  # fmt: skip
        return bool(doubts(one))


def _scans(past: Past) -> _Scans:
    wanted = [
        EventFact.study_id, func.coalesce(EventFact.protocol_id, 0),
        type_coerce(func.coalesce(IrradiationEvent.target_region_meaning, ""), String),
        IrradiationEvent.scanning_length_mm, EventFact.phantom,
        type_coerce(case((EventFact.event_type == ADMINISTRATION, 1), else_=0), Integer),
    ]  # fmt: skip
    study, protocol, region, length, phantom, other = acquisitions(
        past,
        wanted,
        EventFact.diagnostic.is_(True),
        EventFact.modality.in_(REGIONAL),
        near(past, EventFact),
    )
    texts: dict[tuple[int, str], int] = {}
    pairs = zip(protocol.tolist(), region, strict=True)
    text = np.array([texts.setdefault(pair, len(texts)) for pair in pairs], dtype=np.int64)
    order = np.lexsort((length, text, study))
    return _Scans(study[order], text[order], other[order] == 1, length[order], phantom[order], list(texts))


# ---- examined again ------------------------------------------------------------------------------------------------


def repetitions(past: Past) -> Hits:
    """Studies of patients who had as many of the same within the hours before, at whatever site."""
    terms = past.rule.terms
    by_procedure = terms.same == PROCEDURE
    asked = type_coerce(case((and_(*past.asked()), 1), else_=0), Integer)
    wanted = [
        StudyFact.study_id, StudyFact.patient_id, Study.listed_at, func.coalesce(StudyFact.modality, ""),
        StudyFact.procedure_id, asked,
    ]  # fmt: skip
    ids, patient, listed, modality, procedure, is_asked = studies(
        past, wanted, *past.like(math.ceil(terms.hours / 24) + 1, bound=False)
    )
    kind = procedure if by_procedure else _regions(past, modality, procedure)
    known = kind > 0
    count = _within(patient, kind, seconds(listed), round(terms.hours * 3600), known)
    hit = known & (is_asked == 1) & (count >= terms.count)
    nameless = int(((is_asked == 1) & ~known).sum())
    return Hits(np.sort(ids[hit]), None, {NO_PROCEDURE: nameless} if nameless else {})


def _regions(past: Past, modality: Sequence[str], procedure: Numbers) -> Numbers:
    """Region and family of modalities as one number; 0 where the region is not known."""
    rows = {row.id: row.region for row in past.session.execute(_CALLED)}
    names = {name: number for number, name in enumerate(sorted({one for one in rows.values() if one}), 1)}
    families = {one: number for number, family in enumerate(FAMILIES, 1) for one in family}
    others = {one: number for number, one in enumerate(sorted(set(modality) - families.keys()), len(FAMILIES) + 1)}
    family = np.array([(families | others)[one] for one in modality], dtype=np.int64)
    region = np.array([names.get(rows.get(one) or "", 0) for one in procedure.tolist()], dtype=np.int64)
    found: Numbers = np.where(region > 0, region * (len(families) + len(others) + 1) + family, 0)
    return found


def _within(patient: Numbers, kind: Numbers, at: Numbers, span: int, known: Mask) -> Numbers:
    """How many of a patient's studies of a kind began in the seconds before each, itself among them."""
    found = np.zeros(len(patient), dtype=np.int64)
    if not known.any():
        return found
    _, group = groups_of([patient[known], kind[known]], int(known.sum()))
    scale = int(at.max()) + span + 1
    keys = np.sort(moments := group * scale + at[known])
    found[known] = np.searchsorted(keys, moments, "right") - np.searchsorted(
        keys, np.maximum(moments - span, group * scale), "left"
    )
    return found
