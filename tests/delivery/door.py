"""The door that Twilio posts to, behind the gate of the web app but without its pages.

Dash hands its callbacks to the first app of a process: one that is made here would take them from the tests of pages.
"""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from dash_app import auth, guard, hooks
from dash_app.main import _server
from dose.settings import Settings


def door(settings: Settings, sessions: sessionmaker[Session]) -> FlaskClient:
    """Somebody out there, without cookies."""
    server = _server(settings, sessions)
    guard.install(server)
    auth.install(server, settings)
    server.register_blueprint(hooks.blueprint)
    return server.test_client()
