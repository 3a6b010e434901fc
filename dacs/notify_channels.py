"""The channels of one installation, made from its settings. Only the process that sends imports this."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from dose.errors import ConfigError
from dose.notify import webhook
from dose.notify.channel import Channel
from dose.notify.email import EmailChannel, MailServer
from dose.notify.sms import SmsAccount, SmsChannel
from dose.settings import Settings
from dose.store.outbox_address import EMAIL, SMS

MICROS = 1_000_000


def channels(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up; banners need none.

    Raises
    ------
    ConfigError
        Something of a channel that is named is missing or wrong.
    """
    found: dict[str, Channel] = {}
    if settings.mail_host:
        found[EMAIL] = EmailChannel(_mail_server(settings))
    if settings.sms_account:
        found[SMS] = SmsChannel(_sms_account(settings))
    return found


def _mail_server(settings: Settings) -> MailServer:
    if not settings.mail_from:
        raise ConfigError("DACS_MAIL_FROM is missing: mails need a sender")
    return MailServer(
        settings.mail_host, settings.mail_from, settings.mail_port, settings.mail_security, settings.mail_user,
        settings.mail_password, settings.mail_from_name, settings.mail_ca_file, settings.mail_timeout_seconds,
    )  # fmt: skip


def _sms_account(settings: Settings) -> SmsAccount:
    by_key = bool(settings.sms_key)
    callback = settings.public_url + webhook.PATH if settings.sms_callback else ""
    if callback and not settings.sms_token:
        raise ConfigError("DACS_SMS_TOKEN is missing: without it delivery reports cannot be checked")
    return SmsAccount(
        settings.sms_account, settings.sms_key if by_key else settings.sms_account,
        settings.sms_key_secret if by_key else settings.sms_token, settings.sms_sender, callback,
        prices(settings.sms_prices), settings.sms_api_url, settings.sms_timeout_seconds,
    )  # fmt: skip


def prices(text: str) -> Mapping[str, int]:
    """Micros a part by the beginning of the number, of `=0.08,+212=0.06`."""
    pairs = (one.partition("=") for one in text.split(",") if one)
    return {start: micros(Decimal(price)) for start, _, price in pairs}


def micros(amount: Decimal | float) -> int:
    """An amount of money in millionths."""
    return round(Decimal(str(amount)) * MICROS)
