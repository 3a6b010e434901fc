"""Content items of an SR document: described first, spelled by a dialect, then turned into data sets.

The description (`Item`) is plain and cheap, so that a builder reads like its template. The `Dialect` decides what
makers decide: SNOMED-RT or SNOMED CT codes, and how a unit is spelled.

References: DICOM PS3.3 C.17.3 (SR document content), table 8.8-1 (codes); PS3.5 6.2 (DS); UCUM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Sequence_
from pydicom.tag import Tag

Scheme = Literal["SRT", "SCT", "SNM3", "99SDM"]


@dataclass(frozen=True, slots=True)
class Concept:
    """A code in its older (DCM or SNOMED-RT) spelling and, where it has one, its SNOMED CT value."""

    value: str
    meaning: str
    scheme: str = "DCM"
    sct: str | None = None


class Odd(Enum):
    """Ways to send a number without a number."""

    EMPTY = auto()  # Measured Value Sequence present, without items
    BLANK = auto()  # a measured value whose Numeric Value is empty


EMPTY = Odd.EMPTY
BLANK = Odd.BLANK


@dataclass(frozen=True, slots=True)
class Raw:
    """A number exactly as written here: its text and its unit code, for what no rule describes."""

    text: str
    unit: str
    unit_meaning: str | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """Several content items of the same concept, one per value (per pulse, per X-ray source)."""

    values: Sequence[float]


# A sequence of numbers is one item with a multi-valued Numeric Value. None leaves the item out.
Value = float | Sequence[float] | Raw | Repeated | Odd | None


# The size of each accepted spelling in SI units (dose in Gy, length in m, time in s, current in A).
UNITS: Mapping[str, float] = {
    "Gy": 1.0, "dGy": 1e-1, "cGy": 1e-2, "mGy": 1e-3, "uGy": 1e-6,
    "Gy.m2": 1.0, "Gym2": 1.0, "Gy.cm2": 1e-4, "Gy.cm^2": 1e-4, "dGy.cm2": 1e-5, "dGycm2": 1e-5, "cGy.cm2": 1e-6,
    "uGy.m2": 1e-6, "uGym2": 1e-6, "mGy.cm2": 1e-7, "Gy.cm": 1e-2, "mGy.cm": 1e-5, "mGycm": 1e-5,
    "s": 1.0, "ms": 1e-3, "min": 60.0, "kV": 1e3, "V": 1.0, "A": 1.0, "mA": 1e-3, "uA": 1e-6,
    "A.s": 1.0, "mA.s": 1e-3, "mAs": 1e-3, "uA.s": 1e-6, "uAs": 1e-6,
    "m": 1.0, "dm": 1e-1, "cm": 1e-2, "mm": 1e-3, "m2": 1.0, "cm2": 1e-4, "mm2": 1e-6,
    "deg": 1.0, "{pulse}/s": 1.0, "Hz": 1.0, "1": 1.0, "{ratio}": 1.0, "{events}": 1.0, "{X-Ray sources}": 1.0,
    "mSv": 1e-3, "uSv": 1e-6, "%": 1.0, "Bq": 1.0, "kBq": 1e3, "MBq": 1e6, "GBq": 1e9, "mCi": 37e6,
    "kg": 1.0, "g": 1e-3, "N": 1.0, "daN": 10.0, "a": 1.0, "mo": 1 / 12, "d": 1 / 365.25,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one maker writes SR.

    `units` maps a field to the unit spelling in which its values are sent; `template` is the identifier written in
    (0040,DB00): None leaves the sequence out, "" sends it empty; `exponent` writes numbers as 1.2E-05.
    """

    scheme: Scheme = "SRT"
    units: Mapping[str, str] = field(default_factory=dict)
    template: str | None = "as-built"
    exponent: bool = False

    def code(self, concept: Concept) -> tuple[str, str, str]:
        """Return the concept's value, scheme and meaning in this dialect."""
        if concept.scheme != "SRT":
            return concept.value, concept.scheme, concept.meaning
        if self.scheme == "SCT" and concept.sct:
            return concept.sct, "SCT", concept.meaning
        return concept.value, "SRT" if self.scheme == "SCT" else self.scheme, concept.meaning

    def number(self, value: float) -> str:
        """Return a decimal string of at most 16 characters (PS3.5 table 6.2-1, DS)."""
        if self.exponent and value:
            return f"{value:.8E}"
        text = f"{value:.10g}"
        return text if len(text) <= 16 else f"{value:.8g}"


@dataclass(frozen=True, slots=True)
class Item:
    """One content item; `value` depends on the value type, `children` are nested by it."""

    relationship: str
    value_type: str
    concept: Concept
    value: Any = None
    children: tuple[Item, ...] = ()


