"""What every request needs: settings, sessions, and who is asking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app, g, request
from flask_login import current_user
from sqlalchemy.orm import Session, sessionmaker

from dose import audit
from dose.alerting import judging
from dose.database import writing
from dose.pacs import OrthancClient
from dose.scope import Permission, Scope
from dose.settings import Settings

KEY = "dacs"
NOBODY = Scope(None, "nobody")
BELIEVED_SECONDS = 600  # longer than a study page looks again by itself
REMEMBERED = 10_000
_viewed: dict[tuple[Any, ...], float] = {}


@dataclass(frozen=True, slots=True)
class Web:
    """The parts that the web app was made with."""

    settings: Settings
    sessions: sessionmaker[Session]
    orthanc: OrthancClient


def web() -> Web:
    """The parts of the running app."""
    return cast("Web", current_app.extensions[KEY])


def scope() -> Scope:
    """The scope of the person who makes this request; nobody's when not signed in."""
    if not current_user.is_authenticated:
        return NOBODY
    if "scope" not in g:
        g.scope = current_user.scope()
    return cast("Scope", g.scope)


@contextmanager
def reading(permission: Permission) -> Iterator[tuple[Session, Scope]]:
    """A session for one page's questions; raises `NotPermitted` before any of them is asked."""
    who = scope()
    who.require(permission)
    with web().sessions() as session:
        yield session, who


@contextmanager
def changing(permission: Permission) -> Iterator[tuple[Session, Scope]]:
    """One write transaction of a person who may make it; studies that it changes are judged by the rules of alerts."""
    who = scope()
    who.require(permission)
    with judging(web().sessions) as session:
        yield session, who


def note(action: audit.Action, *, who: Scope | None = None, **fields: Any) -> None:  # noqa: ANN401 - see audit.record
    """Write one audit entry in a transaction of its own."""
    with writing(web().sessions) as session:
        audit.record(session, who or scope(), action, address=request.remote_addr, **fields)


def note_view(action: audit.Action, what: object, *, again: bool, **fields: Any) -> None:  # noqa: ANN401 - see `note`
    """Write one audit entry for a view of `what`, but not for each look of a page that keeps itself fresh.

    That a look is such a repetition (`again`) is what the browser says: it is believed only for ten minutes after
    an entry, so that nobody views anything without one.
    """
    key, now = (scope().user_id, action, what), time.monotonic()
    if again and now - _viewed.get(key, -BELIEVED_SECONDS) < BELIEVED_SECONDS:
        return
    if len(_viewed) >= REMEMBERED:
        _viewed.clear()  # costs further entries, never a missing one
    _viewed[key] = now
    note(action, **fields)
