"""Which events of a study describe an exposure that a better source of the study describes too. No database here.

Events with one Irradiation Event UID are one row already (`dose.store.claims`). What remains are events of weaker
sources without a UID, or with another: headers of images, dose screens, MPPS, typed and imported doses. Such an event
is *covered*, shown but not counted, by an event of a better source when device and technique do not contradict, and

0. both state the same UID, and one of them does not tell planes apart; or
1. its time lies within the irradiation that the better source states; or
2. its time is within `NEAR_S` of it, one to one, the nearest first; or
3. both state the same dose, one to one, the most equal first; or
4. all events left over of its kind and device find a partner one to one: a better source with enough events covers the
   images of its study; or
5. it was typed or imported and states the total of the better source's events.

What is typed or imported may be rounded to the places it shows. For 3 and 4 times may be missing, or differ by
`CLOCK_S`; where 1 or 2 showed that the clocks agree, by `NEAR_S` only.

Of one kind of source, images of one moment and technique (for processing and for presentation; an acquisition
reconstructed twice) are one exposure; the best of them counts. Administrations of activity are compared with each other
only, by activity and time. An event whose UID would be known to the better source, because other UIDs of its kind are,
is never covered: its UID says that it is another exposure. Whatever could be covered and is not is *doubtful*: it
counts, and the study says so. The answer depends on the rows alone, never on the order in which they came.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from dose.crypto import normalise
from dose.store.rank import strength
from dose.store.rows import ADMINISTRATION
from dose.store.technique import (
    SAME_SCAN_S,
    as_rounded,
    contradict,
    half_a_place,
    same_injection,
    same_scan_or_moment,
)

NEAR_S = 20.0  # an image carries the time of its acquisition or of its making, a report that of the beam
CLOCK_S = 900.0  # clocks of a console and of a generator that nobody sets
INJECTION_S = 600.0  # times of injection are typed by hand
HEADER = "header"
NO_PLANE = frozenset({"", "single"})  # what images of a biplane machine often say, whichever plane took them
LISTED_BY_PEOPLE = frozenset({"manual", "legacy"})
TOTALS = ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "activity_mbq")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times, as sent
Voice = tuple[str, tuple[str, str, str, str]]  # kind of source and device


@dataclass(frozen=True, slots=True)
class Speaker:
    """A source of a study: its rank, kind, device (serial number, station, model, maker) and the keys it knows."""

    id: int
    rank: str
    kind: str | None
    device: tuple[str, str, str, str] = ("", "", "", "")
    event_keys: frozenset[str] = frozenset()

    @property
    def voice(self) -> Voice:
        """What shares clock and UIDs."""
        return self.kind or "", self.device

    def may_share_device(self, other: Speaker) -> bool:
        """Whether both may speak of one machine: the first thing that both state decides."""
        return next((a == b for a, b in zip(self.device, other.device, strict=True) if a and b), True)


def speaker_of(row: Any) -> Speaker:  # noqa: ANN401 - a row of `source_object` with the names of its device
    """What decides how much a source is believed, and about which machine."""
    names = (row.serial_number, row.station_name, row.model, row.manufacturer)
    serial, station, model, maker = (normalise(name or "") for name in names)
    return Speaker(row.id, row.rank, row.kind, (serial, station, model, maker), frozenset(row.event_keys or ()))


@dataclass(slots=True)
class Verdict:
    """Row ids of events that are not counted, with the source that covers them; and of those in doubt."""

    covered: dict[int, int] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Event:
    row: Mapping[str, Any]
    speaker: Speaker
    start: float | None
    lasted: float  # s, 0 when not stated

    @property
    def order(self) -> tuple[Any, ...]:
        return self.start is None, self.start or 0.0, self.row["position"], self.row["event_key"], self.row["plane"]

    @property
    def is_administration(self) -> bool:
        return bool(self.row["event_type"] == ADMINISTRATION)

    def apart(self, other: _Event) -> float | None:
        """Seconds between its start and the other's irradiation; None where either states no time."""
        if self.start is None or other.start is None:
            return None
        return max(other.start - self.start, self.start - other.start - other.lasted, 0.0)


def cover(rows: Sequence[Mapping[str, Any]], speakers: Mapping[int, Speaker]) -> Verdict:
    """Compare the events of one study, as rows of `irradiation_event` with the `source_object_id` of this study."""
    verdict = Verdict()
    if len({row["source_object_id"] for row in rows}) > 1:
        events = [_event(row, speakers[row["source_object_id"]]) for row in rows]
        for administered in (False, True):
            _cover([event for event in events if event.is_administration is administered], speakers, verdict)
    return verdict


