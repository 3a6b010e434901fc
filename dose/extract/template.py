"""Field tables and what reads them: `{"dlp_mgy_cm": number(CT_DOSE, DLP), …}`.

A row says under which concepts a field lies and how its items become a value. A table is compiled
once into a tree of dictionaries, so that an event is read in one pass over its items.

References: DICOM PS3.16 section 6 (how templates nest and repeat).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dose.codes import Concept, by_code, spellings
from dose.errors import UnknownUnit
from dose.extract import texts
from dose.extract.document import CODE, NO_CODE, NOTHING, NUM, Node
from dose.extract.reading import Reading, Traced
from dose.extract.said import NOWHERE as NOWHERE
from dose.extract.said import Where as Where
from dose.extract.said import said_by, said_inside
from dose.model import Code
from dose.quantities import QUANTITIES, Quantity

_SHOWN = 16  # letters of a code or unit in a warning: enough to know it, too few for a text about somebody

_MOST = 1e6  # beyond, a number of events or images is none

ReadRow = Callable[[Reading, str, list[Node]], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One field: the concepts that lead to it, how it is read, others that belong to it, and where else to look.

    `silent`: a maker's own item, whose absence from a trace is not worth a line.
    """

    path: tuple[Concept, ...]
    read: ReadRow
    also: tuple[tuple[Concept, ...], ...] = ()
    otherwise: tuple[Concept, ...] | None = None
    silent: bool = False

    def or_else(self, *path: Concept) -> Row:
        """Return the row with a second place to look."""
        return replace(self, otherwise=path)


@dataclass(slots=True)
class _Branch:
    """What to do at one concept: keep the item under a column, look among its children, or both."""

    column: str | None = None
    below: dict[Concept, _Branch] = field(default_factory=dict)


_ELSEWHERE = _Branch()  # an item no row asks for


class Table:
    """A compiled field table.

    `anywhere`: an item that stands deeper or shallower than the template says, or under another parent,
    counts too; makers move items in and out of containers, and a concept means the same wherever it stands.
    """

    __slots__ = ("astray", "fallbacks", "rows", "tree")

    def __init__(self, rows: Mapping[str, Row], *, anywhere: bool = False) -> None:
        self.rows = dict(rows)
        self.astray = _leaves(rows) if anywhere else {}
        self.fallbacks = {f"{column}, otherwise": column for column, row in rows.items() if row.otherwise}
        self.tree: dict[Concept, _Branch] = {}
        for column, row in rows.items():
            for path in (row.path, *row.also):
                self._add(column, path)
        for alias, column in self.fallbacks.items():
            self._add(alias, rows[column].otherwise or ())

    def _add(self, column: str, path: tuple[Concept, ...]) -> None:
        below, branch = self.tree, _Branch()
        for concept in path:
            branch = below.get(concept) or _Branch()
            below.update(dict.fromkeys(spellings(concept), branch))
            below = branch.below
        branch.column = column

    def read(self, reading: Reading, nodes: tuple[Node, ...], where: Where) -> dict[str, Any]:
        """Read every field found among these items and below; absent fields are absent in the result.

        Parameters
        ----------
        reading : Reading
            Where warnings and the trace go.
        nodes : tuple of Node
            The items of one container.
        where : Where
            What these items are and where they lie: for the trace.
        """
        return self.read_parts(reading, ((nodes, where),))

    def read_parts(self, reading: Reading, parts: Iterable[tuple[tuple[Node, ...], Where]]) -> dict[str, Any]:
        """Read every field found in any of several containers that together describe one thing."""
        found: dict[str, list[Node]] = {}
        traced: Where | None = None
        for nodes, where in parts:
            if reading.trace is None or where is NOWHERE:
                collect(nodes, self.tree, self.astray, found)
            else:
                trace_below(reading.trace, self, self.tree, nodes, where, found)
                traced = traced or where
        if reading.trace is not None and traced is not None:
            reading.trace.extend(self._unstated(traced, found))
        fields: dict[str, Any] = {}
        for name, items in found.items():
            column = self.fallbacks.get(name, name)
            if column == name or column not in found:
                fields[column] = self.rows[column].read(reading, column, items)
        return fields

    def _unstated(self, where: Where, found: dict[str, list[Node]]) -> Iterator[Traced]:
        for column, row in self.rows.items():
            if not row.silent and column not in found and f"{column}, otherwise" not in found:
                yield Traced(where.subject, where.index, column, reason="not stated in the report")


