"""Words of messages to colleagues and patients: states, channels, and why something did not go."""

from __future__ import annotations

from collections.abc import Mapping

from dash_app.components.patient_notice_words import WHY
from dash_app.i18n import N_, _, isolated, language
from dose.alerts import wording

CHANNELS = {"email": N_("E-mail"), "sms": N_("Text message"), "banner": N_("Banner")}
MODES = {"at_once": N_("at once"), "digest": N_("in the daily digest")}
KINDS = {"alert": N_("Alert"), "digest": N_("Digest"), "patient": N_("To a patient"), "test": N_("Test")}
# The groups of `dose.queries.notices.GROUPS`, with look and icon
STATES = {
    "waiting": (N_("waiting"), "neutral", "clock"),
    "parked": (N_("waits for a decision"), "amber", "note"),
    "unclear": (N_("unclear"), "amber", "info"),
    "failed": (N_("failed"), "red", "close"),
    "sent": (N_("sent"), "blue", "out"),
    "delivered": (N_("delivered"), "fine", "ok"),
    "cancelled": (N_("cancelled"), "neutral", "close"),
}
OUTCOMES = {
    "begun": N_("begun, no answer yet"),
    "sent": N_("taken"),
    "retry": N_("not taken, tried again"),
    "failed": N_("refused for good"),
    "unclear": N_("unclear"),
    "parked": N_("waits for a decision"),
    "cancelled": N_("cancelled"),
    "not taken": N_("not taken, the peer says"),
}
REASONS: Mapping[str, str] = {
    "recipient-gone": N_("The recipient was removed or switched off."),
    "contact-gone": N_("The contact of the patient is gone."),
    "withdrawn": N_("Withdrawn meanwhile: the alert, or the consent of a patient."),
    "closed": N_("The alert was closed before it went."),
    "alert-gone": N_("The alert is not there any more."),
    "day-cap": N_("What a day may cost is spent: it goes tomorrow."),
    "put-back": N_("The sending process ended before it went: it is sent again."),
    "cannot-be-written": N_("The text could not be made; the log of the server says why."),
    "paused": N_("A person paused this way: it waits until it is resumed."),
    "outside-hours": N_("It is outside the hours of the site: it goes when they begin again."),
    "excluded": N_("The patient is on a list of people who are not written to."),
    "bounced": N_("Mail to this address came back: mend the address among the recipients."),
    "no-address": N_("The recipient has no address for this channel."),
    "empty": N_("Nothing was left to tell, or the address is empty."),
    "lease-over": N_("The sending process stopped in between: the peer is asked before anything is sent again."),
    "not taken": N_("The peer says that it was not taken: it is sent again."),
    "not-taken": N_("The peer says that it was not taken: it is sent again."),
    "unclear": N_("Nobody can say whether it arrived."),
    "cannot-say": N_("Mail servers cannot say later whether they took a message."),
    "no-answer": N_("The answer of the peer was lost: it may have been taken."),
    "no-answer-after-data": N_("The answer of the peer was lost: it may have been taken."),
    "odd-answer": N_("The answer of the peer made no sense."),
    "odd-answer-after-data": N_("The answer of the peer made no sense: it may have been taken."),
    "too-early": N_("The peer could not say yet."),
    "too-slow-to-search": N_("The list of the peer was too long to be searched."),
    "too-many-to-search": N_("The list of the peer was too long to be searched."),
    "greylisted": N_("The mail server asked to come back later."),
    "not-sendable": N_("The message could not be written for this address."),
    "authentication": N_("User name or password of the channel are wrong."),
    "certificate": N_("The certificate of the server is not trusted."),
    "tls": N_("The encrypted connection failed."),
    "not-supported": N_("The server does not offer what was asked for."),
    "timeout": N_("The server did not answer in time."),
    "connection-lost": N_("The connection broke."),
    "unreachable": N_("The server could not be reached."),
    "too-many": N_("The provider takes no more messages at the moment."),
    "country-not-enabled": N_("The account may not send to this country."),
    "recipient-said-stop": N_("The recipient answered STOP."),
    "no-route": N_("The provider has no way to this number."),
    "not-a-mobile": N_("No mobile number."),
    "phone-off": N_("The phone was off or out of reach."),
    "blocked": N_("The network blocked the message."),
    "unknown-number": N_("The number is not in use."),
    "landline": N_("A fixed line takes no text messages."),
    "filtered": N_("The network took it for unwanted mail."),
    "too-long": N_("Too long."),
    "control-character": N_("It holds invisible characters, such as line breaks or marks that turn the text around."),
    "not-an-address": N_("Not an e-mail address."),
    "not-ascii": N_("Letters before the @ that most mail servers cannot deliver."),
    "not-a-number": N_("Not a phone number."),
    "letters": N_("A phone number has no letters."),
    "extension": N_("A number with an extension takes no text messages."),
    "no-country": N_("Write the number with + and the code of its country."),
    "impossible": N_("No such number can exist in that country."),
    "fixed-line": N_("A fixed line takes no text messages."),
    "toll-free": N_("Numbers of this kind take no text messages."),
    "premium-rate": N_("Numbers of this kind take no text messages."),
    "shared-cost": N_("Numbers of this kind take no text messages."),
    "pager": N_("Numbers of this kind take no text messages."),
    "company-number": N_("Numbers of this kind take no text messages."),
    "voicemail": N_("Numbers of this kind take no text messages."),
}
# Why a person decided on a message as they did: the codes of `dose.store.outbox_decide`
DECIDED: Mapping[str, str] = {
    "mended": N_("what stood in the way is mended"),
    "not-arrived": N_("it did not arrive"),
    "still-needed": N_("it is still needed"),
    "told-otherwise": N_("told in another way"),
    "too-late": N_("too late to be of use"),
    "known-arrived": N_("it is known to have arrived"),
    "not-wanted": N_("nobody wants it"),
}
# Codes of peers: what stands before the dash says whose they are
_PEERS = {
    "smtp": N_("The mail server refused it (%(code)s)."),
    "http": N_("The provider answered with an error (%(code)s)."),
    "twilio": N_("The provider refused it (%(code)s)."),
}
OBSTACLES = {
    "bounced": N_("its mail comes back"),
    "no-address": N_("no address for it"),
    "no-account": N_("no account, so no pages to show it on"),
    "no-channel": N_("this channel is not set up"),
    "paused": N_("paused by a person"),
}


def reason(code: str | None) -> str:
    """Why, in words; a code without words, which a newer version may have written, stays as it is."""
    if not code:
        return ""
    found = REASONS.get(code) or WHY.get(code) or DECIDED.get(code)
    if found:
        return _(found)
    peer, dash, number = code.partition("-")
    if dash and peer in _PEERS:
        return _(_PEERS[peer], code=isolated(f"{peer.upper()} {number}"))
    return code


def kind_of_rules(kind: str | None) -> str:
    """The name of a kind of alerts; None: of every kind."""
    return wording.kind_name(kind, language()) if kind else _("every kind")


def severity(code: str) -> str:
    """The name of a severity."""
    return wording.severity_name(code, language())
