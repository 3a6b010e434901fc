"""Protocols that are the same under several names, or one name for several: to be settled on the console.

* spelling: equal but for case, accents, punctuation and spaces
* near: one or two letters differ (a slip), or the same words in another order; numbers are meant to differ
* technique: other names on one device with the same voltage, charge and dose
* other technique: one name on several devices whose voltage or charge differ widely
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from dose.naming.modalities import family
from dose.naming.texts import plain, words

SPELLING, NEAR, TECHNIQUE, OTHER_TECHNIQUE = "spelling", "near", "technique", "other technique"
SHORTEST, LONGEST = 5, 60  # letters of names of which a slip is told from another name
ALIKE, APART = 0.03, 1.5  # relative difference that is none; ratio that is one
FEWEST = 10  # events, before a technique is compared


@dataclass(frozen=True, slots=True)
class Use:
    """A protocol on a device: how often, when last (YYYYMMDD), the means of its diagnostic events (None: unknown)."""

    protocol_id: int
    name: str
    device_id: int | None
    modality: str | None
    count: int
    last_day: int
    kvp_kv: float | None = None
    exposure_mas: float | None = None
    dose: float | None = None  # CTDIvol in mGy or kerma-area product in Gy.cm2, as the modality has it


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Uses that belong together, those used most first."""

    kind: str
    uses: tuple[Use, ...]

    @property
    def count(self) -> int:
        """Studies or events of all of them."""
        return sum(use.count for use in self.uses)


def duplicates(uses: Sequence[Use]) -> tuple[Duplicate, ...]:
    """All of them, the most used first."""
    found = [*_spellings(uses), *_near(uses), *_same_technique(uses), *_other_technique(uses)]
    return tuple(sorted(found, key=lambda one: -one.count))


def _made(kind: str, uses: Iterable[Use]) -> Duplicate:
    return Duplicate(kind, tuple(sorted(uses, key=lambda use: (-use.count, use.name))))


def _by_name(uses: Iterable[Use]) -> dict[tuple[str | None, str], list[Use]]:
    found = defaultdict(list)
    for use in uses:
        found[family(use.modality), plain(use.name)].append(use)
    return found


def _spellings(uses: Sequence[Use]) -> Iterator[Duplicate]:
    for same in _by_name(uses).values():
        if len({use.name for use in same}) > 1:
            yield _made(SPELLING, same)


def _near(uses: Sequence[Use]) -> Iterator[Duplicate]:
    names = _by_name(uses)
    meeting = defaultdict(set)
    for key in names:
        for trace in _traces(key[1]):
            meeting[key[0], trace].add(key)
    pairs = {pair for keys in meeting.values() for pair in combinations(sorted(keys, key=lambda key: key[1]), 2)}
    for one, other in sorted(pairs, key=str):
        if _numbers(one[1]) == _numbers(other[1]) and (
            _slip(one[1], other[1]) or sorted(one[1].split()) == sorted(other[1].split())
        ):
            yield _made(NEAR, [*names[one], *names[other]])


def _traces(name: str) -> Iterator[str]:
    """What two names share when one letter was left out, added or changed, or when words changed places."""
    yield " ".join(sorted(name.split()))
    if SHORTEST <= len(name) <= LONGEST:
        yield name
        yield from (name[:at] + name[at + 1 :] for at in range(len(name)))


def _numbers(name: str) -> list[str]:
    return [word for word in words(name) if word.isdigit()]


def _slip(one: str, other: str) -> bool:
    """Whether one letter differs or is missing, or two neighbours changed places."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < SHORTEST:
        return False
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) == len(other):
        swapped = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
        return swapped or one[at + 1 :] == other[at + 1 :]
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[at + 1 :] == shorter[at:]


def _same_technique(uses: Sequence[Use]) -> Iterator[Duplicate]:
    groups = defaultdict(list)
    for use in uses:
        if use.count >= FEWEST and use.kvp_kv and use.exposure_mas and use.dose and use.device_id is not None:
            groups[use.device_id, use.modality, round(use.kvp_kv)].append(use)
    for several in groups.values():
        rest = sorted(several, key=lambda use: use.exposure_mas or 0)
        for same in _runs(rest):
            if len({plain(use.name) for use in same}) > 1:
                yield _made(TECHNIQUE, same)


def _runs(uses: Sequence[Use]) -> Iterator[list[Use]]:
    run: list[Use] = []
    for use in uses:
        if run and not all(_alike(getattr(run[0], name), getattr(use, name)) for name in ("exposure_mas", "dose")):
            yield run
            run = []
        run.append(use)
    if run:
        yield run


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= ALIKE * max(abs(one), abs(other))


def _other_technique(uses: Sequence[Use]) -> Iterator[Duplicate]:
    for same in _by_name(use for use in uses if use.count >= FEWEST).values():
        if len({use.device_id for use in same}) > 1 and (
            _spread(use.exposure_mas for use in same) > APART or _spread(use.kvp_kv for use in same) > 1.1
        ):
            yield _made(OTHER_TECHNIQUE, same)


def _spread(values: Iterable[float | None]) -> float:
    known = [value for value in values if value]
    return max(known) / min(known) if known else 1.0