def container(concept: Concept, *children: Item | Iterable[Item], relationship: str = "CONTAINS") -> Item:
    """Return a container; children may be items or iterables of items."""
    return Item(relationship, "CONTAINER", concept, None, flat(children))


def flat(children: Iterable[Item | Iterable[Item]]) -> tuple[Item, ...]:
    """Return items in order, iterables opened."""
    found: list[Item] = []
    for child in children:
        found.extend([child] if isinstance(child, Item) else child)
    return tuple(found)


def code(concept: Concept, value: Concept, *children: Item, relationship: str = "CONTAINS") -> Item:
    """Return a CODE item."""
    return Item(relationship, "CODE", concept, value, children)


def modifier(concept: Concept, value: Concept, *children: Item) -> Item:
    """Return a CODE item that modifies its parent's concept."""
    return code(concept, value, *children, relationship="HAS CONCEPT MOD")


def text(concept: Concept, value: str | None, relationship: str = "CONTAINS") -> list[Item]:
    """Return a TEXT item, or nothing for None."""
    return [] if value is None else [Item(relationship, "TEXT", concept, value)]


def person(concept: Concept, name: str, *children: Item, relationship: str = "CONTAINS") -> Item:
    """Return a PNAME item."""
    return Item(relationship, "PNAME", concept, name, children)


def uidref(concept: Concept, value: str | None, relationship: str = "CONTAINS") -> list[Item]:
    """Return a UIDREF item, or nothing for None."""
    return [] if value is None else [Item(relationship, "UIDREF", concept, value)]


def moment(concept: Concept, value: str | None, relationship: str = "CONTAINS") -> list[Item]:
    """Return a DATETIME item, or nothing for None."""
    return [] if value is None else [Item(relationship, "DATETIME", concept, value)]


@dataclass(frozen=True, slots=True)
class Tabulated:
    """Values over time: columns as (concept, unit, VR) and rows, written cell by cell, or in whole columns or rows.

    References: PS3.3 C.18.10.
    """

    columns: Sequence[tuple[Concept, str | None, str]]
    rows: Sequence[Sequence[Any]]
    by: Literal["cell", "column", "row"] = "column"


def table(concept: Concept, value: Tabulated) -> Item:
    """Return a TABLE item."""
    return Item("CONTAINS", "TABLE", concept, value)


def position(concept: Concept, *coordinates: float) -> Item:
    """Return an SCOORD3D item: x, y, z in mm of each point."""
    return Item("CONTAINS", "SCOORD3D", concept, coordinates)


def numbers(concept: Concept, value: Value, canonical: str, spelled: str, *children: Item) -> list[Item]:
    """Return NUM items for a value given in its canonical unit and sent in the spelled one; nothing for None."""
    if value is None:
        return []
    factor = UNITS[canonical] / UNITS[spelled]
    if isinstance(value, Repeated):
        return [_one(concept, [each * factor], spelled, children) for each in value.values]
    if isinstance(value, (Raw, Odd)):
        sent: Any = value if isinstance(value, Raw) else (value, spelled)
        return [Item("CONTAINS", "NUM", concept, sent, children)]
    values = [value] if isinstance(value, (int, float)) else value
    return [_one(concept, [each * factor for each in values], spelled, children)]


def _one(concept: Concept, values: Sequence[float], unit: str, children: tuple[Item, ...]) -> Item:
    return Item("CONTAINS", "NUM", concept, (list(values), unit), children)


def write_items(parent: Dataset, items: Sequence[Item], dialect: Dialect) -> None:
    """Put items into the parent's Content Sequence."""
    if items:
        parent.ContentSequence = [to_dataset(item, dialect) for item in items]


