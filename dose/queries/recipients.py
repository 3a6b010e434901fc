"""Who is told of alerts: people, groups, routes, and whom an alert of now would reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.alert_recipients import CHANNELS, Destination, destinations
from dose.store.outbox import OUTBOX, PARKED
from dose.store.outbox_address import BANNER, BOUNCED, EMAIL, NO_ADDRESS
from dose.tables import AppUser, ChannelState, Recipient, RecipientGroup, RecipientMember, Route, Site

NO_ACCOUNT = "no-account"  # a banner stands on the pages of an account
NO_CHANNEL = "no-channel"  # nobody has set it up
PAUSED = "paused"  # by a person: it waits


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """A recipient as the page shows it; `account` is the address it signs in with, None: no account.

    `quiet_from` and `quiet_to` are minutes after local midnight. `parked`: messages that wait for a person's decision.
    """

    id: int
    name: str
    user_id: int | None
    account: str | None
    email: str | None
    phone: str | None
    language: str
    site_id: int | None
    site: str | None
    active: bool
    quiet_from: int | None
    quiet_to: int | None
    bounced_at: datetime | None
    bounce_reason: str | None
    version: int
    changed_at: datetime
    changed_by: str
    groups: tuple[tuple[int, str], ...]
    parked: int

    def obstacle(self, channel: str) -> str | None:
        """Why nothing reaches it over a channel: `bounced`, `no-address`, `no-account`; None: nothing is in the way."""
        if channel == BANNER:
            return None if self.user_id else NO_ACCOUNT
        if channel == EMAIL and self.bounced_at is not None:
            return BOUNCED
        return None if (self.email if channel == EMAIL else self.phone) else NO_ADDRESS


@dataclass(frozen=True, slots=True)
class GroupRow:
    """People who are told together; `site` None: of all sites. `members` are row ids and names."""

    id: int
    name: str
    site_id: int | None
    site: str | None
    members: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class RouteRow:
    """What a group hears of, and how; kind and site None: of all."""

    id: int
    group_id: int
    severity: str
    kind: str | None
    site_id: int | None
    site: str | None
    channel: str
    mode: str
    paused_at: datetime | None
    paused_by: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One way in which one person would be told now; `obstacle` says why nothing would arrive (None: it would)."""

    person: RecipientRow
    channel: str
    mode: str
    obstacle: str | None


def people(session: Session, who: Scope, ids: Sequence[int] | None = None) -> tuple[RecipientRow, ...]:
    """All recipients by name, or those of `ids`; who is limited to sites sees theirs and those of all sites.

    Raises
    ------
    NotPermitted
        When the account may not manage notices: this names people and their addresses.
    """
    who.require(Permission.MANAGE_NOTICES)
    statement = (
        select(Recipient, AppUser.email, Site.name)
        .outerjoin(AppUser, AppUser.id == Recipient.user_id)
        .outerjoin(Site, Site.id == Recipient.site_id)
        .where(_of_sites(who, Recipient.site_id))
    )
    if ids is not None:
        statement = statement.where(Recipient.id.in_(ids))
    groups, parked = _groups_of(session), _parked(session)
    found = [
        _person(row, account, site, groups.get(row.id, ()), parked.get(row.id, 0))
        for row, account, site in session.execute(statement)
    ]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id)))


def _person(
    row: Recipient, account: str | None, site: str | None, groups: Sequence[tuple[int, str]], parked: int
) -> RecipientRow:
    return RecipientRow(
        row.id, row.name, row.user_id, account, row.email, row.phone, row.language, row.site_id, site, row.active,
        row.quiet_from, row.quiet_to, row.bounced_at, row.bounce_reason, row.version, row.changed_at, row.changed_by,
        tuple(groups), parked,
    )  # fmt: skip