def _leaves(rows: Mapping[str, Row]) -> dict[Concept, _Branch]:
    """Return what to do at the last concept of each row's path, wherever it stands."""
    leaves: dict[Concept, _Branch] = {}
    for column, row in rows.items():
        for name, path in ((column, row.path), (f"{column}, otherwise", row.otherwise or ())):
            for concept in path[-1:]:
                leaves |= {one: _Branch(name) for one in spellings(concept) if one not in leaves}
    return leaves


def collect(
    nodes: tuple[Node, ...],
    tree: dict[Concept, _Branch],
    astray: dict[Concept, _Branch],
    found: dict[str, list[Node]],
) -> None:
    """Sort the items that the table asks for under their columns, in document order."""
    for node in nodes:
        branch = tree.get(node[0][0]) or astray.get(node[0][0]) or _ELSEWHERE
        if branch.column is not None:
            found.setdefault(branch.column, []).append(node)
        if node[3] and (branch.below or astray):
            collect(node[3], branch.below, astray, found)


def trace_below(
    trace: list[Traced],
    table: Table,
    tree: dict[Concept, _Branch],
    nodes: tuple[Node, ...],
    where: Where,
    found: dict[str, list[Node]],
) -> None:
    """Do as `collect`, and write down where each item lies and what it says."""
    for position, node in enumerate(nodes, 1):
        branch = tree.get(node[0][0]) or table.astray.get(node[0][0]) or _ELSEWHERE
        if branch is _ELSEWHERE and not table.astray:
            continue
        place = replace(where, at=f"{where.at}.{position}")
        if branch.column is not None:
            found.setdefault(branch.column, []).append(node)
            column = table.fallbacks.get(branch.column, branch.column)
            trace.extend(said_by(node, column, place))
            if node[1] == NOTHING:
                trace.extend(said_inside(node, f"{column}.{len(found[branch.column]) - 1}", place))
        trace_below(trace, table, branch.below, node[3], place, found)


def number(*path: Concept) -> Row:
    """A number; several non-zero values of one field give their mean (kV, mA, pulse width …)."""
    return Row(path, _mean)


def total(*path: Concept) -> Row:
    """A number whose several values add up (exposure, exposure time)."""
    return Row(path, _sum)


def count(*path: Concept) -> Row:
    """A number of things: whole, and no more than anybody does; else it is none, and told."""

    def read(reading: Reading, column: str, nodes: list[Node]) -> int | None:
        stated = next(iter(numbers(reading, column, nodes)), None)
        if stated is None or (stated.is_integer() and 0 <= stated < _MOST):
            return None if stated is None else int(stated)
        reading.note("implausible", f"{column}: {stated:g} is no number of things")
        return None

    return Row(path, read)


def text(*path: Concept) -> Row:
    """The first text that is not empty."""
    return Row(path, _text)


def moment(*path: Concept) -> Row:
    """A date and time as ISO 8601."""
    return Row(path, _moment)


def coded(*path: Concept) -> Row:
    """A code as sent."""
    return Row(path, _coded)


def _by_value(table: Mapping[Concept, str]) -> Callable[[Concept], str | None]:
    """Return the look-up of a coded value in a context group.

    Inside one group a value names one thing: a standard scheme that does not own it (an SCT number as SRT) is a
    slip, a private scheme (99…) is another code.
    """
    words = by_code(table)
    values = {value: word for (_, value), word in words.items()}

    def look_up(code: Concept) -> str | None:
        return words.get(code) or (None if code[0].startswith("99") and code[0] != "99SDM" else values.get(code[1]))

    return look_up


def choice(table: Mapping[Concept, str], *path: Concept) -> Row:
    """A code as one of our words; None when the table does not know it."""
    look_up = _by_value(table)

    def read(reading: Reading, column: str, nodes: list[Node]) -> str | None:
        for node in nodes:
            if node[1] == CODE and node[2][0][1]:
                word = look_up(node[2][0])
                if word is None:
                    reading.note("code-unknown", f"{column}: code {node[2][0][1][:_SHOWN]!r} is not in the table")
                return word
        return None

    return Row(path, read)


def worded(table: Mapping[Concept, str], *path: Concept) -> Row:
    """A code as one of our words, else its meaning as sent, else a free text."""
    look_up = _by_value(table)

    def read(reading: Reading, column: str, nodes: list[Node]) -> str | None:
        for node in nodes:
            if node[1] == CODE and node[2] != NO_CODE:
                return look_up(node[2][0]) or texts.decode(node[2][1], reading.charset) or node[2][0][1]
        return _text(reading, column, nodes)

    return Row(path, read)


