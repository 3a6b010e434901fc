"""Words of what the linter finds in a text to patients."""

from __future__ import annotations

from collections.abc import Mapping

from dash_app.i18n import N_, _
from dose.notify.lint import Finding

FIELDS: Mapping[str, str] = {
    "site": N_("the name of the site"),
    "link": N_("the link to the document"),
    "code": N_("the code that opens it"),
    "date": N_("the date of the examination"),
    "phone": N_("whom patients may ask"),
    "stop": N_("the link that ends the messages"),
    "dose": N_("the reported dose values"),
}
FINDINGS: Mapping[str, str] = {
    "language": N_("There is no such language."),
    "channel": N_("There is no such channel."),
    "empty": N_("The text is empty."),
    "subject": N_("An e-mail needs a subject without code, link and doses; a text message has none."),
    "braces": N_("A brace { or } has no partner."),
    "not-plain": N_("A field holds its name alone."),
    "unknown-field": N_("There is no such field."),
    "missing-field": N_("This field is missing."),
    "dose-values": N_("The site does not state doses in messages: allow it in the settings below first."),
    "link": N_("A link of another place: only the two links of the fields are allowed."),
    "control-character": N_("A character that cannot be seen."),
    "direction-override": N_("A character that turns the direction of the text around."),
    "not-a-text-character": N_("A picture or another character that not every telephone shows."),
    "too-long": N_("Too long at its longest."),
    "wide": N_("These letters make each part hold 70 letters instead of 160."),
    "script": N_("No Arabic letter in an Arabic text."),
    "medical-word": N_("A medical word: whoever reads the telephone of somebody else learns it."),
    "reply": N_("Answers are not heard here: the link ends the messages."),
    "risk-word": N_("A word of risk: it belongs in a conversation."),
    "risk-number": N_("A share or a percentage: it belongs in a conversation."),
}


def said(found: Finding) -> str:
    """What was found, in a sentence."""
    return _(FINDINGS[found.code]) if found.code in FINDINGS else found.code
