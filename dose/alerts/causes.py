"""What may lie behind a crossing: a suggestion, never a finding. A person says what it was.

The name is asked for first: more than half of false alerts were mislabelled examinations, most others the size of the
patient. Then the parts of the dose (`dose.statistics.outliers.decompose`) that pull it up, the strongest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dose.alerts.identity import Doubt
from dose.alerts.model import IMPLAUSIBLE, Acquisition, Crossing, Examination, stated
from dose.statistics.outliers import Decomposition, Part

STATED, NAME, SIZE, REPEATS, PHASES, LENGTH, MAS, VOLTAGE, TIME, FIELD, RATE = CAUSES = (
    "stated-wrongly", "name", "size", "repeats", "phases", "length", "mas", "tube-voltage", "time", "field", "rate",
)  # fmt: skip
HEAVY_KG = 90.0  # reference levels are of patients of about 70 kg; bands end here (ICRP 135, section 7)
_SIZED = frozenset({"percentile"})  # kinds that compare patients of one size
_SAME_PLACE = 0.9  # of the shorter range that two acquisitions share, or of their lengths where ranges are not stated
_OF_PARTS: Mapping[str, str] = {
    "phases": PHASES, "exposures": REPEATS, "length": LENGTH, "mas": MAS, "tube": VOLTAGE, "time": TIME, "field": FIELD,
    "kerma_rate": RATE, "pka_rate": RATE, "weight": SIZE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """One suggestion of `CAUSES`: `share` is its part of ln(dose / median of the like), None where it has none.

    `details` are what it rests on: the value and the peers' median of a part (units: `dose.statistics.outliers.Part`).
    """

    code: str
    share: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def suggested(
    crossing: Crossing, examination: Examination, parts: Decomposition | None, doubts: Sequence[Doubt] = ()
) -> tuple[Cause, ...]:
    """What may lie behind a crossing, the likeliest first, each once; empty where nothing suggests itself.

    Parameters
    ----------
    parts : Decomposition or None
        Of the examination's dose among its like; None where there are too few or too little is stated.
    doubts
        `dose.alerts.identity.doubts` of the examination.
    """
    found: dict[str, Cause] = {}
    for cause in _causes(crossing, examination, parts, doubts):
        found.setdefault(cause.code, cause)
    return tuple(found.values())


def _causes(
    crossing: Crossing, examination: Examination, parts: Decomposition | None, doubts: Sequence[Doubt]
) -> Iterator[Cause]:
    if IMPLAUSIBLE in crossing.remarks:
        yield Cause(STATED)
    if doubts:
        yield Cause(NAME, None, {"doubts": [one.code for one in doubts]})
    weight = stated(examination.patient.weight_kg)
    if weight is not None and weight >= HEAVY_KG and crossing.kind not in _SIZED:
        yield Cause(SIZE, None, {"weight_kg": weight})
    again = repeats(examination)
    reasons = parts.reasons if parts is not None and parts.whole > 0 else ()
    for part in reasons:
        yield from _of_part(part, parts.whole if parts else 1.0, again)
    if again:
        yield Cause(REPEATS, None, {"acquisitions": list(again)})


def _of_part(part: Part, whole: float, again: Sequence[int]) -> Iterator[Cause]:
    """The cause of one part; of CTDIvol what beneath it pulls most."""
    pulling = [one for one in part.beneath if one.log > 0]
    one = max(pulling, key=lambda beneath: beneath.log) if pulling else part
    code = REPEATS if one.name == "phases" and again else _OF_PARTS.get(one.name)
    if code is not None:
        details = {"value": one.value, "reference": one.reference, "ratio": one.ratio}
        yield Cause(
            code, one.log / whole, details | ({"acquisitions": list(again)} if code == REPEATS and again else {})
        )


def repeats(examination: Examination) -> tuple[int, ...]:
    """Diagnostic CT acquisitions that do again what one of the same protocol did: their numbers, not the first's.

    Phases have protocol names of their own, or are told by a person: this is a hint.
    """
    by_protocol = defaultdict[tuple[str, str | None], list[Acquisition]](list)
    for scan in examination.scans:
        if scan.protocol and stated(scan.ctdi_vol_mgy):
            by_protocol[" ".join(scan.protocol.split()).casefold(), scan.event_type].append(scan)
    return tuple(
        sorted(
            scan.id
            for scans in by_protocol.values()
            for n, scan in enumerate(scans)
            if any(_same_place(scan, before) for before in scans[:n])
        )
    )


def _same_place(one: Acquisition, other: Acquisition) -> bool:
    ranges = [_range(one), _range(other)]
    if ranges[0] and ranges[1]:
        (low, high), (bottom, top) = ranges[0], ranges[1]
        return min(high, top) - max(low, bottom) >= _SAME_PLACE * min(high - low, top - bottom)
    lengths = stated(one.scanning_length_mm), stated(other.scanning_length_mm)
    if lengths[0] is None or lengths[1] is None:
        return False
    return min(lengths[0], lengths[1]) >= _SAME_PLACE * max(lengths[0], lengths[1])


def _range(one: Acquisition) -> tuple[float, float] | None:
    if one.top_z_mm is None or one.bottom_z_mm is None:
        return None
    low, high = sorted((one.top_z_mm, one.bottom_z_mm))
    return (low, high) if stated(high - low) else None
