"""What a device would add up over its events."""

from __future__ import annotations

from collections.abc import Iterable

from dacs.synthetic.content import Value


def total(events: Iterable[object], field: str) -> Value:
    """Return the sum of a field over the events that state one plain number; None when none does."""
    stated = [value for event in events if isinstance(value := getattr(event, field), (int, float))]
    return round(float(sum(stated)), 9) if stated else None
