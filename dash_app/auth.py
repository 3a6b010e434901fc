"""Sign-in with Flask-Security over our own accounts table.

Accounts are read in short sessions and written in their own transactions: a session held over the third of a
second that argon2 takes would meet *database is locked* whenever the ingest worker commits in between.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from flask import Flask, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user, user_logged_in, user_logged_out
from flask_security import LoginForm, MailUtil, RoleMixin, Security, UserMixin
from flask_security.datastore import UserDatastore
from flask_security.signals import password_changed
from flask_security.totp import Totp
from sqlalchemy import func, inspect, select, update

from dash_app import guard
from dash_app.context import NOBODY, note, web
from dash_app.i18n import LANGUAGES, _, direction, language
from dose import accounts, audit
from dose.database import writing
from dose.scope import Scope, scope_for
from dose.settings import Settings
from dose.tables import AppUser, UserRole, UserSite

FREE_FAILURES = 5  # then each further failure locks for twice as long as the one before
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(hours=1)
PER_ADDRESS = "20 per minute; 200 per hour"


class Account(UserMixin, AppUser):  # type: ignore[misc]
    """A row of `app_user` with what Flask-Security asks of a user."""

    __allow_unmapped__ = True  # the two below are not columns
    role_names: tuple[str, ...] = ()
    site_ids: frozenset[int] | None = None

    roles: list[RoleMixin] = []  # noqa: RUF012 - always empty: permissions are ours, from `dose.scope`

    def scope(self) -> Scope:
        """What this account may see and do."""
        return scope_for(self.id, self.username or self.email, list(self.role_names), self.site_ids)

    def is_locked(self, form_error: list[str] | None = None) -> bool:
        """Whether too many failures locked the account; asked by Flask-Security after the password was right."""
        locked = self.locked_until is not None and self.locked_until > datetime.now(UTC)
        if locked and form_error is not None:
            form_error.append("locked")
        return locked

    def track_failed_authn(self, _auth_type: str, tfa: bool = False) -> None:  # noqa: ARG002 - Flask-Security's
        """Count a wrong password or code; lock the account for a while after too many."""
        own = AppUser.id == self.id
        with writing(web().sessions) as session:
            # Counted by the database: guesses made at the same moment must not count as one.
            counted = update(AppUser).where(own).values(failed_count=AppUser.failed_count + 1)
            beyond = (session.scalar(counted.returning(AppUser.failed_count)) or 0) - FREE_FAILURES
            if beyond > 0:
                until = datetime.now(UTC) + min(FIRST_LOCK * 2 ** min(beyond - 1, 10), LONGEST_LOCK)
                session.execute(update(AppUser).where(own).values(locked_until=until))

    def verify_auth_token(self, data: dict[str, Any]) -> bool:  # noqa: ARG002 - Flask-Security's
        """Never: its tokens would outlive every sign-out and travel in addresses; only sessions open anything."""
        return False


class Addresses(MailUtil):
    """Addresses as hospitals have them: `.local` and other names of an intranet are as good as any."""

    def normalize(self, email: str) -> str:
        """Return the address as accounts store it."""
        return email.strip().lower()

    validate = normalize


class AccountStore(UserDatastore):
    """The datastore of Flask-Security: reads at once, writes at `commit`."""

    def find_user(self, case_insensitive: bool = False, **attribute: Any) -> Account | None:  # noqa: ANN401
        """The account with that attribute, detached from its session."""
        ((name, value),) = attribute.items()
        column = getattr(Account, name)
        matches = func.lower(column) == func.lower(value) if case_insensitive else column == value
        with web().sessions() as session:
            account = session.scalar(select(Account).where(matches))
            if account is None:
                return None
            account.role_names = tuple(session.scalars(select(UserRole.role).where(UserRole.user_id == account.id)))
            sites = frozenset(session.scalars(select(UserSite.site_id).where(UserSite.user_id == account.id)))
            account.site_ids = sites or None
            session.expunge(account)
        return account

    def find_role(self, _role: str) -> None:
        """Roles are not Flask-Security's."""

    def put(self, model: Account) -> Account:
        """Remember to write this account at `commit`."""
        g.setdefault("changed_accounts", {})[model.id] = model
        return model

    def commit(self) -> None:
        """Write what was changed of what was put, and nothing else: the rest may have changed meanwhile."""
        changed = [(number, _changed(one)) for number, one in g.pop("changed_accounts", {}).items()]
        if any(values for _number, values in changed):
            with writing(web().sessions) as session:
                for number, values in changed:
                    if values:
                        session.execute(update(AppUser).where(AppUser.id == number).values(values))


def _changed(account: Account) -> dict[str, Any]:
    state = inspect(account)
    changed = (one.key for one in state.mapper.column_attrs if state.attrs[one.key].history.has_changes())
    return {name: getattr(account, name) for name in changed}


