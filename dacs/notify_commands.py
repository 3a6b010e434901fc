"""`dacs notify test` and `dacs notify status`."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dacs.maintenance import sessions
from dacs.notify_channels import channels
from dose.errors import ConfigError
from dose.notify.channel import REFERENCE_LETTERS, Message, Outcome, Refused, Sent
from dose.notify.messages import Frame, of_test
from dose.queries.pauses import paused
from dose.scope import system_scope
from dose.settings import Settings
from dose.store import outbox
from dose.store.alert_recipients import LANGUAGES
from dose.store.outbox import OUTBOX
from dose.store.outbox_address import EMAIL, SMS
from dose.store.outbox_channels import breaker_of, spending_of
from dose.tables import ProcessState

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
WAITING = (outbox.PENDING, outbox.LEASED, outbox.GROUPED, outbox.UNCLEAR)
FOR_A_PERSON = (outbox.PARKED, outbox.FAILED)
# What a person can do about a reason; the others are codes to look up
ADVICE = {
    "unreachable": "the server cannot be reached: look at host, port and firewall",
    "timeout": "the server did not answer in time",
    "certificate": "the server's certificate is not trusted: set DACS_MAIL_CA_FILE, or correct the host name",
    "tls": "TLS failed: look at DACS_MAIL_SECURITY and the port",
    "not-supported": "the server offers no STARTTLS or no sign-in: look at DACS_MAIL_SECURITY and the port",
    "authentication": "user, password or key were denied",
    "connection-lost": "the server hung up: look at DACS_MAIL_SECURITY and the port, and into its log",
    "smtp-530": "the server asks for a sign-in: set DACS_MAIL_USER and its password",
    "smtp-550": "the server has no such mailbox, or takes no mail from DACS_MAIL_FROM",
    "smtp-554": "the server takes no mail from DACS_MAIL_FROM, or none for this address",
    "greylisted": "the server asks to come back later: a notice is tried again by itself",
    "country-not-enabled": "the account may not write to this country: enable it at Twilio",
    "recipient-said-stop": "this number answered STOP",
}


def send_test(settings: Settings, to: str, channel: str, language: str) -> tuple[str, bool]:
    """Send one message past the outbox; what became of it in words, and whether the peer took it.

    Raises
    ------
    ConfigError
        The channel is not set up, or there is no such channel or language.
    """
    if language not in LANGUAGES:
        raise ConfigError(f"--language is one of {', '.join(LANGUAGES)}")
    made = channels(settings)
    if channel not in made:
        known = {EMAIL: "DACS_MAIL_HOST is not set", SMS: "DACS_SMS_ACCOUNT is not set"}
        raise ConfigError(known.get(channel, "--channel is email or sms"))
    said = of_test(channel, language, Frame(settings.site, settings.public_url))
    reference = "".join(secrets.choice(LETTERS) for _ in range(REFERENCE_LETTERS))
    outcome = made[channel].send(Message(reference, to.strip(), said.text, said.subject, said.html, language))
    return _told(outcome, reference), isinstance(outcome, Sent)


def _told(outcome: Outcome, reference: str) -> str:
    if isinstance(outcome, Sent):
        return f"Taken by the server as {outcome.provider_id}; reference {reference}. Look whether it arrives."
    advice = ADVICE.get(outcome.reason, "")
    reason = f"{outcome.reason}{': ' if advice else ''}{advice}"
    if isinstance(outcome, Refused):
        return f"Not sent: {reason}."
    return f"Nobody knows whether it was sent: {reason}. Reference {reference}."


def status(settings: Settings) -> tuple[str, bool]:
    """How channels and outbox are; whether nothing waits for a person, and nobody paused anything."""
    made, now = channels(settings), datetime.now(UTC)
    with sessions(settings)() as session:
        counted = select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state)
        counts = {row[0]: row[1] for row in session.execute(counted)}
        worker = session.get(ProcessState, "notify")
        lines = [f"{'worker':9} {_worker(worker, now) if settings.notices else 'off (DACS_NOTICES)'}"]
        lines += [f"{name:9} {_health(session, name, name in made, now)}" for name in (EMAIL, SMS)]
        held = paused(session, system_scope("status"))
    lines.append(f"{'outbox':9} " + (", ".join(f"{state} {n}" for state, n in sorted(counts.items())) or "empty"))
    if held is not None:
        what = ", ".join([*held.channels, *([f"{held.routes} routes"] if held.routes else [])])
        lines.append(f"{'paused':9} {what} since {held.since:%Y-%m-%d %H:%M} UTC by {held.by}: {held.waiting} wait, "
                     f"{held.urgent} of them must be told at once")  # fmt: skip
    return "\n".join(lines), held is None and not sum(counts.get(state, 0) for state in FOR_A_PERSON)


def _worker(row: ProcessState | None, now: datetime) -> str:
    if row is None:
        return "has never run"
    return f"{row.state}, heard of {int((now - row.updated_at).total_seconds())} s ago"


def _health(session: Session, name: str, is_set_up: bool, now: datetime) -> str:
    if not is_set_up:
        return "not set up"
    breaker, spent = breaker_of(session, name), spending_of(session, name, now)
    rests = (
        f"rests until {breaker.open_until:%H:%M:%S} UTC" if breaker.open_until and breaker.open_until > now else "works"
    )
    return f"{rests}, failures in a row {breaker.failures}, spent today {spent.micros / 1e6:.2f}"
