"""Pieces of the page of texts to patients: the editor, what the linter finds, telephones that show it, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.notice_text_words import FIELDS, said
from dash_app.components.notice_words import CHANNELS
from dash_app.components.parts import badge, icon, table
from dash_app.components.values import free, ltr, plain_number, when
from dash_app.filters import address
from dash_app.i18n import LANGUAGES, RIGHT_TO_LEFT, _, isolated, ngettext
from dash_app.tell_ids import TellId
from dose.errors import DoseError
from dose.notify import parts as sms
from dose.notify.channel import REFERENCE_LETTERS
from dose.notify.lint import Finding
from dose.notify.templates import Filled, Template, fill
from dose.store.notice_settings import SavedSettings
from dose.store.notice_templates import TextVersion

PATH = "/notices/texts"
_BASE = "="  # of `DACS_SMS_PRICES`: the price of a part to any number that has none of its own


def choices(sites: Sequence[SavedSettings], said_: Mapping[str, str], chosen: SavedSettings) -> html.Div:
    """Ways to another site, channel and language."""
    here = {"site": str(chosen.site_id), "channel": said_["channel"], "language": said_["language"]}
    rows: list[Mapping[str, Any]] = [{str(one.site_id): free(one.site) for one in sites} if len(sites) > 1 else {}]
    rows += [{code: _(CHANNELS[code]) for code in ("sms", "email")}, LANGUAGES]
    names = ("site", "channel", "language")
    return html.Div(
        [html.Div([_way(here, name, code, text) for code, text in row.items()], className="shortcuts")
         for name, row in zip(names, rows, strict=True) if row]
    )  # fmt: skip


def _way(here: Mapping[str, str], name: str, code: str, text: Any) -> dcc.Link:  # noqa: ANN401 - a component
    current = " current" if here[name] == code else ""
    shown = html.Span(text, lang=code) if name == "language" else text
    return dcc.Link(shown, href=address({**here, name: code}, PATH), className=f"button small{current}")


def editor(template: Template) -> html.Div:
    """The text, and the subject of an e-mail."""
    direction = "rtl" if template.language in RIGHT_TO_LEFT else "ltr"
    told = {"dir": direction, "lang": template.language, "spellCheck": "true"}
    subject = dmc.TextInput(
        id=TellId.TEXT_SUBJECT, label=_("Subject"), value=template.subject, debounce=300,
        inputProps=told | {"maxLength": 200}, style={} if template.channel == "email" else {"display": "none"},
    )  # fmt: skip
    text = dmc.Textarea(
        id=TellId.TEXT_TEXT, label=_("Text"), value=template.text, autosize=True, minRows=4, debounce=300,
        inputProps=told | {"maxLength": 5000},
    )  # fmt: skip
    fields = [html.Li([ltr("{" + name + "}", "code"), " ", _(words)]) for name, words in FIELDS.items()]
    save = html.Button([icon("ok"), _("Put this text in force")], id=TellId.TEXT_SAVE, className="button primary")
    help_ = html.Details([html.Summary(_("Fields"), className="quiet"), html.Ul(fields, className="plain-list")])
    return html.Div([subject, text, help_, html.Div(save, className="form-end")], className="text-editor")


def sample(site: SavedSettings, public_url: str) -> dict[str, str]:
    """What the fields hold in a preview: nobody's link and code."""
    return {
        "site": site.site, "link": f"{public_url}/d/0123456789abcdef", "code": "123456",
        "date": date.today().isoformat(), "phone": site.settings.contact or "+222 00 00 00 00",  # noqa: DTZ011
        "stop": f"{public_url}/s/0123456789abcdef", "dose": "DLP 415.8 mGy.cm",
    }  # fmt: skip


def filled(template: Template, values: Mapping[str, str]) -> Filled | None:
    """The text with the sample's values; None while it cannot be filled in."""
    try:
        return fill(template, values)
    except DoseError:
        return None


