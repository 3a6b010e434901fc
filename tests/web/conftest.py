"""A web app over a small seeded database, and clients signed in with each role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from dacs.demo import load_directly
from dacs.synthetic.hospital import demo_studies
from dash_app import guard
from dash_app.main import DoseDash, create_app
from dose import accounts, migrate
from dose.database import make_engine, session_factory, writing
from dose.scope import Role
from dose.settings import Settings

PASSWORD = "correct horse battery"
ORIGIN = "http://localhost"


@dataclass(frozen=True)
class Site:
    """The database, the app over it, and how to sign in."""

    sessions: sessionmaker[Session]
    app: DoseDash
    settings: Settings
    signed_in: dict[Role, FlaskClient] = field(default_factory=dict)
    addresses: Iterator[int] = field(default_factory=count)

    def client(self) -> FlaskClient:
        """A browser of its own address: sign-ins are limited by address."""
        client = self.app.server.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.1.1.{next(self.addresses)}"
        return client

    def as_(self, role: Role) -> FlaskClient:
        """A browser signed in with a role; the same one each time, since every sign-in costs an argon2 hash."""
        if role not in self.signed_in:
            self.signed_in[role] = self.client()
            assert sign_in(self.signed_in[role], address(role)).status_code == 302
        return self.signed_in[role]


def address(role: Role) -> str:
    """The e-mail address of the test account with this role."""
    return f"{role.name.lower()}@example.org"


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Fill in and send the sign-in form as a browser does."""
    page = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    form = {"email": email, "password": password, "csrf_token": token[1], guard.CSRF_FIELD: twice(client)}
    return client.post("/login", data=form, headers={"Origin": ORIGIN})


def twice(client: FlaskClient) -> str:
    """The token that this browser's cookie holds."""
    cookie = client.get_cookie(guard.CSRF_COOKIE)
    return cookie.value if cookie else ""


@dataclass(frozen=True)
class Asked:
    """A call of a Dash callback, as the browser would send it."""

    output: str
    inputs: list[dict[str, object]]
    state: list[dict[str, object]]
    pressed: int = 0  # which of the inputs changed

    def send(self, client: FlaskClient, **headers: str) -> TestResponse:
        """Send it with token and origin."""
        outputs = [
            {"id": part.rpartition(".")[0], "property": part.rpartition(".")[2]}
            for part in self.output.strip(".").split("...")
        ]
        changed = [f"{one['id']}.{one['property']}" for one in self.inputs[self.pressed :][:1]]
        body = {
            "output": self.output,
            "outputs": outputs if self.output.startswith("..") else outputs[0],
            "inputs": self.inputs,
            "state": self.state,
            "changedPropIds": changed,
        }
        sent = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client)} | headers
        return client.post("/_dash-update-component", json=body, headers=sent)


def value(component: str, prop: str, given: object) -> dict[str, object]:
    """A property of a component with its value."""
    return {"id": component, "property": prop, "value": given}


# Dash hands its callbacks to the first app of a process: all tests share one, whatever folder they stand in.
_SITES: list[Site] = []


def the_site(factory: pytest.TempPathFactory) -> Site:
    """The app over a seeded database; Orthanc is not there."""
    if not _SITES:
        folder = factory.mktemp("web")
        settings = Settings(var=folder, secret_key="s" * 40, orthanc_url="http://127.0.0.1:9", site="Test site")
        _SITES.append(Site(sessions := _seeded(settings), create_app(settings, sessions), settings))
        _SITES[0].client().get("/healthz")  # whoever answers first is given the callbacks
    return _SITES[0]


def _seeded(settings: Settings) -> sessionmaker[Session]:
    """A database with studies of the demonstration hospital and one account a role."""
    migrate.upgrade(settings.database)
    sessions = session_factory(make_engine(settings.database))
    load_directly(sessions, list(demo_studies(count=40)))
    with writing(sessions) as session:
        for role in Role:
            accounts.create_user(session, address(role), PASSWORD, [role.value])
    return sessions


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, key_ring: object) -> Site:
    """The app over a small database, with an account for each role."""
    return the_site(tmp_path_factory)
