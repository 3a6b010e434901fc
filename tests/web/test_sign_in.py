"""Signing in, staying out, and what the audit says about it."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import select
from werkzeug.test import TestResponse

from dash_app import auth, guard
from dash_app.auth import Account, OneTimeCodes
from dose import accounts
from dose.audit import Action
from dose.database import writing
from dose.scope import Role
from dose.tables import AppUser, AuditEntry
from tests.web.conftest import ORIGIN, PASSWORD, Site, address, sign_in, twice, value
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


def test_a_browser_cannot_talk_a_view_off_the_record(site: Site) -> None:
    client, before = site.as_(Role.MANAGER), last_entry(site).id
    repeated = replace(study(2), inputs=[*study(2).inputs[:2], value("study-tick", "n_intervals", 9)])
    repeated.send(client)
    assert (last_entry(site).action, last_entry(site).id) == (Action.VIEW_STUDY, before + 1)
    seen = value("studies-seen", "data", {"search": "?q=z&Name%5EAnn=1", "version": 0})
    listed = replace(LIST, inputs=[value("url", "search", "?q=z&Name%5EAnn=1"), LIST.inputs[1]])
    replace(listed, state=[listed.state[0], seen]).send(client)
    assert (last_entry(site).id, last_entry(site).detail["filters"]) == (before + 2, ["q"])
    repeated.send(client)
    assert last_entry(site).id == before + 2  # a page that keeps itself fresh is one view


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
    client, thief = site.client(), site.client()
    sign_in(client, account(site, "leaving"))
    copied = client.get_cookie("dacs_session")
    assert copied is not None
    client.post("/logout", data={guard.CSRF_FIELD: twice(client)}, headers={"Origin": ORIGIN})
    assert last_entry(site).action == Action.SIGN_OUT
    assert client.get("/studies").status_code == 401
    thief.set_cookie("dacs_session", copied.value)
    assert thief.get("/studies").status_code == 401


@pytest.mark.parametrize("where", ["/login", "/login?include_auth_token"])
def test_nothing_but_a_session_opens_anything(site: Site, where: str) -> None:
    client, other = site.client(), site.client()
    known = form_of(client.get("/login").text) | {"email": account(site, f"token{len(where)}"), "password": PASSWORD}
    headers = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client)}
    answer = client.post(where, json=known | {"remember": True}, headers=headers)
    assert answer.status_code == 200
    assert not any(cookie.startswith("remember") for cookie in answer.headers.getlist("Set-Cookie"))
    token = answer.get_json()["response"]["user"].get("authentication_token", "none")
    assert other.get("/live/studies", headers={"Authentication-Token": token}).status_code == 401
    assert other.get(f"/live/studies?auth_token={token}").status_code == 401


def test_a_code_of_the_second_step_opens_once_and_never_while_locked(site: Site) -> None:
    user = Account(id=70_001, email="codes@example.org")
    codes = OneTimeCodes({"1": "s" * 40}, "DACS")
    secret = codes.generate_totp_secret()
    code = codes.generate_totp_password(secret)
    user.locked_until = datetime.now(UTC) + timedelta(minutes=1)
    assert not codes.verify_totp(code, secret, user, 30)
    user.locked_until = None
    assert codes.verify_totp(code, secret, user, 30)
    assert not codes.verify_totp(code, secret, user, 30)


def test_what_changes_during_a_sign_in_is_not_written_back(site: Site) -> None:
    email = account(site, "meanwhile")
    with site.app.server.test_request_context("/"):
        loaded = auth.store().find_user(email=email)
        assert loaded is not None
        for _guess in range(2):  # of two requests that loaded the account before either failed
            replace_password(site, email)
            Account.track_failed_authn(loaded, "password")
        auth.store().put(loaded)
        auth.store().commit()
    with site.sessions() as session:
        user = session.scalars(select(AppUser).where(AppUser.email == email)).one()
    assert (user.failed_count, user.password) == (2, "reset")


def replace_password(site: Site, email: str) -> None:
    with writing(site.sessions) as session:
        session.scalars(select(AppUser).where(AppUser.email == email)).one().password = "reset"


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


@pytest.mark.parametrize(
    "target",
    ["//elsewhere.example/", "/%09/elsewhere.example/", "/%5Celsewhere.example", "https://a.example", "/a%0d%0aX: y"],
)
def test_a_change_of_language_leads_nowhere_else(site: Site, target: str) -> None:
    answer = site.client().get(f"/language/fr?next={target}")
    assert answer.headers["Location"] == "/"
    assert "dacs_language=fr" in answer.headers["Set-Cookie"]
