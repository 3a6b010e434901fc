"""The studies that a study is compared with: its own protocol, device, phantom, years and size.

What peers are is said in `dose.statistics.outliers`; here they are fetched, many at once, as columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, ColumnElement, String, Table, and_, bindparam, case, cast, false, func, or_, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.scope import Scope
from dose.statistics.bands import UNKNOWN, all_bands
from dose.statistics.measures import MIXED, OF_PHANTOM, STUDY, Measure, measures_of
from dose.statistics.outliers import FEWEST, RADIOGRAPHY, Mask, Size, alike, size_of
from dose.statistics.summary import Values
from dose.tables import EventFact, StudyFact

Numbers = npt.NDArray[np.int64]
MODALITIES = ("CT", "XA", "RF", "DX", "CR", "RG", "PX", "IO", "MG", "PT", "NM")
_OF_EVENTS = ("exposure_mas", "kvp_kv")
_FACTORS = {
    "CT": ("phase_count", "scan_length_mm", *_OF_EVENTS), "MG": ("exposure_mas",),
    "XA": ("fluoro_time_s", "ka_r_mgy"), "RF": ("fluoro_time_s", "ka_r_mgy"),
    **dict.fromkeys(RADIOGRAPHY, ("event_count", "exposure_mas")), "PT": ("weight_kg",), "NM": ("weight_kg",),
}  # fmt: skip
_JUDGED = {modality: measures_of(modality)[0].column for modality in MODALITIES}
_NO_PHANTOM, _NOT_STATED = 98, 99
_YEAR, _MODALITY, _PHANTOM = 10_000_000, 100_000, 100  # a year, a modality and a phantom in one number


class Fact(Protocol):
    """What decides who a study's peers are: columns of `study_fact`."""

    study_id: int
    day: int
    device_id: int | None
    protocol_id: int | None
    procedure_id: int | None
    modality: str | None
    phantom: int | None
    band: int


@dataclass(frozen=True, slots=True)
class Kinds:
    """For each study its number, name (protocol or procedure), device, kind (modality and phantom), year and band."""

    study_ids: Numbers
    name: Numbers
    device: Numbers
    kind: Numbers
    year: Numbers
    band: Numbers


