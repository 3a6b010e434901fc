"""Words of notices to patients: states, reasons, what is wrong with an address or a text."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html

from dash_app.components.parts import badge
from dash_app.i18n import N_, _
from dose.store.notice_settings import NoticeRefused

STATES: Mapping[str, tuple[str, str, str]] = {
    "waiting": (N_("waiting"), "neutral", "clock"),
    "queued": (N_("handed over"), "blue", "out"),
    "opened": (N_("opened"), "fine", "ok"),
    "withdrawn": (N_("not told"), "amber", "note"),
}
# Why nobody is told: the codes of `dose.store.notice_checks` and of exclusions
WHY: Mapping[str, str] = {
    "off": N_("The site has switched notices off."),
    "not-patient": N_("A phantom or a test."),
    "demo": N_("A study of the demonstration."),
    "merged": N_("Counted with another study."),
    "no-date": N_("The study states no date."),
    "old": N_("The study was older than 30 days as it arrived, or its date lies ahead."),
    "sensitive-study": N_("The examination or its department is on the site's list of sensitive ones."),
    "no-consent": N_("No consent is recorded."),
    "no-age": N_("Nobody knows how old the patient was."),
    "no-guardian": N_("A child, and no consent of a guardian is recorded."),
    "told": N_("Told before, with this study or with one that it was merged with."),
    "deceased": N_("The patient has died."),
    "opt-out": N_("The patient wants no messages."),
    "sensitive": N_("The patient is on the list of sensitive ones."),
}
LISTS: Mapping[str, str] = {
    "deceased": N_("Deceased"),
    "opt-out": N_("Wants no messages"),
    "sensitive": N_("Sensitive"),
}
KINDS: Mapping[str, str] = {"self": N_("Patient"), "guardian": N_("Guardian of a child")}
HOW: Mapping[str, str] = {"written": N_("in writing"), "spoken": N_("spoken"), "online": N_("online")}
ENDED: Mapping[str, str] = {
    "link": N_("ended by the link in a message"),
    "reply": N_("ended by answering STOP"),
    "person": N_("ended by"),
    "replaced": N_("replaced by"),
}
REFUSED: Mapping[str, str] = {
    "kind": N_("Choose whose address this is."),
    "how": N_("Say how the consent was given."),
    "language": N_("Choose a language."),
    "contact": N_("Write a number or an e-mail address; a site that writes also says whom patients may ask."),
    "phone": N_("A text message cannot reach this number."),
    "email": N_("This is no e-mail address that mail can reach."),
    "delay": N_("The delay is between 0 and 60 days."),
    "hours": N_("Notices leave between two times of one day, the later one second."),
    "days": N_("Choose at least one day of the week that is not always closed."),
    "closed": N_("Write each closed day as 2026-12-31."),
    "zone": N_("This is no time zone such as Africa/Casablanca."),
    "majority": N_("The age of majority is between 12 and 25 years."),
    "channel": N_("Choose a channel."),
    "country": N_("Write the country as two letters, such as MR or MA."),
    "lines": N_("Each line has 2 to 80 letters, at most 200 lines."),
    "template": N_("There is no such text."),
    "gone": N_("It is not there any more."),
}
ADDRESS: Mapping[str, str] = {
    "no-country": N_("Begin with + and the country."),
    "letters": N_("It holds letters."),
    "extension": N_("It has an extension."),
    "fixed-line": N_("It is a fixed line."),
    "control-character": N_("It holds characters that cannot be seen."),
    "not-ascii": N_("Only Latin letters before the @: most servers deliver no others."),
}


def why(code: str | None) -> str:
    """Why nobody is told; a code that is new stays as it is."""
    return _(WHY[code]) if code and code in WHY else code or ""


def state(code: str) -> html.Span:
    """The state of a notice as a badge."""
    text, look, icon_name = STATES.get(code, (code, "neutral", "info"))
    return badge(_(text), look, icon_name)


def refusal(refused: NoticeRefused) -> str:
    """What is wrong, in a sentence."""
    if refused.code == "changed":
        return _("Changed meanwhile by %(who)s. Load it again.", who=f"\u2068{refused.by or '?'}\u2069")
    said = _(REFUSED[refused.code]) if refused.code in REFUSED else refused.code
    further = _(ADDRESS[refused.by]) if refused.by in ADDRESS else ""
    return f"{said} {further}".strip()
