"""Decisions about many messages that stand still, each on what the person has seen of it.

A message that was decided on, tried again or reported about meanwhile is left as it is and counted: pressing twice, or
two people pressing at once, does nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.store.outbox import locked
from dose.store.outbox_doubts import drop, send_again

SEND, LET_BE = "send", "drop"
# Why, as people choose it: codes, because a text may name somebody
REASONS: Mapping[str, tuple[str, ...]] = {
    SEND: ("mended", "not-arrived", "still-needed"),
    LET_BE: ("told-otherwise", "too-late", "known-arrived", "not-wanted"),
}
MOST = 500  # at once; a page shows fifty
_DO = {SEND: send_again, LET_BE: drop}


class DecisionRefused(ValueError):
    """`code` says what is wrong: what | reason | none | many."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Decided:
    """How many messages were decided on, and how many were not as they had been seen."""

    done: int
    changed: int


def seen_as(row: Row[Any]) -> str:
    """A message as it is now: another word after each change of it."""
    return f"{row.lease_number}.{int(row.changed_at.timestamp() * 1_000_000)}"


def decide_many(
    session: Session, who: Scope, seen: Mapping[int, str], what: str, reason: str, now: datetime
) -> Decided:
    """Send again, or never send, messages by row id, each as it was seen (`seen_as`).

    Parameters
    ----------
    what
        `SEND` or `LET_BE`.
    reason
        One of `REASONS`; it goes into the audit.

    Raises
    ------
    DecisionRefused
        Nothing was chosen, more than `MOST`, or no such decision or reason.
    NotPermitted
        Without the permission. Messages of other sites count as changed.
    """
    who.require(Permission.MANAGE_NOTICES)
    _check(seen, what, reason)
    done = sum(_one(session, who, number, seen[number], what, reason, now) for number in sorted(seen))
    return Decided(done, len(seen) - done)


def _check(seen: Collection[int], what: str, reason: str) -> None:
    if what not in REASONS:
        raise DecisionRefused("what")
    if reason not in REASONS[what]:
        raise DecisionRefused("reason")
    if not 0 < len(seen) <= MOST:
        raise DecisionRefused("many" if seen else "none")


def _one(session: Session, who: Scope, number: int, seen: str, what: str, reason: str, now: datetime) -> bool:
    row = locked(session, number)
    if row is None or seen_as(row) != seen:
        return False
    try:
        return _DO[what](session, who, number, now, reason)
    except NotPermitted:  # of another site: it was not theirs to see
        return False