@dataclass(frozen=True, slots=True)
class Peers:
    """Studies that may be peers, with doses and factors by column (NaN: not stated), in the order of their number."""

    kinds: Kinds
    columns: Mapping[str, Values]

    def of(self, fact: Fact, column: str) -> tuple[Numbers, Size | None]:
        """The places of the peers of a study that state a column, and their size; None where its size is not known."""
        kinds = self.kinds
        same: Mask = (
            (kinds.name == name_of(fact)) & (kinds.device == fact.device_id) & (kinds.kind == kind_of(fact))
            & in_years(kinds.year, fact.day // 10_000) & ~np.isnan(self.columns[column])
        )  # fmt: skip
        places = np.flatnonzero(same)
        near, widened = alike(kinds.band[places], fact.band)
        return places[near], size_of(fact.band, widened=widened)

    def place(self, study_id: int) -> int | None:
        """The place of a study; None when it is not among them."""
        at = int(np.searchsorted(self.kinds.study_ids, study_id))
        return at if at < len(self.kinds.study_ids) and self.kinds.study_ids[at] == study_id else None


def judged_by(fact: Fact) -> Measure | None:
    """The measure a study is ranked by, the first of its modality; None where it has none, or phantoms are mixed."""
    found = [one for one in measures_of(fact.modality) if one.level == STUDY]
    column = _JUDGED.get(fact.modality or "")
    phantom = fact.phantom if column in OF_PHANTOM else None
    if column is None or (column in OF_PHANTOM and phantom == MIXED):
        return None
    return next((one for one in found if one.column == column and one.phantom == phantom), None)


def in_years(years: Numbers, year: int) -> Mask:
    """Which years are a study's own or the one before."""
    found: Mask = (years == year) | (years == year - 1)
    return found


def name_of(fact: Fact) -> int:
    """The protocol, else the procedure, as one number; 0 where neither is known."""
    if fact.protocol_id is not None:
        return fact.protocol_id * 2
    return fact.procedure_id * 2 + 1 if fact.procedure_id is not None else 0


def kind_of(fact: Fact) -> int:
    """Modality and phantom as one number."""
    of_phantom = _JUDGED.get(fact.modality or "") in OF_PHANTOM
    phantom = (_NOT_STATED if fact.phantom is None else fact.phantom) if of_phantom else _NO_PHANTOM
    return MODALITIES.index(fact.modality or "") * _MODALITY + phantom * _PHANTOM


def is_mixed(kinds: Numbers) -> Mask:
    """Which kinds are of both phantoms: their DLP is no sum that means anything."""
    found: Mask = kinds % _MODALITY // _PHANTOM == MIXED
    return found


def judged_value() -> Any:  # noqa: ANN401 - an expression
    """The dose by which a study is ranked, of the columns of `study_fact`."""
    by_column: dict[str, list[str]] = {}
    for modality, column in _JUDGED.items():
        by_column.setdefault(column, []).append(modality)
    return case(*((StudyFact.modality.in_(own), getattr(StudyFact, column)) for column, own in by_column.items()))


_NAME = func.coalesce(StudyFact.protocol_id * 2, StudyFact.procedure_id * 2 + 1, 0)
_OF_PHANTOM = [modality for modality, column in _JUDGED.items() if column in OF_PHANTOM]
_KIND = case(*((StudyFact.modality == modality, n * _MODALITY) for n, modality in enumerate(MODALITIES)))
_THE_PHANTOM = case(
    (StudyFact.modality.in_(_OF_PHANTOM), func.coalesce(StudyFact.phantom, _NOT_STATED)), else_=_NO_PHANTOM
)
_PACKED = cast(StudyFact.day, BigInteger) // 10_000 * _YEAR + _KIND + _THE_PHANTOM * _PHANTOM + StudyFact.band
_FACT: Table = StudyFact.__table__  # type: ignore[assignment]
_COUNTED = (StudyFact.counts.is_(True), StudyFact.modality.in_(MODALITIES))


def fetch(
    session: Session, scope: Scope, numbers: Sequence[Any], *where: ColumnElement[bool]
) -> tuple[Kinds, list[Values]]:
    """Studies that count, of the account's scope, with further numbers; one row of long texts, ordered by study."""
    wanted = [StudyFact.study_id, _NAME, func.coalesce(StudyFact.device_id, 0), _PACKED, *numbers]
    texts = (func.aggregate_strings(func.coalesce(cast(one, String), "nan"), ",") for one in wanted)
    row = session.execute(select(*texts).where(allowed(scope, StudyFact), *_COUNTED, *where)).one()
    ids, name, device, packed = (np.fromstring(text or "", dtype=np.int64, sep=",") for text in row[:4])
    order = np.argsort(ids, kind="stable")
    packed = packed[order]
    kind = packed % _YEAR // _PHANTOM * _PHANTOM
    kinds = Kinds(ids[order], name[order], device[order], kind, packed // _YEAR, packed % _PHANTOM)
    return kinds, [np.fromstring(text or "", dtype=np.float64, sep=",")[order] for text in row[4:]]


def peers_of(session: Session, scope: Scope, facts: Sequence[Fact]) -> Peers:
    """The studies that may be peers of these, with their doses and what makes a difference, in one statement."""
    names = sorted(set().union(*(_columns(fact.modality) for fact in facts)))
    kinds, values = fetch(session, scope, list(map(_column, names)), candidates(facts))
    return Peers(kinds, dict(zip(names, values, strict=True)))


def doses_like(session: Session, fact: Fact) -> dict[str, tuple[Numbers, Values, Size | None]]:
    """By column of its doses, the peers of a study that state it (itself among them), and their size."""
    names = _doses_of(fact.modality)
    protocol, procedure = _named(fact)
    asked = {
        "protocol": protocol, "procedure": procedure, "device": fact.device_id, "modality": fact.modality,
        "first": (fact.day // 10_000 - 1) * 10_000, "last": fact.day // 10_000 * 10_000 + 9999,
        "phantom": fact.phantom,
    }  # fmt: skip
    statement = _like(names, of_protocol=protocol is not None)
    ids, bands, *doses = _read(session, statement, asked | {"bands": _near(fact.band, widened=False)})
    if _size(fact.band)[0] != UNKNOWN and min(len(said) - said.count(None) for said in doses) < FEWEST:
        # Mostly the own band holds enough, and is a third of what the bands beside it hold
        ids, bands, *doses = _read(session, statement, asked | {"bands": _near(fact.band)})
    found = {}
    for name, said in zip(names, doses, strict=True):
        values = np.array(said, np.float64)
        stated = ~np.isnan(values)
        near, widened = alike(np.array(bands, np.int64)[stated], fact.band)
        found[name] = (
            np.array(ids, np.int64)[stated][near], values[stated][near], size_of(fact.band, widened=widened)
        )  # fmt: skip
    return found


def _read(session: Session, statement: Any, asked: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:  # noqa: ANN401
    """The columns of the answer."""
    result = session.connection().execute(statement, asked)
    return list(zip(*rows, strict=True)) if (rows := result.all()) else [()] * len(result.keys())


@lru_cache(maxsize=64)
def _doses_of(modality: str | None) -> tuple[str, ...]:
    return tuple(sorted({one.column for one in measures_of(modality) if one.level == STUDY}))


@lru_cache(maxsize=64)
def _like(names: tuple[str, ...], *, of_protocol: bool) -> Any:  # noqa: ANN401 - Select
    """The peers of one study by what `candidates` says, made once."""
    fact = _FACT.c
    named = [fact.protocol_id == bindparam("protocol")]
    if not of_protocol:
        named = [fact.procedure_id == bindparam("procedure"), fact.protocol_id.is_(None)]
    same = (
        *named, fact.device_id == bindparam("device"), fact.day.between(bindparam("first"), bindparam("last")),
        fact.band.in_(bindparam("bands", expanding=True)), fact.counts, fact.modality == bindparam("modality"),
    )  # fmt: skip
    phantom = case((fact.modality.in_(_OF_PHANTOM), fact.phantom), else_=None)
    of_phantom = phantom.is_not_distinct_from(bindparam("phantom", type_=fact.phantom.type))
    return select(fact.study_id, fact.band, *(fact[name] for name in names)).where(*same, of_phantom)


def _columns(modality: str | None) -> Iterator[str]:
    """The doses by which a study of the modality may be looked at, and what makes a difference of them."""
    yield from (one.column for one in measures_of(modality) if one.level == STUDY)
    yield from _FACTORS.get(modality or "", ())


def _column(name: str) -> Any:  # noqa: ANN401 - a column, or an expression of those of events
    """What a study states; of mAs and kV the mean of its diagnostic events."""
    if name not in _OF_EVENTS:
        return getattr(StudyFact, name)
    mean = select(func.avg(getattr(EventFact, name)))
    return mean.where(EventFact.study_id == StudyFact.study_id, EventFact.diagnostic.is_(True)).scalar_subquery()


def candidates(facts: Sequence[Fact]) -> ColumnElement[bool]:
    """The peers of the studies and few more: each found by an index on name and device."""
    found = {(_named(fact), fact.device_id, fact.day // 10_000, _size(fact.band)): fact for fact in facts}
    return or_(false(), *(_alike(fact) for fact in found.values()))


def _named(fact: Fact) -> tuple[int | None, int | None]:
    return (fact.protocol_id, None if fact.protocol_id is not None else fact.procedure_id)


def _size(band: int) -> tuple[int, int]:
    """Weight band, and age band where the weight is not known: whose peers are the same."""
    age, weight = divmod(band, 10)
    return weight, age if weight == UNKNOWN else UNKNOWN


def _alike(fact: Fact) -> ColumnElement[bool]:
    protocol, procedure = _named(fact)
    named = [StudyFact.protocol_id == protocol]
    if protocol is None:
        named = [StudyFact.procedure_id == procedure, StudyFact.protocol_id.is_(None)]
    near = _near(fact.band)
    years = of_years(fact.day, fact.day)
    return and_(*named, StudyFact.device_id == fact.device_id, years, StudyFact.band.in_(near))


@lru_cache(maxsize=1024)
def _near(band: int, *, widened: bool = True) -> list[int]:
    """The bands that peers may be in: a list, not what bands are made of, because the index knows the band."""
    weight, age = _size(band)
    if weight == UNKNOWN:
        return [one for one in all_bands() if one // 10 == age]
    return [one for one in all_bands() if abs(one % 10 - weight) <= widened]


def of_years(first: int, last: int) -> ColumnElement[bool]:
    """Studies of the years that peers of studies of these days (YYYYMMDD) are in."""
    return StudyFact.day.between((first // 10_000 - 1) * 10_000, last // 10_000 * 10_000 + 9999)


def all_of_year(year: int) -> ColumnElement[bool]:
    """A year of every protocol and device: no index has the months, and a walk over all is the faster way then."""
    return StudyFact.month.between(year * 100, year * 100 + 99)
