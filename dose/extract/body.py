"""What every reader shares: the shape of a reader, of what it returns, and the walk over like containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dose import codes as c
from dose.codes import Concept
from dose.extract import texts
from dose.extract.document import Node
from dose.extract.reading import Reading
from dose.extract.template import NOWHERE, Table, Where, coded
from dose.model import AccumulatedDose, IrradiationEvent, Person


@dataclass(frozen=True, slots=True)
class Body:
    """The events and totals of one report, in document order, the modality they speak for, and who took part."""

    modality: str
    events: tuple[IrradiationEvent, ...]
    accumulated: tuple[AccumulatedDose, ...]
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of dose report: its root template, the containers that show it, and the function that reads it.

    `procedures` (TID 10001, 10011 row 2) tell the kind of a report that holds no container, as after an
    examination without irradiation. `source` is the kind of object, as DoseReport.source.
    """

    template: str
    containers: tuple[Concept, ...]
    read: Callable[[Reading, tuple[Node, ...]], Body]
    procedures: tuple[Concept, ...] = ()
    source: str = "rdsr"


LABEL = Table({"type": coded(c.LABEL_TYPE)})


def acquisition_number(reading: Reading, _: str, nodes: list[Node]) -> int | None:
    """Read an event's label where it is the Acquisition Number of its images (CID 10022), which tells them apart."""
    for node in nodes:
        kind = LABEL.read(reading, node[3], NOWHERE).get("type")
        said = texts.decode(node[2], "") if isinstance(node[2], bytes) else ""
        if (
            kind is not None
            and (kind.scheme, kind.code) == c.ACQUISITION_NUMBER_LABEL
            and said.isdecimal()
            and len(said) < 10
        ):
            return int(said)
    return None


def containers(nodes: tuple[Node, ...], concept: Concept, at: str = "1") -> Iterator[tuple[str, Node]]:
    """Give every outermost container of this concept and where it lies; makers also group them in others."""
    for position, node in enumerate(nodes, 1):
        if node[0][0] == concept:
            yield f"{at}.{position}", node
        elif node[3]:
            yield from containers(node[3], concept, f"{at}.{position}")


def each(
    reading: Reading, content: tuple[Node, ...], concept: Concept, table: Table, subject: str
) -> Iterator[dict[str, Any]]:
    """Read every container of this concept by the table; an event's repeated values come along."""
    for index, (at, node) in enumerate(containers(content, concept)):
        reading.subject, reading.several = subject, []
        fields = table.read(reading, node[3], Where(subject, index, at))
        if subject == "event":
            fields["values"] = tuple(reading.several)
        yield fields
