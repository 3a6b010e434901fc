"""Last-writer-wins registers: one rank per field of a row, so that merging commutes and repeats harmlessly.

`ranks` is kept as {rank: [fields]}: nearly always all fields of a row come from one object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Ranks = dict[str, list[str]]


def merge(ranks: Ranks, stated: Mapping[str, Any], rank: str) -> tuple[dict[str, Any], Ranks]:
    """The fields that the object of `rank` now sets, and the ranks after it.

    None states nothing. An object outranks itself: read again by a better reader, it corrects what it said.
    """
    by_field = {field: held for held, fields in ranks.items() for field in fields}
    won = {field: value for field, value in stated.items() if value is not None and rank >= by_field.get(field, "")}
    by_field |= dict.fromkeys(won, rank)
    return won, pack(by_field)


def pack(by_field: Mapping[str, str]) -> Ranks:
    """Ranks by field as they are kept."""
    packed: Ranks = {}
    for field in sorted(by_field):
        packed.setdefault(by_field[field], []).append(field)
    return packed


def forget(ranks: Ranks, gone: set[str]) -> tuple[set[str], Ranks]:
    """The fields that objects of the ranks `gone` had set, and the ranks without them."""
    fields = {field for rank in gone for field in ranks.get(rank, ())}
    return fields, {rank: kept for rank, kept in ranks.items() if rank not in gone}
