"""The language of a request: gettext catalogues, direction, and text that survives right-to-left.

Catalogues are the committed `.po` files; they are compiled in memory at the first use, so nobody has to.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import cast

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import g, has_request_context, request
from flask_login import current_user

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = {"en": "English", "fr": "Français", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})
COOKIE = "dacs_language"
ISOLATE_LTR, POP_ISOLATE = "\u2066", "\u2069"


@cache
def translations(language: str) -> NullTranslations:
    """The compiled catalogue of a language; English is the source."""
    path = LOCALES / language / "LC_MESSAGES" / "messages.po"
    if language == "en" or not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """The language of this request: the account's, else the cookie's, else the browser's."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        g.language = _choose()
    return cast("str", g.language)


def _choose() -> str:
    for wish in (getattr(current_user, "language", None), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return cast("str", wish)
    return request.accept_languages.best_match(LANGUAGES) or "en"


def direction() -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language() in RIGHT_TO_LEFT else "ltr"


def _(message: str, **values: object) -> str:
    """Translate, then fill in `%(name)s` places."""
    text = translations(language()).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """Translate by number; Arabic has six forms."""
    text = translations(language()).ngettext(singular, plural, count)
    return text % {"n": isolated(str(count)), **values}


def N_(message: str) -> str:  # noqa: N802 - gettext's name for *mark, translate later*
    """Mark a text of a table for the catalogues."""
    return message


def isolated(text: str) -> str:
    """Keep numbers, units, dates and ids in their own order inside right-to-left text."""
    return f"{ISOLATE_LTR}{text}{POP_ISOLATE}"
