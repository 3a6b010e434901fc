"""Notices to patients: texts of the site with a few fields, and the defaults it starts from.

A template is plain text with `{field}`; nothing is evaluated, there are no formats and no attributes. The fields are
the whole list: a name, a number or an examination cannot get into a text message because no field holds it.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass

from dose.errors import DoseError
from dose.notify.texts import RIGHT_TO_LEFT, one_line, page

LANGUAGES = ("en", "fr", "ar")
CHANNELS = ("sms", "email")
_LEFT_TO_RIGHT = "\u200e"

# Each field with the longest text it is given, by which a linter knows how long a message can become.
FIELDS: Mapping[str, str] = {
    "site": "Centre Hospitalier Regional",
    "link": "https://dose.hospital.example/d/0123456789abcdef",
    "code": "000000",
    "date": "2026-12-31",
    "phone": "+212 600 000 000",
    "stop": "https://dose.hospital.example/s/0123456789abcdef",
    "dose": "DLP 1,415.8 mGy.cm; CTDIvol 120.2 mGy",
}


class WrongTemplate(DoseError):
    """The template cannot be filled in.

    `code` is `unknown-field`, `not-plain` (a format or an attribute), `braces` or `missing-value`; `field` names it.
    """

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(f"{code} {field}".strip())
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Template:
    """A text of a site. `subject` is for e-mail only."""

    language: str
    channel: str
    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """What goes to a channel; `html` is None for a text message."""

    subject: str
    text: str
    html: str | None


DEFAULTS: tuple[Template, ...] = (
    Template("en", "sms", "{site}: a document about your visit is ready. {link} Code {code}. No more messages: {stop}"),
    Template("fr", "sms", "{site} : un document sur votre visite est disponible. {link} Code {code}. Stop : {stop}"),
    Template("ar", "sms", "{site}: وثيقة زيارتكم جاهزة. {link} الرمز {code}. للإيقاف: {stop}"),
    Template(
        "en",
        "email",
        "A dose document of your visit on {date} is ready.\n\nOpen it with the code {code}:\n{link}\n\n"
        "Questions: {phone}\n\nNo more messages of this kind: {stop}\n\n{site}",
        "{site}: your document is ready",
    ),
    Template(
        "fr",
        "email",
        "Un document de dose de votre visite du {date} est disponible.\n\nOuvrez-le avec le code {code} :\n{link}\n\n"
        "Questions : {phone}\n\nNe plus recevoir ces messages : {stop}\n\n{site}",
        "{site} : votre document est disponible",
    ),
    Template(
        "ar",
        "email",
        "وثيقة الجرعة الخاصة بزيارتكم بتاريخ {date} جاهزة.\n\nافتحوها بالرمز {code}:\n{link}\n\n"
        "للاستفسار: {phone}\n\nلإيقاف هذه الرسائل: {stop}\n\n{site}",
        "{site}: وثيقتكم جاهزة",
    ),
)


def default(language: str, channel: str) -> Template:
    """The text a site starts from; English where the language has none.

    Raises
    ------
    KeyError
        For a channel that does not exist.
    """
    found = {(template.language, template.channel): template for template in DEFAULTS}
    return found.get((language, channel)) or found["en", channel]


def fields_of(text: str) -> tuple[str, ...]:
    """The fields of a text in order of appearance, each once.

    Raises
    ------
    WrongTemplate
        For braces that do not match, formats, conversions, attributes, and fields that do not exist.
    """
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError:
        raise WrongTemplate("braces") from None
    found: dict[str, None] = {}
    for _, field, layout, conversion in pieces:
        if field is None:
            continue
        if layout or conversion or not field.isidentifier():
            raise WrongTemplate("not-plain", field[:20])
        if field not in FIELDS:
            raise WrongTemplate("unknown-field", field[:20])
        found[field] = None
    return tuple(found)


def fill(template: Template, values: Mapping[str, str]) -> Filled:
    """The message of a template; values lose line breaks and hidden characters, and are never read as templates.

    Raises
    ------
    WrongTemplate
        When a field has no value, or the template itself is wrong.
    """
    if template.language in RIGHT_TO_LEFT:
        values = {field: _upright(value) for field, value in values.items()}
    text = _filled(template.text, values)
    subject = one_line(_filled(template.subject, values))
    return Filled(subject, text, page(text, template.language) if template.channel == "email" else None)


def _upright(value: str) -> str:
    """A date or a number in groups keeps its order in an Arabic line: a mark of direction goes before it."""
    in_groups = value[:1] in "+0123456789" and (" " in value or "-" in value)
    return f"{_LEFT_TO_RIGHT}{value}" if value and in_groups else value


def _filled(text: str, values: Mapping[str, str]) -> str:
    for field in fields_of(text):
        if not values.get(field, "").strip():
            raise WrongTemplate("missing-value", field)
    return "".join(
        literal + (one_line(values[field]) if field else "") for literal, field, _, _ in string.Formatter().parse(text)
    )