def verdict(template: Template, found: Sequence[Finding], values: Mapping[str, str], prices: str) -> html.Div:
    """What the linter says, how long the text is and what it costs."""
    fits = not any(one.level == "error" for one in found)
    head = badge(_("may be used"), "fine", "ok") if fits else badge(_("cannot be used yet"), "red", "note")
    lines = [html.Li([badge(_("error"), "red") if one.level == "error" else badge(_("note"), "amber"), " ", said(one),
                      " ", ltr(one.detail, "code") if one.detail else None]) for one in found]  # fmt: skip
    return html.Div([head, _size(template, values, prices), html.Ul(lines, className="plain-list findings")])


def _size(template: Template, values: Mapping[str, str], prices: str) -> Any:  # noqa: ANN401 - a component
    shown = filled(template, values)
    if template.channel != "sms" or shown is None:
        return None
    size = sms.size(sms.with_reference(shown.text, "X" * REFERENCE_LETTERS))
    parts: list[Any] = [ngettext("%(n)s letter", "%(n)s letters", len(shown.text)), " · ",
                        html.Strong(ngettext("%(n)s part", "%(n)s parts", size.parts)), " · ",
                        ltr(size.encoding.upper())]  # fmt: skip
    price = base_price(prices)
    if price is not None:
        parts += [" · ", _("about %(price)s a message", price=isolated(f"{price * size.parts:.3g}"))]
    if size.wide:
        parts += [html.Div([_("Letters outside the short alphabet:"), " ", free(" ".join(size.wide[:20]), "code")],
                           className="second")]  # fmt: skip
    return html.P(parts, className="quiet")


def base_price(prices: str) -> float | None:
    """The price of a part to numbers without one of their own, from `DACS_SMS_PRICES`; None: none is set."""
    found = next((one.strip()[len(_BASE) :] for one in prices.split(",") if one.strip().startswith(_BASE)), "")
    return float(found) if found.replace(".", "", 1).isdigit() else None


def phones(texts: Sequence[tuple[Template, Filled | None]], current: str) -> html.Div:
    """Each language as a telephone shows it; the one that is being written first."""
    ordered = sorted(texts, key=lambda one: one[0].language != current)
    return html.Div([_phone(*one) for one in ordered], className="phones")


def _phone(template: Template, shown: Filled | None) -> html.Figure:
    direction = "rtl" if template.language in RIGHT_TO_LEFT else "ltr"
    text = shown.text if shown is not None else _("This text cannot be filled in.")
    subject = html.Strong(shown.subject, className="phone-subject") if shown and shown.subject else None
    bubble = html.Div([subject, html.Div(text, className="phone-text")], className="phone-bubble", dir=direction,
                      lang=template.language)  # fmt: skip
    name = html.Figcaption(LANGUAGES[template.language], lang=template.language)
    return html.Figure([name, html.Div(bubble, className="phone")])


def version_table(rows: Sequence[TextVersion], here: Mapping[str, str], shown: int, zone: str) -> html.Div:
    """All versions with the way to look at each; saving one puts it in force again."""
    heads = [html.Th(text, scope="col") for text in (_("Version"), _("Text"), _("By"), _("When"), "")]
    return table(heads, [_version(one, here, shown, rows[0].version, zone) for one in rows], "stack")


def _version(one: TextVersion, here: Mapping[str, str], shown: int, newest: int, zone: str) -> html.Tr:
    force = badge(_("newest"), "fine", "ok") if one.version == newest else None
    load = dcc.Link(_("Load"), href=address({**here, "version": str(one.version)}, PATH), className="button small")
    cells: list[Any] = [
        [plain_number(one.version), " ", force],
        html.Span(one.template.text, className="second", dir="auto", lang=one.template.language),
        ltr(one.made_by) if one.version else _("shipped"),
        when(one.made_at, zone) if one.made_at else None,
        None if one.version == shown else load,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(one.version))
