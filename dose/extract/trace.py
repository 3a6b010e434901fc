"""Where every field of a report comes from: path, value and unit as sent, conversion; or why it is None.

Nothing of this is stored: it is recomputed from the kept object, by the same tables that read it.
"""

from __future__ import annotations

from dose.extract import Source, read
from dose.extract.limits import DEFAULT, Limits
from dose.extract.reading import Traced

__all__ = ["Traced", "trace"]


def trace(source: Source, limits: Limits = DEFAULT) -> list[Traced]:
    """Return one line for every value a field was read from, and one for every field left empty.

    Parameters
    ----------
    source : bytes-like, mmap or path
        The object, as for `dose.extract.extract`.
    limits : Limits
        What reading may cost.

    Returns
    -------
    list of Traced
        `subject` is `event`, `accumulated` (with `index`, from 0 in document order) or `study`; `field` the
        field's name in `dose.model`; `path` the item's position and concept, or the header's tag; `value` and
        `unit` as sent; `conversion` the factor to the canonical unit; `reason` why the field is None, else None.

    Raises
    ------
    BadObject
        As `dose.extract.extract`.
    """
    lines: list[Traced] = []
    read(source, limits, lines)
    return lines
