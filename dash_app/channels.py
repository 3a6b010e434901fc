"""Which channels the settings of this site make ready."""

from __future__ import annotations

from dash_app.context import web
from dose.store.outbox_address import BANNER, EMAIL, SMS


def channels_set_up() -> frozenset[str]:
    """Names of the channels over which messages leave; none while the site sends no notices."""
    settings = web().settings
    ready = {EMAIL: settings.mail_host, SMS: settings.sms_account, BANNER: "always"}
    return frozenset(name for name, setting in ready.items() if setting) if settings.notices else frozenset()
