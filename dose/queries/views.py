"""Saved views of an account, and those that others share."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dose.scope import Scope
from dose.tables import SavedView


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A saved view; `own` ones can be changed."""

    id: int
    name: str
    address: str
    shared: bool
    own: bool


def saved_views(session: Session, scope: Scope) -> tuple[ViewRow, ...]:
    """One's own views, then those shared by others, by name; one statement."""
    visible = or_(SavedView.user_id == scope.user_id, SavedView.shared.is_(True))
    rows = [
        ViewRow(view.id, view.name, view.address, view.shared, view.user_id == scope.user_id)
        for view in session.scalars(select(SavedView).where(visible).order_by(SavedView.name, SavedView.id))
    ]
    return tuple(sorted(rows, key=lambda row: not row.own))
