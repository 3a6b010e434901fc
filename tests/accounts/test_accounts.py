"""Accounts, their passwords and what they may see."""

from __future__ import annotations

import pytest

from dose import accounts
from dose.database import writing
from dose.errors import ConfigError, NotPermitted
from dose.scope import Permission, Role
from dose.tables import AppUser, Site


def test_the_first_administrator_gets_a_password_once(factory):
    with writing(factory) as session:
        password = accounts.first_administrator(session, "Admin@Example.org")
    with writing(factory) as session:
        assert password
        assert accounts.first_administrator(session, "admin@example.org") is None
        user = session.query(AppUser).one()
        assert user.email == "admin@example.org"
        assert user.must_change_password
        assert password not in user.password
        assert accounts.scope_of(session, user.id).may(Permission.MANAGE_USERS)


def test_an_account_sees_its_roles_and_sites_only(factory):
    with writing(factory) as session:
        site = Site(name="North")
        session.add_all([site, Site(name="South")])
        session.flush()
        user = accounts.create_user(session, "r@x.org", "a long password", [Role.RADIOLOGIST], site_ids=[site.id])
        scope = accounts.scope_of(session, user.id)
        assert scope.site_ids == {site.id}
        assert scope.may(Permission.VIEW_PATIENTS)
        assert not scope.may(Permission.VIEW_SYSTEM)


def test_an_account_without_sites_sees_all_and_one_without_roles_nothing(factory):
    with writing(factory) as session:
        user = accounts.create_user(session, "r@x.org", "a long password", [])
        scope = accounts.scope_of(session, user.id)
    assert scope.site_ids is None
    assert scope.permissions == frozenset()


def test_an_inactive_or_absent_account_has_no_scope(factory):
    with writing(factory) as session:
        user = accounts.create_user(session, "r@x.org", "a long password", [Role.ADMINISTRATOR])
        user.active = False
        session.flush()
        for user_id in (user.id, 999):
            with pytest.raises(NotPermitted):
                accounts.scope_of(session, user_id)


@pytest.mark.parametrize(
    ("email", "password", "role"),
    [
        ("taken@x.org", "a long password", "radiologist"),
        ("b@x.org", "short", "radiologist"),
        ("c@x.org", "a long password", "king"),
    ],
)
def test_what_cannot_be_an_account_is_refused(factory, email, password, role):
    with writing(factory) as session:
        accounts.create_user(session, "taken@x.org", "a long password", ["radiologist"])
        session.commit()
        with pytest.raises(ConfigError):
            accounts.create_user(session, email, password, [role])
        session.rollback()


def test_a_new_password_ends_open_sessions():
    user = AppUser()
    accounts.set_password(user, "the first password")
    before = user.fs_uniquifier
    accounts.set_password(user, "the second password")
    assert user.fs_uniquifier != before


def test_the_hash_is_the_one_that_the_sign_in_page_verifies():
    argon2 = pytest.importorskip("argon2")
    user = AppUser()
    accounts.set_password(user, "pâssword with 1 accent")
    assert user.password.startswith("$argon2id$")
    # Flask-Security normalises to NFKD before it verifies: the composed and the decomposed letter are one password.
    assert argon2.PasswordHasher().verify(user.password, "pa\u0302ssword with 1 accent")
