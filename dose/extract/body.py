"""What every reader shares: the shape of a reader, of what it returns, and the walk over like containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dose.codes import Concept
from dose.extract.document import Node
from dose.extract.template import Reading, Table, Where
from dose.model import AccumulatedDose, IrradiationEvent


@dataclass(frozen=True, slots=True)
class Body:
    """The events and totals of one report, in document order, and the modality they speak for."""

    modality: str
    events: tuple[IrradiationEvent, ...]
    accumulated: tuple[AccumulatedDose, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of dose report: its root template, the containers that show it, and the function that reads it."""

    template: str
    containers: tuple[Concept, ...]
    read: Callable[[Reading, tuple[Node, ...]], Body]


def each(
    reading: Reading, content: tuple[Node, ...], concept: Concept, table: Table, subject: str
) -> Iterator[dict[str, Any]]:
    """Read every top-level container of this concept by the table; an event's repeated values come along."""
    index, reading.subject = 0, subject
    for position, node in enumerate(content, 1):
        if node[0][0] != concept:
            continue
        reading.several = []
        fields = table.read(reading, node[3], Where(subject, index, f"1.{position}"))
        if subject == "event":
            fields["values"] = tuple(reading.several)
        yield fields
        index += 1
