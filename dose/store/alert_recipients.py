"""Who is told of alerts: recipients, groups, and the routes from an alert to a group, in the caller's transaction.

A recipient is changed in place; who changes a version that is not the present one is refused (`changed`). Removing one
removes name and addresses, and cancels what was not begun; what was sent stays in the outbox without them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, delete, literal, or_, select
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.scope import Permission, Scope
from dose.store.outbox import AT_ONCE, DIGEST, OUTBOX, cancel
from dose.store.outbox_address import BANNER, EMAIL, RECIPIENT_GONE, SMS, account_may_hear
from dose.tables import AppUser, Recipient, RecipientGroup, RecipientMember, Route, Site

LANGUAGES = ("en", "fr", "ar")
SEVERITIES = ("info", "watch", "act")
CHANNELS, MODES = (EMAIL, SMS, BANNER), (AT_ONCE, DIGEST)
MINUTES_A_DAY = 24 * 60
CONTROL = "control-character"
_MARKS = " \u200e\u200f\u061c\u2066\u2067\u2068\u2069"


class RecipientRefused(ValueError):
    """`code` says what is wrong: name | email | phone | language | quiet | user | site | gone | changed | taken | …

    `detail` says why: of an address the code of `dose.notify.addresses.WrongAddress`, of a name `empty`, `too-long` or
    `control-character`, of `changed` who changed it. What was typed is not repeated.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient as somebody wants it. Quiet hours in minutes after local midnight, both or none of them."""

    name: str
    email: str | None = None
    phone: str | None = None
    language: str = "en"
    site_id: int | None = None
    user_id: int | None = None
    quiet_from: int | None = None
    quiet_to: int | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """One way to tell one recipient."""

    recipient_id: int
    channel: str
    mode: str
    language: str
    is_paused: bool = False  # a person paused every route that leads here: it waits


def add_recipient(session: Session, who: Scope, person: Person, country: str | None = None) -> int:
    """Add a recipient; the id. `country` (ISO 3166) is that of a number without +; None: it must have one.

    Raises
    ------
    RecipientRefused
        name | email | phone | language | quiet | user | site.
    NotPermitted
        Without the permission, or at another site.
    """
    _permit(who, person.site_id)
    _free_account(session, person.user_id)
    made = Recipient(**_checked(session, person, country), **_changed(who))
    session.add(made)
    session.flush()
    _note(session, who, "add recipient", made.id)
    return made.id


def change_recipient(
    session: Session, who: Scope, recipient_id: int, version: int, person: Person, country: str | None = None
) -> None:
    """Change a recipient; another address makes a bounced one good again. Raises as `add_recipient`, gone, changed."""
    row = _recipient(session, who, recipient_id, version)
    _permit(who, person.site_id)
    _free_account(session, person.user_id, recipient_id)
    said = _checked(session, person, country)
    if said["email"] != row.email:
        row.bounced_at = row.bounce_reason = None
    _write(row, who, said)
    _note(session, who, "change recipient", recipient_id)


def switch_recipient(session: Session, who: Scope, recipient_id: int, version: int, *, active: bool) -> None:
    """Stop telling somebody, or begin again. What waits is cancelled as it is about to be sent."""
    row = _recipient(session, who, recipient_id, version)
    _write(row, who, {"active": active})
    _note(session, who, "switch recipient", recipient_id, active=active)


def mend_recipient(session: Session, who: Scope, recipient_id: int, version: int) -> None:
    """Say that the same address works again, as when a mailbox was full: mail goes there from now on.

    What was parked meanwhile stays parked: whether an old message is still worth sending is a decision of its own.
    """
    row = _recipient(session, who, recipient_id, version)
    _write(row, who, {"bounced_at": None, "bounce_reason": None})
    _note(session, who, "mend recipient", recipient_id)


def remove_recipient(session: Session, who: Scope, recipient_id: int, version: int) -> int:
    """Remove somebody and all addresses; how many messages were cancelled by it."""
    row = _recipient(session, who, recipient_id, version)
    stopped = cancel(session, OUTBOX.c.recipient_id == recipient_id, RECIPIENT_GONE, datetime.now(UTC))
    session.delete(row)
    session.flush()
    _note(session, who, "remove recipient", recipient_id, cancelled=stopped)
    return stopped


def bounced(session: Session, recipient_id: int, reason: str, at: datetime) -> bool:
    """Note that mail to somebody came back: none goes there until the address changes. False: no such recipient."""
    row = session.get(Recipient, recipient_id, with_for_update=True)
    if row is None:
        return False
    row.bounced_at, row.bounce_reason = at, " ".join(reason.split())[:200]
    session.flush()
    return True


def add_group(session: Session, who: Scope, name: str, site_id: int | None = None) -> int:
    """Add a group; the id. Raises `RecipientRefused` name | taken | site."""
    _permit(who, site_id)
    wanted = _name(name)
    if session.scalar(select(RecipientGroup.id).where(RecipientGroup.name == wanted)) is not None:
        raise RecipientRefused("taken")
    made = RecipientGroup(name=wanted, site_id=_site(session, site_id))
    session.add(made)
    session.flush()
    _note(session, who, "add group", made.id)
    return made.id


def set_members(session: Session, who: Scope, group_id: int, recipient_ids: Collection[int]) -> None:
    """Say who is in a group. Raises `RecipientRefused` gone: the group, or one of the recipients."""
    _group(session, who, group_id)
    wanted = set(recipient_ids)
    known = set(session.scalars(select(Recipient.id).where(Recipient.id.in_(wanted))))
    if wanted != known:
        raise RecipientRefused("gone")
    session.execute(delete(RecipientMember).where(RecipientMember.group_id == group_id))
    session.add_all(RecipientMember(group_id=group_id, recipient_id=one) for one in sorted(wanted))
    session.flush()
    _note(session, who, "change group", group_id, count=len(wanted))


def set_groups(session: Session, who: Scope, recipient_id: int, group_ids: Collection[int]) -> None:
    """Say which groups a recipient is in; those of other sites stay as they are. Raises `RecipientRefused` gone."""
    mine = RecipientMember.recipient_id == recipient_id
    present = set(session.scalars(select(RecipientMember.group_id).where(mine)))
    wanted = set(group_ids)
    for group_id in sorted(present ^ wanted):
        _group(session, who, group_id)
    session.execute(delete(RecipientMember).where(mine, RecipientMember.group_id.in_(present - wanted)))
    session.add_all(RecipientMember(group_id=one, recipient_id=recipient_id) for one in sorted(wanted - present))
    session.flush()
    if present != wanted:
        _note(session, who, "change groups of recipient", recipient_id, count=len(wanted))


def remove_group(session: Session, who: Scope, group_id: int) -> None:
    """Remove a group with its routes; its recipients stay. Raises `RecipientRefused` gone; paused: a route of it."""
    group = _group(session, who, group_id)
    paused = select(Route.id).where(Route.group_id == group_id, Route.paused_at.is_not(None))
    if session.scalar(paused.limit(1)) is not None:
        raise RecipientRefused("paused")
    session.delete(group)
    session.flush()
    _note(session, who, "remove group", group_id)


def add_route(
    session: Session,
    who: Scope,
    group_id: int,
    severity: str,
    channel: str,
    mode: str = AT_ONCE,
    kind: str | None = None,
    site_id: int | None = None,
) -> int:
    """Let a group hear of the alerts of a severity; the id. Raises `RecipientRefused` gone | severity | channel | mode.

    `kind` None: of every kind; `site_id` None: of every site. A route that is there already is not added twice.
    """
    _group(session, who, group_id)
    _permit(who, site_id)
    for code, value, known in (
        ("severity", severity, SEVERITIES),
        ("channel", channel, CHANNELS),
        ("mode", mode, MODES),
    ):
        if value not in known:
            raise RecipientRefused(code)
    said = {"severity": severity, "kind": kind, "site_id": _site(session, site_id), "group_id": group_id,
            "channel": channel, "mode": mode}  # fmt: skip
    if there := session.scalar(select(Route.id).filter_by(**said, active=True)):
        return there
    made = Route(**said)
    session.add(made)
    session.flush()
    _note(session, who, "add route", made.id)
    return made.id


def remove_route(session: Session, who: Scope, route_id: int) -> None:
    """Remove a route. Raises `RecipientRefused` gone; paused: it is to be resumed first."""
    row = session.get(Route, route_id, with_for_update=True)
    if row is None:
        raise RecipientRefused("gone")
    _permit(who, row.site_id)
    if row.paused_at is not None:
        raise RecipientRefused("paused")  # what waits for it would leave all at once
    session.delete(row)
    session.flush()
    _note(session, who, "remove route", route_id)


def destinations(session: Session, severity: str, kind: str, site_id: int | None) -> list[Destination]:
    """Who hears of an alert, each once a channel; *at once* wins over *digest* where two routes lead to one person.

    A recipient of one site hears of that site only, an account of those that it sees, and while it is in use. `site_id`
    None: the alert belongs to no site, as that of the disk.
    A paused route counts only where no other leads there: its messages are written, and wait.
    """
    wanted = (
        select(Recipient.id, Route.channel, Route.mode, Recipient.language, Route.paused_at.is_not(None))
        .join(RecipientMember, RecipientMember.recipient_id == Recipient.id)
        .join(Route, Route.group_id == RecipientMember.group_id)
        .join(RecipientGroup, RecipientGroup.id == Route.group_id)
        .where(Route.active, Recipient.active, Route.severity == severity)
        .where(or_(Route.kind.is_(None), Route.kind == kind), account_may_hear(literal(site_id, Integer)))
    )
    for table in (Route, Recipient, RecipientGroup):
        wanted = wanted.where(or_(table.site_id.is_(None), table.site_id == site_id))
    found: dict[tuple[int, str], Destination] = {}
    open_ways: set[tuple[int, str]] = set()
    order = (Recipient.id, Route.paused_at.is_not(None), Route.id)
    for number, channel, mode, language, is_paused in session.execute(wanted.order_by(*order)):
        if is_paused and (number, channel) in open_ways:
            continue
        open_ways |= set() if is_paused else {(number, channel)}
        if (number, channel) not in found or mode == AT_ONCE:
            found[number, channel] = Destination(number, channel, mode, language, is_paused)
    return list(found.values())


def destinations_of(session: Session, severities: Collection[str], kind: str, site_id: int | None) -> list[Destination]:
    """Who hears of any of these severities, each once a channel, as `destinations` says."""
    found: dict[tuple[int, str], Destination] = {}
    for severity in dict.fromkeys(severities):
        for to in destinations(session, severity, kind, site_id):
            if (to.recipient_id, to.channel) not in found or to.mode == AT_ONCE:
                found[to.recipient_id, to.channel] = to
    return list(found.values())


def _checked(session: Session, person: Person, country: str | None) -> dict[str, Any]:
    # Loaded here and not above: the process that reads doses routes alerts too, and types no addresses.
    from dose.notify.addresses import email_address, phone_number

    email = _address("email", person.email, email_address)
    phone = _address("phone", person.phone, lambda typed: phone_number(typed, country))
    if person.language not in LANGUAGES:
        raise RecipientRefused("language")
    quiet = (person.quiet_from, person.quiet_to)
    if (None in quiet and quiet != (None, None)) or any(
        not 0 <= one < MINUTES_A_DAY for one in quiet if one is not None
    ):
        raise RecipientRefused("quiet")
    if person.user_id is not None and session.get(AppUser, person.user_id) is None:
        raise RecipientRefused("user")
    _site(session, person.site_id)
    return asdict(person) | {"name": _name(person.name), "email": email, "phone": phone}


def _address(what: str, typed: str | None, written: Callable[[str], str]) -> str | None:
    from dose.notify.addresses import WrongAddress

    # At its ends a mark of direction came along with a copy from an Arabic page; within, it shows what is not there
    if what == "email" and _hides((typed or "").strip(_MARKS)):
        raise RecipientRefused(what, CONTROL)
    try:
        return written(typed) if typed and typed.strip() else None
    except WrongAddress as error:
        raise RecipientRefused(what, error.code) from None


def _hides(text: str) -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in text)


def _free_account(session: Session, user_id: int | None, but: int | None = None) -> None:
    """One account is one recipient: a banner would stand twice on its pages."""
    taken = select(Recipient.id).where(Recipient.user_id == user_id)
    if user_id is not None and any(one != but for one in session.scalars(taken)):
        raise RecipientRefused("user", "taken")


def _name(name: str) -> str:
    """A name in one line; what could begin a line of its own, or turn the text around, is refused, not mended."""
    if _hides(name.strip(" ")):
        raise RecipientRefused("name", CONTROL)
    said = " ".join(name.split())
    if not said or len(said) > 160:
        raise RecipientRefused("name", "too-long" if said else "empty")
    return said


def _site(session: Session, site_id: int | None) -> int | None:
    if site_id is not None and session.get(Site, site_id) is None:
        raise RecipientRefused("site")
    return site_id


def _recipient(session: Session, who: Scope, recipient_id: int, version: int) -> Recipient:
    row = session.get(Recipient, recipient_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise RecipientRefused("gone")
    _permit(who, row.site_id)
    if row.version != version:
        raise RecipientRefused("changed", row.changed_by)
    return row


def _group(session: Session, who: Scope, group_id: int) -> RecipientGroup:
    row = session.get(RecipientGroup, group_id, with_for_update=True)
    if row is None:
        raise RecipientRefused("gone")
    _permit(who, row.site_id)
    return row


def _write(row: Recipient, who: Scope, said: dict[str, Any]) -> None:
    for name, value in (said | _changed(who)).items():
        setattr(row, name, value)
    row.version += 1


def _changed(who: Scope) -> dict[str, Any]:
    return {"changed_at": datetime.now(UTC), "changed_by": who.user_name[:255]}


def _permit(who: Scope, site_id: int | None) -> None:
    """Who is limited to sites changes what is theirs and nothing that all sites share."""
    who.require(Permission.MANAGE_NOTICES)
    if who.site_ids is not None:
        who.require_site(-1 if site_id is None else site_id)


def _note(session: Session, who: Scope, what: str, number: int, **detail: Any) -> None:  # noqa: ANN401 - as record
    record(session, who, Action.RECIPIENT_CHANGE, subject=what.split()[-1], subject_id=number, what=what, **detail)
