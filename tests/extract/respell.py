"""Spoil a built report as makers do: other value types, missing containers, modifiers beside what they modify."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.build import find, walk

_VALUES = ("MeasuredValueSequence", "ConceptCodeSequence", "DateTime", "UID")


def as_text(items: Iterable[Dataset], said: str) -> None:
    """Turn items into TEXT that says so."""
    for item in items:
        for keyword in _VALUES:
            if keyword in item:
                delattr(item, keyword)
        item.ValueType, item.TextValue = "TEXT", said


def unpacked(ds: Dataset, code: str) -> None:
    """Put what every container of this code holds into its parent, and lose the container."""
    boxes = {id(box) for box in find(ds, code)}
    for parent in [ds, *walk(ds)]:
        children = parent.get("ContentSequence") or ()
        if any(id(child) in boxes for child in children):
            opened = [child.ContentSequence if id(child) in boxes else [child] for child in children]
            parent.ContentSequence = Sequence([item for items in opened for item in items])


def beside(ds: Dataset, code: str) -> None:
    """Put the children of every item of this code behind it, as its siblings."""
    wanted = {id(item) for item in find(ds, code)}
    for parent in [ds, *walk(ds)]:
        children = list(parent.get("ContentSequence") or ())
        if any(id(child) in wanted for child in children):
            spread = [
                (child, *(child.pop("ContentSequence").value if id(child) in wanted else ())) for child in children
            ]
            parent.ContentSequence = Sequence([item for items in spread for item in items])
