"""Field tables of headers: `{"pka_gy_cm2": tag("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"), …}`.

A header states no units: PS3.3 fixes one for each attribute, and the row repeats it. Where several attributes state one
thing the row names them in order of preference; a value that is not zero goes before a zero.

References: DICOM PS3.3 (units of attributes), PS3.5 6.2 (DS, IS).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dose.codes import Concept, by_code
from dose.errors import TooExpensive
from dose.extract import texts
from dose.extract.document import as_code
from dose.extract.header import Image
from dose.extract.header_tags import LEAVES, SEQUENCES, path_of
from dose.extract.reading import Reading, Traced
from dose.extract.template import check
from dose.model import Code
from dose.quantities import QUANTITIES

_MOST_EVENTS = 5000
_ADDED_UP = ("exposure_time_ms", "exposure_mas")
ABSENT = "not stated in the header"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_AGREE = 0.02  # what two attributes may differ by, beyond the rounding of the coarser one, and still say the same


@dataclass(frozen=True, slots=True)
class Looked:
    """What a row is read with: the state of reading, the image, and where its lines in the trace belong."""

    reading: Reading
    image: Image
    subject: str = "event"
    index: int | None = 0

    def said(self, column: str, tag: int, unit: str | None = None) -> str:
        """Return the text of an element, '' when absent or empty; what is stated is traced."""
        text = texts.decode(self.image.values.get(tag, b""), self.reading.charset)
        if text and self.reading.trace is not None:
            self.trace(column, tag, text, unit)
        return text

    def trace(self, column: str, tag: int, text: str | None, unit: str | None = None) -> None:
        """Write down where a field comes from."""
        if self.reading.trace is None:
            return
        quantity, conversion = QUANTITIES.get(column), None
        if quantity is not None and unit is not None:
            conversion = f"× {quantity.convert(1.0, unit):.12g} = {quantity.unit}"
        path = " > ".join(path_of(one) for one in (*self.image.inside.get(tag, ()), tag))
        self.reading.trace.append(Traced(self.subject, self.index, column, path, text, unit, conversion))

    def unread(self, reason: str) -> None:
        """Say of what was traced last why it gives no value."""
        if self.reading.trace:
            self.reading.trace[-1] = replace(self.reading.trace[-1], reason=reason, conversion=None)

    def found_elsewhere(self, column: str) -> None:
        """Take back what was said last of this item: that a field is missing."""
        trace, line = self.reading.trace or [], Traced(self.subject, self.index, column, reason=ABSENT)
        for position in range(len(trace) - 1, -1, -1):
            if trace[position] == line:
                del trace[position]
            if (trace[position - 1].subject, trace[position - 1].index) != (self.subject, self.index):
                return

    def missing(self, column: str, reason: str) -> None:
        """Write down why a field is None."""
        if self.reading.trace is not None:
            self.reading.trace.append(Traced(self.subject, self.index, column, reason=reason))


ReadRow = Callable[[Looked, str], object]
Table = dict[str, ReadRow]
Fields = dict[str, object]


def bounded(events: int) -> int:
    """Return a number of events that an honest header may state.

    Raises
    ------
    TooExpensive
        It is larger than that.
    """
    if events > _MOST_EVENTS:
        raise TooExpensive("more irradiation events than any header")
    return events


def read(table: Table, looked: Looked) -> Fields:
    """Read every field of the table that the image states; absent fields are absent in the result."""
    fields: Fields = {}
    trace = looked.reading.trace
    for column, row in table.items():
        before = len(trace) if trace is not None else 0
        value = row(looked, column)
        if value is not None:
            fields[column] = value
        elif trace is not None and len(trace) == before:
            looked.missing(column, ABSENT)
    return fields


@dataclass(frozen=True, slots=True)
class Number:
    """A quantity: the attributes that state it, each with its unit, the preferred one first."""

    places: tuple[tuple[int, str], ...]
    several: bool = False

    def or_else(self, keyword: str, unit: str) -> Number:
        """Return the row with a further attribute to look at."""
        return Number((*self.places, (LEAVES[keyword][0], unit)), self.several)

    def __call__(self, looked: Looked, column: str) -> float | None:
        """Read the first attribute that is not zero, else a stated zero."""
        stated: list[tuple[float, float]] = []  # value, and what one unit of its attribute is
        for tag, unit in self.places:
            if tag not in looked.image.values:
                continue
            text = looked.said(column, tag, unit)
            values = _numbers(looked.reading, column, text, several=self.several) if text else []
            if text and not values:
                looked.unread("not a number")
            if values:
                convert = QUANTITIES[column].convert
                value = _one(looked.reading, column, [convert(one, unit) for one in values])
                stated.append((value, convert(1.0, unit)))
        if not stated:
            return None
        chosen, own = next((one for one in stated if one[0]), stated[0])
        for value, step in stated:
            if value and abs(value - chosen) > max(own, step) + _AGREE * abs(chosen):
                looked.reading.note("stated-differently", f"{column}: two attributes state it and differ")
        if QUANTITIES[column].dose:
            looked.reading.dose_read = True
        check(looked.reading, column, chosen)
        return chosen


def tag(keyword: str, unit: str) -> Number:
    """A number in the unit that PS3.3 gives this attribute."""
    return Number(((LEAVES[keyword][0], unit),))


def _one(reading: Reading, column: str, values: list[float]) -> float:
    if len(values) == 1:
        return values[0]
    reading.several.append((column, tuple(values)))
    if column in _ADDED_UP:
        return math.fsum(values)
    nonzero = [value for value in values if value] or [0.0]
    return math.fsum(nonzero) / len(nonzero)


def numbers(looked: Looked, column: str, keyword: str, unit: str) -> list[float]:
    """Return every value of a multi-valued attribute in the canonical unit of the column."""
    number = LEAVES[keyword][0]
    text = looked.said(column, number, unit)
    convert = QUANTITIES[column].convert
    return [convert(value, unit) for value in _numbers(looked.reading, column, text, several=True)] if text else []


def _numbers(reading: Reading, column: str, text: str, *, several: bool) -> list[float]:
    """Return the numbers of a DS or IS as sent; none, and a note, when it does not say which number it is."""
    parts = [part.strip(" \0") for part in text.split("\\")]
    if "," in text:
        parts = _without_commas(reading, column, text, parts, several=several)
    try:
        if "_" in text:  # Python's own digit grouping, no DICOM
            raise ValueError
        found = [float(part) for part in parts if part]
        if not all(math.isfinite(value) for value in found):
            raise ValueError
    except ValueError:
        reading.note("value-unreadable", f"{column}: not a number")
        return []
    return found


def _without_commas(reading: Reading, column: str, text: str, parts: list[str], *, several: bool) -> list[str]:
    """Read a comma as what it must stand for, the decimal point or the backslash; leave it where it may be either."""
    if several and "." in text and "\\" not in text:
        reading.note("comma-for-backslash", f"{column}: values are separated by commas")
        return [part.strip() for part in text.split(",")]
    single = not several or len(parts) > 1
    if single and all(_DECIMAL_COMMA.fullmatch(part) or "," not in part for part in parts):
        reading.note("decimal-comma", f"{column}: written with a decimal comma")
        return [part.replace(",", ".") for part in parts]
    return parts


def whole(keyword: str) -> ReadRow:
    """A whole number that is no quantity; None when it is none."""
    number = LEAVES[keyword][0]

    def read_whole(looked: Looked, column: str) -> int | None:
        text = looked.said(column, number)
        try:
            value = float(text) if text else math.nan
        except ValueError:
            return None
        return int(value) if math.isfinite(value) and value == int(value) else None

    return read_whole


def text(*keywords: str) -> ReadRow:
    """The first text that is not empty."""
    tags = [LEAVES[keyword][0] for keyword in keywords]

    def read_text(looked: Looked, column: str) -> str | None:
        return next((found for one in tags if (found := looked.said(column, one))), None)

    return read_text


def uid(keyword: str) -> ReadRow:
    """The first of possibly several UIDs."""
    number = LEAVES[keyword][0]

    def read_uid(looked: Looked, column: str) -> str | None:
        found = [part.strip() for part in looked.said(column, number).split("\\") if part.strip()]
        if len(found) > 1:
            looked.reading.note("several-event-uids", f"{column}: the image is of several events; counted as the first")
        return found[0] if found else None

    return read_uid


def choice(words: Mapping[str, str], *keywords: str) -> ReadRow:
    """A defined term as one of our words; None when the table does not know it."""
    read_text = text(*keywords)

    def read_choice(looked: Looked, column: str) -> str | None:
        said = read_text(looked, column)
        return words.get(str(said).upper()) if said else None

    return read_choice


def code_of(looked: Looked, column: str, keyword: str) -> Code | None:
    """Return the code of the first item of a code sequence."""
    number = SEQUENCES[keyword]
    for item in looked.image.items.get(number, ()):
        (scheme, value), meaning = as_code(item.values)
        if value:
            decoded = texts.decode(meaning, looked.reading.charset) or None
            looked.trace(column, number, f"({value},{scheme}) {decoded or ''}".rstrip())
            return Code(value, scheme, decoded)
    return None


def coded(keyword: str) -> ReadRow:
    """A code as sent."""
    return lambda looked, column: code_of(looked, column, keyword)


def coded_choice(table: Mapping[Concept, str], keyword: str, otherwise: ReadRow | None = None) -> ReadRow:
    """A code as one of our words, else what another row says."""
    words = by_code(table)

    def read_choice(looked: Looked, column: str) -> object:
        code = code_of(looked, column, keyword)
        word = words.get((code.scheme, code.code)) if code else None
        return word or (otherwise(looked, column) if otherwise else None)

    return read_choice


def region(looked: Looked, column: str) -> Code | None:
    """Read the anatomic region, else (0018,0015) Body Part Examined, which is a term without a coding scheme."""
    code = code_of(looked, column, "AnatomicRegionSequence")
    if code is None:
        said = looked.said(column, LEAVES["BodyPartExamined"][0])
        code = Code(said, "", said) if said else None
    return code


_MOMENTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def started(looked: Looked, column: str) -> str | None:
    """Read when the exposure began: Acquisition DateTime, else the first date with a time, else the first date.

    References: PS3.3 C.7.6.1 (0008,002A), (0008,0022), (0008,0032); C.7.6.16.2.2 (0018,9074).
    """
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        said = looked.said(column, LEAVES[keyword][0])
        found, offset = texts.moment(said) if said else (None, None)
        if found and "T" in found:
            looked.reading.offset = looked.reading.offset or offset
            return found
    for date, time in _MOMENTS:
        found = joined(_ascii(looked, date) or _ascii(looked, "StudyDate"), _ascii(looked, time))
        if found:
            looked.said(column, LEAVES[date][0])
            looked.said(column, LEAVES[time][0])
            return found
    return texts.day(looked.said(column, LEAVES["StudyDate"][0]))


def _ascii(looked: Looked, keyword: str) -> str:
    return looked.image.values.get(LEAVES[keyword][0], b"").decode("latin-1").strip(" \0")


def joined(day: str, clock: str) -> str | None:
    """Return a DA and a TM as ISO 8601, fractions kept; None unless both can be read."""
    date, time = texts.day(day), re.sub(r"[^0-9.]", "", clock)
    if not date or not time:
        return None
    found, _ = texts.moment(date.replace("-", "") + time.rstrip("."))
    return found if found and "T" in found else None


def started_frame(looked: Looked, column: str) -> str | None:
    """Read an Acquisition DateTime only: what an item of a list says of its own acquisition."""
    said = looked.said(column, LEAVES["AcquisitionDateTime"][0])
    return texts.moment(said)[0] if said else None
