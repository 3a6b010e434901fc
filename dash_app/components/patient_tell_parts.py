"""Pieces of the section of a person's page about messages: contacts with their consent, and lists of who gets none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, section, table
from dash_app.components.patient_notice_words import ENDED, HOW, KINDS, LISTS
from dash_app.components.values import free, ltr, when
from dash_app.i18n import LANGUAGES, _
from dash_app.tell_ids import TellId, tell_id
from dose.queries.patient_notices import ContactLine, ExclusionLine
from dose.store.patient_contacts import Consent


def tell_section() -> html.Section:
    """The place of the section, before anybody is asked about."""
    held = [
        html.Div(id=TellId.TELL_ANSWER, role="status"),
        html.Div(html.Div(className="bone block"), id=TellId.TELL_BODY),
        dcc.Store(id=TellId.TELL_ACTION),
    ]
    return section(_("Messages to the patient"), held)


def _button(text: str, action: str, look: str = "") -> html.Button:
    said = attributes(data_action=action, data_target=TellId.TELL_ACTION.value)
    return html.Button(text, className=f"button small {look}".strip(), **said)


def body(contacts: Sequence[ContactLine], lists: Sequence[ExclusionLine], zone: str, language: str) -> list[Any]:
    """Contacts, the lists, and the form of a new consent in the language that the person may speak."""
    shown = _contact_table(contacts, zone) if contacts else html.P(_("No consent is recorded."), className="quiet")
    return [_lists(lists, zone), shown, _form(language)]


def _contact_table(rows: Sequence[ContactLine], zone: str) -> html.Div:
    titles = (_("Whose"), _("Number, e-mail"), _("Language"), _("Consent"), "")
    heads = [html.Th(text, scope="col") for text in titles]
    return table(heads, [_contact(row, zone) for row in rows], "stack contacts")


def _contact(row: ContactLine, zone: str) -> html.Tr:
    given = [when(row.consent_at, zone), html.Div([_(HOW.get(row.consent_how, row.consent_how)), " · ",
                                                   ltr(row.consent_by)], className="second")]  # fmt: skip
    ended = None if row.withdrawn_at is None else html.Div(_ended(row, zone), className="second")
    cells: list[Any] = [
        [
            _(KINDS.get(row.kind, row.kind)),
            " ",
            badge(_("ended"), "neutral") if ended else badge(_("in force"), "fine"),
        ],
        [html.Div(ltr(one)) for one in (row.phone, row.email) if one],
        LANGUAGES.get(row.language, row.language),
        [*given, ended],
        None if ended else _button(_("End the consent"), f"end:{row.id}"),
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id), className="off" if ended else None)


def _ended(row: ContactLine, zone: str) -> list[Any]:
    words = _(ENDED.get(row.withdrawn_how or "", row.withdrawn_how or ""))
    return [words, " ", ltr(row.withdrawn_by) if row.withdrawn_by else None, " ", when(row.withdrawn_at, zone)]


def _lists(lists: Sequence[ExclusionLine], zone: str) -> html.Div:
    on = {one.why: one for one in lists}
    return html.Div([_list(why, text, on, zone) for why, text in LISTS.items()], className="lists-of-patient")


def _list(why: str, text: str, on: Mapping[str, ExclusionLine], zone: str) -> html.Div:
    found = on.get(why)
    if found is None:
        return html.Div(_button(_("Put on the list: %(list)s", list=_(text)), f"exclude:{why}"))
    since = html.Span([ltr(found.by), " ", when(found.at, zone)], className="second")
    return html.Div([badge(_(text), "amber", "note"), " ", since, " ", _button(_("Take off"), f"include:{why}")])


def _form(language: str) -> html.Details:
    fields = [
        _choice("kind", _("Whose"), {code: _(text) for code, text in KINDS.items()}, "self"),
        _text("phone", _("Mobile number"), inputMode="tel", maxLength=40, placeholder="+222 22 33 44 55"),
        _text("email", _("E-mail"), inputMode="email", maxLength=254),
        _choice("language", _("Language"), LANGUAGES, language),
        _choice("how", _("Consent was given"), {code: _(text) for code, text in HOW.items()}, "written"),
    ]
    note = _("One contact of a kind is in force: another one replaces it. A message holds no name and no examination.")
    save = html.Button([icon("ok"), _("Record the consent")], id=TellId.TELL_SAVE, className="button small primary")
    inside = [html.Div(fields, className="fields"), html.P(note, className="second"), save]
    return html.Details([html.Summary(_("Record a consent"), className="button small"), html.Div(inside)],
                        className="more-fields")  # fmt: skip


def _choice(name: str, label: str, words: Mapping[str, str], chosen: str) -> Any:  # noqa: ANN401 - a component
    data = [{"value": one, "label": text} for one, text in words.items()]
    return dmc.Select(id=tell_id(name), label=label, data=data, value=chosen, allowDeselect=False, size="xs")


def _text(name: str, label: str, **more: Any) -> Any:  # noqa: ANN401 - a component
    said = {"autoComplete": "off", "dir": "ltr"} | more
    return dmc.TextInput(id=tell_id(name), label=label, value="", size="xs", inputProps=said)


def consent_of(said: Mapping[str, Any]) -> Consent:
    """What was typed, as the store takes it; it checks all of it."""
    text = {name: str(said.get(name) or "") for name in ("kind", "phone", "email", "language", "how")}
    return Consent(text["kind"], text["phone"] or None, text["email"] or None, text["language"], text["how"])


def answer(text: str, *, good: bool) -> html.Div:
    """What came of it."""
    return html.Div([icon("ok" if good else "note"), free(text)], className=f"message {'good' if good else 'bad'}")
