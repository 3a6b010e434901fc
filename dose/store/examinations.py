"""Which studies that people typed or imported are an examination that DICOM tells of as well. No database here.

A table rarely knows Study Instance UIDs. A study all of whose objects were typed or imported (*listed*) is compared
with every study of a better kind (*host*: DICOM before typed before imported) of its site, day and patient, or of its
site, day and accession number.

* They *contradict* when both state a Patient ID (or issuer), an accession number, a device or a time (15 minutes around
  the irradiation) and these differ; equal accession numbers outweigh names of devices and clocks.
* Their *doses agree* when every total that both state is equal within 1 % (activity 10 %) or within the rounding of the
  number as listed; or when each listed event has an event of the host to itself and an accession number or the time
  says that it may be a part of it.
* Doses agree, nothing contradicts, and one host has better evidence (accession number, then time) than all others: it
  is that examination. The listed study is *covered*, as a whole. A host has each dose, and each event, once: listed
  studies of one kind that need the same one are told apart by their evidence or not at all.
* What a person told apart is never compared.
* Doses agree in spite of one contradiction, or differ without one, or several would fit: *maybe* the same. Both count.

The answer depends on the studies alone, never on the order in which they came.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dose.store.covering import CLOCK_S, TOTALS, Speaker
from dose.store.rows import DOSES
from dose.store.technique import half_a_place

DICOM, TYPED, IMPORTED = 2, 1, 0  # how good a kind of study is
NEAR_S = 120.0  # tables state minutes
# Activity and CTDIvol as in dose.store.technique; times are listed in minutes
TOLERANCES = {"activity_mbq": 0.10, "ctdi_vol_mgy": 0.02, "fluoro_time_s": 0.05}
TOLERANCE = 0.01
FALLBACKS = frozenset({"ctdi_vol_mgy", "fluoro_time_s"})  # compared where no total of a dose is known to both
SUMMED = (*TOTALS, "fluoro_time_s")
_FAMILIES = {"CT": "ct", "MG": "mg", "NM": "nm", "PT": "nm"} | dict.fromkeys(
    ("DX", "CR", "RG", "PX", "IO", "XA", "RF"), "projection"
)
_FAMILY_OF_DOSE = {"dlp_mgy_cm": "ct", "ctdi_vol_mgy": "ct", "agd_mgy": "mg", "activity_mbq": "nm"} | dict.fromkeys(
    ("pka_gy_cm2", "ka_r_mgy"), "projection"
)
Row = Mapping[str, Any]
Evidence = tuple[bool, int]  # equal accession numbers; 2 near in time, 1 within 15 minutes, 0 no time to compare


@dataclass(frozen=True, slots=True)
class Stated:
    """A total, and by how much rounding may have changed it."""

    value: float
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """One study. `person` is whose it is; `named` a key of the Patient ID that its objects state, None without one.

    `span` are the local seconds of its first and last irradiation (or of the study), None where only a day is known.
    """

    id: int
    uid: str
    level: int
    person: int
    named: bytes | None
    issuer: str | None
    accession: bytes | None
    machines: tuple[Speaker, ...]
    span: tuple[float, float] | None
    modality: str | None
    events: tuple[Row, ...]
    totals: Mapping[str, tuple[Stated, ...]]

    @property
    def families(self) -> frozenset[str]:
        """Kinds of examination: by its modality and by the doses it states."""
        said = (_FAMILIES.get(self.modality or ""), *(_FAMILY_OF_DOSE.get(column) for column in self.totals))
        return frozenset(family for family in said if family)

    def same_person(self, other: Told) -> bool | None:
        """Whether both are of one patient; None where one does not say whose it is."""
        if self.person == other.person:
            return True
        if self.named is None or other.named is None:
            return None
        return self.named == other.named and (not self.issuer or not other.issuer or self.issuer == other.issuer)


@dataclass(slots=True)
class Verdict:
    """Studies that do not count, with the one that counts instead; and pairs that are perhaps one, listed first."""

    covered: dict[int, int] = field(default_factory=dict)
    maybe: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    listed: Told
    host: Told
    evidence: Evidence
    agrees: bool
    contradicted: bool
    columns: frozenset[str]  # totals that agree, empty where only events do

    @property
    def fits(self) -> bool:
        return self.agrees and not self.contradicted


def totals_of(events: Sequence[Row], reported: Iterable[Row], *, rounded: bool) -> dict[str, tuple[Stated, ...]]:
    """What a study states of each total: the sum of its events, the same without localizers, and as reported.

    `rounded`: the numbers are of a list and may be rounded to the places they show.
    """
    found: dict[str, tuple[Stated, ...]] = {}
    scans = [event for event in events if event["event_type"] != "constant_angle"]
    groups = [events, scans, *([row] for row in reported)]
    for column in SUMMED:
        sums = [[row[column] for row in rows if row.get(column)] for rows in groups]
        stated = dict.fromkeys(_sum(values, rounded) for values in sums if values)
        if stated:
            found[column] = tuple(stated)
    largest = max((event["ctdi_vol_mgy"] for event in events if event["ctdi_vol_mgy"]), default=None)
    return found if largest is None else found | {"ctdi_vol_mgy": (_sum([largest], rounded),)}


def _sum(values: Sequence[float], rounded: bool) -> Stated:
    return Stated(math.fsum(values), math.fsum(map(half_a_place, values)) if rounded else 0.0)


def decide(studies: Iterable[Told], verdict: Verdict, apart: Collection[frozenset[str]] = ()) -> None:
    """Say of each listed study which other it is, or may be; `apart` are pairs that a person told apart, by UID."""
    them = sorted(studies, key=lambda one: one.uid)
    for level in (TYPED, IMPORTED):
        hosts = [one for one in them if one.level > level and one.id not in verdict.covered]
        listed = [one for one in them if one.level == level]
        may_meet = [(one, host) for one in listed for host in hosts if frozenset((one.uid, host.uid)) not in apart]
        pairs = [pair for one, host in may_meet if (pair := _compare(one, host))]
        _cover(pairs, verdict)
        _doubt(pairs, verdict)


def _compare(listed: Told, host: Told) -> _Pair | None:
    if not listed.totals or not (host.events or host.totals) or not _may_be_of_one_kind(listed, host):
        return None
    person = listed.same_person(host)
    numbered = listed.accession is not None and listed.accession == host.accession
    if not (person or numbered):
        return None
    near = _nearness(listed, host)
    columns = _agreeing_totals(listed, host)
    agrees = bool(columns) or ((numbered or near > 0) and _seats([listed], host))
    other_number = not numbered and None not in {listed.accession, host.accession}
    elsewhere = not numbered and (near < 0 or not _may_share_machine(listed, host))
    contradictions = (person is False) + other_number + elsewhere
    if contradictions > agrees:
        return None
    return _Pair(listed, host, (numbered, max(near, 0)), agrees, contradictions > 0, columns or frozenset())


def _may_be_of_one_kind(listed: Told, host: Told) -> bool:
    return not listed.families or not host.families or bool(listed.families & host.families)


def _nearness(listed: Told, host: Told) -> int:
    """2 near, 1 within what clocks differ, 0 no time to compare, -1 apart."""
    if listed.span is None or host.span is None:
        return 0
    apart = max(host.span[0] - listed.span[1], listed.span[0] - host.span[1], 0.0)
    return 2 if apart <= NEAR_S else 1 if apart <= CLOCK_S else -1


def _may_share_machine(listed: Told, host: Told) -> bool:
    pairs = ((mine, theirs) for mine in listed.machines for theirs in host.machines)
    return not (listed.machines and host.machines) or any(mine.may_share_device(theirs) for mine, theirs in pairs)


def _agreeing_totals(listed: Told, host: Told) -> frozenset[str] | None:
    """The totals that both state, when they agree in all; None when they differ in one."""
    common = listed.totals.keys() & host.totals.keys()
    common = common - FALLBACKS or common
    for column in common:
        pairs = ((mine, theirs) for mine in listed.totals[column] for theirs in host.totals[column])
        if not any(_equal(column, mine, theirs) for mine, theirs in pairs):
            return None
    return frozenset(common)


def _equal(column: str, listed: Stated, theirs: Stated) -> bool:
    limit = max(TOLERANCES.get(column, TOLERANCE) * theirs.value, listed.slack + theirs.slack)
    return abs(listed.value - theirs.value) <= limit * (1 + 1e-9)


def _seats(listed: Iterable[Told], host: Told) -> bool:
    """Whether each event of these studies finds an event of the host to itself, the most equal first."""
    mine = [event for one in listed for event in one.events]
    pairs = [
        (distance, number, place)
        for number, event in enumerate(mine)
        for place, other in enumerate(host.events)
        if (distance := _apart_in_dose(event, other)) is not None
    ]
    seated: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, place in sorted(pairs):
        if number not in seated and place not in taken:
            seated[number] = place
            taken.add(place)
    return bool(mine) and len(seated) == len(mine)


def _apart_in_dose(event: Row, other: Row) -> float | None:
    """How far the doses differ that both state; None when they differ too much, or nothing is common."""
    common = [column for column in DOSES if event[column] and other[column]]
    said = [(column, _sum([event[column]], rounded=True), Stated(other[column])) for column in common]
    if not said or not all(_equal(*one) for one in said):
        return None
    return max(abs(mine.value - theirs.value) / theirs.value for _, mine, theirs in said)


def _cover(pairs: Sequence[_Pair], verdict: Verdict) -> None:
    """Give each listed study to the one host that fits best, as far as the host has what they list."""
    by_host: dict[int, list[_Pair]] = {}
    for _, own in groupby(pairs, key=lambda pair: pair.listed.id):
        fitting = sorted((pair for pair in own if pair.fits), key=lambda pair: pair.evidence, reverse=True)
        if fitting and (len(fitting) == 1 or fitting[0].evidence > fitting[1].evidence):
            by_host.setdefault(fitting[0].host.id, []).append(fitting[0])
    for rivals in by_host.values():
        seated: list[_Pair] = []
        strongest_first = sorted(rivals, key=lambda pair: pair.evidence, reverse=True)
        for _, equals in groupby(strongest_first, key=lambda pair: pair.evidence):
            together = [*seated, *equals]
            if not _have_room(together):
                break
            seated = together
        verdict.covered.update({pair.listed.id: pair.host.id for pair in seated})


def _have_room(pairs: Sequence[_Pair]) -> bool:
    """Whether one host can be all of these listed studies: each of its totals, or of its events, once."""
    columns = [column for pair in pairs for column in pair.columns]
    if all(pair.columns for pair in pairs) and len(columns) == len(set(columns)):
        return True
    return _seats([pair.listed for pair in pairs], pairs[0].host)


def _doubt(pairs: Sequence[_Pair], verdict: Verdict) -> None:
    taken = {verdict.covered[pair.listed.id] for pair in pairs if pair.listed.id in verdict.covered}
    for pair in pairs:
        if pair.listed.id in verdict.covered:
            continue
        # Another examination of that day, where nothing but the day speaks for this one and another was found for it.
        if pair.agrees or any(pair.evidence) or pair.host.id not in taken:
            verdict.maybe.add((pair.listed.id, pair.host.id))
