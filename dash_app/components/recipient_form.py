"""Forms of the page of recipients: a person, a group, a way from alerts to a group, and what is to be tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.notice_words import CHANNELS, MODES, kind_of_rules, severity
from dash_app.components.recipient_parts import SEVERITIES, clock
from dash_app.filters import number
from dash_app.i18n import LANGUAGES, _
from dash_app.notice_ids import NoticeId, recipient_id
from dose.alerts.wording import codes
from dose.queries.recipients import GroupRow, RecipientRow
from dose.store.alert_recipients import LANGUAGES as SPOKEN
from dose.store.alert_recipients import MINUTES_A_DAY, Person, RecipientRefused

Choices = Sequence[tuple[int, str]]


def person_form(
    row: RecipientRow | None,
    accounts: Choices,
    sites: Choices,
    groups: Sequence[GroupRow],
    own: frozenset[int] | None = None,
) -> html.Div:
    """The fields of a recipient, filled with `row` when it is to be changed; `own`: the reader's sites (None: all)."""
    said = _said(row) if row else _said(None) | {"site_id": _only(own)}
    fields = [
        _text("name", _("Name"), said, maxLength=160),
        _select("user_id", _("Account"), _offered(accounts), said, clearable=True, searchable=True,
                placeholder=_("none: no banner")),
        _text("email", _("E-mail"), said, inputMode="email", maxLength=254, dir="ltr"),
        _text("phone", _("Mobile number"), said, inputMode="tel", maxLength=40, dir="ltr",
              placeholder="+222 22 33 44 55"),
        _select("language", _("Language"), [{"value": one, "label": LANGUAGES[one]} for one in SPOKEN], said,
                allowDeselect=False),
        _select("site_id", _("Site"), _offered(sites), said, clearable=True, placeholder=_("all sites")),
        _text("quiet_from", _("Quiet from"), said, type="time"),
        _text("quiet_to", _("until"), said, type="time"),
        dmc.MultiSelect(id=recipient_id("groups"), label=_("Groups"), value=said["groups"], size="xs",
                        data=_offered([(one.id, one.name) for one in groups])),
    ]  # fmt: skip
    hidden = [dmc.TextInput(id=recipient_id(name), value=said[name], style={"display": "none"})
              for name in ("id", "version")]  # fmt: skip
    save = html.Button(
        _("Save changes") if row else _("Add recipient"), id=NoticeId.RECIPIENT_SAVE, className="button small primary"
    )
    leave = dcc.Link(_("Leave as it was"), href="/notices/recipients", className="button small") if row else None
    note = _("Quiet hours hold back everything but triggers and suspected unintended exposures.")
    return html.Div([
        html.Div([*fields, *hidden], className="fields"),
        html.P(note, className="second"),
        html.Div([save, leave], className="form-end"),
    ])  # fmt: skip


def _said(row: RecipientRow | None) -> dict[str, Any]:
    if row is None:
        empty = dict.fromkeys(("name", "user_id", "email", "phone", "site_id", "quiet_from", "quiet_to", "id"), "")
        return {**empty, "version": "", "language": "en", "groups": []}
    return {
        "id": str(row.id), "version": str(row.version), "name": row.name, "email": row.email or "",
        "phone": row.phone or "", "user_id": str(row.user_id or ""), "site_id": str(row.site_id or ""),
        "language": row.language, "quiet_from": clock(row.quiet_from), "quiet_to": clock(row.quiet_to),
        "groups": [str(one) for one, _name in row.groups],
    }  # fmt: skip


def _text(name: str, label: str, said: Mapping[str, Any], **more: Any) -> Any:  # noqa: ANN401
    return dmc.TextInput(id=recipient_id(name), label=label, value=said[name], size="xs",
                         inputProps={"autoComplete": "off", "dir": "auto"} | more)  # fmt: skip


def _select(name: str, label: str, data: Sequence[dict[str, str]], said: Mapping[str, Any], **more: Any) -> Any:  # noqa: ANN401
    return dmc.Select(id=recipient_id(name), label=label, data=list(data), value=said[name] or None, size="xs", **more)


def _offered(found: Sequence[tuple[int | None, str | None]]) -> list[dict[str, str]]:
    return [{"value": str(one), "label": name or ""} for one, name in found]