def words(table: Mapping[Concept, str], *path: Concept) -> Row:
    """Several codes of one thing (grid: fixed, focused) as one text: our words or meanings as sent, sorted."""
    one = worded(table, *path)

    def read(reading: Reading, column: str, nodes: list[Node]) -> str | None:
        found = {word for node in nodes if (word := one.read(reading, column, [node]))}
        return ", ".join(sorted(found)) or None

    return Row(path, read)


def group(read: ReadRow, *path: Concept) -> Row:
    """Containers, read by a function of their own."""
    return Row(path, read)


def numbers(reading: Reading, column: str, nodes: Iterable[Node]) -> list[float]:
    """Return every value stated, in canonical units; what cannot be read is noted and left out."""
    quantity, values = QUANTITIES[column], []
    for node in nodes:
        if node[1] != NUM:
            reading.note("value-unreadable", f"{column}: an item holds no number")
            continue
        for said, unit in node[2]:
            try:
                if b"_" in said:  # Python's own digit grouping, no DICOM
                    raise ValueError
                values.append(quantity.convert(float(said), unit[0][1] if unit else None))
            except (ValueError, UnknownUnit):
                values += _several(reading, quantity, said, unit[0][1] if unit else None)
    if values and quantity.dose:
        reading.dose_read = True
    return values


def _several(reading: Reading, quantity: Quantity, said: bytes, unit: str | None) -> list[float]:
    """Read a text of several values (per pulse), or note why it is none."""
    values = []
    for piece in said.strip(b" \0").split(b"\\"):
        part = piece.strip(b" \0")
        try:
            if part:
                values.append(quantity.convert(float(part.replace(b"_", b"?")), unit))
        except ValueError:
            reading.note("value-unreadable", f"{quantity.column}: a value is no number")
        except UnknownUnit:
            shown = repr(unit and unit[:_SHOWN])
            reading.note("unit-unknown", f"{quantity.column}: unit {shown} is unknown, value left empty")
            if quantity.dose:
                reading.dose_lost = f"{quantity.column} in {shown}"
    return values


def check(reading: Reading, column: str, value: float) -> None:
    """Note a value that is implausible, or zero where an event cannot have zero."""
    row = QUANTITIES[column]
    if value == 0 and (row.zero_unknown or (row.dose and reading.subject == "event")):
        reading.note("zero-stated", f"{column}: zero is stated; the maker may mean unknown")
    elif not row.low <= value <= row.high:
        reading.note("implausible", f"{column}: {value:g} {row.unit} is outside {row.low:g} to {row.high:g}")


def _mean(reading: Reading, column: str, nodes: list[Node]) -> float | None:
    values = numbers(reading, column, nodes)
    if not values:
        return None
    value = values[0]
    if len(values) > 1:
        reading.several.append((column, tuple(values)))
        nonzero = [value for value in values if value] or [0.0]
        value = math.fsum(nonzero) / len(nonzero)
        if QUANTITIES[column].dose:
            reading.note("repeated-value", f"{column}: stated {len(values)} times in one event")
    check(reading, column, value)
    return value


def _sum(reading: Reading, column: str, nodes: list[Node]) -> float | None:
    values = numbers(reading, column, nodes)
    if not values:
        return None
    value = values[0]
    if len(values) > 1:
        reading.several.append((column, tuple(values)))
        value = math.fsum(values)
    check(reading, column, value)
    return value


def _text(reading: Reading, _: str, nodes: list[Node]) -> str | None:
    for node in nodes:
        if isinstance(node[2], bytes):
            if not node[2].isascii() and texts.is_doubtful(node[2], reading.charset):
                reading.note("charset-doubtful", "texts declared as Latin-1 look like UTF-8; given as declared")
            found = texts.decode(node[2], reading.charset)
            if found:
                return found
    return None


def _moment(reading: Reading, column: str, nodes: list[Node]) -> str | None:
    said = _text(reading, column, nodes)
    if said is None:
        return None
    found, offset = texts.moment(said)
    if found is None:
        reading.note("datetime-unreadable", f"{column}: not a date and time")
    reading.offset = reading.offset or offset
    return found


def _coded(reading: Reading, _: str, nodes: list[Node]) -> Code | None:
    for node in nodes:
        if node[1] == CODE and node[2][0][1]:
            (scheme, value), meaning = node[2]
            return Code(value, scheme, texts.decode(meaning, reading.charset) or None)
    return None
