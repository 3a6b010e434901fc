"""Saved views: an address of a page under a name, of one account, or shared with all."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.tables import SavedView

LONGEST_NAME, LONGEST_ADDRESS, MOST = 80, 6000, 200


def save_view(session: Session, scope: Scope, name: str, address: str) -> int | None:
    """Keep an address under a name; one of the same name now leads there. Its row id; None when it cannot be kept.

    Not kept are a view without a name or of too long an address, and more than 200 of one account. `address` is a
    local address whose parameters that may name a patient are sealed already.
    """
    clean = " ".join(name.split())[:LONGEST_NAME]
    is_local = address.startswith("/") and address[1:2] not in ("/", "\\") and len(address) <= LONGEST_ADDRESS
    if scope.user_id is None or not clean or not is_local:
        return None
    own = {view.name: view for view in session.scalars(select(SavedView).where(SavedView.user_id == scope.user_id))}
    view = own.get(clean)
    if view is None and len(own) >= MOST:
        return None
    if view is None:
        view = SavedView(user_id=scope.user_id, name=clean, shared=False)
        session.add(view)
    view.address, view.changed_at = address, datetime.now(UTC)
    session.flush()
    audit.record(session, scope, audit.Action.VIEW_SAVE, subject="view", subject_id=view.id)
    return view.id


def rename_view(session: Session, scope: Scope, view_id: int, name: str) -> bool:
    """Give a view another name; False when it has none or another view of the account bears it."""
    clean, view = " ".join(name.split())[:LONGEST_NAME], _own(session, scope, view_id)
    same = select(SavedView.id).where(SavedView.user_id == view.user_id, SavedView.name == clean)
    if not clean or session.scalar(same) not in (None, view_id):
        return False
    view.name, view.changed_at = clean, datetime.now(UTC)
    audit.record(session, scope, audit.Action.VIEW_SAVE, subject="view", subject_id=view_id)
    return True


def share_view(session: Session, scope: Scope, view_id: int, shared: bool) -> None:
    """Show a view to everybody, or no longer. Everybody still sees only what their own account may.

    Raises
    ------
    NotPermitted
        When the account may not share views, or the view is somebody else's.
    """
    scope.require(Permission.SHARE_VIEWS)
    view = _own(session, scope, view_id)
    view.shared, view.changed_at = shared, datetime.now(UTC)
    audit.record(session, scope, audit.Action.VIEW_SAVE, subject="view", subject_id=view_id, shared=shared)


def delete_view(session: Session, scope: Scope, view_id: int) -> None:
    """Forget a view of one's own.

    Raises
    ------
    NotPermitted
        When the view is somebody else's.
    """
    session.delete(_own(session, scope, view_id))
    audit.record(session, scope, audit.Action.VIEW_SAVE, subject="view", subject_id=view_id, removed=True)


def _own(session: Session, scope: Scope, view_id: int) -> SavedView:
    view = session.get(SavedView, view_id)
    if view is None or scope.user_id is None or view.user_id != scope.user_id:
        raise NotPermitted("somebody else's view")
    return view