class OneTimeCodes(Totp):
    """Codes of the second step: each opens once (RFC 6238 section 5.2), and none while the account is locked."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*args)
        self._used: dict[int, int] = {}  # account -> number of the last time step; codes live shorter than we do

    def verify_totp(self, token: str, totp_secret: str, user: UserMixin, window: int = 0) -> bool:
        """Whether the code opens."""
        return not cast("Account", user).is_locked() and bool(super().verify_totp(token, totp_secret, user, window))

    def get_last_counter(self, user: UserMixin) -> int | None:
        """The time step whose code was used last."""
        return self._used.get(user.id)

    def set_last_counter(self, user: UserMixin, tmatch: Any) -> None:  # noqa: ANN401 - passlib has no stubs
        """Remember that a code was used."""
        self._used[user.id] = tmatch.counter


class SignInForm(LoginForm):
    """E-mail and password; the page gives one answer for an unknown, a wrong and a locked account."""

    def validate(self, **fields: Any) -> bool:  # noqa: ANN401 - passed on
        """Whether the sign-in succeeds; records a failure."""
        self.remember.data = False  # a cookie of its own that would open sessions for a year
        valid = bool(super().validate(**fields))
        if not valid:
            note(audit.Action.SIGN_IN_FAILED, who=NOBODY, subject="user", subject_id=self.user and self.user.id)
        return valid


def store() -> AccountStore:
    """The datastore of the running app."""
    return cast("AccountStore", current_app.extensions["security"].datastore)


def install(server: Flask, settings: Settings) -> Security:
    """Configure Flask-Security, its limits and its audit on the server."""
    server.config.update(_configuration(settings))
    datastore = AccountStore(Account, RoleMixin)
    ours: dict[str, Any] = {"login_form": SignInForm, "mail_util_cls": Addresses, "totp_cls": OneTimeCodes}
    security = Security(server, datastore, **ours)
    limiter = Limiter(get_remote_address, app=server, storage_uri="memory://", default_limits=[])
    for endpoint in ("security.login", "security.two_factor_token_validation"):
        view = server.view_functions[endpoint]
        server.view_functions[endpoint] = cast("Any", limiter.limit(PER_ADDRESS, methods=["POST"])(view))
    user_logged_in.connect(_signed_in, server)
    user_logged_out.connect(_signed_out, server)
    password_changed.connect(_password_changed, server)
    server.context_processor(_template_values)
    return security


def _configuration(settings: Settings) -> dict[str, Any]:
    secure = settings.public_url.startswith("https://")
    return {
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_NAME": "dacs_session",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "MAX_CONTENT_LENGTH": 2_000_000,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
        "SECURITY_PASSWORD_SINGLE_HASH": True,
        "SECURITY_PASSWORD_LENGTH_MIN": accounts.SHORTEST_PASSWORD,
        "SECURITY_TRACKABLE": True,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TOTP_SECRETS": {"1": settings.secret_key},
        "SECURITY_TOTP_ISSUER": "DACS",
        "SECURITY_DATETIME_FACTORY": lambda: datetime.now(UTC),
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_FLASH_MESSAGES": True,
        "SECURITY_I18N_DIRNAME": "builtin",
        "SECURITY_POST_CHANGE_VIEW": "/account",
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account",
        "SECURITY_POST_LOGOUT_VIEW": "/login",
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_FRESHNESS": timedelta(minutes=60),
    }


def _template_values() -> dict[str, Any]:
    return {
        "_": _,
        "lang": language(),
        "text_direction": direction(),
        "languages": LANGUAGES,
        "csrf_twice": guard.csrf_token,
        "site_name": web().settings.site,
        "shortest_password": accounts.SHORTEST_PASSWORD,
    }


def _signed_in(_server: Flask, user: Account, **_rest: Any) -> None:  # noqa: ANN401 - signal
    user.failed_count, user.locked_until = 0, None
    store().put(user)
    store().commit()
    note(audit.Action.SIGN_IN, who=user.scope(), subject="user", subject_id=user.id)


def _signed_out(_server: Flask, user: Account, **_rest: Any) -> None:  # noqa: ANN401 - signal
    if getattr(user, "is_authenticated", False):
        # The session lives in the cookie: only a new name for the account ends copies of it.
        user.fs_uniquifier = uuid.uuid4().hex
        store().put(user)
        store().commit()
        note(audit.Action.SIGN_OUT, who=user.scope(), subject="user", subject_id=user.id)


def _password_changed(_server: Flask, user: Account, **_rest: Any) -> None:  # noqa: ANN401 - signal
    user.must_change_password = False
    store().put(user)
    note(audit.Action.USER_CHANGE, subject="user", subject_id=user.id, what="password", path=request.path)


def remember(**preferences: str | None) -> None:
    """Keep the language or theme of the account that asks."""
    account = store().find_user(id=current_user.id)
    if account is not None:
        for name, value in preferences.items():
            setattr(account, name, value)
        store().put(account)
        store().commit()
