"""The values of an examination by measure: whole, or by acquisition. Implausible ones are among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dose.alerts.model import NO_PHANTOM, Acquisition, Examination, remarks_of, stated
from dose.quantities import is_plausible
from dose.statistics.bands import THICKNESS
from dose.statistics.measures import OF_PHANTOM, STUDY, Measure


@dataclass(frozen=True, slots=True)
class Measured:
    """A stated value in the unit of its measure, and what an alert of it is about (`study:17`, `event:88`).

    `thickness_mm` is that of the compressed breast it was given to; None: not known, or of several.
    """

    subject: str
    measure: Measure
    value: float
    thickness_mm: float | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said with the value."""
        unknown = self.measure.column in OF_PHANTOM and self.measure.phantom is None
        return remarks_of(self.measure.column, self.value, *((NO_PHANTOM,) if unknown else ()))


def measured(examination: Examination, measures: Sequence[Measure]) -> Iterator[Measured]:
    """What the examination states of some measures, each of its own phantom; localizers and bolus tracking are out."""
    for one in measures:
        if examination.modality not in one.modalities:
            continue
        whole = ((examination.subject, examination),)
        rows = whole if one.level == STUDY else ((scan.subject, scan) for scan in examination.scans)
        for subject, row in rows:
            value = stated(getattr(row, one.column, None))
            if value is not None and (one.column not in OF_PHANTOM or one.phantom == row.phantom_cm):
                yield Measured(subject, one, value, _thickness(row))


def _thickness(row: Examination | Acquisition) -> float | None:
    """Who compares with whom is decided by sizes that can be true, as in statistics."""
    said = getattr(row, THICKNESS, None)
    return said if said is not None and is_plausible(THICKNESS, said) else None
