"""Accounts: made, given roles and sites, turned into a `Scope`; signing in itself is the web app's.

Passwords are argon2id hashes of the NFKD-normalised text, as Flask-Security 5.9 reads and writes them with
SECURITY_PASSWORD_HASH = "argon2", SECURITY_PASSWORD_SINGLE_HASH = True and its default normalisation.
"""

from __future__ import annotations

import secrets
import unicodedata
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from dose.errors import ConfigError, NotPermitted
from dose.scope import Role, Scope, scope_for
from dose.tables import AppUser, UserRole, UserSite

SHORTEST_PASSWORD = 12


def create_user(
    session: Session,
    email: str,
    password: str,
    roles: Collection[str],
    *,
    site_ids: Collection[int] = (),
    must_change_password: bool = False,
) -> AppUser:
    """Add an account to the session; no `site_ids` means all sites.

    Raises
    ------
    ConfigError
        When the address is taken, a role is unknown or the password shorter than twelve characters.
    """
    address = email.strip().lower()
    if session.scalar(select(exists().where(AppUser.email == address))):
        raise ConfigError("an account with this address exists already")
    user = AppUser(
        email=address,
        active=True,
        fs_uniquifier=uuid.uuid4().hex,
        must_change_password=must_change_password,
        created_at=datetime.now(UTC),
        preferences={},
    )
    set_password(user, password)
    session.add(user)
    session.flush()
    set_roles(session, user.id, roles)
    session.add_all(UserSite(user_id=user.id, site_id=site_id) for site_id in sorted(set(site_ids)))
    session.flush()
    return user


def first_administrator(session: Session, email: str) -> str | None:
    """Make the first account and return its random password, shown once; None when there is an account already."""
    if session.scalar(select(exists().where(AppUser.id.is_not(None)))):
        return None
    password = secrets.token_urlsafe(12)
    create_user(session, email, password, [Role.ADMINISTRATOR.value], must_change_password=True)
    return password


def set_password(user: AppUser, password: str) -> None:
    """Give an account a new password and end its open sessions; raises `ConfigError` when it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigError(f"a password needs at least {SHORTEST_PASSWORD} characters")
    user.password = _hasher().hash(_normal(password))
    user.fs_uniquifier = uuid.uuid4().hex


def set_roles(session: Session, user_id: int, roles: Collection[str]) -> None:
    """Replace an account's roles; raises `ConfigError` for a role that is not in `dose.scope.Role`."""
    unknown = sorted(set(roles) - {role.value for role in Role})
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is not a role")
    session.execute(delete(UserRole).where(UserRole.user_id == user_id))
    session.add_all(UserRole(user_id=user_id, role=role) for role in sorted(set(roles)))
    session.flush()


def scope_of(session: Session, user_id: int) -> Scope:
    """What an account may see and do; raises `NotPermitted` when it is absent or switched off."""
    user = session.get(AppUser, user_id)
    if user is None or not user.active:
        raise NotPermitted("the account is not active")
    roles = list(session.scalars(select(UserRole.role).where(UserRole.user_id == user_id)))
    sites = frozenset(session.scalars(select(UserSite.site_id).where(UserSite.user_id == user_id)))
    return scope_for(user_id, user.email, roles, sites or None)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKD", password)


@lru_cache(maxsize=1)
def _hasher() -> Any:  # noqa: ANN401 - argon2 comes with the web extra
    try:
        from argon2 import PasswordHasher
    except ImportError:
        raise ConfigError("accounts need argon2-cffi: install the extra `web`") from None
    return PasswordHasher()
