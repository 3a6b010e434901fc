"""Finding content items in a built report, to spoil one thing in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy

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


def shuffled(ds: Dataset, seed: int) -> Dataset:
    """Return a copy of the report with the items inside each container in another order.

    Containers of one concept keep their order among themselves: they are counted by it.
    """
    chance, ds = random.Random(seed), deepcopy(ds)  # noqa: S311 - an order, not a secret
    for parent in [*walk(ds)]:
        if parent.get("ContentSequence"):
            items = list(parent.ContentSequence)
            ranks = {id(item): chance.random() for item in items}
            parent.ContentSequence = _in_order(sorted(items, key=lambda item: ranks[id(item)]), items)
    return ds


def _in_order(mixed: list[Dataset], before: list[Dataset]) -> list[Dataset]:
    """Return the mixed items, those of one concept in the order they had before."""
    waiting: dict[str | None, list[Dataset]] = {}
    for item in before:
        waiting.setdefault(_name(item), []).append(item)
    return [waiting[_name(item)].pop(0) for item in mixed]


def _name(item: Dataset) -> str | None:
    name = item.get("ConceptNameCodeSequence")
    return name[0].get("CodeValue") if name else None