def person_of(said: Mapping[str, Any]) -> Person:
    """What was typed, as the store takes it; it checks the rest.

    Raises
    ------
    RecipientRefused
        quiet: no time of the clock.
    """
    text = {name: str(said.get(name) or "") for name in ("name", "email", "phone", "language")}
    return Person(
        text["name"], text["email"] or None, text["phone"] or None, text["language"],
        site_id=number(said.get("site_id")), user_id=number(said.get("user_id")),
        quiet_from=_minutes(said.get("quiet_from")), quiet_to=_minutes(said.get("quiet_to")),
    )  # fmt: skip


def _minutes(typed: object) -> int | None:
    text = str(typed or "").strip()
    if not text:
        return None
    hours, colon, minutes = text.partition(":")
    if not (colon and all(one.isascii() and one.isdigit() and len(one) <= 2 for one in (hours, minutes))):
        raise RecipientRefused("quiet")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found >= MINUTES_A_DAY:
        raise RecipientRefused("quiet")
    return found


def group_form(sites: Choices, own: frozenset[int] | None) -> html.Div:
    """The fields of a new group."""
    return html.Div([
        dmc.TextInput(id=NoticeId.GROUP_NAME, label=_("Name of the group"), size="xs", inputProps={"maxLength": 160}),
        dmc.Select(id=NoticeId.GROUP_SITE, label=_("Site"), data=_offered(sites), value=_only(own), clearable=True,
                   size="xs", placeholder=_("all sites")),
        html.Button(_("Add group"), id=NoticeId.GROUP_ADD, className="button small"),
    ], className="fields")  # fmt: skip


def _only(own: frozenset[int] | None) -> str | None:
    """The site of who is limited to one."""
    return str(next(iter(own))) if own and len(own) == 1 else None


def _kinds() -> list[dict[str, str]]:
    names = {one: kind_of_rules(one) for one in codes()["kind"]}
    return [{"value": one, "label": name} for one, name in sorted(names.items(), key=lambda pair: pair[1])]


def route_form(groups: Sequence[GroupRow], sites: Choices, own: frozenset[int] | None = None) -> html.Div:
    """The fields of a way from alerts to a group."""
    kinds = _kinds()
    fields = [
        dmc.Select(id=NoticeId.ROUTE_GROUP, label=_("Group"), size="xs",
                   data=_offered([(one.id, one.name) for one in groups])),
        _of(NoticeId.ROUTE_SEVERITY, _("hears of"), {one: severity(one) for one in SEVERITIES}, "act"),
        dmc.Select(id=NoticeId.ROUTE_KIND, label=_("Kind"), data=kinds, clearable=True, searchable=True, size="xs",
                   placeholder=_("every kind")),
        dmc.Select(id=NoticeId.ROUTE_SITE, label=_("Site"), data=_offered(sites), value=_only(own), clearable=True,
                   size="xs", placeholder=_("all sites")),
        _of(NoticeId.ROUTE_CHANNEL, _("by"), {one: _(text) for one, text in CHANNELS.items()}, "email"),
        _of(NoticeId.ROUTE_MODE, _("When"), {one: _(text) for one, text in MODES.items()}, "at_once"),
        html.Button(_("Add this way"), id=NoticeId.ROUTE_ADD, className="button small"),
    ]  # fmt: skip
    return html.Div(fields, className="fields")


def _of(which: NoticeId, label: str, words: Mapping[str, str], chosen: str) -> Any:  # noqa: ANN401 - a component
    data = [{"value": one, "label": text} for one, text in words.items()]
    return dmc.Select(id=which, label=label, data=data, value=chosen, allowDeselect=False, size="xs")


def trial_form(said: Mapping[str, str], sites: Choices) -> html.Div:
    """What alert is to be tried: the controls hold what the address says."""
    kinds = _kinds()
    urgencies = {one: severity(one) for one in SEVERITIES}
    fields = [
        _of(NoticeId.TRIAL_SEVERITY, _("Urgency"), urgencies, _known(said.get("severity"))),
        dmc.Select(id=NoticeId.TRIAL_KIND, label=_("Kind"), data=kinds, value=said.get("kind"), clearable=True,
                   size="xs", placeholder=_("any")),
        dmc.Select(id=NoticeId.TRIAL_SITE, label=_("Site"), value=said.get("site"), allowDeselect=False, size="xs",
                   data=[*_offered(sites), {"value": "none", "label": _("none: of the system itself")}]),
        dmc.Checkbox(id=NoticeId.TRIAL_TRIGGER, label=_("Trigger or suspected unintended exposure"), size="xs",
                     checked=said.get("trigger") == "1"),
    ]  # fmt: skip
    return html.Div(fields, className="fields")


def _known(code: str | None) -> str:
    return code if code in SEVERITIES else SEVERITIES[0]
