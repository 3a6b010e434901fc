"""Finding content items in a built report, to spoil one thing in it."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from dacs.synthetic.content import Concept


def walk(ds: Dataset) -> Iterator[Dataset]:
    """Yield every content item below this one, in document order."""
    for item in ds.get("ContentSequence") or ():
        yield item
        yield from walk(item)


def find(ds: Dataset, concept: Concept | str) -> list[Dataset]:
    """Return the content items of a concept (or of a code value)."""
    wanted = {concept} if isinstance(concept, str) else {concept.value, concept.sct}
    return [item for item in walk(ds) if _name(item) in wanted]


def drop(ds: Dataset, concept: Concept | str) -> Dataset:
    """Return the report without the content items of a concept, whatever they contain."""
    doomed = {id(item) for item in find(ds, concept)}
    for parent in [ds, *walk(ds)]:
        if parent.get("ContentSequence"):
            parent.ContentSequence = [item for item in parent.ContentSequence if id(item) not in doomed]
    return ds


def _name(item: Dataset) -> str | None:
    name = item.get("ConceptNameCodeSequence")
    return name[0].get("CodeValue") if name else None
