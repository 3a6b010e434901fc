"""What a new installation may begin with: physicists and radiation protection officers are told, made when asked for.

Accounts become recipients with their own address; nothing that is there already is changed, so pressing twice adds
nothing. Act at once by e-mail and banner, watch in the daily digest, info as a banner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose.scope import Permission, Role, Scope
from dose.store.alert_recipients import (
    LANGUAGES,
    Person,
    RecipientRefused,
    add_group,
    add_recipient,
    add_route,
    set_groups,
)
from dose.store.outbox import AT_ONCE, DIGEST
from dose.store.outbox_address import BANNER, EMAIL
from dose.tables import AppUser, Recipient, RecipientGroup, RecipientMember, Route, UserRole, UserSite

ROLES = (Role.PHYSICIST, Role.PROTECTION_OFFICER)
ROUTES = (("act", EMAIL, AT_ONCE), ("act", BANNER, AT_ONCE), ("watch", EMAIL, DIGEST), ("info", BANNER, AT_ONCE))


@dataclass(frozen=True, slots=True)
class Made:
    """How many of each were added."""

    recipients: int
    groups: int
    routes: int


def make_defaults(session: Session, who: Scope, names: Mapping[Role, str]) -> Made:
    """Add a recipient for each active account of `ROLES`, a group a role under its name of `names`, and the routes.

    Raises
    ------
    NotPermitted
        Without the permission, or for who is limited to sites: these groups are all sites'.
    """
    who.require(Permission.MANAGE_NOTICES)
    before = _counts(session)
    for role in ROLES:
        group_id = _group(session, who, names[role])
        for user in _accounts(session, role):
            _join(session, who, _recipient(session, who, user), group_id)
        for severity, channel, mode in ROUTES:
            add_route(session, who, group_id, severity, channel, mode)
    return Made(*(now - then for now, then in zip(_counts(session), before, strict=True)))


def _counts(session: Session) -> tuple[int, ...]:
    tables = (Recipient, RecipientGroup, Route)
    return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def _group(session: Session, who: Scope, name: str) -> int:
    there = session.scalar(select(RecipientGroup.id).where(RecipientGroup.name == name))
    return there if there is not None else add_group(session, who, name)


def _accounts(session: Session, role: Role) -> list[AppUser]:
    of_role = select(AppUser).join(UserRole, UserRole.user_id == AppUser.id)
    return list(session.scalars(of_role.where(UserRole.role == role.value, AppUser.active).order_by(AppUser.id)))


def _recipient(session: Session, who: Scope, user: AppUser) -> int:
    there = session.scalar(select(Recipient.id).where(Recipient.user_id == user.id))
    if there is not None:
        return there
    sites = session.scalars(select(UserSite.site_id).where(UserSite.user_id == user.id)).all()
    language = user.language if user.language in LANGUAGES else LANGUAGES[0]
    wanted = Person(user.username or user.email.partition("@")[0], user.email, language=language, user_id=user.id,
                    site_id=sites[0] if len(sites) == 1 else None)  # fmt: skip
    try:
        return add_recipient(session, who, wanted)
    except RecipientRefused:  # the name people sign in with need not be an address: the banner is left
        return add_recipient(session, who, Person(f"#{user.id}", language=language, user_id=user.id))


def _join(session: Session, who: Scope, recipient_id: int, group_id: int) -> None:
    mine = select(RecipientMember.group_id).where(RecipientMember.recipient_id == recipient_id)
    set_groups(session, who, recipient_id, {*session.scalars(mine), group_id})
