"""What is remembered while one report is read: warnings, repeated values, and where every field came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dose.model import DoseWarning

_MOST_NOTES = 100  # different warnings of one report


@dataclass(frozen=True, slots=True)
class Traced:
    """Where one field of a report came from; `reason` says why it is None."""

    subject: str
    index: int | None
    field: str
    path: str | None = None
    value: str | None = None
    unit: str | None = None
    conversion: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Reading:
    """The state of reading one report.

    `notes` counts what to tell the physicist; `several` the repeated values of the event being read;
    `subject` what is being read; `offset` the first UTC offset met; `dose_read` whether any dose had a
    known unit, `dose_lost` one that had not. `trace` is a list when the origin of every field is wanted.
    """

    charset: str = ""
    trace: list[Traced] | None = None
    notes: dict[tuple[str, str], int] = field(default_factory=dict)
    several: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)
    subject: str = "study"
    offset: str | None = None
    dose_read: bool = False
    dose_lost: str | None = None

    def note(self, code: str, text: str) -> None:
        """Remember a warning; equal ones are counted, and beyond what anybody reads all are one."""
        if len(self.notes) >= _MOST_NOTES and (code, text) not in self.notes:
            code, text = "more-warnings", "more of the values are odd"
        self.notes[code, text] = self.notes.get((code, text), 0) + 1

    def warnings(self) -> tuple[DoseWarning, ...]:
        """Return the warnings in the order of their first appearance."""
        return tuple(
            DoseWarning(code, text if times == 1 else f"{text} ({times} times)")
            for (code, text), times in self.notes.items()
        )


def shared_out(trace: list[Traced] | None, start: int, first: int, rows: Sequence[object]) -> None:
    """Give the lines from `start` on, traced for one container, to the rows (from number `first`) made of it.

    An accumulated container of both breasts becomes a row a breast (TID 10005): each glandular dose is one row's, and
    what was said beside them is the row's that holds it.
    """
    if trace is None:
        return
    lines, trace[start:] = trace[start:], []
    doses = [line for line in lines if line.field == "agd_mgy" and line.reason is None]
    for number, row in enumerate(rows, first):
        for line in lines:
            if line.field != "agd_mgy" and (line.reason or getattr(row, line.field, None) is not None):
                trace.append(replace(line, index=number))
            elif line.field != "agd_mgy":
                trace.append(
                    Traced(line.subject, number, line.field, reason="stated for the examination, not by breast")
                )
        if getattr(row, "agd_mgy", None) is not None and doses:
            trace.append(replace(doses.pop(0), index=number))
        else:
            trace.append(Traced("accumulated", number, "agd_mgy", reason="not stated in the report"))