def _event(row: Mapping[str, Any], speaker: Speaker) -> _Event:
    lasted = max(row["irradiation_duration_s"] or 0.0, (row["exposure_time_ms"] or 0.0) / 1000)
    return _Event(row, speaker, seconds(row["started_at"]), lasted)


def seconds(started_at: str | None) -> float | None:
    """Local seconds of a time as sent; None when it names a day only, or nothing."""
    try:
        when = datetime.fromisoformat(started_at) if started_at and len(started_at) > 10 else None
    except ValueError:
        return None
    return None if when is None else (when.replace(tzinfo=None) - _EPOCH).total_seconds()


def _cover(events: list[_Event], speakers: Mapping[int, Speaker], verdict: Verdict) -> None:
    by_strength: dict[int, list[_Event]] = defaultdict(list)
    for event in events:
        by_strength[strength(event.speaker.rank)].append(event)
    standing: list[_Event] = []
    for level in sorted(by_strength, reverse=True):
        own = _one_of_each(by_strength[level], verdict)
        if standing and own:
            doubtful = _Comparison(own, standing, speakers.values(), verdict).settle()
            verdict.doubtful.update(event.row["id"] for event in doubtful)
        standing += [event for event in own if event.row["id"] not in verdict.covered]


def _one_of_each(events: list[_Event], verdict: Verdict) -> list[_Event]:
    """Of headers that tell of one exposure the best; doubtful where only a time is missing to tell."""
    kept: list[_Event] = []
    nearby: dict[int | None, list[_Event]] = defaultdict(list)
    best_first = sorted(
        sorted(events, key=lambda event: event.order), key=lambda event: event.speaker.rank, reverse=True
    )
    for event in best_first:
        minute = None if event.start is None else int(event.start // 60)
        around = (None,) if minute is None else (minute - 1, minute, minute + 1)
        rivals = [other for key in around for other in nearby[key] if other.speaker.id != event.speaker.id]
        twin = next((other for other in rivals if _twins(event, other)), None)
        if twin is not None and minute is not None:
            verdict.covered[event.row["id"]] = twin.speaker.id
            continue
        if twin is not None:
            verdict.doubtful.add(event.row["id"])
        kept.append(event)
        nearby[minute].append(event)
    return kept


def _twins(one: _Event, other: _Event) -> bool:
    if HEADER not in {one.speaker.kind, other.speaker.kind}:
        return False
    if one.row["irradiation_event_uid"] and other.row["irradiation_event_uid"]:
        return False
    apart = None if one.start is None or other.start is None else abs(one.start - other.start)
    if one.is_administration:
        return (apart is None or apart <= SAME_SCAN_S) and same_injection(one.row, other.row)
    return one.speaker.may_share_device(other.speaker) and same_scan_or_moment(one.row, other.row, apart)


class _Comparison:
    """Events of one kind of source against all that stand already, which are of better kinds."""

    def __init__(
        self, weaker: list[_Event], standing: list[_Event], speakers: Iterable[Speaker], verdict: Verdict
    ) -> None:
        self._weaker = sorted(weaker, key=lambda event: event.order)
        self._standing = sorted(standing, key=lambda event: event.order)
        self._covered = verdict.covered
        known = {event.row["event_key"] for event in standing}
        level = strength(weaker[0].speaker.rank)
        fellows = [one for one in speakers if strength(one.rank) == level]
        # What a weaker source lost by its UID is spoken for, and shows that both use the same UIDs.
        taken = frozenset().union(*(one.event_keys for one in fellows))
        self._same_uids = {one.voice for one in fellows if one.event_keys & known}
        self._same_clock: set[Voice] = set()
        self._free = {event.row["id"] for event in standing if event.row["event_key"] not in taken}
        self._starts = [event.start for event in self._standing if event.start is not None]
        self._longest = max((event.lasted for event in standing), default=0.0)

    def settle(self) -> list[_Event]:
        """Find who is covered by whom; the events that are not, though they might be."""
        self._by_uid()
        self._within()
        self._one_to_one(_apart_in_time)
        self._one_to_one(_apart_in_dose)
        self._by_number()
        self._by_totals()
        return [event for event in self._open() if any(True for _ in self._possible(event))]

    def _open(self) -> list[_Event]:
        return [
            event
            for event in self._weaker
            if event.row["id"] not in self._covered
            and not (event.row["irradiation_event_uid"] and event.speaker.voice in self._same_uids)
        ]

    def _possible(self, event: _Event) -> Iterator[_Event]:
        """Better events that nothing tells apart from this one; times may be missing."""
        limit = NEAR_S if event.speaker.voice in self._same_clock else CLOCK_S
        limit = INJECTION_S if event.is_administration else limit
        for other in self._around(event, limit):
            apart = event.apart(other)
            if (apart is None or apart <= limit) and _may_be_one(event, other):
                yield other

    def _around(self, event: _Event, limit: float) -> list[_Event]:
        if event.start is None:
            return self._standing
        first = bisect_left(self._starts, event.start - limit - self._longest)
        last = bisect_right(self._starts, event.start + limit)
        return self._standing[first:last] + self._standing[len(self._starts) :]

    def _match(self, event: _Event, other: _Event) -> None:
        self._covered[event.row["id"]] = other.speaker.id
        self._free.discard(other.row["id"])

    def _by_uid(self) -> None:
        known: dict[str, list[_Event]] = defaultdict(list)
        for other in self._standing:
            known[other.row["event_key"]].append(other)
        for event in self._weaker:
            for other in known.get(event.row["event_key"], ()):
                if NO_PLANE & {event.row["plane"], other.row["plane"]}:
                    self._match(event, other)
                    break

    def _within(self) -> None:
        # Only where the better source says how long it irradiated; a machine irradiates once at a time.
        for event in self._open():
            other = next((o for o in self._possible(event) if o.lasted and event.apart(o) == 0.0), None)
            if other is not None:
                self._match(event, other)
                self._same_clock.add(event.speaker.voice)

    def _one_to_one(self, apart: Callable[[_Event, _Event], float | None]) -> None:
        pairs = [
            (distance, event.order, other.order, event, other)
            for event in self._open()
            for other in self._possible(event)
            if other.row["id"] in self._free and (distance := apart(event, other)) is not None
        ]
        for _, _, _, event, other in sorted(pairs, key=itemgetter(0, 1, 2)):
            if event.row["id"] not in self._covered and other.row["id"] in self._free:
                self._match(event, other)
                if apart is _apart_in_time:
                    self._same_clock.add(event.speaker.voice)

    def _by_number(self) -> None:
        """All that are left of a kind and device find a partner, or none does."""
        groups: dict[Voice, list[_Event]] = defaultdict(list)
        for event in self._open():
            groups[event.speaker.voice].append(event)
        for voice in sorted(groups):
            found: dict[int, tuple[_Event, _Event]] = {}
            for event in groups[voice]:
                them = (o for o in self._possible(event) if o.row["id"] in self._free and o.row["id"] not in found)
                other = next(them, None)
                if other is not None:
                    found[other.row["id"]] = (event, other)
            if len(found) == len(groups[voice]):
                for event, other in found.values():
                    self._match(event, other)

    def _by_totals(self) -> None:
        for event in self._open():
            if event.speaker.kind in LISTED_BY_PEOPLE and _states_the_total(event, self._standing):
                self._covered[event.row["id"]] = self._standing[0].speaker.id


def _may_be_one(event: _Event, other: _Event) -> bool:
    theirs = as_rounded(event.row, other.row) if event.speaker.kind in LISTED_BY_PEOPLE else other.row
    if event.is_administration:
        return same_injection(event.row, theirs)
    is_header = event.speaker.kind == HEADER
    return event.speaker.may_share_device(other.speaker) and not contradict(event.row, theirs, is_header)


def _apart_in_time(event: _Event, other: _Event) -> float | None:
    apart = event.apart(other)
    near = INJECTION_S if event.is_administration else NEAR_S
    return apart if apart is not None and apart <= near else None


def _apart_in_dose(event: _Event, other: _Event) -> float | None:
    """How far the doses differ that both state; None when there is no such dose, or it is 0."""
    pairs = ((event.row[column], other.row[column]) for column in TOTALS)
    found = [abs(mine - theirs) / theirs for mine, theirs in pairs if mine and theirs]
    return max(found, default=None)


def _states_the_total(event: _Event, standing: Iterable[_Event]) -> bool:
    for column in TOTALS:
        values = [other.row[column] for other in standing if other.row[column] is not None]
        said = event.row[column]
        if said and values and math.isclose(said, math.fsum(values), rel_tol=0.01, abs_tol=half_a_place(said)):
            return True
    return False