def _of_sites(who: Scope, column: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    return true() if who.site_ids is None else or_(column.is_(None), column.in_(sorted(who.site_ids)))


def _groups_of(session: Session) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    pairs = select(RecipientMember.recipient_id, RecipientGroup.id, RecipientGroup.name).join(
        RecipientGroup, RecipientGroup.id == RecipientMember.group_id
    )
    for recipient_id, group_id, name in session.execute(pairs.order_by(RecipientGroup.name)):
        found[recipient_id].append((group_id, name))
    return found


def _parked(session: Session) -> dict[int, int]:
    row = OUTBOX.c
    waiting = select(row.recipient_id, func.count()).where(row.state == PARKED, row.recipient_id.is_not(None))
    return dict(session.execute(waiting.group_by(row.recipient_id)).all())


def groups(session: Session, who: Scope) -> tuple[GroupRow, ...]:
    """All groups by name, with their members; raises `NotPermitted` as `people`."""
    seen = {one.id: one for one in people(session, who)}
    members: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for one in seen.values():
        for group_id, _name in one.groups:
            members[group_id].append((one.id, one.name))
    statement = (
        select(RecipientGroup.id, RecipientGroup.name, RecipientGroup.site_id, Site.name)
        .outerjoin(Site, Site.id == RecipientGroup.site_id)
        .where(_of_sites(who, RecipientGroup.site_id))
    )
    found = [GroupRow(*row, tuple(members[row[0]])) for row in session.execute(statement)]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id)))


def routes(session: Session, who: Scope) -> tuple[RouteRow, ...]:
    """All routes in force; raises `NotPermitted` as `people`."""
    who.require(Permission.MANAGE_NOTICES)
    columns: tuple[Any, ...] = (
        Route.id,
        Route.group_id,
        Route.severity,
        Route.kind,
        Route.site_id,
        Site.name,
        Route.channel,
        Route.mode,
        Route.paused_at,
        Route.paused_by,
    )
    statement = select(*columns).outerjoin(Site, Site.id == Route.site_id).where(Route.active)
    order = (Route.channel, Route.kind, Route.site_id, Route.id)
    return tuple(
        RouteRow(*row) for row in session.execute(statement.where(_of_sites(who, Route.site_id)).order_by(*order))
    )


def told(
    session: Session, who: Scope, severity: str, kind: str, site_id: int | None, channels: Collection[str] = CHANNELS
) -> tuple[Told, ...]:
    """Whom an alert would reach now and how, by name; `site_id` None: an alert of no site, as that of the disk.

    `channels` are those that are set up.

    Raises
    ------
    NotPermitted
        As `people`, and for another site.
    """
    who.require(Permission.MANAGE_NOTICES)
    if site_id is not None:
        who.require_site(site_id)
    ways = destinations(session, severity, kind, site_id)
    known = {one.id: one for one in people(session, who, sorted({one.recipient_id for one in ways}))}
    held = set(session.scalars(select(ChannelState.channel).where(ChannelState.paused_at.is_not(None))))
    found = [
        Told(person, one.channel, one.mode, _obstacle(person, one, channels, held))
        for one in ways
        if (person := known.get(one.recipient_id))
    ]
    return tuple(sorted(found, key=lambda one: (one.person.name.casefold(), one.person.id, one.channel)))


def _obstacle(person: RecipientRow, way: Destination, channels: Collection[str], held: Collection[str]) -> str | None:
    if way.channel not in channels:
        return NO_CHANNEL
    return person.obstacle(way.channel) or (PAUSED if way.is_paused or way.channel in held else None)


def unheard(
    session: Session, who: Scope, severity: str, channels: Collection[str] = CHANNELS
) -> tuple[str | None, ...]:
    """Names of the sites where an alert of a severity would reach nobody at all; None where sites have no names yet."""
    places = sites(session, who) or ((None, None),)
    return tuple(
        name
        for number, name in places
        if not any(one.obstacle is None for one in told(session, who, severity, "", number, channels))
    )


def sites(session: Session, who: Scope) -> tuple[tuple[int | None, str | None], ...]:
    """Row ids and names of the sites of the account."""
    mine = true() if who.site_ids is None else Site.id.in_(sorted(who.site_ids))
    return tuple(
        (number, name) for number, name in session.execute(select(Site.id, Site.name).where(mine).order_by(Site.name))
    )


def accounts(session: Session, who: Scope) -> tuple[tuple[int, str], ...]:
    """Row ids and addresses of accounts that may be a recipient's; raises `NotPermitted` as `people`."""
    who.require(Permission.MANAGE_NOTICES)
    found = session.execute(select(AppUser.id, AppUser.email).where(AppUser.active).order_by(AppUser.email))
    return tuple((number, email) for number, email in found)
