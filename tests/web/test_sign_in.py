"""Signing in, staying out, and what the audit says about it."""

from __future__ import annotations

import re
import time

import pytest
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import select
from werkzeug.test import TestResponse

from dash_app import guard
from dose import accounts
from dose.audit import Action
from dose.database import writing
from dose.scope import Role
from dose.tables import AppUser, AuditEntry
from tests.web.conftest import ORIGIN, PASSWORD, Site, address, sign_in, twice
from tests.web.test_gate import LIST, study


def last_entry(site: Site) -> AuditEntry:
    with site.sessions() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()


def account(site: Site, name: str, **fields: bool) -> str:
    email = f"{name}@example.org"
    with writing(site.sessions) as session:
        accounts.create_user(session, email, PASSWORD, [Role.RADIOLOGIST.value], **fields)
    return email


def words(body: str) -> str:
    return re.sub(r'value="[^"]*"', "", body)


def test_an_unknown_address_and_a_wrong_password_look_alike(site: Site) -> None:
    unknown = sign_in(site.client(), "nobody@example.org", "wrong password")
    wrong = sign_in(site.client(), address(Role.ENGINEER), "wrong password")
    assert unknown.status_code == wrong.status_code == 200
    assert words(unknown.get_data(as_text=True)) == words(wrong.get_data(as_text=True))
    assert "not accepted" in wrong.get_data(as_text=True)


def test_a_failed_sign_in_is_on_record_without_the_address_typed(site: Site) -> None:
    sign_in(site.client(), "somebody.secret@example.org", "wrong password")
    entry = last_entry(site)
    assert (entry.action, entry.user_id, entry.subject_id) == (Action.SIGN_IN_FAILED, None, None)
    assert "secret" not in f"{entry.user_name}{entry.detail}"


def test_too_many_failures_lock_the_account_even_for_the_right_password(site: Site) -> None:
    email = account(site, "locked")
    client = site.client()
    for _try in range(6):
        sign_in(client, email, "wrong password")
    assert sign_in(client, email).status_code == 200
    with site.sessions() as session:
        assert session.scalars(select(AppUser).where(AppUser.email == email)).one().locked_until is not None


def test_an_address_that_tries_too_often_is_slowed_down(site: Site) -> None:
    client = site.client()
    statuses = [client.post("/login", headers={"Origin": ORIGIN}).status_code for _try in range(3)]
    assert set(statuses) == {403}  # without a token nobody gets as far as the limit
    client.get("/login")
    sent = {guard.CSRF_FIELD: twice(client)}
    assert [client.post("/login", data=sent, headers={"Origin": ORIGIN}).status_code for _try in range(21)][-1] == 429


def test_a_first_password_must_be_changed_before_anything_is_shown(site: Site) -> None:
    client = site.client()
    sign_in(client, account(site, "fresh", must_change_password=True))
    assert client.get("/studies", headers={"Accept": "text/html"}).headers["Location"] == "/change"
    assert LIST.send(client).status_code == 403
    page = client.get("/change").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    new = "another horse, another battery"
    form = {"password": PASSWORD, "new_password": new, "new_password_confirm": new, guard.CSRF_FIELD: twice(client)}
    client.post("/change", data=form | {"csrf_token": token[1] if token else ""}, headers={"Origin": ORIGIN})
    assert LIST.send(client).status_code == 200


def test_a_role_name_that_nobody_knows_grants_nothing(site: Site) -> None:
    email = account(site, "roleless")
    with writing(site.sessions) as session:
        accounts.set_roles(session, session.scalars(select(AppUser.id).where(AppUser.email == email)).one(), [])
    client = site.client()
    sign_in(client, email)
    assert LIST.send(client).status_code == 403


def test_views_are_on_record_with_row_ids_only(site: Site) -> None:
    client = site.as_(Role.RADIOLOGIST)
    LIST.send(client)
    assert (last_entry(site).action, last_entry(site).subject) == (Action.VIEW_LIST, "study")
    study(1).send(client)
    entry = last_entry(site)
    assert (entry.action, entry.subject_id) == (Action.VIEW_STUDY, 1)
    assert entry.patient_id is not None
    assert entry.user_name == address(Role.RADIOLOGIST)


def test_signing_out_ends_the_session_and_is_on_record(site: Site) -> None:
    client = site.client()
    sign_in(client, address(Role.RADIOGRAPHER))
    client.post("/logout", data={guard.CSRF_FIELD: twice(client)}, headers={"Origin": ORIGIN})
    assert last_entry(site).action == Action.SIGN_OUT
    assert client.get("/studies").status_code == 401


def form_of(page: str) -> dict[str, str]:
    """The hidden token of a page's form."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    return {"csrf_token": token[1]} if token else {}


def send(client: FlaskClient, path: str, page: str, **fields: str) -> TestResponse:
    """Send a form that a page showed."""
    data = form_of(page) | {guard.CSRF_FIELD: twice(client)} | fields
    return client.post(path, data=data, headers={"Origin": ORIGIN})


@pytest.mark.filterwarnings("ignore:Passing SelectField choices:DeprecationWarning")  # Flask-Security's form
def test_with_a_second_step_the_password_alone_opens_nothing(site: Site) -> None:
    client, email = site.client(), account(site, "careful")
    sign_in(client, email)
    page = send(client, "/tf-setup", client.get("/tf-setup").text, setup="authenticator").text
    assert 'class="qr"' in page
    key = re.search(r"<code[^>]*>([^<]+)<", page)
    where = re.search(r'action="(/tf-setup/[^"]+)"', page)
    assert key
    assert where
    code = TOTP(key=key[1]).generate().token
    assert send(client, where[1], page, code=code).headers["Location"].endswith("/account")

    again = site.client()
    sign_in(again, email)
    page = again.get("/tf-validate").text
    assert LIST.send(again).status_code == 401
    wrong = send(again, "/tf-validate", page, code="000000")
    assert "not valid" in wrong.text
    later = TOTP(key=key[1]).generate(time.time() + 30).token  # the one above was used up
    send(again, "/tf-validate", wrong.text, code=later)
    assert LIST.send(again).status_code == 200


def test_a_password_change_goes_nowhere_else(site: Site) -> None:
    answer = site.client().get("/language/fr?next=//elsewhere.example/")
    assert answer.headers["Location"] == "/"
    assert "dacs_language=fr" in answer.headers["Set-Cookie"]
