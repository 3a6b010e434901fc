"""What one content item says, for the trace: where it lies, its value and unit as sent, the factor to ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dose.codes import ORGAN_DOSE, PERSON_NAME, PERSON_OBSERVER_NAME, PHILIPS_PHYSICIAN
from dose.errors import UnknownUnit
from dose.extract import texts
from dose.extract.document import CODE, NO_CODE, NUM, PNAME, TABLE, Coded, Node
from dose.extract.reading import Traced
from dose.quantities import QUANTITIES


@dataclass(frozen=True, slots=True)
class Where:
    """One container of the document: `event` 3 at `1.13`."""

    subject: str
    index: int | None
    at: str


NOWHERE = Where("", None, "")  # inside a container whose items the enclosing table has traced


def said_inside(node: Node, part: str, where: Where) -> Iterator[Traced]:
    """Yield what a container read as one thing says: organ 2 of `organ_doses` is `organ_doses.1`."""
    for position, child in enumerate(node[3], 1):
        place = replace(where, at=f"{where.at}.{position}")
        column = _PARTS.get(child[0][0], part)
        yield from (replace(line, field=part) for line in said_by(child, column, place))
        yield from said_inside(child, part, place)


_NAMES = frozenset({PERSON_NAME, PERSON_OBSERVER_NAME, PHILIPS_PHYSICIAN})
_PARTS = {ORGAN_DOSE: "organ_dose_mgy"}  # quantities that stand inside such a container


def said_by(node: Node, column: str, where: Where) -> Iterable[Traced]:
    """Yield what one item says about a field, as sent; names of people are nobody's provenance."""
    if node[1] == PNAME or node[0][0] in _NAMES:
        return
    base = Traced(where.subject, where.index, column, f"{where.at} > {code_text(node[0])}")
    if node[1] == NUM:
        for said, unit in node[2]:
            yield _said_number(base, said, unit[0][1] if unit else None)
        if not node[2]:
            yield replace(base, reason="stated without a value")
    elif node[1] == CODE:
        empty = node[2] == NO_CODE
        yield replace(
            base, value=None if empty else code_text(node[2]), reason="stated without a code" if empty else None
        )
    elif node[1] == TABLE:
        yield replace(base, reason="a table, of which no row is read here")
    elif node[1]:
        yield replace(base, value=texts.decode(node[2], ""), reason=None if node[2].strip(b" \0") else "stated empty")


def _said_number(base: Traced, said: bytes, unit: str | None) -> Traced:
    text = said.decode("latin-1").strip(" \0")
    traced = replace(base, value=text, unit=unit)
    quantity = QUANTITIES.get(base.field)
    if not text:
        return replace(traced, reason="stated without a value")
    if quantity is None:
        return traced
    try:
        return replace(traced, conversion=f"× {quantity.convert(1.0, unit):.12g} = {quantity.unit}")
    except UnknownUnit:
        return replace(traced, reason=f"unit {unit!r} is unknown for {quantity.name}")


def code_text(code: Coded) -> str:
    """Return a code for people: `(113830,DCM) Mean CTDIvol`."""
    (scheme, value), meaning = code
    return f"({value},{scheme}) {texts.decode(meaning, '')}".rstrip()