def to_dataset(item: Item, dialect: Dialect) -> Dataset:
    """Return the data set of one content item and all below it."""
    elements = [
        _element("RelationshipType", item.relationship),
        _element("ValueType", item.value_type),
        _element("ConceptNameCodeSequence", [coded(*dialect.code(item.concept))]),
        *_VALUES[item.value_type](item.value, dialect),
    ]
    if item.children:
        elements.append(_element("ContentSequence", [to_dataset(child, dialect) for child in item.children]))
    return _dataset(elements)


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item (PS3.3 table 8.8-1)."""
    return _dataset(
        [_element("CodeValue", value), _element("CodingSchemeDesignator", scheme), _element("CodeMeaning", meaning)]
    )


def _element(keyword: str, value: Any) -> DataElement:  # noqa: ANN401 - whatever the representation takes
    tag, representation = _ELEMENTS[keyword]
    return DataElement(tag, representation, Sequence_(value) if representation == "SQ" else value)


def _dataset(elements: list[DataElement]) -> Dataset:
    # Twice as fast as an assignment by keyword each, and reports have thousands of elements.
    return Dataset({element.tag: element for element in elements})


_ELEMENTS = {
    keyword: (Tag(keyword), dictionary_VR(keyword))
    for keyword in (
        "RelationshipType", "ValueType", "ConceptNameCodeSequence", "ContentSequence", "CodeValue", "CodeMeaning",
        "CodingSchemeDesignator", "ContinuityOfContent", "ConceptCodeSequence", "TextValue", "PersonName", "UID",
        "DateTime", "ReferencedSOPSequence", "ReferencedSOPClassUID", "ReferencedSOPInstanceUID",
        "MeasuredValueSequence", "MeasurementUnitsCodeSequence", "NumericValue", "TabulatedValuesSequence",
        "GraphicData", "GraphicType",
    )
}  # fmt: skip


def _image(value: tuple[str, str], _dialect: Dialect) -> list[DataElement]:
    reference = [_element("ReferencedSOPClassUID", value[0]), _element("ReferencedSOPInstanceUID", value[1])]
    return [_element("ReferencedSOPSequence", [_dataset(reference)])]


def _num(value: Raw | tuple[list[float] | Odd, str], dialect: Dialect) -> list[DataElement]:
    empty = isinstance(value, tuple) and value[0] is EMPTY
    return [_element("MeasuredValueSequence", [] if empty else [_measured(value, dialect)])]


def _measured(value: Raw | tuple[list[float] | Odd, str], dialect: Dialect) -> Dataset:
    if isinstance(value, Raw):
        sent, unit, meaning = value.text, value.unit, value.unit_meaning or value.unit
    else:
        sent = "" if isinstance(value[0], Odd) else "\\".join(map(dialect.number, value[0]))
        unit = meaning = value[1]
    units = _element("MeasurementUnitsCodeSequence", [coded(unit, "UCUM", meaning)])
    return _dataset([units, _element("NumericValue", sent)])


def _table(value: Tabulated, dialect: Dialect) -> list[DataElement]:
    ds, names = Dataset(), []
    ds.NumberOfTableRows, ds.NumberOfTableColumns = len(value.rows), len(value.columns)
    for number, (concept, unit, _) in enumerate(value.columns, 1):
        name = _dataset([_element("ConceptNameCodeSequence", [coded(*dialect.code(concept))])])
        name.TableColumnNumber = number
        if unit:
            name.MeasurementUnitsCodeSequence = [coded(unit, "UCUM", unit)]
        names.append(name)
    ds.TableColumnDefinitionSequence = names
    ds.CellValuesSequence = list(_cells(value))
    return [_element("TabulatedValuesSequence", [ds])]


def _cells(value: Tabulated) -> Iterator[Dataset]:
    """Give the cells in row-major order, or whole columns, or whole rows."""
    if value.by == "row":
        for row, cells in enumerate(value.rows, 1):
            yield _cell(value.columns[-1][2], list(cells), row=row)
    for column, (_, _, vr) in enumerate(value.columns, 1):
        cells = [row[column - 1] for row in value.rows]
        if value.by == "column":
            yield _cell(vr, cells, column=column)
        if value.by == "cell":
            yield from (_cell(vr, one, row, column) for row, one in enumerate(cells, 1) if one is not None)


def _cell(vr: str, value: Any, row: int | None = None, column: int | None = None) -> Dataset:  # noqa: ANN401
    ds = Dataset()
    if row:
        ds.TableRowNumber = row
    if column:
        ds.TableColumnNumber = column
    ds.SelectorAttributeVR = vr
    setattr(ds, f"Selector{vr}Value", value)
    return ds


def _coordinates(value: Sequence[float], _dialect: Dialect) -> list[DataElement]:
    return [_element("GraphicData", list(value)), _element("GraphicType", "POINT")]


_VALUES: Mapping[str, Callable[[Any, Dialect], list[DataElement]]] = {
    "CONTAINER": lambda _, __: [_element("ContinuityOfContent", "SEPARATE")],
    "CODE": lambda value, dialect: [_element("ConceptCodeSequence", [coded(*dialect.code(value))])],
    "TEXT": lambda value, _: [_element("TextValue", value)],
    "PNAME": lambda value, _: [_element("PersonName", value)],
    "UIDREF": lambda value, _: [_element("UID", value)],
    "DATETIME": lambda value, _: [_element("DateTime", value)],
    "NUM": _num,
    "IMAGE": _image,
    "TABLE": _table,
    "SCOORD3D": _coordinates,
}
